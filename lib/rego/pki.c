/* pki.c - libcrypto's EVP interface (OpenSSL 3), and no other. */
#include "rego/pki.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/mem.h"

struct pki_key {
    EVP_PKEY *pkey; // NULL: symmetric
    uint8_t *secret;
    size_t n;
};

static const struct {
    const char *name;
    enum pki_hash hash;
    int type; // EVP_PKEY_*, 0: symmetric
    int part; // bytes of r and of s (ECDSA)
} algs[PKI_ALGS] = {
    [PKI_HS256] = {"HS256", PKI_SHA256, 0, 0},
    [PKI_HS384] = {"HS384", PKI_SHA384, 0, 0},
    [PKI_HS512] = {"HS512", PKI_SHA512, 0, 0},
    [PKI_RS256] = {"RS256", PKI_SHA256, EVP_PKEY_RSA, 0},
    [PKI_RS384] = {"RS384", PKI_SHA384, EVP_PKEY_RSA, 0},
    [PKI_RS512] = {"RS512", PKI_SHA512, EVP_PKEY_RSA, 0},
    [PKI_PS256] = {"PS256", PKI_SHA256, EVP_PKEY_RSA, 0},
    [PKI_PS384] = {"PS384", PKI_SHA384, EVP_PKEY_RSA, 0},
    [PKI_PS512] = {"PS512", PKI_SHA512, EVP_PKEY_RSA, 0},
    [PKI_ES256] = {"ES256", PKI_SHA256, EVP_PKEY_EC, 32},
    [PKI_ES384] = {"ES384", PKI_SHA384, EVP_PKEY_EC, 48},
    [PKI_ES512] = {"ES512", PKI_SHA512, EVP_PKEY_EC, 66},
    [PKI_EDDSA] = {"EdDSA", PKI_SHA512, EVP_PKEY_ED25519, 0},
};

static const EVP_MD *md(enum pki_hash h)
{
    static const EVP_MD *(*const all[PKI_HASHES])(void) = {
        EVP_md5, EVP_sha1, EVP_sha256, EVP_sha384, EVP_sha512};
    return all[h]();
}

static const uint8_t *bytes(struct slice s)
{
    return (const uint8_t *)(s.p != NULL ? s.p : "");
}

size_t pki_digest(enum pki_hash h, struct slice s,
                  uint8_t out[static PKI_DIGEST_MAX])
{
    unsigned n = 0;
    if (EVP_Digest(bytes(s), s.n, out, &n, md(h), NULL) != 1)
        return 0;
    return n;
}

size_t pki_hmac(enum pki_hash h, struct slice key, struct slice s,
                uint8_t out[static PKI_DIGEST_MAX])
{
    static const char *const names[PKI_HASHES] = {"MD5", "SHA1", "SHA256",
                                                  "SHA384", "SHA512"};
    size_t n = 0;
    if (EVP_Q_mac(NULL, "HMAC", NULL, names[h], NULL, bytes(key), key.n,
                  bytes(s), s.n, out, PKI_DIGEST_MAX, &n) == NULL)
        return 0;
    return n;
}

bool pki_equal(struct slice a, struct slice b)
{
    return a.n == b.n && CRYPTO_memcmp(bytes(a), bytes(b), a.n) == 0;
}

enum pki_alg pki_alg(struct slice name)
{
    enum pki_alg a = 0;
    while (a < PKI_ALGS && !slice_is(name, algs[a].name))
        a++;
    return a;
}

/* ---- keys --------------------------------------------------------------- */

void pki_free(struct pki_key **k)
{
    if (*k == NULL)
        return;
    EVP_PKEY_free((*k)->pkey);
    if ((*k)->secret != NULL)
        OPENSSL_cleanse((*k)->secret, (*k)->n);
    free((*k)->secret);
    free(*k);
    *k = NULL;
}

enum status pki_secret(struct slice secret, struct pki_key **out)
{
    struct pki_key *k = xcalloc(1, sizeof *k);
    k->secret = try_malloc(secret.n + 1);
    if (k->secret == NULL) {
        free(k);
        return E_NOMEM;
    }
    k->n = secret.n;
    if (secret.n > 0)
        memcpy(k->secret, secret.p, secret.n);
    *out = k;
    return OK;
}

static enum status wrap(EVP_PKEY *pkey, struct pki_key **out)
{
    struct pki_key *k = xcalloc(1, sizeof *k);
    k->pkey = pkey;
    *out = k;
    return OK;
}

/* The rest of `text` behind the first PEM block is more than white space. */
static bool trailing(struct slice text)
{
    const char *end = memmem(text.p, text.n, "-----END", 8);
    if (end == NULL)
        return false;
    struct slice rest = slice_skip(text, (size_t)(end - text.p) + 8);
    const char *dash = memmem(rest.p, rest.n, "-----", 5);
    if (dash == NULL)
        return false;
    rest = slice_skip(rest, (size_t)(dash - rest.p) + 5);
    // Go's decoder takes the line's end with the block, no more
    if (rest.n > 0 && rest.p[0] == '\r')
        rest = slice_skip(rest, 1);
    if (rest.n > 0 && rest.p[0] == '\n')
        rest = slice_skip(rest, 1);
    return rest.n > 0;
}

static enum status public_key(const char *name, const uint8_t *der, long n,
                              EVP_PKEY **out, struct err *err)
{
    if (strcmp(name, "CERTIFICATE") == 0) {
        X509 *cert = d2i_X509(NULL, &der, n);
        if (cert != NULL)
            *out = X509_get_pubkey(cert);
        X509_free(cert);
        return *out != NULL ? OK
                            : err_set(err, E_INVALID, "pki",
                                      "failed to parse a PEM certificate");
    }
    if (strcmp(name, "PUBLIC KEY") == 0) {
        *out = d2i_PUBKEY(NULL, &der, n);
        return *out != NULL ? OK
                            : err_set(err, E_INVALID, "pki",
                                      "failed to parse a PEM public key");
    }
    return err_set(err, E_INVALID, "pki",
                   "failed to extract a Key from the PEM certificate");
}

enum status pki_pem(struct slice text, struct pki_key **out, struct err *err)
{
    char *name = NULL, *header = NULL;
    uint8_t *der = NULL;
    long n = 0;
    EVP_PKEY *pkey = NULL;
    if (text.n > INT32_MAX)
        return err_set(err, E_INVALID, "pki", "PEM is too long");
    BIO *in = BIO_new_mem_buf(bytes(text), (int)text.n);
    bool found = in != NULL && PEM_read_bio(in, &name, &header, &der, &n) == 1;
    BIO_free(in);
    if (!found)
        return err_set(err, E_NOT_FOUND, "pki", "no PEM");
    enum status st;
    if (trailing(text))
        st = err_set(err, E_INVALID, "pki",
                     "extra data after a PEM certificate block");
    else
        st = public_key(name, der, n, &pkey, err);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    return st == OK ? wrap(pkey, out) : st;
}

static enum status bad_jwk(struct err *err, const char *what)
{
    return err_set(err, E_INVALID, "pki", "failed to parse a JWK key (set): %s",
                   what);
}

/* The numbers of a key being put together, freed together. */
struct numbers {
    BIGNUM *bn[8];
    size_t n;
    bool failed;
};

static void push_number(OSSL_PARAM_BLD *b, struct numbers *all,
                        const char *name, struct slice s)
{
    if (s.n == 0 || all->failed)
        return;
    BIGNUM *bn = s.n <= 1024 ? BN_bin2bn(bytes(s), (int)s.n, NULL) : NULL;
    if (bn == NULL || all->n == sizeof all->bn / sizeof *all->bn) {
        BN_free(bn);
        all->failed = true;
        return;
    }
    all->bn[all->n++] = bn;
    if (OSSL_PARAM_BLD_push_BN(b, name, bn) != 1)
        all->failed = true;
}

static EVP_PKEY *assemble(const char *type, OSSL_PARAM_BLD *b, bool private)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    bool ok =
        params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &pkey,
                          private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                          params) == 1;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return ok ? pkey : NULL;
}

static EVP_PKEY *rsa_key(const struct pki_jwk *j)
{
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    struct numbers all = {.failed = b == NULL};
    push_number(b, &all, OSSL_PKEY_PARAM_RSA_N, j->n);
    push_number(b, &all, OSSL_PKEY_PARAM_RSA_E, j->e);
    push_number(b, &all, OSSL_PKEY_PARAM_RSA_D, j->d);
    if (j->p.n > 0 && j->q.n > 0 && j->dp.n > 0 && j->dq.n > 0 && j->qi.n > 0) {
        push_number(b, &all, OSSL_PKEY_PARAM_RSA_FACTOR1, j->p);
        push_number(b, &all, OSSL_PKEY_PARAM_RSA_FACTOR2, j->q);
        push_number(b, &all, OSSL_PKEY_PARAM_RSA_EXPONENT1, j->dp);
        push_number(b, &all, OSSL_PKEY_PARAM_RSA_EXPONENT2, j->dq);
        push_number(b, &all, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, j->qi);
    }
    EVP_PKEY *k = !all.failed && j->n.n > 0 && j->e.n > 0
                      ? assemble("RSA", b, j->d.n > 0)
                      : NULL;
    OSSL_PARAM_BLD_free(b);
    for (size_t i = 0; i < all.n; i++)
        BN_clear_free(all.bn[i]);
    return k;
}

static const struct {
    const char *jwk, *openssl;
    size_t bytes;
} curves[] = {{"P-256", "prime256v1", 32},
              {"P-384", "secp384r1", 48},
              {"P-521", "secp521r1", 66}};

static EVP_PKEY *ec_key(const struct pki_jwk *j)
{
    size_t i = 0;
    while (i < 3 && !slice_is(j->crv, curves[i].jwk))
        i++;
    if (i == 3 || j->x.n > curves[i].bytes || j->y.n > curves[i].bytes ||
        j->x.n == 0 || j->y.n == 0)
        return NULL;
    uint8_t point[1 + 2 * 66] = {4}; // uncompressed
    size_t w = curves[i].bytes;
    memcpy(point + 1 + w - j->x.n, j->x.p, j->x.n);
    memcpy(point + 1 + 2 * w - j->y.n, j->y.p, j->y.n);
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    struct numbers all = {.failed = b == NULL};
    EVP_PKEY *k = NULL;
    if (b != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME,
                                        curves[i].openssl, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point,
                                         1 + 2 * w) == 1) {
        push_number(b, &all, OSSL_PKEY_PARAM_PRIV_KEY, j->d);
        if (!all.failed)
            k = assemble("EC", b, j->d.n > 0);
    }
    OSSL_PARAM_BLD_free(b);
    for (size_t n = 0; n < all.n; n++)
        BN_clear_free(all.bn[n]);
    return k;
}

static EVP_PKEY *okp_key(const struct pki_jwk *j)
{
    if (!slice_is(j->crv, "Ed25519"))
        return NULL;
    if (j->d.n > 0)
        return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes(j->d),
                                            j->d.n);
    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes(j->x),
                                       j->x.n);
}

enum status pki_jwk(const struct pki_jwk *jwk, struct pki_key **out,
                    struct err *err)
{
    EVP_PKEY *k = NULL;
    if (slice_is(jwk->kty, "oct"))
        return pki_secret(jwk->k, out);
    if (slice_is(jwk->kty, "RSA"))
        k = rsa_key(jwk);
    else if (slice_is(jwk->kty, "EC"))
        k = ec_key(jwk);
    else if (slice_is(jwk->kty, "OKP"))
        k = okp_key(jwk);
    else
        return bad_jwk(err, "unknown key type");
    return k != NULL ? wrap(k, out) : bad_jwk(err, "invalid key");
}

/* ---- signatures --------------------------------------------------------- */

/* Readies a digest context for signing or verifying. */
static EVP_MD_CTX *begin(const struct pki_key *k, enum pki_alg alg, bool sign)
{
    if (k->pkey == NULL || EVP_PKEY_get_base_id(k->pkey) != algs[alg].type)
        return NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    const EVP_MD *h = alg == PKI_EDDSA ? NULL : md(algs[alg].hash);
    bool ok = ctx != NULL &&
              (sign ? EVP_DigestSignInit(ctx, &pctx, h, NULL, k->pkey)
                    : EVP_DigestVerifyInit(ctx, &pctx, h, NULL, k->pkey)) == 1;
    if (ok && (alg == PKI_PS256 || alg == PKI_PS384 || alg == PKI_PS512))
        ok = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx,
                                              sign ? RSA_PSS_SALTLEN_DIGEST
                                                   : RSA_PSS_SALTLEN_AUTO) == 1;
    if (!ok) {
        EVP_MD_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

/* r || s as the DER that libcrypto wants; NULL if the length is wrong. */
static uint8_t *ecdsa_der(struct slice sig, int part, size_t *n)
{
    if (sig.n != 2 * (size_t)part)
        return NULL;
    ECDSA_SIG *s = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(bytes(sig), part, NULL);
    BIGNUM *t = BN_bin2bn(bytes(sig) + part, part, NULL);
    uint8_t *der = NULL;
    if (s == NULL || r == NULL || t == NULL || ECDSA_SIG_set0(s, r, t) != 1) {
        BN_free(r);
        BN_free(t);
    } else {
        int len = i2d_ECDSA_SIG(s, &der);
        *n = len > 0 ? (size_t)len : 0;
        if (len <= 0)
            der = NULL;
    }
    ECDSA_SIG_free(s);
    return der;
}

bool pki_verify(const struct pki_key *k, enum pki_alg alg, struct slice data,
                struct slice sig)
{
    if (algs[alg].type == 0) {
        uint8_t mac[PKI_DIGEST_MAX];
        if (k->pkey != NULL)
            return false;
        size_t n = pki_hmac(algs[alg].hash,
                            slice((const char *)k->secret, k->n), data, mac);
        return n > 0 && pki_equal(slice((const char *)mac, n), sig);
    }
    EVP_MD_CTX *ctx = begin(k, alg, false);
    if (ctx == NULL)
        return false;
    uint8_t *der = NULL;
    size_t n = sig.n;
    const uint8_t *p = bytes(sig);
    bool ok = true;
    if (algs[alg].part > 0) {
        p = der = ecdsa_der(sig, algs[alg].part, &n);
        ok = der != NULL;
    }
    ok = ok && EVP_DigestVerify(ctx, p, n, bytes(data), data.n) == 1;
    OPENSSL_free(der);
    EVP_MD_CTX_free(ctx);
    return ok;
}

/* DER into r || s. */
static bool ecdsa_raw(const uint8_t *der, size_t len, int part, uint8_t *out)
{
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, (long)len);
    if (s == NULL)
        return false;
    bool ok = BN_bn2binpad(ECDSA_SIG_get0_r(s), out, part) == part &&
              BN_bn2binpad(ECDSA_SIG_get0_s(s), out + part, part) == part;
    ECDSA_SIG_free(s);
    return ok;
}

enum status pki_sign(const struct pki_key *k, enum pki_alg alg,
                     struct slice data, uint8_t out[static PKI_SIGNATURE_MAX],
                     size_t *n, struct err *err)
{
    if (algs[alg].type == 0 && k->pkey == NULL) {
        *n = pki_hmac(algs[alg].hash, slice((const char *)k->secret, k->n),
                      data, out);
        return OK;
    }
    EVP_MD_CTX *ctx = algs[alg].type != 0 ? begin(k, alg, true) : NULL;
    uint8_t der[PKI_SIGNATURE_MAX];
    *n = sizeof der;
    bool ok =
        ctx != NULL && EVP_DigestSign(ctx, der, n, bytes(data), data.n) == 1;
    EVP_MD_CTX_free(ctx);
    if (ok && algs[alg].part > 0) {
        ok = ecdsa_raw(der, *n, algs[alg].part, out);
        *n = 2 * (size_t)algs[alg].part;
    } else if (ok) {
        memcpy(out, der, *n);
    }
    return ok ? OK
              : err_set(err, E_INVALID, "pki",
                        "the key does not suit the algorithm %s",
                        algs[alg].name);
}

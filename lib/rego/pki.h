/* pki.h - digests, MACs, keys and signatures (libcrypto).
 *
 * The one place of this room that knows OpenSSL, beside pki_x509.c.  A key
 * belongs to the heap of the library: whoever read it frees it.  Any thread.
 */
#ifndef REGO_PKI_H
#define REGO_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum pki_hash {
    PKI_MD5,
    PKI_SHA1,
    PKI_SHA256,
    PKI_SHA384,
    PKI_SHA512,
    PKI_HASHES,
};
#define PKI_DIGEST_MAX 64

/* The digest of `s`; returns its bytes. */
size_t pki_digest(enum pki_hash h, struct slice s,
                  uint8_t out[static PKI_DIGEST_MAX]);
/* The HMAC of `s` under `key`; returns its bytes. */
size_t pki_hmac(enum pki_hash h, struct slice key, struct slice s,
                uint8_t out[static PKI_DIGEST_MAX]);
/* Same bytes?  Time depends on the lengths only. */
bool pki_equal(struct slice a, struct slice b);

/* RFC 7518 and 8037. */
enum pki_alg {
    PKI_HS256,
    PKI_HS384,
    PKI_HS512,
    PKI_RS256,
    PKI_RS384,
    PKI_RS512,
    PKI_PS256,
    PKI_PS384,
    PKI_PS512,
    PKI_ES256,
    PKI_ES384,
    PKI_ES512,
    PKI_EDDSA,
    PKI_ALGS, /* none of them */
};

/* The algorithm of a JWS "alg", or PKI_ALGS. */
enum pki_alg pki_alg(struct slice name);

struct pki_key;

/* The public key of a PEM certificate or "PUBLIC KEY".  E_NOT_FOUND: no PEM
 * at all; E_INVALID: err->text in OPA's words. */
MUST_CHECK enum status pki_pem(struct slice text, struct pki_key **out,
                               struct err *err);

/* The members of a JWK, decoded; empty: not given. */
struct pki_jwk {
    struct slice kty, crv;
    struct slice n, e, d, p, q, dp, dq, qi, x, y, k;
};
/* The key of a JWK, private if it has a `d`.  E_INVALID. */
MUST_CHECK enum status pki_jwk(const struct pki_jwk *jwk, struct pki_key **out,
                               struct err *err);

/* A symmetric key; `secret` is copied.  E_NOMEM. */
MUST_CHECK enum status pki_secret(struct slice secret, struct pki_key **out);
/* Frees and nulls. */
void pki_free(struct pki_key **k);

/* Is `sig` the signature of `data`?  False too if the key does not suit the
 * algorithm. */
bool pki_verify(const struct pki_key *k, enum pki_alg alg, struct slice data,
                struct slice sig);

#define PKI_SIGNATURE_MAX 2048
/* Signs; `*n` bytes.  E_INVALID: the key does not suit. */
MUST_CHECK enum status pki_sign(const struct pki_key *k, enum pki_alg alg,
                                struct slice data,
                                uint8_t out[static PKI_SIGNATURE_MAX],
                                size_t *n, struct err *err);

#endif

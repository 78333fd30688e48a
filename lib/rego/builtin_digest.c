/* builtin_digest.c - crypto.md5, sha1, sha256, hmac.* */
#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"
#include "rego/pki.h"

static enum builtin_status give_hex(struct builtin_ctx *c, const uint8_t *p,
                                    size_t n, struct value *out)
{
    char *text = builtin_alloc(c, 2 * n + 1);
    if (text == NULL)
        return BUILTIN_FATAL;
    for (size_t i = 0; i < n; i++) {
        text[2 * i] = "0123456789abcdef"[p[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[p[i] & 15];
    }
    *out = value_str(slice(text, 2 * n));
    return BUILTIN_OK;
}

static enum builtin_status digest(struct builtin_ctx *c,
                                  const struct value *args, enum pki_hash h,
                                  struct value *out)
{
    uint8_t raw[PKI_DIGEST_MAX];
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    if (!builtin_step(c, args[0].n / 16 + 4))
        return BUILTIN_FATAL;
    return give_hex(c, raw, pki_digest(h, value_slice(&args[0]), raw), out);
}

static enum builtin_status hmac(struct builtin_ctx *c, const struct value *args,
                                enum pki_hash h, struct value *out)
{
    uint8_t raw[PKI_DIGEST_MAX];
    if (!builtin_want_str2(c, args))
        return BUILTIN_ERROR;
    if (!builtin_step(c, (args[0].n + (uint64_t)args[1].n) / 16 + 8))
        return BUILTIN_FATAL;
    size_t n = pki_hmac(h, value_slice(&args[1]), value_slice(&args[0]), raw);
    return give_hex(c, raw, n, out);
}

#define HASH(name, f, h)                                                    \
    static enum builtin_status name(                                        \
        struct builtin_ctx *c, const struct value *args, struct value *out) \
    {                                                                       \
        return f(c, args, h, out);                                          \
    }

HASH(md5, digest, PKI_MD5)
HASH(sha1, digest, PKI_SHA1)
HASH(sha256, digest, PKI_SHA256)
HASH(hmac_md5, hmac, PKI_MD5)
HASH(hmac_sha1, hmac, PKI_SHA1)
HASH(hmac_sha256, hmac, PKI_SHA256)
HASH(hmac_sha512, hmac, PKI_SHA512)

static enum builtin_status
hmac_equal(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    if (!builtin_want_str2(c, args))
        return BUILTIN_ERROR;
    *out = value_bool(pki_equal(value_slice(&args[0]), value_slice(&args[1])));
    return BUILTIN_OK;
}

const struct builtin builtin_digest[] = {
    BUILTIN("crypto.md5", 1, "s>s", md5),
    BUILTIN("crypto.sha1", 1, "s>s", sha1),
    BUILTIN("crypto.sha256", 1, "s>s", sha256),
    BUILTIN("crypto.hmac.md5", 2, "ss>s", hmac_md5),
    BUILTIN("crypto.hmac.sha1", 2, "ss>s", hmac_sha1),
    BUILTIN("crypto.hmac.sha256", 2, "ss>s", hmac_sha256),
    BUILTIN("crypto.hmac.sha512", 2, "ss>s", hmac_sha512),
    BUILTIN("crypto.hmac.equal", 2, "ss>b", hmac_equal),
    BUILTIN_END,
};

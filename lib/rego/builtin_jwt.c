/* builtin_jwt.c - io.jwt.*: JSON Web Tokens (RFC 7515, 7519) in OPA's manner.
 *
 * A token is header.payload.signature, each base64url without padding.  Keys
 * come as PEM (a certificate or a public key), as a JWK or a JWK set.
 */
#include <string.h>

#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"
#include "rego/pki.h"

#define KEYS_MAX 64
#define NESTING_MAX 8 // tokens within tokens

struct token {
    struct slice signed_part; // header.payload as written
    struct slice part[3];
    struct value header;
};

struct jwks {
    size_t n;
    struct {
        struct pki_key *key;
        struct slice alg, kid;
    } k[KEYS_MAX];
};

static void free_keys(struct jwks *j)
{
    for (size_t i = 0; i < j->n; i++)
        pki_free(&j->k[i].key);
    j->n = 0;
}

/* Decodes into ctx->arena; `what` names the part in the message. */
static enum builtin_status decode(struct builtin_ctx *c, struct slice s,
                                  const char *what, struct slice *out)
{
    uint8_t *p = builtin_alloc(c, s.n / 4 * 3 + 4);
    size_t bad;
    if (p == NULL || !builtin_step(c, s.n / 32 + 1))
        return BUILTIN_FATAL;
    size_t n = builtin_base64(s, true, slice_ends(s, "="), p, &bad);
    if (bad != SIZE_MAX)
        return builtin_error(c, CODE_BUILTIN,
                             "JWT %s had invalid encoding: illegal base64 "
                             "data at input byte %zu",
                             what, bad);
    *out = slice((const char *)p, n);
    return BUILTIN_OK;
}

/* A decoded part as a JSON object. */
static enum builtin_status object_of(struct builtin_ctx *c, struct slice s,
                                     const char *what, struct value *out)
{
    struct err err;
    if (!builtin_step(c, s.n / 16 + 1))
        return BUILTIN_FATAL;
    if (value_parse_json(c->arena, s, out, &err) != OK)
        return builtin_error(c, CODE_BUILTIN, "invalid JSON: %s", err.text);
    if (out->kind != V_OBJECT)
        return builtin_error(c, CODE_BUILTIN,
                             "decoded JSON type was not an Object (%s)", what);
    return BUILTIN_OK;
}

/* Takes the parts; the header is read. */
static enum builtin_status split(struct builtin_ctx *c, struct slice s,
                                 struct token *t)
{
    size_t n = 1;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '.';
    if (n == 1)
        return builtin_error(c, CODE_BUILTIN,
                             "encoded JWT had no period separators");
    if (n != 3)
        return builtin_error(c, CODE_BUILTIN,
                             "encoded JWT must have 3 sections, found %zu", n);
    struct slice rest = s, header;
    for (size_t i = 0; i < 3; i++)
        t->part[i] = slice_cut(&rest, '.');
    t->signed_part = slice(s.p, t->part[0].n + 1 + t->part[1].n);
    enum builtin_status st = decode(c, t->part[0], "header", &header);
    if (st == BUILTIN_OK)
        st = object_of(c, header, "header", &t->header);
    if (st == BUILTIN_OK && value_get_str(&t->header, SLICE("enc")) != NULL)
        return builtin_error(c, CODE_BUILTIN,
                             "JWT is a JWE object, which is not supported");
    return st;
}

/* A string member, or the empty string. */
static struct slice text(const struct value *o, const char *key)
{
    const struct value *v = value_get_str(o, slice_str(key));
    return v != NULL && v->kind == V_STRING ? value_slice(v) : slice("", 0);
}

/* A payload that is a token itself may be quoted. */
static struct slice unquoted(struct slice s)
{
    while (s.n > 0 && (s.p[0] == '"' || s.p[0] == '\''))
        s = slice_skip(s, 1);
    while (s.n > 0 && (s.p[s.n - 1] == '"' || s.p[s.n - 1] == '\''))
        s.n--;
    return s;
}

static bool holds_token(const struct token *t)
{
    return slice_eq_nocase(text(&t->header, "cty"), SLICE("JWT"));
}

static enum builtin_status give3(struct builtin_ctx *c, struct value a,
                                 struct value b, struct value d,
                                 struct value *out)
{
    struct value *v = builtin_values(c, 3);
    if (v == NULL)
        return BUILTIN_FATAL;
    v[0] = a;
    v[1] = b;
    v[2] = d;
    *out = value_array(v, 3);
    return BUILTIN_OK;
}

static enum builtin_status
jwt_decode(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    struct token t;
    struct slice s, payload, sig;
    struct value claims;
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    s = value_slice(&args[0]);
    for (int depth = 0;; depth++) {
        enum builtin_status st = split(c, s, &t);
        if (st == BUILTIN_OK)
            st = decode(c, t.part[1], "payload", &payload);
        if (st != BUILTIN_OK)
            return st;
        if (!holds_token(&t) || depth == NESTING_MAX)
            break;
        s = unquoted(payload);
    }
    enum builtin_status st = object_of(c, payload, "payload", &claims);
    if (st == BUILTIN_OK)
        st = decode(c, t.part[2], "signature", &sig);
    if (st != BUILTIN_OK)
        return st;
    char *hex = builtin_alloc(c, 2 * sig.n + 1);
    if (hex == NULL)
        return BUILTIN_FATAL;
    for (size_t i = 0; i < sig.n; i++) {
        hex[2 * i] = "0123456789abcdef"[(uint8_t)sig.p[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[(uint8_t)sig.p[i] & 15];
    }
    return give3(c, t.header, claims, value_str(slice(hex, 2 * sig.n)), out);
}

/* ---- keys --------------------------------------------------------------- */

/* A member of a JWK, decoded; empty if absent. */
static bool member(struct builtin_ctx *c, const struct value *jwk,
                   const char *key, struct slice *out)
{
    struct slice s = text(jwk, key);
    uint8_t *p = arena_try(c->arena, s.n / 4 * 3 + 4);
    size_t bad;
    if (p == NULL)
        return false;
    size_t n = builtin_base64(s, true, slice_ends(s, "="), p, &bad);
    *out = slice((const char *)p, n);
    return bad == SIZE_MAX;
}

static enum builtin_status bad_jwk(struct builtin_ctx *c)
{
    return builtin_error(c, CODE_BUILTIN, "failed to parse a JWK key (set)");
}

static enum builtin_status jwk_key(struct builtin_ctx *c, const struct value *v,
                                   struct pki_key **out)
{
    struct pki_jwk j = {.kty = text(v, "kty"), .crv = text(v, "crv")};
    static const char *const names[] = {"n",  "e",  "d", "p", "q", "dp",
                                        "dq", "qi", "x", "y", "k"};
    struct slice *const parts[] = {&j.n,  &j.e,  &j.d, &j.p, &j.q, &j.dp,
                                   &j.dq, &j.qi, &j.x, &j.y, &j.k};
    struct err err = {.text = "no memory"};
    if (!builtin_step(c, 100))
        return BUILTIN_FATAL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!member(c, v, names[i], parts[i]))
            return bad_jwk(c);
    return pki_jwk(&j, out, &err) == OK ? BUILTIN_OK : builtin_fail(c, &err);
}

static enum builtin_status add_jwk(struct builtin_ctx *c, const struct value *v,
                                   struct jwks *out)
{
    if (v->kind != V_OBJECT || out->n == KEYS_MAX)
        return bad_jwk(c);
    enum builtin_status st = jwk_key(c, v, &out->k[out->n].key);
    if (st != BUILTIN_OK)
        return st;
    out->k[out->n].alg = text(v, "alg");
    out->k[out->n].kid = text(v, "kid");
    out->n++;
    return BUILTIN_OK;
}

/* PEM or JWK (set).  On failure nothing is left to free. */
static enum builtin_status load_keys(struct builtin_ctx *c, struct slice s,
                                     struct jwks *out)
{
    struct err err;
    out->n = 0;
    if (!builtin_step(c, 100 + s.n / 16))
        return BUILTIN_FATAL;
    enum status pem = pki_pem(s, &out->k[0].key, &err);
    if (pem == OK) {
        out->k[0].alg = out->k[0].kid = slice("", 0);
        out->n = 1;
        return BUILTIN_OK;
    }
    if (pem != E_NOT_FOUND)
        return builtin_fail(c, &err);
    struct value v;
    if (value_parse_json(c->arena, s, &v, &err) != OK || v.kind != V_OBJECT)
        return bad_jwk(c);
    const struct value *keys = value_get_str(&v, SLICE("keys"));
    enum builtin_status st = BUILTIN_OK;
    if (keys == NULL) {
        st = add_jwk(c, &v, out);
    } else if (keys->kind != V_ARRAY) {
        st = bad_jwk(c);
    } else {
        for (uint32_t i = 0; i < keys->n && st == BUILTIN_OK; i++)
            st = add_jwk(c, &keys->u.v[i], out);
    }
    if (st != BUILTIN_OK)
        free_keys(out);
    return st;
}

/* Does one of the keys verify?  A key named by the header's kid is the only
 * one that counts; a key that names an algorithm only fits that. */
static bool verified(const struct jwks *keys, const struct token *t,
                     enum pki_alg alg, struct slice sig)
{
    struct slice kid = text(&t->header, "kid");
    for (size_t i = 0; kid.n > 0 && i < keys->n; i++)
        if (slice_eq(keys->k[i].kid, kid))
            return pki_verify(keys->k[i].key, alg, t->signed_part, sig);
    for (size_t i = 0; i < keys->n; i++) {
        struct slice own = keys->k[i].alg;
        if (own.n > 0 && !slice_eq(own, text(&t->header, "alg")))
            continue;
        if (pki_verify(keys->k[i].key, alg, t->signed_part, sig))
            return true;
    }
    return false;
}

/* ---- io.jwt.verify_* ---------------------------------------------------- */

static enum builtin_status verify(struct builtin_ctx *c,
                                  const struct value *args, enum pki_alg alg,
                                  struct value *out)
{
    struct token t;
    struct slice sig;
    struct jwks keys = {0};
    if (!builtin_want_str2(c, args))
        return BUILTIN_ERROR;
    enum builtin_status st = split(c, value_slice(&args[0]), &t);
    if (st != BUILTIN_OK)
        return st;
    if (alg == PKI_HS256 || alg == PKI_HS384 || alg == PKI_HS512) {
        if (pki_secret(value_slice(&args[1]), &keys.k[0].key) != OK)
            return builtin_nomem(c);
        keys.n = 1;
    } else {
        st = load_keys(c, value_slice(&args[1]), &keys);
        if (st != BUILTIN_OK)
            return st;
    }
    st = decode(c, t.part[2], "signature", &sig);
    if (st == BUILTIN_OK &&
        !builtin_step(c, 1000 * keys.n + t.signed_part.n / 16))
        st = BUILTIN_FATAL;
    if (st == BUILTIN_OK)
        *out = value_bool(verified(&keys, &t, alg, sig));
    free_keys(&keys);
    return st;
}

#define VERIFY(name, alg)                                                   \
    static enum builtin_status name(                                        \
        struct builtin_ctx *c, const struct value *args, struct value *out) \
    {                                                                       \
        return verify(c, args, alg, out);                                   \
    }

VERIFY(hs256, PKI_HS256)
VERIFY(hs384, PKI_HS384)
VERIFY(hs512, PKI_HS512)
VERIFY(rs256, PKI_RS256)
VERIFY(rs384, PKI_RS384)
VERIFY(rs512, PKI_RS512)
VERIFY(ps256, PKI_PS256)
VERIFY(ps384, PKI_PS384)
VERIFY(ps512, PKI_PS512)
VERIFY(es256, PKI_ES256)
VERIFY(es384, PKI_ES384)
VERIFY(es512, PKI_ES512)
VERIFY(eddsa, PKI_EDDSA)

/* ---- io.jwt.decode_verify ----------------------------------------------- */

struct constraints {
    struct jwks keys;
    struct slice cert, secret, alg, iss, aud;
    struct number time_ns;
};

/* One member of the constraints. */
static enum builtin_status read_constraint(struct builtin_ctx *c,
                                           struct slice name,
                                           const struct value *v,
                                           struct constraints *k)
{
    const struct {
        const char *name;
        struct slice *to;
    } all[] = {{"cert", &k->cert},
               {"secret", &k->secret},
               {"alg", &k->alg},
               {"iss", &k->iss},
               {"aud", &k->aud}};
    if (slice_is(name, "time")) {
        struct number tmp;
        if (v->kind != V_NUMBER)
            return builtin_error(c, CODE_BUILTIN, "time: must be a number");
        k->time_ns = *builtin_number(v, &tmp);
        return BUILTIN_OK;
    }
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!slice_is(name, all[i].name))
            continue;
        if (v->kind != V_STRING)
            return builtin_error(c, CODE_BUILTIN, "%s: must be a string",
                                 all[i].name);
        *all[i].to = value_slice(v);
        return BUILTIN_OK;
    }
    return builtin_error(c, CODE_BUILTIN,
                         "unknown token validation constraint: %.*s",
                         name.n < 100 ? (int)name.n : 100, name.p);
}

static enum builtin_status read_constraints(struct builtin_ctx *c,
                                            const struct value *args,
                                            struct constraints *k)
{
    const struct value *o = &args[1];
    k->time_ns = number_int(builtin_now(c));
    for (uint32_t i = 0; i < o->n; i++) {
        const struct value *key = &o->u.v[2 * (size_t)i];
        struct slice name =
            key->kind == V_STRING ? value_slice(key) : slice("", 0);
        enum builtin_status st = read_constraint(c, name, key + 1, k);
        if (st != BUILTIN_OK)
            return st;
    }
    if (k->cert.p != NULL && k->secret.p != NULL)
        return builtin_error(c, CODE_BUILTIN, "duplicate key constraints");
    if (k->cert.p == NULL && k->secret.n == 0)
        return builtin_error(c, CODE_BUILTIN, "no key constraint");
    if (k->cert.p != NULL)
        return load_keys(c, k->cert, &k->keys);
    k->keys.n = 1;
    k->keys.k[0].alg = k->keys.k[0].kid = slice("", 0);
    return pki_secret(k->secret, &k->keys.k[0].key) == OK ? BUILTIN_OK
                                                          : builtin_nomem(c);
}

/* The header says what it must, and nothing critical that is not known. */
static bool header_ok(const struct value *h)
{
    const struct value *crit = value_get_str(h, SLICE("crit"));
    static const char *const known[] = {"alg", "crit", "cty",
                                        "enc", "kid",  "typ"};
    for (uint32_t i = 0; crit != NULL && i < crit->n; i++) {
        bool found = false;
        if (crit->kind != V_ARRAY || crit->u.v[i].kind != V_STRING)
            return false;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            found = found || slice_is(value_slice(&crit->u.v[i]), known[k]);
        if (!found)
            return false;
    }
    return text(h, "alg").n > 0;
}

static bool audience_ok(const struct value *aud, struct slice want)
{
    if (aud->kind == V_STRING)
        return slice_eq(value_slice(aud), want);
    for (uint32_t i = 0; aud->kind == V_ARRAY && i < aud->n; i++)
        if (aud->u.v[i].kind == V_STRING &&
            slice_eq(value_slice(&aud->u.v[i]), want))
            return true;
    return false;
}

/* Compares now with a claim in seconds. */
static enum builtin_status compare_time(struct builtin_ctx *c,
                                        const struct constraints *k,
                                        const struct value *claim,
                                        const char *name, int *out)
{
    struct number now, tmp, billion = number_int(1000000000);
    struct err err;
    if (claim->kind != V_NUMBER)
        return builtin_error(c, CODE_BUILTIN, "%s value must be a number",
                             name);
    if (number_div(c->arena, &k->time_ns, &billion, &now, &err) != OK)
        return builtin_fail(c, &err);
    *out = number_cmp(&now, builtin_number(claim, &tmp));
    return BUILTIN_OK;
}

/* The registered claims against the constraints and the clock. */
static enum builtin_status check_claims(struct builtin_ctx *c,
                                        const struct constraints *k,
                                        const struct value *claims, bool *ok)
{
    int order;
    *ok = false;
    if (k->iss.n > 0 && !slice_eq(text(claims, "iss"), k->iss))
        return BUILTIN_OK;
    const struct value *aud = value_get_str(claims, SLICE("aud"));
    if (aud != NULL ? !audience_ok(aud, k->aud) : k->aud.n > 0)
        return BUILTIN_OK;
    const struct value *exp = value_get_str(claims, SLICE("exp"));
    if (exp != NULL) {
        enum builtin_status st = compare_time(c, k, exp, "exp", &order);
        if (st != BUILTIN_OK || order >= 0)
            return st;
    }
    const struct value *nbf = value_get_str(claims, SLICE("nbf"));
    if (nbf != NULL) {
        enum builtin_status st = compare_time(c, k, nbf, "nbf", &order);
        if (st != BUILTIN_OK || order < 0)
            return st;
    }
    *ok = true;
    return BUILTIN_OK;
}

/* Header and signature of one token; its payload. */
static enum builtin_status check_token(struct builtin_ctx *c,
                                       const struct constraints *k,
                                       struct slice s, struct token *t,
                                       struct slice *payload, bool *ok)
{
    struct slice sig;
    enum builtin_status st = split(c, s, t);
    if (st != BUILTIN_OK)
        return st;
    struct slice name = text(&t->header, "alg");
    *ok = header_ok(&t->header) && (k->alg.n == 0 || slice_eq(k->alg, name));
    if (!*ok)
        return BUILTIN_OK;
    st = decode(c, t->part[2], "signature", &sig);
    if (st != BUILTIN_OK)
        return st;
    enum pki_alg alg = pki_alg(name);
    if (alg == PKI_ALGS)
        return builtin_error(c, CODE_BUILTIN, "unknown JWS algorithm: %.*s",
                             name.n < 100 ? (int)name.n : 100, name.p);
    if (!builtin_step(c, 1000 * k->keys.n + t->signed_part.n / 16))
        return BUILTIN_FATAL;
    *ok = verified(&k->keys, t, alg, sig);
    return *ok ? decode(c, t->part[1], "payload", payload) : BUILTIN_OK;
}

static enum builtin_status verify_all(struct builtin_ctx *c,
                                      const struct constraints *k,
                                      struct slice s, struct value *out)
{
    struct token t;
    struct slice payload;
    struct value claims;
    struct value none = {.kind = V_OBJECT};
    bool ok;
    for (int depth = 0;; depth++) {
        enum builtin_status st = check_token(c, k, s, &t, &payload, &ok);
        if (st != BUILTIN_OK)
            return st;
        if (!ok)
            return give3(c, value_bool(false), none, none, out);
        if (!holds_token(&t) || depth == NESTING_MAX)
            break;
        s = unquoted(payload);
    }
    enum builtin_status st = object_of(c, payload, "payload", &claims);
    if (st == BUILTIN_OK)
        st = check_claims(c, k, &claims, &ok);
    if (st != BUILTIN_OK)
        return st;
    return ok ? give3(c, value_bool(true), t.header, claims, out)
              : give3(c, value_bool(false), none, none, out);
}

static enum builtin_status jwt_decode_verify(struct builtin_ctx *c,
                                             const struct value *args,
                                             struct value *out)
{
    struct constraints k = {.alg = {NULL, 0}};
    if (!builtin_want(c, args, 1, V_STRING) ||
        !builtin_want(c, args, 2, V_OBJECT))
        return BUILTIN_ERROR;
    enum builtin_status st = read_constraints(c, args, &k);
    if (st != BUILTIN_OK)
        return st;
    st = verify_all(c, &k, value_slice(&args[0]), out);
    free_keys(&k.keys);
    return st;
}

/* ---- signing ------------------------------------------------------------ */

static void put64(struct buf *b, struct slice s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
                                 "qrstuvwxyz0123456789-_";
    for (size_t i = 0; i < s.n; i += 3) {
        size_t left = s.n - i;
        uint32_t v = (uint32_t)(uint8_t)s.p[i] << 16;
        v |= left > 1 ? (uint32_t)(uint8_t)s.p[i + 1] << 8 : 0;
        v |= left > 2 ? (uint8_t)s.p[i + 2] : 0;
        buf_char(b, digits[v >> 18]);
        buf_char(b, digits[v >> 12 & 63]);
        if (left > 1)
            buf_char(b, digits[v >> 6 & 63]);
        if (left > 2)
            buf_char(b, digits[v & 63]);
    }
}

/* The "alg" of a header's text; errors in the words of OPA's library. */
static enum builtin_status header_alg(struct builtin_ctx *c, struct slice s,
                                      struct value *header, enum pki_alg *alg)
{
    struct err err;
    if (s.n == 0)
        return builtin_error(c, CODE_BUILTIN,
                             "missing or invalid 'alg' header: cannot parse "
                             "JSON: cannot parse empty string");
    bool json = value_parse_json(c->arena, s, header, &err) == OK;
    if (!json && (s.p[0] == '{' || s.p[0] == '['))
        return builtin_error(c, CODE_BUILTIN,
                             "missing or invalid 'alg' header: cannot parse "
                             "JSON: %s",
                             err.text);
    struct slice name =
        json && header->kind == V_OBJECT ? text(header, "alg") : slice("", 0);
    if (name.n == 0)
        return builtin_error(c, CODE_BUILTIN,
                             "missing or invalid 'alg' header: jwsbb: header "
                             "\"alg\" not found");
    *alg = pki_alg(name);
    if (*alg == PKI_ALGS)
        return builtin_error(c, CODE_BUILTIN, "unknown JWS algorithm: %.*s",
                             name.n < 100 ? (int)name.n : 100, name.p);
    return BUILTIN_OK;
}

static enum builtin_status sign(struct builtin_ctx *c, struct slice header,
                                struct slice payload, struct slice jwk,
                                struct value *out)
{
    struct value h, v;
    enum pki_alg alg;
    struct err err;
    struct jwks keys = {0};
    uint8_t sig[PKI_SIGNATURE_MAX];
    size_t n = 0;
    enum builtin_status st = header_alg(c, header, &h, &alg);
    if (st != BUILTIN_OK)
        return st;
    struct slice typ = text(&h, "typ");
    if ((typ.n == 0 || slice_eq_nocase(typ, SLICE("JWT"))) &&
        value_parse_json(c->arena, payload, &v, NULL) != OK)
        return builtin_error(c, CODE_BUILTIN,
                             "type is JWT but payload is not JSON");
    if (!builtin_step(c, 1000 + (header.n + payload.n) / 8))
        return BUILTIN_FATAL;
    st = load_keys(c, jwk, &keys);
    if (st != BUILTIN_OK)
        return st;
    struct buf b;
    builtin_buf(c, &b);
    put64(&b, header);
    buf_char(&b, '.');
    put64(&b, payload);
    if (keys.n == 0)
        st = bad_jwk(c);
    else if (pki_sign(keys.k[0].key, alg, buf_get(&b), sig, &n, &err) != OK)
        st = builtin_fail(c, &err);
    free_keys(&keys);
    if (st != BUILTIN_OK) {
        buf_release(&b);
        return st;
    }
    buf_char(&b, '.');
    put64(&b, slice((const char *)sig, n));
    return builtin_give_buf(c, &b, out);
}

static enum builtin_status encode_sign_raw(struct builtin_ctx *c,
                                           const struct value *args,
                                           struct value *out)
{
    if (!builtin_want_str2(c, args) || !builtin_want(c, args, 3, V_STRING))
        return BUILTIN_ERROR;
    return sign(c, value_slice(&args[0]), value_slice(&args[1]),
                value_slice(&args[2]), out);
}

static enum builtin_status
encode_sign(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    struct slice part[3];
    for (int i = 0; i < 3; i++) {
        if (!builtin_want(c, args, i + 1, V_OBJECT))
            return BUILTIN_ERROR;
        part[i] = value_json_arena(c->arena, &args[i]);
        if (part[i].p == NULL)
            return builtin_nomem(c);
    }
    return sign(c, part[0], part[1], part[2], out);
}

const struct builtin builtin_jwt[] = {
    BUILTIN("io.jwt.decode", 1, "s>[|(a)s|]", jwt_decode),
    BUILTIN_FLAGS("io.jwt.decode_verify", 2, BUILTIN_NONDETERMINISTIC,
                  "s(a)>[|b(a)|]", jwt_decode_verify),
    BUILTIN("io.jwt.verify_hs256", 2, "ss>b", hs256),
    BUILTIN("io.jwt.verify_hs384", 2, "ss>b", hs384),
    BUILTIN("io.jwt.verify_hs512", 2, "ss>b", hs512),
    BUILTIN("io.jwt.verify_rs256", 2, "ss>b", rs256),
    BUILTIN("io.jwt.verify_rs384", 2, "ss>b", rs384),
    BUILTIN("io.jwt.verify_rs512", 2, "ss>b", rs512),
    BUILTIN("io.jwt.verify_ps256", 2, "ss>b", ps256),
    BUILTIN("io.jwt.verify_ps384", 2, "ss>b", ps384),
    BUILTIN("io.jwt.verify_ps512", 2, "ss>b", ps512),
    BUILTIN("io.jwt.verify_es256", 2, "ss>b", es256),
    BUILTIN("io.jwt.verify_es384", 2, "ss>b", es384),
    BUILTIN("io.jwt.verify_es512", 2, "ss>b", es512),
    BUILTIN("io.jwt.verify_eddsa", 2, "ss>b", eddsa),
    BUILTIN_FLAGS("io.jwt.encode_sign", 3, BUILTIN_NONDETERMINISTIC,
                  "(a)(a)(a)>s", encode_sign),
    BUILTIN_FLAGS("io.jwt.encode_sign_raw", 3, BUILTIN_NONDETERMINISTIC,
                  "sss>s", encode_sign_raw),
    BUILTIN_END,
};

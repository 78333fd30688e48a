/* builtin_uuid.c - uuid.parse, uuid.rfc4122 (RFC 4122; the fields OPA tells).
 */
#include <string.h>

#include "base/crypt.h"
#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four spellings that Go's uuid.Parse takes; braces are not looked at. */
static bool parse(struct slice s, uint8_t u[static 16])
{
    if (s.n == 45 && slice_eq_nocase(slice(s.p, 9), SLICE("urn:uuid:")))
        s = slice_skip(s, 9);
    else if (s.n == 38)
        s = slice(s.p + 1, 36);
    bool dashes = s.n == 36;
    if (!dashes && s.n != 32)
        return false;
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        if (dashes && (i == 4 || i == 6 || i == 8 || i == 10) &&
            s.p[at++] != '-')
            return false;
        int hi = hex(s.p[at]), lo = hex(s.p[at + 1]);
        if (hi < 0 || lo < 0)
            return false;
        u[i] = (uint8_t)(hi * 16 + lo);
        at += 2;
    }
    return true;
}

static void put(struct value_list *l, const char *key, struct value v)
{
    value_list_add(l, value_str(slice_str(key)));
    value_list_add(l, v);
    l->failed = l->failed || v.kind == V_UNDEF;
}

static uint64_t be(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* What versions 1 and 2 carry. */
static void put_time(struct builtin_ctx *c, struct value_list *l,
                     const uint8_t *u)
{
    uint64_t t = be(u, 4) | be(u + 4, 2) << 32 | (be(u + 6, 2) & 0xfff) << 48;
    // 100 ns since 1582-10-15
    int64_t ns = (int64_t)((t - UINT64_C(0x01B21DD213814000)) * 100);
    put(l, "time", value_int(ns));
    put(l, "clocksequence", value_int((int64_t)(be(u + 8, 2) & 0x3fff)));
    put(l, "nodeid",
        builtin_text(c, "%02x-%02x-%02x-%02x-%02x-%02x", u[10], u[11], u[12],
                     u[13], u[14], u[15]));
    put(l, "macvariables",
        builtin_text(c, "%s:%s", (u[10] & 2) != 0 ? "local" : "global",
                     (u[10] & 1) != 0 ? "multicast" : "unicast"));
}

static enum builtin_status
uuid_parse(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    static const char *const domains[] = {"Person", "Group", "Org"};
    uint8_t u[16];
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    if (!parse(value_slice(&args[0]), u))
        return BUILTIN_UNDEFINED;
    struct value_list l = builtin_list(c);
    int version = u[6] >> 4;
    const char *variant = (u[8] & 0xc0) == 0x80   ? "RFC4122"
                          : (u[8] & 0xe0) == 0xc0 ? "Microsoft"
                          : (u[8] & 0xe0) == 0xe0 ? "Future"
                                                  : "Reserved";
    put(&l, "version", value_int(version));
    put(&l, "variant", value_str(slice_str(variant)));
    if (version == 1 || version == 2)
        put_time(c, &l, u);
    if (version == 2) {
        put(&l, "id", value_int((int64_t)be(u, 4)));
        put(&l, "domain",
            u[9] < 3 ? value_str(slice_str(domains[u[9]]))
                     : builtin_text(c, "Domain%d", u[9]));
    }
    return builtin_give(c, value_list_object(&l), out);
}

static const char uuid_tag;

/* A random one, the same for the same key within one evaluation. */
static enum builtin_status
uuid_rfc4122(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    struct value *kept = builtin_cache_get(c, &uuid_tag, &args[0]);
    if (kept == NULL) {
        uint8_t u[16];
        if (c->seed == 0) {
            crypt_random(u, sizeof u);
        } else {
            uint64_t h = c->seed ^ value_hash(&args[0]);
            for (size_t i = 0; i < 16; i++) {
                h = h * UINT64_C(6364136223846793005) +
                    UINT64_C(1442695040888963407);
                u[i] = (uint8_t)(h >> 56);
            }
        }
        u[6] = (u[6] & 0x0f) | 0x40;
        u[8] = (u[8] & 0x3f) | 0x80;
        kept = builtin_values(c, 1);
        if (kept == NULL)
            return BUILTIN_FATAL;
        *kept = builtin_text(
            c, "%08llx-%04llx-%04llx-%04llx-%012llx",
            (unsigned long long)be(u, 4), (unsigned long long)be(u + 4, 2),
            (unsigned long long)be(u + 6, 2), (unsigned long long)be(u + 8, 2),
            (unsigned long long)be(u + 10, 6));
        if (kept->kind == V_UNDEF)
            return builtin_nomem(c);
        if (!builtin_cache_put(c, &uuid_tag, &args[0], kept))
            return BUILTIN_FATAL;
    }
    *out = *kept;
    return BUILTIN_OK;
}

const struct builtin builtin_uuid[] = {
    BUILTIN("uuid.parse", 1, "s>(a)", uuid_parse),
    BUILTIN_FLAGS("uuid.rfc4122", 1, BUILTIN_NONDETERMINISTIC, "s>s",
                  uuid_rfc4122),
    BUILTIN_END,
};

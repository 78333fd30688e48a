/* identity.c - see identity.h. */
#include "guard/identity.h"

#include "base/crypt.h"

static bool name_ok(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                     c == '@' || c == ' ' || c == '-';
        if (!plain)
            return false;
    }
    return s.n >= 1 && s.n <= 64;
}

/* The first value that is an active key of ours. */
static bool find_key(const struct guard *g, const struct snapshot *s,
                     const struct credentials *c, struct identity *out)
{
    for (int i = 0; i < CRED_COUNT; i++) {
        uint8_t hash[CRYPT_HASH];
        if (c->value[i].p == NULL || c->value[i].n == 0 || c->value[i].n > 512)
            continue;
        crypt_keyed(g->secret, c->value[i], hash);
        out->key = snapshot_key(s, hash, &out->tenant);
        if (out->key != NULL) {
            out->place = i;
            return true;
        }
    }
    return false;
}

/* True if the header names `t`, by name or decimal id. */
static bool names_tenant(struct slice header, const struct tenant *t)
{
    int64_t id;
    return slice_eq(header, t->name) ||
           (money_scan(header, 0, &id) && id == t->id);
}

/* TENANT_AUTH=header, no key of ours among the credentials. */
static enum refusal by_header(const struct snapshot *s,
                              const struct credentials *c, struct identity *out)
{
    // whatever claims to be a key of ours must be one
    if (c->value[CRED_X_API_KEY].p != NULL)
        return R_INVALID_KEY;
    for (int i = 0; i < CRED_COUNT; i++)
        if (c->value[i].p != NULL && slice_starts(c->value[i], "bg_"))
            return R_INVALID_KEY;
    struct slice name =
        c->tenant.p != NULL ? slice_trim(c->tenant) : SLICE("public");
    if (!name_ok(name))
        return R_INVALID_REQUEST;
    out->tenant = snapshot_tenant_by_name(s, name);
    if (out->tenant == NULL)
        out->make = name;
    return R_NONE;
}

enum refusal identify(const struct guard *g, const struct snapshot *s,
                      const struct credentials *c, struct identity *out)
{
    *out = (struct identity){.place = -1};
    if (find_key(g, s, c, out)) {
        if (c->tenant.p != NULL && c->tenant.n > 0 &&
            !names_tenant(slice_trim(c->tenant), out->tenant))
            return R_TENANT_MISMATCH;
        return R_NONE;
    }
    if (g->header_mode)
        return by_header(s, c, out);
    for (int i = 0; i < CRED_COUNT; i++)
        if (c->value[i].p != NULL && c->value[i].n > 0)
            return R_INVALID_KEY;
    return R_MISSING_KEY;
}

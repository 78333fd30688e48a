/* session.c - see session.h. */
#include "counters/session.h"

#include <string.h>

static bool record_key(struct key *k, int64_t tenant, struct slice id)
{
    return key_bytes(key_i64(key_start(k, TABLE_SESSION), tenant), id);
}

int session_load(struct tx *t, int64_t tenant, struct slice id,
                 struct session_record *s)
{
    struct key k;
    struct slice v;
    *s = (struct session_record){-1, -1};
    if (!record_key(&k, tenant, id))
        return STORE_BIG;
    int rc = store_get(t, &k, &v);
    if (rc == MDB_NOTFOUND)
        return 0;
    if (rc == 0 && v.n != sizeof *s)
        return MDB_CORRUPTED;
    if (rc == 0)
        memcpy(s, v.p, sizeof *s);
    return rc;
}

int session_save(struct tx *t, int64_t tenant, struct slice id,
                 const struct session_record *s)
{
    struct key k;
    if (!record_key(&k, tenant, id))
        return STORE_BIG;
    return store_put(t, &k, s, sizeof *s);
}

int64_t session_lower(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a < b ? a : b;
}

struct set {
    int64_t tenant, custom, tag;
    struct slice id;
};

static int set(struct tx *t, void *arg)
{
    const struct set *a = arg;
    struct session_record s;
    int rc = session_load(t, a->tenant, a->id, &s);
    if (rc != 0)
        return rc;
    s.custom = a->custom;
    s.tag = session_lower(s.tag, a->tag);
    return session_save(t, a->tenant, a->id, &s);
}

enum status counters_session_set(struct counters *c, int64_t tenant_id,
                                 struct slice id, int64_t custom,
                                 int64_t tag_budget, struct err *err)
{
    struct set a = {tenant_id, custom < 0 ? -1 : custom,
                    tag_budget < 0 ? -1 : tag_budget, id};
    return store_status(store_write(c, set, &a, NULL, NULL), "session", err);
}

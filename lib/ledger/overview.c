/* overview.c - see overview.h.
 *
 * The rollups are keyed by (tenant, bucket, …) and keep the sums of all under
 * tenant -1.  Statuses are one range of that; tenants are walked by seeking
 * the next id, since a deleted one is no longer in `tenant`.
 */
#include "ledger/overview.h"

#include <stdlib.h>

#include "ledger/store.h"
#include "ledger/sum.h"
#include "ledger/writer.h"

#define WALK(t)                                                               \
    "WITH RECURSIVE u(id) AS (SELECT min(tenant_id) FROM " t                  \
    " WHERE tenant_id>0 UNION ALL SELECT (SELECT min(tenant_id) FROM " t      \
    " WHERE tenant_id>u.id) FROM u WHERE u.id IS NOT NULL) SELECT u.id,'',"   \
    "sum(r.usd),sum(r.requests) FROM u JOIN " t " r ON r.tenant_id=u.id AND " \
    "r.bucket>=? AND r.bucket<? GROUP BY u.id"
#define BY_STATUS(t)                                  \
    "SELECT 0,status,sum(usd),sum(requests) FROM " t  \
    " WHERE tenant_id=-1 AND bucket>=? AND bucket<? " \
    "GROUP BY status"

static const char *const by_tenant[] = {
    [STRETCH_ROWS] =
        "SELECT tenant_id,'',sum(usd),sum(kind='usage') FROM ledger INDEXED "
        "BY ledger_ts WHERE kind<>'reset' AND tenant_id>0 AND ts>=? AND ts<? "
        "GROUP BY tenant_id",
    [STRETCH_HOURS] = WALK("rollup_hour"),
    [STRETCH_DAYS] = WALK("rollup_use")};
static const char *const by_status[] = {
    [STRETCH_ROWS] =
        "SELECT 0,coalesce(status,''),sum(usd),sum(kind='usage') FROM ledger "
        "INDEXED BY ledger_ts WHERE kind<>'reset' AND ts>=? AND ts<? "
        "GROUP BY status",
    [STRETCH_HOURS] = BY_STATUS("rollup_hour"),
    [STRETCH_DAYS] = BY_STATUS("rollup_day")};

struct parts {
    struct arena *a;
    struct overview_part *list;
    int n, cap;
};

/* A new part at the end; NULL: the arena is full. */
static struct overview_part *part_add(struct parts *p, int64_t id,
                                      struct slice name)
{
    if (p->n == p->cap) {
        int cap = p->cap == 0 ? 32 : p->cap * 2;
        struct overview_part *more =
            arena_try(p->a, (size_t)cap * sizeof *more);
        if (more == NULL)
            return NULL;
        if (p->n > 0)
            memcpy(more, p->list, (size_t)p->n * sizeof *more);
        p->list = more;
        p->cap = cap;
    }
    p->list[p->n] =
        (struct overview_part){.id = id, .name = arena_dup(p->a, name)};
    return p->list[p->n].name.p != NULL ? &p->list[p->n++] : NULL;
}

static int same_first(const void *a, const void *b)
{
    const struct overview_part *x = a, *y = b;
    size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
    int by_name = n > 0 ? memcmp(x->name.p, y->name.p, n) : 0;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return by_name != 0 ? by_name
                        : (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

/* One part for all of the same: with 100,000 tenants nothing may be searched
 * for in a list. */
static void merge(struct parts *p)
{
    int n = 0;
    if (p->n > 1)
        qsort(p->list, (size_t)p->n, sizeof *p->list, same_first);
    for (int i = 0; i < p->n; i++)
        if (n > 0 && same_first(&p->list[n - 1], &p->list[i]) == 0) {
            p->list[n - 1].usd += p->list[i].usd;
            p->list[n - 1].requests += p->list[i].requests;
        } else
            p->list[n++] = p->list[i];
    p->n = n;
}

static enum status add_rows(struct sql *q, struct parts *p, struct err *err)
{
    bool full = false;
    while (!full && sql_row(q)) {
        struct overview_part *at =
            part_add(p, sql_col(q, 0, 0), sql_col_text(q, 1));
        full = at == NULL;
        if (!full) {
            at->usd = sql_col(q, 2, 0);
            at->requests = sql_col(q, 3, 0);
        }
    }
    enum status st = sql_done(q, err);
    return full ? err_set(err, E_TOO_BIG, "overview", "too many") : st;
}

static enum status add_stretches(sqlite3 *c, const char *const *texts,
                                 int64_t from, int64_t to, struct parts *p,
                                 struct err *err)
{
    struct stretch s[5];
    enum status st = OK;
    int n = sum_cut(from, to, s);
    for (int i = 0; i < n && st == OK; i++) {
        struct sql q = sql_prepare(c, texts[s[i].by]);
        sql_i64(&q, s[i].from);
        sql_i64(&q, s[i].to);
        st = add_rows(&q, p, err);
        merge(p);
    }
    return st;
}

static int dearest(const void *a, const void *b)
{
    const struct overview_part *x = a, *y = b;
    int by_usd = (x->usd < y->usd) - (x->usd > y->usd);
    return by_usd != 0 ? by_usd : (x->id > y->id) - (x->id < y->id);
}

static int most(const void *a, const void *b)
{
    const struct overview_part *x = a, *y = b;
    return (x->requests < y->requests) - (x->requests > y->requests);
}

static enum status name_all(sqlite3 *c, struct arena *a,
                            struct overview_part *list, int n, struct err *err)
{
    struct sql q = sql_prepare(
        c, "SELECT coalesce((SELECT name FROM tenant WHERE id=?1),(SELECT "
           "tenant FROM ledger WHERE tenant_id=?1 ORDER BY ts DESC LIMIT 1),"
           "'')");
    for (int i = 0; i < n; i++) {
        sql_again(&q);
        sql_i64(&q, list[i].id);
        if (sql_row(&q))
            list[i].name = sql_col_dup(&q, 0, a);
    }
    return sql_done(&q, err);
}

/* A reader with all that was queued before, in one snapshot. */
static sqlite3 *begin(struct db *db, enum status *st, struct err *err)
{
    writer_catch_up(db);
    sqlite3 *c = store_reader(db);
    *st = sql_exec(c, "BEGIN", err);
    return c;
}

static void end(struct db *db, sqlite3 *c)
{
    (void)sqlite3_exec(c, "COMMIT", NULL, NULL, NULL);
    store_reader_give(db, c);
}

enum status overview_tenants(struct db *db, struct arena *a, int64_t from_ms,
                             int64_t to_ms, int limit,
                             struct overview_part **out, int *n,
                             struct err *err)
{
    struct parts p = {.a = a};
    enum status st;
    sqlite3 *c = begin(db, &st, err);
    if (st == OK)
        st = add_stretches(c, by_tenant, from_ms, to_ms, &p, err);
    if (p.n > 1)
        qsort(p.list, (size_t)p.n, sizeof *p.list, dearest);
    *out = p.list;
    *n = p.n < limit ? p.n : limit;
    if (st == OK)
        st = name_all(c, a, p.list, *n, err);
    end(db, c);
    return st;
}

enum status overview_statuses(struct db *db, struct arena *a, int64_t from_ms,
                              int64_t to_ms, struct overview_part **out, int *n,
                              struct err *err)
{
    struct parts p = {.a = a};
    enum status st;
    sqlite3 *c = begin(db, &st, err);
    if (st == OK)
        st = add_stretches(c, by_status, from_ms, to_ms, &p, err);
    if (p.n > 1)
        qsort(p.list, (size_t)p.n, sizeof *p.list, most);
    *out = p.list;
    *n = p.n;
    end(db, c);
    return st;
}

/* How far back the newest OVERVIEW_ROWS refused rows reach. */
static enum status reach(sqlite3 *c, int64_t from_ms, int64_t to_ms,
                         int64_t *since_ms, struct err *err)
{
    struct sql q = sql_prepare(
        c, "SELECT ts FROM ledger INDEXED BY ledger_status WHERE "
           "status='blocked' AND status<>'success' AND ts>=? AND ts<? "
           "ORDER BY ts DESC LIMIT 1 OFFSET ?");
    sql_i64(&q, from_ms);
    sql_i64(&q, to_ms);
    sql_i64(&q, OVERVIEW_ROWS - 1);
    *since_ms = sql_row(&q) ? sql_col(&q, 0, from_ms) : from_ms;
    return sql_done(&q, err);
}

enum status overview_refusals(struct db *db, struct arena *a, int64_t from_ms,
                              int64_t to_ms, struct overview_part **out, int *n,
                              int64_t *since_ms, struct err *err)
{
    struct parts p = {.a = a};
    enum status st;
    *since_ms = from_ms;
    sqlite3 *c = begin(db, &st, err);
    if (st == OK)
        st = reach(c, from_ms, to_ms, since_ms, err);
    if (st == OK) {
        struct sql q = sql_prepare(
            c, "SELECT 0,coalesce(reason,''),sum(usd),count(*) FROM ledger "
               "INDEXED BY ledger_status WHERE status='blocked' AND "
               "status<>'success' AND kind='usage' "
               "AND ts>=? AND ts<? GROUP BY reason");
        sql_i64(&q, *since_ms);
        sql_i64(&q, to_ms);
        st = add_rows(&q, &p, err);
    }
    if (p.n > 1)
        qsort(p.list, (size_t)p.n, sizeof *p.list, most);
    *out = p.list;
    *n = p.n;
    end(db, c);
    return st;
}

/* report.c - see report.h.
 *
 * rollup_use is keyed by (tenant, day, key), so one tenant's days are one
 * range of the tree, and grouping by day needs no sort.  Tenants are walked by
 * seeking the next id, because a tenant that was deleted is no longer in
 * `tenant` but its usage stays.
 */
#include "ledger/report.h"

#include "ledger/issue.h"
#include "ledger/names.h"
#include "ledger/sql.h"
#include "ledger/store.h"
#include "ledger/sum.h"
#include "ledger/writer.h"

/* Every tenant with usage, and where it came from (null: deleted). */
#define WITH_USAGE                                                          \
    "WITH RECURSIVE u(id) AS (SELECT min(tenant_id) FROM rollup_use WHERE " \
    "tenant_id>0 UNION ALL SELECT (SELECT min(tenant_id) FROM rollup_use "  \
    "WHERE tenant_id>u.id) FROM u WHERE u.id IS NOT NULL) "
#define NAME_OF                                                              \
    "coalesce(t.name,(SELECT l.tenant FROM ledger l WHERE l.tenant_id=u.id " \
    "ORDER BY l.ts DESC LIMIT 1),'')"

/* True if a tenant of that origin (.p NULL: deleted) may be shown. */
static bool may_show(bool every, struct slice origin)
{
    return every ||
           (origin.p != NULL && issue_is_open((enum tenant_origin)names_parse(
                                    NAMES_ORIGIN, origin)));
}

/* Where a list in an arena stands once element `n` has room; NULL: full. */
static void *room(struct arena *a, void *list, int n, size_t size)
{
    if (n != 0 && (n < 16 || (n & (n - 1)) != 0))
        return list;
    void *p = arena_try(a, size * (size_t)(n < 16 ? 16 : n * 2));
    if (p != NULL && n > 0)
        memcpy(p, list, size * (size_t)n);
    return p;
}

struct walk {
    const struct report_query *q;
    struct arena *a;
    sqlite3 *conn;
    struct sql days, notes;
    struct report_cell *list;
    int n;
    enum status st;
    struct err *err;
};

static struct slice note_of(struct walk *w, int64_t key)
{
    struct slice s = {NULL, 0};
    if (key == 0)
        return s;
    sql_again(&w->notes);
    sql_i64(&w->notes, key);
    if (sql_row(&w->notes))
        s = sql_col_dup(&w->notes, 0, w->a);
    return s;
}

/* The cell of (period, key) among those of this tenant, from `first` on. */
static struct report_cell *cell_at(struct walk *w, int first, int64_t period,
                                   int64_t tenant, struct slice name,
                                   int64_t key)
{
    for (int i = w->n - 1; i >= first && w->list[i].period == period; i--)
        if (w->list[i].key_id == key)
            return &w->list[i];
    struct report_cell *list = room(w->a, w->list, w->n, sizeof *list);
    if (list == NULL) {
        w->st = err_set(w->err, E_TOO_BIG, "report", "too many cells");
        return NULL;
    }
    w->list = list;
    struct report_cell *c = &w->list[w->n++];
    *c = (struct report_cell){.period = period,
                              .tenant_id = tenant,
                              .key_id = key,
                              .tenant = name,
                              .note = note_of(w, key)};
    return c;
}

/* Rows of a stretch: ?1 tenant, ?2 from, ?3 to, ?4 and ?5 the whole months. */
#define FROM_FIRST(table, from, to)                             \
    "SELECT bucket,key_id,usd,input,output,metered FROM " table \
    " WHERE tenant_id=?1 AND bucket>=" from " AND bucket<" to
#define FROM(table, to) FROM_FIRST(table, "?2", to)

static void add_tenant(struct walk *w, int64_t id, struct slice name)
{
    const struct report_query *q = w->q;
    int first = w->n;
    sql_again(&w->days);
    sql_i64(&w->days, id);
    sql_i64(&w->days, q->from_ms);
    sql_i64(&w->days, q->to_ms);
    if (q->by_month) {
        int64_t m1 = sum_month(q->to_ms), m0 = sum_month(q->from_ms);
        if (m0 < q->from_ms)
            m0 = sum_month(m0 + 31 * STORE_DAY_MS);
        sql_i64(&w->days, m0 < m1 ? m0 : q->to_ms);
        sql_i64(&w->days, m0 < m1 ? m1 : q->to_ms);
    }
    while (w->st == OK && sql_row(&w->days)) {
        int64_t day = sql_col(&w->days, 0, 0), v[4];
        bool any = false;
        for (int i = 0; i < 4; i++) {
            v[i] = sql_col(&w->days, i + 2, 0);
            any |= v[i] != 0;
        }
        if (!any)
            continue;
        struct report_cell *c =
            cell_at(w, first, q->period != NULL ? q->period(day, q->arg) : day,
                    id, name, q->by_key ? sql_col(&w->days, 1, 0) : 0);
        if (c == NULL)
            return;
        c->usd += v[0];
        c->input += v[1];
        c->output += v[2];
        c->requests += v[3];
    }
}

#define ALL_TENANTS (-1)

static void walk_tenants(struct walk *w)
{
    struct sql t = sql_prepare(w->conn, WITH_USAGE
                               "SELECT u.id," NAME_OF
                               ",t.origin FROM u LEFT JOIN tenant t ON "
                               "t.id=u.id WHERE u.id IS NOT NULL");
    while (w->st == OK && sql_row(&t)) {
        struct slice name = sql_col_text(&t, 1);
        if (!may_show(w->q->every_tenant, sql_col_text(&t, 2)) ||
            (w->q->tenant.p != NULL && !slice_eq(w->q->tenant, name)))
            continue;
        name = arena_dup(w->a, name);
        if (name.p == NULL)
            w->st = err_set(w->err, E_TOO_BIG, "report", "too many tenants");
        else
            add_tenant(w, sql_col(&t, 0, 0), name);
    }
    enum status st = sql_done(&t, w->st == OK ? w->err : NULL);
    w->st = w->st == OK ? st : w->st;
}

enum status report_cells(struct db *db, struct arena *a,
                         const struct report_query *q, struct report_cell **out,
                         int *n, struct err *err)
{
    writer_catch_up(db); // an answered request is in its report
    struct walk w = {.q = q, .a = a, .conn = store_reader(db), .err = err};
    w.st = sql_exec(w.conn, "BEGIN", err);
    w.days = sql_prepare(
        w.conn, q->by_month ? FROM("rollup_use", "?4") " UNION ALL " FROM_FIRST(
                                  "rollup_month", "?4",
                                  "?5") " UNION ALL " FROM_FIRST("rollup_use",
                                                                 "?5", "?3")
                            : FROM("rollup_use", "?3"));
    w.notes = sql_prepare(w.conn, "SELECT name FROM api_key WHERE id=?");
    if (w.st == OK && q->together)
        add_tenant(&w, ALL_TENANTS, SLICE(""));
    else if (w.st == OK)
        walk_tenants(&w);
    enum status a1 = sql_done(&w.days, w.st == OK ? err : NULL);
    enum status a2 = sql_done(&w.notes, w.st == OK && a1 == OK ? err : NULL);
    (void)sqlite3_exec(w.conn, "COMMIT", NULL, NULL, NULL);
    store_reader_give(db, w.conn);
    *out = w.list;
    *n = w.n;
    return w.st != OK ? w.st : a1 != OK ? a1 : a2;
}

enum status report_names(struct db *db, struct arena *a, bool every_tenant,
                         struct slice **out, int *n, struct err *err)
{
    enum status st = OK;
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(
        conn, WITH_USAGE
        "SELECT " NAME_OF " AS name,t.origin FROM u LEFT JOIN tenant t ON "
        "t.id=u.id WHERE u.id IS NOT NULL UNION SELECT name,origin FROM "
        "tenant ORDER BY 1");
    *out = NULL;
    *n = 0;
    while (st == OK && sql_row(&q)) {
        struct slice name = sql_col_text(&q, 0);
        if (name.n == 0 || !may_show(every_tenant, sql_col_text(&q, 1)) ||
            (*n > 0 && slice_eq((*out)[*n - 1], name)))
            continue;
        struct slice *list = room(a, *out, *n, sizeof *list);
        if (list == NULL) {
            st = err_set(err, E_TOO_BIG, "report", "too many tenants");
            break;
        }
        *out = list;
        (*out)[(*n)++] = arena_dup(a, name);
    }
    enum status end = sql_done(&q, st == OK ? err : NULL);
    store_reader_give(db, conn);
    return st != OK ? st : end;
}

enum status report_key(struct db *db, struct arena *a, int64_t tenant_id,
                       int64_t key_id, struct report_model **out, int *n,
                       struct err *err)
{
    enum status st = OK;
    writer_catch_up(db);
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(
        conn, "SELECT model,sum(input),sum(output),sum(usd) FROM rollup_day "
              "WHERE tenant_id=? AND key_id=? GROUP BY model HAVING "
              "sum(input)<>0 OR sum(output)<>0 OR sum(usd)<>0 "
              "ORDER BY 4 DESC,1");
    sql_i64(&q, tenant_id);
    sql_i64(&q, key_id);
    *out = NULL;
    *n = 0;
    while (st == OK && sql_row(&q)) {
        struct report_model *list = room(a, *out, *n, sizeof *list);
        if (list == NULL) {
            st = err_set(err, E_TOO_BIG, "report", "too many models");
            break;
        }
        *out = list;
        (*out)[(*n)++] = (struct report_model){.model = sql_col_dup(&q, 0, a),
                                               .input = sql_col(&q, 1, 0),
                                               .output = sql_col(&q, 2, 0),
                                               .usd = sql_col(&q, 3, 0)};
    }
    enum status end = sql_done(&q, st == OK ? err : NULL);
    store_reader_give(db, conn);
    return st != OK ? st : end;
}

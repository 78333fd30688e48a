/* sum.c - see sum.h.
 *
 * [from, to) = edge rows, hours, days, hours, edge rows.  Model budgets group
 * by model and ask budget_model_matches, the same function as admission.
 */
#include "ledger/sum.h"

#include "base/clock.h"
#include "catalog/budget.h"
#include "ledger/store.h"

static int64_t floor_to(int64_t v, int64_t unit)
{
    int64_t r = v % unit;
    return v - (r < 0 ? r + unit : r);
}

static int64_t ceil_to(int64_t v, int64_t unit)
{
    int64_t f = floor_to(v, unit);
    return f == v ? v : f + unit;
}

int64_t sum_month(int64_t ms)
{
    int64_t y;
    int m, d;
    if (ms >= (int64_t)1 << 50 || ms <= -((int64_t)1 << 50))
        return ms;
    clock_civil(floor_to(ms, STORE_DAY_MS) / STORE_DAY_MS, &y, &m, &d);
    return clock_days(y, m, 1) * STORE_DAY_MS;
}

int sum_cut(int64_t from, int64_t to, struct stretch out[static 5])
{
    const int64_t far = (int64_t)1 << 60; // clear of overflow in ceil_to
    int n = 0;
    from = from < -far ? -far : from > far ? far : from;
    to = to < -far ? -far : to > far ? far : to;
    if (from >= to)
        return 0;
    int64_t h0 = ceil_to(from, STORE_HOUR_MS), h1 = floor_to(to, STORE_HOUR_MS);
    int64_t d0 = ceil_to(from, STORE_DAY_MS), d1 = floor_to(to, STORE_DAY_MS);
    if (h0 >= h1) {
        out[n++] = (struct stretch){STRETCH_ROWS, from, to};
        return n;
    }
    if (d0 >= d1)
        d0 = d1 = h1;
    const struct stretch s[5] = {{STRETCH_ROWS, from, h0},
                                 {STRETCH_HOURS, h0, d0},
                                 {STRETCH_DAYS, d0, d1},
                                 {STRETCH_HOURS, d1, h1},
                                 {STRETCH_ROWS, h1, to}};
    for (int i = 0; i < 5; i++)
        if (s[i].from < s[i].to)
            out[n++] = s[i];
    return n;
}

#define ROLL_FIGURES                                                  \
    "sum(usd),sum(requests),sum(input),sum(cached),sum(cache_write)," \
    "sum(output),sum(reasoning)"
#define ROW_FIGURES                                               \
    "sum(usd),sum(kind='usage'),sum(prompt_tok),sum(cached_tok)," \
    "sum(cache_write_tok),sum(comp_tok),sum(reasoning_tok)"

static void add_columns(struct sql *q, struct sum *s)
{
    s->usd += sql_col(q, 0, 0);
    s->requests += sql_col(q, 1, 0);
    s->input += sql_col(q, 2, 0);
    s->cached += sql_col(q, 3, 0);
    s->cache_write += sql_col(q, 4, 0);
    s->output += sql_col(q, 5, 0);
    s->reasoning += sql_col(q, 6, 0);
}

static const char *rollup(const struct stretch *s, const char *hours,
                          const char *days, const char *rows)
{
    return s->by == STRETCH_ROWS ? rows : s->by == STRETCH_HOURS ? hours : days;
}

#define RANGE(col) " AND " col ">=? AND " col "<?"
#define TENANT_ROLL(t) \
    "SELECT " ROLL_FIGURES " FROM " t " WHERE tenant_id=?" RANGE("bucket")

enum status sum_tenant(sqlite3 *c, int64_t tenant_id, int64_t from, int64_t to,
                       struct sum *out, struct err *err)
{
    struct stretch s[5];
    int n = sum_cut(from, to, s);
    enum status st = OK;
    for (int i = 0; i < n && st == OK; i++) {
        bool all_rows = tenant_id == -1 && s[i].by == STRETCH_ROWS;
        struct sql q = sql_prepare(
            c, all_rows
                   ? "SELECT " ROW_FIGURES " FROM ledger INDEXED BY "
                     "ledger_ts WHERE kind<>'reset'" RANGE("ts")
                   : rollup(&s[i], TENANT_ROLL("rollup_hour"),
                            TENANT_ROLL("rollup_day"),
                            "SELECT " ROW_FIGURES
                            " FROM ledger INDEXED BY ledger_tenant "
                            "WHERE kind<>'reset' AND tenant_id=?" RANGE("ts")));
        if (!all_rows)
            sql_i64(&q, tenant_id);
        sql_i64(&q, s[i].from);
        sql_i64(&q, s[i].to);
        if (sql_row(&q))
            add_columns(&q, out);
        st = sql_done(&q, err);
    }
    return st;
}

#define KEY_ROLL(t) TENANT_ROLL(t) " AND key_id=?"
#define TAG_ROLL(t)                                                      \
    "SELECT sum(usd),sum(requests),sum(input),0,0,sum(output),0 FROM " t \
    " WHERE tag_id=?" RANGE("bucket") " AND direct>=?"

/* Statement of one stretch for key and tag budgets: binds tenant or tag,
 * from, to, then key or direct. */
static enum status sum_object(sqlite3 *c, const struct budget *b,
                              const struct stretch *s, struct sum *out,
                              struct err *err)
{
    bool tag = b->scope == SCOPE_TAG;
    const char *text =
        tag ? rollup(s, TAG_ROLL("rollup_tag_hour"), TAG_ROLL("rollup_tag_day"),
                     "SELECT " ROW_FIGURES
                     " FROM ledger INDEXED BY ledger_tenant JOIN ledger_tag t "
                     "ON t.ledger_id=ledger.id WHERE kind<>'reset' AND "
                     "tenant_id=?" RANGE("ts") " AND t.direct>=? AND "
                                               "t.tag_id=?")
            : rollup(
                  s, KEY_ROLL("rollup_hour"), KEY_ROLL("rollup_day"),
                  "SELECT " ROW_FIGURES
                  " FROM ledger INDEXED BY ledger_tenant WHERE "
                  "kind<>'reset' AND tenant_id=?" RANGE("ts") " AND key_id=?");
    struct sql q = sql_prepare(c, text);
    bool rows = s->by == STRETCH_ROWS;
    sql_i64(&q, tag && !rows ? b->object_id : b->tenant_id);
    sql_i64(&q, s->from);
    sql_i64(&q, s->to);
    sql_i64(&q, tag ? b->direct_only : b->object_id);
    if (tag && rows)
        sql_i64(&q, b->object_id);
    if (sql_row(&q))
        add_columns(&q, out);
    return sql_done(&q, err);
}

static enum status sum_text(sqlite3 *c, const struct budget *b, int64_t from,
                            int64_t to, struct sum *out, struct err *err)
{
    struct sql q = sql_prepare(
        c, b->scope == SCOPE_SESSION
               ? "SELECT " ROW_FIGURES " FROM ledger WHERE kind<>'reset' AND "
                 "tenant_id=? AND session=?" RANGE("ts")
               : "SELECT " ROW_FIGURES " FROM ledger WHERE kind<>'reset' AND "
                 "tenant_id=? AND \"user\"=?" RANGE("ts"));
    sql_i64(&q, b->tenant_id);
    sql_text(&q, b->scope_id);
    sql_i64(&q, from);
    sql_i64(&q, to);
    if (sql_row(&q))
        add_columns(&q, out);
    return sql_done(&q, err);
}

#define MODEL_ROLL(t)                       \
    "SELECT " ROLL_FIGURES ",model FROM " t \
    " WHERE tenant_id=?" RANGE("bucket") " GROUP BY model"

static enum status sum_model(sqlite3 *c, const struct budget *b,
                             const struct stretch *s, struct sum *out,
                             struct err *err)
{
    bool wide = b->tenant_id == 0, rows = s->by == STRETCH_ROWS;
    struct sql q = sql_prepare(
        c, wide && rows
               ? "SELECT " ROW_FIGURES ",model FROM ledger INDEXED BY "
                 "ledger_ts WHERE kind<>'reset'" RANGE("ts") " GROUP BY model"
               : rollup(s, MODEL_ROLL("rollup_hour"), MODEL_ROLL("rollup_day"),
                        "SELECT " ROW_FIGURES
                        ",model FROM ledger INDEXED BY ledger_tenant WHERE "
                        "kind<>'reset' AND tenant_id=?" RANGE(
                            "ts") " GROUP BY model"));
    if (!(wide && rows))
        sql_i64(&q, wide ? -1 : b->tenant_id);
    sql_i64(&q, s->from);
    sql_i64(&q, s->to);
    while (sql_row(&q))
        if (budget_model_matches(b->scope_id, sql_col_text(&q, 7)))
            add_columns(&q, out);
    return sql_done(&q, err);
}

enum status sum_budget(sqlite3 *c, const struct budget *b, int64_t from,
                       int64_t to, struct sum *out, struct err *err)
{
    struct stretch s[5];
    enum status st = OK;
    switch (b->scope) {
    case SCOPE_GLOBAL:
        return sum_tenant(c, -1, from, to, out, err);
    case SCOPE_TENANT:
        return sum_tenant(c, b->tenant_id, from, to, out, err);
    case SCOPE_SESSION:
    case SCOPE_USER:
        return sum_text(c, b, from, to, out, err);
    case SCOPE_KEY:
    case SCOPE_TAG:
    case SCOPE_MODEL:
        break;
    }
    int n = sum_cut(from, to, s);
    for (int i = 0; i < n && st == OK; i++)
        st = b->scope == SCOPE_MODEL ? sum_model(c, b, &s[i], out, err)
                                     : sum_object(c, b, &s[i], out, err);
    return st;
}

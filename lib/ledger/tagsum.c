/* tagsum.c - see tagsum.h. */
#include "ledger/tagsum.h"

#include "base/buf.h"
#include "ledger/store.h"
#include "ledger/sum.h"
#include "ledger/writer.h"

/* Rows that were metered; refused and failed ones are no requests here. */
#define METERED(n) \
    "sum(CASE WHEN status IN('success','interrupted') THEN " n " ELSE 0 END)"

#define ROLLED(t)                                                       \
    "SELECT sum(CASE WHEN direct THEN usd ELSE 0 END),"                 \
    "sum(CASE WHEN direct AND status IN('success','interrupted') THEN " \
    "requests ELSE 0 END),sum(usd) FROM " t                             \
    " WHERE tag_id=?1 AND bucket>=?2 AND bucket<?3"
#define ROWS                                                              \
    "SELECT sum(CASE WHEN t.direct THEN usd ELSE 0 END),"                 \
    "sum(t.direct AND kind='usage' AND status IN('success',"              \
    "'interrupted')),sum(usd) FROM ledger INDEXED BY ledger_tenant JOIN " \
    "ledger_tag t ON t.ledger_id=ledger.id WHERE t.tag_id=?1 AND ts>=?2 " \
    "AND ts<?3 AND tenant_id=?4 AND kind<>'reset'"

/* Everything that bears a tag, for stretches shorter than an hour. */
#define ROWS_TAGGED                                                         \
    "SELECT sum(usd)," METERED(                                             \
        "kind='usage'") ",sum(usd) FROM ledger "                            \
                        "INDEXED BY ledger_tenant WHERE tenant_id=-?1 AND " \
                        "ts>=?2 AND ts<?3 "                                 \
                        "AND tenant_id=?4 AND kind<>'reset' AND "           \
                        "EXISTS(SELECT 1 FROM "                             \
                        "ledger_tag t WHERE t.ledger_id=ledger.id AND "     \
                        "t.direct)"

static const char *text_of(const struct stretch *s, bool any_tag)
{
    if (s->by == STRETCH_ROWS)
        return any_tag ? ROWS_TAGGED : ROWS;
    return s->by == STRETCH_HOURS ? ROLLED("rollup_tag_hour")
                                  : ROLLED("rollup_tag_day");
}

static enum status add_stretch(sqlite3 *c, const struct stretch *s,
                               int64_t tenant_id, struct tag_use *of, int n,
                               struct err *err)
{
    bool rows = s->by == STRETCH_ROWS;
    struct sql q = sql_prepare(c, text_of(s, of->tag_id < 0));
    for (int i = 0; i < n && q.rc == SQLITE_OK; i++) {
        sql_i64(&q, of[i].tag_id);
        sql_i64(&q, s->from);
        sql_i64(&q, s->to);
        if (rows)
            sql_i64(&q, tenant_id);
        if (sql_row(&q)) {
            of[i].direct += sql_col(&q, 0, 0);
            of[i].requests += sql_col(&q, 1, 0);
            of[i].subtree += sql_col(&q, 2, 0);
        }
        if (q.rc == SQLITE_OK)
            sql_again(&q);
    }
    return sql_done(&q, err);
}

static enum status each(sqlite3 *c, int64_t tenant_id, int64_t from, int64_t to,
                        struct tag_use *of, int n, struct err *err)
{
    struct stretch s[5];
    int pieces = sum_cut(from, to, s);
    enum status st = OK;
    for (int i = 0; i < pieces && st == OK; i++)
        st = add_stretch(c, &s[i], tenant_id, of, n, err);
    return st;
}

enum status tagsum_each(struct db *db, int64_t tenant_id, int64_t from_ms,
                        int64_t to_ms, struct tag_use *of, int n,
                        struct err *err)
{
    writer_catch_up(db); // an answered request is in its report
    sqlite3 *c = store_reader(db);
    enum status st = sql_exec(c, "BEGIN", err);
    if (st == OK)
        st = each(c, tenant_id, from_ms, to_ms, of, n, err);
    (void)sqlite3_exec(c, "COMMIT", NULL, NULL, NULL);
    store_reader_give(db, c);
    return st;
}

/* The ids as a JSON array, for json_each. */
static struct slice ids_text(struct arena *a, const int64_t *tags, int n)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    for (int i = 0; i < n; i++)
        buf_printf(&b, "%c%lld", i == 0 ? '[' : ',', (long long)tags[i]);
    buf_str(&b, n > 0 ? "]" : "[]");
    struct slice s = b.failed ? slice(NULL, 0) : arena_dup(a, buf_get(&b));
    buf_release(&b);
    return s;
}

#define ONCE                                                                  \
    "SELECT sum(usd)," METERED(                                               \
        "kind='usage'") " FROM ledger INDEXED BY "                            \
                        "ledger_tenant WHERE kind<>'reset' AND tenant_id=?1 " \
                        "AND ts>=?2 AND "                                     \
                        "ts<?3 AND EXISTS(SELECT 1 FROM ledger_tag t WHERE "  \
                        "t.ledger_id=ledger.id AND t.direct AND t.tag_id IN " \
                        "(SELECT value "                                      \
                        "FROM json_each(?4)))"

enum status tagsum_days(struct db *db, struct arena *a, int64_t tenant_id,
                        const int64_t *tags, int n, const int64_t *edge,
                        int days, struct tagged *out, struct err *err)
{
    struct slice ids = ids_text(a, tags, n);
    if (ids.p == NULL)
        return err_set(err, E_TOO_BIG, "tags", "too many tags");
    writer_catch_up(db);
    sqlite3 *c = store_reader(db);
    struct sql q = sql_prepare(c, ONCE);
    enum status st = OK;
    for (int i = 0; i < days && st == OK && q.rc == SQLITE_OK; i++) {
        out[i] = (struct tagged){0};
        if (n <= 1) {
            struct tag_use one = {.tag_id = n == 1 ? tags[0] : -tenant_id};
            st = each(c, tenant_id, edge[i], edge[i + 1], &one, 1, err);
            out[i] = (struct tagged){one.direct, one.requests};
            continue;
        }
        sql_i64(&q, tenant_id);
        sql_i64(&q, edge[i]);
        sql_i64(&q, edge[i + 1]);
        sql_text(&q, ids);
        if (sql_row(&q))
            out[i] = (struct tagged){sql_col(&q, 0, 0), sql_col(&q, 1, 0)};
        if (q.rc == SQLITE_OK)
            sql_again(&q);
    }
    enum status end = sql_done(&q, st == OK ? err : NULL);
    store_reader_give(db, c);
    return st != OK ? st : end;
}

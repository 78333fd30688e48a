/* check.c - see check.h. */
#include "ledger/check.h"

#include "base/arena.h"
#include "base/crypt.h"
#include "base/log.h"
#include "ledger/opening.h"
#include "ledger/prove.h"
#include "ledger/sum.h"
#include "ledger/writer.h"

struct checking {
    struct db *db;
    const struct snapshot *snapshot;
    sqlite3 *conn;
    uint64_t drained;
    int64_t now_ms;
    bool repair;
    struct check_result *out;
    struct buf *text; /* verify: what differs */
    struct err *err;
    enum status st;
};

/* What the outbox still holds for a window. */
struct pending {
    const struct budget *b;
    int64_t from, to, usd;
};

static bool on_pending(void *arg, uint64_t seq, const struct event *e)
{
    struct pending *p = arg;
    (void)seq;
    if (e->ts_ms >= p->from && e->ts_ms < p->to && opening_matches(p->b, e))
        p->usd = money_add(p->usd, e->usd);
    return true;
}

static void differs(struct checking *c, const struct budget *b,
                    const struct counter_window *w, int64_t want)
{
    char have_text[MONEY_TEXT], want_text[MONEY_TEXT];
    c->out->repaired++;
    money_format(w->spent, have_text);
    money_format(want, want_text);
    if (c->text != NULL)
        buf_printf(c->text,
                   "window of budget %llu (tenant %lld): counter %s, ledger "
                   "%s\n",
                   (unsigned long long)b->id, (long long)b->tenant_id,
                   have_text, want_text);
    if (!c->repair)
        return;
    // from nothing: a window is opened, or the counters were deleted
    log_line(w->spent == 0 ? LOG_INFO : LOG_WARN, "counter set from the ledger",
             LF_N("budget", (int64_t)b->id), LF_C("counter", have_text),
             LF_C("ledger", want_text));
    c->st = opening_set(c->db, b, c->now_ms, c->err);
}

static void check_budget(struct checking *c, const struct budget *b)
{
    struct counter_window w;
    struct sum s = {0};
    if (c->st != OK || !db_window(c->db, b, c->now_ms, &w))
        return;
    struct pending p = {
        .b = b, .from = w.start_ms - w.width_ms, .to = w.end_ms};
    c->out->windows++;
    c->st = counters_peek(c->db->conf.counters, &w, c->now_ms, c->err);
    if (c->st == OK)
        c->st = sum_budget(c->conn, b, p.from, p.to, &s, c->err);
    if (c->st == OK)
        c->st = counters_outbox_read(c->db->conf.counters, c->drained, 1 << 30,
                                     on_pending, &p, c->err);
    int64_t want = money_add(s.usd, p.usd);
    if (c->st == OK && want != w.spent)
        differs(c, b, &w, want);
}

static bool on_tenant(void *arg, const struct tenant *t)
{
    struct checking *c = arg;
    for (int i = 0; i < t->budget_count && c->st == OK; i++)
        check_budget(c, &t->budgets[i]);
    return c->st == OK;
}

/* Sessions that have a budget: their implicit window and what set it. */
static void check_sessions(struct checking *c)
{
    struct sql q =
        sql_prepare(c->conn, "SELECT tenant_id,session_id,custom_budget_nano,"
                             "tag_budget_nano FROM session");
    while (c->st == OK && sql_row(&q)) {
        struct slice id = sql_col_text(&q, 1);
        int64_t tenant = sql_col(&q, 0, 0), custom = sql_col(&q, 2, -1),
                tag = sql_col(&q, 3, -1);
        const struct tenant *t = snapshot_tenant(c->snapshot, tenant);
        if (t == NULL || (custom < 0 && tag < 0 &&
                          t->default_session_budget < 0 && !t->caps_sessions))
            continue;
        if (c->repair && (custom >= 0 || tag >= 0))
            c->st = counters_session_set(c->db->conf.counters, tenant, id,
                                         custom, tag, c->err);
        const struct budget b = {.id = snapshot_session_counter(tenant, id),
                                 .scope = SCOPE_SESSION,
                                 .tenant_id = tenant,
                                 .scope_id = id,
                                 .period = PERIOD_TOTAL,
                                 .active = true};
        check_budget(c, &b);
    }
    enum status st = sql_done(&q, c->st == OK ? c->err : NULL);
    c->st = c->st == OK ? st : c->st;
}

static enum status check_all(struct checking *c)
{
    int n = 0;
    c->snapshot = catalog_ref(c->db->conf.catalog);
    c->conn = store_reader(c->db);
    snapshot_each(c->snapshot, on_tenant, c);
    const struct budget *wide = snapshot_wide(c->snapshot, &n);
    for (int i = 0; i < n; i++)
        check_budget(c, &wide[i]);
    check_sessions(c);
    store_reader_give(c->db, c->conn);
    snapshot_unref(&c->snapshot);
    return c->st;
}

enum status check_start(struct db *db, int64_t now_ms, struct check_result *out,
                        struct err *err)
{
    struct counters *k = db->conf.counters;
    uint64_t drained = 0;
    int64_t clean = -1;
    *out = (struct check_result){0};
    // rows that a crash left behind come first; the floor keeps a store that
    // was made anew from counting from 1 again
    enum status st = db_drained(db, &drained, err);
    if (st == OK)
        st = counters_outbox_floor(k, drained + 1, err);
    if (st == OK)
        st = writer_drain(db, err);
    if (st == OK)
        st = db_drained(db, &drained, err);
    if (st == OK) {
        st = counters_meta_get(k, "clean", &clean, err);
        st = st == E_NOT_FOUND ? OK : st;
    }
    if (st != OK)
        return st;
    out->skipped = clean >= 0 && (uint64_t)clean == drained;
    st = counters_meta_set(k, "clean", -1, err);
    if (st != OK || out->skipped)
        return st;
    struct checking c = {.db = db,
                         .drained = drained,
                         .now_ms = now_ms,
                         .repair = true,
                         .out = out,
                         .err = err};
    pthread_mutex_lock(&db->lock);
    st = check_all(&c);
    pthread_mutex_unlock(&db->lock);
    return st;
}

/* ---- verify ------------------------------------------------------------- */

static enum status verify_chain(struct checking *c, struct verify_result *v)
{
    struct proof p = {0};
    enum status st = prove_some(c->db, &p, INT64_MAX, c->err);
    v->rows = p.rows;
    v->bad_chain = p.bad;
    v->first_bad_id = p.first_bad_id;
    memcpy(v->head, p.head, sizeof v->head);
    return st;
}

#define MADE(unit, tenant, key)                                               \
    "SELECT " tenant ",ts-((ts%" unit ")+" unit ")%" unit "," key             \
    ",coalesce(model,''),coalesce(provider,''),coalesce(status,''),sum(usd)," \
    "sum(kind='usage'),sum(prompt_tok),sum(cached_tok),sum(cache_write_tok)," \
    "sum(comp_tok),sum(reasoning_tok) FROM ledger WHERE kind<>'reset' "       \
    "GROUP BY 1,2,3,4,5,6"
#define MADE_TAG(unit)                                                      \
    "SELECT t.tag_id,ts-((ts%" unit ")+" unit ")%" unit ",t.direct,"        \
    "coalesce(status,''),sum(usd),sum(kind='usage'),sum(prompt_tok),"       \
    "sum(comp_tok) FROM ledger JOIN ledger_tag t ON t.ledger_id=ledger.id " \
    "WHERE kind<>'reset' GROUP BY 1,2,3,4"
#define MADE_TAGGED(unit)                                                     \
    "SELECT -tenant_id,ts-((ts%" unit ")+" unit ")%" unit ",1,"               \
    "coalesce(status,''),sum(usd),sum(kind='usage'),sum(prompt_tok),"         \
    "sum(comp_tok) FROM ledger WHERE kind<>'reset' AND EXISTS(SELECT 1 FROM " \
    "ledger_tag t WHERE t.ledger_id=ledger.id AND t.direct) GROUP BY 1,2,3,4"
#define MADE_USE(tenant, key)                                               \
    "SELECT " tenant ",ts-((ts%" DAY ")+" DAY ")%" DAY "," key ",sum(usd)," \
    "sum(kind='usage'),sum(kind='usage' AND coalesce(status,'') IN "        \
    "('success','interrupted')),sum(prompt_tok),sum(comp_tok) FROM ledger " \
    "WHERE kind<>'reset' GROUP BY 1,2,3"
#define MADE_DATA                                                             \
    "SELECT CASE WHEN ingest_token_id IS NOT NULL THEN ingest_token_id WHEN " \
    "coalesce(reason,'')='legacy' THEN 0 ELSE -1 END,"                        \
    "ts-((ts%" DAY ")+" DAY ")%" DAY ",coalesce(model,''),sum(usd),count(*)," \
    "sum(prompt_tok),sum(comp_tok) FROM ledger WHERE kind='usage' AND "       \
    "status IN ('success','interrupted') GROUP BY 1,2,3"
#define HOUR "3600000"
#define DAY "86400000"
#define BOTH(table, cond, made)                                               \
    "SELECT (SELECT count(*) FROM (SELECT * FROM " table cond " EXCEPT " made \
    "))+(SELECT count(*) FROM (" made " EXCEPT SELECT * FROM " table cond "))"

static enum status verify_rollups(struct checking *c, struct verify_result *v)
{
    static const char *const texts[] = {
        BOTH("rollup_hour", " WHERE tenant_id>=0",
             MADE(HOUR, "tenant_id", "coalesce(key_id,0)")),
        BOTH("rollup_day", " WHERE tenant_id>=0",
             MADE(DAY, "tenant_id", "coalesce(key_id,0)")),
        BOTH("rollup_hour", " WHERE tenant_id<0", MADE(HOUR, "-1", "0")),
        BOTH("rollup_day", " WHERE tenant_id<0", MADE(DAY, "-1", "0")),
        BOTH("rollup_tag_hour", " WHERE tag_id>0", MADE_TAG(HOUR)),
        BOTH("rollup_tag_day", " WHERE tag_id>0", MADE_TAG(DAY)),
        BOTH("rollup_tag_hour", " WHERE tag_id<0", MADE_TAGGED(HOUR)),
        BOTH("rollup_tag_day", " WHERE tag_id<0", MADE_TAGGED(DAY)),
        BOTH("rollup_use", " WHERE tenant_id>=0",
             MADE_USE("tenant_id", "coalesce(key_id,0)")),
        BOTH("rollup_use", " WHERE tenant_id<0", MADE_USE("-1", "0")),
        BOTH("rollup_month", "",
             "SELECT tenant_id,1000*unixepoch(strftime('%Y-%m-01',"
             "bucket/1000,'unixepoch')),key_id,sum(usd),sum(requests),"
             "sum(metered),sum(input),sum(output) FROM rollup_use "
             "GROUP BY 1,2,3"),
        BOTH("rollup_tag_month", "",
             "SELECT tag_id,1000*unixepoch(strftime('%Y-%m-01',bucket/1000,"
             "'unixepoch')),direct,status,sum(usd),sum(requests),sum(input),"
             "sum(output) FROM rollup_tag_day GROUP BY 1,2,3,4"),
        BOTH("rollup_data", "", MADE_DATA)};
    enum status st = OK;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && st == OK; i++) {
        int64_t n = 0;
        st = store_number(c->conn, texts[i], 0, &n, c->err);
        v->bad_rollups += n;
    }
    return st;
}

enum status check_verify(struct db *db, int64_t now_ms,
                         struct verify_result *out, struct buf *text,
                         struct err *err)
{
    struct check_result r = {0};
    struct checking c = {
        .db = db, .now_ms = now_ms, .out = &r, .text = text, .err = err};
    char head[65];
    *out = (struct verify_result){0};
    c.st = db_drained(db, &c.drained, err);
    if (c.st == OK)
        c.st = check_all(&c);
    if (c.st == OK)
        c.st = verify_chain(&c, out);
    c.conn = store_reader(db);
    if (c.st == OK)
        c.st = verify_rollups(&c, out);
    store_reader_give(db, c.conn);
    out->windows = r.windows;
    out->bad_windows = r.repaired;
    out->good = c.st == OK && r.repaired == 0 && out->bad_chain == 0 &&
                out->bad_rollups == 0;
    crypt_hex(out->head, sizeof out->head, head);
    buf_printf(text,
               "rows %lld, head %s\nchain: %s%lld rows differ, first %lld\n"
               "rollups: %lld cells differ\nwindows: %lld of %lld differ\n"
               "%s\n",
               (long long)out->rows, head, out->bad_chain ? "BROKEN, " : "",
               (long long)out->bad_chain, (long long)out->first_bad_id,
               (long long)out->bad_rollups, (long long)out->bad_windows,
               (long long)out->windows,
               out->good ? "everything agrees" : "NOT GOOD");
    return c.st;
}

/* rows_session.c - sessions as rows; see rows.h.
 *
 * What a session cost is always the ledger's sum; its budget is the admin's
 * own, else the lowest of its tags, else its tenant's.
 */
#include "ledger/change.h"
#include "ledger/opening.h"

/* What stands in ?1 to ?5 of the list below. */
#define SESSION_WANTED                                                       \
    "s.tenant_id=?1 AND (?2=0 OR s.last_active_at>=?2) AND "                 \
    "(?3=0 OR s.last_active_at<?3) AND (?4 IS NULL OR "                      \
    "instr(lower(s.session_id),lower(?4))>0 OR "                             \
    "instr(lower(coalesce(s.name,'')),lower(?4))>0 OR "                      \
    "instr(lower(coalesce(s.path,'')),lower(?4))>0) AND (?5=0 OR (?5=1)="    \
    "CASE WHEN " BUDGET " IS NULL THEN 0 ELSE coalesce(" COST ",0)>=" BUDGET \
    " END)"
#define BUDGET                                         \
    "coalesce(s.custom_budget_nano,s.tag_budget_nano," \
    "t.default_session_budget_nano)"
#define COST                                                             \
    "(SELECT sum(l.usd) FROM ledger l WHERE l.session=s.session_id AND " \
    "l.tenant_id=s.tenant_id)"
#define SESSION_FROM " FROM session s JOIN tenant t ON t.id=s.tenant_id "
#define LAST_USED " ORDER BY s.last_active_at DESC,s.session_id"
/* Costs are summed behind the limit, for the rows of the page alone. */
#define SESSION_COLUMNS                                                   \
    "SELECT s.tenant_id,s.session_id,s.name,s.path,s.custom_budget_nano," \
    "s.tag_budget_nano,s.metadata,s.created_at,s.last_active_at,t.name,"  \
    "t.default_session_budget_nano," COST ","                             \
    "(SELECT count(*) FROM ledger l WHERE l.session=s.session_id AND "    \
    "l.tenant_id=s.tenant_id AND l.kind='usage') FROM "

static void read_session(struct sql *q, struct arena *a, void *out)
{
    *(struct session_row *)out =
        (struct session_row){.tenant_id = sql_col(q, 0, 0),
                             .id = sql_col_dup(q, 1, a),
                             .name = sql_col_dup(q, 2, a),
                             .path = sql_col_dup(q, 3, a),
                             .custom = sql_col(q, 4, -1),
                             .tag_budget = sql_col(q, 5, -1),
                             .metadata = sql_col_dup(q, 6, a),
                             .created_ms = sql_col(q, 7, 0),
                             .active_ms = sql_col(q, 8, 0),
                             .tenant = sql_col_dup(q, 9, a),
                             .tenant_default = sql_col(q, 10, -1),
                             .cost = sql_col(q, 11, 0),
                             .requests = sql_col(q, 12, 0)};
}

int64_t rows_session_effective(const struct session_row *s)
{
    if (s->custom >= 0)
        return s->custom;
    return s->tag_budget >= 0 ? s->tag_budget : s->tenant_default;
}

static void bind_filter(struct sql *q, const struct session_filter *f)
{
    sql_i64(q, f->tenant_id);
    sql_i64(q, f->from_ms);
    sql_i64(q, f->to_ms);
    sql_text_or(q, f->search);
    sql_i64(q, f->by_exceeded ? (f->exceeded ? 1 : 2) : 0);
}

enum status rows_sessions(struct db *db, struct arena *a,
                          const struct session_filter *f, int64_t offset,
                          int64_t limit, struct session_row **out, int *n,
                          int64_t *total, struct err *err)
{
    void *list = NULL;
    *n = 0;
    sqlite3 *conn = store_reader(db);
    struct sql k = sql_prepare(conn, "SELECT count(*)" SESSION_FROM
                                     "WHERE " SESSION_WANTED);
    bind_filter(&k, f);
    *total = sql_row(&k) ? sql_col(&k, 0, 0) : 0;
    enum status st = sql_done(&k, err);
    if (st != OK) {
        store_reader_give(db, conn);
        return st;
    }
    struct sql q = sql_prepare(
        conn, SESSION_COLUMNS
        "(SELECT s.tenant_id AS ti,s.session_id AS si" SESSION_FROM
        "WHERE " SESSION_WANTED LAST_USED
        " LIMIT ?6 OFFSET ?7) CROSS JOIN session s ON s.tenant_id=ti "
        "AND s.session_id=si CROSS JOIN tenant t ON "
        "t.id=s.tenant_id" LAST_USED);
    bind_filter(&q, f);
    sql_i64(&q, limit);
    sql_i64(&q, offset);
    st =
        change_list(db, &q, conn, a, sizeof **out, read_session, &list, n, err);
    *out = list;
    return st;
}

enum status rows_sessions_named(struct db *db, struct arena *a, struct slice id,
                                struct session_row **out, int *n,
                                struct err *err)
{
    void *list = NULL;
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(conn, SESSION_COLUMNS
                               "session s JOIN tenant t ON t.id=s.tenant_id "
                               "WHERE s.session_id=?" LAST_USED " LIMIT 1000");
    sql_text(&q, id);
    enum status st =
        change_list(db, &q, conn, a, sizeof **out, read_session, &list, n, err);
    *out = list;
    return st;
}

/* Its window gets what the session has spent so far. */
static enum status open_window(struct db *db, int64_t tenant_id,
                               struct slice id, int64_t now_ms, struct err *err)
{
    const struct budget b = {.id = snapshot_session_counter(tenant_id, id),
                             .scope = SCOPE_SESSION,
                             .tenant_id = tenant_id,
                             .scope_id = id,
                             .period = PERIOD_TOTAL,
                             .active = true};
    return opening_set(db, &b, now_ms, err);
}

/* Sessions whose first row is still on its way: no row of theirs yet. */
struct young {
    struct arena arena;
    int64_t tenant_id;
    struct young_id {
        struct young_id *next;
        struct slice id;
    } * first;
};

static bool on_young(void *arg, uint64_t seq, const struct event *e)
{
    struct young *y = arg;
    (void)seq;
    if (e->tenant_id != y->tenant_id || e->session.n == 0)
        return true;
    for (struct young_id *i = y->first; i != NULL; i = i->next)
        if (slice_eq(i->id, e->session))
            return true;
    struct young_id *i = arena_try(&y->arena, sizeof *i);
    if (i == NULL)
        return false;
    *i = (struct young_id){y->first, arena_dup(&y->arena, e->session)};
    y->first = i;
    return i->id.p != NULL;
}

static enum status open_young(struct db *db, int64_t tenant_id, int64_t now_ms,
                              struct err *err)
{
    struct young y = {.tenant_id = tenant_id};
    int64_t drained = 0;
    arena_init(&y.arena, 64u << 20);
    enum status st =
        store_number(db->w, "SELECT value FROM setting WHERE name='drained'", 0,
                     &drained, err);
    if (st == OK)
        st = counters_outbox_read(db->conf.counters, (uint64_t)drained, 1 << 30,
                                  on_young, &y, err);
    for (const struct young_id *i = y.first; i != NULL && st == OK; i = i->next)
        st = open_window(db, tenant_id, i->id, now_ms, err);
    arena_release(&y.arena);
    return st;
}

enum status session_open_all(struct db *db, int64_t tenant_id, int64_t now_ms,
                             struct err *err)
{
    enum status st = open_young(db, tenant_id, now_ms, err);
    struct sql q = sql_prepare(
        db->w, "SELECT session_id FROM session WHERE tenant_id=? AND "
               "custom_budget_nano IS NULL AND tag_budget_nano IS NULL");
    sql_i64(&q, tenant_id);
    while (st == OK && sql_row(&q))
        st = open_window(db, tenant_id, sql_col_text(&q, 0), now_ms, err);
    enum status ended = sql_done(&q, st == OK ? err : NULL);
    return st == OK ? ended : st;
}

enum status rows_session_count(struct db *db, int64_t tenant_id, int64_t *out,
                               struct err *err)
{
    sqlite3 *conn = store_reader(db);
    struct sql q =
        sql_prepare(conn, "SELECT count(*) FROM session WHERE tenant_id=?");
    *out = 0;
    sql_i64(&q, tenant_id);
    if (sql_row(&q))
        *out = sql_col(&q, 0, 0);
    enum status st = sql_done(&q, err);
    store_reader_give(db, conn);
    return st;
}

enum status rows_session_budget(struct db *db, struct actor who,
                                const struct session_row *s, int64_t custom,
                                struct err *err)
{
    struct change c;
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    struct sql q = sql_prepare(
        c.db->w, "UPDATE session SET custom_budget_nano=? WHERE tenant_id=? "
                 "AND session_id=?");
    sql_i64_or(&q, custom, -1);
    sql_i64(&q, s->tenant_id);
    sql_text(&q, s->id);
    sql_run(&q);
    c.st = sql_done(&q, err);
    change_audit(&c, s->tenant_id,
                 custom >= 0 ? "session.budget.set" : "session.budget.remove",
                 "tenantId", s->tenant_id, s->id, err);
    st = store_commit(db, c.st, err);
    if (st == OK)
        st = counters_session_set(db->conf.counters, s->tenant_id, s->id,
                                  custom, s->tag_budget, err);
    // from here on it is enforced; what came before is added
    if (st == OK && custom >= 0)
        st = open_window(db, s->tenant_id, s->id, c.now_ms, err);
    store_end(db);
    return st;
}

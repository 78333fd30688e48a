/* raised.c - see raised.h. */
#include "ledger/raised.h"

#include "base/fault.h"
#include "ledger/change.h"

#define ALERT_COLUMNS                                                    \
    "a.id,a.ts,a.budget_id,a.window_start,a.scope,a.period,a.threshold," \
    "a.spent_nano,a.amount_nano,a.tenant_id"
#define ALERT_COUNT 10
#define QUARTER_MS "900000" /* every zone's hours begin on a quarter */

static const char *const states[] = {
    [DELIVERY_PENDING] = "pending",
    [DELIVERY_DONE] = "delivered",
    [DELIVERY_FAILED] = "failed",
};

/* ---- raising ------------------------------------------------------------ */

static enum status is_raised(sqlite3 *conn, const struct alert_row *a,
                             int64_t since_ms, bool *raised, struct err *err)
{
    struct sql q = sql_prepare(conn, "SELECT 1 FROM alert WHERE budget_id=? "
                                     "AND window_start>=? AND threshold=?");
    sql_i64(&q, a->budget_id);
    sql_i64(&q, since_ms);
    sql_i64(&q, a->threshold);
    *raised = sql_row(&q);
    return sql_done(&q, err);
}

static enum status insert(sqlite3 *w, struct alert_row *a,
                          const char *const *channels, int n, struct err *err)
{
    struct sql q = sql_prepare(
        w, "INSERT INTO alert(ts,budget_id,window_start,scope,period,"
           "threshold,spent_nano,amount_nano,tenant_id) "
           "VALUES(?,?,?,?,?,?,?,?,?)");
    sql_i64(&q, a->ts_ms);
    sql_i64(&q, a->budget_id);
    sql_i64(&q, a->window_start);
    sql_text(&q, a->scope);
    sql_text(&q, a->period);
    sql_i64(&q, a->threshold);
    sql_i64(&q, a->spent);
    sql_i64(&q, a->amount);
    sql_i64(&q, a->tenant_id);
    sql_run(&q);
    enum status st = sql_done(&q, err);
    a->id = sqlite3_last_insert_rowid(w);
    for (int i = 0; i < n && st == OK; i++) {
        q = sql_prepare(w, "INSERT INTO alert_delivery(alert_id,channel,state,"
                           "attempts,next_at) VALUES(?,?,'pending',0,?)");
        sql_i64(&q, a->id);
        sql_text(&q, slice_str(channels[i]));
        sql_i64(&q, a->ts_ms);
        sql_run(&q);
        st = sql_done(&q, err);
    }
    return st;
}

enum status raised_add(struct db *db, struct alert_row *a, int64_t since_ms,
                       const char *const *channels, int n, bool *fresh,
                       struct err *err)
{
    bool raised = true;
    *fresh = false;
    // most calls find it raised already: no write lock for those
    sqlite3 *conn = store_reader(db);
    enum status st = is_raised(conn, a, since_ms, &raised, err);
    store_reader_give(db, conn);
    if (st != OK || raised || (st = store_begin(db, err)) != OK)
        return st;
    st = is_raised(db->w, a, since_ms, &raised, err);
    if (st == OK && !raised)
        st = insert(db->w, a, channels, n, err);
    if (FAULT("alert.before_commit") && st == OK)
        st = err_set(err, E_IO, "raised", "fault: alert.before_commit");
    st = store_commit(db, st, err);
    store_end(db);
    (void)FAULT("alert.committed");
    *fresh = st == OK && !raised;
    return st;
}

/* ---- reading ------------------------------------------------------------ */

static void read_from(struct sql *q, int at, struct arena *a,
                      struct alert_row *r)
{
    *r = (struct alert_row){.id = sql_col(q, at, 0),
                            .ts_ms = sql_col(q, at + 1, 0),
                            .budget_id = sql_col(q, at + 2, 0),
                            .window_start = sql_col(q, at + 3, 0),
                            .scope = sql_col_dup(q, at + 4, a),
                            .period = sql_col_dup(q, at + 5, a),
                            .threshold = sql_col(q, at + 6, 0),
                            .spent = sql_col(q, at + 7, 0),
                            .amount = sql_col(q, at + 8, 0),
                            .tenant_id = sql_col(q, at + 9, 0)};
}

static void read_alert(struct sql *q, struct arena *a, void *out)
{
    read_from(q, 0, a, out);
}

enum status raised_list(struct db *db, struct arena *a, int64_t tenant_id,
                        int64_t before, int limit, struct alert_row **out,
                        int *n, struct err *err)
{
    void *list = NULL;
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(
        conn, "SELECT " ALERT_COLUMNS " FROM alert a "
              "WHERE (?1=0 OR a.tenant_id=?1) AND (?2=0 OR a.id<?2) "
              "ORDER BY a.id DESC LIMIT ?3");
    sql_i64(&q, tenant_id);
    sql_i64(&q, before);
    sql_i64(&q, limit);
    enum status st =
        change_list(db, &q, conn, a, sizeof **out, read_alert, &list, n, err);
    *out = list;
    return st;
}

static enum delivery_state state_of(struct slice s)
{
    for (int i = 0; i < (int)(sizeof states / sizeof *states); i++)
        if (slice_is(s, states[i]))
            return (enum delivery_state)i;
    return DELIVERY_FAILED;
}

#define DELIVERY_COLUMNS \
    "d.id,d.channel,d.state,d.attempts,d.next_at,d.last_error,d.delivered_at"
#define DELIVERY_COUNT 7

static void read_delivery(struct sql *q, struct arena *a, void *out)
{
    struct delivery_row *d = out;
    *d = (struct delivery_row){.id = sql_col(q, 0, 0),
                               .channel = sql_col_dup(q, 1, a),
                               .state = state_of(sql_col_text(q, 2)),
                               .attempts = sql_col(q, 3, 0),
                               .next_ms = sql_col(q, 4, 0),
                               .last_error = sql_col_dup(q, 5, a),
                               .delivered_ms = sql_col(q, 6, 0)};
    d->alert.id = sql_col(q, DELIVERY_COUNT, 0);
    if (sqlite3_column_count(q->s) == DELIVERY_COUNT + ALERT_COUNT)
        read_from(q, DELIVERY_COUNT, a, &d->alert);
}

enum status raised_deliveries(struct db *db, struct arena *a, int64_t tenant_id,
                              int64_t first, int64_t last,
                              struct delivery_row **out, int *n,
                              struct err *err)
{
    void *list = NULL;
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(
        conn, "SELECT " DELIVERY_COLUMNS ",d.alert_id FROM alert_delivery d "
              "WHERE d.alert_id BETWEEN ?1 AND ?2 AND (?3=0 OR d.alert_id IN "
              "(SELECT id FROM alert WHERE tenant_id=?3 AND id BETWEEN ?1 AND "
              "?2)) ORDER BY d.alert_id,d.channel");
    sql_i64(&q, first);
    sql_i64(&q, last);
    sql_i64(&q, tenant_id);
    enum status st = change_list(db, &q, conn, a, sizeof **out, read_delivery,
                                 &list, n, err);
    *out = list;
    return st;
}

enum status raised_pending(struct db *db, struct arena *a, struct slice channel,
                           int limit, struct delivery_row **out, int *n,
                           struct err *err)
{
    void *list = NULL;
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(
        conn, "SELECT " DELIVERY_COLUMNS "," ALERT_COLUMNS
              " FROM alert_delivery d JOIN alert a ON a.id=d.alert_id "
              "WHERE d.state='pending' AND d.channel=? "
              "ORDER BY d.next_at,d.id LIMIT ?");
    sql_text(&q, channel);
    sql_i64(&q, limit);
    enum status st = change_list(db, &q, conn, a, sizeof **out, read_delivery,
                                 &list, n, err);
    *out = list;
    return st;
}

enum status raised_note(struct db *db, const struct delivery_row *d,
                        struct err *err)
{
    enum status st = store_begin(db, err);
    if (st != OK)
        return st;
    struct sql q = sql_prepare(
        db->w, "UPDATE alert_delivery SET state=?,attempts=?,next_at=?,"
               "last_error=?,delivered_at=? WHERE id=?");
    sql_text(&q, slice_str(states[d->state]));
    sql_i64(&q, d->attempts);
    sql_i64(&q, d->next_ms);
    sql_text_or(&q, d->last_error);
    sql_i64_or(&q, d->delivered_ms, 0);
    sql_i64(&q, d->id);
    sql_run(&q);
    st = store_commit(db, sql_done(&q, err), err);
    store_end(db);
    return st;
}

/* ---- what happened since ------------------------------------------------ */

enum status raised_last_row(struct db *db, int64_t *id, struct err *err)
{
    sqlite3 *conn = store_reader(db);
    enum status st =
        store_number(conn, "SELECT max(id) FROM ledger", 0, id, err);
    store_reader_give(db, conn);
    return st;
}

enum status raised_touched(struct db *db, int64_t after, int max,
                           raised_touched_fn *fn, void *arg, int64_t *upto,
                           struct err *err)
{
    int64_t last;
    *upto = after;
    enum status st = raised_last_row(db, &last, err);
    if (st != OK || last <= after)
        return st;
    if (last - after > max)
        last = after + max;
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(
        conn, "SELECT tenant_id,max(ts) FROM ledger WHERE id>? AND id<=? "
              "AND kind<>'reset' GROUP BY tenant_id,ts/" QUARTER_MS);
    sql_i64(&q, after);
    sql_i64(&q, last);
    while (sql_row(&q))
        fn(arg, sql_col(&q, 0, 0), sql_col(&q, 1, 0));
    st = sql_done(&q, err);
    store_reader_give(db, conn);
    if (st == OK)
        *upto = last;
    return st;
}

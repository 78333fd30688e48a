/* rows_budget.c - budgets as rows; see rows.h.
 *
 * After the commit the tenant is swapped first and the window opened second,
 * both under the lock: a call admitted in between charges the new window, and
 * the opening then sets it from ledger + outbox, which includes that call.
 */
#include <stdio.h>

#include "base/json.h"
#include "ledger/change.h"
#include "ledger/load.h"
#include "ledger/opening.h"

static struct slice scope_text(const struct budget *b, char out[static 24])
{
    int64_t id;
    switch (b->scope) {
    case SCOPE_TENANT:
        id = b->tenant_id;
        break;
    case SCOPE_KEY:
    case SCOPE_TAG:
        id = b->object_id;
        break;
    case SCOPE_GLOBAL:
    case SCOPE_SESSION:
    case SCOPE_USER:
    case SCOPE_MODEL:
    default:
        return b->scope_id;
    }
    int n = snprintf(out, 24, "%lld", (long long)id);
    return slice(out, (size_t)n);
}

static enum status scope_exists(struct change *c, const struct budget *b,
                                struct err *err)
{
    static const char *const texts[] = {
        [SCOPE_KEY] = "SELECT 1 FROM api_key WHERE id=?1 AND tenant_id=?2",
        [SCOPE_TAG] = "SELECT 1 FROM tag WHERE id=?1 AND tenant_id=?2"};
    bool object = b->scope == SCOPE_KEY || b->scope == SCOPE_TAG;
    if (b->tenant_id == 0)
        return b->scope == SCOPE_GLOBAL || b->scope == SCOPE_MODEL
                   ? OK
                   : err_set(err, E_INVALID, "rows", "scope needs a tenant");
    if (b->scope == SCOPE_GLOBAL)
        return err_set(err, E_INVALID, "rows", "global has no tenant");
    struct sql q = sql_prepare(
        c->db->w,
        object ? texts[b->scope] : "SELECT 1 FROM tenant WHERE id=?2 OR ?1=-1");
    sql_i64(&q, object ? b->object_id : 0);
    sql_i64(&q, b->tenant_id);
    bool found = sql_row(&q);
    enum status st = sql_done(&q, err);
    if (st == OK && !found)
        st = err_set(err, E_NOT_FOUND, "rows", "no such scope object");
    return st;
}

enum status change_budget(struct change *c, struct budget_row *r, bool upsert,
                          struct err *err)
{
    char id[24];
    const struct budget *b = &r->b;
    enum status st = scope_exists(c, b, err);
    if (st != OK)
        return st;
    struct sql q = sql_prepare(
        c->db->w,
        upsert ? "INSERT INTO budget(scope_kind,scope_id,tenant_id,period,"
                 "window,start_at,end_at,amount_nano,mode,alert_thresholds,"
                 "is_active,weight,inheritance_mode,created_at,updated_at) "
                 "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?14) "
                 "ON CONFLICT(scope_kind,scope_id,tenant_id,period,window) "
                 "DO UPDATE SET start_at=?6,end_at=?7,amount_nano=?8,mode=?9,"
                 "alert_thresholds=?10,is_active=?11,weight=?12,"
                 "inheritance_mode=?13,updated_at=?14 "
                 "RETURNING id,created_at"
               : "INSERT INTO budget(scope_kind,scope_id,tenant_id,period,"
                 "window,start_at,end_at,amount_nano,mode,alert_thresholds,"
                 "is_active,weight,inheritance_mode,created_at,updated_at) "
                 "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?14) "
                 "RETURNING id,created_at");
    sql_i64(&q, b->scope);
    sql_text(&q, scope_text(b, id));
    sql_i64(&q, b->tenant_id);
    sql_i64(&q, b->period);
    sql_i64(&q, b->rolling_ms);
    sql_i64(&q, b->start_ms);
    sql_i64(&q, b->end_ms);
    sql_i64(&q, b->amount);
    sql_text(&q, b->soft ? SLICE("soft") : SLICE("hard"));
    sql_text_or(&q, r->thresholds);
    sql_i64(&q, b->active);
    sql_i64(&q, r->weight_milli);
    sql_text(&q, r->inheritance.n > 0 ? r->inheritance : SLICE("LENIENT"));
    sql_i64(&q, c->now_ms);
    if (sql_row(&q)) {
        r->b.id = (uint64_t)sql_col(&q, 0, 0);
        r->created_ms = sql_col(&q, 1, 0);
        r->updated_ms = c->now_ms;
        (void)sql_row(&q);
    }
    return sql_done(&q, err);
}

/* Commits, swaps, opens the windows, gives the lock back. */
static enum status finish(struct change *c, int64_t tenant_id,
                          const struct budget_row *b, int n, struct err *err)
{
    enum status st = store_commit(c->db, c->st, err);
    if (st == OK)
        st = tenant_id > 0 ? load_tenant(c->db, tenant_id, err)
                           : load_wide(c->db, err);
    for (int i = 0; i < n && st == OK; i++)
        st = b[i].b.active ? opening_set(c->db, &b[i].b, c->now_ms, err)
                           : opening_drop(c->db, b[i].b.id, err);
    store_end(c->db);
    return st;
}

enum status rows_budgets_add(struct db *db, struct actor who,
                             struct budget_row *b, int n, bool upsert,
                             struct err *err)
{
    struct change c;
    if (n <= 0)
        return err_set(err, E_INVALID, "rows", "no budgets");
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    for (int i = 0; i < n && c.st == OK; i++) {
        b[i].b.direct_only = slice_is(b[i].inheritance, "NONE") ||
                             slice_is(b[i].inheritance, "BYPASS");
        if (b[i].b.tenant_id != b[0].b.tenant_id)
            c.st = err_set(err, E_INVALID, "rows", "several tenants");
        else
            c.st = change_budget(&c, &b[i], upsert, err);
        change_audit(&c, b[i].b.tenant_id, "budget.set", "budgetId",
                     (int64_t)b[i].b.id, (struct slice){0}, err);
    }
    return finish(&c, b[0].b.tenant_id, b, n, err);
}

static enum status find(struct db *db, int64_t id, struct budget_row *out,
                        struct err *err)
{
    struct sql q =
        sql_prepare(db->w, "SELECT " LOAD_BUDGET " FROM budget WHERE id=?");
    sql_i64(&q, id);
    bool found = sql_row(&q);
    if (found) {
        load_budget(&q, NULL, out);
        out->thresholds = out->inheritance = out->b.scope_id =
            (struct slice){NULL, 0}; // they end with the statement
    }
    enum status st = sql_done(&q, err);
    if (st == OK && !found)
        st = err_set(err, E_NOT_FOUND, "rows", "no such budget");
    return st;
}

enum status rows_budget_set(struct db *db, struct actor who,
                            const struct budget_row *b, struct err *err)
{
    struct change c;
    struct budget_row old, now = *b;
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    now.b.direct_only =
        slice_is(b->inheritance, "NONE") || slice_is(b->inheritance, "BYPASS");
    c.st = find(db, (int64_t)b->b.id, &old, err);
    if (c.st == OK) {
        struct sql q = sql_prepare(
            db->w,
            "UPDATE budget SET period=?,window=?,start_at=?,end_at=?,"
            "amount_nano=?,mode=?,alert_thresholds=?,is_active=?,weight=?,"
            "inheritance_mode=?,updated_at=? WHERE id=?");
        sql_i64(&q, b->b.period);
        sql_i64(&q, b->b.rolling_ms);
        sql_i64(&q, b->b.start_ms);
        sql_i64(&q, b->b.end_ms);
        sql_i64(&q, b->b.amount);
        sql_text(&q, b->b.soft ? SLICE("soft") : SLICE("hard"));
        sql_text_or(&q, b->thresholds);
        sql_i64(&q, b->b.active);
        sql_i64(&q, b->weight_milli);
        sql_text(&q, b->inheritance.n > 0 ? b->inheritance : SLICE("LENIENT"));
        sql_i64(&q, c.now_ms);
        sql_i64(&q, (int64_t)b->b.id);
        sql_run(&q);
        c.st = sql_done(&q, err);
        change_audit(&c, old.b.tenant_id, "budget.update", "budgetId",
                     (int64_t)b->b.id, (struct slice){0}, err);
    }
    now.b.scope = old.b.scope;
    return finish(&c, old.b.tenant_id, &now, c.st == OK ? 1 : 0, err);
}

enum status rows_budget_delete(struct db *db, struct actor who, int64_t id,
                               struct err *err)
{
    struct change c;
    struct budget_row old = {0};
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    c.st = find(db, id, &old, err);
    if (c.st == OK) {
        struct sql q = sql_prepare(db->w, "DELETE FROM budget WHERE id=?");
        sql_i64(&q, id);
        sql_run(&q);
        c.st = sql_done(&q, err);
        change_audit(&c, old.b.tenant_id, "budget.delete", "budgetId", id,
                     (struct slice){0}, err);
    }
    old.b.active = false; // finish drops its windows
    return finish(&c, old.b.tenant_id, &old, c.st == OK ? 1 : 0, err);
}

static void read_budget(struct sql *q, struct arena *a, void *out)
{
    load_budget(q, a, out);
}

enum status rows_budgets(struct db *db, struct arena *a,
                         const struct budget_filter *f, struct budget_row **out,
                         int *n, struct err *err)
{
    void *list = NULL;
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(
        conn, "SELECT " LOAD_BUDGET " FROM budget WHERE (?1=0 OR id=?1) AND "
              "(?2=0 OR tenant_id=?2) AND (?3=-1 OR scope_kind=?3) AND "
              "(?4 IS NULL OR scope_id=?4) ORDER BY id");
    sql_i64(&q, f->id);
    sql_i64(&q, f->tenant_id);
    sql_i64(&q, f->scoped ? (int64_t)f->scope : -1);
    sql_text_or(&q, f->scope_id);
    enum status st =
        change_list(db, &q, conn, a, sizeof **out, read_budget, &list, n, err);
    *out = list;
    return st;
}

/* rows.c - tenants, keys, audit, settings; see rows.h.
 *
 * Every change: store_begin, statements, audit, commit, swap into the
 * catalog, store_end.  The swap is under the same lock as the commit, so the
 * catalog sees changes in the order of the file.
 */
#include "ledger/rows.h"

#include "base/clock.h"
#include "base/json.h"
#include "ledger/change.h"
#include "ledger/load.h"
#include "ledger/names.h"
#include "ledger/opening.h"

/* ---- changes ------------------------------------------------------------ */

enum status change_begin(struct db *db, struct actor who, struct change *c,
                         struct err *err)
{
    *c = (struct change){
        .db = db, .who = who, .now_ms = clock_now_ms(), .st = OK};
    return store_begin(db, err);
}

void change_audit(struct change *c, int64_t tenant_id, const char *event,
                  const char *key, int64_t id, struct slice name,
                  struct err *err)
{
    struct buf b;
    struct json_out o;
    struct sql keep = {.conn = c->db->w};
    if (c->st != OK)
        return;
    buf_init(&b, 8192);
    json_out_init(&o, &b);
    json_obj(&o);
    json_knum(&o, key, id);
    if (name.n > 0)
        json_kstr(&o, "name", name);
    json_obj_end(&o);
    load_audit(c->db, tenant_id, c->who.name, event, buf_get(&b), c->now_ms,
               &keep);
    buf_release(&b);
    c->st = sql_status(c->db->w, keep.rc, err);
}

enum status change_end(struct change *c, int64_t tenant_id, struct err *err)
{
    enum status st = store_commit(c->db, c->st, err);
    if (st == OK)
        st = tenant_id > 0 ? load_tenant(c->db, tenant_id, err)
                           : load_wide(c->db, err);
    store_end(c->db);
    return st;
}

enum status rows_note(struct db *db, struct actor who, int64_t tenant_id,
                      const char *event, const char *key, int64_t id,
                      struct slice name, struct err *err)
{
    struct change c;
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    change_audit(&c, tenant_id, event, key, id, name, err);
    st = store_commit(db, c.st, err);
    store_end(db);
    return st;
}

/* ---- tenants ------------------------------------------------------------ */

static bool name_ok(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 32 || s.p[i] == 127)
            return false;
    return s.n > 0 && s.n <= TENANT_NAME_MAX && json_utf8_ok(s);
}

static void insert_tenant(struct change *c, struct tenant_row *t,
                          struct err *err)
{
    struct sql q = sql_prepare(
        c->db->w, "INSERT INTO tenant(name,origin,rate_limit_per_min,"
                  "tokens_per_min,max_concurrent,default_session_budget_nano,"
                  "created_at,updated_at) VALUES(?,?,?,?,?,?,?,?)");
    sql_text(&q, t->name);
    sql_text(&q, names_of(NAMES_ORIGIN, (int)t->origin));
    sql_i64_or(&q, t->rate_limit_per_min, -1);
    sql_i64_or(&q, t->tokens_per_min, -1);
    sql_i64_or(&q, t->max_concurrent, -1);
    sql_i64_or(&q, t->default_session_budget, -1);
    sql_i64(&q, c->now_ms);
    sql_i64(&q, c->now_ms);
    sql_run(&q);
    c->st = sql_done(&q, err);
    t->id = sqlite3_last_insert_rowid(c->db->w);
    t->created_ms = t->updated_ms = c->now_ms;
}

enum status rows_tenant_add(struct db *db, struct actor who,
                            struct tenant_row *t, struct budget *budgets, int n,
                            struct err *err)
{
    struct change c;
    if (!name_ok(t->name))
        return err_set(err, E_INVALID, "rows", "no name for a tenant");
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    insert_tenant(&c, t, err);
    for (int i = 0; i < n && c.st == OK; i++) {
        struct budget_row r = {.b = budgets[i],
                               .weight_milli = 1000,
                               .inheritance = SLICE("LENIENT")};
        r.b.scope = SCOPE_TENANT;
        r.b.tenant_id = t->id;
        r.b.active = true;
        c.st = change_budget(&c, &r, false, err);
        if (c.st == E_EXISTS)
            c.st = err_set(err, E_INVALID, "rows", "period given twice");
        budgets[i] = r.b;
    }
    change_audit(&c, t->id, "tenant.create", "tenantId", t->id, t->name, err);
    return change_end(&c, t->id, err);
}

static enum status find_name(struct db *db, struct slice name, int64_t *id,
                             struct err *err)
{
    struct sql q = sql_prepare(db->w, "SELECT id FROM tenant WHERE name=?");
    sql_text(&q, name);
    *id = sql_row(&q) ? sql_col(&q, 0, 0) : 0;
    return sql_done(&q, err);
}

enum status rows_tenant_ensure(struct db *db, struct slice name,
                               enum tenant_origin origin, int64_t max,
                               int64_t *id, struct err *err)
{
    struct change c;
    struct tenant_row t = {.name = name,
                           .origin = origin,
                           .rate_limit_per_min = -1,
                           .tokens_per_min = -1,
                           .max_concurrent = -1,
                           .default_session_budget = -1};
    if (!name_ok(name))
        return err_set(err, E_INVALID, "rows", "no name for a tenant");
    enum status st =
        change_begin(db, (struct actor){SLICE("gateway")}, &c, err);
    if (st != OK)
        return st;
    c.st = find_name(db, name, id, err);
    if (c.st == OK && *id == 0) {
        struct sql q =
            sql_prepare(db->w, "SELECT count(*) FROM tenant WHERE origin=?");
        sql_text(&q, names_of(NAMES_ORIGIN, (int)origin));
        int64_t have = sql_row(&q) ? sql_col(&q, 0, 0) : 0;
        c.st = sql_done(&q, err);
        if (c.st == OK && have >= max)
            c.st = err_set(err, E_TOO_BIG, "rows", "too many tenants");
        if (c.st == OK)
            insert_tenant(&c, &t, err);
        *id = t.id;
        change_audit(&c, t.id, "tenant.create", "tenantId", t.id, name, err);
    }
    return change_end(&c, *id, err);
}

static enum status changed_one(struct change *c, struct sql *q, struct err *err)
{
    sql_run(q);
    int n = sqlite3_changes(c->db->w);
    enum status st = sql_done(q, err);
    if (st == OK && n == 0)
        st = err_set(err, E_NOT_FOUND, "rows", "no such row");
    return st;
}

/* True if the tenant's sessions have no budget by default. */
static bool sessions_are_free(struct change *c, int64_t id, struct err *err)
{
    struct sql q = sql_prepare(
        c->db->w, "SELECT default_session_budget_nano FROM tenant WHERE id=?");
    sql_i64(&q, id);
    bool yes = sql_row(&q) && sql_col(&q, 0, -1) < 0;
    c->st = sql_done(&q, err);
    return yes;
}

static void update_tenant(struct change *c, const struct tenant_row *t,
                          struct err *err)
{
    struct sql q = sql_prepare(
        c->db->w, "UPDATE tenant SET name=?,rate_limit_per_min=?,"
                  "tokens_per_min=?,max_concurrent=?,"
                  "default_session_budget_nano=?,updated_at=? WHERE id=?");
    sql_text(&q, t->name);
    sql_i64_or(&q, t->rate_limit_per_min, -1);
    sql_i64_or(&q, t->tokens_per_min, -1);
    sql_i64_or(&q, t->max_concurrent, -1);
    sql_i64_or(&q, t->default_session_budget, -1);
    sql_i64(&q, c->now_ms);
    sql_i64(&q, t->id);
    c->st = changed_one(c, &q, err);
}

enum status rows_tenant_set(struct db *db, struct actor who,
                            const struct tenant_row *t, struct err *err)
{
    struct change c;
    if (!name_ok(t->name))
        return err_set(err, E_INVALID, "rows", "no name for a tenant");
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    bool opens =
        sessions_are_free(&c, t->id, err) && t->default_session_budget >= 0;
    if (c.st == OK)
        update_tenant(&c, t, err);
    change_audit(&c, t->id, "tenant.update", "tenantId", t->id, t->name, err);
    st = store_commit(db, c.st, err);
    if (st == OK)
        st = load_tenant(db, t->id, err);
    if (st == OK && opens)
        st = session_open_all(db, t->id, c.now_ms, err);
    store_end(db);
    return st;
}

static void delete_parts(struct change *c, int64_t id, struct err *err)
{
    static const char *const texts[] = {
        "DELETE FROM api_key WHERE tenant_id=?",
        "DELETE FROM budget WHERE tenant_id=?",
        "DELETE FROM tag WHERE tenant_id=?",
        "DELETE FROM session WHERE tenant_id=?"};
    for (int i = 0; i < 4 && c->st == OK; i++) {
        struct sql q = sql_prepare(c->db->w, texts[i]);
        sql_i64(&q, id);
        sql_run(&q);
        c->st = sql_done(&q, err);
    }
}

enum status rows_tenant_delete(struct db *db, struct actor who, int64_t id,
                               struct err *err)
{
    struct change c;
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    struct sql q = sql_prepare(db->w, "DELETE FROM tenant WHERE id=?");
    sql_i64(&q, id);
    c.st = changed_one(&c, &q, err);
    delete_parts(&c, id, err);
    change_audit(&c, id, "tenant.delete", "tenantId", id, (struct slice){0},
                 err);
    return change_end(&c, id, err);
}

#define TENANT_ROW                                                            \
    "SELECT id,name,origin,rate_limit_per_min,tokens_per_min,max_concurrent," \
    "default_session_budget_nano,created_at,updated_at FROM tenant "

static void read_tenant(struct sql *q, struct arena *a, struct tenant_row *t)
{
    *t = (struct tenant_row){.id = sql_col(q, 0, 0),
                             .name = sql_col_dup(q, 1, a),
                             .origin = (enum tenant_origin)names_parse(
                                 NAMES_ORIGIN, sql_col_text(q, 2)),
                             .rate_limit_per_min = sql_col(q, 3, -1),
                             .tokens_per_min = sql_col(q, 4, -1),
                             .max_concurrent = sql_col(q, 5, -1),
                             .default_session_budget = sql_col(q, 6, -1),
                             .created_ms = sql_col(q, 7, 0),
                             .updated_ms = sql_col(q, 8, 0)};
}

enum status rows_tenant(struct db *db, struct arena *a, int64_t id,
                        struct tenant_row *out, struct err *err)
{
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(conn, TENANT_ROW "WHERE id=?");
    sql_i64(&q, id);
    bool found = sql_row(&q);
    if (found)
        read_tenant(&q, a, out);
    enum status st = sql_done(&q, err);
    store_reader_give(db, conn);
    if (st == OK && !found)
        st = err_set(err, E_NOT_FOUND, "rows", "no such tenant");
    return st;
}

/* Room for element `n` of a list in an arena; doubles it. */
static bool room(struct arena *a, void **list, int n, size_t size)
{
    if (n != 0 && (n < 16 || (n & (n - 1)) != 0))
        return true;
    void *p = arena_try(a, size * (size_t)(n < 16 ? 16 : n * 2));
    if (p == NULL)
        return false;
    if (n > 0)
        memcpy(p, *list, size * (size_t)n);
    *list = p;
    return true;
}

enum status change_list(struct db *db, struct sql *q, sqlite3 *conn,
                        struct arena *a, size_t size, change_read_fn *read,
                        void **out, int *n, struct err *err)
{
    enum status full = OK;
    *out = NULL;
    *n = 0;
    while (full == OK && sql_row(q)) {
        if (!room(a, out, *n, size))
            full = err_set(err, E_TOO_BIG, "rows", "too many rows");
        else
            read(q, a, (char *)*out + size * (size_t)(*n)++);
    }
    enum status st = sql_done(q, full == OK ? err : NULL);
    store_reader_give(db, conn);
    return full != OK ? full : st;
}

static void read_tenant_v(struct sql *q, struct arena *a, void *out)
{
    read_tenant(q, a, out);
}

enum status rows_tenants(struct db *db, struct arena *a,
                         struct tenant_row **out, int *n, struct err *err)
{
    void *list = NULL;
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(conn, TENANT_ROW "ORDER BY id");
    enum status st = change_list(db, &q, conn, a, sizeof **out, read_tenant_v,
                                 &list, n, err);
    *out = list;
    return st;
}

/* ---- keys --------------------------------------------------------------- */

enum status rows_key_add(struct db *db, struct actor who, struct key_row *k,
                         struct err *err)
{
    struct change c;
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    struct sql q = sql_prepare(
        db->w, "INSERT INTO api_key(tenant_id,hash,first4,last4,name,"
               "is_active,created_at) SELECT ?,?,?,?,?,1,? "
               "WHERE EXISTS(SELECT 1 FROM tenant WHERE id=?)");
    sql_i64(&q, k->tenant_id);
    sql_blob(&q, k->hash, sizeof k->hash);
    sql_text(&q, slice_str(k->first4));
    sql_text(&q, slice_str(k->last4));
    sql_text_or(&q, k->name);
    sql_i64(&q, c.now_ms);
    sql_i64(&q, k->tenant_id);
    c.st = changed_one(&c, &q, err);
    k->id = sqlite3_last_insert_rowid(db->w);
    k->active = true;
    k->created_ms = c.now_ms;
    change_audit(&c, k->tenant_id, "key.create", "keyId", k->id, k->name, err);
    return change_end(&c, k->tenant_id, err);
}

enum status rows_key_revoke(struct db *db, struct actor who, int64_t id,
                            bool *was_active, struct err *err)
{
    struct change c;
    int64_t tenant = 0;
    bool active = false;
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    struct sql f = sql_prepare(
        db->w, "SELECT tenant_id,is_active FROM api_key WHERE id=?");
    sql_i64(&f, id);
    if (sql_row(&f)) {
        tenant = sql_col(&f, 0, 0);
        active = sql_col(&f, 1, 0) != 0;
    }
    c.st = sql_done(&f, err);
    if (c.st == OK && tenant == 0)
        c.st = err_set(err, E_NOT_FOUND, "rows", "no such key");
    if (c.st == OK && active) {
        struct sql q = sql_prepare(
            db->w, "UPDATE api_key SET is_active=0,revoked_at=? WHERE id=?");
        sql_i64(&q, c.now_ms);
        sql_i64(&q, id);
        c.st = changed_one(&c, &q, err);
        change_audit(&c, tenant, "key.revoke", "keyId", id, (struct slice){0},
                     err);
    }
    if (was_active != NULL)
        *was_active = active;
    return change_end(&c, tenant, err);
}

static void read_key(struct sql *q, struct arena *a, void *out)
{
    struct key_row *k = out;
    struct slice h = sql_col_text(q, 2);
    memset(k, 0, sizeof *k);
    k->id = sql_col(q, 0, 0);
    k->tenant_id = sql_col(q, 1, 0);
    if (h.n == sizeof k->hash)
        memcpy(k->hash, h.p, sizeof k->hash);
    for (int i = 0; i < 2; i++) {
        struct slice s = sql_col_text(q, 3 + i);
        memcpy(i == 0 ? k->first4 : k->last4, s.p, s.n < 4 ? s.n : 4);
    }
    k->name = sql_col_dup(q, 5, a);
    k->active = sql_col(q, 6, 0) != 0;
    k->created_ms = sql_col(q, 7, 0);
    k->last_used_ms = sql_col(q, 8, 0);
    k->revoked_ms = sql_col(q, 9, 0);
}

enum status rows_keys(struct db *db, struct arena *a, int64_t tenant_id,
                      struct key_row **out, int *n, struct err *err)
{
    void *list = NULL;
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(
        conn, "SELECT id,tenant_id,hash,first4,last4,name,is_active,"
              "created_at,last_used_at,revoked_at FROM api_key "
              "WHERE ?1=0 OR tenant_id=?1 ORDER BY id");
    sql_i64(&q, tenant_id);
    enum status st =
        change_list(db, &q, conn, a, sizeof **out, read_key, &list, n, err);
    *out = list;
    return st;
}

/* ---- audit and settings ------------------------------------------------- */

static void read_audit(struct sql *q, struct arena *a, void *out)
{
    *(struct audit_row *)out =
        (struct audit_row){.id = sql_col(q, 0, 0),
                           .ts_ms = sql_col(q, 1, 0),
                           .tenant_id = sql_col(q, 2, 0),
                           .actor = sql_col_dup(q, 3, a),
                           .event = sql_col_dup(q, 4, a),
                           .details = sql_col_dup(q, 5, a)};
}

enum status rows_audit(struct db *db, struct arena *a, int64_t tenant_id,
                       int64_t before, int limit, struct audit_row **out,
                       int *n, struct err *err)
{
    void *list = NULL;
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(
        conn, "SELECT id,ts,tenant_id,actor,event,details FROM audit "
              "WHERE (?1=0 OR tenant_id=?1) AND (?2=0 OR id<?2) "
              "ORDER BY id DESC LIMIT ?3");
    sql_i64(&q, tenant_id);
    sql_i64(&q, before);
    sql_i64(&q, limit);
    enum status st =
        change_list(db, &q, conn, a, sizeof **out, read_audit, &list, n, err);
    *out = list;
    return st;
}

enum status rows_setting(struct db *db, const char *name, int64_t *out,
                         struct err *err)
{
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(conn, "SELECT value FROM setting WHERE name=?");
    sql_text(&q, slice_str(name));
    bool found = sql_row(&q);
    if (found)
        *out = sql_col(&q, 0, 0);
    enum status st = sql_done(&q, err);
    store_reader_give(db, conn);
    if (st == OK && !found)
        st = err_set(err, E_NOT_FOUND, "rows", "no setting %s", name);
    return st;
}

enum status rows_setting_set(struct db *db, const char *name, int64_t v,
                             struct err *err)
{
    enum status st = store_begin(db, err);
    if (st != OK)
        return st;
    struct sql q = sql_prepare(
        db->w, "INSERT INTO setting VALUES(?,?) ON CONFLICT(name) DO UPDATE "
               "SET value=excluded.value");
    sql_text(&q, slice_str(name));
    sql_i64(&q, v);
    sql_run(&q);
    st = store_commit(db, sql_done(&q, err), err);
    store_end(db);
    return st;
}

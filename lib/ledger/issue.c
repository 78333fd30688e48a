/* issue.c - see issue.h. */
#include "ledger/issue.h"

#include "base/json.h"
#include "ledger/change.h"
#include "ledger/names.h"
#include "ledger/sql.h"

bool issue_is_open(enum tenant_origin o)
{
    return o == ORIGIN_SELF_SERVICE || o == ORIGIN_ISSUED;
}

static bool name_ok(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 32 || s.p[i] == 127)
            return false;
    return s.n > 0 && s.n <= TENANT_NAME_MAX && json_utf8_ok(s);
}

static enum status find_tenant(sqlite3 *conn, struct slice name, int64_t *id,
                               enum tenant_origin *origin, struct err *err)
{
    struct sql q =
        sql_prepare(conn, "SELECT id,origin FROM tenant WHERE name=?");
    sql_text(&q, name);
    *id = 0;
    if (sql_row(&q)) {
        *id = sql_col(&q, 0, 0);
        *origin =
            (enum tenant_origin)names_parse(NAMES_ORIGIN, sql_col_text(&q, 1));
    }
    return sql_done(&q, err);
}

static void make_tenant(struct change *c, const struct issue *i, int64_t *id,
                        struct err *err)
{
    struct sql q = sql_prepare(
        c->db->w, "INSERT INTO tenant(name,origin,created_at,updated_at) "
                  "VALUES(?,?,?,?)");
    sql_text(&q, i->name);
    sql_text(&q, names_of(NAMES_ORIGIN, (int)i->origin));
    sql_i64(&q, c->now_ms);
    sql_i64(&q, c->now_ms);
    sql_run(&q);
    c->st = sql_done(&q, err);
    *id = sqlite3_last_insert_rowid(c->db->w);
    change_audit(c, *id, "tenant.create", "tenantId", *id, i->name, err);
}

/* Judges whether the tenant may have one more. */
static void judge(struct change *c, const struct issue *i, int64_t tenant_id,
                  struct err *err)
{
    struct sql q = sql_prepare(
        c->db->w,
        "SELECT count(*) FROM api_key WHERE tenant_id=? AND is_active=1");
    sql_i64(&q, tenant_id);
    int64_t have = sql_row(&q) ? sql_col(&q, 0, 0) : 0;
    c->st = sql_done(&q, err);
    if (c->st == OK && i->max_active >= 0 && have >= i->max_active)
        c->st = err_set(err, E_TOO_BIG, "issue", "too many keys");
}

static void insert_key(struct change *c, struct key_row *k, struct err *err)
{
    struct sql q = sql_prepare(
        c->db->w, "INSERT INTO api_key(tenant_id,hash,first4,last4,name,"
                  "is_active,created_at) VALUES(?,?,?,?,?,1,?)");
    sql_i64(&q, k->tenant_id);
    sql_blob(&q, k->hash, sizeof k->hash);
    sql_text(&q, slice_str(k->first4));
    sql_text(&q, slice_str(k->last4));
    sql_text_or(&q, k->name);
    sql_i64(&q, c->now_ms);
    sql_run(&q);
    c->st = sql_done(&q, err);
    k->id = sqlite3_last_insert_rowid(c->db->w);
    k->active = true;
    k->created_ms = c->now_ms;
    change_audit(c, k->tenant_id, "key.create", "keyId", k->id, k->name, err);
}

enum status issue_key(struct db *db, struct actor who, const struct issue *i,
                      struct key_row *k, struct err *err)
{
    struct change c;
    enum tenant_origin origin = i->origin;
    if (!name_ok(i->name))
        return err_set(err, E_INVALID, "issue", "no name for a tenant");
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    c.st = find_tenant(db->w, i->name, &k->tenant_id, &origin, err);
    if (c.st == OK && k->tenant_id != 0 && !i->any_origin &&
        !issue_is_open(origin))
        c.st = err_set(err, E_EXISTS, "issue", "the name is reserved");
    if (c.st == OK)
        judge(&c, i, k->tenant_id, err);
    if (c.st == OK && k->tenant_id == 0)
        make_tenant(&c, i, &k->tenant_id, err);
    if (c.st == OK)
        insert_key(&c, k, err);
    return change_end(&c, k->tenant_id, err);
}

enum status issue_find(struct db *db,
                       const uint8_t hash[static TENANT_KEY_HASH], int64_t id,
                       int64_t *key_id, int64_t *tenant_id, struct err *err)
{
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(
        conn, "SELECT id,tenant_id FROM api_key WHERE hash=?1 OR id=?2 "
              "ORDER BY hash=?1 DESC LIMIT 1");
    sql_blob(&q, hash, TENANT_KEY_HASH);
    sql_i64(&q, id);
    bool found = sql_row(&q);
    if (found) {
        *key_id = sql_col(&q, 0, 0);
        *tenant_id = sql_col(&q, 1, 0);
    }
    enum status st = sql_done(&q, err);
    store_reader_give(db, conn);
    if (st == OK && !found)
        st = err_set(err, E_NOT_FOUND, "issue", "no such key");
    return st;
}

enum status issue_tenant(struct db *db, struct slice name, int64_t *id,
                         enum tenant_origin *origin, struct err *err)
{
    sqlite3 *conn = store_reader(db);
    enum status st = find_tenant(conn, name, id, origin, err);
    store_reader_give(db, conn);
    if (st == OK && *id == 0)
        st = err_set(err, E_NOT_FOUND, "issue", "no such tenant");
    return st;
}

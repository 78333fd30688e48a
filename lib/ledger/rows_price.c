/* rows_price.c - the admin's prices as rows; see rows.h.
 *
 * A price is never changed: a new version is added, and rows of the ledger
 * keep the one they were booked under.
 */
#include "ledger/change.h"

#define VERSION_COLUMNS                                                      \
    "p.id,p.model,p.provider,p.version_tag,v.version,v.valid_from,v.\"in\"," \
    "v.cached,v.out,v.cache_write,v.cache_write_1h,v.max_output,v.context,"  \
    "(SELECT min(valid_from) FROM price_version WHERE model_price_id=p.id) "

static void read_price(struct sql *q, struct arena *a, void *out)
{
    *(struct price_row *)out =
        (struct price_row){.id = sql_col(q, 0, 0),
                           .model = sql_col_dup(q, 1, a),
                           .provider = sql_col_dup(q, 2, a),
                           .version_tag = sql_col_dup(q, 3, a),
                           .version = sql_col(q, 4, 0),
                           .updated_ms = sql_col(q, 5, 0),
                           .in = sql_col(q, 6, 0),
                           .cached = sql_col(q, 7, -1),
                           .out = sql_col(q, 8, 0),
                           .cache_write = sql_col(q, 9, -1),
                           .cache_write_1h = sql_col(q, 10, -1),
                           .max_output = sql_col(q, 11, 0),
                           .context = sql_col(q, 12, 0),
                           .created_ms = sql_col(q, 13, 0)};
}

static void add_version(struct change *c, struct price_row *p, struct err *err)
{
    if (c->st != OK)
        return;
    struct sql q = sql_prepare(
        c->db->w,
        "INSERT INTO price_version(model_price_id,valid_from,\"in\",cached,"
        "out,cache_write,cache_write_1h,max_output,context) "
        "VALUES(?,?,?,?,?,?,?,?,?)");
    sql_i64(&q, p->id);
    sql_i64(&q, c->now_ms);
    sql_i64(&q, p->in);
    sql_i64_or(&q, p->cached, -1);
    sql_i64(&q, p->out);
    sql_i64_or(&q, p->cache_write, -1);
    sql_i64_or(&q, p->cache_write_1h, -1);
    sql_i64_or(&q, p->max_output, 0);
    sql_i64_or(&q, p->context, 0);
    sql_run(&q);
    c->st = sql_done(&q, err);
    p->version = sqlite3_last_insert_rowid(c->db->w);
    p->updated_ms = c->now_ms;
}

/* The row of (provider, model), deleted or not; 0: none. */
static int64_t find(struct change *c, const struct price_row *p, bool *deleted,
                    struct err *err)
{
    struct sql q = sql_prepare(
        c->db->w, "SELECT id,deleted FROM model_price WHERE provider=? AND "
                  "model=?");
    sql_text(&q, p->provider);
    sql_text(&q, p->model);
    int64_t id = 0;
    if (sql_row(&q)) {
        id = sql_col(&q, 0, 0);
        *deleted = sql_col(&q, 1, 0) != 0;
    }
    c->st = sql_done(&q, err);
    return id;
}

static void write_head(struct change *c, struct price_row *p, struct err *err)
{
    struct sql q = sql_prepare(
        c->db->w, "INSERT INTO model_price(model,provider,version_tag,source) "
                  "VALUES(?,?,?,'admin') ON CONFLICT(provider,model) DO UPDATE "
                  "SET version_tag=excluded.version_tag,deleted=0 "
                  "RETURNING id");
    sql_text(&q, p->model);
    sql_text(&q, p->provider);
    sql_text(&q, p->version_tag);
    if (sql_row(&q))
        p->id = sql_col(&q, 0, 0);
    c->st = sql_done(&q, err);
}

enum status rows_price_put(struct db *db, struct actor who, bool create,
                           struct price_row *p, struct err *err)
{
    struct change c;
    bool deleted = false;
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    int64_t old = find(&c, p, &deleted, err);
    if (c.st == OK && create && old != 0 && !deleted)
        c.st = err_set(err, E_EXISTS, "rows", "price exists");
    if (c.st == OK)
        write_head(&c, p, err);
    add_version(&c, p, err);
    if (p->created_ms == 0)
        p->created_ms = c.now_ms;
    change_audit(&c, 0, create ? "price.create" : "price.update", "priceId",
                 p->id, p->model, err);
    return change_end(&c, 0, err);
}

enum status rows_price_delete(struct db *db, struct actor who, int64_t id,
                              struct slice model, struct err *err)
{
    struct change c;
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    struct sql q = sql_prepare(
        c.db->w, "UPDATE model_price SET deleted=1 WHERE id=? AND deleted=0");
    sql_i64(&q, id);
    sql_run(&q);
    bool gone = sqlite3_changes(c.db->w) > 0;
    c.st = sql_done(&q, err);
    if (c.st == OK && !gone)
        c.st = err_set(err, E_NOT_FOUND, "rows", "no such price");
    change_audit(&c, 0, "price.delete", "priceId", id, model, err);
    return change_end(&c, 0, err);
}

enum status rows_prices(struct db *db, struct arena *a, bool all_versions,
                        struct price_row **out, int *n, struct err *err)
{
    void *list = NULL;
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(
        conn,
        all_versions
            ? "SELECT " VERSION_COLUMNS
              "FROM price_version v JOIN model_price p ON p.id=v.model_price_id"
              " WHERE p.deleted=0 ORDER BY v.version"
            : "SELECT " VERSION_COLUMNS
              "FROM model_price p JOIN price_version v ON v.version=(SELECT "
              "max(version) FROM price_version WHERE model_price_id=p.id) "
              "WHERE p.deleted=0 ORDER BY p.provider,p.model");
    enum status st =
        change_list(db, &q, conn, a, sizeof **out, read_price, &list, n, err);
    *out = list;
    return st;
}

/* rows_ingest.c - tracking tokens as rows; see rows.h. */
#include "ledger/change.h"

#define TOKEN_SELECT                                                     \
    "SELECT i.id,i.label,i.token,i.tenant_id,i.active,i.created_at,"     \
    "i.last_seen_at,i.usage_count,t.name FROM ingest_token i LEFT JOIN " \
    "tenant t ON t.id=i.tenant_id "

static void read_token(struct sql *q, struct arena *a, void *out)
{
    *(struct ingest_row *)out =
        (struct ingest_row){.id = sql_col(q, 0, 0),
                            .label = sql_col_dup(q, 1, a),
                            .token = sql_col_dup(q, 2, a),
                            .tenant_id = sql_col(q, 3, 0),
                            .active = sql_col(q, 4, 0) != 0,
                            .created_ms = sql_col(q, 5, 0),
                            .seen_ms = sql_col(q, 6, -1),
                            .uses = sql_col(q, 7, 0),
                            .tenant = sql_col_dup(q, 8, a)};
}

enum status rows_ingest_add(struct db *db, struct actor who,
                            struct ingest_row *t, struct err *err)
{
    struct change c;
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    struct sql q = sql_prepare(
        db->w, "INSERT INTO ingest_token(label,token,tenant_id,active,"
               "created_at) SELECT ?1,?2,?3,1,?4 WHERE EXISTS (SELECT 1 FROM "
               "tenant WHERE id=?3)");
    sql_text(&q, t->label);
    sql_text(&q, t->token);
    sql_i64(&q, t->tenant_id);
    sql_i64(&q, c.now_ms);
    sql_run(&q);
    bool made = sqlite3_changes(db->w) > 0;
    c.st = sql_done(&q, err);
    if (c.st == OK && !made)
        c.st = err_set(err, E_NOT_FOUND, "rows", "no such tenant");
    t->id = sqlite3_last_insert_rowid(db->w);
    change_audit(&c, t->tenant_id, "ingest_token.create", "ingestTokenId",
                 t->id, t->label, err);
    return change_end(&c, t->tenant_id, err);
}

enum status rows_ingest_list(struct db *db, struct arena *a, struct slice token,
                             struct ingest_row **out, int *n, struct err *err)
{
    void *list = NULL;
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(conn, TOKEN_SELECT
                               "WHERE ?1 IS NULL OR i.token=?1 ORDER BY i.id");
    sql_text_or(&q, token);
    enum status st =
        change_list(db, &q, conn, a, sizeof **out, read_token, &list, n, err);
    *out = list;
    return st;
}

static enum status one_change(struct db *db, struct actor who, const char *text,
                              const char *event, int64_t id, int64_t value,
                              struct err *err)
{
    struct change c;
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    struct sql q = sql_prepare(db->w, text);
    sql_i64(&q, id);
    if (value >= 0)
        sql_i64(&q, value);
    sql_run(&q);
    bool any = sqlite3_changes(db->w) > 0;
    c.st = sql_done(&q, err);
    if (c.st == OK && !any)
        c.st = err_set(err, E_NOT_FOUND, "rows", "no such token");
    change_audit(&c, 0, event, "ingestTokenId", id, slice(NULL, 0), err);
    return change_end(&c, 0, err);
}

enum status rows_ingest_active(struct db *db, struct actor who, int64_t id,
                               bool active, struct err *err)
{
    return one_change(db, who, "UPDATE ingest_token SET active=?2 WHERE id=?1",
                      active ? "ingest_token.activate"
                             : "ingest_token.deactivate",
                      id, active, err);
}

enum status rows_ingest_delete(struct db *db, struct actor who, int64_t id,
                               struct err *err)
{
    return one_change(db, who, "DELETE FROM ingest_token WHERE id=?1",
                      "ingest_token.delete", id, -1, err);
}

enum status rows_ingest_seen(struct db *db, int64_t token_id,
                             struct slice event, bool *seen, struct err *err)
{
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(
        conn, "SELECT 1 FROM ledger WHERE ingest_token_id=? AND event_id=?");
    sql_i64(&q, token_id);
    sql_text(&q, event);
    *seen = sql_row(&q);
    enum status st = sql_done(&q, err);
    store_reader_give(db, conn);
    return st;
}

enum status rows_reset(struct db *db, struct actor who, int64_t last_id,
                       struct err *err)
{
    struct change c;
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    // the rows there are now are those the rollups count, whatever was read
    // before the lock
    struct sql q = sql_prepare(
        db->w, "INSERT INTO setting SELECT 'epoch',max(?,(SELECT "
               "coalesce(max(id),0) FROM ledger)) WHERE 1 ON CONFLICT(name) DO "
               "UPDATE SET value=excluded.value");
    sql_i64(&q, last_id);
    sql_run(&q);
    c.st = sql_done(&q, err);
    if (c.st == OK)
        c.st = sql_exec(db->w,
                        "UPDATE ingest_token SET usage_count=0;"
                        "DELETE FROM epoch_data;INSERT INTO epoch_data "
                        "SELECT * FROM rollup_data",
                        err);
    change_audit(&c, 0, "reset", "lastId", last_id, slice(NULL, 0), err);
    return change_end(&c, 0, err);
}

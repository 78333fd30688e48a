/* rows_admin.c - dashboard sessions that were signed out; see rows.h. */
#include <string.h>

#include "ledger/change.h"

static void read_session(struct sql *q, struct arena *a, void *out)
{
    struct admin_session_row *r = out;
    struct slice id = sql_col_dup(q, 0, a);
    if (id.n == sizeof r->id)
        memcpy(r->id, id.p, sizeof r->id);
    r->expires_ms = sql_col(q, 1, 0);
}

enum status rows_admin_sessions(struct db *db, struct arena *a, int64_t now_ms,
                                struct admin_session_row **out, int *n,
                                struct err *err)
{
    void *list = NULL;
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(
        conn, "SELECT id,expires_at FROM admin_session WHERE expires_at>?");
    sql_i64(&q, now_ms);
    enum status st =
        change_list(db, &q, conn, a, sizeof **out, read_session, &list, n, err);
    *out = list;
    return st;
}

enum status rows_admin_session_end(struct db *db,
                                   const uint8_t id[static CRYPT_HASH],
                                   int64_t now_ms, int64_t expires_ms,
                                   struct err *err)
{
    static const struct actor who = {{"admin", 5}};
    struct change c;
    enum status st = change_begin(db, who, &c, err);
    if (st != OK)
        return st;
    struct sql q = sql_prepare(
        db->w, "INSERT OR IGNORE INTO admin_session VALUES(?1,'',?2,?3)");
    sql_blob(&q, id, CRYPT_HASH);
    sql_i64(&q, now_ms);
    sql_i64(&q, expires_ms);
    sql_run(&q);
    c.st = sql_done(&q, err);
    if (c.st == OK) {
        q = sql_prepare(db->w, "DELETE FROM admin_session WHERE expires_at<=?");
        sql_i64(&q, now_ms);
        sql_run(&q);
        c.st = sql_done(&q, err);
    }
    st = store_commit(db, c.st, err);
    store_end(db);
    return st;
}

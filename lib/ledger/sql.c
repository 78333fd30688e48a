/* sql.c - see sql.h. */
#include "ledger/sql.h"

enum status sql_status(sqlite3 *conn, int rc, struct err *err)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return OK;
    case SQLITE_CONSTRAINT:
        return err_set(err, E_EXISTS, "ledger", "%s", sqlite3_errmsg(conn));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(err, E_CORRUPT, "ledger", "%s", sqlite3_errmsg(conn));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, E_BUSY, "ledger", "%s", sqlite3_errmsg(conn));
    default:
        return err_set(err, E_IO, "ledger", "%s", sqlite3_errmsg(conn));
    }
}

struct sql sql_prepare(sqlite3 *conn, const char *text)
{
    struct sql q = {.conn = conn};
    q.rc = sqlite3_prepare_v3(conn, text, -1, 0, &q.s, NULL);
    return q;
}

static void keep(struct sql *q, int rc)
{
    if (q->rc == SQLITE_OK && rc != SQLITE_OK)
        q->rc = rc;
}

void sql_i64(struct sql *q, int64_t v)
{
    if (q->rc == SQLITE_OK)
        keep(q, sqlite3_bind_int64(q->s, ++q->bind, v));
}

static void bind_null(struct sql *q)
{
    if (q->rc == SQLITE_OK)
        keep(q, sqlite3_bind_null(q->s, ++q->bind));
}

void sql_i64_or(struct sql *q, int64_t v, int64_t none)
{
    if (v == none)
        bind_null(q);
    else
        sql_i64(q, v);
}

void sql_text(struct sql *q, struct slice s)
{
    if (q->rc == SQLITE_OK)
        keep(q, sqlite3_bind_text(q->s, ++q->bind, s.p != NULL ? s.p : "",
                                  (int)s.n, SQLITE_STATIC));
}

void sql_text_or(struct sql *q, struct slice s)
{
    if (s.n == 0)
        bind_null(q);
    else
        sql_text(q, s);
}

void sql_blob(struct sql *q, const void *p, size_t n)
{
    if (q->rc == SQLITE_OK)
        keep(q, sqlite3_bind_blob(q->s, ++q->bind, p, (int)n, SQLITE_STATIC));
}

bool sql_row(struct sql *q)
{
    if (q->rc != SQLITE_OK)
        return false;
    int rc = sqlite3_step(q->s);
    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE)
        keep(q, rc);
    return false;
}

void sql_again(struct sql *q)
{
    if (q->s != NULL)
        sqlite3_reset(q->s);
    q->bind = 0;
}

void sql_run(struct sql *q)
{
    while (sql_row(q))
        continue;
    sql_again(q);
}

enum status sql_done(struct sql *q, struct err *err)
{
    enum status st = sql_status(q->conn, q->rc, err);
    sqlite3_finalize(q->s);
    q->s = NULL;
    return st;
}

int64_t sql_col(struct sql *q, int i, int64_t none)
{
    return sqlite3_column_type(q->s, i) == SQLITE_NULL
               ? none
               : sqlite3_column_int64(q->s, i);
}

struct slice sql_col_text(struct sql *q, int i)
{
    const void *p = sqlite3_column_blob(q->s, i);
    int n = sqlite3_column_bytes(q->s, i);
    if (sqlite3_column_type(q->s, i) == SQLITE_NULL)
        return (struct slice){NULL, 0};
    return slice(p != NULL ? p : "", (size_t)n);
}

struct slice sql_col_dup(struct sql *q, int i, struct arena *a)
{
    struct slice s = sql_col_text(q, i);
    if (s.p == NULL)
        return s;
    struct slice d = arena_dup(a, s);
    if (d.p == NULL)
        keep(q, SQLITE_NOMEM);
    return d;
}

enum status sql_exec(sqlite3 *conn, const char *text, struct err *err)
{
    return sql_status(conn, sqlite3_exec(conn, text, NULL, NULL, NULL), err);
}

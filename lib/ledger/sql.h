/* sql.h - a statement that remembers its first failure.
 *
 * Owned by one thread at a time.  Binds count from 1 by themselves, so a call
 * site reads as the list of its values.  Not included from outside the room.
 */
#ifndef LEDGER_SQL_H
#define LEDGER_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

struct sql {
    sqlite3 *conn;
    sqlite3_stmt *s;
    int rc;   /* SQLITE_OK or the first failure */
    int bind; /* binds so far */
};

/* Prepares `text`; a failure is kept. */
struct sql sql_prepare(sqlite3 *conn, const char *text);
/* Binds the next parameter. */
void sql_i64(struct sql *q, int64_t v);
/* Binds, NULL if `v` equals `none`. */
void sql_i64_or(struct sql *q, int64_t v, int64_t none);
/* Binds text (empty stays empty); the bytes must live until the step. */
void sql_text(struct sql *q, struct slice s);
/* Binds text, NULL if it is empty. */
void sql_text_or(struct sql *q, struct slice s);
/* Binds bytes. */
void sql_blob(struct sql *q, const void *p, size_t n);
/* The next row: true; at the end or on failure false (see sql_done). */
bool sql_row(struct sql *q);
/* Runs to the end and readies it for new binds. */
void sql_run(struct sql *q);
/* Readies for new binds. */
void sql_again(struct sql *q);
/* Frees the statement; what happened as a status.  SQLITE_CONSTRAINT becomes
 * E_EXISTS. */
MUST_CHECK enum status sql_done(struct sql *q, struct err *err);
/* Column as integer, `none` if NULL. */
int64_t sql_col(struct sql *q, int i, int64_t none);
/* Column as text borrowed until the next step; .p NULL if NULL. */
struct slice sql_col_text(struct sql *q, int i);
/* The same, copied into `a`. */
struct slice sql_col_dup(struct sql *q, int i, struct arena *a);
/* One statement without parameters. */
MUST_CHECK enum status sql_exec(sqlite3 *conn, const char *text,
                                struct err *err);
/* What the connection says about `rc`. */
enum status sql_status(sqlite3 *conn, int rc, struct err *err);

#endif

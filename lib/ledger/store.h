/* store.h - what the modules of this room share about the open file.
 *
 * Not included from outside the room.
 */
#ifndef LEDGER_STORE_H
#define LEDGER_STORE_H

#include <pthread.h>
#include <sqlite3.h>

#include "ledger/db.h"
#include "ledger/sql.h"

#define STORE_READERS 4
#define STORE_HOUR_MS 3600000LL
#define STORE_DAY_MS 86400000LL

/* rollup_data.token_id where no tracking token stands. */
#define DATA_LEGACY 0
#define DATA_PROXIED (-1)

struct append;

struct db {
    struct db_conf conf;
    char *path;
    /* Guards `w`, `append` and the order of catalog swaps.  Order: lock, then
     * the counters' writer lock; never the other way round. */
    pthread_mutex_t lock;
    sqlite3 *w;
    struct append *append; /* prepared for the writer; NULL until used */
    pthread_mutex_t pool;  /* guards idle, free_count */
    pthread_cond_t pool_free;
    sqlite3 *idle[STORE_READERS];
    int free_count;
    pthread_mutex_t correct; /* one correction at a time */
};

/* Begins a write transaction: takes the lock.  Not OK: not taken. */
MUST_CHECK enum status store_begin(struct db *db, struct err *err);
/* Commits if `st` is OK, else rolls back; keeps the lock.  Returns what it
 * came to. */
MUST_CHECK enum status store_commit(struct db *db, enum status st,
                                    struct err *err);
/* Gives the lock back. */
void store_end(struct db *db);
/* A connection for reading; waits for one.  Give it back. */
sqlite3 *store_reader(struct db *db);
/* Gives it back. */
void store_reader_give(struct db *db, sqlite3 *conn);
/* One number: the first column of the first row, or `none`. */
MUST_CHECK enum status store_number(sqlite3 *conn, const char *text,
                                    int64_t none, int64_t *out,
                                    struct err *err);

#endif

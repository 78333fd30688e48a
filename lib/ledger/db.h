/* db.h - the SQLite file: opening, migrations, one writer, some readers.
 *
 * For: whoever keeps or reads ledger.sqlite.  Not for loops: everything in
 * this room blocks.  Threads: any; one mutex orders the writers (the writer
 * thread, mutations), readers take a connection of their own from a pool.
 * Owned by bg.c; what `conf` points to must outlive it.
 */
#ifndef LEDGER_DB_H
#define LEDGER_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/zone.h"
#include "call/budget.h"
#include "catalog/catalog.h"
#include "counters/counters.h"

struct db; /* opaque */

struct db_conf {
    const char *path;          /* DATA_DIR/ledger.sqlite */
    struct counters *counters; /* NULL, like the next: it is only read */
    struct catalog *catalog;
    const struct zone *zone; /* BUDGET_TIMEZONE: history by day */
    /* guard's window_at and window_step_ms, which this room may not call. */
    bool (*window_at)(const struct budget *b, const struct zone *zone,
                      int64_t at_ms, struct window *out);
    int64_t (*window_step_ms)(int64_t rolling_ms);
};

/* Opens or makes the file and brings its schema up to date; without counters
 * it must be there and up to date, and is not changed.  E_CORRUPT: no database
 * of ours; E_INVALID: of another version (text says so); E_IO. */
MUST_CHECK enum status db_open(const struct db_conf *conf, struct db **out,
                               struct err *err);
/* Closes and nulls; every thread using it must have ended. */
void db_close(struct db **db);

/* Highest outbox sequence that is in the file. */
MUST_CHECK enum status db_drained(struct db *db, uint64_t *seq,
                                  struct err *err);

/* The counter window of `b` at `at_ms`, as admission would use it; false if
 * the budget does not apply then. */
bool db_window(const struct db *db, const struct budget *b, int64_t at_ms,
               struct counter_window *out);

#endif

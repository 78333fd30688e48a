/* writer.h - the thread that moves rows from the outbox into the ledger.
 *
 * Batches of at most 1000 rows, each one transaction with its rollups and the
 * sequence reached, then the outbox is trimmed: a crash in between repeats
 * nothing.  Also the beat on which counters reach the disk.  Nothing is ever
 * dropped: while SQLite refuses, rows stay in the outbox and `failing` holds.
 */
#ifndef LEDGER_WRITER_H
#define LEDGER_WRITER_H

#include <stdbool.h>

#include "base/err.h"
#include "ledger/db.h"

struct writer; /* opaque; owned by bg.c */

/* Starts the thread.  `sync_interval_ms` 0: counters sync by themselves. */
MUST_CHECK enum status writer_start(struct db *db, int sync_interval_ms,
                                    struct writer **out, struct err *err);
/* Drains what is there, syncs, notes the clean stop, joins and nulls. */
void writer_stop(struct writer **w);
/* False while rows cannot be written: guard.storage_ok.  Any thread. */
bool writer_ok(void *writer);
/* Drains the whole outbox on the calling thread; for start and tests, before
 * writer_start. */
MUST_CHECK enum status writer_drain(struct db *db, struct err *err);
/* Moves the rows that wait now, so that a report shows them.  Best effort; any
 * thread that may block. */
void writer_catch_up(struct db *db);

#endif

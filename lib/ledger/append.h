/* append.h - rows into ledger, ledger_tag, session and the rollups.
 *
 * Writer connection only, under db->lock, inside a transaction.  Not included
 * from outside the room.
 */
#ifndef LEDGER_APPEND_H
#define LEDGER_APPEND_H

#include "base/err.h"
#include "call/event.h"
#include "ledger/store.h"

struct append;

/* Prepares statements and reads the head of the chain, once per file. */
MUST_CHECK enum status append_new(struct db *db, struct append **out,
                                  struct err *err);
/* Frees and nulls (NULL is fine). */
void append_free(struct append **a);
/* Begins a batch: remembers the head. */
void append_begin(struct append *a);
/* Adds one row; a row that is there already is passed over. */
MUST_CHECK enum status append_row(struct append *a, const struct event *e,
                                  int64_t now_ms, struct err *err);
/* Writes the rollups of the batch. */
MUST_CHECK enum status append_flush(struct append *a, struct err *err);
/* The transaction was rolled back: forgets the batch. */
void append_undo(struct append *a);

#endif

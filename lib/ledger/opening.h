/* opening.h - a budget's window gets what was already spent in it.
 *
 * Under db->lock, outside a transaction: the counters' writer lock is taken
 * inside, so nothing is admitted or settled while the sum is made.  Not
 * included from outside the room.
 */
#ifndef LEDGER_OPENING_H
#define LEDGER_OPENING_H

#include "base/err.h"
#include "call/budget.h"
#include "ledger/store.h"

/* Sets the current window(s) of `b` to ledger + outbox and attaches the open
 * holds it would have been asked about. */
MUST_CHECK enum status opening_set(struct db *db, const struct budget *b,
                                   int64_t now_ms, struct err *err);
/* Drops its windows. */
MUST_CHECK enum status opening_drop(struct db *db, uint64_t budget_id,
                                    struct err *err);
/* Would `e` have been charged to `b` (its window apart)? */
bool opening_matches(const struct budget *b, const struct event *e);

#endif

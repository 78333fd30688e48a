/* recover.h - what a dead process left behind becomes rows.
 *
 * At start, before any loop.  Orphaned holds are settled: not sent, nothing is
 * booked (failed / restart); sent, the whole hold is (interrupted / restart),
 * or with CRASH_SETTLE=input only its input part.
 */
#ifndef GUARD_RECOVER_H
#define GUARD_RECOVER_H

#include "base/err.h"
#include "guard/guard.h"

/* Settles every orphan; `*n` says how many there were.  E_IO, E_CORRUPT. */
MUST_CHECK enum status guard_recover(const struct guard *g, int *n,
                                     struct err *err);

#endif

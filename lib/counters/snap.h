/* snap.h - a copy of the store as it is at one instant, taken from outside.
 *
 * Works beside the process that owns the store and does not hold it up.  Any
 * thread.
 */
#ifndef COUNTERS_SNAP_H
#define COUNTERS_SNAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Copies the store in folder `dir` into the new folder `to`; `*first` is the
 * lowest outbox sequence of the copy, 0: its outbox is empty.  E_IO (text
 * says what), E_NOT_FOUND: no store there. */
MUST_CHECK enum status snap_take(const char *dir, const char *to,
                                 uint64_t *first, struct err *err);
/* Opens the store in `dir` for reading and looks at its outbox, as above. */
MUST_CHECK enum status snap_look(const char *dir, uint64_t *first,
                                 struct err *err);
/* True while a process owns the store in `dir`. */
bool snap_in_use(const char *dir);

#endif

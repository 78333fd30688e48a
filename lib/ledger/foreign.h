/* foreign.h - reading the SQLite file of another program, which may be hostile.
 *
 * Tables are found by the columns they have, since predecessors named them
 * differently from version to version.  Read-only; one thread.
 */
#ifndef LEDGER_FOREIGN_H
#define LEDGER_FOREIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define FOREIGN_COLUMNS 12

struct foreign;

/* Opens it.  E_NOT_FOUND; E_CORRUPT: no SQLite file. */
MUST_CHECK enum status foreign_open(const char *path, struct foreign **out,
                                    struct err *err);
/* Closes and nulls (NULL is fine). */
void foreign_close(struct foreign **f);

/* A row: its columns as text (.p NULL: null, or no such column); they live
 * during the call.  Not OK: stop. */
typedef enum status foreign_row_fn(void *arg, const struct slice *v,
                                   struct err *err);
/* Calls `fn` for every row of the first table (by name) that has the columns.
 * Each of the `n` column specs is "name|other name"; with '!' in front the
 * table must have it, with '^' it must not.  `*found`: is there such a table?
 * E_CORRUPT, E_IO, and what `fn` says. */
MUST_CHECK enum status foreign_each(struct foreign *f,
                                    const char *const *columns, int n,
                                    foreign_row_fn *fn, void *arg, bool *found,
                                    struct err *err);

#endif

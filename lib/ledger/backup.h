/* backup.h - the ledger file as it is at one instant, copied while it is used.
 *
 * A connection of its own; any thread, any process.  Not for restoring: a
 * copy is an ordinary ledger file.
 */
#ifndef LEDGER_BACKUP_H
#define LEDGER_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct backup;

/* Takes hold of the state that `path` is in now; `*drained` is the outbox
 * sequence it has reached.  Writers go on; until backup_end the file's log
 * cannot shrink.  E_NOT_FOUND: no such file; E_IO, E_CORRUPT. */
MUST_CHECK enum status backup_begin(const char *path, struct backup **out,
                                    uint64_t *drained, struct err *err);
/* Pages done of all; false: stop (E_BUSY). */
typedef bool backup_progress_fn(void *arg, int64_t done, int64_t all);
/* Writes that state to the new file `to`.  E_IO. */
MUST_CHECK enum status backup_write(struct backup *b, const char *to,
                                    backup_progress_fn *fn, void *arg,
                                    struct err *err);
/* Lets go, frees, nulls (NULL is fine). */
void backup_end(struct backup **b);

struct backup_facts {
    int64_t version, rows;
    uint8_t head[32]; /* hash of the newest row; 0 without rows */
};
/* Reads a file that nobody uses and checks its structure.  E_CORRUPT: it is
 * damaged or none of ours; E_INVALID: of a newer program. */
MUST_CHECK enum status backup_look(const char *path, struct backup_facts *out,
                                   struct err *err);

#endif

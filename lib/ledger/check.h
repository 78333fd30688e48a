/* check.h - do the counters say what the ledger says?
 *
 * At start, after counters_recover and before any loop: every window is
 * compared with ledger + outbox and set where it differs.  After a clean stop
 * there is nothing to compare.  verify is the same, read-only, for people.
 */
#ifndef LEDGER_CHECK_H
#define LEDGER_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "ledger/db.h"

struct check_result {
    bool skipped;     /* clean stop: nothing to do */
    int64_t windows;  /* compared */
    int64_t repaired; /* differed (verify: differ) */
};
/* Compares and repairs; drains the outbox first, moves the outbox behind what
 * the ledger has, and forgets the clean-stop mark.  Needs rows_load. */
MUST_CHECK enum status check_start(struct db *db, int64_t now_ms,
                                   struct check_result *out, struct err *err);

struct verify_result {
    int64_t rows, windows, bad_windows, bad_chain, bad_rollups;
    int64_t first_bad_id; /* of the chain; 0: none */
    uint8_t head[32];     /* hash of the newest row */
    bool good;
};
/* Reads everything, changes nothing; appends a report for people to `text`.
 * OK also when something is wrong (`good` is then false). */
MUST_CHECK enum status check_verify(struct db *db, int64_t now_ms,
                                    struct verify_result *out, struct buf *text,
                                    struct err *err);

#endif

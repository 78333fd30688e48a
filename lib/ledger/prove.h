/* prove.h - is the chain of the ledger's rows intact?
 *
 * In slices, so that a gateway that is serving can prove its own ledger: rows
 * never change, so what was proved stays proved while more are added.  Each
 * slice is one short read.  Blocking threads only.
 */
#ifndef LEDGER_PROVE_H
#define LEDGER_PROVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "ledger/db.h"

/* How far a proof has come; all zero: at the beginning. */
struct proof {
    int64_t last_id; /* the newest row that was looked at */
    int64_t rows, bad;
    int64_t first_bad_id; /* 0: none */
    uint8_t head[32];     /* hash of the row last_id */
    bool done;            /* there was no newer row */
};

/* Looks at the next `limit` rows (their bytes, their tags, and that none is
 * missing before them). */
MUST_CHECK enum status prove_some(struct db *db, struct proof *p, int64_t limit,
                                  struct err *err);

struct ledger_head {
    int64_t id; /* 0: the ledger is empty; ids rise by one, so also a count */
    int64_t recorded_ms;
    uint8_t hash[32];
};
/* The newest row; of what was answered before nothing is missing. */
MUST_CHECK enum status prove_head(struct db *db, struct ledger_head *out,
                                  struct err *err);

#endif

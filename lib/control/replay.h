/* replay.h - a policy put to the ledger's past requests.
 *
 * The input is rebuilt from each row; what the ledger does not keep is
 * undefined and named.  Blocking; minutes over millions of rows, so bounded.
 */
#ifndef CONTROL_REPLAY_H
#define CONTROL_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/zone.h"
#include "guard/policy.h"
#include "ledger/db.h"

struct replay {
    struct db *db;
    const struct policy *policy;
    const struct zone *zone;
    int64_t timeout_ms;     /* of one evaluation */
    int64_t from_ms, to_ms; /* [from, to) */
    int64_t tenant_id;      /* 0: all */
    struct slice tenant;    /* by name; empty: all */
    int64_t max_rows;       /* the newest; 0: all */
};

/* Appends the report as a JSON object: rows, denied, deniedUsd, errors,
 * reasons, tenants, examples, missing, truncated. */
MUST_CHECK enum status replay_run(const struct replay *r, struct buf *out,
                                  struct err *err);

#endif

/* overview.h - the figures of a whole gateway: by tenant, status, reason.
 *
 * Tenants and statuses come from the rollups and the edges of the stretch from
 * rows; reasons only rows know, so the newest refused ones are read, up to a
 * limit.  Never changes anything.  Blocking threads only.
 */
#ifndef LEDGER_OVERVIEW_H
#define LEDGER_OVERVIEW_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "ledger/db.h"

struct overview_part {
    int64_t id;        /* of the tenant; else 0 */
    struct slice name; /* of the tenant (its last one, if deleted), a status
                        * or a reason ("" where none was noted) */
    int64_t usd, requests;
};

/* Tenants by cost over [from, to), dearest first, at most `limit`; those with
 * no row are left out.  E_TOO_BIG: more than the arena holds. */
MUST_CHECK enum status overview_tenants(struct db *db, struct arena *a,
                                        int64_t from_ms, int64_t to_ms,
                                        int limit, struct overview_part **out,
                                        int *n, struct err *err);
/* Requests and cost by status over [from, to), most first. */
MUST_CHECK enum status overview_statuses(struct db *db, struct arena *a,
                                         int64_t from_ms, int64_t to_ms,
                                         struct overview_part **out, int *n,
                                         struct err *err);
/* Refused rows by reason over [from, to), most first, among the newest
 * OVERVIEW_ROWS of them.  `*since_ms`: how far back those reach (`from_ms` if
 * the limit was not met). */
#define OVERVIEW_ROWS 50000
MUST_CHECK enum status overview_refusals(struct db *db, struct arena *a,
                                         int64_t from_ms, int64_t to_ms,
                                         struct overview_part **out, int *n,
                                         int64_t *since_ms, struct err *err);

#endif

/* sum.h - what was spent in a stretch of time, from rollups and edge rows.
 * One connection, one snapshot of the caller's.  Not included from outside
 * the room.
 */
#ifndef LEDGER_SUM_H
#define LEDGER_SUM_H

#include "ledger/query.h"
#include "ledger/sql.h"

/* Adds what counts in `b` over [from, to) to `out`. */
MUST_CHECK enum status sum_budget(sqlite3 *c, const struct budget *b,
                                  int64_t from, int64_t to, struct sum *out,
                                  struct err *err);
/* Adds a tenant's rows (-1: all tenants'). */
MUST_CHECK enum status sum_tenant(sqlite3 *c, int64_t tenant_id, int64_t from,
                                  int64_t to, struct sum *out, struct err *err);

/* The first instant of the UTC month of `ms`; from 2^50 on, without end, `ms`
 * itself. */
int64_t sum_month(int64_t ms);

/* [from, to) cut into whole days, whole hours and edges. */
struct stretch {
    enum { STRETCH_ROWS, STRETCH_HOURS, STRETCH_DAYS } by;
    int64_t from, to;
};
/* At most five, empty ones left out. */
int sum_cut(int64_t from, int64_t to, struct stretch out[static 5]);

#endif

/* usage.h - a stretch of days as the query string of a report names it.
 *
 * For handlers, on pool threads.
 */
#ifndef CONTROL_USAGE_H
#define CONTROL_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/zone.h"
#include "control/request.h"

/* [from, to) of `days` or startDate and endDate (contract 1.6), in
 * BUDGET_TIMEZONE.  Without any of them: `days` days before today through
 * today; `days` -1: no bounds, both 0.  False: answered with 400. */
bool usage_range(struct request *r, int64_t days, int64_t *from_ms,
                 int64_t *to_ms);
/* True if the tenant of the first parameter exists; else answered with 404. */
bool usage_tenant(struct request *r);
/* The instant at which the local day of `at_ms`, moved by `days`, begins. */
int64_t usage_day(const struct zone *z, int64_t at_ms, int64_t days);
/* Writes "percentage": `part` of `whole` in percent, one decimal, rounded half
 * away from zero; 0 of nothing. */
void usage_percent(struct request *r, struct json_out *o, int64_t part,
                   int64_t whole);

#endif

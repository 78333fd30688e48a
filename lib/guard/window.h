/* window.h - which stretch of time a budget counts in.
 *
 * A window is a pure function of (budget, zone, instant): nothing is stored,
 * rollover needs no job and has no gap.  Any thread.  Knows no store.
 */
#ifndef GUARD_WINDOW_H
#define GUARD_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/zone.h"
#include "call/budget.h"

#define WINDOW_HOUR_MS 3600000LL
#define WINDOW_DAY_MS 86400000LL

/* The window of `b` that holds `at_ms`; `end_ms` is exclusive.  A daily window
 * is 23 or 25 hours long where the clock changes.  For a rolling budget it is
 * the last whole width that ends with the current bucket: old spend leaves
 * late rather than early.  False: the budget does not apply then (custom,
 * outside its dates). */
bool window_at(const struct budget *b, const struct zone *zone, int64_t at_ms,
               struct window *out);

/* Resolution of a rolling window: 1 minute up to 48 h, else 1 hour. */
int64_t window_step_ms(int64_t rolling_ms);

/* The name of a period: "hourly" ... "custom"; rolling is "rolling". */
const char *window_period_name(enum budget_period p);

/* Reads a period name; `rolling:24h` too (then `*rolling_ms` is set).  False:
 * not known.  "rolling" alone gives rolling_ms 0. */
bool window_period_parse(struct slice s, enum budget_period *p,
                         int64_t *rolling_ms);

/* Reads "<n>h" (1-8760) or "<n>d" (1-366) in ms; false if it is neither. */
bool window_width_parse(struct slice s, int64_t *rolling_ms);

#endif

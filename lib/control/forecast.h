/* forecast.h - when a budget runs out at the rate money burns now.
 *
 * Integers only, from rollups.  With B nano-dollars booked in the last E
 * milliseconds, S spent in the window and the amount A, what is left lasts
 *     t = ceil((A - S) * E / B) milliseconds,
 * and the budget runs out at now + t if that lies in its window (before
 * resetsAt or endDate), else not at all.  E reaches back from now to a whole
 * hour: 6 hours for hourly budgets, 24 for daily ones, rolling ones up to 48
 * hours and those of users and sessions (their rows are read one by one), 7
 * days for the others; while nothing was booked in its older half
 * it is halved, so that a start in mid-time does not look like a slow burn.
 * It is never less than an hour.
 *
 * A rolling window gives back what it lets go: there the date is the end of
 * the first of at most 24 equal parts of its width by which
 *     S - (what leaves until then) + B * (time until then) / E >= A.
 *
 * For handlers, on pool threads.
 */
#ifndef CONTROL_FORECAST_H
#define CONTROL_FORECAST_H

#include <stdbool.h>
#include <stdint.h>

#include "call/budget.h"
#include "control/request.h"

struct forecast {
    int64_t burned, over_ms; /* B and E */
    int64_t runs_out_ms;     /* -1: not in its window; now: it has */
    int64_t projected;       /* spent at the window's end; -1: no end */
};

/* The forecast of `b` now; false if it does not apply at this time or its
 * figures cannot be read (all fields are then 0, runs_out_ms -1). */
bool forecast_of(struct request *r, const struct budget *b,
                 struct forecast *out);
/* Writes the member "forecast" of an open object. */
void forecast_write(struct request *r, struct json_out *o,
                    const struct budget *b);

#endif

/* detect.h - which budgets have reached a threshold.
 *
 * Looks at the counters of budgets whose rows came into the ledger since the
 * last look, and at all budgets when the catalog changed and at start; never
 * on a loop and never inside admission or settlement.  One thread.
 */
#ifndef ALERT_DETECT_H
#define ALERT_DETECT_H

#include <stdbool.h>
#include <stdint.h>

#include "alert/channel.h"
#include "base/metric.h"
#include "catalog/catalog.h"
#include "counters/counters.h"
#include "ledger/db.h"

struct detect_conf {
    struct db *db;
    struct counters *counters;
    struct catalog *catalog;
    struct metrics *metrics;
    const int *thresholds; /* of budgets without their own; percent */
    int threshold_count;
    const char *const *channels; /* one delivery is noted for each */
    int channel_count;
};

struct detect;

/* Starts behind what the last process looked at.  E_IO. */
MUST_CHECK enum status detect_new(const struct detect_conf *conf,
                                  struct detect **out, struct err *err);
/* Notes where it stands, frees and nulls (NULL is fine). */
void detect_free(struct detect **d);
/* Looks once and raises what is due; `*raised` says how many.  On a fault the
 * same rows are looked at again next time. */
MUST_CHECK enum status detect_look(struct detect *d, int64_t now_ms,
                                   int *raised, struct err *err);

#endif

/* budget.h - a budget as the catalog keeps it and guard applies it.
 *
 * Plain values.  `id` is the counter key: the SQL id of a stored budget, or
 * one with the top bit set for a budget that comes from the environment.
 */
#ifndef CALL_BUDGET_H
#define CALL_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum budget_scope {
    SCOPE_GLOBAL,
    SCOPE_TENANT,
    SCOPE_KEY,
    SCOPE_TAG,
    SCOPE_SESSION,
    SCOPE_USER,
    SCOPE_MODEL,
};

enum budget_period {
    PERIOD_HOURLY,
    PERIOD_DAILY,
    PERIOD_WEEKLY,
    PERIOD_MONTHLY,
    PERIOD_TOTAL,
    PERIOD_CUSTOM,
    PERIOD_ROLLING,
};

#define BUDGET_ENV_BIT (UINT64_C(1) << 63)
#define BUDGET_SESSION_BIT (UINT64_C(1) << 62) /* implicit session budgets */
#define BUDGET_THRESHOLDS 8
#define BUDGET_NO_OWN (-1) /* as threshold_count */

struct budget {
    uint64_t id;
    enum budget_scope scope;
    int64_t tenant_id;     /* owner; 0: none (global, model of all) */
    int64_t object_id;     /* key or tag id; 0 otherwise */
    struct slice scope_id; /* session, user, or model name (may end in '*') */
    enum budget_period period;
    int64_t rolling_ms;       /* width of a rolling window */
    int64_t start_ms, end_ms; /* custom: [start, end) */
    int64_t amount;           /* nano-dollars */
    bool soft;                /* counts and alerts, never refuses */
    bool active;
    bool direct_only;                  /* tag inheritance NONE or BYPASS */
    int thresholds[BUDGET_THRESHOLDS]; /* percent, ascending */
    int threshold_count; /* BUDGET_NO_OWN: ALERT_THRESHOLDS counts */
};

/* A stretch of time: [start, end).  end INT64_MAX: unending. */
struct window {
    int64_t start_ms, end_ms;
};

#endif

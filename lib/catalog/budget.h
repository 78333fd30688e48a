/* budget.h - which budgets a call touches, and their counter keys.
 *
 * Pure functions over values; no snapshot, no store.  Any thread.  The same
 * functions decide at admission, at the check of the ledger and at opening a
 * budget in mid-window, so that the three cannot disagree.
 */
#ifndef CATALOG_BUDGET_H
#define CATALOG_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "call/budget.h"

/* A budget that comes from the environment (contract 9.1).  Of several with
 * the same tenant, period and rolling_ms the highest rank wins; a stored
 * active budget of the tenant beats them all. */
struct env_budget {
    struct slice tenant; /* empty: every tenant; else the name as it stands in
                            BUDGET_<PERIOD>_<TENANT> (budget_env_name) */
    enum budget_period period;
    int64_t rolling_ms;
    int64_t start_ms, end_ms; /* custom */
    int64_t amount;           /* nano-dollars */
    int rank; /* 0 DEFAULT_BUDGET_USD, 1 BUDGET_<PERIOD>_USD, 2 _<TENANT> */
};

/* A tenant's name as it stands in a variable: upper case, every byte outside
 * A-Z 0-9 becomes '_'.  Writes at most `cap` bytes without terminator and
 * returns the length written. */
size_t budget_env_name(struct slice tenant, char *out, size_t cap);

/* Counter key of an environment budget; the same in every process. */
uint64_t budget_env_id(int64_t tenant_id, enum budget_period period,
                       int64_t rolling_ms);

/* Does a model budget named `pattern` (may end in '*') cover `model`, as
 * asked without provider prefix: equal, equal without the date suffix
 * (-YYYY-MM-DD, -YYYYMMDD) or "-latest", or by prefix? */
bool budget_model_matches(struct slice pattern, struct slice model);

/* `model` without a date suffix or "-latest". */
struct slice budget_model_base(struct slice model);

#endif

/* verdict.h - the answer to "may this call go out?".
 *
 * A refusal is an ordinary answer, not an error.  Plain value; the slices
 * live in the arena that admit was given.
 */
#ifndef CALL_VERDICT_H
#define CALL_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "call/budget.h"
#include "call/refusal.h"

#define VERDICT_SCOPES_MAX 48

/* A budget that did not fit (contract 1.4 details). */
struct verdict_scope {
    enum budget_scope scope;
    enum budget_period period;
    int64_t rolling_ms;
    struct slice scope_id; /* printable */
    bool parent_tag;       /* an ancestor of the tags asked */
    bool wide;             /* wider than the tenant: amounts are left out */
    int64_t amount, spent, held, needed; /* nano-dollars */
    int64_t resets_ms;                   /* INT64_MAX: never */
};

/* State of the tenant's request window for the x-ratelimit headers. */
struct verdict_rate {
    int64_t limit; /* 0: unlimited, no headers */
    int64_t remaining;
    int64_t reset_s;
};

struct verdict {
    enum refusal refusal;  /* R_NONE: allowed */
    struct slice message;  /* what follows the literal text, or empty */
    const char *kind;      /* 429: "requests", "tokens", "concurrency" */
    int64_t retry_after_s; /* 429 */
    int64_t kind_limit;    /* 429 */
    struct verdict_rate rate;
    struct verdict_scope scopes[VERDICT_SCOPES_MAX];
    int scope_count;
    struct slice *deny; /* policy: texts of deny */
    int deny_count;
    struct slice policy_reason;
    bool policy_error;

    uint64_t hold_id; /* allowed: to be settled exactly once */
    int64_t hold_nano;
    int64_t clamp_tokens; /* output limit to write, per choice; 0: none */
};

#endif

/* admit.h - may this call go out?  Rate, budgets and holds in one step.
 *
 * On a loop's thread, with the loop's catalog snapshot.  Answers a verdict;
 * a refusal holds nothing anywhere.  Nothing after admit can refuse but the
 * policy gate, nothing before it can spend.
 */
#ifndef GUARD_ADMIT_H
#define GUARD_ADMIT_H

#include "base/arena.h"
#include "base/err.h"
#include "call/call.h"
#include "call/event.h"
#include "call/verdict.h"
#include "catalog/snapshot.h"
#include "guard/guard.h"

/* A budget that matched, as it stood before the call's own hold. */
struct admit_budget {
    const struct budget *budget;
    struct window window;
    int64_t amount, spent, held; /* nano-dollars */
};

/* Everything one admission needs. */
struct admit {
    const struct guard *guard;
    const struct snapshot *snapshot;
    const struct tenant *tenant; /* node of `snapshot` */
    struct arena *arena;
    struct call *call;   /* described; `worst` is filled here */
    struct event *event; /* its row so far; tags are filled here */
    uint32_t slot;       /* sent-map slot */
    int64_t now_ms;
    int64_t limit_sent; /* output limit the gateway will write; 0: none */
    bool exhausted_check_only; /* forwarded paths: refused only if a hard
                                  budget is already used up; holds nothing */
    bool want_budgets; /* fill the next two, in `arena`, when it is allowed */
    struct admit_budget *budgets;
    int budget_count;
};

/* Fills `v`.  Not OK: storage; answer 503, nothing is held. */
MUST_CHECK enum status admit_call(struct admit *a, struct verdict *v,
                                  struct err *err);

/* Counts the request against the rate only: it fails later for another
 * reason (unknown tag, bad session). */
MUST_CHECK enum status admit_rate(struct admit *a, struct verdict *v,
                                  struct err *err);

#endif

/* eval.h - runs plans.
 *
 * One evaluation belongs to one thread and one arena; the plan and the policy
 * are only read.
 */
#ifndef REGO_EVAL_H
#define REGO_EVAL_H

#include "rego/plan.h"
#include "rego/rego.h"

struct eval_job {
    const struct plan *plan;
    const struct node *root;
    const struct value *data; /* the base document; V_UNDEF: none */
    uint32_t nsets;           /* memo entries */
    const struct slice *files;
    uint32_t nfiles;
    bool full;       /* solutions with the expressions' values */
    bool first_only; /* one solution is enough; `out` is its first value */
};

/* See rego_eval. */
MUST_CHECK enum status eval_run(const struct eval_job *job,
                                const struct value *input,
                                struct arena *scratch,
                                const struct rego_limits *limits,
                                struct value *out, struct rego_error *err);

#endif

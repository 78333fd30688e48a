/* gate.h - what the policy says of a call (contract 10).
 *
 * Fails closed: only `allow` exactly true with an empty or undefined
 * `deny` lets a call through; every error denies.  One `struct gate` per
 * thread; the rest is pure.
 */
#ifndef GUARD_GATE_H
#define GUARD_GATE_H

#include "base/metric.h"
#include "call/verdict.h"
#include "guard/gate_input.h"

/* An answer; slices live in the arena given. */
struct gate_answer {
    bool allow;
    struct slice *deny; /* texts, sorted */
    int deny_count;
    struct slice reason; /* empty: none */
    struct slice error;  /* empty: none; then it denies */
    int64_t took_ns;
};

/* Puts the question to a policy; `scratch` gives all memory, the answer's
 * slices included. */
void gate_ask(const struct policy *p, const struct value *input,
              int64_t timeout_ms, struct arena *scratch,
              struct gate_answer *out);

struct gate;

/* A gate over the policy in force.  `zone` and `metrics` are borrowed. */
struct gate *gate_new(struct policies *p, const struct zone *zone,
                      int64_t timeout_ms, struct metrics *metrics);
/* Frees and nulls. */
void gate_free(struct gate **g);
/* Decides; a refusal sets `v->refusal` to R_POLICY and the texts, which live
 * in `a`.  Errors are logged and counted. */
void gate_decide(struct gate *g, const struct gate_in *in, struct arena *a,
                 struct verdict *v);

#endif

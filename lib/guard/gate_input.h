/* gate_input.h - what the policy is told of a call (contract 10).
 *
 * The document is built directly as values, never printed and read again, and
 * only those members are built that the policy's text refers to.  Pure.
 */
#ifndef GUARD_GATE_INPUT_H
#define GUARD_GATE_INPUT_H

#include "base/zone.h"
#include "call/call.h"
#include "guard/admit.h"
#include "guard/policy.h"

/* A header as the policy sees it: lower-case name, no credentials. */
struct gate_field {
    struct slice name, value;
};

/* Facts of one call; `call` may be a row of the past. */
struct gate_in {
    const struct call *call;
    const struct admit_budget *budgets;
    int budget_count;
    const struct gate_field *fields;
    int field_count;
    int64_t now_ms;
    int64_t max_output; /* as it will be sent, -1: none */
    int64_t hold_nano;
    bool past; /* a row of the past: budgets, fields, output limit and address
                  are not known and left out, undefined */
};

#define GATE_INPUT_ALL UINT32_MAX

/* The members, as a set of bits, that `p` can depend on. */
uint32_t gate_input_reads(const struct policy *p);
/* The input document in `a`, with the members of `reads` that are known.
 * V_UNDEF: the arena's limit. */
struct value gate_input(const struct gate_in *in, const struct zone *zone,
                        uint32_t reads, struct arena *a);

#endif

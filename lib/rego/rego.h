/* rego.h - Rego policies: compile once, evaluate many times.
 *
 * A policy is compiled from modules and data into one immutable block that any
 * number of threads may use at once.  A query is compiled against a policy and
 * is immutable likewise.  An evaluation takes all its memory from the caller's
 * arena and ends at the limits given; its result may point into the policy,
 * the query and the input.  Fails closed: whoever gets no result or an error
 * must deny.
 */
#ifndef REGO_REGO_H
#define REGO_REGO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "rego/value.h"

enum rego_dialect { REGO_V0, REGO_V1 };

struct rego_module {
    struct slice name; /* the file, for messages */
    struct slice text;
};

/* One thing that is wrong; a list in the order found. */
struct rego_error {
    struct slice file;    /* "" if nowhere */
    uint32_t row, col;    /* from 1 */
    const char *code;     /* "rego_parse_error", "eval_conflict_error" … */
    struct slice message; /* OPA's words */
    struct rego_error *next;
};

struct rego_policy;
struct rego_query;

#define REGO_COMPILE_MEMORY ((size_t)256 << 20)

/* Compiles `n` modules of one dialect with the base document `data` (an
 * object, or undefined; copied).  The modules' text is copied too.
 * NULL on errors, which then lie in `errs_arena` with `*errs` as the first
 * (NULL only if not even that has room). */
MUST_CHECK struct rego_policy *rego_compile(const struct rego_module *modules,
                                            size_t n, enum rego_dialect dialect,
                                            const struct value *data,
                                            struct arena *errs_arena,
                                            struct rego_error **errs);

/* Ends `*p` and sets it NULL; its queries must be gone. */
void rego_policy_free(struct rego_policy **p);

/* Compiles a query (v1 syntax, e.g. "data.gateway.allow = x"); `imports` of
 * query text is not possible.  As rego_compile. */
MUST_CHECK struct rego_query *rego_prepare(const struct rego_policy *p,
                                           struct slice text,
                                           struct arena *errs_arena,
                                           struct rego_error **errs);

/* Ends `*q` and sets it NULL. */
void rego_query_free(struct rego_query **q);

/* False if no evaluation of `q` can depend on the member `name` of input, so
 * that it need not be built. */
bool rego_query_reads(const struct rego_query *q, struct slice name);

struct rego_limits {
    uint64_t steps;      /* 0: REGO_STEPS */
    int64_t deadline_ns; /* CLOCK_MONOTONIC, 0: none */
    uint32_t depth;      /* 0: REGO_DEPTH */
    bool strict;         /* a builtin's error ends the evaluation */
    int64_t now_ns;      /* what time.now_ns says; 0: the clock */
    uint64_t seed;       /* for rand and uuid; 0: random */
};

#define REGO_STEPS 10000000u
#define REGO_DEPTH 1000 /* about 1 KB of stack each */

/* Evaluates.  `input` may be NULL (undefined); it and what it points to must
 * live as long as the result.  `scratch` gives all memory and holds the
 * result; its limit is the memory bound.  `*out` is the set of bindings as an
 * array of objects, empty if undefined.  Without variables the object is {}.
 * OK; E_INVALID: `*err` says what failed; E_TIMEOUT and E_TOO_BIG: a limit
 * (`*err` says which).  Any thread; one scratch arena per thread. */
MUST_CHECK enum status rego_eval(const struct rego_query *q,
                                 const struct value *input,
                                 struct arena *scratch,
                                 const struct rego_limits *limits,
                                 struct value *out, struct rego_error *err);

/* As rego_eval for a query that is one term (a reference as a rule): its
 * first value, V_UNDEF if undefined.  The fast way for decisions. */
MUST_CHECK enum status
rego_eval_value(const struct rego_query *q, const struct value *input,
                struct arena *scratch, const struct rego_limits *limits,
                struct value *out, struct rego_error *err);

/* As rego_eval, each solution as `opa eval` shows it: {"bindings": {…},
 * "expressions": [{"value", "text", "location": {"row", "col"}}]}. */
MUST_CHECK enum status
rego_eval_shown(const struct rego_query *q, const struct value *input,
                struct arena *scratch, const struct rego_limits *limits,
                struct value *out, struct rego_error *err);

/* What is not wrong but may surprise, e.g. a `not` that an undefined operand
 * makes undefined.  Lives as long as the policy; NULL if nothing. */
const struct rego_error *rego_policy_warnings(const struct rego_policy *p);

/* A rule of a policy, for listings and test runners. */
struct rego_rule {
    struct slice package; /* data.a.b */
    struct slice name;    /* the first element of its head: test_x */
    struct slice file;
    uint32_t row, col;
    bool is_function;
};

/* Calls `fn` for every rule in the order of modules and text; a name may come
 * several times. */
void rego_policy_rules(const struct rego_policy *p,
                       void (*fn)(void *arg, const struct rego_rule *r),
                       void *arg);

/* Reads a Rego term without variables ({1, 2}, set(), {"a": 1}). */
MUST_CHECK bool rego_parse_term(struct arena *a, struct slice text,
                                struct value *out);

#endif

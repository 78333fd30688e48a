/* eval_state.h - what the three parts of the evaluator share: eval.c (the
 * loop), eval_doc.c (documents and references), eval_rule.c (rules and their
 * solutions).  Not for others.
 */
#ifndef REGO_EVAL_STATE_H
#define REGO_EVAL_STATE_H

#include "rego/eval.h"

enum outcome { MORE, STOP, FATAL };

/* A function that stands for another while a `with` lasts. */
struct mock {
    const struct rule_set *func;   /* replaced: a function … */
    const struct builtin *builtin; /* … or a builtin */
    const struct with_plan *by;
    struct value value;
    const struct mock *next;
};

/* Paths of `data` that `with` replaced: no rule is looked for there. */
struct shade {
    const struct value *path;
    uint32_t n;
    const struct shade *next;
};

struct env {
    struct value input, data;
    struct value *memo; /* spare: 0 not evaluated, 1 done, 2 under way */
    const struct mock *mocks;
    const struct shade *shades;
    struct env *outer;
};

enum sink_kind {
    SINK_VALUE,
    SINK_LIST,
    SINK_SET,
    SINK_PAIRS,
    SINK_TREE,
    SINK_BINDINGS,
    SINK_FIRST
};

struct branch;

struct sink {
    enum sink_kind kind;
    const struct clause *clause;
    const struct stmt *comp; /* comprehension: key and value operands */
    struct value value;      /* SINK_VALUE: V_UNDEF until the first */
    bool once;               /* SINK_VALUE: no need to look further */
    uint64_t solutions;
    struct value_list list;
    struct branch *tree;
};

struct eval {
    struct builtin_ctx ctx; /* first: builtins get only this */
    struct arena *arena;
    struct env *env;
    const struct eval_job *job;
    uint32_t depth, depth_max;
    bool strict;
    struct loc loc; /* of the error */
    struct value *stack, *stack_end;
};

/* Runs a statement and all that follows it. */
enum outcome eval_exec(struct eval *c, const struct stmt *s, struct value *f,
                       struct sink *k);

// eval_doc.c

/* Sets ctx for memory exhausted; FATAL. */
enum outcome eval_nomem(struct eval *c);
/* Ends the evaluation with an error; FATAL.  `text` is static. */
enum outcome eval_fatal(struct eval *c, const char *code, struct loc loc,
                        const char *text);
/* Counts a step; false: a limit is hit, at `loc`. */
static inline bool eval_step(struct eval *c, struct loc loc)
{
    if (builtin_step(&c->ctx, 1))
        return true;
    c->loc = loc;
    return false;
}
/* Ends the evaluation because a value is nested too deep; FATAL. */
enum outcome eval_too_deep(struct eval *c, struct loc loc);
/* FATAL after an operand could not be built. */
enum outcome eval_no_operand(struct eval *c);
/* A frame of `n` slots, given back with eval_pop; NULL: memory. */
struct value *eval_push(struct eval *c, uint32_t n);
/* Frames are given back in order; one in an older chunk stays unused. */
void eval_pop(struct eval *c, struct value *f, uint32_t n);
/* Builds a composite operand; false: memory or steps. */
bool eval_build(struct eval *c, const struct operand *o, const struct value *f,
                struct value *out);
/* A pointer to the operand's value, `room` being used for composites; NULL:
 * memory or steps. */
static inline const struct value *eval_operand(struct eval *c,
                                               const struct operand *o,
                                               const struct value *f,
                                               struct value *room)
{
    if (o->kind == O_SLOT)
        return &f[o->n];
    if (o->kind == O_CONST)
        return &o->value;
    return eval_build(c, o, f, room) ? room : NULL;
}
/* S_WALK: what follows runs once for each place the path leads to. */
enum outcome eval_walk(struct eval *c, const struct stmt *s, struct value *f,
                       struct sink *k);
/* What lies at the path from element `i` on, all of it known; NULL: nothing,
 * or ctx.code is set. */
const struct value *eval_get(struct eval *c, const struct stmt *s, uint32_t i,
                             const struct value *v, const struct value *f);

// eval_rule.c

/* The document of a rule set that is no function; V_UNDEF if undefined. */
enum outcome eval_set(struct eval *c, const struct rule_set *s,
                      struct value *out);
/* A complete rule's or a function's value: all clauses must agree. */
enum outcome eval_value(struct eval *c, const struct rule_set *s,
                        const struct value *args, struct value *out);
/* A solution to the sink.  STOP: no more are needed. */
enum outcome eval_yield(struct eval *c, struct sink *k, const struct value *f);
/* Pairs as an object; one key with two values is a conflict. */
enum outcome eval_object(struct eval *c, struct value_list *l, struct loc loc,
                         struct value *out);

#endif

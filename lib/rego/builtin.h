/* builtin.h - what a builtin function is and what it may ask of its caller.
 *
 * Each family is one file builtin_<family>.c with one table; builtin.c knows
 * the tables.  A builtin is pure: it reads its arguments, allocates from
 * ctx->arena, and counts its work with builtin_step in every loop whose
 * length an argument decides.  Never called with undefined arguments, and
 * always with as many as `arity`.  Any thread, one ctx per thread.
 */
#ifndef REGO_BUILTIN_H
#define REGO_BUILTIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rego/value.h"

enum builtin_status {
    BUILTIN_OK,        /* *out is the result */
    BUILTIN_UNDEFINED, /* no result; no error even when strict */
    BUILTIN_ERROR,     /* ctx->code and ctx->message say what; undefined
                          unless errors are strict */
    BUILTIN_FATAL,     /* a limit: the evaluation ends */
};

/* Error codes as OPA prints them. */
#define CODE_BUILTIN "eval_builtin_error"
#define CODE_TYPE "eval_type_error"
#define CODE_CONFLICT "eval_conflict_error"
#define CODE_CANCEL "eval_cancel_error"
#define CODE_INTERNAL "eval_internal_error"

struct builtin;

/* Things kept for one evaluation or one policy by whoever needs them, found
 * by the address of a tag (any static object) and a key. */
struct builtin_cache;

struct builtin_ctx {
    struct arena *arena; /* for results and scratch; dies with the evaluation */
    const struct builtin *self;  /* the builtin that runs */
    const char *code;            /* after BUILTIN_ERROR or _FATAL */
    struct slice message;        /* in `arena` or static; without the name of
                                    the builtin, which builtin_error prepends */
    uint64_t steps_left;         /* counts down */
    int64_t deadline_ns;         /* CLOCK_MONOTONIC; 0: none */
    uint32_t until_clock;        /* steps until the clock is looked at */
    int64_t now_ns;              /* wall clock of this evaluation, 0: not yet
                                    asked; use builtin_now */
    uint64_t seed;               /* 0: random; else for reproducible runs */
    struct builtin_cache *cache; /* per evaluation, in `arena` */
    const struct builtin_cache *policy; /* compiled constants; read-only */
    void *compiled; /* what self->compile made of a constant argument */
    void *user; /* the evaluator's own; not for builtins, but rego.metadata */
};

typedef enum builtin_status
builtin_fn(struct builtin_ctx *c, const struct value *args, struct value *out);

/* A relation calls `emit` once per result; emit returns false to stop
 * (which is then returned as BUILTIN_OK). */
typedef bool builtin_emit(void *arg, const struct value *result);
typedef enum builtin_status builtin_rel(struct builtin_ctx *c,
                                        const struct value *args,
                                        builtin_emit *emit, void *arg);

/* Compiles the constant `key` (a pattern, layout …) at load, into `a`. NULL:
 * it is invalid; the call then reports that at run time. */
typedef void *builtin_compile(struct arena *a, const struct value *key);

enum builtin_flags {
    BUILTIN_NONDETERMINISTIC = 1,
    BUILTIN_DEPRECATED = 2, /* a compile error in v1 */
    BUILTIN_INFIX = 4,      /* an operator; not callable by that name unless
                               OPA allows it */
    BUILTIN_VOID = 8,       /* no result value: print, trace */
};

/* Types, one letter each, in `types`: the arguments, '>' and the result:
 *   a any   z null  b boolean  n number  s string
 *   [T] array of T   {T} set of T   (T) object with values of T (string or
 *   any keys)   |..| any of the types between the bars, e.g. |[a]{a}| .
 * "s|[s]{s}|>s" is concat's.  Used for literal arguments at compile time and
 * (by builtin_check_args) at run time. */
struct builtin {
    const char *name;
    uint8_t arity;
    uint8_t flags;
    const char *types;
    builtin_fn *fn;
    builtin_rel *rel;         /* walk; `fn` is then NULL */
    builtin_compile *compile; /* of the constant argument `compile_arg` */
    uint8_t compile_arg;
    const char *absent; /* why there is no such function here (http.send):
                           a compile error; fn NULL */
};

/* Tables end with a NULL name. One per file; add yours to builtin.c. */
extern const struct builtin builtin_core[];

/* The builtin of that name, or NULL. */
const struct builtin *builtin_find(struct slice name);
/* The i-th builtin over all tables, NULL behind the last. */
const struct builtin *builtin_at(size_t i);

/* Steps between two looks at the clock. */
#define BUILTIN_CLOCK_EVERY 10000u

/* Counts `n` units of work (one per element, or per 64 bytes).  False: a
 * limit is hit; ctx->code and message are set; return BUILTIN_FATAL. */
MUST_CHECK bool builtin_step_slow(struct builtin_ctx *c, uint64_t n);
static inline MUST_CHECK bool builtin_step(struct builtin_ctx *c, uint64_t n)
{
    if (c->steps_left > n && c->until_clock > n) {
        c->steps_left -= n;
        c->until_clock -= (uint32_t)n;
        return true;
    }
    return builtin_step_slow(c, n);
}

/* `n` zeroed bytes of ctx->arena; NULL: limit, ctx is set, return
 * BUILTIN_FATAL. */
MUST_CHECK void *builtin_alloc(struct builtin_ctx *c, size_t n);
/* `n` values likewise. */
MUST_CHECK struct value *builtin_values(struct builtin_ctx *c, size_t n);
/* Sets ctx for memory exhausted; returns BUILTIN_FATAL. */
enum builtin_status builtin_nomem(struct builtin_ctx *c);

/* `code` one of CODE_*; message "<name>: <fmt…>".  Returns BUILTIN_ERROR. */
enum builtin_status builtin_error(struct builtin_ctx *c, const char *code,
                                  const char *fmt, ...) PRINTF_LIKE(3, 4);
/* "<name>: operand <pos> must be <want> but got <kind of v>" as an
 * eval_type_error; `want` e.g. "string" or "one of {set, array}". */
enum builtin_status builtin_operand(struct builtin_ctx *c, int pos,
                                    const char *want, const struct value *v);
/* *out as the value if it is defined, BUILTIN_FATAL with memory exhausted if
 * not: the end of a function that used a value_list. */
enum builtin_status builtin_give(struct builtin_ctx *c, struct value v,
                                 struct value *out);
/* A string result copied from `s`. */
enum builtin_status builtin_give_str(struct builtin_ctx *c, struct slice s,
                                     struct value *out);

/* Operand checks: true if `args[pos-1]` is of the kind, else ctx is set as by
 * builtin_operand and the caller returns BUILTIN_ERROR. */
MUST_CHECK bool builtin_want(struct builtin_ctx *c, const struct value *args,
                             int pos, enum value_kind k);
/* As builtin_want for an integer within int64: "operand 1 must be integer
 * number but got floating-point number". */
MUST_CHECK bool builtin_want_int(struct builtin_ctx *c,
                                 const struct value *args, int pos,
                                 int64_t *out);

/* Wall clock, the same within one evaluation. */
int64_t builtin_now(struct builtin_ctx *c);
/* What `put` stored under (tag, key) in this evaluation, or in the policy at
 * load; NULL if nothing. */
void *builtin_cache_get(const struct builtin_ctx *c, const void *tag,
                        const struct value *key);
/* Stores for the rest of this evaluation. False: limit. */
MUST_CHECK bool builtin_cache_put(struct builtin_ctx *c, const void *tag,
                                  const struct value *key, void *p);

#endif

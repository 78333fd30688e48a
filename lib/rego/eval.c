/* eval.c - the evaluator: statements that call what follows them.
 *
 * exec() runs a statement and goes on with the next; one with several results
 * runs what follows once for each and so needs no trail: backtracking is
 * returning.  A body ends in S_YIELD, which gives a solution to the sink of
 * whoever started it, or in S_DONE, which ends the search.
 *
 * An `env` is what `with` can change: input, data, replaced functions, and the
 * memo of rules, which holds only under one env.  S_WITH makes a new one for
 * its inner statements; S_END_WITH puts the outer one back while it runs what
 * follows.
 *
 * Invariants
 *  1 A frame's slot is written before it is read (the planner's work).
 *  2 Every loop over a value's members takes a step per member.
 *  3 Nested exec() calls are counted; at the limit the evaluation ends, so
 *    neither a policy nor an input can exhaust the stack.
 *  4 ctx.code is set before exec() returns FATAL.
 */
#include "rego/eval.h"

#include <string.h>

#include "rego/eval_state.h"

/* Keeps what only some statements need out of the frame of run(), which is
 * what nests. */
#define NOINLINE __attribute__((noinline))

// ---- calls ----------------------------------------------------------------

static enum outcome builtin_outcome(struct eval *c, enum builtin_status st,
                                    struct loc loc)
{
    if (st == BUILTIN_FATAL) {
        c->loc = loc;
        return FATAL;
    }
    if (st == BUILTIN_ERROR && c->strict) {
        c->loc = loc;
        return FATAL;
    }
    c->ctx.code = NULL;
    return MORE;
}

#define ARGS_MAX 16

static const struct value *arguments(struct eval *c, const struct stmt *s,
                                     const struct value *f,
                                     struct value room[ARGS_MAX])
{
    struct value *args = room;
    if (s->call.nargs > ARGS_MAX) {
        args = value_alloc(c->arena, s->call.nargs);
        if (args == NULL)
            return NULL;
    }
    for (uint32_t i = 0; i < s->call.nargs; i++) {
        const struct operand *o = &s->call.args[i];
        if (o->kind == O_SLOT)
            args[i] = f[o->n];
        else if (o->kind == O_CONST)
            args[i] = o->value;
        else if (!eval_build(c, o, f, &args[i]))
            return NULL;
    }
    return args;
}

static const struct mock *find_mock(const struct eval *c,
                                    const struct rule_set *func,
                                    const struct builtin *b)
{
    for (const struct mock *m = c->env->mocks; m != NULL; m = m->next)
        if ((func != NULL && m->func == func) || (b != NULL && m->builtin == b))
            return m;
    return NULL;
}

static enum outcome call_builtin(struct eval *c, const struct builtin *b,
                                 const struct value *args, void *compiled,
                                 struct loc loc, struct value *out)
{
    c->ctx.self = b;
    c->ctx.compiled = compiled;
    *out = value_undef();
    if (!builtin_step(&c->ctx, 1))
        return FATAL;
    enum builtin_status st =
        b->fn != NULL ? b->fn(&c->ctx, args, out)
                      : builtin_error(&c->ctx, CODE_BUILTIN, "not offered");
    if (st == BUILTIN_OK)
        return MORE;
    *out = value_undef();
    return builtin_outcome(c, st, loc);
}

/* A replaced function: its own calls go to the originals again. */
static enum outcome call_mock(struct eval *c, const struct mock *m,
                              const struct value *args, struct loc loc,
                              struct value *out)
{
    struct env *outer = c->env, inner = *outer;
    if (m->by->by_func == NULL && m->by->by_builtin == NULL) {
        *out = m->value;
        return MORE;
    }
    if (m->by->by_builtin != NULL)
        return call_builtin(c, m->by->by_builtin, args, NULL, loc, out);
    inner.mocks = NULL;
    inner.memo = NULL;
    inner.outer = outer;
    c->env = &inner;
    enum outcome r = eval_value(c, m->by->by_func->plan, args, out);
    c->env = outer;
    return r;
}

static NOINLINE enum outcome call(struct eval *c, const struct stmt *s,
                                  struct value *f)
{
    struct value room[ARGS_MAX], out = value_undef();
    const struct value *args = arguments(c, s, f, room);
    if (args == NULL)
        return eval_no_operand(c);
    const struct mock *m = c->env->mocks == NULL
                               ? NULL
                               : find_mock(c, s->call.func, s->call.builtin);
    enum outcome r;
    if (m != NULL)
        r = call_mock(c, m, args, s->loc, &out);
    else if (s->op == S_FUNC)
        r = eval_value(c, s->call.func, args, &out);
    else
        r = call_builtin(c, s->call.builtin, args, s->call.compiled, s->loc,
                         &out);
    if (r == FATAL)
        return r;
    if (value_depth(&out) == VALUE_DEPTH_FULL)
        return eval_too_deep(c, s->loc);
    f[s->dst] = out;
    return out.kind == V_UNDEF ? STOP : MORE; // STOP: no result here
}

struct emitting {
    struct eval *c;
    const struct stmt *s;
    struct value *f;
    struct sink *k;
    enum outcome r;
};

static bool emit_result(void *arg, const struct value *v)
{
    struct emitting *e = arg;
    const struct builtin *self = e->c->ctx.self;
    if (value_depth(v) == VALUE_DEPTH_FULL) {
        e->r = eval_too_deep(e->c, e->s->loc);
        return false;
    }
    e->f[e->s->dst] = *v;
    e->r = eval_exec(e->c, e->s->next, e->f, e->k);
    e->c->ctx.self = self;
    return e->r == MORE;
}

static NOINLINE enum outcome relation(struct eval *c, const struct stmt *s,
                                      struct value *f, struct sink *k)
{
    struct value room[ARGS_MAX];
    const struct value *args = arguments(c, s, f, room);
    if (args == NULL)
        return eval_no_operand(c);
    struct emitting e = {c, s, f, k, MORE};
    const struct mock *m = find_mock(c, NULL, s->call.builtin);
    if (m != NULL) {
        enum outcome r = call_mock(c, m, args, s->loc, &f[s->dst]);
        if (r == FATAL || f[s->dst].kind == V_UNDEF)
            return r;
        return eval_exec(c, s->next, f, k);
    }
    c->ctx.self = s->call.builtin;
    enum builtin_status st =
        s->call.builtin->rel(&c->ctx, args, emit_result, &e);
    if (e.r != MORE)
        return e.r;
    return st == BUILTIN_OK ? MORE : builtin_outcome(c, st, s->loc);
}

// ---- closures and with ----------------------------------------------------

static NOINLINE enum outcome comprehension(struct eval *c, const struct stmt *s,
                                           struct value *f)
{
    struct sink k = {.kind = SINK_LIST, .comp = s};
    value_list_init(&k.list, c->arena);
    if (eval_exec(c, s->inner.body, f, &k) == FATAL)
        return FATAL;
    if (s->inner.kind == COMP_OBJECT)
        return eval_object(c, &k.list, s->loc, &f[s->dst]);
    if (s->inner.kind == COMP_SET && !builtin_step(&c->ctx, k.list.n))
        return FATAL;
    f[s->dst] = s->inner.kind == COMP_ARRAY ? value_list_array(&k.list)
                                            : value_list_set(&k.list);
    if (value_depth(&f[s->dst]) == VALUE_DEPTH_FULL)
        return eval_too_deep(c, s->loc);
    return f[s->dst].kind == V_UNDEF ? eval_nomem(c) : MORE;
}

/* STOP: holds for all members. */
static NOINLINE enum outcome every(struct eval *c, const struct stmt *s,
                                   struct value *f, struct sink *k)
{
    struct value room;
    const struct value *v = eval_operand(c, &s->a, f, &room);
    if (v == NULL)
        return eval_no_operand(c);
    if (v->kind < V_ARRAY)
        return MORE;
    for (uint32_t i = 0; i < v->n; i++) {
        if (!eval_step(c, s->loc))
            return FATAL;
        const struct value *x = &v->u.v[v->kind == V_OBJECT ? 2 * i + 1 : i];
        if (s->inner.key != NO_SLOT)
            f[s->inner.key] = v->kind == V_ARRAY    ? value_int(i)
                              : v->kind == V_OBJECT ? v->u.v[2 * i]
                                                    : *x;
        f[s->inner.val] = *x;
        enum outcome r = eval_exec(c, s->inner.body, f, k);
        if (r != STOP)
            return r;
    }
    return STOP;
}

/* `doc` with `v` at the path, objects being made on the way. */
static bool patch(struct eval *c, const struct value *doc,
                  const struct value *path, uint32_t n, struct value v,
                  struct value *out)
{
    if (n == 0) {
        *out = v;
        return true;
    }
    bool object = doc != NULL && doc->kind == V_OBJECT;
    uint32_t have = object ? doc->n : 0;
    struct value *pairs = value_alloc(c->arena, ((size_t)have + 1) * 2);
    if (pairs == NULL || !builtin_step(&c->ctx, have))
        return false;
    if (have > 0)
        memcpy(pairs, doc->u.v, (size_t)have * 2 * sizeof *pairs);
    const struct value *old = object ? value_get(doc, &path[0]) : NULL;
    pairs[2 * (size_t)have] = path[0];
    if (!patch(c, old, path + 1, n - 1, v, &pairs[2 * (size_t)have + 1]))
        return false;
    *out = value_object(pairs, (size_t)have + 1);
    return true;
}

static bool replace(struct eval *c, struct env *e, const struct with_plan *w,
                    const struct value *v)
{
    struct value out;
    struct value *doc = w->is_input ? &e->input : &e->data;
    if (!patch(c, doc->kind != V_UNDEF ? doc : NULL, w->path, w->npath, *v,
               &out))
        return false;
    *doc = out;
    if (w->is_input)
        return true;
    struct shade *s = arena_try(c->arena, sizeof *s);
    if (s == NULL)
        return false;
    *s = (struct shade){w->path, w->npath, e->shades};
    e->shades = s;
    return true;
}

static NOINLINE enum outcome with(struct eval *c, const struct stmt *s,
                                  struct value *f, struct sink *k)
{
    struct env *outer = c->env;
    struct env *e = arena_try(c->arena, sizeof *e);
    if (e == NULL)
        return eval_nomem(c);
    *e = *outer;
    e->memo = NULL;
    e->outer = outer;
    for (uint32_t i = 0; i < s->with.n; i++) {
        const struct with_plan *w = &s->with.list[i];
        struct value room = value_undef();
        const struct value *v = &room;
        if (w->by_func == NULL && w->by_builtin == NULL)
            v = eval_operand(c, &w->value, f, &room);
        if (v == NULL)
            return eval_no_operand(c);
        if (w->func == NULL && w->builtin == NULL) {
            if (!replace(c, e, w, v))
                return eval_no_operand(c);
            continue;
        }
        struct mock *m = arena_try(c->arena, sizeof *m);
        if (m == NULL)
            return eval_nomem(c);
        *m = (struct mock){w->func != NULL ? w->func->plan : NULL, w->builtin,
                           w, *v, e->mocks};
        e->mocks = m;
    }
    c->env = e;
    enum outcome r = eval_exec(c, s->with.body, f, k);
    c->env = outer;
    return r;
}

static enum outcome end_with(struct eval *c, const struct stmt *s,
                             struct value *f, struct sink *k)
{
    struct env *inner = c->env;
    c->env = inner->outer;
    enum outcome r = eval_exec(c, s->next, f, k);
    c->env = inner;
    return r;
}

/* data.<rule>.path, all known: no search for the rule, nothing nested. */
static NOINLINE enum outcome rule_value(struct eval *c, const struct stmt *s,
                                        struct value *f)
{
    struct value v;
    enum outcome r = eval_set(c, s->walk.set, &v);
    if (r == FATAL || v.kind == V_UNDEF)
        return r == FATAL ? FATAL : STOP;
    const struct value *at = eval_get(c, s, s->walk.rest, &v, f);
    if (at == NULL)
        return c->ctx.code != NULL ? FATAL : STOP;
    f[s->dst] = *at;
    return MORE;
}

// ---- the loop -------------------------------------------------------------

static bool compare_holds(int accepted, const struct value *a,
                          const struct value *b)
{
    if (accepted == 2)
        return value_equal(a, b);
    if (accepted == 5)
        return !value_equal(a, b);
    int d = value_compare(a, b);
    return ((d < 0 ? 1 : d == 0 ? 2 : 4) & accepted) != 0;
}

/* Statements with one result or none. MORE: go on behind it; STOP: failed. */
// NOLINTNEXTLINE(readability-function-cognitive-complexity): evaluator loop
static enum outcome simple(struct eval *c, const struct stmt *s,
                           struct value *f)
{
    struct value ra, rb;
    const struct value *a = eval_operand(c, &s->a, f, &ra), *b;
    if (a == NULL)
        return eval_no_operand(c);
    switch (s->op) {
    case S_TRUE:
        return value_is_false(a) || a->kind == V_UNDEF ? STOP : MORE;
    case S_EQUAL:
    case S_COMPARE:
        b = eval_operand(c, &s->b, f, &rb);
        if (b == NULL)
            return eval_no_operand(c);
        return compare_holds(s->op == S_EQUAL ? 2 : s->cmp, a, b) ? MORE : STOP;
    case S_SET:
        f[s->dst] = *a;
        return MORE;
    case S_ARRAY:
        return a->kind == V_ARRAY && a->n == s->n ? MORE : STOP;
    case S_OBJECT:
        return a->kind == V_OBJECT && a->n == s->n ? MORE : STOP;
    case S_ELEM:
        f[s->dst] = a->u.v[s->n];
        return MORE;
    case S_MEMBER:
        b = eval_operand(c, &s->b, f, &rb);
        if (b == NULL)
            return eval_no_operand(c);
        b = value_get(a, b);
        if (b != NULL)
            f[s->dst] = *b;
        return b != NULL ? MORE : STOP;
    case S_GET:
    case S_INPUT:
        if (s->op == S_INPUT)
            a = c->env->input.kind != V_UNDEF ? &c->env->input : NULL;
        b = eval_get(c, s, 0, a, f);
        if (b != NULL)
            f[s->dst] = *b;
        return b != NULL ? MORE : c->ctx.code != NULL ? FATAL : STOP;
    case S_CALL:
    case S_FUNC:
        return call(c, s, f);
    case S_COMP:
        return comprehension(c, s, f);
    case S_WALK:
    case S_RELATION:
    case S_NOT:
    case S_EVERY:
    case S_WITH:
    case S_END_WITH:
    case S_DONE:
    case S_YIELD:
        break;
    }
    return STOP;
}

// NOLINTNEXTLINE(readability-function-cognitive-complexity): evaluator loop
static enum outcome run(struct eval *c, const struct stmt *s, struct value *f,
                        struct sink *k)
{
    enum outcome r;
    for (;; s = s->next) {
        switch (s->op) {
        case S_WALK:
            if (!s->walk.direct || c->env->shades != NULL)
                return eval_walk(c, s, f, k);
            r = rule_value(c, s, f);
            if (r != MORE)
                return r == STOP ? MORE : r;
            break;
        case S_RELATION:
            return relation(c, s, f, k);
        case S_NOT:
            r = eval_exec(c, s->inner.body, f, k);
            if (r != MORE)
                return r == STOP ? MORE : r;
            break;
        case S_EVERY:
            r = every(c, s, f, k);
            if (r != STOP)
                return r;
            break;
        case S_WITH:
            return with(c, s, f, k);
        case S_END_WITH:
            return end_with(c, s, f, k);
        case S_DONE:
            return STOP;
        case S_YIELD:
            return eval_yield(c, k, f);
        case S_TRUE:
        case S_EQUAL:
        case S_COMPARE:
        case S_SET:
        case S_ARRAY:
        case S_OBJECT:
        case S_ELEM:
        case S_MEMBER:
        case S_GET:
        case S_INPUT:
        case S_CALL:
        case S_FUNC:
        case S_COMP:
            r = simple(c, s, f);
            if (r != MORE)
                return r == STOP ? MORE : r;
            break;
        }
        if (!eval_step(c, s->loc))
            return FATAL;
    }
}

enum outcome eval_exec(struct eval *c, const struct stmt *s, struct value *f,
                       struct sink *k)
{
    if (c->depth >= c->depth_max)
        return eval_fatal(c, CODE_INTERNAL, s->loc, "evaluation too deep");
    c->depth++;
    enum outcome r = run(c, s, f, k);
    c->depth--;
    return r;
}

// ---- start ----------------------------------------------------------------

static enum status failure(const struct eval *c, struct rego_error *err)
{
    *err = (struct rego_error){.row = c->loc.row,
                               .col = c->loc.col,
                               .code = c->ctx.code,
                               .message = c->ctx.message};
    if (c->loc.row > 0 && c->loc.file < c->job->nfiles)
        err->file = c->job->files[c->loc.file];
    if (strcmp(c->ctx.code, CODE_CANCEL) == 0)
        return E_TIMEOUT;
    return strcmp(c->ctx.code, CODE_INTERNAL) == 0 ? E_TOO_BIG : E_INVALID;
}

enum status eval_run(const struct eval_job *job, const struct value *input,
                     struct arena *scratch, const struct rego_limits *limits,
                     struct value *out, struct rego_error *err)
{
    static const struct rego_limits none;
    const struct rego_limits *l = limits != NULL ? limits : &none;
    struct env env = {.data = *job->data};
    if (input != NULL)
        env.input = *input;
    struct eval c = {.arena = scratch,
                     .env = &env,
                     .job = job,
                     .depth_max = l->depth > 0 ? l->depth : REGO_DEPTH,
                     .strict = l->strict};
    c.ctx.arena = scratch;
    c.ctx.steps_left = l->steps > 0 ? l->steps : REGO_STEPS;
    c.ctx.deadline_ns = l->deadline_ns;
    c.ctx.until_clock = BUILTIN_CLOCK_EVERY;
    c.ctx.now_ns = l->now_ns;
    c.ctx.seed = l->seed;
    struct sink k = {.kind = job->first_only ? SINK_FIRST : SINK_BINDINGS};
    value_list_init(&k.list, scratch);
    struct value *f = eval_push(&c, job->plan->nslots);
    *out = value_undef();
    enum outcome r =
        f != NULL ? eval_exec(&c, job->plan->body, f, &k) : eval_nomem(&c);
    if (r == FATAL)
        return failure(&c, err);
    *out = job->first_only ? k.value : value_list_array(&k.list);
    return OK;
}

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

#include <stdio.h>
#include <string.h>

#include "rego/number.h"

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

static enum outcome exec(struct eval *c, const struct stmt *s, struct value *f,
                         struct sink *k);
static enum outcome eval_set(struct eval *c, const struct rule_set *s,
                             struct value *out);

// ---- errors and memory ----------------------------------------------------

static enum outcome nomem(struct eval *c)
{
    (void)builtin_nomem(&c->ctx);
    return FATAL;
}

static enum outcome fatal(struct eval *c, const char *code, struct loc loc,
                          const char *text)
{
    c->ctx.code = code;
    c->ctx.message = slice_str(text);
    c->loc = loc;
    return FATAL;
}

#define STACK_CHUNK 64 /* the first; later ones are bigger */

/* A frame of `n` slots, given back with pop. */
static struct value *push(struct eval *c, uint32_t n)
{
    if ((size_t)(c->stack_end - c->stack) < n) {
        size_t want = c->stack == NULL ? STACK_CHUNK : 16 * STACK_CHUNK;
        want = n > want ? n : want;
        struct value *chunk = value_alloc(c->arena, want);
        if (chunk == NULL)
            return NULL;
        c->stack = chunk;
        c->stack_end = chunk + want;
    }
    struct value *f = c->stack;
    c->stack += n;
    return f;
}

/* Frames are given back in order; one in an older chunk stays unused. */
static void pop(struct eval *c, struct value *f, uint32_t n)
{
    if (c->stack == f + n)
        c->stack = f;
}

// ---- operands -------------------------------------------------------------

/* The value of an operand.  Composites are built; false: memory. */
static bool build(struct eval *c, const struct operand *o,
                  const struct value *f, struct value *out)
{
    struct value *items = value_alloc(c->arena, o->n);
    if (items == NULL || !builtin_step(&c->ctx, o->n))
        return false;
    for (uint32_t i = 0; i < o->n; i++) {
        const struct operand *x = &o->items[i];
        if (x->kind == O_CONST)
            items[i] = x->value;
        else if (x->kind == O_SLOT)
            items[i] = f[x->n];
        else if (!build(c, x, f, &items[i]))
            return false;
    }
    *out = o->kind == O_ARRAY ? value_array(items, o->n)
           : o->kind == O_SET ? value_set(items, o->n)
                              : value_object(items, o->n / 2);
    return true;
}

/* A pointer to the operand's value, `room` being used for composites; NULL:
 * memory or steps. */
static inline const struct value *operand(struct eval *c,
                                          const struct operand *o,
                                          const struct value *f,
                                          struct value *room)
{
    if (o->kind == O_SLOT)
        return &f[o->n];
    if (o->kind == O_CONST)
        return &o->value;
    return build(c, o, f, room) ? room : NULL;
}

static enum outcome no_operand(struct eval *c)
{
    return c->ctx.code != NULL ? FATAL : nomem(c);
}

// ---- documents ------------------------------------------------------------

static bool shaded(const struct env *e, const struct value *path, uint32_t n)
{
    for (const struct shade *s = e->shades; s != NULL; s = s->next) {
        if (s->n > n)
            continue;
        uint32_t i = 0;
        while (i < s->n && value_equal(&s->path[i], &path[i]))
            i++;
        if (i == s->n)
            return true;
    }
    return false;
}

/* True if a replaced path lies at or below the node. */
static bool node_shaded(const struct env *e, const struct node *n)
{
    if (e->shades == NULL)
        return false;
    struct value path[64];
    uint32_t depth = 0;
    for (const struct node *x = n; x->parent != NULL; x = x->parent)
        depth++;
    if (depth > 64)
        return false;
    uint32_t i = depth;
    for (const struct node *x = n; x->parent != NULL; x = x->parent)
        path[--i] = x->key;
    return shaded(e, path, depth);
}

/* A place in data: rules, base document, or both. */
struct cursor {
    const struct node *node;
    const struct value *base; /* NULL: none */
};

static struct cursor step_into(struct eval *c, struct cursor at,
                               const struct value *key)
{
    struct cursor to = {NULL, NULL};
    if (at.node != NULL)
        to.node = tree_child(at.node, key);
    if (to.node != NULL && (to.node->is_func || node_shaded(c->env, to.node)))
        to.node = NULL;
    if (at.base != NULL)
        to.base = value_lookup(at.base, key);
    int64_t i;
    if (at.base != NULL && to.base == NULL && at.base->kind == V_OBJECT &&
        value_as_int(key, &i)) { // keys of the base document are text
        char text[24];
        int n = snprintf(text, sizeof text, "%lld", (long long)i);
        to.base = value_get_str(at.base, slice(text, (size_t)n));
    }
    (void)c;
    return to;
}

static enum outcome document(struct eval *c, struct cursor at,
                             struct value *out);

/* What rules give and what the base document has at the same place: the base
 * wins, objects are merged. */
static bool overlay(struct eval *c, const struct value *v,
                    const struct value *base, struct value *out)
{
    if (v->kind != V_OBJECT || base->kind != V_OBJECT) {
        *out = *base;
        return true;
    }
    size_t n = (size_t)v->n + base->n;
    struct value *pairs = value_alloc(c->arena, 2 * n);
    if (pairs == NULL || !builtin_step(&c->ctx, n))
        return false;
    memcpy(pairs, v->u.v, (size_t)v->n * 2 * sizeof *pairs);
    for (uint32_t i = 0; i < base->n; i++) {
        struct value *to = &pairs[2 * ((size_t)v->n + i)];
        to[0] = base->u.v[2 * i];
        to[1] = base->u.v[2 * i + 1];
        const struct value *under = value_get(v, to);
        if (under != NULL && !overlay(c, under, &to[1], &to[1]))
            return false;
    }
    *out = value_object(pairs, n);
    return true;
}

/* Members of a document: rules first, then what only the base has. */
static enum outcome members(struct eval *c, struct cursor at,
                            struct value_list *l)
{
    for (uint32_t i = 0; at.node != NULL && i < at.node->nchild; i++) {
        const struct node *n = at.node->child[i];
        if (n->is_func)
            continue;
        struct cursor to = step_into(c, at, &n->key);
        if (to.node == NULL)
            continue; // shaded: the base has it
        struct value v;
        enum outcome r = document(c, to, &v);
        if (r == FATAL)
            return r;
        if (to.base != NULL && n->plan != NULL && !overlay(c, &v, to.base, &v))
            return no_operand(c);
        if (v.kind != V_UNDEF) {
            value_list_add(l, n->key);
            value_list_add(l, v);
        }
    }
    for (uint32_t i = 0; at.base != NULL && i < at.base->n; i++) {
        const struct value *key = &at.base->u.v[2 * i];
        if (!builtin_step(&c->ctx, 1))
            return FATAL;
        const struct node *n =
            at.node != NULL ? tree_child(at.node, key) : NULL;
        if (n != NULL && !n->is_func && !node_shaded(c->env, n))
            continue;
        value_list_add(l, *key);
        value_list_add(l, key[1]);
    }
    return MORE;
}

/* The whole document at a place. */
static enum outcome document(struct eval *c, struct cursor at,
                             struct value *out)
{
    *out = value_undef();
    if (at.node != NULL && at.node->plan != NULL)
        return eval_set(c, at.node->plan, out);
    if (at.node == NULL || (at.base != NULL && at.base->kind != V_OBJECT)) {
        if (at.base != NULL)
            *out = *at.base;
        return MORE;
    }
    if (c->depth >= c->depth_max)
        return fatal(c, CODE_INTERNAL, c->loc, "evaluation too deep");
    struct value_list l;
    value_list_init(&l, c->arena);
    c->depth++;
    enum outcome r = members(c, at, &l);
    c->depth--;
    if (r == FATAL)
        return r;
    *out = value_list_object(&l);
    return out->kind == V_UNDEF ? nomem(c) : MORE;
}

// ---- walking references ---------------------------------------------------

static enum outcome walk_value(struct eval *c, const struct stmt *s, uint32_t i,
                               const struct value *v, struct value *f,
                               struct sink *k);

static enum outcome walk_members(struct eval *c, const struct stmt *s,
                                 uint32_t i, const struct value *v,
                                 struct value *f, struct sink *k)
{
    uint32_t slot = s->walk.path[i].key.n;
    if (v->kind < V_ARRAY)
        return MORE;
    if (c->depth >= c->depth_max)
        return fatal(c, CODE_INTERNAL, s->loc, "evaluation too deep");
    c->depth++;
    enum outcome r = MORE;
    for (uint32_t j = 0; j < v->n && r == MORE; j++) {
        if (!builtin_step(&c->ctx, 1)) {
            r = FATAL;
            break;
        }
        const struct value *x = &v->u.v[v->kind == V_OBJECT ? 2 * j + 1 : j];
        f[slot] = v->kind == V_ARRAY    ? value_int(j)
                  : v->kind == V_OBJECT ? v->u.v[2 * j]
                                        : *x;
        r = walk_value(c, s, i + 1, x, f, k);
    }
    c->depth--;
    return r;
}

static enum outcome walk_value(struct eval *c, const struct stmt *s, uint32_t i,
                               const struct value *v, struct value *f,
                               struct sink *k)
{
    for (; i < s->walk.npath; i++) {
        if (s->walk.path[i].binds)
            return walk_members(c, s, i, v, f, k);
        struct value room;
        const struct value *key = operand(c, &s->walk.path[i].key, f, &room);
        if (key == NULL)
            return no_operand(c);
        v = value_lookup(v, key);
        if (v == NULL)
            return MORE;
    }
    f[s->dst] = *v;
    return exec(c, s->next, f, k);
}

static enum outcome walk_data(struct eval *c, const struct stmt *s, uint32_t i,
                              struct cursor at, struct value *f,
                              struct sink *k);

/* data.x[k] where rules lie below x: every key of rules and base. */
static enum outcome walk_nodes(struct eval *c, const struct stmt *s, uint32_t i,
                               struct cursor at, struct value *f,
                               struct sink *k)
{
    uint32_t slot = s->walk.path[i].key.n;
    if (c->depth >= c->depth_max)
        return fatal(c, CODE_INTERNAL, s->loc, "evaluation too deep");
    c->depth++;
    enum outcome r = MORE;
    for (uint32_t j = 0; j < at.node->nchild && r == MORE; j++) {
        struct cursor to = step_into(c, at, &at.node->child[j]->key);
        if (to.node == NULL)
            continue;
        f[slot] = at.node->child[j]->key;
        r = builtin_step(&c->ctx, 1) ? walk_data(c, s, i + 1, to, f, k) : FATAL;
    }
    bool object = at.base != NULL && at.base->kind == V_OBJECT;
    for (uint32_t j = 0; object && j < at.base->n && r == MORE; j++) {
        struct cursor to = step_into(c, at, &at.base->u.v[2 * j]);
        if (to.node != NULL)
            continue; // had its turn
        f[slot] = at.base->u.v[2 * j];
        r = builtin_step(&c->ctx, 1) ? walk_data(c, s, i + 1, to, f, k) : FATAL;
    }
    c->depth--;
    return r;
}

static enum outcome walk_data(struct eval *c, const struct stmt *s, uint32_t i,
                              struct cursor at, struct value *f, struct sink *k)
{
    struct value v;
    for (; (at.node == NULL || at.node->plan == NULL) && i < s->walk.npath;
         i++) {
        if (at.node == NULL && at.base == NULL)
            return MORE;
        if (s->walk.path[i].binds)
            return at.node != NULL ? walk_nodes(c, s, i, at, f, k)
                                   : walk_value(c, s, i, at.base, f, k);
        const struct value *key = operand(c, &s->walk.path[i].key, f, &v);
        if (key == NULL)
            return no_operand(c);
        at = step_into(c, at, key);
    }
    if (at.node == NULL)
        return at.base != NULL ? walk_value(c, s, i, at.base, f, k) : MORE;
    enum outcome r = document(c, at, &v);
    if (r == FATAL || v.kind == V_UNDEF)
        return r;
    return walk_value(c, s, i, &v, f, k);
}

static enum outcome walk(struct eval *c, const struct stmt *s, struct value *f,
                         struct sink *k)
{
    const struct env *e = c->env;
    if (s->walk.root == ROOT_DATA) {
        const struct value *base = e->data.kind != V_UNDEF ? &e->data : NULL;
        const struct node *root = c->job->root;
        for (const struct shade *x = e->shades; x != NULL; x = x->next)
            if (x->n == 0)
                root = NULL; // `with data as …`
        return walk_data(c, s, 0, (struct cursor){root, base}, f, k);
    }
    if (s->walk.root == ROOT_INPUT)
        return e->input.kind == V_UNDEF ? MORE
                                        : walk_value(c, s, 0, &e->input, f, k);
    struct value room;
    const struct value *v = operand(c, &s->a, f, &room);
    if (v == NULL)
        return no_operand(c);
    return walk_value(c, s, 0, v, f, k);
}

/* What lies at the path from element `i` on, all of it known; NULL: nothing,
 * or ctx.code is set. */
static const struct value *get(struct eval *c, const struct stmt *s, uint32_t i,
                               const struct value *v, const struct value *f)
{
    for (; v != NULL && i < s->walk.npath; i++) {
        struct value room;
        const struct value *key = operand(c, &s->walk.path[i].key, f, &room);
        if (key == NULL) {
            (void)no_operand(c);
            return NULL;
        }
        v = value_lookup(v, key);
    }
    return v;
}

// ---- objects that rules build member by member ----------------------------

/* A growing document: a value, a set under construction, or members. */
struct branch {
    struct value key, value;
    bool is_set;
    struct value_list set;
    struct branch **child; /* sorted by key */
    uint32_t n, cap;
};

static const char *const keys_unique = "object keys must be unique";

static struct branch *branch_child(struct eval *c, struct branch *b,
                                   const struct value *key)
{
    uint32_t lo = 0, hi = b->n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int d = value_compare(&b->child[mid]->key, key);
        if (d == 0)
            return b->child[mid];
        if (d < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (b->n == b->cap) {
        uint32_t cap = b->cap == 0 ? 4 : b->cap * 2;
        struct branch **list = arena_try(c->arena, cap * sizeof *list);
        if (list == NULL)
            return NULL;
        if (b->n > 0)
            memcpy(list, b->child, b->n * sizeof *list);
        b->child = list;
        b->cap = cap;
    }
    struct branch *x = arena_try(c->arena, sizeof *x);
    if (x == NULL)
        return NULL;
    x->key = *key;
    value_list_init(&x->set, c->arena);
    memmove(&b->child[lo + 1], &b->child[lo],
            (b->n - lo) * sizeof(struct branch *));
    b->child[lo] = x;
    b->n++;
    return x;
}

static enum outcome branch_put(struct eval *c, struct branch *b, bool set,
                               const struct value *v, struct loc loc)
{
    if (b->n > 0 || (set && b->value.kind != V_UNDEF) || (!set && b->is_set))
        return fatal(c, CODE_CONFLICT, loc, keys_unique);
    if (set) {
        b->is_set = true;
        value_list_add(&b->set, *v);
        return b->set.failed ? nomem(c) : MORE;
    }
    if (b->value.kind != V_UNDEF && !value_equal(&b->value, v))
        return fatal(c, CODE_CONFLICT, loc, keys_unique);
    b->value = *v;
    return MORE;
}

static enum outcome branch_value(struct eval *c, struct branch *b,
                                 struct value *out)
{
    if (b->is_set)
        *out = value_list_set(&b->set);
    else if (b->value.kind != V_UNDEF)
        *out = b->value;
    else {
        struct value *pairs = value_alloc(c->arena, (size_t)b->n * 2);
        if (pairs == NULL)
            return nomem(c);
        for (uint32_t i = 0; i < b->n; i++) {
            pairs[2 * i] = b->child[i]->key;
            enum outcome r = branch_value(c, b->child[i], &pairs[2 * i + 1]);
            if (r == FATAL)
                return r;
        }
        *out = value_object(pairs, b->n);
    }
    return out->kind == V_UNDEF ? nomem(c) : MORE;
}

/* A clause's solution into the document at its path. */
static enum outcome yield_tree(struct eval *c, struct sink *k,
                               const struct value *f)
{
    const struct clause *x = k->clause;
    struct branch *b = k->tree;
    struct value room;
    for (uint32_t i = 0; i < x->npath; i++) {
        const struct value *key = operand(c, &x->path[i], f, &room);
        if (key == NULL)
            return no_operand(c);
        if (b->value.kind != V_UNDEF || b->is_set)
            return fatal(c, CODE_CONFLICT, x->loc, keys_unique);
        b = branch_child(c, b, key);
        if (b == NULL)
            return nomem(c);
    }
    const struct value *v =
        operand(c, x->is_set ? &x->key : &x->value, f, &room);
    if (v == NULL)
        return no_operand(c);
    return branch_put(c, b, x->is_set, v, x->loc);
}

// ---- solutions ------------------------------------------------------------

static enum outcome yield_value(struct eval *c, struct sink *k,
                                const struct value *f)
{
    struct value room;
    const struct value *v = operand(c, &k->clause->value, f, &room);
    if (v == NULL)
        return no_operand(c);
    if (k->value.kind != V_UNDEF && !value_equal(&k->value, v))
        return fatal(c, CODE_CONFLICT, k->clause->loc,
                     k->clause->is_func
                         ? "functions must not produce multiple outputs for "
                           "same inputs"
                         : "complete rules must not produce multiple "
                           "outputs");
    k->value = *v;
    return k->once ? STOP : MORE;
}

static enum outcome yield_item(struct eval *c, struct sink *k,
                               const struct operand *a, const struct operand *b,
                               const struct value *f)
{
    const struct operand *list[] = {a, b};
    for (int i = 0; i < 2 && list[i] != NULL; i++) {
        struct value room;
        const struct value *v = operand(c, list[i], f, &room);
        if (v == NULL)
            return no_operand(c);
        value_list_add(&k->list, *v);
    }
    return k->list.failed ? nomem(c) : MORE;
}

static enum outcome yield_bindings(struct eval *c, struct sink *k,
                                   const struct value *f)
{
    const struct plan *p = c->job->plan;
    struct value *pairs = value_alloc(c->arena, (size_t)p->nnames * 2);
    if (pairs == NULL)
        return nomem(c);
    for (uint32_t i = 0; i < p->nnames; i++) {
        pairs[2 * i] = value_str(p->names[i]->name);
        pairs[2 * i + 1] = f[p->slots[i]];
    }
    value_list_add(&k->list, value_object(pairs, p->nnames));
    return k->list.failed ? nomem(c) : MORE;
}

static enum outcome yield(struct eval *c, struct sink *k, const struct value *f)
{
    if (!builtin_step(&c->ctx, 1))
        return FATAL;
    switch (k->kind) {
    case SINK_VALUE:
        return yield_value(c, k, f);
    case SINK_LIST:
        return yield_item(
            c, k, &k->comp->a,
            k->comp->inner.kind == COMP_OBJECT ? &k->comp->b : NULL, f);
    case SINK_SET:
        return yield_item(c, k, &k->clause->key, NULL, f);
    case SINK_PAIRS:
        return yield_item(c, k, &k->clause->path[0], &k->clause->value, f);
    case SINK_TREE:
        return yield_tree(c, k, f);
    case SINK_BINDINGS:
        return yield_bindings(c, k, f);
    case SINK_FIRST:
        k->value = c->job->plan->nnames > 0 ? f[c->job->plan->slots[0]]
                                            : value_bool(true);
        return STOP;
    }
    return MORE;
}

/* Pairs as an object; one key with two values is a conflict. */
static enum outcome object_of(struct eval *c, struct value_list *l,
                              struct loc loc, struct value *out)
{
    size_t n = l->n / 2;
    if (!builtin_step(&c->ctx, n))
        return FATAL;
    struct value *copy = value_alloc(c->arena, l->n);
    if (copy == NULL)
        return nomem(c);
    if (l->n > 0)
        memcpy(copy, l->items, l->n * sizeof *copy);
    *out = value_object(copy, n);
    if (out->n == n)
        return MORE;
    for (size_t i = 0; i < n; i++)
        if (!value_equal(value_get(out, &l->items[2 * i]),
                         &l->items[2 * i + 1]))
            return fatal(c, CODE_CONFLICT, loc, keys_unique);
    return MORE;
}

// ---- rules ----------------------------------------------------------------

static enum outcome run_clause(struct eval *c, const struct clause *x,
                               const struct value *args, struct sink *k)
{
    for (; x != NULL; x = x->otherwise) {
        struct value *f = push(c, x->nslots);
        if (f == NULL)
            return nomem(c);
        if (x->nargs > 0)
            memcpy(f, args, x->nargs * sizeof *f);
        k->clause = x;
        bool had = k->value.kind != V_UNDEF;
        struct value before = k->value;
        if (x->otherwise != NULL || had)
            k->value = value_undef();
        enum outcome r = exec(c, x->body, f, k);
        pop(c, f, x->nslots);
        if (r == FATAL)
            return r;
        bool found = k->value.kind != V_UNDEF;
        if (had && found && !value_equal(&before, &k->value)) {
            k->value = before;
            return fatal(c, CODE_CONFLICT, x->loc,
                         x->is_func ? "functions must not produce multiple "
                                      "outputs for same inputs"
                                    : "complete rules must not produce "
                                      "multiple outputs");
        }
        if (had && !found)
            k->value = before;
        if (found || r == STOP)
            return r;
    }
    return MORE;
}

/* Complete rules and functions: all clauses must agree. */
static enum outcome eval_value(struct eval *c, const struct rule_set *s,
                               const struct value *args, struct value *out)
{
    struct sink k = {.kind = SINK_VALUE,
                     .once = s->same_value || s->nclauses == 0};
    struct clause *const *list;
    uint32_t n = index_find(s, &c->env->input, args, &list);
    for (uint32_t i = 0; i < n; i++) {
        enum outcome r = run_clause(c, list[i], args, &k);
        if (r == FATAL)
            return r;
        if (r == STOP)
            break;
    }
    if (k.value.kind == V_UNDEF && s->dflt != NULL) {
        enum outcome r = run_clause(c, s->dflt, args, &k);
        if (r == FATAL)
            return r;
    }
    *out = k.value;
    return MORE;
}

static enum outcome eval_flat(struct eval *c, const struct rule_set *s,
                              struct value *out)
{
    bool set = s->kind == RULE_SET;
    struct sink k = {.kind = set ? SINK_SET : SINK_PAIRS};
    value_list_init(&k.list, c->arena);
    struct clause *const *list;
    uint32_t n = index_find(s, &c->env->input, NULL, &list);
    for (uint32_t i = 0; i < n; i++)
        if (run_clause(c, list[i], NULL, &k) == FATAL)
            return FATAL;
    if (!set)
        return object_of(c, &k.list,
                         s->nclauses > 0 ? s->clauses[0]->loc : c->loc, out);
    if (!builtin_step(&c->ctx, k.list.n))
        return FATAL;
    *out = value_list_set(&k.list);
    return out->kind == V_UNDEF ? nomem(c) : MORE;
}

/* Rules at this node and below it into one document. */
static enum outcome eval_tree(struct eval *c, const struct node *n,
                              struct branch *b)
{
    const struct rule_set *s = n->plan;
    if (c->depth >= c->depth_max)
        return fatal(c, CODE_INTERNAL, c->loc, "evaluation too deep");
    c->depth++;
    enum outcome r = MORE;
    if (s != NULL && s->kind == RULE_COMPLETE) {
        struct value v;
        r = eval_set(c, s, &v);
        if (r != FATAL && v.kind != V_UNDEF)
            r = branch_put(c, b, false, &v, n->rules[0]->loc);
    } else if (s != NULL) {
        struct sink k = {.kind = SINK_TREE, .tree = b};
        for (uint32_t i = 0; i < s->nclauses && r != FATAL; i++)
            r = run_clause(c, s->clauses[i], NULL, &k);
        if (s->kind == RULE_SET)
            b->is_set = true;
    }
    for (uint32_t i = 0; i < n->nchild && r != FATAL; i++) {
        if (n->child[i]->is_func)
            continue;
        if (b->value.kind != V_UNDEF || b->is_set) {
            r = fatal(c, CODE_CONFLICT, c->loc, keys_unique);
            break;
        }
        uint32_t had = b->n;
        struct branch *to = branch_child(c, b, &n->child[i]->key);
        r = to == NULL ? nomem(c) : eval_tree(c, n->child[i], to);
        if (r != FATAL && b->n > had && to != NULL && to->n == 0 &&
            to->value.kind == V_UNDEF && !to->is_set) {
            // nothing came: no member
            uint32_t at = 0;
            while (b->child[at] != to)
                at++;
            memmove(&b->child[at], &b->child[at + 1],
                    (b->n - at - 1) * sizeof(struct branch *));
            b->n--;
        }
    }
    c->depth--;
    return r == FATAL ? FATAL : MORE;
}

static enum outcome eval_mixed(struct eval *c, const struct rule_set *s,
                               struct value *out)
{
    struct branch *b = arena_try(c->arena, sizeof *b);
    if (b == NULL)
        return nomem(c);
    value_list_init(&b->set, c->arena);
    enum outcome r = eval_tree(c, s->node, b);
    return r == FATAL ? r : branch_value(c, b, out);
}

static enum outcome eval_set(struct eval *c, const struct rule_set *s,
                             struct value *out)
{
    struct env *e = c->env;
    if (e->memo == NULL) {
        e->memo = value_alloc(c->arena, c->job->nsets);
        if (e->memo == NULL)
            return nomem(c);
    }
    struct value *memo = &e->memo[s->id];
    if (memo->spare == 1) {
        *out = *memo;
        out->spare = 0;
        return MORE;
    }
    if (memo->spare == 2)
        return fatal(c, CODE_INTERNAL, c->loc, "rule depends on itself");
    memo->spare = 2;
    enum outcome r = s->kind == RULE_COMPLETE ? eval_value(c, s, NULL, out)
                     : s->kind == RULE_MIXED  ? eval_mixed(c, s, out)
                                              : eval_flat(c, s, out);
    *memo = r == FATAL ? value_undef() : *out;
    memo->spare = r == FATAL ? 0 : 1;
    return r;
}

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
        else if (!build(c, o, f, &args[i]))
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

static enum outcome call(struct eval *c, const struct stmt *s, struct value *f)
{
    struct value room[ARGS_MAX], out = value_undef();
    const struct value *args = arguments(c, s, f, room);
    if (args == NULL)
        return no_operand(c);
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
    e->f[e->s->dst] = *v;
    e->r = exec(e->c, e->s->next, e->f, e->k);
    e->c->ctx.self = self;
    return e->r == MORE;
}

static enum outcome relation(struct eval *c, const struct stmt *s,
                             struct value *f, struct sink *k)
{
    struct value room[ARGS_MAX];
    const struct value *args = arguments(c, s, f, room);
    if (args == NULL)
        return no_operand(c);
    struct emitting e = {c, s, f, k, MORE};
    const struct mock *m = find_mock(c, NULL, s->call.builtin);
    if (m != NULL) {
        enum outcome r = call_mock(c, m, args, s->loc, &f[s->dst]);
        if (r == FATAL || f[s->dst].kind == V_UNDEF)
            return r;
        return exec(c, s->next, f, k);
    }
    c->ctx.self = s->call.builtin;
    enum builtin_status st =
        s->call.builtin->rel(&c->ctx, args, emit_result, &e);
    if (e.r != MORE)
        return e.r;
    return st == BUILTIN_OK ? MORE : builtin_outcome(c, st, s->loc);
}

// ---- closures and with ----------------------------------------------------

static enum outcome comprehension(struct eval *c, const struct stmt *s,
                                  struct value *f)
{
    struct sink k = {.kind = SINK_LIST, .comp = s};
    value_list_init(&k.list, c->arena);
    if (exec(c, s->inner.body, f, &k) == FATAL)
        return FATAL;
    if (s->inner.kind == COMP_OBJECT)
        return object_of(c, &k.list, s->loc, &f[s->dst]);
    if (s->inner.kind == COMP_SET && !builtin_step(&c->ctx, k.list.n))
        return FATAL;
    f[s->dst] = s->inner.kind == COMP_ARRAY ? value_list_array(&k.list)
                                            : value_list_set(&k.list);
    return f[s->dst].kind == V_UNDEF ? nomem(c) : MORE;
}

/* STOP: holds for all members. */
static enum outcome every(struct eval *c, const struct stmt *s, struct value *f,
                          struct sink *k)
{
    struct value room;
    const struct value *v = operand(c, &s->a, f, &room);
    if (v == NULL)
        return no_operand(c);
    if (v->kind < V_ARRAY)
        return MORE;
    for (uint32_t i = 0; i < v->n; i++) {
        if (!builtin_step(&c->ctx, 1))
            return FATAL;
        const struct value *x = &v->u.v[v->kind == V_OBJECT ? 2 * i + 1 : i];
        if (s->inner.key != NO_SLOT)
            f[s->inner.key] = v->kind == V_ARRAY    ? value_int(i)
                              : v->kind == V_OBJECT ? v->u.v[2 * i]
                                                    : *x;
        f[s->inner.val] = *x;
        enum outcome r = exec(c, s->inner.body, f, k);
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

static enum outcome with(struct eval *c, const struct stmt *s, struct value *f,
                         struct sink *k)
{
    struct env *outer = c->env;
    struct env *e = arena_try(c->arena, sizeof *e);
    if (e == NULL)
        return nomem(c);
    *e = *outer;
    e->memo = NULL;
    e->outer = outer;
    for (uint32_t i = 0; i < s->with.n; i++) {
        const struct with_plan *w = &s->with.list[i];
        struct value room = value_undef();
        const struct value *v = &room;
        if (w->by_func == NULL && w->by_builtin == NULL)
            v = operand(c, &w->value, f, &room);
        if (v == NULL)
            return no_operand(c);
        if (w->func == NULL && w->builtin == NULL) {
            if (!replace(c, e, w, v))
                return no_operand(c);
            continue;
        }
        struct mock *m = arena_try(c->arena, sizeof *m);
        if (m == NULL)
            return nomem(c);
        *m = (struct mock){w->func != NULL ? w->func->plan : NULL, w->builtin,
                           w, *v, e->mocks};
        e->mocks = m;
    }
    c->env = e;
    enum outcome r = exec(c, s->with.body, f, k);
    c->env = outer;
    return r;
}

static enum outcome end_with(struct eval *c, const struct stmt *s,
                             struct value *f, struct sink *k)
{
    struct env *inner = c->env;
    c->env = inner->outer;
    enum outcome r = exec(c, s->next, f, k);
    c->env = inner;
    return r;
}

/* data.<rule>.path, all known: no search for the rule, nothing nested. */
static enum outcome rule_value(struct eval *c, const struct stmt *s,
                               struct value *f)
{
    struct value v;
    enum outcome r = eval_set(c, s->walk.set, &v);
    if (r == FATAL || v.kind == V_UNDEF)
        return r == FATAL ? FATAL : STOP;
    const struct value *at = get(c, s, s->walk.rest, &v, f);
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
static enum outcome simple(struct eval *c, const struct stmt *s,
                           struct value *f)
{
    struct value ra, rb;
    const struct value *a = operand(c, &s->a, f, &ra), *b;
    if (a == NULL)
        return no_operand(c);
    switch (s->op) {
    case S_TRUE:
        return value_is_false(a) || a->kind == V_UNDEF ? STOP : MORE;
    case S_EQUAL:
    case S_COMPARE:
        b = operand(c, &s->b, f, &rb);
        if (b == NULL)
            return no_operand(c);
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
        b = operand(c, &s->b, f, &rb);
        if (b == NULL)
            return no_operand(c);
        b = value_get(a, b);
        if (b != NULL)
            f[s->dst] = *b;
        return b != NULL ? MORE : STOP;
    case S_GET:
    case S_INPUT:
        if (s->op == S_INPUT)
            a = c->env->input.kind != V_UNDEF ? &c->env->input : NULL;
        b = get(c, s, 0, a, f);
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

static enum outcome run(struct eval *c, const struct stmt *s, struct value *f,
                        struct sink *k)
{
    enum outcome r;
    for (;; s = s->next) {
        switch (s->op) {
        case S_WALK:
            if (!s->walk.direct || c->env->shades != NULL)
                return walk(c, s, f, k);
            r = rule_value(c, s, f);
            if (r != MORE)
                return r == STOP ? MORE : r;
            break;
        case S_RELATION:
            return relation(c, s, f, k);
        case S_NOT:
            r = exec(c, s->inner.body, f, k);
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
            return yield(c, k, f);
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
        if (!builtin_step(&c->ctx, 1))
            return FATAL;
    }
}

static enum outcome exec(struct eval *c, const struct stmt *s, struct value *f,
                         struct sink *k)
{
    if (c->depth >= c->depth_max)
        return fatal(c, CODE_INTERNAL, s->loc, "evaluation too deep");
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
    struct value *f = push(&c, job->plan->nslots);
    *out = value_undef();
    enum outcome r = f != NULL ? exec(&c, job->plan->body, f, &k) : nomem(&c);
    if (r == FATAL)
        return failure(&c, err);
    *out = job->first_only ? k.value : value_list_array(&k.list);
    return OK;
}

/* eval_rule.c - rules and what becomes of their solutions.
 *
 * A rule set is evaluated whole and kept in the memo of the env.  Sets and
 * plain objects are collected and sorted at the end; rules that write deeper,
 * or share a path with others, grow a tree.
 */
#include <string.h>

#include "rego/eval_state.h"

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
        return eval_fatal(c, CODE_CONFLICT, loc, keys_unique);
    if (set) {
        b->is_set = true;
        value_list_add(&b->set, *v);
        return b->set.failed ? eval_nomem(c) : MORE;
    }
    if (b->value.kind != V_UNDEF && !value_equal(&b->value, v))
        return eval_fatal(c, CODE_CONFLICT, loc, keys_unique);
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
            return eval_nomem(c);
        for (uint32_t i = 0; i < b->n; i++) {
            pairs[2 * i] = b->child[i]->key;
            enum outcome r = branch_value(c, b->child[i], &pairs[2 * i + 1]);
            if (r == FATAL)
                return r;
        }
        *out = value_object(pairs, b->n);
    }
    return out->kind == V_UNDEF ? eval_nomem(c) : MORE;
}

/* A clause's solution into the document at its path. */
static enum outcome yield_tree(struct eval *c, struct sink *k,
                               const struct value *f)
{
    const struct clause *x = k->clause;
    struct branch *b = k->tree;
    struct value room;
    for (uint32_t i = 0; i < x->npath; i++) {
        const struct value *key = eval_operand(c, &x->path[i], f, &room);
        if (key == NULL)
            return eval_no_operand(c);
        if (b->value.kind != V_UNDEF || b->is_set)
            return eval_fatal(c, CODE_CONFLICT, x->loc, keys_unique);
        b = branch_child(c, b, key);
        if (b == NULL)
            return eval_nomem(c);
    }
    const struct value *v =
        eval_operand(c, x->is_set ? &x->key : &x->value, f, &room);
    if (v == NULL)
        return eval_no_operand(c);
    return branch_put(c, b, x->is_set, v, x->loc);
}

// ---- solutions ------------------------------------------------------------

static enum outcome yield_value(struct eval *c, struct sink *k,
                                const struct value *f)
{
    struct value room;
    const struct value *v = eval_operand(c, &k->clause->value, f, &room);
    if (v == NULL)
        return eval_no_operand(c);
    if (k->value.kind != V_UNDEF && !value_equal(&k->value, v))
        return eval_fatal(
            c, CODE_CONFLICT, k->clause->loc,
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
        const struct value *v = eval_operand(c, list[i], f, &room);
        if (v == NULL)
            return eval_no_operand(c);
        value_list_add(&k->list, *v);
    }
    return k->list.failed ? eval_nomem(c) : MORE;
}

static bool bindings(struct eval *c, const struct value *f, struct value *out)
{
    const struct plan *p = c->job->plan;
    struct value *pairs = value_alloc(c->arena, (size_t)p->nnames * 2);
    if (pairs == NULL)
        return false;
    for (uint32_t i = 0; i < p->nnames; i++) {
        pairs[2 * i] = value_str(p->names[i]->name);
        pairs[2 * i + 1] = f[p->slots[i]];
    }
    *out = value_object(pairs, p->nnames);
    return true;
}

#define PAIRS(...)   \
    (struct value[]) \
    {                \
        __VA_ARGS__  \
    }

static bool object(struct eval *c, const struct value *pairs, size_t n,
                   struct value *out)
{
    struct value *copy = value_alloc(c->arena, 2 * n);
    if (copy == NULL)
        return false;
    memcpy(copy, pairs, 2 * n * sizeof *copy);
    *out = value_object(copy, n);
    return true;
}

/* As `opa eval` shows a solution: bindings and the expressions' values. */
static bool shown(struct eval *c, const struct value *f, struct value *out)
{
    const struct plan *p = c->job->plan;
    struct value *list = value_alloc(c->arena, p->nshown), loc, binds;
    if (list == NULL || !bindings(c, f, &binds))
        return false;
    for (uint32_t i = 0; i < p->nshown; i++) {
        const struct shown *x = &p->shown[i];
        struct value v = x->slot == NO_SLOT ? value_bool(true) : f[x->slot];
        if (!object(c,
                    PAIRS(VALUE_LIT("col"), value_int(x->loc.col),
                          VALUE_LIT("row"), value_int(x->loc.row)),
                    2, &loc) ||
            !object(c,
                    PAIRS(VALUE_LIT("location"), loc, VALUE_LIT("text"),
                          value_str(x->text), VALUE_LIT("value"), v),
                    3, &list[i]))
            return false;
    }
    struct value exprs = value_array(list, p->nshown);
    return object(
        c, PAIRS(VALUE_LIT("bindings"), binds, VALUE_LIT("expressions"), exprs),
        2, out);
}

static enum outcome yield_bindings(struct eval *c, struct sink *k,
                                   const struct value *f)
{
    struct value v;
    if (!(c->job->full ? shown(c, f, &v) : bindings(c, f, &v)))
        return eval_nomem(c);
    value_list_add(&k->list, v);
    return k->list.failed ? eval_nomem(c) : MORE;
}

enum outcome eval_yield(struct eval *c, struct sink *k, const struct value *f)
{
    struct loc loc = k->clause != NULL ? k->clause->loc
                     : k->comp != NULL ? k->comp->loc
                                       : c->loc;
    if (!eval_step(c, loc))
        return FATAL;
    k->solutions++;
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
enum outcome eval_object(struct eval *c, struct value_list *l, struct loc loc,
                         struct value *out)
{
    size_t n = l->n / 2;
    if (!builtin_step(&c->ctx, n))
        return FATAL;
    struct value *copy = value_alloc(c->arena, l->n);
    if (copy == NULL)
        return eval_nomem(c);
    if (l->n > 0)
        memcpy(copy, l->items, l->n * sizeof *copy);
    *out = value_object(copy, n);
    if (out->n == n)
        return MORE;
    for (size_t i = 0; i < n; i++)
        if (!value_equal(value_get(out, &l->items[2 * i]),
                         &l->items[2 * i + 1]))
            return eval_fatal(c, CODE_CONFLICT, loc, keys_unique);
    return MORE;
}

// ---- rules ----------------------------------------------------------------

static enum outcome run_clause(struct eval *c, const struct clause *x,
                               const struct value *args, struct sink *k)
{
    for (; x != NULL; x = x->otherwise) {
        struct value *f = eval_push(c, x->nslots);
        if (f == NULL)
            return eval_nomem(c);
        if (x->nargs > 0)
            memcpy(f, args, x->nargs * sizeof *f);
        k->clause = x;
        uint64_t solutions = k->solutions;
        bool had = k->value.kind != V_UNDEF;
        struct value before = k->value;
        if (x->otherwise != NULL || had)
            k->value = value_undef();
        enum outcome r = eval_exec(c, x->body, f, k);
        eval_pop(c, f, x->nslots);
        if (r == FATAL)
            return r;
        bool found = k->value.kind != V_UNDEF;
        if (had && found && !value_equal(&before, &k->value)) {
            k->value = before;
            return eval_fatal(c, CODE_CONFLICT, x->loc,
                              x->is_func
                                  ? "functions must not produce multiple "
                                    "outputs for same inputs"
                                  : "complete rules must not produce "
                                    "multiple outputs");
        }
        if (had && !found)
            k->value = before;
        if (found || r == STOP || k->solutions > solutions)
            return r; // what `else` says does not apply
    }
    return MORE;
}

/* Complete rules and functions: all clauses must agree. */
enum outcome eval_value(struct eval *c, const struct rule_set *s,
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
        return eval_object(c, &k.list,
                           s->nclauses > 0 ? s->clauses[0]->loc : c->loc, out);
    if (!builtin_step(&c->ctx, k.list.n))
        return FATAL;
    *out = value_list_set(&k.list);
    return out->kind == V_UNDEF ? eval_nomem(c) : MORE;
}

static void branch_drop(struct branch *b, const struct branch *x)
{
    uint32_t at = 0;
    while (b->child[at] != x)
        at++;
    memmove(&b->child[at], &b->child[at + 1],
            (b->n - at - 1) * sizeof(struct branch *));
    b->n--;
}

static enum outcome eval_tree(struct eval *c, const struct node *n,
                              struct branch *b);

static enum outcome eval_children(struct eval *c, const struct node *n,
                                  struct branch *b)
{
    for (uint32_t i = 0; i < n->nchild; i++) {
        if (n->child[i]->is_func)
            continue;
        if (b->value.kind != V_UNDEF || b->is_set)
            return eval_fatal(c, CODE_CONFLICT, c->loc, keys_unique);
        uint32_t had = b->n;
        struct branch *to = branch_child(c, b, &n->child[i]->key);
        if (to == NULL)
            return eval_nomem(c);
        if (eval_tree(c, n->child[i], to) == FATAL)
            return FATAL;
        if (b->n > had && to->n == 0 && to->value.kind == V_UNDEF &&
            !to->is_set)
            branch_drop(b, to); // nothing came: no member
    }
    return MORE;
}

/* The rules of the node itself. */
static enum outcome eval_own(struct eval *c, const struct node *n,
                             struct branch *b)
{
    const struct rule_set *s = n->plan;
    if (s->kind == RULE_COMPLETE) {
        struct value v;
        if (eval_set(c, s, &v) == FATAL)
            return FATAL;
        return v.kind == V_UNDEF
                   ? MORE
                   : branch_put(c, b, false, &v, n->rules[0]->loc);
    }
    struct sink k = {.kind = SINK_TREE, .tree = b};
    for (uint32_t i = 0; i < s->nclauses; i++)
        if (run_clause(c, s->clauses[i], NULL, &k) == FATAL)
            return FATAL;
    if (s->kind == RULE_SET)
        b->is_set = true;
    return MORE;
}

/* Rules at this node and below it into one document. */
static enum outcome eval_tree(struct eval *c, const struct node *n,
                              struct branch *b)
{
    if (c->depth >= c->depth_max)
        return eval_fatal(c, CODE_INTERNAL, c->loc, "evaluation too deep");
    c->depth++;
    enum outcome r = n->plan != NULL ? eval_own(c, n, b) : MORE;
    if (r != FATAL)
        r = eval_children(c, n, b);
    c->depth--;
    return r;
}

static enum outcome eval_mixed(struct eval *c, const struct rule_set *s,
                               struct value *out)
{
    struct branch *b = arena_try(c->arena, sizeof *b);
    if (b == NULL)
        return eval_nomem(c);
    value_list_init(&b->set, c->arena);
    enum outcome r = eval_tree(c, s->node, b);
    return r == FATAL ? r : branch_value(c, b, out);
}

enum outcome eval_set(struct eval *c, const struct rule_set *s,
                      struct value *out)
{
    struct env *e = c->env;
    if (e->memo == NULL) {
        e->memo = value_alloc(c->arena, c->job->nsets);
        if (e->memo == NULL)
            return eval_nomem(c);
    }
    struct value *memo = &e->memo[s->id];
    if (memo->spare == 1) {
        *out = *memo;
        out->spare = 0;
        return MORE;
    }
    if (memo->spare == 2)
        return eval_fatal(c, CODE_INTERNAL, c->loc, "rule depends on itself");
    memo->spare = 2;
    enum outcome r = s->kind == RULE_COMPLETE ? eval_value(c, s, NULL, out)
                     : s->kind == RULE_MIXED  ? eval_mixed(c, s, out)
                                              : eval_flat(c, s, out);
    if (r != FATAL && value_depth(out) == VALUE_DEPTH_FULL)
        r = eval_too_deep(c, c->loc);
    *memo = r == FATAL ? value_undef() : *out;
    memo->spare = r == FATAL ? 0 : 1;
    return r;
}

/* eval_doc.c - operands, documents, and walking along references.
 *
 * data is rules and base documents laid over each other: a cursor holds the
 * place in both and goes down together.
 */
#include <stdio.h>
#include <string.h>

#include "rego/eval_state.h"

// ---- errors and memory ----------------------------------------------------

enum outcome eval_nomem(struct eval *c)
{
    (void)builtin_nomem(&c->ctx);
    return FATAL;
}

enum outcome eval_fatal(struct eval *c, const char *code, struct loc loc,
                        const char *text)
{
    c->ctx.code = code;
    c->ctx.message = slice_str(text);
    c->loc = loc;
    return FATAL;
}

#define STACK_CHUNK 64 /* the first; later ones are bigger */

/* A frame of `n` slots, given back with pop. */
struct value *eval_push(struct eval *c, uint32_t n)
{
    if (c->stack == NULL || (size_t)(c->stack_end - c->stack) < n) {
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
void eval_pop(struct eval *c, struct value *f, uint32_t n)
{
    if (c->stack == f + n)
        c->stack = f;
}

// ---- operands -------------------------------------------------------------

/* The value of an operand.  Composites are built; false: memory. */
bool eval_build(struct eval *c, const struct operand *o, const struct value *f,
                struct value *out)
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
        else if (!eval_build(c, x, f, &items[i]))
            return false;
    }
    *out = o->kind == O_ARRAY ? value_array(items, o->n)
           : o->kind == O_SET ? value_set(items, o->n)
                              : value_object(items, o->n / 2);
    if (value_depth(out) == VALUE_DEPTH_FULL) {
        (void)eval_too_deep(c, c->loc);
        return false;
    }
    return true;
}

enum outcome eval_too_deep(struct eval *c, struct loc loc)
{
    return eval_fatal(c, CODE_INTERNAL, loc, "value nested too deep");
}

enum outcome eval_no_operand(struct eval *c)
{
    return c->ctx.code != NULL ? FATAL : eval_nomem(c);
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
            return eval_no_operand(c);
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
        return eval_fatal(c, CODE_INTERNAL, c->loc, "evaluation too deep");
    struct value_list l;
    value_list_init(&l, c->arena);
    c->depth++;
    enum outcome r = members(c, at, &l);
    c->depth--;
    if (r == FATAL)
        return r;
    *out = value_list_object(&l);
    if (value_depth(out) == VALUE_DEPTH_FULL)
        return eval_too_deep(c, c->loc);
    return out->kind == V_UNDEF ? eval_nomem(c) : MORE;
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
        return eval_fatal(c, CODE_INTERNAL, s->loc, "evaluation too deep");
    c->depth++;
    enum outcome r = MORE;
    for (uint32_t j = 0; j < v->n && r == MORE; j++) {
        if (!eval_step(c, s->loc)) {
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
        const struct value *key =
            eval_operand(c, &s->walk.path[i].key, f, &room);
        if (key == NULL)
            return eval_no_operand(c);
        v = value_lookup(v, key);
        if (v == NULL)
            return MORE;
    }
    f[s->dst] = *v;
    return eval_exec(c, s->next, f, k);
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
        return eval_fatal(c, CODE_INTERNAL, s->loc, "evaluation too deep");
    c->depth++;
    enum outcome r = MORE;
    for (uint32_t j = 0; j < at.node->nchild && r == MORE; j++) {
        struct cursor to = step_into(c, at, &at.node->child[j]->key);
        if (to.node == NULL)
            continue;
        f[slot] = at.node->child[j]->key;
        r = eval_step(c, s->loc) ? walk_data(c, s, i + 1, to, f, k) : FATAL;
    }
    bool object = at.base != NULL && at.base->kind == V_OBJECT;
    for (uint32_t j = 0; object && j < at.base->n && r == MORE; j++) {
        struct cursor to = step_into(c, at, &at.base->u.v[2 * j]);
        if (to.node != NULL)
            continue; // had its turn
        f[slot] = at.base->u.v[2 * j];
        r = eval_step(c, s->loc) ? walk_data(c, s, i + 1, to, f, k) : FATAL;
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
        const struct value *key = eval_operand(c, &s->walk.path[i].key, f, &v);
        if (key == NULL)
            return eval_no_operand(c);
        at = step_into(c, at, key);
    }
    if (at.node == NULL)
        return at.base != NULL ? walk_value(c, s, i, at.base, f, k) : MORE;
    enum outcome r = document(c, at, &v);
    if (r == FATAL || v.kind == V_UNDEF)
        return r;
    return walk_value(c, s, i, &v, f, k);
}

enum outcome eval_walk(struct eval *c, const struct stmt *s, struct value *f,
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
    const struct value *v = eval_operand(c, &s->a, f, &room);
    if (v == NULL)
        return eval_no_operand(c);
    return walk_value(c, s, 0, v, f, k);
}

/* What lies at the path from element `i` on, all of it known; NULL: nothing,
 * or ctx.code is set. */
const struct value *eval_get(struct eval *c, const struct stmt *s, uint32_t i,
                             const struct value *v, const struct value *f)
{
    for (; v != NULL && i < s->walk.npath; i++) {
        struct value room;
        const struct value *key =
            eval_operand(c, &s->walk.path[i].key, f, &room);
        if (key == NULL) {
            (void)eval_no_operand(c);
            return NULL;
        }
        v = value_lookup(v, key);
    }
    return v;
}

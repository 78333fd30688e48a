/* builtin_walk.c - walk, and the graph functions, which walk as well. */
#include <string.h>

#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"

#define WALK_DEPTH 1024

struct walk {
    struct builtin_ctx *c;
    builtin_emit *emit;
    void *arg;
    struct value path[WALK_DEPTH];
};

enum walk_end { WALK_ON, WALK_STOP, WALK_FATAL };

/* Emits [path, v] and goes below.  Paths are copied, because results live
 * longer than the walk. */
static enum walk_end visit(struct walk *w, size_t depth, const struct value *v)
{
    if (!builtin_step(w->c, depth + 2))
        return WALK_FATAL;
    struct value *copy = builtin_values(w->c, depth + 2);
    if (copy == NULL)
        return WALK_FATAL;
    memcpy(copy + 2, w->path, depth * sizeof *copy);
    copy[0] = value_array(copy + 2, depth);
    copy[1] = *v;
    struct value pair = value_array(copy, 2);
    if (!w->emit(w->arg, &pair))
        return WALK_STOP;
    bool object = v->kind == V_OBJECT;
    if (!object && v->kind != V_ARRAY && v->kind != V_SET)
        return WALK_ON;
    if (depth == WALK_DEPTH) {
        (void)builtin_error(w->c, CODE_BUILTIN, "value nests too deeply");
        return WALK_FATAL;
    }
    for (uint32_t i = 0; i < v->n; i++) {
        const struct value *e = &v->u.v[object ? 2 * (size_t)i : i];
        w->path[depth] = v->kind == V_ARRAY ? value_int(i) : *e;
        enum walk_end end = visit(w, depth + 1, object ? e + 1 : e);
        if (end != WALK_ON)
            return end;
    }
    return WALK_ON;
}

static enum builtin_status walk(struct builtin_ctx *c, const struct value *args,
                                builtin_emit *emit, void *arg)
{
    struct walk *w = builtin_alloc(c, sizeof *w);
    if (w == NULL)
        return BUILTIN_FATAL;
    w->c = c;
    w->emit = emit;
    w->arg = arg;
    return visit(w, 0, &args[0]) == WALK_FATAL ? BUILTIN_FATAL : BUILTIN_OK;
}

const struct builtin builtin_walk[] = {
    {.name = "walk", .arity = 1, .types = "a>[a]", .rel = walk},
    BUILTIN_END,
};

/* ---- graphs ------------------------------------------------------------- */

/* The neighbours of `node`: an array or a set, else none. */
static struct value edges(const struct value *graph, const struct value *node)
{
    const struct value *e = value_get(graph, node);
    if (e == NULL || (e->kind != V_ARRAY && e->kind != V_SET))
        return value_array(NULL, 0);
    return *e;
}

/* An open hash set of the nodes seen. */
struct seen {
    struct value *slot;
    size_t n, cap; // a power of two
};

/* True if `v` is new; NULL slots on failure. */
static bool seen_add(struct builtin_ctx *c, struct seen *s,
                     const struct value *v)
{
    if (2 * (s->n + 1) > s->cap) {
        struct seen big = {.cap = s->cap > 0 ? 2 * s->cap : 32};
        big.slot = builtin_values(c, big.cap);
        for (size_t i = 0; i < s->cap && big.slot != NULL; i++)
            if (s->slot[i].kind != V_UNDEF)
                (void)seen_add(c, &big, &s->slot[i]);
        *s = big;
        if (s->slot == NULL)
            return false;
    }
    size_t i = value_hash(v) & (s->cap - 1);
    while (s->slot[i].kind != V_UNDEF) {
        if (value_equal(&s->slot[i], v))
            return false;
        i = (i + 1) & (s->cap - 1);
    }
    s->slot[i] = *v;
    s->n++;
    return true;
}

static enum builtin_status
reachable(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    if (!builtin_want(c, args, 1, V_OBJECT))
        return BUILTIN_ERROR;
    if (!builtin_want_list(c, args, 2))
        return BUILTIN_ERROR;
    struct value_list queue = builtin_list(c), result = builtin_list(c);
    struct seen seen = {0};
    for (uint32_t i = 0; i < args[1].n; i++)
        value_list_add(&queue, args[1].u.v[i]);
    for (size_t at = 0; at < queue.n && !queue.failed; at++) {
        struct value node = queue.items[at];
        if (!builtin_step(c, 2))
            return BUILTIN_FATAL;
        if (value_get(&args[0], &node) == NULL || !seen_add(c, &seen, &node)) {
            if (seen.cap > 0 && seen.slot == NULL)
                return BUILTIN_FATAL;
            continue;
        }
        value_list_add(&result, node);
        struct value e = edges(&args[0], &node);
        if (!builtin_step(c, e.n))
            return BUILTIN_FATAL;
        for (uint32_t i = 0; i < e.n; i++)
            value_list_add(&queue, e.u.v[i]);
    }
    if (queue.failed)
        return builtin_nomem(c);
    return builtin_give(c, value_list_set(&result), out);
}

struct paths {
    struct builtin_ctx *c;
    const struct value *graph;
    struct value_list result;
    struct value path[WALK_DEPTH];
};

static bool on_path(const struct paths *p, size_t n, const struct value *v)
{
    for (size_t i = 0; i < n; i++)
        if (value_equal(&p->path[i], v))
            return true;
    return false;
}

static bool keep_path(struct paths *p, size_t n)
{
    if (n == 0)
        return true;
    struct value *copy = builtin_values(p->c, n);
    if (copy == NULL)
        return false;
    memcpy(copy, p->path, n * sizeof *copy);
    value_list_add(&p->result, value_array(copy, n));
    return true;
}

/* All paths from `node` on that meet no node twice, as long as they get.
 * False: a limit. */
static bool follow(struct paths *p, size_t n, const struct value *node)
{
    if (!builtin_step(p->c, n + 1))
        return false;
    const struct value *own = value_get(p->graph, node);
    if (own == NULL || n == WALK_DEPTH) // leads nowhere: the path ends before
        return keep_path(p, n);
    p->path[n++] = *node;
    struct value e = edges(p->graph, node);
    if (e.n == 0)
        return keep_path(p, n);
    for (uint32_t i = 0; i < e.n; i++) {
        const struct value *to = &e.u.v[i];
        if (on_path(p, n, to)) {
            if (!keep_path(p, n))
                return false;
        } else if (!follow(p, n, to)) {
            return false;
        }
    }
    return true;
}

static enum builtin_status reachable_paths(struct builtin_ctx *c,
                                           const struct value *args,
                                           struct value *out)
{
    if (!builtin_want(c, args, 1, V_OBJECT))
        return BUILTIN_ERROR;
    if (!builtin_want_list(c, args, 2))
        return BUILTIN_ERROR;
    struct paths *p = builtin_alloc(c, sizeof *p);
    if (p == NULL)
        return BUILTIN_FATAL;
    p->c = c;
    p->graph = &args[0];
    p->result = builtin_list(c);
    for (uint32_t i = 0; i < args[1].n; i++)
        if (!follow(p, 0, &args[1].u.v[i]))
            return BUILTIN_FATAL;
    return builtin_give(c, value_list_set(&p->result), out);
}

const struct builtin builtin_graph[] = {
    BUILTIN("graph.reachable", 2, "(a)|[a]{a}|>{a}", reachable),
    BUILTIN("graph.reachable_paths", 2, "(a)|[a]{a}|>{[a]}", reachable_paths),
    BUILTIN_END,
};

/* builtin_sets.c - &, |, - and their n-ary forms, as merges of sorted
 * vectors.
 */
#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"

enum keep { KEEP_LEFT = 1, KEEP_RIGHT = 2, KEEP_BOTH = 4 };

/* What is in one, the other or both, as `keep` says. */
static enum builtin_status combine(struct builtin_ctx *c, const struct value *x,
                                   const struct value *y, unsigned keep,
                                   struct value *out)
{
    size_t i = 0, k = 0, n = 0, max = (size_t)x->n + y->n;
    if (!builtin_step(c, max))
        return BUILTIN_FATAL;
    struct value *v = builtin_values(c, max);
    if (v == NULL)
        return BUILTIN_FATAL;
    while (i < x->n || k < y->n) {
        int order = i == x->n   ? 1
                    : k == y->n ? -1
                                : value_compare(&x->u.v[i], &y->u.v[k]);
        unsigned side = order < 0   ? KEEP_LEFT
                        : order > 0 ? KEEP_RIGHT
                                    : KEEP_BOTH;
        if ((keep & side) != 0)
            v[n++] = order > 0 ? y->u.v[k] : x->u.v[i];
        i += order <= 0;
        k += order >= 0;
    }
    *out = value_sorted(V_SET, v, n);
    return BUILTIN_OK;
}

static enum builtin_status two(struct builtin_ctx *c, const struct value *args,
                               unsigned keep, struct value *out)
{
    if (!builtin_want(c, args, 1, V_SET) || !builtin_want(c, args, 2, V_SET))
        return BUILTIN_ERROR;
    return combine(c, &args[0], &args[1], keep, out);
}

static enum builtin_status set_and(struct builtin_ctx *c,
                                   const struct value *args, struct value *out)
{
    return two(c, args, KEEP_BOTH, out);
}

static enum builtin_status set_or(struct builtin_ctx *c,
                                  const struct value *args, struct value *out)
{
    return two(c, args, KEEP_LEFT | KEEP_RIGHT | KEEP_BOTH, out);
}

enum builtin_status builtin_set_minus(struct builtin_ctx *c,
                                      const struct value *args,
                                      struct value *out)
{
    return two(c, args, KEEP_LEFT, out);
}

/* All elements of all sets; sorting once beats merging one after another. */
static enum builtin_status
set_union(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    if (!builtin_want(c, args, 1, V_SET))
        return BUILTIN_ERROR;
    struct value_list l = builtin_list(c);
    for (uint32_t i = 0; i < args[0].n; i++) {
        const struct value *s = &args[0].u.v[i];
        if (s->kind != V_SET)
            return builtin_element(c, 1, &args[0], s, "set");
        if (!builtin_step(c, 2 * (uint64_t)s->n + 1))
            return BUILTIN_FATAL;
        for (uint32_t k = 0; k < s->n; k++)
            value_list_add(&l, s->u.v[k]);
    }
    return builtin_give(c, value_list_set(&l), out);
}

static enum builtin_status set_intersection(struct builtin_ctx *c,
                                            const struct value *args,
                                            struct value *out)
{
    if (!builtin_want(c, args, 1, V_SET))
        return BUILTIN_ERROR;
    struct value acc = {.kind = V_SET};
    for (uint32_t i = 0; i < args[0].n; i++) {
        const struct value *s = &args[0].u.v[i];
        if (s->kind != V_SET)
            return builtin_element(c, 1, &args[0], s, "set");
        if (i == 0) {
            acc = *s;
            continue;
        }
        enum builtin_status st = combine(c, &acc, s, KEEP_BOTH, &acc);
        if (st != BUILTIN_OK)
            return st;
    }
    *out = acc;
    return BUILTIN_OK;
}

const struct builtin builtin_sets[] = {
    BUILTIN_FLAGS("and", 2, BUILTIN_INFIX, "{a}{a}>{a}", set_and),
    BUILTIN_FLAGS("or", 2, BUILTIN_INFIX, "{a}{a}>{a}", set_or),
    BUILTIN_FLAGS("set_diff", 2, BUILTIN_DEPRECATED, "{a}{a}>{a}",
                  builtin_set_minus),
    BUILTIN("union", 1, "{{a}}>{a}", set_union),
    BUILTIN("intersection", 1, "{{a}}>{a}", set_intersection),
    BUILTIN_END,
};

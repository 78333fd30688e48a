/* builtin_aggregates.c - count, sum, product, max, min, sort, all, any. */
#include <string.h>

#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"
#include "rego/unicode.h"

static enum builtin_status count(struct builtin_ctx *c,
                                 const struct value *args, struct value *out)
{
    const struct value *v = &args[0];
    switch ((enum value_kind)v->kind) {
    case V_ARRAY:
    case V_OBJECT:
    case V_SET:
        *out = value_int(v->n);
        return BUILTIN_OK;
    case V_STRING:
        if (!builtin_step(c, v->n / 64))
            return BUILTIN_FATAL;
        *out = value_int((int64_t)unicode_count(value_slice(v)));
        return BUILTIN_OK;
    case V_UNDEF:
    case V_NULL:
    case V_BOOL:
    case V_NUMBER:
        break;
    }
    return builtin_operand(c, 1, "one of {array, object, set, string}", v);
}

typedef enum status fold_fn(struct arena *, const struct number *,
                            const struct number *, struct number *,
                            struct err *);

static enum builtin_status fold(struct builtin_ctx *c, const struct value *args,
                                int64_t start, fold_fn *f, struct value *out)
{
    struct number acc = number_int(start), tmp;
    struct err err;
    if (!builtin_want_list(c, args, 1))
        return BUILTIN_ERROR;
    for (uint32_t i = 0; i < args[0].n; i++) {
        const struct value *e = &args[0].u.v[i];
        if (e->kind != V_NUMBER)
            return builtin_element(c, 1, &args[0], e, "number");
        const struct number *n = builtin_number(e, &tmp);
        if (!builtin_step(c,
                          builtin_number_cost(&acc) + builtin_number_cost(n)))
            return BUILTIN_FATAL;
        if (f(c->arena, &acc, n, &acc, &err) != OK)
            return builtin_fail(c, &err);
    }
    return builtin_give_num(c, &acc, out);
}

static enum builtin_status sum(struct builtin_ctx *c, const struct value *args,
                               struct value *out)
{
    return fold(c, args, 0, number_add, out);
}

static enum builtin_status product(struct builtin_ctx *c,
                                   const struct value *args, struct value *out)
{
    return fold(c, args, 1, number_mul, out);
}

/* The extreme element; `sign` 1: the greatest. */
static enum builtin_status extreme(struct builtin_ctx *c,
                                   const struct value *args, int sign,
                                   struct value *out)
{
    const struct value *v = &args[0];
    if (!builtin_want_list(c, args, 1))
        return BUILTIN_ERROR;
    if (v->n == 0)
        return BUILTIN_UNDEFINED;
    if (!builtin_step(c, v->n))
        return BUILTIN_FATAL;
    const struct value *best = &v->u.v[0];
    for (uint32_t i = 1; i < v->n; i++)
        if (value_compare(&v->u.v[i], best) * sign > 0)
            best = &v->u.v[i];
    *out = *best;
    return BUILTIN_OK;
}

static enum builtin_status max(struct builtin_ctx *c, const struct value *args,
                               struct value *out)
{
    return extreme(c, args, 1, out);
}

static enum builtin_status min(struct builtin_ctx *c, const struct value *args,
                               struct value *out)
{
    return extreme(c, args, -1, out);
}

/* Merges the sorted halves of from[0 .. n) into to. */
static void merge(const struct value *from, size_t half, size_t n,
                  struct value *to)
{
    size_t a = 0, b = half;
    for (size_t i = 0; i < n; i++) {
        bool left =
            b == n || (a < half && value_compare(&from[a], &from[b]) <= 0);
        to[i] = left ? from[a++] : from[b++];
    }
}

static enum builtin_status sort(struct builtin_ctx *c, const struct value *args,
                                struct value *out)
{
    const struct value *v = &args[0];
    if (!builtin_want_list(c, args, 1))
        return BUILTIN_ERROR;
    if (v->kind == V_SET || v->n < 2) { // sorted already
        *out = value_array(v->u.v, v->n);
        return BUILTIN_OK;
    }
    struct value *a = builtin_values(c, v->n), *b = builtin_values(c, v->n);
    if (a == NULL || b == NULL)
        return BUILTIN_FATAL;
    memcpy(a, v->u.v, v->n * sizeof *a);
    for (size_t width = 1; width < v->n; width *= 2) {
        if (!builtin_step(c, v->n))
            return BUILTIN_FATAL;
        for (size_t i = 0; i < v->n; i += 2 * width) {
            size_t n = v->n - i < 2 * width ? v->n - i : 2 * width;
            merge(a + i, width < n ? width : n, n, b + i);
        }
        struct value *t = a;
        a = b;
        b = t;
    }
    *out = value_array(a, v->n);
    return BUILTIN_OK;
}

static enum builtin_status all(struct builtin_ctx *c, const struct value *args,
                               struct value *out)
{
    if (!builtin_want_list(c, args, 1))
        return BUILTIN_ERROR;
    if (!builtin_step(c, args[0].n))
        return BUILTIN_FATAL;
    *out = value_bool(true);
    for (uint32_t i = 0; i < args[0].n; i++)
        if (!value_is_true(&args[0].u.v[i]))
            *out = value_bool(false);
    return BUILTIN_OK;
}

static enum builtin_status any(struct builtin_ctx *c, const struct value *args,
                               struct value *out)
{
    if (!builtin_want_list(c, args, 1))
        return BUILTIN_ERROR;
    if (!builtin_step(c, args[0].n))
        return BUILTIN_FATAL;
    *out = value_bool(false);
    for (uint32_t i = 0; i < args[0].n; i++)
        if (value_is_true(&args[0].u.v[i]))
            *out = value_bool(true);
    return BUILTIN_OK;
}

const struct builtin builtin_aggregates[] = {
    BUILTIN("count", 1, "|s[a](a){a}|>n", count),
    BUILTIN("sum", 1, "|[n]{n}|>n", sum),
    BUILTIN("product", 1, "|[n]{n}|>n", product),
    BUILTIN("max", 1, "|[a]{a}|>a", max),
    BUILTIN("min", 1, "|[a]{a}|>a", min),
    BUILTIN("sort", 1, "|[a]{a}|>[a]", sort),
    BUILTIN_FLAGS("all", 1, BUILTIN_DEPRECATED, "|[a]{a}|>b", all),
    BUILTIN_FLAGS("any", 1, BUILTIN_DEPRECATED, "|[a]{a}|>b", any),
    BUILTIN_END,
};

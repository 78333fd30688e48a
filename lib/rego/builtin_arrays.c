/* builtin_arrays.c - array.concat, flatten, reverse, slice. */
#include <string.h>

#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"

static enum builtin_status concat(struct builtin_ctx *c,
                                  const struct value *args, struct value *out)
{
    if (!builtin_want(c, args, 1, V_ARRAY) ||
        !builtin_want(c, args, 2, V_ARRAY))
        return BUILTIN_ERROR;
    size_t n = (size_t)args[0].n + args[1].n;
    if (args[0].n == 0 || args[1].n == 0) {
        *out = args[0].n == 0 ? args[1] : args[0];
        return BUILTIN_OK;
    }
    if (!builtin_step(c, n))
        return BUILTIN_FATAL;
    struct value *v = builtin_values(c, n);
    if (v == NULL)
        return BUILTIN_FATAL;
    memcpy(v, args[0].u.v, args[0].n * sizeof *v);
    memcpy(v + args[0].n, args[1].u.v, args[1].n * sizeof *v);
    *out = value_array(v, n);
    return BUILTIN_OK;
}

/* One level of nesting less. */
static enum builtin_status flatten(struct builtin_ctx *c,
                                   const struct value *args, struct value *out)
{
    if (!builtin_want(c, args, 1, V_ARRAY))
        return BUILTIN_ERROR;
    struct value_list l = builtin_list(c);
    for (uint32_t i = 0; i < args[0].n; i++) {
        const struct value *e = &args[0].u.v[i];
        uint32_t n = e->kind == V_ARRAY ? e->n : 1;
        if (!builtin_step(c, n + UINT64_C(1)))
            return BUILTIN_FATAL;
        const struct value *from = e->kind == V_ARRAY ? e->u.v : e;
        for (uint32_t k = 0; k < n; k++)
            value_list_add(&l, from[k]);
    }
    return builtin_give(c, value_list_array(&l), out);
}

static enum builtin_status reverse(struct builtin_ctx *c,
                                   const struct value *args, struct value *out)
{
    if (!builtin_want(c, args, 1, V_ARRAY))
        return BUILTIN_ERROR;
    uint32_t n = args[0].n;
    if (!builtin_step(c, n))
        return BUILTIN_FATAL;
    struct value *v = builtin_values(c, n);
    if (v == NULL)
        return BUILTIN_FATAL;
    for (uint32_t i = 0; i < n; i++)
        v[i] = args[0].u.v[n - 1 - i];
    *out = value_array(v, n);
    return BUILTIN_OK;
}

static enum builtin_status slice_of(struct builtin_ctx *c,
                                    const struct value *args, struct value *out)
{
    int64_t from, to;
    if (!builtin_want(c, args, 1, V_ARRAY) ||
        !builtin_want_int(c, args, 2, &from) ||
        !builtin_want_int(c, args, 3, &to))
        return BUILTIN_ERROR;
    int64_t n = args[0].n;
    from = from < 0 ? 0 : from > n ? n : from;
    to = to < from ? from : to > n ? n : to;
    *out = value_array(args[0].u.v + from, (size_t)(to - from));
    return BUILTIN_OK;
}

const struct builtin builtin_arrays[] = {
    BUILTIN("array.concat", 2, "[a][a]>[a]", concat),
    BUILTIN("array.flatten", 1, "[a]>[a]", flatten),
    BUILTIN("array.reverse", 1, "[a]>[a]", reverse),
    BUILTIN("array.slice", 3, "[a]nn>[a]", slice_of),
    BUILTIN_END,
};

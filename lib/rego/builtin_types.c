/* builtin_types.c - is_*, type_name, to_number, cast_*. */
#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"

#define IS(name, k)                                                         \
    static enum builtin_status name(                                        \
        struct builtin_ctx *c, const struct value *args, struct value *out) \
    {                                                                       \
        (void)c;                                                            \
        *out = value_bool(args[0].kind == (k));                             \
        return BUILTIN_OK;                                                  \
    }

IS(is_null, V_NULL)
IS(is_boolean, V_BOOL)
IS(is_number, V_NUMBER)
IS(is_string, V_STRING)
IS(is_array, V_ARRAY)
IS(is_object, V_OBJECT)
IS(is_set, V_SET)

static enum builtin_status
type_name(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    (void)c;
    *out = value_str(slice_str(value_kind_name(args[0].kind)));
    return BUILTIN_OK;
}

/* What ParseFloat takes and JSON cannot say. */
static bool not_finite(struct slice s)
{
    if (s.n > 0 && (s.p[0] == '+' || s.p[0] == '-'))
        s = slice_skip(s, 1);
    return slice_eq_nocase(s, SLICE("inf")) ||
           slice_eq_nocase(s, SLICE("infinity")) ||
           slice_eq_nocase(s, SLICE("nan"));
}

static enum builtin_status
to_number(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    const struct value *v = &args[0];
    if (v->kind == V_NULL) {
        *out = value_int(0);
        return BUILTIN_OK;
    }
    if (v->kind == V_BOOL) {
        *out = value_int(v->n != 0);
        return BUILTIN_OK;
    }
    if (v->kind == V_NUMBER) {
        *out = *v;
        return BUILTIN_OK;
    }
    if (v->kind != V_STRING)
        return builtin_operand(c, 1, "one of {null, boolean, number, string}",
                               v);
    if (not_finite(value_slice(v)))
        return builtin_operand(c, 1, "valid number string", v);
    struct number n;
    struct err err;
    if (!builtin_step(c, v->n / 8))
        return BUILTIN_FATAL;
    if (number_parse_loose(c->arena, value_slice(v), &n, &err) != OK)
        return builtin_fail(c, &err);
    return builtin_give_num(c, &n, out);
}

/* cast_x(v): v if it is an x, else an error. */
#define CAST(name, k, want)                                                 \
    static enum builtin_status name(                                        \
        struct builtin_ctx *c, const struct value *args, struct value *out) \
    {                                                                       \
        if (args[0].kind != (k))                                            \
            return builtin_operand(c, 1, want, &args[0]);                   \
        *out = args[0];                                                     \
        return BUILTIN_OK;                                                  \
    }

CAST(cast_null, V_NULL, "null")
CAST(cast_boolean, V_BOOL, "boolean")
CAST(cast_string, V_STRING, "string")
CAST(cast_object, V_OBJECT, "object")

static enum builtin_status
cast_array(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    if (!builtin_want_list(c, args, 1))
        return BUILTIN_ERROR;
    *out = value_array(args[0].u.v, args[0].n);
    return BUILTIN_OK;
}

static enum builtin_status cast_set(struct builtin_ctx *c,
                                    const struct value *args, struct value *out)
{
    if (!builtin_want_list(c, args, 1))
        return BUILTIN_ERROR;
    if (!builtin_step(c, 2 * (uint64_t)args[0].n))
        return BUILTIN_FATAL;
    struct value_list l = builtin_list(c);
    for (uint32_t i = 0; i < args[0].n; i++)
        value_list_add(&l, args[0].u.v[i]);
    return builtin_give(c, value_list_set(&l), out);
}

const struct builtin builtin_types[] = {
    BUILTIN("is_null", 1, "a>b", is_null),
    BUILTIN("is_boolean", 1, "a>b", is_boolean),
    BUILTIN("is_number", 1, "a>b", is_number),
    BUILTIN("is_string", 1, "a>b", is_string),
    BUILTIN("is_array", 1, "a>b", is_array),
    BUILTIN("is_object", 1, "a>b", is_object),
    BUILTIN("is_set", 1, "a>b", is_set),
    BUILTIN("type_name", 1, "a>s", type_name),
    BUILTIN("to_number", 1, "|zbns|>n", to_number),
    BUILTIN_FLAGS("cast_null", 1, BUILTIN_DEPRECATED, "a>z", cast_null),
    BUILTIN_FLAGS("cast_boolean", 1, BUILTIN_DEPRECATED, "a>b", cast_boolean),
    BUILTIN_FLAGS("cast_string", 1, BUILTIN_DEPRECATED, "a>s", cast_string),
    BUILTIN_FLAGS("cast_object", 1, BUILTIN_DEPRECATED, "a>(a)", cast_object),
    BUILTIN_FLAGS("cast_array", 1, BUILTIN_DEPRECATED, "a>[a]", cast_array),
    BUILTIN_FLAGS("cast_set", 1, BUILTIN_DEPRECATED, "a>{a}", cast_set),
    BUILTIN_END,
};

/* builtin_objects.c - object.* */
#include <string.h>

#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"

static enum builtin_status get(struct builtin_ctx *c, const struct value *args,
                               struct value *out)
{
    if (!builtin_want(c, args, 1, V_OBJECT))
        return BUILTIN_ERROR;
    const struct value *at = &args[0];
    if (args[1].kind == V_ARRAY) { // a path
        if (!builtin_step(c, args[1].n))
            return BUILTIN_FATAL;
        for (uint32_t i = 0; i < args[1].n && at != NULL; i++)
            at = value_lookup(at, &args[1].u.v[i]);
    } else {
        at = value_get(at, &args[1]);
    }
    *out = at != NULL ? *at : args[2];
    return BUILTIN_OK;
}

static enum builtin_status keys(struct builtin_ctx *c, const struct value *args,
                                struct value *out)
{
    if (!builtin_want(c, args, 1, V_OBJECT))
        return BUILTIN_ERROR;
    if (!builtin_step(c, args[0].n))
        return BUILTIN_FATAL;
    struct value *v = builtin_values(c, args[0].n);
    if (v == NULL)
        return BUILTIN_FATAL;
    for (uint32_t i = 0; i < args[0].n; i++)
        v[i] = args[0].u.v[2 * (size_t)i];
    *out = value_set(v, args[0].n);
    return BUILTIN_OK;
}

/* The keys named by operand 2: an array, a set, or an object's keys. */
static bool want_keys(struct builtin_ctx *c, const struct value *args)
{
    if (args[1].kind == V_OBJECT || args[1].kind == V_SET ||
        args[1].kind == V_ARRAY)
        return true;
    (void)builtin_operand(c, 2, "one of {object, set, array}", &args[1]);
    return false;
}

static bool names_key(const struct value *v, const struct value *key)
{
    if (v->kind == V_OBJECT)
        return value_get(v, key) != NULL;
    if (v->kind == V_SET)
        return value_set_find(v, key) != NULL;
    for (uint32_t i = 0; i < v->n; i++)
        if (value_equal(&v->u.v[i], key))
            return true;
    return false;
}

/* The members whose keys are named (`keep`) or not. */
static enum builtin_status pick(struct builtin_ctx *c, const struct value *args,
                                bool keep, struct value *out)
{
    if (!builtin_want(c, args, 1, V_OBJECT) || !want_keys(c, args))
        return BUILTIN_ERROR;
    struct value_list l = builtin_list(c);
    uint64_t work = args[1].kind == V_ARRAY ? args[1].n + UINT64_C(1) : 2;
    for (uint32_t i = 0; i < args[0].n; i++) {
        const struct value *pair = &args[0].u.v[2 * (size_t)i];
        if (!builtin_step(c, work))
            return BUILTIN_FATAL;
        if (names_key(&args[1], pair) != keep)
            continue;
        value_list_add(&l, pair[0]);
        value_list_add(&l, pair[1]);
    }
    return builtin_give(c, value_list_object(&l), out);
}

static enum builtin_status filter(struct builtin_ctx *c,
                                  const struct value *args, struct value *out)
{
    return pick(c, args, true, out);
}

static enum builtin_status
remove_keys(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    return pick(c, args, false, out);
}

/* ---- union -------------------------------------------------------------- */

/* Both in one; where both have an object under a key those are united, else
 * the right one stands.  Objects are sorted, so this is a merge. */
static enum builtin_status unite(struct builtin_ctx *c, const struct value *x,
                                 const struct value *y, struct value *out)
{
    size_t i = 0, k = 0, n = 0;
    if (!builtin_step(c, (uint64_t)x->n + y->n + 1))
        return BUILTIN_FATAL;
    struct value *v = builtin_values(c, 2 * ((size_t)x->n + y->n));
    if (v == NULL)
        return BUILTIN_FATAL;
    while (i < x->n || k < y->n) {
        const struct value *a = &x->u.v[2 * i], *b = &y->u.v[2 * k];
        int order = i == x->n ? 1 : k == y->n ? -1 : value_compare(a, b);
        const struct value *from = order < 0 ? a : b;
        v[2 * n] = from[0];
        v[2 * n + 1] = from[1];
        if (order == 0 && a[1].kind == V_OBJECT && b[1].kind == V_OBJECT) {
            enum builtin_status st = unite(c, &a[1], &b[1], &v[2 * n + 1]);
            if (st != BUILTIN_OK)
                return st;
        }
        n++;
        i += order <= 0;
        k += order >= 0;
    }
    *out = value_sorted(V_OBJECT, v, n);
    return BUILTIN_OK;
}

static enum builtin_status
object_union(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    if (!builtin_want(c, args, 1, V_OBJECT) ||
        !builtin_want(c, args, 2, V_OBJECT))
        return BUILTIN_ERROR;
    return unite(c, &args[0], &args[1], out);
}

static enum builtin_status union_n(struct builtin_ctx *c,
                                   const struct value *args, struct value *out)
{
    if (!builtin_want(c, args, 1, V_ARRAY))
        return BUILTIN_ERROR;
    struct value acc = {.kind = V_OBJECT};
    for (uint32_t i = 0; i < args[0].n; i++)
        if (args[0].u.v[i].kind != V_OBJECT)
            return builtin_element(c, 1, &args[0], &args[0].u.v[i], "object");
    for (uint32_t i = 0; i < args[0].n; i++) {
        enum builtin_status st = unite(c, &acc, &args[0].u.v[i], &acc);
        if (st != BUILTIN_OK)
            return st;
    }
    *out = acc;
    return BUILTIN_OK;
}

/* ---- subset ------------------------------------------------------------- */

static bool subset(struct builtin_ctx *c, const struct value *super,
                   const struct value *sub, bool *out);

static bool object_subset(struct builtin_ctx *c, const struct value *super,
                          const struct value *sub, bool *out)
{
    *out = true;
    for (uint32_t i = 0; i < sub->n && *out; i++) {
        const struct value *pair = &sub->u.v[2 * (size_t)i];
        const struct value *other = value_get(super, pair);
        if (other == NULL)
            *out = false;
        else if (!subset(c, other, &pair[1], out))
            return false;
    }
    return true;
}

/* `sub` stands somewhere in `super`, in one piece. */
static bool array_subset(struct builtin_ctx *c, const struct value *super,
                         const struct value *sub, bool *out)
{
    *out = sub->n == 0;
    for (uint32_t at = 0; !*out && sub->n <= super->n - at; at++) {
        uint32_t k = 0;
        if (!builtin_step(c, 1))
            return false;
        while (k < sub->n && value_equal(&super->u.v[at + k], &sub->u.v[k])) {
            k++;
            if (!builtin_step(c, 1))
                return false;
        }
        *out = k == sub->n;
    }
    return true;
}

static bool list_has_all(struct builtin_ctx *c, const struct value *super,
                         const struct value *sub, bool *out)
{
    *out = true;
    for (uint32_t i = 0; i < sub->n && *out; i++) {
        uint64_t work = super->kind == V_ARRAY ? super->n + UINT64_C(1) : 4;
        if (!builtin_step(c, work))
            return false;
        *out = names_key(super, &sub->u.v[i]);
    }
    return true;
}

/* False: a limit. */
static bool subset(struct builtin_ctx *c, const struct value *super,
                   const struct value *sub, bool *out)
{
    if (!builtin_step(c, 1 + (uint64_t)sub->n))
        return false;
    if (super->kind == V_OBJECT && sub->kind == V_OBJECT)
        return object_subset(c, super, sub, out);
    if (super->kind == V_ARRAY && sub->kind == V_ARRAY)
        return array_subset(c, super, sub, out);
    if ((super->kind == V_SET || super->kind == V_ARRAY) && sub->kind == V_SET)
        return list_has_all(c, super, sub, out);
    *out = value_equal(super, sub);
    return true;
}

static enum builtin_status object_subset_of(struct builtin_ctx *c,
                                            const struct value *args,
                                            struct value *out)
{
    bool yes;
    bool fit = (args[0].kind == args[1].kind &&
                (args[0].kind == V_OBJECT || args[0].kind == V_SET ||
                 args[0].kind == V_ARRAY)) ||
               (args[0].kind == V_ARRAY && args[1].kind == V_SET);
    if (!fit)
        return builtin_error(c, CODE_TYPE,
                             "both arguments object.subset must be of the "
                             "same type or array and set");
    if (!subset(c, &args[0], &args[1], &yes))
        return BUILTIN_FATAL;
    *out = value_bool(yes);
    return BUILTIN_OK;
}

const struct builtin builtin_objects[] = {
    BUILTIN("object.get", 3, "(a)aa>a", get),
    BUILTIN("object.keys", 1, "(a)>{a}", keys),
    BUILTIN("object.filter", 2, "(a)|[a](a){a}|>(a)", filter),
    BUILTIN("object.remove", 2, "(a)|[a](a){a}|>(a)", remove_keys),
    BUILTIN("object.union", 2, "(a)(a)>(a)", object_union),
    BUILTIN("object.union_n", 1, "[(a)]>(a)", union_n),
    BUILTIN("object.subset", 2, "|[a](a){a}||[a](a){a}|>b", object_subset_of),
    BUILTIN_END,
};

/* builtin_core.c - comparison, membership, templates, and what only prints.
 *
 * The evaluator has statements of its own for `=` and the comparisons; these
 * are for when their result is asked for as a value.
 */
#include "base/buf.h"
#include "rego/builtin.h"
#include "rego/builtin_tables.h"

static enum builtin_status equal(struct builtin_ctx *c,
                                 const struct value *args, struct value *out)
{
    (void)c;
    *out = value_bool(value_equal(&args[0], &args[1]));
    return BUILTIN_OK;
}

static enum builtin_status neq(struct builtin_ctx *c, const struct value *args,
                               struct value *out)
{
    (void)c;
    *out = value_bool(!value_equal(&args[0], &args[1]));
    return BUILTIN_OK;
}

static enum builtin_status lt(struct builtin_ctx *c, const struct value *args,
                              struct value *out)
{
    (void)c;
    *out = value_bool(value_compare(&args[0], &args[1]) < 0);
    return BUILTIN_OK;
}

static enum builtin_status lte(struct builtin_ctx *c, const struct value *args,
                               struct value *out)
{
    (void)c;
    *out = value_bool(value_compare(&args[0], &args[1]) <= 0);
    return BUILTIN_OK;
}

static enum builtin_status gt(struct builtin_ctx *c, const struct value *args,
                              struct value *out)
{
    (void)c;
    *out = value_bool(value_compare(&args[0], &args[1]) > 0);
    return BUILTIN_OK;
}

static enum builtin_status gte(struct builtin_ctx *c, const struct value *args,
                               struct value *out)
{
    (void)c;
    *out = value_bool(value_compare(&args[0], &args[1]) >= 0);
    return BUILTIN_OK;
}

static enum builtin_status contains(struct builtin_ctx *c,
                                    const struct value *coll,
                                    const struct value *elem, bool *found)
{
    *found = false;
    if (coll->kind == V_SET) {
        *found = value_set_find(coll, elem) != NULL;
        return BUILTIN_OK;
    }
    if (coll->kind < V_ARRAY)
        return BUILTIN_OK;
    bool object = coll->kind == V_OBJECT;
    for (uint32_t i = 0; i < coll->n && !*found; i++) {
        if (!builtin_step(c, 1))
            return BUILTIN_FATAL;
        *found = value_equal(&coll->u.v[object ? 2 * i + 1 : i], elem);
    }
    return BUILTIN_OK;
}

static enum builtin_status member_2(struct builtin_ctx *c,
                                    const struct value *args, struct value *out)
{
    bool found;
    enum builtin_status st = contains(c, &args[1], &args[0], &found);
    *out = value_bool(found);
    return st;
}

static enum builtin_status member_3(struct builtin_ctx *c,
                                    const struct value *args, struct value *out)
{
    (void)c;
    const struct value *v =
        args[2].kind >= V_ARRAY ? value_lookup(&args[2], &args[0]) : NULL;
    *out = value_bool(v != NULL && value_equal(v, &args[1]));
    return BUILTIN_OK;
}

/* Parts are text, or sets of at most one value; an empty one was undefined.
 * Strings print without quotes. */
static enum builtin_status template_string(struct builtin_ctx *c,
                                           const struct value *args,
                                           struct value *out)
{
    struct buf b;
    if (!builtin_want(c, args, 1, V_ARRAY))
        return BUILTIN_ERROR;
    buf_init(&b, c->arena->limit);
    for (uint32_t i = 0; i < args[0].n; i++) {
        const struct value *v = &args[0].u.v[i];
        if (!builtin_step(c, 1)) {
            buf_release(&b);
            return BUILTIN_FATAL;
        }
        if (v->kind == V_SET && v->n > 1) {
            buf_release(&b);
            return builtin_error(c, CODE_CONFLICT,
                                 "template-strings must not produce multiple "
                                 "outputs");
        }
        if (v->kind == V_SET && v->n == 0) {
            buf_str(&b, "<undefined>");
            continue;
        }
        if (v->kind == V_SET)
            v = &v->u.v[0];
        if (v->kind == V_STRING)
            buf_slice(&b, value_slice(v));
        else
            value_term(&b, v);
    }
    enum builtin_status st =
        b.failed ? builtin_nomem(c) : builtin_give_str(c, buf_get(&b), out);
    buf_release(&b);
    return st;
}

static enum builtin_status truth(struct builtin_ctx *c,
                                 const struct value *args, struct value *out)
{
    (void)c;
    (void)args;
    *out = value_bool(true);
    return BUILTIN_OK;
}

static enum builtin_status runtime(struct builtin_ctx *c,
                                   const struct value *args, struct value *out)
{
    (void)c;
    (void)args;
    *out = value_object(NULL, 0);
    return BUILTIN_OK;
}

const struct builtin builtin_core[] = {
    BUILTIN_FLAGS("eq", 2, BUILTIN_INFIX, "aa>b", equal),
    BUILTIN_FLAGS("assign", 2, BUILTIN_INFIX, "aa>b", equal),
    BUILTIN_FLAGS("equal", 2, BUILTIN_INFIX, "aa>b", equal),
    BUILTIN_FLAGS("neq", 2, BUILTIN_INFIX, "aa>b", neq),
    BUILTIN_FLAGS("lt", 2, BUILTIN_INFIX, "aa>b", lt),
    BUILTIN_FLAGS("lte", 2, BUILTIN_INFIX, "aa>b", lte),
    BUILTIN_FLAGS("gt", 2, BUILTIN_INFIX, "aa>b", gt),
    BUILTIN_FLAGS("gte", 2, BUILTIN_INFIX, "aa>b", gte),
    BUILTIN_FLAGS("internal.member_2", 2, BUILTIN_INFIX, "aa>b", member_2),
    BUILTIN_FLAGS("internal.member_3", 3, BUILTIN_INFIX, "aaa>b", member_3),
    BUILTIN("internal.template_string", 1, "[a]>s", template_string),
    BUILTIN_FLAGS("internal.print", 1, BUILTIN_VOID, "[{a}]>b", truth),
    BUILTIN("trace", 1, "s>b", truth),
    BUILTIN_FLAGS("opa.runtime", 0, BUILTIN_NONDETERMINISTIC, ">(a)", runtime),
    BUILTIN_END};

/* expand.c - expressions become flat.
 *
 * Two passes with the order of evaluation settled in between:
 *   expand  f(g(x)) becomes g(x, l); f(l) – before `not` and `with` are
 *           looked at, so that the inner call of `not f(g(x))` stands outside
 *           the negation, as in OPA;
 *   hoist   references and comprehensions nested in calls, composites and
 *           references become l = input.x; again outside a negation.  Sides
 *           of `=` and a bare reference stay where they are.
 */
#include "rego/compile.h"

struct expander {
    struct ast *ast;
    struct body *out;
    const struct expr *origin;  /* whose `with` the new ones take over */
    const struct expr *negated; /* out of which things are taken */
};

static struct body *expand_body(struct ast *a, struct body *b);

static struct term *fresh(struct ast *a, struct loc loc)
{
    return ast_var(a, ast_fresh(a), loc);
}

/* What surprises about `not`: an operand without value makes the expression
 * undefined, not true. */
static void warn(struct expander *x, const struct term *t)
{
    if (x->negated == NULL || (t->kind != T_REF && t->kind != T_CALL))
        return;
    struct slice s =
        t->kind == T_REF ? ast_ref_text(x->ast, t) : ast_call_name(x->ast, t);
    ast_warn(x->ast, x->negated->loc,
             "if %.*s is undefined, this `not` is undefined too, not true "
             "(import future.keywords.not changes that)",
             SLICE_FMT(s));
}

static void add(struct expander *x, struct expr *e, struct loc loc)
{
    e->generated = true;
    e->loc = loc;
    if (x->origin != NULL) {
        e->with = x->origin->with;
        e->nwith = x->origin->nwith;
    }
    ast_add(x->ast, x->out, e);
}

static struct term *expand(struct expander *x, struct term *t);

static void expand_comprehension(struct expander *x, struct term *t)
{
    struct expander in = {.ast = x->ast, .out = ast_body(x->ast)};
    in.out = expand_body(x->ast, t->body);
    for (uint32_t i = 0; i < t->n; i++)
        t->items[i] = expand(&in, t->items[i]);
    t->body = in.out;
}

/* Template strings become a call; a part without value prints as
 * <undefined>, so each hole is a set of at most one. */
static struct term *expand_template(struct expander *x, struct term *t)
{
    struct ast *a = x->ast;
    struct term *list = ast_term(a, T_ARRAY, t->loc);
    for (uint32_t i = 0; i < t->n; i++)
        ast_push(a, list, t->items[i]);
    return expand(
        x, ast_call(a, "internal.template_string", t->loc, list, NULL, NULL));
}

static struct term *expand(struct expander *x, struct term *t)
{
    struct term *v;
    switch (t->kind) {
    case T_CONST:
    case T_VAR:
        return t;
    case T_CALL:
        for (uint32_t i = 1; i < t->n; i++)
            t->items[i] = expand(x, t->items[i]);
        warn(x, t);
        v = fresh(x->ast, t->loc);
        ast_push(x->ast, t, v);
        add(x, ast_expr(x->ast, t), t->loc);
        return v;
    case T_REF:
        if (t->items[0]->kind != T_VAR) { // f(x)[0], [1, 2][i]
            struct term *head = expand(x, t->items[0]);
            if (head->kind != T_VAR) {
                v = fresh(x->ast, t->loc);
                add(x, ast_eq(x->ast, v, head), t->loc);
                head = v;
            }
            t->items[0] = head;
        }
        for (uint32_t i = 1; i < t->n; i++)
            t->items[i] = expand(x, t->items[i]);
        return t;
    case T_ARRAY:
    case T_SET:
    case T_OBJECT:
        for (uint32_t i = 0; i < t->n; i++)
            t->items[i] = expand(x, t->items[i]);
        return t;
    case T_ARRAY_COMP:
    case T_SET_COMP:
    case T_OBJECT_COMP:
        expand_comprehension(x, t);
        return t;
    case T_TEMPLATE:
        return expand_template(x, t);
    }
    return t;
}

/* x = f(y) is f(y, x) itself. */
static bool expand_output(struct expander *x, struct expr *e)
{
    if (!ast_is_call(e, "eq") || e->term->n != 3 || e->negated)
        return false;
    struct term *var = e->term->items[1], *call = e->term->items[2];
    if (var->kind != T_VAR) {
        struct term *swap = var;
        var = call;
        call = swap;
    }
    if (var->kind != T_VAR || call->kind != T_CALL)
        return false;
    for (uint32_t i = 1; i < call->n; i++)
        call->items[i] = expand(x, call->items[i]);
    ast_push(x->ast, call, var);
    e->term = call;
    return true;
}

static void note_mocked(struct compiler *c, const struct builtin *b)
{
    const struct builtin **list =
        ast_alloc(&c->ast, (c->nmocked + 1) * sizeof(struct builtin *));
    for (uint32_t i = 0; i < c->nmocked; i++) {
        if (c->mocked[i] == b)
            return;
        list[i] = c->mocked[i];
    }
    list[c->nmocked++] = b;
    c->mocked = list;
}

/* `with f as g` where g names a function: not a value to compute. */
static void settle_mock(struct ast *a, struct with *w)
{
    struct compiler *c = a->compiler;
    const struct term *t = w->target, *v = w->value;
    bool is_func = tree_function(c, t) != NULL;
    const struct term *head = t->kind == T_REF ? t->items[0] : t;
    if (!is_func && head->kind == T_VAR && head->sym != a->s_data &&
        head->sym != a->s_input) {
        const struct builtin *b =
            builtin_find(t->kind == T_VAR ? t->sym->name : ast_ref_text(a, t));
        is_func = b != NULL;
        if (is_func)
            note_mocked(c, b);
    }
    if (!is_func || (v->kind != T_VAR && v->kind != T_REF))
        return;
    w->by_func = tree_function(c, v);
    if (w->by_func == NULL && (v->kind == T_VAR || v->items[0]->kind == T_VAR))
        w->by_builtin =
            builtin_find(v->kind == T_VAR ? v->sym->name : ast_ref_text(a, v));
    if (w->by_func != NULL || w->by_builtin != NULL)
        w->value = ast_const(a, value_null(), v->loc);
}

static void expand_expr(struct ast *a, struct expr *e, struct body *out)
{
    struct expander x = {.ast = a, .out = out};
    for (uint32_t i = 0; i < e->nwith; i++) {
        settle_mock(a, &e->with[i]);
        e->with[i].value = expand(&x, e->with[i].value);
    }
    x.origin = e->nwith > 0 ? e : NULL;
    x.negated = e->negated ? e : NULL;
    if (e->kind == E_TERM) {
        e->term = expand(&x, e->term);
    } else if (e->kind == E_CALL) {
        if (!expand_output(&x, e))
            for (uint32_t i = 1; i < e->term->n; i++)
                e->term->items[i] = expand(&x, e->term->items[i]);
    } else if (e->kind == E_EVERY) {
        struct term *v = fresh(a, e->term->loc);
        struct expr *eq = ast_eq(a, v, e->term);
        eq->generated = true;
        eq->with = e->with;
        eq->nwith = e->nwith;
        expand_expr(a, eq, out);
        e->term = v;
        e->body = expand_body(a, e->body);
    } else if (e->kind == E_NOT) {
        e->body = expand_body(a, e->body);
    }
    ast_add(a, out, e);
}

static struct body *expand_body(struct ast *a, struct body *b)
{
    struct body *out = ast_body(a);
    for (uint32_t i = 0; i < b->n; i++)
        expand_expr(a, b->e[i], out);
    return out;
}

static bool needs_eval(const struct term *t)
{
    if (t->kind == T_CONST || t->kind == T_VAR)
        return false;
    if (t->kind != T_ARRAY && t->kind != T_SET && t->kind != T_OBJECT)
        return true;
    for (uint32_t i = 0; i < t->n; i++)
        if (needs_eval(t->items[i]))
            return true;
    return false;
}

/* A head's term that must be computed moves to the end of the body. */
static struct term *into_body(struct ast *a, struct rule *r, struct term *t)
{
    struct expander x = {.ast = a, .out = r->body};
    t = expand(&x, t);
    if (!needs_eval(t))
        return t;
    struct term *v = fresh(a, t->loc);
    add(&x, ast_eq(a, v, t), t->loc);
    return v;
}

void expand_rule(struct compiler *c, struct rule *r)
{
    struct ast *a = &c->ast;
    for (; r != NULL; r = r->else_rule) {
        r->body = expand_body(a, r->body);
        for (uint32_t i = 0; i < r->nargs; i++)
            r->args[i] = into_body(a, r, r->args[i]);
        for (uint32_t i = 1; i < r->ref->n; i++)
            r->ref->items[i] = into_body(a, r, r->ref->items[i]);
        if (r->key != NULL)
            r->key = into_body(a, r, r->key);
        if (r->value != NULL)
            r->value = into_body(a, r, r->value);
    }
}

struct body *expand_query(struct compiler *c, struct body *b)
{
    return expand_body(&c->ast, b);
}

// ---- hoisting -------------------------------------------------------------

static struct body *hoist_all(struct ast *a, struct body *b);

static struct term *hoist_one(struct expander *x, struct term *t);

static void hoist_closure(struct expander *x, struct term *t)
{
    t->body = hoist_all(x->ast, t->body);
    struct expander in = {.ast = x->ast, .out = t->body};
    for (uint32_t i = 0; i < t->n; i++)
        t->items[i] = hoist_one(&in, t->items[i]);
}

static struct term *hoist_one(struct expander *x, struct term *t)
{
    struct term *v;
    switch (t->kind) {
    case T_REF:
        for (uint32_t i = 1; i < t->n; i++)
            t->items[i] = hoist_one(x, t->items[i]);
        warn(x, t);
        v = fresh(x->ast, t->loc);
        add(x, ast_eq(x->ast, v, t), t->loc);
        return v;
    case T_ARRAY:
    case T_SET:
    case T_OBJECT:
        for (uint32_t i = 0; i < t->n; i++)
            t->items[i] = hoist_one(x, t->items[i]);
        return t;
    case T_ARRAY_COMP:
    case T_SET_COMP:
    case T_OBJECT_COMP:
        hoist_closure(x, t);
        v = fresh(x->ast, t->loc);
        add(x, ast_eq(x->ast, v, t), t->loc);
        return v;
    case T_CONST:
    case T_VAR:
    case T_CALL:
    case T_TEMPLATE:
        return t;
    }
    return t;
}

static struct term *hoist_in(struct expander *x, struct term *t)
{
    if (t->kind == T_REF) {
        for (uint32_t i = 1; i < t->n; i++)
            t->items[i] = hoist_one(x, t->items[i]);
        return t;
    }
    if (t->kind == T_ARRAY_COMP || t->kind == T_SET_COMP ||
        t->kind == T_OBJECT_COMP) {
        hoist_closure(x, t);
        return t;
    }
    return hoist_one(x, t);
}

static void hoist_expr(struct ast *a, struct expr *e, struct body *out)
{
    struct expander x = {.ast = a, .out = out};
    for (uint32_t i = 0; i < e->nwith; i++)
        e->with[i].value = hoist_one(&x, e->with[i].value);
    x.origin = e->nwith > 0 ? e : NULL;
    x.negated = e->negated ? e : NULL;
    bool eq = ast_is_call(e, "eq") || ast_is_call(e, "equal");
    if (e->kind == E_TERM)
        e->term = hoist_in(&x, e->term);
    for (uint32_t i = 1; e->kind == E_CALL && i < e->term->n; i++)
        e->term->items[i] = eq && i <= 2 ? hoist_in(&x, e->term->items[i])
                                         : hoist_one(&x, e->term->items[i]);
    if (e->kind == E_EVERY)
        e->term = hoist_one(&x, e->term);
    if (e->body != NULL)
        e->body = hoist_all(a, e->body);
    ast_add(a, out, e);
}

static struct body *hoist_all(struct ast *a, struct body *b)
{
    struct body *out = ast_body(a);
    for (uint32_t i = 0; i < b->n; i++)
        hoist_expr(a, b->e[i], out);
    return out;
}

struct body *hoist_body(struct compiler *c, struct body *b)
{
    return hoist_all(&c->ast, b);
}

void hoist_rule(struct compiler *c, struct rule *r)
{
    for (; r != NULL; r = r->else_rule)
        r->body = hoist_all(&c->ast, r->body);
}

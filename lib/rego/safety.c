/* safety.c - an order in which every variable is bound before it is used.
 *
 * As OPA: pass over the body again and again, taking each expression whose
 * variables are bound by those already taken or by itself; what is left is
 * unsafe.  An expression binds what occurs in a reference's path, on one side
 * of `=` if the other is bound, and in a call's output.  Closures see what
 * stands before them; their own bodies are ordered afterwards.
 */
#include <string.h>

#include "rego/compile.h"

struct safety {
    struct compiler *c;
    struct ast *ast;
};

static bool root_doc(const struct safety *s, const struct sym *v)
{
    return v == s->ast->s_data || v == s->ast->s_input;
}

// ---- variables ------------------------------------------------------------

static void term_vars(struct safety *s, const struct term *t,
                      struct symset *out, bool closures);

static void body_vars(struct safety *s, const struct body *b,
                      struct symset *out, bool closures);

static void expr_vars(struct safety *s, const struct expr *e,
                      struct symset *out, bool closures)
{
    if (e->term != NULL)
        term_vars(s, e->term, out, closures);
    for (uint32_t i = 0; i < e->nwith; i++)
        term_vars(s, e->with[i].value, out, closures);
    if (closures && e->body != NULL) {
        if (e->key != NULL)
            term_vars(s, e->key, out, closures);
        if (e->val != NULL)
            term_vars(s, e->val, out, closures);
        body_vars(s, e->body, out, closures);
    }
}

static void body_vars(struct safety *s, const struct body *b,
                      struct symset *out, bool closures)
{
    for (uint32_t i = 0; i < b->n; i++)
        expr_vars(s, b->e[i], out, closures);
}

/* All variables, but not names of functions; with `closures` also those
 * inside comprehensions. */
static void term_vars(struct safety *s, const struct term *t,
                      struct symset *out, bool closures)
{
    if (t->kind == T_VAR) {
        if (!root_doc(s, t->sym))
            symset_add(s->ast, out, t->sym);
        return;
    }
    if (t->body != NULL && !closures)
        return;
    for (uint32_t i = t->kind == T_CALL ? 1 : 0; i < t->n; i++)
        term_vars(s, t->items[i], out, closures);
    if (t->body != NULL)
        body_vars(s, t->body, out, closures);
}

/* Variables in the closures of an expression that it does not see itself. */
static void closure_vars_term(struct safety *s, const struct term *t,
                              struct symset *out)
{
    if (t->body != NULL) {
        term_vars(s, t, out, true);
        return;
    }
    for (uint32_t i = 0; i < t->n; i++)
        closure_vars_term(s, t->items[i], out);
}

static void closure_vars(struct safety *s, const struct expr *e,
                         struct symset *out)
{
    if (e->term != NULL)
        closure_vars_term(s, e->term, out);
    for (uint32_t i = 0; i < e->nwith; i++)
        closure_vars_term(s, e->with[i].value, out);
    if (e->body != NULL) {
        struct symset own = {0};
        if (e->key != NULL)
            symset_add(s->ast, &own, e->key->sym);
        if (e->val != NULL)
            symset_add(s->ast, &own, e->val->sym);
        struct symset in = {0};
        body_vars(s, e->body, &in, true);
        for (uint32_t i = 0; i < in.n; i++)
            if (!symset_has(&own, in.s[i]))
                symset_add(s->ast, out, in.s[i]);
    }
}

static bool is_safe(const struct safety *s, const struct symset *safe,
                    const struct sym *v)
{
    return root_doc(s, v) || symset_has(safe, v);
}

static bool all_safe(const struct safety *s, const struct symset *vars,
                     const struct symset *safe)
{
    for (uint32_t i = 0; i < vars->n; i++)
        if (!is_safe(s, safe, vars->s[i]))
            return false;
    return true;
}

// ---- what an expression binds ---------------------------------------------

static void pattern_outputs(struct safety *s, const struct term *t,
                            struct symset *out)
{
    if (t->kind == T_VAR && !root_doc(s, t->sym))
        symset_add(s->ast, out, t->sym);
    for (uint32_t i = 0; t->kind == T_ARRAY && i < t->n; i++)
        pattern_outputs(s, t->items[i], out);
    for (uint32_t i = 1; t->kind == T_OBJECT && i < t->n; i += 2)
        pattern_outputs(s, t->items[i], out);
}

/* Variables in the paths of references whose head is bound. */
static void ref_outputs(struct safety *s, const struct term *t,
                        const struct symset *safe, struct symset *out)
{
    if (t->body != NULL)
        return;
    if (t->kind == T_REF) {
        const struct term *head = t->items[0];
        if (head->kind == T_VAR && !is_safe(s, safe, head->sym))
            return;
        for (uint32_t i = 1; i < t->n; i++)
            pattern_outputs(s, t->items[i], out);
    }
    for (uint32_t i = t->kind == T_CALL ? 1 : 0; i < t->n; i++)
        ref_outputs(s, t->items[i], safe, out);
}

/* Unification of two sides, of which either may bind the other. */
struct unify {
    struct safety *s;
    const struct symset *safe, *also; /* what is known before */
    struct symset got;
    bool changed;
};

static bool known(const struct unify *u, const struct sym *v)
{
    return is_safe(u->s, u->safe, v) || symset_has(&u->got, v) ||
           (u->also != NULL && symset_has(u->also, v));
}

static void learn(struct unify *u, struct sym *v)
{
    if (!known(u, v) && symset_add(u->s->ast, &u->got, v))
        u->changed = true;
}

static void learn_all(struct unify *u, const struct term *t)
{
    if (t->kind == T_VAR)
        learn(u, t->sym);
    else if (t->kind == T_ARRAY || t->kind == T_OBJECT)
        for (uint32_t i = 0; i < t->n; i++)
            if (t->kind == T_ARRAY || (i & 1) != 0)
                learn_all(u, t->items[i]);
}

/* True if the value of `t` can be computed from what is known. */
static bool computable(const struct unify *u, const struct term *t)
{
    if (t->kind == T_CONST || t->body != NULL)
        return true;
    if (t->kind == T_VAR)
        return known(u, t->sym);
    if (t->kind == T_REF)
        return t->items[0]->kind != T_VAR || known(u, t->items[0]->sym);
    for (uint32_t i = t->kind == T_CALL ? 1 : 0; i < t->n; i++)
        if (!computable(u, t->items[i]))
            return false;
    return true;
}

static const struct term *same_key(const struct term *obj,
                                   const struct term *key)
{
    for (uint32_t i = 0; i + 1 < obj->n; i += 2) {
        const struct term *k = obj->items[i];
        if (k->kind == T_CONST && key->kind == T_CONST
                ? value_equal(&k->value, &key->value)
                : k->kind == T_VAR && key->kind == T_VAR && k->sym == key->sym)
            return obj->items[i + 1];
    }
    return NULL;
}

static void unify(struct unify *u, const struct term *a, const struct term *b)
{
    if (a->kind == T_ARRAY && b->kind == T_ARRAY) {
        for (uint32_t i = 0; a->n == b->n && i < a->n; i++)
            unify(u, a->items[i], b->items[i]);
        return;
    }
    if (a->kind == T_OBJECT && b->kind == T_OBJECT) {
        for (uint32_t i = 0; a->n == b->n && i + 1 < a->n; i += 2) {
            const struct term *other = same_key(b, a->items[i]);
            if (other != NULL)
                unify(u, a->items[i + 1], other);
        }
        return;
    }
    if (computable(u, a))
        learn_all(u, b);
    if (computable(u, b))
        learn_all(u, a);
}

static void eq_outputs(struct safety *s, const struct term *call,
                       const struct symset *safe, struct symset *out)
{
    struct unify u = {.s = s, .safe = safe, .also = out};
    do {
        u.changed = false;
        unify(&u, call->items[1], call->items[2]);
    } while (u.changed);
    for (uint32_t i = 0; i < u.got.n; i++)
        symset_add(s->ast, out, u.got.s[i]);
}

static void input_vars(struct safety *s, const struct term *t,
                       struct symset *out)
{
    // not: sets, object keys (they cannot be bound by the call anyway)
    if (t->kind == T_VAR) {
        if (!root_doc(s, t->sym))
            symset_add(s->ast, out, t->sym);
        return;
    }
    if (t->body != NULL)
        return;
    uint32_t from = t->kind == T_CALL || t->kind == T_REF ? 1 : 0;
    for (uint32_t i = from; i < t->n; i++)
        input_vars(s, t->items[i], out);
}

static void call_outputs(struct safety *s, const struct term *call,
                         const struct symset *safe, struct symset *out)
{
    int arity = check_arity(s->c, call);
    if (arity < 0 || (uint32_t)arity + 1 >= call->n)
        return;
    struct symset in = {0};
    for (uint32_t i = 1; i <= (uint32_t)arity; i++)
        input_vars(s, call->items[i], &in);
    for (uint32_t i = 0; i < in.n; i++)
        if (!is_safe(s, safe, in.s[i]) && !symset_has(out, in.s[i])) {
            out->n = 0;
            return;
        }
    struct unify u = {.s = s, .safe = safe};
    for (uint32_t i = (uint32_t)arity + 1; i < call->n; i++)
        learn_all(&u, call->items[i]);
    for (uint32_t i = 0; i < u.got.n; i++)
        symset_add(s->ast, out, u.got.s[i]);
}

static void outputs(struct safety *s, const struct expr *e,
                    const struct symset *safe, struct symset *out)
{
    if (e->negated || e->kind == E_NOT)
        return;
    for (uint32_t i = 0; i < e->nwith; i++) {
        struct symset vars = {0};
        term_vars(s, e->with[i].value, &vars, false);
        if (!all_safe(s, &vars, safe))
            return;
    }
    if (e->term == NULL)
        return;
    ref_outputs(s, e->term, safe, out);
    if (e->kind != E_CALL)
        return;
    if (ast_is_call(e, "eq") && e->term->n == 3)
        eq_outputs(s, e->term, safe, out);
    else
        call_outputs(s, e->term, safe, out);
}

static const struct sym *shown_name(const struct sym *v)
{
    return v->shown != NULL ? v->shown : v;
}

// ---- ordering -------------------------------------------------------------

static void order(struct safety *s, struct body *b,
                  const struct symset *globals);

static void order_term(struct safety *s, struct term *t,
                       const struct symset *globals)
{
    if (t->body == NULL) {
        for (uint32_t i = 0; i < t->n; i++)
            order_term(s, t->items[i], globals);
        return;
    }
    // the head sees what the body binds, and nothing else may be in it
    struct symset head = {0}, bound = {0};
    order(s, t->body, globals);
    body_vars(s, t->body, &bound, false);
    for (uint32_t i = 0; i < t->n; i++)
        term_vars(s, t->items[i], &head, false);
    for (uint32_t i = 0; i < head.n; i++)
        if (!symset_has(&bound, head.s[i]) && !is_safe(s, globals, head.s[i]))
            ast_error(s->ast, t->loc, CODE_UNSAFE, "var %.*s is unsafe",
                      SLICE_FMT(shown_name(head.s[i])->name));
    for (uint32_t i = 0; i < globals->n; i++)
        symset_add(s->ast, &bound, globals->s[i]);
    for (uint32_t i = 0; i < t->n; i++)
        order_term(s, t->items[i], &bound);
}

static void order_closures(struct safety *s, struct expr *e,
                           const struct symset *globals)
{
    if (e->term != NULL)
        order_term(s, e->term, globals);
    for (uint32_t i = 0; i < e->nwith; i++)
        order_term(s, e->with[i].value, globals);
    if (e->body == NULL)
        return;
    struct symset g = {0};
    for (uint32_t i = 0; i < globals->n; i++)
        symset_add(s->ast, &g, globals->s[i]);
    if (e->key != NULL)
        symset_add(s->ast, &g, e->key->sym);
    if (e->val != NULL)
        symset_add(s->ast, &g, e->val->sym);
    order(s, e->body, &g);
}

/* True if `e` can come next: its closures and its own variables are bound. */
static bool ready(struct safety *s, const struct expr *e,
                  const struct symset *in_body, const struct symset *safe,
                  struct symset *outs)
{
    outputs(s, e, safe, outs);
    struct symset vars = {0};
    closure_vars(s, e, &vars);
    for (uint32_t i = 0; i < vars.n; i++)
        if (symset_has(in_body, vars.s[i]) && !is_safe(s, safe, vars.s[i]))
            return false;
    vars.n = 0;
    expr_vars(s, e, &vars, false);
    for (uint32_t i = 0; i < vars.n; i++)
        if (!is_safe(s, safe, vars.s[i]) && !symset_has(outs, vars.s[i]))
            return false;
    return true;
}

static void report(struct safety *s, const struct expr *e,
                   const struct symset *in_body, const struct symset *safe,
                   struct symset *told)
{
    struct symset vars = {0};
    expr_vars(s, e, &vars, false);
    struct symset in = {0};
    closure_vars(s, e, &in);
    for (uint32_t i = 0; i < in.n; i++)
        if (symset_has(in_body, in.s[i]))
            symset_add(s->ast, &vars, in.s[i]);
    for (uint32_t i = 0; i < vars.n; i++) {
        struct sym *v = vars.s[i];
        if (is_safe(s, safe, v) || (v->shown == NULL && ast_is_generated(v)) ||
            !symset_add(s->ast, told, v))
            continue;
        const struct sym *shown = shown_name(v);
        bool wild = ast_is_wildcard(shown);
        ast_error(s->ast, e->loc, CODE_UNSAFE, "var %.*s is unsafe",
                  wild ? 1 : (int)shown->name.n, wild ? "_" : shown->name.p);
    }
}

static void copy_set(struct ast *a, const struct symset *from,
                     struct symset *to)
{
    for (uint32_t i = 0; i < from->n; i++)
        symset_add(a, to, from->s[i]);
}

static void report_all(struct safety *s, const struct body *b,
                       const bool *taken, const struct symset *in_body,
                       const struct symset *safe)
{
    struct ast *a = s->ast;
    struct symset told = {0};
    uint32_t had = a->nerrors;
    for (uint32_t i = 0; i < b->n; i++)
        if (!taken[i])
            report(s, b->e[i], in_body, safe, &told);
    for (uint32_t i = 0; a->nerrors == had && i < b->n; i++)
        if (!taken[i])
            ast_error(a, b->e[i]->loc, CODE_UNSAFE, "expression is unsafe");
}

/* Takes every expression that can come next; returns how many are taken. */
static uint32_t take_ready(struct safety *s, const struct body *b,
                           const struct symset *in_body, struct symset *safe,
                           bool *taken, struct expr **out, uint32_t n)
{
    for (uint32_t i = 0; i < b->n; i++) {
        struct symset outs = {0};
        if (taken[i] || !ready(s, b->e[i], in_body, safe, &outs))
            continue;
        taken[i] = true;
        out[n++] = b->e[i];
        copy_set(s->ast, &outs, safe);
    }
    return n;
}

static void order(struct safety *s, struct body *b,
                  const struct symset *globals)
{
    struct ast *a = s->ast;
    struct symset in_body = {0}, safe = {0};
    body_vars(s, b, &in_body, false);
    copy_set(a, globals, &safe);
    struct expr **out = ast_alloc(a, b->n * sizeof(struct expr *));
    bool *taken = ast_alloc(a, b->n);
    uint32_t n = 0, before;
    do {
        before = n;
        n = take_ready(s, b, &in_body, &safe, taken, out, n);
    } while (n > before && n < b->n);
    if (n < b->n) {
        report_all(s, b, taken, &in_body, &safe);
        return;
    }
    b->e = out;
    b->cap = b->n;
    struct symset g = {0};
    copy_set(a, globals, &g);
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0)
            expr_vars(s, out[i - 1], &g, false);
        order_closures(s, out[i], &g);
    }
}

static void head_vars(struct safety *s, const struct rule *r,
                      const struct symset *args)
{
    struct symset head = {0}, bound = {0};
    for (uint32_t i = 1; i < r->ref->n; i++)
        term_vars(s, r->ref->items[i], &head, false);
    if (r->key != NULL)
        term_vars(s, r->key, &head, false);
    if (r->value != NULL)
        term_vars(s, r->value, &head, false);
    body_vars(s, r->body, &bound, false);
    for (uint32_t i = 0; i < head.n; i++)
        if (!symset_has(&bound, head.s[i]) && !is_safe(s, args, head.s[i]))
            ast_error(s->ast, r->loc, CODE_UNSAFE, "var %.*s is unsafe",
                      SLICE_FMT(shown_name(head.s[i])->name));
}

void safety_rule(struct compiler *c, struct rule *r)
{
    struct safety s = {.c = c, .ast = &c->ast};
    for (; r != NULL; r = r->else_rule) {
        struct symset args = {0};
        for (uint32_t i = 0; i < r->nargs; i++)
            term_vars(&s, r->args[i], &args, false);
        uint32_t had = c->ast.nerrors;
        order(&s, r->body, &args);
        if (c->ast.nerrors == had)
            head_vars(&s, r, &args);
    }
}

void safety_query(struct compiler *c, struct body *b)
{
    struct safety s = {.c = c, .ast = &c->ast};
    struct symset none = {0};
    order(&s, b, &none);
}

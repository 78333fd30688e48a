/* locals.c - declared variables get names no one else has.
 *
 * A scope is a body: `:=`, `some`, arguments and the variables of `every`
 * declare in it; a reference finds the innermost declaration.  What is not
 * declared keeps its name, and is then one variable for the whole rule.
 */
#include <string.h>

#include "rego/compile.h"

enum how { SEEN, ASSIGNED, DECLARED, ARGUMENT };

struct entry {
    struct sym *from, *to;
    struct loc loc;
    enum how how;
    bool used;
    struct entry *next;
};

struct scope {
    struct entry *entries;
    struct scope *outer;
};

struct locals {
    struct ast *ast;
    struct scope *top;
};

static struct entry *find(struct scope *s, const struct sym *name)
{
    for (struct entry *e = s->entries; e != NULL; e = e->next)
        if (e->from == name)
            return e;
    return NULL;
}

static struct entry *insert(struct locals *l, struct sym *from, struct sym *to,
                            enum how how, struct loc loc)
{
    struct entry *e = ast_alloc(l->ast, sizeof *e);
    *e = (struct entry){from, to, loc, how, false, l->top->entries};
    l->top->entries = e;
    return e;
}

static void declare(struct locals *l, struct term *t, enum how how)
{
    struct entry *old = find(l->top, t->sym);
    if (old != NULL && !ast_is_wildcard(t->sym)) {
        static const char *const words[] = {"referenced", "assigned",
                                            "declared", "declared"};
        ast_error(l->ast, t->loc, CODE_COMPILE, "var %.*s %s above",
                  SLICE_FMT(t->sym->name), words[old->how]);
        return;
    }
    struct sym *to = ast_fresh(l->ast);
    to->shown = t->sym;
    insert(l, t->sym, to, how, t->loc);
    t->sym = to;
}

static void unused(struct locals *l)
{
    for (struct entry *e = l->top->entries; e != NULL; e = e->next)
        if (e->how == DECLARED && !e->used && !ast_is_wildcard(e->from))
            ast_error(l->ast, e->loc, CODE_COMPILE, "declared var %.*s unused",
                      SLICE_FMT(e->from->name));
}

static void body(struct locals *l, struct body *b);

static void use(struct locals *l, struct term *t)
{
    for (struct scope *s = l->top; s != NULL; s = s->outer) {
        struct entry *e = find(s, t->sym);
        if (e != NULL && e->how != SEEN) {
            e->used = true;
            t->sym = e->to;
            return;
        }
    }
    if (find(l->top, t->sym) == NULL)
        insert(l, t->sym, t->sym, SEEN, t->loc);
}

static void term(struct locals *l, struct term *t);

static void items(struct locals *l, struct term *t, uint32_t from)
{
    for (uint32_t i = from; i < t->n; i++)
        term(l, t->items[i]);
}

static void closure(struct locals *l, struct term *t)
{
    struct scope s = {.outer = l->top};
    l->top = &s;
    body(l, t->body);
    items(l, t, 0);
    unused(l);
    l->top = s.outer;
}

static void reference(struct locals *l, struct term *t)
{
    struct term *head = t->items[0];
    if (head->kind != T_VAR) {
        items(l, t, 0);
        return;
    }
    // a declared `input := …` hides the root document
    bool root = head->sym == l->ast->s_data || head->sym == l->ast->s_input;
    if (root) {
        bool hidden = false;
        for (struct scope *s = l->top; s != NULL && !hidden; s = s->outer)
            hidden = find(s, head->sym) != NULL;
        root = !hidden;
    }
    if (!root)
        term(l, head);
    items(l, t, 1);
}

static void term(struct locals *l, struct term *t)
{
    switch (t->kind) {
    case T_CONST:
        break;
    case T_VAR:
        use(l, t);
        break;
    case T_REF:
        reference(l, t);
        break;
    case T_CALL:
        items(l, t, 1);
        break;
    case T_ARRAY:
    case T_SET:
    case T_OBJECT:
    case T_TEMPLATE:
        items(l, t, 0);
        break;
    case T_ARRAY_COMP:
    case T_SET_COMP:
    case T_OBJECT_COMP:
        closure(l, t);
        break;
    }
}

static const char *kind_name(const struct term *t)
{
    static const char *const names[] = {[T_CONST] = "value",
                                        [T_VAR] = "var",
                                        [T_REF] = "ref",
                                        [T_ARRAY] = "array",
                                        [T_SET] = "set",
                                        [T_OBJECT] = "object",
                                        [T_ARRAY_COMP] = "arraycomprehension",
                                        [T_SET_COMP] = "setcomprehension",
                                        [T_OBJECT_COMP] = "objectcomprehension",
                                        [T_CALL] = "call",
                                        [T_TEMPLATE] = "templatestring"};
    return t->kind == T_CONST ? value_kind_name(t->value.kind) : names[t->kind];
}

/* The left side of `:=`. */
static void assign_pattern(struct locals *l, struct term *t)
{
    if (t->kind == T_VAR) {
        declare(l, t, ASSIGNED);
    } else if (t->kind == T_REF && t->n == 1 && t->items[0]->kind == T_VAR) {
        struct term *v = t->items[0];
        declare(l, v, ASSIGNED);
        *t = *v;
    } else if (t->kind == T_ARRAY) {
        for (uint32_t i = 0; i < t->n; i++)
            assign_pattern(l, t->items[i]);
    } else if (t->kind == T_OBJECT) {
        for (uint32_t i = 1; i < t->n; i += 2) {
            term(l, t->items[i - 1]);
            assign_pattern(l, t->items[i]);
        }
    } else {
        ast_error(l->ast, t->loc, CODE_COMPILE, "cannot assign to %s",
                  kind_name(t));
    }
}

/* Variables of `some k, v in xs` in patterns; others are only used. */
static void some_pattern(struct locals *l, struct term *t)
{
    if (t->kind == T_VAR) {
        declare(l, t, DECLARED);
        if (l->top->entries != NULL)
            l->top->entries->used = true; // xs is searched in any case
    } else if (t->kind == T_ARRAY) {
        for (uint32_t i = 0; i < t->n; i++)
            some_pattern(l, t->items[i]);
    } else if (t->kind == T_OBJECT) {
        for (uint32_t i = 0; i < t->n; i++)
            if ((i & 1) != 0)
                some_pattern(l, t->items[i]);
            else
                term(l, t->items[i]);
    } else {
        term(l, t);
    }
}

static void withs(struct locals *l, struct expr *e)
{
    for (uint32_t i = 0; i < e->nwith; i++)
        term(l, e->with[i].value);
}

/* `some k, v in xs` is v = xs[k]. */
static void some_in(struct locals *l, struct expr *e)
{
    struct ast *a = l->ast;
    struct term *call = e->decl[0];
    bool pair = call->n == 4;
    struct term *coll = call->items[call->n - 1];
    struct term *val = call->items[call->n - 2];
    struct term *key = pair ? call->items[1] : NULL;
    term(l, coll);
    if (key != NULL)
        some_pattern(l, key);
    some_pattern(l, val);
    if (key == NULL)
        key = ast_var(a, ast_fresh(a), e->loc);
    struct term *ref = ast_term(a, T_REF, coll->loc);
    if (coll->kind == T_REF)
        ref = coll;
    else
        ast_push(a, ref, coll);
    ast_push(a, ref, key);
    e->kind = E_CALL;
    e->term = ast_call(a, "eq", e->loc, val, ref, NULL);
    e->ndecl = 0;
    withs(l, e);
}

static void every(struct locals *l, struct expr *e)
{
    term(l, e->term);
    withs(l, e);
    struct scope s = {.outer = l->top};
    l->top = &s;
    if (e->key != NULL)
        declare(l, e->key, ARGUMENT);
    declare(l, e->val, ARGUMENT);
    struct entry *val = s.entries;
    struct entry *key = e->key != NULL && val != NULL ? val->next : NULL;
    body(l, e->body);
    // the body has a scope of its own in which uses are marked through
    if (key != NULL && !key->used && !ast_is_wildcard(key->from))
        ast_error(l->ast, e->loc, CODE_COMPILE, "declared var %.*s unused",
                  SLICE_FMT(key->from->name));
    if (val != NULL && !val->used && !ast_is_wildcard(val->from))
        ast_error(l->ast, e->loc, CODE_COMPILE, "declared var %.*s unused",
                  SLICE_FMT(val->from->name));
    l->top = s.outer;
}

/* Returns false if the expression is to be dropped (a bare `some`). */
static bool expression(struct locals *l, struct expr *e)
{
    if (ast_is_call(e, "assign") && e->term->n == 3) {
        term(l, e->term->items[2]);
        withs(l, e);
        assign_pattern(l, e->term->items[1]);
        if (e->negated)
            ast_error(l->ast, e->loc, CODE_COMPILE,
                      "cannot assign vars inside negated expression");
        e->term->items[0] =
            ast_var(l->ast, ast_sym(l->ast, SLICE("eq")), e->loc);
        return true;
    }
    if (e->kind == E_SOME) {
        if (e->ndecl == 1 && e->decl[0]->kind == T_CALL) {
            some_in(l, e);
            return true;
        }
        for (uint32_t i = 0; i < e->ndecl; i++)
            declare(l, e->decl[i], DECLARED);
        return false;
    }
    if (e->kind == E_EVERY) {
        every(l, e);
        return true;
    }
    if (e->kind == E_NOT) {
        struct scope s = {.outer = l->top};
        l->top = &s;
        withs(l, e);
        body(l, e->body);
        l->top = s.outer;
        return true;
    }
    term(l, e->term);
    withs(l, e);
    return !ast_is_call(e, "print"); // there is no console to print to
}

static void body(struct locals *l, struct body *b)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n; i++)
        if (expression(l, b->e[i]))
            b->e[n++] = b->e[i];
    b->n = n;
    if (n == 0)
        ast_add(l->ast, b,
                ast_expr(l->ast,
                         ast_const(l->ast, value_bool(true), (struct loc){0})));
}

static void argument(struct locals *l, struct term *t)
{
    if (t->kind == T_VAR) {
        struct entry *old = find(l->top, t->sym);
        if (old != NULL && !ast_is_wildcard(t->sym))
            t->sym = old->to; // f(x, x): both must be equal
        else
            declare(l, t, ARGUMENT);
    } else if (t->kind == T_ARRAY || t->kind == T_OBJECT) {
        for (uint32_t i = 0; i < t->n; i++)
            if (t->kind == T_ARRAY || (i & 1) != 0)
                argument(l, t->items[i]);
    } else {
        term(l, t);
    }
}

static void one(struct locals *l, struct rule *r)
{
    struct scope args = {0}, own = {.outer = &args};
    l->top = &args;
    for (uint32_t i = 0; i < r->nargs; i++)
        argument(l, r->args[i]);
    l->top = &own;
    body(l, r->body);
    items(l, r->ref, 1);
    if (r->key != NULL)
        term(l, r->key);
    if (r->value != NULL)
        term(l, r->value);
    unused(l);
    l->top = NULL;
}

void locals_rule(struct compiler *c, struct rule *r)
{
    struct locals l = {.ast = &c->ast};
    for (; r != NULL; r = r->else_rule)
        one(&l, r);
}

void locals_query(struct compiler *c, struct body *b)
{
    struct locals l = {.ast = &c->ast};
    struct scope own = {0};
    l.top = &own;
    body(&l, b);
}

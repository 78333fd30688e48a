/* resolve.c - imports and rules of the own package become data references.
 *
 * A name declared anywhere in a body (`:=`, `some`), an argument, or a
 * variable of `every` hides the global of that name for the whole body.
 */
#include <string.h>

#include "rego/compile.h"

/* Scopes of names that hide globals, innermost first. */
struct hide {
    struct symset set;
    const struct hide *outer;
};

struct resolver {
    struct ast *ast;
    uint32_t module; /* counted from 1; 0: a query, which has no globals */
};

bool symset_has(const struct symset *set, const struct sym *s)
{
    if ((set->bits >> (s->id & 63) & 1) == 0)
        return false;
    for (uint32_t i = 0; i < set->n; i++)
        if (set->s[i] == s)
            return true;
    return false;
}

bool symset_add(struct ast *a, struct symset *set, struct sym *s)
{
    if (symset_has(set, s))
        return false;
    if (set->n == set->cap) {
        uint32_t cap = set->cap == 0 ? 8 : set->cap * 2;
        struct sym **list = ast_alloc(a, cap * sizeof(struct sym *));
        if (set->n > 0)
            memcpy(list, set->s, set->n * sizeof(struct sym *));
        set->s = list;
        set->cap = cap;
    }
    set->s[set->n++] = s;
    set->bits |= (uint64_t)1 << (s->id & 63);
    return true;
}

static bool hidden(const struct hide *h, const struct sym *s)
{
    for (; h != NULL; h = h->outer)
        if (symset_has(&h->set, s))
            return true;
    return false;
}

/* Variables of a pattern: not in object keys, sets, references, calls. */
static void pattern_vars(struct ast *a, const struct term *t,
                         struct symset *out)
{
    if (t->kind == T_VAR)
        symset_add(a, out, t->sym);
    else if (t->kind == T_ARRAY || t->kind == T_OBJECT)
        for (uint32_t i = 0; i < t->n; i++)
            if (t->kind == T_ARRAY || (i & 1) != 0)
                pattern_vars(a, t->items[i], out);
}

static void declared_vars(struct ast *a, const struct body *b,
                          struct symset *out)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const struct expr *e = b->e[i];
        if (ast_is_call(e, "assign") && e->term->n == 3)
            pattern_vars(a, e->term->items[1], out);
        if (e->kind != E_SOME)
            continue;
        for (uint32_t j = 0; j < e->ndecl; j++) {
            const struct term *d = e->decl[j];
            if (d->kind == T_VAR)
                symset_add(a, out, d->sym);
            for (uint32_t k = 1; d->kind == T_CALL && k + 1 < d->n; k++)
                pattern_vars(a, d->items[k], out);
        }
    }
}

static void body(struct resolver *r, const struct hide *h, struct body *b);
static struct term *term(struct resolver *r, const struct hide *h,
                         struct term *t);

static struct term *global(const struct resolver *r, const struct hide *h,
                           const struct sym *s)
{
    if (r->module == 0 || s->global_of != r->module || hidden(h, s))
        return NULL;
    return s->global;
}

static struct term *located(struct term *t, struct loc loc)
{
    t->loc = loc;
    for (uint32_t i = 0; i < t->n; i++)
        t->items[i]->loc = loc;
    return t;
}

/* x.y with x standing for data.a.b becomes data.a.b.y. */
static struct term *reference(struct resolver *r, const struct hide *h,
                              struct term *t)
{
    struct term *head = t->items[0];
    struct term *out = t;
    struct term *g = head->kind == T_VAR ? global(r, h, head->sym) : NULL;
    if (g != NULL) {
        out = located(ast_copy(r->ast, g), t->loc);
        for (uint32_t i = 1; i < t->n; i++)
            ast_push(r->ast, out, term(r, h, t->items[i]));
        return out;
    }
    if (head->kind != T_VAR)
        out->items[0] = term(r, h, head);
    for (uint32_t i = 1; i < t->n; i++)
        out->items[i] = term(r, h, t->items[i]);
    return out;
}

static struct term *variable(struct resolver *r, const struct hide *h,
                             struct term *t)
{
    struct term *g = global(r, h, t->sym);
    if (g != NULL)
        return located(ast_copy(r->ast, g), t->loc);
    if ((t->sym == r->ast->s_data || t->sym == r->ast->s_input) &&
        !hidden(h, t->sym)) {
        struct term *ref = ast_term(r->ast, T_REF, t->loc);
        ast_push(r->ast, ref, t);
        return ref;
    }
    return t;
}

static struct term *term(struct resolver *r, const struct hide *h,
                         struct term *t)
{
    if (t == NULL || t->kind == T_CONST)
        return t;
    if (t->kind == T_VAR)
        return variable(r, h, t);
    if (t->kind == T_REF)
        return reference(r, h, t);
    struct hide inner = {.outer = h};
    if (t->body != NULL) {
        declared_vars(r->ast, t->body, &inner.set);
        h = &inner;
    }
    for (uint32_t i = 0; i < t->n; i++)
        t->items[i] = term(r, h, t->items[i]);
    if (t->body != NULL)
        body(r, h, t->body);
    return t;
}

static void expression(struct resolver *r, const struct hide *h, struct expr *e)
{
    e->term = term(r, h, e->term);
    for (uint32_t i = 0; e->kind == E_SOME && i < e->ndecl; i++) {
        struct term *d = e->decl[i];
        for (uint32_t j = 1; d->kind == T_CALL && j < d->n; j++)
            d->items[j] = term(r, h, d->items[j]);
    }
    if (e->body != NULL) {
        struct hide inner = {.outer = h};
        if (e->key != NULL)
            symset_add(r->ast, &inner.set, e->key->sym);
        if (e->val != NULL)
            symset_add(r->ast, &inner.set, e->val->sym);
        declared_vars(r->ast, e->body, &inner.set);
        body(r, &inner, e->body);
    }
    for (uint32_t i = 0; i < e->nwith; i++) {
        e->with[i].target = term(r, h, e->with[i].target);
        e->with[i].value = term(r, h, e->with[i].value);
    }
}

static void body(struct resolver *r, const struct hide *h, struct body *b)
{
    for (uint32_t i = 0; i < b->n; i++)
        expression(r, h, b->e[i]);
}

static void rule(struct resolver *r, struct rule *x)
{
    for (; x != NULL; x = x->else_rule) {
        struct hide args = {{0}, NULL}, own = {.outer = &args};
        for (uint32_t i = 0; i < x->nargs; i++)
            pattern_vars(r->ast, x->args[i], &args.set);
        for (uint32_t i = 0; i < args.set.n; i++)
            if (args.set.s[i] == r->ast->s_data ||
                args.set.s[i] == r->ast->s_input)
                ast_error(r->ast, x->loc, CODE_COMPILE,
                          "args must not shadow %.*s (use a different "
                          "variable name)",
                          SLICE_FMT(args.set.s[i]->name));
        declared_vars(r->ast, x->body, &own.set);
        for (uint32_t i = 1; i < x->ref->n; i++)
            x->ref->items[i] = term(r, &own, x->ref->items[i]);
        for (uint32_t i = 0; i < x->nargs; i++)
            x->args[i] = term(r, &args, x->args[i]);
        x->key = term(r, &own, x->key);
        x->value = term(r, &own, x->value);
        body(r, &own, x->body);
    }
}

static void add_global(struct resolver *r, struct sym *name, struct term *ref)
{
    name->global = ref;
    name->global_of = r->module;
}

static bool same_package(const struct module *a, const struct module *b)
{
    if (a->package->n != b->package->n)
        return false;
    for (uint32_t i = 1; i < a->package->n; i++)
        if (!value_equal(&a->package->items[i]->value,
                         &b->package->items[i]->value))
            return false;
    return true;
}

static struct sym *import_name(struct ast *a, const struct import *im)
{
    if (im->alias != NULL)
        return im->alias;
    const struct term *last = im->path->items[im->path->n - 1];
    if (last->kind == T_VAR)
        return last->sym;
    if (last->kind == T_CONST && last->value.kind == V_STRING)
        return ast_sym(a, value_slice(&last->value));
    return NULL;
}

static void globals(struct compiler *c, struct resolver *r, struct module *m)
{
    for (uint32_t i = 0; i < c->nmodules; i++) {
        struct module *o = c->modules[i];
        if (!same_package(m, o))
            continue;
        for (uint32_t j = 0; j < o->nrules; j++) {
            struct sym *name = o->rules[j]->ref->items[0]->sym;
            if (name->global_of == r->module)
                continue;
            struct term *ref = ast_copy(r->ast, m->package);
            ast_push(r->ast, ref, ast_str(r->ast, name->name, ref->loc));
            add_global(r, name, ref);
        }
    }
    struct symset imported = {0};
    for (uint32_t i = 0; i < m->nimports; i++) {
        struct sym *name = import_name(r->ast, &m->imports[i]);
        if (name == NULL || name == r->ast->s_data ||
            (name == r->ast->s_input && m->imports[i].alias == NULL))
            continue;
        if (!symset_add(r->ast, &imported, name) && m->v1)
            ast_error(r->ast, m->imports[i].loc, CODE_COMPILE,
                      "import must not shadow import %.*s",
                      SLICE_FMT(name->name));
        add_global(r, name, m->imports[i].path);
    }
}

void resolve_modules(struct compiler *c)
{
    for (uint32_t i = 0; i < c->nmodules; i++) {
        struct module *m = c->modules[i];
        struct resolver r = {.ast = &c->ast, .module = i + 1};
        globals(c, &r, m);
        for (uint32_t j = 0; j < m->nrules; j++)
            rule(&r, m->rules[j]);
    }
}

void resolve_query(struct compiler *c, struct body *b)
{
    struct resolver r = {.ast = &c->ast};
    struct hide own = {{0}, NULL};
    declared_vars(&c->ast, b, &own.set);
    body(&r, &own, b);
}

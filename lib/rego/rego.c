/* rego.c - the passes in their order, and policies and queries as objects.
 *
 * A policy is one arena: syntax trees, the tree of rules, plans, data.  Out of
 * memory anywhere in the compiler comes back here by longjmp, the only one:
 * hundreds of small allocations of a compiler need no check each, and all they
 * made dies with the arena.
 */
#include "rego/rego.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "rego/compile.h"
#include "rego/eval.h"
#include "rego/parser.h"

struct rego_policy {
    struct arena arena;
    struct compiler c;
    struct value data;
    struct slice *files;
    uint32_t nsets;
};

struct rego_query {
    struct arena arena;
    struct compiler c;
    struct plan plan;
    struct plan full_plan;  /* with the values of all expressions */
    struct plan value_plan; /* binds the value of a single term first */
    const struct rego_policy *policy;
};

static void out_of_memory(struct arena *a, struct rego_error **errs)
{
    static const char text[] = "memory limit reached";
    struct rego_error *e = arena_try(a, sizeof *e);
    if (e != NULL) {
        e->code = CODE_COMPILE;
        e->message = slice(text, sizeof text - 1);
        e->file = slice("", 0);
    }
    *errs = e;
}

/* Errors outlive the arena they were made in. */
static void move_errors(const struct rego_error *from, struct arena *to,
                        struct rego_error **errs)
{
    struct rego_error **tail = errs;
    *errs = NULL;
    for (; from != NULL; from = from->next) {
        struct rego_error *e = arena_try(to, sizeof *e);
        if (e == NULL)
            return;
        *e = *from;
        e->next = NULL;
        e->file = arena_dup(to, from->file);
        e->message = arena_dup(to, from->message);
        if (e->file.p == NULL || e->message.p == NULL)
            return;
        *tail = e;
        tail = &e->next;
    }
}

static void parse_all(struct rego_policy *p, const struct rego_module *modules,
                      size_t n, enum rego_dialect dialect)
{
    struct ast *a = &p->c.ast;
    p->c.modules = ast_alloc(a, (n + 1) * sizeof(struct module *));
    p->files = ast_alloc(a, (n + 1) * sizeof(struct slice));
    a->files = p->files;
    a->nfiles = (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        p->files[i] = arena_dup(&p->arena, modules[i].name);
        struct slice text = arena_dup(&p->arena, modules[i].text);
        if (p->files[i].p == NULL || text.p == NULL)
            longjmp(*a->nomem, 1);
        struct module *m = parser_module(a, text, (uint32_t)i, dialect);
        if (m == NULL)
            continue;
        m->text = text;
        m->name = ast_ref_text(a, m->package);
        p->c.modules[p->c.nmodules++] = m;
    }
}

static void each_rule(struct compiler *c,
                      void (*fn)(struct compiler *, struct rule *))
{
    for (uint32_t i = 0; i < c->nmodules; i++)
        for (uint32_t j = 0; j < c->modules[i]->nrules; j++)
            fn(c, c->modules[i]->rules[j]);
}

/* Each pass relies on the ones before having found nothing wrong. */
static void compile(struct rego_policy *p, const struct rego_module *modules,
                    size_t n, enum rego_dialect dialect,
                    const struct value *data)
{
    struct compiler *c = &p->c;
    struct ast *a = &c->ast;
    c->data = value_undef();
    if (data != NULL && data->kind != V_UNDEF) {
        p->data = value_copy(&p->arena, data);
        if (p->data.kind == V_UNDEF)
            longjmp(*a->nomem, 1);
        c->data = p->data;
    }
    parse_all(p, modules, n, dialect);
    if (a->nerrors > 0)
        return;
    metadata_calls(c);
    resolve_modules(c);
    each_rule(c, locals_rule);
    tree_build(c);
    if (a->nerrors > 0)
        return;
    each_rule(c, expand_rule);
    check_rules(c);
    if (a->nerrors > 0)
        return;
    each_rule(c, safety_rule);
    if (a->nerrors > 0)
        return;
    each_rule(c, hoist_rule);
    p->nsets = plan_rules(c);
}

struct rego_policy *rego_compile(const struct rego_module *modules, size_t n,
                                 enum rego_dialect dialect,
                                 const struct value *data,
                                 struct arena *errs_arena,
                                 struct rego_error **errs)
{
    struct rego_policy *p = try_malloc(sizeof *p);
    *errs = NULL;
    if (p == NULL) {
        out_of_memory(errs_arena, errs);
        return NULL;
    }
    memset(p, 0, sizeof *p);
    arena_init(&p->arena, REGO_COMPILE_MEMORY);
    jmp_buf nomem;
    p->c.ast.nomem = &nomem;
    p->c.ast.compiler = &p->c;
    if (setjmp(nomem) != 0) {
        out_of_memory(errs_arena, errs);
        rego_policy_free(&p);
        return NULL;
    }
    ast_init(&p->c.ast, &p->arena);
    compile(p, modules, n, dialect, data);
    p->c.ast.nomem = NULL;
    if (p->c.ast.nerrors > 0) {
        move_errors(p->c.ast.errors, errs_arena, errs);
        rego_policy_free(&p);
    }
    return p;
}

void rego_policy_free(struct rego_policy **p)
{
    if (*p == NULL)
        return;
    arena_release(&(*p)->arena);
    free(*p);
    *p = NULL;
}

/* All passes over a parsed query. */
static void plan_body_of(struct compiler *c, struct body *b, struct plan *out)
{
    struct ast *a = &c->ast;
    resolve_query(c, b);
    locals_query(c, b);
    if (a->nerrors > 0)
        return;
    b = expand_query(c, b);
    check_query(c, b);
    if (a->nerrors > 0)
        return;
    safety_query(c, b);
    if (a->nerrors > 0)
        return;
    plan_query(c, hoist_body(c, b), out);
}

/* True if an expression may have several solutions. */
static bool iterates(const struct term *t)
{
    if (t->kind == T_REF)
        for (uint32_t i = 1; i < t->n; i++)
            if (t->items[i]->kind != T_CONST)
                return true;
    for (uint32_t i = 0; i < t->n; i++)
        if (iterates(t->items[i]))
            return true;
    return false;
}

/* A variable that takes the value of `e`, or NULL if it has none to show. */
static struct sym *capture(struct compiler *c, struct expr *e)
{
    struct ast *a = &c->ast;
    if (e->negated || (e->kind != E_TERM && e->kind != E_CALL) ||
        ast_is_call(e, "eq") || ast_is_call(e, "assign"))
        return NULL;
    struct sym *s = ast_fresh(a);
    struct term *v = ast_var(a, s, e->loc);
    if (e->kind == E_TERM) {
        e->kind = E_CALL;
        e->term = ast_call(a, "eq", e->loc, e->term, v, NULL);
        return s;
    }
    if (check_arity(c, e->term) + 1 != (int)e->term->n)
        return NULL;
    ast_push(a, e->term, v);
    return s;
}

/* The query with each expression's value in a variable, as OPA does it: they
 * need not be true if there is only one and it does not iterate. */
static struct body *captured(struct compiler *c, const struct body *b,
                             struct plan *out)
{
    struct ast *a = &c->ast;
    struct body *to = ast_copy_body(a, b);
    bool test = b->n > 1;
    for (uint32_t i = 0; i < b->n; i++)
        test |= b->e[i]->term == NULL || iterates(b->e[i]->term);
    out->shown = ast_alloc(a, b->n * sizeof *out->shown);
    out->nshown = b->n;
    for (uint32_t i = 0; i < b->n; i++) {
        struct expr *e = to->e[i];
        out->shown[i] = (struct shown){
            .text = e->text, .loc = e->loc, .sym = capture(c, e)};
    }
    for (uint32_t i = 0; test && i < b->n; i++)
        if (out->shown[i].sym != NULL)
            ast_add(
                a, to,
                ast_expr(a, ast_var(a, out->shown[i].sym, out->shown[i].loc)));
    return to;
}

static void prepare(struct rego_query *q, struct slice text)
{
    struct compiler *c = &q->c;
    struct ast *a = &c->ast;
    struct slice *file = ast_alloc(a, sizeof *file);
    *file = SLICE("query");
    a->files = file;
    a->nfiles = 1;
    struct slice copy = arena_dup(&q->arena, text);
    if (copy.p == NULL)
        longjmp(*a->nomem, 1);
    struct body *b = parser_query(a, copy, 0);
    if (b == NULL)
        return;
    // for rego_eval_value: a single term also gives its value, even false
    struct body *v = NULL;
    if (b->n == 1 && b->e[0]->kind == E_TERM && !b->e[0]->negated) {
        struct expr *e = ast_copy_expr(a, b->e[0]);
        struct sym *s = ast_sym(a, SLICE("value"));
        struct expr *eq = ast_eq(a, ast_var(a, s, e->loc), e->term);
        eq->with = e->with;
        eq->nwith = e->nwith;
        v = ast_body(a);
        ast_add(a, v, eq);
    }
    struct body *all = captured(c, b, &q->full_plan);
    plan_body_of(c, b, &q->plan);
    q->value_plan = q->plan;
    if (a->nerrors == 0)
        plan_body_of(c, all, &q->full_plan);
    if (a->nerrors == 0 && v != NULL)
        plan_body_of(c, v, &q->value_plan);
}

struct rego_query *rego_prepare(const struct rego_policy *p, struct slice text,
                                struct arena *errs_arena,
                                struct rego_error **errs)
{
    struct rego_query *q = try_malloc(sizeof *q);
    *errs = NULL;
    if (q == NULL) {
        out_of_memory(errs_arena, errs);
        return NULL;
    }
    memset(q, 0, sizeof *q);
    arena_init(&q->arena, REGO_COMPILE_MEMORY);
    q->policy = p;
    q->c.root = p->c.root;
    q->c.mocked = p->c.mocked;
    q->c.nmocked = p->c.nmocked;
    jmp_buf nomem;
    q->c.ast.nomem = &nomem;
    q->c.ast.compiler = &q->c;
    if (setjmp(nomem) != 0) {
        out_of_memory(errs_arena, errs);
        rego_query_free(&q);
        return NULL;
    }
    ast_init(&q->c.ast, &q->arena);
    prepare(q, text);
    q->c.ast.nomem = NULL;
    if (q->c.ast.nerrors > 0) {
        move_errors(q->c.ast.errors, errs_arena, errs);
        rego_query_free(&q);
    }
    return q;
}

void rego_query_free(struct rego_query **q)
{
    if (*q == NULL)
        return;
    arena_release(&(*q)->arena);
    free(*q);
    *q = NULL;
}

static bool reads(const struct compiler *c, const struct value *name)
{
    if (c->reads_all)
        return true;
    for (uint32_t i = 0; i < c->nreads; i++)
        if (value_compare(&c->reads[i], name) == 0)
            return true;
    return false;
}

bool rego_query_reads(const struct rego_query *q, struct slice name)
{
    struct value v = value_str(name);
    return reads(&q->c, &v) || reads(&q->policy->c, &v);
}

enum wanted { BINDINGS, SHOWN, VALUE };

static enum status eval(const struct rego_query *q, enum wanted wanted,
                        const struct value *input, struct arena *scratch,
                        const struct rego_limits *limits, struct value *out,
                        struct rego_error *err)
{
    struct eval_job job = {.plan = wanted == VALUE   ? &q->value_plan
                                   : wanted == SHOWN ? &q->full_plan
                                                     : &q->plan,
                           .root = q->policy->c.root,
                           .data = &q->policy->data,
                           .nsets = q->policy->nsets,
                           .files = q->policy->files,
                           .nfiles = q->policy->c.ast.nfiles,
                           .full = wanted == SHOWN,
                           .first_only = wanted == VALUE};
    return eval_run(&job, input, scratch, limits, out, err);
}

enum status rego_eval(const struct rego_query *q, const struct value *input,
                      struct arena *scratch, const struct rego_limits *limits,
                      struct value *out, struct rego_error *err)
{
    return eval(q, BINDINGS, input, scratch, limits, out, err);
}

enum status rego_eval_shown(const struct rego_query *q,
                            const struct value *input, struct arena *scratch,
                            const struct rego_limits *limits, struct value *out,
                            struct rego_error *err)
{
    return eval(q, SHOWN, input, scratch, limits, out, err);
}

enum status rego_eval_value(const struct rego_query *q,
                            const struct value *input, struct arena *scratch,
                            const struct rego_limits *limits, struct value *out,
                            struct rego_error *err)
{
    return eval(q, VALUE, input, scratch, limits, out, err);
}

const struct rego_error *rego_policy_warnings(const struct rego_policy *p)
{
    return p->c.ast.warnings;
}

void rego_policy_rules(const struct rego_policy *p,
                       void (*fn)(void *arg, const struct rego_rule *r),
                       void *arg)
{
    for (uint32_t i = 0; i < p->c.nmodules; i++) {
        const struct module *m = p->c.modules[i];
        for (uint32_t j = 0; j < m->nrules; j++) {
            const struct rule *x = m->rules[j];
            struct rego_rule r = {.package = m->name,
                                  .name = x->ref->items[0]->sym->name,
                                  .file = p->files[m->file],
                                  .row = x->loc.row,
                                  .col = x->loc.col,
                                  .is_function = x->has_args};
            fn(arg, &r);
        }
    }
}

bool rego_parse_term(struct arena *a, struct slice text, struct value *out)
{
    struct ast ast;
    jmp_buf nomem;
    memset(&ast, 0, sizeof ast);
    ast.nomem = &nomem;
    if (setjmp(nomem) != 0)
        return false;
    ast_init(&ast, a);
    struct slice copy = arena_dup(a, text);
    struct term *t = copy.p != NULL ? parser_term(&ast, copy, 0) : NULL;
    return t != NULL && ast_fold(&ast, t, out);
}

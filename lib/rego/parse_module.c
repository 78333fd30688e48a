/* parse_module.c - packages, imports and rules.
 *
 * What a head without a value means depends on how it is written:
 *   p[x] { … }    (v0, one bracket, no `if`)   a set
 *   p[x] if …, p.q[x] { … }                    an object of true
 *   p contains x                               a set
 */
#include <string.h>

#include "rego/parse.h"

#define PATH_MAX_ELEMENTS 100 /* of a package or a rule's head */

static bool package_here(struct parse *p, struct module *m)
{
    struct ast *a = p->ast;
    if (!parse_is_word(p, "package")) {
        parse_fail(p, "package expected");
        return false;
    }
    parse_next(p);
    m->package = ast_term(a, T_REF, p->tok.loc);
    ast_push(a, m->package, ast_var(a, a->s_data, p->tok.loc));
    if (p->tok.kind != LEX_NAME) {
        parse_illegal(p, "package name expected");
        return false;
    }
    ast_push(a, m->package, ast_str(a, p->tok.text, p->tok.loc));
    parse_next(p);
    while (!p->tok.space && (parse_is(p, ".") || parse_is(p, "["))) {
        if (m->package->n > PATH_MAX_ELEMENTS) {
            parse_fail(p, "package path too long");
            return false;
        }
        bool dot = parse_is(p, ".");
        parse_next(p);
        if (p->tok.kind != (dot ? LEX_NAME : LEX_STRING)) {
            parse_illegal(p, "package path must be strings");
            return false;
        }
        struct slice s = p->tok.text;
        char *to = ast_alloc(a, s.n + 1);
        size_t n;
        if (!value_unescape(s, to, &n)) {
            parse_illegal(p, "invalid escape sequence");
            return false;
        }
        ast_push(a, m->package, ast_str(a, slice(to, n), p->tok.loc));
        parse_next(p);
        if (!dot && !parse_take(p, "]")) {
            parse_illegal(p, "expected \"]\"");
            return false;
        }
    }
    return !p->failed;
}

static bool element_is(const struct term *ref, uint32_t i, const char *name)
{
    return ref->n > i && ref->items[i]->kind == T_CONST &&
           ref->items[i]->value.kind == V_STRING &&
           slice_is(value_slice(&ref->items[i]->value), name);
}

/* rego.v1 and future.keywords change what words mean from here on. */
static bool language_import(struct parse *p, struct module *m,
                            const struct term *ref)
{
    static const struct {
        const char *name;
        uint32_t bits;
    } words[] = {{"in", KW_IN},   {"every", KW_EVERY | KW_IN},
                 {"if", KW_IF},   {"contains", KW_CONTAINS},
                 {"not", KW_NOT}, {"and", KW_AND},
                 {"or", KW_OR}};
    struct slice head = ref->items[0]->sym->name;
    if (slice_is(head, "rego")) {
        if (ref->n != 2 || !element_is(ref, 1, "v1")) {
            parse_fail(p, "invalid import, must be `rego.v1`");
            return true;
        }
        p->v1 = m->v1 = true;
        p->keywords |= KW_FUTURE;
        return true;
    }
    if (!slice_is(head, "future"))
        return false;
    if (!element_is(ref, 1, "keywords") || ref->n > 3) {
        parse_fail(p, "invalid import, must be `future.keywords`");
        return true;
    }
    if (ref->n == 2) {
        p->keywords |= KW_FUTURE;
        return true;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (element_is(ref, 2, words[i].name)) {
            p->keywords |= words[i].bits;
            return true;
        }
    struct slice text = ast_ref_text(p->ast, ref);
    parse_fail(p,
               "unexpected keyword, must be one of [contains every if in "
               "not]: %.*s",
               SLICE_FMT(text));
    return true;
}

static bool import_here(struct parse *p, struct module *m)
{
    struct ast *a = p->ast;
    struct import im = {.loc = p->tok.loc};
    parse_next(p);
    if (p->tok.kind != LEX_NAME) {
        parse_illegal(p, "expected ident");
        return false;
    }
    struct term *t = parse_operand(p);
    if (t == NULL)
        return false;
    if (t->kind == T_VAR) {
        struct term *ref = ast_term(a, T_REF, t->loc);
        ast_push(a, ref, t);
        t = ref;
    }
    if (t->kind != T_REF || t->items[0]->kind != T_VAR) {
        parse_fail(p, "unexpected import path");
        return false;
    }
    im.path = t;
    if (parse_take_word(p, "as")) {
        if (p->tok.kind != LEX_NAME) {
            parse_illegal(p, "expected var");
            return false;
        }
        im.alias = ast_sym(a, p->tok.text);
        parse_next(p);
    }
    if (language_import(p, m, t))
        return !p->failed;
    struct sym *head = t->items[0]->sym;
    if (head != a->s_data && head != a->s_input) {
        parse_fail(p,
                   "unexpected import path, must begin with one of: "
                   "{data, future, input, rego}, got: %.*s",
                   SLICE_FMT(head->name));
        return false;
    }
    struct import *list =
        ast_alloc(a, (m->nimports + 1) * sizeof(struct import));
    if (m->nimports > 0)
        memcpy(list, m->imports, m->nimports * sizeof *list);
    list[m->nimports++] = im;
    m->imports = list;
    return !p->failed;
}

// ---- rules ----------------------------------------------------------------

static void add_rule(struct parse *p, struct module *m, struct rule *r)
{
    if ((m->nrules & (m->nrules - 1)) == 0) { // full at powers of two
        size_t cap = m->nrules == 0 ? 1 : (size_t)m->nrules * 2;
        struct rule **list = ast_alloc(p->ast, cap * sizeof(struct rule *));
        if (m->nrules > 0)
            memcpy(list, m->rules, m->nrules * sizeof(struct rule *));
        m->rules = list;
    }
    r->module = m;
    m->rules[m->nrules++] = r;
}

/* A head's value behind `=` or `:=`. */
static bool head_value(struct parse *p, struct rule *r)
{
    if (!parse_is(p, "=") && !parse_is(p, ":="))
        return true;
    r->assign = parse_is(p, ":=");
    parse_next(p);
    r->value = parse_infix(p);
    return r->value != NULL;
}

static bool head_here(struct parse *p, struct rule *r)
{
    struct ast *a = p->ast;
    r->loc = p->tok.loc;
    struct term *t = parse_head_ref(p);
    if (t == NULL)
        return false;
    if (t->kind == T_CALL) {
        r->args = t->items + 1;
        r->nargs = t->n - 1;
        r->has_args = r->nargs > 0; // f() is a rule like f
        t = t->items[0];
    }
    if (t->kind == T_VAR) {
        struct term *ref = ast_term(a, T_REF, t->loc);
        ast_push(a, ref, t);
        t = ref;
    }
    if (t->kind != T_REF || t->items[0]->kind != T_VAR) {
        parse_fail(p, "rule head ref is invalid");
        return false;
    }
    if (t->n > PATH_MAX_ELEMENTS) {
        parse_fail(p, "rule head ref too long");
        return false;
    }
    r->ref = t;
    struct slice name = t->items[0]->sym->name;
    if (ast_is_wildcard(t->items[0]->sym) ||
        ((slice_is(name, "data") || slice_is(name, "input")) && t->n == 1)) {
        parse_fail(p, "unexpected rule name");
        return false;
    }
    if ((p->keywords & KW_CONTAINS) != 0 && parse_is_word(p, "contains")) {
        if (r->has_args) {
            parse_illegal(p, "the contains keyword can only be used with "
                             "multi-value rule definitions (e.g., p contains "
                             "<VALUE> { ... })");
            return false;
        }
        parse_next(p);
        r->key = parse_infix(p);
        return r->key != NULL;
    }
    return head_value(p, r);
}

static struct body *true_body(struct parse *p, struct loc loc)
{
    struct body *b = ast_body(p->ast);
    struct expr *e = ast_expr(p->ast, ast_const(p->ast, value_bool(true), loc));
    e->generated = true;
    ast_add(p->ast, b, e);
    return b;
}

/* `{ … }`, or after `if` also one expression. */
static struct body *rule_body(struct parse *p, bool after_if)
{
    if (!parse_is(p, "{") || !after_if) {
        if (parse_take(p, "{")) {
            struct body *b = parse_body(p, "}");
            return b != NULL && parse_take(p, "}") ? b : NULL;
        }
    } else {
        // `if {…}` is a body; if that fails, an object or set expression
        struct parse save = *p;
        bool quiet = p->quiet;
        parse_next(p);
        p->quiet = true;
        struct body *b = parse_body(p, "}");
        p->quiet = quiet;
        if (b != NULL && parse_take(p, "}"))
            return b;
        parse_back(p, &save);
        p->quiet = true;
        struct expr *e = parse_literal(p); // if {x: y | …}
        p->quiet = quiet;
        if (e != NULL && e->term != NULL &&
            (e->term->n > 0 || e->term->body != NULL)) {
            b = ast_body(p->ast);
            ast_add(p->ast, b, e);
            return b;
        }
        parse_back(p, &save);
        parse_next(p);
        b = parse_body(p, "}"); // again, for its error
        return b != NULL && parse_take(p, "}") ? b : NULL;
    }
    struct expr *e = parse_literal(p);
    if (e == NULL)
        return NULL;
    struct body *b = ast_body(p->ast);
    ast_add(p->ast, b, e);
    return b;
}

static bool true_value(struct parse *p, struct rule *r)
{
    r->generated_val = true;
    r->value = ast_const(p->ast, value_bool(true), r->loc);
    return true;
}

static bool else_here(struct parse *p, struct rule *r)
{
    for (struct rule *last = r; parse_is_word(p, "else");
         last = last->else_rule) {
        struct rule *e = ast_alloc(p->ast, sizeof *e);
        e->loc = p->tok.loc;
        parse_next(p);
        if (r->value == NULL && r->key != NULL) {
            parse_fail(p, "else keyword cannot be used on multi-value rules");
            return false;
        }
        e->is_else = true;
        e->ref = ast_copy(p->ast, r->ref);
        e->has_args = r->has_args;
        e->nargs = r->nargs;
        if (r->nargs > 0)
            e->args = ast_alloc(p->ast, r->nargs * sizeof(struct term *));
        for (uint32_t i = 0; i < r->nargs; i++)
            e->args[i] = ast_copy(p->ast, r->args[i]);
        e->module = r->module;
        if (!head_value(p, e))
            return false;
        if (e->value == NULL)
            true_value(p, e);
        bool has_if = (p->keywords & KW_IF) != 0 && parse_take_word(p, "if");
        if (has_if || parse_is(p, "{")) {
            if (!has_if && p->v1) {
                parse_fail(p, "`if` keyword is required before rule body");
                return false;
            }
            e->has_body = true;
            e->body = rule_body(p, has_if);
        } else if (e->generated_val) {
            parse_illegal(p, "expected else value term or rule body");
            return false;
        } else {
            e->body = true_body(p, e->loc);
        }
        if (e->body == NULL)
            return false;
        last->else_rule = e;
    }
    return true;
}

/* What must be computed outside a comprehension; NULL if nothing. */
static const char *needs_rules(const struct term *t)
{
    if (t->kind == T_VAR)
        return "var";
    if (t->kind == T_REF)
        return "ref";
    if (t->kind == T_CALL)
        return "call";
    for (uint32_t i = 0; t->body == NULL && i < t->n; i++) {
        const char *what = needs_rules(t->items[i]);
        if (what != NULL)
            return what;
    }
    return NULL;
}

/* A default's value is constant, its arguments are different variables. */
static bool check_default(struct parse *p, const struct rule *r)
{
    const char *what = needs_rules(r->value);
    if (what != NULL) {
        parse_fail(p, "illegal default rule (value cannot contain %s)", what);
        return false;
    }
    for (uint32_t i = 0; i < r->nargs; i++) {
        bool var = r->args[i]->kind == T_VAR;
        for (uint32_t j = 0; var && j < i; j++)
            if (r->args[i]->sym == r->args[j]->sym) {
                parse_fail(p, "illegal default rule (arguments cannot be "
                              "repeated)");
                return false;
            }
        if (!var) {
            parse_fail(p, "illegal default rule (arguments must be "
                          "variables)");
            return false;
        }
    }
    return true;
}

static bool default_here(struct parse *p, struct module *m)
{
    parse_next(p);
    struct rule *r = ast_alloc(p->ast, sizeof *r);
    r->is_default = true;
    if (!head_here(p, r))
        return false;
    if (r->value == NULL) {
        parse_illegal(p, "default rules must have a value");
        return false;
    }
    if (r->key != NULL) {
        parse_fail(p, "default rules cannot be multi-value");
        return false;
    }
    if (!check_default(p, r))
        return false;
    r->body = true_body(p, r->loc);
    add_rule(p, m, r);
    return true;
}

/* Decides what a head without value is; see the top of the file. */
static bool settle_head(struct parse *p, struct rule *r, bool has_if)
{
    if (r->key != NULL || r->value != NULL)
        return true;
    uint32_t n = r->ref->n;
    bool bracket = n == 2 && !r->has_args;
    if (bracket && !has_if && !p->v1) {
        r->key = r->ref->items[1];
        r->ref->n = 1;
        return true;
    }
    if (!r->has_body && !has_if && p->v1 && n == 1 && !r->has_args) {
        parse_fail(p, "var cannot be used for rule name");
        return false;
    }
    return true_value(p, r);
}

static bool check_v1(struct parse *p, const struct rule *r, bool has_if)
{
    if (!p->v1)
        return true;
    p->tok.loc = r->has_body && !has_if ? r->loc : p->tok.loc;
    if (r->has_body && !has_if) {
        parse_fail(p, "`if` keyword is required before rule body");
        return false;
    }
    if (!r->has_body && r->generated_val && r->key == NULL) {
        parse_fail(p, "rule must have value assignment and/or body "
                      "declaration");
        return false;
    }
    return true;
}

static bool rule_here(struct parse *p, struct module *m)
{
    struct ast *a = p->ast;
    struct rule *r = ast_alloc(a, sizeof *r);
    if (!head_here(p, r))
        return false;
    bool has_if = (p->keywords & KW_IF) != 0 && parse_take_word(p, "if");
    if (has_if || parse_is(p, "{")) {
        r->has_body = true;
        r->body = rule_body(p, has_if);
        if (r->body == NULL)
            return false;
    } else {
        r->body = true_body(p, r->loc);
    }
    if (!r->has_body && r->value == NULL && r->key == NULL && r->ref->n == 1) {
        p->tok.loc = r->loc;
        parse_fail(p, "var cannot be used for rule name");
        return false;
    }
    if (!settle_head(p, r, has_if))
        return false;
    add_rule(p, m, r);
    if (!check_v1(p, r, has_if) || !else_here(p, r))
        return false;
    while (r->has_body && !has_if && r->else_rule == NULL &&
           parse_is(p, "{")) { // v0: another body for the same head
        struct rule *more = ast_alloc(a, sizeof *more);
        *more = *r;
        more->loc = p->tok.loc;
        more->ref = ast_copy(a, r->ref);
        more->key = ast_copy(a, r->key);
        more->value = ast_copy(a, r->value);
        if (r->nargs > 0)
            more->args = ast_alloc(a, r->nargs * sizeof(struct term *));
        for (uint32_t i = 0; i < r->nargs; i++)
            more->args[i] = ast_copy(a, r->args[i]);
        more->body = rule_body(p, false);
        if (more->body == NULL)
            return false;
        add_rule(p, m, more);
        if (!else_here(p, more))
            return false;
        if (more->else_rule != NULL)
            break;
    }
    return true;
}

struct module *parser_module(struct ast *a, struct slice src, uint32_t file,
                             enum rego_dialect dialect)
{
    struct parse p = {.ast = a, .v1 = dialect == REGO_V1};
    struct module *m = ast_alloc(a, sizeof *m);
    m->file = file;
    m->v1 = p.v1;
    p.keywords = p.v1 ? KW_FUTURE : 0;
    lexer_init(&p.lex, src, file);
    parse_next(&p);
    if (!p.failed && p.tok.kind == LEX_EOF)
        return parse_fail(&p, "empty module");
    if (p.failed || !package_here(&p, m))
        return NULL;
    while (!p.failed && p.tok.kind != LEX_EOF) {
        if (parse_take(&p, ";"))
            continue;
        bool ok = parse_is_word(&p, "import")    ? import_here(&p, m)
                  : parse_is_word(&p, "default") ? default_here(&p, m)
                                                 : rule_here(&p, m);
        if (!ok)
            break;
    }
    return p.failed ? NULL : m;
}

/* check.c - what is wrong with calls and with rules as a whole.
 *
 * Calls of functions that do not exist, with the wrong number of arguments or
 * literals of a wrong kind; builtins that are deprecated (v1) or not offered;
 * rules of one path that cannot live together.  Dependence of rules on
 * themselves is check_cycle.c.
 */
#include <string.h>

#include "rego/compile.h"

/* a.b.c as text; empty if it is anything else or too long. */
static struct slice dotted(const struct term *t, char *text, size_t size)
{
    size_t n = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        const struct term *x = t->items[i];
        struct slice s = x->kind == T_VAR ? x->sym->name : slice("", 0);
        if (x->kind == T_CONST && x->value.kind == V_STRING)
            s = value_slice(&x->value);
        if (s.n == 0 || n + s.n + 1 >= size)
            return slice("", 0);
        if (i > 0)
            text[n++] = '.';
        memcpy(text + n, s.p, s.n);
        n += s.n;
    }
    return slice(text, n);
}

static const struct builtin *called_builtin(const struct term *call)
{
    const struct term *t = call->items[0];
    if (t->kind == T_REF) {
        char text[64]; // longer than any builtin's name
        return builtin_find(dotted(t, text, sizeof text));
    }
    if (t->kind != T_VAR)
        return NULL;
    if (!t->sym->looked) {
        t->sym->builtin = builtin_find(t->sym->name);
        t->sym->looked = true;
    }
    return t->sym->builtin;
}

int check_arity(const struct compiler *c, const struct term *call)
{
    const struct node *f = tree_function(c, call->items[0]);
    if (f != NULL)
        return (int)f->rules[0]->nargs;
    const struct builtin *b = called_builtin(call);
    return b != NULL ? (int)b->arity : -1;
}

// ---- types of literal arguments -------------------------------------------

/* The end of the type that begins at `t` (builtin.h). */
static const char *type_end(const char *t)
{
    int depth = 0;
    bool bar = false;
    for (;; t++) {
        if (*t == '[' || *t == '{' || *t == '(')
            depth++;
        else if (*t == ']' || *t == '}' || *t == ')')
            depth--;
        else if (*t == '|' && depth == 0)
            bar = !bar;
        if (*t == '\0')
            return t;
        if (depth == 0 && !bar)
            return t + 1;
    }
}

static char kind_letter(const struct term *t)
{
    static const char letters[] = "?zbns[({";
    switch (t->kind) {
    case T_CONST:
        return letters[t->value.kind];
    case T_ARRAY:
    case T_ARRAY_COMP:
        return '[';
    case T_SET:
    case T_SET_COMP:
        return '{';
    case T_OBJECT:
    case T_OBJECT_COMP:
        return '(';
    case T_VAR:
    case T_REF:
    case T_CALL:
    case T_TEMPLATE:
        break;
    }
    return '?';
}

/* True if the term may be of the type; only kinds of literals are known. */
static bool may_be(const struct term *t, const char *type)
{
    char k = kind_letter(t);
    if (k == '?' || *type == 'a')
        return true;
    if (*type != '|')
        return k == *type;
    const char *end = type_end(type) - 1;
    for (type++; type < end; type = type_end(type))
        if (may_be(t, type))
            return true;
    return false;
}

static void print_type(struct buf *b, const char *type)
{
    static const struct {
        char letter;
        const char *name;
    } names[] = {{'a', "any"},
                 {'z', "null"},
                 {'b', "boolean"},
                 {'n', "number"},
                 {'s', "string"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (*type == names[i].letter)
            buf_str(b, names[i].name);
    const char *close = NULL;
    if (*type == '[' || *type == '{' || *type == '(') {
        buf_str(b, *type == '['   ? "array["
                   : *type == '{' ? "set["
                                  : "object[any: ");
        close = "]";
    } else if (*type == '|') {
        buf_str(b, "any<");
        close = ">";
    }
    if (close == NULL)
        return;
    const char *end = type_end(type) - 1;
    for (const char *t = type + 1; t < end; t = type_end(t)) {
        if (t > type + 1)
            buf_str(b, ", ");
        print_type(b, t);
    }
    buf_str(b, close);
}

static void print_kind(struct buf *b, const struct term *t)
{
    char type[2] = {kind_letter(t), '\0'};
    static const char composite[] = "[{(";
    const char *hit = strchr(composite, type[0]);
    if (type[0] == '?')
        buf_str(b, "any");
    else if (hit != NULL)
        buf_str(b, type[0] == '['   ? "array"
                   : type[0] == '{' ? "set"
                                    : "object");
    else
        print_type(b, type);
}

/* "name: what\n\thave: (…)\n\twant: (…)", as OPA. */
static void argument_error(struct ast *a, const struct term *call,
                           const char *what, uint32_t nargs,
                           const struct builtin *bi, int arity)
{
    struct slice name = ast_call_name(a, call);
    struct buf b;
    buf_init(&b, 2000);
    buf_printf(&b, "%.*s: %s\n\thave: (", SLICE_FMT(name), what);
    for (uint32_t i = 1; i <= nargs; i++) {
        if (i > 1)
            buf_str(&b, ", ");
        print_kind(&b, call->items[i]);
    }
    buf_str(&b, ")\n\twant: (");
    const char *t = bi != NULL ? bi->types : "";
    for (int i = 0; i < arity; i++) {
        if (i > 0)
            buf_str(&b, ", ");
        if (bi == NULL || *t == '\0' || *t == '>') {
            buf_str(&b, "any");
            continue;
        }
        print_type(&b, t);
        t = type_end(t);
    }
    buf_char(&b, ')');
    struct slice text = ast_take(a, &b);
    ast_error(a, call->loc, CODE_TYPES, "%.*s", SLICE_FMT(text));
}

// ---- calls ----------------------------------------------------------------

struct checker {
    struct compiler *c;
    struct ast *ast;
    bool v1;
};

static bool is_mocked(const struct compiler *c, const struct builtin *b)
{
    for (uint32_t i = 0; i < c->nmocked; i++)
        if (c->mocked[i] == b)
            return true;
    return false;
}

static void check_builtin(struct checker *k, const struct term *call,
                          const struct builtin *b)
{
    if (b->absent != NULL && !is_mocked(k->c, b))
        ast_error(k->ast, call->loc, CODE_TYPES, "undefined function %s: %s",
                  b->name, b->absent);
    else if (k->v1 && (b->flags & BUILTIN_DEPRECATED) != 0)
        ast_error(k->ast, call->loc, CODE_TYPES,
                  "deprecated built-in function calls in expression: %s",
                  b->name);
    const char *t = b->types;
    for (uint32_t i = 1; i <= b->arity && t != NULL && *t != '\0'; i++) {
        if (!may_be(call->items[i], t)) {
            argument_error(k->ast, call, "invalid argument(s)", b->arity, b,
                           b->arity);
            return;
        }
        t = type_end(t);
    }
}

static void check_call(struct checker *k, const struct term *call)
{
    const struct node *f = tree_function(k->c, call->items[0]);
    const struct builtin *b = f == NULL ? called_builtin(call) : NULL;
    if (f == NULL && b == NULL) {
        struct slice name = ast_call_name(k->ast, call);
        ast_error(k->ast, call->loc, CODE_TYPES, "undefined function %.*s",
                  SLICE_FMT(name));
        return;
    }
    uint32_t arity = f != NULL ? f->rules[0]->nargs : b->arity;
    uint32_t n = call->n - 1;
    // the compiler's own output variable is no argument of the source
    uint32_t written = n;
    if (n > 0 && call->items[n]->kind == T_VAR &&
        call->items[n]->sym->shown == NULL &&
        ast_is_generated(call->items[n]->sym))
        written--;
    if (n != arity && n != arity + 1) {
        argument_error(k->ast, call, "arity mismatch", written, b, (int)arity);
        return;
    }
    if (b != NULL)
        check_builtin(k, call, b);
}

static void check_body(struct checker *k, const struct body *b);

static void check_term(struct checker *k, const struct term *t)
{
    for (uint32_t i = t->kind == T_CALL ? 1 : 0; i < t->n; i++)
        check_term(k, t->items[i]);
    if (t->kind == T_CALL)
        check_call(k, t);
    if (t->body != NULL)
        check_body(k, t->body);
}

static void check_body(struct checker *k, const struct body *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const struct expr *e = b->e[i];
        if (e->term != NULL)
            check_term(k, e->term);
        for (uint32_t j = 0; j < e->nwith; j++)
            check_term(k, e->with[j].value);
        if (e->body != NULL)
            check_body(k, e->body);
    }
}

void check_query(struct compiler *c, struct body *b)
{
    struct checker k = {c, &c->ast, true};
    check_body(&k, b);
}

// ---- rules together -------------------------------------------------------

static struct slice node_path(struct ast *a, const struct node *n)
{
    const struct node *up[256];
    uint32_t depth = 0;
    for (; n->parent != NULL && depth < 256; n = n->parent)
        up[depth++] = n;
    struct term *ref = ast_term(a, T_REF, (struct loc){0});
    ast_push(a, ref, ast_var(a, a->s_data, ref->loc));
    while (depth > 0)
        ast_push(a, ref, ast_const(a, up[--depth]->key, ref->loc));
    return ast_ref_text(a, ref);
}

struct slice check_path(struct ast *a, const struct node *n)
{
    return node_path(a, n);
}

/* 0 a value, 1 a set, 2 members under it, 3 a function. */
static int shape(const struct rule *r)
{
    if (r->has_args)
        return 3;
    if (r->ref->n > r->npath)
        return 2;
    return r->key != NULL ? 1 : 0;
}

static void check_node(struct compiler *c, const struct node *n)
{
    struct ast *a = &c->ast;
    uint32_t defaults = 0;
    bool conflict = false;
    for (uint32_t i = 0; i < n->nrules; i++) {
        const struct rule *r = n->rules[i], *first = n->rules[0];
        defaults += r->is_default;
        conflict |= shape(r) != shape(first) || r->nargs != first->nargs;
        if (defaults == 2 && r->is_default)
            ast_error(a, r->loc, CODE_TYPES,
                      "multiple default rules %.*s "
                      "found",
                      SLICE_FMT(node_path(a, n)));
    }
    if (conflict)
        ast_error(a, n->rules[0]->loc, CODE_TYPES,
                  "conflicting rules %.*s found", SLICE_FMT(node_path(a, n)));
    if (n->nrules > 0 && n->is_package) {
        ast_error(a, n->rules[0]->loc, CODE_COMPILE,
                  "package %.*s conflicts with rule %.*s",
                  SLICE_FMT(node_path(a, n)), SLICE_FMT(node_path(a, n)));
    } else if (n->nrules > 0 && n->nchild > 0 && shape(n->rules[0]) < 2) {
        ast_error(a, n->rules[0]->loc, CODE_TYPES,
                  "rule %.*s conflicts with [%.*s]", SLICE_FMT(node_path(a, n)),
                  SLICE_FMT(node_path(a, n->child[0])));
    }
}

static void each_node(struct compiler *c, const struct node *n)
{
    check_node(c, n);
    for (uint32_t i = 0; i < n->nchild; i++)
        each_node(c, n->child[i]);
}

void check_rules(struct compiler *c)
{
    for (uint32_t i = 0; i < c->nmodules; i++) {
        const struct module *m = c->modules[i];
        struct checker k = {c, &c->ast, m->v1};
        for (uint32_t j = 0; j < m->nrules; j++)
            for (const struct rule *r = m->rules[j]; r != NULL;
                 r = r->else_rule)
                check_body(&k, r->body);
    }
    each_node(c, c->root);
    if (c->ast.nerrors == 0)
        check_cycles(c);
}

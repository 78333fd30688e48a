/* ast.c - making, copying and printing syntax trees. */
#include "rego/ast.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rego/rego.h"

#define ERRORS_MAX 50

void *ast_alloc(struct ast *a, size_t n)
{
    void *p = arena_try(a->arena, n);
    if (p == NULL)
        longjmp(*a->nomem, 1);
    return p;
}

void ast_init(struct ast *a, struct arena *arena)
{
    *a = (struct ast){
        .arena = arena, .nomem = a->nomem, .compiler = a->compiler};
    a->errors_tail = &a->errors;
    a->warnings_tail = &a->warnings;
    a->s_data = ast_sym(a, SLICE("data"));
    a->s_input = ast_sym(a, SLICE("input"));
    a->s_wild = ast_sym(a, SLICE("_"));
}

struct sym *ast_sym(struct ast *a, struct slice name)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < name.n; i++)
        h = (h ^ (uint8_t)name.p[i]) * 16777619u;
    struct sym **at = &a->chains[(h ^ h >> 16) & 255];
    for (; *at != NULL; at = &(*at)->next)
        if (slice_eq((*at)->name, name))
            return *at;
    struct sym *s = ast_alloc(a, sizeof *s);
    char *p = ast_alloc(a, name.n + 1);
    if (name.n > 0)
        memcpy(p, name.p, name.n);
    s->name = slice(p, name.n);
    s->id = a->nsyms++;
    *at = s;
    return s;
}

struct sym *ast_fresh(struct ast *a)
{
    char text[32];
    int n = snprintf(text, sizeof text, "__local%u__", a->ngenerated++);
    return ast_sym(a, slice(text, (size_t)n));
}

bool ast_is_wildcard(const struct sym *s)
{
    return s->name.n > 0 && s->name.p[0] == '$';
}

bool ast_is_generated(const struct sym *s)
{
    return slice_starts(s->name, "__local");
}

struct term *ast_term(struct ast *a, enum term_kind k, struct loc loc)
{
    struct term *t = ast_alloc(a, sizeof *t);
    t->kind = k;
    t->loc = loc;
    return t;
}

struct term *ast_const(struct ast *a, struct value v, struct loc loc)
{
    struct term *t = ast_term(a, T_CONST, loc);
    t->value = v;
    return t;
}

struct term *ast_str(struct ast *a, struct slice s, struct loc loc)
{
    return ast_const(a, value_str(s), loc);
}

struct term *ast_var(struct ast *a, struct sym *s, struct loc loc)
{
    struct term *t = ast_term(a, T_VAR, loc);
    t->sym = s;
    return t;
}

void ast_push(struct ast *a, struct term *t, struct term *item)
{
    if ((t->n & (t->n - 1)) == 0) { // full at powers of two
        size_t cap = t->n == 0 ? 1 : (size_t)t->n * 2;
        struct term **items = ast_alloc(a, cap * sizeof(struct term *));
        if (t->n > 0)
            memcpy(items, t->items, t->n * sizeof(struct term *));
        t->items = items;
    }
    t->items[t->n++] = item;
}

struct term *ast_call(struct ast *a, const char *name, struct loc loc,
                      struct term *x, struct term *y, struct term *z)
{
    struct term *call = ast_term(a, T_CALL, loc);
    ast_push(a, call, ast_var(a, ast_sym(a, slice_str(name)), loc));
    struct term *args[] = {x, y, z};
    for (int i = 0; i < 3 && args[i] != NULL; i++)
        ast_push(a, call, args[i]);
    return call;
}

struct expr *ast_expr(struct ast *a, struct term *t)
{
    struct expr *e = ast_alloc(a, sizeof *e);
    e->kind = t->kind == T_CALL ? E_CALL : E_TERM;
    e->term = t;
    e->loc = t->loc;
    return e;
}

struct expr *ast_eq(struct ast *a, struct term *x, struct term *y)
{
    return ast_expr(a, ast_call(a, "eq", y->loc, x, y, NULL));
}

struct body *ast_body(struct ast *a)
{
    return ast_alloc(a, sizeof(struct body));
}

void ast_add(struct ast *a, struct body *b, struct expr *e)
{
    if (b->n == b->cap) {
        uint32_t cap = b->cap == 0 ? 4 : b->cap * 2;
        struct expr **list = ast_alloc(a, cap * sizeof(struct expr *));
        if (b->n > 0)
            memcpy(list, b->e, b->n * sizeof(struct expr *));
        b->e = list;
        b->cap = cap;
    }
    b->e[b->n++] = e;
}

// ---- copies ---------------------------------------------------------------

struct term *ast_copy(struct ast *a, const struct term *t)
{
    if (t == NULL)
        return NULL;
    struct term *c = ast_alloc(a, sizeof *c);
    *c = *t;
    c->n = 0;
    c->items = NULL;
    for (uint32_t i = 0; i < t->n; i++)
        ast_push(a, c, ast_copy(a, t->items[i]));
    if (t->body != NULL)
        c->body = ast_copy_body(a, t->body);
    return c;
}

struct expr *ast_copy_expr(struct ast *a, const struct expr *e)
{
    struct expr *c = ast_alloc(a, sizeof *c);
    *c = *e;
    c->term = ast_copy(a, e->term);
    c->key = ast_copy(a, e->key);
    c->val = ast_copy(a, e->val);
    if (e->body != NULL)
        c->body = ast_copy_body(a, e->body);
    if (e->ndecl > 0)
        c->decl = ast_alloc(a, e->ndecl * sizeof(struct term *));
    for (uint32_t i = 0; i < e->ndecl; i++)
        c->decl[i] = ast_copy(a, e->decl[i]);
    if (e->nwith > 0)
        c->with = ast_alloc(a, e->nwith * sizeof(struct with));
    for (uint32_t i = 0; i < e->nwith; i++)
        c->with[i] = (struct with){.target = ast_copy(a, e->with[i].target),
                                   .value = ast_copy(a, e->with[i].value),
                                   .loc = e->with[i].loc};
    return c;
}

struct body *ast_copy_body(struct ast *a, const struct body *b)
{
    struct body *c = ast_body(a);
    for (uint32_t i = 0; i < b->n; i++)
        ast_add(a, c, ast_copy_expr(a, b->e[i]));
    return c;
}

// ---- questions ------------------------------------------------------------

static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return s.n > 0;
}

static void print_ref(struct buf *b, const struct term *t)
{
    for (uint32_t i = 0; i < t->n; i++) {
        const struct term *x = t->items[i];
        if (i == 0) {
            if (x->kind == T_CONST && x->value.kind == V_STRING)
                buf_slice(b, value_slice(&x->value));
            else
                ast_print(b, x);
        } else if (x->kind == T_CONST && x->value.kind == V_STRING &&
                   is_name(value_slice(&x->value))) {
            buf_char(b, '.');
            buf_slice(b, value_slice(&x->value));
        } else {
            buf_char(b, '[');
            ast_print(b, x);
            buf_char(b, ']');
        }
    }
}

static void print_list(struct buf *b, const struct term *t, uint32_t from)
{
    for (uint32_t i = from; i < t->n; i++) {
        if (i > from)
            buf_str(b, ", ");
        ast_print(b, t->items[i]);
        if (t->kind == T_OBJECT && i + 1 < t->n) {
            buf_str(b, ": ");
            ast_print(b, t->items[++i]);
        }
    }
}

void ast_print(struct buf *b, const struct term *t)
{
    switch (t->kind) {
    case T_CONST:
        value_term(b, &t->value);
        break;
    case T_VAR:
        if (ast_is_wildcard(t->sym))
            buf_char(b, '_');
        else
            buf_slice(b, t->sym->name);
        break;
    case T_REF:
        print_ref(b, t);
        break;
    case T_ARRAY:
        buf_char(b, '[');
        print_list(b, t, 0);
        buf_char(b, ']');
        break;
    case T_SET:
    case T_OBJECT:
        if (t->kind == T_SET && t->n == 0) {
            buf_str(b, "set()");
            break;
        }
        buf_char(b, '{');
        print_list(b, t, 0);
        buf_char(b, '}');
        break;
    case T_ARRAY_COMP:
        buf_char(b, '[');
        print_list(b, t, 0);
        buf_str(b, " | …]");
        break;
    case T_SET_COMP:
    case T_OBJECT_COMP:
        buf_char(b, '{');
        print_list(b, t, 0);
        buf_str(b, " | …}");
        break;
    case T_CALL:
        ast_print(b, t->items[0]);
        buf_char(b, '(');
        print_list(b, t, 1);
        buf_char(b, ')');
        break;
    case T_TEMPLATE:
        buf_str(b, "$\"…\"");
        break;
    }
}

struct slice ast_take(struct ast *a, struct buf *b)
{
    struct slice out = arena_dup(a->arena, buf_get(b));
    buf_release(b); // before a jump could forget it
    if (out.p == NULL)
        longjmp(*a->nomem, 1);
    return out;
}

struct slice ast_ref_text(struct ast *a, const struct term *ref)
{
    struct buf b;
    buf_init(&b, 4096);
    ast_print(&b, ref);
    return ast_take(a, &b);
}

struct slice ast_call_name(struct ast *a, const struct term *call)
{
    const struct term *f = call->items[0];
    if (f->kind == T_VAR)
        return f->sym->name;
    return ast_ref_text(a, f);
}

bool ast_is_call(const struct expr *e, const char *name)
{
    return e->kind == E_CALL && e->term->kind == T_CALL &&
           e->term->items[0]->kind == T_VAR &&
           slice_is(e->term->items[0]->sym->name, name);
}

bool ast_ground(const struct term *t)
{
    if (t->kind == T_CONST)
        return true;
    if (t->kind != T_ARRAY && t->kind != T_SET && t->kind != T_OBJECT)
        return false;
    for (uint32_t i = 0; i < t->n; i++)
        if (!ast_ground(t->items[i]))
            return false;
    return true;
}

bool ast_fold(struct ast *a, const struct term *t, struct value *out)
{
    if (t->kind == T_CONST) {
        *out = t->value;
        return true;
    }
    if (!ast_ground(t))
        return false;
    struct value *items = ast_alloc(a, t->n * sizeof *items);
    for (uint32_t i = 0; i < t->n; i++)
        if (!ast_fold(a, t->items[i], &items[i]))
            return false;
    *out = t->kind == T_ARRAY ? value_array(items, t->n)
           : t->kind == T_SET ? value_set(items, t->n)
                              : value_object(items, t->n / 2);
    return true;
}

// ---- errors ---------------------------------------------------------------

static struct rego_error *make_error(struct ast *a, struct loc loc,
                                     const char *code, const char *fmt,
                                     va_list ap) PRINTF_LIKE(4, 0);

static struct rego_error *make_error(struct ast *a, struct loc loc,
                                     const char *code, const char *fmt,
                                     va_list ap)
{
    struct rego_error *e = ast_alloc(a, sizeof *e);
    struct buf b;
    buf_init(&b, 4096);
    buf_vprintf(&b, fmt, ap);
    e->message = ast_take(a, &b);
    e->code = code;
    e->row = loc.row;
    e->col = loc.col;
    e->file =
        loc.row > 0 && loc.file < a->nfiles ? a->files[loc.file] : slice("", 0);
    return e;
}

void ast_error(struct ast *a, struct loc loc, const char *code, const char *fmt,
               ...)
{
    if (a->nerrors++ >= ERRORS_MAX)
        return;
    va_list ap;
    va_start(ap, fmt);
    struct rego_error *e = make_error(a, loc, code, fmt, ap);
    va_end(ap);
    *a->errors_tail = e;
    a->errors_tail = &e->next;
}

void ast_warn(struct ast *a, struct loc loc, const char *fmt, ...)
{
    if (a->nwarnings++ >= ERRORS_MAX)
        return;
    va_list ap;
    va_start(ap, fmt);
    struct rego_error *e = make_error(a, loc, "rego_warning", fmt, ap);
    va_end(ap);
    *a->warnings_tail = e;
    a->warnings_tail = &e->next;
}

/* policy_query.c - see policy_query.h. */
#include "app/policy_query.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"

#define PARTS_MAX 64
#define OWN "__expr_" /* names of expressions' values */

/* One expression of the query. */
struct part {
    struct slice text;
    uint32_t row, col;
    bool captured; /* its value has a name; else it is true */
};

struct parts {
    struct part of[PARTS_MAX];
    int n;
};

/* ---- expressions ------------------------------------------------------------------ */

struct cursor {
    struct slice text;
    size_t at;
    int depth; /* of brackets */
};

/* Steps over one character, a whole string or a comment. */
static void step(struct cursor *c)
{
    char ch = c->text.p[c->at++];
    if (ch == '(' || ch == '[' || ch == '{')
        c->depth++;
    else if (ch == ')' || ch == ']' || ch == '}')
        c->depth--;
    else if (ch == '#')
        while (c->at < c->text.n && c->text.p[c->at] != '\n')
            c->at++;
    if (ch != '"' && ch != '`')
        return;
    while (c->at < c->text.n && c->text.p[c->at] != ch) {
        if (ch == '"' && c->text.p[c->at] == '\\')
            c->at++;
        c->at++;
    }
    c->at += c->at < c->text.n;
}

static void part_add(struct parts *p, struct slice whole, size_t from,
                     size_t to)
{
    struct slice s = slice(whole.p + from, to - from);
    struct slice t = slice_trim(s);
    if (t.n == 0 || p->n == PARTS_MAX)
        return;
    struct part *x = &p->of[p->n++];
    *x = (struct part){.text = t, .row = 1, .col = 1};
    for (const char *c = whole.p; c < t.p; c++) {
        x->col = *c == '\n' ? 1 : x->col + 1;
        x->row += *c == '\n';
    }
}

static void split(struct parts *p, struct slice text)
{
    struct cursor c = {.text = text};
    size_t from = 0;
    while (c.at < text.n) {
        char ch = text.p[c.at];
        if (c.depth == 0 && (ch == ';' || ch == '\n')) {
            part_add(p, text, from, c.at);
            from = c.at + 1;
        }
        step(&c);
    }
    part_add(p, text, from, text.n);
}

/* The place of " with " outside brackets and strings, or the end. */
static size_t before_with(struct slice s)
{
    struct cursor c = {.text = s};
    while (c.at < s.n) {
        if (c.depth == 0 && s.n - c.at > 6 &&
            memcmp(s.p + c.at, " with ", 6) == 0)
            return c.at;
        step(&c);
    }
    return s.n;
}

/* True if the expression binds or declares rather than has a value. */
static bool is_statement(struct slice s)
{
    struct cursor c = {.text = s};
    if (slice_starts(s, "some ") || slice_starts(s, "every ") ||
        slice_starts(s, "not ") || slice_starts(s, "import "))
        return true;
    while (c.at < s.n) {
        char ch = s.p[c.at], next = c.at + 1 < s.n ? s.p[c.at + 1] : ' ';
        char prev = c.at > 0 ? s.p[c.at - 1] : ' ';
        if (c.depth == 0 && ch == '=' && next != '=' && prev != '=' &&
            prev != '!' && prev != '<' && prev != '>')
            return true; // = or :=
        step(&c);
    }
    return false;
}

/* The query with a name for each value. */
static void capture(struct parts *p, struct buf *out)
{
    for (int i = 0; i < p->n; i++) {
        struct part *x = &p->of[i];
        x->captured = !is_statement(x->text);
        if (i > 0)
            buf_char(out, '\n');
        if (!x->captured) {
            buf_slice(out, x->text);
            continue;
        }
        size_t n = before_with(x->text);
        buf_printf(out, OWN "%d = (%.*s)%.*s", i, (int)n, x->text.p,
                   (int)(x->text.n - n), x->text.p + n);
    }
}

/* ---- printing --------------------------------------------------------------------- */

static void indent(struct buf *b, int depth)
{
    buf_char(b, '\n');
    for (int i = 0; i < depth; i++)
        buf_str(b, "  ");
}

void query_print_json(struct slice json)
{
    struct buf b;
    int depth = 0;
    bool string = false;
    buf_init(&b, (size_t)1 << 30);
    for (size_t i = 0; i < json.n; i++) {
        char c = json.p[i], next = i + 1 < json.n ? json.p[i + 1] : '\0';
        bool opens = c == '{' || c == '[', closes = c == '}' || c == ']';
        if (string) {
            buf_char(&b, c);
            if (c == '\\')
                buf_char(&b, json.p[++i]);
            string = c != '"';
            continue;
        }
        string = c == '"';
        if (closes && !(i > 0 && (json.p[i - 1] == '{' || json.p[i - 1] == '[')))
            indent(&b, depth - 1);
        buf_char(&b, c);
        depth += opens ? 1 : closes ? -1 : 0;
        if (c == ',' || (opens && next != '}' && next != ']'))
            indent(&b, depth);
        else if (c == ':')
            buf_char(&b, ' ');
    }
    buf_char(&b, '\n');
    (void)fwrite(b.p, 1, b.n, stdout);
    buf_release(&b);
}

static void write_error(struct json_out *o, struct slice message,
                        const char *code, struct slice file, uint32_t row,
                        uint32_t col)
{
    json_obj(o);
    json_kstr(o, "message", message);
    if (code != NULL)
        json_kstr(o, "code", slice_str(code));
    if (row > 0) {
        json_key(o, "location");
        json_obj(o);
        json_kstr(o, "file", file);
        json_knum(o, "row", row);
        json_knum(o, "col", col);
        json_obj_end(o);
    }
    json_obj_end(o);
}

static void errors_begin(struct json_out *o, struct buf *b)
{
    buf_init(b, 1u << 24);
    json_out_init(o, b);
    json_obj(o);
    json_key(o, "errors");
    json_arr(o);
}

static void errors_end(struct json_out *o, struct buf *b)
{
    json_arr_end(o);
    json_obj_end(o);
    query_print_json(buf_get(b));
    buf_release(b);
}

void query_print_errors(const struct rego_error *first)
{
    struct json_out o;
    struct buf b;
    errors_begin(&o, &b);
    for (const struct rego_error *e = first; e != NULL; e = e->next)
        write_error(&o, e->message, e->code, e->file, e->row, e->col);
    errors_end(&o, &b);
}

void query_print_fault(const struct policy_fault *f)
{
    struct json_out o;
    struct buf b;
    char text[800];
    (void)snprintf(text, sizeof text, "%s: %s", f->file, f->text);
    errors_begin(&o, &b);
    write_error(&o, slice_str(text), NULL, slice_str(f->file), f->row, f->col);
    errors_end(&o, &b);
}

static void kvalue(struct json_out *o, const char *key, const struct value *v,
                   struct arena *a)
{
    json_key(o, key);
    json_raw(o, value_json_arena(a, v));
}

static void write_expression(struct json_out *o, const struct part *p, int i,
                             const struct value *bindings, struct arena *a)
{
    char name[32];
    const struct value yes = value_bool(true), *v = NULL;
    int n = snprintf(name, sizeof name, OWN "%d", i);
    if (p->captured)
        v = value_get_str(bindings, slice(name, (size_t)n));
    json_obj(o);
    kvalue(o, "value", v != NULL ? v : &yes, a);
    json_kstr(o, "text", p->text);
    json_key(o, "location");
    json_obj(o);
    json_knum(o, "row", p->row);
    json_knum(o, "col", p->col);
    json_obj_end(o);
    json_obj_end(o);
}

static void write_result(struct json_out *o, const struct parts *p,
                         const struct value *bindings, struct arena *a)
{
    bool any = false;
    json_obj(o);
    json_key(o, "expressions");
    json_arr(o);
    for (int i = 0; i < p->n; i++)
        write_expression(o, &p->of[i], i, bindings, a);
    json_arr_end(o);
    for (uint32_t i = 0; i < bindings->n; i++) {
        struct slice key = value_slice(&bindings->u.v[2 * i]);
        if (slice_starts(key, "__")) // ours, and generated ones
            continue;
        if (!any) {
            json_key(o, "bindings");
            json_obj(o);
        }
        any = true;
        json_key_slice(o, key);
        json_raw(o, value_json_arena(a, &bindings->u.v[2 * i + 1]));
    }
    if (any)
        json_obj_end(o);
    json_obj_end(o);
}

static void print_results(const struct parts *p, const struct value *all,
                          struct arena *a)
{
    struct json_out o;
    struct buf b;
    buf_init(&b, (size_t)1 << 30);
    json_out_init(&o, &b);
    json_obj(&o);
    if (all->n > 0) {
        json_key(&o, "result");
        json_arr(&o);
        for (uint32_t i = 0; i < all->n; i++)
            write_result(&o, p, &all->u.v[i], a);
        json_arr_end(&o);
    }
    json_obj_end(&o);
    query_print_json(buf_get(&b));
    buf_release(&b);
}

bool query_print(const struct rego_policy *p, struct slice text,
                 const struct query_job *j, struct arena *scratch)
{
    struct parts parts = {.n = 0};
    struct rego_error *errors = NULL, e = {.code = NULL};
    const struct rego_limits limits = {.strict = j->strict};
    struct value all;
    struct buf b;
    split(&parts, text);
    buf_init(&b, 1u << 24);
    capture(&parts, &b);
    struct rego_query *q = rego_prepare(p, buf_get(&b), scratch, &errors);
    if (q == NULL) { // say it of the query as it was written
        errors = NULL;
        q = rego_prepare(p, text, scratch, &errors);
        for (int i = 0; q != NULL && i < parts.n; i++)
            parts.of[i].captured = false;
    }
    buf_release(&b);
    if (q == NULL) {
        query_print_errors(errors);
        return false;
    }
    bool ok = rego_eval(q, j->input, scratch, &limits, &all, &e) == OK;
    if (ok)
        print_results(&parts, &all, scratch);
    else
        query_print_errors(&e);
    rego_query_free(&q);
    return ok;
}

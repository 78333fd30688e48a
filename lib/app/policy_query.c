/* policy_query.c - see policy_query.h. */
#include "app/policy_query.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"

/* ---- printing ----------------------------------------------------------- */

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
        if (closes &&
            !(i > 0 && (json.p[i - 1] == '{' || json.p[i - 1] == '[')))
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

/* One solution: its bindings are left out if it has none. */
static void write_result(struct json_out *o, const struct value *v,
                         struct arena *a)
{
    static const char *const names[] = {"expressions", "bindings"};
    json_obj(o);
    for (int i = 0; i < 2; i++) {
        const struct value *part = value_get_str(v, slice_str(names[i]));
        if (part == NULL || part->n == 0)
            continue;
        json_key(o, names[i]);
        json_raw(o, value_json_arena(a, part));
    }
    json_obj_end(o);
}

static void print_results(const struct value *all, struct arena *a)
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
            write_result(&o, &all->u.v[i], a);
        json_arr_end(&o);
    }
    json_obj_end(&o);
    query_print_json(buf_get(&b));
    buf_release(&b);
}

bool query_print(const struct rego_policy *p, struct slice text,
                 const struct query_job *j, struct arena *scratch)
{
    struct rego_error *errors = NULL, e = {.code = NULL};
    const struct rego_limits limits = {.strict = j->strict};
    struct value all;
    struct rego_query *q = rego_prepare(p, text, scratch, &errors);
    if (q == NULL) {
        query_print_errors(errors);
        return false;
    }
    bool ok = rego_eval_shown(q, j->input, scratch, &limits, &all, &e) == OK;
    if (ok)
        print_results(&all, scratch);
    else
        query_print_errors(&e);
    rego_query_free(&q);
    return ok;
}

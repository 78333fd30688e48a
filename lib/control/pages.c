/* pages.c - sign-in, "your keys" and reports as a browser opens them.
 *
 * The pages are files in the binary with {{name}} where a value goes; every
 * value is escaped, there is no way to put markup in.  All else on them is
 * filled by their script from JSON, as text.
 */
#include <assert.h>

#include "assets/pages.h"
#include "control/control.h"
#include "control/handlers.h"
#include "control/visitor.h"
#include "http/header.h"
#include "http/query.h"

#define CSP                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; " \
    "img-src 'self'; connect-src 'self'; form-action 'self'; "  \
    "base-uri 'none'; frame-ancestors 'none'"

struct value {
    const char *name;
    struct slice text;
};

static void add_field(struct request *r, struct slice name, struct slice value)
{
    r->extra[r->extra_count++] = (struct http_field){name, value};
}

static void go(struct request *r, int status, struct slice where)
{
    r->status = status;
    buf_clear(&r->out);
    r->content_type = "text/plain; charset=utf-8";
    add_field(r, SLICE("Location"), where);
}

static void escape(struct buf *b, struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        switch (s.p[i]) {
        case '&':
            buf_str(b, "&amp;");
            break;
        case '<':
            buf_str(b, "&lt;");
            break;
        case '>':
            buf_str(b, "&gt;");
            break;
        case '"':
            buf_str(b, "&quot;");
            break;
        case '\'':
            buf_str(b, "&#39;");
            break;
        default:
            buf_char(b, s.p[i]);
        }
}

/* Copies a page, each {{name}} replaced by its escaped value or by nothing. */
static void fill(struct buf *out, struct slice page, const struct value *v,
                 int n)
{
    while (page.n > 0) {
        size_t at = slice_find(page, '{');
        bool open = at + 1 < page.n && page.p[at + 1] == '{';
        if (!open) {
            size_t take = at < page.n ? at + 1 : page.n;
            buf_add(out, page.p, take);
            page = slice_skip(page, take);
            continue;
        }
        buf_add(out, page.p, at);
        page = slice_skip(page, at + 2);
        size_t end = slice_find(page, '}');
        struct slice name = slice(page.p, end);
        for (int i = 0; i < n; i++)
            if (slice_is(name, v[i].name))
                escape(out, v[i].text);
        page = slice_skip(page, end + 2);
    }
}

static void show(struct request *r, const char *file, const struct value *v,
                 int n)
{
    struct pages_file f = {0};
    bool found = pages_find(slice_str(file), &f);
    assert(found);
    buf_clear(&r->out);
    r->content_type = f.type;
    add_field(r, SLICE("Content-Security-Policy"), SLICE(CSP));
    add_field(r, SLICE("Referrer-Policy"), SLICE("same-origin"));
    fill(&r->out, f.body, v, n);
}

/* False, and 404 answered, where self-service is off. */
static bool on(struct request *r)
{
    if (visitor_on(control_conf(r->control)->config))
        return true;
    request_detail(r, 404, "Not found");
    return false;
}

static struct slice to_login(struct request *r)
{
    struct slice s =
        arena_printf(&r->arena, "/login?next=%.*s", SLICE_FMT(r->path));
    return s.p != NULL ? s : SLICE("/login");
}

void pages_asset(struct request *r)
{
    struct pages_file f;
    if (!pages_find(r->param[0], &f) ||
        slice_ends(slice_str(f.name), ".html")) {
        request_detail(r, 404, "Not found");
        return;
    }
    buf_clear(&r->out);
    buf_slice(&r->out, f.body);
    r->content_type = f.type;
    add_field(r, SLICE("Content-Security-Policy"), SLICE(CSP));
}

/* ---- signing in and out ------------------------------------------------- */

static void show_form(struct request *r, struct slice next)
{
    const struct value v[] = {{"next", next}};
    show(r, "login.html", v, 1);
}

void pages_login(struct request *r)
{
    struct slice next = visitor_next(request_query(r, "next"));
    if (!on(r))
        return;
    if (r->user.p != NULL)
        go(r, 302, next);
    else
        show_form(r, next);
}

/* A field of a form's body; .p NULL: not there. */
static struct slice form_field(struct request *r, const char *name)
{
    struct slice rest = r->body, n, v;
    while (query_next(&rest, &n, &v, &r->arena))
        if (slice_is(n, name))
            return v;
    return (struct slice){NULL, 0};
}

void pages_sign_in(struct request *r)
{
    if (!on(r))
        return;
    if (r->body.n > 0 &&
        !header_media_is(r->media, "application/x-www-form-urlencoded")) {
        request_detail(r, 415, "Unsupported Media Type");
        return;
    }
    struct slice name = slice_trim(form_field(r, "username"));
    if (name.n == 0) {
        request_detail(r, 400, "username is required");
        return;
    }
    if (!visitor_name_ok(name)) {
        request_detail(r, 400, "Invalid username");
        return;
    }
    go(r, 303, visitor_next(form_field(r, "next")));
    add_field(r, SLICE("Set-Cookie"), visitor_cookie(r, name));
}

void pages_sign_out(struct request *r)
{
    if (!on(r))
        return;
    go(r, 303, SLICE("/login"));
    add_field(r, SLICE("Set-Cookie"), visitor_cookie(r, SLICE("")));
}

/* ---- pages -------------------------------------------------------------- */

static void show_keys(struct request *r)
{
    const struct value v[] = {{"user", r->user}};
    show(r, "keys.html", v, 1);
}

void pages_home(struct request *r)
{
    if (!visitor_on(control_conf(r->control)->config))
        go(r, 302, SLICE("/dashboard"));
    else if (r->user.p == NULL)
        go(r, 302, to_login(r));
    else
        show_keys(r);
}

void pages_keys(struct request *r)
{
    if (!on(r))
        return;
    if (r->user.p == NULL)
        go(r, 302, to_login(r));
    else
        show_keys(r);
}

void pages_reports(struct request *r)
{
    bool service = visitor_on(control_conf(r->control)->config);
    bool user = service && r->user.p != NULL;
    const struct value v[] = {{"user", user ? r->user : SLICE("admin")}};
    if (user || r->is_admin)
        show(r, "reports.html", v, 1);
    else // an admin without a cookie signs in at the dashboard
        go(r, 302, service ? to_login(r) : SLICE("/dashboard"));
}

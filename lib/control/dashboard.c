/* dashboard.c - the single-page app: one page for every deep link, and its
 * files.
 *
 * The page carries nothing but one word: whether this browser is signed in, so
 * that the script need not ask (and draw a 401) to find out.  What it shows
 * comes from the admin routes.  Assets are named by their content and kept for
 * good by the browser; the page is asked for each time.
 */
#include <assert.h>

#include "assets/web.h"
#include "control/control.h"
#include "control/handlers.h"
#include "control/session.h"
#include "http/header.h"

#define CSP                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; " \
    "img-src 'self'; font-src 'self'; connect-src 'self'; "     \
    "manifest-src 'self'; form-action 'self'; "                 \
    "base-uri 'none'; frame-ancestors 'none'"

static void add_field(struct request *r, struct slice name, struct slice value)
{
    r->extra[r->extra_count++] = (struct http_field){name, value};
}

static void add_policy(struct request *r)
{
    add_field(r, SLICE("Content-Security-Policy"), SLICE(CSP));
    add_field(r, SLICE("Referrer-Policy"), SLICE("same-origin"));
}

/* Links of the app are made of these only; all else goes into the query. */
static bool is_link(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return true;
}

void dashboard_page(struct request *r)
{
    struct web_file f;
    char csrf[SESSION_CSRF];
    int64_t expires_ms;
    if (slice_is(r->param[0], "assets") || !is_link(r->param[0]) ||
        !is_link(r->param[1])) {
        request_fail(r, 404, "Not found", "not_found");
        return;
    }
    bool found = web_find(SLICE("index.html"), &f);
    assert(found);
    bool in = session_look(control_sessions(r->control), r->cookie, r->now_ms,
                           &expires_ms, csrf);
    static const char mark[] = "data-session=\"";
    size_t at = 0;
    while (!slice_starts(slice_skip(f.body, at), mark))
        at++;
    at += sizeof mark - 1;
    r->content_type = f.type;
    add_policy(r);
    buf_clear(&r->out);
    buf_add(&r->out, f.body.p, at);
    buf_str(&r->out, in ? "in" : "out");
    buf_slice(&r->out, slice_skip(f.body, at));
}

/* If-None-Match by weak comparison: the tag, or "*". */
static bool has_etag(struct slice fields, const char *etag)
{
    while (fields.p != NULL && fields.n > 0) {
        struct slice one = slice_trim(slice_cut(&fields, ','));
        if (slice_starts(one, "W/"))
            one = slice_skip(one, 2);
        if (slice_is(one, etag) || slice_is(one, "*"))
            return true;
    }
    return false;
}

void dashboard_asset(struct request *r)
{
    struct web_file f;
    if (!web_find(r->param[0], &f) || slice_ends(slice_str(f.name), ".html")) {
        request_fail(r, 404, "Not found", "not_found");
        return;
    }
    r->content_type = f.type;
    r->cache_control =
        f.hashed ? "public, max-age=31536000, immutable" : "no-cache";
    add_policy(r);
    add_field(r, SLICE("ETag"), slice_str(f.etag));
    add_field(r, SLICE("Vary"), SLICE("Accept-Encoding"));
    buf_clear(&r->out);
    if (has_etag(r->if_none_match, f.etag))
        r->status = 304;
    else if (f.gzip.n > 0 && request_takes_gzip(r)) {
        add_field(r, SLICE("Content-Encoding"), SLICE("gzip"));
        buf_slice(&r->out, f.gzip);
    } else
        buf_slice(&r->out, f.body);
}

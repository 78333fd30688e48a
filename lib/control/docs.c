/* docs.c - the API browser and the document it shows.
 *
 * Open to anybody and the same for everybody: no secret is in any of it.
 * Swagger UI sets styles from script only, so the policy needs no
 * 'unsafe-inline'; its pictures are data: URLs within its style sheet.
 */
#include "assets/docs.h"
#include "control/control.h"
#include "control/handlers.h"
#include "http/inflate.h"

#define CSP                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; " \
    "img-src 'self' data:; connect-src 'self'; "                \
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

static void add_field(struct request *r, struct slice name, struct slice value)
{
    r->extra[r->extra_count++] = (struct http_field){name, value};
}

static enum status take(void *arg, const char *p, size_t n)
{
    struct buf *out = arg;
    buf_add(out, p, n);
    return out->failed ? E_TOO_BIG : OK;
}

static void serve(struct request *r, struct slice name)
{
    struct docs_file f;
    if (!docs_find(name, &f)) {
        request_fail(r, 404, "Not found", "not_found");
        return;
    }
    add_field(r, SLICE("Content-Security-Policy"), SLICE(CSP));
    add_field(r, SLICE("Referrer-Policy"), SLICE("same-origin"));
    add_field(r, SLICE("Vary"), SLICE("Accept-Encoding"));
    r->content_type = f.type;
    r->cache_control = "no-cache";
    buf_clear(&r->out);
    if (request_takes_gzip(r)) {
        add_field(r, SLICE("Content-Encoding"), SLICE("gzip"));
        buf_slice(&r->out, f.gzip);
        return;
    }
    struct inflate *z = inflate_new(INFLATE_GZIP);
    enum status st = inflate_feed(z, f.gzip.p, f.gzip.n, take, &r->out);
    inflate_free(&z);
    if (st != OK)
        request_fail(r, 500, "Internal server error", "internal");
}

void docs_page(struct request *r)
{
    serve(r, SLICE("docs.html"));
}

void docs_asset(struct request *r)
{
    serve(r, slice_is(r->param[0], "docs.html") ? SLICE("") : r->param[0]);
}

void docs_redoc(struct request *r)
{
    r->status = 302;
    add_field(r, SLICE("Location"), SLICE("/docs"));
    buf_clear(&r->out);
}

void docs_openapi(struct request *r)
{
    buf_clear(&r->out);
    buf_slice(&r->out, control_openapi(r->control));
}

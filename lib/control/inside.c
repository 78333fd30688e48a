/* inside.c - see inside.h. */
#include "control/inside.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/money.h"
#include "control/routes.h"

#define ARENA_MAX (64u << 20)
#define ANSWER_MAX (256u << 20)

static bool on_piece(struct request *r, const char *p, size_t n)
{
    buf_add(&r->out, p, n);
    return !r->out.failed;
}

/* Parameters as numbers; false: answered. */
static bool read_params(const struct control_route *route, struct request *r)
{
    for (int i = 0; i < REQUEST_PARAMS && r->param[i].p != NULL; i++) {
        const char *text = routes_param_error(route, i);
        bool ok = money_scan(r->param[i], 0, &r->id[i]) && r->id[i] > 0;
        if (!ok && text != NULL) {
            request_fail(r, 400, text, "invalid_id");
            return false;
        }
    }
    return true;
}

static bool read_body(struct request *r, struct slice body)
{
    struct json *v = NULL;
    struct err err;
    r->body = body;
    if (body.n == 0)
        return true;
    if (json_parse(&r->arena, body, &v, &err) != OK || v->type != JSON_OBJECT) {
        request_invalid(r, "body", "must be object");
        return false;
    }
    r->json = v;
    r->is_json = true;
    return true;
}

int inside_call(struct control *c, struct slice method, struct slice path,
                struct slice query, struct slice body, struct buf *out)
{
    char allow[64] = "";
    struct request *r = xcalloc(1, sizeof *r);
    arena_init(&r->arena, ARENA_MAX);
    buf_init(&r->out, ANSWER_MAX);
    r->control = c;
    r->status = 200;
    r->now_ms = clock_now_ms();
    r->method = method;
    r->path = path;
    if (query.n > 0)
        r->query = query;
    r->source_ip = SLICE("127.0.0.1");
    r->is_admin = true;
    r->send = on_piece;
    const struct control_route *route =
        routes_find(method, path, r->param, allow);
    if (route == NULL)
        request_fail(r, 404, "Not found", "not_found");
    else if (read_params(route, r) && read_body(r, body))
        route->handler(r);
    buf_slice(out, buf_get(&r->out));
    int status = r->status;
    buf_release(&r->out);
    arena_release(&r->arena);
    free(r);
    return status;
}

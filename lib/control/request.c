/* request.c - see request.h. */
#include "control/request.h"

#include "base/crypt.h"
#include "base/log.h"
#include "base/money.h"
#include "http/query.h"

void request_json(struct request *r, struct json_out *o)
{
    buf_clear(&r->out);
    json_out_init(o, &r->out);
}

void request_detail(struct request *r, int status, const char *text)
{
    struct json_out o;
    request_json(r, &o);
    r->status = status;
    json_obj(&o);
    json_kstr(&o, "detail", slice_str(text));
    json_obj_end(&o);
}

/* B's shape; the id is only for people who compare notes. */
static void fail_brief(struct request *r, int status, const char *text)
{
    struct json_out o;
    uint8_t id[4];
    char hex[2 * sizeof id + 1];
    crypt_random(id, sizeof id);
    crypt_hex(id, sizeof id, hex);
    request_json(r, &o);
    r->status = status;
    json_obj(&o);
    json_kstr(&o, "message", slice_str(text));
    json_kstr(&o, "requestId", slice_str(hex));
    json_kstr(&o, "status", SLICE("error"));
    json_obj_end(&o);
}

void request_fail(struct request *r, int status, const char *text,
                  const char *code)
{
    struct json_out o;
    if (r->brief) {
        fail_brief(r, status, text);
        return;
    }
    if (r->detail) {
        request_detail(r, status, text);
        return;
    }
    request_json(r, &o);
    r->status = status;
    json_obj(&o);
    json_kstr(&o, "error", slice_str(text));
    json_kstr(&o, "code", slice_str(code));
    json_obj_end(&o);
}

void request_invalid(struct request *r, const char *where, const char *what)
{
    struct json_out o;
    if (r->brief) {
        struct slice brief = arena_printf(&r->arena, "%s %s", where, what);
        fail_brief(r, 400, brief.p != NULL ? brief.p : what);
        return;
    }
    request_json(r, &o);
    r->status = 400;
    json_obj(&o);
    json_knum(&o, "statusCode", 400);
    json_kstr(&o, "code", SLICE("FST_ERR_VALIDATION"));
    json_kstr(&o, "error", SLICE("Bad Request"));
    struct slice text = arena_printf(&r->arena, "%s %s", where, what);
    json_kstr(&o, "message", text.p != NULL ? text : slice_str(what));
    json_obj_end(&o);
}

void request_fault(struct request *r, enum status st, const struct err *err)
{
    log_line(LOG_ERROR, "request failed", LF_S("path", r->path),
             LF_C("status", err_name(st)), LF_C("error", err->text));
    if (st == E_IO || st == E_BUSY || st == E_TOO_BIG || st == E_TIMEOUT)
        request_fail(r, 503, "Service unavailable", "storage_unavailable");
    else
        request_fail(r, 500, "Internal server error", "internal");
}

struct slice request_query(struct request *r, const char *name)
{
    if (r->query.p == NULL)
        return (struct slice){NULL, 0};
    return query_find(r->query, name, &r->arena);
}

bool request_query_int(struct request *r, const char *name, int64_t min,
                       int64_t max, int64_t dflt, int64_t *out)
{
    struct slice s = request_query(r, name);
    *out = dflt;
    if (s.p == NULL || s.n == 0)
        return true;
    struct slice where = arena_printf(&r->arena, "querystring/%s", name);
    struct slice what = {NULL, 0};
    if (!money_scan(s, 0, out))
        what = SLICE("must be integer");
    else if (*out < min)
        what = arena_printf(&r->arena, "must be >= %lld", (long long)min);
    else if (*out > max)
        what = arena_printf(&r->arena, "must be <= %lld", (long long)max);
    if (what.p == NULL)
        return true;
    request_invalid(r, where.p, what.p);
    return false;
}

bool request_takes_gzip(const struct request *r)
{
    struct slice accepts = r->accept_encoding;
    while (accepts.p != NULL && accepts.n > 0) {
        struct slice params = slice_cut(&accepts, ',');
        struct slice coding = slice_trim(slice_cut(&params, ';'));
        if (!slice_eq_nocase(coding, SLICE("gzip")))
            continue;
        struct slice q = params.p != NULL ? slice_trim(params) : SLICE("");
        return !(slice_is(q, "q=0") || slice_starts(q, "q=0.0"));
    }
    return false;
}

struct slice request_number(const struct json *v, bool *wrong)
{
    int64_t n;
    *wrong = false;
    if (v == NULL || v->type == JSON_NULL)
        return (struct slice){NULL, 0};
    if (v->type == JSON_NUMBER)
        return v->text;
    // a decimal string counts as a number; money_scan judges its digits
    if (v->type == JSON_STRING && v->text.n > 0 &&
        (money_scan(v->text, 9, &n) || money_scan(v->text, 0, &n)))
        return v->text;
    *wrong = true;
    return (struct slice){NULL, 0};
}

/* control.c - from the loop to a handler and back.
 *
 * A request is received on its loop, authenticated before anything else is
 * looked at, and handed to the pool.  The handler's answer comes back to the
 * loop as a message.  Streamed answers come in blocks: the pool thread waits
 * until the loop has taken a block to the client's socket.
 *
 * Ownership: a job is shared by loop and pool thread by two references; it is
 * freed on the loop only (the arena and the answer belong to whoever runs).
 *
 * Locking: `lock` of a job guards `queued`, `gone` and `want`, which both
 * sides use while a handler streams.
 */
#include "control/control.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/crypt.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/bucket.h"
#include "control/integrity.h"
#include "control/job.h"
#include "control/openapi.h"
#include "control/pool.h"
#include "control/request.h"
#include "control/routes.h"
#include "control/session.h"
#include "control/traffic.h"
#include "control/visitor.h"
#include "control/who.h"
#include "guard/limit.h"
#include "http/inflate.h"
#include "http/query.h"
#include "ledger/rows.h"
#include "net/loop.h"

#define BODY_MAX (1u << 20)
#define ARENA_MAX (64u << 20)
#define ANSWER_MAX (64u << 20)
#define STREAM_HIGH (256u << 10)
#define JOBS_MAX 1024

const struct actor control_admin = {{"admin", 5}};

const struct control_conf *control_conf(const struct control *c)
{
    return &c->conf;
}

struct sessions *control_sessions(struct control *c)
{
    return c->sessions;
}

struct integrity *control_integrity(struct control *c)
{
    return c->integrity;
}

struct slice control_openapi(const struct control *c)
{
    return buf_get(&c->openapi);
}

const struct traffic *control_traffic(const struct control *c)
{
    return c->traffic;
}

struct buckets *control_buckets(struct control *c, bool ingest)
{
    return ingest ? c->ingest_buckets : c->admin_buckets;
}

struct slice job_field(const struct job *j, const char *name)
{
    return header_find(j->head->fields, j->head->field_count, name);
}

/* ---- answers ------------------------------------------------------------ */

static int common_fields(const struct job *j, struct http_field *f)
{
    int n = 0;
    f[n++] =
        (struct http_field){SLICE("Content-Type"),
                            slice_str(j->r.content_type != NULL
                                          ? j->r.content_type
                                          : "application/json; charset=utf-8")};
    f[n++] = (struct http_field){SLICE("Cache-Control"),
                                 slice_str(j->r.cache_control != NULL
                                               ? j->r.cache_control
                                               : "no-store")};
    f[n++] =
        (struct http_field){SLICE("X-Content-Type-Options"), SLICE("nosniff")};
    for (int i = 0; i < j->r.extra_count; i++)
        f[n++] = j->r.extra[i];
    return n;
}

/* CORS for listed origins (contract 1.9). */
static int cors_fields(const struct job *j, struct http_field *f, int n)
{
    struct slice origin =
        j->head != NULL
            ? header_find(j->head->fields, j->head->field_count, "origin")
            : (struct slice){NULL, 0};
    struct slice rest = slice_str(j->c->conf.config->allowed_origins);
    if (j->r.detail || slice_is(j->r.path, "/ingest"))
        return n; // C's paths are for this origin's pages; ingest has none
    while (origin.p != NULL && rest.p != NULL && rest.n > 0) {
        struct slice o = slice_trim(slice_cut(&rest, ','));
        if (!slice_is(o, "*") && !slice_eq(o, origin))
            continue;
        f[n++] = (struct http_field){SLICE("Access-Control-Allow-Origin"),
                                     slice_is(o, "*") ? o : origin};
        f[n++] = (struct http_field){SLICE("Vary"), SLICE("Origin")};
        break;
    }
    return n;
}

static void note(struct job *j)
{
    j->answered = true;
    if (j->route != NULL)
        traffic_note(j->c->traffic, routes_index(j->route), j->r.status,
                     clock_mono_us() - j->since_us);
}

static void answer(struct job *j)
{
    struct http_field f[16];
    if (j->answered || j->stream == NULL)
        return;
    note(j);
    int n = cors_fields(j, f, common_fields(j, f));
    stream_respond(j->stream, j->r.status, f, n, buf_get(&j->r.out));
}

static void not_found(struct job *j)
{
    struct json_out o;
    if (j->r.brief) {
        request_fail(&j->r, 404, "Not found", "not_found");
        return;
    }
    j->r.status = 404;
    request_json(&j->r, &o);
    json_obj(&o);
    struct slice text =
        arena_printf(&j->r.arena, "Route %.*s:%.*s not found",
                     SLICE_FMT(j->r.method), SLICE_FMT(j->r.path));
    json_kstr(&o, "message", text.p != NULL ? text : SLICE("Not found"));
    json_kstr(&o, "error", SLICE("Not Found"));
    json_knum(&o, "statusCode", 404);
    json_obj_end(&o);
}

/* ---- the job's life ----------------------------------------------------- */

static void job_maybe_free(struct job *j)
{
    if (j->stream != NULL || j->running)
        return;
    inflate_free(&j->inflate);
    buf_release(&j->body);
    buf_release(&j->block);
    buf_release(&j->r.out);
    arena_release(&j->r.arena);
    (void)pthread_cond_destroy(&j->taken);
    (void)pthread_mutex_destroy(&j->lock);
    free(j);
}

/* On the loop: takes what the handler has for it. */
static void deliver(void *arg)
{
    struct job *j = arg;
    struct buf block;
    if (j->stream != NULL && j->begun &&
        stream_queued(j->stream) > STREAM_HIGH) {
        j->stalled = true; // on_writable comes back here
        return;
    }
    (void)pthread_mutex_lock(&j->lock);
    block = j->block;
    buf_init(&j->block, STREAM_HIGH * 4);
    j->posted = false;
    bool finished = j->finished;
    (void)pthread_mutex_unlock(&j->lock);
    if (block.n > 0 && j->stream != NULL) {
        if (!j->begun) {
            struct http_field f[16];
            int n = cors_fields(j, f, common_fields(j, f));
            stream_begin(j->stream, j->r.status, f, n);
            j->begun = true;
            note(j);
        }
        stream_write(j->stream, block.p, block.n);
    }
    buf_release(&block);
    (void)pthread_mutex_lock(&j->lock);
    (void)pthread_cond_signal(&j->taken);
    (void)pthread_mutex_unlock(&j->lock);
    if (!finished)
        return;
    j->running = false;
    if (j->stream != NULL && j->begun)
        stream_end(j->stream);
    else
        answer(j);
    job_maybe_free(j);
}

static void post(struct job *j)
{
    if (j->posted)
        return;
    j->posted = true;
    j->msg = (struct loop_msg){.fn = deliver, .arg = j};
    loop_post(j->loop, &j->msg);
}

/* On the pool thread: one block of a streamed answer. */
static bool job_send(struct request *r, const char *p, size_t n)
{
    struct job *j = r->send_arg;
    (void)pthread_mutex_lock(&j->lock);
    r->streamed = true;
    while (!j->gone && j->block.n > STREAM_HIGH)
        (void)pthread_cond_wait(&j->taken, &j->lock);
    buf_add(&j->block, p, n);
    bool ok = !j->gone && !j->block.failed;
    post(j);
    (void)pthread_mutex_unlock(&j->lock);
    return ok;
}

static void run(void *arg)
{
    struct job *j = arg;
    j->route->handler(&j->r);
    (void)pthread_mutex_lock(&j->lock);
    j->finished = true;
    post(j);
    (void)pthread_mutex_unlock(&j->lock);
}

/* ---- before the handler ------------------------------------------------- */

static void framework_error(struct job *j, int status, const char *code,
                            const char *text)
{
    struct json_out o;
    if (j->r.detail) {
        request_detail(&j->r, status, text);
        return;
    }
    if (j->r.brief) {
        bool body = status == 400 || status == 415;
        request_fail(&j->r, body ? 400 : status,
                     body ? "JSON body required" : text, code);
        return;
    }
    request_json(&j->r, &o);
    j->r.status = status;
    json_obj(&o);
    json_knum(&o, "statusCode", status);
    json_kstr(&o, "code", slice_str(code));
    json_kstr(&o, "error",
              status == 413   ? SLICE("Payload Too Large")
              : status == 415 ? SLICE("Unsupported Media Type")
                              : SLICE("Bad Request"));
    json_kstr(&o, "message", slice_str(text));
    json_obj_end(&o);
}

static bool parse_body(struct job *j)
{
    struct err err;
    struct json *v;
    struct slice type = job_field(j, "content-type");
    bool json = header_media_is(type, "application/json");
    j->r.body = buf_get(&j->body);
    j->r.is_json = json;
    if (j->r.detail || j->route->auth == AUTH_INGEST ||
        j->route->handler == ingest_log) // the handler knows what it wants
        return true;
    if (j->r.body.n == 0) {
        if (!json || slice_is(j->r.method, "GET") ||
            slice_is(j->r.method, "DELETE") || slice_is(j->r.method, "PATCH"))
            return true;
        if (j->route->handler == keys_create)
            return true;
        framework_error(j, 400, "FST_ERR_CTP_EMPTY_JSON_BODY",
                        "Body cannot be empty when content-type is set to "
                        "'application/json'");
        return false;
    }
    if (slice_is(j->r.method, "GET") || slice_is(j->r.method, "HEAD"))
        return true;
    if (!json) {
        framework_error(j, 415, "FST_ERR_CTP_INVALID_MEDIA_TYPE",
                        "Unsupported Media Type");
        return false;
    }
    if (json_parse(&j->r.arena, j->r.body, &v, &err) != OK) {
        framework_error(j, 400, "FST_ERR_CTP_INVALID_JSON_BODY",
                        "Body is not valid JSON");
        return false;
    }
    if (v->type != JSON_OBJECT) {
        request_invalid(&j->r, "body", "must be object");
        return false;
    }
    j->r.json = v;
    return true;
}

/* Parameters that must be ids are. */
static bool check_params(struct job *j)
{
    for (int i = 0; i < REQUEST_PARAMS && j->r.param[i].p != NULL; i++) {
        const char *text = routes_param_error(j->route, i);
        struct slice s = query_decode(j->r.param[i], false, &j->r.arena);
        j->r.param[i] = s.p != NULL ? s : j->r.param[i];
        bool digits = s.p != NULL && s.n > 0 && s.n < 19;
        for (size_t k = 0; digits && k < s.n; k++)
            digits = s.p[k] >= '0' && s.p[k] <= '9';
        bool ok = digits && money_scan(s, 0, &j->r.id[i]) && j->r.id[i] > 0;
        if (!ok && text != NULL) {
            request_fail(&j->r, 400, text, "invalid_id");
            return false;
        }
    }
    return true;
}

static void start(struct job *j)
{
    if (!parse_body(j) || !check_params(j)) {
        answer(j);
        return;
    }
    j->r.send = job_send;
    j->r.send_arg = j;
    j->running = true;
    if (pool_run(j->c->pool, run, j) == OK)
        return;
    j->running = false;
    request_fail(&j->r, 503, "Service unavailable", "busy");
    answer(j);
}

static bool preflight(struct job *j)
{
    if (!slice_is(j->r.method, "OPTIONS") || job_field(j, "origin").p == NULL)
        return false;
    struct http_field f[8];
    int n = cors_fields(j, f, 0);
    if (n > 0) {
        f[n++] = (struct http_field){SLICE("Access-Control-Allow-Methods"),
                                     SLICE("GET, POST, PUT, PATCH, DELETE")};
        f[n++] = (struct http_field){
            SLICE("Access-Control-Allow-Headers"),
            SLICE("Content-Type, X-Admin-Key, X-Admin-Token, X-API-Key, "
                  "X-CSRF-Token")};
    }
    j->answered = true;
    stream_respond(j->stream, 204, f, n, SLICE(""));
    return true;
}

/* ---- net's callbacks ---------------------------------------------------- */

static struct job *job_new(struct control *c, struct stream *s,
                           const struct http_head *h)
{
    struct job *j = xcalloc(1, sizeof *j);
    (void)pthread_mutex_init(&j->lock, NULL);
    (void)pthread_cond_init(&j->taken, NULL);
    arena_init(&j->r.arena, ARENA_MAX);
    buf_init(&j->r.out, ANSWER_MAX);
    buf_init(&j->body, BODY_MAX);
    buf_init(&j->block, STREAM_HIGH * 4);
    j->c = c;
    j->stream = s;
    j->head = h;
    j->loop = stream_loop(s);
    stream_marks(s, STREAM_HIGH / 2);
    j->r.control = c;
    j->r.status = 200;
    j->r.now_ms = clock_now_ms();
    j->since_us = clock_mono_us();
    j->r.method = arena_dup(&j->r.arena, h->method);
    j->r.path = arena_dup(&j->r.arena, h->path);
    if (h->query.p != NULL)
        j->r.query = arena_dup(&j->r.arena, h->query);
    j->r.media = arena_dup(&j->r.arena, job_field(j, "content-type"));
    j->r.source_ip = arena_dup(
        &j->r.arena,
        header_source(slice_str(h->peer), job_field(j, "x-forwarded-for"),
                      c->conf.trusted, c->conf.trusted_count));
    return j;
}

/* B's paths, whether there is such a route or not. */
static bool is_brief(struct slice path)
{
    static const char *const roots[] = {"/data",  "/models", "/ingest",
                                        "/reset", "/log",    "/keys"};
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        size_t n = strlen(roots[i]);
        if (slice_starts(path, roots[i]) && (path.n == n || path.p[n] == '/'))
            return true;
    }
    return false;
}

/* What handlers read of the head. */
static void copy_fields(struct job *j)
{
    static const char *const keys[] = {"x-openai-key", "x-anthropic-key",
                                       "x-google-api-key"};
    struct arena *a = &j->r.arena;
    j->r.accept = arena_dup(a, job_field(j, "accept"));
    j->r.accept_encoding = arena_dup(a, job_field(j, "accept-encoding"));
    j->r.if_none_match = arena_dup(a, job_field(j, "if-none-match"));
    for (int i = 0; i < 3; i++)
        j->r.provider_key[i] = arena_dup(a, job_field(j, keys[i]));
    if (j->r.provider_key[0].n == 0)
        j->r.provider_key[0] = arena_dup(a, job_field(j, "openai-key"));
}

static void *on_head(void *server, struct stream *s, const struct http_head *h)
{
    struct job *j = job_new(server, s, h);
    enum inflate_kind kind;
    j->r.detail = visitor_path(j->r.path);
    j->r.secure = h->tls;
    j->r.cookie =
        arena_dup(&j->r.arena, session_cookie(h->fields, h->field_count));
    copy_fields(j);
    j->r.brief = is_brief(j->r.path);
    if (preflight(j))
        return j;
    j->route = routes_find(j->r.method, j->r.path, j->r.param, j->allow);
    if (j->route != NULL)
        j->r.detail =
            j->route->auth == AUTH_KEYS || j->route->auth == AUTH_VISITOR;
    struct slice coding = job_field(j, "content-encoding");
    if (j->route == NULL && j->allow[0] != '\0') {
        request_fail(&j->r, 405, "Method not allowed", "method_not_allowed");
        j->r.extra[j->r.extra_count++] =
            (struct http_field){SLICE("Allow"), slice_str(j->allow)};
    } else if (j->route == NULL)
        not_found(j);
    else if (j->route->auth == AUTH_QUICK)
        j->route->handler(&j->r);
    else if (!who_may(j))
        ; // the answer is made
    else if (h->content_length > (int64_t)BODY_MAX)
        framework_error(j, 413, "FST_ERR_CTP_BODY_TOO_LARGE",
                        "Request body is too large");
    else if (coding.n > 0 && !slice_eq_nocase(coding, SLICE("identity")) &&
             !inflate_kind_of(coding, &kind))
        framework_error(j, 415, "FST_ERR_CTP_INVALID_MEDIA_TYPE",
                        "Unsupported Media Type");
    else {
        if (coding.n > 0 && !slice_eq_nocase(coding, SLICE("identity")))
            j->inflate = inflate_new(kind);
        return j;
    }
    answer(j);
    return j;
}

static enum status add_body(void *arg, const char *p, size_t n)
{
    struct job *j = arg;
    buf_add(&j->body, p, n);
    return j->body.failed ? E_TOO_BIG : OK;
}

static bool on_body(void *arg, const char *p, size_t n)
{
    struct job *j = arg;
    if (j->answered)
        return true;
    enum status st = j->inflate != NULL
                         ? inflate_feed(j->inflate, p, n, add_body, j)
                         : add_body(j, p, n);
    if (st == E_TOO_BIG)
        framework_error(j, 413, "FST_ERR_CTP_BODY_TOO_LARGE",
                        "Request body is too large");
    else if (st != OK)
        framework_error(j, 400, "FST_ERR_CTP_INVALID_JSON_BODY",
                        "Body cannot be decoded");
    if (st != OK)
        answer(j);
    return true;
}

static void on_end(void *arg)
{
    struct job *j = arg;
    if (!j->answered)
        start(j);
}

static void on_writable(void *arg)
{
    struct job *j = arg;
    if (j->stalled) {
        j->stalled = false;
        deliver(j);
    }
}

static void mark_gone(struct job *j)
{
    (void)pthread_mutex_lock(&j->lock);
    j->gone = true;
    (void)pthread_cond_signal(&j->taken);
    (void)pthread_mutex_unlock(&j->lock);
}

static void on_gone(void *arg)
{
    mark_gone(arg);
}

static void on_close(void *arg, bool complete)
{
    struct job *j = arg;
    (void)complete;
    mark_gone(j);
    j->stream = NULL;
    j->head = NULL;
    if (j->stalled) {
        j->stalled = false;
        deliver(j);
    } else
        job_maybe_free(j);
}

const struct stream_ops control_ops = {on_head,     on_body, on_end,
                                       on_writable, on_gone, on_close};

/* ---- life --------------------------------------------------------------- */

static void make_openapi(struct control *c)
{
    struct arena a;
    arena_init(&a, ARENA_MAX);
    buf_init(&c->openapi, ANSWER_MAX);
    openapi_write(&a, &c->openapi);
    arena_release(&a);
}

enum status control_new(const struct control_conf *conf, struct control **out,
                        struct err *err)
{
    struct control *c = xcalloc(1, sizeof *c);
    c->conf = *conf;
    c->integrity = integrity_new();
    int routes;
    (void)routes_all(&routes);
    c->traffic = traffic_new(routes);
    make_openapi(c);
    c->failures = limit_new((int)conf->config->auth_fail_per_min);
    c->admin_buckets = buckets_new(conf->config->rate_limit_rpm,
                                   conf->config->rate_limit_burst);
    c->ingest_buckets =
        buckets_new(conf->config->ingest_rpm, conf->config->ingest_burst);
    enum status st = sessions_new(conf->db, conf->secret, conf->started_ms,
                                  &c->sessions, err);
    if (st == OK)
        st = pool_new(conf->threads, JOBS_MAX, &c->pool, err);
    if (st != OK)
        control_free(&c);
    *out = c;
    return st;
}

void control_free(struct control **cp)
{
    struct control *c = *cp;
    *cp = NULL;
    if (c == NULL)
        return;
    integrity_stop(c->integrity);
    if (c->pool != NULL)
        pool_free(&c->pool);
    integrity_free(&c->integrity);
    limit_free(&c->failures);
    sessions_free(&c->sessions);
    traffic_free(&c->traffic);
    buf_release(&c->openapi);
    buckets_free(&c->admin_buckets);
    buckets_free(&c->ingest_buckets);
    free(c);
}

enum status control_run(struct control *c, void (*fn)(void *arg), void *arg)
{
    return pool_run(c->pool, fn, arg);
}

/* exchange.c - from the request's head to the first byte sent upstream.
 *
 * Steps as contract 3.2 numbers them, each final: authenticate, size and
 * media type, describe (model, provider, price, key), rate, tags and session,
 * budgets, forward.  Everything before admission can refuse and nothing is
 * spent; everything after it settles.
 */
#include "gateway/exchange.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypt.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "catalog/catalog.h"
#include "gateway/measure.h"
#include "guard/admit.h"
#include "guard/limit.h"
#include "guard/settle.h"
#include "http/header.h"
#include "http/query.h"
#include "price/book.h"
#include "price/cost.h"
#include "provider/tokens.h"

#define SPARES 64 /* exchanges kept per loop with their buffers */

/* ---- life --------------------------------------------------------------- */

static struct exchange *exchange_new(struct gateway_loop *gl)
{
    struct exchange *x = gl->spare;
    if (x != NULL) {
        gl->spare = x->next;
        gl->spare_count--;
        struct arena arena = x->arena;
        struct meter *meter = x->meter;
        struct buf relay = x->relay, whole = x->whole;
        memset(x, 0, sizeof *x);
        x->arena = arena;
        x->meter = meter;
        x->relay = relay;
        x->whole = whole;
    } else {
        x = xcalloc(1, sizeof *x);
        arena_init(&x->arena, EXCHANGE_ARENA);
        buf_init(&x->relay, EXCHANGE_RELAY);
        buf_init(&x->whole, EXCHANGE_WHOLE);
    }
    x->gl = gl;
    x->next = gl->open;
    if (gl->open != NULL)
        gl->open->prev = x;
    gl->open = x;
    gl->open_count++;
    return x;
}

static void exchange_destroy(struct exchange *x)
{
    arena_release(&x->arena);
    buf_release(&x->relay);
    buf_release(&x->whole);
    if (x->meter != NULL)
        meter_free(&x->meter);
    free(x);
}

static void exchange_free(struct exchange *x)
{
    struct gateway_loop *gl = x->gl;
    loop_timer_cancel(gl->loop, &x->drain);
    body_release(&x->body);
    buf_release(&x->edited);
    inflate_free(&x->inflate);
    inflate_free(&x->decode);
    translation_free(&x->translation);
    if (x->prev != NULL)
        x->prev->next = x->next;
    else
        gl->open = x->next;
    if (x->next != NULL)
        x->next->prev = x->prev;
    gl->open_count--;
    if (gl->spare_count >= SPARES || x->whole.cap > 64 * 1024 ||
        x->relay.cap > 64 * 1024) {
        exchange_destroy(x);
        return;
    }
    arena_reset(&x->arena);
    buf_clear(&x->relay);
    buf_clear(&x->whole);
    x->next = gl->spare;
    gl->spare = x;
    gl->spare_count++;
}

void exchange_maybe_free(struct exchange *x)
{
    if (x->stream == NULL && x->up == NULL && !x->waiting &&
        !x->models_waiting && !attempts_pausing(x))
        exchange_free(x);
}

void exchange_finish(struct exchange *x)
{
    struct gateway_loop *gl = x->gl;
    x->phase = PHASE_DONE;
    loop_timer_cancel(gl->loop, &x->drain);
    loop_timer_cancel(gl->loop, &x->pause);
    if (x->up != NULL)
        upstream_cancel(&x->up);
    if (x->admitted) {
        counters_slot_give(gl->gateway->guard->counters, x->slot);
        x->admitted = false;
    }
    exchange_maybe_free(x);
}

void exchange_end_all(struct gateway_loop *gl)
{
    while (gl->open != NULL) {
        struct exchange *x = gl->open;
        x->waiting = x->models_waiting = false;
        x->stream = NULL; // the listener is gone or will not answer any more
        x->gone = true;
        if (x->phase == PHASE_FORWARDING || x->phase == PHASE_RELAYING)
            answer_shut_down(x);
        else
            exchange_finish(x);
    }
    while (gl->spare != NULL) {
        struct exchange *x = gl->spare;
        gl->spare = x->next;
        exchange_destroy(x);
    }
}

int64_t exchange_latency_ms(const struct exchange *x)
{
    return (clock_mono_us() - x->start_us) / 1000;
}

/* ---- 1 who -------------------------------------------------------------- */

static struct slice field(const struct http_head *h, const char *name)
{
    return header_find(h->fields, h->field_count, name);
}

static void gather_credentials(struct exchange *x)
{
    const struct http_head *h = x->head;
    struct credentials *c = &x->credentials;
    struct slice auth = field(h, "authorization");
    if (auth.p != NULL && auth.n >= 7 &&
        slice_eq_nocase(slice(auth.p, 7), SLICE("bearer ")))
        c->value[CRED_BEARER] = slice_trim(slice_skip(auth, 7));
    c->value[CRED_X_API_KEY] = field(h, "x-api-key");
    c->value[CRED_GOOG] = field(h, "x-goog-api-key");
    c->value[CRED_API_KEY] = field(h, "api-key");
    c->tenant = field(h, "x-tenant-id");
    if (h->query.p != NULL)
        c->value[CRED_QUERY] = query_find(h->query, "key", &x->arena);
}

static struct slice source_of(const struct exchange *x)
{
    struct slice peer = slice_str(x->head->peer);
    const struct gateway_conf *conf = &x->gl->gateway->conf;
    return header_source(peer, field(x->head, "x-forwarded-for"), conf->trusted,
                         conf->trusted_count);
}

/* Looks the caller up in the newest snapshot; repeated when it changed. */
static enum refusal look_up(struct exchange *x, const struct snapshot **s)
{
    struct gateway_loop *gl = x->gl;
    *s = catalog_now(gl->reader);
    uint64_t generation = catalog_generation(gl->reader);
    if (x->who.tenant != NULL && generation == x->generation)
        return R_NONE;
    x->generation = generation;
    enum refusal r = identify(gl->gateway->guard, *s, &x->credentials, &x->who);
    if (r != R_NONE)
        return r;
    const struct tenant *t = x->who.tenant;
    x->call.tenant_id = t != NULL ? t->id : 0;
    x->call.tenant = arena_dup(&x->arena, t != NULL ? t->name : x->who.make);
    x->call.key_id = x->who.key != NULL ? x->who.key->id : 0;
    x->event.tenant_id = x->call.tenant_id;
    x->event.tenant = x->call.tenant;
    x->event.key_id = x->call.key_id;
    return R_NONE;
}

/* ---- 2 size and coding -------------------------------------------------- */

static bool coding_ok(struct exchange *x)
{
    struct slice coding = field(x->head, "content-encoding");
    if (coding.p == NULL || coding.n == 0 ||
        slice_eq_nocase(coding, SLICE("identity")))
        return true;
    enum inflate_kind kind;
    if (!inflate_kind_of(coding, &kind))
        return false;
    x->inflate = inflate_new(kind);
    return true;
}

static bool receive_head(struct exchange *x)
{
    struct gateway *g = x->gl->gateway;
    const struct http_head *h = x->head;
    const char *allow = NULL;
    // The route keeps parts of the path, and we may outlive the connection.
    enum refusal found = route_find(g->conf.passthrough, h->method,
                                    arena_dup(&x->arena, h->path), h->fields,
                                    h->field_count, &x->route, &allow);
    x->call.family = x->route.family;
    x->call.op = x->route.op;
    x->call.klass = found == R_NONE ? x->route.klass : ROUTE_FREE;
    x->call.method = arena_dup(&x->arena, h->method);
    x->call.route = slice_str(x->route.pattern);
    x->event.route = x->call.route;
    x->event.method = x->call.method;
    gather_credentials(x);
    x->source_ip = arena_dup(&x->arena, source_of(x));
    x->call.source_ip = x->source_ip;
    const struct snapshot *s;
    enum refusal who = look_up(x, &s);
    struct refuse_more more = {0};
    if (who != R_NONE) {
        refuse(x, who, &more);
        return false;
    }
    if (slice_eq_nocase(field(h, "upgrade"), SLICE("websocket"))) {
        more.explain = SLICE("WebSocket upgrades are not supported");
        refuse(x, R_INVALID_REQUEST, &more);
        return false;
    }
    if (found != R_NONE) {
        more.allow = allow;
        more.http = found == R_INVALID_REQUEST ? 405 : 0;
        if (more.http == 405)
            more.explain = SLICE("Method not allowed");
        refuse(x, found, &more);
        return false;
    }
    if (h->content_length > (int64_t)g->conf.max_body) {
        refuse(x, R_TOO_LARGE, &more);
        return false;
    }
    if (!coding_ok(x)) {
        more.explain = SLICE("Content-Encoding may be gzip or deflate");
        refuse(x, R_MEDIA_TYPE, &more);
        return false;
    }
    return true;
}

static void *on_head(void *server, struct stream *s, const struct http_head *h)
{
    struct gateway_loop *gl = server;
    struct gateway *g = gl->gateway;
    struct exchange *x = exchange_new(gl);
    x->stream = s;
    x->head = h;
    x->start_us = clock_mono_us();
    x->ts_ms = clock_now_ms();
    x->event.ts_ms = x->ts_ms;
    x->event.ttft_ms = -1;
    crypt_next_id(&gl->ids, x->ts_ms, x->event.request_id);
    body_init(&x->body, g->conf.max_body);
    buf_init(&x->edited, SIZE_MAX / 2);
    stream_marks(s, EXCHANGE_LOW);
    struct refuse_more more = {0};
    if (g->above.stopping(g->above.arg)) {
        x->route.shape = route_shape(h->path, h->fields, h->field_count);
        refuse(x, R_SHUTTING_DOWN, &more);
        return x;
    }
    if (!receive_head(x))
        return x;
    if (h->content_length > 0 && x->inflate == NULL) {
        struct err err;
        if (body_expect(&x->body, (size_t)h->content_length, g->conf.spill_dir,
                        &err) != OK)
            refuse(x, R_STORAGE, &more);
    }
    return x;
}

static void body_failed(struct exchange *x, enum status st)
{
    struct refuse_more more = {0};
    if (st == E_TOO_BIG)
        refuse(x, R_TOO_LARGE, &more);
    else if (st == E_INVALID) {
        more.explain = SLICE("Request body cannot be decoded");
        refuse(x, R_INVALID_REQUEST, &more);
    } else
        refuse(x, R_STORAGE, &more);
}

/* Sink of the request's decoder. */
static enum status add_decoded(void *arg, const char *p, size_t n)
{
    struct exchange *x = arg;
    struct err err;
    return body_add(&x->body, p, n, x->gl->gateway->conf.spill_dir, &err);
}

static bool on_body(void *arg, const char *p, size_t n)
{
    struct exchange *x = arg;
    if (x->phase != PHASE_RECEIVING || x->answered)
        return true;
    enum status st = x->inflate != NULL
                         ? inflate_feed(x->inflate, p, n, add_decoded, x)
                         : add_decoded(x, p, n);
    if (st != OK)
        body_failed(x, st);
    return true;
}

/* ---- 3 what ------------------------------------------------------------- */

struct resolver {
    const struct book *book;
    int64_t at_ms;
};

static enum provider_id resolve(void *arg, struct slice *model)
{
    const struct resolver *r = arg;
    return book_resolve(r->book, model, r->at_ms);
}

struct describe_in exchange_describe_in(const struct exchange *x)
{
    return (struct describe_in){
        .route = &x->route,
        .fields = x->head->fields,
        .field_count = x->head->field_count,
        .body = body_get(&x->body),
        .counter = {tokens_count, NULL},
        .web_search_hold = x->gl->gateway->guard->web_search_calls,
    };
}

static enum refusal understand(struct exchange *x, const struct snapshot *s,
                               struct refuse_more *more)
{
    struct resolver r = {snapshot_book(s), x->ts_ms};
    struct describe_in in = exchange_describe_in(x);
    in.resolve = resolve;
    in.resolve_arg = &r;
    enum refusal found =
        describe(x->gl->describer, &in, &x->arena, &x->call, &x->desc);
    x->event.model = x->call.model;
    x->event.user = x->call.user;
    x->event.stream = x->call.stream;
    x->event.provider = x->call.provider;
    if (found == R_MODEL_NOT_FOUND)
        more->names = x->call.model;
    else if (found != R_NONE)
        more->explain = slice_str(x->desc.text);
    more->param = x->desc.param;
    return found;
}

/* Another family's model: reads the request into its words. */
enum refusal exchange_translate(struct exchange *x, struct refuse_more *more)
{
    x->wire = x->route;
    if (!translate_wanted(&x->route, x->call.provider))
        return R_NONE;
    x->translation = translation_new(&x->route, x->call.provider);
    enum refusal r =
        translation_read(x->translation, body_get(&x->body), x->call.model,
                         x->desc.text, &more->param);
    if (r != R_NONE) {
        more->explain = slice_str(x->desc.text);
        return r;
    }
    x->call.input_bound += TRANSLATE_INPUT;
    if (translation_route(x->translation, &x->arena, &x->wire, &x->wire_query))
        return R_NONE;
    more->names = x->call.model;
    return R_MODEL_NOT_FOUND;
}

/* Price (step 3) and the bounds of the bill. */
static enum refusal price_call(struct exchange *x, const struct snapshot *s,
                               struct refuse_more *more)
{
    const struct guard *guard = x->gl->gateway->guard;
    struct call *c = &x->call;
    if (c->klass != ROUTE_METERED)
        return R_NONE;
    const struct book *book = snapshot_book(s);
    const struct price *p = book_find(book, c->provider, c->model, x->ts_ms);
    c->worst.basis = BASIS_TABLE;
    if (p == NULL) {
        more->names = c->model;
        if (guard->unknown_price == UNKNOWN_REFUSE) {
            more->explain = SLICE("no price is known for it");
            return R_MODEL_NOT_FOUND;
        }
        c->worst.basis = BASIS_FREE;
        if (guard->unknown_price == UNKNOWN_DEAREST) {
            c->worst.basis = BASIS_ASSUMED;
            p = book_dearest(book, c->provider, x->ts_ms);
            if (p == NULL)
                return R_MODEL_NOT_FOUND;
        }
    }
    int basis = c->worst.basis;
    struct cost_limits limits = guard->cost;
    bool limited =
        x->translation != NULL && translation_needs_limit(x->translation);
    if (limited && limits.default_max_tokens == 0)
        limits.default_max_tokens = TRANSLATE_OUTPUT;
    if (cost_worst(p, &limits, c) || (limited && c->max_output < 0))
        x->limit_sent = c->worst.out_tokens;
    c->worst.basis = basis;
    return R_NONE;
}

/* The client's fields without those that only its own provider knows. */
static const struct http_field *common_fields(struct exchange *x, int *n)
{
    static const char *const own[] = {"anthropic-", "openai-", "x-goog-"};
    struct http_field *out =
        arena_try(&x->arena, (size_t)(*n + 1) * sizeof *out);
    int kept = 0;
    for (int i = 0; out != NULL && i < *n; i++) {
        struct slice name = x->head->fields[i].name;
        bool common = true;
        for (size_t k = 0; k < sizeof own / sizeof *own; k++) {
            size_t len = strlen(own[k]);
            common = common &&
                     !(name.n >= len &&
                       slice_eq_nocase(slice(name.p, len), slice_str(own[k])));
        }
        if (common)
            out[kept++] = x->head->fields[i];
    }
    *n = kept;
    return out;
}

enum refusal exchange_target(struct exchange *x, struct refuse_more *more)
{
    int place = x->who.place, n = x->head->field_count;
    bool translated = x->translation != NULL;
    const struct http_field *fields =
        translated ? common_fields(x, &n) : x->head->fields;
    const struct target_in in = {
        .route = &x->wire,
        .call = &x->call,
        .query = translated ? x->wire_query : x->head->query,
        .fields = fields,
        .field_count = n,
        .own_key =
            place >= 0 ? x->credentials.value[place] : (struct slice){NULL, 0},
        .has_body = x->head->content_length != 0,
    };
    enum refusal r =
        provider_target(x->gl->gateway->providers, &in, &x->arena, &x->target);
    if (r == R_NONE)
        x->event.provider = x->target.provider;
    else
        more->names = x->call.model;
    return r;
}

/* ---- 5 tags and session ------------------------------------------------- */

static bool session_ok(struct slice id)
{
    for (size_t i = 0; i < id.n; i++)
        if (id.p[i] < 0x21 || id.p[i] > 0x7E)
            return false;
    return id.n >= 1 && id.n <= 200;
}

static struct slice cut_text(struct exchange *x, const char *name)
{
    struct slice s = field(x->head, name);
    if (s.p == NULL || s.n == 0)
        return (struct slice){NULL, 0};
    s = header_text(s, 200);
    return arena_dup(&x->arena, s);
}

/* Reads X-Tags and X-Session-*; `more` names what is wrong. */
static enum refusal read_scopes(struct exchange *x, struct refuse_more *more)
{
    struct call *c = &x->call;
    struct slice rest = field(x->head, "x-tags");
    while (rest.p != NULL) {
        struct slice name = slice_trim(slice_cut(&rest, ','));
        bool repeated = name.n == 0;
        for (int i = 0; i < c->tag_count && !repeated; i++)
            repeated = slice_eq(c->tags[i], name);
        if (repeated)
            continue;
        if (c->tag_count == CALL_TAGS_MAX) {
            more->explain = SLICE("At most 32 tags are allowed");
            return R_INVALID_REQUEST;
        }
        c->tags[c->tag_count++] = arena_dup(&x->arena, name);
    }
    struct slice session = field(x->head, "x-session-id");
    if (session.p == NULL)
        return R_NONE;
    if (!session_ok(session))
        return R_INVALID_SESSION;
    c->session = arena_dup(&x->arena, session);
    c->session_name = cut_text(x, "x-session-name");
    c->session_path = cut_text(x, "x-session-path");
    x->event.session = c->session;
    x->event.session_name = c->session_name;
    x->event.session_path = c->session_path;
    return R_NONE;
}

/* ---- 4, 6 rate and budgets ---------------------------------------------- */

static bool admit(struct exchange *x, const struct snapshot *s)
{
    struct gateway *g = x->gl->gateway;
    struct counters *counters = g->guard->counters;
    struct refuse_more more = {0};
    struct err err;
    struct verdict *v = arena_alloc(&x->arena, sizeof *v);
    struct admit a = {.guard = g->guard,
                      .snapshot = s,
                      .tenant = x->who.tenant,
                      .arena = &x->arena,
                      .call = &x->call,
                      .event = &x->event,
                      .now_ms = x->ts_ms,
                      .limit_sent = x->limit_sent,
                      .want_budgets = x->gl->gate != NULL,
                      .exhausted_check_only = x->call.op == OP_PASSTHROUGH};
    more.verdict = v;
    if (counters_slot_take(counters, &a.slot) != OK) {
        refuse(x, R_STORAGE, &more);
        return false;
    }
    enum refusal scopes = read_scopes(x, &more);
    enum status st =
        scopes == R_NONE ? admit_call(&a, v, &err) : admit_rate(&a, v, &err);
    x->rate = v->rate;
    if (st == OK && v->refusal == R_NONE && scopes != R_NONE)
        v->refusal = scopes;
    if (st != OK || v->refusal != R_NONE) {
        counters_slot_give(counters, a.slot);
        if (st != OK)
            log_line(LOG_ERROR, "admission failed", LF_C("error", err.text));
        if (st == OK && v->message.p != NULL)
            more.names = v->message;
        refuse(x, st != OK ? R_STORAGE : v->refusal, &more);
        return false;
    }
    x->admitted = true;
    x->slot = a.slot;
    x->hold_id = v->hold_id;
    x->hold_nano = v->hold_nano;
    x->event.held = v->hold_nano;
    if (v->clamp_tokens > 0)
        x->limit_sent = v->clamp_tokens;
    (void)FAULT("hold.admitted");
    return x->gl->gate == NULL || policy_passes(x, &a, v);
}

/* ---- 8 forward ---------------------------------------------------------- */

static bool outgoing_body(struct exchange *x, struct slice *body)
{
    *body = body_get(&x->body);
    if (x->translation != NULL) {
        int64_t limit = x->limit_sent > 0        ? x->limit_sent
                        : x->call.max_output > 0 ? x->call.max_output
                                                 : 0;
        bool ok =
            translation_write(x->translation, limit,
                              describe_completion_limit(&x->call), &x->edited);
        *body = buf_get(&x->edited);
        return ok;
    }
    if (!x->route.body_is_json || x->desc.edit.body.p == NULL ||
        edit_is_nothing(&x->desc.edit, x->limit_sent))
        return true;
    edit_write(&x->desc.edit, x->limit_sent, &x->edited);
    *body = buf_get(&x->edited);
    return !x->edited.failed;
}

void exchange_forward(struct exchange *x)
{
    const struct gateway_conf *conf = &x->gl->gateway->conf;
    struct slice body;
    struct err err;
    struct refuse_more more = {0};
    enum status st = E_NOMEM;
    x->phase = PHASE_FORWARDING;
    if (outgoing_body(x, &body)) {
        bool has = x->head->content_length != 0;
        const struct upstream_req req = {
            .method = x->call.method,
            .url = x->target.url,
            .fields = x->target.fields,
            .field_count = x->target.field_count,
            .body = has ? body : (struct slice){NULL, 0},
            .connect_timeout_s = conf->connect_timeout_s,
            .silence_timeout_s = conf->silence_timeout_s,
            .retries = conf->retries,
        };
        if (x->sent_us == 0)
            x->sent_us = clock_mono_us();
        st = upstream_start(x->gl->pool, &req, &answer_ops, x, &x->up, &err);
    }
    if (st == OK)
        return;
    x->event.usage = (struct usage){0};
    (void)answer_settle(x, EVENT_FAILED, SLICE("upstream_unreachable"), 502);
    refuse_answer(x, R_UNREACHABLE, &more);
    exchange_finish(x);
}

/* Steps 3 to 8, once the body is whole (and again once a tenant was made). */
static void proceed(struct exchange *x)
{
    struct gateway *g = x->gl->gateway;
    const struct snapshot *s;
    struct refuse_more more = {0};
    x->phase = PHASE_PREPARING;
    enum refusal r = look_up(x, &s);
    if (r == R_NONE && x->call.klass == ROUTE_LIST) {
        models_answer(x);
        return;
    }
    bool described = x->call.model.p != NULL || x->desc.edit.body.p != NULL;
    if (r == R_NONE && !described)
        r = understand(x, s, &more);
    if (r == R_NONE && !described)
        r = exchange_translate(x, &more);
    if (r == R_NONE && !described)
        r = price_call(x, s, &more);
    if (r == R_NONE && !described)
        r = exchange_target(x, &more);
    if (r == R_NONE && !described)
        attempts_plan(x, s, &g->guard->cost);
    // a caller's texts must not leave so little that tags, the session or what
    // the policy is shown could get lost on the way
    if (r == R_NONE && arena_left(&x->arena) < EXCHANGE_RESERVE)
        r = R_TOO_LARGE;
    if (r != R_NONE) {
        refuse(x, r, &more);
        return;
    }
    if (x->who.tenant == NULL) {
        x->waiting = true;
        g->above.make_tenant(g->above.arg, x->gl->loop, x->who.make,
                             exchange_resume_tenant, x);
        return;
    }
    if (admit(x, s))
        exchange_forward(x);
}

void exchange_resume_tenant(void *arg, enum status result)
{
    struct exchange *x = arg;
    struct refuse_more more = {0};
    x->waiting = false;
    if (x->stream == NULL) { // left while waiting: nothing was counted
        exchange_maybe_free(x);
        return;
    }
    if (result == OK)
        proceed(x);
    else
        refuse(x, result == E_TOO_BIG ? R_TENANT_LIMIT : R_STORAGE, &more);
}

static void on_end(void *arg)
{
    struct exchange *x = arg;
    if (x->phase != PHASE_RECEIVING || x->answered)
        return;
    if (x->inflate != NULL && inflate_end(x->inflate) != OK) {
        body_failed(x, E_INVALID);
        return;
    }
    x->ended = true;
    x->ready_us = clock_mono_us();
    proceed(x);
}

/* ---- the client --------------------------------------------------------- */

static void on_writable(void *arg)
{
    answer_writable(arg);
}

/* Left before anything was held: one row, nothing booked. */
static void gone_early(struct exchange *x)
{
    struct err err;
    if (x->booked || x->answered || x->call.klass == ROUTE_LIST)
        return;
    x->booked = true;
    x->event.status = EVENT_INTERRUPTED;
    x->event.reason = SLICE("client_gone");
    x->event.latency_ms = exchange_latency_ms(x);
    if (settle_row(x->gl->gateway->guard, &x->event, &err) != OK)
        log_line(LOG_ERROR, "row not written", LF_C("error", err.text));
    measure_end(x);
}

static void on_gone(void *arg)
{
    struct exchange *x = arg;
    if (x->gone)
        return;
    x->gone = true;
    if (x->phase == PHASE_FORWARDING || x->phase == PHASE_RELAYING)
        answer_client_gone(x);
    else if (x->models_waiting)
        models_forget(x);
    else if (x->phase != PHASE_DONE)
        gone_early(x);
}

static void on_close(void *arg, bool complete)
{
    struct exchange *x = arg;
    if (!complete && !x->gone)
        on_gone(x);
    x->stream = NULL;
    x->head = NULL;
    exchange_maybe_free(x);
}

const struct stream_ops gateway_ops = {
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
    .on_writable = on_writable,
    .on_gone = on_gone,
    .on_close = on_close,
};

/* answer.c - from the provider's status line to the ledger row.
 *
 * Two ways to the client.  Answers that are no event stream and fit into
 * EXCHANGE_WHOLE are kept, priced, settled and sent in one piece, so that the
 * price can stand in a header and nothing is acknowledged that is not durable.
 * All others are relayed as they come; their row is written before the final
 * chunk.
 *
 * Every end is one of contract 9.7's lines; see conclude().
 */
#include "gateway/exchange.h"

#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "catalog/catalog.h"
#include "gateway/measure.h"
#include "guard/settle.h"
#include "http/header.h"
#include "price/book.h"

/* ---- the row ------------------------------------------------------------ */

bool answer_settle(struct exchange *x, enum event_status status,
                   struct slice reason, int http_status)
{
    struct event *e = &x->event;
    struct err err;
    if (x->booked)
        return true;
    e->status = status;
    e->reason = reason;
    e->http_status = http_status;
    e->latency_ms = exchange_latency_ms(x);
    if (x->first_us != 0)
        e->ttft_ms = (x->first_us - x->start_us) / 1000;
    enum status st = settle_hold(x->gl->gateway->guard, x->hold_id, e, &err);
    (void)FAULT("settle.done");
    if (st != OK) {
        log_line(LOG_ERROR, "settlement failed",
                 LF_C("request_id", e->request_id), LF_C("error", err.text));
        return false;
    }
    x->booked = true;
    measure_end(x);
    if (log_on(LOG_INFO)) {
        char usd[MONEY_TEXT];
        money_format(e->usd, usd);
        log_line(LOG_INFO, "request", LF_C("request_id", e->request_id),
                 LF_S("tenant", e->tenant), LF_S("route", e->route),
                 LF_S("model", e->model), LF_N("status", http_status),
                 LF_S("reason", reason.p != NULL ? reason : SLICE("")),
                 LF_C("usd", usd), LF_N("latency_ms", e->latency_ms));
    }
    return true;
}

/* Prices `u` into the row. */
static void price(struct exchange *x, const struct usage *u)
{
    const struct snapshot *s = catalog_now(x->gl->reader);
    if (u->model[0] != '\0')
        x->event.model_answered = arena_dup(&x->arena, slice_str(u->model));
    settle_price(x->gl->gateway->guard, snapshot_book(s), &x->call, u,
                 &x->arena, &x->event);
}

static void price_hold(struct exchange *x)
{
    settle_whole_hold(&x->call, x->hold_nano, &x->event);
}

/* Our own count: the input and the output seen, never above the hold.  What
 * nothing could bound cannot be counted either: the hold stands. */
static void price_counted(struct exchange *x, int64_t output_tokens)
{
    const struct call *c = &x->call;
    struct usage u = {.by = METERED_TOKENIZER,
                      .input = x->desc.input_estimate,
                      .output = output_tokens,
                      .images = c->images,
                      .characters = c->characters};
    if (c->klass != ROUTE_METERED) {
        x->event.usage = (struct usage){0};
        return;
    }
    if (c->unbounded) {
        price_hold(x);
        return;
    }
    price(x, &u);
    if (x->event.usd > x->hold_nano)
        x->event.usd = x->hold_nano;
}

/* ---- to the client ------------------------------------------------------ */

/* Fields of the answer: the provider's that pass, then ours. */
static void keep_fields(struct exchange *x, const struct http_field *f, int n,
                        bool recoded)
{
    struct http_field *out =
        arena_try(&x->arena, EXCHANGE_FIELDS * sizeof *out);
    int at = 0;
    if (out == NULL)
        return;
    for (int i = 0; i < n && at < EXCHANGE_FIELDS - 16; i++) {
        if (!provider_answer_field(&f[i], f, n, recoded) ||
            slice_eq_nocase(f[i].name, SLICE("content-length")))
            continue;
        out[at].name = arena_dup(&x->arena, f[i].name);
        out[at].value = arena_dup(&x->arena, f[i].value);
        if (out[at].name.p != NULL && out[at].value.p != NULL)
            at++;
    }
    x->fields = out;
    x->field_count = at;
}

static void begin_streaming(struct exchange *x)
{
    if (x->answered || x->stream == NULL)
        return;
    x->answered = true;
    x->streaming = true;
    x->field_count = refuse_own_fields(x, x->fields, x->field_count);
    stream_begin(x->stream, x->status, x->fields, x->field_count);
}

static void send_whole(struct exchange *x)
{
    struct refuse_more more = {0};
    if (x->answered || x->stream == NULL)
        return;
    if (x->fields == NULL) { // keep_fields had no memory
        refuse_answer(x, R_STORAGE, &more);
        return;
    }
    x->answered = true;
    int n = refuse_own_fields(x, x->fields, x->field_count);
    char usd[MONEY_TEXT];
    size_t len = money_format(x->event.usd, usd);
    x->fields[n++] =
        (struct http_field){SLICE("X-BudgetGuard-Cost-Usd"), slice(usd, len)};
    stream_respond(x->stream, x->status, x->fields, n, buf_get(&x->whole));
}

static void relay(struct exchange *x)
{
    if (x->relay.n > 0 && x->stream != NULL && !x->gone)
        stream_write(x->stream, x->relay.p, x->relay.n);
    buf_clear(&x->relay);
}

/* ---- upstream's head ---------------------------------------------------- */

/* The provider refused the gateway's own key: not the client's business. */
static bool own_key_refused(const struct exchange *x)
{
    return (x->status == 401 || x->status == 403) && !x->target.client_key;
}

static void on_sending(void *arg)
{
    struct exchange *x = arg;
    if (x->sent) // upstream.c: no peer took a byte of the first
        log_line(LOG_WARN, "sent again on a fresh connection",
                 LF_C("request_id", x->event.request_id));
    x->sent = true;
    counters_mark_sent(x->gl->gateway->guard->counters, x->slot, x->hold_id);
    (void)FAULT("upstream.sending");
}

static void start_meter(struct exchange *x, struct slice content_type)
{
    const struct meter_conf conf = {
        .family = x->wire.family,
        .op = x->translation != NULL ? x->wire.op : x->call.op,
        .provider = x->event.provider,
        .meter = x->route.meter_answer,
        .drop_usage = x->desc.edit.add_usage && !x->desc.asked_usage,
        .status = x->status,
        .content_type = content_type,
        .model = x->call.model,
    };
    if (x->meter == NULL)
        x->meter = meter_new();
    meter_start(x->meter, &conf);
    x->metering = true;
}

static void on_head(void *arg, int status, const struct http_field *f, int n)
{
    struct exchange *x = arg;
    (void)FAULT("upstream.head");
    x->status = status;
    x->retry = attempts_want(x, status, f, n);
    if (x->retry)
        return;
    x->phase = PHASE_RELAYING;
    struct slice coding = header_find(f, n, "content-encoding");
    struct slice type = header_find(f, n, "content-type");
    bool recoded = false;
    if (coding.p != NULL && coding.n > 0 &&
        !slice_eq_nocase(coding, SLICE("identity"))) {
        enum inflate_kind kind;
        recoded = inflate_kind_of(coding, &kind);
        x->opaque = !recoded;
        if (recoded)
            x->decode = inflate_new(kind);
    }
    keep_fields(x, f, n, recoded);
    start_meter(x, type);
    if (x->translation != NULL)
        translation_begin(x->translation, status,
                          header_media_is(type, "text/event-stream"),
                          slice(x->event.request_id, 32), x->ts_ms / 1000);
    /* Google streams a JSON array, too */
    bool events = header_media_is(type, "text/event-stream") ||
                  (x->route.streams && status < 400);
    if (events && x->fields != NULL && !own_key_refused(x) && !x->opaque) {
        struct http_field *out = x->fields;
        out[x->field_count++] =
            (struct http_field){SLICE("Cache-Control"), SLICE("no-cache")};
        out[x->field_count++] =
            (struct http_field){SLICE("X-Accel-Buffering"), SLICE("no")};
        begin_streaming(x);
    }
}

/* ---- upstream's body ---------------------------------------------------- */

static void keep_or_relay(struct exchange *x)
{
    if (!x->streaming) {
        buf_add(&x->whole, x->relay.p, x->relay.n);
        if (!x->whole.failed) {
            buf_clear(&x->relay);
            return;
        }
        x->whole.failed = false; // too large to keep: relay from here on
        begin_streaming(x);
        if (x->stream != NULL && !x->gone)
            stream_write(x->stream, x->whole.p, x->whole.n);
        buf_clear(&x->whole);
        x->streaming = true;
    }
    relay(x);
}

/* One piece of the decoded answer. */
static enum status take(void *arg, const char *p, size_t n)
{
    struct exchange *x = arg;
    bool translated = x->translation != NULL;
    if (meter_feed(x->meter, p, n, x->gone || translated ? NULL : &x->relay) &&
        x->first_us == 0)
        x->first_us = clock_mono_us();
    if (translated && !x->gone &&
        !translation_feed(x->translation, p, n, &x->relay))
        return E_TOO_BIG;
    if (x->relay.failed)
        return E_NOMEM;
    if (!x->gone)
        keep_or_relay(x);
    return OK;
}

static bool on_data(void *arg, const char *p, size_t n)
{
    struct exchange *x = arg;
    (void)FAULT("upstream.data");
    if (x->retry)
        return true;
    if (!x->gone && x->stream != NULL &&
        stream_queued(x->stream) > EXCHANGE_HIGH)
        return false;
    if (x->opaque || own_key_refused(x) || x->fields == NULL)
        return true;
    enum status st = x->decode != NULL ? inflate_feed(x->decode, p, n, take, x)
                                       : take(x, p, n);
    if (st != OK)
        x->opaque = true; // what follows cannot be read
    return true;
}

void answer_writable(struct exchange *x)
{
    if (x->up != NULL)
        upstream_resume(x->up);
}

/* ---- the end ------------------------------------------------------------ */

/* The answer is cut for the client: an error event if it listens to events,
 * and no final chunk. */
static void cut(struct exchange *x, enum refusal why, bool events)
{
    struct refuse_more more = {0};
    if (x->stream == NULL || x->gone)
        return;
    if (!x->answered) {
        refuse_answer(x, why, &more);
        return;
    }
    if (events &&
        (x->translation == NULL || !translation_failed(x->translation))) {
        const struct shape_in in = {.id = why,
                                    .provider = x->call.provider,
                                    .request_id =
                                        slice(x->event.request_id, 32)};
        shape_event(x->route.shape, x->call.op, &in, &x->relay);
        relay(x);
    }
    stream_abort(x->stream);
}

/* The whole answer came. */
static void conclude_done(struct exchange *x, struct meter_end *end)
{
    struct refuse_more more = {0};
    bool failed = x->status >= 400;
    struct slice reason = {NULL, 0};
    enum event_status status = EVENT_SUCCESS;
    int http = x->status;
    if (own_key_refused(x)) {
        reason =
            x->status == 401 ? SLICE("upstream_401") : SLICE("upstream_403");
        log_line(LOG_ERROR, "provider rejected the gateway's key",
                 LF_C("provider", provider_wire(x->event.provider)),
                 LF_N("status", x->status));
        (void)answer_settle(x, EVENT_FAILED, reason, 502);
        refuse_answer(x, R_UPSTREAM_AUTH, &more);
        return;
    }
    if (failed) {
        status = EVENT_FAILED;
        reason = arena_printf(&x->arena, "upstream_%d", x->status);
    }
    if (end->usage_seen)
        price(x, &end->usage);
    else if (!failed && x->call.klass == ROUTE_METERED)
        price_counted(x, end->output_tokens);
    else if (!failed && x->call.op == OP_PASSTHROUGH)
        reason = SLICE("unmetered");
    if (x->gone && !x->has_all) {
        status = EVENT_INTERRUPTED;
        reason = SLICE("client_gone");
    }
    if (!answer_settle(x, status, reason, http)) {
        cut(x, R_STORAGE, end->stream);
        return;
    }
    if (x->gone)
        return;
    if (x->translation != NULL &&
        !translation_end(x->translation, &x->event.usage, &x->relay)) {
        cut(x, R_UPSTREAM_INVALID, end->stream);
        return;
    }
    keep_or_relay(x);
    if (x->streaming)
        stream_end(x->stream);
    else
        send_whole(x);
}

/* It broke within the answer, or ended as the protocol does not end. */
static void conclude_cut(struct exchange *x, struct meter_end *end)
{
    bool events = end->stream && x->streaming;
    struct slice reason = SLICE("upstream_cut");
    if (end->usage_seen)
        price(x, &end->usage);
    else if (events)
        price_counted(x, end->output_tokens);
    else {
        price_hold(x);
        reason = SLICE("upstream_invalid");
    }
    if (x->gone)
        reason = SLICE("client_gone");
    (void)answer_settle(x, EVENT_INTERRUPTED, reason,
                        x->streaming ? x->status : 502);
    cut(x, R_UPSTREAM_INVALID, events);
}

static void conclude_unread(struct exchange *x, enum refusal why,
                            struct slice reason, struct meter_end *end)
{
    if (end->usage_seen)
        price(x, &end->usage);
    else
        price_hold(x);
    (void)answer_settle(x, EVENT_INTERRUPTED, reason,
                        x->answered ? x->status : shape_status(why));
    cut(x, why, end->stream);
}

static void conclude_unreachable(struct exchange *x)
{
    struct refuse_more more = {0};
    bool left = x->gone;
    x->event.usage = (struct usage){0};
    x->event.usd = 0;
    (void)answer_settle(
        x, left ? EVENT_INTERRUPTED : EVENT_FAILED,
        left ? SLICE("client_gone") : SLICE("upstream_unreachable"), 502);
    refuse_answer(x, R_UNREACHABLE, &more);
}

/* True if a success was promised but the body is not what it should be. */
static bool broken(const struct exchange *x, const struct meter_end *end)
{
    if (x->opaque)
        return !own_key_refused(x);
    if (x->status >= 400 || x->call.klass != ROUTE_METERED)
        return false;
    return !end->readable || !end->complete;
}

static void conclude(struct exchange *x, enum upstream_end how)
{
    struct meter_end end = {0};
    if (x->metering)
        meter_finish(x->meter, how != UPSTREAM_DONE,
                     x->gone || x->translation != NULL ? NULL : &x->relay,
                     &end);
    switch (how) {
    case UPSTREAM_DONE:
        if (broken(x, &end))
            conclude_cut(x, &end);
        else
            conclude_done(x, &end);
        return;
    case UPSTREAM_CUT:
        conclude_cut(x, &end);
        return;
    case UPSTREAM_TIMEOUT:
        conclude_unread(x, R_UPSTREAM_TIMEOUT, SLICE("upstream_timeout"), &end);
        return;
    case UPSTREAM_RESET:
    case UPSTREAM_INVALID:
        conclude_unread(x, R_UPSTREAM_INVALID, SLICE("upstream_invalid"), &end);
        return;
    case UPSTREAM_UNREACHABLE:
        conclude_unreachable(x);
        return;
    }
}

void answer_gave_out(struct exchange *x)
{
    conclude_unreachable(x);
    exchange_finish(x);
}

static void on_done(void *arg, enum upstream_end how)
{
    struct exchange *x = arg;
    (void)FAULT("upstream.done");
    x->up = NULL;
    x->end_us = clock_mono_us();
    if (how == UPSTREAM_UNREACHABLE)
        x->retry = attempts_want(x, 502, NULL, 0);
    if (x->retry && !x->gone && x->stream != NULL && attempts_next(x))
        return;
    if (x->retry) {
        answer_gave_out(x);
        return;
    }
    if (how == UPSTREAM_DONE && x->decode != NULL &&
        inflate_end(x->decode) != OK)
        x->opaque = true;
    conclude(x, how);
    (void)FAULT("answer.end");
    exchange_finish(x);
}

const struct upstream_ops answer_ops = {
    .on_sending = on_sending,
    .on_head = on_head,
    .on_data = on_data,
    .on_done = on_done,
};

/* ---- the client left ---------------------------------------------------- */

void answer_give_up(struct exchange *x)
{
    struct meter_end end = {0};
    if (x->metering)
        meter_finish(x->meter, true, NULL, &end);
    if (end.usage_seen)
        price(x, &end.usage);
    else if (x->sent && x->status < 400)
        price_counted(x, end.output_tokens);
    (void)answer_settle(x, x->has_all ? EVENT_SUCCESS : EVENT_INTERRUPTED,
                        x->has_all ? SLICE("") : SLICE("client_gone"),
                        x->answered ? x->status : 0);
    exchange_finish(x);
}

void answer_shut_down(struct exchange *x)
{
    struct meter_end end = {0};
    if (x->metering)
        meter_finish(x->meter, true, NULL, &end);
    bool sent = x->sent;
    if (end.usage_seen)
        price(x, &end.usage);
    else if (sent && x->status < 400)
        price_hold(x);
    (void)answer_settle(x, sent ? EVENT_INTERRUPTED : EVENT_FAILED,
                        SLICE("restart"), x->answered ? x->status : 503);
    cut(x, R_SHUTTING_DOWN, end.stream && x->streaming);
    exchange_finish(x);
}

static void drained_long_enough(void *arg)
{
    answer_give_up(arg);
}

void answer_client_gone(struct exchange *x)
{
    const struct gateway_conf *conf = &x->gl->gateway->conf;
    if (attempts_pausing(x)) { // what was tried cost nothing
        answer_gave_out(x);
        return;
    }
    // SDKs close at the stream's last event, the provider a moment later.
    x->has_all = x->metering && x->translation == NULL && x->stream != NULL &&
                 stream_queued(x->stream) == 0 && x->relay.n == 0 &&
                 meter_ended(x->meter);
    if (conf->client_gone == GONE_ABORT) {
        answer_give_up(x);
        return;
    }
    x->drain.fn = drained_long_enough;
    x->drain.arg = x;
    loop_timer_set(x->gl->loop, &x->drain,
                   (int64_t)conf->drain_timeout_s * 1000000);
    if (x->up != NULL)
        upstream_resume(x->up);
}

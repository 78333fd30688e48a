/* ingest.c - usage that applications report: POST /ingest and /log.
 *
 * Exactly once by (token, event id): a mark in the counters' own transaction
 * stops what comes at the same time or soon after, the ledger what comes when
 * the mark has been swept away.
 */
#include "base/clock.h"
#include "base/crypt.h"
#include "catalog/tenant.h"
#include "control/bucket.h"
#include "control/control.h"
#include "control/handlers.h"
#include "ledger/query.h"
#include "ledger/rows.h"
#include "price/cost.h"

#define TOKENS_MAX INT64_C(1000000000000)
#define EVENT_ID_MAX 128
#define META_MAX 4096
#define AHEAD_MS (24 * INT64_C(3600000))
#define MODEL_MAX 200
#define TEXT_MAX_BYTES 200

/* One report on its way to a row. */
struct report {
    struct request *r;
    const struct json *body;
    struct event e;
    int64_t cost; /* nano-dollars the client named; 0: none */
    char seen[64 + EVENT_ID_MAX];
};

static bool fail(struct report *p, int status, const char *text)
{
    request_fail(p->r, status, text, "ingest");
    return false;
}

/* ---- fields ------------------------------------------------------------- */

/* A member under either of its names; null counts as absent. */
static const struct json *member(const struct json *body, const char *name,
                                 const char *camel)
{
    const struct json *v = json_get(body, name);
    if (v == NULL || v->type == JSON_NULL)
        v = camel != NULL ? json_get(body, camel) : NULL;
    return v != NULL && v->type != JSON_NULL ? v : NULL;
}

static bool read_count(const struct json *v, int64_t *n)
{
    return v == NULL || (v->type == JSON_NUMBER && json_i64(v, n) && *n >= 0 &&
                         *n <= TOKENS_MAX);
}

/* A short text without controls; empty if absent. */
static bool read_text(const struct json *v, size_t max, struct slice *out)
{
    *out = slice(NULL, 0);
    if (v == NULL)
        return true;
    if (v->type != JSON_STRING || v->text.n > max)
        return false;
    for (size_t i = 0; i < v->text.n; i++)
        if ((unsigned char)v->text.p[i] < ' ' || v->text.p[i] == 0x7F)
            return false;
    *out = v->text;
    return true;
}

static bool read_tokens(struct report *p)
{
    const struct json *b = p->body;
    struct usage *u = &p->e.usage;
    int64_t total = -1;
    if (!read_count(member(b, "prompt_tokens", "promptTokens"), &u->input) ||
        !read_count(member(b, "completion_tokens", "completionTokens"),
                    &u->output) ||
        !read_count(member(b, "cached_tokens", "cachedTokens"), &u->cached) ||
        !read_count(member(b, "cache_write_tokens", "cacheWriteTokens"),
                    &u->cache_write) ||
        !read_count(member(b, "reasoning_tokens", "reasoningTokens"),
                    &u->reasoning) ||
        u->cached > u->input || u->cache_write > u->input - u->cached ||
        u->reasoning > u->output)
        return fail(p, 400,
                    "prompt_tokens and completion_tokens must be "
                    "non-negative integers");
    if (!read_count(member(b, "total_tokens", "totalTokens"), &total))
        return fail(p, 400, "total_tokens must be a non-negative integer");
    if (total > u->input + u->output)
        u->output = total - u->input;
    u->by = METERED_INGEST;
    return true;
}

static bool read_cost(struct report *p, const char *camel)
{
    const struct json *v = member(p->body, "cost_usd", camel);
    if (v == NULL)
        return true;
    if (v->type != JSON_NUMBER)
        return fail(p, 400, "cost_usd must be a number");
    struct slice s = v->text; // more digits than nano-dollars are rounded
    if (!money_scan(s, 9, &p->cost) || p->cost < 0 || p->cost > MONEY_MAX)
        return fail(p, 400, "cost_usd must be a number \xE2\x89\xA5 0");
    return true;
}

static bool read_time(struct report *p)
{
    const struct json *v = member(p->body, "timestamp", NULL);
    int64_t ms = p->r->now_ms;
    bool date, ok = true;
    if (v != NULL && v->type == JSON_STRING)
        ok = clock_parse(v->text, &ms, &date);
    else if (v != NULL)
        ok = v->type == JSON_NUMBER && money_scan(v->text, 3, &ms) && ms >= 0;
    if (ok && v != NULL && v->type == JSON_NUMBER && ms / 1000 > 100000000000)
        ms /= 1000; // milliseconds already
    if (!ok || ms < 0 || ms > p->r->now_ms + AHEAD_MS)
        return fail(p, 400, "timestamp must be ISO-8601 or a Unix epoch");
    p->e.ts_ms = ms;
    return true;
}

static bool read_event_id(struct report *p)
{
    const struct json *v = member(p->body, "event_id", "eventId");
    if (v == NULL)
        return true;
    if (!read_text(v, EVENT_ID_MAX, &p->e.event_id) || p->e.event_id.n == 0)
        return fail(p, 400, "event_id must be 1-128 characters");
    return true;
}

static bool read_rest(struct report *p)
{
    const struct json *b = p->body, *meta = member(b, "meta", NULL);
    if (!read_text(member(b, "user", NULL), TEXT_MAX_BYTES, &p->e.user))
        return fail(p, 400, "user must be a string");
    if (!read_text(member(b, "session_id", "sessionId"), TEXT_MAX_BYTES,
                   &p->e.session))
        return fail(p, 400, "session_id must be a string");
    if (meta != NULL &&
        (meta->type != JSON_OBJECT || p->r->body.n > META_MAX * 4))
        return fail(p, 400, "meta must be an object of at most 4 KiB");
    return true;
}

/* ---- the price ---------------------------------------------------------- */

static enum provider_id provider_named(struct slice s)
{
    static const char *const names[PROVIDER_COUNT] = {
#define X(id, wire, people) [id] = wire,
        PROVIDERS(X)
#undef X
    };
    for (int i = 1; i < PROVIDER_COUNT; i++)
        if (slice_is(s, names[i]))
            return (enum provider_id)i;
    return PROVIDER_NONE;
}

static const struct price *price_of(struct report *p, const struct book *book)
{
    const struct config *c = control_conf(p->r->control)->config;
    const struct json *named = member(p->body, "provider", NULL);
    struct event *e = &p->e;
    e->provider = provider_named(json_text(named, slice(NULL, 0)));
    const struct price *found =
        book_find(book, e->provider, e->model, e->ts_ms);
    if (found == NULL && e->provider != PROVIDER_NONE)
        found = book_find(book, PROVIDER_NONE, e->model, e->ts_ms);
    if (e->provider == PROVIDER_NONE)
        e->provider = found != NULL ? found->provider
                                    : provider_named(slice_str(c->provider));
    e->basis = BASIS_TABLE;
    if (found != NULL || !slice_is(slice_str(c->unknown_price), "dearest"))
        return found;
    e->basis = BASIS_ASSUMED;
    return book_dearest(book, e->provider, e->ts_ms);
}

static bool set_price(struct report *p)
{
    const struct control_conf *c = control_conf(p->r->control);
    const struct snapshot *s = catalog_ref(c->catalog);
    const struct price *price = price_of(p, snapshot_book(s));
    struct cost cost;
    bool ok = true;
    if (p->cost > 0) {
        p->e.usd = p->cost;
        p->e.basis = BASIS_CLIENT;
    } else if (price != NULL) {
        cost_of(price, &p->e.usage, &cost);
        p->e.usd = cost.nano;
        p->e.price_version = price->version;
    } else if (slice_is(slice_str(c->config->unknown_price), "free")) {
        p->e.basis = BASIS_FREE;
    } else {
        struct slice text = arena_printf(&p->r->arena,
                                         "No price for model: "
                                         "%.*s",
                                         SLICE_FMT(p->e.model));
        ok = fail(p, 400, text.p != NULL ? text.p : "No price for model");
    }
    snapshot_unref(&s);
    return ok;
}

/* ---- booking ------------------------------------------------------------ */

/* Fields 7 of contract 5; false: answered. */
static bool read_report(struct report *p, const char *cost_name)
{
    const struct json *model = member(p->body, "model", NULL);
    if (!read_text(model, MODEL_MAX, &p->e.model) || p->e.model.n == 0)
        return fail(p, 400, "model is required");
    return read_tokens(p) && read_cost(p, cost_name) && read_time(p) &&
           read_event_id(p) && read_rest(p) && set_price(p);
}

/* E_EXISTS: booked before. */
static enum status book(struct report *p, struct err *err)
{
    struct db *db = control_conf(p->r->control)->db;
    struct slice seen = slice(NULL, 0);
    p->e.kind = EVENT_USAGE;
    p->e.status = EVENT_SUCCESS;
    p->e.ttft_ms = -1;
    p->e.http_status = 201;
    p->e.method = SLICE("POST");
    crypt_request_id(p->r->now_ms, p->e.request_id);
    if (p->e.event_id.n > 0) {
        bool before = false;
        int n =
            snprintf(p->seen, sizeof p->seen, "ingest:%lld:%.*s",
                     (long long)p->e.ingest_token_id, SLICE_FMT(p->e.event_id));
        seen = slice(p->seen, (size_t)n);
        enum status st = rows_ingest_seen(db, p->e.ingest_token_id,
                                          p->e.event_id, &before, err);
        if (st != OK || before)
            return st != OK ? st : E_EXISTS;
    }
    return query_book(db, &p->e, seen, err);
}

static struct slice tenant_name(struct request *r, int64_t id)
{
    const struct snapshot *s = catalog_ref(control_conf(r->control)->catalog);
    const struct tenant *t = snapshot_tenant(s, id);
    struct slice name =
        t != NULL ? arena_dup(&r->arena, t->name) : slice(NULL, 0);
    snapshot_unref(&s);
    return name;
}

static void count(struct request *r, const char *result)
{
    const struct slice l[4] = {slice_str(result)};
    metric_add(control_conf(r->control)->metrics, M_INGEST, l, 1);
}

/* Reads the body as a JSON object; false: answered. */
static bool read_body(struct report *p)
{
    struct request *r = p->r;
    struct json *v = NULL;
    struct err err;
    if (!r->is_json)
        return fail(p, 400, "Content-Type must be application/json");
    if (r->body.n == 0 || json_parse(&r->arena, r->body, &v, &err) != OK ||
        v->type != JSON_OBJECT || v->child == NULL)
        return fail(p, 400, "JSON body required");
    p->body = v;
    return true;
}

/* The token of the body: known, active, with room in its bucket. */
static bool read_token(struct report *p)
{
    struct request *r = p->r;
    const struct control_conf *c = control_conf(r->control);
    const struct json *v = member(p->body, "tracking_token", "trackingToken");
    struct ingest_row *t;
    struct err err;
    int64_t left, retry;
    int n = 0;
    if (v == NULL || v->type != JSON_STRING || v->text.n == 0)
        return fail(p, 400, "tracking_token is required");
    if (rows_ingest_list(c->db, &r->arena, v->text, &t, &n, &err) != OK) {
        request_fault(r, E_IO, &err);
        return false;
    }
    if (n == 0)
        return fail(p, 404, "Unknown tracking token");
    if (!t->active)
        return fail(p, 403, "Tracking token is inactive");
    if (!buckets_take(control_buckets(r->control, true), v->text, r->now_ms,
                      &left, &retry)) {
        const struct slice l[4] = {SLICE("ingest")};
        metric_add(c->metrics, M_RATE_HITS, l, 1);
        r->extra[r->extra_count++] = (struct http_field){
            SLICE("Retry-After"),
            arena_printf(&r->arena, "%lld", (long long)retry)};
        return fail(p, 429, "Rate limit exceeded");
    }
    p->e.ingest_token_id = t->id;
    p->e.tenant_id = t->tenant_id;
    p->e.tenant = tenant_name(r, t->tenant_id);
    return true;
}

static void answer(struct report *p, enum status st, const struct err *err)
{
    struct json_out o;
    if (st != OK && st != E_EXISTS) {
        request_fault(p->r, st, err);
        return;
    }
    count(p->r, st == OK ? "success" : "duplicate");
    request_json(p->r, &o);
    json_obj(&o);
    if (st == E_EXISTS) {
        json_kbool(&o, "duplicate", true);
    } else {
        p->r->status = 201;
        json_kstr(&o, "id", slice(p->e.request_id, 32));
        json_kbool(&o, "ok", true);
    }
    json_obj_end(&o);
}

void ingest_post(struct request *r)
{
    struct report p = {.r = r, .e = {.route = SLICE("/ingest")}};
    struct err err;
    if (!read_body(&p) || !read_token(&p) || !read_report(&p, "costUsd")) {
        count(r, "validation_error");
        return;
    }
    answer(&p, book(&p, &err), &err);
}

void ingest_log(struct request *r)
{
    struct report p = {
        .r = r, .e = {.route = SLICE("/log"), .reason = SLICE("legacy")}};
    const struct control_conf *c = control_conf(r->control);
    struct json_out o;
    struct err err;
    if (!read_body(&p) || !read_report(&p, "estimatedCostUSD"))
        return;
    enum status st = rows_tenant_ensure(c->db, SLICE("ingest"), ORIGIN_INGEST,
                                        INT64_MAX, &p.e.tenant_id, &err);
    p.e.tenant = SLICE("ingest");
    if (st == OK)
        st = book(&p, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    json_kstr(&o, "message", SLICE("Data logged successfully"));
    json_kstr(&o, "warning",
              SLICE("DEPRECATED: This endpoint is deprecated. Please migrate "
                    "to POST /ingest with tracking tokens."));
    json_obj_end(&o);
}

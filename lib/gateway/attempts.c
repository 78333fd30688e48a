/* attempts.c - another try: by another key, or of another model.
 *
 * Off unless UPSTREAM_ATTEMPTS or FALLBACKS say so.  A try is only made again
 * while the client has been told nothing and the provider has done nothing
 * that costs: nothing was sent, or it answered 429, 5xx, or refused our key.
 * The hold is taken once, for the dearest of all candidates, so that whoever
 * answers stays below it.
 *
 * A provider that says when (Retry-After, retry-after-ms) and means soon is
 * waited for on a timer of the loop; who leaves meanwhile ends the wait.
 */
#include "gateway/exchange.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "http/header.h"
#include "http/retry_after.h"
#include "price/book.h"
#include "price/cost.h"
#include "provider/keys.h"
#include "provider/tokens.h"

#define REST_MS 10000 /* of a key that failed without a word about when */

/* ---- candidates --------------------------------------------------------- */

static int64_t dearer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* True if `provider` can be asked on this route. */
static bool reachable(const struct exchange *x, enum provider_id provider)
{
    const struct gateway *g = x->gl->gateway;
    if (!provider_configured(g->providers, provider))
        return false;
    if (translate_wanted(&x->route, provider))
        return true;
    return provider_family(provider) == x->route.family &&
           !(provider == PROVIDER_MISTRAL && x->desc.edit.add_usage);
}

/* What the request can be billed with by another model: its tokenizer, its
 * rules for pictures and tools, and what translation may add. */
static bool bound_other(struct exchange *x, struct call *other)
{
    const struct call *was = &x->call;
    struct describe_in in = exchange_describe_in(x);
    if (tokens_alike(was->provider, was->model, other->provider, other->model))
        in.counter.count = NULL;
    if (!describe_other(x->gl->describer, &in, &x->desc, other))
        return false;
    other->input_bound += TRANSLATE_INPUT;
    return true;
}

/* Prices a candidate and raises the worst case to it. */
static bool add(struct exchange *x, const struct book *book,
                const struct cost_limits *limits, struct slice name)
{
    struct candidate *c = &x->candidates[x->candidate_count];
    struct call other = x->call;
    *c = (struct candidate){.model = name};
    if (name.p == NULL)
        return false;
    c->provider = book_resolve(book, &c->model, x->ts_ms);
    const struct price *p = book_find(book, c->provider, c->model, x->ts_ms);
    if (p == NULL || !reachable(x, c->provider))
        return false;
    other.provider = c->provider;
    other.model = c->model;
    if (!bound_other(x, &other))
        return false;
    struct cost_limits l = *limits;
    bool claude = c->provider == PROVIDER_ANTHROPIC &&
                  x->route.family != FAMILY_ANTHROPIC;
    if (claude && l.default_max_tokens == 0)
        l.default_max_tokens = TRANSLATE_OUTPUT;
    bool must = cost_worst(p, &l, &other) || claude;
    c->limit = must && other.max_output < 0 ? other.worst.out_tokens : 0;
    struct worst *w = &x->call.worst;
    if (other.worst.fixed_pico > w->fixed_pico)
        w->fixed_pico = other.worst.fixed_pico;
    w->out_pico = dearer(w->out_pico, other.worst.out_pico);
    w->out_tokens = dearer(w->out_tokens, other.worst.out_tokens);
    x->candidate_count++;
    return true;
}

void attempts_plan(struct exchange *x, const struct snapshot *s,
                   const struct cost_limits *limits)
{
    const struct gateway_conf *conf = &x->gl->gateway->conf;
    struct slice names[FALLBACKS_EACH];
    x->attempts_left = conf->attempts - 1;
    if (x->call.klass != ROUTE_METERED || !x->route.body_is_json ||
        x->route.azure || x->target.client_key)
        return;
    int n = fallbacks_of(snapshot_fallbacks(s, NULL), x->call.model, names);
    if (n == 0)
        return;
    x->attempts_left = (int)dearer(x->attempts_left, n);
    for (int i = 0; i < n; i++)
        // the snapshot may be gone when the first model fails
        (void)add(x, snapshot_book(s), limits, arena_dup(&x->arena, names[i]));
}

/* ---- whether ------------------------------------------------------------ */

static bool is_passing(int status)
{
    return status == 429 || status == 500 || status == 502 || status == 503 ||
           status == 504 || status == 529;
}

/* The key that was used rests as long as the provider says. */
static void rest_key(struct exchange *x, int64_t told_ms)
{
    struct keys *k =
        provider_keys(x->gl->gateway->providers, x->target.provider);
    if (x->target.client_key || k == NULL)
        return;
    keys_rest(k, x->target.key_index,
              clock_now_ms() + (told_ms > 0 ? told_ms : REST_MS));
}

/* True if the model that was asked may be asked again; sets how soon.  Whoever
 * has a chain gets the next model now rather than this one later. */
static bool same_again(struct exchange *x, int status, int64_t told_ms)
{
    const struct gateway_conf *conf = &x->gl->gateway->conf;
    const struct keys *k =
        provider_keys(x->gl->gateway->providers, x->target.provider);
    int64_t wait;
    x->again_ms = 0;
    if (conf->attempts < 2 || x->target.client_key || k == NULL)
        return false;
    if (keys_count(k) > 1)
        wait = keys_wait_ms(k, clock_now_ms());
    else if (told_ms >= 0)
        wait = told_ms;
    else
        return status >= 500; // the only key, and nobody says when
    if (wait == 0)
        return true;
    x->again_ms = wait;
    return wait <= conf->retry_max_ms &&
           x->candidate_at == x->candidate_count &&
           exchange_latency_ms(x) + wait <
               (int64_t)conf->silence_timeout_s * 1000;
}

bool attempts_want(struct exchange *x, int status, const struct http_field *f,
                   int n)
{
    bool refused = (status == 401 || status == 403) && !x->target.client_key;
    if (x->answered || x->stream == NULL || x->gone || x->attempts_left <= 0 ||
        !(is_passing(status) || refused))
        return false;
    int64_t told = retry_after_ms(f, n, clock_now_ms());
    struct slice should = header_find(f, n, "x-should-retry");
    rest_key(x, told);
    x->again = !slice_eq_nocase(should, SLICE("false")) &&
               same_again(x, refused ? 429 : status, told);
    return x->again || x->candidate_at < x->candidate_count;
}

/* ---- the next ----------------------------------------------------------- */

/* The candidate's name into the body that goes out. */
static bool rename_model(struct exchange *x, struct slice name)
{
    struct buf b;
    if (x->desc.model_len == 0) // Google's stands in the path
        return x->route.family == FAMILY_GEMINI && x->route.model.n > 0;
    buf_init(&b, 6 * name.n + 2);
    json_quote(&b, name);
    struct slice q = arena_dup(&x->arena, buf_get(&b));
    buf_release(&b);
    if (q.p == NULL || q.n < 2)
        return false;
    x->desc.edit.model_from = x->desc.model_at;
    x->desc.edit.model_to = x->desc.model_at + x->desc.model_len;
    x->desc.edit.model_put = slice(q.p + 1, q.n - 2);
    return true;
}

/* The output limit it gets: the client's stays; ours is never above the one
 * that was held. */
static void set_limit(struct exchange *x, const struct candidate *c)
{
    if (x->call.max_output >= 0 || c->limit == 0)
        return;
    if (x->limit_sent == 0 || c->limit < x->limit_sent)
        x->limit_sent = c->limit;
}

static bool turn_to(struct exchange *x, const struct candidate *c)
{
    struct refuse_more more = {0};
    struct slice body_model = c->model;
    translation_free(&x->translation);
    x->call.provider = c->provider;
    x->call.model = c->model;
    if (exchange_translate(x, &more) != R_NONE)
        return false;
    if (x->translation == NULL && !rename_model(x, body_model))
        return false;
    set_limit(x, c);
    x->event.model_answered = c->model;
    return true;
}

/* One try after the other until one is under way. */
static bool try_on(struct exchange *x)
{
    struct refuse_more more = {0};
    for (bool again = x->again; x->attempts_left > 0; again = false) {
        x->attempts_left--;
        if (!again) {
            if (x->candidate_at == x->candidate_count)
                return false;
            if (!turn_to(x, &x->candidates[x->candidate_at++]))
                continue;
        }
        if (exchange_target(x, &more) != R_NONE)
            continue;
        log_line(LOG_WARN, "trying again",
                 LF_C("request_id", x->event.request_id),
                 LF_C("provider", provider_wire(x->target.provider)),
                 LF_S("model", x->call.model));
        exchange_forward(x);
        return true;
    }
    return false;
}

static void pause_over(void *arg)
{
    struct exchange *x = arg;
    if (!try_on(x))
        answer_gave_out(x);
}

bool attempts_pausing(const struct exchange *x)
{
    return x->pause.heap_index != 0;
}

bool attempts_next(struct exchange *x)
{
    inflate_free(&x->decode);
    buf_clear(&x->edited);
    buf_clear(&x->relay);
    x->metering = x->opaque = x->retry = x->sent = false;
    x->status = 0;
    if (!x->again || x->again_ms == 0)
        return try_on(x);
    x->pause.fn = pause_over;
    x->pause.arg = x;
    loop_timer_set(x->gl->loop, &x->pause, x->again_ms * 1000);
    return true;
}

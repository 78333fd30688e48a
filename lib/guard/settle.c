/* settle.c - see settle.h. */
#include "guard/settle.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "price/cost.h"

#define DETAIL_MAX 2048

static const char *tier_name(enum tier t)
{
    switch (t) {
    case TIER_STANDARD:
        return "standard";
    case TIER_FLEX:
        return "flex";
    case TIER_PRIORITY:
        return "priority";
    case TIER_BATCH:
        return "batch";
    }
    return "standard";
}

static void knum_if(struct json_out *o, const char *key, int64_t v)
{
    if (v != 0)
        json_knum(o, key, v);
}

/* What the plain columns do not say, so that a row can be recomputed. */
static struct slice detail_of(const struct usage *u, struct arena *a)
{
    struct buf b;
    struct json_out o;
    buf_init(&b, DETAIL_MAX);
    json_out_init(&o, &b);
    json_obj(&o);
    knum_if(&o, "cache_write_1h", u->cache_write_1h);
    knum_if(&o, "audio_in", u->audio_in);
    knum_if(&o, "image_in", u->image_in);
    knum_if(&o, "audio_out", u->audio_out);
    knum_if(&o, "image_out", u->image_out);
    knum_if(&o, "web_searches", u->web_searches);
    knum_if(&o, "images", u->images);
    knum_if(&o, "audio_ms", u->audio_ms);
    knum_if(&o, "characters", u->characters);
    if (u->tier != TIER_STANDARD)
        json_kstr(&o, "tier", slice_str(tier_name(u->tier)));
    if (u->fast)
        json_kbool(&o, "fast", true);
    if (u->region_us || u->region_eu)
        json_kstr(&o, "region", u->region_us ? SLICE("us") : SLICE("eu"));
    json_obj_end(&o);
    struct slice out = {NULL, 0};
    if (!b.failed && b.n > 2)
        out = arena_dup(a, buf_get(&b));
    buf_release(&b);
    return out;
}

/* The price to charge by: the answered model's if there is one. */
static const struct price *
price_for(const struct guard *g, const struct book *book, const struct call *c,
          const struct usage *u, int64_t at_ms, enum price_basis *basis)
{
    const struct price *p = NULL;
    *basis = BASIS_TABLE;
    if (u->model[0] != '\0')
        p = book_find(book, c->provider, slice_str(u->model), at_ms);
    if (p == NULL)
        p = book_find(book, c->provider, c->model, at_ms);
    if (p != NULL)
        return p;
    if (g->unknown_price == UNKNOWN_FREE) {
        *basis = BASIS_FREE;
        return NULL;
    }
    *basis = BASIS_ASSUMED;
    return book_dearest(book, c->provider, at_ms);
}

void settle_price(const struct guard *g, const struct book *book,
                  const struct call *c, const struct usage *u, struct arena *a,
                  struct event *e)
{
    struct cost cost = {0};
    enum price_basis basis = BASIS_NONE;
    const struct price *p = NULL;
    e->usage = *u;
    if (u->by != METERED_NONE) {
        p = price_for(g, book, c, u, e->ts_ms, &basis);
        if (p != NULL)
            cost_of(p, u, &cost);
        e->detail = detail_of(u, a);
    }
    e->usd = cost.nano;
    e->price_version = p != NULL ? p->version : 0;
    e->basis = basis;
}

void settle_whole_hold(const struct call *c, int64_t hold_nano, struct event *e)
{
    e->usage = (struct usage){.by = METERED_HOLD};
    e->usd = hold_nano;
    e->price_version = c->worst.price_version;
    e->basis = (enum price_basis)c->worst.basis;
}

enum status settle_hold(const struct guard *g, uint64_t hold_id,
                        const struct event *e, struct err *err)
{
    struct settlement s = {
        .hold_id = hold_id, .usd = e->usd, .tokens = -1, .event = e};
    if (e->usage.by != METERED_HOLD)
        s.tokens = e->usage.input + e->usage.output;
    enum status st = counters_settle(g->counters, &s, err);
    if (st != OK)
        return st;
    if (e->usd > e->held) {
        const struct slice none[4] = {{0}};
        metric_add(g->metrics, M_OVERRUNS, none, 1);
        log_line(LOG_WARN, "overrun", LF_C("request_id", e->request_id),
                 LF_N("usd_nano", e->usd), LF_N("held_nano", e->held));
    }
    settle_count(g, e);
    return OK;
}

enum status settle_row(const struct guard *g, const struct event *e,
                       struct err *err)
{
    enum status st = counters_append(g->counters, e, NULL, err);
    if (st == OK)
        settle_count(g, e);
    return st;
}

static const char *const providers[PROVIDER_COUNT] = {[PROVIDER_NONE] = "",
#define X(id, wire, people) [id] = wire,
                                                      PROVIDERS(X)
#undef X
};

static const char *const statuses[] = {
    [EVENT_NONE] = "",
    [EVENT_SUCCESS] = "success",
    [EVENT_BLOCKED] = "blocked",
    [EVENT_FAILED] = "failed",
    [EVENT_INTERRUPTED] = "interrupted",
};

static void count_tokens(const struct guard *g, const struct event *e,
                         struct slice provider)
{
    const struct {
        const char *kind;
        int64_t n;
    } kinds[] = {{"input", e->usage.input},
                 {"cached", e->usage.cached},
                 {"output", e->usage.output},
                 {"reasoning", e->usage.reasoning}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct slice l[4] = {slice_str(kinds[i].kind), provider,
                                   e->model};
        if (kinds[i].n > 0)
            metric_add(g->metrics, M_TOKENS, l, kinds[i].n);
    }
}

void settle_count(const struct guard *g, const struct event *e)
{
    struct slice provider = slice_str(providers[e->provider]);
    const struct slice req[4] = {e->route, provider,
                                 slice_str(statuses[e->status]), e->reason};
    metric_add(g->metrics, M_REQUESTS, req, 1);
    count_tokens(g, e, provider);
    if (e->usd != 0) {
        const struct slice l[4] = {e->tenant, provider, e->model};
        metric_add(g->metrics, M_SPEND, l, e->usd);
    }
}

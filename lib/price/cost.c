/* cost.c - what a usage costs, and the most a call can cost.
 *
 * Both sides take their rates from one function, `effective`: the rates of a
 * tier, short or long context, with every class filled and every multiplier
 * applied.  The worst case is the dearest of it over all tiers that may serve
 * the call, so that (I1) for every usage within the bounds of a call,
 * cost_of(usage) <= cost_hold(worst, out_tokens): each input token costs at
 * most the dearest input class, each output token at most the dearest output
 * class, each counted extra is bounded by itself, and rounding half up never
 * passes rounding up.
 *
 * How a class that is not given falls back: tier, then base, then within the
 * result cached -> input, cache_write -> input, cache_write_1h ->
 * cache_write, audio and image -> the plain rate; a missing plain rate is
 * the dearer of its audio and image rates.  Past the long-context
 * threshold the tier's own long rates count; a class they leave out costs
 * the dearer of the tier's and of the standard long rate.
 *
 * A multiplied rate is rounded half up to a whole pico-dollar per token, so
 * a bill is tokens x rate, line by line; every published rate is exact.
 */
#include "price/cost.h"

#include <assert.h>
#include <string.h>

#include "base/money.h"

enum class {
    IN,
    CACHED,
    CACHE_WRITE,
    CACHE_WRITE_1H,
    OUT,
    AUDIO_IN,
    AUDIO_OUT,
    IMAGE_IN,
    IMAGE_OUT,
    CLASSES
};

_Static_assert(sizeof(struct rates) == CLASSES * sizeof(int64_t),
               "struct rates is its classes in this order");

#define NO_CONTEXT 2000000    /* the largest context on offer, where unknown */
#define COMPLETIONS_OUTPUT 16 /* what /v1/completions gives without a limit */
#define COUNT_MAX ((int64_t)1000000000000000) /* 10^15: no count is larger */
#define RATE_MAX ((int64_t)1 << 60)
#define PICO_MAX ((int128)1 << 120)

struct table {
    int64_t v[CLASSES];
};

static int64_t bounded(int64_t v)
{
    return v < 0 ? 0 : v > COUNT_MAX ? COUNT_MAX : v;
}

static int64_t dearer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static struct table load(const struct rates *r)
{
    struct table t;
    memcpy(t.v, r, sizeof(t.v));
    return t;
}

static const struct rates *tier_rates(const struct price *p, enum tier tier)
{
    switch (tier) {
    case TIER_FLEX:
        return &p->flex;
    case TIER_PRIORITY:
        return &p->priority;
    case TIER_BATCH:
        return &p->batch;
    case TIER_STANDARD:
        break;
    }
    return &p->standard;
}

/* The long-context rates of a tier's own; NULL: it has none. */
static const struct rates *long_rates(const struct price *p, enum tier tier)
{
    if (tier == TIER_FLEX)
        return &p->long_flex;
    if (tier == TIER_PRIORITY)
        return &p->long_priority;
    return NULL;
}

/* What multiplies a rate, in thousandths. */
struct factors {
    int64_t fast, us, eu;
};

static int64_t factor(bool on, int permille)
{
    return on && permille > 0 ? permille : 1000;
}

static int64_t scaled(int64_t rate, const struct factors *f)
{
    int128 v = rate;
    const int64_t by[] = {f->fast, f->us, f->eu};
    if (by[0] == 1000 && by[1] == 1000 && by[2] == 1000)
        return rate;
    int128 parts = 1;
    for (int i = 0; i < 3; i++) {
        if (by[i] == 1000)
            continue;
        v *= by[i];
        parts *= 1000;
    }
    v = (v + parts / 2) / parts;
    return v > RATE_MAX ? RATE_MAX : (int64_t)v;
}

static void fill(struct table *t)
{
    static const unsigned char from[CLASSES] = {
        [IN] = IN,          [CACHED] = IN,
        [CACHE_WRITE] = IN, [CACHE_WRITE_1H] = CACHE_WRITE,
        [OUT] = OUT,        [AUDIO_IN] = IN,
        [AUDIO_OUT] = OUT,  [IMAGE_IN] = IN,
        [IMAGE_OUT] = OUT,
    };
    // a model that names one kind of output (images) has only that one
    if (t->v[OUT] < 0)
        t->v[OUT] = dearer(0, dearer(t->v[AUDIO_OUT], t->v[IMAGE_OUT]));
    if (t->v[IN] < 0)
        t->v[IN] = dearer(0, dearer(t->v[AUDIO_IN], t->v[IMAGE_IN]));
    for (int i = 0; i < CLASSES; i++) {
        if (t->v[i] < 0)
            t->v[i] = t->v[from[i]];
        if (t->v[i] > RATE_MAX)
            t->v[i] = RATE_MAX;
    }
}

/* The rate of every class for a tier, short or long. */
static struct table effective(const struct price *p, enum tier tier,
                              bool is_long, const struct factors *f)
{
    struct table base = load(&p->standard), t = base;
    struct table own = load(tier_rates(p, tier));
    for (int i = 0; i < CLASSES; i++)
        if (own.v[i] >= 0)
            t.v[i] = own.v[i];
    if (is_long) {
        struct table far = load(&p->long_ctx);
        const struct rates *r = long_rates(p, tier);
        struct table mine = r != NULL ? load(r) : load(&p->long_ctx);
        if (tier == TIER_BATCH)
            mine = far; // nobody publishes long batch rates: the dear side
        for (int i = 0; i < CLASSES; i++) {
            if (mine.v[i] >= 0)
                t.v[i] = mine.v[i];
            else if (far.v[i] >= 0)
                t.v[i] = dearer(own.v[i], far.v[i]);
        }
    }
    fill(&t);
    for (int i = 0; i < CLASSES; i++)
        t.v[i] = scaled(t.v[i], f);
    return t;
}

static bool reaches_long(const struct price *p, int64_t input)
{
    if (p->long_above <= 0)
        return false;
    return p->long_inclusive ? input >= p->long_above : input > p->long_above;
}

/* ---- worst case --------------------------------------------------------- */

static void raise_to(struct table *top, const struct table *t)
{
    for (int i = 0; i < CLASSES; i++)
        top->v[i] = dearer(top->v[i], t->v[i]);
}

/* The dearest rate of every class over all that may serve the call.  A
 * provider may always serve a cheaper tier than asked; priority only when
 * asked. */
static struct table dearest(const struct price *p, const struct call *c,
                            int64_t input)
{
    struct factors f = {
        dearer(1000, factor(c->fast, p->fast_permille)),
        dearer(1000, factor(c->region_us, p->us_permille)),
        dearer(1000, factor(c->region_eu, p->eu_permille)),
    };
    struct table top = {{0}};
    static const enum tier tiers[] = {TIER_STANDARD, TIER_FLEX, TIER_BATCH,
                                      TIER_PRIORITY};
    for (int i = 0; i < 4; i++) {
        if (tiers[i] == TIER_PRIORITY && c->tier != TIER_PRIORITY)
            continue;
        struct table t = effective(p, tiers[i], false, &f);
        raise_to(&top, &t);
        if (!reaches_long(p, input))
            continue;
        t = effective(p, tiers[i], true, &f);
        raise_to(&top, &t);
    }
    return top;
}

/* Answers with text, audio or images bill output tokens; these do not. */
static bool has_output(enum op op)
{
    return op != OP_EMBEDDINGS && op != OP_MODERATIONS;
}

/* Output tokens per choice.  `*must_send`: only a limit written into the
 * request makes this bound true. */
static int64_t output_bound(const struct price *p,
                            const struct cost_limits *lim, const struct call *c,
                            bool *must_send, bool *unknown)
{
    int64_t most = p != NULL ? bounded(p->max_output) : 0;
    *must_send = *unknown = false;
    if (!has_output(c->op))
        return 0;
    if (c->max_output >= 0)
        return bounded(c->max_output);
    bool settable = lim->default_max_tokens > 0 && c->output_is_limitable;
    // OpenAI's own default on this route; other servers have other ones
    if (c->op == OP_COMPLETIONS && !settable &&
        (c->provider == PROVIDER_OPENAI || c->provider == PROVIDER_AZURE ||
         c->provider == PROVIDER_DEMO))
        return COMPLETIONS_OUTPUT;
    if (settable && (most == 0 || lim->default_max_tokens < most)) {
        *must_send = true;
        return bounded(lim->default_max_tokens);
    }
    if (most > 0)
        return most;
    *must_send = c->output_is_limitable;
    *unknown = !c->output_is_limitable;
    return COST_UNKNOWN_OUTPUT;
}

static int128 extras(const struct price *p, const struct call *c)
{
    return (int128)bounded(c->web_searches) * bounded(p->web_search) * 1000 +
           (int128)bounded(c->images) * bounded(p->per_image) * 1000 +
           (int128)bounded(c->characters) * bounded(p->per_char);
}

bool cost_worst(const struct price *p, const struct cost_limits *lim,
                struct call *c)
{
    struct worst w = {.basis = BASIS_FREE};
    bool must_send, unknown;
    w.out_tokens = output_bound(p, lim, c, &must_send, &unknown);
    if (c->klass != ROUTE_METERED) {
        c->worst = (struct worst){.basis = BASIS_NONE};
        return false;
    }
    if (p == NULL) {
        c->worst = w;
        return must_send;
    }
    w.basis = p->version != 0 ? BASIS_TABLE : BASIS_ASSUMED;
    w.price_version = p->version;

    int64_t input = bounded(c->input_bound);
    if (c->input_is_context)
        input =
            dearer(input, p->context > 0 ? bounded(p->context) : NO_CONTEXT);
    struct table top = dearest(p, c, input);
    int64_t in = top.v[IN], out = top.v[OUT];
    static const enum class ins[] = {CACHED, CACHE_WRITE, CACHE_WRITE_1H,
                                     AUDIO_IN, IMAGE_IN};
    for (int i = 0; i < 5; i++)
        in = dearer(in, top.v[ins[i]]);
    out = dearer(out, dearer(top.v[AUDIO_OUT], top.v[IMAGE_OUT]));

    int64_t times = dearer(1, bounded(c->choices));
    if (c->op == OP_IMAGES)
        times = dearer(times, bounded(c->images)); // each has its tokens
    int128 per = (int128)out * times;
    w.out_pico = per > INT64_MAX ? INT64_MAX : (int64_t)per;
    w.fixed_pico = (int128)input * in + extras(p, c);
    if (w.fixed_pico > PICO_MAX)
        w.fixed_pico = PICO_MAX;
    int128 least = (int128)dearer(0, lim->fallback_hold) * 1000;
    if ((c->unbounded || unknown) && w.fixed_pico < least)
        w.fixed_pico = least;
    c->worst = w;
    return must_send;
}

int64_t cost_hold(const struct worst *w, int64_t tokens)
{
    if (tokens < 0)
        tokens = 0;
    return money_ceil(w->fixed_pico + (int128)w->out_pico * tokens);
}

/* ---- cost --------------------------------------------------------------- */

static void line(struct cost *c, int128 *sum, const char *kind, int64_t count,
                 int64_t pico, int64_t unit)
{
    if (count <= 0)
        return;
    assert(c->line_count < COST_LINES);
    struct cost_line *l = &c->lines[c->line_count++];
    l->kind = kind;
    l->tokens = count;
    l->pico = pico;
    l->total_pico = (int128)count * pico * unit;
    *sum += l->total_pico;
}

/* `want` of what is left, never more: parts that do not fit into their total
 * are cut, in the order of the calls. */
static int64_t take(int64_t *left, int64_t want)
{
    int64_t n = bounded(want);
    if (n > *left)
        n = *left;
    *left -= n;
    return n;
}

void cost_of(const struct price *p, const struct usage *u, struct cost *out)
{
    int128 sum = 0;
    memset(out, 0, sizeof(*out));
    if (p == NULL)
        return;
    int64_t in = bounded(u->input), outs = bounded(u->output);
    struct factors f = {
        factor(u->fast, p->fast_permille),
        factor(u->region_us, p->us_permille),
        factor(u->region_eu, p->eu_permille),
    };
    struct table r = effective(p, u->tier, reaches_long(p, in), &f);

    // the dear classes first: an inconsistent usage is not billed too low
    int64_t audio = take(&in, u->audio_in), image = take(&in, u->image_in);
    int64_t w1h = take(&in, u->cache_write_1h);
    int64_t w = take(&in, u->cache_write), hit = take(&in, u->cached);
    int64_t image_out = take(&outs, u->image_out);
    int64_t audio_out = take(&outs, u->audio_out);

    line(out, &sum, "input", in, r.v[IN], 1);
    line(out, &sum, "cached", hit, r.v[CACHED], 1);
    line(out, &sum, "cache_write", w, r.v[CACHE_WRITE], 1);
    line(out, &sum, "cache_write_1h", w1h, r.v[CACHE_WRITE_1H], 1);
    line(out, &sum, "audio_in", audio, r.v[AUDIO_IN], 1);
    line(out, &sum, "image_in", image, r.v[IMAGE_IN], 1);
    line(out, &sum, "output", outs, r.v[OUT], 1);
    line(out, &sum, "audio_out", audio_out, r.v[AUDIO_OUT], 1);
    line(out, &sum, "image_out", image_out, r.v[IMAGE_OUT], 1);
    line(out, &sum, "web_search", bounded(u->web_searches),
         bounded(p->web_search), 1000);
    line(out, &sum, "images", bounded(u->images), bounded(p->per_image), 1000);
    // nano-dollars per second are pico-dollars per millisecond
    line(out, &sum, "audio_ms", bounded(u->audio_ms), bounded(p->per_audio_s),
         1);
    line(out, &sum, "characters", bounded(u->characters), bounded(p->per_char),
         1);
    out->nano = money_round(sum);
}

/* reading.c - usage as each family means it.
 *
 * OpenAI: cached, written, audio and reasoning are parts of their totals.
 * Anthropic: input excludes what a cache gave or took; all three are input.
 * Google: thoughts are beside the candidates and tool prompts beside the
 * prompt; zero-valued fields are left out.
 */
#include "provider/reading.h"

#include "base/money.h"

#define COUNT_MAX INT64_C(1000000000000)

void reading_start(struct reading *r, enum format format)
{
    *r = (struct reading){.format = format, .audio_ms = -1};
    for (int i = 0; i < V_NUMBERS; i++)
        r->val[i] = -1;
}

/* ---- one value ---------------------------------------------------------- */

static void number_set(int64_t *out, const struct scan_value *v)
{
    int64_t n;
    if (v->type == SCAN_NUMBER && !v->cut && money_scan(v->text, 0, &n) &&
        n >= 0 && n <= COUNT_MAX)
        *out = n;
}

/* Seconds with any number of decimals as ms, rounded up. */
static void seconds_set(int64_t *ms, const struct scan_value *v)
{
    struct slice whole = v->text, rest;
    int64_t n;
    if (v->type != SCAN_NUMBER || v->cut)
        return;
    size_t dot = slice_find(v->text, '.');
    rest = slice_skip(v->text, dot + 4);
    if (rest.n > 0)
        whole.n = dot + 4;
    if (!money_scan(whole, 3, &n) || n < 0 || n > COUNT_MAX)
        return;
    for (size_t i = 0; i < rest.n; i++)
        if (rest.p[i] < '0' || rest.p[i] > '9')
            return;
    *ms = n + (rest.n > 0);
}

static void model_set(struct reading *r, const struct scan_value *v)
{
    if (v->type != SCAN_STRING || v->text.n == 0 || v->cut ||
        v->text.n >= sizeof r->model)
        return;
    memcpy(r->model, v->text.p, v->text.n);
    r->model[v->text.n] = '\0';
}

/* A served tier, as OpenAI, Anthropic ("standard"), or Google ("FLEX",
 * "ON_DEMAND_PRIORITY") writes it. */
static void tier_set(struct reading *r, const struct scan_value *v)
{
    struct slice s = v->text;
    if (v->type != SCAN_STRING)
        return;
    if (slice_starts(s, "ON_DEMAND_"))
        s = slice_skip(s, 10);
    if (slice_eq_nocase(s, SLICE("flex")))
        r->tier = TIER_FLEX;
    else if (slice_eq_nocase(s, SLICE("priority")) || slice_is(s, "fast") ||
             slice_is(s, "ultrafast"))
        r->tier = TIER_PRIORITY;
    else if (slice_eq_nocase(s, SLICE("batch")))
        r->tier = TIER_BATCH;
    else
        r->tier = TIER_STANDARD;
}

/* Numbers of the element being read of a list. */
static bool item_take(struct reading *r, int fact, const struct scan_value *v)
{
    bool string = v->type == SCAN_STRING;
    switch (fact) {
    case P_TURN_TYPE:
        r->item_compaction = string && slice_is(v->text, "compaction");
        return true;
    case P_TURN_INPUT:
        number_set(&r->item.input, v);
        return true;
    case P_TURN_READ:
        number_set(&r->item.read, v);
        return true;
    case P_TURN_WRITTEN:
        number_set(&r->item.written, v);
        return true;
    case P_TURN_OUTPUT:
        number_set(&r->item.output, v);
        return true;
    case P_PART_KIND:
        r->item_audio = string && slice_is(v->text, "AUDIO");
        r->item_image = string && slice_is(v->text, "IMAGE");
        return true;
    case P_PART_TOKENS:
        number_set(&r->item_tokens, v);
        return true;
    default:
        return false;
    }
}

static void add(int64_t *sum, int64_t v)
{
    *sum = *sum + v > COUNT_MAX ? COUNT_MAX : *sum + v;
}

/* An element of a list has ended. */
static void item_end(struct reading *r, bool turn)
{
    struct reading_list *o = &r->open;
    if (turn && r->item_compaction) {
        add(&o->input, r->item.input);
        add(&o->read, r->item.read);
        add(&o->written, r->item.written);
        add(&o->output, r->item.output);
    } else if (!turn) {
        add(&o->audio, r->item_audio ? r->item_tokens : 0);
        add(&o->image, r->item_image ? r->item_tokens : 0);
    }
    r->item = (struct reading_list){0};
    r->item_tokens = 0;
    r->item_audio = r->item_image = r->item_compaction = false;
}

/* A list has ended: it replaces the one of an earlier event. */
static void list_end(struct reading *r, struct reading_list *whole)
{
    *whole = r->open;
    r->open = (struct reading_list){0};
}

static bool list_take(struct reading *r, int fact, const struct scan_value *v)
{
    switch (fact) {
    case P_TURN:
        item_end(r, true);
        return true;
    case P_PART_IN:
    case P_PART_CACHED:
    case P_PART_OUT:
        item_end(r, false);
        return true;
    case P_TURNS:
        list_end(r, &r->turns);
        return true;
    case P_PARTS_IN:
        list_end(r, &r->parts_in);
        return true;
    case P_PARTS_CACHED:
        list_end(r, &r->parts_cached);
        return true;
    case P_PARTS_OUT:
        list_end(r, &r->parts_out);
        return true;
    default:
        return item_take(r, fact, v);
    }
}

void reading_take(struct reading *r, int fact, const struct scan_value *v)
{
    if (fact < V_NUMBERS) {
        number_set(&r->val[fact], v);
        return;
    }
    if (list_take(r, fact, v))
        return;
    switch (fact) {
    case P_SECONDS:
    case P_DURATION:
        seconds_set(&r->audio_ms, v);
        break;
    case P_MODEL:
        model_set(r, v);
        break;
    case P_TIER:
        tier_set(r, v);
        break;
    case P_SPEED:
        r->fast = v->type == SCAN_STRING && slice_is(v->text, "fast");
        break;
    case P_GEO:
        r->region_us = v->type == SCAN_STRING && slice_is(v->text, "us");
        break;
    case P_DATA:
        if (v->type == SCAN_ARRAY)
            r->data_items = v->count;
        break;
    case P_QUERIES:
        if (v->type == SCAN_ARRAY && v->count > r->queries)
            r->queries = v->count;
        break;
    default:
        break;
    }
}

/* ---- what it means ------------------------------------------------------ */
static int64_t or_zero(int64_t v)
{
    return v > 0 ? v : 0;
}

/* The first of two that was given, as a part of what is left of a whole. */
static int64_t part(int64_t a, int64_t b, int64_t *left)
{
    int64_t v = or_zero(a >= 0 ? a : b);
    if (v > *left)
        v = *left;
    *left -= v;
    return v;
}

static void openai_input(const struct reading *r, struct usage *u)
{
    const int64_t *v = r->val;
    int64_t left, written, long_lived;

    u->input = v[V_INPUT] >= 0 ? v[V_INPUT] : v[V_PROMPT];
    if (u->input < 0 && v[V_TOTAL] >= 0)
        u->input = v[V_TOTAL] - or_zero(v[V_COMPLETION]);
    u->input = left = or_zero(u->input);
    u->cached = v[V_I_CACHED] >= 0   ? v[V_I_CACHED]
                : v[V_T_CACHED] >= 0 ? v[V_T_CACHED]
                                     : v[V_P_CACHED];
    u->cached = part(u->cached, v[V_DS_HIT], &left);
    written = part(v[V_I_WRITTEN], v[V_P_WRITTEN], &left);
    long_lived = or_zero(v[V_I_WRITTEN_12H]);
    if (long_lived > written)
        long_lived = written;
    u->cache_write = written - long_lived;
    u->cache_write_1h = long_lived;
    u->audio_in = v[V_I_AUDIO] >= 0 ? v[V_I_AUDIO] : v[V_T_AUDIO];
    u->audio_in = part(u->audio_in, v[V_P_AUDIO], &left);
    u->image_in = part(v[V_I_IMAGE], v[V_P_IMAGE], &left);
}

static void openai_output(const struct reading *r, enum op op, struct usage *u)
{
    const int64_t *v = r->val;
    int64_t left;

    u->output = v[V_OUTPUT] >= 0 ? v[V_OUTPUT] : v[V_COMPLETION];
    u->output = or_zero(u->output);
    /* xAI and Google count reasoning outside completion_tokens */
    if (v[V_PROMPT] >= 0 && v[V_OUTPUT] < 0 &&
        v[V_TOTAL] - v[V_PROMPT] > u->output)
        u->output = v[V_TOTAL] - v[V_PROMPT];
    left = u->output;
    u->reasoning = part(v[V_O_REASONING], v[V_C_REASONING], &left);
    left = u->output;
    u->audio_out = part(v[V_O_AUDIO], v[V_C_AUDIO], &left);
    u->image_out = part(v[V_O_IMAGE], v[V_C_IMAGE], &left);
    if (op == OP_IMAGES && v[V_O_IMAGE] < 0)
        u->image_out = u->output;
}

/* Models that search the web with each answer and do not count it. */
static bool searches_always(const struct reading *r, enum op op)
{
    return op == OP_CHAT && strstr(r->model, "-search") != NULL;
}

static bool any_seen(const struct reading *r)
{
    for (int i = V_PROMPT; i <= V_OUTPUT; i++)
        if (r->val[i] >= 0)
            return true;
    return r->audio_ms >= 0;
}

static bool openai_usage(const struct reading *r, enum op op, struct usage *u)
{
    const int64_t *v = r->val;
    bool seen = any_seen(r);
    openai_input(r, u);
    openai_output(r, op, u);
    if (!seen && v[V_GROQ_PROMPT] >= 0 && v[V_GROQ_COMPLETION] >= 0) {
        u->input = v[V_GROQ_PROMPT];
        u->output = v[V_GROQ_COMPLETION];
        seen = true;
    }
    /* pictures made by a tool are billed beside the text */
    int64_t gen = or_zero(v[V_GEN_OUTPUT]);
    u->input += or_zero(v[V_GEN_INPUT]);
    u->image_in += or_zero(v[V_GEN_INPUT]);
    u->output += gen;
    u->image_out += gen;
    u->audio_ms = or_zero(r->audio_ms);
    if (op == OP_IMAGES && !seen && r->data_items > 0) {
        u->images = r->data_items;
        seen = true;
    }
    int64_t calls =
        r->searches > r->item_searches ? r->searches : r->item_searches;
    if (seen && calls == 0 && searches_always(r, op))
        calls = 1;
    u->web_searches = v[V_SEARCHES] >= 0 ? v[V_SEARCHES] : calls;
    return seen;
}

static bool claude_usage(const struct reading *r, struct usage *u)
{
    const int64_t *v = r->val;
    const struct reading_list *c = &r->turns; // compaction only
    int64_t parts = or_zero(v[V_A_5M]) + or_zero(v[V_A_1H]), left;
    int64_t written = v[V_A_WRITTEN] >= 0 ? v[V_A_WRITTEN] : parts;

    left = written;
    u->cache_write_1h = part(v[V_A_1H], -1, &left);
    u->cache_write = left + c->written;
    u->cached = or_zero(v[V_A_READ]) + c->read;
    u->input = or_zero(v[V_INPUT]) + c->input + u->cached + u->cache_write +
               u->cache_write_1h;
    u->output = left = or_zero(v[V_OUTPUT]) + c->output;
    u->reasoning = part(v[V_O_REASONING], -1, &left);
    u->web_searches = or_zero(v[V_SEARCHES]);
    u->fast = r->fast;
    u->region_us = r->region_us;
    return any_seen(r);
}

/* Search is billed per query since Gemini 3, per grounded answer before. */
static int64_t gemini_searches(const struct reading *r)
{
    bool per_answer = strncmp(r->model, "gemini-1", 8) == 0 ||
                      strncmp(r->model, "gemini-2", 8) == 0;
    return r->queries > 0 && per_answer ? 1 : r->queries;
}

static bool gemini_usage(const struct reading *r, struct usage *u)
{
    const int64_t *v = r->val;
    int64_t left, thoughts = or_zero(v[V_G_THOUGHTS]);

    u->input = left = or_zero(v[V_PROMPT]) + or_zero(v[V_G_TOOL]);
    u->cached = part(v[V_G_CACHED], -1, &left);
    u->audio_in = part(r->parts_in.audio - r->parts_cached.audio, -1, &left);
    u->image_in = part(r->parts_in.image - r->parts_cached.image, -1, &left);
    u->output = or_zero(v[V_COMPLETION]) + thoughts;
    /* a total beyond its parts is output nobody named */
    if (v[V_TOTAL] > u->input + u->output)
        u->output = v[V_TOTAL] - u->input;
    left = u->output;
    u->reasoning = part(thoughts, -1, &left);
    u->audio_out = part(r->parts_out.audio, -1, &left);
    u->image_out = part(r->parts_out.image, -1, &left);
    u->web_searches = gemini_searches(r);
    return any_seen(r);
}

bool reading_usage(const struct reading *r, enum op op, struct usage *u)
{
    bool seen;
    if (r->format == FORMAT_CLAUDE)
        seen = claude_usage(r, u);
    else if (r->format == FORMAT_GEMINI || r->format == FORMAT_GEMINI_LIST)
        seen = gemini_usage(r, u);
    else
        seen = openai_usage(r, op, u);
    u->tier = r->tier;
    memcpy(u->model, r->model, sizeof u->model);
    u->by = seen ? METERED_PROVIDER : METERED_NONE;
    return seen;
}

/* import.c - LiteLLM's and genai-prices' lists as our rows.
 *
 * Both lists are decimal text, LiteLLM's printed from doubles: a figure such
 * as 3.7500000000000003e-07 means 3.75e-07.  So a number is read exactly, cut
 * to 15 significant digits (what a double surely holds), and only then
 * rounded up to our unit.
 *
 * What we cannot charge by is left out rather than imported as free: video,
 * pages, queries.  A model whose figures are all missing gives no row.
 */
#include "price/import.h"

#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/money.h"
#include "price/text.h"

#define ARENA_MAX ((size_t)256 << 20)
#define SIGNIFICANT 15
#define CONTEXT_MAX 1000000000000LL

struct import {
    struct arena a;
    struct buf *out;
    struct slice date;
    int rows;
    struct err *err;
};

/* ---- numbers ------------------------------------------------------------ */

struct number {
    char digits[64]; // significant digits
    int n;
    int64_t point; // value = 0.DIGITS * 10^point
};

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool read_number(struct slice s, struct number *out)
{
    size_t i = 0;
    bool point = false, any = false;
    int64_t exp = 0;
    out->n = 0;
    out->point = 0;
    for (; i < s.n && (digit(s.p[i]) || (s.p[i] == '.' && !point)); i++) {
        if (s.p[i] == '.') {
            point = true;
            continue;
        }
        any = true;
        bool lead = out->n == 0 && s.p[i] == '0';
        if (!lead && out->n < (int)sizeof(out->digits))
            out->digits[out->n++] = s.p[i];
        if (!point && !lead)
            out->point++;
        if (point && lead)
            out->point--;
    }
    if (any && i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        struct slice e = slice_skip(s, i + 1);
        if (!money_scan(e, 0, &exp) || exp > 1000 || exp < -1000)
            return false;
        i = s.n;
    }
    out->point += exp;
    return any && i == s.n;
}

/* Half up to 15 digits. */
static void drop_noise(struct number *v)
{
    if (v->n <= SIGNIFICANT)
        return;
    bool up = v->digits[SIGNIFICANT] >= '5';
    v->n = SIGNIFICANT;
    int i = SIGNIFICANT - 1;
    for (; up && i >= 0; i--) {
        up = v->digits[i] == '9';
        v->digits[i] = up ? '0' : (char)(v->digits[i] + 1);
    }
    if (up) { // 999... became 1000...
        v->digits[0] = '1';
        v->point++;
    }
}

/* The number in units of 10^-decimals, rounded up. */
static bool scan_up(const struct json *j, int decimals, int64_t *out)
{
    struct number v;
    if (j == NULL || (j->type != JSON_NUMBER && j->type != JSON_STRING) ||
        !read_number(j->text, &v))
        return false;
    drop_noise(&v);
    int128 value = 0;
    bool rest = false;
    int64_t whole = v.point + decimals; // digits before our point
    for (int i = 0; i < v.n; i++) {
        if (i >= whole) {
            rest |= v.digits[i] != '0';
            continue;
        }
        value = value * 10 + (v.digits[i] - '0');
    }
    for (int64_t i = v.n; v.n > 0 && i < whole; i++) {
        value *= 10;
        if (value > INT64_MAX)
            return false;
    }
    value += rest;
    if (value > TEXT_RATE_MAX)
        return false;
    *out = (int64_t)value;
    return true;
}

/* ---- rows --------------------------------------------------------------- */

struct source {
    const char *name; // as the list calls it
    enum provider_id id;
};

static enum provider_id known(const struct source *list, size_t n,
                              struct slice name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_is(name, list[i].name))
            return list[i].id;
    return PROVIDER_NONE;
}

static bool empty(const struct rates *r)
{
    static const struct rates none = {-1, -1, -1, -1, -1, -1, -1, -1, -1};
    return memcmp(r, &none, sizeof(none)) == 0;
}

static void write_row(struct import *im, const struct price *p)
{
    if (!text_name_ok(p->model) || (empty(&p->standard) && p->per_image == 0 &&
                                    p->per_char == 0 && p->per_audio_s == 0))
        return;
    text_write(im->out, p);
    im->rows++;
}

static enum status bad(struct import *im, struct slice model, const char *field)
{
    return err_set(im->err, E_INVALID, "price",
                   "model \"%.*s\": %s is no usable amount",
                   (int)(model.n > 60 ? 60 : model.n), model.p, field);
}

/* ---- LiteLLM ------------------------------------------------------------ */

enum unit { TOKEN, NANO, PICO };

static const struct field {
    const char *key;
    size_t at;
    enum unit unit;
} fields[] = {
#define F(key, m)                             \
    {                                         \
        key, offsetof(struct price, m), TOKEN \
    }
    F("input_cost_per_token", standard.in),
    F("output_cost_per_token", standard.out),
    F("cache_read_input_token_cost", standard.cached),
    F("cache_creation_input_token_cost", standard.cache_write),
    F("cache_creation_input_token_cost_above_1hr", standard.cache_write_1h),
    F("input_cost_per_audio_token", standard.audio_in),
    F("output_cost_per_audio_token", standard.audio_out),
    F("input_cost_per_image_token", standard.image_in),
    F("output_cost_per_image_token", standard.image_out),
    F("input_cost_per_token_flex", flex.in),
    F("output_cost_per_token_flex", flex.out),
    F("cache_read_input_token_cost_flex", flex.cached),
    F("cache_creation_input_token_cost_flex", flex.cache_write),
    F("input_cost_per_token_priority", priority.in),
    F("output_cost_per_token_priority", priority.out),
    F("cache_read_input_token_cost_priority", priority.cached),
    F("cache_creation_input_token_cost_priority", priority.cache_write),
    F("input_cost_per_audio_token_priority", priority.audio_in),
    F("input_cost_per_token_batches", batch.in),
    F("output_cost_per_token_batches", batch.out),
#undef F
    {"output_cost_per_image", offsetof(struct price, per_image), NANO},
    {"input_cost_per_second", offsetof(struct price, per_audio_s), NANO},
    {"input_cost_per_character", offsetof(struct price, per_char), PICO},
};

/* "<name>_above_<N>k_tokens[_flex|_priority]": rates of a long context. */
static const struct {
    const char *name;
    size_t at;
} long_fields[] = {
    {"input_cost_per_token", offsetof(struct rates, in)},
    {"output_cost_per_token", offsetof(struct rates, out)},
    {"cache_read_input_token_cost", offsetof(struct rates, cached)},
    {"cache_creation_input_token_cost", offsetof(struct rates, cache_write)},
};

static bool set(void *base, size_t at, const struct json *j, enum unit unit)
{
    int64_t v;
    if (j == NULL || j->type == JSON_NULL)
        return true;
    if (!scan_up(j, unit == NANO ? 9 : 12, &v))
        return false;
    memcpy((char *)base + at, &v, sizeof(v));
    return true;
}

/* Puts a long-context member into `p`; true if it is none or went well. */
static bool set_long(struct price *p, const struct json *j)
{
    for (size_t i = 0; i < sizeof(long_fields) / sizeof(long_fields[0]); i++) {
        if (!slice_starts(j->key, long_fields[i].name))
            continue;
        struct slice s = slice_skip(j->key, strlen(long_fields[i].name));
        if (!slice_starts(s, "_above_"))
            continue;
        s = slice_skip(s, 7);
        int64_t k;
        struct slice number = slice(s.p, slice_find(s, 'k'));
        s = slice_skip(s, number.n);
        if (!slice_starts(s, "k_tokens") || !money_scan(number, 0, &k) ||
            k < 1 || k > 100000)
            return true; // "_above_1hr": not a length
        s = slice_skip(s, 8);
        struct rates *r = slice_is(s, "")            ? &p->long_ctx
                          : slice_is(s, "_flex")     ? &p->long_flex
                          : slice_is(s, "_priority") ? &p->long_priority
                                                     : NULL;
        // of two thresholds the lower: what lies between is never too cheap
        if (r == NULL || (p->long_above != 0 && p->long_above < k * 1000))
            return true;
        p->long_above = k * 1000;
        return set(r, long_fields[i].at, j, TOKEN);
    }
    return true;
}

static int64_t limit_of(const struct json *m, const char *key)
{
    int64_t v;
    return json_i64(json_get(m, key), &v) && v > 0 && v <= CONTEXT_MAX ? v : 0;
}

static void set_factor(int *permille, const struct json *j)
{
    int64_t v;
    if (scan_up(j, 3, &v) && v >= 1 && v <= 1000000)
        *permille = (int)v;
}

static void litellm_extras(struct price *p, const struct json *m)
{
    const struct json *s = json_get(m, "search_context_cost_per_query");
    for (const struct json *q = s != NULL ? s->child : NULL; q != NULL;
         q = q->next) {
        int64_t v;
        if (scan_up(q, 9, &v) && v > p->web_search)
            p->web_search = v;
    }
    const struct json *e = json_get(m, "provider_specific_entry");
    set_factor(&p->fast_permille, json_get(e, "fast"));
    set_factor(&p->us_permille, json_get(e, "us"));
    set_factor(&p->us_permille,
               json_get(m, "regional_processing_uplift_multiplier_us"));
    set_factor(&p->eu_permille,
               json_get(m, "regional_processing_uplift_multiplier_eu"));
    p->context = limit_of(m, "max_input_tokens");
    p->max_output = limit_of(m, "max_output_tokens");
}

static enum status litellm_model(struct import *im, const struct json *m)
{
    static const struct source providers[] = {
        {"openai", PROVIDER_OPENAI},
        {"text-completion-openai", PROVIDER_OPENAI},
        {"azure", PROVIDER_AZURE},
        {"azure_text", PROVIDER_AZURE},
        {"anthropic", PROVIDER_ANTHROPIC},
        {"gemini", PROVIDER_GOOGLE},
        {"mistral", PROVIDER_MISTRAL},
        {"deepseek", PROVIDER_DEEPSEEK},
        {"xai", PROVIDER_XAI},
        {"groq", PROVIDER_GROQ},
        {"openrouter", PROVIDER_OPENROUTER},
        {"cohere", PROVIDER_COHERE},
        {"cohere_chat", PROVIDER_COHERE},
    };
    struct slice own = json_text(json_get(m, "litellm_provider"), SLICE(""));
    struct slice mode = json_text(json_get(m, "mode"), SLICE(""));
    struct price p;
    text_blank(&p);
    p.provider =
        known(providers, sizeof(providers) / sizeof(providers[0]), own);
    if (p.provider == PROVIDER_NONE || slice_is(mode, "video_generation") ||
        slice_is(mode, "ocr") || slice_is(mode, "rerank"))
        return OK;
    p.model = m->key;
    if (m->key.n > own.n + 1 && m->key.p[own.n] == '/' &&
        slice_eq(slice(m->key.p, own.n), own))
        p.model = slice_skip(m->key, own.n + 1);
    // "1024-x-1024/dall-e-2" is a size, not a model
    if (slice_is(mode, "image_generation") &&
        slice_find(p.model, '/') != p.model.n)
        return OK;
    p.text_source = SLICE("litellm");
    p.text_date = im->date;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (!set(&p, fields[i].at, json_get(m, fields[i].key), fields[i].unit))
            return bad(im, m->key, fields[i].key);
    // two passes: the lower threshold may come last
    for (int pass = 0; pass < 2; pass++)
        for (const struct json *j = m->child; j != NULL; j = j->next)
            if (!set_long(&p, j))
                return bad(im, m->key, "a long-context rate");
    p.long_inclusive =
        p.provider != PROVIDER_ANTHROPIC && p.provider != PROVIDER_GOOGLE;
    if (slice_is(mode, "image_generation") && p.per_image == 0 &&
        !set(&p, offsetof(struct price, per_image),
             json_get(m, "input_cost_per_image"), NANO))
        return bad(im, m->key, "input_cost_per_image");
    bool tokens =
        p.standard.in > 0 || p.standard.out > 0 || p.standard.image_out > 0;
    if (tokens) // listed a second time in another unit: billed once
        p.per_image = p.per_audio_s = p.per_char = 0;
    litellm_extras(&p, m);
    write_row(im, &p);
    return OK;
}

/* ---- genai-prices ------------------------------------------------------- */

/* A plain figure, or {"base", "tiers":[{"start","price"}]}. */
static bool genai_rate(struct price *p, size_t at, const struct json *j)
{
    const struct json *base = j, *tiers = NULL;
    int64_t v, start;
    if (j == NULL || j->type == JSON_NULL)
        return true;
    if (j->type == JSON_OBJECT) {
        base = json_get(j, "base");
        tiers = json_get(j, "tiers");
    }
    if (!scan_up(base, 6, &v))
        return false;
    memcpy((char *)&p->standard + at, &v, sizeof(v));
    for (const struct json *t = tiers != NULL ? tiers->child : NULL; t != NULL;
         t = t->next) {
        if (!json_i64(json_get(t, "start"), &start) || start < 1 ||
            start > CONTEXT_MAX || !scan_up(json_get(t, "price"), 6, &v))
            return false;
        if (p->long_above != 0 && start > p->long_above)
            continue;
        p->long_above = start;
        memcpy((char *)&p->long_ctx + at, &v, sizeof(v));
    }
    return true;
}

static enum status genai_row(struct import *im, const struct price *model,
                             const struct json *prices, int64_t from_ms)
{
    static const struct {
        const char *key;
        size_t at;
    } keys[] = {
        {"input_mtok", offsetof(struct rates, in)},
        {"output_mtok", offsetof(struct rates, out)},
        {"cache_read_mtok", offsetof(struct rates, cached)},
        {"cache_write_mtok", offsetof(struct rates, cache_write)},
        {"cache_write_1h_mtok", offsetof(struct rates, cache_write_1h)},
        {"input_audio_mtok", offsetof(struct rates, audio_in)},
        {"output_audio_mtok", offsetof(struct rates, audio_out)},
        {"input_image_mtok", offsetof(struct rates, image_in)},
        {"output_image_mtok", offsetof(struct rates, image_out)},
    };
    struct price p = *model;
    p.from_ms = from_ms;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (!genai_rate(&p, keys[i].at, json_get(prices, keys[i].key)))
            return bad(im, p.model, keys[i].key);
    p.long_inclusive =
        p.provider != PROVIDER_ANTHROPIC && p.provider != PROVIDER_GOOGLE;
    write_row(im, &p);
    return OK;
}

static enum status genai_model(struct import *im, enum provider_id provider,
                               const struct json *m)
{
    const struct json *prices = json_get(m, "prices");
    struct price p;
    text_blank(&p);
    p.provider = provider;
    p.model = json_text(json_get(m, "id"), SLICE(""));
    p.context = limit_of(m, "context_window");
    p.text_source = SLICE("genai-prices");
    p.text_date = im->date;
    if (prices == NULL)
        return OK;
    if (prices->type != JSON_ARRAY)
        return genai_row(im, &p, prices, 0);
    for (const struct json *c = prices->child; c != NULL; c = c->next) {
        const struct json *when = json_get(c, "constraint");
        int64_t from_ms = 0;
        bool date_only;
        if (when != NULL && when->type != JSON_NULL &&
            !clock_parse(json_text(json_get(when, "start_date"), SLICE("")),
                         &from_ms, &date_only))
            continue; // by time of day: the price without a constraint holds
        enum status st = genai_row(im, &p, json_get(c, "prices"), from_ms);
        if (st != OK)
            return st;
    }
    return OK;
}

static enum status genai_provider(struct import *im, const struct json *v)
{
    static const struct source providers[] = {
        {"openai", PROVIDER_OPENAI},
        {"azure", PROVIDER_AZURE},
        {"anthropic", PROVIDER_ANTHROPIC},
        {"google", PROVIDER_GOOGLE},
        {"mistral", PROVIDER_MISTRAL},
        {"deepseek", PROVIDER_DEEPSEEK},
        {"x-ai", PROVIDER_XAI},
        {"groq", PROVIDER_GROQ},
        {"openrouter", PROVIDER_OPENROUTER},
        {"cohere", PROVIDER_COHERE},
    };
    enum provider_id id =
        known(providers, sizeof(providers) / sizeof(providers[0]),
              json_text(json_get(v, "id"), SLICE("")));
    const struct json *models = json_get(v, "models");
    if (id == PROVIDER_NONE || models == NULL || models->type != JSON_ARRAY)
        return OK;
    for (const struct json *m = models->child; m != NULL; m = m->next) {
        enum status st = genai_model(im, id, m);
        if (st != OK)
            return st;
    }
    return OK;
}

/* ---- both --------------------------------------------------------------- */

static enum status import_root(struct import *im, const struct json *root)
{
    bool models = root->type == JSON_OBJECT;
    if (!models && root->type != JSON_ARRAY)
        return err_set(im->err, E_INVALID, "price",
                       "not a price list of LiteLLM or genai-prices");
    for (const struct json *v = root->child; v != NULL; v = v->next) {
        enum status st = OK;
        if (v->type == JSON_OBJECT && !slice_is(v->key, "sample_spec"))
            st = models ? litellm_model(im, v) : genai_provider(im, v);
        if (st != OK)
            return st;
    }
    if (im->rows == 0)
        return err_set(im->err, E_INVALID, "price",
                       "no price of a provider we know");
    if (im->out->failed)
        return err_set(im->err, E_TOO_BIG, "price", "price list too large");
    return OK;
}

enum status price_import(struct slice json, struct buf *out_text, int *rows,
                         struct err *err)
{
    char date[CLOCK_TEXT];
    size_t n = clock_format_date(clock_now_ms(), date);
    struct import im = {.out = out_text, .date = slice(date, n), .err = err};
    struct json *root = NULL;
    *rows = 0;
    arena_init(&im.a, ARENA_MAX);
    enum status st = json_parse(&im.a, json, &root, err);
    if (st == OK)
        st = import_root(&im, root);
    arena_release(&im.a);
    *rows = im.rows;
    return st;
}

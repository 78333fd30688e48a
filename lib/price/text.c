/* text.c - price rows: one table of keys for reading and writing. */
#include "price/text.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/money.h"

#define COUNT_MAX 1000000000000LL
#define NAME_MAX_BYTES 200

enum kind { RATE, USD, CHAR_USD, FACTOR, COUNT };

struct key {
    const char *name;
    enum kind kind;
    size_t at;
};

#define R(prefix, tier)                                                     \
    {prefix "in", RATE, offsetof(struct price, tier.in)},                   \
        {prefix "cached", RATE, offsetof(struct price, tier.cached)},       \
        {prefix "write", RATE, offsetof(struct price, tier.cache_write)},   \
        {prefix "write_1h", RATE,                                           \
         offsetof(struct price, tier.cache_write_1h)},                      \
        {prefix "out", RATE, offsetof(struct price, tier.out)},             \
        {prefix "audio_in", RATE, offsetof(struct price, tier.audio_in)},   \
        {prefix "audio_out", RATE, offsetof(struct price, tier.audio_out)}, \
        {prefix "image_in", RATE, offsetof(struct price, tier.image_in)},   \
    {                                                                       \
        prefix "image_out", RATE, offsetof(struct price, tier.image_out)    \
    }

static const struct key keys[] = {
    R("", standard),
    R("flex.", flex),
    R("priority.", priority),
    R("batch.", batch),
    R("long.", long_ctx),
    R("long_flex.", long_flex),
    R("long_priority.", long_priority),
    {"search", USD, offsetof(struct price, web_search)},
    {"image", USD, offsetof(struct price, per_image)},
    {"second", USD, offsetof(struct price, per_audio_s)},
    {"char", CHAR_USD, offsetof(struct price, per_char)},
    {"fast", FACTOR, offsetof(struct price, fast_permille)},
    {"us", FACTOR, offsetof(struct price, us_permille)},
    {"eu", FACTOR, offsetof(struct price, eu_permille)},
    {"context", COUNT, offsetof(struct price, context)},
    {"max_out", COUNT, offsetof(struct price, max_output)},
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

static const struct {
    enum provider_id id;
    const char *name;
} providers[] = {
#define X(id, wire, people) {id, wire},
    PROVIDERS(X)
#undef X
};
#define NAMES (sizeof(providers) / sizeof(providers[0]))

void text_blank(struct price *p)
{
    memset(p, 0, sizeof(*p));
    struct rates *tiers[] = {&p->standard,     &p->flex,     &p->priority,
                             &p->batch,        &p->long_ctx, &p->long_flex,
                             &p->long_priority};
    for (size_t i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++)
        memset(tiers[i], 0xff, sizeof(*tiers[i])); // -1 in every class
    p->fast_permille = p->us_permille = p->eu_permille = 1000;
}

bool text_name_ok(struct slice name)
{
    if (name.n == 0 || name.n > NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (c <= ' ' || c == 0x7f)
            return false;
    }
    return true;
}

/* The next word of a line; empty: none left. */
static struct slice word(struct slice *rest)
{
    size_t i = 0, n = rest->n;
    while (i < n && (rest->p[i] == ' ' || rest->p[i] == '\t'))
        i++;
    size_t start = i;
    while (i < n && rest->p[i] != ' ' && rest->p[i] != '\t')
        i++;
    struct slice w = slice(rest->p + start, i - start);
    *rest = slice_skip(*rest, i);
    return w;
}

/* An int64 or int of the row, by offset. */
static void store(struct price *p, const struct key *k, int64_t v)
{
    char *at = (char *)p + k->at;
    if (k->kind == FACTOR) {
        int n = (int)v;
        memcpy(at, &n, sizeof(n));
    } else {
        memcpy(at, &v, sizeof(v));
    }
}

static int64_t fetch(const struct price *p, const struct key *k)
{
    const char *at = (const char *)p + k->at;
    int n;
    int64_t v;
    if (k->kind == FACTOR) {
        memcpy(&n, at, sizeof(n));
        return n;
    }
    memcpy(&v, at, sizeof(v));
    return v;
}

static bool scan(enum kind kind, struct slice s, int64_t *v)
{
    switch (kind) {
    case RATE:
        return money_price(s, v) && *v <= TEXT_RATE_MAX;
    case USD:
        return money_usd(s, v);
    case CHAR_USD:
        return money_scan(s, 12, v) && *v >= 0 && *v <= TEXT_RATE_MAX;
    case FACTOR:
        return money_scan(s, 3, v) && *v >= 1 && *v <= 1000000;
    case COUNT:
        return money_scan(s, 0, v) && *v >= 0 && *v <= COUNT_MAX;
    }
    return false;
}

static bool assign(struct price *p, struct slice name, struct slice value)
{
    int64_t v;
    bool inclusive = slice_is(name, "long_from");
    if (inclusive || slice_is(name, "long_above")) {
        if (!scan(COUNT, value, &v) || v == 0)
            return false;
        p->long_above = v;
        p->long_inclusive = inclusive;
        return true;
    }
    for (size_t i = 0; i < KEYS; i++) {
        const char *k = keys[i].name;
        if (k[0] != name.p[0] || !slice_is(name, k))
            continue;
        if (!scan(keys[i].kind, value, &v))
            return false;
        store(p, &keys[i], v);
        return true;
    }
    return false;
}

/* Provider, model, date and source@date. */
static const char *head(struct slice *rest, struct price *p)
{
    struct slice name = word(rest);
    for (size_t i = 0; i < NAMES && p->provider == PROVIDER_NONE; i++)
        if (slice_is(name, providers[i].name))
            p->provider = providers[i].id;
    if (p->provider == PROVIDER_NONE)
        return "provider";
    p->model = word(rest);
    if (!text_name_ok(p->model))
        return "model";
    struct slice from = word(rest);
    bool date_only = false;
    if (!slice_is(from, "-") &&
        (from.n != 10 || !clock_parse(from, &p->from_ms, &date_only) ||
         !date_only))
        return "date (YYYY-MM-DD, or - for always)";
    struct slice origin = word(rest);
    p->text_source = slice_cut(&origin, '@');
    p->text_date = origin.p != NULL ? origin : SLICE("");
    return p->text_source.n != 0 ? NULL : "source";
}

enum status text_row(struct slice line, int number, struct price *p,
                     bool *found, struct err *err)
{
    *found = false;
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    struct slice rest = slice_trim(line);
    if (rest.n == 0 || rest.p[0] == '#')
        return OK;
    text_blank(p);
    const char *bad = head(&rest, p);
    if (bad != NULL)
        return err_set(err, E_INVALID, "price", "line %d: bad %s", number, bad);
    for (;;) {
        struct slice w = word(&rest), value = w;
        if (w.n == 0)
            break;
        struct slice name = slice_cut(&value, '=');
        if (name.n == 0 || value.p == NULL || !assign(p, name, value))
            return err_set(err, E_INVALID, "price",
                           "line %d: bad field \"%.*s\"", number,
                           (int)(w.n > 60 ? 60 : w.n), w.p);
    }
    *found = true;
    return OK;
}

/* A scaled integer as exact decimal text. */
static void decimal(struct buf *out, int64_t v, int decimals)
{
    char digits[24];
    int n = 0, cut = 0;
    for (; n <= decimals || v > 0; v /= 10)
        digits[n++] = (char)('0' + (int)(v % 10));
    while (cut < decimals && digits[cut] == '0')
        cut++;
    while (n > cut) {
        buf_char(out, digits[--n]);
        if (n == decimals && n > cut)
            buf_char(out, '.');
    }
}

void text_write(struct buf *out, const struct price *p)
{
    static const int decimals[] = {
        [RATE] = 6, [USD] = 9, [CHAR_USD] = 12, [FACTOR] = 3, [COUNT] = 0};
    const char *provider = "";
    for (size_t i = 0; i < NAMES; i++)
        if (providers[i].id == p->provider)
            provider = providers[i].name;
    buf_str(out, provider);
    buf_char(out, ' ');
    buf_slice(out, p->model);
    buf_char(out, ' ');
    if (p->from_ms == 0) {
        buf_char(out, '-');
    } else {
        char date[CLOCK_TEXT];
        buf_add(out, date, clock_format_date(p->from_ms, date));
    }
    buf_char(out, ' ');
    buf_slice(out, p->text_source.n != 0 ? p->text_source : SLICE("unknown"));
    if (p->text_date.n != 0) {
        buf_char(out, '@');
        buf_slice(out, p->text_date);
    }
    if (p->long_above > 0) {
        buf_str(out, p->long_inclusive ? " long_from=" : " long_above=");
        buf_i64(out, p->long_above);
    }
    for (size_t i = 0; i < KEYS; i++) {
        const struct key *k = &keys[i];
        int64_t v = fetch(p, k);
        int64_t absent = k->kind == RATE ? -1 : k->kind == FACTOR ? 1000 : 0;
        if (v == absent || v < 0)
            continue;
        buf_char(out, ' ');
        buf_str(out, k->name);
        buf_char(out, '=');
        decimal(out, v, decimals[k->kind]);
    }
    buf_char(out, '\n');
}

/* count.c - see count.h. */
#include "token/count.h"

#include <string.h>

#include "base/utf8.h"
#include "token/split.h"

/* ---- names -------------------------------------------------------------- */

struct model_row {
    const char *prefix;
    enum encoding encoding;
};

/* The first prefix that fits; exact ids below it only differ by suffixes. */
static const struct model_row models[] = {
    {"gpt-4o", ENCODING_O200K},
    {"gpt-4.", ENCODING_O200K},
    {"gpt-4", ENCODING_CL100K},
    {"gpt-35", ENCODING_CL100K},
    {"gpt-3.5", ENCODING_CL100K},
    {"text-embedding-", ENCODING_CL100K},
    {"davinci-002", ENCODING_CL100K},
    {"babbage-002", ENCODING_CL100K},
    {"text-davinci-002", ENCODING_P50K},
    {"text-davinci-003", ENCODING_P50K},
    {"text-davinci-edit", ENCODING_P50K},
    {"code-davinci", ENCODING_P50K},
    {"code-cushman", ENCODING_P50K},
    {"davinci-codex", ENCODING_P50K},
    {"cushman-codex", ENCODING_P50K},
    {"text-davinci-", ENCODING_R50K},
    {"text-curie-", ENCODING_R50K},
    {"text-babbage-", ENCODING_R50K},
    {"text-ada-", ENCODING_R50K},
    {"text-similarity-", ENCODING_R50K},
    {"text-search-", ENCODING_R50K},
    {"code-search-", ENCODING_R50K},
    {"davinci", ENCODING_R50K},
    {"curie", ENCODING_R50K},
    {"babbage", ENCODING_R50K},
    {"ada", ENCODING_R50K},
    {"gpt2", ENCODING_R50K},
    {"gpt-2", ENCODING_R50K},
};

static const char *const names[ENCODING_COUNT] = {
    [ENCODING_O200K] = "o200k_base",
    [ENCODING_CL100K] = "cl100k_base",
    [ENCODING_P50K] = "p50k_base",
    [ENCODING_R50K] = "r50k_base",
};

enum encoding count_encoding(struct slice model)
{
    for (size_t i = 0; i < model.n; i++)
        if (model.p[i] == '/')
            return count_encoding(slice(model.p + i + 1, model.n - i - 1));
    if (slice_starts(model, "ft:"))
        model = slice(model.p + 3, model.n - 3);
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (slice_starts(model, models[i].prefix))
            return models[i].encoding;
    return ENCODING_O200K;
}

const char *count_encoding_name(enum encoding e)
{
    return names[e];
}

bool count_encoding_find(struct slice name, enum encoding *e)
{
    for (int i = 0; i < ENCODING_COUNT; i++)
        if (slice_is(name, names[i])) {
            *e = (enum encoding)i;
            return true;
        }
    return false;
}

/* ---- whole texts -------------------------------------------------------- */

static int64_t count_valid(enum encoding e, const uint8_t *p, size_t n)
{
    const uint8_t *end = p + n;
    split_fn *split = split_of(e);
    struct ranks r;
    int64_t count = 0;
    ranks_get(e, &r);
    while (p < end) {
        size_t piece = split(p, end);
        count += (int64_t)bpe_piece(&r, p, piece, NULL, NULL);
        p += piece;
    }
    return count;
}

int64_t count_text(enum encoding e, struct slice text)
{
    const uint8_t *p = (const uint8_t *)text.p;
    if (text.n == 0)
        return 0;
    if (utf8_valid(p, text.n) == text.n)
        return count_valid(e, p, text.n);
    struct count_stream s;
    count_stream_init(&s, e);
    count_stream_add(&s, text);
    int64_t count = count_stream_get(&s);
    count_stream_release(&s);
    return count;
}

struct ids_out {
    bpe_ids_fn *fn;
    void *arg;
    int64_t n;
};

static void ids_pass(void *arg, const uint32_t *ids, size_t n)
{
    struct ids_out *o = arg;
    o->n += (int64_t)n;
    o->fn(o->arg, ids, n);
}

/* `text` with U+FFFD for what is ill-formed. */
static void well_formed(struct slice text, struct buf *out)
{
    const uint8_t *p = (const uint8_t *)text.p;
    size_t at = 0;
    bool open;
    while (at < text.n) {
        size_t n = utf8_valid(p + at, text.n - at);
        buf_add(out, text.p + at, n);
        at += n;
        if (at < text.n) {
            at += utf8_ill(p + at, text.n - at, &open);
            buf_add(out, UTF8_REPLACEMENT, UTF8_REPLACEMENT_LEN);
        }
    }
}

int64_t count_ids(enum encoding e, struct slice text, bpe_ids_fn *fn, void *arg)
{
    struct ids_out o = {.fn = fn, .arg = arg};
    split_fn *split = split_of(e);
    struct ranks r;
    struct buf b;
    int64_t count = 0;
    ranks_get(e, &r);
    buf_init(&b, UTF8_REPLACEMENT_LEN * text.n + 1);
    well_formed(text, &b);
    if (b.failed)
        count = -1;
    const uint8_t *p = (const uint8_t *)b.p, *end = p + b.n;
    while (count >= 0 && b.n > 0 && p < end) {
        size_t piece = split(p, end);
        count += (int64_t)bpe_piece(&r, p, piece, ids_pass, &o);
        p += piece;
    }
    buf_release(&b);
    return count == o.n ? count : -1;
}

/* ---- texts in parts ----------------------------------------------------- */

#define KEEP_MAX 16384 /* memory that is kept for the next text */
#define BATCH \
    2048 /* counted at once: less is not worth looking for a boundary */

void count_stream_init(struct count_stream *s, enum encoding e)
{
    *s = (struct count_stream){.encoding = e};
    buf_init(&s->pending, COUNT_PENDING + 4);
}

void count_stream_start(struct count_stream *s, enum encoding e)
{
    s->encoding = e;
    s->looked = s->open_n = 0;
    s->counted = 0;
    buf_clear(&s->pending);
}

static void settle(struct count_stream *s, size_t n)
{
    s->counted += count_valid(s->encoding, (uint8_t *)s->pending.p, n);
    buf_drop(&s->pending, n);
    s->looked = 0;
}

static void add_valid(struct count_stream *s, const uint8_t *p, size_t n)
{
    while (n > 0) {
        size_t take = n < BATCH ? n : BATCH;
        while (take < n && (p[take] & 0xC0) == 0x80)
            take++; // not within a character
        buf_add(&s->pending, (const char *)p, take);
        if (s->pending.failed) {
            s->counted += (int64_t)take;
            s->pending.failed = false;
        }
        p += take;
        n -= take;
        if (s->pending.n < BATCH + s->looked)
            continue;
        size_t cut =
            split_cut((uint8_t *)s->pending.p, s->looked, s->pending.n);
        if (cut > 0)
            settle(s, cut);
        else if (s->pending.n > COUNT_PENDING - BATCH - 4)
            settle(s, s->pending.n);
        else
            s->looked = s->pending.n;
    }
}

static void add_ill(struct count_stream *s)
{
    add_valid(s, (const uint8_t *)UTF8_REPLACEMENT, UTF8_REPLACEMENT_LEN);
}

/* Goes on with a begun character; answers how many bytes it took. */
static size_t close_open(struct count_stream *s, const uint8_t *p, size_t n)
{
    size_t took = 0;
    bool open = true;
    while (s->open_n > 0 && took < n && open) {
        s->open[s->open_n] = p[took];
        if (utf8_valid(s->open, s->open_n + 1) == s->open_n + 1) {
            add_valid(s, s->open, s->open_n + 1);
            s->open_n = 0;
            return took + 1;
        }
        (void)utf8_ill(s->open, s->open_n + 1, &open);
        if (open) {
            s->open_n++;
            took++;
        } else { // the sequence ends before this byte
            add_ill(s);
            s->open_n = 0;
        }
    }
    return took;
}

void count_stream_add(struct count_stream *s, struct slice part)
{
    const uint8_t *p = (const uint8_t *)part.p;
    size_t n = part.n;
    if (n == 0)
        return;
    size_t took = close_open(s, p, n);
    p += took;
    n -= took;
    while (n > 0) {
        bool open;
        size_t ok = utf8_valid(p, n);
        add_valid(s, p, ok);
        p += ok;
        n -= ok;
        if (n == 0)
            return;
        size_t ill = utf8_ill(p, n, &open);
        if (open) {
            memcpy(s->open, p, n);
            s->open_n = n;
            return;
        }
        add_ill(s);
        p += ill;
        n -= ill;
    }
}

int64_t count_stream_get(const struct count_stream *s)
{
    struct slice rest = buf_get(&s->pending);
    if (s->open_n == 0)
        return s->counted +
               count_valid(s->encoding, (const uint8_t *)rest.p, rest.n);
    struct count_stream end = {.encoding = s->encoding, .counted = s->counted};
    buf_init(&end.pending, rest.n + UTF8_REPLACEMENT_LEN);
    buf_slice(&end.pending, rest);
    buf_add(&end.pending, UTF8_REPLACEMENT, UTF8_REPLACEMENT_LEN);
    int64_t count = s->counted + (int64_t)rest.n + 1;
    if (!end.pending.failed)
        count = count_stream_get(&end);
    buf_release(&end.pending);
    return count;
}

void count_stream_release(struct count_stream *s)
{
    buf_release(&s->pending);
}

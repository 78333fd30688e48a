/* codec.c - see codec.h.
 *
 * The fields of an event are listed once, in EVENT_INTS and EVENT_STRINGS;
 * writing, reading and sizing all walk these lists, so they cannot drift
 * apart.  A changed list is a new CODEC_VERSION.
 */
#include "counters/codec.h"

#include <string.h>

#define CODEC_VERSION 1

/* Every integer of an event in stored order: field, type */
#define EVENT_INTS(X)       \
    X(ts_ms)                \
    X(tenant_id)            \
    X(key_id)               \
    X(usd)                  \
    X(held)                 \
    X(price_version)        \
    X(ingest_token_id)      \
    X(corrects)             \
    X(latency_ms)           \
    X(ttft_ms)              \
    X(usage.input)          \
    X(usage.cached)         \
    X(usage.cache_write)    \
    X(usage.cache_write_1h) \
    X(usage.audio_in)       \
    X(usage.image_in)       \
    X(usage.output)         \
    X(usage.reasoning)      \
    X(usage.audio_out)      \
    X(usage.image_out)      \
    X(usage.web_searches)   \
    X(usage.images)         \
    X(usage.audio_ms)       \
    X(usage.characters)

#define EVENT_STRINGS(X) \
    X(tenant)            \
    X(route)             \
    X(method)            \
    X(model)             \
    X(model_answered)    \
    X(reason)            \
    X(session)           \
    X(user)              \
    X(session_name)      \
    X(session_path)      \
    X(event_id)          \
    X(detail)

/* enum field, its type, first value that does not exist */
#define EVENT_ENUMS(X)                                  \
    X(kind, enum event_kind, EVENT_RESET + 1)           \
    X(provider, enum provider_id, PROVIDER_COUNT)       \
    X(status, enum event_status, EVENT_INTERRUPTED + 1) \
    X(basis, enum price_basis, BASIS_CLIENT + 1)        \
    X(usage.by, enum metered_by, METERED_HOLD + 1)      \
    X(usage.tier, enum tier, TIER_BATCH + 1)

enum { FLAG_STREAM = 1, FLAG_FAST = 2, FLAG_US = 4, FLAG_EU = 8, FLAGS = 16 };

// ---- integers and strings ------------------------------------------------

uint8_t *codec_put_u(uint8_t *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}

uint8_t *codec_put_i(uint8_t *p, int64_t v)
{
    return codec_put_u(p, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

uint8_t *codec_put_s(uint8_t *p, struct slice s)
{
    p = codec_put_u(p, s.n);
    if (s.n != 0)
        memcpy(p, s.p, s.n);
    return p + s.n;
}

struct codec_in codec_from(struct slice s)
{
    const uint8_t *p = (const uint8_t *)s.p;
    return (struct codec_in){p, s.n != 0 ? p + s.n : p, false};
}

uint64_t codec_u(struct codec_in *in)
{
    uint64_t v = 0;
    for (int shift = 0; in->p < in->end && shift < 64; shift += 7) {
        uint8_t b = *in->p++;
        if (shift == 63 && b > 1)
            break;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80)
            return v;
    }
    in->bad = true;
    in->p = in->end;
    return 0;
}

uint64_t codec_below(struct codec_in *in, uint64_t limit)
{
    uint64_t v = codec_u(in);
    if (v < limit)
        return v;
    in->bad = true;
    return 0;
}

int64_t codec_i(struct codec_in *in)
{
    uint64_t v = codec_u(in);
    return (int64_t)((v >> 1) ^ ((v & 1) != 0 ? UINT64_MAX : 0));
}

struct slice codec_s(struct codec_in *in)
{
    uint64_t n = codec_u(in);
    if (in->bad || n > (uint64_t)(in->end - in->p)) {
        in->bad = true;
        in->p = in->end;
        return SLICE("");
    }
    struct slice s = {n != 0 ? (const char *)in->p : "", (size_t)n};
    in->p += n;
    return s;
}

// ---- events --------------------------------------------------------------

static struct slice request_id(const struct event *e)
{
    return slice(e->request_id, strnlen(e->request_id, 32));
}

size_t codec_event_bound(const struct event *e)
{
    if (e->tag_count < 0 || e->tag_count > EVENT_TAGS_MAX)
        return 0;
    size_t n = 64; // version, flags, counts, lengths of the fixed part
#define X(f) n += CODEC_VARINT;
    EVENT_INTS(X)
#undef X
#define X(f, type, limit) n += CODEC_VARINT;
    EVENT_ENUMS(X)
#undef X
#define X(f)                      \
    if (e->f.n > CODEC_EVENT_MAX) \
        return 0;                 \
    n += CODEC_VARINT + e->f.n;
    EVENT_STRINGS(X)
#undef X
    n += CODEC_VARINT + 32;
    for (int i = 0; i < e->tag_count; i++) {
        const struct event_tag *t = &e->tags[i];
        if (t->name.n > CODEC_EVENT_MAX || t->path.n > CODEC_EVENT_MAX)
            return 0;
        n += 4 * CODEC_VARINT + t->name.n + t->path.n;
    }
    return n <= CODEC_EVENT_MAX ? n : 0;
}

size_t codec_event_put(const struct event *e, uint8_t *out)
{
    uint8_t *p = out;
    *p++ = CODEC_VERSION;
    p = codec_put_u(p, (e->stream ? FLAG_STREAM : 0u) |
                           (e->usage.fast ? FLAG_FAST : 0u) |
                           (e->usage.region_us ? FLAG_US : 0u) |
                           (e->usage.region_eu ? FLAG_EU : 0u));
#define X(f, type, limit) p = codec_put_u(p, (uint64_t)e->f);
    EVENT_ENUMS(X)
#undef X
#define X(f) p = codec_put_i(p, e->f);
    EVENT_INTS(X)
#undef X
    p = codec_put_i(p, e->http_status);
    p = codec_put_s(p, request_id(e));
#define X(f) p = codec_put_s(p, e->f);
    EVENT_STRINGS(X)
#undef X
    p = codec_put_u(p, (uint64_t)e->tag_count);
    for (int i = 0; i < e->tag_count; i++) {
        const struct event_tag *t = &e->tags[i];
        p = codec_put_i(p, t->id);
        p = codec_put_s(p, t->name);
        p = codec_put_s(p, t->path);
        p = codec_put_u(p, t->direct);
    }
    return (size_t)(p - out);
}

static void get_fixed(struct codec_in *in, struct event *e)
{
    uint64_t flags = codec_below(in, FLAGS);
    e->stream = (flags & FLAG_STREAM) != 0;
    e->usage.fast = (flags & FLAG_FAST) != 0;
    e->usage.region_us = (flags & FLAG_US) != 0;
    e->usage.region_eu = (flags & FLAG_EU) != 0;
#define X(f, type, limit) e->f = (type)codec_below(in, limit);
    EVENT_ENUMS(X)
#undef X
#define X(f) e->f = codec_i(in);
    EVENT_INTS(X)
#undef X
    int64_t status = codec_i(in);
    if (status < INT32_MIN || status > INT32_MAX)
        in->bad = true;
    else
        e->http_status = (int)status;
    struct slice id = codec_s(in);
    if (id.n > 32)
        in->bad = true;
    else
        memcpy(e->request_id, id.p, id.n);
}

bool codec_event_get(struct slice bytes, struct event *e,
                     struct event_tag tags[static EVENT_TAGS_MAX])
{
    struct codec_in in = codec_from(bytes);
    *e = (struct event){.tags = tags};
    if (codec_below(&in, 256) != CODEC_VERSION)
        return false;
    get_fixed(&in, e);
#define X(f) e->f = codec_s(&in);
    EVENT_STRINGS(X)
#undef X
    e->tag_count = (int)codec_below(&in, EVENT_TAGS_MAX + 1);
    for (int i = 0; i < e->tag_count && !in.bad; i++) {
        tags[i].id = codec_i(&in);
        tags[i].name = codec_s(&in);
        tags[i].path = codec_s(&in);
        tags[i].direct = codec_below(&in, 2) == 1;
    }
    return !in.bad && in.p == in.end;
}

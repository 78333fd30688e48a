/* hold.c - see hold.h.
 *
 * Ids are unique for ever: `.hold_limit` in the store is above every id given;
 * it moves in steps so that only one admission in 65,536 writes it.  A restart
 * begins at the limit and leaves the rest of a step unused.
 */
#include "counters/hold.h"

#include <string.h>

#define HOLD_VERSION 1
#define HOLD_FIXED (8 * CODEC_VARINT)
#define HOLD_PER_WINDOW (7 * CODEC_VARINT)
#define IDS_STEP 65536u

enum { WINDOW_HARD = 1, WINDOW_SESSION = 2, WINDOW_FLAGS = 4 };

size_t hold_bound(int window_count, size_t skeleton)
{
    if (window_count < 0 || window_count > HOLD_WINDOWS_MAX ||
        skeleton > CODEC_EVENT_MAX)
        return 0;
    return HOLD_FIXED + (size_t)window_count * HOLD_PER_WINDOW + skeleton;
}

static uint8_t *put_window(uint8_t *p, const struct counter_window *w)
{
    p = codec_put_u(p, (w->hard ? WINDOW_HARD : 0u) |
                           (w->is_session ? WINDOW_SESSION : 0u));
    p = codec_put_u(p, w->budget);
    p = codec_put_i(p, w->start_ms);
    p = codec_put_i(p, w->end_ms);
    p = codec_put_i(p, w->width_ms);
    p = codec_put_i(p, w->step_ms);
    return codec_put_i(p, w->amount);
}

size_t hold_put(const struct hold *h, const struct counter_window *w, int n,
                const bool *keep, struct slice skeleton, uint8_t *out)
{
    uint8_t *p = out;
    int kept = 0;
    for (int i = 0; i < n; i++)
        kept += keep == NULL || keep[i];
    *p++ = HOLD_VERSION;
    p = codec_put_i(p, h->amount);
    p = codec_put_i(p, h->tenant_id);
    p = codec_put_i(p, h->second);
    p = codec_put_i(p, h->tokens);
    p = codec_put_u(p, h->slot);
    p = codec_put_s(p, skeleton);
    p = codec_put_u(p, (uint64_t)kept);
    for (int i = 0; i < n; i++)
        if (keep == NULL || keep[i])
            p = put_window(p, &w[i]);
    return (size_t)(p - out);
}

bool hold_get(struct slice bytes, struct hold *h)
{
    struct codec_in in = codec_from(bytes);
    *h = (struct hold){0};
    if (codec_below(&in, 256) != HOLD_VERSION)
        return false;
    h->amount = codec_i(&in);
    h->tenant_id = codec_i(&in);
    h->second = codec_i(&in);
    h->tokens = codec_i(&in);
    h->slot = (uint32_t)codec_below(&in, UINT64_C(1) << 32);
    h->skeleton = codec_s(&in);
    h->window_count = (int)codec_below(&in, HOLD_WINDOWS_MAX + 1);
    h->windows = in;
    return !in.bad;
}

bool hold_window(struct codec_in *in, struct counter_window *w)
{
    *w = (struct counter_window){0};
    uint64_t flags = codec_below(in, WINDOW_FLAGS);
    w->hard = (flags & WINDOW_HARD) != 0;
    w->is_session = (flags & WINDOW_SESSION) != 0;
    w->budget = codec_u(in);
    w->start_ms = codec_i(in);
    w->end_ms = codec_i(in);
    w->width_ms = codec_i(in);
    w->step_ms = codec_i(in);
    w->amount = codec_i(in);
    return !in->bad;
}

uint64_t hold_reserve(const struct counters *c, size_t n)
{
    return store_cost(c, n + 1024);
}

// ---- named values --------------------------------------------------------

int hold_meta_get(struct tx *t, const char *name, uint64_t *out)
{
    struct key k;
    struct slice v;
    *out = 0;
    if (!key_bytes(key_start(&k, TABLE_META), slice_str(name)))
        return STORE_BIG;
    int rc = store_get(t, &k, &v);
    if (rc == 0 && v.n != sizeof *out)
        return MDB_CORRUPTED;
    if (rc == 0)
        memcpy(out, v.p, sizeof *out);
    return rc;
}

int hold_meta_put(struct tx *t, const char *name, uint64_t v)
{
    struct key k;
    if (!key_bytes(key_start(&k, TABLE_META), slice_str(name)))
        return STORE_BIG;
    return store_put(t, &k, &v, sizeof v);
}

int hold_new_id(struct tx *t, uint64_t *id)
{
    if (t->next_hold >= t->hold_limit) {
        uint64_t limit = t->next_hold + IDS_STEP;
        int rc = hold_meta_put(t, ".hold_limit", limit);
        if (rc != 0)
            return rc;
        t->hold_limit = limit;
    }
    *id = t->next_hold++;
    return 0;
}

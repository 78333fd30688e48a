/* settle.c - the end of a hold, and charges without one.
 *
 * Settling reads which windows the hold lies in from its record, so it books
 * exactly where it was held, however late and whatever changed since.  A
 * window that was dropped meanwhile (its budget deleted) is left out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "counters/codec.h"
#include "counters/counters.h"
#include "counters/hold.h"
#include "counters/outbox.h"
#include "counters/pace.h"
#include "counters/store.h"
#include "counters/tally.h"

struct settle {
    struct settlement *s;
    const struct outbox_row *row; /* NULL: none */
};

/* Moves the hold's share of one window to `spent`. */
static int settle_window(struct tx *t, struct settlement *s,
                         const struct hold *h, struct counter_window *w)
{
    struct tally y;
    int rc = tally_load(t, w, &y);
    if (rc != 0 || !y.found)
        return rc;
    y.held -= h->amount;
    if (y.held < 0)
        return MDB_CORRUPTED;
    rc = tally_spend(t, w, &y, s->usd);
    if (rc == 0)
        rc = tally_save(t, w, &y);
    if (rc == 0 && s->windows != NULL && s->window_count < s->window_cap) {
        w->spent = y.spent;
        w->held = y.held;
        w->fits = y.spent + (int128)y.held <= w->amount;
        s->windows[s->window_count++] = *w;
    }
    return rc;
}

static int settle_rate(struct tx *t, const struct settlement *s,
                       const struct hold *h)
{
    struct pace p;
    int rc = pace_get(t, h->tenant_id, &p);
    if (rc == MDB_NOTFOUND)
        return 0;
    if (rc != 0)
        return rc;
    if (p.active > 0)
        p.active--;
    if (h->tokens >= 0 && s->tokens >= 0 && p.has_tokens != 0)
        pace_tokens(&p, h->second, s->tokens - h->tokens);
    return pace_save(t, h->tenant_id, &p);
}

static int settle(struct tx *t, void *arg)
{
    struct settle *k = arg;
    struct settlement *s = k->s;
    struct key key;
    struct slice v;
    struct hold h;
    s->window_count = 0;
    s->seq = 0;
    int rc = store_get(t, key_u64(key_start(&key, TABLE_HOLD), s->hold_id), &v);
    if (rc != 0)
        return rc;
    // `v` may move with the next write: the windows are read from a copy
    if (v.n > HOLD_BYTES_MAX || !hold_get(v, &h))
        return MDB_CORRUPTED;
    size_t left = (size_t)(h.windows.end - h.windows.p);
    uint8_t inside[2048], *copy = inside;
    if (left > sizeof inside && (copy = malloc(left)) == NULL)
        return ENOMEM;
    memcpy(copy, h.windows.p, left);
    struct codec_in in = codec_from(slice((const char *)copy, left));
    t->reserve -= (int64_t)hold_reserve(t->c, v.n);
    t->holds--;
    rc = store_del(t, &key);
    for (int i = 0; rc == 0 && i < h.window_count; i++) {
        struct counter_window w;
        rc = hold_window(&in, &w) && tally_valid(&w)
                 ? settle_window(t, s, &h, &w)
                 : MDB_CORRUPTED;
    }
    if (copy != inside)
        free(copy);
    if (rc == 0)
        rc = settle_rate(t, s, &h);
    if (rc == 0 && k->row != NULL)
        rc = outbox_append(t, k->row, &s->seq);
    return rc;
}

enum status counters_settle(struct counters *c, struct settlement *s,
                            struct err *err)
{
    struct outbox_row row;
    struct settle k = {.s = s};
    enum status st = OK;
    if (s->event != NULL) {
        st = outbox_encode(s->event, &row, err);
        if (st != OK)
            return st;
        k.row = &row;
    }
    st = store_status(
        store_write(c, settle, &k, "settle.before_commit", "settle.committed"),
        "settlement", err);
    if (k.row != NULL)
        outbox_free(&row);
    return st;
}

// ---- charges without a hold ----------------------------------------------

struct charge {
    struct counter_window *windows;
    int n;
    int64_t usd;
    const struct outbox_row *row;
    struct slice seen;
    int64_t now_ms;
};

static int mark_seen(struct tx *t, const struct charge *a)
{
    struct key k;
    struct slice v;
    if (!key_bytes(key_start(&k, TABLE_SEEN), a->seen))
        return STORE_BIG;
    int rc = store_get(t, &k, &v);
    if (rc == 0)
        return MDB_KEYEXIST;
    return rc == MDB_NOTFOUND ? store_put(t, &k, &a->now_ms, sizeof a->now_ms)
                              : rc;
}

static int charge(struct tx *t, void *arg)
{
    struct charge *a = arg;
    int rc = a->seen.n != 0 ? mark_seen(t, a) : 0;
    if (rc == 0 && store_is_full(t, store_cost(t->c, a->row->n)))
        rc = STORE_FULL;
    for (int i = 0; rc == 0 && i < a->n; i++) {
        struct counter_window *w = &a->windows[i];
        struct tally y;
        if (!tally_valid(w))
            return STORE_INVALID;
        rc = tally_load(t, w, &y);
        if (rc == 0)
            rc = tally_spend(t, w, &y, a->usd);
        if (rc != 0)
            break;
        y.requests++;
        rc = tally_save(t, w, &y);
        w->spent = y.spent;
        w->held = y.held;
        w->fits = y.spent + (int128)y.held <= w->amount;
    }
    uint64_t seq;
    return rc == 0 ? outbox_append(t, a->row, &seq) : rc;
}

enum status counters_charge(struct counters *c, struct counter_window *windows,
                            int n, const struct event *e, struct slice seen,
                            struct err *err)
{
    struct outbox_row row;
    enum status s = outbox_encode(e, &row, err);
    if (s != OK)
        return s;
    struct charge a = {windows, n, e->usd, &row, seen, clock_now_ms()};
    s = store_status(
        store_write(c, charge, &a, "settle.before_commit", "settle.committed"),
        "charge", err);
    outbox_free(&row);
    return s;
}

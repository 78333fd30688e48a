/* admit.c - admission: rate, session and every hold in one transaction.
 *
 * What can be prepared is prepared before the writer lock: the skeleton's
 * bytes, the arrays.  Inside: the rate decides first; then all windows are
 * loaded and the least room of the hard ones found; from it follow, in exact
 * integers, whether the wanted output fits or the largest one that does;
 * then everything is written.  A refusal by a budget still commits the
 * counted request and what left rolling windows.
 *
 * Invariants
 * A1  After an admission spent + held <= amount in every hard window.
 * A2  A refusal holds nothing: neither window, token nor concurrency.
 * A3  spent + held + hold fits 63 bits in every window, soft ones too.
 */
#include <stdlib.h>

#include "base/fault.h"
#include "base/mem.h"
#include "counters/codec.h"
#include "counters/counters.h"
#include "counters/hold.h"
#include "counters/outbox.h"
#include "counters/pace.h"
#include "counters/session.h"
#include "counters/store.h"
#include "counters/tally.h"

#define FEW 32 /* windows that need no allocation */

struct work {
    struct admission *a;
    struct outbox_row skeleton;
    struct tally *tallies;
    bool *keep;      /* false: the window dropped out */
    uint8_t *record; /* the hold, encoded */
    size_t bound;    /* room in it */
};

/* ceil((fixed + out * tokens) / 1000), clamped to int64. */
static int64_t price(const struct admission *a, int64_t tokens)
{
    if (!a->metered)
        return 0;
    int128 per = (int128)a->out_pico * tokens; // < 2^126
    int128 limit = (int128)INT64_MAX * 1000;
    if (per > limit || a->fixed_pico > limit)
        return INT64_MAX;
    return money_ceil(a->fixed_pico + per);
}

/* Most tokens whose price fits `room` nano-dollars; -1: not even none. */
static int64_t affordable(const struct admission *a, int64_t room)
{
    int128 left = (int128)room * 1000 - a->fixed_pico;
    if (left < 0)
        return -1;
    if (a->out_pico == 0)
        return INT64_MAX;
    int128 n = left / a->out_pico;
    return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

/* Replaces the amounts of session windows; those without one drop out. */
static int sessions(struct tx *t, struct work *k, struct session_record *s)
{
    struct admission *a = k->a;
    *s = (struct session_record){-1, -1};
    if (a->session.id.n != 0) {
        int rc = session_load(t, a->rate.tenant_id, a->session.id, s);
        if (rc != 0)
            return rc;
    }
    int64_t tag = session_lower(s->tag, a->session.tag_budget);
    int64_t effective = s->custom >= 0 ? s->custom
                        : tag >= 0     ? tag
                                       : a->session.default_budget;
    for (int i = 0; i < a->window_count; i++) {
        struct counter_window *w = &a->windows[i];
        k->keep[i] = true;
        if (!w->is_session)
            continue;
        w->amount = effective >= 0 ? effective : -1;
        k->keep[i] = effective >= 0;
    }
    return 0;
}

/* Loads all windows; `*room` is the least of the hard ones. */
static int load(struct tx *t, struct work *k, int64_t *room)
{
    struct admission *a = k->a;
    *room = INT64_MAX;
    for (int i = 0; i < a->window_count; i++) {
        struct counter_window *w = &a->windows[i];
        struct tally *y = &k->tallies[i];
        w->spent = w->held = 0;
        w->fits = true;
        if (!k->keep[i])
            continue;
        int rc = tally_load(t, w, y);
        if (rc != 0)
            return rc;
        w->spent = y->spent;
        w->held = y->held;
        int128 used = (int128)y->spent + y->held;
        int128 left = w->hard ? w->amount - used : INT64_MAX - used;
        if (left > INT64_MAX)
            left = INT64_MAX;
        if (left <= 0)
            left = -1; // full: nothing fits, not even what costs nothing
        if (left < *room)
            *room = (int64_t)left;
    }
    return 0;
}

/* Chooses the tokens and the hold; ADMIT_OK or ADMIT_BUDGET with `fits`. */
static enum admit_result decide(struct work *k, int64_t room)
{
    struct admission *a = k->a;
    int64_t least = a->min_tokens > 1 ? a->min_tokens : 1;
    a->out_tokens_granted = a->out_tokens;
    a->hold_nano = price(a, a->out_tokens);
    if (room >= 0 && a->hold_nano <= room && a->hold_nano != INT64_MAX)
        return ADMIT_OK;
    if (a->metered && a->may_clamp && least < a->out_tokens) {
        int64_t n = room < 0 ? -1 : affordable(a, room);
        if (n >= least && n < a->out_tokens) {
            a->out_tokens_granted = n;
            a->hold_nano = price(a, n);
            return ADMIT_OK;
        }
        a->hold_nano = price(a, least); // what would have been needed
    }
    for (int i = 0; i < a->window_count; i++) {
        struct counter_window *w = &a->windows[i];
        int128 used = (int128)w->spent + w->held;
        int128 limit = w->hard ? w->amount : INT64_MAX;
        w->fits = !k->keep[i] || (used < limit && used + a->hold_nano <= limit);
    }
    return ADMIT_BUDGET;
}

/* After a refusal: what left rolling windows has left. */
static int save_expired(struct tx *t, struct work *k)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < k->a->window_count; i++)
        if (k->keep[i] && k->tallies[i].dirty)
            rc = tally_save(t, &k->a->windows[i], &k->tallies[i]);
    return rc;
}

/* Writes the holds and the record. */
static int hold_all(struct tx *t, struct work *k, struct hold *h)
{
    struct admission *a = k->a;
    int rc = 0;
    for (int i = 0; rc == 0 && i < a->window_count; i++) {
        struct tally *y = &k->tallies[i];
        if (!k->keep[i])
            continue;
        y->held += a->hold_nano; // A3
        y->requests++;
        rc = tally_save(t, &a->windows[i], y);
    }
    if (rc == 0)
        rc = hold_new_id(t, &a->hold_id);
    if (rc != 0)
        return rc;
    h->amount = a->hold_nano;
    h->slot = a->slot;
    size_t n =
        hold_put(h, a->windows, a->window_count, k->keep,
                 slice((const char *)k->skeleton.p, k->skeleton.n), k->record);
    t->holds++;
    t->reserve += (int64_t)hold_reserve(t->c, n);
    struct key key;
    return store_put(t, key_u64(key_start(&key, TABLE_HOLD), a->hold_id),
                     k->record, n);
}

static int budgets(struct tx *t, struct work *k, struct pace *p)
{
    struct admission *a = k->a;
    struct session_record s;
    int64_t room;
    int rc = sessions(t, k, &s);
    if (rc == 0)
        rc = load(t, k, &room);
    if (rc != 0)
        return rc;
    a->result = decide(k, room);
    if (a->result != ADMIT_OK)
        return save_expired(t, k);
    struct hold h = {
        .tenant_id = a->rate.tenant_id, .tokens = -1, .second = p->newest_s};
    p->active++;
    if (a->rate.max_tokens > 0) {
        p->has_tokens = 1;
        pace_tokens(p, p->newest_s, a->rate_tokens);
        h.tokens = a->rate_tokens;
    }
    rc = hold_all(t, k, &h);
    int64_t tag = session_lower(s.tag, a->session.tag_budget);
    if (rc == 0 && a->session.id.n != 0 && tag != s.tag) {
        s.tag = tag;
        rc = session_save(t, a->rate.tenant_id, a->session.id, &s);
    }
    return rc;
}

static int admit(struct tx *t, void *arg)
{
    struct work *k = arg;
    struct admission *a = k->a;
    struct pace p;
    a->hold_id = 0;
    a->hold_nano = 0;
    a->out_tokens_granted = a->out_tokens;
    if (!a->rate_only && store_is_full(t, store_cost(t->c, k->bound) +
                                              hold_reserve(t->c, k->bound))) {
        a->result = ADMIT_FULL;
        return 0;
    }
    bool turned;
    int rc = pace_load(t, a->rate.tenant_id, a->now_ms, &p, &turned);
    if (rc != 0)
        return rc;
    a->result = pace_check(&p, &a->rate, a->rate_tokens, a->now_ms);
    if (a->result != ADMIT_OK)
        return turned ? pace_save(t, a->rate.tenant_id, &p) : 0;
    pace_count(&p, &a->rate, a->now_ms);
    if (!a->rate_only)
        rc = budgets(t, k, &p);
    return rc == 0 ? pace_save(t, a->rate.tenant_id, &p) : rc;
}

/* Values no caller may send; budgets must be distinct. */
static bool sane(const struct admission *a)
{
    if (a->window_count < 0 || a->window_count > HOLD_WINDOWS_MAX ||
        a->fixed_pico < 0 || a->out_pico < 0 || a->out_tokens < 0 ||
        a->rate_tokens < 0 || (!a->rate_only && a->skeleton == NULL))
        return false;
    for (int i = 0; i < a->window_count; i++) {
        const struct counter_window *w = &a->windows[i];
        if (!tally_valid(w))
            return false;
        for (int j = 0; j < i; j++)
            if (a->windows[j].budget == w->budget &&
                (a->windows[j].start_ms == w->start_ms || w->width_ms != 0))
                return false;
    }
    return true;
}

enum status counters_admit(struct counters *c, struct admission *a,
                           struct err *err)
{
    struct tally few[FEW];
    bool keep[FEW];
    uint8_t record[3072];
    struct work k = {.a = a, .tallies = few, .keep = keep, .record = record};
    void *heap = NULL, *heap_record = NULL;
    if (!sane(a))
        return err_set(err, E_INVALID, "counters", "admission: wrong values");
    size_t n = (size_t)a->window_count;
    k.skeleton.p = k.skeleton.inside;
    k.skeleton.n = 0;
    enum status s =
        a->rate_only ? OK : outbox_encode(a->skeleton, &k.skeleton, err);
    if (s != OK)
        return s;
    k.bound = hold_bound(a->window_count, k.skeleton.n);
    if (n > FEW) {
        heap = try_malloc(n * (sizeof *k.tallies + sizeof *k.keep));
        k.tallies = heap;
        k.keep = heap == NULL ? NULL : (bool *)(k.tallies + n);
    }
    if (k.bound > sizeof record)
        k.record = heap_record = try_malloc(k.bound);
    if (k.tallies == NULL || k.record == NULL || k.bound == 0)
        s = err_set(err, E_NOMEM, "counters", "no memory for an admission");
    else
        s = store_status(
            store_write(c, admit, &k, "admit.before_commit", "admit.committed"),
            "admission", err);
    outbox_free(&k.skeleton);
    free(heap);
    free(heap_record);
    return s;
}

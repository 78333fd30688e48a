/* walk.c - what goes over many records: recovery, budgets, checks, sweeping.
 *
 * Read-only walks copy records in batches and show them outside of any
 * transaction.  Walks that write find the next record by key each time, since
 * writing may move what a cursor stands on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "counters/codec.h"
#include "counters/counters.h"
#include "counters/hold.h"
#include "counters/outbox.h"
#include "counters/pace.h"
#include "counters/store.h"
#include "counters/tally.h"

#define BATCH_LIMIT ((size_t)8 << 20)
#define SWEEP_STEP 512

struct counters_txn {
    struct tx *t;
    int rc; /* the first LMDB code that failed within: no commit then */
};

// ---- holds ---------------------------------------------------------------

/* A hold made readable: everything a counter_hold points to. */
struct shown {
    struct counter_hold hold;
    struct event skeleton;
    struct event_tag tags[EVENT_TAGS_MAX];
    struct counter_window *windows;
};

static int show(const struct counters *c, uint64_t id, struct slice bytes,
                struct shown *s)
{
    struct hold h;
    s->windows = NULL;
    if (!hold_get(bytes, &h) ||
        !codec_event_get(h.skeleton, &s->skeleton, s->tags))
        return MDB_CORRUPTED;
    s->windows = try_malloc((size_t)(h.window_count + 1) * sizeof *s->windows);
    if (s->windows == NULL)
        return ENOMEM;
    struct codec_in in = h.windows;
    for (int i = 0; i < h.window_count; i++)
        if (!hold_window(&in, &s->windows[i]))
            return MDB_CORRUPTED;
    s->hold = (struct counter_hold){.id = id,
                                    .amount = h.amount,
                                    .sent = sentmap_has(&c->sent, h.slot, id),
                                    .skeleton = &s->skeleton,
                                    .windows = s->windows,
                                    .window_count = h.window_count};
    return 0;
}

enum status counters_holds(struct counters *c, counters_hold_fn *fn, void *arg,
                           struct err *err)
{
    struct key k;
    struct buf b;
    struct shown s;
    bool done = false, go_on = true;
    int rc = 0;
    key_start(&k, TABLE_HOLD);
    buf_init(&b, BATCH_LIMIT);
    while (rc == 0 && !done && go_on) {
        buf_clear(&b);
        rc = store_batch(c, &k, 1, 1000, &b, &done);
        struct slice rest = buf_get(&b), key, value;
        while (rc == 0 && go_on && store_batch_next(&rest, &key, &value)) {
            if (key.n != 9) {
                rc = MDB_CORRUPTED;
                break;
            }
            rc = show(c, key_get_u64((const uint8_t *)key.p, 1), value, &s);
            if (rc == 0)
                go_on = fn(arg, &s.hold);
            free(s.windows);
        }
    }
    buf_release(&b);
    return store_status(rc, "walking holds", err);
}

// ---- recovery ------------------------------------------------------------

static int zero_active(struct tx *t, void *arg)
{
    (void)arg;
    struct key k;
    struct slice v;
    struct pace p;
    int rc;
    key_start(&k, TABLE_RATE);
    while ((rc = store_next(t->c, t->t, &k, 1, &v)) == 0) {
        if (k.n != 9 || !pace_decode(v, &p))
            return MDB_CORRUPTED;
        if (p.active != 0) {
            p.active = 0;
            rc = pace_save(t, key_get_i64(k.b, 1), &p);
            if (rc != 0)
                return rc;
        }
        key_after(&k);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

struct recovery {
    struct counters *c;
    counters_orphan_fn *decide;
    void *arg;
    int n;
    enum status status;
    struct err *err;
};

static bool recover_one(void *arg, const struct counter_hold *h)
{
    struct recovery *r = arg;
    struct event row = *h->skeleton;
    struct settlement s = {.hold_id = h->id, .tokens = -1};
    row.held = h->amount;
    r->decide(r->arg, h, &row, &s.usd);
    row.usd = s.usd;
    s.event = row.status == EVENT_NONE ? NULL : &row;
    r->status = counters_settle(r->c, &s, r->err);
    r->n += r->status == OK;
    return r->status == OK;
}

enum status counters_recover(struct counters *c, counters_orphan_fn *decide,
                             void *arg, int *recovered, struct err *err)
{
    struct recovery r = {.c = c, .decide = decide, .arg = arg, .err = err};
    enum status s = counters_holds(c, recover_one, &r, err);
    *recovered = r.n;
    if (s == OK)
        s = r.status;
    if (s == OK)
        s = store_status(store_write(c, zero_active, NULL, NULL, NULL),
                         "recovery", err);
    return s;
}

// ---- windows -------------------------------------------------------------

enum status counters_peek(struct counters *c, struct counter_window *w,
                          int64_t now_ms, struct err *err)
{
    MDB_txn *t;
    struct tally y = {0};
    if (!tally_valid(w))
        return err_set(err, E_INVALID, "counters", "peek: wrong window");
    int rc = store_read_begin(c, &t);
    if (rc == 0) {
        rc = tally_peek(c, t, w, now_ms, &y);
        store_read_end(c, t);
    }
    w->spent = y.spent;
    w->held = y.held;
    w->fits = y.spent + (int128)y.held < w->amount;
    return store_status(rc, "peek", err);
}

static int walk_table(struct counters *c, enum table table,
                      counters_window_fn *fn, void *arg, bool *go_on)
{
    struct key k;
    struct buf b;
    bool done = false;
    int rc = 0;
    key_start(&k, table);
    buf_init(&b, BATCH_LIMIT);
    while (rc == 0 && !done && *go_on) {
        buf_clear(&b);
        rc = store_batch(c, &k, 1, 1000, &b, &done);
        struct slice rest = buf_get(&b), key, value;
        while (rc == 0 && *go_on && store_batch_next(&rest, &key, &value)) {
            struct counter_window w;
            struct tally y;
            if (tally_decode(key, value, &w, &y))
                *go_on = fn(arg, &w);
            else
                rc = MDB_CORRUPTED;
        }
    }
    buf_release(&b);
    return rc;
}

enum status counters_windows(struct counters *c, counters_window_fn *fn,
                             void *arg, struct err *err)
{
    bool go_on = true;
    int rc = walk_table(c, TABLE_WINDOW, fn, arg, &go_on);
    if (rc == 0 && go_on)
        rc = walk_table(c, TABLE_AGGREGATE, fn, arg, &go_on);
    return store_status(rc, "walking windows", err);
}

// ---- exclusive -----------------------------------------------------------

struct exclusive {
    counters_excl_fn *fn;
    void *arg;
    enum status status;
    struct err *err;
    bool ran;
};

static int exclusive(struct tx *t, void *arg)
{
    struct exclusive *x = arg;
    if (x->ran)
        return MDB_MAP_FULL; // `fn` may have side effects: never twice
    x->ran = true;
    struct counters_txn lent = {.t = t};
    x->status = x->fn(x->arg, &lent, x->err);
    if (lent.rc != 0)
        return lent.rc;
    return x->status == OK ? 0 : ECANCELED;
}

enum status counters_exclusive(struct counters *c, counters_excl_fn *fn,
                               void *arg, struct err *err)
{
    struct exclusive x = {.fn = fn, .arg = arg, .err = err};
    int rc = store_write(c, exclusive, &x, NULL, NULL);
    if (x.status != OK)
        return x.status;
    return store_status(rc, "exclusive", err);
}

/* Remembers a failure so that the transaction cannot commit. */
static enum status within(struct counters_txn *t, int rc, const char *what,
                          struct err *err)
{
    if (rc != 0 && t->rc == 0)
        t->rc = rc;
    return store_status(rc, what, err);
}

enum status counters_txn_set(struct counters_txn *t,
                             const struct counter_window *w, int64_t spent,
                             struct err *err)
{
    struct tally y;
    int64_t own = 0;
    int rc = tally_valid(w) ? tally_load(t->t, w, &y) : STORE_INVALID;
    if (rc == 0)
        rc = tally_own(t->t, w, &own);
    if (rc == 0)
        rc = tally_spend(t->t, w, &y, money_add(spent, -own));
    if (rc == 0)
        rc = tally_save(t->t, w, &y);
    return within(t, rc, "setting a window", err);
}

static int drop_prefix(struct tx *t, enum table table, uint64_t budget)
{
    struct key k;
    struct slice v;
    int rc;
    for (;;) {
        rc = store_next(t->c, t->t, key_u64(key_start(&k, table), budget), 9,
                        &v);
        if (rc == 0)
            rc = store_del(t, &k);
        if (rc != 0)
            return rc == MDB_NOTFOUND ? 0 : rc;
    }
}

/* Writes the hold `id` anew with the windows of `s` (those with keep[i]). */
static int rewrite(struct tx *t, uint64_t id, struct slice bytes,
                   const struct counter_window *w, int n, const bool *keep)
{
    struct hold h;
    struct key k;
    if (!hold_get(bytes, &h))
        return MDB_CORRUPTED;
    size_t bound = hold_bound(n, h.skeleton.n);
    uint8_t *p = bound != 0 ? try_malloc(bound) : NULL;
    if (p == NULL)
        return ENOMEM;
    size_t len = hold_put(&h, w, n, keep, h.skeleton, p);
    t->reserve +=
        (int64_t)hold_reserve(t->c, len) - (int64_t)hold_reserve(t->c, bytes.n);
    int rc = store_put(t, key_u64(key_start(&k, TABLE_HOLD), id), p, len);
    free(p);
    return rc;
}

typedef int each_hold_fn(struct tx *t, void *arg, struct slice bytes,
                         struct shown *s);

/* Calls `fn` for every open hold with a copy of its record. */
static int each_hold(struct tx *t, each_hold_fn *fn, void *arg)
{
    struct key k;
    struct slice v;
    int rc;
    key_start(&k, TABLE_HOLD);
    while ((rc = store_next(t->c, t->t, &k, 1, &v)) == 0) {
        struct shown s;
        char *copy = k.n == 9 ? try_malloc(v.n + 1) : NULL;
        if (copy == NULL)
            return k.n == 9 ? ENOMEM : MDB_CORRUPTED;
        memcpy(copy, v.p, v.n);
        struct slice bytes = slice(copy, v.n);
        rc = show(t->c, key_get_u64(k.b, 1), bytes, &s);
        if (rc == 0)
            rc = fn(t, arg, bytes, &s);
        free(s.windows);
        free(copy);
        if (rc != 0)
            return rc;
        key_after(&k);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Takes a dropped budget out of a hold, or else a budget made again with the
 * same key would be settled for what it never held. */
static int strip(struct tx *t, void *arg, struct slice bytes, struct shown *s)
{
    uint64_t budget = *(const uint64_t *)arg;
    int n = s->hold.window_count, kept = 0;
    for (int i = 0; i < n; i++)
        if (s->windows[i].budget != budget)
            s->windows[kept++] = s->windows[i];
    return kept == n ? 0
                     : rewrite(t, s->hold.id, bytes, s->windows, kept, NULL);
}

enum status counters_txn_drop(struct counters_txn *t, uint64_t budget,
                              struct err *err)
{
    int rc = drop_prefix(t->t, TABLE_WINDOW, budget);
    if (rc == 0)
        rc = drop_prefix(t->t, TABLE_AGGREGATE, budget);
    if (rc == 0)
        rc = drop_prefix(t->t, TABLE_BUCKET, budget);
    if (rc == 0)
        rc = each_hold(t->t, strip, &budget);
    return within(t, rc, "dropping a budget", err);
}

enum status counters_txn_outbox(struct counters_txn *t, uint64_t after,
                                counters_row_fn *fn, void *arg, struct err *err)
{
    struct key k;
    struct slice v;
    bool go_on = true;
    int rc = after == UINT64_MAX ? MDB_NOTFOUND : 0;
    key_u64(key_start(&k, TABLE_OUTBOX), after + 1);
    while (rc == 0 && go_on) {
        rc = store_next(t->t->c, t->t->t, &k, 1, &v);
        if (rc == 0 &&
            !outbox_show(slice((const char *)k.b, k.n), v, fn, arg, &go_on))
            rc = MDB_CORRUPTED;
        if (rc == 0)
            key_after(&k);
    }
    return within(t, rc == MDB_NOTFOUND ? 0 : rc, "outbox", err);
}

struct attach {
    const struct counter_window *w;
    counters_hold_fn *fn;
    void *arg;
    struct tally tally;
};

static int attach(struct tx *t, void *arg, struct slice bytes, struct shown *s)
{
    struct attach *a = arg;
    int n = s->hold.window_count;
    for (int i = 0; i < n; i++)
        if (s->windows[i].budget == a->w->budget &&
            (a->w->width_ms != 0 || s->windows[i].start_ms == a->w->start_ms))
            return 0; // held there already
    if (!a->fn(a->arg, &s->hold))
        return 0;
    int128 held = (int128)a->tally.held + s->hold.amount;
    if (n >= HOLD_WINDOWS_MAX || held > INT64_MAX)
        return STORE_INVALID;
    a->tally.held = (int64_t)held;
    s->windows[n] = *a->w; // show() leaves room for one more
    return rewrite(t, s->hold.id, bytes, s->windows, n + 1, NULL);
}

enum status counters_txn_attach(struct counters_txn *t,
                                const struct counter_window *w,
                                counters_hold_fn *fn, void *arg,
                                struct err *err)
{
    struct attach a = {.w = w, .fn = fn, .arg = arg};
    int rc = tally_valid(w) ? tally_load(t->t, w, &a.tally) : STORE_INVALID;
    if (rc == 0)
        rc = each_hold(t->t, attach, &a);
    if (rc == 0)
        rc = tally_save(t->t, w, &a.tally);
    return within(t, rc, "attaching", err);
}

// ---- sweeping ------------------------------------------------------------

/* Is this record of no more use? */
static bool stale(struct slice key, struct slice v, int64_t before,
                  uint64_t *budget)
{
    struct counter_window w;
    struct tally y;
    *budget = 0;
    if (key.p[0] == TABLE_SEEN) {
        int64_t at;
        if (v.n != sizeof at)
            return false;
        memcpy(&at, v.p, sizeof at);
        return at < before;
    }
    if (!tally_decode(key, v, &w, &y) || w.held != 0)
        return false;
    if (w.width_ms == 0)
        return w.end_ms < before;
    *budget = w.budget;
    return w.end_ms < before - w.width_ms;
}

/* Sweeps `table` from `*k` on for what is left of the step; 0: the step is
 * used up, MDB_NOTFOUND: the table is done. */
static int sweep_table(struct tx *t, enum table table, struct key *k,
                       int64_t before, int *steps)
{
    while ((*steps)++ < SWEEP_STEP) {
        struct slice v;
        uint64_t budget;
        int rc = store_next(t->c, t->t, k, 1, &v);
        if (rc != 0)
            return rc;
        if (stale(slice((const char *)k->b, k->n), v, before, &budget)) {
            rc = store_del(t, k);
            if (rc == 0 && table == TABLE_AGGREGATE)
                rc = drop_prefix(t, TABLE_BUCKET, budget);
        }
        key_after(k);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int sweep(struct tx *t, void *arg)
{
    int64_t before = *(const int64_t *)arg;
    static const enum table tables[] = {TABLE_AGGREGATE, TABLE_WINDOW,
                                        TABLE_SEEN};
    struct key k = t->c->sweep_at;
    for (int i = 0, steps = 0; i < 3; i++) {
        if (k.n != 0 && k.b[0] > tables[i])
            continue;
        if (k.n == 0 || k.b[0] < tables[i])
            key_start(&k, tables[i]);
        int rc = sweep_table(t, tables[i], &k, before, &steps);
        if (rc == 0) {
            t->c->sweep_at = k;
            return 0;
        }
        if (rc != MDB_NOTFOUND)
            return rc;
    }
    t->c->sweep_at.n = 0;
    return 0;
}

enum status counters_sweep(struct counters *c, int64_t before_ms,
                           struct err *err)
{
    return store_status(store_write(c, sweep, &before_ms, NULL, NULL), "sweep",
                        err);
}

// ---- named values --------------------------------------------------------

struct meta {
    const char *name;
    uint64_t v;
};

static int meta_put(struct tx *t, void *arg)
{
    const struct meta *m = arg;
    return hold_meta_put(t, m->name, m->v);
}

enum status counters_meta_get(struct counters *c, const char *name,
                              int64_t *out, struct err *err)
{
    struct tx t = {.c = c};
    uint64_t v = 0;
    int rc = store_read_begin(c, &t.t);
    if (rc == 0) {
        rc = hold_meta_get(&t, name, &v);
        store_read_end(c, t.t);
    }
    if (rc == 0)
        *out = (int64_t)v;
    return store_status(rc, "reading meta", err);
}

enum status counters_meta_set(struct counters *c, const char *name, int64_t v,
                              struct err *err)
{
    struct meta m = {name, (uint64_t)v};
    return store_status(store_write(c, meta_put, &m, NULL, NULL),
                        "writing meta", err);
}

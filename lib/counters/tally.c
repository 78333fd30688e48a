/* tally.c - see tally.h.
 *
 * A calendar window is one record.  A rolling one is an aggregate (sum, held,
 * first bucket that counts) and a record per bucket.  A bucket b counts while
 * any instant of it can lie within the last `width`: b >= current - width,
 * where `current` is the newest bucket anyone has asked for; so spend leaves
 * up to one step late and never early.  Buckets that no longer count are
 * subtracted and deleted when the aggregate is next loaded: each is touched
 * once more, so the price is constant per bucket ever made.
 *
 * Invariants
 * T1  aggregate.spent = sum of the bucket records.
 * T2  `newest` never falls: a clock that steps back brings nothing back.
 * T3  No bucket record lies before newest - width once loaded.
 */
#include "counters/tally.h"

#include <string.h>

#include "base/money.h"

#define TIME_MAX (INT64_MAX / 4)

struct calendar_record {
    int64_t end_ms, spent, held;
    uint64_t requests;
};
struct aggregate_record {
    int64_t width_ms, step_ms, oldest_ms, newest_ms, spent, held;
    uint64_t requests;
};

bool tally_valid(const struct counter_window *w)
{
    if (w->width_ms == 0)
        return true;
    return w->width_ms > 0 && w->width_ms < TIME_MAX && w->step_ms > 0 &&
           w->step_ms <= w->width_ms && w->start_ms > -TIME_MAX &&
           w->start_ms < TIME_MAX;
}

static struct key *record_key(struct key *k, const struct counter_window *w)
{
    if (w->width_ms != 0)
        return key_u64(key_start(k, TABLE_AGGREGATE), w->budget);
    return key_i64(key_u64(key_start(k, TABLE_WINDOW), w->budget), w->start_ms);
}

static struct key *bucket_key(struct key *k, uint64_t budget, int64_t start)
{
    return key_i64(key_u64(key_start(k, TABLE_BUCKET), budget), start);
}

static bool decode_aggregate(struct slice v, struct tally *y)
{
    struct aggregate_record r;
    if (v.n != sizeof r)
        return false;
    memcpy(&r, v.p, sizeof r);
    *y = (struct tally){.width_ms = r.width_ms,
                        .step_ms = r.step_ms,
                        .oldest_ms = r.oldest_ms,
                        .newest_ms = r.newest_ms,
                        .spent = r.spent,
                        .held = r.held,
                        .requests = r.requests,
                        .found = true};
    return r.width_ms > 0 && r.step_ms > 0 && r.step_ms <= r.width_ms;
}

static bool decode_calendar(struct slice v, struct tally *y)
{
    struct calendar_record r;
    if (v.n != sizeof r)
        return false;
    memcpy(&r, v.p, sizeof r);
    *y = (struct tally){.end_ms = r.end_ms,
                        .spent = r.spent,
                        .held = r.held,
                        .requests = r.requests,
                        .found = true};
    return true;
}

static int bucket_read(struct slice v, int64_t *spent)
{
    if (v.n != sizeof *spent)
        return MDB_CORRUPTED;
    memcpy(spent, v.p, sizeof *spent);
    return 0;
}

/* Lets buckets before `current` - width leave (T1, T3). */
static int expire(struct tx *t, uint64_t budget, struct tally *y)
{
    int64_t from = y->newest_ms - y->width_ms;
    while (y->oldest_ms < from) {
        struct key k;
        struct slice v;
        int64_t spent;
        bucket_key(&k, budget, INT64_MIN);
        int rc = store_next(t->c, t->t, &k, 9, &v);
        y->dirty = true;
        if (rc == MDB_NOTFOUND) {
            y->oldest_ms = INT64_MAX;
            return 0;
        }
        if (rc == 0 && k.n != 17)
            rc = MDB_CORRUPTED;
        if (rc != 0)
            return rc;
        y->oldest_ms = key_get_i64(k.b, 9);
        if (y->oldest_ms >= from)
            return 0;
        rc = bucket_read(v, &spent);
        if (rc == 0)
            rc = store_del(t, &k);
        if (rc != 0)
            return rc;
        y->spent -= spent;
    }
    return 0;
}

int tally_load(struct tx *t, const struct counter_window *w, struct tally *y)
{
    struct key k;
    struct slice v;
    int rc = store_get(t, record_key(&k, w), &v);
    *y = (struct tally){.end_ms = w->end_ms,
                        .width_ms = w->width_ms,
                        .step_ms = w->step_ms,
                        .oldest_ms = INT64_MAX,
                        .newest_ms = w->start_ms};
    if (rc == MDB_NOTFOUND)
        return 0;
    if (rc != 0)
        return rc;
    if (w->width_ms == 0)
        return decode_calendar(v, y) ? 0 : MDB_CORRUPTED;
    if (!decode_aggregate(v, y))
        return MDB_CORRUPTED;
    y->width_ms = w->width_ms;
    y->step_ms = w->step_ms;
    if (w->start_ms > y->newest_ms)
        y->newest_ms = w->start_ms;
    return expire(t, w->budget, y);
}

int tally_save(struct tx *t, const struct counter_window *w,
               const struct tally *y)
{
    struct key k;
    record_key(&k, w);
    if (w->width_ms == 0) {
        struct calendar_record r = {y->end_ms, y->spent, y->held, y->requests};
        return store_put(t, &k, &r, sizeof r);
    }
    struct aggregate_record r = {y->width_ms,  y->step_ms, y->oldest_ms,
                                 y->newest_ms, y->spent,   y->held,
                                 y->requests};
    return store_put(t, &k, &r, sizeof r);
}

int tally_own(struct tx *t, const struct counter_window *w, int64_t *spent)
{
    struct key k;
    struct slice v;
    struct tally y;
    *spent = 0;
    if (w->width_ms == 0) {
        int rc = tally_load(t, w, &y);
        *spent = y.spent;
        return rc;
    }
    int rc = store_get(t, bucket_key(&k, w->budget, w->start_ms), &v);
    if (rc == MDB_NOTFOUND)
        return 0;
    return rc == 0 ? bucket_read(v, spent) : rc;
}

int tally_spend(struct tx *t, const struct counter_window *w, struct tally *y,
                int64_t usd)
{
    if (w->width_ms == 0) {
        y->spent = money_add(y->spent, usd);
        return 0;
    }
    if (usd == 0 || w->start_ms < y->newest_ms - y->width_ms)
        return 0; // it has left already
    int64_t own;
    struct key k;
    int rc = tally_own(t, w, &own);
    if (rc != 0)
        return rc;
    int64_t sum = money_add(y->spent, usd);
    own = money_add(own, sum - y->spent); // T1 also when clamped
    y->spent = sum;
    if (w->start_ms < y->oldest_ms)
        y->oldest_ms = w->start_ms;
    return store_put(t, bucket_key(&k, w->budget, w->start_ms), &own,
                     sizeof own);
}

bool tally_decode(struct slice key, struct slice value,
                  struct counter_window *w, struct tally *y)
{
    const uint8_t *k = (const uint8_t *)key.p;
    *w = (struct counter_window){0};
    if (key.n == 9 && k[0] == TABLE_AGGREGATE) {
        if (!decode_aggregate(value, y))
            return false;
        w->start_ms = y->oldest_ms == INT64_MAX ? y->newest_ms : y->oldest_ms;
        w->end_ms = y->newest_ms + y->step_ms;
        w->width_ms = y->width_ms;
        w->step_ms = y->step_ms;
    } else if (key.n == 17 && k[0] == TABLE_WINDOW) {
        if (!decode_calendar(value, y))
            return false;
        w->start_ms = key_get_i64(k, 9);
        w->end_ms = y->end_ms;
    } else {
        return false;
    }
    w->budget = key_get_u64(k, 1);
    w->spent = y->spent;
    w->held = y->held;
    return true;
}

int tally_peek(struct counters *c, MDB_txn *t, const struct counter_window *w,
               int64_t now_ms, struct tally *y)
{
    struct key k;
    record_key(&k, w);
    MDB_val key = {k.n, k.b}, v;
    int rc = mdb_get(t, c->dbi, &key, &v);
    *y = (struct tally){0};
    if (rc != 0)
        return rc == MDB_NOTFOUND ? 0 : rc;
    struct slice bytes = slice(v.mv_data, v.mv_size);
    if (w->width_ms == 0)
        return decode_calendar(bytes, y) ? 0 : MDB_CORRUPTED;
    if (!decode_aggregate(bytes, y))
        return MDB_CORRUPTED;
    int64_t current = w->start_ms;
    if (now_ms > current)
        current += (now_ms - current) / w->step_ms * w->step_ms;
    if (current < y->newest_ms)
        current = y->newest_ms;
    bucket_key(&k, w->budget, INT64_MIN);
    struct slice b;
    while ((rc = store_next(c, t, &k, 9, &b)) == 0) {
        int64_t spent;
        if (k.n != 17 || bucket_read(b, &spent) != 0)
            return MDB_CORRUPTED;
        if (key_get_i64(k.b, 9) >= current - w->width_ms)
            break;
        y->spent -= spent;
        key_after(&k);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

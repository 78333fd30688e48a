/* pace.c - see pace.h.
 *
 * An interval of 60 s touches at most 61 seconds of the clock.  A request of
 * second s counts while the newest second is < s + 61 and leaves at instant
 * (s + 61) * 1000.
 *
 * The newest second does not fall when threads arrive out of order (up to
 * SKEW_S); if the clock was really set back the ring moves with it, keeping
 * its contents, since they happened no later than now.
 */
#include "counters/pace.h"

#include <stddef.h>
#include <string.h>

#define SKEW_S 5
#define SMALL offsetof(struct pace, tokens)

static size_t at(int64_t second)
{
    return (size_t)(((second % PACE_BUCKETS) + PACE_BUCKETS) % PACE_BUCKETS);
}

static int64_t second_of(int64_t ms)
{
    return ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
}

bool pace_decode(struct slice v, struct pace *p)
{
    if (v.n != SMALL && v.n != sizeof *p)
        return false;
    memset(p, 0, sizeof *p);
    memcpy(p, v.p, v.n);
    return p->has_tokens == (v.n == sizeof *p);
}

int pace_get(struct tx *t, int64_t tenant, struct pace *p)
{
    struct key k;
    struct slice v;
    int rc = store_get(t, key_i64(key_start(&k, TABLE_RATE), tenant), &v);
    if (rc != 0)
        return rc;
    return pace_decode(v, p) ? 0 : MDB_CORRUPTED;
}

/* Turns the ring so that its newest bucket is `now_s` without losing any. */
static void rebase(struct pace *p, int64_t now_s)
{
    struct pace old = *p;
    for (int i = 0; i < PACE_BUCKETS; i++) {
        p->requests[at(now_s - i)] = old.requests[at(old.newest_s - i)];
        p->tokens[at(now_s - i)] = old.tokens[at(old.newest_s - i)];
    }
    p->newest_s = now_s;
}

static bool advance(struct pace *p, int64_t now_s)
{
    bool turned = now_s < p->newest_s - SKEW_S;
    if (turned)
        rebase(p, now_s);
    int64_t steps = now_s - p->newest_s;
    if (steps > PACE_BUCKETS)
        steps = PACE_BUCKETS;
    for (int64_t i = 0; i < steps; i++) {
        size_t b = at(now_s - i);
        p->request_sum -= p->requests[b];
        p->token_sum -= p->tokens[b];
        p->requests[b] = 0;
        p->tokens[b] = 0;
    }
    if (steps > 0)
        p->newest_s = now_s;
    return turned;
}

int pace_load(struct tx *t, int64_t tenant, int64_t now_ms, struct pace *p,
              bool *turned)
{
    *turned = false;
    int rc = pace_get(t, tenant, p);
    if (rc == MDB_NOTFOUND) {
        memset(p, 0, sizeof *p);
        p->newest_s = second_of(now_ms);
        return 0;
    }
    if (rc == 0)
        *turned = advance(p, second_of(now_ms));
    return rc;
}

int pace_save(struct tx *t, int64_t tenant, const struct pace *p)
{
    struct key k;
    return store_put(t, key_i64(key_start(&k, TABLE_RATE), tenant), p,
                     p->has_tokens != 0 ? sizeof *p : SMALL);
}

/* Seconds until bucket `second` leaves, rounded up.  The window is a minute;
 * the part of a second by which a bucket outlives it is our rounding, and not
 * told. */
static int64_t leaves_in(int64_t second, int64_t now_ms)
{
    int64_t s = ((second + PACE_BUCKETS) * 1000 - now_ms + 999) / 1000;
    return s < 0 ? 0 : s > 60 ? 60 : s;
}

static int64_t reset(const struct pace *p, int64_t now_ms)
{
    for (int64_t s = p->newest_s - PACE_BUCKETS + 1; s <= p->newest_s; s++)
        if (p->requests[at(s)] != 0)
            return leaves_in(s, now_ms);
    return 0;
}

/* Seconds until at most `room` of the counted remain. */
static int64_t wait_requests(const struct pace *p, int64_t room, int64_t now)
{
    int64_t sum = p->request_sum, s = p->newest_s - PACE_BUCKETS + 1;
    for (; s < p->newest_s; s++) {
        sum -= p->requests[at(s)];
        if (sum <= room)
            break;
    }
    int64_t wait = leaves_in(s, now);
    return wait > 1 ? wait : 1;
}

static int64_t wait_tokens(const struct pace *p, int64_t room, int64_t now)
{
    int64_t sum = p->token_sum, s = p->newest_s - PACE_BUCKETS + 1;
    for (; s < p->newest_s; s++) {
        sum -= p->tokens[at(s)];
        if (sum <= room)
            break;
    }
    int64_t wait = leaves_in(s, now);
    return wait > 1 ? wait : 1;
}

enum admit_result pace_check(const struct pace *p, struct counter_rate *r,
                             int64_t tokens, int64_t now_ms)
{
    r->remaining =
        r->max_requests > p->request_sum ? r->max_requests - p->request_sum : 0;
    r->reset_s = reset(p, now_ms);
    r->retry_after_s = 0;
    if (r->max_requests > 0 && p->request_sum >= r->max_requests) {
        r->retry_after_s = wait_requests(p, r->max_requests - 1, now_ms);
        return ADMIT_RATE_REQUESTS;
    }
    if (r->max_tokens > 0 &&
        (tokens > r->max_tokens || p->token_sum > r->max_tokens - tokens)) {
        r->retry_after_s = wait_tokens(p, r->max_tokens - tokens, now_ms);
        return ADMIT_RATE_TOKENS;
    }
    if (r->max_concurrent > 0 && p->active >= r->max_concurrent) {
        r->retry_after_s = 1;
        return ADMIT_RATE_CONCURRENCY;
    }
    return ADMIT_OK;
}

void pace_count(struct pace *p, struct counter_rate *r, int64_t now_ms)
{
    if (p->requests[at(p->newest_s)] != UINT32_MAX) {
        p->requests[at(p->newest_s)]++;
        p->request_sum++;
    }
    r->remaining =
        r->max_requests > p->request_sum ? r->max_requests - p->request_sum : 0;
    r->reset_s = reset(p, now_ms);
}

void pace_tokens(struct pace *p, int64_t second, int64_t tokens)
{
    if (second > p->newest_s || second <= p->newest_s - PACE_BUCKETS)
        return;
    int64_t *b = &p->tokens[at(second)];
    if (tokens < -*b)
        tokens = -*b;
    if (tokens > INT64_MAX / 128 - *b) // 61 of these add up
        tokens = INT64_MAX / 128 - *b;
    *b += tokens;
    p->token_sum += tokens;
}

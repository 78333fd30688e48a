/* bucket.c - see bucket.h.  Levels in 1/60000 of a token: one per ms and
 * token a minute, so that nothing is rounded. */
#include "control/bucket.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/crypt.h"
#include "base/mem.h"

#define SLOTS 4096
#define UNIT INT64_C(60000)

struct bucket {
    uint64_t who; /* 0: nobody */
    int64_t level, at_ms;
};

struct buckets {
    pthread_mutex_t lock; /* guards slots */
    int64_t rpm, burst;
    struct bucket slots[SLOTS];
};

struct buckets *buckets_new(int64_t rpm, int64_t burst)
{
    struct buckets *b = xcalloc(1, sizeof *b);
    (void)pthread_mutex_init(&b->lock, NULL);
    b->rpm = rpm;
    b->burst = burst > 0 ? burst : rpm;
    return b;
}

void buckets_free(struct buckets **b)
{
    if (*b == NULL)
        return;
    (void)pthread_mutex_destroy(&(*b)->lock);
    free(*b);
    *b = NULL;
}

int64_t buckets_limit(const struct buckets *b)
{
    return b->rpm > 0 ? b->burst : 0;
}

bool buckets_take(struct buckets *b, struct slice who, int64_t now_ms,
                  int64_t *left, int64_t *retry_s)
{
    uint64_t key = crypt_table_hash(who) | 1;
    int64_t full = b->burst * UNIT;
    *left = *retry_s = 0;
    if (b->rpm <= 0)
        return true;
    (void)pthread_mutex_lock(&b->lock);
    struct bucket *s = &b->slots[(key >> 1) % SLOTS];
    if (s->who != key)
        *s = (struct bucket){.who = key, .level = full, .at_ms = now_ms};
    int64_t passed = now_ms > s->at_ms ? now_ms - s->at_ms : 0;
    if (passed > full / b->rpm)
        s->level = full;
    else
        s->level += passed * b->rpm;
    if (s->level > full)
        s->level = full;
    s->at_ms = now_ms;
    bool ok = s->level >= UNIT;
    if (ok)
        s->level -= UNIT;
    else
        *retry_s = (UNIT - s->level + b->rpm * 1000 - 1) / (b->rpm * 1000);
    *left = s->level / UNIT;
    (void)pthread_mutex_unlock(&b->lock);
    return ok;
}

/* limit.c - see limit.h.  Two half windows per slot: the count of this minute
 * and the one before, weighed by how much of it still lies within 60 s, so
 * that no minute contains more than the limit by a burst at its edge. */
#include "guard/limit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypt.h"
#include "base/mem.h"

#define SLOTS 8192 /* 256 KB; a slot per address and minute */
#define MINUTE_MS 60000

struct slot {
    uint64_t address; // hash; 0: free
    int64_t minute;
    int now, before;
};

struct limit {
    pthread_mutex_t lock; // guards slot[]; held for a few instructions
    int per_min;
    struct slot slot[SLOTS];
};

struct limit *limit_new(int per_min)
{
    struct limit *l = xcalloc(1, sizeof *l);
    (void)pthread_mutex_init(&l->lock, NULL);
    l->per_min = per_min;
    return l;
}

void limit_free(struct limit **l)
{
    if (*l == NULL)
        return;
    (void)pthread_mutex_destroy(&(*l)->lock);
    free(*l);
    *l = NULL;
}

/* The part of an address that is one customer: all of IPv4, /64 of IPv6. */
static struct slice network(struct slice address)
{
    int colons = 0;
    if (memchr(address.p, '.', address.n) != NULL)
        return address;
    for (size_t i = 0; i < address.n; i++) {
        if (address.p[i] != ':')
            continue;
        bool twice = i + 1 < address.n && address.p[i + 1] == ':';
        if (++colons == 4 || twice)
            return slice(address.p, i);
    }
    return address;
}

/* The slot of `address`, moved on to this minute; the lock is held. */
static struct slot *find(struct limit *l, struct slice address, int64_t now_ms)
{
    uint64_t hash = crypt_table_hash(network(address)) | 1;
    struct slot *s = &l->slot[(hash >> 1) % SLOTS];
    int64_t minute = now_ms / MINUTE_MS;
    if (s->address != hash)
        *s = (struct slot){.address = hash, .minute = minute};
    if (s->minute != minute) {
        s->before = s->minute == minute - 1 ? s->now : 0;
        s->now = 0;
        s->minute = minute;
    }
    return s;
}

static int recent(const struct slot *s, int64_t now_ms)
{
    int64_t left = MINUTE_MS - now_ms % MINUTE_MS;
    return s->now + (int)((s->before * left + MINUTE_MS - 1) / MINUTE_MS);
}

bool limit_reached(struct limit *l, struct slice address, int64_t now_ms,
                   int *retry_s)
{
    (void)pthread_mutex_lock(&l->lock);
    const struct slot *s = find(l, address, now_ms);
    bool reached = recent(s, now_ms) >= l->per_min;
    (void)pthread_mutex_unlock(&l->lock);
    *retry_s = (int)((MINUTE_MS - now_ms % MINUTE_MS) / 1000) + 1;
    return reached;
}

bool limit_count(struct limit *l, struct slice address, int64_t now_ms)
{
    (void)pthread_mutex_lock(&l->lock);
    struct slot *s = find(l, address, now_ms);
    bool within = recent(s, now_ms) < l->per_min;
    if (s->now < 1000000)
        s->now++;
    (void)pthread_mutex_unlock(&l->lock);
    return within;
}

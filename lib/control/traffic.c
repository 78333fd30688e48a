/* traffic.c - see traffic.h.
 *
 * Durations go into buckets of an eighth of an octave, so a percentile is at
 * most 12.5 % too high whatever its size, in 200 counters per route.
 */
#include "control/traffic.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"

#define STEPS 8     /* of an octave; a power of two */
#define BUCKETS 256 /* up to 2^34 us */
#define CODE_MIN 100
#define CODES 500

struct cell {
    _Atomic int64_t count, sum_us;
    _Atomic uint32_t bucket[BUCKETS], code[CODES];
};

struct traffic {
    int n;
    struct cell cell[];
};

struct traffic *traffic_new(int routes)
{
    struct traffic *t =
        xcalloc(1, sizeof *t + (size_t)routes * sizeof t->cell[0]);
    t->n = routes;
    return t;
}

void traffic_free(struct traffic **t)
{
    free(*t);
    *t = NULL;
}

/* The bucket of a duration: below STEPS each us has its own. */
static int bucket_of(int64_t us)
{
    if (us < STEPS)
        return us < 0 ? 0 : (int)us;
    int octave = 63 - __builtin_clzll((unsigned long long)us); // >= 3
    int step = (int)(us >> (octave - 3)) & (STEPS - 1);
    int i = (octave - 2) * STEPS + step;
    return i < BUCKETS ? i : BUCKETS - 1;
}

/* The longest duration in a bucket. */
static int64_t bound_of(int i)
{
    if (i < STEPS)
        return i;
    int octave = i / STEPS + 2, step = i % STEPS;
    return ((INT64_C(1) * (STEPS + step + 1)) << (octave - 3)) - 1;
}

void traffic_note(struct traffic *t, int i, int status, int64_t us)
{
    struct cell *c = &t->cell[i];
    atomic_fetch_add_explicit(&c->count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->sum_us, us, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->bucket[bucket_of(us)], 1,
                              memory_order_relaxed);
    if (status >= CODE_MIN && status < CODE_MIN + CODES)
        atomic_fetch_add_explicit(&c->code[status - CODE_MIN], 1,
                                  memory_order_relaxed);
}

static int64_t percentile(const struct cell *c, int64_t all, int percent)
{
    int64_t seen = 0, want = (all * percent + 99) / 100;
    for (int i = 0; i < BUCKETS; i++) {
        seen += atomic_load_explicit(&c->bucket[i], memory_order_relaxed);
        if (seen >= want)
            return bound_of(i);
    }
    return bound_of(BUCKETS - 1);
}

void traffic_read(const struct traffic *t, int i, struct traffic_figures *out)
{
    const struct cell *c = &t->cell[i];
    int64_t n = atomic_load_explicit(&c->count, memory_order_relaxed);
    *out = (struct traffic_figures){.count = n};
    if (n == 0)
        return;
    out->mean_us = atomic_load_explicit(&c->sum_us, memory_order_relaxed) / n;
    out->p50_us = percentile(c, n, 50);
    out->p95_us = percentile(c, n, 95);
}

int64_t traffic_status(const struct traffic *t, int i, int status)
{
    if (status < CODE_MIN || status >= CODE_MIN + CODES)
        return 0;
    return atomic_load_explicit(&t->cell[i].code[status - CODE_MIN],
                                memory_order_relaxed);
}

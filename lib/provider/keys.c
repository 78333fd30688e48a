/* keys.c - see keys.h. */
#include "provider/keys.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct key {
    char *text;
    int weight;
    _Atomic int64_t until_ms; /* rests until then */
};

struct keys {
    _Atomic uint64_t turn;
    int n, weights;
    struct key of[KEYS_MAX];
};

static bool is_visible(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n > 0;
}

/* "text*weight" or "text". */
static bool key_read(struct keys *k, struct slice s)
{
    size_t star = slice_find(s, '*');
    int weight = 0;
    for (size_t i = star + 1; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || weight > KEYS_WEIGHT_MAX)
            return false;
        weight = weight * 10 + (s.p[i] - '0');
    }
    struct slice text = slice(s.p, star);
    if (star == s.n)
        weight = 1;
    if (k->n == KEYS_MAX || weight < 1 || weight > KEYS_WEIGHT_MAX ||
        !is_visible(text))
        return false;
    k->of[k->n++] =
        (struct key){.text = xmemdupz(text.p, text.n), .weight = weight};
    k->weights += weight;
    return true;
}

struct keys *keys_new(const char *text)
{
    struct keys *k = xcalloc(1, sizeof *k);
    struct slice rest = slice_str(text);
    bool ok = rest.n > 0;
    while (ok && rest.p != NULL) {
        struct slice one = slice_trim(slice_cut(&rest, ','));
        ok = key_read(k, one);
    }
    if (!ok)
        keys_free(&k);
    return k;
}

void keys_free(struct keys **kp)
{
    struct keys *k = *kp;
    if (k == NULL)
        return;
    for (int i = 0; i < k->n; i++) {
        explicit_bzero(k->of[i].text, strlen(k->of[i].text));
        free(k->of[i].text);
    }
    free(k);
    *kp = NULL;
}

int keys_count(const struct keys *k)
{
    return k->n;
}

static int64_t until(const struct keys *k, int i)
{
    return atomic_load_explicit(&k->of[i].until_ms, memory_order_relaxed);
}

int keys_next(struct keys *k, int64_t now_ms)
{
    if (k->n == 1)
        return 0;
    uint64_t turn =
        atomic_fetch_add_explicit(&k->turn, 1, memory_order_relaxed);
    int at = (int)(turn % (uint64_t)k->weights), i = 0, soonest = 0;
    while (at >= k->of[i].weight)
        at -= k->of[i++].weight;
    for (int tries = 0; tries < k->n; tries++, i = (i + 1) % k->n)
        if (until(k, i) <= now_ms)
            return i;
    for (int j = 1; j < k->n; j++)
        if (until(k, j) < until(k, soonest))
            soonest = j;
    return soonest;
}

struct slice keys_text(const struct keys *k, int i)
{
    return slice_str(k->of[i].text);
}

void keys_rest(struct keys *k, int i, int64_t until_ms)
{
    atomic_store_explicit(&k->of[i].until_ms, until_ms, memory_order_relaxed);
}

int64_t keys_wait_ms(const struct keys *k, int64_t now_ms)
{
    int64_t soonest = INT64_MAX;
    for (int i = 0; i < k->n; i++)
        if (until(k, i) < soonest)
            soonest = until(k, i);
    return soonest > now_ms ? soonest - now_ms : 0;
}

/* bpe.c - merging in rank order.
 *
 * Most pieces are one word of the table.  Others are merged in a window: the
 * lowest rank of all neighbouring pairs is merged until none is left; the
 * scan for it is over a contiguous array, which for a window of WINDOW bytes
 * beats a heap.
 *
 * Pieces longer than a window are done window by window.  That is exact
 * because of what makes an encoding: a sequence of tokens is the encoding of
 * its bytes if and only if merging would leave every two neighbours apart
 * (Antoniadis and van Antwerpen, "So many tokens, so little time", GitHub
 * 2024).  The tail of each window's result is thrown away, the next window
 * begins at a token boundary, and apart() proves the seam; where it does not
 * hold, an earlier boundary is tried.
 *
 * Invariants
 *  B1  what was emitted plus the encoding of what follows the seam is the
 *      encoding of the whole, since every pair in it is apart
 *  B2  every window but the last emits at least one token
 */
#include "token/bpe.h"

#include <assert.h>
#include <stdbool.h>

#define WINDOW 512
#define TAIL 160 /* more than the longest token is left for the next window */
#define NO_MERGE INT32_MAX

struct window {
    int32_t rank[WINDOW + 8]; // of merging parts i and i+1; NO_MERGE
    uint32_t id[WINDOW + 8];
    uint16_t len[WINDOW + 8];
    size_t n;
};

static inline int32_t pair_rank(const struct ranks *r, uint32_t left,
                                uint32_t right)
{
    uint32_t id = ranks_pair(r, left, right);
    return id == RANKS_NONE ? NO_MERGE : (int32_t)id;
}

/* Index of the lowest rank; the first of equals. */
static inline size_t lowest(const int32_t *rank, size_t n, int32_t *value)
{
    int32_t best = NO_MERGE;
    for (size_t i = 0; i < n; i++)
        best = rank[i] < best ? rank[i] : best;
    *value = best;
    size_t at = 0;
    while (at < n && rank[at] != best)
        at++;
    return at;
}

static void take_out(struct window *w, size_t at)
{
    size_t move = w->n - at - 1;
    memmove(w->id + at, w->id + at + 1, move * sizeof *w->id);
    memmove(w->rank + at, w->rank + at + 1, move * sizeof *w->rank);
    memmove(w->len + at, w->len + at + 1, move * sizeof *w->len);
    w->n--;
}

/* Merges n <= WINDOW bytes until nothing merges. */
static void merge(const struct ranks *r, const uint8_t *p, size_t n,
                  struct window *w)
{
    w->n = n;
    for (size_t i = 0; i < n; i++) {
        w->id[i] = r->bytes[p[i]];
        w->len[i] = 1;
    }
    for (size_t i = 0; i + 1 < n; i++)
        w->rank[i] = pair_rank(r, w->id[i], w->id[i + 1]);
    w->rank[n - 1] = NO_MERGE;
    for (;;) {
        int32_t best;
        size_t at = lowest(w->rank, w->n, &best);
        if (best == NO_MERGE)
            return;
        w->id[at] = (uint32_t)best;
        w->len[at] = (uint16_t)(w->len[at] + w->len[at + 1]);
        take_out(w, at + 1);
        w->rank[at] = at + 1 < w->n
                          ? pair_rank(r, w->id[at], w->id[at + 1])
                          : NO_MERGE;
        if (at > 0)
            w->rank[at - 1] = pair_rank(r, w->id[at - 1], w->id[at]);
    }
}

/* True if merging leaves tokens a, b apart: undoes their merges from the last
 * to the first and looks whether one across the seam would have come before. */
static bool apart(const struct ranks *r, uint32_t a, uint32_t b)
{
    uint32_t limit = UINT32_MAX;
    for (;;) {
        uint32_t both = ranks_pair(r, a, b);
        if (both != RANKS_NONE && both < limit)
            return false;
        bool first = a > b;
        for (int tries = 0; tries < 2; tries++, first = !first) {
            if (first) {
                limit = a;
                a = r->splits[2 * a + 1];
                if (a != limit)
                    break;
            } else {
                limit = b + 1;
                b = r->splits[2 * b];
                if (b + 1 != limit)
                    break;
            }
            if (tries == 1)
                return true;
        }
    }
}

static size_t long_piece(const struct ranks *r, const uint8_t *p, size_t n,
                         bpe_ids_fn *fn, void *arg)
{
    struct window w;
    size_t count = 0;
    uint32_t before = RANKS_NONE; // last token emitted
    size_t back = 0;              // bytes to retreat for a seam that holds
    while (n > 0) {
        size_t take = n < WINDOW ? n : WINDOW;
        merge(r, p, take, &w);
        size_t keep = w.n, bytes = take;
        if (take < n) // the tail belongs to the next window
            while (keep > 1 && bytes > take - TAIL - back) {
                keep--;
                bytes -= w.len[keep];
            }
        // the seam in front: by B1 it must hold before anything is emitted
        assert(before == RANKS_NONE || apart(r, before, w.id[0]));
        if (take < n) { // and the seam behind, as the next window begins
            struct window next;
            size_t ahead = n - bytes < WINDOW ? n - bytes : WINDOW;
            merge(r, p + bytes, ahead, &next);
            while (keep > 1 && !apart(r, w.id[keep - 1], next.id[0])) {
                keep--;
                bytes -= w.len[keep];
                ahead = n - bytes < WINDOW ? n - bytes : WINDOW;
                merge(r, p + bytes, ahead, &next);
            }
        }
        if (fn != NULL)
            fn(arg, w.id, keep);
        count += keep;
        before = w.id[keep - 1];
        p += bytes;
        n -= bytes;
    }
    return count;
}

size_t bpe_piece(const struct ranks *r, const uint8_t *p, size_t n,
                 bpe_ids_fn *fn, void *arg)
{
    uint32_t id = ranks_word(r, p, n);
    if (id != RANKS_NONE) {
        if (fn != NULL)
            fn(arg, &id, 1);
        return 1;
    }
    if (n > WINDOW)
        return long_piece(r, p, n, fn, arg);
    struct window w;
    merge(r, p, n, &w);
    if (fn != NULL)
        fn(arg, w.id, w.n);
    return w.n;
}

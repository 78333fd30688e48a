/* bpe.c - byte pair encoding without merging.
 *
 * Most pieces are one word of the table.  For others this rests on what makes
 * an encoding: a sequence of tokens is the encoding of its bytes if and only
 * if merging in rank order would leave every two neighbours apart.  So the
 * piece is walked left to right: the longest token that may follow the last
 * one, else the next shorter, and where none fits one token back, marking the
 * place as dead so that it is never entered again (Antoniadis and van
 * Antwerpen, "So many tokens, so little time", GitHub 2024).  Linear, with one
 * bit and at most one id per byte.  Long runs of one character have so many
 * tokens that this stumbles; a window that costs too many checks is merged.
 *
 * Long pieces are counted in windows, for bounded scratch: the tail of a
 * window's result is thrown away, the next window begins at a token boundary,
 * and apart() proves the seam.  Where no seam of a window holds - one would
 * have to be built for that - the piece is done again in one walk with scratch
 * from the heap, as it is when its ids are wanted.
 *
 * Invariant
 *  B1  the tokens counted and those of the last window are the encoding of the
 *      piece, since every pair among them is apart
 */
#include "token/bpe.h"

#include <stdbool.h>
#include <stdlib.h>

#ifndef BPE_WINDOW /* a test makes it small */
#define BPE_WINDOW 2048
#endif
#define TAIL                                                         \
    (BPE_WINDOW / 8)  /* left to the next window, as its first guess \
                       */
#define BUDGET_MIN 64 /* failed checks a window may cost, beside its bytes */
#define DEAD_WORDS(n) ((n) / 64 + 1)

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

/* The longest token of the encoding that is a proper prefix of `id`; `id`
 * itself if there is none. */
static uint32_t shorter(const struct ranks *r, uint32_t id)
{
    uint32_t s = r->shorter[id];
    while (s >= r->limit && s != r->shorter[s])
        s = r->shorter[s];
    return s;
}

/* The encoding of p[0..n) as it follows the token `before` (RANKS_NONE:
 * begins): writes ids, answers how many; 0: none may follow `before`, or the
 * budget of checks is spent (`*budget` is 0).  `ids` has room for n, `dead` for
 * DEAD_WORDS(n), all zero. */
static size_t walk(const struct ranks *r, const uint8_t *p, size_t n,
                   uint32_t before, size_t *budget, uint32_t *ids,
                   uint64_t *dead)
{
    size_t at = 0, count = 0;
    uint32_t last = before, token = ranks_longest(r, p, p + n);
    for (;;) {
        size_t end = at + r->lengths[token];
        bool is_dead = (dead[end / 64] >> end % 64 & 1) != 0;
        if (!is_dead && (last == RANKS_NONE || apart(r, last, token))) {
            ids[count++] = last = token;
            at = end;
            if (at == n)
                return count;
            token = ranks_longest(r, p + at, p + n);
            continue;
        }
        if (--*budget == 0)
            return 0;
        uint32_t s = shorter(r, token);
        if (s != token) {
            token = s;
            continue;
        }
        if (count == 0) // only behind `before`: else an encoding exists
            return 0;
        dead[at / 64] |= (uint64_t)1 << at % 64; // the last was too long
        token = ids[--count];
        at -= r->lengths[token];
        last = count > 0 ? ids[count - 1] : before;
    }
}

/* ---- merging, for what makes the walk stumble --------------------------- */

#define NO_MERGE INT32_MAX
#define BLOCK 64
#define BLOCKS ((BPE_WINDOW + BLOCK - 1) / BLOCK)

/* Parts are known by the place of their first byte. */
struct parts {
    int32_t rank[BLOCKS * BLOCK]; // of the merge with the next; NO_MERGE
    int32_t low[BLOCKS];          // lowest of each block
    uint32_t id[BPE_WINDOW];
    uint16_t next[BPE_WINDOW + 1], prev[BPE_WINDOW + 1];
};

static void set_rank(struct parts *w, size_t i, int32_t rank)
{
    const int32_t *block = w->rank + i / BLOCK * BLOCK;
    int32_t low = NO_MERGE;
    w->rank[i] = rank;
    for (size_t k = 0; k < BLOCK; k++)
        low = block[k] < low ? block[k] : low;
    w->low[i / BLOCK] = low;
}

/* The first of the lowest ranks; n: nothing merges. */
static size_t lowest(const struct parts *w, size_t n)
{
    size_t blocks = (n + BLOCK - 1) / BLOCK, best = 0;
    for (size_t b = 1; b < blocks; b++)
        best = w->low[b] < w->low[best] ? b : best;
    if (w->low[best] == NO_MERGE)
        return n;
    size_t at = best * BLOCK;
    while (w->rank[at] != w->low[best])
        at++;
    return at;
}

static void rank_with_next(const struct ranks *r, struct parts *w, size_t i,
                           size_t n)
{
    size_t next = w->next[i];
    uint32_t id = next < n ? ranks_pair(r, w->id[i], w->id[next]) : RANKS_NONE;
    set_rank(w, i, id == RANKS_NONE ? NO_MERGE : (int32_t)id);
}

/* Merges the lowest rank until nothing merges; n <= BPE_WINDOW. */
static size_t merge(const struct ranks *r, const uint8_t *p, size_t n,
                    uint32_t *ids)
{
    struct parts w;
    for (size_t i = 0; i < BLOCKS * BLOCK; i++)
        w.rank[i] = NO_MERGE;
    for (size_t b = 0; b < BLOCKS; b++)
        w.low[b] = NO_MERGE;
    for (size_t i = 0; i < n; i++) {
        w.id[i] = r->bytes[p[i]];
        w.next[i] = (uint16_t)(i + 1);
        w.prev[i] = (uint16_t)(i > 0 ? i - 1 : 0);
    }
    for (size_t i = 0; i < n; i++)
        rank_with_next(r, &w, i, n);
    for (size_t at; (at = lowest(&w, n)) < n;) {
        size_t gone = w.next[at];
        w.id[at] = (uint32_t)w.rank[at];
        w.next[at] = w.next[gone];
        w.prev[w.next[gone]] = (uint16_t)at;
        set_rank(&w, gone, NO_MERGE);
        rank_with_next(r, &w, at, n);
        if (at > 0)
            rank_with_next(r, &w, w.prev[at], n);
    }
    size_t count = 0;
    for (size_t i = 0; i < n; i = w.next[i])
        ids[count++] = w.id[i];
    return count;
}

/* ---- pieces ------------------------------------------------------------- */

struct window {
    uint32_t ids[BPE_WINDOW];
    size_t n;
};

/* The first window of p[0..n) as it follows `before`.  False: does not. */
static bool fill(const struct ranks *r, const uint8_t *p, size_t n,
                 uint32_t before, struct window *w)
{
    uint64_t dead[DEAD_WORDS(BPE_WINDOW)];
    n = n < BPE_WINDOW ? n : BPE_WINDOW;
    memset(dead, 0, DEAD_WORDS(n) * sizeof *dead);
    size_t budget = n + BUDGET_MIN;
    w->n = walk(r, p, n, before, &budget, w->ids, dead);
    if (budget > 0)
        return w->n > 0;
    w->n = merge(r, p, n, w->ids);
    return before == RANKS_NONE || apart(r, before, w->ids[0]);
}

/* The walk over all of it.  Without memory: its bytes as the count, which is
 * the most there can be, and no ids. */
static size_t in_one(const struct ranks *r, const uint8_t *p, size_t n,
                     bpe_ids_fn *fn, void *arg)
{
    uint32_t *ids = malloc(n * sizeof *ids);
    uint64_t *dead = calloc(DEAD_WORDS(n), sizeof *dead);
    size_t count = n;
    if (ids != NULL && dead != NULL) {
        size_t budget = SIZE_MAX;
        count = walk(r, p, n, RANKS_NONE, &budget, ids, dead);
        if (fn != NULL)
            fn(arg, ids, count);
    }
    free(ids);
    free(dead);
    return count;
}

/* How many tokens of `w` (the first window of p[0..n)) stay, with `next` filled
 * as it follows them; 0: no seam holds. */
static size_t seam(const struct ranks *r, const uint8_t *p, size_t n,
                   const struct window *w, struct window *next, size_t *bytes)
{
    size_t keep = w->n, end = BPE_WINDOW;
    while (keep > 1 && end > BPE_WINDOW - TAIL)
        end -= r->lengths[w->ids[--keep]];
    while (keep > 0 && !fill(r, p + end, n - end, w->ids[keep - 1], next))
        end -= r->lengths[w->ids[--keep]];
    *bytes = end;
    return keep;
}

static size_t count_long(const struct ranks *r, const uint8_t *p, size_t n)
{
    struct window two[2], *w = &two[0], *next = &two[1];
    size_t count = 0, at = 0, bytes;
    (void)fill(r, p, n, RANKS_NONE, w);
    while (n - at > BPE_WINDOW) {
        size_t keep = seam(r, p + at, n - at, w, next, &bytes);
        if (keep == 0)
            return in_one(r, p, n, NULL, NULL);
        count += keep;
        at += bytes;
        struct window *t = w;
        w = next;
        next = t;
    }
    return count + w->n;
}

/* Longer pieces are hardly ever a word: the walk finds out at no cost. */
static bool may_be_word(const uint8_t *p, size_t n)
{
    return n <= 12 || (n <= 32 && p[1] < 0x80);
}

size_t bpe_piece(const struct ranks *r, const uint8_t *p, size_t n,
                 bpe_ids_fn *fn, void *arg)
{
    uint32_t id = may_be_word(p, n) ? ranks_word(r, p, n) : RANKS_NONE;
    if (id != RANKS_NONE) {
        if (fn != NULL)
            fn(arg, &id, 1);
        return 1;
    }
    if (n > BPE_WINDOW)
        return fn != NULL ? in_one(r, p, n, fn, arg) : count_long(r, p, n);
    struct window w;
    (void)fill(r, p, n, RANKS_NONE, &w);
    if (fn != NULL)
        fn(arg, w.ids, w.n);
    return w.n;
}

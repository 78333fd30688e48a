/* ranks.h - the embedded rank tables: words to ids, pairs to what they merge
 * to.
 *
 * Images are read-only, used in place, shared by all threads; there is no
 * start-up work.  Layout: image.h; made by pack/pack.c from OpenAI's tables.
 */
#ifndef TOKEN_RANKS_H
#define TOKEN_RANKS_H

#include <stdint.h>

#include "token/image.h"

#define RANKS_NONE UINT32_MAX

enum encoding {
    ENCODING_O200K,
    ENCODING_CL100K,
    ENCODING_P50K,
    ENCODING_R50K, /* p50k without ids >= 50257 */
    ENCODING_COUNT
};

/* Pointers into an image. */
struct ranks {
    const struct image_word *words;
    const uint16_t *word_disp;
    const uint8_t *pool;
    const uint64_t *pairs, *filter;
    const uint16_t *pair_disp;
    const uint32_t *bytes;
    const uint32_t *splits;
    const struct image_node *trie;
    const uint32_t *shorter;
    const uint8_t *lengths;
    uint32_t word_buckets, word_slots, pair_buckets, pair_slots;
    uint32_t filter_shift;
    uint32_t limit; /* ids at or above are not of this encoding */
};

/* Points `r` at the image of `e`.  A few loads; call it per use. */
void ranks_get(enum encoding e, struct ranks *r);

/* The id of the token with exactly these bytes, or RANKS_NONE. */
static inline uint32_t ranks_word(const struct ranks *r, const uint8_t *p,
                                  size_t n)
{
    if (n > IMAGE_WORD_MAX || n == 0)
        return RANKS_NONE;
    uint64_t head = image_load(p, n);
    uint64_t h = image_word_hash(head, p, n);
    uint16_t d = r->word_disp[image_bucket(h, r->word_buckets)];
    const struct image_word *w = &r->words[image_slot(h, d, r->word_slots)];
    if (w->head != head || (w->id_len & 255) != n)
        return RANKS_NONE;
    if (n > 8 && memcmp(r->pool + w->tail, p + 8, n - 8) != 0)
        return RANKS_NONE;
    uint32_t id = w->id_len >> 8;
    return id < r->limit ? id : RANKS_NONE;
}

/* The id that (left, right) merge to, or RANKS_NONE. */
static inline uint32_t ranks_pair(const struct ranks *r, uint32_t left,
                                  uint32_t right)
{
    uint64_t key = image_pair_key(left, right);
    uint64_t h = image_pair_hash(key), bit = h >> r->filter_shift;
    if ((r->filter[bit / 64] >> bit % 64 & 1) == 0)
        return RANKS_NONE;
    uint16_t d = r->pair_disp[image_bucket(h, r->pair_buckets)];
    uint64_t v = r->pairs[image_slot(h, d, r->pair_slots)];
    if (v >> IMAGE_ID_BITS != key)
        return RANKS_NONE;
    uint32_t id = (uint32_t)(v & ((1u << IMAGE_ID_BITS) - 1));
    return id < r->limit ? id : RANKS_NONE;
}

/* The longest token of this encoding that `p` (p < end) begins with. */
static inline uint32_t ranks_longest(const struct ranks *r, const uint8_t *p,
                                     const uint8_t *end)
{
    uint32_t best = r->bytes[*p];
    const struct image_node *at = r->trie;
    for (; p < end; p++) {
        at = &r->trie[at->base ^ *p];
        if ((at->id_label & 511) != (IMAGE_TRIE_USED | *p))
            break;
        uint32_t id = at->id_label >> IMAGE_TRIE_ID_SHIFT;
        if (id < r->limit)
            best = id;
    }
    return best;
}

#endif

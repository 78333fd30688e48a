/* image.h - the layout of a packed encoding, shared with the packing tool.
 *
 * One read-only image per rank table, used in place from the binary.  Two
 * perfect hashes (hash and displace: a bucket's u16 displacement sends each of
 * its keys to a slot of its own):
 *   words  token bytes -> id: 16-byte slots, the first 8 bytes inline, the
 *          rest in a pool
 *   pairs  (left id, right id) -> id of what they merge to: 8-byte slots.
 *          Every multi-byte token has exactly one last merge, so this table
 *          and the 256 byte ids are all that merging needs.  Most pairs asked
 *          for merge to nothing: a bit per hash says so first
 * And for the encoder of long pieces a prefix trie as a double array: the
 * child of a node by byte c is at (base ^ c), if the node there says so.
 * Little-endian, offsets from the image's start, sections aligned to 16.
 */
#ifndef TOKEN_IMAGE_H
#define TOKEN_IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define IMAGE_MAGIC "BGTOK3\0"
#define IMAGE_ID_BITS 18
#define IMAGE_WORD_MAX 128 /* longest token */
#define IMAGE_NO_PAIR UINT64_MAX

struct image_head {
    char magic[8];
    uint32_t ids;
    uint32_t word_buckets, word_slots, word_disp, words, pool;
    uint32_t pair_buckets, pair_slots, pair_disp, pairs;
    uint32_t filter, filter_shift; /* uint64_t[]: bit (hash >> shift) */
    uint32_t bytes;                /* uint32_t[256]: ids of single bytes */
    uint32_t splits; /* uint32_t[2 * ids]: the pair each id is made of, the
                        id itself twice for a single byte */
    uint32_t trie, trie_slots;
    uint32_t shorter; /* uint32_t[ids]: the longest token that is a proper
                         prefix; the id itself for a single byte */
    uint32_t lengths; /* uint8_t[ids] */
    uint32_t size;
};

struct image_word {
    uint64_t head;   /* first 8 bytes, zero padded */
    uint32_t id_len; /* id << 8 | length; 0: empty */
    uint32_t tail;   /* pool offset of the bytes behind the first 8 */
};

#define IMAGE_TRIE_USED 256u /* a label's flag: the slot is in use */
#define IMAGE_TRIE_ID_SHIFT 9
#define IMAGE_TRIE_NONE ((1u << IMAGE_ID_BITS) - 1) /* no token ends here */

struct image_node {
    uint32_t base;     /* child by byte c is at base ^ c; no two share a base */
    uint32_t id_label; /* id << 9 | IMAGE_TRIE_USED | byte; 0: empty */
};

static inline uint64_t image_mum(uint64_t a, uint64_t b)
{
    unsigned __int128 r = (unsigned __int128)a * b;
    return (uint64_t)r ^ (uint64_t)(r >> 64);
}

/* The first min(n, 8) bytes, zero padded; reads not beyond p + n. */
static inline uint64_t image_load(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    if (n >= 8)
        memcpy(&v, p, 8);
    else if (n >= 4) {
        uint32_t low, high;
        memcpy(&low, p, 4);
        memcpy(&high, p + n - 4, 4);
        v = low | (uint64_t)high << ((n - 4) * 8);
    } else if (n > 0)
        v = p[0] | (uint64_t)p[n / 2] << (n / 2 * 8) |
            (uint64_t)p[n - 1] << ((n - 1) * 8);
    return v;
}

static inline uint64_t image_word_hash(uint64_t head, const uint8_t *p,
                                       size_t n)
{
    uint64_t h = image_mum(head ^ 0x9E3779B97F4A7C15u, n ^ 0xD6E8FEB86659FD93u);
    for (size_t at = 8; at < n; at += 8)
        h = image_mum(h ^ image_load(p + at, n - at), 0xA0761D6478BD642Fu);
    return h;
}

static inline uint64_t image_pair_key(uint32_t left, uint32_t right)
{
    return (uint64_t)left << IMAGE_ID_BITS | right;
}

static inline uint64_t image_pair_hash(uint64_t key)
{
    return image_mum(key ^ 0xE7037ED1A0B428DBu, 0x8EBC6AF09C88C6E3u);
}

static inline uint32_t image_scale(uint32_t v, uint32_t n)
{
    return (uint32_t)((uint64_t)v * n >> 32);
}

static inline uint32_t image_bucket(uint64_t hash, uint32_t buckets)
{
    return image_scale((uint32_t)(hash >> 32), buckets);
}

static inline uint32_t image_slot(uint64_t hash, uint16_t disp, uint32_t slots)
{
    uint64_t h = (hash ^ (disp * 0x589965CC75374CC3u)) * 0x1D8E4E27C47D124Fu;
    return image_scale((uint32_t)(h >> 32), slots);
}

#endif

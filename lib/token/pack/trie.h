/* trie.h - builds the double array of image.h.  Host tool; dies on failure. */
#ifndef TOKEN_PACK_TRIE_H
#define TOKEN_PACK_TRIE_H

#include "token/image.h"

struct trie_key {
    const uint8_t *bytes;
    uint32_t n, id;
};

/* The slots of a trie of `count` distinct keys, which are sorted in place;
 * node 0 is the root.  The caller frees them.  NULL: no memory. */
struct image_node *trie_build(struct trie_key *keys, uint32_t count,
                              uint32_t *slots);

#endif

/* ranks.c - see ranks.h.  The images come from the build (rules.mk). */
#include "token/ranks.h"

#define IMAGE(name, file)              \
    __asm__(".section .rodata\n"       \
            ".balign 64\n" #name ":\n" \
            ".incbin \"" file "\"\n"   \
            ".previous\n");            \
    extern const uint8_t name[] __attribute__((visibility("hidden")))

IMAGE(token_image_o200k, BG_TOKEN_DIR "/o200k.img");
IMAGE(token_image_cl100k, BG_TOKEN_DIR "/cl100k.img");
IMAGE(token_image_p50k, BG_TOKEN_DIR "/p50k.img");

#define R50K_LIMIT 50257 /* the first id p50k added */

void ranks_get(enum encoding e, struct ranks *r)
{
    static const uint8_t *const images[ENCODING_COUNT] = {
        [ENCODING_O200K] = token_image_o200k,
        [ENCODING_CL100K] = token_image_cl100k,
        [ENCODING_P50K] = token_image_p50k,
        [ENCODING_R50K] = token_image_p50k,
    };
    const uint8_t *p = images[e];
    const struct image_head *h = (const struct image_head *)(const void *)p;
    *r = (struct ranks){
        .words = (const void *)(p + h->words),
        .word_disp = (const void *)(p + h->word_disp),
        .pool = p + h->pool,
        .pairs = (const void *)(p + h->pairs),
        .pair_disp = (const void *)(p + h->pair_disp),
        .filter = (const void *)(p + h->filter),
        .filter_shift = h->filter_shift,
        .bytes = (const void *)(p + h->bytes),
        .splits = (const void *)(p + h->splits),
        .trie = (const void *)(p + h->trie),
        .shorter = (const void *)(p + h->shorter),
        .lengths = p + h->lengths,
        .word_buckets = h->word_buckets,
        .word_slots = h->word_slots,
        .pair_buckets = h->pair_buckets,
        .pair_slots = h->pair_slots,
        .limit = e == ENCODING_R50K ? R50K_LIMIT : h->ids,
    };
}

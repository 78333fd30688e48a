/* bpe.h - how many tokens a piece is, and which.
 *
 * Byte pair merging in rank order, exactly as tiktoken does it, in linear time
 * whatever the piece.  Counting uses bounded scratch on the stack but for
 * pieces made against it; ids of pieces beyond some 2 KB use the heap.  Any
 * thread, no state.
 */
#ifndef TOKEN_BPE_H
#define TOKEN_BPE_H

#include <stddef.h>
#include <stdint.h>

#include "token/ranks.h"

/* Called with runs of ids in order; `arg` is the caller's. */
typedef void bpe_ids_fn(void *arg, const uint32_t *ids, size_t n);

/* Tokens of the piece `p`, n > 0.  `fn` may be NULL: counting only.  Without
 * memory for a piece that needs it the count is n, the most there can be, and
 * `fn` is not called. */
size_t bpe_piece(const struct ranks *r, const uint8_t *p, size_t n,
                 bpe_ids_fn *fn, void *arg);

#endif

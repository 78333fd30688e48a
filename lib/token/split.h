/* split.h - cuts text into the pieces that are merged on their own.
 *
 * A hand-written scanner for the split patterns of OpenAI's encodings, with
 * Unicode 16.0 classes; linear, no back-tracking, no state.  Text must be
 * well-formed UTF-8.  Any thread.
 */
#ifndef TOKEN_SPLIT_H
#define TOKEN_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#include "token/ranks.h"

/* Length of the piece that begins at `p` (p < end); at least 1. */
typedef size_t split_fn(const uint8_t *p, const uint8_t *end);

/* The scanner of an encoding. */
split_fn *split_of(enum encoding e);

/* The last place in p[0..n), not below `from`, where every encoding cuts
 * whatever comes behind the text; 0: there is none.  `from` and `n` are
 * between characters. */
size_t split_cut(const uint8_t *p, size_t from, size_t n);

#endif

/* unicode.h - code points: UTF-8, letter case, properties (Unicode 14).
 *
 * Malformed UTF-8 reads as U+FFFD, one byte long, as Go reads it.  Pure; any
 * thread.
 */
#ifndef REGO_UNICODE_H
#define REGO_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#define UNICODE_MAX 0x10ffff
#define UNICODE_BAD 0xfffd

/* The code point at s[at]; at < s.n.  `*len` is 1 to 4. */
uint32_t unicode_decode(struct slice s, size_t at, size_t *len);
/* The code point that ends before s[at]; at > 0. */
uint32_t unicode_decode_last(struct slice s, size_t at, size_t *len);
/* Writes `r` (surrogates and numbers too large as U+FFFD); returns how many
 * bytes. */
size_t unicode_encode(uint32_t r, char out[static 4]);
/* Appends `r`. */
void unicode_put(struct buf *b, uint32_t r);
/* Code points in `s`. */
size_t unicode_count(struct slice s);

/* Simple case mappings. */
uint32_t unicode_upper(uint32_t r);
/* See unicode_upper. */
uint32_t unicode_lower(uint32_t r);
#define UNICODE_ORBIT 4
/* All code points equal to `r` without case, ascending, itself included;
 * returns how many. */
size_t unicode_orbit(uint32_t r, uint32_t out[static UNICODE_ORBIT]);
/* The next code point from `r` on that has case; UNICODE_MAX + 1 if none. */
uint32_t unicode_next_cased(uint32_t r);

/* White space as Go's unicode.IsSpace. */
bool unicode_space(uint32_t r);
/* Letters, marks, numbers, punctuation, symbols and the ASCII space. */
bool unicode_print(uint32_t r);
/* Letters. */
bool unicode_letter(uint32_t r);

/* Calls `add` for the ranges of a category ("Lu", "L") or script ("Greek"),
 * ascending; "Any" is everything.  False: no such name. */
MUST_CHECK bool unicode_property(struct slice name,
                                 void (*add)(void *arg, uint32_t first,
                                             uint32_t last),
                                 void *arg);

#endif

/* utf8.h - well-formed UTF-8, and what stands where it is not.
 *
 * Ill-formed bytes are read as WHATWG decoders (and so tiktoken's lossy path)
 * read them: each maximal subpart of a sequence is one U+FFFD.  Pure.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT "\xEF\xBF\xBD"
#define UTF8_REPLACEMENT_LEN 3

/* Length of the well-formed sequence at p, n > 0; 0: it is none. */
size_t utf8_len(const uint8_t *p, size_t n);
/* Length of the longest well-formed text that p[0..n) begins with. */
size_t utf8_valid(const uint8_t *p, size_t n);
/* Length of the ill-formed sequence at p, n > 0, 1 to 3 bytes; `*open` tells
 * that more bytes could make it well-formed. */
size_t utf8_ill(const uint8_t *p, size_t n, bool *open);

#endif

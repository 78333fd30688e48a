/* inflate.h - decodes gzip and deflate as the bytes come (zlib).
 *
 * For compressed request bodies and provider answers.  Output goes to a sink
 * in pieces of at most 16 KiB, so memory is constant; the sink bounds the
 * whole.  One thread per decoder.
 */
#ifndef HTTP_INFLATE_H
#define HTTP_INFLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

struct inflate;

enum inflate_kind { INFLATE_GZIP, INFLATE_DEFLATE };

/* Takes decoded bytes; anything but OK ends the decoding with that. */
typedef enum status inflate_sink(void *arg, const char *p, size_t n);

/* Reads a Content-Encoding value; false if it is none of ours. */
bool inflate_kind_of(struct slice coding, enum inflate_kind *kind);
/* A decoder; dies only for lack of a small fixed size. */
struct inflate *inflate_new(enum inflate_kind kind);
/* Frees (may be NULL inside) and nulls. */
void inflate_free(struct inflate **f);
/* Feeds coded bytes.  E_INVALID: not of this coding; sticky.  Bytes behind
 * the end are an error; several gzip members are one text. */
MUST_CHECK enum status inflate_feed(struct inflate *f, const char *p, size_t n,
                                    inflate_sink *sink, void *arg);
/* OK: the coded text is complete. */
MUST_CHECK enum status inflate_end(const struct inflate *f);

#endif

/* pull.h - a strict JSON reader over a whole text: one token after the other.
 *
 * For request bodies, which lie complete in memory: one pass, no tree, no
 * allocation, and every token knows its place.  For answers that come in
 * pieces see http/scan.h.  RFC 8259, UTF-8 checked, depth <= PULL_DEPTH.  One
 * thread.
 */
#ifndef PROVIDER_PULL_H
#define PROVIDER_PULL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define PULL_DEPTH 128

enum pull_token {
    PULL_BAD, /* no JSON; `at` is where */
    PULL_END, /* exactly one value was read */
    PULL_OBJECT,
    PULL_OBJECT_END,
    PULL_ARRAY,
    PULL_ARRAY_END,
    PULL_KEY,
    PULL_STRING,
    PULL_NUMBER,
    PULL_TRUE,
    PULL_FALSE,
    PULL_NULL,
};

struct pull {
    struct slice text;
    size_t at;
    int depth;        /* containers open; an END counts as still inside */
    size_t from, to;  /* the token, quotes included */
    struct slice raw; /* string or key between its quotes; a number's text */
    bool escaped;     /* raw has escapes */
    int expect;
    uint64_t is_object[PULL_DEPTH / 64 + 1];
};

/* Begins reading `text`. */
void pull_init(struct pull *r, struct slice text);
/* The next token. */
enum pull_token pull_next(struct pull *r);
/* Bytes of a string's content when decoded. */
size_t pull_decoded_size(struct slice raw);
/* Appends a string's content decoded; lone surrogates become U+FFFD. */
void pull_decode(struct slice raw, struct buf *out);
/* True if the content, decoded, is `lit`. */
bool pull_is(struct slice raw, bool escaped, const char *lit);
/* A number's text as an integer, exactly ("5", "5.0", "1e3"). */
bool pull_i64(struct slice number, int64_t *out);

#endif

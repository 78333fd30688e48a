/* body.h - a request body of known or unknown length, in memory or spilled.
 *
 * Small bodies lie in memory; beyond BODY_MEMORY they move to a nameless file
 * in the data folder, mapped into memory, so that many large uploads cost
 * page cache rather than heap and nothing remains after the exchange.  Owned
 * by one exchange.
 */
#ifndef GATEWAY_BODY_H
#define GATEWAY_BODY_H

#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

#define BODY_MEMORY (1024 * 1024)

struct body {
    char *p;
    size_t n, cap, limit;
    int fd; /* -1: in memory */
};

/* Readies an empty body of at most `limit` bytes. */
void body_init(struct body *b, size_t limit);
/* Makes room for `n` bytes in all, to grow once (a declared length). */
MUST_CHECK enum status body_expect(struct body *b, size_t n, const char *dir,
                                   struct err *err);
/* Appends.  E_TOO_BIG: the limit; E_IO: the spill file cannot be written;
 * E_NOMEM. */
MUST_CHECK enum status body_add(struct body *b, const char *p, size_t n,
                                const char *dir, struct err *err);
/* The bytes so far, contiguous; valid until the next add. */
struct slice body_get(const struct body *b);
/* Gives everything back. */
void body_release(struct body *b);

#endif

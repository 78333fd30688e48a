/* head.h - is this request head one that every parser reads the same way?
 *
 * libmicrohttpd is lenient where smuggling begins: it takes a bare LF for a
 * line end, folds lines, lets the first of two Content-Length fields win.
 * It parses in place, so the bytes themselves tell what it skipped over.
 * Pure; any thread.
 */
#ifndef NET_HEAD_H
#define NET_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "net/listen.h"

/* What the parser left in its buffer: `start` is the method's first byte,
 * `size` the whole head with its last empty line; every CRLF is two zeros,
 * the colon behind a name one. */
struct head_raw {
    const char *start;
    size_t size;
    const char *version; /* zero-terminated, within the head */
};

/* 0, or the status to refuse with (400, 431).  Sets `*content_length` (-1:
 * chunked, 0: no body).  `exact`: the head lies in memory as described above
 * (so bare CR, LF, NUL and folded lines can be seen). */
int head_check(const struct head_raw *raw, bool exact,
               const struct http_field *f, int n, size_t max_head,
               int64_t *content_length);

/* True if `s` is a token of RFC 9110 (a field name, a method). */
bool head_is_token(struct slice s);

/* True if a field value has no CR, LF or NUL. */
bool head_value_ok(struct slice s);

/* True for fields that belong to the connection, not to the message:
 * Connection, Keep-Alive, Transfer-Encoding, Content-Length, Upgrade,
 * Proxy-Connection, Expect. */
bool head_is_framing(struct slice name);

#endif

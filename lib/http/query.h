/* query.h - the part of a URL behind '?': names, values, percent-decoding.
 *
 * Bytes only; any thread.
 */
#ifndef HTTP_QUERY_H
#define HTTP_QUERY_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/slice.h"

/* Percent-decodes `s` ('+' is a space if `plus`) into `a`; .p NULL if an
 * escape is malformed, it holds a NUL, or memory is out. */
struct slice query_decode(struct slice s, bool plus, struct arena *a);
/* The decoded value of the first parameter `name`, or .p NULL. */
struct slice query_find(struct slice query, const char *name, struct arena *a);
/* The next parameter of `*rest`, decoded; false at the end (`rest->p` NULL).
 * Malformed ones are skipped. */
bool query_next(struct slice *rest, struct slice *name, struct slice *value,
                struct arena *a);

#endif

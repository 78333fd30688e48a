/* header.h - header fields: finding, comparing, judging.
 *
 * Bytes only; any thread.
 */
#ifndef HTTP_HEADER_H
#define HTTP_HEADER_H

#include <stdbool.h>

#include "http/field.h"

/* A network "a.b.c.d/n" or IPv6, for TRUSTED_PROXIES. */
struct cidr {
    unsigned char addr[16]; /* IPv4 as ::ffff:a.b.c.d */
    int bits;               /* of 128 */
};

/* The value of the first field of that name (any case), or .p NULL. */
struct slice header_find(const struct http_field *f, int n, const char *name);
/* True if the media type of a Content-Type value is `type` (any case,
 * parameters ignored). */
bool header_media_is(struct slice content_type, const char *type);
/* `s` without control characters at its end and cut to `max` bytes at a
 * character boundary. */
struct slice header_text(struct slice s, size_t max);
/* Reads an address or network; false if it is neither. */
bool header_cidr(struct slice s, struct cidr *out);
/* True if `address` (text) lies in one of the networks. */
bool header_in(struct slice address, const struct cidr *nets, int n);
/* The source address: `peer`, or if that is trusted the last hop of
 * `forwarded` (X-Forwarded-For; may be .p NULL) that is not. */
struct slice header_source(struct slice peer, struct slice forwarded,
                           const struct cidr *trusted, int n);

#endif

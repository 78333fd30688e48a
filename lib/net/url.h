/* url.h - provider addresses, parsed once and shared by the calls to them.
 *
 * libcurl parses an address given as text for each transfer; given parsed, it
 * only looks.  One loop; inside the room.
 */
#ifndef NET_URL_H
#define NET_URL_H

#include <curl/curl.h>

#include "base/slice.h"

#define URLS 64 /* kept, direct-mapped */

/* A parsed address; lives while calls use it. */
struct url {
    CURLU *curl;
    struct slice text; /* copy */
    int refs;          /* the cache slot's and one per handle it is set on */
};

struct url_cache {
    struct url *slot[URLS];
};

/* The parsed form of `text`, with a reference; NULL: it cannot be used. */
struct url *url_get(struct url_cache *cache, struct slice text);
/* Gives a reference back; NULL is nothing. */
void url_unref(struct url *v);
/* Gives the cache's references back. */
void url_cache_end(struct url_cache *cache);

#endif

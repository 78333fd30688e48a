/* front.h - one listener, two servers: each request goes to one of them.
 *
 * Knows neither; a function of the head decides.
 */
#ifndef NET_FRONT_H
#define NET_FRONT_H

#include <stdbool.h>

#include "net/listen.h"

/* `server` of front_ops; the caller's, outlives the listener. */
struct front {
    bool (*is_first)(const struct http_head *h);
    const struct stream_ops *first, *second;
    void *first_server, *second_server;
};

extern const struct stream_ops front_ops;

#endif

/* kept.h - fields and query of a request, kept as long as its stream.
 *
 * One block per request: the query first, before the parser cuts it up in
 * place, then with the fields.  Owning loop only; for listen.c.
 */
#ifndef NET_KEPT_H
#define NET_KEPT_H

#include <microhttpd.h>
#include <stdbool.h>

#include "net/listen.h"

/* Fields as they were parsed; they point into the connection's buffer. */
struct kept_fields {
    struct http_field f[LISTEN_HEADERS_MAX];
    int n; /* as sent, so perhaps more than there is room for */
};

/* Keeps the query of a request line ("/x?y", NULL: none).  False: no memory. */
bool kept_query(void **kept, const char *uri);
/* The fields of the request that is being read. */
void kept_collect(struct kept_fields *f, struct MHD_Connection *m);
/* Moves the fields (and the query kept so far) to one block and points `h` at
 * them.  False: no memory. */
bool kept_move(void **kept, const struct kept_fields *f, struct http_head *h);
/* Frees and nulls. */
void kept_free(void **kept);

#endif

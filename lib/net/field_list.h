/* field_list.h - a request's header fields as libcurl wants them.
 *
 * libcurl's list over our own memory, which it only reads: kept from request
 * to request, so that nothing is allocated.  Owning loop only.
 */
#ifndef NET_FIELD_LIST_H
#define NET_FIELD_LIST_H

#include <curl/curl.h>

#include "base/buf.h"
#include "net/upstream.h"

struct field_list {
    struct buf text;          /* "Name: value" texts, zero-terminated */
    struct curl_slist *nodes; /* over `text`, one array; the first begins it */
    int node_cap;
};

/* Empty. */
void field_list_init(struct field_list *l);
/* Frees what it keeps. */
void field_list_release(struct field_list *l);
/* Gives memory back that a large head took; no list is valid after it. */
void field_list_trim(struct field_list *l);
/* Fills it with the fields of `r`, valid until the next call: framing fields
 * are dropped, and what libcurl would add by itself is switched off.
 * E_INVALID: a field cannot be sent; E_TOO_BIG, E_NOMEM. */
MUST_CHECK enum status field_list_set(struct field_list *l,
                                      const struct upstream_req *r,
                                      struct err *err);

#endif

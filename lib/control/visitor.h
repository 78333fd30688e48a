/* visitor.h - who a browser says it is, and whether to believe it.
 *
 * Identity comes from the signed cookie proxy_session, or from the identity
 * headers of a peer in TRUSTED_PROXIES (which win: the proxy has just asked).
 * The cookie is "<mac>.<expiry s>.<name>", the mac BLAKE2b-256 keyed with
 * secret.key, so the server keeps no state.  Any thread.
 */
#ifndef CONTROL_VISITOR_H
#define CONTROL_VISITOR_H

#include <stdbool.h>

#include "control/control.h"
#include "control/request.h"

#define VISITOR_NAME_MAX 64

struct http_head;

/* Fills r->user and r->secure from the head of a request. */
void visitor_read(const struct http_head *h, const struct control_conf *c,
                  struct request *r);
/* True if `path` is under C's names, for errors before a route is found. */
bool visitor_path(struct slice path);
/* True if self-service is on: SELF_SERVICE, else HOST is loopback. */
bool visitor_on(const struct config *c);
/* True if `s` matches [A-Za-z0-9._@-]{1,64}. */
bool visitor_name_ok(struct slice s);
/* The value of Set-Cookie that signs `name` in (empty: out), in r's arena. */
struct slice visitor_cookie(struct request *r, struct slice name);
/* `next` if it is a path of this origin, else "/" (contract 6). */
struct slice visitor_next(struct slice next);

#endif

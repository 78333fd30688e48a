/* routes.h - the one route table of the control plane.
 *
 * From it come dispatch, 405's Allow, parameter checks and, later, the OpenAPI
 * document.  Pure; any thread.
 */
#ifndef CONTROL_ROUTES_H
#define CONTROL_ROUTES_H

#include <stdbool.h>

#include "base/slice.h"
#include "control/handlers.h"

enum route_auth {
    AUTH_NONE,
    AUTH_QUICK, /* none, and the handler runs on the loop */
    AUTH_ADMIN,
    AUTH_DATA,    /* B's admin paths: X-API-Key counts too, errors are brief */
    AUTH_INGEST,  /* INGEST_KEY; errors are brief, bodies come unparsed */
    AUTH_METRICS, /* loopback peer without forwarding headers, else admin */
    AUTH_KEYS,    /* admin; C's shapes and texts */
    AUTH_VISITOR, /* anybody; the handler asks r->user and r->is_admin */
};

struct control_route {
    const char *method, *pattern;
    enum route_auth auth;
    handler_fn *handler;
    const char *summary;
};

/* Finds the route of a method (HEAD as GET) and path; fills `param` with what
 * stood for each :name.  NULL: none; `*allow` then lists the methods of that
 * path, or is empty. */
const struct control_route *routes_find(struct slice method, struct slice path,
                                        struct slice param[REQUEST_PARAMS],
                                        char allow[static 64]);
/* What a bad :name is called: {"error": text, "code":"invalid_id"}; NULL: any
 * text is fine. */
const char *routes_param_error(const struct control_route *r, int param);
/* The place of a route in the table. */
int routes_index(const struct control_route *r);
/* The table, for documents and tests. */
const struct control_route *routes_all(int *n);

#endif

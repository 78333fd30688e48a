/* route.h - which proxy route a request is on (contract 3.1).
 *
 * A pure function of method, path and one header over a static table.  Not
 * here: admin routes.  Safe from any thread.
 */
#ifndef PROVIDER_ROUTE_H
#define PROVIDER_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "call/call.h"
#include "call/refusal.h"

struct http_field;

enum passthrough { PASSTHROUGH_SAFE, PASSTHROUGH_ALL, PASSTHROUGH_OFF };

#define ROUTE_PATTERN_MAX 96

/* A route found.  Slices point into the path that was given. */
struct route {
    enum family family; /* wire format of request and answer */
    enum family shape;  /* shape of our own errors (contract 1.3) */
    enum op op;
    enum route_class klass;
    bool azure;            /* below /openai */
    bool meter_answer;     /* usage in the answer is a bill (POST creates) */
    bool body_is_json;     /* only a JSON object is accepted */
    bool body_may_be_form; /* multipart/form-data is accepted, too */
    struct slice model;    /* named by the path (Azure deployment, Gemini) */
    struct slice rest;     /* path behind "/v1", with its first slash; for
                              Google the whole path */
    bool streams;          /* its verb says so (streamGenerateContent) */
    char pattern[ROUTE_PATTERN_MAX]; /* for the ledger, ids replaced */
};

/* True if the path belongs to the proxy (/v1, /v1beta, /v1alpha, /openai):
 * everything below is answered by route_find and shaped by route_shape. */
bool route_is_proxy(struct slice path);

/* The error shape of a proxy path, also one that is no route; `fields` are
 * the request's (for anthropic-version). */
enum family route_shape(struct slice path, const struct http_field *fields,
                        int n);

/* Finds the route of a request.  R_NONE: `out` is filled.  R_NOT_FOUND: no
 * such route, or a path that another server could read differently (empty or
 * dot segments, escaped letters).  R_UNMETERED: it spends without a bound
 * (PASSTHROUGH=safe).  R_INVALID_REQUEST: `*allow` set: method not allowed,
 * the answer is 405 with that list; `*allow` NULL: a WebSocket upgrade, 400.
 * `out->pattern` and `out->shape` are filled in every case. */
enum refusal route_find(enum passthrough mode, struct slice method,
                        struct slice path, const struct http_field *fields,
                        int n, struct route *out, const char **allow);

#endif

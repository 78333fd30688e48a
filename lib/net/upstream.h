/* upstream.h - the client side: one HTTP request to a provider (libcurl).
 *
 * A pool per loop keeps connections, DNS and TLS sessions.  All on the loop's
 * thread.  TLS is verified.  Knows no provider.
 */
#ifndef NET_UPSTREAM_H
#define NET_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "net/listen.h"

struct loop;
struct upstream_pool;
struct upstream_call;

enum upstream_end {
    UPSTREAM_DONE,        /* the whole answer came */
    UPSTREAM_UNREACHABLE, /* no connection; nothing was sent */
    UPSTREAM_TIMEOUT,     /* silence for longer than allowed, after sending */
    UPSTREAM_RESET,       /* sent, or part of it; broke before the answer's
                             head; never sent again */
    UPSTREAM_CUT,         /* broke within the answer's body */
    UPSTREAM_INVALID,     /* not HTTP, too large a head, bad framing */
};

struct upstream_ops {
    /* The connection stands; the first byte leaves when this returns.  Comes
     * again if a kept connection turned out to be dead before its peer took
     * any byte of the request, which is then sent on a fresh one. */
    void (*on_sending)(void *x);
    /* Status and header fields (hop-by-hop ones included); they live during
     * the call.  Informational answers are not shown. */
    void (*on_head)(void *x, int status, const struct http_field *f, int n);
    /* Body bytes, still in their content coding.  Return false to pause: the
     * same bytes come again after upstream_resume. */
    bool (*on_data)(void *x, const char *p, size_t n);
    /* Last call; the upstream_call is gone after it. */
    void (*on_done)(void *x, enum upstream_end how);
};

struct upstream_req {
    struct slice method;
    struct slice url;                /* absolute */
    const struct http_field *fields; /* sent as given, nothing is added but
        Host and framing; framing fields are dropped */
    int field_count;
    struct slice body; /* borrowed until on_done, or until upstream_cancel
     returned (from within another call's callback: until the end of this
     turn); .p NULL: none; never sent with HEAD */
    int connect_timeout_s;
    int silence_timeout_s;
    int retries; /* only while nothing was sent */
};

/* Makes the loop's pool. */
MUST_CHECK enum status
upstream_pool_new(struct loop *l, struct upstream_pool **out, struct err *err);
/* Trusts the CA certificates in this PEM file instead of the system's; before
 * the first start.  The path is copied. */
void upstream_pool_trust(struct upstream_pool *p, const char *ca_file);
/* Cancels what runs (without callbacks), frees, nulls. */
void upstream_pool_free(struct upstream_pool **p);
/* Starts a request; `ops` and `x` until on_done.  On error no callback comes.
 * on_done never comes from within this call.  E_INVALID: the URL, the method
 * or a field cannot be sent; E_NOMEM. */
MUST_CHECK enum status upstream_start(struct upstream_pool *p,
                                      const struct upstream_req *req,
                                      const struct upstream_ops *ops, void *x,
                                      struct upstream_call **out,
                                      struct err *err);
/* Gives bytes again after on_data returned false; may call on_data at once. */
void upstream_resume(struct upstream_call *u);
/* Ends it now; no further callback.  Closes the connection if mid-answer. */
void upstream_cancel(struct upstream_call **u);

#endif

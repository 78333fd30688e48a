/* fetch.h - one HTTP request and its whole answer, on the calling thread.
 *
 * For: subcommands that talk to a running server.  Not for loops (it blocks)
 * or providers (upstream.h).  Redirects are not followed, certificates are
 * verified, no proxy of the environment is used.  Any thread; keeps nothing.
 */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

struct fetch {
    const char *method, *url;
    const char *const *headers; /* "Name: value", NULL at the end */
    struct slice body;          /* empty: none */
    int timeout_ms;
    int status;      /* of the answer */
    struct buf *out; /* its body; the caller's, with its limit */
};

/* OK: an answer came, whatever its status.  E_INVALID: no http or https URL;
 * E_IO, E_TIMEOUT: it did not arrive (text says why, without secrets);
 * E_TOO_BIG: more than `out` takes. */
MUST_CHECK enum status fetch_one(struct fetch *f, struct err *err);

#endif

/* probe.h - some short GETs at once, all done when the call returns.
 *
 * For: asking providers on a blocking thread whether they answer.  Not for
 * loops, and not for calls that cost (upstream.h).  TLS is verified; no
 * redirect is followed.  Any blocking thread; keeps nothing.
 */
#ifndef NET_PROBE_H
#define NET_PROBE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct http_field;

enum probe_end { PROBE_ANSWERED, PROBE_UNREACHABLE, PROBE_TIMEOUT };

struct probe {
    /* what to ask */
    struct slice url; /* absolute; .p NULL: this one is left out */
    const struct http_field *fields;
    int field_count;
    /* what came */
    enum probe_end end;
    int status;      /* of the answer, if there was one */
    int64_t took_ms; /* until its end, or until it was given up */
    struct buf body; /* the caller inits it with its limit; failed: too big */
};

#define PROBES_MAX 16

/* Asks all `n` (at most PROBES_MAX) and waits at most `timeout_ms`. */
void probe_all(struct probe *of, int n, int64_t timeout_ms);

#endif

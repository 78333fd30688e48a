/* meter.h - reads what an answer used while it passes by.
 *
 * Fed with the decoded answer in pieces of any size, whole JSON or events.
 * Constant memory whatever comes.  Relays the original bytes; holds back at
 * most one small event, the usage-only chunk that the client did not ask for.
 * One meter per answer at a time, on one thread.  Knows no prices.
 */
#ifndef PROVIDER_METER_H
#define PROVIDER_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "call/call.h"
#include "call/usage.h"

struct meter;

#define METER_HOLD_MAX 65536 /* longest event that can be held back */

struct meter_conf {
    enum family family; /* wire format of the provider's answer */
    enum op op;
    enum provider_id provider;
    bool meter;      /* route.meter_answer: usage in it is a bill */
    bool drop_usage; /* take the usage-only chunk out */
    int status;      /* HTTP status of the answer */
    struct slice content_type;
    struct slice model; /* as the provider was asked; for output_tokens */
};

struct meter_end {
    struct usage usage; /* by = METERED_PROVIDER if usage_seen */
    bool usage_seen;
    bool stream;           /* it was an event stream */
    bool complete;         /* ended as the protocol ends: whole JSON, [DONE],
                              response.completed ..., finish seen */
    bool error_event;      /* the provider sent an error in the stream */
    bool readable;         /* JSON, events or opaque media as expected */
    int64_t output_tokens; /* of text, arguments and reasoning seen */
    int64_t events;
};

/* A meter to be reused with meter_start. */
struct meter *meter_new(void);
/* Frees and nulls. */
void meter_free(struct meter **m);
/* Begins an answer. */
void meter_start(struct meter *m, const struct meter_conf *c);
/* True if the stream said by itself that nothing follows ([DONE],
 * message_stop, response.completed ...); its connection may be open still. */
bool meter_ended(const struct meter *m);
/* True if every byte fed goes on unchanged at once: the caller may then relay
 * them itself and pass `out` NULL. */
bool meter_relays(const struct meter *m);
/* Takes bytes; appends to `out` (may be NULL: nobody listens) what the client
 * gets now.  True if an event with content has been seen by now (first
 * token). */
bool meter_feed(struct meter *m, const char *p, size_t n, struct buf *out);
/* The answer ended, however: releases what was held if it belongs to the
 * client, and says what was read.  `cut`: upstream broke off. */
void meter_finish(struct meter *m, bool cut, struct buf *out,
                  struct meter_end *end);

#endif

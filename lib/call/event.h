/* event.h - one ledger row on its way: from settle through the outbox to SQL.
 *
 * A plain value whose slices are borrowed from whoever filled it.  Encoded
 * for LMDB by counters/codec.h; the same encoding, with the amounts missing,
 * is kept with each hold so that a crash can still write the row.
 */
#ifndef CALL_EVENT_H
#define CALL_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "call/provider_id.h"
#include "call/usage.h"

#define EVENT_TAGS_MAX 160 /* 32 asked tags and their ancestors */

enum event_kind { EVENT_USAGE, EVENT_CORRECTION, EVENT_RESET };

enum event_status {
    EVENT_NONE, /* no row */
    EVENT_SUCCESS,
    EVENT_BLOCKED,
    EVENT_FAILED,
    EVENT_INTERRUPTED,
};

enum price_basis {
    BASIS_NONE,
    BASIS_TABLE,   /* a price of the book or the admin */
    BASIS_ASSUMED, /* no price known: the provider's dearest */
    BASIS_FREE,    /* the operator said unknown prices are free */
    BASIS_CLIENT,  /* ingest named the cost */
};

/* A tag the call is charged to. */
struct event_tag {
    int64_t id;
    struct slice name, path;
    bool direct; /* in X-Tags; false: an ancestor */
};

struct event {
    enum event_kind kind;
    char request_id[33];
    int64_t ts_ms;     /* accounting time: admission, or the event's own */
    int64_t tenant_id; /* 0: unauthenticated */
    int64_t key_id;    /* 0: none */
    struct slice tenant;
    struct slice route;  /* "/v1/chat/completions" */
    struct slice method; /* "POST" */
    enum provider_id provider;
    struct slice model;          /* as asked, without provider prefix */
    struct slice model_answered; /* as the answer names it */
    int64_t usd;                 /* nano-dollars, signed (corrections) */
    int64_t held;                /* nano-dollars that were held */
    struct usage usage;          /* its `model` is not stored */
    enum event_status status;
    struct slice reason; /* .n == 0: null */
    int http_status;     /* sent to the client; 0: none */
    int64_t price_version;
    enum price_basis basis;
    struct slice session, user; /* .n == 0: null */
    struct slice session_name, session_path;
    int64_t ingest_token_id;
    struct slice event_id;
    int64_t corrects;    /* ledger id; corrections only */
    struct slice detail; /* JSON: what the columns leave out of the usage, or
                            what a refused client was told; or empty */
    int64_t latency_ms, ttft_ms; /* ttft -1: none */
    bool stream;
    struct event_tag *tags;
    int tag_count;
};

#endif

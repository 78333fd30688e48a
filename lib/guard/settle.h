/* settle.h - a hold and a usage become a ledger row.
 *
 * Any thread.  The row is durable against the end of the process when these
 * return OK.
 */
#ifndef GUARD_SETTLE_H
#define GUARD_SETTLE_H

#include "base/arena.h"
#include "base/err.h"
#include "call/call.h"
#include "call/event.h"
#include "call/verdict.h"
#include "guard/guard.h"
#include "price/book.h"

/* How a call ended, for the row. */
struct outcome {
    enum event_status status;
    struct slice reason; /* empty: null */
    int http_status;
    int64_t latency_ms, ttft_ms;
    struct slice model_answered;
};

/* What `usage` costs under the answered model's price, else the asked one's
 * (contract 9.3).  Fills `e`'s usage, usd, price fields and detail (in `a`). */
void settle_price(const struct guard *g, const struct book *book,
                  const struct call *c, const struct usage *u, struct arena *a,
                  struct event *e);

/* The whole hold is booked: nobody knows what was used. */
void settle_whole_hold(const struct call *c, int64_t hold_nano,
                       struct event *e);

/* Ends the hold with the row `e` (its usd is what is booked).  E_NOT_FOUND: it
 * has ended before. */
MUST_CHECK enum status settle_hold(const struct guard *g, uint64_t hold_id,
                                   const struct event *e, struct err *err);

/* Books a row behind which no hold stands. */
MUST_CHECK enum status settle_row(const struct guard *g, const struct event *e,
                                  struct err *err);

/* Counts the row in the metrics; times are the gateway's. */
void settle_count(const struct guard *g, const struct event *e);

#endif

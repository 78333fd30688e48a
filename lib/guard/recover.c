/* recover.c - see recover.h. */
#include "guard/recover.h"

#include "base/clock.h"
#include "base/log.h"

struct recovery {
    const struct guard *guard;
    int64_t now_ms;
};

/* The skeleton keeps the cost of the input bound in `usd`, so that
 * CRASH_SETTLE=input needs no price book here. */
static void decide(void *arg, const struct counter_hold *h, struct event *row,
                   int64_t *usd)
{
    const struct recovery *r = arg;
    *row = *h->skeleton;
    row->held = h->amount;
    row->reason = SLICE("restart");
    row->http_status = 0;
    row->ttft_ms = -1;
    row->latency_ms = r->now_ms > row->ts_ms ? r->now_ms - row->ts_ms : 0;
    if (!h->sent) {
        row->status = EVENT_FAILED;
        *usd = 0;
    } else {
        row->status = EVENT_INTERRUPTED;
        row->usage = (struct usage){.by = METERED_HOLD};
        *usd = h->amount;
        if (r->guard->crash_settle_input && h->skeleton->usd < h->amount)
            *usd = h->skeleton->usd;
    }
    row->usd = *usd;
}

enum status guard_recover(const struct guard *g, int *n, struct err *err)
{
    struct recovery r = {g, clock_now_ms()};
    *n = 0;
    enum status st = counters_recover(g->counters, decide, &r, n, err);
    if (st == OK && *n > 0)
        log_line(LOG_WARN, "recovered orphaned holds", LF_N("count", *n));
    return st;
}

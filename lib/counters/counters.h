/* counters.h - spent, held, rates, holds and unsaved rows, in one LMDB store.
 *
 * For: admission and settlement as single atomic calls that carry everything
 * they need.  Not for: knowing which budgets exist, what a window is, or what
 * a call costs.  Drawn as one interface so that a second store can stand
 * behind it.
 *
 * Threads: any; LMDB's one writer lock orders all writes.  Every call is one
 * transaction: it happens whole or not at all, also under kill -9.
 */
#ifndef COUNTERS_COUNTERS_H
#define COUNTERS_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/money.h"
#include "base/slice.h"
#include "call/event.h"

struct counters; /* opaque; owned by whoever opened it */

struct counters_conf {
    const char *dir;      /* made if missing */
    int sync_interval_ms; /* 0: every transaction is synced to disk */
    size_t map_bytes;     /* first size, preallocated; doubles when 3/4 full */
    size_t map_max;       /* never beyond; 0: 64 GiB */
};

/* Opens or makes the store.  E_IO, E_CORRUPT; E_BUSY: another process has it
 * open. */
MUST_CHECK enum status counters_open(const struct counters_conf *conf,
                                     struct counters **out, struct err *err);
/* Syncs, closes, nulls. */
void counters_close(struct counters **c);
/* Flushes to disk; the writer thread's beat.  E_IO. */
MUST_CHECK enum status counters_sync(struct counters *c, struct err *err);

/* One budget window to hold in or charge. */
struct counter_window {
    uint64_t budget;  /* counter key of the budget */
    int64_t start_ms; /* start of the calendar window; of the step's bucket
                         for a rolling one */
    int64_t end_ms;   /* exclusive; INT64_MAX: unending */
    int64_t width_ms; /* rolling: width of the whole window; else 0 */
    int64_t step_ms;  /* rolling: width of a bucket; else 0 */
    int64_t amount;   /* nano-dollars */
    bool hard;
    bool is_session; /* `amount` is replaced by the session's effective
                        budget; without one the window drops out: it
                        keeps its place here, amount is -1, it fits and
                        nothing is held in it */
    /* answers */
    int64_t spent, held; /* before this hold */
    bool fits;
};

/* The tenant's limits, checked and counted first.  0: unlimited. */
struct counter_rate {
    int64_t tenant_id;
    int64_t max_requests, max_tokens, max_concurrent;
    /* answers */
    int64_t remaining;     /* requests left in the window after this one */
    int64_t reset_s;       /* until the oldest counted request leaves */
    int64_t retry_after_s; /* >= 1, when refused */
};

/* Session state that travels with admission (contract 9.1). */
struct counter_session {
    struct slice id;        /* empty: no session */
    int64_t tag_budget;     /* lowest sessionBudget of the tags asked; -1 */
    int64_t default_budget; /* the tenant's default; -1: none */
};

enum admit_result {
    ADMIT_OK,
    ADMIT_RATE_REQUESTS,
    ADMIT_RATE_TOKENS,
    ADMIT_RATE_CONCURRENCY,
    ADMIT_BUDGET, /* at least one hard window does not fit */
    ADMIT_FULL,   /* the outbox is at its limit: refuse with 503 */
};

/* Everything one admission needs and answers. */
struct admission {
    int64_t now_ms;
    struct counter_rate rate;
    struct counter_session session;
    struct counter_window *windows;
    int window_count;

    bool rate_only;    /* count the request, hold nothing (it fails later) */
    bool metered;      /* false: no cost bound; windows are only looked at
                          (spent + held < amount) and hold 0 */
    int128 fixed_pico; /* hold = ceil((fixed + out_pico * out_tokens)/1000) */
    int64_t out_pico;
    int64_t out_tokens; /* wanted output bound */
    int64_t min_tokens; /* smallest clamp; used if may_clamp */
    bool may_clamp;
    int64_t rate_tokens; /* counted against max_tokens */

    const struct event *skeleton; /* kept with the hold for recovery */
    uint32_t slot;                /* sent-map slot of this exchange */

    /* answers */
    enum admit_result result;
    uint64_t hold_id;
    int64_t hold_nano;
    int64_t out_tokens_granted; /* = out_tokens unless clamped */
};

/* Rate, session and every hold in one transaction.  Returns OK also when the
 * answer is a refusal (see `result`; nothing is then held, and the request is
 * not counted if the rate refused it).  On ADMIT_BUDGET every window has
 * spent, held and fits filled, and hold_nano is what was needed (of the
 * smallest clamp if it may be clamped).  E_IO, E_CORRUPT: nothing happened;
 * answer 503.  E_INVALID: windows that are not distinct, negative bounds, or a
 * skeleton beyond 1 MiB. */
MUST_CHECK enum status counters_admit(struct counters *c, struct admission *a,
                                      struct err *err);

/* What settlement needs. */
struct settlement {
    uint64_t hold_id;
    int64_t usd;    /* nano-dollars to book; may exceed the hold */
    int64_t tokens; /* real tokens for tokens-per-minute; -1: as held */
    const struct event *event; /* its row; NULL: none */
    /* answers: every window charged, for alerts and metrics; spent and held
     * are those afterwards, amount that of the admission */
    struct counter_window *windows; /* caller's array, may be NULL */
    int window_cap, window_count;
    uint64_t seq; /* of the event in the outbox */
};

/* Replaces the hold by the cost in every window, ends the hold, appends the
 * row.  E_NOT_FOUND: no such hold (settled already): nothing happened. */
MUST_CHECK enum status counters_settle(struct counters *c, struct settlement *s,
                                       struct err *err);

/* Appends a row that no hold stands behind (refusals before admission).
 * `*seq` may be NULL.  E_TOO_BIG: the outbox is at its limit. */
MUST_CHECK enum status counters_append(struct counters *c,
                                       const struct event *e, uint64_t *seq,
                                       struct err *err);

/* Charges `usd` (signed) to windows and appends the row, without a hold:
 * ingest and corrections.  If `seen` is not empty and was seen before:
 * E_EXISTS and nothing happens.  E_TOO_BIG: the outbox is at its limit. */
MUST_CHECK enum status counters_charge(struct counters *c,
                                       struct counter_window *windows, int n,
                                       const struct event *e, struct slice seen,
                                       struct err *err);

/* Marks in shared memory that the first byte of the request with this hold is
 * about to leave.  Survives the process.  No system call, any thread. */
void counters_mark_sent(struct counters *c, uint32_t slot, uint64_t hold_id);
/* Takes a free slot of the sent map for an exchange; E_BUSY: 2^20 in use;
 * E_IO: no room on disk for more of them. */
MUST_CHECK enum status counters_slot_take(struct counters *c, uint32_t *slot);
/* Gives it back. */
void counters_slot_give(struct counters *c, uint32_t slot);

/* Reads one window without changing anything: spent and held are 0 if it is
 * not there.  E_IO. */
MUST_CHECK enum status counters_peek(struct counters *c,
                                     struct counter_window *w, int64_t now_ms,
                                     struct err *err);

/* Session budgets (contract 4.6): the custom amount, -1: none. */
MUST_CHECK enum status counters_session_set(struct counters *c,
                                            int64_t tenant_id, struct slice id,
                                            int64_t custom, int64_t tag_budget,
                                            struct err *err);

/* ---- outbox: read and trimmed by the ledger writer ---------------------- */

/* Called per row in order; the event lives during the call.  Return false to
 * stop. */
typedef bool counters_row_fn(void *arg, uint64_t seq, const struct event *e);
/* Walks rows with seq > `after`, at most `max`.  Read-only. */
MUST_CHECK enum status counters_outbox_read(struct counters *c, uint64_t after,
                                            int max, counters_row_fn *fn,
                                            void *arg, struct err *err);
/* Deletes rows with seq <= `upto` (they are in the ledger). */
MUST_CHECK enum status counters_outbox_trim(struct counters *c, uint64_t upto,
                                            struct err *err);
/* Rows waiting; cheap, any thread, approximate by the writes in flight. */
uint64_t counters_outbox_depth(const struct counters *c);
/* Open holds; cheap, any thread. */
uint64_t counters_holds_open(const struct counters *c);
/* The seq of the next row becomes at least `seq` (start: ledger's + 1). */
MUST_CHECK enum status counters_outbox_floor(struct counters *c, uint64_t seq,
                                             struct err *err);
/* A descriptor that becomes readable when rows were added.  Only poll it:
 * counters_outbox_read drains it before it looks. */
int counters_outbox_fd(const struct counters *c);

/* ---- holds and windows, for recovery, budget creation, check ------------ */

struct counter_hold {
    uint64_t id;
    int64_t amount; /* nano-dollars */
    bool sent;      /* the request may have left */
    const struct event *skeleton;
    const struct counter_window *windows;
    int window_count;
};
typedef bool counters_hold_fn(void *arg, const struct counter_hold *h);
/* Walks the open holds.  Read-only. */
MUST_CHECK enum status counters_holds(struct counters *c, counters_hold_fn *fn,
                                      void *arg, struct err *err);

typedef bool counters_window_fn(void *arg, const struct counter_window *w);
/* Walks every stored window (a rolling one once, with its whole sum; start_ms
 * is then its oldest bucket).  Read-only. */
MUST_CHECK enum status counters_windows(struct counters *c,
                                        counters_window_fn *fn, void *arg,
                                        struct err *err);

/* Recovery at start, before any loop: settles every hold of a previous
 * process through `decide`, which fills the row (it begins as the skeleton;
 * status EVENT_NONE: no row) and the amount to book.  Also
 * zeroes the concurrency counts. */
typedef void counters_orphan_fn(void *arg, const struct counter_hold *h,
                                struct event *row, int64_t *usd);
MUST_CHECK enum status counters_recover(struct counters *c,
                                        counters_orphan_fn *decide, void *arg,
                                        int *recovered, struct err *err);

/* A write transaction lent to `fn`: nothing is admitted or settled while it
 * runs.  Used to open a budget's window in mid-flight and to rebuild.
 * Commits if `fn` returns OK. */
struct counters_txn;
typedef enum status counters_excl_fn(void *arg, struct counters_txn *t,
                                     struct err *err);
MUST_CHECK enum status counters_exclusive(struct counters *c,
                                          counters_excl_fn *fn, void *arg,
                                          struct err *err);
/* Within: sets a window's spent (rolling: of the bucket `start_ms`). */
MUST_CHECK enum status counters_txn_set(struct counters_txn *t,
                                        const struct counter_window *w,
                                        int64_t spent, struct err *err);
/* Within: drops every window of a budget, also out of the open holds, which
 * then no longer settle there. */
MUST_CHECK enum status counters_txn_drop(struct counters_txn *t,
                                         uint64_t budget, struct err *err);
/* Within: rows of the outbox with seq > `after`. */
MUST_CHECK enum status counters_txn_outbox(struct counters_txn *t,
                                           uint64_t after, counters_row_fn *fn,
                                           void *arg, struct err *err);
/* Within: walks the open holds; `fn` returning true attaches window `w` to
 * that hold (the hold's amount is added to w's held and the hold will be
 * settled there too).  Holds that lie in `w` already are not shown. */
MUST_CHECK enum status counters_txn_attach(struct counters_txn *t,
                                           const struct counter_window *w,
                                           counters_hold_fn *fn, void *arg,
                                           struct err *err);
/* Drops windows that ended before `before_ms` and hold nothing, and `seen`
 * marks older than that.  Keeper's job; small steps. */
MUST_CHECK enum status counters_sweep(struct counters *c, int64_t before_ms,
                                      struct err *err);
/* Small named values: `meta` (clean stop mark, schema). E_NOT_FOUND. */
MUST_CHECK enum status counters_meta_get(struct counters *c, const char *name,
                                         int64_t *out, struct err *err);
/* Sets one. */
MUST_CHECK enum status counters_meta_set(struct counters *c, const char *name,
                                         int64_t v, struct err *err);

#endif

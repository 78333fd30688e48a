/* raised.h - alerts that were raised, and their way to every channel.
 *
 * An alert is a row of its budget, window and threshold, written once together
 * with one delivery per channel; a delivery stays pending until a channel took
 * it, so that a crash in between loses nothing.  Who decides that a threshold
 * is reached and who sends: alert/.  Blocking threads only.
 */
#ifndef LEDGER_RAISED_H
#define LEDGER_RAISED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "ledger/db.h"

struct alert_row {
    int64_t id, ts_ms;
    int64_t budget_id;    /* the counter key; negative: of the environment */
    int64_t window_start; /* ms */
    struct slice scope;   /* JSON object as in /admin/budgets */
    struct slice period;
    int64_t threshold;     /* percent */
    int64_t spent, amount; /* nano-dollars, when it was noticed */
    int64_t tenant_id;     /* 0: none */
};

/* Writes it with a pending delivery per channel unless one of this budget and
 * threshold exists whose window began at `since_ms` or later: `*fresh` says
 * which; fills id.  */
MUST_CHECK enum status raised_add(struct db *db, struct alert_row *a,
                                  int64_t since_ms, const char *const *channels,
                                  int n, bool *fresh, struct err *err);

/* Newest first, ids < `before` (0: from the newest); tenant_id 0: all. */
MUST_CHECK enum status raised_list(struct db *db, struct arena *a,
                                   int64_t tenant_id, int64_t before, int limit,
                                   struct alert_row **out, int *n,
                                   struct err *err);

enum delivery_state { DELIVERY_PENDING, DELIVERY_DONE, DELIVERY_FAILED };

struct delivery_row {
    int64_t id;
    struct slice channel;
    enum delivery_state state;
    int64_t attempts;
    int64_t next_ms;         /* pending: when it is tried */
    int64_t delivered_ms;    /* 0: not yet */
    struct slice last_error; /* .p NULL: none */
    struct alert_row alert;
};

/* The deliveries of alerts from `first` to `last` by id, of one tenant (0: of
 * all), by alert, channel; of `alert` only the id. */
MUST_CHECK enum status raised_deliveries(struct db *db, struct arena *a,
                                         int64_t tenant_id, int64_t first,
                                         int64_t last,
                                         struct delivery_row **out, int *n,
                                         struct err *err);
/* Pending ones of a channel, those due first; at most `limit`. */
MUST_CHECK enum status raised_pending(struct db *db, struct arena *a,
                                      struct slice channel, int limit,
                                      struct delivery_row **out, int *n,
                                      struct err *err);
/* Writes state, attempts, next, error and delivered of one by id. */
MUST_CHECK enum status raised_note(struct db *db, const struct delivery_row *d,
                                   struct err *err);

/* Tenants (0: none) whose ledger rows with ids in (after, upto] lie in one
 * quarter of an hour, with the last time of those. */
typedef void raised_touched_fn(void *arg, int64_t tenant_id, int64_t ts_ms);
/* Walks them; `*upto` becomes the last id looked at, at most `max` beyond
 * `after`. */
MUST_CHECK enum status raised_touched(struct db *db, int64_t after, int max,
                                      raised_touched_fn *fn, void *arg,
                                      int64_t *upto, struct err *err);
/* The highest ledger id. */
MUST_CHECK enum status raised_last_row(struct db *db, int64_t *id,
                                       struct err *err);

#endif

/* tally.h - spent and held of one budget window.
 *
 * For: reading and writing the sums of calendar and rolling windows inside a
 * transaction.  Knows no limit.
 */
#ifndef COUNTERS_TALLY_H
#define COUNTERS_TALLY_H

#include "counters/store.h"

/* The sums of a window; a value. */
struct tally {
    int64_t end_ms;                                  /* calendar */
    int64_t width_ms, step_ms, oldest_ms, newest_ms; /* rolling */
    int64_t spent, held;
    uint64_t requests;
    bool found; /* it lies in the store */
    bool dirty; /* buckets left it: save it even if nothing else changes */
};

/* True if the times of `w` make sense. */
bool tally_valid(const struct counter_window *w);
/* Loads the sums of `w`; zeroes if there are none (`found` is false).  For a
 * rolling window expired buckets leave first. */
int tally_load(struct tx *t, const struct counter_window *w, struct tally *y);
/* Writes them back. */
int tally_save(struct tx *t, const struct counter_window *w,
               const struct tally *y);
/* Adds `usd` to `y->spent` (rolling: and to bucket w->start_ms, unless that
 * has left).  `y` must be saved afterwards. */
int tally_spend(struct tx *t, const struct counter_window *w, struct tally *y,
                int64_t usd);
/* The amount in one bucket or calendar window; 0 if there is none. */
int tally_own(struct tx *t, const struct counter_window *w, int64_t *spent);
/* Decodes a record of TABLE_WINDOW or TABLE_AGGREGATE. */
bool tally_decode(struct slice key, struct slice value,
                  struct counter_window *w, struct tally *y);
/* Spent of a rolling window at `now_ms`, changing nothing. */
int tally_peek(struct counters *c, MDB_txn *t, const struct counter_window *w,
               int64_t now_ms, struct tally *y);

#endif

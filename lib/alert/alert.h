/* alert.h - thresholds noticed and told: one watcher, a courier per channel.
 *
 * Starts a thread that looks for thresholds reached (detect.h) and one thread
 * per configured channel that delivers what is pending in the store, so that
 * a slow receiver delays no other.  A delivery is tried until the channel
 * takes it: at least once, with growing pauses, for three days.  Owned by app.
 */
#ifndef ALERT_ALERT_H
#define ALERT_ALERT_H

#include "alert/channel.h"
#include "base/metric.h"
#include "call/budget.h"
#include "catalog/catalog.h"
#include "counters/counters.h"
#include "ledger/db.h"

/* Everything borrowed; outlives it. */
struct alert_conf {
    struct db *db;
    struct counters *counters;
    struct catalog *catalog;
    struct metrics *metrics;
    const char *thresholds; /* "80,100": of budgets without their own */
    struct channels_conf channels;
};

struct alert;

/* Reads "50,80,100" into ascending percents, 1 ... 1000 each and each once;
 * returns how many, -1 if it is no such list.  "" gives 0. */
int alert_thresholds(const char *text, int out[static BUDGET_THRESHOLDS]);

/* Reads the configuration as alert_start does, and starts nothing; stores are
 * not looked at.  E_INVALID: a variable is wrong (err->text). */
MUST_CHECK enum status alert_check(const struct alert_conf *conf,
                                   struct err *err);
/* Starts the threads.  E_INVALID: a variable is wrong (err->text); E_IO. */
MUST_CHECK enum status alert_start(const struct alert_conf *conf,
                                   struct alert **out, struct err *err);
/* Ends deliveries under way (they stay pending) and the threads, frees and
 * nulls (NULL is fine). */
void alert_stop(struct alert **a);
/* The names of the channels; any thread. */
const char *const *alert_channels(const struct alert *a, int *n);
/* Sends a test message to a channel by its index and waits for the answer;
 * any thread that may block.  Errors as in net/post.h. */
MUST_CHECK enum status alert_test(const struct alert *a, int channel,
                                  struct err *err);

#endif

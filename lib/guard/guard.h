/* guard.h - what the enforcement core knows: settings and stores.
 *
 * One per gateway, immutable after guard_new, shared by all loops.  It owns
 * nothing it points to.
 */
#ifndef GUARD_GUARD_H
#define GUARD_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/metric.h"
#include "base/zone.h"
#include "counters/counters.h"
#include "price/cost.h"

struct policies;

enum unknown_price { UNKNOWN_REFUSE, UNKNOWN_DEAREST, UNKNOWN_FREE };

struct guard {
    struct counters *counters;
    const struct zone *zone;
    struct metrics *metrics;
    const uint8_t *secret; /* CRYPT_SECRET bytes: hashes tenant keys */
    struct cost_limits cost;
    enum unknown_price unknown_price;
    int64_t min_completion_tokens;
    int64_t web_search_calls;
    int64_t max_reqs_per_min, max_tokens_per_min, max_concurrent;
    struct policies *policies; /* NULL: no policy is asked (unit tests) */
    int64_t policy_timeout_ms;
    bool header_mode;        /* TENANT_AUTH=header */
    bool crash_settle_input; /* CRASH_SETTLE=input */
    /* False while rows cannot be written: admit then answers 503. */
    bool (*storage_ok)(void *arg);
    void *storage_arg;
};

#endif

/* pace.h - requests, tokens and concurrency of a tenant in the last minute.
 *
 * One record per tenant: 61 buckets of a second, so that no interval of 60 s,
 * wherever it begins, contains more than the limit.  Inside a transaction.
 */
#ifndef COUNTERS_PACE_H
#define COUNTERS_PACE_H

#include "counters/store.h"

#define PACE_BUCKETS 61

struct pace {
    int64_t newest_s; /* second of the newest bucket */
    int64_t active;   /* admitted and not ended */
    int64_t request_sum, token_sum;
    uint32_t requests[PACE_BUCKETS]; /* second modulo 61 */
    uint32_t has_tokens;             /* the rest is in the record */
    int64_t tokens[PACE_BUCKETS];
};

/* Loads the record of a tenant (fresh if there is none) and moves it to
 * `now_ms`.  `*turned`: the clock was set back, so it must be saved even if
 * nothing is counted. */
int pace_load(struct tx *t, int64_t tenant, int64_t now_ms, struct pace *p,
              bool *turned);
/* Loads without moving; MDB_NOTFOUND. */
int pace_get(struct tx *t, int64_t tenant, struct pace *p);
/* Writes it. */
int pace_save(struct tx *t, int64_t tenant, const struct pace *p);
/* Decodes a record. */
bool pace_decode(struct slice v, struct pace *p);
/* May this request go?  Fills the answers of `r`; counts nothing. */
enum admit_result pace_check(const struct pace *p, struct counter_rate *r,
                             int64_t tokens, int64_t now_ms);
/* Counts a request. */
void pace_count(struct pace *p, struct counter_rate *r, int64_t now_ms);
/* Adds tokens (signed) to the bucket of `second` if that is still there. */
void pace_tokens(struct pace *p, int64_t second, int64_t tokens);

#endif

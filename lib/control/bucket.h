/* bucket.h - token buckets by caller, in a fixed table.
 *
 * A bucket holds `burst` and fills by `rpm` a minute.  When two callers share
 * a slot the newer one takes it over, full.  Any thread.
 */
#ifndef CONTROL_BUCKET_H
#define CONTROL_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct buckets;

/* rpm 0: no limit.  burst < 1 counts as rpm. */
struct buckets *buckets_new(int64_t rpm, int64_t burst);
/* Frees and nulls. */
void buckets_free(struct buckets **b);
/* Takes one for `who`.  `*left` is what remains; false: empty, `*retry_s`
 * (>= 1) says until when. */
bool buckets_take(struct buckets *b, struct slice who, int64_t now_ms,
                  int64_t *left, int64_t *retry_s);
/* What a full bucket holds; 0: no limit. */
int64_t buckets_limit(const struct buckets *b);

#endif

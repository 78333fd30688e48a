/* limit.h - how often a source address may fail, without per-secret state.
 *
 * A fixed table of counters by address (IPv6 by /64) and minute; wrong secrets
 * never create state.  When two addresses share a slot the newer one takes it
 * over, which can only let an attacker with very many addresses through, as
 * any bounded table must.  Any thread.
 */
#ifndef GUARD_LIMIT_H
#define GUARD_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct limit;

/* A table that allows `per_min` failures per address in any minute. */
struct limit *limit_new(int per_min);
/* Frees and nulls. */
void limit_free(struct limit **l);
/* True if `address` has used up its failures; `*retry_s` (>= 1) says for how
 * long.  Counts nothing. */
bool limit_reached(struct limit *l, struct slice address, int64_t now_ms,
                   int *retry_s);
/* Counts one failure; true while it is within the limit. */
bool limit_count(struct limit *l, struct slice address, int64_t now_ms);

#endif

/* traffic.h - how often each route answered, with what, and how fast.
 *
 * For the JSON form of /metrics (contract 7).  One cell per route of the
 * table, so it never grows.  Any thread; counting takes no lock.
 */
#ifndef CONTROL_TRAFFIC_H
#define CONTROL_TRAFFIC_H

#include <stdint.h>

#include "base/json.h"

struct traffic;

/* `routes`: how many there are. */
struct traffic *traffic_new(int routes);
/* Frees and nulls. */
void traffic_free(struct traffic **t);
/* Counts an answer of route `i` of the table. */
void traffic_note(struct traffic *t, int i, int status, int64_t us);

struct traffic_figures {
    int64_t count, mean_us, p50_us, p95_us;
};
/* What route `i` did since the start; count 0: nothing.  The percentiles are
 * the upper bounds of their eighths of an octave. */
void traffic_read(const struct traffic *t, int i, struct traffic_figures *out);
/* How often route `i` answered `status`. */
int64_t traffic_status(const struct traffic *t, int i, int status);

#endif

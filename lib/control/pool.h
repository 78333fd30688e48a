/* pool.h - a few threads for work that may block.
 *
 * Any thread may submit.  The queue is bounded.
 */
#ifndef CONTROL_POOL_H
#define CONTROL_POOL_H

#include "base/err.h"

struct pool;

/* Starts `threads` threads with room for `cap` waiting jobs.  E_IO. */
MUST_CHECK enum status pool_new(int threads, int cap, struct pool **out,
                                struct err *err);
/* Runs what is queued, ends the threads, frees, nulls. */
void pool_free(struct pool **p);
/* Queues fn(arg).  E_BUSY: full. */
MUST_CHECK enum status pool_run(struct pool *p, void (*fn)(void *arg),
                                void *arg);

#endif

/* integrity.h - the ledger's chain, proved while the gateway serves.
 *
 * One proof at a time.  It runs on the pool in slices that queue behind other
 * requests, so a long one delays nobody.  Its result is kept in memory.
 */
#ifndef CONTROL_INTEGRITY_H
#define CONTROL_INTEGRITY_H

struct integrity;

/* Nothing has been proved yet. */
struct integrity *integrity_new(void);
/* A proof under way ends with its slice; before the pool is freed. */
void integrity_stop(struct integrity *i);
/* Frees and nulls; the pool is gone. */
void integrity_free(struct integrity **i);

#endif

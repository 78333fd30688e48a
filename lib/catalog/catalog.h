/* catalog.h - the current snapshot, and how it is swapped.
 *
 * A change copies one shard of a map, not the map: with 100,000 tenants it
 * takes microseconds.  Not for changing stored data: ledger/rows does that
 * and then calls the swaps here.
 *
 * Threads: any (one mutex); loops read through catalog/reader.h.
 */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "catalog/reader.h"
#include "catalog/snapshot.h"
#include "catalog/tenant.h"

/* An empty catalog without a book.  `env` is copied, names included. */
struct catalog *catalog_new(const struct env_budget *env, int env_count);
/* Frees and nulls; every reader must have been freed. */
void catalog_free(struct catalog **c);
/* A counted snapshot for threads without a reader; snapshot_unref it. */
const struct snapshot *catalog_ref(struct catalog *c);

/* Puts a tenant, replacing the one with its id, for the next catalog_now of
 * every reader.  Takes over one reference of `t`, also on failure.  E_EXISTS:
 * its name or a key hash belongs to another tenant. */
MUST_CHECK enum status
catalog_put_take(struct catalog *c, const struct tenant *t, struct err *err);
/* Removes one; nothing happens if it is not there. */
void catalog_remove(struct catalog *c, int64_t tenant_id);
/* Replaces the budgets of no tenant (copied; inactive ones are left out). */
void catalog_set_wide(struct catalog *c, const struct budget *b, int n);
/* Replaces the price book; takes over one reference. */
void catalog_set_book_take(struct catalog *c, struct book *b);
/* Replaces the configuration's or (`admin`) the admin's fallback chains; NULL:
 * none, so that an admin's give way to the configuration's.  Takes over one
 * reference. */
void catalog_set_fallbacks_take(struct catalog *c, bool admin,
                                struct fallbacks *f);
/* The environment budgets, for drafts; they live as long as `c`. */
const struct env_budget *catalog_env(const struct catalog *c, int *count);

/* From here to catalog_bulk_end puts edit in place and nothing is published:
 * loading 100,000 tenants at start copies no map.  One thread. */
void catalog_bulk_begin(struct catalog *c);
/* Publishes. */
void catalog_bulk_end(struct catalog *c);

#endif

/* reader.h - a loop's view of the catalog.
 *
 * Owning loop only.  What was looked up is valid until the next catalog_now
 * that finds a newer generation.
 */
#ifndef CATALOG_READER_H
#define CATALOG_READER_H

#include <stdint.h>

#include "catalog/snapshot.h"

struct catalog;
struct catalog_reader; /* opaque; owned by the loop */

/* A reader of `c`. */
struct catalog_reader *catalog_reader_new(struct catalog *c);
/* Drops its snapshot, frees and nulls. */
void catalog_reader_free(struct catalog_reader **r);
/* The snapshot of this moment, never NULL.  One atomic load in the common
 * case; a lock only when something changed.  Ends the validity of what this
 * reader gave before, if the generation changed. */
const struct snapshot *catalog_now(struct catalog_reader *r);
/* The generation of what catalog_now last gave. */
uint64_t catalog_generation(const struct catalog_reader *r);

#endif

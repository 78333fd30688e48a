/* tagsum.h - what was spent under tags, by tag and by day.
 *
 * From the rollups, which keep a tag's direct and inherited rows apart and, by
 * tag id = -tenant id, everything of a tenant that bears a tag at all, once.
 * Only a choice of several tags has to read rows.  Blocking threads only;
 * never changes anything.
 */
#ifndef LEDGER_TAGSUM_H
#define LEDGER_TAGSUM_H

#include "ledger/query.h"

struct tag_use {
    int64_t tag_id;           /* in */
    int64_t direct, requests; /* directly tagged: nano-dollars; metered ones */
    int64_t subtree;          /* with everything tagged below it */
};
/* Fills `n` uses of a tenant's tags over [from, to). */
MUST_CHECK enum status tagsum_each(struct db *db, int64_t tenant_id,
                                   int64_t from_ms, int64_t to_ms,
                                   struct tag_use *of, int n, struct err *err);

struct tagged {
    int64_t usd, requests;
};
/* What bears at least one of the `n` tags directly (0: any tag, deleted ones
 * too), each request once, over [edge[i], edge[i + 1]) for each of `days`
 * stretches.  E_TOO_BIG: the arena's limit. */
MUST_CHECK enum status tagsum_days(struct db *db, struct arena *a,
                                   int64_t tenant_id, const int64_t *tags,
                                   int n, const int64_t *edge, int days,
                                   struct tagged *out, struct err *err);

#endif

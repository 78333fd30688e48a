/* insight.h - where the money went: by time, and by one dimension.
 *
 * Reads only the rollups (and rows where a local day begins inside an hour),
 * never the whole ledger.  Everything is in the arena.  Blocking threads only.
 */
#ifndef LEDGER_INSIGHT_H
#define LEDGER_INSIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "ledger/db.h"

#define INSIGHT_SERIES 8 /* groups whose points are wanted */

enum insight_by {
    INSIGHT_TENANT,
    INSIGHT_KEY,
    INSIGHT_MODEL,
    INSIGHT_PROVIDER,
    INSIGHT_STATUS,
    INSIGHT_TAG, /* `sum`: requests that named the tag itself */
    INSIGHTS
};

/* Zero values: any. */
struct insight_query {
    enum insight_by by;
    bool hours; /* points are UTC hours, else days in BUDGET_TIMEZONE */
    int64_t from_ms, to_ms;
    int64_t tenant_id, key_id;
    /* exactly; with INSIGHT_TAG key, model and provider must be empty */
    struct slice model, provider, status;
};

struct insight_sum {
    int64_t usd;
    int64_t requests; /* all */
    int64_t served;   /* that succeeded or were interrupted */
    int64_t input, cached, output;
};

struct insight_point {
    int64_t start_ms, end_ms;
    struct insight_sum sum;
};

struct insight_group {
    int64_t id; /* of a tenant, key or tag; 0: none */
    /* What people call it: the model, provider or status, the tenant's or
     * tag's name, the key's.  .p NULL: it is gone and nobody knows. */
    struct slice name;
    struct slice detail; /* a tag's path, a key as it is shown; .p NULL: none */
    int64_t tenant_id;   /* of a key or tag; 0: unknown */
    struct insight_sum sum; /* cached: 0 if by tenant, key or tag */
    int64_t *usd;     /* one per point; of the first INSIGHT_SERIES groups */
    int64_t tree_usd; /* of a tag: its own and that of the tags below, each
                         request once */
};

struct insight {
    struct insight_sum total; /* each request once */
    struct insight_point *points;
    int point_count;
    struct insight_group *groups; /* dearest first, then by requests */
    int group_count;
};

/* E_INVALID: more points than 4000 days or 800 hours; E_TOO_BIG: more groups
 * than the arena holds. */
MUST_CHECK enum status insight_read(struct db *db, struct arena *a,
                                    const struct insight_query *q,
                                    struct insight *out, struct err *err);

#endif

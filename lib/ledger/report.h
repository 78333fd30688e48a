/* report.h - C's reports: cost and tokens by tenant or key and UTC day.
 *
 * Reads only the slim rollups, never the ledger: work is bounded by days x
 * tenants x keys, not by rows.  Rows that booked nothing are no usage and do
 * not appear.  Blocking threads only.
 */
#ifndef LEDGER_REPORT_H
#define LEDGER_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "ledger/db.h"

struct report_query {
    bool every_tenant;      /* else only those issue_is_open says yes to */
    bool by_key;            /* cells per key, else per tenant */
    bool together;          /* with every_tenant: one cell for them all */
    bool by_month;          /* `period` never parts a UTC month */
    struct slice tenant;    /* only the tenant of that name; .p NULL: all */
    int64_t from_ms, to_ms; /* whole UTC days, [from, to) */
    /* The period a day belongs to, as a number that never falls as days go
     * on; days of one period share a cell.  NULL: the day itself. */
    int64_t (*period)(int64_t day_ms, void *arg);
    void *arg;
};

struct report_cell {
    int64_t period;            /* what `period` said */
    int64_t tenant_id, key_id; /* key 0: by tenant, or without a key */
    struct slice tenant; /* its name, or that of its newest row if deleted */
    struct slice note;   /* of the key; .p NULL: none */
    int64_t usd, input, output, requests;
};

/* All cells, tenant by tenant (by id), then by day; in the arena.  E_TOO_BIG:
 * more than it holds. */
MUST_CHECK enum status report_cells(struct db *db, struct arena *a,
                                    const struct report_query *q,
                                    struct report_cell **out, int *n,
                                    struct err *err);

/* Names of the tenants that have usage or keys and may be shown, sorted. */
MUST_CHECK enum status report_names(struct db *db, struct arena *a,
                                    bool every_tenant, struct slice **out,
                                    int *n, struct err *err);

struct report_model {
    struct slice model;
    int64_t usd, input, output;
};
/* What a key used over its whole life, by model, dearest first. */
MUST_CHECK enum status report_key(struct db *db, struct arena *a,
                                  int64_t tenant_id, int64_t key_id,
                                  struct report_model **out, int *n,
                                  struct err *err);

#endif

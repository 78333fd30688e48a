/* load.h - from rows to catalog nodes.  Writer connection, under db->lock.
 * Not included from outside the room.
 */
#ifndef LEDGER_LOAD_H
#define LEDGER_LOAD_H

#include "base/arena.h"
#include "base/err.h"
#include "ledger/rows.h"
#include "ledger/store.h"

#define LOAD_BUDGET                                                        \
    "id,scope_kind,scope_id,tenant_id,period,window,start_at,end_at,"      \
    "amount_nano,mode,alert_thresholds,is_active,weight,inheritance_mode," \
    "created_at,updated_at"

/* Reads a row of LOAD_BUDGET; texts are borrowed until the next step, or cut
 * from `a` if it is not NULL. */
void load_budget(struct sql *q, struct arena *a, struct budget_row *out);
/* Reads the tenant again and swaps it into the catalog (or out of it). */
MUST_CHECK enum status load_tenant(struct db *db, int64_t id, struct err *err);
/* Reads what belongs to no tenant again: budgets, fallback chains. */
MUST_CHECK enum status load_wide(struct db *db, struct err *err);
/* An audit row; `details` is JSON without secrets. */
void load_audit(struct db *db, int64_t tenant_id, struct slice actor,
                const char *event, struct slice details, int64_t now_ms,
                struct sql *keep);

#endif

/* change.h - one stored change: begin, statements, audit, commit, swap.
 * Not included from outside the room.
 */
#ifndef LEDGER_CHANGE_H
#define LEDGER_CHANGE_H

#include "ledger/rows.h"
#include "ledger/store.h"

struct change {
    struct db *db;
    struct actor who;
    int64_t now_ms;
    enum status st; /* the first failure; what follows does nothing */
};

/* Takes the lock and begins.  Not OK: nothing to end. */
MUST_CHECK enum status change_begin(struct db *db, struct actor who,
                                    struct change *c, struct err *err);
/* Notes it in the audit table as {key: id, "name": name}. */
void change_audit(struct change *c, int64_t tenant_id, const char *event,
                  const char *key, int64_t id, struct slice name,
                  struct err *err);
/* Commits or rolls back, swaps the tenant (0: the wide budgets) into the
 * catalog, gives the lock back. */
MUST_CHECK enum status change_end(struct change *c, int64_t tenant_id,
                                  struct err *err);
/* Inserts (or with `upsert` changes) a budget row; fills id and times. */
MUST_CHECK enum status change_budget(struct change *c, struct budget_row *r,
                                     bool upsert, struct err *err);

/* A tenant's sessions without a budget of their own have one from now on: their
 * windows get what they have spent.  Under db->lock, behind the commit. */
MUST_CHECK enum status session_open_all(struct db *db, int64_t tenant_id,
                                        int64_t now_ms, struct err *err);

typedef void change_read_fn(struct sql *q, struct arena *a, void *out);
/* Reads all rows of `q` into a list in the arena, ends `q` and gives the
 * connection back. */
MUST_CHECK enum status change_list(struct db *db, struct sql *q, sqlite3 *conn,
                                   struct arena *a, size_t size,
                                   change_read_fn *read, void **out, int *n,
                                   struct err *err);

#endif

/* issue.h - keys issued under a name: the tenant is made with its first key.
 *
 * For C's routes, where people know names and never tenants.  One SQL
 * transaction finds or makes the tenant, judges whose it is, counts its keys
 * and adds one, so that no race makes a key too many.  Blocking threads only.
 */
#ifndef LEDGER_ISSUE_H
#define LEDGER_ISSUE_H

#include "ledger/rows.h"

struct issue {
    struct slice name;         /* of the tenant */
    enum tenant_origin origin; /* of a tenant made here */
    bool any_origin;           /* an admin asks: any tenant will do */
    int64_t max_active;        /* active keys it may have; -1: any number */
};

/* True for tenants that self-service or an admin's key issuing made. */
bool issue_is_open(enum tenant_origin o);

/* Adds the key `k` (hash, first4, last4, name) under `i->name`; fills its id,
 * tenant_id and created_ms.  E_INVALID: no name for a tenant; E_EXISTS: the
 * name belongs to a tenant made elsewhere; E_TOO_BIG: max_active reached. */
MUST_CHECK enum status issue_key(struct db *db, struct actor who,
                                 const struct issue *i, struct key_row *k,
                                 struct err *err);

/* The key of that hash, else of that id (0: none): its id and its tenant's.
 * E_NOT_FOUND. */
MUST_CHECK enum status issue_find(struct db *db,
                                  const uint8_t hash[static TENANT_KEY_HASH],
                                  int64_t id, int64_t *key_id,
                                  int64_t *tenant_id, struct err *err);

/* The tenant of that name and where it came from.  E_NOT_FOUND. */
MUST_CHECK enum status issue_tenant(struct db *db, struct slice name,
                                    int64_t *id, enum tenant_origin *origin,
                                    struct err *err);

#endif

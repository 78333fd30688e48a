/* identity.h - who is calling (contract 1.2).
 *
 * Any thread.  A pure look-up in a snapshot: no state, no store; a wrong
 * secret leaves nothing behind.
 */
#ifndef GUARD_IDENTITY_H
#define GUARD_IDENTITY_H

#include <stdbool.h>

#include "base/slice.h"
#include "call/refusal.h"
#include "catalog/snapshot.h"
#include "guard/guard.h"

/* Where a credential was found, in order of look-up. */
enum credential_place {
    CRED_BEARER,
    CRED_X_API_KEY,
    CRED_GOOG,
    CRED_API_KEY,
    CRED_QUERY,
    CRED_COUNT
};

struct credentials {
    struct slice value[CRED_COUNT]; /* .p NULL: not sent */
    struct slice tenant;            /* X-Tenant-Id; .p NULL: not sent */
};

struct identity {
    const struct tenant *tenant;  /* node of the snapshot; NULL: to be made */
    const struct tenant_key *key; /* NULL: header mode without a key */
    int place;                    /* where our key was; -1: none */
    struct slice make;            /* header mode: the tenant to be made */
};

/* R_NONE and `out`, or R_MISSING_KEY, R_INVALID_KEY, R_TENANT_MISMATCH, or
 * R_INVALID_REQUEST for a tenant name no tenant can have (header mode). */
enum refusal identify(const struct guard *g, const struct snapshot *s,
                      const struct credentials *c, struct identity *out);

#endif

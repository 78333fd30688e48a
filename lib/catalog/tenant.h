/* tenant.h - one tenant with its keys, tags and budgets, as one value.
 *
 * A node is immutable once built and counted by reference; a change builds a
 * new node.  Any thread may read it while it holds a reference (or while the
 * snapshot it came from is held).  Knows no store.
 */
#ifndef CATALOG_TENANT_H
#define CATALOG_TENANT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "call/budget.h"
#include "catalog/budget.h"

#define TENANT_NAME_MAX 128
#define TENANT_ORIGINS 6
#define TENANT_KEY_HASH 32
/* Levels of a tag tree: 32 asked tags with their ancestors then always fit
 * into EVENT_TAGS_MAX, so that nothing can go uncharged. */
#define TENANT_TAG_DEPTH 5

enum tenant_origin {
    ORIGIN_ADMIN,
    ORIGIN_HEADER,
    ORIGIN_SELF_SERVICE,
    ORIGIN_ISSUED,
    ORIGIN_INGEST,
    ORIGIN_DEFAULT,
};

/* An active key; revoked ones are not in the node. */
struct tenant_key {
    uint8_t hash[TENANT_KEY_HASH];
    int64_t id;
    struct slice name;
    char first4[5], last4[5]; /* for display */
};

/* A tag, active or not (an inactive one may not be asked for). */
struct tenant_tag {
    int64_t id;
    int64_t parent_id;               /* 0: none */
    const struct tenant_tag *parent; /* within the same node */
    struct slice name, path;
    int level;
    bool active;
    int64_t session_budget; /* nano-dollars; -1: none */
};

struct tenant {
    int64_t id;
    struct slice name;
    enum tenant_origin origin;
    /* -1: not set, the default of the configuration applies; 0: unlimited */
    int64_t rate_limit_per_min, tokens_per_min, max_concurrent;
    int64_t default_session_budget; /* nano-dollars; -1: none */

    const struct tenant_key *keys; /* by hash */
    int key_count;
    const struct tenant_tag *tags; /* by name */
    int tag_count;
    /* Some tag has a session budget: every session's spend counts, because
     * its next call may name that tag.  Set by tenant_build. */
    bool caps_sessions;
    /* Active budgets of the tenant, stored and from the environment, by
     * (scope, object_id, scope_id). */
    const struct budget *budgets;
    int budget_count;
};

/* What a node is built from; everything is copied.  `keys` only active ones,
 * `budgets` only active stored ones of this tenant; tags in any order, their
 * `parent` is resolved from parent_id. */
struct tenant_draft {
    struct tenant plain; /* id, name, origin, limits */
    const struct tenant_key *keys;
    int key_count;
    const struct tenant_tag *tags;
    int tag_count;
    const struct budget *budgets;
    int budget_count;
    const struct env_budget *env;
    int env_count;
};

/* Builds a node with one reference.  E_INVALID: a parent that is not there, a
 * circle or a tree deeper than TENANT_TAG_DEPTH; E_NOMEM. */
MUST_CHECK enum status tenant_build(const struct tenant_draft *d,
                                    const struct tenant **out, struct err *err);
/* One more reference; returns `t`. */
const struct tenant *tenant_ref(const struct tenant *t);
/* Drops one, frees with the last, nulls the caller's pointer (NULL is fine). */
void tenant_unref(const struct tenant **t);

/* The key with this hash, or NULL. */
const struct tenant_key *tenant_key(const struct tenant *t,
                                    const uint8_t hash[static TENANT_KEY_HASH]);
/* The key with this id, or NULL. */
const struct tenant_key *tenant_key_id(const struct tenant *t, int64_t id);
/* The tag with this name, active or not, or NULL. */
const struct tenant_tag *tenant_tag(const struct tenant *t, struct slice name);
/* The tag with this id, or NULL. */
const struct tenant_tag *tenant_tag_id(const struct tenant *t, int64_t id);

#endif

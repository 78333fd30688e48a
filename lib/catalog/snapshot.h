/* snapshot.h - what the hot path looks up: tenants, keys, tags, budgets, book.
 *
 * Immutable.  For: everything a request needs, without a lock and without
 * SQL.  Any thread that holds it (catalog/reader.h on loops, catalog_ref
 * elsewhere).  What is looked up lives as long as the snapshot is held; who
 * needs it longer copies it, or takes tenant_ref or book_ref.
 */
#ifndef CATALOG_SNAPSHOT_H
#define CATALOG_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "call/budget.h"
#include "call/event.h"
#include "catalog/fallbacks.h"
#include "catalog/tenant.h"
#include "price/book.h"

struct snapshot; /* opaque */

/* The active key with this keyed hash, and its tenant; NULL: none. */
const struct tenant_key *
snapshot_key(const struct snapshot *s,
             const uint8_t hash[static TENANT_KEY_HASH],
             const struct tenant **tenant);
/* The tenant with this id; NULL: none. */
const struct tenant *snapshot_tenant(const struct snapshot *s, int64_t id);
/* The tenant with this name; NULL: none. */
const struct tenant *snapshot_tenant_by_name(const struct snapshot *s,
                                             struct slice name);
/* How many tenants there are. */
int64_t snapshot_tenants(const struct snapshot *s);
/* How many of one origin (HEADER_MAX_TENANTS). */
int64_t snapshot_tenants_of(const struct snapshot *s, enum tenant_origin o);
/* The price book; NULL before the first catalog_set_book_take. */
struct book *snapshot_book(const struct snapshot *s);
/* The fallback chains in force: the admin's, or those of the configuration
 * (`*admin` says which; may be NULL).  NULL: there are none. */
struct fallbacks *snapshot_fallbacks(const struct snapshot *s, bool *admin);
/* Budgets that belong to no tenant: global, and model of all tenants. */
const struct budget *snapshot_wide(const struct snapshot *s, int *count);
/* Calls `fn` for every tenant, in no order, until it returns false. */
void snapshot_each(const struct snapshot *s,
                   bool (*fn)(void *arg, const struct tenant *t), void *arg);

/* Adds the tag `name` and its ancestors to `e->tags` (room for
 * EVENT_TAGS_MAX; each once, `direct` on the asked ones) and lowers
 * `*session_budget` (-1: none so far) to the tag's sessionBudget.  The slices
 * live as long as the snapshot.  False: no such active tag. */
bool snapshot_tag(const struct tenant *t, struct slice name, struct event *e,
                  int64_t *session_budget);

/* The scopes of a call; empty slices and 0 where it has none. */
struct budget_query {
    const struct tenant *tenant; /* NULL: only wide budgets match */
    int64_t key_id;
    const struct event_tag *tags; /* as snapshot_tag filled them */
    int tag_count;
    struct slice session, user, model;
};
/* A budget that matches; `tag_name` is set for tag budgets, `parent_tag` is
 * true if the tag was not asked for but is an ancestor. */
typedef void snapshot_budget_fn(void *arg, const struct budget *b,
                                struct slice tag_name, bool parent_tag);
/* Calls `fn` for every active budget that the call touches, the tenant's
 * first, those of no tenant last.  Windows are the caller's: a custom budget
 * matches whatever the clock says.  Implicit session budgets are not stored
 * budgets and do not appear. */
void snapshot_budgets(const struct snapshot *s, const struct budget_query *q,
                      snapshot_budget_fn *fn, void *arg);

/* Counter key of a session's implicit budget (contract 9.1); the same in
 * every process, and no collision can be chosen (BLAKE2b). */
uint64_t snapshot_session_counter(int64_t tenant_id, struct slice session);

/* Counted references for those that have no reader. */
const struct snapshot *snapshot_ref(const struct snapshot *s);
/* Gives one back; nulls (NULL is fine). */
void snapshot_unref(const struct snapshot **s);

#endif

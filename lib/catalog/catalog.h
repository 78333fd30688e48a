/* catalog.h - tenants, keys, tags, budgets and prices as an immutable
 * snapshot that is swapped by pointer.
 *
 * For: everything the hot path looks up, without a lock and without SQL.  Not
 * for: changing stored data; ledger/rows does that and then calls the swaps
 * below.
 *
 * Threads: swaps from any thread (one mutex); each loop owns a reader.
 * Lifetime: what was looked up through a reader is valid until that reader's
 * next catalog_now; who needs it longer takes tenant_ref or book_ref.
 */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "call/budget.h"
#include "catalog/tenant.h"
#include "price/book.h"

struct catalog;  /* opaque; owned by bg.c */
struct snapshot; /* opaque; immutable */

/* A loop's view.  Open so that it can lie inside its owner. */
struct catalog_reader {
    struct catalog *catalog;
    const struct snapshot *now;
    uint64_t generation;
};

/* An empty catalog without a book.  `env` is copied and stays for its life. */
struct catalog *catalog_new(const struct env_budget *env, int env_count);
/* Frees and nulls; every reader must have been released. */
void catalog_free(struct catalog **c);

/* Readies a reader; owning loop only from then on. */
void catalog_reader_init(struct catalog_reader *r, struct catalog *c);
/* Drops its snapshot. */
void catalog_reader_release(struct catalog_reader *r);
/* The snapshot of this moment; never NULL.  One atomic load in the common
 * case.  Ends the validity of what earlier calls of this reader gave. */
const struct snapshot *catalog_now(struct catalog_reader *r);

/* For threads without a reader (pool, writer): a counted snapshot, to be
 * given back with snapshot_unref. */
const struct snapshot *catalog_ref(struct catalog *c);
/* Gives it back; nulls. */
void snapshot_unref(const struct snapshot **s);

/* ---- look-ups ----------------------------------------------------------- */

/* The tenant and key with this keyed hash; `*key` is set.  NULL: none. */
const struct tenant_node *
snapshot_key(const struct snapshot *s,
             const uint8_t hash[static TENANT_KEY_HASH],
             const struct tenant_key **key);
/* The tenant with this id; NULL: none. */
const struct tenant_node *snapshot_tenant(const struct snapshot *s,
                                          int64_t id);
/* The tenant with this name; NULL: none. */
const struct tenant_node *snapshot_tenant_name(const struct snapshot *s,
                                               struct slice name);
/* How many tenants there are, of every origin or of one (HEADER_MAX_TENANTS).
 */
int64_t snapshot_tenants(const struct snapshot *s);
/* As above, of one origin. */
int64_t snapshot_tenants_of(const struct snapshot *s, enum tenant_origin o);
/* The price book; NULL before the first catalog_set_book. */
struct book *snapshot_book(const struct snapshot *s);
/* Budgets that belong to no tenant: global, and model of all tenants. */
const struct budget *snapshot_wide(const struct snapshot *s, int *count);
/* Calls `fn` for every tenant in no order until it returns false. */
void snapshot_each(const struct snapshot *s,
                   bool (*fn)(void *arg, const struct tenant_node *t),
                   void *arg);

/* The scopes of a call; empty slices and 0 where it has none. */
struct call_scopes {
    const struct tenant_node *tenant; /* NULL: only wide budgets match */
    int64_t key_id;
    const struct charged_tag *tags;
    int tag_count;
    struct slice session, user, model;
};

/* A budget that matches.  Windows and time are the caller's business: a
 * custom budget matches whatever the clock says. */
struct matched {
    const struct budget *budget;
    const struct tenant_tag *tag; /* tag budgets */
    bool parent_tag; /* its tag was not asked for, only an ancestor */
};

/* Every active budget that the call touches: tenant, key, user, session,
 * model, tags, then model and global ones of no tenant.  Implicit session
 * budgets (budget_session_id) are the caller's.  Returns how many, or -1 if
 * they are more than `cap` (refuse then). */
int snapshot_match(const struct snapshot *s, const struct call_scopes *q,
                   struct matched *out, int cap);

/* ---- swaps: effective for the next catalog_now of every reader ----------- */

/* Puts a tenant, replacing the one with its id; takes over one reference of
 * `t`, also on failure.  E_EXISTS: its name or a key hash belongs to another
 * tenant. */
MUST_CHECK enum status catalog_put_take(struct catalog *c,
                                        const struct tenant_node *t,
                                        struct err *err);
/* Removes one; nothing happens if it is not there. */
void catalog_remove(struct catalog *c, int64_t tenant_id);
/* Replaces the budgets without tenant (copied; only active ones). */
void catalog_set_wide(struct catalog *c, const struct budget *b, int n);
/* Replaces the price book; takes over one reference. */
void catalog_set_book_take(struct catalog *c, struct book *b);
/* The environment budgets, for building drafts. */
const struct env_budget *catalog_env(const struct catalog *c, int *count);

/* ---- bulk: start-up, before any reader ----------------------------------- */

/* Between begin and end puts edit in place and nothing is published: loading
 * 100,000 tenants copies no map.  One thread. */
void catalog_bulk_begin(struct catalog *c);
/* Publishes. */
void catalog_bulk_end(struct catalog *c);

#endif

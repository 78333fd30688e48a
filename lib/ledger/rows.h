/* rows.h - tenants, keys, budgets, tags and sessions as stored rows.
 *
 * Every change is one SQL transaction together with its audit row; the
 * tenant is then read again and swapped into the catalog before the call
 * returns, so that the next request sees it.  Blocking threads only.
 * Results that carry text are cut from the arena given.
 */
#ifndef LEDGER_ROWS_H
#define LEDGER_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/crypt.h"
#include "base/err.h"
#include "base/slice.h"
#include "call/budget.h"
#include "catalog/tenant.h"
#include "ledger/db.h"

/* Who did it, for the audit table: "admin", "self_service:name", "gateway". */
struct actor {
    struct slice name;
};

/* Fills the catalog: tenants, keys, tags, budgets (one ordered scan per
 * table).  Call once at start, before any reader. */
MUST_CHECK enum status rows_load(struct db *db, struct err *err);

/* ---- tenants ------------------------------------------------------------ */

struct tenant_row {
    int64_t id;
    struct slice name;
    enum tenant_origin origin;
    int64_t rate_limit_per_min, tokens_per_min, max_concurrent; /* -1: null */
    int64_t default_session_budget;                             /* -1: null */
    int64_t created_ms, updated_ms;
};

/* Makes a tenant together with budgets (scope and tenant are set here; ids
 * are filled in).  E_EXISTS: the name is taken; E_INVALID: two budgets of one
 * (period, window), or a name that is none. */
MUST_CHECK enum status rows_tenant_add(struct db *db, struct actor who,
                                       struct tenant_row *t,
                                       struct budget *budgets, int n,
                                       struct err *err);
/* Header mode: the tenant of that name, made if missing and fewer than `max`
 * of origin ORIGIN_HEADER exist.  E_TOO_BIG: they do. */
MUST_CHECK enum status rows_tenant_ensure(struct db *db, struct slice name,
                                          enum tenant_origin origin,
                                          int64_t max, int64_t *id,
                                          struct err *err);
/* Writes every field of `t` but id, origin, created_ms.  E_NOT_FOUND;
 * E_EXISTS: the name is taken. */
MUST_CHECK enum status rows_tenant_set(struct db *db, struct actor who,
                                       const struct tenant_row *t,
                                       struct err *err);
/* Deletes it with keys, budgets, tags and sessions; ledger rows stay. */
MUST_CHECK enum status rows_tenant_delete(struct db *db, struct actor who,
                                          int64_t id, struct err *err);
/* One by id.  E_NOT_FOUND. */
MUST_CHECK enum status rows_tenant(struct db *db, struct arena *a, int64_t id,
                                   struct tenant_row *out, struct err *err);
/* All by id, in the arena. */
MUST_CHECK enum status rows_tenants(struct db *db, struct arena *a,
                                    struct tenant_row **out, int *n,
                                    struct err *err);

/* ---- keys --------------------------------------------------------------- */

struct key_row {
    int64_t id, tenant_id;
    uint8_t hash[TENANT_KEY_HASH];
    char first4[5], last4[5];
    struct slice name; /* .p NULL: none */
    bool active;
    int64_t created_ms, last_used_ms, revoked_ms; /* 0: never */
};
/* Adds an active key; fills id and created_ms.  E_NOT_FOUND: no such tenant;
 * E_EXISTS: the hash is there. */
MUST_CHECK enum status rows_key_add(struct db *db, struct actor who,
                                    struct key_row *k, struct err *err);
/* Revokes; repeatable.  `*was_active` may be NULL.  E_NOT_FOUND. */
MUST_CHECK enum status rows_key_revoke(struct db *db, struct actor who,
                                       int64_t id, bool *was_active,
                                       struct err *err);
/* Keys of a tenant by id; 0: of all. */
MUST_CHECK enum status rows_keys(struct db *db, struct arena *a,
                                 int64_t tenant_id, struct key_row **out,
                                 int *n, struct err *err);

/* ---- budgets ------------------------------------------------------------ */

struct budget_row {
    struct budget b;          /* id is the SQL id; dates 0 unless custom */
    int64_t weight_milli;     /* tag budgets: weight x 1000 */
    struct slice inheritance; /* LENIENT, STRICT, NONE, BYPASS */
    struct slice thresholds;  /* JSON as given, or .p NULL */
    int64_t created_ms, updated_ms;
};
struct budget_filter {
    int64_t id;        /* 0: any */
    int64_t tenant_id; /* 0: any */
    bool scoped;       /* `scope` counts */
    enum budget_scope scope;
    struct slice scope_id; /* .p NULL: any; ids as decimal text */
};
/* Adds budgets, all or none, and opens their windows with what was already
 * spent in them.  `upsert`: an existing (scope, period, window) is changed
 * instead.  Fills ids and times.  E_EXISTS; E_NOT_FOUND: no scope object. */
MUST_CHECK enum status rows_budgets_add(struct db *db, struct actor who,
                                        struct budget_row *b, int n,
                                        bool upsert, struct err *err);
/* Writes one by id (scope and tenant never change). */
MUST_CHECK enum status rows_budget_set(struct db *db, struct actor who,
                                       const struct budget_row *b,
                                       struct err *err);
/* Deletes one and its counters. */
MUST_CHECK enum status rows_budget_delete(struct db *db, struct actor who,
                                          int64_t id, struct err *err);
/* Those that match, by id. */
MUST_CHECK enum status rows_budgets(struct db *db, struct arena *a,
                                    const struct budget_filter *f,
                                    struct budget_row **out, int *n,
                                    struct err *err);

/* ---- tags --------------------------------------------------------------- */

struct tag_row {
    int64_t id, tenant_id, parent_id;                      /* parent 0: none */
    struct slice name, path, description, color, metadata; /* .p NULL: null */
    int level;
    bool active;
    int64_t session_budget; /* -1: none */
    int64_t created_ms, updated_ms;
};
/* Adds; fills id, path, level, times.  E_EXISTS: the name; E_NOT_FOUND:
 * tenant or parent; E_TOO_BIG: deeper than TENANT_TAG_DEPTH. */
MUST_CHECK enum status rows_tag_add(struct db *db, struct arena *a,
                                    struct actor who, struct tag_row *t,
                                    struct err *err);
/* Writes name, description, color, metadata, active, session_budget; a rename
 * rewrites the paths below.  E_BUSY: deactivated with active children. */
MUST_CHECK enum status rows_tag_set(struct db *db, struct actor who,
                                    const struct tag_row *t, struct err *err);
/* Deletes with its budgets.  E_BUSY: it has children; E_NOT_FOUND. */
MUST_CHECK enum status rows_tag_delete(struct db *db, struct actor who,
                                       int64_t tenant_id, int64_t id,
                                       struct err *err);
/* Tags of a tenant by level, name. */
MUST_CHECK enum status rows_tags(struct db *db, struct arena *a,
                                 int64_t tenant_id, struct tag_row **out,
                                 int *n, struct err *err);

/* ---- sessions ----------------------------------------------------------- */

struct session_row {
    int64_t tenant_id;
    struct slice id, tenant, name, path, metadata; /* .p NULL: null */
    int64_t custom, tag_budget, tenant_default;    /* -1: none */
    int64_t cost, requests; /* of the ledger's rows, corrections included */
    int64_t created_ms, active_ms;
};
struct session_filter {
    int64_t tenant_id;
    struct slice search;    /* in id, name, path, without case */
    int64_t from_ms, to_ms; /* last use in [from, to); 0: open */
    bool by_exceeded, exceeded;
};
/* A page of those that match, last used first, and how many match. */
MUST_CHECK enum status rows_sessions(struct db *db, struct arena *a,
                                     const struct session_filter *f,
                                     int64_t offset, int64_t limit,
                                     struct session_row **out, int *n,
                                     int64_t *total, struct err *err);
/* Those of that id, one per tenant; at most 1000. */
MUST_CHECK enum status rows_sessions_named(struct db *db, struct arena *a,
                                           struct slice id,
                                           struct session_row **out, int *n,
                                           struct err *err);
/* How many sessions a tenant has. */
MUST_CHECK enum status rows_session_count(struct db *db, int64_t tenant_id,
                                          int64_t *out, struct err *err);
/* The budget in force, -1: none. */
int64_t rows_session_effective(const struct session_row *s);
/* Sets the admin's own budget (-1: removes it), also for the counters. */
MUST_CHECK enum status rows_session_budget(struct db *db, struct actor who,
                                           const struct session_row *s,
                                           int64_t custom, struct err *err);

/* ---- tracking tokens ---------------------------------------------------- */

struct ingest_row {
    int64_t id, tenant_id;
    struct slice label, token, tenant; /* tenant .p NULL: deleted */
    bool active;
    int64_t created_ms, seen_ms; /* seen -1: never */
    int64_t uses;                /* rows since the last reset */
};
/* Adds; fills id.  E_EXISTS: the label; E_NOT_FOUND: the tenant. */
MUST_CHECK enum status rows_ingest_add(struct db *db, struct actor who,
                                       struct ingest_row *t, struct err *err);
/* All, or the one with this token, by id. */
MUST_CHECK enum status rows_ingest_list(struct db *db, struct arena *a,
                                        struct slice token,
                                        struct ingest_row **out, int *n,
                                        struct err *err);
/* E_NOT_FOUND. */
MUST_CHECK enum status rows_ingest_active(struct db *db, struct actor who,
                                          int64_t id, bool active,
                                          struct err *err);
/* Its rows stay.  E_NOT_FOUND. */
MUST_CHECK enum status rows_ingest_delete(struct db *db, struct actor who,
                                          int64_t id, struct err *err);
/* True if the ledger has this event of this token. */
MUST_CHECK enum status rows_ingest_seen(struct db *db, int64_t token_id,
                                        struct slice event, bool *seen,
                                        struct err *err);
/* A new reporting epoch: rows up to `last_id` are of the past. */
MUST_CHECK enum status rows_reset(struct db *db, struct actor who,
                                  int64_t last_id, struct err *err);

/* ---- dashboard sessions that were signed out ---------------------------- */

struct admin_session_row {
    uint8_t id[CRYPT_HASH]; /* a hash of the cookie */
    int64_t expires_ms;
};
/* Those that have not expired. */
MUST_CHECK enum status rows_admin_sessions(struct db *db, struct arena *a,
                                           int64_t now_ms,
                                           struct admin_session_row **out,
                                           int *n, struct err *err);
/* Adds one; forgets those that have expired. */
MUST_CHECK enum status
rows_admin_session_end(struct db *db, const uint8_t id[static CRYPT_HASH],
                       int64_t now_ms, int64_t expires_ms, struct err *err);

/* ---- prices ------------------------------------------------------------- */

/* The admin's price of a model; pico-dollars per token, -1: not given. */
struct price_row {
    int64_t id, version;
    struct slice model, provider, version_tag;
    int64_t in, cached, out, cache_write, cache_write_1h;
    int64_t max_output, context; /* tokens; 0: not known */
    int64_t created_ms, updated_ms;
};
/* Adds a price (`create`) or a new version of one; fills id, version, times.
 * E_EXISTS: `create`, and it is there. */
MUST_CHECK enum status rows_price_put(struct db *db, struct actor who,
                                      bool create, struct price_row *p,
                                      struct err *err);
/* Removes a price; its versions stay for the ledger.  E_NOT_FOUND. */
MUST_CHECK enum status rows_price_delete(struct db *db, struct actor who,
                                         int64_t id, struct slice model,
                                         struct err *err);
/* Those in force by provider and model, or all versions in the order they
 * were made. */
MUST_CHECK enum status rows_prices(struct db *db, struct arena *a,
                                   bool all_versions, struct price_row **out,
                                   int *n, struct err *err);

/* ---- audit and settings ------------------------------------------------- */

/* Notes a change that is no row of a table here (a correction), as
 * {key: id, "name": name}. */
MUST_CHECK enum status rows_note(struct db *db, struct actor who,
                                 int64_t tenant_id, const char *event,
                                 const char *key, int64_t id, struct slice name,
                                 struct err *err);

struct audit_row {
    int64_t id, ts_ms, tenant_id;
    struct slice actor, event, details;
};
/* Newest first, ids < `before` (0: from the newest); tenant_id 0: all. */
MUST_CHECK enum status rows_audit(struct db *db, struct arena *a,
                                  int64_t tenant_id, int64_t before, int limit,
                                  struct audit_row **out, int *n,
                                  struct err *err);
/* A small named value.  E_NOT_FOUND. */
MUST_CHECK enum status rows_setting(struct db *db, const char *name,
                                    int64_t *out, struct err *err);
/* Stores the admin's fallback chains and takes them into force; .p NULL: none,
 * the configuration's are in force again.  `count` is for the audit row. */
MUST_CHECK enum status rows_fallbacks_put(struct db *db, struct actor who,
                                          struct slice text, int count,
                                          struct err *err);
/* Sets one. */
MUST_CHECK enum status rows_setting_set(struct db *db, const char *name,
                                        int64_t v, struct err *err);

#endif

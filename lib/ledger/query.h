/* query.h - what reports and pages read.  Never changes anything.
 *
 * Sums come from the rollups (days, then hours) and only the edges from rows,
 * so they take milliseconds over any number of rows.  Blocking threads only.
 */
#ifndef LEDGER_QUERY_H
#define LEDGER_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "call/event.h"
#include "ledger/db.h"

/* A row as it stands; texts live as long as the callback or the arena. */
struct entry {
    int64_t id, recorded_ms;
    struct event e; /* enums read back; request_id, tags and all */
};

/* Filters of contract 4.3; zero values: any. */
struct entry_filter {
    int64_t tenant_id;
    struct slice tenant, model, route; /* contain, without case */
    struct slice status, provider, reason, request_id, session, user, tag;
    int64_t key_id;
    int64_t from_ms, to_ms; /* [from, to); to 0: open */
    bool has_min, has_max;
    int64_t min_usd, max_usd;
    int64_t before_id; /* cursor: rows older than this id's place; 0: newest */
    int64_t before_ts;
};
/* A page, newest first (ts, then id).  `offset` rows are skipped (paging by
 * number); `*total` may be NULL. */
MUST_CHECK enum status query_entries(struct db *db, struct arena *a,
                                     const struct entry_filter *f,
                                     int64_t offset, int limit,
                                     struct entry **out, int *n, int64_t *total,
                                     struct err *err);
/* One by ledger id.  E_NOT_FOUND. */
MUST_CHECK enum status query_entry(struct db *db, struct arena *a, int64_t id,
                                   struct entry *out, struct err *err);
typedef bool query_entry_fn(void *arg, const struct entry *e);
/* All that match, newest first, one at a time, until `fn` returns false. */
MUST_CHECK enum status query_stream(struct db *db, const struct entry_filter *f,
                                    query_entry_fn *fn, void *arg,
                                    struct err *err);

struct sum {
    int64_t usd, requests, input, cached, cache_write, output, reasoning;
};
/* What counts in budget `b` over [from, to): the same rows as admission. */
MUST_CHECK enum status query_budget_sum(struct db *db, const struct budget *b,
                                        int64_t from_ms, int64_t to_ms,
                                        struct sum *out, struct err *err);
/* Of a tenant (0: unauthenticated, -1: all) over [from, to). */
MUST_CHECK enum status query_sum(struct db *db, int64_t tenant_id,
                                 int64_t from_ms, int64_t to_ms,
                                 struct sum *out, struct err *err);

struct day_sum {
    int64_t start_ms; /* local midnight */
    struct sum sum;
};
/* Days in BUDGET_TIMEZONE from the one of `from_ms` to the one of `to_ms`,
 * both included, zeros too; at most 4000. */
MUST_CHECK enum status query_history(struct db *db, struct arena *a,
                                     int64_t tenant_id, int64_t from_ms,
                                     int64_t to_ms, struct day_sum **out,
                                     int *n, struct err *err);
struct model_sum {
    struct slice model;
    struct sum sum;
};
/* By model as asked, dearest first, without those that cost nothing. */
MUST_CHECK enum status query_models(struct db *db, struct arena *a,
                                    int64_t tenant_id, int64_t from_ms,
                                    int64_t to_ms, struct model_sum **out,
                                    int *n, struct err *err);

/* Books `e` without a hold: charges every window it counts in and appends the
 * row.  `seen` not empty and seen before: E_EXISTS, nothing happens.
 * E_TOO_BIG: the outbox is at its limit. */
MUST_CHECK enum status query_book(struct db *db, const struct event *e,
                                  struct slice seen, struct err *err);

/* Appends a correction of `usd` to row `id` and charges it to the windows the
 * row counts in.  E_NOT_FOUND; E_INVALID: the corrected sum would be
 * negative, or the row cannot be corrected.  `request_id` gets the row's. */
MUST_CHECK enum status query_correct(struct db *db, int64_t id, int64_t usd,
                                     struct slice reason, struct err *err);

#endif

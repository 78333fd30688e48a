/* adopt.h - what the files of budgetguard import share; see adopt.c.
 *
 * Not included from outside the room.
 */
#ifndef APP_ADOPT_H
#define APP_ADOPT_H

#include "app/cli.h"
#include "base/arena.h"
#include "catalog/tenant.h"
#include "ledger/db.h"

struct control;

#define REASONS 24
#define BUCKETS 4096

/* An id of the file and what it became. */
struct known {
    struct known *next;
    struct slice id, name; /* as the file has them */
    int64_t tenant_id, key_id, token_id;
};

struct adopt {
    struct cli *c;
    struct control *control;
    struct db *db;
    struct arena arena;
    bool dry;
    struct known *known[BUCKETS]; /* by hash of id */
    int64_t token_id;             /* of rows that have no token of their own */
    int64_t done, fresh, there, rounded, unpriced;
    struct reason {
        const char *what, *why;
        int64_t n;
    } reasons[REASONS];
    int reason_count;
};

/* One row of usage on its way. */
struct use {
    struct slice id, model, ts, cost, prompt, completion, total;
    struct slice tenant, route, session, status, provider;
    int64_t tenant_id, key_id, token_id;
    char kind; /* 'a', 'b', 'c' */
};

/* Counts a thing that is left out, and why; both texts must last. */
void adopt_skip(struct adopt *x, const char *what, const char *why);
/* Ends a kind of thing: says how many came, and begins anew. */
void adopt_report(struct adopt *x, const char *what);
/* One more was looked at. */
void adopt_tick(struct adopt *x, const char *what);
/* Notes what an id of the file became. */
void adopt_remember(struct adopt *x, struct slice id, struct slice name,
                    int64_t tenant, int64_t key, int64_t token);
/* Looks it up; NULL: never noted. */
const struct known *adopt_recall(const struct adopt *x, struct slice id);
/* The tenant of that name, made if it is not there (a dry run makes none). */
MUST_CHECK enum status adopt_tenant(struct adopt *x, struct slice name,
                                    enum tenant_origin origin, int64_t *id,
                                    struct err *err);
/* The tracking token with this text or, without text, label; made if there is
 * none, and then `*fresh`.  E_EXISTS: the label is another's. */
MUST_CHECK enum status adopt_token(struct adopt *x, struct slice label,
                                   struct slice token, bool active, int64_t *id,
                                   bool *fresh, struct err *err);
/* Books a row, unless it is there already or no usage. */
MUST_CHECK enum status adopt_use(struct adopt *x, const struct use *u,
                                 struct err *err);
/* Is it text of at most `max` bytes without controls? */
bool adopt_text(struct slice s, size_t max);
/* adopt_core.c: the answers of A's admin API in one JSON file. */
MUST_CHECK enum status adopt_core(struct adopt *x, const char *path,
                                  struct err *err);

#endif

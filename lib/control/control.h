/* control.h - everything that is no proxy call: admin API, health, metrics.
 *
 * For: net's stream operations of the control routes; one route table.  Not
 * for: proxy routes (gateway).  Admin work never runs on a loop: handlers run
 * on a small pool of blocking threads and post their answer back.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/metric.h"
#include "base/slice.h"
#include "base/zone.h"
#include "catalog/catalog.h"
#include "config/config.h"
#include "counters/counters.h"
#include "http/header.h"
#include "ledger/db.h"
#include "net/listen.h"

struct actor;
struct alert;
struct buckets;
struct integrity;
struct limit;
struct policies;
struct loop;
struct request;
struct traffic;
struct sessions;

/* How a provider is doing. */
struct provider_state {
    bool configured, healthy;
    int64_t response_ms; /* -1: it was not asked, or did not answer */
    int64_t checked_ms;
    const char *error; /* one of a few fixed texts, NULL: none */
};

/* Everything borrowed; outlives the control plane. */
struct control_conf {
    const struct config *config;
    struct db *db;
    struct counters *counters;
    struct catalog *catalog;
    struct metrics *metrics;
    const struct zone *zone;
    const uint8_t *secret; /* CRYPT_SECRET bytes */
    const struct cidr *trusted;
    int trusted_count;
    struct policies *policies;
    const struct alert *alert;
    /* Takes the stored prices into force. */
    enum status (*reload_prices)(void *arg, struct err *err);
    void *reload_arg;
    int threads;
    int64_t started_ms;
    bool (*ledger_ok)(void *arg); /* rows can be written */
    void *ledger_arg;
    int providers_configured;
    /* One of PROVIDER_*: configured with a key? */
    bool (*provider_on)(void *arg, enum provider_id p);
    /* Asks for the state of `n` providers at once with calls that are free;
     * `keys` holds a key for each that is not the gateway's own (empty: the
     * gateway's).  With the gateway's own keys an answer is kept for
     * `max_age_ms`.  Blocks for some seconds at most. */
    void (*provider_look)(void *arg, const enum provider_id *of,
                          const struct slice *keys, int n, int64_t max_age_ms,
                          struct provider_state *out);
    /* The providers' models, sorted, cut from `a`, and when they were read;
     * `*n` 0: none is known. */
    void (*provider_models)(void *arg, struct arena *a, struct slice **names,
                            int *n, int64_t *loaded_ms);
    void *provider_arg;
    struct slice demo_admin_key; /* --demo's generated secret, or empty */
};

struct control;

/* Starts the pool. */
MUST_CHECK enum status control_new(const struct control_conf *conf,
                                   struct control **out, struct err *err);
/* Waits for running jobs, ends the pool, frees, nulls. */
void control_free(struct control **c);

/* What the listener calls for requests the gateway does not own; `server` is
 * the struct control. */
extern const struct stream_ops control_ops;

/* Runs `fn(arg)` on a thread of the pool soon; E_BUSY: the queue is full. */
MUST_CHECK enum status control_run(struct control *c, void (*fn)(void *arg),
                                   void *arg);

/* Whom the audit table names when an admin did it. */
extern const struct actor control_admin;

/* For handlers. */
const struct control_conf *control_conf(const struct control *c);
/* The dashboard's sign-ins. */
struct sessions *control_sessions(struct control *c);
/* What is known of the ledger's chain. */
struct integrity *control_integrity(struct control *c);
/* True if `key` is an admin secret; else answered with 401, or 429 after too
 * many failures of this address. */
bool control_is_secret(struct control *c, struct request *r, struct slice key);
/* The OpenAPI document; lives as long as `c`. */
struct slice control_openapi(const struct control *c);
/* What each route answered. */
const struct traffic *control_traffic(const struct control *c);
/* The token buckets: of tracking tokens, or of B's admin paths. */
struct buckets *control_buckets(struct control *c, bool ingest);

#endif

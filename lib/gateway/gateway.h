/* gateway.h - the proxy: one exchange from the socket to the provider and back.
 *
 * For: driving net, provider and guard in the right order for every call.  Not
 * for: wire formats (provider), money (guard), sockets (net).
 *
 * One `struct gateway` per process, immutable after gateway_new; one `struct
 * gateway_loop` per event loop, used on that loop's thread only.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "guard/guard.h"
#include "net/listen.h"
#include "provider/route.h"

struct catalog;
struct gateway;
struct gateway_loop;
struct limit;
struct loop;
struct provider_set;

enum client_gone { GONE_DRAIN, GONE_ABORT };

struct gateway_conf {
    size_t max_body;
    const char *spill_dir; /* large bodies, nameless files */
    int connect_timeout_s, silence_timeout_s, retries;
    int attempts;     /* tries of one request; 1: no second */
    int retry_max_ms; /* longest wait a provider may ask for between tries */
    enum client_gone client_gone;
    int drain_timeout_s;
    enum passthrough passthrough;
    bool plain_errors; /* PROXY_ERRORS=plain */
    int models_cache_s;
    const struct cidr *trusted; /* TRUSTED_PROXIES */
    int trusted_count;
};

/* Calls upward, given by main. */
struct gateway_above {
    void *arg;
    /* Makes the tenant `name` (header mode) on a blocking thread, then calls
     * `done(done_arg, result)` on `loop`.  E_TOO_BIG: HEADER_MAX_TENANTS. */
    void (*make_tenant)(void *arg, struct loop *loop, struct slice name,
                        void (*done)(void *done_arg, enum status result),
                        void *done_arg);
    /* True once the process shuts down. */
    bool (*stopping)(void *arg);
};

/* Everything is borrowed and outlives the gateway. */
struct gateway *gateway_new(const struct gateway_conf *conf,
                            const struct guard *guard, struct catalog *catalog,
                            const struct provider_set *providers,
                            struct limit *auth_rows,
                            const struct gateway_above *above);
/* Frees and nulls. */
void gateway_free(struct gateway **g);

/* The part of the gateway that lives on `l`. */
MUST_CHECK enum status gateway_loop_new(struct gateway *g, struct loop *l,
                                        struct gateway_loop **out,
                                        struct err *err);
/* Books what is still open, with its whole hold where the provider has not
 * said what it used, and cuts it (shutdown). */
void gateway_loop_cut(struct gateway_loop *gl);
/* Cuts what is still open, frees and nulls. */
void gateway_loop_free(struct gateway_loop **gl);
/* Exchanges that are not settled yet. */
int gateway_loop_open(const struct gateway_loop *gl);

/* True if the gateway serves this path; others belong to the control plane. */
bool gateway_owns(const struct http_head *h);

/* What the listener calls; `server` is the struct gateway_loop. */
extern const struct stream_ops gateway_ops;

#endif

/* target.h - where a request goes and with which header fields.
 *
 * Configured providers are an immutable set of plain values.  Builds URL and
 * fields of the outgoing request and filters those of the answer (contract
 * 1.2, 1.8, 2, 3.4).  Any thread.
 */
#ifndef PROVIDER_TARGET_H
#define PROVIDER_TARGET_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/slice.h"
#include "call/call.h"
#include "call/refusal.h"
#include "provider/route.h"

struct http_field;

/* One provider as configured; C strings, NULL or "": not set. */
struct provider_conf {
    const char *key;
    const char *base;        /* URL; NULL: the provider's public one */
    const char *api_version; /* Azure and foreign OPENAI_BASE_URL */
};

/* Indexed by enum provider_id.  PROVIDER_DEMO: base set means it is on. */
struct provider_conf_set {
    struct provider_conf of[PROVIDER_COUNT];
};

struct provider_set;

/* Copies and checks.  NULL: a base that is no http(s) URL; `*bad` says whose.
 * Trailing '/' and a query of a base are removed. */
struct provider_set *provider_set_new(const struct provider_conf_set *conf,
                                      enum provider_id *bad);
/* Frees (keys are wiped first) and nulls. */
void provider_set_free(struct provider_set **s);

/* True if calls can go there with the gateway's own key. */
bool provider_configured(const struct provider_set *s, enum provider_id p);
/* The wire format a provider speaks. */
enum family provider_family(enum provider_id p);
/* True if the provider speaks OpenAI's wire format. */
bool provider_speaks_openai(enum provider_id p);
/* "openai", "azure", ... as in the ledger. */
const char *provider_wire(enum provider_id p);
/* "OpenAI", "Azure OpenAI", ... */
const char *provider_people(enum provider_id p);
/* The provider of that wire name, or PROVIDER_NONE. */
enum provider_id provider_by_wire(struct slice name);

struct target_in {
    const struct route *route;
    const struct call *call;
    struct slice query;              /* as sent; .p NULL: none */
    const struct http_field *fields; /* the request's */
    int field_count;
    struct slice own_key; /* the credential that was our tenant key; empty in
                             header mode without a key */
    bool has_body;
};

struct target {
    enum provider_id provider; /* Azure if it stands in for OpenAI */
    struct slice url;
    const struct http_field *fields;
    int field_count;
    bool client_key; /* the client's own key: its 401 passes through */
    int key_index;   /* of the provider's keys, if it is one of ours */
};

/* The keys of a provider, NULL: none. */
struct keys;
struct keys *provider_keys(const struct provider_set *s, enum provider_id p);

/* Where to send it.  R_NONE, or R_NO_PROVIDER (no key for it),
 * R_MODEL_NOT_FOUND (the provider has no such route), R_NOT_FOUND, R_STORAGE
 * (the arena's limit). */
enum refusal provider_target(const struct provider_set *s,
                             const struct target_in *in, struct arena *a,
                             struct target *out);

/* The URL and fields of the provider's model list; false: not configured or
 * it has none. */
bool provider_models_target(const struct provider_set *s, enum provider_id p,
                            struct arena *a, struct target *out);
/* The same with a key that is not ours; false: no address is known, or the
 * key is empty.  The key must be visible ASCII. */
bool provider_probe_target(const struct provider_set *s, enum provider_id p,
                           struct slice key, struct arena *a,
                           struct target *out);

/* True if a request's field of this name carries a credential or a cookie. */
bool provider_field_is_secret(struct slice name);

/* True if a field of the provider's answer goes on to the client; `all` are
 * all fields (for Connection).  Content-Length and Date are the listener's.
 * `recoded`: the body was decoded or changed. */
bool provider_answer_field(const struct http_field *f,
                           const struct http_field *all, int n, bool recoded);

#endif

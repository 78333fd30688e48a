/* who.c - see who.h.
 *
 * Order: credentials of the route's kind, then the dashboard's cookie (which
 * keeps working while an address is blocked), then the limit of failures, and
 * only then is a wrong secret counted.
 */
#include "control/who.h"

#include "base/crypt.h"
#include "control/bucket.h"
#include "control/job.h"
#include "control/metrics_json.h"
#include "control/session.h"
#include "control/visitor.h"
#include "guard/limit.h"
#include "http/header.h"

static bool is_secret(const struct control *c, struct slice given)
{
    const struct config *g = c->conf.config;
    const struct slice secrets[] = {
        slice_str(g->admin_api_key), slice_str(g->admin_token),
        slice_str(g->api_key), c->conf.demo_admin_key};
    bool hit = false;
    if (given.p == NULL || given.n == 0)
        return false;
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        if (secrets[i].n > 0)
            hit |= crypt_equal(given, secrets[i]);
    return hit;
}

static bool is_admin(const struct job *j)
{
    bool metrics = j->route->auth == AUTH_METRICS;
    if (is_secret(j->c, job_field(j, "x-admin-key")) ||
        is_secret(j->c, job_field(j, "x-admin-token")))
        return true;
    if (j->route->auth == AUTH_DATA)
        return is_secret(j->c, job_field(j, "x-api-key"));
    if (!metrics)
        return false;
    struct slice bearer = job_field(j, "authorization");
    if (bearer.n > 7 && slice_eq_nocase(slice(bearer.p, 7), SLICE("Bearer ")))
        bearer = slice_trim(slice_skip(bearer, 7));
    return is_secret(j->c, bearer) ||
           is_secret(j->c, job_field(j, "x-api-key"));
}

static bool is_local(const struct job *j)
{
    struct slice peer = slice_str(j->head->peer);
    return (slice_starts(peer, "127.") || slice_is(peer, "::1")) &&
           job_field(j, "x-forwarded-for").p == NULL &&
           job_field(j, "forwarded").p == NULL;
}

/* True if the dashboard's cookie speaks for an admin; a change needs its CSRF
 * token, too: `*forged` if that is wrong. */
static bool is_signed_in(const struct job *j, bool *forged)
{
    char csrf[SESSION_CSRF];
    int64_t expires_ms;
    bool changes =
        !slice_is(j->r.method, "GET") && !slice_is(j->r.method, "HEAD");
    *forged = false;
    if (j->route->auth == AUTH_INGEST ||
        !session_look(j->c->sessions, j->r.cookie, j->r.now_ms, &expires_ms,
                      csrf))
        return false;
    *forged =
        changes && !crypt_equal(job_field(j, "x-csrf-token"), slice_str(csrf));
    return true;
}

/* A visitor is judged by the handler, but an admin secret that was sent counts
 * against the limit of failures like any other. */
static bool is_visitor(struct job *j)
{
    bool names = j->route->handler == data_names; // C's users read it, too
    if (j->route->auth != AUTH_VISITOR && !names)
        return false;
    bool forged;
    visitor_read(j->head, &j->c->conf, &j->r);
    j->r.is_admin = is_signed_in(j, &forged) && !forged;
    if (names && (j->r.user.p == NULL || !visitor_on(j->c->conf.config) ||
                  job_field(j, "x-api-key").p != NULL))
        return false;
    return job_field(j, "x-admin-key").p == NULL &&
           job_field(j, "x-admin-token").p == NULL;
}

/* True if RATE_LIMIT_EXEMPT names the path, or a folder it is in. */
static bool is_exempt(const struct job *j)
{
    struct slice rest = slice_str(j->c->conf.config->rate_limit_exempt);
    while (rest.p != NULL && rest.n > 0) {
        struct slice one = slice_trim(slice_cut(&rest, ','));
        if (one.n == 0 || j->r.path.n < one.n ||
            !slice_eq(slice(j->r.path.p, one.n), one))
            continue;
        if (j->r.path.n == one.n || one.p[one.n - 1] == '/' ||
            j->r.path.p[one.n] == '/')
            return true;
    }
    return false;
}

/* True if the route answers from the bucket of B's admin paths. */
static bool is_counted(struct job *j)
{
    return (j->route->auth == AUTH_DATA ||
            (j->route->auth == AUTH_METRICS && metrics_json_asked(&j->r))) &&
           !is_exempt(j);
}

/* True if the caller is within the bucket of B's admin paths. */
static bool within_bucket(struct job *j)
{
    static const char *const places[] = {"x-admin-key", "x-admin-token",
                                         "x-api-key"};
    int64_t left, retry, limit = buckets_limit(j->c->admin_buckets);
    struct slice who = j->r.source_ip;
    if (limit == 0 || !is_counted(j))
        return true;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (is_secret(j->c, job_field(j, places[i])))
            who = job_field(j, places[i]);
    bool ok =
        buckets_take(j->c->admin_buckets, who, j->r.now_ms, &left, &retry);
    struct http_field *f = j->r.extra;
    f[j->r.extra_count++] = (struct http_field){
        SLICE("X-RateLimit-Limit"),
        arena_printf(&j->r.arena, "%lld", (long long)limit)};
    f[j->r.extra_count++] =
        (struct http_field){SLICE("X-RateLimit-Remaining"),
                            arena_printf(&j->r.arena, "%lld", (long long)left)};
    if (ok)
        return true;
    const struct slice l[4] = {SLICE("admin")};
    metric_add(j->c->conf.metrics, M_RATE_HITS, l, 1);
    f[j->r.extra_count++] = (struct http_field){
        SLICE("Retry-After"),
        arena_printf(&j->r.arena, "%lld", (long long)retry)};
    request_fail(&j->r, 429, "Rate limit exceeded", "rate_limit_exceeded");
    return false;
}

/* What stands in for an admin secret on this route; true: it is right. */
static bool is_known(struct job *j)
{
    struct slice key = slice_str(j->c->conf.config->ingest_key);
    if (j->route->auth != AUTH_INGEST)
        return is_admin(j);
    struct slice given = job_field(j, "x-ingest-key");
    return given.n > 0 && crypt_equal(given, key);
}

bool control_is_secret(struct control *c, struct request *r, struct slice key)
{
    int retry;
    if (limit_reached(c->failures, r->source_ip, r->now_ms, &retry)) {
        request_fail(r, 429, "Too many failed authentications",
                     "rate_limit_exceeded");
        r->extra[r->extra_count++] = (struct http_field){
            SLICE("Retry-After"), arena_printf(&r->arena, "%d", retry)};
        return false;
    }
    if (is_secret(c, key))
        return true;
    (void)limit_count(c->failures, r->source_ip, r->now_ms);
    const struct slice l[4] = {SLICE("dashboard")};
    metric_add(c->conf.metrics, M_AUTH_FAILURES, l, 1);
    request_fail(r, 401, "Unauthorized", "unauthorized");
    return false;
}

/* True if the caller may go on; otherwise the answer is made. */
static bool authenticate(struct job *j)
{
    struct control *c = j->c;
    int retry;
    bool forged;
    if (j->route->auth <= AUTH_QUICK || is_visitor(j) ||
        (j->route->auth == AUTH_METRICS && is_local(j)))
        return true;
    if (!is_known(j) && is_signed_in(j, &forged)) {
        if (forged)
            request_fail(&j->r, 403, "CSRF token missing or invalid", "csrf");
        j->r.is_admin = !forged;
        return !forged;
    }
    if (limit_reached(c->failures, j->r.source_ip, j->r.now_ms, &retry)) {
        if (j->r.user.p != NULL) // a valid cookie keeps working
            return true;
        request_fail(&j->r, 429, "Too many failed authentications",
                     "rate_limit_exceeded");
        j->r.extra[j->r.extra_count++] = (struct http_field){
            SLICE("Retry-After"), arena_printf(&j->r.arena, "%d", retry)};
        return false;
    }
    if (j->route->auth == AUTH_INGEST &&
        j->c->conf.config->ingest_key[0] == '\0') {
        request_fail(&j->r, 500, "Ingest authentication not configured",
                     "not_configured");
        return false;
    }
    j->r.is_admin = is_known(j);
    if (j->r.is_admin)
        return true;
    (void)limit_count(c->failures, j->r.source_ip, j->r.now_ms);
    bool ingest = j->route->auth == AUTH_INGEST;
    const struct slice l[4] = {ingest ? SLICE("ingest") : SLICE("admin")};
    const struct slice bad[4] = {SLICE("bad_auth")};
    metric_add(c->conf.metrics, M_AUTH_FAILURES, l, 1);
    if (ingest)
        metric_add(c->conf.metrics, M_INGEST, bad, 1);
    if (j->r.user.p != NULL)
        return true;
    request_fail(&j->r, 401,
                 j->r.detail                     ? "Invalid admin token"
                 : j->route->auth == AUTH_INGEST ? "Invalid or missing "
                                                   "X-Ingest-Key"
                                                 : "Unauthorized",
                 "unauthorized");
    return false;
}

bool who_may(struct job *j)
{
    return authenticate(j) && within_bucket(j);
}

/* models.c - GET /v1/models: the providers' lists, merged and cached.
 *
 * One cache for all loops.  Whoever finds it stale fetches on its own loop and
 * answers from the old list meanwhile; only an empty cache makes callers wait,
 * at most WAIT_US.  A failed fetch is not repeated within RETRY_US (R70), and
 * the list of a provider that did not answer is kept.
 *
 * Locking: `lock` guards everything below it; no call out of this file is made
 * with it held but loop_post.
 */
#include "gateway/exchange.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "provider/models.h"

#define LIST_MAX (8u << 20)
#define WAIT_US 5000000
#define RETRY_US 60000000

struct fetch;

/* One provider's list on its way. */
struct fetch_part {
    struct fetch *fetch;
    enum provider_id provider;
    struct upstream_call *up;
    struct buf body;
    int status;
    bool ok;
};

struct fetch {
    struct gateway_loop *gl;
    struct arena arena;
    struct fetch_part part[PROVIDER_COUNT];
    int running;
    struct loop_timer timer;
};

struct models_cache {
    pthread_mutex_t lock;
    struct arena arena; /* of the items */
    struct model_item *items;
    int n;
    int64_t fetched_us, tried_us; /* 0: never */
    struct fetch *fetch;
    struct exchange *waiting;
};

struct models_cache *models_cache_new(void)
{
    struct models_cache *c = xcalloc(1, sizeof *c);
    (void)pthread_mutex_init(&c->lock, NULL);
    arena_init(&c->arena, 64u << 20);
    return c;
}

void models_cache_free(struct models_cache **cp)
{
    struct models_cache *c = *cp;
    *cp = NULL;
    if (c == NULL)
        return;
    arena_release(&c->arena);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

/* ---- answering ---------------------------------------------------------- */

/* "/models/{id}" -> id; empty for the list. */
static struct slice wanted(const struct exchange *x)
{
    struct slice rest = x->route.rest;
    return slice_starts(rest, "/models/") ? slice_skip(rest, 8)
                                          : (struct slice){"", 0};
}

static void answer(struct exchange *x)
{
    struct models_cache *c = x->gl->gateway->models;
    struct refuse_more more = {0};
    struct buf out;
    bool found = true, empty;
    struct slice id = wanted(x);
    buf_init(&out, LIST_MAX);
    (void)pthread_mutex_lock(&c->lock);
    empty = c->n == 0;
    if (!empty && id.n > 0)
        found = models_write_one(x->route.shape, c->items, c->n, id, &out);
    else if (!empty)
        models_write(x->route.shape, c->items, c->n, &out);
    (void)pthread_mutex_unlock(&c->lock);
    if (empty || out.failed)
        refuse(x, R_UNREACHABLE, &more);
    else if (!found)
        refuse(x, R_NOT_FOUND, &more);
    else {
        struct http_field f[12];
        int n = refuse_own_fields(x, f, 0);
        f[n++] = (struct http_field){SLICE("Content-Type"),
                                     SLICE("application/json; charset=utf-8")};
        f[n++] = (struct http_field){SLICE("Cache-Control"), SLICE("no-store")};
        f[n++] = (struct http_field){SLICE("X-Content-Type-Options"),
                                     SLICE("nosniff")};
        x->answered = true;
        if (x->stream != NULL)
            stream_respond(x->stream, 200, f, n, buf_get(&out));
        exchange_finish(x);
    }
    buf_release(&out);
}

static void answer_later(void *arg)
{
    struct exchange *x = arg;
    x->models_waiting = false;
    if (x->stream == NULL)
        exchange_maybe_free(x);
    else
        answer(x);
}

/* ---- fetching ----------------------------------------------------------- */

static void read_parts(struct models_cache *c, struct fetch *f)
{
    struct arena fresh;
    struct model_item *items = xcalloc(MODELS_MAX, sizeof *items);
    int n = 0;
    struct err err;
    arena_init(&fresh, 64u << 20);
    for (int p = 1; p < PROVIDER_COUNT; p++) {
        struct fetch_part *part = &f->part[p];
        int before = n;
        if (part->ok && part->status == 200 &&
            models_read(part->provider, buf_get(&part->body), &fresh, items, &n,
                        &err) == OK)
            continue;
        n = before; // keep what was known of this provider
        for (int i = 0; i < c->n && n < MODELS_MAX; i++)
            if (c->items[i].provider == (enum provider_id)p) {
                items[n] = c->items[i];
                items[n].id = arena_dup(&fresh, items[n].id);
                items[n].owned_by = arena_dup(&fresh, items[n].owned_by);
                n++;
            }
    }
    struct model_item *kept =
        arena_try(&fresh, (size_t)(n > 0 ? n : 1) * sizeof *kept);
    if (kept != NULL && n > 0) {
        memcpy(kept, items, (size_t)n * sizeof *kept);
        arena_release(&c->arena);
        c->arena = fresh;
        c->items = kept;
        c->n = n;
    } else
        arena_release(&fresh);
    free(items);
}

static void fetch_free(struct fetch *f)
{
    loop_timer_cancel(f->gl->loop, &f->timer);
    for (int p = 1; p < PROVIDER_COUNT; p++) {
        if (f->part[p].up != NULL)
            upstream_cancel(&f->part[p].up);
        buf_release(&f->part[p].body);
    }
    arena_release(&f->arena);
    free(f);
}

static void fetch_end(struct fetch *f)
{
    struct models_cache *c = f->gl->gateway->models;
    bool any = false;
    for (int p = 1; p < PROVIDER_COUNT; p++)
        any |= f->part[p].ok && f->part[p].status == 200;
    (void)pthread_mutex_lock(&c->lock);
    if (any) {
        read_parts(c, f);
        c->fetched_us = clock_mono_us();
    }
    c->fetch = NULL;
    struct exchange *x = c->waiting;
    c->waiting = NULL;
    while (x != NULL) {
        struct exchange *next = x->models_next;
        x->models_msg = (struct loop_msg){.fn = answer_later, .arg = x};
        loop_post(x->gl->loop, &x->models_msg);
        x = next;
    }
    (void)pthread_mutex_unlock(&c->lock);
    fetch_free(f);
}

static void part_sending(void *arg)
{
    (void)arg;
}

static void part_head(void *arg, int status, const struct http_field *f, int n)
{
    struct fetch_part *part = arg;
    (void)f;
    (void)n;
    part->status = status;
}

static bool part_data(void *arg, const char *p, size_t n)
{
    struct fetch_part *part = arg;
    buf_add(&part->body, p, n);
    return true;
}

static void part_done(void *arg, enum upstream_end how)
{
    struct fetch_part *part = arg;
    struct fetch *f = part->fetch;
    part->up = NULL;
    part->ok = how == UPSTREAM_DONE && !part->body.failed;
    if (!part->ok || part->status != 200)
        log_line(LOG_WARN, "model list not available",
                 LF_C("provider", provider_wire(part->provider)),
                 LF_N("status", part->status));
    if (--f->running == 0)
        fetch_end(f);
}

static const struct upstream_ops part_ops = {part_sending, part_head, part_data,
                                             part_done};

static void fetch_late(void *arg)
{
    fetch_end(arg);
}

static bool start_part(struct fetch *f, enum provider_id p)
{
    struct fetch_part *part = &f->part[p];
    const struct gateway_conf *conf = &f->gl->gateway->conf;
    struct target t;
    struct err err;
    *part = (struct fetch_part){.fetch = f, .provider = p};
    buf_init(&part->body, LIST_MAX);
    if (!provider_models_target(f->gl->gateway->providers, p, &f->arena, &t))
        return false;
    const struct upstream_req req = {
        .method = SLICE("GET"),
        .url = t.url,
        .fields = t.fields,
        .field_count = t.field_count,
        .connect_timeout_s = conf->connect_timeout_s,
        .silence_timeout_s = conf->connect_timeout_s,
    };
    return upstream_start(f->gl->pool, &req, &part_ops, part, &part->up,
                          &err) == OK;
}

/* Starts a fetch on this loop; the lock is not held. */
static void fetch_start(struct fetch *f)
{
    for (int p = 1; p < PROVIDER_COUNT; p++)
        f->running += start_part(f, (enum provider_id)p);
    if (f->running == 0) {
        fetch_end(f);
        return;
    }
    f->timer = (struct loop_timer){.fn = fetch_late, .arg = f};
    loop_timer_set(f->gl->loop, &f->timer, WAIT_US);
}

void models_answer(struct exchange *x)
{
    struct gateway_loop *gl = x->gl;
    struct models_cache *c = gl->gateway->models;
    int64_t now = clock_mono_us();
    int64_t age = (int64_t)gl->gateway->conf.models_cache_s * 1000000;
    struct fetch *start = NULL;
    bool wait = false;
    (void)pthread_mutex_lock(&c->lock);
    bool stale = c->fetched_us == 0 || now - c->fetched_us > age;
    bool may = c->tried_us == 0 || now - c->tried_us > RETRY_US;
    if (stale && may && c->fetch == NULL) {
        start = xcalloc(1, sizeof *start);
        start->gl = gl;
        arena_init(&start->arena, 1u << 20);
        c->fetch = start;
        c->tried_us = now;
    }
    if (c->n == 0 && c->fetch != NULL) {
        wait = true;
        x->models_waiting = true;
        x->models_next = c->waiting;
        c->waiting = x;
    }
    (void)pthread_mutex_unlock(&c->lock);
    if (start != NULL)
        fetch_start(start);
    if (!wait)
        answer(x);
}

void models_forget(struct exchange *x)
{
    struct models_cache *c = x->gl->gateway->models;
    (void)pthread_mutex_lock(&c->lock);
    for (struct exchange **at = &c->waiting; *at != NULL;
         at = &(*at)->models_next)
        if (*at == x) {
            *at = x->models_next;
            x->models_waiting = false; // else its message is under way
            break;
        }
    (void)pthread_mutex_unlock(&c->lock);
}

void models_loop_end(struct gateway_loop *gl)
{
    struct models_cache *c = gl->gateway->models;
    (void)pthread_mutex_lock(&c->lock);
    struct fetch *f = c->fetch;
    if (f != NULL && f->gl == gl)
        c->fetch = NULL;
    else
        f = NULL;
    (void)pthread_mutex_unlock(&c->lock);
    if (f != NULL)
        fetch_free(f);
}

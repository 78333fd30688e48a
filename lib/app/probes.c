/* probes.c - see probes.h.
 *
 * The lock guards what is kept and is not held while providers are asked.
 * While one caller asks, others get what is known: a provider that hangs must
 * not hold up every thread of the control plane.
 */
#include "app/probes.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/probe.h"
#include "provider/keys.h"
#include "provider/models.h"
#include "provider/target.h"

#define TIMEOUT_MS 5000
#define LIST_MAX (8u << 20)
#define RETRY_MS 60000
#define KEY_MAX 512

_Static_assert(PROVIDER_COUNT <= PROBES_MAX, "all can be asked at once");

/* What is known of one provider. */
struct known {
    struct provider_state state;
    int64_t at_us;     /* when it was asked, 0: never */
    int64_t models_us; /* when its list was read, 0: never */
    int64_t models_tried_us;
    int64_t models_ms;  /* the same as a date */
    struct arena arena; /* of the names */
    struct slice *models;
    int model_count;
};

struct probes {
    const struct provider_set *providers;
    int64_t models_age_us;
    pthread_mutex_t lock; // guards what follows
    bool asking;          // with our own keys
    struct known of[PROVIDER_COUNT];
};

struct probes *probes_new(const struct provider_set *providers,
                          int64_t models_age_s)
{
    struct probes *p = xcalloc(1, sizeof *p);
    p->providers = providers;
    p->models_age_us = models_age_s * 1000000;
    (void)pthread_mutex_init(&p->lock, NULL);
    for (int i = 0; i < PROVIDER_COUNT; i++)
        arena_init(&p->of[i].arena, LIST_MAX);
    return p;
}

void probes_free(struct probes **pp)
{
    struct probes *p = *pp;
    *pp = NULL;
    if (p == NULL)
        return;
    for (int i = 0; i < PROVIDER_COUNT; i++)
        arena_release(&p->of[i].arena);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- asking ------------------------------------------------------------- */

static bool key_ok(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n > 0 && s.n <= KEY_MAX;
}

static const char *error_of(const struct probe *x)
{
    if (x->end != PROBE_ANSWERED)
        return x->end == PROBE_TIMEOUT ? "Provider timed out"
                                       : "Provider unreachable";
    if (x->status == 401 || x->status == 403)
        return "Provider rejected the key";
    if (x->status == 429)
        return "Provider is limiting the key";
    return x->status == 200 ? NULL : "Provider answered with an error";
}

/* Where to ask and with what; false: `out` says why not. */
static bool aim(const struct probes *p, enum provider_id id, struct slice key,
                struct arena *a, struct probe *x, struct provider_state *out)
{
    struct target t;
    bool own = key.n == 0;
    *out = (struct provider_state){
        .configured = !own || provider_configured(p->providers, id),
        .response_ms = -1,
        .checked_ms = clock_now_ms(),
        .error = "Provider not configured"};
    bool found = own ? provider_models_target(p->providers, id, a, &t)
                     : key_ok(key) &&
                           provider_probe_target(p->providers, id, key, a, &t);
    if (!own && !key_ok(key))
        out->error = "Provider rejected the key";
    if (!found)
        return false;
    x->url = t.url;
    x->fields = t.fields;
    x->field_count = t.field_count;
    return true;
}

/* The names of an answer, into what is kept; the lock is held. */
static void keep_models(struct known *k, enum provider_id id,
                        const struct probe *x)
{
    struct arena fresh;
    struct err err;
    int n = 0;
    struct model_item *items = xcalloc(MODELS_MAX, sizeof *items);
    arena_init(&fresh, LIST_MAX);
    k->models_tried_us = clock_mono_us();
    struct slice *names = arena_try(&fresh, MODELS_MAX * sizeof *names);
    bool ok =
        names != NULL && x->status == 200 && !x->body.failed &&
        models_read(id, buf_get(&x->body), &fresh, items, &n, &err) == OK &&
        n > 0;
    for (int i = 0; ok && i < n; i++)
        names[i] = items[i].id;
    free(items);
    if (!ok) {
        arena_release(&fresh);
        return;
    }
    arena_release(&k->arena);
    k->arena = fresh;
    k->models = names;
    k->model_count = n;
    k->models_us = k->models_tried_us;
    k->models_ms = clock_now_ms();
}

/* Asks those `due`; the lock is not held. */
static void ask(struct probes *p, const enum provider_id *of,
                const struct slice *keys, int n, const bool *due,
                struct provider_state *out)
{
    struct probe x[PROBES_MAX] = {{.url = {NULL, 0}}};
    struct arena a;
    arena_init(&a, 1u << 20);
    for (int i = 0; i < n; i++) {
        buf_init(&x[i].body, LIST_MAX);
        if (due[i] && !aim(p, of[i], keys[i], &a, &x[i], &out[i]))
            x[i].url.p = NULL;
    }
    probe_all(x, n, TIMEOUT_MS);
    for (int i = 0; i < n; i++) {
        if (x[i].url.p == NULL) {
            buf_release(&x[i].body);
            continue;
        }
        out[i].error = error_of(&x[i]);
        out[i].healthy = out[i].error == NULL;
        out[i].checked_ms = clock_now_ms();
        if (x[i].end == PROBE_ANSWERED)
            out[i].response_ms = x[i].took_ms;
        if (keys[i].n == 0) {
            (void)pthread_mutex_lock(&p->lock);
            p->of[of[i]].state = out[i];
            p->of[of[i]].at_us = clock_mono_us();
            keep_models(&p->of[of[i]], of[i], &x[i]);
            (void)pthread_mutex_unlock(&p->lock);
        }
        buf_release(&x[i].body);
    }
    arena_release(&a);
}

/* A provider may answer lists while it refuses every key of ours calls. */
static void add_key_health(const struct probes *p, enum provider_id id,
                           struct provider_state *s)
{
    struct keys *k = provider_keys(p->providers, id);
    if (!s->healthy || k == NULL || keys_wait_ms(k, clock_now_ms()) == 0)
        return;
    s->healthy = false;
    s->error = "Every key rests after the provider refused or slowed it";
}

void probes_look(struct probes *p, const enum provider_id *of,
                 const struct slice *keys, int n, int64_t max_age_ms,
                 struct provider_state *out)
{
    bool due[PROBES_MAX] = {false};
    bool asks = false;
    int64_t now = clock_mono_us();
    n = n < PROBES_MAX ? n : PROBES_MAX;
    (void)pthread_mutex_lock(&p->lock);
    for (int i = 0; i < n; i++) {
        const struct known *k = &p->of[of[i]];
        bool own = keys[i].n == 0;
        due[i] = !own || k->at_us == 0 ||
                 (!p->asking && now - k->at_us > max_age_ms * 1000);
        asks |= own && due[i];
        out[i] = k->state;
    }
    p->asking |= asks;
    (void)pthread_mutex_unlock(&p->lock);
    ask(p, of, keys, n, due, out);
    if (asks) {
        (void)pthread_mutex_lock(&p->lock);
        p->asking = false;
        (void)pthread_mutex_unlock(&p->lock);
    }
    for (int i = 0; i < n; i++)
        if (keys[i].n == 0)
            add_key_health(p, of[i], &out[i]);
}

/* ---- models ------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    int c = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);
    return c != 0 ? c : (x->n > y->n) - (x->n < y->n);
}

static void refresh_models(struct probes *p)
{
    enum provider_id of[PROVIDER_COUNT];
    struct slice keys[PROVIDER_COUNT] = {{NULL, 0}};
    struct provider_state out[PROVIDER_COUNT];
    bool due[PROVIDER_COUNT];
    int64_t now = clock_mono_us();
    int n = 0;
    (void)pthread_mutex_lock(&p->lock);
    for (int i = PROVIDER_NONE + 1; i < PROVIDER_COUNT; i++) {
        struct known *k = &p->of[i];
        bool stale = k->models_us == 0 || now - k->models_us > p->models_age_us;
        bool may = k->models_tried_us == 0 ||
                   now - k->models_tried_us > RETRY_MS * INT64_C(1000);
        if (!stale || !may ||
            !provider_configured(p->providers, (enum provider_id)i))
            continue;
        k->models_tried_us = now;
        of[n] = (enum provider_id)i;
        due[n++] = true;
    }
    (void)pthread_mutex_unlock(&p->lock);
    if (n > 0)
        ask(p, of, keys, n, due, out);
}

void probes_models(struct probes *p, struct arena *a, struct slice **names,
                   int *n, int64_t *loaded_ms)
{
    int all = 0, kept = 0;
    refresh_models(p);
    *n = 0;
    *loaded_ms = 0;
    (void)pthread_mutex_lock(&p->lock);
    for (int i = 0; i < PROVIDER_COUNT; i++)
        all += p->of[i].model_count;
    struct slice *list =
        arena_try(a, sizeof *list * (size_t)(all > 0 ? all : 1));
    for (int i = 0; list != NULL && i < PROVIDER_COUNT; i++) {
        const struct known *k = &p->of[i];
        for (int m = 0; m < k->model_count; m++)
            list[kept++] = arena_dup(a, k->models[m]);
        if (k->model_count > 0 && k->models_ms > *loaded_ms)
            *loaded_ms = k->models_ms;
    }
    (void)pthread_mutex_unlock(&p->lock);
    if (kept > 1)
        qsort(list, (size_t)kept, sizeof *list, by_name);
    for (int i = 0; i < kept; i++)
        if (list[i].p != NULL && (*n == 0 || !slice_eq(list[*n - 1], list[i])))
            list[(*n)++] = list[i];
    *names = list;
}

/* catalog.c - snapshots made of shards that are copied when written.
 *
 * Three maps: id -> tenant (owns a reference), name -> id, key hash -> id.
 * Each is 256 shards, a shard is a sorted array counted by reference, and a
 * snapshot is 768 pointers to shards.  A change copies the pointers and the
 * one to three shards it touches.  Names and keys lead to an id and not to a
 * tenant, so that a new version of a tenant replaces one entry however many
 * keys it has.
 *
 * Invariants
 *  I1 a published snapshot and its shards never change;
 *  I2 a shard with one reference belongs to an unpublished snapshot alone and
 *     may be edited in place (bulk loading rests on this);
 *  I3 every key of a tenant in the id map is in the key map, and no other.
 *
 * A reader compares one atomic number; a change is therefore seen by every
 * loop's next catalog_now, which is what "revoked from the next request on"
 * needs.
 */
#include "catalog/catalog.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/crypt.h"
#include "base/mem.h"

#define SHARDS 256

enum map { BY_ID, BY_NAME, BY_KEY, MAPS };

struct entry {
    uint64_t hash;
    int64_t id;
    const struct tenant *t; /* BY_ID only: owned */
};

struct shard {
    _Atomic int refs;
    int n, cap;
    struct entry e[];
};

struct wide {
    _Atomic int refs;
    int n;
    struct budget b[];
};

struct snapshot {
    _Atomic int refs;
    struct shard *shard[MAPS][SHARDS]; /* NULL: empty */
    struct wide *wide;
    struct book *book;
    struct fallbacks *fallbacks[2]; /* configured, the admin's; NULL: none */
    int64_t tenants[TENANT_ORIGINS];
};

struct catalog {
    pthread_mutex_t lock; /* guards now, draft and all swaps */
    struct snapshot *now;
    struct snapshot *draft; /* bulk: edited, not yet published */
    _Atomic uint64_t generation;
    struct env_budget *env;
    int env_count;
};

struct catalog_reader {
    struct catalog *catalog;
    const struct snapshot *now;
    uint64_t generation;
};

/* ---- shards ------------------------------------------------------------- */

static uint64_t hash_id(int64_t id)
{
    uint64_t v = (uint64_t)id * UINT64_C(0x9e3779b97f4a7c15);
    return v ^ (v >> 32) * UINT64_C(0xbf58476d1ce4e5b9);
}

static uint64_t hash_key(const uint8_t *h)
{
    uint64_t v;
    memcpy(&v, h, sizeof v);
    return v;
}

static int shard_of(uint64_t hash)
{
    return (int)(hash >> 56);
}

/* First entry with a hash not below `hash`. */
static int lower(const struct shard *s, uint64_t hash)
{
    int lo = 0, hi = s != NULL ? s->n : 0;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        if (s->e[mid].hash < hash)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void shard_unref(struct shard *s)
{
    if (s == NULL ||
        atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (int i = 0; i < s->n; i++)
        tenant_unref(&s->e[i].t);
    free(s);
}

/* Makes `*slot` ours alone with room for one more (I2). */
static void shard_own(struct shard **slot)
{
    struct shard *old = *slot;
    int n = old != NULL ? old->n : 0;
    bool alone = old != NULL &&
                 atomic_load_explicit(&old->refs, memory_order_acquire) == 1;
    if (alone && n < old->cap)
        return;
    int cap = n + n / 4 + 4;
    struct shard *s = xcalloc(1, sizeof *s + (size_t)cap * sizeof s->e[0]);
    atomic_init(&s->refs, 1);
    s->n = n;
    s->cap = cap;
    if (n > 0)
        memcpy(s->e, old->e, (size_t)n * sizeof s->e[0]);
    for (int i = 0; i < n; i++)
        if (s->e[i].t != NULL)
            tenant_ref(s->e[i].t);
    *slot = s;
    shard_unref(old);
}

static void shard_add(struct snapshot *s, enum map m, struct entry e)
{
    struct shard **slot = &s->shard[m][shard_of(e.hash)];
    shard_own(slot);
    struct shard *sh = *slot;
    int at = lower(sh, e.hash);
    memmove(&sh->e[at + 1], &sh->e[at], (size_t)(sh->n - at) * sizeof sh->e[0]);
    sh->e[at] = e;
    sh->n++;
}

static void shard_drop(struct snapshot *s, enum map m, uint64_t hash,
                       int64_t id)
{
    struct shard **slot = &s->shard[m][shard_of(hash)];
    if (*slot == NULL)
        return;
    shard_own(slot);
    struct shard *sh = *slot;
    for (int i = lower(sh, hash); i < sh->n && sh->e[i].hash == hash; i++) {
        if (sh->e[i].id != id)
            continue;
        tenant_unref(&sh->e[i].t);
        sh->n--;
        memmove(&sh->e[i], &sh->e[i + 1],
                (size_t)(sh->n - i) * sizeof sh->e[0]);
        return;
    }
}

/* ---- snapshots ---------------------------------------------------------- */

static struct snapshot *snapshot_copy(const struct snapshot *old)
{
    struct snapshot *s = xcalloc(1, sizeof *s);
    atomic_init(&s->refs, 1);
    memcpy(s->shard, old->shard, sizeof s->shard);
    memcpy(s->tenants, old->tenants, sizeof s->tenants);
    for (int m = 0; m < MAPS; m++)
        for (int i = 0; i < SHARDS; i++)
            if (s->shard[m][i] != NULL)
                atomic_fetch_add_explicit(&s->shard[m][i]->refs, 1,
                                          memory_order_relaxed);
    s->wide = old->wide;
    if (s->wide != NULL)
        atomic_fetch_add_explicit(&s->wide->refs, 1, memory_order_relaxed);
    s->book = old->book != NULL ? book_ref(old->book) : NULL;
    for (int i = 0; i < 2; i++)
        if (old->fallbacks[i] != NULL)
            s->fallbacks[i] = fallbacks_ref(old->fallbacks[i]);
    return s;
}

static void wide_unref(struct wide *w)
{
    if (w != NULL &&
        atomic_fetch_sub_explicit(&w->refs, 1, memory_order_acq_rel) == 1)
        free(w);
}

static struct snapshot *writable(const struct snapshot *s)
{
    union {
        const struct snapshot *in;
        struct snapshot *out;
    } u = {.in = s};
    return u.out;
}

const struct snapshot *snapshot_ref(const struct snapshot *s)
{
    atomic_fetch_add_explicit(&writable(s)->refs, 1, memory_order_relaxed);
    return s;
}

void snapshot_unref(const struct snapshot **sp)
{
    struct snapshot *s = writable(*sp);
    *sp = NULL;
    if (s == NULL ||
        atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (int m = 0; m < MAPS; m++)
        for (int i = 0; i < SHARDS; i++)
            shard_unref(s->shard[m][i]);
    wide_unref(s->wide);
    if (s->book != NULL)
        book_unref(&s->book);
    for (int i = 0; i < 2; i++)
        fallbacks_unref(&s->fallbacks[i]);
    free(s);
}

const struct tenant *snapshot_tenant(const struct snapshot *s, int64_t id)
{
    uint64_t h = hash_id(id);
    const struct shard *sh = s->shard[BY_ID][shard_of(h)];
    for (int i = lower(sh, h); sh != NULL && i < sh->n && sh->e[i].hash == h;
         i++)
        if (sh->e[i].id == id)
            return sh->e[i].t;
    return NULL;
}

const struct tenant *snapshot_tenant_by_name(const struct snapshot *s,
                                             struct slice name)
{
    uint64_t h = crypt_table_hash(name);
    const struct shard *sh = s->shard[BY_NAME][shard_of(h)];
    for (int i = lower(sh, h); sh != NULL && i < sh->n && sh->e[i].hash == h;
         i++) {
        const struct tenant *t = snapshot_tenant(s, sh->e[i].id);
        if (t != NULL && slice_eq(t->name, name))
            return t;
    }
    return NULL;
}

const struct tenant_key *
snapshot_key(const struct snapshot *s,
             const uint8_t hash[static TENANT_KEY_HASH],
             const struct tenant **tenant)
{
    uint64_t h = hash_key(hash);
    const struct shard *sh = s->shard[BY_KEY][shard_of(h)];
    *tenant = NULL;
    for (int i = lower(sh, h); sh != NULL && i < sh->n && sh->e[i].hash == h;
         i++) {
        const struct tenant *t = snapshot_tenant(s, sh->e[i].id);
        const struct tenant_key *k = t != NULL ? tenant_key(t, hash) : NULL;
        if (k != NULL) {
            *tenant = t;
            return k;
        }
    }
    return NULL;
}

int64_t snapshot_tenants(const struct snapshot *s)
{
    int64_t n = 0;
    for (int i = 0; i < TENANT_ORIGINS; i++)
        n += s->tenants[i];
    return n;
}

int64_t snapshot_tenants_of(const struct snapshot *s, enum tenant_origin o)
{
    return s->tenants[o];
}

struct fallbacks *snapshot_fallbacks(const struct snapshot *s, bool *admin)
{
    bool by_admin = s->fallbacks[1] != NULL;
    if (admin != NULL)
        *admin = by_admin;
    return s->fallbacks[by_admin];
}

struct book *snapshot_book(const struct snapshot *s)
{
    return s->book;
}

const struct budget *snapshot_wide(const struct snapshot *s, int *count)
{
    *count = s->wide != NULL ? s->wide->n : 0;
    return s->wide != NULL ? s->wide->b : NULL;
}

void snapshot_each(const struct snapshot *s,
                   bool (*fn)(void *arg, const struct tenant *t), void *arg)
{
    for (int i = 0; i < SHARDS; i++) {
        const struct shard *sh = s->shard[BY_ID][i];
        for (int j = 0; sh != NULL && j < sh->n; j++)
            if (!fn(arg, sh->e[j].t))
                return;
    }
}

/* ---- scopes of a call --------------------------------------------------- */

static struct event_tag *charged(struct event *e, int64_t id)
{
    for (int i = 0; i < e->tag_count; i++)
        if (e->tags[i].id == id)
            return &e->tags[i];
    return NULL;
}

bool snapshot_tag(const struct tenant *t, struct slice name, struct event *e,
                  int64_t *session_budget)
{
    const struct tenant_tag *tag = tenant_tag(t, name);
    if (tag == NULL || !tag->active)
        return false;
    if (tag->session_budget >= 0 &&
        (*session_budget < 0 || tag->session_budget < *session_budget))
        *session_budget = tag->session_budget;
    for (const struct tenant_tag *up = tag; up != NULL; up = up->parent) {
        struct event_tag *have = charged(e, up->id);
        if (have != NULL) {
            have->direct = have->direct || up == tag;
            continue;
        }
        assert(e->tag_count < EVENT_TAGS_MAX); // TENANT_TAG_DEPTH sees to it
        e->tags[e->tag_count++] =
            (struct event_tag){up->id, up->name, up->path, up == tag};
    }
    return true;
}

/* First budget of the tenant in (scope, object). */
static int first_of(const struct tenant *t, enum budget_scope scope,
                    int64_t object)
{
    int lo = 0, hi = t->budget_count;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        const struct budget *b = &t->budgets[mid];
        if (b->scope < scope || (b->scope == scope && b->object_id < object))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool text_matches(const struct budget *b, const struct budget_query *q)
{
    switch (b->scope) {
    case SCOPE_SESSION:
        return q->session.n > 0 && slice_eq(b->scope_id, q->session);
    case SCOPE_USER:
        return q->user.n > 0 && slice_eq(b->scope_id, q->user);
    case SCOPE_MODEL:
        return budget_model_matches(b->scope_id, q->model);
    case SCOPE_GLOBAL:
    case SCOPE_TENANT:
    case SCOPE_KEY:
    case SCOPE_TAG:
        break;
    }
    return true;
}

static void each_of(const struct budget_query *q, enum budget_scope scope,
                    int64_t object, const struct event_tag *tag,
                    snapshot_budget_fn *fn, void *arg)
{
    const struct tenant *t = q->tenant;
    for (int i = first_of(t, scope, object); i < t->budget_count; i++) {
        const struct budget *b = &t->budgets[i];
        if (b->scope != scope || b->object_id != object)
            return;
        if (tag != NULL && b->direct_only && !tag->direct)
            continue;
        if (text_matches(b, q))
            fn(arg, b, tag != NULL ? tag->name : (struct slice){NULL, 0},
               tag != NULL && !tag->direct);
    }
}

void snapshot_budgets(const struct snapshot *s, const struct budget_query *q,
                      snapshot_budget_fn *fn, void *arg)
{
    if (q->tenant != NULL && q->tenant->budget_count > 0) {
        each_of(q, SCOPE_TENANT, 0, NULL, fn, arg);
        if (q->key_id != 0)
            each_of(q, SCOPE_KEY, q->key_id, NULL, fn, arg);
        each_of(q, SCOPE_SESSION, 0, NULL, fn, arg);
        each_of(q, SCOPE_USER, 0, NULL, fn, arg);
        each_of(q, SCOPE_MODEL, 0, NULL, fn, arg);
        for (int i = 0; i < q->tag_count; i++)
            each_of(q, SCOPE_TAG, q->tags[i].id, &q->tags[i], fn, arg);
    }
    for (int i = 0; s->wide != NULL && i < s->wide->n; i++)
        if (text_matches(&s->wide->b[i], q))
            fn(arg, &s->wide->b[i], (struct slice){NULL, 0}, false);
}

uint64_t snapshot_session_counter(int64_t tenant_id, struct slice session)
{
    uint8_t prev[CRYPT_HASH] = {0}, out[CRYPT_HASH];
    uint64_t h;
    memcpy(prev, &tenant_id, sizeof tenant_id);
    crypt_chain(prev, session, out);
    memcpy(&h, out, sizeof h);
    return (h & ~BUDGET_ENV_BIT) | BUDGET_SESSION_BIT;
}

/* ---- the catalog -------------------------------------------------------- */

struct catalog *catalog_new(const struct env_budget *env, int env_count)
{
    struct catalog *c = xcalloc(1, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    c->now = xcalloc(1, sizeof *c->now);
    atomic_init(&c->now->refs, 1);
    atomic_init(&c->generation, 1);
    c->env_count = env_count;
    c->env = xcalloc((size_t)env_count + 1, sizeof *c->env);
    for (int i = 0; i < env_count; i++) {
        c->env[i] = env[i];
        if (env[i].tenant.n > 0)
            c->env[i].tenant.p = xmemdupz(env[i].tenant.p, env[i].tenant.n);
        else
            c->env[i].tenant = (struct slice){NULL, 0};
    }
    return c;
}

void catalog_free(struct catalog **cp)
{
    struct catalog *c = *cp;
    *cp = NULL;
    if (c == NULL)
        return;
    const struct snapshot *now = c->now, *draft = c->draft;
    snapshot_unref(&now);
    snapshot_unref(&draft);
    for (int i = 0; i < c->env_count; i++) {
        union {
            const char *in;
            char *out;
        } u = {.in = c->env[i].tenant.p};
        free(u.out);
    }
    free(c->env);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

const struct snapshot *catalog_ref(struct catalog *c)
{
    pthread_mutex_lock(&c->lock);
    const struct snapshot *s = snapshot_ref(c->now);
    pthread_mutex_unlock(&c->lock);
    return s;
}

/* Locks and returns the snapshot to edit. */
static struct snapshot *edit_begin(struct catalog *c)
{
    pthread_mutex_lock(&c->lock);
    return c->draft != NULL ? c->draft : snapshot_copy(c->now);
}

static void publish(struct catalog *c, struct snapshot *s)
{
    const struct snapshot *old = c->now;
    c->now = s;
    atomic_fetch_add_explicit(&c->generation, 1, memory_order_release);
    snapshot_unref(&old);
}

/* Publishes (unless in bulk) and unlocks. */
static void edit_end(struct catalog *c, struct snapshot *s)
{
    if (s != c->draft)
        publish(c, s);
    pthread_mutex_unlock(&c->lock);
}

static void take_out(struct snapshot *s, const struct tenant *t)
{
    for (int i = 0; i < t->key_count; i++)
        shard_drop(s, BY_KEY, hash_key(t->keys[i].hash), t->id);
    shard_drop(s, BY_NAME, crypt_table_hash(t->name), t->id);
    s->tenants[t->origin]--;
    shard_drop(s, BY_ID, hash_id(t->id), t->id);
}

/* Replaces `old` by `t`, touching only the names and keys that differ. */
static void replace(struct snapshot *s, const struct tenant *old,
                    const struct tenant *t)
{
    uint64_t h = hash_id(t->id);
    for (int i = 0; i < old->key_count; i++)
        if (tenant_key(t, old->keys[i].hash) == NULL)
            shard_drop(s, BY_KEY, hash_key(old->keys[i].hash), t->id);
    for (int i = 0; i < t->key_count; i++)
        if (tenant_key(old, t->keys[i].hash) == NULL)
            shard_add(s, BY_KEY,
                      (struct entry){hash_key(t->keys[i].hash), t->id, NULL});
    if (!slice_eq(old->name, t->name)) {
        shard_drop(s, BY_NAME, crypt_table_hash(old->name), t->id);
        shard_add(s, BY_NAME,
                  (struct entry){crypt_table_hash(t->name), t->id, NULL});
    }
    s->tenants[old->origin]--;
    s->tenants[t->origin]++;
    shard_drop(s, BY_ID, h, t->id); // frees `old` unless it is held elsewhere
    shard_add(s, BY_ID, (struct entry){h, t->id, t});
}

static bool clashes(const struct snapshot *s, const struct tenant *t)
{
    const struct tenant *o = snapshot_tenant_by_name(s, t->name);
    if (o != NULL && o->id != t->id)
        return true;
    for (int i = 0; i < t->key_count; i++)
        if (snapshot_key(s, t->keys[i].hash, &o) != NULL && o->id != t->id)
            return true;
    return false;
}

enum status catalog_put_take(struct catalog *c, const struct tenant *t,
                             struct err *err)
{
    struct snapshot *s = edit_begin(c);
    enum status st = OK;
    if (clashes(s, t)) {
        st = err_set(err, E_EXISTS, "catalog", "name or key of another");
        tenant_unref(&t);
    } else {
        const struct tenant *old = snapshot_tenant(s, t->id);
        if (old != NULL) {
            replace(s, old, t);
        } else {
            for (int i = 0; i < t->key_count; i++)
                shard_add(
                    s, BY_KEY,
                    (struct entry){hash_key(t->keys[i].hash), t->id, NULL});
            shard_add(s, BY_NAME,
                      (struct entry){crypt_table_hash(t->name), t->id, NULL});
            s->tenants[t->origin]++;
            shard_add(s, BY_ID, (struct entry){hash_id(t->id), t->id, t});
        }
    }
    edit_end(c, s);
    return st;
}

void catalog_remove(struct catalog *c, int64_t tenant_id)
{
    struct snapshot *s = edit_begin(c);
    const struct tenant *t = snapshot_tenant(s, tenant_id);
    if (t != NULL) {
        tenant_ref(t);
        take_out(s, t);
        tenant_unref(&t);
    }
    edit_end(c, s);
}

void catalog_set_wide(struct catalog *c, const struct budget *b, int n)
{
    size_t text = 0;
    for (int i = 0; i < n; i++)
        text += b[i].scope_id.n;
    struct wide *w = xcalloc(1, sizeof *w + (size_t)n * sizeof w->b[0] + text);
    char *at = (char *)&w->b[n];
    atomic_init(&w->refs, 1);
    for (int i = 0; i < n; i++) {
        if (!b[i].active)
            continue;
        struct budget *o = &w->b[w->n++];
        *o = b[i];
        o->scope_id.p = at;
        if (o->scope_id.n > 0)
            memcpy(at, b[i].scope_id.p, o->scope_id.n);
        at += o->scope_id.n;
    }
    struct snapshot *s = edit_begin(c);
    wide_unref(s->wide);
    s->wide = w;
    edit_end(c, s);
}

void catalog_set_book_take(struct catalog *c, struct book *b)
{
    struct snapshot *s = edit_begin(c);
    if (s->book != NULL)
        book_unref(&s->book);
    s->book = b;
    edit_end(c, s);
}

void catalog_set_fallbacks_take(struct catalog *c, bool admin,
                                struct fallbacks *f)
{
    struct snapshot *s = edit_begin(c);
    fallbacks_unref(&s->fallbacks[admin]);
    s->fallbacks[admin] = f;
    edit_end(c, s);
}

const struct env_budget *catalog_env(const struct catalog *c, int *count)
{
    *count = c->env_count;
    return c->env;
}

void catalog_bulk_begin(struct catalog *c)
{
    pthread_mutex_lock(&c->lock);
    assert(c->draft == NULL);
    c->draft = snapshot_copy(c->now);
    pthread_mutex_unlock(&c->lock);
}

void catalog_bulk_end(struct catalog *c)
{
    pthread_mutex_lock(&c->lock);
    assert(c->draft != NULL);
    publish(c, c->draft);
    c->draft = NULL;
    pthread_mutex_unlock(&c->lock);
}

/* ---- readers ------------------------------------------------------------ */

struct catalog_reader *catalog_reader_new(struct catalog *c)
{
    struct catalog_reader *r = xcalloc(1, sizeof *r);
    r->catalog = c;
    (void)catalog_now(r);
    return r;
}

void catalog_reader_free(struct catalog_reader **r)
{
    if (*r == NULL)
        return;
    snapshot_unref(&(*r)->now);
    free(*r);
    *r = NULL;
}

const struct snapshot *catalog_now(struct catalog_reader *r)
{
    struct catalog *c = r->catalog;
    uint64_t g = atomic_load_explicit(&c->generation, memory_order_acquire);
    if (g == r->generation)
        return r->now;
    snapshot_unref(&r->now);
    pthread_mutex_lock(&c->lock);
    r->now = snapshot_ref(c->now);
    r->generation = atomic_load_explicit(&c->generation, memory_order_relaxed);
    pthread_mutex_unlock(&c->lock);
    return r->now;
}

uint64_t catalog_generation(const struct catalog_reader *r)
{
    return r->generation;
}

/* tenant.c - see tenant.h.
 *
 * A node is one block of memory: the struct, its arrays and the bytes of its
 * names, so that building costs one allocation and freeing one call.
 */
#include "catalog/tenant.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/mem.h"

struct node {
    struct tenant t; /* first: a tenant pointer is its node's */
    _Atomic int refs;
};

/* ---- placing ------------------------------------------------------------ */

struct placer {
    char *at, *end;
};

static void *place(struct placer *p, size_t n)
{
    size_t up = (n + 15) & ~(size_t)15;
    assert((size_t)(p->end - p->at) >= up);
    void *r = p->at;
    p->at += up;
    return r;
}

static struct slice place_text(struct placer *p, struct slice s)
{
    assert((size_t)(p->end - p->at) >= s.n);
    if (s.n > 0)
        memcpy(p->at, s.p, s.n);
    struct slice r = {p->at, s.n};
    p->at += s.n;
    return r;
}

static size_t room(const struct tenant_draft *d)
{
    size_t budgets = (size_t)d->budget_count + (size_t)d->env_count;
    size_t n = sizeof(struct node) + 64 + d->plain.name.n +
               (size_t)d->key_count * sizeof(struct tenant_key) +
               (size_t)d->tag_count * sizeof(struct tenant_tag) +
               budgets * sizeof(struct budget);
    for (int i = 0; i < d->key_count; i++)
        n += d->keys[i].name.n;
    for (int i = 0; i < d->tag_count; i++)
        n += d->tags[i].name.n + d->tags[i].path.n;
    for (int i = 0; i < d->budget_count; i++)
        n += d->budgets[i].scope_id.n;
    return n;
}

/* ---- order -------------------------------------------------------------- */

static int by_hash(const void *a, const void *b)
{
    const struct tenant_key *x = a, *y = b;
    return memcmp(x->hash, y->hash, TENANT_KEY_HASH);
}

static int text_cmp(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int r = n > 0 ? memcmp(a.p, b.p, n) : 0;
    return r != 0 ? r : (a.n > b.n) - (a.n < b.n);
}

static int by_name(const void *a, const void *b)
{
    const struct tenant_tag *x = a, *y = b;
    return text_cmp(x->name, y->name);
}

static int by_scope(const void *a, const void *b)
{
    const struct budget *x = a, *y = b;
    if (x->scope != y->scope)
        return x->scope < y->scope ? -1 : 1;
    if (x->object_id != y->object_id)
        return x->object_id < y->object_id ? -1 : 1;
    int r = text_cmp(x->scope_id, y->scope_id);
    return r != 0 ? r : (x->id > y->id) - (x->id < y->id);
}

static void sort(void *p, int n, size_t size,
                 int (*cmp)(const void *, const void *))
{
    if (n > 1)
        qsort(p, (size_t)n, size, cmp);
}

/* ---- environment budgets ------------------------------------------------ */

static bool env_is_for(const struct env_budget *e, struct slice tenant)
{
    char name[TENANT_NAME_MAX];
    if (e->tenant.n == 0)
        return true;
    size_t n = budget_env_name(tenant, name, sizeof name);
    return slice_eq(e->tenant, slice(name, n));
}

static bool stored(const struct tenant_draft *d, const struct env_budget *e)
{
    for (int i = 0; i < d->budget_count; i++) {
        const struct budget *b = &d->budgets[i];
        if (b->active && b->scope == SCOPE_TENANT && b->period == e->period &&
            b->rolling_ms == e->rolling_ms)
            return true;
    }
    return false;
}

/* O(n^2), n = a handful of variables. */
static bool outranked(const struct tenant_draft *d, const struct env_budget *e)
{
    for (int i = 0; i < d->env_count; i++) {
        const struct env_budget *o = &d->env[i];
        if (o != e && o->period == e->period &&
            o->rolling_ms == e->rolling_ms &&
            (o->rank > e->rank || (o->rank == e->rank && o < e)) &&
            env_is_for(o, d->plain.name))
            return true;
    }
    return false;
}

static int add_env(const struct tenant_draft *d, struct budget *out)
{
    int n = 0;
    for (int i = 0; i < d->env_count; i++) {
        const struct env_budget *e = &d->env[i];
        if (!env_is_for(e, d->plain.name) || stored(d, e) || outranked(d, e))
            continue;
        out[n++] = (struct budget){
            .id = budget_env_id(d->plain.id, e->period, e->rolling_ms),
            .scope = SCOPE_TENANT,
            .tenant_id = d->plain.id,
            .period = e->period,
            .rolling_ms = e->rolling_ms,
            .start_ms = e->start_ms,
            .end_ms = e->end_ms,
            .amount = e->amount,
            .active = true,
            .threshold_count = BUDGET_NO_OWN};
    }
    return n;
}

/* ---- building ----------------------------------------------------------- */

/* O(n^2) without an index would hurt at 10,000 tags: parents are found by a
 * sorted array of ids. */
struct by_id {
    int64_t id;
    struct tenant_tag *tag;
};

static int id_cmp(const void *a, const void *b)
{
    const struct by_id *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static enum status link_tags(struct tenant_tag *tags, int n, struct err *err)
{
    if (n == 0)
        return OK;
    struct by_id *ids = try_malloc((size_t)n * sizeof *ids);
    enum status st = OK;
    if (ids == NULL)
        return err_set(err, E_NOMEM, "catalog", "no memory for tags");
    for (int i = 0; i < n; i++)
        ids[i] = (struct by_id){tags[i].id, &tags[i]};
    sort(ids, n, sizeof *ids, id_cmp);
    for (int i = 0; i < n && st == OK; i++) {
        if (tags[i].parent_id == 0)
            continue;
        struct by_id key = {tags[i].parent_id, NULL};
        struct by_id *hit = bsearch(&key, ids, (size_t)n, sizeof *ids, id_cmp);
        if (hit == NULL)
            st = err_set(err, E_INVALID, "catalog", "tag without its parent");
        else
            tags[i].parent = hit->tag;
    }
    for (int i = 0; i < n && st == OK; i++) {
        int depth = 0;
        for (const struct tenant_tag *t = &tags[i]; t != NULL; t = t->parent)
            if (++depth > TENANT_TAG_DEPTH) {
                st = err_set(err, E_INVALID, "catalog", "tags too deep");
                break;
            }
    }
    free(ids);
    return st;
}

enum status tenant_build(const struct tenant_draft *d,
                         const struct tenant **out, struct err *err)
{
    size_t n = room(d);
    char *block = try_malloc(n);
    if (block == NULL)
        return err_set(err, E_NOMEM, "catalog", "no memory for a tenant");
    struct placer p = {block, block + n};
    struct node *node = place(&p, sizeof *node);
    struct tenant_key *keys = place(&p, (size_t)d->key_count * sizeof *keys);
    struct tenant_tag *tags = place(&p, (size_t)d->tag_count * sizeof *tags);
    struct budget *budgets = place(
        &p, ((size_t)d->budget_count + (size_t)d->env_count) * sizeof *budgets);
    memset(node, 0, sizeof *node);
    node->t = d->plain;
    node->t.name = place_text(&p, d->plain.name);
    for (int i = 0; i < d->key_count; i++) {
        keys[i] = d->keys[i];
        keys[i].name = place_text(&p, d->keys[i].name);
    }
    for (int i = 0; i < d->tag_count; i++) {
        tags[i] = d->tags[i];
        tags[i].parent = NULL;
        tags[i].name = place_text(&p, d->tags[i].name);
        tags[i].path = place_text(&p, d->tags[i].path);
    }
    int count = 0;
    for (int i = 0; i < d->budget_count; i++)
        if (d->budgets[i].active) {
            budgets[count] = d->budgets[i];
            budgets[count++].scope_id = place_text(&p, d->budgets[i].scope_id);
        }
    count += add_env(d, budgets + count);
    sort(keys, d->key_count, sizeof *keys, by_hash);
    sort(tags, d->tag_count, sizeof *tags, by_name);
    sort(budgets, count, sizeof *budgets, by_scope);
    enum status st = link_tags(tags, d->tag_count, err);
    if (st != OK) {
        free(block);
        return st;
    }
    node->t.keys = keys;
    node->t.key_count = d->key_count;
    node->t.tags = tags;
    node->t.tag_count = d->tag_count;
    node->t.caps_sessions = false;
    for (int i = 0; i < d->tag_count; i++)
        if (tags[i].session_budget >= 0)
            node->t.caps_sessions = true;
    node->t.budgets = budgets;
    node->t.budget_count = count;
    atomic_init(&node->refs, 1);
    *out = &node->t;
    return OK;
}

/* The node behind a tenant.  Only its reference count is ever written. */
static struct node *node_of(const struct tenant *t)
{
    union {
        const struct tenant *in;
        struct node *out;
    } u = {.in = t};
    return u.out;
}

const struct tenant *tenant_ref(const struct tenant *t)
{
    atomic_fetch_add_explicit(&node_of(t)->refs, 1, memory_order_relaxed);
    return t;
}

void tenant_unref(const struct tenant **t)
{
    const struct tenant *was = *t;
    *t = NULL;
    if (was == NULL)
        return;
    struct node *n = node_of(was);
    if (atomic_fetch_sub_explicit(&n->refs, 1, memory_order_acq_rel) == 1)
        free(n);
}

/* ---- look-ups ----------------------------------------------------------- */

const struct tenant_key *tenant_key(const struct tenant *t,
                                    const uint8_t hash[static TENANT_KEY_HASH])
{
    int lo = 0, hi = t->key_count;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        int r = memcmp(t->keys[mid].hash, hash, TENANT_KEY_HASH);
        if (r == 0)
            return &t->keys[mid];
        if (r < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

const struct tenant_key *tenant_key_id(const struct tenant *t, int64_t id)
{
    for (int i = 0; i < t->key_count; i++)
        if (t->keys[i].id == id)
            return &t->keys[i];
    return NULL;
}

const struct tenant_tag *tenant_tag(const struct tenant *t, struct slice name)
{
    int lo = 0, hi = t->tag_count;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        int r = text_cmp(t->tags[mid].name, name);
        if (r == 0)
            return &t->tags[mid];
        if (r < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

const struct tenant_tag *tenant_tag_id(const struct tenant *t, int64_t id)
{
    for (int i = 0; i < t->tag_count; i++)
        if (t->tags[i].id == id)
            return &t->tags[i];
    return NULL;
}

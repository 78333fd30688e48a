/* fallbacks.c - see fallbacks.h.  A list sorted by model, names in its arena.
 */
#include "catalog/fallbacks.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"

#define ARENA (8u << 20) /* names of FALLBACKS_MAX full chains, or a tree */
#define SHOWN 60         /* bytes of a name in an error */

struct chain {
    struct slice model, names[FALLBACKS_EACH];
    int n;
};

struct fallbacks {
    _Atomic int refs;
    struct arena arena;
    int count;
    struct chain *chain; /* by model */
};

static int name_cmp(struct slice a, struct slice b)
{
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

static int chain_cmp(const void *a, const void *b)
{
    const struct chain *x = a, *y = b;
    return name_cmp(x->model, y->model);
}

/* A copy of a name; .p NULL: it is none. */
static struct slice name_of(struct fallbacks *f, struct slice s)
{
    if (s.n == 0 || s.n > FALLBACKS_NAME || s.p == NULL ||
        memchr(s.p, '\0', s.n) != NULL)
        return slice(NULL, 0);
    return arena_dup(&f->arena, s);
}

static bool take_chain(struct fallbacks *f, const struct json *v)
{
    struct chain *c = &f->chain[f->count];
    *c = (struct chain){.model = name_of(f, v->key)};
    if (c->model.p == NULL || v->type != JSON_ARRAY || v->count < 1 ||
        v->count > FALLBACKS_EACH)
        return false;
    for (const struct json *m = v->child; m != NULL; m = m->next) {
        if (m->type != JSON_STRING)
            return false;
        c->names[c->n] = name_of(f, m->text);
        if (c->names[c->n++].p == NULL)
            return false;
    }
    f->count++;
    return true;
}

static enum status complain(struct slice name, const char *what,
                            struct err *err)
{
    return err_set(err, E_INVALID, "fallbacks", "\"%.*s\" %s",
                   name.n > SHOWN ? SHOWN : (int)name.n,
                   name.p != NULL ? name.p : "", what);
}

static enum status take(struct fallbacks *f, const struct json *root,
                        struct err *err)
{
    if (root->type != JSON_OBJECT || root->count > FALLBACKS_MAX)
        return err_set(err, E_INVALID, "fallbacks",
                       "must be an object of at most %d lists", FALLBACKS_MAX);
    f->chain = xcalloc((size_t)root->count + 1, sizeof *f->chain);
    for (const struct json *m = root->child; m != NULL; m = m->next)
        if (!take_chain(f, m))
            return complain(m->key, "must be a list of 1 to 4 model names",
                            err);
    qsort(f->chain, (size_t)f->count, sizeof *f->chain, chain_cmp);
    for (int i = 1; i < f->count; i++)
        if (slice_eq(f->chain[i - 1].model, f->chain[i].model))
            return complain(f->chain[i].model, "must not be named twice", err);
    return OK;
}

enum status fallbacks_from(const struct json *root, struct fallbacks **out,
                           struct err *err)
{
    struct fallbacks *f = xcalloc(1, sizeof *f);
    enum status st = OK;
    atomic_init(&f->refs, 1);
    arena_init(&f->arena, ARENA);
    if (root != NULL)
        st = take(f, root, err);
    if (st != OK)
        fallbacks_unref(&f);
    *out = f;
    return st;
}

enum status fallbacks_read(struct slice text, struct fallbacks **out,
                           struct err *err)
{
    struct arena a;
    struct json *root = NULL;
    enum status st = OK;
    *out = NULL;
    arena_init(&a, ARENA);
    if (text.n > 0 && json_parse(&a, text, &root, err) != OK)
        st = err_set(err, E_INVALID, "fallbacks", "must be JSON");
    if (st == OK)
        st = fallbacks_from(root, out, err);
    arena_release(&a);
    return st;
}

struct fallbacks *fallbacks_ref(struct fallbacks *f)
{
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

void fallbacks_unref(struct fallbacks **fp)
{
    struct fallbacks *f = *fp;
    *fp = NULL;
    if (f == NULL ||
        atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
        return;
    arena_release(&f->arena);
    free(f->chain);
    free(f);
}

int fallbacks_of(const struct fallbacks *f, struct slice model,
                 struct slice out[static FALLBACKS_EACH])
{
    int from = 0, to = f != NULL && model.n > 0 ? f->count : 0;
    while (from < to) {
        int mid = from + (to - from) / 2;
        int c = name_cmp(model, f->chain[mid].model);
        if (c == 0) {
            memcpy(out, f->chain[mid].names, sizeof f->chain[mid].names);
            return f->chain[mid].n;
        }
        if (c < 0)
            to = mid;
        else
            from = mid + 1;
    }
    return 0;
}

int fallbacks_count(const struct fallbacks *f)
{
    return f != NULL ? f->count : 0;
}

void fallbacks_write(const struct fallbacks *f, struct json_out *o)
{
    json_obj(o);
    for (int i = 0; i < fallbacks_count(f); i++) {
        json_key_slice(o, f->chain[i].model);
        json_arr(o);
        for (int k = 0; k < f->chain[i].n; k++)
            json_str(o, f->chain[i].names[k]);
        json_arr_end(o);
    }
    json_obj_end(o);
}

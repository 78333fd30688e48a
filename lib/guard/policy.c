/* policy.c - see policy.h.
 *
 * One mutex guards the pointer in force; readers look at a generation and
 * take it only when that has moved, so a change is seen by every loop's next
 * request and costs the others one atomic load.
 */
#include "guard/policy.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypt.h"
#include "base/mem.h"

#define PATH_MAX_BYTES 1024
#define QUERY_VERDICT                                       \
    "[[x | x := data.budgetguard.policy.allow], [x | x := " \
    "data.budgetguard.policy.deny]]"
#define QUERY_REASON "data.budgetguard.policy.reason"

__asm__(".section .rodata\n"
        "guard_policy_default:\n"
        ".incbin \"policy/default.rego\"\n"
        "guard_policy_default_end:\n"
        ".previous\n");
extern const char guard_policy_default[] __attribute__((visibility("hidden")));
extern const char guard_policy_default_end[]
    __attribute__((visibility("hidden")));

struct policies {
    pthread_mutex_t lock; /* guards now, fault and reloading */
    const struct policy *now;
    struct policy_fault fault;
    _Atomic uint64_t generation;
    enum policy_dialect dialect;
    char path[PATH_MAX_BYTES];
};

/* ---- faults ------------------------------------------------------------- */

static void fault_of(struct policy_fault *f, const struct rego_error *e)
{
    *f = (struct policy_fault){.is_set = true, .row = e->row, .col = e->col};
    (void)snprintf(f->file, sizeof f->file, "%.*s", SLICE_FMT(e->file));
    (void)snprintf(f->text, sizeof f->text, "%s: %.*s", e->code,
                   SLICE_FMT(e->message));
}

/* ---- compiling ---------------------------------------------------------- */

static void policy_destroy(struct policy *p)
{
    rego_query_free(&p->verdict);
    rego_query_free(&p->reason);
    rego_policy_free(&p->rego);
    arena_release(&p->arena);
    free(p);
}

static bool compile_as(struct policy *p, const struct source *s,
                       enum rego_dialect dialect, struct policy_fault *fault)
{
    struct arena errs;
    struct rego_error *e = NULL;
    arena_init(&errs, 16u << 20);
    p->dialect = dialect;
    p->rego = rego_compile(s->modules, (size_t)s->module_count, dialect,
                           &s->data, &errs, &e);
    if (p->rego != NULL)
        p->verdict = rego_prepare(p->rego, SLICE(QUERY_VERDICT), &errs, &e);
    if (p->verdict != NULL)
        p->reason = rego_prepare(p->rego, SLICE(QUERY_REASON), &errs, &e);
    bool ok = p->reason != NULL;
    if (!ok) {
        *fault = (struct policy_fault){.is_set = true, .text = "out of memory"};
        if (e != NULL)
            fault_of(fault, e);
        rego_query_free(&p->verdict);
        rego_policy_free(&p->rego);
    }
    arena_release(&errs);
    return ok;
}

static struct policy *compile(struct source *s, enum policy_dialect dialect)
{
    struct policy *p = xcalloc(1, sizeof *p);
    struct policy_fault other;
    arena_init(&p->arena, 1u << 20);
    p->refs = 1;
    p->loaded_ms = clock_now_ms();
    crypt_hex(s->hash, sizeof s->hash, p->hash);
    bool ok = dialect != POLICY_V0 && compile_as(p, s, REGO_V1, s->fault);
    if (!ok && dialect != POLICY_V1)
        ok =
            compile_as(p, s, REGO_V0, dialect == POLICY_V0 ? s->fault : &other);
    if (ok && s->file_count > 0) {
        p->files =
            arena_alloc(&p->arena, (size_t)s->file_count * sizeof *p->files);
        for (int i = 0; i < s->file_count; i++)
            p->files[i] = arena_dup(&p->arena, s->files[i]);
        p->file_count = s->file_count;
    }
    if (ok) {
        *s->fault = (struct policy_fault){0};
        return p;
    }
    policy_destroy(p);
    return NULL;
}

struct slice policy_embedded_text(void)
{
    return slice(guard_policy_default,
                 (size_t)(guard_policy_default_end - guard_policy_default));
}

static struct policy *load(const char *path, enum policy_dialect dialect,
                           struct policy_fault *fault)
{
    struct source *s = xcalloc(1, sizeof *s);
    struct policy *p = NULL;
    bool embedded = path[0] == '\0', ok = true;
    source_init(s, fault);
    if (embedded)
        source_text(s, SLICE("default.rego"), policy_embedded_text());
    else
        ok = source_read(s, path);
    if (ok)
        p = compile(s, embedded ? POLICY_V1 : dialect);
    if (p != NULL)
        p->embedded = embedded;
    source_release(s);
    free(s);
    return p;
}

const struct policy *policy_from_path(const char *path,
                                      enum policy_dialect dialect,
                                      struct policy_fault *fault)
{
    return load(path, dialect, fault);
}

const struct policy *policy_from_text(struct slice text,
                                      enum policy_dialect dialect,
                                      struct policy_fault *fault)
{
    struct source *s = xcalloc(1, sizeof *s);
    source_init(s, fault);
    source_text(s, SLICE("policy.rego"), text);
    struct policy *p = compile(s, dialect);
    source_release(s);
    free(s);
    return p;
}

bool policy_dialect_parse(struct slice s, enum policy_dialect *out)
{
    if (slice_is(s, "auto"))
        *out = POLICY_AUTO;
    else if (slice_is(s, "v0"))
        *out = POLICY_V0;
    else if (slice_is(s, "v1"))
        *out = POLICY_V1;
    else
        return false;
    return true;
}

/* ---- in force ----------------------------------------------------------- */

enum status policies_open(const char *path, enum policy_dialect dialect,
                          struct policies **out, struct err *err)
{
    struct policies *p = xcalloc(1, sizeof *p);
    struct policy_fault f;
    if (strlen(path) >= sizeof p->path) {
        free(p);
        return err_set(err, E_INVALID, "policy", "OPA_POLICY_PATH is too long");
    }
    memcpy(p->path, path, strlen(path) + 1);
    p->dialect = dialect;
    p->now = load(path, dialect, &f);
    if (p->now == NULL) {
        free(p);
        return f.row > 0 ? err_set(err, E_INVALID, "policy",
                                   "OPA_POLICY_PATH: %s:%u:%u: %s", f.file,
                                   f.row, f.col, f.text)
                         : err_set(err, E_INVALID, "policy",
                                   "OPA_POLICY_PATH: %s: %s", f.file, f.text);
    }
    (void)pthread_mutex_init(&p->lock, NULL);
    p->generation = 1;
    *out = p;
    return OK;
}

void policies_free(struct policies **pp)
{
    struct policies *p = *pp;
    if (p == NULL)
        return;
    policy_unref(&p->now);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
    *pp = NULL;
}

bool policies_reload(struct policies *p)
{
    struct policy_fault f = {0};
    const struct policy *fresh, *old;
    pthread_mutex_lock(&p->lock);
    fresh = load(p->path, p->dialect, &f);
    p->fault = f;
    old = fresh;
    if (fresh != NULL && strcmp(fresh->hash, p->now->hash) != 0) {
        old = p->now;
        p->now = fresh;
        atomic_fetch_add_explicit(&p->generation, 1, memory_order_release);
    }
    pthread_mutex_unlock(&p->lock);
    policy_unref(&old);
    return fresh != NULL;
}

void policies_fault(struct policies *p, struct policy_fault *out)
{
    pthread_mutex_lock(&p->lock);
    *out = p->fault;
    pthread_mutex_unlock(&p->lock);
}

const char *policies_path(const struct policies *p)
{
    return p->path;
}

static const struct policy *ref(const struct policy *p)
{
    atomic_fetch_add_explicit(&((struct policy *)(uintptr_t)p)->refs, 1,
                              memory_order_relaxed);
    return p;
}

const struct policy *policies_ref(struct policies *p)
{
    pthread_mutex_lock(&p->lock);
    const struct policy *now = ref(p->now);
    pthread_mutex_unlock(&p->lock);
    return now;
}

void policy_unref(const struct policy **pp)
{
    struct policy *p = (struct policy *)(uintptr_t)*pp;
    *pp = NULL;
    if (p != NULL &&
        atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1)
        policy_destroy(p);
}

void policy_reader_init(struct policy_reader *r, struct policies *p)
{
    *r = (struct policy_reader){.of = p};
    (void)policy_now(r);
}

void policy_reader_release(struct policy_reader *r)
{
    policy_unref(&r->now);
}

const struct policy *policy_now(struct policy_reader *r)
{
    struct policies *p = r->of;
    uint64_t g = atomic_load_explicit(&p->generation, memory_order_acquire);
    if (g == r->generation)
        return r->now;
    policy_unref(&r->now);
    pthread_mutex_lock(&p->lock);
    r->now = ref(p->now);
    r->generation = atomic_load_explicit(&p->generation, memory_order_relaxed);
    pthread_mutex_unlock(&p->lock);
    return r->now;
}

/* policy.c - see policy.h.
 *
 * One mutex guards the pointer in force; readers look at a generation and
 * take it only when that has moved, so a change is seen by every loop's next
 * request and costs the others one atomic load.
 */
#include "guard/policy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/mem.h"

#define PATH_MAX_BYTES 1024
#define QUERY_VERDICT                                      \
    "[[x | x := data.budgetguard.policy.allow], [x | x := " \
    "data.budgetguard.policy.deny]]"
#define QUERY_REASON "data.budgetguard.policy.reason"

__asm__(".section .rodata\n"
        "guard_policy_default:\n"
        ".incbin \"policy/default.rego\"\n"
        "guard_policy_default_end:\n"
        ".previous\n");
extern const char guard_policy_default[]
    __attribute__((visibility("hidden")));
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

/* What was read, before it is compiled. */
struct source {
    struct arena arena;
    struct rego_module modules[POLICY_FILES_MAX];
    int module_count;
    struct slice files[POLICY_FILES_MAX];
    int file_count;
    struct value data; /* V_UNDEF: none */
    size_t bytes;
    uint8_t hash[CRYPT_HASH];
    struct policy_fault *fault;
};

/* ---- faults -------------------------------------------------------------------- */

PRINTF_LIKE(3, 4)
static bool fail(struct source *s, const char *file, const char *fmt, ...)
{
    va_list ap;
    struct policy_fault *f = s->fault;
    *f = (struct policy_fault){.is_set = true};
    (void)snprintf(f->file, sizeof f->file, "%s", file);
    va_start(ap, fmt);
    (void)vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
    return false;
}

static void fault_of(struct policy_fault *f, const struct rego_error *e)
{
    *f = (struct policy_fault){.is_set = true, .row = e->row, .col = e->col};
    (void)snprintf(f->file, sizeof f->file, "%.*s", SLICE_FMT(e->file));
    (void)snprintf(f->text, sizeof f->text, "%s: %.*s", e->code,
                   SLICE_FMT(e->message));
}

/* ---- reading -------------------------------------------------------------------- */

static void source_init(struct source *s, struct policy_fault *fault)
{
    *s = (struct source){.fault = fault, .data = value_undef()};
    arena_init(&s->arena, 4 * POLICY_BYTES_MAX);
}

static bool ends_with(struct slice s, const char *tail)
{
    size_t n = strlen(tail);
    return s.n >= n && memcmp(s.p + s.n - n, tail, n) == 0;
}

/* The text of a file, within what is left of the allowance. */
static bool slurp(struct source *s, const char *path, struct slice *out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return fail(s, path, "cannot be read: %s", strerror(errno));
    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ||
        (uint64_t)st.st_size > POLICY_BYTES_MAX - s->bytes) {
        (void)close(fd);
        return fail(s, path, "is no file, or too large");
    }
    size_t want = (size_t)st.st_size, n = 0;
    char *p = arena_try(&s->arena, want + 1);
    while (p != NULL && n < want) {
        ssize_t got = read(fd, p + n, want - n);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    (void)close(fd);
    if (p == NULL || n < want)
        return fail(s, path, "cannot be read whole");
    s->bytes += n;
    *out = slice(p, n);
    crypt_chain(s->hash, *out, s->hash);
    return true;
}

/* Members of b over a; the same key twice is a fault unless both are
 * objects. */
static bool merge(struct source *s, const char *path, struct value *a,
                  const struct value *b, int depth)
{
    struct value_list l;
    value_list_init(&l, &s->arena);
    for (uint32_t i = 0; i < a->n; i++) {
        const struct value *key = &a->u.v[2 * i];
        struct value mine = a->u.v[2 * i + 1];
        const struct value *other = value_get(b, key);
        if (other != NULL) {
            if (mine.kind != V_OBJECT || other->kind != V_OBJECT ||
                depth > VALUE_DEPTH_MAX)
                return fail(s, path, "data given twice: %.*s",
                            SLICE_FMT(value_slice(key)));
            if (!merge(s, path, &mine, other, depth + 1))
                return false;
        }
        value_list_add(&l, *key);
        value_list_add(&l, mine);
    }
    for (uint32_t i = 0; i < b->n; i++)
        if (value_get(a, &b->u.v[2 * i]) == NULL) {
            value_list_add(&l, b->u.v[2 * i]);
            value_list_add(&l, b->u.v[2 * i + 1]);
        }
    *a = value_list_object(&l);
    return a->kind == V_OBJECT || fail(s, path, "is too large");
}

static bool add_data(struct source *s, const char *path, struct slice text)
{
    struct value v;
    struct err err;
    if (value_parse_json(&s->arena, text, &v, &err) != OK)
        return fail(s, path, "%s", err.text);
    if (v.kind != V_OBJECT)
        return fail(s, path, "data must be an object");
    if (s->data.kind == V_UNDEF) {
        s->data = v;
        return true;
    }
    return merge(s, path, &s->data, &v, 0);
}

static bool add_file(struct source *s, const char *path)
{
    struct slice name = slice_str(path), text;
    if (ends_with(name, ".wasm"))
        return fail(s, path, "compiled policies are not read: give the .rego");
    if (s->file_count == POLICY_FILES_MAX)
        return fail(s, path, "more than %d files", POLICY_FILES_MAX);
    if (!slurp(s, path, &text))
        return false;
    struct slice kept = arena_dup(&s->arena, name);
    if (kept.p == NULL)
        return fail(s, path, "out of memory");
    s->files[s->file_count++] = kept;
    if (ends_with(name, ".json"))
        return add_data(s, path, text);
    s->modules[s->module_count++] = (struct rego_module){kept, text};
    return true;
}

static int wanted(const struct dirent *e)
{
    struct slice n = slice_str(e->d_name);
    return n.n > 0 && n.p[0] != '.' &&
           (ends_with(n, ".rego") || ends_with(n, ".json"));
}

/* The files of a folder in the order of their names. */
static bool add_folder(struct source *s, const char *dir)
{
    struct dirent **list;
    bool ok = true;
    int n = scandir(dir, &list, wanted, alphasort);
    if (n == -1)
        return fail(s, dir, "cannot be read: %s", strerror(errno));
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX_BYTES];
        int len = snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
        if (ok)
            ok = len > 0 && (size_t)len < sizeof path
                     ? add_file(s, path)
                     : fail(s, dir, "a name is too long");
        free(list[i]);
    }
    free(list);
    if (ok && s->module_count == 0)
        return fail(s, dir, "holds no .rego file");
    return ok;
}

static bool read_path(struct source *s, const char *path)
{
    struct stat st;
    if (stat(path, &st) == -1)
        return fail(s, path, "cannot be read: %s", strerror(errno));
    return S_ISDIR(st.st_mode) ? add_folder(s, path) : add_file(s, path);
}

static void read_text(struct source *s, struct slice name, struct slice text)
{
    s->modules[s->module_count++] = (struct rego_module){name, text};
    crypt_chain(s->hash, text, s->hash);
}

/* ---- compiling ------------------------------------------------------------------ */

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
        ok = compile_as(p, s, REGO_V0,
                        dialect == POLICY_V0 ? s->fault : &other);
    if (ok && s->file_count > 0) {
        p->files = arena_alloc(&p->arena,
                               (size_t)s->file_count * sizeof *p->files);
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

static struct policy *load(const char *path, enum policy_dialect dialect,
                           struct policy_fault *fault)
{
    struct source *s = xcalloc(1, sizeof *s);
    struct policy *p = NULL;
    bool embedded = path[0] == '\0', ok = true;
    source_init(s, fault);
    if (embedded)
        read_text(s, SLICE("default.rego"),
                  slice(guard_policy_default, (size_t)(guard_policy_default_end -
                                                       guard_policy_default)));
    else
        ok = read_path(s, path);
    if (ok)
        p = compile(s, embedded ? POLICY_V1 : dialect);
    if (p != NULL)
        p->embedded = embedded;
    arena_release(&s->arena);
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
    read_text(s, SLICE("policy.rego"), text);
    struct policy *p = compile(s, dialect);
    arena_release(&s->arena);
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

/* ---- in force -------------------------------------------------------------------- */

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
        return f.row > 0
                   ? err_set(err, E_INVALID, "policy",
                             "OPA_POLICY_PATH: %s:%u:%u: %s", f.file, f.row,
                             f.col, f.text)
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
    if (p != NULL && atomic_fetch_sub_explicit(&p->refs, 1,
                                               memory_order_acq_rel) == 1)
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

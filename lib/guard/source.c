/* source.c - see source.h. */
#include "guard/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_MAX_BYTES 1024

/* ---- faults ------------------------------------------------------------- */

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

/* ---- reading ------------------------------------------------------------ */

void source_init(struct source *s, struct policy_fault *fault)
{
    *s = (struct source){.fault = fault, .data = value_undef()};
    arena_init(&s->arena, 4 * SOURCE_BYTES_MAX);
}

void source_release(struct source *s)
{
    arena_release(&s->arena);
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
        (uint64_t)st.st_size > SOURCE_BYTES_MAX - s->bytes) {
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
    if (s->file_count == SOURCE_FILES_MAX)
        return fail(s, path, "more than %d files", SOURCE_FILES_MAX);
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

bool source_read(struct source *s, const char *path)
{
    struct stat st;
    if (stat(path, &st) == -1)
        return fail(s, path, "cannot be read: %s", strerror(errno));
    return S_ISDIR(st.st_mode) ? add_folder(s, path) : add_file(s, path);
}

void source_text(struct source *s, struct slice name, struct slice text)
{
    s->modules[s->module_count++] = (struct rego_module){name, text};
    crypt_chain(s->hash, text, s->hash);
}

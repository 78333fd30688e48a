/* arena.c - chunks in a list, newest first; the first one is kept on reset.
 *
 * Under ASan nothing is recycled and each allocation has its own chunk, so
 * that overruns and use after reset are seen.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CHUNK 8192 /* most requests need one or two */
#define ALIGN 16

#ifdef __SANITIZE_ADDRESS__
#define RECYCLE 0
#else
#define RECYCLE 1
#endif

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    _Alignas(ALIGN) char bytes[];
};

void arena_init(struct arena *a, size_t limit)
{
    *a = (struct arena){.limit = limit};
}

void arena_init_chunk(struct arena *a, size_t limit, size_t chunk)
{
    *a = (struct arena){.limit = limit, .chunk = chunk};
}

static size_t chunk_size(const struct arena *a)
{
    return a->chunk != 0 ? a->chunk : CHUNK;
}

static struct arena_chunk *chunk_new(struct arena *a, size_t size)
{
    struct arena_chunk *c = try_malloc(sizeof *c + size);
    if (c == NULL)
        return NULL;
    c->size = size;
    c->next = a->head;
    a->head = c;
    return c;
}

void *arena_try(struct arena *a, size_t n)
{
    if (n > a->limit || a->used > a->limit - n)
        return NULL;
    size_t need = (n + ALIGN - 1) / ALIGN * ALIGN;
    if (need == 0)
        need = ALIGN;
    a->used += n;
    if (!RECYCLE || (size_t)(a->end - a->at) < need) {
        size_t size = chunk_size(a);
        bool own = !RECYCLE || need > size / 2;
        struct arena_chunk *c = chunk_new(a, own ? need : size);
        if (c == NULL)
            return NULL;
        if (own) {
            memset(c->bytes, 0, need);
            return c->bytes;
        }
        a->at = c->bytes;
        a->end = c->bytes + size;
    }
    void *p = a->at;
    a->at += need;
    memset(p, 0, need);
    return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
    void *p = arena_try(a, n);
    if (p == NULL)
        abort();
    return p;
}

static void release_until(struct arena *a, struct arena_chunk *keep)
{
    while (a->head != NULL && a->head != keep) {
        struct arena_chunk *next = a->head->next;
        free(a->head);
        a->head = next;
    }
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *keep = NULL;
    if (RECYCLE)
        for (struct arena_chunk *c = a->head; c != NULL; c = c->next)
            if (c->size == chunk_size(a))
                keep = c;
    while (a->head != NULL && a->head != keep) {
        struct arena_chunk *next = a->head->next;
        free(a->head);
        a->head = next;
    }
    a->at = a->end = NULL;
    if (keep != NULL) {
        struct arena_chunk *older = keep->next;
        keep->next = NULL;
        while (older != NULL) {
            struct arena_chunk *next = older->next;
            free(older);
            older = next;
        }
        a->at = keep->bytes;
        a->end = keep->bytes + keep->size;
    }
    a->used = 0;
}

void arena_release(struct arena *a)
{
    release_until(a, NULL);
    arena_init_chunk(a, a->limit, a->chunk);
}

size_t arena_left(const struct arena *a)
{
    return a->limit - a->used;
}

struct slice arena_dup(struct arena *a, struct slice s)
{
    char *p = arena_try(a, s.n + 1);
    if (p == NULL)
        return (struct slice){NULL, 0};
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return (struct slice){p, s.n};
}

struct slice arena_int(struct arena *a, int64_t v)
{
    char text[20]; // the sign and 19 digits
    size_t at = sizeof text;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do
        text[--at] = (char)('0' + u % 10);
    while ((u /= 10) != 0);
    if (v < 0)
        text[--at] = '-';
    return arena_dup(a, slice(text + at, sizeof text - at));
}

struct slice arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = n < 0 ? NULL : arena_try(a, (size_t)n + 1);
    if (p == NULL)
        return (struct slice){NULL, 0};
    va_start(ap, fmt);
    (void)vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return (struct slice){p, (size_t)n};
}

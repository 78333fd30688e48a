/* buf.c - see buf.h. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"

#define FIRST 256

void buf_init(struct buf *b, size_t limit)
{
    *b = (struct buf){.limit = limit};
}

void buf_init_arena(struct buf *b, struct arena *a, size_t limit)
{
    *b = (struct buf){.limit = limit, .arena = a};
}

void buf_release(struct buf *b)
{
    if (b->arena == NULL)
        free(b->p);
    buf_init_arena(b, b->arena, b->limit);
}

/* `cap` bytes with what is there already; NULL on failure. */
static char *move_to(struct buf *b, size_t cap)
{
    if (b->arena == NULL)
        return try_realloc(b->p, cap);
    char *p = arena_try(b->arena, cap);
    if (p != NULL && b->n > 0)
        memcpy(p, b->p, b->n);
    return p;
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->failed = false;
}

char *buf_reserve(struct buf *b, size_t n)
{
    if (b->failed)
        return NULL;
    if (n > b->limit || b->n > b->limit - n) {
        b->failed = true;
        return NULL;
    }
    if (b->cap - b->n < n || b->p == NULL) {
        size_t cap = b->cap != 0 ? b->cap : FIRST;
        while (cap - b->n < n)
            cap *= 2;
        if (cap > b->limit)
            cap = b->limit > b->n + n ? b->limit : b->n + n;
        if (cap == 0)
            cap = 1;
        char *p = move_to(b, cap);
        if (p == NULL) {
            b->failed = true;
            return NULL;
        }
        b->p = p;
        b->cap = cap;
    }
    return b->p + b->n;
}

void buf_add(struct buf *b, const char *p, size_t n)
{
    if (n == 0)
        return;
    char *to = buf_reserve(b, n);
    if (to != NULL) {
        memcpy(to, p, n);
        b->n += n;
    }
}

void buf_slice(struct buf *b, struct slice s)
{
    buf_add(b, s.p, s.n);
}

void buf_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_i64(struct buf *b, int64_t v)
{
    char text[24];
    size_t at = sizeof text;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        text[--at] = (char)('0' + (int)(u % 10));
        u /= 10;
    } while (u != 0);
    if (v < 0)
        text[--at] = '-';
    buf_add(b, text + at, sizeof text - at);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *to = n < 0 ? NULL : buf_reserve(b, (size_t)n + 1);
    if (to != NULL) {
        (void)vsnprintf(to, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

void buf_drop(struct buf *b, size_t n)
{
    if (n >= b->n) {
        b->n = 0;
        return;
    }
    if (n > 0) {
        memmove(b->p, b->p + n, b->n - n);
        b->n -= n;
    }
}

struct slice buf_get(const struct buf *b)
{
    return (struct slice){b->p != NULL ? b->p : "", b->n};
}

char *buf_take(struct buf *b, size_t *n)
{
    if (b->failed)
        return NULL;
    char *p = try_realloc(b->p, b->n + 1);
    if (p == NULL) {
        b->failed = true;
        return NULL;
    }
    p[b->n] = '\0';
    *n = b->n;
    size_t limit = b->limit;
    buf_init(b, limit);
    return p;
}

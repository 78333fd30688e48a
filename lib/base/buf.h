/* buf.h - a byte buffer that grows up to a limit and remembers failure.
 *
 * Builders stick: after the first failure appends do nothing, and one look at
 * `failed` at the end is enough.  Owned by one thread at a time.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct arena;

struct buf {
    char *p;       /* the bytes; NULL while empty; no terminator promised */
    size_t n, cap; /* used and allocated */
    size_t limit;  /* never grows beyond */
    bool failed;   /* limit or memory reached; contents are then partial */
    struct arena *arena; /* where it grows; NULL: the heap */
};

/* Readies `b` empty; allocates nothing. */
void buf_init(struct buf *b, size_t limit);
/* As buf_init, but it grows in `a` and its bytes live as long as that does:
 * what buf_get returned outlives buf_release.  Not for buf_take. */
void buf_init_arena(struct buf *b, struct arena *a, size_t limit);
/* Frees the bytes; `b` is as after buf_init with the same limit. */
void buf_release(struct buf *b);
/* Empties without freeing; forgets the failure. */
void buf_clear(struct buf *b);
/* Makes room for `n` more bytes and returns where they go, NULL on failure.
 * Add to `b->n` what was written. */
MUST_CHECK char *buf_reserve(struct buf *b, size_t n);
/* Appends bytes. */
void buf_add(struct buf *b, const char *p, size_t n);
/* Appends a slice. */
void buf_slice(struct buf *b, struct slice s);
/* Appends a C string. */
void buf_str(struct buf *b, const char *s);
/* Appends one byte. */
void buf_char(struct buf *b, char c);
/* Appends a decimal integer. */
void buf_i64(struct buf *b, int64_t v);
/* Appends printf output. */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Appends vprintf output. */
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
/* Removes the first `n` bytes (at most all). */
void buf_drop(struct buf *b, size_t n);
/* What is in it; valid until the next append. */
struct slice buf_get(const struct buf *b);
/* Hands the bytes (with a terminator behind) to the caller, who frees them;
 * `b` is empty again.  NULL if it failed. */
MUST_CHECK char *buf_take(struct buf *b, size_t *n);

#endif

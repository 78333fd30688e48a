/* arena.h - memory that dies together.
 *
 * A request owns one arena; what it needs is cut from chunks and freed all at
 * once.  Owned by one thread at a time.  Under ASan every allocation is its
 * own chunk so that overruns and use after reset are seen.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct arena_chunk;

/* Open so that it can lie inside its owner; touch it only through arena_*. */
struct arena {
    struct arena_chunk *head;
    char *at, *end;
    size_t used, limit;
    size_t chunk; /* bytes of a chunk; 0: the default */
};

/* Readies `a`; `limit` bounds the sum of all allocations until the reset. */
void arena_init(struct arena *a, size_t limit);

/* As arena_init with chunks of `chunk` bytes: whoever is used again and again
 * and fits into one allocates nothing after the first time. */
void arena_init_chunk(struct arena *a, size_t limit, size_t chunk);

/* Gives everything back but the first chunk, which the next user reuses. */
void arena_reset(struct arena *a);

/* Gives everything back. */
void arena_release(struct arena *a);

/* `n` zeroed bytes aligned to 16, or NULL when the limit or memory is
 * reached: for sizes that come from input. */
MUST_CHECK void *arena_try(struct arena *a, size_t n);

/* As arena_try, but the process ends on failure: for small fixed sizes. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull));

/* Bytes it can still give. */
size_t arena_left(const struct arena *a);

/* A copy of `s` with a terminator behind it; `.p` is NULL on failure. */
MUST_CHECK struct slice arena_dup(struct arena *a, struct slice s);

/* `v` in decimal; `.p` is NULL on failure. */
MUST_CHECK struct slice arena_int(struct arena *a, int64_t v);

/* printf into the arena; `.p` is NULL on failure. */
MUST_CHECK struct slice arena_printf(struct arena *a, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

#endif

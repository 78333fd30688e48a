/* mem.h - allocation that dies for small fixed sizes and asks for big ones.
 *
 * Safe from any thread.  Everything returned is freed with free().
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#include "base/err.h"

/* `n` zeroed bytes, or the process ends: only for sizes fixed in the code. */
void *xcalloc(size_t count, size_t n) __attribute__((returns_nonnull, malloc));

/* A copy of `n` bytes with a terminator behind, or the process ends. */
char *xmemdupz(const char *p, size_t n)
    __attribute__((returns_nonnull, malloc));

/* `p` grown or shrunk to `n` bytes; NULL (and `p` untouched) when there is no
 * memory: for sizes that come from input. */
MUST_CHECK void *try_realloc(void *p, size_t n);

/* `n` uninitialised bytes or NULL: for sizes that come from input. */
MUST_CHECK void *try_malloc(size_t n);

#endif

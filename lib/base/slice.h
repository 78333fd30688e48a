/* slice.h - a borrowed run of bytes: pointer and length, never a terminator.
 *
 * A value; copy it freely.  The bytes belong to whoever made the slice and
 * must outlive it.  Safe from any thread.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *p;
    size_t n;
};

#define SLICE(lit) ((struct slice){"" lit, sizeof(lit) - 1})
#define SLICE_FMT(s) (int)(s).n, (s).p /* for "%.*s" */

/* The slice of `n` bytes at `p`. */
static inline struct slice slice(const char *p, size_t n)
{
    return (struct slice){p, n};
}

/* The slice of a C string, without its terminator; NULL gives the empty one. */
static inline struct slice slice_str(const char *s)
{
    return (struct slice){s != NULL ? s : "", s != NULL ? strlen(s) : 0};
}

/* True if both hold the same bytes. */
static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* True if `s` holds exactly the C string `lit`. */
static inline bool slice_is(struct slice s, const char *lit)
{
    // In tables the first byte decides most often; no need for a length.
    if (s.n > 0 && s.p[0] != lit[0])
        return false;
    return slice_eq(s, slice_str(lit));
}

/* True if `s` begins with `lit`. */
static inline bool slice_starts(struct slice s, const char *lit)
{
    size_t n = strlen(lit);
    return s.n >= n && memcmp(s.p, lit, n) == 0;
}

/* True if `s` ends with `lit`. */
static inline bool slice_ends(struct slice s, const char *lit)
{
    size_t n = strlen(lit);
    return s.n >= n && memcmp(s.p + s.n - n, lit, n) == 0;
}

/* `s` without its first `n` bytes (at most all of them). */
static inline struct slice slice_skip(struct slice s, size_t n)
{
    if (n > s.n)
        n = s.n;
    return (struct slice){s.p + n, s.n - n};
}

/* True if both hold the same bytes, ASCII letters compared without case. */
bool slice_eq_nocase(struct slice a, struct slice b);

/* `s` without spaces and tabs at both ends. */
struct slice slice_trim(struct slice s);

/* Cuts `*rest` at the first `sep`: returns what is before it and moves
 * `*rest` behind it.  Without `sep` returns all and leaves `rest->p` NULL, so
 * loop `while (rest.p != NULL)`. */
struct slice slice_cut(struct slice *rest, char sep);

/* Position of byte `c`, or `s.n`. */
size_t slice_find(struct slice s, char c);

#endif

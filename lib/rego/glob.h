/* glob.h - patterns of gobwas/glob, which OPA's glob.match takes.
 *
 * `*` anything without delimiters, `**` anything, `?` one character that is
 * no delimiter, [abc] [a-z] [!a-z], {a,b*}, backslash escapes.  A pattern
 * becomes an anchored regular expression, so matching is linear (regex.h).
 */
#ifndef REGO_GLOB_H
#define REGO_GLOB_H

#include "rego/regex.h"

/* Compiles `pattern` with `n` delimiters (code points) into `a`; match with
 * regex_match.  `flags` as regex_compile.  E_INVALID, E_TOO_BIG. */
MUST_CHECK enum status glob_compile(struct arena *a, struct slice pattern,
                                    const uint32_t *delims, size_t n,
                                    unsigned flags, struct regex **out,
                                    struct err *err);

/* Appends `text` with a backslash before what a pattern would interpret. */
void glob_quote(struct buf *out, struct slice text);

#endif

/* regex.h - regular expressions of RE2 syntax in linear time.
 *
 * Syntax, matching rules (leftmost-first) and the wording of errors are those
 * of Go's regexp.  The time of a search is bounded by length of text times
 * size of the program, whatever either says; nothing backtracks.  A compiled
 * expression is immutable, lies in the arena it was compiled into and is safe
 * from any thread.  Text is UTF-8; a malformed byte matches as U+FFFD.
 */
#ifndef REGO_REGEX_H
#define REGO_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* Larger programs, deeper nesting, longer counts are refused. */
#define REGEX_INSTS_MAX 20000
#define REGEX_DEPTH_MAX 300
#define REGEX_REPEAT_MAX 1000

enum regex_flags {
    REGEX_DFA = 1, /* it will be used often: build a table for regex_match */
};

struct regex;
struct regex_vm;

/* What a search runs in: memory, and who counts the work.  `spare`, if not
 * NULL, keeps the memory of a search for the next one with the same
 * expression; it must begin as NULL and not outlive the arena. */
struct regex_run {
    struct arena *arena;
    bool (*step)(void *arg, uint64_t n); /* false: stop; NULL: unbounded */
    void *arg;
    struct regex_vm **spare;
};

enum regex_result {
    REGEX_NO,
    REGEX_YES,
    REGEX_LIMIT, /* `step` said stop, or the arena is full */
};

/* A place in the text; `.from` is REGEX_NONE for a group that took no part. */
#define REGEX_NONE SIZE_MAX
struct regex_span {
    size_t from, to;
};

/* Compiles `pattern` into `a`.  E_INVALID: err->text is Go's, "error parsing
 * regexp: missing closing ]: `[`"; E_TOO_BIG: a bound above, or the arena. */
MUST_CHECK enum status regex_compile(struct arena *a, struct slice pattern,
                                     unsigned flags, struct regex **out,
                                     struct err *err);

/* Groups, the whole match included: at least 1. */
size_t regex_groups(const struct regex *re);
/* Instructions: what compiling cost, and a code point costs at most. */
size_t regex_size(const struct regex *re);
/* True if regex_match needs no memory. */
bool regex_has_table(const struct regex *re);

/* Does it match anywhere in `text`? */
MUST_CHECK enum regex_result regex_match(const struct regex *re,
                                         struct slice text,
                                         const struct regex_run *run);

/* A sequence of matches that do not overlap, as Go's FindAll. */
struct regex_iter {
    const struct regex *re;
    struct slice text;
    const struct regex_run *run;
    struct regex_span *group; /* of the present match: regex_groups spans */
    size_t pos, last_end;
    struct regex_vm *vm;
};

/* Begins; `groups` says how many spans are wanted (1: only the match). False:
 * the arena is full. */
MUST_CHECK bool regex_iter_init(struct regex_iter *it, const struct regex *re,
                                struct slice text, size_t groups,
                                const struct regex_run *run);
/* The next match into it->group. */
MUST_CHECK enum regex_result regex_next(struct regex_iter *it);

/* Appends `text` to `out` with every match replaced by `with`, in which $1,
 * ${1}, $name, ${name} stand for groups and $$ for a dollar sign.  YES: done
 * (whether or not there was a match). */
MUST_CHECK enum regex_result regex_replace(const struct regex *re,
                                           struct slice text, struct slice with,
                                           struct buf *out,
                                           const struct regex_run *run);

/* Appends `text` with Go's QuoteMeta. */
void regex_quote(struct buf *out, struct slice text);

#endif

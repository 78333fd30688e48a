/* scan.h - a push scanner for JSON: finds values by path, at any cut.
 *
 * For: metering answers and describing requests without building a tree and
 * without buffering: bytes are fed as they come, in constant memory.  Not for:
 * admin bodies (base/json).  One scanner per body or per event; owned by one
 * thread.
 *
 * A path is written "usage.prompt_tokens"; "*" matches any member or element
 * at that level.  Paths come from a static table; the index of the path is
 * what the callback gets.
 */
#ifndef HTTP_SCAN_H
#define HTTP_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define SCAN_DEPTH 128
#define SCAN_PATHS 64
#define SCAN_TEXT 512 /* longest scalar handed over; longer ones are cut */

enum scan_type {
    SCAN_NULL,
    SCAN_FALSE,
    SCAN_TRUE,
    SCAN_NUMBER,
    SCAN_STRING,
    SCAN_OBJECT, /* reported when it ends */
    SCAN_ARRAY,  /* reported when it ends */
};

struct scan_value {
    enum scan_type type;
    struct slice text; /* string decoded (cut at SCAN_TEXT), number as sent */
    bool cut;          /* text was longer */
    bool repeated;     /* this top-level key came before */
    size_t from, to;   /* byte offsets in what was fed since scan_start: the
                          value with its quotes or brackets */
    size_t key_from;   /* offset of the quote that opens its key */
    uint32_t count;    /* members or elements of what ended */
};

typedef void scan_fn(void *arg, int path, const struct scan_value *v);

struct scan_paths; /* compiled table of paths, immutable, shareable */
struct scan;       /* state of one text */

/* Compiles `paths` (n <= SCAN_PATHS); dies on a malformed path (a bug). */
struct scan_paths *scan_paths_new(const char *const *paths, int n);
/* Frees and nulls. */
void scan_paths_free(struct scan_paths **p);
/* A scanner; reuse it with scan_start. */
struct scan *scan_new(void);
/* Frees and nulls. */
void scan_free(struct scan **s);
/* Begins a new text. */
void scan_start(struct scan *s, const struct scan_paths *p, scan_fn *fn,
                void *arg);
/* Also hand every chunk of string content (decoded) at `path` to `fn` as it
 * comes, so that long texts are counted without being kept. */
typedef void scan_text_fn(void *arg, int path, const char *p, size_t n);
void scan_on_text(struct scan *s, scan_text_fn *fn);
/* Feeds bytes.  E_INVALID: no JSON (position in scan_error_at); sticky. */
enum status scan_feed(struct scan *s, const char *p, size_t n);
/* Ends the text.  OK: exactly one complete value was fed. */
enum status scan_end(struct scan *s);
/* Byte offset of the error. */
size_t scan_error_at(const struct scan *s);

#endif

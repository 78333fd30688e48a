/* form.c - multipart/form-data, strict. */
#include "provider/form.h"

#define BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */

/* Takes the next ";"-separated parameter off `*rest`: its name, and its value
 * without quotes.  False: none left or not well-formed (`*bad`). */
static bool param_next(struct slice *rest, struct slice *name,
                       struct slice *value, bool *bad)
{
    struct slice s = slice_trim(*rest);
    while (s.n > 0 && s.p[0] == ';')
        s = slice_trim(slice_skip(s, 1));
    if (s.n == 0)
        return false;
    size_t eq = slice_find(s, '=');
    *bad = true;
    if (eq == s.n || eq == 0)
        return false;
    *name = slice_trim(slice(s.p, eq));
    s = slice_trim(slice_skip(s, eq + 1));
    if (s.n > 0 && s.p[0] == '"') {
        s = slice_skip(s, 1);
        size_t end = slice_find(s, '"');
        *value = slice(s.p, end);
        if (end == s.n || slice_find(*value, '\\') < value->n)
            return false;
        s = slice_skip(s, end + 1);
    } else {
        size_t end = slice_find(s, ';');
        *value = slice_trim(slice(s.p, end));
        s = slice_skip(s, end);
    }
    *rest = s;
    *bad = false;
    return true;
}

bool form_boundary(struct slice content_type, struct slice *boundary)
{
    struct slice name, value;
    struct slice rest = slice_skip(content_type, slice_find(content_type, ';'));
    bool bad = false, found = false;

    while (param_next(&rest, &name, &value, &bad)) {
        if (!slice_eq_nocase(name, SLICE("boundary")))
            continue;
        if (found || value.n == 0 || value.n > BOUNDARY_MAX)
            return false;
        *boundary = value;
        found = true;
    }
    return found && !bad;
}

/* The field name of a part from its header block; false: not well-formed. */
static bool part_head(struct slice head, struct slice *name, bool *is_file)
{
    bool found = false, named = false, bad = false;
    *is_file = false;
    while (head.n > 0) {
        const char *end = memmem(head.p, head.n, "\r\n", 2);
        size_t n = end != NULL ? (size_t)(end - head.p) : head.n;
        struct slice line = slice(head.p, n), key, value;
        head = slice_skip(head, n + 2);
        size_t colon = slice_find(line, ':');
        if (colon == line.n)
            return false;
        if (!slice_eq_nocase(slice(line.p, colon),
                             SLICE("content-disposition")))
            continue;
        struct slice rest = slice_trim(slice_skip(line, colon + 1));
        size_t semi = slice_find(rest, ';');
        if (found || !slice_eq_nocase(slice_trim(slice(rest.p, semi)),
                                      SLICE("form-data")))
            return false;
        found = true;
        rest = slice_skip(rest, semi);
        while (param_next(&rest, &key, &value, &bad)) {
            if (slice_eq_nocase(key, SLICE("name"))) {
                if (named)
                    return false;
                named = true;
                *name = value;
            } else if (slice_eq_nocase(key, SLICE("filename")) ||
                       slice_eq_nocase(key, SLICE("filename*"))) {
                *is_file = true;
            } else {
                return false; // "name*" and whatever else
            }
        }
    }
    return found && named && !bad;
}

/* Position of the next delimiter ("--boundary" at the start of a line) from
 * `at` on; body.n if there is none. */
static size_t delimiter_find(struct slice body, struct slice boundary,
                             size_t at)
{
    while (at < body.n) {
        struct slice rest = slice_skip(body, at);
        const char *hit = memmem(rest.p, rest.n, boundary.p, boundary.n);
        if (hit == NULL)
            return body.n;
        size_t i = (size_t)(hit - body.p);
        bool dashes = i >= 2 && hit[-1] == '-' && hit[-2] == '-';
        if (dashes &&
            (i == 2 || (i >= 4 && hit[-3] == '\n' && hit[-4] == '\r')))
            return i - 2;
        at = i + 1;
    }
    return body.n;
}

bool form_each(struct slice body, struct slice boundary,
               bool (*fn)(void *arg, struct slice name, struct slice value,
                          bool is_file, size_t at),
               void *arg)
{
    size_t at = delimiter_find(body, boundary, 0);
    for (;;) {
        struct slice name;
        bool is_file;
        if (at >= body.n)
            return false;
        at += 2 + boundary.n;
        struct slice rest = slice_skip(body, at);
        if (slice_starts(rest, "--"))
            return true;
        while (rest.n > 0 && (rest.p[0] == ' ' || rest.p[0] == '\t'))
            rest = slice_skip(rest, 1);
        if (!slice_starts(rest, "\r\n"))
            return false;
        rest = slice_skip(rest, 2);
        const char *end = memmem(rest.p, rest.n, "\r\n\r\n", 4);
        if (end == NULL ||
            !part_head(slice(rest.p, (size_t)(end - rest.p)), &name, &is_file))
            return false;
        size_t from = (size_t)(end - body.p) + 4;
        size_t to = delimiter_find(body, boundary, from - 2);
        if (to >= body.n || to < from)
            return false;
        size_t n = to >= from + 2 ? to - 2 - from : 0;
        if (!fn(arg, name, slice(body.p + from, n), is_file, from))
            return true;
        at = to;
    }
}

// rooms: provider http base
/* Multipart bodies: the first line is the Content-Type, the rest the body.
 * Every part lies in the body, in order, and ends before a delimiter. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "provider/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct walk {
    struct slice body, boundary;
    size_t last;
};

static bool on_part(void *arg, struct slice name, struct slice value,
                    bool is_file, size_t at)
{
    struct walk *w = arg;
    (void)is_file;
    assert(at >= w->last && at + value.n <= w->body.n);
    assert(value.p == w->body.p + at);
    assert(name.n == 0 || (name.p >= w->body.p && name.p < value.p));
    struct slice behind = slice_skip(w->body, at + value.n);
    if (slice_starts(behind, "\r\n"))
        behind = slice_skip(behind, 2);
    assert(slice_starts(behind, "--"));
    behind = slice(behind.p + 2, w->boundary.n);
    assert(slice_eq(behind, w->boundary));
    w->last = at + value.n;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct walk w = {.body = slice((const char *)data, size)};
    struct slice type = slice_cut(&w.body, '\n');
    if (w.body.p == NULL || !form_boundary(type, &w.boundary))
        return 0;
    assert(w.boundary.n > 0 && w.boundary.n <= 70);
    (void)form_each(w.body, w.boundary, on_part, &w);
    return 0;
}

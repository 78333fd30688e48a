// rooms: provider http base
/* The event stream splitter: fed whole, at every cut and byte by byte it
 * gives the same fields and event ends; and they are those of a slow reader
 * that has the whole text (WHATWG event stream). */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "provider/lines.h"

#define CUTS_MAX 400
#define LOG_MAX (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_value(void *arg, enum line_field f, bool first, const char *p,
                     size_t n)
{
    static const char mark[] = "ode";
    if (first)
        buf_printf(arg, "\n%c:", mark[f]);
    buf_add(arg, p, n);
}

static void on_end(void *arg, const char *at)
{
    assert(at != NULL);
    buf_str(arg, "\n;");
}

static void feed(struct slice in, size_t cut, size_t step, struct buf *log)
{
    static const struct lines_ops ops = {on_value, on_end};
    struct lines l;
    buf_clear(log);
    lines_init(&l);
    for (size_t at = 0; at < in.n;) {
        size_t n = step > 0 ? step : at < cut ? cut - at : in.n - at;
        n = n < in.n - at ? n : in.n - at;
        lines_feed(&l, &ops, log, in.p + at, n);
        at += n;
    }
}

/* One line, known to be complete. */
static void slow_line(struct slice line, struct buf *log)
{
    if (line.n == 0) {
        buf_str(log, "\n;");
        return;
    }
    struct slice value = line;
    struct slice name = slice_cut(&value, ':');
    if (name.n == 0)
        return; // comment
    if (value.p == NULL)
        value = SLICE("");
    if (value.n > 0 && value.p[0] == ' ')
        value = slice_skip(value, 1);
    on_value(log,
             slice_is(name, "data")    ? LINE_DATA
             : slice_is(name, "event") ? LINE_EVENT
                                       : LINE_OTHER,
             true, value.p, value.n);
}

/* Complete lines of `in`; `*tail` is where the last, cut one begins. */
static void slow(struct slice in, struct buf *log, size_t *tail)
{
    buf_clear(log);
    size_t at = slice_starts(in, "\xEF\xBB\xBF") ? 3 : 0;
    for (size_t i = at; i < in.n; i++) {
        if (in.p[i] != '\n' && in.p[i] != '\r')
            continue;
        slow_line(slice(in.p + at, i - at), log);
        i += in.p[i] == '\r' && i + 1 < in.n && in.p[i + 1] == '\n';
        at = i + 1;
    }
    *tail = at < in.n ? at : in.n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice((const char *)data, size);
    struct buf whole, cut, want;
    size_t tail;
    buf_init(&whole, LOG_MAX);
    buf_init(&cut, LOG_MAX);
    buf_init(&want, LOG_MAX);
    feed(in, size, 0, &whole);
    for (size_t c = 1; c < size; c += size / CUTS_MAX + 1) {
        feed(in, c, 0, &cut);
        assert(slice_eq(buf_get(&whole), buf_get(&cut)));
    }
    feed(in, 0, 1, &cut);
    assert(slice_eq(buf_get(&whole), buf_get(&cut)));
    slow(in, &want, &tail);
    feed(slice(in.p, tail), tail, 0, &cut);
    // a byte order mark that is cut, or bytes like one, name no field we know
    if (size == 0 || data[0] != 0xEF || slice_starts(in, "\xEF\xBB\xBF"))
        assert(slice_eq(buf_get(&want), buf_get(&cut)));
    buf_release(&whole);
    buf_release(&cut);
    buf_release(&want);
    return 0;
}

// rooms: http base
/* The decoder of gzip and deflate, and codings of our own making: fed whole
 * or byte by byte it gives the same bytes, and what zlib wrote comes back.
 * The first byte chooses. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "http/inflate.h"

#define OUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As the body reader does: bounded output, E_TOO_BIG beyond. */
static enum status sink(void *arg, const char *p, size_t n)
{
    struct buf *b = arg;
    buf_add(b, p, n);
    return b->failed ? E_TOO_BIG : OK;
}

static enum status decode(enum inflate_kind kind, const char *p, size_t n,
                          size_t step, struct buf *out)
{
    struct inflate *f = inflate_new(kind);
    enum status st = OK;
    for (size_t at = 0; at < n && st == OK; at += step)
        st = inflate_feed(f, p + at, step < n - at ? step : n - at, sink, out);
    if (st == OK)
        st = inflate_end(f);
    inflate_free(&f);
    return st;
}

static void round_trip(const uint8_t *data, size_t size, int bits)
{
    static const size_t steps[] = {1, 7, 4096};
    z_stream z = {0};
    struct buf out;
    union { // zlib reads only; its interface lacks the const
        const uint8_t *in;
        uint8_t *out;
    } bytes = {.in = data};
    size_t room = size + size / 100 + 64;
    char *coded = malloc(room);
    int rc = deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY);
    assert(coded != NULL && rc == Z_OK);
    z.next_in = bytes.out;
    z.avail_in = (unsigned)size;
    z.next_out = (unsigned char *)coded;
    z.avail_out = (unsigned)room;
    rc = deflate(&z, Z_FINISH);
    assert(rc == Z_STREAM_END);
    size_t n = room - z.avail_out;
    deflateEnd(&z);
    for (size_t i = 0; i < 3; i++) {
        buf_init(&out, OUT_MAX + size);
        enum status st = decode(bits > 16 ? INFLATE_GZIP : INFLATE_DEFLATE,
                                coded, n, steps[i], &out);
        assert(st == OK && out.n == size);
        assert(size == 0 || memcmp(out.p, data, size) == 0);
        buf_release(&out);
    }
    free(coded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, cut;
    if (size == 0)
        return 0;
    uint8_t which = data[0] % 4;
    data++;
    size--;
    if (which >= 2) {
        round_trip(data, size, which == 2 ? 15 + 16 : 15);
        round_trip(data, size, -15);
        return 0;
    }
    enum inflate_kind kind = which == 0 ? INFLATE_GZIP : INFLATE_DEFLATE;
    buf_init(&whole, OUT_MAX);
    buf_init(&cut, OUT_MAX);
    enum status a = decode(kind, (const char *)data, size, size, &whole);
    enum status b = decode(kind, (const char *)data, size, 1, &cut);
    // what is wrong and too big may be found in either order
    assert((a == OK) == (b == OK));
    assert(a != OK || slice_eq(buf_get(&whole), buf_get(&cut)));
    buf_release(&whole);
    buf_release(&cut);
    return 0;
}

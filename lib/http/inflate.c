/* inflate.c - see inflate.h.  "deflate" is zlib-wrapped by the standard (RFC
 * 9110, 8.4.1.2) but raw from some senders: the first byte tells. */
#include "http/inflate.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/mem.h"

#define PIECE 16384

struct inflate {
    z_stream z;
    enum inflate_kind kind;
    bool open, ended, any;
    enum status failed;
};

bool inflate_kind_of(struct slice coding, enum inflate_kind *kind)
{
    coding = slice_trim(coding);
    if (slice_eq_nocase(coding, SLICE("gzip")) ||
        slice_eq_nocase(coding, SLICE("x-gzip")))
        *kind = INFLATE_GZIP;
    else if (slice_eq_nocase(coding, SLICE("deflate")))
        *kind = INFLATE_DEFLATE;
    else
        return false;
    return true;
}

struct inflate *inflate_new(enum inflate_kind kind)
{
    struct inflate *f = xcalloc(1, sizeof *f);
    f->kind = kind;
    return f;
}

void inflate_free(struct inflate **f)
{
    if (*f == NULL)
        return;
    if ((*f)->open)
        (void)inflateEnd(&(*f)->z);
    free(*f);
    *f = NULL;
}

static enum status start(struct inflate *f, unsigned char first)
{
    int bits = 15 + 16;
    if (f->kind == INFLATE_DEFLATE)
        bits = (first & 0x0F) == 8 ? 15 : -15;
    f->open = inflateInit2(&f->z, bits) == Z_OK;
    return f->open ? OK : E_NOMEM;
}

/* Another gzip member may follow the end of one. */
static enum status more(struct inflate *f)
{
    if (f->kind != INFLATE_GZIP || inflateReset(&f->z) != Z_OK)
        return E_INVALID;
    f->ended = false;
    return OK;
}

static enum status step(struct inflate *f, inflate_sink *sink, void *arg)
{
    unsigned char out[PIECE];
    f->z.next_out = out;
    f->z.avail_out = PIECE;
    int rc = inflate(&f->z, Z_NO_FLUSH);
    size_t n = PIECE - f->z.avail_out;
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
        return E_INVALID;
    f->ended = rc == Z_STREAM_END;
    return n > 0 ? sink(arg, (const char *)out, n) : OK;
}

enum status inflate_feed(struct inflate *f, const char *p, size_t n,
                         inflate_sink *sink, void *arg)
{
    if (f->failed != OK || n == 0)
        return f->failed;
    if (!f->open)
        f->failed = start(f, (unsigned char)p[0]);
    f->any = true;
    // zlib reads only; its interface lacks the const
    union {
        const char *in;
        unsigned char *out;
    } bytes = {.in = p};
    f->z.next_in = bytes.out;
    f->z.avail_in = (unsigned)n;
    while (f->failed == OK) {
        if (f->ended && f->z.avail_in > 0)
            f->failed = more(f);
        if (f->failed == OK)
            f->failed = step(f, sink, arg);
        if (f->z.avail_in == 0 && (f->z.avail_out > 0 || f->ended))
            break;
    }
    return f->failed;
}

enum status inflate_end(const struct inflate *f)
{
    if (f->failed != OK)
        return f->failed;
    return f->ended || !f->any ? OK : E_INVALID;
}

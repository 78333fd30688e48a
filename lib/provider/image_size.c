/* image_size.c - see image_size.h.
 *
 * A source gives the picture's bytes one by one out of the base64 text, so
 * nothing is allocated and a length field can only move forward, at most to
 * IMAGE_HEAD.  Readers take what decoders believe, and give up where decoders
 * differ: a second frame header in a JPEG, a GIF whose first frame is larger
 * than its screen, a PNG that does not begin with IHDR.
 *
 * Formats: PNG, RFC 2083 4.1.1; JPEG, ITU-T T.81 B.2.2; GIF89a 18 and 20;
 * WebP, RFC 9649 2.5 to 2.7 and RFC 6386 9.1.
 */
#include "provider/image_size.h"

#include <stdint.h>

struct source {
    struct slice text;
    size_t at;     /* in the text */
    size_t taken;  /* bytes given */
    uint32_t bits; /* of letters not given yet */
    int bit_count;
    bool end;
};

/* The value of a letter, both alphabets; -1: none. */
static int letter(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

/* The next byte; 0 and `end` behind the last. */
static uint32_t byte(struct source *s)
{
    while (s->bit_count < 8 && !s->end) {
        if (s->at < s->text.n && s->text.p[s->at] == '\\' &&
            s->at + 1 < s->text.n && s->text.p[s->at + 1] == '/')
            s->at++;
        int v = s->at < s->text.n ? letter(s->text.p[s->at]) : -1;
        if (v < 0 || s->taken >= IMAGE_HEAD) {
            s->end = true;
            return 0;
        }
        s->at++;
        s->bits = s->bits << 6 | (uint32_t)v;
        s->bit_count += 6;
    }
    if (s->end)
        return 0;
    s->bit_count -= 8;
    s->taken++;
    return s->bits >> s->bit_count & 0xff;
}

static uint32_t big(struct source *s, int n)
{
    uint32_t v = 0;
    while (n-- > 0)
        v = v << 8 | byte(s);
    return v;
}

static uint32_t little(struct source *s, int n)
{
    uint32_t v = 0;
    for (int i = 0; i < n; i++)
        v |= byte(s) << 8 * i;
    return v;
}

static void skip(struct source *s, uint32_t n)
{
    while (n-- > 0 && !s->end)
        (void)byte(s);
}

static bool sized(const struct source *s, uint32_t w, uint32_t h,
                  struct image_size *out)
{
    if (s->end || w == 0 || h == 0 || w > IMAGE_SIDE_MAX || h > IMAGE_SIDE_MAX)
        return false;
    *out = (struct image_size){(int)w, (int)h};
    return true;
}

/* Behind 89 'P' 'N' 'G'. */
static bool read_png(struct source *s, struct image_size *out)
{
    if (big(s, 4) != 0x0d0a1a0a || big(s, 4) != 13 || big(s, 4) != 0x49484452)
        return false;
    uint32_t w = big(s, 4), h = big(s, 4);
    return sized(s, w, h, out);
}

static bool is_frame(uint32_t marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 &&
           marker != 0xc8 && marker != 0xcc;
}

/* The next marker; fill bytes are passed over. 0: none. */
static uint32_t marker_of(struct source *s)
{
    if (byte(s) != 0xff)
        return 0;
    uint32_t m = byte(s);
    while (m == 0xff && !s->end)
        m = byte(s);
    return s->end ? 0 : m;
}

/* Behind the first marker's ff d8 ff, whose second byte is `m`. */
static bool read_jpeg(struct source *s, uint32_t m, struct image_size *out)
{
    uint32_t w = 0, h = 0;
    int frames = 0;
    while (m == 0xff && !s->end)
        m = byte(s);
    while (m != 0 && m != 0xda && m != 0xd9 && frames < 2) {
        bool bare = m == 0x01 || (m >= 0xd0 && m <= 0xd8);
        uint32_t n = bare ? 2 : big(s, 2);
        if (n < 2)
            return false;
        if (is_frame(m)) {
            if (n < 8)
                return false;
            (void)byte(s); // precision
            h = big(s, 2);
            w = big(s, 2);
            n -= 5;
            frames++;
        }
        skip(s, n - 2);
        m = marker_of(s);
    }
    // up to the scan, so that there is no other frame
    return m == 0xda && frames == 1 && sized(s, w, h, out);
}

/* Behind "GIF8". */
static bool read_gif(struct source *s, struct image_size *out)
{
    uint32_t version = big(s, 2);
    if (version != 0x3761 && version != 0x3961) // "7a", "9a"
        return false;
    uint32_t w = little(s, 2), h = little(s, 2), flags = byte(s);
    skip(s, 2);
    if (flags & 0x80)
        skip(s, 3u << ((flags & 7) + 1));
    for (;;) {
        uint32_t kind = byte(s);
        if (s->end || (kind != 0x21 && kind != 0x2c))
            return false;
        if (kind == 0x2c)
            break;
        (void)byte(s); // which extension
        for (uint32_t n = byte(s); n != 0 && !s->end; n = byte(s))
            skip(s, n);
    }
    uint32_t left = little(s, 2), top = little(s, 2);
    uint32_t fw = little(s, 2), fh = little(s, 2);
    return left + fw <= w && top + fh <= h && sized(s, w, h, out);
}

/* Behind "RIFF". */
static bool read_webp(struct source *s, struct image_size *out)
{
    skip(s, 4);
    if (big(s, 4) != 0x57454250)
        return false;
    uint32_t chunk = big(s, 4), w, h;
    skip(s, 4);
    if (chunk == 0x56503858) { // VP8X: the canvas
        skip(s, 4);
        w = little(s, 3) + 1;
        h = little(s, 3) + 1;
        return sized(s, w, h, out);
    }
    if (chunk == 0x5650384c) { // VP8L
        if (byte(s) != 0x2f)
            return false;
        uint32_t bits = little(s, 4);
        return sized(s, (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1, out);
    }
    if (chunk != 0x56503820) // "VP8 "
        return false;
    if (byte(s) & 1) // no key frame
        return false;
    skip(s, 2);
    if (big(s, 3) != 0x9d012a)
        return false;
    w = little(s, 2) & 0x3fff;
    h = little(s, 2) & 0x3fff;
    return sized(s, w, h, out);
}

/* Behind "data:image/png;base64,"; the text itself if it is no such URL. */
static struct slice payload(struct slice s)
{
    if (!slice_starts(s, "data:"))
        return s;
    size_t comma = slice_find(s, ',');
    static const char mark[] = ";base64";
    size_t n = sizeof mark - 1;
    if (comma == s.n || comma < n ||
        !slice_eq_nocase(slice(s.p + comma - n, n), SLICE(";base64")))
        return slice(NULL, 0);
    return slice_skip(s, comma + 1);
}

bool image_size_read(struct slice base64, struct image_size *out)
{
    struct source s = {.text = payload(base64)};
    *out = (struct image_size){0, 0};
    uint32_t magic = big(&s, 4);
    if (s.end)
        return false;
    if (magic == 0x89504e47)
        return read_png(&s, out);
    if (magic >> 8 == 0xffd8ff)
        return read_jpeg(&s, magic & 0xff, out);
    if (magic == 0x47494638)
        return read_gif(&s, out);
    return magic == 0x52494646 && read_webp(&s, out);
}

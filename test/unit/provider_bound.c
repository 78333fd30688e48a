/* provider_bound.c - sizes out of real and hostile pictures, and what they can
 * be billed with: the pages' own examples, and never more than without a size.
 */
#include "../../lib/provider/bound.c"
#include "../../lib/provider/image_size.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- pictures ----------------------------------------------------------- */

struct pic {
    uint8_t b[600000];
    size_t n;
    char text[900000]; /* its base64 */
};

static void add(struct pic *p, const void *bytes, size_t n)
{
    memcpy(p->b + p->n, bytes, n);
    p->n += n;
}

static void num(struct pic *p, uint32_t v, int n, bool big_end)
{
    for (int i = 0; i < n; i++)
        p->b[p->n++] = (uint8_t)(v >> 8 * (big_end ? n - 1 - i : i));
}

static struct slice encoded(struct pic *p)
{
    static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
                              "wxyz0123456789+/";
    size_t at = 0;
    for (size_t i = 0; i < p->n; i += 3) {
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (i + k < p->n ? p->b[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            p->text[at++] = i + k <= p->n ? abc[v >> (18 - 6 * k) & 63] : '=';
    }
    return slice(p->text, at);
}

static struct pic *fresh(void)
{
    struct pic *p = calloc(1, sizeof *p);
    assert_non_null(p);
    return p;
}

static void png(struct pic *p, uint32_t w, uint32_t h)
{
    add(p, "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", 16);
    num(p, w, 4, true);
    num(p, h, 4, true);
    add(p, "\x08\x06\0\0\0", 5);
}

static void segment(struct pic *p, uint8_t marker, uint32_t n)
{
    num(p, 0xff00u | marker, 2, true);
    num(p, n + 2, 2, true);
    p->n += n;
}

static void frame(struct pic *p, uint8_t marker, uint32_t w, uint32_t h)
{
    num(p, 0xff00u | marker, 2, true);
    num(p, 17, 2, true);
    num(p, 8, 1, true);
    num(p, h, 2, true);
    num(p, w, 2, true);
    p->n += 10;
}

static void jpeg(struct pic *p, uint8_t marker, uint32_t w, uint32_t h)
{
    add(p, "\xff\xd8", 2);
    segment(p, 0xe0, 14);
    segment(p, 0xe1, 65000); // EXIF with a picture of its own in it
    memcpy(p->b + p->n - 60, "\xff\xd8\xff\xc0\x00\x11\x08\x00\x01\x00\x01",
           11);
    segment(p, 0xdb, 130);
    frame(p, marker, w, h);
    segment(p, 0xc4, 400);
    segment(p, 0xda, 10);
}

static void gif(struct pic *p, uint32_t w, uint32_t h, uint32_t fw)
{
    add(p, "GIF89a", 6);
    num(p, w, 2, false);
    num(p, h, 2, false);
    add(p, "\x81\0\0", 3);
    p->n += 12;
    add(p, "\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0", 19);
    num(p, 0x2c, 1, false);
    num(p, 0, 4, false);
    num(p, fw, 2, false);
    num(p, h, 2, false);
    num(p, 0, 1, false);
}

static void webp(struct pic *p, const char *kind, uint32_t w, uint32_t h)
{
    add(p, "RIFF\0\0\0\0WEBP", 12);
    add(p, kind, 4);
    num(p, 10, 4, false);
    if (kind[3] == 'X') {
        num(p, 0x10, 4, false);
        num(p, w - 1, 3, false);
        num(p, h - 1, 3, false);
    } else if (kind[3] == 'L') {
        num(p, 0x2f, 1, false);
        num(p, (w - 1) | (h - 1) << 14, 4, false);
    } else {
        add(p, "\x10\0\0\x9d\x01\x2a", 6);
        num(p, w | 0x4000, 2, false);
        num(p, h, 2, false);
    }
    num(p, 0, 4, false);
}

static void is_size(struct pic *p, int w, int h)
{
    struct image_size s;
    bool known = w > 0;
    assert_int_equal(image_size_read(encoded(p), &s), known);
    assert_int_equal(s.width, w);
    assert_int_equal(s.height, h);
    free(p);
}

#define SIZE(w, h, make)         \
    do {                         \
        struct pic *p = fresh(); \
        make;                    \
        is_size(p, (w), (h));    \
    } while (0)

static void sizes_are_read(void **state)
{
    (void)state;
    SIZE(640, 480, png(p, 640, 480));
    SIZE(65536, 1, png(p, 65536, 1));
    SIZE(4032, 3024, jpeg(p, 0xc0, 4032, 3024));
    SIZE(4032, 3024, jpeg(p, 0xc2, 4032, 3024)); // progressive
    SIZE(300, 200, gif(p, 300, 200, 300));
    SIZE(1024, 768, webp(p, "VP8 ", 1024, 768));
    SIZE(1024, 768, webp(p, "VP8L", 1024, 768));
    SIZE(16384, 16384, webp(p, "VP8L", 16384, 16384));
    SIZE(20000, 9, webp(p, "VP8X", 20000, 9));
}

static void the_text_may_be_a_url_and_escaped(void **state)
{
    struct pic *p = fresh(), *q = fresh();
    struct image_size s;
    (void)state;
    png(p, 0x00ffffu & 0xffff, 640);
    struct slice text = encoded(p);
    size_t n = (size_t)snprintf(q->text, 40, "data:image/png;base64,");
    bool slashes = false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '/') {
            q->text[n++] = '\\';
            slashes = true;
        }
        q->text[n++] = text.p[i];
    }
    assert_true(slashes);
    assert_true(image_size_read(slice(q->text, n), &s));
    assert_int_equal(s.width, 65535);
    assert_false(image_size_read(SLICE("data:image/png,iVBORw0KGgo"), &s));
    assert_false(image_size_read(SLICE("https://a.example/b.png"), &s));
    assert_false(image_size_read(slice(NULL, 0), &s));
    free(p);
    free(q);
}

/* What decoders disagree on, and what is cut or too long, is unknown. */
static void doubt_is_unknown(void **state)
{
    (void)state;
    SIZE(0, 0, png(p, 0, 480));
    SIZE(0, 0, png(p, 65537, 480));
    SIZE(0, 0, (png(p, 640, 480), p->b[12] = 'C'));
    SIZE(0, 0, (png(p, 640, 480), p->n = 23));
    SIZE(0, 0, jpeg(p, 0xc0, 640, 0)); // told by DNL behind the scan
    SIZE(0, 0, jpeg(p, 0xc4, 640, 480));
    SIZE(0, 0, (jpeg(p, 0xc0, 640, 480), p->n -= 15)); // no scan follows
    SIZE(0, 0,
         (add(p, "\xff\xd8", 2), frame(p, 0xc0, 9, 9), frame(p, 0xc0, 999, 999),
          segment(p, 0xda, 10)));
    SIZE(0, 0,
         (add(p, "\xff\xd8\xff\xe0\0\1", 6), frame(p, 0xc0, 9, 9),
          segment(p, 0xda, 10)));
    SIZE(0, 0, {
        add(p, "\xff\xd8", 2);
        for (int i = 0; i < 5; i++) // beyond IMAGE_HEAD
            segment(p, 0xe2, 65000);
        frame(p, 0xc0, 9, 9);
        segment(p, 0xda, 10);
    });
    SIZE(0, 0, gif(p, 300, 200, 301));
    SIZE(0, 0, (gif(p, 300, 200, 300), p->n -= 12));
    SIZE(0, 0, (webp(p, "VP8 ", 640, 480), p->b[20] = 0x11));
    SIZE(0, 0, (webp(p, "VP8L", 640, 480), p->b[20] = 0x2e));
    SIZE(0, 0, webp(p, "ICCP", 640, 480));
    SIZE(0, 0, add(p, "BM\0\0\0\0\0\0\0\0", 10));
}

/* ---- tokens ------------------------------------------------------------- */

static int64_t cost(enum provider_id p, const char *model, enum image_detail d,
                    int w, int h)
{
    const struct image_size s = {w, h};
    return bound_image(p, slice_str(model), d, w > 0 ? &s : NULL);
}

#define GPT(m, w, h) cost(PROVIDER_OPENAI, (m), DETAIL_HIGH, (w), (h))

static void the_pages_examples(void **state)
{
    (void)state;
    assert_int_equal(GPT("gpt-4o", 1024, 1024), 765);
    assert_int_equal(GPT("gpt-4o", 2048, 4096), 1105);
    assert_int_equal(GPT("gpt-4.1", 4096, 8192), 1105);
    assert_int_equal(cost(PROVIDER_OPENAI, "gpt-4o", DETAIL_LOW, 4096, 8192),
                     85);
    assert_int_equal(GPT("gpt-4o-mini", 1024, 1024), 2833 + 4 * 5667);
    assert_int_equal(GPT("o3", 1024, 1024), 75 + 4 * 150);
    assert_int_equal(GPT("gpt-5", 1024, 1024), 70 + 4 * 140);
    // 1024 x 1024 px are 1024 patches; 1800 x 2400 px more than the budget
    assert_int_equal(GPT("o4-mini-2025-04-16", 1024, 1024), 1762);
    assert_int_equal(GPT("gpt-4.1-mini", 1024, 1024), 1659);
    assert_int_equal(GPT("gpt-4.1-nano", 1800, 2400), 3779);
    assert_int_equal(GPT("gpt-5-mini", 33, 32), 4);
    assert_int_equal(cost(PROVIDER_ANTHROPIC, "claude-x", 0, 1092, 1092), 1590);
    assert_int_equal(cost(PROVIDER_ANTHROPIC, "claude-x", 0, 200, 200), 64);
    assert_int_equal(cost(PROVIDER_ANTHROPIC, "claude-x", 0, 9000, 9000), 4784);
    assert_int_equal(cost(PROVIDER_GOOGLE, "gemini-2.5-flash", 0, 384, 384),
                     258);
    assert_int_equal(cost(PROVIDER_GOOGLE, "gemini-2.5-flash", 0, 960, 540),
                     6 * 258);
    assert_int_equal(cost(PROVIDER_GOOGLE, "gemini-3-pro", 0, 100, 100), 2240);
}

/* The same formulas with exact fractions, as a provider would reckon them. */
static int64_t true_tiles(double w, double h)
{
    double longer = w > h ? w : h;
    if (longer > 2048) {
        w = w * 2048 / longer;
        h = h * 2048 / longer;
    }
    double shorter = w < h ? w : h;
    if (shorter > 768) {
        w = w * 768 / shorter;
        h = h * 768 / shorter;
    }
    int64_t x = (int64_t)w, y = (int64_t)h; // pixels are whole
    return pieces(x > 0 ? x : 1, y > 0 ? y : 1, 512);
}

static int64_t true_crops(double w, double h)
{
    double longer = w > h ? w : h;
    if (longer > 3072) {
        w = w * 3072 / longer;
        h = h * 3072 / longer;
    }
    int64_t x = (int64_t)w, y = (int64_t)h;
    x = x > 0 ? x : 1;
    y = y > 0 ? y : 1;
    if (x <= 384 && y <= 384)
        return 1;
    int64_t side = (x < y ? x : y) * 2 / 3;
    return pieces(x, y, side < 256 ? 256 : side > 768 ? 768 : side);
}

/* For sizes of every kind: between what the formula gives and what it gives
 * without a size; turning the picture changes nothing. */
static void a_size_bounds_and_never_raises(void **state)
{
    static const char *const models[] = {
        "gpt-4o", "gpt-4.1-nano",   "gpt-5.4",     "o4-mini",
        "nobody", "gemini-2.5-pro", "gemini-3-pro"};
    static const enum provider_id of[] = {PROVIDER_OPENAI,  PROVIDER_ANTHROPIC,
                                          PROVIDER_GOOGLE,  PROVIDER_XAI,
                                          PROVIDER_MISTRAL, PROVIDER_GROQ};
    uint32_t seed = 1;
    (void)state;
    for (int i = 0; i < 60000; i++) {
        seed = seed * 1664525u + 1013904223u;
        int w = 1 + (int)((seed >> 8) % (i % 3 == 0 ? 65536u : 4500u));
        seed = seed * 1664525u + 1013904223u;
        int h = 1 + (int)((seed >> 8) % (i % 5 == 0 ? 65536u : 4500u));
        assert_true((cost(PROVIDER_OPENAI, "gpt-4o", DETAIL_HIGH, w, h) - 85) /
                        170 >=
                    true_tiles(w, h));
        assert_true(cost(PROVIDER_GOOGLE, "gemini-2.5-pro", 0, w, h) >=
                    258 * true_crops(w, h));
        for (size_t m = 0; m < sizeof models / sizeof *models; m++)
            for (size_t p = 0; p < sizeof of / sizeof *of; p++)
                for (int d = 0; d < DETAIL_COUNT; d++) {
                    enum image_detail e = (enum image_detail)d;
                    int64_t n = cost(of[p], models[m], e, w, h);
                    assert_true(n > 0 && n <= cost(of[p], models[m], e, 0, 0));
                    assert_int_equal(n, cost(of[p], models[m], e, h, w));
                }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(the_text_may_be_a_url_and_escaped),
        cmocka_unit_test(doubt_is_unknown),
        cmocka_unit_test(the_pages_examples),
        cmocka_unit_test(a_size_bounds_and_never_raises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

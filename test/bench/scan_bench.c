/* scan_bench.c - nanoseconds per KB of the JSON scanner.
 *
 * A chat request of 1, 20 and 400 KB (prose, prose with accents, code full of
 * escapes, base64), fed whole and in pieces of 1,448 bytes, each beside
 * memchr over the same bytes, the least any reader must do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "http/scan.h"

static const char *const paths[] = {
    "model",       "stream",
    "max_tokens",  "n",
    "messages.*",  "tools.*",
    "user",        "stream_options.include_usage",
    "temperature", "max_completion_tokens",
};

static void on_value(void *arg, int path, const struct scan_value *v)
{
    *(size_t *)arg += v->to + (size_t)path;
}

static const struct {
    const char *name, *text;
} kinds[] = {
    {"prose", "The quick brown fox jumps over the lazy dog, and then it "
              "sleeps until the evening comes. "},
    {"accents", "Größe, façade, naïve café, 東京 and Ελληνικά between plain "
                "words of a sentence. "},
    {"code", "if (a < \\\"b\\\") {\\n\\treturn \\\"x\\\\n\\\";\\n}\\n"},
    {"base64", "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"},
};

/* A request of about `size` bytes in messages of up to 4 KB. */
static void request(struct buf *b, const char *text, size_t size)
{
    buf_clear(b);
    buf_str(b, "{\"model\":\"gpt-4o-mini\",\"stream\":true,\"max_tokens\":100,"
               "\"messages\":[");
    for (bool first = true; b->n + 100 < size || first; first = false) {
        buf_str(b, first ? "" : ",");
        buf_str(b, "{\"role\":\"user\",\"content\":\"");
        size_t end = b->n + 4000 < size ? b->n + 4000 : size - 60;
        while (b->n < end)
            buf_str(b, text);
        buf_str(b, "\"}");
    }
    buf_str(b, "],\"temperature\":0.7,\"user\":\"u-1\"}");
}

static double run(struct scan *s, const struct scan_paths *p, struct slice in,
                  size_t step, size_t *sink)
{
    size_t rounds = (64u << 20) / in.n + 1;
    int64_t t = clock_mono_us();
    for (size_t i = 0; i < rounds; i++) {
        scan_start(s, p, on_value, sink);
        for (size_t at = 0; at < in.n; at += step)
            if (scan_feed(s, in.p + at, step < in.n - at ? step : in.n - at) !=
                OK)
                exit(1);
        if (scan_end(s) != OK)
            exit(1);
    }
    t = clock_mono_us() - t;
    return (double)t * 1000 / ((double)rounds * (double)in.n / 1024);
}

static double reference(struct slice in, size_t *sink)
{
    size_t rounds = (64u << 20) / in.n + 1;
    int64_t t = clock_mono_us();
    for (size_t i = 0; i < rounds; i++) {
        // a byte that is not there, not known to the compiler
        const char *volatile p = in.p;
        *sink += memchr(p, 1, in.n) != NULL;
    }
    t = clock_mono_us() - t;
    return (double)t * 1000 / ((double)rounds * (double)in.n / 1024);
}

int main(void)
{
    static const size_t sizes[] = {1024, 20480, 409600};
    struct scan_paths *p =
        scan_paths_new(paths, (int)(sizeof paths / sizeof *paths));
    struct scan *s = scan_new();
    struct buf b;
    size_t sink = 0;
    buf_init(&b, 1u << 20);
    printf("%-8s %7s  %8s %8s %8s  %s\n", "text", "bytes", "whole", "pieces",
           "memchr", "GB/s (ns per KB otherwise)");
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t i = 0; i < 3; i++) {
            request(&b, kinds[k].text, sizes[i]);
            struct slice in = buf_get(&b);
            double whole = run(s, p, in, in.n, &sink);
            double pieces = run(s, p, in, 1448, &sink);
            printf("%-8s %7zu  %8.1f %8.1f %8.1f  %.2f\n", kinds[k].name, in.n,
                   whole, pieces, reference(in, &sink), 1024 / whole);
        }
    scan_free(&s);
    scan_paths_free(&p);
    buf_release(&b);
    return sink == 0;
}

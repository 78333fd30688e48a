/* tokens.c - how fast texts are counted, in one thread: "NAME bytes tokens ns"
 * per file, the best of some rounds; and a 4 KB prompt, a call at a time. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "token/count.h"

#define ROUNDS 5
#define PROMPT 4096

static int64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void measure(const char *name, enum encoding e, struct slice s)
{
    int64_t best = INT64_MAX, tokens = 0;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t from = now_ns();
        tokens = count_text(e, s);
        int64_t took = now_ns() - from;
        best = took < best ? took : best;
    }
    printf("%s %zu %" PRId64 " %" PRId64 "\n", name, s.n, tokens, best);
}

/* Prompts from all over the text, so that the tables are as warm as a gateway
 * has them. */
static void measure_prompts(enum encoding e, struct slice s)
{
    int64_t from = now_ns(), n = 0;
    for (size_t at = 0; at + PROMPT <= s.n; at += PROMPT, n++)
        (void)count_text(e, slice(s.p + at, PROMPT));
    if (n > 0)
        printf("prompt %d %" PRId64 " %" PRId64 "\n", PROMPT, n,
               (now_ns() - from) / n);
}

int main(int argc, char **argv)
{
    enum encoding e;
    if (argc < 3 || !count_encoding_find(slice_str(argv[1]), &e))
        return 2;
    for (int i = 2; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        struct buf b;
        size_t n = 1;
        if (f == NULL)
            return 1;
        buf_init(&b, (size_t)1 << 30);
        while (n > 0) {
            char *to = buf_reserve(&b, 1 << 20);
            n = to != NULL ? fread(to, 1, 1 << 20, f) : 0;
            b.n += n;
        }
        (void)fclose(f);
        measure(argv[i], e, buf_get(&b));
        if (i == 2)
            measure_prompts(e, buf_get(&b));
        buf_release(&b);
    }
    return 0;
}

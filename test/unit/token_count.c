/* token_count.c - counting whole, in windows and in parts is one and the same.
 *
 * The encoder is compiled in with windows of 64 bytes, so that seams, retreats
 * and the walk over the whole happen in texts of some hundred bytes.  That the
 * ids are tiktoken's is shown in test/http/tokens.test.mjs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BPE_WINDOW 64
#include "token/bpe.c"
#include "token/count.h"
#include "token/split.h"

static uint64_t seed = 88172645463325252u;

static uint32_t draw(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32) % n;
}

static void add_up(void *arg, const uint32_t *ids, size_t n)
{
    int64_t *sum = arg;
    (void)ids;
    *sum += (int64_t)n;
}

static int64_t ids_of(enum encoding e, struct slice s)
{
    int64_t sum = 0;
    assert_true(count_ids(e, s, add_up, &sum) == sum);
    return sum;
}

/* Texts of few kinds of characters, so that runs and long words happen. */
static struct slice make_text(char *to, size_t max)
{
    static const char *const atoms[] = {
        "a",  "e",   "t",    "the",  "ing", "A",    "THE",      " ",
        "  ", "\n",  "\r\n", "\t",   "-",   "=",    "--",       "'s",
        "'",  "'RE", "1",    "23",   ".",   ",",    "/",        "\\",
        "_",  "é",   "ß",    "日本", "的",  "🙂", "\xCC\x81", "\xE3\x80\x80",
    };
    size_t n = 0, want = 1 + draw((uint32_t)max - 16);
    uint32_t kinds = 1 + draw(6), of[6];
    for (uint32_t i = 0; i < kinds; i++)
        of[i] = draw(sizeof atoms / sizeof *atoms);
    while (n < want) {
        const char *a = atoms[of[draw(kinds)]];
        memcpy(to + n, a, strlen(a));
        n += strlen(a);
    }
    return slice(to, n);
}

static void windows_are_exact(void **state)
{
    char text[1200];
    (void)state;
    for (int i = 0; i < 20000; i++) {
        enum encoding e = (enum encoding)draw(ENCODING_COUNT);
        struct slice s = make_text(text, sizeof text);
        if (count_text(e, s) != ids_of(e, s))
            fail_msg("%.*s", SLICE_FMT(s));
    }
}

static void merging_is_the_same(void **state)
{
    uint32_t ids[BPE_WINDOW], other[BPE_WINDOW];
    uint8_t p[BPE_WINDOW];
    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint64_t dead[DEAD_WORDS(BPE_WINDOW)] = {0};
        size_t n = 1 + draw(BPE_WINDOW), budget = SIZE_MAX;
        uint32_t kinds = 1 + draw(i % 2 ? 4 : 255);
        struct ranks r;
        for (size_t k = 0; k < n; k++)
            p[k] = (uint8_t)(i % 3 ? 'a' + draw(kinds) % 26 : draw(kinds));
        ranks_get((enum encoding)draw(ENCODING_COUNT), &r);
        size_t a = walk(&r, p, n, RANKS_NONE, &budget, ids, dead);
        size_t b = merge(&r, p, n, other);
        assert_int_equal(a, b);
        assert_memory_equal(ids, other, a * sizeof *ids);
    }
}

static void parts_are_the_whole(void **state)
{
    char text[6000];
    (void)state;
    for (int i = 0; i < 3000; i++) {
        enum encoding e = (enum encoding)draw(ENCODING_COUNT);
        struct slice s = make_text(text, i % 10 ? 500 : sizeof text);
        struct count_stream c;
        if (i % 4 == 0) // ill-formed somewhere
            text[draw((uint32_t)s.n)] = (char)draw(256);
        count_stream_init(&c, e);
        for (size_t at = 0; at < s.n;) {
            size_t n = 1 + draw(i % 2 ? 4 : 3000);
            n = n < s.n - at ? n : s.n - at;
            count_stream_add(&c, slice(s.p + at, n));
            at += n;
        }
        int64_t whole = count_text(e, s);
        assert_true(count_stream_get(&c) == whole);
        assert_true(ids_of(e, s) == whole);
        count_stream_release(&c);
    }
}

/* Every place split_cut names is a cut of every encoding. */
static void cuts_hold(void **state)
{
    char text[300];
    (void)state;
    for (int i = 0; i < 30000; i++) {
        struct slice s = make_text(text, sizeof text);
        const uint8_t *p = (const uint8_t *)s.p;
        size_t cut = split_cut(p, 0, s.n);
        assert_true(cut < s.n);
        if (cut == 0)
            continue;
        for (int e = 0; e < ENCODING_COUNT; e++) {
            int64_t two =
                count_text((enum encoding)e, slice(s.p, cut)) +
                count_text((enum encoding)e, slice(s.p + cut, s.n - cut));
            assert_true(two == count_text((enum encoding)e, s));
        }
    }
}

/* A word without end is counted in parts, in bounded memory. */
static void endless_words_are_bounded(void **state)
{
    char part[4096];
    struct count_stream c;
    (void)state;
    memset(part, 'a', sizeof part);
    count_stream_init(&c, ENCODING_O200K);
    for (int i = 0; i < 1000; i++) {
        count_stream_add(&c, slice(part, sizeof part));
        assert_true(c.pending.n <= COUNT_PENDING);
    }
    assert_true(count_stream_get(&c) >= 1000 * 4096 / 128);
    assert_true(count_stream_get(&c) < 1000 * 4096 / 4);
    count_stream_release(&c);
}

static void ill_formed_is_replaced(void **state)
{
    static const struct {
        const char *bytes, *as;
    } rows[] = {
        {"a\xFF", "a\xEF\xBF\xBD"},
        {"\xE2\x82", "\xEF\xBF\xBD"},
        {"\xE2\x28\xA1", "\xEF\xBF\xBD(\xEF\xBF\xBD"},
        {"\xF0\x9F\x99 x", "\xEF\xBF\xBD x"},
        {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xF4\x90\x80\x80",
         "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int e = 0; e < ENCODING_COUNT; e++)
            assert_true(
                count_text((enum encoding)e, slice_str(rows[i].bytes)) ==
                count_text((enum encoding)e, slice_str(rows[i].as)));
    assert_true(count_text(ENCODING_O200K, slice("", 0)) == 0);
}

static void models_have_encodings(void **state)
{
    static const struct {
        const char *model;
        enum encoding e;
    } rows[] = {
        {"gpt-4o", ENCODING_O200K},
        {"gpt-4.1-mini-2025-04-14", ENCODING_O200K},
        {"gpt-4.5-preview", ENCODING_O200K},
        {"chatgpt-4o-latest", ENCODING_O200K},
        {"gpt-5.2", ENCODING_O200K},
        {"o4-mini", ENCODING_O200K},
        {"gpt-9-ultra", ENCODING_O200K},
        {"gpt-oss-120b", ENCODING_O200K},
        {"", ENCODING_O200K},
        {"gpt-4", ENCODING_CL100K},
        {"gpt-4-turbo-2024-04-09", ENCODING_CL100K},
        {"gpt-35-turbo", ENCODING_CL100K},
        {"ft:gpt-3.5-turbo-0125:acme::x", ENCODING_CL100K},
        {"ft:gpt-4o-mini-2024-07-18:acme::x", ENCODING_O200K},
        {"azure/gpt-4", ENCODING_CL100K},
        {"text-embedding-ada-002", ENCODING_CL100K},
        {"davinci-002", ENCODING_CL100K},
        {"text-davinci-003", ENCODING_P50K},
        {"code-cushman-001", ENCODING_P50K},
        {"text-davinci-001", ENCODING_R50K},
        {"davinci", ENCODING_R50K},
        {"gpt2", ENCODING_R50K},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(count_encoding(slice_str(rows[i].model)), rows[i].e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_are_exact),
        cmocka_unit_test(merging_is_the_same),
        cmocka_unit_test(parts_are_the_whole),
        cmocka_unit_test(cuts_hold),
        cmocka_unit_test(endless_words_are_bounded),
        cmocka_unit_test(ill_formed_is_replaced),
        cmocka_unit_test(models_have_encodings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

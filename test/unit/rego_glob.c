/* rego_glob.c - gobwas' globs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rego/glob.h"

static struct arena arena;

static enum regex_result match(const char *pattern, const char *delims,
                               const char *text)
{
    struct regex *re;
    struct err err;
    uint32_t d[8];
    size_t n = strlen(delims);
    struct regex_run run = {.arena = &arena};
    for (size_t i = 0; i < n; i++)
        d[i] = (uint8_t)delims[i];
    if (glob_compile(&arena, slice_str(pattern), d, n, 0, &re, &err) != OK)
        fail_msg("%s: %s", pattern, err.text);
    return regex_match(re, slice_str(text), &run);
}

static void globs_match_whole_texts(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *delims, *text;
        enum regex_result want;
    } t[] = {
        {"*.github.com", ".", "api.github.com", REGEX_YES},
        {"*.github.com", ".", "api.x.github.com", REGEX_NO},
        {"*.github.com", "", "api.x.github.com", REGEX_YES},
        {"api.**.com", ".", "api.cdn.github.com", REGEX_YES},
        {"[abc]at", ".", "bat", REGEX_YES},
        {"[!abc]at", ".", "bat", REGEX_NO},
        {"[a-c]at", ".", "dat", REGEX_NO},
        {"[!a-c]at", ".", "dat", REGEX_YES},
        {"?at", ".", "at", REGEX_NO},
        {"?at", "f", "fat", REGEX_NO},
        {"?", "", "\xc3\xa4", REGEX_YES},
        {"{cat,b*t,[fr]at}", ".", "boat", REGEX_YES},
        {"{cat,b*t,[fr]at}x", ".", "ratx", REGEX_YES},
        {"{a,{b,c}}", ".", "c", REGEX_YES},
        {"a,b}", ".", "a,b}", REGEX_YES},
        {"\\*a", ".", "*a", REGEX_YES},
        {"\\*a", ".", "xa", REGEX_NO},
        {"a(b)+", ".", "a(b)+", REGEX_YES},
        {"*", ".", "a\nb", REGEX_YES},
        {"", ".", "", REGEX_YES},
        {"", ".", "x", REGEX_NO},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        if (match(t[i].pattern, t[i].delims, t[i].text) != t[i].want)
            fail_msg("%s on %s", t[i].pattern, t[i].text);
}

static void bad_globs_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"[",    "[a", "[a-",   "[a-b",
                                      "{a,b", "[]", "[b-a]", "[!]"};
    struct regex *re;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(
            glob_compile(&arena, slice_str(bad[i]), NULL, 0, 0, &re, NULL),
            E_INVALID);
}

static void quoted_text_matches_itself(void **state)
{
    (void)state;
    const char *text = "*?[a]{b,c}\\x";
    struct buf b;
    buf_init(&b, 100);
    glob_quote(&b, slice_str(text));
    buf_char(&b, '\0');
    assert_int_equal(match(b.p, "", text), REGEX_YES);
    buf_release(&b);
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 64 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(globs_match_whole_texts),
        cmocka_unit_test(bad_globs_are_refused),
        cmocka_unit_test(quoted_text_matches_itself),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

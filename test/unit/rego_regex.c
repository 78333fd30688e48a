/* rego_regex.c - RE2 syntax, leftmost-first, Go's errors, linear time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rego/regex.h"

static struct arena arena;
static uint64_t steps;

static bool count_steps(void *arg, uint64_t n)
{
    uint64_t *limit = arg;
    steps += n;
    return limit == NULL || steps < *limit;
}

static const struct regex_run run = {.arena = &arena, .step = count_steps};

static struct regex *compile(const char *pattern, unsigned flags)
{
    struct regex *re = NULL;
    struct err err;
    if (regex_compile(&arena, slice_str(pattern), flags, &re, &err) != OK)
        fail_msg("%s: %s", pattern, err.text);
    return re;
}

/* Matches as "from-to" of every group, matches apart by blanks. */
static const char *all(const char *pattern, const char *text)
{
    struct regex *re = compile(pattern, 0);
    struct regex_iter it;
    assert_true(
        regex_iter_init(&it, re, slice_str(text), regex_groups(re), &run));
    struct buf b;
    buf_init(&b, 1 << 20);
    while (regex_next(&it) == REGEX_YES) {
        if (b.n > 0)
            buf_char(&b, ' ');
        for (size_t i = 0; i < regex_groups(re); i++) {
            if (i > 0)
                buf_char(&b, ',');
            if (it.group[i].from == REGEX_NONE)
                buf_str(&b, "x");
            else
                buf_printf(&b, "%zu-%zu", it.group[i].from, it.group[i].to);
        }
    }
    struct slice s = arena_dup(&arena, buf_get(&b));
    buf_release(&b);
    assert_non_null(s.p);
    return s.p;
}

static void matches_are_leftmost_first(void **state)
{
    (void)state;
    static const char *const t[][3] = {
        {"a+", "baaac a", "1-4 6-7"},
        {"a+?", "aaa", "0-1 1-2 2-3"},
        {"(a|ab)(c|bcd)", "abcd", "0-4,0-1,1-4"},
        {"a*", "baac", "0-0 1-3 4-4"},
        {"(a*)*", "b", "0-0,0-0 1-1,1-1"},
        {"(a*)+", "b", "0-0,0-0 1-1,1-1"},
        {"(a|b)*?c", "abc", "0-3,1-2"},
        {"^a", "aaa", "0-1"},
        {"(?m)^a$", "a\nb\na", "0-1 4-5"},
        {"a.c", "a\nc abc", "4-7"},
        {"(?s)a.c", "a\nc", "0-3"},
        {"(?i)hElLo", "say HELLO", "4-9"},
        {"(?i)k", "\xe2\x84\xaa", "0-3"},
        {"\\bfoo\\b", "food foo", "5-8"},
        {"\\B.", "ab", "1-2"},
        {"[^a-c]+", "abxyzc", "2-5"},
        {"[[:digit:]]+|\\pL+", "12\xc3\xa4z", "0-2 2-5"},
        {"\\p{Greek}", "a\xce\xb1", "1-3"},
        {"\\P{Lu}+", "ABcD", "2-3"},
        {"x{2,3}", "xxxxx", "0-3 3-5"},
        {"x{2}?", "xxxx", "0-2 2-4"},
        {"x{,2}", "x{,2}", "0-5"},
        {"(?U)a+", "aa", "0-1 1-2"},
        {"(?P<y>\\d{4})-(?<m>\\d\\d)", "on 2024-05", "3-10,3-7,8-10"},
        {"\\Qa.b\\E+", "a.bb axb", "0-4"},
        {"[]a]+", "]a[", "0-2"},
        {"[a\\]]+", "a]b", "0-2"},
        {"\\x41\\x{e4}\\101",
         "A\xc3\xa4"
         "A",
         "0-4"},
        {"$", "ab", "2-2"},
        {"(?:a|b)|c", "cab", "0-1 1-2 2-3"},
        {"|a", "a", "0-0 1-1"},
        {"(|a)*", "aa", "0-0,0-0 1-1,1-1 2-2,2-2"},
        {"(|a)+", "aa", "0-0,0-0 1-1,1-1 2-2,2-2"},
        {"\xff?", "a", NULL},
    };
    for (size_t i = 0; t[i][2] != NULL; i++) {
        const char *got = all(t[i][0], t[i][1]);
        if (strcmp(got, t[i][2]) != 0)
            fail_msg("%s on %s: %s, not %s", t[i][0], t[i][1], got, t[i][2]);
    }
}

static void errors_are_worded_like_go(void **state)
{
    (void)state;
    static const char *const t[][2] = {
        {"[", "missing closing ]: `[`"},
        {"x[a", "missing closing ]: `[a`"},
        {"(a", "missing closing ): `(a`"},
        {"a)", "unexpected ): `a)`"},
        {"*", "missing argument to repetition operator: `*`"},
        {"a|*", "missing argument to repetition operator: `*`"},
        {"a**", "invalid nested repetition operator: `**`"},
        {"a{1001}", "invalid repeat count: `{1001}`"},
        {"a{3,2}", "invalid repeat count: `{3,2}`"},
        {"\\", "trailing backslash at end of expression: ``"},
        {"\\1", "invalid escape sequence: `\\1`"},
        {"\\8", "invalid escape sequence: `\\8`"},
        {"\\y", "invalid escape sequence: `\\y`"},
        {"[z-a]", "invalid character class range: `z-a`"},
        {"[[:foo:]]", "invalid character class range: `[:foo:]`"},
        {"\\p{Foo}", "invalid character class range: `\\p{Foo}`"},
        {"(?=a)", "invalid or unsupported Perl syntax: `(?=`"},
        {"(?P<n", "invalid named capture: `(?P<n`"},
        {"(?P<n-m>a)", "invalid named capture: `(?P<n-m>`"},
        {"(?i", "missing closing ): `(?i`"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct regex *re;
        struct err err;
        assert_int_equal(
            regex_compile(&arena, slice_str(t[i][0]), 0, &re, &err), E_INVALID);
        assert_true(
            slice_starts(slice_str(err.text), "error parsing regexp: "));
        assert_string_equal(err.text + strlen("error parsing regexp: "),
                            t[i][1]);
    }
}

static void large_and_deep_patterns_are_refused(void **state)
{
    (void)state;
    static char deep[100000];
    struct regex *re;
    memset(deep, '(', sizeof deep);
    assert_int_not_equal(
        regex_compile(&arena, slice(deep, sizeof deep), 0, &re, NULL), OK);
    assert_int_equal(regex_compile(&arena,
                                   SLICE("((((a{1000}){1000}){1000}){1000})"),
                                   0, &re, NULL),
                     E_TOO_BIG);
}

static void table_and_simulation_agree(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "abc",       "^abc$",    "a.*b",     "^$",     "$",
        "(a|b)*c",   "[^a]b",    "^(a|ab)$", "a{2,4}", "(?i)aBc",
        "\xc3\xa4+", "^[a-c]+$", "^a|b$",    "(a*)*b", "^",
        "\\d+$",     "(^|x)a",   "a($|x)",   "(?s)^.$"};
    static const char *const texts[] = {
        "",    "abc",      "xabc", "abcx", "ab", "ba",  "aaaa",
        "ABC", "\xc3\xa4", "b",    "a",    "12", "1a",  "xa",
        "ax",  "\n",       "cab",  "a\nb", "ac", "\xff"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
            enum regex_result slow =
                regex_match(compile(patterns[i], 0), slice_str(texts[k]), &run);
            enum regex_result quick = regex_match(
                compile(patterns[i], REGEX_DFA), slice_str(texts[k]), &run);
            if (slow != quick)
                fail_msg("%s on %s: %d, table %d", patterns[i], texts[k], slow,
                         quick);
        }
}

/* Work per byte does not depend on how often the text repeats. */
static void hostile_patterns_stay_linear(void **state)
{
    (void)state;
    static const char *const patterns[] = {"(a*)*b", "(a|a)*b", "(a+)+$x",
                                           "(.*)(.*)(.*)(.*)(.*)[^a]b",
                                           "((a{0,50}){0,10})*b"};
    static char text[40000];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        struct regex *re = compile(patterns[i], 0);
        steps = 0;
        assert_int_equal(regex_match(re, slice(text, 10000), &run), REGEX_NO);
        uint64_t once = steps;
        steps = 0;
        assert_int_equal(regex_match(re, slice(text, 40000), &run), REGEX_NO);
        assert_true(steps >= 3 * once && steps <= 5 * once);
    }
}

static void work_is_bounded(void **state)
{
    (void)state;
    uint64_t limit = 5000;
    struct regex_run bounded = {
        .arena = &arena, .step = count_steps, .arg = &limit};
    static char text[100000];
    memset(text, 'a', sizeof text);
    steps = 0;
    assert_int_equal(regex_match(compile("(a|b)*[^a]\\b", 0),
                                 slice(text, sizeof text), &bounded),
                     REGEX_LIMIT);
}

static void replacement_expands_groups(void **state)
{
    (void)state;
    static const char *const t[][4] = {
        {"(a)(b)?", "abac", "<$1|$2>", "<a|b><a|>c"},
        {"(?P<first>\\w+) (\\w+)", "hello world", "$2 ${first}", "world hello"},
        {"a", "bab", "$$", "b$b"},
        {"a", "bab", "$1x", "bb"},
        {"a", "bab", "${1}x", "bxb"},
        {"a*", "baac", "-", "-b-c-"},
        {"b", "abc", "", "ac"},
        {"x", "abc", "y", "abc"},
        {"a", "a", "$", "$"},
        {"a", "a", "${x", "${x"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct buf b;
        buf_init(&b, 1000);
        assert_int_equal(regex_replace(compile(t[i][0], 0), slice_str(t[i][1]),
                                       slice_str(t[i][2]), &b, &run),
                         REGEX_YES);
        buf_char(&b, '\0');
        assert_string_equal(b.p, t[i][3]);
        buf_release(&b);
    }
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 256 << 20);
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
        cmocka_unit_test(matches_are_leftmost_first),
        cmocka_unit_test(errors_are_worded_like_go),
        cmocka_unit_test(large_and_deep_patterns_are_refused),
        cmocka_unit_test(table_and_simulation_agree),
        cmocka_unit_test(hostile_patterns_stay_linear),
        cmocka_unit_test(work_is_bounded),
        cmocka_unit_test(replacement_expands_groups),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

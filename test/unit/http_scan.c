/* http_scan.c - what the scanner finds, where, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "http/scan.h"

static const char *const paths[] = {
    "model",
    "usage.prompt_tokens",
    "choices.*.delta.content",
    "choices",
    "any.*",
    "stream",
    "usage",
};

struct log {
    struct buf values, text;
};

static void on_value(void *arg, int path, const struct scan_value *v)
{
    struct log *l = arg;
    buf_printf(&l->values, "%s=%.*s %zu-%zu k%zu n%u%s%s;", paths[path],
               SLICE_FMT(v->text), v->from, v->to, v->key_from, v->count,
               v->repeated ? " again" : "", v->cut ? " cut" : "");
}

static void on_text(void *arg, int path, const char *p, size_t n)
{
    (void)path;
    buf_add(&((struct log *)arg)->text, p, n);
}

/* Scans `in` in steps; answers the calls as text. */
static enum status scan_text(const char *in, size_t n, size_t step,
                             struct log *l, size_t *error_at)
{
    struct scan_paths *p =
        scan_paths_new(paths, (int)(sizeof paths / sizeof *paths));
    struct scan *s = scan_new();
    enum status st = OK;
    buf_init(&l->values, 1u << 20);
    buf_init(&l->text, 1u << 20);
    scan_start(s, p, on_value, l);
    scan_on_text(s, on_text);
    for (size_t at = 0; at < n && st == OK; at += step)
        st = scan_feed(s, in + at, step < n - at ? step : n - at);
    enum status end = scan_end(s);
    *error_at = scan_error_at(s);
    scan_free(&s);
    scan_paths_free(&p);
    return st == OK ? end : st;
}

static void expect(const char *in, const char *want)
{
    for (size_t step = 1; step < 40; step++) {
        struct log l;
        size_t at;
        enum status st = scan_text(in, strlen(in), step, &l, &at);
        if (st != OK || !slice_is(buf_get(&l.values), want))
            fail_msg("step %zu: %s\n got %.*s\nwant %s", step, in,
                     SLICE_FMT(buf_get(&l.values)), want);
        buf_release(&l.values);
        buf_release(&l.text);
    }
}

static void test_finds_values_at_every_cut(void **state)
{
    (void)state;
    expect("{\"model\":\"gpt-4o\",\"stream\" : true}",
           "model=gpt-4o 9-17 k1 n0;stream= 29-33 k18 n0;");
    expect("{\"usage\":{\"prompt_tokens\":12,\"x\":{\"prompt_tokens\":3}}}",
           "usage.prompt_tokens=12 26-28 k10 n0;usage= 9-53 k1 n2;");
    expect("{\"choices\":[{\"delta\":{\"content\":\"a\"}},[],"
           "{\"delta\":{\"content\":\"b\"}}]}",
           "choices.*.delta.content=a 32-35 k22 n0;"
           "choices.*.delta.content=b 61-64 k51 n0;choices= 11-67 k1 n3;");
    expect("{\"any\":{\"x\":-1.5e+3,\"y\":null},\"model\":0}",
           "any.*=-1.5e+3 12-19 k8 n0;any.*= 24-28 k20 n0;"
           "model=0 38-39 k30 n0;");
    expect("{\"choices\":[] ,\"usage\":null}",
           "choices= 11-13 k1 n0;usage= 23-27 k15 n0;");
    expect("[{\"model\":1}]", ""); // paths begin at the top
    expect(" 42 ", "");
}

static void test_keys_match_decoded_and_repeats_are_flagged(void **state)
{
    (void)state;
    expect("{\"model\":1,\"\\u006dode\\u006C\":2}",
           "model=1 9-10 k1 n0;model=2 29-30 k11 n0 again;");
    expect("{\"any\":{\"a\":1,\"a\":2}}", // only the top level is flagged
           "any.*=1 12-13 k8 n0;any.*=2 18-19 k14 n0;");
}

static void test_strings_decode(void **state)
{
    (void)state;
    expect("{\"model\":\"\\\"\\\\\\/\\n\\u00e9\\ud83d\\ude00\"}",
           "model=\"\\/\n\xC3\xA9\xF0\x9F\x98\x80 9-37 k1 n0;");
    expect("{\"model\":\"\\ud800x\\udc00\\ud83d\\ud83d\\ude00\\ud83d\"}",
           "model=\xEF\xBF\xBDx\xEF\xBF\xBD\xEF\xBF\xBD\xF0\x9F\x98\x80"
           "\xEF\xBF\xBD 9-48 k1 n0;");
    expect("{\"model\":\"\xE2\x82\xAC\xF4\x8F\xBF\xBF\"}",
           "model=\xE2\x82\xAC\xF4\x8F\xBF\xBF 9-18 k1 n0;");
}

static void test_long_values_are_cut_but_counted(void **state)
{
    (void)state;
    for (size_t step = 1; step < 2000; step += 333) {
        struct buf in;
        struct log l;
        size_t at;
        buf_init(&in, 1u << 20);
        buf_str(&in, "{\"model\":\"x"); // so that no character ends at 512
        for (int i = 0; i < 1000; i++)
            buf_str(&in, "\xC3\xA9");
        buf_str(&in, "\",\"");
        for (int i = 0; i < 600; i++)
            buf_char(&in, 'k'); // a long key matches nothing, but "*"
        buf_str(&in, "\":1,\"any\":{\"");
        for (int i = 0; i < 600; i++)
            buf_char(&in, 'k');
        buf_str(&in, "\":2}}");
        assert_int_equal(scan_text(in.p, in.n, step, &l, &at), OK);
        assert_int_equal(l.text.n, 2001);
        buf_char(&l.values, '\0');
        assert_non_null(strstr(l.values.p, "cut;any.*=2 "));
        // cut at a character
        assert_memory_equal(strstr(l.values.p, " 9-") - 2, "\xC3\xA9", 2);
        buf_release(&l.values);
        buf_release(&l.text);
        buf_release(&in);
    }
}

static void test_refuses_what_is_no_json(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t n, at;
    } cases[] = {
#define C(lit, at) {lit, sizeof(lit) - 1, at}
        C("", 0),
        C(" ", 1),
        C("{", 1),
        C("{}}", 2),
        C("{} 1", 3),
        C("{\"a\"}", 4),
        C("{\"a\":}", 5),
        C("{\"a\":1,}", 7),
        C("{a:1}", 1),
        C("{1:1}", 1),
        C("[1,]", 3),
        C("[1 2]", 3),
        C("[}", 1),
        C("{]", 1),
        C("01", 1),
        C("-", 1),
        C("-a", 1),
        C("+1", 0),
        C(".5", 0),
        C("1.", 2),
        C("1.e1", 2),
        C("1e", 2),
        C("1e+", 3),
        C("1e+ ", 3),
        C("0x1", 1),
        C("NaN", 0),
        C("nul", 3),
        C("nulL", 3),
        C("True", 0),
        C("'a'", 0),
        C("\"a", 2),
        C("\"\\x\"", 2),
        C("\"\\u12g4\"", 5),
        C("\"\\u123\"", 6),
        C("\"a\nb\"", 2),
        C("\"a\0b\"", 2),
        C("[1]\0", 3),
        C("\"\xFF\"", 1),
        C("\"\xC0\x80\"", 1),
        C("\"\xC3\"", 2),
        C("\"\xE0\x80\x80\"", 2),
        C("\"\xED\xA0\x80\"", 2),
        C("\"\xF0\x80\x80\x80\"", 2),
        C("\"\xF4\x90\x80\x80\"", 2),
        C("\"\xC3\\n\"", 2),
        C("\xEF\xBB\xBF{}", 0),
        C("\xC2\xA0{}", 0),
#undef C
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t step = 1; step < 10; step++) {
            struct log l;
            size_t at = 999;
            if (scan_text(cases[i].in, cases[i].n, step, &l, &at) == OK ||
                at != cases[i].at)
                fail_msg("%s: error at %zu", cases[i].in, at);
            buf_release(&l.values);
            buf_release(&l.text);
        }
}

static void test_depth(void **state)
{
    (void)state;
    char deep[2 * (SCAN_DEPTH + 1)];
    struct log l;
    size_t at;
    for (size_t n = SCAN_DEPTH; n <= SCAN_DEPTH + 1; n++) {
        memset(deep, '[', n);
        memset(deep + n, ']', n);
        enum status st = scan_text(deep, 2 * n, 7, &l, &at);
        assert_int_equal(st, n == SCAN_DEPTH ? OK : E_INVALID);
        if (st != OK)
            assert_int_equal(at, SCAN_DEPTH);
        buf_release(&l.values);
        buf_release(&l.text);
    }
}

static void ignore(void *arg, int path, const struct scan_value *v)
{
    (void)path;
    *(int *)arg += v->type == SCAN_NUMBER;
}

static void test_a_scanner_is_used_again(void **state)
{
    (void)state;
    struct scan_paths *p = scan_paths_new(paths, 1);
    struct scan *s = scan_new();
    int numbers = 0;
    scan_start(s, p, ignore, &numbers);
    assert_int_equal(scan_feed(s, "{\"model\":1,", 11), OK);
    assert_int_equal(scan_feed(s, "!", 1), E_INVALID);
    assert_int_equal(scan_feed(s, "\"x\":1}", 6), E_INVALID); // sticky
    assert_int_equal(scan_end(s), E_INVALID);
    assert_int_equal(scan_error_at(s), 11);
    scan_start(s, p, ignore, &numbers);
    assert_int_equal(scan_feed(s, "{\"model\":1}", 11), OK);
    assert_int_equal(scan_end(s), OK);
    assert_int_equal(numbers, 2);
    scan_free(&s);
    scan_paths_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_values_at_every_cut),
        cmocka_unit_test(test_keys_match_decoded_and_repeats_are_flagged),
        cmocka_unit_test(test_strings_decode),
        cmocka_unit_test(test_long_values_are_cut_but_counted),
        cmocka_unit_test(test_refuses_what_is_no_json),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_a_scanner_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

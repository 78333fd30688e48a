/* Values: order, equality, JSON in and out, terms as OPA prints them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "rego/rego.h"
#include "rego/value.h"

static struct value parse(struct arena *a, const char *text)
{
    struct value v;
    struct err err;
    if (value_parse_json(a, slice_str(text), &v, &err) != OK)
        fail_msg("%s: %s", text, err.text);
    return v;
}

static void sorted_from_least_to_greatest(void **state)
{
    (void)state;
    static const char *const texts[] = {"null",
                                        "false",
                                        "true",
                                        "-2",
                                        "-1.5",
                                        "0",
                                        "1",
                                        "1.5",
                                        "2",
                                        "1e3",
                                        "99999999999999999999",
                                        "\"\"",
                                        "\"a\"",
                                        "\"ab\"",
                                        "\"b\"",
                                        "[]",
                                        "[1]",
                                        "[1,null]",
                                        "[2]",
                                        "{}",
                                        "{\"a\":1}",
                                        "{\"a\":2}",
                                        "{\"a\":2,\"b\":0}",
                                        "{\"b\":0}"};
    struct arena a;
    arena_init(&a, 1 << 20);
    size_t n = sizeof texts / sizeof *texts;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            struct value x = parse(&a, texts[i]), y = parse(&a, texts[j]);
            int c = value_compare(&x, &y);
            assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
            assert_int_equal(value_equal(&x, &y), i == j);
            if (i == j)
                assert_true(value_hash(&x) == value_hash(&y));
        }
    arena_release(&a);
}

static void one_is_one_point_zero(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    struct value x = parse(&a, "[1,{\"k\":1e0}]"),
                 y = parse(&a, "[1.0,{\"k\":10e-1}]");
    assert_true(value_equal(&x, &y));
    assert_true(value_hash(&x) == value_hash(&y));
    struct slice s = value_json_arena(&a, &y);
    assert_true(slice_is(s, "[1.0,{\"k\":10e-1}]"));
    arena_release(&a);
}

static void the_last_of_equal_keys_counts(void **state)
{
    (void)state;
    struct arena a;
    struct buf b;
    arena_init(&a, 1 << 22);
    buf_init(&b, 1 << 20);
    buf_char(&b, '{');
    for (int i = 0; i < 3000; i++)
        buf_printf(&b, "%s\"k%d\":%d", i > 0 ? "," : "", i % 1000, i);
    buf_str(&b, "}");
    buf_char(&b, '\0');
    struct value v = parse(&a, b.p);
    assert_int_equal(v.n, 1000);
    for (int i = 0; i < 1000; i++) {
        char key[16];
        int n = snprintf(key, sizeof key, "k%d", i);
        const struct value *x = value_get_str(&v, slice(key, (size_t)n));
        assert_non_null(x);
        assert_int_equal(x->u.i, 2000 + i);
    }
    assert_null(value_get_str(&v, SLICE("k")));
    buf_release(&b);
    arena_release(&a);
}

static void bad_json_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",      "nul",       "[1,]",     "{\"a\"}",    "01",    "1.",
        "+1",    "\"\\x\"",   "\"a\nb\"", "[1 2]",      "{1:2}", "\"\xff\"",
        "[1] 2", "\"\\ud8\"", "-",        "{\"a\":1,}", "tru"};
    struct arena a;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct value v;
        struct err err;
        assert_int_equal(value_parse_json(&a, slice_str(texts[i]), &v, &err),
                         E_INVALID);
    }
    char deep[1000];
    memset(deep, '[', sizeof deep);
    struct value v;
    struct err err;
    assert_int_equal(value_parse_json(&a, slice(deep, sizeof deep), &v, &err),
                     E_INVALID);
    arena_release(&a);
}

static void terms_print_as_opa_prints_them(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{1, 2}",       "set()",           "{\"a\": [true, null]}",
        "\"q\\\"\\n\"", "[{}, {[1], {}}]", "{1: \"x\"}"};
    struct arena a;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct value v;
        assert_true(rego_parse_term(&a, slice_str(texts[i]), &v));
        struct slice s = value_term_arena(&a, &v);
        assert_int_equal(s.n, strlen(texts[i]));
        assert_memory_equal(s.p, texts[i], s.n);
    }
    struct value v;
    assert_false(rego_parse_term(&a, SLICE("x"), &v));
    assert_false(rego_parse_term(&a, SLICE("[1"), &v));
    arena_release(&a);
}

static void copies_stand_alone(void **state)
{
    (void)state;
    struct arena a, b;
    arena_init(&a, 1 << 20);
    arena_init(&b, 1 << 20);
    struct value v =
        parse(&a, "{\"x\":[1,\"two\",3.50,{\"y\":123456789012345678901}]}");
    struct value c = value_copy(&b, &v);
    struct slice before = value_json_arena(&b, &v);
    arena_release(&a);
    struct slice after = value_json_arena(&b, &c);
    assert_true(slice_eq(before, after));
    struct arena small;
    arena_init(&small, 16);
    struct value none = value_copy(&small, &c);
    assert_int_equal(none.kind, V_UNDEF);
    arena_release(&small);
    arena_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorted_from_least_to_greatest),
        cmocka_unit_test(one_is_one_point_zero),
        cmocka_unit_test(the_last_of_equal_keys_counts),
        cmocka_unit_test(bad_json_is_refused),
        cmocka_unit_test(terms_print_as_opa_prints_them),
        cmocka_unit_test(copies_stand_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

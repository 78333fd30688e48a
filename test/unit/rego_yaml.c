/* rego_yaml.c - YAML read and written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rego/yaml.h"

static struct arena arena;

static const char *json(const char *text)
{
    struct value v;
    struct err err;
    if (yaml_parse(&arena, slice_str(text), &v, &err) != OK) {
        struct slice s = arena_dup(&arena, slice_str(err.text));
        assert_non_null(s.p);
        return s.p;
    }
    struct slice s = value_json_arena(&arena, &v);
    s = arena_dup(&arena, s);
    assert_non_null(s.p);
    return s.p;
}

static void documents_become_values(void **state)
{
    (void)state;
    static const char *const t[][2] = {
        {"", "null"},
        {"# only a comment", "null"},
        {"---\na: 1\n...\n", "{\"a\":1}"},
        {"a: 1\nb:\n- x\n-  y: 2\n   z: 3\nc:\n  - 4\n",
         "{\"a\":1,\"b\":[\"x\",{\"y\":2,\"z\":3}],\"c\":[4]}"},
        {"- - 1\n  - 2\n-\n  - 3\n", "[[1,2],[3]]"},
        {"{a: [1, 'it''s', \"x\\u00e4\"], b}",
         "{\"a\":[1,\"it's\",\"x\xc3\xa4\"],\"b\":null}"},
        {"a: |\n  x\n   y\n\n  z\nb: >\n  x\n  y\n\n  z\nc: |-\n  x\n",
         "{\"a\":\"x\\n y\\n\\nz\\n\",\"b\":\"x y\\nz\\n\",\"c\":\"x\"}"},
        {"a: one\n  two # c\nb: http://x:1/#f\n",
         "{\"a\":\"one two\",\"b\":\"http://x:1/#f\"}"},
        {"[yes, No, on, ~, null, 0x1f, 017, 1.50, -3, +4, 1e3, .5, '1']",
         "[true,false,true,null,null,31,15,1.5,-3,4,1000,0.5,\"1\"]"},
        {"a: &x {k: 1, l: 2}\nb: *x\nc:\n  <<: *x\n  l: 3\n",
         "{\"a\":{\"k\":1,\"l\":2},\"b\":{\"k\":1,\"l\":2},"
         "\"c\":{\"k\":1,\"l\":3}}"},
        {"1: a\ntrue: b\n", "{\"1\":\"a\",\"true\":\"b\"}"},
        {"a:\nb: !!str 12\n", "{\"a\":null,\"b\":\"12\"}"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        assert_string_equal(json(t[i][0]), t[i][1]);
}

static void faults_name_the_line(void **state)
{
    (void)state;
    static const char *const t[][2] = {
        {"[1,2,3", "yaml: line 1: did not find expected ',' or ']'"},
        {"a: 1\nb: {c: 1", "yaml: line 2: did not find expected ',' or '}'"},
        {"a: b: c",
         "yaml: line 1: mapping values are not allowed in this context"},
        {"a: 1\n  b: 2", "yaml: line 2: did not find expected key"},
        {"a: *x", "yaml: line 1: unknown anchor referenced"},
        {"a: \"x", "yaml: line 1: found unexpected end of stream"},
        {"a: @x", "yaml: line 1: found character that cannot start any token"},
        {"- a\nb: 1", "yaml: line 2: did not find expected <document start>"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        const char *got = json(t[i][0]);
        if (strcmp(got, t[i][1]) != 0)
            print_message("%s\n", t[i][0]);
        assert_string_equal(got, t[i][1]);
    }
}

static void hostile_documents_are_bounded(void **state)
{
    (void)state;
    static char deep[50000];
    struct value v;
    struct err err;
    memset(deep, '[', sizeof deep);
    assert_int_equal(yaml_parse(&arena, slice(deep, sizeof deep), &v, &err),
                     E_INVALID);
    for (size_t i = 0; i + 1 < sizeof deep; i += 2)
        memcpy(deep + i, "- ", 2);
    assert_int_equal(yaml_parse(&arena, slice(deep, sizeof deep), &v, &err),
                     E_INVALID);
    // ten levels of ten aliases, ten billion nodes if written out
    struct buf b;
    buf_init(&b, 10000);
    buf_str(&b, "a0: &a0 [x]\n");
    for (int i = 1; i < 10; i++) {
        buf_printf(&b, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            buf_printf(&b, "*a%d,", i - 1);
        buf_str(&b, "]\n");
    }
    size_t before = arena.used;
    assert_int_equal(yaml_parse(&arena, buf_get(&b), &v, &err), E_INVALID);
    assert_string_equal(err.text,
                        "yaml: line 6: document contains excessive aliasing");
    assert_true(arena.used - before < 200000);
    buf_clear(&b);
    // each alias one level deeper than the one before
    buf_str(&b, "a0: &a0 x\n");
    for (int i = 1; i < 200; i++)
        buf_printf(&b, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    assert_int_equal(yaml_parse(&arena, buf_get(&b), &v, &err), E_INVALID);
    buf_release(&b);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"a\":[],\"b\":{},\"c\":[[1,2],{\"d\":null}],\"e\":\"\"}",
        "[\"true\",\"1\",\"- x\",\"a: b\",\"#\",\" x\",\"x \",\"a\\nb\",\"~\"]",
        "{\"a b\":1,\"1\":2,\"x: y\":3,\"\":4,\"*\":5}",
        "[1.5,-2,1e+30,\"\\u0007\",\"@\",\"%\",\"&a\",\"!t\",\"|\",\">\"]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct value v, again;
        struct err err;
        struct buf b;
        buf_init(&b, 10000);
        assert_int_equal(
            value_parse_json(&arena, slice_str(texts[i]), &v, &err), OK);
        yaml_write(&b, &v);
        assert_int_equal(yaml_parse(&arena, buf_get(&b), &again, &err), OK);
        assert_true(value_equal(&v, &again));
        buf_release(&b);
    }
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
        cmocka_unit_test(documents_become_values),
        cmocka_unit_test(faults_name_the_line),
        cmocka_unit_test(hostile_documents_are_bounded),
        cmocka_unit_test(what_is_written_reads_back),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

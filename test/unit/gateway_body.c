/* gateway_body.c - bodies in memory and spilled hold exactly what was added. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/body.h"

static void fill(struct body *b, size_t total, size_t piece)
{
    char bytes[4096];
    struct err err;
    for (size_t at = 0; at < total; at += piece) {
        size_t n = total - at < piece ? total - at : piece;
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)((at + i) * 31 >> 3);
        assert_int_equal(body_add(b, bytes, n, "/tmp", &err), OK);
    }
}

static void check(const struct body *b, size_t total)
{
    struct slice s = body_get(b);
    assert_int_equal(s.n, total);
    for (size_t i = 0; i < total; i++)
        if (s.p[i] != (char)(i * 31 >> 3))
            fail_msg("byte %zu differs", i);
}

static void test_sizes(void **state)
{
    (void)state;
    static const size_t sizes[] = {
        0, 1, 4096, BODY_MEMORY, BODY_MEMORY + 1, 5 * BODY_MEMORY + 7};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int expect = 0; expect < 2; expect++) {
            struct body b;
            struct err err;
            body_init(&b, 16 * BODY_MEMORY);
            if (expect)
                assert_int_equal(body_expect(&b, sizes[i], "/tmp", &err), OK);
            fill(&b, sizes[i], 4095);
            check(&b, sizes[i]);
            assert_int_equal(b.fd != -1, sizes[i] > BODY_MEMORY);
            body_release(&b);
        }
}

static void test_limit(void **state)
{
    (void)state;
    struct body b;
    struct err err;
    body_init(&b, 10);
    assert_int_equal(body_expect(&b, 11, "/tmp", &err), E_TOO_BIG);
    assert_int_equal(body_add(&b, "0123456789", 10, "/tmp", &err), OK);
    assert_int_equal(body_add(&b, "x", 1, "/tmp", &err), E_TOO_BIG);
    assert_int_equal(body_get(&b).n, 10);
    body_release(&b);
}

static void test_no_spill_folder(void **state)
{
    (void)state;
    struct body b;
    struct err err;
    body_init(&b, 16 * BODY_MEMORY);
    assert_int_equal(
        body_expect(&b, 2 * BODY_MEMORY, "/nonexistent/folder", &err), E_IO);
    body_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_no_spill_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* guard_limit.c - failures per source address: counted, forgotten, bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/crypt.h"
#include "guard/limit.h"

#define T0 1795205460000LL /* start of a minute */

static void test_counts_per_address(void **state)
{
    (void)state;
    struct limit *l = limit_new(3);
    int retry;
    for (int i = 0; i < 3; i++) {
        assert_false(limit_reached(l, SLICE("10.0.0.1"), T0, &retry));
        assert_true(limit_count(l, SLICE("10.0.0.1"), T0));
    }
    assert_true(limit_reached(l, SLICE("10.0.0.1"), T0 + 59999, &retry));
    assert_true(retry >= 1 && retry <= 60);
    assert_false(limit_count(l, SLICE("10.0.0.1"), T0));
    assert_false(limit_reached(l, SLICE("10.0.0.2"), T0, &retry));
    assert_false(limit_reached(l, SLICE("10.0.0.1"), T0 + 180000, &retry));
    limit_free(&l);
}

static void test_no_burst_at_the_edge(void **state)
{
    (void)state;
    struct limit *l = limit_new(10);
    int retry;
    for (int i = 0; i < 10; i++)
        assert_true(limit_count(l, SLICE("h"), T0 + 59000));
    assert_true(limit_reached(l, SLICE("h"), T0 + 60001, &retry));
    limit_free(&l);
}

static void test_ipv6_counts_by_network(void **state)
{
    (void)state;
    struct limit *l = limit_new(1);
    int retry;
    assert_true(limit_count(l, SLICE("2001:db8:1:2:3:4:5:6"), T0));
    assert_true(limit_reached(l, SLICE("2001:db8:1:2:ffff::1"), T0, &retry));
    assert_false(limit_reached(l, SLICE("2001:db8:1:3::1"), T0, &retry));
    limit_free(&l);
}

static void test_many_addresses_keep_it_small(void **state)
{
    (void)state;
    struct limit *l = limit_new(5);
    int retry, still = 0;
    for (int i = 0; i < 100000; i++) {
        char a[32];
        int n = snprintf(a, sizeof a, "10.%d.%d.%d", i >> 16, i >> 8 & 255,
                         i & 255);
        (void)limit_count(l, slice(a, (size_t)n), T0);
        still += limit_reached(l, slice(a, (size_t)n), T0, &retry);
    }
    assert_int_equal(still, 0);
    limit_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_per_address),
        cmocka_unit_test(test_no_burst_at_the_edge),
        cmocka_unit_test(test_ipv6_counts_by_network),
        cmocka_unit_test(test_many_addresses_keep_it_small),
    };
    return crypt_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}

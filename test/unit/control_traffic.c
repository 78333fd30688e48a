/* traffic: counts, means, percentiles within an eighth, statuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../lib/control/traffic.c"

/* traffic.c I: every duration lies in its bucket, and buckets are in order. */
static void test_buckets_cover_every_duration(void **state)
{
    (void)state;
    int last = 0;
    for (int64_t us = 0; us < INT64_C(1) << 33; us += us / 37 + 1) {
        int i = bucket_of(us);
        assert_true(i >= last && i < BUCKETS);
        assert_true(us <= bound_of(i));
        assert_true(i == 0 || us > bound_of(i - 1));
        assert_true(bound_of(i) <= us + us / STEPS + 1); // 12.5 % at most
        last = i;
    }
    assert_int_equal(bucket_of(-5), 0);
    assert_int_equal(bucket_of(INT64_MAX), BUCKETS - 1);
}

static void test_figures(void **state)
{
    (void)state;
    struct traffic *t = traffic_new(2);
    struct traffic_figures f;
    traffic_read(t, 0, &f);
    assert_int_equal(f.count, 0);
    for (int i = 1; i <= 100; i++)
        traffic_note(t, 1, i <= 98 ? 200 : 404, i * 1000);
    traffic_read(t, 1, &f);
    assert_int_equal(f.count, 100);
    assert_int_equal(f.mean_us, 50500);
    assert_in_range(f.p50_us, 50000, 56250);
    assert_in_range(f.p95_us, 95000, 106875);
    assert_int_equal(traffic_status(t, 1, 200), 98);
    assert_int_equal(traffic_status(t, 1, 404), 2);
    assert_int_equal(traffic_status(t, 1, 99), 0);
    assert_int_equal(traffic_status(t, 1, 600), 0);
    traffic_note(t, 0, 999, 1); // no status of HTTP: counted, not kept
    traffic_read(t, 0, &f);
    assert_int_equal(f.count, 1);
    traffic_free(&t);
    assert_null(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets_cover_every_duration),
        cmocka_unit_test(test_figures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

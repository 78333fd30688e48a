/* Lists of thresholds, and the pauses between attempts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../lib/alert/alert.c"

static void test_thresholds(void **state)
{
    static const char *const bad[] = {
        "x",    "80,",  ",80",    "0",     "-1",
        "1001", "80.5", "80 100", "50,50", "1,2,3,4,5,6,7,8,9"};
    int t[BUDGET_THRESHOLDS];
    (void)state;
    assert_int_equal(alert_thresholds("", t), 0);
    assert_int_equal(alert_thresholds("  ", t), 0);
    assert_int_equal(alert_thresholds(" 100 ,50, 80 ", t), 3);
    assert_int_equal(t[0], 50);
    assert_int_equal(t[1], 80);
    assert_int_equal(t[2], 100);
    assert_int_equal(alert_thresholds("8,7,6,5,4,3,2,1", t), 8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(t[i], i + 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(alert_thresholds(bad[i], t), -1);
}

static void test_pauses_grow_to_a_quarter_of_an_hour(void **state)
{
    (void)state;
    assert_true(crypt_init());
    for (int64_t n = 1; n < 100; n++) {
        int64_t whole = n < 11 ? 1000LL << (n - 1) : 900000;
        if (whole > 900000)
            whole = 900000;
        for (int i = 0; i < 20; i++) {
            int64_t ms = pause_ms(n);
            assert_true(ms >= whole / 2 && ms <= whole);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_pauses_grow_to_a_quarter_of_an_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

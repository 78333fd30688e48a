/* http_retry_after.c - seconds, milliseconds, dates, and what is neither. */
#include "../../lib/http/retry_after.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW INT64_C(784111770000) /* Sun, 06 Nov 1994 08:49:30 GMT */

static int64_t told(const char *after, const char *ms)
{
    struct http_field f[2] = {{{0}, {0}}};
    int n = 0;
    if (after != NULL)
        f[n++] = (struct http_field){SLICE("Retry-After"), slice_str(after)};
    if (ms != NULL)
        f[n++] = (struct http_field){SLICE("retry-after-ms"), slice_str(ms)};
    return retry_after_ms(f, n, NOW);
}

static void seconds(void **state)
{
    (void)state;
    assert_int_equal(told(NULL, NULL), -1);
    assert_int_equal(told("0", NULL), 0);
    assert_int_equal(told("7", NULL), 7000);
    assert_int_equal(told(" 7 ", NULL), 7000);
    assert_int_equal(told("1.5", NULL), 1500);
    assert_int_equal(told("0.0001", NULL), 1);
    assert_int_equal(told("3.", NULL), 3000);
    assert_int_equal(told("99999999999999999999999999", NULL),
                     RETRY_AFTER_MOST_MS);
    assert_int_equal(told("3600.9", NULL), RETRY_AFTER_MOST_MS);
}

static void milliseconds_win(void **state)
{
    (void)state;
    assert_int_equal(told("7", "250"), 250);
    assert_int_equal(told("7", "0.2"), 1);
    assert_int_equal(told("7", "x"), 7000);
    assert_int_equal(told(NULL, "99999999999"), RETRY_AFTER_MOST_MS);
}

static void dates(void **state)
{
    (void)state;
    assert_int_equal(told("Sun, 06 Nov 1994 08:49:37 GMT", NULL), 7000);
    assert_int_equal(told("Sun, 06 Nov 1994 08:49:30 GMT", NULL), 0);
    assert_int_equal(told("Fri, 01 Jan 1993 00:00:00 GMT", NULL), 0);
    assert_int_equal(told("Thu, 31 Dec 9999 23:59:60 GMT", NULL),
                     RETRY_AFTER_MOST_MS);
}

static void nonsense(void **state)
{
    static const char *const bad[] = {
        "",
        "soon",
        "-1",
        "1e3",
        "1 2",
        ".5",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 08.49.37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ,",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(told(bad[i], NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds),
        cmocka_unit_test(milliseconds_win),
        cmocka_unit_test(dates),
        cmocka_unit_test(nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

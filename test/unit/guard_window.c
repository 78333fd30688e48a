/* guard_window.c - windows against hand-computed instants, across clock
 * changes, and their invariants over many instants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "guard/window.h"

static int64_t at(const char *text)
{
    int64_t ms;
    bool date;
    assert_true(clock_parse(slice_str(text), &ms, &date));
    return ms;
}

static struct zone *zone_of(const char *name)
{
    struct zone *z;
    struct err err;
    assert_int_equal(zone_load(name, &z, &err), OK);
    return z;
}

static void check(const char *zone, enum budget_period p, const char *now,
                  const char *from, const char *to)
{
    struct zone *z = zone_of(zone);
    struct budget b = {.period = p};
    struct window w;
    assert_true(window_at(&b, z, at(now), &w));
    assert_int_equal(w.start_ms, at(from));
    assert_int_equal(w.end_ms, at(to));
    zone_free(&z);
}

static void test_calendar_utc(void **state)
{
    (void)state;
    check("UTC", PERIOD_HOURLY, "2026-11-20T20:10:53.672Z",
          "2026-11-20T20:00:00Z", "2026-11-20T21:00:00Z");
    check("UTC", PERIOD_DAILY, "2026-11-20T23:59:59.999Z", "2026-11-20",
          "2026-11-21");
    check("UTC", PERIOD_WEEKLY, "2026-11-22T12:00:00Z", "2026-11-16",
          "2026-11-23");
    check("UTC", PERIOD_WEEKLY, "2026-11-23T00:00:00Z", "2026-11-23",
          "2026-11-30");
    check("UTC", PERIOD_MONTHLY, "2026-12-31T23:59:59Z", "2026-12-01",
          "2027-01-01");
    check("UTC", PERIOD_MONTHLY, "2028-02-29T00:00:00Z", "2028-02-01",
          "2028-03-01");
}

static void test_clock_changes(void **state)
{
    (void)state;
    // Berlin 2026: +2 from March 29 01:00 UTC, +1 from October 25 01:00 UTC
    check("Europe/Berlin", PERIOD_DAILY, "2026-03-29T12:00:00Z",
          "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
    check("Europe/Berlin", PERIOD_DAILY, "2026-10-25T12:00:00Z",
          "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
    check("Europe/Berlin", PERIOD_HOURLY, "2026-10-25T00:30:00Z",
          "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z");
    check("Europe/Berlin", PERIOD_HOURLY, "2026-10-25T01:30:00Z",
          "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z");
    // far future: the footer rule
    check("Europe/Berlin", PERIOD_MONTHLY, "2060-07-15T00:00:00Z",
          "2060-06-30T22:00:00Z", "2060-07-31T22:00:00Z");
    // half-hour offset
    check("Asia/Kolkata", PERIOD_HOURLY, "2026-11-20T20:10:00Z",
          "2026-11-20T19:30:00Z", "2026-11-20T20:30:00Z");
    check("Asia/Kolkata", PERIOD_DAILY, "2026-11-20T20:10:00Z",
          "2026-11-20T18:30:00Z", "2026-11-21T18:30:00Z");
    // midnight does not exist: Sao Paulo 2018-11-04 began at 01:00
    check("America/Sao_Paulo", PERIOD_DAILY, "2018-11-04T12:00:00Z",
          "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z");
}

static void test_windows_tile(void **state)
{
    (void)state;
    static const char *const zones[] = {"UTC", "Europe/Berlin",
                                        "America/New_York", "Asia/Kolkata",
                                        "Australia/Lord_Howe"};
    for (size_t k = 0; k < sizeof zones / sizeof *zones; k++) {
        struct zone *z = zone_of(zones[k]);
        for (int p = PERIOD_HOURLY; p <= PERIOD_MONTHLY; p++) {
            struct budget b = {.period = (enum budget_period)p};
            struct window w, next;
            int64_t t = at("2026-01-01"), end = at("2027-02-01");
            assert_true(window_at(&b, z, t, &w));
            while (w.end_ms < end) {
                assert_true(w.start_ms < w.end_ms);
                assert_true(window_at(&b, z, w.end_ms, &next));
                assert_true(next.start_ms <= w.end_ms);
                struct window last;
                assert_true(window_at(&b, z, w.end_ms - 1, &last));
                assert_int_equal(last.start_ms, w.start_ms);
                w = next;
            }
        }
        zone_free(&z);
    }
}

static void test_rolling_and_custom(void **state)
{
    (void)state;
    struct zone *z = zone_of("UTC");
    struct budget b = {.period = PERIOD_ROLLING,
                       .rolling_ms = 24 * WINDOW_HOUR_MS};
    struct window w;
    assert_true(window_at(&b, z, at("2026-11-20T20:10:53Z"), &w));
    assert_int_equal(w.end_ms, at("2026-11-20T20:11:00Z"));
    assert_int_equal(w.start_ms, at("2026-11-19T20:10:00Z"));
    b.rolling_ms = 30 * WINDOW_DAY_MS;
    assert_true(window_at(&b, z, at("2026-11-20T20:10:53Z"), &w));
    assert_int_equal(w.end_ms - w.start_ms,
                     30 * WINDOW_DAY_MS + WINDOW_HOUR_MS);
    b = (struct budget){.period = PERIOD_CUSTOM,
                        .start_ms = at("2026-11-01"),
                        .end_ms = at("2026-12-01")};
    assert_true(window_at(&b, z, at("2026-11-30T23:59:59.999Z"), &w));
    assert_false(window_at(&b, z, at("2026-12-01"), &w));
    assert_false(window_at(&b, z, at("2026-10-31T23:59:59Z"), &w));
    zone_free(&z);
}

static void test_names(void **state)
{
    (void)state;
    enum budget_period p;
    int64_t ms;
    assert_true(window_period_parse(SLICE("weekly"), &p, &ms));
    assert_int_equal(p, PERIOD_WEEKLY);
    assert_true(window_period_parse(SLICE("rolling:24h"), &p, &ms));
    assert_int_equal(ms, 24 * WINDOW_HOUR_MS);
    assert_false(window_period_parse(SLICE("fortnightly"), &p, &ms));
    assert_false(window_period_parse(SLICE("rolling:0h"), &p, &ms));
    assert_false(window_width_parse(SLICE("8761h"), &ms));
    assert_true(window_width_parse(SLICE("8760h"), &ms));
    assert_false(window_width_parse(SLICE("367d"), &ms));
    assert_false(window_width_parse(SLICE("-1d"), &ms));
    assert_false(window_width_parse(SLICE("1e1h"), &ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calendar_utc),
        cmocka_unit_test(test_clock_changes),
        cmocka_unit_test(test_windows_tile),
        cmocka_unit_test(test_rolling_and_custom),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

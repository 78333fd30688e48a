/* rego_gotime.c - the calendar, layouts, zones and durations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rego/gotime.h"

static int64_t parse(const char *layout, const char *text)
{
    struct gotime t;
    struct err err;
    int64_t ns;
    if (gotime_parse(slice_str(layout), slice_str(text), &t, &err) != OK)
        fail_msg("%s", err.text);
    assert_true(gotime_ns(&t, &ns));
    return ns;
}

#define RFC3339 "2006-01-02T15:04:05Z07:00"

static void texts_become_instants(void **state)
{
    (void)state;
    static const struct {
        const char *layout, *text;
        int64_t ns;
    } t[] = {
        {RFC3339, "2017-06-02T19:00:00-07:00", 1496455200000000000},
        {RFC3339, "1677-09-21T00:12:43.145224192-00:00", INT64_MIN},
        {RFC3339, "2262-04-11T23:47:16.854775807-00:00", INT64_MAX},
        {RFC3339, "1970-01-01T00:00:00Z", 0},
        {"2006-01-02", "2020-02-29", 1582934400000000000},
        {"Mon Jan _2 15:04:05 2006", "Thu Feb  4 21:00:57 2010",
         1265317257000000000},
        {"02 Jan 06 15:04 MST", "04 Feb 10 21:00 UTC", 1265317200000000000},
        {"January 2, 2006 3:04PM", "March 5, 2021 12:30AM",
         1614904200000000000},
        {"2006-002", "2020-060", 1582934400000000000},
        {"15:04:05.000 2006-01-02", "01:02:03.456 1970-01-01", 3723456000000},
        {"20060102150405", "19700101000001", 1000000000},
        {"2006-01-02 15:04:05 -0700", "1970-01-01 01:00:00 +0100", 0},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        assert_true(parse(t[i].layout, t[i].text) == t[i].ns);
}

static void bad_texts_are_explained(void **state)
{
    (void)state;
    static const char *const t[][3] = {
        {RFC3339, "x",
         "parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse "
         "\"x\" as \"2006\""},
        {"2006-01-02", "2020-13-01",
         "parsing time \"2020-13-01\": month out of range"},
        {"2006-01-02", "2021-02-29",
         "parsing time \"2021-02-29\": day out of range"},
        {"2006-01-02", "2021-02-28x",
         "parsing time \"2021-02-28x\": extra text: \"x\""},
        {"2006", "20",
         "parsing time \"20\" as \"2006\": cannot parse \"20\" "
         "as \"2006\""},
        {"15:04", "25:00", "parsing time \"25:00\": hour out of range"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct gotime out;
        struct err err;
        assert_int_equal(
            gotime_parse(slice_str(t[i][0]), slice_str(t[i][1]), &out, &err),
            E_INVALID);
        assert_string_equal(err.text, t[i][2]);
    }
}

static void instants_become_texts(void **state)
{
    (void)state;
    static const char *const t[][3] = {
        {"", "RFC3339Nano", "2022-12-02T18:40:53.141828752Z"},
        {"Asia/Kolkata", "RFC3339Nano", "2022-12-03T00:10:53.141828752+05:30"},
        {"Asia/Kolkata", "RFC1123Z", "Sat, 03 Dec 2022 00:10:53 +0530"},
        {"America/New_York", "UnixDate", "Fri Dec  2 13:40:53 EST 2022"},
        {"Asia/Kolkata", "Mon Jan 02 15:04:05 -0700 2006",
         "Sat Dec 03 00:10:53 +0530 2022"},
        {"", "January 2, 2006 3:04pm .000 002",
         "December 2, 2022 6:40pm .141 336"},
        {"", "no layout", "no layout"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct gotime at = gotime_from_ns(1670006453141828752);
        struct buf b;
        buf_init(&b, 1000);
        assert_int_equal(gotime_in(&at, slice_str(t[i][0]), NULL), OK);
        gotime_format(&b, &at, gotime_layout(slice_str(t[i][1])));
        buf_char(&b, '\0');
        assert_string_equal(b.p, t[i][2]);
        buf_release(&b);
    }
    struct gotime at = gotime_from_ns(0);
    struct err err;
    assert_int_equal(gotime_in(&at, SLICE("Mars/Base"), &err), E_NOT_FOUND);
    assert_string_equal(err.text, "unknown time zone Mars/Base");
}

static void days_and_months_carry_over(void **state)
{
    (void)state;
    assert_true(gotime_date(2020, 14, 1, 0, 0, 0) ==
                gotime_date(2021, 2, 1, 0, 0, 0));
    assert_true(gotime_date(2021, 2, 29, 0, 0, 0) ==
                gotime_date(2021, 3, 1, 0, 0, 0));
    assert_true(gotime_date(2021, -1, 1, 0, 0, 0) ==
                gotime_date(2020, 11, 1, 0, 0, 0));
    for (int64_t day = -1000000; day < 1000000; day += 997) {
        struct gotime t = {.sec = day * 86400 + 3661};
        struct gotime_civil c = gotime_civil(&t);
        assert_true(gotime_date(c.year, c.month, c.day, c.hour, c.min, c.sec) ==
                    t.sec);
        assert_int_equal(c.weekday, ((day + 4) % 7 + 7) % 7);
    }
}

static void durations_are_go_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
    } t[] = {{"1h30m", 5400000000000},
             {"100ms", 100000000},
             {"-1.5s", -1500000000},
             {"0", 0},
             {"1us2ns", 1002},
             {".5m", 30000000000},
             {"\xc2\xb5s", -1},
             {"", -1},
             {"3", -1},
             {"1x", -1},
             {"3000000h", -1},
             {"-", -1},
             {"1.s", 1000000000},
             {".s", -1}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        int64_t ns;
        struct err err;
        if (gotime_duration(slice_str(t[i].text), &ns, &err) != OK)
            ns = -1;
        if (ns != t[i].ns)
            fail_msg("%s: %lld", t[i].text, (long long)ns);
    }
    struct err err;
    int64_t ns;
    assert_int_equal(gotime_duration(SLICE("3x"), &ns, &err), E_INVALID);
    assert_string_equal(err.text,
                        "time: unknown unit \"x\" in duration \"3x\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_instants),
        cmocka_unit_test(bad_texts_are_explained),
        cmocka_unit_test(instants_become_texts),
        cmocka_unit_test(days_and_months_carry_over),
        cmocka_unit_test(durations_are_go_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* base_all.c - money, json, clock, zone, buf, arena against known answers and
 * their limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/json.h"
#include "base/metric.h"
#include "base/money.h"
#include "base/zone.h"

static void test_money_reads_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t nano;
    } cases[] = {
        {"0", true, 0},
        {"10.5", true, 10500000000},
        {"0.0000045", true, 4500},
        {"0.000000001", true, 1},
        {"0.0000000001", false, 0},
        {"1e-9", true, 1},
        {"1e3", true, 1000000000000},
        {"1000000000", true, MONEY_MAX},
        {"1000000000.000000001", false, 0},
        {"0.10000000000000000000000000000000000", true, 100000000},
        {"99999999999999999999999999999999", false, 0},
        {"-1", false, 0},
        {"NaN", false, 0},
        {"", false, 0},
        {".", false, 0},
        {"1.2.3", false, 0},
        {"1e", false, 0},
        {"1e99999999999", false, 0},
        {"0e99999999999", true, 0},
        {"0x10", false, 0},
        {" 1", false, 0},
        {"1,5", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t v = -7;
        bool ok = money_usd(slice_str(cases[i].text), &v);
        if (ok != cases[i].ok || (ok && v != cases[i].nano))
            fail_msg("%s: ok %d, %lld", cases[i].text, ok, (long long)v);
    }
}

static void test_money_writes_back(void **state)
{
    (void)state;
    static const int64_t values[] = {0,         1,          4500,
                                     -25,       1000000000, 10500000000,
                                     INT64_MAX, INT64_MIN,  123456789012345};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char text[MONEY_TEXT];
        int64_t back;
        size_t n = money_format(values[i], text);
        if (values[i] == INT64_MIN) {
            assert_string_equal(text, "-9223372036.854775808");
            continue;
        }
        assert_true(money_scan(slice(text, n), 9, &back));
        assert_int_equal(back, values[i]);
    }
    char text[MONEY_TEXT];
    money_format(4500, text);
    assert_string_equal(text, "0.0000045");
    money_format_price(2500000, text);
    assert_string_equal(text, "2.5");
}

static void test_money_rounds(void **state)
{
    (void)state;
    assert_int_equal(money_round(1499), 1);
    assert_int_equal(money_round(1500), 2);
    assert_int_equal(money_round(-1500), -1);
    assert_int_equal(money_round(-1501), -2);
    assert_int_equal(money_ceil(1001), 2);
    assert_int_equal(money_ceil(1000), 1);
    assert_int_equal(money_ceil(0), 0);
    assert_int_equal(money_ceil((int128)INT64_MAX * 5000), INT64_MAX);
    assert_int_equal(money_add(INT64_MAX, 1), INT64_MAX);
}

static enum status parse(const char *text, struct json **v, struct arena *a)
{
    struct err err;
    arena_reset(a);
    return json_parse(a, slice_str(text), v, &err);
}

static void test_json_is_strict(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "{",
                                      "[1,]",
                                      "{\"a\":1,}",
                                      "01",
                                      "1.",
                                      "+1",
                                      "nul",
                                      "\"\\x\"",
                                      "\"\x01\"",
                                      "\"\xff\"",
                                      "[1 2]",
                                      "{\"a\" 1}",
                                      "{a:1}",
                                      "1 1",
                                      "\"\\ud8\"",
                                      "\"abc",
                                      "{\"a\":1,\"a\":2}",
                                      "\"\xc0\x80\"",
                                      "\"\xed\xa0\x80\"",
                                      "[\"a\"",
                                      "- 1",
                                      "\xEF\xBB\xBF{}"};
    struct arena a;
    struct json *v;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (parse(bad[i], &v, &a) != E_INVALID)
            fail_msg("accepted: %s", bad[i]);
    char deep[300];
    memset(deep, '[', 129);
    memset(deep + 129, ']', 129);
    deep[258] = '\0';
    assert_int_equal(parse(deep, &v, &a), E_INVALID);
    assert_int_equal(parse(deep + 1, &v, &a), E_INVALID);
    deep[257] = '\0';
    assert_int_equal(parse(deep + 1, &v, &a), OK);
    arena_release(&a);
}

/* A body as large as the admin API takes, full of keys. */
static void test_json_many_keys(void **state)
{
    (void)state;
    struct arena a;
    struct json *v;
    struct err err;
    struct buf b;
    const int n = 80000;
    arena_init(&a, 64 << 20);
    buf_init(&b, 4 << 20);
    buf_char(&b, '{');
    for (int i = 0; i < n; i++)
        buf_printf(&b, "\"%d\":0,", i);
    size_t at = b.n;
    buf_str(&b, "\"last\":1}");
    assert_int_equal(json_parse(&a, buf_get(&b), &v, &err), OK);
    assert_int_equal(v->count, n + 1);
    arena_reset(&a);
    b.n = at;
    buf_str(&b, "\"4711\":1}");
    assert_int_equal(json_parse(&a, buf_get(&b), &v, &err), E_INVALID);
    assert_non_null(strstr(err.text, "4711"));
    arena_reset(&a);
    b.n = at;
    buf_str(&b, "\"o\":{\"a\":1,\"a\":2}}"); // deeper ones stay
    assert_int_equal(json_parse(&a, buf_get(&b), &v, &err), OK);
    arena_release(&a);
    buf_release(&b);
}

static void test_json_reads_values(void **state)
{
    (void)state;
    struct arena a;
    struct json *v;
    int64_t n;
    arena_init(&a, 1 << 20);
    assert_int_equal(parse(" {\"s\":\"a\\u00e9\\ud83d\\ude00\\ud800\\n\","
                           "\"n\":12.50,\"o\":{\"x\":1,\"x\":2},\"l\":[1,2]}",
                           &v, &a),
                     OK);
    assert_true(slice_is(json_text(json_get(v, "s"), SLICE("")),
                         "a\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbd\n"));
    assert_true(slice_is(json_get(v, "n")->text, "12.50"));
    assert_false(json_i64(json_get(v, "n"), &n));
    assert_true(json_i64(json_get(json_get(v, "o"), "x"), &n));
    assert_int_equal(n, 2);
    assert_int_equal(json_get(v, "l")->count, 2);
    arena_release(&a);
    arena_init(&a, 64);
    assert_int_equal(parse("[1,2,3,4]", &v, &a), E_TOO_BIG);
    arena_release(&a);
}

static void test_json_writes(void **state)
{
    (void)state;
    struct buf b;
    struct json_out o;
    buf_init(&b, 4096);
    json_out_init(&o, &b);
    json_obj(&o);
    json_kstr(&o, "a\"", SLICE("x\n\x01\xff\xc3\xa9"));
    json_key(&o, "l");
    json_arr(&o);
    json_num(&o, -5);
    json_null(&o);
    json_arr_end(&o);
    json_kusd(&o, "usd", 4500);
    json_kusd_num(&o, "num", 10500000000);
    json_ktime(&o, "ts", 1795205453672);
    json_obj_end(&o);
    buf_char(&b, '\0');
    assert_string_equal(b.p, "{\"a\\\"\":\"x\\n\\u0001\xef\xbf\xbd\xc3\xa9\","
                             "\"l\":[-5,null],\"usd\":\"0.0000045\","
                             "\"num\":10.5,"
                             "\"ts\":\"2026-11-20T20:10:53.672Z\"}");
    buf_release(&b);
}

static void test_clock_reads(void **state)
{
    (void)state;
    static const char *const bad[] = {"2026-02-29",
                                      "2026-13-01",
                                      "2026-1-1",
                                      "2026-11-20T25:00:00Z",
                                      "2026-11-20T20:10:53",
                                      "2026-11-20T20:10:53.Z",
                                      "garbage",
                                      ""};
    int64_t ms;
    bool date;
    assert_true(
        clock_parse(SLICE("2026-11-20T21:10:53.672+01:00"), &ms, &date));
    assert_int_equal(ms, 1795205453672);
    assert_false(date);
    assert_true(clock_parse(SLICE("2028-02-29"), &ms, &date));
    assert_true(date);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (clock_parse(slice_str(bad[i]), &ms, &date))
            fail_msg("accepted: %s", bad[i]);
    for (int64_t d = -800000; d < 800000; d += 17) {
        int64_t y;
        int m, day;
        clock_civil(d, &y, &m, &day);
        assert_int_equal(clock_days(y, m, day), d);
    }
}

static void test_zone_refuses(void **state)
{
    (void)state;
    struct zone *z = NULL;
    struct err err;
    assert_int_equal(zone_load("../../../etc/passwd", &z, &err), E_INVALID);
    assert_int_equal(zone_load("/etc/passwd", &z, &err), E_INVALID);
    assert_int_equal(zone_load("Nowhere/Land", &z, &err), E_NOT_FOUND);
    assert_int_equal(zone_load("zone.tab", &z, &err), E_INVALID);
    assert_int_equal(zone_load("Europe", &z, &err), E_CORRUPT);
    assert_null(z);
}

static void test_buf_sticks_at_its_limit(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    buf_str(&b, "12345678");
    buf_str(&b, "abc");
    assert_true(b.failed);
    buf_str(&b, "x");
    assert_int_equal(b.n, 8);
    size_t n;
    assert_null(buf_take(&b, &n));
    buf_release(&b);
}

static void test_arena_limit_and_reset(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 100000);
    for (int round = 0; round < 3; round++) {
        char *p = arena_try(&a, 50000);
        assert_non_null(p);
        for (int i = 0; i < 50000; i++)
            assert_int_equal(p[i], 0);
        memset(p, 1, 50000);
        char *q = arena_try(&a, 100);
        assert_non_null(q);
        assert_int_equal(q[99], 0);
        memset(q, 1, 100);
        assert_null(arena_try(&a, 60000));
        arena_reset(&a);
    }
    arena_release(&a);
}

static void test_tokens_and_ids(void **state)
{
    (void)state;
    char a[CRYPT_TOKEN_TEXT], b[CRYPT_TOKEN_TEXT], id[33], later[33];
    crypt_token(a);
    crypt_token(b);
    assert_int_equal(strlen(a), 46);
    assert_memory_equal(a, "bg_", 3);
    assert_string_not_equal(a, b);
    crypt_request_id(1000, id);
    crypt_request_id(1001, later);
    assert_int_equal(strlen(id), 32);
    assert_true(strcmp(id, later) < 0);
    assert_true(crypt_equal(slice_str(a), slice_str(a)));
    assert_false(crypt_equal(slice_str(a), slice_str(b)));
    assert_false(crypt_equal(slice_str(a), SLICE("")));
}

static void test_metric_caps_values(void **state)
{
    (void)state;
    struct metrics *m = metric_new();
    struct buf b;
    buf_init(&b, 1 << 22);
    for (int i = 0; i < 1500; i++) {
        char name[16];
        int n = snprintf(name, sizeof name, "m%d\"", i);
        struct slice l[4] = {SLICE("input"), SLICE("openai"),
                             slice(name, (size_t)n)};
        metric_add(m, M_TOKENS, l, 2);
    }
    metric_time(m, M_REQUEST_SECONDS, 700);
    metric_text(m, &b);
    buf_char(&b, '\0');
    assert_non_null(strstr(b.p, "budgetguard_tokens_total{kind=\"input\","
                                "provider=\"openai\",model=\"m7\\\"\"} 2\n"));
    assert_non_null(strstr(b.p, "model=\"other\"} 1000\n"));
    assert_non_null(strstr(b.p, "request_seconds_bucket{le=\"0.001\"} 1"));
    buf_release(&b);
    metric_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_money_reads_exactly),
        cmocka_unit_test(test_money_writes_back),
        cmocka_unit_test(test_money_rounds),
        cmocka_unit_test(test_json_is_strict),
        cmocka_unit_test(test_json_many_keys),
        cmocka_unit_test(test_json_reads_values),
        cmocka_unit_test(test_json_writes),
        cmocka_unit_test(test_clock_reads),
        cmocka_unit_test(test_zone_refuses),
        cmocka_unit_test(test_buf_sticks_at_its_limit),
        cmocka_unit_test(test_arena_limit_and_reset),
        cmocka_unit_test(test_tokens_and_ids),
        cmocka_unit_test(test_metric_caps_values),
    };
    return crypt_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}

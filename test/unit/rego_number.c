/* rego_number.c - exact integers, Go's big.Float results, printing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rego/number.h"

static struct arena arena;

static struct number num(const char *text)
{
    struct number n;
    assert_int_equal(number_parse(&arena, slice_str(text), &n, NULL), OK);
    return n;
}

static const char *show(const struct number *n)
{
    struct slice s = number_text(&arena, n);
    assert_non_null(s.p);
    return s.p;
}

typedef enum status binary(struct arena *, const struct number *,
                           const struct number *, struct number *,
                           struct err *);

static void expect(binary *f, const char *x, const char *y, const char *want)
{
    struct number p = num(x), q = num(y), r;
    struct err err;
    if (f(&arena, &p, &q, &r, &err) != OK)
        assert_string_equal(err.text, want);
    else
        assert_string_equal(show(&r), want);
}

static void arithmetic_prints_what_opa_prints(void **state)
{
    (void)state;
    expect(number_div, "1", "3", "0.33333333333333333334");
    expect(number_add, "0.1", "0.2", "0.3");
    expect(number_add, "1234567.5", "0.25", "1.23456775e+06");
    expect(number_rem, "-7", "3", "-1");
    expect(number_div, "2", "3", "0.6666666666666666667");
    expect(number_div, "1", "7", "0.14285714285714285714");
    expect(number_div, "10", "4", "2.5");
    expect(number_div, "10", "0", "divide by zero");
    expect(number_rem, "10", "0", "modulo by zero");
    expect(number_rem, "1.5", "2", "modulo on floating-point number");
    expect(number_mul, "0.1", "0.1", "0.010000000000000000001");
    expect(number_sub, "0.3", "0.1", "0.20000000000000000002");
    expect(number_mul, "1.5", "2", "3");
    expect(number_div, "1", "3000000", "3.3333333333333333333e-07");
    expect(number_add, "0.00001", "0", "1e-05");
    expect(number_mul, "1e15", "0.0000000001", "100000");
    expect(number_sub, "1", "0.0000001", "0.9999999");
}

static void integers_are_exact(void **state)
{
    (void)state;
    expect(number_add, "18446744073709551617", "18446744073709551617",
           "36893488147419103234");
    expect(number_mul, "123456789012345678901234567890",
           "987654321098765432109876543210",
           "121932631137021795226185032733622923332237463801111263526900");
    expect(number_div,
           "121932631137021795226185032733622923332237463801111263526900",
           "987654321098765432109876543210", "123456789012345678901234567890");
    expect(number_rem, "-123456789012345678901234567890", "9876543210987",
           "-1249943839404");
    expect(number_add, "9223372036854775807", "1", "9223372036854775808");
    expect(number_sub, "-9223372036854775808", "1", "-9223372036854775809");
    expect(number_add, "9223372036854775808", "-1", "9223372036854775807");
    expect(number_mul, "-9223372036854775808", "-1", "9223372036854775808");
    expect(number_div, "-9223372036854775808", "-1", "9223372036854775808");
    expect(number_rem, "-9223372036854775808", "-1", "0");
}

static void equal_values_compare_and_hash_alike(void **state)
{
    (void)state;
    static const char *const same[][2] = {
        {"1", "1.0"},      {"1e3", "1000"},
        {"0", "-0"},       {"1.50", "1.5"},
        {"150e-2", "1.5"}, {"1e30", "1000000000000000000000000000000"},
        {"0.1", "1e-1"},   {"0", "0e7"},
        {"-2.0e1", "-20"},
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct number a = num(same[i][0]), b = num(same[i][1]);
        assert_true(number_equal(&a, &b));
        assert_int_equal(number_cmp(&a, &b), 0);
        assert_true(number_hash(&a) == number_hash(&b));
    }
    static const char *const rising[] = {"-1e40",
                                         "-18446744073709551616",
                                         "-3.5",
                                         "-3",
                                         "-2.999",
                                         "-0.1",
                                         "0",
                                         "1e-20",
                                         "0.5",
                                         "0.75",
                                         "1",
                                         "1.25",
                                         "2",
                                         "9223372036854775807",
                                         "9223372036854775808",
                                         "1e20"};
    for (size_t i = 0; i < sizeof rising / sizeof *rising; i++)
        for (size_t k = 0; k < sizeof rising / sizeof *rising; k++) {
            struct number a = num(rising[i]), b = num(rising[k]);
            int want = (i > k) - (i < k), got = number_cmp(&a, &b);
            assert_int_equal((got > 0) - (got < 0), want);
        }
}

static void text_is_kept(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "1.0", "1e3", "1.50", "-0", "0.10", "12345678901234567890123.5"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct number n = num(texts[i]);
        assert_string_equal(show(&n), texts[i]);
    }
}

static void bad_texts_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",   "-",   "01",   "1.",  ".5", "+1",
                                      "1e", "1e+", "1.e1", "0x1", "1 ", "--1"};
    struct number n;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(number_parse(&arena, slice_str(bad[i]), &n, NULL),
                         E_INVALID);
    assert_int_equal(number_parse(&arena, SLICE("1e999999999"), &n, NULL),
                     E_TOO_BIG);
    assert_int_equal(number_parse(&arena, SLICE("1e-999999999"), &n, NULL),
                     E_TOO_BIG);
    assert_int_equal(number_parse(&arena, SLICE("0e999999999"), &n, NULL), OK);
    static char many[20000];
    memset(many, '9', sizeof many);
    assert_int_equal(number_parse(&arena, slice(many, sizeof many), &n, NULL),
                     E_TOO_BIG);
    assert_int_equal(number_parse(&arena, slice(many, 4900), &n, NULL), OK);
    assert_int_equal(number_mul(&arena, &n, &n, &n, NULL), E_TOO_BIG);
    static const char *const loose[][2] = {{"+5", "5"},
                                           {".5", "0.5"},
                                           {"5.", "5"},
                                           {"007", "7"},
                                           {"-1.5", "-1.5"}};
    for (size_t i = 0; i < sizeof loose / sizeof *loose; i++) {
        assert_int_equal(
            number_parse_loose(&arena, slice_str(loose[i][0]), &n, NULL), OK);
        assert_string_equal(show(&n), loose[i][1]);
    }
    struct err err;
    assert_int_equal(number_parse_loose(&arena, SLICE("x"), &n, &err),
                     E_INVALID);
    assert_string_equal(err.text,
                        "strconv.ParseFloat: parsing \"x\": invalid syntax");
}

static void rounding_goes_away_from_zero_at_halves(void **state)
{
    (void)state;
    static const struct {
        const char *x, *trunc, *ceil, *floor, *round;
    } t[] = {
        {"2.5", "2", "3", "2", "3"},
        {"-2.5", "-2", "-2", "-3", "-3"},
        {"0.4", "0", "1", "0", "0"},
        {"-0.4", "0", "0", "-1", "0"},
        {"1e-30", "0", "1", "0", "0"},
        {"7", "7", "7", "7", "7"},
        {"0.5", "0", "1", "0", "1"},
        {"1e30", "1000000000000000000000000000000",
         "1000000000000000000000000000000", "1000000000000000000000000000000",
         "1000000000000000000000000000000"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct number x = num(t[i].x), r;
        assert_int_equal(number_trunc(&arena, &x, &r, NULL), OK);
        assert_string_equal(show(&r), t[i].trunc);
        assert_int_equal(number_ceil(&arena, &x, &r, NULL), OK);
        assert_string_equal(show(&r), t[i].ceil);
        assert_int_equal(number_floor(&arena, &x, &r, NULL), OK);
        assert_string_equal(show(&r), t[i].floor);
        assert_int_equal(number_round(&arena, &x, &r, NULL), OK);
        assert_string_equal(show(&r), t[i].round);
    }
}

static void bits_are_twos_complement(void **state)
{
    (void)state;
    static const struct {
        enum number_bitop op;
        const char *x, *y, *want;
    } t[] = {
        {NUMBER_AND, "12", "10", "8"},
        {NUMBER_OR, "12", "10", "14"},
        {NUMBER_XOR, "12", "10", "6"},
        {NUMBER_AND, "-1", "36893488147419103231", "36893488147419103231"},
        {NUMBER_XOR, "-1", "36893488147419103231", "-36893488147419103232"},
        {NUMBER_OR, "-36893488147419103232", "1", "-36893488147419103231"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct number x = num(t[i].x), y = num(t[i].y), r;
        assert_int_equal(number_bitop(&arena, t[i].op, &x, &y, &r, NULL), OK);
        assert_string_equal(show(&r), t[i].want);
    }
    struct number x = num("9223372036854775807"), r;
    assert_int_equal(number_shift(&arena, &x, 1, &r, NULL), OK);
    assert_string_equal(show(&r), "18446744073709551614");
    x = num("-7");
    assert_int_equal(number_shift(&arena, &x, -1, &r, NULL), OK);
    assert_string_equal(show(&r), "-4");
    assert_int_equal(number_shift(&arena, &x, -9999999, &r, NULL), OK);
    assert_string_equal(show(&r), "-1");
    assert_int_equal(number_shift(&arena, &x, INT64_MAX, &r, NULL), E_TOO_BIG);
    x = num("1");
    assert_int_equal(number_shift(&arena, &x, 100, &r, NULL), OK);
    struct buf b;
    buf_init(&b, 1000);
    number_format_base(&b, &r, 16);
    assert_int_equal(b.n, 26);
    assert_memory_equal(b.p, "10000000000000000000000000", 26);
    buf_release(&b);
}

static void doubles_are_correctly_rounded(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0.1",
        "1.5",
        "3.141592653589793",
        "1e-7",
        "123456789.125",
        "0.30000000000000004",
        "2.2250738585072014e-308",
        "179769313486231570000000000000000000.5"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct number n = num(texts[i]);
        double want;
        assert_int_equal(sscanf(texts[i], "%lf", &want), 1);
        double got = number_double(&n);
        assert_memory_equal(&got, &want, sizeof want);
    }
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 16 << 20);
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
        cmocka_unit_test(arithmetic_prints_what_opa_prints),
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(equal_values_compare_and_hash_alike),
        cmocka_unit_test(text_is_kept),
        cmocka_unit_test(bad_texts_are_refused),
        cmocka_unit_test(rounding_goes_away_from_zero_at_halves),
        cmocka_unit_test(bits_are_twos_complement),
        cmocka_unit_test(doubles_are_correctly_rounded),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

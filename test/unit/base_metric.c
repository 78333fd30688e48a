/* What a scraper would choke on does not get out; labelled histograms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../lib/base/metric.c"

static int setup(void **state)
{
    (void)state;
    return crypt_init() ? 0 : -1;
}

static void test_values(void **state)
{
    char out[VALUE_MAX], text[200];
    (void)state;
    assert_int_equal(put_value(SLICE("a\0b"), out), 3);
    assert_memory_equal(out, "a?b", 3);
    assert_int_equal(put_value(SLICE("\xff\xc3\xa4\xc3"), out), 4);
    assert_memory_equal(out, "?\xc3\xa4?", 4);
    for (size_t shift = 0; shift < 4; shift++) { // a euro sign at the cut
        memset(text, 'x', sizeof text);
        memcpy(text + VALUE_MAX - 3 + shift, "\xe2\x82\xac", 3);
        size_t n = put_value(slice(text, sizeof text), out);
        assert_int_equal(n, shift == 0 || shift == 3 ? VALUE_MAX
                                                     : VALUE_MAX - 3 + shift);
        assert_int_equal(utf8_valid((const uint8_t *)out, n), n);
    }
}

static void test_labelled_histogram(void **state)
{
    static const char want[] =
        "gen_ai_client_token_usage_bucket{gen_ai_operation_name=\"chat\","
        "gen_ai_provider_name=\"openai\",gen_ai_request_model=\"m\\\"\","
        "gen_ai_token_type=\"input\",le=\"1024\"} 2\n"
        "gen_ai_client_token_usage_bucket{gen_ai_operation_name=\"chat\","
        "gen_ai_provider_name=\"openai\",gen_ai_request_model=\"m\\\"\","
        "gen_ai_token_type=\"input\",le=\"4096\"} 3\n";
    struct metrics *m = metric_new();
    const struct slice l[4] = {SLICE("chat"), SLICE("openai"), SLICE("m\""),
                               SLICE("input")};
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    metric_note(m, M_GENAI_TOKENS, l, 0);
    metric_note(m, M_GENAI_TOKENS, l, 1024);
    metric_note(m, M_GENAI_TOKENS, l, 1025);
    metric_note(m, M_GENAI_TOKENS, l, INT64_C(1) << 40);
    metric_text(m, &b);
    buf_char(&b, '\0');
    assert_non_null(strstr(b.p, want));
    assert_non_null(strstr(b.p, "le=\"+Inf\"} 4\n"));
    assert_non_null(
        strstr(b.p, "token_type=\"input\"} 1099511629825\n")); // the sum
    assert_non_null(strstr(b.p, "budgetguard_overruns_total 0\n"));
    assert_null(strstr(b.p, "budgetguard_gen_ai"));
    buf_release(&b);
    metric_free(&m);
}

/* The label is full: new values are "other", those that were there stay. */
static void test_cap(void **state)
{
    struct metrics *m = metric_new();
    char name[16];
    (void)state;
    for (int turn = 0; turn < 2; turn++)
        for (int i = 0; i < VALUES_MAX + 50; i++) {
            (void)snprintf(name, sizeof name, "t%d", i);
            const struct slice l[4] = {slice_str(name), SLICE("openai"),
                                       SLICE("m")};
            metric_add(m, M_SPEND, l, 1);
        }
    for (int i = 0; i < VALUES_MAX + 50; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        const struct slice l[4] = {slice_str(name), SLICE("openai"),
                                   SLICE("m")};
        assert_int_equal(metric_value(m, M_SPEND, l), i < VALUES_MAX ? 2 : 0);
    }
    const struct slice rest[4] = {SLICE("other"), SLICE("openai"), SLICE("m")};
    assert_int_equal(metric_value(m, M_SPEND, rest), 100);
    // another label of a tenant that is one of the others
    const struct slice more[4] = {SLICE("t1049"), SLICE("openai"), SLICE("n")};
    const struct slice as[4] = {SLICE("other"), SLICE("openai"), SLICE("n")};
    metric_add(m, M_SPEND, more, 7);
    assert_int_equal(metric_value(m, M_SPEND, as), 7);
    metric_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_labelled_histogram),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}

/* Public price lists become rows of our format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "price/book.h"
#include "price/import.h"

#define NOW INT64_C(1795132800000) /* 2026-11-20 */

static struct err err;

static struct book *imported(const char *json, int want)
{
    struct buf out;
    int rows;
    buf_init(&out, 1 << 20);
    assert_int_equal(price_import(slice_str(json), &out, &rows, &err), OK);
    assert_int_equal(rows, want);
    struct book_builder *b = book_builder_new();
    assert_int_equal(book_add_text(b, buf_get(&out), PRICE_FILE, &err), OK);
    buf_release(&out);
    return book_finish(&b);
}

static void litellm_rows(void **state)
{
    (void)state;
    struct book *k = imported(
        "{\"sample_spec\":{\"litellm_provider\":\"openai\","
        "\"input_cost_per_token\":1},"
        "\"xai/grok-x\":{\"litellm_provider\":\"xai\",\"mode\":\"chat\","
        "\"input_cost_per_token\":3e-06,"
        "\"input_cost_per_token_above_256k_tokens\":9e-06,"
        "\"input_cost_per_token_above_128k_tokens\":6e-06,"
        "\"output_cost_per_token\":1.5e-05,"
        "\"output_cost_per_token_priority\":3e-05,"
        "\"cache_read_input_token_cost\":3.7500000000000003e-07,"
        "\"max_input_tokens\":131072,\"max_output_tokens\":8000,"
        "\"search_context_cost_per_query\":{\"a\":0.01,\"b\":0.025}},"
        "\"claude-x\":{\"litellm_provider\":\"anthropic\","
        "\"input_cost_per_token\":5e-06,\"output_cost_per_token\":2.5e-05,"
        "\"cache_creation_input_token_cost_above_1hr\":1e-05,"
        "\"provider_specific_entry\":{\"us\":1.1,\"fast\":6.0}},"
        "\"tts\":{\"litellm_provider\":\"openai\","
        "\"input_cost_per_character\":1.5e-05},"
        "\"hear\":{\"litellm_provider\":\"openai\","
        "\"input_cost_per_second\":0.0002833333333333333,"
        "\"output_cost_per_second\":0.0002833333333333333},"
        "\"film\":{\"litellm_provider\":\"openai\","
        "\"mode\":\"video_generation\",\"input_cost_per_second\":1},"
        "\"bedrock-x\":{\"litellm_provider\":\"bedrock\","
        "\"input_cost_per_token\":1e-06},"
        "\"nothing\":{\"litellm_provider\":\"openai\"}}",
        4);
    const struct price *p = book_find(k, PROVIDER_XAI, SLICE("grok-x"), NOW);
    assert_int_equal(p->standard.in, 3000000);
    assert_int_equal(p->standard.cached, 375000);
    assert_int_equal(p->priority.out, 30000000);
    assert_int_equal(p->long_above, 128000);
    assert_true(p->long_inclusive);
    assert_int_equal(p->long_ctx.in, 6000000);
    assert_int_equal(p->web_search, 25000000);
    assert_int_equal(p->context, 131072);
    assert_int_equal(p->max_output, 8000);
    p = book_find(k, PROVIDER_ANTHROPIC, SLICE("claude-x"), NOW);
    assert_int_equal(p->standard.cache_write_1h, 10000000);
    assert_int_equal(p->fast_permille, 6000);
    assert_int_equal(p->us_permille, 1100);
    p = book_find(k, PROVIDER_OPENAI, SLICE("tts"), NOW);
    assert_int_equal(p->per_char, 15000000);
    p = book_find(k, PROVIDER_OPENAI, SLICE("hear"), NOW);
    assert_int_equal(p->per_audio_s, 283334); // rounded up
    book_unref(&k);
}

static void genai_rows(void **state)
{
    (void)state;
    struct book *k =
        imported("[{\"id\":\"aws\",\"models\":[{\"id\":\"x\","
                 "\"prices\":{\"input_mtok\":1}}]},"
                 "{\"id\":\"anthropic\",\"models\":["
                 "{\"id\":\"claude-y\",\"context_window\":200000,\"prices\":["
                 "{\"prices\":{\"input_mtok\":{\"base\":3,\"tiers\":["
                 "{\"start\":200000,\"price\":6}]},\"output_mtok\":15}},"
                 "{\"constraint\":{\"start_date\":\"2026-12-01\"},"
                 "\"prices\":{\"input_mtok\":2,\"output_mtok\":10}}]},"
                 "{\"id\":\"claude-z\",\"prices\":{\"input_mtok\":0.25,"
                 "\"cache_write_mtok\":0.3,\"cache_read_mtok\":0.03,"
                 "\"output_mtok\":1.25}}]},"
                 "{\"id\":\"deepseek\",\"models\":[{\"id\":\"d\",\"prices\":["
                 "{\"prices\":{\"input_mtok\":2,\"output_mtok\":2}},"
                 "{\"constraint\":{\"start_time\":\"16:30:00Z\","
                 "\"end_time\":\"00:30:00Z\"},\"prices\":{\"input_mtok\":1,"
                 "\"output_mtok\":1}}]}]}]",
                 4);
    const struct price *p =
        book_find(k, PROVIDER_ANTHROPIC, SLICE("claude-y"), NOW);
    assert_int_equal(p->long_above, 200000);
    assert_false(p->long_inclusive);
    assert_int_equal(p->long_ctx.in, 6000000);
    assert_int_equal(p->context, 200000);
    p = book_find(k, PROVIDER_ANTHROPIC, SLICE("claude-y"),
                  INT64_C(1796083200000));
    assert_int_equal(p->standard.in, 2000000);
    assert_int_equal(p->long_above, 0);
    p = book_find(k, PROVIDER_ANTHROPIC, SLICE("claude-z"), NOW);
    assert_int_equal(p->standard.cache_write, 300000);
    p = book_find(k, PROVIDER_DEEPSEEK, SLICE("d"), NOW);
    assert_int_equal(p->standard.in, 2000000); // not the night rate
    book_unref(&k);
}

static void what_is_no_price_list_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "7",
        "{}",
        "[]",
        "[1,{}]",
        "{\"a\":{\"litellm_provider\":1}}",
        "{\"a\":{\"litellm_provider\":\"openai\","
        "\"input_cost_per_token\":-1}}",
        "{\"a\":{\"litellm_provider\":\"openai\","
        "\"input_cost_per_token\":1e30}}",
        "{\"a\":{\"litellm_provider\":\"openai\","
        "\"input_cost_per_token\":true}}",
        "[{\"id\":\"openai\",\"models\":[{\"id\":\"m\",\"prices\":"
        "{\"input_mtok\":{\"base\":1,\"tiers\":[{\"start\":0}]}}}]}]"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buf out;
        int rows;
        buf_init(&out, 1 << 20);
        assert_int_equal(price_import(slice_str(bad[i]), &out, &rows, &err),
                         E_INVALID);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(litellm_rows),
        cmocka_unit_test(genai_rows),
        cmocka_unit_test(what_is_no_price_list_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

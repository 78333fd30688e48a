/* The cost of a usage and the worst case of a call. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/money.h"
#include "price/cost.h"
#include "price/text.h"

static struct price row(const char *text)
{
    struct price p;
    struct err err;
    bool found;
    assert_int_equal(text_row(slice_str(text), 1, &p, &found, &err), OK);
    assert_true(found);
    p.version = 7;
    return p;
}

static int64_t cost(const struct price *p, struct usage u)
{
    struct cost c;
    cost_of(p, &u, &c);
    int128 sum = 0;
    for (int i = 0; i < c.line_count; i++) {
        assert_true(c.lines[i].tokens > 0);
        sum += c.lines[i].total_pico;
    }
    assert_int_equal(c.nano, money_round(sum));
    return c.nano;
}

static const struct cost_limits limits = {0, 250000000};

static void each_class_costs_its_rate(void **state)
{
    (void)state;
    struct price p = row("openai m - t@d in=2.5 cached=1.25 write=3 "
                         "write_1h=5 out=10 audio_in=40 audio_out=80 "
                         "image_in=8 image_out=32 search=0.01 image=0.04 "
                         "second=0.0001 char=0.000015");
    // 500 plain, 100 cached, 100 written, 100 written 1 h, 100 + 100 media
    int64_t nano = cost(&p, (struct usage){.input = 1000,
                                           .cached = 100,
                                           .cache_write = 100,
                                           .cache_write_1h = 100,
                                           .audio_in = 100,
                                           .image_in = 100,
                                           .output = 300,
                                           .reasoning = 50,
                                           .audio_out = 100,
                                           .image_out = 100,
                                           .web_searches = 2,
                                           .images = 3,
                                           .audio_ms = 2500,
                                           .characters = 10});
    int64_t want = 500 * 2500 + 100 * 1250 + 100 * 3000 + 100 * 5000 +
                   100 * 40000 + 100 * 8000 + 100 * 10000 + 100 * 80000 +
                   100 * 32000 + 2 * 10000000 + 3 * 40000000 + 250000 +
                   10 * 15000;
    assert_int_equal(nano, want);
}

static void a_class_that_is_not_given_falls_back(void **state)
{
    (void)state;
    struct price p = row("anthropic m - t@d in=3 write=3.75 out=15");
    assert_int_equal(cost(&p, (struct usage){.input = 10, .cached = 10}),
                     30000);
    assert_int_equal(
        cost(&p, (struct usage){.input = 10, .cache_write_1h = 10}), 37500);
    assert_int_equal(cost(&p, (struct usage){.output = 1, .audio_out = 1}),
                     15000);
    struct price image = row("openai i - t@d in=5 image_out=40");
    assert_int_equal(cost(&image, (struct usage){.output = 10}), 400000);
}

static void the_whole_request_switches_at_the_threshold(void **state)
{
    (void)state;
    struct price from = row("openai m - t@d in=1 out=1 long_from=100 "
                            "long.in=2 long.out=3");
    struct price above = row("google m - t@d in=1 out=1 long_above=100 "
                             "long.in=2 long.out=3");
    assert_int_equal(cost(&from, (struct usage){.input = 99}), 99000);
    assert_int_equal(cost(&from, (struct usage){.input = 100, .output = 1}),
                     203000);
    assert_int_equal(cost(&above, (struct usage){.input = 100}), 100000);
    // cached tokens count towards the threshold
    assert_int_equal(cost(&above, (struct usage){.input = 101, .cached = 101}),
                     202000);
}

static void tiers_have_long_rates_of_their_own(void **state)
{
    (void)state;
    struct price p = row("openai m - t@d in=2 out=2 flex.in=1 priority.in=4 "
                         "long_from=10 long.in=4 long_flex.in=3 "
                         "long_priority.in=8");
    struct usage u = {.input = 10, .tier = TIER_PRIORITY};
    assert_int_equal(cost(&p, u), 80000);
    u.tier = TIER_FLEX;
    assert_int_equal(cost(&p, u), 30000);
    u.input = 9;
    assert_int_equal(cost(&p, u), 9000);
    struct price q = row("openai m - t@d in=2 out=2 priority.in=6 "
                         "long_from=10 long.in=4");
    u = (struct usage){.input = 10, .tier = TIER_PRIORITY};
    assert_int_equal(cost(&q, u), 60000); // the dearer of the two
}

static void factors_multiply_tokens_and_not_fees(void **state)
{
    (void)state;
    struct price p = row("anthropic m - t@d in=5 out=25 search=0.01 fast=6 "
                         "us=1.1");
    struct usage u = {.input = 10,
                      .output = 1,
                      .web_searches = 1,
                      .fast = true,
                      .region_us = true};
    assert_int_equal(cost(&p, u), 10 * 33000 + 165000 + 10000000);
}

static void rounding_happens_once_half_up(void **state)
{
    (void)state;
    struct price p = row("openai m - t@d in=0.0005 cached=0.0001 out=0.0004");
    assert_int_equal(cost(&p, (struct usage){.input = 1}), 1); // 500 pico
    assert_int_equal(cost(&p, (struct usage){.output = 1}), 0);
    assert_int_equal(cost(&p, (struct usage){.input = 1, .output = 1}), 1);
    assert_int_equal(cost(&p, (struct usage){.input = 3}), 2); // 1500
}

static void inconsistent_usages_never_go_negative(void **state)
{
    (void)state;
    struct price p = row("openai m - t@d in=2 cached=1 write=3 out=4");
    assert_int_equal(cost(&p, (struct usage){.input = 10, .cached = 99}),
                     10000);
    assert_int_equal(
        cost(&p, (struct usage){.input = 10, .cached = 8, .cache_write = 8}),
        8 * 3000 + 2 * 1000);
    assert_int_equal(cost(&p, (struct usage){.input = -5, .output = -5}), 0);
    struct usage huge = {
        .input = INT64_MAX, .output = INT64_MAX, .images = INT64_MAX};
    assert_true(cost(&p, huge) > 0);
}

static struct call call_of(enum op op)
{
    return (struct call){.op = op,
                         .klass = ROUTE_METERED,
                         .max_output = -1,
                         .choices = 1,
                         .output_is_limitable = true,
                         .provider = PROVIDER_OPENAI};
}

static void output_bounds_follow_client_default_model(void **state)
{
    (void)state;
    struct price p = row("openai m - t@d in=1 out=2 max_out=5000");
    struct price q = row("openai m - t@d in=1 out=2");
    struct cost_limits some = {1000, 0};
    struct call c = call_of(OP_CHAT);
    assert_false(cost_worst(&p, &limits, &c));
    assert_int_equal(c.worst.out_tokens, 5000);
    assert_true(cost_worst(&p, &some, &c));
    assert_int_equal(c.worst.out_tokens, 1000);
    assert_true(cost_worst(&q, &limits, &c));
    assert_int_equal(c.worst.out_tokens, COST_UNKNOWN_OUTPUT);
    c.max_output = 77;
    assert_false(cost_worst(&q, &some, &c));
    assert_int_equal(c.worst.out_tokens, 77);
    c = call_of(OP_COMPLETIONS);
    assert_false(cost_worst(&q, &limits, &c));
    assert_int_equal(c.worst.out_tokens, 16);
    c = call_of(OP_EMBEDDINGS);
    assert_false(cost_worst(&q, &limits, &c));
    assert_int_equal(c.worst.out_tokens, 0);
}

static void the_hold_counts_choices_context_and_fallback(void **state)
{
    (void)state;
    struct price p = row("openai m - t@d in=1 out=2 context=1000 max_out=10");
    struct call c = call_of(OP_CHAT);
    c.input_bound = 100;
    c.choices = 3;
    cost_worst(&p, &limits, &c);
    assert_int_equal(cost_hold(&c.worst, 10), 100 * 1000 + 30 * 2000);
    c.input_is_context = true;
    cost_worst(&p, &limits, &c);
    assert_int_equal(cost_hold(&c.worst, 0), 1000 * 1000);
    c.unbounded = true;
    cost_worst(&p, &limits, &c);
    assert_int_equal(cost_hold(&c.worst, 0), 250000000);
    c.input_bound = c.max_output = c.choices = INT64_MAX;
    cost_worst(&p, &limits, &c);
    assert_int_equal(cost_hold(&c.worst, INT64_MAX), INT64_MAX);
    cost_worst(NULL, &limits, &c);
    assert_int_equal(cost_hold(&c.worst, c.worst.out_tokens), 0);
    assert_int_equal(c.worst.basis, BASIS_FREE);
}

/* ---- the promise, on random prices, calls and usages -------------------- */

static uint64_t seed;

static uint64_t next(void)
{
    seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int64_t upto(int64_t n)
{
    return n <= 0 ? 0 : (int64_t)(next() % (uint64_t)(n + 1));
}

static void random_rates(struct rates *r)
{
    int64_t *v[] = {
        &r->in,       &r->cached,   &r->cache_write, &r->cache_write_1h,
        &r->out,      &r->audio_in, &r->audio_out,   &r->image_in,
        &r->image_out};
    for (int i = 0; i < 9; i++)
        *v[i] = upto(2) == 0 ? -1 : upto(upto(1) ? 200000000 : 999);
}

static void random_price(struct price *p)
{
    text_blank(p);
    p->version = 1;
    p->provider = PROVIDER_OPENAI;
    struct rates *all[] = {&p->standard,     &p->flex,     &p->priority,
                           &p->batch,        &p->long_ctx, &p->long_flex,
                           &p->long_priority};
    for (int i = 0; i < 7; i++)
        random_rates(all[i]);
    p->long_above = upto(1) ? upto(1000) : 0;
    p->long_inclusive = upto(1);
    p->web_search = upto(50000000);
    p->per_image = upto(1) ? upto(200000000) : 0;
    p->per_char = upto(50000000);
    p->fast_permille = 500 + (int)upto(6000);
    p->us_permille = 900 + (int)upto(300);
    p->eu_permille = 900 + (int)upto(300);
    p->max_output = upto(1) ? upto(5000) : 0;
    p->context = upto(1) ? upto(5000) : 0;
}

static void random_call(struct call *c)
{
    static const enum op ops[] = {
        OP_CHAT,   OP_COMPLETIONS, OP_RESPONSES, OP_EMBEDDINGS, OP_IMAGES,
        OP_SPEECH, OP_MESSAGES,    OP_GENERATE,  OP_PASSTHROUGH};
    *c = call_of(ops[upto(8)]);
    c->max_output = upto(1) ? upto(3000) : -1;
    c->choices = upto(4);
    c->input_bound = upto(2000);
    c->input_is_context = upto(4) == 0;
    c->unbounded = upto(4) == 0;
    c->output_is_limitable = upto(1);
    c->web_searches = upto(10);
    c->images = upto(4);
    c->characters = upto(1000);
    c->tier = (enum tier)upto(3);
    c->fast = upto(1);
    c->region_us = upto(1);
    c->region_eu = upto(1);
}

static void random_usage(struct usage *u, const struct price *p,
                         const struct call *c)
{
    int64_t in = c->input_bound, times = c->choices > 1 ? c->choices : 1;
    if (c->input_is_context && p->context > in)
        in = p->context;
    if (c->op == OP_IMAGES && c->images > times)
        times = c->images;
    int64_t most = c->worst.out_tokens * times;
    static const enum tier served[] = {TIER_STANDARD, TIER_FLEX, TIER_BATCH};
    *u = (struct usage){.input = upto(1) ? in : upto(in),
                        .output = upto(1) ? most : upto(most)};
    u->cached = upto(in + 10);
    u->cache_write = upto(2) ? 0 : upto(in + 10);
    u->cache_write_1h = upto(2) ? 0 : upto(in + 10);
    u->audio_in = upto(2) ? 0 : upto(in + 10);
    u->image_in = upto(2) ? 0 : upto(in + 10);
    u->audio_out = upto(2) ? 0 : upto(most + 10);
    u->image_out = upto(2) ? 0 : upto(most + 10);
    u->web_searches = upto(c->web_searches);
    u->images = upto(c->images);
    u->characters = upto(c->characters);
    u->tier = upto(1) ? c->tier : served[upto(2)];
    u->fast = c->fast && upto(1);
    u->region_us = c->region_us && upto(1);
    u->region_eu = c->region_eu && upto(1);
}

static void no_usage_within_the_bounds_costs_more_than_the_hold(void **state)
{
    (void)state;
    const char *given = getenv("SEED");
    int64_t start = clock_now_ms();
    if (given != NULL)
        assert_true(money_scan(slice_str(given), 0, &start));
    seed = (uint64_t)start;
    printf("SEED=%" PRId64 "\n", start);
    for (int i = 0; i < 20000; i++) {
        struct price p;
        struct call c;
        random_price(&p);
        random_call(&c);
        struct cost_limits lim = {upto(1) ? upto(2000) : 0, upto(1000000)};
        cost_worst(&p, &lim, &c);
        int64_t hold = cost_hold(&c.worst, c.worst.out_tokens);
        for (int j = 0; j < 10; j++) {
            struct usage u;
            random_usage(&u, &p, &c);
            int64_t nano = cost(&p, u);
            if (nano > hold)
                fail_msg("price %d usage %d: %" PRId64 " > %" PRId64, i, j,
                         nano, hold);
        }
        // clamping keeps it: fewer tokens, a smaller hold, never below
        int64_t half = c.worst.out_tokens / 2;
        assert_true(cost_hold(&c.worst, half) <= hold);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_costs_its_rate),
        cmocka_unit_test(a_class_that_is_not_given_falls_back),
        cmocka_unit_test(the_whole_request_switches_at_the_threshold),
        cmocka_unit_test(tiers_have_long_rates_of_their_own),
        cmocka_unit_test(factors_multiply_tokens_and_not_fees),
        cmocka_unit_test(rounding_happens_once_half_up),
        cmocka_unit_test(inconsistent_usages_never_go_negative),
        cmocka_unit_test(output_bounds_follow_client_default_model),
        cmocka_unit_test(the_hold_counts_choices_context_and_fallback),
        cmocka_unit_test(no_usage_within_the_bounds_costs_more_than_the_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

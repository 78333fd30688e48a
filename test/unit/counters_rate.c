/* counters_rate.c - the minute of a tenant, to the second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "counters/counters.h"

static char dir[] = "/tmp/bg-counters-rate-XXXXXX";
static const int64_t T = 1795000000000;

static int setup(void **state)
{
    struct err err;
    struct counters *c;
    struct counters_conf conf = {.dir = dir, .map_bytes = 1 << 20};
    if (counters_open(&conf, &c, &err) != OK)
        return 1;
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "owner",
                                        "sent.map"};
    char path[128];
    struct counters *c = *state;
    counters_close(&c);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    return 0;
}

static struct admission ask(struct counters *c, int64_t now,
                            struct counter_rate rate, int64_t tokens,
                            bool rate_only)
{
    static const struct event skeleton = {.tenant_id = 1};
    struct err err;
    struct admission a = {.now_ms = now,
                          .rate = rate,
                          .session = {.tag_budget = -1, .default_budget = -1},
                          .rate_only = rate_only,
                          .rate_tokens = tokens,
                          .skeleton = &skeleton};
    a.rate.tenant_id = 1;
    assert_int_equal(counters_admit(c, &a, &err), OK);
    return a;
}

static enum status end(struct counters *c, uint64_t hold, int64_t tokens)
{
    struct err err;
    struct settlement s = {.hold_id = hold, .tokens = tokens};
    return counters_settle(c, &s, &err);
}

static void no_minute_holds_more_than_the_limit(void **state)
{
    const struct counter_rate two = {.max_requests = 2};
    struct admission a = ask(*state, T + 999, two, 0, true);
    assert_int_equal(a.result, ADMIT_OK);
    assert_int_equal(a.rate.remaining, 1);
    assert_int_equal(a.rate.reset_s, 60); // 60.001 s: a minute
    assert_int_equal(ask(*state, T + 30000, two, 0, true).result, ADMIT_OK);
    a = ask(*state, T + 60999, two, 0, true);
    assert_int_equal(a.result, ADMIT_RATE_REQUESTS);
    assert_int_equal(a.rate.retry_after_s, 1);
    assert_int_equal(a.rate.remaining, 0);
    a = ask(*state, T + 61000, two, 0, true);
    assert_int_equal(a.result, ADMIT_OK);
    a = ask(*state, T + 61000, two, 0, true);
    assert_int_equal(a.result, ADMIT_RATE_REQUESTS);
    assert_int_equal(a.rate.retry_after_s, 30);
    // a changed limit holds for the next request
    const struct counter_rate three = {.max_requests = 3};
    assert_int_equal(ask(*state, T + 61000, three, 0, true).result, ADMIT_OK);
}

static void a_clock_set_back_forgets_nothing(void **state)
{
    const struct counter_rate two = {.max_requests = 2};
    assert_int_equal(ask(*state, T, two, 0, true).result, ADMIT_OK);
    assert_int_equal(ask(*state, T, two, 0, true).result, ADMIT_OK);
    assert_int_equal(ask(*state, T - 3600000, two, 0, true).result,
                     ADMIT_RATE_REQUESTS);
    assert_int_equal(ask(*state, T - 3600000 + 61000, two, 0, true).result,
                     ADMIT_OK);
}

static void tokens_are_corrected_where_they_were_admitted(void **state)
{
    const struct counter_rate r = {.max_tokens = 100};
    struct admission a = ask(*state, T, r, 90, false);
    assert_int_equal(a.result, ADMIT_OK);
    struct admission b = ask(*state, T + 1000, r, 20, false);
    assert_int_equal(b.result, ADMIT_RATE_TOKENS);
    assert_int_equal(b.rate.retry_after_s, 60);
    assert_int_equal(end(*state, a.hold_id, 10), OK);
    b = ask(*state, T + 1000, r, 90, false);
    assert_int_equal(b.result, ADMIT_OK);
    assert_int_equal(ask(*state, T + 1000, r, 1, false).result,
                     ADMIT_RATE_TOKENS);
    assert_int_equal(ask(*state, T + 61000, r, 10, false).result, ADMIT_OK);
    assert_int_equal(ask(*state, T + 61000, r, 101, false).result,
                     ADMIT_RATE_TOKENS);
    assert_int_equal(end(*state, b.hold_id, -1), OK);
}

static void requests_in_flight_are_limited(void **state)
{
    const struct counter_rate r = {.max_concurrent = 1};
    struct admission a = ask(*state, T, r, 0, false);
    assert_int_equal(a.result, ADMIT_OK);
    assert_int_equal(ask(*state, T, r, 0, false).result,
                     ADMIT_RATE_CONCURRENCY);
    assert_int_equal(end(*state, a.hold_id, -1), OK);
    assert_int_equal(end(*state, a.hold_id, -1), E_NOT_FOUND);
    assert_int_equal(ask(*state, T, r, 0, true).result, ADMIT_OK);
    assert_int_equal(ask(*state, T, r, 0, false).result, ADMIT_OK);
}

static void wrong_values_are_refused(void **state)
{
    struct err err;
    static const struct event skeleton = {.tenant_id = 1};
    struct counter_window w[2] = {{.budget = 1}, {.budget = 1}};
    struct admission a = {
        .windows = w, .window_count = 2, .skeleton = &skeleton};
    assert_int_equal(counters_admit(*state, &a, &err), E_INVALID);
    a.window_count = 1;
    a.fixed_pico = -1;
    assert_int_equal(counters_admit(*state, &a, &err), E_INVALID);
    a.fixed_pico = 0;
    w[0].width_ms = 5; // rolling without a step
    assert_int_equal(counters_admit(*state, &a, &err), E_INVALID);
    assert_int_equal(counters_holds_open(*state), 0);
}

static void amounts_near_the_limit_do_not_wrap(void **state)
{
    struct err err;
    static const struct event skeleton = {.tenant_id = 1};
    struct counter_window w = {.budget = 9, .end_ms = INT64_MAX};
    struct admission a = {.windows = &w,
                          .window_count = 1,
                          .metered = true,
                          .out_pico = INT64_MAX,
                          .out_tokens = INT64_MAX,
                          .session = {.tag_budget = -1, .default_budget = -1},
                          .skeleton = &skeleton};
    assert_int_equal(counters_admit(*state, &a, &err), OK);
    assert_int_equal(a.result, ADMIT_BUDGET); // soft, but not countable
    a.out_pico = 0;
    a.fixed_pico = (int128)(INT64_MAX - 10) * 1000;
    assert_int_equal(counters_admit(*state, &a, &err), OK);
    assert_int_equal(a.result, ADMIT_OK);
    uint64_t hold = a.hold_id;
    a.fixed_pico = 11000;
    assert_int_equal(counters_admit(*state, &a, &err), OK);
    assert_int_equal(a.result, ADMIT_BUDGET);
    struct settlement s = {.hold_id = hold, .usd = INT64_MAX, .tokens = -1};
    assert_int_equal(counters_settle(*state, &s, &err), OK);
    assert_int_equal(counters_peek(*state, &w, 0, &err), OK);
    assert_int_equal(w.spent, INT64_MAX);
    assert_int_equal(w.held, 0);
}

static void ids_and_numbers_survive_an_empty_store(void **state)
{
    struct err err;
    struct counters *c = *state;
    struct event e = {.tenant_id = 1};
    uint64_t one, two;
    uint64_t hold = ask(c, T, (struct counter_rate){0}, 0, false).hold_id;
    assert_int_equal(end(c, hold, -1), OK);
    assert_int_equal(counters_append(c, &e, &one, &err), OK);
    assert_int_equal(counters_outbox_trim(c, one, &err), OK);
    assert_int_equal(counters_meta_set(c, "clean", -5, &err), OK);
    counters_close(&c);
    assert_int_equal(setup((void **)&c), 0);
    *state = c;
    int64_t v = 0;
    assert_int_equal(counters_meta_get(c, "clean", &v, &err), OK);
    assert_int_equal(v, -5);
    assert_int_equal(counters_meta_get(c, "none", &v, &err), E_NOT_FOUND);
    assert_true(ask(c, T, (struct counter_rate){0}, 0, false).hold_id > hold);
    assert_int_equal(counters_append(c, &e, &two, &err), OK);
    assert_true(two > one);
    assert_int_equal(counters_outbox_floor(c, 1000, &err), OK);
    assert_int_equal(counters_append(c, &e, &two, &err), OK);
    assert_int_equal(two, 1000);
    // sweeping takes ended windows and old marks, not what is needed
    struct counter_window w = {.budget = 3, .start_ms = 1, .end_ms = 10};
    assert_int_equal(counters_charge(c, &w, 1, &e, SLICE("m"), &err), OK);
    assert_int_equal(counters_sweep(c, 5, &err), OK);
    assert_int_equal(counters_charge(c, &w, 1, &e, SLICE("m"), &err), E_EXISTS);
    assert_int_equal(counters_sweep(c, INT64_MAX, &err), OK);
    assert_int_equal(counters_charge(c, &w, 1, &e, SLICE("m"), &err), OK);
}

int main(void)
{
    if (mkdtemp(dir) == NULL)
        return 1;
#define T_(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T_(no_minute_holds_more_than_the_limit),
        T_(a_clock_set_back_forgets_nothing),
        T_(tokens_are_corrected_where_they_were_admitted),
        T_(requests_in_flight_are_limited),
        T_(wrong_values_are_refused),
        T_(amounts_near_the_limit_do_not_wrap),
        T_(ids_and_numbers_survive_an_empty_store),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(dir);
    return rc;
}

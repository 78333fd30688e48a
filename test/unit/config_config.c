/* config_config.c - layers, aliases, checks and budgets of the environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/money.h"
#include "config/config.h"

#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_ENV ((const char *const[]){NULL})
#define ENV_MAX 16

/* As guard/window.h, which config may not use. */
static bool period(struct slice s, enum budget_period *p, int64_t *rolling_ms)
{
    static const char *const names[] = {"hourly",  "daily", "weekly",
                                        "monthly", "total", "custom"};
    *rolling_ms = 0;
    for (int i = 0; i < 6; i++)
        if (slice_is(s, names[i])) {
            *p = (enum budget_period)i;
            return true;
        }
    *p = PERIOD_ROLLING;
    if (slice_is(s, "rolling:24h") || slice_is(s, "rolling:1d"))
        *rolling_ms = 86400000;
    return slice_is(s, "rolling") || *rolling_ms > 0;
}

static enum status load(const char *const *env, const char *text,
                        struct config **c, struct err *err)
{
    char path[64], *own[ENV_MAX + 1] = {0}; // environ is not const
    int fd = memfd_create("env", MFD_CLOEXEC);
    size_t n = strlen(text);
    assert_true(fd != -1 && write(fd, text, n) == (ssize_t)n);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    for (int i = 0; i < ENV_MAX && env[i] != NULL; i++)
        own[i] = strdup(env[i]);
    enum status st = config_load(path, own, period, c, err);
    for (int i = 0; i < ENV_MAX; i++)
        free(own[i]); // everything was copied
    close(fd);
    return st;
}

static struct config *good(const char *const *env, const char *text)
{
    struct config *c;
    struct err err;
    if (load(env, text, &c, &err) != OK)
        fail_msg("%s", err.text);
    return c;
}

/* The error is one line that holds `name` and not `secret`. */
static void wrong(const char *const *env, const char *text, const char *name)
{
    struct config *c = NULL;
    struct err err = {0};
    if (load(env, text, &c, &err) == OK)
        fail_msg("accepted: %s %s", env[0] != NULL ? env[0] : "", text);
    assert_null(c);
    if (strstr(err.text, name) == NULL || strchr(err.text, '\n') != NULL ||
        strstr(err.text, "hidden") != NULL)
        fail_msg("%s: %s", name, err.text);
}

static void test_defaults(void **state)
{
    (void)state;
    struct config *c = good(NO_ENV, "");
    assert_string_equal(c->host, "127.0.0.1");
    assert_int_equal(c->port, 3000);
    assert_int_equal(c->max_body_bytes, 33554432);
    assert_int_equal(c->max_reqs_per_min, 100);
    assert_int_equal(c->rate_limit_burst, 60);
    assert_int_equal(c->ingest_rpm, 60);
    assert_int_equal(c->ingest_burst, 60);
    assert_int_equal(c->fallback_hold, MONEY_NANO / 4);
    assert_string_equal(c->unknown_price, "dearest");
    assert_string_equal(c->openai_key, "");
    assert_int_equal(c->period_count, 1);
    assert_int_equal(c->budget_count, 1);
    assert_int_equal(c->budgets[0].period, PERIOD_MONTHLY);
    assert_int_equal(c->budgets[0].amount, 50 * MONEY_NANO);
    assert_int_equal(c->budgets[0].rank, 0);
    config_free(&c);
    assert_null(c);
    config_free(&c);
}

static void test_layers_and_aliases(void **state)
{
    (void)state;
    // the environment wins over a file; an empty value counts as unset
    struct config *c = good(ENV("PORT=1", "HOST=", "OPENAI_API_KEY=alias"),
                            "PORT=2\nHOST=::1\nOPENAI_KEY=own\n");
    assert_int_equal(c->port, 1);
    assert_string_equal(c->host, "::1");
    assert_string_equal(c->openai_key, "own"); // a canonical name wins
    config_free(&c);
    c = good(ENV("SERVER_PORT=7", "UPSTREAM_API_KEY=k", "NODE_ENV=development"),
             "BUDGET_PERIOD=daily\n");
    assert_int_equal(c->port, 7);
    assert_string_equal(c->openai_key, "k");
    assert_string_equal(c->env, "development");
    assert_int_equal(c->periods[0].period, PERIOD_DAILY);
    config_free(&c);
}

static void test_file_lines(void **state)
{
    (void)state;
    struct config *c =
        good(NO_ENV, "\xEF\xBB\xBF# comment\n\n  export PORT=\"81\" # c\r\n"
                     "ADMIN_API_KEY='from # file'\nHOST = 10.0.0.1 # c\n"
                     "ADMIN_TOKEN=a#b\nAPI_KEY= # nothing\n"
                     "MODEL_PRICING_JSON={\"m\":{\"input\":1}}\n"
                     "INGEST_KEY=\"it's $HOME\"\nDATA_DIR=/x y");
    assert_int_equal(c->port, 81);
    assert_string_equal(c->admin_api_key, "from # file");
    assert_string_equal(c->host, "10.0.0.1");
    assert_string_equal(c->admin_token, "a#b");
    assert_string_equal(c->api_key, "");
    assert_string_equal(c->model_pricing_json, "{\"m\":{\"input\":1}}");
    assert_string_equal(c->ingest_key, "it's $HOME");
    assert_string_equal(c->data_dir, "/x y");
    config_free(&c);
    wrong(NO_ENV, "PORT=1\nwhat\n", "line 2");
    wrong(NO_ENV, "a b=1\n", "line 1");
    wrong(NO_ENV, "API_KEY=\"hidden\nPORT=1\n", "API_KEY");
    wrong(NO_ENV, "API_KEY='hidden' more\n", "API_KEY");
}

static void test_wrong_values(void **state)
{
    (void)state;
    static const struct {
        const char *line, *name;
    } cases[] = {
        {"PORT=abc", "PORT"},
        {"PORT=70000", "PORT"},
        {"PORT=1e3", "PORT"},
        {"PORT=80.0", "PORT"},
        {"WORKERS=-1", "WORKERS"},
        {"LOG_LEVEL=loud", "LOG_LEVEL"},
        {"TENANT_AUTH=none", "TENANT_AUTH"},
        {"MAX_BODY_BYTES=1x", "MAX_BODY_BYTES"},
        {"MAX_BODY_BYTES=99999999999999999999", "MAX_BODY_BYTES"},
        {"CRASH_SETTLE=maybe", "CRASH_SETTLE"},
        {"UNKNOWN_PRICE=x", "UNKNOWN_PRICE"},
        {"PASSTHROUGH=x", "PASSTHROUGH"},
        {"CLIENT_GONE=x", "CLIENT_GONE"},
        {"PROXY_ERRORS=x", "PROXY_ERRORS"},
        {"USE_LDAP=true", "USE_LDAP"},
        {"USE_LDAP=True", "USE_LDAP"},
        {"DEFAULT_API_KEY=hidden", "DEFAULT_API_KEY"},
        {"CLOCK_OFFSET_S=5", "CLOCK_OFFSET_S"},
        {"TLS_CERT_FILE=/x", "TLS_"},
        {"TLS_KEY_FILE=/x", "TLS_"},
        {"FALLBACK_HOLD_USD=-1", "FALLBACK_HOLD_USD"},
        {"DEFAULT_BUDGET_USD=1e3", "DEFAULT_BUDGET_USD"},
        {"DEFAULT_BUDGET_USD=1000000001", "DEFAULT_BUDGET_USD"},
        {"MAX_MONTHLY_USD=lots", "MAX_MONTHLY_USD"},
        {"TRACKING_TOKEN_LENGTH=41", "TRACKING_TOKEN_LENGTH"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        wrong(NO_ENV, cases[i].line, cases[i].name);
    struct config *c = good(ENV("USE_LDAP=False"), "");
    config_free(&c);
}

static const struct config_budget *budget(const struct config *c,
                                          enum budget_period p,
                                          const char *tenant, int rank)
{
    for (int i = 0; i < c->budget_count; i++) {
        const struct config_budget *b = &c->budgets[i];
        if (b->period == p && b->rank == rank && slice_is(b->tenant, tenant))
            return b;
    }
    fail_msg("no budget %d of '%s' rank %d", (int)p, tenant, rank);
    return NULL;
}

static void test_budgets(void **state)
{
    (void)state;
    struct config *c =
        good(ENV("BUDGET_PERIODS=monthly, rolling:24h,monthly"),
             "BUDGET_DAILY_USD=5\nBUDGET_ROLLING_24H_USD=0.5\n"
             "BUDGET_MONTHLY_ACME_CORP_1=7\nBUDGET_TOTAL_USD_X=1\n"
             "MAX_MONTHLY_USD=9\nDEFAULT_BUDGET_USD=3\n");
    assert_int_equal(c->period_count, 2); // repeats are one
    assert_int_equal(c->periods[1].rolling_ms, 86400000);
    assert_int_equal(budget(c, PERIOD_DAILY, "", 1)->amount, 5 * MONEY_NANO);
    assert_int_equal(budget(c, PERIOD_ROLLING, "", 1)->amount, MONEY_NANO / 2);
    assert_int_equal(budget(c, PERIOD_ROLLING, "", 1)->rolling_ms, 86400000);
    assert_int_equal(budget(c, PERIOD_MONTHLY, "ACME_CORP_1", 2)->amount,
                     7 * MONEY_NANO);
    assert_int_equal(budget(c, PERIOD_TOTAL, "USD_X", 2)->amount, MONEY_NANO);
    assert_int_equal(budget(c, PERIOD_MONTHLY, "", 1)->amount, 9 * MONEY_NANO);
    assert_int_equal(budget(c, PERIOD_MONTHLY, "", 0)->amount, 3 * MONEY_NANO);
    assert_int_equal(c->budget_count, 7);
    config_free(&c);
    c = good(ENV("MAX_MONTHLY_USD=9", "BUDGET_MONTHLY_USD=8",
                 "DEFAULT_BUDGET_USD=none"),
             "BUDGET_MONTHLY_USD=1\n");
    assert_int_equal(c->budget_count, 1);
    assert_int_equal(c->budgets[0].amount, 8 * MONEY_NANO);
    config_free(&c);
}

static void test_wrong_budgets(void **state)
{
    (void)state;
    wrong(ENV("BUDGET_FORTNIGHTLY_USD=1"), "", "BUDGET_FORTNIGHTLY_USD");
    wrong(ENV("BUDGET_X=1"), "", "BUDGET_X");
    wrong(ENV("BUDGET_DAILY_=1"), "", "BUDGET_DAILY_");
    wrong(ENV("BUDGET_DAILY=1"), "", "BUDGET_DAILY");
    wrong(ENV("BUDGET_ROLLING_ACME=1"), "", "BUDGET_ROLLING_ACME");
    wrong(ENV("BUDGET_DAILY_acme=1"), "", "BUDGET_DAILY_acme");
    wrong(ENV("BUDGET_MONTHLY_USD=-1"), "", "BUDGET_MONTHLY_USD");
    wrong(ENV("BUDGET_MONTHLY_USD=NaN"), "", "BUDGET_MONTHLY_USD");
    wrong(ENV("BUDGET_MONTHLY_USD=0.0000000001"), "", "BUDGET_MONTHLY_USD");
    wrong(ENV("BUDGET_ROLLING_24H_USD=1", "BUDGET_ROLLING_1D_USD=2"), "",
          "BUDGET_ROLLING_1D_USD");
    wrong(NO_ENV, "BUDGET_PERIODS=fortnightly\n", "fortnightly");
    wrong(NO_ENV, "BUDGET_PERIODS=rolling\n", "BUDGET_PERIODS");
    wrong(NO_ENV, "BUDGET_PERIODS=custom\n", "BUDGET_START_DATE");
    wrong(NO_ENV, "BUDGET_CUSTOM_USD=1\n", "BUDGET_CUSTOM_USD");
    wrong(NO_ENV,
          "BUDGET_PERIODS=custom\nBUDGET_START_DATE=2026-02-01\n"
          "BUDGET_END_DATE=2026-01-31\n",
          "BUDGET_END_DATE");
    wrong(NO_ENV,
          "BUDGET_PERIODS=custom\nBUDGET_START_DATE=2026-02-01\n"
          "BUDGET_END_DATE=2026-02-30\n",
          "BUDGET_END_DATE");
    struct config *c =
        good(NO_ENV, "BUDGET_PERIODS=custom\nBUDGET_START_DATE=2026-02-01\n"
                     "BUDGET_END_DATE=2026-02-01\n"); // one whole day
    assert_int_equal(c->periods[0].period, PERIOD_CUSTOM);
    config_free(&c);
    c = good(ENV("BUDGET_UNKNOWN="), ""); // empty: unset
    config_free(&c);
}

static void test_limits_are_errors(void **state)
{
    (void)state;
    char *text = malloc((1u << 20) + 2);
    assert_non_null(text);
    memset(text, '#', (1u << 20) + 1);
    text[(1u << 20) + 1] = '\0';
    wrong(NO_ENV, text, "1 MiB");
    size_t at = 0;
    for (int i = 0; i < CONFIG_BUDGETS_MAX + 1; i++)
        at += (size_t)snprintf(text + at, 64, "BUDGET_DAILY_T%d=1\n", i);
    wrong(NO_ENV, text, "BUDGET_DAILY_T4096");
    free(text);
    struct config *c = NULL;
    struct err err;
    assert_int_not_equal(
        config_load("/nonexistent/env", (char *[]){NULL}, period, &c, &err),
        OK);
    assert_null(c);
    assert_non_null(strstr(err.text, "/nonexistent/env"));
}

static void test_shown_without_secrets(void **state)
{
    (void)state;
    struct buf b;
    struct config *c =
        good(ENV("OPENAI_KEY=hidden-1", "ADMIN_API_KEY=hidden-2",
                 "ALERT_WEBHOOK_URL=https://example.com/hidden-3", "PORT=81",
                 "DEFAULT_TENANT=acme", "DEFAULT_API_KEY=hidden-4-0123456789",
                 "DATABASE_URL=hidden-5", "VITE_A=1", "VITE_B=1",
                 "BUDGET_DAILY_ACME=2.5"),
             "");
    buf_init(&b, 1u << 20);
    config_print(c, &b);
    buf_char(&b, '\0');
    assert_false(b.failed);
    assert_null(strstr(b.p, "hidden"));
    assert_non_null(strstr(b.p, "81"));
    assert_non_null(strstr(b.p, "BUDGET_DAILY_ACME            2.5\n"));
    assert_int_equal(c->ignored_count, 2);
    assert_string_equal(c->ignored[0], "DATABASE_URL");
    buf_clear(&b);
    config_help(&b);
    buf_char(&b, '\0');
    assert_non_null(strstr(b.p, "BUDGET_TIMEZONE"));
    assert_non_null(strstr(b.p, "BUDGET_<PERIOD>_USD"));
    assert_null(strstr(b.p, " \n")); // each has a meaning
    buf_release(&b);
    config_free(&c);
}

static void one_default(void *arg, const struct config_value *v)
{
    if (strcmp(v->name, "INGEST_BURST") == 0)
        *(int *)arg += strcmp(v->dflt, "7") == 0 && strcmp(v->text, "9") == 0;
    if (strcmp(v->name, "RATE_LIMIT_BURST") == 0)
        *(int *)arg += strcmp(v->dflt, "5") == 0 && strcmp(v->text, "7") == 0;
    if (strcmp(v->name, "INGEST_RPM") == 0)
        *(int *)arg += strcmp(v->dflt, "5") == 0 && strcmp(v->text, "5") == 0;
}

static void test_defaults_that_follow(void **state)
{
    (void)state;
    int right = 0;
    struct config *c = good(
        ENV("RATE_LIMIT_RPM=5", "RATE_LIMIT_BURST=7", "INGEST_BURST=9"), "");
    config_each(c, one_default, &right);
    assert_int_equal(right, 3);
    config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_defaults_that_follow),
        cmocka_unit_test(test_layers_and_aliases),
        cmocka_unit_test(test_file_lines),
        cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_wrong_budgets),
        cmocka_unit_test(test_limits_are_errors),
        cmocka_unit_test(test_shown_without_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

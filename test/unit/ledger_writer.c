/* The way of a row: outbox, ledger, rollups, chain; and what verify sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypt.h"
#include "ledger/check.h"
#include "ledger/query.h"
#include "ledger/rows.h"
#include "ledger/writer.h"

#define T0 1790000000000LL

struct world {
    char dir[64], path[96], lmdb[96];
    struct counters *counters;
    struct catalog *catalog;
    struct db *db;
    struct zone *zone;
};

static bool day_window(const struct budget *b, const struct zone *z, int64_t at,
                       struct window *out)
{
    (void)z;
    if (b->period == PERIOD_TOTAL) {
        *out = (struct window){0, INT64_MAX};
        return true;
    }
    out->start_ms = at - at % 86400000;
    out->end_ms = out->start_ms + 86400000;
    return true;
}

static int64_t step(int64_t rolling)
{
    (void)rolling;
    return 60000;
}

static void must(enum status st, const struct err *err)
{
    if (st != OK)
        fail_msg("%s: %s", err_name(st), err->text);
}

static void open_all(struct world *w)
{
    struct err err = {0};
    const struct counters_conf cc = {.dir = w->lmdb, .map_bytes = 8u << 20};
    must(counters_open(&cc, &w->counters, &err), &err);
    w->catalog = catalog_new(NULL, 0);
    const struct db_conf dc = {.path = w->path,
                               .counters = w->counters,
                               .catalog = w->catalog,
                               .window_at = day_window,
                               .window_step_ms = step};
    must(db_open(&dc, &w->db, &err), &err);
    must(rows_load(w->db, &err), &err);
}

static void close_all(struct world *w)
{
    db_close(&w->db);
    catalog_free(&w->catalog);
    counters_close(&w->counters);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_true(crypt_init());
    snprintf(w->dir, sizeof w->dir, "/tmp/ledger-test-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->path, sizeof w->path, "%s/ledger.sqlite", w->dir);
    snprintf(w->lmdb, sizeof w->lmdb, "%s/counters.lmdb", w->dir);
    open_all(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    char cmd[128];
    close_all(w);
    snprintf(cmd, sizeof cmd, "rm -rf %s", w->dir);
    int rc = system(cmd);
    free(w);
    return rc;
}

static int64_t add_tenant(struct world *w, const char *name, int64_t amount)
{
    struct err err = {0};
    struct tenant_row t = {.name = slice_str(name),
                           .rate_limit_per_min = -1,
                           .tokens_per_min = -1,
                           .max_concurrent = -1,
                           .default_session_budget = -1};
    struct budget b = {.period = PERIOD_DAILY, .amount = amount};
    must(
        rows_tenant_add(w->db, (struct actor){SLICE("admin")}, &t, &b, 1, &err),
        &err);
    return t.id;
}

static void charge(struct world *w, int64_t tenant, int64_t usd, int64_t ts,
                   struct counter_window *win, int n)
{
    struct err err = {0};
    struct event_tag tag = {7, SLICE("eng"), SLICE("eng"), true};
    struct event e = {.ts_ms = ts,
                      .tenant_id = tenant,
                      .key_id = 3,
                      .tenant = SLICE("acme"),
                      .route = SLICE("/v1/chat/completions"),
                      .provider = PROVIDER_OPENAI,
                      .model = SLICE("gpt-4.1-2025-04-14"),
                      .usd = usd,
                      .status = EVENT_SUCCESS,
                      .ttft_ms = -1,
                      .tags = &tag,
                      .tag_count = 1};
    e.usage.input = 10;
    e.usage.output = 5;
    crypt_request_id(ts, e.request_id);
    must(
        counters_charge(w->counters, win, n, &e, (struct slice){NULL, 0}, &err),
        &err);
}

static struct verify_result verify(struct world *w, int64_t now)
{
    struct err err = {0};
    struct buf text;
    struct verify_result v;
    buf_init(&text, 1u << 20);
    must(check_verify(w->db, now, &v, &text, &err), &err);
    if (!v.good)
        print_message("%.*s", SLICE_FMT(buf_get(&text)));
    buf_release(&text);
    return v;
}

static void test_rows_rollups_chain(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    int64_t id = add_tenant(w, "acme", 1000);
    const struct snapshot *s = catalog_ref(w->catalog);
    const struct tenant *t = snapshot_tenant(s, id);
    assert_non_null(t);
    assert_int_equal(t->budget_count, 1);
    struct counter_window win = {.budget = t->budgets[0].id,
                                 .start_ms = T0 - T0 % 86400000,
                                 .end_ms = T0 - T0 % 86400000 + 86400000};
    snapshot_unref(&s);
    for (int i = 0; i < 2500; i++) {
        win.amount = i;
        charge(w, id, i, T0, &win, 1);
    }
    must(writer_drain(w->db, &err), &err);
    assert_int_equal(counters_outbox_depth(w->counters), 0);
    struct sum sum;
    must(query_sum(w->db, id, 0, INT64_MAX, &sum, &err), &err);
    assert_int_equal(sum.usd, 2499 * 2500 / 2);
    assert_int_equal(sum.requests, 2500);
    assert_int_equal(sum.input, 25000);
    struct budget by_tag = {
        .scope = SCOPE_TAG, .tenant_id = id, .object_id = 7};
    must(query_budget_sum(w->db, &by_tag, T0, T0 + 1, &sum, &err), &err);
    assert_int_equal(sum.usd, 2499 * 2500 / 2);
    struct budget by_model = {.scope = SCOPE_MODEL,
                              .scope_id = SLICE("gpt-4.1")};
    must(query_budget_sum(w->db, &by_model, 0, INT64_MAX, &sum, &err), &err);
    assert_int_equal(sum.usd, 2499 * 2500 / 2);
    struct verify_result v = verify(w, T0);
    assert_true(v.good);
    assert_int_equal(v.rows, 2500);
    assert_int_equal(v.windows, 1);
}

static void test_append_only_and_tampering(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    sqlite3 *c = NULL;
    for (int i = 0; i < 5; i++)
        charge(w, 1, 10, T0 + i, NULL, 0);
    must(writer_drain(w->db, &err), &err);
    assert_int_equal(sqlite3_open(w->path, &c), SQLITE_OK);
    assert_int_not_equal(
        sqlite3_exec(c, "UPDATE ledger SET usd=1", NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_not_equal(
        sqlite3_exec(c, "DELETE FROM ledger_tag", NULL, NULL, NULL), SQLITE_OK);
    assert_true(verify(w, T0).good);
    assert_int_equal(sqlite3_exec(c,
                                  "DROP TRIGGER ledger_no_update;"
                                  "UPDATE ledger SET usd=usd+1 WHERE id=3",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(c);
    struct verify_result v = verify(w, T0);
    assert_false(v.good);
    assert_int_equal(v.first_bad_id, 3);
    assert_true(v.bad_rollups > 0);
}

static void test_deleted_counters_are_rebuilt(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    char cmd[128];
    struct check_result r;
    int64_t id = add_tenant(w, "acme", 1000);
    charge(w, id, 123, T0, NULL, 0);
    must(writer_drain(w->db, &err), &err);
    close_all(w);
    snprintf(cmd, sizeof cmd, "rm -rf %s", w->lmdb);
    assert_int_equal(system(cmd), 0);
    open_all(w);
    must(check_start(w->db, T0, &r, &err), &err);
    assert_false(r.skipped);
    assert_int_equal(r.repaired, 1);
    assert_true(verify(w, T0).good);
    charge(w, id, 1, T0, NULL, 0); // its sequence must not start over
    must(writer_drain(w->db, &err), &err);
    assert_int_equal(verify(w, T0).rows, 2);
}

static void test_budget_in_mid_window_starts_from_spend(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    int64_t id = add_tenant(w, "acme", 1000);
    int64_t now = clock_now_ms();
    charge(w, id, 40, now, NULL, 0);
    must(writer_drain(w->db, &err), &err);
    charge(w, id, 2, now, NULL, 0); // still in the outbox
    struct budget_row b = {.b = {.scope = SCOPE_KEY,
                                 .tenant_id = id,
                                 .period = PERIOD_TOTAL,
                                 .amount = 100,
                                 .active = true},
                           .weight_milli = 1000};
    struct key_row k = {.tenant_id = id, .first4 = "bg_x", .last4 = "9aZq"};
    must(rows_key_add(w->db, (struct actor){SLICE("admin")}, &k, &err), &err);
    b.b.object_id = k.id;
    b.b.scope = SCOPE_TENANT;
    b.b.object_id = 0;
    must(rows_budgets_add(w->db, (struct actor){SLICE("admin")}, &b, 1, false,
                          &err),
         &err);
    struct counter_window win;
    assert_true(db_window(w->db, &b.b, now, &win));
    must(counters_peek(w->counters, &win, now, &err), &err);
    assert_int_equal(win.spent, 42);
    assert_int_equal(
        rows_budgets_add(w->db, (struct actor){SLICE("a")}, &b, 1, false, &err),
        E_EXISTS);
}

static void test_thread_and_corrections(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct writer *thread = NULL;
    struct check_result r;
    struct sum sum = {0};
    int64_t id = add_tenant(w, "acme", 1000);
    must(writer_start(w->db, 20, &thread, &err), &err);
    charge(w, id, 50, T0, NULL, 0);
    while (sum.requests == 0)
        must(query_sum(w->db, id, T0, T0 + 1, &sum, &err), &err);
    assert_true(writer_ok(thread));
    must(query_correct(w->db, 1, -30, SLICE("refund"), &err), &err);
    assert_int_equal(query_correct(w->db, 1, -30, SLICE("refund"), &err),
                     E_INVALID);
    while (sum.usd != 20)
        must(query_sum(w->db, id, T0, T0 + 1, &sum, &err), &err);
    writer_stop(&thread);
    must(check_start(w->db, T0, &r, &err), &err);
    assert_true(r.skipped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows_rollups_chain, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_append_only_and_tampering, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_deleted_counters_are_rebuilt,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_budget_in_mid_window_starts_from_spend, setup, teardown),
        cmocka_unit_test_setup_teardown(test_thread_and_corrections, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

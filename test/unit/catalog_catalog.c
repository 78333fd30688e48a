/* Snapshots: look-ups, swaps, and readers while they change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/crypt.h"
#include "catalog/catalog.h"

static const struct tenant *build(int64_t id, const char *name, int keys,
                                  int64_t amount, const struct env_budget *env,
                                  int env_count)
{
    struct err err = {0};
    struct tenant_key k[4] = {0};
    const struct tenant *t = NULL;
    for (int i = 0; i < keys; i++) {
        crypt_chain((uint8_t[32]){0}, slice_str(name), k[i].hash);
        k[i].hash[31] = (uint8_t)i;
        k[i].id = id * 10 + i;
    }
    const struct tenant_tag tags[] = {{.id = 1,
                                       .name = SLICE("org"),
                                       .path = SLICE("org"),
                                       .active = true,
                                       .session_budget = 5},
                                      {.id = 2,
                                       .parent_id = 1,
                                       .name = SLICE("eng"),
                                       .path = SLICE("org/eng"),
                                       .level = 1,
                                       .active = true,
                                       .session_budget = -1}};
    const struct budget b[] = {
        {.id = 1,
         .scope = SCOPE_TENANT,
         .tenant_id = id,
         .period = PERIOD_MONTHLY,
         .amount = amount,
         .active = true},
        {.id = 2,
         .scope = SCOPE_TAG,
         .tenant_id = id,
         .object_id = 1,
         .active = true},
        {.id = 3,
         .scope = SCOPE_TAG,
         .tenant_id = id,
         .object_id = 1,
         .period = PERIOD_TOTAL,
         .direct_only = true,
         .active = true},
        {.id = 4,
         .scope = SCOPE_MODEL,
         .tenant_id = id,
         .scope_id = SLICE("gpt-4*"),
         .active = true},
        {.id = 5, .scope = SCOPE_TENANT, .tenant_id = id}};
    const struct tenant_draft d = {.plain = {.id = id, .name = slice_str(name)},
                                   .keys = k,
                                   .key_count = keys,
                                   .tags = tags,
                                   .tag_count = 2,
                                   .budgets = b,
                                   .budget_count = 5,
                                   .env = env,
                                   .env_count = env_count};
    if (tenant_build(&d, &t, &err) != OK)
        abort();
    return t;
}

static void put(struct catalog *c, const struct tenant *t)
{
    struct err err = {0};
    if (catalog_put_take(c, t, &err) != OK)
        abort();
}

static void count(void *arg, const struct budget *b, struct slice tag,
                  bool parent)
{
    int *seen = arg;
    (void)tag;
    seen[b->id & 15]++;
    if (b->scope == SCOPE_TAG && parent)
        seen[15]++;
}

static void test_look_ups(void **state)
{
    (void)state;
    struct catalog *c = catalog_new(NULL, 0);
    struct catalog_reader *r = catalog_reader_new(c);
    uint64_t before = catalog_generation(r);
    for (int i = 1; i <= 3000; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        put(c, build(i, name, 2, i, NULL, 0));
    }
    const struct snapshot *s = catalog_now(r);
    assert_true(catalog_generation(r) > before);
    assert_int_equal(snapshot_tenants(s), 3000);
    for (int i = 1; i <= 3000; i++) {
        char name[16];
        uint8_t h[32];
        const struct tenant *t;
        snprintf(name, sizeof name, "t%d", i);
        crypt_chain((uint8_t[32]){0}, slice_str(name), h);
        h[31] = 1;
        const struct tenant_key *k = snapshot_key(s, h, &t);
        assert_non_null(k);
        assert_int_equal(k->id, i * 10 + 1);
        assert_ptr_equal(snapshot_tenant_by_name(s, slice_str(name)), t);
        assert_ptr_equal(snapshot_tenant(s, i), t);
    }
    // rename and revoke: the old name and the second key are gone
    uint8_t h[32];
    const struct tenant *t;
    put(c, build(7, "seven", 1, 1, NULL, 0));
    s = catalog_now(r);
    assert_null(snapshot_tenant_by_name(s, SLICE("t7")));
    assert_int_equal(snapshot_tenant_by_name(s, SLICE("seven"))->id, 7);
    crypt_chain((uint8_t[32]){0}, SLICE("t7"), h);
    h[31] = 0;
    assert_null(snapshot_key(s, h, &t));
    struct err err;
    assert_int_equal(
        catalog_put_take(c, build(8, "seven", 1, 1, NULL, 0), &err), E_EXISTS);
    catalog_remove(c, 7);
    assert_null(snapshot_tenant(catalog_now(r), 7));
    catalog_reader_free(&r);
    catalog_free(&c);
}

static void test_budgets_of_a_call(void **state)
{
    (void)state;
    struct event_tag tags[EVENT_TAGS_MAX];
    struct event e = {.tags = tags};
    int64_t session = -1;
    int seen[16] = {0};
    struct catalog *c = catalog_new(NULL, 0);
    put(c, build(1, "acme", 0, 9, NULL, 0));
    const struct snapshot *s = catalog_ref(c);
    const struct tenant *t = snapshot_tenant(s, 1);
    assert_true(snapshot_tag(t, SLICE("eng"), &e, &session));
    assert_int_equal(e.tag_count, 2); // eng and org
    assert_int_equal(session, -1);    // the parent was not asked for
    struct budget_query q = {.tenant = t,
                             .tags = tags,
                             .tag_count = e.tag_count,
                             .model = SLICE("gpt-4.1")};
    snapshot_budgets(s, &q, count, seen);
    assert_int_equal(seen[1], 1);
    assert_int_equal(seen[2], 1); // the parent's, once
    assert_int_equal(seen[3], 0); // direct only
    assert_int_equal(seen[4], 1);
    assert_int_equal(seen[5], 0); // inactive
    assert_int_equal(seen[15], 1);
    assert_true(snapshot_tag(t, SLICE("org"), &e, &session));
    assert_int_equal(e.tag_count, 2);
    assert_int_equal(session, 5);
    assert_false(snapshot_tag(t, SLICE("Org"), &e, &session));
    snapshot_unref(&s);
    catalog_free(&c);
}

static void test_environment(void **state)
{
    (void)state;
    const struct env_budget env[] = {
        {.period = PERIOD_MONTHLY, .amount = 1, .rank = 0},
        {.period = PERIOD_DAILY, .amount = 2, .rank = 0},
        {.period = PERIOD_DAILY, .amount = 3, .rank = 1},
        {.tenant = SLICE("A_1"),
         .period = PERIOD_DAILY,
         .amount = 4,
         .rank = 2}};
    const struct tenant *t = build(1, "a-1", 0, 9, env, 4);
    int env_budgets = 0;
    for (int i = 0; i < t->budget_count; i++)
        if (t->budgets[i].id & BUDGET_ENV_BIT) {
            env_budgets++;
            assert_int_equal(t->budgets[i].amount, 4);
        }
    assert_int_equal(env_budgets, 1); // monthly is stored
    tenant_unref(&t);
    assert_true(
        budget_model_matches(SLICE("gpt-4o"), SLICE("gpt-4o-2024-08-06")));
    assert_true(
        budget_model_matches(SLICE("claude-x"), SLICE("claude-x-20250101")));
    assert_false(budget_model_matches(SLICE("gpt-4o"), SLICE("gpt-4o-mini")));
}

struct race {
    struct catalog *c;
    atomic_bool stop;
    atomic_int wrong;
};

static void *read_on(void *arg)
{
    struct race *r = arg;
    struct catalog_reader *reader = catalog_reader_new(r->c);
    while (!atomic_load(&r->stop)) {
        const struct snapshot *s = catalog_now(reader);
        const struct tenant *t = snapshot_tenant(s, 5);
        if (t == NULL || t->id != 5 || t->budget_count != 4)
            atomic_fetch_add(&r->wrong, 1);
    }
    catalog_reader_free(&reader);
    return NULL;
}

static void test_readers_while_it_changes(void **state)
{
    (void)state;
    struct race r = {.c = catalog_new(NULL, 0)};
    pthread_t th[2];
    for (int i = 1; i < 50; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        put(r.c, build(i, name, 1, i, NULL, 0));
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&th[i], NULL, read_on, &r), 0);
    for (int i = 0; i < 2000; i++)
        put(r.c, build(5, "t5", 1 + i % 3, i, NULL, 0));
    atomic_store(&r.stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(th[i], NULL);
    assert_int_equal(atomic_load(&r.wrong), 0);
    catalog_free(&r.c);
}

static int ready(void **state)
{
    (void)state;
    return crypt_init() ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_look_ups),
        cmocka_unit_test(test_budgets_of_a_call),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_readers_while_it_changes),
    };
    return cmocka_run_group_tests(tests, ready, NULL);
}

/* demo.c - what `--demo` starts with: a tenant, a key, budgets, history.
 *
 * The history is rows like any others, marked by their model names; budgets
 * are opened after it so that their windows contain it.
 */
#include <stdio.h>

#include "app/store.h"
#include "base/clock.h"
#include "ledger/check.h"
#include "ledger/rows.h"
#include "ledger/writer.h"

#define HISTORY_ROWS 24
#define HISTORY_STEP_MS (5 * 3600000LL)

static const struct actor who = {{"gateway", 7}};

static enum status add_history(struct app *a, int64_t tenant_id,
                               struct err *err)
{
    int64_t now = clock_now_ms();
    enum status st = OK;
    for (int i = 0; i < HISTORY_ROWS && st == OK; i++) {
        bool large = i % 3 == 0;
        int64_t in = 200 + 37 * i, out = 80 + 11 * i;
        struct event e = {
            .ts_ms = now - (HISTORY_ROWS - i) * HISTORY_STEP_MS,
            .tenant_id = tenant_id,
            .tenant = SLICE("demo"),
            .route = SLICE("/v1/chat/completions"),
            .method = SLICE("POST"),
            .provider = PROVIDER_DEMO,
            .model = large ? SLICE("demo-large") : SLICE("demo-small"),
            .status = EVENT_SUCCESS,
            .http_status = 200,
            .usage = {.by = METERED_PROVIDER, .input = in, .output = out},
            .latency_ms = 300 + 10 * i,
            .ttft_ms = 90};
        const struct snapshot *s = catalog_ref(a->catalog);
        const struct price *p =
            book_find(snapshot_book(s), PROVIDER_DEMO, e.model, e.ts_ms);
        if (p != NULL) {
            struct cost cost;
            cost_of(p, &e.usage, &cost);
            e.usd = cost.nano;
            e.price_version = p->version;
            e.basis = BASIS_TABLE;
        }
        snapshot_unref(&s);
        crypt_request_id(e.ts_ms, e.request_id);
        st = counters_append(a->counters, &e, NULL, err);
    }
    if (st == OK)
        st = writer_drain(a->db, err);
    // budgets of the environment were open before the history came
    struct check_result checked;
    return st != OK ? st : check_start(a->db, now, &checked, err);
}

static enum status add_budgets(struct app *a, int64_t tenant_id,
                               struct err *err)
{
    static const struct {
        enum budget_period period;
        int64_t usd;
    } budgets[] = {{PERIOD_DAILY, 1}, {PERIOD_MONTHLY, 10}};
    struct budget_row rows[2] = {0};
    for (int i = 0; i < 2; i++)
        rows[i].b = (struct budget){.scope = SCOPE_TENANT,
                                    .tenant_id = tenant_id,
                                    .period = budgets[i].period,
                                    .amount = budgets[i].usd * MONEY_NANO,
                                    .active = true,
                                    .threshold_count = BUDGET_NO_OWN};
    return rows_budgets_add(a->db, who, rows, 2, true, err);
}

enum status demo_seed(struct app *a, char key[static 47], struct err *err)
{
    struct key_row k = {.name = SLICE("demo")};
    int64_t before;
    const struct snapshot *s = catalog_ref(a->catalog);
    bool fresh = snapshot_tenant_by_name(s, SLICE("demo")) == NULL;
    snapshot_unref(&s);
    enum status st = rows_tenant_ensure(a->db, SLICE("demo"), ORIGIN_DEFAULT,
                                        INT64_MAX, &before, err);
    if (st == OK && fresh)
        st = add_history(a, before, err);
    if (st == OK && fresh)
        st = add_budgets(a, before, err);
    if (st != OK)
        return st;
    crypt_token(key);
    k.tenant_id = before;
    crypt_keyed(a->secret, slice_str(key), k.hash);
    memcpy(k.first4, key, 4);
    memcpy(k.last4, key + 42, 4);
    return rows_key_add(a->db, who, &k, err);
}

void demo_print(const struct app *a, const char *key)
{
    const char *admin = a->config->admin_api_key[0] != '\0'
                            ? a->config->admin_api_key
                            : a->demo_admin;
    printf("\nBudgetGuard %s demo, data in %s\n"
           "  address    http://127.0.0.1:%d\n"
           "  dashboard  http://127.0.0.1:%d/dashboard (sign in with the "
           "admin key)\n"
           "  tenant key %s\n"
           "  admin key  %s\n"
           "  models     demo-small demo-large demo-embed (answers are made "
           "up and cost nothing)\n\n",
           BG_VERSION, a->dir, a->port, a->port, key, admin);
    printf("For the commands in the README:\n\n"
           "export BG_KEY=%s ADMIN_API_KEY=%s\n\n",
           key, admin);
    printf("Paste one of these:\n\n"
           "curl http://127.0.0.1:%d/v1/chat/completions -H 'Authorization: "
           "Bearer %s' -H 'Content-Type: application/json' -d "
           "'{\"model\":\"demo-small\",\"messages\":[{\"role\":\"user\","
           "\"content\":\"Hello\"}]}'\n\n"
           "curl -N http://127.0.0.1:%d/v1/chat/completions -H "
           "'Authorization: Bearer %s' -H 'Content-Type: application/json' -d "
           "'{\"model\":\"demo-large\",\"stream\":true,\"messages\":[{"
           "\"role\":\"user\",\"content\":\"Count to ten\"}]}'\n\n",
           a->port, key, a->port, key);
    printf("curl http://127.0.0.1:%d/admin/tenant/1/usage -H 'X-Admin-Key: "
           "%s'\n\n"
           "curl 'http://127.0.0.1:%d/admin/usage/ledger?limit=3' -H "
           "'X-Admin-Key: %s'\n\n",
           a->port, admin, a->port, admin);
    (void)fflush(stdout);
}

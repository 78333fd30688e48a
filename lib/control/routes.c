/* routes.c - see routes.h. */
#include "control/routes.h"

#include <stdio.h>

#define T "/admin/tenant/:tenantId"

static const struct control_route table[] = {
#define A(m, p, h, s)          \
    {                          \
        m, p, AUTH_ADMIN, h, s \
    }
    {"GET", "/ping", AUTH_QUICK, health_ping, "Are you there?"},
    {"GET", "/healthz", AUTH_QUICK, health_z, "Are you there?"},
    {"GET", "/openapi.json", AUTH_NONE, docs_openapi, "This document"},
    {"GET", "/docs/json", AUTH_NONE, docs_openapi, "This document"},
    {"GET", "/docs", AUTH_NONE, docs_page, "The API browser"},
    {"GET", "/docs/:name", AUTH_NONE, docs_asset,
     "Script and style of the API browser"},
    {"GET", "/redoc", AUTH_NONE, docs_redoc, "To the API browser"},
    {"GET", "/health", AUTH_NONE, health_plain, "Is it well?"},
    {"GET", "/metrics", AUTH_METRICS, health_metrics, "Prometheus text"},
    A("GET", T "/sessions", sessions_list, "Sessions of a tenant"),
    A("GET", "/admin/sessions/:sessionId/usage", sessions_usage,
      "Rows of a session"),
    A("GET", T "/sessions/:sessionId/budget", sessions_budget_get,
      "Budget of a session"),
    A("PUT", T "/sessions/:sessionId/budget", sessions_budget_put,
      "Set the budget of a session"),
    A("DELETE", T "/sessions/:sessionId/budget", sessions_budget_delete,
      "Remove the budget of a session"),
    A("GET", "/admin/model-pricing", prices_list, "Prices in force"),
    A("POST", "/admin/model-pricing", prices_create, "Set a price"),
    A("PUT", "/admin/model-pricing/:model", prices_update,
      "A new version of a price"),
    A("DELETE", "/admin/model-pricing/:model", prices_delete,
      "Remove the admin's price"),
    A("GET", "/admin/providers/status", providers_status,
      "Are the providers well?"),
    A("GET", "/admin/providers/:provider/health", providers_health,
      "Is a provider well now?"),
    A("POST", "/admin/providers/:provider/test", providers_test,
      "Try a key without keeping it"),
    A("GET", "/admin/fallbacks", fallbacks_get, "Fallback chains in force"),
    A("PUT", "/admin/fallbacks", fallbacks_put, "Set all fallback chains"),
    A("DELETE", "/admin/fallbacks", fallbacks_delete,
      "Go back to the configured fallback chains"),
    A("GET", "/admin/policy", policy_get, "The policy in force"),
    A("PUT", "/admin/policy", policy_save, "Replace the policy's file"),
    A("GET", "/admin/policy/text", policy_text, "The policy's modules"),
    A("POST", "/admin/policy/test", policy_test, "Try an input, or a policy"),
    A("POST", "/admin/policy/replay", policy_replay,
      "Who would have been denied"),
    A("GET", "/health/detailed", health_detailed, "Health with figures"),
    A("POST", "/admin/tenant", tenants_create, "Make a tenant"),
    A("GET", "/admin/tenant", tenants_list, "All tenants"),
    A("GET", T, tenants_get, "One tenant"),
    A("PUT", T, tenants_update, "Change a tenant"),
    A("DELETE", T, tenants_delete, "Delete a tenant; its rows stay"),
    A("GET", T "/ratelimit", tenants_limits_get, "Limits in force"),
    A("PUT", T "/ratelimit", tenants_limits_put, "Set limits"),
    A("GET", T "/default-session-budget", tenants_session_get,
      "Default session budget"),
    A("PUT", T "/default-session-budget", tenants_session_put,
      "Set the default session budget"),
    A("DELETE", T "/default-session-budget", tenants_session_delete,
      "Remove the default session budget"),
    A("POST", T "/apikeys", keys_create, "Issue a key, shown once"),
    A("GET", T "/apikeys", keys_list, "Keys of a tenant"),
    A("DELETE", "/admin/apikey/:id", keys_revoke, "Revoke a key"),
    A("POST", T "/budgets", budgets_tenant_post, "Set tenant budgets"),
    A("GET", T "/budgets", budgets_tenant_get, "Tenant budgets"),
    A("GET", T "/forecast", forecast_tenant, "When a tenant's budgets run out"),
    A("PUT", "/admin/budget/:budgetId", budgets_tenant_put,
      "Change a tenant budget"),
    A("DELETE", "/admin/budget/:budgetId", budgets_tenant_delete,
      "Delete a tenant budget"),
    A("GET", "/admin/budgets", budgets_list, "Budgets of every scope"),
    A("POST", "/admin/budgets", budgets_create, "Make a budget"),
    A("GET", "/admin/budgets/:id", budgets_get, "One budget"),
    A("PUT", "/admin/budgets/:id", budgets_update, "Change a budget"),
    A("DELETE", "/admin/budgets/:id", budgets_delete, "Delete a budget"),
    A("POST", T "/tags", tags_create, "Make a tag"),
    A("GET", T "/tags", tags_list, "Tags of a tenant"),
    A("GET", T "/tags/:tagId", tags_get, "One tag"),
    A("PUT", T "/tags/:tagId", tags_update, "Change a tag"),
    A("DELETE", T "/tags/:tagId", tags_delete, "Delete a tag"),
    A("PATCH", T "/tags/:tagId/activate", tags_activate, "Activate a tag"),
    A("PATCH", T "/tags/:tagId/deactivate", tags_deactivate,
      "Deactivate a tag"),
    A("POST", T "/tags/:tagId/budgets", tags_budget_create,
      "Make a tag budget"),
    A("GET", T "/tags/:tagId/budgets", tags_budget_list, "Budgets of a tag"),
    A("PUT", "/admin/budget/tag/:budgetId", tags_budget_update,
      "Change a tag budget"),
    A("DELETE", "/admin/budget/tag/:budgetId", tags_budget_delete,
      "Delete a tag budget"),
    A("GET", T "/usage", usage_periods, "Spend per period"),
    A("GET", T "/usage/history", usage_history, "Spend per day"),
    A("GET", T "/usage/models", usage_models, "Spend per model"),
    A("GET", T "/tag-analytics", analytics_tags, "Spend by tag"),
    A("GET", T "/usage/ledger", entries_tenant, "A tenant's rows"),
    A("GET", "/admin/usage/ledger", entries_all, "All rows"),
    A("GET", "/admin/usage/ledger/:id", entries_one, "One row, explained"),
    A("POST", "/admin/usage/ledger/:id/corrections", entries_correct,
      "Append a correction"),
    A("GET", "/admin/usage/export", entries_export, "Rows as CSV or JSONL"),
    A("GET", "/admin/usage/insights", insights_get,
      "Spend over time, by one dimension"),
    A("GET", "/admin/alerts", alerts_list, "Thresholds that were reached"),
    A("POST", "/admin/alerts/test", alerts_test,
      "Send a test message to the alert channels"),
    A("GET", "/admin/overview", overview_get, "Spend and refusals of all"),
    A("GET", "/admin/settings", settings_get, "What is in force"),
    A("GET", "/admin/ledger/integrity", integrity_get,
      "Head of the ledger's chain, and the last check"),
    A("POST", "/admin/ledger/integrity", integrity_check,
      "Check the ledger's chain now"),
    A("GET", "/admin/audit", audit_list, "What was changed by whom"),
#undef A
#define K(m, p, h, s)         \
    {                         \
        m, p, AUTH_KEYS, h, s \
    }
#define V(m, p, h, s)            \
    {                            \
        m, p, AUTH_VISITOR, h, s \
    }
    K("POST", "/admin/keys", issued_create, "Issue a key under a label"),
    K("POST", "/admin/keys/:token/revoke", issued_revoke, "Revoke a key"),
    // the fixed paths above come first and win
    K("GET", "/admin/usage/:token", issued_usage, "A key's usage by model"),
    V("GET", "/", pages_home, "Your keys, or the dashboard"),
    V("GET", "/login", pages_login, "The sign-in form"),
    V("POST", "/login", pages_sign_in, "Sign in under a name"),
    V("POST", "/logout", pages_sign_out, "Sign out"),
    V("GET", "/request-key", pages_keys, "Your keys"),
    V("GET", "/reports", pages_reports, "Reports"),
    V("GET", "/pages/:name", pages_asset, "Style and script of the pages"),
    V("GET", "/reports/data", reports_data, "Figures of the reports"),
    V("POST", "/public/keys", public_keys_create, "Issue yourself a key"),
    V("GET", "/public/keys/:username", public_keys_list, "Your keys"),
    // the id of a key; one place of a path has one name in OpenAPI
    V("DELETE", "/public/keys/:username", public_keys_revoke,
      "Revoke one of your keys"),
#undef K
#undef V
#define B(m, p, h, s)         \
    {                         \
        m, p, AUTH_DATA, h, s \
    }
    B("GET", "/data", data_list, "Usage since the last reset"),
    B("GET", "/models", data_names, "Models that were used"),
    B("GET", "/ingest/tokens", tokens_list, "Tracking tokens"),
    B("POST", "/ingest/tokens", tokens_create, "Make a tracking token"),
    B("PATCH", "/ingest/tokens/:id/active", tokens_active,
      "Switch a tracking token on or off"),
    B("DELETE", "/ingest/tokens/:id", tokens_delete,
      "Delete a tracking token; its rows stay"),
    B("DELETE", "/reset", data_reset, "Begin a new reporting epoch"),
    B("POST", "/log", ingest_log, "Report usage (deprecated)"),
#undef B
    {"POST", "/dashboard/session", AUTH_NONE, session_open, "Sign in"},
    {"GET", "/dashboard/session", AUTH_NONE, session_show, "Am I signed in?"},
    {"DELETE", "/dashboard/session", AUTH_ADMIN, session_close, "Sign out"},
    // the fixed paths above come first and win
    {"GET", "/dashboard/assets/:name", AUTH_NONE, dashboard_asset,
     "Script, style and images of the dashboard"},
    {"GET", "/dashboard", AUTH_NONE, dashboard_page, "The dashboard"},
    {"GET", "/dashboard/:page", AUTH_NONE, dashboard_page,
     "A page of the dashboard"},
    {"GET", "/dashboard/:page/:item", AUTH_NONE, dashboard_page,
     "A thing on a page of the dashboard"},
    {"POST", "/ingest", AUTH_INGEST, ingest_post, "Report usage"},
};

/* True if `path` fits `pattern`; fills the parameters. */
static bool fits(const char *pattern, struct slice path,
                 struct slice param[REQUEST_PARAMS])
{
    struct slice want = slice_skip(slice_str(pattern), 1);
    struct slice have = slice_skip(path, 1);
    int n = 0;
    while (want.p != NULL && have.p != NULL) {
        struct slice w = slice_cut(&want, '/'), h = slice_cut(&have, '/');
        if (w.n > 0 && w.p[0] == ':') {
            if (h.n == 0 || n == REQUEST_PARAMS)
                return false;
            param[n++] = h;
        } else if (!slice_eq(w, h))
            return false;
    }
    return want.p == NULL && have.p == NULL;
}

static void allow_add(char allow[static 64], const char *method)
{
    size_t n = strlen(allow);
    if (strstr(allow, method) != NULL) // no method is part of another
        return;
    (void)snprintf(allow + n, 64 - n, "%s%s", n > 0 ? ", " : "", method);
}

const struct control_route *routes_find(struct slice method, struct slice path,
                                        struct slice param[REQUEST_PARAMS],
                                        char allow[static 64])
{
    struct slice want = slice_is(method, "HEAD") ? SLICE("GET") : method;
    const struct control_route *found = NULL;
    allow[0] = '\0';
    if (slice_is(path, "/dashboard/")) // as people type it
        path.n--;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct slice p[REQUEST_PARAMS] = {{0}};
        if (path.n == 0 || path.p[0] != '/' || !fits(table[i].pattern, path, p))
            continue;
        allow_add(allow, table[i].method);
        if (slice_is(slice_str(table[i].method), "GET"))
            allow_add(allow, "HEAD");
        if (found == NULL && slice_eq(want, slice_str(table[i].method))) {
            memcpy(param, p, sizeof p);
            found = &table[i];
        }
    }
    return found;
}

const char *routes_param_error(const struct control_route *r, int param)
{
    struct slice rest = slice_str(r->pattern);
    int n = 0;
    while (rest.p != NULL) {
        struct slice w = slice_cut(&rest, '/');
        if (w.n == 0 || w.p[0] != ':' || n++ != param)
            continue;
        if (slice_is(w, ":tenantId"))
            return "Invalid tenant ID";
        if (slice_is(w, ":budgetId"))
            return "Invalid budget ID";
        if (slice_is(w, ":tagId"))
            return "Invalid tag ID";
        if (slice_is(w, ":sessionId") || slice_is(w, ":model") ||
            slice_is(w, ":token") || slice_is(w, ":username") ||
            slice_is(w, ":name") || slice_is(w, ":provider") ||
            slice_is(w, ":page") || slice_is(w, ":item"))
            return NULL;
        if (slice_starts(slice_str(r->pattern), "/admin/apikey"))
            return "Invalid key ID";
        if (slice_starts(slice_str(r->pattern), "/admin/budgets"))
            return "Invalid budget ID";
        return "Invalid ID";
    }
    return NULL;
}

int routes_index(const struct control_route *r)
{
    return (int)(r - table);
}

const struct control_route *routes_all(int *n)
{
    *n = (int)(sizeof table / sizeof *table);
    return table;
}

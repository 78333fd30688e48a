/* handlers.h - the handlers of the route table, one file per family.
 *
 * All run on pool threads (request.h); params are those of the pattern in
 * routes.c, in order, already positive integers where the table says so.
 */
#ifndef CONTROL_HANDLERS_H
#define CONTROL_HANDLERS_H

#include "control/request.h"

/* ---- tenants.c: /admin/tenant[/:tenantId], /ratelimit,
 * /default-session-budget */
handler_fn tenants_create;         /* POST /admin/tenant */
handler_fn tenants_list;           /* GET /admin/tenant */
handler_fn tenants_get;            /* GET T */
handler_fn tenants_update;         /* PUT T */
handler_fn tenants_delete;         /* DELETE T */
handler_fn tenants_limits_get;     /* GET T/ratelimit */
handler_fn tenants_limits_put;     /* PUT T/ratelimit */
handler_fn tenants_session_get;    /* GET T/default-session-budget */
handler_fn tenants_session_put;    /* PUT T/default-session-budget */
handler_fn tenants_session_delete; /* DELETE T/default-session-budget */
/* ---- keys.c */
handler_fn keys_create; /* POST T/apikeys */
handler_fn keys_list;   /* GET T/apikeys */
handler_fn keys_revoke; /* DELETE /admin/apikey/:id */
/* ---- budgets.c */
handler_fn budgets_tenant_post;   /* POST T/budgets */
handler_fn budgets_tenant_get;    /* GET T/budgets */
handler_fn budgets_tenant_put;    /* PUT /admin/budget/:budgetId */
handler_fn budgets_tenant_delete; /* DELETE /admin/budget/:budgetId */
handler_fn budgets_list;          /* GET /admin/budgets */
handler_fn budgets_create;        /* POST /admin/budgets */
handler_fn budgets_get;           /* GET /admin/budgets/:id */
handler_fn budgets_update;        /* PUT /admin/budgets/:id */
handler_fn budgets_delete;        /* DELETE /admin/budgets/:id */
/* ---- tags.c */
handler_fn tags_create;        /* POST T/tags */
handler_fn tags_list;          /* GET T/tags */
handler_fn tags_get;           /* GET T/tags/:tagId */
handler_fn tags_update;        /* PUT T/tags/:tagId */
handler_fn tags_delete;        /* DELETE T/tags/:tagId */
handler_fn tags_activate;      /* PATCH T/tags/:tagId/activate */
handler_fn tags_deactivate;    /* PATCH T/tags/:tagId/deactivate */
handler_fn tags_budget_create; /* POST T/tags/:tagId/budgets */
handler_fn tags_budget_list;   /* GET T/tags/:tagId/budgets */
handler_fn tags_budget_update; /* PUT /admin/budget/tag/:budgetId */
handler_fn tags_budget_delete; /* DELETE /admin/budget/tag/:budgetId */
/* ---- usage.c */
handler_fn usage_periods; /* GET T/usage */
handler_fn usage_history; /* GET T/usage/history */
handler_fn usage_models;  /* GET T/usage/models */
/* ---- entries.c */
handler_fn entries_tenant;  /* GET T/usage/ledger */
handler_fn entries_all;     /* GET /admin/usage/ledger */
handler_fn entries_one;     /* GET /admin/usage/ledger/:id */
handler_fn entries_correct; /* POST /admin/usage/ledger/:id/corrections */
handler_fn entries_export;  /* GET /admin/usage/export */
/* ---- insights.c */
handler_fn insights_get; /* GET /admin/usage/insights */
/* ---- integrity.c: /admin/ledger/integrity */
handler_fn integrity_get;   /* GET */
handler_fn integrity_check; /* POST: starts a check, 202 */
/* ---- sign_in.c: /dashboard/session */
handler_fn session_open;  /* POST */
handler_fn session_show;  /* GET */
handler_fn session_close; /* DELETE */
/* ---- docs.c */
handler_fn docs_page;    /* GET /docs */
handler_fn docs_asset;   /* GET /docs/:name */
handler_fn docs_redoc;   /* GET /redoc */
handler_fn docs_openapi; /* GET /docs/json, /openapi.json */
/* ---- overview.c */
handler_fn overview_get; /* GET /admin/overview */
/* ---- settings.c */
handler_fn settings_get; /* GET /admin/settings */
/* ---- dashboard.c */
handler_fn dashboard_page;  /* GET /dashboard[/:name[/:name]] */
handler_fn dashboard_asset; /* GET /dashboard/assets/:name */
/* ---- ingest.c */
handler_fn ingest_post; /* POST /ingest */
handler_fn ingest_log;  /* POST /log */
/* ---- ingest_data.c */
handler_fn data_list;     /* GET /data */
handler_fn data_names;    /* GET /models */
handler_fn data_reset;    /* DELETE /reset */
handler_fn tokens_list;   /* GET /ingest/tokens */
handler_fn tokens_create; /* POST /ingest/tokens */
handler_fn tokens_active; /* PATCH /ingest/tokens/:id/active */
handler_fn tokens_delete; /* DELETE /ingest/tokens/:id */
/* ---- sessions.c */
handler_fn sessions_list;          /* GET T/sessions */
handler_fn sessions_usage;         /* GET /admin/sessions/:sessionId/usage */
handler_fn sessions_budget_get;    /* GET T/sessions/:sessionId/budget */
handler_fn sessions_budget_put;    /* PUT T/sessions/:sessionId/budget */
handler_fn sessions_budget_delete; /* DELETE T/sessions/:sessionId/budget */
/* ---- prices.c: /admin/model-pricing[/:idOrModel] */
handler_fn prices_list;
handler_fn prices_create;
handler_fn prices_update;
handler_fn prices_delete;
/* ---- providers.c */
handler_fn providers_status; /* GET /admin/providers/status */
handler_fn providers_health; /* GET /admin/providers/:provider/health */
handler_fn providers_test;   /* POST /admin/providers/:provider/test */
/* ---- analytics.c */
handler_fn analytics_tags; /* GET T/tag-analytics */
/* ---- fallbacks.c: /admin/fallbacks */
handler_fn fallbacks_get;
handler_fn fallbacks_put;
handler_fn fallbacks_delete;
/* ---- policy.c */
handler_fn policy_get;    /* GET /admin/policy */
handler_fn policy_test;   /* POST /admin/policy/test */
handler_fn policy_replay; /* POST /admin/policy/replay */
/* ---- policy_file.c */
handler_fn policy_text; /* GET /admin/policy/text */
handler_fn policy_save; /* PUT /admin/policy */
/* ---- health.c: these four also answer without an admin, on the pool */
handler_fn health_ping;     /* GET /ping, on the loop */
handler_fn health_z;        /* GET /healthz, on the loop */
handler_fn health_plain;    /* GET /health */
handler_fn health_detailed; /* GET /health/detailed */
handler_fn health_metrics;  /* GET /metrics */
handler_fn audit_list;      /* GET /admin/audit */
/* ---- alerts.c: /admin/alerts */
handler_fn alerts_list; /* GET */
handler_fn alerts_test; /* POST /admin/alerts/test */
/* ---- forecast.c */
handler_fn forecast_tenant; /* GET T/forecast */
/* ---- issued.c: C's admin routes */
handler_fn issued_create; /* POST /admin/keys */
handler_fn issued_revoke; /* POST /admin/keys/:token/revoke */
handler_fn issued_usage;  /* GET /admin/usage/:token */
/* ---- pages.c: what a browser opens */
handler_fn pages_home;     /* GET / */
handler_fn pages_login;    /* GET /login */
handler_fn pages_sign_in;  /* POST /login */
handler_fn pages_sign_out; /* POST /logout */
handler_fn pages_keys;     /* GET /request-key */
handler_fn pages_reports;  /* GET /reports */
handler_fn pages_asset;    /* GET /pages/:name */
/* ---- public_keys.c: keys people issue themselves */
handler_fn public_keys_create; /* POST /public/keys */
handler_fn public_keys_list;   /* GET /public/keys/:username */
handler_fn public_keys_revoke; /* DELETE /public/keys/:token */
/* ---- reports.c */
handler_fn reports_data; /* GET /reports/data */

#endif

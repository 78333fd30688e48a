/* config.h - every variable of the program, read once into one struct.
 *
 * Order: process environment, then .env.local, then .env in the working
 * directory; `--config FILE` replaces the two files.  One table (config.c)
 * from which parsing, --help and `budgetguard config` derive.  Immutable after
 * config_load; owned by main.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "call/budget.h"

#define CONFIG_BUDGETS_MAX 4096

/* kind, member, name, aliases (comma separated), default, minimum, maximum
 * (numbers), meaning.  Kinds: STR text, SEC secret text, INT number, BOOL,
 * USD nano-dollars. */
#define CONFIG_TABLE(X)                                                        \
    X(STR, host, "HOST", "", "127.0.0.1", 0, 0, "listen address")              \
    X(INT, port, "PORT", "SERVER_PORT", "3000", 0, 65535,                      \
      "listen port; 0 = any free port, printed on start")                      \
    X(STR, tls_cert_file, "TLS_CERT_FILE", "", "", 0, 0,                       \
      "PEM certificate; with TLS_KEY_FILE serves HTTPS")                       \
    X(STR, tls_key_file, "TLS_KEY_FILE", "", "", 0, 0, "PEM key")              \
    X(INT, sync_interval_ms, "SYNC_INTERVAL_MS", "", "100", 0, 60000,          \
      "beat on which counters reach the disk; 0 = every transaction")          \
    X(STR, crash_settle, "CRASH_SETTLE", "", "hold", 0, 0,                     \
      "what an orphaned hold books after a crash: hold or input")              \
    X(STR, data_dir, "DATA_DIR", "", "./data", 0, 0,                           \
      "holds ledger.sqlite, counters.lmdb/, secret.key")                       \
    X(STR, env, "ENV", "NODE_ENV", "production", 0, 0,                         \
      "development allows CLOCK_OFFSET_S")                                     \
    X(STR, log_level, "LOG_LEVEL", "", "info", 0, 0,                           \
      "error, warn, info or debug")                                            \
    X(STR, log_file, "LOG_FILE", "PROXY_LOG_PATH", "", 0, 0,                   \
      "appended to, never truncated; unset = stderr")                          \
    X(INT, workers, "WORKERS", "", "0", 0, 64, "loops; 0 = one per CPU")       \
    X(INT, shutdown_grace_s, "SHUTDOWN_GRACE_S", "", "30", 0, 3600,            \
      "SIGTERM: time for open requests")                                       \
    X(INT, max_body_bytes, "MAX_BODY_BYTES", "", "33554432", 1024, 2147483647, \
      "body limit of proxy routes")                                            \
    X(STR, allowed_origins, "ALLOWED_ORIGINS", "", "", 0, 0,                   \
      "CORS origins, comma separated")                                         \
    X(STR, trusted_proxies, "TRUSTED_PROXIES", "", "", 0, 0,                   \
      "addresses or networks whose forwarding headers count")                  \
    X(INT, clock_offset_s, "CLOCK_OFFSET_S", "", "0", -4000000000, 4000000000, \
      "shifts the clock (development only)")                                   \
    X(SEC, admin_api_key, "ADMIN_API_KEY", "", "", 0, 0,                       \
      "admin secret: opens /dashboard and /admin, X-Admin-Key")                \
    X(SEC, admin_token, "ADMIN_TOKEN", "", "", 0, 0,                           \
      "a second admin secret, equal to the first")                             \
    X(SEC, api_key, "API_KEY", "", "", 0, 0,                                   \
      "a third; tenants' keys are another thing")                              \
    X(SEC, ingest_key, "INGEST_KEY", "", "", 0, 0, "secret of POST /ingest")   \
    X(STR, tenant_auth, "TENANT_AUTH", "", "key", 0, 0, "key or header")       \
    X(INT, header_max_tenants, "HEADER_MAX_TENANTS", "", "1000", 0, 1000000,   \
      "cap of tenants made by header mode")                                    \
    X(INT, auth_fail_per_min, "AUTH_FAIL_PER_MIN", "", "30", 1, 100000,        \
      "failed authentications per source address")                             \
    X(INT, admin_session_hours, "ADMIN_SESSION_HOURS", "", "12", 1, 720,       \
      "life of the dashboard cookie")                                          \
    X(STR, default_tenant, "DEFAULT_TENANT", "", "", 0, 0,                     \
      "tenant made at start if missing")                                       \
    X(SEC, default_api_key, "DEFAULT_API_KEY", "", "", 0, 0,                   \
      "its key, any string of at least 16 characters")                         \
    X(STR, self_service, "SELF_SERVICE", "", "", 0, 0,                         \
      "self-service pages; default 1 on a loopback HOST")                      \
    X(INT, self_service_max_keys, "SELF_SERVICE_MAX_KEYS", "", "10", 0, 1000,  \
      "active keys per self-service user")                                     \
    X(INT, tracking_token_length, "TRACKING_TOKEN_LENGTH", "", "22", 16, 40,   \
      "random bytes of a tracking token")                                      \
    X(SEC, openai_key, "OPENAI_KEY", "OPENAI_API_KEY,UPSTREAM_API_KEY", "", 0, \
      0, "OpenAI or compatible upstream key")                                  \
    X(STR, openai_base_url, "OPENAI_BASE_URL", "UPSTREAM_BASE", "", 0, 0,      \
      "default https://api.openai.com/v1")                                     \
    X(SEC, anthropic_key, "ANTHROPIC_API_KEY", "", "", 0, 0, "Anthropic key")  \
    X(STR, anthropic_base_url, "ANTHROPIC_BASE_URL", "", "", 0, 0,             \
      "default https://api.anthropic.com")                                     \
    X(SEC, google_key, "GOOGLE_API_KEY", "GEMINI_API_KEY", "", 0, 0,           \
      "Google key")                                                            \
    X(STR, google_base_url, "GOOGLE_BASE_URL", "", "", 0, 0,                   \
      "default https://generativelanguage.googleapis.com")                     \
    X(SEC, azure_key, "AZURE_OPENAI_API_KEY", "", "", 0, 0,                    \
      "Azure OpenAI key")                                                      \
    X(STR, azure_endpoint, "AZURE_OPENAI_ENDPOINT", "", "", 0, 0,              \
      "Azure OpenAI endpoint")                                                 \
    X(STR, azure_api_version, "AZURE_OPENAI_API_VERSION",                      \
      "UPSTREAM_API_VERSION", "", 0, 0, "api-version for Azure")               \
    X(SEC, mistral_key, "MISTRAL_API_KEY", "", "", 0, 0, "Mistral key")        \
    X(STR, mistral_base_url, "MISTRAL_BASE_URL", "", "", 0, 0,                 \
      "default https://api.mistral.ai/v1")                                     \
    X(SEC, deepseek_key, "DEEPSEEK_API_KEY", "", "", 0, 0, "DeepSeek key")     \
    X(STR, deepseek_base_url, "DEEPSEEK_BASE_URL", "", "", 0, 0,               \
      "default https://api.deepseek.com/v1")                                   \
    X(SEC, xai_key, "XAI_API_KEY", "", "", 0, 0, "xAI key")                    \
    X(STR, xai_base_url, "XAI_BASE_URL", "", "", 0, 0,                         \
      "default https://api.x.ai/v1")                                           \
    X(SEC, groq_key, "GROQ_API_KEY", "", "", 0, 0, "Groq key")                 \
    X(STR, groq_base_url, "GROQ_BASE_URL", "", "", 0, 0,                       \
      "default https://api.groq.com/openai/v1")                                \
    X(SEC, openrouter_key, "OPENROUTER_API_KEY", "", "", 0, 0,                 \
      "OpenRouter key")                                                        \
    X(STR, openrouter_base_url, "OPENROUTER_BASE_URL", "", "", 0, 0,           \
      "default https://openrouter.ai/api/v1")                                  \
    X(STR, provider, "PROVIDER", "", "openai", 0, 0,                           \
      "provider of ingested models that no rule recognises")                   \
    X(INT, max_reqs_per_min, "MAX_REQS_PER_MIN", "", "100", 0, 1000000000,     \
      "requests per tenant in any 60 s; 0 = unlimited")                        \
    X(INT, max_tokens_per_min, "MAX_TOKENS_PER_MIN", "", "0", 0,               \
      1000000000000, "tokens per tenant in any 60 s; 0 = unlimited")           \
    X(INT, max_concurrent_reqs, "MAX_CONCURRENT_REQS", "", "0", 0, 1000000,    \
      "requests of a tenant at once; 0 = unlimited")                           \
    X(INT, rate_limit_rpm, "RATE_LIMIT_RPM", "", "60", 0, 1000000,             \
      "requests a minute on ingest's admin paths, a token "                    \
      "bucket")                                                                \
    X(INT, rate_limit_burst, "RATE_LIMIT_BURST", "", "-1", -1, 1000000,        \
      "size of the bucket; -1 = "                                              \
      "RATE_LIMIT_RPM")                                                        \
    X(STR, rate_limit_exempt, "RATE_LIMIT_EXEMPT", "",                         \
      "/ping,/health,/dashboard", 0, 0, "exact paths or prefixes")             \
    X(INT, ingest_rpm, "INGEST_RPM", "", "-1", -1, 1000000,                    \
      "requests a minute per tracking token; -1 = "                            \
      "RATE_LIMIT_RPM")                                                        \
    X(INT, ingest_burst, "INGEST_BURST", "", "-1", -1, 1000000,                \
      "its size; -1 = RATE_LIMIT_BURST")                                       \
    X(STR, default_budget_usd, "DEFAULT_BUDGET_USD", "", "50", 0, 0,           \
      "amount of each listed period without a budget; none = no default")      \
    X(STR, budget_periods, "BUDGET_PERIODS", "BUDGET_PERIOD", "monthly", 0, 0, \
      "listed periods: hourly, daily, weekly, monthly, total, custom, "        \
      "rolling:24h, ...")                                                      \
    X(STR, max_monthly_usd, "MAX_MONTHLY_USD", "", "", 0, 0,                   \
      "used as BUDGET_MONTHLY_USD when that is unset")                         \
    X(STR, budget_start_date, "BUDGET_START_DATE", "", "", 0, 0,               \
      "first day of the custom period")                                        \
    X(STR, budget_end_date, "BUDGET_END_DATE", "", "", 0, 0,                   \
      "last day of the custom period")                                         \
    X(STR, budget_timezone, "BUDGET_TIMEZONE", "", "UTC", 0, 0,                \
      "IANA zone of calendar windows")                                         \
    X(INT, min_completion_tokens, "MIN_COMPLETION_TOKENS", "", "64", 1,        \
      1000000, "smallest output a clamp may leave")                            \
    X(INT, default_max_tokens, "DEFAULT_MAX_TOKENS", "", "0", 0, 10000000,     \
      "output limit sent when the client gave none; 0 = the model's")          \
    X(USD, fallback_hold, "FALLBACK_HOLD_USD", "", "0.25", 0, 0,               \
      "hold where the request gives no bound")                                 \
    X(INT, web_search_hold_calls, "WEB_SEARCH_HOLD_CALLS", "", "10", 0, 1000,  \
      "server-tool calls held when the client set no maximum")                 \
    X(STR, unknown_price, "UNKNOWN_PRICE", "", "dearest", 0, 0,                \
      "refuse, dearest or free")                                               \
    X(STR, model_pricing_json, "MODEL_PRICING_JSON", "", "", 0, 0,             \
      "{\"model\":{\"input\",\"output\"}} USD per 1K tokens")                  \
    X(STR, model_pricing_file, "MODEL_PRICING_FILE", "", "", 0, 0,             \
      "a file with the same")                                                  \
    X(STR, opa_policy_path, "OPA_POLICY_PATH", "", "", 0, 0,                   \
      "a .rego file or a directory of them")                                   \
    X(STR, policy_dialect, "POLICY_DIALECT", "", "auto", 0, 0,                 \
      "auto, v0 or v1")                                                        \
    X(INT, policy_timeout_ms, "POLICY_TIMEOUT_MS", "", "50", 1, 10000,         \
      "longer evaluations are errors (deny)")                                  \
    X(INT, upstream_connect_timeout_s, "UPSTREAM_CONNECT_TIMEOUT_S", "", "10", \
      1, 600, "time to connect")                                               \
    X(INT, upstream_timeout_s, "UPSTREAM_TIMEOUT_S", "", "600", 1, 86400,      \
      "longest silence of a provider")                                         \
    X(INT, upstream_attempts, "UPSTREAM_ATTEMPTS", "", "1", 1, 5,              \
      "tries of one request: 429, 5xx, refused keys")                          \
    X(INT, upstream_retry_max_ms, "UPSTREAM_RETRY_MAX_MS", "", "5000", 0,      \
      60000, "longest Retry-After that is waited for before another try")      \
    X(STR, fallbacks, "FALLBACKS", "", "", 0, 0,                               \
      "{model:[models to ask instead]}")                                       \
    X(INT, upstream_retries, "UPSTREAM_RETRIES", "", "1", 0, 10,               \
      "only while nothing was sent")                                           \
    X(STR, client_gone, "CLIENT_GONE", "", "drain", 0, 0,                      \
      "drain reads on for the usage; abort closes upstream")                   \
    X(INT, drain_timeout_s, "DRAIN_TIMEOUT_S", "", "120", 1, 86400,            \
      "longest time drain reads on")                                           \
    X(STR, passthrough, "PASSTHROUGH", "", "safe", 0, 0,                       \
      "other /v1 paths: safe, all or off")                                     \
    X(STR, proxy_errors, "PROXY_ERRORS", "", "native", 0, 0,                   \
      "native or plain")                                                       \
    X(INT, models_cache_s, "MODELS_CACHE_S", "", "600", 1, 86400,              \
      "age of the model lists")                                                \
    X(STR, alert_thresholds, "ALERT_THRESHOLDS", "", "80,100", 0, 0,           \
      "percents at which a budget without its own raises an alert")            \
    X(SEC, alert_webhook_url, "ALERT_WEBHOOK_URL", "", "", 0, 0,               \
      "receives alerts as JSON")                                               \
    X(SEC, alert_webhook_secret, "ALERT_WEBHOOK_SECRET", "", "", 0, 0,         \
      "signs them: X-BudgetGuard-Signature, HMAC-SHA256")                      \
    X(SEC, alert_slack_url, "ALERT_SLACK_URL", "", "", 0, 0,                   \
      "incoming webhook of Slack or one that is compatible")                   \
    X(STR, alert_email_to, "ALERT_EMAIL_TO", "", "", 0, 0,                     \
      "addresses that receive alerts, comma separated")                        \
    X(STR, alert_email_from, "ALERT_EMAIL_FROM", "", "", 0, 0,                 \
      "sender address of alerts")                                              \
    X(SEC, alert_smtp_url, "ALERT_SMTP_URL", "", "", 0, 0,                     \
      "mail server, smtp://host:587 or smtps://host")                          \
    X(STR, alert_smtp_user, "ALERT_SMTP_USER", "", "", 0, 0,                   \
      "signs in to the mail server, if set")                                   \
    X(SEC, alert_smtp_password, "ALERT_SMTP_PASSWORD", "", "", 0, 0,           \
      "its password")                                                          \
    X(STR, alert_smtp_tls, "ALERT_SMTP_TLS", "", "auto", 0, 0,                 \
      "STARTTLS on smtp://: auto (a must with a password), must or off")       \
    X(INT, alert_timeout_s, "ALERT_TIMEOUT_S", "", "10", 1, 120,               \
      "longest time of one delivery")

/* A budget from the environment; see catalog/budget.h struct env_budget. */
struct config_budget {
    struct slice tenant; /* empty: every tenant; else upper-cased */
    enum budget_period period;
    int64_t rolling_ms;
    int64_t amount;       /* nano-dollars */
    int rank;             /* 0 default, 1 per period, 2 per tenant */
    const char *variable; /* that gave it a value, or NULL */
};

struct config_period {
    enum budget_period period;
    int64_t rolling_ms;
};

struct config {
#define CONFIG_STR(m) const char *m; /* "" if unset */
#define CONFIG_SEC(m) const char *m;
#define CONFIG_INT(m) int64_t m;
#define CONFIG_USD(m) int64_t m;
#define X(kind, member, name, aliases, dflt, min, max, text) \
    CONFIG_##kind(member)
    CONFIG_TABLE(X)
#undef X
    struct config_budget *budgets;
    int budget_count;
    struct config_period *periods; /* BUDGET_PERIODS */
    int period_count;
    const char *ignored[16]; /* recognised, without effect */
    int ignored_count;
    struct arena arena;
};

/* Reads a period name of BUDGET_PERIODS; given by main (guard/window.h). */
typedef bool config_period_fn(struct slice s, enum budget_period *p,
                              int64_t *rolling_ms);

/* Loads everything.  `file` NULL: .env.local and .env, if there.  `env` is the
 * process environment.  E_INVALID: err->text is one line that names the
 * variable; E_IO: a file cannot be read.  `*out` is then NULL. */
MUST_CHECK enum status config_load(const char *file, char *const *env,
                                   config_period_fn *period,
                                   struct config **out, struct err *err);
/* Frees and nulls. */
void config_free(struct config **c);
/* Appends every variable with its meaning and its value in force; secrets are
 * shown as "(set)". */
void config_print(const struct config *c, struct buf *out);
/* One variable and what is in force; texts live as long as the callback. */
struct config_value {
    const char *name, *meaning, *dflt;
    const char *text; /* "" for a secret, whatever it is */
    bool secret, set; /* set: not empty */
};
/* Calls `fn` for every variable, in the table's order. */
void config_each(const struct config *c,
                 void (*fn)(void *arg, const struct config_value *v),
                 void *arg);
/* Appends the list for --help. */
void config_help(struct buf *out);

#endif

/* config.h - every setting of the gateway: one table, one immutable struct.
 *
 * For: reading the environment and the two files once, at start.  Not for:
 * rooms, which get the few values they need from main.  A struct config is
 * never changed after it was made, so any thread may read it; who made it
 * frees it.  Texts live as long as it does.
 *
 * The table below is the only place that knows a variable: struct members,
 * parsing, --help and the print of what is in force all derive from it.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/slice.h"

enum config_crash { CONFIG_CRASH_HOLD, CONFIG_CRASH_INPUT };
enum config_auth { CONFIG_AUTH_KEY, CONFIG_AUTH_HEADER };
enum config_unknown { CONFIG_REFUSE, CONFIG_DEAREST, CONFIG_FREE };
enum config_dialect { CONFIG_AUTO, CONFIG_V0, CONFIG_V1 };
enum config_gone { CONFIG_DRAIN, CONFIG_ABORT };
enum config_pass { CONFIG_SAFE, CONFIG_ALL, CONFIG_OFF };
enum config_errors { CONFIG_NATIVE, CONFIG_PLAIN };

#define CONFIG_NONE (-1) /* an amount that is not set */

/* Columns: member, name, aliases (space separated), default (NULL: unset),
 * then what the kind needs, then the meaning.
 *   TEXT(check, ...): const char *, NULL if unset; checks in config.c
 *   INT(..., least, most): int64_t; NULL as default: see config_fill
 *   BOOL: bool
 *   USD: int64_t nano-dollars, CONFIG_NONE if unset or "none"
 *   CHOICE(type, ..., "a|b"): the enum `type`, numbered as listed */
#define CONFIG_VARS(TEXT, INT, BOOL, USD, CHOICE)                              \
    TEXT(HOST, host, "HOST", "", "127.0.0.1", "listen address")                \
    INT(port, "PORT", "SERVER_PORT", "3000", 0, 65535,                         \
        "listen port; 0 = any free port, printed on start")                    \
    TEXT(PATH, tls_cert_file, "TLS_CERT_FILE", "", NULL,                       \
         "PEM certificate chain; with TLS_KEY_FILE: serve HTTPS")              \
    TEXT(PATH, tls_key_file, "TLS_KEY_FILE", "", NULL, "PEM private key")      \
    INT(sync_interval_ms, "SYNC_INTERVAL_MS", "", "100", 0, 60000,             \
        "beat on which counters reach the disk; 0 = every transaction")        \
    CHOICE(config_crash, crash_settle, "CRASH_SETTLE", "", "hold",             \
           "hold|input", "what an orphaned hold books after a crash")          \
    TEXT(PATH, data_dir, "DATA_DIR", "", "./data",                             \
         "ledger, counters and secret key; created 0700")                      \
    TEXT(NAME, env, "ENV", "NODE_ENV", "production",                           \
         "development lifts the reset confirmation, allows CLOCK_OFFSET_S")    \
    CHOICE(log_level, log_level, "LOG_LEVEL", "", "info",                      \
           "error|warn|info|debug", "what is logged")                          \
    TEXT(PATH, log_file, "LOG_FILE", "PROXY_LOG_PATH", NULL,                   \
         "log file, appended to; unset: standard error")                       \
    INT(workers, "WORKERS", "", "0", 0, 1024, "loop threads; 0 = CPUs")        \
    INT(shutdown_grace_s, "SHUTDOWN_GRACE_S", "", "30", 0, 86400,              \
        "how long requests in flight may take after SIGTERM")                  \
    INT(max_body_bytes, "MAX_BODY_BYTES", "", "33554432", 1,                   \
        INT64_C(17179869184), "body limit of proxy routes")                    \
    TEXT(ORIGINS, allowed_origins, "ALLOWED_ORIGINS", "", NULL,                \
         "CORS origins, comma separated; * = any")                             \
    TEXT(NETS, trusted_proxies, "TRUSTED_PROXIES", "", NULL,                   \
         "addresses or networks whose forwarding headers count")               \
    INT(clock_offset_s, "CLOCK_OFFSET_S", "", "0", -INT64_C(3155760000),       \
        INT64_C(3155760000), "shifts the clock; development only")             \
    TEXT(SECRET, admin_api_key, "ADMIN_API_KEY", "", NULL, "admin secret")     \
    TEXT(SECRET, admin_token, "ADMIN_TOKEN", "", NULL, "admin secret")         \
    TEXT(SECRET, api_key, "API_KEY", "", NULL, "admin secret")                 \
    TEXT(SECRET, ingest_key, "INGEST_KEY", "", NULL,                           \
         "secret of POST /ingest")                                             \
    CHOICE(config_auth, tenant_auth, "TENANT_AUTH", "", "key", "key|header",   \
           "how tenants identify themselves")                                  \
    INT(header_max_tenants, "HEADER_MAX_TENANTS", "", "1000", 0, 1000000,      \
        "most tenants that header mode creates")                               \
    INT(auth_fail_per_min, "AUTH_FAIL_PER_MIN", "", "30", 1, 1000000,          \
        "failed authentications per source address")                           \
    INT(admin_session_hours, "ADMIN_SESSION_HOURS", "", "12", 1, 8760,         \
        "life of the dashboard cookie")                                        \
    TEXT(TENANT, default_tenant, "DEFAULT_TENANT", "", NULL,                   \
         "tenant created at start if missing")                                 \
    TEXT(TENANT_KEY, default_api_key, "DEFAULT_API_KEY", "", NULL,             \
         "its key, any string of 16 or more characters")                       \
    BOOL(self_service, "SELF_SERVICE", "", NULL,                               \
         "self-service key pages; default: only on a loopback HOST")           \
    INT(self_service_max_keys, "SELF_SERVICE_MAX_KEYS", "", "10", 0, 1000000,  \
        "active keys per self-service user")                                   \
    INT(tracking_token_length, "TRACKING_TOKEN_LENGTH", "", "22", 16, 40,      \
        "random bytes of a tracking token")                                    \
    TEXT(KEY, openai_key, "OPENAI_KEY", "OPENAI_API_KEY UPSTREAM_API_KEY",     \
         NULL, "OpenAI or compatible provider key")                            \
    TEXT(URL, openai_base_url, "OPENAI_BASE_URL", "UPSTREAM_BASE",             \
         "https://api.openai.com/v1", "/v1/<path> goes to <base>/<path>")      \
    TEXT(KEY, anthropic_api_key, "ANTHROPIC_API_KEY", "", NULL,                \
         "Anthropic key")                                                      \
    TEXT(URL, anthropic_base_url, "ANTHROPIC_BASE_URL", "",                    \
         "https://api.anthropic.com", "Anthropic base")                        \
    TEXT(KEY, google_api_key, "GOOGLE_API_KEY", "GEMINI_API_KEY", NULL,        \
         "Google key")                                                         \
    TEXT(URL, google_base_url, "GOOGLE_BASE_URL", "",                          \
         "https://generativelanguage.googleapis.com", "Google base")           \
    TEXT(KEY, azure_api_key, "AZURE_OPENAI_API_KEY", "", NULL, "Azure key")    \
    TEXT(URL, azure_endpoint, "AZURE_OPENAI_ENDPOINT", "", NULL,               \
         "serves azure/<deployment> models and /openai/* paths")               \
    TEXT(KEY, azure_api_version, "AZURE_OPENAI_API_VERSION",                   \
         "UPSTREAM_API_VERSION", NULL, "api-version= of Azure requests")       \
    TEXT(KEY, mistral_api_key, "MISTRAL_API_KEY", "", NULL, "Mistral key")     \
    TEXT(URL, mistral_base_url, "MISTRAL_BASE_URL", "",                        \
         "https://api.mistral.ai/v1", "Mistral base")                          \
    TEXT(KEY, deepseek_api_key, "DEEPSEEK_API_KEY", "", NULL, "DeepSeek key")  \
    TEXT(URL, deepseek_base_url, "DEEPSEEK_BASE_URL", "",                      \
         "https://api.deepseek.com/v1", "DeepSeek base")                       \
    TEXT(KEY, xai_api_key, "XAI_API_KEY", "", NULL, "xAI key")                 \
    TEXT(URL, xai_base_url, "XAI_BASE_URL", "", "https://api.x.ai/v1",         \
         "xAI base")                                                           \
    TEXT(KEY, groq_api_key, "GROQ_API_KEY", "", NULL, "Groq key")              \
    TEXT(URL, groq_base_url, "GROQ_BASE_URL", "",                              \
         "https://api.groq.com/openai/v1", "Groq base")                        \
    TEXT(KEY, openrouter_api_key, "OPENROUTER_API_KEY", "", NULL,              \
         "OpenRouter key")                                                     \
    TEXT(URL, openrouter_base_url, "OPENROUTER_BASE_URL", "",                  \
         "https://openrouter.ai/api/v1", "OpenRouter base")                    \
    TEXT(PROVIDER, provider, "PROVIDER", "", "openai",                         \
         "provider assumed for ingested models no rule recognises")            \
    INT(max_reqs_per_min, "MAX_REQS_PER_MIN", "", "100", 0,                    \
        INT64_C(1000000000), "requests per tenant in any 60 s; 0 = unlimited") \
    INT(max_tokens_per_min, "MAX_TOKENS_PER_MIN", "", "0", 0,                  \
        INT64_C(1000000000000), "tokens per tenant and minute; 0 = unlimited") \
    INT(max_concurrent_reqs, "MAX_CONCURRENT_REQS", "", "0", 0, 1000000,       \
        "requests of a tenant at once; 0 = unlimited")                         \
    INT(rate_limit_rpm, "RATE_LIMIT_RPM", "", "60", 0, 1000000,                \
        "token bucket on B's admin paths, per minute; 0 = off")                \
    INT(rate_limit_burst, "RATE_LIMIT_BURST", "", NULL, 1, 1000000,            \
        "its size; default: RATE_LIMIT_RPM")                                   \
    TEXT(PATHS, rate_limit_exempt, "RATE_LIMIT_EXEMPT", "",                    \
         "/ping,/health,/dashboard",                                           \
         "paths, or prefixes ending at /, without that limit")                 \
    INT(ingest_rpm, "INGEST_RPM", "", NULL, 0, 1000000,                        \
        "token bucket per tracking token; default: RATE_LIMIT_RPM")            \
    INT(ingest_burst, "INGEST_BURST", "", NULL, 1, 1000000,                    \
        "its size; default: RATE_LIMIT_BURST")                                 \
    USD(default_budget, "DEFAULT_BUDGET_USD", "", "50",                        \
        "amount for each listed period; none = no default")                    \
    TEXT(PERIODS, budget_periods, "BUDGET_PERIODS", "BUDGET_PERIOD",           \
         "monthly",                                                            \
         "hourly, daily, weekly, monthly, total, custom, rolling:24h, ...")    \
    USD(max_monthly, "MAX_MONTHLY_USD", "", NULL,                              \
        "used as BUDGET_MONTHLY_USD when that is unset")                       \
    TEXT(DATE, budget_start_date, "BUDGET_START_DATE", "", NULL,               \
         "first day or instant of the custom period")                          \
    TEXT(DATE, budget_end_date, "BUDGET_END_DATE", "", NULL,                   \
         "last day (whole) or end of the custom period")                       \
    TEXT(ZONE, budget_timezone, "BUDGET_TIMEZONE", "", "UTC",                  \
         "IANA time zone of calendar windows")                                 \
    INT(min_completion_tokens, "MIN_COMPLETION_TOKENS", "", "64", 1, 1000000,  \
        "smallest output a clamp may leave")                                   \
    INT(default_max_tokens, "DEFAULT_MAX_TOKENS", "", "0", 0, 100000000,       \
        "output limit sent when the client gave none; 0 = the model's")        \
    USD(fallback_hold, "FALLBACK_HOLD_USD", "", "0.25",                        \
        "hold where the request gives no bound")                               \
    INT(web_search_hold_calls, "WEB_SEARCH_HOLD_CALLS", "", "10", 0, 10000,    \
        "server-tool calls held when the client set no maximum")               \
    CHOICE(config_unknown, unknown_price, "UNKNOWN_PRICE", "", "dearest",      \
           "refuse|dearest|free", "what a model without a price costs")        \
    TEXT(JSON, model_pricing_json, "MODEL_PRICING_JSON", "", NULL,             \
         "{\"model\":{\"input\",\"output\"}} in USD per 1K tokens")            \
    TEXT(PATH, model_pricing_file, "MODEL_PRICING_FILE", "", NULL,             \
         "the same from a file")                                               \
    TEXT(PATH, opa_policy_path, "OPA_POLICY_PATH", "", NULL,                   \
         ".rego file or a directory of them; unset: embedded policy")          \
    CHOICE(config_dialect, policy_dialect, "POLICY_DIALECT", "", "auto",       \
           "auto|v0|v1", "Rego version")                                       \
    INT(policy_timeout_ms, "POLICY_TIMEOUT_MS", "", "50", 1, 60000,            \
        "longer evaluations deny")                                             \
    INT(upstream_connect_timeout_s, "UPSTREAM_CONNECT_TIMEOUT_S", "", "10", 1, \
        3600, "longest wait for a connection")                                 \
    INT(upstream_timeout_s, "UPSTREAM_TIMEOUT_S", "", "600", 1, 86400,         \
        "longest silence of a provider")                                       \
    INT(upstream_retries, "UPSTREAM_RETRIES", "", "1", 0, 10,                  \
        "only while no byte of the request has been sent")                     \
    CHOICE(config_gone, client_gone, "CLIENT_GONE", "", "drain",               \
           "drain|abort", "when a client leaves: read on, or close")           \
    INT(drain_timeout_s, "DRAIN_TIMEOUT_S", "", "120", 0, 86400,               \
        "longest reading on")                                                  \
    CHOICE(config_pass, passthrough, "PASSTHROUGH", "", "safe",                \
           "safe|all|off", "/v1 paths the gateway does not know")              \
    CHOICE(config_errors, proxy_errors, "PROXY_ERRORS", "", "native",          \
           "native|plain", "shape of proxy errors")                            \
    INT(models_cache_s, "MODELS_CACHE_S", "", "600", 0, 86400,                 \
        "age of the model lists")                                              \
    TEXT(HIDDEN_URL, alert_webhook_url, "ALERT_WEBHOOK_URL", "", NULL,         \
         "receives alerts as JSON")

enum config_var {
#define X_TEXT(check, field, ...) CONFIG_AT_##field,
#define X_FIELD(field, ...) CONFIG_AT_##field,
#define X_CHOICE(type, field, ...) CONFIG_AT_##field,
    CONFIG_VARS(X_TEXT, X_FIELD, X_FIELD, X_FIELD, X_CHOICE)
#undef X_TEXT
#undef X_FIELD
#undef X_CHOICE
        CONFIG_VAR_COUNT
};

/* Numbered as enum budget_period of call/budget.h. */
enum config_period {
    CONFIG_HOURLY,
    CONFIG_DAILY,
    CONFIG_WEEKLY,
    CONFIG_MONTHLY,
    CONFIG_TOTAL,
    CONFIG_CUSTOM,
    CONFIG_ROLLING,
};

#define CONFIG_PERIODS_MAX 16

struct config_span {
    enum config_period period;
    int64_t rolling_ms;       /* width of a rolling window, else 0 */
    int64_t start_ms, end_ms; /* custom: [start, end), else 0 */
};

/* A budget of the environment.  Of several for the same tenant and span the
 * highest rank counts. */
struct config_budget {
    struct config_span span;
    const char *tenant; /* as in the variable (ACME_1); NULL: every tenant */
    int64_t amount;     /* nano-dollars */
    int rank; /* 0 DEFAULT_BUDGET_USD, 1 BUDGET_<PERIOD>_USD, 2 _<TENANT> */
    const char *variable; /* where it comes from, for messages */
};

struct config_own; /* private: memory and where values came from */

struct config {
#define X_TEXT(check, field, ...) const char *field;
#define X_INT(field, ...) int64_t field;
#define X_BOOL(field, ...) bool field;
#define X_CHOICE(type, field, ...) enum type field;
    CONFIG_VARS(X_TEXT, X_INT, X_BOOL, X_INT, X_CHOICE)
#undef X_TEXT
#undef X_INT
#undef X_BOOL
#undef X_CHOICE
    bool development; /* ENV is "development" */

    struct config_span listed[CONFIG_PERIODS_MAX]; /* BUDGET_PERIODS */
    int listed_count;
    const struct config_budget *budgets;
    int budget_count;
    const char *const *ignored; /* set, recognised, without effect */
    int ignored_count;

    struct config_own *own;
};

/* A file's text under the name that messages use. */
struct config_file {
    const char *name;
    struct slice text;
};

/* Reads the process environment, then `file`, or if that is NULL .env.local
 * and .env of the working directory, which need not exist.  E_INVALID: a
 * value is wrong, and `err->text` is one line that names the variable (never
 * a secret's value); E_IO: a file cannot be read; E_TOO_BIG: it is above 1 MiB
 * or 4096 variables; E_NOMEM.  The program then ends with status 2. */
MUST_CHECK enum status config_load(const char *file, struct config **out,
                                   struct err *err);
/* As config_load, from `env` ("NAME=value", ends with NULL) and file texts,
 * the first that has a name wins.  Everything is copied. */
MUST_CHECK enum status config_read(const char *const *env,
                                   const struct config_file *files, int n,
                                   struct config **out, struct err *err);
/* Wipes the secrets, frees and nulls; NULL inside is fine. */
void config_free(struct config **c);

/* Every variable with aliases, default, choices and meaning: for --help. */
void config_list(struct buf *out);
/* What is in force: NAME=value, where it came from, and the budgets that
 * result.  Secrets are only said to be set. */
void config_print(const struct config *c, struct buf *out);
/* The text of a period: "monthly", "rolling:24h", "rolling:7d". */
void config_span_text(const struct config_span *s, struct buf *out);

#endif

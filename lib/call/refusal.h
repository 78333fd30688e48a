/* refusal.h - every way a proxy call can be refused or fail (contract 1.4).
 *
 * One table; error bodies, ledger reasons, docs and tests derive from it.
 */
#ifndef CALL_REFUSAL_H
#define CALL_REFUSAL_H

/* id, code, HTTP, literal text, OpenAI type, Anthropic type, Gemini status,
 * ledger status, ledger reason ("" = set by the caller) */
#define REFUSALS(X)                                                            \
    X(R_MISSING_KEY, "missing_api_key", 401,                                   \
      "Authentication required. Provide API key via Authorization header or "  \
      "X-API-Key header",                                                      \
      "invalid_request_error", "authentication_error", "UNAUTHENTICATED",      \
      EVENT_FAILED, "missing_key")                                             \
    X(R_INVALID_KEY, "invalid_api_key", 401, "Invalid API key",                \
      "invalid_request_error", "authentication_error", "UNAUTHENTICATED",      \
      EVENT_FAILED, "invalid_key")                                             \
    X(R_TENANT_MISMATCH, "tenant_mismatch", 403,                               \
      "X-Tenant-Id does not match the API key", "permission_error",            \
      "permission_error", "PERMISSION_DENIED", EVENT_BLOCKED,                  \
      "tenant_mismatch")                                                       \
    X(R_TENANT_LIMIT, "tenant_limit", 403, "Too many tenants",                 \
      "permission_error", "permission_error", "PERMISSION_DENIED", EVENT_NONE, \
      "")                                                                      \
    X(R_TOO_LARGE, "request_too_large", 413, "Request body is too large",      \
      "invalid_request_error", "request_too_large", "INVALID_ARGUMENT",        \
      EVENT_FAILED, "too_large")                                               \
    X(R_MEDIA_TYPE, "unsupported_media_type", 415, "Unsupported Media Type",   \
      "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT",    \
      EVENT_FAILED, "media_type")                                              \
    X(R_INVALID_JSON, "invalid_json", 400, "Invalid JSON",                     \
      "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT",    \
      EVENT_FAILED, "validation")                                              \
    X(R_INVALID_REQUEST, "invalid_request", 400, "Invalid request",            \
      "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT",    \
      EVENT_FAILED, "validation")                                              \
    X(R_UNSUPPORTED_PARAMETER, "unsupported_parameter", 400,                   \
      "Unsupported parameter", "invalid_request_error",                        \
      "invalid_request_error", "INVALID_ARGUMENT", EVENT_FAILED, "validation") \
    X(R_MODEL_NOT_FOUND, "model_not_found", 400,                               \
      "No provider configured for model", "invalid_request_error",             \
      "invalid_request_error", "INVALID_ARGUMENT", EVENT_FAILED,               \
      "unknown_model")                                                         \
    X(R_NO_PROVIDER, "provider_not_configured", 400, "API key not configured", \
      "invalid_request_error", "invalid_request_error", "FAILED_PRECONDITION", \
      EVENT_FAILED, "no_provider_key")                                         \
    X(R_UNMETERED, "unmetered_route", 403, "This route cannot be metered",     \
      "permission_error", "permission_error", "PERMISSION_DENIED",             \
      EVENT_BLOCKED, "unmetered_route")                                        \
    X(R_NOT_FOUND, "not_found", 404, "Not found", "invalid_request_error",     \
      "not_found_error", "NOT_FOUND", EVENT_NONE, "")                          \
    X(R_RATE_LIMIT, "rate_limit_exceeded", 429, "Rate limit exceeded",         \
      "requests", "rate_limit_error", "RESOURCE_EXHAUSTED", EVENT_BLOCKED,     \
      "rate_limit")                                                            \
    X(R_UNKNOWN_TAG, "unknown_tag", 400, "Tags not found for this tenant",     \
      "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT",    \
      EVENT_FAILED, "unknown_tag")                                             \
    X(R_INVALID_SESSION, "invalid_session", 400, "Invalid session id",         \
      "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT",    \
      EVENT_FAILED, "invalid_session")                                         \
    X(R_SESSION_BUDGET, "budget_exceeded", 402, "Session budget exceeded",     \
      "insufficient_quota", "billing_error", "FAILED_PRECONDITION",            \
      EVENT_BLOCKED, "session_budget")                                         \
    X(R_BUDGET, "budget_exceeded", 402, "Budget exceeded",                     \
      "insufficient_quota", "billing_error", "FAILED_PRECONDITION",            \
      EVENT_BLOCKED, "budget")                                                 \
    X(R_TAG_BUDGET, "budget_exceeded", 402, "Tag budget exceeded",             \
      "insufficient_quota", "billing_error", "FAILED_PRECONDITION",            \
      EVENT_BLOCKED, "tag_budget")                                             \
    X(R_PARENT_TAG_BUDGET, "budget_exceeded", 402,                             \
      "Parent tag budget exceeded", "insufficient_quota", "billing_error",     \
      "FAILED_PRECONDITION", EVENT_BLOCKED, "parent_tag_budget")               \
    X(R_POLICY, "policy_denied", 403, "Request denied by policy",              \
      "permission_error", "permission_error", "PERMISSION_DENIED",             \
      EVENT_BLOCKED, "policy")                                                 \
    X(R_UPSTREAM_AUTH, "upstream_auth", 502,                                   \
      "Provider rejected the gateway's key", "server_error", "api_error",      \
      "UNAVAILABLE", EVENT_FAILED, "")                                         \
    X(R_UNREACHABLE, "upstream_unreachable", 502, "Provider unreachable",      \
      "server_error", "api_error", "UNAVAILABLE", EVENT_FAILED,                \
      "upstream_unreachable")                                                  \
    X(R_UPSTREAM_INVALID, "upstream_invalid", 502,                             \
      "Provider sent an invalid response", "server_error", "api_error",        \
      "INTERNAL", EVENT_INTERRUPTED, "upstream_invalid")                       \
    X(R_UPSTREAM_TIMEOUT, "upstream_timeout", 504, "Provider timed out",       \
      "server_error", "timeout_error", "DEADLINE_EXCEEDED", EVENT_INTERRUPTED, \
      "upstream_timeout")                                                      \
    X(R_STORAGE, "storage_unavailable", 503, "Service unavailable",            \
      "server_error", "api_error", "UNAVAILABLE", EVENT_NONE, "")              \
    X(R_SHUTTING_DOWN, "shutting_down", 503, "Service unavailable",            \
      "server_error", "api_error", "UNAVAILABLE", EVENT_NONE, "")

enum refusal {
    R_NONE = 0,
#define X(id, code, http, text, oa, an, ge, st, re) id,
    REFUSALS(X)
#undef X
        R_COUNT
};

#endif

/* refuse.c - our own errors: the answer in the caller's shape, and its row. */
#include "gateway/exchange.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "gateway/measure.h"
#include "guard/limit.h"
#include "guard/settle.h"
#include "guard/window.h"

#define DETAILS_MAX 65536
#define ROW_DETAIL_MAX 8192

static const struct {
    enum event_status status;
    const char *reason;
} rows[R_COUNT] = {
#define X(id, code, http, text, oa, an, ge, st, re) [id] = {st, re},
    REFUSALS(X)
#undef X
};

static const char *const scope_names[] = {
    [SCOPE_GLOBAL] = "global",   [SCOPE_TENANT] = "tenant",
    [SCOPE_KEY] = "key",         [SCOPE_TAG] = "tag",
    [SCOPE_SESSION] = "session", [SCOPE_USER] = "user",
    [SCOPE_MODEL] = "model",
};

/* ---- details ------------------------------------------------------------ */

static void details_scope(struct json_out *o, const struct verdict_scope *s)
{
    json_obj(o);
    json_kstr(o, "scope", slice_str(scope_names[s->scope]));
    json_kstr_null(o, "scope_id", s->scope_id);
    if (s->period == PERIOD_ROLLING) {
        char text[40];
        int n = snprintf(text, sizeof text, "rolling:%lldh",
                         (long long)(s->rolling_ms / WINDOW_HOUR_MS));
        json_kstr(o, "period", slice(text, (size_t)n));
    } else
        json_kstr(o, "period", slice_str(window_period_name(s->period)));
    if (!s->wide) {
        json_kusd(o, "limit_usd", s->amount);
        json_kusd(o, "spent_usd", s->spent);
        json_kusd(o, "held_usd", s->held);
        json_kusd(o, "needed_usd", s->needed);
    }
    if (s->resets_ms == INT64_MAX)
        json_knull(o, "resets_at");
    else
        json_ktime(o, "resets_at", s->resets_ms);
    json_obj_end(o);
}

/* The `details` object of contract 1.4, or nothing. */
static void details(struct buf *b, enum refusal id, const struct exchange *x,
                    const struct verdict *v)
{
    struct json_out o;
    json_out_init(&o, b);
    if (v == NULL)
        return;
    if (id == R_RATE_LIMIT) {
        json_obj(&o);
        json_kstr(&o, "kind", slice_str(v->kind));
        json_knum(&o, "limit", v->kind_limit);
        json_knum(&o, "window_s", 60);
        json_knum(&o, "retry_after_s", v->retry_after_s);
        json_obj_end(&o);
    } else if (id == R_POLICY) {
        json_obj(&o);
        json_kstr_null(&o, "reason",
                       v->policy_reason.n > 0 ? v->policy_reason
                                              : (struct slice){NULL, 0});
        json_key(&o, "deny");
        json_arr(&o);
        for (int i = 0; i < v->deny_count; i++)
            json_str(&o, v->deny[i]);
        json_arr_end(&o);
        json_obj_end(&o);
    } else if (v->scope_count > 0) {
        json_obj(&o);
        json_kstr(&o, "request_id", slice_str(x->event.request_id));
        json_kstr(&o, "reason", slice_str(rows[id].reason));
        json_key(&o, "scopes");
        json_arr(&o);
        for (int i = 0; i < v->scope_count; i++)
            details_scope(&o, &v->scopes[i]);
        json_arr_end(&o);
        json_obj_end(&o);
    }
}

/* What an operator wants to know of a budget refusal in one line. */
static struct slice explain_scopes(struct exchange *x, const struct verdict *v)
{
    const struct verdict_scope *s = &v->scopes[0];
    char limit[MONEY_TEXT], left[MONEY_TEXT], need[MONEY_TEXT];
    if (s->wide)
        return SLICE("a budget shared with others is used up");
    int64_t rest = s->amount - s->spent - s->held;
    money_format(s->amount, limit);
    money_format(rest > 0 ? rest : 0, left);
    money_format(s->needed, need);
    return arena_printf(&x->arena,
                        "the %s %s budget of $%s has $%s left, this call may "
                        "cost $%s",
                        window_period_name(s->period), scope_names[s->scope],
                        limit, left, need);
}

/* The variable with a provider's key. */
static const char *key_variable(enum provider_id p)
{
    static const char *const names[PROVIDER_COUNT] = {
        [PROVIDER_OPENAI] = "OPENAI_KEY",
        [PROVIDER_AZURE] = "AZURE_OPENAI_API_KEY and AZURE_OPENAI_ENDPOINT",
        [PROVIDER_ANTHROPIC] = "ANTHROPIC_API_KEY",
        [PROVIDER_GOOGLE] = "GOOGLE_API_KEY",
        [PROVIDER_MISTRAL] = "MISTRAL_API_KEY",
        [PROVIDER_DEEPSEEK] = "DEEPSEEK_API_KEY",
        [PROVIDER_XAI] = "XAI_API_KEY",
        [PROVIDER_GROQ] = "GROQ_API_KEY",
        [PROVIDER_OPENROUTER] = "OPENROUTER_API_KEY",
    };
    return names[p];
}

/* What to do about it, where the refusal itself does not say. */
static struct slice advise(struct exchange *x, enum refusal id,
                           enum provider_id p, const struct verdict *v)
{
    if (v != NULL && v->scope_count > 0)
        return explain_scopes(x, v);
    if (v != NULL && id == R_RATE_LIMIT && strcmp(v->kind, "concurrency") == 0)
        return arena_printf(&x->arena, "%lld requests at once",
                            (long long)v->kind_limit);
    if (v != NULL && id == R_RATE_LIMIT)
        return arena_printf(&x->arena, "%lld %s in 60 s; try again in %lld s",
                            (long long)v->kind_limit, v->kind,
                            (long long)v->retry_after_s);
    if (id == R_NO_PROVIDER && p == PROVIDER_DEMO)
        return SLICE("start with --demo");
    if (id == R_NO_PROVIDER && key_variable(p) != NULL)
        return arena_printf(&x->arena, "set %s", key_variable(p));
    if (id == R_MODEL_NOT_FOUND && x->route.family == FAMILY_GEMINI &&
        p != PROVIDER_GOOGLE)
        return SLICE("Google's routes reach Google's models only");
    if (id == R_MODEL_NOT_FOUND && x->route.op == OP_COUNT)
        return SLICE("counts are asked of the model's own API only");
    return (struct slice){NULL, 0};
}

/* ---- the answer --------------------------------------------------------- */

static int add_field(struct exchange *x, struct http_field *out, int at,
                     const char *name, int64_t v)
{
    struct slice text = arena_int(&x->arena, v);
    out[at] = (struct http_field){slice_str(name), text};
    return at + 1;
}

int refuse_own_fields(struct exchange *x, struct http_field *out, int at)
{
    out[at++] = (struct http_field){SLICE("X-BudgetGuard-Request-Id"),
                                    slice(x->event.request_id, 32)};
    if (x->limit_sent > 0 && x->admitted)
        at = add_field(x, out, at, "X-BudgetGuard-Max-Tokens", x->limit_sent);
    if (x->rate.limit > 0) {
        at = add_field(x, out, at, "x-ratelimit-limit", x->rate.limit);
        at = add_field(x, out, at, "x-ratelimit-remaining", x->rate.remaining);
        at = add_field(x, out, at, "x-ratelimit-reset", x->rate.reset_s);
    }
    return at;
}

void refuse_answer(struct exchange *x, enum refusal id,
                   const struct refuse_more *m)
{
    if (x->answered || x->stream == NULL)
        return;
    x->answered = true;
    const struct verdict *v = m->verdict;
    struct buf body, extra;
    buf_init(&body, 4 * DETAILS_MAX);
    buf_init(&extra, DETAILS_MAX);
    details(&extra, id, x, v);
    struct slice explain = m->explain;
    enum provider_id provider = x->call.provider != PROVIDER_NONE
                                    ? x->call.provider
                                    : x->target.provider;
    if (explain.p == NULL)
        explain = advise(x, id, provider, v);
    const struct shape_in in = {
        .id = id,
        .provider = provider,
        .names = m->names,
        .explain = explain,
        .param = m->param,
        .kind = v != NULL && id == R_RATE_LIMIT ? v->kind : NULL,
        .details = extra.failed ? (struct slice){NULL, 0} : buf_get(&extra),
        .request_id = slice(x->event.request_id, 32),
        .http = m->http,
    };
    shape_error(x->route.shape, x->gl->gateway->conf.plain_errors, &in, &body);
    struct http_field f[12];
    int n = refuse_own_fields(x, f, 0);
    f[n++] = (struct http_field){SLICE("Content-Type"),
                                 SLICE("application/json; charset=utf-8")};
    f[n++] = (struct http_field){SLICE("Cache-Control"), SLICE("no-store")};
    f[n++] =
        (struct http_field){SLICE("X-Content-Type-Options"), SLICE("nosniff")};
    if (v != NULL && id == R_RATE_LIMIT)
        n = add_field(x, f, n, "Retry-After", v->retry_after_s);
    if (m->allow != NULL)
        f[n++] = (struct http_field){SLICE("Allow"), slice_str(m->allow)};
    int status = m->http != 0 ? m->http : shape_status(id);
    stream_respond(x->stream, status, f, n, buf_get(&body));
    buf_release(&body);
    buf_release(&extra);
}

/* ---- the row ------------------------------------------------------------ */

/* Rows of unknown callers are limited per address; the rest is counted only. */
static bool row_allowed(struct exchange *x, enum refusal id)
{
    if (id != R_MISSING_KEY && id != R_INVALID_KEY)
        return true;
    struct gateway *g = x->gl->gateway;
    const struct slice l[4] = {SLICE("tenant")};
    metric_add(g->guard->metrics, M_AUTH_FAILURES, l, 1);
    return limit_count(g->auth_rows, x->source_ip, x->ts_ms);
}

void refuse_detail(struct exchange *x, enum refusal id, const struct verdict *v)
{
    struct buf said, whole;
    struct json_out o;
    buf_init(&said, ROW_DETAIL_MAX);
    buf_init(&whole, ROW_DETAIL_MAX + 64);
    details(&said, id, x, v);
    if (!said.failed && said.n > 0) { // too much: the row does without
        json_out_init(&o, &whole);
        json_obj(&o);
        json_key(&o, "refusal");
        json_raw(&o, buf_get(&said));
        json_obj_end(&o);
        x->event.detail = arena_dup(&x->arena, buf_get(&whole));
    }
    buf_release(&said);
    buf_release(&whole);
}

static void write_row(struct exchange *x, enum refusal id,
                      const struct refuse_more *m)
{
    struct event *e = &x->event;
    const struct guard *guard = x->gl->gateway->guard;
    struct err err;
    if (x->booked || rows[id].status == EVENT_NONE ||
        x->call.klass == ROUTE_LIST || !row_allowed(x, id))
        return;
    x->booked = true;
    e->status = rows[id].status;
    e->reason = m->reason.p != NULL ? m->reason : slice_str(rows[id].reason);
    e->http_status = m->http != 0 ? m->http : shape_status(id);
    e->latency_ms = exchange_latency_ms(x);
    e->usd = 0;
    refuse_detail(x, id, m->verdict);
    if (m->verdict != NULL && id == R_RATE_LIMIT) {
        const struct slice l[4] = {slice_str(m->verdict->kind)};
        metric_add(guard->metrics, M_RATE_HITS, l, 1);
    }
    if (settle_row(guard, e, &err) != OK)
        log_line(LOG_ERROR, "row not written",
                 LF_C("request_id", e->request_id), LF_C("error", err.text));
    measure_end(x);
}

void refuse(struct exchange *x, enum refusal id, const struct refuse_more *m)
{
    // the row first: it is durable before the client sees the answer's end
    if (!x->answered)
        write_row(x, id, m);
    log_line(LOG_INFO, "refused", LF_C("request_id", x->event.request_id),
             LF_S("tenant", x->event.tenant), LF_S("route", x->event.route),
             LF_C("code", shape_code(id)),
             LF_N("latency_ms", exchange_latency_ms(x)));
    refuse_answer(x, id, m);
    exchange_finish(x);
}

/* gate.c - see gate.h.
 *
 * One query asks for allow and deny together, so that what both rest on is
 * evaluated once; the reason is only asked for when the call is refused.
 */
#include "guard/gate.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "guard/window.h"

#define SCRATCH_MAX ((size_t)32 << 20)
#define TEXTS_MAX 64      /* deny texts that are passed on */
#define TEXT_BYTES_MAX 2000 /* of one of them */
#define MEMBERS 24        /* of the input document */
#define DAY_S 86400
#define UNLIMITED INT64_MAX /* "budget" where there is none */

struct gate {
    struct policy_reader reader;
    const struct zone *zone;
    struct metrics *metrics;
    int64_t timeout_ms;
    struct arena scratch;
};

/* ---- the input ------------------------------------------------------------------- */

struct builder {
    struct arena *a;
    struct value_list members;
};

static void put(struct builder *b, const char *name, struct value v)
{
    value_list_add(&b->members, value_str(slice_str(name)));
    value_list_add(&b->members, v);
    if (v.kind == V_UNDEF)
        b->members.failed = true;
}

static struct value text_or_null(struct slice s)
{
    return s.n > 0 ? value_str(s) : value_null();
}

/* Nano-dollars as a number in USD, exactly. */
static struct value usd(struct arena *a, int64_t nano)
{
    char text[MONEY_TEXT];
    struct value v;
    if (nano % MONEY_NANO == 0)
        return value_int(nano / MONEY_NANO);
    size_t n = money_format(nano, text);
    struct slice kept = arena_dup(a, slice(text, n));
    if (kept.p == NULL || !value_number_text(a, kept, &v))
        return value_undef();
    return v;
}

static struct value instant(struct arena *a, int64_t ms)
{
    char text[CLOCK_TEXT];
    size_t n = clock_format(ms, text);
    struct slice kept = arena_dup(a, slice(text, n));
    return kept.p != NULL ? value_str(kept) : value_undef();
}

static struct value period_of(struct arena *a, const struct budget *b)
{
    if (b->period != PERIOD_ROLLING)
        return value_str(slice_str(window_period_name(b->period)));
    struct slice s = arena_printf(a, "rolling:%lldh",
                                  (long long)(b->rolling_ms / WINDOW_HOUR_MS));
    return s.p != NULL ? value_str(s) : value_undef();
}

static struct value scope_id(struct arena *a, const struct budget *b)
{
    struct slice s = b->scope_id;
    if (b->scope == SCOPE_GLOBAL)
        return value_null();
    if (b->scope == SCOPE_TENANT)
        s = arena_printf(a, "%lld", (long long)b->tenant_id);
    else if (b->scope == SCOPE_KEY || b->scope == SCOPE_TAG)
        s = arena_printf(a, "%lld", (long long)b->object_id);
    return s.p != NULL ? value_str(s) : value_undef();
}

static struct value budget_value(struct arena *a, const struct admit_budget *g)
{
    static const char *const scopes[] = {
        [SCOPE_GLOBAL] = "global",   [SCOPE_TENANT] = "tenant",
        [SCOPE_KEY] = "key",         [SCOPE_TAG] = "tag",
        [SCOPE_SESSION] = "session", [SCOPE_USER] = "user",
        [SCOPE_MODEL] = "model",
    };
    const struct budget *b = g->budget;
    struct builder o = {.a = a};
    value_list_init(&o.members, a);
    put(&o, "budget", usd(a, g->amount));
    put(&o, "end", g->window.end_ms == INT64_MAX
                       ? value_null()
                       : instant(a, g->window.end_ms - 1));
    put(&o, "held", usd(a, g->held));
    put(&o, "mode", b->soft ? VALUE_LIT("soft") : VALUE_LIT("hard"));
    put(&o, "period", period_of(a, b));
    put(&o, "scope", value_str(slice_str(scopes[b->scope])));
    put(&o, "scope_id", scope_id(a, b));
    put(&o, "start", g->window.end_ms == INT64_MAX
                         ? value_null()
                         : instant(a, g->window.start_ms));
    put(&o, "usage", usd(a, money_add(g->spent, g->held)));
    return value_list_object(&o.members);
}

/* All of them, the tenant's own first. */
static struct value budgets_value(const struct gate_in *in, struct arena *a)
{
    struct value_list l;
    value_list_init(&l, a);
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < in->budget_count; i++) {
            bool own = in->budgets[i].budget->scope == SCOPE_TENANT;
            if (own == (pass == 0))
                value_list_add(&l, budget_value(a, &in->budgets[i]));
        }
    return value_list_array(&l);
}

/* The tenant budget with the least left, else any with the least left. */
static const struct admit_budget *tightest(const struct gate_in *in)
{
    const struct admit_budget *best = NULL;
    bool best_own = false;
    for (int i = 0; i < in->budget_count; i++) {
        const struct admit_budget *g = &in->budgets[i];
        bool own = g->budget->scope == SCOPE_TENANT;
        if (best != NULL && best_own && !own)
            continue;
        if (best == NULL || own != best_own ||
            g->amount - g->spent - g->held <
                best->amount - best->spent - best->held) {
            best = g;
            best_own = own;
        }
    }
    return best;
}

static void put_money(struct builder *o, const struct gate_in *in)
{
    const struct admit_budget *t = tightest(in);
    put(o, "budget", usd(o->a, t != NULL ? t->amount : UNLIMITED));
    put(o, "budgets", budgets_value(in, o->a));
    put(o, "usage", t != NULL ? usd(o->a, money_add(t->spent, t->held))
                              : value_int(0));
}

static void put_time(struct builder *o, int64_t now_ms,
                     const struct zone *zone)
{
    static const char *const days[] = {"thursday", "friday",  "saturday",
                                       "sunday",   "monday",  "tuesday",
                                       "wednesday"}; // 1970-01-01
    int64_t local = now_ms / 1000 + zone_offset(zone, now_ms);
    int64_t second = local % DAY_S, day = local / DAY_S;
    put(o, "day_of_week", value_str(slice_str(days[day % 7])));
    put(o, "now", instant(o->a, now_ms));
    put(o, "time", value_int(second / 3600));
}

static struct value fields_value(const struct gate_in *in, struct arena *a)
{
    struct value_list l;
    value_list_init(&l, a);
    for (int i = 0; i < in->field_count; i++) {
        value_list_add(&l, value_str(in->fields[i].name));
        value_list_add(&l, value_str(in->fields[i].value));
    }
    return value_list_object(&l);
}

static struct value tags_value(const struct call *c, struct arena *a)
{
    struct value_list l;
    value_list_init(&l, a);
    for (int i = 0; i < c->tag_count; i++)
        value_list_add(&l, value_str(c->tags[i]));
    return value_list_array(&l);
}

static struct value provider_value(enum provider_id p)
{
    static const char *const names[PROVIDER_COUNT] = {
#define X(id, wire, people) [id] = wire,
        PROVIDERS(X)
#undef X
    };
    return names[p] != NULL ? value_str(slice_str(names[p])) : value_null();
}

struct value gate_input(const struct gate_in *in, const struct zone *zone,
                        struct arena *a)
{
    const struct call *c = in->call;
    struct builder o = {.a = a};
    value_list_init(&o.members, a);
    if (!in->past) {
        put_money(&o, in);
        put(&o, "headers", fields_value(in, a));
        put(&o, "max_tokens",
            in->max_output >= 0 ? value_int(in->max_output) : value_null());
        put(&o, "source_ip", value_str(c->source_ip));
    }
    put(&o, "estimated_usd", usd(a, in->hold_nano));
    put_time(&o, in->now_ms, zone);
    put(&o, "key_id", value_int(c->key_id));
    if (c->method.n > 0)
        put(&o, "method", value_str(c->method));
    put(&o, "model", value_str(c->model));
    put(&o, "prompt_tokens", value_int(c->input_bound));
    put(&o, "provider", provider_value(c->provider));
    put(&o, "route", value_str(c->route));
    put(&o, "session", text_or_null(c->session));
    put(&o, "stream", value_bool(c->stream));
    put(&o, "tags", tags_value(c, a));
    put(&o, "tenant", value_str(c->tenant));
    put(&o, "tenant_id", value_int(c->tenant_id));
    put(&o, "user", text_or_null(c->user));
    return value_list_object(&o.members);
}

/* ---- the answer ------------------------------------------------------------------ */

static int64_t mono_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct slice text_of(const struct value *v, struct arena *a)
{
    struct slice s = v->kind == V_STRING ? value_slice(v)
                                         : value_json_arena(a, v);
    return s.n > TEXT_BYTES_MAX ? slice(s.p, TEXT_BYTES_MAX) : s;
}

/* Texts of `deny`; anything that is no collection denies by itself. */
static void take_deny(const struct value *deny, struct arena *a,
                      struct gate_answer *out)
{
    bool listed = deny->kind == V_SET || deny->kind == V_ARRAY;
    uint32_t n = listed                   ? deny->n
                 : deny->kind == V_OBJECT ? deny->n
                                          : 1;
    if (n == 0)
        return;
    out->allow = false;
    n = n < TEXTS_MAX ? n : TEXTS_MAX;
    out->deny = arena_try(a, n * sizeof *out->deny);
    for (uint32_t i = 0; out->deny != NULL && i < n; i++) {
        const struct value *v = listed                   ? &deny->u.v[i]
                                : deny->kind == V_OBJECT ? &deny->u.v[2 * i]
                                                         : deny;
        struct slice s = text_of(v, a);
        if (s.p != NULL)
            out->deny[out->deny_count++] = s;
    }
}

static void take_error(enum status st, const struct rego_error *e,
                       struct arena *a, struct gate_answer *out)
{
    out->allow = false;
    out->error = e->row > 0
                     ? arena_printf(a, "%.*s:%u: %s: %.*s", SLICE_FMT(e->file),
                                    e->row, e->code, SLICE_FMT(e->message))
                     : arena_printf(a, "%s: %.*s",
                                    e->code != NULL ? e->code : "error",
                                    SLICE_FMT(e->message));
    if (out->error.n == 0) // the arena is what was exhausted
        out->error = st == E_TIMEOUT ? SLICE("the policy took too long")
                                     : SLICE("the policy needs too much memory");
}

/* The first element of the i-th list of the verdict's answer, or NULL. */
static const struct value *part(const struct value *v, uint32_t i)
{
    if (v->kind != V_ARRAY || i >= v->n || v->u.v[i].kind != V_ARRAY ||
        v->u.v[i].n == 0)
        return NULL;
    return &v->u.v[i].u.v[0];
}

void gate_ask(const struct policy *p, const struct value *input,
              int64_t timeout_ms, struct arena *scratch,
              struct gate_answer *out)
{
    struct rego_error e = {.code = NULL};
    struct value v, reason;
    int64_t from = mono_ns();
    const struct rego_limits limits = {.deadline_ns =
                                           from + timeout_ms * 1000000};
    *out = (struct gate_answer){.allow = false};
    enum status st =
        rego_eval_value(p->verdict, input, scratch, &limits, &v, &e);
    if (st != OK) {
        take_error(st, &e, scratch, out);
    } else {
        const struct value *allow = part(&v, 0), *deny = part(&v, 1);
        out->allow = allow != NULL && value_is_true(allow);
        if (deny != NULL)
            take_deny(deny, scratch, out);
    }
    if (!out->allow && st == OK &&
        rego_eval_value(p->reason, input, scratch, &limits, &reason, &e) ==
            OK &&
        reason.kind == V_STRING)
        out->reason = text_of(&reason, scratch);
    out->took_ns = mono_ns() - from;
}

/* ---- a thread's own --------------------------------------------------------------- */

struct gate *gate_new(struct policies *p, const struct zone *zone,
                      int64_t timeout_ms, struct metrics *metrics)
{
    struct gate *g = xcalloc(1, sizeof *g);
    *g = (struct gate){
        .zone = zone, .metrics = metrics, .timeout_ms = timeout_ms};
    policy_reader_init(&g->reader, p);
    arena_init(&g->scratch, SCRATCH_MAX);
    return g;
}

void gate_free(struct gate **gp)
{
    struct gate *g = *gp;
    if (g == NULL)
        return;
    policy_reader_release(&g->reader);
    arena_release(&g->scratch);
    free(g);
    *gp = NULL;
}

/* What the client and the row are told, kept in the call's arena. */
static void refuse(const struct gate_answer *said, struct arena *a,
                   struct verdict *v)
{
    v->refusal = R_POLICY;
    v->policy_reason = arena_dup(a, said->reason);
    v->policy_error = said->error.n > 0;
    if (said->deny_count == 0)
        return;
    v->deny = arena_try(a, (size_t)said->deny_count * sizeof *v->deny);
    for (int i = 0; v->deny != NULL && i < said->deny_count; i++) {
        v->deny[i] = arena_dup(a, said->deny[i]);
        v->deny_count += v->deny[i].p != NULL;
    }
}

void gate_decide(struct gate *g, const struct gate_in *in, struct arena *a,
                 struct verdict *v)
{
    struct gate_answer said = {.error = SLICE("out of memory")};
    arena_reset(&g->scratch);
    struct value input = gate_input(in, g->zone, &g->scratch);
    if (input.kind != V_UNDEF)
        gate_ask(policy_now(&g->reader), &input, g->timeout_ms, &g->scratch,
                 &said);
    metric_time(g->metrics, M_POLICY_SECONDS, said.took_ns / 1000);
    if (said.error.n > 0) {
        metric_add(g->metrics, M_POLICY_ERRORS, (struct slice[4]){{NULL, 0}}, 1);
        log_line(LOG_ERROR, "policy failed; the call is refused",
                 LF_S("error", said.error));
    }
    if (!said.allow)
        refuse(&said, a, v);
}

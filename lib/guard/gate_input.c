/* gate_input.c - see gate_input.h.
 *
 * One row per member, in the order objects have, so that nothing is sorted.
 */
#include "guard/gate_input.h"

#include "base/clock.h"
#include "guard/window.h"

#define DAY_S 86400
#define UNLIMITED INT64_MAX /* "budget" where there is none */

struct builder {
    struct arena *a;
    struct value_list members;
};

static void put(struct builder *b, struct slice name, struct value v)
{
    value_list_add(&b->members, value_str(name));
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
        s = arena_int(a, b->tenant_id);
    else if (b->scope == SCOPE_KEY || b->scope == SCOPE_TAG)
        s = arena_int(a, b->object_id);
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
    put(&o, SLICE("budget"), usd(a, g->amount));
    put(&o, SLICE("end"),
        g->window.end_ms == INT64_MAX ? value_null()
                                      : instant(a, g->window.end_ms - 1));
    put(&o, SLICE("held"), usd(a, g->held));
    put(&o, SLICE("mode"), b->soft ? VALUE_LIT("soft") : VALUE_LIT("hard"));
    put(&o, SLICE("period"), period_of(a, b));
    put(&o, SLICE("scope"), value_str(slice_str(scopes[b->scope])));
    put(&o, SLICE("scope_id"), scope_id(a, b));
    put(&o, SLICE("start"),
        g->window.end_ms == INT64_MAX ? value_null()
                                      : instant(a, g->window.start_ms));
    put(&o, SLICE("usage"), usd(a, money_add(g->spent, g->held)));
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

/* What a member is made from. */
struct asked {
    const struct gate_in *in;
    const struct call *c;
    const struct zone *zone;
    struct arena *a;
};

static struct value in_budget(const struct asked *q)
{
    const struct admit_budget *t = tightest(q->in);
    return usd(q->a, t != NULL ? t->amount : UNLIMITED);
}

static struct value in_budgets(const struct asked *q)
{
    return budgets_value(q->in, q->a);
}

/* Seconds since 1970-01-01 as the budgets' clock shows them. */
static int64_t local_s(const struct asked *q)
{
    return q->in->now_ms / 1000 + zone_offset(q->zone, q->in->now_ms);
}

static struct value in_day_of_week(const struct asked *q)
{
    static const char *const days[] = {"thursday", "friday", "saturday",
                                       "sunday",   "monday", "tuesday",
                                       "wednesday"}; // 1970-01-01
    return value_str(slice_str(days[local_s(q) / DAY_S % 7]));
}

static struct value in_estimated_usd(const struct asked *q)
{
    return usd(q->a, q->in->hold_nano);
}

static struct value in_headers(const struct asked *q)
{
    return fields_value(q->in, q->a);
}

static struct value in_key_id(const struct asked *q)
{
    return value_int(q->c->key_id);
}

static struct value in_max_tokens(const struct asked *q)
{
    return q->in->max_output >= 0 ? value_int(q->in->max_output) : value_null();
}

static struct value in_method(const struct asked *q)
{
    return value_str(q->c->method);
}

static struct value in_model(const struct asked *q)
{
    return value_str(q->c->model);
}

static struct value in_now(const struct asked *q)
{
    return instant(q->a, q->in->now_ms);
}

static struct value in_prompt_tokens(const struct asked *q)
{
    return value_int(q->c->input_bound);
}

static struct value in_provider(const struct asked *q)
{
    return provider_value(q->c->provider);
}

static struct value in_route(const struct asked *q)
{
    return value_str(q->c->route);
}

static struct value in_session(const struct asked *q)
{
    return text_or_null(q->c->session);
}

static struct value in_source_ip(const struct asked *q)
{
    return value_str(q->c->source_ip);
}

static struct value in_stream(const struct asked *q)
{
    return value_bool(q->c->stream);
}

static struct value in_tags(const struct asked *q)
{
    return tags_value(q->c, q->a);
}

static struct value in_tenant(const struct asked *q)
{
    return value_str(q->c->tenant);
}

static struct value in_tenant_id(const struct asked *q)
{
    return value_int(q->c->tenant_id);
}

static struct value in_time(const struct asked *q)
{
    return value_int(local_s(q) % DAY_S / 3600);
}

static struct value in_usage(const struct asked *q)
{
    const struct admit_budget *t = tightest(q->in);
    return t != NULL ? usd(q->a, money_add(t->spent, t->held)) : value_int(0);
}

static struct value in_user(const struct asked *q)
{
    return text_or_null(q->c->user);
}

enum when { ALWAYS, NOT_PAST };

/* Name, function, known of rows of the past?  In the order of names. */
#define INPUT_MEMBERS(X)     \
    X(budget, NOT_PAST)      \
    X(budgets, NOT_PAST)     \
    X(day_of_week, ALWAYS)   \
    X(estimated_usd, ALWAYS) \
    X(headers, NOT_PAST)     \
    X(key_id, ALWAYS)        \
    X(max_tokens, NOT_PAST)  \
    X(method, ALWAYS)        \
    X(model, ALWAYS)         \
    X(now, ALWAYS)           \
    X(prompt_tokens, ALWAYS) \
    X(provider, ALWAYS)      \
    X(route, ALWAYS)         \
    X(session, ALWAYS)       \
    X(source_ip, NOT_PAST)   \
    X(stream, ALWAYS)        \
    X(tags, ALWAYS)          \
    X(tenant, ALWAYS)        \
    X(tenant_id, ALWAYS)     \
    X(time, ALWAYS)          \
    X(usage, NOT_PAST)       \
    X(user, ALWAYS)

static const struct {
    struct slice name;
    struct value (*make)(const struct asked *q);
    enum when when;
} members[] = {
#define X(name, when) {{#name, sizeof #name - 1}, in_##name, when},
    INPUT_MEMBERS(X)
#undef X
};

#define MEMBERS (sizeof members / sizeof *members)
_Static_assert(MEMBERS <= 32, "a set of members is a uint32_t");

uint32_t gate_input_reads(const struct policy *p)
{
    uint32_t reads = 0;
    for (size_t i = 0; i < MEMBERS; i++)
        if (rego_query_reads(p->verdict, members[i].name) ||
            rego_query_reads(p->reason, members[i].name))
            reads |= 1u << i;
    return reads;
}

struct value gate_input(const struct gate_in *in, const struct zone *zone,
                        uint32_t reads, struct arena *a)
{
    const struct asked q = {in, in->call, zone, a};
    struct builder o = {.a = a};
    value_list_init(&o.members, a);
    for (size_t i = 0; i < MEMBERS; i++) {
        if ((reads & 1u << i) == 0 ||
            (in->past && members[i].when == NOT_PAST) ||
            (members[i].make == in_method && q.c->method.n == 0))
            continue;
        put(&o, members[i].name, members[i].make(&q));
    }
    return value_list_object(&o.members);
}

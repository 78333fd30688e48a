/* health.c - is it well, what does it count, who changed what. */
#include "base/clock.h"
#include "control/control.h"
#include "control/handlers.h"
#include "control/metrics_json.h"
#include "control/providers.h"
#include "guard/gate.h"
#include "guard/policy.h"
#include "guard/window.h"
#include "ledger/names.h"
#include "ledger/rows.h"

#define GAUGES_MAX 1000
#define AUDIT_MAX 1000

/* ---- health ------------------------------------------------------------- */

struct health {
    bool database, counters, queue;
};

/* Reads only: nothing is written and no provider is called. */
static struct health look(const struct control_conf *c)
{
    int64_t v;
    enum status db = rows_setting(c->db, "schema", &v, NULL);
    enum status cs = counters_meta_get(c->counters, "clean", &v, NULL);
    return (struct health){.database = db == OK || db == E_NOT_FOUND,
                           .counters = cs == OK || cs == E_NOT_FOUND,
                           .queue = c->ledger_ok == NULL ||
                                    c->ledger_ok(c->ledger_arg)};
}

/* The members of /health; the object stays open. */
static void write_plain(struct request *r, struct json_out *o)
{
    const struct control_conf *c = control_conf(r->control);
    struct health h = look(c);
    bool ok = h.database && h.counters && h.queue;
    request_json(r, o);
    r->status = ok ? 200 : 503;
    json_obj(o);
    json_kbool(o, "ok", ok);
    json_kstr(o, "status", ok ? SLICE("healthy") : SLICE("unhealthy"));
    json_kstr(o, "version", SLICE(BG_VERSION));
    json_ktime(o, "timestamp", r->now_ms);
    json_key(o, "dependencies");
    json_obj(o);
    json_kbool(o, "database", h.database);
    json_kbool(o, "counters", h.counters);
    json_kbool(o, "ledger_queue", h.queue);
    json_key(o, "providers");
    json_obj(o);
    json_knum(o, "configured", c->providers_configured);
    json_obj_end(o);
    json_obj_end(o);
}

void health_ping(struct request *r)
{
    buf_str(&r->out, "{\"message\":\"pong\"}");
}

void health_z(struct request *r)
{
    buf_str(&r->out, "{\"status\":\"ok\"}");
}

void health_plain(struct request *r)
{
    struct json_out o;
    write_plain(r, &o);
    json_obj_end(&o);
}

void health_detailed(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    struct json_out o;
    write_plain(r, &o);
    providers_write(r, &o, false);
    json_knum(&o, "uptime_s", (r->now_ms - c->started_ms) / 1000);
    json_knum(&o, "holds_open", (int64_t)counters_holds_open(c->counters));
    json_knum(&o, "queue_depth", (int64_t)counters_outbox_depth(c->counters));
    json_key(&o, "policy");
    json_obj(&o);
    const struct policy *p = policies_ref(c->policies);
    struct policy_fault f;
    policies_fault(c->policies, &f);
    json_ktime(&o, "loadedAt", p->loaded_ms);
    json_kstr_null(&o, "error", f.is_set ? slice_str(f.text) : slice(NULL, 0));
    policy_unref(&p);
    json_obj_end(&o);
    json_obj_end(&o);
}

/* ---- metrics ------------------------------------------------------------ */

struct gauge {
    struct slice label[3]; /* scope, scope_id, period */
    int64_t limit, spent, held;
};

struct gauges {
    struct request *r;
    struct gauge *of;
    int n;
};

/* Ids of sessions, users and models repeat among tenants: the tenant's id
 * stands before them. */
static struct slice gauge_id(struct arena *a, const struct budget *b)
{
    if (b->scope == SCOPE_GLOBAL)
        return SLICE("");
    if (b->scope == SCOPE_TENANT)
        return arena_printf(a, "%lld", (long long)b->tenant_id);
    if (b->scope == SCOPE_KEY || b->scope == SCOPE_TAG)
        return arena_printf(a, "%lld", (long long)b->object_id);
    if (b->tenant_id == 0)
        return arena_dup(a, b->scope_id);
    return arena_printf(a, "%lld/%.*s", (long long)b->tenant_id,
                        SLICE_FMT(b->scope_id));
}

static struct slice gauge_period(struct arena *a, const struct budget *b)
{
    if (b->period != PERIOD_ROLLING)
        return slice_str(window_period_name(b->period));
    return arena_printf(a, "rolling:%lldh",
                        (long long)(b->rolling_ms / WINDOW_HOUR_MS));
}

static void add_gauge(struct gauges *g, const struct budget *b)
{
    const struct control_conf *c = control_conf(g->r->control);
    struct counter_window w;
    if (g->n == GAUGES_MAX || !db_window(c->db, b, g->r->now_ms, &w) ||
        counters_peek(c->counters, &w, g->r->now_ms, NULL) != OK)
        return;
    g->of[g->n++] = (struct gauge){
        .label = {names_of(NAMES_SCOPE, (int)b->scope),
                  gauge_id(&g->r->arena, b), gauge_period(&g->r->arena, b)},
        .limit = b->amount,
        .spent = w.spent,
        .held = w.held};
}

static bool add_tenant(void *arg, const struct tenant *t)
{
    struct gauges *g = arg;
    for (int i = 0; i < t->budget_count; i++)
        add_gauge(g, &t->budgets[i]);
    return g->n < GAUGES_MAX;
}

static void gather_gauges(struct gauges *g)
{
    int wide_count;
    const struct snapshot *s =
        catalog_ref(control_conf(g->r->control)->catalog);
    const struct budget *wide = snapshot_wide(s, &wide_count);
    for (int i = 0; i < wide_count; i++)
        add_gauge(g, &wide[i]);
    snapshot_each(s, add_tenant, g);
    snapshot_unref(&s);
}

static void family(struct buf *out, const char *name, const char *help)
{
    buf_printf(out, "# HELP budgetguard_%s %s\n# TYPE budgetguard_%s gauge\n",
               name, help, name);
}

static void write_gauges(const struct gauges *g, struct buf *out)
{
    static const char *const labels[] = {"scope", "scope_id", "period"};
    static const char *const names[][2] = {
        {"budget_limit_usd", "Amount of a budget."},
        {"budget_spent_usd", "Spent in a budget's current window."},
        {"budget_held_usd", "Held for calls under way."}};
    for (int f = 0; f < 3; f++) {
        family(out, names[f][0], names[f][1]);
        for (int i = 0; i < g->n; i++) {
            const struct gauge *x = &g->of[i];
            metric_sample(out, names[f][0], labels, x->label, 3,
                          f == 0   ? x->limit
                          : f == 1 ? x->spent
                                   : x->held,
                          9);
        }
    }
}

void health_metrics(struct request *r)
{
    static const char *const version[] = {"version"};
    const struct control_conf *c = control_conf(r->control);
    const struct slice value[] = {SLICE(BG_VERSION)};
    struct gauges g = {.r = r};
    struct buf *out = &r->out;
    if (metrics_json_asked(r)) {
        metrics_json(r);
        return;
    }
    buf_clear(out);
    g.of = arena_alloc(&r->arena, GAUGES_MAX * sizeof *g.of);
    gather_gauges(&g);
    metric_text(c->metrics, out);
    write_gauges(&g, out);
    family(out, "ledger_queue_depth", "Rows not yet in the ledger.");
    metric_sample(out, "ledger_queue_depth", NULL, NULL, 0,
                  (int64_t)counters_outbox_depth(c->counters), 0);
    family(out, "holds_open", "Calls whose cost is not yet known.");
    metric_sample(out, "holds_open", NULL, NULL, 0,
                  (int64_t)counters_holds_open(c->counters), 0);
    family(out, "build_info", "The running program.");
    metric_sample(out, "build_info", version, value, 1, 1, 0);
    r->content_type = "text/plain; version=0.0.4; charset=utf-8";
}

/* ---- audit -------------------------------------------------------------- */

static void write_audit(struct request *r, struct json_out *o,
                        const struct audit_row *row)
{
    struct json *parsed;
    json_obj(o);
    json_knum(o, "id", row->id);
    json_ktime(o, "ts", row->ts_ms);
    if (row->tenant_id != 0)
        json_knum(o, "tenantId", row->tenant_id);
    else
        json_knull(o, "tenantId");
    json_kstr(o, "actor", row->actor);
    json_kstr(o, "event", row->event);
    if (row->details.n > 0 &&
        json_parse(&r->arena, row->details, &parsed, NULL) == OK) {
        json_key(o, "details");
        json_raw(o, row->details);
    } else {
        json_kstr_null(o, "details", row->details);
    }
    json_obj_end(o);
}

void audit_list(struct request *r)
{
    struct audit_row *rows;
    struct json_out o;
    struct err err;
    int64_t tenant, limit, before;
    int n;
    if (!request_query_int(r, "tenantId", 1, INT64_MAX, 0, &tenant) ||
        !request_query_int(r, "limit", 1, AUDIT_MAX, 100, &limit) ||
        !request_query_int(r, "cursor", 1, INT64_MAX, 0, &before))
        return;
    enum status st = rows_audit(control_conf(r->control)->db, &r->arena, tenant,
                                before, (int)limit, &rows, &n, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    json_key(&o, "data");
    json_arr(&o);
    for (int i = 0; i < n; i++)
        write_audit(r, &o, &rows[i]);
    json_arr_end(&o);
    struct slice next = {NULL, 0};
    if (n == limit)
        next = arena_printf(&r->arena, "%lld", (long long)rows[n - 1].id);
    json_kstr_null(&o, "nextCursor", next);
    json_obj_end(&o);
}

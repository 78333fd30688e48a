/* usage.c - what a tenant spent: by period, by day, by model. */
#include "control/usage.h"

#include "base/clock.h"
#include "base/zone.h"
#include "control/control.h"
#include "control/handlers.h"
#include "guard/window.h"
#include "ledger/query.h"

#define DAY_S 86400LL
#define DAYS_DEFAULT 30
#define DAYS_MAX 3650
#define PERIODS_MAX 64

/* ---- shared with the other reports -------------------------------------- */

static int64_t floor_div(int64_t v, int64_t unit)
{
    return v / unit - (v % unit < 0 ? 1 : 0);
}

int64_t usage_day(const struct zone *z, int64_t at_ms, int64_t days)
{
    int64_t local = floor_div(at_ms, 1000) + zone_offset(z, at_ms);
    return zone_instant(z, (floor_div(local, DAY_S) + days) * DAY_S);
}

/* A date of the query; a plain date is a local day, `after` days on. */
static bool read_date(struct request *r, struct slice s, int after,
                      int64_t *out)
{
    bool date_only;
    if (!clock_parse(s, out, &date_only)) {
        request_fail(r, 400, "Invalid date format", "invalid_date");
        return false;
    }
    if (date_only)
        *out = zone_instant(control_conf(r->control)->zone,
                            floor_div(*out, 1000) + after * DAY_S);
    else
        *out += after; // the instant named belongs to the stretch
    return true;
}

bool usage_range(struct request *r, int64_t days, int64_t *from_ms,
                 int64_t *to_ms)
{
    const struct zone *z = control_conf(r->control)->zone;
    struct slice start = request_query(r, "startDate");
    struct slice end = request_query(r, "endDate");
    int64_t n;
    *from_ms = *to_ms = 0;
    if (!request_query_int(r, "days", 0, DAYS_MAX, days, &n))
        return false;
    if (n < 0 && start.n == 0 && end.n == 0)
        return true;
    *to_ms = usage_day(z, r->now_ms, 1);
    if (end.n > 0 && !read_date(r, end, 1, to_ms))
        return false;
    if (n >= 0)
        *from_ms = usage_day(z, end.n > 0 ? *to_ms - 1 : r->now_ms, -n);
    if (start.n > 0 && !read_date(r, start, 0, from_ms))
        return false;
    if (*from_ms < *to_ms)
        return true;
    request_fail(r, 400, "startDate must be before endDate", "invalid_date");
    return false;
}

bool usage_tenant(struct request *r)
{
    const struct snapshot *s = catalog_ref(control_conf(r->control)->catalog);
    bool found = snapshot_tenant(s, r->id[0]) != NULL;
    snapshot_unref(&s);
    if (!found)
        request_fail(r, 404, "Tenant not found", "not_found");
    return found;
}

/* ---- by period ---------------------------------------------------------- */

struct periods {
    struct budget of[PERIODS_MAX];
    int n;
};

static void add_period(struct periods *p, const struct budget *b)
{
    for (int i = 0; i < p->n; i++)
        if (p->of[i].period == b->period &&
            p->of[i].rolling_ms == b->rolling_ms)
            return;
    if (p->n < PERIODS_MAX)
        p->of[p->n++] = *b;
}

/* Those of the configuration and those of the tenant's own budgets; a custom
 * one counts only within its dates, which a budget alone has. */
static void gather(struct request *r, const struct tenant *t, struct periods *p)
{
    const struct control_conf *c = control_conf(r->control);
    struct window w;
    for (int i = 0; i < c->config->period_count; i++) {
        const struct config_period *cp = &c->config->periods[i];
        const struct budget b = {.period = cp->period,
                                 .rolling_ms = cp->rolling_ms};
        if (window_at(&b, c->zone, r->now_ms, &w))
            add_period(p, &b);
    }
    for (int i = 0; i < t->budget_count; i++)
        if (t->budgets[i].scope == SCOPE_TENANT &&
            window_at(&t->budgets[i], c->zone, r->now_ms, &w))
            add_period(p, &t->budgets[i]);
}

static const char *period_key(struct request *r, const struct budget *b)
{
    const char *name = window_period_name(b->period);
    if (b->period != PERIOD_ROLLING || b->rolling_ms == 0)
        return name;
    bool days =
        b->rolling_ms % WINDOW_DAY_MS == 0 && b->rolling_ms > 2 * WINDOW_DAY_MS;
    struct slice s = arena_printf(
        &r->arena, "rolling:%lld%c",
        (long long)(b->rolling_ms / (days ? WINDOW_DAY_MS : WINDOW_HOUR_MS)),
        days ? 'd' : 'h');
    return s.p != NULL ? s.p : name;
}

void usage_periods(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    struct json_out o;
    struct err err;
    struct periods *p = arena_alloc(&r->arena, sizeof *p);
    const struct snapshot *s = catalog_ref(c->catalog);
    const struct tenant *t = snapshot_tenant(s, r->id[0]);
    if (t != NULL)
        gather(r, t, p);
    snapshot_unref(&s);
    if (t == NULL) {
        request_fail(r, 404, "Tenant not found", "not_found");
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    for (int i = 0; i < p->n; i++) {
        struct window w;
        struct sum sum;
        (void)window_at(&p->of[i], c->zone, r->now_ms, &w);
        enum status st =
            query_sum(c->db, r->id[0], w.start_ms, w.end_ms, &sum, &err);
        if (st != OK) {
            request_fault(r, st, &err);
            return;
        }
        json_kusd_num(&o, period_key(r, &p->of[i]), sum.usd);
    }
    json_obj_end(&o);
}

/* ---- by day and by model ------------------------------------------------ */

void usage_history(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    struct json_out o;
    struct err err;
    struct day_sum *d;
    int64_t from, to;
    int n;
    if (!usage_tenant(r) || !usage_range(r, DAYS_DEFAULT, &from, &to))
        return;
    enum status st =
        query_history(c->db, &r->arena, r->id[0], from, to - 1, &d, &n, &err);
    if (st == E_INVALID) {
        request_fail(r, 400, "Date range too long", "invalid_date");
        return;
    }
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_arr(&o);
    for (int i = 0; i < n; i++) {
        char date[CLOCK_TEXT];
        int64_t shift = zone_offset(c->zone, d[i].start_ms);
        size_t len = clock_format_date(d[i].start_ms + shift * 1000, date);
        json_obj(&o);
        json_kstr(&o, "date", slice(date, len));
        json_kusd_num(&o, "usage", d[i].sum.usd);
        json_obj_end(&o);
    }
    json_arr_end(&o);
}

void usage_percent(struct request *r, struct json_out *o, int64_t part,
                   int64_t whole)
{
    int64_t tenths = 0;
    if (whole > 0) {
        int128 twice = (int128)part * 2000;
        int128 v = (twice + (part < 0 ? -whole : whole)) / ((int128)whole * 2);
        // parts beyond the whole exist only beside negative ones
        tenths = v > INT32_MAX    ? INT32_MAX
                 : v < -INT32_MAX ? -INT32_MAX
                                  : (int64_t)v;
    }
    int64_t plain = tenths < 0 ? -tenths : tenths;
    struct slice s =
        arena_printf(&r->arena, "%s%lld.%lld", tenths < 0 ? "-" : "",
                     (long long)(plain / 10), (long long)(plain % 10));
    json_key(o, "percentage");
    json_raw(o, s.p != NULL ? s : SLICE("0"));
}

void usage_models(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    struct json_out o;
    struct err err;
    struct model_sum *m;
    int64_t from, to, whole = 0;
    int n;
    if (!usage_tenant(r) || !usage_range(r, DAYS_DEFAULT, &from, &to))
        return;
    enum status st =
        query_models(c->db, &r->arena, r->id[0], from, to, &m, &n, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    for (int i = 0; i < n; i++)
        whole = money_add(whole, m[i].sum.usd);
    request_json(r, &o);
    json_arr(&o);
    for (int i = 0; i < n; i++) {
        if (m[i].sum.usd == 0)
            continue;
        json_obj(&o);
        json_kstr(&o, "model", m[i].model);
        json_kusd_num(&o, "usage", m[i].sum.usd);
        usage_percent(r, &o, m[i].sum.usd, whole);
        json_obj_end(&o);
    }
    json_arr_end(&o);
}

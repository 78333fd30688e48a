/* overview.c - GET /admin/overview: what the whole gateway spends and refuses.
 *
 * Today, this month and the days are calendar days in BUDGET_TIMEZONE; models,
 * tenants and statuses are of the same days; reasons of the last 24 hours.
 */
#include "ledger/overview.h"
#include "base/clock.h"
#include "base/money.h"
#include "base/zone.h"
#include "control/control.h"
#include "control/forecast.h"
#include "control/handlers.h"
#include "control/usage.h"
#include "guard/window.h"
#include "ledger/query.h"

#define DAY_MS 86400000LL
#define DAYS_DEFAULT 29
#define TOP 8

/* burned / over * ms, at most what fits. */
static int64_t rate(int64_t burned, int64_t ms, int64_t over)
{
    __int128 v = (__int128)burned * ms / over;
    return v > INT64_MAX ? INT64_MAX : v < 0 ? 0 : (int64_t)v;
}

static void write_sum(struct json_out *o, const char *key, const struct sum *s,
                      int64_t start_ms, int64_t end_ms)
{
    json_key(o, key);
    json_obj(o);
    json_ktime(o, "start", start_ms);
    json_ktime(o, "end", end_ms);
    json_kusd(o, "usd", s->usd);
    json_knum(o, "requests", s->requests);
    json_knum(o, "inputTokens", s->input);
    json_knum(o, "outputTokens", s->output);
    json_obj_end(o);
}

/* The sum of the current window of a calendar period. */
static enum status write_period(struct request *r, struct json_out *o,
                                const char *key, enum budget_period period,
                                struct err *err)
{
    const struct control_conf *c = control_conf(r->control);
    const struct budget b = {.period = period};
    struct window w;
    struct sum sum;
    (void)window_at(&b, c->zone, r->now_ms, &w);
    enum status st = query_sum(c->db, -1, w.start_ms, w.end_ms, &sum, err);
    if (st == OK)
        write_sum(o, key, &sum, w.start_ms, w.end_ms);
    return st;
}

/* At the rate of lately, to the end of the month. */
static enum status write_forecast(struct request *r, struct json_out *o,
                                  struct err *err)
{
    const struct control_conf *c = control_conf(r->control);
    // of all spend; the budget itself exists nowhere, so no spend is its own
    const struct budget b = {
        .scope = SCOPE_GLOBAL, .period = PERIOD_MONTHLY, .amount = INT64_MAX};
    struct forecast f;
    struct window w;
    struct sum sum;
    (void)window_at(&b, c->zone, r->now_ms, &w);
    enum status st = query_sum(c->db, -1, w.start_ms, w.end_ms, &sum, err);
    if (st != OK)
        return st;
    bool known = forecast_of(r, &b, &f) && f.over_ms > 0;
    int64_t burned = known ? f.burned : 0, over = known ? f.over_ms : DAY_MS;
    json_key(o, "forecast");
    json_obj(o);
    json_kusd(o, "burnUsdPerDay", rate(burned, DAY_MS, over));
    json_knum(o, "basisHours",
              known ? (over + WINDOW_HOUR_MS - 1) / WINDOW_HOUR_MS : 0);
    json_kusd(o, "projectedUsd",
              money_add(sum.usd, rate(burned, w.end_ms - r->now_ms, over)));
    json_obj_end(o);
    return OK;
}

static enum status write_days(struct request *r, struct json_out *o,
                              int64_t from, int64_t to, struct err *err)
{
    const struct control_conf *c = control_conf(r->control);
    struct day_sum *d;
    int n;
    enum status st =
        query_history(c->db, &r->arena, -1, from, to - 1, &d, &n, err);
    if (st != OK)
        return st;
    json_key(o, "days");
    json_arr(o);
    for (int i = 0; i < n; i++) {
        char date[CLOCK_TEXT];
        int64_t shift = zone_offset(c->zone, d[i].start_ms);
        size_t len = clock_format_date(d[i].start_ms + shift * 1000, date);
        json_obj(o);
        json_kstr(o, "date", slice(date, len));
        json_kusd(o, "usd", d[i].sum.usd);
        json_knum(o, "requests", d[i].sum.requests);
        json_obj_end(o);
    }
    json_arr_end(o);
    return OK;
}

static enum status write_models(struct request *r, struct json_out *o,
                                int64_t from, int64_t to, struct err *err)
{
    struct model_sum *m;
    int n;
    enum status st = query_models(control_conf(r->control)->db, &r->arena, -1,
                                  from, to, &m, &n, err);
    if (st != OK)
        return st;
    json_key(o, "models");
    json_arr(o);
    for (int i = 0; i < n && i < TOP; i++) {
        json_obj(o);
        json_kstr(o, "model", m[i].model);
        json_kusd(o, "usd", m[i].sum.usd);
        json_knum(o, "requests", m[i].sum.requests);
        json_obj_end(o);
    }
    json_arr_end(o);
    return OK;
}

static void write_parts(struct json_out *o, const char *key, const char *name,
                        const struct overview_part *p, int n)
{
    json_key(o, key);
    json_arr(o);
    for (int i = 0; i < n; i++) {
        json_obj(o);
        if (p[i].id != 0)
            json_knum(o, "id", p[i].id);
        json_kstr(o, name, p[i].name);
        json_kusd(o, "usd", p[i].usd);
        json_knum(o, "requests", p[i].requests);
        json_obj_end(o);
    }
    json_arr_end(o);
}

static enum status write_rest(struct request *r, struct json_out *o,
                              int64_t from, int64_t to, struct err *err)
{
    struct db *db = control_conf(r->control)->db;
    struct overview_part *p;
    int64_t since;
    int n;
    enum status st =
        overview_tenants(db, &r->arena, from, to, TOP, &p, &n, err);
    if (st != OK)
        return st;
    write_parts(o, "tenants", "name", p, n);
    st = overview_statuses(db, &r->arena, from, to, &p, &n, err);
    if (st != OK)
        return st;
    write_parts(o, "statuses", "status", p, n);
    st = overview_refusals(db, &r->arena, r->now_ms - DAY_MS, r->now_ms + 1, &p,
                           &n, &since, err);
    if (st != OK)
        return st;
    json_ktime(o, "refusalsSince", since);
    write_parts(o, "refusals", "reason", p, n);
    return OK;
}

void overview_get(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    struct json_out o;
    struct err err;
    int64_t from, to;
    if (!usage_range(r, DAYS_DEFAULT, &from, &to))
        return;
    request_json(r, &o);
    json_obj(&o);
    json_kstr(&o, "timezone", slice_str(c->config->budget_timezone));
    enum status st = write_period(r, &o, "today", PERIOD_DAILY, &err);
    if (st == OK)
        st = write_period(r, &o, "month", PERIOD_MONTHLY, &err);
    if (st == OK)
        st = write_forecast(r, &o, &err);
    if (st == OK)
        st = write_days(r, &o, from, to, &err);
    if (st == OK)
        st = write_models(r, &o, from, to, &err);
    if (st == OK)
        st = write_rest(r, &o, from, to, &err);
    json_obj_end(&o);
    if (st == E_INVALID)
        request_fail(r, 400, "Date range too long", "invalid_date");
    else if (st != OK)
        request_fault(r, st, &err);
}

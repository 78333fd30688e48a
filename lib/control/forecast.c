/* forecast.c - see forecast.h. */
#include "control/forecast.h"

#include "base/money.h"
#include "control/budget_json.h"
#include "control/control.h"
#include "control/handlers.h"
#include "control/usage.h"
#include "guard/window.h"
#include "ledger/query.h"

#define PARTS 24
#define FAR_MS (3650 * WINDOW_DAY_MS) /* what lasts ten years lasts */

static int64_t hour_of(int64_t ms)
{
    return ms - ms % WINDOW_HOUR_MS;
}

static int64_t look_back(const struct budget *b)
{
    if (b->period == PERIOD_HOURLY)
        return 6 * WINDOW_HOUR_MS;
    if (b->scope == SCOPE_USER || b->scope == SCOPE_SESSION ||
        b->period == PERIOD_DAILY ||
        (b->period == PERIOD_ROLLING && b->rolling_ms <= 2 * WINDOW_DAY_MS))
        return WINDOW_DAY_MS;
    return 7 * WINDOW_DAY_MS;
}

static bool sum(struct request *r, const struct budget *b, int64_t from,
                int64_t to, int64_t *usd)
{
    struct sum s = {0};
    *usd = 0;
    if (from < to && query_budget_sum(control_conf(r->control)->db, b, from, to,
                                      &s, NULL) != OK)
        return false;
    *usd = s.usd;
    return true;
}

/* B and E.  The rollup of this hour has everything up to now, so whole hours
 * are asked and no row is scanned. */
static bool measure(struct request *r, const struct budget *b,
                    struct forecast *out)
{
    int64_t to = hour_of(r->now_ms) + WINDOW_HOUR_MS;
    int64_t from = to - look_back(b), older, newer;
    for (;;) {
        int64_t middle = hour_of(from + (to - from) / 2);
        if (middle <= from || to - from <= WINDOW_HOUR_MS)
            break;
        if (!sum(r, b, from, middle, &older))
            return false;
        if (older > 0) {
            if (!sum(r, b, middle, to, &newer))
                return false;
            out->burned = money_add(older, newer);
            out->over_ms = r->now_ms - from;
            return true;
        }
        from = middle;
    }
    out->over_ms = WINDOW_HOUR_MS;
    return sum(r, b, from, to, &out->burned);
}

/* `burned` in `ms`. */
static int64_t burn(const struct forecast *f, int64_t ms)
{
    return money_round((int128)f->burned * ms * 1000 / f->over_ms);
}

static void run_out(struct request *r, int64_t left, int64_t end_ms,
                    struct forecast *f)
{
    int128 ms = ((int128)left * f->over_ms + f->burned - 1) / f->burned;
    if (ms <= FAR_MS && r->now_ms + (int64_t)ms < end_ms)
        f->runs_out_ms = r->now_ms + (int64_t)ms;
}

static void run_out_rolling(struct request *r, const struct budget *b,
                            int64_t spent, int64_t start_ms, struct forecast *f)
{
    int64_t parts = b->rolling_ms / WINDOW_HOUR_MS, left = 0, gone;
    int64_t from = start_ms;
    parts = parts > PARTS ? PARTS : parts < 1 ? 1 : parts;
    for (int64_t i = 1; i <= parts && f->runs_out_ms < 0; i++) {
        int64_t ms = b->rolling_ms * i / parts;
        int64_t to = hour_of(start_ms + ms);
        if (to > from) {
            if (!sum(r, b, from, to, &gone))
                return;
            left = money_add(left, gone);
            from = to;
        }
        if ((int128)spent - left + burn(f, ms) >= b->amount)
            f->runs_out_ms = r->now_ms + ms;
    }
}

bool forecast_of(struct request *r, const struct budget *b,
                 struct forecast *out)
{
    const struct control_conf *c = control_conf(r->control);
    struct counter_window w;
    struct window span;
    *out = (struct forecast){.runs_out_ms = -1, .projected = -1};
    if (!window_at(b, c->zone, r->now_ms, &span) ||
        !db_window(c->db, b, r->now_ms, &w) ||
        counters_peek(c->counters, &w, r->now_ms, NULL) != OK ||
        !measure(r, b, out))
        return false;
    bool rolling = b->period == PERIOD_ROLLING;
    int64_t left = b->amount - w.spent;
    if (!rolling && span.end_ms != INT64_MAX)
        out->projected = money_add(w.spent, burn(out, span.end_ms - r->now_ms));
    if (left <= 0)
        out->runs_out_ms = r->now_ms;
    else if (out->burned > 0 && rolling)
        run_out_rolling(r, b, w.spent, span.start_ms, out);
    else if (out->burned > 0)
        run_out(r, left, span.end_ms, out);
    return true;
}

static void write_burn(struct json_out *o, const struct forecast *f)
{
    json_kusd(o, "burnUsdPerDay", f->over_ms > 0 ? burn(f, WINDOW_DAY_MS) : 0);
    json_knum(o, "basisHours",
              (f->over_ms + WINDOW_HOUR_MS - 1) / WINDOW_HOUR_MS);
}

static void write_date(struct json_out *o, const char *key, int64_t ms)
{
    if (ms < 0)
        json_knull(o, key);
    else
        json_ktime(o, key, ms);
}

void forecast_write(struct request *r, struct json_out *o,
                    const struct budget *b)
{
    struct forecast f;
    json_key(o, "forecast");
    if (!forecast_of(r, b, &f)) {
        json_null(o);
        return;
    }
    json_obj(o);
    write_date(o, "runsOutAt", f.runs_out_ms);
    write_burn(o, &f);
    if (f.projected >= 0)
        json_kusd(o, "projectedUsd", f.projected);
    else
        json_knull(o, "projectedUsd");
    json_obj_end(o);
}

/* ---- a tenant ----------------------------------------------------------- */

struct outlook {
    struct request *r;
    struct json_out *o;
    int64_t first_ms; /* -1: none runs out */
    int64_t first_id;
};

static void one(struct outlook *l, const struct budget_row *row)
{
    struct forecast f;
    json_obj(l->o);
    budget_json_write(l->r, l->o, row, BUDGET_WIDE);
    forecast_write(l->r, l->o, &row->b);
    json_obj_end(l->o);
    if (row->b.soft || !row->b.active || !forecast_of(l->r, &row->b, &f) ||
        f.runs_out_ms < 0 || (l->first_ms >= 0 && l->first_ms <= f.runs_out_ms))
        return;
    l->first_ms = f.runs_out_ms;
    l->first_id = (int64_t)row->b.id;
}

/* Budgets of the environment. */
static void of_environment(struct outlook *l)
{
    const struct snapshot *s =
        catalog_ref(control_conf(l->r->control)->catalog);
    const struct tenant *t = snapshot_tenant(s, l->r->id[0]);
    for (int i = 0; t != NULL && i < t->budget_count; i++) {
        const struct budget_row row = {.b = t->budgets[i]};
        if (row.b.id & BUDGET_ENV_BIT)
            one(l, &row);
    }
    snapshot_unref(&s);
}

void forecast_tenant(struct request *r)
{
    const struct budget_filter f = {
        .tenant_id = r->id[0], .scoped = true, .scope = SCOPE_TENANT};
    const struct budget all = {.scope = SCOPE_TENANT,
                               .tenant_id = r->id[0],
                               .period = PERIOD_TOTAL,
                               .amount = INT64_MAX};
    struct budget_row *rows;
    struct forecast total;
    struct json_out o;
    struct outlook l = {.r = r, .o = &o, .first_ms = -1};
    struct err err;
    int n;
    if (!usage_tenant(r))
        return;
    enum status st = rows_budgets(control_conf(r->control)->db, &r->arena, &f,
                                  &rows, &n, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    (void)forecast_of(r, &all, &total);
    request_json(r, &o);
    json_obj(&o);
    json_knum(&o, "tenantId", r->id[0]);
    json_ktime(&o, "ts", r->now_ms);
    write_burn(&o, &total);
    json_key(&o, "budgets");
    json_arr(&o);
    for (int i = 0; i < n; i++)
        one(&l, &rows[i]);
    of_environment(&l);
    json_arr_end(&o);
    write_date(&o, "runsOutAt", l.first_ms);
    if (l.first_ms >= 0 && l.first_id > 0)
        json_knum(&o, "runsOutBudgetId", l.first_id);
    else
        json_knull(&o, "runsOutBudgetId");
    json_obj_end(&o);
}

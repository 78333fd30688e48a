/* budget_json.c - see budget_json.h. */
#include "control/budget_json.h"

#include "alert/alert.h"
#include "base/clock.h"
#include "control/control.h"
#include "guard/window.h"
#include "ledger/query.h"

/* Tags have words of their own (contract 4.2, 4.5). */
enum text { BAD_PERIOD, NO_DATES, BAD_DATES };
#define PERIODS "hourly, daily, weekly, monthly, total, custom, rolling"
static const char *const texts[][2] = {
    [BAD_PERIOD] = {"Invalid period. Allowed: " PERIODS,
                    "Invalid period. Must be one of: " PERIODS},
    [NO_DATES] = {"Custom period requires valid startDate and endDate",
                  "startDate and endDate are required for custom periods"},
    [BAD_DATES] = {"endDate must be equal to or after startDate",
                   "startDate must be before endDate"},
};

static const char *const scopes[] = {
    [SCOPE_GLOBAL] = "global",   [SCOPE_TENANT] = "tenant",
    [SCOPE_KEY] = "key",         [SCOPE_TAG] = "tag",
    [SCOPE_SESSION] = "session", [SCOPE_USER] = "user",
    [SCOPE_MODEL] = "model",
};

static bool refuse(struct request *r, const char *text)
{
    request_fail(r, 400, text, "invalid_budget");
    return false;
}

/* ---- reading ------------------------------------------------------------ */

static bool read_period(struct request *r, const struct json *v, bool fresh,
                        struct budget *b)
{
    const struct json *p = json_get(v, "period");
    const struct json *w = json_get(v, "window");
    if (p == NULL && !fresh && w == NULL)
        return true;
    if (p != NULL || fresh) {
        if (p == NULL || p->type != JSON_STRING ||
            !window_period_parse(p->text, &b->period, &b->rolling_ms))
            return refuse(r, texts[BAD_PERIOD][b->scope == SCOPE_TAG]);
    }
    if (w != NULL && w->type == JSON_STRING &&
        !window_width_parse(w->text, &b->rolling_ms))
        return refuse(r, "Invalid window. Use <n>h or <n>d");
    if (b->period != PERIOD_ROLLING)
        b->rolling_ms = 0;
    else if (b->rolling_ms == 0)
        return refuse(r, "Rolling period requires window, like 24h or 30d");
    return true;
}

static bool read_amount(struct request *r, const struct json *v, bool fresh,
                        struct budget *b)
{
    bool wrong;
    const struct json *a = json_get(v, "amountUsd");
    if (a == NULL)
        a = json_get(v, "limitUsd");
    if (a == NULL && !fresh)
        return true;
    struct slice text = request_number(a, &wrong);
    if (text.p == NULL || !money_usd(text, &b->amount))
        return refuse(r, "Invalid amount");
    return true;
}

/* A date-only end means the whole day, in BUDGET_TIMEZONE. */
static bool read_date(struct request *r, const struct json *v, bool end,
                      int64_t *out, bool *given)
{
    const struct zone *z = control_conf(r->control)->zone;
    bool date;
    int64_t ms;
    *given = v != NULL && v->type == JSON_STRING;
    if (!*given)
        return true;
    if (!clock_parse(v->text, &ms, &date))
        return false;
    if (date)
        ms = zone_instant(z, ms / 1000 + (end ? 86400 : 0));
    *out = ms;
    return true;
}

static bool read_dates(struct request *r, const struct json *v, bool fresh,
                       struct budget *b)
{
    bool has_start, has_end;
    if (!read_date(r, json_get(v, "startDate"), false, &b->start_ms,
                   &has_start) ||
        !read_date(r, json_get(v, "endDate"), true, &b->end_ms, &has_end))
        return refuse(r, texts[NO_DATES][b->scope == SCOPE_TAG]);
    if (b->period != PERIOD_CUSTOM) {
        b->start_ms = b->end_ms = 0;
        return true;
    }
    if ((fresh && (!has_start || !has_end)) || b->end_ms == 0)
        return refuse(r, texts[NO_DATES][b->scope == SCOPE_TAG]);
    if (b->end_ms <= b->start_ms)
        return refuse(r, texts[BAD_DATES][b->scope == SCOPE_TAG]);
    return true;
}

/* Every number in alertThresholds counts, in an array or an object. */
static bool read_thresholds(struct request *r, const struct json *v,
                            struct budget_row *row)
{
    const struct json *t = json_get(v, "alertThresholds");
    struct budget *b = &row->b;
    if (t == NULL || t->type == JSON_NULL)
        return true;
    if (t->type != JSON_ARRAY && t->type != JSON_OBJECT)
        return refuse(r, "Invalid alertThresholds");
    struct buf text;
    struct json_out o;
    buf_init(&text, 4096);
    json_out_init(&o, &text);
    json_arr(&o);
    b->threshold_count = 0;
    for (const struct json *c = t->child; c != NULL; c = c->next) {
        int64_t n;
        if (!json_i64(c, &n) || n < 1 || n > 1000 ||
            b->threshold_count == BUDGET_THRESHOLDS) {
            buf_release(&text);
            return refuse(r, "Invalid alertThresholds");
        }
        int at = b->threshold_count++;
        for (; at > 0 && b->thresholds[at - 1] > n; at--)
            b->thresholds[at] = b->thresholds[at - 1];
        b->thresholds[at] = (int)n;
        json_num(&o, n);
    }
    json_arr_end(&o);
    row->thresholds = arena_dup(&r->arena, buf_get(&text));
    buf_release(&text);
    return true;
}

static bool read_rest(struct request *r, const struct json *v,
                      struct budget_row *row)
{
    const struct json *mode = json_get(v, "mode");
    const struct json *active = json_get(v, "isActive");
    const struct json *weight = json_get(v, "weight");
    const struct json *inherit = json_get(v, "inheritanceMode");
    bool wrong;
    if (mode != NULL && mode->type != JSON_NULL) {
        row->b.soft = slice_is(mode->text, "soft");
        if (mode->type != JSON_STRING ||
            (!row->b.soft && !slice_is(mode->text, "hard")))
            return refuse(r, "Invalid mode. Allowed: hard, soft");
    }
    if (active != NULL &&
        (active->type == JSON_TRUE || active->type == JSON_FALSE))
        row->b.active = active->type == JSON_TRUE;
    if (weight != NULL && weight->type != JSON_NULL) {
        struct slice s = request_number(weight, &wrong);
        if (s.p == NULL || !money_scan(s, 3, &row->weight_milli) ||
            row->weight_milli <= 0)
            return refuse(r, "Invalid weight");
    }
    if (inherit == NULL || inherit->type == JSON_NULL)
        return true;
    if (inherit->type != JSON_STRING || (!slice_is(inherit->text, "LENIENT") &&
                                         !slice_is(inherit->text, "STRICT") &&
                                         !slice_is(inherit->text, "NONE") &&
                                         !slice_is(inherit->text, "BYPASS")))
        return refuse(r, "Invalid inheritanceMode");
    row->inheritance = inherit->text;
    row->b.direct_only =
        slice_is(inherit->text, "NONE") || slice_is(inherit->text, "BYPASS");
    return true;
}

bool budget_json_read(struct request *r, const struct json *v, bool fresh,
                      struct budget_row *row)
{
    if (v == NULL || v->type != JSON_OBJECT)
        return refuse(r, "Missing budgets");
    if (fresh) {
        row->b.active = true;
        row->weight_milli = 1000;
        row->b.threshold_count = BUDGET_NO_OWN;
    }
    return read_period(r, v, fresh, &row->b) &&
           read_amount(r, v, fresh, &row->b) &&
           read_dates(r, v, fresh, &row->b) && read_thresholds(r, v, row) &&
           read_rest(r, v, row);
}

/* ---- writing ------------------------------------------------------------ */

static void ktime_or_null(struct json_out *o, const char *key, int64_t ms)
{
    if (ms == 0)
        json_knull(o, key);
    else
        json_ktime(o, key, ms);
}

static void write_window_width(struct request *r, struct json_out *o,
                               const struct budget *b)
{
    if (b->period != PERIOD_ROLLING) {
        json_knull(o, "window");
        return;
    }
    bool days =
        b->rolling_ms % WINDOW_DAY_MS == 0 && b->rolling_ms > 2 * WINDOW_DAY_MS;
    json_kstr(o, "window",
              arena_printf(&r->arena, "%lld%s",
                           (long long)(b->rolling_ms /
                                       (days ? WINDOW_DAY_MS : WINDOW_HOUR_MS)),
                           days ? "d" : "h"));
}

/* Spent and held now; false if the budget does not apply at this time. */
static bool look(struct request *r, const struct budget *b, struct window *w,
                 struct counter_window *c)
{
    const struct control_conf *conf = control_conf(r->control);
    struct err err;
    *c = (struct counter_window){0};
    if (!window_at(b, conf->zone, r->now_ms, w) ||
        !db_window(conf->db, b, r->now_ms, c))
        return false;
    if (counters_peek(conf->counters, c, r->now_ms, &err) != OK)
        c->spent = c->held = 0;
    return true;
}

static void write_scope(struct request *r, struct json_out *o,
                        const struct budget *b)
{
    const struct snapshot *s = catalog_ref(control_conf(r->control)->catalog);
    const struct tenant *t = snapshot_tenant(s, b->tenant_id);
    struct slice name = {NULL, 0};
    struct slice id = b->scope_id;
    if (b->scope == SCOPE_TENANT)
        id = arena_printf(&r->arena, "%lld", (long long)b->tenant_id);
    else if (b->scope == SCOPE_KEY || b->scope == SCOPE_TAG)
        id = arena_printf(&r->arena, "%lld", (long long)b->object_id);
    else if (b->scope == SCOPE_GLOBAL)
        id = (struct slice){NULL, 0};
    if (t != NULL && b->scope == SCOPE_TENANT)
        name = arena_dup(&r->arena, t->name);
    if (t != NULL && b->scope == SCOPE_TAG) {
        const struct tenant_tag *tag = tenant_tag_id(t, b->object_id);
        if (tag != NULL)
            name = arena_dup(&r->arena, tag->name);
    }
    snapshot_unref(&s);
    json_key(o, "scope");
    json_obj(o);
    json_kstr(o, "kind", slice_str(scopes[b->scope]));
    json_kstr_null(o, "id", id);
    if (b->tenant_id != 0)
        json_knum(o, "tenantId", b->tenant_id);
    else
        json_knull(o, "tenantId");
    json_kstr_null(o, "name", name.p != NULL ? name : id);
    json_obj_end(o);
}

static void write_used(struct request *r, struct json_out *o,
                       const struct budget *b, enum budget_view view)
{
    struct window w;
    struct counter_window c;
    bool now = look(r, b, &w, &c);
    if (now && b->period != PERIOD_TOTAL) {
        json_ktime(o, "currentPeriodStartDate", w.start_ms);
        json_ktime(o, "currentPeriodEndDate", w.end_ms - 1);
    } else {
        json_knull(o, "currentPeriodStartDate");
        json_knull(o, "currentPeriodEndDate");
    }
    if (view == BUDGET_USED) {
        json_kusd_num(o, "currentUsage", c.spent);
        json_kusd_num(o, "held", c.held);
        json_kbool(o, "isRecurring",
                   b->period != PERIOD_CUSTOM && b->period != PERIOD_TOTAL);
        return;
    }
    json_kusd(o, "spentUsd", c.spent);
    json_kusd(o, "heldUsd", c.held);
    int64_t left = b->amount - c.spent - c.held;
    json_kusd(o, "remainingUsd", left > 0 ? left : 0);
    if (now && w.end_ms != INT64_MAX)
        json_ktime(o, "resetsAt", w.end_ms);
    else
        json_knull(o, "resetsAt");
}

static void write_thresholds(struct request *r, struct json_out *o,
                             const struct budget_row *row)
{
    int general[BUDGET_THRESHOLDS];
    const int *t = row->b.thresholds;
    int n = row->b.threshold_count;
    if (n == BUDGET_NO_OWN) {
        n = alert_thresholds(control_conf(r->control)->config->alert_thresholds,
                             general);
        t = general;
    }
    json_key(o, "alertThresholds");
    json_arr(o);
    for (int i = 0; i < n; i++)
        json_num(o, t[i]);
    json_arr_end(o);
}

void budget_json_write(struct request *r, struct json_out *o,
                       const struct budget_row *row, enum budget_view view)
{
    const struct budget *b = &row->b;
    if (b->id & BUDGET_ENV_BIT) {
        json_knull(o, "id");
        json_kstr(o, "source", SLICE("env"));
    } else
        json_knum(o, "id", (int64_t)b->id);
    if (view == BUDGET_TAG)
        json_knum(o, "tagId", b->object_id);
    else if (view == BUDGET_WIDE)
        write_scope(r, o, b);
    else
        json_knum(o, "tenantId", b->tenant_id);
    json_kstr(o, "period", slice_str(window_period_name(b->period)));
    write_window_width(r, o, b);
    json_kusd(o, "amountUsd", b->amount);
    ktime_or_null(o, "startDate", b->start_ms);
    ktime_or_null(o, "endDate", b->end_ms > 0 ? b->end_ms - 1 : 0);
    json_kstr(o, "mode", b->soft ? SLICE("soft") : SLICE("hard"));
    write_thresholds(r, o, row);
    json_kbool(o, "isActive", b->active);
    if (view == BUDGET_TAG) {
        char w[MONEY_TEXT];
        size_t n = money_format(row->weight_milli * 1000000, w);
        json_key(o, "weight");
        json_raw(o, slice(w, n));
        json_kstr(o, "inheritanceMode",
                  row->inheritance.n > 0 ? row->inheritance : SLICE("LENIENT"));
    }
    if (view == BUDGET_USED || view == BUDGET_WIDE)
        write_used(r, o, b, view);
    ktime_or_null(o, "createdAt", row->created_ms);
    ktime_or_null(o, "updatedAt", row->updated_ms);
}

bool budget_json_find(struct request *r, int64_t id, struct budget_row *row,
                      const char *missing)
{
    const struct budget_filter f = {.id = id};
    struct budget_row *rows;
    struct err err;
    int n;
    enum status st = rows_budgets(control_conf(r->control)->db, &r->arena, &f,
                                  &rows, &n, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return false;
    }
    if (n == 0) {
        request_fail(r, 404, missing, "not_found");
        return false;
    }
    *row = rows[0];
    return true;
}

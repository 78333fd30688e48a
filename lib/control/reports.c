/* reports.c - GET /reports/data: C's figures by tenant, key and UTC period.
 *
 * report_cells hands out cells tenant by tenant; here they get their label,
 * are sorted by (period, label) and equal ones are added up.  A user sees the
 * tenants of self-service and issued keys, an admin all of them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/money.h"
#include "control/control.h"
#include "control/handlers.h"
#include "control/visitor.h"
#include "ledger/report.h"

#define DAY_MS 86400000LL
#define DAYS_DEFAULT 30
#define DAYS_MAX 3660

enum scope { ALL_USERS, USER, KEY, USER_KEY, SCOPES };
enum bucket { ALL, YEAR, MONTH, WEEK, DAY, BUCKETS };

static const char *const scopes[SCOPES] = {"all_users", "user", "key",
                                           "user_key"};
static const char *const buckets[BUCKETS] = {"all", "year", "month", "week",
                                             "day"};

struct row {
    int64_t period, tenant_id, key_id;
    struct slice label;
    int64_t usd, input, output, requests;
};

struct report {
    enum scope scope;
    enum bucket bucket;
    struct slice user;      /* filter; .p NULL: none */
    int64_t from_ms, to_ms; /* the period asked for */
    struct row *rows;
    int n;
};

/* ---- periods ------------------------------------------------------------ */

static int64_t year_of(int64_t days)
{
    int64_t y;
    int m, d;
    clock_civil(days, &y, &m, &d);
    return y;
}

/* The first day of the period `day_ms` lies in. */
static int64_t period_of(int64_t day_ms, void *arg)
{
    int64_t days = day_ms / DAY_MS, y;
    int m, d;
    clock_civil(days, &y, &m, &d);
    switch (*(const enum bucket *)arg) {
    case ALL:
        return 0;
    case YEAR:
        return clock_days(y, 1, 1) * DAY_MS;
    case MONTH:
        return clock_days(y, m, 1) * DAY_MS;
    case WEEK: // day 0 was a Thursday; weeks begin on Monday (ISO 8601)
        return (days - (days + 3) % 7) * DAY_MS;
    case DAY:
    case BUCKETS:
    default:
        return day_ms;
    }
}

static struct slice period_text(struct request *r, enum bucket b,
                                int64_t start_ms)
{
    int64_t days = start_ms / DAY_MS, y;
    int m, d;
    clock_civil(days, &y, &m, &d);
    if (b == ALL)
        return SLICE("All time");
    if (b == YEAR)
        return arena_printf(&r->arena, "%lld", (long long)y);
    if (b == MONTH)
        return arena_printf(&r->arena, "%lld-%02d", (long long)y, m);
    if (b == DAY)
        return arena_printf(&r->arena, "%lld-%02d-%02d", (long long)y, m, d);
    // a week belongs to the year its Thursday lies in
    int64_t thursday = days + 3, year = year_of(thursday);
    return arena_printf(&r->arena, "%lld-W%02d", (long long)year,
                        (int)((thursday - clock_days(year, 1, 1)) / 7 + 1));
}

/* ---- what is asked for -------------------------------------------------- */

static bool read_day(struct request *r, const char *name, int64_t *ms)
{
    struct slice s = request_query(r, name);
    bool date_only = false;
    if (s.n == 0)
        return true;
    if (s.n == 10 && clock_parse(s, ms, &date_only) && date_only)
        return true;
    struct slice text =
        arena_printf(&r->arena, "Invalid date '%.*s'. Use YYYY-MM-DD.",
                     s.n < 64 ? (int)s.n : 64, s.p);
    request_detail(r, 400, text.p != NULL ? text.p : "Invalid date");
    return false;
}

static bool read_range(struct request *r, struct report *p)
{
    int64_t today = r->now_ms / DAY_MS * DAY_MS, end = today;
    if (!read_day(r, "end", &end))
        return false;
    p->to_ms = end + DAY_MS;
    p->from_ms = p->to_ms - DAYS_DEFAULT * DAY_MS;
    if (!read_day(r, "start", &p->from_ms))
        return false;
    if (p->from_ms >= p->to_ms)
        request_detail(r, 400, "start must not be after end");
    else if (p->to_ms - p->from_ms > DAYS_MAX * DAY_MS)
        request_detail(r, 400, "Date range too long");
    else
        return true;
    return false;
}

/* One of `words`; the first if it is not given. */
static bool read_word(struct request *r, const char *name,
                      const char *const *words, int n, int *out)
{
    struct slice s = request_query(r, name);
    *out = 0;
    if (s.n == 0)
        return true;
    for (int i = 0; i < n; i++)
        if (slice_is(s, words[i])) {
            *out = i;
            return true;
        }
    struct slice text = arena_printf(&r->arena, "Invalid %s '%.*s'", name,
                                     s.n < 64 ? (int)s.n : 64, s.p);
    request_detail(r, 400, text.p != NULL ? text.p : "Invalid parameter");
    return false;
}

/* ---- rows --------------------------------------------------------------- */

static int text_order(struct slice a, struct slice b)
{
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

static int row_order(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->period != y->period)
        return x->period < y->period ? -1 : 1;
    int c = text_order(x->label, y->label);
    if (c != 0)
        return c;
    if (x->tenant_id != y->tenant_id)
        return x->tenant_id < y->tenant_id ? -1 : 1;
    return (x->key_id > y->key_id) - (x->key_id < y->key_id);
}

static bool same_row(const struct row *x, const struct row *y)
{
    return row_order(x, y) == 0;
}

static struct slice label_of(struct request *r, enum scope s,
                             const struct report_cell *c)
{
    struct slice l = c->tenant;
    if (s == ALL_USERS)
        return SLICE("All users");
    if (s != USER)
        l = arena_printf(
            &r->arena, "%.*s :: %.*s", SLICE_FMT(c->tenant),
            SLICE_FMT(c->note.n > 0 ? c->note : SLICE("(no note)")));
    return l.p != NULL ? l : c->tenant;
}

/* Adds up equal rows of a sorted list. */
static void fold(struct report *p)
{
    int n = 0;
    for (int i = 0; i < p->n; i++) {
        struct row *last = n > 0 ? &p->rows[n - 1] : NULL;
        if (last == NULL || !same_row(last, &p->rows[i])) {
            p->rows[n++] = p->rows[i];
            continue;
        }
        last->usd = money_add(last->usd, p->rows[i].usd);
        last->input += p->rows[i].input;
        last->output += p->rows[i].output;
        last->requests += p->rows[i].requests;
    }
    p->n = n;
}

/* Fills p->rows, by period and label, or as they come: tenant by tenant, then
 * by day.  False: answered. */
static bool gather(struct request *r, struct report *p, bool sorted)
{
    struct report_cell *cells;
    struct err err;
    int n;
    bool whole = p->bucket == ALL;
    const struct report_query q = {
        .every_tenant = r->is_admin,
        .by_key = p->scope >= KEY,
        .together = r->is_admin && p->scope == ALL_USERS && p->user.p == NULL,
        .by_month = p->bucket <= MONTH,
        .tenant = p->user,
        .from_ms = whole ? 0 : p->from_ms,
        .to_ms = whole ? INT64_MAX : p->to_ms,
        .period = period_of,
        .arg = &p->bucket};
    enum status st = report_cells(control_conf(r->control)->db, &r->arena, &q,
                                  &cells, &n, &err);
    if (st == OK) {
        p->rows = arena_try(&r->arena, (size_t)(n + 1) * sizeof *p->rows);
        if (p->rows == NULL)
            st = err_set(&err, E_TOO_BIG, "reports", "too many rows");
    }
    if (st != OK) {
        request_fault(r, st, &err);
        return false;
    }
    for (int i = 0; i < n; i++) {
        const struct report_cell *c = &cells[i];
        bool one = p->scope == ALL_USERS;
        p->rows[i] = (struct row){.period = c->period,
                                  .tenant_id = one ? 0 : c->tenant_id,
                                  .key_id = c->key_id,
                                  .label = label_of(r, p->scope, c),
                                  .usd = c->usd,
                                  .input = c->input,
                                  .output = c->output,
                                  .requests = c->requests};
    }
    p->n = n;
    if (!sorted)
        return true;
    if (n > 1)
        qsort(p->rows, (size_t)n, sizeof *p->rows, row_order);
    fold(p);
    return true;
}

/* ---- JSON --------------------------------------------------------------- */

static void write_date(struct json_out *o, const char *key, int64_t day_ms)
{
    char text[CLOCK_TEXT];
    size_t n = clock_format_date(day_ms, text);
    if (key != NULL)
        json_kstr(o, key, slice(text, n));
    else
        json_str(o, slice(text, n));
}

static void write_period(struct json_out *o, const struct report *p)
{
    json_key(o, "period");
    json_obj(o);
    json_knum(o, "start", p->from_ms / 1000);
    json_knum(o, "end", p->to_ms / 1000);
    json_obj_end(o);
}

static void write_figures(struct json_out *o, const struct row *v)
{
    json_kusd_num(o, "cost", v->usd);
    json_knum(o, "prompt_tokens", v->input);
    json_knum(o, "completion_tokens", v->output);
    json_knum(o, "total_tokens", v->input + v->output);
    json_knum(o, "requests", v->requests);
}

static void write_query(struct json_out *o, const struct report *p)
{
    json_key(o, "query");
    json_obj(o);
    json_kstr(o, "scope", slice_str(scopes[p->scope]));
    json_kstr(o, "bucket", slice_str(buckets[p->bucket]));
    json_kstr_null(o, "user", p->user);
    write_date(o, "start", p->from_ms);
    write_date(o, "end", p->to_ms - DAY_MS);
    json_obj_end(o);
}

static void answer_rows(struct request *r, struct report *p)
{
    struct row all = {0};
    struct slice *names;
    struct json_out o;
    struct err err;
    int n;
    if (!gather(r, p, true))
        return;
    enum status st = report_names(control_conf(r->control)->db, &r->arena,
                                  r->is_admin, &names, &n, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    write_query(&o, p);
    write_period(&o, p);
    json_key(&o, "users");
    json_arr(&o);
    for (int i = 0; i < n; i++)
        json_str(&o, names[i]);
    json_arr_end(&o);
    json_key(&o, "rows");
    json_arr(&o);
    for (int i = 0; i < p->n; i++) {
        const struct row *v = &p->rows[i];
        json_obj(&o);
        json_kstr(&o, "period", period_text(r, p->bucket, v->period));
        json_knum(&o, "period_sort", v->period / 1000);
        json_kstr(&o, "label", v->label);
        write_figures(&o, v);
        json_obj_end(&o);
        all.usd = money_add(all.usd, v->usd);
        all.input += v->input;
        all.output += v->output;
        all.requests += v->requests;
    }
    json_arr_end(&o);
    json_key(&o, "summary");
    json_obj(&o);
    write_figures(&o, &all);
    json_obj_end(&o);
    json_obj_end(&o);
}

/* One tenant of the default report. */
struct series {
    struct slice label;
    int64_t tenant_id, usd;
    int64_t *costs; /* by day */
};

static int dearest(const void *a, const void *b)
{
    const struct series *x = a, *y = b;
    if (x->usd != y->usd)
        return x->usd < y->usd ? 1 : -1;
    return text_order(x->label, y->label);
}

/* Rows of (tenant, day) as one series per tenant; -1: no memory. */
static int build(struct request *r, struct report *p, int days,
                 struct series **out)
{
    int n = 0;
    *out = arena_try(&r->arena, (size_t)(p->n + 1) * sizeof **out);
    for (int i = 0; *out != NULL && i < p->n; i++) {
        const struct row *v = &p->rows[i];
        if (n == 0 || (*out)[n - 1].tenant_id != v->tenant_id)
            (*out)[n++] = (struct series){
                .label = v->label,
                .tenant_id = v->tenant_id,
                .costs = arena_try(&r->arena, (size_t)days * sizeof(int64_t))};
        struct series *s = &(*out)[n - 1];
        if (s->costs == NULL)
            return -1;
        s->costs[(v->period - p->from_ms) / DAY_MS] = v->usd;
        s->usd = money_add(s->usd, v->usd);
    }
    if (*out == NULL)
        return -1;
    if (n > 1)
        qsort(*out, (size_t)n, sizeof **out, dearest);
    return n;
}

static void write_usd(struct json_out *o, int64_t nano)
{
    char text[MONEY_TEXT];
    size_t n = money_format(nano, text);
    json_raw(o, slice(text, n));
}

static void write_days(struct json_out *o, const struct report *p,
                       const int64_t *total, int days, bool add_up)
{
    int64_t sum = 0;
    json_key(o, add_up ? "cumulative" : "total_by_day");
    json_arr(o);
    for (int i = 0; i < days; i++) {
        sum = add_up ? money_add(sum, total[i]) : total[i];
        json_obj(o);
        write_date(o, "day", p->from_ms + i * DAY_MS);
        json_kusd_num(o, "cost", sum);
        json_obj_end(o);
    }
    json_arr_end(o);
}

static void write_stacked(struct json_out *o, const struct report *p,
                          const struct series *s, int n, int days)
{
    json_key(o, "stacked");
    json_obj(o);
    json_key(o, "days");
    json_arr(o);
    for (int i = 0; i < days; i++)
        write_date(o, NULL, p->from_ms + i * DAY_MS);
    json_arr_end(o);
    json_key(o, "series");
    json_arr(o);
    for (int k = 0; k < n; k++) {
        json_obj(o);
        json_kstr(o, "label", s[k].label);
        json_key(o, "costs");
        json_arr(o);
        for (int i = 0; i < days; i++)
            write_usd(o, s[k].costs[i]);
        json_arr_end(o);
        json_obj_end(o);
    }
    json_arr_end(o);
    json_obj_end(o);
}

static void answer_overview(struct request *r, struct report *p)
{
    struct series *s;
    struct json_out o;
    int days = (int)((p->to_ms - p->from_ms) / DAY_MS);
    if (!gather(r, p, false))
        return;
    int64_t *total = arena_try(&r->arena, (size_t)days * sizeof *total);
    int n = total != NULL ? build(r, p, days, &s) : -1;
    if (n < 0) {
        request_detail(r, 400, "Date range too long");
        return;
    }
    for (int k = 0; k < n; k++)
        for (int i = 0; i < days; i++)
            total[i] = money_add(total[i], s[k].costs[i]);
    request_json(r, &o);
    json_obj(&o);
    write_period(&o, p);
    json_key(&o, "cost_by_user");
    json_arr(&o);
    for (int k = 0; k < n; k++) {
        json_obj(&o);
        json_kstr(&o, "label", s[k].label);
        json_kusd_num(&o, "cost", s[k].usd);
        json_obj_end(&o);
    }
    json_arr_end(&o);
    write_days(&o, p, total, days, false);
    write_days(&o, p, total, days, true);
    write_stacked(&o, p, s, n, days);
    json_obj_end(&o);
}

void reports_data(struct request *r)
{
    const struct config *c = control_conf(r->control)->config;
    struct report p = {.scope = USER, .bucket = DAY};
    int scope, bucket;
    if (!r->is_admin && (r->user.p == NULL || !visitor_on(c))) {
        request_detail(r, 401, "Login required");
        return;
    }
    if (!read_range(r, &p) || !read_word(r, "scope", scopes, SCOPES, &scope) ||
        !read_word(r, "bucket", buckets, BUCKETS, &bucket))
        return;
    if (request_query(r, "scope").n == 0 && request_query(r, "bucket").n == 0) {
        answer_overview(r, &p);
        return;
    }
    p.scope = (enum scope)scope;
    p.bucket = (enum bucket)bucket;
    p.user = request_query(r, "user");
    if (p.user.n == 0)
        p.user = (struct slice){NULL, 0};
    answer_rows(r, &p);
}

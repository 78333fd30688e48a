/* sessions.c - what sessions cost, and their budgets. */
#include "control/control.h"
#include "control/handlers.h"
#include "control/usage.h"
#include "ledger/names.h"
#include "ledger/query.h"
#include "ledger/rows.h"

#define PAGE_MAX 1000000
#define LIMIT_MAX 100

static void kusd_or_null(struct json_out *o, const char *key, int64_t nano)
{
    if (nano < 0)
        json_knull(o, key);
    else
        json_kusd_num(o, key, nano);
}

/* sessionId … status, as every answer here begins. */
static void write_state(struct json_out *o, const struct session_row *s)
{
    int64_t budget = rows_session_effective(s);
    kusd_or_null(o, "effectiveBudgetUsd", budget);
    json_kusd_num(o, "currentCostUsd", s->cost);
    json_kstr(o, "status",
              budget >= 0 && s->cost >= budget ? SLICE("budget_exceeded")
                                               : SLICE("active"));
}

static void write_pages(struct json_out *o, int64_t page, int64_t limit,
                        int64_t total)
{
    json_key(o, "pagination");
    json_obj(o);
    json_knum(o, "page", page);
    json_knum(o, "limit", limit);
    json_knum(o, "total", total);
    json_knum(o, "totalPages", (total + limit - 1) / limit);
    json_obj_end(o);
}

static bool read_page(struct request *r, int64_t *page, int64_t *limit)
{
    return request_query_int(r, "page", 1, PAGE_MAX, 1, page) &&
           request_query_int(r, "limit", 1, LIMIT_MAX, 50, limit);
}

/* ---- the list ----------------------------------------------------------- */

static void write_session(struct json_out *o, const struct session_row *s)
{
    json_obj(o);
    json_kstr(o, "sessionId", s->id);
    json_kstr_null(o, "name", s->name);
    json_kstr_null(o, "path", s->path);
    write_state(o, s);
    json_key(o, "metadata");
    if (s->metadata.p != NULL)
        json_raw(o, s->metadata);
    else
        json_null(o);
    json_ktime(o, "createdAt", s->created_ms);
    json_ktime(o, "lastActiveAt", s->active_ms);
    json_knum(o, "requestCount", s->requests);
    json_obj_end(o);
}

/* `completed` and `error` are never true here. */
static bool read_status(struct request *r, struct session_filter *f,
                        bool *never)
{
    struct slice s = request_query(r, "status");
    *never = slice_is(s, "completed") || slice_is(s, "error");
    f->by_exceeded = s.n > 0;
    f->exceeded = slice_is(s, "budget_exceeded");
    if (s.n == 0 || *never || f->exceeded || slice_is(s, "active"))
        return true;
    request_invalid(r, "querystring/status",
                    "must be equal to one of the allowed values");
    return false;
}

void sessions_list(struct request *r)
{
    struct session_filter f = {.tenant_id = r->id[0],
                               .search = request_query(r, "search")};
    struct session_row *rows;
    struct json_out o;
    struct err err;
    int64_t page, limit;
    int n = 0;
    bool never, dated = request_query(r, "startDate").n > 0 ||
                        request_query(r, "endDate").n > 0;
    if (!usage_tenant(r) || !read_page(r, &page, &limit) ||
        !read_status(r, &f, &never) ||
        (dated && !usage_range(r, -1, &f.from_ms, &f.to_ms)))
        return;
    int64_t total = 0;
    enum status st = OK;
    if (!never)
        st = rows_sessions(control_conf(r->control)->db, &r->arena, &f,
                           (page - 1) * limit, limit, &rows, &n, &total, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    json_key(&o, "sessions");
    json_arr(&o);
    for (int i = 0; i < n; i++)
        write_session(&o, &rows[i]);
    json_arr_end(&o);
    write_pages(&o, page, limit, total);
    json_obj_end(&o);
}

/* ---- one ---------------------------------------------------------------- */

/* The session of the second parameter, of the tenant of the first.  False:
 * answered. */
static bool find(struct request *r, struct session_row **out)
{
    struct session_row *rows;
    struct err err;
    int n = 0;
    enum status st = rows_sessions_named(
        control_conf(r->control)->db, &r->arena, r->param[1], &rows, &n, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return false;
    }
    for (int i = 0; i < n; i++)
        if (rows[i].tenant_id == r->id[0]) {
            *out = &rows[i];
            return true;
        }
    if (n > 0)
        request_fail(r, 403, "Session does not belong to tenant", "forbidden");
    else
        request_fail(r, 404, "Session not found", "not_found");
    return false;
}

static void answer(struct request *r, const struct session_row *s, bool source,
                   bool reverted)
{
    struct json_out o;
    request_json(r, &o);
    json_obj(&o);
    json_kstr(&o, "sessionId", s->id);
    write_state(&o, s);
    if (source) {
        json_key(&o, "budgetSource");
        json_obj(&o);
        json_kstr(&o, "tenantName", s->tenant);
        kusd_or_null(&o, "tenantDefaultBudget", s->tenant_default);
        json_kbool(&o, "hasCustomBudget", s->custom >= 0);
        kusd_or_null(&o, "customBudget", s->custom);
        json_obj_end(&o);
    }
    if (reverted)
        json_kbool(&o, "reverted", true);
    json_obj_end(&o);
}

void sessions_budget_get(struct request *r)
{
    struct session_row *s;
    if (usage_tenant(r) && find(r, &s))
        answer(r, s, true, false);
}

static void set(struct request *r, struct session_row *s, int64_t custom)
{
    struct err err;
    enum status st = rows_session_budget(control_conf(r->control)->db,
                                         control_admin, s, custom, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    s->custom = custom;
    answer(r, s, custom < 0, custom < 0);
}

void sessions_budget_put(struct request *r)
{
    struct session_row *s;
    bool wrong;
    int64_t nano;
    struct slice text = request_number(json_get(r->json, "budgetUsd"), &wrong);
    if (json_get(r->json, "budgetUsd") == NULL) {
        request_invalid(r, "body", "must have required property 'budgetUsd'");
        return;
    }
    if (text.p == NULL) {
        request_invalid(r, "body/budgetUsd", "must be number");
        return;
    }
    if (!money_usd(text, &nano) || nano < 0 || nano > MONEY_MAX) {
        request_invalid(r, "body/budgetUsd", "must be >= 0");
        return;
    }
    if (usage_tenant(r) && find(r, &s))
        set(r, s, nano);
}

void sessions_budget_delete(struct request *r)
{
    struct session_row *s;
    if (usage_tenant(r) && find(r, &s))
        set(r, s, -1);
}

/* ---- its rows ----------------------------------------------------------- */

static void write_use(struct json_out *o, const struct entry *e)
{
    json_obj(o);
    json_knum(o, "id", e->id);
    json_ktime(o, "timestamp", e->e.ts_ms);
    json_kstr(o, "route", e->e.route);
    json_kstr(o, "model", e->e.model);
    json_kusd_num(o, "usd", e->e.usd);
    json_knum(o, "promptTokens", e->e.usage.input);
    json_knum(o, "completionTokens", e->e.usage.output);
    json_kstr(o, "status", names_of(NAMES_STATUS, (int)e->e.status));
    json_key(o, "tags");
    json_arr(o);
    for (int i = 0; i < e->e.tag_count; i++) {
        if (!e->e.tags[i].direct)
            continue;
        json_obj(o);
        json_knum(o, "id", e->e.tags[i].id);
        json_kstr(o, "name", e->e.tags[i].name);
        json_knull(o, "color");
        json_obj_end(o);
    }
    json_arr_end(o);
    json_obj_end(o);
}

/* The one session of that id; of several tenants, the one asked for. */
static struct session_row *only(struct request *r, struct session_row *rows,
                                int n, int64_t tenant_id)
{
    struct session_row *hit = NULL;
    for (int i = 0; i < n; i++)
        if (tenant_id == 0 || rows[i].tenant_id == tenant_id)
            hit = &rows[i];
    if (hit == NULL)
        request_fail(r, 404, "Session not found", "not_found");
    else if (tenant_id == 0 && n > 1) {
        request_fail(r, 400, "tenantId is required", "tenant_required");
        hit = NULL;
    }
    return hit;
}

void sessions_usage(struct request *r)
{
    struct db *db = control_conf(r->control)->db;
    struct session_row *rows, *s;
    struct entry *uses;
    struct json_out o;
    struct err err;
    int64_t page, limit, tenant_id, total = -1;
    int n = 0, count = 0;
    if (!read_page(r, &page, &limit) ||
        !request_query_int(r, "tenantId", 1, INT64_MAX, 0, &tenant_id))
        return;
    enum status st =
        rows_sessions_named(db, &r->arena, r->param[0], &rows, &n, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    if ((s = only(r, rows, n, tenant_id)) == NULL)
        return;
    const struct entry_filter of = {.tenant_id = s->tenant_id,
                                    .session = s->id};
    st = query_entries(db, &r->arena, &of, (page - 1) * limit, (int)limit,
                       &uses, &count, &total, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    json_key(&o, "session");
    json_obj(&o);
    json_kstr(&o, "sessionId", s->id);
    json_kstr_null(&o, "name", s->name);
    json_knum(&o, "tenantId", s->tenant_id);
    write_state(&o, s);
    json_obj_end(&o);
    json_key(&o, "usage");
    json_arr(&o);
    for (int i = 0; i < count; i++)
        write_use(&o, &uses[i]);
    json_arr_end(&o);
    write_pages(&o, page, limit, total);
    json_obj_end(&o);
}

/* tenants.c - tenants, their limits and default session budgets. */
#include "base/clock.h"
#include "control/budget_json.h"
#include "control/control.h"
#include "control/handlers.h"
#include "ledger/rows.h"

#define BUDGETS_MAX 64

/* A limit of the body: a number >= 0, null for the default (-1).  False:
 * answered with 400. */
static bool read_limit(struct request *r, const char *name, int64_t *out)
{
    const struct json *v = json_get(r->json, name);
    bool wrong;
    if (v == NULL)
        return true;
    struct slice text = request_number(v, &wrong);
    struct slice where = arena_printf(&r->arena, "body/%s", name);
    if (v->type == JSON_NULL) {
        *out = -1;
        return true;
    }
    if (wrong || !money_scan(text, 0, out)) {
        request_invalid(r, where.p, "must be number");
        return false;
    }
    if (*out < 0 || *out > 1000000000000) {
        request_invalid(r, where.p,
                        *out < 0 ? "must be >= 0" : "must be <= 1000000000000");
        return false;
    }
    return true;
}

static bool read_usd(struct request *r, const char *name, int64_t *out)
{
    const struct json *v = json_get(r->json, name);
    bool wrong;
    if (v == NULL)
        return true;
    if (v->type == JSON_NULL) {
        *out = -1;
        return true;
    }
    struct slice text = request_number(v, &wrong);
    if (!wrong && money_usd(text, out))
        return true;
    struct slice where = arena_printf(&r->arena, "body/%s", name);
    bool minus = text.n > 0 && text.p[0] == '-';
    request_invalid(r, where.p, minus ? "must be >= 0" : "must be number");
    return false;
}

static bool read_limits(struct request *r, struct tenant_row *t)
{
    return read_limit(r, "rateLimitPerMin", &t->rate_limit_per_min) &&
           read_limit(r, "tokensPerMin", &t->tokens_per_min) &&
           read_limit(r, "maxConcurrent", &t->max_concurrent);
}

static bool name_ok(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7F)
            return false;
    return s.n >= 1 && s.n <= 128;
}

static int64_t effective(int64_t own, int64_t dflt)
{
    return own >= 0 ? own : dflt;
}

static void write_tenant(struct request *r, struct json_out *o,
                         const struct tenant_row *t)
{
    const struct config *c = control_conf(r->control)->config;
    json_knum(o, "id", t->id);
    json_kstr(o, "name", t->name);
    json_knum(o, "rateLimitPerMin",
              effective(t->rate_limit_per_min, c->max_reqs_per_min));
    json_knum(o, "tokensPerMin",
              effective(t->tokens_per_min, c->max_tokens_per_min));
    json_knum(o, "maxConcurrent",
              effective(t->max_concurrent, c->max_concurrent_reqs));
    if (t->default_session_budget >= 0)
        json_kusd_num(o, "defaultSessionBudgetUsd", t->default_session_budget);
    else
        json_knull(o, "defaultSessionBudgetUsd");
    json_ktime(o, "createdAt", t->created_ms);
    json_ktime(o, "updatedAt", t->updated_ms);
}

/* The tenant of the first parameter; false: answered. */
static bool find(struct request *r, struct tenant_row *t)
{
    struct err err;
    enum status st =
        rows_tenant(control_conf(r->control)->db, &r->arena, r->id[0], t, &err);
    if (st == E_NOT_FOUND)
        request_fail(r, 404, "Tenant not found", "not_found");
    else if (st != OK)
        request_fault(r, st, &err);
    return st == OK;
}

static bool read_budgets(struct request *r, struct budget *out, int *n)
{
    const struct json *list = json_get(r->json, "budgets");
    *n = 0;
    if (list == NULL || list->type == JSON_NULL)
        return true;
    if (list->type != JSON_ARRAY || list->count > BUDGETS_MAX) {
        request_invalid(r, "body/budgets", "must be array");
        return false;
    }
    for (const struct json *v = list->child; v != NULL; v = v->next) {
        struct budget_row row = {0};
        if (!budget_json_read(r, v, true, &row))
            return false;
        out[(*n)++] = row.b;
    }
    return true;
}

void tenants_create(struct request *r)
{
    struct tenant_row t = {.rate_limit_per_min = -1,
                           .tokens_per_min = -1,
                           .max_concurrent = -1,
                           .default_session_budget = -1};
    struct budget budgets[BUDGETS_MAX];
    struct err err;
    int n;
    const struct json *name = json_get(r->json, "name");
    if (name == NULL) {
        request_invalid(r, "body", "must have required property 'name'");
        return;
    }
    t.name = slice_trim(json_text(name, SLICE("")));
    if (t.name.n == 0) {
        request_fail(r, 400, "Missing name", "missing_name");
        return;
    }
    if (!name_ok(t.name)) {
        request_fail(r, 400, "Unable to create tenant", "invalid_name");
        return;
    }
    if (!read_limits(r, &t) ||
        !read_usd(r, "defaultSessionBudgetUsd", &t.default_session_budget) ||
        !read_budgets(r, budgets, &n))
        return;
    enum status st = rows_tenant_add(control_conf(r->control)->db,
                                     control_admin, &t, budgets, n, &err);
    if (st == E_EXISTS)
        request_fail(r, 400, "Tenant already exists", "tenant_exists");
    else if (st == E_INVALID)
        request_fail(r, 400, "Unable to create tenant", "invalid_tenant");
    else if (st != OK)
        request_fault(r, st, &err);
    else {
        struct json_out o;
        request_json(r, &o);
        json_obj(&o);
        json_knum(&o, "id", t.id);
        json_kstr(&o, "name", t.name);
        json_obj_end(&o);
    }
}

void tenants_list(struct request *r)
{
    struct tenant_row *rows;
    struct json_out o;
    struct err err;
    int n;
    enum status st =
        rows_tenants(control_conf(r->control)->db, &r->arena, &rows, &n, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_arr(&o);
    for (int i = 0; i < n; i++) {
        json_obj(&o);
        write_tenant(r, &o, &rows[i]);
        json_obj_end(&o);
    }
    json_arr_end(&o);
}

static void answer(struct request *r)
{
    struct tenant_row t;
    struct json_out o;
    if (!find(r, &t))
        return;
    request_json(r, &o);
    json_obj(&o);
    write_tenant(r, &o, &t);
    json_obj_end(&o);
}

void tenants_get(struct request *r)
{
    answer(r);
}

/* Writes the changed row; false: answered. */
static bool store(struct request *r, const struct tenant_row *t)
{
    struct err err;
    enum status st =
        rows_tenant_set(control_conf(r->control)->db, control_admin, t, &err);
    if (st == E_EXISTS || st == E_INVALID)
        request_fail(r, 400, "Unable to update tenant", "invalid_tenant");
    else if (st == E_NOT_FOUND)
        request_fail(r, 404, "Tenant not found", "not_found");
    else if (st != OK)
        request_fault(r, st, &err);
    return st == OK;
}

void tenants_update(struct request *r)
{
    struct tenant_row t;
    if (!find(r, &t))
        return;
    const struct json *name = json_get(r->json, "name");
    if (name != NULL && name->type != JSON_NULL) {
        t.name = slice_trim(json_text(name, SLICE("")));
        if (t.name.n == 0) {
            request_fail(r, 400, "Name cannot be empty", "empty_name");
            return;
        }
        if (!name_ok(t.name)) {
            request_fail(r, 400, "Unable to update tenant", "invalid_name");
            return;
        }
    }
    if (read_limits(r, &t) &&
        read_usd(r, "defaultSessionBudgetUsd", &t.default_session_budget) &&
        store(r, &t))
        answer(r);
}

static void say_ok(struct request *r)
{
    struct json_out o;
    request_json(r, &o);
    json_obj(&o);
    json_kbool(&o, "ok", true);
    json_obj_end(&o);
}

void tenants_delete(struct request *r)
{
    struct err err;
    enum status st = rows_tenant_delete(control_conf(r->control)->db,
                                        control_admin, r->id[0], &err);
    if (st == E_NOT_FOUND)
        request_fail(r, 404, "Tenant not found", "not_found");
    else if (st != OK)
        request_fault(r, st, &err);
    else
        say_ok(r);
}

static void answer_limits(struct request *r, const struct tenant_row *t)
{
    const struct config *c = control_conf(r->control)->config;
    struct json_out o;
    request_json(r, &o);
    json_obj(&o);
    json_knum(&o, "rateLimitPerMin",
              effective(t->rate_limit_per_min, c->max_reqs_per_min));
    json_knum(&o, "tokensPerMin",
              effective(t->tokens_per_min, c->max_tokens_per_min));
    json_knum(&o, "maxConcurrent",
              effective(t->max_concurrent, c->max_concurrent_reqs));
    json_obj_end(&o);
}

void tenants_limits_get(struct request *r)
{
    struct tenant_row t;
    if (find(r, &t))
        answer_limits(r, &t);
}

void tenants_limits_put(struct request *r)
{
    struct tenant_row t;
    if (!find(r, &t))
        return;
    if (json_get(r->json, "rateLimitPerMin") == NULL) {
        request_invalid(r, "body",
                        "must have required property 'rateLimitPerMin'");
        return;
    }
    if (read_limits(r, &t) && store(r, &t))
        answer_limits(r, &t);
}

/* `sessions` -1: not said. */
static void answer_session(struct request *r, const struct tenant_row *t,
                           int64_t sessions, bool removed)
{
    struct json_out o;
    request_json(r, &o);
    json_obj(&o);
    json_knum(&o, "tenantId", t->id);
    json_kstr(&o, "tenantName", t->name);
    if (t->default_session_budget >= 0)
        json_kusd_num(&o, "defaultSessionBudgetUsd", t->default_session_budget);
    else
        json_knull(&o, "defaultSessionBudgetUsd");
    if (sessions >= 0)
        json_knum(&o, "sessionCount", sessions);
    if (removed)
        json_kbool(&o, "removed", true);
    json_obj_end(&o);
}

void tenants_session_get(struct request *r)
{
    struct tenant_row t;
    struct err err;
    int64_t n;
    if (!find(r, &t))
        return;
    enum status st =
        rows_session_count(control_conf(r->control)->db, t.id, &n, &err);
    if (st != OK)
        request_fault(r, st, &err);
    else
        answer_session(r, &t, n, false);
}

void tenants_session_put(struct request *r)
{
    struct tenant_row t;
    int64_t usd = -1;
    if (!find(r, &t) || !read_usd(r, "budgetUsd", &usd))
        return;
    if (usd < 0) {
        request_invalid(r, "body", "must have required property 'budgetUsd'");
        return;
    }
    t.default_session_budget = usd;
    if (store(r, &t))
        answer_session(r, &t, -1, false);
}

void tenants_session_delete(struct request *r)
{
    struct tenant_row t;
    if (!find(r, &t))
        return;
    t.default_session_budget = -1;
    if (store(r, &t))
        answer_session(r, &t, -1, true);
}

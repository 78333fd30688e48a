/* budgets.c - budgets of tenants (A's routes) and of every scope. */
#include "control/budget_json.h"
#include "control/control.h"
#include "control/forecast.h"
#include "control/handlers.h"
#include "guard/window.h"

#define ITEMS_MAX 64
#define ENV_MAX 500

static bool tenant_exists(struct request *r)
{
    struct tenant_row t;
    struct err err;
    enum status st = rows_tenant(control_conf(r->control)->db, &r->arena,
                                 r->id[0], &t, &err);
    if (st == E_NOT_FOUND)
        request_fail(r, 404, "Tenant not found", "not_found");
    else if (st != OK)
        request_fault(r, st, &err);
    return st == OK;
}

static void answer_one(struct request *r, const struct budget_row *row,
                       enum budget_view view)
{
    struct json_out o;
    request_json(r, &o);
    json_obj(&o);
    budget_json_write(r, &o, row, view);
    if (view == BUDGET_WIDE)
        forecast_write(r, &o, &row->b);
    json_obj_end(&o);
}

static void say_ok(struct request *r)
{
    struct json_out o;
    request_json(r, &o);
    json_obj(&o);
    json_kbool(&o, "ok", true);
    json_obj_end(&o);
}

/* ---- A's: /admin/tenant/:id/budgets, /admin/budget/:id ------------------ */

/* One object at top level, or a list under "budgets". */
static bool read_items(struct request *r, struct budget_row *rows, int *n)
{
    const struct json *list = json_get(r->json, "budgets");
    *n = 0;
    if (list == NULL && json_get(r->json, "period") != NULL) {
        *n = 1;
        return budget_json_read(r, r->json, true, &rows[0]);
    }
    if (list == NULL || list->type != JSON_ARRAY || list->count == 0 ||
        list->count > ITEMS_MAX) {
        request_fail(r, 400, "Missing budgets", "missing_budgets");
        return false;
    }
    for (const struct json *v = list->child; v != NULL; v = v->next)
        if (!budget_json_read(r, v, true, &rows[(*n)++]))
            return false;
    return true;
}

static void tenant_scope(struct request *r, struct budget_row *rows, int n)
{
    for (int i = 0; i < n; i++) {
        rows[i].b.scope = SCOPE_TENANT;
        rows[i].b.tenant_id = r->id[0];
    }
}

void budgets_tenant_post(struct request *r)
{
    struct budget_row *rows = arena_alloc(&r->arena, ITEMS_MAX * sizeof *rows);
    struct json_out o;
    struct err err;
    int n;
    if (!tenant_exists(r) || !read_items(r, rows, &n))
        return;
    tenant_scope(r, rows, n);
    enum status st = rows_budgets_add(control_conf(r->control)->db,
                                      control_admin, rows, n, true, &err);
    if (st == E_INVALID || st == E_EXISTS) {
        request_fail(r, 400, "Budget already exists for this scope and period",
                     "budget_exists");
        return;
    }
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_arr(&o);
    for (int i = 0; i < n; i++) {
        json_obj(&o);
        budget_json_write(r, &o, &rows[i], BUDGET_PLAIN);
        json_obj_end(&o);
    }
    json_arr_end(&o);
}

/* Budgets of the environment in force for the tenant. */
static void write_env(struct request *r, struct json_out *o)
{
    const struct snapshot *s = catalog_ref(control_conf(r->control)->catalog);
    const struct tenant *t = snapshot_tenant(s, r->id[0]);
    for (int i = 0; t != NULL && i < t->budget_count; i++) {
        struct budget_row row = {.b = t->budgets[i]};
        if (!(row.b.id & BUDGET_ENV_BIT))
            continue;
        json_obj(o);
        budget_json_write(r, o, &row, BUDGET_USED);
        json_obj_end(o);
    }
    snapshot_unref(&s);
}

void budgets_tenant_get(struct request *r)
{
    struct budget_filter f = {
        .tenant_id = r->id[0], .scoped = true, .scope = SCOPE_TENANT};
    struct budget_row *rows;
    struct json_out o;
    struct err err;
    int n;
    if (!tenant_exists(r))
        return;
    enum status st = rows_budgets(control_conf(r->control)->db, &r->arena, &f,
                                  &rows, &n, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_arr(&o);
    for (int i = 0; i < n; i++) {
        json_obj(&o);
        budget_json_write(r, &o, &rows[i], BUDGET_USED);
        json_obj_end(&o);
    }
    if (slice_is(request_query(r, "effective"), "1"))
        write_env(r, &o);
    json_arr_end(&o);
}

static bool find_tenant_budget(struct request *r, struct budget_row *row)
{
    if (!budget_json_find(r, r->id[0], row, "Budget not found"))
        return false;
    if (row->b.scope == SCOPE_TENANT)
        return true;
    request_fail(r, 404, "Budget not found", "not_found");
    return false;
}

static bool store(struct request *r, struct budget_row *row)
{
    struct err err;
    enum status st =
        rows_budget_set(control_conf(r->control)->db, control_admin, row, &err);
    if (st == E_NOT_FOUND)
        request_fail(r, 404, "Budget not found", "not_found");
    else if (st == E_EXISTS || st == E_INVALID)
        request_fail(r, 400, "Budget already exists for this scope and period",
                     "budget_exists");
    else if (st != OK)
        request_fault(r, st, &err);
    return st == OK;
}

void budgets_tenant_put(struct request *r)
{
    struct budget_row row;
    if (find_tenant_budget(r, &row) &&
        budget_json_read(r, r->json, false, &row) && store(r, &row))
        answer_one(r, &row, BUDGET_PLAIN);
}

static void remove_budget(struct request *r, const struct budget_row *row)
{
    struct err err;
    enum status st = rows_budget_delete(
        control_conf(r->control)->db, control_admin, (int64_t)row->b.id, &err);
    if (st == E_NOT_FOUND)
        request_fail(r, 404, "Budget not found", "not_found");
    else if (st != OK)
        request_fault(r, st, &err);
    else
        say_ok(r);
}

void budgets_tenant_delete(struct request *r)
{
    struct budget_row row;
    if (find_tenant_budget(r, &row))
        remove_budget(r, &row);
}

/* ---- every scope: /admin/budgets ---------------------------------------- */

static const struct {
    const char *name;
    enum budget_scope scope;
} kinds[] = {
    {"global", SCOPE_GLOBAL}, {"tenant", SCOPE_TENANT},   {"key", SCOPE_KEY},
    {"tag", SCOPE_TAG},       {"session", SCOPE_SESSION}, {"user", SCOPE_USER},
    {"model", SCOPE_MODEL},
};

static bool kind_of(struct slice s, enum budget_scope *out)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (slice_is(s, kinds[i].name)) {
            *out = kinds[i].scope;
            return true;
        }
    return false;
}

/* The tenant that owns a key or a tag, and its 404. */
static bool owner_of(struct request *r, struct budget *b)
{
    const struct control_conf *c = control_conf(r->control);
    struct err err;
    int n;
    if (b->scope == SCOPE_KEY) {
        struct key_row *keys;
        if (rows_keys(c->db, &r->arena, 0, &keys, &n, &err) != OK)
            n = 0;
        for (int i = 0; i < n; i++)
            if (keys[i].id == b->object_id)
                b->tenant_id = keys[i].tenant_id;
    } else {
        struct tag_row *tags;
        struct tenant_row *tenants;
        int k;
        if (rows_tenants(c->db, &r->arena, &tenants, &k, &err) != OK)
            k = 0;
        for (int t = 0; t < k; t++) {
            if (rows_tags(c->db, &r->arena, tenants[t].id, &tags, &n, &err) !=
                OK)
                continue;
            for (int i = 0; i < n; i++)
                if (tags[i].id == b->object_id)
                    b->tenant_id = tags[i].tenant_id;
        }
    }
    return b->tenant_id != 0;
}

static bool read_object(const struct json *id, struct budget *b)
{
    bool wrong;
    if (b->scope == SCOPE_KEY || b->scope == SCOPE_TAG ||
        b->scope == SCOPE_TENANT) {
        struct slice text = request_number(id, &wrong);
        int64_t n;
        if (text.p == NULL || !money_scan(text, 0, &n) || n <= 0)
            return false;
        if (b->scope == SCOPE_TENANT)
            b->tenant_id = n;
        else
            b->object_id = n;
        return true;
    }
    b->scope_id = json_text(id, (struct slice){NULL, 0});
    return b->scope_id.n >= 1 && b->scope_id.n <= 200;
}

static bool read_scope(struct request *r, struct budget *b)
{
    const struct json *s = json_get(r->json, "scope");
    bool wrong;
    bool ok = kind_of(json_text(json_get(s, "kind"), SLICE("")), &b->scope);
    const struct json *tenant = json_get(s, "tenantId");
    struct slice text = request_number(tenant, &wrong);
    if (ok && text.p != NULL)
        ok = money_scan(text, 0, &b->tenant_id) && b->tenant_id > 0;
    if (ok && b->scope != SCOPE_GLOBAL)
        ok = read_object(json_get(s, "id"), b);
    if (b->scope == SCOPE_GLOBAL)
        b->tenant_id = 0;
    if ((b->scope == SCOPE_SESSION || b->scope == SCOPE_USER) &&
        b->tenant_id == 0)
        ok = false;
    if (!ok) {
        request_fail(r, 400, "Invalid scope", "invalid_scope");
        return false;
    }
    if ((b->scope == SCOPE_KEY || b->scope == SCOPE_TAG) && !owner_of(r, b)) {
        request_fail(r, 404,
                     b->scope == SCOPE_KEY ? "API key not found"
                                           : "Tag not found",
                     "not_found");
        return false;
    }
    return true;
}

void budgets_create(struct request *r)
{
    struct budget_row row = {0};
    struct err err;
    if (!read_scope(r, &row.b) || !budget_json_read(r, r->json, true, &row))
        return;
    enum status st = rows_budgets_add(control_conf(r->control)->db,
                                      control_admin, &row, 1, false, &err);
    if (st == E_EXISTS || st == E_INVALID)
        request_fail(r, 400, "Budget already exists for this scope and period",
                     "budget_exists");
    else if (st == E_NOT_FOUND)
        request_fail(r, 404, "Tenant not found", "not_found");
    else if (st != OK)
        request_fault(r, st, &err);
    else {
        answer_one(r, &row, BUDGET_WIDE);
        r->status = 201;
    }
}

struct env_list {
    struct request *r;
    struct json_out *o;
    const struct budget_filter *f;
    struct slice period;
    int left;
    bool forecast;
};

/* Budgets of the environment in force for one tenant. */
static bool write_env_wide(void *arg, const struct tenant *t)
{
    struct env_list *l = arg;
    for (int i = 0; i < t->budget_count && l->left > 0; i++) {
        struct budget_row row = {.b = t->budgets[i]};
        if (!(row.b.id & BUDGET_ENV_BIT) ||
            (l->f->tenant_id != 0 && l->f->tenant_id != t->id) ||
            (l->period.n > 0 &&
             !slice_is(l->period, window_period_name(row.b.period))))
            continue;
        json_obj(l->o);
        budget_json_write(l->r, l->o, &row, BUDGET_WIDE);
        if (l->forecast)
            forecast_write(l->r, l->o, &row.b);
        json_obj_end(l->o);
        l->left--;
    }
    return l->left > 0;
}

/* ?effective=1: with what the environment sets (at most ENV_MAX). */
static void write_env_all(struct request *r, struct json_out *o,
                          const struct budget_filter *f, struct slice period)
{
    bool forecast = slice_is(request_query(r, "forecast"), "1");
    struct env_list l = {r, o, f, period, ENV_MAX, forecast};
    if (!slice_is(request_query(r, "effective"), "1") ||
        (f->scoped && f->scope != SCOPE_TENANT))
        return;
    const struct snapshot *s = catalog_ref(control_conf(r->control)->catalog);
    snapshot_each(s, write_env_wide, &l);
    snapshot_unref(&s);
}

void budgets_list(struct request *r)
{
    struct budget_filter f = {0};
    struct budget_row *rows;
    struct json_out o;
    struct err err;
    int n;
    struct slice kind = request_query(r, "scope");
    struct slice period = request_query(r, "period");
    if (kind.p != NULL && kind.n > 0) {
        f.scoped = true;
        if (!kind_of(kind, &f.scope)) {
            request_fail(r, 400, "Invalid scope", "invalid_scope");
            return;
        }
    }
    f.scope_id = request_query(r, "scopeId");
    if (!request_query_int(r, "tenantId", 1, INT64_MAX, 0, &f.tenant_id))
        return;
    enum status st = rows_budgets(control_conf(r->control)->db, &r->arena, &f,
                                  &rows, &n, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_arr(&o);
    for (int i = 0; i < n; i++) {
        const char *name = window_period_name(rows[i].b.period);
        if (period.p != NULL && period.n > 0 && !slice_is(period, name))
            continue;
        json_obj(&o);
        budget_json_write(r, &o, &rows[i], BUDGET_WIDE);
        if (slice_is(request_query(r, "forecast"), "1"))
            forecast_write(r, &o, &rows[i].b);
        json_obj_end(&o);
    }
    write_env_all(r, &o, &f, period);
    json_arr_end(&o);
}

void budgets_get(struct request *r)
{
    struct budget_row row;
    if (budget_json_find(r, r->id[0], &row, "Budget not found"))
        answer_one(r, &row, BUDGET_WIDE);
}

void budgets_update(struct request *r)
{
    struct budget_row row;
    if (budget_json_find(r, r->id[0], &row, "Budget not found") &&
        budget_json_read(r, r->json, false, &row) && store(r, &row))
        answer_one(r, &row, BUDGET_WIDE);
}

void budgets_delete(struct request *r)
{
    struct budget_row row;
    if (budget_json_find(r, r->id[0], &row, "Budget not found"))
        remove_budget(r, &row);
}

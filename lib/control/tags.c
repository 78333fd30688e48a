/* tags.c - the tag tree of a tenant, and the budgets of its tags. */
#include "control/budget_json.h"
#include "control/control.h"
#include "control/handlers.h"
#include "ledger/tagsum.h"

#define NAME_MAX_BYTES 64

struct tags {
    struct tag_row *rows;
    int n;
};

/* All tags of the tenant; false: answered. */
static bool load(struct request *r, struct tags *t)
{
    const struct control_conf *c = control_conf(r->control);
    struct tenant_row tenant;
    struct err err;
    enum status st = rows_tenant(c->db, &r->arena, r->id[0], &tenant, &err);
    if (st == E_NOT_FOUND) {
        request_fail(r, 404, "Tenant not found", "not_found");
        return false;
    }
    if (st == OK)
        st = rows_tags(c->db, &r->arena, r->id[0], &t->rows, &t->n, &err);
    if (st != OK)
        request_fault(r, st, &err);
    return st == OK;
}

static struct tag_row *by_id(const struct tags *t, int64_t id)
{
    for (int i = 0; i < t->n; i++)
        if (t->rows[i].id == id)
            return &t->rows[i];
    return NULL;
}

static struct tag_row *find(struct request *r, struct tags *t)
{
    if (!load(r, t))
        return NULL;
    struct tag_row *row = by_id(t, r->id[1]);
    if (row == NULL)
        request_fail(r, 404, "Tag not found", "not_found");
    return row;
}

/* ---- writing ------------------------------------------------------------ */

static void write_members(struct json_out *o, const struct tag_row *t)
{
    json_knum(o, "id", t->id);
    json_knum(o, "tenantId", t->tenant_id);
    json_kstr(o, "name", t->name);
    json_kstr_null(o, "description", t->description);
    if (t->parent_id != 0)
        json_knum(o, "parentId", t->parent_id);
    else
        json_knull(o, "parentId");
    json_kstr(o, "path", t->path);
    json_knum(o, "level", t->level);
    json_kbool(o, "isActive", t->active);
    json_kstr_null(o, "color", t->color);
    json_key(o, "metadata");
    if (t->metadata.p != NULL)
        json_raw(o, t->metadata);
    else
        json_null(o);
    if (t->session_budget >= 0)
        json_kusd(o, "sessionBudgetUsd", t->session_budget);
    else
        json_knull(o, "sessionBudgetUsd");
    json_ktime(o, "createdAt", t->created_ms);
    json_ktime(o, "updatedAt", t->updated_ms);
}

static void write_tag(struct json_out *o, const struct tag_row *t)
{
    json_obj(o);
    write_members(o, t);
    json_obj_end(o);
}

static void write_tag_budget(struct request *r, struct json_out *o,
                             const struct budget_row *row,
                             const struct tag_row *t)
{
    json_obj(o);
    budget_json_write(r, o, row, BUDGET_TAG);
    json_key(o, "tag");
    if (t != NULL)
        write_tag(o, t);
    else
        json_null(o);
    json_obj_end(o);
}

static int tag_budgets(struct request *r, const struct tag_row *t,
                       struct budget_row **rows)
{
    struct err err;
    int n = 0;
    const struct budget_filter f = {
        .tenant_id = t->tenant_id,
        .scoped = true,
        .scope = SCOPE_TAG,
        .scope_id = arena_printf(&r->arena, "%lld", (long long)t->id)};
    if (rows_budgets(control_conf(r->control)->db, &r->arena, &f, rows, &n,
                     &err) != OK)
        return 0;
    return n;
}

/* How many rows bear it directly. */
static void write_count(struct request *r, struct json_out *o,
                        const struct tag_row *t)
{
    struct tag_use use = {.tag_id = t->id};
    struct err err;
    if (tagsum_each(control_conf(r->control)->db, t->tenant_id, 0, INT64_MAX,
                    &use, 1, &err) != OK)
        use.requests = 0;
    json_key(o, "_count");
    json_obj(o);
    json_knum(o, "usage", use.requests);
    json_obj_end(o);
}

/* TagFull and its count. */
static void write_full(struct request *r, struct json_out *o,
                       const struct tags *all, const struct tag_row *t)
{
    struct budget_row *rows;
    json_obj(o);
    write_members(o, t);
    json_key(o, "parent");
    const struct tag_row *parent = by_id(all, t->parent_id);
    if (parent != NULL)
        write_tag(o, parent);
    else
        json_null(o);
    json_key(o, "children");
    json_arr(o);
    for (int i = 0; i < all->n; i++)
        if (all->rows[i].parent_id == t->id)
            write_tag(o, &all->rows[i]);
    json_arr_end(o);
    json_key(o, "budgets");
    json_arr(o);
    int n = tag_budgets(r, t, &rows);
    for (int i = 0; i < n; i++)
        write_tag_budget(r, o, &rows[i], t);
    json_arr_end(o);
    write_count(r, o, t);
    json_obj_end(o);
}

static void answer(struct request *r, int64_t id)
{
    struct tags all;
    struct json_out o;
    if (!load(r, &all))
        return;
    const struct tag_row *t = by_id(&all, id);
    if (t == NULL) {
        request_fail(r, 404, "Tag not found", "not_found");
        return;
    }
    request_json(r, &o);
    write_full(r, &o, &all, t);
}

static void say_success(struct request *r)
{
    struct json_out o;
    request_json(r, &o);
    json_obj(&o);
    json_kbool(&o, "success", true);
    json_obj_end(&o);
}

/* ---- reading ------------------------------------------------------------ */

static bool name_ok(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == '/' || s.p[i] == ',' ||
            s.p[i] == 0x7F)
            return false;
    return s.n >= 1 && s.n <= NAME_MAX_BYTES;
}

static bool bad_name(struct request *r)
{
    request_fail(r, 400, "Invalid tag name", "invalid_name");
    return false;
}

static void read_text(const struct json *v, const char *key, struct slice *out)
{
    const struct json *m = json_get(v, key);
    if (m != NULL)
        *out = json_text(m, (struct slice){NULL, 0});
}

/* The text of a JSON value as it stands, written again. */
static void rewrite(struct json_out *o, const struct json *v)
{
    if (v->type == JSON_OBJECT || v->type == JSON_ARRAY) {
        bool object = v->type == JSON_OBJECT;
        if (object)
            json_obj(o);
        else
            json_arr(o);
        for (const struct json *c = v->child; c != NULL; c = c->next) {
            if (object)
                json_key_slice(o, c->key);
            rewrite(o, c);
        }
        if (object)
            json_obj_end(o);
        else
            json_arr_end(o);
    } else if (v->type == JSON_STRING)
        json_str(o, v->text);
    else if (v->type == JSON_NUMBER)
        json_raw(o, v->text);
    else if (v->type == JSON_NULL)
        json_null(o);
    else
        json_bool(o, v->type == JSON_TRUE);
}

static bool read_members(struct request *r, struct tag_row *t)
{
    bool wrong;
    read_text(r->json, "description", &t->description);
    read_text(r->json, "color", &t->color);
    const struct json *meta = json_get(r->json, "metadata");
    if (meta != NULL && meta->type == JSON_NULL)
        t->metadata = (struct slice){NULL, 0};
    else if (meta != NULL) {
        struct buf b;
        struct json_out o;
        buf_init(&b, 65536);
        json_out_init(&o, &b);
        rewrite(&o, meta);
        t->metadata = b.failed ? (struct slice){NULL, 0}
                               : arena_dup(&r->arena, buf_get(&b));
        buf_release(&b);
    }
    const struct json *usd = json_get(r->json, "sessionBudgetUsd");
    if (usd != NULL && usd->type == JSON_NULL)
        t->session_budget = -1;
    else if (usd != NULL) {
        struct slice text = request_number(usd, &wrong);
        if (text.p == NULL || !money_usd(text, &t->session_budget)) {
            request_invalid(r, "body/sessionBudgetUsd", "must be >= 0");
            return false;
        }
    }
    return true;
}

/* ---- handlers ----------------------------------------------------------- */

void tags_create(struct request *r)
{
    struct tag_row t = {
        .tenant_id = r->id[0], .active = true, .session_budget = -1};
    struct tags all;
    struct err err;
    const struct json *parent = json_get(r->json, "parentId");
    if (!load(r, &all))
        return;
    t.name = slice_trim(json_text(json_get(r->json, "name"), SLICE("")));
    if (!name_ok(t.name)) {
        (void)bad_name(r);
        return;
    }
    if (parent != NULL && parent->type != JSON_NULL &&
        (!json_i64(parent, &t.parent_id) || by_id(&all, t.parent_id) == NULL)) {
        request_fail(r, 400, "Parent tag not found", "parent_not_found");
        return;
    }
    if (!read_members(r, &t))
        return;
    enum status st = rows_tag_add(control_conf(r->control)->db, &r->arena,
                                  control_admin, &t, &err);
    if (st == E_EXISTS)
        request_fail(r, 400, "Tag name already exists", "tag_exists");
    else if (st == E_NOT_FOUND)
        request_fail(r, 400, "Parent tag not found", "parent_not_found");
    else if (st == E_TOO_BIG)
        request_fail(r, 400, "Tags can be nested five levels deep", "too_deep");
    else if (st != OK)
        request_fault(r, st, &err);
    else
        answer(r, t.id);
}

void tags_list(struct request *r)
{
    struct tags all;
    struct json_out o;
    int64_t parent;
    bool inactive = slice_is(request_query(r, "includeInactive"), "true") ||
                    slice_is(request_query(r, "includeInactive"), "1");
    if (!request_query_int(r, "parentId", 1, INT64_MAX, 0, &parent) ||
        !load(r, &all))
        return;
    request_json(r, &o);
    json_arr(&o);
    for (int i = 0; i < all.n; i++) {
        if ((!all.rows[i].active && !inactive) ||
            (parent != 0 && all.rows[i].parent_id != parent))
            continue;
        write_full(r, &o, &all, &all.rows[i]);
    }
    json_arr_end(&o);
}

void tags_get(struct request *r)
{
    answer(r, r->id[1]);
}

static void store(struct request *r, const struct tag_row *t, bool full)
{
    struct err err;
    enum status st =
        rows_tag_set(control_conf(r->control)->db, control_admin, t, &err);
    if (st == E_EXISTS)
        request_fail(r, 400, "Tag name already exists", "tag_exists");
    else if (st == E_BUSY)
        request_fail(r, 400,
                     "Cannot deactivate tag with active children. Deactivate "
                     "children first.",
                     "has_children");
    else if (st == E_NOT_FOUND)
        request_fail(r, 404, "Tag not found", "not_found");
    else if (st != OK)
        request_fault(r, st, &err);
    else if (full)
        answer(r, t->id);
    else
        say_success(r);
}

void tags_update(struct request *r)
{
    struct tags all;
    struct tag_row *t = find(r, &all);
    const struct json *name = json_get(r->json, "name");
    const struct json *active = json_get(r->json, "isActive");
    if (t == NULL)
        return;
    if (name != NULL && name->type != JSON_NULL) {
        t->name = slice_trim(json_text(name, SLICE("")));
        if (!name_ok(t->name)) {
            (void)bad_name(r);
            return;
        }
    }
    if (active != NULL &&
        (active->type == JSON_TRUE || active->type == JSON_FALSE))
        t->active = active->type == JSON_TRUE;
    if (read_members(r, t))
        store(r, t, true);
}

void tags_delete(struct request *r)
{
    struct err err;
    struct tags all;
    if (find(r, &all) == NULL)
        return;
    enum status st = rows_tag_delete(control_conf(r->control)->db,
                                     control_admin, r->id[0], r->id[1], &err);
    if (st == E_BUSY)
        request_fail(r, 400,
                     "Cannot delete tag with children. Delete children first.",
                     "has_children");
    else if (st == E_NOT_FOUND)
        request_fail(r, 404, "Tag not found", "not_found");
    else if (st != OK)
        request_fault(r, st, &err);
    else
        say_success(r);
}

static void set_active(struct request *r, bool active)
{
    struct tags all;
    struct tag_row *t = find(r, &all);
    if (t == NULL)
        return;
    t->active = active;
    store(r, t, false);
}

void tags_activate(struct request *r)
{
    set_active(r, true);
}

void tags_deactivate(struct request *r)
{
    set_active(r, false);
}

void tags_budget_create(struct request *r)
{
    struct tags all;
    struct err err;
    struct json_out o;
    struct budget_row row = {.b.scope = SCOPE_TAG};
    struct tag_row *t = find(r, &all);
    if (t == NULL || !budget_json_read(r, r->json, true, &row))
        return;
    row.b.tenant_id = t->tenant_id;
    row.b.object_id = t->id;
    enum status st = rows_budgets_add(control_conf(r->control)->db,
                                      control_admin, &row, 1, false, &err);
    if (st == E_EXISTS || st == E_INVALID)
        request_fail(r, 400, "Budget already exists for this tag and period",
                     "budget_exists");
    else if (st != OK)
        request_fault(r, st, &err);
    else {
        request_json(r, &o);
        write_tag_budget(r, &o, &row, t);
    }
}

void tags_budget_list(struct request *r)
{
    struct tags all;
    struct budget_row *rows;
    struct json_out o;
    struct tag_row *t = find(r, &all);
    if (t == NULL)
        return;
    int n = tag_budgets(r, t, &rows);
    request_json(r, &o);
    json_arr(&o);
    for (int i = 0; i < n; i++)
        write_tag_budget(r, &o, &rows[i], t);
    json_arr_end(&o);
}

static bool find_budget(struct request *r, struct budget_row *row)
{
    if (!budget_json_find(r, r->id[0], row, "Tag budget not found"))
        return false;
    if (row->b.scope == SCOPE_TAG)
        return true;
    request_fail(r, 404, "Tag budget not found", "not_found");
    return false;
}

void tags_budget_update(struct request *r)
{
    struct budget_row row;
    struct tag_row *tags;
    struct json_out o;
    struct err err;
    int n = 0;
    if (!find_budget(r, &row) || !budget_json_read(r, r->json, false, &row))
        return;
    const struct control_conf *c = control_conf(r->control);
    enum status st = rows_budget_set(c->db, control_admin, &row, &err);
    if (st == OK)
        st = rows_tags(c->db, &r->arena, row.b.tenant_id, &tags, &n, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    const struct tags all = {tags, n};
    request_json(r, &o);
    write_tag_budget(r, &o, &row, by_id(&all, row.b.object_id));
}

void tags_budget_delete(struct request *r)
{
    struct budget_row row;
    struct err err;
    if (!find_budget(r, &row))
        return;
    enum status st = rows_budget_delete(control_conf(r->control)->db,
                                        control_admin, (int64_t)row.b.id, &err);
    if (st != OK)
        request_fault(r, st, &err);
    else
        say_success(r);
}

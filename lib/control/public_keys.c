/* public_keys.c - keys that people issue, list and revoke themselves.
 *
 * Whoever is signed in can only use the tenant of their own name, and only if
 * self-service or an admin's key issuing made it: a name says nothing about
 * who may use a tenant that an admin made.
 */
#include "control/control.h"
#include "control/handlers.h"
#include "control/issue_key.h"
#include "control/visitor.h"
#include "ledger/issue.h"

/* True if someone is signed in and self-service is on; else answered. */
static bool signed_in(struct request *r)
{
    if (!visitor_on(control_conf(r->control)->config))
        request_detail(r, 404, "Not found");
    else if (r->user.p == NULL)
        request_detail(r, 401, "Login required");
    else
        return true;
    return false;
}

static struct actor actor_of(struct request *r)
{
    struct slice s =
        arena_printf(&r->arena, "self_service:%.*s", SLICE_FMT(r->user));
    return (struct actor){s.p != NULL ? s : SLICE("self_service")};
}

static void show_new(struct request *r, const struct key_row *k,
                     const char *token)
{
    struct json_out o;
    request_json(r, &o);
    json_obj(&o);
    json_kstr(&o, "token", slice_str(token));
    json_kstr(&o, "username", r->user);
    json_kstr_null(&o, "note", k->name);
    issue_masked(r, &o, "masked", k);
    json_obj_end(&o);
}

void public_keys_create(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    const struct json *v;
    struct slice name, note;
    struct key_row k;
    char token[CRYPT_TOKEN_TEXT];
    struct err err;
    if (!signed_in(r) || !issue_body(r, true, &v) ||
        !issue_text(r, v, "username", &name) ||
        !issue_text(r, v, "note", &note))
        return;
    if (name.p != NULL && !slice_eq(name, r->user)) {
        request_detail(r, 403, "Cannot create keys for another user");
        return;
    }
    const struct issue i = {.name = r->user,
                            .origin = ORIGIN_SELF_SERVICE,
                            .max_active = c->config->self_service_max_keys};
    if (note.n == 0)
        note = (struct slice){NULL, 0};
    issue_make(r, note, &k, token);
    enum status st = issue_key(c->db, actor_of(r), &i, &k, &err);
    if (st == E_EXISTS)
        request_detail(r, 403, "Username is reserved");
    else if (st == E_TOO_BIG)
        request_detail(r, 409, "Key limit reached");
    else if (st != OK)
        request_fault(r, st, &err);
    else
        show_new(r, &k, token);
}

/* The keys of the user's own tenant, by id; none if it is no open one. */
static enum status own_keys(struct request *r, struct key_row **rows, int *n,
                            struct err *err)
{
    const struct control_conf *c = control_conf(r->control);
    enum tenant_origin origin = ORIGIN_ADMIN;
    int64_t tenant = 0;
    *n = 0;
    enum status st = issue_tenant(c->db, r->user, &tenant, &origin, err);
    if (st == E_NOT_FOUND || (st == OK && !issue_is_open(origin)))
        return OK;
    if (st != OK)
        return st;
    return rows_keys(c->db, &r->arena, tenant, rows, n, err);
}

void public_keys_list(struct request *r)
{
    struct key_row *rows = NULL;
    struct json_out o;
    struct err err;
    int n;
    if (!signed_in(r))
        return;
    if (!slice_eq(r->param[0], r->user)) {
        request_detail(r, 403, "Cannot list keys for another user");
        return;
    }
    enum status st = own_keys(r, &rows, &n, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    json_kstr(&o, "username", r->user);
    json_key(&o, "keys");
    json_arr(&o);
    for (int i = n - 1; i >= 0; i--) {
        if (!rows[i].active)
            continue;
        json_obj(&o);
        json_knum(&o, "id", rows[i].id);
        issue_masked(r, &o, "token_masked", &rows[i]);
        json_kstr_null(&o, "note", rows[i].name);
        json_knum(&o, "created_at", rows[i].created_ms / 1000);
        json_obj_end(&o);
    }
    json_arr_end(&o);
    json_obj_end(&o);
}

void public_keys_revoke(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    struct key_row *rows = NULL;
    struct json_out o;
    struct err err;
    bool mine = false;
    int n;
    if (!signed_in(r))
        return;
    if (r->id[0] <= 0) {
        request_detail(r, 400, "Invalid key ID");
        return;
    }
    enum status st = own_keys(r, &rows, &n, &err);
    for (int i = 0; st == OK && i < n; i++)
        mine |= rows[i].id == r->id[0] && rows[i].active;
    if (st == OK && mine)
        st = rows_key_revoke(c->db, actor_of(r), r->id[0], NULL, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    if (!mine) {
        request_detail(r, 404, "Key not found");
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    json_kstr(&o, "status", SLICE("revoked"));
    json_obj_end(&o);
}

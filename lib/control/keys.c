/* keys.c - tenant keys: issued once, stored as a keyed hash, revoked. */
#include "base/crypt.h"
#include "control/control.h"
#include "control/handlers.h"
#include "ledger/rows.h"

#define NAME_MAX_BYTES 128

static void write_masked(struct request *r, struct json_out *o,
                         const struct key_row *k)
{
    struct slice m =
        arena_printf(&r->arena, "%s\xE2\x80\xA6%s", k->first4, k->last4);
    json_kstr(o, "masked", m);
}

static void issue(struct request *r, struct key_row *k)
{
    const struct control_conf *c = control_conf(r->control);
    char token[CRYPT_TOKEN_TEXT];
    struct json_out o;
    struct err err;
    crypt_token(token);
    crypt_keyed(c->secret, slice_str(token), k->hash);
    memcpy(k->first4, token, 4);
    memcpy(k->last4, token + 42, 4);
    enum status st = rows_key_add(c->db, control_admin, k, &err);
    if (st == E_NOT_FOUND)
        request_fail(r, 404, "Tenant not found", "not_found");
    else if (st != OK)
        request_fault(r, st, &err);
    else {
        request_json(r, &o);
        json_obj(&o);
        json_knum(&o, "id", k->id);
        json_kstr(&o, "key", slice_str(token));
        json_ktime(&o, "createdAt", k->created_ms);
        json_kbool(&o, "isActive", true);
        json_kstr_null(&o, "name", k->name);
        write_masked(r, &o, k);
        json_obj_end(&o);
    }
}

void keys_create(struct request *r)
{
    struct key_row k = {.tenant_id = r->id[0], .active = true};
    const struct json *name = json_get(r->json, "name");
    if (name != NULL && name->type != JSON_NULL) {
        if (name->type != JSON_STRING) {
            request_invalid(r, "body/name", "must be string");
            return;
        }
        if (name->text.n > NAME_MAX_BYTES) {
            request_invalid(r, "body/name",
                            "must NOT have more than 128 characters");
            return;
        }
        k.name = name->text;
    }
    issue(r, &k);
}

void keys_list(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    struct tenant_row t;
    struct key_row *rows;
    struct json_out o;
    struct err err;
    int n;
    enum status st = rows_tenant(c->db, &r->arena, r->id[0], &t, &err);
    if (st == E_NOT_FOUND) {
        request_fail(r, 404, "Tenant not found", "not_found");
        return;
    }
    if (st == OK)
        st = rows_keys(c->db, &r->arena, r->id[0], &rows, &n, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_arr(&o);
    for (int i = 0; i < n; i++) {
        json_obj(&o);
        json_knum(&o, "id", rows[i].id);
        json_ktime(&o, "createdAt", rows[i].created_ms);
        json_kbool(&o, "isActive", rows[i].active);
        if (rows[i].last_used_ms != 0)
            json_ktime(&o, "lastUsedAt", rows[i].last_used_ms);
        else
            json_knull(&o, "lastUsedAt");
        json_kstr_null(&o, "name", rows[i].name);
        write_masked(r, &o, &rows[i]);
        json_obj_end(&o);
    }
    json_arr_end(&o);
}

void keys_revoke(struct request *r)
{
    struct json_out o;
    struct err err;
    enum status st = rows_key_revoke(control_conf(r->control)->db,
                                     control_admin, r->id[0], NULL, &err);
    if (st == E_NOT_FOUND)
        request_fail(r, 404, "API key not found", "not_found");
    else if (st != OK)
        request_fault(r, st, &err);
    else {
        request_json(r, &o);
        json_obj(&o);
        json_kbool(&o, "ok", true);
        json_obj_end(&o);
    }
}

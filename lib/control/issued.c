/* issued.c - C's admin routes: a key under a label, revoked, and its usage.
 *
 * The token stands in the path, so the first thing a handler does is to take
 * it out of r->path, which is what a log line would show.
 */
#include "base/crypt.h"
#include "control/control.h"
#include "control/handlers.h"
#include "control/issue_key.h"
#include "ledger/issue.h"
#include "ledger/report.h"

#define LABEL "user"

void issued_create(struct request *r)
{
    const struct actor admin = {SLICE("admin")};
    const struct json *v;
    struct slice label, note;
    struct key_row k;
    char token[CRYPT_TOKEN_TEXT];
    struct json_out o;
    struct err err;
    if (!issue_body(r, false, &v) || !issue_text(r, v, "label", &label) ||
        !issue_text(r, v, "note", &note))
        return;
    const struct issue i = {.name = label.p != NULL ? label : SLICE(LABEL),
                            .origin = ORIGIN_ISSUED,
                            .any_origin = true,
                            .max_active = -1};
    issue_make(r, note, &k, token);
    enum status st =
        issue_key(control_conf(r->control)->db, admin, &i, &k, &err);
    if (st == E_INVALID)
        request_detail(r, 400, "Invalid label");
    else if (st != OK)
        request_fault(r, st, &err);
    else {
        request_json(r, &o);
        json_obj(&o);
        json_kstr(&o, "token", slice_str(token));
        json_kstr(&o, "label", i.name);
        json_kstr_null(&o, "note", note);
        json_obj_end(&o);
    }
}

/* A plain key, or a key id as text. */
static enum status find(struct request *r, int64_t *key_id, int64_t *tenant_id,
                        struct err *err)
{
    const struct control_conf *c = control_conf(r->control);
    uint8_t hash[CRYPT_HASH];
    crypt_keyed(c->secret, r->param[0], hash);
    return issue_find(c->db, hash, r->id[0], key_id, tenant_id, err);
}

void issued_revoke(struct request *r)
{
    const struct actor admin = {SLICE("admin")};
    const struct control_conf *c = control_conf(r->control);
    int64_t key, tenant;
    bool was = false;
    struct json_out o;
    struct err err;
    r->path = SLICE("/admin/keys/*/revoke");
    enum status st = find(r, &key, &tenant, &err);
    if (st == OK)
        st = rows_key_revoke(c->db, admin, key, &was, &err);
    if (st != OK && st != E_NOT_FOUND)
        request_fault(r, st, &err);
    else if (!was)
        request_detail(r, 404, "Token not found or already revoked");
    else {
        request_json(r, &o);
        json_obj(&o);
        json_kstr(&o, "status", SLICE("revoked"));
        json_kstr(&o, "token", r->param[0]);
        json_obj_end(&o);
    }
}

void issued_usage(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    int64_t key, tenant;
    struct report_model *m = NULL;
    int n = 0;
    struct json_out o;
    struct err err;
    r->path = SLICE("/admin/usage/*");
    enum status st = find(r, &key, &tenant, &err);
    if (st == OK)
        st = report_key(c->db, &r->arena, tenant, key, &m, &n, &err);
    if (st != OK && st != E_NOT_FOUND) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    json_kstr(&o, "token", r->param[0]);
    json_key(&o, "models");
    json_arr(&o);
    for (int i = 0; i < n; i++) {
        json_obj(&o);
        json_kstr(&o, "model", m[i].model);
        json_knum(&o, "prompt_tokens", m[i].input);
        json_knum(&o, "completion_tokens", m[i].output);
        json_knum(&o, "total_tokens", m[i].input + m[i].output);
        json_kusd_num(&o, "cost", m[i].usd);
        json_obj_end(&o);
    }
    json_arr_end(&o);
    json_obj_end(&o);
}

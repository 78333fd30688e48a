/* policy.c - the policy in force, trials of inputs and texts, replay. */
#include "base/clock.h"
#include "control/control.h"
#include "control/handlers.h"
#include "control/policy_fault.h"
#include "control/replay.h"
#include "guard/gate.h"
#include "ledger/query.h"

#define TRIAL_SCRATCH ((size_t)32 << 20)
#define TEXT_MAX ((size_t)1 << 20) /* of a policy that comes in a body */
#define REPLAY_DAYS 7

void policy_get(struct request *r)
{
    struct policies *all = control_conf(r->control)->policies;
    const struct policy *p = policies_ref(all);
    struct policy_fault f;
    struct json_out o;
    policies_fault(all, &f);
    request_json(r, &o);
    json_obj(&o);
    json_kstr(&o, "source", p->embedded ? SLICE("embedded") : SLICE("path"));
    json_kstr_null(&o, "path",
                   p->embedded ? (struct slice){NULL, 0}
                               : slice_str(policies_path(all)));
    json_key(&o, "files");
    json_arr(&o);
    for (int i = 0; i < p->file_count; i++)
        json_str(&o, p->files[i]);
    json_arr_end(&o);
    json_ktime(&o, "loadedAt", p->loaded_ms);
    json_kstr(&o, "hash", slice_str(p->hash));
    json_kstr(&o, "dialect", p->dialect == REGO_V1 ? SLICE("v1") : SLICE("v0"));
    json_key(&o, "error");
    if (f.is_set)
        policy_fault_write(&o, &f);
    else
        json_null(&o);
    json_obj_end(&o);
    policy_unref(&p);
}

/* The policy a request asks about: the text it brings, or the one in force.
 * NULL: it does not compile, and the answer says so. */
static const struct policy *policy_asked(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    const struct json *text = json_get(r->json, "policy");
    struct policy_fault f = {0};
    if (text == NULL || text->type == JSON_NULL)
        return policies_ref(c->policies);
    if (text->type != JSON_STRING || text->text.n > TEXT_MAX) {
        request_invalid(r, "body/policy", "must be string");
        return NULL;
    }
    const struct policy *p = policy_from_text(text->text, POLICY_AUTO, &f);
    if (p != NULL)
        return p;
    policy_fault_answer(r, &f);
    return NULL;
}

static void write_answer(struct request *r, const struct gate_answer *a)
{
    struct json_out o;
    request_json(r, &o);
    json_obj(&o);
    json_kbool(&o, "allow", a->allow);
    json_key(&o, "deny");
    json_arr(&o);
    for (int i = 0; i < a->deny_count; i++)
        json_str(&o, a->deny[i]);
    json_arr_end(&o);
    json_kstr_null(&o, "reason",
                   a->reason.n > 0 ? a->reason : (struct slice){NULL, 0});
    json_key(&o, "durationUs");
    char text[40];
    int n = snprintf(text, sizeof text, "%lld.%03d",
                     (long long)(a->took_ns / 1000), (int)(a->took_ns % 1000));
    json_raw(&o, slice(text, (size_t)n));
    if (a->error.n > 0)
        json_kstr(&o, "error", a->error);
    json_obj_end(&o);
}

void policy_test(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    const struct json *given = json_get(r->json, "input");
    struct gate_answer said;
    struct arena scratch;
    struct value body;
    struct err err;
    if (given == NULL || given->type != JSON_OBJECT) {
        request_invalid(r, "body/input", "must be object");
        return;
    }
    const struct policy *p = policy_asked(r);
    if (p == NULL)
        return;
    arena_init(&scratch, TRIAL_SCRATCH);
    enum status st = value_parse_json(&scratch, r->body, &body, &err);
    const struct value *input =
        st == OK ? value_get_str(&body, SLICE("input")) : NULL;
    if (input == NULL)
        request_invalid(r, "body/input", "must be object");
    else {
        gate_ask(p, input, c->config->policy_timeout_ms, &scratch, &said);
        write_answer(r, &said);
    }
    arena_release(&scratch);
    policy_unref(&p);
}

/* {policy?, since?, until?, tenantId?, limit?}: dates or instants. */
static bool replay_read(struct request *r, struct replay *x)
{
    const struct json *since = json_get(r->json, "since");
    const struct json *until = json_get(r->json, "until");
    const struct json *tenant = json_get(r->json, "tenantId");
    const struct json *limit = json_get(r->json, "limit");
    bool date;
    x->to_ms = r->now_ms + 1;
    x->from_ms = r->now_ms - REPLAY_DAYS * INT64_C(86400000);
    if (since != NULL && (since->type != JSON_STRING ||
                          !clock_parse(since->text, &x->from_ms, &date))) {
        request_invalid(r, "body/since", "must be a date");
        return false;
    }
    if (until != NULL && (until->type != JSON_STRING ||
                          !clock_parse(until->text, &x->to_ms, &date))) {
        request_invalid(r, "body/until", "must be a date");
        return false;
    }
    if (tenant != NULL && !json_i64(tenant, &x->tenant_id)) {
        request_invalid(r, "body/tenantId", "must be integer");
        return false;
    }
    if (limit != NULL && (!json_i64(limit, &x->max_rows) || x->max_rows < 1)) {
        request_invalid(r, "body/limit", "must be >= 1");
        return false;
    }
    return true;
}

void policy_replay(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    struct replay x = {.db = c->db,
                       .zone = c->zone,
                       .timeout_ms = c->config->policy_timeout_ms};
    struct err err;
    if (!replay_read(r, &x))
        return;
    x.policy = policy_asked(r);
    if (x.policy == NULL)
        return;
    enum status st = replay_run(&x, &r->out, &err);
    if (st != OK)
        request_fault(r, st, &err);
    policy_unref(&x.policy);
}

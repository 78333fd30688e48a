/* providers.c - are the providers well?  Answered by calls that are free. */
#include "control/providers.h"

#include "control/handlers.h"
#include "ledger/names.h"

#define KEPT_MS 60000

static bool is_on(const struct control_conf *c, enum provider_id p)
{
    return c->provider_on != NULL && c->provider_on(c->provider_arg, p);
}

/* The demo is no provider anybody asks for; it shows only while it is on. */
static int all_of(const struct control_conf *c, enum provider_id *of)
{
    int n = 0;
    for (int p = PROVIDER_NONE + 1; p < PROVIDER_COUNT; p++)
        if (p != PROVIDER_DEMO || is_on(c, (enum provider_id)p))
            of[n++] = (enum provider_id)p;
    return n;
}

/* The key a caller sent along for a provider (contract 1.2). */
static struct slice sent_key(const struct request *r, enum provider_id p)
{
    switch ((int)p) {
    case PROVIDER_OPENAI:
        return r->provider_key[0];
    case PROVIDER_ANTHROPIC:
        return r->provider_key[1];
    case PROVIDER_GOOGLE:
        return r->provider_key[2];
    default:
        return slice(NULL, 0);
    }
}

static void write_state(struct json_out *o, const struct provider_state *s)
{
    json_kbool(o, "configured", s->configured);
    json_kbool(o, "healthy", s->healthy);
    if (s->response_ms >= 0)
        json_knum(o, "responseTime", s->response_ms);
    if (s->error != NULL)
        json_kstr(o, "error", slice_str(s->error));
    json_knum(o, "lastChecked", s->checked_ms);
}

void providers_write(struct request *r, struct json_out *o, bool with_keys)
{
    const struct control_conf *c = control_conf(r->control);
    enum provider_id of[PROVIDER_COUNT];
    struct slice keys[PROVIDER_COUNT] = {{NULL, 0}};
    struct provider_state state[PROVIDER_COUNT] = {{.response_ms = -1}};
    int n = all_of(c, of);
    for (int i = 0; with_keys && i < n; i++)
        keys[i] = sent_key(r, of[i]);
    if (c->provider_look != NULL)
        c->provider_look(c->provider_arg, of, keys, n, KEPT_MS, state);
    json_key(o, "providers");
    json_obj(o);
    for (int i = 0; i < n; i++) {
        json_key_slice(o, names_of(NAMES_PROVIDER, (int)of[i]));
        json_obj(o);
        write_state(o, &state[i]);
        json_obj_end(o);
    }
    json_obj_end(o);
}

void providers_status(struct request *r)
{
    struct json_out o;
    request_json(r, &o);
    json_obj(&o);
    providers_write(r, &o, true);
    json_obj_end(&o);
}

/* The provider of the path; PROVIDER_NONE: answered with 400. */
static enum provider_id asked(struct request *r)
{
    int p = names_parse(NAMES_PROVIDER, r->param[0]);
    if (p != PROVIDER_NONE &&
        (p != PROVIDER_DEMO || is_on(control_conf(r->control), PROVIDER_DEMO)))
        return (enum provider_id)p;
    request_invalid(r, "params/provider",
                    "must be equal to one of the allowed values");
    return PROVIDER_NONE;
}

static void answer_one(struct request *r, enum provider_id p, struct slice key,
                       int64_t age_ms, bool test)
{
    const struct control_conf *c = control_conf(r->control);
    struct provider_state s = {.response_ms = -1};
    struct json_out o;
    if (c->provider_look != NULL)
        c->provider_look(c->provider_arg, &p, &key, 1, age_ms, &s);
    request_json(r, &o);
    json_obj(&o);
    json_kstr(&o, "provider", names_of(NAMES_PROVIDER, (int)p));
    if (!test)
        json_kbool(&o, "configured", s.configured);
    json_kbool(&o, "healthy", s.healthy);
    if (s.response_ms >= 0)
        json_knum(&o, "responseTime", s.response_ms);
    else
        json_knull(&o, "responseTime");
    if (s.error != NULL)
        json_kstr(&o, "error", slice_str(s.error));
    json_knum(&o, "lastChecked", s.checked_ms);
    json_obj_end(&o);
}

void providers_health(struct request *r)
{
    enum provider_id p = asked(r);
    if (p != PROVIDER_NONE)
        answer_one(r, p, sent_key(r, p), 0, false);
}

void providers_test(struct request *r)
{
    const struct json *key = json_get(r->json, "apiKey");
    enum provider_id p = asked(r);
    if (p == PROVIDER_NONE)
        return;
    if (key == NULL)
        request_invalid(r, "body", "must have required property 'apiKey'");
    else if (key->type != JSON_STRING)
        request_invalid(r, "body/apiKey", "must be string");
    else if (key->text.n == 0)
        request_invalid(r, "body/apiKey",
                        "must NOT have fewer than 1 characters");
    else
        answer_one(r, p, key->text, 0, true);
}

void providers_models(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    struct json_out o;
    struct slice *names = NULL;
    int64_t loaded_ms = 0;
    int n = 0;
    if (c->provider_models != NULL)
        c->provider_models(c->provider_arg, &r->arena, &names, &n, &loaded_ms);
    if (n == 0) {
        request_detail(r, 502, "Models cache is empty");
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    json_key(&o, "models");
    json_arr(&o);
    for (int i = 0; i < n; i++)
        json_str(&o, names[i]);
    json_arr_end(&o);
    json_knum(&o, "loaded_at", loaded_ms / 1000);
    json_obj_end(&o);
}

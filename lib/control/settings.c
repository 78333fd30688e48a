/* settings.c - GET /admin/settings: what is in force, without any secret. */
#include "control/control.h"
#include "control/handlers.h"

static void write_one(void *arg, const struct config_value *v)
{
    struct json_out *o = arg;
    json_obj(o);
    json_kstr(o, "name", slice_str(v->name));
    json_kbool(o, "secret", v->secret);
    json_kbool(o, "set", v->set);
    if (v->secret || !v->set)
        json_knull(o, "value");
    else
        json_kstr(o, "value", slice_str(v->text));
    json_kstr(o, "default", slice_str(v->dflt));
    json_kstr(o, "meaning", slice_str(v->meaning));
    json_obj_end(o);
}

void settings_get(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    struct json_out o;
    request_json(r, &o);
    json_obj(&o);
    json_kstr(&o, "version", SLICE(BG_VERSION));
    json_ktime(&o, "startedAt", c->started_ms);
    json_kbool(&o, "demo", c->demo_admin_key.n > 0);
    json_kstr(&o, "timezone", slice_str(c->config->budget_timezone));
    json_key(&o, "settings");
    json_arr(&o);
    config_each(c->config, write_one, &o);
    json_arr_end(&o);
    json_key(&o, "ignored");
    json_arr(&o);
    for (int i = 0; i < c->config->ignored_count; i++)
        json_str(&o, slice_str(c->config->ignored[i]));
    json_arr_end(&o);
    json_obj_end(&o);
}

/* issue_key.c - see issue_key.h. */
#include "control/issue_key.h"

#include "control/control.h"
#include "http/header.h"

#define TEXT_MAX 128

bool issue_body(struct request *r, bool typed, const struct json **out)
{
    struct err err;
    struct json *v;
    *out = NULL;
    if (typed && !header_media_is(r->media, "application/json")) {
        request_detail(r, 415, "Unsupported Media Type");
        return false;
    }
    if (r->body.n == 0)
        return true;
    if (json_parse(&r->arena, r->body, &v, &err) != OK) {
        request_detail(r, 400, "Body is not valid JSON");
        return false;
    }
    if (v->type != JSON_OBJECT) {
        request_detail(r, 400, "Body must be an object");
        return false;
    }
    *out = v;
    return true;
}

bool issue_text(struct request *r, const struct json *v, const char *name,
                struct slice *out)
{
    const struct json *m = json_get(v, name);
    const char *what = NULL;
    *out = (struct slice){NULL, 0};
    if (m == NULL || m->type == JSON_NULL)
        return true;
    if (m->type != JSON_STRING)
        what = "must be a string";
    else if (m->text.n > TEXT_MAX)
        what = "must not be longer than 128 bytes";
    for (size_t i = 0; what == NULL && i < m->text.n; i++)
        if ((unsigned char)m->text.p[i] < 32 || m->text.p[i] == 127)
            what = "must not hold control characters";
    if (what == NULL) {
        *out = m->text;
        return true;
    }
    struct slice text = arena_printf(&r->arena, "%s %s", name, what);
    request_detail(r, 400, text.p != NULL ? text.p : what);
    return false;
}

void issue_make(struct request *r, struct slice note, struct key_row *k,
                char token[static CRYPT_TOKEN_TEXT])
{
    *k = (struct key_row){.name = note};
    crypt_token(token);
    crypt_keyed(control_conf(r->control)->secret, slice_str(token), k->hash);
    memcpy(k->first4, token, 4);
    memcpy(k->last4, token + 42, 4);
}

void issue_masked(struct request *r, struct json_out *o, const char *key,
                  const struct key_row *k)
{
    json_kstr(o, key,
              arena_printf(&r->arena, "%s\xE2\x80\xA6%s", k->first4, k->last4));
}

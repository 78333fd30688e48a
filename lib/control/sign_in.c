/* sign_in.c - /dashboard/session: a secret for a cookie, and back. */
#include "control/control.h"
#include "control/handlers.h"
#include "control/session.h"

static void answer(struct request *r, bool signed_in, const char *csrf,
                   int64_t expires_ms)
{
    struct json_out o;
    request_json(r, &o);
    json_obj(&o);
    if (signed_in)
        json_kbool(&o, "authenticated", true);
    json_kstr(&o, "csrfToken", slice_str(csrf));
    json_ktime(&o, "expiresAt", expires_ms);
    json_obj_end(&o);
}

static void set_cookie(struct request *r, const char *value, int64_t seconds)
{
    r->extra[r->extra_count++] = (struct http_field){
        SLICE("Set-Cookie"),
        arena_printf(&r->arena,
                     "bg_admin=%s; HttpOnly; SameSite=Strict; Path=/; "
                     "Max-Age=%lld%s",
                     value, (long long)seconds, r->secure ? "; Secure" : "")};
}

void session_open(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    struct slice key = json_text(json_get(r->json, "key"), SLICE(""));
    char value[SESSION_TEXT], csrf[SESSION_CSRF];
    int64_t seconds = c->config->admin_session_hours * INT64_C(3600);
    int64_t expires_ms = r->now_ms + seconds * 1000;
    if (!control_is_secret(r->control, r, key))
        return;
    struct sessions *all = control_sessions(r->control);
    session_make(all, expires_ms, value);
    (void)session_look(all, slice_str(value), r->now_ms, &expires_ms, csrf);
    set_cookie(r, value, seconds);
    answer(r, false, csrf, expires_ms);
}

void session_show(struct request *r)
{
    char csrf[SESSION_CSRF];
    int64_t expires_ms;
    if (session_look(control_sessions(r->control), r->cookie, r->now_ms,
                     &expires_ms, csrf))
        answer(r, true, csrf, expires_ms);
    else
        request_fail(r, 401, "Unauthorized", "unauthorized");
}

void session_close(struct request *r)
{
    char csrf[SESSION_CSRF];
    int64_t expires_ms;
    struct err err;
    struct sessions *all = control_sessions(r->control);
    if (session_look(all, r->cookie, r->now_ms, &expires_ms, csrf)) {
        enum status st = session_end(all, r->cookie, expires_ms, &err);
        if (st != OK) {
            request_fault(r, st, &err);
            return;
        }
    }
    set_cookie(r, "", 0);
    r->status = 204;
}

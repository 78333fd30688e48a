/* visitor.c - see visitor.h. */
#include "control/visitor.h"

#include <assert.h>
#include <stdio.h>

#include "base/crypt.h"
#include "base/money.h"

#define COOKIE "proxy_session"
#define LIFE_S 604800

#define MAC_TEXT (2 * CRYPT_HASH + 1)

/* The first line keeps this apart from every other keyed hash: keys have no
 * line end in them. */
static void sign(const struct control_conf *c, struct slice signed_part,
                 char out[static MAC_TEXT])
{
    char text[160];
    uint8_t mac[CRYPT_HASH];
    int n =
        snprintf(text, sizeof text, COOKIE "\n%.*s", SLICE_FMT(signed_part));
    assert(n > 0 && (size_t)n < sizeof text);
    crypt_keyed(c->secret, slice(text, (size_t)n), mac);
    crypt_hex(mac, sizeof mac, out);
}

bool visitor_name_ok(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '@' ||
                  c == '-';
        if (!ok)
            return false;
    }
    return s.n >= 1 && s.n <= VISITOR_NAME_MAX;
}

bool visitor_on(const struct config *c)
{
    struct slice v = slice_str(c->self_service), h = slice_str(c->host);
    if (v.n > 0)
        return v.p[0] == '1' || slice_eq_nocase(v, SLICE("true")) ||
               slice_eq_nocase(v, SLICE("yes")) ||
               slice_eq_nocase(v, SLICE("on"));
    return slice_starts(h, "127.") || slice_is(h, "::1") ||
           slice_is(h, "localhost");
}

bool visitor_path(struct slice path)
{
    static const char *const names[] = {"/login",     "/logout", "/request-key",
                                        "/reports",   "/public", "/pages",
                                        "/admin/keys"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct slice rest = slice_skip(path, strlen(names[i]));
        if (slice_starts(path, names[i]) && (rest.n == 0 || rest.p[0] == '/'))
            return true;
    }
    return slice_is(path, "/");
}

struct slice visitor_cookie(struct request *r, struct slice name)
{
    const char *secure = r->secure ? "; Secure" : "";
    char mac[MAC_TEXT];
    if (name.n == 0)
        return arena_printf(&r->arena,
                            COOKIE "=; HttpOnly; SameSite=Lax; Path=/; "
                                   "Max-Age=0%s",
                            secure);
    int64_t expiry = r->now_ms / 1000 + LIFE_S;
    struct slice part = arena_printf(&r->arena, "%lld.%.*s", (long long)expiry,
                                     SLICE_FMT(name));
    sign(control_conf(r->control), part, mac);
    return arena_printf(&r->arena,
                        COOKIE "=%s.%.*s; HttpOnly; SameSite=Lax; Path=/; "
                               "Max-Age=%d%s",
                        mac, SLICE_FMT(part), LIFE_S, secure);
}

/* The name in a cookie's value that we signed and that has not expired. */
static struct slice signed_name(const struct control_conf *c,
                                struct slice value, int64_t now_ms)
{
    const struct slice none = {NULL, 0};
    char mac[MAC_TEXT];
    int64_t expiry;
    struct slice part = value;
    struct slice given = slice_cut(&part, '.');
    struct slice name = part;
    if (part.p == NULL || part.n > VISITOR_NAME_MAX + 24)
        return none;
    struct slice when = slice_cut(&name, '.');
    if (name.p == NULL || !visitor_name_ok(name))
        return none;
    sign(c, part, mac);
    if (!crypt_equal(given, slice_str(mac)) || !money_scan(when, 0, &expiry) ||
        expiry <= now_ms / 1000)
        return none;
    return name;
}

static struct slice cookie_user(const struct http_head *h,
                                const struct control_conf *c, int64_t now_ms)
{
    struct slice user = {NULL, 0};
    for (int i = 0; i < h->field_count && user.p == NULL; i++) {
        if (!slice_eq_nocase(h->fields[i].name, SLICE("cookie")))
            continue;
        struct slice rest = h->fields[i].value;
        while (rest.p != NULL && user.p == NULL) {
            struct slice v = slice_trim(slice_cut(&rest, ';'));
            struct slice name = slice_cut(&v, '=');
            if (v.p != NULL && slice_is(name, COOKIE))
                user = signed_name(c, v, now_ms);
        }
    }
    return user;
}

void visitor_read(const struct http_head *h, const struct control_conf *c,
                  struct request *r)
{
    static const char *const names[] = {"x-user", "x-forwarded-user",
                                        "x-remote-user", "remote-user"};
    struct slice user = {NULL, 0};
    bool trusted = header_in(slice_str(h->peer), c->trusted, c->trusted_count);
    for (size_t i = 0; trusted && i < sizeof names / sizeof *names; i++) {
        struct slice v =
            slice_trim(header_find(h->fields, h->field_count, names[i]));
        if (user.p == NULL && visitor_name_ok(v))
            user = v;
    }
    if (user.p == NULL)
        user = cookie_user(h, c, r->now_ms);
    if (user.p != NULL)
        r->user = arena_dup(&r->arena, user);
    r->secure =
        h->tls ||
        (trusted && slice_eq_nocase(header_find(h->fields, h->field_count,
                                                "x-forwarded-proto"),
                                    SLICE("https")));
}

struct slice visitor_next(struct slice next)
{
    bool ok = next.n > 0 && next.p[0] == '/' &&
              (next.n == 1 || (next.p[1] != '/' && next.p[1] != '\\'));
    for (size_t i = 0; i < next.n; i++)
        ok &= (unsigned char)next.p[i] >= 32 && next.p[i] != 127;
    return ok ? next : SLICE("/");
}

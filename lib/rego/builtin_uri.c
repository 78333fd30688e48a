/* builtin_uri.c - uri.* as Go's net/url parses, urlquery.*. */
#include <string.h>

#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"

static int hex(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    ch |= 0x20;
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

static bool alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

enum part { PART_QUERY, PART_PATH, PART_HOST, PART_USER, PART_FRAGMENT };

/* What is wrong, as Go words it; .p NULL if nothing. */
struct fault {
    const char *what; // printf format with one %.*s, or without
    struct slice part;
};

/* Percent decoding by the rules of `part`. */
static bool unescape(struct builtin_ctx *c, struct slice s, enum part part,
                     struct slice *out, struct fault *f)
{
    char *p = arena_try(c->arena, s.n + 1);
    size_t n = 0;
    if (p == NULL)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%') {
            if (i + 2 >= s.n || hex(s.p[i + 1]) < 0 || hex(s.p[i + 2]) < 0) {
                size_t len = s.n - i < 3 ? s.n - i : 3;
                *f = (struct fault){"invalid URL escape", {s.p + i, len}};
                return true;
            }
            char v = (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2]));
            // a host may escape only what is not ASCII
            if (part == PART_HOST && (v & 0x80) == 0) {
                *f = (struct fault){"invalid URL escape", {s.p + i, 3}};
                return true;
            }
            p[n++] = v;
            i += 2;
        } else if (s.p[i] == '+' && part == PART_QUERY) {
            p[n++] = ' ';
        } else {
            if (part == PART_HOST && (uint8_t)s.p[i] < 0x80 && !alnum(s.p[i]) &&
                strchr("-_.~!$&'()*+,;=:[]<>\"", s.p[i]) == NULL) {
                *f = (struct fault){"invalid character in host name",
                                    {s.p + i, 1}};
                return true;
            }
            p[n++] = s.p[i];
        }
    }
    *out = slice(p, n);
    return true;
}

static void escape_query(struct buf *b, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        if (alnum(ch) || ch == '-' || ch == '_' || ch == '.' || ch == '~')
            buf_char(b, ch);
        else if (ch == ' ')
            buf_char(b, '+');
        else
            buf_printf(b, "%%%02X", (unsigned)(uint8_t)ch);
    }
}

/* ---- urlquery ----------------------------------------------------------- */

static enum builtin_status bad_escape(struct builtin_ctx *c,
                                      const struct fault *f)
{
    return builtin_error(c, CODE_BUILTIN, "%s \"%.*s\"", f->what,
                         SLICE_FMT(f->part));
}

static enum builtin_status
query_encode(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    struct buf b;
    builtin_buf(c, &b);
    escape_query(&b, value_slice(&args[0]));
    return builtin_give_buf(c, &b, out);
}

static enum builtin_status
query_decode(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    struct slice s;
    struct fault f = {0};
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    if (!builtin_step(c, args[0].n / 32 + 1))
        return BUILTIN_FATAL;
    if (!unescape(c, value_slice(&args[0]), PART_QUERY, &s, &f))
        return builtin_nomem(c);
    if (f.what != NULL)
        return bad_escape(c, &f);
    *out = value_str(s);
    return BUILTIN_OK;
}

static void put_pair(struct buf *b, const struct value *key,
                     const struct value *v)
{
    if (b->n > 0)
        buf_char(b, '&');
    escape_query(b, value_slice(key));
    buf_char(b, '=');
    escape_query(b, value_slice(v));
}

static enum builtin_status encode_object(struct builtin_ctx *c,
                                         const struct value *args,
                                         struct value *out)
{
    if (!builtin_want(c, args, 1, V_OBJECT))
        return BUILTIN_ERROR;
    struct buf b;
    builtin_buf(c, &b);
    for (uint32_t i = 0; i < args[0].n; i++) {
        const struct value *key = &args[0].u.v[2 * (size_t)i], *v = key + 1;
        bool list = v->kind == V_ARRAY || v->kind == V_SET;
        bool ok = key->kind == V_STRING && (list || v->kind == V_STRING);
        for (uint32_t k = 0; ok && list && k < v->n; k++)
            ok = v->u.v[k].kind == V_STRING;
        if (!ok) {
            buf_release(&b);
            return builtin_operand(c, 1,
                                   "object with values of string, array or "
                                   "set of strings",
                                   &args[0]);
        }
        for (uint32_t k = 0; list && k < v->n; k++)
            put_pair(&b, key, &v->u.v[k]);
        if (!list)
            put_pair(&b, key, v);
    }
    return builtin_give_buf(c, &b, out);
}

/* Keys and values of a query, one behind the other. */
static enum builtin_status read_pairs(struct builtin_ctx *c, struct slice s,
                                      struct value_list *out)
{
    while (s.p != NULL) {
        struct slice pair = slice_cut(&s, '&'), name, value;
        struct fault f = {0};
        if (!builtin_step(c, pair.n / 32 + 1))
            return BUILTIN_FATAL;
        if (pair.n == 0)
            continue;
        if (memchr(pair.p, ';', pair.n) != NULL)
            return builtin_error(c, CODE_BUILTIN,
                                 "invalid semicolon separator in query");
        size_t eq = slice_find(pair, '=');
        if (!unescape(c, slice(pair.p, eq), PART_QUERY, &name, &f) ||
            (f.what == NULL &&
             !unescape(c, slice_skip(pair, eq + 1), PART_QUERY, &value, &f)))
            return builtin_nomem(c);
        if (f.what != NULL)
            return bad_escape(c, &f);
        value_list_add(out, value_str(name));
        value_list_add(out, value_str(value));
    }
    return out->failed ? builtin_nomem(c) : BUILTIN_OK;
}

/* Every key with the list of its values in the order of the text. */
static enum builtin_status decode_object(struct builtin_ctx *c,
                                         const struct value *args,
                                         struct value *out)
{
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    struct value_list all = builtin_list(c), object = builtin_list(c);
    enum builtin_status st = read_pairs(c, value_slice(&args[0]), &all);
    if (st != BUILTIN_OK)
        return st;
    for (size_t i = 0; i < all.n; i += 2) {
        struct value_list l = builtin_list(c);
        bool met = false;
        if (!builtin_step(c, all.n / 2))
            return BUILTIN_FATAL;
        for (size_t k = 0; k < i && !met; k += 2)
            met = value_equal(&all.items[k], &all.items[i]);
        for (size_t k = i; k < all.n && !met; k += 2)
            if (value_equal(&all.items[k], &all.items[i]))
                value_list_add(&l, all.items[k + 1]);
        if (met)
            continue;
        struct value list = value_list_array(&l);
        if (list.kind == V_UNDEF)
            return builtin_nomem(c);
        value_list_add(&object, all.items[i]);
        value_list_add(&object, list);
    }
    return builtin_give(c, value_list_object(&object), out);
}

/* ---- URIs --------------------------------------------------------------- */

struct uri {
    struct slice scheme, host, port, path, raw_path, query, fragment;
};

static struct fault fault(const char *what, struct slice part)
{
    return (struct fault){what, part};
}

/* "scheme:" in front; what follows stays in `s`. */
static struct fault get_scheme(struct slice *s, struct slice *scheme)
{
    for (size_t i = 0; i < s->n; i++) {
        char ch = s->p[i];
        if ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z')
            continue;
        bool later =
            (ch >= '0' && ch <= '9') || ch == '+' || ch == '-' || ch == '.';
        if (later && i > 0)
            continue;
        if (ch == ':' && i == 0)
            return fault("missing protocol scheme", (struct slice){0});
        if (ch == ':') {
            *scheme = slice(s->p, i);
            *s = slice_skip(*s, i + 1);
        }
        break;
    }
    return (struct fault){0};
}

static bool user_ok(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!alnum(s.p[i]) &&
            (s.p[i] == '\0' || strchr("-._:~!$&'()*+,;=%@", s.p[i]) == NULL))
            return false;
    return true;
}

/* "user@host:port" */
static bool get_authority(struct builtin_ctx *c, struct slice s, struct uri *u,
                          struct fault *f)
{
    const char *at = memrchr(s.p, '@', s.n);
    if (at != NULL) {
        struct slice user = slice(s.p, (size_t)(at - s.p)), ignore;
        if (!user_ok(user)) {
            *f = fault("net/url: invalid userinfo", (struct slice){0});
            return true;
        }
        if (!unescape(c, user, PART_USER, &ignore, f))
            return false;
        if (f->what != NULL)
            return true;
        s = slice_skip(s, user.n + 1);
    }
    struct slice host = s, port = slice(s.p + s.n, 0);
    if (s.n > 0 && s.p[0] == '[') {
        const char *end = memrchr(s.p, ']', s.n);
        if (end == NULL) {
            *f = fault("missing ']' in host", (struct slice){0});
            return true;
        }
        port = slice_skip(s, (size_t)(end - s.p) + 1);
        host = slice(s.p + 1, (size_t)(end - s.p) - 1);
    } else {
        const char *colon = memrchr(s.p, ':', s.n);
        if (colon != NULL) {
            host = slice(s.p, (size_t)(colon - s.p));
            port = slice_skip(s, host.n);
        }
    }
    bool digits = port.n == 0 || port.p[0] == ':';
    for (size_t i = 1; i < port.n; i++)
        digits = digits && port.p[i] >= '0' && port.p[i] <= '9';
    if (!digits) {
        *f = fault("invalid port \"%.*s\" after host", port);
        return true;
    }
    u->port = slice_skip(port, 1);
    return unescape(c, host, PART_HOST, &u->host, f);
}

/* False: memory exhausted. */
static bool parse(struct builtin_ctx *c, struct slice s, struct uri *u,
                  struct fault *f)
{
    *u = (struct uri){.scheme = {"", 0}};
    for (size_t i = 0; i < s.n; i++) {
        if ((uint8_t)s.p[i] < 0x20 || s.p[i] == 0x7f) {
            *f = fault("net/url: invalid control character in URL",
                       (struct slice){0});
            return true;
        }
    }
    size_t hash = slice_find(s, '#');
    if (hash < s.n &&
        !unescape(c, slice_skip(s, hash + 1), PART_FRAGMENT, &u->fragment, f))
        return false;
    s.n = hash;
    if (f->what == NULL)
        *f = get_scheme(&s, &u->scheme);
    if (f->what != NULL)
        return true;
    size_t mark = slice_find(s, '?');
    u->query = slice_skip(s, mark + 1);
    s.n = mark;
    if (u->scheme.n > 0 && !slice_starts(s, "/"))
        return true; // opaque: "mailto:a@b"
    if (u->scheme.n == 0 && s.n > 0 && s.p[0] != '/') {
        struct slice first = slice(s.p, slice_find(s, '/'));
        if (memchr(first.p, ':', first.n) != NULL) {
            *f = fault("first path segment in URL cannot contain colon",
                       (struct slice){0});
            return true;
        }
    }
    if (slice_starts(s, "//") && (u->scheme.n > 0 || !slice_starts(s, "///"))) {
        struct slice rest = slice_skip(s, 2);
        size_t end = slice_find(rest, '/');
        if (!get_authority(c, slice(rest.p, end), u, f))
            return false;
        if (f->what != NULL)
            return true;
        s = slice_skip(rest, end);
    }
    u->raw_path = s;
    return unescape(c, s, PART_PATH, &u->path, f);
}

static enum builtin_status give_fault(struct builtin_ctx *c, struct slice s,
                                      const struct fault *f)
{
    int n = s.n < 300 ? (int)s.n : 300;
    struct slice what = slice_str(f->what);
    if (memmem(what.p, what.n, "%.*s", 4) != NULL)
        return builtin_error(c, CODE_BUILTIN,
                             "parse \"%.*s\": invalid port \"%.*s\" after host",
                             n, s.p, SLICE_FMT(f->part));
    if (f->part.p != NULL)
        return builtin_error(c, CODE_BUILTIN, "parse \"%.*s\": %s \"%.*s\"", n,
                             s.p, f->what, SLICE_FMT(f->part));
    return builtin_error(c, CODE_BUILTIN, "parse \"%.*s\": %s", n, s.p,
                         f->what);
}

/* Go keeps the raw path only where escaping the path anew would not give it
 * back. */
static struct slice raw_path(const struct builtin_ctx *c, const struct uri *u)
{
    struct buf b;
    builtin_buf(c, &b);
    for (size_t i = 0; i < u->path.n; i++) {
        char ch = u->path.p[i];
        if (alnum(ch) || (ch != '\0' && strchr("-_.~$&+,/:;=@", ch) != NULL))
            buf_char(&b, ch);
        else
            buf_printf(&b, "%%%02X", (unsigned)(uint8_t)ch);
    }
    bool same = !b.failed && slice_eq(buf_get(&b), u->raw_path);
    buf_release(&b);
    return same ? u->path : u->raw_path;
}

static void put(struct value_list *l, const char *key, struct slice s)
{
    if (s.n == 0)
        return;
    value_list_add(l, value_str(slice_str(key)));
    value_list_add(l, value_str(s));
}

static enum builtin_status
uri_parse(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    struct uri u;
    struct fault f = {0};
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    struct slice s = value_slice(&args[0]);
    if (!builtin_step(c, s.n / 16 + 1))
        return BUILTIN_FATAL;
    if (!parse(c, s, &u, &f))
        return builtin_nomem(c);
    if (f.what != NULL)
        return give_fault(c, s, &f);
    struct value_list l = builtin_list(c);
    char *lower = builtin_alloc(c, u.scheme.n);
    if (lower == NULL)
        return BUILTIN_FATAL;
    for (size_t i = 0; i < u.scheme.n; i++)
        lower[i] = (char)(u.scheme.p[i] >= 'A' && u.scheme.p[i] <= 'Z'
                              ? u.scheme.p[i] + 32
                              : u.scheme.p[i]);
    put(&l, "scheme", slice(lower, u.scheme.n));
    put(&l, "hostname", u.host);
    put(&l, "port", u.port);
    put(&l, "path", u.path);
    put(&l, "raw_path", raw_path(c, &u));
    put(&l, "raw_query", u.query);
    put(&l, "fragment", u.fragment);
    return builtin_give(c, value_list_object(&l), out);
}

static enum builtin_status
uri_is_valid(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    struct uri u;
    struct fault f = {0};
    *out = value_bool(false);
    if (args[0].kind != V_STRING || args[0].n == 0)
        return BUILTIN_OK;
    if (!builtin_step(c, args[0].n / 16 + 1))
        return BUILTIN_FATAL;
    if (!parse(c, value_slice(&args[0]), &u, &f))
        return builtin_nomem(c);
    *out = value_bool(f.what == NULL);
    return BUILTIN_OK;
}

const struct builtin builtin_uri[] = {
    BUILTIN("uri.parse", 1, "s>(a)", uri_parse),
    BUILTIN("uri.is_valid", 1, "s>b", uri_is_valid),
    BUILTIN("urlquery.encode", 1, "s>s", query_encode),
    BUILTIN("urlquery.decode", 1, "s>s", query_decode),
    BUILTIN("urlquery.encode_object", 1, "(a)>s", encode_object),
    BUILTIN("urlquery.decode_object", 1, "s>(a)", decode_object),
    BUILTIN_END,
};

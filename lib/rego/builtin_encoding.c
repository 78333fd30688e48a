/* builtin_encoding.c - JSON text, base64, hex. */
#include <string.h>

#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"
#include "rego/unicode.h"

/* ---- JSON out ----------------------------------------------------------- */

/* As Go's encoding/json writes: what HTML would interpret is escaped. */
struct writer {
    struct builtin_ctx *c;
    struct buf b;
    bool pretty;
    struct slice prefix, indent;
};

static void put_string(struct buf *b, struct slice s)
{
    static const char from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";
    buf_char(b, '"');
    size_t len;
    for (size_t i = 0; i < s.n; i += len) {
        uint32_t r = unicode_decode(s, i, &len);
        const char *k = r > 0 && r < 0x80 ? strchr(from, (int)r) : NULL;
        if (k != NULL) {
            buf_char(b, '\\');
            buf_char(b, to[k - from]);
        } else if (r < 0x20 || r == '<' || r == '>' || r == '&' ||
                   r == 0x2028 || r == 0x2029) {
            buf_printf(b, "\\u%04x", r);
        } else if (r == UNICODE_BAD && len == 1) {
            buf_str(b, "\\ufffd");
        } else {
            buf_add(b, s.p + i, len);
        }
    }
    buf_char(b, '"');
}

static void put_line(struct writer *w, int depth)
{
    if (!w->pretty)
        return;
    buf_char(&w->b, '\n');
    buf_slice(&w->b, w->prefix);
    for (int i = 0; i < depth; i++)
        buf_slice(&w->b, w->indent);
}

static bool put_value(struct writer *w, const struct value *v, int depth);

/* A key that is no string is its JSON text as a string. */
static bool put_key(struct writer *w, const struct value *key)
{
    if (key->kind == V_STRING) {
        put_string(&w->b, value_slice(key));
        return true;
    }
    struct slice text = value_json_arena(w->c->arena, key);
    put_string(&w->b, text);
    return text.p != NULL;
}

static bool put_members(struct writer *w, const struct value *v, int depth)
{
    bool object = v->kind == V_OBJECT;
    buf_char(&w->b, object ? '{' : '[');
    for (uint32_t i = 0; i < v->n; i++) {
        const struct value *e = &v->u.v[object ? 2 * (size_t)i : i];
        if (i > 0)
            buf_char(&w->b, ',');
        put_line(w, depth + 1);
        if (object) {
            if (!put_key(w, e++))
                return false;
            buf_str(&w->b, w->pretty ? ": " : ":");
        }
        if (!put_value(w, e, depth + 1))
            return false;
    }
    if (v->n > 0)
        put_line(w, depth);
    buf_char(&w->b, object ? '}' : ']');
    return true;
}

static bool put_value(struct writer *w, const struct value *v, int depth)
{
    if (!builtin_step(w->c, 1 + (v->kind == V_STRING ? v->n / 32 : 0)) ||
        depth > 1000)
        return false;
    if (v->kind == V_STRING)
        put_string(&w->b, value_slice(v));
    else if (v->kind == V_ARRAY || v->kind == V_SET || v->kind == V_OBJECT)
        return put_members(w, v, depth);
    else
        value_json(&w->b, v);
    return true;
}

static enum builtin_status write_json(struct writer *w, const struct value *v,
                                      struct value *out)
{
    builtin_buf(w->c, &w->b);
    w->c->code = NULL;
    if (w->pretty)
        buf_slice(&w->b, w->prefix);
    if (!put_value(w, v, 0)) {
        buf_release(&w->b);
        return builtin_run_limit(w->c);
    }
    return builtin_give_buf(w->c, &w->b, out);
}

static enum builtin_status
json_marshal(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    struct writer w = {.c = c};
    return write_json(&w, &args[0], out);
}

static enum builtin_status json_marshal_options(struct builtin_ctx *c,
                                                const struct value *args,
                                                struct value *out)
{
    struct writer w = {.c = c, .indent = SLICE("\t")};
    if (!builtin_want(c, args, 2, V_OBJECT))
        return BUILTIN_ERROR;
    const struct value *pretty = NULL;
    for (uint32_t i = 0; i < args[1].n; i++) {
        const struct value *key = &args[1].u.v[2 * (size_t)i], *v = key + 1;
        struct slice name =
            key->kind == V_STRING ? value_slice(key) : slice("", 0);
        if (slice_is(name, "pretty") && v->kind == V_BOOL) {
            pretty = v;
        } else if (slice_is(name, "prefix") && v->kind == V_STRING) {
            w.prefix = value_slice(v);
            w.pretty = true;
        } else if (slice_is(name, "indent") && v->kind == V_STRING) {
            w.indent = value_slice(v);
            w.pretty = true;
        } else if (slice_is(name, "pretty") || slice_is(name, "prefix") ||
                   slice_is(name, "indent")) {
            return builtin_error(
                c, CODE_TYPE, "operand 2 key %.*s failed cast to %s",
                SLICE_FMT(name), slice_is(name, "pretty") ? "bool" : "string");
        } else {
            return builtin_error(c, CODE_TYPE,
                                 "operand 2 object contained unknown key "
                                 "\"%.*s\"",
                                 name.n < 200 ? (int)name.n : 200, name.p);
        }
    }
    if (pretty != NULL)
        w.pretty = value_is_true(pretty);
    return write_json(&w, &args[0], out);
}

/* ---- JSON in ------------------------------------------------------------ */

static enum builtin_status json_unmarshal(struct builtin_ctx *c,
                                          const struct value *args,
                                          struct value *out)
{
    struct err err;
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    if (!builtin_step(c, args[0].n / 16 + 1))
        return BUILTIN_FATAL;
    enum status st =
        value_parse_json(c->arena, value_slice(&args[0]), out, &err);
    if (st == E_TOO_BIG)
        return builtin_nomem(c);
    return st == OK ? BUILTIN_OK : builtin_fail(c, &err);
}

static enum builtin_status json_is_valid(struct builtin_ctx *c,
                                         const struct value *args,
                                         struct value *out)
{
    struct value ignore;
    *out = value_bool(false);
    if (args[0].kind != V_STRING)
        return BUILTIN_OK;
    if (!builtin_step(c, args[0].n / 16 + 1))
        return BUILTIN_FATAL;
    enum status st =
        value_parse_json(c->arena, value_slice(&args[0]), &ignore, NULL);
    if (st == E_TOO_BIG)
        return builtin_nomem(c);
    *out = value_bool(st == OK);
    return BUILTIN_OK;
}

/* ---- base64 ------------------------------------------------------------- */

static const char std_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
                                 "stuvwxyz0123456789+/";
static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
                                 "stuvwxyz0123456789-_";

static enum builtin_status encode64(struct builtin_ctx *c,
                                    const struct value *args,
                                    const char *digits, bool pad,
                                    struct value *out)
{
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    struct slice s = value_slice(&args[0]);
    if (s.n > BUILTIN_TEXT_MAX)
        return builtin_nomem(c);
    char *p = builtin_alloc(c, s.n / 3 * 4 + 8);
    if (p == NULL || !builtin_step(c, s.n / 32 + 1))
        return BUILTIN_FATAL;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i += 3) {
        size_t left = s.n - i;
        uint32_t v = (uint32_t)(uint8_t)s.p[i] << 16;
        v |= left > 1 ? (uint32_t)(uint8_t)s.p[i + 1] << 8 : 0;
        v |= left > 2 ? (uint8_t)s.p[i + 2] : 0;
        p[n++] = digits[v >> 18];
        p[n++] = digits[v >> 12 & 63];
        if (left > 1)
            p[n++] = digits[v >> 6 & 63];
        else if (pad)
            p[n++] = '=';
        if (left > 2)
            p[n++] = digits[v & 63];
        else if (pad)
            p[n++] = '=';
    }
    *out = value_str(slice(p, n));
    return BUILTIN_OK;
}

static int digit64(char ch, bool url)
{
    if (ch >= 'A' && ch <= 'Z')
        return ch - 'A';
    if (ch >= 'a' && ch <= 'z')
        return ch - 'a' + 26;
    if (ch >= '0' && ch <= '9')
        return ch - '0' + 52;
    if (ch == (url ? '-' : '+'))
        return 62;
    return ch == (url ? '_' : '/') ? 63 : -1;
}

size_t builtin_base64(struct slice s, bool url, bool padded, uint8_t *out,
                      size_t *bad)
{
    size_t n = 0, i = 0;
    uint32_t v = 0;
    int have = 0;
    *bad = SIZE_MAX;
    for (; i < s.n; i++) {
        if (s.p[i] == '\r' || s.p[i] == '\n')
            continue;
        int d = digit64(s.p[i], url);
        if (d < 0)
            break;
        v = v << 6 | (uint32_t)d;
        if (++have == 4) {
            out[n++] = (uint8_t)(v >> 16);
            out[n++] = (uint8_t)(v >> 8);
            out[n++] = (uint8_t)v;
            have = 0;
        }
    }
    size_t pads = 0, stop = i;
    for (; i < s.n && (s.p[i] == '=' || s.p[i] == '\n' || s.p[i] == '\r'); i++)
        pads += s.p[i] == '=';
    bool ok = i == s.n && have != 1 &&
              pads == (padded && have > 0 ? (size_t)(4 - have) : 0);
    if (!ok) {
        *bad = i < s.n ? i : have > 0 && pads == 0 ? s.n : stop;
        // Go counts to the quantum that does not end
        if (i == s.n && pads == 0)
            *bad = s.n - (size_t)have;
        return n;
    }
    if (have >= 2)
        out[n++] = (uint8_t)(v >> (have == 2 ? 4 : 10));
    if (have == 3)
        out[n++] = (uint8_t)(v >> 2);
    return n;
}

static enum builtin_status decode64(struct builtin_ctx *c, struct slice s,
                                    bool url, bool padded, struct value *out)
{
    uint8_t *p = builtin_alloc(c, s.n / 4 * 3 + 4);
    size_t bad;
    if (p == NULL || !builtin_step(c, s.n / 32 + 1))
        return BUILTIN_FATAL;
    size_t n = builtin_base64(s, url, padded, p, &bad);
    if (bad != SIZE_MAX)
        return builtin_error(c, CODE_BUILTIN,
                             "illegal base64 data at input byte %zu", bad);
    *out = value_str(slice((const char *)p, n));
    return BUILTIN_OK;
}

static enum builtin_status base64_encode(struct builtin_ctx *c,
                                         const struct value *args,
                                         struct value *out)
{
    return encode64(c, args, std_digits, true, out);
}

static enum builtin_status base64url_encode(struct builtin_ctx *c,
                                            const struct value *args,
                                            struct value *out)
{
    return encode64(c, args, url_digits, true, out);
}

static enum builtin_status base64url_no_pad(struct builtin_ctx *c,
                                            const struct value *args,
                                            struct value *out)
{
    return encode64(c, args, url_digits, false, out);
}

static enum builtin_status base64_decode(struct builtin_ctx *c,
                                         const struct value *args,
                                         struct value *out)
{
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    return decode64(c, value_slice(&args[0]), false, true, out);
}

/* With or without padding. */
static enum builtin_status base64url_decode(struct builtin_ctx *c,
                                            const struct value *args,
                                            struct value *out)
{
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    struct slice s = value_slice(&args[0]);
    return decode64(c, s, true, slice_ends(s, "="), out);
}

static enum builtin_status base64_is_valid(struct builtin_ctx *c,
                                           const struct value *args,
                                           struct value *out)
{
    *out = value_bool(false);
    if (args[0].kind != V_STRING)
        return BUILTIN_OK;
    struct slice s = value_slice(&args[0]);
    uint8_t *p = builtin_alloc(c, s.n / 4 * 3 + 4);
    size_t bad;
    if (p == NULL || !builtin_step(c, s.n / 32 + 1))
        return BUILTIN_FATAL;
    (void)builtin_base64(s, false, true, p, &bad);
    *out = value_bool(bad == SIZE_MAX);
    return BUILTIN_OK;
}

/* ---- hex ---------------------------------------------------------------- */

static int hex(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    ch |= 0x20;
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

static enum builtin_status
hex_encode(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    struct slice s = value_slice(&args[0]);
    char *p = s.n <= BUILTIN_TEXT_MAX ? builtin_alloc(c, 2 * s.n + 1) : NULL;
    if (p == NULL || !builtin_step(c, s.n / 32 + 1))
        return s.n <= BUILTIN_TEXT_MAX ? BUILTIN_FATAL : builtin_nomem(c);
    for (size_t i = 0; i < s.n; i++) {
        p[2 * i] = "0123456789abcdef"[(uint8_t)s.p[i] >> 4];
        p[2 * i + 1] = "0123456789abcdef"[(uint8_t)s.p[i] & 15];
    }
    *out = value_str(slice(p, 2 * s.n));
    return BUILTIN_OK;
}

static enum builtin_status
hex_decode(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    struct slice s = value_slice(&args[0]);
    char *p = builtin_alloc(c, s.n / 2 + 1);
    if (p == NULL || !builtin_step(c, s.n / 32 + 1))
        return BUILTIN_FATAL;
    for (size_t i = 0; i < s.n; i++) {
        if (hex(s.p[i]) < 0) {
            char ch = s.p[i];
            return builtin_error(
                c, CODE_BUILTIN, "encoding/hex: invalid byte: U+%04X '%c'",
                (unsigned)(uint8_t)ch, ch >= 0x20 && ch < 0x7f ? ch : '?');
        }
        if (i % 2 == 1)
            p[i / 2] = (char)(hex(s.p[i - 1]) * 16 + hex(s.p[i]));
    }
    if (s.n % 2 == 1)
        return builtin_error(c, CODE_BUILTIN,
                             "encoding/hex: odd length hex string");
    *out = value_str(slice(p, s.n / 2));
    return BUILTIN_OK;
}

const struct builtin builtin_encoding[] = {
    BUILTIN("json.marshal", 1, "a>s", json_marshal),
    BUILTIN("json.marshal_with_options", 2, "a(a)>s", json_marshal_options),
    BUILTIN("json.unmarshal", 1, "s>a", json_unmarshal),
    BUILTIN("json.is_valid", 1, "s>b", json_is_valid),
    BUILTIN("base64.encode", 1, "s>s", base64_encode),
    BUILTIN("base64.decode", 1, "s>s", base64_decode),
    BUILTIN("base64.is_valid", 1, "s>b", base64_is_valid),
    BUILTIN("base64url.encode", 1, "s>s", base64url_encode),
    BUILTIN("base64url.encode_no_pad", 1, "s>s", base64url_no_pad),
    BUILTIN("base64url.decode", 1, "s>s", base64url_decode),
    BUILTIN("hex.encode", 1, "s>s", hex_encode),
    BUILTIN("hex.decode", 1, "s>s", hex_decode),
    BUILTIN_END,
};

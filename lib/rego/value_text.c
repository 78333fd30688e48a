/* value_text.c - values from and to JSON, and as Rego terms.
 *
 * The JSON reader builds values directly; strings without escapes borrow from
 * the text.  Recursion is bounded by VALUE_DEPTH_MAX on the way in, so
 * printing needs no bound of its own for values that came from text;
 * evaluation bounds the depth of what it builds by its own limits.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "rego/number.h"
#include "rego/value.h"

// ---- reading --------------------------------------------------------------

struct reader {
    struct arena *arena;
    const char *p, *end, *start;
    int depth;
    struct err *err;
};

static enum status bad(struct reader *r, const char *what)
{
    return err_set(r->err, E_INVALID, "json", "%s at byte %zu", what,
                   (size_t)(r->p - r->start));
}

static enum status no_room(struct reader *r)
{
    return err_set(r->err, E_TOO_BIG, "json", "memory limit reached");
}

static void skip_space(struct reader *r)
{
    while (r->p < r->end &&
           (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r'))
        r->p++;
}

static int hex4(const char *p)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

size_t value_put_utf8(char *to, uint32_t cp)
{
    if (cp < 0x80) {
        to[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        to[0] = (char)(0xC0 | cp >> 6);
        to[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        to[0] = (char)(0xE0 | cp >> 12);
        to[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        to[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    to[0] = (char)(0xF0 | cp >> 18);
    to[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    to[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    to[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

/* \uXXXX at `*at` (behind the u), with its second half if there is one; a
 * lone surrogate becomes U+FFFD. */
static bool unescape_u(struct slice raw, size_t *at, int *cp)
{
    if (raw.n - *at < 4 || (*cp = hex4(raw.p + *at)) < 0)
        return false;
    *at += 4;
    if (*cp >= 0xD800 && *cp < 0xDC00 && raw.n - *at >= 6 &&
        raw.p[*at] == '\\' && raw.p[*at + 1] == 'u') {
        int low = hex4(raw.p + *at + 2);
        if (low >= 0xDC00 && low < 0xE000) {
            *cp = 0x10000 + ((*cp - 0xD800) << 10) + (low - 0xDC00);
            *at += 6;
        }
    }
    if (*cp >= 0xD800 && *cp < 0xE000)
        *cp = 0xFFFD;
    return true;
}

bool value_unescape(struct slice raw, char *to, size_t *n)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    size_t at = 0;
    *n = 0;
    while (at < raw.n) {
        if (raw.p[at] != '\\') {
            to[(*n)++] = raw.p[at++];
            continue;
        }
        if (++at >= raw.n)
            return false;
        char c = raw.p[at++];
        if (c == 'u') {
            int cp;
            if (!unescape_u(raw, &at, &cp))
                return false;
            *n += value_put_utf8(to + *n, (uint32_t)cp);
            continue;
        }
        const char *hit = c != '\0' ? strchr(from, c) : NULL;
        if (hit == NULL)
            return false;
        to[(*n)++] = into[hit - from];
    }
    return true;
}

static enum status read_string(struct reader *r, struct value *out)
{
    const char *start = ++r->p;
    bool escaped = false, high = false;
    for (;; r->p++) {
        if (r->p >= r->end)
            return bad(r, "unterminated string");
        unsigned char c = (unsigned char)*r->p;
        if (c == '"')
            break;
        if (c < 0x20)
            return bad(r, "control character in string");
        high |= c >= 0x80;
        if (c == '\\') {
            escaped = true;
            if (++r->p >= r->end)
                return bad(r, "unterminated string");
        }
    }
    struct slice raw = {start, (size_t)(r->p - start)};
    if (high && !json_utf8_ok(raw))
        return bad(r, "invalid UTF-8");
    r->p++;
    if (!escaped) {
        *out = value_str(raw);
        return OK;
    }
    char *to = arena_try(r->arena, raw.n + 1);
    size_t n;
    if (to == NULL)
        return no_room(r);
    if (!value_unescape(raw, to, &n))
        return bad(r, "bad escape in string");
    *out = value_str(slice(to, n));
    return OK;
}

static bool digits(struct reader *r)
{
    const char *start = r->p;
    while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
        r->p++;
    return r->p > start;
}

static bool at(const struct reader *r, char c)
{
    return r->p < r->end && *r->p == c;
}

static enum status read_number(struct reader *r, struct value *out)
{
    const char *start = r->p;
    if (at(r, '-'))
        r->p++;
    if (at(r, '0'))
        r->p++;
    else if (!digits(r))
        return bad(r, "unexpected character");
    if (at(r, '.')) {
        r->p++;
        if (!digits(r))
            return bad(r, "bad number");
    }
    if (at(r, 'e') || at(r, 'E')) {
        r->p++;
        if (at(r, '+') || at(r, '-'))
            r->p++;
        if (!digits(r))
            return bad(r, "bad number");
    }
    struct slice text = {start, (size_t)(r->p - start)};
    if (!value_number_text(r->arena, text, out))
        return bad(r, "number out of range");
    return OK;
}

static enum status read_value(struct reader *r, struct value *out);

static enum status read_member(struct reader *r, struct value_list *l)
{
    struct value key;
    if (!at(r, '"'))
        return bad(r, "member name expected");
    enum status st = read_string(r, &key);
    if (st != OK)
        return st;
    skip_space(r);
    if (!at(r, ':'))
        return bad(r, "':' expected");
    r->p++;
    value_list_add(l, key);
    return OK;
}

static enum status read_items(struct reader *r, struct value *out, char end)
{
    struct value_list l;
    value_list_init(&l, r->arena);
    if (++r->depth > VALUE_DEPTH_MAX)
        return bad(r, "nesting too deep");
    r->p++;
    skip_space(r);
    bool more = !at(r, end);
    if (!more)
        r->p++;
    while (more) {
        enum status st = OK;
        struct value v;
        skip_space(r);
        if (end == '}')
            st = read_member(r, &l);
        if (st == OK)
            st = read_value(r, &v);
        if (st != OK)
            return st;
        value_list_add(&l, v);
        skip_space(r);
        if (!at(r, ',') && !at(r, end))
            return bad(r, end == '}' ? "',' or '}' expected"
                                     : "',' or ']' expected");
        more = *r->p++ == ',';
    }
    r->depth--;
    *out = end == '}' ? value_list_object(&l) : value_list_array(&l);
    return out->kind == V_UNDEF ? no_room(r) : OK;
}

static enum status read_value(struct reader *r, struct value *out)
{
    static const struct {
        struct slice word;
        struct value value;
    } words[] = {{{"true", 4}, {.kind = V_BOOL, .n = 1}},
                 {{"false", 5}, {.kind = V_BOOL}},
                 {{"null", 4}, {.kind = V_NULL}}};
    skip_space(r);
    if (at(r, '{'))
        return read_items(r, out, '}');
    if (at(r, '['))
        return read_items(r, out, ']');
    if (at(r, '"'))
        return read_string(r, out);
    if (r->p < r->end && (*r->p == '-' || (*r->p >= '0' && *r->p <= '9')))
        return read_number(r, out);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if ((size_t)(r->end - r->p) >= words[i].word.n &&
            memcmp(r->p, words[i].word.p, words[i].word.n) == 0) {
            r->p += words[i].word.n;
            *out = words[i].value;
            return OK;
        }
    return bad(r, r->p == r->end ? "unexpected end" : "unexpected character");
}

enum status value_parse_json(struct arena *a, struct slice text,
                             struct value *out, struct err *err)
{
    struct reader r = {.arena = a,
                       .p = text.p,
                       .end = text.p + text.n,
                       .start = text.p,
                       .err = err};
    enum status st = read_value(&r, out);
    if (st != OK)
        return st;
    skip_space(&r);
    return r.p == r.end ? OK : bad(&r, "text behind the value");
}

// ---- writing --------------------------------------------------------------

static void put_number(struct buf *b, const struct value *v)
{
    if ((v->flags & VALUE_INT) != 0)
        buf_i64(b, v->u.i);
    else
        number_format(b, v->u.num);
}

static void put_key(struct buf *b, const struct value *key)
{
    if (key->kind == V_STRING) {
        json_quote(b, value_slice(key));
        return;
    }
    struct buf text;
    buf_init(&text, b->limit);
    value_json(&text, key);
    if (text.failed)
        b->failed = true;
    else
        json_quote(b, buf_get(&text));
    buf_release(&text);
}

static void put_scalar(struct buf *b, const struct value *v)
{
    if (v->kind == V_BOOL)
        buf_str(b, v->n != 0 ? "true" : "false");
    else if (v->kind == V_NUMBER)
        put_number(b, v);
    else if (v->kind == V_NULL)
        buf_str(b, "null");
}

void value_json(struct buf *b, const struct value *v)
{
    if (b->failed)
        return;
    if (v->kind == V_STRING) {
        json_quote(b, value_slice(v));
        return;
    }
    if (v->kind < V_ARRAY) {
        put_scalar(b, v);
        return;
    }
    bool object = v->kind == V_OBJECT;
    buf_char(b, object ? '{' : '[');
    for (uint32_t i = 0; i < v->n; i++) {
        if (i > 0)
            buf_char(b, ',');
        if (object) {
            put_key(b, &v->u.v[2 * i]);
            buf_char(b, ':');
        }
        value_json(b, &v->u.v[object ? 2 * i + 1 : i]);
    }
    buf_char(b, object ? '}' : ']');
}

static size_t utf8_len(const unsigned char *s, size_t n)
{
    size_t len = s[0] < 0x80                    ? 1
                 : s[0] >= 0xC2 && s[0] <= 0xDF ? 2
                 : s[0] >= 0xE0 && s[0] <= 0xEF ? 3
                 : s[0] >= 0xF0 && s[0] <= 0xF4 ? 4
                                                : 0;
    if (len == 0 || len > n || !json_utf8_ok(slice((const char *)s, len)))
        return 0;
    return len;
}

/* As Go's strconv.Quote. */
void value_quote(struct buf *b, struct slice s)
{
    static const char from[] = "\a\b\f\n\r\t\v\"\\", into[] = "abfnrtv\"\\";
    const unsigned char *p = (const unsigned char *)s.p;
    buf_char(b, '"');
    for (size_t i = 0; i < s.n && !b->failed;) {
        size_t len = utf8_len(p + i, s.n - i);
        const char *hit = p[i] != 0 ? strchr(from, p[i]) : NULL;
        if (hit != NULL && len == 1) {
            buf_char(b, '\\');
            buf_char(b, into[hit - from]);
        } else if (len == 0 || p[i] < 0x20 || p[i] == 0x7f) {
            buf_printf(b, "\\x%02x", p[i]);
            len = 1;
        } else if (len == 2 && p[i] == 0xC2 &&
                   (p[i + 1] <= 0xA0 || p[i + 1] == 0xAD)) {
            buf_printf(b, "\\u00%02x", p[i + 1]);
        } else {
            buf_add(b, s.p + i, len);
        }
        i += len;
    }
    buf_char(b, '"');
}

void value_term(struct buf *b, const struct value *v)
{
    if (b->failed)
        return;
    if (v->kind == V_STRING) {
        value_quote(b, value_slice(v));
        return;
    }
    if (v->kind < V_ARRAY) {
        put_scalar(b, v);
        return;
    }
    if (v->kind == V_SET && v->n == 0) {
        buf_str(b, "set()");
        return;
    }
    bool object = v->kind == V_OBJECT, array = v->kind == V_ARRAY;
    buf_char(b, array ? '[' : '{');
    for (uint32_t i = 0; i < v->n; i++) {
        if (i > 0)
            buf_str(b, ", ");
        if (object) {
            value_term(b, &v->u.v[2 * i]);
            buf_str(b, ": ");
        }
        value_term(b, &v->u.v[object ? 2 * i + 1 : i]);
    }
    buf_char(b, array ? ']' : '}');
}

static struct slice into_arena(struct arena *a, struct buf *b)
{
    struct slice out = {NULL, 0};
    if (!b->failed)
        out = arena_dup(a, buf_get(b));
    buf_release(b);
    return out;
}

struct slice value_json_arena(struct arena *a, const struct value *v)
{
    struct buf b;
    buf_init(&b, a->limit - a->used);
    value_json(&b, v);
    return into_arena(a, &b);
}

struct slice value_term_arena(struct arena *a, const struct value *v)
{
    struct buf b;
    buf_init(&b, a->limit - a->used);
    value_term(&b, v);
    return into_arena(a, &b);
}

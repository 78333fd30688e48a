/* json.c - strict JSON into a tree, and a sticky writer.
 *
 * Own code rather than a library because amounts must be read from a number's
 * text: the C libraries at hand hand over doubles.  The reader is recursive
 * with a depth cap; every node lives in the caller's arena.
 */
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/money.h"
#include "base/utf8.h"

#define DEPTH_MAX 128

struct parser {
    struct arena *arena;
    struct slice text;
    size_t at;
    int depth;
    struct err *err;
};

static enum status parse_value(struct parser *p, struct json **out);

static enum status fail(struct parser *p, const char *what)
{
    return err_set(p->err, E_INVALID, "json", "%s at byte %zu", what, p->at);
}

static enum status no_room(struct parser *p)
{
    return err_set(p->err, E_TOO_BIG, "json", "too large");
}

static void skip_space(struct parser *p)
{
    while (p->at < p->text.n) {
        char c = p->text.p[p->at];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return;
        p->at++;
    }
}

static int peek(struct parser *p)
{
    return p->at < p->text.n ? (unsigned char)p->text.p[p->at] : -1;
}

bool json_utf8_ok(struct slice s)
{
    return utf8_valid((const uint8_t *)s.p, s.n) == s.n;
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

static size_t put_utf8(char *to, int cp)
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

/* Decodes \uXXXX (and its second half); a lone surrogate becomes U+FFFD. */
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

/* Decodes the escapes of `raw`; the result is never longer. */
static bool unescape(struct slice raw, char *to, size_t *n)
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
            *n += put_utf8(to + *n, cp);
            continue;
        }
        const char *hit = c != '\0' ? strchr(from, c) : NULL;
        if (hit == NULL)
            return false;
        to[(*n)++] = into[hit - from];
    }
    return true;
}

static enum status parse_string(struct parser *p, struct slice *out)
{
    size_t start = ++p->at;
    bool escaped = false;
    for (;; p->at++) {
        int c = peek(p);
        if (c < 0)
            return fail(p, "unterminated string");
        if (c == '"')
            break;
        if (c < 0x20)
            return fail(p, "control character in string");
        if (c == '\\') {
            escaped = true;
            p->at++;
        }
    }
    struct slice raw = {p->text.p + start, p->at - start};
    if (!json_utf8_ok(raw))
        return fail(p, "invalid UTF-8");
    p->at++;
    if (!escaped) {
        *out = raw;
        return OK;
    }
    char *to = arena_try(p->arena, raw.n + 1);
    size_t n;
    if (to == NULL)
        return no_room(p);
    if (!unescape(raw, to, &n))
        return fail(p, "bad escape in string");
    *out = (struct slice){to, n};
    return OK;
}

static bool digits(struct parser *p)
{
    size_t start = p->at;
    while (peek(p) >= '0' && peek(p) <= '9')
        p->at++;
    return p->at > start;
}

static enum status parse_number(struct parser *p, struct slice *out)
{
    size_t start = p->at;
    if (peek(p) == '-')
        p->at++;
    if (peek(p) == '0')
        p->at++;
    else if (!digits(p))
        return fail(p, "unexpected character");
    if (peek(p) == '.') {
        p->at++;
        if (!digits(p))
            return fail(p, "bad number");
    }
    if (peek(p) == 'e' || peek(p) == 'E') {
        p->at++;
        if (peek(p) == '+' || peek(p) == '-')
            p->at++;
        if (!digits(p))
            return fail(p, "bad number");
    }
    *out = (struct slice){p->text.p + start, p->at - start};
    return OK;
}

static enum status parse_key(struct parser *p, struct slice *key)
{
    if (peek(p) != '"')
        return fail(p, "member name expected");
    enum status st = parse_string(p, key);
    if (st != OK)
        return st;
    skip_space(p);
    if (peek(p) != ':')
        return fail(p, "':' expected");
    p->at++;
    skip_space(p);
    return OK;
}

/* Members or elements of `v`, whose opening bracket is consumed. */
static enum status parse_items(struct parser *p, struct json *v, char end)
{
    struct json **tail = &v->child;
    if (++p->depth > DEPTH_MAX)
        return fail(p, "nesting too deep");
    skip_space(p);
    if (peek(p) == end) {
        p->at++;
        p->depth--;
        return OK;
    }
    for (;;) {
        struct slice key = {NULL, 0};
        enum status st;
        if (end == '}' && (st = parse_key(p, &key)) != OK)
            return st;
        if ((st = parse_value(p, tail)) != OK)
            return st;
        (*tail)->key = key;
        tail = &(*tail)->next;
        v->count++;
        skip_space(p);
        int c = peek(p);
        if (c != ',' && c != end)
            return fail(p, end == '}' ? "',' or '}' expected"
                                      : "',' or ']' expected");
        p->at++;
        if (c == end)
            break;
        skip_space(p);
    }
    p->depth--;
    return OK;
}

static enum status parse_word(struct parser *p, struct json *v)
{
    static const struct {
        const char *word;
        enum json_type type;
    } words[] = {
        {"true", JSON_TRUE}, {"false", JSON_FALSE}, {"null", JSON_NULL}};
    struct slice rest = slice_skip(p->text, p->at);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_starts(rest, words[i].word)) {
            v->type = words[i].type;
            p->at += strlen(words[i].word);
            return OK;
        }
    return fail(p, rest.n == 0 ? "unexpected end" : "unexpected character");
}

static enum status parse_value(struct parser *p, struct json **out)
{
    skip_space(p);
    struct json *v = arena_try(p->arena, sizeof *v);
    if (v == NULL)
        return no_room(p);
    *out = v;
    int c = peek(p);
    if (c == '{' || c == '[') {
        p->at++;
        v->type = c == '{' ? JSON_OBJECT : JSON_ARRAY;
        return parse_items(p, v, c == '{' ? '}' : ']');
    }
    if (c == '"') {
        v->type = JSON_STRING;
        return parse_string(p, &v->text);
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        v->type = JSON_NUMBER;
        return parse_number(p, &v->text);
    }
    return parse_word(p, v);
}

static int compare_keys(const void *va, const void *vb)
{
    const struct slice *a = va, *b = vb;
    size_t n = a->n < b->n ? a->n : b->n;
    int by_bytes = n > 0 ? memcmp(a->p, b->p, n) : 0;
    if (by_bytes != 0)
        return by_bytes;
    return (a->n > b->n) - (a->n < b->n);
}

/* No key of `v` twice.  Sorted, because a body of a megabyte has room for
 * 200,000 keys and comparing each with all before it would take minutes. */
static enum status keys_check(struct parser *p, const struct json *v)
{
    if (v->type != JSON_OBJECT || v->count < 2)
        return OK;
    struct slice *keys = arena_try(p->arena, v->count * sizeof *keys);
    size_t n = 0;
    if (keys == NULL)
        return no_room(p);
    for (const struct json *c = v->child; c != NULL; c = c->next)
        keys[n++] = c->key;
    qsort(keys, n, sizeof *keys, compare_keys);
    for (size_t i = 1; i < n; i++)
        if (slice_eq(keys[i - 1], keys[i]))
            return err_set(p->err, E_INVALID, "json", "duplicate key \"%.*s\"",
                           (int)(keys[i].n < 64 ? keys[i].n : 64), keys[i].p);
    return OK;
}

enum status json_parse(struct arena *a, struct slice text, struct json **out,
                       struct err *err)
{
    struct parser p = {.arena = a, .text = text, .err = err};
    struct json *v;
    enum status st = parse_value(&p, &v);
    if (st != OK)
        return st;
    skip_space(&p);
    if (p.at != text.n)
        return fail(&p, "unexpected character after the value");
    if ((st = keys_check(&p, v)) == OK)
        *out = v;
    return st;
}

const struct json *json_get(const struct json *v, const char *key)
{
    const struct json *hit = NULL;
    if (v == NULL || v->type != JSON_OBJECT)
        return NULL;
    for (const struct json *c = v->child; c != NULL; c = c->next)
        if (slice_is(c->key, key))
            hit = c;
    return hit;
}

bool json_i64(const struct json *v, int64_t *out)
{
    return v != NULL && v->type == JSON_NUMBER && money_scan(v->text, 0, out);
}

struct slice json_text(const struct json *v, struct slice dflt)
{
    return v != NULL && v->type == JSON_STRING ? v->text : dflt;
}

void json_quote(struct buf *b, struct slice s)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *p = (const unsigned char *)s.p;
    size_t plain = 0, i = 0;
    if (s.n == 0) { // perhaps without an address
        buf_str(b, "\"\"");
        return;
    }
    buf_char(b, '"');
    while (i < s.n) {
        size_t len = utf8_len(p + i, s.n - i);
        if (len > 0 && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\' &&
            p[i] != 0x7F) {
            i += len;
            continue;
        }
        buf_add(b, s.p + plain, i - plain);
        if (len == 0)
            buf_str(b, "\xEF\xBF\xBD");
        else if (p[i] == '"' || p[i] == '\\') {
            buf_char(b, '\\');
            buf_char(b, s.p[i]);
        } else if (p[i] == '\n')
            buf_str(b, "\\n");
        else {
            buf_str(b, "\\u00");
            buf_char(b, hex[p[i] >> 4]);
            buf_char(b, hex[p[i] & 15]);
        }
        plain = ++i;
    }
    buf_add(b, s.p + plain, s.n - plain);
    buf_char(b, '"');
}

void json_out_init(struct json_out *o, struct buf *b)
{
    *o = (struct json_out){.b = b};
}

static void item(struct json_out *o)
{
    if (o->comma)
        buf_char(o->b, ',');
    o->comma = true;
}

static void open_with(struct json_out *o, char c)
{
    item(o);
    buf_char(o->b, c);
    o->comma = false;
}

static void close_with(struct json_out *o, char c)
{
    buf_char(o->b, c);
    o->comma = true;
}

void json_obj(struct json_out *o)
{
    open_with(o, '{');
}

void json_obj_end(struct json_out *o)
{
    close_with(o, '}');
}

void json_arr(struct json_out *o)
{
    open_with(o, '[');
}

void json_arr_end(struct json_out *o)
{
    close_with(o, ']');
}

void json_key_slice(struct json_out *o, struct slice key)
{
    item(o);
    json_quote(o->b, key);
    buf_char(o->b, ':');
    o->comma = false;
}

void json_key(struct json_out *o, const char *key)
{
    json_key_slice(o, slice_str(key));
}

void json_raw(struct json_out *o, struct slice text)
{
    item(o);
    buf_slice(o->b, text);
}

void json_str(struct json_out *o, struct slice s)
{
    item(o);
    json_quote(o->b, s);
}

void json_num(struct json_out *o, int64_t v)
{
    item(o);
    buf_i64(o->b, v);
}

void json_bool(struct json_out *o, bool v)
{
    json_raw(o, v ? SLICE("true") : SLICE("false"));
}

void json_null(struct json_out *o)
{
    json_raw(o, SLICE("null"));
}

void json_kstr(struct json_out *o, const char *key, struct slice s)
{
    json_key(o, key);
    json_str(o, s);
}

void json_kstr_null(struct json_out *o, const char *key, struct slice s)
{
    json_key(o, key);
    if (s.p == NULL)
        json_null(o);
    else
        json_str(o, s);
}

void json_knum(struct json_out *o, const char *key, int64_t v)
{
    json_key(o, key);
    json_num(o, v);
}

void json_kbool(struct json_out *o, const char *key, bool v)
{
    json_key(o, key);
    json_bool(o, v);
}

void json_knull(struct json_out *o, const char *key)
{
    json_key(o, key);
    json_null(o);
}

void json_kusd(struct json_out *o, const char *key, int64_t nano)
{
    char text[MONEY_TEXT];
    size_t n = money_format(nano, text);
    json_kstr(o, key, slice(text, n));
}

void json_kusd_num(struct json_out *o, const char *key, int64_t nano)
{
    char text[MONEY_TEXT];
    size_t n = money_format(nano, text);
    json_key(o, key);
    json_raw(o, slice(text, n));
}

void json_ktime(struct json_out *o, const char *key, int64_t ms)
{
    char text[CLOCK_TEXT];
    size_t n = clock_format(ms, text);
    json_kstr(o, key, slice(text, n));
}

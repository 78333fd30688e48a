/* pull.c - strict JSON tokens from a text in memory.
 *
 * Strings are most of a body (prompts, base64 images), so their scan looks at
 * eight bytes at a time and stops at a quote, a backslash, a control byte or
 * the end; UTF-8 is checked only for strings that have bytes >= 0x80.
 */
#include "provider/pull.h"

#include "base/json.h"
#include "base/money.h"

enum expect {
    EX_VALUE,       /* a value must come */
    EX_FIRST_VALUE, /* a value or ']' */
    EX_FIRST_KEY,   /* a key or '}' */
    EX_KEY,         /* a key */
    EX_COLON,
    EX_NEXT, /* ',' or the end of the container */
    EX_DONE,
    EX_BAD,
};

void pull_init(struct pull *r, struct slice text)
{
    *r = (struct pull){.text = text, .expect = EX_VALUE};
}

static void skip_space(struct pull *r)
{
    while (r->at < r->text.n) {
        char c = r->text.p[r->at];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            return;
        r->at++;
    }
}

static enum pull_token bad(struct pull *r)
{
    r->expect = EX_BAD;
    return PULL_BAD;
}

static bool in_object(const struct pull *r)
{
    int d = r->depth - 1;
    return d >= 0 && (r->is_object[d / 64] >> (d % 64) & 1) != 0;
}

static enum pull_token enter(struct pull *r, bool object)
{
    if (r->depth == PULL_DEPTH)
        return bad(r);
    int d = r->depth++;
    uint64_t bit = UINT64_C(1) << (d % 64);
    if (object)
        r->is_object[d / 64] |= bit;
    else
        r->is_object[d / 64] &= ~bit;
    r->from = r->at++;
    r->to = r->at;
    r->expect = object ? EX_FIRST_KEY : EX_FIRST_VALUE;
    return object ? PULL_OBJECT : PULL_ARRAY;
}

/* The depth drops with the next call, so that an END is reported inside what
 * it ends. */
static enum pull_token leave(struct pull *r, bool object)
{
    r->from = r->at++;
    r->to = r->at;
    r->expect = -EX_NEXT; // negative: one level less first
    return object ? PULL_OBJECT_END : PULL_ARRAY_END;
}

#define ONES UINT64_C(0x0101010101010101)
#define HIGH UINT64_C(0x8080808080808080)

/* Position of the next '"', '\\' or control byte from `i` on (or the end);
 * `*high` gets the high bits seen. */
static size_t string_run(const char *p, size_t i, size_t n, uint64_t *high)
{
    for (;;) {
        size_t stop_at = i + 8 < n ? i + 8 : n;
        while (i + 8 <= n) {
            uint64_t w;
            memcpy(&w, p + i, 8);
            uint64_t q = w ^ (ONES * '"'), b = w ^ (ONES * '\\');
            uint64_t stop = ((q - ONES) & ~q) | ((b - ONES) & ~b) |
                            ((w - ONES * 0x20) & ~w);
            if ((stop & HIGH) != 0)
                break;
            *high |= w & HIGH;
            i += 8;
            stop_at = i + 8 < n ? i + 8 : n;
        }
        for (; i < stop_at; i++) {
            unsigned char c = (unsigned char)p[i];
            if (c == '"' || c == '\\' || c < 0x20)
                return i;
            *high |= c & 0x80u;
        }
        if (i >= n)
            return n;
    }
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
           (c >= 'A' && c <= 'F');
}

static bool string_read(struct pull *r)
{
    const char *p = r->text.p;
    size_t n = r->text.n, i = r->at + 1;
    uint64_t high = 0;

    r->from = r->at;
    r->escaped = false;
    for (;;) {
        i = string_run(p, i, n, &high);
        if (i >= n || (unsigned char)p[i] < 0x20)
            break;
        if (p[i] == '"') {
            r->raw = slice(p + r->from + 1, i - r->from - 1);
            r->at = r->to = i + 1;
            return high == 0 || json_utf8_ok(r->raw);
        }
        r->escaped = true;
        if (++i >= n)
            break;
        if (p[i] == 'u') {
            if (i + 4 >= n || !is_hex(p[i + 1]) || !is_hex(p[i + 2]) ||
                !is_hex(p[i + 3]) || !is_hex(p[i + 4]))
                break;
            i += 5;
        } else if (memchr("\"\\/bfnrt", p[i], 8) != NULL) {
            i++;
        } else {
            break;
        }
    }
    r->at = i < n ? i : n;
    return false;
}

static size_t digits(const char *p, size_t i, size_t n)
{
    while (i < n && p[i] >= '0' && p[i] <= '9')
        i++;
    return i;
}

static bool number_read(struct pull *r)
{
    const char *p = r->text.p;
    size_t n = r->text.n, i = r->at, j;

    r->from = i;
    if (p[i] == '-')
        i++;
    j = digits(p, i, n);
    if (j == i || (p[i] == '0' && j > i + 1))
        return false;
    i = j;
    if (i < n && p[i] == '.') {
        j = digits(p, i + 1, n);
        if (j == i + 1)
            return false;
        i = j;
    }
    if (i < n && (p[i] == 'e' || p[i] == 'E')) {
        i++;
        if (i < n && (p[i] == '+' || p[i] == '-'))
            i++;
        j = digits(p, i, n);
        if (j == i)
            return false;
        i = j;
    }
    r->raw = slice(p + r->from, i - r->from);
    r->at = r->to = i;
    return true;
}

static bool word_read(struct pull *r, const char *word)
{
    size_t n = strlen(word);
    if (r->text.n - r->at < n || memcmp(r->text.p + r->at, word, n) != 0)
        return false;
    r->from = r->at;
    r->at = r->to = r->at + n;
    return true;
}

static void value_done(struct pull *r)
{
    r->expect = r->depth == 0 ? EX_DONE : EX_NEXT;
}

static enum pull_token scalar(struct pull *r, bool ok, enum pull_token t)
{
    if (!ok)
        return bad(r);
    value_done(r);
    return t;
}

static enum pull_token value_read(struct pull *r)
{
    switch (r->text.p[r->at]) {
    case '{':
        return enter(r, true);
    case '[':
        return enter(r, false);
    case '"':
        return scalar(r, string_read(r), PULL_STRING);
    case 't':
        return scalar(r, word_read(r, "true"), PULL_TRUE);
    case 'f':
        return scalar(r, word_read(r, "false"), PULL_FALSE);
    case 'n':
        return scalar(r, word_read(r, "null"), PULL_NULL);
    default:
        return scalar(r, number_read(r), PULL_NUMBER);
    }
}

static enum pull_token key_read(struct pull *r)
{
    if (r->text.p[r->at] != '"' || !string_read(r))
        return bad(r);
    r->expect = EX_COLON;
    return PULL_KEY;
}

/* Takes the colon or comma; false: another byte stands there. */
static bool separator(struct pull *r, char c)
{
    bool colon = r->expect == EX_COLON;
    if (c != (colon ? ':' : ','))
        return false;
    r->at++;
    r->expect = !colon && in_object(r) ? EX_KEY : EX_VALUE;
    return true;
}

/* The token that stands at `c` where a key or a value must be. */
static enum pull_token token_read(struct pull *r, char c)
{
    switch ((enum expect)r->expect) {
    case EX_FIRST_KEY:
        return c == '}' ? leave(r, true) : key_read(r);
    case EX_KEY:
        return key_read(r);
    case EX_FIRST_VALUE:
        return c == ']' ? leave(r, false) : value_read(r);
    case EX_VALUE:
        return value_read(r);
    case EX_NEXT:
    case EX_COLON:
    case EX_DONE:
    case EX_BAD:
    default:
        return bad(r);
    }
}

enum pull_token pull_next(struct pull *r)
{
    if (r->expect == -EX_NEXT) {
        r->depth--;
        value_done(r);
    }
    for (;;) {
        skip_space(r);
        if (r->expect == EX_DONE)
            return r->at == r->text.n ? PULL_END : bad(r);
        if (r->expect == EX_BAD || r->at >= r->text.n)
            return bad(r);
        char c = r->text.p[r->at];
        if (r->expect != EX_NEXT && r->expect != EX_COLON)
            return token_read(r, c);
        if (r->expect == EX_NEXT && c == (in_object(r) ? '}' : ']'))
            return leave(r, c == '}');
        if (!separator(r, c))
            return bad(r);
    }
}

/* ---- decoding ----------------------------------------------------------- */

static unsigned hex4(const char *p)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)p[i];
        v = v * 16 +
            (c <= '9' ? c - (unsigned)'0' : (c | 32u) - (unsigned)'a' + 10);
    }
    return v;
}

/* Decodes the escape at `p` (behind the backslash; the text is known to be
 * well-formed) into `out`; returns its bytes and moves `*i` behind it. */
static size_t escape_decode(struct slice raw, size_t *i, char out[4])
{
    char c = raw.p[*i];
    *i += 1;
    if (c != 'u') {
        static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
        const char *at = strchr(from, c);
        out[0] = at != NULL && c != '\0' ? to[at - from] : c;
        return 1;
    }
    unsigned v = hex4(raw.p + *i);
    *i += 4;
    if (v >= 0xd800 && v < 0xdc00 && *i + 6 <= raw.n && raw.p[*i] == '\\' &&
        raw.p[*i + 1] == 'u') {
        unsigned w = hex4(raw.p + *i + 2);
        if (w >= 0xdc00 && w < 0xe000) {
            *i += 6;
            v = 0x10000 + ((v - 0xd800) << 10) + (w - 0xdc00);
        }
    }
    if (v >= 0xd800 && v < 0xe000)
        v = 0xfffd;
    if (v < 0x80) {
        out[0] = (char)v;
        return 1;
    }
    if (v < 0x800) {
        out[0] = (char)(0xc0 | (v >> 6));
        out[1] = (char)(0x80 | (v & 63));
        return 2;
    }
    if (v < 0x10000) {
        out[0] = (char)(0xe0 | (v >> 12));
        out[1] = (char)(0x80 | (v >> 6 & 63));
        out[2] = (char)(0x80 | (v & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | (v >> 18));
    out[1] = (char)(0x80 | (v >> 12 & 63));
    out[2] = (char)(0x80 | (v >> 6 & 63));
    out[3] = (char)(0x80 | (v & 63));
    return 4;
}

/* Bytes before the next backslash. */
static size_t plain_run(struct slice raw, size_t i)
{
    const char *at = memchr(raw.p + i, '\\', raw.n - i);
    return at != NULL ? (size_t)(at - raw.p) - i : raw.n - i;
}

size_t pull_decoded_size(struct slice raw)
{
    size_t i = 0, n = 0;
    char tmp[4];
    while (i < raw.n) {
        size_t run = plain_run(raw, i);
        n += run;
        i += run;
        if (i < raw.n) {
            i++;
            n += escape_decode(raw, &i, tmp);
        }
    }
    return n;
}

void pull_decode(struct slice raw, struct buf *out)
{
    size_t i = 0;
    char tmp[4];
    while (i < raw.n) {
        size_t run = plain_run(raw, i);
        buf_add(out, raw.p + i, run);
        i += run;
        if (i < raw.n) {
            i++;
            buf_add(out, tmp, escape_decode(raw, &i, tmp));
        }
    }
}

bool pull_is(struct slice raw, bool escaped, const char *lit)
{
    if (!escaped)
        return slice_is(raw, lit);
    size_t i = 0, j = 0, n = strlen(lit);
    char tmp[4];
    while (i < raw.n) {
        size_t m = 1;
        tmp[0] = raw.p[i++];
        if (tmp[0] == '\\')
            m = escape_decode(raw, &i, tmp);
        if (j + m > n || memcmp(lit + j, tmp, m) != 0)
            return false;
        j += m;
    }
    return j == n;
}

bool pull_i64(struct slice number, int64_t *out)
{
    return money_scan(number, 0, out);
}

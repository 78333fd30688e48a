/* Framing checks of a request head: RFC 9112 sections 2.2, 3.2, 5, 6.3. */
#include "net/head.h"

static const bool token_char[256] = {
    ['!'] = 1,         ['#'] = 1,         ['$'] = 1, ['%'] = 1,
    ['&'] = 1,         ['\''] = 1,        ['*'] = 1, ['+'] = 1,
    ['-'] = 1,         ['.'] = 1,         ['^'] = 1, ['_'] = 1,
    ['`'] = 1,         ['|'] = 1,         ['~'] = 1, ['0' ... '9'] = 1,
    ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
};

bool head_is_token(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!token_char[(unsigned char)s.p[i]])
            return false;
    return s.n > 0;
}

bool head_value_ok(struct slice s)
{
    if (s.n == 0)
        return true;
    return memchr(s.p, '\r', s.n) == NULL && memchr(s.p, '\n', s.n) == NULL &&
           memchr(s.p, '\0', s.n) == NULL;
}

bool head_is_framing(struct slice name)
{
    static const struct slice framing[] = {
        SLICE("connection"),
        SLICE("keep-alive"),
        SLICE("expect"),
        SLICE("content-length"),
        SLICE("upgrade"),
        SLICE("proxy-connection"),
        SLICE("transfer-encoding"),
    };
    for (size_t i = 0; i < sizeof framing / sizeof *framing; i++)
        if (framing[i].n == name.n && slice_eq_nocase(framing[i], name))
            return true;
    return false;
}

static bool crlf_was_at(const char *p)
{
    return p[0] == '\0' && p[1] == '\0';
}

/* Walks the head from the version to the last empty line: each name begins
 * where the line before ended, each value ends in what was a CRLF. */
static bool layout_ok(const struct head_raw *raw, const struct http_field *f,
                      int n)
{
    const char *end = raw->start + raw->size;
    const char *at = raw->version + strlen(raw->version);
    if (raw->version < raw->start || at + 4 > end || !crlf_was_at(at))
        return false;
    at += 2;
    for (int i = 0; i < n; i++) {
        if (f[i].name.p != at)
            return false; // folded, or an empty line was skipped
        const char *v = at + f[i].name.n;
        if (*v++ != '\0')
            return false;
        while (*v == ' ' || *v == '\t')
            v++;
        if (f[i].value.p != v)
            return false;
        at = v + f[i].value.n;
        if (at + 4 > end || !crlf_was_at(at))
            return false; // bare LF, or a NUL in the value
        at += 2;
    }
    return at + 2 == end && crlf_was_at(at);
}

static bool length_scan(struct slice v, int64_t *out)
{
    v = slice_trim(v);
    if (v.n == 0 || v.n > 18)
        return false;
    int64_t n = 0;
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] < '0' || v.p[i] > '9')
            return false;
        n = n * 10 + (v.p[i] - '0');
    }
    *out = n;
    return true;
}

/* What frames the body, counted over all fields. */
struct framing {
    int hosts, lengths, codings;
    int64_t length;
};

/* False if a framing field has a value that we do not take. */
static bool framing_add(struct framing *r, const struct http_field *f)
{
    if (slice_eq_nocase(f->name, SLICE("host"))) {
        r->hosts++;
    } else if (slice_eq_nocase(f->name, SLICE("content-length"))) {
        r->lengths++;
        return length_scan(f->value, &r->length);
    } else if (slice_eq_nocase(f->name, SLICE("transfer-encoding"))) {
        r->codings++;
        return slice_eq_nocase(slice_trim(f->value), SLICE("chunked"));
    }
    return true;
}

int head_check(const struct head_raw *raw, bool exact,
               const struct http_field *f, int n, size_t max_head,
               int64_t *content_length)
{
    struct framing r = {0};
    if (raw->size > max_head)
        return 431;
    if (exact && !layout_ok(raw, f, n))
        return 400;
    bool http11 = strcmp(raw->version, "HTTP/1.1") == 0;
    for (int i = 0; i < n; i++)
        if (!head_is_token(f[i].name) || !head_value_ok(f[i].value) ||
            !framing_add(&r, &f[i]))
            return 400;
    if (r.hosts > 1 || r.lengths > 1 || r.codings > 1 ||
        (r.lengths && r.codings) || (r.codings && !http11) ||
        (http11 && r.hosts != 1))
        return 400;
    *content_length = r.codings ? -1 : r.length;
    return 0;
}

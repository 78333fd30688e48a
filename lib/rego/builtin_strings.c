/* builtin_strings.c - strings: parts of them borrow from the argument. */
#include <string.h>

#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"
#include "rego/unicode.h"

/* Position of `needle` from `at` on, or SIZE_MAX. */
static size_t search(struct slice s, size_t at, struct slice needle)
{
    if (needle.n == 0)
        return at;
    if (at >= s.n)
        return SIZE_MAX;
    const char *p = memmem(s.p + at, s.n - at, needle.p, needle.n);
    return p != NULL ? (size_t)(p - s.p) : SIZE_MAX;
}

static bool starts(struct slice s, struct slice with)
{
    return s.n >= with.n && memcmp(s.p, with.p, with.n) == 0;
}

static bool ends(struct slice s, struct slice with)
{
    return s.n >= with.n && memcmp(s.p + s.n - with.n, with.p, with.n) == 0;
}

/* Both operands as slices, their bytes counted as work. */
static enum builtin_status two(struct builtin_ctx *c, const struct value *args,
                               struct slice *a, struct slice *b)
{
    if (!builtin_want_str2(c, args))
        return BUILTIN_ERROR;
    *a = value_slice(&args[0]);
    *b = value_slice(&args[1]);
    return builtin_step(c, (a->n + b->n) / 64 + 1) ? BUILTIN_OK : BUILTIN_FATAL;
}

static enum builtin_status contains(struct builtin_ctx *c,
                                    const struct value *args, struct value *out)
{
    struct slice s, t;
    enum builtin_status st = two(c, args, &s, &t);
    if (st == BUILTIN_OK)
        *out = value_bool(search(s, 0, t) != SIZE_MAX);
    return st;
}

static enum builtin_status
startswith(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    struct slice s, t;
    enum builtin_status st = two(c, args, &s, &t);
    if (st == BUILTIN_OK)
        *out = value_bool(starts(s, t));
    return st;
}

static enum builtin_status endswith(struct builtin_ctx *c,
                                    const struct value *args, struct value *out)
{
    struct slice s, t;
    enum builtin_status st = two(c, args, &s, &t);
    if (st == BUILTIN_OK)
        *out = value_bool(ends(s, t));
    return st;
}

static enum builtin_status indexof(struct builtin_ctx *c,
                                   const struct value *args, struct value *out)
{
    struct slice s, t;
    enum builtin_status st = two(c, args, &s, &t);
    if (st != BUILTIN_OK)
        return st;
    if (t.n == 0)
        return builtin_error(c, CODE_BUILTIN, "empty search character");
    size_t at = search(s, 0, t);
    *out =
        value_int(at == SIZE_MAX ? -1 : (int64_t)unicode_count(slice(s.p, at)));
    return BUILTIN_OK;
}

static enum builtin_status
indexof_n(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    struct slice s, t;
    enum builtin_status st = two(c, args, &s, &t);
    if (st != BUILTIN_OK)
        return st;
    if (t.n == 0)
        return builtin_error(c, CODE_BUILTIN, "empty search character");
    struct value_list l = builtin_list(c);
    size_t counted = 0, runes = 0, at = 0;
    while ((at = search(s, at, t)) != SIZE_MAX) {
        if (!builtin_step(c, 1))
            return BUILTIN_FATAL;
        runes += unicode_count(slice(s.p + counted, at - counted));
        counted = at;
        value_list_add(&l, value_int((int64_t)runes));
        size_t len;
        (void)unicode_decode(s, at, &len);
        at += len;
    }
    return builtin_give(c, value_list_array(&l), out);
}

static enum builtin_status count(struct builtin_ctx *c,
                                 const struct value *args, struct value *out)
{
    struct slice s, t;
    enum builtin_status st = two(c, args, &s, &t);
    if (st != BUILTIN_OK)
        return st;
    int64_t n = 0;
    if (t.n == 0) {
        n = (int64_t)unicode_count(s) + 1;
    } else {
        for (size_t at = 0; (at = search(s, at, t)) != SIZE_MAX; at += t.n)
            n++;
    }
    *out = value_int(n);
    return BUILTIN_OK;
}

/* ---- parts -------------------------------------------------------------- */

/* Byte position of the n-th code point, at most s.n. */
static size_t rune_at(struct slice s, int64_t n)
{
    size_t at = 0, len;
    for (; n > 0 && at < s.n; n--, at += len)
        (void)unicode_decode(s, at, &len);
    return at;
}

static enum builtin_status
substring(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    int64_t offset, length;
    if (!builtin_want(c, args, 1, V_STRING) ||
        !builtin_want_int(c, args, 2, &offset) ||
        !builtin_want_int(c, args, 3, &length))
        return BUILTIN_ERROR;
    struct slice s = value_slice(&args[0]);
    if (offset < 0)
        return builtin_error(c, CODE_BUILTIN, "negative offset");
    if (!builtin_step(c, s.n / 16 + 1))
        return BUILTIN_FATAL;
    s = slice_skip(s, rune_at(s, offset));
    if (length >= 0)
        s.n = rune_at(s, length);
    *out = value_str(s);
    return BUILTIN_OK;
}

/* `s` cut at `delim`, or into code points if that is empty. */
static bool cut_all(struct builtin_ctx *c, struct slice s, struct slice delim,
                    struct value_list *l)
{
    size_t at = 0;
    if (delim.n == 0) {
        size_t len;
        for (; at < s.n; at += len) {
            (void)unicode_decode(s, at, &len);
            value_list_add(l, value_str(slice(s.p + at, len)));
            if (!builtin_step(c, 1))
                return false;
        }
        return true;
    }
    for (;;) {
        size_t end = search(s, at, delim);
        size_t stop = end == SIZE_MAX ? s.n : end;
        value_list_add(l, value_str(slice(s.p + at, stop - at)));
        if (!builtin_step(c, 1))
            return false;
        if (end == SIZE_MAX)
            return true;
        at = end + delim.n;
    }
}

static enum builtin_status split(struct builtin_ctx *c,
                                 const struct value *args, struct value *out)
{
    struct slice s, t;
    enum builtin_status st = two(c, args, &s, &t);
    struct value_list l = builtin_list(c);
    if (st != BUILTIN_OK)
        return st;
    if (!cut_all(c, s, t, &l))
        return BUILTIN_FATAL;
    return builtin_give(c, value_list_array(&l), out);
}

/* The first n parts, or the last -n. */
static enum builtin_status split_n(struct builtin_ctx *c,
                                   const struct value *args, struct value *out)
{
    struct slice s, t;
    int64_t n;
    enum builtin_status st = two(c, args, &s, &t);
    if (st != BUILTIN_OK)
        return st;
    if (!builtin_want_int(c, args, 3, &n))
        return BUILTIN_ERROR;
    struct value_list l = builtin_list(c);
    if (!cut_all(c, s, t, &l))
        return BUILTIN_FATAL;
    struct value v = value_list_array(&l);
    if (n >= 0 && (uint64_t)n < v.n) {
        v.n = (uint32_t)n;
    } else if (n < 0 && v.n > 0 && n > -(int64_t)v.n) {
        v.u.v += v.n - (uint32_t)-n;
        v.n = (uint32_t)-n;
    }
    return builtin_give(c, v, out);
}

/* ---- changed strings ---------------------------------------------------- */

static enum builtin_status map_case(struct builtin_ctx *c,
                                    const struct value *args,
                                    uint32_t (*f)(uint32_t), struct value *out)
{
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    struct slice s = value_slice(&args[0]);
    if (!builtin_step(c, s.n / 16 + 1))
        return BUILTIN_FATAL;
    // a code point's other case may take more bytes, up to three for two
    char *p = builtin_alloc(c, s.n + s.n / 2 + 4);
    if (p == NULL)
        return BUILTIN_FATAL;
    size_t n = 0, len;
    for (size_t i = 0; i < s.n; i += len) {
        uint32_t r = (uint8_t)s.p[i];
        if (r < 0x80) {
            len = 1;
            p[n++] = (char)f(r);
            continue;
        }
        r = unicode_decode(s, i, &len);
        char tmp[4];
        size_t m = unicode_encode(f(r), tmp);
        memcpy(p + n, tmp, m);
        n += m;
    }
    *out = value_str(slice(p, n));
    return BUILTIN_OK;
}

static enum builtin_status lower(struct builtin_ctx *c,
                                 const struct value *args, struct value *out)
{
    return map_case(c, args, unicode_lower, out);
}

static enum builtin_status upper(struct builtin_ctx *c,
                                 const struct value *args, struct value *out)
{
    return map_case(c, args, unicode_upper, out);
}

static enum builtin_status concat(struct builtin_ctx *c,
                                  const struct value *args, struct value *out)
{
    if (!builtin_want(c, args, 1, V_STRING) || !builtin_want_list(c, args, 2))
        return BUILTIN_ERROR;
    const struct value *l = &args[1];
    size_t n = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        if (l->u.v[i].kind != V_STRING)
            return builtin_element(c, 2, l, &l->u.v[i], "string");
        n += l->u.v[i].n + (i > 0 ? args[0].n : 0);
    }
    if (n > BUILTIN_TEXT_MAX)
        return builtin_nomem(c);
    if (!builtin_step(c, n / 64 + l->n))
        return BUILTIN_FATAL;
    char *p = builtin_alloc(c, n);
    if (p == NULL)
        return BUILTIN_FATAL;
    size_t at = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        if (i > 0 && args[0].n > 0) {
            memcpy(p + at, args[0].u.s, args[0].n);
            at += args[0].n;
        }
        if (l->u.v[i].n > 0)
            memcpy(p + at, l->u.v[i].u.s, l->u.v[i].n);
        at += l->u.v[i].n;
    }
    *out = value_str(slice(p, n));
    return BUILTIN_OK;
}

static enum builtin_status replace(struct builtin_ctx *c,
                                   const struct value *args, struct value *out)
{
    struct slice s, old;
    enum builtin_status st = two(c, args, &s, &old);
    if (st != BUILTIN_OK)
        return st;
    if (!builtin_want(c, args, 3, V_STRING))
        return BUILTIN_ERROR;
    struct slice with = value_slice(&args[2]);
    size_t at = search(s, 0, old), done = 0;
    if (at == SIZE_MAX) {
        *out = args[0];
        return BUILTIN_OK;
    }
    struct buf b;
    builtin_buf(c, &b);
    while (at != SIZE_MAX && at <= s.n && !b.failed) {
        size_t next = at + old.n, len = 1;
        buf_add(&b, s.p + done, at - done);
        buf_slice(&b, with);
        done = next;
        if (old.n == 0) { // before every code point and at the end
            if (at < s.n)
                (void)unicode_decode(s, at, &len);
            next = at + len;
        }
        at = next > s.n ? SIZE_MAX : search(s, next, old);
    }
    if (done < s.n)
        buf_add(&b, s.p + done, s.n - done);
    return builtin_give_buf(c, &b, out);
}

/* Go's Replacer: at each place the first pattern in the order of the keys
 * that fits. */
static enum builtin_status
replace_n(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    if (!builtin_want(c, args, 1, V_OBJECT))
        return BUILTIN_ERROR;
    const struct value *o = &args[0];
    for (uint32_t i = 0; i < o->n; i++) {
        if (o->u.v[2 * (size_t)i].kind != V_STRING)
            return builtin_error(
                c, CODE_TYPE,
                "operand 1 non-string key found in pattern object");
        if (o->u.v[2 * (size_t)i + 1].kind != V_STRING)
            return builtin_error(
                c, CODE_TYPE,
                "operand 1 non-string value found in pattern object");
    }
    if (!builtin_want(c, args, 2, V_STRING))
        return BUILTIN_ERROR;
    struct slice s = value_slice(&args[1]);
    struct buf b;
    builtin_buf(c, &b);
    bool empty_before = false;
    for (size_t at = 0; at <= s.n;) {
        const struct value *hit = NULL;
        if (!builtin_step(c, o->n + UINT64_C(1))) {
            buf_release(&b);
            return BUILTIN_FATAL;
        }
        for (uint32_t i = 0; i < o->n && hit == NULL; i++) {
            const struct value *k = &o->u.v[2 * (size_t)i];
            if (starts(slice_skip(s, at), value_slice(k)) &&
                !(k->n == 0 && empty_before))
                hit = k;
        }
        empty_before = hit != NULL && hit->n == 0;
        if (hit != NULL) {
            buf_slice(&b, value_slice(hit + 1));
            at += hit->n;
        } else {
            if (at < s.n)
                buf_char(&b, s.p[at]);
            at++;
        }
    }
    return builtin_give_buf(c, &b, out);
}

static enum builtin_status reverse(struct builtin_ctx *c,
                                   const struct value *args, struct value *out)
{
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    struct slice s = value_slice(&args[0]);
    if (!builtin_step(c, s.n / 16 + 1))
        return BUILTIN_FATAL;
    char *p = builtin_alloc(c, s.n);
    if (p == NULL)
        return BUILTIN_FATAL;
    size_t len;
    for (size_t i = 0; i < s.n; i += len) {
        (void)unicode_decode(s, i, &len);
        memcpy(p + s.n - i - len, s.p + i, len);
    }
    *out = value_str(slice(p, s.n));
    return BUILTIN_OK;
}

/* ---- any_prefix_match --------------------------------------------------- */

/* Operand `pos` as `n` strings: a string, or an array or set of them. */
static bool want_strings(struct builtin_ctx *c, const struct value *args,
                         int pos, const struct value **v, uint32_t *n)
{
    const struct value *a = &args[pos - 1];
    *v = a;
    *n = 1;
    if (a->kind == V_STRING)
        return true;
    if (a->kind != V_ARRAY && a->kind != V_SET) {
        (void)builtin_operand(c, pos, "one of {string, set, array}", a);
        return false;
    }
    *v = a->u.v;
    *n = a->n;
    for (uint32_t i = 0; i < a->n; i++) {
        if (a->u.v[i].kind != V_STRING) {
            (void)builtin_element(c, pos, a, &a->u.v[i], "string");
            return false;
        }
    }
    return true;
}

static enum builtin_status any_match(struct builtin_ctx *c,
                                     const struct value *args,
                                     bool (*f)(struct slice, struct slice),
                                     struct value *out)
{
    const struct value *s, *t;
    uint32_t ns, nt;
    if (!want_strings(c, args, 1, &s, &ns) ||
        !want_strings(c, args, 2, &t, &nt))
        return BUILTIN_ERROR;
    *out = value_bool(false);
    for (uint32_t i = 0; i < ns; i++) {
        if (!builtin_step(c, nt + UINT64_C(1)))
            return BUILTIN_FATAL;
        for (uint32_t k = 0; k < nt; k++) {
            if (f(value_slice(&s[i]), value_slice(&t[k]))) {
                *out = value_bool(true);
                return BUILTIN_OK;
            }
        }
    }
    return BUILTIN_OK;
}

static enum builtin_status
any_prefix(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    return any_match(c, args, starts, out);
}

static enum builtin_status
any_suffix(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    return any_match(c, args, ends, out);
}

const struct builtin builtin_strings[] = {
    BUILTIN("contains", 2, "ss>b", contains),
    BUILTIN("startswith", 2, "ss>b", startswith),
    BUILTIN("endswith", 2, "ss>b", endswith),
    BUILTIN("indexof", 2, "ss>n", indexof),
    BUILTIN("indexof_n", 2, "ss>[n]", indexof_n),
    BUILTIN("strings.count", 2, "ss>n", count),
    BUILTIN("substring", 3, "snn>s", substring),
    BUILTIN("split", 2, "ss>[s]", split),
    BUILTIN("strings.split_n", 3, "ssn>[s]", split_n),
    BUILTIN("lower", 1, "s>s", lower),
    BUILTIN("upper", 1, "s>s", upper),
    BUILTIN("concat", 2, "s|[s]{s}|>s", concat),
    BUILTIN("replace", 3, "sss>s", replace),
    BUILTIN("strings.replace_n", 2, "(s)s>s", replace_n),
    BUILTIN("strings.reverse", 1, "s>s", reverse),
    BUILTIN("strings.any_prefix_match", 2, "|s[s]{s}||s[s]{s}|>b", any_prefix),
    BUILTIN("strings.any_suffix_match", 2, "|s[s]{s}||s[s]{s}|>b", any_suffix),
    BUILTIN_END,
};

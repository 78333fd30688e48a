/* builtin_sprintf.c - sprintf as Go's fmt formats OPA's arguments.
 *
 * OPA hands over integers written as such (int or *big.Int), other numbers as
 * float64 (or as text if beyond), strings, and the Rego text of all else.
 */
#include <math.h>
#include <string.h>

#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"
#include "rego/unicode.h"

#define WIDTH_MAX 100000

enum arg_kind { ARG_INT, ARG_BIG, ARG_FLOAT, ARG_STRING };

struct arg {
    enum arg_kind kind;
    struct number num;
    double d;
    struct slice s;
};

struct spec {
    bool plus, minus, sharp, space, zero;
    int width, prec; // -1: not given
    char verb;
};

static const char *type_of(const struct arg *a)
{
    static const char *const names[] = {"int", "*big.Int", "float64", "string"};
    return names[a->kind];
}

/* True if the text of the number is digits only. */
static bool written_as_int(const struct number *n)
{
    if (!number_is_int(n))
        return false;
    for (uint32_t i = 0; n->text != NULL && i < n->text_n; i++)
        if (n->text[i] != '-' && (n->text[i] < '0' || n->text[i] > '9'))
            return false;
    return true;
}

/* False: memory exhausted. */
static bool arg_of(struct builtin_ctx *c, const struct value *v,
                   struct arg *out)
{
    *out = (struct arg){.kind = ARG_STRING};
    if (v->kind == V_STRING) {
        out->s = value_slice(v);
        return true;
    }
    if (v->kind != V_NUMBER) {
        out->s = value_term_arena(c->arena, v);
        return out->s.p != NULL;
    }
    struct number tmp;
    out->num = *builtin_number(v, &tmp);
    if (written_as_int(&out->num)) {
        out->num.text = NULL;
        out->kind = out->num.kind == NUMBER_INT ? ARG_INT : ARG_BIG;
        return true;
    }
    out->d = number_double(&out->num);
    if (isfinite(out->d)) {
        out->kind = ARG_FLOAT;
        return true;
    }
    out->s = number_text(c->arena, &out->num);
    return out->s.p != NULL;
}

/* ---- padding ------------------------------------------------------------ */

/* `text` in the width of the directive; zeros go behind a sign. */
static void put_padded(struct buf *b, const struct spec *f, struct slice text,
                       bool number)
{
    size_t n = unicode_count(text);
    size_t pad =
        f->width > 0 && (size_t)f->width > n ? (size_t)f->width - n : 0;
    bool zero = f->zero && !f->minus;
    if (zero && number && text.n > 0 &&
        (text.p[0] == '-' || text.p[0] == '+' || text.p[0] == ' ')) {
        buf_char(b, text.p[0]);
        text = slice_skip(text, 1);
    }
    for (size_t i = 0; i < pad && !f->minus; i++)
        buf_char(b, zero ? '0' : ' ');
    buf_slice(b, text);
    for (size_t i = 0; i < pad && f->minus; i++)
        buf_char(b, ' ');
}

/* ---- verbs -------------------------------------------------------------- */

static void put_int(struct buf *b, const struct spec *f, const struct arg *a,
                    unsigned base, const char *prefix)
{
    struct buf t;
    builtin_sub(&t, b);
    number_format_base(&t, &a->num, base);
    struct slice digits = buf_get(&t);
    struct buf all;
    builtin_sub(&all, b);
    bool neg = digits.n > 0 && digits.p[0] == '-';
    if (neg)
        digits = slice_skip(digits, 1);
    if (neg)
        buf_char(&all, '-');
    else if (f->plus)
        buf_char(&all, '+');
    else if (f->space)
        buf_char(&all, ' ');
    buf_str(&all, prefix);
    struct spec pad = *f;
    if (f->prec >= 0) {
        pad.zero = false;
        for (size_t i = digits.n; i < (size_t)f->prec; i++)
            buf_char(&all, '0');
    }
    if (!(f->prec == 0 && slice_is(digits, "0")))
        buf_slice(&all, digits);
    for (size_t i = 0; f->verb == 'X' && i < all.n; i++)
        if (all.p[i] >= 'a' && all.p[i] <= 'z')
            all.p[i] = (char)(all.p[i] - 32);
    put_padded(b, &pad, buf_get(&all), true);
    buf_release(&t);
    buf_release(&all);
}

/* The shortest digits of |d| as "d.ddde[+-]xx" in `out`. */
static void shortest(double d, char *out, size_t room)
{
    for (int p = 0; p <= 17; p++) {
        double back = 0;
        snprintf(out, room, "%.*e", p, d);
        if (sscanf(out, "%lf", &back) == 1 && back == d)
            return;
    }
}

/* Digits with the point behind the first exp + 1 of them. */
static void put_fixed(struct buf *t, const char *digits, size_t n, int exp)
{
    if (exp < 0) {
        buf_str(t, "0.");
        for (int i = -1; i > exp; i--)
            buf_char(t, '0');
        buf_add(t, digits, n);
        return;
    }
    for (size_t i = 0; i < n || i <= (size_t)exp; i++) {
        if (i == (size_t)exp + 1)
            buf_char(t, '.');
        buf_char(t, i < n ? digits[i] : '0');
    }
}

/* %g without a precision. */
static void put_shortest(struct buf *t, double d, bool upper)
{
    char e[64];
    shortest(fabs(d), e, sizeof e);
    char *mark = strchr(e, 'e');
    int exp = 0;
    if (mark == NULL || sscanf(mark + 1, "%d", &exp) != 1)
        return;
    if (signbit(d) && d != 0)
        buf_char(t, '-');
    char digits[32];
    size_t n = 0;
    for (const char *p = e; p < mark && n < sizeof digits; p++)
        if (*p != '.')
            digits[n++] = *p;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    if (exp >= -4 && exp < 6) { // what "shortest" uses for the precision
        put_fixed(t, digits, n, exp);
        return;
    }
    buf_char(t, digits[0]);
    if (n > 1) {
        buf_char(t, '.');
        buf_add(t, digits + 1, n - 1);
    }
    buf_printf(t, "%c%c%02d", upper ? 'E' : 'e', exp < 0 ? '-' : '+',
               exp < 0 ? -exp : exp);
}

static void put_float(struct buf *b, const struct spec *f, const struct arg *a)
{
    struct buf t;
    builtin_sub(&t, b);
    char verb = f->verb == 'v' ? 'g' : f->verb;
    if (f->plus && !signbit(a->d))
        buf_char(&t, '+');
    else if (f->space && !signbit(a->d))
        buf_char(&t, ' ');
    if ((verb == 'g' || verb == 'G') && f->prec < 0) {
        put_shortest(&t, a->d, verb == 'G');
    } else {
        int prec = f->prec < 0 ? 6 : f->prec;
        if (verb == 'e')
            buf_printf(&t, "%.*e", prec, a->d);
        else if (verb == 'E')
            buf_printf(&t, "%.*E", prec, a->d);
        else if (verb == 'g')
            buf_printf(&t, "%.*g", prec, a->d);
        else if (verb == 'G')
            buf_printf(&t, "%.*G", prec, a->d);
        else
            buf_printf(&t, "%.*f", prec, a->d);
    }
    if (t.failed)
        b->failed = true;
    put_padded(b, f, buf_get(&t), true);
    buf_release(&t);
}

/* strconv.Quote; `ascii`: nothing beyond. */
static void quote(struct buf *t, struct slice s, bool ascii)
{
    static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";
    buf_char(t, '"');
    size_t len;
    for (size_t i = 0; i < s.n; i += len) {
        uint32_t r = unicode_decode(s, i, &len);
        const char *k = r < 0x80 && r > 0 ? strchr(from, (int)r) : NULL;
        if (k != NULL) {
            buf_char(t, '\\');
            buf_char(t, to[k - from]);
        } else if (r == UNICODE_BAD && len == 1) {
            buf_printf(t, "\\x%02x", (unsigned)(uint8_t)s.p[i]);
        } else if (r < 0x80 ? unicode_print(r) : !ascii && unicode_print(r)) {
            buf_add(t, s.p + i, len);
        } else if (r < 0x20 || r == 0x7f) {
            buf_printf(t, "\\x%02x", r);
        } else {
            buf_printf(t, r < 0x10000 ? "\\u%04x" : "\\U%08x", r);
        }
    }
    buf_char(t, '"');
}

static struct slice clip(struct slice s, int prec)
{
    size_t at = 0, len;
    for (; prec > 0 && at < s.n; prec--, at += len)
        (void)unicode_decode(s, at, &len);
    s.n = at;
    return s;
}

/* %x of bytes. */
static void put_hex(struct buf *t, const struct spec *f, struct slice s)
{
    bool upper = f->verb == 'X';
    for (size_t i = 0; i < s.n; i++) {
        if (f->space && i > 0)
            buf_char(t, ' ');
        if (f->sharp && (i == 0 || f->space))
            buf_str(t, upper ? "0X" : "0x");
        buf_printf(t, upper ? "%02X" : "%02x", (unsigned)(uint8_t)s.p[i]);
    }
}

static void put_string(struct buf *b, const struct spec *f, struct slice s)
{
    struct buf t;
    bool in_hex = f->verb == 'x' || f->verb == 'X';
    builtin_sub(&t, b);
    if (f->prec >= 0 && !in_hex)
        s = clip(s, f->prec);
    if (in_hex) {
        put_hex(&t, f, s);
    } else if (f->verb == 'q' && f->sharp && memchr(s.p, '`', s.n) == NULL) {
        buf_char(&t, '`');
        buf_slice(&t, s);
        buf_char(&t, '`');
    } else if (f->verb == 'q') {
        quote(&t, s, f->plus);
    } else {
        buf_slice(&t, s);
    }
    b->failed = b->failed || t.failed;
    put_padded(b, f, buf_get(&t), false);
    buf_release(&t);
}

static void put_plain(struct buf *b, const struct arg *a)
{
    struct spec plain = {.width = -1, .prec = -1, .verb = 'v'};
    if (a->kind == ARG_STRING)
        buf_slice(b, a->s);
    else if (a->kind == ARG_FLOAT)
        put_float(b, &plain, a);
    else
        number_format(b, &a->num);
}

/* %c, %q and %U of an integer. */
static bool put_rune(struct buf *b, const struct spec *f, const struct arg *a)
{
    int64_t i = 0;
    uint32_t r = number_i64(&a->num, &i) && i >= 0 && i <= UNICODE_MAX
                     ? (uint32_t)i
                     : UNICODE_BAD;
    char text[4];
    struct slice s = slice(text, unicode_encode(r, text));
    struct buf t;
    builtin_sub(&t, b);
    if (f->verb == 'c') {
        buf_slice(&t, s);
    } else if (f->verb == 'U') {
        buf_printf(&t, "U+%04llX", (unsigned long long)i);
    } else {
        quote(&t, s, f->plus);
        if (t.n >= 2 && !t.failed) {
            bool dq = r == '"';
            if (dq || r == '\'') {
                buf_clear(&t);
                buf_str(&t, dq ? "'\"'" : "'\\''");
            } else {
                t.p[0] = t.p[t.n - 1] = '\'';
            }
        }
    }
    put_padded(b, f, buf_get(&t), false);
    buf_release(&t);
    return true;
}

static bool put_integer(struct buf *b, const struct spec *f,
                        const struct arg *a)
{
    switch (f->verb) {
    case 'v':
    case 'd':
        put_int(b, f, a, 10, "");
        return true;
    case 'b':
        put_int(b, f, a, 2, f->sharp ? "0b" : "");
        return true;
    case 'o':
        put_int(b, f, a, 8, f->sharp ? "0" : "");
        return true;
    case 'O':
        put_int(b, f, a, 8, "0o");
        return true;
    case 'x':
    case 'X':
        put_int(b, f, a, 16, f->sharp ? "0x" : "");
        return true;
    case 's':
        if (a->kind == ARG_BIG)
            put_int(b, f, a, 10, "");
        return a->kind == ARG_BIG;
    case 'c':
    case 'q':
    case 'U':
        return a->kind == ARG_INT && put_rune(b, f, a);
    default:
        return false;
    }
}

/* False: the verb does not suit. */
static bool put_arg(struct buf *b, const struct spec *f, const struct arg *a)
{
    if (f->verb == 'T') {
        put_padded(b, f, slice_str(type_of(a)), false);
        return true;
    }
    if (a->kind == ARG_INT || a->kind == ARG_BIG)
        return put_integer(b, f, a);
    if (a->kind == ARG_FLOAT) {
        if (f->verb == 0 || strchr("vgGeEfF", f->verb) == NULL)
            return false;
        put_float(b, f, a);
        return true;
    }
    if (f->verb == 0 || strchr("vsqxX", f->verb) == NULL)
        return false;
    put_string(b, f, a->s);
    return true;
}

/* ---- the format --------------------------------------------------------- */

struct format {
    struct builtin_ctx *c;
    struct slice s;
    size_t at;
    const struct value *args;
    uint32_t n, next;
    bool reordered;
    struct buf out;
};

/* Digits, or '*' for the next argument; -1: none, -2: bad. */
static int get_count(struct format *f)
{
    if (f->at < f->s.n && f->s.p[f->at] == '*') {
        int64_t v;
        f->at++;
        if (f->next >= f->n || !value_as_int(&f->args[f->next++], &v) ||
            v < -WIDTH_MAX || v > WIDTH_MAX)
            return -2;
        return (int)v;
    }
    int v = -1;
    for (; f->at < f->s.n && f->s.p[f->at] >= '0' && f->s.p[f->at] <= '9';
         f->at++) {
        v = (v < 0 ? 0 : v) * 10 + (f->s.p[f->at] - '0');
        if (v > WIDTH_MAX)
            v = WIDTH_MAX;
    }
    return v;
}

/* "[3]" chooses the argument. False: bad. */
static bool get_index(struct format *f)
{
    if (f->at >= f->s.n || f->s.p[f->at] != '[')
        return true;
    size_t i = f->at + 1;
    uint32_t v = 0;
    while (i < f->s.n && f->s.p[i] >= '0' && f->s.p[i] <= '9' && v < 100000)
        v = v * 10 + (uint32_t)(f->s.p[i++] - '0');
    f->reordered = true;
    if (i >= f->s.n || f->s.p[i] != ']' || v == 0 || v > f->n)
        return false;
    f->at = i + 1;
    f->next = v - 1;
    return true;
}

static void get_flags(struct format *f, struct spec *sp)
{
    for (; f->at < f->s.n; f->at++) {
        switch (f->s.p[f->at]) {
        case '+':
            sp->plus = true;
            break;
        case '-':
            sp->minus = true;
            break;
        case '#':
            sp->sharp = true;
            break;
        case ' ':
            sp->space = true;
            break;
        case '0':
            sp->zero = true;
            break;
        default:
            return;
        }
    }
}

/* Behind "%". False: a limit. */
static bool directive(struct format *f)
{
    struct spec sp = {.width = -1, .prec = -1};
    get_flags(f, &sp);
    bool index_ok = get_index(f);
    sp.width = get_count(f);
    if (sp.width == -2)
        buf_str(&f->out, "%!(BADWIDTH)");
    if (sp.width < -2 || (sp.width < 0 && sp.width != -1 && sp.width != -2)) {
        sp.minus = true;
        sp.width = -sp.width;
    }
    if (f->at < f->s.n && f->s.p[f->at] == '.') {
        f->at++;
        index_ok = get_index(f) && index_ok;
        sp.prec = get_count(f);
        if (sp.prec == -2)
            buf_str(&f->out, "%!(BADPREC)");
        sp.prec = sp.prec == -1 ? 0 : sp.prec < 0 ? -1 : sp.prec;
    }
    index_ok = get_index(f) && index_ok;
    if (f->at >= f->s.n) {
        buf_str(&f->out, "%!(NOVERB)");
        return true;
    }
    size_t len;
    uint32_t verb = unicode_decode(f->s, f->at, &len);
    struct slice name = slice(f->s.p + f->at, len);
    f->at += len;
    sp.verb = verb < 0x80 ? (char)verb : 0;
    if (sp.verb == '%') {
        buf_char(&f->out, '%');
        return true;
    }
    if (!index_ok) {
        buf_printf(&f->out, "%%!%.*s(BADINDEX)", SLICE_FMT(name));
        return true;
    }
    if (f->next >= f->n) {
        buf_printf(&f->out, "%%!%.*s(MISSING)", SLICE_FMT(name));
        return true;
    }
    struct arg a;
    if (!arg_of(f->c, &f->args[f->next++], &a))
        return false;
    uint64_t work = 1 + (uint64_t)(sp.width > 0 ? sp.width / 64 : 0) +
                    (uint64_t)(sp.prec > 0 ? sp.prec / 64 : 0);
    if (!builtin_step(f->c, work))
        return false;
    if (!put_arg(&f->out, &sp, &a)) {
        buf_printf(&f->out, "%%!%.*s(%s=", SLICE_FMT(name), type_of(&a));
        sp.verb = 'v';
        (void)put_arg(&f->out, &sp, &a);
        buf_char(&f->out, ')');
    }
    return true;
}

/* Arguments left over. */
static bool extra(struct format *f)
{
    if (f->reordered || f->next >= f->n)
        return true;
    buf_str(&f->out, "%!(EXTRA ");
    for (uint32_t i = f->next; i < f->n; i++) {
        struct arg a;
        if (!arg_of(f->c, &f->args[i], &a) || !builtin_step(f->c, 1))
            return false;
        if (i > f->next)
            buf_str(&f->out, ", ");
        buf_printf(&f->out, "%s=", type_of(&a));
        put_plain(&f->out, &a);
    }
    buf_char(&f->out, ')');
    return true;
}

static enum builtin_status
sprintf_go(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    if (!builtin_want(c, args, 1, V_STRING) ||
        !builtin_want(c, args, 2, V_ARRAY))
        return BUILTIN_ERROR;
    struct format f = {.c = c,
                       .s = value_slice(&args[0]),
                       .args = args[1].u.v,
                       .n = args[1].n};
    builtin_buf(c, &f.out);
    c->code = NULL;
    bool ok = builtin_step(c, f.s.n / 64 + 1);
    while (ok && f.at < f.s.n && !f.out.failed) {
        struct slice rest = slice_skip(f.s, f.at);
        size_t n = slice_find(rest, '%');
        buf_add(&f.out, rest.p, n);
        f.at += n;
        if (f.at < f.s.n) {
            f.at++;
            ok = directive(&f);
        }
    }
    ok = ok && extra(&f);
    if (!ok) {
        buf_release(&f.out);
        return builtin_run_limit(c);
    }
    return builtin_give_buf(c, &f.out, out);
}

const struct builtin builtin_sprintf[] = {
    BUILTIN("sprintf", 2, "s[a]>s", sprintf_go),
    BUILTIN_END,
};

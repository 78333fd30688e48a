/* number.c - exact integers and 64-bit floats in integer arithmetic.
 *
 * Work happens in `struct big` (big.h), magnitudes on the stack; only a
 * result that does not fit int64 is cut from the arena, trimmed.  All sizes
 * are bounded by NUMBER_BITS_MAX, so that the quadratic algorithms are cheap:
 * at most 512 limbs a side.
 *
 * Fractions follow Go's math/big.Float with 64 bits, round to nearest even,
 * which is what OPA computes with: read from decimal text correctly rounded,
 * printed as the shortest text that reads back (ftoa.go, roundShortest).  A
 * float result that is a whole number becomes an integer; beyond 2^64 it
 * becomes the integer that OPA would print (shortest digits, then zeros),
 * because OPA passes numbers on as text.
 *
 * Invariants
 * I1 An INT never has limbs; a BIG is outside int64; a FLOAT is no integer.
 *    Equality can therefore compare by kind.
 * I2 A FLOAT's mantissa has its highest bit set.
 */
#include "rego/number.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "rego/big.h"
#include "rego/soft.h"

#define INT_LIMBS (NUMBER_BITS_MAX / 32)

static enum status too_big(struct err *err)
{
    return err_set(err, E_TOO_BIG, "number", "number is too big");
}

/* ---- integers in and out ------------------------------------------------ */

static uint64_t magnitude(int64_t i)
{
    return i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
}

/* The magnitude of an integer; returns its sign. */
static bool load(const struct number *n, struct big *x)
{
    if (n->kind == NUMBER_INT) {
        big_u64(x, magnitude(n->i));
        return n->i < 0;
    }
    assert(n->kind == NUMBER_BIG);
    x->n = n->limbs;
    memcpy(x->d, n->limb, n->limbs * sizeof x->d[0]);
    return n->neg;
}

static enum status store(struct arena *a, bool neg, const struct big *x,
                         struct number *out, struct err *err)
{
    if (x->n <= 2) {
        uint64_t v = x->n > 0 ? x->d[0] : 0;
        v |= x->n > 1 ? (uint64_t)x->d[1] << 32 : 0;
        if (v <= INT64_MAX + (uint64_t)neg) {
            *out = number_int(neg ? (int64_t)(0 - v) : (int64_t)v);
            return OK;
        }
    }
    if (x->n > INT_LIMBS)
        return too_big(err);
    uint32_t *limb = arena_try(a, x->n * sizeof *limb);
    if (limb == NULL)
        return too_big(err);
    memcpy(limb, x->d, x->n * sizeof *limb);
    *out = (struct number){
        .kind = NUMBER_BIG, .neg = neg, .limbs = x->n, .limb = limb};
    return OK;
}

static struct soft soft_of(const struct number *n)
{
    if (n->kind == NUMBER_FLOAT)
        return (struct soft){n->neg, n->mant, n->exp};
    struct big x;
    bool neg = load(n, &x);
    return soft_round(neg, &x, 0, false, 64);
}

/* A float result as a number: whole numbers become integers (see above). */
static enum status soft_store(struct arena *a, struct soft s,
                              struct number *out, struct err *err)
{
    if (s.mant == 0) {
        *out = number_int(0);
        return OK;
    }
    if (s.exp > NUMBER_BITS_MAX - 64 || s.exp < -NUMBER_BITS_MAX)
        return too_big(err);
    struct big x;
    if (s.exp > 0) {
        char digits[SOFT_DIGITS];
        int32_t point;
        size_t n = soft_digits(&s, digits, &point);
        x.n = 0;
        for (size_t i = 0; i < n; i++)
            (void)big_mul_add(&x, 10, (uint32_t)(digits[i] - '0'));
        if (!big_mul_pow(&x, 10, (uint32_t)(point - (int32_t)n)))
            return too_big(err);
        return store(a, s.neg, &x, out, err);
    }
    if (__builtin_ctzll(s.mant) >= -s.exp) {
        big_u64(&x, s.mant >> -s.exp);
        return store(a, s.neg, &x, out, err);
    }
    *out = (struct number){
        .kind = NUMBER_FLOAT, .neg = s.neg, .exp = s.exp, .mant = s.mant};
    return OK;
}

/* Go's %g with the fewest digits. */
static void format_float(struct buf *b, const struct number *v)
{
    struct soft s = soft_of(v);
    char d[SOFT_DIGITS];
    int32_t point;
    size_t n = soft_digits(&s, d, &point);
    if (s.neg)
        buf_char(b, '-');
    int32_t exp = point - 1;
    if (exp < -4 || exp >= 6) { // what "shortest" uses for the precision
        buf_char(b, d[0]);
        if (n > 1) {
            buf_char(b, '.');
            buf_add(b, d + 1, n - 1);
        }
        buf_printf(b, "e%c%02d", exp < 0 ? '-' : '+', exp < 0 ? -exp : exp);
        return;
    }
    if (point <= 0) {
        buf_str(b, "0.");
        for (int32_t i = point; i < 0; i++)
            buf_char(b, '0');
        buf_add(b, d, n);
        return;
    }
    size_t whole = (size_t)point < n ? (size_t)point : n;
    buf_add(b, d, whole);
    for (size_t i = whole; i < (size_t)point; i++)
        buf_char(b, '0');
    if (n > whole) {
        buf_char(b, '.');
        buf_add(b, d + whole, n - whole);
    }
}

/* ---- reading ------------------------------------------------------------ */

/* A decimal taken apart; the value is s[first .. last) * 10^exp. */
struct scan {
    bool neg, canonical; // canonical: printing an integer gives it back
    int64_t exp;
    size_t first, last; // from the first to behind the last digit that is
                        // not zero; equal: the value is 0
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "[eE][+-]digits" at s[i]; false if malformed. */
static bool scan_exp(struct slice s, size_t *i, int64_t *exp)
{
    size_t at = *i + 1;
    bool neg = false;
    if (at < s.n && (s.p[at] == '+' || s.p[at] == '-'))
        neg = s.p[at++] == '-';
    if (at >= s.n || !is_digit(s.p[at]))
        return false;
    int64_t v = 0;
    for (; at < s.n && is_digit(s.p[at]); at++)
        v = v < 100000000 ? v * 10 + (s.p[at] - '0') : v;
    *exp += neg ? -v : v;
    *i = at;
    return true;
}

/* The digits and the point.  Returns how many digits there are at all. */
static size_t scan_digits(struct slice s, size_t *at, struct scan *out)
{
    size_t i = *at, seen = 0;
    int64_t after = 0, tail = 0; // after the point; zeros at the end
    bool point = false;
    for (; i < s.n && (is_digit(s.p[i]) || (s.p[i] == '.' && !point)); i++) {
        if (s.p[i] == '.') {
            point = true;
            continue;
        }
        seen++;
        after += point;
        tail++;
        if (s.p[i] == '0')
            continue;
        tail = 0;
        if (out->last == 0)
            out->first = i;
        out->last = i + 1;
    }
    out->exp = tail - after;
    *at = i;
    return seen;
}

/* The grammar of JSON, or with `loose` what Go's ParseFloat takes too. */
static bool scan(struct slice s, bool loose, struct scan *out)
{
    *out = (struct scan){0};
    size_t i = 0;
    if (i < s.n && (s.p[i] == '-' || (loose && s.p[i] == '+')))
        out->neg = s.p[i++] == '-';
    size_t start = i;
    bool zero_led = i + 1 < s.n && s.p[i] == '0' && is_digit(s.p[i + 1]);
    if (!loose && (zero_led || i >= s.n || !is_digit(s.p[i])))
        return false;
    size_t seen = scan_digits(s, &i, out);
    if (seen == 0 || (!loose && s.p[i - 1] == '.'))
        return false;
    out->canonical =
        i == s.n && seen == s.n - start && !(out->neg && out->last == 0);
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E') &&
        !scan_exp(s, &i, &out->exp))
        return false;
    return i == s.n;
}

/* The significant digits as a magnitude; false if too many. */
static bool digits_of(struct slice s, const struct scan *sc, struct big *x)
{
    x->n = 0;
    uint32_t part = 0, scale = 1;
    for (size_t i = sc->first; i < sc->last; i++) {
        if (s.p[i] == '.')
            continue;
        part = part * 10 + (uint32_t)(s.p[i] - '0');
        scale *= 10;
        if (scale == 1000000000) {
            if (!big_mul_add(x, scale, part))
                return false;
            part = 0;
            scale = 1;
        }
    }
    return scale == 1 || big_mul_add(x, scale, part);
}

static enum status convert(struct arena *a, struct slice text,
                           const struct scan *sc, struct number *out,
                           struct err *err)
{
    if (sc->last == 0) {
        *out = number_int(0);
        return OK;
    }
    if (text.n > NUMBER_TEXT_MAX || sc->exp > NUMBER_TEXT_MAX ||
        sc->exp < -NUMBER_TEXT_MAX)
        return too_big(err);
    struct big x;
    if (!digits_of(text, sc, &x))
        return too_big(err);
    if (sc->exp >= 0) {
        if (!big_mul_pow(&x, 10, (uint32_t)sc->exp))
            return too_big(err);
        return store(a, sc->neg, &x, out, err);
    }
    struct soft s;
    if (!soft_decimal(sc->neg, &x, (uint32_t)-sc->exp, 64, &s))
        return too_big(err);
    return soft_store(a, s, out, err);
}

/* Plain integers of up to 18 digits, which is nearly all numbers there are. */
static bool quick(struct slice s, int64_t *out)
{
    size_t i = s.n > 0 && s.p[0] == '-';
    size_t n = s.n - i;
    if (n == 0 || n > 18 || (s.p[i] == '0' && s.n > 1))
        return false;
    int64_t v = 0;
    for (size_t k = i; k < s.n; k++) {
        if (!is_digit(s.p[k]))
            return false;
        v = v * 10 + (s.p[k] - '0');
    }
    *out = i > 0 ? -v : v;
    return true;
}

enum status number_parse(struct arena *a, struct slice text, struct number *out,
                         struct err *err)
{
    int64_t i;
    if (quick(text, &i)) {
        *out = number_int(i);
        return OK;
    }
    struct scan sc;
    if (!scan(text, false, &sc))
        return err_set(err, E_INVALID, "number", "no number");
    enum status st = convert(a, text, &sc, out, err);
    if (st == OK && !sc.canonical) {
        out->text = text.p;
        out->text_n = (uint32_t)text.n;
    }
    return st;
}

enum status number_parse_loose(struct arena *a, struct slice text,
                               struct number *out, struct err *err)
{
    struct scan strict, loose;
    if (scan(text, false, &strict))
        return number_parse(a, text, out, err);
    if (!scan(text, true, &loose))
        return err_set(err, E_INVALID, "number",
                       "strconv.ParseFloat: parsing \"%.*s\": invalid syntax",
                       text.n < 100 ? (int)text.n : 100, text.p);
    return convert(a, text, &loose, out, err);
}

static int digit_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 10;
    return 99;
}

enum status number_parse_base(struct arena *a, struct slice text, unsigned base,
                              struct number *out, struct err *err)
{
    bool neg = text.n > 0 && text.p[0] == '-';
    size_t i = text.n > 0 && (neg || text.p[0] == '+');
    if (i == text.n)
        return err_set(err, E_INVALID, "number", "no digits");
    struct big x = {.n = 0};
    for (; i < text.n; i++) {
        int d = digit_value(text.p[i]);
        if (d >= (int)base)
            return err_set(err, E_INVALID, "number", "no digit");
        if (x.n > INT_LIMBS || !big_mul_add(&x, base, (uint32_t)d))
            return too_big(err);
    }
    return store(a, neg, &x, out, err);
}

enum status number_from_bytes(struct arena *a, const uint8_t *p, size_t n,
                              struct number *out, struct err *err)
{
    struct big x = {.n = 0};
    if (n > NUMBER_BITS_MAX / 8)
        return too_big(err);
    for (size_t i = 0; i < n; i++)
        (void)big_mul_add(&x, 256, p[i]);
    return store(a, false, &x, out, err);
}

enum status number_from_double(struct arena *a, double d, struct number *out,
                               struct err *err)
{
    if (!isfinite(d))
        return err_set(err, E_INVALID, "number", "not finite");
    int exp;
    double m = frexp(fabs(d), &exp);
    struct soft s = {.neg = d < 0};
    if (m > 0) {
        s.mant = (uint64_t)ldexp(m, 64);
        s.exp = exp - 64;
    }
    return soft_store(a, s, out, err);
}

/* ---- arithmetic --------------------------------------------------------- */

static enum status add_big(struct arena *a, const struct number *x,
                           const struct number *y, bool minus,
                           struct number *out, struct err *err)
{
    struct big p, q;
    bool pn = load(x, &p), qn = load(y, &q) != minus;
    if (pn == qn) {
        if (!big_add(&p, &q))
            return too_big(err);
        return store(a, pn, &p, out, err);
    }
    if (big_cmp(&p, &q) >= 0) {
        big_sub(&p, &q);
        return store(a, pn, &p, out, err);
    }
    big_sub(&q, &p);
    return store(a, qn, &q, out, err);
}

static enum status add_sub(struct arena *a, const struct number *x,
                           const struct number *y, bool minus,
                           struct number *out, struct err *err)
{
    if (x->kind == NUMBER_INT && y->kind == NUMBER_INT) {
        int64_t r;
        if (minus ? number_sub_i64(x->i, y->i, &r)
                  : number_add_i64(x->i, y->i, &r)) {
            *out = number_int(r);
            return OK;
        }
    }
    if (number_is_int(x) && number_is_int(y))
        return add_big(a, x, y, minus, out, err);
    struct soft p = soft_of(x), q = soft_of(y);
    q.neg = q.neg != minus;
    return soft_store(a, soft_add(p, q), out, err);
}

enum status number_add(struct arena *a, const struct number *x,
                       const struct number *y, struct number *out,
                       struct err *err)
{
    return add_sub(a, x, y, false, out, err);
}

enum status number_sub(struct arena *a, const struct number *x,
                       const struct number *y, struct number *out,
                       struct err *err)
{
    return add_sub(a, x, y, true, out, err);
}

enum status number_mul(struct arena *a, const struct number *x,
                       const struct number *y, struct number *out,
                       struct err *err)
{
    if (x->kind == NUMBER_INT && y->kind == NUMBER_INT) {
        int64_t r;
        if (number_mul_i64(x->i, y->i, &r)) {
            *out = number_int(r);
            return OK;
        }
    }
    if (!number_is_int(x) || !number_is_int(y))
        return soft_store(a, soft_mul(soft_of(x), soft_of(y)), out, err);
    struct big p, q, r;
    bool pn = load(x, &p), qn = load(y, &q);
    if (!big_mul(&r, &p, &q))
        return too_big(err);
    return store(a, pn != qn, &r, out, err);
}

enum status number_div(struct arena *a, const struct number *x,
                       const struct number *y, struct number *out,
                       struct err *err)
{
    if (number_sign(y) == 0)
        return err_set(err, E_INVALID, "number", "divide by zero");
    if (x->kind == NUMBER_INT && y->kind == NUMBER_INT && y->i != -1 &&
        x->i % y->i == 0) {
        *out = number_int(x->i / y->i);
        return OK;
    }
    if (number_is_int(x) && number_is_int(y)) {
        struct big p, q, r;
        bool pn = load(x, &p), qn = load(y, &q);
        if (big_divmod(&r, &p, &q) && p.n == 0)
            return store(a, pn != qn, &r, out, err);
    }
    return soft_store(a, soft_div(soft_of(x), soft_of(y)), out, err);
}

enum status number_rem(struct arena *a, const struct number *x,
                       const struct number *y, struct number *out,
                       struct err *err)
{
    if (!number_is_int(x) || !number_is_int(y))
        return err_set(err, E_INVALID, "number",
                       "modulo on floating-point number");
    if (number_sign(y) == 0)
        return err_set(err, E_INVALID, "number", "modulo by zero");
    if (x->kind == NUMBER_INT && y->kind == NUMBER_INT) {
        *out = number_int(y->i == -1 ? 0 : x->i % y->i);
        return OK;
    }
    struct big p, q, r;
    bool neg = load(x, &p);
    (void)load(y, &q);
    if (!big_divmod(&r, &p, &q))
        return too_big(err);
    return store(a, neg, &p, out, err);
}

enum status number_neg(struct arena *a, const struct number *x,
                       struct number *out, struct err *err)
{
    struct number r = *x;
    r.text = NULL;
    r.text_n = 0;
    if (x->kind != NUMBER_INT) {
        r.neg = !r.neg;
        if (r.kind == NUMBER_BIG) { // 2^63 negated fits
            struct big b;
            bool neg = load(&r, &b);
            return store(a, neg, &b, out, err);
        }
    } else if (x->i == INT64_MIN) {
        struct big b;
        (void)load(x, &b);
        return store(a, false, &b, out, err);
    } else {
        r.i = -r.i;
    }
    *out = r;
    return OK;
}

enum status number_abs(struct arena *a, const struct number *x,
                       struct number *out, struct err *err)
{
    if (number_sign(x) < 0)
        return number_neg(a, x, out, err);
    *out = *x;
    return OK;
}

/* A float's whole part as an unsigned integer; it has no more than 64 bits
 * (I1). */
static uint64_t whole(const struct number *x)
{
    return x->exp > -64 ? x->mant >> -x->exp : 0;
}

/* The whole part plus `up` with the float's sign. */
static enum status from_whole(struct arena *a, const struct number *x, bool up,
                              struct number *out, struct err *err)
{
    struct big b, one;
    big_u64(&b, whole(x));
    big_u64(&one, up);
    (void)big_add(&b, &one);
    return store(a, x->neg, &b, out, err);
}

enum status number_trunc(struct arena *a, const struct number *x,
                         struct number *out, struct err *err)
{
    if (x->kind == NUMBER_FLOAT)
        return from_whole(a, x, false, out, err);
    *out = *x;
    out->text = NULL;
    out->text_n = 0;
    return OK;
}

enum status number_ceil(struct arena *a, const struct number *x,
                        struct number *out, struct err *err)
{
    if (x->kind == NUMBER_FLOAT)
        return from_whole(a, x, !x->neg, out, err);
    return number_trunc(a, x, out, err);
}

enum status number_floor(struct arena *a, const struct number *x,
                         struct number *out, struct err *err)
{
    if (x->kind == NUMBER_FLOAT)
        return from_whole(a, x, x->neg, out, err);
    return number_trunc(a, x, out, err);
}

enum status number_round(struct arena *a, const struct number *x,
                         struct number *out, struct err *err)
{
    if (x->kind != NUMBER_FLOAT)
        return number_trunc(a, x, out, err);
    bool half = x->exp >= -64 && ((x->mant >> (-x->exp - 1)) & 1) != 0;
    return from_whole(a, x, half, out, err);
}

/* ---- bits --------------------------------------------------------------- */

/* Two's complement in n limbs. */
static bool load_twos(const struct number *v, struct big *x, uint32_t n)
{
    bool neg = load(v, x);
    memset(x->d + x->n, 0, (n - x->n) * sizeof x->d[0]);
    x->n = n;
    if (neg) {
        uint64_t carry = 1;
        for (uint32_t i = 0; i < n; i++) {
            carry += (uint32_t)~x->d[i];
            x->d[i] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    return neg;
}

static enum status need_ints(const struct number *x, const struct number *y,
                             struct err *err)
{
    if (number_is_int(x) && number_is_int(y))
        return OK;
    return err_set(err, E_INVALID, "number", "no integer");
}

enum status number_bitop(struct arena *a, enum number_bitop op,
                         const struct number *x, const struct number *y,
                         struct number *out, struct err *err)
{
    enum status st = need_ints(x, y, err);
    if (st != OK)
        return st;
    uint32_t n = 3; // one limb more than an int64 for the sign
    n = x->kind == NUMBER_BIG && x->limbs + 1 > n ? x->limbs + 1 : n;
    n = y->kind == NUMBER_BIG && y->limbs + 1 > n ? y->limbs + 1 : n;
    struct big p, q;
    (void)load_twos(x, &p, n);
    (void)load_twos(y, &q, n);
    for (uint32_t i = 0; i < n; i++) {
        if (op == NUMBER_AND)
            p.d[i] &= q.d[i];
        else if (op == NUMBER_OR)
            p.d[i] |= q.d[i];
        else
            p.d[i] ^= q.d[i];
    }
    bool neg = (p.d[n - 1] >> 31) != 0;
    if (neg) {
        uint64_t carry = 1;
        for (uint32_t i = 0; i < n; i++) {
            carry += (uint32_t)~p.d[i];
            p.d[i] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    big_trim(&p);
    return store(a, neg, &p, out, err);
}

enum status number_shift(struct arena *a, const struct number *x, int64_t by,
                         struct number *out, struct err *err)
{
    enum status st = need_ints(x, x, err);
    if (st != OK)
        return st;
    struct big p;
    bool neg = load(x, &p);
    if (by >= 0) {
        if (p.n > 0 && (by > NUMBER_BITS_MAX || !big_shl(&p, (uint32_t)by)))
            return too_big(err);
        return store(a, neg, &p, out, err);
    }
    bool lost = big_shr(&p, by < -2 * NUMBER_BITS_MAX ? 2 * NUMBER_BITS_MAX
                                                      : (uint32_t)-by);
    if (neg && lost) {
        struct big one;
        big_u64(&one, 1);
        (void)big_add(&p, &one);
    }
    return store(a, neg, &p, out, err);
}

/* ---- comparing ---------------------------------------------------------- */

int number_sign(const struct number *n)
{
    if (n->kind != NUMBER_INT)
        return n->neg ? -1 : 1;
    return (n->i > 0) - (n->i < 0);
}

/* Magnitudes of two integers. */
static int cmp_limbs(const struct number *x, const struct number *y)
{
    if (x->limbs != y->limbs)
        return x->limbs < y->limbs ? -1 : 1;
    for (uint32_t i = x->limbs; i-- > 0;)
        if (x->limb[i] != y->limb[i])
            return x->limb[i] < y->limb[i] ? -1 : 1;
    return 0;
}

/* |integer| against |float|, which is never equal. */
static int cmp_mixed(const struct number *i, const struct number *f)
{
    uint64_t w = whole(f), m;
    if (i->kind == NUMBER_INT) {
        m = magnitude(i->i);
    } else {
        if (i->limbs > 2)
            return 1;
        m = (uint64_t)i->limb[1] << 32 | i->limb[0];
    }
    return m > w ? 1 : -1;
}

static int cmp_magnitude(const struct number *x, const struct number *y)
{
    if (x->kind == NUMBER_FLOAT && y->kind == NUMBER_FLOAT) {
        if (x->exp != y->exp)
            return x->exp < y->exp ? -1 : 1;
        return (x->mant > y->mant) - (x->mant < y->mant);
    }
    if (x->kind == NUMBER_FLOAT)
        return -cmp_mixed(y, x);
    if (y->kind == NUMBER_FLOAT)
        return cmp_mixed(x, y);
    if (x->kind == NUMBER_BIG && y->kind == NUMBER_BIG)
        return cmp_limbs(x, y);
    return x->kind == NUMBER_BIG ? 1 : -1; // both INT is decided before
}

int number_cmp(const struct number *x, const struct number *y)
{
    if (x->kind == NUMBER_INT && y->kind == NUMBER_INT)
        return (x->i > y->i) - (x->i < y->i);
    int sx = number_sign(x), sy = number_sign(y);
    if (sx != sy)
        return sx < sy ? -1 : 1;
    return sx * cmp_magnitude(x, y);
}

bool number_equal(const struct number *x, const struct number *y)
{
    if (x->kind != y->kind)
        return false;
    return number_cmp(x, y) == 0;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

uint64_t number_hash(const struct number *n)
{
    if (n->kind == NUMBER_INT)
        return mix(0x6e756d, (uint64_t)n->i);
    uint64_t h = mix(0x626967, n->neg);
    if (n->kind == NUMBER_FLOAT)
        return mix(mix(h, n->mant), (uint64_t)n->exp);
    for (uint32_t i = 0; i < n->limbs; i++)
        h = mix(h, n->limb[i]);
    return h;
}

double number_double(const struct number *n)
{
    if (n->kind == NUMBER_INT)
        return (double)n->i;
    struct soft s;
    struct scan sc;
    struct big x;
    struct slice text = slice(n->text, n->text_n);
    // from the text where there is one: rounding twice is not the same
    if (n->kind == NUMBER_FLOAT && text.p != NULL && scan(text, false, &sc) &&
        sc.exp < 0 && digits_of(text, &sc, &x) &&
        soft_decimal(sc.neg, &x, (uint32_t)-sc.exp, 53, &s))
        return (s.neg ? -1 : 1) * ldexp((double)(s.mant >> 11), s.exp + 11);
    if (n->kind == NUMBER_FLOAT) {
        big_u64(&x, n->mant);
        s = soft_round(n->neg, &x, n->exp, false, 53);
    } else {
        bool neg = load(n, &x);
        s = soft_round(neg, &x, 0, false, 53);
    }
    return (s.neg ? -1 : 1) * ldexp((double)(s.mant >> 11), s.exp + 11);
}

/* ---- text --------------------------------------------------------------- */

void number_format(struct buf *b, const struct number *n)
{
    if (n->text != NULL) {
        buf_add(b, n->text, n->text_n);
    } else if (n->kind == NUMBER_INT) {
        buf_i64(b, n->i);
    } else if (n->kind == NUMBER_FLOAT) {
        format_float(b, n);
    } else {
        number_format_base(b, n, 10);
    }
}

struct slice number_text(struct arena *a, const struct number *n)
{
    struct buf b;
    buf_init_arena(&b, a, 2 * NUMBER_BITS_MAX);
    number_format(&b, n);
    buf_char(&b, '\0'); // a terminator, not counted
    if (b.failed)
        return slice(NULL, 0);
    return slice(b.p, b.n - 1);
}

void number_format_base(struct buf *b, const struct number *n, unsigned base)
{
    assert(base >= 2 && base <= 36);
    struct big x;
    bool neg;
    if (n->kind == NUMBER_FLOAT) {
        big_u64(&x, whole(n));
        neg = n->neg && x.n > 0;
    } else {
        neg = load(n, &x);
    }
    if (neg)
        buf_char(b, '-');
    if (x.n == 0)
        buf_char(b, '0');
    char out[NUMBER_BITS_MAX + 64];
    size_t at = sizeof out;
    uint32_t scale = base, places = 1;
    while (scale <= UINT32_MAX / base) {
        scale *= base;
        places++;
    }
    while (x.n > 0) {
        uint32_t r = big_div_small(&x, scale);
        uint32_t least = x.n > 0 ? places : 0; // inner groups keep their zeros
        for (uint32_t i = 0; i < least || r > 0; i++, r /= base)
            out[--at] = "0123456789abcdefghijklmnopqrstuvwxyz"[r % base];
    }
    buf_add(b, out + at, sizeof out - at);
}

enum status number_copy(struct arena *a, const struct number *n,
                        struct number *out)
{
    struct number r = *n;
    if (n->text != NULL) {
        struct slice s = arena_dup(a, slice(n->text, n->text_n));
        if (s.p == NULL)
            return E_TOO_BIG;
        r.text = s.p;
    }
    if (n->kind == NUMBER_BIG) {
        uint32_t *limb = arena_try(a, n->limbs * sizeof *limb);
        if (limb == NULL)
            return E_TOO_BIG;
        memcpy(limb, n->limb, n->limbs * sizeof *limb);
        r.limb = limb;
    }
    *out = r;
    return OK;
}

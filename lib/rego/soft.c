/* soft.c - 64-bit floats after Go's math/big (Apache-style BSD; algorithms of
 * ftoa.go and decimal.go).
 */
#include "rego/soft.h"

#include <assert.h>
#include <string.h>

/* The nearest `prec`-bit float to x * 2^exp, where `sticky` says that a bit
 * below x is lost.  x needs prec + 1 bits or sticky false. */
struct soft soft_round(bool neg, struct big *x, int32_t exp, bool sticky,
                       uint32_t prec)
{
    uint32_t bits = big_bits(x);
    struct soft s = {.neg = neg};
    if (bits == 0)
        return s;
    if (bits > prec) {
        uint32_t drop = bits - prec;
        sticky = big_shr(x, drop - 1) || sticky;
        bool half = (x->d[0] & 1) != 0;
        (void)big_shr(x, 1);
        exp += (int32_t)drop;
        if (half && (sticky || (x->d[0] & 1) != 0)) {
            struct big one;
            big_u64(&one, 1);
            (void)big_add(x, &one);
        }
        if (big_bits(x) > prec) {
            (void)big_shr(x, 1);
            exp++;
        }
    }
    uint64_t m = x->d[0] | (x->n > 1 ? (uint64_t)x->d[1] << 32 : 0);
    int up = __builtin_clzll(m);
    s.mant = m << up;
    s.exp = exp - up;
    return s;
}

/* As soft_round for 128 bits and 64 bits of precision. */
static struct soft soft_round128(bool neg, unsigned __int128 v, int32_t exp,
                                 bool sticky)
{
    struct soft s = {.neg = neg};
    if (v == 0)
        return s;
    uint64_t hi = (uint64_t)(v >> 64);
    int up = hi != 0 ? __builtin_clzll(hi) : 64 + __builtin_clzll((uint64_t)v);
    v <<= up;
    exp += 64 - up;
    uint64_t m = (uint64_t)(v >> 64), low = (uint64_t)v;
    uint64_t half = UINT64_C(1) << 63;
    if (low > half || (low == half && (sticky || (m & 1) != 0))) {
        if (++m == 0) {
            m = half;
            exp++;
        }
    }
    s.mant = m;
    s.exp = exp;
    return s;
}

/* D * 10^-k for the digits D, correctly rounded to `prec` bits.  False if a
 * temporary does not fit. */
bool soft_decimal(bool neg, struct big *d, uint32_t k, uint32_t prec,
                  struct soft *out)
{
    static const uint64_t ten[] = {1,
                                   10,
                                   100,
                                   1000,
                                   10000,
                                   100000,
                                   1000000,
                                   10000000,
                                   100000000,
                                   1000000000,
                                   10000000000,
                                   100000000000,
                                   1000000000000,
                                   10000000000000,
                                   100000000000000,
                                   1000000000000000,
                                   10000000000000000,
                                   100000000000000000,
                                   1000000000000000000};
    if (d->n == 0) {
        *out = (struct soft){.neg = neg};
        return true;
    }
    if (d->n <= 2 && k < sizeof ten / sizeof *ten && prec == 64) {
        uint64_t v = d->d[0] | (d->n > 1 ? (uint64_t)d->d[1] << 32 : 0);
        int up = __builtin_clzll(v);
        // the quotient of a full 128-bit number by at most 60 bits has 68
        unsigned __int128 num = (unsigned __int128)(v << up) << 64;
        unsigned __int128 q = num / ten[k];
        bool rest = num % ten[k] != 0;
        *out = soft_round128(neg, q, -up - 64, rest);
        return true;
    }
    struct big den, q;
    big_u64(&den, 1);
    if (!big_mul_pow(&den, 10, k))
        return false;
    int32_t shift =
        (int32_t)big_bits(&den) - (int32_t)big_bits(d) + (int32_t)prec + 2;
    if (shift < 0)
        shift = 0;
    if (!big_shl(d, (uint32_t)shift) || !big_divmod(&q, d, &den))
        return false;
    *out = soft_round(neg, &q, -shift, d->n > 0, prec);
    return true;
}

struct soft soft_mul(struct soft x, struct soft y)
{
    return soft_round128(x.neg != y.neg, (unsigned __int128)x.mant * y.mant,
                         x.exp + y.exp, false);
}

struct soft soft_div(struct soft x, struct soft y)
{
    if (x.mant == 0)
        return x;
    unsigned __int128 num = (unsigned __int128)x.mant << 64;
    // at least 64 bits; two more, and whether anything is left, to round by
    unsigned __int128 q = num / y.mant;
    unsigned __int128 rest = num % y.mant << 2;
    q = q << 2 | rest / y.mant;
    return soft_round128(x.neg != y.neg, q, x.exp - y.exp - 66,
                         rest % y.mant != 0);
}

struct soft soft_add(struct soft x, struct soft y)
{
    if (x.mant == 0)
        return y;
    if (y.mant == 0)
        return x;
    if (x.exp < y.exp || (x.exp == y.exp && x.mant < y.mant)) {
        struct soft t = x;
        x = y;
        y = t;
    }
    int32_t gap = x.exp - y.exp;
    if (gap > 66) // y is less than a quarter unit in the last place
        return x;
    // Aligned at y's lowest bit, 64 + 66 bits do not fit 128: drop at most
    // three bits of y into the sticky one.
    uint32_t drop = gap > 60 ? (uint32_t)gap - 60 : 0;
    unsigned __int128 a = (unsigned __int128)x.mant << ((uint32_t)gap - drop);
    unsigned __int128 b = y.mant >> drop;
    bool sticky = drop > 0 && (y.mant & ((UINT64_C(1) << drop) - 1)) != 0;
    a <<= 2;
    b <<= 2;
    if (x.neg == y.neg) {
        a += b | (unsigned)(sticky ? 1 : 0);
    } else {
        b |= (unsigned)(sticky ? 1 : 0);
        if (a == b)
            return (struct soft){0};
        a -= b;
    }
    return soft_round128(x.neg, a, y.exp + (int32_t)drop - 2, false);
}

/* ---- printing a float --------------------------------------------------- */

/* Exact decimal digits of m * 2^exp (exp < 0) without trailing zeros; the
 * value is 0.DIGITS * 10^*point. */
static size_t decimal(unsigned __int128 m, int32_t exp, char *out,
                      int32_t *point)
{
    struct big x;
    big_u64(&x, (uint64_t)(m >> 64));
    (void)big_shl(&x, 64);
    struct big low;
    big_u64(&low, (uint64_t)m);
    (void)big_add(&x, &low);
    size_t n;
    if (exp < 0) {
        bool fits = big_mul_pow(&x, 5, (uint32_t)-exp);
        assert(fits);
        n = big_digits(&x, out);
        *point = (int32_t)n + exp;
    } else {
        bool fits = big_shl(&x, (uint32_t)exp);
        assert(fits);
        n = big_digits(&x, out);
        *point = (int32_t)n;
    }
    while (n > 1 && out[n - 1] == '0')
        n--;
    return n;
}

/* digits[0..n) plus one in the last place; a carry out of the first moves the
 * point. */
static size_t round_up(char *digits, size_t n, int32_t *point)
{
    while (n > 0 && digits[n - 1] == '9')
        n--;
    if (n == 0) {
        digits[0] = '1';
        (*point)++;
        return 1;
    }
    digits[n - 1]++;
    return n;
}

static int digit_at(const char *d, size_t n, size_t i)
{
    return i < n ? (unsigned char)d[i] : '0';
}

/* The fewest digits that read back as `s`: Go's roundShortest.  `digits`
 * gets at most 24; returns how many. */
size_t soft_digits(const struct soft *s, char digits[static SOFT_DIGITS],
                   int32_t *point)
{
    char mid[BIG_DIGITS], low[BIG_DIGITS], high[BIG_DIGITS];
    int32_t ignore;
    unsigned __int128 m = (unsigned __int128)s->mant << 1;
    size_t n = decimal(m, s->exp - 1, mid, point);
    size_t nl = decimal(m - 1, s->exp - 1, low, &ignore);
    size_t nh = decimal(m + 1, s->exp - 1, high, &ignore);
    bool even = (s->mant & 1) == 0;
    size_t keep = n;
    bool up = false;
    for (size_t i = 0; i < n; i++) {
        int d = digit_at(mid, n, i), l = digit_at(low, nl, i),
            h = digit_at(high, nh, i);
        bool down_ok = l != d || (even && i + 1 == nl);
        bool up_ok = d != h && (even || d + 1 < h || i + 1 < nh);
        if (!down_ok && !up_ok)
            continue;
        keep = i + 1;
        if (down_ok && up_ok && keep < n) {
            // nearer neighbour; exactly half way to even, as Go's decimal
            up = mid[keep] > '5' ||
                 (mid[keep] == '5' &&
                  (keep + 1 < n || ((mid[i] - '0') & 1) != 0));
        } else {
            up = up_ok && !down_ok && keep < n;
        }
        break;
    }
    if (up)
        keep = round_up(mid, keep, point);
    while (keep > 1 && mid[keep - 1] == '0')
        keep--;
    assert(keep <= 24);
    memcpy(digits, mid, keep);
    return keep;
}

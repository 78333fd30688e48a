/* big.c - schoolbook arithmetic on 32-bit limbs; Knuth's algorithm D. */
#include "rego/big.h"

#include <assert.h>
#include <string.h>

void big_trim(struct big *x)
{
    while (x->n > 0 && x->d[x->n - 1] == 0)
        x->n--;
}

void big_u64(struct big *x, uint64_t v)
{
    x->d[0] = (uint32_t)v;
    x->d[1] = (uint32_t)(v >> 32);
    x->n = 2;
    big_trim(x);
}

void big_copy(struct big *x, const struct big *y)
{
    x->n = y->n;
    memcpy(x->d, y->d, y->n * sizeof y->d[0]);
}

uint32_t big_bits(const struct big *x)
{
    if (x->n == 0)
        return 0;
    return 32 * x->n - (uint32_t)__builtin_clz(x->d[x->n - 1]);
}

/* x = x * m + c; false if it does not fit. */
bool big_mul_add(struct big *x, uint32_t m, uint32_t c)
{
    uint64_t carry = c;
    for (uint32_t i = 0; i < x->n; i++) {
        carry += (uint64_t)x->d[i] * m;
        x->d[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) {
        if (x->n == BIG_LIMBS)
            return false;
        x->d[x->n++] = (uint32_t)carry;
    }
    return true;
}

/* x /= m, returns the remainder. */
uint32_t big_div_small(struct big *x, uint32_t m)
{
    uint64_t r = 0;
    for (uint32_t i = x->n; i-- > 0;) {
        r = r << 32 | x->d[i];
        x->d[i] = (uint32_t)(r / m);
        r %= m;
    }
    big_trim(x);
    return (uint32_t)r;
}

/* x *= base^k; false if it does not fit. */
bool big_mul_pow(struct big *x, uint32_t base, uint32_t k)
{
    while (k > 0) {
        uint32_t m = 1;
        while (k > 0 && m <= UINT32_MAX / base) {
            m *= base;
            k--;
        }
        if (!big_mul_add(x, m, 0))
            return false;
    }
    return true;
}

int big_cmp(const struct big *x, const struct big *y)
{
    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    for (uint32_t i = x->n; i-- > 0;)
        if (x->d[i] != y->d[i])
            return x->d[i] < y->d[i] ? -1 : 1;
    return 0;
}

bool big_add(struct big *x, const struct big *y)
{
    uint64_t carry = 0;
    uint32_t n = x->n > y->n ? x->n : y->n;
    for (uint32_t i = 0; i < n; i++) {
        carry += (i < x->n ? x->d[i] : 0);
        carry += (i < y->n ? y->d[i] : 0);
        x->d[i] = (uint32_t)carry;
        carry >>= 32;
    }
    x->n = n;
    if (carry != 0) {
        if (n == BIG_LIMBS)
            return false;
        x->d[x->n++] = 1;
    }
    return true;
}

/* x -= y; x >= y. */
void big_sub(struct big *x, const struct big *y)
{
    int64_t borrow = 0;
    for (uint32_t i = 0; i < x->n; i++) {
        borrow += (int64_t)x->d[i] - (i < y->n ? y->d[i] : 0);
        x->d[i] = (uint32_t)borrow;
        borrow >>= 32;
    }
    assert(borrow == 0);
    big_trim(x);
}

bool big_mul(struct big *out, const struct big *x, const struct big *y)
{
    if (x->n + y->n > BIG_LIMBS)
        return false;
    out->n = x->n + y->n;
    memset(out->d, 0, out->n * sizeof out->d[0]);
    for (uint32_t i = 0; i < x->n; i++) {
        uint64_t carry = 0;
        for (uint32_t j = 0; j < y->n; j++) {
            carry += (uint64_t)x->d[i] * y->d[j] + out->d[i + j];
            out->d[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        out->d[i + y->n] = (uint32_t)carry;
    }
    big_trim(out);
    return true;
}

/* x <<= k; false if it does not fit. */
bool big_shl(struct big *x, uint32_t k)
{
    uint32_t limbs = k / 32, bits = k % 32;
    if (x->n == 0)
        return true;
    if (limbs >= BIG_LIMBS || x->n + limbs + 1 > BIG_LIMBS)
        return false;
    x->d[x->n] = 0;
    for (uint32_t i = x->n + 1; i-- > 0;) {
        uint64_t v = (uint64_t)x->d[i] << 32 | (i > 0 ? x->d[i - 1] : 0);
        x->d[i + limbs] = (uint32_t)(v << bits >> 32);
    }
    memset(x->d, 0, limbs * sizeof x->d[0]);
    x->n += limbs + 1;
    big_trim(x);
    return true;
}

/* x >>= k, returns whether a bit fell out. */
bool big_shr(struct big *x, uint32_t k)
{
    uint32_t limbs = k / 32, bits = k % 32;
    bool lost = false;
    if (limbs >= x->n) {
        lost = x->n > 0;
        x->n = 0;
        return lost;
    }
    for (uint32_t i = 0; i < limbs; i++)
        lost = lost || x->d[i] != 0;
    if (bits != 0)
        lost = lost || (x->d[limbs] & ((1U << bits) - 1)) != 0;
    uint32_t n = x->n - limbs;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t hi = i + limbs + 1 < x->n ? x->d[i + limbs + 1] : 0;
        uint64_t v = hi << 32 | x->d[i + limbs];
        x->d[i] = (uint32_t)(v >> bits);
    }
    x->n = n;
    big_trim(x);
    return lost;
}

/* One digit of Knuth's algorithm D: the quotient digit at j of u by v, both
 * normalized; u loses that multiple of v. */
static uint32_t div_digit(uint32_t *u, const struct big *v, uint32_t j)
{
    uint32_t n = v->n;
    uint64_t top = (uint64_t)u[j + n] << 32 | u[j + n - 1];
    uint64_t q = top / v->d[n - 1], r = top % v->d[n - 1];
    while (q > UINT32_MAX || q * v->d[n - 2] > (r << 32 | u[j + n - 2])) {
        q--;
        r += v->d[n - 1];
        if (r > UINT32_MAX)
            break;
    }
    int64_t borrow = 0;
    uint64_t carry = 0;
    for (uint32_t i = 0; i < n; i++) {
        carry += q * v->d[i];
        borrow += (int64_t)u[i + j] - (int64_t)(uint32_t)carry;
        u[i + j] = (uint32_t)borrow;
        borrow >>= 32;
        carry >>= 32;
    }
    borrow += (int64_t)u[j + n] - (int64_t)carry;
    u[j + n] = (uint32_t)borrow;
    if (borrow < 0) { // q was one too large: add v back
        q--;
        carry = 0;
        for (uint32_t i = 0; i < n; i++) {
            carry += (uint64_t)u[i + j] + v->d[i];
            u[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        u[j + n] += (uint32_t)carry;
    }
    return (uint32_t)q;
}

/* q = x / y, x = x % y.  False if a temporary does not fit. */
bool big_divmod(struct big *q, struct big *x, const struct big *y)
{
    assert(y->n > 0);
    if (big_cmp(x, y) < 0) {
        q->n = 0;
        return true;
    }
    if (y->n == 1) {
        big_copy(q, x);
        big_u64(x, big_div_small(q, y->d[0]));
        return true;
    }
    if (x->n + 1 > BIG_LIMBS)
        return false;
    struct big v;
    big_copy(&v, y);
    uint32_t s = (uint32_t)__builtin_clz(y->d[y->n - 1]);
    (void)big_shl(&v, s);
    uint32_t before = x->n;
    if (!big_shl(x, s))
        return false;
    if (x->n == before)
        x->d[x->n++] = 0;
    q->n = x->n - v.n;
    for (uint32_t j = q->n; j-- > 0;)
        q->d[j] = div_digit(x->d, &v, j);
    big_trim(q);
    big_trim(x);
    (void)big_shr(x, s);
    return true;
}

/* The decimal digits, most significant first; returns how many. */
size_t big_digits(struct big *x, char *out)
{
    size_t at = BIG_DIGITS;
    while (x->n > 0) {
        uint32_t r = big_div_small(x, 1000000000);
        for (int i = 0; i < 9 && (x->n > 0 || r > 0); i++) {
            assert(at > 0);
            out[--at] = (char)('0' + r % 10);
            r /= 10;
        }
    }
    memmove(out, out + at, BIG_DIGITS - at);
    return BIG_DIGITS - at;
}

/* big.h - magnitudes of fixed room, for the stack: what number.c computes in.
 *
 * Quadratic algorithms on at most BIG_LIMBS limbs; nothing is allocated.
 * Functions that may not find room return false and leave their operand
 * unspecified.  Pure; any thread.
 */
#ifndef REGO_BIG_H
#define REGO_BIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Room for a denominator of 6000 decimal digits (19,932 bits) and as much
 * again. */
#define BIG_LIMBS 1280
/* Decimal digits that may come out: log10(2) * 32 a limb, rounded up. */
#define BIG_DIGITS (BIG_LIMBS * 10)

struct big {
    uint32_t n; /* significant limbs, least first; 0 is zero */
    uint32_t d[BIG_LIMBS];
};

/* Drops leading zero limbs. */
void big_trim(struct big *x);
/* x = v. */
void big_u64(struct big *x, uint64_t v);
/* x = y. */
void big_copy(struct big *x, const struct big *y);
/* Position of the highest bit, from 1; 0 for zero. */
uint32_t big_bits(const struct big *x);
/* x = x * m + c. */
bool big_mul_add(struct big *x, uint32_t m, uint32_t c);
/* x /= m, returns the remainder. */
uint32_t big_div_small(struct big *x, uint32_t m);
/* x *= base^k. */
bool big_mul_pow(struct big *x, uint32_t base, uint32_t k);
/* -1, 0, 1. */
int big_cmp(const struct big *x, const struct big *y);
/* x += y. */
bool big_add(struct big *x, const struct big *y);
/* x -= y; x >= y. */
void big_sub(struct big *x, const struct big *y);
/* out = x * y; out is neither. */
bool big_mul(struct big *out, const struct big *x, const struct big *y);
/* x <<= k. */
bool big_shl(struct big *x, uint32_t k);
/* x >>= k, returns whether a bit fell out. */
bool big_shr(struct big *x, uint32_t k);
/* q = x / y, x = x % y; y is not zero. */
bool big_divmod(struct big *q, struct big *x, const struct big *y);
/* The decimal digits of x, most significant first, into BIG_DIGITS bytes;
 * returns how many (0 for zero).  x is zero afterwards. */
size_t big_digits(struct big *x, char *out);

#endif

/* soft.h - floating point of 64 bits mantissa in integer arithmetic.
 *
 * The same results on every CPU: Go's big.Float with precision 64, rounded to
 * nearest, halves to even.  The exponent is the caller's to bound
 * (number.c refuses beyond +-2^14).  Pure; any thread.
 */
#ifndef REGO_SOFT_H
#define REGO_SOFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "rego/big.h"

/* (-1)^neg * mant * 2^exp, the highest bit of mant set; zero has mant 0. */
struct soft {
    bool neg;
    uint64_t mant;
    int32_t exp;
};

/* The nearest float of `prec` <= 64 bits to x * 2^exp; `sticky`: something
 * below x is lost, then x needs prec + 1 bits.  Spoils x. */
struct soft soft_round(bool neg, struct big *x, int32_t exp, bool sticky,
                       uint32_t prec);
/* d * 10^-k, correctly rounded to `prec` <= 64 bits.  Spoils d.  False: no
 * room. */
MUST_CHECK bool soft_decimal(bool neg, struct big *d, uint32_t k, uint32_t prec,
                             struct soft *out);
/* x * y */
struct soft soft_mul(struct soft x, struct soft y);
/* x / y; y is not zero. */
struct soft soft_div(struct soft x, struct soft y);
/* x + y */
struct soft soft_add(struct soft x, struct soft y);

#define SOFT_DIGITS 24
/* The fewest digits that read back as `s` (not zero): the value is
 * 0.DIGITS * 10^*point.  Returns how many. |exp| <= 16384. */
size_t soft_digits(const struct soft *s, char digits[static SOFT_DIGITS],
                   int32_t *point);

#endif

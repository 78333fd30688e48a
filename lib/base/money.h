/* money.h - amounts as integers.
 *
 * Nano-dollars (int64_t, 1e-9 USD) for amounts, pico-dollars per token for
 * prices (= micro-dollars per million tokens), products in 128 bits.  No
 * floating point.  Safe from any thread.
 */
#ifndef BASE_MONEY_H
#define BASE_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

typedef __int128 int128;

#define MONEY_NANO 1000000000LL               /* nano-dollars per dollar */
#define MONEY_MAX (1000000000LL * MONEY_NANO) /* largest amount accepted */
#define MONEY_TEXT 32                         /* room for an amount in text */

/* Reads a decimal number (optional sign, digits, fraction, exponent) scaled
 * by 10^`decimals` into an exact integer.  False if it is no number, has more
 * non-zero decimals than that, or does not fit int64. */
bool money_scan(struct slice text, int decimals, int64_t *out);
/* USD with at most 9 decimals, 0 ... MONEY_MAX, as nano-dollars. */
bool money_usd(struct slice text, int64_t *nano);
/* USD per million tokens with at most 6 decimals as pico-dollars per token. */
bool money_price(struct slice text, int64_t *pico);
/* Writes nano-dollars as exact decimal USD without trailing zeros ("10.5",
 * "0.0000045", "0", "-0.25") with a terminator; returns the length. */
size_t money_format(int64_t nano, char out[static MONEY_TEXT]);
/* Writes pico-dollars per token as USD per million tokens ("2.5"). */
size_t money_format_price(int64_t pico, char out[static MONEY_TEXT]);
/* Pico-dollars to nano-dollars, rounded half up (towards +inf); clamps to the
 * int64 range. */
int64_t money_round(int128 pico);
/* Pico-dollars to nano-dollars, rounded up; clamps to the int64 range. */
int64_t money_ceil(int128 pico);
/* a + b, clamped to the int64 range. */
int64_t money_add(int64_t a, int64_t b);

#endif

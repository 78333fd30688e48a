/* money.c - decimal text to scaled integers and back.
 *
 * Reading keeps at most 40 significant digits in 128 bits and applies the
 * exponent by multiplying or by exact division: a digit that would be lost
 * makes the text unreadable rather than rounded.
 */
#include "base/money.h"

#include <stdio.h>
#include <string.h>

#define DIGITS_MAX 30 /* 10^30 < 2^127 / 10^8 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads an optional exponent at `*at`; false if malformed or absurd. */
static bool scan_exponent(struct slice s, size_t *at, int *exp)
{
    *exp = 0;
    if (*at >= s.n || (s.p[*at] != 'e' && s.p[*at] != 'E'))
        return true;
    (*at)++;
    bool neg = false;
    if (*at < s.n && (s.p[*at] == '+' || s.p[*at] == '-'))
        neg = s.p[(*at)++] == '-';
    if (*at >= s.n)
        return false;
    for (; *at < s.n && is_digit(s.p[*at]); (*at)++)
        if (*exp < 10000)
            *exp = *exp * 10 + (s.p[*at] - '0');
    if (neg)
        *exp = -*exp;
    return is_digit(s.p[*at - 1]);
}

/* value * 10^shift into `*out` if it is exact and fits. */
static bool apply(int128 value, int shift, bool neg, int64_t *out)
{
    if (value != 0) {
        for (; shift > 0; shift--) {
            value *= 10;
            if (value > INT64_MAX)
                return false;
        }
        for (; shift < 0; shift++) {
            if (value % 10 != 0)
                return false;
            value /= 10;
        }
    }
    if (value > INT64_MAX)
        return false;
    *out = neg ? -(int64_t)value : (int64_t)value;
    return true;
}

bool money_scan(struct slice s, int decimals, int64_t *out)
{
    size_t at = 0;
    bool neg = false, any = false;
    int fraction = 0, digits = 0, exp = 0;
    int128 value = 0;
    if (at < s.n && (s.p[at] == '-' || s.p[at] == '+'))
        neg = s.p[at++] == '-';
    bool point = false;
    for (; at < s.n; at++) {
        char c = s.p[at];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (!is_digit(c))
            break;
        any = true;
        if (value == 0 && c == '0' && !point)
            continue;
        if (++digits > DIGITS_MAX && c != '0')
            return false;
        if (digits > DIGITS_MAX) {
            if (!point)
                return false;
            continue; // trailing zeros of a long fraction
        }
        value = value * 10 + (c - '0');
        fraction += point;
    }
    if (!any || !scan_exponent(s, &at, &exp) || at != s.n)
        return false;
    return apply(value, decimals - fraction + exp, neg, out);
}

bool money_usd(struct slice text, int64_t *nano)
{
    int64_t v;
    if (!money_scan(text, 9, &v) || v < 0 || v > MONEY_MAX)
        return false;
    *nano = v;
    return true;
}

bool money_price(struct slice text, int64_t *pico)
{
    int64_t v;
    if (!money_scan(text, 6, &v) || v < 0)
        return false;
    *pico = v;
    return true;
}

static size_t format(int64_t v, int decimals, char out[static MONEY_TEXT])
{
    char digits[24];
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    int n = 0;
    do {
        digits[n++] = (char)('0' + (int)(u % 10));
        u /= 10;
    } while (u != 0);
    while (n <= decimals)
        digits[n++] = '0';
    int skip = 0; // trailing zeros of the fraction
    while (skip < decimals && digits[skip] == '0')
        skip++;
    size_t at = 0;
    if (v < 0)
        out[at++] = '-';
    for (int i = n - 1; i >= skip; i--) {
        if (i == decimals - 1)
            out[at++] = '.';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return at;
}

size_t money_format(int64_t nano, char out[static MONEY_TEXT])
{
    return format(nano, 9, out);
}

size_t money_format_price(int64_t pico, char out[static MONEY_TEXT])
{
    return format(pico, 6, out);
}

static int64_t clamp(int128 v)
{
    if (v > INT64_MAX)
        return INT64_MAX;
    if (v < INT64_MIN)
        return INT64_MIN;
    return (int64_t)v;
}

/* floor(v / 1000) for any sign */
static int128 floor_thousand(int128 v)
{
    int128 q = v / 1000;
    return v % 1000 < 0 ? q - 1 : q;
}

int64_t money_round(int128 pico)
{
    return clamp(floor_thousand(pico + 500));
}

int64_t money_ceil(int128 pico)
{
    return clamp(floor_thousand(pico + 999));
}

int64_t money_add(int64_t a, int64_t b)
{
    return clamp((int128)a + b);
}

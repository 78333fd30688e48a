/* utf8.c - see utf8.h.  Ranges: The Unicode Standard, table 3-7. */
#include "base/utf8.h"

#include <string.h>

/* Length of a sequence by its first byte and the range of its second; 0: no
 * first byte. */
static size_t sequence(uint8_t c, uint8_t *low, uint8_t *high)
{
    *low = 0x80;
    *high = 0xBF;
    if (c < 0x80)
        return 1;
    if (c >= 0xC2 && c <= 0xDF)
        return 2;
    if (c >= 0xE0 && c <= 0xEF) {
        *low = c == 0xE0 ? 0xA0 : 0x80;
        *high = c == 0xED ? 0x9F : 0xBF;
        return 3;
    }
    if (c >= 0xF0 && c <= 0xF4) {
        *low = c == 0xF0 ? 0x90 : 0x80;
        *high = c == 0xF4 ? 0x8F : 0xBF;
        return 4;
    }
    return 0;
}

/* Bytes of the sequence at p that are as they should be, 0 to 4, and how many
 * it ought to have. */
static size_t good(const uint8_t *p, size_t n, size_t *want)
{
    uint8_t low, high;
    *want = sequence(p[0], &low, &high);
    if (*want < 2)
        return *want;
    size_t k = 1;
    while (k < *want && k < n && p[k] >= low && p[k] <= high) {
        low = 0x80;
        high = 0xBF;
        k++;
    }
    return k;
}

size_t utf8_len(const uint8_t *p, size_t n)
{
    size_t want, have = good(p, n, &want);
    return have == want ? want : 0;
}

size_t utf8_valid(const uint8_t *p, size_t n)
{
    size_t at = 0;
    while (at < n) {
        uint64_t eight;
        if (n - at >= 8) {
            memcpy(&eight, p + at, 8);
            if ((eight & 0x8080808080808080u) == 0) {
                at += 8;
                continue;
            }
        }
        if (p[at] < 0x80) {
            at++;
            continue;
        }
        if (n - at >= 3 && p[at] > 0xE0 && p[at] < 0xED &&
            (p[at + 1] & 0xC0) == 0x80 && (p[at + 2] & 0xC0) == 0x80) {
            at += 3; // most of East Asia's
            continue;
        }
        size_t len = utf8_len(p + at, n - at);
        if (len == 0)
            return at;
        at += len;
    }
    return at;
}

size_t utf8_ill(const uint8_t *p, size_t n, bool *open)
{
    size_t want, have = good(p, n, &want);
    *open = want != 0 && have == n && have < want;
    return have == 0 ? 1 : have;
}

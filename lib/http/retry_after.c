/* retry_after.c - see retry_after.h. */
#include "http/retry_after.h"

#include "base/clock.h"
#include "http/header.h"

/* "2", "1.5" in units of `unit` ms, rounded up; -1: no such number. */
static int64_t number(struct slice s, int64_t unit)
{
    int64_t whole = 0, part = 0, scale = 1;
    size_t i = 0;
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        if (whole <= RETRY_AFTER_MOST_MS)
            whole = whole * 10 + (s.p[i] - '0');
    if (i == 0)
        return -1;
    if (i < s.n && s.p[i] == '.')
        for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
            if (scale < 1000000) {
                part = part * 10 + (s.p[i] - '0');
                scale *= 10;
            }
    if (i < s.n)
        return -1;
    if (whole >= RETRY_AFTER_MOST_MS / unit)
        return RETRY_AFTER_MOST_MS;
    return whole * unit + (part * unit + scale - 1) / scale;
}

static int two(const char *p)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return -1;
    return (p[0] - '0') * 10 + (p[1] - '0');
}

static int month_of(const char *p)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int m = 0; m < 12; m++)
        if (memcmp(names + (ptrdiff_t)3 * m, p, 3) == 0)
            return m + 1;
    return -1;
}

/* IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7), the only form
 * that may be sent; Unix ms, -1: it is none. */
static int64_t fixdate(struct slice s)
{
    if (s.n != 29 || s.p[3] != ',' || s.p[4] != ' ' || s.p[7] != ' ' ||
        s.p[11] != ' ' || s.p[16] != ' ' || s.p[19] != ':' || s.p[22] != ':' ||
        memcmp(s.p + 25, " GMT", 4) != 0)
        return -1;
    int day = two(s.p + 5), month = month_of(s.p + 8);
    int century = two(s.p + 12), year = two(s.p + 14);
    int hour = two(s.p + 17), minute = two(s.p + 20), second = two(s.p + 23);
    if (day < 1 || day > 31 || month < 1 || century < 0 || year < 0 ||
        hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
        second > 60)
        return -1;
    int64_t days = clock_days((int64_t)century * 100 + year, month, day);
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000;
}

int64_t retry_after_ms(const struct http_field *f, int n, int64_t now_ms)
{
    struct slice ms = slice_trim(header_find(f, n, "retry-after-ms"));
    struct slice s = slice_trim(header_find(f, n, "retry-after"));
    int64_t told = ms.n > 0 ? number(ms, 1) : -1;
    if (told >= 0 || s.n == 0)
        return told;
    told = number(s, 1000);
    if (told >= 0)
        return told;
    int64_t at = fixdate(s);
    if (at < 0)
        return -1;
    if (at <= now_ms)
        return 0;
    return at - now_ms < RETRY_AFTER_MOST_MS ? at - now_ms
                                             : RETRY_AFTER_MOST_MS;
}

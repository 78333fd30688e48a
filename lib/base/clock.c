/* clock.c - see clock.h.  Calendar arithmetic after Howard Hinnant's
 * "chrono-compatible low-level date algorithms". */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define DAY_MS 86400000LL

static _Atomic int64_t offset_ms; // set once at start (clock.h)

void clock_set_offset(int64_t seconds)
{
    atomic_store(&offset_ms, seconds * 1000);
}

int64_t clock_now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 +
           atomic_load_explicit(&offset_ms, memory_order_relaxed);
}

int64_t clock_mono_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_days(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

void clock_civil(int64_t days, int64_t *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = yoe + era * 400 + (*month <= 2);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static char *put2(char *p, int v)
{
    p[0] = (char)('0' + v / 10 % 10);
    p[1] = (char)('0' + v % 10);
    return p + 2;
}

size_t clock_format_date(int64_t ms, char out[static CLOCK_TEXT])
{
    int64_t year;
    int month, day;
    clock_civil(floor_div(ms, DAY_MS), &year, &month, &day);
    if (year < 0 || year > 9999) {
        int n = snprintf(out, CLOCK_TEXT, "%04lld-%02d-%02d", (long long)year,
                         month, day);
        return n > 0 ? (size_t)n : 0;
    }
    // Rows and policies need dates by the thousand: no printf.
    char *p = put2(out, (int)year / 100);
    p = put2(p, (int)year % 100);
    *p++ = '-';
    p = put2(p, month);
    *p++ = '-';
    p = put2(p, day);
    *p = '\0';
    return (size_t)(p - out);
}

size_t clock_format(int64_t ms, char out[static CLOCK_TEXT])
{
    size_t n = clock_format_date(ms, out);
    int rest = (int)(ms - floor_div(ms, DAY_MS) * DAY_MS);
    if (n + 15 > CLOCK_TEXT)
        return n;
    char *p = out + n;
    *p++ = 'T';
    p = put2(p, rest / 3600000);
    *p++ = ':';
    p = put2(p, rest / 60000 % 60);
    *p++ = ':';
    p = put2(p, rest / 1000 % 60);
    *p++ = '.';
    *p++ = (char)('0' + rest % 1000 / 100);
    p = put2(p, rest % 100);
    *p++ = 'Z';
    *p = '\0';
    return (size_t)(p - out);
}

/* Reads `n` digits at `*s` into `*out`. */
static bool digits(struct slice *s, size_t n, int *out)
{
    if (s->n < n)
        return false;
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        v = v * 10 + (s->p[i] - '0');
    }
    *s = slice_skip(*s, n);
    *out = v;
    return true;
}

static bool literal(struct slice *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = slice_skip(*s, 1);
    return true;
}

static bool parse_date(struct slice *s, int64_t *days)
{
    static const int len[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y, m, d;
    if (!digits(s, 4, &y) || !literal(s, '-') || !digits(s, 2, &m) ||
        !literal(s, '-') || !digits(s, 2, &d))
        return false;
    if (m < 1 || m > 12 || d < 1)
        return false;
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (d > len[m - 1] + (m == 2 && leap))
        return false;
    *days = clock_days(y, m, d);
    return true;
}

static bool parse_fraction(struct slice *s, int64_t *ms)
{
    *ms = 0;
    if (!literal(s, '.'))
        return true;
    int64_t unit = 100;
    size_t n = 0;
    for (; s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9'; n++) {
        *ms += (s->p[0] - '0') * unit;
        unit /= 10;
        *s = slice_skip(*s, 1);
    }
    return n > 0 && n <= 12;
}

static bool parse_offset(struct slice *s, int64_t *seconds)
{
    if (literal(s, 'Z') || literal(s, 'z')) {
        *seconds = 0;
        return true;
    }
    if (s->n == 0 || (s->p[0] != '+' && s->p[0] != '-'))
        return false;
    bool neg = s->p[0] == '-';
    *s = slice_skip(*s, 1);
    int h, m;
    if (!digits(s, 2, &h) || !literal(s, ':') || !digits(s, 2, &m) || h > 23 ||
        m > 59)
        return false;
    *seconds = (h * 60 + m) * 60 * (neg ? -1 : 1);
    return true;
}

bool clock_parse(struct slice s, int64_t *ms, bool *date_only)
{
    int64_t days, fraction, offset;
    int h, m, sec;
    if (!parse_date(&s, &days))
        return false;
    *date_only = s.n == 0;
    *ms = days * DAY_MS;
    if (*date_only)
        return true;
    if (!literal(&s, 'T') && !literal(&s, 't') && !literal(&s, ' '))
        return false;
    if (!digits(&s, 2, &h) || !literal(&s, ':') || !digits(&s, 2, &m))
        return false;
    sec = 0;
    fraction = 0;
    if (literal(&s, ':') &&
        (!digits(&s, 2, &sec) || !parse_fraction(&s, &fraction)))
        return false;
    if (!parse_offset(&s, &offset) || s.n != 0)
        return false;
    if (h > 23 || m > 59 || sec > 60)
        return false;
    *ms += ((int64_t)(h * 60 + m) * 60 + sec - offset) * 1000 + fraction;
    return true;
}

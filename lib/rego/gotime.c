/* gotime.c - the calendar, and Go's layouts (time/format.go).
 *
 * A layout is cut into chunks; one table names them, and reading and writing
 * switch over the same kinds.  Days are counted with Hinnant's algorithms
 * ("chrono-compatible low-level date algorithms").
 */
#include "rego/gotime.h"

#include <string.h>

#include "base/zone.h"

#define DAY_S 86400

enum chunk {
    C_NONE,
    C_LONG_MONTH,
    C_MONTH,
    C_NUM_MONTH,
    C_ZERO_MONTH,
    C_LONG_WEEKDAY,
    C_WEEKDAY,
    C_DAY,
    C_UNDER_DAY,
    C_ZERO_DAY,
    C_UNDER_YDAY,
    C_ZERO_YDAY,
    C_HOUR,
    C_HOUR12,
    C_ZERO_HOUR12,
    C_MINUTE,
    C_ZERO_MINUTE,
    C_SECOND,
    C_ZERO_SECOND,
    C_LONG_YEAR,
    C_YEAR,
    C_PM,
    C_LOWER_PM,
    C_TZ,
    C_OFFSET, // all numeric zones
    C_FRAC0,
    C_FRAC9,
};

/* Longer ones first where one begins another. */
static const struct {
    const char *text;
    enum chunk kind;
} chunks[] = {
    {"January", C_LONG_MONTH},
    {"Jan", C_MONTH},
    {"Monday", C_LONG_WEEKDAY},
    {"Mon", C_WEEKDAY},
    {"MST", C_TZ},
    {"01", C_ZERO_MONTH},
    {"002", C_ZERO_YDAY},
    {"02", C_ZERO_DAY},
    {"03", C_ZERO_HOUR12},
    {"04", C_ZERO_MINUTE},
    {"05", C_ZERO_SECOND},
    {"06", C_YEAR},
    {"15", C_HOUR},
    {"1", C_NUM_MONTH},
    {"2006", C_LONG_YEAR},
    {"2", C_DAY},
    {"__2", C_UNDER_YDAY},
    {"_2", C_UNDER_DAY},
    {"3", C_HOUR12},
    {"4", C_MINUTE},
    {"5", C_SECOND},
    {"PM", C_PM},
    {"pm", C_LOWER_PM},
    {"-070000", C_OFFSET},
    {"-07:00:00", C_OFFSET},
    {"-0700", C_OFFSET},
    {"-07:00", C_OFFSET},
    {"-07", C_OFFSET},
    {"Z070000", C_OFFSET},
    {"Z07:00:00", C_OFFSET},
    {"Z0700", C_OFFSET},
    {"Z07:00", C_OFFSET},
    {"Z07", C_OFFSET},
};

static const char *const months[] = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
static const char *const weekdays[] = {"Sunday",    "Monday",   "Tuesday",
                                       "Wednesday", "Thursday", "Friday",
                                       "Saturday"};

/* ---- calendar ----------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970-01-01. */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = floor_div(y, 400);
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

int64_t gotime_date(int64_t year, int64_t month, int64_t day, int hour, int min,
                    int sec)
{
    year += floor_div(month - 1, 12);
    month -= floor_div(month - 1, 12) * 12;
    return (days_of(year, month, 1) + day - 1) * DAY_S + hour * 3600 +
           min * 60 + sec;
}

struct gotime_civil gotime_civil(const struct gotime *t)
{
    int64_t local = t->sec + t->offset;
    int64_t days = floor_div(local, DAY_S);
    int rest = (int)(local - days * DAY_S);
    int64_t z = days + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    struct gotime_civil c;
    c.day = (int)(doy - (153 * mp + 2) / 5 + 1);
    c.month = (int)(mp < 10 ? mp + 3 : mp - 9);
    c.year = yoe + era * 400 + (c.month <= 2);
    c.hour = rest / 3600;
    c.min = rest / 60 % 60;
    c.sec = rest % 60;
    c.weekday = (int)((days % 7 + 11) % 7);
    c.yday = (int)(days - days_of(c.year, 1, 1)) + 1;
    return c;
}

struct gotime gotime_from_ns(int64_t ns)
{
    struct gotime t = {.sec = floor_div(ns, 1000000000), .zone = "UTC"};
    int64_t rest = ns % 1000000000; // sec * 10^9 may not fit
    t.nsec = (int32_t)(rest < 0 ? rest + 1000000000 : rest);
    return t;
}

bool gotime_ns(const struct gotime *t, int64_t *out)
{
    __int128 ns = (__int128)t->sec * 1000000000 + t->nsec;
    *out = (int64_t)ns;
    return ns >= INT64_MIN && ns <= INT64_MAX;
}

enum status gotime_in(struct gotime *t, struct slice name, struct err *err)
{
    if (name.n == 0 || slice_is(name, "UTC")) {
        t->offset = 0;
        memcpy(t->zone, "UTC", 4);
        return OK;
    }
    char text[64];
    struct zone *z = NULL;
    enum status st = E_NOT_FOUND;
    if (name.n < sizeof text && memchr(name.p, 0, name.n) == NULL) {
        memcpy(text, name.p, name.n);
        text[name.n] = '\0';
        st = zone_load(slice_is(name, "Local") ? "UTC" : text, &z, err);
    }
    if (st != OK)
        return err_set(err, E_NOT_FOUND, "gotime", "unknown time zone %.*s",
                       name.n < 100 ? (int)name.n : 100, name.p);
    t->offset = zone_offset(z, t->sec * 1000);
    zone_abbrev(z, t->sec * 1000, t->zone);
    zone_free(&z);
    return OK;
}

/* ---- layouts ------------------------------------------------------------ */

static const struct {
    const char *name, *layout;
} known[] = {
    {"ANSIC", "Mon Jan _2 15:04:05 2006"},
    {"UnixDate", "Mon Jan _2 15:04:05 MST 2006"},
    {"RubyDate", "Mon Jan 02 15:04:05 -0700 2006"},
    {"RFC822", "02 Jan 06 15:04 MST"},
    {"RFC822Z", "02 Jan 06 15:04 -0700"},
    {"RFC850", "Monday, 02-Jan-06 15:04:05 MST"},
    {"RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"},
    {"RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"},
    {"RFC3339", "2006-01-02T15:04:05Z07:00"},
    {"RFC3339Nano", "2006-01-02T15:04:05.999999999Z07:00"},
};

struct slice gotime_layout(struct slice name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slice_is(name, known[i].name))
            return slice_str(known[i].layout);
    return name;
}

static bool is_digit(struct slice s, size_t i)
{
    return i < s.n && s.p[i] >= '0' && s.p[i] <= '9';
}

/* ".000" or ",999" at s[i]: how many digits, 0 if it is none. */
static size_t fraction(struct slice s, size_t i, enum chunk *kind)
{
    if ((s.p[i] != '.' && s.p[i] != ',') || i + 1 >= s.n)
        return 0;
    char c = s.p[i + 1];
    if (c != '0' && c != '9')
        return 0;
    size_t n = 0;
    while (i + 1 + n < s.n && s.p[i + 1 + n] == c)
        n++;
    if (is_digit(s, i + 1 + n))
        return 0;
    *kind = c == '0' ? C_FRAC0 : C_FRAC9;
    return n;
}

/* The next chunk of `layout` is [*from, *to); C_NONE: none, *from is the
 * end. */
static enum chunk next_chunk(struct slice layout, size_t *from, size_t *to)
{
    for (size_t i = 0; i < layout.n; i++) {
        enum chunk kind;
        size_t n = fraction(layout, i, &kind);
        *from = i;
        if (n > 0) {
            *to = i + 1 + n;
            return kind;
        }
        struct slice rest = slice_skip(layout, i);
        if (slice_starts(rest, "_2006")) { // a literal underscore and a year
            *from = i + 1;
            *to = i + 5;
            return C_LONG_YEAR;
        }
        for (size_t k = 0; k < sizeof chunks / sizeof *chunks; k++) {
            if (!slice_starts(rest, chunks[k].text))
                continue;
            size_t len = strlen(chunks[k].text);
            // "Janvier" is no month, but "January" is
            bool word =
                chunks[k].kind == C_MONTH || chunks[k].kind == C_WEEKDAY;
            if (word && len < rest.n && rest.p[len] >= 'a' &&
                rest.p[len] <= 'z')
                continue;
            *to = i + len;
            return chunks[k].kind;
        }
    }
    *from = *to = layout.n;
    return C_NONE;
}

/* ---- writing ------------------------------------------------------------ */

static void put_offset(struct buf *b, const char *form, size_t n,
                       int32_t offset)
{
    if (form[0] == 'Z' && offset == 0) {
        buf_char(b, 'Z');
        return;
    }
    int32_t abs = offset < 0 ? -offset : offset;
    buf_printf(b, "%c%02d", offset < 0 ? '-' : '+', abs / 3600);
    bool colon = n > 3 && form[3] == ':';
    if (n >= 5)
        buf_printf(b, "%s%02d", colon ? ":" : "", abs / 60 % 60);
    if (n >= 7)
        buf_printf(b, "%s%02d", colon ? ":" : "", abs % 60);
}

static void put_zone(struct buf *b, const struct gotime *t)
{
    if (t->zone[0] != '\0') {
        buf_str(b, t->zone);
        return;
    }
    int32_t abs = t->offset < 0 ? -t->offset : t->offset;
    buf_printf(b, "%c%02d", t->offset < 0 ? '-' : '+', abs / 3600);
    if (abs / 60 % 60 != 0)
        buf_printf(b, "%02d", abs / 60 % 60);
}

static void put_fraction(struct buf *b, struct slice form, int32_t nsec,
                         bool trim)
{
    char digits[16];
    snprintf(digits, sizeof digits, "%09d", (int)nsec);
    size_t n = form.n - 1 < 9 ? form.n - 1 : 9;
    while (trim && n > 0 && digits[n - 1] == '0')
        n--;
    if (n == 0)
        return;
    buf_char(b, form.p[0]);
    buf_add(b, digits, n);
}

static void put_date(struct buf *b, enum chunk kind,
                     const struct gotime_civil *c)
{
    if (kind == C_LONG_MONTH)
        buf_str(b, months[c->month - 1]);
    else if (kind == C_MONTH)
        buf_add(b, months[c->month - 1], 3);
    else if (kind == C_NUM_MONTH)
        buf_printf(b, "%d", c->month);
    else if (kind == C_ZERO_MONTH)
        buf_printf(b, "%02d", c->month);
    else if (kind == C_LONG_WEEKDAY)
        buf_str(b, weekdays[c->weekday]);
    else if (kind == C_WEEKDAY)
        buf_add(b, weekdays[c->weekday], 3);
    else if (kind == C_DAY)
        buf_printf(b, "%d", c->day);
    else if (kind == C_UNDER_DAY)
        buf_printf(b, "%2d", c->day);
    else if (kind == C_ZERO_DAY)
        buf_printf(b, "%02d", c->day);
    else if (kind == C_UNDER_YDAY)
        buf_printf(b, "%3d", c->yday);
    else if (kind == C_ZERO_YDAY)
        buf_printf(b, "%03d", c->yday);
    else if (kind == C_YEAR)
        buf_printf(b, "%02d", (int)((c->year < 0 ? -c->year : c->year) % 100));
    else if (c->year >= 0)
        buf_printf(b, "%04lld", (long long)c->year);
    else
        buf_printf(b, "-%04lld", (long long)-c->year);
}

static void put_clock(struct buf *b, enum chunk kind,
                      const struct gotime_civil *c)
{
    int hour12 = c->hour % 12 == 0 ? 12 : c->hour % 12;
    if (kind == C_HOUR)
        buf_printf(b, "%02d", c->hour);
    else if (kind == C_HOUR12)
        buf_printf(b, "%d", hour12);
    else if (kind == C_ZERO_HOUR12)
        buf_printf(b, "%02d", hour12);
    else if (kind == C_MINUTE)
        buf_printf(b, "%d", c->min);
    else if (kind == C_ZERO_MINUTE)
        buf_printf(b, "%02d", c->min);
    else if (kind == C_SECOND)
        buf_printf(b, "%d", c->sec);
    else if (kind == C_ZERO_SECOND)
        buf_printf(b, "%02d", c->sec);
    else if (kind == C_PM)
        buf_str(b, c->hour >= 12 ? "PM" : "AM");
    else
        buf_str(b, c->hour >= 12 ? "pm" : "am");
}

void gotime_format(struct buf *b, const struct gotime *t, struct slice layout)
{
    struct gotime_civil c = gotime_civil(t);
    size_t from, to;
    for (;;) {
        enum chunk kind = next_chunk(layout, &from, &to);
        buf_add(b, layout.p, from);
        if (kind == C_NONE)
            return;
        if (kind == C_OFFSET)
            put_offset(b, layout.p + from, to - from, t->offset);
        else if (kind == C_TZ)
            put_zone(b, t);
        else if (kind == C_FRAC0 || kind == C_FRAC9)
            put_fraction(b, slice(layout.p + from, to - from), t->nsec,
                         kind == C_FRAC9);
        else if ((kind >= C_HOUR && kind <= C_ZERO_SECOND) || kind == C_PM ||
                 kind == C_LOWER_PM)
            put_clock(b, kind, &c);
        else
            put_date(b, kind, &c);
        layout = slice_skip(layout, to);
    }
}

/* ---- reading ------------------------------------------------------------ */

/* What has been read; -1: not given. */
struct parts {
    int64_t year;
    int month, day, yday, hour, min, sec, nsec;
    bool pm_set, am_set, zone_given, offset_given;
    int32_t offset;
    char zone[8];
};

/* One or two digits (`fixed`: two). */
static bool get_num(struct slice *s, bool fixed, int *out)
{
    if (!is_digit(*s, 0) || (fixed && !is_digit(*s, 1)))
        return false;
    size_t n = is_digit(*s, 1) ? 2 : 1;
    *out = s->p[0] - '0';
    if (n == 2)
        *out = *out * 10 + (s->p[1] - '0');
    *s = slice_skip(*s, n);
    return true;
}

static bool get_name(struct slice *s, const char *const *names, size_t n,
                     bool full, int *out)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = full ? strlen(names[i]) : 3;
        if (s->n >= len &&
            slice_eq_nocase(slice(s->p, len), slice(names[i], len))) {
            *s = slice_skip(*s, len);
            *out = (int)i;
            return true;
        }
    }
    return false;
}

/* Digits of a fraction behind its point, at most `max` are read. */
static void get_fraction(struct slice *s, size_t max, int *nsec)
{
    size_t n = 1;
    int v = 0, digits = 0;
    for (; is_digit(*s, n) && n <= max; n++) {
        if (digits < 9) {
            v = v * 10 + (s->p[n] - '0');
            digits++;
        }
    }
    while (digits++ < 9)
        v *= 10;
    *nsec = v;
    *s = slice_skip(*s, n);
}

/* A numeric zone in the form of the layout's. */
static bool get_offset(struct slice *s, const char *form, size_t n,
                       struct parts *p, bool *range)
{
    p->offset_given = true;
    if (form[0] == 'Z' && s->n > 0 && s->p[0] == 'Z') {
        *s = slice_skip(*s, 1);
        p->offset = 0;
        return true;
    }
    if (s->n < n || (s->p[0] != '+' && s->p[0] != '-'))
        return false;
    int v[3] = {0};
    size_t k = 0, i = 1;
    bool colon = n > 3 && form[3] == ':';
    while (i < n) {
        if (colon && k > 0 && s->p[i++] != ':')
            return false;
        if (!is_digit(*s, i) || !is_digit(*s, i + 1))
            return false;
        v[k++] = (s->p[i] - '0') * 10 + (s->p[i + 1] - '0');
        i += 2;
    }
    *range = v[0] > 24 || v[1] > 60 || v[2] > 60;
    p->offset = (v[0] * 60 + v[1]) * 60 + v[2];
    if (s->p[0] == '-')
        p->offset = -p->offset;
    *s = slice_skip(*s, n);
    return true;
}

/* An abbreviation: three to five capitals; "GMT+3". */
static bool get_zone(struct slice *s, struct parts *p)
{
    size_t n = 0;
    while (n < s->n && n < 6 && s->p[n] >= 'A' && s->p[n] <= 'Z')
        n++;
    if (n < 3 || n > 5)
        return false;
    p->zone_given = true;
    memcpy(p->zone, s->p, n);
    p->zone[n] = '\0';
    bool gmt = n == 3 && memcmp(s->p, "GMT", 3) == 0;
    *s = slice_skip(*s, n);
    if (gmt && s->n > 1 && (s->p[0] == '+' || s->p[0] == '-') &&
        is_digit(*s, 1)) {
        bool minus = s->p[0] == '-';
        int v;
        *s = slice_skip(*s, 1);
        (void)get_num(s, false, &v);
        p->offset = (minus ? -v : v) * 3600;
    }
    return true;
}

static bool get_year(struct slice *s, struct parts *p)
{
    for (size_t i = 0; i < 4; i++)
        if (!is_digit(*s, i))
            return false;
    p->year = 0;
    for (size_t i = 0; i < 4; i++)
        p->year = p->year * 10 + (s->p[i] - '0');
    *s = slice_skip(*s, 4);
    return true;
}

/* "__2" or "002" */
static bool get_yday(struct slice *s, bool zero, int *out)
{
    size_t i = 0;
    int v = 0;
    for (; i < 3 && i < s->n; i++) {
        if (is_digit(*s, i))
            v = v * 10 + (s->p[i] - '0');
        else if (zero || s->p[i] != ' ' || v > 0)
            return false;
    }
    *out = v;
    *s = slice_skip(*s, i);
    return i == 3;
}

/* A number that must lie within [low, high], else `*range` names it. */
static bool get_part(struct slice *s, bool fixed, int low, int high,
                     const char *what, int *out, const char **range)
{
    if (!get_num(s, fixed, out))
        return false;
    if (*out < low || *out > high)
        *range = what;
    return true;
}

/* Reads a date chunk; `*range` names what is outside of its range. */
static bool get_date(struct slice *s, enum chunk kind, struct parts *p,
                     const char **range)
{
    int v = 0;
    if (kind == C_LONG_MONTH || kind == C_MONTH) {
        bool ok = get_name(s, months, 12, kind == C_LONG_MONTH, &v);
        p->month = v + 1;
        return ok;
    }
    if (kind == C_NUM_MONTH || kind == C_ZERO_MONTH)
        return get_part(s, kind == C_ZERO_MONTH, 1, 12, "month", &p->month,
                        range);
    if (kind == C_LONG_WEEKDAY || kind == C_WEEKDAY)
        return get_name(s, weekdays, 7, kind == C_LONG_WEEKDAY, &v);
    if (kind == C_DAY || kind == C_UNDER_DAY || kind == C_ZERO_DAY) {
        if (kind == C_UNDER_DAY && s->n > 0 && s->p[0] == ' ')
            *s = slice_skip(*s, 1);
        return get_num(s, kind == C_ZERO_DAY, &p->day);
    }
    if (kind == C_UNDER_YDAY || kind == C_ZERO_YDAY)
        return get_yday(s, kind == C_ZERO_YDAY, &p->yday);
    if (kind != C_YEAR)
        return get_year(s, p);
    bool ok = get_num(s, true, &v);
    p->year = v >= 69 ? 1900 + v : 2000 + v;
    return ok;
}

static bool get_pm(struct slice *s, bool upper, struct parts *p)
{
    p->pm_set = slice_starts(*s, upper ? "PM" : "pm");
    p->am_set = slice_starts(*s, upper ? "AM" : "am");
    *s = slice_skip(*s, 2);
    return p->pm_set || p->am_set;
}

static bool get_clock(struct slice *s, enum chunk kind, struct slice layout,
                      struct parts *p, const char **range)
{
    if (kind == C_PM || kind == C_LOWER_PM)
        return get_pm(s, kind == C_PM, p);
    if (kind == C_HOUR || kind == C_HOUR12 || kind == C_ZERO_HOUR12)
        return get_part(s, kind == C_ZERO_HOUR12, 0, kind == C_HOUR ? 23 : 12,
                        "hour", &p->hour, range);
    if (kind == C_MINUTE || kind == C_ZERO_MINUTE)
        return get_part(s, kind == C_ZERO_MINUTE, 0, 59, "minute", &p->min,
                        range);
    if (!get_part(s, kind == C_ZERO_SECOND, 0, 59, "second", &p->sec, range))
        return false;
    // a fraction that the layout does not mention
    size_t from, to;
    enum chunk next = next_chunk(layout, &from, &to);
    bool told = (next == C_FRAC0 || next == C_FRAC9) && from == 0;
    if (!told && s->n >= 2 && (s->p[0] == '.' || s->p[0] == ',') &&
        is_digit(*s, 1))
        get_fraction(s, SIZE_MAX - 1, &p->nsec);
    return true;
}

static bool get_frac(struct slice *s, enum chunk kind, size_t digits,
                     struct parts *p)
{
    bool point = s->n > 0 && (s->p[0] == '.' || s->p[0] == ',');
    if (kind == C_FRAC9) {
        if (point && is_digit(*s, 1))
            get_fraction(s, SIZE_MAX - 1, &p->nsec);
        return true;
    }
    if (!point)
        return false;
    for (size_t i = 1; i <= digits; i++)
        if (!is_digit(*s, i))
            return false;
    get_fraction(s, digits, &p->nsec);
    return true;
}

/* Skips the text before a chunk; a blank stands for any number of blanks. */
static bool skip_text(struct slice *s, struct slice text)
{
    while (text.n > 0) {
        if (text.p[0] == ' ') {
            if (s->n > 0 && s->p[0] != ' ')
                return false;
            while (text.n > 0 && text.p[0] == ' ')
                text = slice_skip(text, 1);
            while (s->n > 0 && s->p[0] == ' ')
                *s = slice_skip(*s, 1);
            continue;
        }
        if (s->n == 0 || s->p[0] != text.p[0])
            return false;
        text = slice_skip(text, 1);
        *s = slice_skip(*s, 1);
    }
    return true;
}

static bool leap(int64_t y)
{
    return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

/* Puts the parts together; NULL or what is out of range. */
static const char *assemble(struct parts *p, struct gotime *out)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30,
                                   31, 31, 30, 31, 30, 31};
    if (p->pm_set && p->hour < 12)
        p->hour += 12;
    else if (p->am_set && p->hour == 12)
        p->hour = 0;
    if (p->yday >= 0) {
        if (p->yday < 1 || p->yday > 365 + leap(p->year))
            return "day-of-year";
        p->month = 1;
        p->day = p->yday;
    } else {
        p->month = p->month < 0 ? 1 : p->month;
        p->day = p->day < 0 ? 1 : p->day;
        int last = days[p->month - 1] + (p->month == 2 && leap(p->year));
        if (p->day < 1 || p->day > last)
            return "day";
    }
    *out = (struct gotime){.nsec = p->nsec, .offset = p->offset};
    out->sec = gotime_date(p->year, p->month, p->day, p->hour, p->min, p->sec) -
               p->offset;
    if (p->zone_given)
        memcpy(out->zone, p->zone, sizeof out->zone);
    else if (p->offset == 0)
        memcpy(out->zone, "UTC", 4);
    return NULL;
}

#define CLIP(s) (int)((s).n < 60 ? (s).n : 60), (s).p

static enum status cannot(struct err *err, struct slice layout,
                          struct slice value, struct slice rest,
                          struct slice chunk)
{
    return err_set(err, E_INVALID, "gotime",
                   "parsing time \"%.*s\" as \"%.*s\": cannot parse \"%.*s\" "
                   "as \"%.*s\"",
                   CLIP(value), CLIP(layout), CLIP(rest), CLIP(chunk));
}

static enum status out_of_range(struct err *err, struct slice value,
                                const char *what)
{
    return err_set(err, E_INVALID, "gotime",
                   "parsing time \"%.*s\": %s out of range", CLIP(value), what);
}

static bool get_chunk(struct slice *s, enum chunk kind, struct slice form,
                      struct slice layout, struct parts *p, const char **range)
{
    if (kind == C_OFFSET) {
        bool beyond = false;
        bool ok = get_offset(s, form.p, form.n, p, &beyond);
        if (beyond)
            *range = "time zone offset";
        return ok;
    }
    if (kind == C_TZ) {
        if (!slice_starts(*s, "UTC"))
            return get_zone(s, p);
        p->offset_given = true;
        *s = slice_skip(*s, 3);
        return true;
    }
    if (kind == C_FRAC0 || kind == C_FRAC9)
        return get_frac(s, kind, form.n - 1, p);
    if ((kind >= C_HOUR && kind <= C_ZERO_SECOND) || kind == C_PM ||
        kind == C_LOWER_PM)
        return get_clock(s, kind, layout, p, range);
    return get_date(s, kind, p, range);
}

enum status gotime_parse(struct slice layout, struct slice value,
                         struct gotime *out, struct err *err)
{
    struct slice all = layout, rest = value;
    struct parts p = {.month = -1, .day = -1, .yday = -1};
    for (;;) {
        size_t from, to;
        enum chunk kind = next_chunk(layout, &from, &to);
        struct slice text = slice(layout.p, from);
        if (!skip_text(&rest, text))
            return cannot(err, all, value, rest, text);
        if (kind == C_NONE)
            break;
        struct slice form = slice(layout.p + from, to - from);
        layout = slice_skip(layout, to);
        struct slice hold = rest;
        const char *range = NULL;
        if (!get_chunk(&rest, kind, form, layout, &p, &range))
            return cannot(err, all, value, hold, form);
        if (range != NULL)
            return out_of_range(err, value, range);
    }
    if (rest.n > 0)
        return err_set(err, E_INVALID, "gotime",
                       "parsing time \"%.*s\": extra text: \"%.*s\"",
                       CLIP(value), CLIP(rest));
    const char *range = assemble(&p, out);
    return range != NULL ? out_of_range(err, value, range) : OK;
}

/* ---- durations ---------------------------------------------------------- */

static const struct {
    const char *name;
    uint64_t ns;
} units[] = {{"ns", 1},
             {"us", 1000},
             {"\xc2\xb5s", 1000}, // micro sign
             {"\xce\xbcs", 1000}, // Greek mu
             {"ms", 1000000},
             {"s", 1000000000},
             {"m", 60000000000},
             {"h", 3600000000000},
             // beyond Go's: what OPA adds
             {"d", 86400000000000},
             {"w", 604800000000000},
             {"y", 31536000000000000}};

static enum status bad_duration(struct err *err, struct slice s)
{
    return err_set(err, E_INVALID, "gotime", "time: invalid duration \"%.*s\"",
                   CLIP(s));
}

/* "1.5" at *i: whole part, and the fraction as f / scale. */
static bool duration_number(struct slice s, size_t *i, uint64_t *v, uint64_t *f,
                            uint64_t *scale)
{
    size_t digits = 0;
    *v = *f = 0;
    *scale = 1;
    for (; is_digit(s, *i); (*i)++, digits++) {
        if (*v > (UINT64_C(1) << 63) / 10)
            return false;
        *v = *v * 10 + (uint64_t)(s.p[*i] - '0');
    }
    if (*i < s.n && s.p[*i] == '.') {
        for ((*i)++; is_digit(s, *i); (*i)++, digits++) {
            if (*scale < UINT64_C(100000000000000000)) {
                *f = *f * 10 + (uint64_t)(s.p[*i] - '0');
                *scale *= 10;
            }
        }
    }
    return digits > 0 && *v <= UINT64_C(1) << 63;
}

enum status gotime_duration(struct slice s, int64_t *out, struct err *err)
{
    size_t i = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+');
    bool neg = i > 0 && s.p[0] == '-';
    *out = 0;
    if (slice_is(slice_skip(s, i), "0"))
        return OK;
    if (i == s.n)
        return bad_duration(err, s);
    unsigned __int128 sum = 0;
    while (i < s.n) {
        uint64_t v, f, scale, unit = 0;
        if (!duration_number(s, &i, &v, &f, &scale))
            return bad_duration(err, s);
        size_t from = i;
        while (i < s.n && s.p[i] != '.' && !is_digit(s, i))
            i++;
        struct slice name = slice(s.p + from, i - from);
        if (name.n == 0)
            return err_set(err, E_INVALID, "gotime",
                           "time: missing unit in duration \"%.*s\"", CLIP(s));
        for (size_t k = 0; k < sizeof units / sizeof *units; k++)
            if (slice_is(name, units[k].name))
                unit = units[k].ns;
        if (unit == 0)
            return err_set(err, E_INVALID, "gotime",
                           "time: unknown unit \"%.*s\" in duration \"%.*s\"",
                           CLIP(name), CLIP(s));
        sum +=
            (unsigned __int128)v * unit + (unsigned __int128)f * unit / scale;
        if (sum > UINT64_C(1) << 63)
            return bad_duration(err, s);
    }
    if (!neg && sum == UINT64_C(1) << 63)
        return bad_duration(err, s);
    *out = neg ? (int64_t)(0 - (uint64_t)sum) : (int64_t)sum;
    return OK;
}

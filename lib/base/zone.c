/* zone.c - TZif files (RFC 8536) read into a table of transitions.
 *
 * Up to the last transition of the file the table decides; after it the
 * footer's POSIX rule ("CET-1CEST,M3.5.0,M10.5.0/3").  Reading one takes some
 * microseconds; look-ups are binary searches.
 */
#include "base/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/slice.h"

#define FILE_MAX (32 * 1024) /* the largest TZif file is some 4 KB */
#define DAY_S 86400LL

/* "Mm.w.d/time" of a POSIX rule; also Jn and n forms. */
struct rule {
    char kind; // 'M', 'J', '0'
    int month, week, day;
    int32_t time;
};

struct posix {
    bool given, dst;
    int32_t std_off, dst_off;
    char std_name[ZONE_ABBREV], dst_name[ZONE_ABBREV];
    struct rule start, end;
};

struct zone {
    char name[64];
    int n;
    int64_t *at;                     // seconds, ascending
    int32_t *after;                  // offset from at[i] on
    int32_t first;                   // offset before at[0]
    char (*name_after)[ZONE_ABBREV]; // abbreviation from at[i] on
    char name_first[ZONE_ABBREV];
    struct posix tail;
};

struct reader {
    const uint8_t *p;
    size_t n;
};

static int64_t be(const uint8_t *p, int bytes)
{
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return bytes == 8 ? (int64_t)v : (int64_t)(int32_t)(uint32_t)v;
}

static int number(struct slice *s)
{
    int v = 0;
    size_t i = 0;
    for (; i < s->n && i < 6 && s->p[i] >= '0' && s->p[i] <= '9'; i++)
        v = v * 10 + (s->p[i] - '0');
    *s = slice_skip(*s, i);
    return v;
}

static bool take(struct slice *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = slice_skip(*s, 1);
    return true;
}

/* "[+-]hh[:mm[:ss]]" in seconds. */
static int32_t hms(struct slice *s)
{
    int sign = 1;
    if (take(s, '-'))
        sign = -1;
    else
        (void)take(s, '+');
    int v = number(s) * 3600;
    if (take(s, ':'))
        v += number(s) * 60;
    if (take(s, ':'))
        v += number(s);
    return sign * v;
}

static void keep_name(char out[static ZONE_ABBREV], struct slice s)
{
    size_t n = s.n < ZONE_ABBREV - 1 ? s.n : ZONE_ABBREV - 1;
    memcpy(out, s.p, n);
    out[n] = '\0';
}

static bool take_name(struct slice *s, char out[static ZONE_ABBREV])
{
    size_t i = 0;
    if (s->n > 0 && s->p[0] == '<') {
        i = slice_find(*s, '>');
        if (i == s->n)
            return false;
        keep_name(out, slice(s->p + 1, i - 1));
        i++;
    } else {
        while (i < s->n && ((s->p[i] >= 'A' && s->p[i] <= 'Z') ||
                            (s->p[i] >= 'a' && s->p[i] <= 'z')))
            i++;
        keep_name(out, slice(s->p, i));
    }
    *s = slice_skip(*s, i);
    return i > 0;
}

static bool parse_rule(struct slice *s, struct rule *r)
{
    *r = (struct rule){.kind = '0', .time = 2 * 3600};
    if (take(s, 'M')) {
        r->kind = 'M';
        r->month = number(s);
        if (!take(s, '.'))
            return false;
        r->week = number(s);
        if (!take(s, '.'))
            return false;
        r->day = number(s);
        if (r->month < 1 || r->month > 12 || r->week < 1 || r->week > 5 ||
            r->day > 6)
            return false;
    } else {
        if (take(s, 'J'))
            r->kind = 'J';
        r->day = number(s);
        if (r->day > 365)
            return false;
    }
    if (take(s, '/'))
        r->time = hms(s);
    return true;
}

static bool parse_posix(struct slice s, struct posix *x)
{
    *x = (struct posix){0};
    if (s.n == 0)
        return true;
    if (!take_name(&s, x->std_name))
        return false;
    x->std_off = -hms(&s);
    x->given = true;
    if (s.n == 0)
        return true;
    if (!take_name(&s, x->dst_name))
        return false;
    x->dst = true;
    x->dst_off = x->std_off + 3600;
    if (s.n > 0 && s.p[0] != ',')
        x->dst_off = -hms(&s);
    return take(&s, ',') && parse_rule(&s, &x->start) && take(&s, ',') &&
           parse_rule(&s, &x->end) && s.n == 0;
}

/* Local seconds (as if UTC) of a rule in a year. */
static int64_t rule_local(const struct rule *r, int64_t year)
{
    int64_t jan1 = clock_days(year, 1, 1);
    bool leap = clock_days(year + 1, 1, 1) - jan1 == 366;
    if (r->kind == 'J') // day 60 is always March 1
        return (jan1 + r->day - 1 + (leap && r->day > 59)) * DAY_S + r->time;
    if (r->kind != 'M')
        return (jan1 + r->day) * DAY_S + r->time;
    int64_t first = clock_days(year, r->month, 1);
    int64_t next = r->month == 12 ? clock_days(year + 1, 1, 1)
                                  : clock_days(year, r->month + 1, 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7; // 1970-01-01: Thursday
    int64_t day = first + (r->day - weekday + 7) % 7 + (r->week - 1) * 7;
    if (day >= next)
        day -= 7;
    return day * DAY_S + r->time;
}

static bool posix_is_dst(const struct posix *x, int64_t at_s)
{
    if (!x->dst)
        return false;
    int64_t year;
    int month, day;
    int64_t local = at_s + x->std_off;
    clock_civil(local / DAY_S - (local % DAY_S < 0), &year, &month, &day);
    int64_t on = rule_local(&x->start, year) - x->std_off;
    int64_t off = rule_local(&x->end, year) - x->dst_off;
    return on < off ? at_s >= on && at_s < off : at_s >= on || at_s < off;
}

static int32_t posix_offset(const struct posix *x, int64_t at_s)
{
    return posix_is_dst(x, at_s) ? x->dst_off : x->std_off;
}

struct counts {
    size_t isut, isstd, leap, time, type, chars;
};

static bool header(struct reader *r, struct counts *c, int *version)
{
    if (r->n < 44 || memcmp(r->p, "TZif", 4) != 0)
        return false;
    *version = r->p[4] >= '2' ? 2 : 1;
    const uint8_t *p = r->p + 20;
    size_t *to[] = {&c->isut, &c->isstd, &c->leap,
                    &c->time, &c->type,  &c->chars};
    for (int i = 0; i < 6; i++) {
        int64_t v = be(p + 4 * i, 4);
        if (v < 0 || v > 4096)
            return false;
        *to[i] = (size_t)v;
    }
    r->p += 44;
    r->n -= 44;
    return true;
}

static size_t body_size(const struct counts *c, size_t width)
{
    return c->time * (width + 1) + c->type * 6 + c->chars +
           c->leap * (width + 4) + c->isstd + c->isut;
}

/* The abbreviation of a local time type. */
static void type_name(char out[static ZONE_ABBREV], const uint8_t *type,
                      const uint8_t *chars, size_t n)
{
    if (type[5] >= n)
        return;
    const char *p = (const char *)chars + type[5];
    keep_name(out, slice(p, strnlen(p, n - type[5])));
}

static bool read_table(struct zone *z, const struct reader *r,
                       const struct counts *c)
{
    const uint8_t *index = r->p + c->time * 8;
    const uint8_t *types = index + c->time;
    z->at = xcalloc(c->time + 1, sizeof *z->at);
    z->after = xcalloc(c->time + 1, sizeof *z->after);
    z->name_after = xcalloc(c->time + 1, sizeof *z->name_after);
    z->n = (int)c->time;
    z->first = (int32_t)be(types, 4);
    const uint8_t *chars = types + c->type * 6;
    type_name(z->name_first, types, chars, c->chars);
    for (size_t i = 0; i < c->time; i++) {
        if (index[i] >= c->type)
            return false;
        z->at[i] = be(r->p + i * 8, 8);
        z->after[i] = (int32_t)be(types + (size_t)index[i] * 6, 4);
        type_name(z->name_after[i], types + (size_t)index[i] * 6, chars,
                  c->chars);
        if (i > 0 && z->at[i] <= z->at[i - 1])
            return false;
    }
    return true;
}

static bool parse(struct zone *z, struct reader r)
{
    struct counts c;
    int version;
    if (!header(&r, &c, &version) || version < 2)
        return false;
    size_t skip = body_size(&c, 4);
    if (skip > r.n)
        return false;
    r.p += skip;
    r.n -= skip;
    if (!header(&r, &c, &version) || c.type == 0)
        return false;
    size_t size = body_size(&c, 8);
    if (size > r.n || !read_table(z, &r, &c))
        return false;
    struct slice foot = {(const char *)r.p + size, r.n - size};
    if (!take(&foot, '\n'))
        return false;
    foot.n = slice_find(foot, '\n');
    return parse_posix(foot, &z->tail);
}

static bool name_ok(struct slice s)
{
    if (s.n == 0 || s.n > 60 || s.p[0] == '/')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                     c == '+' || c == '/';
        if (!plain)
            return false;
    }
    return true;
}

static enum status load_file(struct zone *z, const char *name, struct err *err)
{
    char path[128] = "/usr/share/zoneinfo/";
    size_t base = strlen(path);
    memcpy(path + base, name, strlen(name) + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return err_set(err, E_NOT_FOUND, "zone",
                       "no time zone %s on this system (package tzdata)", name);
    uint8_t bytes[FILE_MAX];
    size_t n = 0;
    ssize_t got;
    while (n < FILE_MAX && (got = read(fd, bytes + n, FILE_MAX - n)) != 0) {
        if (got == -1 && errno == EINTR)
            continue;
        if (got == -1)
            break;
        n += (size_t)got;
    }
    (void)close(fd);
    bool ok = parse(z, (struct reader){bytes, n});
    return ok ? OK
              : err_set(err, E_CORRUPT, "zone", "%s is no time zone file",
                        path);
}

enum status zone_load(const char *name, struct zone **out, struct err *err)
{
    if (!name_ok(slice_str(name)))
        return err_set(err, E_INVALID, "zone", "bad time zone name");
    struct zone *z = xcalloc(1, sizeof *z);
    memcpy(z->name, name, strlen(name) + 1);
    enum status st = OK;
    if (strcmp(name, "UTC") != 0)
        st = load_file(z, name, err);
    if (st != OK)
        zone_free(&z);
    else
        *out = z;
    return st;
}

void zone_free(struct zone **z)
{
    if (*z == NULL)
        return;
    free((*z)->at);
    free((*z)->after);
    free((*z)->name_after);
    free(*z);
    *z = NULL;
}

static bool in_tail(const struct zone *z, int64_t at)
{
    return z->tail.given && (z->n == 0 || at >= z->at[z->n - 1]);
}

/* Index of the first transition after `at`. */
static int after_s(const struct zone *z, int64_t at)
{
    int low = 0, high = z->n;
    while (low < high) {
        int mid = (low + high) / 2;
        if (z->at[mid] <= at)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static int32_t offset_s(const struct zone *z, int64_t at)
{
    if (in_tail(z, at))
        return posix_offset(&z->tail, at);
    int i = after_s(z, at);
    return i == 0 ? z->first : z->after[i - 1];
}

void zone_abbrev(const struct zone *z, int64_t at_ms,
                 char out[static ZONE_ABBREV])
{
    int64_t at = at_ms / 1000 - (at_ms % 1000 < 0);
    int i = after_s(z, at);
    const char *name = i == 0 ? z->name_first : z->name_after[i - 1];
    if (in_tail(z, at))
        name = posix_is_dst(&z->tail, at) ? z->tail.dst_name : z->tail.std_name;
    if (strcmp(z->name, "UTC") == 0)
        name = "UTC";
    memcpy(out, name, strlen(name) + 1);
}

int32_t zone_offset(const struct zone *z, int64_t at_ms)
{
    return offset_s(z, at_ms / 1000 - (at_ms % 1000 < 0));
}

int64_t zone_instant(const struct zone *z, int64_t local_s)
{
    // The two offsets in force around the date; the earlier instant that
    // shows this local time wins, a gap moves forward to its end.
    int32_t before = offset_s(z, local_s - DAY_S);
    int32_t after = offset_s(z, local_s + DAY_S);
    int64_t a = local_s - before, b = local_s - after;
    if (offset_s(z, a) == before)
        return a * 1000;
    if (offset_s(z, b) == after)
        return b * 1000;
    // in a gap: find the transition between b and a
    int64_t low = b < a ? b : a, high = b < a ? a : b;
    while (low < high) {
        int64_t mid = low + (high - low) / 2;
        if (offset_s(z, mid) == before)
            low = mid + 1;
        else
            high = mid;
    }
    return low * 1000;
}

const char *zone_name(const struct zone *z)
{
    return z->name;
}

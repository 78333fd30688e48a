/* gotime.h - instants, calendar and text of time as Go's package time has
 * them.
 *
 * An instant is Unix seconds and nanoseconds, beyond what int64 nanoseconds
 * hold; gotime_ns says whether it fits.  Layouts are written with Go's
 * reference time ("2006-01-02T15:04:05Z07:00").  Pure but for zones, which
 * are read from the system (base/zone.h).  Any thread.
 */
#ifndef REGO_GOTIME_H
#define REGO_GOTIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

struct gotime {
    int64_t sec;    /* since 1970 in UTC */
    int32_t nsec;   /* 0 .. 999,999,999 */
    int32_t offset; /* seconds east of UTC of the place it is shown for */
    char zone[8];   /* abbreviation, "" if there is none */
};

struct gotime_civil {
    int64_t year;
    int month, day; /* from 1 */
    int hour, min, sec;
    int weekday; /* 0 Sunday */
    int yday;    /* from 1 */
};

/* The instant of Unix nanoseconds, in UTC. */
struct gotime gotime_from_ns(int64_t ns);
/* Unix nanoseconds; false: outside of int64. */
MUST_CHECK bool gotime_ns(const struct gotime *t, int64_t *out);
/* Shows `t` in the zone `name`: "", "UTC" and "Local" are UTC (a gateway has
 * no place), others IANA names.  E_NOT_FOUND: "unknown time zone X". */
MUST_CHECK enum status gotime_in(struct gotime *t, struct slice name,
                                 struct err *err);
/* Date and time of day at t's offset. */
struct gotime_civil gotime_civil(const struct gotime *t);
/* The instant in UTC of a date; months and days beyond their range carry
 * over. |year|, |month|, |day| <= 2^40. */
int64_t gotime_date(int64_t year, int64_t month, int64_t day, int hour, int min,
                    int sec);

/* Parses `value` as `layout`.  E_INVALID: Go's ParseError. */
MUST_CHECK enum status gotime_parse(struct slice layout, struct slice value,
                                    struct gotime *out, struct err *err);
/* Appends `t` in `layout`. */
void gotime_format(struct buf *b, const struct gotime *t, struct slice layout);
/* The layout of a name like "RFC1123Z", or `name` itself. */
struct slice gotime_layout(struct slice name);
/* "1h30m", "-1.5s" in nanoseconds.  E_INVALID: Go's text. */
MUST_CHECK enum status gotime_duration(struct slice s, int64_t *out,
                                       struct err *err);

#endif

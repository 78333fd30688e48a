/* window.c - see window.h.
 *
 * Calendar windows are computed on local civil time: the local second is
 * shifted to "as if UTC", cut to the unit, and its instant looked up again in
 * the zone, so that a window begins where the wall clock says it does.
 */
#include "guard/window.h"

#include "base/clock.h"
#include "base/money.h"

#define DAY_S 86400LL
#define ROLLING_FINE_MS (48 * WINDOW_HOUR_MS)

static int64_t floor_to(int64_t v, int64_t unit)
{
    int64_t r = v % unit;
    return v - (r < 0 ? r + unit : r);
}

int64_t window_step_ms(int64_t rolling_ms)
{
    return rolling_ms <= ROLLING_FINE_MS ? 60000 : WINDOW_HOUR_MS;
}

/* Local seconds of the first day of the month `offset` months on. */
static int64_t month_start(int64_t local_s, int offset)
{
    int64_t year;
    int month, day;
    clock_civil(floor_to(local_s, DAY_S) / DAY_S, &year, &month, &day);
    month += offset;
    if (month > 12) {
        month = 1;
        year++;
    }
    return clock_days(year, month, 1) * DAY_S;
}

/* [from, to) in local seconds of the calendar window around `local_s`. */
static void calendar(enum budget_period p, int64_t local_s, int64_t *from,
                     int64_t *to)
{
    if (p == PERIOD_MONTHLY) {
        *from = month_start(local_s, 0);
        *to = month_start(local_s, 1);
    } else if (p == PERIOD_WEEKLY) { // ISO: Monday; 1970-01-01 is a Thursday
        int64_t day = floor_to(local_s, DAY_S) / DAY_S;
        *from = (floor_to(day + 3, 7) - 3) * DAY_S;
        *to = *from + 7 * DAY_S;
    } else {
        *from = floor_to(local_s, DAY_S);
        *to = *from + DAY_S;
    }
}

/* An hour is cut in absolute time shifted by the offset in force, so that the
 * repeated hour of a clock change makes two windows, each of one hour. */
static void hour(const struct zone *zone, int64_t at_ms, struct window *out)
{
    int64_t shift = (int64_t)zone_offset(zone, at_ms) * 1000;
    out->start_ms = floor_to(at_ms + shift, WINDOW_HOUR_MS) - shift;
    out->end_ms = out->start_ms + WINDOW_HOUR_MS;
}

bool window_at(const struct budget *b, const struct zone *zone, int64_t at_ms,
               struct window *out)
{
    switch (b->period) {
    case PERIOD_TOTAL:
        *out = (struct window){0, INT64_MAX};
        return true;
    case PERIOD_CUSTOM:
        *out = (struct window){b->start_ms, b->end_ms};
        return at_ms >= b->start_ms && at_ms < b->end_ms;
    case PERIOD_ROLLING: {
        int64_t step = window_step_ms(b->rolling_ms);
        out->end_ms = floor_to(at_ms, step) + step;
        // one bucket more than the width: none leaves before its time
        out->start_ms = out->end_ms - step - b->rolling_ms;
        return true;
    }
    case PERIOD_HOURLY:
        hour(zone, at_ms, out);
        return true;
    case PERIOD_DAILY:
    case PERIOD_WEEKLY:
    case PERIOD_MONTHLY:
        break;
    }
    int64_t local = floor_to(at_ms, 1000) / 1000 + zone_offset(zone, at_ms);
    int64_t from, to;
    calendar(b->period, local, &from, &to);
    out->start_ms = zone_instant(zone, from);
    out->end_ms = zone_instant(zone, to);
    return true;
}

static const char *const names[] = {
    [PERIOD_HOURLY] = "hourly",   [PERIOD_DAILY] = "daily",
    [PERIOD_WEEKLY] = "weekly",   [PERIOD_MONTHLY] = "monthly",
    [PERIOD_TOTAL] = "total",     [PERIOD_CUSTOM] = "custom",
    [PERIOD_ROLLING] = "rolling",
};

const char *window_period_name(enum budget_period p)
{
    return names[p];
}

bool window_width_parse(struct slice s, int64_t *rolling_ms)
{
    if (s.n < 2 || s.n > 6)
        return false;
    char unit = s.p[s.n - 1];
    int64_t n;
    for (size_t i = 0; i + 1 < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    if (!money_scan(slice(s.p, s.n - 1), 0, &n) || n < 1)
        return false;
    if (unit == 'h' && n <= 8760)
        *rolling_ms = n * WINDOW_HOUR_MS;
    else if (unit == 'd' && n <= 366)
        *rolling_ms = n * WINDOW_DAY_MS;
    else
        return false;
    return true;
}

bool window_period_parse(struct slice s, enum budget_period *p,
                         int64_t *rolling_ms)
{
    *rolling_ms = 0;
    if (slice_starts(s, "rolling:")) {
        *p = PERIOD_ROLLING;
        return window_width_parse(slice_skip(s, 8), rolling_ms);
    }
    for (int i = 0; i <= PERIOD_ROLLING; i++)
        if (slice_is(s, names[i])) {
            *p = (enum budget_period)i;
            return true;
        }
    return false;
}

/* clock.h - what time it is, and how times are written and read.
 *
 * Wall time is Unix time in ms, UTC.  Durations use the monotonic clock.
 * The offset (CLOCK_OFFSET_S, tests only) is set once before threads start.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define CLOCK_TEXT 32 /* room for a time in text with its terminator */

/* Shifts what clock_now_ms answers; call before any thread starts. */
void clock_set_offset(int64_t seconds);
/* Unix time in ms. */
int64_t clock_now_ms(void);
/* Monotonic microseconds from an arbitrary start. */
int64_t clock_mono_us(void);
/* Writes "2026-11-20T20:10:53.672Z" with a terminator; returns its length. */
size_t clock_format(int64_t ms, char out[static CLOCK_TEXT]);
/* Writes "2026-11-20" of the UTC day with a terminator; returns its length. */
size_t clock_format_date(int64_t ms, char out[static CLOCK_TEXT]);
/* Reads RFC 3339 with any offset, or "YYYY-MM-DD" (midnight UTC; then
 * `*date_only` is true).  False if it is neither or no real date. */
bool clock_parse(struct slice s, int64_t *ms, bool *date_only);
/* Days from 1970-01-01 to the civil date (proleptic Gregorian, month 1-12). */
int64_t clock_days(int64_t year, int month, int day);
/* The civil date of a day number. */
void clock_civil(int64_t days, int64_t *year, int *month, int *day);

#endif

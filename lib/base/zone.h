/* zone.h - a time zone as a value: offset at an instant, instant of a date.
 *
 * Reads the system's TZif files (RFC 8536, version 2+, with the footer rule
 * for the far future).  "UTC" needs no file.  A zone is immutable after
 * zone_load and safe from any thread; it is owned by whoever loaded it.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stdint.h>

#include "base/err.h"

struct zone;

/* Loads the IANA zone `name`.  E_NOT_FOUND: no such zone on this system;
 * E_CORRUPT: the file is no TZif; E_INVALID: a name that is no plain path. */
MUST_CHECK enum status zone_load(const char *name, struct zone **out,
                                 struct err *err);
/* Frees and nulls. */
void zone_free(struct zone **z);
/* Seconds east of UTC at `at_ms`. */
int32_t zone_offset(const struct zone *z, int64_t at_ms);
#define ZONE_ABBREV 8
/* The abbreviation in force at `at_ms`: "CET", "PDT", "+0530". */
void zone_abbrev(const struct zone *z, int64_t at_ms,
                 char out[static ZONE_ABBREV]);
/* The Unix ms of a local wall-clock second given as if it were UTC
 * (`local_s`).  In a gap: the first instant after it; when a local time comes
 * twice: the earlier. */
int64_t zone_instant(const struct zone *z, int64_t local_s);
/* The IANA name. */
const char *zone_name(const struct zone *z);

#endif

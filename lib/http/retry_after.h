/* retry_after.h - how long a peer asks to be left alone.
 *
 * Retry-After of RFC 9110 10.2.3 (seconds, or a date), retry-after-ms as
 * OpenAI and Azure send it beside, which wins.  Fractions, which some servers
 * send, are rounded up to a millisecond.
 */
#ifndef HTTP_RETRY_AFTER_H
#define HTTP_RETRY_AFTER_H

#include <stdint.h>

#include "http/field.h"

#define RETRY_AFTER_MOST_MS INT64_C(3600000) /* more is taken for this */

/* Milliseconds from `now_ms` (Unix time), 0 for what is past; -1: not told, or
 * not readable. */
int64_t retry_after_ms(const struct http_field *f, int n, int64_t now_ms);

#endif

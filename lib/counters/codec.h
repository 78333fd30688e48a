/* codec.h - events and small values as bytes.
 *
 * For: what lies in the store.  An encoding is a version byte and then
 * LEB128 integers (signed ones zig-zag) and length-prefixed strings in a
 * fixed order.  Reading trusts nothing: every length is checked, every enum
 * is in range, nothing may be left over.  Any thread; no state.
 */
#ifndef COUNTERS_CODEC_H
#define COUNTERS_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "call/event.h"

#define CODEC_VARINT 10            /* longest integer */
#define CODEC_EVENT_MAX (1u << 20) /* longest encoded event */

/* A cursor over bytes that remembers the first failure. */
struct codec_in {
    const uint8_t *p, *end;
    bool bad;
};

/* Appends an unsigned integer; returns behind it. */
uint8_t *codec_put_u(uint8_t *p, uint64_t v);
/* Appends a signed integer; returns behind it. */
uint8_t *codec_put_i(uint8_t *p, int64_t v);
/* Appends length and bytes; returns behind them. */
uint8_t *codec_put_s(uint8_t *p, struct slice s);
/* Starts reading `s`. */
struct codec_in codec_from(struct slice s);
/* The next unsigned integer; 0 and `bad` if there is none. */
uint64_t codec_u(struct codec_in *in);
/* The next unsigned integer, which must be < `limit`. */
uint64_t codec_below(struct codec_in *in, uint64_t limit);
/* The next signed integer. */
int64_t codec_i(struct codec_in *in);
/* The next string, borrowed from the bytes read. */
struct slice codec_s(struct codec_in *in);

/* Room that `e` needs at most; 0 if it is too big or has too many tags. */
size_t codec_event_bound(const struct event *e);
/* Encodes `e` into `out`, which has that room; returns the length. */
size_t codec_event_put(const struct event *e, uint8_t *out);
/* Decodes; slices are borrowed from `bytes`, tags go to `tags`.  False: these
 * are not bytes of codec_event_put. */
bool codec_event_get(struct slice bytes, struct event *e,
                     struct event_tag tags[static EVENT_TAGS_MAX]);

#endif

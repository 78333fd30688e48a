/* keys.h - a provider's keys, taken in turn by weight, and their health.
 *
 * "sk-a*3,sk-b": three calls by the first for one by the second.  A key the
 * provider refuses or slows down rests until a given time.  Any thread; the
 * only state is atomic.
 */
#ifndef PROVIDER_KEYS_H
#define PROVIDER_KEYS_H

#include <stdint.h>

#include "base/slice.h"

#define KEYS_MAX 16
#define KEYS_WEIGHT_MAX 100

struct keys;

/* Reads a list; NULL: not visible ASCII, a bad weight, or too many. */
struct keys *keys_new(const char *text);
/* Wipes, frees and nulls. */
void keys_free(struct keys **k);
int keys_count(const struct keys *k);
/* The next key in turn that does not rest; if all do, the one that is free
 * first. */
int keys_next(struct keys *k, int64_t now_ms);
/* Its text. */
struct slice keys_text(const struct keys *k, int i);
/* Lets a key rest. */
void keys_rest(struct keys *k, int i, int64_t until_ms);
/* Milliseconds until some key does not rest; 0: one does not. */
int64_t keys_wait_ms(const struct keys *k, int64_t now_ms);

#endif

/* hold.h - the record of an open hold, and the small named values.
 *
 * For: what admission writes and settlement, recovery and attaching read.
 * Works inside a transaction of store.h.
 */
#ifndef COUNTERS_HOLD_H
#define COUNTERS_HOLD_H

#include "counters/codec.h"
#include "counters/store.h"

#define HOLD_WINDOWS_MAX 4096
#define HOLD_BYTES_MAX (2u << 20)

struct hold {
    int64_t amount;    /* nano-dollars */
    int64_t tenant_id; /* counted in its rate record; 0: nowhere */
    int64_t second;    /* of admission: the bucket tokens are kept in */
    int64_t tokens;    /* counted there, -1: not counted */
    uint32_t slot;     /* of the sent map */
    int window_count;  /* `windows` is this many, read one by one */
    struct codec_in windows;
    struct slice skeleton; /* encoded event */
};

/* Room the record needs at most; 0: too big. */
size_t hold_bound(int window_count, size_t skeleton);
/* Encodes; the windows come from `w` (those with keep[i], NULL: all) and the
 * skeleton is `skeleton`.  Returns the length. */
size_t hold_put(const struct hold *h, const struct counter_window *w, int n,
                const bool *keep, struct slice skeleton, uint8_t *out);
/* Decodes; borrowed from `bytes`.  False: not a hold. */
bool hold_get(struct slice bytes, struct hold *h);
/* The next window of a hold; false: the bytes are damaged. */
bool hold_window(struct codec_in *in, struct counter_window *w);
/* Bytes to keep for the row of a hold whose record has `n` bytes. */
uint64_t hold_reserve(const struct counters *c, size_t n);

/* A named value; MDB_NOTFOUND (and `*out` is 0). */
int hold_meta_get(struct tx *t, const char *name, uint64_t *out);
/* Sets one. */
int hold_meta_put(struct tx *t, const char *name, uint64_t v);
/* A hold id never given before. */
int hold_new_id(struct tx *t, uint64_t *id);

#endif

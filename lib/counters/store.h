/* store.h - the LMDB environment: files, map, transactions, keys.
 *
 * The only place that opens, grows and syncs.  Everything else of this room
 * is handed a `struct tx` and reads and writes records through it.  Not
 * included from outside the room.
 *
 * Codes: functions on a `struct tx` answer 0 or an LMDB code (MDB_NOTFOUND,
 * MDB_KEYEXIST, MDB_CORRUPTED, MDB_MAP_FULL, ...) or one of STORE_*; they
 * become an `enum status` once, in store_status.
 */
#ifndef COUNTERS_STORE_H
#define COUNTERS_STORE_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "counters/counters.h"
#include "counters/sentmap.h"

/* Codes of our own, clear of errno and of LMDB's. */
#define STORE_FULL (-1)    /* the outbox is at its share */
#define STORE_INVALID (-2) /* the caller's values are wrong */
#define STORE_BIG (-3)     /* a value is longer than the store takes */

/* The first byte of a key says which table it belongs to. */
enum table {
    TABLE_AGGREGATE = 'a', /* rolling budget: sum and held */
    TABLE_BUCKET = 'b',    /* rolling budget, bucket start: spent */
    TABLE_HOLD = 'h',      /* hold id */
    TABLE_META = 'm',      /* name */
    TABLE_OUTBOX = 'o',    /* sequence */
    TABLE_RATE = 'r',      /* tenant id */
    TABLE_SESSION = 's',   /* tenant id, session id */
    TABLE_WINDOW = 'w',    /* budget, window start */
    TABLE_SEEN = 'x',      /* what the caller named */
};

#define STORE_KEY_MAX 511 /* LMDB's limit */

/* A key under construction; numbers are big-endian so that they sort. */
struct key {
    size_t n;
    uint8_t b[STORE_KEY_MAX + 1];
};

struct counters {
    /* Set at open, then constant. */
    MDB_env *env;
    MDB_dbi dbi;
    int dir_fd, data_fd, lock_fd, event_fd;
    size_t map_max, page;
    bool sync_each;

    /* One writer at a time; guards what follows down to `map`.  Order:
     * write, then map. */
    pthread_mutex_t write;
    uint64_t next_hold, hold_limit; /* ids below hold_limit are reserved */
    uint64_t next_seq;
    uint64_t reserve;           /* bytes kept for the rows of open holds */
    size_t tree_bytes;          /* pages of the tree after the last commit */
    int64_t grow_not_before_us; /* after growing failed */
    struct key sweep_at;        /* where the next sweep begins */

    /* Read transactions share it, growing the map takes it alone (LMDB allows
     * no transaction of the process then).  Guards map_bytes and broken. */
    pthread_rwlock_t map;
    size_t map_bytes;
    bool broken; /* the map was lost while growing; nothing works any more */

    /* Any thread. */
    _Atomic uint64_t depth, holds;
    _Atomic uint64_t reads; /* orders readers before later writers */
    _Atomic size_t
        committed;          /* the last transaction, orders readers after it */
    _Atomic bool signalled; /* event_fd is readable or about to be */
    struct sentmap sent;
};

/* A write transaction and what will change in memory if it commits. */
struct tx {
    struct counters *c;
    MDB_txn *t;
    uint64_t next_hold, hold_limit, next_seq;
    int64_t rows, holds, reserve; /* differences */
};
typedef int store_fn(struct tx *t, void *arg);

/* Starts a key of `table`. */
struct key *key_start(struct key *k, enum table table);
/* Appends an unsigned number. */
struct key *key_u64(struct key *k, uint64_t v);
/* Appends a signed number so that it sorts as such. */
struct key *key_i64(struct key *k, int64_t v);
/* Appends bytes; false if the key would be too long. */
MUST_CHECK bool key_bytes(struct key *k, struct slice s);
/* The number at byte `at` of a key, as key_u64 wrote it. */
uint64_t key_get_u64(const uint8_t *p, size_t at);
/* The number at byte `at` of a key, as key_i64 wrote it. */
int64_t key_get_i64(const uint8_t *p, size_t at);

/* Runs `fn` in a write transaction and commits if it answers 0.  When the map
 * is full it is grown and `fn` runs once more, so `fn` must keep nothing from
 * its first run.  `before` and `after` name fault points (NULL: none). */
int store_write(struct counters *c, store_fn *fn, void *arg, const char *before,
                const char *after);
/* Begins a read transaction; end it with store_read_end. */
int store_read_begin(struct counters *c, MDB_txn **t);
/* Ends it. */
void store_read_end(struct counters *c, MDB_txn *t);
/* What `rc` means to callers; fills `err`. */
enum status store_status(int rc, const char *what, struct err *err);

/* Reads a record; the bytes live until the next write. */
int store_get(struct tx *t, struct key *k, struct slice *out);
/* Writes a record. */
int store_put(struct tx *t, struct key *k, const void *p, size_t n);
/* Deletes a record; MDB_NOTFOUND. */
int store_del(struct tx *t, struct key *k);
/* Finds the first record with key >= k that has k's first `prefix` bytes and
 * puts its key into `k`; MDB_NOTFOUND.  Works in any transaction. */
int store_next(struct counters *c, MDB_txn *t, struct key *k, size_t prefix,
               struct slice *out);
/* Moves `k` to the smallest key that sorts behind it. */
void key_after(struct key *k);

/* Copies records, beginning with the first >= `k` that has k's first `prefix`
 * bytes, into `out` (length-prefixed, see store_batch_next) until `max`
 * records or 256 KiB; moves `k` behind the last.  `*done`: no more follow.
 * One read transaction, over when this returns. */
int store_batch(struct counters *c, struct key *k, size_t prefix, int max,
                struct buf *out, bool *done);
/* Cuts the next record off `*rest`; false at the end. */
bool store_batch_next(struct slice *rest, struct slice *key,
                      struct slice *value);

/* True if no more rows may be added without a hold behind them: the tree has
 * reached its share of a map that cannot grow. */
bool store_is_full(const struct tx *t, uint64_t more);
/* What storing `n` bytes can take, splits and overflow pages included. */
uint64_t store_cost(const struct counters *c, size_t n);

#endif

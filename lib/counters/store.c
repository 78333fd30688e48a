/* store.c - see store.h.
 *
 * One tree (LMDB's unnamed database) holds every table, told apart by the
 * first byte of the key: a named database costs each transaction another
 * root page to copy and a record in the main tree.
 *
 * Invariants
 * I1  Every byte the map covers has a block on disk before LMDB maps it
 *     (posix_fallocate), so that a full disk is an error, never a SIGBUS.
 *     The same holds for the lock file and the used part of the sent map.
 * I2  One process has the store: an flock on `owner` is held while it is
 *     open.  LMDB then finds itself alone and starts its lock file afresh, so
 *     readers and mutexes left behind by kill -9 do not matter.
 * I3  What is kept in memory (next ids, depth, reserve) changes under the
 *     write lock and only after the commit.
 * I4  Below the outbox's share nothing is refused; above it only what ends an
 *     open hold is written, for which `reserve` was set aside.
 *
 * With an interval the environment is opened MDB_NOSYNC|MDB_WRITEMAP: a commit
 * is memory traffic, safe against the death of the process but not of the
 * machine between two syncs.  With interval 0 the environment syncs in LMDB's
 * own order (data, then the meta page), which also survives power loss.
 *
 * A new file is first made by LMDB with a map of a few pages and closed: given
 * a preallocated file of zeros it would take it for a foreign one.
 */
#include "counters/store.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"
#include "counters/hold.h"

#define MAP_FIRST ((size_t)64 << 20)
#define MAP_MAX ((size_t)64 << 30)
#define LOCK_BYTES 16384 /* ~250 readers */
#define BATCH_BYTES ((size_t)256 << 10)
#define GROW_PAUSE_US 1000000
#define SPINS 40
#define SPIN_PAUSES 10
#define YIELDS 20

static void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

// ---- keys ----------------------------------------------------------------

struct key *key_start(struct key *k, enum table table)
{
    k->b[0] = (uint8_t)table;
    k->n = 1;
    return k;
}

struct key *key_u64(struct key *k, uint64_t v)
{
    assert(k->n + 8 <= STORE_KEY_MAX);
    v = htobe64(v);
    memcpy(k->b + k->n, &v, 8);
    k->n += 8;
    return k;
}

struct key *key_i64(struct key *k, int64_t v)
{
    return key_u64(k, (uint64_t)v ^ (UINT64_C(1) << 63));
}

bool key_bytes(struct key *k, struct slice s)
{
    if (s.n > STORE_KEY_MAX - k->n)
        return false;
    if (s.n != 0)
        memcpy(k->b + k->n, s.p, s.n);
    k->n += s.n;
    return true;
}

uint64_t key_get_u64(const uint8_t *p, size_t at)
{
    uint64_t v;
    memcpy(&v, p + at, 8);
    return be64toh(v);
}

int64_t key_get_i64(const uint8_t *p, size_t at)
{
    return (int64_t)(key_get_u64(p, at) ^ (UINT64_C(1) << 63));
}

void key_after(struct key *k)
{
    assert(k->n <= STORE_KEY_MAX);
    k->b[k->n++] = 0; // may be one byte longer than a stored key: seek only
}

// ---- records -------------------------------------------------------------

int store_get(struct tx *t, struct key *k, struct slice *out)
{
    MDB_val key = {k->n, k->b}, v;
    int rc = mdb_get(t->t, t->c->dbi, &key, &v);
    if (rc == 0)
        *out = slice(v.mv_data, v.mv_size);
    return rc;
}

int store_put(struct tx *t, struct key *k, const void *p, size_t n)
{
    if (FAULT("counters.put"))
        return EIO;
    MDB_val key = {k->n, k->b}, v = {n, NULL};
    // MDB_RESERVE: we copy the bytes, nothing is written through `p`
    int rc = mdb_put(t->t, t->c->dbi, &key, &v, MDB_RESERVE);
    if (rc == 0)
        memcpy(v.mv_data, p, n);
    return rc;
}

int store_del(struct tx *t, struct key *k)
{
    MDB_val key = {k->n, k->b};
    return mdb_del(t->t, t->c->dbi, &key, NULL);
}

int store_next(struct counters *c, MDB_txn *t, struct key *k, size_t prefix,
               struct slice *out)
{
    uint8_t want[STORE_KEY_MAX + 1];
    memcpy(want, k->b, prefix);
    MDB_cursor *cur;
    int rc = mdb_cursor_open(t, c->dbi, &cur);
    if (rc != 0)
        return rc;
    MDB_val key = {k->n, k->b}, v;
    rc = mdb_cursor_get(cur, &key, &v, MDB_SET_RANGE);
    if (rc == 0 &&
        (key.mv_size < prefix || memcmp(key.mv_data, want, prefix) != 0))
        rc = MDB_NOTFOUND;
    if (rc == 0 && key.mv_size > STORE_KEY_MAX)
        rc = MDB_CORRUPTED;
    if (rc == 0) {
        memmove(k->b, key.mv_data, key.mv_size);
        k->n = key.mv_size;
        *out = slice(v.mv_data, v.mv_size);
    }
    mdb_cursor_close(cur);
    return rc;
}

static int batch_copy(struct counters *c, MDB_txn *t, struct key *k,
                      size_t prefix, int max, struct buf *out, bool *done)
{
    uint8_t want[STORE_KEY_MAX + 1];
    memcpy(want, k->b, prefix);
    MDB_cursor *cur;
    int rc = mdb_cursor_open(t, c->dbi, &cur);
    if (rc != 0)
        return rc;
    MDB_val key = {k->n, k->b}, v;
    rc = mdb_cursor_get(cur, &key, &v, MDB_SET_RANGE);
    for (; rc == 0 && max > 0; max--) {
        if (key.mv_size < prefix || memcmp(key.mv_data, want, prefix) != 0)
            rc = MDB_NOTFOUND;
        else if (key.mv_size > STORE_KEY_MAX)
            rc = MDB_CORRUPTED;
        if (rc != 0)
            break;
        uint32_t n[2] = {(uint32_t)key.mv_size, (uint32_t)v.mv_size};
        buf_add(out, (const char *)n, sizeof n);
        buf_add(out, key.mv_data, key.mv_size);
        buf_add(out, v.mv_data, v.mv_size);
        k->n = key.mv_size;
        memcpy(k->b, key.mv_data, key.mv_size);
        key_after(k);
        if (out->failed)
            rc = ENOMEM;
        else if (out->n >= BATCH_BYTES)
            break;
        else
            rc = mdb_cursor_get(cur, &key, &v, MDB_NEXT);
    }
    mdb_cursor_close(cur);
    *done = rc == MDB_NOTFOUND;
    return *done ? 0 : rc;
}

int store_batch(struct counters *c, struct key *k, size_t prefix, int max,
                struct buf *out, bool *done)
{
    MDB_txn *t;
    *done = false;
    int rc = store_read_begin(c, &t);
    if (rc != 0)
        return rc;
    rc = batch_copy(c, t, k, prefix, max, out, done);
    store_read_end(c, t);
    return rc;
}

bool store_batch_next(struct slice *rest, struct slice *key,
                      struct slice *value)
{
    uint32_t n[2];
    if (rest->n < sizeof n)
        return false;
    memcpy(n, rest->p, sizeof n);
    *rest = slice_skip(*rest, sizeof n);
    *key = slice(rest->p, n[0]);
    *rest = slice_skip(*rest, n[0]);
    *value = slice(rest->p, n[1]);
    *rest = slice_skip(*rest, n[1]);
    return true;
}

// ---- room ----------------------------------------------------------------

/* posix_fallocate that is not disturbed by signals; an errno value. */
static int allocate(int fd, size_t from, size_t n)
{
    int rc;
    do {
        rc = posix_fallocate(fd, (off_t)from, (off_t)n);
    } while (rc == EINTR);
    return rc;
}

/* Doubles the map; with the write lock and no transaction of this thread. */
static bool grow(struct counters *c)
{
    int64_t now = clock_mono_us();
    if (c->broken || now < c->grow_not_before_us)
        return false;
    size_t old = c->map_bytes;
    size_t want = old > c->map_max / 2 ? c->map_max : old * 2;
    want -= want % c->page;
    if (want <= old || allocate(c->data_fd, old, want - old) != 0) {
        if (want > old && ftruncate(c->data_fd, (off_t)old) == -1)
            c->grow_not_before_us = INT64_MAX; // harmless: the tail is unused
        c->grow_not_before_us = now + GROW_PAUSE_US;
        return false;
    }
    pthread_rwlock_wrlock(&c->map);
    int rc = mdb_env_set_mapsize(c->env, want);
    if (rc == 0)
        c->map_bytes = want;
    else
        c->broken = true;
    pthread_rwlock_unlock(&c->map);
    return rc == 0;
}

/* Grows ahead of need: 3/4 of the map have been used at some time. */
static void grow_if_near(struct counters *c)
{
    MDB_envinfo info;
    if (mdb_env_info(c->env, &info) == 0 &&
        (info.me_last_pgno + 1) * c->page > c->map_bytes / 4 * 3)
        (void)grow(c);
}

uint64_t store_cost(const struct counters *c, size_t n)
{
    n += 64; // key, node header, what settlement adds to the skeleton
    if (n < c->page / 2 - 64)
        return 2 * n; // leaves are half full after splits
    return (n / c->page + 2) * c->page;
}

bool store_is_full(const struct tx *t, uint64_t more)
{
    const struct counters *c = t->c;
    uint64_t share = c->map_bytes / 4 * 3;
    return c->tree_bytes + c->reserve + more > share;
}

// ---- transactions --------------------------------------------------------

/* Takes over what the committed transaction changed (I3). */
static void publish(struct counters *c, const struct tx *t, size_t tree_bytes)
{
    c->next_hold = t->next_hold;
    c->hold_limit = t->hold_limit;
    c->next_seq = t->next_seq;
    c->reserve += (uint64_t)t->reserve;
    c->tree_bytes = tree_bytes;
    atomic_fetch_add(&c->depth, (uint64_t)t->rows);
    atomic_fetch_add(&c->holds, (uint64_t)t->holds);
}

static int run_once(struct counters *c, store_fn *fn, void *arg,
                    const char *before, bool *rows)
{
    struct tx t = {.c = c,
                   .next_hold = c->next_hold,
                   .hold_limit = c->hold_limit,
                   .next_seq = c->next_seq};
    atomic_load_explicit(&c->reads, memory_order_acquire);
    int rc = mdb_txn_begin(c->env, NULL, 0, &t.t);
    if (rc != 0)
        return rc;
    rc = fn(&t, arg);
    MDB_stat st;
    if (rc == 0)
        rc = mdb_stat(t.t, c->dbi, &st);
    if (rc == 0 && before != NULL && FAULT(before))
        rc = EIO;
    if (rc != 0) {
        mdb_txn_abort(t.t);
        return rc;
    }
    size_t id = mdb_txn_id(t.t);
    rc = mdb_txn_commit(t.t); // ends it, also on failure
    atomic_store_explicit(&c->committed, id, memory_order_release);
    if (rc != 0)
        return rc;
    *rows = t.rows > 0;
    publish(c, &t,
            (st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages) *
                c->page);
    return 0;
}

/* A transaction takes a few microseconds, a sleep and its wake-up several
 * times that: look again for a while, give way for a while, only then sleep. */
static void lock_write(struct counters *c)
{
    for (int i = 0; i < SPINS; i++) {
        if (pthread_mutex_trylock(&c->write) == 0)
            return;
        for (int k = 0; k < SPIN_PAUSES; k++)
            cpu_relax();
    }
    for (int i = 0; i < YIELDS; i++) {
        if (pthread_mutex_trylock(&c->write) == 0)
            return;
        (void)sched_yield();
    }
    pthread_mutex_lock(&c->write);
}

int store_write(struct counters *c, store_fn *fn, void *arg, const char *before,
                const char *after)
{
    bool rows = false;
    lock_write(c);
    int rc = c->broken ? EIO : run_once(c, fn, arg, before, &rows);
    if (rc == MDB_MAP_FULL && grow(c))
        rc = run_once(c, fn, arg, before, &rows);
    if (rc == 0)
        grow_if_near(c);
    pthread_mutex_unlock(&c->write);
    if (rc == 0 && after != NULL)
        (void)FAULT(after); // committed: it can die here, but not fail
    if (rows && !atomic_exchange(&c->signalled, true)) {
        uint64_t one = 1;
        if (write(c->event_fd, &one, sizeof one) == -1)
            atomic_store(&c->signalled, false);
    }
    return rc;
}

int store_read_begin(struct counters *c, MDB_txn **t)
{
    pthread_rwlock_rdlock(&c->map);
    int rc = c->broken ? EIO : mdb_txn_begin(c->env, NULL, MDB_RDONLY, t);
    if (rc != 0) {
        pthread_rwlock_unlock(&c->map);
        return rc;
    }
    // LMDB orders pages before the meta page by the processor's rules only;
    // this makes the order the language's too, and all but never waits
    while (mdb_txn_id(*t) >
           atomic_load_explicit(&c->committed, memory_order_acquire))
        sched_yield();
    return 0;
}

void store_read_end(struct counters *c, MDB_txn *t)
{
    // the pages read are free for reuse only now: writers load `reads` first
    atomic_fetch_add_explicit(&c->reads, 1, memory_order_release);
    mdb_txn_abort(t);
    pthread_rwlock_unlock(&c->map);
}

enum status store_status(int rc, const char *what, struct err *err)
{
    enum status s = E_IO;
    if (rc == 0)
        return OK;
    if (rc == MDB_NOTFOUND)
        s = E_NOT_FOUND;
    else if (rc == MDB_KEYEXIST)
        s = E_EXISTS;
    else if (rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND ||
             rc == MDB_INVALID || rc == MDB_VERSION_MISMATCH)
        s = E_CORRUPT;
    else if (rc == ENOMEM)
        s = E_NOMEM;
    else if (rc == STORE_FULL)
        return err_set(err, E_TOO_BIG, "counters", "%s: outbox is full", what);
    else if (rc == STORE_INVALID)
        return err_set(err, E_INVALID, "counters", "%s: wrong values", what);
    else if (rc == STORE_BIG)
        return err_set(err, E_INVALID, "counters", "%s: value too long", what);
    return err_set(err, s, "counters", "%s: %s", what, mdb_strerror(rc));
}

// ---- opening -------------------------------------------------------------

/* Lets LMDB write its first pages if there is none of them (see above). */
static enum status make_file(const char *dir, int dir_fd, struct err *err)
{
    struct stat st;
    if (fstatat(dir_fd, "data.mdb", &st, 0) == 0 && st.st_size >= 8192)
        return OK;
    // less than both meta pages: the making of it was cut short
    if (unlinkat(dir_fd, "data.mdb", 0) == -1 && errno != ENOENT)
        return err_sys(err, errno, "counters", "cannot replace data.mdb");
    MDB_env *env;
    int rc = mdb_env_create(&env);
    if (rc == 0) {
        rc = mdb_env_set_mapsize(env, 1 << 20);
        if (rc == 0)
            rc = mdb_env_open(env, dir, MDB_NOTLS, 0600);
        mdb_env_close(env);
    }
    return store_status(rc, "making data.mdb", err);
}

/* Makes every block of both files exist (I1); sets data_fd and map_bytes. */
static enum status preallocate(struct counters *c, size_t first,
                               struct err *err)
{
    c->data_fd = openat(c->dir_fd, "data.mdb", O_RDWR | O_CLOEXEC);
    struct stat st;
    if (c->data_fd == -1 || fstat(c->data_fd, &st) == -1)
        return err_sys(err, errno, "counters", "cannot open data.mdb");
    size_t size = (size_t)st.st_size > first ? (size_t)st.st_size : first;
    size -= size % c->page;
    int rc = allocate(c->data_fd, 0, size);
    if (rc != 0) {
        if (ftruncate(c->data_fd, st.st_size) == -1)
            rc = errno;
        return err_sys(err, rc, "counters", "no room for data.mdb");
    }
    c->map_bytes = size;
    int lock =
        openat(c->dir_fd, "lock.mdb", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock == -1)
        return err_sys(err, errno, "counters", "cannot open lock.mdb");
    rc = allocate(lock, 0, LOCK_BYTES);
    close(lock);
    return rc == 0 ? OK : err_sys(err, rc, "counters", "no room for lock.mdb");
}

static enum status open_env(struct counters *c, const char *dir,
                            struct err *err)
{
    unsigned flags = MDB_WRITEMAP | MDB_NOTLS | (c->sync_each ? 0 : MDB_NOSYNC);
    int rc = mdb_env_create(&c->env);
    if (rc == 0)
        rc = mdb_env_set_mapsize(c->env, c->map_bytes);
    if (rc == 0)
        rc = mdb_env_open(c->env, dir, flags, 0600);
    if (rc != 0)
        return store_status(rc, "opening", err);
    MDB_txn *t;
    rc = mdb_txn_begin(c->env, NULL, MDB_RDONLY, &t);
    if (rc == 0) {
        rc = mdb_dbi_open(t, NULL, 0, &c->dbi);
        if (rc == 0)
            rc = mdb_txn_commit(t);
        else
            mdb_txn_abort(t);
    }
    MDB_envinfo info;
    if (rc == 0)
        rc = mdb_env_info(c->env, &info);
    if (rc == 0)
        atomic_store(&c->committed, info.me_last_txnid);
    return store_status(rc, "opening", err);
}

/* Reads what the last process left: ids, rows, open holds. */
static int load(struct tx *t, void *arg)
{
    (void)arg;
    struct counters *c = t->c;
    struct key k;
    struct slice v;
    int rc = hold_meta_get(t, ".hold_limit", &t->next_hold);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return rc;
    if (t->next_hold == 0)
        t->next_hold = 1;
    t->hold_limit = t->next_hold; // the first admission reserves more
    rc = hold_meta_get(t, ".next_seq", &t->next_seq);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return rc;
    if (t->next_seq == 0)
        t->next_seq = 1;
    key_start(&k, TABLE_OUTBOX);
    while ((rc = store_next(c, t->t, &k, 1, &v)) == 0) {
        if (k.n != 9)
            return MDB_CORRUPTED;
        uint64_t seq = key_get_u64(k.b, 1);
        if (seq >= t->next_seq)
            t->next_seq = seq + 1;
        t->rows++;
        key_after(&k);
    }
    if (rc != MDB_NOTFOUND)
        return rc;
    key_start(&k, TABLE_HOLD);
    while ((rc = store_next(c, t->t, &k, 1, &v)) == 0) {
        t->holds++;
        t->reserve += (int64_t)hold_reserve(c, v.n);
        key_after(&k);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static enum status own(struct counters *c, const char *dir, struct err *err)
{
    if (mkdir(dir, 0700) == -1 && errno != EEXIST)
        return err_sys(err, errno, "counters", "cannot make %s", dir);
    c->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->dir_fd == -1)
        return err_sys(err, errno, "counters", "cannot open %s", dir);
    c->lock_fd = openat(c->dir_fd, "owner", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (c->lock_fd == -1)
        return err_sys(err, errno, "counters", "cannot open %s/owner", dir);
    if (flock(c->lock_fd, LOCK_EX | LOCK_NB) == -1)
        return err_set(err, E_BUSY, "counters", "%s is in use", dir);
    return OK;
}

static void teardown(struct counters *c)
{
    if (c->env != NULL)
        mdb_env_close(c->env);
    sentmap_close(&c->sent);
    const int fds[] = {c->event_fd, c->data_fd, c->lock_fd, c->dir_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] != -1)
            close(fds[i]);
    pthread_mutex_destroy(&c->write);
    pthread_rwlock_destroy(&c->map);
    free(c);
}

enum status counters_open(const struct counters_conf *conf,
                          struct counters **out, struct err *err)
{
    struct counters *c = xcalloc(1, sizeof *c);
    c->dir_fd = c->data_fd = c->lock_fd = c->event_fd = -1;
    pthread_mutex_init(&c->write, NULL);
    pthread_rwlock_init(&c->map, NULL);
    c->page = 4096;
    c->sync_each = conf->sync_interval_ms == 0;
    c->map_max = conf->map_max != 0 ? conf->map_max : MAP_MAX;
    enum status s = own(c, conf->dir, err);
    if (s == OK)
        s = make_file(conf->dir, c->dir_fd, err);
    if (s == OK)
        s = preallocate(c, conf->map_bytes != 0 ? conf->map_bytes : MAP_FIRST,
                        err);
    if (s == OK)
        s = open_env(c, conf->dir, err);
    if (s == OK)
        s = sentmap_open(&c->sent, c->dir_fd, "sent.map", err);
    if (s == OK) {
        c->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (c->event_fd == -1)
            s = err_sys(err, errno, "counters", "eventfd");
    }
    if (s == OK)
        s = store_status(store_write(c, load, NULL, NULL, NULL), "loading",
                         err);
    if (s != OK) {
        teardown(c);
        return s;
    }
    *out = c;
    return OK;
}

enum status counters_sync(struct counters *c, struct err *err)
{
    if (FAULT("counters.sync"))
        return err_set(err, E_IO, "counters", "sync: fault");
    pthread_rwlock_rdlock(&c->map);
    int rc = c->broken ? EIO : mdb_env_sync(c->env, 1);
    pthread_rwlock_unlock(&c->map);
    if (rc == 0 && sentmap_sync(&c->sent) != OK)
        rc = EIO;
    return store_status(rc, "sync", err);
}

void counters_close(struct counters **cp)
{
    struct counters *c = *cp;
    if (c == NULL)
        return;
    *cp = NULL;
    struct err err;
    if (counters_sync(c, &err) != OK)
        c->broken = true; // nothing more can be done: the files stay as is
    teardown(c);
}

// ---- the sent map --------------------------------------------------------

void counters_mark_sent(struct counters *c, uint32_t slot, uint64_t hold_id)
{
    sentmap_mark(&c->sent, slot, hold_id);
}

enum status counters_slot_take(struct counters *c, uint32_t *slot)
{
    return sentmap_take(&c->sent, slot);
}

void counters_slot_give(struct counters *c, uint32_t slot)
{
    sentmap_give(&c->sent, slot);
}

/* outbox.c - see outbox.h and counters.h.
 *
 * Sequence numbers rise and are never used twice: trimming notes the number
 * after the last row it deleted, so an empty outbox remembers where it was.
 *
 * Reading copies rows out in batches and shows them after its transaction has
 * ended: the reader (SQLite) may take its time without keeping LMDB from
 * reusing pages or from growing.
 *
 * The event descriptor costs a system call only for the first row after a
 * read: outbox_read drains it and lowers `signalled` before its transaction
 * begins, so a row it cannot see raises it again.
 */
#include "counters/outbox.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"
#include "counters/codec.h"
#include "counters/hold.h"

#define BATCH_LIMIT ((size_t)8 << 20) /* a batch: 256 KiB and one more row */
#define TRIM_STEP 512

enum status outbox_encode(const struct event *e, struct outbox_row *row,
                          struct err *err)
{
    size_t bound = codec_event_bound(e);
    row->p = row->inside;
    if (bound == 0)
        return err_set(err, E_INVALID, "counters", "event is too big");
    if (bound > sizeof row->inside) {
        row->p = try_malloc(bound);
        if (row->p == NULL) {
            row->p = row->inside;
            return err_set(err, E_NOMEM, "counters", "no memory for a row");
        }
    }
    row->n = codec_event_put(e, row->p);
    return OK;
}

void outbox_free(struct outbox_row *row)
{
    if (row->p != row->inside)
        free(row->p);
    row->p = row->inside;
}

int outbox_append(struct tx *t, const struct outbox_row *row, uint64_t *seq)
{
    struct key k;
    *seq = t->next_seq++;
    t->rows++;
    return store_put(t, key_u64(key_start(&k, TABLE_OUTBOX), *seq), row->p,
                     row->n);
}

bool outbox_show(struct slice key, struct slice value, counters_row_fn *fn,
                 void *arg, bool *go_on)
{
    struct event e;
    struct event_tag tags[EVENT_TAGS_MAX];
    if (key.n != 9 || !codec_event_get(value, &e, tags))
        return false;
    *go_on = fn(arg, key_get_u64((const uint8_t *)key.p, 1), &e);
    return true;
}

// ---- counters.h ----------------------------------------------------------

struct append {
    const struct outbox_row *row;
    uint64_t seq;
};

static int append(struct tx *t, void *arg)
{
    struct append *a = arg;
    if (store_is_full(t, store_cost(t->c, a->row->n)))
        return STORE_FULL;
    return outbox_append(t, a->row, &a->seq);
}

enum status counters_append(struct counters *c, const struct event *e,
                            uint64_t *seq, struct err *err)
{
    struct outbox_row row;
    enum status s = outbox_encode(e, &row, err);
    if (s != OK)
        return s;
    struct append a = {.row = &row};
    s = store_status(store_write(c, append, &a, NULL, NULL), "append", err);
    outbox_free(&row);
    if (s == OK && seq != NULL)
        *seq = a.seq;
    return s;
}

enum status counters_outbox_read(struct counters *c, uint64_t after, int max,
                                 counters_row_fn *fn, void *arg,
                                 struct err *err)
{
    uint64_t drained;
    if (read(c->event_fd, &drained, sizeof drained) == -1)
        drained = 0; // it was not readable: nothing to drain
    atomic_store(&c->signalled, false);
    if (after == UINT64_MAX)
        return OK;
    struct key k;
    key_u64(key_start(&k, TABLE_OUTBOX), after + 1);
    struct buf b;
    buf_init(&b, BATCH_LIMIT);
    bool done = false, go_on = true;
    int rc = 0;
    while (rc == 0 && !done && go_on && max > 0) {
        buf_clear(&b);
        rc = store_batch(c, &k, 1, max, &b, &done);
        struct slice rest = buf_get(&b), key, value;
        while (rc == 0 && go_on && store_batch_next(&rest, &key, &value)) {
            if (!outbox_show(key, value, fn, arg, &go_on))
                rc = MDB_CORRUPTED;
            max--;
        }
    }
    buf_release(&b);
    return store_status(rc, "reading the outbox", err);
}

struct trim {
    uint64_t upto;
    bool done;
};

static int trim(struct tx *t, void *arg)
{
    struct trim *m = arg;
    struct key k;
    struct slice v;
    uint64_t next = 0;
    m->done = false;
    for (int i = 0; i < TRIM_STEP; i++) {
        key_start(&k, TABLE_OUTBOX);
        int rc = store_next(t->c, t->t, &k, 1, &v);
        if (rc == MDB_NOTFOUND ||
            (rc == 0 && k.n == 9 && key_get_u64(k.b, 1) > m->upto)) {
            m->done = true;
            break;
        }
        if (rc == 0 && k.n != 9)
            rc = MDB_CORRUPTED;
        if (rc != 0)
            return rc;
        next = key_get_u64(k.b, 1) + 1;
        rc = store_del(t, &k);
        if (rc != 0)
            return rc;
        t->rows--;
    }
    uint64_t noted;
    int rc = hold_meta_get(t, ".next_seq", &noted);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return rc;
    return next > noted ? hold_meta_put(t, ".next_seq", next) : 0;
}

enum status counters_outbox_trim(struct counters *c, uint64_t upto,
                                 struct err *err)
{
    struct trim m = {.upto = upto};
    int rc = 0;
    while (rc == 0 && !m.done)
        rc = store_write(c, trim, &m, "outbox.trim", NULL);
    return store_status(rc, "trimming the outbox", err);
}

static int raise_floor(struct tx *t, void *arg)
{
    uint64_t seq = *(const uint64_t *)arg;
    if (seq <= t->next_seq)
        return 0;
    t->next_seq = seq;
    return hold_meta_put(t, ".next_seq", seq);
}

enum status counters_outbox_floor(struct counters *c, uint64_t seq,
                                  struct err *err)
{
    return store_status(store_write(c, raise_floor, &seq, NULL, NULL),
                        "outbox floor", err);
}

uint64_t counters_outbox_depth(const struct counters *c)
{
    return atomic_load(&c->depth);
}

uint64_t counters_holds_open(const struct counters *c)
{
    return atomic_load(&c->holds);
}

int counters_outbox_fd(const struct counters *c)
{
    return c->event_fd;
}

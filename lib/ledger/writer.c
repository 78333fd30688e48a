/* writer.c - see writer.h.
 *
 * Invariant: the sequence reached is written in the transaction that writes
 * the rows.  A crash before the commit leaves both undone, a crash between
 * the commit and the trim leaves rows in the outbox that the sequence says
 * are written; they are trimmed and never inserted again.
 *
 * The thread gives way 200 us after each 50 rows: without that the kernel
 * lets it keep a core for a whole slice, which the loops feel as latency.
 */
#include "ledger/writer.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "ledger/append.h"
#include "ledger/store.h"

#define BATCH 1000
#define YIELD_ROWS 50
#define YIELD_US 200
#define GATHER_MS 25 /* lets a batch fill while rows keep coming */
#define IDLE_MS 500  /* looks even if no descriptor woke it */
#define FAILS_MAX 3  /* in a row; then requests are refused */
#define RETRY_MIN_MS 50
#define RETRY_MAX_MS 2000

struct writer {
    struct db *db;
    int sync_ms;
    pthread_t thread;
    int wake[2]; /* stop pipe */
    atomic_bool failing;
};

struct batch {
    struct db *db;
    bool yield;
    int rows;
    uint64_t last;
    int64_t now_ms;
    enum status st;
    struct err *err;
};

static void nap(int64_t us)
{
    struct timespec t = {us / 1000000, (us % 1000000) * 1000};
    (void)nanosleep(&t, NULL);
}

static bool on_row(void *arg, uint64_t seq, const struct event *e)
{
    struct batch *b = arg;
    if (seq <= b->last)
        return true;
    b->st = append_row(b->db->append, e, b->now_ms, b->err);
    if (b->st != OK)
        return false;
    b->last = seq;
    b->rows++;
    if (b->yield && b->rows % YIELD_ROWS == 0)
        nap(YIELD_US);
    return true;
}

static enum status note_drained(struct db *db, uint64_t seq, struct err *err)
{
    struct sql q = sql_prepare(
        db->w, "INSERT INTO setting VALUES('drained',?) ON CONFLICT(name) DO "
               "UPDATE SET value=excluded.value");
    sql_i64(&q, (int64_t)seq);
    sql_run(&q);
    return sql_done(&q, err);
}

/* What happens inside the transaction. */
static enum status write_rows(struct batch *b, uint64_t after, struct err *err)
{
    struct db *db = b->db;
    if (FAULT("ledger.begin"))
        return err_set(err, E_IO, "ledger", "fault: ledger.begin");
    b->last = after;
    append_begin(db->append);
    enum status st =
        counters_outbox_read(db->conf.counters, after, BATCH, on_row, b, err);
    if (st == OK)
        st = b->st;
    if (st != OK || b->rows == 0)
        return st; // an empty look writes nothing
    if (st == OK)
        st = append_flush(db->append, err);
    if (FAULT("ledger.inserted") && st == OK)
        st = err_set(err, E_IO, "ledger", "fault: ledger.inserted");
    if (st == OK)
        st = note_drained(db, b->last, err);
    if (FAULT("ledger.commit") && st == OK)
        st = err_set(err, E_IO, "ledger", "fault: ledger.commit");
    return st;
}

/* One batch; `*rows` says how many. */
static enum status drain_once(struct db *db, bool yield, int *rows,
                              struct err *err)
{
    struct batch b = {
        .db = db, .yield = yield, .now_ms = clock_now_ms(), .err = err};
    int64_t after = 0;
    *rows = 0;
    enum status st = store_begin(db, err);
    if (st != OK)
        return st;
    if (db->append == NULL)
        st = append_new(db, &db->append, err);
    if (st == OK)
        st = store_number(db->w,
                          "SELECT value FROM setting WHERE name='drained'", 0,
                          &after, err);
    if (st == OK)
        st = write_rows(&b, (uint64_t)after, err);
    st = store_commit(db, st, err);
    if (st != OK && db->append != NULL)
        append_undo(db->append);
    store_end(db);
    if (st != OK)
        return st;
    *rows = b.rows;
    if (FAULT("ledger.trim"))
        return err_set(err, E_IO, "ledger", "fault: ledger.trim");
    if (b.last == 0 || counters_outbox_depth(db->conf.counters) == 0)
        return OK; // nothing to trim: no write transaction while idle
    return counters_outbox_trim(db->conf.counters, b.last, err);
}

enum status writer_drain(struct db *db, struct err *err)
{
    int rows = 0;
    enum status st;
    do {
        st = drain_once(db, false, &rows, err);
    } while (st == OK && rows > 0);
    return st;
}

void writer_catch_up(struct db *db)
{
    struct err err = {0};
    int rows = BATCH;
    if (db->conf.counters == NULL)
        return;
    uint64_t left = counters_outbox_depth(db->conf.counters) / BATCH + 1;
    if (counters_outbox_depth(db->conf.counters) == 0)
        return;
    for (; left > 0 && rows == BATCH; left--)
        if (drain_once(db, false, &rows, &err) != OK)
            return; // the thread says so, and tries again
}

/* ---- the thread --------------------------------------------------------- */

/* Waits for rows, the beat or the stop; true: stop. */
static bool wait(struct writer *w, int64_t timeout_ms)
{
    struct pollfd p[2] = {
        {.fd = w->wake[0], .events = POLLIN},
        {.fd = counters_outbox_fd(w->db->conf.counters), .events = POLLIN}};
    (void)poll(p, 2, (int)timeout_ms);
    if (p[1].revents & POLLIN) {
        uint64_t n; // non-blocking eventfd: read resets it
        ssize_t r = read(p[1].fd, &n, sizeof n);
        (void)r;
    }
    return (p[0].revents & (POLLIN | POLLHUP)) != 0;
}

/* Waits for the stop alone. */
static bool pause_for(struct writer *w, int64_t ms)
{
    struct pollfd p = {.fd = w->wake[0], .events = POLLIN};
    return poll(&p, 1, (int)ms) > 0;
}

static void beat(struct writer *w, int64_t *next_us)
{
    struct err err;
    int64_t now = clock_mono_us();
    if (w->sync_ms <= 0 || now < *next_us)
        return;
    *next_us = now + (int64_t)w->sync_ms * 1000;
    if (counters_sync(w->db->conf.counters, &err) != OK)
        log_line(LOG_ERROR, "counters cannot be synced", LF_C("why", err.text));
}

static void *run(void *arg)
{
    struct writer *w = arg;
    int64_t next_us = 0, retry_ms = RETRY_MIN_MS;
    bool stop = false;
    int fails = 0;
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
    while (!stop) {
        int rows = 0;
        struct err err = {0};
        enum status st = drain_once(w->db, true, &rows, &err);
        // One failure loses nothing and may be a passing one: rows wait.
        fails = st == OK ? 0 : fails + 1;
        bool was = atomic_exchange(&w->failing, fails >= FAILS_MAX);
        if (st != OK) {
            if (fails == 1)
                log_line(LOG_ERROR, "ledger cannot be written",
                         LF_C("why", err.text));
            beat(w, &next_us);
            stop = pause_for(w, retry_ms);
            retry_ms =
                retry_ms * 2 < RETRY_MAX_MS ? retry_ms * 2 : RETRY_MAX_MS;
            continue;
        }
        if (was)
            log_plain(LOG_INFO, "ledger can be written again");
        retry_ms = RETRY_MIN_MS;
        beat(w, &next_us);
        if (rows == BATCH)
            stop = pause_for(w, 0);
        else if (rows > 0)
            stop = pause_for(w, GATHER_MS);
        else
            stop = wait(w, w->sync_ms > 0 ? w->sync_ms : IDLE_MS);
    }
    return NULL;
}

enum status writer_start(struct db *db, int sync_interval_ms,
                         struct writer **out, struct err *err)
{
    struct writer *w = xcalloc(1, sizeof *w);
    w->db = db;
    w->sync_ms = sync_interval_ms;
    atomic_init(&w->failing, false);
    if (pipe(w->wake) == -1) {
        free(w);
        return err_set(err, E_IO, "ledger", "no pipe");
    }
    int rc = pthread_create(&w->thread, NULL, run, w);
    if (rc != 0) {
        close(w->wake[0]);
        close(w->wake[1]);
        free(w);
        return err_sys(err, rc, "ledger", "no thread");
    }
    *out = w;
    return OK;
}

void writer_stop(struct writer **wp)
{
    struct writer *w = *wp;
    struct err err = {0};
    *wp = NULL;
    if (w == NULL)
        return;
    ssize_t r = write(w->wake[1], "x", 1);
    (void)r;
    pthread_join(w->thread, NULL);
    uint64_t seq = 0;
    enum status st = writer_drain(w->db, &err);
    if (st == OK)
        st = db_drained(w->db, &seq, &err);
    if (st == OK && counters_holds_open(w->db->conf.counters) == 0)
        st = counters_meta_set(w->db->conf.counters, "clean", (int64_t)seq,
                               &err);
    if (st == OK)
        st = counters_sync(w->db->conf.counters, &err);
    if (st != OK)
        log_line(LOG_ERROR, "ledger not drained at stop",
                 LF_C("why", err.text));
    close(w->wake[0]);
    close(w->wake[1]);
    free(w);
}

bool writer_ok(void *writer)
{
    const struct writer *w = writer;
    return !atomic_load_explicit(&w->failing, memory_order_relaxed);
}

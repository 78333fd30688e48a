/* counters_crash.c - processes killed, threads racing, a disk that is full.
 *
 * kill -9: a child admits and settles on two threads and notes every
 * acknowledged row and hold in shared memory; after SIGKILL the parent opens
 * the store and looks for all of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "counters/counters.h"

#define KILLS 50
#define THREADS 2
#define LIMIT 5000000

static char dir[] = "/tmp/bg-counters-crash-XXXXXX";

static struct counters *open_store(const char *at, size_t bytes, size_t max)
{
    struct counters *c = NULL;
    struct err err = {0};
    struct counters_conf conf = {
        .dir = at, .sync_interval_ms = 100, .map_bytes = bytes, .map_max = max};
    enum status s = counters_open(&conf, &c, &err);
    if (s != OK)
        fprintf(stderr, "%s\n", err.text);
    return c;
}

static void remove_store(const char *at)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "owner",
                                        "sent.map"};
    char path[160];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", at, names[i]);
        unlink(path);
    }
}

static struct event row_of(int64_t usd)
{
    return (struct event){.request_id = "00112233445566778899aabbccddeeff",
                          .ts_ms = 1795000000000,
                          .tenant = SLICE("t"),
                          .route = SLICE("/v1/chat/completions"),
                          .usd = usd,
                          .status = EVENT_SUCCESS};
}

static struct counter_window budget_of(uint64_t id, int64_t amount, bool hard)
{
    return (struct counter_window){
        .budget = id, .end_ms = INT64_MAX, .amount = amount, .hard = hard};
}

/* One admission of about 1,000 nano-dollars in a hard and a soft budget. */
static enum status take(struct counters *c, struct admission *a,
                        struct counter_window w[static 2], int64_t amount,
                        uint32_t slot)
{
    struct err err;
    static const struct event skeleton = {.route = {"/v1/x", 5}};
    w[0] = budget_of(1, amount, true);
    w[1] = budget_of(2, 0, false);
    *a = (struct admission){.now_ms = 1795000000000,
                            .rate = {.tenant_id = 1},
                            .session = {.tag_budget = -1, .default_budget = -1},
                            .windows = w,
                            .window_count = 2,
                            .metered = true,
                            .fixed_pico = 1000000,
                            .skeleton = &skeleton,
                            .slot = slot};
    return counters_admit(c, a, &err);
}

static enum status put(struct counters *c, uint64_t hold, int64_t usd,
                       uint64_t *seq)
{
    struct err err;
    struct event e = row_of(usd);
    struct settlement s = {
        .hold_id = hold, .usd = usd, .tokens = -1, .event = &e};
    enum status st = counters_settle(c, &s, &err);
    *seq = s.seq;
    return st;
}

// ---- kill -9 -------------------------------------------------------------

struct shared {
    _Atomic uint64_t acked_seq; /* highest row that was acknowledged */
    _Atomic uint64_t rows;      /* acknowledged in all rounds */
};

struct worker {
    struct counters *c;
    struct shared *s;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    for (;;) {
        struct admission a;
        struct counter_window win[2];
        uint32_t slot;
        uint64_t seq;
        if (counters_slot_take(w->c, &slot) != OK)
            _exit(3);
        if (take(w->c, &a, win, INT64_MAX, slot) != OK || a.result != ADMIT_OK)
            _exit(4);
        counters_mark_sent(w->c, a.slot, a.hold_id);
        if (put(w->c, a.hold_id, 700, &seq) != OK)
            _exit(5);
        atomic_fetch_add(&w->s->rows, 1);
        uint64_t top = atomic_load(&w->s->acked_seq);
        while (top < seq &&
               !atomic_compare_exchange_weak(&w->s->acked_seq, &top, seq))
            ;
        counters_slot_give(w->c, slot);
    }
    return NULL;
}

static void child(struct shared *s)
{
    struct counters *c = open_store(dir, 1 << 20, 0);
    if (c == NULL)
        _exit(2);
    pthread_t t;
    struct worker w[THREADS];
    for (int i = 0; i < THREADS; i++) {
        w[i] = (struct worker){c, s};
        if (pthread_create(&t, NULL, work, &w[i]) != 0)
            _exit(6);
    }
    pause();
    _exit(7);
}

struct found {
    uint64_t rows, last;
    int64_t usd;
    uint64_t holds;
    int64_t held;
};

static bool count_row(void *arg, uint64_t seq, const struct event *e)
{
    struct found *f = arg;
    f->rows++;
    f->last = seq;
    f->usd += e->usd;
    return true;
}

static bool count_hold(void *arg, const struct counter_hold *h)
{
    struct found *f = arg;
    f->holds++;
    f->held += h->amount;
    return true;
}

static void orphan(void *arg, const struct counter_hold *h, struct event *e,
                   int64_t *usd)
{
    (void)arg;
    e->status = EVENT_INTERRUPTED;
    *usd = h->amount;
}

/* Opens, compares with what was acknowledged, recovers, empties. */
static void inspect(struct shared *s, int64_t *booked, uint64_t *recovered)
{
    struct err err;
    struct counters *c = open_store(dir, 1 << 20, 0);
    assert_non_null(c);
    struct found f = {0};
    assert_int_equal(counters_outbox_read(c, 0, 100000000, count_row, &f, &err),
                     OK);
    assert_int_equal(counters_holds(c, count_hold, &f, &err), OK);
    assert_true(f.last >= atomic_load(&s->acked_seq));
    assert_true(f.rows >= atomic_load(&s->rows));
    assert_true(f.rows <= atomic_load(&s->rows) + THREADS);
    assert_true(f.holds <= THREADS);
    struct counter_window w = budget_of(1, 0, true);
    assert_int_equal(counters_peek(c, &w, 0, &err), OK);
    assert_int_equal(w.spent, *booked + f.usd);
    assert_int_equal(w.held, f.held);
    int n;
    assert_int_equal(counters_recover(c, orphan, NULL, &n, &err), OK);
    assert_int_equal(n, f.holds);
    *recovered += (uint64_t)n;
    f = (struct found){0};
    assert_int_equal(counters_outbox_read(c, 0, 100000000, count_row, &f, &err),
                     OK);
    assert_int_equal(counters_outbox_trim(c, f.last, &err), OK);
    assert_int_equal(counters_peek(c, &w, 0, &err), OK);
    *booked += f.usd;
    assert_int_equal(w.spent, *booked);
    assert_int_equal(w.held, 0);
    assert_int_equal(counters_outbox_depth(c), 0);
    atomic_store(&s->rows, 0);
    counters_close(&c);
}

static void nothing_acknowledged_is_lost_under_kill_9(void **state)
{
    (void)state;
    struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(s != MAP_FAILED);
    int64_t booked = 0;
    uint64_t all = 0, recovered = 0;
    unsigned mix = 12345;
    for (int i = 0; i < KILLS; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            child(s);
        mix = mix * 1103515245u + 12345u;
        uint64_t until = 1 + (mix >> 16) % 400; // rows, not time
        while (atomic_load(&s->rows) < until &&
               waitpid(pid, NULL, WNOHANG) == 0)
            ;
        kill(pid, SIGKILL);
        int st = 0;
        pid_t got = waitpid(pid, &st, 0);
        assert_int_equal(got, pid);
        assert_true(WIFSIGNALED(st));
        all += atomic_load(&s->rows);
        inspect(s, &booked, &recovered);
    }
    printf("%d kills, %llu acknowledged rows, %llu holds recovered\n", KILLS,
           (unsigned long long)all, (unsigned long long)recovered);
    munmap(s, sizeof *s);
    remove_store(dir);
}

// ---- threads -------------------------------------------------------------

struct racer {
    struct counters *c;
    int admitted, refused, failed;
    bool reader;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    struct err err;
    for (int i = 0; i < 3000; i++) {
        if (r->reader) {
            struct counter_window w = budget_of(1, LIMIT, true);
            struct found f = {0};
            if (counters_peek(r->c, &w, 0, &err) != OK ||
                w.spent + w.held > LIMIT ||
                counters_outbox_read(r->c, 0, 20, count_row, &f, &err) != OK)
                r->failed++;
            continue;
        }
        struct admission a;
        struct counter_window w[2];
        uint64_t seq;
        if (take(r->c, &a, w, LIMIT, 0) != OK)
            r->failed++;
        else if (a.result != ADMIT_OK)
            r->refused++;
        else if (put(r->c, a.hold_id, 1000, &seq) != OK)
            r->failed++;
        else
            r->admitted++;
    }
    return NULL;
}

static void threads_never_pass_the_limit(void **state)
{
    (void)state;
    struct counters *c = open_store(dir, 1 << 20, 0);
    assert_non_null(c);
    pthread_t t[4];
    struct racer r[4];
    for (int i = 0; i < 4; i++) {
        r[i] = (struct racer){.c = c, .reader = i == 3};
        assert_int_equal(pthread_create(&t[i], NULL, race, &r[i]), 0);
    }
    int admitted = 0;
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(r[i].failed, 0);
        admitted += r[i].admitted;
    }
    struct err err;
    struct counter_window w = budget_of(1, LIMIT, true);
    assert_int_equal(counters_peek(c, &w, 0, &err), OK);
    assert_int_equal(admitted, LIMIT / 1000); // every last dollar, no more
    assert_int_equal(w.spent, LIMIT);
    assert_int_equal(w.held, 0);
    counters_close(&c);
    remove_store(dir);
}

static void one_process_at_a_time(void **state)
{
    (void)state;
    struct counters *a = open_store(dir, 1 << 20, 0), *b = NULL;
    assert_non_null(a);
    struct err err;
    struct counters_conf conf = {.dir = dir, .sync_interval_ms = 100};
    assert_int_equal(counters_open(&conf, &b, &err), E_BUSY);
    counters_close(&a);
    remove_store(dir);
}

// ---- a full store --------------------------------------------------------

/* Fills until admission refuses, then ends every hold, then drains. */
static void fill_and_drain(struct counters *c)
{
    struct err err;
    uint64_t held[500], seq;
    int n = 0;
    struct admission a;
    struct counter_window w[2];
    for (; n < 500; n++) {
        assert_int_equal(take(c, &a, w, INT64_MAX, 0), OK);
        if (a.result == ADMIT_FULL)
            break;
        held[n] = a.hold_id;
    }
    assert_true(n > 0);
    struct event e = row_of(1);
    int rows = 0;
    enum status s;
    while ((s = counters_append(c, &e, NULL, &err)) == OK)
        rows++;
    assert_int_equal(s, E_TOO_BIG);
    assert_int_equal(take(c, &a, w, INT64_MAX, 0), OK);
    assert_int_equal(a.result, ADMIT_FULL);
    for (int i = 0; i < n; i++) // there is room left for each of them
        assert_int_equal(put(c, held[i], 10, &seq), OK);
    assert_int_equal(counters_holds_open(c), 0);
    struct found f = {0};
    assert_int_equal(counters_outbox_read(c, 0, 100000000, count_row, &f, &err),
                     OK);
    assert_int_equal(f.rows, rows + n);
    assert_int_equal(counters_outbox_trim(c, f.last, &err), OK);
    assert_int_equal(take(c, &a, w, INT64_MAX, 0), OK);
    assert_int_equal(a.result, ADMIT_OK); // and it goes on
}

static void a_full_map_refuses_and_settles(void **state)
{
    (void)state;
    struct counters *c = open_store(dir, 1 << 20, 2 << 20);
    assert_non_null(c);
    fill_and_drain(c);
    counters_close(&c);
    remove_store(dir);
}

static void a_full_disk_refuses_and_settles(void **state)
{
    (void)state;
    if (geteuid() != 0 ||
        mount("tmpfs", dir, "tmpfs", 0, "size=3m,mode=700") == -1) {
        printf("skipped: a_full_disk_refuses_and_settles needs root\n");
        skip();
    }
    struct counters *c = open_store(dir, 1 << 20, 0);
    bool opened = c != NULL;
    if (opened) { // the map may double once, the next time the disk is full
        fill_and_drain(c);
        counters_close(&c);
        c = open_store(dir, 1 << 20, 0);
        assert_non_null(c);
        counters_close(&c);
    }
    umount(dir);
    assert_true(opened);
}

static void no_room_at_all_is_an_error(void **state)
{
    (void)state;
    if (geteuid() != 0 ||
        mount("tmpfs", dir, "tmpfs", 0, "size=512k,mode=700") == -1) {
        printf("skipped: no_room_at_all_is_an_error needs root\n");
        skip();
    }
    struct counters *c = NULL;
    struct err err;
    struct counters_conf conf = {.dir = dir, .map_bytes = 1 << 20};
    enum status s = counters_open(&conf, &c, &err);
    umount(dir);
    assert_int_equal(s, E_IO);
}

int main(void)
{
    if (mkdtemp(dir) == NULL)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_acknowledged_is_lost_under_kill_9),
        cmocka_unit_test(threads_never_pass_the_limit),
        cmocka_unit_test(one_process_at_a_time),
        cmocka_unit_test(a_full_map_refuses_and_settles),
        cmocka_unit_test(a_full_disk_refuses_and_settles),
        cmocka_unit_test(no_room_at_all_is_an_error),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(dir);
    return rc;
}

/* One epoll set, one binary heap of timers, one lock-free stack of messages.
 *
 * A turn: sleep in epoll, run what is ready, run messages, run due timers,
 * then the prepare hooks until none of them made work for another
 * (loop_again), then sleep at most as long as the nearest timer and the most
 * impatient hook allow.
 *
 * Invariants
 *  I1  A descriptor that was removed gets no event any more, also not one
 *      that epoll had already handed out in this turn: loop_fd_del wipes it
 *      from the batch.
 *  I2  heap[1..n] is ordered by at_us and heap[i]->heap_index == i, so a
 *      timer can be moved or taken out in O(log n).
 *  I3  The eventfd is written only when the message stack goes from empty to
 *      filled: a burst of messages costs one system call.
 */
#include "net/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define BATCH 256    /* events per epoll_wait */
#define HOOKS_MAX 8  /* a loop has a listener or two and a pool */
#define AGAIN_MAX 16 /* hook rounds before sockets get a look again */
#define TIMERS_MAX (1 << 24)

struct hook {
    int64_t (*fn)(void *arg);
    void *arg;
};

struct loop {
    int ep, wake;
    int64_t now_us;
    struct loop_fd wake_fd;
    struct epoll_event batch[BATCH];
    int batch_at, batch_n;
    struct loop_timer **heap; /* 1-based */
    int32_t heap_n, heap_cap;
    struct hook hooks[HOOKS_MAX];
    int hook_n;
    bool again;
    bool owned; /* loop_run is on; `owner` is its thread */
    pthread_t owner;
    _Atomic(struct loop_msg *) inbox; /* newest first; any thread pushes */
    atomic_bool stop;
};

/* Before loop_run and after it the thread that sets up or tears down may
 * touch the loop. */
static void assert_owner(const struct loop *l)
{
    assert(!l->owned || pthread_equal(l->owner, pthread_self()));
    (void)l;
}

/* ---- timers ------------------------------------------------------------- */

static void heap_put(struct loop *l, int32_t i, struct loop_timer *t)
{
    l->heap[i] = t;
    t->heap_index = i;
}

static void heap_up(struct loop *l, int32_t i)
{
    struct loop_timer *t = l->heap[i];
    while (i > 1 && l->heap[i / 2]->at_us > t->at_us) {
        heap_put(l, i, l->heap[i / 2]);
        i /= 2;
    }
    heap_put(l, i, t);
}

static void heap_down(struct loop *l, int32_t i)
{
    struct loop_timer *t = l->heap[i];
    for (;;) {
        int32_t c = i * 2;
        if (c > l->heap_n)
            break;
        if (c < l->heap_n && l->heap[c + 1]->at_us < l->heap[c]->at_us)
            c++;
        if (l->heap[c]->at_us >= t->at_us)
            break;
        heap_put(l, i, l->heap[c]);
        i = c;
    }
    heap_put(l, i, t);
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t in_us)
{
    assert_owner(l);
    t->at_us = clock_mono_us() + (in_us > 0 ? in_us : 0);
    if (t->heap_index == 0) {
        if (l->heap_n + 1 >= l->heap_cap) {
            int32_t cap = l->heap_cap == 0 ? 64 : l->heap_cap * 2;
            assert(cap <= TIMERS_MAX);
            void *p = try_realloc(l->heap, (size_t)cap * sizeof *l->heap);
            assert(p != NULL); // one pointer per live timer: nothing is left
            l->heap = p;
            l->heap_cap = cap;
        }
        heap_put(l, ++l->heap_n, t);
    }
    heap_up(l, t->heap_index);
    heap_down(l, t->heap_index);
}

void loop_timer_cancel(struct loop *l, struct loop_timer *t)
{
    assert_owner(l);
    int32_t i = t->heap_index;
    if (i == 0)
        return;
    assert(i <= l->heap_n && l->heap[i] == t); // I2
    struct loop_timer *last = l->heap[l->heap_n--];
    t->heap_index = 0;
    if (last == t)
        return;
    heap_put(l, i, last);
    heap_up(l, i);
    heap_down(l, last->heap_index);
}

static void run_timers(struct loop *l)
{
    // One armed for "now" by a timer of this turn waits for the next turn.
    int64_t until = l->now_us;
    while (l->heap_n > 0 && l->heap[1]->at_us <= until) {
        struct loop_timer *t = l->heap[1];
        loop_timer_cancel(l, t);
        t->fn(t->arg);
    }
}

/* ---- descriptors -------------------------------------------------------- */

static enum status ctl(struct loop *l, int op, struct loop_fd *w,
                       uint32_t events, struct err *err)
{
    assert_owner(l);
    struct epoll_event e = {.events = events, .data.ptr = w};
    if (epoll_ctl(l->ep, op, w->fd, &e) == -1)
        return err_sys(err, errno, "loop", "epoll_ctl of %d", w->fd);
    return OK;
}

enum status loop_fd_add(struct loop *l, struct loop_fd *w, uint32_t events,
                        struct err *err)
{
    return ctl(l, EPOLL_CTL_ADD, w, events, err);
}

enum status loop_fd_mod(struct loop *l, struct loop_fd *w, uint32_t events,
                        struct err *err)
{
    return ctl(l, EPOLL_CTL_MOD, w, events, err);
}

void loop_fd_del(struct loop *l, struct loop_fd *w)
{
    assert_owner(l);
    (void)epoll_ctl(l->ep, EPOLL_CTL_DEL, w->fd, NULL);
    for (int i = l->batch_at; i < l->batch_n; i++)
        if (l->batch[i].data.ptr == w)
            l->batch[i].data.ptr = NULL; // I1
}

/* ---- messages ----------------------------------------------------------- */

static void wake(struct loop *l)
{
    uint64_t one = 1;
    ssize_t n;
    do
        n = write(l->wake, &one, sizeof one);
    while (n == -1 && errno == EINTR);
    // EAGAIN: the counter is full, so the loop is awake anyway.
}

void loop_post(struct loop *l, struct loop_msg *m)
{
    struct loop_msg *old =
        atomic_load_explicit(&l->inbox, memory_order_relaxed);
    do
        m->next = old;
    while (!atomic_compare_exchange_weak_explicit(
        &l->inbox, &old, m, memory_order_release, memory_order_relaxed));
    if (old == NULL)
        wake(l); // I3
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->stop, true);
    wake(l);
}

static void run_messages(struct loop *l)
{
    struct loop_msg *m =
        atomic_exchange_explicit(&l->inbox, NULL, memory_order_acquire);
    struct loop_msg *in_order = NULL;
    while (m != NULL) {
        struct loop_msg *next = m->next;
        m->next = in_order;
        in_order = m;
        m = next;
    }
    while (in_order != NULL) {
        struct loop_msg *next = in_order->next; // fn may free the node
        in_order->fn(in_order->arg);
        in_order = next;
    }
}

static void on_wake(void *arg, uint32_t events)
{
    struct loop *l = arg;
    (void)events;
    uint64_t count;
    ssize_t n;
    do
        n = read(l->wake, &count, sizeof count);
    while (n == -1 && errno == EINTR);
    run_messages(l);
}

/* ---- the turn ----------------------------------------------------------- */

void loop_prepare(struct loop *l, int64_t (*fn)(void *arg), void *arg)
{
    assert_owner(l);
    assert(l->hook_n < HOOKS_MAX);
    l->hooks[l->hook_n++] = (struct hook){fn, arg};
}

void loop_unprepare(struct loop *l, void *arg)
{
    assert_owner(l);
    int n = 0;
    for (int i = 0; i < l->hook_n; i++)
        if (l->hooks[i].arg != arg)
            l->hooks[n++] = l->hooks[i];
    l->hook_n = n;
}

void loop_again(struct loop *l)
{
    assert_owner(l);
    l->again = true;
}

/* Runs the hooks; returns how many us the loop may sleep, -1: for ever. */
static int64_t run_hooks(struct loop *l)
{
    int64_t wish = -1;
    for (int round = 0; round < AGAIN_MAX; round++) {
        wish = -1;
        l->again = false;
        for (int i = 0; i < l->hook_n; i++) {
            int64_t w = l->hooks[i].fn(l->hooks[i].arg);
            if (w >= 0 && (wish < 0 || w < wish))
                wish = w;
        }
        if (!l->again)
            return wish;
    }
    return 0; // let sockets have a look, then go on
}

static int sleep_ms(struct loop *l, int64_t wish)
{
    int64_t us = wish;
    if (l->heap_n > 0) {
        int64_t in = l->heap[1]->at_us - clock_mono_us();
        if (in < 0)
            in = 0;
        if (us < 0 || in < us)
            us = in;
    }
    if (us < 0)
        return -1;
    if (us > 60 * 1000000LL)
        return 60 * 1000;
    return (int)((us + 999) / 1000); // round up: early is a busy loop
}

void loop_run(struct loop *l)
{
    l->owner = pthread_self();
    l->owned = true;
    l->now_us = clock_mono_us();
    while (!atomic_load_explicit(&l->stop, memory_order_relaxed)) {
        int64_t wish = run_hooks(l);
        int n = epoll_wait(l->ep, l->batch, BATCH, sleep_ms(l, wish));
        assert(n >= 0 || errno == EINTR);
        l->now_us = clock_mono_us();
        l->batch_n = n > 0 ? n : 0;
        for (l->batch_at = 0; l->batch_at < l->batch_n;) {
            struct epoll_event e = l->batch[l->batch_at++];
            struct loop_fd *w = e.data.ptr;
            if (w != NULL)
                w->fn(w->arg, e.events);
        }
        l->batch_n = 0;
        run_timers(l);
    }
    atomic_store(&l->stop, false);
    l->owned = false;
}

int64_t loop_now_us(const struct loop *l)
{
    return l->now_us;
}

enum status loop_new(struct loop **out, struct err *err)
{
    struct loop *l = xcalloc(1, sizeof *l);
    l->wake = -1;
    l->now_us = clock_mono_us();
    l->ep = epoll_create1(EPOLL_CLOEXEC);
    if (l->ep == -1) {
        err_sys(err, errno, "loop", "epoll_create1");
        goto fail;
    }
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->wake == -1) {
        err_sys(err, errno, "loop", "eventfd");
        goto fail;
    }
    l->wake_fd = (struct loop_fd){.fd = l->wake, .fn = on_wake, .arg = l};
    if (loop_fd_add(l, &l->wake_fd, EPOLLIN, err) != OK)
        goto fail;
    *out = l;
    return OK;
fail:
    loop_free(&l);
    return E_IO;
}

void loop_free(struct loop **lp)
{
    struct loop *l = *lp;
    if (l == NULL)
        return;
    *lp = NULL;
    assert(!l->owned);
    if (l->wake != -1)
        close(l->wake);
    if (l->ep != -1)
        close(l->ep);
    free(l->heap);
    free(l);
}

/* net_sock.h - raw sockets and a loop on its thread, for the net tests.
 *
 * The loop's thread only records; the test's thread asserts.
 */
#ifndef TEST_NET_SOCK_H
#define TEST_NET_SOCK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "net/loop.h"

#define PATIENCE_MS 20000 /* only a hang takes so long */

/* Waits until `cond` holds; fails if it never does. */
#define wait_for(cond)                                           \
    do {                                                         \
        int64_t until_ = clock_mono_us() + PATIENCE_MS * 1000LL; \
        while (!(cond)) {                                        \
            if (clock_mono_us() > until_)                        \
                fail_msg("never: %s", #cond);                    \
            (void)poll(NULL, 0, 1);                              \
        }                                                        \
    } while (0)

struct runner {
    struct loop *l;
    pthread_t id;
};

static inline void *runner_main(void *arg)
{
    loop_run(((struct runner *)arg)->l);
    return NULL;
}

static inline void runner_start(struct runner *r)
{
    assert_int_equal(pthread_create(&r->id, NULL, runner_main, r), 0);
}

static inline void runner_stop(struct runner *r)
{
    loop_stop(r->l);
    assert_int_equal(pthread_join(r->id, NULL), 0);
}

struct job {
    struct loop_msg m;
    void (*fn)(void *arg);
    void *arg;
    atomic_bool done;
};

static inline void job_run(void *arg)
{
    struct job *j = arg;
    j->fn(j->arg);
    atomic_store(&j->done, true);
}

/* Runs `fn(arg)` on the loop's thread and waits for it. */
static inline void on_loop(struct runner *r, void (*fn)(void *), void *arg)
{
    struct job j = {.fn = fn, .arg = arg};
    j.m.fn = job_run;
    j.m.arg = &j;
    loop_post(r->l, &j.m);
    wait_for(atomic_load(&j.done));
}

static inline int dial(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd != -1);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* A listening socket on a free port. */
static inline int serve(int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd != -1);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static inline bool readable(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, ms) == 1;
}

static inline int take(int listen_fd)
{
    assert_true(readable(listen_fd, PATIENCE_MS));
    int fd = accept(listen_fd, NULL, NULL);
    assert_true(fd != -1);
    return fd;
}

static inline void put(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        assert_true(k > 0);
        p += k;
        n -= (size_t)k;
    }
}

static inline void puts_to(int fd, const char *text)
{
    put(fd, text, strlen(text));
}

/* Reads once, appending to `b`; 0: end, -1: reset. */
static inline ssize_t get_some(int fd, struct buf *b)
{
    char tmp[65536];
    assert_true(readable(fd, PATIENCE_MS));
    ssize_t n = recv(fd, tmp, sizeof tmp, 0);
    if (n > 0)
        buf_add(b, tmp, (size_t)n);
    return n;
}

/* Reads until `b` contains `mark`; false at the end of the stream. */
static inline bool get_until(int fd, struct buf *b, const char *mark)
{
    while (b->n == 0 || memmem(b->p, b->n, mark, strlen(mark)) == NULL)
        if (get_some(fd, b) <= 0)
            return false;
    return true;
}

/* Reads to the end; true if it was a reset. */
static inline bool get_all(int fd, struct buf *b)
{
    ssize_t n;
    while ((n = get_some(fd, b)) > 0)
        ;
    return n < 0;
}

static inline bool contains(const struct buf *b, const char *text)
{
    return b->n > 0 && memmem(b->p, b->n, text, strlen(text)) != NULL;
}

static inline int open_fds(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

#endif

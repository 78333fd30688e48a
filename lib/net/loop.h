/* loop.h - one thread's event loop: sockets, timers, messages from outside.
 *
 * One epoll per loop drives everything: libmicrohttpd's descriptor, libcurl's
 * sockets, client descriptors, one eventfd.  All functions on the owning
 * thread unless they say "any thread".  Knows no HTTP.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct loop;

/* Makes a loop; run it with loop_run on the thread that shall own it. */
MUST_CHECK enum status loop_new(struct loop **out, struct err *err);
/* Frees and nulls; after loop_run returned. */
void loop_free(struct loop **l);
/* Runs until loop_stop. */
void loop_run(struct loop *l);
/* Makes loop_run return after the current turn.  Any thread. */
void loop_stop(struct loop *l);
/* Monotonic us, read once per turn. */
int64_t loop_now_us(const struct loop *l);

/* A message; the node is the caller's and must live until fn runs. */
struct loop_msg {
    struct loop_msg *next;
    void (*fn)(void *arg);
    void *arg;
};
/* Runs `m->fn(m->arg)` on the loop's thread soon, in the order of posting per
 * thread.  Any thread. */
void loop_post(struct loop *l, struct loop_msg *m);

/* A timer, inside its owner; zero it before first use. */
struct loop_timer {
    int64_t at_us;
    void (*fn)(void *arg);
    void *arg;
    int32_t heap_index; /* 0: not armed */
};
/* Arms (or moves) `t` to fire `in_us` from now. */
void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t in_us);
/* Disarms; harmless if not armed. */
void loop_timer_cancel(struct loop *l, struct loop_timer *t);

/* A descriptor watched by the loop, inside its owner. */
struct loop_fd {
    int fd;
    void (*fn)(void *arg, uint32_t epoll_events);
    void *arg;
};
/* Watches; EPOLL* flags as epoll_ctl.  E_IO. */
MUST_CHECK enum status loop_fd_add(struct loop *l, struct loop_fd *w,
                                   uint32_t events, struct err *err);
/* Changes what is watched. */
MUST_CHECK enum status loop_fd_mod(struct loop *l, struct loop_fd *w,
                                   uint32_t events, struct err *err);
/* Stops watching; events of this turn that were already read are dropped. */
void loop_fd_del(struct loop *l, struct loop_fd *w);
/* Called once per turn before the loop sleeps, in order of adding; returns
 * the most us it may sleep (-1: no wish). */
void loop_prepare(struct loop *l, int64_t (*fn)(void *arg), void *arg);
/* Forgets the hooks that were added with `arg`; not from within a hook. */
void loop_unprepare(struct loop *l, void *arg);
/* Asks for one more round of the hooks before the loop sleeps: for whoever
 * makes work that another hook shall see in this turn. */
void loop_again(struct loop *l);

#endif

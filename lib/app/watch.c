/* watch.c - see watch.h. */
#include "app/watch.h"

#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/mem.h"

#define QUIET_MS 30  /* a burst ends when nothing came for so long ... */
#define BURST_MAX 10 /* ... or after so many times that */
#define CHANGES                                                             \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | \
     IN_MOVE_SELF | IN_DELETE_SELF)

struct watch {
    pthread_t thread;
    int notify, stop;
    void (*fn)(void *arg);
    void *arg;
    char path[1024];
};

/* Watches what is at the path now, and its parent. */
static void look(struct watch *w)
{
    char copy[sizeof w->path];
    memcpy(copy, w->path, sizeof copy);
    (void)inotify_add_watch(w->notify, w->path, CHANGES);
    (void)inotify_add_watch(w->notify, dirname(copy), CHANGES);
}

static void drain(int fd)
{
    char bytes[4096];
    while (read(fd, bytes, sizeof bytes) > 0)
        ;
}

static void *run(void *arg)
{
    struct watch *w = arg;
    struct pollfd p[2] = {{.fd = w->stop, .events = POLLIN},
                          {.fd = w->notify, .events = POLLIN}};
    for (;;) {
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if ((p[0].revents & POLLIN) != 0)
            return NULL;
        if ((p[1].revents & POLLIN) == 0)
            continue;
        for (int i = 0; i < BURST_MAX; i++) {
            drain(w->notify);
            if (poll(p, 2, QUIET_MS) <= 0 || (p[0].revents & POLLIN) != 0)
                break;
        }
        look(w); // what was replaced has a new inode
        w->fn(w->arg);
    }
}

static enum status fail(struct watch *w, const char *what, struct err *err)
{
    enum status st = err_sys(err, errno, "watch", "%s %s", what, w->path);
    if (w->notify != -1)
        (void)close(w->notify);
    if (w->stop != -1)
        (void)close(w->stop);
    free(w);
    return st;
}

enum status watch_start(const char *path, void (*fn)(void *arg), void *arg,
                        struct watch **out, struct err *err)
{
    struct watch *w = xcalloc(1, sizeof *w);
    *w = (struct watch){.notify = -1, .stop = -1, .fn = fn, .arg = arg};
    if ((size_t)snprintf(w->path, sizeof w->path, "%s", path) >=
        sizeof w->path) {
        errno = ENAMETOOLONG;
        return fail(w, "cannot watch", err);
    }
    w->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    w->stop = eventfd(0, EFD_CLOEXEC);
    if (w->notify == -1 || w->stop == -1)
        return fail(w, "cannot watch", err);
    look(w);
    errno = pthread_create(&w->thread, NULL, run, w);
    if (errno != 0)
        return fail(w, "cannot watch", err);
    *out = w;
    return OK;
}

void watch_stop(struct watch **wp)
{
    struct watch *w = *wp;
    const uint64_t one = 1;
    if (w == NULL)
        return;
    (void)!write(w->stop, &one, sizeof one);
    (void)pthread_join(w->thread, NULL);
    (void)close(w->notify);
    (void)close(w->stop);
    free(w);
    *wp = NULL;
}

/* linger.c - see linger.h. */
#include "net/linger.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define LINGER_US 3000000
#define LINGER_BYTES (64 << 20)
#define READS 16 /* per turn; then others */

struct lingering {
    struct lingering *next, **link;
    struct lingers *all;
    struct loop_fd watch;
    struct loop_timer timer;
    int64_t left;
};

static void linger_end(struct lingering *g)
{
    *g->link = g->next;
    if (g->next != NULL)
        g->next->link = g->link;
    loop_timer_cancel(g->all->loop, &g->timer);
    loop_fd_del(g->all->loop, &g->watch);
    close(g->watch.fd);
    free(g);
}

static void on_timer(void *arg)
{
    linger_end(arg);
}

static void on_readable(void *arg, uint32_t events)
{
    struct lingering *g = arg;
    char waste[16384];
    (void)events;
    for (int i = 0; i < READS; i++) {
        ssize_t n = recv(g->watch.fd, waste, sizeof waste, MSG_DONTWAIT);
        if (n == -1 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n > 0)
            g->left -= n;
        if (n <= 0 || g->left <= 0) {
            linger_end(g);
            return;
        }
    }
}

void linger_start(struct lingers *all, int fd)
{
    struct lingering *g = xcalloc(1, sizeof *g);
    g->all = all;
    g->left = LINGER_BYTES;
    g->watch = (struct loop_fd){.fd = fd, .fn = on_readable, .arg = g};
    g->timer = (struct loop_timer){.fn = on_timer, .arg = g};
    if (loop_fd_add(all->loop, &g->watch, EPOLLIN | EPOLLRDHUP, NULL) != OK) {
        close(fd);
        free(g);
        return;
    }
    g->next = all->first;
    g->link = &all->first;
    if (g->next != NULL)
        g->next->link = &g->next;
    all->first = g;
    loop_timer_set(all->loop, &g->timer, LINGER_US);
}

void linger_end_all(struct lingers *all)
{
    while (all->first != NULL)
        linger_end(all->first);
}

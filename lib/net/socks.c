/* socks.c - see socks.h.
 *
 * A socket stays in epoll between requests although libcurl says "remove"
 * each time one ends: adding it again would cost two system calls per
 * request.  If an event comes while libcurl does not want it, it is taken out
 * then; when libcurl closes it, the close callback forgets it.  The
 * resolver's descriptors are closed behind our back, so those go at once.
 *
 * At the end of a request the count of bytes the peer has acknowledged so far
 * is noted (TCP_INFO, tcpi_bytes_acked, since Linux 4.1).  If the connection
 * closes under the next request, that count tells whether the peer's kernel
 * took a byte of it: if it did, the provider may have worked on the request,
 * and it must not be sent a second time.
 */
#include "net/socks.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/loop.h"

struct sock {
    struct loop_fd watch;
    struct socks *socks;
    const struct socks_group *group;
    void *user;     /* whose request it carries; NULL: nobody's */
    uint64_t acked; /* when the last request ended */
    uint32_t watched, wanted;
    bool lazy; /* a connection: its closing is told to socks_close */
};

struct socks {
    struct loop *loop;
    const struct socks_ops *ops;
    struct sock **of; /* by descriptor */
    int cap;
};

struct socks *socks_new(struct loop *l, const struct socks_ops *ops)
{
    struct socks *s = xcalloc(1, sizeof *s);
    s->loop = l;
    s->ops = ops;
    return s;
}

void socks_free(struct socks **sp)
{
    struct socks *s = *sp;
    if (s == NULL)
        return;
    for (int i = 0; i < s->cap; i++)
        free(s->of[i]);
    free(s->of);
    free(s);
    *sp = NULL;
}

/* Bytes the peer has acknowledged; false: the kernel does not say. */
static bool acked_bytes(int fd, uint64_t *out)
{
    struct tcp_info info;
    socklen_t n = sizeof info;
    size_t need = offsetof(struct tcp_info, tcpi_bytes_acked) +
                  sizeof info.tcpi_bytes_acked;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == -1 || n < need)
        return false;
    *out = info.tcpi_bytes_acked;
    return true;
}

static void on_socket(void *arg, uint32_t events)
{
    struct sock *s = arg;
    int mask = 0;
    if (s->wanted == 0) { // a kept connection speaks or closes: later
        loop_fd_del(s->socks->loop, &s->watch);
        s->watched = 0;
        return;
    }
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP))
        mask |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        mask |= CURL_CSELECT_OUT;
    if (events & EPOLLERR)
        mask |= CURL_CSELECT_ERR;
    if (s->group != NULL)
        s->socks->ops->ready(s->group->owner, s->watch.fd, mask);
}

static struct sock *sock_of(struct socks *p, int fd)
{
    if (fd >= p->cap) {
        int cap = p->cap > 0 ? p->cap : 64;
        while (cap <= fd)
            cap *= 2;
        struct sock **g = try_realloc(p->of, (size_t)cap * sizeof *g);
        if (g == NULL)
            return NULL;
        memset(g + p->cap, 0, (size_t)(cap - p->cap) * sizeof *g);
        p->of = g;
        p->cap = cap;
    }
    if (p->of[fd] == NULL) {
        struct sock *s = xcalloc(1, sizeof *s);
        s->watch = (struct loop_fd){.fd = fd, .fn = on_socket, .arg = s};
        s->socks = p;
        p->of[fd] = s;
    }
    return p->of[fd];
}

void socks_forget(struct socks *p, const void *user, curl_socket_t fd)
{
    struct sock *s = fd >= 0 && fd < p->cap ? p->of[fd] : NULL;
    if (s == NULL || s->user != user)
        return;
    s->user = NULL;
    if (s->lazy)
        (void)acked_bytes(fd, &s->acked);
}

static void set_user(struct sock *s, CURL *easy)
{
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &s->user);
    if (s->user != NULL)
        s->socks->ops->using(s->user, s->watch.fd);
}

int socks_want(CURL *easy, curl_socket_t fd, int what, void *group, void *ctx)
{
    const struct socks_group *g = group;
    struct sock *s = sock_of(g->socks, fd);
    struct loop *l = g->socks->loop;
    uint32_t want = 0;
    (void)ctx;
    if (s == NULL)
        return -1;
    s->group = g;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        want |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        want |= EPOLLOUT;
    if (want != 0)
        set_user(s, easy);
    s->wanted = want;
    if (want == 0 && !s->lazy && s->watched != 0) {
        loop_fd_del(l, &s->watch);
        s->watched = 0;
    }
    if (want == 0 || want == s->watched)
        return 0;
    enum status st = s->watched == 0 ? loop_fd_add(l, &s->watch, want, NULL)
                                     : loop_fd_mod(l, &s->watch, want, NULL);
    if (st != OK)
        return -1;
    s->watched = want;
    return 0;
}

curl_socket_t socks_open(void *socks, curlsocktype purpose,
                         struct curl_sockaddr *a)
{
    (void)purpose;
    int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
    if (fd == -1)
        return CURL_SOCKET_BAD;
    struct sock *s = sock_of(socks, fd);
    if (s == NULL) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    s->lazy = true;
    s->watched = s->wanted = 0;
    s->group = NULL;
    s->user = NULL;
    s->acked = 0;
    return fd;
}

int socks_close(void *socks, curl_socket_t fd)
{
    struct socks *p = socks;
    if (fd < p->cap && p->of[fd] != NULL) {
        struct sock *s = p->of[fd];
        uint64_t acked = 0;
        if (s->lazy && s->user != NULL)
            p->ops->closing(s->user, fd,
                            !acked_bytes(fd, &acked) || acked > s->acked);
        if (s->watched != 0)
            loop_fd_del(p->loop, &s->watch);
        free(s);
        p->of[fd] = NULL;
    }
    return close(fd);
}

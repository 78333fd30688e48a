/* sock.c - see sock.h. */
#include "net/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

void sock_peer(const struct sockaddr_storage *a, char out[static SOCK_TEXT])
{
    const void *addr = NULL;
    int family = a->ss_family;
    out[0] = '\0';
    if (family == AF_INET) {
        addr = &((const struct sockaddr_in *)(const void *)a)->sin_addr;
    } else if (family == AF_INET6) {
        const struct in6_addr *six =
            &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
        addr = six;
        if (IN6_IS_ADDR_V4MAPPED(six)) {
            family = AF_INET;
            addr = &six->s6_addr[12];
        }
    }
    if (addr != NULL)
        (void)inet_ntop(family, addr, out, SOCK_TEXT);
}

int sock_copy(int fd)
{
    // not F_DUPFD_CLOEXEC, which the thread sanitizer does not know; nothing
    // here forks
    int copy = dup(fd);
    if (copy != -1)
        (void)fcntl(copy, F_SETFD, FD_CLOEXEC);
    return copy;
}

enum status sock_listen(const char *host, int *port, int *fd, struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[16];
    int s = -1, one = 1;
    enum status st = OK;
    if (*port < 0 || *port > 65535)
        return err_set(err, E_INVALID, "listen", "port %d", *port);
    (void)snprintf(service, sizeof service, "%d", *port);
    int e = getaddrinfo(host, service, &hints, &found);
    if (e != 0)
        return err_set(err, E_INVALID, "listen", "%s: %s",
                       host != NULL ? host : "*", gai_strerror(e));
    s = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s == -1) {
        st = err_sys(err, errno, "listen", "socket");
        goto out;
    }
    (void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, found->ai_addr, found->ai_addrlen) == -1 ||
        listen(s, 4096) == -1) {
        st = errno == EADDRINUSE
                 ? err_set(err, E_IO, "listen",
                           "port %d is taken; PORT chooses another", *port)
                 : err_sys(err, errno, "listen", "port %d", *port);
        goto out;
    }
    struct sockaddr_storage a = {0};
    socklen_t n = sizeof a;
    if (getsockname(s, (struct sockaddr *)&a, &n) == -1) {
        st = err_sys(err, errno, "listen", "getsockname");
        goto out;
    }
    *port = ntohs(a.ss_family == AF_INET6
                      ? ((struct sockaddr_in6 *)(void *)&a)->sin6_port
                      : ((struct sockaddr_in *)(void *)&a)->sin_port);
    *fd = s;
out:
    freeaddrinfo(found);
    if (st != OK && s != -1)
        close(s);
    return st;
}

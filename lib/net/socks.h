/* socks.h - libcurl's sockets in the loop's epoll.
 *
 * For: the callbacks libcurl wants for its sockets, and what a provider's
 * kernel had of a request when its connection closed.  Not for: transfers
 * (upstream).  Owning loop only.
 */
#ifndef NET_SOCKS_H
#define NET_SOCKS_H

#include <curl/curl.h>
#include <stdbool.h>

#include "base/err.h"

struct loop;
struct socks; /* opaque */

/* One multi handle's share; `owner` is told when a socket is ready. */
struct socks_group {
    struct socks *socks;
    void *owner;
};

struct socks_ops {
    /* A socket of a multi handle is ready: CURL_CSELECT_* in `mask`. */
    void (*ready)(void *owner, curl_socket_t fd, int mask);
    /* `user` (its handle's CURLINFO_PRIVATE) sends on this socket. */
    void (*using)(void *user, curl_socket_t fd);
    /* A connection closes while `user` uses it.  `received`: the peer
     * acknowledged bytes of its request, or that cannot be told. */
    void (*closing)(void *user, curl_socket_t fd, bool received);
};

/* Makes an empty table; `ops` outlives it. */
struct socks *socks_new(struct loop *l, const struct socks_ops *ops);
/* Frees and nulls; after the multi handles were cleaned up. */
void socks_free(struct socks **s);
/* `user` is no more, or its request is over: no closing is told to it.  `fd`
 * is the socket it was told to use last; -1: none. */
void socks_forget(struct socks *s, const void *user, curl_socket_t fd);

/* CURLMOPT_SOCKETFUNCTION; `group` is a struct socks_group. */
int socks_want(CURL *easy, curl_socket_t fd, int what, void *group, void *ctx);
/* CURLOPT_OPENSOCKETFUNCTION; `socks` is a struct socks. */
curl_socket_t socks_open(void *socks, curlsocktype purpose,
                         struct curl_sockaddr *a);
/* CURLOPT_CLOSESOCKETFUNCTION; `socks` is a struct socks. */
int socks_close(void *socks, curl_socket_t fd);

#endif

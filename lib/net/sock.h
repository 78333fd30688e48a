/* sock.h - listening sockets and addresses as text.
 *
 * Plain system calls with errors as values; any thread.
 */
#ifndef NET_SOCK_H
#define NET_SOCK_H

#include <sys/socket.h>

#include "base/err.h"

#define SOCK_TEXT 64 /* an address without port, terminated */

/* Opens a listening TCP socket on `host`; `port` 0 = any, answered in `*port`.
 * E_INVALID: no such host or port; E_IO. */
MUST_CHECK enum status sock_listen(const char *host, int *port, int *fd,
                                   struct err *err);
/* Another descriptor of the same socket; the caller closes it.  -1: no
 * descriptor left. */
int sock_copy(int fd);
/* The peer's address as text, IPv4 also where it comes as IPv6; empty if it
 * is of another kind. */
void sock_peer(const struct sockaddr_storage *a, char out[static SOCK_TEXT]);

#endif

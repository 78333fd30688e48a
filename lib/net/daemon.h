/* daemon.h - libmicrohttpd started as listen.c drives it.
 *
 * No thread, no listening socket, an epoll descriptor of its own, nothing
 * unescaped, nothing printed, TLS 1.2 and 1.3 only.
 */
#ifndef NET_DAEMON_H
#define NET_DAEMON_H

#include <microhttpd.h>

#include "base/err.h"

struct daemon_conf {
    const char *tls_key_pem, *tls_cert_pem; /* both, or NULL: plain */
    size_t pool_size;                       /* per connection */
    int max_connections;
    MHD_AccessHandlerCallback on_request;
    MHD_NotifyConnectionCallback on_connection;
    MHD_RequestCompletedCallback on_completed;
    void *(*on_request_line)(void *arg, const char *uri,
                             struct MHD_Connection *m);
    void *arg; /* of all four */
};

/* Starts it; MHD_stop_daemon ends it.  E_INVALID: certificate or key; E_IO. */
MUST_CHECK enum status daemon_start(const struct daemon_conf *conf,
                                    struct MHD_Daemon **out, struct err *err);

#endif

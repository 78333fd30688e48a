/* daemon.c - see daemon.h. */
#include "net/daemon.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static size_t keep_as_sent(void *arg, struct MHD_Connection *m, char *text)
{
    (void)arg;
    (void)m;
    return strlen(text);
}

static void no_log(void *arg, const char *fmt, va_list ap)
{
    (void)arg;
    (void)fmt;
    (void)ap;
}

enum status daemon_start(const struct daemon_conf *conf,
                         struct MHD_Daemon **out, struct err *err)
{
    bool with_tls = conf->tls_key_pem != NULL;
    unsigned flags =
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET;
    union {
        const char *in;
        void *out;
    } key = {.in = conf->tls_key_pem}, cert = {.in = conf->tls_cert_pem};
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_KEY, 0, key.out},
        {MHD_OPTION_HTTPS_MEM_CERT, 0, cert.out},
        {MHD_OPTION_HTTPS_PRIORITIES, 0,
         (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    if (with_tls)
        flags |= MHD_USE_TLS;
    *out = MHD_start_daemon(
        flags, 0, NULL, NULL, conf->on_request, conf->arg,                //
        MHD_OPTION_EXTERNAL_LOGGER, no_log, NULL,                         //
        MHD_OPTION_ARRAY, with_tls ? tls : none,                          //
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, conf->pool_size,              //
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)conf->max_connections + 1, //
        MHD_OPTION_CONNECTION_TIMEOUT, 0u,                                //
        MHD_OPTION_STRICT_FOR_CLIENT, 1,                                  //
        MHD_OPTION_NOTIFY_CONNECTION, conf->on_connection, conf->arg,     //
        MHD_OPTION_NOTIFY_COMPLETED, conf->on_completed, conf->arg,       //
        MHD_OPTION_URI_LOG_CALLBACK, conf->on_request_line, conf->arg,    //
        MHD_OPTION_UNESCAPE_CALLBACK, keep_as_sent, NULL,                 //
        MHD_OPTION_END);
    if (*out == NULL)
        return err_set(err, with_tls ? E_INVALID : E_IO, "listen",
                       "the HTTP server did not start%s",
                       with_tls ? " (certificate or key?)" : "");
    return OK;
}

/* post.h - one message out, on the calling thread: HTTP POST or SMTP.
 *
 * For: alerts.  Not for: loops (it blocks) or providers (upstream.h).  One
 * thread at a time per `struct post`; post_cancel from any.
 *
 * Redirects are not followed, only http, https, smtp and smtps are spoken,
 * certificates are verified and no proxy of the environment is used.  What
 * goes wrong is said without addresses or secrets: err->text may be shown.
 */
#ifndef NET_POST_H
#define NET_POST_H

#include <stdbool.h>

#include "base/err.h"
#include "base/slice.h"

struct post;

/* A client; owned by the caller.  E_IO, E_NOMEM. */
MUST_CHECK enum status post_new(struct post **out, struct err *err);
/* Frees and nulls (NULL is fine). */
void post_free(struct post **p);
/* Ends the call under way and every later one with E_BUSY. */
void post_cancel(struct post *p);

/* True if `url` is one of ours: http or https, or with `mail` smtp or smtps,
 * with a host and without a fragment. */
bool post_url_ok(const char *url, bool mail);

struct post_http {
    const char *url;
    const char *const *headers; /* "Name: value", NULL at the end */
    struct slice body;
    int timeout_ms; /* of the whole exchange */
};
/* Sends it; OK for an answer of 200-299.  E_INVALID: another status
 * (`*status`); E_TIMEOUT; E_BUSY: cancelled; E_IO: it did not arrive. */
MUST_CHECK enum status post_http(struct post *p, const struct post_http *req,
                                 int *status, struct err *err);

enum post_tls { POST_TLS_OFF, POST_TLS_TRY, POST_TLS_MUST };

struct post_mail {
    const char *url;             /* smtp://host[:port] or smtps:// */
    const char *user, *password; /* NULL or empty: none */
    enum post_tls tls;           /* STARTTLS on smtp:// */
    const char *from;            /* bare addresses */
    const char *const *to;       /* NULL at the end */
    struct slice message;        /* head and body, lines end in CRLF */
    int timeout_ms;
};
/* Hands it to the server; OK if the server took it for every recipient.
 * E_INVALID: refused; E_TIMEOUT, E_BUSY, E_IO as above. */
MUST_CHECK enum status post_mail(struct post *p, const struct post_mail *m,
                                 struct err *err);

#endif

/* listen.h - the server side: HTTP/1.1 requests in, answers out.
 *
 * libmicrohttpd behind a small push interface.  One listener per loop, all on
 * one shared listening descriptor.  A request (`stream`) belongs to its loop
 * from head to close.  Bounded: body bytes are pushed as they come and may be
 * refused (back-pressure); queued answer bytes are visible.  Knows no tenant.
 *
 * Order of calls per stream:
 *   on_head, on_body*, on_end, then answers; on_gone at any time after
 *   on_head if the client left; on_close always, last, exactly once.
 * An answer may be given as early as in on_head (the rest of the body is then
 * discarded and, if it is large, the connection closed).
 */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "http/field.h"
#include "net/sock.h"

struct loop;
struct listener;
struct stream;

#define LISTEN_HEADERS_MAX 128

/* The request's head; it and its slices live until on_close. */
struct http_head {
    struct slice method;
    struct slice path;  /* as sent, undecoded, without query */
    struct slice query; /* as sent, without '?'; .p NULL: none */
    const struct http_field *fields;
    int field_count;
    int64_t content_length; /* -1: chunked; 0: no body */
    char peer[SOCK_TEXT];   /* address without port */
    bool tls;
};

struct stream_ops {
    /* A request has begun.  Returns the user's context for the calls below;
     * NULL refuses it with 500. */
    void *(*on_head)(void *server, struct stream *s, const struct http_head *h);
    /* Body bytes.  Return false to push back: the same bytes come again after
     * stream_want_body. */
    bool (*on_body)(void *x, const char *p, size_t n);
    void (*on_end)(void *x);      /* the whole body is there */
    void (*on_writable)(void *x); /* queue fell below the low-water mark */
    void (*on_gone)(void *x);     /* the client left before the end */
    void (*on_close)(void *x, bool complete); /* last call; forget the stream.
        complete: the whole answer was handed to the kernel */
};

struct listen_conf {
    int fd;             /* shared listening socket, from sock_listen */
    size_t max_head;    /* 431 above */
    int idle_timeout_s; /* keep-alive connections */
    int head_timeout_s; /* slow heads and slow bodies (bytes must flow) */
    int max_connections;
    int write_timeout_s; /* answers no one reads are cut; 0: 120 */
    const char *tls_cert_pem, *tls_key_pem; /* both or neither */
};

/* Starts serving on `l`. */
MUST_CHECK enum status listener_new(struct loop *l,
                                    const struct listen_conf *conf,
                                    const struct stream_ops *ops, void *server,
                                    struct listener **out, struct err *err);
/* Takes the connections that wait, then stops accepting; open streams go on. */
void listener_quiesce(struct listener *ln);
/* Streams that are open now (for graceful shutdown). */
int listener_open_streams(const struct listener *ln);
/* Connections that are open now. */
int listener_connections(const struct listener *ln);
/* Closes everything, frees, nulls. */
void listener_free(struct listener **ln);

/* Answers with a whole body; copies it.  `fields` are sent as given, framing
 * headers are the listener's.  HEAD is handled here. */
void stream_respond(struct stream *s, int status,
                    const struct http_field *fields, int n, struct slice body);
/* Begins an answer of unknown length (chunked). */
void stream_begin(struct stream *s, int status, const struct http_field *fields,
                  int n);
/* Begins an answer of known length that is written with stream_write. */
void stream_begin_length(struct stream *s, int status,
                         const struct http_field *fields, int n,
                         int64_t length);
/* Queues bytes; they leave at the end of this turn at the latest. */
void stream_write(struct stream *s, const char *p, size_t n);
/* Bytes queued and not yet taken by the kernel. */
size_t stream_queued(const struct stream *s);
/* Sets the marks; on_writable comes when queued falls below `low`. */
void stream_marks(struct stream *s, size_t low);
/* The answer is complete. */
void stream_end(struct stream *s);
/* The answer is cut: the connection closes without the final chunk, so that
 * no client takes it for complete. */
void stream_abort(struct stream *s);
/* Body bytes are welcome again after on_body returned false. */
void stream_want_body(struct stream *s);
/* The loop this stream lives on. */
struct loop *stream_loop(const struct stream *s);

#endif

/* stream.h - what listen.c and stream.c share: a connection and its request.
 *
 * Not for other rooms.  Owning loop only.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <microhttpd.h>

#include "base/buf.h"
#include "net/listen.h"
#include "net/loop.h"

/* What a connection is waiting for, and so which deadline it has. */
enum phase {
    PHASE_IDLE,   /* for a request line */
    PHASE_HEAD,   /* for the rest of the head */
    PHASE_BODY,   /* for body bytes */
    PHASE_WAIT,   /* for us */
    PHASE_ANSWER, /* for the client to read */
};

enum answer {
    ANSWER_NONE,
    ANSWER_WHOLE,  /* one buffer, libmicrohttpd sends it */
    ANSWER_QUEUE,  /* libmicrohttpd pulls from `q` */
    ANSWER_DIRECT, /* we send framed chunks from `q` ourselves */
};

/* One request; lies in its connection, one at a time. */
struct stream {
    struct conn *conn;
    void *x;
    void *kept; /* kept.h: fields and query */
    struct http_head head;
    int64_t content_length;
    int64_t body_start_us, body_got, discarded;
    bool http11;
    bool expects; /* Expect: 100-continue, so early answers cost nothing */
    bool begun;   /* first call of the handler is over */
    bool open;    /* on_head was called, on_close is due */
    bool ended;   /* the whole body came */
    bool inside;  /* in one of libmicrohttpd's callbacks for this stream */
    bool suspended;
    bool pushed_back; /* on_body returned false */
    bool gone;        /* on_gone was called */
    bool head_only;   /* HEAD */
    enum answer answer;
    unsigned status;
    struct MHD_Response *resp; /* built, not yet queued */
    bool queued;               /* handed to libmicrohttpd */
    bool fin, cut;             /* stream_end, stream_abort */
    bool dirty, blocked;       /* direct: in the flush list; EPOLLOUT awaited */
    int64_t left;              /* of a known length; -1: chunked */
    struct buf q;              /* bytes from q_at on wait for the client */
    size_t q_at, low;
    struct stream *next_dirty;
};

struct conn {
    struct listener *ln;
    struct MHD_Connection *mhd;
    struct conn *prev, *next;
    struct conn *failed_next, **failed_link; /* NULL: not in the list */
    struct loop_fd watch;
    int64_t deadline_us; /* 0: none */
    int64_t since_us;    /* start of the phase */
    enum phase phase;
    bool rdhup;       /* the client's end of stream came; sticky */
    bool rdhup_swept; /* a sweep has seen it */
    bool killed;
    bool pool_dirty; /* libmicrohttpd's buffer holds touched pages */
    char *pool;      /* where it begins, or NULL */
    int linger_fd;   /* -1, or a duplicate to close gently */
    char peer[SOCK_TEXT];
    struct stream s;
};

/* Closes the connection without another byte. */
void conn_kill(struct conn *c);
/* Enters a phase whose deadline is `in_us` away (0: none). */
void conn_phase(struct conn *c, enum phase p, int64_t in_us);
/* Suspends in a callback of libmicrohttpd, until stream_wake. */
void stream_suspend(struct stream *s);
/* Goes on after stream_suspend; harmless otherwise. */
void stream_wake(struct stream *s);
/* Queues the built answer with libmicrohttpd. */
enum MHD_Result stream_queue(struct stream *s);
/* Sends what a direct stream has queued. */
void stream_flush(struct stream *s);
/* Puts a direct stream on the list that is flushed before the loop sleeps. */
void listener_dirty(struct listener *ln, struct stream *s);
/* Forgets it again. */
void listener_undirty(struct listener *ln, struct stream *s);
/* True when answers shall close their connection (shutdown). */
bool listener_closing(const struct listener *ln);
/* How long answer bytes may wait for the client, us. */
int64_t listener_write_us(const struct listener *ln);
/* The loop it lives on. */
struct loop *listener_loop(const struct listener *ln);
/* Who is told about requests. */
const struct stream_ops *listener_ops(const struct listener *ln);
/* True if the sockets speak TLS. */
bool listener_tls(const struct listener *ln);

#endif

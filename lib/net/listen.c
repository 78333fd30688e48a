/* Connections and requests, on libmicrohttpd 0.9.75 driven from outside.
 *
 * We accept (so that one shared listening socket, TCP_NODELAY, the limit of
 * connections and quiescing are plain code) and hand sockets to a daemon that
 * has no thread: its epoll descriptor is one entry of the loop's.  What it
 * cannot do is done here:
 *  - A resume wakes nobody and MHD_get_timeout does not know of it: `kick`
 *    makes the prepare hook run the daemon until it has nothing ready.
 *  - A suspended connection does not notice its client leaving: each socket
 *    is also in the loop's epoll with EPOLLRDHUP|EPOLLET.  The event may come
 *    before the suspend, so it sticks (`rdhup`).  A half-closed client counts
 *    as gone, as with other proxies.
 *  - Its timeouts are by idleness, which a trickle defeats: phases with own
 *    deadlines, swept four times a second (no work per request).
 *  - It is lenient with heads: head.c looks at the bytes it parsed in place.
 *  - It keeps one buffer of the head limit per connection and wipes it after
 *    each request, so every page is touched: idle connections give theirs
 *    back (trim).
 *  - A request that fails as its connection is resumed leaves the connection
 *    closed, but in none of the lists the daemon looks at: a second suspend
 *    and resume (nudge) makes it look.
 *  - It closes at once after an answer that came before the body's end; the
 *    client, still sending, would get a reset instead of the answer.  A
 *    duplicate of the socket is read empty for a while (linger).
 *
 * Invariants
 *  L1  on_close follows every on_head that returned a context, once.
 *  L2  No connection is suspended when the daemon is stopped (it panics).
 */
#include "net/listen.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/daemon.h"
#include "net/head.h"
#include "net/kept.h"
#include "net/linger.h"
#include "net/sock.h"
#include "net/stream.h"

#define SWEEP_US 250000
#define ACCEPT_BATCH 8   /* then the other loops get a chance */
#define POOL_EXTRA 16384 /* beside the head: parsed fields, answer */
#define PAGE 4096u
#define TRIM_AFTER_US 1000000   /* idle for so long: give pages back */
#define BODY_MIN_RATE 1024      /* bytes/s, beyond the first deadline */
#define DISCARD_MAX (256 << 10) /* body read on after an early answer */
#define RUNS_MAX 8              /* of the daemon per round of hooks */

struct listener {
    struct loop *loop;
    struct MHD_Daemon *mhd;
    const struct stream_ops *ops;
    void *server;
    struct loop_fd accept_fd, mhd_fd;
    struct loop_timer sweep;
    struct conn *conns;
    struct lingers lingers;
    struct stream *dirty;
    struct conn *failed;  /* request failed, connection not closed yet */
    const char *new_peer; /* of the connection being added */
    size_t max_head, pool_size;
    int64_t idle_us, head_us, write_us;
    int max_connections, connections, streams;
    bool accepting, quiesced, freeing, kick, tls;
    bool exact; /* the library's memory layout is the one we know */
};

struct loop *listener_loop(const struct listener *ln)
{
    return ln->loop;
}

const struct stream_ops *listener_ops(const struct listener *ln)
{
    return ln->ops;
}

bool listener_tls(const struct listener *ln)
{
    return ln->tls;
}

bool listener_closing(const struct listener *ln)
{
    return ln->quiesced;
}

int64_t listener_write_us(const struct listener *ln)
{
    return ln->write_us;
}

int listener_open_streams(const struct listener *ln)
{
    return ln->streams;
}

int listener_connections(const struct listener *ln)
{
    return ln->connections;
}

static void kick(struct listener *ln)
{
    ln->kick = true;
    loop_again(ln->loop);
}

/* ---- suspending and killing --------------------------------------------- */

void stream_suspend(struct stream *s)
{
    s->suspended = true;
    MHD_suspend_connection(s->conn->mhd);
}

void stream_wake(struct stream *s)
{
    if (s->suspended) {
        s->suspended = false;
        MHD_resume_connection(s->conn->mhd);
    }
    kick(s->conn->ln);
}

void conn_phase(struct conn *c, enum phase p, int64_t in_us)
{
    int64_t now = loop_now_us(c->ln->loop);
    c->phase = p;
    c->since_us = now;
    c->deadline_us = in_us > 0 ? now + in_us : 0;
}

void conn_kill(struct conn *c)
{
    if (c->killed)
        return;
    c->killed = true;
    (void)shutdown(c->watch.fd, SHUT_RDWR);
    stream_wake(&c->s);
}

/* The client left: say so once, then close. */
static void client_gone(struct conn *c)
{
    struct stream *s = &c->s;
    if (s->open && !s->gone && !s->cut) {
        s->gone = true;
        if (c->ln->ops->on_gone != NULL)
            c->ln->ops->on_gone(s->x);
    }
    conn_kill(c);
}

void listener_dirty(struct listener *ln, struct stream *s)
{
    if (s->dirty)
        return;
    s->dirty = true;
    s->next_dirty = ln->dirty;
    ln->dirty = s;
    loop_again(ln->loop);
}

void listener_undirty(struct listener *ln, struct stream *s)
{
    for (struct stream **p = &ln->dirty; s->dirty; p = &(*p)->next_dirty)
        if (*p == s) {
            *p = s->next_dirty;
            s->dirty = false;
        }
}

static void want_linger(struct conn *c)
{
    if (c->linger_fd == -1)
        c->linger_fd = sock_copy(c->watch.fd);
}

/* ---- connections -------------------------------------------------------- */

static void on_client(void *arg, uint32_t events)
{
    struct conn *c = arg;
    if (events & EPOLLOUT)
        stream_flush(&c->s);
    if (!(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
        return;
    c->rdhup = true;
    if (c->s.open && c->s.suspended)
        client_gone(c);
}

static struct conn *conn_open(struct listener *ln, struct MHD_Connection *m)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(m, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct conn *c = xcalloc(1, sizeof *c);
    c->ln = ln;
    c->mhd = m;
    c->linger_fd = -1;
    c->s.conn = c;
    c->watch =
        (struct loop_fd){.fn = on_client, .arg = c, .fd = info->connect_fd};
    memcpy(c->peer, ln->new_peer, strlen(ln->new_peer) + 1);
    buf_init(&c->s.q, 0);
    if (loop_fd_add(ln->loop, &c->watch, EPOLLRDHUP | EPOLLET, NULL) != OK)
        conn_kill(c);
    c->next = ln->conns;
    if (c->next != NULL)
        c->next->prev = c;
    ln->conns = c;
    ln->connections++;
    conn_phase(c, PHASE_IDLE, ln->idle_us);
    return c;
}

static void accept_on(struct listener *ln);

static void failed_add(struct conn *c)
{
    if (c->failed_link != NULL)
        return;
    c->failed_link = &c->ln->failed;
    c->failed_next = c->ln->failed;
    if (c->failed_next != NULL)
        c->failed_next->failed_link = &c->failed_next;
    c->ln->failed = c;
}

static void failed_remove(struct conn *c)
{
    if (c->failed_link == NULL)
        return;
    *c->failed_link = c->failed_next;
    if (c->failed_next != NULL)
        c->failed_next->failed_link = c->failed_link;
    c->failed_link = NULL;
}

static void conn_close(struct conn *c)
{
    struct listener *ln = c->ln;
    assert(!c->s.open); // L1: notify_completed came first
    failed_remove(c);
    loop_fd_del(ln->loop, &c->watch);
    if (c->linger_fd != -1 && !ln->freeing)
        linger_start(&ln->lingers, c->linger_fd);
    else if (c->linger_fd != -1)
        close(c->linger_fd);
    *(c->prev != NULL ? &c->prev->next : &ln->conns) = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    ln->connections--;
    free(c);
    if (!ln->accepting && !ln->quiesced)
        accept_on(ln);
}

/* MHD_NotifyConnectionCallback */
static void on_connection(void *arg, struct MHD_Connection *m, void **ctx,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *ctx = conn_open(arg, m);
    } else if (*ctx != NULL) {
        conn_close(*ctx);
        *ctx = NULL;
    }
}

/* Gives the idle connection's buffer pages back.  The first byte is zero
 * exactly when nothing of a next request has been read into it. */
static void trim(struct conn *c)
{
    c->pool_dirty = false;
    if (c->pool != NULL && c->pool[0] == '\0')
        (void)madvise(c->pool, c->ln->pool_size, MADV_DONTNEED);
}

/* True if the client ended its side two sweeps ago and the rest of what it
 * owes can never come.  libmicrohttpd, told once of bytes and end together,
 * reads the bytes and waits for a second word. */
static bool left_unfinished(struct conn *c)
{
    if (!c->rdhup || c->s.suspended || c->phase > PHASE_BODY)
        return false;
    bool again = c->rdhup_swept;
    c->rdhup_swept = true;
    return again;
}

static void sweep(void *arg)
{
    struct listener *ln = arg;
    int64_t now = loop_now_us(ln->loop);
    struct conn *next;
    for (struct conn *c = ln->conns; c != NULL; c = next) {
        next = c->next;
        if (c->killed)
            continue;
        if ((c->deadline_us != 0 && now > c->deadline_us) || left_unfinished(c))
            client_gone(c);
        else if (c->phase == PHASE_IDLE && ln->quiesced)
            conn_kill(c);
        else if (c->phase == PHASE_IDLE && c->pool_dirty &&
                 now > c->since_us + TRIM_AFTER_US)
            trim(c);
    }
    if (ln->connections < ln->max_connections)
        accept_on(ln); // after a lack of descriptors
    loop_timer_set(ln->loop, &ln->sweep, SWEEP_US);
}

static void on_accept(void *arg, uint32_t events)
{
    struct listener *ln = arg;
    (void)events;
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        if (ln->connections >= ln->max_connections) {
            // Taken up again when one closes.
            loop_fd_del(ln->loop, &ln->accept_fd);
            ln->accepting = false;
            return;
        }
        struct sockaddr_storage a = {0};
        socklen_t n = sizeof a;
        int fd = accept4(ln->accept_fd.fd, (struct sockaddr *)&a, &n,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd == -1 && (errno == EMFILE || errno == ENFILE)) {
            // The sweep takes it up again; spinning would help nobody.
            loop_fd_del(ln->loop, &ln->accept_fd);
            ln->accepting = false;
            log_plain(LOG_WARN, "out of file descriptors");
        }
        if (fd == -1)
            return;
        int one = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        char peer[SOCK_TEXT];
        sock_peer(&a, peer);
        ln->new_peer = peer;
        // Closes fd itself if it refuses.
        (void)MHD_add_connection(ln->mhd, fd, (struct sockaddr *)&a, n);
        ln->new_peer = NULL;
        kick(ln);
    }
}

static void accept_on(struct listener *ln)
{
    if (ln->accepting || ln->quiesced)
        return;
    ln->accepting = loop_fd_add(ln->loop, &ln->accept_fd, EPOLLIN, NULL) == OK;
}

/* ---- requests ----------------------------------------------------------- */

/* MHD_OPTION_URI_LOG_CALLBACK: the request line is there, untouched. */
static void *on_request_line(void *arg, const char *uri,
                             struct MHD_Connection *m)
{
    struct listener *ln = arg;
    struct conn *c =
        MHD_get_connection_info(m, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
            ->socket_context;
    struct stream *s = &c->s;
    assert(!s->open);
    *s = (struct stream){.conn = c, .left = -1};
    buf_init(&s->q, 64u << 20);
    conn_phase(c, PHASE_HEAD, ln->head_us);
    c->pool_dirty = true;
    // The query is cut up in place by the parser: keep it whole.
    if (!kept_query(&s->kept, uri))
        conn_kill(c);
    return c;
}

/* Refuses a head that nobody above shall see. */
static enum MHD_Result refuse(struct conn *c, int status)
{
    static const char text[] = "{\"error\":{\"message\":\"Bad request\"}}";
    static const char large[] =
        "{\"error\":{\"message\":\"Request header fields too large\"}}";
    struct stream *s = &c->s;
    const char *body = status == 431 ? large : text;
    union {
        const char *in;
        void *out;
    } bytes = {.in = body};
    s->answer = ANSWER_WHOLE;
    s->status = (unsigned)status;
    s->left = 0;
    s->resp = MHD_create_response_from_buffer(strlen(body), bytes.out,
                                              MHD_RESPMEM_PERSISTENT);
    if (s->resp == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(s->resp, "Content-Type", "application/json");
    (void)MHD_add_response_header(s->resp, "Connection", "close");
    want_linger(c);
    return stream_queue(s);
}

static void body_deadline(struct conn *c)
{
    struct stream *s = &c->s;
    struct listener *ln = c->ln;
    int64_t now = loop_now_us(ln->loop);
    int64_t floor = s->body_start_us + ln->head_us +
                    s->body_got * (1000000 / BODY_MIN_RATE);
    conn_phase(c, PHASE_BODY, ln->head_us);
    if (floor < c->deadline_us)
        c->deadline_us = floor > now ? floor : now;
}

/* True if an early answer is better sent now than after the body. */
static bool body_is_long(const struct stream *s)
{
    return s->content_length < 0 || s->expects ||
           s->content_length > DISCARD_MAX;
}

/* The handler's first call: the head is complete. */
static enum MHD_Result on_head(struct conn *c, const char *url,
                               const char *method, const char *version)
{
    struct stream *s = &c->s;
    struct listener *ln = c->ln;
    struct kept_fields f;
    struct http_head *h = &s->head; // callers keep the pointer
    *h = (struct http_head){.tls = ln->tls};
    const union MHD_ConnectionInfo *size = MHD_get_connection_info(
        c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    s->begun = true;
    kept_collect(&f, c->mhd);
    struct head_raw raw = {method, size->header_size, version};
    int bad = f.n > LISTEN_HEADERS_MAX
                  ? 431
                  : head_check(&raw, ln->exact, f.f, f.n, ln->max_head,
                               &s->content_length);
    if (bad == 0 && !head_is_token(slice_str(method)))
        bad = 400;
    if (ln->exact) // the request line is the first thing in its buffer
        c->pool = (char *)((uintptr_t)method & ~(uintptr_t)(PAGE - 1));
    if (bad != 0)
        return refuse(c, bad);
    s->http11 = strcmp(version, "HTTP/1.1") == 0;
    s->head_only = strcmp(method, "HEAD") == 0;
    const char *expect =
        MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, "Expect");
    s->expects = expect != NULL && s->http11;

    if (!kept_move(&s->kept, &f, h))
        return MHD_NO;
    h->method = slice_str(method);
    h->path = slice_str(url);
    h->content_length = s->content_length;
    memcpy(h->peer, c->peer, sizeof h->peer);
    s->open = true;
    ln->streams++;
    s->body_start_us = loop_now_us(ln->loop);
    body_deadline(c);
    s->x = ln->ops->on_head(ln->server, s, h);
    if (s->x == NULL) {
        stream_respond(s, 500, NULL, 0, SLICE("")); // unless one was given
        s->open = false;                            // nobody to call
        ln->streams--;
    }
    if (c->killed)
        return MHD_NO;
    if (s->resp != NULL && s->content_length != 0 && body_is_long(s)) {
        if (!s->expects)
            want_linger(c);
        if (s->answer == ANSWER_WHOLE)
            buf_release(&s->q); // the text for later
        return stream_queue(s);
    }
    return MHD_YES;
}

/* The answer is out while a long body still comes: send it past
 * libmicrohttpd and close. */
static enum MHD_Result answer_past(struct conn *c)
{
    struct stream *s = &c->s;
    if (s->answer == ANSWER_WHOLE && s->q.n > 0 && !s->q.failed) {
        ssize_t n =
            send(c->watch.fd, s->q.p, s->q.n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            want_linger(c);
    }
    return MHD_NO;
}

/* Body bytes. */
static enum MHD_Result on_body(struct conn *c, const char *p, size_t *n)
{
    struct stream *s = &c->s;
    size_t len = *n;
    if (s->answer != ANSWER_NONE || !s->open) {
        s->discarded += (int64_t)len;
        *n = 0;
        return s->discarded > DISCARD_MAX ? answer_past(c) : MHD_YES;
    }
    if (c->ln->ops->on_body(s->x, p, len)) {
        s->body_got += (int64_t)len;
        *n = 0;
        if (!c->killed)
            body_deadline(c);
        return c->killed ? MHD_NO : MHD_YES;
    }
    if (c->killed)
        return MHD_NO;
    if (s->answer != ANSWER_NONE) { // refused for good, not for now
        *n = 0;
        return MHD_YES;
    }
    if (c->rdhup) {
        client_gone(c);
        return MHD_NO;
    }
    conn_phase(c, PHASE_WAIT, 0);
    s->pushed_back = true;
    stream_suspend(s);
    return MHD_YES;
}

/* The last call: the whole request is there. */
static enum MHD_Result on_end(struct conn *c)
{
    struct stream *s = &c->s;
    if (!s->ended) {
        s->ended = true;
        conn_phase(c, PHASE_WAIT, 0);
        if (s->answer == ANSWER_WHOLE)
            buf_clear(&s->q); // the text for a body that does not end
        if (s->answer == ANSWER_NONE && s->open)
            c->ln->ops->on_end(s->x);
    }
    if (c->killed || (s->cut && s->resp == NULL))
        return MHD_NO;
    if (s->resp != NULL)
        return stream_queue(s);
    if (c->rdhup) { // it came before we could wait for it
        client_gone(c);
        return MHD_NO;
    }
    stream_suspend(s);
    return MHD_YES;
}

/* MHD_AccessHandlerCallback */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *m,
                                  const char *url, const char *method,
                                  const char *version, const char *data,
                                  size_t *n, void **ctx)
{
    struct conn *c = *ctx;
    enum MHD_Result r;
    (void)arg;
    (void)m;
    if (c == NULL || c->killed)
        return MHD_NO;
    c->s.inside = true;
    if (!c->s.begun)
        r = on_head(c, url, method, version);
    else if (*n != 0)
        r = on_body(c, data, n);
    else
        r = on_end(c);
    c->s.inside = false;
    return r;
}

/* MHD_RequestCompletedCallback: the request is over, one way or another. */
static void on_completed(void *arg, struct MHD_Connection *m, void **ctx,
                         enum MHD_RequestTerminationCode how)
{
    struct listener *ln = arg;
    struct conn *c = *ctx;
    (void)m;
    if (c == NULL)
        return;
    *ctx = NULL;
    struct stream *s = &c->s;
    if (s->open) {
        bool complete = how == MHD_REQUEST_TERMINATED_COMPLETED_OK &&
                        s->queued && !s->cut && !c->killed;
        if (!complete && !s->gone && !s->cut && !ln->freeing &&
            ln->ops->on_gone != NULL)
            ln->ops->on_gone(s->x);
        s->open = false;
        ln->streams--;
        ln->ops->on_close(s->x, complete);
    }
    listener_undirty(ln, s);
    if (s->resp != NULL)
        MHD_destroy_response(s->resp);
    s->resp = NULL;
    kept_free(&s->kept);
    buf_release(&s->q);
    s->begun = false;
    conn_phase(c, PHASE_IDLE, ln->idle_us);
    if (how == MHD_REQUEST_TERMINATED_COMPLETED_OK)
        return;
    c->pool = NULL; // it is being freed
    failed_add(c);
}

void stream_want_body(struct stream *s)
{
    if (!s->pushed_back)
        return;
    s->pushed_back = false;
    // The time we took is not the client's.
    s->body_start_us += loop_now_us(s->conn->ln->loop) - s->conn->since_us;
    body_deadline(s->conn);
    stream_wake(s);
}

/* ---- the daemon's turn -------------------------------------------------- */

static void on_mhd(void *arg, uint32_t events)
{
    struct listener *ln = arg;
    (void)events;
    ln->kick = true;
}

/* After the daemon's turn: what it should have closed and did not. */
static void nudge(struct listener *ln)
{
    while (ln->failed != NULL) {
        struct conn *c = ln->failed;
        failed_remove(c);
        MHD_suspend_connection(c->mhd);
        MHD_resume_connection(c->mhd);
        ln->kick = true;
    }
}

static int64_t prepare(void *arg)
{
    struct listener *ln = arg;
    MHD_UNSIGNED_LONG_LONG ms;
    while (ln->dirty != NULL) {
        struct stream *s = ln->dirty;
        ln->dirty = s->next_dirty;
        s->dirty = false;
        stream_flush(s);
    }
    if (!ln->kick)
        return -1;
    for (int i = 0; i < RUNS_MAX; i++) {
        ln->kick = false;
        (void)MHD_run(ln->mhd);
        nudge(ln);
        if (MHD_get_timeout(ln->mhd, &ms) == MHD_YES && ms == 0)
            ln->kick = true;
        if (!ln->kick)
            return -1;
    }
    return 0;
}

/* ---- starting and stopping ---------------------------------------------- */

static enum status start_mhd(struct listener *ln,
                             const struct listen_conf *conf, struct err *err)
{
    const struct daemon_conf d = {
        .tls_key_pem = ln->tls ? conf->tls_key_pem : NULL,
        .tls_cert_pem = ln->tls ? conf->tls_cert_pem : NULL,
        .pool_size = ln->pool_size,
        .max_connections = ln->max_connections,
        .on_request = on_request,
        .on_connection = on_connection,
        .on_completed = on_completed,
        .on_request_line = on_request_line,
        .arg = ln,
    };
    return daemon_start(&d, &ln->mhd, err);
}

enum status listener_new(struct loop *l, const struct listen_conf *conf,
                         const struct stream_ops *ops, void *server,
                         struct listener **out, struct err *err)
{
    struct listener *ln = xcalloc(1, sizeof *ln);
    ln->loop = l;
    ln->lingers.loop = l;
    ln->ops = ops;
    ln->server = server;
    ln->max_head = conf->max_head;
    ln->pool_size = (conf->max_head + POOL_EXTRA + PAGE - 1) & ~(PAGE - 1);
    if (ln->pool_size <= 32768) // below, buffers do not have their own pages
        ln->pool_size = 32768 + PAGE;
    ln->idle_us = conf->idle_timeout_s * 1000000LL;
    ln->head_us = conf->head_timeout_s * 1000000LL;
    ln->write_us =
        (conf->write_timeout_s > 0 ? conf->write_timeout_s : 120) * 1000000LL;
    ln->max_connections = conf->max_connections;
    ln->tls = conf->tls_cert_pem != NULL && conf->tls_key_pem != NULL;
    ln->exact = strcmp(MHD_get_version(), "0.9.75") == 0;
    ln->sweep = (struct loop_timer){.fn = sweep, .arg = ln};
    if (start_mhd(ln, conf, err) != OK) {
        free(ln);
        return E_INVALID;
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(ln->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    ln->mhd_fd =
        (struct loop_fd){.fn = on_mhd, .arg = ln, .fd = info->epoll_fd};
    ln->accept_fd =
        (struct loop_fd){.fn = on_accept, .arg = ln, .fd = conf->fd};
    if (loop_fd_add(l, &ln->mhd_fd, EPOLLIN, err) != OK ||
        loop_fd_add(l, &ln->accept_fd, EPOLLIN, err) != OK) {
        loop_fd_del(l, &ln->mhd_fd);
        MHD_stop_daemon(ln->mhd);
        free(ln);
        return E_IO;
    }
    ln->accepting = true;
    loop_prepare(l, prepare, ln);
    loop_timer_set(l, &ln->sweep, SWEEP_US);
    *out = ln;
    return OK;
}

void listener_quiesce(struct listener *ln)
{
    for (int before = -1; ln->accepting && before != ln->connections;) {
        before = ln->connections; // who waits in the queue came in time
        on_accept(ln, 0);
    }
    if (ln->accepting)
        loop_fd_del(ln->loop, &ln->accept_fd);
    ln->accepting = false;
    ln->quiesced = true;
}

void listener_free(struct listener **lp)
{
    struct listener *ln = *lp;
    if (ln == NULL)
        return;
    *lp = NULL;
    ln->freeing = true;
    listener_quiesce(ln);
    for (struct conn *c = ln->conns; c != NULL; c = c->next)
        conn_kill(c); // L2
    loop_fd_del(ln->loop, &ln->mhd_fd);
    MHD_stop_daemon(ln->mhd);
    linger_end_all(&ln->lingers);
    loop_timer_cancel(ln->loop, &ln->sweep);
    loop_unprepare(ln->loop, ln);
    free(ln);
}

/* Answers: from the caller's bytes to the client's socket.
 *
 * Three ways, because each costs what the others need not pay:
 *  whole   one buffer handed to libmicrohttpd, which sends head and body with
 *          one system call;
 *  queue   libmicrohttpd pulls from `q` (TLS, known lengths, HTTP/1.0).  It
 *          is suspended whenever `q` is empty, since it would poll otherwise;
 *  direct  plain HTTP/1.1 chunks.  libmicrohttpd sends the head, asks for
 *          the first bytes, is suspended, and from then on we frame and send
 *          the chunks on its socket ourselves: a suspended connection is not
 *          touched by it, and an event costs one send instead of a resume,
 *          two epoll_ctl and a scan of all suspended connections.  At the
 *          end it is resumed, asks again, hears "end of stream" and sends
 *          the final chunk, so that keep-alive stays its business.
 *
 * Invariants
 *  S1  While a stream is direct and not resumed, only we write to its socket;
 *      before libmicrohttpd writes again, `q` is empty.
 *  S2  A cut answer never gets its final chunk; where the end of the
 *      connection would look like a proper end (HTTP/1.0), it is reset.
 */
#include "net/stream.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "net/head.h"

#define QUEUE_MAX (64u << 20) /* a caller that ignores stream_queued is cut */
#define SLOW_BYTES_S 1024     /* a reader slower than this is given up */

static void fail(struct stream *s)
{
    s->cut = true;
    conn_kill(s->conn);
}

size_t stream_queued(const struct stream *s)
{
    return s->q.n - s->q_at;
}

void stream_marks(struct stream *s, size_t low)
{
    s->low = low;
}

struct loop *stream_loop(const struct stream *s)
{
    return listener_loop(s->conn->ln);
}

/* `n` bytes of `q` are gone; tells the owner when it may write again. */
static void consumed(struct stream *s, size_t n)
{
    size_t before = stream_queued(s);
    s->q_at += n;
    if (s->q_at == s->q.n) {
        s->q_at = 0;
        buf_clear(&s->q);
    } else if (s->q_at > 65536 && s->q_at > s->q.n / 2) {
        buf_drop(&s->q, s->q_at);
        s->q_at = 0;
    }
    size_t low = s->low > 0 ? s->low : 1;
    if (before >= low && before - n < low && s->open && !s->fin && !s->cut &&
        listener_ops(s->conn->ln)->on_writable != NULL)
        listener_ops(s->conn->ln)->on_writable(s->x);
}

/* ---- libmicrohttpd pulls ------------------------------------------------ */

/* MHD_ContentReaderCallback: bytes for the client, or the end. */
static ssize_t pull(void *arg, uint64_t pos, char *out, size_t max)
{
    struct stream *s = arg;
    (void)pos;
    if (s->conn->killed)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = stream_queued(s);
    if (n == 0 || s->answer == ANSWER_DIRECT) {
        if (s->cut || (s->fin && s->left > 0))
            return MHD_CONTENT_READER_END_WITH_ERROR;
        if (s->fin && n == 0)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (s->answer == ANSWER_QUEUE && s->left < 0 && s->http11 &&
            !listener_tls(s->conn->ln)) {
            s->answer = ANSWER_DIRECT;
            buf_clear(&s->q);
        }
        conn_phase(s->conn, PHASE_ANSWER, 0);
        stream_suspend(s);
        return 0;
    }
    if (n > max)
        n = max;
    memcpy(out, s->q.p + s->q_at, n);
    s->inside = true;
    conn_phase(s->conn, PHASE_ANSWER, listener_write_us(s->conn->ln));
    consumed(s, n);
    s->inside = false;
    return (ssize_t)n;
}

/* ---- we push ------------------------------------------------------------ */

static void watch_out(struct stream *s, bool on)
{
    struct conn *c = s->conn;
    uint32_t want = EPOLLRDHUP | EPOLLET | (on ? (uint32_t)EPOLLOUT : 0);
    if (s->blocked == on)
        return;
    s->blocked = on;
    if (loop_fd_mod(listener_loop(c->ln), &c->watch, want, NULL) != OK)
        fail(s);
}

void stream_flush(struct stream *s)
{
    struct conn *c = s->conn;
    if (s->answer != ANSWER_DIRECT || !s->suspended || c->killed)
        return;
    while (stream_queued(s) > 0) {
        ssize_t n = send(c->watch.fd, s->q.p + s->q_at, stream_queued(s),
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1 && errno == EAGAIN) {
            if (!s->blocked)
                conn_phase(c, PHASE_ANSWER, listener_write_us(c->ln));
            watch_out(s, true);
            return;
        }
        if (n == -1) {
            conn_kill(c);
            return;
        }
        if (s->blocked)
            conn_phase(c, PHASE_ANSWER, listener_write_us(c->ln));
        consumed(s, (size_t)n);
    }
    watch_out(s, false);
    conn_phase(c, PHASE_ANSWER, 0);
    if (s->fin || s->cut)
        stream_wake(s); // S1: q is empty
}

static void add_chunk(struct stream *s, const char *p, size_t n)
{
    char size[20];
    int k = snprintf(size, sizeof size, "%zx\r\n", n);
    buf_add(&s->q, size, (size_t)k);
    buf_add(&s->q, p, n);
    buf_add(&s->q, "\r\n", 2);
}

void stream_write(struct stream *s, const char *p, size_t n)
{
    if (n == 0 || s->cut || s->fin || s->head_only || s->conn->killed)
        return;
    assert(s->answer == ANSWER_QUEUE || s->answer == ANSWER_DIRECT);
    if (s->left >= 0) {
        assert((int64_t)n <= s->left); // more than was announced
        s->left -= (int64_t)n;
    }
    if (s->answer == ANSWER_DIRECT) {
        add_chunk(s, p, n);
        listener_dirty(s->conn->ln, s);
    } else {
        buf_add(&s->q, p, n);
        stream_wake(s);
    }
    if (s->q.failed)
        fail(s);
}

static void finish(struct stream *s)
{
    if (s->answer == ANSWER_DIRECT)
        listener_dirty(s->conn->ln, s);
    else
        stream_wake(s);
}

void stream_end(struct stream *s)
{
    if (s->fin || s->cut)
        return;
    s->fin = true;
    finish(s);
}

void stream_abort(struct stream *s)
{
    struct conn *c = s->conn;
    if (s->cut || s->answer == ANSWER_WHOLE)
        return;
    s->cut = true;
    if (s->answer == ANSWER_NONE || s->head_only) {
        conn_kill(c);
    } else if (!s->http11 && s->left < 0) {
        // S2: dissolving the association sends a reset at once.
        struct sockaddr none = {.sa_family = AF_UNSPEC};
        (void)connect(c->watch.fd, &none, sizeof none);
        conn_kill(c);
    } else {
        finish(s);
    }
}

/* ---- heads -------------------------------------------------------------- */

static void add_field(struct MHD_Response *r, const struct http_field *f)
{
    char small[512], *text = small;
    if (head_is_framing(f->name) || !head_is_token(f->name) ||
        !head_value_ok(f->value))
        return;
    size_t n = f->name.n + f->value.n + 2;
    if (n > sizeof small && (text = try_malloc(n)) == NULL)
        return;
    memcpy(text, f->name.p, f->name.n);
    text[f->name.n] = '\0';
    char *value = text + f->name.n + 1;
    if (f->value.n > 0)
        memcpy(value, f->value.p, f->value.n);
    value[f->value.n] = '\0';
    (void)MHD_add_response_header(r, text, value); // refuses empty values
    if (text != small)
        free(text);
}

static void add_fields(struct stream *s, const struct http_field *f, int n)
{
    for (int i = 0; i < n; i++)
        add_field(s->resp, &f[i]);
    if (listener_closing(s->conn->ln))
        (void)MHD_add_response_header(s->resp, "Connection", "close");
}

enum MHD_Result stream_queue(struct stream *s)
{
    struct conn *c = s->conn;
    int64_t wait = listener_write_us(c->ln);
    if (s->resp == NULL)
        return MHD_NO;
    // A whole answer shows no progress, so a large one gets time by size.
    if (s->answer == ANSWER_WHOLE)
        wait += s->left / SLOW_BYTES_S * 1000000;
    conn_phase(c, PHASE_ANSWER, wait);
    s->queued = true;
    enum MHD_Result r = MHD_queue_response(c->mhd, s->status, s->resp);
    MHD_destroy_response(s->resp);
    s->resp = NULL;
    return r;
}

/* The answer is built: hands it over, now or when the handler returns. */
static void deliver(struct stream *s)
{
    if (s->resp == NULL) {
        fail(s);
        return;
    }
    if (s->inside || s->conn->killed)
        return;
    if (s->ended && s->suspended && stream_queue(s) == MHD_NO) {
        fail(s);
        return;
    }
    stream_wake(s);
}

static bool may_answer(const struct stream *s)
{
    return s->open && s->answer == ANSWER_NONE && !s->cut && !s->conn->killed;
}

/* An answer while the client still sends its body cannot be queued with
 * libmicrohttpd; its text is kept, to be sent if the rest of the body turns
 * out too long to read on. */
static void keep_text(struct stream *s, const struct http_field *f, int n,
                      struct slice body)
{
    buf_printf(&s->q, "HTTP/1.1 %u %s\r\nConnection: close\r\n", s->status,
               MHD_get_reason_phrase_for(s->status));
    for (int i = 0; i < n; i++) {
        if (head_is_framing(f[i].name) || !head_is_token(f[i].name) ||
            !head_value_ok(f[i].value))
            continue;
        buf_slice(&s->q, f[i].name);
        buf_str(&s->q, ": ");
        buf_slice(&s->q, f[i].value);
        buf_str(&s->q, "\r\n");
    }
    buf_printf(&s->q, "Content-Length: %zu\r\n\r\n", body.n);
    if (!s->head_only)
        buf_slice(&s->q, body);
}

void stream_respond(struct stream *s, int status,
                    const struct http_field *fields, int n, struct slice body)
{
    if (!may_answer(s))
        return;
    s->answer = ANSWER_WHOLE;
    s->status = (unsigned)status;
    s->left = (int64_t)body.n;
    s->fin = true;
    // MUST_COPY reads only; the interface of that time lacks the const.
    union {
        const char *in;
        void *out;
    } bytes = {.in = body.p};
    s->resp = MHD_create_response_from_buffer(body.n, bytes.out,
                                              MHD_RESPMEM_MUST_COPY);
    if (s->resp != NULL)
        add_fields(s, fields, n);
    if (!s->ended && s->content_length != 0 && !listener_tls(s->conn->ln))
        keep_text(s, fields, n, body);
    deliver(s);
}

static void begin(struct stream *s, int status, const struct http_field *fields,
                  int n, int64_t length)
{
    if (!may_answer(s))
        return;
    s->answer = ANSWER_QUEUE;
    s->status = (unsigned)status;
    s->left = length;
    s->resp = MHD_create_response_from_callback(
        length < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)length, 16384, pull, s, NULL);
    // The library ends even a HEAD's chunked answer with a chunk; this way
    // the end of the connection is its end.
    if (s->resp != NULL && s->head_only && length < 0)
        (void)MHD_set_response_options(
            s->resp, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    if (s->resp != NULL)
        add_fields(s, fields, n);
    deliver(s);
}

void stream_begin(struct stream *s, int status, const struct http_field *fields,
                  int n)
{
    begin(s, status, fields, n, -1);
}

void stream_begin_length(struct stream *s, int status,
                         const struct http_field *fields, int n, int64_t length)
{
    begin(s, status, fields, n, length);
}

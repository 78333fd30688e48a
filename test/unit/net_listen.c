/* The listener over real loopback sockets: framing, refusals, streams,
 * back-pressure, deadlines, clients that leave. */
#include "net_sock.h"

#include <curl/curl.h>
#include <fcntl.h>

#include "base/mem.h"
#include "net/listen.h"
#include "net_cert.h"

#define PIECE 65536

struct server {
    struct runner r;
    struct listener *ln;
    int fd, port;
    atomic_int heads, ends, gones, closes, completes, pushbacks;
    atomic_long body, sent, peak;
    _Atomic(struct req *) held; /* the last request to /hold */
    pthread_mutex_t lock;
    char last[512]; /* method path query of the last head; under lock */
};

struct req {
    struct server *sv;
    struct stream *s;
    struct slice path;
    struct buf body;
    struct loop_timer t;
    int64_t left;
    bool refused, tiny;
};

static void serve_pieces(struct req *q)
{
    static const char piece[PIECE];
    while (q->left > 0 && stream_queued(q->s) < 4 * PIECE) {
        size_t n = q->left < PIECE ? (size_t)q->left : PIECE;
        stream_write(q->s, piece, n);
        q->left -= (int64_t)n;
        atomic_fetch_add(&q->sv->sent, (long)n);
        if ((long)stream_queued(q->s) > atomic_load(&q->sv->peak))
            atomic_store(&q->sv->peak, (long)stream_queued(q->s));
    }
    if (q->left == 0) {
        q->left = -1;
        stream_end(q->s);
    }
}

static void again(void *arg)
{
    stream_want_body(((struct req *)arg)->s);
}

static const struct http_field plain[] = {
    {{"Content-Type", 12}, {"text/plain", 10}},
    {{"Content-Length", 14}, {"7", 1}}, /* must not come through */
    {{"X-Bad", 5}, {"a\r\nb", 4}},
};

static void *on_head(void *server, struct stream *s, const struct http_head *h)
{
    struct server *sv = server;
    struct req *q = xcalloc(1, sizeof *q);
    q->sv = sv;
    q->s = s;
    q->path = h->path;
    if (stream_loop(s) != sv->r.l)
        abort();
    q->t = (struct loop_timer){.fn = again, .arg = q};
    buf_init(&q->body, 256u << 20);
    stream_marks(s, 2 * PIECE);
    pthread_mutex_lock(&sv->lock);
    (void)snprintf(
        sv->last, sizeof sv->last, "%.*s %.*s %.*s %d %s", SLICE_FMT(h->method),
        SLICE_FMT(h->path), h->query.p != NULL ? (int)h->query.n : 1,
        h->query.p != NULL ? h->query.p : "-", h->field_count, h->peer);
    pthread_mutex_unlock(&sv->lock);
    atomic_fetch_add(&sv->heads, 1);
    if (slice_is(h->path, "/null")) {
        free(q);
        return NULL;
    }
    if (slice_is(h->path, "/early") || h->content_length > (100 << 20))
        stream_respond(s, 413, plain, 3, SLICE("too large\n"));
    return q;
}

static bool on_body(void *x, const char *p, size_t n)
{
    struct req *q = x;
    if (slice_is(q->path, "/push") && !q->refused) {
        q->refused = true;
        atomic_fetch_add(&q->sv->pushbacks, 1);
        loop_timer_set(stream_loop(q->s), &q->t, 1000);
        return false;
    }
    q->refused = false;
    if (slice_is(q->path, "/midway") && q->body.n + n > 100000)
        stream_respond(q->s, 413, plain, 3, SLICE("too large\n"));
    else
        buf_add(&q->body, p, n);
    atomic_fetch_add(&q->sv->body, (long)n);
    return true;
}

static void on_end(void *x)
{
    struct req *q = x;
    struct stream *s = q->s;
    atomic_fetch_add(&q->sv->ends, 1);
    if (slice_is(q->path, "/hold")) {
        atomic_store(&q->sv->held, q);
    } else if (slice_is(q->path, "/stream")) {
        stream_begin(s, 200, plain, 3);
        stream_write(s, "one,", 4);
        stream_write(s, "two", 3);
        stream_end(s);
    } else if (slice_is(q->path, "/cut")) {
        stream_begin(s, 200, plain, 1);
        stream_write(s, "half", 4);
        stream_abort(s);
    } else if (slice_is(q->path, "/cutlen")) {
        stream_begin_length(s, 200, plain, 1, 10);
        stream_write(s, "half", 4);
        stream_end(s);
    } else if (slice_is(q->path, "/nothing")) {
        stream_abort(s);
    } else if (slice_is(q->path, "/big") || slice_is(q->path, "/bignum")) {
        q->left = 96 << 20;
        if (slice_is(q->path, "/big"))
            stream_begin(s, 200, plain, 1);
        else
            stream_begin_length(s, 200, plain, 1, q->left);
        serve_pieces(q);
    } else {
        stream_respond(s, 200, plain, 3, buf_get(&q->body));
    }
}

static void on_writable(void *x)
{
    struct req *q = x;
    if (q->left > 0)
        serve_pieces(q);
}

static void on_gone(void *x)
{
    atomic_fetch_add(&((struct req *)x)->sv->gones, 1);
}

static void on_close(void *x, bool complete)
{
    struct req *q = x, *held = q;
    struct server *sv = q->sv;
    atomic_compare_exchange_strong(&sv->held, &held, NULL);
    loop_timer_cancel(sv->r.l, &q->t);
    buf_release(&q->body);
    free(q);
    atomic_fetch_add(&sv->completes, complete);
    atomic_fetch_add(&sv->closes, 1);
}

static const struct stream_ops ops = {on_head,     on_body, on_end,
                                      on_writable, on_gone, on_close};

static struct server *start(struct listen_conf conf)
{
    struct server *sv = xcalloc(1, sizeof *sv);
    struct err err = {0};
    pthread_mutex_init(&sv->lock, NULL);
    assert_int_equal(loop_new(&sv->r.l, &err), OK);
    assert_int_equal(sock_listen("127.0.0.1", &sv->port, &sv->fd, &err), OK);
    conf.fd = sv->fd;
    if (conf.max_head == 0)
        conf.max_head = 65536;
    if (conf.idle_timeout_s == 0)
        conf.idle_timeout_s = 60;
    if (conf.head_timeout_s == 0)
        conf.head_timeout_s = 60;
    if (conf.max_connections == 0)
        conf.max_connections = 1000;
    if (listener_new(sv->r.l, &conf, &ops, sv, &sv->ln, &err) != OK)
        fail_msg("%s", err.text);
    runner_start(&sv->r);
    return sv;
}

static void stop(struct server *sv)
{
    runner_stop(&sv->r);
    listener_free(&sv->ln);
    assert_null(sv->ln);
    assert_int_equal(sv->closes, sv->heads);
    loop_free(&sv->r.l);
    close(sv->fd);
    pthread_mutex_destroy(&sv->lock);
    free(sv);
}

static void expect(int fd, const char *status, const char *mark)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    assert_true(get_until(fd, &b, mark));
    if (!contains(&b, status))
        fail_msg("no %s in: %.*s", status, (int)b.n, b.p);
    buf_release(&b);
}

#define POST_5 \
    "POST /e?x=%41&y HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
#define POST_CHUNKED                                                    \
    "POST /e HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" \
    "2\r\nhe\r\n3;ext=1\r\nllo\r\n0\r\nTrailer: x\r\n\r\n"

static void a_request_may_be_cut_at_any_byte(void **state)
{
    static const char *const text[] = {POST_5, POST_CHUNKED};
    struct server *sv = start((struct listen_conf){0});
    (void)state;
    for (int k = 0; k < 2; k++) {
        int fd = dial(sv->port);
        size_t n = strlen(text[k]);
        for (size_t cut = 1; cut < n; cut++) {
            int before = atomic_load(&sv->heads);
            put(fd, text[k], cut);
            // The rest must not overtake the first part in one read.
            if (cut % 8 == 0)
                (void)poll(NULL, 0, 1);
            put(fd, text[k] + cut, n - cut);
            expect(fd, "HTTP/1.1 200 OK\r\n", "\r\n\r\nhello");
            assert_int_equal(atomic_load(&sv->heads), before + 1);
        }
        close(fd);
    }
    pthread_mutex_lock(&sv->lock);
    pthread_mutex_unlock(&sv->lock);
    stop(sv);
}

static void heads_come_through_as_sent(void **state)
{
    struct server *sv = start((struct listen_conf){0});
    (void)state;
    int fd = dial(sv->port);
    puts_to(fd, "PATCH /a%2Fb/%2e/..?k=%20+&&v=? HTTP/1.1\r\nHost: h\r\n"
                "X-A:  two  words \r\n\r\n");
    expect(fd, "200 OK", "\r\n\r\n");
    pthread_mutex_lock(&sv->lock);
    assert_string_equal(sv->last,
                        "PATCH /a%2Fb/%2e/.. k=%20+&&v=? 2 127.0.0.1");
    pthread_mutex_unlock(&sv->lock);
    puts_to(fd, "GET /n HTTP/1.0\r\n\r\n");
    struct buf b;
    buf_init(&b, 1u << 20);
    assert_false(get_all(fd, &b)); // 1.0 without keep-alive: closed
    assert_true(contains(&b, "200 OK"));
    assert_true(contains(&b, "Content-Length: 0\r\n"));
    assert_false(contains(&b, "X-Bad"));
    buf_release(&b);
    close(fd);
    stop(sv);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct server *sv = start((struct listen_conf){0});
    struct buf b;
    (void)state;
    buf_init(&b, 1u << 20);
    int fd = dial(sv->port);
    puts_to(fd, "POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nA"
                "POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nB"
                "POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nC"
                "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"
                "POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nEnd");
    assert_true(get_until(fd, &b, "\r\n\r\nEnd"));
    const char *a = memmem(b.p, b.n, "\r\n\r\nA", 5);
    const char *c = memmem(b.p, b.n, "\r\n\r\nC", 5);
    const char *one = memmem(b.p, b.n, "one,", 4);
    assert_true(a != NULL && c != NULL && one != NULL && a < one && one < c);
    assert_int_equal(sv->completes + 0, sv->closes + 0);
    buf_release(&b);
    close(fd);
    stop(sv);
}

static void ambiguous_framing_is_refused_and_closed(void **state)
{
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
        "Content-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
        "content-length: 6\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
        "Content-Length: 5\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n"
        "\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n"
        "0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n"
        "0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding\t: chunked\r\n\r\n"
        "0\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\n",
        "GET / HTTP/1.1\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: y\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n\tfolded\r\nY: b\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n: empty\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX(y): z\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
        "G@T / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /\r\n\r\n",
    };
    struct server *sv = start((struct listen_conf){0});
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf b;
        buf_init(&b, 1u << 20);
        int fd = dial(sv->port);
        puts_to(fd, bad[i]);
        (void)get_all(fd, &b);
        if (atomic_load(&sv->heads) != 0 || contains(&b, " 200 "))
            fail_msg("taken: %s", bad[i]);
        // Some are so broken that the library only closes.
        if (b.n > 0 && !contains(&b, "HTTP/1.1 400 ") && !contains(&b, " 505 "))
            fail_msg("%s: %.*s", bad[i], (int)b.n, b.p);
        buf_release(&b);
        close(fd);
    }
    int fd = dial(sv->port);
    static const char zeros[] =
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\0\0b\r\n\r\n";
    put(fd, zeros, sizeof zeros - 1);
    expect(fd, " 400 ", "\r\n\r\n");
    close(fd);
    assert_int_equal(sv->heads, 0);
    stop(sv);
}

static void large_heads_are_431_and_those_below_pass(void **state)
{
    struct server *sv = start((struct listen_conf){0});
    (void)state;
    static const size_t size[] = {1000, 60000, 64000, 66000, 80000, 200000};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        struct buf b;
        buf_init(&b, 1u << 20);
        buf_str(&b, "GET / HTTP/1.1\r\nHost: h\r\nX: ");
        for (size_t k = 0; k < size[i]; k++)
            buf_char(&b, 'x');
        buf_str(&b, "\r\n\r\n");
        int fd = dial(sv->port);
        // The server may close before it has read all.
        ssize_t n = send(fd, b.p, b.n, MSG_NOSIGNAL);
        (void)n;
        buf_clear(&b);
        (void)get_until(fd, &b, "\r\n\r\n");
        const char *want = size[i] < 65000 ? " 200 OK" : " 431 ";
        if (size[i] <= 80000 || b.n > 0)
            if (!contains(&b, want))
                fail_msg("%zu: %.*s", size[i], (int)b.n, b.p);
        buf_release(&b);
        close(fd);
    }
    assert_int_equal(sv->heads, 3);
    struct buf b;
    buf_init(&b, 1u << 20);
    buf_str(&b, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < LISTEN_HEADERS_MAX; i++)
        buf_str(&b, "X: y\r\n");
    buf_str(&b, "\r\n");
    int fd = dial(sv->port);
    put(fd, b.p, b.n);
    expect(fd, " 431 ", "\r\n\r\n");
    buf_release(&b);
    close(fd);
    stop(sv);
}

static void streams_are_chunked_and_keep_the_connection(void **state)
{
    struct server *sv = start((struct listen_conf){0});
    struct buf b;
    (void)state;
    buf_init(&b, 1u << 20);
    int fd = dial(sv->port);
    for (int i = 0; i < 3; i++) {
        buf_clear(&b);
        puts_to(fd, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_true(get_until(fd, &b, "0\r\n\r\n"));
        assert_true(contains(&b, "Transfer-Encoding: chunked"));
        assert_false(contains(&b, "Connection: close"));
        assert_false(contains(&b, "Content-Length"));
        wait_for(atomic_load(&sv->completes) == i + 1);
    }
    puts_to(fd, "HEAD /bignum HTTP/1.1\r\nHost: h\r\n\r\n"
                "GET /e HTTP/1.1\r\nHost: h\r\n\r\n"
                "HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    buf_clear(&b);
    assert_true(get_until(fd, &b, "Content-Length: 0"));
    assert_true(contains(&b, "Content-Length: 100663296"));
    assert_false(get_all(fd, &b));
    assert_false(contains(&b, "one"));
    assert_false(contains(&b, "chunked"));
    assert_memory_equal(b.p + b.n - 4, "\r\n\r\n", 4); // the head's end
    close(fd);
    fd = dial(sv->port);
    buf_clear(&b);
    puts_to(fd, "GET /stream HTTP/1.0\r\n\r\n");
    assert_false(get_all(fd, &b));
    assert_true(contains(&b, "\r\n\r\none,two"));
    assert_false(contains(&b, "chunked"));
    close(fd);
    wait_for(atomic_load(&sv->completes) == 7);
    buf_release(&b);
    stop(sv);
}

static void write_event(void *arg)
{
    struct req *q = atomic_load(&((struct server *)arg)->held);
    stream_write(q->s, "event", 5);
}

static void begin_held(void *arg)
{
    struct req *q = atomic_load(&((struct server *)arg)->held);
    stream_begin(q->s, 200, plain, 1);
}

static void end_held(void *arg)
{
    struct req *q = atomic_load(&((struct server *)arg)->held);
    stream_end(q->s);
}

static void abort_held(void *arg)
{
    struct req *q = atomic_load(&((struct server *)arg)->held);
    stream_abort(q->s);
}

static void respond_held(void *arg)
{
    struct req *q = atomic_load(&((struct server *)arg)->held);
    stream_respond(q->s, 200, plain, 1, SLICE("late"));
}

static void each_event_leaves_at_once(void **state)
{
    struct server *sv = start((struct listen_conf){0});
    (void)state;
    int fd = dial(sv->port);
    for (int round = 0; round < 2; round++) {
        puts_to(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
        wait_for(atomic_load(&sv->held) != NULL);
        on_loop(&sv->r, begin_held, sv);
        for (int i = 0; i < 20; i++) {
            on_loop(&sv->r, write_event, sv);
            // Nothing follows until this one was read.
            expect(fd, "5\r\nevent\r\n", "event\r\n");
        }
        on_loop(&sv->r, end_held, sv);
        expect(fd, "0\r\n\r\n", "0\r\n\r\n");
        wait_for(atomic_load(&sv->held) == NULL);
    }
    puts_to(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for(atomic_load(&sv->held) != NULL);
    on_loop(&sv->r, respond_held, sv);
    expect(fd, "200 OK", "\r\n\r\nlate");
    close(fd);
    stop(sv);
}

static void a_cut_answer_never_looks_complete(void **state)
{
    struct server *sv = start((struct listen_conf){0});
    struct buf b;
    (void)state;
    buf_init(&b, 1u << 20);
    int fd = dial(sv->port);
    puts_to(fd, "GET /cut HTTP/1.1\r\nHost: h\r\n\r\n");
    (void)get_all(fd, &b);
    assert_true(contains(&b, "4\r\nhalf\r\n"));
    assert_false(contains(&b, "0\r\n\r\n"));
    close(fd);
    fd = dial(sv->port);
    puts_to(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for(atomic_load(&sv->held) != NULL);
    on_loop(&sv->r, begin_held, sv);
    on_loop(&sv->r, write_event, sv);
    buf_clear(&b);
    assert_true(get_until(fd, &b, "event\r\n"));
    on_loop(&sv->r, abort_held, sv);
    (void)get_all(fd, &b);
    assert_false(contains(&b, "0\r\n\r\n"));
    close(fd);
    fd = dial(sv->port);
    buf_clear(&b);
    puts_to(fd, "GET /cutlen HTTP/1.1\r\nHost: h\r\n\r\n");
    (void)get_all(fd, &b);
    assert_true(contains(&b, "Content-Length: 10\r\n"));
    assert_false(contains(&b, "half\r\n"));
    close(fd);
    fd = dial(sv->port);
    buf_clear(&b);
    puts_to(fd, "GET /cut HTTP/1.0\r\n\r\n");
    assert_true(get_all(fd, &b)); // a reset
    close(fd);
    fd = dial(sv->port);
    buf_clear(&b);
    puts_to(fd, "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n");
    (void)get_all(fd, &b);
    assert_int_equal(b.n, 0);
    close(fd);
    wait_for(atomic_load(&sv->closes) == 5);
    assert_int_equal(sv->completes, 0);
    assert_int_equal(sv->gones, 1); /* only /cutlen was not told to cut */
    buf_release(&b);
    stop(sv);
}

static void an_early_answer_reaches_a_client_that_still_sends(void **state)
{
    struct server *sv = start((struct listen_conf){0});
    char *much = xcalloc(1, 8 << 20);
    (void)state;
    // Short body: read past, the connection lives.
    int fd = dial(sv->port);
    for (int i = 0; i < 2; i++) {
        puts_to(fd, "POST /early HTTP/1.1\r\nHost: h\r\n"
                    "Content-Length: 100000\r\n\r\n");
        put(fd, much, 100000);
        expect(fd, " 413 ", "too large\n");
    }
    puts_to(fd, POST_5);
    expect(fd, " 200 ", "hello");
    close(fd);
    // Expect: nothing is uploaded.
    fd = dial(sv->port);
    puts_to(fd, "POST /early HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                "Content-Length: 100000\r\n\r\n");
    expect(fd, " 413 ", "too large\n");
    close(fd);
    fd = dial(sv->port);
    puts_to(fd, "POST /e HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                "Content-Length: 5\r\n\r\n");
    expect(fd, "HTTP/1.1 100 ", "\r\n\r\n");
    puts_to(fd, "hello");
    expect(fd, " 200 ", "hello");
    close(fd);
    // Long bodies, refused at the head and midway.
    static const char *const head[] = {
        "POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 8388608\r\n\r\n",
        "POST /midway HTTP/1.1\r\nHost: h\r\nContent-Length: 8388608\r\n\r\n",
        "POST /midway HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked"
        "\r\n\r\n800000\r\n",
    };
    for (int i = 0; i < 3; i++) {
        struct buf b;
        buf_init(&b, 1u << 20);
        fd = dial(sv->port);
        puts_to(fd, head[i]);
        // Until it is closed to us, we are a client that does not look.
        for (size_t at = 0; at < (8u << 20);) {
            ssize_t n = send(fd, much + at, (8u << 20) - at, MSG_NOSIGNAL);
            if (n <= 0)
                break;
            at += (size_t)n;
        }
        (void)get_until(fd, &b, "too large\n");
        if (!contains(&b, " 413 ") || !contains(&b, "Connection: close"))
            fail_msg("%d: %.*s", i, (int)b.n, b.p);
        buf_release(&b);
        close(fd);
    }
    fd = dial(sv->port);
    puts_to(fd, "GET /null HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(fd, " 500 ", "\r\n\r\n");
    close(fd);
    sv->heads--; // it has no on_close
    free(much);
    wait_for(atomic_load(&sv->closes) == atomic_load(&sv->heads));
    stop(sv);
}

static void a_body_that_is_pushed_back_comes_again(void **state)
{
    struct server *sv = start((struct listen_conf){0});
    enum { N = 300000 };
    char *much = xcalloc(1, N);
    struct buf b;
    (void)state;
    buf_init(&b, 1u << 20);
    for (int i = 0; i < N; i++)
        much[i] = (char)('a' + i % 23);
    int fd = dial(sv->port);
    puts_to(fd, "POST /push HTTP/1.1\r\nHost: h\r\nContent-Length: 300000"
                "\r\n\r\n");
    put(fd, much, N);
    assert_true(get_until(fd, &b, "\r\n\r\n"));
    char *body = (char *)memmem(b.p, b.n, "\r\n\r\n", 4) + 4;
    size_t head = (size_t)(body - b.p);
    while (b.n < head + N)
        assert_true(get_some(fd, &b) > 0);
    assert_memory_equal(b.p + head, much, N);
    assert_int_equal(sv->body, N);
    assert_true(sv->pushbacks > 1);
    buf_release(&b);
    free(much);
    close(fd);
    stop(sv);
}

static void a_client_that_leaves_is_noticed_at_every_stage(void **state)
{
    struct server *sv = start((struct listen_conf){0});
    (void)state;
    for (int how = 0; how < 6; how++) {
        int closes = atomic_load(&sv->closes), gones = atomic_load(&sv->gones);
        int fd = dial(sv->port);
        struct linger rst = {.l_onoff = 1};
        if (how == 0) { // within the head: nobody above hears of it
            puts_to(fd, "GET /hold HTTP/1.1\r\nHo");
            close(fd);
            continue;
        }
        if (how == 1) { // within the body
            puts_to(fd, "POST /e HTTP/1.1\r\nHost: h\r\n"
                        "Content-Length: 9\r\n\r\nhel");
            wait_for(atomic_load(&sv->body) > 0);
        } else if (how == 5) { // request and FIN in one go
            puts_to(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
            shutdown(fd, SHUT_WR);
        } else {
            puts_to(fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
            wait_for(atomic_load(&sv->held) != NULL);
            if (how == 3)
                setsockopt(fd, SOL_SOCKET, SO_LINGER, &rst, sizeof rst);
            if (how == 4) { // within the answer
                on_loop(&sv->r, begin_held, sv);
                on_loop(&sv->r, write_event, sv);
                expect(fd, "event", "event\r\n");
            }
        }
        if (how != 5)
            close(fd);
        wait_for(atomic_load(&sv->closes) == closes + 1);
        assert_int_equal(atomic_load(&sv->gones), gones + 1);
        if (how == 5)
            close(fd);
    }
    assert_int_equal(sv->completes, 0);
    stop(sv);
}

static void a_stalled_reader_bounds_what_is_queued(void **state)
{
    static const char *const path[] = {"/big", "/bignum"};
    struct server *sv = start((struct listen_conf){0});
    (void)state;
    for (int k = 0; k < 2; k++) {
        char head[100];
        int fd = dial(sv->port);
        atomic_store(&sv->sent, 0);
        (void)snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n",
                       path[k]);
        puts_to(fd, head);
        // It stops when the kernel's buffers and the queue are full.
        long last = -1;
        wait_for(atomic_load(&sv->sent) > 0);
        for (int same = 0; same < 20;) {
            (void)poll(NULL, 0, 5);
            long now = atomic_load(&sv->sent);
            same = now == last ? same + 1 : 0;
            last = now;
        }
        assert_true(last < (48 << 20));
        assert_true(atomic_load(&sv->peak) <= 6 * PIECE);
        size_t got = 0;
        while (got < (96u << 20)) {
            char tmp[65536];
            ssize_t n = recv(fd, tmp, sizeof tmp, 0);
            assert_true(n > 0);
            got += (size_t)n;
        }
        wait_for(atomic_load(&sv->completes) == k + 1);
        close(fd);
    }
    stop(sv);
}

static void slow_clients_meet_their_deadlines(void **state)
{
    struct server *sv = start((struct listen_conf){
        .idle_timeout_s = 2, .head_timeout_s = 1, .write_timeout_s = 1});
    static const char *const text[] = {
        "",
        "GET /e HT",
        "GET /e HTTP/1.1\r\nHost: h\r\nX",
        "POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhel",
        "POST /e HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5",
        "GET /e HTTP/1.1\r\nHost: h\r\n\r\n",
    };
    int fd[6];
    (void)state;
    int reader = dial(sv->port), waiter = dial(sv->port);
    puts_to(reader, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    puts_to(waiter, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for(atomic_load(&sv->held) != NULL);
    for (int i = 0; i < 6; i++) {
        fd[i] = dial(sv->port);
        puts_to(fd[i], text[i]);
    }
    for (int i = 0; i < 6; i++) {
        struct buf b;
        buf_init(&b, 1u << 20);
        (void)get_all(fd[i], &b);
        assert_int_equal(b.n > 0, i == 5);
        buf_release(&b);
        close(fd[i]);
    }
    wait_for(atomic_load(&sv->gones) == 3);  /* two bodies, one reader */
    assert_non_null(atomic_load(&sv->held)); /* waiting for us is no fault */
    on_loop(&sv->r, respond_held, sv);
    expect(waiter, "200", "late");
    close(reader);
    close(waiter);
    stop(sv);
}

static void get_connections(void *arg)
{
    struct server *sv = arg;
    atomic_store(&sv->peak, listener_connections(sv->ln));
    atomic_store(&sv->sent, listener_open_streams(sv->ln));
}

static void quiesce(void *arg)
{
    listener_quiesce(((struct server *)arg)->ln);
}

static void connections_are_limited_and_quiescing_finishes(void **state)
{
    struct server *sv = start((struct listen_conf){.max_connections = 2});
    (void)state;
    int a = dial(sv->port), b = dial(sv->port), c = dial(sv->port);
    puts_to(a, POST_5);
    puts_to(b, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    puts_to(c, POST_5);
    expect(a, "200", "hello");
    wait_for(atomic_load(&sv->held) != NULL);
    assert_false(readable(c, 50));
    on_loop(&sv->r, get_connections, sv);
    assert_int_equal(sv->peak, 2);
    assert_int_equal(sv->sent, 1);
    close(a);
    expect(c, "200", "hello");
    on_loop(&sv->r, quiesce, sv);
    struct buf left;
    buf_init(&left, 1u << 20);
    assert_false(get_all(c, &left)); // idle ones are closed
    assert_int_equal(left.n, 0);
    on_loop(&sv->r, respond_held, sv);
    assert_false(get_all(b, &left));
    assert_true(contains(&left, "late"));
    assert_true(contains(&left, "Connection: close"));
    buf_release(&left);
    close(b);
    close(c);
    stop(sv);
}

static size_t collect(char *p, size_t size, size_t n, void *arg)
{
    buf_add(arg, p, size * n);
    return n;
}

static void tls_serves_streams_and_bodies(void **state)
{
    struct server *sv = start((struct listen_conf){.tls_cert_pem = test_cert,
                                                   .tls_key_pem = test_key});
    struct curl_blob ca = {.data = (void *)(uintptr_t)test_cert,
                           .len = sizeof test_cert - 1};
    static const char *const path[] = {"/stream", "/e", "/bignum", "/big"};
    static char sent[300000];
    (void)state;
    CURL *e = curl_easy_init();
    for (int i = 0; i < 4; i++) {
        char url[64];
        struct buf b;
        buf_init(&b, 200u << 20);
        (void)snprintf(url, sizeof url, "https://127.0.0.1:%d%s", sv->port,
                       path[i]);
        curl_easy_setopt(e, CURLOPT_URL, url);
        curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &ca);
        curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
        curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, collect);
        curl_easy_setopt(e, CURLOPT_WRITEDATA, &b);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, sent);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)sizeof sent);
        assert_int_equal(curl_easy_perform(e), CURLE_OK);
        if (i == 0)
            assert_memory_equal(b.p, "one,two", 7);
        assert_int_equal(b.n, i == 0 ? 7 : i == 1 ? sizeof sent : 96u << 20);
        buf_release(&b);
    }
    curl_easy_setopt(
        e, CURLOPT_SSLVERSION,
        (long)(CURL_SSLVERSION_TLSv1_0 | CURL_SSLVERSION_MAX_TLSv1_1));
    curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
    assert_int_not_equal(curl_easy_perform(e), CURLE_OK);
    curl_easy_cleanup(e);
    stop(sv);
}

static void a_bad_certificate_is_an_error(void **state)
{
    struct loop *l;
    struct listener *ln = NULL;
    struct err err = {0};
    (void)state;
    assert_int_equal(loop_new(&l, NULL), OK);
    struct listen_conf conf = {.max_head = 65536,
                               .max_connections = 10,
                               .tls_cert_pem = "x",
                               .tls_key_pem = "y"};
    assert_int_equal(listener_new(l, &conf, &ops, NULL, &ln, &err), E_INVALID);
    assert_null(ln);
    loop_free(&l);
    int port = 99999, fd;
    assert_int_not_equal(sock_listen("127.0.0.1", &port, &fd, &err), OK);
    port = 0;
    assert_int_equal(sock_listen("no such host", &port, &fd, &err), E_INVALID);
}

static void stopping_closes_everything(void **state)
{
    (void)state;
    int before = open_fds();
    for (int round = 0; round < 3; round++) {
        struct server *sv = start((struct listen_conf){0});
        int fd[8];
        for (int i = 0; i < 8; i++)
            fd[i] = dial(sv->port);
        puts_to(fd[0], "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
        puts_to(fd[1], "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
        puts_to(fd[2], "GET /e HT");
        puts_to(fd[3], "POST /e HTTP/1.1\r\nHost: h\r\n"
                       "Content-Length: 9\r\n\r\nhel");
        wait_for(atomic_load(&sv->heads) == 3);
        wait_for(atomic_load(&sv->held) != NULL);
        stop(sv);
        for (int i = 0; i < 8; i++)
            close(fd[i]);
    }
    assert_int_equal(open_fds(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_may_be_cut_at_any_byte),
        cmocka_unit_test(heads_come_through_as_sent),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(ambiguous_framing_is_refused_and_closed),
        cmocka_unit_test(large_heads_are_431_and_those_below_pass),
        cmocka_unit_test(streams_are_chunked_and_keep_the_connection),
        cmocka_unit_test(each_event_leaves_at_once),
        cmocka_unit_test(a_cut_answer_never_looks_complete),
        cmocka_unit_test(an_early_answer_reaches_a_client_that_still_sends),
        cmocka_unit_test(a_body_that_is_pushed_back_comes_again),
        cmocka_unit_test(a_client_that_leaves_is_noticed_at_every_stage),
        cmocka_unit_test(a_stalled_reader_bounds_what_is_queued),
        cmocka_unit_test(slow_clients_meet_their_deadlines),
        cmocka_unit_test(connections_are_limited_and_quiescing_finishes),
        cmocka_unit_test(tls_serves_streams_and_bodies),
        cmocka_unit_test(a_bad_certificate_is_an_error),
        cmocka_unit_test(stopping_closes_everything),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests_name("net_listen", tests, NULL, NULL);
}

/* The client side against a scripted server: the test's thread is the
 * provider and decides every byte; the loop's thread only records. */
#include "net_sock.h"

#include <linux/filter.h>
#include <netinet/tcp.h>

#include "base/mem.h"
#include "net/listen.h"
#include "net/upstream.h"
#include "net_cert.h"

enum stage { NOWHERE, AT_SENDING, AT_HEAD, AT_DATA };

struct pool {
    struct runner r;
    struct upstream_pool *p;
    int fd, port;
};

/* One call and what came of it. */
struct call {
    struct pool *pool;
    struct upstream_req req;
    struct http_field fields[8];
    char url[200];
    struct upstream_call *u;
    enum stage cancel_at;
    size_t stop_at; /* push back from this many bytes on; 0: never */
    enum status started;
    atomic_int sendings, heads, dones, status, how, field_n;
    atomic_size_t got;
    atomic_bool pushing;
    struct buf body, head;
};

static void on_sending(void *x)
{
    struct call *c = x;
    atomic_fetch_add(&c->sendings, 1);
    if (c->cancel_at == AT_SENDING)
        upstream_cancel(&c->u);
}

static void on_head(void *x, int status, const struct http_field *f, int n)
{
    struct call *c = x;
    for (int i = 0; i < n; i++)
        buf_printf(&c->head, "%.*s=%.*s\n", SLICE_FMT(f[i].name),
                   SLICE_FMT(f[i].value));
    atomic_store(&c->status, status);
    atomic_store(&c->field_n, n);
    atomic_fetch_add(&c->heads, 1);
    if (c->cancel_at == AT_HEAD)
        upstream_cancel(&c->u);
}

static bool on_data(void *x, const char *p, size_t n)
{
    struct call *c = x;
    if (c->stop_at != 0 && atomic_load(&c->got) >= c->stop_at) {
        atomic_store(&c->pushing, true);
        return false;
    }
    if (c->body.n < (1u << 20))
        buf_add(&c->body, p, n);
    atomic_fetch_add(&c->got, n);
    if (c->cancel_at == AT_DATA)
        upstream_cancel(&c->u);
    return true;
}

static void on_done(void *x, enum upstream_end how)
{
    struct call *c = x;
    c->u = NULL;
    atomic_store(&c->how, (int)how);
    atomic_fetch_add(&c->dones, 1);
}

static const struct upstream_ops ops = {on_sending, on_head, on_data, on_done};

static void start_it(void *arg)
{
    struct call *c = arg;
    c->started = upstream_start(c->pool->p, &c->req, &ops, c, &c->u, NULL);
}

static void cancel_it(void *arg)
{
    upstream_cancel(&((struct call *)arg)->u);
}

static void resume_it(void *arg)
{
    struct call *c = arg;
    c->stop_at = 0;
    upstream_resume(c->u);
}

static struct pool *pool_start(void)
{
    struct pool *p = xcalloc(1, sizeof *p);
    assert_int_equal(loop_new(&p->r.l, NULL), OK);
    assert_int_equal(upstream_pool_new(p->r.l, &p->p, NULL), OK);
    p->fd = serve(&p->port);
    runner_start(&p->r);
    return p;
}

static void pool_stop(struct pool *p)
{
    runner_stop(&p->r);
    upstream_pool_free(&p->p);
    assert_null(p->p);
    loop_free(&p->r.l);
    close(p->fd);
    free(p);
}

static struct call *call_new(struct pool *p, const char *method,
                             struct slice body)
{
    struct call *c = xcalloc(1, sizeof *c);
    c->pool = p;
    (void)snprintf(c->url, sizeof c->url, "http://127.0.0.1:%d/v1/x%%2F../y?q",
                   p->port);
    c->req = (struct upstream_req){.method = slice_str(method),
                                   .url = slice_str(c->url),
                                   .fields = c->fields,
                                   .body = body,
                                   .connect_timeout_s = 10,
                                   .silence_timeout_s = 30};
    buf_init(&c->body, 2u << 20);
    buf_init(&c->head, 1u << 20);
    return c;
}

static void field(struct call *c, const char *name, const char *value)
{
    c->fields[c->req.field_count++] =
        (struct http_field){slice_str(name), slice_str(value)};
}

static struct call *call(struct pool *p, const char *method, struct slice body)
{
    struct call *c = call_new(p, method, body);
    on_loop(&p->r, start_it, c);
    assert_int_equal(c->started, OK);
    return c;
}

static void call_free(struct call *c)
{
    buf_release(&c->body);
    buf_release(&c->head);
    free(c);
}

static void call_ends(struct call *c, enum upstream_end how)
{
    wait_for(atomic_load(&c->dones) == 1);
    assert_int_equal(c->how, how);
}

/* Takes one connection and reads a request that ends with `mark`. */
static int take_request(struct pool *p, struct buf *b, const char *mark)
{
    int fd = take(p->fd);
    assert_true(get_until(fd, b, mark));
    return fd;
}

static void a_request_is_sent_as_given(void **state)
{
    static const struct {
        const char *method, *body, *want;
    } t[] = {
        {"GET", NULL, "GET /v1/x%2F../y?q HTTP/1.1\r\nHost: @\r\n\r\n"},
        {"POST", "{}",
         "POST /v1/x%2F../y?q HTTP/1.1\r\nHost: @\r\n"
         "Content-Length: 2\r\n\r\n{}"},
        {"POST", NULL,
         "POST /v1/x%2F../y?q HTTP/1.1\r\nHost: @\r\n"
         "Content-Length: 0\r\n\r\n"},
        {"DELETE", NULL, "DELETE /v1/x%2F../y?q HTTP/1.1\r\nHost: @\r\n\r\n"},
        {"DELETE", "x",
         "DELETE /v1/x%2F../y?q HTTP/1.1\r\nHost: @\r\n"
         "Content-Length: 1\r\n\r\nx"},
        {"GET", "y",
         "GET /v1/x%2F../y?q HTTP/1.1\r\nHost: @\r\n"
         "Content-Length: 1\r\n\r\ny"},
        {"HEAD", NULL, "HEAD /v1/x%2F../y?q HTTP/1.1\r\nHost: @\r\n\r\n"},
        {"PATCH", "z",
         "PATCH /v1/x%2F../y?q HTTP/1.1\r\nHost: @\r\n"
         "Content-Length: 1\r\n\r\nz"},
        {"PUT", NULL,
         "PUT /v1/x%2F../y?q HTTP/1.1\r\nHost: @\r\n"
         "Content-Length: 0\r\n\r\n"},
        {"GET", NULL, "GET /v1/x%2F../y?q HTTP/1.1\r\nHost: @\r\n\r\n"},
    };
    struct pool *p = pool_start();
    (void)state;
    // Twice over all: every handle gets every kind after every other kind.
    for (size_t i = 0; i < 2 * sizeof t / sizeof *t; i++) {
        size_t k = i * 7 % (sizeof t / sizeof *t);
        struct buf b, want;
        buf_init(&b, 1u << 20);
        buf_init(&want, 1u << 20);
        const char *at = strchr(t[k].want, '@');
        buf_add(&want, t[k].want, (size_t)(at - t[k].want));
        buf_printf(&want, "127.0.0.1:%d%s", p->port, at + 1);
        buf_char(&want, '\0');
        struct call *c =
            call(p, t[k].method,
                 t[k].body != NULL ? slice_str(t[k].body) : slice(NULL, 0));
        int fd = take_request(p, &b, want.p);
        assert_int_equal(b.n, want.n - 1);
        puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n"
                    "Connection: close\r\n\r\n");
        if (strcmp(t[k].method, "HEAD") != 0)
            puts_to(fd, "body");
        call_ends(c, UPSTREAM_DONE);
        assert_int_equal(c->sendings, 1);
        assert_int_equal(c->body.n, strcmp(t[k].method, "HEAD") ? 4 : 0);
        close(fd);
        call_free(c);
        buf_release(&b);
        buf_release(&want);
    }
    struct call *c = call_new(p, "POST", SLICE("b"));
    field(c, "X-Empty", "");
    field(c, "Content-Length", "77");
    field(c, "Transfer-Encoding", "chunked");
    field(c, "Connection", "close");
    field(c, "Authorization", "Bearer k");
    field(c, "user-agent", "me");
    on_loop(&p->r, start_it, c);
    struct buf b;
    buf_init(&b, 1u << 20);
    int fd = take_request(p, &b, "\r\n\r\nb");
    assert_true(contains(&b, "X-Empty:\r\n"));
    assert_true(contains(&b, "Authorization: Bearer k\r\n"));
    assert_true(contains(&b, "user-agent: me\r\n"));
    assert_true(contains(&b, "Content-Length: 1\r\n"));
    assert_false(contains(&b, "77"));
    assert_false(contains(&b, "chunked"));
    assert_false(contains(&b, "Accept"));
    assert_false(contains(&b, "Content-Type"));
    puts_to(fd, "HTTP/1.1 204 No\r\n\r\n");
    call_ends(c, UPSTREAM_DONE);
    close(fd);
    call_free(c);
    buf_release(&b);
    pool_stop(p);
}

static void an_answer_may_be_cut_at_any_byte(void **state)
{
    static const char text[] =
        "HTTP/1.1 100 Continue\r\nX: no\r\n\r\n"
        "HTTP/1.1 207 Multi\r\nA: 1\r\nB:\r\nContent-Encoding: gzip\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n";
    struct pool *p = pool_start();
    int fd = -1;
    (void)state;
    for (size_t cut = 1; cut < sizeof text - 1; cut++) {
        struct buf b;
        buf_init(&b, 1u << 20);
        struct call *c = call(p, "GET", slice(NULL, 0));
        fd = take_request(p, &b, "\r\n\r\n");
        put(fd, text, cut);
        if (cut % 8 == 0)
            (void)poll(NULL, 0, 1);
        put(fd, text + cut, sizeof text - 1 - cut);
        call_ends(c, UPSTREAM_DONE);
        assert_int_equal(c->heads, 1);
        assert_int_equal(c->status, 207);
        assert_int_equal(c->field_n, 4);
        assert_int_equal(c->body.n, 7);
        assert_memory_equal(c->body.p, "abcdefg", 7);
        assert_true(contains(&c->head, "A=1\nB=\nContent-Encoding=gzip\n"));
        close(fd);
        buf_release(&b);
        call_free(c);
    }
    pool_stop(p);
}

static void every_end_is_told_apart(void **state)
{
    static const struct {
        const char *answer;
        enum upstream_end how;
    } t[] = {
        {"", UPSTREAM_RESET},
        {"HTTP/1.1 200 OK\r\nContent-Le", UPSTREAM_RESET},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", UPSTREAM_CUT},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
         UPSTREAM_CUT},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
         UPSTREAM_CUT},
        {"HTTP/1.1 200 OK\r\n\r\nuntil the end", UPSTREAM_DONE},
        {"SSH-2.0-OpenSSH\r\n", UPSTREAM_INVALID},
        {"HTTP/1.1 2x0 OK\r\n\r\n", UPSTREAM_INVALID},
        {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", UPSTREAM_INVALID},
        {"HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n", UPSTREAM_INVALID},
    };
    struct pool *p = pool_start();
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct buf b;
        buf_init(&b, 1u << 20);
        struct call *c = call(p, "POST", SLICE("x"));
        int fd = take_request(p, &b, "\r\n\r\nx");
        puts_to(fd, t[i].answer);
        close(fd);
        wait_for(atomic_load(&c->dones) == 1);
        if (c->how != (int)t[i].how)
            fail_msg("%s: %d", t[i].answer, c->how);
        buf_release(&b);
        call_free(c);
    }
    pool_stop(p);
}

static void too_large_a_head_is_invalid(void **state)
{
    struct pool *p = pool_start();
    (void)state;
    for (int k = 0; k < 2; k++) {
        struct buf b;
        buf_init(&b, 1u << 20);
        struct call *c = call(p, "GET", slice(NULL, 0));
        int fd = take_request(p, &b, "\r\n\r\n");
        buf_clear(&b);
        buf_str(&b, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < (k ? 400 : 300); i++)
            buf_printf(&b, "X: %0*d\r\n", k ? 1 : 1000, i);
        for (size_t at = 0; at < b.n;) { // it may hang up in between
            ssize_t n = send(fd, b.p + at, b.n - at, MSG_NOSIGNAL);
            if (n <= 0)
                break;
            at += (size_t)n;
        }
        call_ends(c, UPSTREAM_INVALID);
        assert_int_equal(c->heads, 0);
        close(fd);
        buf_release(&b);
        call_free(c);
    }
    pool_stop(p);
}

static void an_unreachable_provider_gets_nothing_and_is_retried(void **state)
{
    struct pool *p = pool_start();
    (void)state;
    int gone_port, gone = serve(&gone_port);
    close(gone);
    struct call *c = call_new(p, "POST", SLICE("x"));
    (void)snprintf(c->url, sizeof c->url, "http://127.0.0.1:%d/", gone_port);
    c->req.url = slice_str(c->url);
    c->req.retries = 2;
    on_loop(&p->r, start_it, c);
    assert_int_equal(c->started, OK);
    call_ends(c, UPSTREAM_UNREACHABLE);
    assert_int_equal(c->sendings, 0);
    call_free(c);
    // A name that does not resolve (.invalid never does).
    c = call_new(p, "GET", slice(NULL, 0));
    (void)snprintf(c->url, sizeof c->url, "http://x.invalid/");
    c->req.url = slice_str(c->url);
    on_loop(&p->r, start_it, c);
    call_ends(c, UPSTREAM_UNREACHABLE);
    call_free(c);
    // Once something was sent there is no retry.
    c = call_new(p, "POST", SLICE("x"));
    c->req.retries = 5;
    on_loop(&p->r, start_it, c);
    struct buf b;
    buf_init(&b, 1u << 20);
    close(take_request(p, &b, "\r\n\r\nx"));
    call_ends(c, UPSTREAM_RESET);
    assert_int_equal(c->sendings, 1);
    assert_false(readable(p->fd, 100));
    call_free(c);
    buf_release(&b);
    pool_stop(p);
}

static void what_cannot_be_sent_is_refused(void **state)
{
    static const char *const url[] = {
        "ftp://h/",      "http://",           "x",          "http://h/a b",
        "http://u:p@h/", "http://h/\r\nX: y", "file:///etc"};
    struct pool *p = pool_start();
    (void)state;
    for (size_t i = 0; i < sizeof url / sizeof *url; i++) {
        struct call *c = call_new(p, "GET", slice(NULL, 0));
        c->req.url = slice_str(url[i]);
        on_loop(&p->r, start_it, c);
        if (c->started != E_INVALID)
            fail_msg("taken: %s", url[i]);
        call_free(c);
    }
    static const char *const f[][3] = {
        {"GET", "X", "a\r\nY: b"},
        {"GET", "X", "a\nb"},
        {"GET", "X\r\nY", "b"},
        {"GET", "", "b"},
        {"GET", "X:", "b"},
        {"G T", "X", "b"},
        {"", "X", "b"},
        {"GET\r\n", "X", "b"},
    };
    for (size_t i = 0; i < sizeof f / sizeof *f; i++) {
        struct call *c = call_new(p, f[i][0], slice(NULL, 0));
        field(c, f[i][1], f[i][2]);
        on_loop(&p->r, start_it, c);
        assert_int_equal(c->started, E_INVALID);
        assert_int_equal(c->dones, 0);
        call_free(c);
    }
    assert_false(readable(p->fd, 0));
    pool_stop(p);
}

static void connections_are_reused_and_dead_ones_replaced(void **state)
{
    struct pool *p = pool_start();
    struct buf b;
    int fd = -1;
    (void)state;
    buf_init(&b, 1u << 20);
    // One after the other they share one connection.
    for (int round = 0; round < 4; round++)
        for (int i = 0; i < 8; i++) {
            struct call *c = call(p, "POST", SLICE("x"));
            buf_clear(&b);
            if (i == 0 && (round == 0 || round == 2))
                fd = take(p->fd);
            assert_true(get_until(fd, &b, "\r\n\r\nx"));
            if (round == 3) { // it dies under the request that it has read
                close(fd);
                call_ends(c, UPSTREAM_RESET);
                assert_int_equal(c->sendings, 1);
                assert_int_equal(c->heads, 0);
                call_free(c);
                c = call(p, "POST", SLICE("x"));
                buf_clear(&b);
                do { // U4: what libcurl opened again stays empty
                    assert_int_equal(b.n, 0);
                    fd = take(p->fd);
                } while (!get_until(fd, &b, "\r\n\r\nx") && close(fd) == 0);
            }
            puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny");
            call_ends(c, UPSTREAM_DONE);
            assert_int_equal(c->got, 1);
            assert_int_equal(c->sendings, 1);
            call_free(c);
            if (round == 1 && i == 7) // idle, closed by the provider
                close(fd);
        }
    assert_false(readable(p->fd, 0));
    close(fd);
    buf_release(&b);
    pool_stop(p);
}

/* The kept connection is gone, and its kernel took nothing of the request: a
 * filter drops every segment on the provider's side, then it resets. */
static void what_no_peer_took_is_sent_again(void **state)
{
    static struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
    static const struct sock_fprog drop_all = {1, &none};
    static const struct linger at_once = {1, 0};
    struct pool *p = pool_start();
    struct buf b;
    (void)state;
    buf_init(&b, 4u << 20);
    for (size_t size = 1; size <= 1000000; size *= 1000) {
        char *body = xcalloc(size, 1);
        memset(body, 'x', size);
        struct call *c = call(p, "POST", SLICE("x"));
        buf_clear(&b);
        int fd = take_request(p, &b, "\r\n\r\nx");
        puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny");
        call_ends(c, UPSTREAM_DONE);
        call_free(c);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &drop_all,
                                    sizeof drop_all),
                         0);
        c = call(p, "POST", slice(body, size));
        wait_for(atomic_load(&c->sendings) == 1);
        assert_int_equal(
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
        close(fd);
        buf_clear(&b);
        fd = take_request(p, &b, "\r\n\r\nx");
        size_t head = (size_t)(strstr(b.p, "\r\n\r\n") - b.p) + 4;
        while (b.n < head + size)
            assert_true(get_some(fd, &b) > 0);
        puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny");
        call_ends(c, UPSTREAM_DONE);
        assert_int_equal(c->sendings, 2);
        assert_int_equal(b.n, head + size);
        call_free(c);
        close(fd);
        free(body);
    }
    assert_false(readable(p->fd, 0));
    buf_release(&b);
    pool_stop(p);
}

static void silence_ends_a_call_but_not_a_slow_or_paused_one(void **state)
{
    struct pool *p = pool_start();
    struct buf b;
    (void)state;
    buf_init(&b, 1u << 20);
    struct call *c[3];
    int fd[3];
    for (int i = 0; i < 3; i++) {
        c[i] = call_new(p, "GET", slice(NULL, 0));
        c[i]->req.silence_timeout_s = 1;
        c[i]->stop_at = i == 2 ? 1 : 0;
        on_loop(&p->r, start_it, c[i]);
        buf_clear(&b);
        fd[i] = take_request(p, &b, "\r\n\r\n");
    }
    puts_to(fd[2], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na");
    wait_for(atomic_load(&c[2]->got) == 1);
    puts_to(fd[2], "b");
    puts_to(fd[1], "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    wait_for(atomic_load(&c[2]->pushing));
    // A byte now and then, until the silent one has ended.
    for (int sent = 0; sent < 900 && c[0]->dones == 0; sent++) {
        puts_to(fd[1], ".");
        (void)poll(NULL, 0, 20);
    }
    call_ends(c[0], UPSTREAM_TIMEOUT);
    assert_int_equal(c[1]->dones, 0);
    assert_int_equal(c[2]->dones, 0);
    call_ends(c[1], UPSTREAM_TIMEOUT); /* now that it is silent too */
    assert_int_equal(c[2]->dones, 0);
    on_loop(&p->r, resume_it, c[2]);
    puts_to(fd[2], "c");
    call_ends(c[2], UPSTREAM_DONE);
    assert_memory_equal(c[2]->body.p, "abc", 3);
    for (int i = 0; i < 3; i++) {
        close(fd[i]);
        call_free(c[i]);
    }
    buf_release(&b);
    pool_stop(p);
}

static void pushing_back_stops_the_provider(void **state)
{
    enum { TOTAL = 100 << 20 };
    struct pool *p = pool_start();
    struct buf b;
    static char piece[65536];
    (void)state;
    buf_init(&b, 1u << 20);
    for (size_t i = 0; i < sizeof piece; i++)
        piece[i] = (char)i;
    struct call *c = call_new(p, "GET", slice(NULL, 0));
    c->stop_at = 300000;
    on_loop(&p->r, start_it, c);
    int fd = take_request(p, &b, "\r\n\r\n");
    (void)snprintf(piece, 100, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
                   TOTAL);
    puts_to(fd, piece);
    size_t sent = 0;
    bool resumed = false;
    while (sent < TOTAL) {
        struct pollfd w = {.fd = fd, .events = POLLOUT};
        if (poll(&w, 1, resumed ? PATIENCE_MS : 500) == 0) {
            assert_false(resumed);
            assert_true(atomic_load(&c->pushing));
            assert_true(sent < (32 << 20)); // in the kernel, not with us
            assert_true(atomic_load(&c->got) < 400000);
            on_loop(&p->r, resume_it, c);
            resumed = true;
            continue;
        }
        size_t n = TOTAL - sent < sizeof piece ? TOTAL - sent : sizeof piece;
        ssize_t k = send(fd, piece, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        assert_true(k > 0);
        sent += (size_t)k;
    }
    assert_true(resumed);
    call_ends(c, UPSTREAM_DONE);
    assert_int_equal(c->got, TOTAL);
    close(fd);
    call_free(c);
    buf_release(&b);
    pool_stop(p);
}

static void large_bodies_go_up_whole(void **state)
{
    enum { TOTAL = 20 << 20 };
    struct pool *p = pool_start();
    char *body = xcalloc(1, TOTAL);
    struct buf b;
    (void)state;
    buf_init(&b, 64u << 20);
    for (int i = 0; i < TOTAL; i++)
        body[i] = (char)('a' + i % 25);
    struct call *c = call(p, "POST", slice(body, TOTAL));
    int fd = take_request(p, &b, "\r\n\r\n");
    char *at = (char *)memmem(b.p, b.n, "\r\n\r\n", 4) + 4;
    size_t head = (size_t)(at - b.p);
    while (b.n < head + TOTAL)
        assert_true(get_some(fd, &b) > 0);
    assert_memory_equal(b.p + head, body, TOTAL);
    puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    call_ends(c, UPSTREAM_DONE);
    // An answer before the body is up, then the provider hangs up.
    struct call *d = call(p, "POST", slice(body, TOTAL));
    buf_clear(&b);
    assert_true(get_until(fd, &b, "\r\n\r\n"));
    puts_to(fd, "HTTP/1.1 400 No\r\nContent-Length: 2\r\n"
                "Connection: close\r\n\r\nno");
    wait_for(atomic_load(&d->got) == 2 || atomic_load(&d->dones) == 1);
    assert_int_equal(d->status, 400);
    close(fd);
    wait_for(atomic_load(&d->dones) == 1);
    call_free(c);
    call_free(d);
    buf_release(&b);
    free(body);
    pool_stop(p);
}

static void a_call_can_be_cancelled_at_any_stage(void **state)
{
    struct pool *p = pool_start();
    (void)state;
    for (int k = 0; k < 24; k++) {
        struct buf b;
        buf_init(&b, 1u << 20);
        char body[] = {(char)('A' + k), '\0'};
        char mark[] = {'\r', '\n', '\r', '\n', body[0], '\0'};
        struct call *c = call_new(p, "POST", slice(body, 1));
        int stage = k % 6;
        c->cancel_at = stage == 3   ? AT_SENDING
                       : stage == 4 ? AT_HEAD
                       : stage == 5 ? AT_DATA
                                    : NOWHERE;
        on_loop(&p->r, start_it, c);
        if (stage == 0) { // at once
            on_loop(&p->r, cancel_it, c);
            call_free(c);
            buf_release(&b);
            continue;
        }
        int fd = -1;
        do { // connections of calls that were cancelled at once
            if (fd != -1)
                close(fd);
            fd = take(p->fd);
            buf_clear(&b);
        } while (stage != 3 && !get_until(fd, &b, mark));
        if (stage == 1)
            on_loop(&p->r, cancel_it, c);
        if (stage == 2 || stage == 4 || stage == 5)
            puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
        if (stage == 2) {
            wait_for(atomic_load(&c->got) == 3);
            on_loop(&p->r, cancel_it, c);
        }
        (void)get_all(fd, &b); // it hangs up
        close(fd);
        assert_int_equal(c->dones, 0);
        assert_int_equal(c->heads, stage == 2 || stage >= 4);
        assert_int_equal(c->got, stage == 2 || stage == 5 ? 3 : 0);
        // Nothing of it is left on the loop.
        on_loop(&p->r, cancel_it, c);
        call_free(c);
        buf_release(&b);
    }
    // Freeing the pool ends what runs, without callbacks.
    struct buf b;
    buf_init(&b, 1u << 20);
    struct call *c = call(p, "GET", slice(NULL, 0));
    int fd = take(p->fd);
    struct call *d = call(p, "GET", slice(NULL, 0));
    pool_stop(p);
    assert_int_equal(c->dones + d->dones, 0);
    close(fd);
    call_free(c);
    call_free(d);
    buf_release(&b);
}

/* ---- TLS, with the listener as the provider ----------------------------- */

static void *tls_head(void *server, struct stream *s, const struct http_head *h)
{
    (void)server;
    (void)h;
    return s;
}

static bool tls_body(void *x, const char *p, size_t n)
{
    (void)x;
    (void)p;
    (void)n;
    return true;
}

static void tls_end(void *x)
{
    stream_respond(x, 200, NULL, 0, SLICE("secret"));
}

static void tls_close(void *x, bool complete)
{
    (void)x;
    (void)complete;
}

static void certificates_are_verified(void **state)
{
    static const struct stream_ops tls_ops = {
        .on_head = tls_head,
        .on_body = tls_body,
        .on_end = tls_end,
        .on_close = tls_close,
    };
    char ca[] = "/tmp/net-upstream-XXXXXX";
    int ca_fd = mkstemp(ca), fd, port = 0;
    struct runner r;
    struct listener *ln;
    (void)state;
    assert_true(ca_fd != -1);
    assert_int_equal(write(ca_fd, test_cert, sizeof test_cert - 1),
                     sizeof test_cert - 1);
    close(ca_fd);
    assert_int_equal(sock_listen("127.0.0.1", &port, &fd, NULL), OK);
    assert_int_equal(loop_new(&r.l, NULL), OK);
    struct listen_conf conf = {.fd = fd,
                               .max_head = 65536,
                               .idle_timeout_s = 60,
                               .head_timeout_s = 60,
                               .max_connections = 100,
                               .tls_cert_pem = test_cert,
                               .tls_key_pem = test_key};
    assert_int_equal(listener_new(r.l, &conf, &tls_ops, NULL, &ln, NULL), OK);
    runner_start(&r);
    for (int trusted = 0; trusted < 2; trusted++) {
        struct pool *p = xcalloc(1, sizeof *p);
        assert_int_equal(loop_new(&p->r.l, NULL), OK);
        assert_int_equal(upstream_pool_new(p->r.l, &p->p, NULL), OK);
        p->fd = serve(&p->port);
        if (trusted)
            upstream_pool_trust(p->p, ca);
        runner_start(&p->r);
        for (int i = 0; i < 20; i++) {
            struct call *c = call_new(p, "POST", SLICE("x"));
            (void)snprintf(c->url, sizeof c->url, "https://127.0.0.1:%d/",
                           port);
            c->req.url = slice_str(c->url);
            on_loop(&p->r, start_it, c);
            call_ends(c, trusted ? UPSTREAM_DONE : UPSTREAM_UNREACHABLE);
            assert_int_equal(c->sendings, trusted);
            assert_int_equal(c->got, trusted ? 6 : 0);
            call_free(c);
        }
        pool_stop(p);
    }
    runner_stop(&r);
    listener_free(&ln);
    loop_free(&r.l);
    close(fd);
    (void)unlink(ca);
}

static void nothing_is_left_open(void **state)
{
    (void)state;
    int before = open_fds();
    for (int round = 0; round < 3; round++) {
        struct pool *p = pool_start();
        struct buf b;
        buf_init(&b, 1u << 20);
        for (int i = 0; i < 10; i++) {
            struct call *c = call(p, "GET", slice(NULL, 0));
            int fd = take_request(p, &b, "\r\n\r\n");
            puts_to(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
                        "Connection: close\r\n\r\n");
            call_ends(c, UPSTREAM_DONE);
            close(fd);
            call_free(c);
        }
        buf_release(&b);
        pool_stop(p);
    }
    assert_int_equal(open_fds(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_sent_as_given),
        cmocka_unit_test(an_answer_may_be_cut_at_any_byte),
        cmocka_unit_test(every_end_is_told_apart),
        cmocka_unit_test(too_large_a_head_is_invalid),
        cmocka_unit_test(an_unreachable_provider_gets_nothing_and_is_retried),
        cmocka_unit_test(what_cannot_be_sent_is_refused),
        cmocka_unit_test(connections_are_reused_and_dead_ones_replaced),
        cmocka_unit_test(what_no_peer_took_is_sent_again),
        cmocka_unit_test(silence_ends_a_call_but_not_a_slow_or_paused_one),
        cmocka_unit_test(pushing_back_stops_the_provider),
        cmocka_unit_test(large_bodies_go_up_whole),
        cmocka_unit_test(a_call_can_be_cancelled_at_any_stage),
        cmocka_unit_test(certificates_are_verified),
        cmocka_unit_test(nothing_is_left_open),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("net_upstream", tests, NULL, NULL);
}

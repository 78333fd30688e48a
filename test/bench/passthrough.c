/* passthrough LOOPS UPSTREAM - the transport alone: listener, upstream,
 * listener.  Prints its port and serves until it is killed.  What a request
 * costs here is what the gateway cannot do without; see passthrough.sh.
 */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/listen.h"
#include "net/loop.h"
#include "net/upstream.h"

#define HIGH (256u << 10) /* answer bytes on their way before we push back */

struct thread {
    struct loop *loop;
    struct upstream_pool *pool;
    struct listener *listener;
    const char *target;
    pthread_t id;
};

struct exchange {
    struct thread *t;
    struct stream *s;
    struct upstream_call *u;
    struct slice method;
    const struct http_field *fields;
    int field_count;
    char url[1024];
    struct buf body, answer;
    int status;
    int64_t length;
    bool whole, begun;
    struct http_field type;
    char type_text[128];
};

static void up_head(void *x, int status, const struct http_field *f, int n)
{
    struct exchange *e = x;
    e->status = status;
    e->length = -1;
    for (int i = 0; i < n; i++) {
        if (slice_eq_nocase(f[i].name, SLICE("content-length"))) {
            e->length = 0;
            for (size_t k = 0; k < f[i].value.n && k < 18; k++)
                e->length = e->length * 10 + (f[i].value.p[k] - '0');
        } else if (slice_eq_nocase(f[i].name, SLICE("content-type"))) {
            size_t k = f[i].value.n < 128 ? f[i].value.n : 128;
            memcpy(e->type_text, f[i].value.p, k);
            e->type = (struct http_field){SLICE("Content-Type"),
                                          slice(e->type_text, k)};
        }
    }
    int fields = e->type.name.n > 0;
    e->whole =
        e->length >= 0 && e->length <= 65536 && !slice_is(e->method, "HEAD");
    if (!e->whole && e->length >= 0)
        stream_begin_length(e->s, status, &e->type, fields, e->length);
    else if (!e->whole)
        stream_begin(e->s, status, &e->type, fields);
    e->begun = !e->whole;
}

static bool up_data(void *x, const char *p, size_t n)
{
    struct exchange *e = x;
    if (e->whole) {
        buf_add(&e->answer, p, n);
        return true;
    }
    if (stream_queued(e->s) >= HIGH)
        return false;
    stream_write(e->s, p, n);
    return true;
}

static void up_done(void *x, enum upstream_end how)
{
    struct exchange *e = x;
    e->u = NULL;
    if (how == UPSTREAM_DONE && e->whole)
        stream_respond(e->s, e->status, &e->type, e->type.name.n > 0,
                       buf_get(&e->answer));
    else if (how == UPSTREAM_DONE)
        stream_end(e->s);
    else if (e->begun)
        stream_abort(e->s);
    else
        stream_respond(e->s, 502, NULL, 0, SLICE("bad gateway\n"));
}

static const struct upstream_ops up_ops = {
    .on_head = up_head, .on_data = up_data, .on_done = up_done};

static void *on_head(void *server, struct stream *s, const struct http_head *h)
{
    struct exchange *e = xcalloc(1, sizeof *e);
    e->t = server;
    e->s = s;
    e->method = h->method;
    e->fields = h->fields;
    e->field_count = h->field_count;
    (void)snprintf(e->url, sizeof e->url, "%s%.*s", e->t->target,
                   SLICE_FMT(h->path));
    buf_init(&e->body, 128u << 20);
    buf_init(&e->answer, 128u << 20);
    stream_marks(s, HIGH / 2);
    return e;
}

static bool on_body(void *x, const char *p, size_t n)
{
    struct exchange *e = x;
    buf_add(&e->body, p, n);
    return true;
}

static void on_end(void *x)
{
    struct exchange *e = x;
    struct http_field f[LISTEN_HEADERS_MAX];
    int n = 0;
    for (int i = 0; i < e->field_count; i++)
        if (!slice_eq_nocase(e->fields[i].name, SLICE("host")))
            f[n++] = e->fields[i];
    struct upstream_req r = {
        .method = e->method,
        .url = slice_str(e->url),
        .fields = f,
        .field_count = n,
        .body = buf_get(&e->body),
        .connect_timeout_s = 5,
        .silence_timeout_s = 30,
    };
    if (upstream_start(e->t->pool, &r, &up_ops, e, &e->u, NULL) != OK)
        stream_respond(e->s, 500, NULL, 0, SLICE("cannot start\n"));
}

static void on_writable(void *x)
{
    struct exchange *e = x;
    if (e->u != NULL)
        upstream_resume(e->u);
}

static void on_gone(void *x)
{
    struct exchange *e = x;
    upstream_cancel(&e->u);
}

static void on_close(void *x, bool complete)
{
    struct exchange *e = x;
    (void)complete;
    upstream_cancel(&e->u);
    buf_release(&e->body);
    buf_release(&e->answer);
    free(e);
}

static const struct stream_ops ops = {on_head,     on_body, on_end,
                                      on_writable, on_gone, on_close};

static void *run(void *arg)
{
    struct thread *t = arg;
    loop_run(t->loop);
    return NULL;
}

int main(int argc, char **argv)
{
    int port = 0, fd = -1, n = argc > 1 ? argv[1][0] - '0' : 0;
    struct err err = {0};
    if (argc != 3 || n < 1 || n > 8) {
        fprintf(stderr, "usage: passthrough 1..8 http://HOST:PORT\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    if (sock_listen("127.0.0.1", &port, &fd, &err) != OK)
        goto fail;
    struct listen_conf conf = {.fd = fd,
                               .max_head = 65536,
                               .idle_timeout_s = 75,
                               .head_timeout_s = 30,
                               .max_connections = 20000};
    struct thread t[8];
    for (int i = 0; i < n; i++) {
        t[i] = (struct thread){.target = argv[2]};
        if (loop_new(&t[i].loop, &err) != OK ||
            upstream_pool_new(t[i].loop, &t[i].pool, &err) != OK ||
            listener_new(t[i].loop, &conf, &ops, &t[i], &t[i].listener, &err) !=
                OK)
            goto fail;
    }
    for (int i = 1; i < n; i++)
        if (pthread_create(&t[i].id, NULL, run, &t[i]) != 0)
            goto fail;
    printf("%d\n", port);
    (void)fflush(stdout);
    (void)run(&t[0]);
    return 0;
fail:
    fprintf(stderr, "passthrough: %s\n", err.text);
    return 1;
}

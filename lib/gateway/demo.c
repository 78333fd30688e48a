/* demo.c - see demo.h. */
#include "gateway/demo.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "net/loop.h"
#include "provider/demo.h"

#define BODY_MAX (8u << 20)
#define PIECE_MAX (1u << 20)

struct demo_call {
    struct stream *stream;
    const struct http_head *head;
    struct loop_timer timer;
    struct demo *demo;
    struct buf body, piece;
};

static void *on_head(void *server, struct stream *s, const struct http_head *h)
{
    struct demo_call *c = xcalloc(1, sizeof *c);
    (void)server;
    c->stream = s;
    c->head = h;
    buf_init(&c->body, BODY_MAX);
    buf_init(&c->piece, PIECE_MAX);
    return c;
}

static bool on_body(void *arg, const char *p, size_t n)
{
    struct demo_call *c = arg;
    buf_add(&c->body, p, n);
    return true;
}

/* Sends the piece that is due and waits for the next. */
static void step(void *arg)
{
    struct demo_call *c = arg;
    int delay_ms = 0;
    if (c->stream == NULL)
        return;
    if (c->piece.n > 0)
        stream_write(c->stream, c->piece.p, c->piece.n);
    buf_clear(&c->piece);
    if (!demo_next(c->demo, &c->piece, &delay_ms)) {
        stream_end(c->stream);
        return;
    }
    c->timer.fn = step;
    c->timer.arg = c;
    loop_timer_set(stream_loop(c->stream), &c->timer, (int64_t)delay_ms * 1000);
}

static void on_end(void *arg)
{
    struct demo_call *c = arg;
    c->demo = demo_new(c->head->method, c->head->path, buf_get(&c->body),
                       clock_now_ms() / 1000);
    const struct http_field f[] = {
        {SLICE("Content-Type"), slice_str(demo_content_type(c->demo))}};
    stream_begin(c->stream, demo_status(c->demo), f, 1);
    step(c);
}

static void on_writable(void *arg)
{
    (void)arg;
}

static void on_gone(void *arg)
{
    struct demo_call *c = arg;
    loop_timer_cancel(stream_loop(c->stream), &c->timer);
}

static void on_close(void *arg, bool complete)
{
    struct demo_call *c = arg;
    (void)complete;
    loop_timer_cancel(stream_loop(c->stream), &c->timer);
    demo_free(&c->demo);
    buf_release(&c->body);
    buf_release(&c->piece);
    free(c);
}

const struct stream_ops demo_server_ops = {on_head,     on_body, on_end,
                                           on_writable, on_gone, on_close};

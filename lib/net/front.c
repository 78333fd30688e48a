/* front.c - see front.h. */
#include "net/front.h"

#include <stdlib.h>

#include "base/mem.h"

struct chosen {
    const struct stream_ops *ops;
    void *x;
};

static void *on_head(void *server, struct stream *s, const struct http_head *h)
{
    const struct front *f = server;
    struct chosen *c = xcalloc(1, sizeof *c);
    bool first = f->is_first(h);
    c->ops = first ? f->first : f->second;
    c->x = c->ops->on_head(first ? f->first_server : f->second_server, s, h);
    if (c->x == NULL) {
        free(c);
        return NULL;
    }
    return c;
}

static bool on_body(void *x, const char *p, size_t n)
{
    struct chosen *c = x;
    return c->ops->on_body(c->x, p, n);
}

static void on_end(void *x)
{
    struct chosen *c = x;
    c->ops->on_end(c->x);
}

static void on_writable(void *x)
{
    struct chosen *c = x;
    c->ops->on_writable(c->x);
}

static void on_gone(void *x)
{
    struct chosen *c = x;
    c->ops->on_gone(c->x);
}

static void on_close(void *x, bool complete)
{
    struct chosen *c = x;
    c->ops->on_close(c->x, complete);
    free(c);
}

const struct stream_ops front_ops = {on_head,     on_body, on_end,
                                     on_writable, on_gone, on_close};

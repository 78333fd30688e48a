/* say.c - keeping what was said. */
#include "provider/say.h"

#include "base/mem.h"

#define KEPT_MAX (32u << 20) /* bytes of one text or argument */

void say_reader_init(struct say_reader *r,
                     void (*emit)(void *arg, const struct say *s), void *arg)
{
    *r = (struct say_reader){.emit = emit, .arg = arg};
}

void say_writer_init(struct say_writer *w, struct slice id, int64_t created,
                     bool stream, bool include_usage)
{
    *w = (struct say_writer){.stream = stream,
                             .include_usage = include_usage,
                             .created = created,
                             .block = SAY_STOP};
    size_t n = id.n < sizeof w->id - 1 ? id.n : sizeof w->id - 1;
    memcpy(w->id, id.p, n);
    buf_init(&w->items, KEPT_MAX);
    buf_init(&w->piece, KEPT_MAX);
    for (int i = 0; i < SAY_CHOICES; i++) {
        buf_init(&w->of[i].text, KEPT_MAX);
        buf_init(&w->of[i].thinking, KEPT_MAX);
    }
}

void say_writer_release(struct say_writer *w)
{
    buf_release(&w->items);
    buf_release(&w->piece);
    for (int i = 0; i < SAY_CHOICES; i++) {
        struct say_choice *c = &w->of[i];
        buf_release(&c->text);
        buf_release(&c->thinking);
        for (int k = 0; k < c->call_count; k++) {
            buf_release(&c->calls[k].args);
            buf_release(&c->calls[k].signature);
        }
        free(c->calls);
        c->calls = NULL;
        c->call_count = 0;
    }
}

static void put(char *to, struct slice s)
{
    size_t n = s.n < SAY_ID_MAX ? s.n : SAY_ID_MAX;
    if (n > 0)
        memcpy(to, s.p, n);
    to[n] = '\0';
}

static bool call_keep(struct say_choice *c, const struct say *s)
{
    if (c->call_count == SAY_CALLS)
        return false;
    if (c->calls == NULL)
        c->calls = xcalloc(SAY_CALLS, sizeof *c->calls);
    struct say_call *k = &c->calls[c->call_count++];
    put(k->id, s->id);
    put(k->name, s->name);
    buf_init(&k->args, KEPT_MAX);
    buf_init(&k->signature, KEPT_MAX);
    buf_slice(&k->signature, s->signature);
    return true;
}

bool say_keep(struct say_writer *w, const struct say *s)
{
    if (s->choice < 0 || s->choice >= SAY_CHOICES)
        return false;
    struct say_choice *c = &w->of[s->choice];
    switch (s->kind) {
    case SAY_START:
        if (s->text.n > 0 && s->text.n < sizeof w->model) {
            memcpy(w->model, s->text.p, s->text.n);
            w->model[s->text.n] = '\0';
        }
        return true;
    case SAY_TEXT:
        c->used = true;
        buf_slice(&c->text, s->text);
        return !c->text.failed;
    case SAY_THINKING:
        c->used = true;
        buf_slice(&c->thinking, s->text);
        return !c->thinking.failed;
    case SAY_CALL:
        c->used = true;
        return call_keep(c, s);
    case SAY_ARGS:
        if (c->call_count == 0)
            return false;
        buf_slice(&c->calls[c->call_count - 1].args, s->text);
        return !c->calls[c->call_count - 1].args.failed;
    case SAY_STOP:
        c->used = c->stopped = true;
        c->stop = s->stop;
        return true;
    case SAY_ERROR:
        w->error = true;
        return true;
    }
    return true;
}

// rooms: http base
/* The JSON scanner: fed whole, in two pieces at every cut and byte by byte it
 * makes the same calls; it accepts what base/json accepts; every value it
 * reports stands at the place it gives. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "http/scan.h"

#define CUTS_MAX 400
#define LOG_MAX (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = {
    "model",
    "usage.prompt_tokens",
    "choices.*.delta.content",
    "choices",
    "*",
    "usage",
    "a.*.b",
    "a.b.c.d",
    "messages.*.content.*.text",
    "x.long.path",
};
#define PATHS (sizeof paths / sizeof *paths)

/* What was called, as bytes: values, and text per path. */
struct seen {
    struct slice in;
    struct buf values, text[PATHS];
};

static void on_value(void *arg, int path, const struct scan_value *v)
{
    struct seen *s = arg;
    assert(v->from < v->to && v->to <= s->in.n);
    buf_printf(&s->values, "%d %d %zu %zu %zu %u %d %d ", path, (int)v->type,
               v->from, v->to, v->key_from, v->count, v->cut, v->repeated);
    buf_slice(&s->values, v->text);
    buf_char(&s->values, '\n');
}

static void on_text(void *arg, int path, const char *p, size_t n)
{
    buf_add(&((struct seen *)arg)->text[path], p, n);
}

static enum status feed(struct scan *s, const struct scan_paths *p,
                        struct seen *to, size_t cut, size_t step)
{
    const struct slice in = to->in;
    buf_clear(&to->values);
    for (size_t i = 0; i < PATHS; i++)
        buf_clear(&to->text[i]);
    scan_start(s, p, on_value, to);
    scan_on_text(s, on_text);
    enum status st = OK;
    for (size_t at = 0; at < in.n && st == OK;) {
        size_t n = step > 0 ? step : at < cut ? cut - at : in.n - at;
        n = n < in.n - at ? n : in.n - at;
        st = scan_feed(s, in.p + at, n);
        at += n;
    }
    return scan_end(s) == OK ? st : E_INVALID;
}

static void same(const struct seen *a, const struct seen *b)
{
    assert(slice_eq(buf_get(&a->values), buf_get(&b->values)));
    for (size_t i = 0; i < PATHS; i++)
        assert(slice_eq(buf_get(&a->text[i]), buf_get(&b->text[i])));
}

/* Top-level values one by one, against the tree. */
static void on_top(void *arg, int path, const struct scan_value *v)
{
    const struct slice in = *(struct slice *)arg;
    struct arena a;
    struct json *j = NULL;
    (void)path;
    arena_init(&a, 64u << 20);
    enum status st =
        json_parse(&a, slice(in.p + v->from, v->to - v->from), &j, NULL);
    // an inner object read as a top one may not repeat a key
    if (st == OK) {
        static const enum json_type type[] = {
            JSON_NULL,   JSON_FALSE,  JSON_TRUE,  JSON_NUMBER,
            JSON_STRING, JSON_OBJECT, JSON_ARRAY,
        };
        assert(j->type == type[v->type]);
        assert(j->count == v->count);
        if (v->type == SCAN_STRING || v->type == SCAN_NUMBER)
            assert(v->cut ? v->text.n <= j->text.n &&
                                memcmp(v->text.p, j->text.p, v->text.n) == 0
                          : slice_eq(v->text, j->text));
    } else
        assert(v->type == SCAN_OBJECT);
    arena_release(&a);
}

static void against_tree(struct scan *s, struct slice in, enum status scanned)
{
    static const char *const top[] = {"*"};
    struct arena a;
    struct json *j;
    struct err err = {0};
    struct scan_paths *p = scan_paths_new(top, 1);
    arena_init(&a, 64u << 20);
    enum status st = json_parse(&a, in, &j, &err);
    bool twice = st == E_INVALID && strstr(err.text, "duplicate key") != NULL;
    assert(twice || (st == OK) == (scanned == OK));
    if (scanned == OK) {
        scan_start(s, p, on_top, &in);
        st = scan_feed(s, in.p, in.n);
        assert(st == OK);
        st = scan_end(s);
        assert(st == OK);
    }
    scan_paths_free(&p);
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen whole = {0}, cut = {0};
    struct scan_paths *p = scan_paths_new(paths, PATHS);
    struct scan *s = scan_new();
    whole.in = cut.in = slice((const char *)data, size);
    buf_init(&whole.values, LOG_MAX);
    buf_init(&cut.values, LOG_MAX);
    for (size_t i = 0; i < PATHS; i++) {
        buf_init(&whole.text[i], LOG_MAX);
        buf_init(&cut.text[i], LOG_MAX);
    }
    enum status st = feed(s, p, &whole, size, 0);
    size_t at = scan_error_at(s);
    size_t step = size / CUTS_MAX + 1;
    for (size_t c = 1; c < size; c += step) {
        enum status two = feed(s, p, &cut, c, 0);
        assert(two == st && (st == OK || scan_error_at(s) == at));
        same(&whole, &cut);
    }
    enum status bytes = feed(s, p, &cut, 0, 1);
    assert(bytes == st);
    same(&whole, &cut);
    against_tree(s, whole.in, st);
    buf_release(&whole.values);
    buf_release(&cut.values);
    for (size_t i = 0; i < PATHS; i++) {
        buf_release(&whole.text[i]);
        buf_release(&cut.text[i]);
    }
    scan_free(&s);
    scan_paths_free(&p);
    return 0;
}

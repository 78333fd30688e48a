// rooms: base
/* The tree reader: what it accepts, written again and read again, is the same
 * tree. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write(struct json_out *o, const struct json *v)
{
    switch (v->type) {
    case JSON_NULL:
        json_null(o);
        break;
    case JSON_FALSE:
    case JSON_TRUE:
        json_bool(o, v->type == JSON_TRUE);
        break;
    case JSON_NUMBER:
        json_raw(o, v->text);
        break;
    case JSON_STRING:
        json_str(o, v->text);
        break;
    case JSON_ARRAY:
        json_arr(o);
        for (const struct json *c = v->child; c != NULL; c = c->next)
            write(o, c);
        json_arr_end(o);
        break;
    case JSON_OBJECT:
        json_obj(o);
        for (const struct json *c = v->child; c != NULL; c = c->next) {
            json_key_slice(o, c->key);
            write(o, c);
        }
        json_obj_end(o);
        break;
    }
}

static void same(const struct json *a, const struct json *b)
{
    uint32_t n = 0;
    assert(a->type == b->type && a->count == b->count);
    assert(slice_eq(a->text, b->text) && slice_eq(a->key, b->key));
    const struct json *y = b->child;
    for (const struct json *x = a->child; x != NULL; x = x->next, n++) {
        assert(y != NULL);
        same(x, y);
        y = y->next;
    }
    assert(y == NULL && n == a->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct buf b;
    struct json_out o;
    struct json *v, *again = NULL;
    struct err err;
    arena_init(&a, 64u << 20);
    buf_init(&b, 16u << 20);
    if (json_parse(&a, slice((const char *)data, size), &v, &err) == OK) {
        int64_t n;
        (void)json_i64(v, &n);
        (void)json_get(v, "model");
        json_out_init(&o, &b);
        write(&o, v);
        assert(!b.failed);
        enum status st = json_parse(&a, buf_get(&b), &again, &err);
        assert(st == OK);
        same(v, again);
    }
    buf_release(&b);
    arena_release(&a);
    return 0;
}

// rooms: rego base
/* One builtin with arguments from JSON.  The text is a name, a line break and
 * an array.  Called twice under tight limits: both calls must agree, and what
 * comes out must print. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/crypt.h"
#include "rego/builtin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool count_only(void *arg, const struct value *v)
{
    size_t *n = arg;
    assert(v->kind == V_ARRAY && v->n == 2);
    return ++*n < 10000;
}

static enum builtin_status call(const struct builtin *b, struct arena *a,
                                const struct value *args, struct value *out)
{
    struct builtin_ctx c = {.arena = a,
                            .self = b,
                            .steps_left = 50000,
                            .until_clock = 50000,
                            .now_ns = 1700000000000000000,
                            .seed = 1};
    size_t results = 0;
    *out = value_undef();
    enum builtin_status st = b->rel != NULL
                                 ? b->rel(&c, args, count_only, &results)
                                 : b->fn(&c, args, out);
    if (st == BUILTIN_OK && b->rel == NULL)
        assert(out->kind != V_UNDEF || (b->flags & BUILTIN_VOID) != 0);
    if (st == BUILTIN_ERROR || st == BUILTIN_FATAL)
        assert(c.code != NULL && c.message.p != NULL);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a, one, two;
    struct slice rest = slice((const char *)data, size);
    struct slice name = slice_cut(&rest, '\n');
    const struct builtin *b = builtin_find(name);
    struct value args, x, y;
    struct err err;
    if (b == NULL || (b->fn == NULL && b->rel == NULL) || rest.p == NULL ||
        rest.n > 4096 || !crypt_init())
        return 0;
    arena_init(&a, 8u << 20);
    arena_init(&one, 16u << 20);
    arena_init(&two, 16u << 20);
    if (value_parse_json(&a, rest, &args, &err) == OK && args.kind == V_ARRAY &&
        args.n == b->arity) {
        enum builtin_status sx = call(b, &one, args.u.v, &x);
        enum builtin_status sy = call(b, &two, args.u.v, &y);
        bool chance = (b->flags & BUILTIN_NONDETERMINISTIC) != 0;
        assert(sx == sy || chance);
        if (sx == BUILTIN_OK && sy == BUILTIN_OK && b->rel == NULL &&
            x.kind != V_UNDEF) {
            assert(value_equal(&x, &y) || chance);
            struct buf out;
            buf_init(&out, 1 << 20);
            value_json(&out, &x);
            buf_release(&out);
        }
    }
    arena_release(&two);
    arena_release(&one);
    arena_release(&a);
    return 0;
}

// rooms: http base
/* Queries and header values: what is found lies in bounds and agrees with a
 * walk over all; addresses read are in their own network. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "http/header.h"
#include "http/inflate.h"
#include "http/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void queries(struct slice in)
{
    struct arena a;
    struct slice rest = in, name, value, first = {NULL, 0};
    arena_init(&a, 16u << 20);
    while (query_next(&rest, &name, &value, &a)) {
        assert(name.n + value.n <= in.n);
        assert(memchr(name.p, '\0', name.n) == NULL);
        if (first.p == NULL && slice_is(name, "key"))
            first = value;
    }
    value = query_find(in, "key", &a);
    assert((value.p == NULL) == (first.p == NULL));
    assert(value.p == NULL || slice_eq(value, first));
    struct slice text = query_decode(in, false, &a);
    assert(text.p == NULL || text.n <= in.n);
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice((const char *)data, size);
    struct cidr net, all;
    enum inflate_kind kind;
    queries(in);
    struct slice cut = header_text(in, size / 2);
    assert(cut.n <= size / 2);
    (void)header_media_is(in, "application/json");
    (void)inflate_kind_of(in, &kind);
    struct slice line = in, addr;
    addr = slice_cut(&line, '\n'); // a network, then X-Forwarded-For
    if (header_cidr(addr, &net)) {
        assert(net.bits >= 0 && net.bits <= 128);
        addr = slice_cut(&addr, '/');
        assert(header_in(addr, &net, 1));
        struct slice from = header_source(addr, line, &net, 1);
        assert(from.n <= size && from.p != NULL);
    }
    bool ok = header_cidr(SLICE("::/0"), &all);
    assert(ok);
    return 0;
}

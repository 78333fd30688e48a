// rooms: price call base
/* Price lists from outside: our text, MODEL_PRICING JSON, public lists.  The
 * first byte chooses.  Whatever is accepted must write and read the same,
 * answer look-ups, and never cost a negative amount. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "price/book.h"
#include "price/cost.h"
#include "price/import.h"
#include "price/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool look(void *arg, const struct price *p)
{
    const struct book *k = arg;
    struct usage u = {.input = 300000,
                      .cached = 10,
                      .cache_write = 10,
                      .output = 1000,
                      .web_searches = 1,
                      .images = 1,
                      .characters = 1,
                      .audio_ms = 1};
    struct call c = {.op = OP_CHAT,
                     .klass = ROUTE_METERED,
                     .max_output = 1000,
                     .choices = 1,
                     .input_bound = 300000,
                     .web_searches = 1,
                     .images = 1,
                     .characters = 1};
    struct cost_limits lim = {0, 1};
    struct cost cost;
    u.audio_ms = 0; // no bound of a call covers it
    cost_of(p, &u, &cost);
    cost_worst(p, &lim, &c);
    assert(cost.nano >= 0);
    assert(cost.nano <= cost_hold(&c.worst, c.worst.out_tokens));
    assert(book_find(k, p->provider, p->model, p->from_ms) != NULL);
    assert(book_dearest(k, p->provider, p->from_ms) != NULL);

    struct buf b;
    struct price q;
    bool found;
    buf_init(&b, 1 << 20);
    text_write(&b, p);
    assert(!b.failed);
    enum status st = text_row(slice(b.p, b.n - 1), 1, &q, &found, NULL);
    assert(st == OK && found);
    assert(q.standard.in == p->standard.in && q.provider == p->provider);
    buf_release(&b);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    if (size == 0)
        return 0;
    struct slice in = slice((const char *)data + 1, size - 1);
    struct book_builder *b = book_builder_new();
    enum status st = OK;
    struct buf out;
    buf_init(&out, 1 << 20);
    int rows;
    switch (data[0] % 3) {
    case 0:
        st = book_add_text(b, in, PRICE_FILE, &err);
        break;
    case 1:
        st = book_add_per_1k(b, in, &err);
        break;
    default:
        st = price_import(in, &out, &rows, &err);
        if (st == OK) // what we write we accept
            assert(book_add_text(b, buf_get(&out), PRICE_FILE, &err) == OK);
    }
    struct book *k = book_finish(&b);
    struct slice name = in;
    if (name.n > 0)
        book_resolve(k, &name, 0);
    book_each(k, INT64_C(1795132800000), look, k);
    book_unref(&k);
    buf_release(&out);
    return 0;
}

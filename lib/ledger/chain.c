/* chain.c - see chain.h. */
#include "ledger/chain.h"

#include <assert.h>

#include "base/crypt.h"

static void add_u64(struct buf *b, uint64_t v)
{
    char le[8];
    for (int i = 0; i < 8; i++)
        le[i] = (char)(v >> (8 * i));
    buf_add(b, le, sizeof le);
}

void chain_cell(struct buf *b, const struct cell *c)
{
    if (c->type == CELL_NULL) {
        buf_char(b, 'n');
    } else if (c->type == CELL_INT) {
        buf_char(b, 'i');
        add_u64(b, (uint64_t)c->i);
    } else {
        buf_char(b, 't');
        add_u64(b, c->s.n);
        buf_slice(b, c->s);
    }
}

void chain_tag(struct buf *b, int64_t id, struct slice name, struct slice path,
               bool direct)
{
    const struct cell c[] = {{CELL_INT, id, {NULL, 0}},
                             {CELL_TEXT, 0, name},
                             {CELL_TEXT, 0, path},
                             {CELL_INT, direct, {NULL, 0}}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++)
        chain_cell(b, &c[i]);
}

void chain_step(uint8_t head[static 32], const struct buf *row)
{
    uint8_t prev[32];
    assert(!row->failed); // bounded by the event's own limits
    memcpy(prev, head, sizeof prev);
    crypt_chain(prev, buf_get(row), head);
}

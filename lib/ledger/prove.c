/* prove.c - see prove.h; the bytes and the hash are chain.h's. */
#include "ledger/prove.h"

#include "ledger/chain.h"
#include "ledger/store.h"
#include "ledger/writer.h"

#define ROW_MAX (16u << 20)

static struct cell cell_of(struct sql *q, int i)
{
    switch (sqlite3_column_type(q->s, i)) {
    case SQLITE_INTEGER:
        return (struct cell){CELL_INT, sql_col(q, i, 0), {NULL, 0}};
    case SQLITE_NULL:
        return (struct cell){CELL_NULL, 0, {NULL, 0}};
    default:
        return (struct cell){CELL_TEXT, 0, sql_col_text(q, i)};
    }
}

static void note_bad(struct proof *p, int64_t id)
{
    if (p->bad++ == 0)
        p->first_bad_id = id;
}

/* The row `q` stands on, with its tags from `t` (`*on_tag`: t stands on one).
 */
static void prove_row(struct proof *p, struct sql *q, struct sql *t,
                      bool *on_tag, struct buf *row)
{
    int64_t id = sql_col(q, 0, 0);
    bool bad = id != p->last_id + 1; // a row was taken out
    buf_clear(row);
    for (int i = 0; i < CHAIN_COLUMN_COUNT; i++) {
        struct cell cell = cell_of(q, i);
        chain_cell(row, &cell);
    }
    for (; *on_tag && sql_col(t, 0, 0) <= id; *on_tag = sql_row(t)) {
        bad = bad || sql_col(t, 0, 0) != id;
        chain_tag(row, sql_col(t, 1, 0), sql_col_text(t, 2), sql_col_text(t, 3),
                  sql_col(t, 4, 0) != 0);
    }
    chain_step(p->head, row);
    struct slice h = sql_col_text(q, CHAIN_COLUMN_COUNT);
    bad = bad || h.n != 32 || memcmp(h.p, p->head, 32) != 0;
    if (h.n == 32)
        memcpy(p->head, h.p, 32); // go on from what is there
    if (bad)
        note_bad(p, id);
    p->last_id = id;
    p->rows++;
}

enum status prove_some(struct db *db, struct proof *p, int64_t limit,
                       struct err *err)
{
    struct buf row;
    int64_t n = 0;
    sqlite3 *c = store_reader(db);
    enum status st = sql_exec(c, "BEGIN", err); // rows with all their tags
    struct sql q = sql_prepare(c, "SELECT " CHAIN_COLUMNS ",hash FROM ledger "
                                  "WHERE id>?1 ORDER BY id LIMIT ?2");
    struct sql t = sql_prepare(
        c, "SELECT ledger_id,tag_id,name,path,direct FROM ledger_tag WHERE "
           "ledger_id>?1 ORDER BY ledger_id,tag_id");
    sql_i64(&q, p->last_id);
    sql_i64(&q, limit);
    sql_i64(&t, p->last_id);
    bool on_tag = sql_row(&t);
    buf_init(&row, ROW_MAX);
    for (; st == OK && sql_row(&q); n++)
        prove_row(p, &q, &t, &on_tag, &row);
    p->done = n < limit;
    if (st == OK && p->done && on_tag)
        note_bad(p, sql_col(&t, 0, 0)); // tags of no row
    buf_release(&row);
    enum status rows = sql_done(&q, st == OK ? err : NULL);
    st = st != OK ? st : rows;
    enum status tags = sql_done(&t, st == OK ? err : NULL);
    (void)sqlite3_exec(c, "COMMIT", NULL, NULL, NULL);
    store_reader_give(db, c);
    return st != OK ? st : tags;
}

enum status prove_head(struct db *db, struct ledger_head *out, struct err *err)
{
    writer_catch_up(db);
    sqlite3 *c = store_reader(db);
    struct sql q = sql_prepare(c, "SELECT id,recorded_at,hash FROM ledger "
                                  "ORDER BY id DESC LIMIT 1");
    *out = (struct ledger_head){0};
    if (sql_row(&q)) {
        struct slice h = sql_col_text(&q, 2);
        out->id = sql_col(&q, 0, 0);
        out->recorded_ms = sql_col(&q, 1, 0);
        if (h.n == sizeof out->hash)
            memcpy(out->hash, h.p, sizeof out->hash);
    }
    enum status st = sql_done(&q, err);
    store_reader_give(db, c);
    return st;
}

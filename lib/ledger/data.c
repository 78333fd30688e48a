/* data.c - see data.h. */
#include "ledger/data.h"

#include "ledger/change.h"
#include "ledger/writer.h"

#define MATCHING                                                              \
    "FROM ledger WHERE kind='usage' AND status IN ('success','interrupted') " \
    "AND (?1=0 OR ts>=?1) AND (?2=0 OR ts<?2) AND (?3 IS NULL OR model=?3) "  \
    "AND (?4=0 OR ingest_token_id=?4) AND (?5=0 OR (?5=1)=(ingest_token_id "  \
    "IS NOT NULL OR coalesce(reason,'')='legacy')) AND (?6 OR id>coalesce((SELECT value "  \
    "FROM setting WHERE name='epoch'),0)) "

static void bind(struct sql *q, const struct data_filter *f)
{
    sql_i64(q, f->from_ms);
    sql_i64(q, f->to_ms);
    sql_text_or(q, f->model);
    sql_i64(q, f->token_id);
    sql_i64(q, f->source);
    sql_i64(q, f->all_epochs);
}

static void read_row(struct sql *q, struct arena *a, void *out)
{
    *(struct data_row *)out = (struct data_row){
        .id = sql_col(q, 0, 0),
        .ts_ms = sql_col(q, 1, 0),
        .model = sql_col_dup(q, 2, a),
        .prompt = sql_col(q, 3, 0),
        .completion = sql_col(q, 4, 0),
        .usd = sql_col(q, 5, 0)};
}

static enum status sum_up(struct db *db, const struct data_filter *f,
                          int64_t *total, struct sum *s, struct err *err)
{
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(
        conn, "SELECT count(*),sum(prompt_tok),sum(comp_tok),sum(usd) "
              MATCHING);
    bind(&q, f);
    *s = (struct sum){0};
    *total = 0;
    if (sql_row(&q)) {
        *total = s->requests = sql_col(&q, 0, 0);
        s->input = sql_col(&q, 1, 0);
        s->output = sql_col(&q, 2, 0);
        s->usd = sql_col(&q, 3, 0);
    }
    enum status st = sql_done(&q, err);
    store_reader_give(db, conn);
    return st;
}

enum status data_page(struct db *db, struct arena *a,
                      const struct data_filter *f, int64_t offset,
                      int64_t limit, struct data_row **out, int *n,
                      int64_t *total, struct sum *sums, struct err *err)
{
    void *list = NULL;
    writer_catch_up(db);
    enum status st = sum_up(db, f, total, sums, err);
    if (st != OK)
        return st;
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(
        conn, "SELECT id,ts,model,prompt_tok,comp_tok,usd " MATCHING
              "AND (?7=0 OR (ts,id)<(?8,?7)) ORDER BY ts DESC,id DESC LIMIT "
              "?9 OFFSET ?10");
    bind(&q, f);
    sql_i64(&q, f->before_id);
    sql_i64(&q, f->before_ts);
    sql_i64(&q, limit);
    sql_i64(&q, offset);
    st = change_list(db, &q, conn, a, sizeof **out, read_row, &list, n, err);
    *out = list;
    return st;
}

enum status data_newest(struct db *db, int64_t *id, struct err *err)
{
    writer_catch_up(db);
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(conn, "SELECT max(id) FROM ledger");
    *id = sql_row(&q) ? sql_col(&q, 0, 0) : 0;
    enum status st = sql_done(&q, err);
    store_reader_give(db, conn);
    return st;
}

static void read_name(struct sql *q, struct arena *a, void *out)
{
    *(struct slice *)out = sql_col_dup(q, 0, a);
}

enum status data_models(struct db *db, struct arena *a, struct slice **out,
                        int *n, struct err *err)
{
    const struct data_filter f = {0};
    void *list = NULL;
    writer_catch_up(db);
    sqlite3 *conn = store_reader(db);
    struct sql q = sql_prepare(
        conn, "SELECT DISTINCT model " MATCHING "AND model<>'' ORDER BY model");
    bind(&q, &f);
    enum status st =
        change_list(db, &q, conn, a, sizeof **out, read_name, &list, n, err);
    *out = list;
    return st;
}

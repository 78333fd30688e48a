/* data.c - see data.h.
 *
 * Totals and names come from rollup_data, less what epoch_data says lay
 * before the last reset; only days that are asked for in part are read from
 * rows.  Pages are read newest first by one index; where the filter is rare
 * the days of rollup_data say where its rows are.
 */
#include "ledger/data.h"

#include "base/buf.h"
#include "base/mem.h"
#include "ledger/store.h"
#include "ledger/writer.h"

#define TEXT_MAX 8192
#define DAYS_MAX 40000 /* a century */

/* ?1 from, ?2 to, ?3 model, ?4 token; the rest is text. */
struct wanted {
    const struct data_filter *f;
    int64_t from, to; /* [from, to), closed */
    int64_t epoch;    /* rows up to this id are of the past */
};

static enum status wanted_of(sqlite3 *c, const struct data_filter *f,
                             struct wanted *w, struct err *err)
{
    *w = (struct wanted){.f = f,
                         .from = f->from_ms != 0 ? f->from_ms : INT64_MIN,
                         .to = f->to_ms != 0 ? f->to_ms : INT64_MAX};
    if (f->all_epochs)
        return OK;
    return store_number(c, "SELECT value FROM setting WHERE name='epoch'", 0,
                        &w->epoch, err);
}

/* The conditions on rows. */
static void on_rows(const struct wanted *w, struct buf *b)
{
    const struct data_filter *f = w->f;
    buf_str(b, " WHERE kind='usage' AND status IN ('success','interrupted') "
               "AND ts>=?1 AND ts<?2");
    if (f->model.n > 0)
        buf_str(b, " AND model=?3");
    if (f->token_id != 0)
        buf_str(b, " AND ingest_token_id=?4");
    if (f->source == DATA_INGEST)
        buf_str(b, " AND (ingest_token_id IS NOT NULL OR reason='legacy')");
    if (f->source == DATA_PROXY)
        buf_str(b, " AND ingest_token_id IS NULL AND "
                   "coalesce(reason,'')<>'legacy'");
    if (w->epoch != 0)
        buf_printf(b, " AND id>%lld", (long long)w->epoch);
}

/* "FROM ... WHERE" over days, past ones with their sign turned. */
static void on_days(const struct wanted *w, struct buf *b)
{
    const struct data_filter *f = w->f;
    const char *const tables[] = {"rollup_data", "epoch_data"};
    buf_str(b, " FROM (");
    for (int i = 0; i < (w->epoch != 0 ? 2 : 1); i++) {
        const char *s = i == 0 ? "" : "-";
        buf_printf(b,
                   "%sSELECT bucket,model,%susd AS usd,%srequests AS "
                   "requests,%sinput AS input,%soutput AS output FROM %s "
                   "WHERE bucket>=?1 AND bucket<?2",
                   i == 0 ? "" : " UNION ALL ", s, s, s, s, tables[i]);
        if (f->model.n > 0)
            buf_str(b, " AND model=?3");
        if (f->token_id != 0)
            buf_str(b, " AND token_id=?4");
        if (f->source == DATA_INGEST)
            buf_printf(b, " AND token_id<>%d", DATA_PROXIED);
        if (f->source == DATA_PROXY)
            buf_printf(b, " AND token_id=%d", DATA_PROXIED);
    }
    buf_char(b, ')');
}

/* Prepares and releases `b`; binds ?1 to ?4. */
static struct sql prepare(sqlite3 *c, struct buf *b, const struct wanted *w,
                          int64_t from, int64_t to)
{
    buf_char(b, '\0');
    struct sql q = sql_prepare(c, b->failed ? "" : b->p);
    int n = sqlite3_bind_parameter_count(q.s);
    buf_release(b);
    if (n >= 2) {
        sql_i64(&q, from);
        sql_i64(&q, to);
    }
    if (n >= 3)
        sql_text_or(&q, w->f->model);
    if (n >= 4)
        sql_i64(&q, w->f->token_id);
    return q;
}

static int64_t day_floor(int64_t v)
{
    int64_t r = v % STORE_DAY_MS;
    return v - (r < 0 ? r + STORE_DAY_MS : r);
}

#define NEVER ((int64_t)1 << 60)

/* [from, to) as whole days between edges; equal: none. */
static void whole_days(const struct wanted *w, int64_t *d0, int64_t *d1)
{
    int64_t from = w->from < -NEVER ? -NEVER : w->from;
    int64_t to = w->to > NEVER ? NEVER : w->to;
    *d0 = day_floor(from) == from ? from : day_floor(from) + STORE_DAY_MS;
    *d1 = day_floor(to);
    if (*d0 >= *d1)
        *d0 = *d1 = w->to; // all of it is an edge
}

/* ---- sums --------------------------------------------------------------- */

static enum status add(struct sql *q, int64_t *total, struct sum *s,
                       struct err *err)
{
    if (sql_row(q)) {
        *total += sql_col(q, 0, 0);
        s->input += sql_col(q, 1, 0);
        s->output += sql_col(q, 2, 0);
        s->usd += sql_col(q, 3, 0);
    }
    s->requests = *total;
    return sql_done(q, err);
}

static enum status add_rows(sqlite3 *c, const struct wanted *w, int64_t from,
                            int64_t to, int64_t *total, struct sum *s,
                            struct err *err)
{
    struct buf b;
    if (from >= to)
        return OK;
    buf_init(&b, TEXT_MAX);
    buf_str(&b, "SELECT count(*),sum(prompt_tok),sum(comp_tok),sum(usd) FROM "
                "ledger");
    on_rows(w, &b);
    struct sql q = prepare(c, &b, w, from, to);
    return add(&q, total, s, err);
}

static enum status sum_up(sqlite3 *c, const struct wanted *w, int64_t *total,
                          struct sum *s, struct err *err)
{
    struct buf b;
    int64_t d0, d1;
    *s = (struct sum){0};
    *total = 0;
    whole_days(w, &d0, &d1);
    enum status st = OK;
    if (d0 < d1) {
        buf_init(&b, TEXT_MAX);
        buf_str(&b, "SELECT sum(requests),sum(input),sum(output),sum(usd)");
        on_days(w, &b);
        struct sql q = prepare(c, &b, w, d0, d1);
        st = add(&q, total, s, err);
    }
    if (st == OK)
        st = add_rows(c, w, w->from, d0 < w->to ? d0 : w->to, total, s, err);
    return st != OK || d1 >= w->to ? st
                                   : add_rows(c, w, d1, w->to, total, s, err);
}

/* ---- pages -------------------------------------------------------------- */

struct day {
    int64_t start, rows;
};

/* Days with rows, newest first; *n is cut to the newest DAYS_MAX. */
static enum status list_days(sqlite3 *c, const struct wanted *w,
                             struct day **out, int *n, struct err *err)
{
    struct buf b;
    int cap = 0;
    int64_t from = w->from < -NEVER ? -NEVER : w->from;
    buf_init(&b, TEXT_MAX);
    buf_str(&b, "SELECT bucket,sum(requests)");
    on_days(w, &b);
    buf_str(&b, " GROUP BY bucket HAVING sum(requests)>0 ORDER BY bucket "
                "DESC");
    struct sql q = prepare(c, &b, w, day_floor(from), w->to);
    bool full = false;
    *n = 0;
    *out = NULL;
    while (*n < DAYS_MAX && sql_row(&q)) {
        if (*n == cap) {
            cap = cap == 0 ? 512 : cap * 2;
            struct day *more = try_realloc(*out, (size_t)cap * sizeof *more);
            if (more == NULL) {
                full = true;
                break;
            }
            *out = more;
        }
        (*out)[(*n)++] = (struct day){sql_col(&q, 0, 0), sql_col(&q, 1, 0)};
    }
    enum status st = sql_done(&q, err);
    return st == OK && full ? err_set(err, E_NOMEM, "data", "too many days")
                            : st;
}

struct reading {
    sqlite3 *c;
    const struct wanted *w;
    struct arena *a;
    int64_t offset, limit;
    struct data_row *rows;
    int n;
    struct err *err;
};

/* Rows of [from, to), at most what is left. */
static enum status read_rows(struct reading *r, int64_t from, int64_t to)
{
    const struct data_filter *f = r->w->f;
    struct buf b;
    buf_init(&b, TEXT_MAX);
    buf_str(&b, "SELECT id,ts,model,prompt_tok,comp_tok,usd FROM ledger ");
    buf_str(&b, f->token_id != 0           ? "INDEXED BY ledger_ingest"
                : f->source == DATA_INGEST ? "INDEXED BY ledger_pushed"
                : f->model.n > 0           ? "INDEXED BY ledger_model"
                                           : "INDEXED BY ledger_ts");
    on_rows(r->w, &b);
    if (f->before_id != 0)
        buf_printf(&b, " AND (ts,id)<(%lld,%lld)", (long long)f->before_ts,
                   (long long)f->before_id);
    buf_printf(&b, " ORDER BY ts DESC,id DESC LIMIT %lld OFFSET %lld",
               (long long)(r->limit - r->n), (long long)r->offset);
    struct sql q = prepare(r->c, &b, r->w, from, to);
    while (r->n < r->limit && sql_row(&q)) {
        r->rows[r->n++] = (struct data_row){.id = sql_col(&q, 0, 0),
                                            .ts_ms = sql_col(&q, 1, 0),
                                            .model = sql_col_dup(&q, 2, r->a),
                                            .prompt = sql_col(&q, 3, 0),
                                            .completion = sql_col(&q, 4, 0),
                                            .usd = sql_col(&q, 5, 0)};
    }
    return sql_done(&q, r->err);
}

/* Reads day by day, from the newest that can matter on. */
static enum status read_days(struct reading *r, const struct day *d, int n)
{
    const struct wanted *w = r->w;
    const struct data_filter *f = w->f;
    enum status st = OK;
    for (int i = 0; i < n && st == OK && r->n < r->limit; i++) {
        int64_t from = d[i].start, to = from + STORE_DAY_MS;
        bool whole = from >= w->from && to <= w->to;
        if (f->before_id != 0 && from > f->before_ts)
            continue;
        if (whole && f->before_id == 0 && r->offset >= d[i].rows) {
            r->offset -= d[i].rows;
            continue;
        }
        from = from > w->from ? from : w->from;
        to = to < w->to ? to : w->to;
        int before = r->n;
        int64_t passed = 0;
        struct sum s = {0};
        st = read_rows(r, from, to);
        if (r->n > before)
            r->offset = 0;
        else if (st == OK && r->offset > 0) { // of an edge
            st = add_rows(r->c, w, from, to, &passed, &s, r->err);
            r->offset -= passed;
        }
    }
    return st;
}

enum status data_page(struct db *db, struct arena *a,
                      const struct data_filter *f, int64_t offset,
                      int64_t limit, struct data_row **out, int *n,
                      int64_t *total, struct sum *sums, struct err *err)
{
    struct wanted w;
    struct day *days = NULL;
    int count = 0;
    *n = 0;
    writer_catch_up(db);
    *out = arena_try(a, (size_t)limit * sizeof **out);
    if (*out == NULL)
        return err_set(err, E_TOO_BIG, "data", "page too big");
    sqlite3 *c = store_reader(db);
    struct reading r = {.c = c,
                        .w = &w,
                        .a = a,
                        .offset = offset,
                        .limit = limit,
                        .rows = *out,
                        .err = err};
    enum status st = sql_exec(c, "BEGIN", err); // one state for all of it
    if (st == OK)
        st = wanted_of(c, f, &w, err);
    if (st == OK)
        st = sum_up(c, &w, total, sums, err);
    if (st == OK)
        st = list_days(c, &w, &days, &count, err);
    if (st == OK)
        st = read_days(&r, days, count);
    (void)sqlite3_exec(c, "COMMIT", NULL, NULL, NULL);
    store_reader_give(db, c);
    free(days);
    *n = r.n;
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

enum status data_models(struct db *db, struct arena *a, struct slice **out,
                        int *n, struct err *err)
{
    const struct data_filter f = {0};
    struct wanted w;
    struct buf b;
    int cap = 0;
    *n = 0;
    *out = NULL;
    writer_catch_up(db);
    sqlite3 *c = store_reader(db);
    enum status st = wanted_of(c, &f, &w, err);
    if (st != OK) {
        store_reader_give(db, c);
        return st;
    }
    buf_init(&b, TEXT_MAX);
    buf_str(&b, "SELECT model");
    on_days(&w, &b);
    buf_str(&b, " WHERE model<>'' GROUP BY model HAVING sum(requests)>0 "
                "ORDER BY model");
    struct sql q = prepare(c, &b, &w, -NEVER, NEVER);
    while (st == OK && sql_row(&q)) {
        if (*n == cap) {
            cap = cap == 0 ? 64 : cap * 2;
            struct slice *list = arena_try(a, (size_t)cap * sizeof *list);
            if (list == NULL) {
                st = err_set(err, E_TOO_BIG, "data", "too many models");
                break;
            }
            if (*n > 0)
                memcpy(list, *out, (size_t)*n * sizeof *list);
            *out = list;
        }
        (*out)[(*n)++] = sql_col_dup(&q, 0, a);
    }
    enum status end = sql_done(&q, st == OK ? err : NULL);
    store_reader_give(db, c);
    return st != OK ? st : end;
}

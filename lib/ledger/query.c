/* query.c - see query.h. */
#include "ledger/query.h"
#include "ledger/writer.h"

#include "base/clock.h"
#include "base/mem.h"
#include "ledger/chain.h"
#include "ledger/names.h"
#include "ledger/opening.h"
#include "ledger/page.h"
#include "ledger/sum.h"

#define DAYS_MAX 4000

/* ---- entries ------------------------------------------------------------ */

static void copy_text(struct sql *q, int i, struct arena *a, struct slice *out)
{
    *out = sql_col_dup(q, i, a);
}

/* A row of CHAIN_COLUMNS. */
static void read_entry(struct sql *q, struct arena *a, struct entry *out)
{
    struct event *e = &out->e;
    memset(out, 0, sizeof *out);
    out->id = sql_col(q, 0, 0);
    e->kind = (enum event_kind)names_parse(NAMES_KIND, sql_col_text(q, 1));
    struct slice rid = sql_col_text(q, 2);
    memcpy(e->request_id, rid.p, rid.n < 32 ? rid.n : 32);
    e->ts_ms = sql_col(q, 3, 0);
    out->recorded_ms = sql_col(q, 4, 0);
    copy_text(q, 5, a, &e->tenant);
    e->tenant_id = sql_col(q, 6, 0);
    e->key_id = sql_col(q, 7, 0);
    copy_text(q, 8, a, &e->route);
    copy_text(q, 9, a, &e->method);
    e->provider =
        (enum provider_id)names_parse(NAMES_PROVIDER, sql_col_text(q, 10));
    copy_text(q, 11, a, &e->model);
    copy_text(q, 12, a, &e->model_answered);
    e->usd = sql_col(q, 13, 0);
    e->usage.input = sql_col(q, 14, 0);
    e->usage.cached = sql_col(q, 15, 0);
    e->usage.cache_write = sql_col(q, 16, 0);
    e->usage.output = sql_col(q, 17, 0);
    e->usage.reasoning = sql_col(q, 18, 0);
    e->status =
        (enum event_status)names_parse(NAMES_STATUS, sql_col_text(q, 19));
    copy_text(q, 20, a, &e->reason);
    e->http_status = (int)sql_col(q, 21, 0);
    e->usage.by =
        (enum metered_by)names_parse(NAMES_METERED, sql_col_text(q, 22));
    e->price_version = sql_col(q, 23, 0);
    e->basis = (enum price_basis)names_parse(NAMES_BASIS, sql_col_text(q, 24));
    e->held = sql_col(q, 25, 0);
    copy_text(q, 26, a, &e->session);
    copy_text(q, 27, a, &e->user);
    e->ingest_token_id = sql_col(q, 28, 0);
    copy_text(q, 29, a, &e->event_id);
    e->corrects = sql_col(q, 30, 0);
    copy_text(q, 31, a, &e->detail);
    e->latency_ms = sql_col(q, 32, 0);
    e->ttft_ms = sql_col(q, 33, -1);
    e->stream = sql_col(q, 34, 0) != 0;
}

static void read_tags(struct sql *q, struct arena *a, struct entry *out)
{
    struct event_tag *tags = NULL;
    int n = 0;
    sql_i64(q, out->id);
    while (n < EVENT_TAGS_MAX && sql_row(q)) {
        if (tags == NULL)
            tags = arena_try(a, EVENT_TAGS_MAX * sizeof *tags);
        if (tags == NULL)
            break;
        tags[n++] =
            (struct event_tag){sql_col(q, 0, 0), sql_col_dup(q, 1, a),
                               sql_col_dup(q, 2, a), sql_col(q, 3, 0) != 0};
    }
    sql_again(q);
    out->e.tags = tags;
    out->e.tag_count = n;
}

#define TAG_SELECT                                                      \
    "SELECT tag_id,name,path,direct FROM ledger_tag WHERE ledger_id=? " \
    "ORDER BY direct DESC,tag_id"

/* A report shows every request that was answered before it was asked for. */
static sqlite3 *report_reader(struct db *db)
{
    writer_catch_up(db);
    return store_reader(db);
}

/* Rows on their way from a page to the caller. */
struct reading {
    struct arena *a;
    struct sql tags;
    struct entry *rows;
    int n;
    query_entry_fn *fn; /* of a stream; `rows` is then one */
    void *arg;
};

static bool on_page_row(void *arg, struct sql *q)
{
    struct reading *r = arg;
    read_entry(q, r->a, &r->rows[r->n]);
    read_tags(&r->tags, r->a, &r->rows[r->n++]);
    return true;
}

static bool on_stream_row(void *arg, struct sql *q)
{
    struct reading *r = arg;
    arena_reset(r->a);
    read_entry(q, r->a, r->rows);
    read_tags(&r->tags, r->a, r->rows);
    return r->fn(r->arg, r->rows);
}

enum status query_entries(struct db *db, struct arena *a,
                          const struct entry_filter *f, int64_t offset,
                          int limit, struct entry **out, int *n, int64_t *total,
                          struct err *err)
{
    struct page *p = NULL;
    sqlite3 *c = report_reader(db);
    struct reading r = {.a = a, .tags = sql_prepare(c, TAG_SELECT)};
    enum status st = OK;
    *n = 0;
    r.rows = *out = arena_try(a, (size_t)limit * sizeof **out);
    if (*out == NULL)
        st = err_set(err, E_TOO_BIG, "query", "page too big");
    if (st == OK)
        st = page_new(c, f, &p, err);
    if (st == OK && total != NULL)
        st = page_count(p, total, err);
    if (st == OK)
        st = page_rows(p, f->before_id != 0 ? 0 : offset, limit, on_page_row,
                       &r, err);
    *n = r.n;
    page_free(&p);
    enum status end = sql_done(&r.tags, st == OK ? err : NULL);
    store_reader_give(db, c);
    return st == OK ? end : st;
}

enum status query_entry(struct db *db, struct arena *a, int64_t id,
                        struct entry *out, struct err *err)
{
    sqlite3 *c = report_reader(db);
    struct sql q =
        sql_prepare(c, "SELECT " CHAIN_COLUMNS " FROM ledger WHERE id=?");
    struct sql t = sql_prepare(c, TAG_SELECT);
    sql_i64(&q, id);
    bool found = sql_row(&q);
    if (found) {
        read_entry(&q, a, out);
        read_tags(&t, a, out);
    }
    enum status st = sql_done(&q, err);
    enum status end = sql_done(&t, st == OK ? err : NULL);
    store_reader_give(db, c);
    if (st != OK || end != OK)
        return st != OK ? st : end;
    return found ? OK : err_set(err, E_NOT_FOUND, "query", "no such entry");
}

enum status query_stream(struct db *db, const struct entry_filter *f,
                         query_entry_fn *fn, void *arg, struct err *err)
{
    struct arena a;
    struct entry e;
    struct page *p = NULL;
    sqlite3 *c = report_reader(db);
    struct reading r = {.a = &a,
                        .tags = sql_prepare(c, TAG_SELECT),
                        .rows = &e,
                        .fn = fn,
                        .arg = arg};
    arena_init(&a, 8u << 20);
    enum status st = page_new(c, f, &p, err);
    if (st == OK)
        st = page_all(p, on_stream_row, &r, err);
    page_free(&p);
    arena_release(&a);
    enum status end = sql_done(&r.tags, st == OK ? err : NULL);
    store_reader_give(db, c);
    return st != OK ? st : end;
}

/* ---- sums --------------------------------------------------------------- */

/* One read transaction around `n` sums, so that rollups and rows agree. */
static enum status read_begin(sqlite3 *c, struct err *err)
{
    return sql_exec(c, "BEGIN", err);
}

static void read_end(struct db *db, sqlite3 *c)
{
    (void)sqlite3_exec(c, "COMMIT", NULL, NULL, NULL);
    store_reader_give(db, c);
}

enum status query_budget_sum(struct db *db, const struct budget *b,
                             int64_t from_ms, int64_t to_ms, struct sum *out,
                             struct err *err)
{
    sqlite3 *c = store_reader(db);
    *out = (struct sum){0};
    enum status st = read_begin(c, err);
    if (st == OK)
        st = sum_budget(c, b, from_ms, to_ms, out, err);
    read_end(db, c);
    return st;
}

enum status query_sum(struct db *db, int64_t tenant_id, int64_t from_ms,
                      int64_t to_ms, struct sum *out, struct err *err)
{
    sqlite3 *c = report_reader(db);
    *out = (struct sum){0};
    enum status st = read_begin(c, err);
    if (st == OK)
        st = sum_tenant(c, tenant_id, from_ms, to_ms, out, err);
    read_end(db, c);
    return st;
}

static struct window day_at(struct db *db, int64_t at_ms)
{
    const struct budget daily = {.period = PERIOD_DAILY};
    struct window w = {at_ms, at_ms + STORE_DAY_MS};
    (void)db->conf.window_at(&daily, db->conf.zone, at_ms, &w);
    return w;
}

enum status query_history(struct db *db, struct arena *a, int64_t tenant_id,
                          int64_t from_ms, int64_t to_ms, struct day_sum **out,
                          int *n, struct err *err)
{
    int64_t days = (to_ms - from_ms) / STORE_DAY_MS + 3;
    *n = 0;
    if (days > DAYS_MAX || days < 1)
        return err_set(err, E_INVALID, "query", "too many days");
    *out = arena_try(a, (size_t)days * sizeof **out);
    if (*out == NULL)
        return err_set(err, E_TOO_BIG, "query", "too many days");
    sqlite3 *c = report_reader(db);
    enum status st = read_begin(c, err);
    for (int64_t at = from_ms; st == OK && *n < days;) {
        struct window w = day_at(db, at);
        struct day_sum *d = &(*out)[(*n)++];
        d->start_ms = w.start_ms;
        st = sum_tenant(c, tenant_id, w.start_ms, w.end_ms, &d->sum, err);
        at = w.end_ms;
        if (at > to_ms)
            break;
    }
    read_end(db, c);
    return st;
}

static int dearest(const void *a, const void *b)
{
    const struct model_sum *x = a, *y = b;
    return (x->sum.usd < y->sum.usd) - (x->sum.usd > y->sum.usd);
}

#define MODEL_FIGURES                                                 \
    "sum(usd),sum(requests),sum(input),sum(cached),sum(cache_write)," \
    "sum(output),sum(reasoning)"

struct models {
    struct model_sum *list;
    int n, cap;
};

/* The sum of `model`, made if it is new; NULL: the arena is full. */
static struct sum *model_at(struct models *m, struct arena *a,
                            struct slice model)
{
    for (int i = 0; i < m->n; i++)
        if (slice_eq(m->list[i].model, model))
            return &m->list[i].sum;
    if (m->n == m->cap) {
        int cap = m->cap == 0 ? 16 : m->cap * 2;
        struct model_sum *p = arena_try(a, (size_t)cap * sizeof *p);
        if (p == NULL)
            return NULL;
        if (m->n > 0)
            memcpy(p, m->list, (size_t)m->n * sizeof *p);
        m->list = p;
        m->cap = cap;
    }
    m->list[m->n] = (struct model_sum){.model = arena_dup(a, model)};
    return &m->list[m->n++].sum;
}

/* Adds the rows of one stretch; `q` ends. */
static enum status add_models(struct sql *q, struct models *m, struct arena *a,
                              struct err *err)
{
    bool full = false;
    while (!full && sql_row(q)) {
        struct sum *x = model_at(m, a, sql_col_text(q, 0));
        full = x == NULL;
        if (full)
            break;
        int64_t *v[] = {&x->usd,         &x->requests, &x->input,    &x->cached,
                        &x->cache_write, &x->output,   &x->reasoning};
        for (int f = 0; f < 7; f++)
            *v[f] += sql_col(q, f + 1, 0);
    }
    enum status st = sql_done(q, err);
    return st == OK && full
               ? err_set(err, E_TOO_BIG, "query", "too many models")
               : st;
}

enum status query_models(struct db *db, struct arena *a, int64_t tenant_id,
                         int64_t from_ms, int64_t to_ms, struct model_sum **out,
                         int *n, struct err *err)
{
    static const char *const texts[] = {
        [STRETCH_ROWS] =
            "SELECT model,sum(usd),sum(kind='usage'),sum(prompt_tok),"
            "sum(cached_tok),sum(cache_write_tok),sum(comp_tok),"
            "sum(reasoning_tok) FROM ledger WHERE kind<>'reset' AND "
            "(?1=-1 OR tenant_id=?1) AND ts>=?2 AND ts<?3 GROUP BY model",
        [STRETCH_HOURS] = "SELECT model," MODEL_FIGURES " FROM rollup_hour "
                          "WHERE tenant_id=?1 AND bucket>=?2 AND bucket<?3 "
                          "GROUP BY model",
        [STRETCH_DAYS] = "SELECT model," MODEL_FIGURES " FROM rollup_day "
                         "WHERE tenant_id=?1 AND bucket>=?2 AND bucket<?3 "
                         "GROUP BY model"};
    struct stretch s[5];
    struct models m = {0};
    int pieces = sum_cut(from_ms, to_ms, s);
    sqlite3 *c = report_reader(db);
    enum status st = read_begin(c, err);
    for (int i = 0; i < pieces && st == OK; i++) {
        struct sql q = sql_prepare(c, texts[s[i].by]);
        sql_i64(&q, tenant_id);
        sql_i64(&q, s[i].from);
        sql_i64(&q, s[i].to);
        st = add_models(&q, &m, a, err);
    }
    read_end(db, c);
    if (m.n > 1)
        qsort(m.list, (size_t)m.n, sizeof *m.list, dearest);
    while (m.n > 0 && m.list[m.n - 1].sum.usd == 0)
        m.n--;
    *out = m.list;
    *n = m.n;
    return st;
}

/* ---- corrections -------------------------------------------------------- */

struct pending {
    int64_t id, usd;
};

static bool on_pending(void *arg, uint64_t seq, const struct event *e)
{
    struct pending *p = arg;
    (void)seq;
    if (e->kind == EVENT_CORRECTION && e->corrects == p->id)
        p->usd = money_add(p->usd, e->usd);
    return true;
}

#define CORRECT_WINDOWS 1024

struct gather {
    struct db *db;
    struct counter_window *w;
    int n;
    int64_t ts, usd;
};

static void on_budget(void *arg, const struct budget *b, struct slice tag,
                      bool parent)
{
    struct gather *g = arg;
    (void)tag;
    (void)parent;
    if (g->n < CORRECT_WINDOWS && db_window(g->db, b, g->ts, &g->w[g->n]))
        g->w[g->n++].amount = g->usd;
}

enum status query_book(struct db *db, const struct event *e, struct slice seen,
                       struct err *err)
{
    struct gather g = {.db = db, .ts = e->ts_ms, .usd = e->usd};
    g.w = xcalloc(CORRECT_WINDOWS, sizeof *g.w);
    const struct snapshot *s = catalog_ref(db->conf.catalog);
    const struct budget_query q = {.tenant = snapshot_tenant(s, e->tenant_id),
                                   .key_id = e->key_id,
                                   .tags = e->tags,
                                   .tag_count = e->tag_count,
                                   .session = e->session,
                                   .user = e->user,
                                   .model = e->model};
    snapshot_budgets(s, &q, on_budget, &g);
    if (e->session.n > 0 && g.n < CORRECT_WINDOWS)
        g.w[g.n++] = (struct counter_window){
            .budget = snapshot_session_counter(e->tenant_id, e->session),
            .end_ms = INT64_MAX,
            .amount = e->usd,
            .is_session = true};
    enum status st = counters_charge(db->conf.counters, g.w, g.n, e, seen, err);
    snapshot_unref(&s);
    free(g.w);
    return st;
}

enum status query_correct(struct db *db, int64_t id, int64_t usd,
                          struct slice reason, struct err *err)
{
    struct arena a;
    struct entry row;
    struct pending p = {.id = id};
    int64_t booked = 0;
    arena_init(&a, 4u << 20);
    pthread_mutex_lock(&db->correct);
    enum status st = query_entry(db, &a, id, &row, err);
    if (st == OK && row.e.kind != EVENT_USAGE)
        st = err_set(err, E_INVALID, "query", "only usage is corrected");
    // under the lock the sequence reached stands still, so every correction
    // is either in the ledger or in the outbox behind it
    if (st == OK) {
        pthread_mutex_lock(&db->lock);
        struct sql q = sql_prepare(
            db->w, "SELECT coalesce(sum(usd),0) FROM ledger WHERE corrects=?");
        sql_i64(&q, id);
        booked = sql_row(&q) ? sql_col(&q, 0, 0) : 0;
        st = sql_done(&q, err);
        int64_t at = 0;
        if (st == OK)
            st = store_number(db->w,
                              "SELECT value FROM setting WHERE name='drained'",
                              0, &at, err);
        if (st == OK)
            st = counters_outbox_read(db->conf.counters, (uint64_t)at, 1 << 30,
                                      on_pending, &p, err);
        pthread_mutex_unlock(&db->lock);
    }
    if (st == OK &&
        money_add(money_add(row.e.usd, booked), money_add(p.usd, usd)) < 0)
        st = err_set(err, E_INVALID, "query", "sum would be negative");
    if (st == OK) {
        struct event e = row.e;
        e.kind = EVENT_CORRECTION;
        e.usd = usd;
        e.held = 0;
        e.corrects = id;
        e.reason = reason;
        e.usage = (struct usage){0};
        e.event_id = (struct slice){NULL, 0};
        st = query_book(db, &e, slice(NULL, 0), err);
    }
    pthread_mutex_unlock(&db->correct);
    arena_release(&a);
    return st;
}

/* append.c - see append.h.
 *
 * A batch of rows is inserted one by one, while what it adds to the rollups
 * is summed in memory, cell by cell; append_flush then writes each cell once.
 * With 1,000 rows of few tenants that is a handful of upserts instead of
 * thousands.
 *
 * Invariants
 *  I1 for every rollup cell: its figures = the sum over the rows with that
 *     (tenant, bucket, key, model, provider, status), because both are in one
 *     transaction and a row passed over adds to neither;
 *  I2 ids rise by one from row to row, and the hash of a row covers its id.
 */
#include "ledger/append.h"

#include <assert.h>

#include "base/crypt.h"
#include "base/log.h"
#include "base/mem.h"
#include "ledger/chain.h"
#include "ledger/names.h"
#include "ledger/sum.h"

#define CELLS_FIRST 1024 /* a power of two */
#define ALL_TENANTS (-1)

enum figure {
    F_USD,
    F_REQUESTS,
    F_INPUT,
    F_CACHED,
    F_WRITE,
    F_OUTPUT,
    F_REASONING,
    F_METERED,
    FIGURES
};

enum rollup {
    HOUR,
    DAY,
    TAG_HOUR,
    TAG_DAY,
    TAG_MONTH,
    USE,
    MONTH,
    DATA,
    SEEN_TENANT,
    SEEN_TAG,
    KEY_USED,
    ROLLUPS
};

/* One row of a rollup table.  For tags: tenant = tag id, key = direct.  DATA:
 * tenant = tracking token.  SEEN_*: model = name, bucket = tenant.  KEY_USED:
 * tenant = key; its first figure is the latest ts, no sum. */
struct rcell {
    bool used;
    enum rollup table;
    int64_t tenant, bucket, key;
    enum provider_id provider;
    enum event_status status;
    struct slice model; /* in the arena of the batch */
    int64_t v[FIGURES]; /* usd, requests, input, cached, write, output, reas. */
};

struct append {
    struct db *db;
    struct sql insert, tag, session, upsert[ROLLUPS];
    int64_t id, id_before;
    uint8_t head[32], head_before[32];
    struct buf row; /* canonical bytes */
    struct arena arena;
    struct rcell *cells;
    size_t cap, count;
    bool full;
};

#define FIGURE_SET                                                             \
    " DO UPDATE SET usd=usd+excluded.usd,requests=requests+excluded.requests," \
    "input=input+excluded.input,cached=cached+excluded.cached,"                \
    "cache_write=cache_write+excluded.cache_write,"                            \
    "output=output+excluded.output,reasoning=reasoning+excluded.reasoning"
#define TAG_SET                                                                \
    " DO UPDATE SET usd=usd+excluded.usd,requests=requests+excluded.requests," \
    "input=input+excluded.input,output=output+excluded.output"
#define ROLL_KEY "(tenant_id,bucket,key_id,model,provider,status)"
#define TAG_KEY "(tag_id,bucket,direct,status)"

#define K_TENANT 1u
#define K_BUCKET 2u
#define K_KEY 4u
#define K_MODEL 8u
#define K_PROVIDER 16u
#define K_STATUS 32u
#define BIT(f) (1u << (f))
#define F_SHORT (BIT(F_USD) | BIT(F_REQUESTS) | BIT(F_INPUT) | BIT(F_OUTPUT))

/* How a cell is written: which of its keys and figures are bound, in the
 * order of their bits; USE's figures are named for that. */
static const struct rollup_sql {
    const char *text;
    unsigned keys, figures;
} upserts[ROLLUPS] = {
    [HOUR] = {"INSERT INTO rollup_hour VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?) "
              "ON CONFLICT" ROLL_KEY FIGURE_SET,
              63, BIT(F_METERED) - 1},
    [DAY] = {"INSERT INTO rollup_day VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?) "
             "ON CONFLICT" ROLL_KEY FIGURE_SET,
             63, BIT(F_METERED) - 1},
    [TAG_HOUR] = {"INSERT INTO rollup_tag_hour VALUES(?,?,?,?,?,?,?,?) "
                  "ON CONFLICT" TAG_KEY TAG_SET,
                  K_TENANT | K_BUCKET | K_KEY | K_STATUS, F_SHORT},
    [TAG_DAY] = {"INSERT INTO rollup_tag_day VALUES(?,?,?,?,?,?,?,?) "
                 "ON CONFLICT" TAG_KEY TAG_SET,
                 K_TENANT | K_BUCKET | K_KEY | K_STATUS, F_SHORT},
    [TAG_MONTH] = {"INSERT INTO rollup_tag_month VALUES(?,?,?,?,?,?,?,?) "
                   "ON CONFLICT" TAG_KEY TAG_SET,
                   K_TENANT | K_BUCKET | K_KEY | K_STATUS, F_SHORT},
    [USE] = {"INSERT INTO rollup_use(tenant_id,bucket,key_id,usd,requests,"
             "input,output,metered) VALUES(?,?,?,?,?,?,?,?) ON CONFLICT"
             "(tenant_id,bucket,key_id)" TAG_SET
             ",metered=metered+excluded.metered",
             K_TENANT | K_BUCKET | K_KEY, F_SHORT | BIT(F_METERED)},
    [MONTH] = {"INSERT INTO rollup_month(tenant_id,bucket,key_id,usd,requests,"
               "input,output,metered) VALUES(?,?,?,?,?,?,?,?) ON CONFLICT"
               "(tenant_id,bucket,key_id)" TAG_SET
               ",metered=metered+excluded.metered",
               K_TENANT | K_BUCKET | K_KEY, F_SHORT | BIT(F_METERED)},
    [DATA] = {"INSERT INTO rollup_data VALUES(?,?,?,?,?,?,?) ON CONFLICT"
              "(token_id,bucket,model)" TAG_SET,
              K_TENANT | K_BUCKET | K_MODEL, F_SHORT},
    [SEEN_TENANT] = {"INSERT OR IGNORE INTO seen_tenant VALUES(?,?)",
                     K_TENANT | K_MODEL, 0},
    [SEEN_TAG] = {"INSERT OR IGNORE INTO seen_tag VALUES(?,?,?)",
                  K_TENANT | K_BUCKET | K_MODEL, 0},
    [KEY_USED] = {"UPDATE api_key SET last_used_at="
                  "max(coalesce(last_used_at,0),?2) WHERE id=?1",
                  K_TENANT, BIT(F_USD)},
};

#define STATEMENTS (ROLLUPS + 3)

static struct sql *statement(struct append *a, int i)
{
    struct sql *one[] = {&a->insert, &a->tag, &a->session};
    return i < ROLLUPS ? &a->upsert[i] : one[i - ROLLUPS];
}

static enum status read_head(struct append *a, struct err *err)
{
    struct sql q = sql_prepare(
        a->db->w, "SELECT id,hash FROM ledger ORDER BY id DESC LIMIT 1");
    if (sql_row(&q)) {
        struct slice h = sql_col_text(&q, 1);
        a->id = sql_col(&q, 0, 0);
        if (h.n == sizeof a->head)
            memcpy(a->head, h.p, sizeof a->head);
    }
    return sql_done(&q, err);
}

enum status append_new(struct db *db, struct append **out, struct err *err)
{
    struct append *a = xcalloc(1, sizeof *a);
    a->db = db;
    buf_init(&a->row, 4u << 20);
    arena_init(&a->arena, 64u << 20);
    a->cap = CELLS_FIRST;
    a->cells = xcalloc(a->cap, sizeof *a->cells);
    a->insert = sql_prepare(
        db->w,
        "INSERT OR IGNORE INTO ledger(" CHAIN_COLUMNS ",hash) VALUES("
        "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
        "?,?)");
    a->tag = sql_prepare(db->w, "INSERT INTO ledger_tag VALUES(?,?,?,?,?)");
    a->session = sql_prepare(
        db->w,
        "INSERT INTO session(tenant_id,session_id,name,path,tag_budget_nano,"
        "created_at,last_active_at) VALUES(?1,?2,?3,?4,?5,?6,?6) "
        "ON CONFLICT(tenant_id,session_id) DO UPDATE SET "
        "name=coalesce(excluded.name,name),path=coalesce(excluded.path,path),"
        "tag_budget_nano=min(coalesce(tag_budget_nano,"
        "excluded.tag_budget_nano),coalesce(excluded.tag_budget_nano,"
        "tag_budget_nano)),"
        "last_active_at=max(last_active_at,excluded.last_active_at)");
    for (int i = 0; i < ROLLUPS; i++)
        a->upsert[i] = sql_prepare(db->w, upserts[i].text);
    *out = a;
    enum status st = read_head(a, err);
    for (int i = 0; i < STATEMENTS && st == OK; i++)
        st = sql_status(db->w, statement(a, i)->rc, err);
    if (st != OK)
        append_free(out);
    return st;
}

void append_free(struct append **ap)
{
    struct append *a = *ap;
    *ap = NULL;
    if (a == NULL)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(statement(a, i)->s);
    buf_release(&a->row);
    arena_release(&a->arena);
    free(a->cells);
    free(a);
}

static void forget_cells(struct append *a)
{
    memset(a->cells, 0, a->cap * sizeof *a->cells);
    a->count = 0;
    a->full = false;
    arena_reset(&a->arena);
}

void append_begin(struct append *a)
{
    a->id_before = a->id;
    memcpy(a->head_before, a->head, sizeof a->head);
    forget_cells(a);
}

void append_undo(struct append *a)
{
    a->id = a->id_before;
    memcpy(a->head, a->head_before, sizeof a->head);
    forget_cells(a);
    for (int i = 0; i < STATEMENTS; i++) {
        sql_again(statement(a, i));
        statement(a, i)->rc = SQLITE_OK;
    }
}

/* ---- rollups ------------------------------------------------------------ */

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 29);
}

static bool same(const struct rcell *x, const struct rcell *y)
{
    return x->table == y->table && x->tenant == y->tenant &&
           x->bucket == y->bucket && x->key == y->key &&
           x->provider == y->provider && x->status == y->status &&
           slice_eq(x->model, y->model);
}

static uint64_t hash_cell(const struct rcell *k)
{
    uint64_t h = mix((uint64_t)k->table + 1, (uint64_t)k->tenant);
    h = mix(h, (uint64_t)k->bucket);
    h = mix(h, (uint64_t)k->key);
    h = mix(h, (uint64_t)k->provider * 8 + (uint64_t)k->status);
    return mix(h, k->model.n > 0 ? crypt_table_hash(k->model) : 0);
}

static struct rcell *slot(struct rcell *cells, size_t cap,
                          const struct rcell *k)
{
    size_t i = (size_t)hash_cell(k) & (cap - 1);
    while (cells[i].used && !same(&cells[i], k))
        i = (i + 1) & (cap - 1);
    return &cells[i];
}

static void grow(struct append *a)
{
    size_t cap = a->cap * 2;
    struct rcell *c = xcalloc(cap, sizeof *c);
    for (size_t i = 0; i < a->cap; i++)
        if (a->cells[i].used)
            *slot(c, cap, &a->cells[i]) = a->cells[i];
    free(a->cells);
    a->cells = c;
    a->cap = cap;
}

static void add_cell(struct append *a, struct rcell *k,
                     const int64_t v[static FIGURES])
{
    if ((a->count + 1) * 2 > a->cap)
        grow(a);
    struct rcell *c = slot(a->cells, a->cap, k);
    if (!c->used) {
        *c = *k;
        c->used = true;
        c->model = arena_dup(&a->arena, k->model);
        a->full = a->full || c->model.p == NULL;
        a->count++;
    }
    for (int i = 0; i < FIGURES; i++)
        c->v[i] = k->table != KEY_USED ? c->v[i] + v[i]
                  : c->v[i] > v[i]     ? c->v[i]
                                       : v[i];
}

static int64_t floor_to(int64_t v, int64_t unit)
{
    int64_t r = v % unit;
    return v - (r < 0 ? r + unit : r);
}

static bool is_metered(const struct event *e)
{
    return e->kind == EVENT_USAGE &&
           (e->status == EVENT_SUCCESS || e->status == EVENT_INTERRUPTED);
}

static int64_t tag_bucket(enum rollup t, int64_t ts)
{
    return t == TAG_MONTH
               ? sum_month(ts)
               : floor_to(ts, t == TAG_HOUR ? STORE_HOUR_MS : STORE_DAY_MS);
}

static void roll_tags(struct append *a, const struct event *e,
                      const int64_t v[static FIGURES])
{
    struct rcell k = {.status = e->status};
    bool tagged = false;
    for (int i = 0; i < e->tag_count; i++) {
        tagged |= e->tags[i].direct;
        for (int t = TAG_HOUR; t <= TAG_MONTH; t++) {
            k.table = (enum rollup)t;
            k.bucket = tag_bucket((enum rollup)t, e->ts_ms);
            k.tenant = e->tags[i].id;
            k.key = e->tags[i].direct;
            add_cell(a, &k, v);
        }
        struct rcell name = {.table = SEEN_TAG,
                             .tenant = e->tags[i].id,
                             .bucket = e->tenant_id,
                             .model = e->tags[i].name};
        add_cell(a, &name, v);
    }
    // once for all tags: tag id = -tenant id (tagsum.h)
    for (int t = TAG_HOUR; tagged && t <= TAG_MONTH; t++) {
        k.table = (enum rollup)t;
        k.bucket = tag_bucket((enum rollup)t, e->ts_ms);
        k.tenant = -e->tenant_id;
        k.key = 1;
        add_cell(a, &k, v);
    }
}

/* The slim ones: by day and key, by day and tracking token, names. */
static void roll_slim(struct append *a, const struct event *e,
                      const int64_t v[static FIGURES])
{
    int64_t day = floor_to(e->ts_ms, STORE_DAY_MS);
    struct rcell k = {0};
    for (int t = USE; t <= MONTH; t++) {
        k.table = (enum rollup)t;
        k.bucket = t == USE ? day : sum_month(day);
        k.tenant = e->tenant_id;
        k.key = e->key_id;
        add_cell(a, &k, v);
        k.tenant = ALL_TENANTS;
        k.key = 0;
        add_cell(a, &k, v);
    }
    if (is_metered(e)) {
        k.table = DATA;
        k.bucket = day;
        k.tenant = e->ingest_token_id != 0         ? e->ingest_token_id
                   : slice_is(e->reason, "legacy") ? DATA_LEGACY
                                                   : DATA_PROXIED;
        k.model = e->model;
        add_cell(a, &k, v);
    }
    k = (struct rcell){
        .table = SEEN_TENANT, .tenant = e->tenant_id, .model = e->tenant};
    if (e->tenant.n > 0)
        add_cell(a, &k, v);
    if (e->key_id != 0 && e->kind == EVENT_USAGE) {
        const int64_t used[FIGURES] = {[F_USD] = e->ts_ms};
        k = (struct rcell){.table = KEY_USED, .tenant = e->key_id};
        add_cell(a, &k, used);
    }
}

static void roll_up(struct append *a, const struct event *e)
{
    const struct usage *u = &e->usage;
    if (e->kind == EVENT_RESET)
        return;
    const int64_t v[FIGURES] = {[F_USD] = e->usd,
                                [F_REQUESTS] = e->kind == EVENT_USAGE,
                                [F_INPUT] = u->input,
                                [F_CACHED] = u->cached,
                                [F_WRITE] = u->cache_write + u->cache_write_1h,
                                [F_OUTPUT] = u->output,
                                [F_REASONING] = u->reasoning,
                                [F_METERED] = is_metered(e)};
    struct rcell k = {
        .provider = e->provider, .status = e->status, .model = e->model};
    for (int t = HOUR; t <= DAY; t++) {
        k.table = (enum rollup)t;
        k.bucket = floor_to(e->ts_ms, t == HOUR ? STORE_HOUR_MS : STORE_DAY_MS);
        k.tenant = e->tenant_id;
        k.key = e->key_id;
        add_cell(a, &k, v);
        k.tenant = ALL_TENANTS;
        k.key = 0;
        add_cell(a, &k, v);
    }
    roll_slim(a, e, v);
    roll_tags(a, e, v);
}

static void bind_cell(struct sql *q, const struct rcell *c)
{
    const struct rollup_sql *u = &upserts[c->table];
    if (u->keys & K_TENANT)
        sql_i64(q, c->tenant);
    if (u->keys & K_BUCKET)
        sql_i64(q, c->bucket);
    if (u->keys & K_KEY)
        sql_i64(q, c->key);
    if (u->keys & K_MODEL)
        sql_text(q, c->model);
    if (u->keys & K_PROVIDER)
        sql_text(q, names_of(NAMES_PROVIDER, (int)c->provider));
    if (u->keys & K_STATUS)
        sql_text(q, names_of(NAMES_STATUS, (int)c->status));
    for (int f = 0; f < FIGURES; f++)
        if (u->figures & BIT(f))
            sql_i64(q, c->v[f]);
}

enum status append_flush(struct append *a, struct err *err)
{
    if (a->full)
        return err_set(err, E_NOMEM, "ledger", "batch too big");
    for (size_t i = 0; i < a->cap; i++) {
        const struct rcell *c = &a->cells[i];
        if (!c->used)
            continue;
        struct sql *q = &a->upsert[c->table];
        bind_cell(q, c);
        sql_run(q);
        if (q->rc != SQLITE_OK)
            return sql_status(a->db->w, q->rc, err);
    }
    forget_cells(a);
    return OK;
}

/* ---- rows --------------------------------------------------------------- */

static struct cell cell_int(int64_t v)
{
    return (struct cell){CELL_INT, v, {NULL, 0}};
}

static struct cell cell_int_or(int64_t v, int64_t none)
{
    return v == none ? (struct cell){CELL_NULL, 0, {NULL, 0}} : cell_int(v);
}

static struct cell cell_text(struct slice s)
{
    return s.n == 0 ? (struct cell){CELL_NULL, 0, {NULL, 0}}
                    : (struct cell){CELL_TEXT, 0, s};
}

/* The columns in the order of CHAIN_COLUMNS. */
static int cells_of(const struct event *e, int64_t id, int64_t now_ms,
                    struct cell c[static CHAIN_COLUMN_COUNT])
{
    const struct usage *u = &e->usage;
    int n = 0;
    c[n++] = cell_int(id);
    c[n++] = cell_text(names_of(NAMES_KIND, (int)e->kind));
    c[n++] = (struct cell){CELL_TEXT, 0, slice_str(e->request_id)};
    c[n++] = cell_int(e->ts_ms);
    c[n++] = cell_int(now_ms);
    c[n++] = cell_text(e->tenant);
    c[n++] = cell_int(e->tenant_id);
    c[n++] = cell_int_or(e->key_id, 0);
    c[n++] = cell_text(e->route);
    c[n++] = cell_text(e->method);
    c[n++] = cell_text(names_of(NAMES_PROVIDER, (int)e->provider));
    c[n++] = cell_text(e->model);
    c[n++] = cell_text(e->model_answered);
    c[n++] = cell_int(e->usd);
    c[n++] = cell_int(u->input);
    c[n++] = cell_int(u->cached);
    c[n++] = cell_int(u->cache_write + u->cache_write_1h);
    c[n++] = cell_int(u->output);
    c[n++] = cell_int(u->reasoning);
    c[n++] = cell_text(names_of(NAMES_STATUS, (int)e->status));
    c[n++] = cell_text(e->reason);
    c[n++] = cell_int_or(e->http_status, 0);
    c[n++] = cell_text(names_of(NAMES_METERED, (int)u->by));
    c[n++] = cell_int_or(e->price_version, 0);
    c[n++] = cell_text(names_of(NAMES_BASIS, (int)e->basis));
    c[n++] = cell_int(e->held);
    c[n++] = cell_text(e->session);
    c[n++] = cell_text(e->user);
    c[n++] = cell_int_or(e->ingest_token_id, 0);
    c[n++] = cell_text(e->event_id);
    c[n++] = cell_int_or(e->corrects, 0);
    c[n++] = cell_text(e->detail);
    c[n++] = cell_int(e->latency_ms);
    c[n++] = cell_int_or(e->ttft_ms, -1);
    c[n++] = cell_int(e->stream);
    return n;
}

static int tag_cmp(const void *a, const void *b)
{
    const struct event_tag *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* A session exists from its first accepted use on. */
static bool accepted(const struct event *e)
{
    return e->kind == EVENT_USAGE && e->session.n > 0 && e->tenant_id != 0 &&
           (e->status == EVENT_SUCCESS || e->status == EVENT_INTERRUPTED ||
            (e->status == EVENT_FAILED && e->held > 0));
}

static int64_t session_tag_budget(struct append *a, const struct event *e)
{
    int64_t low = -1;
    if (a->db->conf.catalog == NULL || e->tag_count == 0)
        return low;
    const struct snapshot *s = catalog_ref(a->db->conf.catalog);
    const struct tenant *t = snapshot_tenant(s, e->tenant_id);
    for (int i = 0; t != NULL && i < e->tag_count; i++) {
        const struct tenant_tag *g =
            e->tags[i].direct ? tenant_tag_id(t, e->tags[i].id) : NULL;
        if (g != NULL && g->session_budget >= 0 &&
            (low < 0 || g->session_budget < low))
            low = g->session_budget;
    }
    snapshot_unref(&s);
    return low;
}

static void touch_session(struct append *a, const struct event *e)
{
    struct sql *q = &a->session;
    sql_i64(q, e->tenant_id);
    sql_text(q, e->session);
    sql_text_or(q, e->session_name);
    sql_text_or(q, e->session_path);
    sql_i64_or(q, session_tag_budget(a, e), -1);
    sql_i64(q, e->ts_ms);
    sql_run(q);
}

/* A tracking token was used. */
static enum status touch_token(struct append *a, const struct event *e,
                               struct err *err)
{
    struct sql q = sql_prepare(
        a->db->w, "UPDATE ingest_token SET usage_count=usage_count+1,"
                  "last_seen_at=max(coalesce(last_seen_at,0),?2) WHERE id=?1");
    sql_i64(&q, e->ingest_token_id);
    sql_i64(&q, e->ts_ms);
    sql_run(&q);
    return sql_done(&q, err);
}

static void insert_tags(struct append *a, int64_t id,
                        const struct event_tag *tags, int n)
{
    for (int i = 0; i < n; i++) {
        sql_i64(&a->tag, id);
        sql_i64(&a->tag, tags[i].id);
        sql_text(&a->tag, tags[i].name);
        sql_text(&a->tag, tags[i].path);
        sql_i64(&a->tag, tags[i].direct);
        sql_run(&a->tag);
    }
}

enum status append_row(struct append *a, const struct event *e, int64_t now_ms,
                       struct err *err)
{
    struct cell c[CHAIN_COLUMN_COUNT];
    struct event_tag tags[EVENT_TAGS_MAX];
    uint8_t hash[32];
    int n = e->tag_count < EVENT_TAGS_MAX ? e->tag_count : EVENT_TAGS_MAX;
    int columns = cells_of(e, a->id + 1, now_ms, c);
    assert(columns == CHAIN_COLUMN_COUNT);
    if (n > 0) {
        memcpy(tags, e->tags, (size_t)n * sizeof *tags);
        qsort(tags, (size_t)n, sizeof *tags, tag_cmp);
    }
    buf_clear(&a->row);
    for (int i = 0; i < columns; i++) {
        chain_cell(&a->row, &c[i]);
        if (c[i].type == CELL_INT)
            sql_i64(&a->insert, c[i].i);
        else if (c[i].type == CELL_TEXT)
            sql_text(&a->insert, c[i].s);
        else
            sql_i64_or(&a->insert, 0, 0);
    }
    for (int i = 0; i < n; i++)
        chain_tag(&a->row, tags[i].id, tags[i].name, tags[i].path,
                  tags[i].direct);
    if (a->row.failed)
        return err_set(err, E_TOO_BIG, "ledger", "row too big");
    memcpy(hash, a->head, sizeof hash);
    chain_step(hash, &a->row);
    sql_blob(&a->insert, hash, sizeof hash);
    sql_run(&a->insert);
    if (a->insert.rc != SQLITE_OK)
        return sql_status(a->db->w, a->insert.rc, err);
    if (sqlite3_changes(a->db->w) == 0) { // at most once by id
        log_line(LOG_WARN, "ledger row is there already",
                 LF_C("request_id", e->request_id));
        return OK;
    }
    a->id++;
    memcpy(a->head, hash, sizeof hash);
    insert_tags(a, a->id, tags, n);
    if (accepted(e))
        touch_session(a, e);
    roll_up(a, e);
    if (e->ingest_token_id != 0 && e->kind == EVENT_USAGE) {
        enum status st = touch_token(a, e, err);
        if (st != OK)
            return st;
    }
    if (a->tag.rc != SQLITE_OK)
        return sql_status(a->db->w, a->tag.rc, err);
    return sql_status(a->db->w, a->session.rc, err);
}

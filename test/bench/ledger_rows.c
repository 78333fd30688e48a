/* ledger_rows.c - a ledger of many rows, quickly, for make bench-rows.
 *
 * ledger_rows DIR [rows] [tenants] [days]: fills DIR/ledger.sqlite with the
 * rows of `days` up to now.  Rows go through the ledger's own append, so
 * hashes, rollups, sessions and names are those of the program; only the
 * outbox is left out and the plain indexes are made at the end.  What comes
 * out depends on the arguments and the clock alone.  Prints one line of JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/mem.h"
#include "base/money.h"
#include "ledger/append.h"
#include "ledger/rows.h"

#define BATCH 100000
#define TENANTS_MAX 10000
#define KEYS 2
#define TAGS 5
#define TOKENS 8
#define CORRECT_EVERY 4999
#define RARE_EVERY 200003

static const struct actor who = {{"bench", 5}};

static const char *const models[] = {
    "gpt-4.1",           "gpt-4.1-mini",
    "gpt-4.1-nano",      "gpt-4o",
    "gpt-4o-mini",       "o3",
    "o4-mini",           "gpt-5",
    "gpt-5-mini",        "claude-opus-4-1",
    "claude-sonnet-4-5", "claude-haiku-4-5",
    "gemini-2.5-pro",    "gemini-2.5-flash",
    "gemini-2.0-flash",  "mistral-large-latest",
    "deepseek-chat",     "grok-4"};
#define MODELS ((int64_t)(sizeof models / sizeof *models))

static const struct {
    const char *name;
    int parent;
} tag_tree[TAGS] = {
    {"engineering", -1}, {"web", 0}, {"api", 0}, {"sales", -1}, {"ops", -1}};

struct maker {
    struct db *db;
    int64_t rows, tenants, now, span, usage, usd;
    uint64_t seed;
    int64_t tenant[TENANTS_MAX], key[TENANTS_MAX][KEYS];
    int64_t tag[TENANTS_MAX][TAGS], token[TOKENS];
    char name[TENANTS_MAX][32], path[TAGS][40];
};

static void must(enum status st, const struct err *err)
{
    if (st == OK)
        return;
    fprintf(stderr, "ledger_rows: %s: %s\n", err_name(st), err->text);
    exit(1);
}

/* splitmix64 (Steele, Lea, Flood 2014) */
static int64_t below(struct maker *m, int64_t n)
{
    uint64_t z = m->seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (int64_t)((z ^ (z >> 31)) >> 1) % n;
}

static bool window(const struct budget *b, const struct zone *z, int64_t at,
                   struct window *out)
{
    (void)b;
    (void)z;
    (void)at;
    (void)out;
    return false; // there are no budgets
}

static int64_t step(int64_t rolling)
{
    (void)rolling;
    return 60000;
}

/* ---- tenants, keys, tags, tokens ---------------------------------------- */

static void make_tenant(struct maker *m, struct arena *a, int64_t i)
{
    static const uint8_t secret[CRYPT_SECRET];
    struct err err = {0};
    struct tenant_row t = {.origin = i % 3 == 2 ? ORIGIN_ISSUED : ORIGIN_ADMIN,
                           .rate_limit_per_min = -1,
                           .tokens_per_min = -1,
                           .max_concurrent = -1,
                           .default_session_budget = -1};
    snprintf(m->name[i], sizeof m->name[i], "tenant-%03d",
             (int)(i % TENANTS_MAX));
    t.name = slice_str(m->name[i]);
    must(rows_tenant_add(m->db, who, &t, NULL, 0, &err), &err);
    m->tenant[i] = t.id;
    for (int k = 0; k < KEYS; k++) {
        struct key_row key = {.tenant_id = t.id, .name = SLICE("bench")};
        char text[64];
        int n = snprintf(text, sizeof text, "%lld-%d", (long long)i, k);
        crypt_keyed(secret, slice(text, (size_t)n), key.hash);
        memcpy(key.first4, "bg_x", 4);
        memcpy(key.last4, "0000", 4);
        must(rows_key_add(m->db, who, &key, &err), &err);
        m->key[i][k] = key.id;
    }
    for (int k = 0; k < TAGS; k++) {
        struct tag_row g = {.tenant_id = t.id,
                            .name = slice_str(tag_tree[k].name),
                            .active = true,
                            .session_budget = -1};
        if (tag_tree[k].parent >= 0)
            g.parent_id = m->tag[i][tag_tree[k].parent];
        must(rows_tag_add(m->db, a, who, &g, &err), &err);
        m->tag[i][k] = g.id;
        snprintf(m->path[k], sizeof m->path[k], "%.*s", (int)g.path.n,
                 g.path.p);
    }
}

static void make_tokens(struct maker *m)
{
    struct err err = {0};
    for (int i = 0; i < TOKENS; i++) {
        char label[32], token[64];
        int n = snprintf(label, sizeof label, "bench-%d", i);
        int k = snprintf(token, sizeof token, "tok_bench_%d_0123456789", i);
        struct ingest_row t = {.tenant_id = m->tenant[i % m->tenants],
                               .label = slice(label, (size_t)n),
                               .token = slice(token, (size_t)k),
                               .active = true};
        must(rows_ingest_add(m->db, who, &t, &err), &err);
        m->token[i] = t.id;
    }
}

/* ---- rows --------------------------------------------------------------- */

struct texts {
    char session[48], user[32], event[32];
    struct event_tag tags[2];
};

static void set_outcome(struct maker *m, struct event *e)
{
    static const char *const why[] = {"rate_limit", "budget", "policy"};
    int64_t dice = below(m, 1000);
    e->status = EVENT_SUCCESS;
    e->http_status = 200;
    if (dice < 30) {
        e->status = EVENT_BLOCKED;
        e->http_status = 429;
        e->reason = slice_str(why[dice % 3]);
    } else if (dice < 55) {
        e->status = EVENT_FAILED;
        e->http_status = 502;
        e->reason = SLICE("upstream_unreachable");
    } else if (dice < 70) {
        e->status = EVENT_INTERRUPTED;
        e->reason = SLICE("client_gone");
    }
    if (e->status != EVENT_SUCCESS && e->status != EVENT_INTERRUPTED)
        return;
    e->usage.by = METERED_PROVIDER;
    e->usage.input = 20 + below(m, 4000);
    e->usage.cached = below(m, 4) == 0 ? e->usage.input / 2 : 0;
    e->usage.output = 1 + below(m, 900);
    e->usd = e->usage.input * 2000 + e->usage.output * 8000 - below(m, 1000);
    e->held = e->usd + 1000;
    e->basis = BASIS_TABLE;
    e->price_version = 1;
}

static void set_tags(struct maker *m, int64_t t, struct event *e,
                     struct texts *x)
{
    int k = (int)below(m, TAGS), n = 0;
    for (int at = k; at >= 0; at = tag_tree[at].parent)
        x->tags[n++] =
            (struct event_tag){m->tag[t][at], slice_str(tag_tree[at].name),
                               slice_str(m->path[at]), at == k};
    e->tags = x->tags;
    e->tag_count = n;
}

static void set_origin(struct maker *m, int64_t i, int64_t t, struct event *e,
                       struct texts *x)
{
    if (t < TOKENS && below(m, 8) == 0) { // pushed usage
        e->key_id = 0;
        e->route = SLICE("/ingest");
        e->ingest_token_id = m->token[t];
        e->event_id =
            slice(x->event, (size_t)snprintf(x->event, sizeof x->event,
                                             "ev-%lld", (long long)i));
        e->ts_ms -= below(m, 2 * 3600000);
        return;
    }
    if (below(m, 10) < 3) // about forty rows of one stretch of time
        e->session =
            slice(x->session,
                  (size_t)snprintf(x->session, sizeof x->session, "s-%lld-%lld",
                                   (long long)t,
                                   (long long)(e->ts_ms / (6 * 3600000))));
    if (below(m, 10) < 4)
        e->user = slice(x->user,
                        (size_t)snprintf(x->user, sizeof x->user, "user-%lld",
                                         (long long)below(m, 50)));
    if (below(m, 2) == 0)
        set_tags(m, t, e, x);
}

static void make_row(struct maker *m, int64_t i, struct event *e,
                     struct texts *x)
{
    int64_t u = below(m, 1000), t = m->tenants * u / 1000 * u / 1000;
    int64_t model = (t * 5 + below(m, 3)) % MODELS;
    memset(e, 0, sizeof *e);
    *e = (struct event){.ts_ms = m->now - m->span +
                                 (int64_t)((int128)m->span * i / m->rows),
                        .tenant_id = m->tenant[t],
                        .key_id = m->key[t][below(m, KEYS)],
                        .tenant = slice_str(m->name[t]),
                        .route = SLICE("/v1/chat/completions"),
                        .method = SLICE("POST"),
                        .provider = model < 9    ? PROVIDER_OPENAI
                                    : model < 12 ? PROVIDER_ANTHROPIC
                                    : model < 15 ? PROVIDER_GOOGLE
                                                 : PROVIDER_MISTRAL,
                        .model = slice_str(models[model]),
                        .latency_ms = 100 + below(m, 3000),
                        .ttft_ms = -1};
    e->model_answered = e->model;
    if (i % RARE_EVERY == 17)
        e->model = SLICE("rare-model");
    if (i % 1000 == 500) { // refused before anybody was known
        e->tenant_id = e->key_id = 0;
        e->tenant = slice(NULL, 0);
        e->status = EVENT_FAILED;
        e->reason = SLICE("invalid_key");
        e->http_status = 401;
    } else {
        set_outcome(m, e);
        set_origin(m, i, t, e, x);
    }
    // ids that grow: the index on them is filled at its end
    snprintf(e->request_id, sizeof e->request_id, "%016llx%016llx",
             (unsigned long long)i, (unsigned long long)m->now);
}

static void append(struct maker *m, struct event *e, struct err *err)
{
    must(append_row(m->db->append, e, e->ts_ms + 40, err), err);
    m->usd += e->usd;
    m->usage += e->kind == EVENT_USAGE;
}

static void correct(struct maker *m, int64_t of, struct event *e,
                    struct err *err)
{
    e->kind = EVENT_CORRECTION;
    e->usd = -e->usd / 2;
    e->held = 0;
    e->corrects = of;
    e->usage = (struct usage){0};
    e->event_id = slice(NULL, 0);
    e->reason = SLICE("bench");
    append(m, e, err);
}

static void make_rows(struct maker *m)
{
    struct err err = {0};
    struct event e;
    struct texts x;
    for (int64_t i = 0; i < m->rows;) {
        must(store_begin(m->db, &err), &err);
        append_begin(m->db->append);
        for (int64_t end = i + BATCH; i < end && i < m->rows; i++) {
            make_row(m, i, &e, &x);
            append(m, &e, &err);
            if (i % CORRECT_EVERY == 7 && i + 1 < m->rows && e.usd > 1) {
                i++; // it is the next row
                correct(m, i, &e, &err);
            }
        }
        must(append_flush(m->db->append, &err), &err);
        must(store_commit(m->db, OK, &err), &err);
        store_end(m->db);
        if (isatty(2))
            fprintf(stderr, "\r%lld rows", (long long)i);
    }
}

/* ---- indexes ------------------------------------------------------------ */

/* Takes the plain indexes of the ledger away; what makes them again. */
static void drop_indexes(struct maker *m, struct buf *again)
{
    struct err err = {0};
    struct buf drop;
    buf_init(&drop, 1u << 16);
    struct sql q = sql_prepare(
        m->db->w, "SELECT name,sql FROM sqlite_master WHERE type='index' AND "
                  "tbl_name='ledger' AND sql NOT LIKE '%UNIQUE%'");
    while (sql_row(&q)) {
        struct slice name = sql_col_text(&q, 0), text = sql_col_text(&q, 1);
        buf_printf(&drop, "DROP INDEX \"%.*s\";", SLICE_FMT(name));
        buf_printf(again, "%.*s;", SLICE_FMT(text));
    }
    must(sql_done(&q, &err), &err);
    buf_char(&drop, '\0');
    buf_char(again, '\0');
    must(sql_exec(m->db->w, drop.p, &err), &err);
    buf_release(&drop);
}

static void fill(struct maker *m)
{
    struct err err = {0};
    struct arena a;
    struct buf indexes;
    buf_init(&indexes, 1u << 16);
    arena_init(&a, 64u << 20);
    must(sql_exec(m->db->w,
                  "PRAGMA synchronous=OFF;PRAGMA cache_size=-400000;"
                  "PRAGMA wal_autocheckpoint=50000",
                  &err),
         &err);
    for (int64_t i = 0; i < m->tenants; i++)
        make_tenant(m, &a, i);
    make_tokens(m);
    must(append_new(m->db, &m->db->append, &err), &err);
    drop_indexes(m, &indexes);
    make_rows(m);
    must(sql_exec(m->db->w, indexes.p, &err), &err);
    must(sql_exec(m->db->w, "PRAGMA wal_checkpoint(TRUNCATE)", &err), &err);
    arena_release(&a);
    buf_release(&indexes);
}

static int64_t argument(int argc, char **argv, int i, int64_t dflt, int64_t max)
{
    int64_t v = argc > i ? strtoll(argv[i], NULL, 10) : dflt;
    return v < 1 ? 1 : v > max ? max : v;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct counters *counters = NULL;
    char lmdb[512], path[512], usd[MONEY_TEXT];
    if (argc < 2 || !crypt_init()) {
        fputs("usage: ledger_rows DIR [rows] [tenants] [days]\n", stderr);
        return 2;
    }
    struct maker *m = xcalloc(1, sizeof *m);
    m->rows = argument(argc, argv, 2, 10000000, INT64_C(1) << 32);
    m->tenants = argument(argc, argv, 3, 200, TENANTS_MAX);
    m->span = argument(argc, argv, 4, 365, 3650) * 86400000;
    m->now = clock_now_ms();
    (void)mkdir(argv[1], 0700);
    snprintf(lmdb, sizeof lmdb, "%s/counters.lmdb", argv[1]);
    snprintf(path, sizeof path, "%s/ledger.sqlite", argv[1]);
    const struct counters_conf cc = {
        .dir = lmdb, .map_bytes = 64u << 20, .sync_interval_ms = 100};
    must(counters_open(&cc, &counters, &err), &err);
    struct catalog *catalog = catalog_new(NULL, 0);
    const struct db_conf dc = {.path = path,
                               .counters = counters,
                               .catalog = catalog,
                               .window_at = window,
                               .window_step_ms = step};
    must(db_open(&dc, &m->db, &err), &err);
    must(rows_load(m->db, &err), &err);
    fill(m);
    money_format(m->usd, usd);
    printf("{\"rows\":%lld,\"usage\":%lld,\"usd\":\"%s\",\"tenants\":%lld,"
           "\"from\":%lld,\"to\":%lld,\"seconds\":%lld}\n",
           (long long)m->rows, (long long)m->usage, usd, (long long)m->tenants,
           (long long)(m->now - m->span), (long long)m->now,
           (long long)(clock_now_ms() - m->now) / 1000);
    db_close(&m->db);
    catalog_free(&catalog);
    counters_close(&counters);
    free(m);
    return 0;
}

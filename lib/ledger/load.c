/* load.c - see load.h.
 *
 * The start reads four tables in tenant order, side by side, and builds one
 * node after the other: no look-up per tenant, no copy of a map.
 */
#include "ledger/load.h"

#include "base/crypt.h"
#include "base/json.h"
#include "base/mem.h"
#include "ledger/names.h"

/* ---- budgets ------------------------------------------------------------ */

static int int_cmp(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Every number of an array or object, ascending. */
static void thresholds(struct slice text, struct budget *b)
{
    struct arena a;
    struct json *j = NULL;
    arena_init(&a, 1u << 16);
    b->threshold_count = text.p != NULL ? 0 : BUDGET_NO_OWN;
    if (text.p != NULL && json_parse(&a, text, &j, NULL) == OK)
        for (const struct json *c = j->child; c != NULL; c = c->next) {
            int64_t v;
            if (b->threshold_count < BUDGET_THRESHOLDS && json_i64(c, &v) &&
                v > 0 && v <= 1000000)
                b->thresholds[b->threshold_count++] = (int)v;
        }
    arena_release(&a);
    if (b->threshold_count > 1)
        qsort(b->thresholds, (size_t)b->threshold_count, sizeof(int), int_cmp);
}

static int64_t decimal(struct slice s)
{
    int64_t v = 0;
    return money_scan(s, 0, &v) ? v : 0;
}

static struct slice text(struct sql *q, int i, struct arena *a)
{
    return a != NULL ? sql_col_dup(q, i, a) : sql_col_text(q, i);
}

void load_budget(struct sql *q, struct arena *a, struct budget_row *out)
{
    struct budget *b = &out->b;
    memset(out, 0, sizeof *out);
    b->id = (uint64_t)sql_col(q, 0, 0);
    b->scope = (enum budget_scope)sql_col(q, 1, 0);
    b->tenant_id = sql_col(q, 3, 0);
    struct slice id = text(q, 2, a);
    if (b->scope == SCOPE_KEY || b->scope == SCOPE_TAG)
        b->object_id = decimal(id);
    else if (b->scope != SCOPE_TENANT && b->scope != SCOPE_GLOBAL)
        b->scope_id = id;
    b->period = (enum budget_period)sql_col(q, 4, 0);
    b->rolling_ms = sql_col(q, 5, 0);
    b->start_ms = sql_col(q, 6, 0);
    b->end_ms = sql_col(q, 7, 0);
    b->amount = sql_col(q, 8, 0);
    b->soft = slice_is(sql_col_text(q, 9), "soft");
    out->thresholds = text(q, 10, a);
    thresholds(out->thresholds, b);
    b->active = sql_col(q, 11, 0) != 0;
    out->weight_milli = sql_col(q, 12, 1000);
    out->inheritance = text(q, 13, a);
    b->direct_only = slice_is(out->inheritance, "NONE") ||
                     slice_is(out->inheritance, "BYPASS");
    out->created_ms = sql_col(q, 14, 0);
    out->updated_ms = sql_col(q, 15, 0);
}

/* ---- one tenant's parts ------------------------------------------------- */

/* Growing lists that are reused from tenant to tenant. */
struct parts {
    struct arena arena;
    struct tenant_key *keys;
    struct tenant_tag *tags;
    struct budget *budgets;
    int key_n, key_cap, tag_n, tag_cap, budget_n, budget_cap;
};

static void *more(void *p, int n, int *cap, size_t size)
{
    if (n < *cap)
        return p;
    *cap = *cap == 0 ? 16 : *cap * 2;
    void *q = try_realloc(p, (size_t)*cap * size);
    if (q == NULL)
        abort(); // start-up or an admin's change; nothing sensible is left
    return q;
}

static void add_key(struct parts *p, struct sql *q)
{
    p->keys = more(p->keys, p->key_n, &p->key_cap, sizeof *p->keys);
    struct tenant_key *k = &p->keys[p->key_n];
    struct slice hash = sql_col_text(q, 2);
    memset(k, 0, sizeof *k);
    if (hash.n != TENANT_KEY_HASH)
        return;
    memcpy(k->hash, hash.p, TENANT_KEY_HASH);
    k->id = sql_col(q, 1, 0);
    for (int i = 0; i < 2; i++) {
        struct slice s = sql_col_text(q, 3 + i);
        memcpy(i == 0 ? k->first4 : k->last4, s.p, s.n < 4 ? s.n : 4);
    }
    k->name = sql_col_dup(q, 5, &p->arena);
    p->key_n++;
}

static void add_tag(struct parts *p, struct sql *q)
{
    p->tags = more(p->tags, p->tag_n, &p->tag_cap, sizeof *p->tags);
    p->tags[p->tag_n++] =
        (struct tenant_tag){.id = sql_col(q, 1, 0),
                            .parent_id = sql_col(q, 2, 0),
                            .name = sql_col_dup(q, 3, &p->arena),
                            .path = sql_col_dup(q, 4, &p->arena),
                            .level = (int)sql_col(q, 5, 0),
                            .active = sql_col(q, 6, 0) != 0,
                            .session_budget = sql_col(q, 7, -1)};
}

static void add_budget(struct parts *p, struct sql *q)
{
    struct budget_row row;
    p->budgets =
        more(p->budgets, p->budget_n, &p->budget_cap, sizeof *p->budgets);
    load_budget(q, &p->arena, &row);
    p->budgets[p->budget_n++] = row.b;
}

static void parts_clear(struct parts *p)
{
    arena_reset(&p->arena);
    p->key_n = p->tag_n = p->budget_n = 0;
}

static void parts_release(struct parts *p)
{
    arena_release(&p->arena);
    free(p->keys);
    free(p->tags);
    free(p->budgets);
}

#define TENANT_COLUMNS                                                 \
    "id,name,origin,rate_limit_per_min,tokens_per_min,max_concurrent," \
    "default_session_budget_nano"
#define KEY_SELECT                                             \
    "SELECT tenant_id,id,hash,first4,last4,name FROM api_key " \
    "WHERE is_active=1"
#define TAG_SELECT                                             \
    "SELECT tenant_id,id,parent_id,name,path,level,is_active," \
    "session_budget_nano FROM tag "
#define BUDGET_SELECT "SELECT " LOAD_BUDGET " FROM budget "

static enum status build(struct db *db, struct sql *t, struct parts *p,
                         struct err *err)
{
    struct catalog *c = db->conf.catalog;
    const struct tenant *node = NULL;
    struct tenant_draft d = {
        .plain = {.id = sql_col(t, 0, 0),
                  .name = sql_col_text(t, 1),
                  .origin = (enum tenant_origin)names_parse(NAMES_ORIGIN,
                                                            sql_col_text(t, 2)),
                  .rate_limit_per_min = sql_col(t, 3, -1),
                  .tokens_per_min = sql_col(t, 4, -1),
                  .max_concurrent = sql_col(t, 5, -1),
                  .default_session_budget = sql_col(t, 6, -1)},
        .keys = p->keys,
        .key_count = p->key_n,
        .tags = p->tags,
        .tag_count = p->tag_n,
        .budgets = p->budgets,
        .budget_count = p->budget_n};
    d.env = catalog_env(c, &d.env_count);
    enum status st = tenant_build(&d, &node, err);
    return st == OK ? catalog_put_take(c, node, err) : st;
}

enum status load_tenant(struct db *db, int64_t id, struct err *err)
{
    static const char *const texts[] = {KEY_SELECT " AND tenant_id=?",
                                        TAG_SELECT "WHERE tenant_id=?",
                                        BUDGET_SELECT "WHERE tenant_id=?"};
    struct parts p = {0};
    enum status st = OK;
    if (db->conf.catalog == NULL)
        return OK;
    arena_init(&p.arena, 256u << 20);
    for (int i = 0; i < 3 && st == OK; i++) {
        struct sql q = sql_prepare(db->w, texts[i]);
        sql_i64(&q, id);
        while (sql_row(&q)) {
            if (i == 0)
                add_key(&p, &q);
            else if (i == 1)
                add_tag(&p, &q);
            else
                add_budget(&p, &q);
        }
        st = sql_done(&q, err);
    }
    struct sql t =
        sql_prepare(db->w, "SELECT " TENANT_COLUMNS " FROM tenant WHERE id=?");
    sql_i64(&t, id);
    if (st == OK && sql_row(&t))
        st = build(db, &t, &p, err);
    else if (st == OK)
        catalog_remove(db->conf.catalog, id);
    enum status end = sql_done(&t, st == OK ? err : NULL);
    parts_release(&p);
    return st != OK ? st : end;
}

/* The admin's fallback chains, if they are set. */
static enum status load_fallbacks(struct db *db, struct err *err)
{
    struct fallbacks *f = NULL;
    struct err why;
    struct sql q = sql_prepare(
        db->w, "SELECT value FROM setting_text WHERE name='fallbacks'");
    bool bad = sql_row(&q) && fallbacks_read(sql_col_text(&q, 0), &f, &why);
    enum status st = sql_done(&q, err);
    if (st == OK && bad)
        st = err_set(err, E_CORRUPT, "rows", "stored fallbacks: %s", why.text);
    if (st != OK)
        fallbacks_unref(&f);
    else
        catalog_set_fallbacks_take(db->conf.catalog, true, f);
    return st;
}

enum status load_wide(struct db *db, struct err *err)
{
    struct parts p = {0};
    if (db->conf.catalog == NULL)
        return OK;
    arena_init(&p.arena, 64u << 20);
    struct sql q =
        sql_prepare(db->w, BUDGET_SELECT "WHERE tenant_id=0 ORDER BY id");
    while (sql_row(&q))
        add_budget(&p, &q);
    enum status st = sql_done(&q, err);
    if (st == OK)
        catalog_set_wide(db->conf.catalog, p.budgets, p.budget_n);
    parts_release(&p);
    return st == OK ? load_fallbacks(db, err) : st;
}

/* ---- start -------------------------------------------------------------- */

/* Takes rows of `q` while their tenant is `id`; `*on`: q stands on a row. */
static void take(struct sql *q, bool *on, int col, int64_t id, struct parts *p,
                 void (*add)(struct parts *, struct sql *))
{
    while (*on && sql_col(q, col, 0) <= id) {
        if (sql_col(q, col, 0) == id)
            add(p, q);
        *on = sql_row(q);
    }
}

enum status rows_load(struct db *db, struct err *err)
{
    struct parts p = {0};
    enum status st = store_begin(db, err);
    if (st != OK)
        return st;
    arena_init(&p.arena, 256u << 20);
    struct sql t =
        sql_prepare(db->w, "SELECT " TENANT_COLUMNS " FROM tenant ORDER BY id");
    struct sql k = sql_prepare(db->w, KEY_SELECT " ORDER BY tenant_id");
    struct sql g = sql_prepare(db->w, TAG_SELECT "ORDER BY tenant_id");
    struct sql b = sql_prepare(db->w, BUDGET_SELECT
                               "WHERE tenant_id>0 ORDER BY tenant_id");
    bool on_k = sql_row(&k), on_g = sql_row(&g), on_b = sql_row(&b);
    catalog_bulk_begin(db->conf.catalog);
    while (st == OK && sql_row(&t)) {
        int64_t id = sql_col(&t, 0, 0);
        parts_clear(&p);
        take(&k, &on_k, 0, id, &p, add_key);
        take(&g, &on_g, 0, id, &p, add_tag);
        take(&b, &on_b, 3, id, &p, add_budget);
        st = build(db, &t, &p, err);
    }
    catalog_bulk_end(db->conf.catalog);
    struct sql *all[] = {&t, &k, &g, &b};
    for (int i = 0; i < 4; i++) {
        enum status end = sql_done(all[i], st == OK ? err : NULL);
        st = st == OK ? end : st;
    }
    parts_release(&p);
    if (st == OK)
        st = load_wide(db, err);
    st = store_commit(db, st, err);
    store_end(db);
    return st;
}

void load_audit(struct db *db, int64_t tenant_id, struct slice actor,
                const char *event, struct slice details, int64_t now_ms,
                struct sql *kept)
{
    struct sql q = sql_prepare(
        db->w, "INSERT INTO audit(ts,tenant_id,actor,event,details) "
               "VALUES(?,?,?,?,?)");
    sql_i64(&q, now_ms);
    sql_i64_or(&q, tenant_id, 0);
    sql_text(&q, actor);
    sql_text(&q, slice_str(event));
    sql_text(&q, details);
    sql_run(&q);
    if (kept->rc == SQLITE_OK)
        kept->rc = q.rc;
    sqlite3_finalize(q.s);
}

/* insight.c - see insight.h.
 *
 * The points' edges cut the stretch of time into pieces that are whole days,
 * whole hours or neither (sum_cut); neighbours of one kind are asked for in
 * one statement, so a month of days is one range of the tree.  Rows of the
 * rollups are added up here, not by SQL, because each counts twice: in its
 * group and in its point.
 *
 * Rollups under tenant -1 hold all tenants, without keys; where tenants or
 * keys matter every tenant that ever had usage is asked, found by seeking the
 * next id, and of the slim rollup if it knows what is filtered by.
 */
#include "ledger/insight.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypt.h"
#include "ledger/names.h"
#include "ledger/store.h"
#include "ledger/sum.h"
#include "ledger/writer.h"

#define DAYS_MAX 4000
#define HOURS_MAX 800
#define SLOTS_FIRST 256 /* a power of two */

/* ---- statements --------------------------------------------------------- */

/* Each says: group, bucket, usd, requests, served, input, cached, output (tags:
 * of requests that named it; and usd of the tags below, too).  ?1 tenant, ?2
 * from, ?3 to, ?4 status, ?5 key, ?6 model, ?7 provider. */
#define SERVED "requests*(status IN('success','interrupted'))"
#define FIGURES ",bucket,usd,requests," SERVED ",input,cached,output FROM "
#define SPAN " AND bucket>=?2 AND bucket<?3"
#define STATUS SPAN " AND(?4='' OR status=?4)"
#define FILTERS                                              \
    STATUS " AND(?5=0 OR key_id=?5) AND(?6='' OR model=?6) " \
           "AND(?7='' OR provider=?7)"
#define ROLLUPS(select, where)                                                \
    {                                                                         \
        [STRETCH_ROWS] =                                                      \
            "WITH r AS(SELECT tenant_id,coalesce(key_id,0) AS key_id,"        \
            "coalesce(model,'') AS model,coalesce(provider,'') AS provider,"  \
            "coalesce(status,'') AS status,?2 AS bucket,usd,"                 \
            "kind='usage' AS requests,prompt_tok AS input,"                   \
            "cached_tok AS cached,comp_tok AS output FROM ledger INDEXED BY " \
            "ledger_ts WHERE ts>=?2 AND ts<?3 AND kind<>'reset' AND "         \
            "(?1=-1 OR tenant_id=?1)) SELECT " select FIGURES                 \
            "r WHERE 1" FILTERS,                                              \
        [STRETCH_HOURS] =                                                     \
            "SELECT " select FIGURES "rollup_hour WHERE " where FILTERS,      \
        [STRETCH_DAYS] =                                                      \
            "SELECT " select FIGURES "rollup_day WHERE " where FILTERS        \
    }
/* Without a model, provider or status the slim rollup of days will do. */
#define SLIM(select, where)                                              \
    "SELECT " select ",bucket,usd,requests,metered,input,0,output FROM " \
    "rollup_use WHERE " where SPAN                                       \
    " AND(?5=0 OR key_id=?5) AND(?4,?6,?7)=('','','')"
#define ONE "tenant_id=?1"
#define EACH                                                                  \
    "?1=-1 AND tenant_id IN(WITH RECURSIVE u(id) AS(SELECT min(tenant_id) "   \
    "FROM rollup_use WHERE tenant_id>=0 UNION ALL SELECT(SELECT "             \
    "min(tenant_id) FROM rollup_use WHERE tenant_id>u.id) FROM u WHERE u.id " \
    "IS NOT NULL) SELECT id FROM u WHERE id IS NOT NULL)"

static const char *const one[INSIGHTS][3] = {
    [INSIGHT_TENANT] = ROLLUPS("tenant_id", ONE),
    [INSIGHT_KEY] = ROLLUPS("key_id", ONE),
    [INSIGHT_MODEL] = ROLLUPS("model", ONE),
    [INSIGHT_PROVIDER] = ROLLUPS("provider", ONE),
    [INSIGHT_STATUS] = ROLLUPS("status", ONE),
    [INSIGHT_TAG] = ROLLUPS("''", ONE)};
static const char *const each[INSIGHTS][3] = {
    [INSIGHT_TENANT] = ROLLUPS("tenant_id", EACH),
    [INSIGHT_KEY] = ROLLUPS("key_id", EACH),
    [INSIGHT_MODEL] = ROLLUPS("model", EACH),
    [INSIGHT_PROVIDER] = ROLLUPS("provider", EACH),
    [INSIGHT_STATUS] = ROLLUPS("status", EACH),
    [INSIGHT_TAG] = ROLLUPS("''", EACH)};
static const char *const slim[INSIGHTS][2] = {
    [INSIGHT_TENANT] = {SLIM("tenant_id", ONE), SLIM("tenant_id", EACH)},
    [INSIGHT_KEY] = {SLIM("key_id", ONE), SLIM("key_id", EACH)}};

/* Tags roll up neither keys nor models nor cached tokens.  The sums of all
 * come as one row each, on the first day; the dearest are read by day then,
 * ?1 being the tag. */
#define TAG_SUMS(t)                                                           \
    "SELECT tag_id,?2,sum(usd*direct),sum(requests*direct),sum(" SERVED       \
    "*direct),sum(input*direct),0,sum(output*direct),sum(usd) FROM " t        \
    " WHERE tag_id IN(SELECT id FROM tag WHERE ?1=-1 OR tenant_id=?1)" STATUS \
    " AND(?5,?6,?7)=(0,'','') GROUP BY tag_id"
#define TAG_DAYS(t)                                              \
    "SELECT '',bucket,usd,requests,0,input,0,output,usd FROM " t \
    " WHERE tag_id=?1 AND direct=1" STATUS " AND(?5,?6,?7)=(0,'','')"
#define TAG_ROWS(select, where, tail)                                          \
    "SELECT " select ",?2,sum(l.usd*t.direct),sum((l.kind='usage')*t.direct)," \
    "sum((l.status IN('success','interrupted'))*(l.kind='usage')*t.direct),"   \
    "sum(l.prompt_tok*t.direct),0,sum(l.comp_tok*t.direct),sum(l.usd) FROM "   \
    "ledger l INDEXED BY ledger_ts JOIN ledger_tag t ON t.ledger_id=l.id "     \
    "WHERE l.ts>=?2 AND l.ts<?3 AND l.kind<>'reset' AND " where                \
    " AND(?4='' OR l.status=?4) AND(?5,?6,?7)=(0,'','')" tail

static const char *const tag_sums[3] = {
    [STRETCH_ROWS] = TAG_ROWS("t.tag_id",
                              "(?1=-1 OR l.tenant_id=?1) AND t.tag_id IN("
                              "SELECT id FROM tag)",
                              " GROUP BY t.tag_id"),
    [STRETCH_HOURS] = TAG_SUMS("rollup_tag_hour"),
    [STRETCH_DAYS] = TAG_SUMS("rollup_tag_day")};
static const char *const tag_days[3] = {
    [STRETCH_ROWS] =
        TAG_ROWS("''", "t.tag_id=?1 AND t.direct=1", " GROUP BY t.tag_id"),
    [STRETCH_HOURS] = TAG_DAYS("rollup_tag_hour"),
    [STRETCH_DAYS] = TAG_DAYS("rollup_tag_day")};

/* ---- groups ------------------------------------------------------------- */

struct walk {
    struct arena *a;
    const struct insight_query *q;
    struct insight *out;
    int cap;
    int *slots; /* index + 1 of a group by its key; 0: free */
    int slot_count;
    struct slice *keys; /* as SQL says them, one per group */
    int64_t *points;    /* POINTS: where they go */
    int64_t first;      /* ?1 */
};

static int *slot_of(const struct walk *w, struct slice key)
{
    uint64_t h = key.n > 0 ? crypt_table_hash(key) : 0;
    int i = (int)(h & (uint64_t)(w->slot_count - 1));
    while (w->slots[i] != 0 && !slice_eq(w->keys[w->slots[i] - 1], key))
        i = (i + 1) & (w->slot_count - 1);
    return &w->slots[i];
}

/* Room for one more group; false: the arena is full. */
static bool make_room(struct walk *w)
{
    struct insight *o = w->out;
    if (o->group_count < w->cap)
        return true;
    int cap = w->cap == 0 ? SLOTS_FIRST / 2 : w->cap * 2;
    struct insight_group *g = arena_try(w->a, (size_t)cap * sizeof *g);
    struct slice *keys = arena_try(w->a, (size_t)cap * sizeof *keys);
    int *slots = arena_try(w->a, (size_t)cap * 2 * sizeof *slots);
    if (g == NULL || keys == NULL || slots == NULL)
        return false;
    if (w->cap > 0) {
        memcpy(g, o->groups, (size_t)o->group_count * sizeof *g);
        memcpy(keys, w->keys, (size_t)o->group_count * sizeof *keys);
    }
    o->groups = g;
    w->keys = keys;
    w->cap = cap;
    w->slots = slots;
    w->slot_count = cap * 2;
    for (int i = 0; i < o->group_count; i++)
        *slot_of(w, keys[i]) = i + 1;
    return true;
}

/* The group of `key`, made if it is new; NULL: the arena is full. */
static struct insight_group *group_of(struct walk *w, struct slice key)
{
    struct insight *o = w->out;
    if (w->slots != NULL) {
        int at = *slot_of(w, key);
        if (at != 0)
            return &o->groups[at - 1];
    }
    if (!make_room(w))
        return NULL;
    struct insight_group g = {
        .name = arena_dup(w->a, key),
        .usd = arena_try(w->a, (size_t)o->point_count * sizeof *g.usd)};
    if (g.name.p == NULL || g.usd == NULL)
        return NULL;
    int n = o->group_count++;
    o->groups[n] = g;
    w->keys[n] = g.name;
    *slot_of(w, g.name) = n + 1;
    return &o->groups[n];
}

/* The point `ms` lies in. */
static int point_at(const struct insight *o, int64_t ms)
{
    int lo = 0, hi = o->point_count - 1;
    while (lo < hi) {
        int mid = (lo + hi + 1) / 2;
        if (o->points[mid].start_ms <= ms)
            lo = mid;
        else
            hi = mid - 1;
    }
    return lo;
}

static void add(struct insight_sum *s, const struct insight_sum *v)
{
    s->usd += v->usd;
    s->requests += v->requests;
    s->served += v->served;
    s->input += v->input;
    s->cached += v->cached;
    s->output += v->output;
}

/* ---- reading ------------------------------------------------------------ */

/* What a reading adds to; POINTS only to w->points. */
enum what { GROUPS = 1, TOTALS = 2, POINTS = 4 };

static void bind_all(struct sql *x, const struct walk *w,
                     const struct stretch *s)
{
    const struct insight_query *q = w->q;
    sql_i64(x, w->first);
    sql_i64(x, s->from);
    sql_i64(x, s->to);
    sql_text(x, q->status.n > 0 ? q->status : SLICE(""));
    sql_i64(x, q->key_id);
    sql_text(x, q->model.n > 0 ? q->model : SLICE(""));
    sql_text(x, q->provider.n > 0 ? q->provider : SLICE(""));
}

/* False: the arena is full. */
static bool add_group(struct walk *w, struct sql *x,
                      const struct insight_sum *v, int at)
{
    struct insight_group *g = group_of(w, sql_col_text(x, 0));
    if (g == NULL)
        return false;
    add(&g->sum, v);
    if (w->q->by == INSIGHT_TAG)
        g->tree_usd += sql_col(x, 8, 0);
    else
        g->usd[at] += v->usd;
    return true;
}

/* Adds what `text` says about one stretch. */
static enum status read_stretch(struct walk *w, sqlite3 *c, const char *text,
                                const struct stretch *s, unsigned what,
                                struct err *err)
{
    struct sql x = sql_prepare(c, text);
    bool full = false;
    bind_all(&x, w, s);
    while (!full && sql_row(&x)) {
        const struct insight_sum v = {.usd = sql_col(&x, 2, 0),
                                      .requests = sql_col(&x, 3, 0),
                                      .served = sql_col(&x, 4, 0),
                                      .input = sql_col(&x, 5, 0),
                                      .cached = sql_col(&x, 6, 0),
                                      .output = sql_col(&x, 7, 0)};
        int at = point_at(w->out, sql_col(&x, 1, 0));
        if (what & TOTALS) {
            add(&w->out->total, &v);
            add(&w->out->points[at].sum, &v);
        }
        if (what & POINTS)
            w->points[at] += v.usd;
        if (what & GROUPS)
            full = !add_group(w, &x, &v, at);
    }
    enum status st = sql_done(&x, err);
    return st == OK && full
               ? err_set(err, E_TOO_BIG, "insight", "too many groups")
               : st;
}

/* All stretches of all points, neighbours of one kind as one. */
static enum status read_all(struct walk *w, sqlite3 *c,
                            const char *const text[static 3], unsigned what,
                            struct err *err)
{
    struct stretch last = {.by = STRETCH_ROWS}, s[5];
    enum status st = OK;
    for (int i = 0; i < w->out->point_count && st == OK; i++) {
        const struct insight_point *p = &w->out->points[i];
        int n = sum_cut(p->start_ms, p->end_ms, s);
        for (int k = 0; k < n && st == OK; k++) {
            // a piece of rows carries its own start as its bucket
            if (s[k].by != STRETCH_ROWS && s[k].by == last.by &&
                s[k].from == last.to && last.from < last.to) {
                last.to = s[k].to;
                continue;
            }
            if (last.from < last.to)
                st = read_stretch(w, c, text[last.by], &last, what, err);
            last = s[k];
        }
    }
    return st == OK && last.from < last.to
               ? read_stretch(w, c, text[last.by], &last, what, err)
               : st;
}

/* ---- names -------------------------------------------------------------- */

static int64_t number(struct slice s)
{
    int64_t v = 0;
    for (size_t i = 0; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        v = v * 10 + (s.p[i] - '0');
    return v;
}

/* Ids become names. */
static enum status name_groups(sqlite3 *c, struct arena *a, enum insight_by by,
                               struct insight *o, struct err *err)
{
    static const char *const texts[INSIGHTS] = {
        [INSIGHT_TENANT] =
            "SELECT coalesce((SELECT name FROM tenant WHERE id=?1),(SELECT "
            "tenant FROM ledger WHERE tenant_id=?1 ORDER BY ts DESC LIMIT 1)),"
            "NULL,0",
        [INSIGHT_KEY] = "SELECT coalesce(name,''),first4||char(8230)||last4,"
                        "tenant_id FROM api_key WHERE id=?1",
        [INSIGHT_TAG] = "SELECT name,path,tenant_id FROM tag WHERE id=?1"};
    if (texts[by] == NULL)
        return OK;
    struct sql q = sql_prepare(c, texts[by]);
    for (int i = 0; i < o->group_count; i++) {
        struct insight_group *g = &o->groups[i];
        g->id = number(g->name);
        g->name = (struct slice){NULL, 0};
        sql_again(&q);
        sql_i64(&q, g->id);
        if (!sql_row(&q))
            continue;
        g->name = sql_col_dup(&q, 0, a);
        g->detail = sql_col_dup(&q, 1, a);
        g->tenant_id = sql_col(&q, 2, 0);
    }
    return sql_done(&q, err);
}

static int dearest(const void *a, const void *b)
{
    const struct insight_group *x = a, *y = b;
    if (x->sum.usd != y->sum.usd)
        return x->sum.usd < y->sum.usd ? 1 : -1;
    return (x->sum.requests < y->sum.requests) -
           (x->sum.requests > y->sum.requests);
}

/* ---- points ------------------------------------------------------------- */

static struct window day_at(const struct db *db, int64_t at_ms)
{
    const struct budget daily = {.period = PERIOD_DAILY};
    struct window w = {at_ms, at_ms + STORE_DAY_MS};
    (void)db->conf.window_at(&daily, db->conf.zone, at_ms, &w);
    return w;
}

static enum status make_points(const struct db *db, struct arena *a,
                               const struct insight_query *q, struct insight *o,
                               struct err *err)
{
    int64_t unit = q->hours ? STORE_HOUR_MS : STORE_DAY_MS;
    int64_t from = q->from_ms - (q->hours ? q->from_ms % unit : 0);
    int64_t n = (q->to_ms - from) / unit + 3;
    if (q->from_ms < 0 || q->to_ms <= from ||
        n > (q->hours ? HOURS_MAX : DAYS_MAX))
        return err_set(err, E_INVALID, "insight", "too many points");
    o->points = arena_try(a, (size_t)n * sizeof *o->points);
    if (o->points == NULL)
        return err_set(err, E_TOO_BIG, "insight", "too many points");
    for (int64_t at = from; at < q->to_ms && o->point_count < n;) {
        struct window w =
            q->hours ? (struct window){at, at + unit} : day_at(db, at);
        o->points[o->point_count++] =
            (struct insight_point){.start_ms = w.start_ms, .end_ms = w.end_ms};
        at = w.end_ms;
    }
    return OK;
}

/* Adds up groups and totals, each from where that is cheapest. */
static enum status read_groups(struct walk *w, sqlite3 *c, struct err *err)
{
    const struct insight_query *q = w->q;
    bool whole = q->tenant_id <= 0; // of every tenant
    bool keyed =
        q->key_id > 0 || q->by == INSIGHT_TENANT || q->by == INSIGHT_KEY;
    const char *text[3];
    memcpy(text, whole && keyed ? each[q->by] : one[q->by], sizeof text);
    if (q->by == INSIGHT_TAG)
        memcpy(text, tag_sums, sizeof text);
    else if (slim[q->by][whole] != NULL && q->model.n == 0 &&
             q->provider.n == 0 && q->status.n == 0)
        text[STRETCH_DAYS] = slim[q->by][whole];
    w->first = whole ? -1 : q->tenant_id;
    // totals know cached tokens, and no tag counts twice in them
    const char *const *sums =
        whole && q->key_id > 0 ? each[INSIGHT_TAG] : one[INSIGHT_TAG];
    enum status st = read_all(w, c, sums, TOTALS, err);
    return st == OK ? read_all(w, c, text, GROUPS, err) : st;
}

/* The points of the dearest tags, which groups came without. */
static enum status read_tag_points(struct walk *w, sqlite3 *c, struct err *err)
{
    struct insight *o = w->out;
    enum status st = OK;
    for (int i = 0; i < o->group_count && i < INSIGHT_SERIES; i++) {
        w->points = o->groups[i].usd;
        w->first = o->groups[i].id;
        if (st == OK)
            st = read_all(w, c, tag_days, POINTS, err);
    }
    return st;
}

enum status insight_read(struct db *db, struct arena *a,
                         const struct insight_query *q, struct insight *out,
                         struct err *err)
{
    struct walk w = {.a = a, .q = q, .out = out};
    memset(out, 0, sizeof *out);
    enum status st = make_points(db, a, q, out, err);
    if (st != OK)
        return st;
    writer_catch_up(db);
    sqlite3 *c = store_reader(db);
    st = sql_exec(c, "BEGIN", err); // one snapshot: groups and totals agree
    if (st == OK)
        st = read_groups(&w, c, err);
    if (out->group_count > 1)
        qsort(out->groups, (size_t)out->group_count, sizeof *out->groups,
              dearest);
    if (st == OK)
        st = name_groups(c, a, q->by, out, err);
    if (st == OK && q->by == INSIGHT_TAG)
        st = read_tag_points(&w, c, err);
    (void)sqlite3_exec(c, "COMMIT", NULL, NULL, NULL);
    store_reader_give(db, c);
    return st;
}

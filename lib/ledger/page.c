/* page.c - see page.h.
 *
 * The problem: the newest hundred rows that match, and how many match, out of
 * tens of millions, for any of sixteen filters, in milliseconds.
 *
 * Design
 *  - Counting: rollups know how many rows have a (tenant, key, model,
 *    provider, status, tag) in an hour or day.  A filter of those alone is
 *    counted there, and from rows only at the edges of its time.  Corrections
 *    are no requests, so they are counted through a small index of their own.
 *  - Reading: the filter picks one index that yields rows newest first.  A
 *    filter with a few names (models, tenants) reads that many ranges of it
 *    ("arms") and merges their first rows.
 *  - Walking: where the index alone would pass over many rows that do not
 *    match, days and then hours of the rollups say in which stretches there
 *    are matches, and only those are read.  Whole stretches are also skipped
 *    that way for pages by number.
 *
 * Invariants
 *  I1 every condition of the filter stands in every statement on rows, so
 *     the rollups and names decide where to look, never what matches;
 *  I2 counts come from rollups only if every name of the tenants and tags in
 *     question matches: rows keep the name of their time (clean_tenants,
 *     clean_tags).
 *
 * Route and amount are in no rollup and no index: they are read through time
 * or tenant, and such a page may take as long as there are rows in between.
 */
#include "ledger/page.h"

#include "base/mem.h"
#include "ledger/store.h"
#include "ledger/sum.h"

#define ARMS_MAX 16
#define TEXT_MAX (1u << 17)
#define WALK_DAYS 31
#define BINDS_MAX 40
#define MODELS_MAX 3000

enum by {
    BY_TIME,
    BY_TENANT,
    BY_MODEL,
    BY_STATUS,
    BY_REASON,
    BY_SESSION,
    BY_USER,
    BY_REQUEST
};

struct bind {
    bool is_text;
    int64_t num;
    struct slice str;
};

struct page {
    sqlite3 *c;
    const struct entry_filter *f;
    struct arena arena;
    bool none;        /* nothing can match */
    int64_t from, to; /* [from, to), closed */
    enum by by;
    int arms;
    struct slice model[ARMS_MAX]; /* BY_MODEL */
    int64_t tenant[ARMS_MAX];     /* the tenants asked for, if few */
    int tenants;                  /* -1: any, ARMS_MAX + 1: many */
    bool clean_tenants, clean_tags, rolled;
    struct buf where; /* the filter without its time, binds as ?1... */
    struct bind bind[BINDS_MAX];
    int binds;
};

/* ---- text and binds ----------------------------------------------------- */

static void add_bind(struct page *p, struct bind b)
{
    p->bind[p->binds++] = b;
}

static void cond_num(struct page *p, bool on, const char *text, int64_t v)
{
    if (!on)
        return;
    add_bind(p, (struct bind){.num = v});
    buf_printf(&p->where, " AND %s?%d", text, p->binds);
}

static void cond_text(struct page *p, const char *head, const char *tail,
                      struct slice s)
{
    if (s.n == 0)
        return;
    add_bind(p, (struct bind){.is_text = true, .str = s});
    buf_printf(&p->where, " AND %s?%d%s", head, p->binds, tail);
}

static void write_where(struct page *p)
{
    const struct entry_filter *f = p->f;
    cond_num(p, f->tenant_id != 0, "tenant_id=", f->tenant_id);
    cond_num(p, f->key_id != 0, "key_id=", f->key_id);
    cond_num(p, f->has_min, "usd>=", f->min_usd);
    cond_num(p, f->has_max, "usd<=", f->max_usd);
    cond_text(p, "instr(lower(tenant),lower(", "))>0", f->tenant);
    cond_text(p, "instr(lower(model),lower(", "))>0", f->model);
    cond_text(p, "instr(lower(route),lower(", "))>0", f->route);
    cond_text(p, "status=", "", f->status);
    cond_text(p, "provider=", "", f->provider);
    cond_text(p, "reason=", "", f->reason);
    cond_text(p, "request_id=", "", f->request_id);
    cond_text(p, "session=", "", f->session);
    cond_text(p, "\"user\"=", "", f->user);
    cond_text(p,
              "EXISTS(SELECT 1 FROM ledger_tag t WHERE t.ledger_id=ledger.id "
              "AND t.direct=1 AND t.name=",
              ")", f->tag);
    if (f->status.n > 0 && !slice_is(f->status, "success"))
        buf_str(&p->where, " AND status<>'success'"); // for the index
}

/* Prepares `text` and binds what `where` wants, then the extra numbers. */
static struct sql prepare(struct page *p, struct buf *text,
                          const int64_t *extra, int n)
{
    buf_char(text, '\0');
    struct sql q = sql_prepare(p->c, text->failed ? "" : text->p);
    for (int i = 0; i < p->binds; i++)
        if (p->bind[i].is_text)
            sql_text(&q, p->bind[i].str);
        else
            sql_i64(&q, p->bind[i].num);
    for (int i = 0; i < n; i++)
        sql_i64(&q, extra[i]);
    return q;
}

/* One number of a statement; `text` is released. */
static enum status number(struct page *p, struct buf *text,
                          const int64_t *extra, int n, int64_t *out,
                          struct err *err)
{
    struct sql q = prepare(p, text, extra, n);
    if (sql_row(&q))
        *out = sql_col(&q, 0, 0);
    buf_release(text);
    return sql_done(&q, err);
}

/* ---- who is meant ------------------------------------------------------- */

static enum status one_tenant(struct page *p, const char *text, int64_t id,
                              struct err *err)
{
    struct sql q = sql_prepare(p->c, text);
    sql_i64(&q, id);
    p->tenants = 0;
    while (sql_row(&q) && p->tenants < ARMS_MAX)
        p->tenant[p->tenants++] = sql_col(&q, 0, 0);
    return sql_done(&q, err);
}

static enum status named_tenants(struct page *p, struct err *err)
{
    struct sql q = sql_prepare(
        p->c, "SELECT tenant_id,min(instr(lower(name),lower(?1))>0) FROM "
              "seen_tenant GROUP BY tenant_id "
              "HAVING max(instr(lower(name),lower(?1))>0)");
    sql_text(&q, p->f->tenant);
    p->tenants = 0;
    while (sql_row(&q)) {
        if (p->tenants < ARMS_MAX)
            p->tenant[p->tenants++] = sql_col(&q, 0, 0);
        else
            p->tenants = ARMS_MAX + 1;
        p->clean_tenants &= sql_col(&q, 1, 0) != 0;
    }
    return sql_done(&q, err);
}

/* The tenants of a tag, and whether it ever had another name. */
static enum status tagged_tenants(struct page *p, struct err *err)
{
    bool any = false;
    struct sql q = sql_prepare(
        p->c, "SELECT s.tenant_id,max(EXISTS(SELECT 1 FROM seen_tag o WHERE "
              "o.tag_id=s.tag_id AND o.name<>s.name)) FROM seen_tag s WHERE "
              "s.name=?1 AND (?2=0 OR s.tenant_id=?2) GROUP BY s.tenant_id");
    sql_text(&q, p->f->tag);
    sql_i64(&q, p->f->tenant_id);
    bool take = p->tenants < 0;
    int n = 0;
    while (sql_row(&q)) {
        if (take && n < ARMS_MAX)
            p->tenant[n] = sql_col(&q, 0, 0);
        n++;
        p->clean_tags &= sql_col(&q, 1, 0) == 0;
        any = true;
    }
    if (take)
        p->tenants = n <= ARMS_MAX ? n : ARMS_MAX + 1;
    p->none |= !any;
    return sql_done(&q, err);
}

static enum status find_tenants(struct page *p, struct err *err)
{
    const struct entry_filter *f = p->f;
    enum status st = OK;
    p->tenants = -1;
    if (f->tenant_id != 0) {
        p->tenants = 1;
        p->tenant[0] = f->tenant_id;
    } else if (f->key_id != 0) {
        st = one_tenant(p, "SELECT tenant_id FROM api_key WHERE id=?",
                        f->key_id, err);
        if (st == OK && p->tenants == 0) // its tenant was deleted
            st = one_tenant(p,
                            "SELECT DISTINCT tenant_id FROM rollup_use "
                            "WHERE key_id=?",
                            f->key_id, err);
    } else if (f->tenant.n > 0)
        st = named_tenants(p, err);
    if (f->tenant.n > 0 && (f->tenant_id != 0 || f->key_id != 0))
        p->clean_tenants = false;
    if (st == OK && f->tag.n > 0)
        st = tagged_tenants(p, err);
    p->none |= p->tenants == 0;
    return st;
}

/* Models whose names contain what is asked for; too many: by time.  Clients
 * name models as they like, so not all of them are looked at. */
static enum status find_models(struct page *p, struct err *err)
{
    struct sql q = sql_prepare(
        p->c, "WITH RECURSIVE m(x) AS (SELECT min(model) FROM ledger UNION "
              "ALL SELECT (SELECT min(model) FROM ledger WHERE model>m.x) "
              "FROM m WHERE m.x IS NOT NULL) SELECT x,"
              "instr(lower(x),lower(?))>0 FROM m");
    sql_text(&q, p->f->model);
    int n = 0, looked = 0;
    for (; looked < MODELS_MAX && n <= ARMS_MAX && sql_row(&q); looked++) {
        if (sql_col(&q, 1, 0) == 0)
            continue;
        if (n < ARMS_MAX)
            p->model[n] = sql_col_dup(&q, 0, &p->arena);
        n++;
    }
    bool all = looked < MODELS_MAX;
    p->none |= n == 0 && all;
    if (n <= ARMS_MAX && all) {
        p->by = BY_MODEL;
        p->arms = n;
    }
    return sql_done(&q, err);
}

static bool is_refusal(struct slice status)
{
    return status.n > 0 && !slice_is(status, "success");
}

static enum status choose(struct page *p, struct err *err)
{
    const struct entry_filter *f = p->f;
    p->arms = 1;
    p->by = BY_TIME;
    if (f->request_id.n > 0)
        p->by = BY_REQUEST;
    else if (f->session.n > 0)
        p->by = BY_SESSION;
    else if (f->user.n > 0)
        p->by = BY_USER;
    else if (f->reason.n > 0)
        p->by = BY_REASON;
    else if (p->rolled && is_refusal(f->status))
        p->by = BY_STATUS; // its index knows tenants and keys too
    else if (p->tenants >= 1 && p->tenants <= ARMS_MAX) {
        p->by = BY_TENANT;
        p->arms = p->tenants;
    } else if (f->model.n > 0)
        return find_models(p, err);
    else if (is_refusal(f->status))
        p->by = BY_STATUS;
    return OK;
}

static bool is_rolled(const struct page *p)
{
    const struct entry_filter *f = p->f;
    bool plain =
        f->request_id.n + f->session.n + f->user.n + f->reason.n + f->route.n ==
            0 &&
        !f->has_min && !f->has_max;
    if (f->tag.n > 0) // tags are rolled up by status alone
        plain = plain && f->key_id == 0 && f->model.n + f->provider.n == 0 &&
                f->tenant.n == 0;
    return plain && p->clean_tenants && p->clean_tags;
}

enum status page_new(sqlite3 *c, const struct entry_filter *f,
                     struct page **out, struct err *err)
{
    struct page *p = xcalloc(1, sizeof *p);
    p->c = c;
    p->f = f;
    p->from = f->from_ms != 0 ? f->from_ms : INT64_MIN;
    p->to = f->to_ms != 0 ? f->to_ms : INT64_MAX;
    p->clean_tenants = p->clean_tags = true;
    buf_init(&p->where, TEXT_MAX);
    arena_init(&p->arena, 1u << 20);
    write_where(p);
    enum status st = find_tenants(p, err);
    p->rolled = is_rolled(p);
    if (st == OK && !p->none)
        st = choose(p, err);
    *out = p;
    if (st != OK)
        page_free(out);
    return st;
}

void page_free(struct page **pp)
{
    struct page *p = *pp;
    *pp = NULL;
    if (p == NULL)
        return;
    buf_release(&p->where);
    arena_release(&p->arena);
    free(p);
}

/* ---- rollups ------------------------------------------------------------ */

enum unit { HOURS, DAYS, MONTHS }; /* months: of tags */

static void among_tenants(const struct page *p, struct buf *b)
{
    buf_str(b, " IN (");
    for (int i = 0; i < p->tenants; i++)
        buf_printf(b, "%s%lld", i > 0 ? "," : "", (long long)p->tenant[i]);
    buf_char(b, ')');
}

/* "FROM <rollup> WHERE ..." for what the filter means, time apart. */
static void from_rollup(struct page *p, struct buf *b, enum unit unit)
{
    const struct entry_filter *f = p->f;
    bool days = unit != HOURS;
    bool slim = days && f->model.n + f->provider.n + f->status.n == 0;
    if (f->tag.n > 0) {
        add_bind(p, (struct bind){.is_text = true, .str = f->tag});
        buf_printf(b,
                   " FROM rollup_tag_%s WHERE tag_id IN (SELECT tag_id "
                   "FROM seen_tag WHERE name=?%d%s",
                   unit == MONTHS ? "month"
                   : days         ? "day"
                                  : "hour",
                   p->binds, f->tenant_id != 0 ? " AND tenant_id=?1" : "");
        buf_str(b, ") AND direct=1"); // ?1 is the tenant, see write_where
    } else {
        buf_printf(b, " FROM %s WHERE tenant_id",
                   slim   ? "rollup_use"
                   : days ? "rollup_day"
                          : "rollup_hour");
        if (p->tenants < 0)
            buf_str(b, "=-1");
        else if (p->tenants > ARMS_MAX) {
            add_bind(p, (struct bind){.is_text = true, .str = f->tenant});
            buf_printf(b,
                       " IN (SELECT tenant_id FROM seen_tenant WHERE "
                       "instr(lower(name),lower(?%d))>0)",
                       p->binds);
        } else
            among_tenants(p, b);
    }
    struct buf keep = p->where;
    p->where = *b;
    cond_num(p, f->key_id != 0, "key_id=", f->key_id);
    cond_text(p, "instr(lower(model),lower(", "))>0", f->model);
    cond_text(p, "provider=", "", f->provider);
    cond_text(p, "status=", "", f->status);
    *b = p->where;
    p->where = keep;
}

/* What the rollups say about [from, to), whole days or hours. */
static enum status unit_count(struct page *p, enum unit unit, int64_t from,
                              int64_t to, int64_t *total, struct err *err)
{
    struct buf b;
    int64_t n = 0, others = 0;
    int binds = p->binds;
    const int64_t range[] = {from, to};
    if (from >= to)
        return OK;
    buf_init(&b, TEXT_MAX);
    buf_str(&b, "SELECT sum(requests)");
    from_rollup(p, &b, unit);
    buf_printf(&b, " AND bucket>=?%d AND bucket<?%d", p->binds + 1,
               p->binds + 2);
    enum status st = number(p, &b, range, 2, &n, err);
    p->binds = binds;
    if (st == OK) {
        buf_init(&b, TEXT_MAX);
        buf_printf(&b,
                   "SELECT count(*) FROM ledger INDEXED BY ledger_other "
                   "WHERE kind<>'usage'%.*s AND ts>=?%d AND ts<?%d",
                   SLICE_FMT(buf_get(&p->where)), binds + 1, binds + 2);
        st = number(p, &b, range, 2, &others, err);
    }
    *total += n + others;
    return st;
}

static enum status rolled_count(struct page *p, const struct stretch *s,
                                int64_t *total, struct err *err)
{
    int64_t m0 = sum_month(s->from), m1 = sum_month(s->to);
    if (s->by == STRETCH_HOURS)
        return unit_count(p, HOURS, s->from, s->to, total, err);
    if (m0 < s->from)
        m0 = sum_month(m0 + 31 * STORE_DAY_MS);
    if (p->f->tag.n == 0 || m0 >= m1)
        return unit_count(p, DAYS, s->from, s->to, total, err);
    enum status st = unit_count(p, DAYS, s->from, m0, total, err);
    if (st == OK)
        st = unit_count(p, MONTHS, m0, m1, total, err);
    return st != OK ? st : unit_count(p, DAYS, m1, s->to, total, err);
}

static enum status row_count(struct page *p, int64_t from, int64_t to,
                             int64_t *total, struct err *err)
{
    static const char *const index[] = {
        [BY_TIME] = " INDEXED BY ledger_ts",
        [BY_TENANT] = " INDEXED BY ledger_tenant",
        [BY_MODEL] = " INDEXED BY ledger_ts",
        [BY_STATUS] = " INDEXED BY ledger_status",
        [BY_REASON] = " INDEXED BY ledger_reason",
        [BY_SESSION] = " INDEXED BY ledger_session",
        [BY_USER] = " INDEXED BY ledger_user",
        [BY_REQUEST] = ""};
    struct buf b;
    int64_t n = 0;
    const int64_t range[] = {from, to};
    buf_init(&b, TEXT_MAX);
    buf_printf(&b, "SELECT count(*) FROM ledger%s WHERE ts>=?%d AND ts<?%d",
               index[p->by], p->binds + 1, p->binds + 2);
    if (p->by == BY_TENANT) {
        buf_str(&b, " AND tenant_id");
        among_tenants(p, &b);
    }
    buf_slice(&b, buf_get(&p->where));
    enum status st = number(p, &b, range, 2, &n, err);
    *total += n;
    return st;
}

/* The rows of one request: itself and its corrections, which share its id. */
#define OF_REQUEST                                                        \
    "id IN (SELECT id FROM ledger WHERE kind='usage' AND request_id=?%d " \
    "UNION ALL SELECT k.id FROM ledger u CROSS JOIN ledger k ON "         \
    "k.corrects=u.id WHERE u.kind='usage' AND u.request_id=?%d)"

static enum status request_count(struct page *p, int64_t *total,
                                 struct err *err)
{
    struct buf b;
    int binds = p->binds;
    const int64_t range[] = {p->from, p->to};
    buf_init(&b, TEXT_MAX);
    add_bind(p, (struct bind){.is_text = true, .str = p->f->request_id});
    buf_printf(&b,
               "SELECT count(*) FROM ledger WHERE " OF_REQUEST
               " AND ts>=?%d AND ts<?%d%.*s",
               p->binds, p->binds, p->binds + 1, p->binds + 2,
               SLICE_FMT(buf_get(&p->where)));
    enum status st = number(p, &b, range, 2, total, err);
    p->binds = binds;
    return st;
}

enum status page_count(struct page *p, int64_t *total, struct err *err)
{
    struct stretch s[5];
    enum status st = OK;
    *total = 0;
    if (p->none)
        return OK;
    if (p->by == BY_REQUEST)
        return request_count(p, total, err);
    if (!p->rolled)
        return row_count(p, p->from, p->to, total, err);
    int n = sum_cut(p->from, p->to, s);
    for (int i = 0; i < n && st == OK; i++)
        st = s[i].by == STRETCH_ROWS
                 ? row_count(p, s[i].from, s[i].to, total, err)
                 : rolled_count(p, &s[i], total, err);
    return st;
}

/* ---- rows --------------------------------------------------------------- */

/* The condition and index of an arm; may add a bind. */
static void write_arm(struct page *p, struct buf *b, int i)
{
    static const char *const index[] = {
        [BY_TIME] = "ledger_ts",       [BY_TENANT] = "ledger_tenant",
        [BY_MODEL] = "ledger_model",   [BY_STATUS] = "ledger_status",
        [BY_REASON] = "ledger_reason", [BY_SESSION] = "ledger_session",
        [BY_USER] = "ledger_user"};
    if (p->by == BY_REQUEST) {
        add_bind(p, (struct bind){.is_text = true, .str = p->f->request_id});
        buf_printf(b, " WHERE " OF_REQUEST, p->binds, p->binds);
        return;
    }
    buf_printf(b, " INDEXED BY %s WHERE 1", index[p->by]);
    if (p->by == BY_TENANT)
        buf_printf(b, " AND tenant_id=%lld", (long long)p->tenant[i]);
    if (p->by == BY_MODEL) {
        add_bind(p, (struct bind){.is_text = true, .str = p->model[i]});
        buf_printf(b, " AND model=?%d", p->binds);
    }
}

#define NEWEST " ORDER BY ts DESC,id DESC"

/* The statement that reads rows of a stretch: behind the binds of the arms it
 * takes from, to, limit, offset, limit + offset.  `p->binds` grows. */
static struct sql row_statement(struct page *p)
{
    struct buf b;
    buf_init(&b, TEXT_MAX);
    struct buf arms;
    buf_init(&arms, TEXT_MAX);
    for (int i = 0; i < p->arms; i++) { // binds first: they are numbered
        write_arm(p, &arms, i);
        buf_char(&arms, '\n');
    }
    bool cursor = p->f->before_id != 0;
    int x = p->binds + (cursor ? 2 : 0);
    buf_str(&b, "SELECT " CHAIN_COLUMNS " FROM (SELECT ts AS pts,id AS pid "
                "FROM (");
    struct slice rest = buf_get(&arms);
    for (int i = 0; i < p->arms; i++) {
        struct slice arm = slice_cut(&rest, '\n');
        buf_printf(&b,
                   "%sSELECT * FROM (SELECT ts,id FROM ledger%.*s%.*s AND "
                   "ts>=?%d AND ts<?%d",
                   i > 0 ? " UNION ALL " : "", SLICE_FMT(arm),
                   SLICE_FMT(buf_get(&p->where)), x + 1, x + 2);
        if (cursor)
            buf_printf(&b, " AND (ts,id)<(?%d,?%d)", x - 1, x);
        buf_printf(&b, NEWEST " LIMIT ?%d)", x + 5);
    }
    buf_printf(&b,
               ")" NEWEST " LIMIT ?%d OFFSET ?%d) CROSS JOIN ledger ON "
               "ledger.id=pid ORDER BY pts DESC,pid DESC",
               x + 3, x + 4);
    buf_release(&arms);
    const int64_t at[] = {p->f->before_ts, p->f->before_id};
    struct sql q = prepare(p, &b, at, cursor ? 2 : 0);
    buf_release(&b);
    p->binds = x;
    return q;
}

/* What a walk is about, and what is left of it. */
struct walk {
    struct page *p;
    struct sql rows, other;
    int where_binds, row_binds; /* before the range of each */
    int64_t offset, left;
    page_row_fn *fn;
    void *arg;
    bool enough;
};

/* Readies a statement whose first `n` binds stay. */
static void again(struct sql *q, int n)
{
    sql_again(q);
    q->bind = n;
}

static void read_stretch(struct walk *w, int64_t from, int64_t to)
{
    struct page *p = w->p;
    from = from > p->from ? from : p->from;
    to = to < p->to ? to : p->to;
    if (p->f->before_id != 0 && p->f->before_ts < to)
        to = p->f->before_ts + 1; // what is newer is behind us
    if (from >= to || w->enough || w->left <= 0)
        return;
    again(&w->rows, w->row_binds);
    sql_i64(&w->rows, from);
    sql_i64(&w->rows, to);
    sql_i64(&w->rows, w->left);
    sql_i64(&w->rows, w->offset);
    sql_i64(&w->rows,
            w->left > INT64_MAX - w->offset ? INT64_MAX : w->left + w->offset);
    bool any = false;
    while (w->left > 0 && !w->enough && sql_row(&w->rows)) {
        any = true;
        w->left--;
        w->enough = !w->fn(w->arg, &w->rows);
    }
    int64_t passed = 0;
    struct err err;
    if (any)
        w->offset = 0; // else every row of the stretch was passed over
    else if (w->offset > 0 && row_count(p, from, to, &passed, &err) == OK)
        w->offset -= passed < w->offset ? passed : w->offset;
}

/* Passes over a stretch that the offset leaves behind: true. */
static bool pass(struct walk *w, int64_t from, int64_t to, int64_t requests)
{
    if (w->offset == 0 || from < w->p->from || to > w->p->to)
        return false;
    again(&w->other, w->where_binds);
    sql_i64(&w->other, from);
    sql_i64(&w->other, to);
    if (sql_row(&w->other))
        requests += sql_col(&w->other, 0, 0);
    if (requests > w->offset)
        return false;
    w->offset -= requests;
    return true;
}

/* Statement: bucket, requests; newest first; takes from, to. */
static struct sql bucket_statement(struct page *p, bool days, int *binds)
{
    struct buf b;
    int before = p->binds;
    buf_init(&b, TEXT_MAX);
    buf_str(&b, "SELECT bucket,sum(requests)");
    from_rollup(p, &b, days ? DAYS : HOURS);
    buf_printf(&b,
               " AND bucket>=?%d AND bucket<?%d GROUP BY bucket ORDER BY "
               "bucket DESC",
               p->binds + 1, p->binds + 2);
    struct sql q = prepare(p, &b, NULL, 0);
    *binds = p->binds;
    p->binds = before;
    buf_release(&b);
    return q;
}

/* Buckets of [from, to) with their counts, newest first; at most `max`. */
static int buckets(struct sql *q, int binds, int64_t from, int64_t to,
                   int64_t (*out)[2], int max)
{
    int n = 0;
    again(q, binds);
    sql_i64(q, from);
    sql_i64(q, to);
    while (n < max && sql_row(q)) {
        out[n][0] = sql_col(q, 0, 0);
        out[n++][1] = sql_col(q, 1, 0);
    }
    return n;
}

static bool done(const struct walk *w)
{
    return w->left <= 0 || w->enough || w->rows.rc != SQLITE_OK;
}

static void walk_day(struct walk *w, struct sql *hours, int binds, int64_t day)
{
    int64_t h[24][2];
    int n = buckets(hours, binds, day, day + STORE_DAY_MS, h, 24);
    for (int i = 0; i < n && !done(w); i++) {
        int64_t end = h[i][0] + STORE_HOUR_MS;
        if (!pass(w, h[i][0], end, h[i][1])) {
            // a stretch the offset ends in passes over its own rows
            read_stretch(w, h[i][0], end);
        }
    }
}

static int64_t floor_day(int64_t v)
{
    int64_t r = v % STORE_DAY_MS;
    return v - (r < 0 ? r + STORE_DAY_MS : r);
}

/* The days that have rows at all: [first, last]. */
static enum status extent(struct page *p, int64_t *first, int64_t *last,
                          struct err *err)
{
    enum status st = store_number(p->c,
                                  "SELECT min(bucket) FROM rollup_use WHERE "
                                  "tenant_id=-1",
                                  INT64_MAX, first, err);
    if (st == OK)
        st = store_number(p->c,
                          "SELECT max(bucket) FROM rollup_use WHERE "
                          "tenant_id=-1",
                          INT64_MIN, last, err);
    if (p->from > *first && *first != INT64_MAX)
        *first = floor_day(p->from);
    if (p->to <= *last)
        *last = floor_day(p->to - 1);
    if (p->f->before_id != 0 && p->f->before_ts < *last)
        *last = floor_day(p->f->before_ts);
    return st;
}

static enum status walk_all(struct walk *w, struct err *err)
{
    struct page *p = w->p;
    int64_t first, last;
    int day_binds, hour_binds;
    enum status st = extent(p, &first, &last, err);
    if (st != OK || first > last)
        return st;
    struct sql days = bucket_statement(p, true, &day_binds);
    struct sql hours = bucket_statement(p, false, &hour_binds);
    for (int64_t end = last + STORE_DAY_MS; end > first && !done(w);
         end -= WALK_DAYS * STORE_DAY_MS) {
        int64_t d[WALK_DAYS][2];
        int64_t from = end - WALK_DAYS * STORE_DAY_MS;
        int n = buckets(&days, day_binds, from > first ? from : first, end, d,
                        WALK_DAYS);
        for (int i = 0; i < n && !done(w); i++)
            if (!pass(w, d[i][0], d[i][0] + STORE_DAY_MS, d[i][1]))
                walk_day(w, &hours, hour_binds, d[i][0]);
    }
    enum status a = sql_done(&days, err);
    enum status b = sql_done(&hours, a == OK ? err : NULL);
    return a != OK ? a : b;
}

/* Does the index yield rows that the filter does not want? */
static bool passes_over(const struct page *p)
{
    const struct entry_filter *f = p->f;
    bool more = f->key_id != 0 || f->provider.n + f->tag.n > 0;
    more |= f->model.n > 0 && p->by != BY_MODEL;
    more |= f->status.n > 0 && p->by != BY_STATUS;
    return more || p->tenants > ARMS_MAX ||
           (p->by == BY_STATUS && p->tenants >= 0);
}

enum status page_rows(struct page *p, int64_t offset, int64_t limit,
                      page_row_fn *fn, void *arg, struct err *err)
{
    struct walk w = {.p = p,
                     .offset = offset,
                     .left = limit,
                     .fn = fn,
                     .arg = arg,
                     .where_binds = p->binds};
    struct buf b;
    enum status st = OK;
    if (p->none)
        return OK;
    buf_init(&b, TEXT_MAX);
    buf_printf(&b,
               "SELECT count(*) FROM ledger INDEXED BY ledger_other WHERE "
               "kind<>'usage'%.*s AND ts>=?%d AND ts<?%d",
               SLICE_FMT(buf_get(&p->where)), p->binds + 1, p->binds + 2);
    w.other = prepare(p, &b, NULL, 0);
    buf_release(&b);
    w.rows = row_statement(p);
    w.row_binds = p->binds;
    p->binds = w.where_binds;
    if (p->rolled && p->by != BY_REQUEST && (offset > 0 || passes_over(p)))
        st = walk_all(&w, err);
    else
        read_stretch(&w, INT64_MIN, INT64_MAX);
    enum status a = sql_done(&w.rows, st == OK ? err : NULL);
    enum status o = sql_done(&w.other, st == OK && a == OK ? err : NULL);
    return st != OK ? st : a != OK ? a : o;
}

enum status page_all(struct page *p, page_row_fn *fn, void *arg,
                     struct err *err)
{
    struct buf b;
    int binds = p->binds;
    if (p->none)
        return OK;
    if (p->arms > 1) { // merging would need them all: one order, filtered
        p->by = BY_TIME;
        p->arms = 1;
    }
    buf_init(&b, TEXT_MAX);
    buf_str(&b, "SELECT " CHAIN_COLUMNS " FROM ledger");
    write_arm(p, &b, 0);
    const int64_t range[] = {p->from, p->to};
    buf_printf(&b, "%.*s AND ts>=?%d AND ts<?%d" NEWEST,
               SLICE_FMT(buf_get(&p->where)), p->binds + 1, p->binds + 2);
    struct sql q = prepare(p, &b, range, 2);
    p->binds = binds;
    buf_release(&b);
    while (sql_row(&q) && fn(arg, &q))
        ;
    return sql_done(&q, err);
}

/* entries.c - the ledger's rows: pages, one explained, corrections, export. */
#include "base/clock.h"
#include "base/log.h"
#include "control/control.h"
#include "control/entry.h"
#include "control/handlers.h"
#include "control/usage.h"
#include "ledger/names.h"
#include "ledger/query.h"
#include "ledger/rows.h"
#include "price/cost.h"

#define LIMIT_MAX 10000
#define LIMIT_DEFAULT 100
#define PAGE_MAX 1000000000LL
#define DAYS_DEFAULT 30
#define CHUNK 200 /* rows in memory at a time */
#define CHUNK_ARENA (32u << 20)
#define BLOCK (32u << 10)
#define BLOCK_LIMIT (4u << 20)
#define REASON_MAX 200

/* ---- filters ------------------------------------------------------------ */

static bool one_of(struct request *r, const char *name, struct slice s,
                   const char *const *allowed)
{
    for (int i = 0; allowed[i] != NULL; i++)
        if (slice_is(s, allowed[i]))
            return true;
    struct slice where = arena_printf(&r->arena, "querystring/%s", name);
    request_invalid(r, where.p != NULL ? where.p : name,
                    "must be equal to one of the allowed values");
    return false;
}

static bool read_usd(struct request *r, const char *name, bool *has,
                     int64_t *out)
{
    struct slice s = request_query(r, name);
    *has = s.n > 0;
    if (!*has || money_scan(s, 9, out))
        return true;
    struct slice where = arena_printf(&r->arena, "querystring/%s", name);
    request_invalid(r, where.p != NULL ? where.p : name, "must be number");
    return false;
}

/* A cursor is "<ts>-<id>" of the last row of a page. */
static bool read_cursor(struct request *r, struct entry_filter *f)
{
    struct slice s = request_query(r, "cursor");
    if (s.n == 0)
        return true;
    struct slice ts = slice_cut(&s, '-');
    if (money_scan(ts, 0, &f->before_ts) && s.p != NULL &&
        money_scan(s, 0, &f->before_id) && f->before_id > 0)
        return true;
    request_invalid(r, "querystring/cursor",
                    "must be the nextCursor of a page");
    return false;
}

/* `days`: how far back without any date; -1: all.  False: answered. */
static bool read_filter(struct request *r, int64_t days, struct entry_filter *f)
{
    static const char *const statuses[] = {"success", "blocked", "failed",
                                           "interrupted", NULL};
    memset(f, 0, sizeof *f);
    f->tenant = request_query(r, "tenant");
    f->model = request_query(r, "model");
    f->route = request_query(r, "route");
    f->status = request_query(r, "status");
    f->provider = request_query(r, "provider");
    f->reason = request_query(r, "reason");
    f->request_id = request_query(r, "requestId");
    f->session = request_query(r, "sessionId");
    f->user = request_query(r, "user");
    f->tag = request_query(r, "tag");
    if (f->status.n > 0 && !one_of(r, "status", f->status, statuses))
        return false;
    return request_query_int(r, "tenantId", 1, INT64_MAX, 0, &f->tenant_id) &&
           request_query_int(r, "keyId", 1, INT64_MAX, 0, &f->key_id) &&
           read_usd(r, "minUsd", &f->has_min, &f->min_usd) &&
           read_usd(r, "maxUsd", &f->has_max, &f->max_usd) &&
           usage_range(r, days, &f->from_ms, &f->to_ms) && read_cursor(r, f);
}

/* ---- pages -------------------------------------------------------------- */

struct page {
    int64_t number, limit, total;
    int64_t wrote, last_ts, last_id;
};

/* Writes the rows of a page, a chunk at a time: a page of 10,000 rows with
 * tags would not fit into the request's arena. */
static enum status write_rows(struct request *r, struct json_out *o,
                              struct entry_filter f, struct page *p,
                              struct err *err)
{
    struct db *db = control_conf(r->control)->db;
    int64_t offset = p->number * p->limit;
    enum status st = OK;
    struct arena a;
    int n = 0, want;
    arena_init(&a, CHUNK_ARENA);
    do {
        struct entry *rows;
        arena_reset(&a);
        want = (int)(p->limit - p->wrote < CHUNK ? p->limit - p->wrote : CHUNK);
        st = query_entries(db, &a, &f, offset, want, &rows, &n,
                           p->total < 0 ? &p->total : NULL, err);
        for (int i = 0; st == OK && i < n; i++) {
            entry_write(o, &rows[i]);
            json_obj_end(o);
            p->last_ts = f.before_ts = rows[i].e.ts_ms;
            p->last_id = f.before_id = rows[i].id;
        }
        offset = 0;
        p->wrote += n;
    } while (st == OK && n == want && p->wrote < p->limit);
    arena_release(&a);
    return st;
}

static void answer_page(struct request *r, const struct entry_filter *f)
{
    struct json_out o;
    struct err err;
    struct page p = {.total = -1};
    if (!request_query_int(r, "page", 0, PAGE_MAX, 0, &p.number) ||
        !request_query_int(r, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &p.limit))
        return;
    request_json(r, &o);
    json_obj(&o);
    json_key(&o, "data");
    json_arr(&o);
    enum status st = write_rows(r, &o, *f, &p, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    json_arr_end(&o);
    json_knum(&o, "total", p.total);
    json_knum(&o, "page", p.number);
    json_knum(&o, "limit", p.limit);
    struct slice next = {NULL, 0};
    // behind a cursor the place among all is not known: a full page may be
    // the last one, the next is then empty
    bool more = p.wrote == p.limit &&
                (f->before_id != 0 || p.number * p.limit + p.wrote < p.total);
    if (more)
        next = arena_printf(&r->arena, "%lld-%lld", (long long)p.last_ts,
                            (long long)p.last_id);
    json_kstr_null(&o, "nextCursor", next);
    json_obj_end(&o);
}

void entries_tenant(struct request *r)
{
    struct entry_filter f;
    if (!usage_tenant(r) || !read_filter(r, DAYS_DEFAULT, &f))
        return;
    f.tenant_id = r->id[0];
    f.tenant = (struct slice){NULL, 0};
    answer_page(r, &f);
}

void entries_all(struct request *r)
{
    struct entry_filter f;
    if (read_filter(r, DAYS_DEFAULT, &f))
        answer_page(r, &f);
}

/* ---- one, explained ----------------------------------------------------- */

static int64_t figure(const struct json *v, const char *key)
{
    int64_t n = 0;
    return json_i64(json_get(v, key), &n) ? n : 0;
}

/* The usage as it was charged: what the columns leave out is in `detail`. */
static struct usage full_usage(struct request *r, const struct event *e)
{
    static const char *const tiers[] = {[TIER_STANDARD] = "standard",
                                        [TIER_FLEX] = "flex",
                                        [TIER_PRIORITY] = "priority",
                                        [TIER_BATCH] = "batch"};
    struct usage u = e->usage;
    struct json *v = NULL;
    struct err err;
    if (e->detail.n == 0 || json_parse(&r->arena, e->detail, &v, &err) != OK)
        return u;
    u.cache_write_1h = figure(v, "cache_write_1h");
    u.audio_in = figure(v, "audio_in");
    u.image_in = figure(v, "image_in");
    u.audio_out = figure(v, "audio_out");
    u.image_out = figure(v, "image_out");
    u.web_searches = figure(v, "web_searches");
    u.images = figure(v, "images");
    u.audio_ms = figure(v, "audio_ms");
    u.characters = figure(v, "characters");
    struct slice tier = json_text(json_get(v, "tier"), SLICE("standard"));
    for (int i = TIER_STANDARD; i <= TIER_BATCH; i++)
        if (slice_is(tier, tiers[i]))
            u.tier = (enum tier)i;
    const struct json *fast = json_get(v, "fast");
    u.fast = fast != NULL && fast->type == JSON_TRUE;
    struct slice region = json_text(json_get(v, "region"), SLICE(""));
    u.region_us = slice_is(region, "us");
    u.region_eu = slice_is(region, "eu");
    return u;
}

/* Fills `c` with the bill of a row as the book explains it; no lines where
 * no price stands behind it. */
static void recompute(struct request *r, const struct event *e, struct cost *c)
{
    const struct snapshot *s = catalog_ref(control_conf(r->control)->catalog);
    const struct book *b = snapshot_book(s);
    const struct price *p = NULL;
    struct usage u = full_usage(r, e);
    memset(c, 0, sizeof *c);
    if (b != NULL && e->kind == EVENT_USAGE && u.by != METERED_NONE &&
        u.by != METERED_HOLD) {
        if (e->basis == BASIS_TABLE)
            p = book_version(b, e->price_version);
        else if (e->basis == BASIS_ASSUMED)
            p = book_dearest(b, e->provider, e->ts_ms);
    }
    if (p != NULL)
        cost_of(p, &u, c);
    snapshot_unref(&s);
}

/* 128 bits in decimal. */
static void raw_wide(struct json_out *o, int128 v)
{
    char text[48], *p = text + sizeof text;
    bool minus = v < 0;
    unsigned __int128 u = minus ? -(unsigned __int128)v : (unsigned __int128)v;
    do {
        *--p = (char)('0' + (int)(u % 10));
        u /= 10;
    } while (u > 0);
    if (minus)
        *--p = '-';
    json_raw(o, slice(p, (size_t)(text + sizeof text - p)));
}

static void write_cost(struct request *r, struct json_out *o,
                       const struct event *e)
{
    struct cost *c = arena_alloc(&r->arena, sizeof *c);
    recompute(r, e, c);
    json_key(o, "cost");
    json_obj(o);
    json_key(o, "lines");
    json_arr(o);
    for (int i = 0; i < c->line_count; i++) {
        const struct cost_line *l = &c->lines[i];
        json_obj(o);
        json_kstr(o, "kind", slice_str(l->kind));
        json_knum(o, "tokens", l->tokens);
        json_key(o, "picoUsdPerToken");
        raw_wide(o, l->tokens > 0 ? l->total_pico / l->tokens : l->pico);
        json_key(o, "picoUsd");
        raw_wide(o, l->total_pico);
        json_obj_end(o);
    }
    json_arr_end(o);
    json_knum(o, "nanoUsd", c->line_count > 0 ? c->nano : e->usd);
    json_obj_end(o);
}

/* Reads the row of the first parameter; false: answered. */
static bool read_one(struct request *r, struct entry *out)
{
    struct err err;
    enum status st = query_entry(control_conf(r->control)->db, &r->arena,
                                 r->id[0], out, &err);
    if (st == E_NOT_FOUND)
        request_fail(r, 404, "Ledger entry not found", "not_found");
    else if (st != OK)
        request_fault(r, st, &err);
    return st == OK;
}

/* What the client was told, if the call was refused. */
static void write_refusal(struct json_out *o, const struct event *e)
{
    static const char head[] = "{\"refusal\":"; // as the gateway writes it
    const size_t n = sizeof head - 1;
    json_key(o, "refusal");
    if (slice_starts(e->detail, head) && e->detail.n > n + 1)
        json_raw(o, slice(e->detail.p + n, e->detail.n - n - 1));
    else
        json_null(o);
}

void entries_one(struct request *r)
{
    struct json_out o;
    struct entry *e = arena_alloc(&r->arena, sizeof *e);
    if (!read_one(r, e))
        return;
    request_json(r, &o);
    entry_write(&o, e);
    write_cost(r, &o, &e->e);
    write_refusal(&o, &e->e);
    json_obj_end(&o);
}

/* ---- corrections -------------------------------------------------------- */

/* usd and reason of the body; false: answered. */
static bool read_correction(struct request *r, int64_t *usd,
                            struct slice *reason)
{
    bool wrong;
    const struct json *v = json_get(r->json, "usd");
    *reason = slice_trim(json_text(json_get(r->json, "reason"), SLICE("")));
    if (v == NULL) {
        request_invalid(r, "body", "must have required property 'usd'");
        return false;
    }
    struct slice s = request_number(v, &wrong);
    if (wrong || s.p == NULL || !money_scan(s, 9, usd) || *usd == 0 ||
        *usd > MONEY_MAX || *usd < -MONEY_MAX) {
        request_fail(r, 400, "Invalid amount", "invalid_amount");
        return false;
    }
    if (json_get(r->json, "reason") == NULL)
        request_invalid(r, "body", "must have required property 'reason'");
    else if (reason->n == 0)
        request_invalid(r, "body/reason", "must be a text");
    else if (reason->n > REASON_MAX)
        request_invalid(r, "body/reason",
                        "must NOT have more than 200 characters");
    else
        return true;
    return false;
}

struct newest {
    int64_t corrects, id;
};

static bool on_newest(void *arg, const struct entry *e)
{
    struct newest *n = arg;
    if (e->e.corrects == n->corrects && e->id > n->id)
        n->id = e->id;
    return true;
}

/* The id of the newest correction of `row`, 0: none. */
static enum status newest_correction(struct request *r, const struct entry *row,
                                     int64_t *id, struct err *err)
{
    struct newest n = {.corrects = row->id};
    const struct entry_filter f = {.request_id = slice_str(row->e.request_id)};
    enum status st =
        query_stream(control_conf(r->control)->db, &f, on_newest, &n, err);
    *id = n.id;
    return st;
}

/* Reads the row as it stands in the file now.  `out` keeps id 0 while the
 * ledger cannot be written; the correction is booked all the same. */
static void read_correction_row(struct request *r, const struct entry *row,
                                int64_t before, struct entry *out)
{
    struct err err;
    int64_t id = before;
    if (newest_correction(r, row, &id, &err) == OK && id > before &&
        query_entry(control_conf(r->control)->db, &r->arena, id, out, &err) !=
            OK)
        out->id = id;
}

void entries_correct(struct request *r)
{
    struct entry *row = arena_alloc(&r->arena, 2 * sizeof *row);
    struct entry *made = row + 1;
    struct json_out o;
    struct slice reason;
    struct err err;
    int64_t usd, before;
    if (!read_one(r, row) || !read_correction(r, &usd, &reason))
        return;
    if (row->e.kind != EVENT_USAGE) {
        request_fail(r, 400, "Only usage entries can be corrected",
                     "invalid_correction");
        return;
    }
    enum status st = newest_correction(r, row, &before, &err);
    if (st == OK)
        st = query_correct(control_conf(r->control)->db, row->id, usd, reason,
                           &err);
    if (st == E_INVALID) {
        request_fail(r, 400, "Corrected amount would be negative",
                     "invalid_correction");
        return;
    }
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    *made = *row;
    made->id = 0;
    made->recorded_ms = r->now_ms;
    made->e.kind = EVENT_CORRECTION;
    made->e.usd = usd;
    made->e.corrects = row->id;
    made->e.reason = reason;
    made->e.usage = (struct usage){0};
    read_correction_row(r, row, before, made);
    if (rows_note(control_conf(r->control)->db, control_admin, row->e.tenant_id,
                  "ledger.correct", "id", row->id, reason, &err) != OK)
        log_line(LOG_ERROR, "audit row not written", LF_C("error", err.text));
    r->status = 201;
    request_json(r, &o);
    entry_write(&o, made);
    json_obj_end(&o);
}

/* ---- export ------------------------------------------------------------- */

struct export
{
    struct request *r;
    struct buf block;
    bool csv;
    bool left; /* the client is gone, or the row is too large to write */
};

static bool flush(struct export *x)
{
    if (x->block.failed)
        x->left = true;
    if (!x->left && x->block.n > 0)
        x->left = !x->r->send(x->r, x->block.p, x->block.n);
    buf_clear(&x->block);
    return !x->left;
}

static bool on_export(void *arg, const struct entry *row)
{
    struct export *x = arg;
    if (x->csv) {
        entry_csv(&x->block, row);
    } else {
        struct json_out o;
        json_out_init(&o, &x->block);
        entry_write(&o, row);
        json_obj_end(&o);
        buf_char(&x->block, '\n');
    }
    return x->block.n < BLOCK && !x->block.failed ? true : flush(x);
}

void entries_export(struct request *r)
{
    static const char *const formats[] = {"csv", "jsonl", NULL};
    struct export x = {.r = r};
    struct entry_filter f;
    struct err err;
    struct slice format = request_query(r, "format");
    if (format.n == 0)
        format = SLICE("csv");
    if (!one_of(r, "format", format, formats) || !read_filter(r, -1, &f))
        return;
    x.csv = slice_is(format, "csv");
    r->content_type = x.csv ? "text/csv; charset=utf-8"
                            : "application/x-ndjson; charset=utf-8";
    r->extra[r->extra_count++] = (struct http_field){
        SLICE("Content-Disposition"),
        x.csv ? SLICE("attachment; filename=\"ledger.csv\"")
              : SLICE("attachment; filename=\"ledger.jsonl\"")};
    buf_init(&x.block, BLOCK_LIMIT);
    if (x.csv)
        entry_csv_head(&x.block);
    enum status st =
        query_stream(control_conf(r->control)->db, &f, on_export, &x, &err);
    if (st == OK && !x.left)
        (void)flush(&x);
    else if (st != OK && r->streamed)
        log_line(LOG_ERROR, "export cut short", LF_C("error", err.text));
    buf_release(&x.block);
    if (st == OK || r->streamed)
        return;
    r->content_type = NULL;
    r->extra_count = 0;
    request_fault(r, st, &err);
}

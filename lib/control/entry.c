/* entry.c - see entry.h. */
#include "control/entry.h"

#include "base/clock.h"
#include "base/money.h"
#include "ledger/names.h"

#define TAGS_MAX (1u << 20)

static void knum_null(struct json_out *o, const char *key, int64_t v,
                      int64_t none)
{
    if (v == none)
        json_knull(o, key);
    else
        json_knum(o, key, v);
}

static void kid(struct json_out *o, const char *key, int64_t id)
{
    char text[MONEY_TEXT];
    int n = snprintf(text, sizeof text, "%lld", (long long)id);
    if (id == 0)
        json_knull(o, key);
    else
        json_kstr(o, key, slice(text, (size_t)n));
}

/* Empty texts are null. */
static void ktext(struct json_out *o, const char *key, struct slice s)
{
    json_kstr_null(o, key, s.n > 0 ? s : (struct slice){NULL, 0});
}

static void write_tags(struct json_out *o, const struct event *e)
{
    json_key(o, "tags");
    json_arr(o);
    for (int i = 0; i < e->tag_count; i++) {
        if (!e->tags[i].direct)
            continue;
        json_obj(o);
        json_knum(o, "id", e->tags[i].id);
        json_kstr(o, "name", e->tags[i].name);
        json_kstr(o, "path", e->tags[i].path);
        json_knum(o, "weight", 1);
        json_obj_end(o);
    }
    json_arr_end(o);
}

void entry_write(struct json_out *o, const struct entry *x)
{
    const struct event *e = &x->e;
    json_obj(o);
    kid(o, "id", x->id);
    json_ktime(o, "ts", e->ts_ms);
    ktext(o, "tenant", e->tenant);
    ktext(o, "route", e->route);
    ktext(o, "model", e->model);
    json_kusd(o, "usd", e->usd);
    json_knum(o, "promptTok", e->usage.input);
    json_knum(o, "compTok", e->usage.output);
    knum_null(o, "tenantId", e->tenant_id, 0);
    ktext(o, "sessionId", e->session);
    json_kstr_null(o, "status", names_of(NAMES_STATUS, (int)e->status));
    write_tags(o, e);
    json_kstr(o, "requestId", slice_str(e->request_id));
    json_kstr_null(o, "kind", names_of(NAMES_KIND, (int)e->kind));
    knum_null(o, "keyId", e->key_id, 0);
    json_kstr_null(o, "provider", names_of(NAMES_PROVIDER, (int)e->provider));
    ktext(o, "modelAnswered", e->model_answered);
    json_knum(o, "cachedTok", e->usage.cached);
    json_knum(o, "cacheWriteTok", e->usage.cache_write);
    json_knum(o, "reasoningTok", e->usage.reasoning);
    ktext(o, "reason", e->reason);
    knum_null(o, "httpStatus", e->http_status, 0);
    json_kstr_null(o, "meteredBy", names_of(NAMES_METERED, (int)e->usage.by));
    knum_null(o, "priceVersion", e->price_version, 0);
    json_kstr_null(o, "priceBasis", names_of(NAMES_BASIS, (int)e->basis));
    ktext(o, "user", e->user);
    json_knum(o, "latencyMs", e->latency_ms);
    knum_null(o, "ttftMs", e->ttft_ms, -1);
    json_kbool(o, "stream", e->stream);
    kid(o, "corrects", e->corrects);
    json_ktime(o, "recordedAt", x->recorded_ms);
}

/* A text cell (never the first of a row), quoted; one that a spreadsheet would
 * run is defused. */
static void cell(struct buf *b, struct slice s)
{
    buf_str(b, ",\"");
    if (s.n > 0 && memchr("=+-@\t\r", s.p[0], 6) != NULL)
        buf_char(b, '\'');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            buf_char(b, '"');
        buf_char(b, s.p[i]);
    }
    buf_char(b, '"');
}

/* A number, empty if it is `none`. */
static void cell_num(struct buf *b, int64_t v, int64_t none)
{
    buf_char(b, ',');
    if (v != none)
        buf_i64(b, v);
}

static void cell_time(struct buf *b, int64_t ms)
{
    char text[CLOCK_TEXT];
    buf_char(b, ',');
    buf_add(b, text, clock_format(ms, text));
}

static void cell_tags(struct buf *b, const struct event *e)
{
    struct buf t;
    buf_init(&t, TAGS_MAX);
    for (int i = 0; i < e->tag_count; i++) {
        if (!e->tags[i].direct)
            continue;
        if (t.n > 0)
            buf_char(&t, ',');
        buf_slice(&t, e->tags[i].name);
    }
    cell(b, buf_get(&t));
    buf_release(&t);
}

#define CSV_HEAD                                                            \
    "id,ts,recordedAt,kind,requestId,tenantId,tenant,keyId,route,provider," \
    "model,modelAnswered,usd,promptTok,cachedTok,cacheWriteTok,compTok,"    \
    "reasoningTok,status,reason,httpStatus,meteredBy,priceVersion,"         \
    "priceBasis,sessionId,user,tags,latencyMs,ttftMs,stream,corrects\r\n"

void entry_csv_head(struct buf *b)
{
    buf_str(b, CSV_HEAD);
}

void entry_csv(struct buf *b, const struct entry *row)
{
    const struct event *e = &row->e;
    char usd[MONEY_TEXT];
    buf_i64(b, row->id);
    cell_time(b, e->ts_ms);
    cell_time(b, row->recorded_ms);
    cell(b, names_of(NAMES_KIND, (int)e->kind));
    cell(b, slice_str(e->request_id));
    cell_num(b, e->tenant_id, 0);
    cell(b, e->tenant);
    cell_num(b, e->key_id, 0);
    cell(b, e->route);
    cell(b, names_of(NAMES_PROVIDER, (int)e->provider));
    cell(b, e->model);
    cell(b, e->model_answered);
    buf_char(b, ',');
    buf_add(b, usd, money_format(e->usd, usd));
    cell_num(b, e->usage.input, -1);
    cell_num(b, e->usage.cached, -1);
    cell_num(b, e->usage.cache_write, -1);
    cell_num(b, e->usage.output, -1);
    cell_num(b, e->usage.reasoning, -1);
    cell(b, names_of(NAMES_STATUS, (int)e->status));
    cell(b, e->reason);
    cell_num(b, e->http_status, 0);
    cell(b, names_of(NAMES_METERED, (int)e->usage.by));
    cell_num(b, e->price_version, 0);
    cell(b, names_of(NAMES_BASIS, (int)e->basis));
    cell(b, e->session);
    cell(b, e->user);
    cell_tags(b, e);
    cell_num(b, e->latency_ms, -1);
    cell_num(b, e->ttft_ms, -1);
    cell_num(b, e->stream ? 1 : 0, -1);
    cell_num(b, e->corrects, 0);
    buf_str(b, "\r\n");
}

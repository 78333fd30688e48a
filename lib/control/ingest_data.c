/* ingest_data.c - what was ingested, and the tokens to do it with. */
#include "base/clock.h"
#include "base/crypt.h"
#include "control/control.h"
#include "control/handlers.h"
#include "control/providers.h"
#include "ledger/data.h"
#include "ledger/rows.h"

#define LIMIT_MAX 50000
#define LIMIT_DEFAULT 5000
#define LABEL_MAX_BYTES 64
#define TOKEN_BYTES_MAX 40

/* ---- /data -------------------------------------------------------------- */

static bool read_date(struct request *r, const char *name, bool end,
                      int64_t *ms)
{
    struct slice s = request_query(r, name);
    bool date;
    if (s.n == 0)
        return true;
    if (!clock_parse(s, ms, &date)) {
        struct slice text = arena_printf(
            &r->arena,
            "Invalid %s date format: %.*s. Use YYYY-MM-DD or ISO-8601.", name,
            SLICE_FMT(s));
        request_fail(r, 400, text.p != NULL ? text.p : "Invalid date format",
                     "invalid_date");
        return false;
    }
    if (end)
        *ms += date ? INT64_C(86400000) : 1; // the whole day, the instant
    return true;
}

static bool read_token_id(struct request *r, int64_t *id)
{
    struct slice s = request_query(r, "ingest_token_id");
    if (s.n == 0)
        return true;
    if (!money_scan(s, 0, id)) {
        request_fail(r, 400, "ingest_token_id must be a valid integer.",
                     "invalid_id");
        return false;
    }
    if (*id <= 0) {
        request_fail(r, 400, "ingest_token_id must be a positive integer.",
                     "invalid_id");
        return false;
    }
    return true;
}

/* "ts.id" of the last row that was shown. */
static void read_cursor(struct request *r, struct data_filter *f)
{
    struct slice rest = request_query(r, "cursor");
    struct slice ts = slice_cut(&rest, '.');
    if (rest.p == NULL || !money_scan(ts, 0, &f->before_ts) ||
        !money_scan(rest, 0, &f->before_id))
        f->before_ts = f->before_id = 0;
}

static bool read_filter(struct request *r, struct data_filter *f)
{
    struct slice source = request_query(r, "source");
    if (!read_date(r, "start", false, &f->from_ms) ||
        !read_date(r, "end", true, &f->to_ms) ||
        !read_token_id(r, &f->token_id))
        return false;
    if (f->from_ms != 0 && f->to_ms != 0 && f->from_ms >= f->to_ms) {
        request_fail(r, 400, "Start date cannot be after end date.",
                     "invalid_date");
        return false;
    }
    f->model = request_query(r, "model");
    f->source = slice_is(source, "ingest")  ? DATA_INGEST
                : slice_is(source, "proxy") ? DATA_PROXY
                                            : DATA_ALL;
    f->all_epochs = slice_is(request_query(r, "epoch"), "all");
    read_cursor(r, f);
    return true;
}

static void write_row(struct json_out *o, const struct data_row *d)
{
    json_obj(o);
    json_knum(o, "completionTokens", d->completion);
    json_kusd_num(o, "estimatedCostUSD", d->usd);
    json_knum(o, "id", d->id);
    json_kstr(o, "model", d->model);
    json_knum(o, "promptTokens", d->prompt);
    json_ktime(o, "timestamp", d->ts_ms);
    json_knum(o, "totalTokens", d->prompt + d->completion);
    json_obj_end(o);
}

static void write_totals(struct json_out *o, const struct sum *s)
{
    json_key(o, "totals");
    json_obj(o);
    json_knum(o, "promptTokens", s->input);
    json_knum(o, "completionTokens", s->output);
    json_knum(o, "totalTokens", s->input + s->output);
    json_kusd_num(o, "estimatedCostUSD", s->usd);
    json_obj_end(o);
}

void data_list(struct request *r)
{
    struct data_filter f = {0};
    struct data_row *rows;
    struct sum sums;
    struct json_out o;
    struct err err;
    int64_t page, limit, total;
    int n = 0;
    if (!request_query_int(r, "page", 1, 1000000, 1, &page) ||
        !request_query_int(r, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &limit) ||
        !read_filter(r, &f))
        return;
    enum status st = data_page(control_conf(r->control)->db, &r->arena, &f,
                               f.before_id != 0 ? 0 : (page - 1) * limit, limit,
                               &rows, &n, &total, &sums, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    json_key(&o, "data");
    json_arr(&o);
    for (int i = 0; i < n; i++)
        write_row(&o, &rows[i]);
    json_arr_end(&o);
    json_knum(&o, "total", total);
    write_totals(&o, &sums);
    json_knum(&o, "page", page);
    json_knum(&o, "limit", limit);
    if (n == limit) {
        const struct data_row *last = &rows[n - 1];
        json_kstr(&o, "nextCursor",
                  arena_printf(&r->arena, "%lld.%lld", (long long)last->ts_ms,
                               (long long)last->id));
    } else {
        json_knull(&o, "nextCursor");
    }
    json_obj_end(&o);
}

void data_names(struct request *r)
{
    struct slice *names;
    struct json_out o;
    struct err err;
    int n = 0;
    if (!r->is_admin && r->user.p != NULL) {
        providers_models(r);
        return;
    }
    enum status st =
        data_models(control_conf(r->control)->db, &r->arena, &names, &n, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    json_key(&o, "models");
    json_arr(&o);
    for (int i = 0; i < n; i++)
        json_str(&o, names[i]);
    json_arr_end(&o);
    json_obj_end(&o);
}

void data_reset(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    const struct json *confirm = json_get(r->json, "confirm");
    struct json_out o;
    struct err err;
    int64_t last;
    bool said = confirm != NULL && confirm->type == JSON_STRING &&
                slice_is(confirm->text, "reset");
    if (!said && !slice_is(slice_str(c->config->env), "development")) {
        request_fail(r, 400, "Confirmation required: {\"confirm\":\"reset\"}",
                     "confirmation_required");
        return;
    }
    enum status st = data_newest(c->db, &last, &err);
    if (st == OK)
        st = rows_reset(c->db, control_admin, last, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    json_kstr(&o, "message", SLICE("Database reset successfully"));
    json_obj_end(&o);
}

/* ---- tokens ------------------------------------------------------------- */

static void ksql_time(struct json_out *o, const char *key, int64_t ms,
                      struct arena *a)
{
    char text[CLOCK_TEXT];
    if (ms < 0) {
        json_knull(o, key);
        return;
    }
    clock_format(ms, text); // 2026-11-20T20:10:53.672Z
    json_kstr(o, key, arena_printf(a, "%.10s %.8s", text, text + 11));
}

void tokens_list(struct request *r)
{
    struct ingest_row *rows;
    struct json_out o;
    struct err err;
    int n = 0;
    enum status st = rows_ingest_list(control_conf(r->control)->db, &r->arena,
                                      slice(NULL, 0), &rows, &n, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    json_key(&o, "tokens");
    json_arr(&o);
    for (int i = 0; i < n; i++) {
        const struct ingest_row *t = &rows[i];
        size_t tail = t->token.n > 4 ? t->token.n - 4 : 0;
        json_obj(&o);
        json_knum(&o, "active", t->active);
        ksql_time(&o, "created_at", t->created_ms, &r->arena);
        json_knum(&o, "id", t->id);
        json_kstr(&o, "label", t->label);
        ksql_time(&o, "last_seen_at", t->seen_ms, &r->arena);
        json_kstr(&o, "token", t->token);
        json_kstr(&o, "token_masked",
                  arena_printf(&r->arena, "%.*s\xE2\x80\xA6%.*s", 8, t->token.p,
                               4, t->token.p + tail));
        json_knum(&o, "usage_count", t->uses);
        json_kstr_null(&o, "tenant", t->tenant);
        json_obj_end(&o);
    }
    json_arr_end(&o);
    json_obj_end(&o);
}

/* "tok_" and `n` random bytes as base64url. */
static struct slice make_token(struct arena *a, int64_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
                                 "qrstuvwxyz0123456789-_";
    uint8_t bytes[TOKEN_BYTES_MAX];
    char text[4 + TOKEN_BYTES_MAX * 2] = "tok_";
    size_t at = 4;
    unsigned acc = 0;
    int bits = 0;
    crypt_random(bytes, sizeof bytes);
    for (int64_t i = 0; i < n && i < TOKEN_BYTES_MAX; i++) {
        acc = (acc << 8 | bytes[i]) & 0xFFFF;
        for (bits += 8; bits >= 6; bits -= 6)
            text[at++] = digits[acc >> (bits - 6) & 63];
    }
    if (bits > 0)
        text[at++] = digits[acc << (6 - bits) & 63];
    return arena_dup(a, slice(text, at));
}

/* The tenant a token belongs to; 0: answered. */
static int64_t tenant_of(struct request *r, const struct json *v)
{
    const struct control_conf *c = control_conf(r->control);
    struct err err;
    int64_t id = 0;
    if (v == NULL || v->type == JSON_NULL) {
        enum status st = rows_tenant_ensure(
            c->db, SLICE("ingest"), ORIGIN_INGEST, INT64_MAX, &id, &err);
        if (st != OK)
            request_fault(r, st, &err);
        return st == OK ? id : 0;
    }
    const struct snapshot *s = catalog_ref(c->catalog);
    const struct tenant *t =
        v->type == JSON_STRING ? snapshot_tenant_by_name(s, v->text) : NULL;
    id = t != NULL ? t->id : 0;
    snapshot_unref(&s);
    if (id == 0)
        request_fail(r, 404, "Tenant not found", "not_found");
    return id;
}

void tokens_create(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    const struct json *label = json_get(r->json, "label");
    struct ingest_row t = {.active = true};
    struct json_out o;
    struct err err;
    if (r->json == NULL) {
        request_fail(r, 400, "JSON body required", "invalid_json");
        return;
    }
    if (label == NULL || label->type != JSON_STRING || label->text.n == 0 ||
        label->text.n > LABEL_MAX_BYTES) {
        request_fail(r, 400, "Label must be 1-64 characters", "invalid_label");
        return;
    }
    t.label = label->text;
    t.tenant_id = tenant_of(r, json_get(r->json, "tenant"));
    if (t.tenant_id == 0)
        return;
    t.token = make_token(&r->arena, c->config->tracking_token_length);
    enum status st = rows_ingest_add(c->db, control_admin, &t, &err);
    if (st == E_EXISTS) {
        struct slice text = arena_printf(
            &r->arena, "Label '%.*s' already exists", SLICE_FMT(t.label));
        request_fail(r, 400, text.p, "label_exists");
        return;
    }
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    r->status = 201;
    request_json(r, &o);
    json_obj(&o);
    json_knum(&o, "id", t.id);
    json_kstr(&o, "token", t.token);
    json_obj_end(&o);
}

static void answer_ok(struct request *r, enum status st, const struct err *err)
{
    struct json_out o;
    if (st == E_NOT_FOUND) {
        request_fail(r, 404, "Tracking token not found", "not_found");
        return;
    }
    if (st != OK) {
        request_fault(r, st, err);
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    json_kbool(&o, "ok", true);
    json_obj_end(&o);
}

void tokens_active(struct request *r)
{
    const struct json *v = json_get(r->json, "active");
    struct err err;
    if (v == NULL || (v->type != JSON_TRUE && v->type != JSON_FALSE)) {
        request_fail(r, 400, "JSON body with 'active' field required",
                     "invalid_json");
        return;
    }
    answer_ok(r,
              rows_ingest_active(control_conf(r->control)->db, control_admin,
                                 r->id[0], v->type == JSON_TRUE, &err),
              &err);
}

void tokens_delete(struct request *r)
{
    struct err err;
    answer_ok(r,
              rows_ingest_delete(control_conf(r->control)->db, control_admin,
                                 r->id[0], &err),
              &err);
}

/* metrics_json.c - see metrics_json.h; the members are those of contract 7. */
#include "control/metrics_json.h"

#include "control/bucket.h"
#include "control/control.h"
#include "control/routes.h"
#include "control/traffic.h"
#include "ledger/data.h"
#include "ledger/rows.h"

#define MINUTE_MS INT64_C(60000)

bool metrics_json_asked(struct request *r)
{
    struct slice rest = r->accept;
    if (slice_is(request_query(r, "format"), "json"))
        return true;
    while (rest.p != NULL && rest.n > 0) {
        struct slice one = slice_cut(&rest, ',');
        if (slice_eq_nocase(slice_trim(slice_cut(&one, ';')),
                            SLICE("application/json")))
            return true;
    }
    return false;
}

/* ---- configuration ------------------------------------------------------ */

/* `n` per minute as a number per second with at most six decimals. */
static void krate(struct request *r, struct json_out *o, const char *key,
                  int64_t n)
{
    int64_t micro = n * 1000000 / 60;
    struct slice s =
        arena_printf(&r->arena, "%lld.%06lld", (long long)(micro / 1000000),
                     (long long)(micro % 1000000));
    json_key(o, key);
    json_raw(o, s.p != NULL ? s : SLICE("0"));
}

static void write_bucket(struct request *r, struct json_out *o, int64_t rpm,
                         const struct buckets *b)
{
    json_knum(o, "rpm", rpm);
    json_knum(o, "burst", buckets_limit(b));
    krate(r, o, "regen_rate", rpm);
}

static void write_config(struct request *r, struct json_out *o)
{
    const struct config *g = control_conf(r->control)->config;
    const struct buckets *admin = control_buckets(r->control, false);
    const struct buckets *ingest = control_buckets(r->control, true);
    struct slice rest = slice_str(g->rate_limit_exempt);
    json_kstr(o, "version", SLICE("1"));
    json_kstr(o, "env", slice_str(g->env));
    json_kbool(o, "debug", slice_is(slice_str(g->log_level), "debug"));
    json_key(o, "rate_limit");
    json_obj(o);
    write_bucket(r, o, g->rate_limit_rpm, admin);
    json_key(o, "exempt_paths");
    json_arr(o);
    while (rest.p != NULL && rest.n > 0)
        json_str(o, slice_trim(slice_cut(&rest, ',')));
    json_arr_end(o);
    int64_t rpm = g->ingest_rpm >= 0 ? g->ingest_rpm : g->rate_limit_rpm;
    json_key(o, "ingest");
    json_obj(o);
    write_bucket(r, o, rpm, ingest);
    json_obj_end(o);
    json_obj_end(o);
    json_key(o, "ingest");
    json_obj(o);
    json_knum(o, "rpm", rpm);
    json_knum(o, "burst", buckets_limit(ingest));
    json_kbool(o, "auth_enabled", g->ingest_key[0] != '\0');
    json_knum(o, "tracking_token_length", g->tracking_token_length);
    json_obj_end(o);
}

/* ---- counters ----------------------------------------------------------- */

static int64_t count(struct request *r, enum metric_id id, const char *label)
{
    const struct slice l[4] = {slice_str(label)};
    return metric_value(control_conf(r->control)->metrics, id, l);
}

static void kmillis(struct request *r, struct json_out *o, const char *key,
                    int64_t us)
{
    struct slice s =
        arena_printf(&r->arena, "%lld.%03lld", (long long)(us / 1000),
                     (long long)(us % 1000));
    json_key(o, key);
    json_raw(o, s.p != NULL ? s : SLICE("0"));
}

/* Methods of one path are added up: B's clients know paths only. */
static bool same_path_before(const struct control_route *all, int i)
{
    for (int k = 0; k < i; k++)
        if (slice_eq(slice_str(all[k].pattern), slice_str(all[i].pattern)))
            return true;
    return false;
}

static void write_latency(struct request *r, struct json_out *o)
{
    const struct traffic *t = control_traffic(r->control);
    struct traffic_figures f;
    int n;
    const struct control_route *all = routes_all(&n);
    json_key(o, "latency");
    json_obj(o);
    for (int i = 0; i < n; i++) {
        struct traffic_figures worst = {0};
        if (same_path_before(all, i))
            continue;
        int64_t sum_us = 0;
        for (int k = i; k < n; k++) {
            if (!slice_eq(slice_str(all[k].pattern), slice_str(all[i].pattern)))
                continue;
            traffic_read(t, k, &f);
            worst.count += f.count;
            sum_us += f.count * f.mean_us;
            worst.p50_us = f.p50_us > worst.p50_us ? f.p50_us : worst.p50_us;
            worst.p95_us = f.p95_us > worst.p95_us ? f.p95_us : worst.p95_us;
        }
        if (worst.count == 0)
            continue;
        json_key(o, all[i].pattern);
        json_obj(o);
        json_knum(o, "count", worst.count);
        kmillis(r, o, "mean_ms", sum_us / worst.count);
        kmillis(r, o, "p50_ms", worst.p50_us);
        kmillis(r, o, "p95_ms", worst.p95_us);
        json_obj_end(o);
    }
    json_obj_end(o);
}

static int64_t path_status(const struct traffic *t,
                           const struct control_route *all, int n, int i,
                           int status)
{
    int64_t sum = 0;
    for (int k = i; k < n; k++)
        if (slice_eq(slice_str(all[k].pattern), slice_str(all[i].pattern)))
            sum += traffic_status(t, k, status);
    return sum;
}

static void write_status(struct request *r, struct json_out *o)
{
    const struct traffic *t = control_traffic(r->control);
    int n;
    const struct control_route *all = routes_all(&n);
    json_key(o, "http_status");
    json_obj(o);
    for (int i = 0; i < n; i++) {
        bool open = false;
        if (same_path_before(all, i))
            continue;
        for (int code = 100; code < 600; code++) {
            int64_t c = path_status(t, all, n, i, code);
            if (c == 0)
                continue;
            if (!open) {
                json_key(o, all[i].pattern);
                json_obj(o);
                open = true;
            }
            char key[16];
            (void)snprintf(key, sizeof key, "%d", code);
            json_knum(o, key, c);
        }
        if (open)
            json_obj_end(o);
    }
    json_obj_end(o);
}

static void write_counters(struct request *r, struct json_out *o)
{
    json_key(o, "counters");
    json_obj(o);
    json_knum(o, "rate_limit_hits",
              count(r, M_RATE_HITS, "admin") + count(r, M_RATE_HITS, "ingest"));
    json_knum(o, "ingest_success", count(r, M_INGEST, "success"));
    json_knum(o, "ingest_duplicate", count(r, M_INGEST, "duplicate"));
    json_knum(o, "ingest_bad_auth", count(r, M_INGEST, "bad_auth"));
    json_knum(o, "ingest_validation_error",
              count(r, M_INGEST, "validation_error"));
    write_latency(r, o);
    write_status(r, o);
    json_obj_end(o);
}

/* ---- what the ledger knows ---------------------------------------------- */

static void ktime_or_null(struct json_out *o, const char *key, int64_t ms)
{
    if (ms > 0)
        json_ktime(o, key, ms);
    else
        json_knull(o, key);
}

static enum status write_ledger(struct request *r, struct json_out *o,
                                struct err *err)
{
    struct db *db = control_conf(r->control)->db;
    const struct data_filter f = {0};
    struct data_row *row;
    struct ingest_row *t;
    struct sum sums;
    int64_t total, seen = 0, active = 0, recent[3] = {0};
    static const int64_t ages[3] = {MINUTE_MS, 5 * MINUTE_MS, 60 * MINUTE_MS};
    int n = 0, tokens = 0;
    enum status st =
        data_page(db, &r->arena, &f, 0, 1, &row, &n, &total, &sums, err);
    if (st == OK)
        st = rows_ingest_list(db, &r->arena, slice(NULL, 0), &t, &tokens, err);
    if (st != OK)
        return st;
    for (int i = 0; i < tokens; i++) {
        active += t[i].active;
        seen = t[i].seen_ms > seen ? t[i].seen_ms : seen;
        for (int k = 0; k < 3; k++)
            recent[k] +=
                t[i].seen_ms >= 0 && t[i].seen_ms >= r->now_ms - ages[k];
    }
    json_key(o, "db");
    json_obj(o);
    json_knum(o, "usage_rows", total);
    json_knum(o, "active_tokens", active);
    ktime_or_null(o, "last_usage_at", n > 0 ? row->ts_ms : 0);
    ktime_or_null(o, "last_token_seen_at", seen);
    json_obj_end(o);
    json_key(o, "ingestion_health");
    json_obj(o);
    json_knum(o, "tokens_seen_1m", recent[0]);
    json_knum(o, "tokens_seen_5m", recent[1]);
    json_knum(o, "tokens_seen_1h", recent[2]);
    json_obj_end(o);
    return OK;
}

void metrics_json(struct request *r)
{
    struct json_out o;
    struct err err;
    request_json(r, &o);
    json_obj(&o);
    write_config(r, &o);
    write_counters(r, &o);
    enum status st = write_ledger(r, &o, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    json_obj_end(&o);
}

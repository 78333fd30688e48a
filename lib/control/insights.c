/* insights.c - where the money went: a trend and one dimension beside it. */
#include "control/control.h"
#include "control/handlers.h"
#include "control/usage.h"
#include "ledger/insight.h"
#include "ledger/names.h"

#define DAYS_DEFAULT 30
#define GROUPS_DEFAULT 100
#define GROUPS_MAX 1000
#define MEMORY (64u << 20)

static const char *const bys[] = {[INSIGHT_TENANT] = "tenant",
                                  [INSIGHT_KEY] = "key",
                                  [INSIGHT_MODEL] = "model",
                                  [INSIGHT_PROVIDER] = "provider",
                                  [INSIGHT_STATUS] = "status",
                                  [INSIGHT_TAG] = "tag",
                                  NULL};
static const char *const buckets[] = {"day", "hour", NULL};

/* The place of a word; `dflt` if it is not given; -1: answered. */
static int read_word(struct request *r, const char *name,
                     const char *const *words, int dflt)
{
    struct slice s = request_query(r, name);
    if (s.n == 0)
        return dflt;
    for (int i = 0; words[i] != NULL; i++)
        if (slice_is(s, words[i]))
            return i;
    struct slice where = arena_printf(&r->arena, "querystring/%s", name);
    request_invalid(r, where.p != NULL ? where.p : name,
                    "must be equal to one of the allowed values");
    return -1;
}

static bool read_query(struct request *r, struct insight_query *q,
                       int64_t *limit)
{
    int by = read_word(r, "by", bys, INSIGHT_MODEL);
    int bucket = by < 0 ? -1 : read_word(r, "bucket", buckets, 0);
    if (bucket < 0)
        return false;
    *q = (struct insight_query){.by = (enum insight_by)by,
                                .hours = bucket == 1,
                                .model = request_query(r, "model"),
                                .provider = request_query(r, "provider"),
                                .status = request_query(r, "status")};
    if (!request_query_int(r, "tenantId", 1, INT64_MAX, 0, &q->tenant_id) ||
        !request_query_int(r, "keyId", 1, INT64_MAX, 0, &q->key_id) ||
        !request_query_int(r, "limit", 1, GROUPS_MAX, GROUPS_DEFAULT, limit) ||
        !usage_range(r, DAYS_DEFAULT, &q->from_ms, &q->to_ms))
        return false;
    if (q->status.n > 0 && names_parse(NAMES_STATUS, q->status) == 0)
        request_invalid(r, "querystring/status",
                        "must be equal to one of the allowed values");
    else if (q->by == INSIGHT_TAG &&
             (q->key_id > 0 || q->model.n > 0 || q->provider.n > 0))
        request_invalid(r, "querystring/by",
                        "tag goes with tenantId and status only");
    else
        return true;
    return false;
}

static void write_sum(struct json_out *o, const struct insight_sum *s)
{
    json_kusd(o, "usd", s->usd);
    json_knum(o, "requests", s->requests);
    json_knum(o, "served", s->served);
}

static void write_tokens(struct json_out *o, const struct insight_sum *s,
                         bool cached)
{
    json_knum(o, "promptTok", s->input);
    if (cached)
        json_knum(o, "cachedTok", s->cached);
    json_knum(o, "compTok", s->output);
}

static void kid(struct json_out *o, const char *key, int64_t id)
{
    if (id > 0)
        json_knum(o, key, id);
    else
        json_knull(o, key);
}

static void write_values(struct json_out *o, const struct insight *x,
                         const struct insight_group *g)
{
    json_key(o, "points");
    json_arr(o);
    for (int i = 0; i < x->point_count; i++) {
        char text[MONEY_TEXT];
        json_str(o, slice(text, money_format(g->usd[i], text)));
    }
    json_arr_end(o);
}

static void write_group(struct json_out *o, const struct insight *x,
                        const struct insight_query *q, int i)
{
    const struct insight_group *g = &x->groups[i];
    json_obj(o);
    if (q->by == INSIGHT_TENANT || q->by == INSIGHT_KEY || q->by == INSIGHT_TAG)
        kid(o, "id", g->id);
    json_kstr_null(o, "name", g->name);
    if (q->by == INSIGHT_KEY || q->by == INSIGHT_TAG) {
        json_kstr_null(o, q->by == INSIGHT_KEY ? "masked" : "path", g->detail);
        kid(o, "tenantId", g->tenant_id);
    }
    write_sum(o, &g->sum);
    write_tokens(o, &g->sum,
                 q->by != INSIGHT_TENANT && q->by != INSIGHT_KEY &&
                     q->by != INSIGHT_TAG);
    if (q->by == INSIGHT_TAG)
        json_kusd(o, "treeUsd", g->tree_usd);
    if (i < INSIGHT_SERIES)
        write_values(o, x, g);
    json_obj_end(o);
}

static void answer(struct request *r, const struct insight_query *q,
                   const struct insight *x, int limit)
{
    struct json_out o;
    int shown = x->group_count < limit ? x->group_count : limit;
    request_json(r, &o);
    json_obj(&o);
    json_kstr(&o, "by", slice_str(bys[q->by]));
    json_kstr(&o, "bucket", slice_str(buckets[q->hours]));
    json_kstr(&o, "timezone",
              slice_str(q->hours ? "UTC"
                                 : zone_name(control_conf(r->control)->zone)));
    json_key(&o, "total");
    json_obj(&o);
    write_sum(&o, &x->total);
    write_tokens(&o, &x->total, true);
    json_obj_end(&o);
    json_key(&o, "points");
    json_arr(&o);
    for (int i = 0; i < x->point_count; i++) {
        json_obj(&o);
        json_ktime(&o, "start", x->points[i].start_ms);
        write_sum(&o, &x->points[i].sum);
        json_obj_end(&o);
    }
    json_arr_end(&o);
    json_key(&o, "groups");
    json_arr(&o);
    for (int i = 0; i < shown; i++)
        write_group(&o, x, q, i);
    json_arr_end(&o);
    json_knum(&o, "groupCount", x->group_count);
    json_obj_end(&o);
}

void insights_get(struct request *r)
{
    struct insight_query q;
    struct insight x;
    struct arena a; // more than a request's own holds
    struct err err;
    int64_t limit;
    if (!read_query(r, &q, &limit))
        return;
    arena_init(&a, MEMORY);
    enum status st =
        insight_read(control_conf(r->control)->db, &a, &q, &x, &err);
    if (st == OK)
        answer(r, &q, &x, (int)limit);
    else if (st == E_INVALID)
        request_invalid(r, "querystring",
                        "the stretch of time is too long for this bucket");
    else if (st == E_TOO_BIG)
        request_invalid(r, "querystring",
                        "too much for one answer; choose a shorter stretch");
    else
        request_fault(r, st, &err);
    arena_release(&a);
}

/* replay.c - see replay.h.
 *
 * Sums per text and per tenant are kept in two small tables; a policy that
 * gives every call a text of its own fills the first, and what comes then is
 * counted under "others".
 */
#include "control/replay.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "guard/gate.h"
#include "ledger/query.h"

#define GROUPS 100
#define EXAMPLES 20
#define SCRATCH_MAX ((size_t)32 << 20)
#define KEPT_MAX ((size_t)1 << 20)
#define TIME_MAX_US (60 * INT64_C(1000000))

struct group {
    struct slice name;
    int64_t requests, usd;
};

struct groups {
    struct group of[GROUPS];
    int n;
    struct group others;
};

struct example {
    int64_t id, ts_ms, usd;
    struct slice tenant, model, text;
};

struct run {
    const struct replay *r;
    struct arena scratch; /* of one evaluation */
    struct arena kept;    /* names, texts, examples */
    int64_t rows, denied, usd, denied_usd, errors, already, until_us;
    bool truncated;
    struct groups reasons, tenants;
    struct example examples[EXAMPLES];
    int example_count;
    struct slice error; /* the first */
};

static void group_add(struct run *x, struct groups *g, struct slice name,
                      int64_t usd)
{
    struct group *at = &g->others;
    for (int i = 0; i < g->n && at == &g->others; i++)
        if (slice_eq(g->of[i].name, name))
            at = &g->of[i];
    if (at == &g->others && g->n < GROUPS) {
        struct slice kept = arena_dup(&x->kept, name);
        if (kept.p != NULL) {
            at = &g->of[g->n++];
            *at = (struct group){.name = kept};
        }
    }
    at->requests++;
    at->usd = money_add(at->usd, usd);
}

/* A request that was made here: no correction, no ingest, with a tenant. */
static bool is_request(const struct event *e)
{
    return e->kind == EVENT_USAGE && e->corrects == 0 && e->tenant_id != 0 &&
           e->ingest_token_id == 0;
}

static struct value input_of(struct run *x, const struct event *e)
{
    struct call c = {
        .tenant_id = e->tenant_id,
        .key_id = e->key_id,
        .tenant = e->tenant,
        .method = e->method,
        .route = e->route,
        .provider = e->provider,
        .model = e->model,
        .stream = e->stream,
        .input_bound = e->usage.input,
        .session = e->session,
        .user = e->user,
    };
    for (int i = 0; i < e->tag_count && c.tag_count < CALL_TAGS_MAX; i++)
        if (e->tags[i].direct)
            c.tags[c.tag_count++] = e->tags[i].name;
    const struct gate_in in = {
        .call = &c, .now_ms = e->ts_ms, .hold_nano = e->held, .past = true};
    return gate_input(&in, x->r->zone, GATE_INPUT_ALL, &x->scratch);
}

static void note_denied(struct run *x, const struct entry *row,
                        const struct gate_answer *said)
{
    const struct event *e = &row->e;
    struct slice text = said->error.n > 0      ? SLICE("error")
                        : said->deny_count > 0 ? said->deny[0]
                        : said->reason.n > 0   ? said->reason
                                               : SLICE("not allowed");
    x->denied++;
    x->denied_usd = money_add(x->denied_usd, e->usd);
    group_add(x, &x->tenants, e->tenant, e->usd);
    for (int i = 0; i < said->deny_count; i++)
        group_add(x, &x->reasons, said->deny[i], e->usd);
    if (said->deny_count == 0)
        group_add(x, &x->reasons, text, e->usd);
    if (x->example_count < EXAMPLES)
        x->examples[x->example_count++] = (struct example){
            .id = row->id,
            .ts_ms = e->ts_ms,
            .usd = e->usd,
            .tenant = arena_dup(&x->kept, e->tenant),
            .model = arena_dup(&x->kept, e->model),
            .text = arena_dup(&x->kept, text),
        };
}

static bool on_row(void *arg, const struct entry *row)
{
    struct run *x = arg;
    struct gate_answer said = {.error = SLICE("out of memory")};
    struct slice name = x->r->tenant; // the filter finds parts of names
    if (!is_request(&row->e) || (name.n > 0 && !slice_eq(name, row->e.tenant)))
        return true;
    if ((x->r->max_rows > 0 && x->rows == x->r->max_rows) ||
        clock_mono_us() > x->until_us) {
        x->truncated = true;
        return false;
    }
    x->rows++;
    x->usd = money_add(x->usd, row->e.usd);
    x->already += row->e.status == EVENT_BLOCKED;
    arena_reset(&x->scratch);
    struct value input = input_of(x, &row->e);
    if (input.kind != V_UNDEF)
        gate_ask(x->r->policy, &input, x->r->timeout_ms, &x->scratch, &said);
    if (said.error.n > 0) {
        if (x->errors++ == 0)
            x->error = arena_dup(&x->kept, said.error);
    }
    if (!said.allow)
        note_denied(x, row, &said);
    return true;
}

/* ---- the report --------------------------------------------------------- */

static int by_usd(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    if (x->usd != y->usd)
        return x->usd < y->usd ? 1 : -1;
    return x->requests < y->requests ? 1 : x->requests > y->requests ? -1 : 0;
}

static void write_groups(struct json_out *o, const char *key, const char *name,
                         struct groups *g)
{
    if (g->others.requests > 0 && g->n > 0) {
        g->others.name = SLICE("others");
        g->of[g->n - 1].requests += g->others.requests;
        g->of[g->n - 1].usd = money_add(g->of[g->n - 1].usd, g->others.usd);
        g->of[g->n - 1].name = g->others.name;
    }
    qsort(g->of, (size_t)g->n, sizeof *g->of, by_usd);
    json_key(o, key);
    json_arr(o);
    for (int i = 0; i < g->n; i++) {
        json_obj(o);
        json_kstr(o, name, g->of[i].name);
        json_knum(o, "requests", g->of[i].requests);
        json_kusd(o, "usd", g->of[i].usd);
        json_obj_end(o);
    }
    json_arr_end(o);
}

static void write_examples(struct json_out *o, const struct run *x)
{
    json_key(o, "examples");
    json_arr(o);
    for (int i = 0; i < x->example_count; i++) {
        const struct example *e = &x->examples[i];
        json_obj(o);
        json_knum(o, "id", e->id);
        json_ktime(o, "timestamp", e->ts_ms);
        json_kstr(o, "tenant", e->tenant);
        json_kstr(o, "model", e->model);
        json_kusd(o, "usd", e->usd);
        json_kstr(o, "reason", e->text);
        json_obj_end(o);
    }
    json_arr_end(o);
}

static void write_report(struct run *x, struct buf *out)
{
    static const char *const missing[] = {"budgets", "usage",      "budget",
                                          "headers", "max_tokens", "source_ip"};
    struct json_out o;
    json_out_init(&o, out);
    json_obj(&o);
    json_ktime(&o, "from", x->r->from_ms);
    json_ktime(&o, "to", x->r->to_ms);
    json_knum(&o, "rows", x->rows);
    json_kusd(&o, "usd", x->usd);
    json_knum(&o, "alreadyBlocked", x->already);
    json_knum(&o, "denied", x->denied);
    json_kusd(&o, "deniedUsd", x->denied_usd);
    json_knum(&o, "errors", x->errors);
    json_kstr_null(&o, "error",
                   x->error.n > 0 ? x->error : (struct slice){NULL, 0});
    write_groups(&o, "reasons", "reason", &x->reasons);
    write_groups(&o, "tenants", "tenant", &x->tenants);
    write_examples(&o, x);
    json_key(&o, "missing");
    json_arr(&o);
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        json_str(&o, slice_str(missing[i]));
    json_arr_end(&o);
    json_kbool(&o, "truncated", x->truncated);
    json_obj_end(&o);
}

enum status replay_run(const struct replay *r, struct buf *out, struct err *err)
{
    struct run *x = xcalloc(1, sizeof *x);
    const struct entry_filter f = {.tenant_id = r->tenant_id,
                                   .tenant = r->tenant,
                                   .from_ms = r->from_ms,
                                   .to_ms = r->to_ms};
    x->r = r;
    x->until_us = clock_mono_us() + TIME_MAX_US;
    arena_init(&x->scratch, SCRATCH_MAX);
    arena_init(&x->kept, KEPT_MAX);
    enum status st = query_stream(r->db, &f, on_row, x, err);
    if (st == OK)
        write_report(x, out);
    arena_release(&x->scratch);
    arena_release(&x->kept);
    free(x);
    return st;
}

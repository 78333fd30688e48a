/* admit.c - from a described call to one admission in the counters.
 *
 * The catalog says which budgets match, window_at which stretch of time each
 * counts in, the counters decide all of them in one transaction together with
 * the rate.  What is refused is explained here, in the order of contract 1.4:
 * session, then tenant/key/user/model/global, then tags, then parent tags.
 */
#include "guard/admit.h"

#include <stdio.h>

#include "base/crypt.h"
#include "base/log.h"
#include "guard/window.h"
#include "price/cost.h"

/* of a session without a budget that must be counted all the same: it never
 * refuses */
#define SESSION_COUNTED INT64_MAX
#define WINDOWS_FIRST 8  /* most calls touch fewer budgets */
#define WINDOWS_MAX 1024 /* 160 tags with every period; more is refused */

/* A budget in play and how it came to match. */
struct entry {
    const struct budget *budget;
    struct slice tag_name;
    bool parent_tag;
    struct window window;
};

struct gathering {
    struct admit *a;
    struct entry *entries;
    struct counter_window *windows;
    int n, cap;
    bool overflow;
    struct budget session; /* the implicit budget of the session */
};

/* ---- what applies ------------------------------------------------------- */

/* Room for one more; false at the limit. */
static bool grow(struct gathering *g)
{
    if (g->n < g->cap)
        return true;
    int cap = g->cap == 0 ? WINDOWS_FIRST : g->cap * 4;
    if (g->n >= WINDOWS_MAX)
        return false;
    struct entry *e = arena_try(g->a->arena, (size_t)cap * sizeof *e);
    struct counter_window *w = arena_try(g->a->arena, (size_t)cap * sizeof *w);
    if (e == NULL || w == NULL)
        return false;
    if (g->n > 0) {
        memcpy(e, g->entries, (size_t)g->n * sizeof *e);
        memcpy(w, g->windows, (size_t)g->n * sizeof *w);
    }
    g->entries = e;
    g->windows = w;
    g->cap = cap;
    return true;
}

static void add(struct gathering *g, const struct budget *b,
                struct slice tag_name, bool parent_tag, bool is_session)
{
    struct window w;
    if (!window_at(b, g->a->guard->zone, g->a->now_ms, &w))
        return;
    if (!grow(g)) {
        g->overflow = true;
        return;
    }
    g->entries[g->n] = (struct entry){b, tag_name, parent_tag, w};
    struct counter_window *c = &g->windows[g->n++];
    *c = (struct counter_window){.budget = b->id,
                                 .start_ms = w.start_ms,
                                 .end_ms = w.end_ms,
                                 .amount = b->amount,
                                 .hard = !b->soft,
                                 .is_session = is_session};
    if (b->period == PERIOD_ROLLING) {
        c->step_ms = window_step_ms(b->rolling_ms);
        c->width_ms = b->rolling_ms;
        c->start_ms = w.end_ms - c->step_ms;
    }
}

static void on_match(void *arg, const struct budget *b, struct slice tag_name,
                     bool parent_tag)
{
    add(arg, b, tag_name, parent_tag, false);
}

static uint64_t session_counter(int64_t tenant_id, struct slice id)
{
    return snapshot_session_counter(tenant_id, id);
}

static void gather(struct gathering *g, const struct event *e)
{
    struct admit *a = g->a;
    const struct call *c = a->call;
    if (c->session.n > 0) {
        g->session =
            (struct budget){.id = session_counter(c->tenant_id, c->session),
                            .scope = SCOPE_SESSION,
                            .tenant_id = c->tenant_id,
                            .scope_id = c->session,
                            .period = PERIOD_TOTAL,
                            .active = true};
        add(g, &g->session, (struct slice){NULL, 0}, false, true);
    }
    const struct budget_query q = {.tenant = a->tenant,
                                   .key_id = c->key_id,
                                   .tags = e->tags,
                                   .tag_count = e->tag_count,
                                   .session = c->session,
                                   .user = c->user,
                                   .model = c->model};
    snapshot_budgets(a->snapshot, &q, on_match, g);
}

/* Resolves X-Tags into the event's tags (with ancestors); names that do not
 * exist go to `missing`. */
static bool resolve_tags(struct admit *a, struct slice *missing,
                         int64_t *session_budget)
{
    const struct call *c = a->call;
    struct buf names;
    bool ok = true;
    *session_budget = -1;
    if (c->tag_count == 0)
        return true;
    a->event->tags =
        arena_alloc(a->arena, EVENT_TAGS_MAX * sizeof *a->event->tags);
    buf_init(&names, 8192);
    for (int i = 0; i < c->tag_count; i++)
        if (!snapshot_tag(a->tenant, c->tags[i], a->event, session_budget)) {
            if (!ok)
                buf_str(&names, ", ");
            buf_slice(&names, c->tags[i]);
            ok = false;
        }
    // the snapshot may change before the row is written
    for (int i = 0; i < a->event->tag_count; i++) {
        struct event_tag *t = &a->event->tags[i];
        t->name = arena_dup(a->arena, t->name);
        t->path = arena_dup(a->arena, t->path);
    }
    if (!ok)
        *missing = arena_dup(a->arena, buf_get(&names));
    buf_release(&names);
    return ok;
}

/* ---- explaining --------------------------------------------------------- */

static struct slice printable_id(struct arena *a, const struct budget *b)
{
    if (b->scope == SCOPE_GLOBAL)
        return (struct slice){NULL, 0};
    if (b->scope == SCOPE_TENANT)
        return arena_int(a, b->tenant_id);
    if (b->scope == SCOPE_KEY || b->scope == SCOPE_TAG)
        return arena_int(a, b->object_id);
    return b->scope_id;
}

/* Order of contract 1.4. */
static int rank(const struct entry *e)
{
    if (e->budget->scope == SCOPE_SESSION)
        return 0;
    if (e->budget->scope != SCOPE_TAG)
        return 1;
    return e->parent_tag ? 3 : 2;
}

static enum refusal refusal_of(int r)
{
    static const enum refusal by_rank[] = {R_SESSION_BUDGET, R_BUDGET,
                                           R_TAG_BUDGET, R_PARENT_TAG_BUDGET};
    return by_rank[r];
}

/* When a rolling window next lets spend go is not known: its end is named. */
static int64_t resets_at(const struct entry *e)
{
    return e->window.end_ms;
}

static void explain_one(struct admit *a, struct verdict *v,
                        const struct entry *e, const struct counter_window *w,
                        int64_t needed)
{
    if (v->scope_count == VERDICT_SCOPES_MAX)
        return;
    const struct budget *b = e->budget;
    v->scopes[v->scope_count++] = (struct verdict_scope){
        .scope = b->scope,
        .period = b->period,
        .rolling_ms = b->rolling_ms,
        .scope_id = printable_id(a->arena, b),
        .parent_tag = e->parent_tag,
        .wide = b->scope == SCOPE_GLOBAL ||
                (b->scope == SCOPE_MODEL && b->tenant_id == 0),
        .amount = w->amount,
        .spent = w->spent,
        .held = w->held,
        .needed = needed,
        .resets_ms = resets_at(e),
    };
}

static void append_name(struct buf *names, struct slice name)
{
    struct slice have = buf_get(names);
    while (have.p != NULL && have.n > 0) { // each tag once
        struct slice one = slice_trim(slice_cut(&have, ','));
        if (slice_eq(one, name))
            return;
    }
    if (names->n > 0)
        buf_str(names, ", ");
    buf_slice(names, name);
}

static void explain(struct gathering *g, const struct admission *ad,
                    struct verdict *v)
{
    struct buf names;
    int first = -1;
    buf_init(&names, 8192);
    int64_t needed = cost_hold(&g->a->call->worst, ad->out_tokens);
    for (int r = 0; r < 4; r++)
        for (int i = 0; i < g->n; i++) {
            if (rank(&g->entries[i]) != r || g->windows[i].fits ||
                !g->windows[i].hard)
                continue;
            if (first < 0)
                first = r;
            if (first >= 2 && r == first)
                append_name(&names, g->entries[i].tag_name);
            explain_one(g->a, v, &g->entries[i], &g->windows[i],
                        ad->metered ? needed : 0);
        }
    v->refusal = refusal_of(first < 0 ? 1 : first);
    if (names.n > 0)
        v->message = arena_dup(g->a->arena, buf_get(&names));
    buf_release(&names);
}

/* ---- the rate ----------------------------------------------------------- */

static int64_t or_default(int64_t own, int64_t dflt)
{
    return own >= 0 ? own : dflt;
}

static void set_rate(const struct admit *a, struct counter_rate *r)
{
    const struct guard *g = a->guard;
    r->tenant_id = a->tenant->id;
    r->max_requests =
        or_default(a->tenant->rate_limit_per_min, g->max_reqs_per_min);
    r->max_tokens =
        or_default(a->tenant->tokens_per_min, g->max_tokens_per_min);
    r->max_concurrent =
        or_default(a->tenant->max_concurrent, g->max_concurrent);
}

static void answer_rate(const struct admission *ad, struct verdict *v)
{
    v->rate = (struct verdict_rate){ad->rate.max_requests, ad->rate.remaining,
                                    ad->rate.reset_s};
    v->retry_after_s = ad->rate.retry_after_s > 0 ? ad->rate.retry_after_s : 1;
    switch (ad->result) {
    case ADMIT_RATE_REQUESTS:
        v->kind = "requests";
        v->kind_limit = ad->rate.max_requests;
        break;
    case ADMIT_RATE_TOKENS:
        v->kind = "tokens";
        v->kind_limit = ad->rate.max_tokens;
        break;
    case ADMIT_RATE_CONCURRENCY:
        v->kind = "concurrency";
        v->kind_limit = ad->rate.max_concurrent;
        break;
    case ADMIT_OK:
    case ADMIT_BUDGET:
    case ADMIT_FULL:
        return;
    }
    v->refusal = R_RATE_LIMIT;
}

/* ---- admission ---------------------------------------------------------- */

static void set_cost(const struct admit *a, struct admission *ad)
{
    const struct call *c = a->call;
    const struct worst *w = &c->worst;
    ad->metered = c->klass == ROUTE_METERED;
    if (!ad->metered)
        return;
    ad->fixed_pico = w->fixed_pico;
    ad->out_pico = w->out_pico;
    ad->out_tokens = a->limit_sent > 0 && a->limit_sent < w->out_tokens
                         ? a->limit_sent
                         : w->out_tokens;
    ad->may_clamp =
        c->max_output < 0 && c->output_is_limitable && w->out_pico > 0;
    ad->min_tokens = a->guard->min_completion_tokens;
    if (ad->min_tokens > ad->out_tokens)
        ad->min_tokens = ad->out_tokens;
    ad->rate_tokens = c->input_bound + ad->out_tokens * c->choices;
}

static enum status run(struct admit *a, struct admission *ad,
                       struct gathering *g, struct verdict *v, struct err *err)
{
    const struct guard *guard = a->guard;
    if (guard->storage_ok != NULL && !guard->storage_ok(guard->storage_arg))
        return err_set(err, E_IO, "admit", "storage cannot be written");
    enum status st = counters_admit(guard->counters, ad, err);
    if (st != OK)
        return st;
    if (ad->result == ADMIT_FULL)
        return err_set(err, E_TOO_BIG, "admit", "queue of rows is full");
    answer_rate(ad, v);
    if (ad->result == ADMIT_BUDGET)
        explain(g, ad, v);
    if (ad->result == ADMIT_OK) {
        v->hold_id = ad->hold_id;
        v->hold_nano = ad->hold_nano;
        if (ad->metered && ad->out_tokens_granted < ad->out_tokens)
            v->clamp_tokens = ad->out_tokens_granted;
    }
    return OK;
}

/* What the policy is shown. */
static void list_budgets(struct gathering *g)
{
    struct admit *a = g->a;
    a->budgets = arena_try(a->arena, (size_t)(g->n + 1) * sizeof *a->budgets);
    for (int i = 0; a->budgets != NULL && i < g->n; i++) {
        const struct counter_window *w = &g->windows[i];
        const struct budget *b = g->entries[i].budget;
        // a session without a budget
        if (w->amount < 0 || (b == &g->session && w->amount == SESSION_COUNTED))
            continue;
        if (b == &g->session) {
            struct budget *kept = arena_try(a->arena, sizeof *kept);
            if (kept == NULL)
                continue;
            *kept = *b;
            b = kept;
        }
        a->budgets[a->budget_count++] = (struct admit_budget){
            b, g->entries[i].window, w->amount, w->spent, w->held};
    }
}

enum status admit_rate(struct admit *a, struct verdict *v, struct err *err)
{
    struct admission ad = {
        .now_ms = a->now_ms, .rate_only = true, .slot = a->slot};
    *v = (struct verdict){0};
    set_rate(a, &ad.rate);
    return run(a, &ad, NULL, v, err);
}

enum status admit_call(struct admit *a, struct verdict *v, struct err *err)
{
    struct slice missing = {NULL, 0};
    struct admission ad = {.now_ms = a->now_ms, .slot = a->slot};
    *v = (struct verdict){0};
    if (!resolve_tags(a, &missing, &ad.session.tag_budget)) {
        enum status st = admit_rate(a, v, err);
        if (st == OK && v->refusal == R_NONE) {
            v->refusal = R_UNKNOWN_TAG;
            v->message = missing;
        }
        return st;
    }
    struct gathering g = {.a = a};
    set_rate(a, &ad.rate);
    set_cost(a, &ad);
    if (ad.metered || a->exhausted_check_only)
        gather(&g, a->event);
    if (g.overflow)
        return err_set(err, E_TOO_BIG, "admit", "too many budgets match");
    ad.session.id = a->call->session;
    ad.session.default_budget = a->tenant->default_session_budget;
    if (ad.session.default_budget < 0 && a->tenant->caps_sessions)
        ad.session.default_budget = SESSION_COUNTED;
    ad.windows = g.windows;
    ad.window_count = g.n;
    // the skeleton keeps the input's part of the bound for CRASH_SETTLE=input
    struct event skeleton = *a->event;
    skeleton.usd = money_ceil(ad.fixed_pico);
    skeleton.price_version = a->call->worst.price_version;
    skeleton.basis = (enum price_basis)a->call->worst.basis;
    ad.skeleton = &skeleton;
    enum status st = run(a, &ad, &g, v, err);
    if (st == OK && v->refusal == R_NONE && a->want_budgets)
        list_budgets(&g);
    return st;
}

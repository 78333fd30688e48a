/* analytics.c - what a tenant spent under its tags: by tag, by day, as a tree,
 * and how the tags' budgets stand (contract 4.3).
 *
 * `usage` of a tag is what it was put on directly; `totalUsage` in the tree is
 * the subtree's; the top-level totals count a request once.  Tags nobody
 * spent under are left out of `usage`; what was spent under tags that were
 * deleted since shows in the totals and in the ledger only.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/zone.h"
#include "control/control.h"
#include "control/handlers.h"
#include "control/usage.h"
#include "guard/window.h"
#include "http/query.h"
#include "ledger/rows.h"
#include "ledger/tagsum.h"

#define DAYS_DEFAULT 30
#define DAYS_MAX 365
#define DAYS_ROOM 4000
#define TAGS_MAX 10000

/* A tag that is looked at. */
struct node {
    const struct tag_row *tag;
    struct tag_use *use;
};

struct view {
    struct request *r;
    struct tag_row *tags;
    int tag_count;
    struct node *nodes;  /* by level, then name, as the rows come */
    struct node *sorted; /* room for as many */
    int64_t *ids;        /* theirs */
    struct tag_use *uses;
    int n;
    bool chosen; /* some tags, not all */
    struct budget_row *budgets;
    int budget_count;
    int64_t from_ms, to_ms;
    int64_t *edges; /* of the days; days + 1 of them */
    struct tagged *days;
    int day_count;
    int64_t total, requests;
};

/* ---- what is asked for -------------------------------------------------- */

/* The ids of ?tagId=1&tagId=2; false: answered.  `*n` 0: all tags. */
static bool read_ids(struct request *r, int64_t *ids, int *n)
{
    struct slice rest = r->query, name, value;
    *n = 0;
    while (rest.p != NULL && query_next(&rest, &name, &value, &r->arena)) {
        if (!slice_is(name, "tagId"))
            continue;
        if (*n == TAGS_MAX || !money_scan(value, 0, &ids[*n]) || ids[*n] < 1) {
            request_fail(r, 400, "Invalid tag ID", "invalid_id");
            return false;
        }
        (*n)++;
    }
    return true;
}

static bool select_tags(struct view *v)
{
    struct request *r = v->r;
    int wanted;
    size_t room = (size_t)(v->tag_count > 0 ? v->tag_count : 1);
    int64_t *ids = arena_try(&r->arena, TAGS_MAX * sizeof *ids);
    v->nodes = arena_try(&r->arena, room * sizeof *v->nodes);
    v->sorted = arena_try(&r->arena, room * sizeof *v->sorted);
    v->ids = arena_try(&r->arena, room * sizeof *v->ids);
    v->uses = arena_try(&r->arena, room * sizeof *v->uses);
    if (ids == NULL || v->nodes == NULL || v->sorted == NULL ||
        v->ids == NULL || v->uses == NULL) {
        request_fail(r, 503, "Service unavailable", "storage_unavailable");
        return false;
    }
    if (!read_ids(r, ids, &wanted))
        return false;
    v->chosen = wanted > 0;
    for (int k = 0; k < wanted; k++) {
        bool found = false;
        for (int i = 0; i < v->tag_count; i++)
            found |= v->tags[i].id == ids[k];
        if (!found) {
            request_fail(r, 404, "Tag not found", "not_found");
            return false;
        }
    }
    for (int i = 0; i < v->tag_count; i++) {
        bool in = wanted == 0;
        for (int k = 0; k < wanted; k++)
            in |= v->tags[i].id == ids[k];
        if (!in)
            continue;
        v->uses[v->n] = (struct tag_use){.tag_id = v->tags[i].id};
        v->nodes[v->n] = (struct node){&v->tags[i], &v->uses[v->n]};
        v->n++;
    }
    return true;
}

/* The local midnights from the day of `from` to that of the last instant. */
static bool cut_days(struct view *v)
{
    struct request *r = v->r;
    const struct zone *z = control_conf(r->control)->zone;
    v->edges = arena_alloc(&r->arena, (DAYS_ROOM + 1) * sizeof *v->edges);
    v->days = arena_alloc(&r->arena, DAYS_ROOM * sizeof *v->days);
    memset(v->days, 0, DAYS_ROOM * sizeof *v->days);
    v->edges[0] = v->from_ms;
    for (int64_t at = v->from_ms; at < v->to_ms;) {
        if (v->day_count == DAYS_ROOM) {
            request_fail(r, 400, "Date range too long", "invalid_date");
            return false;
        }
        int64_t next = usage_day(z, at, 1);
        at = next < v->to_ms ? next : v->to_ms;
        v->edges[++v->day_count] = at;
    }
    return true;
}

static enum status gather(struct view *v, struct err *err)
{
    const struct control_conf *c = control_conf(v->r->control);
    const struct budget_filter f = {
        .tenant_id = v->r->id[0], .scoped = true, .scope = SCOPE_TAG};
    enum status st = tagsum_each(c->db, v->r->id[0], v->from_ms, v->to_ms,
                                 v->uses, v->n, err);
    // only tags with use can add; no row nets below 0, so 0 is none at all
    int used = 0;
    for (int i = 0; st == OK && i < v->n; i++)
        if (v->uses[i].direct != 0 || v->uses[i].requests != 0)
            v->ids[used++] = v->uses[i].tag_id;
    if (st == OK && (used > 0 || !v->chosen))
        st = tagsum_days(c->db, &v->r->arena, v->r->id[0], v->ids,
                         v->chosen ? used : 0, v->edges, v->day_count, v->days,
                         err);
    if (st == OK)
        st = rows_budgets(c->db, &v->r->arena, &f, &v->budgets,
                          &v->budget_count, err);
    for (int i = 0; st == OK && i < v->day_count; i++) {
        v->total = money_add(v->total, v->days[i].usd);
        v->requests += v->days[i].requests;
    }
    return st;
}

/* ---- writing ------------------------------------------------------------ */

static int by_use(const void *a, const void *b)
{
    const struct node *x = a, *y = b;
    int c =
        (y->use->direct > x->use->direct) - (y->use->direct < x->use->direct);
    return c != 0 ? c : (x->tag->id > y->tag->id) - (x->tag->id < y->tag->id);
}

static void write_usage(struct view *v, struct json_out *o)
{
    struct node *sorted = v->sorted;
    for (int i = 0; i < v->n; i++)
        sorted[i] = v->nodes[i];
    if (v->n > 1)
        qsort(sorted, (size_t)v->n, sizeof *sorted, by_use);
    json_key(o, "usage");
    json_arr(o);
    for (int i = 0; i < v->n; i++) {
        const struct tag_row *t = sorted[i].tag;
        const struct tag_use *u = sorted[i].use;
        if (u->direct == 0 && u->requests == 0)
            continue;
        json_obj(o);
        json_knum(o, "tagId", t->id);
        json_kstr(o, "tagName", t->name);
        json_kstr(o, "path", t->path);
        json_kusd_num(o, "usage", u->direct);
        json_knum(o, "requests", u->requests);
        usage_percent(v->r, o, u->direct, v->total);
        if (t->color.p != NULL)
            json_kstr(o, "color", t->color);
        json_obj_end(o);
    }
    json_arr_end(o);
}

static const struct node *node_of(const struct view *v, int64_t tag_id)
{
    for (int i = 0; i < v->n; i++)
        if (v->nodes[i].tag->id == tag_id)
            return &v->nodes[i];
    return NULL;
}

static int64_t spent_now(const struct view *v, const struct budget *b)
{
    const struct control_conf *c = control_conf(v->r->control);
    struct counter_window w;
    struct err err;
    if (!db_window(c->db, b, v->r->now_ms, &w) ||
        counters_peek(c->counters, &w, v->r->now_ms, &err) != OK)
        return 0;
    return w.spent;
}

/* 90 % of the amount is critical, 70 % a warning; an amount of 0 is used up. */
static const char *status_of(int64_t spent, int64_t amount)
{
    int128 hundredfold = (int128)spent * 100;
    if (amount <= 0 || hundredfold >= (int128)amount * 90)
        return "critical";
    return hundredfold >= (int128)amount * 70 ? "warning" : "healthy";
}

/* Returns how many are critical. */
static int write_health(struct view *v, struct json_out *o)
{
    int critical = 0;
    json_key(o, "budgetHealth");
    json_arr(o);
    for (int i = 0; i < v->budget_count; i++) {
        const struct budget_row *row = &v->budgets[i];
        const struct node *at = node_of(v, row->b.object_id);
        char weight[MONEY_TEXT];
        if (at == NULL || !row->b.active)
            continue;
        int64_t spent = spent_now(v, &row->b);
        const char *status = status_of(spent, row->b.amount);
        critical += status[0] == 'c';
        json_obj(o);
        json_knum(o, "tagId", at->tag->id);
        json_kstr(o, "tagName", at->tag->name);
        json_knum(o, "budgetId", (int64_t)row->b.id);
        json_kstr(o, "period", slice_str(window_period_name(row->b.period)));
        json_kusd_num(o, "budget", row->b.amount);
        json_kusd_num(o, "usage", spent);
        usage_percent(v->r, o, spent, row->b.amount);
        size_t n = money_format(row->weight_milli * 1000000, weight);
        json_key(o, "weight");
        json_raw(o, slice(weight, n));
        json_kstr(o, "inheritanceMode",
                  row->inheritance.n > 0 ? row->inheritance : SLICE("LENIENT"));
        json_kstr(o, "status", slice_str(status));
        json_obj_end(o);
    }
    json_arr_end(o);
    return critical;
}

static void write_trends(struct view *v, struct json_out *o)
{
    const struct zone *z = control_conf(v->r->control)->zone;
    json_key(o, "trends");
    json_arr(o);
    for (int i = 0; i < v->day_count; i++) {
        char date[CLOCK_TEXT];
        int64_t at = v->edges[i];
        size_t n =
            clock_format_date(at + (int64_t)zone_offset(z, at) * 1000, date);
        json_obj(o);
        json_kstr(o, "date", slice(date, n));
        json_kusd_num(o, "usage", v->days[i].usd);
        json_knum(o, "requests", v->days[i].requests);
        json_obj_end(o);
    }
    json_arr_end(o);
}

/* One tag and those below it; the depth is TENANT_TAG_DEPTH at most, which
 * rows_tag_add sees to. */
static void write_tree(struct view *v, // NOLINT(misc-no-recursion)
                       struct json_out *o, const struct node *at, int depth)
{
    const struct budget_row *first = NULL;
    for (int i = v->budget_count - 1; i >= 0; i--)
        if (v->budgets[i].b.object_id == at->tag->id && v->budgets[i].b.active)
            first = &v->budgets[i];
    json_obj(o);
    json_knum(o, "id", at->tag->id);
    json_kstr(o, "name", at->tag->name);
    json_kstr(o, "path", at->tag->path);
    json_kusd_num(o, "usage", at->use->direct);
    json_kusd_num(o, "totalUsage", at->use->subtree);
    if (first != NULL)
        json_kusd_num(o, "budget", first->b.amount);
    json_key(o, "children");
    json_arr(o);
    for (int i = 0; i < v->n && depth < TENANT_TAG_DEPTH; i++)
        if (v->nodes[i].tag->parent_id == at->tag->id)
            write_tree(v, o, &v->nodes[i], depth + 1);
    json_arr_end(o);
    json_obj_end(o);
}

static void write_all(struct view *v)
{
    struct json_out o;
    int active = 0;
    request_json(v->r, &o);
    json_obj(&o);
    write_usage(v, &o);
    int critical = write_health(v, &o);
    write_trends(v, &o);
    json_key(&o, "hierarchy");
    json_arr(&o);
    for (int i = 0; i < v->n; i++) {
        active += v->nodes[i].tag->active;
        if (node_of(v, v->nodes[i].tag->parent_id) == NULL)
            write_tree(v, &o, &v->nodes[i], 0);
    }
    json_arr_end(&o);
    json_kusd_num(&o, "totalUsage", v->total);
    json_knum(&o, "totalRequests", v->requests);
    json_knum(&o, "activeTags", active);
    json_knum(&o, "criticalBudgets", critical);
    json_obj_end(&o);
}

void analytics_tags(struct request *r)
{
    struct view v = {.r = r};
    struct err err;
    int64_t days;
    if (!usage_tenant(r) ||
        !request_query_int(r, "days", 1, DAYS_MAX, DAYS_DEFAULT, &days) ||
        !usage_range(r, DAYS_DEFAULT, &v.from_ms, &v.to_ms) || !cut_days(&v))
        return;
    enum status st = rows_tags(control_conf(r->control)->db, &r->arena,
                               r->id[0], &v.tags, &v.tag_count, &err);
    if (st == OK) {
        if (!select_tags(&v))
            return;
        st = gather(&v, &err);
    }
    if (st != OK)
        request_fault(r, st, &err);
    else
        write_all(&v);
}

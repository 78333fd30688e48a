/* detect.c - see detect.h.
 *
 * A threshold is passed by a settlement, and every settlement leaves a row in
 * the ledger; so it is enough to look at the budgets of tenants that got rows.
 * The row's own time tells the window it was booked in: one that is passed in
 * the last instant of its window, or before a crash, is found all the same.
 *
 * Invariants
 *  D1  `seen` only moves behind rows whose budgets were looked at, and it is
 *      stored after their alerts are: a crash repeats a look, never skips one.
 *  D2  An alert is unique per budget, window and threshold in the store
 *      (raised_add), so looking twice raises once.
 *  D3  A rolling window moves with every bucket; there "once per window" means
 *      no second alert while the bucket of the first lies in the window.
 */
#include "alert/detect.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "ledger/names.h"
#include "ledger/rows.h"

#define ROWS_PER_LOOK 5000
#define STORE_EVERY_MS 5000 /* how often `seen` is stored */
#define OLD_MS 86400000LL   /* a window that ended before that is history */
#define SEEN "alerts_seen"

struct detect {
    struct detect_conf conf;
    int64_t seen, stored, stored_ms;
    const struct snapshot *known; // the catalog all budgets were looked at in
    int64_t all_at_ms, all_took_ms;
};

struct look {
    struct detect *d;
    const struct snapshot *s;
    int64_t ts_ms, now_ms;
    int raised;
    enum status st;
    struct err *err;
};

/* ---- one budget --------------------------------------------------------- */

static void put_scope(struct buf *out, const struct snapshot *s,
                      const struct budget *b)
{
    struct json_out o;
    char id[24];
    const struct tenant *t = snapshot_tenant(s, b->tenant_id);
    const struct tenant_tag *tag = t != NULL && b->scope == SCOPE_TAG
                                       ? tenant_tag_id(t, b->object_id)
                                       : NULL;
    bool numbered = b->scope == SCOPE_KEY || b->scope == SCOPE_TAG;
    struct slice name = b->scope_id;
    int n = snprintf(id, sizeof id, "%lld",
                     (long long)(numbered ? b->object_id : b->tenant_id));
    struct slice sid = numbered || b->scope == SCOPE_TENANT
                           ? slice(id, (size_t)n)
                           : b->scope_id;
    if (b->scope == SCOPE_GLOBAL)
        sid = name = (struct slice){NULL, 0};
    else if (b->scope == SCOPE_TENANT)
        name = t != NULL ? t->name : sid;
    else if (numbered)
        name = tag != NULL ? tag->name : sid;
    json_out_init(&o, out);
    json_obj(&o);
    json_kstr(&o, "kind", names_of(NAMES_SCOPE, (int)b->scope));
    json_kstr_null(&o, "id", sid);
    if (b->tenant_id != 0)
        json_knum(&o, "tenantId", b->tenant_id);
    else
        json_knull(&o, "tenantId");
    json_kstr_null(&o, "name", name);
    json_obj_end(&o);
}

static void note(const struct look *l, const struct alert_row *a)
{
    const struct slice labels[4] = {a->period};
    log_line(LOG_WARN, "budget threshold reached", LF_N("alert", a->id),
             LF_N("budget", a->budget_id), LF_N("tenant_id", a->tenant_id),
             LF_S("period", a->period), LF_N("threshold", a->threshold),
             LF_N("spent_nano", a->spent), LF_N("amount_nano", a->amount));
    metric_add(l->d->conf.metrics, M_ALERTS, labels, 1);
}

static void raise_one(struct look *l, const struct budget *b,
                      const struct counter_window *w, int threshold)
{
    const struct detect_conf *c = &l->d->conf;
    struct buf scope;
    bool fresh;
    buf_init(&scope, 1u << 16);
    put_scope(&scope, l->s, b);
    struct alert_row a = {.ts_ms = l->now_ms,
                          .budget_id = (int64_t)b->id,
                          .window_start = w->start_ms,
                          .scope = buf_get(&scope),
                          .period = names_of(NAMES_PERIOD, (int)b->period),
                          .threshold = threshold,
                          .spent = w->spent,
                          .amount = b->amount,
                          .tenant_id = b->tenant_id};
    // D3
    int64_t since = w->width_ms > 0 ? w->end_ms - w->width_ms : w->start_ms;
    l->st = raised_add(c->db, &a, since, c->channels, c->channel_count, &fresh,
                       l->err);
    if (l->st == OK && fresh) {
        l->raised++;
        note(l, &a);
    }
    buf_release(&scope);
}

static void look_at(struct look *l, const struct budget *b)
{
    const struct detect_conf *c = &l->d->conf;
    bool own = b->threshold_count >= 0;
    const int *t = own ? b->thresholds : c->thresholds;
    int n = own ? b->threshold_count : c->threshold_count;
    struct counter_window w;
    if (l->st != OK || n == 0 || !db_window(c->db, b, l->ts_ms, &w) ||
        w.end_ms <= l->now_ms - OLD_MS)
        return;
    l->st = counters_peek(c->counters, &w, l->ts_ms, l->err);
    for (int i = 0; i < n && l->st == OK && w.spent > 0; i++) {
        if ((int128)w.spent * 100 < (int128)b->amount * t[i])
            break; // ascending
        raise_one(l, b, &w, t[i]);
    }
}

/* ---- which budgets ------------------------------------------------------ */

static bool look_at_tenant(void *arg, const struct tenant *t)
{
    struct look *l = arg;
    for (int i = 0; i < t->budget_count; i++)
        look_at(l, &t->budgets[i]);
    return l->st == OK;
}

static void look_at_wide(struct look *l)
{
    int n;
    const struct budget *b = snapshot_wide(l->s, &n);
    for (int i = 0; i < n; i++)
        look_at(l, &b[i]);
}

static void on_touched(void *arg, int64_t tenant_id, int64_t ts_ms)
{
    struct look *l = arg;
    const struct tenant *t = snapshot_tenant(l->s, tenant_id);
    l->ts_ms = ts_ms;
    if (t != NULL)
        (void)look_at_tenant(l, t);
    look_at_wide(l);
}

/* After the catalog changed: an amount may have been lowered.  With very many
 * budgets not more than a twentieth of the time goes into this. */
static void look_at_all(struct look *l)
{
    struct detect *d = l->d;
    if (l->s == d->known || l->now_ms < d->all_at_ms + 20 * d->all_took_ms)
        return;
    int64_t began_us = clock_mono_us();
    l->ts_ms = l->now_ms;
    look_at_wide(l);
    snapshot_each(l->s, look_at_tenant, l);
    if (l->st != OK)
        return;
    snapshot_unref(&d->known);
    d->known = snapshot_ref(l->s);
    d->all_at_ms = l->now_ms;
    d->all_took_ms = (clock_mono_us() - began_us) / 1000;
}

static enum status store_seen(struct detect *d, struct err *err)
{
    if (d->stored == d->seen)
        return OK;
    enum status st = rows_setting_set(d->conf.db, SEEN, d->seen, err);
    if (st == OK)
        d->stored = d->seen;
    return st;
}

enum status detect_look(struct detect *d, int64_t now_ms, int *raised,
                        struct err *err)
{
    struct look l = {.d = d,
                     .s = catalog_ref(d->conf.catalog),
                     .now_ms = now_ms,
                     .err = err};
    int64_t upto = d->seen, before;
    look_at_all(&l);
    do {
        before = d->seen;
        if (l.st != OK)
            break;
        enum status st = raised_touched(d->conf.db, before, ROWS_PER_LOOK,
                                        on_touched, &l, &upto, err);
        l.st = l.st == OK ? st : l.st;
        if (l.st == OK)
            d->seen = upto; // D1
    } while (d->seen - before == ROWS_PER_LOOK);
    if (l.st == OK &&
        (l.raised > 0 || now_ms - d->stored_ms >= STORE_EVERY_MS ||
         now_ms < d->stored_ms)) {
        l.st = store_seen(d, err);
        d->stored_ms = now_ms;
    }
    snapshot_unref(&l.s);
    *raised = l.raised;
    return l.st;
}

/* ---- life --------------------------------------------------------------- */

enum status detect_new(const struct detect_conf *conf, struct detect **out,
                       struct err *err)
{
    struct detect *d = xcalloc(1, sizeof *d);
    d->conf = *conf;
    enum status st = rows_setting(conf->db, SEEN, &d->seen, err);
    if (st == E_NOT_FOUND) // the first time: what was spent shows in the look
        st = raised_last_row(conf->db, &d->seen, err);
    else
        d->stored = d->seen;
    *out = d;
    if (st != OK) {
        free(d);
        *out = NULL;
    }
    return st;
}

void detect_free(struct detect **dp)
{
    struct detect *d = *dp;
    struct err err;
    *dp = NULL;
    if (d == NULL)
        return;
    if (store_seen(d, &err) != OK)
        log_line(LOG_WARN, "alerts: place not stored", LF_C("error", err.text));
    snapshot_unref(&d->known);
    free(d);
}

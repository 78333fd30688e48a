/* alerts.c - alerts that were raised, and a test of the channels. */
#include "alert/alert.h"
#include "control/control.h"
#include "control/handlers.h"
#include "ledger/raised.h"
#include "ledger/rows.h"

#define LIMIT_MAX 1000

static void ktime_or_null(struct json_out *o, const char *key, int64_t ms)
{
    if (ms <= 0)
        json_knull(o, key);
    else
        json_ktime(o, key, ms);
}

static void write_delivery(struct json_out *o, const struct delivery_row *d)
{
    static const char *const states[] = {[DELIVERY_PENDING] = "pending",
                                         [DELIVERY_DONE] = "delivered",
                                         [DELIVERY_FAILED] = "failed"};
    bool pending = d->state == DELIVERY_PENDING;
    json_obj(o);
    json_kstr(o, "channel", d->channel);
    json_kstr(o, "state", slice_str(states[d->state]));
    json_knum(o, "attempts", d->attempts);
    ktime_or_null(o, "nextAttemptAt", pending ? d->next_ms : 0);
    ktime_or_null(o, "deliveredAt", d->delivered_ms);
    json_kstr_null(o, "lastError", d->last_error);
    json_obj_end(o);
}

static void write_alert(struct json_out *o, const struct alert_row *a,
                        const struct delivery_row *d, int n)
{
    json_obj(o);
    json_knum(o, "id", a->id);
    json_ktime(o, "ts", a->ts_ms);
    if (a->budget_id < 0) // of the environment
        json_knull(o, "budgetId");
    else
        json_knum(o, "budgetId", a->budget_id);
    json_key(o, "scope");
    json_raw(o, a->scope);
    json_kstr(o, "period", a->period);
    ktime_or_null(o, "windowStart", a->window_start);
    json_knum(o, "threshold", a->threshold);
    json_kusd(o, "spentUsd", a->spent);
    json_kusd(o, "amountUsd", a->amount);
    json_key(o, "deliveries");
    json_arr(o);
    for (int i = 0; i < n; i++)
        if (d[i].alert.id == a->id)
            write_delivery(o, &d[i]);
    json_arr_end(o);
    json_obj_end(o);
}

void alerts_list(struct request *r)
{
    struct db *db = control_conf(r->control)->db;
    struct alert_row *rows;
    struct delivery_row *d = NULL;
    struct json_out o;
    struct err err;
    int64_t tenant, limit, before;
    int n = 0, count = 0;
    if (!request_query_int(r, "tenantId", 1, INT64_MAX, 0, &tenant) ||
        !request_query_int(r, "limit", 1, LIMIT_MAX, 100, &limit) ||
        !request_query_int(r, "cursor", 1, INT64_MAX, 0, &before))
        return;
    enum status st =
        raised_list(db, &r->arena, tenant, before, (int)limit, &rows, &n, &err);
    if (st == OK && n > 0)
        st = raised_deliveries(db, &r->arena, tenant, rows[n - 1].id,
                               rows[0].id, &d, &count, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    json_key(&o, "data");
    json_arr(&o);
    for (int i = 0; i < n; i++) {
        // both are sorted by id, the alerts newest first
        while (count > 0 && d[count - 1].alert.id > rows[i].id)
            count--;
        int first = count;
        while (first > 0 && d[first - 1].alert.id == rows[i].id)
            first--;
        write_alert(&o, &rows[i], d != NULL ? d + first : NULL, count - first);
    }
    json_arr_end(&o);
    struct slice next = {NULL, 0};
    if (n == limit)
        next = arena_printf(&r->arena, "%lld", (long long)rows[n - 1].id);
    json_kstr_null(&o, "nextCursor", next);
    json_obj_end(&o);
}

/* Sends to one channel and writes how that went. */
static void try_one(struct request *r, struct json_out *o, int i,
                    const char *name)
{
    const struct control_conf *c = control_conf(r->control);
    struct err err;
    enum status st = alert_test(c->alert, i, &err);
    json_obj(o);
    json_kstr(o, "channel", slice_str(name));
    json_kbool(o, "delivered", st == OK);
    if (st == OK)
        json_knull(o, "error");
    else
        json_kstr(o, "error", slice_str(err.text));
    json_obj_end(o);
}

void alerts_test(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    const struct json *want = json_get(r->json, "channel");
    struct slice name = json_text(want, (struct slice){NULL, 0});
    struct json_out o;
    struct err err;
    int n = 0, hits = 0;
    const char *const *names = // no threads, no channels: a run offline
        c->alert != NULL ? alert_channels(c->alert, &n) : NULL;
    for (int i = 0; i < n; i++)
        hits += name.p == NULL || slice_is(name, names[i]);
    if (hits == 0 || (want != NULL && name.p == NULL)) {
        request_fail(r, 400,
                     n == 0 ? "No alert channel is configured"
                            : "Unknown alert channel",
                     "invalid_channel");
        return;
    }
    enum status st =
        rows_note(c->db, control_admin, 0, "alert.test", "channels", hits,
                  name.p != NULL ? name : SLICE("all"), &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    json_key(&o, "results");
    json_arr(&o);
    for (int i = 0; i < n; i++)
        if (name.p == NULL || slice_is(name, names[i]))
            try_one(r, &o, i, names[i]);
    json_arr_end(&o);
    json_obj_end(&o);
}

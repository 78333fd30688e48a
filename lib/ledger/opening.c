/* opening.c - see opening.h.
 *
 * Spent of a window = rows of the ledger + rows of the outbox that the ledger
 * does not have yet.  Both are read under db->lock (so the sequence reached
 * cannot move) and under the counters' writer lock (so nothing settles).
 */
#include "ledger/opening.h"

#include "base/mem.h"
#include "catalog/budget.h"
#include "ledger/sum.h"

static const struct event_tag *tag_of(const struct event *e, int64_t id)
{
    for (int i = 0; i < e->tag_count; i++)
        if (e->tags[i].id == id)
            return &e->tags[i];
    return NULL;
}

bool opening_matches(const struct budget *b, const struct event *e)
{
    if (b->tenant_id != 0 && b->tenant_id != e->tenant_id)
        return false;
    switch (b->scope) {
    case SCOPE_GLOBAL:
    case SCOPE_TENANT:
        return true;
    case SCOPE_KEY:
        return e->key_id == b->object_id;
    case SCOPE_TAG: {
        const struct event_tag *t = tag_of(e, b->object_id);
        return t != NULL && (t->direct || !b->direct_only);
    }
    case SCOPE_SESSION:
        return e->session.n > 0 && slice_eq(e->session, b->scope_id);
    case SCOPE_USER:
        return e->user.n > 0 && slice_eq(e->user, b->scope_id);
    case SCOPE_MODEL:
        return budget_model_matches(b->scope_id, e->model);
    }
    return false;
}

struct opening {
    struct db *db;
    const struct budget *b;
    int64_t now_ms;
    struct counter_window w; /* the piece being summed */
    int64_t from, to, sum;
};

static bool pending(void *arg, uint64_t seq, const struct event *e)
{
    struct opening *o = arg;
    (void)seq;
    if (e->ts_ms >= o->from && e->ts_ms < o->to && opening_matches(o->b, e))
        o->sum = money_add(o->sum, e->usd);
    return true;
}

static bool lacks(void *arg, const struct counter_hold *h)
{
    struct opening *o = arg;
    for (int i = 0; i < h->window_count; i++)
        if (h->windows[i].budget == o->b->id)
            return false;
    return h->skeleton != NULL && h->skeleton->ts_ms >= o->from &&
           h->skeleton->ts_ms < o->to && opening_matches(o->b, h->skeleton);
}

static enum status piece(struct opening *o, struct counters_txn *t,
                         uint64_t drained, struct err *err)
{
    struct sum s = {0};
    enum status st = sum_budget(o->db->w, o->b, o->from, o->to, &s, err);
    o->sum = s.usd;
    if (st == OK)
        st = counters_txn_outbox(t, drained, pending, o, err);
    if (st == OK && (o->sum != 0 || o->w.width_ms == 0))
        st = counters_txn_set(t, &o->w, o->sum, err);
    return st;
}

static enum status set(void *arg, struct counters_txn *t, struct err *err)
{
    struct opening *o = arg;
    int64_t drained = 0;
    enum status st =
        store_number(o->db->w, "SELECT value FROM setting WHERE name='drained'",
                     0, &drained, err);
    if (st == OK && !db_window(o->db, o->b, o->now_ms, &o->w))
        return OK;
    struct counter_window newest = o->w;
    if (o->w.width_ms == 0) {
        o->from = o->w.start_ms;
        o->to = o->w.end_ms;
        if (st == OK)
            st = piece(o, t, (uint64_t)drained, err);
    } else { // bucket by bucket, the oldest first
        int64_t first = newest.start_ms - newest.width_ms;
        for (int64_t at = first; st == OK && at <= newest.start_ms;
             at += newest.step_ms) {
            o->w.start_ms = o->from = at;
            o->w.end_ms = o->to = at + newest.step_ms;
            st = piece(o, t, (uint64_t)drained, err);
        }
        o->from = newest.start_ms;
        o->w = newest;
    }
    return st == OK ? counters_txn_attach(t, &newest, lacks, o, err) : st;
}

enum status opening_set(struct db *db, const struct budget *b, int64_t now_ms,
                        struct err *err)
{
    struct opening o = {.db = db, .b = b, .now_ms = now_ms};
    if (db->conf.counters == NULL)
        return OK;
    return counters_exclusive(db->conf.counters, set, &o, err);
}

static enum status drop(void *arg, struct counters_txn *t, struct err *err)
{
    const uint64_t *id = arg;
    return counters_txn_drop(t, *id, err);
}

enum status opening_drop(struct db *db, uint64_t budget_id, struct err *err)
{
    if (db->conf.counters == NULL)
        return OK;
    return counters_exclusive(db->conf.counters, drop, &budget_id, err);
}

/* counters_model.c - random operations on the store and on a naive model.
 *
 * After every step the two must agree: every window's spent and held, every
 * admission's verdict and hold, the rows, the open holds.  The seed is printed
 * when it fails; SEED=n repeats it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "counters/counters.h"

#define BUDGETS 6
#define WINDOWS 4096
#define HOLDS 512
#define STEPS 6000
#define TENANTS 3
#define CALLS 20000
#define MINUTE 60000
#define ROLL_WIDTH (10 * MINUTE)

static char dir[] = "/tmp/bg-counters-model-XXXXXX";
static uint64_t rng;
static uint64_t seed0;

static uint64_t next(uint64_t n)
{
    rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
    return (rng >> 11) % n;
}

struct m_window {
    uint64_t budget;
    int64_t start, end, spent, held;
};
struct m_hold {
    uint64_t id;
    int64_t amount, tenant;
    uint32_t slot;
    bool sent;
    struct counter_window w[BUDGETS];
    int n;
};
struct m_call {
    int64_t tenant, second;
};
struct model {
    struct counters *c;
    int64_t now;
    int64_t limit[BUDGETS];
    struct m_window win[WINDOWS]; /* rolling: one per bucket */
    int wins;
    int64_t roll_held[BUDGETS];
    int64_t roll_newest[BUDGETS];
    struct m_hold hold[HOLDS];
    int holds;
    struct m_call call[CALLS];
    int calls;
    int64_t rows, row_usd;
    int64_t custom, tag; /* of the one session */
    int refused, clamped, admitted, limited;
};

/* budgets 0-2 calendar hourly, 3 soft unending, 4 rolling, 5 session */
static bool rolling(int b)
{
    return b == 4;
}

static struct counter_window window_of(const struct model *m, int b)
{
    struct counter_window w = {.budget = (uint64_t)b + 1,
                               .amount = m->limit[b],
                               .hard = b != 3,
                               .is_session = b == 5};
    int64_t hour = 60 * MINUTE;
    if (rolling(b)) {
        w.start_ms = m->now / MINUTE * MINUTE;
        w.end_ms = w.start_ms + MINUTE;
        w.width_ms = ROLL_WIDTH;
        w.step_ms = MINUTE;
    } else if (b < 3) {
        w.start_ms = m->now / hour * hour;
        w.end_ms = w.start_ms + hour;
    } else {
        w.end_ms = INT64_MAX;
    }
    return w;
}

static struct m_window *cell(struct model *m, const struct counter_window *w)
{
    for (int i = 0; i < m->wins; i++)
        if (m->win[i].budget == w->budget && m->win[i].start == w->start_ms)
            return &m->win[i];
    assert_true(m->wins < WINDOWS);
    m->win[m->wins] =
        (struct m_window){w->budget, w->start_ms, w->end_ms, 0, 0};
    return &m->win[m->wins++];
}

static int64_t m_spent(struct model *m, const struct counter_window *w)
{
    if (w->width_ms == 0)
        return cell(m, w)->spent;
    int b = (int)w->budget - 1;
    if (w->start_ms > m->roll_newest[b])
        m->roll_newest[b] = w->start_ms;
    int64_t sum = 0;
    for (int i = 0; i < m->wins; i++)
        if (m->win[i].budget == w->budget &&
            m->win[i].start >= m->roll_newest[b] - w->width_ms)
            sum += m->win[i].spent;
    return sum;
}

static int64_t *m_held(struct model *m, const struct counter_window *w)
{
    return w->width_ms != 0 ? &m->roll_held[w->budget - 1] : &cell(m, w)->held;
}

static int m_rate(const struct model *m, int64_t tenant, int64_t *oldest)
{
    int n = 0;
    *oldest = INT64_MAX;
    for (int i = 0; i < m->calls; i++)
        if (m->call[i].tenant == tenant &&
            m->call[i].second > m->now / 1000 - 61) {
            n++;
            if (m->call[i].second < *oldest)
                *oldest = m->call[i].second;
        }
    return n;
}

static void check_windows(struct model *m)
{
    struct err err;
    for (int b = 0; b < BUDGETS; b++) {
        struct counter_window w = window_of(m, b);
        int64_t newest = m->roll_newest[b];
        int64_t spent = m_spent(m, &w);
        m->roll_newest[b] = newest; // looking moves nothing
        assert_int_equal(counters_peek(m->c, &w, m->now, &err), OK);
        assert_int_equal(w.spent, spent);
        assert_int_equal(w.held, *m_held(m, &w));
        int64_t held = 0;
        for (int i = 0; i < m->holds; i++)
            for (int j = 0; j < m->hold[i].n; j++)
                if (m->hold[i].w[j].budget == w.budget &&
                    (w.width_ms != 0 || m->hold[i].w[j].start_ms == w.start_ms))
                    held += m->hold[i].amount;
        assert_int_equal(w.held, held); // held = sum of live holds
    }
    assert_int_equal(counters_holds_open(m->c), m->holds);
    assert_int_equal(counters_outbox_depth(m->c), m->rows);
}

static struct event row(struct model *m, int64_t usd)
{
    return (struct event){.request_id = "00112233445566778899aabbccddeeff",
                          .ts_ms = m->now,
                          .tenant_id = 1,
                          .tenant = SLICE("t"),
                          .route = SLICE("/v1/x"),
                          .method = SLICE("POST"),
                          .usd = usd,
                          .status = EVENT_SUCCESS,
                          .ttft_ms = -1};
}

static void op_admit(struct model *m)
{
    if (m->holds == HOLDS)
        return;
    struct err err;
    struct counter_window w[BUDGETS];
    int n = 0;
    for (int b = 0; b < BUDGETS; b++)
        if (next(3) != 0)
            w[n++] = window_of(m, b);
    int64_t asked_tag = next(4) == 0 ? (int64_t)next(4000000) : -1;
    struct event skeleton = row(m, 0);
    struct admission a = {
        .now_ms = m->now,
        .rate = {.tenant_id = 1 + (int64_t)next(TENANTS), .max_requests = 40},
        .session = {SLICE("session"), asked_tag, m->limit[5]},
        .windows = w,
        .window_count = n,
        .metered = true,
        .fixed_pico = (int128)next(200000) * 997,
        .out_pico = (int64_t)next(20000),
        .out_tokens = 1 + (int64_t)next(50000),
        .min_tokens = 16,
        .may_clamp = next(2) == 0,
        .skeleton = &skeleton};
    assert_int_equal(counters_slot_take(m->c, &a.slot), OK);
    int64_t oldest;
    int counted = m_rate(m, a.rate.tenant_id, &oldest);
    assert_int_equal(counters_admit(m->c, &a, &err), OK);
    if (counted >= 40) {
        assert_int_equal(a.result, ADMIT_RATE_REQUESTS);
        assert_int_equal(a.rate.reset_s,
                         ((oldest + 61) * 1000 - m->now + 999) / 1000);
        counters_slot_give(m->c, a.slot);
        m->limited++;
        return;
    }
    assert_int_equal(a.rate.remaining, 39 - counted);
    assert_true(m->calls < CALLS);
    m->call[m->calls++] = (struct m_call){a.rate.tenant_id, m->now / 1000};
    // the naive answer: try every hold from the wanted one downwards
    int64_t tag = m->tag, session;
    if (asked_tag >= 0 && (tag < 0 || asked_tag < tag))
        tag = asked_tag;
    session = m->custom >= 0 ? m->custom : tag >= 0 ? tag : m->limit[5];
    int64_t room = INT64_MAX;
    bool full = false;
    for (int i = 0; i < n; i++) {
        int64_t used = m_spent(m, &w[i]) + *m_held(m, &w[i]);
        int64_t amount = w[i].is_session ? session : w[i].amount;
        if (w[i].is_session && session < 0)
            continue;
        if (!w[i].hard)
            continue;
        full = full || used >= amount;
        if (amount - used < room)
            room = amount - used;
    }
    int64_t got = -1;
    for (int64_t t = a.out_tokens; !full && t >= 0; t--) {
        int128 hold = (a.fixed_pico + (int128)a.out_pico * t + 999) / 1000;
        if (hold <= room) {
            got = t;
            break;
        }
        if (!a.may_clamp || t <= a.min_tokens)
            break;
    }
    if (got < 0) {
        assert_int_equal(a.result, ADMIT_BUDGET);
        counters_slot_give(m->c, a.slot);
        m->refused++;
        return;
    }
    assert_int_equal(a.result, ADMIT_OK);
    assert_int_equal(a.out_tokens_granted, got);
    m->clamped += got != a.out_tokens;
    m->admitted++;
    m->tag = tag;
    struct m_hold *h = &m->hold[m->holds++];
    *h = (struct m_hold){.id = a.hold_id,
                         .amount = a.hold_nano,
                         .tenant = a.rate.tenant_id,
                         .slot = a.slot};
    for (int i = 0; i < m->holds - 1; i++)
        assert_true(m->hold[i].id != a.hold_id);
    for (int i = 0; i < n; i++) {
        if (w[i].is_session && session < 0)
            continue;
        *m_held(m, &w[i]) += a.hold_nano;
        if (w[i].hard)
            assert_true(m_spent(m, &w[i]) + *m_held(m, &w[i]) <= w[i].amount);
        h->w[h->n++] = w[i];
    }
    if (next(2) == 0) {
        counters_mark_sent(m->c, h->slot, h->id);
        h->sent = true;
    }
}

static void m_settle(struct model *m, int at, int64_t usd)
{
    struct m_hold h = m->hold[at];
    for (int i = 0; i < h.n; i++) {
        *m_held(m, &h.w[i]) -= h.amount;
        int b = (int)h.w[i].budget - 1;
        (void)m_spent(m, &h.w[i]);
        if (!rolling(b) ||
            h.w[i].start_ms >= m->roll_newest[b] - h.w[i].width_ms)
            cell(m, &h.w[i])->spent += usd;
    }
    m->rows++;
    m->row_usd += usd;
    m->hold[at] = m->hold[--m->holds];
}

static void op_settle(struct model *m)
{
    struct err err;
    if (m->holds == 0)
        return;
    int at = (int)next((uint64_t)m->holds);
    struct m_hold h = m->hold[at];
    int64_t usd =
        next(20) == 0 ? h.amount + 5 : (int64_t)next((uint64_t)h.amount + 1);
    struct event e = row(m, usd);
    struct counter_window out[BUDGETS];
    struct settlement s = {.hold_id = h.id,
                           .usd = usd,
                           .tokens = -1,
                           .event = &e,
                           .windows = out,
                           .window_cap = BUDGETS};
    assert_int_equal(counters_settle(m->c, &s, &err), OK);
    m_settle(m, at, usd);
    assert_int_equal(s.window_count, h.n);
    for (int i = 0; i < h.n; i++)
        assert_int_equal(out[i].held, *m_held(m, &out[i]));
    counters_slot_give(m->c, h.slot);
    assert_int_equal(counters_settle(m->c, &s, &err), E_NOT_FOUND);
}

static void op_charge(struct model *m)
{
    struct err err;
    int b = (int)next(BUDGETS);
    struct counter_window w = window_of(m, b);
    int64_t usd = (int64_t)next(2000) - 500;
    struct event e = row(m, usd);
    char id[24];
    int n = snprintf(id, sizeof id, "e%llu",
                     (unsigned long long)(m->rows + m->row_usd));
    enum status s =
        counters_charge(m->c, &w, 1, &e, slice(id, (size_t)n), &err);
    if (s == E_EXISTS)
        return;
    assert_int_equal(s, OK);
    (void)m_spent(m, &w);
    cell(m, &w)->spent += usd;
    m->rows++;
    m->row_usd += usd;
    assert_int_equal(
        counters_charge(m->c, &w, 1, &e, slice(id, (size_t)n), &err), E_EXISTS);
}

struct sum {
    int64_t n, usd;
    uint64_t last;
};

static bool add_row(void *arg, uint64_t seq, const struct event *e)
{
    struct sum *s = arg;
    assert_true(seq > s->last);
    s->last = seq;
    s->n++;
    s->usd += e->usd;
    return true;
}

static void op_drain(struct model *m)
{
    struct err err;
    struct sum s = {0};
    assert_int_equal(counters_outbox_read(m->c, 0, 1000000, add_row, &s, &err),
                     OK);
    assert_int_equal(s.n, m->rows);
    assert_int_equal(s.usd, m->row_usd);
    if (next(2) == 0)
        return;
    assert_int_equal(counters_outbox_trim(m->c, s.last, &err), OK);
    m->rows = m->row_usd = 0;
}

static void orphan(void *arg, const struct counter_hold *h, struct event *r,
                   int64_t *usd)
{
    struct model *m = arg;
    for (int i = 0; i < m->holds; i++)
        if (m->hold[i].id == h->id) {
            assert_int_equal(h->amount, m->hold[i].amount);
            assert_int_equal(h->sent, m->hold[i].sent);
            assert_int_equal(h->window_count, m->hold[i].n);
            assert_true(slice_is(h->skeleton->route, "/v1/x"));
            *usd = h->sent ? h->amount : 0;
            r->status = EVENT_INTERRUPTED;
            m_settle(m, i, *usd);
            return;
        }
    fail();
}

static void reopen(struct model *m)
{
    struct err err = {0};
    struct counters_conf conf = {
        .dir = dir, .sync_interval_ms = 100, .map_bytes = 1 << 20};
    if (counters_open(&conf, &m->c, &err) != OK)
        fail_msg("%s", err.text);
}

static void op_restart(struct model *m)
{
    struct err err;
    int n, open = m->holds;
    counters_close(&m->c);
    reopen(m);
    check_windows(m);
    assert_int_equal(counters_recover(m->c, orphan, m, &n, &err), OK);
    assert_int_equal(n, open);
    assert_int_equal(m->holds, 0);
}

struct attaching {
    struct model *m;
    struct counter_window w;
};

static bool to_all(void *arg, const struct counter_hold *h)
{
    struct attaching *a = arg;
    for (int i = 0; i < a->m->holds; i++)
        if (a->m->hold[i].id == h->id) {
            struct m_hold *mh = &a->m->hold[i];
            for (int j = 0; j < mh->n; j++) // not asked for those in it
                assert_true(mh->w[j].budget != a->w.budget ||
                            mh->w[j].start_ms != a->w.start_ms);
            mh->w[mh->n++] = a->w;
            *m_held(a->m, &a->w) += h->amount;
            return true;
        }
    fail();
    return false;
}

/* Deletes a budget and opens it again with what was spent. */
static enum status rebuild(void *arg, struct counters_txn *t, struct err *err)
{
    struct attaching *a = arg;
    struct model *m = a->m;
    int64_t spent = cell(m, &a->w)->spent;
    enum status s = counters_txn_drop(t, a->w.budget, err);
    for (int i = 0; i < m->wins; i++)
        if (m->win[i].budget == a->w.budget)
            m->win[i].spent = m->win[i].held = 0;
    for (int i = 0; i < m->holds; i++) {
        struct m_hold *h = &m->hold[i];
        int kept = 0;
        for (int j = 0; j < h->n; j++)
            if (h->w[j].budget != a->w.budget)
                h->w[kept++] = h->w[j];
        h->n = kept;
    }
    if (s == OK)
        s = counters_txn_set(t, &a->w, spent, err);
    cell(m, &a->w)->spent = spent;
    if (s == OK)
        s = counters_txn_attach(t, &a->w, to_all, a, err);
    return s;
}

static void op_rebuild(struct model *m)
{
    struct err err;
    struct attaching a = {m, window_of(m, (int)next(3))};
    assert_int_equal(counters_exclusive(m->c, rebuild, &a, &err), OK);
}

static void op_session(struct model *m)
{
    struct err err;
    m->custom = next(2) == 0 ? -1 : (int64_t)next(3000000);
    for (int64_t t = 1; t <= TENANTS; t++)
        assert_int_equal(counters_session_set(m->c, t, SLICE("session"),
                                              m->custom, m->tag, &err),
                         OK);
}

static void op_clock(struct model *m)
{
    uint64_t kind = next(30);
    if (kind == 0)
        m->now += (int64_t)next(4000000);
    else if (kind < 6)
        m->now += (int64_t)next(120000);
    else
        m->now += (int64_t)next(2000);
}

static void store_agrees_with_the_model(void **state)
{
    (void)state;
    struct model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    assert_non_null(mkdtemp(dir));
    m->now = 1795000000000;
    m->custom = m->tag = -1;
    for (int b = 0; b < BUDGETS; b++)
        m->limit[b] = (int64_t)(2000000 + next(6000000));
    if (next(4) == 0)
        m->limit[5] = -1;
    reopen(m);
    // the session's tag budget is per tenant in the store: keep them the same
    for (int step = 0; step < STEPS; step++) {
        uint64_t op = next(100);
        int64_t tag = m->tag;
        if (op < 42)
            op_admit(m);
        else if (op < 78)
            op_settle(m);
        else if (op < 84)
            op_charge(m);
        else if (op < 86)
            op_drain(m);
        else if (op < 87)
            op_session(m);
        else if (op < 88)
            op_rebuild(m);
        else if (op < 89 && next(4) == 0)
            op_restart(m);
        else
            op_clock(m);
        if (m->tag != tag) {
            struct err err;
            for (int64_t t = 1; t <= TENANTS; t++)
                assert_int_equal(counters_session_set(m->c, t, SLICE("session"),
                                                      m->custom, m->tag, &err),
                                 OK);
        }
        check_windows(m);
    }
    printf("admitted %d clamped %d refused %d rate-limited %d\n", m->admitted,
           m->clamped, m->refused, m->limited);
    assert_true(m->admitted > 0 && m->clamped > 0 && m->refused > 0);
    op_restart(m);
    counters_close(&m->c);
    free(m);
}

static int cleanup(void **state)
{
    (void)state;
    static const char *const names[] = {"data.mdb", "lock.mdb", "owner",
                                        "sent.map"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
    return 0;
}

int main(void)
{
    const char *s = getenv("SEED");
    seed0 = s != NULL ? strtoull(s, NULL, 10)
                      : (uint64_t)time(NULL) * 2654435761u + (uint64_t)getpid();
    if (seed0 == 0)
        seed0 = 1;
    rng = seed0;
    printf("SEED=%llu\n", (unsigned long long)seed0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(store_agrees_with_the_model, cleanup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

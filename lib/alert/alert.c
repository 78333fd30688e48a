/* alert.c - see alert.h.
 *
 * The watcher beats four times a second; what it raises is in the store
 * before a courier hears of it, and couriers work from the store alone.  So
 * there is nothing to lose: after a crash they find what is pending.
 *
 * A courier that could not note a success would send again and again; it then
 * rests, and the receiver sees the same X-BudgetGuard-Delivery twice.
 */
#include "alert/alert.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "alert/detect.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"

#define BEAT_MS 250
#define BATCH 16
#define FIRST_PAUSE_MS 1000  /* doubled each time ... */
#define LAST_PAUSE_MS 900000 /* ... up to a quarter of an hour */
#define GIVE_UP_MS (3 * 86400000LL)
#define REST_MS 5000 /* after a fault of the store */
#define ARENA_MAX (4u << 20)

struct courier {
    struct alert *alert;
    int channel;
    struct post *post;
    pthread_t thread;
    bool running;
};

struct alert {
    struct alert_conf conf;
    int thresholds[BUDGET_THRESHOLDS], threshold_count;
    struct channels *channels;
    struct detect *detect;
    struct courier couriers[CHANNELS_MAX];
    pthread_t watcher;
    bool watching;
    pthread_mutex_t lock; // guards what follows
    pthread_cond_t changed;
    bool stop;
    uint64_t raised; // how often something was
};

int alert_thresholds(const char *text, int out[static BUDGET_THRESHOLDS])
{
    struct slice rest = slice_str(text);
    int n = 0;
    if (slice_trim(rest).n == 0)
        return 0;
    while (rest.p != NULL) {
        int64_t v;
        if (n == BUDGET_THRESHOLDS ||
            !money_scan(slice_trim(slice_cut(&rest, ',')), 0, &v) || v < 1 ||
            v > 1000)
            return -1;
        int at = n++;
        for (; at > 0 && out[at - 1] > v; at--)
            out[at] = out[at - 1];
        out[at] = (int)v;
        if (at > 0 && out[at - 1] == v)
            return -1;
    }
    return n;
}

/* ---- waiting ------------------------------------------------------------ */

/* Waits until something is raised beyond `*heard` or `ms` are over (-1: no
 * end); true: stop. */
static bool wait(struct alert *a, uint64_t *heard, int64_t ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_mutex_lock(&a->lock);
    while (!a->stop && a->raised == *heard) {
        if (ms < 0)
            (void)pthread_cond_wait(&a->changed, &a->lock);
        else if (pthread_cond_timedwait(&a->changed, &a->lock, &until) != 0)
            break;
    }
    *heard = a->raised;
    bool stop = a->stop;
    (void)pthread_mutex_unlock(&a->lock);
    return stop;
}

/* ---- the watcher -------------------------------------------------------- */

static void *watch(void *arg)
{
    struct alert *a = arg;
    struct err err;
    bool failing = false;
    uint64_t heard = 0;
    // a look at 100,000 tenants must not be felt by the loops
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
    do {
        int raised = 0;
        enum status st = detect_look(a->detect, clock_now_ms(), &raised, &err);
        if (st != OK && !failing)
            log_line(LOG_ERROR, "alerts cannot be looked for",
                     LF_C("error", err.text));
        failing = st != OK;
        if (raised > 0) {
            (void)pthread_mutex_lock(&a->lock);
            heard = ++a->raised;
            (void)pthread_cond_broadcast(&a->changed);
            (void)pthread_mutex_unlock(&a->lock);
        }
    } while (!wait(a, &heard, failing ? REST_MS : BEAT_MS));
    return NULL;
}

/* ---- a courier ---------------------------------------------------------- */

/* Half of a pause that doubles, and a random part of the other half. */
static int64_t pause_ms(int64_t attempts)
{
    int64_t shift = attempts < 20 ? attempts - 1 : 19;
    int64_t ms = (int64_t)FIRST_PAUSE_MS << (shift > 0 ? shift : 0);
    uint32_t r;
    ms = ms < LAST_PAUSE_MS ? ms : LAST_PAUSE_MS;
    crypt_random(&r, sizeof r);
    return ms / 2 + (int64_t)r % (ms / 2 + 1);
}

static void count(const struct courier *c, const char *result)
{
    int n;
    const struct slice labels[4] = {
        slice_str(channels_names(c->alert->channels, &n)[c->channel]),
        slice_str(result)};
    metric_add(c->alert->conf.metrics, M_ALERT_DELIVERIES, labels, 1);
}

static void note_failure(const struct courier *c, struct delivery_row *d,
                         const struct err *why, int64_t now)
{
    d->last_error = slice_str(why->text);
    d->next_ms = now + pause_ms(d->attempts);
    if (now - d->alert.ts_ms >= GIVE_UP_MS)
        d->state = DELIVERY_FAILED;
    log_line(LOG_WARN,
             d->state == DELIVERY_FAILED ? "alert given up"
                                         : "alert not delivered; again later",
             LF_S("channel", d->channel), LF_N("alert", d->alert.id),
             LF_N("attempts", d->attempts), LF_C("error", why->text));
    count(c, d->state == DELIVERY_FAILED ? "given_up" : "retry");
}

/* Tries one; false: the store refused to note how it went, or a stop. */
static bool deliver(struct courier *c, struct delivery_row *d)
{
    struct alert *a = c->alert;
    struct err err, fault;
    const struct notice m = {&d->alert, d->id, clock_now_ms()};
    enum status st = channels_send(a->channels, c->channel, c->post, &m, &err);
    int64_t now = clock_now_ms();
    (void)FAULT("alert.sent");
    if (st == E_BUSY)
        return false; // stopped half-way: it counts as not tried
    d->attempts++;
    if (st == OK) {
        d->state = DELIVERY_DONE;
        d->delivered_ms = now;
        d->last_error = (struct slice){NULL, 0};
        log_line(LOG_INFO, "alert delivered", LF_S("channel", d->channel),
                 LF_N("alert", d->alert.id), LF_N("attempts", d->attempts));
        count(c, "delivered");
    } else {
        note_failure(c, d, &err, now);
    }
    if (raised_note(a->conf.db, d, &fault) == OK)
        return true;
    log_line(LOG_ERROR, "delivery of an alert not noted",
             LF_C("error", fault.text));
    return false;
}

/* Delivers what is due; how long to wait for the next, -1: none is left. */
static int64_t round_of(struct courier *c, struct arena *arena)
{
    struct alert *a = c->alert;
    struct delivery_row *d;
    struct err err;
    int n, names;
    struct slice name =
        slice_str(channels_names(a->channels, &names)[c->channel]);
    if (raised_pending(a->conf.db, arena, name, BATCH, &d, &n, &err) != OK)
        return REST_MS;
    for (int i = 0; i < n; i++) {
        int64_t left = d[i].next_ms - clock_now_ms();
        if (left > 0)
            return left;
        if (!deliver(c, &d[i]))
            return REST_MS;
    }
    return n > 0 ? 0 : -1; // again: a retry may be next, or more than a batch
}

static void *run(void *arg)
{
    struct courier *c = arg;
    uint64_t heard = 0;
    int64_t ms;
    do {
        struct arena arena;
        arena_init(&arena, ARENA_MAX);
        ms = round_of(c, &arena);
        arena_release(&arena);
    } while (!wait(c->alert, &heard, ms));
    return NULL;
}

/* ---- life --------------------------------------------------------------- */

static enum status start_threads(struct alert *a, struct err *err)
{
    int n;
    const char *const *names = channels_names(a->channels, &n);
    const struct detect_conf conf = {.db = a->conf.db,
                                     .counters = a->conf.counters,
                                     .catalog = a->conf.catalog,
                                     .metrics = a->conf.metrics,
                                     .thresholds = a->thresholds,
                                     .threshold_count = a->threshold_count,
                                     .channels = names,
                                     .channel_count = n};
    enum status st = detect_new(&conf, &a->detect, err);
    for (int i = 0; i < n && st == OK; i++) {
        struct courier *c = &a->couriers[i];
        c->alert = a;
        c->channel = i;
        if ((st = post_new(&c->post, err)) != OK)
            break;
        int rc = pthread_create(&c->thread, NULL, run, c);
        c->running = rc == 0;
        if (rc != 0)
            st = err_sys(err, rc, "alert", "no thread");
    }
    if (st != OK)
        return st;
    int rc = pthread_create(&a->watcher, NULL, watch, a);
    a->watching = rc == 0;
    return rc == 0 ? OK : err_sys(err, rc, "alert", "no thread");
}

/* The configuration's part of `a`. */
static enum status read_conf(struct alert *a, const struct alert_conf *conf,
                             struct err *err)
{
    a->conf = *conf;
    a->threshold_count = alert_thresholds(conf->thresholds, a->thresholds);
    if (a->threshold_count < 0)
        return err_set(err, E_INVALID, "config",
                       "ALERT_THRESHOLDS: not a list of at most %d different "
                       "percents like 50,80,100",
                       BUDGET_THRESHOLDS);
    return channels_new(&conf->channels, &a->channels, err);
}

enum status alert_check(const struct alert_conf *conf, struct err *err)
{
    struct alert a = {0};
    enum status st = read_conf(&a, conf, err);
    channels_free(&a.channels);
    return st;
}

enum status alert_start(const struct alert_conf *conf, struct alert **out,
                        struct err *err)
{
    struct alert *a = xcalloc(1, sizeof *a);
    pthread_condattr_t attr;
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&a->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    enum status st = read_conf(a, conf, err);
    if (st == OK)
        st = start_threads(a, err);
    if (st != OK)
        alert_stop(&a);
    *out = a;
    return st;
}

void alert_stop(struct alert **ap)
{
    struct alert *a = *ap;
    *ap = NULL;
    if (a == NULL)
        return;
    (void)pthread_mutex_lock(&a->lock);
    a->stop = true;
    (void)pthread_cond_broadcast(&a->changed);
    (void)pthread_mutex_unlock(&a->lock);
    if (a->watching)
        (void)pthread_join(a->watcher, NULL);
    for (int i = 0; i < CHANNELS_MAX; i++) {
        struct courier *c = &a->couriers[i];
        if (c->post != NULL)
            post_cancel(c->post);
        if (c->running)
            (void)pthread_join(c->thread, NULL);
        post_free(&c->post);
    }
    detect_free(&a->detect);
    channels_free(&a->channels);
    (void)pthread_cond_destroy(&a->changed);
    (void)pthread_mutex_destroy(&a->lock);
    free(a);
}

const char *const *alert_channels(const struct alert *a, int *n)
{
    return channels_names(a->channels, n);
}

enum status alert_test(const struct alert *a, int channel, struct err *err)
{
    const struct notice m = {NULL, 0, clock_now_ms()};
    struct post *post;
    enum status st = post_new(&post, err);
    if (st != OK)
        return st;
    st = channels_send(a->channels, channel, post, &m, err);
    post_free(&post);
    return st;
}

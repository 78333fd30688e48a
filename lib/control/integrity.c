/* integrity.c - see integrity.h.
 *
 * A slice is one job of the pool, and each slice queues the next: the pool has
 * few threads, and a ledger of ten million rows takes a minute.
 */
#include "control/integrity.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypt.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/control.h"
#include "control/handlers.h"
#include "ledger/prove.h"
#include "ledger/rows.h"

#define SLICE_ROWS 20000 /* some 50 ms */
#define HEX (32 * 2 + 1)

struct integrity {
    pthread_mutex_t lock; /* guards all below; `proof` while not running */
    bool running, stop, failed;
    int64_t started_ms, finished_ms; /* 0: never */
    struct proof seen;               /* what readers are shown */
    struct proof proof;              /* the running job's own */
    struct control *control;
};

struct integrity *integrity_new(void)
{
    struct integrity *i = xcalloc(1, sizeof *i);
    pthread_mutex_init(&i->lock, NULL);
    return i;
}

void integrity_stop(struct integrity *i)
{
    pthread_mutex_lock(&i->lock);
    i->stop = true;
    pthread_mutex_unlock(&i->lock);
}

void integrity_free(struct integrity **ip)
{
    struct integrity *i = *ip;
    *ip = NULL;
    if (i == NULL)
        return;
    pthread_mutex_destroy(&i->lock);
    free(i);
}

static void finish(struct integrity *i, bool failed)
{
    i->running = false;
    i->failed = failed;
    i->finished_ms = clock_now_ms();
}

static void log_result(const struct integrity *i)
{
    if (i->seen.bad == 0)
        return;
    log_line(LOG_ERROR, "the ledger's chain is broken",
             LF_N("rows", i->seen.bad), LF_N("first", i->seen.first_bad_id));
}

/* On the pool: one slice, and the next one queued. */
static void run_slice(void *arg)
{
    struct integrity *i = arg;
    struct err err;
    enum status st =
        prove_some(control_conf(i->control)->db, &i->proof, SLICE_ROWS, &err);
    pthread_mutex_lock(&i->lock);
    i->seen = i->proof;
    bool more = st == OK && !i->proof.done && !i->stop;
    if (st != OK)
        log_line(LOG_ERROR, "the ledger could not be read",
                 LF_C("error", err.text));
    if (!more) {
        finish(i, st != OK || !i->proof.done);
        log_result(i);
    }
    pthread_mutex_unlock(&i->lock);
    if (!more || control_run(i->control, run_slice, i) == OK)
        return;
    pthread_mutex_lock(&i->lock);
    finish(i, true);
    pthread_mutex_unlock(&i->lock);
}

/* ---- routes ------------------------------------------------------------- */

static void khash(struct json_out *o, const char *key, const uint8_t *hash)
{
    char text[HEX];
    crypt_hex(hash, 32, text);
    json_kstr(o, key, slice_str(text));
}

static void ktime_or_null(struct json_out *o, const char *key, int64_t ms)
{
    if (ms > 0)
        json_ktime(o, key, ms);
    else
        json_knull(o, key);
}

static void write_check(struct json_out *o, struct integrity *i)
{
    pthread_mutex_lock(&i->lock);
    const struct integrity c = {.running = i->running,
                                .failed = i->failed,
                                .started_ms = i->started_ms,
                                .finished_ms = i->finished_ms,
                                .seen = i->seen};
    pthread_mutex_unlock(&i->lock);
    const char *state = c.running           ? "running"
                        : c.started_ms == 0 ? "never"
                        : c.failed          ? "failed"
                        : c.seen.bad > 0    ? "broken"
                                            : "intact";
    json_key(o, "check");
    json_obj(o);
    json_kstr(o, "state", slice_str(state));
    ktime_or_null(o, "startedAt", c.started_ms);
    ktime_or_null(o, "finishedAt", c.running ? 0 : c.finished_ms);
    json_knum(o, "rows", c.seen.rows);
    json_knum(o, "badRows", c.seen.bad);
    if (c.seen.first_bad_id > 0)
        json_knum(o, "firstBadId", c.seen.first_bad_id);
    else
        json_knull(o, "firstBadId");
    json_obj_end(o);
}

void integrity_get(struct request *r)
{
    struct ledger_head head;
    struct json_out o;
    struct err err;
    enum status st = prove_head(control_conf(r->control)->db, &head, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    json_knum(&o, "rows", head.id);
    json_key(&o, "head");
    if (head.id > 0) {
        json_obj(&o);
        json_knum(&o, "id", head.id);
        json_ktime(&o, "recordedAt", head.recorded_ms);
        khash(&o, "hash", head.hash);
        json_obj_end(&o);
    } else
        json_null(&o);
    write_check(&o, control_integrity(r->control));
    json_obj_end(&o);
}

/* Begins a proof; false: one is under way, or the gateway is stopping. */
static bool begin(struct integrity *i, struct control *control)
{
    pthread_mutex_lock(&i->lock);
    bool go = !i->running && !i->stop;
    if (go) {
        i->running = true;
        i->failed = false;
        i->started_ms = clock_now_ms();
        i->finished_ms = 0;
        i->control = control;
        i->proof = i->seen = (struct proof){0};
    }
    pthread_mutex_unlock(&i->lock);
    return go;
}

void integrity_check(struct request *r)
{
    struct integrity *i = control_integrity(r->control);
    struct err err;
    if (begin(i, r->control)) {
        if (rows_note(control_conf(r->control)->db, control_admin, 0,
                      "ledger.check", "id", 0, SLICE(""), &err) != OK)
            log_line(LOG_ERROR, "audit row not written",
                     LF_C("error", err.text));
        if (control_run(r->control, run_slice, i) != OK) {
            pthread_mutex_lock(&i->lock);
            finish(i, true);
            pthread_mutex_unlock(&i->lock);
            request_fail(r, 503, "Service unavailable", "busy");
            return;
        }
    }
    r->status = 202;
    integrity_get(r);
}

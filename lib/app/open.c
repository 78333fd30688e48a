/* open.c - the data folder and what lies in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/store.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "guard/recover.h"
#include "guard/window.h"
#include "ledger/check.h"
#include "ledger/rows.h"
#include "price/book.h"

#define MAP_BYTES (64u << 20)
#define PRICES_MAX (64u << 20)

static enum status path_of(const struct app *a, const char *name,
                           char out[static APP_PATH], struct err *err)
{
    int n = snprintf(out, APP_PATH, "%s/%s", a->dir, name);
    return n > 0 && n < APP_PATH
               ? OK
               : err_set(err, E_INVALID, "app", "DATA_DIR is too long");
}

/* Reads a whole file; E_NOT_FOUND if it is not there. */
static enum status read_file(const char *path, struct buf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char piece[65536];
    ssize_t n;
    if (fd == -1)
        return errno == ENOENT ? E_NOT_FOUND
                               : err_sys(err, errno, "app", "%s", path);
    while ((n = read(fd, piece, sizeof piece)) > 0)
        buf_add(out, piece, (size_t)n);
    (void)close(fd);
    if (n < 0 || out->failed)
        return err_set(err, E_IO, "app", "cannot read %s", path);
    return OK;
}

static enum status add_layers(struct app *a, struct book_builder *b,
                              struct err *err)
{
    const struct config *c = a->config;
    char path[APP_PATH];
    struct buf text;
    buf_init(&text, PRICES_MAX);
    enum status st = book_add_builtin(b, err);
    if (st == OK && (st = path_of(a, "prices.txt", path, err)) == OK) {
        enum status found = read_file(path, &text, err);
        if (found == OK)
            st = book_add_text(b, buf_get(&text), PRICE_FILE, err);
        else if (found != E_NOT_FOUND)
            st = found;
    }
    if (st == OK && c->model_pricing_file[0] != '\0') {
        buf_clear(&text);
        st = read_file(c->model_pricing_file, &text, err);
        if (st == E_NOT_FOUND)
            st = err_set(err, E_INVALID, "config",
                         "MODEL_PRICING_FILE: cannot read %s",
                         c->model_pricing_file);
        if (st == OK && (st = book_add_per_1k(b, buf_get(&text), err)) != OK)
            st = err_set(err, E_INVALID, "config",
                         "MODEL_PRICING_FILE: not readable as prices");
    }
    if (st == OK && c->model_pricing_json[0] != '\0' &&
        book_add_per_1k(b, slice_str(c->model_pricing_json), err) != OK)
        st = err_set(err, E_INVALID, "config",
                     "MODEL_PRICING_JSON: not readable as prices");
    buf_release(&text);
    return st;
}

/* The admin's rows, every version: the ledger names them. */
static enum status add_admin(struct app *a, struct book_builder *b,
                             struct err *err)
{
    static const struct rates none = {-1, -1, -1, -1, -1, -1, -1, -1, -1};
    struct price_row *rows;
    struct arena arena;
    int n = 0;
    arena_init(&arena, PRICES_MAX);
    enum status st = rows_prices(a->db, &arena, true, &rows, &n, err);
    for (int i = 0; i < n && st == OK; i++) {
        const struct price_row *r = &rows[i];
        struct price p = {.version = r->version,
                          .provider = provider_by_wire(r->provider),
                          .model = r->model,
                          .source = PRICE_ADMIN,
                          .from_ms = r->updated_ms,
                          .standard = none,
                          .flex = none,
                          .priority = none,
                          .batch = none,
                          .long_ctx = none,
                          .long_flex = none,
                          .long_priority = none,
                          .fast_permille = 1000,
                          .us_permille = 1000,
                          .eu_permille = 1000,
                          .context = r->context,
                          .max_output = r->max_output};
        p.standard.in = r->in;
        p.standard.cached = r->cached;
        p.standard.out = r->out;
        p.standard.cache_write = r->cache_write;
        p.standard.cache_write_1h = r->cache_write_1h;
        st = book_add(b, &p, err);
    }
    arena_release(&arena);
    return st;
}

enum status app_load_book(struct app *a, struct err *err)
{
    struct book_builder *b = book_builder_new();
    enum status st = add_layers(a, b, err);
    if (st == OK)
        st = add_admin(a, b, err);
    struct book *book = book_finish(&b);
    if (st == OK)
        catalog_set_book_take(a->catalog, book);
    else
        book_unref(&book);
    return st;
}

enum status app_try_book(struct app *a, struct err *err)
{
    struct book_builder *b = book_builder_new();
    enum status st = add_layers(a, b, err);
    struct book *book = book_finish(&b);
    book_unref(&book);
    return st;
}

/* An instant, or the start of a local day, `days` later; 0: not given. */
static int64_t date_of(const struct zone *zone, const char *text, int64_t days)
{
    int64_t ms = 0;
    bool date;
    if (clock_parse(slice_str(text), &ms, &date) && date)
        ms = zone_instant(zone, ms / 1000 + days * 86400);
    return ms;
}

/* The environment's budgets as the catalog wants them. */
static struct catalog *make_catalog(const struct config *c,
                                    const struct zone *zone)
{
    struct env_budget *env = xcalloc((size_t)c->budget_count + 1, sizeof *env);
    int64_t from = date_of(zone, c->budget_start_date, 0);
    int64_t to = date_of(zone, c->budget_end_date, 1); // the whole last day
    for (int i = 0; i < c->budget_count; i++)
        env[i] = (struct env_budget){.tenant = c->budgets[i].tenant,
                                     .period = c->budgets[i].period,
                                     .rolling_ms = c->budgets[i].rolling_ms,
                                     .start_ms = from,
                                     .end_ms = to,
                                     .amount = c->budgets[i].amount,
                                     .rank = c->budgets[i].rank};
    struct catalog *k = catalog_new(env, c->budget_count);
    free(env);
    return k;
}

static void set_guard(struct app *a)
{
    const struct config *c = a->config;
    struct slice unknown = slice_str(c->unknown_price);
    a->guard = (struct guard){
        .counters = a->counters,
        .zone = a->zone,
        .metrics = a->metrics,
        .secret = a->secret,
        .cost = {c->default_max_tokens, c->fallback_hold},
        .unknown_price = slice_is(unknown, "refuse") ? UNKNOWN_REFUSE
                         : slice_is(unknown, "free") ? UNKNOWN_FREE
                                                     : UNKNOWN_DEAREST,
        .min_completion_tokens = c->min_completion_tokens,
        .web_search_calls = c->web_search_hold_calls,
        .max_reqs_per_min = c->max_reqs_per_min,
        .max_tokens_per_min = c->max_tokens_per_min,
        .max_concurrent = c->max_concurrent_reqs,
        .header_mode = slice_is(slice_str(c->tenant_auth), "header"),
        .crash_settle_input = slice_is(slice_str(c->crash_settle), "input"),
    };
}

static enum status open_stores(struct app *a, struct err *err)
{
    const struct config *c = a->config;
    char path[APP_PATH];
    enum status st;
    if (mkdir(a->dir, 0700) == -1 && errno != EEXIST)
        return err_sys(err, errno, "app", "cannot make DATA_DIR %s", a->dir);
    if ((st = path_of(a, "secret.key", path, err)) != OK ||
        (st = crypt_secret(path, a->secret, err)) != OK)
        return st;
    if ((st = path_of(a, "counters.lmdb", path, err)) != OK)
        return st;
    const struct counters_conf counters = {.dir = path,
                                           .sync_interval_ms =
                                               (int)c->sync_interval_ms,
                                           .map_bytes = MAP_BYTES};
    if ((st = counters_open(&counters, &a->counters, err)) != OK)
        return st;
    a->catalog = make_catalog(c, a->zone);
    if ((st = path_of(a, "ledger.sqlite", path, err)) != OK)
        return st;
    const struct db_conf db = {.path = path,
                               .counters = a->counters,
                               .catalog = a->catalog,
                               .zone = a->zone,
                               .window_at = window_at,
                               .window_step_ms = window_step_ms};
    if ((st = db_open(&db, &a->db, err)) != OK ||
        (st = app_load_book(a, err)) != OK)
        return st;
    return rows_load(a->db, err);
}

/* What a dead process left; then counters against ledger. */
static enum status recover(struct app *a, struct err *err)
{
    int orphans;
    struct check_result r;
    enum status st = guard_recover(&a->guard, &orphans, err);
    if (st != OK)
        return st;
    st = check_start(a->db, clock_now_ms(), &r, err);
    if (st == OK && r.repaired > 0)
        log_line(LOG_WARN, "counters repaired from the ledger",
                 LF_N("windows", r.windows), LF_N("repaired", r.repaired));
    return st;
}

enum status app_expects_ledger(const struct config *c, struct err *err)
{
    char path[APP_PATH];
    struct stat s;
    int n = snprintf(path, sizeof path, "%s/ledger.sqlite", c->data_dir);
    if (n < 0 || n >= APP_PATH)
        return err_set(err, E_INVALID, "app", "DATA_DIR is too long");
    if (stat(path, &s) == 0)
        return OK;
    if (errno != ENOENT)
        return err_sys(err, errno, "app", "%s", path);
    return err_set(
        err, E_NOT_FOUND, "app",
        "no ledger in %s: is DATA_DIR right? A first start makes one",
        c->data_dir);
}

enum status app_open(const struct config *c, bool read_only, struct app **out,
                     struct err *err)
{
    struct app *a = xcalloc(1, sizeof *a);
    a->config = c;
    a->fd = a->demo_fd = -1;
    a->metrics = metric_new();
    atomic_store(&a->disk_ok, true);
    enum status st = OK;
    int n = snprintf(a->dir, sizeof a->dir, "%s", c->data_dir);
    if (n < 0 || n >= APP_PATH)
        st = err_set(err, E_INVALID, "app", "DATA_DIR is too long");
    if (st == OK) {
        st = zone_load(c->budget_timezone, &a->zone, err);
        if (st != OK)
            st = err_set(err, E_INVALID, "config",
                         "BUDGET_TIMEZONE: unknown time zone");
    }
    if (st == OK && read_only)
        st = app_expects_ledger(c, err);
    if (st == OK)
        st = open_stores(a, err);
    if (st == OK) {
        set_guard(a);
        if (!read_only)
            st = recover(a, err);
    }
    if (st != OK)
        app_close(&a);
    else
        *out = a;
    return st;
}

void app_close(struct app **ap)
{
    struct app *a = *ap;
    *ap = NULL;
    if (a == NULL)
        return;
    if (a->db != NULL)
        db_close(&a->db);
    if (a->counters != NULL)
        counters_close(&a->counters);
    if (a->catalog != NULL)
        catalog_free(&a->catalog);
    metric_free(&a->metrics);
    zone_free(&a->zone);
    free(a);
}

enum status app_verify(struct app *a, bool *good, struct err *err)
{
    struct verify_result r;
    struct buf text;
    buf_init(&text, 16u << 20);
    enum status st = check_verify(a->db, clock_now_ms(), &r, &text, err);
    if (st == OK) {
        *good = r.good;
        (void)fwrite(text.p != NULL ? text.p : "", 1, text.n, stdout);
    }
    buf_release(&text);
    return st;
}

/* dump.c - budgetguard export; see cli.h.
 *
 * Reads the ledger file beside whoever writes it; rows that are still in the
 * outbox of a running server come with the next export.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/cli.h"
#include "base/clock.h"
#include "base/money.h"
#include "base/zone.h"
#include "control/entry.h"
#include "guard/window.h"

#define BLOCK (256u << 10)
#define BLOCK_LIMIT (4u << 20)

struct dump {
    FILE *to;
    bool csv, failed;
    struct buf block;
    int64_t rows;
};

static bool flush(struct dump *d)
{
    struct slice out = buf_get(&d->block);
    if (d->block.failed || fwrite(out.p, 1, out.n, d->to) != out.n)
        d->failed = true;
    buf_clear(&d->block);
    return !d->failed;
}

static bool on_row(void *arg, const struct entry *e)
{
    struct dump *d = arg;
    if (d->csv) {
        entry_csv(&d->block, e);
    } else {
        struct json_out o;
        json_out_init(&o, &d->block);
        entry_write(&o, e);
        json_obj_end(&o);
        buf_char(&d->block, '\n');
    }
    if (++d->rows % 20000 == 0)
        cli_progress("rows", d->rows, 0);
    return d->block.n < BLOCK && !d->block.failed ? true : flush(d);
}

/* ---- filters ------------------------------------------------------------ */

static bool number(const struct cli *c, const char *name, int64_t *out)
{
    const char *v = cli_get(c, name);
    if (v == NULL || (money_scan(slice_str(v), 0, out) && *out > 0))
        return true;
    fprintf(stderr, "budgetguard: %s: '%s' is no id\n", name, v);
    return false;
}

/* An instant; a plain date is the local day, `days` on. */
static bool date(const struct cli *c, const char *name, const struct zone *zone,
                 int64_t days, int64_t *out)
{
    const char *v = cli_get(c, name);
    bool plain;
    if (v == NULL)
        return true;
    if (!clock_parse(slice_str(v), out, &plain)) {
        fprintf(stderr, "budgetguard: %s: '%s' is no date\n", name, v);
        return false;
    }
    *out = plain ? zone_instant(zone, *out / 1000 + days * 86400)
                 : *out + days; // the instant named belongs to the stretch
    return true;
}

static struct slice text(const struct cli *c, const char *name)
{
    const char *v = cli_get(c, name);
    return v != NULL ? slice_str(v) : slice(NULL, 0);
}

static bool read_filter(const struct cli *c, const struct zone *zone,
                        struct entry_filter *f)
{
    *f = (struct entry_filter){.tenant = text(c, "--tenant"),
                               .model = text(c, "--model"),
                               .route = text(c, "--route"),
                               .status = text(c, "--status"),
                               .provider = text(c, "--provider"),
                               .reason = text(c, "--reason"),
                               .request_id = text(c, "--request-id"),
                               .session = text(c, "--session"),
                               .user = text(c, "--user"),
                               .tag = text(c, "--tag")};
    return number(c, "--tenant-id", &f->tenant_id) &&
           number(c, "--key-id", &f->key_id) &&
           date(c, "--since", zone, 0, &f->from_ms) &&
           date(c, "--until", zone, 1, &f->to_ms);
}

/* ---- */

static enum status dump_all(struct cli *c, const struct entry_filter *f,
                            struct zone *zone, struct dump *d, struct err *err)
{
    char path[1200];
    struct stat st;
    struct db *db = NULL;
    (void)snprintf(path, sizeof path, "%s/ledger.sqlite", c->config->data_dir);
    if (stat(path, &st) == -1)
        return err_set(err, E_NOT_FOUND, "export", "no ledger in %s",
                       c->config->data_dir);
    const struct db_conf conf = {.path = path,
                                 .zone = zone,
                                 .window_at = window_at,
                                 .window_step_ms = window_step_ms};
    enum status s = db_open(&conf, &db, err);
    if (s != OK)
        return s;
    buf_init(&d->block, BLOCK_LIMIT);
    if (d->csv)
        entry_csv_head(&d->block);
    s = query_stream(db, f, on_row, d, err);
    if (s == OK && !d->failed)
        (void)flush(d);
    buf_release(&d->block);
    db_close(&db);
    if (s == OK && (d->failed || fflush(d->to) != 0))
        s = err_sys(err, errno, "export", "cannot write");
    return s;
}

int cli_export(struct cli *c)
{
    const char *format = cli_get(c, "--format"), *file = cli_get(c, "--output");
    struct dump d = {.to = stdout};
    struct entry_filter f;
    struct zone *zone = NULL;
    struct err err;
    d.csv = format == NULL || slice_is(slice_str(format), "csv");
    if (!d.csv && !slice_is(slice_str(format), "jsonl")) {
        fprintf(stderr,
                "budgetguard: --format: '%s' is neither csv nor jsonl\n",
                format);
        return 2;
    }
    if (zone_load(c->config->budget_timezone, &zone, &err) != OK) {
        fputs("budgetguard: BUDGET_TIMEZONE: unknown time zone\n", stderr);
        return 2;
    }
    enum status st = E_INVALID;
    if (!read_filter(c, zone, &f)) {
        zone_free(&zone);
        return 2;
    }
    if (file != NULL && (d.to = fopen(file, "wxe")) == NULL)
        st = err_sys(&err, errno, "export", "cannot make %s", file);
    else
        st = dump_all(c, &f, zone, &d, &err);
    if (file != NULL && d.to != NULL && fclose(d.to) != 0 && st == OK)
        st = err_sys(&err, errno, "export", "cannot write %s", file);
    zone_free(&zone);
    if (st != OK) {
        (void)cli_fail(&err);
        return 1;
    }
    cli_progress("rows", d.rows, 0);
    if (!cli_flag(c, "--quiet"))
        fprintf(stderr, "%s%lld rows\n", isatty(2) ? "\r" : "",
                (long long)d.rows);
    return 0;
}

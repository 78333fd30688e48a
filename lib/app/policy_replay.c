/* policy_replay.c - see policy_replay.h. */
#include "app/policy_replay.h"

#include <stdio.h>
#include <unistd.h>

#include "app/policy_query.h"
#include "app/store.h"
#include "base/clock.h"
#include "control/replay.h"
#include "guard/window.h"

struct words {
    const char *path, *since, *tenant, *config;
};

static bool read_words(int argc, char **argv, struct words *w)
{
    for (int i = 0; i < argc; i++) {
        struct slice a = slice_str(argv[i]);
        const char **to = slice_is(a, "--since")    ? &w->since
                          : slice_is(a, "--tenant") ? &w->tenant
                          : slice_is(a, "--config") ? &w->config
                                                    : NULL;
        if (to != NULL && i + 1 < argc)
            *to = argv[++i];
        else if (to == NULL && a.n > 0 && a.p[0] != '-' && w->path == NULL)
            w->path = argv[i];
        else
            return false;
    }
    return w->path != NULL && w->since != NULL;
}

static int fail(const char *what)
{
    fprintf(stderr, "budgetguard: %s\n", what);
    return 2;
}

static int run(const char *file, const struct words *w, struct replay *r)
{
    const struct db_conf conf = {.path = file, .zone = r->zone};
    struct err err;
    struct buf out;
    if (access(file, R_OK | W_OK) != 0)
        return fail("DATA_DIR has no ledger.sqlite");
    if (db_open(&conf, &r->db, &err) != OK)
        return fail(err.text);
    r->tenant = w->tenant != NULL ? slice_str(w->tenant) : slice(NULL, 0);
    buf_init(&out, 16u << 20);
    enum status st = replay_run(r, &out, &err);
    if (st == OK)
        query_print_json(buf_get(&out));
    else
        (void)fail(err.text);
    buf_release(&out);
    db_close(&r->db);
    return st == OK ? 0 : 1;
}

static int with_config(const struct words *w, struct replay *r)
{
    struct config *c;
    struct zone *zone = NULL;
    struct err err;
    enum policy_dialect dialect;
    struct policy_fault fault;
    char file[APP_PATH];
    if (config_load(w->config, environ, window_period_parse, &c, &err) != OK)
        return fail(err.text);
    int rc = 2,
        n = snprintf(file, sizeof file, "%s/ledger.sqlite", c->data_dir);
    if (n < 0 || n >= APP_PATH)
        (void)fail("DATA_DIR is too long");
    else if (!policy_dialect_parse(slice_str(c->policy_dialect), &dialect))
        (void)fail("POLICY_DIALECT must be auto, v0 or v1");
    else if (zone_load(c->budget_timezone, &zone, &err) != OK)
        (void)fail(err.text);
    else if ((r->policy = policy_from_path(w->path, dialect, &fault)) == NULL)
        fprintf(stderr, "budgetguard: %s:%u: %s\n", fault.file, fault.row,
                fault.text);
    else {
        r->zone = zone;
        r->timeout_ms = c->policy_timeout_ms;
        rc = run(file, w, r);
    }
    policy_unref(&r->policy);
    zone_free(&zone);
    config_free(&c);
    return rc;
}

int policy_replay_main(int argc, char **argv)
{
    struct words w = {.path = NULL};
    struct replay r = {.tenant_id = 0};
    bool date;
    if (!read_words(argc, argv, &w))
        return fail("usage: policy replay [--config FILE] PATH --since DATE "
                    "[--tenant NAME]");
    if (!clock_parse(slice_str(w.since), &r.from_ms, &date))
        return fail("--since needs a date, 2026-11-20 or RFC 3339");
    if (!crypt_init())
        return fail("no source of randomness");
    r.to_ms = clock_now_ms() + 1;
    return with_config(&w, &r);
}

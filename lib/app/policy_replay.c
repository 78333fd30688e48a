/* policy_replay.c - see policy_replay.h. */
#include "app/policy_replay.h"

#include <stdio.h>
#include <unistd.h>

#include "app/policy_query.h"
#include "app/store.h"
#include "base/clock.h"
#include "base/log.h"
#include "catalog/snapshot.h"
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

static int run(struct app *a, const struct words *w, struct replay *r)
{
    struct err err;
    struct buf out;
    if (w->tenant != NULL) {
        const struct snapshot *s = catalog_ref(a->catalog);
        const struct tenant *t =
            snapshot_tenant_by_name(s, slice_str(w->tenant));
        r->tenant_id = t != NULL ? t->id : -1;
        snapshot_unref(&s);
        if (r->tenant_id == -1)
            return fail("no tenant of that name");
    }
    r->db = a->db;
    r->zone = a->zone;
    r->timeout_ms = a->config->policy_timeout_ms;
    buf_init(&out, 16u << 20);
    enum status st = replay_run(r, &out, &err);
    if (st == OK)
        query_print_json(buf_get(&out));
    else
        (void)fail(err.text);
    buf_release(&out);
    return st == OK ? 0 : 1;
}

static int with_config(const struct words *w, struct replay *r)
{
    struct config *c;
    struct app *a;
    struct err err;
    enum policy_dialect dialect;
    struct policy_fault fault;
    if (config_load(w->config, environ, window_period_parse, &c, &err) != OK)
        return fail(err.text);
    int rc = 2;
    if (!policy_dialect_parse(slice_str(c->policy_dialect), &dialect))
        (void)fail("POLICY_DIALECT must be auto, v0 or v1");
    else if ((r->policy = policy_from_path(w->path, dialect, &fault)) == NULL)
        fprintf(stderr, "budgetguard: %s:%u: %s\n", fault.file, fault.row,
                fault.text);
    else if (app_open(c, true, &a, &err) != OK)
        (void)fail(err.text);
    else {
        rc = run(a, w, r);
        app_close(&a);
    }
    policy_unref(&r->policy);
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

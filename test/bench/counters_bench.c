/* counters_bench.c - microseconds per admission with its settlement.
 *
 * Printed as a ratio to plain LMDB transactions in the same run that write as
 * many records of 40 bytes (see hotpath: six get and put, two transactions).
 */
#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "counters/counters.h"

#define ROUNDS 60000

struct job {
    struct counters *c;
    MDB_env *env;
    MDB_dbi dbi;
    int budgets, rounds, tenant;
    int failed;
};

static void *admit_settle(void *arg)
{
    struct job *j = arg;
    struct err err;
    struct event e = {.request_id = "00112233445566778899aabbccddeeff",
                      .tenant = SLICE("acme"),
                      .model = SLICE("gpt-4o-mini"),
                      .route = SLICE("/v1/chat/completions"),
                      .method = SLICE("POST"),
                      .status = EVENT_SUCCESS};
    for (int i = 0; i < j->rounds; i++) {
        struct counter_window w[8];
        for (int b = 0; b < j->budgets; b++)
            w[b] = (struct counter_window){
                .budget = (uint64_t)(j->tenant * 1000 + i % 100 * 8 + b),
                .end_ms = INT64_MAX,
                .amount = INT64_MAX / 2,
                .hard = true};
        struct admission a = {
            .now_ms = 1795000000000 + i / 10,
            .rate = {.tenant_id = j->tenant, .max_requests = 1 << 30},
            .session = {.tag_budget = -1, .default_budget = -1},
            .windows = w,
            .window_count = j->budgets,
            .metered = true,
            .fixed_pico = 5000,
            .out_pico = 3,
            .out_tokens = 100,
            .skeleton = &e};
        struct settlement s = {.usd = 3, .tokens = -1, .event = &e};
        if (counters_admit(j->c, &a, &err) != OK || a.result != ADMIT_OK)
            j->failed++;
        s.hold_id = a.hold_id;
        if (counters_settle(j->c, &s, &err) != OK)
            j->failed++;
        if (i % 500 == 499 && counters_outbox_trim(j->c, s.seq, &err) != OK)
            j->failed++;
    }
    return NULL;
}

/* Two transactions with as many records read and written. */
static void *plain(void *arg)
{
    struct job *j = arg;
    for (int i = 0; i < j->rounds * 2; i++) {
        MDB_txn *t;
        if (mdb_txn_begin(j->env, NULL, 0, &t) != 0) {
            j->failed++;
            continue;
        }
        for (int b = 0; b < j->budgets + 2; b++) {
            uint64_t k[2] = {(uint64_t)b, (uint64_t)(i / 2 % 100)};
            uint64_t v[5] = {(uint64_t)i};
            MDB_val key = {sizeof k, k}, old, val = {sizeof v, v};
            (void)mdb_get(t, j->dbi, &key, &old);
            if (mdb_put(t, j->dbi, &key, &val, 0) != 0)
                j->failed++;
        }
        if (mdb_txn_commit(t) != 0)
            j->failed++;
    }
    return NULL;
}

static int64_t run(void *(*fn)(void *), struct job base, int threads)
{
    struct job j[2];
    pthread_t t[2];
    int64_t from = clock_mono_us();
    for (int i = 0; i < threads; i++) {
        j[i] = base;
        j[i].rounds = ROUNDS / threads;
        j[i].tenant = i + 1;
        if (pthread_create(&t[i], NULL, fn, &j[i]) != 0)
            exit(1);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(t[i], NULL);
        if (j[i].failed != 0)
            exit(1);
    }
    return (clock_mono_us() - from) * 1000 / ROUNDS; // ns
}

int main(void)
{
    char dir[] = "/tmp/bg-counters-bench-XXXXXX", other[64], cmd[128];
    struct job j = {0};
    struct err err;
    if (mkdtemp(dir) == NULL)
        return 1;
    snprintf(other, sizeof other, "%s/plain", dir);
    struct counters_conf conf = {.dir = dir, .sync_interval_ms = 100};
    if (mkdir(other, 0700) == -1 || counters_open(&conf, &j.c, &err) != OK ||
        mdb_env_create(&j.env) != 0 ||
        mdb_env_set_mapsize(j.env, 64 << 20) != 0 ||
        mdb_env_open(j.env, other, MDB_NOSYNC | MDB_WRITEMAP, 0600) != 0)
        return 1;
    MDB_txn *t;
    if (mdb_txn_begin(j.env, NULL, 0, &t) != 0 ||
        mdb_dbi_open(t, NULL, 0, &j.dbi) != 0 || mdb_txn_commit(t) != 0)
        return 1;
    for (int threads = 1; threads <= 2; threads++)
        for (int budgets = 2; budgets <= 6; budgets += 4) {
            j.budgets = budgets;
            int64_t ours = run(admit_settle, j, threads);
            int64_t theirs = run(plain, j, threads);
            printf("%d thread%s, rate + %d budgets: %lld.%02lld us per admit "
                   "and settle, plain LMDB %lld.%02lld us, ratio %lld.%02lld\n",
                   threads, threads > 1 ? "s" : "", budgets,
                   (long long)ours / 1000, (long long)ours % 1000 / 10,
                   (long long)theirs / 1000, (long long)theirs % 1000 / 10,
                   (long long)(ours / theirs),
                   (long long)(ours * 100 / theirs % 100));
        }
    mdb_env_close(j.env);
    counters_close(&j.c);
    snprintf(cmd, sizeof cmd, "rm -r %s", dir);
    return system(cmd) == 0 ? 0 : 1;
}

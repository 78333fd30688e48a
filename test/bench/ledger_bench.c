/* ledger_bench.c - rows per second from the outbox into the ledger.
 *
 * ledger_bench DIR [rows]: fills the outbox with rows of 200 tenants, drains
 * it on this thread, prints rows/s and what a month's sum then costs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/crypt.h"
#include "ledger/query.h"
#include "ledger/writer.h"

#define TENANTS 200
#define T0 1790000000000LL

static bool window(const struct budget *b, const struct zone *z, int64_t at,
                   struct window *out)
{
    (void)b;
    (void)z;
    *out = (struct window){at - at % 86400000, at - at % 86400000 + 86400000};
    return true;
}

static int64_t step(int64_t rolling)
{
    (void)rolling;
    return 60000;
}

static void must(enum status st, const struct err *err)
{
    if (st == OK)
        return;
    fprintf(stderr, "%s: %s\n", err_name(st), err->text);
    exit(1);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct counters *counters = NULL;
    struct db *db = NULL;
    char lmdb[512], path[512];
    long rows = argc > 2 ? strtol(argv[2], NULL, 10) : 200000;
    if (argc < 2 || !crypt_init())
        return 2;
    snprintf(lmdb, sizeof lmdb, "%s/counters.lmdb", argv[1]);
    snprintf(path, sizeof path, "%s/ledger.sqlite", argv[1]);
    const struct counters_conf cc = {
        .dir = lmdb, .map_bytes = 256u << 20, .sync_interval_ms = 100};
    must(counters_open(&cc, &counters, &err), &err);
    struct catalog *catalog = catalog_new(NULL, 0);
    const struct db_conf dc = {.path = path,
                               .counters = counters,
                               .catalog = catalog,
                               .window_at = window,
                               .window_step_ms = step};
    must(db_open(&dc, &db, &err), &err);
    for (long i = 0; i < rows; i++) {
        struct event e = {.ts_ms = T0 + i / 40,
                          .tenant_id = 1 + i % TENANTS,
                          .key_id = 1 + i % TENANTS,
                          .tenant = SLICE("acme"),
                          .route = SLICE("/v1/chat/completions"),
                          .method = SLICE("POST"),
                          .provider = PROVIDER_OPENAI,
                          .model = SLICE("gpt-4.1"),
                          .usd = i % 1000,
                          .status = EVENT_SUCCESS,
                          .ttft_ms = -1};
        crypt_request_id(e.ts_ms, e.request_id);
        must(counters_append(counters, &e, NULL, &err), &err);
    }
    int64_t from = clock_mono_us();
    must(writer_drain(db, &err), &err);
    int64_t us = clock_mono_us() - from + 1;
    printf("rows %ld  rows_per_s %lld\n", rows,
           (long long)(rows * 1000000 / us));
    struct sum s;
    from = clock_mono_us();
    must(query_sum(db, 7, T0 - 1, T0 + 30LL * 86400000 + 1, &s, &err), &err);
    printf("sum_us %lld\n", (long long)(clock_mono_us() - from));
    db_close(&db);
    catalog_free(&catalog);
    counters_close(&counters);
    return 0;
}

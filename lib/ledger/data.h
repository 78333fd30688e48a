/* data.h - usage as ingest clients see it: rows behind the last reset.
 *
 * Rows that used something: successes and interruptions.  Blocking threads
 * only.
 */
#ifndef LEDGER_DATA_H
#define LEDGER_DATA_H

#include "ledger/query.h"

enum data_source { DATA_ALL, DATA_INGEST, DATA_PROXY };

struct data_filter {
    int64_t from_ms, to_ms; /* [from, to); 0: open */
    struct slice model;     /* exact; empty: any */
    int64_t token_id;       /* 0: any */
    enum data_source source;
    bool all_epochs;
    int64_t before_ts, before_id; /* cursor; id 0: newest */
};
struct data_row {
    int64_t id, ts_ms, prompt, completion, usd;
    struct slice model;
};
/* A page, newest first; `*total` and `*sums` are of all rows that match, the
 * cursor apart. */
MUST_CHECK enum status data_page(struct db *db, struct arena *a,
                                 const struct data_filter *f, int64_t offset,
                                 int64_t limit, struct data_row **out, int *n,
                                 int64_t *total, struct sum *sums,
                                 struct err *err);
/* The highest id there is; 0: none. */
MUST_CHECK enum status data_newest(struct db *db, int64_t *id, struct err *err);
/* Names of models, sorted, each once. */
MUST_CHECK enum status data_models(struct db *db, struct arena *a,
                                   struct slice **out, int *n, struct err *err);

#endif

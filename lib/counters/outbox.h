/* outbox.h - rows on their way to the ledger, inside a transaction. */
#ifndef COUNTERS_OUTBOX_H
#define COUNTERS_OUTBOX_H

#include "counters/store.h"

/* An encoded event; small ones live in the struct. */
struct outbox_row {
    uint8_t inside[2048];
    uint8_t *p; /* inside or on the heap */
    size_t n;
};

/* Encodes `e`.  E_INVALID: too big or too many tags; E_NOMEM. */
MUST_CHECK enum status outbox_encode(const struct event *e,
                                     struct outbox_row *row, struct err *err);
/* Frees what outbox_encode took. */
void outbox_free(struct outbox_row *row);
/* Appends an encoded event; `*seq` is its number. */
int outbox_append(struct tx *t, const struct outbox_row *row, uint64_t *seq);
/* Decodes the row with this key and hands it to `fn`; `*go_on` is what fn
 * answered.  False: it is no row. */
bool outbox_show(struct slice key, struct slice value, counters_row_fn *fn,
                 void *arg, bool *go_on);

#endif

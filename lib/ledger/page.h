/* page.h - which rows a filter means: counted and read without a scan.
 *
 * One connection of the caller's.  Filters are those of query.h.  Not
 * included from outside the room.
 */
#ifndef LEDGER_PAGE_H
#define LEDGER_PAGE_H

#include "ledger/chain.h"
#include "ledger/query.h"
#include "ledger/sql.h"

/* How the rows of a filter are found; a plain value, see page.c. */
struct page;

/* Looks at the filter; `f` must outlive the page.  E_IO, E_NOMEM. */
MUST_CHECK enum status page_new(sqlite3 *c, const struct entry_filter *f,
                                struct page **out, struct err *err);
/* Frees and nulls (NULL is fine). */
void page_free(struct page **p);
/* How many rows match, the cursor apart. */
MUST_CHECK enum status page_count(struct page *p, int64_t *total,
                                  struct err *err);
/* Called per row with a statement on a row of CHAIN_COLUMNS; false: enough. */
typedef bool page_row_fn(void *arg, struct sql *q);
/* At most `limit` rows, newest first (ts, then id), behind the cursor and
 * without the first `offset`. */
MUST_CHECK enum status page_rows(struct page *p, int64_t offset, int64_t limit,
                                 page_row_fn *fn, void *arg, struct err *err);
/* All of them, newest first, with memory for one. */
MUST_CHECK enum status page_all(struct page *p, page_row_fn *fn, void *arg,
                                struct err *err);

#endif

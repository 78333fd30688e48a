/* budget_json.h - budgets between JSON and rows (contract 4.2).
 *
 * For handlers, on pool threads; texts live in the request's arena.
 */
#ifndef CONTROL_BUDGET_JSON_H
#define CONTROL_BUDGET_JSON_H

#include <stdbool.h>

#include "control/request.h"
#include "ledger/rows.h"

/* Reads the members of `v` over `row` (those that are absent stay).  `fresh`:
 * period and amount are required.  False: answered with 400. */
bool budget_json_read(struct request *r, const struct json *v, bool fresh,
                      struct budget_row *row);
/* What budget_json_write adds to the plain members. */
enum budget_view {
    BUDGET_PLAIN, /* Budget */
    BUDGET_USED,  /* BudgetView: with window and usage */
    BUDGET_WIDE,  /* the general object of /admin/budgets */
    BUDGET_TAG,   /* TagBudget without its tag */
};
/* Writes an open object's members; the caller opens and closes it. */
void budget_json_write(struct request *r, struct json_out *o,
                       const struct budget_row *row, enum budget_view view);
/* The row of an id, any scope; false: answered with 404 `missing`. */
bool budget_json_find(struct request *r, int64_t id, struct budget_row *row,
                      const char *missing);

#endif

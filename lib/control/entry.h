/* entry.h - a ledger row as contract 4's Entry and as a line of CSV.
 *
 * Pure; any thread.
 */
#ifndef CONTROL_ENTRY_H
#define CONTROL_ENTRY_H

#include "base/buf.h"
#include "base/json.h"
#include "ledger/query.h"

/* Writes the members of an Entry; the object stays open. */
void entry_write(struct json_out *o, const struct entry *x);
/* Appends the line that names the columns. */
void entry_csv_head(struct buf *b);
/* Appends a row; texts are quoted, and defused where a spreadsheet would run
 * them. */
void entry_csv(struct buf *b, const struct entry *row);

#endif

/* text.h - one row of a price list as text, and back.
 *
 * The format is documented at the top of book.txt.  Pure functions; any
 * thread.  Knows no book.
 */
#ifndef PRICE_TEXT_H
#define PRICE_TEXT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "price/book.h"

#define TEXT_RATE_MAX ((int64_t)1000000000000000) /* pico: $1e9 per million */

/* A price with no figure given: rates -1, multipliers 1000. */
void text_blank(struct price *p);
/* True if `name` can stand in a row: 1 to 200 printable bytes, no space. */
bool text_name_ok(struct slice name);
/* Reads a line.  `*found` false: empty or a comment.  Slices of `p` point
 * into `line`; `source` and `version` stay 0.  E_INVALID: `err` names line
 * `number` and field. */
MUST_CHECK enum status text_row(struct slice line, int number, struct price *p,
                                bool *found, struct err *err);
/* Appends the row of `p` with its newline; text_row reads the same again. */
void text_write(struct buf *out, const struct price *p);

#endif

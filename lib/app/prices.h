/* prices.h - `budgetguard prices import FILE`. */
#ifndef APP_PRICES_H
#define APP_PRICES_H

#include "base/err.h"
#include "config/config.h"

/* Reads a public price file and writes DATA_DIR/prices.txt, which the next
 * start loads over the built-in book.  Prints how many rows. */
MUST_CHECK enum status prices_import(const struct config *c, const char *file,
                                     struct err *err);

#endif

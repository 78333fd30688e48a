/* import.h - price lists others keep, turned into rows of our text format.
 *
 * Reads LiteLLM's model_prices_and_context_window.json (an object of models)
 * and genai-prices' data.json (an array of providers).  Pure; any thread.
 */
#ifndef PRICE_IMPORT_H
#define PRICE_IMPORT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* Appends a row for each model of a provider we know that has a price we can
 * charge by; `*rows` is their number.  Finer figures are rounded up to our
 * units.  E_INVALID: neither format, or a figure is no amount; E_TOO_BIG,
 * E_NOMEM: too large.  On failure `out_text` is partial. */
MUST_CHECK enum status price_import(struct slice json, struct buf *out_text,
                                    int *rows, struct err *err);

#endif

/* fallbacks.h - whom to ask when a model cannot answer.
 *
 * FALLBACKS: {"gpt-4o":["gpt-4.1","claude-sonnet-4-5"]}.  Immutable once
 * read; any thread.
 */
#ifndef GATEWAY_FALLBACKS_H
#define GATEWAY_FALLBACKS_H

#include "base/err.h"
#include "base/slice.h"

#define FALLBACKS_EACH 4 /* models in a chain, behind the one asked */

struct fallbacks;

/* Reads the JSON; empty text: none.  E_INVALID: it is no object of lists of
 * names, or a list is too long. */
MUST_CHECK enum status fallbacks_read(const char *text, struct fallbacks **out,
                                      struct err *err);
/* Frees and nulls. */
void fallbacks_free(struct fallbacks **f);
/* The chain of a model as the client wrote it; 0: it has none. */
int fallbacks_of(const struct fallbacks *f, struct slice model,
                 struct slice out[static FALLBACKS_EACH]);

#endif

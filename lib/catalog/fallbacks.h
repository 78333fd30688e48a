/* fallbacks.h - whom to ask when a model cannot answer.
 *
 * {"gpt-4o":["gpt-4.1","claude-sonnet-4-5"]}, of FALLBACKS or of an admin.
 * Immutable once read, counted; any thread.  Not for: what a candidate costs
 * or whether it can be asked (gateway/attempts).
 */
#ifndef CATALOG_FALLBACKS_H
#define CATALOG_FALLBACKS_H

#include "base/err.h"
#include "base/json.h"
#include "base/slice.h"

#define FALLBACKS_EACH 4           /* models in a chain, behind the one asked */
#define FALLBACKS_MAX 1000         /* chains */
#define FALLBACKS_NAME 200         /* bytes of a model's name */
#define FALLBACKS_TEXT (16u << 20) /* bytes of the JSON written */

struct fallbacks; /* opaque */

/* Reads the JSON (copied); empty text: no chains.  E_INVALID: it is no object
 * of lists of names, a list or name is too long, or a model is named twice;
 * the text begins at what is wrong ("must be object", "\"m\" must ..."). */
MUST_CHECK enum status fallbacks_read(struct slice text, struct fallbacks **out,
                                      struct err *err);
/* The same from a tree (copied; NULL: no chains). */
MUST_CHECK enum status fallbacks_from(const struct json *root,
                                      struct fallbacks **out, struct err *err);
/* Counted references. */
struct fallbacks *fallbacks_ref(struct fallbacks *f);
/* Gives one back and nulls (NULL is fine). */
void fallbacks_unref(struct fallbacks **f);
/* The chain of a model as the client wrote it, borrowed from `f` (NULL: no
 * chains); 0: it has none.  O(log n). */
int fallbacks_of(const struct fallbacks *f, struct slice model,
                 struct slice out[static FALLBACKS_EACH]);
/* How many chains there are. */
int fallbacks_count(const struct fallbacks *f);
/* Writes them as fallbacks_read reads them, by name. */
void fallbacks_write(const struct fallbacks *f, struct json_out *o);

#endif

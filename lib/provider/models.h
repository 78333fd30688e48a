/* models.h - lists of models: read from providers, written merged.
 *
 * Any thread; knows no sockets and no cache.
 */
#ifndef PROVIDER_MODELS_H
#define PROVIDER_MODELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "call/call.h"

struct model_item {
    struct slice id, owned_by;
    int64_t created; /* Unix seconds, 0: not said */
    enum provider_id provider;
};

#define MODELS_MAX 4096

/* Reads the answer to GET /v1/models (OpenAI's, Anthropic's or Google's
 * form); appends to `items` (room for MODELS_MAX) and moves `*n`.  Slices are
 * cut from `a`.  E_INVALID: no such list; E_TOO_BIG. */
MUST_CHECK enum status models_read(enum provider_id from, struct slice body,
                                   struct arena *a, struct model_item *items,
                                   int *n, struct err *err);
/* Appends the merged list in the family's form; a name that comes twice is
 * written once, the first wins. */
void models_write(enum family f, const struct model_item *items, int n,
                  struct buf *out);
/* Appends one model, or answers false if it is not in the list. */
bool models_write_one(enum family f, const struct model_item *items, int n,
                      struct slice id, struct buf *out);

#endif

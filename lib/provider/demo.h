/* demo.h - the brain of the demo provider: a body in, paced bytes out.
 *
 * Speaks OpenAI's wire format for chat/completions, completions, responses,
 * embeddings and models.  Pure: no sockets, no clock, the same request gives
 * the same answer.  Everything it says is labelled as a demo.
 */
#ifndef PROVIDER_DEMO_H
#define PROVIDER_DEMO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct demo;

/* Begins an answer; `path` as "/v1/chat/completions".  `created` is the
 * second it claims to be made at. */
struct demo *demo_new(struct slice method, struct slice path, struct slice body,
                      int64_t created);
/* Frees and nulls. */
void demo_free(struct demo **d);
/* HTTP status of the answer. */
int demo_status(const struct demo *d);
/* "application/json" or "text/event-stream". */
const char *demo_content_type(const struct demo *d);
/* Appends the next piece to `out` and says how many ms to wait before
 * sending it.  False: the answer is over, nothing was appended. */
bool demo_next(struct demo *d, struct buf *out, int *delay_ms);

#endif

/* translate.h - one family's request asked of another family's model.
 *
 * Chat completions and responses to Anthropic and Google, messages to OpenAI's
 * kind and Google (contract 3.5): the request into the provider's words, the
 * answer, whole or streamed, back into the client's.  Metering is not its
 * business: it reads the provider's own answer (provider/meter.h).  One per
 * exchange, on one thread.
 */
#ifndef PROVIDER_TRANSLATE_H
#define PROVIDER_TRANSLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"
#include "call/call.h"
#include "call/refusal.h"
#include "call/usage.h"
#include "provider/route.h"

struct translation;

/* Most output asked of Anthropic when nobody said (contract 3.5). */
#define TRANSLATE_OUTPUT 4096
/* Tokens a translation may add to the input: an instruction to answer in
 * JSON. */
#define TRANSLATE_INPUT 64

/* True if a request on this route to this provider must be translated. */
bool translate_wanted(const struct route *r, enum provider_id p);

/* A translation of requests on `r` (whose texts must outlive it). */
struct translation *translation_new(const struct route *r, enum provider_id p);
/* Frees and nulls. */
void translation_free(struct translation **t);

/* Reads a request; slices are borrowed from `body`, which must live until the
 * body is written.  R_NONE; else why it cannot be asked there, with `text` and
 * `*param` (static). */
enum refusal translation_read(struct translation *t, struct slice body,
                              struct slice model, char text[static 200],
                              const char **param);
/* True if the provider wants a limit in every request. */
bool translation_needs_limit(const struct translation *t);
/* The route as the provider has it, for its address and its meter; texts from
 * `a`.  False: no such route for this model. */
bool translation_route(const struct translation *t, struct arena *a,
                       struct route *out, struct slice *query);
/* Appends the body; `max_tokens` 0: no limit; `completion_limit` as in
 * ask_chat_write.  False: out of memory. */
bool translation_write(struct translation *t, int64_t max_tokens,
                       bool completion_limit, struct buf *out);

/* An answer begins: `events` if it is a stream; `id` without prefix, `now_s`
 * Unix seconds. */
void translation_begin(struct translation *t, int status, bool events,
                       struct slice id, int64_t now_s);
/* Takes bytes of the provider's answer; appends to `out` what the client gets
 * now.  False: it is too large. */
bool translation_feed(struct translation *t, const char *p, size_t n,
                      struct buf *out);
/* The answer is whole: appends its end, or all of it, or the provider's error
 * in the client's shape.  False: it cannot be read. */
bool translation_end(struct translation *t, const struct usage *u,
                     struct buf *out);
/* True if the client has been told of an error within the stream. */
bool translation_failed(const struct translation *t);

#endif

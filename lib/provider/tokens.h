/* tokens.h - how many tokens a provider may bill for a text.
 *
 * OpenAI's models by their own tokenizer.  Others keep theirs to themselves:
 * half as many again as OpenAI's count, at most one per byte (contract 9.2).
 * Pure; any thread.
 */
#ifndef PROVIDER_TOKENS_H
#define PROVIDER_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "call/provider_id.h"

/* The best count of `text` as input of `model`; `*bound` is set to what can be
 * billed at most.  A token_counter (describe.h); `arg` is not used. */
int64_t tokens_count(void *arg, enum provider_id provider, struct slice model,
                     struct slice text, int64_t *bound);
/* True if any text counts the same for both models, bound included. */
bool tokens_alike(enum provider_id p, struct slice model, enum provider_id q,
                  struct slice other);

#endif

/* shape.h - our own errors in the shape each SDK understands.
 *
 * From one row of call/refusal.h to a body of the OpenAI, Anthropic or Gemini
 * family, or the bare one (PROXY_ERRORS=plain); contract 1.3, 1.4.  Any
 * thread.
 */
#ifndef PROVIDER_SHAPE_H
#define PROVIDER_SHAPE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"
#include "call/call.h"
#include "call/refusal.h"

struct shape_in {
    enum refusal id;
    enum provider_id provider; /* R_NO_PROVIDER: whose key is missing */
    struct slice names;        /* what the literal text goes on with after ": "
                                  (model, tags): part of the plain form, too */
    struct slice explain;      /* explanation after that; for invalid_json and
                                  invalid_request it is the whole message */
    const char *param;         /* OpenAI "param", or NULL */
    const char *kind;          /* 429: "requests", "tokens", "concurrency" */
    struct slice details;      /* ready JSON object, or empty */
    struct slice request_id;
    int http; /* 0: as the table says */
};

/* The HTTP status of a refusal. */
int shape_status(enum refusal id);
/* Its code ("budget_exceeded"). */
const char *shape_code(enum refusal id);
/* Appends the body (always JSON). */
void shape_error(enum family f, bool plain, const struct shape_in *in,
                 struct buf *out);
/* Appends an error event for a stream that has begun, in the family's form
 * and with the op's event name; complete with its blank line. */
void shape_event(enum family f, enum op op, const struct shape_in *in,
                 struct buf *out);

#endif

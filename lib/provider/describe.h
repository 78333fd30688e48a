/* describe.h - a request body becomes one `call` and a plan of edits.
 *
 * The body is read where it lies, never re-printed: edits are splices and
 * every other byte leaves as it came (contract 3.4).  What bounds the bill is
 * gathered here, before any price is known.  Knows no money.  Any thread; one
 * `struct describer` per thread.
 */
#ifndef PROVIDER_DESCRIBE_H
#define PROVIDER_DESCRIBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"
#include "call/call.h"
#include "call/refusal.h"
#include "provider/bound.h"
#include "provider/route.h"

struct http_field;
struct describer;

/* Counts the tokens of `text` as input of `model` and sets `*bound` to the most
 * that can be billed for it. */
struct token_counter {
    int64_t (*count)(void *arg, enum provider_id provider, struct slice model,
                     struct slice text, int64_t *bound);
    void *arg;
};

struct describe_in {
    const struct route *route;
    const struct http_field *fields; /* of the request's head */
    int field_count;
    struct slice body; /* whole, decoded from any Content-Encoding */
    /* Provider of a model; removes a provider prefix from `*model`
     * (book_resolve). */
    enum provider_id (*resolve)(void *arg, struct slice *model);
    void *resolve_arg;
    struct token_counter counter; /* .count NULL: one token per byte */
    int64_t web_search_hold;      /* WEB_SEARCH_HOLD_CALLS */
};

/* Where an output limit goes. */
enum limit_at {
    LIMIT_NONE,   /* the op has none */
    LIMIT_INSERT, /* not in the body: a member is added */
    LIMIT_NULL,   /* there as null: the null is replaced */
    LIMIT_CLIENT, /* the client's own: never touched */
};

/* What may change in the body.  Offsets count from its first byte. */
struct edit_plan {
    struct slice body;
    size_t open_at;              /* just behind the '{' */
    bool empty_object;           /* "{}": no comma after an insertion */
    size_t model_from, model_to; /* between the quotes; equal: untouched */
    struct slice model_put;      /* replaces them (JSON-escaped already) */
    enum limit_at limit_at;
    const char *limit_name;                 /* "max_completion_tokens", ... */
    const char *limit_before, *limit_after; /* around an inserted member */
    size_t limit_from, limit_to; /* of the null; insertion: the place, 0 is
                                    behind the '{' */
    int64_t limit_fixed;         /* written when nothing else is; 0: none */
    bool add_usage;              /* include_usage:true is to be injected */
    size_t usage_from, usage_to; /* equal 0: insert a new member; else splice
                                    usage_put over [from, to) */
    const char *usage_put;
};

#define DESCRIBED_SIZED 48 /* pictures beyond are counted by their detail */

/* Pictures a request shows to the model. */
struct described_images {
    int64_t of[DETAIL_COUNT]; /* of unknown size */
    int sized_count;
    struct {
        struct image_size size;
        enum image_detail detail;
    } sized[DESCRIBED_SIZED];
};

struct described {
    struct edit_plan edit;
    bool asked_usage;        /* the client itself wants the usage chunk */
    int64_t input_estimate;  /* fallback for settlement (contract 9.4) */
    enum provider_id prefix; /* the body named the provider, or NONE */
    bool sse_answer;         /* a streamed answer was asked for */
    char text[200];          /* why it was refused, for the caller to see */
    const char *param;       /* the member at fault, or NULL */
    int64_t text_tokens, text_bound; /* of the text alone */
    size_t model_at, model_len; /* the model's name in the body, between its
                                   quotes; 0: not in it */
};

/* A scratch for descriptions; owned by one thread. */
struct describer *describer_new(void);
/* Frees and nulls. */
void describer_free(struct describer **d);

/* Understands a request: fills what of `call` comes from the request (family,
 * op, klass, method is the caller's, provider, model, stream, limits, bounds,
 * tier, user) and `out`.  Slices are borrowed from the body or cut from `a`.
 * R_NONE; else R_INVALID_JSON, R_INVALID_REQUEST, R_UNSUPPORTED_PARAMETER,
 * R_MODEL_NOT_FOUND, R_MEDIA_TYPE, R_STORAGE (no memory), with `out->text`. */
enum refusal describe(struct describer *d, const struct describe_in *in,
                      struct arena *a, struct call *call,
                      struct described *out);

/* What the request that `d` described last (as `was`) could be billed with by
 * the provider and model that `call`, a copy of its call, names now: input
 * bound, server tools, output of pictures, units.  `in` as then; with
 * in->counter.count NULL the text is taken to have as many tokens as for the
 * model that was described.  False: no memory. */
MUST_CHECK bool describe_other(struct describer *d,
                               const struct describe_in *in,
                               const struct described *was, struct call *call);

/* True if the limit of a chat completion is max_completion_tokens there:
 * OpenAI's reasoning models refuse max_tokens. */
bool describe_completion_limit(const struct call *c);

#define EDIT_PIECES 10
#define EDIT_SCRATCH 192

/* The outgoing body as pieces, in order; most point into the body, the rest
 * into `scratch`.  `max_tokens` > 0: write this output limit (clamp, default
 * or unknown maximum); ignored for LIMIT_NONE and LIMIT_CLIENT.  Returns the
 * number of pieces. */
int edit_apply(const struct edit_plan *e, int64_t max_tokens,
               struct slice out[static EDIT_PIECES],
               char scratch[static EDIT_SCRATCH]);

/* True if the body leaves exactly as it came. */
bool edit_is_nothing(const struct edit_plan *e, int64_t max_tokens);

/* Appends the outgoing body to `out`. */
void edit_write(const struct edit_plan *e, int64_t max_tokens, struct buf *out);

#endif

/* book.h - which model costs what, since when.
 *
 * A book is an immutable table, built once from layers (built-in text, file,
 * admin rows; later layers win) and swapped by pointer.  Rates are
 * pico-dollars per token.  Any thread.  Knows no store.
 */
#ifndef PRICE_BOOK_H
#define PRICE_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "call/event.h"
#include "call/provider_id.h"
#include "call/usage.h"

/* Rates of one tier; -1: not given (falls back as the README says). */
struct rates {
    int64_t in, cached, cache_write, cache_write_1h, out;
    int64_t audio_in, audio_out, image_in, image_out;
};

enum price_source { PRICE_BUILTIN, PRICE_FILE, PRICE_ADMIN };

/* The price of a model at an instant; lives as long as its book. */
struct price {
    int64_t version; /* stable id of this row for the ledger */
    enum provider_id provider;
    struct slice model;
    enum price_source source;
    int64_t from_ms; /* in force since */
    struct rates standard, flex, priority, batch;
    int64_t long_above;  /* whole request switches past this input; 0 */
    bool long_inclusive; /* at, not only past, the threshold */
    struct rates long_ctx, long_flex, long_priority;
    int64_t web_search;  /* nano-dollars per call; 0 */
    int64_t per_image;   /* nano-dollars, dearest quality; 0 */
    int64_t per_audio_s; /* nano-dollars per second; 0 */
    int64_t per_char;    /* pico-dollars per character; 0 */
    int fast_permille, us_permille, eu_permille; /* 1000 = none */
    int64_t context, max_output;                 /* tokens; 0: unknown */
    struct slice text_source, text_date; /* where the figures are from */
};

struct book;
struct book_builder;

/* Starts a book; dies only on small fixed sizes. */
struct book_builder *book_builder_new(void);
/* Adds the built-in table (lib/price/book.txt, embedded).  E_CORRUPT: a bug. */
MUST_CHECK enum status book_add_builtin(struct book_builder *b,
                                        struct err *err);
/* Adds rows in our text format; `source` says which layer.  E_INVALID names
 * line and field. */
MUST_CHECK enum status book_add_text(struct book_builder *b, struct slice text,
                                     enum price_source source, struct err *err);
/* Adds MODEL_PRICING_JSON/FILE: {"model":{"input","output"}} USD per 1K. */
MUST_CHECK enum status book_add_per_1k(struct book_builder *b,
                                       struct slice json, struct err *err);
/* Adds one row (copied). */
MUST_CHECK enum status book_add(struct book_builder *b, const struct price *p,
                                struct err *err);
/* Ends building (frees `b`, nulls) and returns the book. */
struct book *book_finish(struct book_builder **b);
/* Counted references: one per holder. */
struct book *book_ref(struct book *b);
/* Drops one; frees with the last.  Nulls. */
void book_unref(struct book **b);

/* Exact name, then without date suffix or "-latest" if unambiguous, within
 * `provider` (PROVIDER_NONE: any).  NULL: none. */
const struct price *book_find(const struct book *b, enum provider_id provider,
                              struct slice model, int64_t at_ms);
/* Provider of a model per contract 3.3: prefix removed from `*model`, exact
 * name, pattern, else OpenAI. */
enum provider_id book_resolve(const struct book *b, struct slice *model,
                              int64_t at_ms);
/* The dearest rates of a provider, for UNKNOWN_PRICE=dearest (each class at
 * its maximum over text models).  NULL: no model of it is known. */
const struct price *book_dearest(const struct book *b,
                                 enum provider_id provider, int64_t at_ms);
/* Row by version; NULL. */
const struct price *book_version(const struct book *b, int64_t version);
/* Walks what is in force at `at_ms`, by provider and model. */
void book_each(const struct book *b, int64_t at_ms,
               bool (*fn)(void *arg, const struct price *p), void *arg);

#endif

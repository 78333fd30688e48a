/* count.h - how many tokens a text is, as tiktoken counts.
 *
 * Text may be any bytes: what is no UTF-8 counts as U+FFFD (utf8.h).  Special
 * tokens in text are ordinary text.  The tables are read-only and need no
 * start; any thread.  Counting uses a few KB of stack and, but for texts made
 * against it (bpe.h), no heap.
 */
#ifndef TOKEN_COUNT_H
#define TOKEN_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "token/bpe.h"
#include "token/ranks.h"

/* The encoding of a model by its name: dated names, fine-tunes ("ft:...") and
 * a provider's prefix ("openai/...") are seen through; a name nobody knows has
 * o200k_base.  Source: tiktoken's model.py. */
enum encoding count_encoding(struct slice model);
/* Its name, "o200k_base". */
const char *count_encoding_name(enum encoding e);
/* The encoding of that name.  False: there is none. */
bool count_encoding_find(struct slice name, enum encoding *e);

/* Tokens of `text`. */
int64_t count_text(enum encoding e, struct slice text);
/* Hands the ids of `text` to `fn` in runs.  Answers their number, -1: no
 * memory (some may have been handed over). */
int64_t count_ids(enum encoding e, struct slice text, bpe_ids_fn *fn,
                  void *arg);

/* A text that comes in parts, cut anywhere; counted as if whole.  Keeps what
 * no boundary has ended yet, at most COUNT_PENDING bytes: a longer word is
 * counted in parts. */
struct count_stream {
    enum encoding encoding;
    struct buf pending; /* well-formed, not counted yet */
    size_t looked;      /* no boundary below */
    uint8_t open[4];    /* begun character */
    size_t open_n;
    int64_t counted;
};

#define COUNT_PENDING ((size_t)1 << 18)

/* Readies one; allocates nothing. */
void count_stream_init(struct count_stream *s, enum encoding e);
/* Begins another text in an initialised one, with the memory it has. */
void count_stream_start(struct count_stream *s, enum encoding e);
/* Adds a part.  Without memory its bytes are the count. */
void count_stream_add(struct count_stream *s, struct slice part);
/* Tokens so far, as if the text ended here; more may be added. */
int64_t count_stream_get(const struct count_stream *s);
/* Frees what it keeps. */
void count_stream_release(struct count_stream *s);

#endif

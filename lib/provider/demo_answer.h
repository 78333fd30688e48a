/* demo_answer.h - one answer of the demo provider in the making; shared by
 * demo.c and demo_responses.c only.
 */
#ifndef PROVIDER_DEMO_ANSWER_H
#define PROVIDER_DEMO_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

#define DEMO_PIECES 2048
#define DEMO_WORDS 400

struct demo_piece {
    size_t end; /* in `all` */
    int delay_ms;
};

struct demo {
    struct arena a;
    struct buf all;
    struct demo_piece pieces[DEMO_PIECES];
    int count, at;
    int status;
    bool events;
    /* the request */
    const struct json *body;
    struct slice model;
    bool large, stream, usage_asked;
    int64_t limit; /* output tokens */
    int choices;
    int64_t created, prompt, cached;
    char id[17];
    struct slice tool; /* name of the function to be called, or empty */
    char args[512];
    struct slice words[DEMO_WORDS];
    int word_count, said; /* said: within the limit */
};

/* Ends a piece here; it is sent `delay_ms` after the one before. */
void demo_cut(struct demo *d, int delay_ms);
/* Delays in ms: before the first word, per word, of an answer that comes in
 * one piece. */
int demo_pace_first(const struct demo *d);
int demo_pace_word(const struct demo *d);
int demo_pace_whole(const struct demo *d);
/* The words within the limit, as one text. */
struct slice demo_said_text(const struct demo *d);
/* What the answer costs. */
int64_t demo_completion_tokens(const struct demo *d);

/* ---- demo_responses.c --------------------------------------------------- */
/* The answer of POST /v1/responses as events. */
void demo_response_stream(struct demo *d);
/* The same as one object. */
void demo_response_whole(struct demo *d);

#endif

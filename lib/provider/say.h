/* say.h - what a model said, in no provider's words.
 *
 * The hub of translated answers: readers turn a provider's whole answer or
 * its events into the same small steps, writers turn steps into the client's
 * events, or at the end into one whole answer.  One thread; slices are
 * borrowed for the call.
 */
#ifndef PROVIDER_SAY_H
#define PROVIDER_SAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/slice.h"
#include "call/call.h"

#define SAY_CHOICES 8  /* candidates of one answer */
#define SAY_CALLS 128  /* tool calls of one choice */
#define SAY_ID_MAX 128 /* longest id or name that is kept */

enum say_kind {
    SAY_START,    /* text: model */
    SAY_TEXT,     /* a piece of text */
    SAY_THINKING, /* a piece of reasoning */
    SAY_CALL,     /* a call begins: id, name, signature */
    SAY_ARGS,     /* a piece of the last call's arguments */
    SAY_STOP,     /* a choice ends: stop */
    SAY_ERROR,    /* the provider failed within the answer: text, name: type */
};

enum say_stop { STOP_END, STOP_LENGTH, STOP_TOOLS, STOP_FILTER };

struct say {
    enum say_kind kind;
    int choice;
    struct slice text, id, name, signature;
    enum say_stop stop;
};

/* ---- reading ------------------------------------------------------------ */

struct say_reader {
    void (*emit)(void *arg, const struct say *s);
    void *arg;
    bool started, failed;      /* failed: an error was reported */
    bool ended;                /* a stop was said */
    enum say_stop stop;        /* Anthropic's, until its event comes */
    int64_t calls;             /* of the whole answer */
    struct slice salt;         /* goes into ids that are made up here */
    int64_t open[SAY_CHOICES]; /* chat: calls begun, by choice */
};

/* Readies a reader. */
void say_reader_init(struct say_reader *r,
                     void (*emit)(void *arg, const struct say *s), void *arg);
/* One event of OpenAI's chat/completions, or a whole answer of it. */
void say_chat_read(struct say_reader *r, const struct json *v);
/* One event of Anthropic's messages, or a whole answer. */
void say_claude_read(struct say_reader *r, const struct json *v);
/* One chunk of Google's generateContent, or a whole answer. */
void say_gemini_read(struct say_reader *r, const struct json *v);

/* ---- writing ------------------------------------------------------------ */

struct say_call {
    char id[SAY_ID_MAX + 1], name[SAY_ID_MAX + 1];
    struct buf args, signature;
};

struct say_choice {
    bool used, stopped;
    struct buf text, thinking;
    struct say_call *calls;
    int call_count;
    enum say_stop stop;
};

struct say_writer {
    bool stream, include_usage;
    int64_t created; /* Unix seconds */
    char id[64];     /* without the family's prefix */
    char model[USAGE_MODEL_MAX];
    bool begun, ended, error;
    struct say_choice of[SAY_CHOICES];
    struct usage usage; /* known when it ends */
    /* Anthropic, responses: the block or item that is open */
    enum say_kind block; /* SAY_TEXT, SAY_THINKING, SAY_CALL; SAY_STOP: none */
    int blocks, sequence;
    int open_call; /* responses: index of the call that is the open item */
    struct buf items, piece; /* responses: closed items, text of the open one */
    struct buf *out;
};

/* Readies a writer of an answer with this id. */
void say_writer_init(struct say_writer *w, struct slice id, int64_t created,
                     bool stream, bool include_usage);
/* Frees what it keeps. */
void say_writer_release(struct say_writer *w);
/* Keeps a step, as every writer does first.  False: beyond the limits. */
bool say_keep(struct say_writer *w, const struct say *s);

/* One step; appends events to `w->out` if the client streams. */
void say_chat_step(struct say_writer *w, const struct say *s);
void say_responses_step(struct say_writer *w, const struct say *s);
void say_claude_step(struct say_writer *w, const struct say *s);
/* The answer is over and `w->usage` known: appends its last events, or the
 * whole answer. */
void say_chat_end(struct say_writer *w);
void say_responses_end(struct say_writer *w);
void say_claude_end(struct say_writer *w);

#endif

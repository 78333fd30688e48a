/* ask.h - a conversation and its wishes, in no provider's words.
 *
 * The hub of translation (contract 3.5): each wire format has a reader into
 * it and a writer out of it, so that any client format reaches any provider.
 * Not for native routes, whose bodies leave as they came.  Everything lives
 * in the arena it was made with; slices and trees may point into the body.
 * One thread.
 */
#ifndef PROVIDER_ASK_H
#define PROVIDER_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/slice.h"
#include "call/refusal.h"

enum ask_role { ASK_SYSTEM, ASK_USER, ASK_ASSISTANT };

enum ask_kind {
    ASK_TEXT,
    ASK_IMAGE,
    ASK_FILE,
    ASK_AUDIO,
    ASK_THINKING,
    ASK_CALL,   /* the model calls a tool */
    ASK_RESULT, /* what the tool answered, in a user turn */
};

struct ask_part {
    enum ask_kind kind;
    struct slice text;             /* text or thinking */
    struct slice media, data, url; /* type and base64, or a link */
    struct slice id, name;         /* of the call */
    const struct json *args;       /* of a call: an object */
    struct slice signature;        /* of thinking or of a call */
    bool is_error;                 /* of a result */
    struct ask_part *inner;        /* of a result */
    struct ask_part *next;
};

struct ask_turn {
    enum ask_role role;
    struct ask_part *parts, *last;
    struct ask_turn *next;
};

struct ask_tool {
    struct slice name, description;
    const struct json *schema; /* NULL: no parameters */
    struct ask_tool *next;
};

enum ask_choice {
    ASK_CHOICE_UNSET,
    ASK_CHOICE_AUTO,
    ASK_CHOICE_NONE,
    ASK_CHOICE_ANY,
    ASK_CHOICE_NAMED,
};

enum ask_format { ASK_PLAIN, ASK_JSON, ASK_SCHEMA };

struct ask {
    struct arena *a;
    struct slice model; /* as the provider knows it */
    bool stream, include_usage;
    struct ask_turn *turns, *last;
    struct ask_tool *tools, *last_tool;
    enum ask_choice choice;
    struct slice choice_name;
    bool one_call;      /* no parallel calls */
    int64_t max_output; /* -1: none */
    int64_t n;
    const struct json *temperature, *top_p, *top_k, *seed;
    const struct json *presence, *frequency;
    const struct json *stop; /* a string or an array of strings */
    enum ask_format format;
    const struct json *schema;
    struct slice schema_name;
    struct slice effort;     /* "none" ... "max"; empty: not said */
    int64_t thinking_budget; /* tokens; -1: not said, 0: no thinking */
    struct slice user, tier;
    bool web_search;
    /* why it cannot be asked */
    enum refusal why;
    const char *param;
    char text[200];
};

/* Begins an empty one. */
void ask_init(struct ask *q, struct arena *a);
/* Notes a refusal (the first stays) and answers false. */
PRINTF_LIKE(4, 5)
bool ask_refuse(struct ask *q, enum refusal why, const char *param,
                const char *fmt, ...);
/* A new part at the end of a turn of `role`; consecutive turns of one role
 * are one.  NULL: no memory (noted). */
struct ask_part *ask_add(struct ask *q, enum ask_role role, enum ask_kind kind);
/* A new part within a result.  NULL: no memory (noted). */
struct ask_part *ask_add_inner(struct ask *q, struct ask_part *result,
                               enum ask_kind kind);
/* Adds text unless it is empty: some providers refuse empty parts. */
bool ask_add_text(struct ask *q, enum ask_role role, struct slice text);
/* A new tool.  NULL: no memory (noted). */
struct ask_tool *ask_add_tool(struct ask *q);
/* Fills media type and data, or the link, from a data: or web URL.  False:
 * neither. */
bool ask_url(struct ask_part *p, struct slice url);
/* Sets a call's arguments from their JSON text; empty is {}.  False: not a
 * JSON object (noted). */
bool ask_args(struct ask *q, struct ask_part *call, struct slice text);
/* Gives every result the name of its call. */
void ask_name_results(struct ask *q);
/* Writes a tree as JSON; numbers keep their text. */
void ask_json(struct json_out *o, const struct json *v);
/* The text of a result: its text parts joined. */
struct slice ask_result_text(struct ask *q, const struct ask_part *result);

/* Readers: false, and `q->why` says why not. */

/* A body of OpenAI's chat/completions. */
bool ask_chat_read(struct ask *q, const struct json *body);
/* A body of OpenAI's responses. */
bool ask_responses_read(struct ask *q, const struct json *body);
/* A body of Anthropic's messages. */
bool ask_claude_read(struct ask *q, const struct json *body);

/* Writers: append the body for the provider; `max_tokens` > 0 is the output
 * limit, else there is none.  False: cannot be asked there (`q->why`). */

/* OpenAI's chat/completions; `completion_limit`: the limit is named
 * max_completion_tokens. */
bool ask_chat_write(struct ask *q, int64_t max_tokens, bool completion_limit,
                    struct buf *out);
/* Anthropic's messages. */
bool ask_claude_write(struct ask *q, int64_t max_tokens, struct buf *out);
/* Google's generateContent. */
bool ask_gemini_write(struct ask *q, int64_t max_tokens, struct buf *out);

#endif

/* facts.h - what one pass over a request's body finds.
 *
 * For describe.c only: the walk over the body in any family's wire format,
 * which notes facts and counts what can be billed as input, and refuses what
 * is not well-formed.  What the facts mean is decided in describe.c.  Owned
 * by one thread.
 */
#ifndef PROVIDER_FACTS_H
#define PROVIDER_FACTS_H

#include "provider/bound.h"
#include "provider/describe.h"
#include "provider/pull.h"

#define MEMBERS_MAX 128 /* top-level members of a body */
#define MODEL_NAME_MAX 200
#define TOKENS_MAX INT64_C(1000000000000)
#define CHOICES_MAX 1024
#define LABEL_MAX 96 /* longest id, type or role that is not counted */

enum how {
    HOW_SKIP, /* no part of the prompt */
    HOW_TEXT, /* strings and numbers count */
    HOW_RAW,  /* the JSON text counts */
};

/* name, how its content counts */
#define MEMBERS(X)                                         \
    X(MODEL, "model", HOW_SKIP)                            \
    X(STREAM, "stream", HOW_SKIP)                          \
    X(STREAM_OPTIONS, "stream_options", HOW_SKIP)          \
    X(MAX_TOKENS, "max_tokens", HOW_SKIP)                  \
    X(MAX_COMPLETION, "max_completion_tokens", HOW_SKIP)   \
    X(MAX_OUTPUT, "max_output_tokens", HOW_SKIP)           \
    X(N, "n", HOW_SKIP)                                    \
    X(BEST_OF, "best_of", HOW_SKIP)                        \
    X(SERVICE_TIER, "service_tier", HOW_SKIP)              \
    X(USER, "user", HOW_SKIP)                              \
    X(BACKGROUND, "background", HOW_SKIP)                  \
    X(PREVIOUS, "previous_response_id", HOW_SKIP)          \
    X(CONVERSATION, "conversation", HOW_SKIP)              \
    X(MAX_TOOL_CALLS, "max_tool_calls", HOW_SKIP)          \
    X(WEB_SEARCH, "web_search_options", HOW_SKIP)          \
    X(SIZE, "size", HOW_SKIP)                              \
    X(QUALITY, "quality", HOW_SKIP)                        \
    X(MESSAGES, "messages", HOW_TEXT)                      \
    X(INPUT, "input", HOW_TEXT)                            \
    X(PROMPT, "prompt", HOW_TEXT)                          \
    X(TOOLS, "tools", HOW_RAW)                             \
    X(INSTRUCTIONS, "instructions", HOW_TEXT)              \
    X(PREDICTION, "prediction", HOW_TEXT)                  \
    X(IMAGES, "images", HOW_TEXT)                          \
    X(IMAGE, "image", HOW_TEXT)                            \
    X(MASK, "mask", HOW_TEXT)                              \
    X(AUDIO, "audio", HOW_SKIP)                            \
    X(FUNCTIONS, "functions", HOW_RAW)                     \
    X(RESPONSE_FORMAT, "response_format", HOW_RAW)         \
    X(TEXT, "text", HOW_RAW)                               \
    X(METADATA, "metadata", HOW_SKIP)                      \
    X(STORE, "store", HOW_SKIP)                            \
    X(TEMPERATURE, "temperature", HOW_SKIP)                \
    X(TOP_P, "top_p", HOW_SKIP)                            \
    X(SEED, "seed", HOW_SKIP)                              \
    X(STOP, "stop", HOW_SKIP)                              \
    X(LOGIT_BIAS, "logit_bias", HOW_SKIP)                  \
    X(LOGPROBS, "logprobs", HOW_SKIP)                      \
    X(TOP_LOGPROBS, "top_logprobs", HOW_SKIP)              \
    X(FREQUENCY, "frequency_penalty", HOW_SKIP)            \
    X(PRESENCE, "presence_penalty", HOW_SKIP)              \
    X(CACHE_KEY, "prompt_cache_key", HOW_SKIP)             \
    X(CACHE_RETENTION, "prompt_cache_retention", HOW_SKIP) \
    X(CACHE_OPTIONS, "prompt_cache_options", HOW_SKIP)     \
    X(SAFETY_ID, "safety_identifier", HOW_SKIP)            \
    X(REASONING, "reasoning", HOW_SKIP)                    \
    X(REASONING_EFFORT, "reasoning_effort", HOW_SKIP)      \
    X(VERBOSITY, "verbosity", HOW_SKIP)                    \
    X(TRUNCATION, "truncation", HOW_SKIP)                  \
    X(INCLUDE, "include", HOW_SKIP)                        \
    X(PARALLEL, "parallel_tool_calls", HOW_SKIP)           \
    X(TOOL_CHOICE, "tool_choice", HOW_SKIP)                \
    X(MODALITIES, "modalities", HOW_SKIP)                  \
    X(ENCODING, "encoding_format", HOW_SKIP)               \
    X(DIMENSIONS, "dimensions", HOW_SKIP)                  \
    /* Anthropic */                                        \
    X(SYSTEM, "system", HOW_TEXT)                          \
    X(STOP_SEQUENCES, "stop_sequences", HOW_SKIP)          \
    X(THINKING, "thinking", HOW_SKIP)                      \
    X(TOP_K, "top_k", HOW_SKIP)                            \
    X(SPEED, "speed", HOW_SKIP)                            \
    X(INFERENCE_GEO, "inference_geo", HOW_SKIP)            \
    X(CONTAINER, "container", HOW_SKIP)                    \
    X(MCP_SERVERS, "mcp_servers", HOW_SKIP)                \
    X(FALLBACKS, "fallbacks", HOW_SKIP)                    \
    X(CACHE_CONTROL, "cache_control", HOW_SKIP)            \
    /* Google, in both spellings */                        \
    X(CONTENTS, "contents", HOW_TEXT)                      \
    X(CONTENT, "content", HOW_TEXT)                        \
    X(REQUESTS, "requests", HOW_TEXT)                      \
    X(SYSTEM_CAMEL, "systemInstruction", HOW_TEXT)         \
    X(SYSTEM_SNAKE, "system_instruction", HOW_TEXT)        \
    X(CONFIG_CAMEL, "generationConfig", HOW_RAW)           \
    X(CONFIG_SNAKE, "generation_config", HOW_RAW)          \
    X(CACHED_CAMEL, "cachedContent", HOW_SKIP)             \
    X(CACHED_SNAKE, "cached_content", HOW_SKIP)            \
    X(TIER_CAMEL, "serviceTier", HOW_SKIP)                 \
    X(SAFETY_CAMEL, "safetySettings", HOW_SKIP)            \
    X(SAFETY_SNAKE, "safety_settings", HOW_SKIP)           \
    X(TOOL_CAMEL, "toolConfig", HOW_SKIP)                  \
    X(TOOL_SNAKE, "tool_config", HOW_SKIP)

enum member {
    M_OTHER,
#define X(id, name, how) MEM_##id,
    MEMBERS(X)
#undef X
        MEM_COUNT
};

/* Output limits by the name of their member. */
enum limit_name {
    MAX_TOKENS,
    MAX_COMPLETION,
    MAX_OUTPUT,
    MAX_CONFIG, /* generationConfig.maxOutputTokens */
    LIMITS,
};

/* A limit as the client wrote it. */
struct limit {
    bool given, is_null;
    int64_t value;
    size_t from, to;
};

/* What one pass over the body finds. */
struct facts {
    struct slice keys[MEMBERS_MAX]; /* top-level, decoded where escaped */
    int key_count;
    bool given[MEM_COUNT];
    enum pull_token type[MEM_COUNT];
    size_t open_at; /* behind the '{' */
    struct slice model_raw;
    bool model_escaped;
    size_t model_at;
    bool stream;
    struct limit limits[LIMITS];
    int64_t n, best_of, max_tool_calls;
    struct slice tier, user, size, quality, speed, geo;
    bool background, history, files, audio, video, web_search, fallbacks;
    bool config; /* a generationConfig is given; it is an object from here: */
    size_t config_open;
    bool config_empty;
    int64_t server_tool_count, uses, uses_count; /* Anthropic's max_uses */
    bool server_tools; /* hosted tools that add to the input */
    bool usage_true;
    size_t options_from, options_to, include_from, include_to;
    bool options_empty;
    int64_t text_bytes, numbers, messages, tools, items, characters;
    struct described_images images;
};

/* One open container while walking. */
struct level {
    struct slice key; /* of the member being read, raw */
    bool escaped;     /* the key is */
    bool is_object;
    bool image, has_detail;
    bool media;    /* it holds bytes or a link, no text */
    bool is_image; /* its type says so */
    bool json;     /* arguments or results of tools: every byte is prompt */
    enum image_detail detail; /* the dearest, if given twice */
    struct image_size size;   /* zero: unknown */
};

struct describer {
    struct facts f;
    struct level level[PULL_DEPTH + 2];
    struct buf text; /* a decoded string for the tokenizer */
};

/* One description under way. */
struct work {
    struct describer *d;
    struct facts *f;
    const struct describe_in *in;
    struct arena *a;
    struct call *call;
    struct described *out;
    struct pull r;
    enum member top;
    size_t raw_from;
    bool form;     /* multipart: fields, no JSON */
    bool counting; /* second pass */
    int64_t tokens, token_bound;
    enum refusal why;
};

/* Notes why the request is refused (the first reason stays) and answers
 * false. */
PRINTF_LIKE(4, 5)
bool facts_refuse(struct work *w, enum refusal why, const char *param,
                  const char *fmt, ...);
/* The same for a member of the wrong type. */
bool facts_refuse_type(struct work *w, enum member m, const char *what);
/* The name of a member. */
const char *facts_name(enum member m);
/* A string's content between its quotes, decoded; borrowed from the body
 * where possible, else cut from the arena. */
struct slice facts_text(struct work *w, struct slice raw, bool escaped);
/* Walks the body, JSON or a form as its type says, and fills `w->f`. */
bool facts_read(struct work *w);
/* Walks a JSON body again and counts its text with the counter into
 * `w->tokens` and `w->token_bound`.  This is where a tokenizer is called. */
bool facts_count(struct work *w);

#endif

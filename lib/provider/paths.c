/* paths.c - the tables of paths, from the providers' API references.
 *
 * A fact may stand at several paths of a format: Anthropic's usage is at the
 * top of whole answers and of message_delta, and below "message" in
 * message_start.
 */
#include "provider/paths.h"

#include "base/mem.h"

/* below "usage" */
#define OPENAI_USAGE(X)                                                 \
    X("prompt_tokens", V_PROMPT)                                        \
    X("completion_tokens", V_COMPLETION)                                \
    X("total_tokens", V_TOTAL)                                          \
    X("input_tokens", V_INPUT)                                          \
    X("output_tokens", V_OUTPUT)                                        \
    X("prompt_tokens_details.cached_tokens", V_P_CACHED)                \
    X("prompt_tokens_details.cache_write_tokens", V_P_WRITTEN)          \
    X("prompt_tokens_details.audio_tokens", V_P_AUDIO)                  \
    X("prompt_tokens_details.image_tokens", V_P_IMAGE)                  \
    X("completion_tokens_details.reasoning_tokens", V_C_REASONING)      \
    X("completion_tokens_details.audio_tokens", V_C_AUDIO)              \
    X("completion_tokens_details.image_tokens", V_C_IMAGE)              \
    X("input_tokens_details.cached_tokens", V_I_CACHED)                 \
    X("input_tokens_details.cache_write_tokens", V_I_WRITTEN)           \
    X("input_tokens_details.cache_write_tokens_details.ttl_12h_tokens", \
      V_I_WRITTEN_12H)                                                  \
    X("input_tokens_details.audio_tokens", V_I_AUDIO)                   \
    X("input_tokens_details.image_tokens", V_I_IMAGE)                   \
    X("input_token_details.audio_tokens", V_T_AUDIO)                    \
    X("input_token_details.cached_tokens", V_T_CACHED)                  \
    X("output_tokens_details.reasoning_tokens", V_O_REASONING)          \
    X("output_tokens_details.audio_tokens", V_O_AUDIO)                  \
    X("output_tokens_details.image_tokens", V_O_IMAGE)                  \
    X("prompt_cache_hit_tokens", V_DS_HIT)

/* beside it: in the answer object, which streams of responses wrap */
#define OPENAI_OWN(X)                                     \
    X("tool_usage.web_search.num_requests", V_SEARCHES)   \
    X("tool_usage.image_gen.input_tokens", V_GEN_INPUT)   \
    X("tool_usage.image_gen.output_tokens", V_GEN_OUTPUT) \
    X("usage", P_USAGE)                                   \
    X("usage.seconds", P_SECONDS)                         \
    X("model", P_MODEL)                                   \
    X("service_tier", P_TIER)                             \
    X("output.*.type", P_OUT_TYPE)

/* always at the top */
#define OPENAI_TOP(X)                                               \
    X("x_groq.usage.prompt_tokens", V_GROQ_PROMPT)                  \
    X("x_groq.usage.completion_tokens", V_GROQ_COMPLETION)          \
    X("duration", P_DURATION)                                       \
    X("type", P_TYPE)                                               \
    X("error", P_ERROR)                                             \
    X("choices", P_CHOICES)                                         \
    X("choices.*", P_CHOICE)                                        \
    X("choices.*.index", P_INDEX)                                   \
    X("choices.*.finish_reason", P_FINISH)                          \
    X("data", P_DATA)                                               \
    X("item.type", P_ITEM_TYPE)                                     \
    X("choices.*.delta.content", P_WORDS)                           \
    X("choices.*.delta.reasoning_content", P_WORDS)                 \
    X("choices.*.delta.reasoning", P_WORDS)                         \
    X("choices.*.delta.refusal", P_WORDS)                           \
    X("choices.*.delta.tool_calls.*.function.name", P_WORDS)        \
    X("choices.*.delta.tool_calls.*.function.arguments", P_WORDS)   \
    X("choices.*.text", P_WORDS)                                    \
    X("choices.*.message.content", P_WORDS)                         \
    X("choices.*.message.reasoning_content", P_WORDS)               \
    X("choices.*.message.refusal", P_WORDS)                         \
    X("choices.*.message.tool_calls.*.function.arguments", P_WORDS) \
    X("output.*.content.*.text", P_WORDS)                           \
    X("output.*.arguments", P_WORDS)                                \
    X("delta", P_DELTA)                                             \
    X("text", P_TEXT)

/* below "usage", and "message.usage" in message_start */
#define CLAUDE_USAGE(X)                                       \
    X("input_tokens", V_INPUT)                                \
    X("output_tokens", V_OUTPUT)                              \
    X("cache_read_input_tokens", V_A_READ)                    \
    X("cache_creation_input_tokens", V_A_WRITTEN)             \
    X("cache_creation.ephemeral_5m_input_tokens", V_A_5M)     \
    X("cache_creation.ephemeral_1h_input_tokens", V_A_1H)     \
    X("output_tokens_details.thinking_tokens", V_O_REASONING) \
    X("server_tool_use.web_search_requests", V_SEARCHES)      \
    X("service_tier", P_TIER)                                 \
    X("speed", P_SPEED)                                       \
    X("inference_geo", P_GEO)

/* sampling turns; compaction is in no other number */
#define CLAUDE_TURNS(X)                                           \
    X("iterations", P_TURNS)                                      \
    X("iterations.*", P_TURN)                                     \
    X("iterations.*.type", P_TURN_TYPE)                           \
    X("iterations.*.input_tokens", P_TURN_INPUT)                  \
    X("iterations.*.cache_read_input_tokens", P_TURN_READ)        \
    X("iterations.*.cache_creation_input_tokens", P_TURN_WRITTEN) \
    X("iterations.*.output_tokens", P_TURN_OUTPUT)

#define CLAUDE_TOP(X)                \
    X("usage", P_USAGE)              \
    X("message.usage", P_USAGE)      \
    X("model", P_MODEL)              \
    X("message.model", P_MODEL)      \
    X("type", P_TYPE)                \
    X("error", P_ERROR)              \
    X("stop_reason", P_FINISH)       \
    X("delta.stop_reason", P_FINISH) \
    X("content.*.text", P_WORDS)     \
    X("content.*.thinking", P_WORDS) \
    X("delta.text", P_WORDS)         \
    X("delta.thinking", P_WORDS)     \
    X("delta.partial_json", P_WORDS)

#define GEMINI(X)                                                          \
    X("usageMetadata", P_USAGE)                                            \
    X("usageMetadata.promptTokenCount", V_PROMPT)                          \
    X("usageMetadata.candidatesTokenCount", V_COMPLETION)                  \
    X("usageMetadata.totalTokenCount", V_TOTAL)                            \
    X("usageMetadata.cachedContentTokenCount", V_G_CACHED)                 \
    X("usageMetadata.thoughtsTokenCount", V_G_THOUGHTS)                    \
    X("usageMetadata.toolUsePromptTokenCount", V_G_TOOL)                   \
    X("usageMetadata.serviceTier", P_TIER)                                 \
    X("usageMetadata.trafficType", P_TIER)                                 \
    X("usageMetadata.promptTokensDetails", P_PARTS_IN)                     \
    X("usageMetadata.promptTokensDetails.*", P_PART_IN)                    \
    X("usageMetadata.promptTokensDetails.*.modality", P_PART_KIND)         \
    X("usageMetadata.promptTokensDetails.*.tokenCount", P_PART_TOKENS)     \
    X("usageMetadata.cacheTokensDetails", P_PARTS_CACHED)                  \
    X("usageMetadata.cacheTokensDetails.*", P_PART_CACHED)                 \
    X("usageMetadata.cacheTokensDetails.*.modality", P_PART_KIND)          \
    X("usageMetadata.cacheTokensDetails.*.tokenCount", P_PART_TOKENS)      \
    X("usageMetadata.candidatesTokensDetails", P_PARTS_OUT)                \
    X("usageMetadata.candidatesTokensDetails.*", P_PART_OUT)               \
    X("usageMetadata.candidatesTokensDetails.*.modality", P_PART_KIND)     \
    X("usageMetadata.candidatesTokensDetails.*.tokenCount", P_PART_TOKENS) \
    X("modelVersion", P_MODEL)                                             \
    X("error", P_ERROR)                                                    \
    X("candidates.*.finishReason", P_FINISH)                               \
    X("promptFeedback.blockReason", P_FINISH)                              \
    X("candidates.*.groundingMetadata.webSearchQueries", P_QUERIES)        \
    X("candidates.*.content.parts.*.text", P_WORDS)

struct row {
    const char *path;
    int fact;
};

#define BARE(path, fact) {path, fact},
#define IN_USAGE(path, fact) {"usage." path, fact},
#define IN_MESSAGE(path, fact) {"message.usage." path, fact},
#define IN_RESPONSE(path, fact) {"response." path, fact},
#define IN_RESPONSE_USAGE(path, fact) {"response.usage." path, fact},
#define IN_LIST(path, fact) {"*." path, fact},

static const struct row openai[] = {OPENAI_USAGE(IN_USAGE) OPENAI_OWN(BARE)
                                        OPENAI_TOP(BARE)};
static const struct row response[] = {
    OPENAI_USAGE(IN_RESPONSE_USAGE) OPENAI_OWN(IN_RESPONSE) OPENAI_TOP(BARE)};
static const struct row claude[] = {CLAUDE_USAGE(IN_USAGE) CLAUDE_USAGE(
    IN_MESSAGE) CLAUDE_TURNS(IN_USAGE) CLAUDE_TOP(BARE)};
static const struct row gemini[] = {GEMINI(BARE)};
static const struct row gemini_list[] = {GEMINI(IN_LIST)};

#define N(table) (int)(sizeof table / sizeof *table)
_Static_assert(N(openai) <= SCAN_PATHS && N(response) <= SCAN_PATHS &&
                   N(claude) <= SCAN_PATHS && N(gemini) <= SCAN_PATHS,
               "too many paths for one scan");

static const struct {
    const struct row *rows;
    int n;
} tables[FORMATS] = {
    [FORMAT_OPENAI] = {openai, N(openai)},
    [FORMAT_RESPONSE] = {response, N(response)},
    [FORMAT_CLAUDE] = {claude, N(claude)},
    [FORMAT_GEMINI] = {gemini, N(gemini)},
    [FORMAT_GEMINI_LIST] = {gemini_list, N(gemini_list)},
};

struct paths *paths_new(void)
{
    struct paths *p = xcalloc(1, sizeof *p);
    for (int f = 0; f < FORMATS; f++) {
        const char *names[SCAN_PATHS];
        for (int i = 0; i < tables[f].n; i++)
            names[i] = tables[f].rows[i].path;
        p->of[f] = scan_paths_new(names, tables[f].n);
    }
    return p;
}

void paths_free(struct paths **p)
{
    if (*p == NULL)
        return;
    for (int f = 0; f < FORMATS; f++)
        scan_paths_free(&(*p)->of[f]);
    free(*p);
    *p = NULL;
}

int paths_fact(enum format f, int i)
{
    return tables[f].rows[i].fact;
}

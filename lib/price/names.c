/* names.c - see names.h.  Tables; O(rows) each, all short. */
#include "price/names.h"

#include <string.h>

/* True if the last bytes of `s` look like `shape`, 'd' being a digit. */
static bool ends_like(struct slice s, const char *shape)
{
    size_t n = strlen(shape);
    if (s.n <= n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = s.p[s.n - n + i];
        if (shape[i] == 'd' ? c < '0' || c > '9' : c != shape[i])
            return false;
    }
    return true;
}

struct slice names_base(struct slice name)
{
    if (ends_like(name, "-20dd-dd-dd"))
        return slice(name.p, name.n - 11);
    if (ends_like(name, "-20dddddd"))
        return slice(name.p, name.n - 9);
    // not ends_like: the 'd' of its shapes is a digit
    if (name.n > 7 && slice_ends(name, "-latest"))
        return slice(name.p, name.n - 7);
    return name;
}

enum provider_id names_prefix(struct slice *model)
{
    static const struct {
        const char *prefix;
        enum provider_id id;
    } prefixes[] = {
        {"openai/", PROVIDER_OPENAI},
        {"azure/", PROVIDER_AZURE},
        {"anthropic/", PROVIDER_ANTHROPIC},
        {"google/", PROVIDER_GOOGLE},
        {"gemini/", PROVIDER_GOOGLE},
        {"mistral/", PROVIDER_MISTRAL},
        {"deepseek/", PROVIDER_DEEPSEEK},
        {"xai/", PROVIDER_XAI},
        {"groq/", PROVIDER_GROQ},
        {"openrouter/", PROVIDER_OPENROUTER},
        {"cohere/", PROVIDER_COHERE},
        {"demo/", PROVIDER_DEMO},
    };
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t n = strlen(prefixes[i].prefix);
        if (model->n > n && slice_starts(*model, prefixes[i].prefix)) {
            *model = slice_skip(*model, n);
            return prefixes[i].id;
        }
    }
    return PROVIDER_NONE;
}

enum provider_id names_pattern(struct slice m)
{
    static const struct {
        const char *starts;
        enum provider_id id;
    } patterns[] = {
        {"gpt-", PROVIDER_OPENAI},        {"chatgpt-", PROVIDER_OPENAI},
        {"text-", PROVIDER_OPENAI},       {"ft:", PROVIDER_OPENAI},
        {"claude-", PROVIDER_ANTHROPIC},  {"gemini-", PROVIDER_GOOGLE},
        {"gemma-", PROVIDER_GOOGLE},      {"imagen-", PROVIDER_GOOGLE},
        {"mistral-", PROVIDER_MISTRAL},   {"ministral-", PROVIDER_MISTRAL},
        {"codestral-", PROVIDER_MISTRAL}, {"magistral-", PROVIDER_MISTRAL},
        {"devstral-", PROVIDER_MISTRAL},  {"pixtral-", PROVIDER_MISTRAL},
        {"voxtral-", PROVIDER_MISTRAL},   {"open-mi", PROVIDER_MISTRAL},
        {"deepseek-", PROVIDER_DEEPSEEK}, {"grok-", PROVIDER_XAI},
        {"command-", PROVIDER_COHERE},    {"embed-", PROVIDER_COHERE},
        {"rerank-", PROVIDER_COHERE},     {"demo-", PROVIDER_DEMO},
    };
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
        if (slice_starts(m, patterns[i].starts))
            return patterns[i].id;
    return PROVIDER_OPENAI; // also o1, o3, dall-e, whisper, tts
}

struct slice names_tuned(struct slice name)
{
    if (!slice_starts(name, "ft:"))
        return name;
    size_t n = slice_find(slice_skip(name, 3), ':');
    return slice(name.p, n + 3);
}

struct slice names_plain(struct slice name)
{
    static const char *const levels[] = {"-low", "-high"};
    for (int i = 0; i < 2; i++)
        if (slice_starts(name, "gemini-2.5-pro") &&
            name.n == 14 + strlen(levels[i]) && slice_ends(name, levels[i]))
            return slice(name.p, 14);
    return name;
}

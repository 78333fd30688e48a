/* provider_id.h - the providers by name and number, for every room.
 *
 * Numbers are stored in hold records and must not be reused.
 */
#ifndef CALL_PROVIDER_ID_H
#define CALL_PROVIDER_ID_H

/* id, name on the wire and in the ledger, name for people */
#define PROVIDERS(X)                                   \
    X(PROVIDER_OPENAI, "openai", "OpenAI")             \
    X(PROVIDER_AZURE, "azure", "Azure OpenAI")         \
    X(PROVIDER_ANTHROPIC, "anthropic", "Anthropic")    \
    X(PROVIDER_GOOGLE, "google", "Google")             \
    X(PROVIDER_MISTRAL, "mistral", "Mistral")          \
    X(PROVIDER_DEEPSEEK, "deepseek", "DeepSeek")       \
    X(PROVIDER_XAI, "xai", "xAI")                      \
    X(PROVIDER_GROQ, "groq", "Groq")                   \
    X(PROVIDER_OPENROUTER, "openrouter", "OpenRouter") \
    X(PROVIDER_COHERE, "cohere", "Cohere")             \
    X(PROVIDER_DEMO, "demo", "Demo")

enum provider_id {
    PROVIDER_NONE = 0,
#define X(id, wire, people) id,
    PROVIDERS(X)
#undef X
        PROVIDER_COUNT
};

#endif

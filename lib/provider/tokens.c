/* tokens.c - see tokens.h. */
#include "provider/tokens.h"

#include "token/count.h"

/* A deployment at Azure is named by its owner, and OPENAI_BASE_URL may be any
 * server: only the model's own name tells whose tokenizer it has. */
static bool is_openai(enum provider_id provider, struct slice m)
{
    static const char *const names[] = {
        "gpt-",   "chatgpt-", "text-embedding-", "codex-",
        "ft:gpt", "davinci-", "babbage-",        "computer-use-",
    };
    if (provider != PROVIDER_OPENAI && provider != PROVIDER_AZURE)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_starts(m, names[i]))
            return true;
    return m.n > 1 && m.p[0] == 'o' && m.p[1] >= '1' && m.p[1] <= '9';
}

int64_t tokens_count(void *arg, enum provider_id provider, struct slice model,
                     struct slice text, int64_t *bound)
{
    (void)arg;
    int64_t n = count_text(count_encoding(model), text);
    int64_t more = n + (n + 1) / 2, bytes = (int64_t)text.n;
    *bound = is_openai(provider, model) ? n : more < bytes ? more : bytes;
    return n;
}

bool tokens_alike(enum provider_id p, struct slice model, enum provider_id q,
                  struct slice other)
{
    return count_encoding(model) == count_encoding(other) &&
           is_openai(p, model) == is_openai(q, other);
}

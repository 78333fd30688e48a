/* say_read.c - what three families' answers say.
 *
 * Sources: OpenAI "Chat completions, streaming"; Anthropic "Streaming
 * messages"; Google "generateContent".  Whole answers and events differ
 * little: a message is one large delta, a content block begins and ends at
 * once.  Kinds nobody knows yet are passed over.
 */
#include "provider/say.h"

#include "provider/ask.h"

static struct slice text_of(const struct json *v)
{
    return json_text(v, (struct slice){"", 0});
}

static void emit(struct say_reader *r, const struct say *s)
{
    r->emit(r->arg, s);
}

static void start(struct say_reader *r, struct slice model)
{
    if (r->started)
        return;
    r->started = true;
    emit(r, &(struct say){.kind = SAY_START, .text = model});
}

static void words(struct say_reader *r, enum say_kind kind, int choice,
                  struct slice text)
{
    if (text.n > 0)
        emit(r, &(struct say){.kind = kind, .choice = choice, .text = text});
}

static void stop(struct say_reader *r, int choice, enum say_stop why)
{
    r->ended = true;
    emit(r, &(struct say){.kind = SAY_STOP, .choice = choice, .stop = why});
}

/* Arguments that come as an object, as text. */
static void args_tree(struct say_reader *r, int choice, const struct json *args)
{
    struct buf b;
    struct json_out o;
    buf_init(&b, 32u << 20);
    json_out_init(&o, &b);
    if (args != NULL && args->type == JSON_OBJECT)
        ask_json(&o, args);
    else
        buf_str(&b, "{}");
    words(r, SAY_ARGS, choice, buf_get(&b));
    buf_release(&b);
}

static void error(struct say_reader *r, struct slice type, struct slice text)
{
    r->failed = true;
    emit(r, &(struct say){.kind = SAY_ERROR, .name = type, .text = text});
}

/* ---- OpenAI ------------------------------------------------------------- */

static void chat_calls(struct say_reader *r, int choice,
                       const struct json *calls)
{
    for (const struct json *c = calls != NULL ? calls->child : NULL; c != NULL;
         c = c->next) {
        const struct json *fn = json_get(c, "function");
        int64_t index = r->open[choice];
        struct slice id = text_of(json_get(c, "id"));
        struct slice name = text_of(json_get(fn, "name"));
        bool told = json_i64(json_get(c, "index"), &index);
        if (!told ? name.n > 0 : index >= r->open[choice]) {
            r->open[choice]++;
            emit(r, &(struct say){.kind = SAY_CALL,
                                  .choice = choice,
                                  .id = id,
                                  .name = name});
        }
        words(r, SAY_ARGS, choice, text_of(json_get(fn, "arguments")));
    }
}

static enum say_stop chat_stop(struct slice reason)
{
    return slice_is(reason, "length")           ? STOP_LENGTH
           : slice_is(reason, "content_filter") ? STOP_FILTER
           : slice_is(reason, "tool_calls") || slice_is(reason, "function_call")
               ? STOP_TOOLS
               : STOP_END;
}

static void chat_choice(struct say_reader *r, const struct json *c)
{
    int64_t index = 0;
    const struct json *m = json_get(c, "delta");
    struct slice reason = text_of(json_get(c, "finish_reason"));
    (void)json_i64(json_get(c, "index"), &index);
    if (index < 0 || index >= SAY_CHOICES)
        return;
    if (m == NULL)
        m = json_get(c, "message");
    struct slice thought = text_of(json_get(m, "reasoning_content"));
    if (thought.n == 0)
        thought = text_of(json_get(m, "reasoning"));
    words(r, SAY_THINKING, (int)index, thought);
    words(r, SAY_TEXT, (int)index, text_of(json_get(m, "content")));
    words(r, SAY_TEXT, (int)index, text_of(json_get(m, "refusal")));
    chat_calls(r, (int)index, json_get(m, "tool_calls"));
    if (reason.n > 0)
        stop(r, (int)index, chat_stop(reason));
}

void say_chat_read(struct say_reader *r, const struct json *v)
{
    const struct json *choices = json_get(v, "choices");
    const struct json *e = json_get(v, "error");
    if (e != NULL && e->type != JSON_NULL) {
        error(r, text_of(json_get(e, "type")), text_of(json_get(e, "message")));
        return;
    }
    start(r, text_of(json_get(v, "model")));
    for (const struct json *c = choices != NULL ? choices->child : NULL;
         c != NULL; c = c->next)
        chat_choice(r, c);
}

/* ---- Anthropic ---------------------------------------------------------- */

static void claude_block(struct say_reader *r, const struct json *b, bool whole)
{
    struct slice type = text_of(json_get(b, "type"));
    if (slice_is(type, "text")) {
        words(r, SAY_TEXT, 0, text_of(json_get(b, "text")));
    } else if (slice_is(type, "thinking")) {
        words(r, SAY_THINKING, 0, text_of(json_get(b, "thinking")));
    } else if (slice_is(type, "tool_use")) {
        emit(r, &(struct say){.kind = SAY_CALL,
                              .id = text_of(json_get(b, "id")),
                              .name = text_of(json_get(b, "name"))});
        if (whole)
            args_tree(r, 0, json_get(b, "input"));
    }
}

static void claude_delta(struct say_reader *r, const struct json *d)
{
    struct slice type = text_of(json_get(d, "type"));
    if (slice_is(type, "text_delta"))
        words(r, SAY_TEXT, 0, text_of(json_get(d, "text")));
    else if (slice_is(type, "thinking_delta"))
        words(r, SAY_THINKING, 0, text_of(json_get(d, "thinking")));
    else if (slice_is(type, "input_json_delta"))
        words(r, SAY_ARGS, 0, text_of(json_get(d, "partial_json")));
}

static enum say_stop claude_stop(struct slice reason)
{
    return slice_is(reason, "max_tokens") ||
                   slice_is(reason, "model_context_window_exceeded")
               ? STOP_LENGTH
           : slice_is(reason, "tool_use") ? STOP_TOOLS
           : slice_is(reason, "refusal")  ? STOP_FILTER
                                          : STOP_END;
}

void say_claude_read(struct say_reader *r, const struct json *v)
{
    struct slice type = text_of(json_get(v, "type"));
    struct slice reason;
    if (slice_is(type, "error")) {
        const struct json *e = json_get(v, "error");
        error(r, text_of(json_get(e, "type")), text_of(json_get(e, "message")));
    } else if (slice_is(type, "message_start")) {
        start(r, text_of(json_get(json_get(v, "message"), "model")));
    } else if (slice_is(type, "content_block_start")) {
        claude_block(r, json_get(v, "content_block"), false);
    } else if (slice_is(type, "content_block_delta")) {
        claude_delta(r, json_get(v, "delta"));
    } else if (slice_is(type, "message_delta")) {
        reason = text_of(json_get(json_get(v, "delta"), "stop_reason"));
        if (reason.n > 0)
            r->stop = claude_stop(reason);
    } else if (slice_is(type, "message_stop")) {
        stop(r, 0, r->stop);
    } else if (slice_is(type, "message")) {
        const struct json *content = json_get(v, "content");
        start(r, text_of(json_get(v, "model")));
        for (const struct json *b = content != NULL ? content->child : NULL;
             b != NULL; b = b->next)
            claude_block(r, b, true);
        stop(r, 0, claude_stop(text_of(json_get(v, "stop_reason"))));
    }
}

/* ---- Google ------------------------------------------------------------- */

/* Google's calls have no id of their own: one that is unique in the answer. */
static void gemini_call(struct say_reader *r, int choice,
                        const struct json *part)
{
    const struct json *fn = json_get(part, "functionCall");
    struct slice id = text_of(json_get(fn, "id"));
    char made[80];
    r->calls++;
    r->open[choice]++;
    if (id.n == 0) {
        int n = snprintf(made, sizeof made, "call_%.*s_%lld",
                         SLICE_FMT(r->salt), (long long)r->calls);
        id = slice(made, (size_t)n);
    }
    emit(r, &(struct say){.kind = SAY_CALL,
                          .choice = choice,
                          .id = id,
                          .name = text_of(json_get(fn, "name")),
                          .signature =
                              text_of(json_get(part, "thoughtSignature"))});
    args_tree(r, choice, json_get(fn, "args"));
}

static void gemini_part(struct say_reader *r, int choice,
                        const struct json *part)
{
    const struct json *thought = json_get(part, "thought");
    bool thinks = thought != NULL && thought->type == JSON_TRUE;
    if (json_get(part, "functionCall") != NULL)
        gemini_call(r, choice, part);
    words(r, thinks ? SAY_THINKING : SAY_TEXT, choice,
          text_of(json_get(part, "text")));
}

static enum say_stop gemini_stop(const struct say_reader *r, int choice,
                                 struct slice reason)
{
    static const char *const filtered[] = {
        "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
    };
    if (slice_is(reason, "MAX_TOKENS"))
        return STOP_LENGTH;
    for (size_t i = 0; i < sizeof filtered / sizeof *filtered; i++)
        if (slice_is(reason, filtered[i]))
            return STOP_FILTER;
    if (slice_starts(reason, "IMAGE_"))
        return STOP_FILTER;
    return r->open[choice] > 0 ? STOP_TOOLS : STOP_END;
}

static void gemini_candidate(struct say_reader *r, const struct json *c)
{
    int64_t index = 0;
    const struct json *parts = json_get(json_get(c, "content"), "parts");
    struct slice reason = text_of(json_get(c, "finishReason"));
    (void)json_i64(json_get(c, "index"), &index);
    if (index < 0 || index >= SAY_CHOICES)
        return;
    for (const struct json *p = parts != NULL ? parts->child : NULL; p != NULL;
         p = p->next)
        gemini_part(r, (int)index, p);
    if (reason.n > 0)
        stop(r, (int)index, gemini_stop(r, (int)index, reason));
}

void say_gemini_read(struct say_reader *r, const struct json *v)
{
    const struct json *e = json_get(v, "error");
    const struct json *candidates = json_get(v, "candidates");
    if (e != NULL) {
        error(r, text_of(json_get(e, "status")),
              text_of(json_get(e, "message")));
        return;
    }
    start(r, text_of(json_get(v, "modelVersion")));
    for (const struct json *c = candidates != NULL ? candidates->child : NULL;
         c != NULL; c = c->next)
        gemini_candidate(r, c);
    if (text_of(json_get(json_get(v, "promptFeedback"), "blockReason")).n > 0)
        stop(r, 0, STOP_FILTER);
}

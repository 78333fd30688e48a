/* measure.c - see measure.h.
 *
 * overhead_seconds is what a caller would not wait for without the gateway:
 * from the request being whole to its first byte on the way to the provider,
 * and from the provider's last byte to the row being durable.  What a client
 * or a provider takes is not in it.
 *
 * The gen_ai_* families follow OpenTelemetry's semantic conventions for
 * generative AI metrics: "client" is the gateway towards the provider,
 * "server" is the gateway as its callers see it.  Only calls that were
 * forwarded count, so that no caller can make up models.
 */
#include "gateway/measure.h"

#include "base/clock.h"
#include "gateway/exchange.h"

/* gen_ai.operation.name */
static const char *operation(enum op op)
{
    switch (op) {
    case OP_CHAT:
    case OP_RESPONSES:
    case OP_MESSAGES:
        return "chat";
    case OP_COMPLETIONS:
        return "text_completion";
    case OP_EMBEDDINGS:
        return "embeddings";
    case OP_GENERATE:
        return "generate_content";
    case OP_IMAGES:
        return "image_generation";
    case OP_TRANSCRIPTION:
        return "transcription";
    case OP_SPEECH:
        return "speech";
    case OP_MODERATIONS:
        return "moderation";
    case OP_COUNT:
        return "count_tokens";
    case OP_NONE:
    case OP_MODELS:
    case OP_STORED:
    case OP_PASSTHROUGH:
        break;
    }
    return "other";
}

/* gen_ai.provider.name */
static const char *provider(enum provider_id id)
{
    static const char *const names[PROVIDER_COUNT] = {
        [PROVIDER_AZURE] = "azure.ai.openai",
        [PROVIDER_GOOGLE] = "gcp.gemini",
        [PROVIDER_MISTRAL] = "mistral_ai",
        [PROVIDER_XAI] = "x_ai",
    };
    return names[id] != NULL ? names[id] : provider_wire(id);
}

static void note_tokens(const struct exchange *x, struct metrics *m,
                        struct slice l[4])
{
    const struct usage *u = &x->event.usage;
    if (u->by != METERED_PROVIDER && u->by != METERED_TOKENIZER)
        return;
    l[3] = SLICE("input");
    metric_note(m, M_GENAI_TOKENS, l, u->input);
    l[3] = SLICE("output");
    metric_note(m, M_GENAI_TOKENS, l, u->output);
}

static void note_stream(const struct exchange *x, struct metrics *m,
                        const struct slice l[4], int64_t end_us)
{
    int64_t tokens = x->event.usage.output;
    if (!x->event.stream || x->first_us == 0 ||
        x->event.status != EVENT_SUCCESS)
        return;
    metric_note(m, M_GENAI_FIRST_TOKEN, l, x->first_us - x->start_us);
    if (tokens > 1)
        metric_note(m, M_GENAI_PER_TOKEN, l,
                    (end_us - x->first_us) / (tokens - 1));
}

static void note_call(const struct exchange *x, struct metrics *m, int64_t now)
{
    const struct event *e = &x->event;
    int64_t end = x->end_us != 0 ? x->end_us : now;
    struct slice l[4] = {slice_str(operation(x->call.op)),
                         slice_str(provider(e->provider)), e->model};
    note_tokens(x, m, l);
    // error.type: empty stands for "not set"
    l[3] = e->status == EVENT_SUCCESS ? slice(NULL, 0) : e->reason;
    metric_note(m, M_GENAI_CLIENT_SECONDS, l, end - x->sent_us);
    metric_note(m, M_GENAI_SERVER_SECONDS, l, now - x->start_us);
    note_stream(x, m, l, end);
}

void measure_end(const struct exchange *x)
{
    struct metrics *m = x->gl->gateway->guard->metrics;
    int64_t now = clock_mono_us();
    metric_time(m, M_REQUEST_SECONDS, now - x->start_us);
    if (x->first_us != 0)
        metric_time(m, M_TTFT_SECONDS, x->first_us - x->start_us);
    if (x->sent_us == 0)
        return;
    note_call(x, m, now);
    if (x->end_us != 0 && x->ready_us != 0)
        metric_time(m, M_OVERHEAD_SECONDS,
                    x->sent_us - x->ready_us + now - x->end_us);
}

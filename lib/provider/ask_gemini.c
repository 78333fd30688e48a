/* ask_gemini.c - a conversation as Google's generateContent.
 *
 * Source: Google AI reference, "generateContent"; "Thinking"; "Function
 * calling".  Gemini 3 refuses calls that come back without the signature of
 * the thought behind them; where the client lost it, the documented
 * placeholder stands in.
 */
#include "provider/ask.h"

#define NO_SIGNATURE "skip_thought_signature_validator"

static bool is_given(const struct json *v)
{
    return v != NULL && v->type != JSON_NULL;
}

static bool is_gemini_3(struct slice m)
{
    return slice_starts(m, "gemini-") && !slice_starts(m, "gemini-1") &&
           !slice_starts(m, "gemini-2");
}

/* ---- contents ----------------------------------------------------------- */

static void media_write(const struct ask_part *p, struct json_out *o)
{
    bool link = p->url.n > 0;
    json_key(o, link ? "fileData" : "inlineData");
    json_obj(o);
    if (p->media.n > 0)
        json_kstr(o, "mimeType", p->media);
    if (link)
        json_kstr(o, "fileUri", p->url);
    else
        json_kstr(o, "data", p->data);
    json_obj_end(o);
}

static void call_write(const struct ask *q, const struct ask_part *p,
                       bool first, struct json_out *o)
{
    json_key(o, "functionCall");
    json_obj(o);
    json_kstr(o, "name", p->name);
    json_key(o, "args");
    ask_json(o, p->args);
    json_obj_end(o);
    if (p->signature.n > 0)
        json_kstr(o, "thoughtSignature", p->signature);
    else if (first && is_gemini_3(q->model)) // of parallel calls, the first
        json_kstr(o, "thoughtSignature", SLICE(NO_SIGNATURE));
}

static void result_write(struct ask *q, const struct ask_part *p,
                         struct json_out *o)
{
    if (p->name.n == 0)
        (void)ask_refuse(q, R_INVALID_REQUEST, "messages",
                         "a tool result answers no call of this "
                         "conversation");
    json_key(o, "functionResponse");
    json_obj(o);
    json_kstr(o, "name", p->name);
    json_key(o, "response");
    json_obj(o);
    json_kstr(o, p->is_error ? "error" : "output", ask_result_text(q, p));
    json_obj_end(o);
    json_obj_end(o);
}

static void part_write(struct ask *q, const struct ask_part *p, bool first_call,
                       struct json_out *o)
{
    json_obj(o);
    switch (p->kind) {
    case ASK_TEXT:
        json_kstr(o, "text", p->text);
        break;
    case ASK_IMAGE:
    case ASK_FILE:
    case ASK_AUDIO:
        media_write(p, o);
        break;
    case ASK_CALL:
        call_write(q, p, first_call, o);
        break;
    case ASK_RESULT:
        result_write(q, p, o);
        break;
    case ASK_THINKING:
        json_kstr(o, "text", p->text);
        json_kbool(o, "thought", true);
        break;
    }
    json_obj_end(o);
}

static void parts_write(struct ask *q, const struct ask_turn *t,
                        struct json_out *o)
{
    bool called = false;
    for (const struct ask_part *p = t->parts; p != NULL; p = p->next) {
        part_write(q, p, !called, o);
        called = called || p->kind == ASK_CALL;
    }
}

static void system_write(struct ask *q, struct json_out *o)
{
    bool any = false;
    for (const struct ask_turn *t = q->turns; t != NULL; t = t->next)
        any = any || t->role == ASK_SYSTEM;
    if (!any)
        return;
    json_key(o, "systemInstruction");
    json_obj(o);
    json_key(o, "parts");
    json_arr(o);
    for (const struct ask_turn *t = q->turns; t != NULL; t = t->next)
        if (t->role == ASK_SYSTEM)
            parts_write(q, t, o);
    json_arr_end(o);
    json_obj_end(o);
}

static void contents_write(struct ask *q, struct json_out *o)
{
    enum ask_role open = ASK_SYSTEM;
    json_key(o, "contents");
    json_arr(o);
    for (const struct ask_turn *t = q->turns; t != NULL; t = t->next) {
        if (t->role == ASK_SYSTEM)
            continue;
        if (t->role != open) {
            if (open != ASK_SYSTEM) {
                json_arr_end(o);
                json_obj_end(o);
            }
            open = t->role;
            json_obj(o);
            json_kstr(o, "role",
                      open == ASK_USER ? SLICE("user") : SLICE("model"));
            json_key(o, "parts");
            json_arr(o);
        }
        parts_write(q, t, o);
    }
    if (open != ASK_SYSTEM) {
        json_arr_end(o);
        json_obj_end(o);
    }
    json_arr_end(o);
}

/* ---- tools and configuration -------------------------------------------- */

static void tools_write(const struct ask *q, struct json_out *o)
{
    static const char *const modes[] = {NULL, "AUTO", "NONE", "ANY", "ANY"};
    if (q->tools == NULL && !q->web_search)
        return;
    json_key(o, "tools");
    json_arr(o);
    if (q->tools != NULL) {
        json_obj(o);
        json_key(o, "functionDeclarations");
        json_arr(o);
        for (const struct ask_tool *t = q->tools; t != NULL; t = t->next) {
            json_obj(o);
            json_kstr(o, "name", t->name);
            if (t->description.n > 0)
                json_kstr(o, "description", t->description);
            if (t->schema != NULL && t->schema->type == JSON_OBJECT) {
                json_key(o, "parametersJsonSchema");
                ask_json(o, t->schema);
            }
            json_obj_end(o);
        }
        json_arr_end(o);
        json_obj_end(o);
    }
    if (q->web_search)
        json_raw(o, SLICE("{\"googleSearch\":{}}"));
    json_arr_end(o);
    if (q->choice == ASK_CHOICE_UNSET || q->tools == NULL)
        return;
    json_key(o, "toolConfig");
    json_obj(o);
    json_key(o, "functionCallingConfig");
    json_obj(o);
    json_kstr(o, "mode", slice_str(modes[q->choice]));
    if (q->choice == ASK_CHOICE_NAMED) {
        json_key(o, "allowedFunctionNames");
        json_arr(o);
        json_str(o, q->choice_name);
        json_arr_end(o);
    }
    json_obj_end(o);
    json_obj_end(o);
}

/* Levels, since Gemini 3. */
static struct slice level_of(struct slice effort)
{
    if (slice_is(effort, "none") || slice_is(effort, "minimal"))
        return SLICE("MINIMAL");
    if (slice_is(effort, "low"))
        return SLICE("LOW");
    return slice_is(effort, "medium") ? SLICE("MEDIUM") : SLICE("HIGH");
}

/* Budgets, before (Google's OpenAI compatibility: 1024, 8192, 24576).  2.5 Pro
 * cannot be kept from thinking: 128 is its least. */
static int64_t budget_of(const struct ask *q)
{
    if (slice_is(q->effort, "none"))
        return slice_starts(q->model, "gemini-2.5-pro") ? 128 : 0;
    if (q->thinking_budget > 0)
        return q->thinking_budget;
    if (slice_is(q->effort, "low") || slice_is(q->effort, "minimal"))
        return 1024;
    return slice_is(q->effort, "medium") ? 8192 : 24576;
}

static void thinking_write(const struct ask *q, struct json_out *o)
{
    bool levels = is_gemini_3(q->model);
    if (q->effort.n == 0 || (!levels && !slice_starts(q->model, "gemini-2.5")))
        return;
    json_key(o, "thinkingConfig");
    json_obj(o);
    if (levels)
        json_kstr(o, "thinkingLevel", level_of(q->effort));
    else
        json_knum(o, "thinkingBudget", budget_of(q));
    if (!slice_is(q->effort, "none"))
        json_kbool(o, "includeThoughts", true);
    json_obj_end(o);
}

static void wish(struct json_out *o, const char *key, const struct json *v)
{
    if (!is_given(v))
        return;
    json_key(o, key);
    ask_json(o, v);
}

static void config_write(const struct ask *q, int64_t max_tokens,
                         struct json_out *o)
{
    json_key(o, "generationConfig");
    json_obj(o);
    if (max_tokens > 0)
        json_knum(o, "maxOutputTokens", max_tokens);
    if (q->n > 1)
        json_knum(o, "candidateCount", q->n);
    wish(o, "temperature", q->temperature);
    wish(o, "topP", q->top_p);
    wish(o, "topK", q->top_k);
    wish(o, "seed", q->seed);
    wish(o, "presencePenalty", q->presence);
    wish(o, "frequencyPenalty", q->frequency);
    if (is_given(q->stop) && q->stop->type == JSON_STRING) {
        json_key(o, "stopSequences");
        json_arr(o);
        ask_json(o, q->stop);
        json_arr_end(o);
    } else {
        wish(o, "stopSequences", q->stop);
    }
    if (q->format != ASK_PLAIN)
        json_kstr(o, "responseMimeType", SLICE("application/json"));
    if (q->format == ASK_SCHEMA)
        wish(o, "responseJsonSchema", q->schema);
    thinking_write(q, o);
    json_obj_end(o);
}

bool ask_gemini_write(struct ask *q, int64_t max_tokens, struct buf *out)
{
    struct json_out o;
    json_out_init(&o, out);
    json_obj(&o);
    system_write(q, &o);
    contents_write(q, &o);
    tools_write(q, &o);
    config_write(q, max_tokens, &o);
    if (slice_is(q->tier, "flex") || slice_is(q->tier, "priority"))
        json_kstr(&o, "serviceTier", q->tier);
    json_obj_end(&o);
    return q->why == R_NONE && !out->failed;
}

/* ask_responses.c - OpenAI's responses into a conversation.
 *
 * Source: OpenAI API reference, "Create a model response".  What is kept on
 * OpenAI's servers (previous answers, conversations, files by id, prompts)
 * cannot be asked of others and is refused by name.
 */
#include "provider/ask.h"

#define BODY(name) json_get(body, name)

static struct slice text_of(const struct json *v)
{
    return json_text(v, (struct slice){"", 0});
}

static bool is_given(const struct json *v)
{
    return v != NULL && v->type != JSON_NULL;
}

/* ---- input -------------------------------------------------------------- */

static bool media_part(struct ask *q, enum ask_kind kind, struct slice url,
                       const char *what)
{
    struct ask_part *p = ask_add(q, ASK_USER, kind);
    if (p == NULL)
        return false;
    return ask_url(p, url) ||
           ask_refuse(q, R_UNSUPPORTED_PARAMETER, "input",
                      "%s that is no data: or http(s) URL", what);
}

static bool content_part(struct ask *q, enum ask_role role,
                         const struct json *part)
{
    struct slice type = text_of(json_get(part, "type"));
    if (slice_is(type, "input_text") || slice_is(type, "output_text") ||
        slice_is(type, "text"))
        return ask_add_text(q, role, text_of(json_get(part, "text")));
    if (slice_is(type, "refusal"))
        return ask_add_text(q, role, text_of(json_get(part, "refusal")));
    if (role == ASK_USER && slice_is(type, "input_image"))
        return media_part(q, ASK_IMAGE, text_of(json_get(part, "image_url")),
                          "an image");
    if (role == ASK_USER && slice_is(type, "input_file")) {
        struct slice data = text_of(json_get(part, "file_data"));
        return media_part(
            q, ASK_FILE,
            data.n > 0 ? data : text_of(json_get(part, "file_url")), "a file");
    }
    return ask_refuse(q, R_UNSUPPORTED_PARAMETER, "input",
                      "content of type \"%.*s\"",
                      (int)(type.n < 40 ? type.n : 40), type.p);
}

static bool content_read(struct ask *q, enum ask_role role,
                         const struct json *content)
{
    if (!is_given(content))
        return true;
    if (content->type == JSON_STRING)
        return ask_add_text(q, role, content->text);
    for (const struct json *p = content->child; p != NULL; p = p->next)
        if (!content_part(q, role, p))
            return false;
    return true;
}

static bool message_read(struct ask *q, const struct json *m)
{
    struct slice role = text_of(json_get(m, "role"));
    enum ask_role r = slice_is(role, "assistant") ? ASK_ASSISTANT
                      : slice_is(role, "user")    ? ASK_USER
                                                  : ASK_SYSTEM;
    if (r == ASK_SYSTEM && !slice_is(role, "system") &&
        !slice_is(role, "developer"))
        return ask_refuse(q, R_INVALID_REQUEST, "input",
                          "role must be user, assistant, system or developer");
    return content_read(q, r, json_get(m, "content"));
}

static bool call_read(struct ask *q, const struct json *item)
{
    struct ask_part *p = ask_add(q, ASK_ASSISTANT, ASK_CALL);
    if (p == NULL)
        return false;
    p->id = text_of(json_get(item, "call_id"));
    p->name = text_of(json_get(item, "name"));
    return ask_args(q, p, text_of(json_get(item, "arguments")));
}

static bool result_read(struct ask *q, const struct json *item)
{
    const struct json *out = json_get(item, "output");
    struct ask_part *p = ask_add(q, ASK_USER, ASK_RESULT), *inner;
    if (p == NULL)
        return false;
    p->id = text_of(json_get(item, "call_id"));
    if (out != NULL && out->type == JSON_STRING) {
        inner = ask_add_inner(q, p, ASK_TEXT);
        if (inner != NULL)
            inner->text = out->text;
        return inner != NULL;
    }
    for (const struct json *c = out != NULL ? out->child : NULL; c != NULL;
         c = c->next) {
        inner = ask_add_inner(q, p, ASK_TEXT);
        if (inner == NULL)
            return false;
        inner->text = text_of(json_get(c, "text"));
    }
    return true;
}

static bool item_read(struct ask *q, const struct json *item)
{
    struct slice type = text_of(json_get(item, "type"));
    if (type.n == 0 || slice_is(type, "message"))
        return message_read(q, item);
    if (slice_is(type, "function_call"))
        return call_read(q, item);
    if (slice_is(type, "function_call_output"))
        return result_read(q, item);
    if (slice_is(type, "reasoning"))
        return true; // encrypted for another model
    return ask_refuse(q, R_UNSUPPORTED_PARAMETER, "input",
                      "an item of type \"%.*s\"",
                      (int)(type.n < 40 ? type.n : 40), type.p);
}

/* ---- wishes ------------------------------------------------------------- */

static bool tools_read(struct ask *q, const struct json *tools)
{
    for (const struct json *t = is_given(tools) ? tools->child : NULL;
         t != NULL; t = t->next) {
        struct slice type = text_of(json_get(t, "type"));
        if (slice_starts(type, "web_search")) {
            q->web_search = true;
            continue;
        }
        if (!slice_is(type, "function"))
            return ask_refuse(q, R_UNSUPPORTED_PARAMETER, "tools",
                              "a tool of type \"%.*s\"",
                              (int)(type.n < 40 ? type.n : 40), type.p);
        struct ask_tool *tool = ask_add_tool(q);
        if (tool == NULL)
            return false;
        tool->name = text_of(json_get(t, "name"));
        tool->description = text_of(json_get(t, "description"));
        tool->schema = json_get(t, "parameters");
    }
    return true;
}

static bool choice_read(struct ask *q, const struct json *v)
{
    struct slice word = text_of(v);
    if (!is_given(v))
        return true;
    if (v->type == JSON_OBJECT) {
        q->choice = ASK_CHOICE_NAMED;
        q->choice_name = text_of(json_get(v, "name"));
        return q->choice_name.n > 0 ||
               ask_refuse(q, R_UNSUPPORTED_PARAMETER, "tool_choice",
                          "tool_choice of this type");
    }
    q->choice = slice_is(word, "none")       ? ASK_CHOICE_NONE
                : slice_is(word, "required") ? ASK_CHOICE_ANY
                                             : ASK_CHOICE_AUTO;
    return true;
}

static void format_read(struct ask *q, const struct json *format)
{
    struct slice type = text_of(json_get(format, "type"));
    if (slice_is(type, "json_object"))
        q->format = ASK_JSON;
    if (!slice_is(type, "json_schema"))
        return;
    q->schema = json_get(format, "schema");
    q->schema_name = text_of(json_get(format, "name"));
    q->format = q->schema != NULL ? ASK_SCHEMA : ASK_JSON;
}

/* What stays on OpenAI's servers. */
static bool kept_elsewhere(struct ask *q, const struct json *body)
{
    static const char *const names[] = {"previous_response_id", "conversation",
                                        "prompt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_given(BODY(names[i])))
            return !ask_refuse(q, R_UNSUPPORTED_PARAMETER, names[i], "%s",
                               names[i]);
    return false;
}

bool ask_responses_read(struct ask *q, const struct json *body)
{
    const struct json *input = BODY("input"), *user = BODY("user");
    const struct json *parallel = BODY("parallel_tool_calls");
    if (kept_elsewhere(q, body) ||
        !ask_add_text(q, ASK_SYSTEM, text_of(BODY("instructions"))))
        return false;
    if (input != NULL && input->type == JSON_STRING) {
        if (!ask_add_text(q, ASK_USER, input->text))
            return false;
    } else {
        for (const struct json *i = is_given(input) ? input->child : NULL;
             i != NULL; i = i->next)
            if (!item_read(q, i))
                return false;
    }
    ask_name_results(q);
    if (!tools_read(q, BODY("tools")) || !choice_read(q, BODY("tool_choice")))
        return false;
    format_read(q, json_get(BODY("text"), "format"));
    q->one_call = parallel != NULL && parallel->type == JSON_FALSE;
    q->include_usage = true;
    q->temperature = BODY("temperature");
    q->top_p = BODY("top_p");
    q->effort = text_of(json_get(BODY("reasoning"), "effort"));
    q->user = text_of(is_given(user) ? user : BODY("safety_identifier"));
    q->tier = text_of(BODY("service_tier"));
    return true;
}

/* ask_claude.c - Anthropic's messages into a conversation and out of one.
 *
 * Source: Anthropic API reference, "Messages"; "Extended thinking";
 * "Structured outputs".  What a model refuses is left out by its name: models
 * behind Opus 4.6 take no sampling parameters; thinking is adaptive since
 * 4.6 and budgeted before; thinking excludes a forced tool and asks for
 * signed thinking in a turn whose calls are being answered.
 */
#include "provider/ask.h"

#define BODY(name) json_get(body, name)
#define BUDGET_LEAST 1024 /* tokens of thinking */

static struct slice text_of(const struct json *v)
{
    return json_text(v, (struct slice){"", 0});
}

/* ---- reading ------------------------------------------------------------ */

static bool source_read(struct ask *q, struct ask_part *p,
                        const struct json *source)
{
    struct slice type = text_of(json_get(source, "type"));
    if (slice_is(type, "base64")) {
        p->media = text_of(json_get(source, "media_type"));
        p->data = text_of(json_get(source, "data"));
        return true;
    }
    if (slice_is(type, "url") && ask_url(p, text_of(json_get(source, "url"))))
        return true;
    if (slice_is(type, "text")) {
        p->kind = ASK_TEXT;
        p->text = text_of(json_get(source, "data"));
        return true;
    }
    return ask_refuse(q, R_UNSUPPORTED_PARAMETER, "messages",
                      "a source of this type");
}

/* A block within a result: text or a picture. */
static bool inner_read(struct ask *q, struct ask_part *result,
                       const struct json *block)
{
    struct slice type = text_of(json_get(block, "type"));
    struct ask_part *p = ask_add_inner(q, result, ASK_TEXT);
    if (p == NULL)
        return false;
    if (slice_is(type, "image")) {
        p->kind = ASK_IMAGE;
        return source_read(q, p, json_get(block, "source"));
    }
    p->text = text_of(json_get(block, "text"));
    return slice_is(type, "text") ||
           ask_refuse(q, R_UNSUPPORTED_PARAMETER, "messages",
                      "a result with a block of this type");
}

static bool result_read(struct ask *q, const struct json *block)
{
    const struct json *content = json_get(block, "content");
    const struct json *error = json_get(block, "is_error");
    struct ask_part *p = ask_add(q, ASK_USER, ASK_RESULT);
    if (p == NULL)
        return false;
    p->id = text_of(json_get(block, "tool_use_id"));
    p->is_error = error != NULL && error->type == JSON_TRUE;
    if (content != NULL && content->type == JSON_STRING) {
        struct ask_part *inner = ask_add_inner(q, p, ASK_TEXT);
        if (inner != NULL)
            inner->text = content->text;
        return inner != NULL;
    }
    for (const struct json *c = content != NULL ? content->child : NULL;
         c != NULL; c = c->next)
        if (!inner_read(q, p, c))
            return false;
    return true;
}

static bool call_read(struct ask *q, const struct json *block)
{
    const struct json *input = json_get(block, "input");
    struct ask_part *p = ask_add(q, ASK_ASSISTANT, ASK_CALL);
    if (p == NULL)
        return false;
    p->id = text_of(json_get(block, "id"));
    p->name = text_of(json_get(block, "name"));
    p->args = input;
    return (input != NULL && input->type == JSON_OBJECT) ||
           ask_refuse(q, R_INVALID_REQUEST, "messages",
                      "input of a tool_use must be object");
}

static bool block_read(struct ask *q, enum ask_role role,
                       const struct json *block)
{
    struct slice type = text_of(json_get(block, "type"));
    struct ask_part *p;
    if (slice_is(type, "text"))
        return ask_add_text(q, role, text_of(json_get(block, "text")));
    if (slice_is(type, "tool_use"))
        return call_read(q, block);
    if (slice_is(type, "tool_result"))
        return result_read(q, block);
    if (slice_is(type, "thinking") || slice_is(type, "redacted_thinking"))
        return true; // signed for another model
    if (!slice_is(type, "image") && !slice_is(type, "document"))
        return ask_refuse(q, R_UNSUPPORTED_PARAMETER, "messages",
                          "a block of type \"%.*s\"",
                          (int)(type.n < 40 ? type.n : 40), type.p);
    p = ask_add(q, role, slice_is(type, "image") ? ASK_IMAGE : ASK_FILE);
    return p != NULL && source_read(q, p, json_get(block, "source"));
}

static bool content_read(struct ask *q, enum ask_role role,
                         const struct json *content)
{
    if (content == NULL)
        return true;
    if (content->type == JSON_STRING)
        return ask_add_text(q, role, content->text);
    for (const struct json *b = content->child; b != NULL; b = b->next)
        if (!block_read(q, role, b))
            return false;
    return true;
}

static bool tools_read(struct ask *q, const struct json *tools)
{
    for (const struct json *t = tools != NULL ? tools->child : NULL; t != NULL;
         t = t->next) {
        struct slice type = text_of(json_get(t, "type"));
        if (slice_starts(type, "web_search")) {
            q->web_search = true;
            continue;
        }
        if (type.n > 0 && !slice_is(type, "custom"))
            return ask_refuse(q, R_UNSUPPORTED_PARAMETER, "tools",
                              "a tool of type \"%.*s\"",
                              (int)(type.n < 40 ? type.n : 40), type.p);
        struct ask_tool *tool = ask_add_tool(q);
        if (tool == NULL)
            return false;
        tool->name = text_of(json_get(t, "name"));
        tool->description = text_of(json_get(t, "description"));
        tool->schema = json_get(t, "input_schema");
    }
    return true;
}

static void choice_read(struct ask *q, const struct json *v)
{
    struct slice type = text_of(json_get(v, "type"));
    const struct json *one = json_get(v, "disable_parallel_tool_use");
    q->one_call = one != NULL && one->type == JSON_TRUE;
    if (slice_is(type, "auto"))
        q->choice = ASK_CHOICE_AUTO;
    else if (slice_is(type, "any"))
        q->choice = ASK_CHOICE_ANY;
    else if (slice_is(type, "none"))
        q->choice = ASK_CHOICE_NONE;
    else if (slice_is(type, "tool"))
        q->choice = ASK_CHOICE_NAMED;
    q->choice_name = text_of(json_get(v, "name"));
}

/* Thinking and output_config; effort is the common word for both. */
static void thinking_read(struct ask *q, const struct json *body)
{
    const struct json *thinking = BODY("thinking");
    const struct json *out = BODY("output_config");
    const struct json *format = json_get(out, "format");
    struct slice type = text_of(json_get(thinking, "type"));
    int64_t budget = 0;
    q->effort = text_of(json_get(out, "effort"));
    if (slice_is(type, "disabled"))
        q->effort = SLICE("none");
    if (json_i64(json_get(thinking, "budget_tokens"), &budget)) {
        q->thinking_budget = budget;
        if (q->effort.n == 0)
            q->effort = budget <= 2048   ? SLICE("low")
                        : budget <= 8192 ? SLICE("medium")
                                         : SLICE("high");
    }
    if (slice_is(text_of(json_get(format, "type")), "json_schema")) {
        q->schema = json_get(format, "schema");
        q->format = q->schema != NULL ? ASK_SCHEMA : ASK_PLAIN;
    }
}

bool ask_claude_read(struct ask *q, const struct json *body)
{
    const struct json *messages = BODY("messages");
    if (!content_read(q, ASK_SYSTEM, BODY("system")))
        return false;
    for (const struct json *m = messages != NULL ? messages->child : NULL;
         m != NULL; m = m->next) {
        struct slice role = text_of(json_get(m, "role"));
        enum ask_role r = slice_is(role, "assistant") ? ASK_ASSISTANT
                          : slice_is(role, "system")  ? ASK_SYSTEM
                                                      : ASK_USER;
        if (r == ASK_USER && !slice_is(role, "user"))
            return ask_refuse(q, R_INVALID_REQUEST, "messages",
                              "role must be user, assistant or system");
        if (!content_read(q, r, json_get(m, "content")))
            return false;
    }
    ask_name_results(q);
    if (!tools_read(q, BODY("tools")))
        return false;
    choice_read(q, BODY("tool_choice"));
    thinking_read(q, body);
    q->temperature = BODY("temperature");
    q->top_p = BODY("top_p");
    q->top_k = BODY("top_k");
    q->stop = BODY("stop_sequences");
    q->user = text_of(json_get(BODY("metadata"), "user_id"));
    q->include_usage = true;
    return true;
}

/* ---- what a model takes ------------------------------------------------- */

static bool has(struct slice s, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= s.n; i++)
        if (memcmp(s.p + i, word, n) == 0)
            return true;
    return false;
}

/* Version as 10 x major + minor: claude-3-7-.. 37, claude-opus-4-6 46,
 * claude-sonnet-4-20250514 40, claude-sonnet-5 50; 99: not told. */
static int version_of(struct slice m)
{
    for (size_t i = 0; i + 1 < m.n; i++) {
        if (m.p[i] != '-' || m.p[i + 1] < '1' || m.p[i + 1] > '9')
            continue;
        int v = (m.p[i + 1] - '0') * 10;
        struct slice rest = slice_skip(m, i + 2);
        if (rest.n > 0 && rest.p[0] != '-')
            continue;
        if (rest.n >= 2 && rest.p[1] >= '0' && rest.p[1] <= '9' &&
            (rest.n == 2 || rest.p[2] == '-'))
            v += rest.p[1] - '0';
        return v;
    }
    return 99;
}

static bool takes_sampling(struct slice m)
{
    return version_of(m) <= 46;
}

static bool takes_schema(struct slice m)
{
    return version_of(m) >= 45;
}

/* ---- writing: messages -------------------------------------------------- */

static void source_write(const struct ask_part *p, struct json_out *o)
{
    json_key(o, "source");
    json_obj(o);
    if (p->url.n > 0) {
        json_kstr(o, "type", SLICE("url"));
        json_kstr(o, "url", p->url);
    } else {
        json_kstr(o, "type", SLICE("base64"));
        json_kstr(o, "media_type", p->media);
        json_kstr(o, "data", p->data);
    }
    json_obj_end(o);
}

static void block_write(struct ask *q, const struct ask_part *p,
                        struct json_out *o)
{
    json_obj(o);
    switch (p->kind) {
    case ASK_TEXT:
        json_kstr(o, "type", SLICE("text"));
        json_kstr(o, "text", p->text);
        break;
    case ASK_IMAGE:
    case ASK_FILE:
        json_kstr(o, "type",
                  p->kind == ASK_IMAGE ? SLICE("image") : SLICE("document"));
        source_write(p, o);
        break;
    case ASK_THINKING:
        json_kstr(o, "type", SLICE("thinking"));
        json_kstr(o, "thinking", p->text);
        json_kstr(o, "signature", p->signature);
        break;
    case ASK_CALL:
        json_kstr(o, "type", SLICE("tool_use"));
        json_kstr(o, "id", p->id);
        json_kstr(o, "name", p->name);
        json_key(o, "input");
        ask_json(o, p->args);
        break;
    case ASK_RESULT:
        json_kstr(o, "type", SLICE("tool_result"));
        json_kstr(o, "tool_use_id", p->id);
        json_kstr(o, "content", ask_result_text(q, p));
        if (p->is_error)
            json_kbool(o, "is_error", true);
        break;
    case ASK_AUDIO:
        (void)ask_refuse(q, R_UNSUPPORTED_PARAMETER, "messages", "audio input");
        break;
    }
    json_obj_end(o);
}

/* System texts stand in front, wherever they were. */
static void system_write(const struct ask *q, struct json_out *o)
{
    static const char json_only[] =
        "Answer with one JSON value and nothing else, without a code fence.";
    bool old_schema = q->format == ASK_SCHEMA && !takes_schema(q->model);
    bool any = q->format == ASK_JSON || old_schema;
    for (const struct ask_turn *t = q->turns; t != NULL; t = t->next)
        any = any || t->role == ASK_SYSTEM;
    if (!any)
        return;
    json_key(o, "system");
    json_arr(o);
    for (const struct ask_turn *t = q->turns; t != NULL; t = t->next)
        for (const struct ask_part *p = t->parts;
             p != NULL && t->role == ASK_SYSTEM; p = p->next) {
            json_obj(o);
            json_kstr(o, "type", SLICE("text"));
            json_kstr(o, "text", p->text);
            json_obj_end(o);
        }
    if (q->format == ASK_JSON || old_schema) {
        struct buf b;
        struct json_out schema;
        buf_init(&b, 8u << 20);
        buf_str(&b, json_only);
        if (old_schema) {
            buf_str(&b, " It must match this JSON schema: ");
            json_out_init(&schema, &b);
            ask_json(&schema, q->schema);
        }
        if (b.failed)
            o->b->failed = true;
        json_obj(o);
        json_kstr(o, "type", SLICE("text"));
        json_kstr(o, "text", buf_get(&b));
        json_obj_end(o);
        buf_release(&b);
    }
    json_arr_end(o);
}

/* Turns of one role with only system texts between them are one. */
static void turns_write(struct ask *q, struct json_out *o)
{
    enum ask_role open = ASK_SYSTEM;
    json_key(o, "messages");
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
                      open == ASK_USER ? SLICE("user") : SLICE("assistant"));
            json_key(o, "content");
            json_arr(o);
        }
        for (const struct ask_part *p = t->parts; p != NULL; p = p->next)
            block_write(q, p, o);
    }
    if (open != ASK_SYSTEM) {
        json_arr_end(o);
        json_obj_end(o);
    }
    json_arr_end(o);
}

/* ---- writing: wishes ---------------------------------------------------- */

static void tools_write(const struct ask *q, struct json_out *o)
{
    if (q->tools == NULL && !q->web_search)
        return;
    json_key(o, "tools");
    json_arr(o);
    for (const struct ask_tool *t = q->tools; t != NULL; t = t->next) {
        json_obj(o);
        json_kstr(o, "name", t->name);
        if (t->description.n > 0)
            json_kstr(o, "description", t->description);
        json_key(o, "input_schema");
        if (t->schema != NULL && t->schema->type == JSON_OBJECT)
            ask_json(o, t->schema);
        else
            json_raw(o, SLICE("{\"type\":\"object\",\"properties\":{}}"));
        json_obj_end(o);
    }
    if (q->web_search)
        json_raw(o, SLICE("{\"type\":\"web_search_20250305\","
                          "\"name\":\"web_search\",\"max_uses\":5}"));
    json_arr_end(o);
    if (q->choice == ASK_CHOICE_UNSET && !q->one_call)
        return;
    static const char *const types[] = {"auto", "auto", "none", "any", "tool"};
    json_key(o, "tool_choice");
    json_obj(o);
    json_kstr(o, "type", slice_str(types[q->choice]));
    if (q->choice == ASK_CHOICE_NAMED)
        json_kstr(o, "name", q->choice_name);
    if (q->one_call && q->choice != ASK_CHOICE_NONE)
        json_kbool(o, "disable_parallel_tool_use", true);
    json_obj_end(o);
}

/* True if thinking can be asked for: no tool is forced, and no call is being
 * answered whose thinking, signed, would have to come back with it. */
static bool may_think(const struct ask *q)
{
    if (q->choice == ASK_CHOICE_ANY || q->choice == ASK_CHOICE_NAMED)
        return false;
    const struct ask_turn *last = q->last;
    if (last == NULL || last->role != ASK_USER)
        return last == NULL || last->role == ASK_SYSTEM;
    for (const struct ask_part *p = last->parts; p != NULL; p = p->next)
        if (p->kind == ASK_RESULT)
            return false;
    return true;
}

/* Tokens of thinking for an effort where it is budgeted. */
static int64_t budget_of(struct slice effort)
{
    return slice_is(effort, "low") || slice_is(effort, "minimal") ? BUDGET_LEAST
           : slice_is(effort, "medium")                           ? 2048
                                                                  : 4096;
}

/* Writes thinking; true if the model will think. */
static bool thinking_write(const struct ask *q, int64_t max_tokens,
                           struct json_out *o)
{
    int version = version_of(q->model);
    if (q->effort.n == 0 || version < 37)
        return false;
    if (slice_is(q->effort, "none")) {
        if (version < 50) { // later ones always think
            json_key(o, "thinking");
            json_raw(o, SLICE("{\"type\":\"disabled\"}"));
        }
        return false;
    }
    if (!may_think(q))
        return false;
    if (version >= 46) {
        json_key(o, "thinking");
        json_raw(o, SLICE("{\"type\":\"adaptive\"}"));
        return true;
    }
    int64_t budget = budget_of(q->effort);
    while (budget >= BUDGET_LEAST && budget >= max_tokens)
        budget /= 2;
    if (budget < BUDGET_LEAST)
        return false;
    json_key(o, "thinking");
    json_obj(o);
    json_kstr(o, "type", SLICE("enabled"));
    json_knum(o, "budget_tokens", budget);
    json_obj_end(o);
    return true;
}

static void output_config_write(const struct ask *q, bool thinks,
                                struct json_out *o)
{
    bool effort = thinks && version_of(q->model) >= 46;
    bool schema = q->format == ASK_SCHEMA && takes_schema(q->model);
    if (!effort && !schema)
        return;
    json_key(o, "output_config");
    json_obj(o);
    if (effort)
        json_kstr(o, "effort",
                  slice_is(q->effort, "minimal") ? SLICE("low") : q->effort);
    if (schema) {
        json_key(o, "format");
        json_obj(o);
        json_kstr(o, "type", SLICE("json_schema"));
        json_key(o, "schema");
        ask_json(o, q->schema);
        json_obj_end(o);
    }
    json_obj_end(o);
}

static bool is_given(const struct json *v)
{
    return v != NULL && v->type != JSON_NULL;
}

/* 0 to 2 becomes 0 to 1. */
static void temperature_write(const struct json *v, struct json_out *o)
{
    struct slice s = v->text;
    bool above = s.n > 0 && s.p[0] >= '1' && s.p[0] <= '9' &&
                 !slice_starts(s, "1e-") && !has(s, "e-") && !has(s, "E-");
    json_key(o, "temperature");
    if (above || v->type != JSON_NUMBER)
        json_num(o, 1);
    else
        json_raw(o, s);
}

static void sampling_write(const struct ask *q, struct json_out *o)
{
    if (!takes_sampling(q->model))
        return;
    if (is_given(q->temperature))
        temperature_write(q->temperature, o);
    else if (is_given(q->top_p)) { // not both (since 4.1)
        json_key(o, "top_p");
        ask_json(o, q->top_p);
    }
    if (is_given(q->top_k)) {
        json_key(o, "top_k");
        ask_json(o, q->top_k);
    }
}

static void stop_write(const struct json *v, struct json_out *o)
{
    const struct json *first = v;
    if (!is_given(v))
        return;
    if (v->type == JSON_ARRAY)
        first = v->child;
    json_key(o, "stop_sequences");
    json_arr(o);
    for (const struct json *s = first; s != NULL;
         s = v->type == JSON_ARRAY ? s->next : NULL)
        for (size_t i = 0; i < s->text.n; i++)
            if (strchr(" \t\r\n", s->text.p[i]) == NULL) {
                json_str(o, s->text); // white space alone is refused
                break;
            }
    json_arr_end(o);
}

static void service_write(const struct ask *q, struct json_out *o)
{
    if (slice_is(q->tier, "default") || slice_is(q->tier, "flex"))
        json_kstr(o, "service_tier", SLICE("standard_only"));
    else if (slice_is(q->tier, "priority") || slice_is(q->tier, "auto"))
        json_kstr(o, "service_tier", SLICE("auto"));
    if (q->user.n == 0)
        return;
    json_key(o, "metadata");
    json_obj(o);
    json_kstr(o, "user_id", q->user);
    json_obj_end(o);
}

bool ask_claude_write(struct ask *q, int64_t max_tokens, struct buf *out)
{
    struct json_out o;
    if (q->n != 1)
        return ask_refuse(q, R_UNSUPPORTED_PARAMETER, "n", "n other than 1");
    json_out_init(&o, out);
    json_obj(&o);
    json_kstr(&o, "model", q->model);
    json_knum(&o, "max_tokens", max_tokens);
    system_write(q, &o);
    turns_write(q, &o);
    tools_write(q, &o);
    bool thinks = thinking_write(q, max_tokens, &o);
    output_config_write(q, thinks, &o);
    if (!thinks)
        sampling_write(q, &o);
    stop_write(q->stop, &o);
    service_write(q, &o);
    if (q->stream)
        json_kbool(&o, "stream", true);
    json_obj_end(&o);
    return q->why == R_NONE && !out->failed;
}

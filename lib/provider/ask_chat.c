/* ask_chat.c - OpenAI's chat/completions into a conversation and out of one.
 *
 * Source: OpenAI API reference, "Create chat completion".  What other
 * providers have no word for is left out where the answer stays what was
 * asked for (seeds, penalties, caching, storage); what would change it
 * silently (audio answers, custom tools) is refused by name.
 */
#include "provider/ask.h"

#define BODY(name) json_get(body, name)

static struct slice text_of(const struct json *v)
{
    return json_text(v, (struct slice){"", 0});
}

/* ---- reading: messages -------------------------------------------------- */

static bool media_part(struct ask *q, enum ask_kind kind, struct slice url,
                       const char *what)
{
    struct ask_part *p = ask_add(q, ASK_USER, kind);
    if (p == NULL)
        return false;
    if (kind == ASK_IMAGE && slice_starts(url, "data:application/pdf"))
        p->kind = ASK_FILE;
    return ask_url(p, url) ||
           ask_refuse(q, R_INVALID_REQUEST, "messages",
                      "%s must be a data: or http(s) URL", what);
}

static bool audio_part(struct ask *q, const struct json *audio)
{
    struct ask_part *p = ask_add(q, ASK_USER, ASK_AUDIO);
    struct slice format = text_of(json_get(audio, "format"));
    if (p == NULL)
        return false;
    p->media =
        slice_is(format, "mp3") ? SLICE("audio/mp3") : SLICE("audio/wav");
    p->data = text_of(json_get(audio, "data"));
    return true;
}

static bool file_part(struct ask *q, const struct json *file)
{
    struct slice data = text_of(json_get(file, "file_data"));
    if (data.n == 0)
        return ask_refuse(q, R_UNSUPPORTED_PARAMETER, "messages", "file_id");
    return media_part(q, ASK_FILE, data, "file_data");
}

static bool content_part(struct ask *q, enum ask_role role,
                         const struct json *part)
{
    struct slice type = text_of(json_get(part, "type"));
    const struct json *image = json_get(part, "image_url");
    if (slice_is(type, "text"))
        return ask_add_text(q, role, text_of(json_get(part, "text")));
    if (slice_is(type, "refusal"))
        return ask_add_text(q, role, text_of(json_get(part, "refusal")));
    if (role != ASK_USER)
        return ask_refuse(q, R_UNSUPPORTED_PARAMETER, "messages",
                          "content of type \"%.*s\" in this role",
                          (int)(type.n < 40 ? type.n : 40), type.p);
    if (slice_is(type, "image_url"))
        return media_part(q, ASK_IMAGE,
                          image != NULL && image->type == JSON_STRING
                              ? image->text
                              : text_of(json_get(image, "url")),
                          "image_url");
    if (slice_is(type, "input_audio"))
        return audio_part(q, json_get(part, "input_audio"));
    if (slice_is(type, "file"))
        return file_part(q, json_get(part, "file"));
    return ask_refuse(q, R_UNSUPPORTED_PARAMETER, "messages",
                      "content of this type");
}

static bool content_read(struct ask *q, enum ask_role role,
                         const struct json *content)
{
    if (content == NULL || content->type == JSON_NULL)
        return true;
    if (content->type == JSON_STRING)
        return ask_add_text(q, role, content->text);
    if (content->type != JSON_ARRAY)
        return ask_refuse(q, R_INVALID_REQUEST, "messages",
                          "content must be string or array");
    for (const struct json *p = content->child; p != NULL; p = p->next)
        if (!content_part(q, role, p))
            return false;
    return true;
}

static bool call_read(struct ask *q, const struct json *fn, struct slice id,
                      const struct json *extra)
{
    struct ask_part *p = ask_add(q, ASK_ASSISTANT, ASK_CALL);
    if (p == NULL)
        return false;
    p->id = id;
    p->name = text_of(json_get(fn, "name"));
    p->signature =
        text_of(json_get(json_get(extra, "google"), "thought_signature"));
    if (p->name.n == 0)
        return ask_refuse(q, R_UNSUPPORTED_PARAMETER, "messages",
                          "tool calls that are no functions");
    return ask_args(q, p, text_of(json_get(fn, "arguments")));
}

static bool assistant_read(struct ask *q, const struct json *m)
{
    const struct json *calls = json_get(m, "tool_calls");
    const struct json *old = json_get(m, "function_call");
    if (!content_read(q, ASK_ASSISTANT, json_get(m, "content")) ||
        !content_read(q, ASK_ASSISTANT, json_get(m, "refusal")))
        return false;
    if (calls != NULL && calls->type == JSON_ARRAY)
        for (const struct json *c = calls->child; c != NULL; c = c->next)
            if (!call_read(q, json_get(c, "function"),
                           text_of(json_get(c, "id")),
                           json_get(c, "extra_content")))
                return false;
    if (old != NULL && old->type == JSON_OBJECT)
        return call_read(q, old, text_of(json_get(old, "name")), NULL);
    return true;
}

static bool result_read(struct ask *q, const struct json *m, struct slice id)
{
    const struct json *content = json_get(m, "content");
    struct ask_part *p = ask_add(q, ASK_USER, ASK_RESULT), *inner;
    if (p == NULL)
        return false;
    p->id = id;
    if (content != NULL && content->type == JSON_STRING) {
        inner = ask_add_inner(q, p, ASK_TEXT);
        if (inner != NULL)
            inner->text = content->text;
        return inner != NULL;
    }
    for (const struct json *c = content != NULL ? content->child : NULL;
         c != NULL; c = c->next) {
        inner = ask_add_inner(q, p, ASK_TEXT);
        if (inner == NULL)
            return false;
        inner->text = text_of(json_get(c, "text"));
    }
    return true;
}

static bool message_read(struct ask *q, const struct json *m)
{
    struct slice role = text_of(json_get(m, "role"));
    if (slice_is(role, "system") || slice_is(role, "developer"))
        return content_read(q, ASK_SYSTEM, json_get(m, "content"));
    if (slice_is(role, "user"))
        return content_read(q, ASK_USER, json_get(m, "content"));
    if (slice_is(role, "assistant"))
        return assistant_read(q, m);
    if (slice_is(role, "tool"))
        return result_read(q, m, text_of(json_get(m, "tool_call_id")));
    if (slice_is(role, "function"))
        return result_read(q, m, text_of(json_get(m, "name")));
    return ask_refuse(q, R_INVALID_REQUEST, "messages",
                      "role must be system, developer, user, assistant or "
                      "tool");
}

/* ---- reading: wishes ---------------------------------------------------- */

static bool tool_read(struct ask *q, const struct json *fn)
{
    struct ask_tool *t = ask_add_tool(q);
    if (t == NULL)
        return false;
    t->name = text_of(json_get(fn, "name"));
    t->description = text_of(json_get(fn, "description"));
    t->schema = json_get(fn, "parameters");
    if (t->name.n == 0)
        return ask_refuse(q, R_INVALID_REQUEST, "tools",
                          "body/tools must name functions");
    return true;
}

static bool tools_read(struct ask *q, const struct json *body)
{
    const struct json *tools = BODY("tools"), *old = BODY("functions");
    for (const struct json *t = tools != NULL ? tools->child : NULL; t != NULL;
         t = t->next) {
        if (!slice_is(text_of(json_get(t, "type")), "function"))
            return ask_refuse(q, R_UNSUPPORTED_PARAMETER, "tools",
                              "tools other than functions");
        if (!tool_read(q, json_get(t, "function")))
            return false;
    }
    for (const struct json *t = old != NULL ? old->child : NULL; t != NULL;
         t = t->next)
        if (!tool_read(q, t))
            return false;
    return true;
}

static bool choice_read(struct ask *q, const struct json *v)
{
    struct slice word = text_of(v);
    if (v == NULL || v->type == JSON_NULL)
        return true;
    if (v->type == JSON_OBJECT) {
        const struct json *fn = json_get(v, "function");
        q->choice_name = text_of(json_get(fn != NULL ? fn : v, "name"));
        q->choice = ASK_CHOICE_NAMED;
        return q->choice_name.n > 0 ||
               ask_refuse(q, R_UNSUPPORTED_PARAMETER, "tool_choice",
                          "tool_choice of this type");
    }
    q->choice = slice_is(word, "none")       ? ASK_CHOICE_NONE
                : slice_is(word, "required") ? ASK_CHOICE_ANY
                                             : ASK_CHOICE_AUTO;
    return true;
}

static bool format_read(struct ask *q, const struct json *v)
{
    struct slice type = text_of(json_get(v, "type"));
    const struct json *s = json_get(v, "json_schema");
    if (slice_is(type, "json_object"))
        q->format = ASK_JSON;
    if (!slice_is(type, "json_schema"))
        return true;
    q->format = ASK_SCHEMA;
    q->schema = json_get(s, "schema");
    q->schema_name = text_of(json_get(s, "name"));
    return (q->schema != NULL && q->schema->type == JSON_OBJECT) ||
           ask_refuse(q, R_INVALID_REQUEST, "response_format",
                      "body/response_format must have a schema");
}

static bool answer_is_text(struct ask *q, const struct json *body)
{
    const struct json *m = BODY("modalities");
    for (const struct json *c = m != NULL ? m->child : NULL; c != NULL;
         c = c->next)
        if (slice_is(text_of(c), "audio"))
            return ask_refuse(q, R_UNSUPPORTED_PARAMETER, "modalities",
                              "audio answers");
    return true;
}

bool ask_chat_read(struct ask *q, const struct json *body)
{
    const struct json *messages = BODY("messages"), *tools = BODY("tools");
    for (const struct json *m = messages != NULL ? messages->child : NULL;
         m != NULL; m = m->next)
        if (!message_read(q, m))
            return false;
    ask_name_results(q);
    const struct json *choice = BODY("tool_choice");
    if (!tools_read(q, body) ||
        !choice_read(q, choice != NULL || tools != NULL
                            ? choice
                            : BODY("function_call")) ||
        !format_read(q, BODY("response_format")) || !answer_is_text(q, body))
        return false;
    const struct json *parallel = BODY("parallel_tool_calls");
    const struct json *usage =
        json_get(BODY("stream_options"), "include_usage");
    const struct json *user = BODY("user");
    q->one_call = parallel != NULL && parallel->type == JSON_FALSE;
    q->include_usage = usage != NULL && usage->type == JSON_TRUE;
    q->temperature = BODY("temperature");
    q->top_p = BODY("top_p");
    q->seed = BODY("seed");
    q->presence = BODY("presence_penalty");
    q->frequency = BODY("frequency_penalty");
    q->stop = BODY("stop");
    q->effort = text_of(BODY("reasoning_effort"));
    q->user = text_of(user != NULL ? user : BODY("safety_identifier"));
    q->tier = text_of(BODY("service_tier"));
    q->web_search = BODY("web_search_options") != NULL;
    if (BODY("n") != NULL && BODY("n")->type != JSON_NULL)
        (void)json_i64(BODY("n"), &q->n);
    return true;
}

/* ---- writing ------------------------------------------------------------ */

static void url_write(const struct ask_part *p, struct json_out *o)
{
    if (p->url.n > 0) {
        json_str(o, p->url);
        return;
    }
    struct buf b; // quoted at once: a picture is copied only here
    buf_init(&b, p->data.n + p->media.n + 32);
    buf_str(&b, "data:");
    buf_slice(&b, p->media);
    buf_str(&b, ";base64,");
    buf_slice(&b, p->data);
    if (b.failed)
        o->b->failed = true;
    json_str(o, buf_get(&b));
    buf_release(&b);
}

static void part_write(const struct ask_part *p, struct json_out *o)
{
    json_obj(o);
    if (p->kind == ASK_TEXT) {
        json_kstr(o, "type", SLICE("text"));
        json_kstr(o, "text", p->text);
    } else if (p->kind == ASK_IMAGE) {
        json_kstr(o, "type", SLICE("image_url"));
        json_key(o, "image_url");
        json_obj(o);
        json_key(o, "url");
        url_write(p, o);
        json_obj_end(o);
    } else {
        json_kstr(o, "type", SLICE("file"));
        json_key(o, "file");
        json_obj(o);
        json_kstr(o, "filename", SLICE("document.pdf"));
        json_key(o, "file_data");
        url_write(p, o);
        json_obj_end(o);
    }
    json_obj_end(o);
}

static bool is_said(const struct ask_part *p)
{
    return p->kind == ASK_TEXT || p->kind == ASK_IMAGE || p->kind == ASK_FILE;
}

/* The text and media of a turn; a single text is a string. */
static void content_write(const struct ask_turn *t, struct json_out *o)
{
    const struct ask_part *only = NULL;
    int n = 0;
    for (const struct ask_part *p = t->parts; p != NULL; p = p->next)
        if (is_said(p)) {
            only = p;
            n++;
        }
    json_key(o, "content");
    if (n == 0) {
        json_null(o);
    } else if (n == 1 && only->kind == ASK_TEXT) {
        json_str(o, only->text);
    } else {
        json_arr(o);
        for (const struct ask_part *p = t->parts; p != NULL; p = p->next)
            if (is_said(p))
                part_write(p, o);
        json_arr_end(o);
    }
}

static void call_write(struct ask *q, const struct ask_part *p,
                       struct json_out *o)
{
    struct buf args;
    struct json_out ao;
    buf_init(&args, 64u << 20);
    json_out_init(&ao, &args);
    ask_json(&ao, p->args);
    if (args.failed)
        (void)ask_refuse(q, R_STORAGE, NULL, "out of memory");
    json_obj(o);
    json_kstr(o, "id", p->id);
    json_kstr(o, "type", SLICE("function"));
    json_key(o, "function");
    json_obj(o);
    json_kstr(o, "name", p->name);
    json_kstr(o, "arguments", buf_get(&args));
    json_obj_end(o);
    json_obj_end(o);
    buf_release(&args);
}

static void assistant_write(struct ask *q, const struct ask_turn *t,
                            struct json_out *o)
{
    bool any = false;
    json_obj(o);
    json_kstr(o, "role", SLICE("assistant"));
    content_write(t, o);
    for (const struct ask_part *p = t->parts; p != NULL; p = p->next) {
        if (p->kind != ASK_CALL)
            continue;
        if (!any) {
            json_key(o, "tool_calls");
            json_arr(o);
        }
        any = true;
        call_write(q, p, o);
    }
    if (any)
        json_arr_end(o);
    json_obj_end(o);
}

static void user_write(struct ask *q, const struct ask_turn *t,
                       struct json_out *o)
{
    bool said = false;
    for (const struct ask_part *p = t->parts; p != NULL; p = p->next) {
        said = said || is_said(p);
        if (p->kind != ASK_RESULT)
            continue;
        json_obj(o);
        json_kstr(o, "role", SLICE("tool"));
        json_kstr(o, "tool_call_id", p->id);
        json_kstr(o, "content", ask_result_text(q, p));
        json_obj_end(o);
    }
    if (!said)
        return;
    json_obj(o);
    json_kstr(o, "role", SLICE("user"));
    content_write(t, o);
    json_obj_end(o);
}

static void turns_write(struct ask *q, struct json_out *o)
{
    json_key(o, "messages");
    json_arr(o);
    for (const struct ask_turn *t = q->turns; t != NULL; t = t->next) {
        if (t->role == ASK_ASSISTANT) {
            assistant_write(q, t, o);
        } else if (t->role == ASK_USER) {
            user_write(q, t, o);
        } else {
            json_obj(o);
            json_kstr(o, "role", SLICE("system"));
            content_write(t, o);
            json_obj_end(o);
        }
    }
    json_arr_end(o);
}

static void tools_write(const struct ask *q, struct json_out *o)
{
    static const char *const words[] = {NULL, "auto", "none", "required"};
    if (q->tools == NULL)
        return;
    json_key(o, "tools");
    json_arr(o);
    for (const struct ask_tool *t = q->tools; t != NULL; t = t->next) {
        json_obj(o);
        json_kstr(o, "type", SLICE("function"));
        json_key(o, "function");
        json_obj(o);
        json_kstr(o, "name", t->name);
        if (t->description.n > 0)
            json_kstr(o, "description", t->description);
        if (t->schema != NULL) {
            json_key(o, "parameters");
            ask_json(o, t->schema);
        }
        json_obj_end(o);
        json_obj_end(o);
    }
    json_arr_end(o);
    if (q->choice == ASK_CHOICE_NAMED) {
        json_key(o, "tool_choice");
        json_obj(o);
        json_kstr(o, "type", SLICE("function"));
        json_key(o, "function");
        json_obj(o);
        json_kstr(o, "name", q->choice_name);
        json_obj_end(o);
        json_obj_end(o);
    } else if (q->choice != ASK_CHOICE_UNSET) {
        json_kstr(o, "tool_choice", slice_str(words[q->choice]));
    }
    if (q->one_call)
        json_kbool(o, "parallel_tool_calls", false);
}

static void wish(struct json_out *o, const char *key, const struct json *v)
{
    if (v == NULL || v->type == JSON_NULL)
        return;
    json_key(o, key);
    ask_json(o, v);
}

static void format_write(const struct ask *q, struct json_out *o)
{
    if (q->format == ASK_PLAIN)
        return;
    json_key(o, "response_format");
    json_obj(o);
    json_kstr(o, "type",
              q->format == ASK_JSON ? SLICE("json_object")
                                    : SLICE("json_schema"));
    if (q->format == ASK_SCHEMA) {
        json_key(o, "json_schema");
        json_obj(o);
        json_kstr(o, "name",
                  q->schema_name.n > 0 ? q->schema_name : SLICE("answer"));
        json_key(o, "schema");
        ask_json(o, q->schema);
        json_obj_end(o);
    }
    json_obj_end(o);
}

bool ask_chat_write(struct ask *q, int64_t max_tokens, bool completion_limit,
                    struct buf *out)
{
    struct json_out o;
    json_out_init(&o, out);
    json_obj(&o);
    json_kstr(&o, "model", q->model);
    turns_write(q, &o);
    tools_write(q, &o);
    if (max_tokens > 0)
        json_knum(&o, completion_limit ? "max_completion_tokens" : "max_tokens",
                  max_tokens);
    /* reasoning models refuse sampling parameters */
    if (!completion_limit) {
        wish(&o, "temperature", q->temperature);
        wish(&o, "top_p", q->top_p);
    }
    wish(&o, "stop", q->stop);
    format_write(q, &o);
    if (q->effort.n > 0 && completion_limit)
        json_kstr(&o, "reasoning_effort", q->effort);
    if (q->user.n > 0)
        json_kstr(&o, "user", q->user);
    if (q->stream) {
        json_kbool(&o, "stream", true);
        json_key(&o, "stream_options");
        json_raw(&o, SLICE("{\"include_usage\":true}"));
    }
    json_obj_end(&o);
    return q->why == R_NONE && !out->failed;
}

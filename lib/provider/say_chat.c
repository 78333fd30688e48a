/* say_chat.c - what was said, as OpenAI's chat/completions.
 *
 * Source: OpenAI "Chat completion object" and "chunk object".  Reasoning goes
 * out as reasoning_content and Google's signatures as extra_content.google,
 * as DeepSeek's and Google's own compatible endpoints name them.
 */
#include "provider/say.h"

static const char *stop_word(enum say_stop s)
{
    static const char *const words[] = {
        [STOP_END] = "stop",
        [STOP_LENGTH] = "length",
        [STOP_TOOLS] = "tool_calls",
        [STOP_FILTER] = "content_filter",
    };
    return words[s];
}

static void head_write(const struct say_writer *w, const char *object,
                       struct json_out *o)
{
    struct buf id;
    buf_init(&id, 128);
    buf_str(&id, "chatcmpl-");
    buf_str(&id, w->id);
    json_kstr(o, "id", buf_get(&id));
    buf_release(&id);
    json_kstr(o, "object", slice_str(object));
    json_knum(o, "created", w->created);
    json_kstr(o, "model", slice_str(w->model));
}

static void usage_write(const struct say_writer *w, struct json_out *o)
{
    const struct usage *u = &w->usage;
    json_key(o, "usage");
    json_obj(o);
    json_knum(o, "prompt_tokens", u->input);
    json_knum(o, "completion_tokens", u->output);
    json_knum(o, "total_tokens", u->input + u->output);
    json_key(o, "prompt_tokens_details");
    json_obj(o);
    json_knum(o, "cached_tokens", u->cached);
    json_knum(o, "cache_write_tokens", u->cache_write + u->cache_write_1h);
    json_knum(o, "audio_tokens", u->audio_in);
    json_obj_end(o);
    json_key(o, "completion_tokens_details");
    json_obj(o);
    json_knum(o, "reasoning_tokens", u->reasoning);
    json_knum(o, "audio_tokens", u->audio_out);
    json_obj_end(o);
    json_obj_end(o);
}

static void signature_write(struct slice signature, struct json_out *o)
{
    if (signature.n == 0)
        return;
    json_key(o, "extra_content");
    json_obj(o);
    json_key(o, "google");
    json_obj(o);
    json_kstr(o, "thought_signature", signature);
    json_obj_end(o);
    json_obj_end(o);
}

/* ---- whole -------------------------------------------------------------- */

static void calls_write(const struct say_choice *c, struct json_out *o)
{
    if (c->call_count == 0)
        return;
    json_key(o, "tool_calls");
    json_arr(o);
    for (int i = 0; i < c->call_count; i++) {
        const struct say_call *k = &c->calls[i];
        json_obj(o);
        json_kstr(o, "id", slice_str(k->id));
        json_kstr(o, "type", SLICE("function"));
        json_key(o, "function");
        json_obj(o);
        json_kstr(o, "name", slice_str(k->name));
        json_kstr(o, "arguments",
                  k->args.n > 0 ? buf_get(&k->args) : SLICE("{}"));
        json_obj_end(o);
        signature_write(buf_get(&k->signature), o);
        json_obj_end(o);
    }
    json_arr_end(o);
}

static void choice_write(const struct say_choice *c, int index,
                         struct json_out *o)
{
    json_obj(o);
    json_knum(o, "index", index);
    json_key(o, "message");
    json_obj(o);
    json_kstr(o, "role", SLICE("assistant"));
    if (c->text.n > 0)
        json_kstr(o, "content", buf_get(&c->text));
    else
        json_knull(o, "content");
    if (c->thinking.n > 0)
        json_kstr(o, "reasoning_content", buf_get(&c->thinking));
    json_knull(o, "refusal");
    calls_write(c, o);
    json_obj_end(o);
    json_knull(o, "logprobs");
    json_kstr(o, "finish_reason", slice_str(stop_word(c->stop)));
    json_obj_end(o);
}

static void whole_write(struct say_writer *w)
{
    struct json_out o;
    json_out_init(&o, w->out);
    json_obj(&o);
    head_write(w, "chat.completion", &o);
    json_key(&o, "choices");
    json_arr(&o);
    for (int i = 0; i < SAY_CHOICES; i++)
        if (w->of[i].used || i == 0)
            choice_write(&w->of[i], i, &o);
    json_arr_end(&o);
    usage_write(w, &o);
    json_obj_end(&o);
}

/* ---- events ------------------------------------------------------------- */

static void delta_open(const struct say_writer *w, int choice,
                       struct json_out *o)
{
    buf_str(w->out, "data: ");
    json_out_init(o, w->out);
    json_obj(o);
    head_write(w, "chat.completion.chunk", o);
    json_key(o, "choices");
    json_arr(o);
    json_obj(o);
    json_knum(o, "index", choice);
    json_key(o, "delta");
    json_obj(o);
}

static void delta_close(const struct say_writer *w, const char *reason,
                        struct json_out *o)
{
    json_obj_end(o);
    json_knull(o, "logprobs");
    if (reason != NULL)
        json_kstr(o, "finish_reason", slice_str(reason));
    else
        json_knull(o, "finish_reason");
    json_obj_end(o);
    json_arr_end(o);
    if (w->include_usage)
        json_knull(o, "usage");
    json_obj_end(o);
    buf_str(w->out, "\n\n");
}

static void call_delta(const struct say_writer *w, const struct say *s,
                       struct json_out *o)
{
    json_key(o, "tool_calls");
    json_arr(o);
    json_obj(o);
    json_knum(o, "index", w->of[s->choice].call_count - 1);
    if (s->kind == SAY_CALL) {
        json_kstr(o, "id", s->id);
        json_kstr(o, "type", SLICE("function"));
    }
    json_key(o, "function");
    json_obj(o);
    if (s->kind == SAY_CALL)
        json_kstr(o, "name", s->name);
    json_kstr(o, "arguments", s->text);
    json_obj_end(o);
    if (s->kind == SAY_CALL)
        signature_write(s->signature, o);
    json_obj_end(o);
    json_arr_end(o);
}

static void error_event(const struct say_writer *w, const struct say *s)
{
    struct json_out o;
    buf_str(w->out, "data: ");
    json_out_init(&o, w->out);
    json_obj(&o);
    json_key(&o, "error");
    json_obj(&o);
    json_kstr(&o, "message", s->text);
    json_kstr(&o, "type", s->name.n > 0 ? s->name : SLICE("server_error"));
    json_knull(&o, "param");
    json_knull(&o, "code");
    json_obj_end(&o);
    json_obj_end(&o);
    buf_str(w->out, "\n\n");
}

void say_chat_step(struct say_writer *w, const struct say *s)
{
    struct json_out o;
    if (!w->stream)
        return;
    if (s->kind == SAY_ERROR) {
        error_event(w, s);
        return;
    }
    delta_open(w, s->choice, &o);
    switch (s->kind) {
    case SAY_START:
        json_kstr(&o, "role", SLICE("assistant"));
        json_kstr(&o, "content", SLICE(""));
        break;
    case SAY_TEXT:
        json_kstr(&o, "content", s->text);
        break;
    case SAY_THINKING:
        json_kstr(&o, "reasoning_content", s->text);
        break;
    case SAY_CALL:
    case SAY_ARGS:
        call_delta(w, s, &o);
        break;
    case SAY_STOP:
    case SAY_ERROR:
        break;
    }
    delta_close(w, s->kind == SAY_STOP ? stop_word(s->stop) : NULL, &o);
}

void say_chat_end(struct say_writer *w)
{
    struct json_out o;
    if (!w->stream) {
        whole_write(w);
        return;
    }
    if (w->include_usage) {
        buf_str(w->out, "data: ");
        json_out_init(&o, w->out);
        json_obj(&o);
        head_write(w, "chat.completion.chunk", &o);
        json_key(&o, "choices");
        json_arr(&o);
        json_arr_end(&o);
        usage_write(w, &o);
        json_obj_end(&o);
        buf_str(w->out, "\n\n");
    }
    buf_str(w->out, "data: [DONE]\n\n");
}

/* say_claude.c - what was said, as Anthropic's messages.
 *
 * Source: Anthropic "Messages" and "Streaming messages".  One block is open
 * at a time; a step of another kind closes it.  The input is not known when
 * message_start goes out, so message_delta carries all usage; it is
 * cumulative by definition.
 */
#include "provider/say.h"

static const char *stop_word(enum say_stop s)
{
    static const char *const words[] = {
        [STOP_END] = "end_turn",
        [STOP_LENGTH] = "max_tokens",
        [STOP_TOOLS] = "tool_use",
        [STOP_FILTER] = "refusal",
    };
    return words[s];
}

static void usage_write(const struct say_writer *w, struct json_out *o)
{
    const struct usage *u = &w->usage;
    int64_t written = u->cache_write + u->cache_write_1h;
    json_key(o, "usage");
    json_obj(o);
    json_knum(o, "input_tokens", u->input - u->cached - written);
    json_knum(o, "cache_creation_input_tokens", written);
    json_knum(o, "cache_read_input_tokens", u->cached);
    json_knum(o, "output_tokens", u->output);
    json_obj_end(o);
}

static void head_write(const struct say_writer *w, struct json_out *o)
{
    struct buf id;
    buf_init(&id, 128);
    buf_str(&id, "msg_");
    buf_str(&id, w->id);
    json_kstr(o, "id", buf_get(&id));
    buf_release(&id);
    json_kstr(o, "type", SLICE("message"));
    json_kstr(o, "role", SLICE("assistant"));
    json_kstr(o, "model", slice_str(w->model));
}

/* ---- whole -------------------------------------------------------------- */

static void blocks_write(const struct say_choice *c, struct json_out *o)
{
    json_key(o, "content");
    json_arr(o);
    if (c->thinking.n > 0) {
        json_obj(o);
        json_kstr(o, "type", SLICE("thinking"));
        json_kstr(o, "thinking", buf_get(&c->thinking));
        json_kstr(o, "signature", SLICE(""));
        json_obj_end(o);
    }
    if (c->text.n > 0) {
        json_obj(o);
        json_kstr(o, "type", SLICE("text"));
        json_kstr(o, "text", buf_get(&c->text));
        json_obj_end(o);
    }
    for (int i = 0; i < c->call_count; i++) {
        const struct say_call *k = &c->calls[i];
        json_obj(o);
        json_kstr(o, "type", SLICE("tool_use"));
        json_kstr(o, "id", slice_str(k->id));
        json_kstr(o, "name", slice_str(k->name));
        json_key(o, "input");
        json_raw(o, k->args.n > 0 ? buf_get(&k->args) : SLICE("{}"));
        json_obj_end(o);
    }
    json_arr_end(o);
}

static void whole_write(struct say_writer *w)
{
    struct json_out o;
    json_out_init(&o, w->out);
    json_obj(&o);
    head_write(w, &o);
    blocks_write(&w->of[0], &o);
    json_kstr(&o, "stop_reason", slice_str(stop_word(w->of[0].stop)));
    json_knull(&o, "stop_sequence");
    usage_write(w, &o);
    json_obj_end(&o);
}

/* ---- events ------------------------------------------------------------- */

static void event_open(struct say_writer *w, const char *type,
                       struct json_out *o)
{
    buf_printf(w->out, "event: %s\ndata: ", type);
    json_out_init(o, w->out);
    json_obj(o);
    json_kstr(o, "type", slice_str(type));
}

static void event_close(struct say_writer *w, struct json_out *o)
{
    json_obj_end(o);
    buf_str(w->out, "\n\n");
}

static void block_close(struct say_writer *w)
{
    struct json_out o;
    if (w->block == SAY_STOP)
        return;
    event_open(w, "content_block_stop", &o);
    json_knum(&o, "index", w->blocks - 1);
    event_close(w, &o);
    w->block = SAY_STOP;
}

static void block_open(struct say_writer *w, const struct say *s)
{
    struct json_out o;
    if (w->block == s->kind && s->kind != SAY_CALL)
        return;
    block_close(w);
    w->block = s->kind;
    event_open(w, "content_block_start", &o);
    json_knum(&o, "index", w->blocks++);
    json_key(&o, "content_block");
    json_obj(&o);
    if (s->kind == SAY_TEXT) {
        json_kstr(&o, "type", SLICE("text"));
        json_kstr(&o, "text", SLICE(""));
    } else if (s->kind == SAY_THINKING) {
        json_kstr(&o, "type", SLICE("thinking"));
        json_kstr(&o, "thinking", SLICE(""));
        json_kstr(&o, "signature", SLICE(""));
    } else {
        json_kstr(&o, "type", SLICE("tool_use"));
        json_kstr(&o, "id", s->id);
        json_kstr(&o, "name", s->name);
        json_key(&o, "input");
        json_raw(&o, SLICE("{}"));
    }
    json_obj_end(&o);
    event_close(w, &o);
}

static void block_delta(struct say_writer *w, const struct say *s)
{
    struct json_out o;
    bool text = s->kind == SAY_TEXT, args = s->kind == SAY_ARGS;
    event_open(w, "content_block_delta", &o);
    json_knum(&o, "index", w->blocks - 1);
    json_key(&o, "delta");
    json_obj(&o);
    json_kstr(&o, "type",
              text   ? SLICE("text_delta")
              : args ? SLICE("input_json_delta")
                     : SLICE("thinking_delta"));
    json_kstr(&o, text ? "text" : args ? "partial_json" : "thinking", s->text);
    json_obj_end(&o);
    event_close(w, &o);
}

static void begin(struct say_writer *w)
{
    struct json_out o;
    event_open(w, "message_start", &o);
    json_key(&o, "message");
    json_obj(&o);
    head_write(w, &o);
    json_key(&o, "content");
    json_arr(&o);
    json_arr_end(&o);
    json_knull(&o, "stop_reason");
    json_knull(&o, "stop_sequence");
    usage_write(w, &o);
    json_obj_end(&o);
    event_close(w, &o);
}

static void error_event(struct say_writer *w, const struct say *s)
{
    struct json_out o;
    event_open(w, "error", &o);
    json_key(&o, "error");
    json_obj(&o);
    json_kstr(&o, "type", SLICE("api_error"));
    json_kstr(&o, "message", s->text);
    json_obj_end(&o);
    event_close(w, &o);
}

void say_claude_step(struct say_writer *w, const struct say *s)
{
    if (!w->stream || s->choice != 0)
        return;
    switch (s->kind) {
    case SAY_START:
        begin(w);
        break;
    case SAY_TEXT:
    case SAY_THINKING:
        block_open(w, s);
        block_delta(w, s);
        break;
    case SAY_CALL:
        block_open(w, s);
        break;
    case SAY_ARGS:
        if (w->block == SAY_CALL)
            block_delta(w, s);
        break;
    case SAY_STOP:
        block_close(w);
        break;
    case SAY_ERROR:
        error_event(w, s);
        break;
    }
}

void say_claude_end(struct say_writer *w)
{
    struct json_out o;
    if (!w->stream) {
        whole_write(w);
        return;
    }
    block_close(w);
    event_open(w, "message_delta", &o);
    json_key(&o, "delta");
    json_obj(&o);
    json_kstr(&o, "stop_reason", slice_str(stop_word(w->of[0].stop)));
    json_knull(&o, "stop_sequence");
    json_obj_end(&o);
    usage_write(w, &o);
    event_close(w, &o);
    event_open(w, "message_stop", &o);
    event_close(w, &o);
}

/* say_responses.c - what was said, as OpenAI's responses.
 *
 * Source: OpenAI "The response object" and "Streaming events".  An answer is
 * a list of items: reasoning, messages, calls.  One is open at a time; a step
 * of another kind closes it, and closed items are kept as JSON, since the
 * last event repeats them all.
 */
#include "provider/say.h"

static const char *status_of(const struct say_writer *w)
{
    if (!w->ended)
        return "in_progress";
    enum say_stop s = w->of[0].stop;
    return s == STOP_LENGTH || s == STOP_FILTER ? "incomplete" : "completed";
}

static void usage_write(const struct say_writer *w, struct json_out *o)
{
    const struct usage *u = &w->usage;
    json_key(o, "usage");
    if (!w->ended) {
        json_null(o);
        return;
    }
    json_obj(o);
    json_knum(o, "input_tokens", u->input);
    json_key(o, "input_tokens_details");
    json_obj(o);
    json_knum(o, "cached_tokens", u->cached);
    json_obj_end(o);
    json_knum(o, "output_tokens", u->output);
    json_key(o, "output_tokens_details");
    json_obj(o);
    json_knum(o, "reasoning_tokens", u->reasoning);
    json_obj_end(o);
    json_knum(o, "total_tokens", u->input + u->output);
    json_obj_end(o);
}

static void kid(struct json_out *o, const char *key, const char *prefix,
                const struct say_writer *w, int item)
{
    char text[100];
    int n = item < 0
                ? snprintf(text, sizeof text, "%s%s", prefix, w->id)
                : snprintf(text, sizeof text, "%s%s_%d", prefix, w->id, item);
    json_kstr(o, key, slice(text, (size_t)n));
}

static void response_write(struct say_writer *w, struct json_out *o)
{
    enum say_stop s = w->of[0].stop;
    json_obj(o);
    kid(o, "id", "resp_", w, -1);
    json_kstr(o, "object", SLICE("response"));
    json_knum(o, "created_at", w->created);
    json_kstr(o, "status", slice_str(status_of(w)));
    json_knull(o, "error");
    json_key(o, "incomplete_details");
    if (strcmp(status_of(w), "incomplete") == 0) {
        json_obj(o);
        json_kstr(o, "reason",
                  s == STOP_LENGTH ? SLICE("max_output_tokens")
                                   : SLICE("content_filter"));
        json_obj_end(o);
    } else {
        json_null(o);
    }
    json_knull(o, "instructions");
    json_knull(o, "max_output_tokens");
    json_kstr(o, "model", slice_str(w->model));
    json_key(o, "output");
    json_arr(o);
    if (w->items.n > 0)
        json_raw(o, buf_get(&w->items));
    json_arr_end(o);
    json_kbool(o, "parallel_tool_calls", true);
    json_knull(o, "previous_response_id");
    json_kbool(o, "store", false);
    json_knull(o, "temperature");
    json_kstr(o, "tool_choice", SLICE("auto"));
    json_key(o, "tools");
    json_raw(o, SLICE("[]"));
    json_knull(o, "top_p");
    usage_write(w, o);
    json_key(o, "metadata");
    json_raw(o, SLICE("{}"));
    json_obj_end(o);
}

/* ---- events ------------------------------------------------------------- */

static void event_open(struct say_writer *w, const char *type,
                       struct json_out *o)
{
    buf_printf(w->out, "event: %s\ndata: ", type);
    json_out_init(o, w->out);
    json_obj(o);
    json_kstr(o, "type", slice_str(type));
    json_knum(o, "sequence_number", w->sequence++);
}

static void event_close(struct say_writer *w, struct json_out *o)
{
    json_obj_end(o);
    buf_str(w->out, "\n\n");
}

static void response_event(struct say_writer *w, const char *type)
{
    struct json_out o;
    event_open(w, type, &o);
    json_key(&o, "response");
    response_write(w, &o);
    event_close(w, &o);
}

/* ---- items -------------------------------------------------------------- */

static const char *prefix_of(enum say_kind k)
{
    return k == SAY_TEXT ? "msg_" : k == SAY_THINKING ? "rs_" : "fc_";
}

static void text_part(struct json_out *o, struct slice text)
{
    json_obj(o);
    json_kstr(o, "type", SLICE("output_text"));
    json_kstr(o, "text", text);
    json_key(o, "annotations");
    json_raw(o, SLICE("[]"));
    json_obj_end(o);
}

static void summary_part(struct json_out *o, struct slice text)
{
    json_obj(o);
    json_kstr(o, "type", SLICE("summary_text"));
    json_kstr(o, "text", text);
    json_obj_end(o);
}

/* The open item; without its content while it begins. */
static void item_write(struct say_writer *w, bool done, struct json_out *o)
{
    const struct say_choice *c = &w->of[0];
    struct slice piece = buf_get(&w->piece);
    json_obj(o);
    kid(o, "id", prefix_of(w->block), w, w->blocks - 1);
    if (w->block == SAY_TEXT) {
        json_kstr(o, "type", SLICE("message"));
        json_kstr(o, "role", SLICE("assistant"));
        json_key(o, "content");
        json_arr(o);
        if (done)
            text_part(o, piece);
        json_arr_end(o);
    } else if (w->block == SAY_THINKING) {
        json_kstr(o, "type", SLICE("reasoning"));
        json_key(o, "summary");
        json_arr(o);
        if (done)
            summary_part(o, piece);
        json_arr_end(o);
    } else {
        const struct say_call *k = &c->calls[w->open_call];
        json_kstr(o, "type", SLICE("function_call"));
        json_kstr(o, "call_id", slice_str(k->id));
        json_kstr(o, "name", slice_str(k->name));
        json_kstr(o, "arguments",
                  !done         ? SLICE("")
                  : piece.n > 0 ? piece
                                : SLICE("{}"));
    }
    json_kstr(o, "status", done ? SLICE("completed") : SLICE("in_progress"));
    json_obj_end(o);
}

static void item_event(struct say_writer *w, const char *type, bool done)
{
    struct json_out o;
    event_open(w, type, &o);
    json_knum(&o, "output_index", w->blocks - 1);
    json_key(&o, "item");
    item_write(w, done, &o);
    event_close(w, &o);
}

/* Where an event of the open item belongs. */
static void place(struct say_writer *w, struct json_out *o)
{
    kid(o, "item_id", prefix_of(w->block), w, w->blocks - 1);
    json_knum(o, "output_index", w->blocks - 1);
    if (w->block == SAY_TEXT)
        json_knum(o, "content_index", 0);
    else if (w->block == SAY_THINKING)
        json_knum(o, "summary_index", 0);
}

static void part_event(struct say_writer *w, const char *type,
                       struct slice text)
{
    struct json_out o;
    event_open(w, type, &o);
    place(w, &o);
    json_key(&o, "part");
    if (w->block == SAY_TEXT)
        text_part(&o, text);
    else
        summary_part(&o, text);
    event_close(w, &o);
}

static void text_event(struct say_writer *w, const char *type, const char *key,
                       struct slice text)
{
    struct json_out o;
    event_open(w, type, &o);
    place(w, &o);
    json_kstr(&o, key, text);
    event_close(w, &o);
}

static void item_done_events(struct say_writer *w)
{
    struct slice piece = buf_get(&w->piece);
    if (piece.p == NULL)
        piece = SLICE("");
    if (w->block == SAY_TEXT) {
        text_event(w, "response.output_text.done", "text", piece);
        part_event(w, "response.content_part.done", piece);
    } else if (w->block == SAY_THINKING) {
        text_event(w, "response.reasoning_summary_text.done", "text", piece);
        part_event(w, "response.reasoning_summary_part.done", piece);
    } else {
        text_event(w, "response.function_call_arguments.done", "arguments",
                   piece.n > 0 ? piece : SLICE("{}"));
    }
    item_event(w, "response.output_item.done", true);
}

static void item_close(struct say_writer *w)
{
    struct json_out o;
    if (w->block == SAY_STOP)
        return;
    if (w->stream)
        item_done_events(w);
    if (w->items.n > 0)
        buf_char(&w->items, ',');
    json_out_init(&o, &w->items);
    item_write(w, true, &o);
    buf_clear(&w->piece);
    w->block = SAY_STOP;
}

static void item_open(struct say_writer *w, enum say_kind kind)
{
    if (w->block == kind && kind != SAY_CALL)
        return;
    item_close(w);
    w->block = kind;
    w->blocks++;
    w->open_call = w->of[0].call_count - 1;
    if (!w->stream)
        return;
    item_event(w, "response.output_item.added", false);
    if (kind == SAY_TEXT)
        part_event(w, "response.content_part.added", SLICE(""));
    else if (kind == SAY_THINKING)
        part_event(w, "response.reasoning_summary_part.added", SLICE(""));
}

static void item_text(struct say_writer *w, struct slice text)
{
    static const char *const types[] = {
        [SAY_TEXT] = "response.output_text.delta",
        [SAY_THINKING] = "response.reasoning_summary_text.delta",
        [SAY_CALL] = "response.function_call_arguments.delta",
    };
    buf_slice(&w->piece, text);
    if (w->stream)
        text_event(w, types[w->block], "delta", text);
}

static void error_event(struct say_writer *w, const struct say *s)
{
    struct json_out o;
    event_open(w, "error", &o);
    json_kstr(&o, "code", SLICE("server_error"));
    json_kstr(&o, "message", s->text);
    json_knull(&o, "param");
    /* the flat form is documented; OpenAI's SDK raises the nested one only */
    json_key(&o, "error");
    json_obj(&o);
    json_kstr(&o, "type", s->name.n > 0 ? s->name : SLICE("server_error"));
    json_kstr(&o, "code", SLICE("server_error"));
    json_kstr(&o, "message", s->text);
    json_knull(&o, "param");
    json_obj_end(&o);
    event_close(w, &o);
}

void say_responses_step(struct say_writer *w, const struct say *s)
{
    if (s->choice != 0)
        return;
    switch (s->kind) {
    case SAY_START:
        if (w->stream) {
            response_event(w, "response.created");
            response_event(w, "response.in_progress");
        }
        break;
    case SAY_TEXT:
    case SAY_THINKING:
        item_open(w, s->kind);
        item_text(w, s->text);
        break;
    case SAY_CALL:
        item_open(w, SAY_CALL);
        break;
    case SAY_ARGS:
        if (w->block == SAY_CALL)
            item_text(w, s->text);
        break;
    case SAY_STOP:
        item_close(w);
        break;
    case SAY_ERROR:
        if (w->stream)
            error_event(w, s);
        break;
    }
}

void say_responses_end(struct say_writer *w)
{
    struct json_out o;
    item_close(w);
    w->ended = true;
    if (w->stream) {
        response_event(w, strcmp(status_of(w), "incomplete") == 0
                              ? "response.incomplete"
                              : "response.completed");
        return;
    }
    json_out_init(&o, w->out);
    response_write(w, &o);
}

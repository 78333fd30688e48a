/* demo_responses.c - the demo provider's answers of /v1/responses. */
#include "provider/demo_answer.h"

#include <stdio.h>
#include <string.h>

static void part_write(struct slice text, struct json_out *o)
{
    json_obj(o);
    json_kstr(o, "type", SLICE("output_text"));
    json_kstr(o, "text", text);
    json_key(o, "annotations");
    json_arr(o);
    json_arr_end(o);
    json_obj_end(o);
}

static void item_write(const struct demo *d, bool done, struct json_out *o)
{
    char id[64];
    const char *status = done ? "completed" : "in_progress";
    json_obj(o);
    if (d->tool.n > 0) {
        (void)snprintf(id, sizeof id, "fc_demo_%s", d->id);
        json_kstr(o, "type", SLICE("function_call"));
        json_kstr(o, "id", slice_str(id));
        (void)snprintf(id, sizeof id, "call_%s", d->id);
        json_kstr(o, "call_id", slice_str(id));
        json_kstr(o, "name", d->tool);
        json_kstr(o, "arguments", done ? slice_str(d->args) : SLICE(""));
        json_kstr(o, "status", slice_str(status));
    } else {
        (void)snprintf(id, sizeof id, "msg_demo_%s", d->id);
        json_kstr(o, "type", SLICE("message"));
        json_kstr(o, "id", slice_str(id));
        json_kstr(o, "status", slice_str(status));
        json_kstr(o, "role", SLICE("assistant"));
        json_key(o, "content");
        json_arr(o);
        if (done)
            part_write(demo_said_text(d), o);
        json_arr_end(o);
    }
    json_obj_end(o);
}

static void response_usage(const struct demo *d, struct json_out *o)
{
    int64_t out = demo_completion_tokens(d);
    json_key(o, "usage");
    json_obj(o);
    json_knum(o, "input_tokens", d->prompt);
    json_key(o, "input_tokens_details");
    json_obj(o);
    json_knum(o, "cached_tokens", d->cached);
    json_obj_end(o);
    json_knum(o, "output_tokens", out);
    json_key(o, "output_tokens_details");
    json_obj(o);
    json_knum(o, "reasoning_tokens", 0);
    json_obj_end(o);
    json_knum(o, "total_tokens", d->prompt + out);
    json_obj_end(o);
}

static bool is_incomplete(const struct demo *d)
{
    return d->tool.n == 0 && d->said < d->word_count;
}

static void response_object(const struct demo *d, bool done, struct json_out *o)
{
    char id[64];
    (void)snprintf(id, sizeof id, "resp_demo_%s", d->id);
    json_obj(o);
    json_kstr(o, "id", slice_str(id));
    json_kstr(o, "object", SLICE("response"));
    json_knum(o, "created_at", d->created);
    json_kstr(o, "status",
              !done              ? SLICE("in_progress")
              : is_incomplete(d) ? SLICE("incomplete")
                                 : SLICE("completed"));
    json_knull(o, "error");
    json_key(o, "incomplete_details");
    if (done && is_incomplete(d))
        json_raw(o, SLICE("{\"reason\":\"max_output_tokens\"}"));
    else
        json_null(o);
    json_kstr(o, "model", d->model);
    json_key(o, "output");
    json_arr(o);
    if (done)
        item_write(d, true, o);
    json_arr_end(o);
    json_kbool(o, "parallel_tool_calls", true);
    json_kstr(o, "service_tier", SLICE("default"));
    if (done)
        response_usage(d, o);
    else
        json_knull(o, "usage");
    json_obj_end(o);
}

/* Opens an event; the caller adds members and ends it. */
static void event_begin(struct demo *d, const char *type, int *seq,
                        struct json_out *o)
{
    buf_printf(&d->all, "event: %s\ndata: ", type);
    json_out_init(o, &d->all);
    json_obj(o);
    json_kstr(o, "type", slice_str(type));
    json_knum(o, "sequence_number", (*seq)++);
}

static void event_end(struct demo *d, struct json_out *o, int delay_ms)
{
    json_obj_end(o);
    buf_str(&d->all, "\n\n");
    demo_cut(d, delay_ms);
}

static void event_state(struct demo *d, const char *type, int *seq, bool done,
                        int delay_ms)
{
    struct json_out o;
    event_begin(d, type, seq, &o);
    json_key(&o, "response");
    response_object(d, done, &o);
    event_end(d, &o, delay_ms);
}

static void event_item(struct demo *d, const char *type, int *seq, bool done)
{
    struct json_out o;
    event_begin(d, type, seq, &o);
    json_knum(&o, "output_index", 0);
    json_key(&o, "item");
    item_write(d, done, &o);
    event_end(d, &o, 0);
}

/* Where in the output an event is about. */
static void event_place(const struct demo *d, struct json_out *o)
{
    char id[64];
    (void)snprintf(id, sizeof id, "%s_demo_%s", d->tool.n > 0 ? "fc" : "msg",
                   d->id);
    json_kstr(o, "item_id", slice_str(id));
    json_knum(o, "output_index", 0);
    if (d->tool.n == 0)
        json_knum(o, "content_index", 0);
}

static void event_string(struct demo *d, const char *type, int *seq,
                         const char *key, struct slice s, int delay_ms)
{
    struct json_out o;
    event_begin(d, type, seq, &o);
    event_place(d, &o);
    json_kstr(&o, key, s);
    event_end(d, &o, delay_ms);
}

static void event_part(struct demo *d, const char *type, int *seq,
                       struct slice text)
{
    struct json_out o;
    event_begin(d, type, seq, &o);
    event_place(d, &o);
    json_key(&o, "part");
    part_write(text, &o);
    event_end(d, &o, 0);
}

void demo_response_stream(struct demo *d)
{
    int seq = 0;
    d->events = true;
    event_state(d, "response.created", &seq, false, demo_pace_first(d));
    event_state(d, "response.in_progress", &seq, false, 0);
    event_item(d, "response.output_item.added", &seq, false);
    if (d->tool.n > 0) {
        event_string(d, "response.function_call_arguments.delta", &seq, "delta",
                     slice_str(d->args), demo_pace_word(d));
        event_string(d, "response.function_call_arguments.done", &seq,
                     "arguments", slice_str(d->args), 0);
    } else {
        event_part(d, "response.content_part.added", &seq, SLICE(""));
        for (int w = 0; w < d->said; w++)
            event_string(d, "response.output_text.delta", &seq, "delta",
                         d->words[w], demo_pace_word(d));
        event_string(d, "response.output_text.done", &seq, "text",
                     demo_said_text(d), 0);
        event_part(d, "response.content_part.done", &seq, demo_said_text(d));
    }
    event_item(d, "response.output_item.done", &seq, true);
    event_state(d,
                is_incomplete(d) ? "response.incomplete" : "response.completed",
                &seq, true, 0);
}

void demo_response_whole(struct demo *d)
{
    struct json_out o;
    json_out_init(&o, &d->all);
    response_object(d, true, &o);
    demo_cut(d, demo_pace_whole(d));
}

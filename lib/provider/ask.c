/* ask.c - building a conversation. */
#include "provider/ask.h"

#include <stdarg.h>
#include <stdio.h>

void ask_init(struct ask *q, struct arena *a)
{
    *q = (struct ask){.a = a, .max_output = -1, .n = 1, .thinking_budget = -1};
}

bool ask_refuse(struct ask *q, enum refusal why, const char *param,
                const char *fmt, ...)
{
    va_list ap;
    if (q->why != R_NONE)
        return false;
    q->why = why;
    q->param = param;
    va_start(ap, fmt);
    (void)vsnprintf(q->text, sizeof q->text, fmt, ap);
    va_end(ap);
    return false;
}

static void *room(struct ask *q, size_t n)
{
    void *p = arena_try(q->a, n);
    if (p == NULL)
        (void)ask_refuse(q, R_STORAGE, NULL, "out of memory");
    return p;
}

struct ask_part *ask_add(struct ask *q, enum ask_role role, enum ask_kind kind)
{
    struct ask_turn *t = q->last;
    if (t == NULL || t->role != role) {
        t = room(q, sizeof *t);
        if (t == NULL)
            return NULL;
        t->role = role;
        if (q->last != NULL)
            q->last->next = t;
        else
            q->turns = t;
        q->last = t;
    }
    struct ask_part *p = room(q, sizeof *p);
    if (p == NULL)
        return NULL;
    p->kind = kind;
    if (t->last != NULL)
        t->last->next = p;
    else
        t->parts = p;
    t->last = p;
    return p;
}

struct ask_part *ask_add_inner(struct ask *q, struct ask_part *result,
                               enum ask_kind kind)
{
    struct ask_part *p = room(q, sizeof *p), **at = &result->inner;
    if (p == NULL)
        return NULL;
    p->kind = kind;
    while (*at != NULL)
        at = &(*at)->next;
    *at = p;
    return p;
}

bool ask_add_text(struct ask *q, enum ask_role role, struct slice text)
{
    if (text.n == 0)
        return true;
    struct ask_part *p = ask_add(q, role, ASK_TEXT);
    if (p != NULL)
        p->text = text;
    return p != NULL;
}

struct ask_tool *ask_add_tool(struct ask *q)
{
    struct ask_tool *t = room(q, sizeof *t);
    if (t == NULL)
        return NULL;
    if (q->last_tool != NULL)
        q->last_tool->next = t;
    else
        q->tools = t;
    q->last_tool = t;
    return t;
}

bool ask_url(struct ask_part *p, struct slice url)
{
    if (slice_starts(url, "https://") || slice_starts(url, "http://")) {
        p->url = url;
        return true;
    }
    if (!slice_starts(url, "data:"))
        return false;
    struct slice rest = slice_skip(url, 5);
    struct slice head = slice_cut(&rest, ',');
    if (rest.p == NULL || !slice_ends(head, ";base64"))
        return false;
    p->media = slice(head.p, slice_find(head, ';'));
    p->data = rest;
    return p->media.n > 0;
}

bool ask_args(struct ask *q, struct ask_part *call, struct slice text)
{
    struct json *v = NULL;
    struct err err;
    if (slice_trim(text).n == 0)
        text = SLICE("{}");
    enum status st = json_parse(q->a, text, &v, &err);
    if (st == E_TOO_BIG)
        return ask_refuse(q, R_STORAGE, NULL, "out of memory");
    if (st != OK || v->type != JSON_OBJECT)
        return ask_refuse(q, R_INVALID_REQUEST, "messages",
                          "arguments of the call %.*s are no JSON object",
                          (int)(call->name.n < 64 ? call->name.n : 64),
                          call->name.p);
    call->args = v;
    return true;
}

static const struct ask_part *call_find(const struct ask *q, struct slice id)
{
    const struct ask_part *hit = NULL;
    for (const struct ask_turn *t = q->turns; t != NULL; t = t->next)
        for (const struct ask_part *p = t->parts; p != NULL; p = p->next)
            if (p->kind == ASK_CALL && slice_eq(p->id, id))
                hit = p;
    return hit;
}

void ask_name_results(struct ask *q)
{
    for (struct ask_turn *t = q->turns; t != NULL; t = t->next)
        for (struct ask_part *p = t->parts; p != NULL; p = p->next) {
            if (p->kind != ASK_RESULT || p->name.n > 0)
                continue;
            const struct ask_part *call = call_find(q, p->id);
            if (call != NULL)
                p->name = call->name;
        }
}

void ask_json(struct json_out *o, const struct json *v)
{
    switch (v->type) {
    case JSON_NULL:
        json_null(o);
        break;
    case JSON_FALSE:
    case JSON_TRUE:
        json_bool(o, v->type == JSON_TRUE);
        break;
    case JSON_NUMBER:
        json_raw(o, v->text);
        break;
    case JSON_STRING:
        json_str(o, v->text);
        break;
    case JSON_ARRAY:
        json_arr(o);
        for (const struct json *c = v->child; c != NULL; c = c->next)
            ask_json(o, c);
        json_arr_end(o);
        break;
    case JSON_OBJECT:
        json_obj(o);
        for (const struct json *c = v->child; c != NULL; c = c->next) {
            json_key_slice(o, c->key);
            ask_json(o, c);
        }
        json_obj_end(o);
        break;
    }
}

struct slice ask_result_text(struct ask *q, const struct ask_part *result)
{
    size_t n = 0;
    const struct ask_part *only = NULL;
    int count = 0;
    for (const struct ask_part *p = result->inner; p != NULL; p = p->next)
        if (p->kind == ASK_TEXT) {
            n += p->text.n;
            only = p;
            count++;
        }
    if (count == 0)
        return SLICE("");
    if (count == 1)
        return only->text;
    char *all = room(q, n);
    size_t at = 0;
    if (all == NULL)
        return SLICE("");
    for (const struct ask_part *p = result->inner; p != NULL; p = p->next)
        if (p->kind == ASK_TEXT) {
            memcpy(all + at, p->text.p, p->text.n);
            at += p->text.n;
        }
    return slice(all, n);
}

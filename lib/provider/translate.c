/* translate.c - see translate.h.
 *
 *   body --ask_*_read--> struct ask --ask_*_write--> provider's body
 *   answer --say_*_read--> steps --say_*_step, _end--> client's answer
 *
 * Events are collected whole (a line of data may be cut anywhere), parsed into
 * a tree and forgotten; of a stream nothing else is kept but what its last
 * events repeat.
 */
#include "provider/translate.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "provider/ask.h"
#include "provider/lines.h"
#include "provider/say.h"
#include "provider/target.h"

#define ANSWER_MAX (32u << 20)
#define TREE_MAX ((size_t)128 << 20)

typedef void reader_fn(struct say_reader *r, const struct json *v);
typedef void step_fn(struct say_writer *w, const struct say *s);
typedef void end_fn(struct say_writer *w);

struct translation {
    enum family from, to;
    enum op op; /* the client's */
    bool compact;
    struct arena arena; /* the request's tree */
    struct ask q;

    int status;
    bool events, begun, broken;
    reader_fn *read;
    step_fn *step;
    end_fn *end;
    struct say_reader reader;
    struct say_writer writer;
    struct lines lines;
    struct buf data; /* of the event that comes, or the whole answer */
    struct arena tree;
    char salt[16];
};

bool translate_wanted(const struct route *r, enum provider_id p)
{
    enum family to = provider_family(p);
    if (r->klass != ROUTE_METERED || r->azure || p == PROVIDER_NONE ||
        to == r->family)
        return false;
    if (r->family == FAMILY_OPENAI)
        return r->op == OP_CHAT ||
               (r->op == OP_RESPONSES && slice_is(r->rest, "/responses"));
    return r->family == FAMILY_ANTHROPIC && r->op == OP_MESSAGES;
}

struct translation *translation_new(const struct route *r, enum provider_id p)
{
    struct translation *t = xcalloc(1, sizeof *t);
    t->from = r->family;
    t->op = r->op;
    t->to = provider_family(p);
    arena_init(&t->arena, TREE_MAX);
    arena_init(&t->tree, TREE_MAX);
    buf_init(&t->data, ANSWER_MAX);
    return t;
}

void translation_free(struct translation **tp)
{
    struct translation *t = *tp;
    if (t == NULL)
        return;
    if (t->begun)
        say_writer_release(&t->writer);
    arena_release(&t->arena);
    arena_release(&t->tree);
    buf_release(&t->data);
    free(t);
    *tp = NULL;
}

/* ---- the request -------------------------------------------------------- */

enum refusal translation_read(struct translation *t, struct slice body,
                              struct slice model, char text[static 200],
                              const char **param)
{
    struct json *v = NULL;
    struct err err;
    const struct json *stream;
    if (json_parse(&t->arena, body, &v, &err) != OK || v->type != JSON_OBJECT) {
        (void)snprintf(text, 200, "%s", err.text);
        return R_INVALID_JSON;
    }
    struct ask *q = &t->q;
    ask_init(q, &t->arena);
    q->model = model;
    bool ok = t->from == FAMILY_ANTHROPIC ? ask_claude_read(q, v)
              : t->op == OP_RESPONSES     ? ask_responses_read(q, v)
                                          : ask_chat_read(q, v);
    stream = json_get(v, "stream");
    q->stream = stream != NULL && stream->type == JSON_TRUE;
    if (ok && t->to == FAMILY_ANTHROPIC && q->n != 1)
        ok = ask_refuse(q, R_UNSUPPORTED_PARAMETER, "n", "n other than 1");
    if (ok) { // what the writer refuses is to be known before it is too late
        struct buf trial;
        buf_init(&trial, ANSWER_MAX + body.n);
        ok = translation_write(t, 1, false, &trial);
        buf_release(&trial);
    }
    if (ok)
        return R_NONE;
    (void)snprintf(text, 200, "%s", q->text);
    *param = q->param;
    return q->why != R_NONE ? q->why : R_STORAGE;
}

bool translation_needs_limit(const struct translation *t)
{
    return t->to == FAMILY_ANTHROPIC;
}

/* Letters that need no escape in a path; other names are no models. */
static bool is_plain(struct slice m)
{
    for (size_t i = 0; i < m.n; i++) {
        char c = m.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
            return false;
    }
    return m.n > 0 && m.p[0] != '.';
}

bool translation_route(const struct translation *t, struct arena *a,
                       struct route *out, struct slice *query)
{
    static const char lead[] = "/v1beta/models/";
    struct slice m = t->q.model;
    *query = slice(NULL, 0);
    out->family = t->to;
    out->streams = false;
    out->model = slice(NULL, 0);
    if (t->to == FAMILY_OPENAI) {
        out->op = OP_CHAT;
        out->rest = SLICE("/chat/completions");
        return true;
    }
    if (t->to == FAMILY_ANTHROPIC) {
        out->op = OP_MESSAGES;
        out->rest = SLICE("/messages");
        return true;
    }
    if (!is_plain(m))
        return false;
    out->op = OP_GENERATE;
    out->rest =
        arena_printf(a, "%s%.*s:%s", lead, SLICE_FMT(m),
                     t->q.stream ? "streamGenerateContent" : "generateContent");
    if (out->rest.p == NULL)
        return false;
    out->model = slice(out->rest.p + sizeof lead - 1, m.n);
    if (t->q.stream)
        *query = SLICE("alt=sse");
    return true;
}

bool translation_write(struct translation *t, int64_t max_tokens,
                       bool completion_limit, struct buf *out)
{
    if (t->to == FAMILY_ANTHROPIC)
        return ask_claude_write(&t->q, max_tokens, out);
    if (t->to == FAMILY_GEMINI)
        return ask_gemini_write(&t->q, max_tokens, out);
    return ask_chat_write(&t->q, max_tokens, completion_limit, out);
}

/* ---- the answer --------------------------------------------------------- */

static void on_step(void *arg, const struct say *s)
{
    struct translation *t = arg;
    bool kept_for_end = !t->writer.stream || t->op == OP_RESPONSES;
    bool words =
        s->kind == SAY_TEXT || s->kind == SAY_THINKING || s->kind == SAY_ARGS;
    struct say own = *s;
    if (s->kind == SAY_START && s->text.n == 0)
        own.text = t->q.model;
    if ((kept_for_end || !words) && !say_keep(&t->writer, &own)) {
        t->broken = t->broken || s->choice == 0;
        return;
    }
    t->step(&t->writer, &own);
}

void translation_begin(struct translation *t, int status, bool events,
                       struct slice id, int64_t now_s)
{
    t->status = status;
    t->events = events && status < 400;
    t->read = t->to == FAMILY_ANTHROPIC ? say_claude_read
              : t->to == FAMILY_GEMINI  ? say_gemini_read
                                        : say_chat_read;
    t->step = t->from == FAMILY_ANTHROPIC ? say_claude_step
              : t->op == OP_RESPONSES     ? say_responses_step
                                          : say_chat_step;
    t->end = t->from == FAMILY_ANTHROPIC ? say_claude_end
             : t->op == OP_RESPONSES     ? say_responses_end
                                         : say_chat_end;
    say_reader_init(&t->reader, on_step, t);
    size_t n = id.n < sizeof t->salt ? id.n : sizeof t->salt;
    memcpy(t->salt, id.p + id.n - n, n); // its random end
    t->reader.salt = slice(t->salt, n);
    say_writer_init(&t->writer, id, now_s, t->events, t->q.include_usage);
    t->begun = true;
    lines_init(&t->lines);
}

static void on_value(void *arg, enum line_field f, bool first, const char *p,
                     size_t n)
{
    struct translation *t = arg;
    if (f != LINE_DATA)
        return;
    if (first && t->data.n > 0)
        buf_char(&t->data, '\n');
    buf_add(&t->data, p, n);
}

static void on_event(void *arg, const char *at)
{
    struct translation *t = arg;
    struct json *v;
    struct err err;
    (void)at;
    struct slice data = buf_get(&t->data);
    if (t->data.failed)
        t->broken = true;
    else if (data.n > 0 && data.p[0] == '{') { // not "[DONE]"
        arena_reset(&t->tree);
        if (json_parse(&t->tree, data, &v, &err) == OK)
            t->read(&t->reader, v);
    }
    buf_clear(&t->data);
}

bool translation_feed(struct translation *t, const char *p, size_t n,
                      struct buf *out)
{
    static const struct lines_ops ops = {on_value, on_event};
    t->writer.out = out;
    if (t->events)
        lines_feed(&t->lines, &ops, t, p, n);
    else
        buf_add(&t->data, p, n);
    return !t->broken && !t->data.failed;
}

/* What each family calls an error of this status. */
static const char *error_type(enum family f, int status)
{
    static const struct {
        int status;
        const char *openai, *anthropic;
    } rows[] = {
        {400, "invalid_request_error", "invalid_request_error"},
        {401, "authentication_error", "authentication_error"},
        {403, "permission_error", "permission_error"},
        {404, "invalid_request_error", "not_found_error"},
        {413, "invalid_request_error", "request_too_large"},
        {422, "invalid_request_error", "invalid_request_error"},
        {429, "rate_limit_error", "rate_limit_error"},
        {503, "server_error", "overloaded_error"},
        {529, "server_error", "overloaded_error"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].status == status)
            return f == FAMILY_ANTHROPIC ? rows[i].anthropic : rows[i].openai;
    if (status < 500)
        return "invalid_request_error";
    return f == FAMILY_ANTHROPIC ? "api_error" : "server_error";
}

/* The provider's message in the client's shape. */
static void error_write(struct translation *t, struct buf *out)
{
    struct json *v = NULL;
    struct err err;
    struct json_out o;
    struct slice none = SLICE("the provider answered with an error");
    arena_reset(&t->tree);
    if (json_parse(&t->tree, buf_get(&t->data), &v, &err) != OK)
        v = NULL;
    const struct json *e = json_get(v, "error");
    struct slice text = json_text(json_get(e, "message"), none);
    struct slice code = json_text(json_get(e, "code"), slice(NULL, 0));
    struct slice type = slice_str(error_type(t->from, t->status));
    json_out_init(&o, out);
    json_obj(&o);
    if (t->from == FAMILY_ANTHROPIC)
        json_kstr(&o, "type", SLICE("error"));
    json_key(&o, "error");
    json_obj(&o);
    if (t->from == FAMILY_ANTHROPIC) {
        json_kstr(&o, "type", type);
        json_kstr(&o, "message", text);
    } else {
        json_kstr(&o, "message", text);
        json_kstr(&o, "type", type);
        json_knull(&o, "param");
        json_kstr_null(&o, "code", code);
    }
    json_obj_end(&o);
    json_obj_end(&o);
}

bool translation_end(struct translation *t, const struct usage *u,
                     struct buf *out)
{
    struct json *v;
    struct err err;
    t->writer.out = out;
    if (t->status >= 400) {
        error_write(t, out);
        return true;
    }
    t->writer.usage = *u;
    if (!t->events) {
        arena_reset(&t->tree);
        if (json_parse(&t->tree, buf_get(&t->data), &v, &err) != OK)
            return false;
        t->read(&t->reader, v);
    }
    if (t->broken || t->reader.failed)
        return false;
    t->end(&t->writer);
    return !out->failed;
}

bool translation_failed(const struct translation *t)
{
    return t->begun && t->reader.failed;
}

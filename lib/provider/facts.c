/* facts.c - the walk over a request's body.
 *
 * The design: one pass of provider/pull over the body.  Depth 1 decides what
 * a member is for (table MEMBERS): facts are read, members that are no part
 * of the prompt are passed over, of messages every string and number counts,
 * and of tools, schemas and every member we do not know the JSON text itself.
 * So text in a member that a provider adds tomorrow is bounded, too.  Media
 * parts are recognised by their keys and bounded by provider/bound; within
 * arguments and results of tools nothing is media (I1 of describe.c).
 */
#include "provider/facts.h"

#include <stdarg.h>

#include "base/mem.h"
#include "http/header.h"
#include "provider/form.h"
#include "provider/media.h"

#define JSON_MARKS 3 /* quotes, colon and comma of a value: tokens at most */

static const struct {
    const char *name;
    enum how how;
} members[MEM_COUNT] = {[M_OTHER] = {"", HOW_RAW},
#define X(id, name, how) [MEM_##id] = {name, how},
                        MEMBERS(X)
#undef X
};

const char *facts_name(enum member m)
{
    return members[m].name;
}

bool facts_refuse(struct work *w, enum refusal why, const char *param,
                  const char *fmt, ...)
{
    va_list ap;
    if (w->why != R_NONE)
        return false;
    w->why = why;
    w->out->param = param;
    va_start(ap, fmt);
    (void)vsnprintf(w->out->text, sizeof w->out->text, fmt, ap);
    va_end(ap);
    return false;
}

bool facts_refuse_type(struct work *w, enum member m, const char *what)
{
    return facts_refuse(w, R_INVALID_REQUEST, members[m].name,
                        "body/%s must be %s", members[m].name, what);
}

/* ---- members of the top level ------------------------------------------- */

/* A string's content decoded; borrowed from the body where possible. */
struct slice facts_text(struct work *w, struct slice raw, bool escaped)
{
    struct buf b;
    struct slice s;
    if (!escaped)
        return raw;
    buf_init(&b, raw.n);
    pull_decode(raw, &b);
    s = arena_dup(w->a, buf_get(&b));
    buf_release(&b);
    if (s.p == NULL)
        (void)facts_refuse(w, R_STORAGE, NULL, "out of memory");
    return s;
}

static struct slice text_of(struct work *w)
{
    return facts_text(w, w->r.raw, w->r.escaped);
}

/* I2; also decides what the member is. */
static bool key_seen(struct work *w)
{
    struct facts *f = w->f;
    struct slice key = text_of(w);

    if (w->why != R_NONE)
        return false;
    if (f->key_count == MEMBERS_MAX)
        return facts_refuse(w, R_INVALID_REQUEST, NULL,
                            "body must not have more than %d members",
                            MEMBERS_MAX);
    for (int i = 0; i < f->key_count; i++)
        if (slice_eq(f->keys[i], key))
            return facts_refuse(w, R_INVALID_JSON, NULL,
                                "Invalid JSON: member \"%.*s\" is given twice",
                                (int)(key.n < 60 ? key.n : 60), key.p);
    f->keys[f->key_count++] = key;
    w->top = M_OTHER;
    for (int i = 1; i < MEM_COUNT; i++)
        if (slice_is(key, members[i].name))
            w->top = (enum member)i;
    return true;
}

static bool read_bool(struct work *w, enum pull_token t, bool *out)
{
    *out = t == PULL_TRUE;
    if (t != PULL_TRUE && t != PULL_FALSE && t != PULL_NULL)
        return facts_refuse_type(w, w->top, "boolean");
    return true;
}

static bool read_string(struct work *w, enum pull_token t, struct slice *out)
{
    if (t == PULL_NULL)
        return true;
    if (t != PULL_STRING)
        return facts_refuse_type(w, w->top, "string");
    *out = text_of(w);
    return w->why == R_NONE;
}

static bool read_count(struct work *w, enum pull_token t, int64_t low,
                       int64_t high, int64_t *out)
{
    if (t == PULL_NULL)
        return true;
    if (t != PULL_NUMBER || !pull_i64(w->r.raw, out))
        return facts_refuse_type(w, w->top, "integer");
    if (*out < low)
        return facts_refuse(w, R_INVALID_REQUEST, members[w->top].name,
                            "body/%s must be >= %lld", members[w->top].name,
                            (long long)low);
    if (*out > high)
        return facts_refuse(w, R_INVALID_REQUEST, members[w->top].name,
                            "body/%s must be <= %lld", members[w->top].name,
                            (long long)high);
    return true;
}

static bool read_limit(struct work *w, enum pull_token t, int which)
{
    struct limit *l = &w->f->limits[which];
    enum op op = w->in->route->op;
    /* 0 only echoes (completions) or only warms the cache (messages) */
    int64_t low = op == OP_COMPLETIONS || op == OP_MESSAGES ? 0 : 1;
    l->is_null = t == PULL_NULL;
    l->given = !l->is_null;
    l->from = w->r.from;
    l->to = w->r.to;
    return read_count(w, t, low, TOKENS_MAX, &l->value);
}

static bool read_model(struct work *w, enum pull_token t)
{
    struct facts *f = w->f;
    if (w->in->route->family == FAMILY_GEMINI)
        return true; // the path names it
    if (t != PULL_STRING)
        return facts_refuse_type(w, MEM_MODEL, "string");
    if (w->r.raw.n == 0 || w->r.raw.n > MODEL_NAME_MAX)
        return facts_refuse(w, R_INVALID_REQUEST, "model",
                            "body/model must be 1 to %d characters long",
                            MODEL_NAME_MAX);
    f->model_raw = w->r.raw;
    f->model_escaped = w->r.escaped;
    f->model_at = w->r.from + 1;
    return true;
}

/* Unicode characters of well-formed UTF-8. */
static int64_t characters_of(struct slice s)
{
    int64_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

/* Google's generationConfig, in either spelling, but not in both. */
static bool read_config(struct work *w, enum pull_token t)
{
    struct facts *f = w->f;
    if (t != PULL_OBJECT)
        return facts_refuse_type(w, w->top, "object");
    if (f->config)
        return facts_refuse(w, R_INVALID_JSON, "generationConfig",
                            "Invalid JSON: member \"generationConfig\" is "
                            "given twice");
    f->config = true;
    f->config_open = w->r.to;
    return true;
}

/* Members that only Anthropic or Google know. */
static bool family_value(struct work *w, enum pull_token t)
{
    struct facts *f = w->f;
    switch ((int)w->top) {
    case MEM_SPEED:
        return read_string(w, t, &f->speed);
    case MEM_INFERENCE_GEO:
        return read_string(w, t, &f->geo);
    case MEM_TIER_CAMEL:
        return read_string(w, t, &f->tier);
    case MEM_CONTAINER:
    case MEM_MCP_SERVERS:
        f->server_tools = f->server_tools || t != PULL_NULL;
        return true;
    case MEM_FALLBACKS:
        f->fallbacks = t != PULL_NULL;
        return true;
    case MEM_CACHED_CAMEL:
    case MEM_CACHED_SNAKE:
        f->history = f->history || t != PULL_NULL;
        return true;
    case MEM_CONFIG_CAMEL:
    case MEM_CONFIG_SNAKE:
        return w->in->route->family != FAMILY_GEMINI || read_config(w, t);
    default:
        return true;
    }
}

/* A value at depth 1 begins (or, for a scalar, is whole). */
static bool top_value(struct work *w, enum pull_token t)
{
    struct facts *f = w->f;
    f->given[w->top] = t != PULL_NULL;
    f->type[w->top] = t;
    switch ((int)w->top) {
    case MEM_MODEL:
        return read_model(w, t);
    case MEM_STREAM:
        return read_bool(w, t, &f->stream);
    case MEM_BACKGROUND:
        return read_bool(w, t, &f->background);
    case MEM_STREAM_OPTIONS:
        f->options_from = w->r.from;
        f->options_to = w->r.to;
        if (t != PULL_OBJECT && t != PULL_NULL)
            return facts_refuse_type(w, w->top, "object");
        return true;
    case MEM_MAX_TOKENS:
        return read_limit(w, t, MAX_TOKENS);
    case MEM_MAX_COMPLETION:
        return read_limit(w, t, MAX_COMPLETION);
    case MEM_MAX_OUTPUT:
        return read_limit(w, t, MAX_OUTPUT);
    case MEM_N:
        return read_count(w, t, 1, CHOICES_MAX, &f->n);
    case MEM_BEST_OF:
        return read_count(w, t, 1, CHOICES_MAX, &f->best_of);
    case MEM_MAX_TOOL_CALLS:
        return read_count(w, t, 0, TOKENS_MAX, &f->max_tool_calls);
    case MEM_SERVICE_TIER:
        return read_string(w, t, &f->tier);
    case MEM_USER:
        return read_string(w, t, &f->user);
    case MEM_SIZE:
        return read_string(w, t, &f->size);
    case MEM_QUALITY:
        return read_string(w, t, &f->quality);
    case MEM_INPUT:
        if (t == PULL_STRING && w->in->route->op == OP_SPEECH)
            f->characters = characters_of(text_of(w));
        return w->why == R_NONE;
    case MEM_PREVIOUS:
    case MEM_CONVERSATION:
        f->history = f->history || t != PULL_NULL;
        return true;
    case MEM_WEB_SEARCH:
        f->web_search = t != PULL_NULL;
        return true;
    case MEM_PROMPT: // a stored prompt: its text is not here
        f->history = f->history ||
                     (t == PULL_OBJECT && w->in->route->op == OP_RESPONSES);
        return true;
    default:
        return family_value(w, t);
    }
}

/* ---- text and media ----------------------------------------------------- */

static void text_count(struct work *w, struct slice raw, bool escaped)
{
    if (!w->counting) {
        size_t n = escaped ? pull_decoded_size(raw) : raw.n;
        w->f->text_bytes += (int64_t)n;
        return;
    }
    struct slice s = raw;
    if (escaped) {
        buf_clear(&w->d->text);
        pull_decode(raw, &w->d->text);
        if (w->d->text.failed) {
            (void)facts_refuse(w, R_STORAGE, NULL, "out of memory");
            return;
        }
        s = buf_get(&w->d->text);
    }
    int64_t bound;
    w->tokens += w->in->counter.count(w->in->counter.arg, w->call->provider,
                                      w->call->model, s, &bound);
    w->token_bound += bound;
}

/* Schemas as their JSON.  What models are shown instead puts up to two tokens
 * more between the items of an enum (contract 9.2). */
static void raw_count(struct work *w, struct slice json)
{
    int64_t most = w->token_bound + (int64_t)json.n;
    text_count(w, json, false);
    for (size_t i = 0; w->counting && i < json.n; i++)
        w->token_bound += json.p[i] == ',' ? 2 : 0;
    if (w->token_bound > most) // one per byte
        w->token_bound = most;
}

static bool key_is(const struct level *l, const char *lit)
{
    return pull_is(l->key, l->escaped, lit);
}

/* Labels of the wire format: counted by the allowance per message. */
static bool is_label(struct work *w)
{
    static const char *const labels[] = {
        "type", "role", "id", "call_id", "tool_call_id", "status", "detail",
    };
    const struct level *l = &w->d->level[w->r.depth];
    if (w->r.raw.n > LABEL_MAX || !l->is_object || w->r.depth < 2 || l->json)
        return false;
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (slice_is(l->key, labels[i]))
            return true;
    return false;
}

static void text_value(struct work *w, enum pull_token t)
{
    struct level *l = &w->d->level[w->r.depth];

    if (t == PULL_NUMBER && !w->counting) {
        enum op op = w->in->route->op;
        bool token = op == OP_EMBEDDINGS || op == OP_COMPLETIONS;
        w->f->numbers += token ? 1 : (int64_t)w->r.raw.n;
    }
    if (l->json && !w->counting)
        w->f->numbers += JSON_MARKS;
    if (t != PULL_STRING)
        return;
    if (w->r.depth > 1 && l->is_object) {
        if (key_is(l, "detail"))
            media_detail(l, w->r.raw);
        if (media_string(w))
            return;
    }
    if (!is_label(w))
        text_count(w, w->r.raw, w->r.escaped);
}

/* The type of a tool: hosted ones bring cost or input of their own. */
static void tool_type(struct work *w)
{
    struct facts *f = w->f;
    struct slice s = text_of(w);
    if (slice_is(s, "function") || slice_is(s, "custom"))
        return;
    f->server_tool_count++;
    f->server_tools = true;
    if (slice_starts(s, "web_search"))
        f->web_search = true;
    if (slice_is(s, "image_generation"))
        f->video = true; // billed apart, by images
}

/* Google names a tool by the key of its object. */
static void tool_key(struct work *w)
{
    struct facts *f = w->f;
    const struct level *l = &w->d->level[3];
    if (key_is(l, "functionDeclarations") || key_is(l, "function_declarations"))
        return;
    f->server_tools = true;
    if (slice_starts(l->key, "google") || slice_starts(l->key, "enterprise"))
        f->web_search = true;
}

/* A value of a tool, at depth 3. */
static bool tool_value(struct work *w, enum pull_token t)
{
    struct facts *f = w->f;
    const struct level *l = &w->d->level[3];
    int64_t n = 0;
    if (w->in->route->family == FAMILY_GEMINI) {
        tool_key(w);
        return true;
    }
    if (t == PULL_STRING && key_is(l, "type"))
        tool_type(w);
    if (t != PULL_NUMBER || !key_is(l, "max_uses"))
        return true;
    if (!pull_i64(w->r.raw, &n) || n < 0 || n > TOKENS_MAX)
        return facts_refuse(w, R_INVALID_REQUEST, "tools",
                            "body/tools/max_uses must be integer");
    f->uses += n;
    f->uses_count++;
    return true;
}

/* A member of stream_options. */
static bool option_value(struct work *w, enum pull_token t)
{
    struct facts *f = w->f;
    if (!key_is(&w->d->level[2], "include_usage"))
        return true;
    if (f->include_to != 0)
        return facts_refuse(w, R_INVALID_JSON, "stream_options",
                            "Invalid JSON: member \"include_usage\" is given "
                            "twice");
    if (t != PULL_TRUE && t != PULL_FALSE && t != PULL_NULL)
        return facts_refuse(w, R_INVALID_REQUEST, "stream_options",
                            "body/stream_options/include_usage must be "
                            "boolean");
    f->include_from = w->r.from;
    f->include_to = w->r.to;
    f->usage_true = t == PULL_TRUE;
    return true;
}

/* A member of generationConfig: the limit and the number of candidates. */
static bool config_value(struct work *w, enum pull_token t)
{
    struct facts *f = w->f;
    const struct level *l = &w->d->level[2];
    struct limit *max = &f->limits[MAX_CONFIG];
    if (key_is(l, "candidateCount") || key_is(l, "candidate_count"))
        return read_count(w, t, 1, CHOICES_MAX, &f->n);
    if (!key_is(l, "maxOutputTokens") && !key_is(l, "max_output_tokens"))
        return true;
    if (max->to != 0)
        return facts_refuse(w, R_INVALID_JSON, "generationConfig",
                            "Invalid JSON: member \"maxOutputTokens\" is "
                            "given twice");
    return read_limit(w, t, MAX_CONFIG);
}

/* The user whom Anthropic's metadata names. */
static bool metadata_value(struct work *w, enum pull_token t)
{
    if (w->in->route->family == FAMILY_ANTHROPIC && t == PULL_STRING &&
        key_is(&w->d->level[2], "user_id"))
        w->f->user = text_of(w);
    return w->why == R_NONE;
}

/* A value at depth 2, on the first walk. */
static bool second_value(struct work *w, enum pull_token t)
{
    struct facts *f = w->f;
    switch ((int)w->top) {
    case MEM_STREAM_OPTIONS:
        return option_value(w, t);
    case MEM_METADATA:
        return metadata_value(w, t);
    case MEM_CONFIG_CAMEL:
    case MEM_CONFIG_SNAKE:
        return !f->config || config_value(w, t);
    case MEM_MESSAGES:
    case MEM_CONTENTS:
    case MEM_REQUESTS:
        f->messages++;
        return true;
    case MEM_INPUT:
        f->messages += w->in->route->op == OP_RESPONSES && t == PULL_OBJECT;
        return true;
    case MEM_TOOLS:
    case MEM_FUNCTIONS:
        f->tools++;
        return true;
    case MEM_PROMPT:
        f->items += t == PULL_STRING || t == PULL_ARRAY;
        return true;
    default:
        return true;
    }
}

/* A value below depth 1. */
static bool inner_value(struct work *w, enum pull_token t)
{
    struct facts *f = w->f;
    int depth = w->r.depth - (t == PULL_OBJECT || t == PULL_ARRAY);

    if (depth == 2 && !w->counting && !second_value(w, t))
        return false;
    if (w->top == MEM_TOOLS && !w->counting) {
        f->tools += depth == 4 && w->in->route->family == FAMILY_GEMINI;
        if (depth == 3 && !tool_value(w, t))
            return false;
    }
    if (members[w->top].how == HOW_TEXT)
        text_value(w, t);
    return w->why == R_NONE;
}

/* ---- the pass ----------------------------------------------------------- */

static void container_end(struct work *w)
{
    struct level *l = &w->d->level[w->r.depth];
    if (!w->counting) {
        if (l->image || (l->media && l->is_image))
            media_note(&w->f->images, l);
        w->f->files = w->f->files || (l->media && !l->is_image);
    }
    if (w->r.depth != 2)
        return;
    if (members[w->top].how == HOW_RAW)
        raw_count(w, slice(w->in->body.p + w->raw_from, w->r.to - w->raw_from));
    if (w->top == MEM_CONFIG_CAMEL || w->top == MEM_CONFIG_SNAKE)
        w->f->config_empty = l->key.p == NULL;
    if (w->top == MEM_STREAM_OPTIONS) {
        w->f->options_to = w->r.to;
        w->f->options_empty = l->key.p == NULL;
    }
}

/* Members whose value is any JSON and billed as it is printed: arguments and
 * results of tools.  OpenAI carries them as text. */
static bool is_json_key(const struct work *w, const struct level *l)
{
    return w->in->route->family != FAMILY_OPENAI &&
           (key_is(l, "input") || key_is(l, "args") || key_is(l, "response"));
}

static void container_begin(struct work *w, bool object)
{
    const struct level *in = &w->d->level[w->r.depth - 1];
    bool text = members[w->top].how == HOW_TEXT && w->r.depth > 2;
    w->d->level[w->r.depth] = (struct level){
        .is_object = object,
        .json = text && (in->json || is_json_key(w, in)),
        .detail = DETAIL_ORIGINAL,
    };
    if (w->r.depth == 2)
        w->raw_from = w->r.from;
}

static bool value_seen(struct work *w, enum pull_token t)
{
    bool opens = t == PULL_OBJECT || t == PULL_ARRAY;
    int depth = w->r.depth - opens;
    bool ok = true;

    if (depth == 0) {
        if (t != PULL_OBJECT)
            return facts_refuse(w, R_INVALID_REQUEST, NULL,
                                "body must be object");
        w->f->open_at = w->r.to;
    } else if (depth == 1 && !w->counting) {
        ok = top_value(w, t);
    }
    if (ok && depth == 1 && members[w->top].how == HOW_TEXT)
        text_value(w, t);
    if (ok && depth == 1 && members[w->top].how == HOW_RAW && t == PULL_STRING)
        text_count(w, w->r.raw, w->r.escaped);
    if (ok && depth > 1 &&
        (members[w->top].how != HOW_SKIP || (depth == 2 && !w->counting)))
        ok = inner_value(w, t);
    if (opens)
        container_begin(w, t == PULL_OBJECT);
    return ok;
}

/* The member the second walk is in; the first one has checked them. */
static void top_find(struct work *w)
{
    w->top = M_OTHER;
    for (int i = 1; i < MEM_COUNT; i++)
        if (pull_is(w->r.raw, w->r.escaped, members[i].name))
            w->top = (enum member)i;
}

static bool key_read(struct work *w)
{
    w->d->level[w->r.depth].key = w->r.raw;
    w->d->level[w->r.depth].escaped = w->r.escaped;
    if (w->d->level[w->r.depth].json)
        text_count(w, w->r.raw, w->r.escaped);
    if (w->r.depth != 1)
        return w->why == R_NONE;
    if (!w->counting)
        return key_seen(w);
    top_find(w);
    return true;
}

static bool body_walk(struct work *w)
{
    pull_init(&w->r, w->in->body);
    for (;;) {
        enum pull_token t = pull_next(&w->r);
        if (t == PULL_END)
            return true;
        if (t == PULL_BAD)
            return facts_refuse(w, R_INVALID_JSON, NULL,
                                "Invalid JSON at byte %zu of the body",
                                w->r.at);
        if (t == PULL_KEY) {
            if (!key_read(w))
                return false;
        } else if (t == PULL_OBJECT_END || t == PULL_ARRAY_END) {
            container_end(w);
        } else if (!value_seen(w, t)) {
            return false;
        }
    }
}

/* ---- forms and other bodies --------------------------------------------- */

static bool form_member(void *arg, struct slice name, struct slice value,
                        bool is_file, size_t at)
{
    struct work *w = arg;
    struct facts *f = w->f;

    if (is_file) {
        f->files = true;
        return true;
    }
    if (slice_is(name, "model")) {
        if (f->model_raw.n > 0)
            return facts_refuse(w, R_INVALID_REQUEST, "model",
                                "form field \"model\" is given twice");
        if (value.n == 0 || value.n > MODEL_NAME_MAX)
            return facts_refuse(
                w, R_INVALID_REQUEST, "model",
                "form field \"model\" must be 1 to %d characters",
                MODEL_NAME_MAX);
        f->model_raw = value;
        f->model_at = at;
    } else if (slice_is(name, "stream")) {
        f->stream = slice_is(value, "true") || slice_is(value, "1");
    } else if (slice_is(name, "n")) {
        if (!pull_i64(value, &f->n) || f->n < 1 || f->n > CHOICES_MAX)
            return facts_refuse(w, R_INVALID_REQUEST, "n",
                                "form field \"n\" must be 1 to %d",
                                CHOICES_MAX);
    } else if (slice_is(name, "size")) {
        f->size = value;
    } else if (slice_is(name, "quality")) {
        f->quality = value;
    } else if (slice_is(name, "user")) {
        f->user = value;
    } else {
        f->text_bytes += (int64_t)value.n;
    }
    return true;
}

static bool form_read(struct work *w, struct slice type)
{
    struct slice boundary;
    if (!form_boundary(type, &boundary) ||
        !form_each(w->in->body, boundary, form_member, w))
        return facts_refuse(w, R_INVALID_REQUEST, NULL,
                            "body is not well-formed multipart/form-data");
    return w->why == R_NONE;
}

static bool is_json(struct slice type)
{
    struct slice media = slice_trim(slice(type.p, slice_find(type, ';')));
    return header_media_is(type, "application/json") ||
           header_media_is(type, "text/json") || slice_ends(media, "+json");
}

bool facts_read(struct work *w)
{
    const struct route *r = w->in->route;
    struct slice type = slice_trim(
        header_find(w->in->fields, w->in->field_count, "content-type"));
    bool form = header_media_is(type, "multipart/form-data");

    if (form && (r->body_may_be_form || !r->body_is_json)) {
        if (!r->body_may_be_form)
            return true; // passthrough: whatever it is
        w->form = true;
        return form_read(w, type);
    }
    if (!r->body_is_json && (w->in->body.n == 0 || !is_json(type)))
        return true;
    if (r->body_is_json && type.n > 0 && !is_json(type))
        return facts_refuse(w, R_MEDIA_TYPE, NULL, "%s",
                            "Content-Type must be application/json");
    if (!body_walk(w))
        return false;
    w->out->edit.open_at = w->f->open_at;
    return true;
}

bool facts_count(struct work *w)
{
    w->counting = true;
    return body_walk(w);
}

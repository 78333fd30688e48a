/* describe.c - what a request in OpenAI's wire format asks and can cost.
 *
 * The problem: before a byte leaves we must know model, limits and an upper
 * bound of what can be billed, of a body we do not control, in microseconds.
 *
 * The design: one pass of provider/pull over the body.  Depth 1 decides what
 * a member is for (table `members`): facts are read, members that are no part
 * of the prompt are passed over, of messages every string and number counts,
 * and of tools, schemas and every member we do not know the JSON text itself.
 * So text in a member that a provider adds tomorrow is bounded, too.  Media
 * parts are recognised by their keys and bounded by provider/bound.
 *
 * With a tokenizer a second pass hands it the strings, since the model may
 * stand behind the messages.
 *
 * Invariants
 * I1. bound >= billed input, for everything that is in the body.  What is not
 *     in it (history, files, search results) sets input_is_context.
 * I2. A member of the top level given twice is refused (R71), also when one
 *     spelling is escaped.
 * I3. The client's own limit is never edited (R75).
 */
#include "provider/describe.h"

#include <stdarg.h>

#include "base/json.h"
#include "base/mem.h"
#include "http/header.h"
#include "provider/bound.h"
#include "provider/form.h"
#include "provider/pull.h"
#include "provider/target.h"

#define MEMBERS_MAX 128 /* top-level members of a body */
#define MODEL_NAME_MAX 200
#define TOKENS_MAX INT64_C(1000000000000)
#define CHOICES_MAX 1024
#define LABEL_MAX 96 /* longest id, type or role that is not counted */
#define COMPLETIONS_DEFAULT 16

enum how {
    HOW_SKIP, /* no part of the prompt */
    HOW_TEXT, /* strings and numbers count */
    HOW_RAW,  /* the JSON text counts */
};

/* name, how its content counts */
#define MEMBERS(X)                                         \
    X(MODEL, "model", HOW_SKIP)                            \
    X(STREAM, "stream", HOW_SKIP)                          \
    X(STREAM_OPTIONS, "stream_options", HOW_SKIP)          \
    X(MAX_TOKENS, "max_tokens", HOW_SKIP)                  \
    X(MAX_COMPLETION, "max_completion_tokens", HOW_SKIP)   \
    X(MAX_OUTPUT, "max_output_tokens", HOW_SKIP)           \
    X(N, "n", HOW_SKIP)                                    \
    X(BEST_OF, "best_of", HOW_SKIP)                        \
    X(SERVICE_TIER, "service_tier", HOW_SKIP)              \
    X(USER, "user", HOW_SKIP)                              \
    X(BACKGROUND, "background", HOW_SKIP)                  \
    X(PREVIOUS, "previous_response_id", HOW_SKIP)          \
    X(CONVERSATION, "conversation", HOW_SKIP)              \
    X(MAX_TOOL_CALLS, "max_tool_calls", HOW_SKIP)          \
    X(WEB_SEARCH, "web_search_options", HOW_SKIP)          \
    X(SIZE, "size", HOW_SKIP)                              \
    X(QUALITY, "quality", HOW_SKIP)                        \
    X(MESSAGES, "messages", HOW_TEXT)                      \
    X(INPUT, "input", HOW_TEXT)                            \
    X(PROMPT, "prompt", HOW_TEXT)                          \
    X(TOOLS, "tools", HOW_RAW)                             \
    X(INSTRUCTIONS, "instructions", HOW_TEXT)              \
    X(PREDICTION, "prediction", HOW_TEXT)                  \
    X(IMAGES, "images", HOW_TEXT)                          \
    X(IMAGE, "image", HOW_TEXT)                            \
    X(MASK, "mask", HOW_TEXT)                              \
    X(AUDIO, "audio", HOW_SKIP)                            \
    X(FUNCTIONS, "functions", HOW_RAW)                     \
    X(RESPONSE_FORMAT, "response_format", HOW_RAW)         \
    X(TEXT, "text", HOW_RAW)                               \
    X(METADATA, "metadata", HOW_SKIP)                      \
    X(STORE, "store", HOW_SKIP)                            \
    X(TEMPERATURE, "temperature", HOW_SKIP)                \
    X(TOP_P, "top_p", HOW_SKIP)                            \
    X(SEED, "seed", HOW_SKIP)                              \
    X(STOP, "stop", HOW_SKIP)                              \
    X(LOGIT_BIAS, "logit_bias", HOW_SKIP)                  \
    X(LOGPROBS, "logprobs", HOW_SKIP)                      \
    X(TOP_LOGPROBS, "top_logprobs", HOW_SKIP)              \
    X(FREQUENCY, "frequency_penalty", HOW_SKIP)            \
    X(PRESENCE, "presence_penalty", HOW_SKIP)              \
    X(CACHE_KEY, "prompt_cache_key", HOW_SKIP)             \
    X(CACHE_RETENTION, "prompt_cache_retention", HOW_SKIP) \
    X(CACHE_OPTIONS, "prompt_cache_options", HOW_SKIP)     \
    X(SAFETY_ID, "safety_identifier", HOW_SKIP)            \
    X(REASONING, "reasoning", HOW_SKIP)                    \
    X(REASONING_EFFORT, "reasoning_effort", HOW_SKIP)      \
    X(VERBOSITY, "verbosity", HOW_SKIP)                    \
    X(TRUNCATION, "truncation", HOW_SKIP)                  \
    X(INCLUDE, "include", HOW_SKIP)                        \
    X(PARALLEL, "parallel_tool_calls", HOW_SKIP)           \
    X(TOOL_CHOICE, "tool_choice", HOW_SKIP)                \
    X(MODALITIES, "modalities", HOW_SKIP)                  \
    X(ENCODING, "encoding_format", HOW_SKIP)               \
    X(DIMENSIONS, "dimensions", HOW_SKIP)

enum member {
    M_OTHER,
#define X(id, name, how) MEM_##id,
    MEMBERS(X)
#undef X
        MEM_COUNT
};

static const struct {
    const char *name;
    enum how how;
} members[MEM_COUNT] = {[M_OTHER] = {"", HOW_RAW},
#define X(id, name, how) [MEM_##id] = {name, how},
                        MEMBERS(X)
#undef X
};

/* A limit as the client wrote it. */
struct limit {
    bool given, is_null;
    int64_t value;
    size_t from, to;
};

/* What one pass over the body finds. */
struct facts {
    struct slice keys[MEMBERS_MAX]; /* top-level, decoded where escaped */
    int key_count;
    bool given[MEM_COUNT];
    enum pull_token type[MEM_COUNT];
    size_t open_at; /* behind the '{' */
    struct slice model_raw;
    bool model_escaped;
    size_t model_at;
    bool stream;
    struct limit limits[3]; /* max_tokens, max_completion_, max_output_ */
    int64_t n, best_of, max_tool_calls;
    struct slice tier, user, size, quality;
    bool background, history, files, audio, video, web_search;
    bool server_tools; /* hosted tools that add to the input */
    bool usage_true;
    size_t options_from, options_to, include_from, include_to;
    bool options_empty;
    int64_t text_bytes, numbers, messages, tools, items, characters;
    int64_t images[DETAIL_COUNT];
};

/* One open container while walking. */
struct level {
    struct slice key; /* of the member being read, raw */
    bool escaped;     /* the key is */
    bool is_object;
    bool image, has_detail;
    enum image_detail detail; /* the dearest, if given twice */
};

struct describer {
    struct facts f;
    struct level level[PULL_DEPTH + 2];
    struct buf text; /* a decoded string for the tokenizer */
};

struct work {
    struct describer *d;
    struct facts *f;
    const struct describe_in *in;
    struct arena *a;
    struct call *call;
    struct described *out;
    struct pull r;
    enum member top;
    size_t raw_from;
    bool form;     /* multipart: fields, no JSON */
    bool counting; /* second pass */
    int64_t tokens;
    enum refusal why;
};

struct describer *describer_new(void)
{
    struct describer *d = xcalloc(1, sizeof *d);
    buf_init(&d->text, (size_t)1 << 31);
    return d;
}

void describer_free(struct describer **d)
{
    if (*d == NULL)
        return;
    buf_release(&(*d)->text);
    free(*d);
    *d = NULL;
}

PRINTF_LIKE(4, 5)
static bool refuse(struct work *w, enum refusal why, const char *param,
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

static bool refuse_type(struct work *w, enum member m, const char *what)
{
    return refuse(w, R_INVALID_REQUEST, members[m].name, "body/%s must be %s",
                  members[m].name, what);
}

/* ---- members of the top level ------------------------------------------- */

/* A string's content decoded; borrowed from the body where possible. */
static struct slice text_of(struct work *w)
{
    struct buf b;
    struct slice s;
    if (!w->r.escaped)
        return w->r.raw;
    buf_init(&b, w->r.raw.n);
    pull_decode(w->r.raw, &b);
    s = arena_dup(w->a, buf_get(&b));
    buf_release(&b);
    if (s.p == NULL)
        (void)refuse(w, R_STORAGE, NULL, "out of memory");
    return s;
}

/* I2; also decides what the member is. */
static bool key_seen(struct work *w)
{
    struct facts *f = w->f;
    struct slice key = text_of(w);

    if (w->why != R_NONE)
        return false;
    if (f->key_count == MEMBERS_MAX)
        return refuse(w, R_INVALID_REQUEST, NULL,
                      "body must not have more than %d members", MEMBERS_MAX);
    for (int i = 0; i < f->key_count; i++)
        if (slice_eq(f->keys[i], key))
            return refuse(w, R_INVALID_JSON, NULL,
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
        return refuse_type(w, w->top, "boolean");
    return true;
}

static bool read_string(struct work *w, enum pull_token t, struct slice *out)
{
    if (t == PULL_NULL)
        return true;
    if (t != PULL_STRING)
        return refuse_type(w, w->top, "string");
    *out = text_of(w);
    return w->why == R_NONE;
}

static bool read_count(struct work *w, enum pull_token t, int64_t low,
                       int64_t high, int64_t *out)
{
    if (t == PULL_NULL)
        return true;
    if (t != PULL_NUMBER || !pull_i64(w->r.raw, out))
        return refuse_type(w, w->top, "integer");
    if (*out < low)
        return refuse(w, R_INVALID_REQUEST, members[w->top].name,
                      "body/%s must be >= %lld", members[w->top].name,
                      (long long)low);
    if (*out > high)
        return refuse(w, R_INVALID_REQUEST, members[w->top].name,
                      "body/%s must be <= %lld", members[w->top].name,
                      (long long)high);
    return true;
}

static bool read_limit(struct work *w, enum pull_token t, int which)
{
    struct limit *l = &w->f->limits[which];
    int64_t low = w->in->route->op == OP_COMPLETIONS ? 0 : 1;
    l->is_null = t == PULL_NULL;
    l->given = !l->is_null;
    l->from = w->r.from;
    l->to = w->r.to;
    return read_count(w, t, low, TOKENS_MAX, &l->value);
}

static bool read_model(struct work *w, enum pull_token t)
{
    struct facts *f = w->f;
    if (t != PULL_STRING)
        return refuse_type(w, MEM_MODEL, "string");
    if (w->r.raw.n == 0 || w->r.raw.n > MODEL_NAME_MAX)
        return refuse(w, R_INVALID_REQUEST, "model",
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
            return refuse_type(w, w->top, "object");
        return true;
    case MEM_MAX_TOKENS:
        return read_limit(w, t, 0);
    case MEM_MAX_COMPLETION:
        return read_limit(w, t, 1);
    case MEM_MAX_OUTPUT:
        return read_limit(w, t, 2);
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
        return true;
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
            (void)refuse(w, R_STORAGE, NULL, "out of memory");
            return;
        }
        s = buf_get(&w->d->text);
    }
    int64_t n = w->in->counter.count(w->in->counter.arg, w->call->provider,
                                     w->call->model, s);
    if (n < 0 || n > (int64_t)s.n) // never more than one per byte
        n = (int64_t)s.n;
    w->tokens += n;
}

static bool key_is(const struct level *l, const char *lit)
{
    return pull_is(l->key, l->escaped, lit);
}

static bool is_web(struct slice s)
{
    return slice_starts(s, "http://") || slice_starts(s, "https://");
}

/* True if the string is a media part rather than text; notes it. */
static bool media_string(struct work *w)
{
    struct facts *f = w->f;
    struct level *l = &w->d->level[w->r.depth];
    const struct level *parent = l - 1;
    struct slice s = w->r.raw;
    bool url = key_is(l, "url");
    bool image = key_is(l, "image_url") || (url && key_is(parent, "image_url"));

    if (image && (slice_starts(s, "data:image/") || is_web(s))) {
        l->image = true;
        return true;
    }
    if (key_is(l, "data") && key_is(parent, "input_audio")) {
        f->audio = true;
        return true;
    }
    if (url && (key_is(parent, "video_url") || key_is(parent, "audio_url"))) {
        f->video = true;
        return true;
    }
    if ((image && slice_starts(s, "data:")) || key_is(l, "file_data") ||
        key_is(l, "file_id") || key_is(l, "file_url") ||
        key_is(l, "document_url") ||
        (w->in->route->op == OP_IMAGES && slice_starts(s, "data:"))) {
        f->files = true;
        return true;
    }
    return false;
}

/* Labels of the wire format: counted by the allowance per message. */
static bool is_label(struct work *w)
{
    static const char *const labels[] = {
        "type", "role", "id", "call_id", "tool_call_id", "status", "detail",
    };
    const struct level *l = &w->d->level[w->r.depth];
    if (w->r.raw.n > LABEL_MAX || !l->is_object || w->r.depth < 2)
        return false;
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (slice_is(l->key, labels[i]))
            return true;
    return false;
}

static void detail_read(struct level *l, struct slice s)
{
    enum image_detail d = slice_is(s, "low")    ? DETAIL_LOW
                          : slice_is(s, "high") ? DETAIL_HIGH
                                                : DETAIL_ORIGINAL;
    if (!l->has_detail || d > l->detail)
        l->detail = d;
    l->has_detail = true;
}

static void text_value(struct work *w, enum pull_token t)
{
    struct level *l = &w->d->level[w->r.depth];

    if (t == PULL_NUMBER && !w->counting) {
        enum op op = w->in->route->op;
        bool token = op == OP_EMBEDDINGS || op == OP_COMPLETIONS;
        w->f->numbers += token ? 1 : (int64_t)w->r.raw.n;
    }
    if (t != PULL_STRING)
        return;
    if (w->r.depth > 1 && l->is_object) {
        if (key_is(l, "detail"))
            detail_read(l, w->r.raw);
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
    if (slice_starts(s, "web_search")) {
        f->web_search = true;
        f->server_tools = true;
    } else if (!slice_is(s, "function") && !slice_is(s, "custom")) {
        f->server_tools = true;
        if (slice_is(s, "image_generation"))
            f->video = true; // billed apart, by images
    }
}

/* A value below depth 1. */
static bool inner_value(struct work *w, enum pull_token t)
{
    struct facts *f = w->f;
    int depth = w->r.depth - (t == PULL_OBJECT || t == PULL_ARRAY);
    struct level *l = &w->d->level[depth];

    if (depth == 2 && w->top == MEM_STREAM_OPTIONS &&
        key_is(l, "include_usage")) {
        if (f->include_to != 0)
            return refuse(w, R_INVALID_JSON, "stream_options",
                          "Invalid JSON: member \"include_usage\" is given "
                          "twice");
        if (t != PULL_TRUE && t != PULL_FALSE && t != PULL_NULL)
            return refuse(w, R_INVALID_REQUEST, "stream_options",
                          "body/stream_options/include_usage must be boolean");
        f->include_from = w->r.from;
        f->include_to = w->r.to;
        f->usage_true = t == PULL_TRUE;
    }
    if (depth == 2 && !w->counting) {
        f->messages += w->top == MEM_MESSAGES ||
                       (w->top == MEM_INPUT &&
                        w->in->route->op == OP_RESPONSES && t == PULL_OBJECT);
        f->tools += w->top == MEM_TOOLS || w->top == MEM_FUNCTIONS;
        f->items +=
            w->top == MEM_PROMPT && (t == PULL_STRING || t == PULL_ARRAY);
    }
    if (depth == 3 && w->top == MEM_TOOLS && t == PULL_STRING && !w->counting &&
        key_is(l, "type"))
        tool_type(w);
    if (members[w->top].how == HOW_TEXT)
        text_value(w, t);
    return w->why == R_NONE;
}

/* ---- the pass ----------------------------------------------------------- */

static void container_end(struct work *w)
{
    struct level *l = &w->d->level[w->r.depth];
    if (l->image && !w->counting)
        w->f->images[l->detail]++;
    if (w->r.depth != 2)
        return;
    if (members[w->top].how == HOW_RAW)
        text_count(w, slice(w->in->body.p + w->raw_from, w->r.to - w->raw_from),
                   false);
    if (w->top == MEM_STREAM_OPTIONS) {
        w->f->options_to = w->r.to;
        w->f->options_empty = l->key.p == NULL;
    }
}

static void container_begin(struct work *w, bool object)
{
    w->d->level[w->r.depth] =
        (struct level){.is_object = object, .detail = DETAIL_ORIGINAL};
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
            return refuse(w, R_INVALID_REQUEST, NULL, "body must be object");
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
    if (w->r.depth != 1)
        return true;
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
            return refuse(w, R_INVALID_JSON, NULL,
                          "Invalid JSON at byte %zu of the body", w->r.at);
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

/* ---- what it means ------------------------------------------------------ */

static bool is_metered(const struct work *w)
{
    return w->in->route->klass == ROUTE_METERED;
}

static bool need(struct work *w, enum member m, const char *type_text,
                 bool string_ok, bool array_ok)
{
    const struct facts *f = w->f;
    if (!f->given[m])
        return refuse(w, R_INVALID_REQUEST, members[m].name,
                      "body must have required property '%s'", members[m].name);
    if ((f->type[m] == PULL_STRING && string_ok) ||
        (f->type[m] == PULL_ARRAY && array_ok))
        return true;
    return refuse_type(w, m, type_text);
}

static bool fields_check(struct work *w)
{
    const struct facts *f = w->f;
    enum op op = w->in->route->op;

    if (!is_metered(w))
        return true;
    if (f->model_raw.n == 0 && w->in->route->model.n == 0)
        return refuse(w, R_INVALID_REQUEST, "model",
                      "body must have required property 'model'");
    if (f->background)
        return refuse(w, R_UNSUPPORTED_PARAMETER, "background", "background");
    if (f->given[MEM_TOOLS] && f->type[MEM_TOOLS] != PULL_ARRAY)
        return refuse_type(w, MEM_TOOLS, "array");
    switch ((int)op) {
    case OP_CHAT:
        return need(w, MEM_MESSAGES, "array", false, true);
    case OP_COMPLETIONS:
        return need(w, MEM_PROMPT, "string or array", true, true);
    case OP_EMBEDDINGS:
        return need(w, MEM_INPUT, "string or array", true, true);
    case OP_SPEECH:
        return need(w, MEM_INPUT, "string", true, false);
    case OP_RESPONSES:
        if (f->given[MEM_INPUT])
            return need(w, MEM_INPUT, "string or array", true, true);
        return true;
    default:
        return true;
    }
}

/* Resolves the model and plans the removal of a provider prefix. */
static bool model_resolve(struct work *w)
{
    struct facts *f = w->f;
    struct edit_plan *e = &w->out->edit;
    struct slice name = f->model_raw, asked;

    if (name.n == 0 && w->in->route->model.n == 0)
        return true;
    if (f->model_escaped) {
        struct buf b;
        buf_init(&b, f->model_raw.n);
        pull_decode(f->model_raw, &b);
        name = arena_dup(w->a, buf_get(&b));
        buf_release(&b);
        if (name.p == NULL)
            return refuse(w, R_STORAGE, NULL, "out of memory");
    }
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f)
            return refuse(w, R_INVALID_REQUEST, "model",
                          "body/model must be visible characters");
    asked = name;
    if (w->in->route->azure) {
        w->call->provider = PROVIDER_AZURE;
        w->call->model = w->in->route->model.n > 0 ? w->in->route->model : name;
        return true;
    }
    w->call->provider = w->in->resolve(w->in->resolve_arg, &name);
    w->call->model = name;
    if (name.n == 0)
        return refuse(w, R_INVALID_REQUEST, "model",
                      "body/model must name a model");
    if (name.n == asked.n)
        return true;
    w->out->prefix = w->call->provider;
    e->model_from = f->model_at;
    if (!f->model_escaped) {
        e->model_to = f->model_at + (asked.n - name.n);
        return true;
    }
    struct buf b;
    buf_init(&b, 6 * name.n + 2);
    json_quote(&b, name);
    struct slice q = arena_dup(w->a, buf_get(&b));
    buf_release(&b);
    if (q.p == NULL || q.n < 2)
        return refuse(w, R_STORAGE, NULL, "out of memory");
    e->model_to = f->model_at + f->model_raw.n;
    e->model_put = slice(q.p + 1, q.n - 2);
    return true;
}

/* OpenAI's reasoning models refuse max_tokens; older models and most other
 * servers know only that one. */
static bool wants_completion_tokens(const struct call *c)
{
    if (c->provider == PROVIDER_AZURE)
        return !slice_starts(c->model, "gpt-4") &&
               !slice_starts(c->model, "gpt-3");
    if (c->provider != PROVIDER_OPENAI)
        return false;
    if (c->model.n > 1 && c->model.p[0] == 'o' && c->model.p[1] >= '1' &&
        c->model.p[1] <= '9')
        return true;
    return c->model.n > 4 && slice_starts(c->model, "gpt-") &&
           c->model.p[4] >= '5' && c->model.p[4] <= '9';
}

static void limit_plan(struct work *w)
{
    struct edit_plan *e = &w->out->edit;
    struct facts *f = w->f;
    int64_t given = -1;
    int at = -1;

    switch ((int)w->in->route->op) {
    case OP_CHAT:
        at = wants_completion_tokens(w->call) ? 1 : 0;
        break;
    case OP_COMPLETIONS:
        at = 0;
        break;
    case OP_RESPONSES:
        at = strstr(w->in->route->pattern, "compact") != NULL ? -1 : 2;
        break;
    default:
        break;
    }
    if (at < 0)
        return;
    for (int i = 0; i < 3; i++) {
        bool counts = w->in->route->op == OP_RESPONSES ? i == 2 : i < 2;
        if (counts && f->limits[i].given && f->limits[i].value > given)
            given = f->limits[i].value;
    }
    e->limit_name = members[MEM_MAX_TOKENS + at].name;
    e->limit_from = f->limits[at].from;
    e->limit_to = f->limits[at].to;
    e->limit_at = given >= 0              ? LIMIT_CLIENT
                  : f->limits[at].is_null ? LIMIT_NULL
                                          : LIMIT_INSERT;
    w->call->max_output = given;
    w->call->output_is_limitable = given < 0;
    if (given < 0 && w->in->route->op == OP_COMPLETIONS) {
        /* the documented default, pinned: other servers have other ones */
        w->call->max_output = e->limit_fixed = COMPLETIONS_DEFAULT;
        w->call->output_is_limitable = false;
    }
}

/* Asks for the usage chunk of a stream where the wire format needs it. */
static void usage_plan(struct work *w)
{
    struct facts *f = w->f;
    struct edit_plan *e = &w->out->edit;
    enum op op = w->in->route->op;

    w->out->asked_usage = f->usage_true;
    if (!f->stream || (op != OP_CHAT && op != OP_COMPLETIONS) ||
        !provider_speaks_openai(w->call->provider) || f->usage_true ||
        w->call->provider == PROVIDER_MISTRAL) // refuses it, always reports
        return;
    e->add_usage = true;
    if (f->include_to != 0) {
        e->usage_from = f->include_from;
        e->usage_to = f->include_to;
        e->usage_put = "true";
    } else if (f->given[MEM_STREAM_OPTIONS]) {
        e->usage_from = e->usage_to = f->options_from + 1;
        e->usage_put = f->options_empty ? "\"include_usage\":true"
                                        : "\"include_usage\":true,";
    } else if (f->options_to != 0) { // null
        e->usage_from = f->options_from;
        e->usage_to = f->options_to;
        e->usage_put = "{\"include_usage\":true}";
    } else {
        e->usage_put = "\"stream_options\":{\"include_usage\":true}";
    }
}

static enum tier tier_asked(struct slice s)
{
    if (s.n == 0 || slice_is(s, "auto") || slice_is(s, "default") ||
        slice_is(s, "scale") || slice_is(s, "standard") ||
        slice_is(s, "on_demand"))
        return TIER_STANDARD;
    return slice_is(s, "flex") ? TIER_FLEX : TIER_PRIORITY;
}

static int64_t image_tokens(struct work *w)
{
    int64_t sum = 0;
    for (int i = 0; i < DETAIL_COUNT; i++)
        sum += w->f->images[i] * bound_image(w->call->provider, w->call->model,
                                             (enum image_detail)i);
    return sum;
}

static void images_bound(struct work *w)
{
    struct call *c = w->call;
    int64_t out = bound_image_output(c->model, w->f->size, w->f->quality);
    c->images = c->choices;
    c->max_output = out;
    if (w->f->files)
        c->unbounded = true; // pictures given: billed by their size
    if (out == 0 && !slice_starts(c->model, "dall-e") &&
        !slice_starts(c->model, "demo"))
        c->unbounded = true;
}

static bool input_plan(struct work *w)
{
    struct facts *f = w->f;
    struct call *c = w->call;
    int64_t text = f->text_bytes, extra;

    if (w->in->counter.count != NULL && !w->form) {
        w->counting = true;
        if (!body_walk(w))
            return false;
        text = w->tokens;
    }
    extra = 8 * f->messages + 16 * f->tools + f->numbers + image_tokens(w);
    if (w->in->route->op == OP_RESPONSES && f->messages == 0)
        extra += 8;
    c->input_bound = text + extra;
    w->out->input_estimate = (w->counting ? text : (text + 3) / 4) +
                             4 * f->messages + 2 + f->numbers + image_tokens(w);
    c->input_is_context = f->history || f->server_tools ||
                          (f->files && w->in->route->op != OP_IMAGES);
    c->unbounded = f->audio || f->video;
    return true;
}

static bool is_search_model(struct slice m)
{
    for (size_t i = 0; i + 7 <= m.n; i++)
        if (memcmp(m.p + i, "-search", 7) == 0)
            return true;
    return false;
}

static bool call_fill(struct work *w)
{
    struct facts *f = w->f;
    struct call *c = w->call;
    enum op op = w->in->route->op;

    c->stream = f->stream;
    c->max_output = -1;
    c->choices = f->n > f->best_of ? f->n : f->best_of;
    if (c->choices < 1)
        c->choices = 1;
    c->tier = tier_asked(f->tier);
    c->user = f->user;
    limit_plan(w);
    usage_plan(w);
    if (!is_metered(w))
        return true;
    if (!input_plan(w))
        return false;
    if (op == OP_COMPLETIONS && f->items > 1)
        c->choices *= f->items;
    if (f->web_search || is_search_model(c->model))
        c->web_searches =
            f->max_tool_calls >= 0 ? f->max_tool_calls : w->in->web_search_hold;
    if (op == OP_EMBEDDINGS)
        c->max_output = 0;
    if (op == OP_IMAGES)
        images_bound(w);
    if (op == OP_SPEECH) {
        c->characters = f->characters;
        c->unbounded = !slice_starts(c->model, "tts-");
    }
    if (op == OP_TRANSCRIPTION)
        c->unbounded = true;
    return true;
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
            return refuse(w, R_INVALID_REQUEST, "model",
                          "form field \"model\" is given twice");
        if (value.n == 0 || value.n > MODEL_NAME_MAX)
            return refuse(w, R_INVALID_REQUEST, "model",
                          "form field \"model\" must be 1 to %d characters",
                          MODEL_NAME_MAX);
        f->model_raw = value;
        f->model_at = at;
    } else if (slice_is(name, "stream")) {
        f->stream = slice_is(value, "true") || slice_is(value, "1");
    } else if (slice_is(name, "n")) {
        if (!pull_i64(value, &f->n) || f->n < 1 || f->n > CHOICES_MAX)
            return refuse(w, R_INVALID_REQUEST, "n",
                          "form field \"n\" must be 1 to %d", CHOICES_MAX);
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
        return refuse(w, R_INVALID_REQUEST, NULL,
                      "body is not well-formed multipart/form-data");
    return w->why == R_NONE;
}

static bool is_json(struct slice type)
{
    struct slice media = slice_trim(slice(type.p, slice_find(type, ';')));
    return header_media_is(type, "application/json") ||
           header_media_is(type, "text/json") || slice_ends(media, "+json");
}

static bool body_read(struct work *w)
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
        return refuse(w, R_MEDIA_TYPE, NULL, "%s", "");
    if (!body_walk(w))
        return false;
    w->out->edit.open_at = w->f->open_at;
    return true;
}

enum refusal describe(struct describer *d, const struct describe_in *in,
                      struct arena *a, struct call *call, struct described *out)
{
    struct work w = {
        .d = d, .f = &d->f, .in = in, .a = a, .call = call, .out = out};

    *out = (struct described){.edit = {.body = in->body}};
    memset(&d->f, 0, sizeof d->f);
    d->f.max_tool_calls = -1;
    d->level[0] = d->level[1] = (struct level){.is_object = false};
    call->family = in->route->family;
    call->op = in->route->op;
    call->klass = in->route->klass;
    call->max_output = -1;
    call->choices = 1;
    call->provider = PROVIDER_NONE;
    call->model = slice(NULL, 0);
    if (in->route->family != FAMILY_OPENAI) {
        (void)refuse(&w, R_NOT_FOUND, NULL, "%s", "");
        return w.why;
    }
    if (!body_read(&w) || !fields_check(&w) || !model_resolve(&w) ||
        !call_fill(&w))
        return w.why;
    out->sse_answer = call->stream;
    return w.why;
}

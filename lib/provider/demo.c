/* demo.c - a provider that needs no key and tells no lies about itself.
 *
 * The whole answer is made at once, as pieces with delays; what streams is
 * only the handing out.  Tokens are words: the prompt counts a token per four
 * bytes and four per message, the answer one per word it sends, so usage
 * agrees with what is seen and stays below any bound by bytes.
 */
#include "provider/demo.h"

#include "base/mem.h"
#include "provider/demo_answer.h"
#include "token/count.h"

#define ANSWER_MAX (4u << 20)
#define INPUTS_MAX 256

static const struct slice none = {NULL, 0};

static uint64_t hash(struct slice s)
{
    uint64_t h = UINT64_C(1469598103934665603);
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
    return h ^ (h >> 29);
}

/* Ends a piece here; it is sent `delay_ms` after the one before. */
void demo_cut(struct demo *d, int delay_ms)
{
    if (d->count == DEMO_PIECES) {
        d->pieces[d->count - 1].end = d->all.n;
        return;
    }
    d->pieces[d->count++] = (struct demo_piece){d->all.n, delay_ms};
}

int demo_pace_first(const struct demo *d)
{
    return d->large ? 300 : 120;
}

int demo_pace_word(const struct demo *d)
{
    return d->large ? 28 : 14;
}

/* Delay of an answer that comes in one piece. */
int demo_pace_whole(const struct demo *d)
{
    int ms = demo_pace_first(d) + d->said * demo_pace_word(d) / 4;
    return ms < 900 ? ms : 900;
}

/* ---- the request -------------------------------------------------------- */

/* Text of a message's content: the string, or its first text part. */
static struct slice content_text(const struct json *content)
{
    if (content == NULL || content->type == JSON_STRING)
        return json_text(content, none);
    if (content->type != JSON_ARRAY)
        return none;
    for (const struct json *p = content->child; p != NULL; p = p->next) {
        struct slice t = json_text(json_get(p, "text"), none);
        if (t.n > 0)
            return t;
    }
    return none;
}

static const struct json *last_message(const struct demo *d)
{
    const struct json *list = json_get(d->body, "messages"), *last = NULL;
    if (list == NULL)
        list = json_get(d->body, "input");
    if (list == NULL || list->type != JSON_ARRAY)
        return NULL;
    for (const struct json *m = list->child; m != NULL; m = m->next)
        last = m;
    return last;
}

static struct slice asked_text(const struct demo *d)
{
    struct slice t = json_text(json_get(d->body, "prompt"), none);
    if (t.n == 0)
        t = json_text(json_get(d->body, "input"), none);
    if (t.n == 0)
        t = content_text(json_get(last_message(d), "content"));
    return t;
}

/* Tokens of all strings below `v`. */
static int64_t text_tokens(const struct json *v, int depth)
{
    int64_t n = 0;
    if (v == NULL || depth > 64)
        return 0;
    if (v->type == JSON_STRING)
        return count_text(ENCODING_O200K, v->text);
    for (const struct json *c = v->child; c != NULL; c = c->next) {
        bool label = slice_is(c->key, "role") || slice_is(c->key, "type");
        if (!label)
            n += text_tokens(c, depth + 1);
    }
    return n;
}

static int64_t prompt_tokens(const struct demo *d)
{
    static const char *const parts[] = {"messages",     "input", "prompt",
                                        "instructions", "tools", "functions"};
    int64_t n = 0;
    const struct json *list = json_get(d->body, "messages");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        n += text_tokens(json_get(d->body, parts[i]), 0);
    if (list != NULL && list->type == JSON_ARRAY)
        n += 4 * (int64_t)list->count;
    return n;
}

/* Any value of a JSON schema's type. */
static void value_write(const struct json *schema, struct json_out *o)
{
    struct slice type = json_text(json_get(schema, "type"), none);
    const struct json *list = json_get(schema, "enum");
    if (list != NULL && list->child != NULL && list->child->type == JSON_STRING)
        json_str(o, list->child->text);
    else if (slice_is(type, "number") || slice_is(type, "integer"))
        json_num(o, 1);
    else if (slice_is(type, "boolean"))
        json_bool(o, true);
    else if (slice_is(type, "array"))
        json_raw(o, SLICE("[]"));
    else if (slice_is(type, "object"))
        json_raw(o, SLICE("{}"));
    else
        json_str(o, SLICE("demo"));
}

/* Decides on a call of the first function, unless a result came just now. */
static void tool_choose(struct demo *d)
{
    const struct json *tools = json_get(d->body, "tools"), *last, *f, *props;
    struct json_out o;
    struct buf b;

    last = last_message(d);
    if (tools == NULL || tools->type != JSON_ARRAY || tools->child == NULL ||
        slice_is(json_text(json_get(last, "role"), none), "tool") ||
        slice_is(json_text(json_get(last, "type"), none),
                 "function_call_output") ||
        slice_is(json_text(json_get(d->body, "tool_choice"), none), "none"))
        return;
    f = json_get(tools->child, "function");
    if (f == NULL)
        f = tools->child;
    d->tool = json_text(json_get(f, "name"), none);
    props = json_get(json_get(f, "parameters"), "properties");
    buf_init(&b, sizeof d->args - 1);
    json_out_init(&o, &b);
    json_obj(&o);
    for (const struct json *p = props != NULL ? props->child : NULL; p != NULL;
         p = p->next) {
        json_key_slice(&o, p->key);
        value_write(p, &o);
    }
    json_obj_end(&o);
    if (b.failed)
        memcpy(d->args, "{}", 3);
    else
        memcpy(d->args, b.p, b.n);
    buf_release(&b);
}

/* The answer's words, each with the blank before it. */
static void words_make(struct demo *d)
{
    struct slice asked = asked_text(d), text;
    size_t n = asked.n < 120 ? asked.n : 120;
    while (n > 0 && n < asked.n && ((unsigned char)asked.p[n] & 0xc0) == 0x80)
        n--;
    text = arena_printf(
        &d->a,
        "This is BudgetGuard's demo provider, not a language model. No key "
        "was needed and no money was spent, but the gateway priced, held and "
        "settled this call as if it were real. You asked: \"%.*s%s\" A real "
        "model would answer here, at its own pace, word by word, while the "
        "gateway counts every token and keeps every budget. This answer came "
        "from %.*s.",
        (int)n, asked.p != NULL ? asked.p : "", n < asked.n ? "..." : "",
        SLICE_FMT(d->model));
    for (size_t i = 0; i < text.n && d->word_count < DEMO_WORDS;) {
        size_t from = i;
        while (i < text.n && text.p[i] == ' ')
            i++;
        while (i < text.n && text.p[i] != ' ')
            i++;
        d->words[d->word_count++] = slice(text.p + from, i - from);
    }
    if (d->tool.n > 0)
        d->word_count = 0;
    d->said = d->word_count;
    if (d->limit > 0 && d->said > d->limit)
        d->said = (int)d->limit;
}

int64_t demo_completion_tokens(const struct demo *d)
{
    if (d->tool.n > 0)
        return (int64_t)(d->tool.n + strlen(d->args) + 3) / 4;
    return d->said;
}

static const char *finish_reason(const struct demo *d)
{
    if (d->tool.n > 0)
        return "tool_calls";
    return d->said < d->word_count ? "length" : "stop";
}

static void limit_read(struct demo *d)
{
    static const char *const names[] = {"max_completion_tokens", "max_tokens",
                                        "max_output_tokens"};
    int64_t n;
    for (size_t i = 0; i < 3; i++)
        if (json_i64(json_get(d->body, names[i]), &n) && n > 0)
            d->limit = n;
    d->choices = 1;
    if (json_i64(json_get(d->body, "n"), &n) && n >= 1 && n <= 8)
        d->choices = (int)n;
}

static void request_read(struct demo *d)
{
    const struct json *options = json_get(d->body, "stream_options"), *v;
    v = json_get(d->body, "stream");
    d->stream = v != NULL && v->type == JSON_TRUE;
    v = json_get(options, "include_usage");
    d->usage_asked = v != NULL && v->type == JSON_TRUE;
    d->large = slice_is(d->model, "demo-large");
    d->prompt = prompt_tokens(d);
    d->cached = d->prompt >= 1024 ? d->prompt / 2 / 128 * 128 : 0;
    limit_read(d);
    tool_choose(d);
    words_make(d);
}

/* ---- shared parts of answers -------------------------------------------- */

static void error_answer(struct demo *d, int status, const char *message,
                         const char *code)
{
    struct json_out o;
    d->status = status;
    json_out_init(&o, &d->all);
    json_obj(&o);
    json_key(&o, "error");
    json_obj(&o);
    json_kstr(&o, "message", slice_str(message));
    json_kstr(&o, "type", SLICE("invalid_request_error"));
    json_knull(&o, "param");
    json_kstr(&o, "code", slice_str(code));
    json_obj_end(&o);
    json_obj_end(&o);
    demo_cut(d, 20);
}

static void chat_usage(const struct demo *d, struct json_out *o)
{
    int64_t out = demo_completion_tokens(d) * d->choices;
    json_key(o, "usage");
    json_obj(o);
    json_knum(o, "prompt_tokens", d->prompt);
    json_knum(o, "completion_tokens", out);
    json_knum(o, "total_tokens", d->prompt + out);
    json_key(o, "prompt_tokens_details");
    json_obj(o);
    json_knum(o, "cached_tokens", d->cached);
    json_obj_end(o);
    json_key(o, "completion_tokens_details");
    json_obj(o);
    json_knum(o, "reasoning_tokens", 0);
    json_obj_end(o);
    json_obj_end(o);
}

/* The words within the limit, joined. */
struct slice demo_said_text(const struct demo *d)
{
    if (d->said == 0)
        return SLICE("");
    const struct slice *last = &d->words[d->said - 1];
    return slice(d->words[0].p, (size_t)(last->p + last->n - d->words[0].p));
}

static void head_write(const struct demo *d, const char *prefix,
                       const char *object, struct json_out *o)
{
    char id[64];
    (void)snprintf(id, sizeof id, "%s%s", prefix, d->id);
    json_kstr(o, "id", slice_str(id));
    json_kstr(o, "object", slice_str(object));
    json_knum(o, "created", d->created);
    json_kstr(o, "model", d->model);
}

/* ---- chat/completions and completions ----------------------------------- */

static void tool_calls_write(const struct demo *d, bool chunk,
                             struct json_out *o)
{
    char id[64];
    (void)snprintf(id, sizeof id, "call_%s", d->id);
    json_key(o, "tool_calls");
    json_arr(o);
    json_obj(o);
    if (chunk)
        json_knum(o, "index", 0);
    json_kstr(o, "id", slice_str(id));
    json_kstr(o, "type", SLICE("function"));
    json_key(o, "function");
    json_obj(o);
    json_kstr(o, "name", d->tool);
    json_kstr(o, "arguments", chunk ? SLICE("") : slice_str(d->args));
    json_obj_end(o);
    json_obj_end(o);
    json_arr_end(o);
}

static void chat_message(const struct demo *d, struct json_out *o)
{
    json_key(o, "message");
    json_obj(o);
    json_kstr(o, "role", SLICE("assistant"));
    if (d->tool.n > 0) {
        json_knull(o, "content");
        tool_calls_write(d, false, o);
    } else {
        json_kstr(o, "content", demo_said_text(d));
    }
    json_knull(o, "refusal");
    json_obj_end(o);
}

static void chat_whole(struct demo *d, bool chat)
{
    struct json_out o;
    json_out_init(&o, &d->all);
    json_obj(&o);
    head_write(d, chat ? "chatcmpl-demo-" : "cmpl-demo-",
               chat ? "chat.completion" : "text_completion", &o);
    json_key(&o, "choices");
    json_arr(&o);
    for (int i = 0; i < d->choices; i++) {
        json_obj(&o);
        json_knum(&o, "index", i);
        if (chat)
            chat_message(d, &o);
        else
            json_kstr(&o, "text", demo_said_text(d));
        json_knull(&o, "logprobs");
        json_kstr(&o, "finish_reason", slice_str(finish_reason(d)));
        json_obj_end(&o);
    }
    json_arr_end(&o);
    chat_usage(d, &o);
    json_kstr(&o, "service_tier", SLICE("default"));
    json_kstr(&o, "system_fingerprint", SLICE("fp_demo"));
    json_obj_end(&o);
    demo_cut(d, demo_pace_whole(d));
}

enum chunk { CHUNK_ROLE, CHUNK_WORD, CHUNK_CALL, CHUNK_ARGS, CHUNK_END };

static void delta_write(const struct demo *d, enum chunk what,
                        struct slice word, struct json_out *o)
{
    json_key(o, "delta");
    json_obj(o);
    switch (what) {
    case CHUNK_ROLE:
        json_kstr(o, "role", SLICE("assistant"));
        json_kstr(o, "content", SLICE(""));
        break;
    case CHUNK_WORD:
        json_kstr(o, "content", word);
        break;
    case CHUNK_CALL:
        tool_calls_write(d, true, o);
        break;
    case CHUNK_ARGS:
        json_key(o, "tool_calls");
        json_arr(o);
        json_obj(o);
        json_knum(o, "index", 0);
        json_key(o, "function");
        json_obj(o);
        json_kstr(o, "arguments", word);
        json_obj_end(o);
        json_obj_end(o);
        json_arr_end(o);
        break;
    case CHUNK_END:
        break;
    }
    json_obj_end(o);
}

static void chunk_write(struct demo *d, bool chat, int index, enum chunk what,
                        struct slice word, int delay_ms)
{
    struct json_out o;
    buf_str(&d->all, "data: ");
    json_out_init(&o, &d->all);
    json_obj(&o);
    head_write(d, chat ? "chatcmpl-demo-" : "cmpl-demo-",
               chat ? "chat.completion.chunk" : "text_completion", &o);
    json_key(&o, "choices");
    json_arr(&o);
    json_obj(&o);
    json_knum(&o, "index", index);
    if (chat)
        delta_write(d, what, word, &o);
    else
        json_kstr(&o, "text", what == CHUNK_WORD ? word : SLICE(""));
    json_knull(&o, "logprobs");
    if (what == CHUNK_END)
        json_kstr(&o, "finish_reason", slice_str(finish_reason(d)));
    else
        json_knull(&o, "finish_reason");
    json_obj_end(&o);
    json_arr_end(&o);
    if (d->usage_asked)
        json_knull(&o, "usage");
    json_obj_end(&o);
    buf_str(&d->all, "\n\n");
    demo_cut(d, delay_ms);
}

static void chat_stream(struct demo *d, bool chat)
{
    struct json_out o;
    d->events = true;
    for (int i = 0; i < d->choices; i++) {
        if (chat)
            chunk_write(d, chat, i, CHUNK_ROLE, none, demo_pace_first(d));
        if (d->tool.n > 0 && chat) {
            chunk_write(d, chat, i, CHUNK_CALL, none, demo_pace_word(d));
            chunk_write(d, chat, i, CHUNK_ARGS, slice_str(d->args),
                        demo_pace_word(d));
        }
        for (int w = 0; w < d->said; w++)
            chunk_write(d, chat, i, CHUNK_WORD, d->words[w], demo_pace_word(d));
        chunk_write(d, chat, i, CHUNK_END, none, demo_pace_word(d));
    }
    if (d->usage_asked) {
        buf_str(&d->all, "data: ");
        json_out_init(&o, &d->all);
        json_obj(&o);
        head_write(d, chat ? "chatcmpl-demo-" : "cmpl-demo-",
                   chat ? "chat.completion.chunk" : "text_completion", &o);
        json_key(&o, "choices");
        json_arr(&o);
        json_arr_end(&o);
        chat_usage(d, &o);
        json_obj_end(&o);
        buf_str(&d->all, "\n\n");
        demo_cut(d, 0);
    }
    buf_str(&d->all, "data: [DONE]\n\n");
    demo_cut(d, 0);
}

/* ---- embeddings, models ------------------------------------------------- */

static void base64_floats(uint64_t seed, int64_t dims, struct buf *b)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t acc = 0;
    int bits = 0;
    for (int64_t i = 0; i < dims; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        float v = (float)((int)(seed >> 40) % 2001 - 1000) / 1000.0f;
        unsigned char raw[4];
        memcpy(raw, &v, 4);
        for (int j = 0; j < 4; j++) {
            acc = acc << 8 | raw[j];
            for (bits += 8; bits >= 6; bits -= 6)
                buf_char(b, set[acc >> (bits - 6) & 63]);
        }
    }
    size_t n = (size_t)dims * 4 % 3;
    if (bits > 0)
        buf_char(b, set[acc << (6 - bits) & 63]);
    buf_str(b, n == 1 ? "==" : n == 2 ? "=" : "");
}

static void plain_floats(uint64_t seed, int64_t dims, struct buf *b)
{
    buf_char(b, '[');
    for (int64_t i = 0; i < dims; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        int v = (int)(seed >> 40) % 2001 - 1000;
        int a = v < 0 ? -v : v;
        buf_printf(b, "%s%s%d.%03d", i > 0 ? "," : "", v < 0 ? "-" : "",
                   a / 1000, a % 1000);
    }
    buf_char(b, ']');
}

static void embedding_write(const struct demo *d, struct slice text, int index,
                            struct json_out *o)
{
    int64_t dims = 256;
    bool base64 = slice_is(
        json_text(json_get(d->body, "encoding_format"), none), "base64");
    struct buf b;
    if (!json_i64(json_get(d->body, "dimensions"), &dims) || dims < 1 ||
        dims > 1024)
        dims = 256;
    buf_init(&b, 1 << 16);
    json_obj(o);
    json_kstr(o, "object", SLICE("embedding"));
    json_knum(o, "index", index);
    json_key(o, "embedding");
    if (base64) {
        base64_floats(hash(text), dims, &b);
        json_str(o, buf_get(&b));
    } else {
        plain_floats(hash(text), dims, &b);
        json_raw(o, buf_get(&b));
    }
    json_obj_end(o);
    buf_release(&b);
}

static void embeddings(struct demo *d)
{
    const struct json *in = json_get(d->body, "input");
    struct json_out o;
    int index = 0;

    json_out_init(&o, &d->all);
    json_obj(&o);
    json_kstr(&o, "object", SLICE("list"));
    json_key(&o, "data");
    json_arr(&o);
    if (in != NULL && in->type == JSON_ARRAY && in->child != NULL &&
        in->child->type != JSON_NUMBER)
        for (const struct json *v = in->child; v != NULL && index < INPUTS_MAX;
             v = v->next)
            embedding_write(d, json_text(v, none), index++, &o);
    else
        embedding_write(d, json_text(in, none), 0, &o);
    json_arr_end(&o);
    json_kstr(&o, "model", d->model);
    json_key(&o, "usage");
    json_obj(&o);
    json_knum(&o, "prompt_tokens", d->prompt);
    json_knum(&o, "total_tokens", d->prompt);
    json_obj_end(&o);
    json_obj_end(&o);
    demo_cut(d, 40);
}

static const char *const demo_models[] = {"demo-small", "demo-large",
                                          "demo-embed"};

static void models(struct demo *d)
{
    struct json_out o;
    json_out_init(&o, &d->all);
    json_obj(&o);
    json_kstr(&o, "object", SLICE("list"));
    json_key(&o, "data");
    json_arr(&o);
    for (size_t i = 0; i < sizeof demo_models / sizeof *demo_models; i++) {
        json_obj(&o);
        json_kstr(&o, "id", slice_str(demo_models[i]));
        json_kstr(&o, "object", SLICE("model"));
        json_knum(&o, "created", 1790000000);
        json_kstr(&o, "owned_by", SLICE("budgetguard-demo"));
        json_obj_end(&o);
    }
    json_arr_end(&o);
    json_obj_end(&o);
    demo_cut(d, 5);
}

/* ---- */

static bool model_known(struct slice model)
{
    for (size_t i = 0; i < sizeof demo_models / sizeof *demo_models; i++)
        if (slice_is(model, demo_models[i]))
            return true;
    return false;
}

static void answer(struct demo *d, struct slice method, struct slice path,
                   struct slice body)
{
    struct json *v = NULL;
    bool chat = slice_ends(path, "/chat/completions");

    path.n = slice_find(path, '?');
    if (slice_is(method, "GET") && slice_ends(path, "/models")) {
        models(d);
        return;
    }
    if (json_parse(&d->a, body, &v, NULL) != OK || v->type != JSON_OBJECT) {
        error_answer(d, 400, "The demo provider could not read the body.",
                     "invalid_json");
        return;
    }
    d->body = v;
    d->model = json_text(json_get(v, "model"), none);
    if (!model_known(d->model)) {
        error_answer(d, 404,
                     "The demo provider has demo-small, demo-large and "
                     "demo-embed only.",
                     "model_not_found");
        return;
    }
    request_read(d);
    if (slice_ends(path, "/embeddings"))
        embeddings(d);
    else if (slice_ends(path, "/responses") && d->stream)
        demo_response_stream(d);
    else if (slice_ends(path, "/responses"))
        demo_response_whole(d);
    else if (!slice_ends(path, "/completions"))
        error_answer(d, 404, "The demo provider has no such route.",
                     "not_found");
    else if (d->stream)
        chat_stream(d, chat);
    else
        chat_whole(d, chat);
}

struct demo *demo_new(struct slice method, struct slice path, struct slice body,
                      int64_t created)
{
    struct demo *d = xcalloc(1, sizeof *d);
    arena_init(&d->a, 64u << 20);
    buf_init(&d->all, ANSWER_MAX);
    d->status = 200;
    d->created = created;
    (void)snprintf(d->id, sizeof d->id, "%016llx",
                   (unsigned long long)hash(body));
    answer(d, method, path, body);
    if (d->all.failed) {
        buf_clear(&d->all);
        d->count = 0;
        d->events = false;
        error_answer(d, 500, "The demo provider ran out of room.", "demo");
    }
    return d;
}

void demo_free(struct demo **d)
{
    if (*d == NULL)
        return;
    buf_release(&(*d)->all);
    arena_release(&(*d)->a);
    free(*d);
    *d = NULL;
}

int demo_status(const struct demo *d)
{
    return d->status;
}

const char *demo_content_type(const struct demo *d)
{
    return d->events ? "text/event-stream" : "application/json";
}

bool demo_next(struct demo *d, struct buf *out, int *delay_ms)
{
    if (d->at == d->count)
        return false;
    size_t from = d->at > 0 ? d->pieces[d->at - 1].end : 0;
    buf_add(out, d->all.p + from, d->pieces[d->at].end - from);
    *delay_ms = d->pieces[d->at].delay_ms;
    d->at++;
    return true;
}

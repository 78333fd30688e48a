/* meter.c - usage read from an answer while it is relayed.
 *
 * The problem: the bill stands in a few numbers somewhere in an answer that
 * may be gigabytes of base64 or a thousand small events cut at any byte, and
 * the client must get the original bytes without delay.
 *
 * The design: a copy is scanned, the original is relayed.  provider/lines
 * splits events, http/scan finds the paths of the table below in each event's
 * data (or in the whole body); numbers land in `val`, where the last one of
 * each field wins.  What the fields mean together is decided once, at the
 * end, in usage_of().  Nothing is kept of an event but its first bytes.
 *
 * Only when the gateway itself asked for the usage chunk are bytes held back:
 * from the start of an event until it is known whether the event has a choice
 * (then it is the client's), ended, or grew beyond METER_HOLD_MAX.
 *
 * Invariants
 * I1. Without drop_usage every byte fed is relayed, in order, at once.
 * I2. With it, exactly the events with an empty `choices` and an object
 *     `usage` are missing, with all their bytes and no others.
 * I3. Fields are never summed over events (wire.md 0.3).
 */
#include "provider/meter.h"

#include "base/mem.h"
#include "base/money.h"
#include "http/scan.h"
#include "provider/lines.h"

#define COUNT_MAX INT64_C(1000000000000)
#define HEAD_MAX 24 /* first bytes kept of an event's data and name */

/* Numbers below "usage". */
#define USAGE_NUMBERS(X)                                                \
    X(PROMPT, "prompt_tokens")                                          \
    X(COMPLETION, "completion_tokens")                                  \
    X(TOTAL, "total_tokens")                                            \
    X(INPUT, "input_tokens")                                            \
    X(OUTPUT, "output_tokens")                                          \
    X(P_CACHED, "prompt_tokens_details.cached_tokens")                  \
    X(P_WRITTEN, "prompt_tokens_details.cache_write_tokens")            \
    X(P_AUDIO, "prompt_tokens_details.audio_tokens")                    \
    X(P_IMAGE, "prompt_tokens_details.image_tokens")                    \
    X(C_REASONING, "completion_tokens_details.reasoning_tokens")        \
    X(C_AUDIO, "completion_tokens_details.audio_tokens")                \
    X(C_IMAGE, "completion_tokens_details.image_tokens")                \
    X(I_CACHED, "input_tokens_details.cached_tokens")                   \
    X(I_WRITTEN, "input_tokens_details.cache_write_tokens")             \
    X(I_WRITTEN_12H,                                                    \
      "input_tokens_details.cache_write_tokens_details.ttl_12h_tokens") \
    X(I_AUDIO, "input_tokens_details.audio_tokens")                     \
    X(I_IMAGE, "input_tokens_details.image_tokens")                     \
    X(T_AUDIO, "input_token_details.audio_tokens")                      \
    X(T_CACHED, "input_token_details.cached_tokens")                    \
    X(O_REASONING, "output_tokens_details.reasoning_tokens")            \
    X(O_AUDIO, "output_tokens_details.audio_tokens")                    \
    X(O_IMAGE, "output_tokens_details.image_tokens")                    \
    X(DS_HIT, "prompt_cache_hit_tokens")

/* Numbers beside it. */
#define OWN_NUMBERS(X)                                \
    X(SEARCHES, "tool_usage.web_search.num_requests") \
    X(GEN_INPUT, "tool_usage.image_gen.input_tokens") \
    X(GEN_OUTPUT, "tool_usage.image_gen.output_tokens")

/* Other facts of the answer object, which streams of responses wrap. */
#define OWN_FACTS(X)            \
    X(USAGE, "usage")           \
    X(SECONDS, "usage.seconds") \
    X(MODEL, "model")           \
    X(TIER, "service_tier")     \
    X(OUT_TYPE, "output.*.type")

/* Facts that always stand at the top. */
#define TOP_FACTS(X)                                     \
    X(GROQ_PROMPT, "x_groq.usage.prompt_tokens")         \
    X(GROQ_COMPLETION, "x_groq.usage.completion_tokens") \
    X(DURATION, "duration")                              \
    X(TYPE, "type")                                      \
    X(ERROR, "error")                                    \
    X(CHOICES, "choices")                                \
    X(CHOICE, "choices.*")                               \
    X(INDEX, "choices.*.index")                          \
    X(FINISH, "choices.*.finish_reason")                 \
    X(DATA, "data")                                      \
    X(ITEM_TYPE, "item.type")

/* Text that the model made. */
#define TEXTS(X)                                                     \
    X(DELTA_CONTENT, "choices.*.delta.content")                      \
    X(DELTA_REASONING, "choices.*.delta.reasoning_content")          \
    X(DELTA_THINKING, "choices.*.delta.reasoning")                   \
    X(DELTA_REFUSAL, "choices.*.delta.refusal")                      \
    X(DELTA_NAME, "choices.*.delta.tool_calls.*.function.name")      \
    X(DELTA_ARGS, "choices.*.delta.tool_calls.*.function.arguments") \
    X(CHOICE_TEXT, "choices.*.text")                                 \
    X(MSG_CONTENT, "choices.*.message.content")                      \
    X(MSG_REASONING, "choices.*.message.reasoning_content")          \
    X(MSG_REFUSAL, "choices.*.message.refusal")                      \
    X(MSG_ARGS, "choices.*.message.tool_calls.*.function.arguments") \
    X(OUT_TEXT, "output.*.content.*.text")                           \
    X(OUT_ARGS, "output.*.arguments")                                \
    X(DELTA, "delta")                                                \
    X(TEXT, "text")

enum path {
#define X(id, text) V_##id,
    USAGE_NUMBERS(X) OWN_NUMBERS(X)
#undef X
        V_NUMBERS,
    P_BEFORE_FACTS = V_NUMBERS - 1,
#define X(id, text) P_##id,
    OWN_FACTS(X) TOP_FACTS(X) TEXTS(X)
#undef X
        P_COUNT
};

_Static_assert(P_COUNT <= SCAN_PATHS, "too many paths for one scan");

static const char *const paths_top[P_COUNT] = {
#define X(id, text) [V_##id] = "usage." text,
    USAGE_NUMBERS(X)
#undef X
#define X(id, text) [V_##id] = text,
        OWN_NUMBERS(X)
#undef X
#define X(id, text) [P_##id] = text,
            OWN_FACTS(X) TOP_FACTS(X) TEXTS(X)
#undef X
};

static const char *const paths_response[P_COUNT] = {
#define X(id, text) [V_##id] = "response.usage." text,
    USAGE_NUMBERS(X)
#undef X
#define X(id, text) [V_##id] = "response." text,
        OWN_NUMBERS(X)
#undef X
#define X(id, text) [P_##id] = "response." text,
            OWN_FACTS(X)
#undef X
#define X(id, text) [P_##id] = text,
                TOP_FACTS(X) TEXTS(X)
#undef X
};

enum mode {
    MODE_UNDECIDED, /* JSON or events: the first byte will tell */
    MODE_JSON,
    MODE_EVENTS,
    MODE_OPAQUE, /* audio, text, or nothing to meter */
};

/* What is known of the event being read. */
struct event {
    bool data;      /* it has a data line */
    bool usage;     /* usage is an object */
    bool choice;    /* choices has an element */
    bool no_choice; /* choices is an empty array */
    bool error;
    bool item_search;
    char type[HEAD_MAX * 2]; /* member "type", else the event line */
    size_t type_n;
    bool typed; /* by the member */
    char head[HEAD_MAX];
    size_t head_n;
    int64_t searches;
};

struct meter {
    struct scan_paths *top, *response;
    struct scan *scan;
    struct lines lines;
    struct meter_conf conf;
    enum mode mode;
    int64_t val[V_NUMBERS]; /* -1: not seen */
    int64_t groq_prompt, groq_completion;
    int64_t audio_ms, data_items, searches, item_searches;
    enum tier tier;
    char model[USAGE_MODEL_MAX];
    int64_t text_bytes, events, bad_events;
    bool json_bad, done_seen, finish_seen, error_seen;
    struct event ev;
    /* relaying with drop_usage */
    struct buf held; /* bytes of the event from earlier feeds */
    struct buf *out;
    const char *mark; /* first byte of this feed not relayed or held */
    bool decided;     /* this event goes to the client */
    bool lf_open;     /* an LF next goes the way of the event before: */
    bool lf_drop;
};

struct meter *meter_new(void)
{
    struct meter *m = xcalloc(1, sizeof *m);
    m->top = scan_paths_new(paths_top, P_COUNT);
    m->response = scan_paths_new(paths_response, P_COUNT);
    m->scan = scan_new();
    buf_init(&m->held, METER_HOLD_MAX);
    return m;
}

void meter_free(struct meter **mp)
{
    struct meter *m = *mp;
    if (m == NULL)
        return;
    scan_paths_free(&m->top);
    scan_paths_free(&m->response);
    scan_free(&m->scan);
    buf_release(&m->held);
    free(m);
    *mp = NULL;
}

/* ---- facts -------------------------------------------------------------- */

static void number_set(int64_t *out, const struct scan_value *v)
{
    int64_t n;
    if (v->type == SCAN_NUMBER && !v->cut && money_scan(v->text, 0, &n) &&
        n >= 0 && n <= COUNT_MAX)
        *out = n;
}

/* Seconds with any number of decimals as ms, rounded up. */
static void seconds_set(int64_t *ms, const struct scan_value *v)
{
    struct slice whole = v->text, rest;
    int64_t n;
    if (v->type != SCAN_NUMBER || v->cut)
        return;
    size_t dot = slice_find(v->text, '.');
    rest = slice_skip(v->text, dot + 4);
    if (rest.n > 0)
        whole.n = dot + 4;
    if (!money_scan(whole, 3, &n) || n < 0 || n > COUNT_MAX)
        return;
    for (size_t i = 0; i < rest.n; i++)
        if (rest.p[i] < '0' || rest.p[i] > '9')
            return;
    *ms = n + (rest.n > 0);
}

static void model_set(struct meter *m, const struct scan_value *v)
{
    if (v->type != SCAN_STRING || v->text.n == 0 || v->cut ||
        v->text.n >= sizeof m->model)
        return;
    memcpy(m->model, v->text.p, v->text.n);
    m->model[v->text.n] = '\0';
}

static void tier_set(struct meter *m, const struct scan_value *v)
{
    if (v->type != SCAN_STRING)
        return;
    if (slice_is(v->text, "flex"))
        m->tier = TIER_FLEX;
    else if (slice_is(v->text, "priority") || slice_is(v->text, "fast") ||
             slice_is(v->text, "ultrafast"))
        m->tier = TIER_PRIORITY;
    else if (slice_is(v->text, "batch"))
        m->tier = TIER_BATCH;
    else
        m->tier = TIER_STANDARD;
}

static void type_set(struct event *e, struct slice s, bool by_member)
{
    if (e->typed && !by_member)
        return;
    e->typed = e->typed || by_member;
    e->type_n = s.n < sizeof e->type ? s.n : sizeof e->type;
    memcpy(e->type, s.p, e->type_n);
}

static void fact(struct meter *m, int path, const struct scan_value *v)
{
    struct event *e = &m->ev;
    bool null = v->type == SCAN_NULL;
    bool string = v->type == SCAN_STRING;
    switch (path) {
    case P_USAGE:
        e->usage = v->type == SCAN_OBJECT;
        break;
    case P_SECONDS:
    case P_DURATION:
        seconds_set(&m->audio_ms, v);
        break;
    case P_MODEL:
        model_set(m, v);
        break;
    case P_TIER:
        tier_set(m, v);
        break;
    case P_OUT_TYPE:
        e->searches += string && slice_is(v->text, "web_search_call");
        break;
    case P_ITEM_TYPE:
        e->item_search = string && slice_is(v->text, "web_search_call");
        break;
    case P_GROQ_PROMPT:
        number_set(&m->groq_prompt, v);
        break;
    case P_GROQ_COMPLETION:
        number_set(&m->groq_completion, v);
        break;
    case P_TYPE:
        if (string)
            type_set(e, v->text, true);
        break;
    case P_ERROR:
        e->error = !null && v->type != SCAN_FALSE;
        break;
    case P_CHOICES:
        e->no_choice = v->type == SCAN_ARRAY && v->count == 0;
        break;
    case P_INDEX: // known before its choice has ended
    case P_CHOICE:
        e->choice = true;
        m->decided = true;
        break;
    case P_FINISH:
        m->finish_seen = m->finish_seen || (string && v->text.n > 0);
        break;
    case P_DATA:
        if (v->type == SCAN_ARRAY)
            m->data_items = v->count;
        break;
    default:
        break;
    }
}

static void on_value(void *arg, int path, const struct scan_value *v)
{
    struct meter *m = arg;
    if (path < V_NUMBERS)
        number_set(&m->val[path], v);
    else
        fact(m, path, v);
}

static void on_text(void *arg, int path, const char *p, size_t n)
{
    struct meter *m = arg;
    (void)p;
    if (path < P_DELTA_CONTENT)
        return;
    if (path == P_DELTA && m->mode != MODE_EVENTS)
        return;
    if (path == P_TEXT && m->mode == MODE_EVENTS)
        return; // repeats what the deltas said
    m->text_bytes += (int64_t)n;
}

static void scan_begin(struct meter *m)
{
    bool wrapped = m->conf.op == OP_RESPONSES && m->mode == MODE_EVENTS;
    scan_start(m->scan, wrapped ? m->response : m->top, on_value, m);
    scan_on_text(m->scan, on_text);
}

/* ---- events ------------------------------------------------------------- */

static struct slice event_type(const struct event *e)
{
    return slice(e->type, e->type_n);
}

/* The event that ends a stream of its kind. */
static bool is_last_type(struct slice t)
{
    static const char *const last[] = {
        "response.completed",   "response.incomplete",
        "response.failed",      "image_generation.completed",
        "image_edit.completed", "transcript.text.done",
        "speech.audio.done",
    };
    for (size_t i = 0; i < sizeof last / sizeof *last; i++)
        if (slice_is(t, last[i]))
            return true;
    return false;
}

static void on_line(void *arg, enum line_field f, bool first, const char *p,
                    size_t n)
{
    struct meter *m = arg;
    struct event *e = &m->ev;
    if (f == LINE_EVENT) {
        size_t room = sizeof e->type - e->type_n;
        if (e->typed)
            return;
        if (first)
            e->type_n = 0;
        if (n > room)
            n = room;
        memcpy(e->type + e->type_n, p, n);
        e->type_n += n;
        return;
    }
    if (f != LINE_DATA)
        return;
    if (first && e->data)
        (void)scan_feed(m->scan, "\n", 1);
    else if (first)
        scan_begin(m);
    e->data = true;
    for (size_t i = 0; i < n && e->head_n < sizeof e->head; i++)
        e->head[e->head_n++] = p[i];
    if (n > 0)
        (void)scan_feed(m->scan, p, n);
}

static void event_read(struct meter *m)
{
    struct event *e = &m->ev;
    struct slice type, head = slice_trim(slice(e->head, e->head_n));

    if (!e->data)
        return;
    m->events++;
    if (slice_is(head, "[DONE]")) {
        m->done_seen = true;
        return;
    }
    if (scan_end(m->scan) != OK)
        m->bad_events++;
    type = event_type(e);
    if (is_last_type(type))
        m->done_seen = true;
    if (e->error || slice_is(type, "error") ||
        slice_is(type, "response.failed"))
        m->error_seen = true;
    if (e->item_search && slice_is(type, "response.output_item.done"))
        m->item_searches++;
    if (e->searches > 0)
        m->searches = e->searches;
}

/* ---- relaying ----------------------------------------------------------- */

static void relay(struct meter *m, const char *p, size_t n)
{
    if (m->out != NULL && n > 0)
        buf_add(m->out, p, n);
}

static void held_relay(struct meter *m)
{
    struct slice held = buf_get(&m->held);
    relay(m, held.p, held.n);
    buf_clear(&m->held);
}

/* The LF behind a CR that ended an event goes where the event went. */
static void lf_settle(struct meter *m, const char *end)
{
    if (!m->lf_open || m->mark == end)
        return;
    m->lf_open = false;
    if (*m->mark != '\n')
        return;
    if (!m->lf_drop)
        relay(m, m->mark, 1);
    m->mark++;
}

/* What is held, and this feed up to `at`, goes to the client. */
static void release(struct meter *m, const char *at)
{
    held_relay(m);
    relay(m, m->mark, (size_t)(at - m->mark));
    m->mark = at;
}

static void on_event_end(void *arg, const char *at)
{
    struct meter *m = arg;
    const struct event *e = &m->ev;

    event_read(m);
    if (m->conf.drop_usage) {
        bool drop = e->data && e->usage && e->no_choice && !e->choice &&
                    !e->error && !m->decided;
        lf_settle(m, at);
        if (drop) {
            buf_clear(&m->held);
            m->mark = at;
        } else {
            release(m, at);
        }
        m->lf_open = at[-1] == '\r';
        m->lf_drop = drop;
        m->decided = false;
    }
    m->ev = (struct event){0};
}

static const struct lines_ops line_ops = {on_line, on_event_end};

static void events_feed(struct meter *m, const char *p, size_t n)
{
    const char *end = p + n;
    m->mark = p;
    lines_feed(&m->lines, &line_ops, m, p, n);
    if (!m->conf.drop_usage) {
        relay(m, p, n);
        return;
    }
    lf_settle(m, end);
    size_t rest = (size_t)(end - m->mark);
    if (m->held.n + rest > METER_HOLD_MAX)
        m->decided = true;
    if (m->decided)
        release(m, end);
    else
        buf_add(&m->held, m->mark, rest);
    if (m->held.failed) { // no memory: better one chunk too many
        m->decided = true;
        release(m, end);
    }
}

/* ---- the answer --------------------------------------------------------- */

static bool has_text(struct slice s, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= s.n; i++)
        if (slice_eq_nocase(slice(s.p + i, n), slice(word, n)))
            return true;
    return false;
}

static enum mode mode_at_start(const struct meter_conf *c)
{
    bool events = has_text(c->content_type, "event-stream");
    bool media = c->op == OP_SPEECH || c->op == OP_TRANSCRIPTION;
    if (!c->meter)
        return MODE_OPAQUE;
    if (events)
        return MODE_EVENTS;
    if (c->content_type.n == 0 || has_text(c->content_type, "json") ||
        (!media && has_text(c->content_type, "text/")))
        return MODE_UNDECIDED;
    return media || c->op == OP_PASSTHROUGH ? MODE_OPAQUE : MODE_UNDECIDED;
}

void meter_start(struct meter *m, const struct meter_conf *c)
{
    m->conf = *c;
    m->conf.content_type = slice(NULL, 0); // borrowed for this call only
    m->mode = mode_at_start(c);
    m->conf.drop_usage = c->drop_usage && c->meter && m->mode != MODE_OPAQUE;
    for (int i = 0; i < V_NUMBERS; i++)
        m->val[i] = -1;
    m->groq_prompt = m->groq_completion = m->audio_ms = -1;
    m->data_items = m->searches = m->item_searches = 0;
    m->tier = TIER_STANDARD;
    m->model[0] = '\0';
    m->text_bytes = m->events = m->bad_events = 0;
    m->json_bad = m->done_seen = m->finish_seen = m->error_seen = false;
    m->ev = (struct event){0};
    buf_clear(&m->held);
    m->out = NULL;
    m->decided = m->lf_open = m->lf_drop = false;
    lines_init(&m->lines);
    if (m->mode == MODE_JSON)
        scan_begin(m);
}

bool meter_relays(const struct meter *m)
{
    return !m->conf.drop_usage || m->mode == MODE_JSON ||
           m->mode == MODE_OPAQUE;
}

/* The first byte that is no white space says what it is.  White space before
 * it is nothing in JSON and the end of an empty event in a stream. */
static void mode_decide(struct meter *m, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strchr(" \t\r\n", p[i]) != NULL && p[i] != '\0')
            continue;
        m->mode =
            p[i] == 'd' || p[i] == 'e' || p[i] == ':' ? MODE_EVENTS : MODE_JSON;
        break;
    }
    if (m->mode != MODE_JSON)
        return;
    scan_begin(m);
    held_relay(m);
}

bool meter_feed(struct meter *m, const char *p, size_t n, struct buf *out)
{
    m->out = out;
    if (n == 0)
        return m->text_bytes > 0;
    if (m->mode == MODE_UNDECIDED)
        mode_decide(m, p, n);
    if (m->mode == MODE_UNDECIDED) {
        events_feed(m, p, n);
        return false;
    }
    if (m->mode == MODE_EVENTS) {
        events_feed(m, p, n);
        bool words = m->conf.op == OP_CHAT || m->conf.op == OP_COMPLETIONS ||
                     m->conf.op == OP_RESPONSES;
        return words ? m->text_bytes > 0 : m->events > 0;
    }
    relay(m, p, n);
    if (m->mode == MODE_JSON && !m->json_bad)
        m->json_bad = scan_feed(m->scan, p, n) != OK;
    return false;
}

static int64_t or_zero(int64_t v)
{
    return v > 0 ? v : 0;
}

/* The first of two that was given, as a part of what is left of a whole. */
static int64_t part(int64_t a, int64_t b, int64_t *left)
{
    int64_t v = or_zero(a >= 0 ? a : b);
    if (v > *left)
        v = *left;
    *left -= v;
    return v;
}

static void usage_input(const struct meter *m, struct usage *u)
{
    const int64_t *v = m->val;
    int64_t left, written, long_lived;

    u->input = v[V_INPUT] >= 0 ? v[V_INPUT] : v[V_PROMPT];
    if (u->input < 0 && v[V_TOTAL] >= 0)
        u->input = v[V_TOTAL] - or_zero(v[V_COMPLETION]);
    u->input = left = or_zero(u->input);
    u->cached = v[V_I_CACHED] >= 0   ? v[V_I_CACHED]
                : v[V_T_CACHED] >= 0 ? v[V_T_CACHED]
                                     : v[V_P_CACHED];
    u->cached = part(u->cached, v[V_DS_HIT], &left);
    written = part(v[V_I_WRITTEN], v[V_P_WRITTEN], &left);
    long_lived = or_zero(v[V_I_WRITTEN_12H]);
    if (long_lived > written)
        long_lived = written;
    u->cache_write = written - long_lived;
    u->cache_write_1h = long_lived;
    u->audio_in = v[V_I_AUDIO] >= 0 ? v[V_I_AUDIO] : v[V_T_AUDIO];
    u->audio_in = part(u->audio_in, v[V_P_AUDIO], &left);
    u->image_in = part(v[V_I_IMAGE], v[V_P_IMAGE], &left);
}

static void usage_output(const struct meter *m, struct usage *u)
{
    const int64_t *v = m->val;
    int64_t left;

    u->output = v[V_OUTPUT] >= 0 ? v[V_OUTPUT] : v[V_COMPLETION];
    u->output = or_zero(u->output);
    /* xAI and Google count reasoning outside completion_tokens */
    if (v[V_PROMPT] >= 0 && v[V_OUTPUT] < 0 &&
        v[V_TOTAL] - v[V_PROMPT] > u->output)
        u->output = v[V_TOTAL] - v[V_PROMPT];
    left = u->output;
    u->reasoning = part(v[V_O_REASONING], v[V_C_REASONING], &left);
    left = u->output;
    u->audio_out = part(v[V_O_AUDIO], v[V_C_AUDIO], &left);
    u->image_out = part(v[V_O_IMAGE], v[V_C_IMAGE], &left);
    if (m->conf.op == OP_IMAGES && v[V_O_IMAGE] < 0)
        u->image_out = u->output;
}

/* Models that search the web with each answer and do not count it. */
static bool searches_always(const struct meter *m)
{
    return m->conf.op == OP_CHAT && strstr(m->model, "-search") != NULL;
}

static bool usage_of(const struct meter *m, struct usage *u)
{
    bool seen = m->audio_ms >= 0;
    for (int i = V_PROMPT; i <= V_OUTPUT; i++)
        seen = seen || m->val[i] >= 0;
    usage_input(m, u);
    usage_output(m, u);
    if (!seen && m->groq_prompt >= 0 && m->groq_completion >= 0) {
        u->input = m->groq_prompt;
        u->output = m->groq_completion;
        seen = true;
    }
    /* pictures made by a tool are billed beside the text */
    int64_t gen = or_zero(m->val[V_GEN_OUTPUT]);
    u->input += or_zero(m->val[V_GEN_INPUT]);
    u->image_in += or_zero(m->val[V_GEN_INPUT]);
    u->output += gen;
    u->image_out += gen;
    u->audio_ms = or_zero(m->audio_ms);
    if (m->conf.op == OP_IMAGES && !seen && m->data_items > 0) {
        u->images = m->data_items;
        seen = true;
    }
    int64_t calls =
        m->searches > m->item_searches ? m->searches : m->item_searches;
    if (seen && calls == 0 && searches_always(m))
        calls = 1;
    u->web_searches = m->val[V_SEARCHES] >= 0 ? m->val[V_SEARCHES] : calls;
    u->tier = m->tier;
    memcpy(u->model, m->model, sizeof u->model);
    u->by = seen ? METERED_PROVIDER : METERED_NONE;
    return seen;
}

void meter_finish(struct meter *m, bool cut, struct buf *out,
                  struct meter_end *end)
{
    *end = (struct meter_end){0};
    m->out = out;
    held_relay(m);
    if (m->mode == MODE_EVENTS) {
        end->stream = true;
        end->complete = m->done_seen || (!cut && m->finish_seen);
        end->readable = m->events == 0 || m->bad_events < m->events;
    } else if (m->mode == MODE_JSON) {
        bool whole = !m->json_bad && scan_end(m->scan) == OK;
        m->searches = m->ev.searches;
        end->complete = whole && !cut;
        end->readable = whole;
    } else {
        end->complete = !cut;
        end->readable = m->mode == MODE_OPAQUE;
    }
    end->error_event = end->stream && m->error_seen;
    end->output_bytes = m->text_bytes;
    end->events = m->events;
    end->usage_seen = m->conf.meter && usage_of(m, &end->usage);
}

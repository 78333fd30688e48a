/* meter.c - usage read from an answer while it is relayed.
 *
 * The problem: the bill stands in a few numbers somewhere in an answer that
 * may be gigabytes of base64 or a thousand small events cut at any byte, and
 * the client must get the original bytes without delay.
 *
 * The design: a copy is scanned, the original is relayed.  provider/lines
 * splits events, http/scan finds the paths of provider/paths in each event's
 * data (or in the whole body); numbers land in provider/reading, where the
 * last one of each field wins and which says at the end what they mean
 * together.  Nothing is kept of an event but its first bytes.
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
#include "http/scan.h"
#include "provider/lines.h"
#include "provider/paths.h"
#include "provider/reading.h"
#include "token/count.h"

#define HEAD_MAX 24 /* first bytes kept of an event's data and name */

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
    int64_t searches; /* calls listed in a whole response */
};

struct meter {
    struct paths *paths;
    enum format format; /* of what is being scanned */
    struct scan *scan;
    struct lines lines;
    struct meter_conf conf;
    enum mode mode;
    struct reading reading;
    struct count_stream words; /* what the model said */
    int64_t text_bytes, events, bad_events;
    bool is_list; /* Google's stream as a JSON array */
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
    m->paths = paths_new();
    m->scan = scan_new();
    buf_init(&m->held, METER_HOLD_MAX);
    count_stream_init(&m->words, ENCODING_O200K);
    return m;
}

void meter_free(struct meter **mp)
{
    struct meter *m = *mp;
    if (m == NULL)
        return;
    paths_free(&m->paths);
    scan_free(&m->scan);
    buf_release(&m->held);
    count_stream_release(&m->words);
    free(m);
    *mp = NULL;
}

/* ---- facts -------------------------------------------------------------- */

static void type_set(struct event *e, struct slice s, bool by_member)
{
    if (e->typed && !by_member)
        return;
    e->typed = e->typed || by_member;
    e->type_n = s.n < sizeof e->type ? s.n : sizeof e->type;
    memcpy(e->type, s.p, e->type_n);
}

/* A fact about the event, or the answer as a whole; false: not one of those. */
static bool event_fact(struct meter *m, int fact, const struct scan_value *v)
{
    struct event *e = &m->ev;
    bool null = v->type == SCAN_NULL;
    bool string = v->type == SCAN_STRING;
    switch (fact) {
    case P_USAGE:
        e->usage = v->type == SCAN_OBJECT;
        return true;
    case P_OUT_TYPE:
        e->searches += string && slice_is(v->text, "web_search_call");
        return true;
    case P_ITEM_TYPE:
        e->item_search = string && slice_is(v->text, "web_search_call");
        return true;
    case P_TYPE:
        if (string)
            type_set(e, v->text, true);
        return true;
    case P_ERROR:
        e->error = !null && v->type != SCAN_FALSE;
        return true;
    case P_CHOICES:
        e->no_choice = v->type == SCAN_ARRAY && v->count == 0;
        return true;
    case P_INDEX: // known before its choice has ended
    case P_CHOICE:
        e->choice = true;
        m->decided = true;
        return true;
    case P_FINISH:
        m->finish_seen = m->finish_seen || (string && v->text.n > 0);
        return true;
    default:
        return false;
    }
}

static void on_value(void *arg, int path, const struct scan_value *v)
{
    struct meter *m = arg;
    int fact = paths_fact(m->format, path);
    if (!event_fact(m, fact, v))
        reading_take(&m->reading, fact, v);
}

static void on_text(void *arg, int path, const char *p, size_t n)
{
    struct meter *m = arg;
    int fact = paths_fact(m->format, path);
    if (fact == P_WORDS || (fact == P_DELTA && m->mode == MODE_EVENTS) ||
        (fact == P_TEXT && m->mode != MODE_EVENTS)) {
        m->text_bytes += (int64_t)n;
        count_stream_add(&m->words, slice(p, n));
    }
}

static enum format format_of(const struct meter *m)
{
    if (m->conf.family == FAMILY_ANTHROPIC)
        return FORMAT_CLAUDE;
    if (m->conf.family == FAMILY_GEMINI)
        return m->is_list ? FORMAT_GEMINI_LIST : FORMAT_GEMINI;
    return m->conf.op == OP_RESPONSES && m->mode == MODE_EVENTS
               ? FORMAT_RESPONSE
               : FORMAT_OPENAI;
}

static void scan_begin(struct meter *m)
{
    m->format = m->reading.format = format_of(m);
    scan_start(m->scan, m->paths->of[m->format], on_value, m);
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
        "speech.audio.done",    "message_stop",
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
        m->reading.item_searches++;
    if (e->searches > 0)
        m->reading.searches = e->searches;
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
    m->conf.model = slice(NULL, 0);
    count_stream_start(&m->words, count_encoding(c->model));
    m->mode = mode_at_start(c);
    m->conf.drop_usage = c->drop_usage && c->meter && m->mode != MODE_OPAQUE;
    reading_start(&m->reading, FORMAT_OPENAI);
    m->is_list = false;
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
        m->is_list = p[i] == '[';
        m->mode =
            p[i] == 'd' || p[i] == 'e' || p[i] == ':' ? MODE_EVENTS : MODE_JSON;
        break;
    }
    if (m->mode != MODE_JSON)
        return;
    scan_begin(m);
    held_relay(m);
}

/* Ops whose streams are words. */
static bool speaks(enum op op)
{
    return op == OP_CHAT || op == OP_COMPLETIONS || op == OP_RESPONSES ||
           op == OP_MESSAGES || op == OP_GENERATE;
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
        return speaks(m->conf.op) ? m->text_bytes > 0 : m->events > 0;
    }
    relay(m, p, n);
    if (m->mode == MODE_JSON && !m->json_bad)
        m->json_bad = scan_feed(m->scan, p, n) != OK;
    return false;
}

bool meter_ended(const struct meter *m)
{
    return m->mode == MODE_EVENTS && m->done_seen;
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
        m->reading.searches = m->ev.searches;
        end->complete = whole && !cut;
        end->readable = whole;
    } else {
        end->complete = !cut;
        end->readable = m->mode == MODE_OPAQUE;
    }
    end->error_event = end->stream && m->error_seen;
    end->output_tokens = count_stream_get(&m->words);
    end->events = m->events;
    end->usage_seen =
        m->conf.meter && reading_usage(&m->reading, m->conf.op, &end->usage);
}

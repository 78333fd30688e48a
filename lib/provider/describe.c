/* describe.c - what a request asks and can cost.
 *
 * The problem: before a byte leaves we must know model, limits and an upper
 * bound of what can be billed, of a body we do not control, in microseconds.
 *
 * The design: provider/facts walks the body once and notes what it finds; here
 * it becomes a call and a plan of edits.
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

#include "base/json.h"
#include "base/mem.h"
#include "provider/facts.h"
#include "provider/target.h"

#define COMPLETIONS_DEFAULT 16
/* Anthropic adds a system prompt for tools (at most 675 tokens) and up to 735
 * for each tool of its own ("Tool use", "Pricing"). */
#define CLAUDE_TOOLS 675
#define CLAUDE_OWN_TOOL 735
/* Who asked stands in holds and rows, and a row must fit into the queue. */
#define USER_MAX 1024
/* No model reads more; counting it would keep the loop from others. */
#define COUNTED_MAX (8 << 20)

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
        return facts_refuse(w, R_INVALID_REQUEST, facts_name(m),
                            "body must have required property '%s'",
                            facts_name(m));
    if ((f->type[m] == PULL_STRING && string_ok) ||
        (f->type[m] == PULL_ARRAY && array_ok))
        return true;
    return facts_refuse_type(w, m, type_text);
}

/* Anthropic's API asks for a limit; so it is always the client's. */
static bool need_limit(struct work *w)
{
    if (w->f->limits[MAX_TOKENS].given)
        return true;
    return facts_refuse(w, R_INVALID_REQUEST, "max_tokens",
                        "body must have required property 'max_tokens'");
}

static bool fields_check(struct work *w)
{
    const struct facts *f = w->f;
    enum op op = w->in->route->op;

    if (f->user.n > USER_MAX)
        return facts_refuse(w, R_INVALID_REQUEST, "user",
                            "body/user must be at most %d bytes long",
                            USER_MAX);
    if (!is_metered(w))
        return true;
    if (f->model_raw.n == 0 && w->in->route->model.n == 0)
        return facts_refuse(w, R_INVALID_REQUEST, "model",
                            "body must have required property 'model'");
    if (f->fallbacks) // another model at another price may answer
        return facts_refuse(w, R_UNSUPPORTED_PARAMETER, "fallbacks",
                            "fallbacks");
    if (f->background)
        return facts_refuse(w, R_UNSUPPORTED_PARAMETER, "background",
                            "background");
    if (f->given[MEM_TOOLS] && f->type[MEM_TOOLS] != PULL_ARRAY)
        return facts_refuse_type(w, MEM_TOOLS, "array");
    switch ((int)op) {
    case OP_CHAT:
        return need(w, MEM_MESSAGES, "array", false, true);
    case OP_COMPLETIONS:
        return need(w, MEM_PROMPT, "string or array", true, true);
    case OP_EMBEDDINGS:
        if (w->in->route->family == FAMILY_GEMINI)
            return true;
        return need(w, MEM_INPUT, "string or array", true, true);
    case OP_SPEECH:
        return need(w, MEM_INPUT, "string", true, false);
    case OP_MESSAGES:
        return need(w, MEM_MESSAGES, "array", false, true) && need_limit(w);
    case OP_GENERATE:
        return need(w, MEM_CONTENTS, "array", false, true);
    case OP_RESPONSES:
        if (f->given[MEM_INPUT])
            return need(w, MEM_INPUT, "string or array", true, true);
        return true;
    default:
        return true;
    }
}

/* Plans the change of the model's name from `asked` to what is left of it
 * when a provider prefix or a suffix of effort has been cut off. */
static bool model_edit(struct work *w, struct slice asked, struct slice name)
{
    const struct facts *f = w->f;
    struct edit_plan *e = &w->out->edit;
    size_t prefix = (size_t)(name.p - asked.p);

    if (prefix > 0)
        w->out->prefix = w->call->provider;
    if (f->model_raw.n == 0 || name.n == asked.n)
        return true; // named by the path, or as it was
    e->model_from = f->model_at;
    if (!f->model_escaped && prefix + name.n == asked.n) {
        e->model_to = f->model_at + prefix;
        return true;
    }
    struct buf b;
    buf_init(&b, 6 * name.n + 2);
    json_quote(&b, name);
    struct slice q = arena_dup(w->a, buf_get(&b));
    buf_release(&b);
    if (q.p == NULL || q.n < 2)
        return facts_refuse(w, R_STORAGE, NULL, "out of memory");
    e->model_to = f->model_at + f->model_raw.n;
    e->model_put = slice(q.p + 1, q.n - 2);
    return true;
}

/* Resolves the model: of the path if that names one, else of the body. */
static bool model_resolve(struct work *w)
{
    struct facts *f = w->f;
    const struct route *r = w->in->route;
    struct slice name, asked;

    if (f->model_raw.n == 0 && r->model.n == 0)
        return true;
    w->out->model_at = f->model_at;
    w->out->model_len = f->model_raw.n;
    name = facts_text(w, f->model_raw, f->model_escaped);
    if (name.p == NULL && f->model_raw.n > 0)
        return false;
    if (r->family == FAMILY_GEMINI)
        name = r->model;
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f)
            return facts_refuse(w, R_INVALID_REQUEST, "model",
                                "body/model must be visible characters");
    asked = name;
    if (r->azure) {
        w->call->provider = PROVIDER_AZURE;
        w->call->model = r->model.n > 0 ? r->model : name;
        return true;
    }
    w->call->provider = w->in->resolve(w->in->resolve_arg, &name);
    w->call->model = name;
    if (name.n == 0)
        return facts_refuse(w, R_INVALID_REQUEST, "model",
                            "body/model must name a model");
    return model_edit(w, asked, name);
}

/* Older models and most other servers know only max_tokens. */
bool describe_completion_limit(const struct call *c)
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

/* The limit to be written if one must be, or -1: the op has none. */
static int limit_wanted(const struct work *w)
{
    switch ((int)w->in->route->op) {
    case OP_CHAT:
        return describe_completion_limit(w->call) ? MAX_COMPLETION : MAX_TOKENS;
    case OP_COMPLETIONS:
    case OP_MESSAGES:
        return MAX_TOKENS;
    case OP_RESPONSES:
        return strstr(w->in->route->pattern, "compact") != NULL ? -1
                                                                : MAX_OUTPUT;
    case OP_GENERATE:
        return MAX_CONFIG;
    default:
        return -1;
    }
}

/* The largest limit the client gave in a member its route knows, or -1. */
static int64_t limit_given(const struct work *w)
{
    const struct facts *f = w->f;
    int64_t given = -1;
    for (int i = 0; i < LIMITS; i++) {
        enum op op = w->in->route->op;
        bool counts = op == OP_RESPONSES  ? i == MAX_OUTPUT
                      : op == OP_GENERATE ? i == MAX_CONFIG
                                          : i < MAX_OUTPUT;
        if (counts && f->limits[i].given && f->limits[i].value > given)
            given = f->limits[i].value;
    }
    return given;
}

/* Google's limit stands within generationConfig. */
static void limit_place_nested(struct work *w)
{
    const struct facts *f = w->f;
    struct edit_plan *e = &w->out->edit;
    if (e->limit_at != LIMIT_INSERT)
        return;
    e->limit_name = "maxOutputTokens";
    if (f->config) {
        e->limit_from = e->limit_to = f->config_open;
        e->limit_before = "";
        e->limit_after = f->config_empty ? "" : ",";
    } else {
        e->limit_before = "\"generationConfig\":{";
        e->limit_after = f->key_count == 0 ? "}" : "},";
    }
}

static void limit_plan(struct work *w)
{
    struct edit_plan *e = &w->out->edit;
    struct facts *f = w->f;
    int64_t given = limit_given(w);
    int at = limit_wanted(w);

    if (at < 0)
        return;
    e->limit_name = facts_name(
        (enum member)((int)MEM_MAX_TOKENS + (at == MAX_CONFIG ? 0 : at)));
    e->limit_from = f->limits[at].from;
    e->limit_to = f->limits[at].to;
    e->limit_at = given >= 0              ? LIMIT_CLIENT
                  : f->limits[at].is_null ? LIMIT_NULL
                                          : LIMIT_INSERT;
    e->limit_before = "";
    e->limit_after = f->key_count == 0 ? "" : ",";
    if (at == MAX_CONFIG)
        limit_place_nested(w);
    else if (e->limit_at == LIMIT_INSERT)
        e->limit_from = e->limit_to = 0; // behind the opening brace
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

/* Anthropic's "auto" may be served with priority, which it bills like
 * standard. */
static enum tier tier_asked(struct slice s)
{
    if (s.n == 0 || slice_is(s, "standard_only") || slice_is(s, "auto") ||
        slice_is(s, "default") || slice_is(s, "scale") ||
        slice_eq_nocase(s, SLICE("standard")) || slice_is(s, "on_demand"))
        return TIER_STANDARD;
    return slice_eq_nocase(s, SLICE("flex")) ? TIER_FLEX : TIER_PRIORITY;
}

static int64_t images_shown(const struct described_images *i,
                            enum provider_id provider, struct slice model)
{
    int64_t sum = 0;
    for (int d = 0; d < DETAIL_COUNT; d++)
        if (i->of[d] > 0)
            sum += i->of[d] *
                   bound_image(provider, model, (enum image_detail)d, NULL);
    for (int k = 0; k < i->sized_count; k++)
        sum +=
            bound_image(provider, model, i->sized[k].detail, &i->sized[k].size);
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

/* The tokens of the text for the model of `w->call`. */
static bool text_plan(struct work *w)
{
    const struct facts *f = w->f;
    w->out->text_tokens = (f->text_bytes + 3) / 4;
    w->out->text_bound = f->text_bytes;
    if (w->in->counter.count == NULL || w->form || f->text_bytes > COUNTED_MAX)
        return true;
    if (!facts_count(w))
        return false;
    w->out->text_tokens = w->tokens;
    w->out->text_bound = w->token_bound;
    return true;
}

static void input_plan(struct work *w)
{
    struct facts *f = w->f;
    struct call *c = w->call;
    int64_t shown = images_shown(&f->images, c->provider, c->model), extra;
    extra = 8 * f->messages + 16 * f->tools + f->numbers + shown;
    if (c->provider == PROVIDER_ANTHROPIC &&
        (f->given[MEM_TOOLS] || f->given[MEM_FUNCTIONS]))
        extra += CLAUDE_TOOLS + CLAUDE_OWN_TOOL * f->server_tool_count;
    if (w->in->route->op == OP_RESPONSES && f->messages == 0)
        extra += 8;
    c->input_bound = w->out->text_bound + extra;
    w->out->input_estimate =
        w->out->text_tokens + 4 * f->messages + 2 + f->numbers + shown;
    c->input_is_context = f->history || f->server_tools ||
                          (f->files && w->in->route->op != OP_IMAGES);
    c->unbounded = f->audio || f->video;
}

static bool is_search_model(struct slice m)
{
    for (size_t i = 0; i + 7 <= m.n; i++)
        if (memcmp(m.p + i, "-search", 7) == 0)
            return true;
    return false;
}

/* Calls of paid server tools: the client's maximum, or the house's. */
static int64_t searches_bound(const struct work *w)
{
    const struct facts *f = w->f;
    if (f->max_tool_calls >= 0)
        return f->max_tool_calls;
    if (f->uses_count > 0 && f->uses_count >= f->server_tool_count)
        return f->uses;
    return w->in->web_search_hold;
}

/* What a model can be billed with, besides the client's own limits. */
static void model_fill(struct work *w)
{
    const struct facts *f = w->f;
    struct call *c = w->call;
    enum op op = w->in->route->op;

    input_plan(w);
    c->web_searches =
        f->web_search || is_search_model(c->model) ? searches_bound(w) : 0;
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
}

static bool call_fill(struct work *w)
{
    struct facts *f = w->f;
    struct call *c = w->call;
    enum op op = w->in->route->op;

    c->stream = f->stream || w->in->route->streams;
    c->max_output = -1;
    c->choices = f->n > f->best_of ? f->n : f->best_of;
    if (c->choices < 1)
        c->choices = 1;
    c->tier = tier_asked(f->tier);
    c->fast = slice_is(f->speed, "fast");
    c->region_us = slice_is(f->geo, "us");
    c->user = f->user;
    limit_plan(w);
    usage_plan(w);
    if (!is_metered(w))
        return true;
    if (!text_plan(w))
        return false;
    if (op == OP_COMPLETIONS && f->items > 1)
        c->choices *= f->items;
    model_fill(w);
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
    if (!facts_read(&w) || !fields_check(&w) || !model_resolve(&w) ||
        !call_fill(&w))
        return w.why;
    out->sse_answer = call->stream;
    return w.why;
}

bool describe_other(struct describer *d, const struct describe_in *in,
                    const struct described *was, struct call *call)
{
    struct described out = {.text_tokens = was->text_tokens,
                            .text_bound = was->text_bound};
    struct work w = {.d = d, .f = &d->f, .in = in, .call = call, .out = &out};

    if (!is_metered(&w))
        return true;
    if (in->counter.count != NULL && !text_plan(&w))
        return false;
    model_fill(&w);
    return true;
}

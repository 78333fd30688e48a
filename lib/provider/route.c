/* route.c - the proxy's route table.
 *
 * One table serves /v1, /openai/v1 and /openai/deployments/{d}: the part of
 * the path behind those roots is looked up.  What is in no row is passed
 * through, refused or not found, by PASSTHROUGH.
 *
 * Invariants
 * I1. What we read as one route no provider reads as another: paths with
 *     empty, "." or ".." segments, ';', '\', or escapes of letters, digits,
 *     dots and slashes are not found; static segments are compared without
 *     case; one trailing slash is cut off before matching and forwarding.
 *     Otherwise "/v1/x/../chat/completions" would be forwarded unheld.
 * I2. A path with a metered row never falls through to passthrough by its
 *     method alone: PUT /v1/responses is 405.  The exceptions are rows of
 *     their own.
 */
#include "provider/route.h"

#include "http/header.h"

enum {
    GET = 1,
    POST = 2,
    PUT = 4,
    PATCH = 8,
    DEL = 16,
    ANY = 31,
};

enum {
    F_JSON = 1,    /* body is a JSON object */
    F_FORM = 2,    /* or multipart */
    F_BILL = 4,    /* usage in the answer is a bill */
    F_DEPLOY = 8,  /* also below /openai/deployments/{d} */
    F_AZURE = 16,  /* also directly below /openai */
    F_CLAUDE = 32, /* Anthropic's wire format */
};

struct row {
    const char *path; /* "{}" is one segment */
    unsigned methods;
    enum op op;
    enum route_class klass;
    unsigned flags;
};

#define BILLED (F_JSON | F_BILL)

static const struct row rows[] = {
    {"/chat/completions", POST, OP_CHAT, ROUTE_METERED, BILLED | F_DEPLOY},
    {"/chat/completions", GET, OP_STORED, ROUTE_FREE, 0},
    {"/chat/completions/{}", GET | POST | DEL, OP_STORED, ROUTE_FREE, 0},
    {"/chat/completions/{}/messages", GET, OP_STORED, ROUTE_FREE, 0},
    {"/completions", POST, OP_COMPLETIONS, ROUTE_METERED, BILLED | F_DEPLOY},
    {"/responses", POST, OP_RESPONSES, ROUTE_METERED, BILLED | F_AZURE},
    {"/responses/compact", POST, OP_RESPONSES, ROUTE_METERED, BILLED | F_AZURE},
    {"/responses/input_tokens", POST, OP_COUNT, ROUTE_FREE, F_JSON | F_AZURE},
    {"/responses/{}", GET | DEL, OP_STORED, ROUTE_FREE, F_AZURE},
    {"/responses/{}/input_items", GET, OP_STORED, ROUTE_FREE, F_AZURE},
    {"/responses/{}/cancel", POST, OP_STORED, ROUTE_FREE, F_AZURE},
    {"/embeddings", POST, OP_EMBEDDINGS, ROUTE_METERED, BILLED | F_DEPLOY},
    {"/images/generations", POST, OP_IMAGES, ROUTE_METERED, BILLED | F_DEPLOY},
    {"/images/edits", POST, OP_IMAGES, ROUTE_METERED,
     BILLED | F_FORM | F_DEPLOY},
    {"/images/variations", POST, OP_IMAGES, ROUTE_METERED,
     BILLED | F_FORM | F_DEPLOY},
    {"/audio/transcriptions", POST, OP_TRANSCRIPTION, ROUTE_METERED,
     BILLED | F_FORM | F_DEPLOY},
    {"/audio/translations", POST, OP_TRANSCRIPTION, ROUTE_METERED,
     BILLED | F_FORM | F_DEPLOY},
    {"/audio/speech", POST, OP_SPEECH, ROUTE_METERED, BILLED | F_DEPLOY},
    {"/moderations", POST, OP_MODERATIONS, ROUTE_FREE, F_JSON},
    {"/models", GET, OP_MODELS, ROUTE_LIST, 0},
    {"/models/{}", GET, OP_MODELS, ROUTE_LIST, 0},
    {"/models/{}", DEL, OP_PASSTHROUGH, ROUTE_FREE, 0},
    {"/messages", POST, OP_MESSAGES, ROUTE_METERED, BILLED | F_CLAUDE},
    {"/messages/count_tokens", POST, OP_COUNT, ROUTE_FREE, F_JSON | F_CLAUDE},
};
#define ROWS ((int)(sizeof rows / sizeof *rows))

/* Gemini's verbs behind ':'. */
static const struct verb {
    const char *name;
    enum op op;
    enum route_class klass;
} verbs[] = {
    {"generateContent", OP_GENERATE, ROUTE_METERED},
    {"streamGenerateContent", OP_GENERATE, ROUTE_METERED},
    {"embedContent", OP_EMBEDDINGS, ROUTE_METERED},
    {"batchEmbedContents", OP_EMBEDDINGS, ROUTE_METERED},
    {"countTokens", OP_COUNT, ROUTE_FREE},
};

/* First segments of /v1 that spend without a usable bound.  Evals, graders
 * and ChatKit run models on the account's bill just as batches do. */
static const char *const unmeterable[] = {
    "batches",    "fine_tuning", "fine-tunes", "realtime", "videos",
    "assistants", "containers",  "evals",      "chatkit",
};

#define SEGMENTS 12

struct path {
    struct slice seg[SEGMENTS];
    int n;
    bool slash_escape; /* "%2F" somewhere: fine in a model's name only */
};

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_unreserved(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

/* I1 for one segment. */
static bool segment_is_plain(struct slice s, bool *slash_escape)
{
    if (s.n == 0 || slice_is(s, ".") || slice_is(s, ".."))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c >= 0x7f || c == '\\' || c == ';' || c == '?' ||
            c == '#')
            return false;
        if (c != '%')
            continue;
        int hi = i + 2 < s.n ? hex(s.p[i + 1]) : -1;
        int lo = i + 2 < s.n ? hex(s.p[i + 2]) : -1;
        if (hi < 0 || lo < 0)
            return false;
        int v = hi * 16 + lo;
        if (v == '/')
            *slash_escape = true;
        else if (is_unreserved(v) || v < ' ' || v == '\\' || v == '%' ||
                 v == ';' || v == '?' || v == '#' || v >= 0x7f)
            return false;
        i += 2;
    }
    return true;
}

static bool path_split(struct slice path, struct path *out)
{
    *out = (struct path){.n = 0};
    if (path.n == 0 || path.p[0] != '/')
        return false;
    struct slice rest = slice_skip(path, 1);
    if (rest.n > 0 && rest.p[rest.n - 1] == '/')
        rest.n--;
    while (rest.p != NULL) {
        struct slice s = slice_cut(&rest, '/');
        if (out->n == SEGMENTS || !segment_is_plain(s, &out->slash_escape))
            return false;
        out->seg[out->n++] = s;
    }
    return true;
}

static bool seg_is(const struct path *p, int i, const char *lit)
{
    return i < p->n && slice_eq_nocase(p->seg[i], slice_str(lit));
}

/* True if the segments from `from` on match `pattern`. */
static bool row_matches(const struct row *r, const struct path *p, int from)
{
    struct slice rest = slice_str(r->path + 1);
    int i = from;
    while (rest.p != NULL) {
        struct slice s = slice_cut(&rest, '/');
        if (i >= p->n)
            return false;
        if (!slice_is(s, "{}") && !slice_eq_nocase(s, p->seg[i]))
            return false;
        i++;
    }
    return i == p->n;
}

static unsigned method_bit(struct slice m)
{
    if (slice_is(m, "GET") || slice_is(m, "HEAD"))
        return GET;
    if (slice_is(m, "POST"))
        return POST;
    if (slice_is(m, "PUT"))
        return PUT;
    if (slice_is(m, "PATCH"))
        return PATCH;
    return slice_is(m, "DELETE") ? DEL : 0;
}

static const char *allow_text(unsigned methods)
{
    switch (methods) {
    case GET:
        return "GET, HEAD";
    case POST:
        return "POST";
    case GET | POST:
        return "GET, HEAD, POST";
    case GET | DEL:
        return "GET, HEAD, DELETE";
    case GET | POST | DEL:
        return "GET, HEAD, POST, DELETE";
    default:
        return "GET, HEAD, POST, PUT, PATCH, DELETE";
    }
}

static bool root_is(struct slice path, const char *root)
{
    size_t n = strlen(root);
    return path.n >= n && slice_eq_nocase(slice(path.p, n), slice(root, n)) &&
           (path.n == n || path.p[n] == '/');
}

bool route_is_proxy(struct slice path)
{
    return root_is(path, "/v1") || root_is(path, "/v1beta") ||
           root_is(path, "/v1alpha") || root_is(path, "/openai");
}

/* The verb of "models/{m}:{verb}" behind the root, or NULL. */
static const struct verb *gemini_verb(const struct path *p, struct slice *model)
{
    /* "models/x:verb" and "tunedModels/x:verb" */
    if (p->n != 3 || !(seg_is(p, 1, "models") || seg_is(p, 1, "tunedModels")))
        return NULL;
    struct slice s = p->seg[2];
    size_t at = slice_find(s, ':');
    if (at == s.n)
        return NULL;
    *model = slice(s.p, at);
    struct slice name = slice_skip(s, at + 1);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (slice_is(name, verbs[i].name))
            return &verbs[i];
    return NULL;
}

enum family route_shape(struct slice path, const struct http_field *fields,
                        int n)
{
    if (root_is(path, "/v1beta") || root_is(path, "/v1alpha"))
        return FAMILY_GEMINI;
    if (!root_is(path, "/v1"))
        return FAMILY_OPENAI;
    if (root_is(path, "/v1/messages") ||
        header_find(fields, n, "anthropic-version").p != NULL)
        return FAMILY_ANTHROPIC;
    if (slice_starts(path, "/v1/models/") && slice_find(path, ':') < path.n)
        return FAMILY_GEMINI;
    return FAMILY_OPENAI;
}

/* Writes the pattern: `root` and the row's path with ids named. */
static void pattern_set(struct route *r, const char *root, const char *path)
{
    (void)snprintf(r->pattern, sizeof r->pattern, "%s%s", root, path);
    char *at = strstr(r->pattern, "{}");
    if (at == NULL ||
        (size_t)(at - r->pattern) + strlen(at) + 3 > sizeof r->pattern)
        return;
    memmove(at + 4, at + 2, strlen(at + 2) + 1);
    memcpy(at, "{id}", 4);
}

/* A segment that is a word of an API rather than an id. */
static bool seg_is_word(struct slice s)
{
    if (s.n == 0 || s.n > 24)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || s.p[i] == '_'))
            return false;
    return true;
}

/* "/v1/files/{id}/content": few values, nothing a caller made up. */
static void pattern_generic(struct route *r, const struct path *p)
{
    size_t n = 0;
    for (int i = 0; i < p->n && i < 5; i++) {
        struct slice s = p->seg[i];
        if (i > 0 && !seg_is_word(s))
            s = SLICE("{id}");
        if (n + s.n + 2 > sizeof r->pattern)
            break;
        r->pattern[n++] = '/';
        memcpy(r->pattern + n, s.p, s.n);
        n += s.n;
    }
    r->pattern[n] = '\0';
}

static void route_set(struct route *r, const struct row *row)
{
    r->op = row->op;
    r->klass = row->klass;
    r->meter_answer = (row->flags & F_BILL) != 0;
    r->body_is_json = (row->flags & F_JSON) != 0;
    r->body_may_be_form = (row->flags & F_FORM) != 0;
    if ((row->flags & F_CLAUDE) != 0)
        r->family = FAMILY_ANTHROPIC;
}

/* Looks the segments from `from` on up; R_NOT_FOUND: no row has this path. */
static enum refusal rows_find(const struct path *p, int from, unsigned need,
                              unsigned method, const char *root,
                              struct route *out, const char **allow)
{
    unsigned allowed = 0;
    bool fixed = false; // then "/responses/{}" must not catch it (I2)
    for (int i = 0; i < ROWS; i++) {
        const struct row *r = &rows[i];
        if ((need & ~r->flags) != 0 || !row_matches(r, p, from) ||
            (fixed && strchr(r->path, '{') != NULL))
            continue;
        pattern_set(out, root, r->path);
        if ((r->methods & method) != 0) {
            if (p->slash_escape && r->op != OP_MODELS)
                return R_NOT_FOUND;
            route_set(out, r);
            return R_NONE;
        }
        allowed |= r->methods;
        fixed = fixed || strchr(r->path, '{') == NULL;
    }
    if (allowed == 0)
        return R_NOT_FOUND;
    *allow = allow_text(allowed);
    return R_INVALID_REQUEST;
}

static enum refusal azure_find(const struct path *p, unsigned method,
                               struct slice path, struct route *out,
                               const char **allow)
{
    enum refusal why = R_NOT_FOUND;
    int from = 1;
    out->azure = true;
    if (seg_is(p, 1, "v1")) {
        from = 2;
        why = rows_find(p, 2, 0, method, "/openai/v1", out, allow);
        if (why == R_NONE && out->family != FAMILY_OPENAI)
            why = R_NOT_FOUND;
    } else if (seg_is(p, 1, "deployments") && p->n > 3) {
        from = 3;
        out->model = p->seg[2];
        why = rows_find(p, 3, F_DEPLOY, method,
                        "/openai/deployments/{deployment}", out, allow);
    } else {
        why = rows_find(p, 1, F_AZURE, method, "/openai", out, allow);
    }
    if (from < p->n) {
        const char *at = p->seg[from].p - 1;
        out->rest = slice(at, (size_t)(path.p + path.n - at));
    }
    return why;
}

static enum refusal gemini_find(const struct path *p, unsigned method,
                                struct route *out, const char **allow)
{
    const struct verb *v = gemini_verb(p, &out->model);
    const struct slice last = p->seg[p->n - 1];
    out->family = FAMILY_GEMINI;
    out->rest =
        slice(p->seg[0].p - 1, (size_t)(last.p + last.n - p->seg[0].p) + 1);
    if (v != NULL) {
        (void)snprintf(out->pattern, sizeof out->pattern,
                       "/%.*s/models/{model}:%s", SLICE_FMT(p->seg[0]),
                       v->name);
        if (method != POST) {
            *allow = "POST";
            return R_INVALID_REQUEST;
        }
        out->op = v->op;
        out->klass = v->klass;
        out->meter_answer = v->klass == ROUTE_METERED;
        out->body_is_json = true;
        out->streams = strcmp(v->name, "streamGenerateContent") == 0;
        return p->slash_escape ? R_NOT_FOUND : R_NONE;
    }
    if (p->n < 2 || p->n > 3 || !seg_is(p, 1, "models") ||
        slice_find(p->seg[p->n - 1], ':') < p->seg[p->n - 1].n)
        return R_NOT_FOUND;
    if (method != GET) {
        *allow = "GET, HEAD";
        return R_INVALID_REQUEST;
    }
    out->rest = slice_skip(out->rest, p->seg[0].n + 1);
    out->op = OP_MODELS;
    out->klass = ROUTE_LIST;
    return R_NONE;
}

static bool is_unmeterable(const struct path *p)
{
    for (size_t i = 0; i < sizeof unmeterable / sizeof *unmeterable; i++)
        if (seg_is(p, 1, unmeterable[i]))
            return true;
    if (seg_is(p, 1, "messages") && seg_is(p, 2, "batches"))
        return true;
    return seg_is(p, 1, "threads") &&
           (seg_is(p, 2, "runs") || seg_is(p, 3, "runs"));
}

static enum refusal other_v1(enum passthrough mode, const struct path *p,
                             unsigned method, struct route *out)
{
    pattern_generic(out, p);
    if (p->n < 2 || p->slash_escape || method == 0 || mode == PASSTHROUGH_OFF)
        return R_NOT_FOUND;
    out->op = OP_PASSTHROUGH;
    out->klass = ROUTE_FREE;
    out->meter_answer = method == POST;
    if (mode == PASSTHROUGH_SAFE && is_unmeterable(p))
        return R_UNMETERED;
    return R_NONE;
}

static enum refusal v1_find(enum passthrough mode, const struct path *p,
                            unsigned method, struct slice path,
                            struct route *out, const char **allow)
{
    const struct verb *v = gemini_verb(p, &out->model);
    if (v != NULL)
        return gemini_find(p, method, out, allow);
    out->rest = slice(path.p + 3, path.n - 3);
    enum refusal why = rows_find(p, 1, 0, method, "/v1", out, allow);
    if (why == R_NOT_FOUND && out->op == OP_NONE)
        why = other_v1(mode, p, method, out);
    return why;
}

enum refusal route_find(enum passthrough mode, struct slice method,
                        struct slice path, const struct http_field *fields,
                        int n, struct route *out, const char **allow)
{
    struct path p;
    unsigned m = method_bit(method);

    *out = (struct route){.family = FAMILY_OPENAI};
    *allow = NULL;
    out->shape = route_shape(path, fields, n);
    if (!path_split(path, &p) || p.n == 0)
        return R_NOT_FOUND;
    if (path.p[path.n - 1] == '/')
        path.n--;
    if (slice_eq_nocase(slice_trim(header_find(fields, n, "upgrade")),
                        SLICE("websocket"))) {
        pattern_generic(out, &p);
        return R_INVALID_REQUEST;
    }
    if (seg_is(&p, 0, "openai"))
        return azure_find(&p, m, path, out, allow);
    if (seg_is(&p, 0, "v1beta") || seg_is(&p, 0, "v1alpha"))
        return gemini_find(&p, m, out, allow);
    if (seg_is(&p, 0, "v1"))
        return v1_find(mode, &p, m, path, out, allow);
    return R_NOT_FOUND;
}

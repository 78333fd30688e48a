/* target.c - URLs and header fields towards providers and back.
 *
 * Design: what leaves is built from nothing.  Fields of the client are copied
 * one by one unless a list drops them; credentials are then added from the
 * configuration or from the places contract 1.2 names for a client's own
 * provider key.  So a credential can only leave through auth_fields().
 *
 * Invariants
 * I1. No tenant key leaves: every field of the strip list is dropped, and any
 *     field whose value is the key that identified the tenant.
 * I2. A client's key goes only to the provider it is for: X-OpenAI-Key to
 *     OpenAI, a foreign Bearer to the provider native to the route's family.
 * I3. `key` never stays in the query, however it is escaped.
 */
#include "provider/target.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http/header.h"
#include "provider/keys.h"

struct provider {
    struct keys *keys; /* NULL: not configured */
    char *base, *version;
    bool public_openai; /* base's host is api.openai.com */
};

struct provider_set {
    struct provider of[PROVIDER_COUNT];
};

static const struct provider_row {
    const char *wire, *people;
} names[PROVIDER_COUNT] = {[PROVIDER_NONE] = {"none", "Provider"},
#define X(id, wire, people) [id] = {wire, people},
                           PROVIDERS(X)
#undef X
};

static const char *const default_base[PROVIDER_COUNT] = {
    [PROVIDER_OPENAI] = "https://api.openai.com/v1",
    [PROVIDER_ANTHROPIC] = "https://api.anthropic.com",
    [PROVIDER_GOOGLE] = "https://generativelanguage.googleapis.com",
    [PROVIDER_MISTRAL] = "https://api.mistral.ai/v1",
    [PROVIDER_DEEPSEEK] = "https://api.deepseek.com/v1",
    [PROVIDER_XAI] = "https://api.x.ai/v1",
    [PROVIDER_GROQ] = "https://api.groq.com/openai/v1",
    [PROVIDER_OPENROUTER] = "https://openrouter.ai/api/v1",
    [PROVIDER_COHERE] = "https://api.cohere.ai/compatibility/v1",
};

const char *provider_wire(enum provider_id p)
{
    return names[p].wire;
}

const char *provider_people(enum provider_id p)
{
    return names[p].people;
}

enum provider_id provider_by_wire(struct slice name)
{
    for (int i = 1; i < PROVIDER_COUNT; i++)
        if (slice_is(name, names[i].wire))
            return (enum provider_id)i;
    return PROVIDER_NONE;
}

enum family provider_family(enum provider_id p)
{
    return p == PROVIDER_ANTHROPIC ? FAMILY_ANTHROPIC
           : p == PROVIDER_GOOGLE  ? FAMILY_GEMINI
                                   : FAMILY_OPENAI;
}

bool provider_speaks_openai(enum provider_id p)
{
    return provider_family(p) == FAMILY_OPENAI;
}

static bool is_set(const char *s)
{
    return s != NULL && s[0] != '\0';
}

/* Visible ASCII only: a key or URL with a line end would be a header. */
static bool is_visible(const char *s)
{
    for (; *s != '\0'; s++)
        if (*s <= ' ' || *s > '~')
            return false;
    return true;
}

/* Where the path of an http(s) URL begins, or 0 if it is none. */
static size_t url_path_at(struct slice url, struct slice *host)
{
    size_t at = slice_starts(url, "https://")  ? 8
                : slice_starts(url, "http://") ? 7
                                               : 0;
    if (at == 0)
        return 0;
    size_t n = slice_find(slice_skip(url, at), '/');
    *host = slice(url.p + at, n);
    return n == 0 ? 0 : at + n;
}

/* A base without query, fragment and trailing '/', and without the "/openai",
 * "/v1" or "/v1beta" that people copy along where a path follows it.  NULL: no
 * URL. */
static char *base_clean(const char *text, enum provider_id id)
{
    struct slice s = slice_str(text), host;
    bool azure = id == PROVIDER_AZURE;
    if (!is_visible(text))
        return NULL;
    s.n = slice_find(s, '?');
    s.n = slice_find(s, '#');
    while (s.n > 0 && s.p[s.n - 1] == '/')
        s.n--;
    if (azure && slice_ends(s, "/openai/v1"))
        s.n -= 10;
    else if (azure && slice_ends(s, "/openai"))
        s.n -= 7;
    else if (id == PROVIDER_ANTHROPIC && slice_ends(s, "/v1"))
        s.n -= 3;
    else if (id == PROVIDER_GOOGLE && slice_ends(s, "/v1beta"))
        s.n -= 7;
    if (url_path_at(s, &host) == 0 || slice_find(host, '@') < host.n)
        return NULL;
    return xmemdupz(s.p, s.n);
}

static bool provider_fill(struct provider *p, enum provider_id id,
                          const struct provider_conf *c)
{
    const char *base = is_set(c->base) ? c->base : default_base[id];
    struct slice host = {0};

    if (is_set(c->api_version) && !is_visible(c->api_version))
        return false;
    if (base == NULL)
        return !is_set(c->key); // Azure: a key without an endpoint
    p->base = base_clean(base, id);
    if (p->base == NULL)
        return false;
    if (is_set(c->key) || id == PROVIDER_DEMO) {
        p->keys = keys_new(is_set(c->key) ? c->key : "demo");
        if (p->keys == NULL)
            return false;
    }
    if (is_set(c->api_version))
        p->version = xmemdupz(c->api_version, strlen(c->api_version));
    (void)url_path_at(slice_str(p->base), &host);
    host.n = slice_find(host, ':');
    p->public_openai = slice_eq_nocase(host, SLICE("api.openai.com"));
    return true;
}

struct provider_set *provider_set_new(const struct provider_conf_set *conf,
                                      enum provider_id *bad)
{
    struct provider_set *s = xcalloc(1, sizeof *s);
    for (int i = 1; i < PROVIDER_COUNT; i++) {
        enum provider_id id = (enum provider_id)i;
        if (!provider_fill(&s->of[i], id, &conf->of[i])) {
            *bad = id;
            provider_set_free(&s);
            return NULL;
        }
    }
    return s;
}

void provider_set_free(struct provider_set **s)
{
    if (*s == NULL)
        return;
    for (int i = 0; i < PROVIDER_COUNT; i++) {
        struct provider *p = &(*s)->of[i];
        keys_free(&p->keys);
        free(p->base);
        free(p->version);
    }
    free(*s);
    *s = NULL;
}

bool provider_configured(const struct provider_set *s, enum provider_id p)
{
    return s->of[p].keys != NULL && s->of[p].base != NULL;
}

struct keys *provider_keys(const struct provider_set *s, enum provider_id p)
{
    return s->of[p].keys;
}

/* ---- fields ------------------------------------------------------------- */

static const char *const hop_by_hop[] = {
    "connection", "keep-alive",        "te", "trailer", "trailers",
    "upgrade",    "transfer-encoding",
};

static const char *const secrets[] = {
    "authorization",    "proxy-authorization",
    "x-api-key",        "x-goog-api-key",
    "api-key",          "x-openai-key",
    "openai-key",       "x-anthropic-key",
    "x-google-api-key", "x-ingest-key",
    "x-admin-key",      "x-admin-token",
    "x-csrf-token",     "cookie",
};

/* Ours, or rebuilt: identity (1.2), framing, codings. */
static const char *const stripped[] = {
    "x-tenant-id",
    "x-tags",
    "host",
    "content-length",
    "content-encoding",
    "accept-encoding",
    "expect",
    "forwarded",
    "x-real-ip",
    "via",
    "http2-settings",
};

static const char *const stripped_prefix[] = {
    "x-session-", "x-admin-", "x-forwarded-", "x-budgetguard-", "proxy-",
};

static bool in_list(struct slice name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq_nocase(name, slice_str(list[i])))
            return true;
    return false;
}

#define IN(name, list) in_list(name, list, sizeof(list) / sizeof *(list))

static bool has_prefix(struct slice name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct slice p = slice_str(list[i]);
        if (name.n >= p.n && slice_eq_nocase(slice(name.p, p.n), p))
            return true;
    }
    return false;
}

/* True if a Connection field among `all` names `name`. */
static bool connection_names(struct slice name, const struct http_field *all,
                             int n)
{
    for (int i = 0; i < n; i++) {
        if (!slice_eq_nocase(all[i].name, SLICE("connection")))
            continue;
        struct slice rest = all[i].value;
        while (rest.p != NULL)
            if (slice_eq_nocase(slice_trim(slice_cut(&rest, ',')), name))
                return true;
    }
    return false;
}

static struct slice field_value(const struct http_field *f, int n,
                                const char *name)
{
    return slice_trim(header_find(f, n, name));
}

/* The token of "Bearer x", or empty. */
static struct slice bearer(const struct http_field *f, int n)
{
    struct slice v = field_value(f, n, "authorization");
    if (v.n < 7 || !slice_eq_nocase(slice(v.p, 7), SLICE("Bearer ")))
        return slice(NULL, 0);
    return slice_trim(slice_skip(v, 7));
}

static struct slice foreign_bearer(const struct target_in *in)
{
    struct slice t = bearer(in->fields, in->field_count);
    if (t.n == 0 || slice_starts(t, "bg_") || slice_eq(t, in->own_key))
        return slice(NULL, 0);
    return t;
}

static enum provider_id native_provider(const struct route *r)
{
    if (r->family == FAMILY_ANTHROPIC)
        return PROVIDER_ANTHROPIC;
    if (r->family == FAMILY_GEMINI)
        return PROVIDER_GOOGLE;
    return r->azure ? PROVIDER_AZURE : PROVIDER_OPENAI;
}

/* The client's own key for `p`, or empty (I2). */
static struct slice client_key(const struct target_in *in, enum provider_id p,
                               bool *is_bearer)
{
    static const struct {
        enum provider_id id;
        const char *name;
    } places[] = {
        {PROVIDER_OPENAI, "x-openai-key"},
        {PROVIDER_OPENAI, "openai-key"},
        {PROVIDER_ANTHROPIC, "x-anthropic-key"},
        {PROVIDER_GOOGLE, "x-google-api-key"},
    };
    *is_bearer = false;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct slice v = slice(NULL, 0);
        if (places[i].id == p)
            v = field_value(in->fields, in->field_count, places[i].name);
        if (v.n > 0 && !slice_eq(v, in->own_key))
            return v;
    }
    if (native_provider(in->route) != p)
        return slice(NULL, 0);
    *is_bearer = true;
    return foreign_bearer(in);
}

struct fields {
    struct http_field *f;
    int n, cap;
    bool failed;
    struct arena *a;
};

static void field_add(struct fields *fs, struct slice name, struct slice value)
{
    if (fs->n >= fs->cap || name.p == NULL || value.p == NULL) {
        fs->failed = true;
        return;
    }
    fs->f[fs->n++] = (struct http_field){name, value};
}

static void field_bearer(struct fields *fs, struct slice key)
{
    field_add(fs, SLICE("Authorization"),
              arena_printf(fs->a, "Bearer %.*s", SLICE_FMT(key)));
}

static void auth_fields(struct fields *fs, enum provider_id p, struct slice key,
                        bool is_bearer)
{
    if (p == PROVIDER_AZURE && !is_bearer)
        field_add(fs, SLICE("api-key"), key);
    else if (p == PROVIDER_ANTHROPIC && !is_bearer)
        field_add(fs, SLICE("x-api-key"), key);
    else if (p == PROVIDER_GOOGLE)
        field_add(fs, SLICE("x-goog-api-key"), key);
    else
        field_bearer(fs, key);
}

bool provider_field_is_secret(struct slice name)
{
    return IN(name, secrets);
}

static bool request_field_goes(const struct target_in *in,
                               const struct http_field *f)
{
    if (f->name.n == 0 || IN(f->name, hop_by_hop) || IN(f->name, stripped) ||
        IN(f->name, secrets) ||
        has_prefix(f->name, stripped_prefix,
                   sizeof stripped_prefix / sizeof *stripped_prefix))
        return false;
    if (in->own_key.n > 0 && slice_eq(slice_trim(f->value), in->own_key))
        return false; // I1
    return !connection_names(f->name, in->fields, in->field_count);
}

static bool fields_build(const struct target_in *in, struct arena *a,
                         struct slice key, bool is_bearer, struct target *out)
{
    struct fields fs = {.cap = in->field_count + 6, .a = a};
    bool typed = false, versioned = false;

    fs.f = arena_try(a, (size_t)fs.cap * sizeof *fs.f);
    if (fs.f == NULL)
        return false;
    auth_fields(&fs, out->provider, key, is_bearer);
    field_add(&fs, SLICE("Accept-Encoding"), SLICE("identity"));
    for (int i = 0; i < in->field_count; i++) {
        const struct http_field *f = &in->fields[i];
        bool type = slice_eq_nocase(f->name, SLICE("content-type"));
        if (!request_field_goes(in, f) || (type && (typed || !in->has_body)))
            continue;
        typed = typed || type;
        versioned =
            versioned || slice_eq_nocase(f->name, SLICE("anthropic-version"));
        field_add(&fs, f->name, f->value);
    }
    if (in->has_body && !typed)
        field_add(&fs, SLICE("Content-Type"), SLICE("application/json"));
    if (out->provider == PROVIDER_ANTHROPIC && !versioned)
        field_add(&fs, SLICE("anthropic-version"), SLICE("2023-06-01"));
    out->fields = fs.f;
    out->field_count = fs.n;
    return !fs.failed;
}

bool provider_answer_field(const struct http_field *f,
                           const struct http_field *all, int n, bool recoded)
{
    static const char *const dropped[] = {
        "set-cookie",
        "set-cookie2",
        "content-length",
        "alt-svc",
        "strict-transport-security",
        "date",
    };
    static const char *const proxy[] = {"proxy-", "x-budgetguard-"};
    if (f->name.n == 0 || IN(f->name, hop_by_hop) ||
        has_prefix(f->name, proxy, 2))
        return false;
    if (slice_eq_nocase(f->name, SLICE("content-encoding")))
        return !recoded;
    return !IN(f->name, dropped) && !connection_names(f->name, all, n);
}

/* ---- URLs --------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* True if `s`, percent-decoded, is `lit`. */
static bool decoded_is(struct slice s, const char *lit)
{
    size_t j = 0, n = strlen(lit);
    for (size_t i = 0; i < s.n; i++, j++) {
        int c = (unsigned char)s.p[i];
        if (c == '%' && i + 2 < s.n) {
            int hi = hex_digit(s.p[i + 1]), lo = hex_digit(s.p[i + 2]);
            if (hi >= 0 && lo >= 0) {
                c = hi * 16 + lo;
                i += 2;
            }
        }
        if (j >= n || c != lit[j])
            return false;
    }
    return j == n;
}

/* Copies the query without `key` (I3); answers whether api-version is in. */
static bool query_copy(struct slice query, struct buf *b)
{
    bool version = false;
    char sep = '?';
    struct slice rest = query;
    while (rest.p != NULL) {
        struct slice pair = slice_cut(&rest, '&');
        struct slice name = slice(pair.p, slice_find(pair, '='));
        if (pair.n == 0 || decoded_is(name, "key"))
            continue;
        version = version || decoded_is(name, "api-version");
        buf_char(b, sep);
        buf_slice(b, pair);
        sep = '&';
    }
    return version;
}

static void url_segment(struct buf *b, struct slice s)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                     c == '_' || c == '~';
        if (plain) {
            buf_char(b, (char)c);
        } else {
            buf_char(b, '%');
            buf_char(b, digits[c >> 4]);
            buf_char(b, digits[c & 15]);
        }
    }
}

static bool op_has_deployment(enum op op)
{
    return op == OP_CHAT || op == OP_COMPLETIONS || op == OP_EMBEDDINGS ||
           op == OP_IMAGES || op == OP_TRANSCRIPTION || op == OP_SPEECH;
}

static void azure_url(const struct provider *p, const struct target_in *in,
                      struct buf *b)
{
    const struct route *r = in->route;
    bool v1 = r->azure && strncmp(r->pattern, "/openai/v1", 10) == 0;

    buf_str(b, p->base);
    buf_str(b, v1 ? "/openai/v1" : "/openai");
    if (op_has_deployment(r->op) && !v1) {
        buf_str(b, "/deployments/");
        if (r->azure)
            buf_slice(b, r->model); // as sent, checked by route_find
        else
            url_segment(b, in->call->model);
    }
    buf_slice(b, r->rest);
    size_t at = b->n;
    bool version = query_copy(in->query, b);
    if (!version && !v1 && p->version != NULL)
        buf_printf(b, "%sapi-version=%s", b->n > at ? "&" : "?", p->version);
}

static void openai_url(const struct provider *p, enum provider_id id,
                       const struct target_in *in, struct buf *b)
{
    buf_str(b, p->base);
    buf_slice(b, in->route->rest);
    size_t at = b->n;
    bool version = query_copy(in->query, b);
    if (id == PROVIDER_OPENAI && !p->public_openai && !version &&
        p->version != NULL)
        buf_printf(b, "%sapi-version=%s", b->n > at ? "&" : "?", p->version);
}

static void claude_url(const struct provider *p, const struct target_in *in,
                       struct buf *b)
{
    buf_str(b, p->base);
    buf_str(b, "/v1");
    buf_slice(b, in->route->rest);
    (void)query_copy(in->query, b);
}

/* The path as it came, save for a suffix of the model that no price and no
 * provider knows ("-low"); route_find has checked it. */
static void gemini_url(const struct provider *p, const struct target_in *in,
                       struct buf *b)
{
    const struct route *r = in->route;
    size_t at = (size_t)(r->model.p - r->rest.p);
    buf_str(b, p->base);
    buf_add(b, r->rest.p, at);
    buf_slice(b, in->call->model);
    buf_slice(b, slice_skip(r->rest, at + r->model.n));
    (void)query_copy(in->query, b);
}

static bool url_build(const struct provider_set *s, const struct target_in *in,
                      struct arena *a, struct target *out)
{
    const struct provider *p = &s->of[out->provider];
    struct buf b;

    buf_init(&b, 1 << 17);
    if (out->provider == PROVIDER_AZURE) {
        azure_url(p, in, &b);
    } else if (in->route->family == FAMILY_ANTHROPIC) {
        claude_url(p, in, &b);
    } else if (in->route->family == FAMILY_GEMINI) {
        gemini_url(p, in, &b);
    } else {
        openai_url(p, out->provider, in, &b);
    }
    if (b.failed)
        out->url = slice(NULL, 0);
    else
        out->url = arena_dup(a, buf_get(&b));
    buf_release(&b);
    return out->url.p != NULL;
}

enum refusal provider_target(const struct provider_set *s,
                             const struct target_in *in, struct arena *a,
                             struct target *out)
{
    enum provider_id p = in->call->provider;
    bool is_bearer = false;

    *out = (struct target){.provider = PROVIDER_NONE};
    if (in->route->azure)
        p = PROVIDER_AZURE;
    else if (p == PROVIDER_NONE)
        p = native_provider(in->route);
    out->provider = p;
    if (in->route->family != provider_family(p))
        return R_MODEL_NOT_FOUND;
    if (in->route->op == OP_MODELS)
        return R_NOT_FOUND;
    struct slice key = client_key(in, p, &is_bearer);
    if (key.n == 0 && p == PROVIDER_OPENAI && !provider_configured(s, p) &&
        provider_configured(s, PROVIDER_AZURE))
        out->provider = p = PROVIDER_AZURE;
    out->client_key = key.n > 0;
    if (key.n == 0) {
        is_bearer = false;
        if (s->of[p].keys != NULL) {
            out->key_index = keys_next(s->of[p].keys, clock_now_ms());
            key = keys_text(s->of[p].keys, out->key_index);
        }
    }
    if (key.n == 0 || s->of[p].base == NULL)
        return R_NO_PROVIDER;
    if (!url_build(s, in, a, out) || !fields_build(in, a, key, is_bearer, out))
        return R_STORAGE;
    return R_NONE;
}

bool provider_probe_target(const struct provider_set *s, enum provider_id p,
                           struct slice key, struct arena *a,
                           struct target *out)
{
    const struct provider *c = &s->of[p];
    struct fields fs = {.cap = 4, .a = a};

    *out = (struct target){.provider = p};
    if (c->base == NULL || key.n == 0)
        return false;
    if (p == PROVIDER_AZURE && c->version != NULL)
        out->url = arena_printf(a, "%s/openai/models?api-version=%s", c->base,
                                c->version);
    else if (p == PROVIDER_AZURE)
        out->url = arena_printf(a, "%s/openai/v1/models", c->base);
    else if (p == PROVIDER_ANTHROPIC)
        out->url = arena_printf(a, "%s/v1/models?limit=1000", c->base);
    else if (p == PROVIDER_GOOGLE)
        out->url = arena_printf(a, "%s/v1beta/models?pageSize=1000", c->base);
    else
        out->url = arena_printf(a, "%s/models", c->base);
    fs.f = arena_try(a, 4 * sizeof *fs.f);
    if (fs.f == NULL || out->url.p == NULL)
        return false;
    auth_fields(&fs, p, key, false);
    field_add(&fs, SLICE("Accept-Encoding"), SLICE("identity"));
    if (p == PROVIDER_ANTHROPIC)
        field_add(&fs, SLICE("anthropic-version"), SLICE("2023-06-01"));
    out->fields = fs.f;
    out->field_count = fs.n;
    return !fs.failed;
}

bool provider_models_target(const struct provider_set *s, enum provider_id p,
                            struct arena *a, struct target *out)
{
    struct keys *k = s->of[p].keys;
    *out = (struct target){.provider = p};
    return provider_configured(s, p) &&
           provider_probe_target(
               s, p, keys_text(k, keys_next(k, clock_now_ms())), a, out);
}

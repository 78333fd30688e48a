/* openapi.c - see openapi.h.
 *
 * One list of operations is made first: the table's routes in their order,
 * then the gateway's from the text.  Paths are written where they come first,
 * each with all its methods.
 */
#include "control/openapi.h"

#include <assert.h>
#include <ctype.h>

#include "control/openapi_type.h"
#include "control/routes.h"

__asm__(".pushsection .rodata\n"
        ".globl openapi_text_bytes\n"
        "openapi_text_bytes:\n"
        ".incbin \"lib/control/openapi.txt\"\n"
        ".byte 0\n"
        ".popsection\n");

extern const char openapi_text_bytes[];

#define OPS_MAX 512

struct op {
    struct slice method, pattern, summary;
    const struct control_route *route; /* NULL: the gateway's */
    struct slice block; /* its lines of openapi.txt; .p NULL: none */
};

struct doc {
    struct arena *a;
    struct json_out o;
    struct op ops[OPS_MAX];
    int n;
};

/* ---- the text ----------------------------------------------------------- */

/* The next block "head\nlines"; lines up to an empty one.  Comments and
 * schemas are passed over.  False at the end. */
static bool next_block(struct slice *rest, struct slice *head,
                       struct slice *lines)
{
    while (rest->p != NULL && rest->n > 0) {
        struct slice line = slice_cut(rest, '\n');
        if (line.n == 0 || line.p[0] == '#' || slice_starts(line, "schema ") ||
            slice_starts(line, "tag "))
            continue;
        *head = line;
        const char *from = rest->p;
        size_t n = 0;
        while (rest->p != NULL && rest->n > 0) {
            struct slice l = slice_cut(rest, '\n');
            if (l.n == 0)
                break;
            n = (size_t)(l.p + l.n - from);
        }
        *lines = slice(from, n);
        return true;
    }
    return false;
}

/* The rest of the line of a block that begins with `word`; .p NULL: none. */
static struct slice line_of(struct slice block, const char *word)
{
    while (block.p != NULL && block.n > 0) {
        struct slice line = slice_cut(&block, '\n');
        struct slice first = slice_cut(&line, ' ');
        if (slice_is(first, word))
            return line;
    }
    return slice(NULL, 0);
}

/* The value of `name` in "a=1 b=2", cut by `sep`. */
static struct slice value_of(struct slice list, char sep, struct slice name)
{
    while (list.p != NULL && list.n > 0) {
        struct slice value = slice_cut(&list, sep);
        struct slice key = slice_cut(&value, '=');
        if (slice_eq(key, name))
            return value;
    }
    return slice(NULL, 0);
}

static struct slice block_of(struct slice method, struct slice pattern)
{
    struct slice rest = slice_str(openapi_text_bytes), head, lines;
    while (next_block(&rest, &head, &lines)) {
        struct slice m = slice_cut(&head, ' ');
        if (slice_eq(m, method) && slice_eq(head, pattern))
            return lines;
    }
    return slice(NULL, 0);
}

static void gather(struct doc *d)
{
    int n;
    const struct control_route *all = routes_all(&n);
    struct slice rest = slice_str(openapi_text_bytes), head, lines;
    for (int i = 0; i < n && d->n < OPS_MAX; i++) {
        struct op *x = &d->ops[d->n++];
        *x = (struct op){slice_str(all[i].method), slice_str(all[i].pattern),
                         slice_str(all[i].summary), &all[i], slice(NULL, 0)};
        x->block = block_of(x->method, x->pattern);
    }
    while (next_block(&rest, &head, &lines) && d->n < OPS_MAX) {
        if (!slice_is(slice_cut(&head, ' '), "proxy"))
            continue;
        struct op *x = &d->ops[d->n++];
        x->method = slice_cut(&head, ' ');
        x->pattern = head;
        x->block = lines;
        x->route = NULL;
        x->summary = line_of(lines, "about");
    }
    assert(d->n < OPS_MAX);
}

/* ---- paths -------------------------------------------------------------- */

/* The next ":name" of a pattern; false: none. */
static bool next_param(struct slice *rest, struct slice *name)
{
    for (size_t i = 0; i + 1 < rest->n; i++) {
        if (rest->p[i] != '/' || rest->p[i + 1] != ':')
            continue;
        size_t n = i + 2;
        while (n < rest->n &&
               (isalnum((unsigned char)rest->p[n]) || rest->p[n] == '_'))
            n++;
        *name = slice(rest->p + i + 2, n - i - 2);
        *rest = slice_skip(*rest, n);
        return true;
    }
    return false;
}

/* "/a/:b:c" -> "/a/{b}:c". */
static struct slice path_text(struct arena *a, struct slice pattern)
{
    struct buf b;
    struct slice rest = pattern, name;
    buf_init(&b, 1024);
    const char *from = pattern.p;
    while (next_param(&rest, &name)) {
        buf_add(&b, from, (size_t)(name.p - 1 - from));
        buf_char(&b, '{');
        buf_slice(&b, name);
        buf_char(&b, '}');
        from = name.p + name.n;
    }
    buf_add(&b, from, (size_t)(pattern.p + pattern.n - from));
    struct slice s = arena_dup(a, buf_get(&b));
    buf_release(&b);
    return s;
}

/* "GET /a/:b/c" -> "getAByBC". */
static struct slice operation_id(struct arena *a, const struct op *x)
{
    struct buf b;
    bool up = true;
    buf_init(&b, 1024);
    for (size_t i = 0; i < x->method.n; i++)
        buf_char(&b, (char)tolower((unsigned char)x->method.p[i]));
    for (size_t i = 0; i < x->pattern.n; i++) {
        char c = x->pattern.p[i];
        if (c == ':')
            buf_str(&b, "By");
        if (!isalnum((unsigned char)c)) {
            up = true;
            continue;
        }
        buf_char(&b, up ? (char)toupper((unsigned char)c) : c);
        up = false;
    }
    if (x->pattern.n == 1)
        buf_str(&b, "Root");
    struct slice s = arena_dup(a, buf_get(&b));
    buf_release(&b);
    return s;
}

static struct slice usual_value(struct slice name)
{
    static const char *const usual[][2] = {{"sessionId", "run-42"},
                                           {"model", "acme-large"},
                                           {"provider", "openai"},
                                           {"username", "alice"},
                                           {"response", "resp_mock"}};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (slice_is(name, usual[i][0]))
            return slice_str(usual[i][1]);
    return SLICE("1");
}

static bool is_id(const struct op *x, struct slice name)
{
    return slice_ends(name, "Id") ? !slice_is(name, "sessionId")
                                  : slice_is(name, "id") && x->route != NULL;
}

/* An example as the type of its schema wants it. */
static void write_example(struct json_out *o, struct slice v, bool number)
{
    json_key(o, "example");
    if (number)
        json_raw(o, v);
    else
        json_str(o, v);
}

static void write_param(struct json_out *o, const char *in,
                        const struct openapi_member *m, struct slice example)
{
    json_obj(o);
    json_kstr(o, "name", m->name);
    json_kstr(o, "in", slice_str(in));
    json_kbool(o, "required", !m->optional);
    json_key(o, "schema");
    openapi_type(o, m->type);
    if (example.p != NULL)
        write_example(o, example,
                      slice_is(m->type, "int") || slice_is(m->type, "num"));
    json_obj_end(o);
}

static void write_params(struct doc *d, const struct op *x)
{
    struct slice rest = x->pattern, name;
    struct slice values = line_of(x->block, "path");
    struct slice tried = line_of(x->block, "try");
    struct openapi_member m;
    json_key(&d->o, "parameters");
    json_arr(&d->o);
    while (next_param(&rest, &name)) {
        struct slice v = value_of(values, ' ', name);
        m = (struct openapi_member){
            name, is_id(x, name) ? SLICE("int") : SLICE("str"), false};
        write_param(&d->o, "path", &m, v.p != NULL ? v : usual_value(name));
    }
    rest = line_of(x->block, "query");
    while (openapi_member(&rest, &m))
        write_param(&d->o, "query", &m, value_of(tried, '&', m.name));
    rest = line_of(x->block, "header");
    while (openapi_member(&rest, &m))
        write_param(&d->o, "header", &m, slice(NULL, 0));
    json_arr_end(&d->o);
}

/* ---- bodies and answers ------------------------------------------------- */

static void write_body(struct doc *d, const struct op *x)
{
    struct slice type = line_of(x->block, "body");
    struct slice form = line_of(x->block, "form");
    struct slice example = line_of(x->block, "example");
    if (type.p == NULL && form.p == NULL)
        return;
    json_key(&d->o, "requestBody");
    json_obj(&d->o);
    json_kbool(&d->o, "required",
               x->route == NULL || x->route->handler != keys_create);
    json_key(&d->o, "content");
    json_obj(&d->o);
    json_key(&d->o, form.p != NULL ? "application/x-www-form-urlencoded"
                                   : "application/json");
    json_obj(&d->o);
    json_key(&d->o, "schema");
    openapi_type(&d->o, form.p != NULL ? form : type);
    json_key(&d->o, "example");
    if (form.p != NULL) {
        json_obj(&d->o);
        while (example.p != NULL && example.n > 0) {
            struct slice value = slice_cut(&example, '&');
            struct slice key = slice_cut(&value, '=');
            json_key_slice(&d->o, key);
            json_str(&d->o, value);
        }
        json_obj_end(&d->o);
    } else
        json_raw(&d->o, example.n > 0 ? example : SLICE("{}"));
    json_obj_end(&d->o);
    json_obj_end(&d->o);
    json_obj_end(&d->o);
}

static const struct status_text {
    const char *code, *text;
} statuses[] = {
    {"200", "Done"},
    {"201", "Made"},
    {"204", "Done"},
    {"302", "Elsewhere"},
    {"303", "Elsewhere"},
    {"400", "The request is not valid"},
    {"401", "No valid credential"},
    {"402", "A budget does not allow it"},
    {"403", "Not allowed"},
    {"404", "There is no such thing"},
    {"409", "A limit is reached"},
    {"413", "The body is too large"},
    {"415", "Not a media type this route takes"},
    {"429", "Too many requests"},
    {"500", "Not configured"},
    {"502", "The provider did not answer well"},
    {"503", "Storage cannot be written"},
    {"504", "The provider timed out"},
};

static struct slice status_text(struct slice code)
{
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (slice_is(code, statuses[i].code))
            return slice_str(statuses[i].text);
    return SLICE("An error");
}

/* The shapes of errors under a path (contract 1.3). */
static const char *error_type(const struct op *x)
{
    struct slice p = x->pattern;
    if (x->route == NULL) {
        if (slice_starts(p, "/v1beta"))
            return "GeminiError";
        return slice_starts(p, "/v1/messages") ? "AnthropicError"
                                               : "OpenAIError";
    }
    if (x->route->auth == AUTH_KEYS || x->route->auth == AUTH_VISITOR)
        return "Detail";
    if (x->route->auth == AUTH_DATA || x->route->auth == AUTH_INGEST)
        return "BriefError";
    return NULL;
}

static void write_error(struct doc *d, const struct op *x, struct slice code)
{
    const char *type = error_type(x);
    json_key_slice(&d->o, code);
    json_obj(&d->o);
    json_kstr(&d->o, "description", status_text(code));
    if (code.p[0] != '3') {
        json_key(&d->o, "content");
        json_obj(&d->o);
        json_key(&d->o, "application/json");
        json_obj(&d->o);
        json_key(&d->o, "schema");
        if (type != NULL)
            openapi_type(&d->o, slice_str(type));
        else {
            static const char *const forms[] = {"Error", "Invalid", "NoRoute"};
            json_obj(&d->o);
            json_key(&d->o, "anyOf");
            json_arr(&d->o);
            for (int i = 0; i < 3; i++)
                openapi_type(&d->o, slice_str(forms[i]));
            json_arr_end(&d->o);
            json_obj_end(&d->o);
        }
        json_obj_end(&d->o);
        json_obj_end(&d->o);
    }
    json_obj_end(&d->o);
}

static void write_ok(struct doc *d, const struct op *x)
{
    struct slice type = line_of(x->block, "ok");
    struct slice code = type.p != NULL ? slice_cut(&type, ' ') : SLICE("200");
    bool media = type.p != NULL && type.p[0] != '{' && type.p[0] != '[' &&
                 slice_find(type, '/') < type.n;
    json_key_slice(&d->o, code);
    json_obj(&d->o);
    json_kstr(&d->o, "description", status_text(code));
    if (type.p != NULL) {
        json_key(&d->o, "content");
        json_obj(&d->o);
        json_key_slice(&d->o, media ? type : SLICE("application/json"));
        json_obj(&d->o);
        json_key(&d->o, "schema");
        openapi_type(&d->o, media ? SLICE("str") : type);
        json_obj_end(&d->o);
        json_obj_end(&d->o);
    }
    json_obj_end(&d->o);
}

static bool has_code(struct slice list, const char *code)
{
    while (list.p != NULL && list.n > 0)
        if (slice_is(slice_cut(&list, ' '), code))
            return true;
    return false;
}

/* True if a secret decides (a visitor's routes say so themselves). */
static bool is_guarded(const struct op *x)
{
    return x->route == NULL ||
           (x->route->auth > AUTH_QUICK && x->route->auth != AUTH_VISITOR);
}

static void write_answers(struct doc *d, const struct op *x)
{
    static const char *const codes[] = {"302", "400", "401", "402", "403",
                                        "404", "409", "413", "415", "429",
                                        "500", "502", "503", "504"};
    struct slice listed = line_of(x->block, "errors");
    bool body = line_of(x->block, "body").p != NULL;
    json_key(&d->o, "responses");
    json_obj(&d->o);
    write_ok(d, x);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        // a broken message is 400 wherever it arrives (contract 1.1)
        bool own = (!is_guarded(x) && slice_is(slice_str(codes[i]), "400")) ||
                   (body && (slice_is(slice_str(codes[i]), "400") ||
                             slice_is(slice_str(codes[i]), "413"))) ||
                   (is_guarded(x) && (slice_is(slice_str(codes[i]), "401") ||
                                      slice_is(slice_str(codes[i]), "429")));
        if (own || has_code(listed, codes[i]))
            write_error(d, x, slice_str(codes[i]));
    }
    json_obj_end(&d->o);
}

/* ---- who ---------------------------------------------------------------- */

static void write_schemes(struct json_out *o, const char *list)
{
    struct slice rest = slice_str(list);
    json_key(o, "security");
    json_arr(o);
    while (rest.p != NULL && rest.n > 0) {
        struct slice one = slice_cut(&rest, ' ');
        json_obj(o);
        if (!slice_is(one, "-")) { // "-": without any
            json_key_slice(o, one);
            json_arr(o);
            json_arr_end(o);
        }
        json_obj_end(o);
    }
    json_arr_end(o);
}

static void write_security(struct json_out *o, const struct op *x)
{
    if (x->route == NULL) {
        write_schemes(o, "tenantBearer tenantKey googleKey azureKey");
        return;
    }
    switch (x->route->auth) {
    case AUTH_NONE:
    case AUTH_QUICK:
        write_schemes(o, "");
        break;
    case AUTH_ADMIN:
    case AUTH_KEYS:
        write_schemes(o, "adminKey adminToken dashboard");
        break;
    case AUTH_DATA:
        write_schemes(o, x->route->handler == data_names
                             ? "adminKey adminToken tenantKey dashboard user"
                             : "adminKey adminToken tenantKey dashboard");
        break;
    case AUTH_INGEST:
        write_schemes(o, "ingestKey");
        break;
    case AUTH_METRICS:
        write_schemes(o, "- adminKey adminToken tenantKey tenantBearer");
        break;
    case AUTH_VISITOR:
        write_schemes(o, !has_code(line_of(x->block, "errors"), "401") ? ""
                         : x->route->handler == reports_data ? "user adminKey"
                                                             : "user");
        break;
    }
}

static const struct scheme {
    const char *name, *type, *in, *field, *text;
} schemes[] = {
    {"adminKey", "apiKey", "header", "X-Admin-Key", "An admin secret"},
    {"adminToken", "apiKey", "header", "X-Admin-Token", "An admin secret"},
    {"dashboard", "apiKey", "cookie", "bg_admin",
     "The dashboard's sign-in; changes need X-CSRF-Token, too"},
    {"ingestKey", "apiKey", "header", "X-Ingest-Key", "INGEST_KEY"},
    {"tenantBearer", "http", NULL, NULL,
     "A tenant key; on /metrics an admin secret"},
    {"tenantKey", "apiKey", "header", "X-API-Key",
     "A tenant key; on ingest's admin paths and /metrics an admin secret"},
    {"googleKey", "apiKey", "header", "x-goog-api-key", "A tenant key"},
    {"azureKey", "apiKey", "header", "api-key", "A tenant key"},
    {"user", "apiKey", "cookie", "proxy_session", "The self-service sign-in"},
};

/* ---- the document ------------------------------------------------------- */

static struct slice group_of(const struct op *x)
{
    struct slice group = line_of(x->block, "group");
    return group.p != NULL ? group : SLICE("Other");
}

static void write_op(struct doc *d, const struct op *x)
{
    struct json_out *o = &d->o;
    struct slice about = line_of(x->block, "about");
    struct buf lower;
    buf_init(&lower, 16);
    for (size_t i = 0; i < x->method.n; i++)
        buf_char(&lower, (char)tolower((unsigned char)x->method.p[i]));
    json_key_slice(o, buf_get(&lower));
    buf_release(&lower);
    json_obj(o);
    json_kstr(o, "operationId", operation_id(d->a, x));
    json_kstr(o, "summary", x->summary);
    if (about.p != NULL && x->route != NULL)
        json_kstr(o, "description", about);
    json_key(o, "tags");
    json_arr(o);
    json_str(o, group_of(x));
    json_arr_end(o);
    if (x->block.p == NULL)
        json_kbool(o, "x-undocumented", true);
    write_security(o, x);
    write_params(d, x);
    write_body(d, x);
    write_answers(d, x);
    json_obj_end(o);
}

static bool path_before(const struct doc *d, int i)
{
    for (int k = 0; k < i; k++)
        if (slice_eq(d->ops[k].pattern, d->ops[i].pattern))
            return true;
    return false;
}

static void write_paths(struct doc *d)
{
    json_key(&d->o, "paths");
    json_obj(&d->o);
    for (int i = 0; i < d->n; i++) {
        if (path_before(d, i))
            continue;
        json_key_slice(&d->o, path_text(d->a, d->ops[i].pattern));
        json_obj(&d->o);
        for (int k = i; k < d->n; k++)
            if (slice_eq(d->ops[k].pattern, d->ops[i].pattern))
                write_op(d, &d->ops[k]);
        json_obj_end(&d->o);
    }
    json_obj_end(&d->o);
}

static void write_components(struct json_out *o)
{
    struct slice rest = slice_str(openapi_text_bytes);
    json_key(o, "components");
    json_obj(o);
    json_key(o, "securitySchemes");
    json_obj(o);
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        const struct scheme *s = &schemes[i];
        json_key(o, s->name);
        json_obj(o);
        json_kstr(o, "type", slice_str(s->type));
        if (s->in != NULL) {
            json_kstr(o, "in", slice_str(s->in));
            json_kstr(o, "name", slice_str(s->field));
        } else
            json_kstr(o, "scheme", SLICE("bearer"));
        json_kstr(o, "description", slice_str(s->text));
        json_obj_end(o);
    }
    json_obj_end(o);
    json_key(o, "schemas");
    json_obj(o);
    while (rest.p != NULL && rest.n > 0) {
        struct slice line = slice_cut(&rest, '\n');
        if (!slice_starts(line, "schema "))
            continue;
        line = slice_skip(line, 7);
        json_key_slice(o, slice_cut(&line, ' '));
        openapi_type(o, line);
    }
    json_obj_end(o);
    json_obj_end(o);
}

/* What a group is. */
static struct slice group_text(struct slice group)
{
    struct slice rest = slice_str(openapi_text_bytes);
    while (rest.p != NULL && rest.n > 0) {
        struct slice line = slice_cut(&rest, '\n');
        if (!slice_is(slice_cut(&line, ' '), "tag"))
            continue;
        if (slice_eq(slice_cut(&line, ' '), group))
            return line;
    }
    return SLICE("");
}

/* The groups in the order in which they come first. */
static void write_groups(struct doc *d)
{
    json_key(&d->o, "tags");
    json_arr(&d->o);
    for (int i = 0; i < d->n; i++) {
        struct slice group = group_of(&d->ops[i]);
        bool before = false;
        for (int k = 0; k < i; k++)
            before |= slice_eq(group_of(&d->ops[k]), group);
        if (before)
            continue;
        json_obj(&d->o);
        json_kstr(&d->o, "name", group);
        json_kstr(&d->o, "description", group_text(group));
        json_obj_end(&d->o);
    }
    json_arr_end(&d->o);
}

void openapi_write(struct arena *a, struct buf *out)
{
    struct doc *d = arena_alloc(a, sizeof *d);
    struct json_out *o = &d->o;
    d->a = a;
    d->n = 0;
    json_out_init(o, out);
    gather(d);
    json_obj(o);
    json_kstr(o, "openapi", SLICE("3.1.0"));
    json_key(o, "info");
    json_obj(o);
    json_kstr(o, "title", SLICE("BudgetGuard"));
    json_kstr(o, "version", SLICE(BG_VERSION));
    json_kstr(o, "description",
              SLICE("An AI gateway that holds the worst-case cost of every "
                    "call against budgets before a byte leaves."));
    json_key(o, "license");
    json_obj(o);
    json_kstr(o, "name", SLICE("Apache-2.0"));
    json_kstr(o, "identifier", SLICE("Apache-2.0"));
    json_obj_end(o);
    json_obj_end(o);
    json_key(o, "servers");
    json_arr(o);
    json_obj(o);
    json_kstr(o, "url", SLICE("/"));
    json_kstr(o, "description", SLICE("This gateway"));
    json_obj_end(o);
    json_arr_end(o);
    write_groups(d);
    write_paths(d);
    write_components(o);
    json_obj_end(o);
}

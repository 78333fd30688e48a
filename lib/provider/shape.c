/* shape.c - one refusal, four shapes. */
#include "provider/shape.h"

#include "base/json.h"
#include "provider/target.h"

struct refusal_row {
    const char *code;
    int http;
    const char *text, *openai, *anthropic, *gemini;
};

static const struct refusal_row table[R_COUNT] = {
    [R_NONE] = {"", 500, "Internal server error", "server_error", "api_error",
                "INTERNAL"},
#define X(id, code, http, text, oa, an, ge, st, re) \
    [id] = {code, http, text, oa, an, ge},
    REFUSALS(X)
#undef X
};

int shape_status(enum refusal id)
{
    return table[id].http;
}

const char *shape_code(enum refusal id)
{
    return table[id].code;
}

/* The literal part of the message: what `plain` shows. */
static void literal_write(const struct shape_in *in, struct buf *b)
{
    bool own = in->id == R_INVALID_JSON || in->id == R_INVALID_REQUEST;
    if (own && in->explain.n > 0) {
        buf_slice(b, in->explain);
        return;
    }
    if (in->id == R_NO_PROVIDER && in->provider != PROVIDER_NONE)
        buf_printf(b, "%s ", provider_people(in->provider));
    buf_str(b, table[in->id].text);
    if (in->names.n > 0) {
        buf_str(b, ": ");
        buf_slice(b, in->names);
    }
}

static void message_write(const struct shape_in *in, struct buf *b)
{
    bool own = in->id == R_INVALID_JSON || in->id == R_INVALID_REQUEST;
    literal_write(in, b);
    if (!own && in->explain.n > 0) {
        buf_str(b, ": ");
        buf_slice(b, in->explain);
    }
}

static const char *openai_type(const struct shape_in *in)
{
    if (in->id == R_RATE_LIMIT && in->kind != NULL &&
        strcmp(in->kind, "tokens") == 0)
        return "tokens";
    return table[in->id].openai;
}

static void details_write(const struct shape_in *in, struct json_out *o)
{
    if (in->details.n == 0)
        return;
    json_key(o, "details");
    json_raw(o, in->details);
}

static void openai_error(const struct shape_in *in, struct slice message,
                         struct json_out *o)
{
    json_obj(o);
    json_kstr(o, "message", message);
    json_kstr(o, "type", slice_str(openai_type(in)));
    json_kstr_null(o, "param",
                   in->param != NULL ? slice_str(in->param) : slice(NULL, 0));
    json_kstr(o, "code", slice_str(table[in->id].code));
    details_write(in, o);
    json_obj_end(o);
}

static void anthropic_body(const struct shape_in *in, struct slice message,
                           struct json_out *o)
{
    json_obj(o);
    json_kstr(o, "type", SLICE("error"));
    json_key(o, "error");
    json_obj(o);
    json_kstr(o, "type", slice_str(table[in->id].anthropic));
    json_kstr(o, "message", message);
    details_write(in, o);
    json_obj_end(o);
    json_kstr_null(o, "request_id",
                   in->request_id.n > 0 ? in->request_id : slice(NULL, 0));
    json_obj_end(o);
}

/* Google's metadata are strings only: scalars of the details become strings
 * and the whole of them is there as JSON text. */
static void metadata_write(const struct shape_in *in, struct json_out *o)
{
    struct arena a;
    struct json *v = NULL;

    arena_init(&a, 1 << 20);
    json_obj(o);
    json_kstr(o, "code", slice_str(table[in->id].code));
    if (in->request_id.n > 0)
        json_kstr(o, "request_id", in->request_id);
    if (in->details.n > 0 && json_parse(&a, in->details, &v, NULL) == OK &&
        v->type == JSON_OBJECT) {
        for (const struct json *m = v->child; m != NULL; m = m->next) {
            if (slice_is(m->key, "request_id") || slice_is(m->key, "code"))
                continue;
            if (m->type == JSON_STRING || m->type == JSON_NUMBER) {
                json_key_slice(o, m->key);
                json_str(o, m->text);
            }
        }
        json_kstr(o, "details", in->details);
    }
    json_obj_end(o);
    arena_release(&a);
}

/* "budget_exceeded" as Google writes reasons: upper case. */
static void reason_write(const char *code, struct json_out *o)
{
    char up[48];
    size_t n = 0;
    for (; n < sizeof up && code[n] != '\0'; n++)
        up[n] =
            code[n] >= 'a' && code[n] <= 'z' ? (char)(code[n] - 32) : code[n];
    json_kstr(o, "reason", slice(up, n));
}

static void gemini_body(const struct shape_in *in, struct slice message,
                        struct json_out *o)
{
    int http = in->http != 0 ? in->http : table[in->id].http;
    json_obj(o);
    json_key(o, "error");
    json_obj(o);
    json_knum(o, "code", http);
    json_kstr(o, "message", message);
    json_kstr(o, "status", slice_str(table[in->id].gemini));
    json_key(o, "details");
    json_arr(o);
    json_obj(o);
    json_kstr(o, "@type", SLICE("type.googleapis.com/google.rpc.ErrorInfo"));
    reason_write(table[in->id].code, o);
    json_kstr(o, "domain", SLICE("budgetguard"));
    json_key(o, "metadata");
    metadata_write(in, o);
    json_obj_end(o);
    json_arr_end(o);
    json_obj_end(o);
    json_obj_end(o);
}

void shape_error(enum family f, bool plain, const struct shape_in *in,
                 struct buf *out)
{
    struct buf text;
    struct json_out o;

    buf_init(&text, 1 << 16);
    json_out_init(&o, out);
    if (plain)
        literal_write(in, &text);
    else
        message_write(in, &text);
    struct slice message = buf_get(&text);
    if (plain) {
        json_obj(&o);
        json_kstr(&o, "error", message);
        json_obj_end(&o);
    } else if (f == FAMILY_ANTHROPIC) {
        anthropic_body(in, message, &o);
    } else if (f == FAMILY_GEMINI) {
        gemini_body(in, message, &o);
    } else {
        json_obj(&o);
        json_key(&o, "error");
        openai_error(in, message, &o);
        json_obj_end(&o);
    }
    buf_release(&text);
}

void shape_event(enum family f, enum op op, const struct shape_in *in,
                 struct buf *out)
{
    if (f == FAMILY_OPENAI && op == OP_RESPONSES) {
        /* SDKs know both the flat form and the nested one; this has both */
        struct buf text;
        struct json_out o;
        buf_init(&text, 1 << 16);
        message_write(in, &text);
        buf_str(out, "event: error\ndata: ");
        json_out_init(&o, out);
        json_obj(&o);
        json_kstr(&o, "type", SLICE("error"));
        json_knum(&o, "sequence_number", 0); // the AI SDK wants one, any one
        json_kstr(&o, "code", slice_str(table[in->id].code));
        json_kstr(&o, "message", buf_get(&text));
        json_knull(&o, "param");
        json_key(&o, "error");
        openai_error(in, buf_get(&text), &o);
        json_obj_end(&o);
        buf_str(out, "\n\n");
        buf_release(&text);
        return;
    }
    if (f == FAMILY_ANTHROPIC)
        buf_str(out, "event: error\n");
    buf_str(out, "data: ");
    shape_error(f, false, in, out);
    buf_str(out, f == FAMILY_GEMINI ? "\r\n\r\n" : "\n\n");
}

/* openapi_type.c - see openapi_type.h. */
#include "control/openapi_type.h"

#include <assert.h>
#include <ctype.h>

/* Where the token at the start of `s` ends: at a space outside brackets. */
static size_t token_end(struct slice s)
{
    size_t i = 0;
    int depth = 0;
    for (; i < s.n; i++) {
        char c = s.p[i];
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        if (c == ' ' && depth == 0)
            break;
    }
    return i;
}

bool openapi_member(struct slice *rest, struct openapi_member *out)
{
    struct slice s = slice_trim(*rest);
    if (s.n == 0)
        return false;
    size_t n = token_end(s), colon = slice_find(s, ':');
    assert(colon < n);
    *rest = slice_skip(s, n);
    out->optional = colon > 0 && s.p[colon - 1] == '?';
    out->name = slice(s.p, colon - out->optional);
    out->type = slice(s.p + colon + 1, n - colon - 1);
    return true;
}

static const struct base_type {
    const char *name, *type, *format, *pattern, *text;
} bases[] = {
    {"int", "integer", NULL, NULL, NULL},
    {"num", "number", NULL, NULL, NULL},
    {"str", "string", NULL, NULL, NULL},
    {"bool", "boolean", NULL, NULL, NULL},
    {"time", "string", "date-time", NULL, NULL},
    {"date", "string", NULL, NULL, "YYYY-MM-DD, or an RFC 3339 time"},
    {"usd", "string", NULL, "^-?[0-9]+(\\.[0-9]{1,9})?$",
     "US dollars, exact decimal"},
};

static void write_base(struct json_out *o, const struct base_type *b,
                       bool nullable)
{
    json_obj(o);
    json_key(o, "type");
    if (nullable) {
        json_arr(o);
        json_str(o, slice_str(b->type));
        json_str(o, SLICE("null"));
        json_arr_end(o);
    } else
        json_str(o, slice_str(b->type));
    if (b->format != NULL)
        json_kstr(o, "format", slice_str(b->format));
    if (b->pattern != NULL)
        json_kstr(o, "pattern", slice_str(b->pattern));
    if (b->text != NULL)
        json_kstr(o, "description", slice_str(b->text));
    json_obj_end(o);
}

static void write_enum(struct json_out *o, struct slice s, bool nullable)
{
    json_obj(o);
    if (!nullable)
        json_kstr(o, "type", SLICE("string"));
    json_key(o, "enum");
    json_arr(o);
    while (s.p != NULL)
        json_str(o, slice_cut(&s, '|'));
    if (nullable)
        json_null(o);
    json_arr_end(o);
    json_obj_end(o);
}

static void write_object(struct json_out *o, // NOLINT(misc-no-recursion)
                         struct slice members)
{
    struct openapi_member m;
    struct slice rest = members;
    bool any = false;
    json_obj(o);
    json_kstr(o, "type", SLICE("object"));
    json_key(o, "properties");
    json_obj(o);
    while (openapi_member(&rest, &m)) {
        any |= !m.optional;
        json_key_slice(o, m.name);
        openapi_type(o, m.type);
    }
    json_obj_end(o);
    if (any) {
        json_key(o, "required");
        json_arr(o);
        for (rest = members; openapi_member(&rest, &m);)
            if (!m.optional)
                json_str(o, m.name);
        json_arr_end(o);
    }
    json_obj_end(o);
}

static void write_ref(struct json_out *o, struct slice name, bool nullable)
{
    struct buf b;
    buf_init(&b, 200);
    buf_str(&b, "#/components/schemas/");
    buf_slice(&b, name);
    json_obj(o);
    if (nullable) {
        json_key(o, "anyOf");
        json_arr(o);
        json_obj(o);
    }
    json_kstr(o, "$ref", buf_get(&b));
    if (nullable) {
        json_obj_end(o);
        json_obj(o);
        json_kstr(o, "type", SLICE("null"));
        json_obj_end(o);
        json_arr_end(o);
    }
    json_obj_end(o);
    buf_release(&b);
}

/* Recursion goes as deep as openapi.txt nests. */
void openapi_type(struct json_out *o, // NOLINT(misc-no-recursion)
                  struct slice type)
{
    bool nullable = type.n > 0 && type.p[type.n - 1] == '~';
    struct slice s = slice(type.p, type.n - nullable);
    assert(s.n > 0);
    if (s.p[0] == '[') {
        json_obj(o);
        json_kstr(o, "type", SLICE("array"));
        json_key(o, "items");
        openapi_type(o, slice(s.p + 1, s.n - 2));
        json_obj_end(o);
    } else if (s.p[0] == '{')
        write_object(o, slice(s.p + 1, s.n - 2));
    else if (slice_find(s, '|') < s.n)
        write_enum(o, s, nullable);
    else if (slice_is(s, "any")) {
        json_obj(o);
        json_obj_end(o);
    } else if (isupper((unsigned char)s.p[0]))
        write_ref(o, s, nullable);
    else {
        for (size_t i = 0; i < sizeof bases / sizeof *bases; i++)
            if (slice_is(s, bases[i].name)) {
                write_base(o, &bases[i], nullable);
                return;
            }
        write_enum(o, s, nullable); // one word is an enum of one
    }
}

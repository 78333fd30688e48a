/* builtin_schema.c - json.match_schema, json.verify_schema.
 *
 * JSON Schema drafts 4 to 7 without remote references, interpreted over the
 * schema as a value.  Faults are worded as OPA's library (gojsonschema) does.
 * A reference that leads back to itself without consuming the document ends
 * at DEPTH_MAX with an error.
 */
#include <arpa/inet.h>
#include <string.h>

#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"
#include "rego/gotime.h"
#include "rego/unicode.h"

#define DEPTH_MAX 200

struct check {
    struct builtin_ctx *c;
    const struct value *root;
    struct value_list faults;
    size_t count; // faults, also while they are not kept
    int quiet;    // > 0: only count
    int depth;
    enum builtin_status status;
};

/* Where in the document we are: a chain from the innermost. */
struct place {
    const struct place *up;
    struct slice name; // of a member; .p NULL: element `index`
    uint32_t index;
};

static const struct value *at(const struct value *schema, const char *key)
{
    return schema->kind == V_OBJECT ? value_get_str(schema, slice_str(key))
                                    : NULL;
}

static void put_place(struct buf *b, const struct place *p)
{
    if (p == NULL)
        return;
    put_place(b, p->up);
    if (b->n > 0)
        buf_char(b, '.');
    if (p->name.p != NULL)
        buf_slice(b, p->name);
    else
        buf_printf(b, "%u", p->index);
}

static void fault(struct check *k, const struct place *p, const char *type,
                  struct value desc)
{
    k->count++;
    if (k->quiet > 0 || k->status != BUILTIN_OK)
        return;
    struct buf b;
    builtin_buf(k->c, &b);
    put_place(&b, p);
    if (b.n == 0)
        buf_str(&b, "(root)");
    struct value field = builtin_buf_value(k->c, &b);
    struct value *v = builtin_values(k->c, 8);
    if (v == NULL || field.kind == V_UNDEF || desc.kind == V_UNDEF) {
        k->status = builtin_nomem(k->c);
        return;
    }
    v[0] = VALUE_LIT("desc");
    v[1] = desc;
    v[2] = VALUE_LIT("error");
    v[3] = builtin_text(k->c, "%.*s: %.*s", (int)field.n, field.u.s,
                        (int)desc.n, desc.u.s);
    v[4] = VALUE_LIT("field");
    v[5] = field;
    v[6] = VALUE_LIT("type");
    v[7] = value_str(slice_str(type));
    if (v[3].kind == V_UNDEF) {
        k->status = builtin_nomem(k->c);
        return;
    }
    value_list_add(&k->faults, value_object(v, 4));
}

static void say(struct check *k, const struct place *p, const char *type,
                const char *text)
{
    fault(k, p, type, value_str(slice_str(text)));
}

/* `text` with the JSON of `v` behind it. */
static void say_value(struct check *k, const struct place *p, const char *type,
                      const char *text, const struct value *v)
{
    if (k->quiet > 0) {
        k->count++;
        return;
    }
    struct slice s = value_json_arena(k->c->arena, v);
    fault(k, p, type, builtin_text(k->c, "%s%.*s", text, SLICE_FMT(s)));
}

static void match(struct check *k, const struct value *schema,
                  const struct value *v, const struct place *p);

/* Does it match?  Nothing is reported. */
static bool matches(struct check *k, const struct value *schema,
                    const struct value *v, const struct place *p)
{
    size_t before = k->count;
    k->quiet++;
    match(k, schema, v, p);
    k->quiet--;
    bool ok = k->count == before;
    k->count = before;
    return ok;
}

/* ---- types -------------------------------------------------------------- */

static const char *type_of(const struct value *v)
{
    if (v->kind == V_NUMBER)
        return value_is_integral(v) ? "integer" : "number";
    return value_kind_name(v->kind);
}

static bool is_type(const struct value *v, const struct value *name)
{
    struct slice s = value_slice(name);
    const char *own = type_of(v);
    return name->kind == V_STRING &&
           (slice_is(s, own) || (v->kind == V_NUMBER && slice_is(s, "number")));
}

static void check_type(struct check *k, const struct value *type,
                       const struct value *v, const struct place *p)
{
    bool ok = type->kind == V_STRING && is_type(v, type);
    struct buf b;
    builtin_buf(k->c, &b);
    if (type->kind == V_STRING)
        buf_slice(&b, value_slice(type));
    for (uint32_t i = 0; type->kind == V_ARRAY && i < type->n; i++) {
        ok = ok || is_type(v, &type->u.v[i]);
        if (i > 0)
            buf_char(&b, ',');
        if (type->u.v[i].kind == V_STRING)
            buf_slice(&b, value_slice(&type->u.v[i]));
    }
    if (!ok)
        fault(k, p, "invalid_type",
              builtin_text(k->c, "Invalid type. Expected: %.*s, given: %s",
                           (int)b.n, b.p, type_of(v)));
    buf_release(&b);
}

static void check_values(struct check *k, const struct value *schema,
                         const struct value *v, const struct place *p)
{
    const struct value *want = at(schema, "enum");
    bool found = want == NULL || want->kind != V_ARRAY;
    for (uint32_t i = 0; !found && i < want->n; i++)
        found = value_equal(&want->u.v[i], v);
    if (!found)
        say_value(k, p, "enum", "must be one of the following: ", want);
    want = at(schema, "const");
    if (want != NULL && !value_equal(want, v))
        say_value(k, p, "const", "does not match: ", want);
}

/* ---- numbers and strings ------------------------------------------------ */

/* A bound from below or above: keywords, fault types, words; [1]: the bound
 * itself is excluded. */
struct bound {
    const char *key, *strict_key;
    const char *type[2], *text[2];
    int sign;
};

static const struct bound bounds[] = {
    {"minimum",
     "exclusiveMinimum",
     {"number_gte", "number_gt"},
     {"Must be greater than or equal to ", "Must be greater than "},
     1},
    {"maximum",
     "exclusiveMaximum",
     {"number_lte", "number_lt"},
     {"Must be less than or equal to ", "Must be less than "},
     -1},
};

static void check_bound(struct check *k, const struct value *schema,
                        const struct value *v, const struct place *p,
                        const struct bound *b)
{
    const struct value *bound = at(schema, b->key);
    const struct value *beyond = at(schema, b->strict_key);
    bool strict = beyond != NULL && value_is_true(beyond); // draft 4
    if (bound != NULL && bound->kind == V_NUMBER &&
        value_compare(v, bound) * b->sign < (int)strict)
        say_value(k, p, b->type[strict], b->text[strict], bound);
    if (beyond != NULL && beyond->kind == V_NUMBER &&
        value_compare(v, beyond) * b->sign <= 0)
        say_value(k, p, b->type[1], b->text[1], beyond);
}

static void check_number(struct check *k, const struct value *schema,
                         const struct value *v, const struct place *p)
{
    check_bound(k, schema, v, p, &bounds[0]);
    check_bound(k, schema, v, p, &bounds[1]);
    const struct value *of = at(schema, "multipleOf");
    struct number tx, ty, q;
    if (of == NULL || of->kind != V_NUMBER)
        return;
    if (number_div(k->c->arena, builtin_number(v, &tx), builtin_number(of, &ty),
                   &q, NULL) != OK ||
        !number_is_int(&q))
        say_value(k, p, "multiple_of", "Must be a multiple of ", of);
}

/* The schema's whole number under `key`; false if there is none. */
static bool limit_of(const struct value *schema, const char *key, int64_t *out)
{
    const struct value *v = at(schema, key);
    return v != NULL && v->kind == V_NUMBER && value_as_int(v, out);
}

/* A count and its bounds: keywords, fault types, words. */
struct counted {
    const char *key[2], *type[2], *text[2], *unit;
};

static void check_count(struct check *k, const struct value *schema,
                        const struct counted *w, int64_t n,
                        const struct place *p)
{
    for (size_t i = 0; i < 2; i++) {
        int64_t bound;
        if (limit_of(schema, w->key[i], &bound) &&
            (i == 0 ? n < bound : n > bound))
            fault(k, p, w->type[i],
                  builtin_text(k->c, "%s%lld%s", w->text[i], (long long)bound,
                               w->unit));
    }
}

/* Does `pattern` match anywhere in `s`?  A pattern that does not compile
 * matches nothing. */
static bool fits(struct check *k, const struct value *pattern, struct slice s)
{
    struct regex_run run = builtin_run(k->c);
    enum builtin_status st = BUILTIN_OK;
    const struct regex *re = builtin_regex(k->c, pattern, &st);
    if (re == NULL) {
        k->status = st;
        return false;
    }
    enum regex_result r = regex_match(re, s, &run);
    if (r == REGEX_LIMIT)
        k->status = builtin_run_limit(k->c);
    return r == REGEX_YES;
}

/* "format": a pattern, Go's layouts, or an address family. */
static const struct {
    const char *name, *pattern;
    const char *layout[3];
    int family;
} formats[] = {
    {"date", NULL, {"2006-01-02"}, 0},
    {"time", NULL, {"15:04:05Z07:00", "15:04:05"}, 0},
    {"date-time", NULL, {"2006-01-02T15:04:05Z07:00"}, 0},
    {"email", "^[^@\\s]+@[^@\\s]+$", {NULL}, 0},
    {"hostname",
     "^([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]{0,61}[a-zA-Z0-9])"
     "(\\.([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]{0,61}[a-zA-Z0-9]))*$",
     {NULL},
     0},
    {"uri", "^[A-Za-z][A-Za-z0-9+.-]*:[^\\s\\\\]*$", {NULL}, 0},
    {"uuid",
     "^(?i)[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}$",
     {NULL},
     0},
    {"ipv4", NULL, {NULL}, AF_INET},
    {"ipv6", NULL, {NULL}, AF_INET6},
};

static bool is_address(struct slice s, int family)
{
    char text[64];
    uint8_t raw[16];
    if (s.n == 0 || s.n >= sizeof text || memchr(s.p, 0, s.n) != NULL)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return inet_pton(family, text, raw) == 1;
}

static bool has_format(struct check *k, size_t f, struct slice s)
{
    struct gotime t;
    if (formats[f].family != 0)
        return is_address(s, formats[f].family);
    if (formats[f].pattern != NULL) {
        struct value pattern = value_str(slice_str(formats[f].pattern));
        return fits(k, &pattern, s);
    }
    for (size_t i = 0; i < 3 && formats[f].layout[i] != NULL; i++)
        if (gotime_parse(slice_str(formats[f].layout[i]), s, &t, NULL) == OK)
            return true;
    return false;
}

/* Formats that are not known hold. */
static void check_format(struct check *k, const struct value *format,
                         const struct value *v, const struct place *p)
{
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
        if (format->kind == V_STRING &&
            slice_is(value_slice(format), formats[f].name) &&
            !has_format(k, f, value_slice(v)))
            fault(k, p, "format",
                  builtin_text(k->c, "Does not match format '%s'",
                               formats[f].name));
}

static void check_string(struct check *k, const struct value *schema,
                         const struct value *v, const struct place *p)
{
    static const struct counted length = {
        {"minLength", "maxLength"},
        {"string_gte", "string_lte"},
        {"String length must be greater than or equal to ",
         "String length must be less than or equal to "},
        ""};
    check_count(k, schema, &length, (int64_t)unicode_count(value_slice(v)), p);
    const struct value *pattern = at(schema, "pattern");
    if (pattern != NULL && pattern->kind == V_STRING &&
        !fits(k, pattern, value_slice(v)))
        fault(k, p, "pattern",
              builtin_text(k->c, "Does not match pattern '%.*s'",
                           (int)pattern->n, pattern->u.s));
    const struct value *format = at(schema, "format");
    if (format != NULL)
        check_format(k, format, v, p);
}

/* ---- arrays ------------------------------------------------------------- */

static void check_unique(struct check *k, const struct value *v,
                         const struct place *p)
{
    for (uint32_t i = 0; i < v->n; i++) {
        if (!builtin_step(k->c, i + UINT64_C(1))) {
            k->status = BUILTIN_FATAL;
            return;
        }
        for (uint32_t j = 0; j < i; j++) {
            if (value_equal(&v->u.v[i], &v->u.v[j])) {
                fault(k, p, "unique",
                      builtin_text(k->c, "array items[%u,%u] must be unique", j,
                                   i));
                return;
            }
        }
    }
}

static void check_items(struct check *k, const struct value *schema,
                        const struct value *v, const struct place *p)
{
    const struct value *items = at(schema, "items");
    const struct value *more = at(schema, "additionalItems");
    for (uint32_t i = 0; items != NULL && i < v->n; i++) {
        struct place here = {p, {NULL, 0}, i};
        if (items->kind != V_ARRAY) {
            match(k, items, &v->u.v[i], &here);
        } else if (i < items->n) {
            match(k, &items->u.v[i], &v->u.v[i], &here);
        } else if (more != NULL && value_is_false(more)) {
            say(k, p, "array_no_additional_items",
                "No additional items allowed on array");
            break;
        } else if (more != NULL) {
            match(k, more, &v->u.v[i], &here);
        }
    }
}

static void check_array(struct check *k, const struct value *schema,
                        const struct value *v, const struct place *p)
{
    static const struct counted size = {
        {"minItems", "maxItems"},
        {"array_min_items", "array_max_items"},
        {"Array must have at least ", "Array must have at most "},
        " items"};
    check_items(k, schema, v, p);
    check_count(k, schema, &size, v->n, p);
    const struct value *unique = at(schema, "uniqueItems");
    if (unique != NULL && value_is_true(unique))
        check_unique(k, v, p);
    const struct value *contains = at(schema, "contains");
    bool found = contains == NULL;
    for (uint32_t i = 0; !found && i < v->n; i++)
        found = matches(k, contains, &v->u.v[i], p);
    if (!found)
        say(k, p, "contains", "At least one of the items must match");
}

/* ---- objects ------------------------------------------------------------ */

/* One member against properties, patternProperties, additionalProperties. */
static void check_member(struct check *k, const struct value *schema,
                         const struct value *pair, const struct place *p)
{
    const struct value *props = at(schema, "properties");
    const struct value *patterns = at(schema, "patternProperties");
    const struct value *more = at(schema, "additionalProperties");
    struct slice name = value_slice(&pair[0]);
    struct place here = {p, name, 0};
    bool known = false;
    const struct value *own = props != NULL && props->kind == V_OBJECT
                                  ? value_get(props, pair)
                                  : NULL;
    if (own != NULL) {
        known = true;
        match(k, own, &pair[1], &here);
    }
    for (uint32_t i = 0;
         patterns != NULL && patterns->kind == V_OBJECT && i < patterns->n;
         i++) {
        const struct value *q = &patterns->u.v[2 * (size_t)i];
        if (q->kind == V_STRING && fits(k, q, name)) {
            known = true;
            match(k, q + 1, &pair[1], &here);
        }
    }
    if (known || more == NULL)
        return;
    if (value_is_false(more))
        fault(k, p, "additional_property_not_allowed",
              builtin_text(k->c, "Additional property %.*s is not allowed",
                           SLICE_FMT(name)));
    else
        match(k, more, &pair[1], &here);
}

static void check_required(struct check *k, const struct value *names,
                           const struct value *v, const struct place *p,
                           const char *type, const char *before,
                           const char *behind)
{
    for (uint32_t i = 0; names->kind == V_ARRAY && i < names->n; i++) {
        const struct value *name = &names->u.v[i];
        if (name->kind == V_STRING && value_get(v, name) == NULL)
            fault(k, p, type,
                  builtin_text(k->c, "%s%.*s%s", before, (int)name->n,
                               name->u.s, behind));
    }
}

static void check_dependencies(struct check *k, const struct value *deps,
                               const struct value *v, const struct place *p)
{
    for (uint32_t i = 0; deps->kind == V_OBJECT && i < deps->n; i++) {
        const struct value *d = &deps->u.v[2 * (size_t)i];
        if (value_get(v, d) == NULL)
            continue;
        if (d[1].kind == V_ARRAY)
            check_required(k, &d[1], v, p, "missing_dependency",
                           "Has a dependency on ", "");
        else
            match(k, &d[1], v, p);
    }
}

static void check_object(struct check *k, const struct value *schema,
                         const struct value *v, const struct place *p)
{
    static const struct counted size = {
        {"minProperties", "maxProperties"},
        {"array_min_properties", "array_max_properties"},
        {"Must have at least ", "Must have at most "},
        " properties"};
    const struct value *required = at(schema, "required");
    const struct value *names = at(schema, "propertyNames");
    const struct value *deps = at(schema, "dependencies");
    if (required != NULL)
        check_required(k, required, v, p, "required", "", " is required");
    check_count(k, schema, &size, v->n, p);
    for (uint32_t i = 0; i < v->n && k->status == BUILTIN_OK; i++) {
        const struct value *pair = &v->u.v[2 * (size_t)i];
        if (pair->kind != V_STRING)
            continue;
        check_member(k, schema, pair, p);
        if (names != NULL && !matches(k, names, pair, p))
            fault(k, p, "invalid_property_name",
                  builtin_text(k->c, "Property name of \"%.*s\" does not match",
                               (int)pair->n, pair->u.s));
    }
    if (deps != NULL)
        check_dependencies(k, deps, v, p);
}

/* ---- combinations ------------------------------------------------------- */

static void check_combined(struct check *k, const struct value *schema,
                           const struct value *v, const struct place *p)
{
    const struct value *list = at(schema, "allOf");
    size_t before = k->count, hits = 0;
    for (uint32_t i = 0; list != NULL && list->kind == V_ARRAY && i < list->n;
         i++)
        match(k, &list->u.v[i], v, p);
    if (k->count > before)
        say(k, p, "number_all_of", "Must validate all the schemas (allOf)");
    list = at(schema, "anyOf");
    if (list != NULL && list->kind == V_ARRAY) {
        for (uint32_t i = 0; i < list->n && hits == 0; i++)
            hits += matches(k, &list->u.v[i], v, p);
        if (hits == 0)
            say(k, p, "number_any_of",
                "Must validate at least one schema (anyOf)");
    }
    list = at(schema, "oneOf");
    if (list != NULL && list->kind == V_ARRAY) {
        hits = 0;
        for (uint32_t i = 0; i < list->n; i++)
            hits += matches(k, &list->u.v[i], v, p);
        if (hits != 1)
            say(k, p, "number_one_of",
                "Must validate one and only one schema (oneOf)");
    }
}

/* not, if, then, else */
static void check_conditions(struct check *k, const struct value *schema,
                             const struct value *v, const struct place *p)
{
    const struct value *no = at(schema, "not");
    if (no != NULL && matches(k, no, v, p))
        say(k, p, "number_not", "Must not validate the schema (not)");
    const struct value *cond = at(schema, "if");
    if (cond == NULL)
        return;
    bool yes = matches(k, cond, v, p);
    const struct value *branch = at(schema, yes ? "then" : "else");
    if (branch != NULL && !matches(k, branch, v, p))
        say(k, p, yes ? "condition_then" : "condition_else",
            yes ? "Must validate \"then\" as \"if\" was valid"
                : "Must validate \"else\" as \"if\" was not valid");
}

/* What a segment of a JSON pointer names in `v`; NULL if nothing. */
static const struct value *pointed(struct check *k, const struct value *v,
                                   struct slice segment)
{
    char *name = arena_try(k->c->arena, segment.n + 1);
    size_t n = 0;
    int64_t index = 0;
    if (name == NULL)
        return NULL;
    for (size_t i = 0; i < segment.n; i++) {
        char c = segment.p[i];
        bool esc = c == '~' && i + 1 < segment.n;
        if (esc)
            c = segment.p[++i] == '0' ? '~' : '/';
        name[n++] = c;
        index = index < 100000000 ? index * 10 + (c - '0') : index;
    }
    struct value key =
        v->kind == V_ARRAY ? value_int(index) : value_str(slice(name, n));
    return value_lookup(v, &key);
}

/* What "#/definitions/x" names; NULL if nothing. */
static const struct value *resolve(struct check *k, const struct value *ref)
{
    struct slice s = ref->kind == V_STRING ? value_slice(ref) : slice("", 0);
    const struct value *v = k->root;
    if (s.n == 0 || s.p[0] != '#')
        return NULL;
    s = slice_skip(s, 1);
    while (s.n > 0 && v != NULL) {
        if (s.p[0] != '/')
            return NULL;
        s = slice_skip(s, 1);
        size_t n = slice_find(s, '/');
        v = pointed(k, v, slice(s.p, n));
        s = slice_skip(s, n);
    }
    return v;
}

static void match(struct check *k, const struct value *schema,
                  const struct value *v, const struct place *p)
{
    if (k->status != BUILTIN_OK)
        return;
    if (!builtin_step(k->c, 16)) {
        k->status = BUILTIN_FATAL;
        return;
    }
    if (k->depth == DEPTH_MAX) {
        k->status =
            builtin_error(k->c, CODE_BUILTIN, "schema nests too deeply");
        return;
    }
    const struct value *ref = at(schema, "$ref");
    if (value_is_false(schema))
        say(k, p, "false", "False always fails validation");
    if (schema->kind != V_OBJECT)
        return;
    k->depth++;
    if (ref != NULL) {
        const struct value *target = resolve(k, ref);
        if (target != NULL)
            match(k, target, v, p);
        else
            k->status = builtin_error(k->c, CODE_BUILTIN,
                                      "reference cannot be resolved");
    } else {
        const struct value *type = at(schema, "type");
        if (type != NULL)
            check_type(k, type, v, p);
        check_values(k, schema, v, p);
        if (v->kind == V_NUMBER)
            check_number(k, schema, v, p);
        else if (v->kind == V_STRING)
            check_string(k, schema, v, p);
        else if (v->kind == V_ARRAY)
            check_array(k, schema, v, p);
        else if (v->kind == V_OBJECT)
            check_object(k, schema, v, p);
        check_combined(k, schema, v, p);
        check_conditions(k, schema, v, p);
    }
    k->depth--;
}

/* ---- the schema itself -------------------------------------------------- */

static bool known_type(const struct value *t)
{
    static const char *const names[] = {"array", "boolean", "integer", "number",
                                        "null",  "object",  "string"};
    for (size_t i = 0; t->kind == V_STRING && i < 7; i++)
        if (slice_is(value_slice(t), names[i]))
            return true;
    return false;
}

/* What is wrong with the value of "type", or V_UNDEF. */
static struct value type_fault(struct builtin_ctx *c, const struct value *type)
{
    const struct value *t = type->kind == V_ARRAY ? type->u.v : type;
    uint32_t n = type->kind == V_ARRAY ? type->n : 1;
    for (uint32_t i = 0; i < n; i++) {
        if (known_type(&t[i]))
            continue;
        struct slice s =
            t[i].kind == V_STRING ? value_slice(&t[i]) : SLICE("invalid");
        return builtin_text(
            c,
            "has a primitive type that is NOT VALID -- given: /%.*s/ "
            "Expected valid values are:[array boolean integer number null "
            "object string]",
            s.n < 200 ? (int)s.n : 200, s.p);
    }
    return value_undef();
}

enum holds { HOLDS_SCHEMA = 1, HOLDS_LIST = 2, HOLDS_MAP = 4 };

/* Keywords whose values are schemas. */
static const struct {
    const char *key;
    unsigned holds;
} nested[] = {
    {"properties", HOLDS_MAP},
    {"patternProperties", HOLDS_MAP},
    {"definitions", HOLDS_MAP},
    {"allOf", HOLDS_LIST},
    {"anyOf", HOLDS_LIST},
    {"oneOf", HOLDS_LIST},
    {"items", HOLDS_LIST | HOLDS_SCHEMA},
    {"additionalItems", HOLDS_SCHEMA},
    {"additionalProperties", HOLDS_SCHEMA},
    {"contains", HOLDS_SCHEMA},
    {"not", HOLDS_SCHEMA},
    {"propertyNames", HOLDS_SCHEMA},
    {"if", HOLDS_SCHEMA},
    {"then", HOLDS_SCHEMA},
    {"else", HOLDS_SCHEMA},
};

/* What is wrong with a schema, or V_UNDEF; sets `*fatal` at a limit. */
static struct value schema_fault(struct builtin_ctx *c,
                                 const struct value *schema, int depth,
                                 bool *fatal)
{
    const struct value *type = at(schema, "type");
    struct value f = value_undef();
    *fatal = *fatal || !builtin_step(c, 8);
    if (*fatal || depth > DEPTH_MAX || schema->kind != V_OBJECT)
        return f;
    if (type != NULL)
        f = type_fault(c, type);
    for (size_t m = 0; m < sizeof nested / sizeof *nested && f.kind == V_UNDEF;
         m++) {
        const struct value *o = at(schema, nested[m].key);
        if (o == NULL)
            continue;
        bool map = (nested[m].holds & HOLDS_MAP) != 0;
        if (map && o->kind != V_OBJECT)
            return builtin_text(c, "Invalid type. Expected: object, given: %s",
                                value_kind_name(o->kind));
        bool many = map || o->kind == V_ARRAY;
        if (!many)
            f = schema_fault(c, o, depth + 1, fatal);
        for (uint32_t i = 0; many && i < o->n && f.kind == V_UNDEF; i++)
            f = schema_fault(c, &o->u.v[map ? 2 * (size_t)i + 1 : i], depth + 1,
                             fatal);
    }
    return f;
}

/* Operand `pos`: a value, or JSON text. */
static enum builtin_status document(struct builtin_ctx *c,
                                    const struct value *args, int pos,
                                    struct value *out)
{
    struct err err;
    *out = args[pos - 1];
    if (out->kind == V_OBJECT)
        return BUILTIN_OK;
    if (out->kind != V_STRING)
        return builtin_operand(c, pos, "one of {string, object}", out);
    if (!builtin_step(c, out->n / 16 + 1))
        return BUILTIN_FATAL;
    if (value_parse_json(c->arena, value_slice(&args[pos - 1]), out, &err) !=
        OK)
        return builtin_fail(c, &err);
    return BUILTIN_OK;
}

static enum builtin_status two(struct builtin_ctx *c, bool ok, struct value b,
                               struct value *out)
{
    struct value *v = builtin_values(c, 2);
    if (v == NULL)
        return BUILTIN_FATAL;
    v[0] = value_bool(ok);
    v[1] = b;
    *out = value_array(v, 2);
    return BUILTIN_OK;
}

static enum builtin_status
match_schema(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    struct value doc, schema;
    bool fatal = false;
    enum builtin_status st = document(c, args, 1, &doc);
    if (st == BUILTIN_OK)
        st = document(c, args, 2, &schema);
    if (st != BUILTIN_OK)
        return st;
    struct value f = schema_fault(c, &schema, 0, &fatal);
    if (fatal)
        return BUILTIN_FATAL;
    if (f.kind != V_UNDEF)
        return builtin_error(c, CODE_BUILTIN, "%.*s", (int)f.n, f.u.s);
    struct check k = {.c = c, .root = &schema, .status = BUILTIN_OK};
    k.faults = builtin_list(c);
    match(&k, &schema, &doc, NULL);
    if (k.status != BUILTIN_OK)
        return k.status;
    struct value list = value_list_array(&k.faults);
    if (list.kind == V_UNDEF)
        return builtin_nomem(c);
    return two(c, k.count == 0, list, out);
}

static enum builtin_status verify_schema(struct builtin_ctx *c,
                                         const struct value *args,
                                         struct value *out)
{
    struct value schema;
    struct err err;
    bool fatal = false;
    const struct value *a = &args[0];
    if (a->kind != V_STRING && a->kind != V_OBJECT)
        return builtin_operand(c, 1, "one of {string, object}", a);
    schema = *a;
    if (!builtin_step(c, a->n / 16 + 1))
        return BUILTIN_FATAL;
    if (a->kind == V_STRING &&
        value_parse_json(c->arena, value_slice(a), &schema, &err) != OK)
        return two(c, false, builtin_text(c, "jsonschema: %s", err.text), out);
    struct value f = schema_fault(c, &schema, 0, &fatal);
    if (fatal)
        return BUILTIN_FATAL;
    if (f.kind == V_UNDEF)
        return two(c, true, value_null(), out);
    return two(c, false, builtin_text(c, "jsonschema: %.*s", (int)f.n, f.u.s),
               out);
}

const struct builtin builtin_schema[] = {
    BUILTIN("json.match_schema", 2, "|s(a)||s(a)|>[|b[(a)]|]", match_schema),
    BUILTIN("json.verify_schema", 1, "|s(a)|>[|b|zs||]", verify_schema),
    BUILTIN_END,
};

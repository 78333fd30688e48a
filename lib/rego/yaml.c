/* yaml.c - a recursive descent over lines and columns.
 *
 * A block node is known by the column of its first character: a sequence if
 * that is "- ", a mapping if a key with ": " stands there, else a scalar.
 * What belongs to it stands further right (a sequence under a key may stand
 * in the key's own column).  Aliases share the value they name, so a document
 * cannot blow up in memory.
 */
#include "rego/yaml.h"

#include <string.h>

#include "rego/number.h"
#include "rego/unicode.h"

#define DEPTH_MAX 100
#define ANCHORS_MAX 256
/* Nodes of a document with every alias written out: sharing keeps memory
 * small, but whoever compares or prints the value visits them all. */
#define EXPANDED_MAX 200000

struct anchor {
    struct slice name;
    struct value v;
    int height;    // levels of nesting below
    uint64_t size; // nodes with aliases written out
};

struct yaml {
    struct arena *a;
    struct slice s;
    size_t at, line_start;
    int line, depth;
    int height;            // of the node read last
    uint64_t size;         // nodes so far, aliases written out
    struct anchor *anchor; // ANCHORS_MAX; apart, as `y` is copied to look ahead
    size_t anchors;
    enum status status;
    struct err *err;
};

static bool fail(struct yaml *y, const char *what)
{
    if (y->status == OK)
        y->status = err_set(y->err, E_INVALID, "yaml", "yaml: line %d: %s",
                            y->line, what);
    return false;
}

static bool no_room(struct yaml *y)
{
    if (y->status == OK)
        y->status = err_set(y->err, E_TOO_BIG, "yaml", "no memory");
    return false;
}

static char peek(const struct yaml *y, size_t ahead)
{
    return y->at + ahead < y->s.n ? y->s.p[y->at + ahead] : '\0';
}

static bool at_end(const struct yaml *y)
{
    return y->at >= y->s.n;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\0';
}

static int column(const struct yaml *y)
{
    return (int)(y->at - y->line_start);
}

static void newline(struct yaml *y)
{
    y->at++;
    y->line++;
    y->line_start = y->at;
}

/* Skips blanks and a comment up to the end of the line. */
static void skip_inline(struct yaml *y)
{
    while (peek(y, 0) == ' ' || peek(y, 0) == '\t' || peek(y, 0) == '\r')
        y->at++;
    if (peek(y, 0) == '#' && (y->at == 0 || blank(y->s.p[y->at - 1])))
        while (!at_end(y) && peek(y, 0) != '\n')
            y->at++;
}

/* To the next character that means something, maybe lines below. */
static void skip_lines(struct yaml *y)
{
    for (;;) {
        skip_inline(y);
        if (at_end(y) || peek(y, 0) != '\n')
            return;
        newline(y);
    }
}

static bool at_document_mark(const struct yaml *y)
{
    struct slice rest = slice_skip(y->s, y->at);
    return column(y) == 0 &&
           (slice_starts(rest, "---") || slice_starts(rest, "...")) &&
           blank(peek(y, 3));
}

/* ---- scalars ------------------------------------------------------------ */

static bool is_word(struct slice s, const char *const *words)
{
    for (; *words != NULL; words++)
        if (slice_is(s, *words))
            return true;
    return false;
}

static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
static const char *const trues[] = {"true", "True", "TRUE", "yes", "Yes",
                                    "YES",  "on",   "On",   "ON",  NULL};
static const char *const falses[] = {"false", "False", "FALSE", "no",  "No",
                                     "NO",    "off",   "Off",   "OFF", NULL};

/* 0x1f, 0o17, 017, 1_000 and decimal numbers of all kinds. */
static bool number_of(struct arena *a, struct slice s, struct number *n)
{
    size_t sign = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+');
    struct slice body = slice_skip(s, sign);
    unsigned base = 0;
    if (body.n == 0 || !((body.p[0] >= '0' && body.p[0] <= '9') ||
                         (body.p[0] == '.' && body.n > 1)))
        return false;
    if (slice_starts(body, "0x") || slice_starts(body, "0o") ||
        slice_starts(body, "0b")) {
        base = body.p[1] == 'x' ? 16 : body.p[1] == 'o' ? 8 : 2;
        body = slice_skip(body, 2);
    } else if (body.n > 1 && body.p[0] == '0' &&
               strspn(body.p, "01234567") >= body.n) {
        base = 8;
    }
    if (base == 0) {
        if (number_parse_loose(a, s, n, NULL) != OK)
            return false;
        n->text = NULL;
        return true;
    }
    return body.n > 0 && body.p[0] != '-' && body.p[0] != '+' &&
           number_parse_base(a, body, base, n, NULL) == OK &&
           (s.p[0] != '-' || number_neg(a, n, n, NULL) == OK);
}

/* The text lies before a terminator (strspn above). */
static bool resolve(struct yaml *y, struct slice s, struct value *out)
{
    struct number n;
    if (is_word(s, nulls)) {
        *out = value_null();
    } else if (is_word(s, trues)) {
        *out = value_bool(true);
    } else if (is_word(s, falses)) {
        *out = value_bool(false);
    } else if (number_of(y->a, s, &n)) {
        if (n.kind == NUMBER_INT) {
            *out = value_int(n.i);
            return true;
        }
        struct number *p = arena_try(y->a, sizeof *p);
        if (p == NULL)
            return no_room(y);
        *p = n;
        *out = value_num(p);
    } else {
        *out = value_str(s);
    }
    return true;
}

static bool keep(struct yaml *y, struct buf *b, struct slice *out)
{
    *out = b->n > 0 ? buf_get(b) : slice("", 0);
    return !b->failed || no_room(y);
}

/* A line break within a quoted or plain scalar: one is a blank, more are
 * one less. */
static void fold(struct yaml *y, struct buf *b)
{
    int breaks = 0;
    while (b->n > 0 && (b->p[b->n - 1] == ' ' || b->p[b->n - 1] == '\t'))
        b->n--;
    while (!at_end(y) && blank(peek(y, 0))) {
        if (peek(y, 0) == '\n') {
            breaks++;
            newline(y);
        } else {
            y->at++;
        }
    }
    if (breaks == 1)
        buf_char(b, ' ');
    for (int i = 1; i < breaks; i++)
        buf_char(b, '\n');
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind a backslash. */
static bool escape(struct yaml *y, struct buf *b)
{
    static const char from[] = "0abtnvfre \"/\\N_LP";
    static const uint16_t to[] = {0,    7,    8,    9,      10,    11,
                                  12,   13,   27,   ' ',    '"',   '/',
                                  '\\', 0x85, 0xa0, 0x2028, 0x2029};
    char c = peek(y, 0);
    const char *k = c != '\0' ? strchr(from, c) : NULL;
    if (c == '\n') {
        newline(y);
        while (peek(y, 0) == ' ' || peek(y, 0) == '\t')
            y->at++;
        return true;
    }
    y->at++;
    if (k != NULL) {
        unicode_put(b, to[k - from]);
        return true;
    }
    int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    uint32_t r = 0;
    if (digits == 0)
        return fail(y, "found unknown escape character");
    for (int i = 0; i < digits; i++) {
        if (hex(peek(y, 0)) < 0)
            return fail(y, "did not find expected hexdecimal number");
        r = r << 4 | (uint32_t)hex(peek(y, 0));
        y->at++;
    }
    unicode_put(b, r);
    return true;
}

static bool quoted(struct yaml *y, struct slice *out)
{
    char q = y->s.p[y->at++];
    struct buf b;
    buf_init_arena(&b, y->a, y->s.n * 3 + 16);
    for (;;) {
        if (at_end(y)) {
            return fail(y, "found unexpected end of stream");
        }
        char c = peek(y, 0);
        if (c == q && q == '\'' && peek(y, 1) == '\'') {
            buf_char(&b, '\'');
            y->at += 2;
        } else if (c == q) {
            y->at++;
            break;
        } else if (c == '\n') {
            fold(y, &b);
        } else if (c == '\\' && q == '"') {
            y->at++;
            if (!escape(y, &b))
                return false;
        } else {
            buf_char(&b, c);
            y->at++;
        }
    }
    return keep(y, &b, out);
}

/* Where a plain scalar ends on this line. */
static bool plain_stops(const struct yaml *y, bool flow)
{
    char c = peek(y, 0);
    if (at_end(y) || c == '\n')
        return true;
    if (c == ':' &&
        (blank(peek(y, 1)) || (flow && strchr(",[]{}", peek(y, 1)) != NULL)))
        return true;
    if (c == '#' && y->at > 0 && blank(y->s.p[y->at - 1]))
        return true;
    return flow && strchr(",[]{}", c) != NULL;
}

/* A plain scalar, over lines that stand right of `indent`. */
static bool plain(struct yaml *y, int indent, bool flow, struct slice *out)
{
    struct buf b;
    buf_init_arena(&b, y->a, y->s.n + 16);
    for (;;) {
        while (!plain_stops(y, flow))
            buf_char(&b, y->s.p[y->at++]);
        if (at_end(y) || peek(y, 0) != '\n')
            break;
        struct yaml ahead = *y;
        size_t n = b.n;
        fold(y, &b);
        if (at_end(y) || column(y) <= indent || peek(y, 0) == '#' ||
            at_document_mark(y) || plain_stops(y, flow)) {
            y->at = ahead.at;
            y->line = ahead.line;
            y->line_start = ahead.line_start;
            b.n = n < b.n ? n : b.n;
            break;
        }
    }
    while (b.n > 0 && blank(b.p[b.n - 1]))
        b.n--;
    return keep(y, &b, out);
}

/* A literal or folded scalar being read. */
struct block {
    struct buf b;
    bool folded, first, deeper; // deeper: the line before was indented more
    char chomp;
    int own; // its column; -1: the first line tells
    size_t breaks;
};

/* Behind "|" or ">": "-", "+", a digit. */
static bool block_header(struct yaml *y, int indent, struct block *k)
{
    for (; !blank(peek(y, 0)) && peek(y, 0) != '#'; y->at++) {
        char c = peek(y, 0);
        if (c == '-' || c == '+')
            k->chomp = c;
        else if (c >= '1' && c <= '9')
            k->own = (indent < 0 ? 0 : indent) + (c - '0');
        else
            return fail(y, "did not find expected comment or line break");
    }
    skip_inline(y);
    if (!at_end(y) && peek(y, 0) != '\n')
        return fail(y, "did not find expected comment or line break");
    if (!at_end(y))
        newline(y);
    return true;
}

/* One line of text with the breaks before it. */
static void block_line(struct yaml *y, struct block *k)
{
    bool deeper = peek(y, 0) == ' ' || peek(y, 0) == '\t';
    bool joins = k->folded && !k->first && !k->deeper && !deeper;
    if (joins && k->breaks == 1)
        buf_char(&k->b, ' ');
    else
        for (size_t i = joins ? 1 : 0; i < k->breaks; i++)
            buf_char(&k->b, '\n');
    while (!at_end(y) && peek(y, 0) != '\n')
        buf_char(&k->b, y->s.p[y->at++]);
    k->first = false;
    k->deeper = deeper;
    k->breaks = 0;
    if (!at_end(y)) {
        newline(y);
        k->breaks = 1;
    }
}

/* "|" and ">"; lines stand right of `indent`. */
static bool block_scalar(struct yaml *y, int indent, struct slice *out)
{
    struct block k = {.folded = y->s.p[y->at++] == '>', .first = true};
    k.own = -1;
    if (!block_header(y, indent, &k))
        return false;
    buf_init_arena(&k.b, y->a, y->s.n + 16);
    while (!at_end(y)) {
        size_t spaces = 0;
        while (peek(y, spaces) == ' ')
            spaces++;
        bool cr = peek(y, spaces) == '\r' && peek(y, spaces + 1) == '\n';
        if (peek(y, spaces) == '\n' || cr) { // an empty line
            y->at += spaces + cr;
            k.breaks++;
            newline(y);
            continue;
        }
        if (k.own < 0 && (int)spaces > indent)
            k.own = (int)spaces;
        if (k.own < 0 || (int)spaces < k.own)
            break;
        y->at += (size_t)k.own;
        block_line(y, &k);
    }
    size_t end = k.chomp == '+' ? k.breaks : k.chomp == '-' || k.first ? 0 : 1;
    for (size_t i = 0; i < end; i++)
        buf_char(&k.b, '\n');
    return keep(y, &k.b, out);
}

/* ---- collections -------------------------------------------------------- */

static bool flow_node(struct yaml *y, struct value *out);
static bool block_node(struct yaml *y, int indent, bool inside,
                       struct value *out);

/* Keys are strings; others by their text. */
static bool key_of(struct yaml *y, struct value v, struct value *out)
{
    if (v.kind == V_STRING) {
        *out = v;
        return true;
    }
    if (v.kind == V_ARRAY || v.kind == V_OBJECT)
        return fail(y, "invalid map key");
    struct slice s = value_json_arena(y->a, &v);
    *out = value_str(s);
    return s.p != NULL || no_room(y);
}

/* Collects pairs; those of merge keys come first, so that own ones win. */
struct pairs {
    struct value_list merged, own;
};

static bool merge(struct yaml *y, struct pairs *p, const struct value *v)
{
    if (v->kind == V_ARRAY) {
        for (uint32_t i = v->n; i-- > 0;)
            if (v->u.v[i].kind != V_OBJECT || !merge(y, p, &v->u.v[i]))
                return fail(y, "map merge requires map or sequence of maps");
        return true;
    }
    if (v->kind != V_OBJECT)
        return fail(y, "map merge requires map or sequence of maps");
    for (uint32_t i = 0; i < 2 * v->n; i++)
        value_list_add(&p->merged, v->u.v[i]);
    return true;
}

static bool add_pair(struct yaml *y, struct pairs *p, struct value key,
                     bool quoted_key, struct value v)
{
    struct value k;
    if (!quoted_key && key.kind == V_STRING &&
        slice_is(value_slice(&key), "<<"))
        return merge(y, p, &v);
    if (!key_of(y, key, &k))
        return false;
    value_list_add(&p->own, k);
    value_list_add(&p->own, v);
    return !p->own.failed || no_room(y);
}

static bool end_pairs(struct yaml *y, struct pairs *p, struct value *out)
{
    for (size_t i = 0; i < p->own.n; i++)
        value_list_add(&p->merged, p->own.items[i]);
    *out = value_list_object(&p->merged);
    return out->kind != V_UNDEF || no_room(y);
}

static bool scalar(struct yaml *y, int indent, bool flow, bool *is_quoted,
                   struct value *out)
{
    struct slice s;
    *is_quoted = peek(y, 0) == '"' || peek(y, 0) == '\'';
    y->height = 0;
    if (*is_quoted) {
        if (!quoted(y, &s))
            return false;
        *out = value_str(s);
        return true;
    }
    if (peek(y, 0) != '\0' && strchr("@`%", peek(y, 0)) != NULL)
        return fail(y, "found character that cannot start any token");
    return plain(y, indent, flow, &s) && resolve(y, s, out);
}

static bool flow_sequence(struct yaml *y, struct value *out)
{
    struct value_list l;
    int height = 0;
    value_list_init(&l, y->a);
    y->at++;
    for (;;) {
        struct value v;
        skip_lines(y);
        if (peek(y, 0) == ']')
            break;
        if (at_end(y) || peek(y, 0) == '}' || peek(y, 0) == ',')
            return fail(y, "did not find expected node content");
        if (!flow_node(y, &v))
            return false;
        height = y->height > height ? y->height : height;
        value_list_add(&l, v);
        skip_lines(y);
        if (peek(y, 0) == ',')
            y->at++;
        else if (peek(y, 0) != ']')
            return fail(y, "did not find expected ',' or ']'");
    }
    y->at++;
    y->height = height + 1;
    *out = value_list_array(&l);
    return out->kind != V_UNDEF || no_room(y);
}

static bool flow_mapping(struct yaml *y, struct value *out)
{
    struct pairs p;
    int height = 0;
    value_list_init(&p.merged, y->a);
    value_list_init(&p.own, y->a);
    y->at++;
    for (;;) {
        struct value key, v = value_null();
        bool is_quoted = false;
        skip_lines(y);
        if (peek(y, 0) == '}')
            break;
        if (at_end(y) || peek(y, 0) == ']' || peek(y, 0) == ',')
            return fail(y, "did not find expected node content");
        if (!scalar(y, -1, true, &is_quoted, &key))
            return false;
        skip_lines(y);
        if (peek(y, 0) == ':') {
            y->at++;
            skip_lines(y);
            if (peek(y, 0) != ',' && peek(y, 0) != '}' && !flow_node(y, &v))
                return false;
            height = y->height > height ? y->height : height;
        }
        if (!add_pair(y, &p, key, is_quoted, v))
            return false;
        skip_lines(y);
        if (peek(y, 0) == ',')
            y->at++;
        else if (peek(y, 0) != '}')
            return fail(y, "did not find expected ',' or '}'");
    }
    y->at++;
    y->height = height + 1;
    return end_pairs(y, &p, out);
}

/* A name behind '&' or '*'. */
static struct slice anchor_name(struct yaml *y)
{
    size_t from = ++y->at;
    while (!blank(peek(y, 0)) && strchr(",[]{}", peek(y, 0)) == NULL)
        y->at++;
    return slice(y->s.p + from, y->at - from);
}

static bool alias(struct yaml *y, struct value *out)
{
    struct slice name = anchor_name(y);
    for (size_t i = y->anchors; i-- > 0;) {
        const struct anchor *k = &y->anchor[i];
        if (!slice_eq(k->name, name))
            continue;
        *out = k->v;
        y->height = k->height;
        y->size += k->size;
        if (y->depth + k->height > DEPTH_MAX || y->size > EXPANDED_MAX)
            return fail(y, "document contains excessive aliasing");
        return true;
    }
    return fail(y, "unknown anchor referenced");
}

struct properties {
    struct slice anchor, tag;
};

/* "&name" and "!!tag" before a node. */
static void properties(struct yaml *y, struct properties *p)
{
    *p = (struct properties){0};
    for (;;) {
        if (peek(y, 0) == '&') {
            p->anchor = anchor_name(y);
        } else if (peek(y, 0) == '!') {
            size_t from = y->at;
            while (!blank(peek(y, 0)) && strchr(",[]{}", peek(y, 0)) == NULL)
                y->at++;
            p->tag = slice(y->s.p + from, y->at - from);
        } else {
            return;
        }
        skip_inline(y);
    }
}

/* `from` is y->size before the node. */
static bool finish(struct yaml *y, const struct properties *p, uint64_t from,
                   struct value *out)
{
    y->size++;
    if (p->tag.p != NULL && slice_is(p->tag, "!!str") &&
        out->kind != V_STRING) {
        struct slice s = value_json_arena(y->a, out);
        if (s.p == NULL)
            return no_room(y);
        *out = value_str(out->kind == V_NULL ? slice("", 0) : s);
    }
    if (p->anchor.p == NULL)
        return true;
    if (y->anchors == ANCHORS_MAX)
        return fail(y, "too many anchors");
    y->anchor[y->anchors++] =
        (struct anchor){p->anchor, *out, y->height, y->size - from};
    return true;
}

static bool flow_node(struct yaml *y, struct value *out)
{
    struct properties p;
    uint64_t from = y->size;
    bool is_quoted, ok;
    if (++y->depth > DEPTH_MAX)
        return fail(y, "exceeded max depth");
    properties(y, &p);
    if (peek(y, 0) == '[')
        ok = flow_sequence(y, out);
    else if (peek(y, 0) == '{')
        ok = flow_mapping(y, out);
    else if (peek(y, 0) == '*')
        ok = alias(y, out);
    else
        ok = scalar(y, -1, true, &is_quoted, out);
    y->depth--;
    return ok && finish(y, &p, from, out);
}

static bool at_dash(const struct yaml *y)
{
    return peek(y, 0) == '-' && blank(peek(y, 1));
}

/* True if "key:" stands here. */
static bool at_key(const struct yaml *y)
{
    struct yaml t = *y;
    if (at_end(&t) || strchr("[{|>#", peek(&t, 0)) != NULL)
        return false;
    if (peek(&t, 0) == '"' || peek(&t, 0) == '\'') {
        char q = t.s.p[t.at++];
        while (!at_end(&t) && peek(&t, 0) != '\n' && peek(&t, 0) != q)
            t.at += peek(&t, 0) == '\\' && q == '"' ? 2 : 1;
        t.at++;
        while (peek(&t, 0) == ' ')
            t.at++;
        return peek(&t, 0) == ':' && blank(peek(&t, 1));
    }
    while (!plain_stops(&t, false))
        t.at++;
    return peek(&t, 0) == ':';
}

static bool block_sequence(struct yaml *y, struct value *out)
{
    struct value_list l;
    int col = column(y), height = 0;
    value_list_init(&l, y->a);
    while (!at_end(y) && column(y) == col && at_dash(y)) {
        struct value v;
        y->at++;
        if (!block_node(y, col, false, &v))
            return false;
        height = y->height > height ? y->height : height;
        value_list_add(&l, v);
        skip_lines(y);
    }
    if (!at_end(y) && column(y) > col)
        return fail(y, "did not find expected '-' indicator");
    y->height = height + 1;
    *out = value_list_array(&l);
    return out->kind != V_UNDEF || no_room(y);
}

static bool block_mapping(struct yaml *y, struct value *out)
{
    struct pairs p;
    int col = column(y), height = 0;
    value_list_init(&p.merged, y->a);
    value_list_init(&p.own, y->a);
    while (!at_end(y) && column(y) == col && !at_document_mark(y)) {
        struct value key, v;
        bool is_quoted;
        if (!at_key(y))
            return fail(y, "could not find expected ':'");
        if (!scalar(y, col, false, &is_quoted, &key))
            return false;
        skip_inline(y);
        y->at++; // the colon
        if (!block_node(y, col, true, &v) ||
            !add_pair(y, &p, key, is_quoted, v))
            return false;
        height = y->height > height ? y->height : height;
        skip_lines(y);
    }
    if (!at_end(y) && column(y) > col)
        return fail(y, "did not find expected key");
    y->height = height + 1;
    return end_pairs(y, &p, out);
}

/* What stands at the parser's place, a node of its own. */
static bool node_here(struct yaml *y, int indent, bool same_line,
                      bool under_key, struct value *out)
{
    struct slice s;
    bool is_quoted;
    if (peek(y, 0) == '|' || peek(y, 0) == '>') {
        if (!block_scalar(y, indent, &s))
            return false;
        y->height = 0;
        *out = value_str(s);
        return true;
    }
    if (peek(y, 0) == '*')
        return alias(y, out);
    if (peek(y, 0) == '[' || peek(y, 0) == '{')
        return flow_node(y, out);
    bool block_ok = !(same_line && under_key);
    if (at_dash(y))
        return block_ok ? block_sequence(y, out)
                        : fail(y, "block sequence entries are not allowed "
                                  "in this context");
    if (peek(y, 0) == '?' && blank(peek(y, 1)))
        return fail(y, "complex keys are not supported");
    if (at_key(y))
        return block_ok ? block_mapping(y, out)
                        : fail(y, "mapping values are not allowed in this "
                                  "context");
    return scalar(y, indent, false, &is_quoted, out);
}

/* The node behind "- " or "key:" of a collection in column `indent`. */
static bool block_node(struct yaml *y, int indent, bool under_key,
                       struct value *out)
{
    struct properties p;
    uint64_t from = y->size;
    if (++y->depth > DEPTH_MAX)
        return fail(y, "exceeded max depth");
    int line = y->line;
    skip_inline(y);
    properties(y, &p);
    if (at_end(y) || peek(y, 0) == '\n')
        skip_lines(y);
    bool same_line = y->line == line;
    int least = indent + (under_key && at_dash(y) ? 0 : 1);
    bool ok = true;
    y->height = 0;
    if (at_end(y) || (!same_line && (column(y) < least || at_document_mark(y))))
        *out = value_null();
    else
        ok = node_here(y, indent, same_line, under_key, out);
    y->depth--;
    return ok && finish(y, &p, from, out);
}

enum status yaml_parse(struct arena *a, struct slice text, struct value *out,
                       struct err *err)
{
    struct slice copy = arena_dup(a, text); // with a terminator behind
    struct yaml *y = arena_try(a, sizeof *y);
    struct anchor *anchors = arena_try(a, ANCHORS_MAX * sizeof *anchors);
    if (y == NULL || copy.p == NULL || anchors == NULL)
        return err_set(err, E_TOO_BIG, "yaml", "no memory");
    *y = (struct yaml){
        .a = a, .s = copy, .line = 1, .anchor = anchors, .err = err};
    if (slice_starts(y->s, "\xef\xbb\xbf"))
        y->at = y->line_start = 3;
    skip_lines(y);
    if (at_document_mark(y) && peek(y, 0) == '-') {
        y->at += 3;
        skip_lines(y);
    }
    *out = value_null();
    bool ok = at_end(y) || block_node(y, -1, false, out);
    skip_lines(y);
    if (ok && !at_end(y) && at_document_mark(y) && peek(y, 0) == '.') {
        y->at += 3;
        skip_lines(y);
    }
    if (ok && !at_end(y) && !at_document_mark(y))
        (void)fail(y, "did not find expected <document start>");
    return y->status;
}

/* ---- writing ------------------------------------------------------------ */

/* A string that reads back as itself without quotes. */
static bool safe_plain(struct slice s)
{
    if (s.n == 0 || s.p[0] == ' ' || s.p[s.n - 1] == ' ' ||
        s.p[s.n - 1] == ':' || strchr("?,[]{}#&*!|>'\"%@`=<", s.p[0]) != NULL)
        return false;
    if ((s.p[0] == '-' || s.p[0] == ':') && (s.n == 1 || s.p[1] == ' '))
        return false;
    if (slice_starts(s, "---") || slice_starts(s, "..."))
        return false;
    size_t len;
    for (size_t i = 0; i < s.n; i += len) {
        if (!unicode_print(unicode_decode(s, i, &len)))
            return false;
        bool colon = s.p[i] == ':' && i + 1 < s.n && s.p[i + 1] == ' ';
        bool hash = s.p[i] == '#' && i > 0 && s.p[i - 1] == ' ';
        if (colon || hash)
            return false;
    }
    return true;
}

/* Begins like a number, or is a word with a meaning. */
static bool ambiguous(struct slice s)
{
    return is_word(s, nulls) || is_word(s, trues) || is_word(s, falses) ||
           slice_is(s, "y") || slice_is(s, "n") || slice_is(s, "Y") ||
           slice_is(s, "N") || s.p[0] == '+' || s.p[0] == '.' ||
           (s.p[0] >= '0' && s.p[0] <= '9') ||
           (s.p[0] == '-' && s.n > 1 &&
            (s.p[1] == '.' || (s.p[1] >= '0' && s.p[1] <= '9')));
}

static void write_string(struct buf *b, struct slice s)
{
    if (safe_plain(s) && !ambiguous(s)) {
        buf_slice(b, s);
        return;
    }
    struct value v = value_str(s);
    value_json(b, &v); // JSON strings are YAML's double-quoted ones
}

static void write_node(struct buf *b, const struct value *v, int indent,
                       bool after_dash, int depth);

static void pad(struct buf *b, int n)
{
    for (int i = 0; i < n; i++)
        buf_char(b, ' ');
}

static bool nested(const struct value *v)
{
    return (v->kind == V_ARRAY || v->kind == V_SET || v->kind == V_OBJECT) &&
           v->n > 0;
}

static void write_items(struct buf *b, const struct value *v, int indent,
                        bool after_dash, int depth)
{
    bool object = v->kind == V_OBJECT;
    for (uint32_t i = 0; i < v->n; i++) {
        const struct value *e = &v->u.v[object ? 2 * (size_t)i : i];
        if (i > 0 || !after_dash)
            pad(b, indent);
        if (!object) {
            buf_char(b, '-');
            buf_char(b, ' ');
            write_node(b, e, indent + 2, true, depth + 1);
            continue;
        }
        if (e->kind == V_STRING) {
            write_string(b, value_slice(e));
        } else {
            struct buf t;
            buf_init(&t, 1 << 20);
            value_json(&t, e);
            write_string(b, buf_get(&t));
            buf_release(&t);
        }
        buf_char(b, ':');
        if (nested(e + 1)) {
            buf_char(b, '\n');
            // a sequence stands in its key's column
            write_node(b, e + 1, indent + (e[1].kind == V_OBJECT ? 2 : 0),
                       false, depth + 1);
        } else {
            buf_char(b, ' ');
            write_node(b, e + 1, indent, true, depth + 1);
        }
    }
}

static void write_node(struct buf *b, const struct value *v, int indent,
                       bool after_dash, int depth)
{
    if (depth > DEPTH_MAX) {
        b->failed = true;
        return;
    }
    if (nested(v)) {
        write_items(b, v, indent, after_dash, depth);
        return;
    }
    if (v->kind == V_STRING)
        write_string(b, value_slice(v));
    else if (v->kind == V_OBJECT)
        buf_str(b, "{}");
    else if (v->kind == V_ARRAY || v->kind == V_SET)
        buf_str(b, "[]");
    else
        value_json(b, v);
    buf_char(b, '\n');
}

void yaml_write(struct buf *b, const struct value *v)
{
    write_node(b, v, 0, false, 0);
}

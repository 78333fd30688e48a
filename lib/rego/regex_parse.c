/* regex_parse.c - RE2 syntax, after Go's regexp/syntax with its Perl flags.
 *
 * Recursive descent over groups only: alternatives, sequences and repetitions
 * of one level are loops, so the nesting of parentheses is the depth and is
 * bounded.  Everything that consumes a code point is a class of ranges, a
 * letter being the smallest.  Flags are part of the parser and are put back
 * when their group closes.
 */
#include <assert.h>
#include <string.h>

#include "rego/regex_node.h"
#include "rego/unicode.h"

enum {
    FOLD = 1,     // (?i)
    DOT_NL = 2,   // (?s)
    LINES = 4,    // (?m)
    UNGREEDY = 8, // (?U)
};

struct parser {
    struct arena *a;
    struct slice s;
    size_t at;
    unsigned flags;
    uint32_t groups;
    struct slice *names;
    size_t names_cap;
    int depth;
    struct err *err;
    enum status status;
};

/* A class being built; `failed` when the arena is full. */
struct ranges {
    struct arena *a;
    uint32_t *v; // pairs
    size_t n, cap;
    bool failed;
};

static enum status bad(struct parser *p, const char *what, struct slice part)
{
    if (p->status != OK)
        return p->status;
    int n = part.n < 120 ? (int)part.n : 120;
    p->status = err_set(p->err, E_INVALID, "regex",
                        "error parsing regexp: %s: `%.*s`", what, n, part.p);
    return p->status;
}

static enum status no_room(struct parser *p)
{
    if (p->status == OK)
        p->status = err_set(p->err, E_TOO_BIG, "regex",
                            "error parsing regexp: expression too large");
    return p->status;
}

static struct slice part(const struct parser *p, size_t from, size_t to)
{
    return slice(p->s.p + from, to - from);
}

static bool more(const struct parser *p)
{
    return p->at < p->s.n;
}

static char peek(const struct parser *p)
{
    return more(p) ? p->s.p[p->at] : '\0';
}

static bool looking_at(const struct parser *p, const char *lit)
{
    return slice_starts(slice_skip(p->s, p->at), lit);
}

static uint32_t next_rune(struct parser *p)
{
    size_t len;
    uint32_t r = unicode_decode(p->s, p->at, &len);
    p->at += len;
    return r;
}

/* ---- classes ------------------------------------------------------------ */

static void ranges_add(void *arg, uint32_t first, uint32_t last)
{
    struct ranges *c = arg;
    if (c->failed)
        return;
    if (c->n > 0 && c->v[2 * c->n - 1] + 1 == first) {
        c->v[2 * c->n - 1] = last;
        return;
    }
    if (c->n == c->cap) {
        size_t cap = c->cap > 0 ? 2 * c->cap : 8;
        uint32_t *v = arena_try(c->a, cap * 2 * sizeof *v);
        if (v == NULL) {
            c->failed = true;
            return;
        }
        if (c->n > 0)
            memcpy(v, c->v, c->n * 2 * sizeof *v);
        c->v = v;
        c->cap = cap;
    }
    c->v[2 * c->n] = first;
    c->v[2 * c->n + 1] = last;
    c->n++;
}

/* With all that is equal without case. */
static void ranges_add_fold(void *arg, uint32_t first, uint32_t last)
{
    ranges_add(arg, first, last);
    uint32_t orbit[UNICODE_ORBIT];
    for (uint32_t r = first; (r = unicode_next_cased(r)) <= last; r++) {
        size_t n = unicode_orbit(r, orbit);
        for (size_t i = 0; i < n; i++)
            if (orbit[i] < first || orbit[i] > last)
                ranges_add(arg, orbit[i], orbit[i]);
    }
}

static void sift(uint32_t *v, size_t i, size_t n)
{
    for (;;) {
        size_t big = i, l = 2 * i + 1;
        for (size_t k = l; k < l + 2 && k < n; k++)
            if (v[2 * k] > v[2 * big] ||
                (v[2 * k] == v[2 * big] && v[2 * k + 1] > v[2 * big + 1]))
                big = k;
        if (big == i)
            return;
        uint32_t t[2] = {v[2 * i], v[2 * i + 1]};
        memcpy(v + 2 * i, v + 2 * big, sizeof t);
        memcpy(v + 2 * big, t, sizeof t);
        i = big;
    }
}

/* Sorts (heap sort) and merges. */
static void ranges_clean(struct ranges *c)
{
    for (size_t i = c->n / 2; i-- > 0;)
        sift(c->v, i, c->n);
    for (size_t n = c->n; n > 1; n--) {
        uint32_t t[2] = {c->v[0], c->v[1]};
        memcpy(c->v, c->v + 2 * (n - 1), sizeof t);
        memcpy(c->v + 2 * (n - 1), t, sizeof t);
        sift(c->v, 0, n - 1);
    }
    size_t out = 0;
    for (size_t i = 0; i < c->n; i++) {
        uint32_t first = c->v[2 * i], last = c->v[2 * i + 1];
        if (out > 0 && first <= c->v[2 * out - 1] + 1) {
            if (last > c->v[2 * out - 1])
                c->v[2 * out - 1] = last;
            continue;
        }
        c->v[2 * out] = first;
        c->v[2 * out + 1] = last;
        out++;
    }
    c->n = out;
}

/* `out` gets what the clean class `c` lacks. */
static void ranges_negate(const struct ranges *c, struct ranges *out)
{
    uint32_t from = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (c->v[2 * i] > from)
            ranges_add(out, from, c->v[2 * i] - 1);
        from = c->v[2 * i + 1] + 1;
    }
    if (from <= UNICODE_MAX)
        ranges_add(out, from, UNICODE_MAX);
}

/* Adds `sub` or its complement to `out`. */
static void ranges_merge(struct ranges *out, struct ranges *sub, bool negate)
{
    ranges_clean(sub);
    struct ranges flip = {.a = out->a};
    if (negate) {
        ranges_negate(sub, &flip);
        sub = &flip;
    }
    for (size_t i = 0; i < sub->n; i++)
        ranges_add(out, sub->v[2 * i], sub->v[2 * i + 1]);
    out->failed = out->failed || sub->failed;
}

struct named {
    const char *name;
    uint32_t range[10]; // pairs, ends with 0, 0
};

static const struct named posix[] = {
    {"alnum", {'0', '9', 'A', 'Z', 'a', 'z'}},
    {"alpha", {'A', 'Z', 'a', 'z'}},
    {"ascii", {0, 0x7f}},
    {"blank", {'\t', '\t', ' ', ' '}},
    {"cntrl", {0, 0x1f, 0x7f, 0x7f}},
    {"digit", {'0', '9'}},
    {"graph", {'!', '~'}},
    {"lower", {'a', 'z'}},
    {"print", {' ', '~'}},
    {"punct", {'!', '/', ':', '@', '[', '`', '{', '~'}},
    {"space", {'\t', '\r', ' ', ' '}},
    {"upper", {'A', 'Z'}},
    {"word", {'0', '9', 'A', 'Z', '_', '_', 'a', 'z'}},
    {"xdigit", {'0', '9', 'A', 'F', 'a', 'f'}},
    {NULL, {0}},
};

static const struct named perl[] = {
    {"d", {'0', '9'}},
    {"s", {'\t', '\n', '\f', '\r', ' ', ' '}},
    {"w", {'0', '9', 'A', 'Z', '_', '_', 'a', 'z'}},
    {NULL, {0}},
};

static void add_named(struct parser *p, const struct named *t, bool negate,
                      struct ranges *out)
{
    struct ranges sub = {.a = p->a};
    for (size_t i = 0; t->range[i + 1] != 0; i += 2) {
        if ((p->flags & FOLD) != 0)
            ranges_add_fold(&sub, t->range[i], t->range[i + 1]);
        else
            ranges_add(&sub, t->range[i], t->range[i + 1]);
    }
    ranges_merge(out, &sub, negate);
}

/* \d and its like at the parser's place; false if there is none. */
static bool perl_class(struct parser *p, struct ranges *out)
{
    if (peek(p) != '\\' || p->at + 1 >= p->s.n)
        return false;
    char c = p->s.p[p->at + 1];
    for (const struct named *t = perl; t->name != NULL; t++) {
        if ((c | 0x20) != t->name[0])
            continue;
        p->at += 2;
        add_named(p, t, c < 'a', out);
        return true;
    }
    return false;
}

/* \pL, \p{Greek}, \P{^Lu}; false if there is none or it is wrong. */
static bool unicode_class(struct parser *p, struct ranges *out)
{
    if (!looking_at(p, "\\p") && !looking_at(p, "\\P"))
        return false;
    size_t start = p->at;
    bool negate = p->s.p[p->at + 1] == 'P';
    p->at += 2;
    if (!more(p)) {
        (void)bad(p, "invalid character class range", part(p, start, p->s.n));
        return false;
    }
    struct slice name;
    if (peek(p) == '{') {
        size_t end = slice_find(slice_skip(p->s, p->at), '}') + p->at;
        if (end >= p->s.n) {
            (void)bad(p, "invalid character class range",
                      part(p, start, p->s.n));
            return false;
        }
        name = part(p, p->at + 1, end);
        p->at = end + 1;
    } else {
        size_t from = p->at;
        (void)next_rune(p);
        name = part(p, from, p->at);
    }
    if (name.n > 0 && name.p[0] == '^') {
        negate = !negate;
        name = slice_skip(name, 1);
    }
    struct ranges sub = {.a = p->a};
    bool fold = (p->flags & FOLD) != 0;
    if (name.n == 0 ||
        !unicode_property(name, fold ? ranges_add_fold : ranges_add, &sub)) {
        (void)bad(p, "invalid character class range", part(p, start, p->at));
        return false;
    }
    ranges_merge(out, &sub, negate);
    return true;
}

/* ---- escapes ------------------------------------------------------------ */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind "\x". */
static bool hex_escape(struct parser *p, uint32_t *out)
{
    uint32_t r = 0;
    size_t n = 0;
    if (peek(p) == '{') {
        p->at++;
        for (; more(p) && hex(peek(p)) >= 0; p->at++, n++) {
            r = r * 16 + (uint32_t)hex(peek(p));
            if (r > UNICODE_MAX)
                return false;
        }
        if (n == 0 || peek(p) != '}')
            return false;
        p->at++;
    } else {
        for (; n < 2 && more(p) && hex(peek(p)) >= 0; p->at++, n++)
            r = r * 16 + (uint32_t)hex(peek(p));
        if (n != 2)
            return false;
    }
    *out = r;
    return true;
}

/* Behind a backslash and `c`, a digit: octal, or no escape at all. */
static bool octal_escape(struct parser *p, char c, uint32_t *out)
{
    if (c > '7' || (c != '0' && (peek(p) < '0' || peek(p) > '7')))
        return false; // a back reference, which is not regular
    uint32_t r = (uint32_t)(c - '0');
    for (int i = 0; i < 2 && peek(p) >= '0' && peek(p) <= '7'; i++)
        r = r * 8 + (uint32_t)(p->s.p[p->at++] - '0');
    *out = r;
    return true;
}

/* An escape that is one code point. */
static bool escape(struct parser *p, uint32_t *out)
{
    static const char from[] = "aftnrv", to[] = "\a\f\t\n\r\v";
    size_t start = p->at++;
    if (!more(p)) {
        (void)bad(p, "trailing backslash at end of expression", SLICE(""));
        return false;
    }
    uint32_t c = next_rune(p);
    const char *known = c < 0x80 ? strchr(from, (int)c) : NULL;
    bool ok = false;
    if (c >= '0' && c <= '9') {
        ok = octal_escape(p, (char)c, out);
    } else if (c == 'x') {
        ok = hex_escape(p, out);
    } else if (known != NULL && c != 0) {
        *out = (uint32_t)to[known - from];
        ok = true;
    } else if (c < 0x80 && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z')) {
        *out = c;
        ok = true;
    }
    if (!ok) {
        if (c == 'x' && more(p) && peek(p) != '}')
            (void)next_rune(p);
        (void)bad(p, "invalid escape sequence", part(p, start, p->at));
    }
    return ok;
}

/* ---- [classes] ---------------------------------------------------------- */

/* "[:alpha:]" inside brackets; false if there is none or it is wrong. */
static bool posix_class(struct parser *p, struct ranges *out)
{
    if (!looking_at(p, "[:"))
        return false;
    struct slice rest = slice_skip(p->s, p->at + 2);
    const char *end = rest.n >= 2 ? memmem(rest.p, rest.n, ":]", 2) : NULL;
    if (end == NULL)
        return false;
    struct slice name = slice(rest.p, (size_t)(end - rest.p));
    size_t start = p->at;
    bool negate = name.n > 0 && name.p[0] == '^';
    if (negate)
        name = slice_skip(name, 1);
    for (const struct named *t = posix; t->name != NULL; t++) {
        if (!slice_is(name, t->name))
            continue;
        p->at = (size_t)(end - p->s.p) + 2;
        add_named(p, t, negate, out);
        return true;
    }
    (void)bad(p, "invalid character class range",
              part(p, start, (size_t)(end - p->s.p) + 2));
    return false;
}

static bool class_char(struct parser *p, size_t start, uint32_t *out)
{
    if (!more(p)) {
        (void)bad(p, "missing closing ]", part(p, start, p->s.n));
        return false;
    }
    if (peek(p) == '\\')
        return escape(p, out);
    *out = next_rune(p);
    return true;
}

static void class_range(struct parser *p, size_t start, struct ranges *c)
{
    size_t from = p->at;
    uint32_t low, high;
    if (!class_char(p, start, &low))
        return;
    high = low;
    if (p->at + 1 < p->s.n && peek(p) == '-' && p->s.p[p->at + 1] != ']') {
        p->at++;
        if (!class_char(p, start, &high))
            return;
        if (high < low) {
            (void)bad(p, "invalid character class range", part(p, from, p->at));
            return;
        }
    }
    if ((p->flags & FOLD) != 0)
        ranges_add_fold(c, low, high);
    else
        ranges_add(c, low, high);
}

static struct regex_node *new_node(struct parser *p, enum regex_op op)
{
    struct regex_node *n = arena_try(p->a, sizeof *n);
    if (n == NULL)
        (void)no_room(p);
    else
        n->op = op;
    return n;
}

static struct regex_node *class_node(struct parser *p, struct ranges *c)
{
    if (c->failed) {
        (void)no_room(p);
        return NULL;
    }
    struct regex_node *n = new_node(p, RE_CLASS);
    if (n != NULL)
        n->cls = (struct regex_class){(uint32_t)c->n, c->v};
    return n;
}

static struct regex_node *bracket(struct parser *p)
{
    size_t start = p->at++;
    bool negate = peek(p) == '^';
    if (negate)
        p->at++;
    struct ranges c = {.a = p->a}, flip = {.a = p->a};
    bool first = true;
    while (p->status == OK && (!more(p) || peek(p) != ']' || first)) {
        first = false;
        if (!posix_class(p, &c) && p->status == OK && !perl_class(p, &c) &&
            !unicode_class(p, &c) && p->status == OK)
            class_range(p, start, &c);
    }
    if (p->status != OK)
        return NULL;
    p->at++;
    ranges_clean(&c);
    if (!negate)
        return class_node(p, &c);
    ranges_negate(&c, &flip);
    flip.failed = flip.failed || c.failed;
    return class_node(p, &flip);
}

static struct regex_node *letter(struct parser *p, uint32_t r)
{
    struct ranges c = {.a = p->a};
    if ((p->flags & FOLD) != 0)
        ranges_add_fold(&c, r, r);
    else
        ranges_add(&c, r, r);
    ranges_clean(&c);
    return class_node(p, &c);
}

static struct regex_node *any(struct parser *p)
{
    struct ranges c = {.a = p->a};
    if ((p->flags & DOT_NL) != 0) {
        ranges_add(&c, 0, UNICODE_MAX);
    } else {
        ranges_add(&c, 0, '\n' - 1);
        ranges_add(&c, '\n' + 1, UNICODE_MAX);
    }
    return class_node(p, &c);
}

static struct regex_node *assertion(struct parser *p, uint32_t at)
{
    struct regex_node *n = new_node(p, RE_ASSERT);
    if (n != NULL)
        n->at = at;
    return n;
}

/* ---- groups ------------------------------------------------------------- */

static struct regex_node *alternatives(struct parser *p);

static bool word_char(char c)
{
    return c == '_' || (c >= '0' && c <= '9') ||
           ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* Opens the next group; its name may be empty. */
static bool new_group(struct parser *p, struct slice name, uint32_t *group)
{
    if (p->groups == p->names_cap) {
        size_t cap = 2 * p->names_cap + 8;
        struct slice *v = arena_try(p->a, cap * sizeof *v);
        if (v == NULL) {
            (void)no_room(p);
            return false;
        }
        if (p->groups > 0)
            memcpy(v, p->names, p->groups * sizeof *v);
        p->names = v;
        p->names_cap = cap;
    }
    for (uint32_t i = 0; name.p != NULL && i < p->groups; i++) {
        if (p->names[i].p != NULL && slice_eq(p->names[i], name)) {
            (void)bad(p, "duplicate capture group name", name);
            return false;
        }
    }
    p->names[p->groups] = name;
    *group = p->groups++;
    return true;
}

/* Behind "(?": "P<name>", "<name>" or flags.  `*group` is set for a name. */
static bool group_head(struct parser *p, size_t start, bool *named,
                       uint32_t *group)
{
    size_t lt = looking_at(p, "P<") ? p->at + 1 : p->at;
    if (lt >= p->s.n || p->s.p[lt] != '<')
        return true;
    size_t end = slice_find(slice_skip(p->s, lt), '>') + lt;
    if (end >= p->s.n) {
        (void)bad(p, "invalid named capture", part(p, start, p->s.n));
        return false;
    }
    struct slice name = part(p, lt + 1, end);
    bool ok = name.n > 0;
    for (size_t i = 0; i < name.n; i++)
        ok = ok && word_char(name.p[i]);
    if (!ok) {
        (void)bad(p, "invalid named capture", part(p, start, end + 1));
        return false;
    }
    p->at = end + 1;
    *named = true;
    return new_group(p, name, group);
}

static unsigned flag_bit(uint32_t c)
{
    static const char letters[] = "ismU";
    static const unsigned bits[] = {FOLD, DOT_NL, LINES, UNGREEDY};
    const char *at = c != 0 && c < 0x80 ? strchr(letters, (int)c) : NULL;
    return at != NULL ? bits[at - letters] : 0;
}

/* "i-s)" or "i-s:"; returns the closing character, 0 on error. */
static char flag_list(struct parser *p, size_t start)
{
    unsigned flags = p->flags;
    bool off = false, any_flag = false, legal = true;
    while (more(p) && legal) {
        uint32_t c = next_rune(p);
        unsigned bit = flag_bit(c);
        if (bit != 0) {
            flags = off ? flags & ~bit : flags | bit;
            any_flag = true;
        } else if (c == '-' && !off) {
            off = true;
            any_flag = false;
        } else if ((c == ')' || c == ':') && (!off || any_flag)) {
            p->flags = flags;
            return (char)c;
        } else {
            legal = false;
        }
    }
    if (legal)
        (void)bad(p, "missing closing )", p->s);
    else
        (void)bad(p, "invalid or unsupported Perl syntax",
                  part(p, start, p->at));
    return 0;
}

/* At "(".  NULL without an error: flags for the rest of the group. */
static struct regex_node *group(struct parser *p)
{
    size_t start = p->at++;
    unsigned flags = p->flags;
    bool capture = true;
    uint32_t index = 0;
    if (peek(p) == '?') {
        bool named = false;
        p->at++;
        if (!group_head(p, start, &named, &index))
            return NULL;
        capture = named;
        if (!named) {
            char c = flag_list(p, start);
            if (c != ':')
                return NULL;
        }
    } else if (!new_group(p, (struct slice){0}, &index)) {
        return NULL;
    }
    if (++p->depth > REGEX_DEPTH_MAX) {
        (void)bad(p, "expression nests too deeply", p->s);
        return NULL;
    }
    struct regex_node *sub = alternatives(p);
    p->depth--;
    if (p->status != OK)
        return NULL;
    if (peek(p) != ')') {
        (void)bad(p, "missing closing )", p->s);
        return NULL;
    }
    p->at++;
    p->flags = flags;
    if (!capture)
        return sub;
    struct regex_node *n = new_node(p, RE_CAPTURE);
    if (n != NULL) {
        n->group = index;
        n->sub = sub;
    }
    return n;
}

/* ---- sequences ---------------------------------------------------------- */

static bool count(struct parser *p, int *out)
{
    size_t from = p->at;
    int v = 0;
    for (; peek(p) >= '0' && peek(p) <= '9'; p->at++)
        v = v < 100000 ? v * 10 + (peek(p) - '0') : v;
    bool zero_led = p->at - from > 1 && p->s.p[from] == '0';
    *out = v;
    return p->at > from && !zero_led;
}

/* "{2}", "{2,}", "{2,5}"; false (and no move) if it is just a brace. */
static bool braces(struct parser *p, int *min, int *max)
{
    size_t start = p->at++;
    bool ok = count(p, min);
    *max = *min;
    if (ok && peek(p) == ',') {
        p->at++;
        *max = -1;
        if (peek(p) != '}')
            ok = count(p, max);
    }
    if (!ok || peek(p) != '}') {
        p->at = start;
        return false;
    }
    p->at++;
    if (*min > REGEX_REPEAT_MAX || *max > REGEX_REPEAT_MAX ||
        (*max >= 0 && *min > *max))
        (void)bad(p, "invalid repeat count", part(p, start, p->at));
    return true;
}

/* A repetition operator at the parser's place. */
static bool operator_at(struct parser *p, int *min, int *max)
{
    char c = peek(p);
    if (c == '{')
        return braces(p, min, max);
    if (!more(p) || (c != '*' && c != '+' && c != '?'))
        return false;
    p->at++;
    *min = c == '+';
    *max = c == '?' ? 1 : -1;
    return true;
}

/* `atom` with the operators behind it. */
static struct regex_node *repeated(struct parser *p, struct regex_node *atom)
{
    size_t start = p->at;
    int min, max;
    if (!operator_at(p, &min, &max))
        return atom;
    struct regex_node *n = new_node(p, RE_REPEAT);
    if (n == NULL || p->status != OK)
        return NULL;
    n->lazy = (p->flags & UNGREEDY) != 0;
    if (peek(p) == '?') {
        p->at++;
        n->lazy = !n->lazy;
    }
    n->min = min;
    n->max = max;
    n->sub = atom;
    if (operator_at(p, &min, &max)) {
        if (peek(p) == '?')
            p->at++;
        (void)bad(p, "invalid nested repetition operator",
                  part(p, start, p->at));
        return NULL;
    }
    return n;
}

static struct regex_node *atom_escape(struct parser *p)
{
    static const struct {
        const char *text;
        uint32_t at;
    } places[] = {{"\\A", RE_BEGIN_TEXT},
                  {"\\z", RE_END_TEXT},
                  {"\\b", RE_WORD},
                  {"\\B", RE_NOT_WORD}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (looking_at(p, places[i].text)) {
            p->at += 2;
            return assertion(p, places[i].at);
        }
    }
    struct ranges c = {.a = p->a};
    if (perl_class(p, &c) || unicode_class(p, &c)) {
        ranges_clean(&c);
        return class_node(p, &c);
    }
    uint32_t r;
    if (p->status != OK || !escape(p, &r))
        return NULL;
    return letter(p, r);
}

/* One atom at the parser's place, which is no operator. */
static struct regex_node *atom(struct parser *p)
{
    switch (peek(p)) {
    case '(':
        return group(p);
    case '[':
        return bracket(p);
    case '.':
        p->at++;
        return any(p);
    case '^':
        p->at++;
        return assertion(p, (p->flags & LINES) != 0 ? RE_BEGIN_LINE
                                                    : RE_BEGIN_TEXT);
    case '$':
        p->at++;
        return assertion(p,
                         (p->flags & LINES) != 0 ? RE_END_LINE : RE_END_TEXT);
    case '\\':
        return atom_escape(p);
    default:
        return letter(p, next_rune(p));
    }
}

struct chain {
    struct regex_node *first, **last;
};

static void chain_add(struct chain *c, struct regex_node *n)
{
    *c->last = n;
    c->last = &n->next;
}

/* "\Q...\E": letters; the last takes operators. */
static void quoted(struct parser *p, struct chain *c)
{
    p->at += 2;
    while (more(p) && !looking_at(p, "\\E") && p->status == OK) {
        struct regex_node *n = letter(p, next_rune(p));
        bool last = looking_at(p, "\\E");
        if (last)
            p->at += 2;
        if (n != NULL && last)
            n = repeated(p, n);
        if (n != NULL)
            chain_add(c, n);
        if (last)
            return;
    }
    if (looking_at(p, "\\E"))
        p->at += 2;
}

static struct regex_node *sequence(struct parser *p)
{
    struct chain c = {NULL, &c.first};
    while (p->status == OK && more(p) && peek(p) != '|' && peek(p) != ')') {
        if (looking_at(p, "\\Q")) {
            quoted(p, &c);
            continue;
        }
        size_t start = p->at;
        int min, max;
        if (operator_at(p, &min, &max)) {
            (void)bad(p, "missing argument to repetition operator",
                      part(p, start, p->at));
            break;
        }
        struct regex_node *n = atom(p);
        if (p->status != OK)
            break;
        if (n == NULL) // flags
            continue;
        n = repeated(p, n);
        if (n != NULL)
            chain_add(&c, n);
    }
    if (p->status != OK)
        return NULL;
    if (c.first == NULL)
        return new_node(p, RE_EMPTY);
    if (c.first->next == NULL)
        return c.first;
    struct regex_node *n = new_node(p, RE_CONCAT);
    if (n != NULL)
        n->sub = c.first;
    return n;
}

static struct regex_node *alternatives(struct parser *p)
{
    struct chain c = {NULL, &c.first};
    for (;;) {
        struct regex_node *n = sequence(p);
        if (n == NULL)
            return NULL;
        // a sequence of one is that one, which must not drag its next along
        chain_add(&c, n);
        if (peek(p) != '|')
            break;
        p->at++;
    }
    if (c.first->next == NULL)
        return c.first;
    struct regex_node *n = new_node(p, RE_ALT);
    if (n != NULL)
        n->sub = c.first;
    return n;
}

enum status regex_parse(struct arena *a, struct slice pattern,
                        struct regex_tree *out, struct err *err)
{
    struct parser p = {.a = a, .s = pattern, .err = err};
    uint32_t whole;
    for (size_t i = 0, len; i < pattern.n; i += len) {
        if (unicode_decode(pattern, i, &len) == UNICODE_BAD && len == 1)
            return bad(&p, "invalid UTF-8", pattern);
    }
    if (!new_group(&p, (struct slice){0}, &whole))
        return p.status;
    struct regex_node *n = alternatives(&p);
    if (p.status == OK && more(&p))
        (void)bad(&p, "unexpected )", pattern);
    if (p.status == OK && n == NULL)
        (void)no_room(&p);
    if (p.status != OK)
        return p.status;
    out->root = n;
    out->groups = p.groups;
    out->names = p.names;
    return OK;
}

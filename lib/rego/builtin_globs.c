/* builtin_globs.c - regex.globs_match: is there a text that both match?
 *
 * The globs are those of yashtewari/glob-intersection: characters, `.`, sets
 * [a-z] and the repetitions `*` and `+` of one of them.  A glob is a row of
 * tokens, each once or any number of times, so a text that both match is a
 * way through the grid of token pairs.
 */
#include <string.h>

#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"
#include "rego/unicode.h"

struct token {
    bool star;
    uint32_t first, count; // ranges
};

struct glob {
    struct builtin_ctx *c;
    struct slice s;
    struct token *token;
    uint32_t n;
    uint32_t *range; // pairs
    uint32_t ranges;
};

static enum builtin_status invalid(struct glob *g, size_t pos, const char *what)
{
    return builtin_error(g->c, CODE_BUILTIN,
                         "input:%.*s, pos:%zu, %s: the input provided is "
                         "invalid",
                         g->s.n < 200 ? (int)g->s.n : 200, g->s.p, pos, what);
}

static void add_range(struct glob *g, uint32_t low, uint32_t high)
{
    g->range[2 * g->ranges] = low;
    g->range[2 * g->ranges + 1] = high;
    g->ranges++;
}

/* The character at *i, which a backslash may stand before. */
static uint32_t character(const struct glob *g, size_t *i, size_t *pos)
{
    size_t len;
    if (g->s.p[*i] == '\\' && *i + 1 < g->s.n) {
        (*i)++;
        (*pos)++;
    }
    uint32_t r = unicode_decode(g->s, *i, &len);
    *i += len;
    (*pos)++;
    return r;
}

/* Behind "[". */
static enum builtin_status set(struct glob *g, size_t *i, size_t *pos)
{
    size_t opened = *pos;
    while (*i < g->s.n && g->s.p[*i] != ']') {
        uint32_t low = character(g, i, pos), high = low;
        if (*i + 1 < g->s.n && g->s.p[*i] == '-' && g->s.p[*i + 1] != ']') {
            (*i)++;
            (*pos)++;
            high = character(g, i, pos);
        }
        if (high < low)
            return invalid(g, *pos, "range start greater than range end");
        add_range(g, low, high);
    }
    if (*i >= g->s.n)
        return invalid(g, opened, "set-open '[' with no following ']'");
    (*i)++;
    (*pos)++;
    return BUILTIN_OK;
}

static enum builtin_status parse(struct glob *g)
{
    size_t pos = 0, i = 0;
    g->token = builtin_alloc(g->c, (2 * g->s.n + 1) * sizeof *g->token);
    g->range = builtin_alloc(g->c, (2 * g->s.n + 2) * sizeof *g->range);
    if (g->token == NULL || g->range == NULL)
        return BUILTIN_FATAL;
    while (i < g->s.n) {
        struct token t = {.first = g->ranges};
        char c = g->s.p[i];
        if (c == '*' || c == '+')
            return invalid(g, pos + 1, "flag with no preceding token");
        if (c == ']')
            return invalid(g, pos + 1, "set-close ']' with no preceding '['");
        if (c == '[') {
            i++;
            pos++;
            enum builtin_status st = set(g, &i, &pos);
            if (st != BUILTIN_OK)
                return st;
        } else if (c == '.') {
            i++;
            pos++;
            add_range(g, 0, UNICODE_MAX);
        } else {
            uint32_t r = character(g, &i, &pos);
            add_range(g, r, r);
        }
        t.count = g->ranges - t.first;
        char flag = i < g->s.n ? g->s.p[i] : '\0';
        if (flag == '*' || flag == '+') {
            if (flag == '+') // once, then any number of times
                g->token[g->n++] = t;
            t.star = true;
            i++;
            pos++;
        }
        g->token[g->n++] = t;
    }
    return BUILTIN_OK;
}

static bool overlap(const struct glob *a, uint32_t i, const struct glob *b,
                    uint32_t k)
{
    const struct token *x = &a->token[i], *y = &b->token[k];
    for (uint32_t p = x->first; p < x->first + x->count; p++)
        for (uint32_t q = y->first; q < y->first + y->count; q++)
            if (a->range[2 * p] <= b->range[2 * q + 1] &&
                b->range[2 * q] <= a->range[2 * p + 1])
                return true;
    return false;
}

/* One row of the grid: now[k] says whether a text can lead to token `i` of
 * one and `k` of the other.  Moves go right, down or both. */
static void row(const struct glob *a, uint32_t i, const struct glob *b,
                bool *now, bool *next)
{
    bool sa = i < a->n && a->token[i].star;
    for (uint32_t k = 0; k <= b->n; k++) {
        if (!now[k])
            continue;
        bool sb = k < b->n && b->token[k].star;
        bool both = i < a->n && k < b->n && overlap(a, i, b, k);
        // a star may be left out, or its character be one of many
        if (sb || (both && sa))
            now[k + 1] = true;
        if (sa || (both && sb))
            next[k] = true;
        if (both)
            next[k + 1] = true;
    }
}

static enum builtin_status meet(struct builtin_ctx *c, const struct glob *a,
                                const struct glob *b, bool *out)
{
    bool *now = builtin_alloc(c, b->n + 2), *next = builtin_alloc(c, b->n + 2);
    if (now == NULL || next == NULL)
        return BUILTIN_FATAL;
    next[0] = true;
    for (uint32_t i = 0; i <= a->n; i++) {
        bool *t = now;
        now = next;
        next = t;
        if (!builtin_step(c, b->n + UINT64_C(1)))
            return BUILTIN_FATAL;
        memset(next, 0, b->n + 2);
        row(a, i, b, now, next);
    }
    *out = now[b->n];
    return BUILTIN_OK;
}

enum builtin_status builtin_globs_match(struct builtin_ctx *c,
                                        const struct value *args,
                                        struct value *out)
{
    bool yes;
    if (!builtin_want_str2(c, args))
        return BUILTIN_ERROR;
    struct glob a = {.c = c, .s = value_slice(&args[0])};
    struct glob b = {.c = c, .s = value_slice(&args[1])};
    enum builtin_status st = parse(&a);
    if (st == BUILTIN_OK)
        st = parse(&b);
    if (st == BUILTIN_OK)
        st = meet(c, &a, &b, &yes);
    if (st == BUILTIN_OK)
        *out = value_bool(yes);
    return st;
}

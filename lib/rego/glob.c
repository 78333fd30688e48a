/* glob.c - a glob written as a regular expression.
 *
 * The grammar is gobwas' lexer: a comma separates only within braces; a class
 * is one range or a list, never both; outside braces a closing brace is text.
 */
#include "rego/glob.h"

#include <string.h>

#include "rego/unicode.h"

#define GLOB_MAX 65536 /* bytes of a pattern, and of what becomes of it */

struct glob {
    struct slice s;
    size_t at;
    struct buf out;
    struct buf delims; // inside of a class
    int braces;
};

static uint32_t next_rune(struct glob *g)
{
    size_t len;
    uint32_t r = unicode_decode(g->s, g->at, &len);
    g->at += len;
    return r;
}

static void put_rune(struct buf *b, uint32_t r)
{
    buf_printf(b, "\\x{%x}", r);
}

static enum status bad(struct glob *g, struct err *err, const char *what)
{
    return err_set(err, E_INVALID, "glob", "input:%.*s, pos:%zu, %s",
                   g->s.n < 100 ? (int)g->s.n : 100, g->s.p, g->at, what);
}

/* Behind "[". */
static enum status range(struct glob *g, struct err *err)
{
    buf_char(&g->out, '[');
    if (g->at < g->s.n && g->s.p[g->at] == '!') {
        buf_char(&g->out, '^');
        g->at++;
    }
    if (g->at >= g->s.n)
        return bad(g, err, "unexpected end of input");
    size_t start = g->at;
    uint32_t low = next_rune(g);
    if (g->at < g->s.n && g->s.p[g->at] == '-') {
        g->at++;
        if (g->at >= g->s.n)
            return bad(g, err, "unexpected end of input");
        uint32_t high = next_rune(g);
        if (high < low)
            return bad(g, err, "hi character should be greater than lo");
        put_rune(&g->out, low);
        buf_char(&g->out, '-');
        put_rune(&g->out, high);
    } else {
        bool any = false;
        g->at = start;
        while (g->at < g->s.n && g->s.p[g->at] != ']') {
            if (g->s.p[g->at] == '\\' && g->at + 1 < g->s.n)
                g->at++;
            put_rune(&g->out, next_rune(g));
            any = true;
        }
        if (!any)
            return bad(g, err, "empty range");
    }
    if (g->at >= g->s.n || g->s.p[g->at] != ']')
        return bad(g, err, "expected close range character");
    g->at++;
    buf_char(&g->out, ']');
    return OK;
}

/* One character that is no delimiter. */
static void put_single(struct glob *g)
{
    if (g->delims.n == 0) {
        buf_char(&g->out, '.');
        return;
    }
    buf_str(&g->out, "[^");
    buf_slice(&g->out, buf_get(&g->delims));
    buf_char(&g->out, ']');
}

static void star(struct glob *g)
{
    if (g->at < g->s.n && g->s.p[g->at] == '*') {
        g->at++;
        buf_str(&g->out, ".*");
        return;
    }
    put_single(g);
    buf_char(&g->out, '*');
}

static enum status item(struct glob *g, struct err *err)
{
    uint32_t r = next_rune(g);
    if (r == '*') {
        star(g);
    } else if (r == '?') {
        put_single(g);
    } else if (r == '[') {
        return range(g, err);
    } else if (r == '{') {
        g->braces++;
        buf_str(&g->out, "(?:");
    } else if (r == ',' && g->braces > 0) {
        buf_char(&g->out, '|');
    } else if (r == '}' && g->braces > 0) {
        g->braces--;
        buf_char(&g->out, ')');
    } else {
        if (r == '\\' && g->at < g->s.n)
            r = next_rune(g);
        put_rune(&g->out, r);
    }
    return OK;
}

enum status glob_compile(struct arena *a, struct slice pattern,
                         const uint32_t *delims, size_t n, unsigned flags,
                         struct regex **out, struct err *err)
{
    struct glob g = {.s = pattern};
    enum status st = OK;
    buf_init_arena(&g.out, a, 16 * GLOB_MAX);
    buf_init_arena(&g.delims, a, GLOB_MAX);
    for (size_t i = 0; i < n; i++)
        put_rune(&g.delims, delims[i]);
    buf_str(&g.out, "^(?s:");
    if (pattern.n > GLOB_MAX)
        st = err_set(err, E_TOO_BIG, "glob", "pattern is too long");
    while (g.at < pattern.n && st == OK && !g.out.failed)
        st = item(&g, err);
    if (st == OK && g.braces > 0)
        st = bad(&g, err, "unexpected end of input");
    buf_str(&g.out, ")$");
    if (st == OK && (g.out.failed || g.delims.failed))
        st = err_set(err, E_TOO_BIG, "glob", "pattern is too long");
    if (st == OK)
        st = regex_compile(a, buf_get(&g.out), flags, out, err);
    return st;
}

void glob_quote(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != '\0' && strchr("*?\\[]{},", text.p[i]) != NULL)
            buf_char(out, '\\');
        buf_char(out, text.p[i]);
    }
}

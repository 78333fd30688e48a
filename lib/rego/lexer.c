/* lexer.c - a hand-written scanner; one pass, no allocation. */
#include "rego/lexer.h"

#include "base/json.h"

void lexer_init(struct lexer *l, struct slice src, uint32_t file)
{
    *l = (struct lexer){.src = src, .file = file, .row = 1};
    if (slice_starts(src, "\xEF\xBB\xBF")) {
        l->at = 3;
        l->line_start = 3;
    }
}

static int peek(const struct lexer *l, size_t ahead)
{
    size_t i = l->at + ahead;
    return i < l->src.n ? (unsigned char)l->src.p[i] : -1;
}

static bool letter(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool digit(int c)
{
    return c >= '0' && c <= '9';
}

static void newline(struct lexer *l)
{
    l->row++;
    l->line_start = l->at + 1;
}

static void skip(struct lexer *l, struct token *t)
{
    for (;; l->at++) {
        int c = peek(l, 0);
        if (c == '#') {
            while (peek(l, 0) >= 0 && peek(l, 0) != '\n')
                l->at++;
            c = peek(l, 0);
        }
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
            return;
        t->space = true;
        if (c == '\n') {
            t->newline = true;
            newline(l);
        }
    }
}

static struct token fail(struct token t, const char *what)
{
    t.kind = LEX_ERROR;
    t.text = slice_str(what);
    return t;
}

static struct token string(struct lexer *l, struct token t)
{
    size_t start = ++l->at;
    for (;; l->at++) {
        int c = peek(l, 0);
        if (c < 0 || c == '\n')
            return fail(t, "non-terminated string");
        if (c == '"')
            break;
        if (c == '\\')
            l->at++;
    }
    t.kind = LEX_STRING;
    t.text = slice(l->src.p + start, l->at - start);
    l->at++;
    if (!json_utf8_ok(t.text))
        return fail(t, "illegal UTF-8 in string");
    return t;
}

static struct token raw_string(struct lexer *l, struct token t)
{
    size_t start = ++l->at;
    for (;; l->at++) {
        int c = peek(l, 0);
        if (c < 0)
            return fail(t, "non-terminated string");
        if (c == '`')
            break;
        if (c == '\n')
            newline(l);
    }
    t.kind = LEX_RAW;
    t.text = slice(l->src.p + start, l->at - start);
    l->at++;
    return t;
}

static struct token number(struct lexer *l, struct token t)
{
    size_t start = l->at;
    if (peek(l, 0) == '0' && digit(peek(l, 1)))
        return fail(t, "illegal number format: leading zero");
    while (digit(peek(l, 0)))
        l->at++;
    if (peek(l, 0) == '.') {
        if (!digit(peek(l, 1)))
            return fail(t, "illegal number format");
        l->at++;
        while (digit(peek(l, 0)))
            l->at++;
    }
    if (peek(l, 0) == 'e' || peek(l, 0) == 'E') {
        l->at++;
        if (peek(l, 0) == '+' || peek(l, 0) == '-')
            l->at++;
        if (!digit(peek(l, 0)))
            return fail(t, "illegal number format");
        while (digit(peek(l, 0)))
            l->at++;
    }
    if (letter(peek(l, 0)))
        return fail(t, "illegal number format");
    t.kind = LEX_NUMBER;
    t.text = slice(l->src.p + start, l->at - start);
    return t;
}

static struct token punct(struct lexer *l, struct token t)
{
    static const char twos[][3] = {":=", "==", "!=", "<=", ">="};
    t.kind = LEX_PUNCT;
    for (size_t i = 0; i < sizeof twos / sizeof *twos; i++)
        if (peek(l, 0) == twos[i][0] && peek(l, 1) == twos[i][1]) {
            t.text = slice(l->src.p + l->at, 2);
            l->at += 2;
            return t;
        }
    if (memchr("=<>+-*/%&|.,;:[](){}", peek(l, 0), 20) == NULL)
        return fail(t, "illegal token");
    t.text = slice(l->src.p + l->at, 1);
    l->at++;
    return t;
}

/* Columns count characters, not bytes. */
static uint32_t column(struct lexer *l)
{
    if (l->counted < l->line_start || l->counted > l->at) {
        l->counted = l->line_start;
        l->chars = 0;
    }
    for (; l->counted < l->at; l->counted++)
        l->chars += ((unsigned char)l->src.p[l->counted] & 0xC0) != 0x80;
    return l->chars + 1;
}

struct token lexer_next(struct lexer *l)
{
    struct token t = {.kind = LEX_EOF};
    skip(l, &t);
    t.start = l->at;
    t.loc = (struct loc){l->file, l->row, column(l)};
    int c = peek(l, 0);
    if (c < 0) {
        t.end = l->at;
        return t;
    }
    if (letter(c)) {
        while (letter(peek(l, 0)) || digit(peek(l, 0)))
            l->at++;
        t.kind = LEX_NAME;
        t.text = slice(l->src.p + t.start, l->at - t.start);
    } else if (digit(c)) {
        t = number(l, t);
    } else if (c == '"') {
        t = string(l, t);
    } else if (c == '`') {
        t = raw_string(l, t);
    } else if (c == '$' && (peek(l, 1) == '"' || peek(l, 1) == '`')) {
        t.kind = peek(l, 1) == '"' ? LEX_TEMPLATE : LEX_RAW_TEMPLATE;
        l->at += 2;
    } else {
        t = punct(l, t);
    }
    t.end = l->at;
    return t;
}

bool lexer_part(struct lexer *l, bool raw, struct slice *text, bool *ended)
{
    size_t start = l->at;
    int close = raw ? '`' : '"';
    for (;; l->at++) {
        int c = peek(l, 0);
        if (c < 0 || (c == '\n' && !raw))
            return false;
        if (c == '\n')
            newline(l);
        if (c == close || c == '{')
            break;
        if (c == '\\' && (!raw || peek(l, 1) == '{'))
            l->at++;
    }
    *text = slice(l->src.p + start, l->at - start);
    *ended = peek(l, 0) == close;
    l->at++;
    return raw || json_utf8_ok(*text);
}

/* lexer.h - Rego text to tokens, on demand.
 *
 * A lexer is a small value: copying it saves the position, so the parser can
 * try and go back.  Keywords of the dialect are decided by the parser; here
 * every word is LEX_NAME.
 */
#ifndef REGO_LEXER_H
#define REGO_LEXER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "rego/ast.h"

enum lex_kind {
    LEX_EOF,
    LEX_ERROR,        /* `text` says what */
    LEX_NAME,         /* identifier or keyword */
    LEX_NUMBER,       /* text as written */
    LEX_STRING,       /* text between the quotes, escapes not decoded */
    LEX_RAW,          /* text between the backticks */
    LEX_TEMPLATE,     /* $" was read; the parts follow by lexer_part */
    LEX_RAW_TEMPLATE, /* $` was read */
    LEX_PUNCT,        /* text is the operator, one or two characters */
};

struct lexer {
    struct slice src;
    size_t at;
    uint32_t file, row;
    size_t line_start;
    size_t counted; /* up to here on this line … */
    uint32_t chars; /* … there are so many characters */
};

struct token {
    enum lex_kind kind;
    struct slice text;
    struct loc loc;
    size_t start, end;   /* byte offsets */
    bool space, newline; /* white space, a line end before it */
};

/* Readies `l` at the start of `src`. */
void lexer_init(struct lexer *l, struct slice src, uint32_t file);
/* The next token. */
struct token lexer_next(struct lexer *l);
/* Within a template string: the raw text up to an unescaped `{` or to the
 * closing quote (`*ended`), which are consumed.  False: unterminated. */
bool lexer_part(struct lexer *l, bool raw, struct slice *text, bool *ended);

#endif

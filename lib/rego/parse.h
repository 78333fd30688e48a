/* parse.h - what the two halves of the parser share (terms and bodies in
 * parser.c, modules in parse_module.c).  Not for others.
 */
#ifndef REGO_PARSE_H
#define REGO_PARSE_H

#include "rego/lexer.h"
#include "rego/parser.h"

#define PARSE_DEPTH_MAX 200 /* nesting of terms and bodies */

/* Words that are keywords, as bits: dialect and imports decide. */
enum parse_keyword {
    KW_IN = 1,
    KW_EVERY = 2,
    KW_IF = 4,
    KW_CONTAINS = 8,
    KW_NOT = 16, /* `not` evaluates its operands inside */
    KW_AND = 32,
    KW_OR = 64,
    KW_FUTURE = KW_IN | KW_EVERY | KW_IF | KW_CONTAINS,
};

struct parse {
    struct ast *ast;
    struct lexer lex;
    struct token tok;  /* the current token */
    size_t prev_end;   /* where the one before it ended */
    uint32_t keywords; /* enum parse_keyword */
    bool v1;
    bool failed;
    bool quiet;             /* trying: an error is kept, not recorded */
    bool hard;              /* a limit was hit: trying otherwise is no use */
    struct slice message;   /* the error kept, */
    struct loc message_loc; /* and where */
    int depth;
    uint64_t work; /* tokens read, against exponential retries */
    uint32_t nwild;
};

/* Reads the next token. */
void parse_next(struct parse *p);
/* True if the current token is this operator. */
bool parse_is(const struct parse *p, const char *op);
/* Skips the operator if it is there. */
bool parse_take(struct parse *p, const char *op);
/* True if the current token is this word, used as a keyword. */
bool parse_is_word(const struct parse *p, const char *word);
/* Skips the keyword if it is there. */
bool parse_take_word(struct parse *p, const char *word);
/* True if `word` is reserved for this module. */
bool parse_reserved(const struct parse *p, struct slice word);
/* Records "rego_parse_error" once, returns NULL. */
void *parse_fail(struct parse *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Goes back to `save`, but keeps the count of work and hit limits. */
void parse_back(struct parse *p, const struct parse *save);
/* Ends a try that must not be retried: records the error it had kept. */
void parse_confirm(struct parse *p);
/* "unexpected <token> token: <what>", returns NULL. */
void *parse_illegal(struct parse *p, const char *what);

/* A term without operators, then `.x`, `[x]` and `(…)` behind it. */
struct term *parse_operand(struct parse *p);
/* Any term with operators, but not := and =. */
struct term *parse_infix(struct parse *p);
/* The current word as a rule's name with path and arguments. */
struct term *parse_head_ref(struct parse *p);
/* Expressions up to (not including) the closing `end`; "" for the end of the
 * text.  NULL: error or none. */
struct body *parse_body(struct parse *p, const char *end);
/* `not …` with what it applies to. */
struct expr *parse_negation(struct parse *p);
/* An expression without `not`, `some`, `every`, `with`. */
struct expr *parse_plain(struct parse *p);
/* parse_logic.c: expressions joined by `and` and `or`. */
struct expr *parse_logic(struct parse *p);
/* One operand of these; `after` an operator braces are a body. */
struct body *parse_unit(struct parse *p, bool after);
/* One expression with `not`, `some`, `every`, `with`. */
struct expr *parse_literal(struct parse *p);

#endif

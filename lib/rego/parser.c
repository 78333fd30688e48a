/* parser.c - terms, expressions and bodies.
 *
 * Recursive descent with bounded depth; the lexer is a value, so going back is
 * an assignment.  Precedence, low to high:
 *   in   == != < <= > >=   |   &   + -   * / %
 * In `{x | …}` and `[x | …]` a bar after the first item means comprehension
 * if what follows parses as a body, else union.
 */
#include "rego/parser.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "rego/compile.h"
#include "rego/parse.h"

/* Tokens may be read again, but not without end: parse_next(). */
#define CHAIN_MAX 1000 /* operators side by side nest to the left */

void parse_next(struct parse *p)
{
    p->prev_end = p->tok.end;
    p->tok = lexer_next(&p->lex);
    if (++p->work > 100000 + 30 * (uint64_t)p->lex.src.n) {
        p->tok.kind = LEX_ERROR;
        p->tok.text = SLICE("text too complicated");
        p->hard = true;
    }
    if (p->tok.kind == LEX_ERROR)
        parse_fail(p, "%.*s", SLICE_FMT(p->tok.text));
}

bool parse_is(const struct parse *p, const char *op)
{
    return p->tok.kind == LEX_PUNCT && slice_is(p->tok.text, op);
}

bool parse_take(struct parse *p, const char *op)
{
    if (!parse_is(p, op))
        return false;
    parse_next(p);
    return true;
}

/* A keyword directly before a dot is a name: `in.foo`, `data.if.x`. */
static bool before_dot(const struct parse *p)
{
    size_t i = p->tok.end;
    return i < p->lex.src.n && p->lex.src.p[i] == '.';
}

bool parse_is_word(const struct parse *p, const char *word)
{
    return p->tok.kind == LEX_NAME && slice_is(p->tok.text, word) &&
           !before_dot(p);
}

bool parse_take_word(struct parse *p, const char *word)
{
    if (!parse_is_word(p, word))
        return false;
    parse_next(p);
    return true;
}

bool parse_reserved(const struct parse *p, struct slice word)
{
    static const char *const always[] = {"as",     "default", "else", "false",
                                         "import", "package", "not",  "null",
                                         "true",   "with",    "some"};
    static const struct {
        const char *word;
        uint32_t bit;
    } some[] = {{"in", KW_IN},
                {"every", KW_EVERY},
                {"if", KW_IF},
                {"contains", KW_CONTAINS}};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (slice_is(word, always[i]))
            return true;
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        if (slice_is(word, some[i].word))
            return (p->keywords & some[i].bit) != 0;
    return false;
}

void *parse_fail(struct parse *p, const char *fmt, ...)
{
    if (p->failed)
        return NULL;
    p->failed = true;
    struct buf b;
    buf_init(&b, 1000);
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    p->message = ast_take(p->ast, &b);
    p->message_loc = p->tok.loc;
    parse_confirm(p);
    return NULL;
}

void parse_confirm(struct parse *p)
{
    p->failed = true;
    if (p->quiet || p->message.p == NULL)
        return;
    ast_error(p->ast, p->message_loc, CODE_PARSE, "%.*s",
              SLICE_FMT(p->message));
    p->message.p = NULL;
}

void parse_back(struct parse *p, const struct parse *save)
{
    struct parse tried = *p;
    *p = *save;
    p->work = tried.work;
    if (!tried.hard)
        return;
    p->hard = true;
    p->message = tried.message;
    p->message_loc = tried.message_loc;
    parse_confirm(p);
}

static const char *token_name(const struct parse *p)
{
    static const struct {
        const char *op, *name;
    } names[] = {
        {"{", "lbrace"},    {"}", "rbrace"}, {"[", "lbrack"},  {"]", "rbrack"},
        {"(", "lparen"},    {")", "rparen"}, {",", "comma"},   {":", "colon"},
        {";", "semicolon"}, {".", "dot"},    {":=", "assign"}, {"=", "eq"},
        {"==", "equal"},    {"!=", "neq"},   {"<", "lt"},      {">", "gt"},
        {"<=", "lte"},      {">=", "gte"},   {"+", "plus"},    {"-", "minus"},
        {"*", "mul"},       {"/", "div"},    {"%", "rem"},     {"&", "and"},
        {"|", "or"}};
    if (p->tok.kind == LEX_EOF)
        return "eof";
    if (p->tok.kind == LEX_NUMBER)
        return "number";
    if (p->tok.kind == LEX_STRING || p->tok.kind == LEX_RAW)
        return "string";
    if (p->tok.kind == LEX_TEMPLATE || p->tok.kind == LEX_RAW_TEMPLATE)
        return "template-string";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_is(p->tok.text, names[i].op))
            return names[i].name;
    return NULL;
}

void *parse_illegal(struct parse *p, const char *what)
{
    const char *sep = *what != '\0' ? ": " : "";
    const char *name = token_name(p);
    if (name != NULL)
        return parse_fail(p, "unexpected %s token%s%s", name, sep, what);
    if (parse_reserved(p, p->tok.text))
        return parse_fail(p, "unexpected %.*s keyword%s%s",
                          SLICE_FMT(p->tok.text), sep, what);
    return parse_fail(p, "unexpected identifier token%s%s", sep, what);
}

static bool enter(struct parse *p)
{
    if (p->depth >= PARSE_DEPTH_MAX) {
        p->hard = true;
        parse_fail(p, "max recursion depth of %d exceeded", PARSE_DEPTH_MAX);
        return false;
    }
    p->depth++;
    return !p->failed;
}

/* A word that may be a name here: no keyword, or one before a dot. */
static bool is_name(const struct parse *p)
{
    return p->tok.kind == LEX_NAME &&
           (!parse_reserved(p, p->tok.text) || before_dot(p));
}

// ---- references and calls -------------------------------------------------

static struct term *var_here(struct parse *p)
{
    struct ast *a = p->ast;
    struct loc loc = p->tok.loc;
    if (slice_is(p->tok.text, "_")) {
        char text[24];
        int n = snprintf(text, sizeof text, "$%u", p->nwild++);
        struct sym *s = ast_sym(a, slice(text, (size_t)n));
        return ast_var(a, s, loc);
    }
    return ast_var(a, ast_sym(a, p->tok.text), loc);
}

/* Comma-separated terms up to `end`, which is taken; a comma may be last. */
static bool term_list(struct parse *p, struct term *into, const char *end)
{
    while (!parse_is(p, end)) {
        struct term *t = parse_infix(p);
        if (t == NULL)
            return false;
        ast_push(p->ast, into, t);
        if (!parse_take(p, ",") && !parse_is(p, end)) {
            parse_illegal(p, "expected \",\" or closing bracket");
            return false;
        }
    }
    parse_next(p);
    return !p->failed;
}

static struct term *as_ref(struct parse *p, struct term *head)
{
    if (head->kind == T_REF)
        return head;
    struct term *ref = ast_term(p->ast, T_REF, head->loc);
    ast_push(p->ast, ref, head);
    return ref;
}

static struct term *dot(struct parse *p, struct term *t)
{
    parse_next(p);
    if (p->tok.kind != LEX_NAME || p->tok.space)
        return parse_illegal(p, "expected ident");
    struct term *ref = as_ref(p, t);
    ast_push(p->ast, ref, ast_str(p->ast, p->tok.text, p->tok.loc));
    parse_next(p);
    return ref;
}

static struct term *bracket(struct parse *p, struct term *t)
{
    parse_next(p);
    struct term *key = parse_infix(p);
    if (key == NULL)
        return NULL;
    if (!parse_is(p, "]"))
        return parse_illegal(p, "expected \"]\"");
    struct term *ref = as_ref(p, t);
    ast_push(p->ast, ref, key);
    parse_next(p);
    return ref;
}

static struct term *call(struct parse *p, struct term *t)
{
    struct term *c = ast_term(p->ast, T_CALL, t->loc);
    ast_push(p->ast, c, t);
    parse_next(p);
    return term_list(p, c, ")") ? c : NULL;
}

/* What directly follows a term: `.x`, `[x]`, `(…)`. */
static struct term *finish(struct parse *p, struct term *t)
{
    for (int n = 0; t != NULL && !p->failed && !p->tok.space; n++) {
        if (n >= CHAIN_MAX)
            return parse_fail(p, "more than %d elements in a reference",
                              CHAIN_MAX);
        bool callable = t->kind == T_VAR ||
                        (t->kind == T_REF && t->items[0]->kind == T_VAR);
        if (parse_is(p, "."))
            t = dot(p, t);
        else if (parse_is(p, "["))
            t = bracket(p, t);
        else if (parse_is(p, "(") && callable)
            t = call(p, t);
        else
            break;
    }
    return p->failed ? NULL : t;
}

struct term *parse_head_ref(struct parse *p)
{
    if (!is_name(p))
        return parse_illegal(p, "rule name expected");
    struct term *t = var_here(p);
    parse_next(p);
    return finish(p, t);
}

// ---- scalars --------------------------------------------------------------

static struct term *string_of(struct parse *p, struct slice raw, struct loc loc)
{
    char *to = ast_alloc(p->ast, raw.n + 1);
    size_t n;
    if (memchr(raw.p, '\\', raw.n) == NULL) {
        memcpy(to, raw.p, raw.n);
        n = raw.n;
    } else if (!value_unescape(raw, to, &n)) {
        return parse_fail(p, "illegal string literal: invalid escape "
                             "sequence");
    }
    return ast_str(p->ast, slice(to, n), loc);
}

static struct term *number_here(struct parse *p, bool negative)
{
    struct slice text = p->tok.text;
    char *copy = ast_alloc(p->ast, text.n + 2);
    if (negative)
        copy[0] = '-';
    memcpy(copy + negative, p->tok.text.p, text.n);
    text = slice(copy, text.n + negative);
    struct value v;
    if (!value_number_text(p->ast->arena, text, &v))
        return parse_fail(p, "illegal number: %.*s", SLICE_FMT(text));
    struct term *t = ast_const(p->ast, v, p->tok.loc);
    parse_next(p);
    return t;
}

/* Text of a template: `\{` stands for `{`, other escapes as in strings. */
static struct term *template_text(struct parse *p, struct slice raw,
                                  bool is_raw, struct loc loc)
{
    char *to = ast_alloc(p->ast, raw.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < raw.n; i++) {
        if (raw.p[i] == '\\' && i + 1 < raw.n) {
            if (raw.p[i + 1] == '{' || raw.p[i + 1] == '}')
                i++;
            else if (!is_raw)
                to[n++] = raw.p[i++];
        }
        to[n++] = raw.p[i];
    }
    if (is_raw)
        return ast_str(p->ast, slice(to, n), loc);
    return string_of(p, slice(to, n), loc);
}

static struct term *template_here(struct parse *p)
{
    bool raw = p->tok.kind == LEX_RAW_TEMPLATE;
    struct term *t = ast_term(p->ast, T_TEMPLATE, p->tok.loc);
    for (;;) {
        struct slice text;
        bool ended;
        struct loc loc = p->tok.loc;
        if (!lexer_part(&p->lex, raw, &text, &ended))
            return parse_fail(p, "non-terminated string");
        if (text.n > 0) {
            struct term *part = template_text(p, text, raw, loc);
            if (part == NULL)
                return NULL;
            ast_push(p->ast, t, part);
        }
        if (ended)
            break;
        parse_next(p);
        struct expr *e = parse_literal(p);
        if (e == NULL)
            return NULL;
        if (!parse_is(p, "}"))
            return parse_illegal(p, "expected closing } of the template "
                                    "expression");
        if ((e->kind != E_TERM && e->kind != E_CALL) || e->negated)
            return parse_fail(p, "unexpected expression in template string");
        struct term *hole = ast_term(p->ast, T_SET_COMP, e->loc);
        struct sym *s = ast_fresh(p->ast);
        ast_push(p->ast, hole, ast_var(p->ast, s, e->loc));
        struct expr *eq = ast_eq(p->ast, ast_var(p->ast, s, e->loc), e->term);
        eq->with = e->with;
        eq->nwith = e->nwith;
        eq->loc = e->loc;
        hole->body = ast_body(p->ast);
        ast_add(p->ast, hole->body, eq);
        ast_push(p->ast, t, hole);
        p->lex.at = p->tok.end; // text goes on behind the brace
    }
    parse_next(p);
    return p->failed ? NULL : t;
}

// ---- composites -----------------------------------------------------------

static struct term *infix_no_bar(struct parse *p);

/* Tries `| body end` as the rest of a comprehension.  NULL: go on with a
 * union, if p->failed is not set; only a comma or colon behind the body can
 * mean that. */
static struct body *comprehension(struct parse *p, const char *end)
{
    struct parse save = *p;
    bool quiet = p->quiet;
    parse_next(p);
    p->quiet = true;
    struct body *b = parse_body(p, end);
    p->quiet = quiet;
    if (b != NULL && parse_is(p, end)) {
        parse_next(p);
        return b;
    }
    if (p->depth == save.depth + 1 && (parse_is(p, ",") || parse_is(p, ":")))
        parse_back(p, &save);
    else
        parse_confirm(p);
    return NULL;
}

/* True if what was read as an item without `|` and `in` ends here. */
static bool item_ends(const struct parse *p, const char *close)
{
    return parse_is(p, ",") || parse_is(p, close);
}

/* Reads `t`'s first item; a comprehension is finished (`*done`).  NULL: error.
 * An item that goes on with `|` or `in` is read again with them. */
static struct term *first_item(struct parse *p, struct term *t,
                               enum term_kind comp, struct term *key,
                               const char *close, bool *done)
{
    struct parse save = *p;
    struct term *head = infix_no_bar(p);
    *done = false;
    if (head == NULL || item_ends(p, close) ||
        (comp == T_SET_COMP && parse_is(p, ":")))
        return head;
    struct body *b = parse_is(p, "|") ? comprehension(p, close) : NULL;
    if (b != NULL) {
        t->kind = comp;
        if (key != NULL)
            ast_push(p->ast, t, key);
        ast_push(p->ast, t, head);
        t->body = b;
        *done = true;
        return head;
    }
    if (p->failed)
        return NULL;
    parse_back(p, &save);
    return parse_infix(p);
}

static struct term *array_here(struct parse *p)
{
    struct term *t = ast_term(p->ast, T_ARRAY, p->tok.loc);
    bool done;
    parse_next(p);
    if (parse_take(p, "]"))
        return t;
    if (parse_take(p, ",")) // allowed for old policies
        return term_list(p, t, "]") ? t : NULL;
    struct term *head = first_item(p, t, T_ARRAY_COMP, NULL, "]", &done);
    if (head == NULL || done)
        return head != NULL ? t : NULL;
    ast_push(p->ast, t, head);
    if (parse_take(p, "]"))
        return p->failed ? NULL : t;
    if (!parse_take(p, ","))
        return parse_illegal(p, "expected \",\" or \"]\"");
    return term_list(p, t, "]") ? t : NULL;
}

/* `{k: v, …}` behind the first colon. */
static struct term *object_here(struct parse *p, struct term *t,
                                struct term *key)
{
    bool done;
    t->kind = T_OBJECT;
    struct term *val = first_item(p, t, T_OBJECT_COMP, key, "}", &done);
    if (val == NULL || done)
        return val != NULL ? t : NULL;
    for (;;) {
        ast_push(p->ast, t, key);
        ast_push(p->ast, t, val);
        bool comma = parse_take(p, ",");
        if (parse_take(p, "}"))
            return p->failed ? NULL : t;
        if (!comma)
            return parse_illegal(p, "expected \",\" or \"}\"");
        key = parse_infix(p);
        if (key == NULL)
            return NULL;
        if (!parse_take(p, ":"))
            return parse_illegal(p, "expected \":\"");
        val = parse_infix(p);
        if (val == NULL)
            return NULL;
    }
}

static struct term *brace_here(struct parse *p)
{
    struct term *t = ast_term(p->ast, T_SET, p->tok.loc);
    bool done;
    parse_next(p);
    if (parse_take(p, "}")) {
        t->kind = T_OBJECT;
        return t;
    }
    struct term *head = first_item(p, t, T_SET_COMP, NULL, "}", &done);
    if (head == NULL || done)
        return head != NULL ? t : NULL;
    if (parse_take(p, ":"))
        return object_here(p, t, head);
    ast_push(p->ast, t, head);
    if (parse_take(p, "}"))
        return p->failed ? NULL : t;
    if (!parse_take(p, ","))
        return parse_illegal(p, "expected \",\" or \"}\"");
    return term_list(p, t, "}") ? t : NULL;
}

static struct term *word_here(struct parse *p)
{
    struct slice w = p->tok.text;
    struct loc loc = p->tok.loc;
    struct term *t = NULL;
    if (!before_dot(p)) {
        if (slice_is(w, "true") || slice_is(w, "false"))
            t = ast_const(p->ast, value_bool(slice_is(w, "true")), loc);
        else if (slice_is(w, "null"))
            t = ast_const(p->ast, value_null(), loc);
        if (t != NULL) {
            parse_next(p);
            return t;
        }
        if (parse_reserved(p, w) && !slice_is(w, "contains"))
            return parse_illegal(p, "");
    }
    t = var_here(p);
    parse_next(p);
    if (slice_is(w, "set") && parse_is(p, "(") && !p->tok.space) {
        struct parse save = *p;
        parse_next(p);
        if (parse_take(p, ")"))
            return ast_term(p->ast, T_SET, loc);
        *p = save;
    }
    return t;
}

static struct term *infix(struct parse *p, bool pair);

static struct term *group_here(struct parse *p)
{
    parse_next(p);
    struct term *t = infix(p, true);
    if (t == NULL)
        return NULL;
    if (!parse_is(p, ")"))
        return parse_illegal(p, "expected \")\"");
    parse_next(p);
    return t;
}

static struct term *operand_here(struct parse *p)
{
    struct term *t = NULL;
    struct loc loc = p->tok.loc;
    switch (p->tok.kind) {
    case LEX_NAME:
        return finish(p, word_here(p));
    case LEX_NUMBER:
        return number_here(p, false);
    case LEX_STRING:
        t = string_of(p, p->tok.text, loc);
        break;
    case LEX_RAW:
        t = ast_str(p->ast, p->tok.text, loc);
        break;
    case LEX_TEMPLATE:
    case LEX_RAW_TEMPLATE:
        return finish(p, template_here(p));
    case LEX_EOF:
    case LEX_ERROR:
    case LEX_PUNCT:
        if (parse_is(p, "["))
            return finish(p, array_here(p));
        if (parse_is(p, "{"))
            return finish(p, brace_here(p));
        if (parse_is(p, "("))
            return finish(p, group_here(p));
        if (parse_is(p, "-")) {
            parse_next(p);
            if (p->tok.kind == LEX_NUMBER)
                return number_here(p, true);
            return parse_illegal(p, "expected number");
        }
        return parse_illegal(p, "");
    }
    if (t != NULL)
        parse_next(p);
    return finish(p, t);
}

struct term *parse_operand(struct parse *p)
{
    if (!enter(p))
        return NULL;
    struct term *t = operand_here(p);
    p->depth--;
    return p->failed ? NULL : t;
}

// ---- operators ------------------------------------------------------------

struct infix_op {
    const char *op, *name;
    int level;
};

static const struct infix_op operators[] = {
    {"==", "equal", 1}, {"!=", "neq", 1},  {"<", "lt", 1},  {"<=", "lte", 1},
    {">", "gt", 1},     {">=", "gte", 1},  {"|", "or", 2},  {"&", "and", 3},
    {"+", "plus", 4},   {"-", "minus", 4}, {"*", "mul", 5}, {"/", "div", 5},
    {"%", "rem", 5}};

static const struct infix_op *operator_here(const struct parse *p, int level,
                                            bool bar)
{
    if (p->tok.kind != LEX_PUNCT)
        return NULL;
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (operators[i].level >= level && (bar || operators[i].level != 2) &&
            slice_is(p->tok.text, operators[i].op))
            return &operators[i];
    return NULL;
}

/* Precedence climbing; all operators are left-associative. */
static struct term *binary(struct parse *p, int level, bool bar)
{
    struct term *left = parse_operand(p);
    for (int n = 0; left != NULL; n++) {
        const struct infix_op *op = operator_here(p, level, bar);
        if (op == NULL)
            break;
        if (n >= CHAIN_MAX)
            return parse_fail(p, "more than %d operators in a row", CHAIN_MAX);
        parse_next(p);
        if (!enter(p))
            return NULL;
        struct term *right = binary(p, op->level + 1, true);
        p->depth--;
        if (right == NULL)
            return NULL;
        left = ast_call(p->ast, op->name, left->loc, left, right, NULL);
    }
    return p->failed ? NULL : left;
}

static struct term *infix_no_bar(struct parse *p)
{
    if (!enter(p))
        return NULL;
    struct term *t = binary(p, 1, false);
    p->depth--;
    return t;
}

static bool at_in(const struct parse *p)
{
    return (p->keywords & KW_IN) != 0 && parse_is_word(p, "in");
}

/* `k, v in xs` is tried where a comma could also mean something else. */
static struct term *membership(struct parse *p, struct term *left, bool pair)
{
    if (pair && parse_is(p, ",")) {
        struct parse save = *p;
        bool quiet = p->quiet;
        parse_next(p);
        p->quiet = true;
        struct term *mid = binary(p, 1, true);
        p->quiet = quiet;
        if (mid != NULL && at_in(p)) {
            parse_next(p);
            struct term *right = binary(p, 1, true);
            if (right == NULL)
                return NULL;
            left = ast_call(p->ast, "internal.member_3", left->loc, left, mid,
                            right);
        } else {
            parse_back(p, &save);
            return left;
        }
    }
    for (int n = 0; left != NULL && at_in(p); n++) {
        if (n >= CHAIN_MAX)
            return parse_fail(p, "more than %d operators in a row", CHAIN_MAX);
        parse_next(p);
        struct term *right = binary(p, 1, true);
        if (right == NULL)
            return NULL;
        left =
            ast_call(p->ast, "internal.member_2", left->loc, left, right, NULL);
    }
    return left;
}

static struct term *infix(struct parse *p, bool pair)
{
    if (!enter(p))
        return NULL;
    struct term *t = binary(p, 1, true);
    if (t != NULL)
        t = membership(p, t, pair && (p->keywords & KW_IN) != 0);
    p->depth--;
    return p->failed ? NULL : t;
}

struct term *parse_infix(struct parse *p)
{
    return infix(p, false);
}

// ---- expressions ----------------------------------------------------------

static struct expr *some_here(struct parse *p)
{
    struct expr *e = ast_alloc(p->ast, sizeof *e);
    e->kind = E_SOME;
    e->loc = p->tok.loc;
    parse_next(p);
    struct parse save = *p;
    bool quiet = p->quiet;
    p->quiet = true;
    struct term *t = infix(p, true);
    p->quiet = quiet;
    if (t != NULL && t->kind == T_CALL && t->items[0]->kind == T_VAR &&
        slice_starts(t->items[0]->sym->name, "internal.member_")) {
        e->decl = ast_alloc(p->ast, sizeof(struct term *));
        e->decl[0] = t;
        e->ndecl = 1;
        return e;
    }
    parse_back(p, &save);
    struct term *list = ast_term(p->ast, T_ARRAY, e->loc);
    do {
        if (!is_name(p))
            return parse_illegal(p, "expected var");
        ast_push(p->ast, list, var_here(p));
        parse_next(p);
    } while (parse_take(p, ","));
    if (parse_is_word(p, "in"))
        return parse_fail(p, "unexpected ident token: expected \\n or ; or } "
                             "(hint: `import future.keywords.in` for `some x "
                             "in xs` expressions)");
    e->decl = list->items;
    e->ndecl = list->n;
    return e;
}

static struct expr *every_here(struct parse *p)
{
    struct expr *e = ast_alloc(p->ast, sizeof *e);
    e->kind = E_EVERY;
    e->loc = p->tok.loc;
    parse_next(p);
    if (!is_name(p))
        return parse_illegal(p, "expected variable");
    e->val = var_here(p);
    parse_next(p);
    if (parse_take(p, ",")) {
        if (!is_name(p))
            return parse_illegal(p, "expected variable");
        e->key = e->val;
        e->val = var_here(p);
        parse_next(p);
    }
    if (!at_in(p))
        return parse_illegal(p, "missing \"in\" in every expression");
    parse_next(p);
    e->term = binary(p, 1, true);
    if (e->term == NULL)
        return NULL;
    if (!parse_take(p, "{"))
        return parse_illegal(p, "missing body");
    e->body = parse_body(p, "}");
    if (e->body == NULL || !parse_take(p, "}"))
        return parse_illegal(p, "expected \"}\"");
    return e;
}

struct expr *parse_plain(struct parse *p)
{
    struct loc loc = p->tok.loc;
    struct term *t = infix(p, true);
    if (t == NULL)
        return NULL;
    const char *op = parse_is(p, ":=")  ? "assign"
                     : parse_is(p, "=") ? "eq"
                                        : NULL;
    if (op != NULL) {
        struct loc at = p->tok.loc;
        parse_next(p);
        struct term *right = infix(p, true);
        if (right == NULL)
            return NULL;
        t = ast_call(p->ast, op, at, t, right, NULL);
    }
    struct expr *e = ast_expr(p->ast, t);
    e->loc = loc;
    return e;
}

static bool with_here(struct parse *p, struct expr *e)
{
    struct with w = {.loc = p->tok.loc};
    parse_next(p);
    w.target = parse_operand(p);
    if (w.target == NULL)
        return false;
    if (w.target->kind != T_REF && w.target->kind != T_VAR) {
        parse_fail(p, "with target must be a reference");
        return false;
    }
    if (!parse_take_word(p, "as")) {
        parse_illegal(p, "expected `as` keyword");
        return false;
    }
    w.value = infix(p, false);
    if (w.value == NULL)
        return false;
    struct with *list = ast_alloc(p->ast, (e->nwith + 1) * sizeof(struct with));
    if (e->nwith > 0)
        memcpy(list, e->with, e->nwith * sizeof *list);
    list[e->nwith++] = w;
    e->with = list;
    return true;
}

struct expr *parse_negation(struct parse *p)
{
    struct loc loc = p->tok.loc;
    parse_next(p);
    struct expr *e;
    if ((p->keywords & (KW_AND | KW_OR)) != 0) {
        struct body *b = parse_unit(p, true);
        if (b == NULL)
            return NULL;
        e = ast_alloc(p->ast, sizeof *e);
        e->kind = E_NOT;
        e->body = b;
    } else if ((p->keywords & KW_NOT) == 0) {
        e = parse_plain(p);
        if (e != NULL)
            e->negated = true;
    } else {
        e = ast_alloc(p->ast, sizeof *e);
        e->kind = E_NOT;
        e->body = NULL;
        struct parse save = *p;
        bool quiet = p->quiet;
        if (parse_is(p, "{")) {
            parse_next(p);
            p->quiet = true;
            e->body = parse_body(p, "}");
            p->quiet = quiet;
            if (e->body != NULL && !parse_take(p, "}"))
                e->body = NULL;
        }
        if (e->body == NULL) {
            parse_back(p, &save);
            struct expr *in = parse_plain(p);
            if (in == NULL)
                return NULL;
            e->body = ast_body(p->ast);
            ast_add(p->ast, e->body, in);
        }
    }
    if (e != NULL)
        e->loc = loc;
    return e;
}

struct expr *parse_literal(struct parse *p)
{
    if (!enter(p))
        return NULL;
    struct expr *e;
    size_t start = p->tok.start;
    bool logic = (p->keywords & (KW_AND | KW_OR)) != 0;
    if (parse_is_word(p, "not") && !logic)
        e = parse_negation(p);
    else if (parse_is_word(p, "some"))
        e = some_here(p);
    else if ((p->keywords & KW_EVERY) != 0 && parse_is_word(p, "every"))
        e = every_here(p);
    else
        e = logic ? parse_logic(p) : parse_plain(p);
    while (e != NULL && parse_is_word(p, "with"))
        if (!with_here(p, e))
            e = NULL;
    p->depth--;
    if (p->failed || e == NULL)
        return NULL;
    e->text = slice(p->lex.src.p + start, p->prev_end - start);
    return e;
}

struct body *parse_body(struct parse *p, const char *end)
{
    if (!enter(p))
        return NULL;
    struct body *b = ast_body(p->ast);
    for (;;) {
        bool at_end = *end == '\0' ? p->tok.kind == LEX_EOF : parse_is(p, end);
        if (at_end)
            break;
        struct expr *e = parse_literal(p);
        if (e == NULL)
            return NULL;
        ast_add(p->ast, b, e);
        bool semicolon = parse_take(p, ";");
        at_end = *end == '\0' ? p->tok.kind == LEX_EOF : parse_is(p, end);
        if (!semicolon && !at_end && !p->tok.newline)
            return parse_illegal(p, *end == '}' ? "expected \\n or ; or }"
                                                : "expected \\n or ; or ]");
    }
    p->depth--;
    if (b->n == 0)
        return parse_fail(p, "found empty body");
    return b;
}

// ---- entry points for single pieces ---------------------------------------

static void init(struct parse *p, struct ast *a, struct slice src,
                 uint32_t file)
{
    *p = (struct parse){.ast = a, .v1 = true, .keywords = KW_FUTURE};
    lexer_init(&p->lex, src, file);
    parse_next(p);
}

struct body *parser_query(struct ast *a, struct slice src, uint32_t file)
{
    struct parse p;
    init(&p, a, src, file);
    return parse_body(&p, "");
}

struct term *parser_term(struct ast *a, struct slice src, uint32_t file)
{
    struct parse p;
    init(&p, a, src, file);
    struct term *t = parse_infix(&p);
    if (t != NULL && p.tok.kind != LEX_EOF)
        return parse_illegal(&p, "");
    return t;
}

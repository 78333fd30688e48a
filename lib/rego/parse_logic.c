/* parse_logic.c - `and` and `or` between expressions (future.keywords).
 *
 *   literal := conj { or conj }      conj := unit { and unit }
 *   unit    := not unit | { body } | ( literal ) | expression
 *
 * Each operand has a scope of its own and counts once, however many solutions
 * it has; nothing it binds is seen outside.  That is what `not` of the future
 * does to its body, so both are spelt with it:
 *   a or b   is  not { not { a }; not { b } }
 *   a and b  is  not { not { not { not { a } }; not { not { b } } } }
 */
#include "rego/parse.h"

static bool enabled(const struct parse *p, uint32_t bit, const char *word)
{
    return (p->keywords & bit) != 0 && parse_is_word(p, word);
}

static struct expr *negate(struct parse *p, struct body *b)
{
    struct expr *e = ast_alloc(p->ast, sizeof *e);
    e->kind = E_NOT;
    e->body = b;
    e->loc = b->e[0]->loc;
    return e;
}

static struct body *single(struct parse *p, struct expr *e)
{
    struct body *b = ast_body(p->ast);
    ast_add(p->ast, b, e);
    return b;
}

/* Holds if the body has a solution; binds nothing. */
static struct expr *exists(struct parse *p, struct body *b)
{
    return negate(p, single(p, negate(p, b)));
}

/* `{ body }` where an operator stands before or behind it. */
static struct body *braces(struct parse *p, bool after)
{
    struct parse save = *p;
    bool quiet = p->quiet;
    p->quiet = true;
    parse_next(p);
    struct body *b = parse_body(p, "}");
    bool closed = b != NULL && parse_take(p, "}");
    p->quiet = quiet;
    if (closed &&
        (after || enabled(p, KW_AND, "and") || enabled(p, KW_OR, "or")))
        return b;
    parse_back(p, &save);
    return NULL;
}

/* `( literal )`, unless it is just a term in parentheses. */
static struct body *parens(struct parse *p)
{
    struct parse save = *p;
    bool quiet = p->quiet;
    p->quiet = true;
    parse_next(p);
    struct expr *e = parse_literal(p);
    bool closed = e != NULL && parse_take(p, ")");
    p->quiet = quiet;
    bool term = e != NULL && (e->kind == E_TERM || e->kind == E_CALL) &&
                e->nwith == 0 && !e->negated;
    if (closed && !term)
        return single(p, e);
    parse_back(p, &save);
    return NULL;
}

struct body *parse_unit(struct parse *p, bool after)
{
    struct body *b = NULL;
    if (parse_is(p, "{"))
        b = braces(p, after);
    else if (parse_is(p, "("))
        b = parens(p);
    if (b != NULL || p->failed)
        return b;
    struct expr *e =
        parse_is_word(p, "not") ? parse_negation(p) : parse_plain(p);
    return e != NULL ? single(p, e) : NULL;
}

/* Operands of one operator; a lone one stays what it is. */
static struct body *chain(struct parse *p, bool after, bool is_or)
{
    const char *word = is_or ? "or" : "and";
    uint32_t bit = is_or ? KW_OR : KW_AND;
    struct body *b = is_or ? chain(p, after, false) : parse_unit(p, after);
    if (b == NULL || !enabled(p, bit, word))
        return b;
    struct body *all = ast_body(p->ast);
    ast_add(p->ast, all, is_or ? negate(p, b) : exists(p, b));
    while (enabled(p, bit, word)) {
        parse_next(p);
        b = is_or ? chain(p, true, false) : parse_unit(p, true);
        if (b == NULL)
            return NULL;
        ast_add(p->ast, all, is_or ? negate(p, b) : exists(p, b));
    }
    return single(p, is_or ? negate(p, all) : exists(p, all));
}

struct expr *parse_logic(struct parse *p)
{
    struct body *b = chain(p, false, true);
    if (b == NULL)
        return NULL;
    return b->n == 1 ? b->e[0] : exists(p, b);
}

/* check.c - what is wrong with rules as a whole.
 *
 * Conflicting definitions, calls of functions that do not exist or with the
 * wrong number or kinds of arguments, deprecated builtins in v1, and rules
 * that depend on themselves.
 */
#include <string.h>

#include "rego/compile.h"

int check_arity(const struct compiler *c, const struct term *call)
{
    const struct node *f = tree_function(c, call->items[0]);
    if (f != NULL)
        return (int)f->rules[0]->nargs;
    struct slice name;
    char text[256];
    const struct term *t = call->items[0];
    if (t->kind == T_VAR) {
        name = t->sym->name;
    } else {
        struct buf b;
        buf_init(&b, sizeof text);
        ast_print(&b, t);
        size_t n = b.n < sizeof text ? b.n : sizeof text;
        if (n > 0)
            memcpy(text, b.p, n);
        buf_release(&b);
        name = slice(text, n);
    }
    const struct builtin *b = builtin_find(name);
    return b != NULL ? (int)b->arity : -1;
}

void check_rules(struct compiler *c)
{
    (void)c;
}

void check_query(struct compiler *c, struct body *b)
{
    (void)c;
    (void)b;
}

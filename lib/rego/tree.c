/* tree.c - all rules by the constant part of their path.
 *
 * data.<package>.<name>.<constants…>; what follows the first variable of a
 * head's reference belongs to the rule.  Children are kept sorted, so lookup
 * is a bisection and documents come out in order.
 */
#include <string.h>

#include "rego/compile.h"

static uint32_t place(const struct node *n, const struct value *key,
                      bool *found)
{
    uint32_t lo = 0, hi = n->nchild;
    *found = false;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int d = value_compare(&n->child[mid]->key, key);
        if (d == 0) {
            *found = true;
            return mid;
        }
        if (d < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct node *tree_child(const struct node *n, const struct value *key)
{
    bool found;
    uint32_t i = place(n, key, &found);
    return found ? n->child[i] : NULL;
}

static struct node *make_child(struct ast *a, struct node *n,
                               const struct value *key)
{
    bool found;
    uint32_t i = place(n, key, &found);
    if (found)
        return n->child[i];
    if (n->nchild == n->cap) {
        uint32_t cap = n->cap == 0 ? 4 : n->cap * 2;
        struct node **list = ast_alloc(a, cap * sizeof(struct node *));
        if (n->nchild > 0)
            memcpy(list, n->child, n->nchild * sizeof(struct node *));
        n->child = list;
        n->cap = cap;
    }
    struct node *x = ast_alloc(a, sizeof *x);
    x->key = *key;
    x->parent = n;
    memmove(&n->child[i + 1], &n->child[i],
            (n->nchild - i) * sizeof(struct node *));
    n->child[i] = x;
    n->nchild++;
    return x;
}

static void add_rule(struct ast *a, struct node *n, struct rule *r)
{
    if (n->nrules == n->caprules) {
        uint32_t cap = n->caprules == 0 ? 2 : n->caprules * 2;
        struct rule **list = ast_alloc(a, cap * sizeof(struct rule *));
        if (n->nrules > 0)
            memcpy(list, n->rules, n->nrules * sizeof(struct rule *));
        n->rules = list;
        n->caprules = cap;
    }
    n->rules[n->nrules++] = r;
}

static void place_rule(struct compiler *c, struct module *m, struct rule *r)
{
    struct ast *a = &c->ast;
    struct node *n = c->root;
    for (uint32_t i = 1; i < m->package->n; i++)
        n = make_child(a, n, &m->package->items[i]->value);
    n->is_package = true;
    struct value name = value_str(r->ref->items[0]->sym->name);
    n = make_child(a, n, &name);
    uint32_t i = 1;
    struct value key;
    for (; i < r->ref->n && ast_fold(a, r->ref->items[i], &key); i++)
        n = make_child(a, n, &key);
    for (struct rule *e = r; e != NULL; e = e->else_rule)
        e->npath = i;
    if (r->has_args)
        n->is_func = true;
    add_rule(a, n, r);
}

void tree_build(struct compiler *c)
{
    c->root = ast_alloc(&c->ast, sizeof *c->root);
    for (uint32_t i = 0; i < c->nmodules; i++) {
        struct module *m = c->modules[i];
        struct node *n = c->root;
        for (uint32_t j = 1; j < m->package->n; j++)
            n = make_child(&c->ast, n, &m->package->items[j]->value);
        n->is_package = true;
        for (uint32_t j = 0; j < m->nrules; j++)
            place_rule(c, m, m->rules[j]);
    }
}

struct node *tree_function(const struct compiler *c, const struct term *f)
{
    if (f->kind != T_REF || f->items[0]->kind != T_VAR ||
        f->items[0]->sym != c->ast.s_data)
        return NULL;
    struct node *n = c->root;
    for (uint32_t i = 1; n != NULL && i < f->n; i++) {
        if (f->items[i]->kind != T_CONST)
            return NULL;
        n = tree_child(n, &f->items[i]->value);
    }
    return n != NULL && n->is_func ? n : NULL;
}

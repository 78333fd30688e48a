/* check_cycle.c - rules must not depend on themselves.
 *
 * The nodes of the tree are numbered so that a subtree is a range.  A
 * reference ends at the first node with rules, or at the end of its path, and
 * means all rules of that subtree; at a variable it means every child.  Then
 * a depth-first search with a stack of its own.
 */
#include <string.h>

#include "rego/compile.h"

struct edge {
    uint32_t lo, hi; /* nodes lo … hi-1 */
    struct edge *next;
};

struct vertex {
    struct node *node;
    uint32_t end; /* behind its subtree */
    struct edge *edges;
    enum { WHITE, GREY, BLACK } color;
};

struct graph {
    struct compiler *c;
    struct ast *ast;
    struct vertex *v;
    uint32_t n;
    uint32_t from; /* the node whose rules are looked at */
};

static uint32_t count(const struct node *n)
{
    uint32_t sum = 1;
    for (uint32_t i = 0; i < n->nchild; i++)
        sum += count(n->child[i]);
    return sum;
}

static void number(struct graph *g, struct node *n)
{
    uint32_t i = g->n++;
    g->v[i].node = n;
    n->index = i;
    for (uint32_t j = 0; j < n->nchild; j++)
        number(g, n->child[j]);
    g->v[i].end = g->n;
}

static void add_edge(struct graph *g, const struct node *to)
{
    uint32_t lo = to->index, hi = g->v[lo].end;
    struct edge **at = &g->v[g->from].edges;
    for (struct edge *e = *at; e != NULL; e = e->next)
        if (e->lo <= lo && e->hi >= hi)
            return;
    struct edge *e = ast_alloc(g->ast, sizeof *e);
    *e = (struct edge){lo, hi, *at};
    *at = e;
}

static void follow(struct graph *g, const struct node *n,
                   const struct term *ref, uint32_t i)
{
    for (; i < ref->n && n->nrules == 0; i++) {
        const struct term *t = ref->items[i];
        if (t->kind != T_CONST) {
            for (uint32_t j = 0; j < n->nchild; j++)
                follow(g, n->child[j], ref, i + 1);
            return;
        }
        n = tree_child(n, &t->value);
        if (n == NULL)
            return;
    }
    add_edge(g, n);
}

static void body_edges(struct graph *g, const struct body *b);

static void term_edges(struct graph *g, const struct term *t)
{
    if (t->kind == T_REF && t->items[0]->kind == T_VAR &&
        t->items[0]->sym == g->ast->s_data)
        follow(g, g->c->root, t, 1);
    for (uint32_t i = 0; i < t->n; i++)
        term_edges(g, t->items[i]);
    if (t->body != NULL)
        body_edges(g, t->body);
}

static void body_edges(struct graph *g, const struct body *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const struct expr *e = b->e[i];
        if (e->term != NULL)
            term_edges(g, e->term);
        for (uint32_t j = 0; j < e->nwith; j++)
            term_edges(g, e->with[j].value);
        if (e->body != NULL)
            body_edges(g, e->body);
    }
}

struct visit {
    uint32_t node;
    const struct edge *edge;
    uint32_t at; /* within the edge's range */
};

static void report(struct graph *g, const struct visit *stack, uint32_t n,
                   uint32_t again)
{
    uint32_t from = 0;
    while (stack[from].node != again)
        from++;
    struct node *first = g->v[again].node;
    struct slice *paths = ast_alloc(g->ast, (n - from) * sizeof *paths);
    for (uint32_t i = from; i < n; i++)
        paths[i - from] = check_path(g->ast, g->v[stack[i].node].node);
    struct buf b;
    buf_init(&b, 4000);
    for (uint32_t i = from; i < n; i++)
        buf_printf(&b, "%.*s -> ", SLICE_FMT(paths[i - from]));
    buf_slice(&b, paths[0]);
    struct slice text = ast_take(g->ast, &b);
    ast_error(g->ast, first->rules[0]->loc, CODE_RECURSION,
              "rule %.*s is recursive: %.*s", SLICE_FMT(paths[0]),
              SLICE_FMT(text));
}

static void enter(struct graph *g, struct visit *stack, uint32_t *n,
                  uint32_t node)
{
    g->v[node].color = GREY;
    const struct edge *e = g->v[node].edges;
    stack[(*n)++] = (struct visit){node, e, e != NULL ? e->lo : 0};
}

static void search(struct graph *g, struct visit *stack, uint32_t root)
{
    uint32_t n = 0;
    enter(g, stack, &n, root);
    while (n > 0) {
        struct visit *top = &stack[n - 1];
        if (top->edge == NULL) {
            g->v[top->node].color = BLACK;
            n--;
            continue;
        }
        if (top->at >= top->edge->hi) {
            top->edge = top->edge->next;
            top->at = top->edge != NULL ? top->edge->lo : 0;
            continue;
        }
        uint32_t to = top->at++;
        if (g->v[to].node->nrules == 0 || g->v[to].color == BLACK)
            continue;
        if (g->v[to].color == GREY) {
            report(g, stack, n, to);
            return;
        }
        enter(g, stack, &n, to);
    }
}

void check_cycles(struct compiler *c)
{
    struct graph g = {.c = c, .ast = &c->ast};
    uint32_t n = count(c->root);
    g.v = ast_alloc(g.ast, n * sizeof *g.v);
    number(&g, c->root);
    for (uint32_t i = 0; i < n; i++) {
        const struct node *x = g.v[i].node;
        g.from = i;
        for (uint32_t j = 0; j < x->nrules; j++)
            for (const struct rule *r = x->rules[j]; r != NULL;
                 r = r->else_rule)
                body_edges(&g, r->body);
    }
    struct visit *stack = ast_alloc(g.ast, (n + 1) * sizeof *stack);
    for (uint32_t i = 0; i < n && c->ast.nerrors == 0; i++)
        if (g.v[i].node->nrules > 0 && g.v[i].color == WHITE)
            search(&g, stack, i);
}

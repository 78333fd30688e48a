/* index.c - which clauses of a rule set can apply at all.
 *
 * Many rules begin with `input.x == "constant"` (or, for functions, take a
 * constant argument).  The reference that occurs in most clauses is looked up
 * once; a hash table then gives the clauses for its value, together with
 * those that do not look at it, in their order.
 */
#include <string.h>

#include "rego/plan.h"

#define INDEX_MIN 3 /* clauses; below, trying them is as quick */

struct bucket {
    struct value key;
    struct clause **list;
    uint32_t n;
    bool used;
};

struct index {
    int arg; /* the argument looked at, or -1: the path of `input` */
    uint32_t npath;
    const struct step *path;
    uint32_t mask;
    struct bucket *buckets;
    struct clause **others;
    uint32_t nothers;
};

/* A test of a clause that the index can use. */
struct test {
    int arg;
    uint32_t npath;
    const struct step *path;
    struct value key;
};

static bool constant_path(const struct stmt *s)
{
    for (uint32_t i = 0; i < s->walk.npath; i++)
        if (s->walk.path[i].binds || s->walk.path[i].key.kind != O_CONST)
            return false;
    return true;
}

static bool same_path(const struct test *a, const struct test *b)
{
    if (a->arg != b->arg || a->npath != b->npath)
        return false;
    for (uint32_t i = 0; i < a->npath; i++)
        if (!value_equal(&a->path[i].key.value, &b->path[i].key.value))
            return false;
    return true;
}

/* Looks for input.x into a slot, then the slot against a constant: wherever it
 * stands in the body, the clause fails if it does not hold. */
static uint32_t tests_of(const struct clause *c, struct test *out, uint32_t max)
{
    const struct stmt *gets[16];
    uint32_t ngets = 0, n = 0;
    for (const struct stmt *s = c->body; s != NULL && n < max; s = s->next) {
        if (s->op == S_INPUT && constant_path(s) && ngets < 16) {
            gets[ngets++] = s;
            continue;
        }
        bool test = s->op == S_EQUAL || (s->op == S_COMPARE && s->cmp == 2);
        if (s->op == S_WITH)
            break; // from here on `input` may be another
        if (!test)
            continue;
        const struct operand *a = &s->a, *b = &s->b;
        if (a->kind == O_CONST) {
            a = &s->b;
            b = &s->a;
        }
        if (a->kind != O_SLOT || b->kind != O_CONST)
            continue;
        if (a->n < c->nargs) {
            out[n++] = (struct test){(int)a->n, 0, NULL, b->value};
            continue;
        }
        for (uint32_t i = 0; i < ngets; i++)
            if (gets[i]->dst == a->n) {
                out[n++] = (struct test){-1, gets[i]->walk.npath,
                                         gets[i]->walk.path, b->value};
                break;
            }
    }
    return n;
}

#define TESTS_MAX 8

/* The test that most clauses have; false if too few. */
static bool best_test(const struct rule_set *s, const struct test *tests,
                      const uint32_t *counts, struct test *out)
{
    uint32_t best = 0;
    // candidates come from the first clauses only: bounded work
    for (uint32_t i = 0; i < s->nclauses && i < 4; i++)
        for (uint32_t t = 0; t < counts[i]; t++) {
            const struct test *x = &tests[i * TESTS_MAX + t];
            uint32_t hits = 0;
            for (uint32_t j = 0; j < s->nclauses; j++)
                for (uint32_t u = 0; u < counts[j]; u++)
                    if (same_path(x, &tests[j * TESTS_MAX + u])) {
                        hits++;
                        break;
                    }
            if (hits > best) {
                best = hits;
                *out = *x;
            }
        }
    return best >= INDEX_MIN && best * 2 >= s->nclauses;
}

static struct bucket *bucket(const struct index *x, const struct value *key)
{
    uint32_t i = (uint32_t)value_hash(key) & x->mask;
    while (x->buckets[i].used && !value_equal(&x->buckets[i].key, key))
        i = (i + 1) & x->mask;
    return &x->buckets[i];
}

static const struct value *key_of(const struct test *best,
                                  const struct test *tests, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (same_path(best, &tests[i]))
            return &tests[i].key;
    return NULL;
}

static void append(struct ast *a, struct bucket *b, struct clause *c)
{
    if ((b->n & (b->n - 1)) == 0) {
        size_t cap = b->n == 0 ? 1 : (size_t)b->n * 2;
        struct clause **list = ast_alloc(a, cap * sizeof(struct clause *));
        if (b->n > 0)
            memcpy(list, b->list, b->n * sizeof(struct clause *));
        b->list = list;
    }
    b->list[b->n++] = c;
}

void index_build(struct compiler *c, struct rule_set *s)
{
    struct ast *a = &c->ast;
    if (s->nclauses < INDEX_MIN || s->kind == RULE_MIXED)
        return;
    struct test *tests =
        ast_alloc(a, (size_t)s->nclauses * TESTS_MAX * sizeof *tests);
    uint32_t *counts = ast_alloc(a, s->nclauses * sizeof *counts);
    for (uint32_t i = 0; i < s->nclauses; i++)
        if (s->clauses[i]->otherwise == NULL) // else needs the whole chain
            counts[i] =
                tests_of(s->clauses[i], &tests[i * TESTS_MAX], TESTS_MAX);
    struct test best;
    if (!best_test(s, tests, counts, &best))
        return;
    struct index *x = ast_alloc(a, sizeof *x);
    x->arg = best.arg;
    x->npath = best.npath;
    x->path = best.path;
    uint32_t size = 8;
    while (size < s->nclauses * 2)
        size *= 2;
    x->mask = size - 1;
    x->buckets = ast_alloc(a, size * sizeof *x->buckets);
    const struct value **keys =
        ast_alloc(a, s->nclauses * sizeof(struct value *));
    uint32_t free_clauses = 0, distinct = 0;
    for (uint32_t i = 0; i < s->nclauses; i++) {
        keys[i] = key_of(&best, &tests[i * TESTS_MAX], counts[i]);
        if (keys[i] == NULL) {
            free_clauses++;
            continue;
        }
        struct bucket *b = bucket(x, keys[i]);
        distinct += !b->used;
        b->used = true;
        b->key = *keys[i];
    }
    if ((uint64_t)free_clauses * distinct > 4 * (uint64_t)s->nclauses + 64)
        return; // the lists would grow with the square
    struct bucket others = {.n = 0};
    for (uint32_t i = 0; i < s->nclauses; i++) {
        if (keys[i] != NULL) {
            append(a, bucket(x, keys[i]), s->clauses[i]);
            continue;
        }
        append(a, &others, s->clauses[i]);
        for (uint32_t j = 0; j < size; j++)
            if (x->buckets[j].used)
                append(a, &x->buckets[j], s->clauses[i]);
    }
    x->others = others.list;
    x->nothers = others.n;
    s->index = x;
}

uint32_t index_find(const struct rule_set *s, const struct value *input,
                    const struct value *args, struct clause *const **clauses)
{
    const struct index *x = s->index;
    if (x == NULL) {
        *clauses = s->clauses;
        return s->nclauses;
    }
    const struct value *v = x->arg >= 0 ? &args[x->arg] : input;
    if (v->kind == V_UNDEF)
        v = NULL;
    for (uint32_t i = 0; v != NULL && i < x->npath; i++)
        v = value_lookup(v, &x->path[i].key.value);
    const struct bucket *b = v != NULL ? bucket(x, v) : NULL;
    if (b != NULL && b->used) {
        *clauses = b->list;
        return b->n;
    }
    *clauses = x->others;
    return x->nothers;
}

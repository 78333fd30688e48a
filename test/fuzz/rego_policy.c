// rooms: rego base
/* A policy, a query and an input, parted by lines "---"; the first byte of the
 * text picks the dialect.  What compiles is run under tight limits, twice: both
 * runs must agree, and the result must be JSON that reads back equal. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "rego/rego.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice part(struct slice *rest)
{
    const char *at =
        rest->n > 0 ? memmem(rest->p, rest->n, "\n---\n", 5) : NULL;
    struct slice out = *rest;
    if (at == NULL) {
        *rest = slice("", 0);
        return out;
    }
    out.n = (size_t)(at - rest->p);
    *rest = slice_skip(*rest, out.n + 5);
    return out;
}

static void check_errors(const struct rego_error *e)
{
    assert(e != NULL);
    for (; e != NULL; e = e->next)
        assert(e->code != NULL && e->message.p != NULL);
}

static void reads_back(struct arena *a, const struct value *v)
{
    struct slice text = value_json_arena(a, v);
    struct value again;
    struct err err;
    if (text.p == NULL || text.n > 100000)
        return;
    enum status st = value_parse_json(a, text, &again, &err);
    assert(st == OK || st == E_TOO_BIG || st == E_INVALID);
    if (st == OK) { // sets became arrays: the text is what stays
        struct slice twice = value_json_arena(a, &again);
        assert(twice.p == NULL || again.kind == v->kind);
    }
}

static void evaluate(const struct rego_query *q, const struct value *input)
{
    static const struct rego_limits limits = {
        .steps = 20000, .depth = 200, .now_ns = 1, .seed = 1};
    struct arena one, two;
    struct value x = value_undef(), y = value_undef();
    struct rego_error ex, ey;
    arena_init(&one, 8u << 20);
    arena_init(&two, 8u << 20);
    enum status a = rego_eval(q, input, &one, &limits, &x, &ex);
    enum status b = rego_eval(q, input, &two, &limits, &y, &ey);
    assert(a == b);
    if (a == OK) {
        assert(value_compare(&x, &y) == 0);
        reads_back(&one, &x);
    } else {
        assert(strcmp(ex.code, ey.code) == 0);
    }
    arena_release(&one);
    arena_release(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 20000)
        return 0;
    struct slice rest = slice((const char *)data + 1, size - 1);
    struct rego_module m = {SLICE("fuzz.rego"), part(&rest)};
    struct slice query = part(&rest);
    struct arena a;
    struct value input = value_undef();
    struct err err;
    struct rego_error *errs = NULL;
    arena_init(&a, 16u << 20);
    if (value_parse_json(&a, rest, &input, &err) != OK)
        input = value_undef();
    struct rego_policy *p = rego_compile(
        &m, 1, (data[0] & 1) != 0 ? REGO_V1 : REGO_V0, NULL, &a, &errs);
    if (p == NULL) {
        check_errors(errs);
    } else {
        struct rego_query *q = rego_prepare(p, query, &a, &errs);
        if (q == NULL)
            check_errors(errs);
        else
            evaluate(q, &input);
        rego_query_free(&q);
    }
    rego_policy_free(&p);
    arena_release(&a);
    return 0;
}

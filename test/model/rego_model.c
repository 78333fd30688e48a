/* Random policies whose answer is known by another way.
 *
 * 1 The order in which a body is written does not matter: permutations either
 *   all fail to compile with the same code, or give the same documents.
 * 2 The index does not matter: `input.x == c` (indexed) and `[input.x] == [c]`
 *   (not) choose the same clauses.
 * SEED=n replays; the seed is printed when something differs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "rego/rego.h"

#define MB ((size_t)1 << 20)
#define ROUNDS 2000
#define EXPRS_MAX 5

static uint64_t state_;

static unsigned below(unsigned n)
{
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state_ >> 33) % n;
}

#define PICK(list) (list)[below(sizeof(list) / sizeof *(list))]

static const char *const vars[] = {"a", "b", "c", "d"};
static const char *const consts[] = {"1",    "2",         "\"x\"", "\"y\"",
                                     "null", "true",      "1.0",   "0",
                                     "[1]",  "{\"k\": 1}"};

static void value(struct buf *b, int depth)
{
    unsigned r = below(100);
    if (r < 35) {
        buf_str(b, PICK(consts));
    } else if (r < 75 || depth > 1) {
        buf_str(b, PICK(vars));
    } else if (r < 90) {
        buf_char(b, '[');
        value(b, depth + 1);
        if (below(2) == 0) {
            buf_str(b, ", ");
            value(b, depth + 1);
        }
        buf_char(b, ']');
    } else {
        buf_str(b, "{\"k\": ");
        value(b, depth + 1);
        buf_char(b, '}');
    }
}

static void reference(struct buf *b)
{
    static const char *const bases[] = {"input.o", "input.l",  "input.n",
                                        "xs",      "obj",      "st",
                                        "input",   "data.p.xs"};
    static const char *const keys[] = {"a", "b",     "c",     "d", "_",
                                       "0", "\"x\"", "\"k\"", "1"};
    buf_str(b, PICK(bases));
    for (unsigned n = below(3); n > 0; n--)
        buf_printf(b, "[%s]", PICK(keys));
}

static void expression(struct buf *b)
{
    switch (below(9)) {
    case 0:
    case 1:
        reference(b);
        buf_str(b, " = ");
        value(b, 0);
        break;
    case 2:
    case 3:
        value(b, 0);
        buf_str(b, " = ");
        below(2) == 0 ? reference(b) : value(b, 0);
        break;
    case 4:
        buf_printf(b, "%s > ", PICK(vars));
        reference(b);
        break;
    case 5:
        buf_printf(b, "not input.o.x = %s", PICK(vars));
        break;
    case 6:
        buf_printf(b, "%s = [q | q = ", PICK(vars));
        reference(b);
        buf_char(b, ']');
        break;
    case 7:
        buf_printf(b, "count(%s) = %s", PICK(vars), PICK(vars));
        break;
    default:
        buf_printf(b, "%s in st", PICK(vars));
        break;
    }
}

/* What the policy says, as a value in `a`; the code of the error if there is
 * one. */
static const char *answer(struct arena *a, struct slice module,
                          const char *query, const struct value *input,
                          struct value *out)
{
    struct rego_error *errs = NULL, err;
    struct rego_module m = {SLICE("p.rego"), module};
    struct rego_policy *p = rego_compile(&m, 1, REGO_V1, NULL, a, &errs);
    struct rego_query *q = NULL;
    if (p != NULL)
        q = rego_prepare(p, slice_str(query), a, &errs);
    const char *code = errs != NULL ? errs->code : NULL;
    *out = value_undef();
    if (q != NULL) {
        struct value v;
        if (rego_eval_value(q, input, a, NULL, &v, &err) == OK)
            *out = value_copy(a, &v);
        else
            code = err.code;
    }
    rego_query_free(&q);
    rego_policy_free(&p);
    return code;
}

static void head(struct buf *b)
{
    buf_clear(b);
    buf_str(b, "package p\n"
               "xs := [1, 2, \"x\"]\n"
               "obj[k] := v if some k, v in {\"x\": 1, \"y\": [1, 2]}\n"
               "st contains x if some x in [1, \"x\", [1, 2]]\n");
}

static void shuffle(unsigned *order, unsigned n)
{
    for (unsigned i = n; i > 1; i--) {
        unsigned j = below(i), t = order[j];
        order[j] = order[i - 1];
        order[i - 1] = t;
    }
}

/* True if the body compiled. */
static bool one_body(uint64_t seed, const struct value *input)
{
    struct buf e[EXPRS_MAX], module;
    unsigned n = 2 + below(EXPRS_MAX - 1), order[EXPRS_MAX];
    struct arena a;
    struct value first = value_undef();
    const char *first_code = NULL;
    arena_init(&a, 64 * MB);
    buf_init(&module, MB);
    for (unsigned i = 0; i < n; i++) {
        buf_init(&e[i], MB);
        expression(&e[i]);
        order[i] = i;
    }
    for (int round = 0; round < 3; round++) {
        head(&module);
        buf_str(&module, "r contains a if {\n a = a\n");
        for (unsigned i = 0; i < n; i++)
            buf_printf(&module, " %.*s\n", (int)e[order[i]].n, e[order[i]].p);
        buf_str(&module, "}\n");
        struct value v;
        const char *code = answer(&a, buf_get(&module), "data.p.r", input, &v);
        bool same = round == 0 || (code == NULL) == (first_code == NULL);
        if (round > 0 && code != NULL && first_code != NULL)
            same = strcmp(code, first_code) == 0;
        if (!same || (round > 0 && value_compare(&v, &first) != 0))
            fail_msg("SEED=%llu\n%.*s", (unsigned long long)seed, (int)module.n,
                     module.p);
        first = v;
        first_code = code;
        shuffle(order, n);
    }
    for (unsigned i = 0; i < n; i++)
        buf_release(&e[i]);
    buf_release(&module);
    arena_release(&a);
    return first_code == NULL;
}

static void condition(struct buf *plain, struct buf *wrapped)
{
    static const char *const fields[] = {"input.x", "input.y", "input.x.k"};
    const char *field = PICK(fields), *c = PICK(consts);
    buf_printf(plain, "%s == %s", field, c);
    buf_printf(wrapped, "[%s] == [%s]", field, c);
}

/* Rules s1, o1, c1 with plain conditions, s2, o2, c2 with wrapped ones. */
static void one_index(uint64_t seed)
{
    struct buf module, plain, wrapped;
    struct arena a;
    arena_init(&a, 64 * MB);
    buf_init(&module, MB);
    buf_init(&plain, MB);
    buf_init(&wrapped, MB);
    buf_str(&module, "package p\n");
    for (unsigned i = 0, n = 3 + below(8); i < n; i++) {
        buf_clear(&plain);
        buf_clear(&wrapped);
        condition(&plain, &wrapped);
        if (below(2) == 0) {
            buf_str(&plain, "; ");
            buf_str(&wrapped, "; ");
            condition(&plain, &wrapped);
        }
        buf_printf(&module,
                   "s1 contains %u if { %.*s }\ns2 contains %u if { %.*s }\n"
                   "o1[\"k%u\"] := true if { %.*s }\n"
                   "o2[\"k%u\"] := true if { %.*s }\n"
                   "c1 := 1 if { %.*s }\nc2 := 1 if { %.*s }\n",
                   i, (int)plain.n, plain.p, i, (int)wrapped.n, wrapped.p, i,
                   (int)plain.n, plain.p, i, (int)wrapped.n, wrapped.p,
                   (int)plain.n, plain.p, (int)wrapped.n, wrapped.p);
    }
    static const char *const pairs[][2] = {{"data.p.s1", "data.p.s2"},
                                           {"data.p.o1", "data.p.o2"},
                                           {"data.p.c1", "data.p.c2"}};
    char text[100];
    snprintf(text, sizeof text, "{\"x\": %s, \"y\": %s}", PICK(consts),
             PICK(consts));
    struct value input, x, y;
    struct err err;
    assert_int_equal(value_parse_json(&a, slice_str(text), &input, &err), OK);
    for (size_t i = 0; i < 3; i++) {
        assert_null(answer(&a, buf_get(&module), pairs[i][0], &input, &x));
        assert_null(answer(&a, buf_get(&module), pairs[i][1], &input, &y));
        if (value_compare(&x, &y) != 0)
            fail_msg("SEED=%llu %s %s\n%.*s", (unsigned long long)seed,
                     pairs[i][0], text, (int)module.n, module.p);
    }
    buf_release(&module);
    buf_release(&plain);
    buf_release(&wrapped);
    arena_release(&a);
}

static uint64_t first_seed(void)
{
    const char *text = getenv("SEED");
    return text != NULL ? strtoull(text, NULL, 10) : 1;
}

static void the_order_of_a_body_does_not_matter(void **state)
{
    (void)state;
    struct arena a;
    struct value input;
    struct err err;
    arena_init(&a, MB);
    assert_int_equal(
        value_parse_json(&a,
                         SLICE("{\"o\":{\"x\":1,\"y\":2,\"k\":[1,\"x\"]},"
                               "\"l\":[1,2,\"x\",[1,2],{\"k\":1}],"
                               "\"n\":{\"x\":{\"y\":[1,{\"k\":\"x\"}]}}}"),
                         &input, &err),
        OK);
    unsigned compiled = 0;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        state_ = first_seed() + i;
        compiled += one_body(state_, &input);
    }
    assert_true(compiled > ROUNDS / 20); // else the generator is no good
    arena_release(&a);
}

static void the_index_does_not_matter(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < ROUNDS / 4; i++) {
        state_ = first_seed() + i;
        one_index(state_);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_a_body_does_not_matter),
        cmocka_unit_test(the_index_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

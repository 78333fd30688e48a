/* Compiling and evaluating through rego.h: limits, threads, what the command
 * line shows.  What the language means is tested in test/rego. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "rego/rego.h"

static struct rego_policy *policy(struct arena *a, const char *text)
{
    struct rego_error *errs = NULL;
    struct rego_module m = {SLICE("p.rego"), slice_str(text)};
    struct rego_policy *p = rego_compile(&m, 1, REGO_V1, NULL, a, &errs);
    if (p == NULL)
        print_message("%.*s\n", SLICE_FMT(errs->message));
    assert_non_null(p);
    return p;
}

static struct rego_query *query(struct arena *a, const struct rego_policy *p,
                                const char *text)
{
    struct rego_error *errs = NULL;
    struct rego_query *q = rego_prepare(p, slice_str(text), a, &errs);
    if (q == NULL)
        print_message("%.*s\n", SLICE_FMT(errs->message));
    assert_non_null(q);
    return q;
}

/* Evaluates `text` over the module; returns the status, fills `err`. */
static enum status run(const char *module, const char *text,
                       const struct rego_limits *limits, size_t memory,
                       struct buf *json, struct rego_error *err)
{
    struct arena a, scratch;
    arena_init(&a, 64u << 20);
    arena_init(&scratch, memory);
    struct rego_policy *p = policy(&a, module);
    struct rego_query *q = query(&a, p, text);
    struct value out;
    enum status st = rego_eval(q, NULL, &scratch, limits, &out, err);
    if (st == OK && json != NULL)
        value_json(json, &out);
    if (st != OK) { // both lie in what is about to be freed
        static char file[100], message[300];
        assert_true(err->file.n < sizeof file &&
                    err->message.n < sizeof message);
        if (err->file.n > 0)
            memcpy(file, err->file.p, err->file.n);
        memcpy(message, err->message.p, err->message.n);
        err->file.p = file;
        err->message.p = message;
    }
    rego_query_free(&q);
    rego_policy_free(&p);
    assert_null(p);
    arena_release(&scratch);
    arena_release(&a);
    return st;
}

#define MB ((size_t)1 << 20)

/* 10^8 combinations: only a limit ends this. */
static const char heavy[] = "package p\n"
                            "n := numbers.range(1, 10000)\n"
                            "x := count([1 | n[_] + n[_] == 0])\n";

static void steps_end_an_evaluation(void **state)
{
    (void)state;
    struct rego_error err;
    struct rego_limits l = {.steps = 200000};
    assert_int_equal(run(heavy, "data.p.x = x", &l, 256 * MB, NULL, &err),
                     E_TIMEOUT);
    assert_string_equal(err.code, "eval_cancel_error");
    assert_true(slice_is(err.message, "step limit reached"));
    assert_int_equal(err.row, 3);
}

static void a_deadline_ends_an_evaluation(void **state)
{
    (void)state;
    struct timespec t;
    struct rego_error err;
    clock_gettime(CLOCK_MONOTONIC, &t);
    struct rego_limits l = {.steps = UINT64_MAX,
                            .deadline_ns =
                                t.tv_sec * 1000000000 + t.tv_nsec + 1000000};
    assert_int_equal(run(heavy, "data.p.x = x", &l, 512 * MB, NULL, &err),
                     E_TIMEOUT);
    assert_true(slice_is(err.message, "deadline reached"));
}

static void memory_ends_an_evaluation(void **state)
{
    (void)state;
    struct rego_error err;
    assert_int_equal(run("package p\nx := numbers.range(1, 1000000)\n",
                         "data.p.x = x", NULL, MB, NULL, &err),
                     E_TOO_BIG);
    assert_true(slice_is(err.message, "memory limit reached"));
}

static void depth_ends_an_evaluation(void **state)
{
    (void)state;
    struct buf b;
    struct rego_error err;
    buf_init(&b, MB);
    buf_str(&b, "package p\nr0 := 1\n");
    for (int i = 1; i <= 5000; i++)
        buf_printf(&b, "r%d := r%d + 1\n", i, i - 1);
    buf_char(&b, '\0');
    assert_int_equal(run(b.p, "data.p.r5000 = x", NULL, 64 * MB, NULL, &err),
                     E_TOO_BIG);
    assert_true(slice_is(err.message, "evaluation too deep"));
    buf_release(&b);
}

static void an_error_says_where(void **state)
{
    (void)state;
    struct rego_error err;
    assert_int_equal(run("package p\nx := y if {\n  y := 1 / 0\n}\n",
                         "data.p.x = x", &(struct rego_limits){.strict = true},
                         MB, NULL, &err),
                     E_INVALID);
    assert_true(slice_is(err.file, "p.rego"));
    assert_int_equal(err.row, 3);
    assert_string_equal(err.code, "eval_builtin_error");
    assert_true(slice_is(err.message, "div: divide by zero"));
}

static void columns_count_characters(void **state)
{
    (void)state;
    struct arena a;
    struct rego_error *errs = NULL;
    arena_init(&a, MB);
    struct rego_module m = {SLICE("p.rego"),
                            SLICE("package p\nx := [\"\xC3\xA4\", 1]\n"
                                  "z := {\n  nope(1)\n}\n")};
    assert_null(rego_compile(&m, 1, REGO_V1, NULL, &a, &errs));
    assert_int_equal(errs->row, 4);
    assert_int_equal(errs->col, 3);
    m.text = SLICE("package p\nx := [\"\xC3\xA4\", 1 2]\n");
    assert_null(rego_compile(&m, 1, REGO_V1, NULL, &a, &errs));
    assert_int_equal(errs->row, 2);
    assert_int_equal(errs->col, 14);
    arena_release(&a);
}

static void bindings_have_their_names(void **state)
{
    (void)state;
    struct buf b;
    struct rego_error err;
    buf_init(&b, MB);
    assert_int_equal(
        run("package p\n", "x := [1, 2][i]; _ = x", NULL, MB, &b, &err), OK);
    buf_char(&b, '\0');
    assert_string_equal(b.p, "[{\"i\":0,\"x\":1},{\"i\":1,\"x\":2}]");
    buf_release(&b);
}

static void expressions_show_their_values(void **state)
{
    (void)state;
    struct arena a, scratch;
    struct value out;
    struct rego_error err;
    arena_init(&a, 8 * MB);
    arena_init(&scratch, MB);
    struct rego_policy *p = policy(&a, "package p\nx := false\n");
    struct rego_query *q = query(&a, p, "data.p.x");
    assert_int_equal(rego_eval_shown(q, NULL, &scratch, NULL, &out, &err), OK);
    struct slice s = value_json_arena(&scratch, &out);
    static const char want[] =
        "[{\"bindings\":{},\"expressions\":[{\"location\":{\"col\":1,\"row\":"
        "1},\"text\":\"data.p.x\",\"value\":false}]}]";
    assert_int_equal(s.n, sizeof want - 1);
    assert_memory_equal(s.p, want, s.n);
    // as bindings, false fails the query; as a value it is there
    assert_int_equal(rego_eval(q, NULL, &scratch, NULL, &out, &err), OK);
    assert_int_equal(out.n, 0);
    assert_int_equal(rego_eval_value(q, NULL, &scratch, NULL, &out, &err), OK);
    assert_true(value_is_false(&out));
    rego_query_free(&q);
    q = query(&a, p, "data.p.nope");
    assert_int_equal(rego_eval_value(q, NULL, &scratch, NULL, &out, &err), OK);
    assert_int_equal(out.kind, V_UNDEF);
    rego_query_free(&q);
    rego_policy_free(&p);
    arena_release(&scratch);
    arena_release(&a);
}

static void count_rule(void *arg, const struct rego_rule *r)
{
    unsigned *seen = arg;
    if (slice_starts(r->name, "test_") && slice_is(r->package, "data.p") &&
        slice_is(r->file, "p.rego"))
        *seen += r->row;
}

static void rules_and_warnings_are_listed(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 8 * MB);
    struct rego_policy *p =
        policy(&a, "package p\ntest_a if true\nb := 1\n"
                   "test_c if not startswith(input.x, \"a\")\n"
                   "test_d if not input.y\n");
    unsigned seen = 0;
    rego_policy_rules(p, count_rule, &seen);
    assert_int_equal(seen, 2 + 4 + 5);
    const struct rego_error *w = rego_policy_warnings(p);
    assert_non_null(w);
    assert_int_equal(w->row, 4);
    assert_true(slice_starts(w->message, "if input.x is undefined"));
    assert_null(w->next); // `not input.y` is true if there is none
    rego_policy_free(&p);
    arena_release(&a);
}

/* Deep nesting, long chains and many rules are errors or work, never worse. */
static void hostile_texts_are_bounded(void **state)
{
    (void)state;
    static const char *const pieces[] = {"[",    "{",     "(",    "not ", "f(",
                                         "{1: ", "[1 | ", "$\"{", "x[",   "-"};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct buf b;
        struct arena a;
        struct rego_error *errs = NULL;
        buf_init(&b, MB);
        arena_init(&a, 64 * MB);
        buf_str(&b, "package p\nx if ");
        for (int j = 0; j < 20000; j++)
            buf_str(&b, pieces[i]);
        struct rego_module m = {SLICE("p.rego"), buf_get(&b)};
        struct rego_policy *p = rego_compile(&m, 1, REGO_V1, NULL, &a, &errs);
        assert_null(p);
        assert_non_null(errs);
        assert_string_equal(errs->code, "rego_parse_error");
        arena_release(&a);
        buf_release(&b);
    }
}

// ---- no heap ---------------------------------------------------------------

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void *__libc_malloc(size_t n);
void *malloc(size_t n);
static unsigned mallocs;

/* Everything that allocates here goes through malloc (base/mem.c). */
void *malloc(size_t n)
{
    __atomic_fetch_add(&mallocs, 1, __ATOMIC_RELAXED);
    return __libc_malloc(n);
}

static void an_evaluation_allocates_nothing(void **state)
{
    (void)state;
    struct arena a, scratch;
    arena_init(&a, 8 * MB);
    arena_init_chunk(&scratch, 4 * MB, 64 << 10);
    struct rego_policy *p = policy(
        &a, "package p\ndefault allow := false\n"
            "allow if count(deny) == 0\n"
            "deny contains \"model\" if not input.n in {1, 2, 3}\n"
            "deny contains \"even\" if input.n % 2 == 0\n"
            "deny contains \"text\" if regex.match(`^[a-z]+$`, input.s)\n"
            "deny contains x if { some x in input.l; startswith(x, \"y\") }\n");
    struct rego_query *q = query(&a, p, "data.p.allow");
    struct value list[] = {VALUE_LIT("ab"), VALUE_LIT("cd")};
    struct value pairs[] = {VALUE_LIT("l"), value_array(list, 2),
                            VALUE_LIT("n"), value_int(3),
                            VALUE_LIT("s"), VALUE_LIT("Abc")};
    struct value in = value_object(pairs, 3), out;
    struct rego_error err;
    unsigned before = 0;
    for (int i = 0; i < 100; i++) {
        if (i == 1) // the arena has its chunk now
            before = mallocs;
        arena_reset(&scratch);
        assert_int_equal(rego_eval_value(q, &in, &scratch, NULL, &out, &err),
                         OK);
        assert_true(value_is_true(&out));
    }
    assert_int_equal(mallocs, before);
    assert_true(before > 0);
    rego_query_free(&q);
    rego_policy_free(&p);
    arena_release(&scratch);
    arena_release(&a);
}
#endif

// ---- one policy, many threads ---------------------------------------------

struct worker {
    const struct rego_query *q;
    int64_t n;
    unsigned wrong;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    struct arena scratch;
    arena_init(&scratch, 4 * MB);
    for (int i = 0; i < 2000; i++) {
        struct value pair[2] = {VALUE_LIT("n"), value_int(w->n + i)}, out;
        struct rego_error err;
        arena_reset(&scratch);
        struct value in = value_object(pair, 1);
        if (rego_eval_value(w->q, &in, &scratch, NULL, &out, &err) != OK ||
            out.kind != V_NUMBER || out.u.i != (w->n + i) * 2)
            w->wrong++;
    }
    arena_release(&scratch);
    return NULL;
}

static void threads_share_a_policy(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 8 * MB);
    struct rego_policy *p =
        policy(&a, "package p\nf(x) := x + x\ny := f(input.n)\n"
                   "z := y if regex.match(`^[0-9]+$`, sprintf(\"%d\", [y]))\n");
    struct rego_query *q = query(&a, p, "data.p.z");
    pthread_t t[4];
    struct worker w[4];
    for (int i = 0; i < 4; i++) {
        w[i] = (struct worker){q, i * 10000, 0};
        assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(w[i].wrong, 0);
    }
    rego_query_free(&q);
    rego_policy_free(&p);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_end_an_evaluation),
        cmocka_unit_test(a_deadline_ends_an_evaluation),
        cmocka_unit_test(memory_ends_an_evaluation),
        cmocka_unit_test(depth_ends_an_evaluation),
        cmocka_unit_test(an_error_says_where),
        cmocka_unit_test(columns_count_characters),
        cmocka_unit_test(bindings_have_their_names),
        cmocka_unit_test(expressions_show_their_values),
        cmocka_unit_test(rules_and_warnings_are_listed),
        cmocka_unit_test(hostile_texts_are_bounded),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        cmocka_unit_test(an_evaluation_allocates_nothing),
#endif
        cmocka_unit_test(threads_share_a_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* catalog_fallbacks.c - chains as they are read, found and written again. */
#include "../../lib/catalog/fallbacks.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int chain(const struct fallbacks *f, const char *model,
                 struct slice out[static FALLBACKS_EACH])
{
    return fallbacks_of(f, slice_str(model), out);
}

static void every_chain_is_found(void **state)
{
    struct slice names[FALLBACKS_EACH];
    struct buf text, again;
    struct json_out o;
    struct fallbacks *f;
    (void)state;
    buf_init(&text, 1 << 20);
    buf_init(&again, 1 << 20);
    buf_char(&text, '{');
    for (int i = FALLBACKS_MAX - 1; i >= 0; i--) // not in order
        buf_printf(&text, "\"m%d\":[\"a%d\",\"b\"]%s", i, i, i > 0 ? "," : "}");
    assert_int_equal(fallbacks_read(buf_get(&text), &f, NULL), OK);
    assert_int_equal(fallbacks_count(f), FALLBACKS_MAX);
    for (int i = 0; i < FALLBACKS_MAX; i++) {
        char model[16], first[16];
        (void)snprintf(model, sizeof model, "m%d", i);
        (void)snprintf(first, sizeof first, "a%d", i);
        assert_int_equal(chain(f, model, names), 2);
        assert_true(slice_is(names[0], first) && slice_is(names[1], "b"));
    }
    assert_int_equal(chain(f, "m", names), 0);
    assert_int_equal(chain(f, "m1000", names), 0);
    assert_int_equal(chain(f, "zz", names), 0);
    assert_int_equal(fallbacks_of(f, slice(NULL, 0), names), 0);
    json_out_init(&o, &again);
    fallbacks_write(f, &o);
    struct fallbacks *g = NULL, *held = fallbacks_ref(f);
    assert_int_equal(fallbacks_read(buf_get(&again), &g, NULL), OK);
    assert_int_equal(fallbacks_count(g), FALLBACKS_MAX);
    fallbacks_unref(&f);
    assert_int_equal(chain(held, "m7", names), 2);
    fallbacks_unref(&held);
    fallbacks_unref(&g);
    fallbacks_unref(&g); // NULL is fine
    buf_release(&text);
    buf_release(&again);
}

static void nothing_is_no_chains(void **state)
{
    struct slice names[FALLBACKS_EACH];
    struct fallbacks *f;
    (void)state;
    assert_int_equal(fallbacks_read(SLICE(""), &f, NULL), OK);
    assert_int_equal(fallbacks_count(f), 0);
    assert_int_equal(chain(f, "x", names), 0);
    assert_int_equal(chain(NULL, "x", names), 0);
    fallbacks_unref(&f);
    assert_int_equal(fallbacks_read(SLICE("{}"), &f, NULL), OK);
    assert_int_equal(fallbacks_count(f), 0);
    fallbacks_unref(&f);
}

static void bad_sets_are_refused(void **state)
{
    static const char *const bad[] = {
        "[]",
        "1",
        "{",
        "{}x",
        "{\"a\":\"b\"}",
        "{\"a\":[]}",
        "{\"a\":[1]}",
        "{\"a\":[\"\"]}",
        "{\"\":[\"a\"]}",
        "{\"a\":[\"b\",\"c\",\"d\",\"e\",\"f\"]}",
        "{\"a\":[\"b\"],\"c\":[\"d\"],\"a\":[\"e\"]}",
        "{\"a\\u0000\":[\"b\"]}",
        "{\"a\":[\"b\\u0000\"]}",
        "{\"a\":{\"b\":\"c\"}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fallbacks *f;
        struct err err;
        assert_int_equal(fallbacks_read(slice_str(bad[i]), &f, &err),
                         E_INVALID);
        assert_null(f);
        assert_true(err.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_chain_is_found),
        cmocka_unit_test(nothing_is_no_chains),
        cmocka_unit_test(bad_sets_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

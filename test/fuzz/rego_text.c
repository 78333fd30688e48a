// rooms: rego base
/* The small parsers of the Rego room.  The first byte picks one; what two ways
 * compute must agree, what is written must read back. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "rego/glob.h"
#include "rego/gotime.h"
#include "rego/number.h"
#include "rego/regex.h"
#include "rego/value.h"
#include "rego/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool count_down(void *arg, uint64_t n)
{
    uint64_t *left = arg;
    *left -= n < *left ? n : *left;
    return *left > 0;
}

/* "pattern\ntext": simulation and table, match and find agree. */
static void regexes(struct arena *a, struct slice s)
{
    struct regex *plain, *quick;
    struct regex_iter it;
    uint64_t left = 200000;
    struct regex_run run = {.arena = a, .step = count_down, .arg = &left};
    struct slice text = s, pattern = slice_cut(&text, '\n');
    struct err err;
    if (text.p == NULL || pattern.n > 200 || text.n > 500)
        return;
    if (regex_compile(a, pattern, 0, &plain, &err) != OK ||
        regex_compile(a, pattern, REGEX_DFA, &quick, &err) != OK)
        return;
    enum regex_result x = regex_match(plain, text, &run);
    enum regex_result y = regex_match(quick, text, &run);
    if (x == REGEX_LIMIT || y == REGEX_LIMIT)
        return;
    assert(x == y);
    if (!regex_iter_init(&it, plain, text, regex_groups(plain), &run))
        return;
    enum regex_result first = regex_next(&it);
    assert(first == x || first == REGEX_LIMIT);
    for (enum regex_result r = first; r == REGEX_YES; r = regex_next(&it)) {
        assert(it.group[0].from <= it.group[0].to);
        assert(it.group[0].to <= text.n);
    }
    struct buf b;
    buf_init(&b, 1 << 20);
    enum regex_result r = regex_replace(plain, text, SLICE("<$0$1>"), &b, &run);
    assert(r == REGEX_YES || r == REGEX_LIMIT);
    buf_release(&b);
}

/* "pattern\ntext" */
static void globs(struct arena *a, struct slice s)
{
    struct regex *re;
    uint64_t left = 100000;
    struct regex_run run = {.arena = a, .step = count_down, .arg = &left};
    struct slice text = s, pattern = slice_cut(&text, '\n');
    struct err err;
    if (text.p == NULL || pattern.n > 200)
        return;
    if (glob_compile(a, pattern, &(uint32_t){'.'}, 1, 0, &re, &err) == OK)
        assert(regex_match(re, text, &run) <= REGEX_LIMIT);
    struct buf b;
    buf_init(&b, 1 << 16);
    glob_quote(&b, pattern);
    if (glob_compile(a, buf_get(&b), NULL, 0, REGEX_DFA, &re, &err) == OK)
        assert(regex_match(re, pattern, &run) == REGEX_YES);
    buf_release(&b);
}

static void yamls(struct arena *a, struct slice s)
{
    struct value v, again;
    struct err err;
    struct buf b;
    if (yaml_parse(a, s, &v, &err) != OK)
        return;
    buf_init(&b, 1 << 18);
    yaml_write(&b, &v);
    if (!b.failed && yaml_parse(a, buf_get(&b), &again, &err) == OK)
        assert(value_equal(&v, &again) || !json_utf8_ok(s));
    buf_release(&b);
}

static bool same(struct arena *a, const struct number *x)
{
    struct number y;
    struct slice text;
    struct number bare = *x;
    bare.text = NULL;
    text = number_text(a, &bare);
    return text.p == NULL || number_parse(a, text, &y, NULL) != OK ||
           number_equal(x, &y);
}

/* "x\ny" */
static void numbers(struct arena *a, struct slice s)
{
    struct number x, y, sum, back, q, r;
    struct err err;
    struct slice second = s, first = slice_cut(&second, '\n');
    if (second.p == NULL || number_parse(a, first, &x, &err) != OK ||
        number_parse(a, second, &y, &err) != OK)
        return;
    assert(same(a, &x) && same(a, &y));
    assert(number_cmp(&x, &y) == -number_cmp(&y, &x) ||
           number_cmp(&x, &y) * number_cmp(&y, &x) < 0);
    (void)number_double(&x);
    bool ints = number_is_int(&x) && number_is_int(&y);
    if (number_add(a, &x, &y, &sum, &err) == OK) {
        assert(same(a, &sum));
        if (ints && number_sub(a, &sum, &y, &back, &err) == OK)
            assert(number_equal(&back, &x));
    }
    if (number_mul(a, &x, &y, &sum, &err) == OK && ints &&
        number_sign(&y) != 0) {
        assert(number_div(a, &sum, &y, &back, &err) == OK);
        assert(number_equal(&back, &x));
    }
    if (number_div(a, &x, &y, &q, &err) == OK)
        assert(same(a, &q));
    if (number_rem(a, &x, &y, &r, &err) == OK &&
        number_sub(a, &x, &r, &sum, &err) == OK &&
        number_div(a, &sum, &y, &q, &err) == OK)
        assert(number_is_int(&q));
}

/* "layout\ntext" */
static void times(struct slice s)
{
    struct gotime t;
    struct err err;
    struct slice text = s, layout = slice_cut(&text, '\n');
    struct buf b;
    int64_t ns;
    enum status st = gotime_duration(s, &ns, &err);
    assert(st == OK || st == E_INVALID);
    if (text.p == NULL || gotime_parse(layout, text, &t, &err) != OK)
        return;
    buf_init(&b, 1 << 16);
    gotime_format(&b, &t, layout);
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    if (size < 2 || size > 4096)
        return 0;
    struct slice s = slice((const char *)data + 1, size - 1);
    arena_init(&a, 16u << 20);
    switch (data[0]) {
    case 'r':
        regexes(&a, s);
        break;
    case 'g':
        globs(&a, s);
        break;
    case 'y':
        yamls(&a, s);
        break;
    case 'n':
        numbers(&a, s);
        break;
    case 't':
        times(s);
        break;
    default:
        break;
    }
    arena_release(&a);
    return 0;
}

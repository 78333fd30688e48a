/* builtin_numbers.c - arithmetic, bits, ranges, format_int, rand. */
#include <string.h>

#include "base/crypt.h"
#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"

typedef enum status unary(struct arena *, const struct number *,
                          struct number *, struct err *);
typedef enum status binary(struct arena *, const struct number *,
                           const struct number *, struct number *,
                           struct err *);

static enum builtin_status one(struct builtin_ctx *c, const struct value *args,
                               unary *f, struct value *out)
{
    struct number x;
    struct err err;
    if (!builtin_want_num(c, args, 1, &x))
        return BUILTIN_ERROR;
    if (f(c->arena, &x, &x, &err) != OK)
        return builtin_fail(c, &err);
    return builtin_give_num(c, &x, out);
}

static enum builtin_status two(struct builtin_ctx *c, const struct value *args,
                               binary *f, struct value *out)
{
    struct number x, y;
    struct err err;
    if (!builtin_want_num(c, args, 1, &x) || !builtin_want_num(c, args, 2, &y))
        return BUILTIN_ERROR;
    if (!builtin_step(c, builtin_number_cost(&x) + builtin_number_cost(&y)))
        return BUILTIN_FATAL;
    if (f(c->arena, &x, &y, &x, &err) != OK)
        return builtin_fail(c, &err);
    return builtin_give_num(c, &x, out);
}

#define UNARY(name, f)                                                      \
    static enum builtin_status name(                                        \
        struct builtin_ctx *c, const struct value *args, struct value *out) \
    {                                                                       \
        return one(c, args, f, out);                                        \
    }
#define BINARY(name, f)                                                     \
    static enum builtin_status name(                                        \
        struct builtin_ctx *c, const struct value *args, struct value *out) \
    {                                                                       \
        return two(c, args, f, out);                                        \
    }

UNARY(num_abs, number_abs)
UNARY(num_ceil, number_ceil)
UNARY(num_floor, number_floor)
UNARY(num_round, number_round)
BINARY(num_div, number_div)
BINARY(num_rem, number_rem)

/* The quick way of both operands small. */
static bool ints(const struct value *args)
{
    return (args[0].flags & args[1].flags & VALUE_INT) != 0;
}

static enum builtin_status num_plus(struct builtin_ctx *c,
                                    const struct value *args, struct value *out)
{
    int64_t r;
    if (ints(args) && number_add_i64(args[0].u.i, args[1].u.i, &r)) {
        *out = value_int(r);
        return BUILTIN_OK;
    }
    return two(c, args, number_add, out);
}

static enum builtin_status num_mul(struct builtin_ctx *c,
                                   const struct value *args, struct value *out)
{
    int64_t r;
    if (ints(args) && number_mul_i64(args[0].u.i, args[1].u.i, &r)) {
        *out = value_int(r);
        return BUILTIN_OK;
    }
    return two(c, args, number_mul, out);
}

/* Numbers, or sets: what the left has and the right lacks. */
static enum builtin_status
num_minus(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    int64_t r;
    if (ints(args) && number_sub_i64(args[0].u.i, args[1].u.i, &r)) {
        *out = value_int(r);
        return BUILTIN_OK;
    }
    if (args[0].kind == V_SET)
        return builtin_set_minus(c, args, out);
    if (args[0].kind != V_NUMBER)
        return builtin_operand(c, 1, "one of {number, set}", &args[0]);
    return two(c, args, number_sub, out);
}

/* ---- bits --------------------------------------------------------------- */

static bool want_integer(struct builtin_ctx *c, const struct value *args,
                         int pos, struct number *out)
{
    if (!builtin_want_num(c, args, pos, out))
        return false;
    if (number_is_int(out))
        return true;
    (void)builtin_error(c, CODE_TYPE,
                        "operand %d must be integer number but got "
                        "floating-point number",
                        pos);
    return false;
}

static enum builtin_status bits(struct builtin_ctx *c, const struct value *args,
                                enum number_bitop op, struct value *out)
{
    struct number x, y;
    struct err err;
    if (!want_integer(c, args, 1, &x) || !want_integer(c, args, 2, &y))
        return BUILTIN_ERROR;
    if (number_bitop(c->arena, op, &x, &y, &x, &err) != OK)
        return builtin_fail(c, &err);
    return builtin_give_num(c, &x, out);
}

static enum builtin_status bits_and(struct builtin_ctx *c,
                                    const struct value *args, struct value *out)
{
    return bits(c, args, NUMBER_AND, out);
}

static enum builtin_status bits_or(struct builtin_ctx *c,
                                   const struct value *args, struct value *out)
{
    return bits(c, args, NUMBER_OR, out);
}

static enum builtin_status bits_xor(struct builtin_ctx *c,
                                    const struct value *args, struct value *out)
{
    return bits(c, args, NUMBER_XOR, out);
}

static enum builtin_status
bits_negate(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    struct number x, ones = number_int(-1);
    struct err err;
    if (!want_integer(c, args, 1, &x))
        return BUILTIN_ERROR;
    if (number_bitop(c->arena, NUMBER_XOR, &x, &ones, &x, &err) != OK)
        return builtin_fail(c, &err);
    return builtin_give_num(c, &x, out);
}

static enum builtin_status shift(struct builtin_ctx *c,
                                 const struct value *args, bool left,
                                 struct value *out)
{
    struct number x, y;
    struct err err;
    if (!want_integer(c, args, 1, &x) || !want_integer(c, args, 2, &y))
        return BUILTIN_ERROR;
    if (number_sign(&y) < 0)
        return builtin_error(c, CODE_TYPE,
                             "operand 2 must be an unsigned integer number "
                             "but got a negative integer");
    int64_t by = y.kind == NUMBER_INT ? y.i : INT64_MAX;
    if (number_shift(c->arena, &x, left ? by : -by, &x, &err) != OK)
        return builtin_fail(c, &err);
    return builtin_give_num(c, &x, out);
}

static enum builtin_status bits_lsh(struct builtin_ctx *c,
                                    const struct value *args, struct value *out)
{
    return shift(c, args, true, out);
}

static enum builtin_status bits_rsh(struct builtin_ctx *c,
                                    const struct value *args, struct value *out)
{
    return shift(c, args, false, out);
}

/* ---- ranges ------------------------------------------------------------- */

/* From x to y by `step` > 0, downwards if y < x. */
static enum builtin_status range(struct builtin_ctx *c, struct number x,
                                 const struct number *y,
                                 const struct number *step, struct value *out)
{
    struct value_list l = builtin_list(c);
    int dir = number_cmp(&x, y) <= 0 ? 1 : -1;
    struct err err;
    while (number_cmp(&x, y) * dir <= 0) {
        if (!builtin_step(c, builtin_number_cost(&x)))
            return BUILTIN_FATAL;
        struct value v = builtin_num_value(c, &x);
        if (v.kind == V_UNDEF)
            return builtin_nomem(c);
        value_list_add(&l, v);
        if (l.failed)
            return builtin_nomem(c);
        enum status st = dir > 0 ? number_add(c->arena, &x, step, &x, &err)
                                 : number_sub(c->arena, &x, step, &x, &err);
        if (st != OK)
            return builtin_fail(c, &err);
    }
    return builtin_give(c, value_list_array(&l), out);
}

static enum builtin_status numbers_range(struct builtin_ctx *c,
                                         const struct value *args,
                                         struct value *out)
{
    struct number x, y, step = number_int(1);
    if (!want_integer(c, args, 1, &x) || !want_integer(c, args, 2, &y))
        return BUILTIN_ERROR;
    x.text = NULL;
    return range(c, x, &y, &step, out);
}

static enum builtin_status numbers_range_step(struct builtin_ctx *c,
                                              const struct value *args,
                                              struct value *out)
{
    struct number x, y, step;
    if (!want_integer(c, args, 1, &x) || !want_integer(c, args, 2, &y) ||
        !want_integer(c, args, 3, &step))
        return BUILTIN_ERROR;
    if (number_sign(&step) <= 0)
        return builtin_error(c, CODE_BUILTIN,
                             "step must be a positive integer");
    x.text = NULL;
    return range(c, x, &y, &step, out);
}

static enum builtin_status
format_int(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    struct number x;
    int64_t base;
    if (!builtin_want_num(c, args, 1, &x) ||
        !builtin_want(c, args, 2, V_NUMBER))
        return BUILTIN_ERROR;
    if (!value_as_int(&args[1], &base) ||
        (base != 2 && base != 8 && base != 10 && base != 16))
        return builtin_error(c, CODE_TYPE,
                             "operand 2 must be one of {2, 8, 10, 16}");
    struct buf b;
    builtin_buf(c, &b);
    number_format_base(&b, &x, (unsigned)base);
    return builtin_give_buf(c, &b, out);
}

/* ---- chance ------------------------------------------------------------- */

static const char rand_tag;

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* The same number for the same key and bound within one evaluation. */
static enum builtin_status
rand_intn(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    int64_t n;
    if (!builtin_want(c, args, 1, V_STRING) ||
        !builtin_want_int(c, args, 2, &n))
        return BUILTIN_ERROR;
    if (n == INT64_MIN)
        n = INT64_MAX;
    n = n < 0 ? -n : n;
    if (n == 0) {
        *out = value_int(0);
        return BUILTIN_OK;
    }
    struct value *pair = builtin_values(c, 2);
    if (pair == NULL)
        return BUILTIN_FATAL;
    pair[0] = args[0];
    pair[1] = value_int(n);
    struct value key = value_array(pair, 2);
    struct value *kept = builtin_cache_get(c, &rand_tag, &key);
    if (kept == NULL) {
        uint64_t state = c->seed ^ value_hash(&key);
        kept = builtin_values(c, 1);
        if (kept == NULL)
            return BUILTIN_FATAL;
        if (c->seed == 0)
            crypt_random(&state, sizeof state);
        *kept = value_int((int64_t)(splitmix(&state) % (uint64_t)n));
        if (!builtin_cache_put(c, &rand_tag, &key, kept))
            return BUILTIN_FATAL;
    }
    *out = *kept;
    return BUILTIN_OK;
}

const struct builtin builtin_numbers[] = {
    BUILTIN_FLAGS("plus", 2, BUILTIN_INFIX, "nn>n", num_plus),
    BUILTIN_FLAGS("minus", 2, BUILTIN_INFIX, "|n{a}||n{a}|>|n{a}|", num_minus),
    BUILTIN_FLAGS("mul", 2, BUILTIN_INFIX, "nn>n", num_mul),
    BUILTIN_FLAGS("div", 2, BUILTIN_INFIX, "nn>n", num_div),
    BUILTIN_FLAGS("rem", 2, BUILTIN_INFIX, "nn>n", num_rem),
    BUILTIN("abs", 1, "n>n", num_abs),
    BUILTIN("ceil", 1, "n>n", num_ceil),
    BUILTIN("floor", 1, "n>n", num_floor),
    BUILTIN("round", 1, "n>n", num_round),
    BUILTIN("bits.and", 2, "nn>n", bits_and),
    BUILTIN("bits.or", 2, "nn>n", bits_or),
    BUILTIN("bits.xor", 2, "nn>n", bits_xor),
    BUILTIN("bits.negate", 1, "n>n", bits_negate),
    BUILTIN("bits.lsh", 2, "nn>n", bits_lsh),
    BUILTIN("bits.rsh", 2, "nn>n", bits_rsh),
    BUILTIN("numbers.range", 2, "nn>[n]", numbers_range),
    BUILTIN("numbers.range_step", 3, "nnn>[n]", numbers_range_step),
    BUILTIN("format_int", 2, "nn>s", format_int),
    BUILTIN_FLAGS("rand.intn", 2, BUILTIN_NONDETERMINISTIC, "sn>n", rand_intn),
    BUILTIN_END,
};

/* builtin_units.c - units.parse and units.parse_bytes.
 *
 * The amount is multiplied exactly: its digits as an integer, the decimal
 * point as an exponent put back afterwards.
 */
#include <string.h>

#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"

struct unit {
    const char *name;
    int ten, two; // 10^ten * 2^two
};

static const struct unit sizes[] = {
    {"", 0, 0},    {"kb", 3, 0},  {"k", 3, 0},  {"kib", 0, 10},
    {"ki", 0, 10}, {"mb", 6, 0},  {"m", 6, 0},  {"mib", 0, 20},
    {"mi", 0, 20}, {"gb", 9, 0},  {"g", 9, 0},  {"gib", 0, 30},
    {"gi", 0, 30}, {"tb", 12, 0}, {"t", 12, 0}, {"tib", 0, 40},
    {"ti", 0, 40}, {"pb", 15, 0}, {"p", 15, 0}, {"pib", 0, 50},
    {"pi", 0, 50}, {"eb", 18, 0}, {"e", 18, 0}, {"eib", 0, 60},
    {"ei", 0, 60}, {NULL, 0, 0}};

static const struct unit scales[] = {
    {"", 0, 0},    {"m", -3, 0},  {"k", 3, 0},   {"K", 3, 0},   {"ki", 0, 10},
    {"Ki", 0, 10}, {"M", 6, 0},   {"mi", 0, 20}, {"Mi", 0, 20}, {"g", 9, 0},
    {"G", 9, 0},   {"gi", 0, 30}, {"Gi", 0, 30}, {"t", 12, 0},  {"T", 12, 0},
    {"ti", 0, 40}, {"Ti", 0, 40}, {"p", 15, 0},  {"P", 15, 0},  {"pi", 0, 50},
    {"Pi", 0, 50}, {"e", 18, 0},  {"E", 18, 0},  {"ei", 0, 60}, {"Ei", 0, 60},
    {NULL, 0, 0}};

#define AMOUNT_MAX 100 // bytes of a number with its unit

static bool digit(struct slice s, size_t i)
{
    return i < s.n && s.p[i] >= '0' && s.p[i] <= '9';
}

/* Where the unit begins. */
static size_t unit_at(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool exp = c == 'e' || c == 'E';
        if (!digit(s, i) && c != '.' && !exp && c != '+' && c != '-')
            return i;
        if (!exp)
            continue;
        bool sign = i + 1 < s.n && (s.p[i + 1] == '+' || s.p[i + 1] == '-');
        if (!sign && !digit(s, i + 1))
            return i;
        i += sign;
    }
    return s.n;
}

/* The amount as digits (without the point) and an exponent of ten. */
static bool amount(struct slice s, char *digits, size_t *n, int64_t *exp)
{
    size_t i = 0;
    bool point = false, any = false;
    *n = 0;
    *exp = 0;
    if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
        digits[(*n)++] = s.p[i++];
    for (; digit(s, i) || (i < s.n && s.p[i] == '.' && !point); i++) {
        if (s.p[i] == '.') {
            point = true;
            continue;
        }
        any = true;
        digits[(*n)++] = s.p[i];
        *exp -= point;
    }
    if (any && i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        bool neg = ++i < s.n && s.p[i] == '-';
        if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
            i++;
        int64_t e = 0;
        if (!digit(s, i))
            return false;
        for (; digit(s, i); i++)
            e = e < 1000000 ? e * 10 + (s.p[i] - '0') : e;
        *exp += neg ? -e : e;
    }
    return any && i == s.n;
}

static enum builtin_status parse(struct builtin_ctx *c, struct slice s,
                                 const struct unit *units, const char *what,
                                 struct number *out)
{
    if (memchr(s.p, ' ', s.n) != NULL)
        return builtin_error(c, CODE_BUILTIN,
                             "spaces not allowed in resource strings");
    size_t at = unit_at(s);
    if (at == 0)
        return builtin_error(c, CODE_BUILTIN, "no %samount provided", what);
    struct slice unit = slice_skip(s, at);
    while (units->name != NULL && !slice_is(unit, units->name))
        units++;
    if (units->name == NULL)
        return builtin_error(c, CODE_BUILTIN, "%sunit %.*s not recognized",
                             what, unit.n < 100 ? (int)unit.n : 100, unit.p);
    char digits[AMOUNT_MAX];
    size_t n;
    int64_t exp;
    if (at >= AMOUNT_MAX || !amount(slice(s.p, at), digits, &n, &exp))
        return builtin_error(c, CODE_BUILTIN,
                             "could not parse %samount to a number", what);
    if (exp > 1000 || exp < -1000)
        return builtin_error(c, CODE_BUILTIN, "exponent too large");
    struct number x, m = number_int(INT64_C(1) << units->two);
    struct err err;
    if (number_parse_base(c->arena, slice(digits, n), 10, &x, &err) != OK ||
        number_mul(c->arena, &x, &m, &x, &err) != OK)
        return builtin_fail(c, &err);
    struct slice text = number_text(c->arena, &x);
    text = arena_printf(c->arena, "%.*se%lld", SLICE_FMT(text),
                        (long long)exp + units->ten);
    if (text.p == NULL)
        return builtin_nomem(c);
    if (number_parse(c->arena, text, out, &err) != OK)
        return builtin_fail(c, &err);
    out->text = NULL;
    return BUILTIN_OK;
}

/* The string without quotes around, `from`.. in lower case. */
static struct slice prepared(struct builtin_ctx *c, const struct value *v,
                             bool all_lower)
{
    struct slice s = value_slice(v);
    while (s.n > 0 && s.p[0] == '"')
        s = slice_skip(s, 1);
    while (s.n > 0 && s.p[s.n - 1] == '"')
        s.n--;
    char *p = arena_try(c->arena, s.n + 1);
    if (p == NULL)
        return (struct slice){0};
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    size_t unit = unit_at(s);
    for (size_t i = all_lower ? 0 : unit + 1; i < s.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] + 32);
    return slice(p, s.n);
}

static enum builtin_status
units_parse(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    struct number x;
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    struct slice s = prepared(c, &args[0], false);
    if (s.p == NULL)
        return builtin_nomem(c);
    enum builtin_status st = parse(c, s, scales, "", &x);
    return st == BUILTIN_OK ? builtin_give_num(c, &x, out) : st;
}

static enum builtin_status units_parse_bytes(struct builtin_ctx *c,
                                             const struct value *args,
                                             struct value *out)
{
    struct number x;
    struct err err;
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    struct slice s = prepared(c, &args[0], true);
    if (s.p == NULL)
        return builtin_nomem(c);
    enum builtin_status st = parse(c, s, sizes, "byte ", &x);
    if (st != BUILTIN_OK)
        return st;
    if (number_trunc(c->arena, &x, &x, &err) != OK)
        return builtin_fail(c, &err);
    return builtin_give_num(c, &x, out);
}

const struct builtin builtin_units[] = {
    BUILTIN("units.parse", 1, "s>n", units_parse),
    BUILTIN("units.parse_bytes", 1, "s>n", units_parse_bytes),
    BUILTIN_END,
};

/* builtin_semver.c - semver.compare, semver.is_valid (semver.org 2.0.0). */
#include <string.h>

#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"

struct version {
    uint64_t part[3];
    struct slice pre;
};

static bool part_of(struct slice *s, char end, uint64_t *out)
{
    size_t i = 0;
    uint64_t v = 0;
    for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9' && i < 19; i++)
        v = v * 10 + (uint64_t)(s->p[i] - '0');
    if (i == 0 || (i > 1 && s->p[0] == '0'))
        return false;
    bool ok = end == '\0' ? i == s->n : i < s->n && s->p[i] == end;
    *s = slice_skip(*s, i + 1);
    *out = v;
    return ok;
}

/* Identifiers with dots between; numbers without leading zeros if `strict`. */
static bool identifiers(struct slice s, bool strict)
{
    struct slice rest = s;
    while (rest.p != NULL) {
        struct slice id = slice_cut(&rest, '.');
        bool digits = true;
        for (size_t i = 0; i < id.n; i++) {
            char c = id.p[i];
            bool digit = c >= '0' && c <= '9';
            if (!digit && c != '-' && !((c | 32) >= 'a' && (c | 32) <= 'z'))
                return false;
            digits = digits && digit;
        }
        if (id.n == 0 || (strict && digits && id.n > 1 && id.p[0] == '0'))
            return false;
    }
    return true;
}

static bool parse(struct slice s, struct version *v)
{
    *v = (struct version){.pre = {NULL, 0}};
    size_t plus = slice_find(s, '+');
    if (plus < s.n && !identifiers(slice_skip(s, plus + 1), false))
        return false;
    s.n = plus;
    size_t dash = slice_find(s, '-');
    if (dash < s.n) {
        v->pre = slice_skip(s, dash + 1);
        if (!identifiers(v->pre, true))
            return false;
    }
    s.n = dash;
    return part_of(&s, '.', &v->part[0]) && part_of(&s, '.', &v->part[1]) &&
           part_of(&s, '\0', &v->part[2]);
}

static bool all_digits(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

static int sign(int64_t v)
{
    return (v > 0) - (v < 0);
}

static int compare_id(struct slice a, struct slice b)
{
    bool na = all_digits(a), nb = all_digits(b);
    if (na != nb)
        return na ? -1 : 1;
    if (na && a.n != b.n)
        return a.n < b.n ? -1 : 1;
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c != 0 ? sign(c) : sign((int64_t)a.n - (int64_t)b.n);
}

static int compare(const struct version *a, const struct version *b)
{
    for (size_t i = 0; i < 3; i++)
        if (a->part[i] != b->part[i])
            return a->part[i] < b->part[i] ? -1 : 1;
    if (a->pre.p == NULL || b->pre.p == NULL)
        return (a->pre.p == NULL) - (b->pre.p == NULL);
    struct slice x = a->pre, y = b->pre;
    while (x.p != NULL && y.p != NULL) {
        int c = compare_id(slice_cut(&x, '.'), slice_cut(&y, '.'));
        if (c != 0)
            return c;
    }
    return (x.p != NULL) - (y.p != NULL);
}

static enum builtin_status semver_compare(struct builtin_ctx *c,
                                          const struct value *args,
                                          struct value *out)
{
    struct version v[2];
    if (!builtin_want_str2(c, args))
        return BUILTIN_ERROR;
    for (size_t i = 0; i < 2; i++) {
        struct slice s = value_slice(&args[i]);
        if (!builtin_step(c, s.n / 16 + 1))
            return BUILTIN_FATAL;
        if (!parse(s, &v[i]))
            return builtin_error(
                c, CODE_BUILTIN,
                "operand %zu: string \"%.*s\" is not a valid SemVer", i + 1,
                s.n < 200 ? (int)s.n : 200, s.p);
    }
    *out = value_int(compare(&v[0], &v[1]));
    return BUILTIN_OK;
}

static enum builtin_status semver_is_valid(struct builtin_ctx *c,
                                           const struct value *args,
                                           struct value *out)
{
    struct version v;
    if (!builtin_step(c, args[0].n / 16 + 1))
        return BUILTIN_FATAL;
    *out = value_bool(args[0].kind == V_STRING &&
                      parse(value_slice(&args[0]), &v));
    return BUILTIN_OK;
}

const struct builtin builtin_semver[] = {
    BUILTIN("semver.compare", 2, "ss>n", semver_compare),
    BUILTIN("semver.is_valid", 1, "a>b", semver_is_valid),
    BUILTIN_END,
};

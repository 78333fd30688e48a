/* builtin_trims.c - trim and its like; results borrow from the argument. */
#include <string.h>

#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"
#include "rego/unicode.h"

enum side { LEFT = 1, RIGHT = 2 };

static bool in_set(struct slice set, uint32_t r)
{
    size_t len;
    for (size_t i = 0; i < set.n; i += len)
        if (unicode_decode(set, i, &len) == r)
            return true;
    return false;
}

/* Cuts code points of `set` (white space if NULL) off the sides. */
static struct slice cut(struct slice s, const struct slice *set, unsigned side)
{
    size_t len;
    while ((side & LEFT) != 0 && s.n > 0) {
        uint32_t r = unicode_decode(s, 0, &len);
        if (set != NULL ? !in_set(*set, r) : !unicode_space(r))
            break;
        s = slice_skip(s, len);
    }
    while ((side & RIGHT) != 0 && s.n > 0) {
        uint32_t r = unicode_decode_last(s, s.n, &len);
        if (set != NULL ? !in_set(*set, r) : !unicode_space(r))
            break;
        s.n -= len;
    }
    return s;
}

static enum builtin_status with_set(struct builtin_ctx *c,
                                    const struct value *args, unsigned side,
                                    struct value *out)
{
    if (!builtin_want_str2(c, args))
        return BUILTIN_ERROR;
    struct slice s = value_slice(&args[0]), set = value_slice(&args[1]);
    if (!builtin_step(c, 1 + s.n * (1 + set.n) / 64))
        return BUILTIN_FATAL;
    *out = value_str(cut(s, &set, side));
    return BUILTIN_OK;
}

static enum builtin_status trim(struct builtin_ctx *c, const struct value *args,
                                struct value *out)
{
    return with_set(c, args, LEFT | RIGHT, out);
}

static enum builtin_status
trim_left(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    return with_set(c, args, LEFT, out);
}

static enum builtin_status
trim_right(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    return with_set(c, args, RIGHT, out);
}

static enum builtin_status
trim_space(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    if (!builtin_step(c, args[0].n / 64 + 1))
        return BUILTIN_FATAL;
    *out = value_str(cut(value_slice(&args[0]), NULL, LEFT | RIGHT));
    return BUILTIN_OK;
}

static enum builtin_status
trim_prefix(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    if (!builtin_want_str2(c, args))
        return BUILTIN_ERROR;
    struct slice s = value_slice(&args[0]), t = value_slice(&args[1]);
    if (s.n >= t.n && t.n > 0 && memcmp(s.p, t.p, t.n) == 0)
        s = slice_skip(s, t.n);
    *out = value_str(s);
    return BUILTIN_OK;
}

static enum builtin_status
trim_suffix(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    if (!builtin_want_str2(c, args))
        return BUILTIN_ERROR;
    struct slice s = value_slice(&args[0]), t = value_slice(&args[1]);
    if (s.n >= t.n && t.n > 0 && memcmp(s.p + s.n - t.n, t.p, t.n) == 0)
        s.n -= t.n;
    *out = value_str(s);
    return BUILTIN_OK;
}

const struct builtin builtin_trims[] = {
    BUILTIN("trim", 2, "ss>s", trim),
    BUILTIN("trim_left", 2, "ss>s", trim_left),
    BUILTIN("trim_right", 2, "ss>s", trim_right),
    BUILTIN("trim_space", 1, "s>s", trim_space),
    BUILTIN("trim_prefix", 2, "ss>s", trim_prefix),
    BUILTIN("trim_suffix", 2, "ss>s", trim_suffix),
    BUILTIN_END,
};

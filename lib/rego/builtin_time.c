/* builtin_time.c - time.* over gotime.h. */
#include <string.h>

#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"
#include "rego/gotime.h"

static enum builtin_status now_ns(struct builtin_ctx *c,
                                  const struct value *args, struct value *out)
{
    (void)args;
    *out = value_int(builtin_now(c));
    return BUILTIN_OK;
}

static enum builtin_status give_ns(struct builtin_ctx *c,
                                   const struct gotime *t, struct value *out)
{
    int64_t ns;
    if (!gotime_ns(t, &ns))
        return builtin_error(c, CODE_BUILTIN, "time outside of valid range");
    *out = value_int(ns);
    return BUILTIN_OK;
}

static enum builtin_status parse(struct builtin_ctx *c, struct slice layout,
                                 const struct value *text, struct value *out)
{
    struct gotime t;
    struct err err;
    if (!builtin_step(c, (layout.n + text->n) / 4 + 1))
        return BUILTIN_FATAL;
    if (gotime_parse(layout, value_slice(text), &t, &err) != OK)
        return builtin_fail(c, &err);
    return give_ns(c, &t, out);
}

static enum builtin_status parse_ns(struct builtin_ctx *c,
                                    const struct value *args, struct value *out)
{
    if (!builtin_want_str2(c, args))
        return BUILTIN_ERROR;
    return parse(c, gotime_layout(value_slice(&args[0])), &args[1], out);
}

static enum builtin_status parse_rfc3339_ns(struct builtin_ctx *c,
                                            const struct value *args,
                                            struct value *out)
{
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    return parse(c, gotime_layout(SLICE("RFC3339")), &args[0], out);
}

static enum builtin_status parse_duration_ns(struct builtin_ctx *c,
                                             const struct value *args,
                                             struct value *out)
{
    int64_t ns;
    struct err err;
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    if (!builtin_step(c, args[0].n / 8 + 1))
        return BUILTIN_FATAL;
    if (gotime_duration(value_slice(&args[0]), &ns, &err) != OK)
        return builtin_fail(c, &err);
    *out = value_int(ns);
    return BUILTIN_OK;
}

static const char zone_tag;

/* Shows `t` in `zone`.  That reads a file, so the answer for the operand is
 * kept: a policy asks for date, clock and weekday of the same moment. */
static enum builtin_status show_in(struct builtin_ctx *c,
                                   const struct value *operand,
                                   struct slice zone, struct gotime *t)
{
    struct err err;
    struct gotime *kept = builtin_cache_get(c, &zone_tag, operand);
    if (kept == NULL) {
        kept = builtin_alloc(c, sizeof *kept);
        if (kept == NULL || !builtin_step(c, 100))
            return BUILTIN_FATAL;
        if (gotime_in(t, zone, &err) != OK)
            return builtin_fail(c, &err);
        *kept = *t;
        if (!builtin_cache_put(c, &zone_tag, operand, kept))
            return BUILTIN_FATAL;
    }
    *t = *kept;
    return BUILTIN_OK;
}

/* Operand `pos`: ns, [ns, zone] or, with `layout`, [ns, zone, layout]. */
static enum builtin_status instant(struct builtin_ctx *c,
                                   const struct value *args, int pos,
                                   struct gotime *t, struct slice *layout)
{
    const struct value *v = &args[pos - 1], *ns = v;
    struct slice zone = {0};
    if (v->kind == V_ARRAY) {
        uint32_t most = layout != NULL ? 3 : 2;
        if (v->n < 1 || v->n > most)
            return builtin_error(c, CODE_TYPE,
                                 "operand %d must be either number (ns) or "
                                 "array of number (ns) and string (tz)",
                                 pos);
        for (uint32_t i = 1; i < v->n; i++)
            if (v->u.v[i].kind != V_STRING)
                return builtin_operand(c, pos, "string", &v->u.v[i]);
        ns = &v->u.v[0];
        if (v->n > 1)
            zone = value_slice(&v->u.v[1]);
        if (v->n > 2)
            *layout = value_slice(&v->u.v[2]);
    } else if (v->kind != V_NUMBER) {
        return builtin_operand(c, pos, "one of {number, array}", v);
    }
    if (ns->kind != V_NUMBER)
        return builtin_operand(c, pos, "number", ns);
    int64_t n;
    if (!value_as_int(ns, &n))
        return builtin_error(c, CODE_BUILTIN, "timestamp too big");
    *t = gotime_from_ns(n);
    return zone.n > 0 && !slice_is(zone, "UTC") ? show_in(c, v, zone, t)
                                                : BUILTIN_OK;
}

static enum builtin_status give_ints(struct builtin_ctx *c, const int64_t *v,
                                     size_t n, struct value *out)
{
    struct value *a = builtin_values(c, n);
    if (a == NULL)
        return BUILTIN_FATAL;
    for (size_t i = 0; i < n; i++)
        a[i] = value_int(v[i]);
    *out = value_array(a, n);
    return BUILTIN_OK;
}

static enum builtin_status date(struct builtin_ctx *c, const struct value *args,
                                struct value *out)
{
    struct gotime t;
    enum builtin_status st = instant(c, args, 1, &t, NULL);
    if (st != BUILTIN_OK)
        return st;
    struct gotime_civil d = gotime_civil(&t);
    return give_ints(c, (int64_t[]){d.year, d.month, d.day}, 3, out);
}

static enum builtin_status clock_of(struct builtin_ctx *c,
                                    const struct value *args, struct value *out)
{
    struct gotime t;
    enum builtin_status st = instant(c, args, 1, &t, NULL);
    if (st != BUILTIN_OK)
        return st;
    struct gotime_civil d = gotime_civil(&t);
    return give_ints(c, (int64_t[]){d.hour, d.min, d.sec}, 3, out);
}

static enum builtin_status weekday(struct builtin_ctx *c,
                                   const struct value *args, struct value *out)
{
    static const char *const names[] = {"Sunday",    "Monday",   "Tuesday",
                                        "Wednesday", "Thursday", "Friday",
                                        "Saturday"};
    struct gotime t;
    enum builtin_status st = instant(c, args, 1, &t, NULL);
    if (st == BUILTIN_OK)
        *out = value_str(slice_str(names[gotime_civil(&t).weekday]));
    return st;
}

static enum builtin_status format(struct builtin_ctx *c,
                                  const struct value *args, struct value *out)
{
    struct gotime t;
    struct slice layout = SLICE("RFC3339Nano");
    enum builtin_status st = instant(c, args, 1, &t, &layout);
    if (st != BUILTIN_OK)
        return st;
    if (!builtin_step(c, layout.n / 2 + 1))
        return BUILTIN_FATAL;
    struct buf b;
    builtin_buf(c, &b);
    gotime_format(&b, &t, gotime_layout(layout));
    return builtin_give_buf(c, &b, out);
}

#define PART_MAX (INT64_C(1) << 40) // beyond any date that fits

static enum builtin_status add_date(struct builtin_ctx *c,
                                    const struct value *args, struct value *out)
{
    int64_t add[3];
    struct gotime t;
    enum builtin_status st = instant(c, args, 1, &t, NULL);
    if (st != BUILTIN_OK)
        return st;
    for (int i = 0; i < 3; i++) {
        if (!builtin_want_int(c, args, 2 + i, &add[i]))
            return BUILTIN_ERROR;
        if (add[i] > PART_MAX || add[i] < -PART_MAX)
            return builtin_error(c, CODE_BUILTIN,
                                 "time outside of valid range");
    }
    struct gotime_civil d = gotime_civil(&t);
    t.sec = gotime_date(d.year + add[0], d.month + add[1], d.day + add[2],
                        d.hour, d.min, d.sec) -
            t.offset;
    return give_ns(c, &t, out);
}

/* Years, months, days, hours, minutes, seconds between two instants; after
 * github.com/icza/gox, which OPA names as its source. */
static enum builtin_status diff(struct builtin_ctx *c, const struct value *args,
                                struct value *out)
{
    struct gotime a, b;
    enum builtin_status st = instant(c, args, 1, &a, NULL);
    if (st == BUILTIN_OK)
        st = instant(c, args, 2, &b, NULL);
    if (st != BUILTIN_OK)
        return st;
    b.offset = a.offset; // shown for the first one's place
    if (args[0].kind == V_ARRAY && args[0].n > 1 &&
        gotime_in(&b, value_slice(&args[0].u.v[1]), NULL) != OK)
        return BUILTIN_UNDEFINED;
    if (a.sec > b.sec || (a.sec == b.sec && a.nsec > b.nsec)) {
        struct gotime swap = a;
        a = b;
        b = swap;
    }
    struct gotime_civil x = gotime_civil(&a), y = gotime_civil(&b);
    int64_t d[6] = {y.year - x.year, y.month - x.month, y.day - x.day,
                    y.hour - x.hour, y.min - x.min,     y.sec - x.sec};
    if (d[5] < 0) {
        d[5] += 60;
        d[4]--;
    }
    if (d[4] < 0) {
        d[4] += 60;
        d[3]--;
    }
    if (d[3] < 0) {
        d[3] += 24;
        d[2]--;
    }
    if (d[2] < 0) { // days of the first one's month
        d[2] += (gotime_date(x.year, x.month + 1, 1, 0, 0, 0) -
                 gotime_date(x.year, x.month, 1, 0, 0, 0)) /
                86400;
        d[1]--;
    }
    if (d[1] < 0) {
        d[1] += 12;
        d[0]--;
    }
    return give_ints(c, d, 6, out);
}

#define INSTANT "|n[|ns|]|"

const struct builtin builtin_time[] = {
    BUILTIN_FLAGS("time.now_ns", 0, BUILTIN_NONDETERMINISTIC, ">n", now_ns),
    BUILTIN("time.parse_ns", 2, "ss>n", parse_ns),
    BUILTIN("time.parse_rfc3339_ns", 1, "s>n", parse_rfc3339_ns),
    BUILTIN("time.parse_duration_ns", 1, "s>n", parse_duration_ns),
    BUILTIN("time.date", 1, INSTANT ">[n]", date),
    BUILTIN("time.clock", 1, INSTANT ">[n]", clock_of),
    BUILTIN("time.weekday", 1, INSTANT ">s", weekday),
    BUILTIN("time.format", 1, INSTANT ">s", format),
    BUILTIN("time.add_date", 4, "nnnn>n", add_date),
    BUILTIN("time.diff", 2, INSTANT INSTANT ">[n]", diff),
    BUILTIN_END,
};

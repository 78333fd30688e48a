/* builtin_util.c - see builtin_util.h. */
#include "rego/builtin_util.h"

#include <stdarg.h>
#include <string.h>

const struct number *builtin_number(const struct value *v, struct number *tmp)
{
    if ((v->flags & VALUE_INT) == 0)
        return v->u.num;
    *tmp = number_int(v->u.i);
    return tmp;
}

uint64_t builtin_number_cost(const struct number *n)
{
    uint64_t limbs = 0;
    if (n->kind == NUMBER_BIG)
        limbs = n->limbs;
    else if (n->kind == NUMBER_FLOAT) // its decimal digits
        limbs = (uint64_t)(-(int64_t)n->exp) / 32;
    return 1 + limbs * limbs / 16;
}

struct value builtin_num_value(struct builtin_ctx *c, const struct number *n)
{
    if (n->kind == NUMBER_INT && n->text == NULL)
        return value_int(n->i);
    struct number *p = arena_try(c->arena, sizeof *p);
    if (p == NULL)
        return value_undef();
    *p = *n;
    return value_num(p);
}

enum builtin_status builtin_give_num(struct builtin_ctx *c,
                                     const struct number *n, struct value *out)
{
    return builtin_give(c, builtin_num_value(c, n), out);
}

enum builtin_status builtin_fail(struct builtin_ctx *c, const struct err *err)
{
    return builtin_error(c, CODE_BUILTIN, "%s", err->text);
}

bool builtin_want_num(struct builtin_ctx *c, const struct value *args, int pos,
                      struct number *out)
{
    if (!builtin_want(c, args, pos, V_NUMBER))
        return false;
    const struct value *v = &args[pos - 1];
    *out = (v->flags & VALUE_INT) != 0 ? number_int(v->u.i) : *v->u.num;
    return true;
}

struct value builtin_buf_value(struct builtin_ctx *c, struct buf *b)
{
    (void)c;
    struct slice s = buf_get(b); // lies in the arena already
    struct value v = value_str(s.p != NULL ? s : slice("", 0));
    if (b->failed)
        v = value_undef();
    buf_release(b);
    return v;
}

enum builtin_status builtin_give_buf(struct builtin_ctx *c, struct buf *b,
                                     struct value *out)
{
    uint64_t work = b->n / 64 + 1;
    struct value v = builtin_buf_value(c, b);
    if (!builtin_step(c, work))
        return BUILTIN_FATAL;
    return builtin_give(c, v, out);
}

struct value builtin_text(struct builtin_ctx *c, const char *fmt, ...)
{
    struct buf b;
    va_list ap;
    builtin_buf(c, &b);
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    return builtin_buf_value(c, &b);
}

struct value_list builtin_list(struct builtin_ctx *c)
{
    struct value_list l;
    value_list_init(&l, c->arena);
    return l;
}

bool builtin_want_list(struct builtin_ctx *c, const struct value *args, int pos)
{
    const struct value *v = &args[pos - 1];
    if (v->kind == V_ARRAY || v->kind == V_SET)
        return true;
    (void)builtin_operand(c, pos, "one of {array, set}", v);
    return false;
}

enum builtin_status builtin_element(struct builtin_ctx *c, int pos,
                                    const struct value *list,
                                    const struct value *got, const char *want)
{
    const char *kind = value_kind_name(list->kind);
    return builtin_error(c, CODE_TYPE,
                         "operand %d must be %s of %ss but got %s containing "
                         "%s",
                         pos, kind, want, kind, value_kind_name(got->kind));
}

bool builtin_want_str2(struct builtin_ctx *c, const struct value *args)
{
    return builtin_want(c, args, 1, V_STRING) &&
           builtin_want(c, args, 2, V_STRING);
}

/* ---- regular expressions ------------------------------------------------ */

static bool step(void *arg, uint64_t n)
{
    return builtin_step(arg, n);
}

struct regex_run builtin_run(struct builtin_ctx *c)
{
    return (struct regex_run){.arena = c->arena, .step = step, .arg = c};
}

static const char spare_tag;

struct regex_run builtin_run_again(struct builtin_ctx *c,
                                   const struct value *pattern)
{
    struct regex_run run = builtin_run(c);
    run.spare = builtin_cache_get(c, &spare_tag, pattern);
    if (run.spare != NULL)
        return run;
    run.spare = arena_try(c->arena, sizeof *run.spare);
    if (run.spare != NULL &&
        !builtin_cache_put(c, &spare_tag, pattern, run.spare))
        run.spare = NULL; // the search will find out
    return run;
}

#define PROPERTY_STEPS 3000 // letters of all alphabets, with and without case

bool builtin_regex_step(struct builtin_ctx *c, const struct value *pattern)
{
    struct slice s = value_slice(pattern);
    uint64_t cost = 16 + s.n;
    for (size_t i = 0; i + 1 < s.n; i++)
        if (s.p[i] == '\\' && (s.p[i + 1] | 0x20) == 'p')
            cost += PROPERTY_STEPS;
    return builtin_step(c, cost);
}

enum builtin_status builtin_run_limit(struct builtin_ctx *c)
{
    return c->code != NULL ? BUILTIN_FATAL : builtin_nomem(c);
}

static const char regex_tag;

void *builtin_compile_regex(struct arena *a, const struct value *key)
{
    struct regex *re;
    if (key->kind != V_STRING ||
        regex_compile(a, value_slice(key), REGEX_DFA, &re, NULL) != OK)
        return NULL;
    return re;
}

const struct regex *builtin_regex(struct builtin_ctx *c,
                                  const struct value *pattern,
                                  enum builtin_status *st)
{
    struct regex *re = builtin_cache_get(c, builtin_compile_regex, pattern);
    if (re != NULL)
        return re;
    re = builtin_cache_get(c, &regex_tag, pattern);
    if (re != NULL)
        return re;
    struct err err;
    if (!builtin_regex_step(c, pattern)) {
        *st = BUILTIN_FATAL;
    } else if (regex_compile(c->arena, value_slice(pattern), 0, &re, &err) !=
               OK) {
        *st = builtin_fail(c, &err);
    } else if (!builtin_step(c, regex_size(re)) ||
               !builtin_cache_put(c, &regex_tag, pattern, re)) {
        *st = BUILTIN_FATAL;
    } else {
        return re;
    }
    return NULL;
}

/* builtin_patterns.c - regex.* and glob.*.
 *
 * Constant patterns are compiled with the policy (with a table, so that a
 * match costs a few nanoseconds per byte), others once per evaluation.  What
 * a glob's delimiters are is known at run time only, so a constant glob is
 * compiled for the usual ones.
 */
#include <string.h>

#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"
#include "rego/glob.h"
#include "rego/unicode.h"

static enum builtin_status match_text(struct builtin_ctx *c,
                                      const struct regex *re,
                                      const struct value *pattern,
                                      struct slice s, struct value *out)
{
    struct regex_run run =
        regex_has_table(re) ? builtin_run(c) : builtin_run_again(c, pattern);
    c->code = NULL;
    enum regex_result r = regex_match(re, s, &run);
    if (r == REGEX_LIMIT)
        return builtin_run_limit(c);
    *out = value_bool(r == REGEX_YES);
    return BUILTIN_OK;
}

static enum builtin_status regex_match_of(struct builtin_ctx *c,
                                          const struct value *args,
                                          struct value *out)
{
    enum builtin_status st = BUILTIN_ERROR;
    if (!builtin_want_str2(c, args))
        return st;
    const struct regex *re = builtin_regex(c, &args[0], &st);
    return re != NULL ? match_text(c, re, &args[0], value_slice(&args[1]), out)
                      : st;
}

static enum builtin_status is_valid(struct builtin_ctx *c,
                                    const struct value *args, struct value *out)
{
    *out = value_bool(false);
    if (args[0].kind != V_STRING)
        return BUILTIN_OK;
    if (!builtin_regex_step(c, &args[0]))
        return BUILTIN_FATAL;
    struct regex *re;
    bool ok =
        regex_compile(c->arena, value_slice(&args[0]), 0, &re, NULL) == OK;
    *out = value_bool(ok);
    return builtin_step(c, ok ? regex_size(re) : 1) ? BUILTIN_OK
                                                    : BUILTIN_FATAL;
}

/* Readies a sequence of matches of operand 1 in operand 2. */
static enum builtin_status begin(struct builtin_ctx *c,
                                 const struct value *args, bool groups,
                                 struct regex_run *run, struct regex_iter *it)
{
    enum builtin_status st = BUILTIN_ERROR;
    if (!builtin_want_str2(c, args))
        return st;
    const struct regex *re = builtin_regex(c, &args[0], &st);
    if (re == NULL)
        return st;
    *run = builtin_run_again(c, &args[0]);
    c->code = NULL;
    if (!regex_iter_init(it, re, value_slice(&args[1]),
                         groups ? regex_groups(re) : 1, run))
        return builtin_run_limit(c);
    return BUILTIN_OK;
}

static struct value span(const struct regex_iter *it, size_t g)
{
    if (it->group[g].from == REGEX_NONE)
        return VALUE_LIT("");
    return value_str(slice(it->text.p + it->group[g].from,
                           it->group[g].to - it->group[g].from));
}

static enum builtin_status find_n(struct builtin_ctx *c,
                                  const struct value *args, struct value *out)
{
    int64_t n;
    struct regex_run run;
    struct regex_iter it;
    enum builtin_status st = begin(c, args, false, &run, &it);
    if (st != BUILTIN_OK)
        return st;
    if (!builtin_want_int(c, args, 3, &n))
        return BUILTIN_ERROR;
    struct value_list l = builtin_list(c);
    enum regex_result r = REGEX_NO;
    while ((n < 0 || l.n < (uint64_t)n) && !l.failed &&
           (r = regex_next(&it)) == REGEX_YES)
        value_list_add(&l, span(&it, 0));
    if (r == REGEX_LIMIT)
        return builtin_run_limit(c);
    return builtin_give(c, value_list_array(&l), out);
}

static enum builtin_status find_submatch_n(struct builtin_ctx *c,
                                           const struct value *args,
                                           struct value *out)
{
    int64_t n;
    struct regex_run run;
    struct regex_iter it;
    enum builtin_status st = begin(c, args, true, &run, &it);
    if (st != BUILTIN_OK)
        return st;
    if (!builtin_want_int(c, args, 3, &n))
        return BUILTIN_ERROR;
    struct value_list l = builtin_list(c);
    enum regex_result r = REGEX_NO;
    while ((n < 0 || l.n < (uint64_t)n) && !l.failed &&
           (r = regex_next(&it)) == REGEX_YES) {
        size_t groups = regex_groups(it.re);
        struct value *v = builtin_values(c, groups);
        if (v == NULL)
            return BUILTIN_FATAL;
        for (size_t g = 0; g < groups; g++)
            v[g] = span(&it, g);
        value_list_add(&l, value_array(v, groups));
    }
    if (r == REGEX_LIMIT)
        return builtin_run_limit(c);
    return builtin_give(c, value_list_array(&l), out);
}

/* Go's Split. */
static enum builtin_status split(struct builtin_ctx *c,
                                 const struct value *args, struct value *out)
{
    struct regex_run run;
    struct regex_iter it;
    enum builtin_status st = begin(c, args, false, &run, &it);
    if (st != BUILTIN_OK)
        return st;
    struct value_list l = builtin_list(c);
    struct slice s = value_slice(&args[1]);
    if (args[0].n > 0 && s.n == 0) {
        value_list_add(&l, VALUE_LIT(""));
        return builtin_give(c, value_list_array(&l), out);
    }
    size_t from = 0, end = 0;
    enum regex_result r;
    while ((r = regex_next(&it)) == REGEX_YES && !l.failed) {
        end = it.group[0].from;
        if (it.group[0].to != 0)
            value_list_add(&l, value_str(slice(s.p + from, end - from)));
        from = it.group[0].to;
    }
    if (r == REGEX_LIMIT)
        return builtin_run_limit(c);
    if (end != s.n)
        value_list_add(&l, value_str(slice_skip(s, from)));
    return builtin_give(c, value_list_array(&l), out);
}

/* regex.replace(text, pattern, with) */
static enum builtin_status replace(struct builtin_ctx *c,
                                   const struct value *args, struct value *out)
{
    enum builtin_status st = BUILTIN_ERROR;
    if (!builtin_want_str2(c, args) || !builtin_want(c, args, 3, V_STRING))
        return st;
    const struct regex *re = builtin_regex(c, &args[1], &st);
    if (re == NULL)
        return st;
    struct regex_run run = builtin_run_again(c, &args[1]);
    struct buf b;
    builtin_buf(c, &b);
    c->code = NULL;
    if (regex_replace(re, value_slice(&args[0]), value_slice(&args[2]), &b,
                      &run) != REGEX_YES) {
        buf_release(&b);
        return builtin_run_limit(c);
    }
    return builtin_give_buf(c, &b, out);
}

/* ---- templates ---------------------------------------------------------- */

/* "urn:foo:{.*}" as "^urn:foo:(.*)$". */
static enum builtin_status template_regex(struct builtin_ctx *c, struct slice t,
                                          uint32_t open, uint32_t close,
                                          struct buf *b)
{
    size_t len, part = 0;
    int level = 0;
    buf_char(b, '^');
    for (size_t i = 0; i < t.n; i += len) {
        uint32_t r = unicode_decode(t, i, &len);
        if (r == open) {
            if (level++ == 0) {
                regex_quote(b, slice(t.p + part, i - part));
                buf_char(b, '(');
                part = i + len;
            }
        } else if (r == close) {
            if (--level == 0) {
                buf_add(b, t.p + part, i - part);
                buf_char(b, ')');
                part = i + len;
            } else if (level < 0) {
                break;
            }
        }
    }
    if (level != 0)
        return builtin_error(c, CODE_BUILTIN, "unbalanced braces in \"%.*s\"",
                             t.n < 200 ? (int)t.n : 200, t.p);
    regex_quote(b, slice_skip(t, part));
    buf_char(b, '$');
    return BUILTIN_OK;
}

static enum builtin_status template_match(struct builtin_ctx *c,
                                          const struct value *args,
                                          struct value *out)
{
    uint32_t delim[2];
    for (int i = 1; i <= 4; i++)
        if (!builtin_want(c, args, i, V_STRING))
            return BUILTIN_ERROR;
    for (size_t i = 0; i < 2; i++) {
        struct slice d = value_slice(&args[2 + i]);
        size_t len = 0;
        delim[i] = d.n > 0 ? unicode_decode(d, 0, &len) : 0;
        if (d.n == 0 || len != d.n)
            return builtin_error(c, CODE_BUILTIN,
                                 "%s delimiter has to be exactly one "
                                 "character long but is %zu long",
                                 i == 0 ? "start" : "end", unicode_count(d));
    }
    struct buf b;
    builtin_buf(c, &b);
    enum builtin_status st =
        template_regex(c, value_slice(&args[0]), delim[0], delim[1], &b);
    struct value pattern = builtin_buf_value(c, &b);
    if (st != BUILTIN_OK)
        return st;
    if (pattern.kind == V_UNDEF)
        return builtin_nomem(c);
    const struct regex *re = builtin_regex(c, &pattern, &st);
    return re != NULL ? match_text(c, re, &pattern, value_slice(&args[1]), out)
                      : st;
}

/* ---- globs -------------------------------------------------------------- */

#define DELIMS_MAX 64

/* The usual delimiters: none, the default, paths, colons. */
#define USUAL 4
static const uint32_t usual[USUAL] = {0, '.', '/', ':'};

struct globs {
    struct regex *re[USUAL]; // NULL: invalid
};

static void *compile_globs(struct arena *a, const struct value *key)
{
    struct globs *g = arena_try(a, sizeof *g);
    if (g == NULL || key->kind != V_STRING)
        return NULL;
    for (size_t i = 0; i < USUAL; i++)
        if (glob_compile(a, value_slice(key), &usual[i], usual[i] != 0,
                         REGEX_DFA, &g->re[i], NULL) != OK)
            return NULL;
    return g;
}

/* Operand 2: null, or an array of strings whose first characters count; an
 * empty one means ".". */
static bool delimiters(struct builtin_ctx *c, const struct value *args,
                       uint32_t *d, size_t *n)
{
    const struct value *v = &args[1];
    *n = 0;
    if (v->kind == V_NULL)
        return true;
    if (v->kind != V_ARRAY) {
        (void)builtin_operand(c, 2, "one of {array, null}", v);
        return false;
    }
    if (v->n == 0)
        d[(*n)++] = '.';
    for (uint32_t i = 0; i < v->n && *n < DELIMS_MAX; i++) {
        const struct value *e = &v->u.v[i];
        size_t len;
        if (e->kind != V_STRING) {
            (void)builtin_element(c, 2, v, e, "string");
            return false;
        }
        if (e->n > 0)
            d[(*n)++] = unicode_decode(value_slice(e), 0, &len);
    }
    return true;
}

static const char glob_tag;

static enum builtin_status glob_of(struct builtin_ctx *c,
                                   const struct value *args, const uint32_t *d,
                                   size_t n, struct regex **re)
{
    struct value *key = builtin_values(c, 2);
    if (key == NULL || !builtin_step(c, 16 + 4 * (uint64_t)args[0].n))
        return BUILTIN_FATAL;
    key[0] = args[0];
    key[1] = args[1];
    struct value pair = value_array(key, 2);
    *re = builtin_cache_get(c, &glob_tag, &pair);
    if (*re != NULL)
        return BUILTIN_OK;
    struct err err;
    if (glob_compile(c->arena, value_slice(&args[0]), d, n, 0, re, &err) != OK)
        return builtin_fail(c, &err);
    return builtin_cache_put(c, &glob_tag, &pair, *re) ? BUILTIN_OK
                                                       : BUILTIN_FATAL;
}

static enum builtin_status
glob_match(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    uint32_t d[DELIMS_MAX];
    size_t n;
    if (!builtin_want(c, args, 1, V_STRING) || !delimiters(c, args, d, &n) ||
        !builtin_want(c, args, 3, V_STRING))
        return BUILTIN_ERROR;
    struct regex *re = NULL;
    const struct globs *g = builtin_cache_get(c, compile_globs, &args[0]);
    for (size_t i = 0; g != NULL && i < USUAL && n < 2; i++)
        if (usual[i] == (n == 0 ? 0 : d[0]))
            re = g->re[i];
    if (re == NULL) {
        enum builtin_status st = glob_of(c, args, d, n, &re);
        if (st != BUILTIN_OK)
            return st;
    }
    return match_text(c, re, &args[0], value_slice(&args[2]), out);
}

static enum builtin_status
quote_meta(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    struct buf b;
    builtin_buf(c, &b);
    glob_quote(&b, value_slice(&args[0]));
    return builtin_give_buf(c, &b, out);
}

#define REGEX(n, a, t, f, arg) \
    BUILTIN_COMPILED(n, a, t, f, builtin_compile_regex, arg)

const struct builtin builtin_patterns[] = {
    REGEX("regex.match", 2, "ss>b", regex_match_of, 0),
    {.name = "re_match",
     .arity = 2,
     .flags = BUILTIN_DEPRECATED,
     .types = "ss>b",
     .fn = regex_match_of,
     .compile = builtin_compile_regex},
    BUILTIN("regex.is_valid", 1, "s>b", is_valid),
    REGEX("regex.find_n", 3, "ssn>[s]", find_n, 0),
    REGEX("regex.find_all_string_submatch_n", 3, "ssn>[[s]]", find_submatch_n,
          0),
    REGEX("regex.split", 2, "ss>[s]", split, 0),
    REGEX("regex.replace", 3, "sss>s", replace, 1),
    BUILTIN("regex.template_match", 4, "ssss>b", template_match),
    BUILTIN("regex.globs_match", 2, "ss>b", builtin_globs_match),
    BUILTIN_COMPILED("glob.match", 3, "s|z[s]|s>b", glob_match, compile_globs,
                     0),
    BUILTIN("glob.quote_meta", 1, "s>s", quote_meta),
    BUILTIN_END,
};

/* builtin.c - the tables of all families, and what builtins ask of their
 * caller: steps, memory, errors, caches.
 */
#include "rego/builtin.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "rego/builtin_tables.h"

static const struct builtin *const tables[] = {
    builtin_core,    builtin_aggregates, builtin_arrays,  builtin_cidr,
    builtin_digest,  builtin_encoding,   builtin_graph,   builtin_json,
    builtin_jwt,     builtin_numbers,    builtin_objects, builtin_patterns,
    builtin_schema,  builtin_semver,     builtin_sets,    builtin_sprintf,
    builtin_strings, builtin_time,       builtin_trims,   builtin_types,
    builtin_units,   builtin_uri,        builtin_uuid,    builtin_walk,
    builtin_yaml,    builtin_absent};

const struct builtin *builtin_find(struct slice name)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct builtin *b = tables[i]; b != NULL && b->name != NULL;
             b++)
            if (slice_is(name, b->name))
                return b;
    return NULL;
}

const struct builtin *builtin_at(size_t i)
{
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct builtin *b = tables[t]; b != NULL && b->name != NULL;
             b++)
            if (i-- == 0)
                return b;
    return NULL;
}

// ---- limits ---------------------------------------------------------------

static bool stop(struct builtin_ctx *c, const char *code, const char *text)
{
    c->code = code;
    c->message = slice_str(text);
    return false;
}

bool builtin_step_slow(struct builtin_ctx *c, uint64_t n)
{
    if (c->steps_left <= n) {
        c->steps_left = 0;
        return stop(c, CODE_CANCEL, "step limit reached");
    }
    c->steps_left -= n;
    c->until_clock = BUILTIN_CLOCK_EVERY;
    if (c->deadline_ns == 0)
        return true;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    if ((int64_t)t.tv_sec * 1000000000 + t.tv_nsec >= c->deadline_ns)
        return stop(c, CODE_CANCEL, "deadline reached");
    return true;
}

enum builtin_status builtin_nomem(struct builtin_ctx *c)
{
    (void)stop(c, CODE_INTERNAL, "memory limit reached");
    return BUILTIN_FATAL;
}

void *builtin_alloc(struct builtin_ctx *c, size_t n)
{
    if (!builtin_step(c, n / 64))
        return NULL;
    void *p = arena_try(c->arena, n);
    if (p == NULL)
        (void)builtin_nomem(c);
    return p;
}

struct value *builtin_values(struct builtin_ctx *c, size_t n)
{
    struct value *p = builtin_step(c, n) ? value_alloc(c->arena, n) : NULL;
    if (p == NULL && c->code == NULL)
        (void)builtin_nomem(c);
    return p;
}

// ---- errors and results ---------------------------------------------------

enum builtin_status builtin_error(struct builtin_ctx *c, const char *code,
                                  const char *fmt, ...)
{
    char text[1000];
    int head = snprintf(text, sizeof text, "%s: ", c->self->name);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text + head, sizeof text - (size_t)head, fmt, ap);
    va_end(ap);
    size_t len = (size_t)head + (n > 0 ? (size_t)n : 0);
    if (len > sizeof text - 1)
        len = sizeof text - 1;
    c->code = code;
    c->message = arena_dup(c->arena, slice(text, len));
    return c->message.p != NULL ? BUILTIN_ERROR : builtin_nomem(c);
}

enum builtin_status builtin_operand(struct builtin_ctx *c, int pos,
                                    const char *want, const struct value *v)
{
    return builtin_error(c, CODE_TYPE, "operand %d must be %s but got %s", pos,
                         want, value_kind_name(v->kind));
}

enum builtin_status builtin_give(struct builtin_ctx *c, struct value v,
                                 struct value *out)
{
    if (v.kind == V_UNDEF)
        return builtin_nomem(c);
    *out = v;
    return BUILTIN_OK;
}

enum builtin_status builtin_give_str(struct builtin_ctx *c, struct slice s,
                                     struct value *out)
{
    struct slice copy = arena_dup(c->arena, s);
    if (copy.p == NULL)
        return builtin_nomem(c);
    *out = value_str(copy);
    return BUILTIN_OK;
}

bool builtin_want(struct builtin_ctx *c, const struct value *args, int pos,
                  enum value_kind k)
{
    if (args[pos - 1].kind == k)
        return true;
    (void)builtin_operand(c, pos, value_kind_name(k), &args[pos - 1]);
    return false;
}

bool builtin_want_int(struct builtin_ctx *c, const struct value *args, int pos,
                      int64_t *out)
{
    const struct value *v = &args[pos - 1];
    if (value_as_int(v, out))
        return true;
    if (v->kind != V_NUMBER)
        (void)builtin_operand(c, pos, "number", v);
    else
        (void)builtin_error(c, CODE_TYPE,
                            "operand %d must be integer number but got "
                            "floating-point number",
                            pos);
    return false;
}

int64_t builtin_now(struct builtin_ctx *c)
{
    if (c->now_ns == 0) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        c->now_ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    }
    return c->now_ns;
}

// ---- caches ---------------------------------------------------------------

#define CHAINS 32

struct entry {
    const void *tag;
    struct value key;
    uint64_t hash;
    void *p;
    struct entry *next;
};

struct builtin_cache {
    struct entry *chain[CHAINS];
};

void *builtin_cache_get(const struct builtin_ctx *c, const void *tag,
                        const struct value *key)
{
    // a constant that was compiled with the rule
    if (c->compiled != NULL && tag == (const void *)c->self->compile)
        return c->compiled;
    if (c->cache == NULL)
        return NULL;
    uint64_t h = value_hash(key);
    for (const struct entry *e = c->cache->chain[h % CHAINS]; e != NULL;
         e = e->next)
        if (e->hash == h && e->tag == tag && value_equal(&e->key, key))
            return e->p;
    return NULL;
}

bool builtin_cache_put(struct builtin_ctx *c, const void *tag,
                       const struct value *key, void *p)
{
    if (c->cache == NULL)
        c->cache = arena_try(c->arena, sizeof *c->cache);
    struct entry *e = arena_try(c->arena, sizeof *e);
    if (c->cache == NULL || e == NULL) {
        (void)builtin_nomem(c);
        return false;
    }
    uint64_t h = value_hash(key);
    struct entry **at = &c->cache->chain[h % CHAINS];
    *e = (struct entry){tag, *key, h, p, *at};
    *at = e;
    return true;
}

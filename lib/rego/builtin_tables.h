/* builtin_tables.h - the families of builtins, one table each.
 *
 * Included by the families and by builtin.c.  A table ends with a NULL name.
 */
#ifndef REGO_BUILTIN_TABLES_H
#define REGO_BUILTIN_TABLES_H

#include "rego/builtin.h"

/* Rows: name, arity, types, function; with flags; with a compiled constant;
 * a name that is known and not offered. */
#define BUILTIN(n, a, t, f)                                \
    {                                                      \
        .name = (n), .arity = (a), .types = (t), .fn = (f) \
    }
#define BUILTIN_FLAGS(n, a, fl, t, f)                                     \
    {                                                                     \
        .name = (n), .arity = (a), .flags = (fl), .types = (t), .fn = (f) \
    }
#define BUILTIN_COMPILED(n, a, t, f, comp, arg)                                \
    {                                                                          \
        .name = (n), .arity = (a), .types = (t), .fn = (f), .compile = (comp), \
        .compile_arg = (arg)                                                   \
    }
#define BUILTIN_ABSENT(n, a, t, why)                             \
    {                                                            \
        .name = (n), .arity = (a), .types = (t), .absent = (why) \
    }
#define BUILTIN_END  \
    {                \
        .name = NULL \
    }

extern const struct builtin builtin_aggregates[];
extern const struct builtin builtin_arrays[];
extern const struct builtin builtin_cidr[];
extern const struct builtin builtin_digest[];
extern const struct builtin builtin_encoding[];
extern const struct builtin builtin_graph[];
extern const struct builtin builtin_json[];
extern const struct builtin builtin_jwt[];
extern const struct builtin builtin_numbers[];
extern const struct builtin builtin_objects[];
extern const struct builtin builtin_patterns[];
extern const struct builtin builtin_schema[];
extern const struct builtin builtin_semver[];
extern const struct builtin builtin_sets[];
extern const struct builtin builtin_sprintf[];
extern const struct builtin builtin_strings[];
extern const struct builtin builtin_time[];
extern const struct builtin builtin_trims[];
extern const struct builtin builtin_types[];
extern const struct builtin builtin_units[];
extern const struct builtin builtin_uri[];
extern const struct builtin builtin_uuid[];
extern const struct builtin builtin_walk[];
extern const struct builtin builtin_absent[];
extern const struct builtin builtin_yaml[];

/* The difference of two sets, which is also `-`. */
enum builtin_status builtin_set_minus(struct builtin_ctx *c,
                                      const struct value *args,
                                      struct value *out);

/* regex.globs_match, a row of builtin_patterns. */
enum builtin_status builtin_globs_match(struct builtin_ctx *c,
                                        const struct value *args,
                                        struct value *out);

#endif

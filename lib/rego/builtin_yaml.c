/* builtin_yaml.c - yaml.marshal, yaml.unmarshal, yaml.is_valid. */
#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"
#include "rego/yaml.h"

static enum builtin_status
yaml_marshal(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    struct buf b;
    builtin_buf(c, &b);
    yaml_write(&b, &args[0]);
    return builtin_give_buf(c, &b, out);
}

static enum builtin_status yaml_unmarshal(struct builtin_ctx *c,
                                          const struct value *args,
                                          struct value *out)
{
    struct err err;
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    if (!builtin_step(c, args[0].n / 4 + 1))
        return BUILTIN_FATAL;
    enum status st = yaml_parse(c->arena, value_slice(&args[0]), out, &err);
    if (st == E_TOO_BIG)
        return builtin_nomem(c);
    return st == OK ? BUILTIN_OK : builtin_fail(c, &err);
}

static enum builtin_status yaml_is_valid(struct builtin_ctx *c,
                                         const struct value *args,
                                         struct value *out)
{
    struct value ignore;
    *out = value_bool(false);
    if (args[0].kind != V_STRING)
        return BUILTIN_OK;
    if (!builtin_step(c, args[0].n / 4 + 1))
        return BUILTIN_FATAL;
    enum status st = yaml_parse(c->arena, value_slice(&args[0]), &ignore, NULL);
    if (st == E_TOO_BIG)
        return builtin_nomem(c);
    *out = value_bool(st == OK);
    return BUILTIN_OK;
}

const struct builtin builtin_yaml[] = {
    BUILTIN("yaml.marshal", 1, "a>s", yaml_marshal),
    BUILTIN("yaml.unmarshal", 1, "s>a", yaml_unmarshal),
    BUILTIN("yaml.is_valid", 1, "s>b", yaml_is_valid),
    BUILTIN_END,
};

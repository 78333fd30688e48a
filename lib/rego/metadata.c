/* metadata.c - `# METADATA` comments, and what rego.metadata.* says of them.
 *
 * A block of comment lines whose first is "# METADATA" is YAML and belongs to
 * the statement below it: to the package, or to the rule (scope `rule`), or
 * where `scope` says so to the rule's path (`document`), its package
 * (`package`) or that and all below (`subpackages`).  The calls become
 * constants at load, so nothing is left of it when policies run.
 */
#include <string.h>

#include "rego/compile.h"
#include "rego/yaml.h"

enum scope { SCOPE_RULE, SCOPE_DOCUMENT, SCOPE_PACKAGE, SCOPE_SUBPACKAGES };

static const char *const scope_names[] = {"rule", "document", "package",
                                          "subpackages"};

struct note {
    enum scope scope;
    const struct module *module;
    const struct rule *rule; /* NULL: above the package */
    struct value value;
    struct note *next;
};

struct notes {
    struct compiler *c;
    struct ast *ast;
    struct note *first, **tail;
};

// ---- reading --------------------------------------------------------------

static struct slice next_line(struct slice *rest)
{
    return slice_cut(rest, '\n');
}

static bool comment(struct slice line, struct slice *text)
{
    line = slice_trim(line);
    if (!slice_starts(line, "#"))
        return false;
    *text = slice_skip(line, 1);
    if (text->n > 0 && text->p[text->n - 1] == '\r')
        text->n--;
    return true;
}

/* What the block that ends in `row` belongs to: the statement that comes
 * first below it. */
static const struct rule *owner(const struct module *m, uint32_t row,
                                bool *found)
{
    const struct rule *best = NULL;
    *found = m->package->loc.row > row;
    for (uint32_t i = 0; !*found && i < m->nrules; i++)
        if (m->rules[i]->loc.row > row &&
            (best == NULL || m->rules[i]->loc.row < best->loc.row))
            best = m->rules[i];
    *found |= best != NULL;
    return best;
}

static void put(struct value_list *l, const char *key, struct value v)
{
    value_list_add(l, value_str(slice_str(key)));
    value_list_add(l, v);
}

/* "Name <mail>" as {"name", "email"}; objects stay. */
static struct value author(struct ast *a, const struct value *v)
{
    if (v->kind != V_STRING)
        return *v;
    struct slice name = value_slice(v), mail = {NULL, 0};
    size_t at = slice_find(name, '<');
    if (at < name.n && name.p[name.n - 1] == '>') {
        mail = slice(name.p + at + 1, name.n - at - 2);
        name = slice_trim(slice(name.p, at));
    }
    struct value_list l;
    value_list_init(&l, a->arena);
    if (name.n > 0)
        put(&l, "name", value_str(name));
    if (mail.n > 0)
        put(&l, "email", value_str(mail));
    return value_list_object(&l);
}

static struct value resource(struct ast *a, const struct value *v)
{
    struct value_list l;
    if (v->kind != V_STRING)
        return *v;
    value_list_init(&l, a->arena);
    put(&l, "ref", *v);
    return value_list_object(&l);
}

static struct value each(struct ast *a, const struct value *list,
                         struct value (*fn)(struct ast *, const struct value *))
{
    if (list->kind != V_ARRAY)
        return *list;
    struct value *items = ast_alloc(a, list->n * sizeof *items);
    for (uint32_t i = 0; i < list->n; i++)
        items[i] = fn(a, &list->u.v[i]);
    return value_array(items, list->n);
}

static bool settle(struct notes *n, struct note *x, const struct value *yaml,
                   struct loc loc)
{
    struct ast *a = n->ast;
    struct value_list l;
    value_list_init(&l, a->arena);
    x->scope = x->rule != NULL ? SCOPE_RULE : SCOPE_PACKAGE;
    for (uint32_t i = 0; yaml->kind == V_OBJECT && i < yaml->n; i++) {
        const struct value *key = &yaml->u.v[2 * i], *v = key + 1;
        struct slice name =
            key->kind == V_STRING ? value_slice(key) : slice("", 0);
        if (slice_is(name, "scope")) {
            size_t s = 0;
            while (s < 4 && !(v->kind == V_STRING &&
                              slice_is(value_slice(v), scope_names[s])))
                s++;
            if (s == 4) {
                ast_error(a, loc, CODE_PARSE, "invalid annotation scope");
                return false;
            }
            x->scope = (enum scope)s;
            continue;
        }
        value_list_add(&l, *key);
        value_list_add(&l, slice_is(name, "authors") ? each(a, v, author)
                           : slice_is(name, "related_resources")
                               ? each(a, v, resource)
                               : *v);
    }
    put(&l, "scope", value_str(slice_str(scope_names[x->scope])));
    x->value = value_list_object(&l);
    return true;
}

static void add(struct notes *n, const struct module *m, struct slice text,
                uint32_t row, uint32_t last)
{
    struct ast *a = n->ast;
    struct loc loc = {m->file, row, 1};
    struct value yaml;
    struct err err;
    bool found;
    const struct rule *r = owner(m, last, &found);
    if (!found)
        return;
    enum status st = yaml_parse(a->arena, text, &yaml, &err);
    if (st == E_TOO_BIG)
        longjmp(*a->nomem, 1);
    if (st != OK || (yaml.kind != V_OBJECT && yaml.kind != V_NULL)) {
        ast_error(a, loc, CODE_PARSE, "%s",
                  st != OK ? err.text : "annotations must be an object");
        return;
    }
    struct note *x = ast_alloc(a, sizeof *x);
    x->module = m;
    x->rule = r;
    if (!settle(n, x, &yaml, loc))
        return;
    *n->tail = x;
    n->tail = &x->next;
}

static void read_module(struct notes *n, const struct module *m)
{
    struct slice rest = m->text, text;
    uint32_t row = 0;
    while (rest.p != NULL) {
        row++;
        if (!comment(next_line(&rest), &text) ||
            !slice_is(slice_trim(text), "METADATA"))
            continue;
        struct buf b;
        buf_init(&b, 1 << 20);
        uint32_t from = row;
        while (rest.p != NULL) {
            struct slice look = rest;
            if (!comment(next_line(&look), &text))
                break;
            rest = look;
            row++;
            buf_slice(&b, text);
            buf_char(&b, '\n');
        }
        struct slice all = arena_dup(n->ast->arena, buf_get(&b));
        buf_release(&b);
        if (all.p == NULL)
            longjmp(*n->ast->nomem, 1);
        add(n, m, all, from, row);
    }
}

// ---- answering ------------------------------------------------------------

/* The path of a rule (its constant part) or of its package, without data. */
static struct value path_of(struct ast *a, const struct module *m,
                            const struct rule *r)
{
    struct value_list l;
    value_list_init(&l, a->arena);
    for (uint32_t i = 1; i < m->package->n; i++)
        value_list_add(&l, m->package->items[i]->value);
    if (r != NULL) {
        value_list_add(&l, value_str(r->ref->items[0]->sym->name));
        for (uint32_t i = 1; i < r->ref->n; i++)
            if (r->ref->items[i]->kind == T_CONST)
                value_list_add(&l, r->ref->items[i]->value);
    }
    return value_list_array(&l);
}

static struct value link_of(struct ast *a, struct value path,
                            const struct note *x)
{
    struct value_list l;
    value_list_init(&l, a->arena);
    put(&l, "path", path);
    if (x != NULL)
        put(&l, "annotations", x->value);
    return value_list_object(&l);
}

static const struct note *of_rule(const struct notes *n, const struct rule *r)
{
    const struct note *last = NULL;
    for (const struct note *x = n->first; x != NULL; x = x->next)
        if (x->scope == SCOPE_RULE && x->rule == r)
            last = x;
    return last;
}

static bool begins_with(const struct value *path, const struct value *with)
{
    for (uint32_t i = 0; i < with->n; i++)
        if (i >= path->n || !value_equal(&path->u.v[i], &with->u.v[i]))
            return false;
    return true;
}

/* From the rule upwards: rule, document, package, packages above. */
static struct value chain(const struct notes *n, const struct rule *r)
{
    struct ast *a = n->ast;
    struct value path = path_of(a, r->module, r);
    struct value package = path_of(a, r->module, NULL);
    struct value_list l;
    value_list_init(&l, a->arena);
    value_list_add(&l, link_of(a, path, of_rule(n, r)));
    for (const struct note *x = n->first; x != NULL; x = x->next) {
        if (x->scope != SCOPE_DOCUMENT || x->rule == NULL)
            continue;
        struct value p = path_of(a, x->module, x->rule);
        if (value_equal(&p, &path))
            value_list_add(&l, link_of(a, path, x));
    }
    for (uint32_t up = package.n + 1; up-- > 0;)
        for (const struct note *x = n->first; x != NULL; x = x->next) {
            struct value p = path_of(a, x->module, NULL);
            bool here = p.n == up && begins_with(&package, &p);
            if (here && (x->scope == SCOPE_SUBPACKAGES ||
                         (x->scope == SCOPE_PACKAGE && up == package.n)))
                value_list_add(&l, link_of(a, p, x));
        }
    return value_list_array(&l);
}

static void replace_in(const struct notes *n, const struct rule *r,
                       struct body *b);

static void replace(const struct notes *n, const struct rule *r, struct term *t)
{
    for (uint32_t i = 0; i < t->n; i++)
        replace(n, r, t->items[i]);
    if (t->body != NULL)
        replace_in(n, r, t->body);
    if (t->kind != T_CALL || t->n != 1 || t->items[0]->kind != T_REF)
        return;
    struct slice name = ast_call_name(n->ast, t);
    const struct note *x = of_rule(n, r);
    if (slice_is(name, "rego.metadata.rule"))
        t->value = x != NULL ? x->value : value_object(NULL, 0);
    else if (slice_is(name, "rego.metadata.chain"))
        t->value = chain(n, r);
    else
        return;
    t->kind = T_CONST;
    t->n = 0;
}

static void replace_in(const struct notes *n, const struct rule *r,
                       struct body *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        struct expr *e = b->e[i];
        if (e->term != NULL)
            replace(n, r, e->term);
        if (e->kind == E_CALL && e->term->kind != T_CALL)
            e->kind = E_TERM;
        for (uint32_t j = 0; j < e->nwith; j++)
            replace(n, r, e->with[j].value);
        if (e->body != NULL)
            replace_in(n, r, e->body);
    }
}

static bool mentioned(const struct module *m, const char *what)
{
    return memmem(m->text.p, m->text.n, what, strlen(what)) != NULL;
}

void metadata_calls(struct compiler *c)
{
    struct notes n = {.c = c, .ast = &c->ast};
    n.tail = &n.first;
    bool asked = false;
    for (uint32_t i = 0; i < c->nmodules; i++)
        asked |= mentioned(c->modules[i], "rego.metadata.");
    for (uint32_t i = 0; asked && i < c->nmodules; i++)
        if (mentioned(c->modules[i], "METADATA"))
            read_module(&n, c->modules[i]);
    for (uint32_t i = 0; asked && i < c->nmodules; i++)
        for (uint32_t j = 0; j < c->modules[i]->nrules; j++)
            for (struct rule *r = c->modules[i]->rules[j]; r != NULL;
                 r = r->else_rule) {
                replace_in(&n, r, r->body);
                if (r->key != NULL)
                    replace(&n, r, r->key);
                if (r->value != NULL)
                    replace(&n, r, r->value);
            }
}

/* builtin_json.c - json.filter, json.remove, json.patch.
 *
 * Filter and remove build a tree of the paths and walk the document beside
 * it.  Patch applies one operation after another; each copies the containers
 * on its path and shares the rest, values being immutable.
 */
#include <string.h>

#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"

/* ---- paths -------------------------------------------------------------- */

/* "a/b~1c" without a leading slash as ["a", "b/c"]. V_UNDEF: no memory. */
static struct value split_path(struct builtin_ctx *c, struct slice s)
{
    struct value_list l = builtin_list(c);
    while (s.n > 0 && s.p[0] == '/')
        s = slice_skip(s, 1);
    struct slice rest = s;
    while (rest.p != NULL) {
        struct slice part = slice_cut(&rest, '/');
        if (memchr(part.p, '~', part.n) != NULL) {
            char *copy = builtin_alloc(c, part.n);
            if (copy == NULL)
                return value_undef();
            size_t n = 0;
            for (size_t i = 0; i < part.n; i++) {
                bool esc = part.p[i] == '~' && i + 1 < part.n &&
                           (part.p[i + 1] == '0' || part.p[i + 1] == '1');
                copy[n++] = !esc ? part.p[i] : part.p[++i] == '0' ? '~' : '/';
            }
            part = slice(copy, n);
        }
        value_list_add(&l, value_str(part));
    }
    return value_list_array(&l);
}

/* Operand 2's element as an array of segments; V_UNDEF: ctx is set. */
static struct value path_of(struct builtin_ctx *c, const struct value *v)
{
    if (v->kind == V_ARRAY)
        return *v;
    if (v->kind == V_STRING) {
        struct value p =
            v->n == 0 ? value_array(NULL, 0) : split_path(c, value_slice(v));
        if (p.kind == V_UNDEF)
            (void)builtin_nomem(c);
        return p;
    }
    (void)builtin_operand(c, 2,
                          "one of {set, array} containing string paths or "
                          "array of path segments",
                          v);
    return value_undef();
}

struct node {
    struct value key;
    struct node *child, *next;
    bool leaf; // everything below
};

static struct node *find(struct node *n, const struct value *key)
{
    for (struct node *k = n->child; k != NULL; k = k->next)
        if (value_equal(&k->key, key))
            return k;
    return NULL;
}

static enum builtin_status add_path(struct builtin_ctx *c, struct node *root,
                                    const struct value *path)
{
    struct node *n = root;
    for (uint32_t i = 0; i < path->n && !n->leaf; i++) {
        struct node *k = find(n, &path->u.v[i]);
        size_t siblings = 0;
        for (const struct node *s = n->child; s != NULL; s = s->next)
            siblings++;
        if (!builtin_step(c, siblings + 1))
            return BUILTIN_FATAL;
        if (k == NULL) {
            k = builtin_alloc(c, sizeof *k);
            if (k == NULL)
                return BUILTIN_FATAL;
            k->key = path->u.v[i];
            k->next = n->child;
            n->child = k;
        }
        n = k;
    }
    n->leaf = n->leaf || path->n > 0;
    return BUILTIN_OK;
}

static enum builtin_status build(struct builtin_ctx *c,
                                 const struct value *args, struct node *root)
{
    if (!builtin_want(c, args, 1, V_OBJECT))
        return BUILTIN_ERROR;
    if (args[1].kind != V_ARRAY && args[1].kind != V_SET)
        return builtin_operand(c, 2, "one of {set, array}", &args[1]);
    for (uint32_t i = 0; i < args[1].n; i++) {
        c->code = NULL;
        struct value path = path_of(c, &args[1].u.v[i]);
        if (path.kind == V_UNDEF)
            return c->code != NULL && strcmp(c->code, CODE_TYPE) == 0
                       ? BUILTIN_ERROR
                       : BUILTIN_FATAL;
        enum builtin_status st = add_path(c, root, &path);
        if (st != BUILTIN_OK)
            return st;
    }
    return BUILTIN_OK;
}

/* How a path names the i-th child: in arrays by the decimal text. */
static struct node *child_of(struct node *n, const struct value *v, uint32_t i,
                             bool object)
{
    if (v->kind == V_ARRAY) {
        char text[16];
        int len = snprintf(text, sizeof text, "%u", i);
        struct value key = value_str(slice(text, (size_t)len));
        return find(n, &key);
    }
    return find(n, &v->u.v[object ? 2 * (size_t)i : i]);
}

/* What of `v` the tree keeps (or, with `drop`, leaves). */
static enum builtin_status prune(struct builtin_ctx *c, struct node *n,
                                 const struct value *v, bool drop,
                                 struct value *out)
{
    bool object = v->kind == V_OBJECT;
    *out = *v;
    if (!object && v->kind != V_ARRAY && v->kind != V_SET)
        return BUILTIN_OK;
    size_t names = 0;
    for (const struct node *k = n->child; k != NULL; k = k->next)
        names++;
    struct value_list l = builtin_list(c);
    for (uint32_t i = 0; i < v->n; i++) {
        if (!builtin_step(c, names + 1))
            return BUILTIN_FATAL;
        struct node *k = child_of(n, v, i, object);
        if (drop ? k != NULL && k->leaf : k == NULL)
            continue;
        const struct value *e = &v->u.v[object ? 2 * (size_t)i + 1 : i];
        struct value below = *e;
        if (k != NULL && !k->leaf) {
            enum builtin_status st = prune(c, k, e, drop, &below);
            if (st != BUILTIN_OK)
                return st;
        }
        if (object)
            value_list_add(&l, e[-1]);
        value_list_add(&l, below);
    }
    *out = object               ? value_list_object(&l)
           : v->kind == V_ARRAY ? value_list_array(&l)
                                : value_list_set(&l);
    return out->kind != V_UNDEF ? BUILTIN_OK : builtin_nomem(c);
}

static enum builtin_status filter(struct builtin_ctx *c,
                                  const struct value *args, struct value *out)
{
    struct node root = {0};
    enum builtin_status st = build(c, args, &root);
    return st == BUILTIN_OK ? prune(c, &root, &args[0], false, out) : st;
}

static enum builtin_status
remove_paths(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    struct node root = {0};
    enum builtin_status st = build(c, args, &root);
    return st == BUILTIN_OK ? prune(c, &root, &args[0], true, out) : st;
}

/* ---- patch -------------------------------------------------------------- */

enum edit { EDIT_ADD, EDIT_REMOVE, EDIT_REPLACE };

/* Index `key` into an array of n: "2", 2, and with `end` also n and "-". */
static bool index_of(const struct value *key, uint32_t n, bool end,
                     uint32_t *out)
{
    int64_t i = 0;
    if (key->kind == V_NUMBER) {
        if (!value_as_int(key, &i))
            return false;
    } else if (key->kind == V_STRING) {
        struct slice s = value_slice(key);
        if (slice_is(s, "-") && end) {
            *out = n;
            return true;
        }
        if (s.n == 0 || s.n > 9 || (s.n > 1 && s.p[0] == '0'))
            return false;
        for (size_t k = 0; k < s.n; k++) {
            if (s.p[k] < '0' || s.p[k] > '9')
                return false;
            i = i * 10 + (s.p[k] - '0');
        }
    } else {
        return false;
    }
    if (i < 0 || i > n || (i == n && !end))
        return false;
    *out = (uint32_t)i;
    return true;
}

static const struct value *step_into(const struct value *v,
                                     const struct value *key)
{
    uint32_t i;
    if (v->kind == V_ARRAY)
        return index_of(key, v->n, false, &i) ? &v->u.v[i] : NULL;
    if (v->kind == V_OBJECT || v->kind == V_SET)
        return value_lookup(v, key);
    return NULL;
}

static const struct value *at_path(const struct value *v,
                                   const struct value *path)
{
    for (uint32_t i = 0; i < path->n && v != NULL; i++)
        v = step_into(v, &path->u.v[i]);
    return v;
}

static enum builtin_status
edit_array(struct builtin_ctx *c, enum edit op, const struct value *v,
           const struct value *key, const struct value *with, struct value *out)
{
    uint32_t at, n = v->n;
    if (!index_of(key, n, op == EDIT_ADD, &at))
        return BUILTIN_UNDEFINED;
    struct value *a = builtin_values(c, (size_t)n + 1);
    if (a == NULL)
        return BUILTIN_FATAL;
    // element by element: an empty array has no memory to copy from
    size_t to = 0;
    for (uint32_t i = 0; i < at; i++)
        a[to++] = v->u.v[i];
    if (op != EDIT_REMOVE)
        a[to++] = *with;
    for (uint32_t i = op == EDIT_ADD ? at : at + 1; i < n; i++)
        a[to++] = v->u.v[i];
    *out = value_array(a, to);
    return BUILTIN_OK;
}

static enum builtin_status edit_object(struct builtin_ctx *c, enum edit op,
                                       const struct value *v,
                                       const struct value *key,
                                       const struct value *with,
                                       struct value *out)
{
    if (op != EDIT_ADD && value_get(v, key) == NULL)
        return BUILTIN_UNDEFINED;
    struct value_list l = builtin_list(c);
    for (uint32_t i = 0; i < v->n; i++) {
        const struct value *pair = &v->u.v[2 * (size_t)i];
        if (value_equal(pair, key))
            continue;
        value_list_add(&l, pair[0]);
        value_list_add(&l, pair[1]);
    }
    if (op != EDIT_REMOVE) {
        value_list_add(&l, *key);
        value_list_add(&l, *with);
    }
    return builtin_give(c, value_list_object(&l), out);
}

/* In a set the key is the element; what is added must be its key. */
static enum builtin_status edit_set(struct builtin_ctx *c, enum edit op,
                                    const struct value *v,
                                    const struct value *key,
                                    const struct value *with, struct value *out)
{
    if (op != EDIT_ADD && value_set_find(v, key) == NULL)
        return BUILTIN_UNDEFINED;
    if (op == EDIT_ADD && !value_equal(key, with))
        return BUILTIN_UNDEFINED;
    struct value_list l = builtin_list(c);
    for (uint32_t i = 0; i < v->n; i++)
        if (!value_equal(&v->u.v[i], key))
            value_list_add(&l, v->u.v[i]);
    if (op != EDIT_REMOVE)
        value_list_add(&l, *with);
    return builtin_give(c, value_list_set(&l), out);
}

static enum builtin_status
edit_child(struct builtin_ctx *c, enum edit op, const struct value *v,
           const struct value *key, const struct value *with, struct value *out)
{
    if (!builtin_step(c, (uint64_t)v->n + 1))
        return BUILTIN_FATAL;
    if (v->kind == V_ARRAY)
        return edit_array(c, op, v, key, with, out);
    if (v->kind == V_OBJECT)
        return edit_object(c, op, v, key, with, out);
    if (v->kind == V_SET)
        return edit_set(c, op, v, key, with, out);
    return BUILTIN_UNDEFINED;
}

/* `v` with the edit at path[from ..]. */
static enum builtin_status edit(struct builtin_ctx *c, enum edit op,
                                const struct value *v, const struct value *path,
                                uint32_t from, const struct value *with,
                                struct value *out)
{
    if (from == path->n) { // the whole document
        if (op == EDIT_REMOVE)
            return BUILTIN_UNDEFINED;
        *out = *with;
        return BUILTIN_OK;
    }
    const struct value *key = &path->u.v[from];
    if (from + 1 == path->n)
        return edit_child(c, op, v, key, with, out);
    const struct value *below = step_into(v, key);
    struct value changed, ignore;
    if (below == NULL)
        return BUILTIN_UNDEFINED;
    enum builtin_status st = edit(c, op, below, path, from + 1, with, &changed);
    if (st != BUILTIN_OK)
        return st;
    if (v->kind != V_SET)
        return edit_child(c, EDIT_REPLACE, v, key, &changed, out);
    st = edit_set(c, EDIT_REMOVE, v, key, NULL, &ignore);
    return st == BUILTIN_OK
               ? edit_set(c, EDIT_ADD, &ignore, &changed, &changed, out)
               : st;
}

enum op { OP_ADD, OP_REMOVE, OP_REPLACE, OP_MOVE, OP_COPY, OP_TEST, OPS };

static const struct {
    const char *name;
    bool from, value; // attributes it needs
} ops[OPS] = {
    [OP_ADD] = {"add", false, true},
    [OP_REMOVE] = {"remove", false, false},
    [OP_REPLACE] = {"replace", false, true},
    [OP_MOVE] = {"move", true, false},
    [OP_COPY] = {"copy", true, false},
    [OP_TEST] = {"test", false, true},
};

/* One operation, read and checked. */
struct patch {
    enum op op;
    struct value path, from; // arrays of segments
    const struct value *with;
};

static enum builtin_status read_patch(struct builtin_ctx *c,
                                      const struct value *v, struct patch *p)
{
    const struct value *op = value_get_str(v, SLICE("op"));
    const struct value *to = value_get_str(v, SLICE("path"));
    const struct value *from = value_get_str(v, SLICE("from"));
    p->with = value_get_str(v, SLICE("value"));
    p->op = 0;
    while (p->op < OPS && (op == NULL || op->kind != V_STRING ||
                           !slice_is(value_slice(op), ops[p->op].name)))
        p->op++;
    if (p->op == OPS)
        return builtin_error(c, CODE_TYPE,
                             "operand 2 must be an array of patches with a "
                             "known op");
    if (to == NULL || (ops[p->op].from && from == NULL) ||
        (ops[p->op].value && p->with == NULL))
        return builtin_error(c, CODE_TYPE,
                             "operand 2 must be an array of patches with all "
                             "their attributes");
    p->path = path_of(c, to);
    if (p->path.kind != V_UNDEF && ops[p->op].from)
        p->from = path_of(c, from);
    return p->path.kind != V_UNDEF &&
                   (!ops[p->op].from || p->from.kind != V_UNDEF)
               ? BUILTIN_OK
               : BUILTIN_ERROR;
}

#define NESTING_MAX 256

/* Counts the nodes of `v`, which is to stand `depth` levels deep: copying a
 * document into itself makes it large and deep with few operations. */
static enum builtin_status measure(struct builtin_ctx *c, const struct value *v,
                                   uint32_t depth)
{
    if (!builtin_step(c, 1))
        return BUILTIN_FATAL;
    if (v->kind != V_ARRAY && v->kind != V_OBJECT && v->kind != V_SET)
        return BUILTIN_OK;
    if (depth >= NESTING_MAX)
        return builtin_error(c, CODE_BUILTIN, "document nests too deeply");
    uint32_t n = v->kind == V_OBJECT ? 2 * v->n : v->n;
    for (uint32_t i = 0; i < n; i++) {
        enum builtin_status st = measure(c, &v->u.v[i], depth + 1);
        if (st != BUILTIN_OK)
            return st;
    }
    return BUILTIN_OK;
}

static enum builtin_status apply(struct builtin_ctx *c, const struct value *v,
                                 struct value *doc)
{
    static const enum edit edits[OPS] = {
        [OP_ADD] = EDIT_ADD,  [OP_REMOVE] = EDIT_REMOVE,
        [OP_MOVE] = EDIT_ADD, [OP_REPLACE] = EDIT_REPLACE,
        [OP_COPY] = EDIT_ADD, [OP_TEST] = EDIT_ADD};
    struct patch p;
    struct value source;
    enum builtin_status st = read_patch(c, v, &p);
    if (st != BUILTIN_OK)
        return st;
    if (ops[p.op].from) {
        const struct value *found = at_path(doc, &p.from);
        if (found == NULL)
            return BUILTIN_UNDEFINED;
        source = *found;
        p.with = &source;
        if (p.op == OP_MOVE)
            st = edit(c, EDIT_REMOVE, doc, &p.from, 0, NULL, doc);
        if (st != BUILTIN_OK)
            return st;
    }
    if (p.op == OP_TEST) {
        const struct value *found = at_path(doc, &p.path);
        return found != NULL && value_equal(found, p.with) ? BUILTIN_OK
                                                           : BUILTIN_UNDEFINED;
    }
    if (p.with != NULL)
        st = measure(c, p.with, p.path.n);
    return st == BUILTIN_OK ? edit(c, edits[p.op], doc, &p.path, 0, p.with, doc)
                            : st;
}

static enum builtin_status patch(struct builtin_ctx *c,
                                 const struct value *args, struct value *out)
{
    if (!builtin_want(c, args, 2, V_ARRAY))
        return BUILTIN_ERROR;
    struct value doc = args[0];
    for (uint32_t i = 0; i < args[1].n; i++) {
        const struct value *p = &args[1].u.v[i];
        if (p->kind != V_OBJECT)
            return builtin_operand(c, 2, "array of objects", p);
        enum builtin_status st = apply(c, p, &doc);
        if (st != BUILTIN_OK)
            return st;
    }
    *out = doc;
    return BUILTIN_OK;
}

const struct builtin builtin_json[] = {
    BUILTIN("json.filter", 2, "(a)|[|s[a]|]{|s[a]|}|>(a)", filter),
    BUILTIN("json.remove", 2, "(a)|[|s[a]|]{|s[a]|}|>(a)", remove_paths),
    BUILTIN("json.patch", 2, "a[(a)]>a", patch),
    BUILTIN_END,
};

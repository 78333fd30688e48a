/* plan.c - ordered, flat bodies to statements.
 *
 * The planner walks a body once and keeps the set of bound variables; each
 * variable is a slot of the rule's frame.  Closures share the frame: their
 * variables have slots of their own, so nothing must be copied in.
 *
 * Unification: both sides known - a test; one side an unbound variable - an
 * assignment; a pattern against a value - checks of shape, then its parts; two
 * patterns - part by part, those that cannot be done yet being put off.
 */
#include "rego/plan.h"

#include <string.h>

struct slot {
    struct sym *sym;
    bool bound;
};

struct planner {
    struct compiler *c;
    struct ast *ast;
    struct slot *slots;
    uint32_t nslots, cap;
    struct stmt **tail; /* where the next statement goes */
};

static struct operand known(struct planner *p, const struct term *t);
static const struct stmt *closure(struct planner *p, const struct body *b,
                                  enum stmt_op end);
static void plan_body(struct planner *p, const struct body *b);

// ---- slots ----------------------------------------------------------------

static uint32_t new_slot(struct planner *p, struct sym *sym)
{
    if (p->nslots == p->cap) {
        uint32_t cap = p->cap == 0 ? 16 : p->cap * 2;
        struct slot *list = ast_alloc(p->ast, cap * sizeof *list);
        if (p->nslots > 0)
            memcpy(list, p->slots, p->nslots * sizeof *list);
        p->slots = list;
        p->cap = cap;
    }
    p->slots[p->nslots] = (struct slot){.sym = sym};
    return p->nslots++;
}

static uint32_t slot_of(struct planner *p, struct sym *sym)
{
    for (uint32_t i = 0; i < p->nslots; i++)
        if (p->slots[i].sym == sym)
            return i;
    return new_slot(p, sym);
}

static uint32_t temp(struct planner *p)
{
    uint32_t i = new_slot(p, NULL);
    p->slots[i].bound = true;
    return i;
}

static bool unbound(struct planner *p, const struct term *t)
{
    if (t->kind != T_VAR)
        return false;
    uint32_t i = slot_of(p, t->sym); // may move the table
    return !p->slots[i].bound;
}

/* True if all variables of `t` (not those inside closures) are bound. */
static bool is_known(struct planner *p, const struct term *t)
{
    if (t->kind == T_VAR)
        return !unbound(p, t);
    if (t->kind == T_CONST || t->body != NULL)
        return true;
    for (uint32_t i = 0; i < t->n; i++)
        if (!(t->kind == T_REF && i == 0 && t->items[0]->kind == T_VAR &&
              (t->items[0]->sym == p->ast->s_data ||
               t->items[0]->sym == p->ast->s_input)) &&
            !is_known(p, t->items[i]))
            return false;
    return true;
}

static struct stmt *emit(struct planner *p, enum stmt_op op, struct loc loc)
{
    struct stmt *s = ast_alloc(p->ast, sizeof *s);
    s->op = op;
    s->loc = loc;
    s->dst = NO_SLOT;
    *p->tail = s;
    // the planner alone writes `next`, before the plan is handed out
    p->tail = (struct stmt **)(uintptr_t)&s->next;
    return s;
}

static struct operand in_slot(uint32_t slot)
{
    return (struct operand){.kind = O_SLOT, .n = slot};
}

static struct operand constant(struct value v)
{
    return (struct operand){.kind = O_CONST, .value = v};
}

// ---- references -----------------------------------------------------------

/* data.a.b.c with rules at data.a.b: no need to search for them later. */
static void find_rule(struct planner *p, struct stmt *s)
{
    const struct node *n = p->c->root;
    uint32_t i = 0;
    for (; i < s->walk.npath && n != NULL && n->plan == NULL; i++) {
        const struct step *x = &s->walk.path[i];
        if (x->binds || x->key.kind != O_CONST)
            return;
        n = tree_child(n, &x->key.value);
    }
    if (n == NULL || n->plan == NULL || n->is_func)
        return;
    s->walk.set = n->plan;
    s->walk.rest = i;
    s->walk.direct = true;
    for (; i < s->walk.npath; i++)
        s->walk.direct &= !s->walk.path[i].binds;
}

/* An unbound element of a path becomes a slot; a pattern is matched against
 * it afterwards. */
struct later {
    const struct term *pattern[64];
    uint32_t slot[64];
    uint32_t n;
};

static void unify_slot(struct planner *p, const struct term *t, uint32_t slot);

static struct step path_step(struct planner *p, const struct term *t,
                             struct later *later)
{
    if (is_known(p, t))
        return (struct step){known(p, t), false};
    uint32_t slot;
    if (t->kind == T_VAR) {
        slot = slot_of(p, t->sym);
        p->slots[slot].bound = true;
    } else {
        slot = temp(p);
        if (later->n < 64) {
            later->pattern[later->n] = t;
            later->slot[later->n++] = slot;
        } else {
            ast_error(p->ast, t->loc, CODE_COMPILE,
                      "too many patterns in one reference");
        }
    }
    return (struct step){in_slot(slot), true};
}

/* Remembers which member of input a reference begins at. */
static void note_read(struct compiler *c, const struct term *ref)
{
    struct value name;
    if (c->reads_all)
        return;
    if (ref->n < 2 || !ast_fold(&c->ast, ref->items[1], &name) ||
        name.kind != V_STRING) {
        c->reads_all = true;
        return;
    }
    for (uint32_t i = 0; i < c->nreads; i++)
        if (value_compare(&c->reads[i], &name) == 0)
            return;
    if ((c->nreads & (c->nreads - 1)) == 0) { // full at powers of two
        struct value *more =
            ast_alloc(&c->ast, (c->nreads * 2 + 1) * sizeof *more);
        if (c->nreads > 0)
            memcpy(more, c->reads, c->nreads * sizeof *more);
        c->reads = more;
    }
    c->reads[c->nreads++] = name;
}

static void plan_ref(struct planner *p, const struct term *t, uint32_t dst)
{
    const struct term *head = t->items[0];
    struct later later = {.n = 0};
    enum walk_root root = ROOT_SLOT;
    struct operand base = {.kind = O_CONST};
    if (head->kind == T_VAR && head->sym == p->ast->s_data)
        root = ROOT_DATA;
    else if (head->kind == T_VAR && head->sym == p->ast->s_input)
        root = ROOT_INPUT;
    else
        base = known(p, head);
    if (root == ROOT_INPUT)
        note_read(p->c, t);
    struct step *path = ast_alloc(p->ast, t->n * sizeof *path);
    bool binds = false;
    for (uint32_t i = 1; i < t->n; i++) {
        path[i - 1] = path_step(p, t->items[i], &later);
        binds |= path[i - 1].binds;
    }
    struct stmt *s = emit(p,
                          binds || root == ROOT_DATA ? S_WALK
                          : root == ROOT_INPUT       ? S_INPUT
                                                     : S_GET,
                          t->loc);
    s->a = base;
    s->dst = dst;
    s->walk.root = root;
    s->walk.npath = t->n - 1;
    s->walk.path = path;
    if (root == ROOT_DATA)
        find_rule(p, s);
    for (uint32_t i = 0; i < later.n; i++)
        unify_slot(p, later.pattern[i], later.slot[i]);
}

// ---- comprehensions -------------------------------------------------------

static void plan_comprehension(struct planner *p, const struct term *t,
                               uint32_t dst)
{
    struct stmt *s = emit(p, S_COMP, t->loc);
    s->dst = dst;
    s->inner.kind = t->kind == T_ARRAY_COMP ? COMP_ARRAY
                    : t->kind == T_SET_COMP ? COMP_SET
                                            : COMP_OBJECT;
    struct stmt **tail = p->tail;
    const struct stmt *entry = NULL;
    p->tail = (struct stmt **)(uintptr_t)&entry;
    uint32_t n = p->nslots;
    bool *was = ast_alloc(p->ast, n + 1);
    for (uint32_t i = 0; i < n; i++)
        was[i] = p->slots[i].bound;
    plan_body(p, t->body);
    s->a = known(p, t->items[0]);
    if (t->kind == T_OBJECT_COMP)
        s->b = known(p, t->items[1]);
    emit(p, S_YIELD, t->loc);
    for (uint32_t i = 0; i < p->nslots; i++)
        if (p->slots[i].sym != NULL)
            p->slots[i].bound = i < n && was[i];
    s->inner.body = entry;
    p->tail = tail;
}

// ---- operands -------------------------------------------------------------

static struct operand known_list(struct planner *p, const struct term *t)
{
    struct operand *items = ast_alloc(p->ast, t->n * sizeof *items);
    for (uint32_t i = 0; i < t->n; i++)
        items[i] = known(p, t->items[i]);
    return (struct operand){.kind = t->kind == T_ARRAY ? O_ARRAY
                                    : t->kind == T_SET ? O_SET
                                                       : O_OBJECT,
                            .n = t->n,
                            .items = items};
}

/* The operand of a term whose variables are all bound; references and
 * comprehensions are computed first. */
static struct operand known(struct planner *p, const struct term *t)
{
    struct value v;
    uint32_t slot;
    if (ast_fold(p->ast, t, &v))
        return constant(v);
    switch (t->kind) {
    case T_VAR:
        if (t->sym == p->ast->s_data || t->sym == p->ast->s_input) {
            struct term ref = {.kind = T_REF, .loc = t->loc};
            ast_push(p->ast, &ref, ast_var(p->ast, t->sym, t->loc));
            slot = temp(p);
            plan_ref(p, &ref, slot);
            return in_slot(slot);
        }
        slot = slot_of(p, t->sym);
        if (!p->slots[slot].bound)
            ast_error(p->ast, t->loc, CODE_UNSAFE, "var %.*s is unsafe",
                      SLICE_FMT(t->sym->name));
        return in_slot(slot);
    case T_REF:
        slot = temp(p);
        plan_ref(p, t, slot);
        return in_slot(slot);
    case T_ARRAY_COMP:
    case T_SET_COMP:
    case T_OBJECT_COMP:
        slot = temp(p);
        plan_comprehension(p, t, slot);
        return in_slot(slot);
    case T_ARRAY:
    case T_SET:
    case T_OBJECT:
        return known_list(p, t);
    case T_CONST:
    case T_CALL:
    case T_TEMPLATE:
        break;
    }
    ast_error(p->ast, t->loc, CODE_COMPILE, "term cannot be planned");
    return constant(value_null());
}

/* The slot that holds a known term. */
static uint32_t into_slot(struct planner *p, const struct term *t)
{
    struct operand o = known(p, t);
    if (o.kind == O_SLOT)
        return o.n;
    struct stmt *s = emit(p, S_SET, t->loc);
    s->dst = temp(p);
    s->a = o;
    return s->dst;
}

// ---- unification ----------------------------------------------------------

static void bind(struct planner *p, const struct term *var,
                 const struct term *t)
{
    uint32_t slot = slot_of(p, var->sym);
    if (t->kind == T_REF) {
        plan_ref(p, t, slot);
    } else if (t->body != NULL) {
        plan_comprehension(p, t, slot);
    } else {
        struct operand o = known(p, t);
        struct stmt *s = emit(p, S_SET, t->loc);
        s->a = o;
        s->dst = slot;
    }
    p->slots[slot].bound = true;
}

static void test_equal(struct planner *p, struct operand a, struct operand b,
                       struct loc loc)
{
    struct stmt *s = emit(p, S_EQUAL, loc);
    s->a = a;
    s->b = b;
}

/* A part of a pattern against what `get` (emitted here) takes out. */
static void unify_part(struct planner *p, const struct term *part,
                       enum stmt_op get, uint32_t slot, uint32_t index,
                       const struct term *key)
{
    struct operand k = {.kind = O_CONST};
    if (key != NULL)
        k = known(p, key);
    struct stmt *s = emit(p, get, part->loc);
    s->a = in_slot(slot);
    s->n = index;
    s->b = k;
    if (unbound(p, part)) {
        s->dst = slot_of(p, part->sym);
        p->slots[s->dst].bound = true;
        return;
    }
    s->dst = temp(p);
    unify_slot(p, part, s->dst);
}

/* Whatever `t` is against the value in `slot`. */
static void unify_slot(struct planner *p, const struct term *t, uint32_t slot)
{
    if (unbound(p, t)) {
        struct stmt *s = emit(p, S_SET, t->loc);
        s->a = in_slot(slot);
        s->dst = slot_of(p, t->sym);
        p->slots[s->dst].bound = true;
        return;
    }
    if (is_known(p, t) || (t->kind != T_ARRAY && t->kind != T_OBJECT)) {
        test_equal(p, known(p, t), in_slot(slot), t->loc);
        return;
    }
    bool array = t->kind == T_ARRAY;
    struct stmt *s = emit(p, array ? S_ARRAY : S_OBJECT, t->loc);
    s->a = in_slot(slot);
    s->n = array ? t->n : t->n / 2;
    for (uint32_t i = 0; i < t->n; i += array ? 1 : 2)
        if (array)
            unify_part(p, t->items[i], S_ELEM, slot, i, NULL);
        else
            unify_part(p, t->items[i + 1], S_MEMBER, slot, 0, t->items[i]);
}

static bool try_unify(struct planner *p, const struct term *a,
                      const struct term *b);

/* Two patterns of one shape, part by part until nothing moves. */
static bool unify_parts(struct planner *p, const struct term *a,
                        const struct term *b)
{
    uint32_t w = a->kind == T_ARRAY ? 1 : 2, n = a->n / w, left = n;
    bool *done = ast_alloc(p->ast, n + 1);
    for (bool moved = true; moved && left > 0;) {
        moved = false;
        for (uint32_t i = 0; i < n; i++) {
            if (done[i])
                continue;
            const struct term *x = a->items[i * w + w - 1], *y = NULL;
            if (w == 1)
                y = b->items[i];
            for (uint32_t j = 0; w == 2 && j < n; j++)
                if (b->items[2 * j]->kind == T_CONST &&
                    a->items[2 * i]->kind == T_CONST &&
                    value_equal(&b->items[2 * j]->value,
                                &a->items[2 * i]->value))
                    y = b->items[2 * j + 1];
            if (y == NULL || !try_unify(p, x, y))
                continue;
            done[i] = true;
            moved = true;
            left--;
        }
    }
    return left == 0;
}

static void never(struct planner *p, struct loc loc)
{
    struct stmt *s = emit(p, S_TRUE, loc);
    s->a = constant(value_bool(false));
}

static bool same_keys(const struct term *a, const struct term *b)
{
    for (uint32_t i = 0; i < a->n; i += 2) {
        bool found = false;
        for (uint32_t j = 0; j < b->n; j += 2)
            found |= a->items[i]->kind == T_CONST &&
                     b->items[j]->kind == T_CONST &&
                     value_equal(&a->items[i]->value, &b->items[j]->value);
        if (!found)
            return false;
    }
    return true;
}

static bool const_keys(const struct term *t)
{
    for (uint32_t i = 0; i < t->n; i += 2)
        if (t->items[i]->kind != T_CONST)
            return false;
    return true;
}

static bool occurs(const struct sym *s, const struct term *t)
{
    if (t->kind == T_VAR)
        return t->sym == s;
    for (uint32_t i = 0; i < t->n; i++)
        if (occurs(s, t->items[i]))
            return true;
    return false;
}

/* False if neither side is known enough yet. */
static bool try_unify(struct planner *p, const struct term *a,
                      const struct term *b)
{
    bool arrays = a->kind == T_ARRAY && b->kind == T_ARRAY;
    bool objects = a->kind == T_OBJECT && b->kind == T_OBJECT &&
                   const_keys(a) && const_keys(b);
    if ((arrays || objects) && !(is_known(p, a) && is_known(p, b))) {
        if (a->n != b->n || (objects && !same_keys(a, b))) {
            never(p, a->loc);
            return true;
        }
        return unify_parts(p, a, b);
    }
    if (a->kind != T_REF && a->kind != T_VAR &&
        (b->kind == T_REF || !is_known(p, b))) {
        const struct term *t = a;
        a = b;
        b = t;
    }
    bool cyclic = (a->kind == T_VAR && b->kind == T_REF && occurs(a->sym, b)) ||
                  (b->kind == T_VAR && a->kind == T_REF && occurs(b->sym, a));
    if (!cyclic && unbound(p, a) && (b->kind == T_REF || is_known(p, b))) {
        bind(p, a, b);
        return true;
    }
    if (!cyclic && unbound(p, b) && (a->kind == T_REF || is_known(p, a))) {
        bind(p, b, a);
        return true;
    }
    if (is_known(p, a) && is_known(p, b)) {
        struct operand x = known(p, a);
        test_equal(p, x, known(p, b), b->loc);
        return true;
    }
    if (a->kind == T_REF || is_known(p, a)) {
        uint32_t slot = into_slot(p, a);
        if (b->kind == T_REF)
            test_equal(p, in_slot(slot), in_slot(into_slot(p, b)), b->loc);
        else
            unify_slot(p, b, slot);
        return true;
    }
    if (b->kind == T_REF || is_known(p, b)) {
        unify_slot(p, a, into_slot(p, b));
        return true;
    }
    return false;
}

// ---- calls ----------------------------------------------------------------

static int comparison(struct slice name)
{
    static const struct {
        const char *name;
        int bits;
    } ops[] = {{"equal", 2}, {"neq", 5}, {"lt", 1},
               {"lte", 3},   {"gt", 4},  {"gte", 6}};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (slice_is(name, ops[i].name))
            return ops[i].bits;
    return 0;
}

static void set_constant(struct planner *p, struct stmt *s)
{
    const struct builtin *b = s->call.builtin;
    if (b == NULL || b->compile == NULL || b->compile_arg >= s->call.nargs)
        return;
    const struct operand *o = &s->call.args[b->compile_arg];
    if (o->kind == O_CONST)
        s->call.compiled = b->compile(p->ast->arena, &o->value);
}

static bool plan_call(struct planner *p, const struct term *call)
{
    struct slice name = ast_call_name(p->ast, call);
    struct node *f = tree_function(p->c, call->items[0]);
    const struct builtin *b = f == NULL ? builtin_find(name) : NULL;
    int arity = check_arity(p->c, call);
    if ((f == NULL && b == NULL) || arity < 0)
        return false;
    int cmp =
        b != NULL && (uint32_t)arity + 1 == call->n ? comparison(name) : 0;
    struct operand *args =
        ast_alloc(p->ast, ((size_t)arity + 1) * sizeof *args);
    for (uint32_t i = 0; i < (uint32_t)arity; i++)
        args[i] = known(p, call->items[i + 1]);
    if (cmp != 0) {
        struct stmt *s = emit(p, S_COMPARE, call->loc);
        s->a = args[0];
        s->b = args[1];
        s->cmp = cmp;
        return true;
    }
    enum stmt_op op = S_FUNC;
    if (b != NULL)
        op = b->rel != NULL ? S_RELATION : S_CALL;
    struct stmt *s = emit(p, op, call->loc);
    s->call.builtin = b;
    s->call.func = f != NULL ? f->plan : NULL;
    s->call.args = args;
    s->call.nargs = (uint32_t)arity;
    set_constant(p, s);
    if ((uint32_t)arity + 1 >= call->n) { // no output: must hold
        s->dst = temp(p);
        if (b == NULL || (b->flags & BUILTIN_VOID) == 0) {
            struct stmt *t = emit(p, S_TRUE, call->loc);
            t->a = in_slot(s->dst);
        }
        return true;
    }
    const struct term *out = call->items[arity + 1];
    if (unbound(p, out)) {
        s->dst = slot_of(p, out->sym);
        p->slots[s->dst].bound = true;
    } else {
        s->dst = temp(p);
        unify_slot(p, out, s->dst);
    }
    return true;
}

// ---- with -----------------------------------------------------------------

static bool settle_target(struct planner *p, const struct with *w,
                          struct with_plan *out)
{
    const struct term *t = w->target;
    out->func = tree_function(p->c, t);
    if (out->func != NULL)
        return true;
    const struct term *head = t->kind == T_REF ? t->items[0] : t;
    if (head->kind != T_VAR)
        return false;
    if (head->sym == p->ast->s_data || head->sym == p->ast->s_input) {
        out->is_input = head->sym == p->ast->s_input;
        out->npath = t->kind == T_REF ? t->n - 1 : 0;
        out->path = ast_alloc(p->ast, (out->npath + 1) * sizeof *out->path);
        for (uint32_t i = 0; i < out->npath; i++)
            if (!ast_fold(p->ast, t->items[i + 1], &out->path[i]))
                return false;
        return true;
    }
    struct slice name =
        t->kind == T_VAR ? t->sym->name : ast_ref_text(p->ast, t);
    out->builtin = builtin_find(name);
    return out->builtin != NULL;
}

static uint32_t arity_of(const struct node *f, const struct builtin *b)
{
    return f != NULL ? f->rules[0]->nargs : b->arity;
}

static void plan_with(struct planner *p, const struct expr *e, struct stmt *s)
{
    s->with.n = e->nwith;
    s->with.list = ast_alloc(p->ast, e->nwith * sizeof *s->with.list);
    for (uint32_t i = 0; i < e->nwith; i++) {
        struct with_plan *w = &s->with.list[i];
        if (!settle_target(p, &e->with[i], w)) {
            ast_error(p->ast, e->with[i].loc, CODE_TYPES,
                      "undefined function or invalid target in with: %.*s",
                      SLICE_FMT(ast_ref_text(p->ast, e->with[i].target)));
            continue;
        }
        w->by_func = e->with[i].by_func;
        w->by_builtin = e->with[i].by_builtin;
        if (w->by_func == NULL && w->by_builtin == NULL)
            w->value = known(p, e->with[i].value);
        else if (arity_of(w->by_func, w->by_builtin) !=
                 arity_of(w->func, w->builtin))
            ast_error(p->ast, e->with[i].loc, CODE_TYPES,
                      "%.*s: arity mismatch in with",
                      SLICE_FMT(ast_ref_text(p->ast, e->with[i].target)));
    }
}

// ---- expressions ----------------------------------------------------------

static void plan_every(struct planner *p, const struct expr *e)
{
    struct operand domain = known(p, e->term);
    struct stmt *s = emit(p, S_EVERY, e->loc);
    s->a = domain;
    s->inner.key = s->inner.val = NO_SLOT;
    if (e->key != NULL) {
        s->inner.key = slot_of(p, e->key->sym);
        p->slots[s->inner.key].bound = true;
    }
    s->inner.val = slot_of(p, e->val->sym);
    p->slots[s->inner.val].bound = true;
    s->inner.body = closure(p, e->body, S_DONE);
}

static void plan_plain(struct planner *p, const struct expr *e)
{
    if (e->kind == E_EVERY) {
        plan_every(p, e);
    } else if (e->kind == E_NOT) {
        struct stmt *s = emit(p, S_NOT, e->loc);
        s->inner.body = closure(p, e->body, S_DONE);
    } else if (e->kind == E_TERM) {
        struct operand o = known(p, e->term);
        struct stmt *s = emit(p, S_TRUE, e->loc);
        s->a = o;
    } else if (e->kind == E_CALL) {
        bool eq = ast_is_call(e, "eq") || ast_is_call(e, "equal");
        bool ok = eq && e->term->n == 3
                      ? try_unify(p, e->term->items[1], e->term->items[2])
                      : plan_call(p, e->term);
        if (!ok)
            ast_error(p->ast, e->loc, CODE_COMPILE,
                      "expression cannot be planned");
    }
}

static void plan_negated(struct planner *p, const struct expr *e)
{
    struct stmt *s = emit(p, S_NOT, e->loc);
    struct expr *in = ast_copy_expr(p->ast, e);
    in->negated = false;
    in->nwith = 0;
    struct body *b = ast_body(p->ast);
    ast_add(p->ast, b, in);
    s->inner.body = closure(p, b, S_DONE);
}

static bool same_with(const struct expr *a, const struct expr *b)
{
    return a->nwith > 0 && a->with == b->with && a->nwith == b->nwith;
}

static void plan_one(struct planner *p, const struct expr *e)
{
    if (e->negated)
        plan_negated(p, e);
    else
        plan_plain(p, e);
}

static void plan_body(struct planner *p, const struct body *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const struct expr *e = b->e[i];
        if (e->nwith == 0) {
            plan_one(p, e);
            continue;
        }
        struct stmt head = {0};
        plan_with(p, e, &head);
        struct stmt *s = emit(p, S_WITH, e->loc);
        s->with.list = head.with.list;
        s->with.n = head.with.n;
        struct stmt **outer = p->tail;
        const struct stmt *entry = NULL;
        p->tail = (struct stmt **)(uintptr_t)&entry;
        plan_one(p, e);
        while (i + 1 < b->n && same_with(e, b->e[i + 1]))
            plan_one(p, b->e[++i]);
        struct stmt *end = emit(p, S_END_WITH, e->loc);
        s->with.body = entry;
        p->tail = outer;
        // what follows is reached from the inner end
        p->tail = (struct stmt **)(uintptr_t)&end->next;
    }
}

static const struct stmt *closure(struct planner *p, const struct body *b,
                                  enum stmt_op end)
{
    struct stmt **tail = p->tail;
    const struct stmt *entry = NULL;
    p->tail = (struct stmt **)(uintptr_t)&entry;
    uint32_t n = p->nslots;
    bool *was = ast_alloc(p->ast, n + 1);
    for (uint32_t i = 0; i < n; i++)
        was[i] = p->slots[i].bound;
    plan_body(p, b);
    emit(p, end, (struct loc){0});
    for (uint32_t i = 0; i < p->nslots; i++)
        if (p->slots[i].sym != NULL)
            p->slots[i].bound = i < n && was[i];
    p->tail = tail;
    return entry;
}

// ---- rules ----------------------------------------------------------------

static struct clause *plan_link(struct compiler *c, const struct rule *r)
{
    struct ast *a = &c->ast;
    struct planner p = {.c = c, .ast = a};
    struct clause *out = ast_alloc(a, sizeof *out);
    out->loc = r->loc;
    out->nargs = r->nargs;
    out->is_func = r->has_args;
    const struct stmt *entry = NULL;
    p.tail = (struct stmt **)(uintptr_t)&entry;
    for (uint32_t i = 0; i < r->nargs; i++)
        temp(&p);
    for (uint32_t i = 0; i < r->nargs; i++) {
        const struct term *t = r->args[i];
        if (t->kind == T_VAR && unbound(&p, t)) { // slot i is the variable
            uint32_t own = slot_of(&p, t->sym);
            p.slots[own].sym = NULL;
            p.slots[i].sym = t->sym;
        } else {
            unify_slot(&p, t, i);
        }
    }
    plan_body(&p, r->body);
    for (uint32_t i = r->npath; i < r->ref->n; i++) {
        if (out->path == NULL)
            out->path =
                ast_alloc(a, (r->ref->n - r->npath) * sizeof *out->path);
        out->path[out->npath++] = known(&p, r->ref->items[i]);
    }
    if (r->key != NULL) {
        out->is_set = true;
        out->key = known(&p, r->key);
    }
    if (r->value != NULL)
        out->value = known(&p, r->value);
    emit(&p, S_YIELD, r->loc);
    out->body = entry;
    out->nslots = p.nslots;
    return out;
}

static struct clause *plan_clause(struct compiler *c, const struct rule *r)
{
    struct clause *first = plan_link(c, r), *last = first;
    for (r = r->else_rule; r != NULL; r = r->else_rule) {
        struct clause *next = plan_link(c, r);
        last->otherwise = next;
        last = next;
    }
    return first;
}

static enum rule_kind kind_of(const struct node *n)
{
    bool all_sets = true, all_members = true, all_complete = true;
    if (n->is_func)
        return RULE_FUNC;
    for (uint32_t i = 0; i < n->nrules; i++) {
        const struct rule *r = n->rules[i];
        uint32_t dynamic = r->ref->n - r->npath;
        all_sets &= r->key != NULL && dynamic == 0;
        all_members &= r->key == NULL && dynamic == 1;
        all_complete &= r->key == NULL && dynamic == 0;
    }
    if (n->nchild > 0)
        return RULE_MIXED;
    return all_complete  ? RULE_COMPLETE
           : all_sets    ? RULE_SET
           : all_members ? RULE_OBJECT
                         : RULE_MIXED;
}

static bool constant_value(const struct rule_set *s)
{
    const struct value *first = NULL;
    for (uint32_t i = 0; i < s->nclauses; i++)
        for (const struct clause *c = s->clauses[i]; c != NULL;
             c = c->otherwise) {
            if (c->value.kind != O_CONST ||
                (first != NULL && !value_equal(first, &c->value.value)))
                return false;
            first = &c->value.value;
        }
    return first != NULL;
}

static void declare_sets(struct compiler *c, struct node *n, uint32_t *id)
{
    if (n->nrules > 0) {
        n->plan = ast_alloc(&c->ast, sizeof *n->plan);
        n->plan->node = n;
        n->plan->id = (*id)++;
        n->plan->kind = kind_of(n);
        n->plan->nargs = n->rules[0]->nargs;
    }
    for (uint32_t i = 0; i < n->nchild; i++)
        declare_sets(c, n->child[i], id);
}

static void plan_node(struct compiler *c, struct node *n)
{
    struct rule_set *s = n->plan;
    if (s != NULL) {
        s->clauses = ast_alloc(&c->ast, n->nrules * sizeof(struct clause *));
        for (uint32_t i = 0; i < n->nrules; i++) {
            struct clause *x = plan_clause(c, n->rules[i]);
            if (n->rules[i]->is_default)
                s->dflt = x;
            else
                s->clauses[s->nclauses++] = x;
        }
        s->same_value = constant_value(s);
        index_build(c, s);
    }
    for (uint32_t i = 0; i < n->nchild; i++)
        plan_node(c, n->child[i]);
}

uint32_t plan_rules(struct compiler *c)
{
    uint32_t n = 0;
    declare_sets(c, c->root, &n);
    plan_node(c, c->root);
    return n;
}

static void query_names(struct planner *p, struct plan *out)
{
    struct ast *a = p->ast;
    out->names = ast_alloc(a, (p->nslots + 1) * sizeof *out->names);
    out->slots = ast_alloc(a, (p->nslots + 1) * sizeof *out->slots);
    for (uint32_t i = 0; i < p->nslots; i++) {
        struct sym *s = p->slots[i].sym;
        if (s == NULL || !p->slots[i].bound)
            continue;
        if (s->shown != NULL)
            s = s->shown;
        else if (ast_is_generated(s))
            continue;
        if (ast_is_wildcard(s))
            continue;
        out->names[out->nnames] = s;
        out->slots[out->nnames++] = i;
    }
}

void plan_query(struct compiler *c, struct body *b, struct plan *out)
{
    struct planner p = {.c = c, .ast = &c->ast};
    const struct stmt *entry = NULL;
    p.tail = (struct stmt **)(uintptr_t)&entry;
    plan_body(&p, b);
    query_names(&p, out);
    for (uint32_t i = 0; i < out->nshown; i++)
        out->shown[i].slot = out->shown[i].sym != NULL
                                 ? slot_of(&p, out->shown[i].sym)
                                 : NO_SLOT;
    emit(&p, S_YIELD, (struct loc){0});
    out->body = entry;
    out->nslots = p.nslots;
}

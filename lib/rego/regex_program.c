/* regex_program.c - from the tree to instructions, and to a table.
 *
 * The program is emitted from the back: emit(node, next) returns where to
 * enter so that the node is matched and `next` follows.  Counted repetitions
 * are copied, so the program is bounded rather than the counts.
 *
 * The table (a DFA over classes of code points, made at compile time and
 * immutable, so that threads share it without a lock) only answers whether
 * there is a match.  A state is the set of instructions that consume, match,
 * or wait for the end of the text.  Only conditions on the whole text's ends
 * are allowed; anything larger than REGEX_DFA_STATES keeps to the simulation
 * in regex.c.
 */
#include <string.h>

#include "rego/regex_node.h"
#include "rego/unicode.h"

/* ---- instructions ------------------------------------------------------- */

struct emitter {
    struct arena *a;
    struct regex_inst *inst;
    uint32_t n, cap;
    struct regex_class *cls;
    uint32_t classes, classes_cap;
    bool failed;
};

static void *grow(struct arena *a, const void *old, size_t n, size_t cap,
                  size_t size)
{
    char *p = arena_try(a, cap * size);
    if (p != NULL && n > 0)
        memcpy(p, old, n * size);
    return p;
}

static uint32_t put(struct emitter *e, enum regex_inst_op op, uint32_t out,
                    uint32_t arg)
{
    if (e->n == e->cap && !e->failed) {
        uint32_t cap = e->cap > 0 ? 2 * e->cap : 32;
        void *p = e->n < REGEX_INSTS_MAX
                      ? grow(e->a, e->inst, e->n, cap, sizeof *e->inst)
                      : NULL;
        if (p == NULL) {
            e->failed = true;
        } else {
            e->inst = p;
            e->cap = cap;
        }
    }
    if (e->failed)
        return 0;
    e->inst[e->n] = (struct regex_inst){op, out, arg};
    return e->n++;
}

static uint32_t put_class(struct emitter *e, const struct regex_class *c,
                          uint32_t next)
{
    if (c->n == 1 && c->range[0] == c->range[1])
        return put(e, RI_RUNE, next, c->range[0]);
    for (uint32_t i = e->classes; i-- > 0;)
        if (e->cls[i].range == c->range && e->cls[i].n == c->n)
            return put(e, RI_CLASS, next, i);
    if (e->classes == e->classes_cap) {
        uint32_t cap = 2 * e->classes_cap + 8;
        void *p = grow(e->a, e->cls, e->classes, cap, sizeof *e->cls);
        if (p == NULL) {
            e->failed = true;
            return 0;
        }
        e->cls = p;
        e->classes_cap = cap;
    }
    e->cls[e->classes] = *c;
    return put(e, RI_CLASS, next, e->classes++);
}

static bool nullable(const struct regex_node *n)
{
    switch (n->op) {
    case RE_CLASS:
        return false;
    case RE_CAPTURE:
        return nullable(n->sub);
    case RE_REPEAT:
        return n->min == 0 || nullable(n->sub);
    case RE_CONCAT:
        for (const struct regex_node *s = n->sub; s != NULL; s = s->next)
            if (!nullable(s))
                return false;
        return true;
    case RE_ALT:
        for (const struct regex_node *s = n->sub; s != NULL; s = s->next)
            if (nullable(s))
                return true;
        return false;
    case RE_EMPTY:
    case RE_ASSERT:
        return true;
    }
    return true;
}

static uint32_t emit(struct emitter *e, const struct regex_node *n,
                     uint32_t next);

static uint32_t put_split(struct emitter *e, bool lazy, uint32_t body,
                          uint32_t skip)
{
    return lazy ? put(e, RI_SPLIT, skip, body) : put(e, RI_SPLIT, body, skip);
}

/* sub+ and, with `star`, sub*.  What can be empty loops as (sub+)?, or an
 * empty turn would win over leaving (Go issue 46123). */
static uint32_t emit_loop(struct emitter *e, const struct regex_node *n,
                          bool star, uint32_t next)
{
    uint32_t split = put(e, RI_SPLIT, next, next);
    uint32_t body = emit(e, n->sub, split);
    if (e->failed)
        return 0;
    if (n->lazy)
        e->inst[split].arg = body;
    else
        e->inst[split].out = body;
    if (!star)
        return body;
    return nullable(n->sub) ? put_split(e, n->lazy, body, next) : split;
}

static uint32_t emit_repeat(struct emitter *e, const struct regex_node *n,
                            uint32_t next)
{
    uint32_t at = next;
    int copies = n->min;
    if (n->max < 0) {
        at = emit_loop(e, n, n->min == 0, next);
        copies = n->min > 0 ? n->min - 1 : 0;
    } else {
        for (int i = n->min; i < n->max && !e->failed; i++)
            at = put_split(e, n->lazy, emit(e, n->sub, at), next);
    }
    for (int i = 0; i < copies && !e->failed; i++)
        at = emit(e, n->sub, at);
    return at;
}

static uint32_t emit_concat(struct emitter *e, const struct regex_node *n,
                            uint32_t next)
{
    size_t count = 0, i = 0;
    for (const struct regex_node *s = n->sub; s != NULL; s = s->next)
        count++;
    const struct regex_node **all = arena_try(e->a, count * sizeof(void *));
    if (all == NULL) {
        e->failed = true;
        return 0;
    }
    for (const struct regex_node *s = n->sub; s != NULL; s = s->next)
        all[i++] = s;
    while (i-- > 0 && !e->failed)
        next = emit(e, all[i], next);
    return next;
}

static uint32_t emit_alt(struct emitter *e, const struct regex_node *n,
                         uint32_t next)
{
    // a | (b | (c | d)): the splits are put before what they lead to
    uint32_t first = 0, last = 0;
    bool any = false;
    for (const struct regex_node *s = n->sub; s != NULL && !e->failed;
         s = s->next) {
        uint32_t at;
        if (s->next == NULL) {
            at = emit(e, s, next);
        } else {
            at = put(e, RI_SPLIT, 0, 0);
            uint32_t body = emit(e, s, next);
            if (!e->failed)
                e->inst[at].out = body;
        }
        if (e->failed)
            return 0;
        if (any)
            e->inst[last].arg = at;
        else
            first = at;
        any = true;
        last = at;
    }
    return first;
}

static uint32_t emit(struct emitter *e, const struct regex_node *n,
                     uint32_t next)
{
    if (e->failed)
        return 0;
    switch (n->op) {
    case RE_EMPTY:
        return next;
    case RE_CLASS:
        return put_class(e, &n->cls, next);
    case RE_ASSERT:
        return put(e, RI_ASSERT, next, n->at);
    case RE_CAPTURE:
        next = put(e, RI_CAP, next, 2 * n->group + 1);
        next = emit(e, n->sub, next);
        return put(e, RI_CAP, next, 2 * n->group);
    case RE_REPEAT:
        return emit_repeat(e, n, next);
    case RE_CONCAT:
        return emit_concat(e, n, next);
    case RE_ALT:
        return emit_alt(e, n, next);
    }
    return next;
}

/* Literal text that every match begins with; false when it ends here. */
static bool prefix_of(const struct regex_node *n, char *out, size_t room,
                      size_t *len)
{
    switch (n->op) {
    case RE_CLASS:
        if (n->cls.n != 1 || n->cls.range[0] != n->cls.range[1] ||
            n->cls.range[0] == UNICODE_BAD || room - *len < 4)
            return false;
        *len += unicode_encode(n->cls.range[0], out + *len);
        return true;
    case RE_CAPTURE:
        return prefix_of(n->sub, out, room, len);
    case RE_CONCAT:
        for (const struct regex_node *s = n->sub; s != NULL; s = s->next)
            if (!prefix_of(s, out, room, len))
                return false;
        return true;
    case RE_EMPTY:
        return true;
    case RE_REPEAT:
        if (n->min >= 1)
            (void)prefix_of(n->sub, out, room, len);
        return false;
    case RE_ASSERT:
    case RE_ALT:
        return false;
    }
    return false;
}

static bool is_anchored(const struct regex_node *n)
{
    switch (n->op) {
    case RE_ASSERT:
        return n->at == RE_BEGIN_TEXT;
    case RE_CAPTURE:
    case RE_CONCAT:
        return is_anchored(n->sub);
    case RE_ALT:
        for (const struct regex_node *s = n->sub; s != NULL; s = s->next)
            if (!is_anchored(s))
                return false;
        return true;
    case RE_REPEAT:
        return n->min > 0 && is_anchored(n->sub);
    case RE_EMPTY:
    case RE_CLASS:
        return false;
    }
    return false;
}

enum status regex_program(struct arena *a, const struct regex_tree *tree,
                          struct regex *re, struct err *err)
{
    struct emitter e = {.a = a};
    uint32_t match = put(&e, RI_MATCH, 0, 0);
    uint32_t start = put(&e, RI_CAP, match, 1);
    start = emit(&e, tree->root, start);
    start = put(&e, RI_CAP, start, 0);
    if (e.failed)
        return err_set(err, E_TOO_BIG, "regex",
                       "error parsing regexp: expression too large");
    char prefix[64];
    size_t n = 0;
    (void)prefix_of(tree->root, prefix, sizeof prefix, &n);
    *re = (struct regex){.insts = e.n,
                         .start = start,
                         .groups = tree->groups,
                         .classes = e.classes,
                         .anchored = is_anchored(tree->root),
                         .inst = e.inst,
                         .cls = e.cls,
                         .names = tree->names};
    if (n > 0) {
        re->prefix = arena_dup(a, slice(prefix, n));
        if (re->prefix.p == NULL)
            re->prefix.n = 0;
    }
    return OK;
}

/* ---- table -------------------------------------------------------------- */

#define DFA_INSTS 512
#define DFA_WORDS (DFA_INSTS / 64)
#define DFA_CLASSES 200

struct set {
    uint64_t bit[DFA_WORDS];
};

struct maker {
    const struct regex *re;
    uint32_t bound[DFA_CLASSES];
    uint32_t classes, states;
    struct set *set; // of each state
    uint8_t *next, *flags;
};

static bool has(const struct set *s, uint32_t i)
{
    return (s->bit[i / 64] >> (i % 64) & 1) != 0;
}

/* Adds what is reached from `at` without consuming; `where` are the
 * conditions that hold. */
static void closure(const struct maker *m, uint32_t at, uint32_t where,
                    struct set *seen)
{
    uint32_t stack[DFA_INSTS + 2], n = 0;
    stack[n++] = at;
    while (n > 0) {
        at = stack[--n];
        if (has(seen, at))
            continue;
        seen->bit[at / 64] |= UINT64_C(1) << (at % 64);
        const struct regex_inst *in = &m->re->inst[at];
        if (in->op == RI_SPLIT) {
            stack[n++] = in->arg;
            stack[n++] = in->out;
        } else if (in->op == RI_CAP ||
                   (in->op == RI_ASSERT && (in->arg & where) != 0)) {
            stack[n++] = in->out;
        }
    }
}

/* 1 if the set holds the match, 2 if it would at the end of the text, 4 if
 * nothing can come any more. */
static uint8_t flags_of(const struct maker *m, const struct set *s,
                        uint32_t where)
{
    struct set end = {{0}};
    uint8_t flags = m->re->anchored ? 4 : 0;
    for (uint32_t i = 0; i < m->re->insts; i++) {
        if (!has(s, i))
            continue;
        const struct regex_inst *in = &m->re->inst[i];
        if (in->op == RI_MATCH)
            flags |= 1;
        if (in->op == RI_RUNE || in->op == RI_CLASS)
            flags &= (uint8_t)~4;
        if (in->op == RI_ASSERT && (in->arg & RE_END_TEXT) != 0)
            closure(m, in->out, where | RE_END_TEXT, &end);
    }
    for (uint32_t i = 0; i < m->re->insts; i++)
        if (has(&end, i) && m->re->inst[i].op == RI_MATCH)
            flags |= 2;
    return flags;
}

static bool consumes(const struct regex *re, const struct regex_inst *in,
                     uint32_t r)
{
    if (in->op == RI_RUNE)
        return in->arg == r;
    return in->op == RI_CLASS && regex_class_has(&re->cls[in->arg], r);
}

static bool add_bound(struct maker *m, uint32_t r)
{
    uint32_t i = 0;
    while (i < m->classes && m->bound[i] < r)
        i++;
    if (r > UNICODE_MAX || (i < m->classes && m->bound[i] == r))
        return true;
    if (m->classes == DFA_CLASSES)
        return false;
    memmove(m->bound + i + 1, m->bound + i,
            (m->classes - i) * sizeof *m->bound);
    m->bound[i] = r;
    m->classes++;
    return true;
}

static bool find_bounds(struct maker *m)
{
    const struct regex *re = m->re;
    if (!add_bound(m, 0))
        return false;
    for (uint32_t i = 0; i < re->insts; i++) {
        const struct regex_inst *in = &re->inst[i];
        if (in->op == RI_ASSERT &&
            (in->arg & ~(uint32_t)(RE_BEGIN_TEXT | RE_END_TEXT)) != 0)
            return false;
        if (in->op == RI_RUNE &&
            (!add_bound(m, in->arg) || !add_bound(m, in->arg + 1)))
            return false;
        for (uint32_t k = 0; in->op == RI_CLASS && k < re->cls[in->arg].n; k++)
            if (!add_bound(m, re->cls[in->arg].range[2 * k]) ||
                !add_bound(m, re->cls[in->arg].range[2 * k + 1] + 1))
                return false;
    }
    return true;
}

/* The state of this set, made if new; REGEX_DFA_STATES: there are too many.
 * State 0 is the beginning of the text and is never met again. */
static uint32_t state_of(struct maker *m, const struct set *s)
{
    for (uint32_t i = 1; i < m->states; i++)
        if (memcmp(&m->set[i], s, sizeof *s) == 0)
            return i;
    if (m->states == REGEX_DFA_STATES)
        return REGEX_DFA_STATES;
    m->set[m->states] = *s;
    m->flags[m->states] = flags_of(m, s, 0);
    return m->states++;
}

static bool expand(struct maker *m, uint32_t state)
{
    uint8_t *row = m->next + state * m->classes;
    if ((m->flags[state] & 1) != 0) // the search ends here
        return true;
    for (uint32_t c = 0; c < m->classes; c++) {
        struct set to = {{0}};
        for (uint32_t i = 0; i < m->re->insts; i++)
            if (has(&m->set[state], i) &&
                consumes(m->re, &m->re->inst[i], m->bound[c]))
                closure(m, m->re->inst[i].out, 0, &to);
        if (!m->re->anchored)
            closure(m, m->re->start, 0, &to);
        uint32_t next = state_of(m, &to);
        if (next == REGEX_DFA_STATES)
            return false;
        row[c] = (uint8_t)next;
    }
    return true;
}

void regex_determinize(struct arena *a, struct regex *re)
{
    struct maker m = {.re = re};
    if (re->insts > DFA_INSTS || !find_bounds(&m))
        return;
    struct arena scratch;
    arena_init(&scratch, 4 << 20);
    struct regex_dfa *d = arena_try(a, sizeof *d);
    m.set = arena_try(&scratch, REGEX_DFA_STATES * sizeof *m.set);
    m.next = arena_try(&scratch, REGEX_DFA_STATES * m.classes);
    m.flags = arena_try(&scratch, REGEX_DFA_STATES);
    if (d == NULL || m.set == NULL || m.next == NULL || m.flags == NULL)
        goto out;
    closure(&m, re->start, RE_BEGIN_TEXT, &m.set[0]);
    m.flags[0] = flags_of(&m, &m.set[0], RE_BEGIN_TEXT);
    m.states = 1;
    for (uint32_t s = 0; s < m.states; s++)
        if (!expand(&m, s))
            goto out;
    uint32_t *bound = arena_try(a, m.classes * sizeof *bound);
    uint8_t *next = arena_try(a, (size_t)m.states * m.classes);
    uint8_t *flags = arena_try(a, m.states);
    if (bound == NULL || next == NULL || flags == NULL)
        goto out;
    memcpy(bound, m.bound, m.classes * sizeof *bound);
    memcpy(next, m.next, (size_t)m.states * m.classes);
    memcpy(flags, m.flags, m.states);
    *d = (struct regex_dfa){.states = m.states,
                            .classes = m.classes,
                            .bound = bound,
                            .next = next,
                            .flags = flags};
    for (uint32_t r = 0, c = 0; r < 128; r++) {
        while (c + 1 < m.classes && bound[c + 1] <= r)
            c++;
        d->ascii[r] = (uint8_t)c;
    }
    re->dfa = d;
out:
    arena_release(&scratch);
}

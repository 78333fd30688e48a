/* regex.c - the search: Pike's simulation, and a table where there is one.
 *
 * A thread is an instruction and the places of its groups.  All threads step
 * over the text together, in order of preference; a set of instructions seen
 * at this place makes sure that no two threads wait at the same one, so the
 * work per code point is bounded by the program.  The order of the list is
 * what makes the leftmost-first match win.
 */
#include "rego/regex.h"

#include <string.h>

#include "rego/regex_node.h"
#include "rego/unicode.h"

#define STEP_BATCH 256 /* units of work between two looks at the limit */

struct threads {
    uint32_t n;
    uint32_t *sparse;  // per instruction: where it lies in `at`
    uint32_t *at;      // instructions seen, in order
    struct cap **caps; // per place in `at`; NULL: no thread
};

struct cap {
    struct cap *next_free;
    size_t slot[];
};

struct todo {
    uint32_t at;
    uint32_t slot; // restore this slot to `old` if at is UINT32_MAX
    size_t old;
};

struct regex_vm {
    const struct regex *re;
    const struct regex_run *run;
    uint32_t slots;
    struct threads now, next;
    struct todo *stack;
    struct cap *free, *best;
    size_t *cur; // the groups of the thread that is being added
    uint64_t work;
    bool limit;
};

size_t regex_groups(const struct regex *re)
{
    return re->groups;
}

size_t regex_size(const struct regex *re)
{
    return re->insts;
}

bool regex_has_table(const struct regex *re)
{
    return re->dfa != NULL;
}

enum status regex_compile(struct arena *a, struct slice pattern, unsigned flags,
                          struct regex **out, struct err *err)
{
    struct regex_tree tree;
    enum status st = regex_parse(a, pattern, &tree, err);
    if (st != OK)
        return st;
    struct regex *re = arena_try(a, sizeof *re);
    if (re == NULL)
        return err_set(err, E_TOO_BIG, "regex",
                       "error parsing regexp: expression too large");
    st = regex_program(a, &tree, re, err);
    if (st != OK)
        return st;
    if ((flags & REGEX_DFA) != 0)
        regex_determinize(a, re);
    *out = re;
    return OK;
}

/* ---- simulation --------------------------------------------------------- */

static bool charge(struct regex_vm *vm, uint64_t n)
{
    vm->work += n;
    if (vm->work < STEP_BATCH)
        return true;
    if (vm->run->step != NULL && !vm->run->step(vm->run->arg, vm->work))
        vm->limit = true;
    vm->work = 0;
    return !vm->limit;
}

static bool threads_init(struct threads *t, struct arena *a, uint32_t insts)
{
    t->n = 0;
    t->sparse = arena_try(a, insts * sizeof *t->sparse);
    t->at = arena_try(a, insts * sizeof *t->at);
    t->caps = arena_try(a, insts * sizeof(struct cap *));
    return t->sparse != NULL && t->at != NULL && t->caps != NULL;
}

static struct regex_vm *vm_new(const struct regex *re, uint32_t slots,
                               const struct regex_run *run)
{
    struct arena *a = run->arena;
    struct regex_vm *vm = run->spare != NULL ? *run->spare : NULL;
    if (vm != NULL && vm->re == re && vm->slots == slots) {
        *run->spare = NULL; // until vm_done
        vm->run = run;
        vm->limit = false;
        return vm;
    }
    vm = arena_try(a, sizeof *vm);
    if (vm == NULL)
        return NULL;
    *vm = (struct regex_vm){.re = re, .run = run, .slots = slots};
    vm->stack = arena_try(a, (2 * (size_t)re->insts + 2) * sizeof *vm->stack);
    vm->cur = arena_try(a, (slots + 1) * sizeof *vm->cur);
    vm->best = arena_try(a, sizeof *vm->best + slots * sizeof(size_t));
    if (!threads_init(&vm->now, a, re->insts) ||
        !threads_init(&vm->next, a, re->insts) || vm->stack == NULL ||
        vm->cur == NULL || vm->best == NULL)
        return NULL;
    return vm;
}

static void vm_done(struct regex_vm *vm)
{
    if (vm->run->spare != NULL)
        *vm->run->spare = vm;
}

static struct cap *cap_get(struct regex_vm *vm)
{
    struct cap *c = vm->free;
    if (c != NULL) {
        vm->free = c->next_free;
        return c;
    }
    c = arena_try(vm->run->arena, sizeof *c + vm->slots * sizeof(size_t));
    if (c == NULL)
        vm->limit = true;
    return c;
}

static void cap_put(struct regex_vm *vm, struct cap *c)
{
    c->next_free = vm->free;
    vm->free = c;
}

static bool word_at(struct slice s, size_t i)
{
    if (i >= s.n)
        return false;
    char c = s.p[i];
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

/* Which conditions hold at `pos`. */
static uint32_t where(struct slice s, size_t pos)
{
    uint32_t w = 0;
    if (pos == 0)
        w |= RE_BEGIN_TEXT | RE_BEGIN_LINE;
    else if (s.p[pos - 1] == '\n')
        w |= RE_BEGIN_LINE;
    if (pos == s.n)
        w |= RE_END_TEXT | RE_END_LINE;
    else if (s.p[pos] == '\n')
        w |= RE_END_LINE;
    bool before = pos > 0 && word_at(s, pos - 1);
    return w | (before != word_at(s, pos) ? RE_WORD : RE_NOT_WORD);
}

/* Adds a thread that waits; its groups are vm->cur. */
static void wait_here(struct regex_vm *vm, struct threads *t, uint32_t place)
{
    struct cap *c = cap_get(vm);
    if (c == NULL)
        return;
    memcpy(c->slot, vm->cur, vm->slots * sizeof(size_t));
    t->caps[place] = c;
}

/* Follows `at` through all that consumes nothing, in order of preference. */
static void add(struct regex_vm *vm, struct threads *t, uint32_t at, size_t pos,
                uint32_t w)
{
    const struct regex_inst *insts = vm->re->inst;
    uint32_t n = 0;
    vm->stack[n++] = (struct todo){.at = at};
    while (n > 0 && !vm->limit) {
        struct todo td = vm->stack[--n];
        if (td.at == UINT32_MAX) {
            vm->cur[td.slot] = td.old;
            continue;
        }
        uint32_t place = t->sparse[td.at];
        if (place < t->n && t->at[place] == td.at)
            continue;
        place = t->n++;
        t->sparse[td.at] = place;
        t->at[place] = td.at;
        t->caps[place] = NULL;
        const struct regex_inst *in = &insts[td.at];
        if (in->op == RI_SPLIT) {
            vm->stack[n++] = (struct todo){.at = in->arg};
            vm->stack[n++] = (struct todo){.at = in->out};
        } else if (in->op == RI_CAP) {
            if (in->arg < vm->slots) {
                vm->stack[n++] = (struct todo){
                    .at = UINT32_MAX, .slot = in->arg, .old = vm->cur[in->arg]};
                vm->cur[in->arg] = pos;
            }
            vm->stack[n++] = (struct todo){.at = in->out};
        } else if (in->op == RI_ASSERT) {
            if ((in->arg & w) != 0)
                vm->stack[n++] = (struct todo){.at = in->out};
        } else {
            wait_here(vm, t, place);
        }
    }
}

static bool consumes(const struct regex *re, const struct regex_inst *in,
                     uint32_t r)
{
    if (in->op == RI_RUNE)
        return in->arg == r;
    return regex_class_has(&re->cls[in->arg], r);
}

/* One code point `r` (none at the end of the text); what waits behind it is
 * at `pos`.  True: a match, which cuts off the threads it is preferred to. */
static bool step(struct regex_vm *vm, bool has_rune, uint32_t r, size_t pos,
                 uint32_t w)
{
    bool matched = false;
    for (uint32_t i = 0; i < vm->now.n && !vm->limit; i++) {
        struct cap *c = vm->now.caps[i];
        if (c == NULL)
            continue;
        const struct regex_inst *in = &vm->re->inst[vm->now.at[i]];
        if (!matched && in->op == RI_MATCH) {
            memcpy(vm->best->slot, c->slot, vm->slots * sizeof(size_t));
            matched = true;
        } else if (!matched && has_rune && consumes(vm->re, in, r)) {
            memcpy(vm->cur, c->slot, vm->slots * sizeof(size_t));
            add(vm, &vm->next, in->out, pos, w);
        }
        cap_put(vm, c);
    }
    vm->now.n = 0;
    return matched;
}

static void swap(struct regex_vm *vm)
{
    struct threads t = vm->now;
    vm->now = vm->next;
    vm->next = t;
}

/* Where the next match can begin at the earliest; SIZE_MAX: nowhere. */
static size_t skip_to(const struct regex *re, struct slice s, size_t pos)
{
    if (re->anchored && pos > 0)
        return SIZE_MAX;
    if (re->prefix.n == 0 || re->anchored)
        return pos;
    if (s.n - pos < re->prefix.n)
        return SIZE_MAX;
    const char *p = memmem(s.p + pos, s.n - pos, re->prefix.p, re->prefix.n);
    return p != NULL ? (size_t)(p - s.p) : SIZE_MAX;
}

static void drop(struct regex_vm *vm, struct threads *t)
{
    for (uint32_t i = 0; i < t->n; i++)
        if (t->caps[i] != NULL)
            cap_put(vm, t->caps[i]);
    t->n = 0;
}

/* Moves all threads over the text from `pos` on.  True: a match. */
static bool sweep(struct regex_vm *vm, struct slice s, size_t pos)
{
    bool found = false;
    for (;;) {
        if (vm->now.n == 0) { // nobody waits: a new thread may begin later
            size_t to = found ? SIZE_MAX : skip_to(vm->re, s, pos);
            if (to == SIZE_MAX || !charge(vm, (to - pos) / 64))
                return found;
            pos = to;
        }
        if (!found) {
            memset(vm->cur, 0xff, vm->slots * sizeof(size_t));
            add(vm, &vm->now, vm->re->start, pos, where(s, pos));
        }
        bool more = pos < s.n;
        size_t len = 0;
        uint32_t r = more ? unicode_decode(s, pos, &len) : 0;
        if (!charge(vm, vm->now.n + 1))
            return found;
        found = step(vm, more, r, pos + len, more ? where(s, pos + len) : 0) ||
                found;
        if (!more || (found && vm->slots == 0))
            return found;
        swap(vm);
        pos += len;
    }
}

/* The leftmost match from `pos` on into vm->best. */
static enum regex_result search(struct regex_vm *vm, struct slice s, size_t pos)
{
    vm->now.n = vm->next.n = 0;
    bool found = sweep(vm, s, pos);
    drop(vm, &vm->now);
    drop(vm, &vm->next);
    if (vm->limit)
        return REGEX_LIMIT;
    return found ? REGEX_YES : REGEX_NO;
}

/* ---- table -------------------------------------------------------------- */

static uint32_t class_of(const struct regex_dfa *d, uint32_t r)
{
    uint32_t low = 0, high = d->classes;
    while (high - low > 1) {
        uint32_t mid = (low + high) / 2;
        if (d->bound[mid] <= r)
            low = mid;
        else
            high = mid;
    }
    return low;
}

static enum regex_result table_match(const struct regex_dfa *d, struct slice s,
                                     const struct regex_run *run)
{
    uint32_t state = 0;
    if (run->step != NULL && s.n >= 64 && !run->step(run->arg, s.n / 64))
        return REGEX_LIMIT;
    for (size_t i = 0;;) {
        uint8_t f = d->flags[state];
        if ((f & 1) != 0)
            return REGEX_YES;
        if (i == s.n)
            return (f & 2) != 0 ? REGEX_YES : REGEX_NO;
        if ((f & 4) != 0)
            return REGEX_NO;
        uint8_t b = (uint8_t)s.p[i];
        uint32_t c;
        if (b < 0x80) {
            c = d->ascii[b];
            i++;
        } else {
            size_t len;
            c = class_of(d, unicode_decode(s, i, &len));
            i += len;
        }
        state = d->next[state * d->classes + c];
    }
}

enum regex_result regex_match(const struct regex *re, struct slice text,
                              const struct regex_run *run)
{
    if (re->dfa != NULL)
        return table_match(re->dfa, text, run);
    struct regex_vm *vm = vm_new(re, 0, run);
    if (vm == NULL)
        return REGEX_LIMIT;
    enum regex_result r = search(vm, text, 0);
    vm_done(vm);
    return r;
}

/* ---- sequences of matches ----------------------------------------------- */

bool regex_iter_init(struct regex_iter *it, const struct regex *re,
                     struct slice text, size_t groups,
                     const struct regex_run *run)
{
    *it = (struct regex_iter){.re = re, .text = text, .run = run};
    it->last_end = SIZE_MAX;
    it->group = arena_try(run->arena, re->groups * sizeof *it->group);
    it->vm = vm_new(re, 2 * (uint32_t)groups, run);
    return it->group != NULL && it->vm != NULL;
}

/* As Go's allMatches: an empty match right behind the last one does not
 * count. */
enum regex_result regex_next(struct regex_iter *it)
{
    while (it->pos <= it->text.n) {
        enum regex_result r = search(it->vm, it->text, it->pos);
        if (r != REGEX_YES) {
            it->pos = it->text.n + 1;
            vm_done(it->vm);
            return r;
        }
        const size_t *slot = it->vm->best->slot;
        bool accept = true;
        if (slot[1] == it->pos) { // maybe empty
            accept = slot[0] != it->last_end || slot[0] != slot[1];
            size_t len = 1;
            if (it->pos < it->text.n)
                (void)unicode_decode(it->text, it->pos, &len);
            it->pos += len;
        } else {
            it->pos = slot[1];
        }
        it->last_end = slot[1];
        if (!accept)
            continue;
        for (uint32_t g = 0; 2 * g < it->vm->slots; g++)
            it->group[g] = (struct regex_span){slot[2 * g], slot[2 * g + 1]};
        return REGEX_YES;
    }
    return REGEX_NO;
}

/* ---- replacement -------------------------------------------------------- */

static bool name_char(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

static void put_group(const struct regex_iter *it, size_t g, struct buf *out)
{
    if (g < it->re->groups && it->group[g].from != REGEX_NONE)
        buf_add(out, it->text.p + it->group[g].from,
                it->group[g].to - it->group[g].from);
}

/* The group called `name`, a number or not. */
static void put_named(const struct regex_iter *it, struct slice name,
                      struct buf *out)
{
    size_t g = 0;
    bool digits = true;
    for (size_t i = 0; i < name.n; i++) {
        digits = digits && name.p[i] >= '0' && name.p[i] <= '9';
        if (digits && g < 100000)
            g = g * 10 + (size_t)(name.p[i] - '0');
    }
    if (digits && !(name.n > 1 && name.p[0] == '0')) {
        put_group(it, g, out);
        return;
    }
    for (size_t i = 0; i < it->re->groups; i++)
        if (it->re->names[i].p != NULL && slice_eq(it->re->names[i], name))
            put_group(it, i, out);
}

/* Go's Expand. */
static void expand(const struct regex_iter *it, struct slice with,
                   struct buf *out)
{
    while (with.n > 0) {
        size_t n = slice_find(with, '$');
        buf_add(out, with.p, n);
        with = slice_skip(with, n);
        if (with.n < 2) {
            buf_slice(out, with);
            return;
        }
        if (with.p[1] == '$') {
            buf_char(out, '$');
            with = slice_skip(with, 2);
            continue;
        }
        bool brace = with.p[1] == '{';
        size_t from = 1 + (size_t)brace, to = from;
        while (to < with.n && name_char(with.p[to]))
            to++;
        bool ok = to > from && (!brace || (to < with.n && with.p[to] == '}'));
        if (!ok) {
            buf_char(out, '$');
            with = slice_skip(with, 1);
            continue;
        }
        put_named(it, slice(with.p + from, to - from), out);
        with = slice_skip(with, to + (size_t)brace);
    }
}

enum regex_result regex_replace(const struct regex *re, struct slice text,
                                struct slice with, struct buf *out,
                                const struct regex_run *run)
{
    struct regex_iter it;
    bool plain = memchr(with.p, '$', with.n) == NULL;
    if (!regex_iter_init(&it, re, text, plain ? 1 : re->groups, run))
        return REGEX_LIMIT;
    size_t done = 0;
    enum regex_result r;
    while ((r = regex_next(&it)) == REGEX_YES && !out->failed) {
        buf_add(out, text.p + done, it.group[0].from - done);
        if (plain)
            buf_slice(out, with);
        else
            expand(&it, with, out);
        done = it.group[0].to;
    }
    if (r == REGEX_LIMIT || out->failed)
        return REGEX_LIMIT;
    buf_add(out, text.p + done, text.n - done);
    return REGEX_YES;
}

void regex_quote(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (strchr("\\.+*?()|[]{}^$", text.p[i]) != NULL && text.p[i] != 0)
            buf_char(out, '\\');
        buf_char(out, text.p[i]);
    }
}

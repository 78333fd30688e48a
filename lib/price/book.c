/* book.c - the table of prices: layers, dates, names.
 *
 * Built once, then read by every loop without a lock.  Rows are sorted by
 * (provider, model, layer, date), the rows of one model are a group, and two
 * hash tables lead to groups: by exact name, and by the name without its date
 * suffix.  A group holds its rows highest layer first, newest first, so the
 * row in force is the first whose date has come: a dated row of a low layer
 * never overrides a row of a higher one.
 *
 * Invariants
 *  1. Before the first date of a model its earliest row stands for all time
 *     before: an old event must never be free because no one wrote down what
 *     a model cost before the table began.
 *  2. The number of a built-in row is a hash of provider, model and date
 *     below 2^53 with bit 52 set: the same in every release, exact as a JSON
 *     number, never a SQL id.  Rows of a file also hash their figures, since
 *     an operator may edit them.  Version 0 is nobody's: the dearest rates.
 *  3. Text the rows point into lives as long as the book: the embedded
 *     table for ever, everything else in the book's arena.
 *
 * The dearest rates of a provider depend on the instant only through the
 * dates of its rows; they are worked out when first asked for, per stretch
 * between two dates, and published with one compare-and-swap.
 */
#include "price/book.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/money.h"
#include "price/names.h"
#include "price/text.h"

#define ROWS_MAX 200000
#define TEXT_MAX ((size_t)256 << 20)
#define JSON_MAX ((size_t)64 << 20)
#define VERSION_BIT ((int64_t)1 << 52)

extern const char price_book_text[], price_book_text_end[];

struct entry {
    struct price p;
    uint32_t seq; // order of adding: the later of two equal rows wins
    bool simple;  // MODEL_PRICING: only two rates, the rest from below
};

struct book_builder {
    struct entry *rows;
    size_t n, cap;
    struct arena text;
};

struct group {
    uint32_t first, count; // rows
    uint32_t next_base;    // next group with the same base name, + 1
};

/* The dates of one provider; between two of them its dearest rates stay. */
struct dearest {
    int64_t *from; // ascending; from[0] stands for all time before, too
    size_t n;
    _Atomic(struct price *) *at;
};

struct book {
    atomic_int refs;
    struct price *rows;
    size_t n;
    struct group *groups;
    size_t group_count;
    uint32_t *exact, *base; // group + 1, 0: empty; open addressing
    size_t mask;
    uint32_t *by_version; // rows, ascending version
    struct dearest dearest[PROVIDER_COUNT];
    struct arena text;
};

/* Native providers before those that host the models of others. */
static const enum provider_id precedence[] = {
    PROVIDER_OPENAI,   PROVIDER_ANTHROPIC,  PROVIDER_GOOGLE, PROVIDER_MISTRAL,
    PROVIDER_DEEPSEEK, PROVIDER_XAI,        PROVIDER_COHERE, PROVIDER_DEMO,
    PROVIDER_GROQ,     PROVIDER_OPENROUTER, PROVIDER_AZURE,
};
#define PROVIDERS_N (sizeof(precedence) / sizeof(precedence[0]))

/* ---- names -------------------------------------------------------------- */

static uint64_t hash_bytes(uint64_t h, const void *p, size_t n)
{
    const unsigned char *s = p;
    for (size_t i = 0; i < n; i++)
        h = (h ^ s[i]) * UINT64_C(0x100000001b3);
    return h;
}

static uint64_t mix(uint64_t h)
{
    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ (h >> 33);
}

static uint64_t hash_name(enum provider_id provider, struct slice name)
{
    unsigned char id = (unsigned char)provider;
    uint64_t h = hash_bytes(UINT64_C(0xcbf29ce484222325), &id, 1);
    return mix(hash_bytes(h, name.p, name.n));
}

/* ---- building ----------------------------------------------------------- */

struct book_builder *book_builder_new(void)
{
    struct book_builder *b = xcalloc(1, sizeof(*b));
    arena_init(&b->text, TEXT_MAX);
    return b;
}

static int64_t make_version(const struct price *p)
{
    uint64_t h = hash_name(p->provider, p->model);
    h = hash_bytes(h, &p->from_ms, sizeof(p->from_ms));
    if (p->source != PRICE_BUILTIN) {
        h = hash_bytes(h, &p->source, sizeof(p->source));
        h = hash_bytes(h, &p->standard, sizeof(p->standard) * 4);
        h = hash_bytes(h, &p->long_ctx, sizeof(p->long_ctx) * 3);
        h = hash_bytes(h, &p->web_search, sizeof(int64_t) * 4);
    }
    return VERSION_BIT | (int64_t)(mix(h) & (uint64_t)(VERSION_BIT - 1));
}

_Static_assert(offsetof(struct price, batch) ==
                   offsetof(struct price, standard) + 3 * sizeof(struct rates),
               "four tiers in a row");
_Static_assert(offsetof(struct price, per_char) ==
                   offsetof(struct price, web_search) + 3 * sizeof(int64_t),
               "four fees in a row");

static enum status push(struct book_builder *b, const struct price *p,
                        bool simple, struct err *err)
{
    if (b->n == ROWS_MAX)
        return err_set(err, E_TOO_BIG, "price", "more than %d prices",
                       ROWS_MAX);
    if (b->n == b->cap) {
        size_t cap = b->cap == 0 ? 1024 : b->cap * 2;
        void *rows = try_realloc(b->rows, cap * sizeof(*b->rows));
        if (rows == NULL)
            return err_set(err, E_NOMEM, "price", "no memory for %zu prices",
                           cap);
        b->rows = rows;
        b->cap = cap;
    }
    struct entry *e = &b->rows[b->n];
    e->p = *p;
    e->simple = simple;
    e->seq = (uint32_t)b->n++;
    if (e->p.version <= 0)
        e->p.version = make_version(p);
    return OK;
}

static enum status add_lines(struct book_builder *b, struct slice text,
                             enum price_source source, struct err *err)
{
    struct slice rest = text;
    for (int line = 1; rest.p != NULL; line++) {
        struct slice row = slice_cut(&rest, '\n');
        struct price p;
        bool found;
        enum status st = text_row(row, line, &p, &found, err);
        if (st == OK && found) {
            p.source = source;
            st = push(b, &p, false, err);
        }
        if (st != OK)
            return st;
    }
    return OK;
}

enum status book_add_builtin(struct book_builder *b, struct err *err)
{
    struct slice text =
        slice(price_book_text, (size_t)(price_book_text_end - price_book_text));
    enum status st = add_lines(b, text, PRICE_BUILTIN, err);
    return st == E_INVALID ? E_CORRUPT : st;
}

enum status book_add_text(struct book_builder *b, struct slice text,
                          enum price_source source, struct err *err)
{
    if (text.n == 0)
        return OK;
    struct slice own = arena_dup(&b->text, text);
    if (own.p == NULL)
        return err_set(err, E_NOMEM, "price", "price list too large");
    return add_lines(b, own, source, err);
}

static bool keep(struct arena *a, struct slice *s)
{
    if (s->n == 0) {
        *s = SLICE("");
        return true;
    }
    *s = arena_dup(a, *s);
    return s->p != NULL;
}

enum status book_add(struct book_builder *b, const struct price *p,
                     struct err *err)
{
    struct price own = *p;
    if (own.provider <= PROVIDER_NONE || own.provider >= PROVIDER_COUNT ||
        own.model.n == 0)
        return err_set(err, E_INVALID, "price",
                       "a price needs a provider "
                       "and a model");
    if (!keep(&b->text, &own.model) || !keep(&b->text, &own.text_source) ||
        !keep(&b->text, &own.text_date))
        return err_set(err, E_NOMEM, "price", "too many prices");
    return push(b, &own, false, err);
}

/* Where MODEL_PRICING says nothing of the provider: every one that carries
 * the name, else the one its pattern names. */
static enum status push_simple(struct book_builder *b, struct price *p,
                               struct err *err)
{
    enum provider_id named = names_prefix(&p->model);
    size_t known = b->n;
    bool seen[PROVIDER_COUNT] = {false};
    if (named == PROVIDER_NONE) {
        for (size_t i = 0; i < known; i++)
            if (slice_eq(b->rows[i].p.model, p->model))
                seen[b->rows[i].p.provider] = true;
    } else {
        seen[named] = true;
    }
    bool any = false;
    for (int id = PROVIDER_NONE + 1; id < PROVIDER_COUNT; id++)
        any |= seen[id];
    if (!any)
        seen[names_pattern(p->model)] = true;
    for (int id = PROVIDER_NONE + 1; id < PROVIDER_COUNT; id++) {
        if (!seen[id])
            continue;
        p->provider = (enum provider_id)id;
        enum status st = push(b, p, true, err);
        if (st != OK)
            return st;
    }
    return OK;
}

/* USD per thousand tokens as pico-dollars per token. */
static bool per_1k(const struct json *v, int64_t *pico)
{
    return v != NULL && (v->type == JSON_NUMBER || v->type == JSON_STRING) &&
           money_scan(v->text, 9, pico) && *pico >= 0 && *pico <= TEXT_RATE_MAX;
}

enum status book_add_per_1k(struct book_builder *b, struct slice json,
                            struct err *err)
{
    struct arena a;
    struct json *root = NULL;
    arena_init(&a, JSON_MAX);
    enum status st = json_parse(&a, json, &root, err);
    if (st == OK && root->type != JSON_OBJECT)
        st = err_set(err, E_INVALID, "price",
                     "model prices are not an "
                     "object");
    for (const struct json *m = st == OK ? root->child : NULL;
         m != NULL && st == OK; m = m->next) {
        struct price p;
        text_blank(&p);
        p.model = m->key;
        p.source = PRICE_FILE;
        p.text_source = SLICE("MODEL_PRICING");
        p.text_date = SLICE("");
        if (!text_name_ok(m->key) ||
            !per_1k(json_get(m, "input"), &p.standard.in) ||
            !per_1k(json_get(m, "output"), &p.standard.out))
            st = err_set(err, E_INVALID, "price",
                         "model \"%.*s\" needs "
                         "numbers \"input\" and \"output\", USD per 1000 "
                         "tokens with at most 9 decimals",
                         (int)(m->key.n > 60 ? 60 : m->key.n), m->key.p);
        else if (!keep(&b->text, &p.model))
            st = err_set(err, E_NOMEM, "price", "too many prices");
        else
            st = push_simple(b, &p, err);
    }
    arena_release(&a);
    return st;
}

/* ---- finishing ---------------------------------------------------------- */

static int compare_names(const struct price *a, const struct price *b)
{
    if (a->provider != b->provider)
        return a->provider < b->provider ? -1 : 1;
    size_t n = a->model.n < b->model.n ? a->model.n : b->model.n;
    int c = memcmp(a->model.p, b->model.p, n);
    if (c != 0)
        return c;
    return (a->model.n > b->model.n) - (a->model.n < b->model.n);
}

static int compare_rows(const void *va, const void *vb)
{
    const struct entry *a = *(const struct entry *const *)va;
    const struct entry *b = *(const struct entry *const *)vb;
    int c = compare_names(&a->p, &b->p);
    if (c != 0)
        return c;
    if (a->p.source != b->p.source)
        return a->p.source > b->p.source ? -1 : 1;
    if (a->p.from_ms != b->p.from_ms)
        return a->p.from_ms > b->p.from_ms ? -1 : 1;
    return a->seq > b->seq ? -1 : 1;
}

/* What a row of a higher layer leaves out is taken from the layer below: the
 * limits of a model and its fees are facts that a new rate does not change. */
static void inherit(struct price *p, const struct price *below)
{
    if (p->context == 0)
        p->context = below->context;
    if (p->max_output == 0)
        p->max_output = below->max_output;
    if (p->web_search == 0)
        p->web_search = below->web_search;
}

static void inherit_fees(struct price *p, const struct price *below)
{
    if (p->per_image == 0)
        p->per_image = below->per_image;
    if (p->per_audio_s == 0)
        p->per_audio_s = below->per_audio_s;
    if (p->per_char == 0)
        p->per_char = below->per_char;
}

static void copy_rows(struct book *k, struct entry **order)
{
    for (size_t i = 0; i < k->n; i++)
        k->rows[i] = order[i]->p;
    for (size_t i = k->n; i-- > 0;) { // from the lowest layer up
        struct price *p = &k->rows[i];
        for (size_t j = i + 1; j < k->n; j++) {
            const struct price *q = &k->rows[j];
            if (compare_names(p, q) != 0)
                break;
            if (q->source == p->source)
                continue;
            inherit(p, q);
            if (order[i]->simple)
                inherit_fees(p, q);
            break;
        }
    }
}

static void put(uint32_t *table, size_t mask, uint64_t h, uint32_t value)
{
    size_t at = (size_t)h & mask;
    while (table[at] != 0)
        at = (at + 1) & mask;
    table[at] = value;
}

static struct slice group_name(const struct book *k, uint32_t g)
{
    return k->rows[k->groups[g].first].model;
}

static enum provider_id group_provider(const struct book *k, uint32_t g)
{
    return k->rows[k->groups[g].first].provider;
}

/* The first group of a provider whose base name is `base`; or + 1 = 0. */
static uint32_t base_lookup(const struct book *k, enum provider_id provider,
                            struct slice base)
{
    for (size_t at = (size_t)hash_name(provider, base) & k->mask;
         k->base[at] != 0; at = (at + 1) & k->mask) {
        uint32_t g = k->base[at] - 1;
        if (group_provider(k, g) == provider &&
            slice_eq(names_base(group_name(k, g)), base))
            return g + 1;
    }
    return 0;
}

static void make_groups(struct book *k)
{
    for (size_t i = 0; i < k->n; i++) {
        if (i == 0 || compare_names(&k->rows[i - 1], &k->rows[i]) != 0)
            k->groups[k->group_count++].first = (uint32_t)i;
        k->groups[k->group_count - 1].count++;
    }
    for (uint32_t g = 0; g < k->group_count; g++) {
        enum provider_id id = group_provider(k, g);
        struct slice name = group_name(k, g), base = names_base(name);
        put(k->exact, k->mask, hash_name(id, name), g + 1);
        uint32_t first = base_lookup(k, id, base);
        if (first != 0) {
            k->groups[g].next_base = k->groups[first - 1].next_base;
            k->groups[first - 1].next_base = g + 1;
        } else {
            put(k->base, k->mask, hash_name(id, base), g + 1);
        }
    }
}

struct numbered {
    int64_t version;
    uint32_t row;
};

static int compare_numbers(const void *va, const void *vb)
{
    const struct numbered *a = va, *b = vb;
    return (a->version > b->version) - (a->version < b->version);
}

static void make_versions(struct book *k)
{
    struct numbered *v = xcalloc(k->n + 1, sizeof(*v));
    for (size_t i = 0; i < k->n; i++)
        v[i] = (struct numbered){k->rows[i].version, (uint32_t)i};
    qsort(v, k->n, sizeof(*v), compare_numbers);
    for (size_t i = 0; i < k->n; i++)
        k->by_version[i] = v[i].row;
    free(v);
}

static int compare_times(const void *va, const void *vb)
{
    const int64_t *a = va, *b = vb;
    return (*a > *b) - (*a < *b);
}

/* The dates of provider `id`, or of all if it has no rows of its own. */
static void make_dates(struct book *k, int id)
{
    struct dearest *d = &k->dearest[id];
    bool own = false;
    for (size_t i = 0; i < k->n; i++)
        own |= (int)k->rows[i].provider == id;
    d->from = xcalloc(k->n + 1, sizeof(*d->from));
    for (size_t i = 0; i < k->n; i++)
        if (!own || (int)k->rows[i].provider == id)
            d->from[d->n++] = k->rows[i].from_ms;
    qsort(d->from, d->n, sizeof(*d->from), compare_times);
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++)
        if (n == 0 || d->from[n - 1] != d->from[i])
            d->from[n++] = d->from[i];
    d->n = n;
    d->at = xcalloc(n + 1, sizeof(*d->at));
}

struct book *book_finish(struct book_builder **pb)
{
    struct book_builder *b = *pb;
    struct book *k = xcalloc(1, sizeof(*k));
    *pb = NULL;
    k->refs = 1;
    k->n = b->n;
    k->text = b->text;
    size_t slots = 64;
    while (slots < b->n * 2 + 2)
        slots *= 2;
    k->mask = slots - 1;
    k->rows = xcalloc(b->n + 1, sizeof(*k->rows));
    k->groups = xcalloc(b->n + 1, sizeof(*k->groups));
    k->exact = xcalloc(slots, sizeof(*k->exact));
    k->base = xcalloc(slots, sizeof(*k->base));
    k->by_version = xcalloc(b->n + 1, sizeof(*k->by_version));
    struct entry **order = xcalloc(b->n + 1, sizeof(struct entry *));
    for (size_t i = 0; i < b->n; i++)
        order[i] = &b->rows[i];
    qsort(order, b->n, sizeof(struct entry *), compare_rows);
    copy_rows(k, order);
    make_groups(k);
    make_versions(k);
    for (int id = 0; id < PROVIDER_COUNT; id++)
        make_dates(k, id);
    free(order);
    free(b->rows);
    free(b);
    return k;
}

struct book *book_ref(struct book *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void book_unref(struct book **pb)
{
    struct book *b = *pb;
    *pb = NULL;
    if (b == NULL ||
        atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (int id = 0; id < PROVIDER_COUNT; id++) {
        for (size_t i = 0; i < b->dearest[id].n; i++)
            free(atomic_load(&b->dearest[id].at[i]));
        free(b->dearest[id].at);
        free(b->dearest[id].from);
    }
    arena_release(&b->text);
    free(b->rows);
    free(b->groups);
    free(b->exact);
    free(b->base);
    free(b->by_version);
    free(b);
}

/* ---- finding ------------------------------------------------------------ */

/* The row of a group in force at an instant (invariant 1). */
static const struct price *in_force(const struct book *k, uint32_t g,
                                    int64_t at_ms)
{
    const struct price *rows = &k->rows[k->groups[g].first];
    const struct price *earliest = &rows[0];
    for (uint32_t i = 0; i < k->groups[g].count; i++) {
        if (rows[i].from_ms <= at_ms)
            return &rows[i];
        if (rows[i].from_ms < earliest->from_ms)
            earliest = &rows[i];
    }
    return earliest;
}

static const struct price *find_exact(const struct book *k,
                                      enum provider_id provider,
                                      struct slice name, int64_t at_ms)
{
    for (size_t at = (size_t)hash_name(provider, name) & k->mask;
         k->exact[at] != 0; at = (at + 1) & k->mask) {
        uint32_t g = k->exact[at] - 1;
        if (group_provider(k, g) == provider &&
            slice_eq(group_name(k, g), name))
            return in_force(k, g, at_ms);
    }
    return NULL;
}

static bool same_rates(const struct price *a, const struct price *b)
{
    return memcmp(&a->standard, &b->standard, sizeof(a->standard) * 4) == 0 &&
           memcmp(&a->long_ctx, &b->long_ctx, sizeof(a->long_ctx) * 3) == 0 &&
           memcmp(&a->web_search, &b->web_search, sizeof(int64_t) * 4) == 0 &&
           a->long_above == b->long_above &&
           a->long_inclusive == b->long_inclusive &&
           a->fast_permille == b->fast_permille &&
           a->us_permille == b->us_permille && a->eu_permille == b->eu_permille;
}

/* The name without its date; several dated rows of one base are unambiguous
 * if they cost the same, and then the last by name is meant. */
static const struct price *find_base(const struct book *k,
                                     enum provider_id provider,
                                     struct slice name, int64_t at_ms)
{
    struct slice base = names_base(name);
    const struct price *p = find_exact(k, provider, base, at_ms);
    if (p != NULL)
        return p;
    for (uint32_t g = base_lookup(k, provider, base); g != 0;
         g = k->groups[g - 1].next_base) {
        const struct price *q = in_force(k, g - 1, at_ms);
        if (p != NULL && !same_rates(p, q))
            return NULL;
        if (p == NULL || compare_names(q, p) > 0)
            p = q;
    }
    return p;
}

static const struct price *find_in(const struct book *k,
                                   enum provider_id provider, struct slice name,
                                   int64_t at_ms)
{
    const struct price *p = find_exact(k, provider, name, at_ms);
    if (p != NULL)
        return p;
    struct slice cut = names_plain(names_tuned(name));
    if (cut.n != name.n && (p = find_exact(k, provider, cut, at_ms)) != NULL)
        return p;
    return find_base(k, provider, cut, at_ms);
}

/* The best over all providers: the highest layer, then by precedence. */
static const struct price *
find_any(const struct book *k, struct slice name, int64_t at_ms,
         const struct price *(*find)(const struct book *, enum provider_id,
                                     struct slice, int64_t))
{
    const struct price *best = NULL;
    for (size_t i = 0; i < PROVIDERS_N; i++) {
        const struct price *p = find(k, precedence[i], name, at_ms);
        if (p != NULL && (best == NULL || p->source > best->source))
            best = p;
    }
    return best;
}

const struct price *book_find(const struct book *b, enum provider_id provider,
                              struct slice model, int64_t at_ms)
{
    if (model.n == 0)
        return NULL;
    if (provider == PROVIDER_NONE) {
        const struct price *p = find_any(b, model, at_ms, find_exact);
        return p != NULL ? p : find_any(b, model, at_ms, find_in);
    }
    const struct price *p = find_in(b, provider, model, at_ms);
    if (p == NULL && provider == PROVIDER_AZURE)
        p = find_in(b, PROVIDER_OPENAI, model, at_ms);
    if (p == NULL && provider == PROVIDER_OPENROUTER) {
        enum provider_id vendor = names_prefix(&model);
        if (vendor != PROVIDER_NONE && vendor != PROVIDER_OPENROUTER)
            p = find_in(b, vendor, model, at_ms);
    }
    return p;
}

enum provider_id book_resolve(const struct book *b, struct slice *model,
                              int64_t at_ms)
{
    enum provider_id id = names_prefix(model);
    *model = names_plain(*model);
    if (id != PROVIDER_NONE)
        return id;
    const struct price *p = book_find(b, PROVIDER_NONE, *model, at_ms);
    return p != NULL ? p->provider : names_pattern(*model);
}

/* ---- dearest ------------------------------------------------------------ */

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void raise_rates(struct rates *top, const struct rates *r)
{
    int64_t t[9], v[9];
    _Static_assert(sizeof(t) == sizeof(*top), "nine classes");
    memcpy(t, top, sizeof(t));
    memcpy(v, r, sizeof(v));
    for (int i = 0; i < 9; i++)
        t[i] = max64(t[i], v[i]);
    memcpy(top, t, sizeof(t));
}

static bool is_text(const struct price *p)
{
    return p->standard.in > 0 && p->standard.out > 0;
}

static void raise_price(struct price *top, const struct price *p)
{
    if (is_text(p)) {
        raise_rates(&top->standard, &p->standard);
        raise_rates(&top->standard, &p->flex);
        raise_rates(&top->standard, &p->batch);
        raise_rates(&top->standard, &p->long_ctx);
        raise_rates(&top->standard, &p->long_flex);
        raise_rates(&top->priority, &p->priority);
        raise_rates(&top->priority, &p->long_priority);
        top->context = max64(top->context, p->context);
    }
    top->web_search = max64(top->web_search, p->web_search);
    top->per_image = max64(top->per_image, p->per_image);
    top->per_audio_s = max64(top->per_audio_s, p->per_audio_s);
    top->per_char = max64(top->per_char, p->per_char);
    if (p->fast_permille > top->fast_permille)
        top->fast_permille = p->fast_permille;
    if (p->us_permille > top->us_permille)
        top->us_permille = p->us_permille;
    if (p->eu_permille > top->eu_permille)
        top->eu_permille = p->eu_permille;
}

static struct price *make_dearest(const struct book *b, enum provider_id id,
                                  bool any, int64_t at_ms)
{
    struct price *top = xcalloc(1, sizeof(*top));
    text_blank(top);
    top->provider = id;
    top->model = SLICE("");
    top->text_source = SLICE("dearest");
    top->text_date = SLICE("");
    for (uint32_t g = 0; g < b->group_count; g++)
        if (any || group_provider(b, g) == id)
            raise_price(top, in_force(b, g, at_ms));
    top->standard.in = max64(top->standard.in, 0);
    top->standard.out = max64(top->standard.out, 0);
    // a class another model prices apart is at least this model's plain rate
    struct rates *s = &top->standard, *f = &top->priority;
    raise_rates(f, s);
    struct rates *each[] = {s, f};
    for (int i = 0; i < 2; i++) {
        struct rates *r = each[i];
        r->cached = max64(r->cached, r->in);
        r->cache_write = max64(r->cache_write, r->in);
        r->cache_write_1h = max64(r->cache_write_1h, r->cache_write);
        r->audio_in = max64(r->audio_in, r->in);
        r->image_in = max64(r->image_in, r->in);
        r->audio_out = max64(r->audio_out, r->out);
        r->image_out = max64(r->image_out, r->out);
    }
    return top;
}

const struct price *book_dearest(const struct book *b,
                                 enum provider_id provider, int64_t at_ms)
{
    const struct dearest *d = &b->dearest[provider];
    if (d->n == 0)
        return NULL;
    size_t lo = 0, hi = d->n; // the last date that has come, or the first
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (d->from[mid] <= at_ms)
            lo = mid;
        else
            hi = mid;
    }
    struct price *p = atomic_load_explicit(&d->at[lo], memory_order_acquire);
    if (p != NULL)
        return p;
    bool any = true;
    for (uint32_t g = 0; g < b->group_count && any; g++)
        any = group_provider(b, g) != provider;
    struct price *made = make_dearest(b, provider, any, d->from[lo]);
    if (atomic_compare_exchange_strong(&d->at[lo], &p, made))
        return made;
    free(made); // another thread was first
    return p;
}

const struct price *book_version(const struct book *b, int64_t version)
{
    size_t lo = 0, hi = b->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct price *p = &b->rows[b->by_version[mid]];
        if (p->version == version)
            return p;
        if (p->version < version)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

void book_each(const struct book *b, int64_t at_ms,
               bool (*fn)(void *arg, const struct price *p), void *arg)
{
    for (uint32_t g = 0; g < b->group_count; g++)
        if (!fn(arg, in_force(b, g, at_ms)))
            return;
}

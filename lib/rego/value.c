/* value.c - order, equality, construction and lookup of values.
 *
 * Objects and sets are vectors sorted by value_compare and searched by
 * bisection, small ones by a scan.  Hashes are computed when asked (rule
 * index, caches), never kept: most values are never hashed.
 */
#include "rego/value.h"

#include <stdlib.h>
#include <string.h>

#include "rego/number.h"

#define SCAN_MAX 8 /* up to here a scan beats bisection */

// ---- construction ---------------------------------------------------------

/* A collection knows how deep it is, so that whoever builds values can stop
 * before printing or comparing them would exhaust the stack. */
static uint8_t depth_over(const struct value *v, size_t n)
{
    unsigned deepest = 0;
    for (size_t i = 0; i < n; i++)
        if (value_depth(&v[i]) > deepest)
            deepest = value_depth(&v[i]);
    return (uint8_t)((deepest < VALUE_DEPTH_FULL ? deepest + 1 : deepest) << 1);
}

struct value value_array(const struct value *items, size_t n)
{
    return (struct value){.kind = V_ARRAY,
                          .flags = depth_over(items, n),
                          .n = (uint32_t)n,
                          .u.v = items};
}

struct value *value_alloc(struct arena *a, size_t n)
{
    if (n > UINT32_MAX / sizeof(struct value))
        return NULL;
    return arena_try(a, n * sizeof(struct value));
}

void value_list_add(struct value_list *l, struct value v)
{
    if (l->failed)
        return;
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 8 : l->cap * 2;
        struct value *items = value_alloc(l->arena, cap);
        if (items == NULL) {
            l->failed = true;
            return;
        }
        if (l->n > 0)
            memcpy(items, l->items, l->n * sizeof *items);
        l->items = items;
        l->cap = cap;
    }
    l->items[l->n++] = v;
}

struct value value_list_array(struct value_list *l)
{
    return l->failed ? value_undef() : value_array(l->items, l->n);
}

struct value value_list_set(struct value_list *l)
{
    return l->failed ? value_undef() : value_set(l->items, l->n);
}

struct value value_list_object(struct value_list *l)
{
    return l->failed ? value_undef() : value_object(l->items, l->n / 2);
}

/* Sorting: insertion for few items; else heap sort, made stable by the
 * position, which lies in unused bits of the key while sorting. */
static void swap_items(struct value *a, struct value *b, size_t w)
{
    for (size_t i = 0; i < w; i++) {
        struct value t = a[i];
        a[i] = b[i];
        b[i] = t;
    }
}

static void sort_insertion(struct value *v, size_t n, size_t w)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = i;
             j > 0 && value_compare(&v[(j - 1) * w], &v[j * w]) > 0; j--)
            swap_items(&v[(j - 1) * w], &v[j * w], w);
}

/* Of equal keys in one 65,536th of a bigger collection any may be the last. */
static void set_position(struct value *v, size_t i, size_t n)
{
    v->spare = (uint16_t)(n <= UINT16_MAX ? i : i * UINT16_MAX / n);
}

static int compare_at(const struct value *a, const struct value *b)
{
    int c = value_compare(a, b);
    return c != 0 ? c : (a->spare > b->spare) - (a->spare < b->spare);
}

static void sift(struct value *v, size_t w, size_t at, size_t n)
{
    for (;;) {
        size_t big = at, l = 2 * at + 1;
        if (l < n && compare_at(&v[l * w], &v[big * w]) > 0)
            big = l;
        if (l + 1 < n && compare_at(&v[(l + 1) * w], &v[big * w]) > 0)
            big = l + 1;
        if (big == at)
            return;
        swap_items(&v[at * w], &v[big * w], w);
        at = big;
    }
}

static void sort_heap(struct value *v, size_t n, size_t w)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(v, w, i, n);
    for (size_t i = n; i-- > 1;) {
        swap_items(&v[0], &v[i * w], w);
        sift(v, w, 0, i);
    }
}

static bool sorted(const struct value *v, size_t n, size_t w)
{
    for (size_t i = 1; i < n; i++)
        if (value_compare(&v[(i - 1) * w], &v[i * w]) >= 0)
            return false;
    return true;
}

static size_t sort_unique(struct value *v, size_t n, size_t w)
{
    if (sorted(v, n, w))
        return n;
    if (n <= 16) {
        sort_insertion(v, n, w);
    } else {
        for (size_t i = 0; i < n; i++)
            set_position(&v[i * w], i, n);
        sort_heap(v, n, w);
        for (size_t i = 0; i < n; i++)
            v[i * w].spare = 0;
    }
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        if (out > 0 && value_compare(&v[(out - 1) * w], &v[i * w]) == 0) {
            if (w == 2) // a later member replaces, the first key stays
                v[(out - 1) * w + 1] = v[i * w + 1];
            continue;
        }
        if (out != i)
            memcpy(&v[out * w], &v[i * w], w * sizeof *v);
        out++;
    }
    return out;
}

struct value value_sorted(enum value_kind k, const struct value *items,
                          size_t n)
{
    return (struct value){.kind = (uint8_t)k,
                          .flags = depth_over(items, k == V_OBJECT ? 2 * n : n),
                          .n = (uint32_t)n,
                          .u.v = items};
}

struct value value_set(struct value *items, size_t n)
{
    return value_sorted(V_SET, items, sort_unique(items, n, 1));
}

struct value value_object(struct value *pairs, size_t n)
{
    return value_sorted(V_OBJECT, pairs, sort_unique(pairs, n, 2));
}

// ---- order and equality ---------------------------------------------------

static int compare_numbers(const struct value *a, const struct value *b)
{
    if ((a->flags & b->flags & VALUE_INT) != 0)
        return (a->u.i > b->u.i) - (a->u.i < b->u.i);
    struct number x, y;
    return number_cmp(value_number(a, &x), value_number(b, &y));
}

static int compare_strings(const struct value *a, const struct value *b)
{
    size_t n = a->n < b->n ? a->n : b->n;
    int c = n == 0 ? 0 : memcmp(a->u.s, b->u.s, n);
    return c != 0 ? c : (a->n > b->n) - (a->n < b->n);
}

static int compare_vectors(const struct value *a, const struct value *b)
{
    uint32_t n = a->n < b->n ? a->n : b->n;
    for (uint32_t i = 0; i < n; i++) {
        int c = value_compare(&a->u.v[i], &b->u.v[i]);
        if (c != 0)
            return c;
    }
    return (a->n > b->n) - (a->n < b->n);
}

/* As OPA: member by member in sorted order, key then value. */
static int compare_objects(const struct value *a, const struct value *b)
{
    uint32_t n = a->n < b->n ? a->n : b->n;
    for (uint32_t i = 0; i < n; i++) {
        int c = value_compare(&a->u.v[2 * i], &b->u.v[2 * i]);
        if (c == 0)
            c = value_compare(&a->u.v[2 * i + 1], &b->u.v[2 * i + 1]);
        if (c != 0)
            return c;
    }
    return (a->n > b->n) - (a->n < b->n);
}

int value_compare(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind)
        return (int)a->kind - (int)b->kind;
    switch ((enum value_kind)a->kind) {
    case V_UNDEF:
    case V_NULL:
        return 0;
    case V_BOOL:
        return (int)a->n - (int)b->n;
    case V_NUMBER:
        return compare_numbers(a, b);
    case V_STRING:
        return compare_strings(a, b);
    case V_ARRAY:
    case V_SET:
        return compare_vectors(a, b);
    case V_OBJECT:
        return compare_objects(a, b);
    }
    return 0;
}

bool value_equal(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind)
        return false;
    switch ((enum value_kind)a->kind) {
    case V_UNDEF:
    case V_NULL:
        return true;
    case V_BOOL:
        return a->n == b->n;
    case V_NUMBER:
        return compare_numbers(a, b) == 0;
    case V_STRING:
        return a->n == b->n && (a->n == 0 || memcmp(a->u.s, b->u.s, a->n) == 0);
    case V_ARRAY:
    case V_SET:
    case V_OBJECT:
        break;
    }
    if (a->n != b->n)
        return false;
    size_t n = (size_t)a->n * (a->kind == V_OBJECT ? 2 : 1);
    for (size_t i = 0; i < n && a->u.v != b->u.v; i++)
        if (!value_equal(&a->u.v[i], &b->u.v[i]))
            return false;
    return true;
}

static uint64_t mix(uint64_t h, uint64_t x)
{
    h ^= x;
    h *= 0x9e3779b97f4a7c15u;
    return h ^ (h >> 29);
}

static uint64_t hash_bytes(uint64_t h, const char *p, size_t n)
{
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        h = mix(h, w);
    }
    uint64_t w = n;
    for (size_t i = 0; i < n; i++)
        w = w << 8 | (uint8_t)p[i];
    return mix(h, w);
}

uint64_t value_hash(const struct value *v)
{
    uint64_t h = mix(0x243f6a8885a308d3u, v->kind);
    switch ((enum value_kind)v->kind) {
    case V_UNDEF:
    case V_NULL:
        return h;
    case V_BOOL:
        return mix(h, v->n);
    case V_NUMBER: {
        int64_t i;
        if (value_as_int(v, &i))
            return mix(h, (uint64_t)i);
        return mix(h, number_hash(v->u.num));
    }
    case V_STRING:
        return hash_bytes(h, v->u.s, v->n);
    case V_ARRAY:
    case V_SET:
    case V_OBJECT:
        break;
    }
    size_t n = (size_t)v->n * (v->kind == V_OBJECT ? 2 : 1);
    for (size_t i = 0; i < n; i++)
        h = mix(h, value_hash(&v->u.v[i]));
    return h;
}

// ---- lookup ---------------------------------------------------------------

static const struct value *search(const struct value *c, size_t w,
                                  const struct value *key)
{
    size_t lo = 0, hi = c->n;
    while (hi - lo > SCAN_MAX) {
        size_t mid = lo + (hi - lo) / 2;
        int d = value_compare(&c->u.v[mid * w], key);
        if (d == 0)
            return &c->u.v[mid * w];
        if (d < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < hi; lo++)
        if (value_equal(&c->u.v[lo * w], key))
            return &c->u.v[lo * w];
    return NULL;
}

const struct value *value_get(const struct value *object,
                              const struct value *key)
{
    if (object->kind != V_OBJECT)
        return NULL;
    const struct value *k = search(object, 2, key);
    return k != NULL ? k + 1 : NULL;
}

const struct value *value_get_str(const struct value *object, struct slice key)
{
    struct value k = value_str(key);
    return value_get(object, &k);
}

const struct value *value_set_find(const struct value *set,
                                   const struct value *elem)
{
    return set->kind == V_SET ? search(set, 1, elem) : NULL;
}

const struct value *value_lookup(const struct value *v, const struct value *key)
{
    if (v->kind == V_OBJECT) {
        const struct value *k = search(v, 2, key);
        return k != NULL ? k + 1 : NULL;
    }
    if (v->kind == V_SET)
        return search(v, 1, key);
    int64_t i;
    if (v->kind == V_ARRAY && value_as_int(key, &i) && i >= 0 &&
        (uint64_t)i < v->n)
        return &v->u.v[i];
    return NULL;
}

// ---- numbers --------------------------------------------------------------

bool value_as_int(const struct value *v, int64_t *out)
{
    if (v->kind != V_NUMBER)
        return false;
    if ((v->flags & VALUE_INT) != 0) {
        *out = v->u.i;
        return true;
    }
    return number_i64(v->u.num, out);
}

bool value_is_integral(const struct value *v)
{
    return v->kind == V_NUMBER &&
           ((v->flags & VALUE_INT) != 0 || number_is_int(v->u.num));
}

/* The plain form of an int64, as it prints: no sign but '-', no leading
 * zero, no "-0". */
static bool plain_int(struct slice t, int64_t *out)
{
    size_t i = 0;
    bool neg = t.n > 0 && t.p[0] == '-';
    if (neg)
        i = 1;
    if (i >= t.n || t.n - i > 18 || (t.p[i] == '0' && (t.n - i > 1 || neg)))
        return false;
    int64_t v = 0;
    for (; i < t.n; i++) {
        if (t.p[i] < '0' || t.p[i] > '9')
            return false;
        v = v * 10 + (t.p[i] - '0');
    }
    *out = neg ? -v : v;
    return true;
}

bool value_number_text(struct arena *a, struct slice text, struct value *out)
{
    int64_t i;
    if (plain_int(text, &i)) {
        *out = value_int(i);
        return true;
    }
    struct number n;
    struct err err;
    return number_parse(a, text, &n, &err) == OK &&
           value_from_number(a, &n, out);
}

bool value_from_number(struct arena *a, const struct number *n,
                       struct value *out)
{
    if (n->kind == NUMBER_INT && n->text == NULL) {
        *out = value_int(n->i);
        return true;
    }
    struct number *kept = arena_try(a, sizeof *kept);
    if (kept == NULL)
        return false;
    *kept = *n;
    *out = value_num(kept);
    return true;
}

const struct number *value_number(const struct value *v, struct number *room)
{
    if ((v->flags & VALUE_INT) == 0)
        return v->u.num;
    *room = number_int(v->u.i);
    return room;
}

// ---- copy -----------------------------------------------------------------

struct value value_copy(struct arena *a, const struct value *v)
{
    struct value out = *v;
    if (v->kind == V_STRING) {
        struct slice s = arena_dup(a, value_slice(v));
        if (s.p == NULL)
            return value_undef();
        out.u.s = s.p;
    } else if (v->kind == V_NUMBER && (v->flags & VALUE_INT) == 0) {
        struct number *n = arena_try(a, sizeof *n);
        if (n == NULL || number_copy(a, v->u.num, n) != OK)
            return value_undef();
        out.u.num = n;
    } else if (v->kind >= V_ARRAY) {
        size_t n = (size_t)v->n * (v->kind == V_OBJECT ? 2 : 1);
        struct value *items = value_alloc(a, n);
        if (items == NULL)
            return value_undef();
        for (size_t i = 0; i < n; i++) {
            items[i] = value_copy(a, &v->u.v[i]);
            if (items[i].kind == V_UNDEF)
                return value_undef();
        }
        out.u.v = items;
    }
    return out;
}

const char *value_kind_name(enum value_kind k)
{
    static const char *const names[] = {"undefined", "null",   "boolean",
                                        "number",    "string", "array",
                                        "object",    "set"};
    return names[k];
}

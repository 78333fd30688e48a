/* value.h - Rego's values: 16 bytes, tagged, immutable.
 *
 * A value borrows what it points at; that lives in some `struct arena` (the
 * policy's, the caller's input's or the evaluation's) and is never changed
 * after the value was handed on, so values may be shared by any threads.
 * Objects and sets are sorted vectors: order is part of the semantics.
 * Order of kinds: null < bool < number < string < array < object < set.
 * Not here: arithmetic (number.h).
 */
#ifndef REGO_VALUE_H
#define REGO_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

struct number;

/* In the order in which values of different kinds sort. */
enum value_kind {
    V_UNDEF, /* no value; never inside another value */
    V_NULL,
    V_BOOL,
    V_NUMBER,
    V_STRING,
    V_ARRAY,
    V_OBJECT,
    V_SET,
};

#define VALUE_INT 1 /* flags: a number whose exact value and text is `u.i` */

struct value {
    uint8_t kind;  /* enum value_kind */
    uint8_t flags; /* numbers: VALUE_INT; collections: depth << 1 */
    uint16_t spare;
    uint32_t n; /* bytes, elements or members; 1 for true */
    union {
        int64_t i;                /* number with VALUE_INT */
        const struct number *num; /* any other number */
        const char *s;            /* string; no terminator promised */
        const struct value *v;    /* array, set: n elements; object: n pairs
                                     key, value, one behind the other */
    } u;
};

#define VALUE_DEPTH_MAX 100  /* nesting that text may have */
#define VALUE_DEPTH_FULL 127 /* this deep or deeper: no more is built */

/* No value at all. */
static inline struct value value_undef(void)
{
    return (struct value){0};
}
/* null. */
static inline struct value value_null(void)
{
    return (struct value){.kind = V_NULL};
}
/* true or false. */
static inline struct value value_bool(bool b)
{
    return (struct value){.kind = V_BOOL, .n = b};
}
/* An integer. */
static inline struct value value_int(int64_t i)
{
    return (struct value){.kind = V_NUMBER, .flags = VALUE_INT, .u.i = i};
}
/* A number that is not (known to be) a plain int64. */
static inline struct value value_num(const struct number *n)
{
    return (struct value){.kind = V_NUMBER, .u.num = n};
}
/* A string that borrows its bytes (at most 4 GB). */
static inline struct value value_str(struct slice s)
{
    return (struct value){.kind = V_STRING, .n = (uint32_t)s.n, .u.s = s.p};
}
/* A string constant. */
#define VALUE_LIT(lit) value_str(SLICE(lit))
/* The bytes of a string value. */
static inline struct slice value_slice(const struct value *v)
{
    return slice(v->u.s, v->n);
}
/* True if `v` is exactly true. */
static inline bool value_is_true(const struct value *v)
{
    return v->kind == V_BOOL && v->n != 0;
}
/* True if `v` is exactly false. */
static inline bool value_is_false(const struct value *v)
{
    return v->kind == V_BOOL && v->n == 0;
}

/* How deep a value is nested, saturating at VALUE_DEPTH_FULL; a scalar is 0. */
static inline unsigned value_depth(const struct value *v)
{
    return v->kind >= V_ARRAY ? v->flags >> 1 : 0;
}

/* An array of `n` ready elements (not copied). */
struct value value_array(const struct value *items, size_t n);

/* A set of the `n` values at `items`, which is sorted and deduplicated in
 * place and then belongs to the value. */
struct value value_set(struct value *items, size_t n);

/* An object of `n` key-value pairs at `pairs` (2n values), sorted in place
 * and then owned by the value.  Of equal keys the last one stays. */
struct value value_object(struct value *pairs, size_t n);

/* A set or object (V_SET, V_OBJECT) of what is already sorted and without
 * duplicates: `n` elements or pairs. */
struct value value_sorted(enum value_kind k, const struct value *items,
                          size_t n);

/* A growing list in an arena; after a failed growth (the arena's limit)
 * `failed` is set and adding does nothing. */
struct value_list {
    struct arena *arena;
    struct value *items;
    size_t n, cap;
    bool failed;
};

/* Readies an empty list. */
static inline void value_list_init(struct value_list *l, struct arena *a)
{
    *l = (struct value_list){.arena = a};
}
/* Adds one value (for objects: key, then value). */
void value_list_add(struct value_list *l, struct value v);
/* The list as an array, set, or object (items are pairs).  V_UNDEF if the
 * list failed.  The list's memory goes with the value. */
struct value value_list_array(struct value_list *l);
/* See value_list_array. */
struct value value_list_set(struct value_list *l);
/* See value_list_array. */
struct value value_list_object(struct value_list *l);

/* Room for `n` values, or NULL at the arena's limit. */
MUST_CHECK struct value *value_alloc(struct arena *a, size_t n);

/* <0, 0, >0 in Rego's order; numbers by exact value (1 equals 1.0). */
int value_compare(const struct value *a, const struct value *b);
/* Equality, quicker than value_compare. */
bool value_equal(const struct value *a, const struct value *b);
/* Equal values hash alike (1 and 1.0 too). */
uint64_t value_hash(const struct value *v);

/* The member of an object under `key`, or NULL. */
const struct value *value_get(const struct value *object,
                              const struct value *key);
/* The member of an object under a string key, or NULL. */
const struct value *value_get_str(const struct value *object, struct slice key);
/* The element of a set equal to `elem`, or NULL. */
const struct value *value_set_find(const struct value *set,
                                   const struct value *elem);
/* What `v[key]` is: array by integer, object by key, set by element; NULL if
 * there is none. */
const struct value *value_lookup(const struct value *v,
                                 const struct value *key);

/* True and `*out` if `v` is a number that is an integer within int64. */
bool value_as_int(const struct value *v, int64_t *out);
/* True if `v` is a number of integral value (any size, also 1.0). */
bool value_is_integral(const struct value *v);

/* The value of a number, which is copied into `a` if it does not fit a plain
 * integer (its limbs and text are borrowed); false at the arena's limit. */
MUST_CHECK bool value_from_number(struct arena *a, const struct number *n,
                                  struct value *out);
/* The number of a number value; `room` is used if it is a plain integer. */
const struct number *value_number(const struct value *v, struct number *room);

/* A number from JSON text ("1", "-1.50e3"); false if it is none or the arena
 * is full. Keeps the text. */
bool value_number_text(struct arena *a, struct slice text, struct value *out);

/* `v` copied deeply into `a`; V_UNDEF at the arena's limit. */
struct value value_copy(struct arena *a, const struct value *v);

/* Parses JSON.  Strict RFC 8259, depth <= VALUE_DEPTH_MAX; of repeated keys
 * the last counts.  Strings without escapes borrow from `text`.
 * E_INVALID with what and where; E_TOO_BIG: the arena's limit. */
MUST_CHECK enum status value_parse_json(struct arena *a, struct slice text,
                                        struct value *out, struct err *err);

/* Appends `v` as compact JSON as OPA prints it: sets as arrays, keys that are
 * no strings as their JSON text. */
void value_json(struct buf *b, const struct value *v);
/* As value_json into an arena; `.p` NULL at the limit. */
struct slice value_json_arena(struct arena *a, const struct value *v);
/* Appends `v` as a Rego term as OPA prints it: {"a": 1}, set(), {1, 2}. */
void value_term(struct buf *b, const struct value *v);
/* As value_term into an arena; `.p` NULL at the limit. */
struct slice value_term_arena(struct arena *a, const struct value *v);

/* Appends `s` quoted as Go's strconv.Quote does. */
void value_quote(struct buf *b, struct slice s);
/* Decodes JSON's escapes of `raw` into `to` (room for raw.n bytes; the result
 * is never longer); false if one is wrong. */
MUST_CHECK bool value_unescape(struct slice raw, char *to, size_t *n);
/* Writes a code point as UTF-8 (at most 4 bytes); returns how many. */
size_t value_put_utf8(char *to, uint32_t cp);

/* "null", "boolean", "number", "string", "array", "object", "set". */
const char *value_kind_name(enum value_kind k);

#endif

/* number.h - Rego's numbers: exact integers, and fractions as OPA computes
 * them.
 *
 * A number is a value of 32 bytes; big magnitudes lie in an arena.  An integer
 * ("1", "1.0", "1e3" alike) is exact up to NUMBER_BITS_MAX bits.  A fraction
 * carries a 64-bit mantissa rounded half to even, which is Go's big.Float as
 * OPA uses it; all of it is integer arithmetic, the same on every CPU.  A
 * number read from text remembers the text if printing would not give it back
 * ("1.50").  Immutable; safe from any thread as long as its arena lives.
 */
#ifndef REGO_NUMBER_H
#define REGO_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* Integers beyond +-2^NUMBER_BITS_MAX and fractions smaller than
 * 2^-NUMBER_BITS_MAX are refused with E_TOO_BIG. */
#define NUMBER_BITS_MAX 16384
/* The longest text read as a number. */
#define NUMBER_TEXT_MAX 6000

enum number_kind {
    NUMBER_INT,   /* .i */
    NUMBER_BIG,   /* an integer outside int64: neg, limb[0 .. limbs) */
    NUMBER_FLOAT, /* never an integer: (-1)^neg * mant * 2^exp, exp < 0 */
};

struct number {
    uint8_t kind; /* enum number_kind */
    bool neg;     /* BIG and FLOAT */
    int32_t exp;
    uint32_t limbs;   /* count of 32-bit limbs, least significant first */
    uint32_t text_n;  /* bytes of `text` */
    const char *text; /* as written, or NULL: print canonically */
    union {
        int64_t i;
        const uint32_t *limb;
        uint64_t mant; /* highest bit set */
    };
};

enum number_bitop { NUMBER_AND, NUMBER_OR, NUMBER_XOR };

/* The number of an int64. */
static inline struct number number_int(int64_t i)
{
    return (struct number){.kind = NUMBER_INT, .i = i};
}

/* True if `n` is an integer of any size. */
static inline bool number_is_int(const struct number *n)
{
    return n->kind != NUMBER_FLOAT;
}

/* int64 fast paths: false on overflow (then use the general function). */
static inline bool number_add_i64(int64_t x, int64_t y, int64_t *out)
{
    return !__builtin_add_overflow(x, y, out);
}
/* As number_add_i64, x - y. */
static inline bool number_sub_i64(int64_t x, int64_t y, int64_t *out)
{
    return !__builtin_sub_overflow(x, y, out);
}
/* As number_add_i64, x * y. */
static inline bool number_mul_i64(int64_t x, int64_t y, int64_t *out)
{
    return !__builtin_mul_overflow(x, y, out);
}

/* Reads JSON number text.  `text` is borrowed if it is not the canonical form
 * and must then live as long as `out`; big magnitudes are cut from `a`.
 * E_INVALID: no JSON number; E_TOO_BIG: beyond the bounds above, or the
 * arena's limit.  `err` may be NULL, also below. */
MUST_CHECK enum status number_parse(struct arena *a, struct slice text,
                                    struct number *out, struct err *err);

/* Reads what OPA's to_number takes: JSON numbers, and "+5", ".5", "5.",
 * "007".  Errors as number_parse; E_INVALID words it as Go's ParseFloat. */
MUST_CHECK enum status number_parse_loose(struct arena *a, struct slice text,
                                          struct number *out, struct err *err);

/* Reads digits of `base` 2..36 with an optional sign.  E_INVALID, E_TOO_BIG. */
MUST_CHECK enum status number_parse_base(struct arena *a, struct slice text,
                                         unsigned base, struct number *out,
                                         struct err *err);

/* The integer with `n` bytes of big-endian magnitude. */
MUST_CHECK enum status number_from_bytes(struct arena *a, const uint8_t *p,
                                         size_t n, struct number *out,
                                         struct err *err);

/* The number nearest to a double; E_INVALID: infinite or no number. */
MUST_CHECK enum status number_from_double(struct arena *a, double d,
                                          struct number *out, struct err *err);

/* *out = x + y.  Integers exactly; E_TOO_BIG beyond the bounds.  `out` may be
 * one of the operands, also below. */
MUST_CHECK enum status number_add(struct arena *a, const struct number *x,
                                  const struct number *y, struct number *out,
                                  struct err *err);
/* *out = x - y. */
MUST_CHECK enum status number_sub(struct arena *a, const struct number *x,
                                  const struct number *y, struct number *out,
                                  struct err *err);
/* *out = x * y. */
MUST_CHECK enum status number_mul(struct arena *a, const struct number *x,
                                  const struct number *y, struct number *out,
                                  struct err *err);
/* *out = x / y: exact where integers divide, else 64 bits.  E_INVALID:
 * "divide by zero". */
MUST_CHECK enum status number_div(struct arena *a, const struct number *x,
                                  const struct number *y, struct number *out,
                                  struct err *err);
/* *out = x % y with the sign of x.  E_INVALID: "modulo by zero", "modulo on
 * floating-point number". */
MUST_CHECK enum status number_rem(struct arena *a, const struct number *x,
                                  const struct number *y, struct number *out,
                                  struct err *err);
/* *out = |x|. */
MUST_CHECK enum status number_abs(struct arena *a, const struct number *x,
                                  struct number *out, struct err *err);
/* *out = -x. */
MUST_CHECK enum status number_neg(struct arena *a, const struct number *x,
                                  struct number *out, struct err *err);
/* The nearest integer towards zero, +infinity, -infinity, or nearest with
 * halves away from zero. */
MUST_CHECK enum status number_trunc(struct arena *a, const struct number *x,
                                    struct number *out, struct err *err);
/* See number_trunc. */
MUST_CHECK enum status number_ceil(struct arena *a, const struct number *x,
                                   struct number *out, struct err *err);
/* See number_trunc. */
MUST_CHECK enum status number_floor(struct arena *a, const struct number *x,
                                    struct number *out, struct err *err);
/* See number_trunc. */
MUST_CHECK enum status number_round(struct arena *a, const struct number *x,
                                    struct number *out, struct err *err);

/* Two's complement of unbounded width, as Go's big.Int.  Both must be
 * integers (E_INVALID). */
MUST_CHECK enum status number_bitop(struct arena *a, enum number_bitop op,
                                    const struct number *x,
                                    const struct number *y, struct number *out,
                                    struct err *err);
/* *out = x << by (by < 0: >>, rounding towards -infinity). */
MUST_CHECK enum status number_shift(struct arena *a, const struct number *x,
                                    int64_t by, struct number *out,
                                    struct err *err);

/* <0, 0, >0 by value. */
int number_cmp(const struct number *x, const struct number *y);
/* True if equal by value: 1 == 1.0. */
bool number_equal(const struct number *x, const struct number *y);
/* Equal numbers hash alike, whatever their text. */
uint64_t number_hash(const struct number *n);
/* -1, 0, 1. */
int number_sign(const struct number *n);

/* True and `*out` if `n` is an integer within int64. */
static inline bool number_i64(const struct number *n, int64_t *out)
{
    *out = n->i;
    return n->kind == NUMBER_INT;
}
/* The nearest double (infinite if beyond). */
double number_double(const struct number *n);

/* Appends the JSON text: as written, else as OPA prints it ("0.3",
 * "1.23456775e+06", "1e-07"). */
void number_format(struct buf *b, const struct number *n);
/* The same, cut from `a`; `.p` is NULL if the arena is full. */
MUST_CHECK struct slice number_text(struct arena *a, const struct number *n);
/* Appends an integer (a fraction is cut towards zero) in `base` 2..36, lower
 * case. */
void number_format_base(struct buf *b, const struct number *n, unsigned base);
/* Copies `n` with all it points to into `a`.  E_TOO_BIG: the arena's limit. */
MUST_CHECK enum status number_copy(struct arena *a, const struct number *n,
                                   struct number *out);

#endif

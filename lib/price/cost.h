/* cost.h - the cost of a usage, and the worst case of a call.
 *
 * Pure functions over integers; products in 128 bits, rounded once
 * (contract 9.2, 9.3; wire.md 0).  Any thread.
 */
#ifndef PRICE_COST_H
#define PRICE_COST_H

#include "call/call.h"
#include "call/usage.h"
#include "price/book.h"

struct cost_limits {
    int64_t default_max_tokens; /* DEFAULT_MAX_TOKENS; 0: the model's */
    int64_t fallback_hold;      /* nano-dollars, FALLBACK_HOLD_USD */
};

#define COST_UNKNOWN_OUTPUT 16384 /* tokens when nobody knows a maximum */

/* Fills `c->worst` from bounds already in `c`.  `p` NULL: everything free
 * (UNKNOWN_PRICE=free).  A price of version 0 (book_dearest) is assumed.
 * Answers true if `c->worst.out_tokens` must be sent upstream as the output
 * limit: nobody knows a maximum, or DEFAULT_MAX_TOKENS lowers it.  Only ever
 * true if `c->output_is_limitable`. */
bool cost_worst(const struct price *p, const struct cost_limits *lim,
                struct call *c);

/* The hold for `tokens` output tokens per choice: rounded up to nano. */
int64_t cost_hold(const struct worst *w, int64_t tokens);

#define COST_LINES 13
/* One class of the bill, for explanations. */
struct cost_line {
    const char *kind; /* "input", "cached", ... */
    int64_t tokens;   /* or calls, images, milliseconds, characters */
    int64_t pico;     /* pico-dollars per token; per call or image nano */
    int128 total_pico;
};
struct cost {
    int64_t nano; /* rounded half up */
    struct cost_line lines[COST_LINES];
    int line_count;
};
/* The cost of `u` under `p` (tier, speed and region as in `u`). */
void cost_of(const struct price *p, const struct usage *u, struct cost *out);

#endif

/* regex_node.h - the parse tree and the program of a regular expression.
 *
 * Between regex_parse.c, regex_program.c and regex.c; not for others.
 */
#ifndef REGO_REGEX_NODE_H
#define REGO_REGEX_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "rego/regex.h"

enum regex_op {
    RE_EMPTY,
    RE_CLASS,
    RE_ASSERT,
    RE_CAPTURE,
    RE_REPEAT, /* min, max (-1: unbounded) */
    RE_CONCAT,
    RE_ALT,
};

/* Conditions on a place in the text. */
enum regex_at {
    RE_BEGIN_LINE = 1,
    RE_END_LINE = 2,
    RE_BEGIN_TEXT = 4,
    RE_END_TEXT = 8,
    RE_WORD = 16,
    RE_NOT_WORD = 32,
};

/* Ranges of code points: n pairs, ascending, apart. */
struct regex_class {
    uint32_t n;
    const uint32_t *range;
};

struct regex_node {
    enum regex_op op;
    bool lazy;
    uint32_t at; /* ASSERT */
    int min, max;
    uint32_t group;
    struct regex_class cls;
    struct regex_node *sub, *next;
};

struct regex_tree {
    struct regex_node *root;
    uint32_t groups;     /* the whole match included */
    struct slice *names; /* per group; .p NULL if it has none */
};

/* Parses.  Errors as regex_compile. */
MUST_CHECK enum status regex_parse(struct arena *a, struct slice pattern,
                                   struct regex_tree *out, struct err *err);

enum regex_inst_op {
    RI_MATCH,
    RI_RUNE,   /* arg is the code point */
    RI_CLASS,  /* arg is the index of the class */
    RI_SPLIT,  /* first out, then arg */
    RI_CAP,    /* arg is the slot */
    RI_ASSERT, /* arg is enum regex_at */
};

struct regex_inst {
    uint32_t op, out, arg;
};

#define REGEX_DFA_STATES 256
/* A table for "does it match": next[state * classes + class]. */
struct regex_dfa {
    uint32_t states, classes;
    uint8_t ascii[128];    /* class of a code point below 128 */
    const uint32_t *bound; /* first code point of each class, ascending */
    const uint8_t *next;
    const uint8_t *flags; /* 1: matched, 2: matched at the end, 4: dead */
};

struct regex {
    uint32_t insts, start, groups, classes;
    bool anchored; /* every match begins at the beginning of the text */
    const struct regex_inst *inst;
    const struct regex_class *cls;
    const struct slice *names;
    struct slice prefix; /* what every match begins with */
    const struct regex_dfa *dfa;
};

/* Makes the program of a tree.  E_TOO_BIG. */
MUST_CHECK enum status regex_program(struct arena *a,
                                     const struct regex_tree *tree,
                                     struct regex *re, struct err *err);
/* Builds the table if the program is small enough and free of word and line
 * boundaries; else leaves re->dfa NULL. */
void regex_determinize(struct arena *a, struct regex *re);

/* True if `r` is in the class. */
static inline bool regex_class_has(const struct regex_class *c, uint32_t r)
{
    uint32_t low = 0, high = c->n;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (r < c->range[2 * mid])
            high = mid;
        else if (r > c->range[2 * mid + 1])
            low = mid + 1;
        else
            return true;
    }
    return false;
}

#endif

/* plan.h - compiled rules: statements over numbered slots.
 *
 * After safety every variable has one place that binds it, so `=` is an
 * assignment, a test, or taking apart, decided here.  A statement names the
 * one that follows; a statement with several results runs what follows once
 * for each.  Immutable after planning.
 */
#ifndef REGO_PLAN_H
#define REGO_PLAN_H

#include "rego/builtin.h"
#include "rego/compile.h"

enum operand_kind { O_CONST, O_SLOT, O_ARRAY, O_SET, O_OBJECT };

struct operand {
    enum operand_kind kind;
    uint32_t n; /* slot number, or how many items (objects: 2 per member) */
    union {
        struct value value;
        const struct operand *items;
    };
};

enum stmt_op {
    S_TRUE,     /* a is neither false nor undefined */
    S_EQUAL,    /* a equals b */
    S_COMPARE,  /* `cmp` of a and b, without output */
    S_SET,      /* dst = a */
    S_ARRAY,    /* a is an array of n elements */
    S_OBJECT,   /* a is an object of n members */
    S_ELEM,     /* dst = a[n] of an array */
    S_MEMBER,   /* dst = a[b] of an object */
    S_GET,      /* dst = a[path…], all of it known */
    S_INPUT,    /* dst = input[path…], all known */
    S_WALK,     /* dst = root[path…], path binds slots */
    S_CALL,     /* dst = builtin(args) */
    S_RELATION, /* dst = each result of builtin(args) */
    S_FUNC,     /* dst = function(args) */
    S_NOT,      /* inner has no solution */
    S_COMP,     /* dst = comprehension over inner */
    S_EVERY,    /* inner holds for each member of a */
    S_WITH,     /* inner, with things replaced; ends in S_END_WITH */
    S_END_WITH,
    S_DONE,  /* one solution is enough */
    S_YIELD, /* a solution: to the sink */
};

/* One element of a path: known, or bound by walking over all. */
struct step {
    struct operand key; /* known; or O_SLOT of the slot that is bound */
    bool binds;
};

enum walk_root { ROOT_SLOT, ROOT_INPUT, ROOT_DATA };

enum comp_kind { COMP_ARRAY, COMP_SET, COMP_OBJECT };

struct with_plan {
    struct node *func;             /* a function that is replaced … */
    const struct builtin *builtin; /* … or a builtin */
    struct node *by_func;          /* by a function, builtin, or value */
    const struct builtin *by_builtin;
    struct operand value;
    bool is_input; /* else data; path below */
    uint32_t npath;
    struct value *path;
};

struct stmt {
    enum stmt_op op;
    uint32_t dst, n;
    const struct stmt *next;
    struct operand a, b;
    struct loc loc;
    union {
        struct {
            enum walk_root root;
            uint32_t npath;
            struct step *path;
            struct rule_set *set; /* the rule a constant path leads to … */
            uint32_t rest;        /* … and where the path goes on */
            bool direct;          /* from there on all is known */
        } walk;
        struct {
            const struct builtin *builtin;
            struct rule_set *func;
            struct operand *args;
            uint32_t nargs;
            void *compiled;
        } call;
        struct {
            const struct stmt *body;
            enum comp_kind kind;
            uint32_t key, val; /* slots of every; NO_SLOT */
        } inner;
        struct {
            const struct stmt *body;
            struct with_plan *list;
            uint32_t n;
        } with;
        int cmp; /* bits: 1 <, 2 =, 4 > are accepted */
    };
};

#define NO_SLOT UINT32_MAX

/* One rule, or one link of an else chain. */
struct clause {
    struct loc loc;
    const struct stmt *body; /* ends in S_YIELD */
    uint32_t nslots, nargs;  /* arguments come in slots 0 … nargs-1 */
    struct operand value;    /* complete, function, object member */
    struct operand key;      /* element of a set */
    struct operand *path;    /* what follows the constant path */
    uint32_t npath;
    bool is_set;
    bool is_func;
    const struct clause *otherwise;
};

enum rule_kind {
    RULE_COMPLETE,
    RULE_FUNC,
    RULE_SET,    /* every clause adds elements */
    RULE_OBJECT, /* every clause adds members under one key */
    RULE_MIXED,  /* anything deeper, or with children in the tree */
};

struct index;

struct rule_set {
    enum rule_kind kind;
    uint32_t id; /* of its memo */
    struct node *node;
    struct clause **clauses;
    uint32_t nclauses, nargs;
    const struct clause *dflt;
    bool same_value;     /* all clauses give the same constant */
    struct index *index; /* index.h, or NULL */
};

/* An expression of a query, for who shows its value. */
struct shown {
    struct slice text;
    struct loc loc;
    struct sym *sym; /* that takes its value; NULL: it is just true */
    uint32_t slot;
};

struct plan {
    const struct stmt *body;
    struct shown *shown;
    uint32_t nshown;
    uint32_t nslots;
    struct sym **names; /* of the bindings */
    uint32_t *slots;
    uint32_t nnames;
};

/* Makes `s->index` if an index pays (index.c). */
void index_build(struct compiler *c, struct rule_set *s);
/* The clauses that may apply, in order, for these arguments and this input;
 * returns how many. */
uint32_t index_find(const struct rule_set *s, const struct value *input,
                    const struct value *args, struct clause *const **clauses);

/* Plans all rules of `c->root`; returns how many rule sets there are. */
uint32_t plan_rules(struct compiler *c);
/* Plans a query that is checked and ordered; out->shown is filled before but
 * for its slots. */
void plan_query(struct compiler *c, struct body *b, struct plan *out);

#endif

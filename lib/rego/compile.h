/* compile.h - what the compiler's passes share.  Not for others.
 *
 * The passes, in order: parse → resolve (imports and rules of the package
 * become data references) → locals (:=, some, every, arguments get unique
 * names) → expand (nested calls become expressions of their own) → tree (all
 * rules by path) → check → safety (order) → hoist (nested references) → plan.
 */
#ifndef REGO_COMPILE_H
#define REGO_COMPILE_H

#include "rego/ast.h"
#include "rego/builtin.h"
#include "rego/rego.h"

#define CODE_PARSE "rego_parse_error"
#define CODE_COMPILE "rego_compile_error"
#define CODE_UNSAFE "rego_unsafe_var_error"
#define CODE_RECURSION "rego_recursion_error"
#define CODE_TYPES "rego_type_error"

/* A place in the tree of virtual documents. */
struct node {
    struct value key;
    struct node *parent;
    struct node **child; /* sorted by key when the tree is complete */
    uint32_t nchild, cap;
    struct rule **rules; /* whose constant path ends here */
    uint32_t nrules, caprules;
    bool is_func;
    bool is_package;
    uint32_t index;        /* check_cycle.c */
    struct rule_set *plan; /* plan.h; NULL without rules */
};

struct compiler {
    struct ast ast;
    struct module **modules;
    uint32_t nmodules;
    struct node *root;
    struct value data;
    const struct builtin **mocked; /* that some `with` replaces */
    uint32_t nmocked;
    struct value *reads; /* members of input that plans refer to */
    uint32_t nreads;
    bool reads_all; /* input as a whole, or a member not known before */
};

/* resolve.c: names of imports and of rules become data references. */
void resolve_modules(struct compiler *c);
/* The same for a query, where only `data` and `input` have a meaning. */
void resolve_query(struct compiler *c, struct body *b);

/* metadata.c: rego.metadata.rule() and .chain() become constants. */
void metadata_calls(struct compiler *c);

/* locals.c: unique names for declared variables. */
void locals_rule(struct compiler *c, struct rule *r);
/* The same for a query; sym->shown is what a fresh name was. */
void locals_query(struct compiler *c, struct body *b);

/* expand.c: nested calls and heads to expressions. */
void expand_rule(struct compiler *c, struct rule *r);
/* See expand_rule. */
struct body *expand_query(struct compiler *c, struct body *b);
/* After safety: nested references to expressions. */
void hoist_rule(struct compiler *c, struct rule *r);
/* See hoist_rule. */
struct body *hoist_body(struct compiler *c, struct body *b);

/* tree.c: all rules by path. */
void tree_build(struct compiler *c);
/* The child of `n` under `key`, or NULL. */
struct node *tree_child(const struct node *n, const struct value *key);
/* The node with a function a call's name refers to, or NULL. */
struct node *tree_function(const struct compiler *c, const struct term *f);

/* check.c: conflicts, undefined functions, arity, types, recursion. */
void check_rules(struct compiler *c);
/* The path of a node as text: data.a.b. */
struct slice check_path(struct ast *a, const struct node *n);
/* check_cycle.c: rules that depend on themselves. */
void check_cycles(struct compiler *c);
/* The checks that apply to one body, of a query. */
void check_query(struct compiler *c, struct body *b);
/* Arguments a call takes, or -1 if there is no such function. */
int check_arity(const struct compiler *c, const struct term *call);

/* safety.c: puts expressions in an order in which every variable is bound
 * before it is used; an error names those that cannot be. */
void safety_rule(struct compiler *c, struct rule *r);
/* See safety_rule. */
void safety_query(struct compiler *c, struct body *b);

/* A growing list of symbols. */
struct symset {
    struct sym **s;
    uint32_t n, cap;
    uint64_t bits; /* of the ids modulo 64: most misses need no search */
};
/* True if `s` is in it. */
bool symset_has(const struct symset *set, const struct sym *s);
/* Adds `s` if it is not in it; true if it was new. */
bool symset_add(struct ast *a, struct symset *set, struct sym *s);

#endif

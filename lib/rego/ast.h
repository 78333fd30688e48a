/* ast.h - parsed Rego: terms, expressions, rules, modules.
 *
 * Everything lies in the compile arena.  Terms are rewritten in place by the
 * compiler's passes; nothing here is shared between policies.  Names are
 * interned: equal names are the same `struct sym`.
 */
#ifndef REGO_AST_H
#define REGO_AST_H

#include <setjmp.h>

#include "rego/value.h"

struct sym {
    struct slice name;
    struct sym *next;  /* in its hash chain */
    struct sym *shown; /* in a query: the name it had */
    uint32_t id;
    const struct builtin *builtin; /* of that name, once looked for */
    bool looked;
    struct term *global; /* what it stands for in module `global_of` - 1 */
    uint32_t global_of;
};

struct loc {
    uint32_t file, row, col; /* row and col from 1; 0: nowhere */
};

enum term_kind {
    T_CONST, /* value */
    T_VAR,   /* sym */
    T_REF,   /* items: head, then path */
    T_ARRAY,
    T_SET,
    T_OBJECT, /* items: key, value, key, value … */
    T_ARRAY_COMP,
    T_SET_COMP,
    T_OBJECT_COMP, /* items: head (key, value); body */
    T_CALL,        /* items: function (var or ref), arguments */
    T_TEMPLATE,    /* items: text constants and expressions */
};

struct term {
    enum term_kind kind;
    struct loc loc;
    bool generated; /* made by the compiler, e.g. the name of a `_` */
    uint32_t n;
    struct term **items;
    struct body *body;
    struct sym *sym;
    struct value value;
};

enum expr_kind {
    E_TERM,  /* term */
    E_CALL,  /* term is a T_CALL in statement position */
    E_SOME,  /* decl: variables, or one T_CALL internal.member_2/3 */
    E_EVERY, /* key (or NULL), val, term: the domain; body */
    E_NOT,   /* body; `not` of future.keywords.not */
};

struct node;
struct builtin;

struct with {
    struct term *target, *value;
    struct node *by_func;             /* `value` names a function … */
    const struct builtin *by_builtin; /* … or a builtin */
    struct loc loc;
};

struct expr {
    enum expr_kind kind;
    bool negated, generated;
    struct loc loc;
    struct slice text; /* as written */
    struct term *term;
    struct term **decl;
    uint32_t ndecl;
    struct term *key, *val;
    struct body *body;
    struct with *with;
    uint32_t nwith;
};

struct body {
    struct expr **e;
    uint32_t n, cap;
};

struct rule {
    struct loc loc;
    bool is_default, is_else;
    bool has_args;      /* a function, also with no arguments */
    bool generated_val; /* no value was written: true */
    bool assign;        /* := */
    bool has_body;      /* written, not the implied true */
    struct term *ref;   /* T_REF: name and path, before the package is added */
    struct term **args;
    uint32_t nargs;
    struct term *key;   /* of a set (contains), else NULL */
    struct term *value; /* NULL for sets */
    struct body *body;
    uint32_t npath; /* elements of `ref` that are constant, with the name */
    struct rule *else_rule;
    struct module *module;
};

struct import {
    struct loc loc;
    struct term *path; /* T_REF */
    struct sym *alias; /* NULL: the last element */
};

struct module {
    uint32_t file;
    bool v1;              /* the dialect, after `import rego.v1` */
    struct term *package; /* T_REF: data, … */
    struct slice name;    /* the same as text */
    struct slice text;    /* the source */
    struct import *imports;
    uint32_t nimports;
    struct rule **rules;
    uint32_t nrules;
};

/* What a compilation has in common: memory, names, errors. */
struct rego_error;
struct compiler;
struct ast {
    struct arena *arena;
    struct sym *chains[256];
    uint32_t nsyms;
    struct sym *s_data, *s_input, *s_wild;
    struct rego_error *errors, **errors_tail;
    struct rego_error *warnings, **warnings_tail;
    uint32_t nerrors, nwarnings;
    uint32_t ngenerated; /* names made so far */
    const struct slice *files;
    uint32_t nfiles;
    struct compiler *compiler; /* that owns this */
    jmp_buf *nomem;            /* where ast_alloc goes when the arena is full */
};

/* Readies `a`; `arena` must outlive all that is made. */
void ast_init(struct ast *a, struct arena *arena);
/* Zeroed memory; jumps to a->nomem at the arena's limit. */
void *ast_alloc(struct ast *a, size_t n);
/* The name as a symbol. */
struct sym *ast_sym(struct ast *a, struct slice name);
/* A name no source can have: "__local7__". */
struct sym *ast_fresh(struct ast *a);
/* True for names of `_`. */
bool ast_is_wildcard(const struct sym *s);
/* True for names the compiler made. */
bool ast_is_generated(const struct sym *s);

/* Constructors. */
struct term *ast_term(struct ast *a, enum term_kind k, struct loc loc);
/* A constant. */
struct term *ast_const(struct ast *a, struct value v, struct loc loc);
/* A string constant. */
struct term *ast_str(struct ast *a, struct slice s, struct loc loc);
/* A variable. */
struct term *ast_var(struct ast *a, struct sym *s, struct loc loc);
/* Appends to t->items. */
void ast_push(struct ast *a, struct term *t, struct term *item);
/* A call of the builtin `name` with up to three arguments (NULL ends). */
struct term *ast_call(struct ast *a, const char *name, struct loc loc,
                      struct term *x, struct term *y, struct term *z);
/* An expression from a term: E_CALL for calls, else E_TERM. */
struct expr *ast_expr(struct ast *a, struct term *t);
/* The expression `x = y`. */
struct expr *ast_eq(struct ast *a, struct term *x, struct term *y);
/* Appends an expression. */
void ast_add(struct ast *a, struct body *b, struct expr *e);
/* An empty body. */
struct body *ast_body(struct ast *a);
/* A copy, with fresh nodes all the way down. */
struct term *ast_copy(struct ast *a, const struct term *t);
/* See ast_copy. */
struct body *ast_copy_body(struct ast *a, const struct body *b);
/* See ast_copy. */
struct expr *ast_copy_expr(struct ast *a, const struct expr *e);

/* True if the expression is a call of the builtin `name`. */
bool ast_is_call(const struct expr *e, const char *name);
/* The name of a call's function as text: "io.jwt.decode", "f". */
struct slice ast_call_name(struct ast *a, const struct term *call);
/* What a buffer holds, which is released; jumps to a->nomem as ast_alloc. */
struct slice ast_take(struct ast *a, struct buf *b);
/* The text of a reference as OPA prints it: data.a["b c"][x]. */
struct slice ast_ref_text(struct ast *a, const struct term *ref);
/* Any term as text, for messages. */
void ast_print(struct buf *b, const struct term *t);
/* True if no variable occurs in `t` (constants and composites of them). */
bool ast_ground(const struct term *t);
/* True if `t` holds only constants; then `*out` is its value. */
bool ast_fold(struct ast *a, const struct term *t, struct value *out);

/* Adds something that is not wrong but may surprise. */
void ast_warn(struct ast *a, struct loc loc, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Adds an error. */
void ast_error(struct ast *a, struct loc loc, const char *code, const char *fmt,
               ...) PRINTF_LIKE(4, 5);

#endif

/* builtin_util.h - what the families of builtins share: numbers in and out,
 * text in and out, element checks.  Not for others.
 */
#ifndef REGO_BUILTIN_UTIL_H
#define REGO_BUILTIN_UTIL_H

#include "base/buf.h"
#include "rego/builtin.h"
#include "rego/number.h"
#include "rego/regex.h"

/* The longest text that a builtin makes. */
#define BUILTIN_TEXT_MAX ((size_t)16 << 20)

/* The number of a number value; `tmp` is room for it. */
const struct number *builtin_number(const struct value *v, struct number *tmp);
/* Steps that arithmetic on `n` is worth: 1, more for thousands of digits. */
uint64_t builtin_number_cost(const struct number *n);
/* A number result. */
enum builtin_status builtin_give_num(struct builtin_ctx *c,
                                     const struct number *n, struct value *out);
/* A number value (V_UNDEF: memory exhausted). */
struct value builtin_num_value(struct builtin_ctx *c, const struct number *n);
/* `err` of a module as the builtin's error. */
enum builtin_status builtin_fail(struct builtin_ctx *c, const struct err *err);
/* The operand at `pos` as a number; else ctx is set and false. */
MUST_CHECK bool builtin_want_num(struct builtin_ctx *c,
                                 const struct value *args, int pos,
                                 struct number *out);

/* Readies a buffer for a result; it grows in ctx->arena. */
static inline void builtin_buf(const struct builtin_ctx *c, struct buf *b)
{
    buf_init_arena(b, c->arena, BUILTIN_TEXT_MAX);
}
/* Another one beside `of`. */
static inline void builtin_sub(struct buf *b, const struct buf *of)
{
    buf_init_arena(b, of->arena, BUILTIN_TEXT_MAX);
}
/* The buffer as a string result; releases it.  Memory exhausted if it
 * failed. */
enum builtin_status builtin_give_buf(struct builtin_ctx *c, struct buf *b,
                                     struct value *out);
/* The buffer as a string value in ctx->arena; releases it. */
struct value builtin_buf_value(struct builtin_ctx *c, struct buf *b);
/* printf into ctx->arena as a string value. */
struct value builtin_text(struct builtin_ctx *c, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

/* A growing list in ctx->arena. */
struct value_list builtin_list(struct builtin_ctx *c);

/* True if operand `pos` is an array or a set. */
MUST_CHECK bool builtin_want_list(struct builtin_ctx *c,
                                  const struct value *args, int pos);
/* "operand 1 must be array of numbers but got array containing string". */
enum builtin_status builtin_element(struct builtin_ctx *c, int pos,
                                    const struct value *list,
                                    const struct value *got, const char *want);

/* Two strings, the usual operands. */
MUST_CHECK bool builtin_want_str2(struct builtin_ctx *c,
                                  const struct value *args);

/* Searches of this builtin run in this. */
struct regex_run builtin_run(struct builtin_ctx *c);
/* As builtin_run; the memory of searches with `pattern` is used again within
 * this evaluation. */
struct regex_run builtin_run_again(struct builtin_ctx *c,
                                   const struct value *pattern);
/* Counts what compiling `pattern` may cost at most before it is done. */
MUST_CHECK bool builtin_regex_step(struct builtin_ctx *c,
                                   const struct value *pattern);
/* ctx is set for a search that ended with REGEX_LIMIT. */
enum builtin_status builtin_run_limit(struct builtin_ctx *c);

/* The expression of operand `pos` (a string), from the policy's constants,
 * this evaluation's cache, or compiled now.  NULL: ctx is set, `*st` is what
 * to return. */
const struct regex *builtin_regex(struct builtin_ctx *c,
                                  const struct value *pattern,
                                  enum builtin_status *st);
/* builtin_compile for patterns. */
void *builtin_compile_regex(struct arena *a, const struct value *key);

/* Decodes base64 (of URLs if `url`, with padding if `padded`) into `out`,
 * which has room for 3 bytes per 4 and 4 more; returns how many.  `*bad` is
 * SIZE_MAX, or the input byte Go would name. */
size_t builtin_base64(struct slice s, bool url, bool padded, uint8_t *out,
                      size_t *bad);

#endif

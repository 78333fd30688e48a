/* parser.h - Rego text to syntax trees, both dialects.
 *
 * Errors go to the `struct ast` as rego_parse_error; the first one ends the
 * module.  Nesting is bounded.
 */
#ifndef REGO_PARSER_H
#define REGO_PARSER_H

#include "rego/ast.h"
#include "rego/rego.h"

/* The module in `src`, or NULL after an error.  Several packages in one text
 * are not allowed. */
struct module *parser_module(struct ast *a, struct slice src, uint32_t file,
                             enum rego_dialect dialect);

/* A query (v1), or NULL after an error. */
struct body *parser_query(struct ast *a, struct slice src, uint32_t file);

/* One term, or NULL after an error. */
struct term *parser_term(struct ast *a, struct slice src, uint32_t file);

#endif

/* policy_query.h - a query's answer, printed as `opa eval --format json`. */
#ifndef APP_POLICY_QUERY_H
#define APP_POLICY_QUERY_H

#include <stdbool.h>

#include "guard/source.h"
#include "rego/rego.h"

struct query_job {
    const struct value *input; /* NULL: undefined */
    bool strict;
};

/* Evaluates `text` and prints result, bindings or errors.  `scratch` gives all
 * memory.  False: there were errors. */
bool query_print(const struct rego_policy *p, struct slice text,
                 const struct query_job *j, struct arena *scratch);
/* Prints compact JSON with line breaks and indents. */
void query_print_json(struct slice json);
/* Prints a list of errors as JSON. */
void query_print_errors(const struct rego_error *first);
/* Prints one fault as JSON. */
void query_print_fault(const struct policy_fault *f);

#endif

/* openapi_type.h - the short notation of types in openapi.txt as JSON Schema.
 *
 * For openapi.c.  The notation is part of the program, so a fault in it is a
 * bug.  Pure.
 */
#ifndef CONTROL_OPENAPI_TYPE_H
#define CONTROL_OPENAPI_TYPE_H

#include <stdbool.h>

#include "base/json.h"

/* Writes the schema of a type: "str", "int~", "a|b", "[Name]", "{x:int}". */
void openapi_type(struct json_out *o, struct slice type);

struct openapi_member {
    struct slice name, type;
    bool optional;
};
/* The next "name?:type" of a list; false at its end. */
bool openapi_member(struct slice *rest, struct openapi_member *out);

#endif

/* openapi.h - the OpenAPI document of the whole surface.
 *
 * Made from the route table (routes.h) and openapi.txt, which says what the
 * table does not: bodies, answers, examples.  A route the text does not know
 * still stands in the document, marked x-undocumented (a test finds it).
 * Pure.
 */
#ifndef CONTROL_OPENAPI_H
#define CONTROL_OPENAPI_H

#include "base/arena.h"
#include "base/buf.h"

/* Appends the document. */
void openapi_write(struct arena *a, struct buf *out);

#endif

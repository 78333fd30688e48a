/* form.h - the fields of a multipart/form-data body (RFC 7578), read only.
 *
 * Strict on purpose: what another reader could understand differently is
 * malformed.  No allocation; slices point into the body.  Any thread.
 */
#ifndef PROVIDER_FORM_H
#define PROVIDER_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* The boundary of a Content-Type value; false: none, or not well-formed. */
bool form_boundary(struct slice content_type, struct slice *boundary);

/* Calls `fn` for each part in order: its field name, content, whether it is a
 * file, and where in the body the content begins; stops when `fn` answers
 * false.  False: not well-formed (parts before it were given). */
bool form_each(struct slice body, struct slice boundary,
               bool (*fn)(void *arg, struct slice name, struct slice value,
                          bool is_file, size_t at),
               void *arg);

#endif

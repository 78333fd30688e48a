/* docs.h - the API browser (Swagger UI and its page), embedded.
 *
 * A fixed table: no name from outside ever becomes a file name.  Files are
 * there compressed only (http/inflate opens them).  Pure; any thread; lives as
 * long as the program.
 */
#ifndef ASSETS_DOCS_H
#define ASSETS_DOCS_H

#include <stdbool.h>

#include "base/slice.h"

struct docs_file {
    const char *name, *type; /* type: the Content-Type */
    struct slice gzip;
};

/* The file of that name; false: there is none, `out` untouched. */
bool docs_find(struct slice name, struct docs_file *out);

#endif

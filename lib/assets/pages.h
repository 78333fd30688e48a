/* pages.h - the self-service pages with their style and scripts, embedded.
 *
 * A fixed table: no name from outside ever becomes a file name.  Pure; any
 * thread; lives as long as the program.
 */
#ifndef ASSETS_PAGES_H
#define ASSETS_PAGES_H

#include <stdbool.h>

#include "base/slice.h"

struct pages_file {
    const char *name, *type; /* type: the Content-Type */
    struct slice body;
};

/* The file of that name; false: there is none, `out` untouched. */
bool pages_find(struct slice name, struct pages_file *out);

#endif

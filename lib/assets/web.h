/* web.h - the dashboard as esbuild made it, embedded.
 *
 * A fixed table: no name from outside ever becomes a file name.  Each file is
 * there plain and, where that is smaller, compressed.  Pure; any thread; lives
 * as long as the program.
 */
#ifndef ASSETS_WEB_H
#define ASSETS_WEB_H

#include <stdbool.h>

#include "base/slice.h"

struct web_file {
    const char *name, *type; /* type: the Content-Type */
    const char *etag;        /* quoted, of the plain bytes */
    bool hashed;             /* the name changes with the bytes */
    struct slice body, gzip; /* gzip.n 0: not worth it */
};

/* The file of that name; false: there is none, `out` untouched. */
bool web_find(struct slice name, struct web_file *out);

#endif

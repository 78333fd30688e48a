/* source.h - the files of a policy, read but not compiled.
 *
 * Rego modules and the data beside them, from files and folders, within
 * bounds.  Not for the policy in force: guard/policy.h.
 */
#ifndef GUARD_SOURCE_H
#define GUARD_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/crypt.h"
#include "base/slice.h"
#include "rego/rego.h"

#define SOURCE_FILES_MAX 256
#define SOURCE_BYTES_MAX ((size_t)16 << 20) /* of all files together */

/* Where and what is wrong. */
struct policy_fault {
    bool is_set;
    char file[256];
    uint32_t row, col; /* 0: the file as a whole */
    char text[512];
};

/* Read but not compiled; some KB, better not on a stack. */
struct source {
    struct arena arena;
    struct rego_module modules[SOURCE_FILES_MAX];
    int module_count;
    struct slice files[SOURCE_FILES_MAX];
    int file_count;
    struct value data; /* V_UNDEF: none */
    size_t bytes;
    uint8_t hash[CRYPT_HASH];
    struct policy_fault *fault;
};

/* Readies an empty one; faults go to `*fault`. */
void source_init(struct source *s, struct policy_fault *fault);
/* Frees what was read. */
void source_release(struct source *s);
/* Adds a .rego or .json file (other names are read as Rego), or the .rego and
 * .json files of a folder in the order of their names.  False: the fault says
 * why. */
bool source_read(struct source *s, const char *path);
/* Adds a module that is in memory; borrowed. */
void source_text(struct source *s, struct slice name, struct slice text);

#endif

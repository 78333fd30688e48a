/* policy.h - the policy in force, and how it is replaced.
 *
 * A policy is read from a file or a folder (or the embedded text), compiled
 * whole, and only then swapped in; what does not compile changes nothing but
 * the status.  Immutable once in force: any thread may use it at once through
 * a reader of its own, or by a counted reference.  Not here: the decision
 * (guard/gate.h) and the language (rego/rego.h).
 */
#ifndef GUARD_POLICY_H
#define GUARD_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "guard/source.h"
#include "rego/rego.h"

#define POLICY_HASH_TEXT 65

enum policy_dialect { POLICY_AUTO, POLICY_V0, POLICY_V1 };

/* A compiled policy with the questions that are put to it. */
struct policy {
    struct rego_policy *rego;
    struct rego_query *verdict; /* [[allow...], [deny...]] */
    struct rego_query *reason;
    enum rego_dialect dialect;
    bool embedded;
    int64_t loaded_ms;
    char hash[POLICY_HASH_TEXT]; /* of its files, hex */
    struct slice *files;         /* names, in `arena` */
    int file_count;
    struct arena arena;
    _Atomic int refs;
};

struct policies;

/* Reads and compiles `path` ("": the embedded policy).  E_INVALID: it is
 * missing or wrong, or compiled WebAssembly; `err` says what, with file and
 * row. */
MUST_CHECK enum status policies_open(const char *path,
                                     enum policy_dialect dialect,
                                     struct policies **out, struct err *err);
/* Frees and nulls; every reader and reference must be gone. */
void policies_free(struct policies **p);
/* Reads the files again; a policy that compiles and differs is in force when
 * this returns.  False: it did not compile, the old one stays and
 * policies_fault says why.  Any thread. */
bool policies_reload(struct policies *p);
/* The last failed reload, if none has succeeded since. */
void policies_fault(struct policies *p, struct policy_fault *out);
/* The path that is watched; "" for the embedded policy. */
const char *policies_path(const struct policies *p);

/* A counted reference to the policy of this moment; policy_unref it. */
const struct policy *policies_ref(struct policies *p);
/* Gives it back and nulls. */
void policy_unref(const struct policy **p);

/* A thread's own view: one atomic load in the common case. */
struct policy_reader {
    struct policies *of;
    const struct policy *now;
    uint64_t generation;
};
/* Readies a reader. */
void policy_reader_init(struct policy_reader *r, struct policies *p);
/* Drops its reference. */
void policy_reader_release(struct policy_reader *r);
/* The policy of this moment; ends the validity of what it gave before. */
const struct policy *policy_now(struct policy_reader *r);

/* Compiles a policy from ready texts (a trial before saving) with no other
 * data; the caller unrefs it.  NULL: `*fault` says why. */
const struct policy *policy_from_text(struct slice text,
                                      enum policy_dialect dialect,
                                      struct policy_fault *fault);
/* Compiles a file or folder as policies_open does; NULL: `*fault`. */
const struct policy *policy_from_path(const char *path,
                                      enum policy_dialect dialect,
                                      struct policy_fault *fault);
/* The embedded policy's text. */
struct slice policy_embedded_text(void);
/* "auto", "v0" or "v1".  False: none of them. */
bool policy_dialect_parse(struct slice s, enum policy_dialect *out);

#endif

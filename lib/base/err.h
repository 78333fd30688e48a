/* err.h - how a fault is reported.
 *
 * Three kinds of failure, three means (style.md 4): a bug is an assert, a
 * fault is an `enum status` with a `struct err` that belongs to the caller, a
 * refusal is an ordinary answer (call/verdict.h).  Reporting never allocates.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* What the caller can do about it. */
enum status {
    OK = 0,
    E_INVALID,   /* the input is wrong; saying it again will not help */
    E_NOT_FOUND, /* no such thing */
    E_EXISTS,    /* there is one already */
    E_TOO_BIG,   /* a limit given at init is reached */
    E_BUSY,      /* try again later */
    E_TIMEOUT,   /* it took too long */
    E_IO,        /* the system refused; storage or network */
    E_CORRUPT,   /* stored data is not what we wrote */
    E_NOMEM,     /* no memory for a size that came from outside */
};

/* Filled where the cause is known, shaped once at the edge.  `text` is for
 * people who run the program; it must not be shown to callers unshaped. */
struct err {
    enum status code;
    const char *where;
    char text[200];
};

/* Sets `err` (may be NULL) and returns `code`, so that a failing function can
 * `return err_set(err, E_IO, "ledger", "cannot open %s", path);`. */
enum status err_set(struct err *err, enum status code, const char *where,
                    const char *fmt, ...) PRINTF_LIKE(4, 5);

/* As err_set, with ": " and the text of `errno_value` at the end. */
enum status err_sys(struct err *err, int errno_value, const char *where,
                    const char *fmt, ...) PRINTF_LIKE(4, 5);

/* A short English name of `code`, e.g. "invalid". */
const char *err_name(enum status code);

#endif

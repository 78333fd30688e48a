/* log.h - structured log: JSON lines, or readable ones on a terminal.
 *
 * One line per call, written with one write(2), appended, never truncated.
 * Any thread.  The level and the sink are the process's (one of the two
 * mutable globals the house allows).  Never pass a secret, a prompt or an
 * answer.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* A field of a line: text or number. */
struct log_field {
    const char *key;
    struct slice text; /* used if .p is not NULL */
    int64_t num;
};

#define LF_S(k, s) ((struct log_field){.key = (k), .text = (s)})
#define LF_C(k, c) ((struct log_field){.key = (k), .text = slice_str(c)})
#define LF_N(k, v) ((struct log_field){.key = (k), .num = (v)})

/* Opens the sink: `path` appended to, or NULL for stderr.  E_IO. */
MUST_CHECK enum status log_open(const char *path, enum log_level level,
                                struct err *err);
/* Opens `path` anew where log_open opened it: a file that was moved away is
 * left alone from now on, no line is lost.  E_IO: lines go where they went. */
MUST_CHECK enum status log_reopen(const char *path, struct err *err);
/* True if lines of `level` are written. */
bool log_on(enum log_level level);
/* Writes one line: time, level, `event` (a short fixed phrase), fields. */
void log_write(enum log_level level, const char *event,
               const struct log_field *fields, int n);
/* Reads "error|warn|info|debug"; false if it is none. */
bool log_level_parse(struct slice s, enum log_level *out);

#define log_line(level, event, ...)                                     \
    do {                                                                \
        if (log_on(level)) {                                            \
            const struct log_field f_[] = {__VA_ARGS__};                \
            log_write(level, event, f_, (int)(sizeof f_ / sizeof *f_)); \
        }                                                               \
    } while (0)
#define log_plain(level, event) log_write(level, event, NULL, 0)

#endif

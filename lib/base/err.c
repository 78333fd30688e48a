/* err.c - see err.h. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(struct err *err, enum status code, const char *where,
                 const char *fmt, va_list ap) PRINTF_LIKE(4, 0);

static void fill(struct err *err, enum status code, const char *where,
                 const char *fmt, va_list ap)
{
    err->code = code;
    err->where = where;
    (void)vsnprintf(err->text, sizeof err->text, fmt, ap);
}

enum status err_set(struct err *err, enum status code, const char *where,
                    const char *fmt, ...)
{
    if (err != NULL) {
        va_list ap;
        va_start(ap, fmt);
        fill(err, code, where, fmt, ap);
        va_end(ap);
    }
    return code;
}

enum status err_sys(struct err *err, int errno_value, const char *where,
                    const char *fmt, ...)
{
    if (err != NULL) {
        va_list ap;
        va_start(ap, fmt);
        fill(err, E_IO, where, fmt, ap);
        va_end(ap);
        size_t n = strlen(err->text);
        char text[96];
        (void)snprintf(err->text + n, sizeof err->text - n, ": %s",
                       strerror_r(errno_value, text, sizeof text));
    }
    return E_IO;
}

const char *err_name(enum status code)
{
    switch (code) {
    case OK:
        return "ok";
    case E_INVALID:
        return "invalid";
    case E_NOT_FOUND:
        return "not found";
    case E_EXISTS:
        return "exists";
    case E_TOO_BIG:
        return "too big";
    case E_BUSY:
        return "busy";
    case E_TIMEOUT:
        return "timeout";
    case E_IO:
        return "input/output";
    case E_CORRUPT:
        return "corrupt";
    case E_NOMEM:
        return "no memory";
    }
    return "unknown";
}

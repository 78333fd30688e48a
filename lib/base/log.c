/* log.c - see log.h.  A line is built on the stack and written at once, so
 * lines of several threads never mix. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

#define LINE_MAX_BYTES 8192

// The process's sink and level: set once in main, read by all (log.h).
static _Atomic int sink = STDERR_FILENO;
static _Atomic int threshold = LOG_INFO;
static _Atomic bool readable;

static const char *const names[] = {"error", "warn", "info", "debug"};

enum status log_open(const char *path, enum log_level level, struct err *err)
{
    atomic_store(&threshold, (int)level);
    if (path == NULL) {
        atomic_store(&readable, isatty(STDERR_FILENO) == 1);
        return OK;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd == -1)
        return err_sys(err, errno, "log", "cannot open %s", path);
    atomic_store(&sink, fd);
    return OK;
}

enum status log_reopen(const char *path, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd == -1)
        return err_sys(err, errno, "log", "cannot open %s", path);
    // the descriptor stays: another thread may be writing to it
    int rc = dup3(fd, atomic_load(&sink), O_CLOEXEC);
    enum status st = rc != -1 ? OK : err_sys(err, errno, "log", "%s", path);
    (void)close(fd);
    return st;
}

bool log_on(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&threshold, memory_order_relaxed);
}

bool log_level_parse(struct slice s, enum log_level *out)
{
    for (int i = 0; i < 4; i++)
        if (slice_is(s, names[i])) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

static void line_json(struct buf *b, enum log_level level, const char *event,
                      const struct log_field *f, int n)
{
    struct json_out o;
    json_out_init(&o, b);
    json_obj(&o);
    json_ktime(&o, "ts", clock_now_ms());
    json_kstr(&o, "level", slice_str(names[level]));
    json_kstr(&o, "event", slice_str(event));
    for (int i = 0; i < n; i++)
        if (f[i].text.p != NULL)
            json_kstr(&o, f[i].key, f[i].text);
        else
            json_knum(&o, f[i].key, f[i].num);
    json_obj_end(&o);
}

static void line_readable(struct buf *b, enum log_level level,
                          const char *event, const struct log_field *f, int n)
{
    char time[CLOCK_TEXT];
    size_t len = clock_format(clock_now_ms(), time);
    buf_add(b, time + 11, len - 12);
    buf_printf(b, " %-5s %s", names[level], event);
    for (int i = 0; i < n; i++) {
        buf_printf(b, " %s=", f[i].key);
        if (f[i].text.p != NULL)
            json_quote(b, f[i].text);
        else
            buf_i64(b, f[i].num);
    }
}

void log_write(enum log_level level, const char *event,
               const struct log_field *fields, int n)
{
    if (!log_on(level))
        return;
    struct buf b;
    buf_init(&b, LINE_MAX_BYTES);
    if (atomic_load(&readable))
        line_readable(&b, level, event, fields, n);
    else
        line_json(&b, level, event, fields, n);
    if (b.failed) { // a field too long: say so without it
        buf_clear(&b);
        line_json(&b, level, event, NULL, 0);
    }
    buf_char(&b, '\n');
    ssize_t done;
    do
        done = write(atomic_load(&sink), b.p, b.n);
    while (done == -1 && errno == EINTR);
    buf_release(&b);
}

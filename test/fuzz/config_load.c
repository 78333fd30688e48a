// rooms: config base
/* Environment files: the text before a line "---" is the environment (lines
 * NAME=value), the rest a file.  An error is one line; what is accepted can be
 * printed without its secrets. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "config/config.h"

#define ENV_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As guard/window.h, which config may not use. */
static bool period(struct slice s, enum budget_period *p, int64_t *rolling_ms)
{
    static const char *const names[] = {"hourly",  "daily", "weekly",
                                        "monthly", "total", "custom"};
    *rolling_ms = 0;
    for (int i = 0; i < 6; i++)
        if (slice_is(s, names[i])) {
            *p = (enum budget_period)i;
            return true;
        }
    if (!slice_starts(s, "rolling:") || !slice_ends(s, "h") || s.n != 11)
        return false;
    *p = PERIOD_ROLLING;
    *rolling_ms = ((s.p[8] - '0') * 10 + (s.p[9] - '0')) * 3600000LL;
    return s.p[8] > '0' && s.p[8] <= '9' && s.p[9] >= '0' && s.p[9] <= '9';
}

static void one_line(const struct err *err)
{
    assert(err->text[0] != '\0');
    for (const char *c = err->text; *c != '\0'; c++)
        assert((unsigned char)*c >= 0x20);
}

static void accepted(const struct config *c)
{
    struct buf out;
    buf_init(&out, 8u << 20);
    config_print(c, &out);
    assert(!out.failed && out.n > 0);
    const char *const secret[] = {c->admin_api_key, c->openai_key,
                                  c->default_api_key, c->ingest_key};
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
        if (strncmp(secret[i], "hidden-", 7) == 0) // only there, and long
            assert(memmem(out.p, out.n, secret[i], strlen(secret[i])) == NULL);
    for (int i = 0; i < c->budget_count; i++)
        assert(c->budgets[i].amount >= 0);
    for (int i = 0; i < c->period_count; i++)
        assert(c->periods[i].period != PERIOD_ROLLING ||
               c->periods[i].rolling_ms > 0);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *env[ENV_MAX + 1] = {0}, path[64];
    char *text = malloc(size + 1);
    int n = 0, fd = memfd_create("env", MFD_CLOEXEC);
    struct config *c = NULL;
    struct err err = {0};
    assert(text != NULL && fd != -1);
    memcpy(text, data, size);
    text[size] = '\0';
    char *line = text, *file = text + size;
    while (line < text + size && n < ENV_MAX) {
        char *end = memchr(line, '\n', (size_t)(text + size - line));
        if (end == NULL)
            end = text + size;
        *end = '\0';
        if (strcmp(line, "---") == 0) {
            file = end < text + size ? end + 1 : end;
            break;
        }
        env[n++] = line;
        line = end + 1;
    }
    size_t left = (size_t)(text + size - file);
    ssize_t wrote = write(fd, file, left);
    assert(wrote == (ssize_t)left);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (config_load(path, env, period, &c, &err) == OK)
        accepted(c);
    else
        one_line(&err);
    config_free(&c);
    close(fd);
    free(text);
    return 0;
}

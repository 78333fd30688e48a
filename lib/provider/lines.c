/* lines.c - event stream lines from bytes cut anywhere. */
#include "provider/lines.h"

#include <string.h>

enum { AT_START, IN_NAME, AT_SPACE, IN_VALUE, IN_COMMENT };

void lines_init(struct lines *l)
{
    *l = (struct lines){.state = AT_START};
}

static enum line_field field_of(const struct lines *l)
{
    if (l->name_n == 4 && memcmp(l->name, "data", 4) == 0)
        return LINE_DATA;
    if (l->name_n == 5 && memcmp(l->name, "event", 5) == 0)
        return LINE_EVENT;
    return LINE_OTHER;
}

/* Bytes before the next CR or LF. */
static size_t until_eol(const char *p, size_t n)
{
    const char *lf = memchr(p, '\n', n);
    size_t to = lf != NULL ? (size_t)(lf - p) : n;
    const char *cr = memchr(p, '\r', to);
    return cr != NULL ? (size_t)(cr - p) : to;
}

static void line_end(struct lines *l, const struct lines_ops *ops, void *arg,
                     const char *at)
{
    if (l->state == AT_START) {
        ops->end(arg, at);
        return;
    }
    /* "data" alone is a field with an empty value */
    if (l->state == IN_NAME) {
        l->field = field_of(l);
        ops->value(arg, l->field, true, at, 0);
    } else if (l->state == AT_SPACE) {
        ops->value(arg, l->field, true, at, 0);
    }
    l->state = AT_START;
}

/* True if the byte is one of a byte order mark at the very start. */
static bool is_bom(struct lines *l, char c)
{
    static const unsigned char bom[3] = {0xef, 0xbb, 0xbf};
    if (l->bom < 3 && (unsigned char)c == bom[l->bom]) {
        l->bom++;
        return true;
    }
    l->bom = 3;
    return false;
}

static const char *name_byte(struct lines *l, const char *p)
{
    if (*p == ':') {
        l->field = field_of(l);
        l->state = AT_SPACE;
    } else if (l->name_n < sizeof l->name) {
        l->name[l->name_n++] = *p;
    }
    return p + 1;
}

static const char *line_start(struct lines *l, const char *p)
{
    if (is_bom(l, *p))
        return p + 1;
    l->name_n = 0;
    l->state = *p == ':' ? IN_COMMENT : IN_NAME;
    return p + (*p == ':');
}

/* Reads on within a line; `p` is no end of line.  Returns where it got to. */
static const char *line_byte(struct lines *l, const struct lines_ops *ops,
                             void *arg, const char *p, const char *end)
{
    size_t run;
    switch (l->state) {
    case AT_START:
        return line_start(l, p);
    case IN_NAME:
        return name_byte(l, p);
    case AT_SPACE:
        p += *p == ' ';
        ops->value(arg, l->field, true, p, 0);
        l->state = IN_VALUE;
        return p;
    default:
        run = until_eol(p, (size_t)(end - p));
        if (l->state == IN_VALUE)
            ops->value(arg, l->field, false, p, run);
        return p + run;
    }
}

void lines_feed(struct lines *l, const struct lines_ops *ops, void *arg,
                const char *p, size_t n)
{
    const char *end = p + n;
    while (p < end) {
        bool second = l->after_cr && *p == '\n';
        l->after_cr = false;
        if (second) {
            p++;
        } else if (*p == '\n' || *p == '\r') {
            l->bom = 3;
            l->after_cr = *p == '\r';
            line_end(l, ops, arg, ++p);
        } else {
            p = line_byte(l, ops, arg, p, end);
        }
    }
}

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

void lines_feed(struct lines *l, const struct lines_ops *ops, void *arg,
                const char *p, size_t n)
{
    const char *end = p + n;
    while (p < end) {
        char c = *p;
        if (l->after_cr) {
            l->after_cr = false;
            if (c == '\n') {
                p++;
                continue;
            }
        }
        if (c == '\n' || c == '\r') {
            l->bom = 3;
            l->after_cr = c == '\r';
            line_end(l, ops, arg, ++p);
            continue;
        }
        size_t run;
        switch (l->state) {
        case AT_START:
            if (is_bom(l, c)) {
                p++;
                break;
            }
            l->name_n = 0;
            l->state = c == ':' ? IN_COMMENT : IN_NAME;
            p += c == ':';
            break;
        case IN_NAME:
            if (c == ':') {
                l->field = field_of(l);
                l->state = AT_SPACE;
            } else if (l->name_n < sizeof l->name) {
                l->name[l->name_n++] = c;
            }
            p++;
            break;
        case AT_SPACE:
            if (c == ' ')
                p++;
            ops->value(arg, l->field, true, p, 0);
            l->state = IN_VALUE;
            break;
        default:
            run = until_eol(p, (size_t)(end - p));
            if (l->state == IN_VALUE)
                ops->value(arg, l->field, false, p, run);
            p += run;
        }
    }
}

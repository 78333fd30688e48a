/* lines.h - the lines of an event stream, as they come, without buffering.
 *
 * Splits bytes cut anywhere into field chunks and event ends (WHATWG "event
 * stream interpretation": LF, CRLF or CR, one optional space, comments, BOM).
 * Constant memory; says for every byte which event it belongs to, which is
 * what relaying and dropping whole events needs.  One thread.
 */
#ifndef PROVIDER_LINES_H
#define PROVIDER_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum line_field { LINE_OTHER, LINE_DATA, LINE_EVENT };

struct lines {
    int state;
    char name[8]; /* of the field, as far as it matters */
    size_t name_n;
    enum line_field field;
    bool after_cr; /* an LF next belongs to the line before */
    uint8_t bom;   /* bytes of the byte order mark seen at the start */
};

struct lines_ops {
    /* A chunk of a field's value; `first` for the first of each line. */
    void (*value)(void *arg, enum line_field f, bool first, const char *p,
                  size_t n);
    /* An event ended; `at` is just behind its last byte in what was fed; if
     * that byte is a CR, an LF that follows still belongs to the event. */
    void (*end)(void *arg, const char *at);
};

/* Begins a stream. */
void lines_init(struct lines *l);
/* Feeds bytes. */
void lines_feed(struct lines *l, const struct lines_ops *ops, void *arg,
                const char *p, size_t n);

#endif

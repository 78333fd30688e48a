/* query.c - see query.h. */
#include "http/query.h"

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

struct slice query_decode(struct slice s, bool plus, struct arena *a)
{
    const struct slice none = {NULL, 0};
    char *to = arena_try(a, s.n + 1);
    size_t n = 0;
    if (to == NULL)
        return none;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            int high = i + 2 < s.n ? hex(s.p[i + 1]) : -1;
            int low = i + 2 < s.n ? hex(s.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return none;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus)
            c = ' ';
        if (c == '\0')
            return none;
        to[n++] = c;
    }
    return slice(to, n);
}

bool query_next(struct slice *rest, struct slice *name, struct slice *value,
                struct arena *a)
{
    while (rest->p != NULL) {
        struct slice pair = slice_cut(rest, '&');
        struct slice v = pair;
        struct slice k = slice_cut(&v, '=');
        if (pair.n == 0)
            continue;
        *name = query_decode(k, true, a);
        *value = v.p != NULL ? query_decode(v, true, a) : SLICE("");
        if (name->p != NULL && value->p != NULL)
            return true;
    }
    return false;
}

struct slice query_find(struct slice query, const char *name, struct arena *a)
{
    struct slice k, v;
    while (query_next(&query, &k, &v, a))
        if (slice_is(k, name))
            return v;
    return (struct slice){NULL, 0};
}

/* kept.c - see kept.h. */
#include "net/kept.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool kept_query(void **kept, const char *uri)
{
    const char *q = uri != NULL ? strchr(uri, '?') : NULL;
    if (q == NULL)
        return true;
    size_t n = strlen(q + 1);
    char *copy = try_malloc(n + 1);
    if (copy == NULL)
        return false;
    memcpy(copy, q + 1, n + 1);
    *kept = copy;
    return true;
}

static enum MHD_Result add_header(void *arg, enum MHD_ValueKind kind,
                                  const char *key, size_t key_n,
                                  const char *value, size_t value_n)
{
    struct kept_fields *f = arg;
    (void)kind;
    if (f->n < LISTEN_HEADERS_MAX)
        f->f[f->n] =
            (struct http_field){slice(key, key_n), slice(value, value_n)};
    f->n++;
    return MHD_YES;
}

void kept_collect(struct kept_fields *f, struct MHD_Connection *m)
{
    f->n = 0;
    (void)MHD_get_connection_values_n(m, MHD_HEADER_KIND, add_header, f);
}

bool kept_move(void **kept, const struct kept_fields *f, struct http_head *h)
{
    char *query = *kept;
    size_t query_n = query != NULL ? strlen(query) : 0;
    size_t fields_n = (size_t)f->n * sizeof *f->f;
    char *mem = try_malloc(fields_n + query_n + 1);
    if (mem == NULL)
        return false;
    memcpy(mem, f->f, fields_n);
    if (query != NULL) {
        memcpy(mem + fields_n, query, query_n);
        h->query = slice(mem + fields_n, query_n);
        free(query);
    }
    *kept = mem;
    h->fields = (const struct http_field *)(const void *)mem;
    h->field_count = f->n;
    return true;
}

void kept_free(void **kept)
{
    free(*kept);
    *kept = NULL;
}

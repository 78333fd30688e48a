/* field_list.c - see field_list.h. */
#include "net/field_list.h"

#include <stdlib.h>

#include "base/mem.h"
#include "net/head.h"

#define TEXT_MAX (256u << 10)
#define TEXT_KEPT 16384

void field_list_init(struct field_list *l)
{
    *l = (struct field_list){0};
    buf_init(&l->text, TEXT_MAX);
}

void field_list_release(struct field_list *l)
{
    buf_release(&l->text);
    free(l->nodes);
    l->nodes = NULL;
    l->node_cap = 0;
}

void field_list_trim(struct field_list *l)
{
    if (l->text.cap > TEXT_KEPT)
        buf_release(&l->text);
}

static bool has_field(const struct upstream_req *r, const char *name)
{
    struct slice n = slice_str(name);
    for (int i = 0; i < r->field_count; i++)
        if (slice_eq_nocase(r->fields[i].name, n))
            return true;
    return false;
}

enum status field_list_set(struct field_list *u, const struct upstream_req *r,
                           struct err *err)
{
    uint32_t at[LISTEN_HEADERS_MAX + 8];
    int n = 0;
    buf_clear(&u->text);
    if (r->field_count > LISTEN_HEADERS_MAX)
        return err_set(err, E_INVALID, "upstream", "too many fields");
    for (int i = 0; i < r->field_count; i++) {
        const struct http_field *f = &r->fields[i];
        if (!head_is_token(f->name) || !head_value_ok(f->value))
            return err_set(err, E_INVALID, "upstream", "bad header field");
        if (head_is_framing(f->name))
            continue;
        at[n++] = (uint32_t)u->text.n;
        buf_slice(&u->text, f->name);
        if (f->value.n == 0) {
            buf_add(&u->text, ";", 2); // libcurl's "send it empty"
            continue;
        }
        buf_str(&u->text, ": ");
        buf_slice(&u->text, f->value);
        buf_add(&u->text, "", 1);
    }
    static const char *const off[] = {"Accept", "Content-Type", "Expect",
                                      "User-Agent"};
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        if (has_field(r, off[i]) && i != 2)
            continue;
        at[n++] = (uint32_t)u->text.n;
        buf_str(&u->text, off[i]);
        buf_add(&u->text, ":", 2);
    }
    if (u->text.failed)
        return err_set(err, E_TOO_BIG, "upstream", "head too large");
    if (n > u->node_cap) {
        void *g = try_realloc(u->nodes, (size_t)n * sizeof *u->nodes);
        if (g == NULL)
            return err_set(err, E_NOMEM, "upstream", "no memory");
        u->nodes = g;
        u->node_cap = n;
    }
    for (int i = 0; i < n; i++)
        u->nodes[i] =
            (struct curl_slist){.data = u->text.p + at[i],
                                .next = i + 1 < n ? &u->nodes[i + 1] : NULL};
    return OK;
}

/* fallbacks.c - see fallbacks.h.  The tree as it was read is the table: chains
 * are few. */
#include "gateway/fallbacks.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/mem.h"

struct fallbacks {
    struct arena arena;
    struct json *root;
};

static bool is_chain(const struct json *v)
{
    if (v->type != JSON_ARRAY || v->count < 1 || v->count > FALLBACKS_EACH)
        return false;
    for (const struct json *m = v->child; m != NULL; m = m->next)
        if (m->type != JSON_STRING || m->text.n == 0)
            return false;
    return true;
}

enum status fallbacks_read(const char *text, struct fallbacks **out,
                           struct err *err)
{
    struct fallbacks *f = xcalloc(1, sizeof *f);
    arena_init(&f->arena, 4u << 20);
    enum status st = OK;
    if (text[0] != '\0') {
        struct slice kept = arena_dup(&f->arena, slice_str(text));
        st = json_parse(&f->arena, kept, &f->root, err);
        if (st != OK || f->root->type != JSON_OBJECT)
            st = err_set(err, E_INVALID, "config",
                         "FALLBACKS must be a JSON object");
        for (const struct json *m = st == OK ? f->root->child : NULL;
             m != NULL && st == OK; m = m->next)
            if (!is_chain(m))
                st = err_set(err, E_INVALID, "config",
                             "FALLBACKS: \"%.*s\" needs 1 to %d model names",
                             SLICE_FMT(m->key), FALLBACKS_EACH);
    }
    if (st != OK)
        fallbacks_free(&f);
    *out = f;
    return st;
}

void fallbacks_free(struct fallbacks **f)
{
    if (*f == NULL)
        return;
    arena_release(&(*f)->arena);
    free(*f);
    *f = NULL;
}

int fallbacks_of(const struct fallbacks *f, struct slice model,
                 struct slice out[static FALLBACKS_EACH])
{
    int n = 0;
    if (f == NULL || f->root == NULL)
        return 0;
    for (const struct json *m = f->root->child; m != NULL; m = m->next)
        if (slice_eq(m->key, model))
            for (const struct json *c = m->child;
                 c != NULL && n < FALLBACKS_EACH; c = c->next)
                out[n++] = c->text;
    return n;
}

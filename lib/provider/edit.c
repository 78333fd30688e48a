/* edit.c - the outgoing body as splices of the one that came.
 *
 * New members go directly behind the opening brace, so that every other byte
 * keeps its order.  At most four places change; they are sorted by offset and
 * the body is cut between them.
 */
#include "provider/describe.h"

struct splice {
    size_t from, to;
    struct slice put;
};

/* printf into the scratch. */
static struct slice scratch_limit(char *scratch, size_t *used,
                                  const char *before, const char *name,
                                  int64_t v, const char *after)
{
    char *at = scratch + *used;
    int n = name != NULL
                ? snprintf(at, EDIT_SCRATCH - *used, "%s\"%s\":%lld%s", before,
                           name, (long long)v, after)
                : snprintf(at, EDIT_SCRATCH - *used, "%lld", (long long)v);
    if (n < 0 || (size_t)n >= EDIT_SCRATCH - *used)
        n = 0;
    *used += (size_t)n;
    return slice(at, (size_t)n);
}

static void splice_sorted(struct splice *s, int n)
{
    for (int i = 1; i < n; i++)
        for (int j = i; j > 0 && s[j].from < s[j - 1].from; j--) {
            struct splice tmp = s[j];
            s[j] = s[j - 1];
            s[j - 1] = tmp;
        }
}

/* The limit to write, 0: none. */
static int64_t limit_of(const struct edit_plan *e, int64_t max_tokens)
{
    if (e->limit_at != LIMIT_INSERT && e->limit_at != LIMIT_NULL)
        return 0;
    return max_tokens > 0 ? max_tokens : e->limit_fixed;
}

static int splices(const struct edit_plan *e, int64_t max_tokens,
                   struct splice s[static 4], char *scratch)
{
    int n = 0;
    size_t used = 0;
    int64_t limit = limit_of(e, max_tokens);
    const char *comma = e->empty_object ? "" : ",";

    if (limit > 0 && e->limit_at == LIMIT_INSERT) {
        size_t at = e->limit_to != 0 ? e->limit_to : e->open_at;
        s[n++] = (struct splice){at, at,
                                 scratch_limit(scratch, &used, e->limit_before,
                                               e->limit_name, limit,
                                               e->limit_after)};
    }
    if (limit > 0 && e->limit_at == LIMIT_NULL)
        s[n++] = (struct splice){
            e->limit_from, e->limit_to,
            scratch_limit(scratch, &used, NULL, NULL, limit, NULL)};
    if (e->add_usage && e->usage_to == 0) {
        struct slice put = slice_str(e->usage_put);
        size_t room = EDIT_SCRATCH - used;
        if (put.n + 1 < room) {
            memcpy(scratch + used, put.p, put.n);
            memcpy(scratch + used + put.n, comma, strlen(comma));
            put = slice(scratch + used, put.n + strlen(comma));
            used += put.n;
            s[n++] = (struct splice){e->open_at, e->open_at, put};
        }
    } else if (e->add_usage) {
        s[n++] = (struct splice){e->usage_from, e->usage_to,
                                 slice_str(e->usage_put)};
    }
    if (e->model_to > e->model_from)
        s[n++] = (struct splice){e->model_from, e->model_to, e->model_put};
    splice_sorted(s, n);
    return n;
}

bool edit_is_nothing(const struct edit_plan *e, int64_t max_tokens)
{
    return limit_of(e, max_tokens) == 0 && !e->add_usage &&
           e->model_to == e->model_from;
}

int edit_apply(const struct edit_plan *e, int64_t max_tokens,
               struct slice out[static EDIT_PIECES],
               char scratch[static EDIT_SCRATCH])
{
    struct splice s[4];
    int n = splices(e, max_tokens, s, scratch), pieces = 0;
    size_t at = 0;

    for (int i = 0; i < n; i++) {
        if (s[i].from > at)
            out[pieces++] = slice(e->body.p + at, s[i].from - at);
        if (s[i].put.n > 0)
            out[pieces++] = s[i].put;
        at = s[i].to;
    }
    if (at < e->body.n)
        out[pieces++] = slice(e->body.p + at, e->body.n - at);
    return pieces;
}

void edit_write(const struct edit_plan *e, int64_t max_tokens, struct buf *out)
{
    struct slice pieces[EDIT_PIECES];
    char scratch[EDIT_SCRATCH];
    int n = edit_apply(e, max_tokens, pieces, scratch);
    for (int i = 0; i < n; i++)
        buf_slice(out, pieces[i]);
}

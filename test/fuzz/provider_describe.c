// rooms: provider token http call base
/* provider_describe.c - any body on any route: no crash, and what leaves is
 * still one JSON object that says the same.
 *
 * The first byte picks the route, the rest is the body.
 */
#include <assert.h>
#include <stdint.h>

#include "base/json.h"
#include "http/field.h"
#include "provider/describe.h"
#include "provider/tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = {
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/images/generations",
    "/v1/images/edits",
    "/v1/audio/transcriptions",
    "/v1/audio/speech",
    "/v1/moderations",
    "/v1/other",
    "/openai/deployments/d/chat/completions",
};
#define PATHS (sizeof paths / sizeof *paths)

static enum provider_id resolve(void *arg, struct slice *model)
{
    (void)arg;
    if (slice_starts(*model, "azure/")) {
        *model = slice_skip(*model, 6);
        return PROVIDER_AZURE;
    }
    return slice_starts(*model, "mistral") ? PROVIDER_MISTRAL : PROVIDER_OPENAI;
}

/* What leaves parses, keeps its model, and has the limit that was asked. */
static void check_edits(const struct described *out, const struct call *call)
{
    struct arena a;
    struct buf b;
    struct json *v;
    arena_init(&a, 64u << 20);
    buf_init(&b, 1u << 24);
    edit_write(&out->edit, 77, &b);
    if (!b.failed && json_parse(&a, buf_get(&b), &v, NULL) == OK) {
        assert(v->type == JSON_OBJECT);
        struct slice m = json_text(json_get(v, "model"), slice(NULL, 0));
        if (m.p != NULL && call->provider != PROVIDER_AZURE)
            assert(slice_eq(m, call->model));
        if (out->edit.limit_at == LIMIT_INSERT ||
            out->edit.limit_at == LIMIT_NULL) {
            int64_t n = 0;
            assert(json_i64(json_get(v, out->edit.limit_name), &n) && n == 77);
        }
        if (out->edit.add_usage)
            assert(json_get(json_get(v, "stream_options"), "include_usage")
                       ->type == JSON_TRUE);
    } else {
        assert(b.failed || a.used > 0 || b.n > 0);
    }
    buf_release(&b);
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct route r;
    struct arena a;
    struct call call = {0}, counted = {0};
    struct described out;
    const char *allow;
    if (size < 1)
        return 0;
    size_t which = data[0] % (2 * PATHS);
    bool form = which >= PATHS;
    struct http_field f = {SLICE("Content-Type"),
                           form ? SLICE("multipart/form-data; boundary=b1")
                                : SLICE("application/json")};
    struct slice body = slice((const char *)data + 1, size - 1);
    assert(route_find(PASSTHROUGH_SAFE, SLICE("POST"),
                      slice_str(paths[which % PATHS]), NULL, 0, &r,
                      &allow) == R_NONE);
    struct describe_in in = {.route = &r,
                             .fields = &f,
                             .field_count = 1,
                             .body = body,
                             .resolve = resolve,
                             .web_search_hold = 10};
    struct describer *d = describer_new();
    arena_init(&a, 64u << 20);
    if (describe(d, &in, &a, &call, &out) == R_NONE) {
        assert(call.input_bound >= 0 && call.choices >= 1);
        if (!form)
            check_edits(&out, &call);
        in.counter = (struct token_counter){tokens_count, NULL};
        assert(describe(d, &in, &a, &counted, &out) == R_NONE);
        assert(counted.input_bound <= call.input_bound);
    }
    arena_release(&a);
    describer_free(&d);
    return 0;
}

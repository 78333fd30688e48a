// rooms: provider token http call base
/* Translation of any request to any family, and of any answer back: what comes
 * out is JSON or whole events, and an answer cut anywhere says the same.
 *
 * Input: byte 0 picks client, provider, stream and status; then the request,
 * a zero byte, the answer. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "provider/translate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    enum family family;
    enum op op;
    const char *rest;
} clients[] = {
    {FAMILY_OPENAI, OP_CHAT, "/chat/completions"},
    {FAMILY_OPENAI, OP_RESPONSES, "/responses"},
    {FAMILY_ANTHROPIC, OP_MESSAGES, "/messages"},
};

static bool is_json(struct slice s)
{
    struct arena a;
    struct json *v;
    struct err err;
    arena_init(&a, 256u << 20);
    bool ok = json_parse(&a, s, &v, &err) == OK;
    arena_release(&a);
    return ok;
}

/* Every event's data is JSON, or "[DONE]". */
static void check_events(struct slice s)
{
    while (s.p != NULL && s.n > 0) {
        struct slice line = slice_cut(&s, '\n');
        if (!slice_starts(line, "data: "))
            continue;
        struct slice d = slice_skip(line, 6);
        assert(slice_is(d, "[DONE]") || is_json(d));
    }
}

static bool answer(struct translation *t, struct slice s, size_t piece,
                   int status, bool events, struct buf *out)
{
    struct usage u = {.input = 5, .output = 3};
    bool ok = true;
    translation_begin(t, status, events, SLICE("0123456789abcdef"), 1);
    for (size_t at = 0; ok && at < s.n; at += piece) {
        size_t n = piece < s.n - at ? piece : s.n - at;
        ok = translation_feed(t, s.p + at, n, out);
    }
    return ok && translation_end(t, &u, out);
}

static struct translation *make(const struct route *r, enum provider_id p,
                                struct slice body)
{
    struct translation *t = translation_new(r, p);
    const char *param = NULL;
    char text[200] = "";
    enum refusal why =
        translation_read(t, body, SLICE("model-1"), text, &param);
    if (why != R_NONE)
        translation_free(&t);
    return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum provider_id providers[] = {
        PROVIDER_OPENAI, PROVIDER_ANTHROPIC, PROVIDER_GOOGLE};
    if (size < 2)
        return 0;
    unsigned pick = data[0];
    struct route r = {.klass = ROUTE_METERED,
                      .family = clients[pick % 3].family,
                      .op = clients[pick % 3].op,
                      .rest = slice_str(clients[pick % 3].rest)};
    enum provider_id p = providers[pick / 3 % 3];
    bool events = (pick & 64) != 0;
    int status = pick >= 240 ? 400 : 200;
    if (!translate_wanted(&r, p))
        return 0;
    struct slice rest = slice((const char *)data + 1, size - 1);
    struct slice body = slice_cut(&rest, '\0');
    struct slice said = rest.p != NULL ? rest : slice("", 0);
    struct translation *t = make(&r, p, body);
    if (t == NULL)
        return 0;
    struct buf out, again;
    buf_init(&out, 256u << 20);
    buf_init(&again, 256u << 20);
    assert(translation_write(t, 100, false, &out) && is_json(buf_get(&out)));
    buf_clear(&out);
    bool whole = answer(t, said, said.n + 1, status, events, &out);
    translation_free(&t);
    if (whole && events && status < 400)
        check_events(buf_get(&out));
    else if (whole)
        assert(is_json(buf_get(&out)));
    t = make(&r, p, body);
    assert(t != NULL);
    assert(answer(t, said, 1, status, events, &again) == whole);
    assert(!whole || (again.n == out.n &&
                      (out.n == 0 || memcmp(again.p, out.p, out.n) == 0)));
    translation_free(&t);
    buf_release(&out);
    buf_release(&again);
    return 0;
}

// rooms: provider token http call base
/* provider_meter.c - any answer, cut anywhere, means the same.
 *
 * First byte: flags and op; second: size of the pieces; the rest is the
 * answer.  It is fed whole and in pieces: usage and relayed bytes must agree,
 * and without dropping the bytes are those that came.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "provider/meter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum op ops[] = {OP_CHAT,   OP_RESPONSES,     OP_EMBEDDINGS,
                              OP_IMAGES, OP_TRANSCRIPTION, OP_PASSTHROUGH};

static void run(struct meter *m, const struct meter_conf *c, struct slice s,
                size_t step, struct buf *out, struct meter_end *end)
{
    meter_start(m, c);
    while (s.n > 0) {
        size_t n = step < s.n ? step : s.n;
        char *copy = malloc(n);
        if (copy == NULL)
            abort();
        memcpy(copy, s.p, n);
        (void)meter_feed(m, copy, n, out);
        free(copy);
        s = slice_skip(s, n);
    }
    meter_finish(m, false, out, end);
}

static void check_usage(const struct usage *u)
{
    assert(u->input >= 0 && u->output >= 0);
    assert(u->cached + u->cache_write + u->cache_write_1h + u->audio_in <=
           u->input);
    assert(u->reasoning <= u->output);
    assert(u->audio_out + u->image_out <= u->output);
    assert(u->web_searches >= 0 && u->images >= 0 && u->audio_ms >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct slice types[] = {
        {"text/event-stream", 17}, {"application/json", 16}, {"", 0}};
    struct meter_end a, b;
    struct buf whole, pieces;
    if (size < 2)
        return 0;
    const struct meter_conf c = {.op = ops[data[0] % 6],
                                 .meter = true,
                                 .status = 200,
                                 .drop_usage = (data[0] & 128) != 0,
                                 .content_type = types[data[0] / 8 % 3]};
    struct slice s = slice((const char *)data + 2, size - 2);
    struct meter *m = meter_new();
    buf_init(&whole, 1u << 24);
    buf_init(&pieces, 1u << 24);
    run(m, &c, s, s.n + 1, &whole, &a);
    run(m, &c, s, 1 + data[1] % 32, &pieces, &b);
    check_usage(&a.usage);
    assert(memcmp(&a.usage, &b.usage, offsetof(struct usage, model)) == 0);
    assert(a.output_tokens == b.output_tokens && a.events == b.events);
    assert(a.complete == b.complete && a.error_event == b.error_event);
    assert(whole.n == pieces.n &&
           (whole.n == 0 || memcmp(whole.p, pieces.p, whole.n) == 0));
    if (!c.drop_usage)
        assert(whole.n == s.n && (s.n == 0 || memcmp(whole.p, s.p, s.n) == 0));
    buf_release(&whole);
    buf_release(&pieces);
    meter_free(&m);
    return 0;
}

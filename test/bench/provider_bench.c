/* provider_bench.c - what describing a request and metering a stream cost.
 *
 * One thread, no I/O: us per description of a 1 KB chat request, with and
 * without the exact count, ns per streamed event, with and without taking the
 * usage chunk out; us per translated request and ns per translated event.
 */
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "http/field.h"
#include "provider/describe.h"
#include "provider/meter.h"
#include "provider/tokens.h"
#include "provider/translate.h"

#define ROUNDS 200000
#define EVENTS 200

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static enum provider_id resolve(void *arg, struct slice *model)
{
    (void)arg;
    (void)model;
    return PROVIDER_OPENAI;
}

static void make_body(struct buf *body)
{
    buf_str(body, "{\"model\":\"gpt-4o\",\"stream\":true,\"temperature\":0.7,"
                  "\"messages\":[{\"role\":\"system\",\"content\":\"You are "
                  "a helpful assistant.\"},{\"role\":\"user\",\"content\":"
                  "\"");
    while (body->n < 1000)
        buf_str(body, "words and more words, ");
    buf_str(body, "\"}]}");
}

static void bench_translate(enum provider_id p, const char *event)
{
    struct route r = {.klass = ROUTE_METERED,
                      .family = FAMILY_OPENAI,
                      .op = OP_CHAT,
                      .rest = SLICE("/chat/completions")};
    struct translation *t;
    struct buf body, out;
    char text[200];
    const char *param;
    int rounds = ROUNDS / 10;
    buf_init(&body, 1 << 16);
    buf_init(&out, 1 << 20);
    make_body(&body);
    int64_t from = now_ns();
    for (int i = 0; i < rounds; i++) {
        t = translation_new(&r, p);
        buf_clear(&out);
        if (translation_read(t, buf_get(&body), SLICE("m-1"), text, &param) !=
                R_NONE ||
            !translation_write(t, 100, false, &out))
            abort();
        translation_free(&t);
    }
    int64_t ns = (now_ns() - from) / rounds;
    t = translation_new(&r, p);
    if (translation_read(t, buf_get(&body), SLICE("m-1"), text, &param) !=
        R_NONE)
        abort();
    translation_begin(t, 200, true, SLICE("0123456789abcdef"), 1);
    from = now_ns();
    for (int i = 0; i < ROUNDS; i++) {
        buf_clear(&out);
        if (!translation_feed(t, event, strlen(event), &out))
            abort();
    }
    int64_t each = (now_ns() - from) / ROUNDS;
    printf("chat to %s: %lld.%03lld us a request, %lld ns an event\n",
           p == PROVIDER_ANTHROPIC ? "Anthropic" : "Google",
           (long long)ns / 1000, (long long)ns % 1000, (long long)each);
    translation_free(&t);
    buf_release(&body);
    buf_release(&out);
}

static void bench_describe(bool exact)
{
    struct describer *d = describer_new();
    struct arena a;
    struct buf body, out_body;
    struct route r;
    const char *allow;
    struct http_field f = {SLICE("Content-Type"), SLICE("application/json")};
    int64_t bound = 0;

    arena_init(&a, 1 << 20);
    buf_init(&body, 1 << 16);
    buf_init(&out_body, 1 << 16);
    make_body(&body);
    (void)route_find(PASSTHROUGH_SAFE, SLICE("POST"),
                     SLICE("/v1/chat/completions"), NULL, 0, &r, &allow);
    const struct describe_in in = {
        .route = &r,
        .fields = &f,
        .field_count = 1,
        .body = buf_get(&body),
        .resolve = resolve,
        .counter = {exact ? tokens_count : NULL, NULL}};
    int64_t from = now_ns();
    for (int i = 0; i < ROUNDS; i++) {
        struct call c = {0};
        struct described out;
        if (describe(d, &in, &a, &c, &out) != R_NONE)
            abort();
        buf_clear(&out_body);
        edit_write(&out.edit, 100, &out_body);
        bound += c.input_bound;
        arena_reset(&a);
    }
    int64_t ns = (now_ns() - from) / ROUNDS;
    printf("describe + edit, %zu bytes, %s: %lld.%03lld us (bound %lld)\n",
           body.n, exact ? "counted" : "bytes", (long long)ns / 1000,
           (long long)ns % 1000, (long long)bound / ROUNDS);
    buf_release(&body);
    buf_release(&out_body);
    arena_release(&a);
    describer_free(&d);
}

static void bench_meter(bool drop)
{
    static const char event[] =
        "data: {\"id\":\"chatcmpl-AAAAAAAAAAAAAAAAAAAAAAAA\",\"object\":"
        "\"chat.completion.chunk\",\"created\":1790000000,\"model\":"
        "\"gpt-4o-2024-08-06\",\"service_tier\":\"default\","
        "\"system_fingerprint\":\"fp_0123456789\",\"choices\":[{\"index\":0,"
        "\"delta\":{\"content\":\" word\"},\"logprobs\":null,"
        "\"finish_reason\":null}],\"usage\":null,\"obfuscation\":\"abc\"}\n\n";
    const struct meter_conf c = {.op = OP_CHAT,
                                 .meter = true,
                                 .status = 200,
                                 .drop_usage = drop,
                                 .content_type = SLICE("text/event-stream")};
    struct meter *m = meter_new();
    struct meter_end end;
    struct buf out;
    int rounds = ROUNDS / EVENTS;

    buf_init(&out, 1 << 20);
    int64_t from = now_ns();
    for (int i = 0; i < rounds; i++) {
        meter_start(m, &c);
        for (int j = 0; j < EVENTS; j++) {
            (void)meter_feed(m, event, sizeof event - 1, &out);
            buf_clear(&out);
        }
        meter_finish(m, false, &out, &end);
    }
    int64_t ns = (now_ns() - from) / (rounds * EVENTS);
    printf("meter, %zu byte event, usage chunk %s: %lld ns\n", sizeof event - 1,
           drop ? "taken out" : "left in", (long long)ns);
    buf_release(&out);
    meter_free(&m);
}

int main(void)
{
    bench_describe(false);
    bench_describe(true);
    bench_translate(PROVIDER_ANTHROPIC,
                    "event: content_block_delta\ndata: {\"type\":"
                    "\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
                    "\"text_delta\",\"text\":\" word\"}}\n\n");
    bench_translate(PROVIDER_GOOGLE,
                    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":"
                    "\" word\"}],\"role\":\"model\"},\"index\":0}],"
                    "\"modelVersion\":\"gemini-2.5-flash\"}\r\n\r\n");
    bench_meter(false);
    bench_meter(true);
    return 0;
}

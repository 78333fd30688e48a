/* provider_meter.c - usage is read, bytes are relayed, at every cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "provider/meter.h"

static struct meter *m;
static struct meter_end end;
static struct buf got;
static bool first_token;

struct with {
    enum op op;
    bool drop, cut;
    const char *type;
    int status;
};

/* Feeds `text` in pieces of `step` bytes, the first one `first` long. */
static void feed(const struct with *w, struct slice text, size_t first,
                 size_t step)
{
    const struct meter_conf c = {.family = FAMILY_OPENAI,
                                 .op = w->op,
                                 .provider = PROVIDER_OPENAI,
                                 .meter = true,
                                 .drop_usage = w->drop,
                                 .status = w->status != 0 ? w->status : 200,
                                 .content_type = slice_str(w->type)};
    meter_start(m, &c);
    buf_clear(&got);
    size_t n = first;
    while (text.n > 0) {
        if (n > text.n)
            n = text.n;
        char *copy = malloc(n + 1); /* ASan sees reads beyond */
        memcpy(copy, text.p, n);
        first_token = meter_feed(m, copy, n, &got);
        free(copy);
        text = slice_skip(text, n);
        n = step;
    }
    meter_finish(m, w->cut, &got, &end);
    assert_false(got.failed);
}

static void same(struct slice want)
{
    if (got.n != want.n || memcmp(got.p, want.p, want.n) != 0)
        print_message("got:\n%.*s\n", (int)got.n, got.p);
    assert_int_equal(got.n, want.n);
    if (want.n > 0)
        assert_memory_equal(got.p, want.p, want.n);
}

/* `text` with "\n" as the line end `eol`. */
static void with_eol(const char *text, const char *eol, struct buf *b)
{
    buf_clear(b);
    for (; *text != '\0'; text++)
        if (*text == '\n')
            buf_str(b, eol);
        else
            buf_char(b, *text);
}

static const struct with chat_events = {.op = OP_CHAT,
                                        .type = "text/event-stream"};
static const struct with chat_dropping = {
    .op = OP_CHAT, .drop = true, .type = "text/event-stream; charset=utf-8"};
static const struct with chat_json = {.op = OP_CHAT,
                                      .type = "application/json"};

#define C1                                                                     \
    "data: {\"model\":\"gpt-4o-2024-08-06\",\"service_tier\":\"flex\","        \
    "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":" \
    "\"\"}}],\"usage\":null}\n\n"
#define C2                                                                    \
    ": keep-alive\n\n"                                                        \
    "data: {\"model\":\"\",\"choices\":[{\"index\":0,\"delta\":{\"content\":" \
    "\"Hel\\u006co\"}}],\"usage\":null}\n\n"
#define C3                                                                     \
    "data:{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}" \
    "]}\n\n"
#define CU                                                                     \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1117,"                 \
    "\"completion_tokens\":46,\"total_tokens\":1163,\"prompt_tokens_details\"" \
    ":{\"cached_tokens\":1000,\"cache_write_tokens\":50,\"audio_tokens\":7},"  \
    "\"completion_tokens_details\":{\"reasoning_tokens\":40}}}\n\n"
#define CD "data: [DONE]\n\n"

static void check_chat(void)
{
    assert_true(end.usage_seen && end.stream && end.complete && end.readable);
    assert_false(end.error_event);
    assert_int_equal(end.usage.by, METERED_PROVIDER);
    assert_int_equal(end.usage.input, 1117);
    assert_int_equal(end.usage.cached, 1000);
    assert_int_equal(end.usage.cache_write, 50);
    assert_int_equal(end.usage.audio_in, 7);
    assert_int_equal(end.usage.output, 46);
    assert_int_equal(end.usage.reasoning, 40);
    assert_int_equal(end.usage.tier, TIER_FLEX);
    assert_string_equal(end.usage.model, "gpt-4o-2024-08-06");
    assert_int_equal(end.output_tokens, 1);
}

static void test_stream_at_every_cut(void **state)
{
    static const char *const eols[] = {"\n", "\r\n", "\r"};
    struct buf all, rest;
    (void)state;
    buf_init(&all, 1 << 16);
    buf_init(&rest, 1 << 16);
    for (int e = 0; e < 3; e++) {
        with_eol(C1 C2 C3 CU CD, eols[e], &all);
        with_eol(C1 C2 C3 CD, eols[e], &rest);
        for (size_t cut = 1; cut <= all.n; cut++) {
            feed(&chat_events, buf_get(&all), cut, all.n);
            check_chat();
            same(buf_get(&all));
            feed(&chat_dropping, buf_get(&all), cut, all.n);
            check_chat();
            same(buf_get(&rest));
        }
        for (size_t step = 1; step < 9; step++) {
            feed(&chat_dropping, buf_get(&all), step, step);
            check_chat();
            assert_true(first_token);
            same(buf_get(&rest));
        }
    }
    buf_release(&all);
    buf_release(&rest);
}

static void test_mixed_ends_and_bom(void **state)
{
    (void)state;
    feed(&chat_dropping,
         SLICE("\xef\xbb\xbf" C1 C3
               "data: {\"choices\":[],\r\ndata: \"usage\":{"
               "\"prompt_tokens\":3,\"completion_tokens\":4}}"
               "\n\r\n" CD),
         2, 3);
    assert_int_equal(end.usage.input, 3);
    assert_int_equal(end.usage.output, 4);
    same(SLICE("\xef\xbb\xbf" C1 C3 CD));
}

static void test_only_the_usage_chunk_is_dropped(void **state)
{
    /* Azure's first chunk, usage beside a choice, usage on every chunk,
     * moderation and error events all belong to the client */
    static const char *const kept[] = {
        "data: {\"id\":\"\",\"model\":\"\",\"choices\":[],"
        "\"prompt_filter_results\":[]}\n\n",
        "data: {\"choices\":[],\"usage\":null}\n\n",
        "data: {\"choices\":[{\"index\":0,\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":1}}\n\n",
        "data: {\"usage\":{\"prompt_tokens\":1},\"choices\":[{}]}\n\n",
        "data: {\"usage\":{\"prompt_tokens\":1}}\n\n",
        "data: {\"choices\":[],\"usage\":{},\"error\":{\"message\":\"x\"}}\n\n",
        "event: error\ndata: {\"error\":{\"message\":\"x\"}}\n\n",
        ": comment\n\n",
        "\n",
        "id: 7\nretry: 5\n\n",
        "data\n\n",
        "data: not json\n\n",
    };
    struct buf all;
    (void)state;
    buf_init(&all, 1 << 16);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        for (size_t step = 1; step < 40; step += 7) {
            buf_clear(&all);
            buf_printf(&all, "%s%s", kept[i], C1);
            feed(&chat_dropping, buf_get(&all), step, step);
            same(buf_get(&all));
        }
    }
    buf_release(&all);
}

static void test_events_are_relayed_at_once(void **state)
{
    const struct meter_conf c = {.family = FAMILY_OPENAI,
                                 .op = OP_CHAT,
                                 .meter = true,
                                 .drop_usage = true,
                                 .status = 200,
                                 .content_type = SLICE("text/event-stream")};
    (void)state;
    meter_start(m, &c);
    assert_false(meter_relays(m));
    buf_clear(&got);
    assert_false(meter_feed(m, C1, sizeof C1 - 1, &got));
    same(SLICE(C1));
    assert_true(meter_feed(m, C2, sizeof C2 - 1, &got));
    same(SLICE(C1 C2));
    assert_true(meter_feed(m, CU, sizeof CU - 2, &got)); /* not its last LF */
    same(SLICE(C1 C2));
    meter_finish(m, true, &got, &end);
    same(SLICE(C1 C2
               "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1117,"
               "\"completion_tokens\":46,\"total_tokens\":1163,"
               "\"prompt_tokens_details\":{\"cached_tokens\":1000,"
               "\"cache_write_tokens\":50,\"audio_tokens\":7},"
               "\"completion_tokens_details\":{\"reasoning_tokens\":40}}}\n"));
    assert_true(end.usage_seen); /* the numbers came, so they count */
    assert_false(end.complete);
}

static void test_huge_event_passes_in_bounded_memory(void **state)
{
    static char x[1 << 16];
    const struct meter_conf c = {.family = FAMILY_OPENAI,
                                 .op = OP_CHAT,
                                 .meter = true,
                                 .drop_usage = true,
                                 .status = 200,
                                 .content_type = SLICE("text/event-stream")};
    struct buf some;
    size_t total = 0;
    (void)state;
    memset(x, 'x', sizeof x);
    buf_init(&some, 1 << 18);
    meter_start(m, &c);
    (void)meter_feed(m, "data: {\"pad\":\"", 14, &some);
    for (int i = 0; i < 160; i++) {
        (void)meter_feed(m, x, sizeof x, &some);
        total += some.n;
        buf_clear(&some);
    }
    assert_true(total >= 159 * sizeof x);
    const struct slice rest = SLICE("\",\"choices\":[],\"usage\":{"
                                    "\"prompt_tokens\":9}}\n\n" CD);
    (void)meter_feed(m, rest.p, rest.n, &some);
    meter_finish(m, false, &some, &end);
    assert_false(some.failed);
    assert_int_equal(end.usage.input, 9);
    assert_true(end.complete);
    buf_release(&some);
}

static void json_usage(enum op op, const char *text)
{
    const struct with w = {.op = op, .type = "application/json"};
    size_t n = strlen(text);
    for (size_t cut = 1; cut <= n; cut += 3) {
        feed(&w, slice_str(text), cut, n);
        same(slice_str(text));
        assert_true(end.complete && end.readable && !end.stream);
    }
}

static void test_whole_answers(void **state)
{
    const struct usage *u = &end.usage;
    (void)state;
    json_usage(OP_CHAT,
               "{\"model\":\"m\",\"choices\":[{\"message\":{\"content\":"
               "\"abc\"}}],\"usage\":{\"prompt_tokens\":9,"
               "\"completion_tokens\":3,\"total_tokens\":12},"
               "\"service_tier\":\"default\"}");
    assert_int_equal(u->input, 9);
    assert_int_equal(u->output, 3);
    assert_int_equal(end.output_tokens, 1);
    /* xAI, Gemini: reasoning outside completion_tokens */
    json_usage(OP_CHAT, "{\"choices\":[],\"usage\":{\"prompt_tokens\":9,"
                        "\"completion_tokens\":3,\"total_tokens\":100}}");
    assert_int_equal(u->output, 91);
    /* DeepSeek */
    json_usage(OP_CHAT, "{\"usage\":{\"prompt_tokens\":9,"
                        "\"completion_tokens\":3,\"total_tokens\":12,"
                        "\"prompt_cache_hit_tokens\":8,"
                        "\"prompt_cache_miss_tokens\":1}}");
    assert_int_equal(u->cached, 8);
    json_usage(OP_CHAT, "{\"model\":\"gpt-4o-search-preview-2025-03-11\","
                        "\"usage\":{\"prompt_tokens\":9}}");
    assert_int_equal(u->web_searches, 1);
    /* R60 */
    json_usage(OP_CHAT, "{\"usage\":{\"input_tokens\":81,\"output_tokens\":"
                        "35}}");
    assert_int_equal(u->input, 81);
    assert_int_equal(u->output, 35);
    json_usage(OP_EMBEDDINGS, "{\"data\":[{\"embedding\":[0.1]}],\"usage\":{"
                              "\"prompt_tokens\":8,\"total_tokens\":8}}");
    assert_int_equal(u->input, 8);
    assert_int_equal(u->output, 0);
    json_usage(OP_RESPONSES,
               "{\"model\":\"gpt-5\",\"output\":[{\"type\":\"web_search_call\""
               "},{\"type\":\"message\",\"content\":[{\"text\":\"hello\"}]}],"
               "\"usage\":{\"input_tokens\":81,\"input_tokens_details\":{"
               "\"cached_tokens\":4,\"cache_write_tokens\":10,"
               "\"cache_write_tokens_details\":{\"ttl_12h_tokens\":6}},"
               "\"output_tokens\":1035,\"output_tokens_details\":{"
               "\"reasoning_tokens\":832},\"total_tokens\":1116}}");
    assert_int_equal(u->cache_write, 4);
    assert_int_equal(u->cache_write_1h, 6);
    assert_int_equal(u->reasoning, 832);
    assert_int_equal(u->web_searches, 1);
    assert_int_equal(end.output_tokens, 1);
    json_usage(OP_RESPONSES, "{\"output\":[{\"type\":\"web_search_call\"}],"
                             "\"tool_usage\":{\"web_search\":{"
                             "\"num_requests\":3}},\"usage\":{"
                             "\"input_tokens\":1,\"output_tokens\":1}}");
    assert_int_equal(u->web_searches, 3);
    json_usage(OP_TRANSCRIPTION,
               "{\"text\":\"hi\",\"usage\":{\"type\":\"tokens\","
               "\"input_tokens\":14,\"input_token_details\":{\"audio_tokens\":"
               "13,\"text_tokens\":1},\"output_tokens\":4,\"total_tokens\":18}"
               "}");
    assert_int_equal(u->audio_in, 13);
    assert_int_equal(u->output, 4);
    json_usage(OP_TRANSCRIPTION, "{\"text\":\"hi\",\"usage\":{\"type\":"
                                 "\"duration\",\"seconds\":3}}");
    assert_int_equal(u->audio_ms, 3000);
    json_usage(OP_TRANSCRIPTION,
               "{\"duration\":8.470000267028809,\"text\":\"hi\"}");
    assert_int_equal(u->audio_ms, 8471);
    json_usage(OP_IMAGES, "{\"data\":[{\"b64_json\":\"AA\"},{}]}");
    assert_int_equal(u->images, 2);
    json_usage(OP_IMAGES, "{\"data\":[{}],\"usage\":{\"input_tokens\":50,"
                          "\"output_tokens\":4160,\"total_tokens\":4210,"
                          "\"input_tokens_details\":{\"text_tokens\":10,"
                          "\"image_tokens\":40}}}");
    assert_int_equal(u->images, 0);
    assert_int_equal(u->image_in, 40);
    assert_int_equal(u->image_out, 4160);
}

static void test_hostile_numbers(void **state)
{
    static const char *const bad[] = {
        "-5",
        "1e30",
        "\"7\"",
        "null",
        "true",
        "{}",
        "[5]",
        "1.5",
        "99999999999999999999",
        "1000000000001",
    };
    char text[256];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        (void)snprintf(text, sizeof text,
                       "{\"usage\":{\"prompt_tokens\":%s,"
                       "\"completion_tokens\":3}}",
                       bad[i]);
        feed(&chat_json, slice_str(text), 256, 256);
        assert_int_equal(end.usage.input, 0);
        assert_int_equal(end.usage.output, 3);
    }
    /* parts larger than the whole never make a class negative */
    feed(&chat_json,
         SLICE("{\"usage\":{\"prompt_tokens\":5,"
               "\"completion_tokens\":2,\"total_tokens\":7,"
               "\"prompt_tokens_details\":{\"cached_tokens\":99,"
               "\"audio_tokens\":99},\"completion_tokens_details\""
               ":{\"reasoning_tokens\":99,\"audio_tokens\":99}}}"),
         999, 999);
    assert_int_equal(end.usage.cached, 5);
    assert_int_equal(end.usage.audio_in, 0);
    assert_int_equal(end.usage.reasoning, 2);
    assert_int_equal(end.usage.audio_out, 2);
}

static void test_last_value_per_field(void **state)
{
    (void)state;
    feed(&chat_events,
         SLICE("data: {\"choices\":[{}],\"usage\":{\"prompt_tokens\":9,"
               "\"completion_tokens\":1}}\n\n"
               "data: {\"choices\":[{}],\"usage\":{\"prompt_tokens\":null,"
               "\"completion_tokens\":5}}\n\n"
               "data: {\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":"
               "null,\"x_groq\":{\"usage\":{\"prompt_tokens\":70,"
               "\"completion_tokens\":70}}}\n\n"),
         999, 999);
    assert_int_equal(end.usage.input, 9);
    assert_int_equal(end.usage.output, 5);
    assert_true(end.complete); /* no [DONE], but a finish and a clean end */
    struct with w = chat_events;
    w.cut = true;
    feed(&w, SLICE(C1 C2 C3), 999, 999);
    assert_false(end.complete);
    assert_false(end.usage_seen);
    assert_int_equal(end.output_tokens, 1);
}

static const char responses_stream[] =
    "event: response.created\n"
    "data: {\"type\":\"response.created\",\"response\":{\"model\":\"gpt-5\","
    "\"output\":[],\"usage\":null,\"service_tier\":\"auto\"}}\n\n"
    "event: response.output_item.done\n"
    "data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":"
    "\"web_search_call\"}}\n\n"
    "event: response.output_text.delta\n"
    "data: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi!\"}\n\n"
    "event: response.output_text.done\n"
    "data: {\"type\":\"response.output_text.done\",\"text\":\"Hi!\"}\n\n";
static const char responses_end[] =
    "event: response.completed\n"
    "data: {\"type\":\"response.completed\",\"response\":{\"model\":\"gpt-5\","
    "\"output\":[{\"type\":\"web_search_call\"},{\"type\":\"message\","
    "\"content\":[{\"text\":\"Hi!\"}]}],\"service_tier\":\"priority\","
    "\"usage\":{\"input_tokens\":20,\"output_tokens\":8,\"total_tokens\":28}}}"
    "\n\n";

static void test_responses_stream(void **state)
{
    const struct with w = {.op = OP_RESPONSES, .type = "text/event-stream"};
    struct buf all;
    (void)state;
    buf_init(&all, 1 << 16);
    buf_printf(&all, "%s%s", responses_stream, responses_end);
    for (size_t cut = 1; cut < all.n; cut++) {
        feed(&w, buf_get(&all), cut, all.n);
        same(buf_get(&all));
        assert_true(end.complete && end.usage_seen && !end.error_event);
        assert_int_equal(end.usage.input, 20);
        assert_int_equal(end.usage.output, 8);
        assert_int_equal(end.usage.web_searches, 1);
        assert_int_equal(end.usage.tier, TIER_PRIORITY);
        assert_int_equal(end.output_tokens, 2);
    }
    feed(&w, slice_str(responses_stream), 999999, 1);
    assert_false(end.complete);
    assert_int_equal(end.output_tokens, 2);
    buf_clear(&all);
    buf_printf(&all,
               "%sevent: response.failed\ndata: {\"type\":"
               "\"response.failed\",\"response\":{\"error\":{},"
               "\"usage\":{\"input_tokens\":2,\"output_tokens\":0}}}"
               "\n\n",
               responses_stream);
    feed(&w, buf_get(&all), 10, 10);
    assert_true(end.complete && end.error_event && end.usage_seen);
    buf_release(&all);
}

static void test_other_streams(void **state)
{
    const struct with image = {.op = OP_IMAGES, .type = "text/event-stream"};
    const struct with audio = {.op = OP_TRANSCRIPTION,
                               .type = "text/event-stream"};
    (void)state;
    feed(&image,
         SLICE("event: image_generation.completed\ndata: {\"type\":"
               "\"image_generation.completed\",\"b64_json\":\"AA\","
               "\"usage\":{\"input_tokens\":5,\"output_tokens\":272}}"
               "\n\n"),
         7, 7);
    assert_true(end.complete);
    assert_int_equal(end.usage.image_out, 272);
    feed(&audio,
         SLICE("data: {\"type\":\"transcript.text.delta\",\"delta\":"
               "\"ab\"}\n\ndata: {\"type\":\"transcript.text.done\","
               "\"text\":\"ab\",\"usage\":{\"input_tokens\":5,"
               "\"output_tokens\":2}}\n\n"),
         7, 7);
    assert_true(end.complete);
    assert_int_equal(end.output_tokens, 1);
}

static void test_error_event(void **state)
{
    (void)state;
    feed(&chat_dropping,
         SLICE(C1 "data: {\"error\":{\"message\":\"boom\"}}"
                  "\n\n"),
         5, 5);
    assert_true(end.error_event);
    assert_false(end.complete);
    same(SLICE(C1 "data: {\"error\":{\"message\":\"boom\"}}\n\n"));
}

static void test_what_cannot_be_read(void **state)
{
    const struct with speech = {.op = OP_SPEECH, .type = "audio/mpeg"};
    (void)state;
    feed(&chat_json, SLICE("<html>Bad gateway</html>"), 3, 3);
    assert_false(end.readable);
    assert_false(end.complete);
    same(SLICE("<html>Bad gateway</html>"));
    feed(&chat_json, SLICE("{\"usage\":{\"prompt_tokens\":4}"), 3, 3);
    assert_false(end.complete);
    feed(&chat_json, SLICE(""), 3, 3);
    assert_false(end.readable);
    feed(&speech, SLICE("\xff\xfb\x00\x00"), 3, 3);
    assert_true(end.readable && end.complete);
    /* events under a wrong type are events */
    feed(&chat_json, SLICE(C1 C2 C3 CU CD), 3, 3);
    check_chat();
}

/* White space alone does not say yet what the answer is. */
static void test_white_space_first_at_every_cut(void **state)
{
    static const char *const texts[] = {
        "\n\r\n  " C1 C3 CU "data: [DONE]\n\n",
        "\r\r" C2 CU,
        " \n\t{\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n",
        "\n\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (int drop = 0; drop < 2; drop++) {
            const struct with w = {.op = OP_CHAT, .drop = drop, .type = ""};
            struct slice text = slice_str(texts[i]);
            struct buf whole;
            buf_init(&whole, 1 << 20);
            feed(&w, text, text.n, 1);
            buf_slice(&whole, buf_get(&got));
            struct meter_end want = end;
            for (size_t cut = 1; cut < text.n; cut++)
                for (size_t step = 1; step < 4; step++) {
                    feed(&w, text, cut, step);
                    same(buf_get(&whole));
                    assert_memory_equal(&end.usage, &want.usage,
                                        offsetof(struct usage, model));
                    assert_int_equal(end.events, want.events);
                    assert_int_equal(end.stream, want.stream);
                    assert_int_equal(end.complete, want.complete);
                    assert_int_equal(end.readable, want.readable);
                }
            buf_release(&whole);
        }
}

static int setup(void **state)
{
    (void)state;
    m = meter_new();
    buf_init(&got, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    meter_free(&m);
    buf_release(&got);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream_at_every_cut),
        cmocka_unit_test(test_white_space_first_at_every_cut),
        cmocka_unit_test(test_mixed_ends_and_bom),
        cmocka_unit_test(test_only_the_usage_chunk_is_dropped),
        cmocka_unit_test(test_events_are_relayed_at_once),
        cmocka_unit_test(test_huge_event_passes_in_bounded_memory),
        cmocka_unit_test(test_whole_answers),
        cmocka_unit_test(test_hostile_numbers),
        cmocka_unit_test(test_last_value_per_field),
        cmocka_unit_test(test_responses_stream),
        cmocka_unit_test(test_other_streams),
        cmocka_unit_test(test_error_event),
        cmocka_unit_test(test_what_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

/* provider_demo.c - the demo provider's answers, read by our own meter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "http/field.h"
#include "provider/demo.h"
#include "provider/describe.h"
#include "provider/meter.h"

static struct buf all;
static struct meter_end end;
static int total_ms, pieces;

static int ask(const char *path, const char *body, enum op op)
{
    struct meter *m = meter_new();
    struct demo *d =
        demo_new(SLICE("POST"), slice_str(path), slice_str(body), 1790000000);
    const struct meter_conf c = {.op = op,
                                 .meter = true,
                                 .provider = PROVIDER_DEMO,
                                 .content_type =
                                     slice_str(demo_content_type(d)),
                                 .status = demo_status(d)};
    int status = demo_status(d), ms = 0;
    size_t from = 0;
    buf_clear(&all);
    total_ms = pieces = 0;
    meter_start(m, &c);
    while (demo_next(d, &all, &ms)) {
        total_ms += ms;
        pieces++;
        (void)meter_feed(m, all.p + from, all.n - from, NULL);
        from = all.n;
    }
    meter_finish(m, false, NULL, &end);
    demo_free(&d);
    meter_free(&m);
    assert_null(d);
    return status;
}

static bool has(const char *text)
{
    return memmem(all.p, all.n, text, strlen(text)) != NULL;
}

static void test_chat(void **state)
{
    (void)state;
    assert_int_equal(ask("/v1/chat/completions",
                         "{\"model\":\"demo-small\",\"messages\":[{\"role\":"
                         "\"user\",\"content\":\"What is 2+2?\"}]}",
                         OP_CHAT),
                     200);
    assert_true(end.complete && end.usage_seen && !end.stream);
    assert_int_equal(end.usage.input, 4 + 7);
    assert_true(end.usage.output > 20);
    assert_true(has("BudgetGuard's demo provider"));
    assert_true(has("What is 2+2?"));
    assert_string_equal(end.usage.model, "demo-small");

    int64_t whole = end.usage.output;
    assert_int_equal(ask("/v1/chat/completions",
                         "{\"model\":\"demo-small\",\"stream\":true,"
                         "\"stream_options\":{\"include_usage\":true},"
                         "\"messages\":[{\"role\":\"user\",\"content\":\"What"
                         " is 2+2?\"}]}",
                         OP_CHAT),
                     200);
    assert_true(end.complete && end.usage_seen && end.stream);
    assert_int_equal(end.usage.output, whole);
    assert_true(pieces > 20 && total_ms > 300 && total_ms < 20000);
    assert_int_equal(ask("/v1/chat/completions",
                         "{\"model\":\"demo-large\",\"stream\":true,"
                         "\"max_tokens\":5,\"n\":2,\"messages\":[]}",
                         OP_CHAT),
                     200);
    assert_true(end.complete && !end.usage_seen);
    assert_true(has("\"length\""));
    assert_int_equal(ask("/v1/chat/completions",
                         "{\"model\":\"demo-large\",\"max_tokens\":5,\"n\":2,"
                         "\"messages\":[]}",
                         OP_CHAT),
                     200);
    assert_int_equal(end.usage.output, 10);
}

static void test_tool_call_and_its_result(void **state)
{
#define TOOLS                                                                 \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"weather\","   \
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":" \
    "\"string\"},\"days\":{\"type\":\"integer\"}}}}}]"
    (void)state;
    assert_int_equal(ask("/v1/chat/completions",
                         "{\"model\":\"demo-small\",\"messages\":[]," TOOLS "}",
                         OP_CHAT),
                     200);
    assert_true(has("\"finish_reason\":\"tool_calls\""));
    assert_true(has("{\\\"city\\\":\\\"demo\\\",\\\"days\\\":1}"));
    assert_int_equal(ask("/v1/chat/completions",
                         "{\"model\":\"demo-small\",\"stream\":true,"
                         "\"messages\":[]," TOOLS "}",
                         OP_CHAT),
                     200);
    assert_true(end.complete && end.output_tokens > 8);
    assert_int_equal(ask("/v1/chat/completions",
                         "{\"model\":\"demo-small\",\"messages\":[{\"role\":"
                         "\"tool\",\"content\":\"sunny\"}]," TOOLS "}",
                         OP_CHAT),
                     200);
    assert_true(has("\"finish_reason\":\"stop\""));
}

static void test_other_routes(void **state)
{
    (void)state;
    assert_int_equal(ask("/v1/completions",
                         "{\"model\":\"demo-small\","
                         "\"prompt\":\"hey\",\"stream\":"
                         "true}",
                         OP_COMPLETIONS),
                     200);
    assert_true(end.complete && end.output_tokens > 15);
    assert_int_equal(ask("/v1/responses",
                         "{\"model\":\"demo-small\","
                         "\"input\":\"hey\"}",
                         OP_RESPONSES),
                     200);
    assert_true(end.usage_seen && end.usage.output > 20);
    int64_t n = end.usage.output;
    assert_int_equal(ask("/v1/responses",
                         "{\"model\":\"demo-small\","
                         "\"input\":\"hey\",\"stream\":true}",
                         OP_RESPONSES),
                     200);
    assert_true(end.complete && end.stream && end.usage_seen);
    assert_int_equal(end.usage.output, n);
    assert_int_equal(ask("/v1/embeddings",
                         "{\"model\":\"demo-embed\",\"input\":[\"a\",\"b\"],"
                         "\"dimensions\":4,\"encoding_format\":\"base64\"}",
                         OP_EMBEDDINGS),
                     200);
    assert_true(end.usage_seen && end.usage.input == 2);
    assert_true(has("\"index\":1"));
    struct arena a;
    struct json *v;
    arena_init(&a, 1 << 20);
    assert_int_equal(json_parse(&a, buf_get(&all), &v, NULL), OK);
    /* 16 bytes in base64 */
    assert_int_equal(json_get(json_get(v, "data")->child, "embedding")->text.n,
                     24);
    arena_release(&a);
}

static void test_refusals_of_the_demo(void **state)
{
    struct demo *d;
    int ms;
    (void)state;
    assert_int_equal(ask("/v1/chat/completions", "nonsense", OP_CHAT), 400);
    assert_int_equal(
        ask("/v1/chat/completions", "{\"model\":\"gpt-4o\"}", OP_CHAT), 404);
    assert_int_equal(
        ask("/v1/audio/speech", "{\"model\":\"demo-small\"}", OP_SPEECH), 404);
    assert_false(end.usage_seen);
    d = demo_new(SLICE("GET"), SLICE("/v1/models"), SLICE(""), 0);
    buf_clear(&all);
    assert_true(demo_next(d, &all, &ms));
    assert_false(demo_next(d, &all, &ms));
    assert_true(has("demo-small") && has("demo-large") && has("demo-embed"));
    demo_free(&d);
}

static enum provider_id resolve(void *arg, struct slice *model)
{
    (void)arg;
    (void)model;
    return PROVIDER_DEMO;
}

/* What is billed never exceeds what was bounded. */
static void test_bound_holds_for_what_is_billed(void **state)
{
    static const char *const bodies[] = {
        "{\"model\":\"demo-small\",\"messages\":[]}",
        "{\"model\":\"demo-small\",\"messages\":[{\"role\":\"user\","
        "\"content\":\"hello there\"},{\"role\":\"assistant\",\"content\":"
        "\"\"}]," TOOLS "}",
        "{\"model\":\"demo-small\",\"messages\":[{\"role\":\"user\","
        "\"content\":[{\"type\":\"text\",\"text\":\"\\u4f60\\u597d\"}]}]}",
    };
    struct describer *d = describer_new();
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct route r;
        struct call c = {0};
        struct described out;
        const char *allow;
        (void)route_find(PASSTHROUGH_SAFE, SLICE("POST"),
                         SLICE("/v1/chat/completions"), NULL, 0, &r, &allow);
        const struct describe_in in = {
            .route = &r, .resolve = resolve, .body = slice_str(bodies[i])};
        assert_int_equal(describe(d, &in, &a, &c, &out), R_NONE);
        assert_int_equal(ask("/v1/chat/completions", bodies[i], OP_CHAT), 200);
        assert_true(end.usage.input <= c.input_bound);
    }
    arena_release(&a);
    describer_free(&d);
}

static int setup(void **state)
{
    (void)state;
    buf_init(&all, 1 << 22);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_release(&all);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chat),
        cmocka_unit_test(test_tool_call_and_its_result),
        cmocka_unit_test(test_other_routes),
        cmocka_unit_test(test_refusals_of_the_demo),
        cmocka_unit_test(test_bound_holds_for_what_is_billed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

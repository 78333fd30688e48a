/* provider_describe.c - bodies become calls; edits touch nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/field.h"
#include "provider/describe.h"

static struct describer *d;
static struct arena arena;
static struct call call;
static struct described out;
static struct route route;
static enum provider_id resolved = PROVIDER_OPENAI;

static enum provider_id resolve(void *arg, struct slice *model)
{
    static const struct {
        const char *prefix;
        enum provider_id id;
    } known[] = {
        {"openai/", PROVIDER_OPENAI},
        {"azure/", PROVIDER_AZURE},
        {"mistral/", PROVIDER_MISTRAL},
        {"demo/", PROVIDER_DEMO},
    };
    (void)arg;
    for (size_t i = 0; i < 4; i++)
        if (slice_starts(*model, known[i].prefix)) {
            *model = slice_skip(*model, strlen(known[i].prefix));
            return known[i].id;
        }
    return resolved;
}

static enum refusal run(const char *path, struct slice body,
                        struct token_counter counter, const char *type)
{
    const char *allow;
    struct http_field f = {SLICE("Content-Type"), slice_str(type)};
    assert_int_equal(route_find(PASSTHROUGH_SAFE, SLICE("POST"),
                                slice_str(path), NULL, 0, &route, &allow),
                     R_NONE);
    const struct describe_in in = {.route = &route,
                                   .fields = &f,
                                   .field_count = 1,
                                   .body = body,
                                   .resolve = resolve,
                                   .counter = counter,
                                   .web_search_hold = 10};
    arena_reset(&arena);
    memset(&call, 0, sizeof call);
    return describe(d, &in, &arena, &call, &out);
}

static enum refusal say(const char *path, const char *body)
{
    return run(path, slice_str(body), (struct token_counter){0},
               "application/json");
}

#define CHAT "/v1/chat/completions"

/* Asserts what leaves, byte for byte. */
static void leaves(int64_t max_tokens, const char *want)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    edit_write(&out.edit, max_tokens, &b);
    assert_false(b.failed);
    assert_int_equal(b.n, strlen(want));
    assert_memory_equal(b.p, want, b.n);
    struct slice whole = out.edit.body;
    bool same = b.n == whole.n && memcmp(b.p, whole.p, b.n) == 0;
    assert_int_equal(edit_is_nothing(&out.edit, max_tokens), same);
    buf_release(&b);
}

static void test_plain_body_leaves_as_it_came(void **state)
{
    const char *body = " {\"model\" : \"gpt-4o\",\n \"temperature\":1.0e0, "
                       "\"messages\":[{\"role\":\"user\",\"content\":\"\\u00e9"
                       "\"}],\"max_tokens\":5}\n";
    (void)state;
    assert_int_equal(say(CHAT, body), R_NONE);
    assert_true(slice_is(call.model, "gpt-4o"));
    assert_int_equal(call.max_output, 5);
    assert_false(call.output_is_limitable);
    leaves(0, body);
    leaves(77, body); /* the client's own limit is never altered (R75) */
}

static void test_edits_are_splices(void **state)
{
    (void)state;
    assert_int_equal(say(CHAT, "{ \"messages\":[],\"model\":\"openai/gpt-4o\","
                               "\"stream\":true}"),
                     R_NONE);
    assert_true(slice_is(call.model, "gpt-4o"));
    assert_true(call.stream && out.edit.add_usage && !out.asked_usage);
    leaves(0, "{\"stream_options\":{\"include_usage\":true}, \"messages\":[],"
              "\"model\":\"gpt-4o\",\"stream\":true}");
    leaves(64, "{\"max_tokens\":64,\"stream_options\":{\"include_usage\":true}"
               ", \"messages\":[],\"model\":\"gpt-4o\",\"stream\":true}");

    assert_int_equal(say(CHAT, "{\"model\":\"gpt-5\",\"messages\":[],"
                               "\"max_completion_tokens\": null }"),
                     R_NONE);
    assert_int_equal(call.max_output, -1);
    assert_true(call.output_is_limitable);
    leaves(0, "{\"model\":\"gpt-5\",\"messages\":[],"
              "\"max_completion_tokens\": null }");
    leaves(900, "{\"model\":\"gpt-5\",\"messages\":[],"
                "\"max_completion_tokens\": 900 }");

    assert_int_equal(say(CHAT, "{\"model\":\"op\\u0065nai/gp\\\"t\","
                               "\"messages\":[]}"),
                     R_NONE);
    assert_true(slice_is(call.model, "gp\"t"));
    leaves(0, "{\"model\":\"gp\\\"t\",\"messages\":[]}");
}

static void test_usage_is_asked_into_every_form(void **state)
{
    static const struct {
        const char *in, *want;
        bool asked;
    } rows[] = {
        {"{\"model\":\"m\",\"messages\":[],\"stream\":true,"
         "\"stream_options\":{\"include_usage\":true}}",
         "{\"model\":\"m\",\"messages\":[],\"stream\":true,"
         "\"stream_options\":{\"include_usage\":true}}",
         true},
        {"{\"model\":\"m\",\"messages\":[],\"stream\":true,"
         "\"stream_options\":{\"include_usage\": false }}",
         "{\"model\":\"m\",\"messages\":[],\"stream\":true,"
         "\"stream_options\":{\"include_usage\": true }}",
         false},
        {"{\"stream_options\": { } ,\"model\":\"m\",\"messages\":[],"
         "\"stream\":true}",
         "{\"stream_options\": {\"include_usage\":true } ,\"model\":\"m\","
         "\"messages\":[],\"stream\":true}",
         false},
        {"{\"stream_options\":{\"x\":{\"include_usage\":true}},\"model\":"
         "\"m\",\"messages\":[],\"stream\":true}",
         "{\"stream_options\":{\"include_usage\":true,\"x\":{\"include_usage\""
         ":true}},\"model\":\"m\",\"messages\":[],\"stream\":true}",
         false},
        {"{\"stream_options\":null,\"model\":\"m\",\"messages\":[],"
         "\"stream\":true}",
         "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\","
         "\"messages\":[],\"stream\":true}",
         false},
        {"{\"model\":\"m\",\"messages\":[],\"stream\":false}",
         "{\"model\":\"m\",\"messages\":[],\"stream\":false}", false},
        {"{\"stream_options\":{\"include\\u005fusage\":true},\"model\":\"m\","
         "\"messages\":[],\"stream\":true}",
         "{\"stream_options\":{\"include\\u005fusage\":true},\"model\":\"m\","
         "\"messages\":[],\"stream\":true}",
         true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(say(CHAT, rows[i].in), R_NONE);
        assert_int_equal(out.asked_usage, rows[i].asked);
        leaves(0, rows[i].want);
    }
    assert_int_equal(say(CHAT, "{\"model\":\"mistral/m\",\"messages\":[],"
                               "\"stream\":true}"),
                     R_NONE);
    assert_false(out.edit.add_usage); /* Mistral refuses it with 422 */
    assert_int_equal(say("/v1/responses", "{\"model\":\"m\",\"input\":\"x\","
                                          "\"stream\":true}"),
                     R_NONE);
    assert_false(out.edit.add_usage); /* a 400 upstream */
    assert_int_equal(say(CHAT, "{\"model\":\"m\",\"messages\":[],\"stream\":"
                               "true,\"stream_options\":{\"include_usage\":"
                               "false,\"include_usage\":true}}"),
                     R_INVALID_JSON);
}

static void test_limits_by_op_and_model(void **state)
{
    (void)state;
    assert_int_equal(
        say("/v1/responses", "{\"model\":\"gpt-5\",\"input\":\"hi\"}"), R_NONE);
    leaves(70, "{\"max_output_tokens\":70,\"model\":\"gpt-5\","
               "\"input\":\"hi\"}");
    assert_int_equal(say(CHAT, "{\"model\":\"o3\",\"messages\":[]}"), R_NONE);
    leaves(70, "{\"max_completion_tokens\":70,\"model\":\"o3\","
               "\"messages\":[]}");
    assert_int_equal(say(CHAT, "{\"model\":\"mistral/m\",\"messages\":[]}"),
                     R_NONE);
    leaves(70, "{\"max_tokens\":70,\"model\":\"m\",\"messages\":[]}");
    assert_int_equal(call.provider, PROVIDER_MISTRAL);
    assert_int_equal(say("/v1/completions",
                         "{\"model\":\"m\",\"prompt\":[\"a\",\"bc\"],"
                         "\"best_of\":3}"),
                     R_NONE);
    assert_int_equal(call.max_output, 16);
    assert_int_equal(call.choices, 6);
    leaves(0, "{\"max_tokens\":16,\"model\":\"m\",\"prompt\":[\"a\",\"bc\"],"
              "\"best_of\":3}");
    assert_int_equal(say(CHAT, "{\"model\":\"m\",\"messages\":[],"
                               "\"max_tokens\":7,\"max_completion_tokens\":9,"
                               "\"n\":4}"),
                     R_NONE);
    assert_int_equal(call.max_output, 9);
    assert_int_equal(call.choices, 4);
    assert_int_equal(
        say("/v1/embeddings", "{\"model\":\"m\",\"input\":[[1,2,3],[4]]}"),
        R_NONE);
    assert_int_equal(call.max_output, 0);
    assert_int_equal(call.input_bound, 4);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *path, *body;
        enum refusal why;
    } rows[] = {
        {CHAT, "", R_INVALID_JSON},
        {CHAT, "[]", R_INVALID_REQUEST},
        {CHAT, "\"x\"", R_INVALID_REQUEST},
        {CHAT, "null", R_INVALID_REQUEST},
        {CHAT, "{}", R_INVALID_REQUEST},
        {CHAT, "{\"model\":\"m\",\"messages\":[]}x", R_INVALID_JSON},
        {CHAT, "{\"model\":\"m\",\"messages\":[],}", R_INVALID_JSON},
        {CHAT, "{\"model\":\"m\",\"messages\":[01]}", R_INVALID_JSON},
        {CHAT, "{\"model\":\"\xff\",\"messages\":[]}", R_INVALID_JSON},
        {CHAT, "{\"model\":\"m\",\"messages\":[\"\t\"]}", R_INVALID_JSON},
        {CHAT, "{\"model\":\"m\"}", R_INVALID_REQUEST},
        {CHAT, "{\"messages\":[]}", R_INVALID_REQUEST},
        {CHAT, "{\"model\":1,\"messages\":[]}", R_INVALID_REQUEST},
        {CHAT, "{\"model\":null,\"messages\":[]}", R_INVALID_REQUEST},
        {CHAT, "{\"model\":\"\",\"messages\":[]}", R_INVALID_REQUEST},
        {CHAT, "{\"model\":\"openai/\",\"messages\":[]}", R_INVALID_REQUEST},
        {CHAT, "{\"model\":\"a\\nb\",\"messages\":[]}", R_INVALID_REQUEST},
        {CHAT, "{\"model\":\"m\",\"messages\":\"x\"}", R_INVALID_REQUEST},
        {CHAT, "{\"model\":\"m\",\"messages\":[],\"stream\":1}",
         R_INVALID_REQUEST},
        {CHAT, "{\"model\":\"m\",\"messages\":[],\"max_tokens\":-1}",
         R_INVALID_REQUEST},
        {CHAT, "{\"model\":\"m\",\"messages\":[],\"max_tokens\":1.5}",
         R_INVALID_REQUEST},
        {CHAT, "{\"model\":\"m\",\"messages\":[],\"max_tokens\":\"9\"}",
         R_INVALID_REQUEST},
        {CHAT, "{\"model\":\"m\",\"messages\":[],\"n\":0}", R_INVALID_REQUEST},
        {CHAT, "{\"model\":\"m\",\"messages\":[],\"stream_options\":3}",
         R_INVALID_REQUEST},
        /* R71, and every other member */
        {CHAT, "{\"model\":\"m\",\"messages\":[],\"model\":\"x\"}",
         R_INVALID_JSON},
        {CHAT, "{\"model\":\"m\",\"messages\":[],\"mod\\u0065l\":\"x\"}",
         R_INVALID_JSON},
        {CHAT,
         "{\"model\":\"m\",\"messages\":[],\"max_tokens\":1,"
         "\"max_tokens\":9}",
         R_INVALID_JSON},
        {CHAT, "{\"zz\":1,\"model\":\"m\",\"messages\":[],\"zz\":2}",
         R_INVALID_JSON},
        {"/v1/responses",
         "{\"model\":\"m\",\"input\":\"x\",\"background\":"
         "true}",
         R_UNSUPPORTED_PARAMETER},
        {"/v1/embeddings", "{\"model\":\"m\"}", R_INVALID_REQUEST},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum refusal why = say(rows[i].path, rows[i].body);
        if (why != rows[i].why)
            print_message("row %zu: %s\n", i, rows[i].body);
        assert_int_equal(why, rows[i].why);
        assert_true(out.text[0] != '\0');
    }
    assert_int_equal(
        run(CHAT, SLICE("{}"), (struct token_counter){0}, "text/plain"),
        R_MEDIA_TYPE);
    assert_int_equal(run(CHAT, SLICE("{\"model\":\"m\",\"messages\":[]}"),
                         (struct token_counter){0},
                         "application/json; charset=utf-8"),
                     R_NONE);
}

static void test_depth_and_width_are_bounded(void **state)
{
    char deep[2048];
    struct buf b;
    (void)state;
    memset(deep, '[', 1000);
    memset(deep + 1000, ']', 1000);
    deep[2000] = '\0';
    buf_init(&b, 1 << 20);
    buf_printf(&b, "{\"model\":\"m\",\"messages\":%s}", deep);
    assert_int_equal(
        run(CHAT, buf_get(&b), (struct token_counter){0}, "application/json"),
        R_INVALID_JSON);
    buf_clear(&b);
    buf_str(&b, "{\"model\":\"m\"");
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, ",\"k%d\":0", i);
    buf_str(&b, "}");
    assert_int_equal(
        run(CHAT, buf_get(&b), (struct token_counter){0}, "application/json"),
        R_INVALID_REQUEST);
    buf_release(&b);
}

/* Text cannot hide from the bound, wherever it stands. */
static void test_bound_counts_all_text(void **state)
{
    static const char *const places[] = {
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"@\"}]"
        "}",
        "{\"model\":\"m\",\"messages\":[{\"content\":[{\"type\":\"text\","
        "\"text\":\"@\"}]}]}",
        "{\"model\":\"m\",\"messages\":[{\"x\":{\"y\":[[\"@\"]]}}]}",
        "{\"model\":\"m\",\"messages\":[{\"role\":\"@\"}]}",
        "{\"model\":\"m\",\"messages\":[{\"content\":{\"image_url\":{\"url\":"
        "\"@\"}}}]}",
        "{\"model\":\"m\",\"messages\":[{\"url\":\"@\"}]}",
        "{\"model\":\"m\",\"messages\":[],\"tools\":[{\"type\":\"function\","
        "\"function\":{\"name\":\"f\",\"description\":\"@\"}}]}",
        "{\"model\":\"m\",\"messages\":[],\"tools\":[{\"@\":1}]}",
        "{\"model\":\"m\",\"messages\":[],\"functions\":[{\"@\":1}]}",
        "{\"model\":\"m\",\"messages\":[],\"response_format\":{\"@\":1}}",
        "{\"model\":\"m\",\"messages\":[],\"new_member\":{\"@\":1}}",
        "{\"model\":\"m\",\"messages\":[],\"new_member\":\"@\"}",
        "{\"model\":\"m\",\"messages\":[],\"documents\":[{\"t\":\"@\"}]}",
        "{\"model\":\"m\",\"messages\":[],\"prediction\":{\"content\":\"@\"}}",
    };
    char word[401];
    struct buf b;
    (void)state;
    memset(word, 'w', 400);
    word[400] = '\0';
    buf_init(&b, 1 << 16);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *at = strchr(places[i], '@');
        buf_clear(&b);
        buf_add(&b, places[i], (size_t)(at - places[i]));
        buf_str(&b, word);
        buf_str(&b, at + 1);
        assert_int_equal(run(CHAT, buf_get(&b), (struct token_counter){0},
                             "application/json"),
                         R_NONE);
        if (call.input_bound < 400)
            print_message("%s\n", places[i]);
        assert_true(call.input_bound >= 400);
        assert_true(call.input_bound <= 400 + 200);
    }
    buf_release(&b);
    assert_int_equal(say(CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":"
                               "\"user\",\"content\":\"\\u00e9\\n\"}]}"),
                     R_NONE);
    assert_int_equal(call.input_bound, 3 + 8);
}

static void test_media(void **state)
{
#define PART(extra)                                                \
    "{\"model\":\"gpt-4o\",\"messages\":[{\"content\":[{\"type\":" \
    "\"image_url\",\"image_url\":{\"url\":\"data:image/"           \
    "png;base64,AAAA\"" extra "}}]}]}"
    (void)state;
    assert_int_equal(say(CHAT, PART("")), R_NONE);
    assert_int_equal(call.input_bound, 8 + 85 + 8 * 170);
    assert_int_equal(say(CHAT, PART(",\"detail\":\"low\"")), R_NONE);
    assert_int_equal(call.input_bound, 8 + 85);
    assert_int_equal(say(CHAT, PART(",\"detail\":\"low\",\"detail\":\"high\"")),
                     R_NONE);
    assert_int_equal(call.input_bound, 8 + 85 + 8 * 170);
    assert_int_equal(
        say("/v1/responses",
            "{\"model\":\"gpt-4o\",\"input\":[{\"role\":\"user\",\"content\":["
            "{\"type\":\"input_image\",\"detail\":\"low\",\"image_url\":"
            "\"https://x/y.png\"},{\"type\":\"input_text\",\"text\":\"abc\"}"
            "]}]}"),
        R_NONE);
    assert_int_equal(call.input_bound, 8 + 85 + 3);
    assert_false(call.unbounded);
    assert_int_equal(
        say(CHAT, "{\"model\":\"m\",\"messages\":[{\"content\":[{\"type\":"
                  "\"input_audio\",\"input_audio\":{\"data\":\"AAAA\"}}]}]}"),
        R_NONE);
    assert_true(call.unbounded);
    assert_int_equal(say("/v1/responses",
                         "{\"model\":\"m\",\"input\":[{\"content\":[{"
                         "\"type\":\"input_file\",\"file\\u005fid\":\"f\"}"
                         "]}]}"),
                     R_NONE);
    assert_true(call.input_is_context);
    assert_int_equal(say("/v1/responses", "{\"model\":\"m\",\"input\":\"x\","
                                          "\"previous_response_id\":\"r\"}"),
                     R_NONE);
    assert_true(call.input_is_context);
    assert_int_equal(say("/v1/images/generations",
                         "{\"model\":\"gpt-image-1\",\"prompt\":\"x\","
                         "\"n\":2,\"quality\":\"low\"}"),
                     R_NONE);
    assert_int_equal(call.images, 2);
    assert_int_equal(call.max_output, 708);
}

static void test_tools_and_tier(void **state)
{
    (void)state;
    assert_int_equal(say("/v1/responses",
                         "{\"model\":\"m\",\"input\":\"x\",\"tools\":[{\"typ"
                         "\\u0065\":\"web\\u005fsearch\"},{\"type\":"
                         "\"function\"}],\"max_tool_calls\":3}"),
                     R_NONE);
    assert_int_equal(call.web_searches, 3);
    assert_int_equal(say("/v1/responses",
                         "{\"model\":\"m\",\"input\":\"x\",\"tools\":[{"
                         "\"type\":\"web_search_preview\"}]}"),
                     R_NONE);
    assert_int_equal(call.web_searches, 10);
    assert_int_equal(say(CHAT, "{\"model\":\"m\",\"messages\":[],"
                               "\"service_tier\":\"priority\",\"user\":"
                               "\"u\\u0031\"}"),
                     R_NONE);
    assert_int_equal(call.tier, TIER_PRIORITY);
    assert_true(slice_is(call.user, "u1"));
    assert_int_equal(call.web_searches, 0);
}

static int64_t words(void *arg, enum provider_id p, struct slice model,
                     struct slice text, int64_t *bound)
{
    int64_t n = 1;
    int *calls = arg;
    (void)p;
    (*calls)++;
    assert_true(slice_is(model, "gpt-4o"));
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == ' ';
    *bound = n + 2;
    return n;
}

static void test_tokenizer_plugs_in(void **state)
{
    int calls = 0;
    struct token_counter c = {words, &calls};
    (void)state;
    assert_int_equal(
        run(CHAT,
            SLICE("{\"messages\":[{\"role\":\"user\",\"content\":"
                  "\"one two\\u0020three\"}],\"model\":\"openai/gpt-4o\""
                  "}"),
            c, "application/json"),
        R_NONE);
    assert_int_equal(calls, 1);
    assert_int_equal(call.input_bound, 5 + 8);
    assert_int_equal(out.input_estimate, 3 + 4 + 2);
}

static void test_forms(void **state)
{
    static const char body[] =
        "--b1\r\nContent-Disposition: form-data; name=\"file\"; "
        "filename=\"a.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\n"
        "\x00\x01--b1x\r\n--b\r\n\r\n--b1\r\n"
        "Content-Disposition: form-data; name=\"model\"\r\n\r\n"
        "openai/whisper-1\r\n--b1--\r\n";
    struct slice s = slice(body, sizeof body - 1);
    struct buf b;
    (void)state;
    assert_int_equal(run("/v1/audio/transcriptions", s,
                         (struct token_counter){0},
                         "multipart/form-data; boundary=b1"),
                     R_NONE);
    assert_true(slice_is(call.model, "whisper-1"));
    assert_true(call.unbounded);
    buf_init(&b, 4096);
    edit_write(&out.edit, 5, &b);
    assert_int_equal(b.n, s.n - 7); /* the prefix, nothing else */
    buf_release(&b);
    assert_int_equal(run("/v1/audio/transcriptions", slice(s.p, s.n - 30),
                         (struct token_counter){0},
                         "multipart/form-data; boundary=b1"),
                     R_INVALID_REQUEST);
    assert_int_equal(run("/v1/audio/transcriptions", s,
                         (struct token_counter){0}, "multipart/form-data"),
                     R_INVALID_REQUEST);
}

/* Every prefix of a body is refused or described, never read beyond. */
static void test_cut_bodies(void **state)
{
    const char *body = "{\"model\":\"op\\u0065nai/gpt-4o\",\"messages\":[{"
                       "\"role\":\"user\",\"content\":[{\"type\":\"text\","
                       "\"text\":\"\\ud83d\\ude00 \xc3\xa9\"}]}],\"n\":1.0e0,"
                       "\"stream\":true,\"stream_options\":{}}";
    size_t n = strlen(body);
    (void)state;
    for (size_t i = 0; i < n; i++) {
        char *copy = malloc(i + 1);
        memcpy(copy, body, i);
        assert_int_equal(run(CHAT, slice(copy, i), (struct token_counter){0},
                             "application/json"),
                         R_INVALID_JSON);
        free(copy);
    }
    assert_int_equal(say(CHAT, body), R_NONE);
}

static int setup(void **state)
{
    (void)state;
    d = describer_new();
    arena_init(&arena, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    describer_free(&d);
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_body_leaves_as_it_came),
        cmocka_unit_test(test_edits_are_splices),
        cmocka_unit_test(test_usage_is_asked_into_every_form),
        cmocka_unit_test(test_limits_by_op_and_model),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_depth_and_width_are_bounded),
        cmocka_unit_test(test_bound_counts_all_text),
        cmocka_unit_test(test_media),
        cmocka_unit_test(test_tools_and_tier),
        cmocka_unit_test(test_tokenizer_plugs_in),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_cut_bodies),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

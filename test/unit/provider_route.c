/* provider_route.c - paths to routes, targets, error shapes, model lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "http/field.h"
#include "provider/models.h"
#include "provider/shape.h"
#include "provider/target.h"

static struct route route;
static const char *allow;
static struct arena arena;

static enum refusal find_in(enum passthrough mode, const char *method,
                            const char *path)
{
    return route_find(mode, slice_str(method), slice_str(path), NULL, 0, &route,
                      &allow);
}

static enum refusal find(const char *method, const char *path)
{
    return find_in(PASSTHROUGH_SAFE, method, path);
}

static void test_table(void **state)
{
    static const struct {
        const char *method, *path, *pattern;
        enum op op;
        enum route_class klass;
    } rows[] = {
        {"POST", "/v1/chat/completions", "/v1/chat/completions", OP_CHAT,
         ROUTE_METERED},
        {"POST", "/v1/chat/completions/", "/v1/chat/completions", OP_CHAT,
         ROUTE_METERED},
        {"POST", "/V1/Chat/completions", "/v1/chat/completions", OP_CHAT,
         ROUTE_METERED},
        {"POST", "/v1/completions", "/v1/completions", OP_COMPLETIONS,
         ROUTE_METERED},
        {"POST", "/v1/responses/compact", "/v1/responses/compact", OP_RESPONSES,
         ROUTE_METERED},
        {"GET", "/v1/responses/resp_1", "/v1/responses/{id}", OP_STORED,
         ROUTE_FREE},
        {"POST", "/v1/responses/resp_1/cancel", "/v1/responses/{id}/cancel",
         OP_STORED, ROUTE_FREE},
        {"POST", "/v1/responses/input_tokens", "/v1/responses/input_tokens",
         OP_COUNT, ROUTE_FREE},
        {"HEAD", "/v1/models", "/v1/models", OP_MODELS, ROUTE_LIST},
        {"GET", "/v1/models/a%2Fb", "/v1/models/{id}", OP_MODELS, ROUTE_LIST},
        {"POST", "/v1/messages", "/v1/messages", OP_MESSAGES, ROUTE_METERED},
        {"POST", "/v1beta/models/gemini-2.5-pro:generateContent",
         "/v1beta/models/{model}:generateContent", OP_GENERATE, ROUTE_METERED},
        {"POST", "/v1/models/g:countTokens", "/v1/models/{model}:countTokens",
         OP_COUNT, ROUTE_FREE},
        {"POST", "/openai/deployments/my-gpt/chat/completions",
         "/openai/deployments/{deployment}/chat/completions", OP_CHAT,
         ROUTE_METERED},
        {"POST", "/openai/v1/responses", "/openai/v1/responses", OP_RESPONSES,
         ROUTE_METERED},
        {"POST", "/openai/responses", "/openai/responses", OP_RESPONSES,
         ROUTE_METERED},
        {"GET", "/v1/files/file-abc123/content", "/v1/files/{id}/content",
         OP_PASSTHROUGH, ROUTE_FREE},
        {"DELETE", "/v1/models/ft:x", "/v1/models/{id}", OP_PASSTHROUGH,
         ROUTE_FREE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum refusal r = find(rows[i].method, rows[i].path);
        if (r != R_NONE || strcmp(route.pattern, rows[i].pattern) != 0)
            print_message("%s: %d %s\n", rows[i].path, (int)r, route.pattern);
        assert_int_equal(r, R_NONE);
        assert_int_equal(route.op, rows[i].op);
        assert_int_equal(route.klass, rows[i].klass);
        assert_string_equal(route.pattern, rows[i].pattern);
        assert_int_equal(route.meter_answer, route.klass == ROUTE_METERED);
    }
    assert_int_equal(find("POST", "/v1/unknown_thing"), R_NONE);
    assert_true(route.meter_answer); /* booked if it has usage */
    assert_int_equal(find("POST", "/openai/deployments/d/chat/completions"),
                     R_NONE);
    assert_true(slice_is(route.model, "d"));
    assert_true(slice_is(route.rest, "/chat/completions"));
}

static void test_paths_others_could_read_differently(void **state)
{
    static const char *const bad[] = {
        "/v1/x/../chat/completions",
        "/v1//chat/completions",
        "/v1/./chat/completions",
        "/v1/chat%2Fcompletions",
        "/v1/chat%2fcompletions",
        "/v1/%63hat/completions",
        "/v1/chat;x/completions",
        "/v1/chat\\completions",
        "/v1/%2e%2e/x",
        "/v1/chat/completions%",
        "/v1/chat/completions%2",
        "/v1/chat%00/completions",
        "/v1/chat/completions%3Fx",
        "/v1/a%5cb",
        "/v1",
        "/v1/",
        "/v1/chat/completions//",
        "/openai/unknown",
        "/v1beta/files",
        "/v1beta/models/x:predict",
        "/v1/%25%32%65",
        "/openai/deployments/a%2Fb/embeddings",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enum refusal r = find_in(PASSTHROUGH_ALL, "POST", bad[i]);
        if (r != R_NOT_FOUND)
            print_message("%s: %d\n", bad[i], (int)r);
        assert_int_equal(r, R_NOT_FOUND);
    }
}

static void test_methods_and_passthrough(void **state)
{
    static const char *const spend[] = {
        "/v1/batches",          "/v1/fine_tuning/jobs", "/v1/realtime/calls",
        "/v1/videos",           "/v1/assistants",       "/v1/containers",
        "/v1/messages/batches", "/v1/threads/runs",     "/v1/threads/t1/runs",
        "/v1/BATCHES",
    };
    (void)state;
    assert_int_equal(find("PUT", "/v1/chat/completions"), R_INVALID_REQUEST);
    assert_string_equal(allow, "GET, HEAD, POST");
    assert_int_equal(find("GET", "/v1/embeddings"), R_INVALID_REQUEST);
    assert_string_equal(allow, "POST");
    assert_int_equal(find("GET", "/v1/responses/compact"), R_INVALID_REQUEST);
    assert_int_equal(find("BREW", "/v1/files"), R_NOT_FOUND);
    for (size_t i = 0; i < sizeof spend / sizeof *spend; i++) {
        assert_int_equal(find("POST", spend[i]), R_UNMETERED);
        assert_int_equal(find_in(PASSTHROUGH_ALL, "POST", spend[i]), R_NONE);
        assert_int_equal(find_in(PASSTHROUGH_OFF, "POST", spend[i]),
                         R_NOT_FOUND);
    }
    assert_int_equal(find("POST", "/v1/threads/t1/messages"), R_NONE);
    assert_int_equal(find_in(PASSTHROUGH_OFF, "POST", "/v1/files"),
                     R_NOT_FOUND);
    const struct http_field up = {SLICE("Upgrade"), SLICE("WebSocket")};
    assert_int_equal(route_find(PASSTHROUGH_SAFE, SLICE("GET"),
                                SLICE("/v1/responses"), &up, 1, &route, &allow),
                     R_INVALID_REQUEST);
    assert_null(allow);
}

static void test_shape_of_a_path(void **state)
{
    const struct http_field av = {SLICE("Anthropic-Version"), SLICE("x")};
    (void)state;
    assert_int_equal(route_shape(SLICE("/v1/x"), NULL, 0), FAMILY_OPENAI);
    assert_int_equal(route_shape(SLICE("/v1/x"), &av, 1), FAMILY_ANTHROPIC);
    assert_int_equal(route_shape(SLICE("/v1/messages"), NULL, 0),
                     FAMILY_ANTHROPIC);
    assert_int_equal(route_shape(SLICE("/v1beta/x"), &av, 1), FAMILY_GEMINI);
    assert_int_equal(
        route_shape(SLICE("/v1/models/m:generateContent"), NULL, 0),
        FAMILY_GEMINI);
    assert_int_equal(route_shape(SLICE("/openai/x"), NULL, 0), FAMILY_OPENAI);
    assert_true(route_is_proxy(SLICE("/v1")));
    assert_false(route_is_proxy(SLICE("/v1x")));
    assert_false(route_is_proxy(SLICE("/admin/v1")));
}

/* ---- targets ------------------------------------------------------------ */

static struct provider_set *set_of(const struct provider_conf_set *conf)
{
    enum provider_id bad = PROVIDER_NONE;
    struct provider_set *s = provider_set_new(conf, &bad);
    assert_non_null(s);
    return s;
}

static struct target target;

static enum refusal aim(const struct provider_set *s, const char *path,
                        enum provider_id p, const char *query,
                        const struct http_field *f, int n, struct slice own_key)
{
    static struct call c;
    assert_int_equal(find("POST", path), R_NONE);
    c = (struct call){.provider = p, .model = SLICE("gpt 4/o")};
    const struct target_in in = {.route = &route,
                                 .call = &c,
                                 .fields = f,
                                 .field_count = n,
                                 .query = query != NULL ? slice_str(query)
                                                        : slice(NULL, 0),
                                 .own_key = own_key,
                                 .has_body = true};
    return provider_target(s, &in, &arena, &target);
}

static int count(const char *name)
{
    int n = 0;
    for (int i = 0; i < target.field_count; i++)
        n += slice_eq_nocase(target.fields[i].name, slice_str(name));
    return n;
}

static struct slice value(const char *name)
{
    for (int i = 0; i < target.field_count; i++)
        if (slice_eq_nocase(target.fields[i].name, slice_str(name)))
            return target.fields[i].value;
    return slice(NULL, 0);
}

static void url_is(const char *want)
{
    if (!slice_is(target.url, want))
        print_message("got %.*s\n", SLICE_FMT(target.url));
    assert_true(slice_is(target.url, want));
}

#define CHAT "/v1/chat/completions"
static const struct slice no_key = {NULL, 0};

static void test_urls(void **state)
{
    struct provider_conf_set conf = {0};
    conf.of[PROVIDER_OPENAI] = (struct provider_conf){"sk-1", NULL, "v9"};
    conf.of[PROVIDER_AZURE] = (struct provider_conf){
        "az", "https://res.openai.azure.com/openai/", "2024-10-21"};
    conf.of[PROVIDER_GROQ].key = "gq";
    struct provider_set *s = set_of(&conf);
    (void)state;
    assert_int_equal(aim(s, CHAT, PROVIDER_OPENAI, "a=1&key=bg_x&%6bey=y&b",
                         NULL, 0, no_key),
                     R_NONE);
    url_is("https://api.openai.com/v1/chat/completions?a=1&b");
    assert_true(slice_is(value("Authorization"), "Bearer sk-1"));
    assert_true(slice_is(value("Content-Type"), "application/json"));
    assert_int_equal(aim(s, CHAT, PROVIDER_GROQ, NULL, NULL, 0, no_key),
                     R_NONE);
    url_is("https://api.groq.com/openai/v1/chat/completions");
    assert_int_equal(aim(s, CHAT, PROVIDER_AZURE, "key=1", NULL, 0, no_key),
                     R_NONE);
    url_is("https://res.openai.azure.com/openai/deployments/gpt%204%2Fo/"
           "chat/completions?api-version=2024-10-21");
    assert_true(slice_is(value("api-key"), "az"));
    assert_int_equal(count("Authorization"), 0);
    assert_int_equal(
        aim(s, "/v1/responses", PROVIDER_AZURE, "a=b", NULL, 0, no_key),
        R_NONE);
    url_is("https://res.openai.azure.com/openai/responses?a=b&"
           "api-version=2024-10-21");
    assert_int_equal(aim(s, "/openai/deployments/d1/embeddings", PROVIDER_NONE,
                         "api-version=mine", NULL, 0, no_key),
                     R_NONE);
    url_is("https://res.openai.azure.com/openai/deployments/d1/embeddings?"
           "api-version=mine");
    assert_int_equal(
        aim(s, "/openai/v1/responses", PROVIDER_AZURE, NULL, NULL, 0, no_key),
        R_NONE);
    url_is("https://res.openai.azure.com/openai/v1/responses");
    assert_int_equal(aim(s, CHAT, PROVIDER_ANTHROPIC, NULL, NULL, 0, no_key),
                     R_MODEL_NOT_FOUND);
    assert_int_equal(aim(s, CHAT, PROVIDER_XAI, NULL, NULL, 0, no_key),
                     R_NO_PROVIDER);
    provider_set_free(&s);
    assert_null(s);

    /* a foreign base: version appended, its query and slash removed */
    conf = (struct provider_conf_set){0};
    conf.of[PROVIDER_OPENAI] =
        (struct provider_conf){"k", "http://127.0.0.1:9/x/?q=1", "v9"};
    s = set_of(&conf);
    assert_int_equal(aim(s, "/v1/files", PROVIDER_NONE, NULL, NULL, 0, no_key),
                     R_NONE);
    url_is("http://127.0.0.1:9/x/files?api-version=v9");
    provider_set_free(&s);

    /* Azure stands in where OpenAI has no key */
    conf = (struct provider_conf_set){0};
    conf.of[PROVIDER_AZURE] =
        (struct provider_conf){"az", "https://r.example", NULL};
    s = set_of(&conf);
    assert_int_equal(aim(s, CHAT, PROVIDER_OPENAI, NULL, NULL, 0, no_key),
                     R_NONE);
    assert_int_equal(target.provider, PROVIDER_AZURE);
    provider_set_free(&s);
}

static void test_bad_configuration(void **state)
{
    static const char *const bases[] = {
        "api.openai.com", "ftp://x/",      "http://",        "https:///x",
        "http://a b/",    "http://u:p@h/", "https://x\r\n/",
    };
    enum provider_id bad;
    (void)state;
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        struct provider_conf_set conf = {0};
        conf.of[PROVIDER_MISTRAL].base = bases[i];
        assert_null(provider_set_new(&conf, &bad));
        assert_int_equal(bad, PROVIDER_MISTRAL);
    }
    struct provider_conf_set conf = {0};
    conf.of[PROVIDER_XAI].key = "a\nb";
    assert_null(provider_set_new(&conf, &bad));
}

static void test_fields(void **state)
{
    const struct http_field f[] = {
        {SLICE("Authorization"), SLICE("Bearer sk-client")},
        {SLICE("X-API-Key"), SLICE("bg_mine")},
        {SLICE("api-key"), SLICE("bg_mine")},
        {SLICE("X-Odd"), SLICE("bg_mine")},
        {SLICE("Cookie"), SLICE("a=b")},
        {SLICE("X-Tags"), SLICE("t")},
        {SLICE("X-Session-Id"), SLICE("s")},
        {SLICE("X-Admin-Key"), SLICE("a")},
        {SLICE("X-Tenant-Id"), SLICE("t")},
        {SLICE("Connection"), SLICE("keep-alive, X-Hop")},
        {SLICE("X-Hop"), SLICE("1")},
        {SLICE("Transfer-Encoding"), SLICE("chunked")},
        {SLICE("Content-Length"), SLICE("5")},
        {SLICE("Content-Encoding"), SLICE("gzip")},
        {SLICE("Accept-Encoding"), SLICE("br")},
        {SLICE("Host"), SLICE("me")},
        {SLICE("Expect"), SLICE("100-continue")},
        {SLICE("X-Forwarded-For"), SLICE("1.2.3.4")},
        {SLICE("Content-Type"), SLICE("multipart/form-data; boundary=x")},
        {SLICE("content-type"), SLICE("text/plain")},
        {SLICE("OpenAI-Beta"), SLICE("x")},
        {SLICE("User-Agent"), SLICE("ua")},
    };
    int n = (int)(sizeof f / sizeof *f);
    struct provider_conf_set conf = {0};
    conf.of[PROVIDER_OPENAI].key = "sk-ours";
    conf.of[PROVIDER_MISTRAL].key = "ms-ours";
    struct provider_set *s = set_of(&conf);
    (void)state;
    /* R34: the client's own key, told apart from the tenant's */
    assert_int_equal(
        aim(s, CHAT, PROVIDER_OPENAI, NULL, f, n, SLICE("bg_mine")), R_NONE);
    assert_true(target.client_key);
    assert_true(slice_is(value("Authorization"), "Bearer sk-client"));
    assert_int_equal(target.field_count, 5);
    assert_int_equal(count("Content-Type"), 1);
    assert_true(slice_starts(value("Content-Type"), "multipart/"));
    assert_true(slice_is(value("Accept-Encoding"), "identity"));
    assert_true(slice_is(value("OpenAI-Beta"), "x"));
    for (int i = 0; i < target.field_count; i++)
        assert_false(slice_is(target.fields[i].value, "bg_mine"));
    /* not the native provider: the foreign Bearer is dropped */
    assert_int_equal(
        aim(s, CHAT, PROVIDER_MISTRAL, NULL, f, n, SLICE("bg_mine")), R_NONE);
    assert_false(target.client_key);
    assert_true(slice_is(value("Authorization"), "Bearer ms-ours"));
    /* a Bearer that looks like ours never leaves */
    const struct http_field ours[] = {
        {SLICE("authorization"), SLICE("bearer bg_old")}};
    assert_int_equal(aim(s, CHAT, PROVIDER_OPENAI, NULL, ours, 1, no_key),
                     R_NONE);
    assert_true(slice_is(value("Authorization"), "Bearer sk-ours"));
    const struct http_field named[] = {{SLICE("X-OpenAI-Key"), SLICE("sk-x")}};
    assert_int_equal(aim(s, CHAT, PROVIDER_OPENAI, NULL, named, 1, no_key),
                     R_NONE);
    assert_true(slice_is(value("Authorization"), "Bearer sk-x"));
    assert_int_equal(aim(s, CHAT, PROVIDER_MISTRAL, NULL, named, 1, no_key),
                     R_NONE);
    assert_true(slice_is(value("Authorization"), "Bearer ms-ours"));
    provider_set_free(&s);
}

static void test_answer_fields(void **state)
{
    static const struct {
        const char *name;
        bool plain, recoded;
    } rows[] = {
        {"x-request-id", true, true},
        {"retry-after-ms", true, true},
        {"x-should-retry", true, true},
        {"Set-Cookie", false, false},
        {"Content-Encoding", true, false},
        {"Transfer-Encoding", false, false},
        {"X-Named", false, false},
        {"Content-Type", true, true},
        {"x-ratelimit-limit-requests", true, true},
        {"x-budgetguard-cost-usd", false, false},
    };
    const struct http_field all[] = {{SLICE("connection"), SLICE("x-named")}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_field f = {slice_str(rows[i].name), SLICE("v")};
        assert_int_equal(provider_answer_field(&f, all, 1, false),
                         rows[i].plain);
        assert_int_equal(provider_answer_field(&f, all, 1, true),
                         rows[i].recoded);
    }
}

/* ---- shapes and lists --------------------------------------------------- */

static struct buf text;

static void shaped(enum family f, bool plain, const struct shape_in *in,
                   const char *want)
{
    buf_clear(&text);
    shape_error(f, plain, in, &text);
    if (!slice_is(buf_get(&text), want))
        print_message("got %.*s\n", (int)text.n, text.p);
    assert_true(slice_is(buf_get(&text), want));
}

static void test_shapes(void **state)
{
    struct shape_in in = {.id = R_TAG_BUDGET,
                          .names = SLICE("a, \"b\""),
                          .explain = SLICE("over"),
                          .details = SLICE("{\"reason\":\"tag_budget\"}"),
                          .request_id = SLICE("r1")};
    (void)state;
    shaped(FAMILY_OPENAI, false, &in,
           "{\"error\":{\"message\":\"Tag budget exceeded: a, \\\"b\\\": over"
           "\",\"type\":\"insufficient_quota\",\"param\":null,\"code\":"
           "\"budget_exceeded\",\"details\":{\"reason\":\"tag_budget\"}}}");
    shaped(FAMILY_ANTHROPIC, false, &in,
           "{\"type\":\"error\",\"error\":{\"type\":\"billing_error\","
           "\"message\":\"Tag budget exceeded: a, \\\"b\\\": over\","
           "\"details\":{\"reason\":\"tag_budget\"}},\"request_id\":\"r1\"}");
    shaped(FAMILY_OPENAI, true, &in,
           "{\"error\":\"Tag budget exceeded: a, \\\"b\\\"\"}");
    in.id = R_BUDGET;
    in.names = slice(NULL, 0);
    shaped(FAMILY_GEMINI, false, &in,
           "{\"error\":{\"code\":402,\"message\":\"Budget exceeded: over\","
           "\"status\":\"FAILED_PRECONDITION\",\"details\":[{\"@type\":"
           "\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":"
           "\"BUDGET_EXCEEDED\",\"domain\":\"budgetguard\",\"metadata\":{"
           "\"code\":\"budget_exceeded\",\"request_id\":\"r1\",\"reason\":"
           "\"tag_budget\",\"details\":\"{\\\"reason\\\":\\\"tag_budget\\\"}"
           "\"}}]}}");
    in = (struct shape_in){.id = R_NO_PROVIDER, .provider = PROVIDER_OPENAI};
    shaped(FAMILY_OPENAI, true, &in,
           "{\"error\":\"OpenAI API key not configured\"}");
    in = (struct shape_in){.id = R_INVALID_JSON,
                           .explain = SLICE("Invalid JSON at byte 3")};
    shaped(FAMILY_OPENAI, true, &in, "{\"error\":\"Invalid JSON at byte 3\"}");
    in = (struct shape_in){.id = R_RATE_LIMIT, .kind = "tokens"};
    shaped(FAMILY_OPENAI, false, &in,
           "{\"error\":{\"message\":\"Rate limit exceeded\",\"type\":"
           "\"tokens\",\"param\":null,\"code\":\"rate_limit_exceeded\"}}");
    assert_int_equal(shape_status(R_BUDGET), 402);
    buf_clear(&text);
    in = (struct shape_in){.id = R_UPSTREAM_INVALID};
    shape_event(FAMILY_ANTHROPIC, OP_MESSAGES, &in, &text);
    assert_true(slice_starts(buf_get(&text), "event: error\ndata: {\"type\":"));
    assert_true(slice_ends(buf_get(&text), "}\n\n"));
    buf_clear(&text);
    shape_event(FAMILY_OPENAI, OP_RESPONSES, &in, &text);
    assert_true(slice_starts(buf_get(&text),
                             "event: error\ndata: {\"type\":"
                             "\"error\",\"sequence_number\":0,\"code\":"));
}

/* Every refusal in every shape is JSON. */
static void test_all_shapes_are_json(void **state)
{
    struct json *v;
    (void)state;
    for (int id = 1; id < R_COUNT; id++)
        for (int f = 0; f < 4; f++) {
            const struct shape_in in = {.id = (enum refusal)id,
                                        .names = SLICE("\x01\xff\"")};
            buf_clear(&text);
            shape_error((enum family)(f % 3), f == 3, &in, &text);
            arena_reset(&arena);
            assert_int_equal(json_parse(&arena, buf_get(&text), &v, NULL), OK);
            assert_non_null(json_get(v, "error"));
        }
}

static void test_model_lists(void **state)
{
    struct model_item *items = calloc(MODELS_MAX, sizeof *items);
    int n = 0;
    (void)state;
    arena_reset(&arena);
    assert_int_equal(
        models_read(PROVIDER_OPENAI,
                    SLICE("{\"object\":\"list\",\"data\":[{\"id\":\"gpt-4o\","
                          "\"created\":5,\"owned_by\":\"system\"},{\"x\":1},"
                          "{\"id\":\"a b\"},7]}"),
                    &arena, items, &n, NULL),
        OK);
    assert_int_equal(
        models_read(PROVIDER_GOOGLE,
                    SLICE("{\"models\":[{\"name\":\"models/gemini\"},{\"name\""
                          ":\"models/gpt-4o\"}]}"),
                    &arena, items, &n, NULL),
        OK);
    assert_int_equal(n, 3);
    buf_clear(&text);
    models_write(FAMILY_OPENAI, items, n, &text);
    assert_true(slice_is(
        buf_get(&text),
        "{\"object\":\"list\",\"data\":[{\"id\":\"gpt-4o\",\"object\":"
        "\"model\",\"created\":5,\"owned_by\":\"system\"},{\"id\":\"gemini\","
        "\"object\":\"model\",\"created\":0,\"owned_by\":\"google\"}]}"));
    buf_clear(&text);
    assert_true(
        models_write_one(FAMILY_ANTHROPIC, items, n, SLICE("gemini"), &text));
    assert_false(models_write_one(FAMILY_OPENAI, items, n, SLICE("x"), &text));
    assert_int_equal(models_read(PROVIDER_OPENAI, SLICE("{\"data\":3}"), &arena,
                                 items, &n, NULL),
                     E_INVALID);
    assert_int_equal(
        models_read(PROVIDER_OPENAI, SLICE("<html>"), &arena, items, &n, NULL),
        E_INVALID);
    free(items);
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    buf_init(&text, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    buf_release(&text);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_paths_others_could_read_differently),
        cmocka_unit_test(test_methods_and_passthrough),
        cmocka_unit_test(test_shape_of_a_path),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_bad_configuration),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_answer_fields),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_all_shapes_are_json),
        cmocka_unit_test(test_model_lists),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

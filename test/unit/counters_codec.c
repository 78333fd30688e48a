/* counters_codec.c - events to bytes and back, and bytes nobody wrote. */
#include "counters/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct event_tag full_tags[EVENT_TAGS_MAX];

static struct event sample(void)
{
    struct event e = {
        .kind = EVENT_CORRECTION,
        .request_id = "0123456789abcdef0123456789abcdef",
        .ts_ms = 1795000000123,
        .tenant_id = 7,
        .key_id = -3,
        .tenant = SLICE("acme"),
        .route = SLICE("/v1/chat/completions"),
        .method = SLICE("POST"),
        .provider = PROVIDER_DEMO,
        .model = SLICE("gpt"),
        .model_answered = SLICE("gpt-2"),
        .usd = INT64_MIN,
        .held = INT64_MAX,
        .usage = {.by = METERED_HOLD,
                  .input = 1,
                  .cached = 2,
                  .cache_write = 3,
                  .cache_write_1h = 4,
                  .audio_in = 5,
                  .image_in = 6,
                  .output = 7,
                  .reasoning = 8,
                  .audio_out = 9,
                  .image_out = 10,
                  .web_searches = 11,
                  .images = 12,
                  .audio_ms = 13,
                  .characters = 14,
                  .tier = TIER_BATCH,
                  .fast = true,
                  .region_us = true,
                  .region_eu = true},
        .status = EVENT_INTERRUPTED,
        .reason = SLICE("client_gone"),
        .http_status = -1,
        .price_version = 99,
        .basis = BASIS_CLIENT,
        .session = SLICE("s"),
        .user = SLICE("u"),
        .session_name = SLICE("sn"),
        .session_path = SLICE("sp"),
        .ingest_token_id = 21,
        .event_id = SLICE("ev"),
        .corrects = 22,
        .detail = SLICE("{}"),
        .latency_ms = 23,
        .ttft_ms = -1,
        .stream = true,
        .tags = full_tags,
        .tag_count = EVENT_TAGS_MAX,
    };
    for (int i = 0; i < EVENT_TAGS_MAX; i++)
        full_tags[i] = (struct event_tag){i * 1000003LL, SLICE("name"),
                                          SLICE("a/b/name"), i % 2 == 0};
    return e;
}

static uint8_t *encode(const struct event *e, size_t *n)
{
    size_t bound = codec_event_bound(e);
    assert_true(bound > 0);
    uint8_t *p = malloc(bound);
    assert_non_null(p);
    *n = codec_event_put(e, p);
    assert_true(*n <= bound);
    return p;
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    struct event a = sample(), b;
    struct event_tag tags[EVENT_TAGS_MAX];
    size_t n;
    uint8_t *p = encode(&a, &n);
    assert_true(codec_event_get(slice((char *)p, n), &b, tags));
    assert_int_equal(b.usd, INT64_MIN);
    assert_int_equal(b.held, INT64_MAX);
    assert_string_equal(b.request_id, a.request_id);
    assert_true(slice_eq(b.session_path, a.session_path));
    assert_true(slice_eq(b.detail, a.detail));
    assert_int_equal(b.kind, a.kind);
    assert_int_equal(b.http_status, -1);
    assert_int_equal(b.ttft_ms, -1);
    assert_int_equal(b.tag_count, EVENT_TAGS_MAX);
    assert_int_equal(b.tags[159].id, a.tags[159].id);
    assert_true(b.usage.region_eu && b.usage.fast && b.stream);
    // the same bytes again: no field is lost on the way
    size_t again;
    uint8_t *q = encode(&b, &again);
    assert_int_equal(again, n);
    assert_memory_equal(p, q, n);
    free(p);
    free(q);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct event a = sample(), b;
    struct event_tag tags[EVENT_TAGS_MAX];
    a.tag_count = 3;
    size_t n;
    uint8_t *p = encode(&a, &n);
    for (size_t i = 0; i < n; i++) {
        char *cut = malloc(i + 1); // exact room: ASan sees any byte too far
        assert_non_null(cut);
        memcpy(cut, p, i);
        assert_false(codec_event_get(slice(cut, i), &b, tags));
        free(cut);
    }
    uint8_t *longer = malloc(n + 1);
    assert_non_null(longer);
    memcpy(longer, p, n);
    longer[n] = 0;
    assert_false(codec_event_get(slice((char *)longer, n + 1), &b, tags));
    free(longer);
    free(p);
}

static void damaged_bytes_never_lead_outside(void **state)
{
    (void)state;
    struct event a = sample(), b;
    struct event_tag tags[EVENT_TAGS_MAX];
    size_t n;
    a.tag_count = 5;
    uint8_t *p = encode(&a, &n);
    uint64_t seed = 88172645463325252;
    for (int round = 0; round < 50000; round++) {
        uint8_t *q = malloc(n);
        assert_non_null(q);
        memcpy(q, p, n);
        for (int i = 0; i < 3; i++) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            q[seed % n] = (uint8_t)(seed >> 32);
        }
        if (codec_event_get(slice((char *)q, n), &b, tags)) {
            const char *end = (char *)q + n;
            assert_true(b.detail.p >= (char *)q || b.detail.n == 0);
            assert_true(b.detail.n == 0 || b.detail.p + b.detail.n <= end);
            assert_in_range(b.tag_count, 0, EVENT_TAGS_MAX);
            assert_in_range(b.provider, 0, PROVIDER_COUNT - 1);
        }
        free(q);
    }
    free(p);
}

static void too_much_is_refused(void **state)
{
    (void)state;
    struct event a = sample();
    a.tag_count = EVENT_TAGS_MAX + 1;
    assert_int_equal(codec_event_bound(&a), 0);
    a.tag_count = 0;
    a.detail.n = CODEC_EVENT_MAX;
    assert_int_equal(codec_event_bound(&a), 0);
    a.detail.n = SIZE_MAX;
    assert_int_equal(codec_event_bound(&a), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(damaged_bytes_never_lead_outside),
        cmocka_unit_test(too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a mail looks like, and which configuration is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../lib/alert/channel.c"

static struct channels_conf conf(void)
{
    return (struct channels_conf){.webhook_url = "",
                                  .webhook_secret = "",
                                  .slack_url = "",
                                  .smtp_url = "",
                                  .smtp_user = "",
                                  .smtp_password = "",
                                  .smtp_tls = "auto",
                                  .mail_from = "",
                                  .mail_to = "",
                                  .timeout_ms = 1000};
}

static void test_base64(void **state)
{
    /* RFC 4648, 10 */
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct buf b;
        buf_init(&b, 100);
        put_base64(&b, slice_str(pairs[i][0]));
        assert_true(slice_is(buf_get(&b), pairs[i][1]));
        buf_release(&b);
    }
}

static void test_dates(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } dates[] = {
        {0, "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"},
        {951782399000, "Date: Mon, 28 Feb 2000 23:59:59 +0000\r\n"},
        {951868799999, "Date: Tue, 29 Feb 2000 23:59:59 +0000\r\n"},
        {1795219200000, "Date: Sat, 21 Nov 2026 00:00:00 +0000\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        struct buf b;
        buf_init(&b, 100);
        put_date(&b, dates[i].ms);
        assert_true(slice_is(buf_get(&b), dates[i].text));
        buf_release(&b);
    }
}

/* RFC 2047: no line longer than 76, no character in two words. */
static void test_subjects(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 8; shift++) {
        struct buf text, b;
        size_t line = 0;
        buf_init(&text, 4096);
        buf_init(&b, 16384);
        for (size_t i = 0; i < shift; i++)
            buf_char(&text, 'a');
        for (int i = 0; i < 100; i++)
            buf_str(&text, i % 2 ? "\xf0\x9f\x92\xb8" : "\xe2\x82\xac");
        put_subject(&b, buf_get(&text));
        for (size_t i = 0; i < b.n; i++) {
            assert_true((unsigned char)b.p[i] < 127);
            line = b.p[i] == '\n' ? 0 : line + 1;
            assert_true(line <= 84); // "Subject:" and a word of at most 75
        }
        assert_true(slice_ends(buf_get(&b), "?=\r\n"));
        buf_release(&text);
        buf_release(&b);
    }
}

static void test_addresses(void **state)
{
    static const char *const good[] = {"a@b", "first.last+tag@mail.example"};
    static const char *const bad[] = {
        "",      "a",        "@b",         "a@",      "a@b@c",
        "a b@c", "a@b\r\nX", "<a@b>",      "a@b>",    "\"a\"@b",
        "a@b,c", "a@b\n",    "\xc3\xa4@b", "a@b c@d", "a:b@c"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(is_address(slice_str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(is_address(slice_str(bad[i])));
}

static enum post_tls tls_for(const char *tls, const char *user)
{
    struct channels_conf f = conf();
    struct channels *c;
    struct err err;
    f.smtp_url = "smtp://mail.example";
    f.smtp_tls = tls;
    f.smtp_user = f.smtp_password = user;
    f.mail_from = "a@b";
    f.mail_to = " x@y , z@y ,";
    assert_int_equal(channels_new(&f, &c, &err), OK);
    assert_string_equal(c->to[0], "x@y");
    assert_string_equal(c->to[1], "z@y");
    assert_null(c->to[2]);
    enum post_tls got = c->tls;
    channels_free(&c);
    return got;
}

static void test_passwords_are_not_sent_in_the_clear(void **state)
{
    (void)state;
    assert_int_equal(tls_for("auto", "u"), POST_TLS_MUST);
    assert_int_equal(tls_for("auto", ""), POST_TLS_TRY);
    assert_int_equal(tls_for("must", ""), POST_TLS_MUST);
    assert_int_equal(tls_for("off", "u"), POST_TLS_OFF);
}

static void test_urls(void **state)
{
    (void)state;
    assert_true(post_url_ok("https://hooks.example/x?y=z", false));
    assert_true(post_url_ok("http://127.0.0.1:8080/", false));
    assert_false(post_url_ok("hooks.example/x", false));
    assert_false(post_url_ok("file:///etc/passwd", false));
    assert_false(post_url_ok("gopher://h/", false));
    assert_false(post_url_ok("https://", false));
    assert_false(post_url_ok("https://h/#part", false));
    assert_false(post_url_ok("https://h/a b\r\n", false));
    assert_true(post_url_ok("smtp://h:587", true));
    assert_true(post_url_ok("smtps://h", true));
    assert_false(post_url_ok("https://h", true));
    assert_false(post_url_ok("smtp://h", false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_subjects),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_passwords_are_not_sent_in_the_clear),
        cmocka_unit_test(test_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

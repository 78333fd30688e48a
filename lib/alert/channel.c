/* channel.c - see channel.h.
 *
 * Webhook: a JSON object (docs in packaging/README.md), signed like this:
 *   X-BudgetGuard-Timestamp: <Unix seconds>
 *   X-BudgetGuard-Signature: sha256=<hex HMAC-SHA-256 of "<seconds>.<body>">
 * The time is part of what is signed, so that an old message cannot be sent
 * again by somebody else.  X-BudgetGuard-Delivery stays the same when a
 * message is repeated.
 *
 * Slack and what understands its webhooks: {"text"} alone, in its mrkdwn,
 * where & < > are the three characters to escape (docs.slack.dev, "Formatting
 * message text").
 *
 * Mail: RFC 5322 with the subject as RFC 2047 words and a base64 body, so
 * that no name can add a header, a line or a lone dot.
 */
#include "alert/channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/money.h"

#define BODY_MAX (64u << 10)
#define RECIPIENTS 16
#define WORD_BYTES 42 /* of text in one encoded word: 75 characters at most */
#define LINE_BYTES 57 /* of text in one base64 line of 76 */

static const char agent[] = "User-Agent: BudgetGuard/" BG_VERSION;

enum kind { KIND_WEBHOOK, KIND_SLACK, KIND_MAIL };

struct channels {
    struct channels_conf conf;
    enum kind kind[CHANNELS_MAX];
    const char *name[CHANNELS_MAX];
    int count;
    enum post_tls tls;
    char *to_text; /* backs `to` */
    const char *to[RECIPIENTS + 1];
};

/* ---- configuration ------------------------------------------------------ */

static enum status wrong(struct err *err, const char *name, const char *why)
{
    return err_set(err, E_INVALID, "config", "%s: %s", name, why);
}

/* A bare address: one '@', something on both sides, and no byte that means
 * something to SMTP or to a header. */
static bool is_address(struct slice s)
{
    size_t at = slice_find(s, '@');
    if (at == 0 || at + 1 >= s.n || s.n > 254)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c <= ' ' || c >= 127 || strchr("<>\"(),:;\\", c) != NULL ||
            (c == '@' && i != at))
            return false;
    }
    return true;
}

static enum status read_recipients(struct channels *c, struct err *err)
{
    size_t n = strlen(c->conf.mail_to);
    struct slice rest;
    int count = 0;
    c->to_text = xmemdupz(c->conf.mail_to, n);
    rest = slice(c->to_text, n);
    while (rest.p != NULL) {
        struct slice one = slice_trim(slice_cut(&rest, ','));
        if (one.n == 0)
            continue;
        if (count == RECIPIENTS)
            return wrong(err, "ALERT_EMAIL_TO", "more than 16 addresses");
        if (!is_address(one))
            return wrong(err, "ALERT_EMAIL_TO", "not a list of addresses");
        c->to_text[one.p + one.n - c->to_text] = '\0';
        c->to[count++] = one.p;
    }
    return count > 0 ? OK : wrong(err, "ALERT_EMAIL_TO", "needed for e-mail");
}

static enum status read_mail(struct channels *c, struct err *err)
{
    const struct channels_conf *f = &c->conf;
    bool user = f->smtp_user[0] != '\0';
    struct slice tls = slice_str(f->smtp_tls);
    if (!post_url_ok(f->smtp_url, true))
        return wrong(err, "ALERT_SMTP_URL", "not smtp://host or smtps://host");
    if (!is_address(slice_str(f->mail_from)))
        return wrong(err, "ALERT_EMAIL_FROM", "not an address");
    if (user != (f->smtp_password[0] != '\0'))
        return wrong(err, "ALERT_SMTP_USER",
                     "ALERT_SMTP_USER and ALERT_SMTP_PASSWORD belong together");
    if (slice_is(tls, "off"))
        c->tls = POST_TLS_OFF;
    else if (slice_is(tls, "must"))
        c->tls = POST_TLS_MUST;
    else if (slice_is(tls, "auto")) // a password is not sent in the clear
        c->tls = user ? POST_TLS_MUST : POST_TLS_TRY;
    else
        return wrong(err, "ALERT_SMTP_TLS", "must be auto, must or off");
    return read_recipients(c, err);
}

static void add(struct channels *c, enum kind kind, const char *name)
{
    c->kind[c->count] = kind;
    c->name[c->count++] = name;
}

enum status channels_new(const struct channels_conf *conf,
                         struct channels **out, struct err *err)
{
    struct channels *c = xcalloc(1, sizeof *c);
    enum status st = OK;
    c->conf = *conf;
    if (conf->webhook_url[0] != '\0') {
        add(c, KIND_WEBHOOK, "webhook");
        if (!post_url_ok(conf->webhook_url, false))
            st = wrong(err, "ALERT_WEBHOOK_URL", "not an http or https URL");
    }
    if (st == OK && conf->slack_url[0] != '\0') {
        add(c, KIND_SLACK, "slack");
        if (!post_url_ok(conf->slack_url, false))
            st = wrong(err, "ALERT_SLACK_URL", "not an http or https URL");
    }
    if (st == OK && conf->smtp_url[0] != '\0') {
        add(c, KIND_MAIL, "email");
        st = read_mail(c, err);
    } else if (st == OK && conf->mail_to[0] != '\0') {
        st = wrong(err, "ALERT_SMTP_URL", "needed with ALERT_EMAIL_TO");
    }
    if (st != OK)
        channels_free(&c);
    *out = c;
    return st;
}

void channels_free(struct channels **cp)
{
    struct channels *c = *cp;
    *cp = NULL;
    if (c == NULL)
        return;
    free(c->to_text);
    free(c);
}

const char *const *channels_names(const struct channels *c, int *n)
{
    *n = c->count;
    return c->name;
}

/* ---- words -------------------------------------------------------------- */

/* What the budget is of: `tenant "acme"`, `all calls`. */
static void put_scope(struct buf *b, const struct json *scope)
{
    struct slice kind = json_text(json_get(scope, "kind"), SLICE("budget"));
    struct slice name = json_text(json_get(scope, "name"), SLICE(""));
    if (slice_is(kind, "global")) {
        buf_str(b, "all calls");
        return;
    }
    buf_slice(b, kind);
    buf_char(b, ' ');
    json_quote(b, name); // one line, whatever it is called
}

static void put_usd(struct buf *b, int64_t nano)
{
    char text[MONEY_TEXT];
    buf_char(b, '$');
    buf_add(b, text, money_format(nano, text));
}

/* One line for people. */
static void put_text(struct buf *b, const struct alert_row *a,
                     const struct json *scope)
{
    if (a == NULL) {
        buf_str(b, "BudgetGuard: this is a test of this alert channel");
        return;
    }
    buf_printf(b, "BudgetGuard: %lld%% of the %.*s budget of ",
               (long long)a->threshold, SLICE_FMT(a->period));
    put_scope(b, scope);
    buf_str(b, " reached: ");
    put_usd(b, a->spent);
    buf_str(b, " of ");
    put_usd(b, a->amount);
    buf_str(b, " spent");
}

static const struct json *scope_of(struct arena *arena,
                                   const struct alert_row *a)
{
    struct json *scope = NULL;
    if (a == NULL || json_parse(arena, a->scope, &scope, NULL) != OK)
        return NULL;
    return scope;
}

/* ---- webhook ------------------------------------------------------------ */

static void put_event(struct buf *b, const struct notice *m, struct slice text)
{
    const struct alert_row *a = m->alert;
    struct json_out o;
    json_out_init(&o, b);
    json_obj(&o);
    json_kstr(&o, "type",
              a != NULL ? SLICE("budget.threshold") : SLICE("test"));
    json_kstr(&o, "text", text);
    json_ktime(&o, "ts", a != NULL ? a->ts_ms : m->now_ms);
    if (a != NULL) {
        json_knum(&o, "id", a->id);
        if (a->budget_id < 0)
            json_knull(&o, "budgetId");
        else
            json_knum(&o, "budgetId", a->budget_id);
        json_key(&o, "scope");
        json_raw(&o, a->scope);
        json_kstr(&o, "period", a->period);
        json_knum(&o, "threshold", a->threshold);
        json_kusd(&o, "spentUsd", a->spent);
        json_kusd(&o, "amountUsd", a->amount);
    }
    json_obj_end(&o);
}

static enum status send_webhook(const struct channels *c, struct post *post,
                                const struct notice *m, struct slice text,
                                struct err *err)
{
    char stamp[64], signature[128], delivery[64], seconds[24];
    char hex[CRYPT_HASH * 2 + 1];
    uint8_t mac[CRYPT_HASH];
    const char *headers[] = {"Content-Type: application/json; charset=utf-8",
                             agent,
                             "Expect:",
                             stamp,
                             delivery,
                             NULL,
                             NULL};
    struct buf body, head;
    int status;
    buf_init(&body, BODY_MAX);
    buf_init(&head, BODY_MAX);
    put_event(&body, m, text);
    (void)snprintf(seconds, sizeof seconds, "%lld",
                   (long long)(m->now_ms / 1000));
    (void)snprintf(stamp, sizeof stamp, "X-BudgetGuard-Timestamp: %s", seconds);
    (void)snprintf(delivery, sizeof delivery, "X-BudgetGuard-Delivery: %lld",
                   (long long)m->delivery);
    if (c->conf.webhook_secret[0] != '\0') {
        buf_printf(&head, "%s.", seconds);
        crypt_hmac(slice_str(c->conf.webhook_secret), buf_get(&head),
                   buf_get(&body), mac);
        crypt_hex(mac, sizeof mac, hex);
        (void)snprintf(signature, sizeof signature,
                       "X-BudgetGuard-Signature: sha256=%s", hex);
        headers[5] = signature;
    }
    const struct post_http req = {c->conf.webhook_url, headers, buf_get(&body),
                                  c->conf.timeout_ms};
    enum status st = body.failed || head.failed
                         ? err_set(err, E_TOO_BIG, "alert", "message too long")
                         : post_http(post, &req, &status, err);
    buf_release(&body);
    buf_release(&head);
    return st;
}

/* ---- chat --------------------------------------------------------------- */

static enum status send_slack(const struct channels *c, struct post *post,
                              struct slice text, struct err *err)
{
    static const char *const headers[] = {
        "Content-Type: application/json; charset=utf-8", agent,
        "Expect:", NULL};
    struct buf plain, body;
    struct json_out o;
    int status;
    buf_init(&plain, BODY_MAX);
    buf_init(&body, BODY_MAX);
    for (size_t i = 0; i < text.n; i++) {
        char ch = text.p[i];
        if (ch == '&')
            buf_str(&plain, "&amp;");
        else if (ch == '<')
            buf_str(&plain, "&lt;");
        else if (ch == '>')
            buf_str(&plain, "&gt;");
        else
            buf_char(&plain, ch);
    }
    json_out_init(&o, &body);
    json_obj(&o);
    json_kstr(&o, "text", buf_get(&plain));
    json_obj_end(&o);
    const struct post_http req = {c->conf.slack_url, headers, buf_get(&body),
                                  c->conf.timeout_ms};
    enum status st = body.failed || plain.failed
                         ? err_set(err, E_TOO_BIG, "alert", "message too long")
                         : post_http(post, &req, &status, err);
    buf_release(&plain);
    buf_release(&body);
    return st;
}

/* ---- mail --------------------------------------------------------------- */

static void put_base64(struct buf *b, struct slice s)
{
    static const char set[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < s.n; i += 3) {
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (i + k < s.n ? (unsigned char)s.p[i + k] : 0u);
        buf_char(b, set[v >> 18]);
        buf_char(b, set[v >> 12 & 63]);
        buf_char(b, i + 1 < s.n ? set[v >> 6 & 63] : '=');
        buf_char(b, i + 2 < s.n ? set[v & 63] : '=');
    }
}

/* Encoded words, folded; a character is never cut in two (RFC 2047, 5). */
static void put_subject(struct buf *b, struct slice s)
{
    buf_str(b, "Subject:");
    while (s.n > 0) {
        size_t n = s.n < WORD_BYTES ? s.n : WORD_BYTES;
        while (n > 1 && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
            n--;
        buf_str(b, " =?UTF-8?B?");
        put_base64(b, slice(s.p, n));
        buf_str(b, "?=\r\n");
        s = slice_skip(s, n);
    }
}

static void put_date(struct buf *b, int64_t now_ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static const char days[] = "ThuFriSatSunMonTueWed"; // 1970-01-01: Thu
    int64_t day = now_ms / 86400000, s = now_ms / 1000 % 86400, year;
    int month, mday;
    clock_civil(day, &year, &month, &mday);
    buf_printf(b, "Date: %.3s, %02d %.3s %04lld %02d:%02d:%02d +0000\r\n",
               days + day % 7 * 3, mday, months + (month - 1) * 3,
               (long long)year, (int)(s / 3600), (int)(s / 60 % 60),
               (int)(s % 60));
}

static void put_mail(struct buf *b, const struct channels *c,
                     const struct notice *m, struct slice text)
{
    char id[33];
    struct slice domain = slice_str(c->conf.mail_from);
    domain = slice_skip(domain, slice_find(domain, '@') + 1);
    crypt_request_id(m->now_ms, id);
    put_date(b, m->now_ms);
    buf_printf(b, "From: BudgetGuard <%s>\r\nTo: ", c->conf.mail_from);
    for (int i = 0; c->to[i] != NULL; i++)
        buf_printf(b, "%s<%s>", i > 0 ? ",\r\n " : "", c->to[i]);
    buf_printf(b, "\r\nMessage-ID: <%s@%.*s>\r\n", id, SLICE_FMT(domain));
    put_subject(b, text);
    buf_str(b, "MIME-Version: 1.0\r\n"
               "Content-Type: text/plain; charset=utf-8\r\n"
               "Content-Transfer-Encoding: base64\r\n"
               "Auto-Submitted: auto-generated\r\n\r\n");
    struct buf plain;
    buf_init(&plain, BODY_MAX);
    buf_slice(&plain, text);
    buf_str(&plain, ".\r\n");
    if (m->alert != NULL) {
        char ts[CLOCK_TEXT];
        (void)clock_format(m->alert->ts_ms, ts);
        buf_printf(&plain, "\r\nNoticed: %s\r\nAlert: %lld\r\n", ts,
                   (long long)m->alert->id);
    }
    struct slice rest = buf_get(&plain);
    while (rest.n > 0) {
        size_t n = rest.n < LINE_BYTES ? rest.n : LINE_BYTES;
        put_base64(b, slice(rest.p, n));
        buf_str(b, "\r\n");
        rest = slice_skip(rest, n);
    }
    buf_release(&plain);
}

static enum status send_mail(const struct channels *c, struct post *post,
                             const struct notice *m, struct slice text,
                             struct err *err)
{
    struct buf b;
    buf_init(&b, BODY_MAX * 2);
    put_mail(&b, c, m, text);
    const struct post_mail mail = {.url = c->conf.smtp_url,
                                   .user = c->conf.smtp_user,
                                   .password = c->conf.smtp_password,
                                   .tls = c->tls,
                                   .from = c->conf.mail_from,
                                   .to = c->to,
                                   .message = buf_get(&b),
                                   .timeout_ms = c->conf.timeout_ms};
    enum status st = b.failed
                         ? err_set(err, E_TOO_BIG, "alert", "message too long")
                         : post_mail(post, &mail, err);
    buf_release(&b);
    return st;
}

enum status channels_send(const struct channels *c, int channel,
                          struct post *post, const struct notice *m,
                          struct err *err)
{
    struct arena arena;
    struct buf text;
    enum status st = OK;
    arena_init(&arena, BODY_MAX * 4);
    buf_init(&text, BODY_MAX / 4);
    put_text(&text, m->alert, scope_of(&arena, m->alert));
    switch (c->kind[channel]) {
    case KIND_WEBHOOK:
        st = send_webhook(c, post, m, buf_get(&text), err);
        break;
    case KIND_SLACK:
        st = send_slack(c, post, buf_get(&text), err);
        break;
    case KIND_MAIL:
        st = send_mail(c, post, m, buf_get(&text), err);
        break;
    }
    buf_release(&text);
    arena_release(&arena);
    return st;
}

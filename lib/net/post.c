/* post.c - see post.h.
 *
 * A multi handle of its own instead of curl_easy_perform: its poll can be
 * woken from another thread, so that a stop does not wait for a silent
 * server.  Connections are not kept; alerts are rare.
 */
#include "net/post.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define ANSWER_MAX (64u << 10) /* more than that is no receipt */
#define POLL_MS 1000

struct post {
    CURLM *multi;
    atomic_bool cancelled;
};

/* What one transfer reads and how much it was sent back. */
struct transfer {
    struct slice left;
    size_t got;
};

enum status post_new(struct post **out, struct err *err)
{
    *out = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(err, E_IO, "post", "libcurl did not start");
    struct post *p = xcalloc(1, sizeof *p);
    p->multi = curl_multi_init();
    if (p->multi == NULL) {
        post_free(&p);
        return err_set(err, E_NOMEM, "post", "no memory");
    }
    *out = p;
    return OK;
}

void post_free(struct post **pp)
{
    struct post *p = *pp;
    *pp = NULL;
    if (p == NULL)
        return;
    if (p->multi != NULL)
        (void)curl_multi_cleanup(p->multi);
    free(p);
    curl_global_cleanup();
}

void post_cancel(struct post *p)
{
    atomic_store(&p->cancelled, true);
    (void)curl_multi_wakeup(p->multi);
}

bool post_url_ok(const char *url, bool mail)
{
    char *scheme = NULL, *host = NULL, *fragment = NULL;
    CURLU *u = curl_url();
    bool ok = u != NULL &&
              curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_FRAGMENT, &fragment, 0) != CURLUE_OK;
    if (ok) {
        struct slice s = slice_str(scheme);
        ok = mail ? slice_is(s, "smtp") || slice_is(s, "smtps")
                  : slice_is(s, "http") || slice_is(s, "https");
        ok = ok && host[0] != '\0';
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(fragment);
    curl_url_cleanup(u);
    return ok;
}

static size_t on_answer(char *bytes, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    (void)bytes;
    t->got += size * n;
    return t->got > ANSWER_MAX ? 0 : size * n;
}

static size_t on_read(char *out, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    size_t room = size * n;
    size_t k = t->left.n < room ? t->left.n : room;
    if (k > 0)
        memcpy(out, t->left.p, k);
    t->left = slice_skip(t->left, k);
    return k;
}

static CURL *make(const char *url, const char *protocols, int timeout_ms,
                  struct transfer *t)
{
    CURL *c = curl_easy_init();
    if (c == NULL)
        return NULL;
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, protocols);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    return c;
}

/* Runs to the end, the timeout or a cancel. */
static CURLcode drive(struct post *p, CURL *c)
{
    CURLcode rc = CURLE_ABORTED_BY_CALLBACK;
    int running = 1, left;
    if (curl_multi_add_handle(p->multi, c) != CURLM_OK)
        return CURLE_OUT_OF_MEMORY;
    while (running > 0 && !atomic_load(&p->cancelled)) {
        if (curl_multi_perform(p->multi, &running) != CURLM_OK)
            break;
        if (running > 0)
            (void)curl_multi_poll(p->multi, NULL, 0, POLL_MS, NULL);
    }
    CURLMsg *m;
    while ((m = curl_multi_info_read(p->multi, &left)) != NULL)
        if (m->msg == CURLMSG_DONE && m->easy_handle == c)
            rc = m->data.result;
    (void)curl_multi_remove_handle(p->multi, c);
    return rc;
}

static enum status fail(const struct post *p, CURLcode rc, struct err *err)
{
    if (atomic_load(&p->cancelled))
        return err_set(err, E_BUSY, "post", "cancelled");
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return err_set(err, E_TIMEOUT, "post", "no answer in time");
    return err_set(err, E_IO, "post", "%s", curl_easy_strerror(rc));
}

static struct curl_slist *list_of(const char *const *items, bool *ok)
{
    struct curl_slist *list = NULL;
    for (; *items != NULL && *ok; items++) {
        struct curl_slist *more = curl_slist_append(list, *items);
        *ok = more != NULL;
        list = *ok ? more : list;
    }
    return list;
}

enum status post_http(struct post *p, const struct post_http *req, int *status,
                      struct err *err)
{
    struct transfer t = {0};
    bool ok = true;
    long code = 0;
    CURL *c = make(req->url, "http,https", req->timeout_ms, &t);
    struct curl_slist *headers = list_of(req->headers, &ok);
    enum status st = OK;
    *status = 0;
    if (c == NULL || !ok) {
        st = err_set(err, E_NOMEM, "post", "no memory");
        goto out;
    }
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_POST, 1L);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, req->body.p);
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.n);
    CURLcode rc = drive(p, c);
    (void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
    *status = (int)code;
    // the status decides; a body that is too long or cut does not matter
    if (rc != CURLE_OK && (rc != CURLE_WRITE_ERROR || code == 0))
        st = fail(p, rc, err);
    else if (code < 200 || code > 299)
        st = err_set(err, E_INVALID, "post", "HTTP %ld", code);
out:
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    return st;
}

static long tls_of(enum post_tls tls)
{
    return tls == POST_TLS_MUST  ? CURLUSESSL_ALL
           : tls == POST_TLS_TRY ? CURLUSESSL_TRY
                                 : CURLUSESSL_NONE;
}

enum status post_mail(struct post *p, const struct post_mail *m,
                      struct err *err)
{
    struct transfer t = {.left = m->message};
    bool ok = true;
    long code = 0;
    CURL *c = make(m->url, "smtp,smtps", m->timeout_ms, &t);
    struct curl_slist *to = list_of(m->to, &ok);
    enum status st = OK;
    if (c == NULL || !ok) {
        st = err_set(err, E_NOMEM, "post", "no memory");
        goto out;
    }
    if (m->user != NULL && m->user[0] != '\0') {
        curl_easy_setopt(c, CURLOPT_USERNAME, m->user);
        curl_easy_setopt(c, CURLOPT_PASSWORD, m->password);
    }
    curl_easy_setopt(c, CURLOPT_USE_SSL, tls_of(m->tls));
    curl_easy_setopt(c, CURLOPT_MAIL_FROM, m->from);
    curl_easy_setopt(c, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(c, CURLOPT_READDATA, &t);
    curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)m->message.n);
    CURLcode rc = drive(p, c);
    (void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
    if (rc != CURLE_OK && code >= 400 && !atomic_load(&p->cancelled))
        st = err_set(err, E_INVALID, "post", "SMTP %ld", code);
    else if (rc != CURLE_OK)
        st = fail(p, rc, err);
out:
    curl_slist_free_all(to);
    curl_easy_cleanup(c);
    return st;
}

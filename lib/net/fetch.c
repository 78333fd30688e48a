/* fetch.c - see fetch.h. */
#include "net/fetch.h"

#include <curl/curl.h>
#include <string.h>

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct fetch *f = arg;
    buf_add(f->out, p, size * n);
    return f->out->failed ? 0 : size * n;
}

static enum status set_up(CURL *c, struct fetch *f, struct curl_slist *fields)
{
    bool good =
        curl_easy_setopt(c, CURLOPT_URL, f->url) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, f->method) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_HTTPHEADER, fields) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_WRITEDATA, f) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)f->timeout_ms) ==
            CURLE_OK;
    if (good && f->body.n > 0)
        good = curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)f->body.n) ==
                   CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_POSTFIELDS, f->body.p) == CURLE_OK;
    return good ? OK : E_INVALID;
}

enum status fetch_one(struct fetch *f, struct err *err)
{
    struct curl_slist *fields = NULL;
    long status = 0;
    enum status st = OK;
    CURL *c = curl_easy_init();
    if (c == NULL)
        return err_set(err, E_NOMEM, "fetch", "no HTTP client");
    for (const char *const *h = f->headers; *h != NULL && st == OK; h++) {
        struct curl_slist *more = curl_slist_append(fields, *h);
        st = more != NULL ? OK : E_NOMEM;
        fields = more != NULL ? more : fields;
    }
    if (st == OK)
        st = set_up(c, f, fields);
    if (st != OK)
        st = err_set(err, st, "fetch", "%s is no URL to ask", f->url);
    else {
        CURLcode rc = curl_easy_perform(c);
        (void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
        if (rc != CURLE_OK)
            st = err_set(err,
                         f->out->failed                   ? E_TOO_BIG
                         : rc == CURLE_OPERATION_TIMEDOUT ? E_TIMEOUT
                         : rc == CURLE_URL_MALFORMAT ||
                                 rc == CURLE_UNSUPPORTED_PROTOCOL
                             ? E_INVALID
                             : E_IO,
                         "fetch", "%s: %s", f->url, curl_easy_strerror(rc));
    }
    f->status = (int)status;
    curl_slist_free_all(fields);
    curl_easy_cleanup(c);
    return st;
}

/* probe.c - see probe.h; libcurl's multi interface on this thread alone. */
#include "net/probe.h"

#include <assert.h>
#include <curl/curl.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/field.h"

#define WAIT_MS 100

static size_t on_bytes(char *p, size_t size, size_t n, void *arg)
{
    struct probe *x = arg;
    buf_add(&x->body, p, size * n);
    return size * n;
}

static struct curl_slist *header_list(const struct probe *x)
{
    struct curl_slist *list = NULL;
    for (int i = 0; i < x->field_count; i++) {
        struct buf line;
        buf_init(&line, 65536);
        buf_slice(&line, x->fields[i].name);
        buf_str(&line, ": ");
        buf_slice(&line, x->fields[i].value);
        buf_char(&line, '\0');
        struct curl_slist *longer =
            line.failed ? NULL : curl_slist_append(list, line.p);
        if (line.p != NULL)
            explicit_bzero(line.p, line.n);
        buf_release(&line);
        list = longer != NULL ? longer : list;
    }
    return list;
}

static CURL *make(struct probe *x, struct curl_slist *fields)
{
    CURL *e = curl_easy_init();
    char *url = xmemdupz(x->url.p, x->url.n);
    if (e == NULL) {
        free(url);
        return NULL;
    }
    curl_easy_setopt(e, CURLOPT_URL, url); // copied
    curl_easy_setopt(e, CURLOPT_PRIVATE, x);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
    free(url);
    return e;
}

static void ended(CURL *e, CURLcode code, int64_t since_us)
{
    struct probe *x = NULL;
    long status = 0;
    curl_easy_getinfo(e, CURLINFO_PRIVATE, &x);
    curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
    x->took_ms = (clock_mono_us() - since_us) / 1000;
    x->status = (int)status;
    x->end = code == CURLE_OK                   ? PROBE_ANSWERED
             : code == CURLE_OPERATION_TIMEDOUT ? PROBE_TIMEOUT
                                                : PROBE_UNREACHABLE;
}

static void wait_for_all(CURLM *m, int64_t since_us, int64_t timeout_ms)
{
    int running = 1;
    while (running > 0 && clock_mono_us() - since_us < timeout_ms * 1000) {
        CURLMsg *msg;
        int left;
        if (curl_multi_perform(m, &running) != CURLM_OK)
            return;
        while ((msg = curl_multi_info_read(m, &left)) != NULL)
            if (msg->msg == CURLMSG_DONE)
                ended(msg->easy_handle, msg->data.result, since_us);
        if (running > 0 &&
            curl_multi_poll(m, NULL, 0, WAIT_MS, NULL) != CURLM_OK)
            return;
    }
}

void probe_all(struct probe *of, int n, int64_t timeout_ms)
{
    CURL *easy[PROBES_MAX] = {NULL};
    struct curl_slist *fields[PROBES_MAX] = {NULL};
    int64_t since = clock_mono_us();
    assert(n <= PROBES_MAX);
    CURLM *m = curl_multi_init();
    for (int i = 0; i < n; i++) {
        of[i].end = m != NULL ? PROBE_TIMEOUT : PROBE_UNREACHABLE;
        of[i].took_ms = timeout_ms;
        if (of[i].url.p == NULL || m == NULL)
            continue;
        fields[i] = header_list(&of[i]);
        easy[i] = make(&of[i], fields[i]);
        if (easy[i] == NULL || curl_multi_add_handle(m, easy[i]) != CURLM_OK)
            of[i].end = PROBE_UNREACHABLE;
    }
    if (m != NULL)
        wait_for_all(m, since, timeout_ms);
    for (int i = 0; i < n; i++) {
        if (easy[i] != NULL && m != NULL)
            curl_multi_remove_handle(m, easy[i]);
        curl_easy_cleanup(easy[i]);
        curl_slist_free_all(fields[i]);
    }
    if (m != NULL)
        curl_multi_cleanup(m);
}

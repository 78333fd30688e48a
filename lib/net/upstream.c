/* Requests to providers, on libcurl's multi interface driven by our epoll.
 *
 * Eight multi handles per loop: libcurl scans its connections and transfers
 * on every start and end, so its cost grows with the number in flight; eighths
 * of it grow slower.  DNS and TLS sessions are shared between them.  Easy
 * handles keep their settings and buffers from request to request; only what
 * differs is set again.
 *
 * Nothing of libcurl is called from within its callbacks: starting, resuming
 * and retrying only put the call on the `todo` list, which the prepare hook
 * works off; a cancel from within a callback marks the call, is answered with
 * an error code and reaped there.
 *
 * HTTP/2 connections carry one stream at a time.  libcurl 7.88 stops a whole
 * connection while one of its streams is paused, and lost the last bytes of
 * its neighbours in our tests; so a slow reader would harm strangers.
 *
 * What libcurl would do by itself, and no option forbids: a kept connection
 * that closes before one byte of an answer came is replaced and the request
 * sent again (Curl_retry_request in its url.c, at most five times).  A
 * provider that had read the request and died over it could so be paid twice.
 * We let it happen only if the peer's kernel took no byte of the request (see
 * socks.c), as when the provider closed an idle connection in the moment we
 * used it: the request then comes to it once, whatever libcurl does, and
 * on_sending comes again.  Otherwise the second sending is refused and the
 * call ends as UPSTREAM_RESET.  What remains: a peer that took the whole
 * request, acknowledged nothing (delayed acknowledgement, 40 ms at most) and
 * reset the connection within that time looks as if it had taken nothing; and
 * an HTTP/2 stream refused by the provider is not sent again, although it
 * might be.  Every other retry is ours, and only while nothing was sent.
 *
 * Invariants
 *  U1  A call is in exactly one of: free list, todo list (queued), a multi
 *      handle (`added`).
 *  U2  on_done is the last callback; after upstream_cancel there is none.
 *  U3  While the owner pushes back nothing is read from the socket: what
 *      libcurl holds is at most one receive buffer.
 *  U4  A request of which a peer acknowledged a byte is not sent again.
 */
#include "net/upstream.h"

#include <assert.h>
#include <curl/curl.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/field_list.h"
#include "net/head.h"
#include "net/loop.h"
#include "net/socks.h"
#include "net/url.h"

#define MULTIS 8
#define FEW 4 /* in flight; while a multi handle has fewer it is the one */
#define RECV_BUFFER 16384L
#define HEAD_MAX (256u << 10) /* of an answer */
#define FIELDS_MAX 256
#define KEPT_CONNECTIONS 256L /* per multi handle */
#define KEPT_HANDLES 64       /* idle ones per multi handle */
#define SWEEP_US 100000
#define RETRY_US 50000 /* doubled each time */

struct multi {
    CURLM *curl;
    struct upstream_pool *pool;
    struct socks_group group;
    struct loop_timer timer;
    struct upstream_call *free;
    int free_n, live_n;
    bool due; /* libcurl asked for a timeout of 0 */
};

struct upstream_call {
    struct upstream_pool *pool;
    struct multi *multi;
    CURL *easy;
    struct upstream_call *next; /* free list */
    struct upstream_call *prev_live, *next_live;
    struct upstream_call *next_todo;
    const struct upstream_ops *ops;
    void *x;
    struct url *url, *set_url; /* now; last given to the handle */
    struct slice body;
    struct field_list fields;
    struct buf head; /* of the answer */
    uint32_t name_at[FIELDS_MAX], name_n[FIELDS_MAX];
    uint32_t value_at[FIELDS_MAX], value_n[FIELDS_MAX];
    int field_n;
    int status;
    int64_t active_us; /* last byte either way, or end of a pause */
    int64_t uploaded;
    int64_t silence_us;
    struct loop_timer retry;
    curl_socket_t fd; /* last used; -1: none, or closed */
    int retries, attempt;
    long connect_s;
    bool used;     /* set up at least once */
    bool resent;   /* libcurl sent a request again: the handle is worn */
    bool received; /* a connection closed whose peer had taken bytes of it */
    bool added, queued, wants_start, wants_resume;
    bool sending, head_done, paused, cancelled, invalid;
};

struct upstream_pool {
    struct loop *loop;
    CURLSH *share;
    struct multi multi[MULTIS];
    struct socks *socks;
    struct url_cache urls;
    struct upstream_call *live, *todo;
    struct loop_timer sweep;
    char *ca_file;
    int depth; /* > 0: in a libcurl function */
};

static void drain(struct multi *m);

/* ---- sockets and timers ------------------------------------------------- */

static void act(struct multi *m, curl_socket_t fd, int mask)
{
    int running;
    m->pool->depth++;
    (void)curl_multi_socket_action(m->curl, fd, mask, &running);
    m->pool->depth--;
    drain(m);
}

static void on_ready(void *owner, curl_socket_t fd, int mask)
{
    act(owner, fd, mask);
}

static void on_using(void *user, curl_socket_t fd)
{
    struct upstream_call *u = user;
    u->fd = fd;
}

static void on_closing(void *user, curl_socket_t fd, bool received)
{
    struct upstream_call *u = user;
    if (u->fd == fd)
        u->fd = -1;
    if (u->sending) // else one of several connections that were tried
        u->received = u->received || received;
}

static const struct socks_ops sock_ops = {on_ready, on_using, on_closing};

static void on_timer(void *arg)
{
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* CURLMOPT_TIMERFUNCTION */
static int want_timer(CURLM *curl, long ms, void *arg)
{
    struct multi *m = arg;
    (void)curl;
    m->due = ms == 0;
    if (ms == 0)
        loop_again(m->pool->loop);
    if (ms > 0)
        loop_timer_set(m->pool->loop, &m->timer, ms * 1000);
    else
        loop_timer_cancel(m->pool->loop, &m->timer);
    return 0;
}

/* ---- libcurl's callbacks for one transfer ------------------------------- */

/* CURLOPT_PREREQFUNCTION */
static int before_sending(void *arg, char *ip, char *local_ip, int port,
                          int local_port)
{
    struct upstream_call *u = arg;
    (void)ip;
    (void)local_ip;
    (void)port;
    (void)local_port;
    if (u->cancelled || u->received) // U4
        return CURL_PREREQFUNC_ABORT;
    u->resent = u->resent || u->sending;
    u->sending = true;
    u->active_us = loop_now_us(u->pool->loop);
    if (u->ops->on_sending != NULL)
        u->ops->on_sending(u->x);
    return u->cancelled ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static void show_head(struct upstream_call *u)
{
    struct http_field f[FIELDS_MAX];
    for (int i = 0; i < u->field_n; i++) {
        f[i].name = slice(u->head.p + u->name_at[i], u->name_n[i]);
        f[i].value = slice(u->head.p + u->value_at[i], u->value_n[i]);
    }
    u->head_done = true;
    u->ops->on_head(u->x, u->status, f, u->field_n);
}

/* "HTTP/1.1 200 OK": a new head begins; 0 if it is none. */
static int status_scan(struct slice line)
{
    size_t at = slice_find(line, ' ') + 1;
    if (at + 3 > line.n)
        return 0;
    int v = 0;
    for (size_t i = at; i < at + 3; i++) {
        if (line.p[i] < '0' || line.p[i] > '9')
            return 0;
        v = v * 10 + (line.p[i] - '0');
    }
    return v;
}

static bool add_answer_field(struct upstream_call *u, struct slice line)
{
    struct slice name = line, value;
    if (line.p[0] == ' ' || line.p[0] == '\t') { // folded: obsolete
        if (u->field_n == 0)
            return false;
        value = slice_trim(line);
        buf_char(&u->head, ' ');
        buf_slice(&u->head, value);
        u->value_n[u->field_n - 1] += (uint32_t)value.n + 1;
        return !u->head.failed;
    }
    size_t colon = slice_find(line, ':');
    if (colon == line.n || u->field_n == FIELDS_MAX)
        return false;
    name.n = colon;
    value = slice_trim(slice_skip(line, colon + 1));
    if (!head_is_token(name) || !head_value_ok(value))
        return false;
    int i = u->field_n++;
    u->name_at[i] = (uint32_t)u->head.n;
    u->name_n[i] = (uint32_t)name.n;
    buf_slice(&u->head, name);
    u->value_at[i] = (uint32_t)u->head.n;
    u->value_n[i] = (uint32_t)value.n;
    buf_slice(&u->head, value);
    return !u->head.failed;
}

/* CURLOPT_HEADERFUNCTION: one line of the head, or of trailers. */
static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    struct upstream_call *u = arg;
    struct slice line = slice(p, n);
    (void)size;
    if (u->cancelled)
        return 0;
    u->active_us = loop_now_us(u->pool->loop);
    if (u->head_done) // trailers
        return n;
    while (line.n > 0 &&
           (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    if (line.n > 5 && slice_starts(line, "HTTP/")) {
        buf_clear(&u->head);
        u->field_n = 0;
        u->status = status_scan(line);
        u->invalid = u->status == 0;
    } else if (line.n == 0) {
        if (u->status >= 200)
            show_head(u);
    } else if (!add_answer_field(u, line)) {
        u->invalid = true;
    }
    return u->invalid || u->cancelled ? 0 : n;
}

/* CURLOPT_WRITEFUNCTION */
static size_t on_bytes(char *p, size_t size, size_t n, void *arg)
{
    struct upstream_call *u = arg;
    (void)size;
    if (u->cancelled || !u->head_done)
        return 0;
    u->active_us = loop_now_us(u->pool->loop);
    if (u->paused && !u->wants_resume)
        return CURL_WRITEFUNC_PAUSE;
    if (u->ops->on_data(u->x, p, n))
        return u->cancelled ? 0 : n;
    if (u->cancelled)
        return 0;
    u->paused = true;
    return CURL_WRITEFUNC_PAUSE;
}

/* ---- preparing a call --------------------------------------------------- */

static void set_method(struct upstream_call *u, const struct upstream_req *r)
{
    char name[32];
    bool has_body = r->body.p != NULL && r->body.n > 0;
    memcpy(name, r->method.p, r->method.n);
    name[r->method.n] = '\0';
    if (slice_is(r->method, "HEAD")) {
        curl_easy_setopt(u->easy, CURLOPT_POSTFIELDS, NULL);
        curl_easy_setopt(u->easy, CURLOPT_CUSTOMREQUEST, NULL);
        curl_easy_setopt(u->easy, CURLOPT_NOBODY, 1L);
        u->body = slice(NULL, 0);
        return;
    }
    if (has_body || slice_is(r->method, "POST") || slice_is(r->method, "PUT") ||
        slice_is(r->method, "PATCH")) {
        curl_easy_setopt(u->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(u->easy, CURLOPT_POSTFIELDS,
                         has_body ? r->body.p : "");
        curl_easy_setopt(u->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)(has_body ? r->body.n : 0));
        curl_easy_setopt(u->easy, CURLOPT_CUSTOMREQUEST,
                         slice_is(r->method, "POST") ? NULL : name);
    } else {
        curl_easy_setopt(u->easy, CURLOPT_POSTFIELDS, NULL);
        curl_easy_setopt(u->easy, CURLOPT_HTTPGET, 1L);
        curl_easy_setopt(u->easy, CURLOPT_CUSTOMREQUEST,
                         slice_is(r->method, "GET") ? NULL : name);
    }
}

/* What is the same for every request of a handle. */
static void set_up(struct upstream_call *u)
{
    CURL *e = u->easy;
    struct upstream_pool *p = u->pool;
    curl_easy_setopt(e, CURLOPT_PRIVATE, u);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(e, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, RECV_BUFFER);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(e, CURLOPT_SHARE, p->share);
    if (p->ca_file != NULL)
        curl_easy_setopt(e, CURLOPT_CAINFO, p->ca_file);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, u);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, u);
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, before_sending);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, u);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, socks_open);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, p->socks);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, socks_close);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, p->socks);
    u->used = true;
    u->connect_s = -1;
}

/* The first with few in flight, so that little traffic stays on few handles
 * and connections (warm in the caches, alive at the provider); else the one
 * with the fewest. */
static struct multi *multi_pick(struct upstream_pool *p)
{
    struct multi *least = &p->multi[0];
    for (int i = 0; i < MULTIS; i++) {
        if (p->multi[i].live_n < FEW)
            return &p->multi[i];
        if (p->multi[i].live_n < least->live_n)
            least = &p->multi[i];
    }
    return least;
}

static struct upstream_call *call_new(struct upstream_pool *p)
{
    struct multi *m = multi_pick(p);
    struct upstream_call *u = m->free;
    if (u != NULL) {
        m->free = u->next;
        m->free_n--;
        m->live_n++;
        u->next = NULL;
        return u;
    }
    u = xcalloc(1, sizeof *u);
    u->pool = p;
    u->multi = m;
    u->easy = curl_easy_init();
    if (u->easy == NULL) {
        free(u);
        return NULL;
    }
    m->live_n++;
    field_list_init(&u->fields);
    buf_init(&u->head, HEAD_MAX);
    set_up(u);
    return u;
}

static void call_free(struct upstream_call *u)
{
    curl_easy_cleanup(u->easy);
    url_unref(u->set_url);
    field_list_release(&u->fields);
    buf_release(&u->head);
    free(u);
}

/* Keeps the handle for the next request, within limits.  libcurl counts what
 * it sent again over a handle's whole life and fails at the sixth. */
static void call_keep(struct upstream_call *u)
{
    struct multi *m = u->multi;
    m->live_n--;
    if (m->free_n >= KEPT_HANDLES || u->resent) {
        call_free(u);
        return;
    }
    u->next = m->free;
    m->free = u;
    m->free_n++;
}

static void call_remove(struct upstream_call *u)
{
    if (!u->added)
        return;
    u->added = false;
    u->pool->depth++;
    (void)curl_multi_remove_handle(u->multi->curl, u->easy);
    u->pool->depth--;
}

/* Back to its free list. */
static void call_release(struct upstream_call *u)
{
    struct upstream_pool *p = u->pool;
    assert(!u->added && !u->queued); // U1
    loop_timer_cancel(p->loop, &u->retry);
    *(u->prev_live != NULL ? &u->prev_live->next_live : &p->live) =
        u->next_live;
    if (u->next_live != NULL)
        u->next_live->prev_live = u->prev_live;
    u->next_live = u->prev_live = NULL;
    field_list_trim(&u->fields);
    if (u->head.cap > 16384)
        buf_release(&u->head);
    u->ops = NULL;
    u->x = NULL;
    call_keep(u);
}

static void finish(struct upstream_call *u, enum upstream_end how)
{
    const struct upstream_ops *ops = u->ops;
    void *x = u->x;
    bool cancelled = u->cancelled;
    call_remove(u);
    socks_forget(u->pool->socks, u, u->fd);
    call_release(u);
    if (!cancelled)
        ops->on_done(x, how); // U2
}

static void todo(struct upstream_call *u)
{
    loop_again(u->pool->loop);
    if (u->queued)
        return;
    u->queued = true;
    u->next_todo = u->pool->todo;
    u->pool->todo = u;
}

static void untodo(struct upstream_call *u)
{
    if (!u->queued)
        return;
    struct upstream_call **p = &u->pool->todo;
    while (*p != u)
        p = &(*p)->next_todo;
    *p = u->next_todo;
    u->queued = false;
}

static void retry_now(void *arg)
{
    struct upstream_call *u = arg;
    u->wants_start = true;
    todo(u);
}

/* ---- ends --------------------------------------------------------------- */

static enum upstream_end judge(const struct upstream_call *u, CURLcode code)
{
    if (u->invalid)
        return UPSTREAM_INVALID;
    if (code == CURLE_OK)
        return u->head_done ? UPSTREAM_DONE : UPSTREAM_RESET;
    if (!u->sending)
        return UPSTREAM_UNREACHABLE;
    if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY)
        return UPSTREAM_INVALID;
    return u->head_done ? UPSTREAM_CUT : UPSTREAM_RESET;
}

static void ended(struct upstream_call *u, CURLcode code)
{
    enum upstream_end how = judge(u, code);
    if (how == UPSTREAM_UNREACHABLE && u->attempt < u->retries &&
        !u->cancelled) {
        call_remove(u);
        loop_timer_set(u->pool->loop, &u->retry,
                       (int64_t)RETRY_US << u->attempt);
        u->attempt++;
        return;
    }
    finish(u, how);
}

/* Hands out what ended in `m`. */
static void drain(struct multi *m)
{
    CURLMsg *msg;
    int left;
    while ((msg = curl_multi_info_read(m->curl, &left)) != NULL) {
        struct upstream_call *u = NULL;
        CURLcode code = msg->data.result;
        (void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &u);
        // A call on the list is ended there, when its turn comes.
        if (u->queued && u->cancelled)
            continue;
        untodo(u);
        ended(u, code);
    }
}

static void sweep(void *arg)
{
    struct upstream_pool *p = arg;
    int64_t now = loop_now_us(p->loop);
    struct upstream_call *u = p->live;
    if (u != NULL)
        loop_timer_set(p->loop, &p->sweep, SWEEP_US);
    for (; u != NULL; u = u->next_live) {
        if (!u->added || u->cancelled || !u->sending || u->paused ||
            u->silence_us == 0)
            continue;
        if (u->body.n > 0 && u->uploaded < (int64_t)u->body.n) {
            curl_off_t sent = 0;
            (void)curl_easy_getinfo(u->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
            if (sent > u->uploaded) {
                u->uploaded = sent;
                u->active_us = now;
            }
        }
        if (now - u->active_us <= u->silence_us)
            continue;
        // One per sweep: its on_done may start and cancel others.
        if (u->queued)
            continue;
        loop_timer_set(p->loop, &p->sweep, 0);
        finish(u, UPSTREAM_TIMEOUT);
        return;
    }
}

/* ---- the prepare hook --------------------------------------------------- */

static void add(struct upstream_call *u)
{
    u->wants_start = false;
    u->pool->depth++;
    CURLMcode code = curl_multi_add_handle(u->multi->curl, u->easy);
    u->pool->depth--;
    if (code == CURLM_OK)
        u->added = true;
    else
        finish(u, UPSTREAM_UNREACHABLE);
}

static void resume(struct upstream_call *u)
{
    struct multi *m = u->multi;
    u->active_us = loop_now_us(u->pool->loop);
    u->pool->depth++;
    // wants_resume lets on_bytes through; it is cleared first so that a
    // push-back during the call counts.
    u->wants_resume = false;
    u->paused = false;
    (void)curl_easy_pause(u->easy, CURLPAUSE_CONT);
    u->pool->depth--;
    drain(m);
}

static void work_off(struct upstream_pool *p)
{
    // Oldest first, so that starts keep their order.
    struct upstream_call *list = NULL;
    while (p->todo != NULL) {
        struct upstream_call *u = p->todo;
        p->todo = u->next_todo;
        u->next_todo = list;
        list = u;
    }
    // What is not reached yet stays `queued`, but must be found by drain.
    while (list != NULL) {
        struct upstream_call *u = list;
        p->todo = list->next_todo;
        list = NULL;
        u->queued = false;
        if (u->cancelled)
            finish(u, UPSTREAM_DONE);
        else if (u->wants_start)
            add(u);
        else if (u->wants_resume && u->added)
            resume(u);
        list = p->todo;
    }
}

static int64_t prepare(void *arg)
{
    struct upstream_pool *p = arg;
    if (p->todo != NULL)
        work_off(p);
    for (int i = 0; i < MULTIS; i++)
        if (p->multi[i].due) {
            p->multi[i].due = false;
            act(&p->multi[i], CURL_SOCKET_TIMEOUT, 0);
        }
    return -1;
}

/* ---- interface ---------------------------------------------------------- */

enum status upstream_start(struct upstream_pool *p,
                           const struct upstream_req *req,
                           const struct upstream_ops *ops, void *x,
                           struct upstream_call **out, struct err *err)
{
    if (!head_is_token(req->method) || req->method.n > 31)
        return err_set(err, E_INVALID, "upstream", "bad method");
    struct url *url = url_get(&p->urls, req->url);
    if (url == NULL)
        return err_set(err, E_INVALID, "upstream", "bad URL");
    struct upstream_call *u = call_new(p);
    if (u == NULL) {
        url_unref(url);
        return err_set(err, E_NOMEM, "upstream", "no handle");
    }
    enum status st = field_list_set(&u->fields, req, err);
    if (st != OK) {
        url_unref(url);
        call_keep(u);
        return st;
    }
    u->ops = ops;
    u->x = x;
    u->body = req->body;
    buf_clear(&u->head);
    u->field_n = u->status = u->attempt = 0;
    u->uploaded = 0;
    u->fd = -1;
    u->received = false;
    u->retries = req->retries;
    u->silence_us = req->silence_timeout_s * 1000000LL;
    u->active_us = loop_now_us(p->loop);
    u->sending = u->head_done = u->paused = u->cancelled = u->invalid = false;
    u->wants_resume = false;
    u->retry = (struct loop_timer){.fn = retry_now, .arg = u};
    if (u->set_url == url) {
        url_unref(url);
    } else {
        curl_easy_setopt(u->easy, CURLOPT_CURLU, url->curl);
        url_unref(u->set_url);
        u->set_url = url;
    }
    set_method(u, req);
    curl_easy_setopt(u->easy, CURLOPT_HTTPHEADER, u->fields.nodes);
    if (u->connect_s != req->connect_timeout_s) {
        u->connect_s = req->connect_timeout_s;
        curl_easy_setopt(u->easy, CURLOPT_CONNECTTIMEOUT, u->connect_s);
    }
    u->next_live = p->live;
    if (p->live != NULL)
        p->live->prev_live = u;
    p->live = u;
    if (p->sweep.heap_index == 0)
        loop_timer_set(p->loop, &p->sweep, SWEEP_US);
    u->wants_start = true;
    todo(u);
    *out = u;
    return OK;
}

void upstream_resume(struct upstream_call *u)
{
    if (!u->paused || u->cancelled)
        return;
    u->wants_resume = true;
    todo(u);
}

void upstream_cancel(struct upstream_call **up)
{
    struct upstream_call *u = *up;
    if (u == NULL)
        return;
    *up = NULL;
    u->cancelled = true;
    if (u->pool->depth > 0) {
        todo(u);
        return;
    }
    untodo(u);
    finish(u, UPSTREAM_DONE);
}

void upstream_pool_trust(struct upstream_pool *p, const char *ca_file)
{
    free(p->ca_file);
    p->ca_file = xmemdupz(ca_file, strlen(ca_file));
}

enum status upstream_pool_new(struct loop *l, struct upstream_pool **out,
                              struct err *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(err, E_IO, "upstream", "libcurl did not start");
    struct upstream_pool *p = xcalloc(1, sizeof *p);
    p->loop = l;
    p->socks = socks_new(l, &sock_ops);
    p->sweep = (struct loop_timer){.fn = sweep, .arg = p};
    p->share = curl_share_init();
    if (p->share == NULL)
        goto fail;
    curl_share_setopt(p->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(p->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    for (int i = 0; i < MULTIS; i++) {
        struct multi *m = &p->multi[i];
        m->pool = p;
        m->group = (struct socks_group){p->socks, m};
        m->timer = (struct loop_timer){.fn = on_timer, .arg = m};
        m->curl = curl_multi_init();
        if (m->curl == NULL)
            goto fail;
        curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, socks_want);
        curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, &m->group);
        curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, want_timer);
        curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
        curl_multi_setopt(m->curl, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
        curl_multi_setopt(m->curl, CURLMOPT_MAX_CONCURRENT_STREAMS, 1L);
    }
    loop_prepare(l, prepare, p);
    *out = p;
    return OK;
fail:
    upstream_pool_free(&p);
    return err_set(err, E_NOMEM, "upstream", "no memory");
}

void upstream_pool_free(struct upstream_pool **pp)
{
    struct upstream_pool *p = *pp;
    if (p == NULL)
        return;
    *pp = NULL;
    p->todo = NULL;
    while (p->live != NULL) {
        p->live->cancelled = true;
        p->live->queued = false;
        finish(p->live, UPSTREAM_DONE);
    }
    for (int i = 0; i < MULTIS; i++) {
        struct multi *m = &p->multi[i];
        struct upstream_call *u;
        while ((u = m->free) != NULL) {
            m->free = u->next;
            call_free(u);
        }
        if (m->curl != NULL)
            (void)curl_multi_cleanup(m->curl);
        loop_timer_cancel(p->loop, &m->timer);
    }
    loop_timer_cancel(p->loop, &p->sweep);
    loop_unprepare(p->loop, p);
    if (p->share != NULL)
        (void)curl_share_cleanup(p->share);
    url_cache_end(&p->urls);
    socks_free(&p->socks);
    free(p->ca_file);
    free(p);
    curl_global_cleanup();
}

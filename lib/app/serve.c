/* serve.c - loops, listeners, signals, and the way down.
 *
 * Start: providers, control, gateway, writer, then one thread per loop.  Stop:
 * each loop stops accepting, lets open exchanges end within the grace, then
 * leaves its loop and cleans up on its own thread; then writer and stores.
 * The main thread waits for signals and keeps house once a second meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/store.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/demo.h"
#include "guard/limit.h"
#include "ledger/rows.h"
#include "net/loop.h"

#define HEAD_MAX 65536
#define FREE_MIN (4u << 20) /* bytes; less is a full disk */
#define SWEEP_KEEP_MS (2 * 86400000LL)
#define SWEEP_EVERY_S 60
#define POLL_US 20000

struct app_loop {
    struct app *app;
    struct loop *loop;
    struct gateway_loop *gateway;
    struct listener *listener, *demo;
    struct front front;
    pthread_t thread;
    bool started;
    struct loop_msg stop;
    struct loop_timer poll;
    int64_t deadline_us;
};

/* ---- configuration into plain values ------------------------------------------- */

static void set_provider(struct provider_conf_set *s, enum provider_id p,
                         const char *key, const char *base,
                         const char *version)
{
    s->of[p].key = key;
    s->of[p].base = base != NULL && base[0] != '\0' ? base : NULL;
    s->of[p].api_version = version;
}

static enum status make_providers(struct app *a, struct err *err)
{
    const struct config *c = a->config;
    struct provider_conf_set s = {0};
    enum provider_id bad = PROVIDER_NONE;
    char demo[64];
    set_provider(&s, PROVIDER_OPENAI, c->openai_key, c->openai_base_url,
                 c->azure_api_version);
    set_provider(&s, PROVIDER_AZURE, c->azure_key, c->azure_endpoint,
                 c->azure_api_version);
    set_provider(&s, PROVIDER_ANTHROPIC, c->anthropic_key,
                 c->anthropic_base_url, NULL);
    set_provider(&s, PROVIDER_GOOGLE, c->google_key, c->google_base_url, NULL);
    set_provider(&s, PROVIDER_MISTRAL, c->mistral_key, c->mistral_base_url,
                 NULL);
    set_provider(&s, PROVIDER_DEEPSEEK, c->deepseek_key, c->deepseek_base_url,
                 NULL);
    set_provider(&s, PROVIDER_XAI, c->xai_key, c->xai_base_url, NULL);
    set_provider(&s, PROVIDER_GROQ, c->groq_key, c->groq_base_url, NULL);
    set_provider(&s, PROVIDER_OPENROUTER, c->openrouter_key,
                 c->openrouter_base_url, NULL);
    if (a->demo) {
        (void)snprintf(demo, sizeof demo, "http://127.0.0.1:%d/v1",
                       a->demo_port);
        set_provider(&s, PROVIDER_DEMO, "demo", demo, NULL);
    }
    a->providers = provider_set_new(&s, &bad);
    if (a->providers == NULL)
        return err_set(err, E_INVALID, "config",
                       "%s base URL: not an http or https URL",
                       provider_wire(bad));
    return OK;
}

static enum status read_trusted(struct app *a, struct err *err)
{
    struct slice rest = slice_str(a->config->trusted_proxies);
    while (rest.p != NULL && rest.n > 0) {
        struct slice one = slice_trim(slice_cut(&rest, ','));
        if (one.n == 0)
            continue;
        if (a->trusted_count == APP_TRUSTED_MAX ||
            !header_cidr(one, &a->trusted[a->trusted_count++]))
            return err_set(err, E_INVALID, "config",
                           "TRUSTED_PROXIES: '%.*s' is no address or network",
                           (int)(one.n < 60 ? one.n : 60), one.p);
    }
    return OK;
}

static char *read_pem(const char *path, const char *name, struct err *err)
{
    char bytes[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd == -1 ? -1 : read(fd, bytes, sizeof bytes);
    if (fd != -1)
        (void)close(fd);
    if (n <= 0) {
        (void)err_set(err, E_INVALID, "config", "%s: cannot read %s", name,
                      path);
        return NULL;
    }
    return xmemdupz(bytes, (size_t)n);
}

static enum status read_tls(struct app *a, struct err *err)
{
    const struct config *c = a->config;
    if (c->tls_cert_file[0] == '\0')
        return OK;
    a->cert_pem = read_pem(c->tls_cert_file, "TLS_CERT_FILE", err);
    if (a->cert_pem == NULL)
        return E_INVALID;
    a->key_pem = read_pem(c->tls_key_file, "TLS_KEY_FILE", err);
    return a->key_pem != NULL ? OK : E_INVALID;
}

/* ---- what the rooms below call upward -------------------------------------------- */

static bool storage_ok(void *arg)
{
    struct app *a = arg;
    return writer_ok(a->writer) &&
           atomic_load_explicit(&a->disk_ok, memory_order_relaxed);
}

static bool stopping(void *arg)
{
    struct app *a = arg;
    return atomic_load_explicit(&a->stopping, memory_order_relaxed);
}

static bool provider_on(void *arg, enum provider_id p)
{
    const struct app *a = arg;
    return provider_configured(a->providers, p);
}

/* A tenant to be made for header mode, on its way to the pool and back. */
struct making {
    struct app *app;
    struct loop *loop;
    struct slice name;
    void (*done)(void *arg, enum status result);
    void *arg;
    enum status result;
    struct loop_msg msg;
};

static void made(void *arg)
{
    struct making *m = arg;
    m->done(m->arg, m->result);
    free(m);
}

static void make(void *arg)
{
    struct making *m = arg;
    struct err err;
    int64_t id;
    m->result = rows_tenant_ensure(m->app->db, m->name, ORIGIN_HEADER,
                                   m->app->config->header_max_tenants, &id,
                                   &err);
    if (m->result != OK)
        log_line(LOG_WARN, "tenant not made", LF_C("error", err.text));
    m->msg = (struct loop_msg){.fn = made, .arg = m};
    loop_post(m->loop, &m->msg);
}

static void make_tenant(void *arg, struct loop *loop, struct slice name,
                        void (*done)(void *done_arg, enum status result),
                        void *done_arg)
{
    struct making *m = xcalloc(1, sizeof *m);
    struct app *a = arg;
    *m = (struct making){.app = a, .loop = loop, .name = name, .done = done,
                         .arg = done_arg};
    if (control_run(a->control, make, m) == OK)
        return;
    m->result = E_BUSY;
    m->msg = (struct loop_msg){.fn = made, .arg = m};
    loop_post(loop, &m->msg);
}

/* ---- loops ------------------------------------------------------------------------- */

static enum status listen_on(struct app_loop *l, struct err *err)
{
    struct app *a = l->app;
    struct rlimit files;
    int most = 100000;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 &&
        files.rlim_cur / 2 < (rlim_t)most)
        most = (int)(files.rlim_cur / 2);
    const struct listen_conf conf = {.fd = a->fd,
                                     .max_head = HEAD_MAX,
                                     .idle_timeout_s = 300,
                                     .head_timeout_s = 30,
                                     .max_connections = most,
                                     .tls_cert_pem = a->cert_pem,
                                     .tls_key_pem = a->key_pem};
    l->front = (struct front){.is_first = gateway_owns,
                              .first = &gateway_ops,
                              .second = &control_ops,
                              .first_server = l->gateway,
                              .second_server = a->control};
    enum status st = listener_new(l->loop, &conf, &front_ops, &l->front,
                                  &l->listener, err);
    if (st != OK || !a->demo || l != &a->loops[0])
        return st;
    struct listen_conf demo = conf;
    demo.fd = a->demo_fd;
    demo.tls_cert_pem = demo.tls_key_pem = NULL;
    return listener_new(l->loop, &demo, &demo_server_ops, l->loop, &l->demo,
                        err);
}

static void *loop_main(void *arg)
{
    struct app_loop *l = arg;
    struct err err;
    enum status st = gateway_loop_new(l->app->gateway, l->loop, &l->gateway,
                                      &err);
    if (st == OK)
        st = listen_on(l, &err);
    if (st == OK)
        loop_run(l->loop);
    else
        log_line(LOG_ERROR, "loop not started", LF_C("error", err.text));
    if (l->listener != NULL)
        listener_free(&l->listener);
    if (l->gateway != NULL)
        gateway_loop_free(&l->gateway);
    if (l->demo != NULL)
        listener_free(&l->demo);
    return NULL;
}

/* On the loop: ends it when nothing is open or the grace is over. */
static void poll_end(void *arg)
{
    struct app_loop *l = arg;
    bool idle = gateway_loop_open(l->gateway) == 0 &&
                listener_open_streams(l->listener) == 0;
    if (idle || clock_mono_us() >= l->deadline_us)
        loop_stop(l->loop);
    else
        loop_timer_set(l->loop, &l->poll, POLL_US);
}

static void begin_end(void *arg)
{
    struct app_loop *l = arg;
    int64_t grace = l->app->config->shutdown_grace_s * 1000000;
    if (l->listener == NULL) {
        loop_stop(l->loop);
        return;
    }
    listener_quiesce(l->listener);
    l->deadline_us = clock_mono_us() + grace;
    l->poll = (struct loop_timer){.fn = poll_end, .arg = l};
    poll_end(l);
}

static enum status start_loops(struct app *a, struct err *err)
{
    int n = (int)a->config->workers;
    if (n == 0)
        n = (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (n < 1)
        n = 1;
    a->loops = xcalloc((size_t)n, sizeof *a->loops);
    a->loop_count = n;
    for (int i = 0; i < n; i++) {
        struct app_loop *l = &a->loops[i];
        l->app = a;
        enum status st = loop_new(&l->loop, err);
        if (st != OK)
            return st;
    }
    for (int i = 0; i < n; i++) {
        struct app_loop *l = &a->loops[i];
        int rc = pthread_create(&l->thread, NULL, loop_main, l);
        if (rc != 0)
            return err_sys(err, rc, "app", "cannot start a thread");
        l->started = true;
    }
    return OK;
}

static void stop_loops(struct app *a)
{
    atomic_store(&a->stopping, true);
    for (int i = 0; i < a->loop_count; i++) {
        struct app_loop *l = &a->loops[i];
        l->stop = (struct loop_msg){.fn = begin_end, .arg = l};
        if (l->started)
            loop_post(l->loop, &l->stop);
    }
    for (int i = 0; i < a->loop_count; i++)
        if (a->loops[i].started)
            (void)pthread_join(a->loops[i].thread, NULL);
}

/* ---- house-keeping ------------------------------------------------------------------- */

static void keep_house(struct app *a, int64_t tick)
{
    struct statvfs fs;
    struct err err;
    bool ok = statvfs(a->dir, &fs) == 0 &&
              (uint64_t)fs.f_bavail * fs.f_frsize >= FREE_MIN &&
              access(a->dir, W_OK) == 0;
    if (ok != atomic_exchange(&a->disk_ok, ok))
        log_line(ok ? LOG_INFO : LOG_ERROR,
                 ok ? "storage is writable again" : "storage is not writable",
                 LF_C("dir", a->dir));
    if (tick % SWEEP_EVERY_S == 0 &&
        counters_sweep(a->counters, clock_now_ms() - SWEEP_KEEP_MS, &err) !=
            OK)
        log_line(LOG_WARN, "sweep failed", LF_C("error", err.text));
}

static void wait_for_signal(struct app *a, const sigset_t *set)
{
    const struct timespec second = {.tv_sec = 1};
    for (int64_t tick = 1;; tick++) {
        int sig = sigtimedwait(set, NULL, &second);
        if (sig == SIGTERM || sig == SIGINT) {
            log_line(LOG_INFO, "stopping", LF_N("signal", sig));
            return;
        }
        keep_house(a, tick);
    }
}

/* ---- start --------------------------------------------------------------------------- */

static enum status make_default_tenant(struct app *a, struct err *err)
{
    const struct config *c = a->config;
    struct key_row k = {.name = SLICE("default")};
    struct slice key = slice_str(c->default_api_key);
    const struct actor who = {SLICE("gateway")};
    if (c->default_tenant[0] == '\0')
        return OK;
    enum status st =
        rows_tenant_ensure(a->db, slice_str(c->default_tenant),
                           ORIGIN_DEFAULT, INT64_MAX, &k.tenant_id, err);
    if (st != OK || key.n == 0)
        return st;
    crypt_keyed(a->secret, key, k.hash);
    memcpy(k.first4, key.p, 4);
    memcpy(k.last4, key.p + key.n - 4, 4);
    st = rows_key_add(a->db, who, &k, err);
    return st == E_EXISTS ? OK : st;
}

static enum status start_control(struct app *a, struct err *err)
{
    int configured = 0;
    for (int p = 1; p < PROVIDER_COUNT; p++)
        configured += provider_configured(a->providers, (enum provider_id)p);
    const struct control_conf conf = {
        .config = a->config,
        .db = a->db,
        .counters = a->counters,
        .catalog = a->catalog,
        .metrics = a->metrics,
        .zone = a->zone,
        .secret = a->secret,
        .trusted = a->trusted,
        .trusted_count = a->trusted_count,
        .threads = 3,
        .started_ms = clock_now_ms(),
        .ledger_ok = storage_ok,
        .ledger_arg = a,
        .providers_configured = configured,
        .provider_on = provider_on,
        .provider_arg = a,
        .demo_admin_key = slice_str(a->demo_admin),
    };
    return control_new(&conf, &a->control, err);
}

static void start_gateway(struct app *a)
{
    const struct config *c = a->config;
    struct slice pass = slice_str(c->passthrough);
    const struct gateway_conf conf = {
        .max_body = (size_t)c->max_body_bytes,
        .spill_dir = a->dir,
        .connect_timeout_s = (int)c->upstream_connect_timeout_s,
        .silence_timeout_s = (int)c->upstream_timeout_s,
        .retries = (int)c->upstream_retries,
        .client_gone = slice_is(slice_str(c->client_gone), "abort")
                           ? GONE_ABORT
                           : GONE_DRAIN,
        .drain_timeout_s = (int)c->drain_timeout_s,
        .passthrough = slice_is(pass, "all")   ? PASSTHROUGH_ALL
                       : slice_is(pass, "off") ? PASSTHROUGH_OFF
                                               : PASSTHROUGH_SAFE,
        .plain_errors = slice_is(slice_str(c->proxy_errors), "plain"),
        .models_cache_s = (int)c->models_cache_s,
        .trusted = a->trusted,
        .trusted_count = a->trusted_count,
    };
    const struct gateway_above above = {a, make_tenant, stopping};
    a->guard.storage_ok = storage_ok;
    a->guard.storage_arg = a;
    a->auth_rows = limit_new((int)c->auth_fail_per_min);
    a->gateway = gateway_new(&conf, &a->guard, a->catalog, a->providers,
                             a->auth_rows, &above);
}

static void warn_about(const struct app *a)
{
    const struct config *c = a->config;
    bool admin = c->admin_api_key[0] != '\0' || c->admin_token[0] != '\0' ||
                 c->api_key[0] != '\0';
    struct slice host = slice_str(c->host);
    if (!admin && !a->demo)
        log_plain(LOG_WARN, "no admin secret is set; set ADMIN_API_KEY to use "
                            "the admin API");
    if (a->guard.header_mode && !slice_starts(host, "127.") &&
        !slice_is(host, "::1") && !slice_is(host, "localhost"))
        log_plain(LOG_WARN, "TENANT_AUTH=header on an address others reach: "
                            "anybody can name any tenant");
    for (int i = 0; i < c->ignored_count; i++)
        log_line(LOG_INFO, "variable has no effect here",
                 LF_C("name", c->ignored[i]));
}

static enum status start_all(struct app *a, char key[static CRYPT_TOKEN_TEXT],
                             struct err *err)
{
    const struct config *c = a->config;
    enum status st;
    a->port = (int)c->port;
    if ((st = read_trusted(a, err)) != OK || (st = read_tls(a, err)) != OK)
        return st;
    if ((st = listen_open(c->host, &a->port, &a->fd, err)) != OK)
        return st;
    if (a->demo &&
        (st = listen_open("127.0.0.1", &a->demo_port, &a->demo_fd, err)) != OK)
        return st;
    if ((st = make_providers(a, err)) != OK ||
        (st = make_default_tenant(a, err)) != OK)
        return st;
    if (a->demo) {
        crypt_token(a->demo_admin);
        if ((st = demo_seed(a, key, err)) != OK)
            return st;
    }
    if ((st = writer_start(a->db, (int)c->sync_interval_ms, &a->writer,
                           err)) != OK ||
        (st = start_control(a, err)) != OK)
        return st;
    start_gateway(a);
    return start_loops(a, err);
}

static void stop_all(struct app *a)
{
    stop_loops(a);
    if (a->control != NULL)
        control_free(&a->control);
    for (int i = 0; i < a->loop_count; i++)
        if (a->loops[i].loop != NULL)
            loop_free(&a->loops[i].loop);
    free(a->loops);
    a->loops = NULL;
    a->loop_count = 0;
    gateway_free(&a->gateway);
    if (a->writer != NULL)
        writer_stop(&a->writer);
    limit_free(&a->auth_rows);
    if (a->providers != NULL)
        provider_set_free(&a->providers);
    if (a->fd != -1)
        (void)close(a->fd);
    if (a->demo_fd != -1)
        (void)close(a->demo_fd);
    free(a->cert_pem);
    free(a->key_pem);
}

enum status app_serve(struct app *a, bool demo, struct err *err)
{
    char key[CRYPT_TOKEN_TEXT];
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL); // threads inherit it
    (void)signal(SIGPIPE, SIG_IGN);
    a->demo = demo;
    enum status st = start_all(a, key, err);
    if (st == OK) {
        warn_about(a);
        log_line(LOG_INFO, "listening", LF_C("host", a->config->host),
                 LF_N("port", a->port), LF_N("loops", a->loop_count),
                 LF_C("version", BG_VERSION));
        if (demo)
            demo_print(a, key);
        wait_for_signal(a, &set);
    }
    stop_all(a);
    return st;
}

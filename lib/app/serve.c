/* serve.c - the serving process from its first step to its last.
 *
 * Start: providers, control, gateway, writer, then the loops.  Stop: loops,
 * control, then writer and stores.  The main thread waits for signals and
 * keeps house once a second meanwhile.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "app/loops.h"
#include "app/probes.h"
#include "app/store.h"
#include "app/watch.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "guard/limit.h"
#include "ledger/rows.h"
#include "net/loop.h"

#define FREE_MIN (4u << 20) /* bytes; less is a full disk */
#define SWEEP_KEEP_MS (2 * 86400000LL)
#define SWEEP_EVERY_S 60

/* ---- configuration into plain values ------------------------------------ */

static void set_provider(struct provider_conf_set *s, enum provider_id p,
                         const char *key, const char *base, const char *version)
{
    s->of[p].key = key;
    s->of[p].base = base != NULL && base[0] != '\0' ? base : NULL;
    s->of[p].api_version = version;
}

/* The variable that holds a provider's address. */
static const char *url_variable(enum provider_id p)
{
    static const char *const names[PROVIDER_COUNT] = {
        [PROVIDER_OPENAI] = "OPENAI_BASE_URL",
        [PROVIDER_AZURE] = "AZURE_OPENAI_ENDPOINT",
        [PROVIDER_ANTHROPIC] = "ANTHROPIC_BASE_URL",
        [PROVIDER_GOOGLE] = "GOOGLE_BASE_URL",
        [PROVIDER_MISTRAL] = "MISTRAL_BASE_URL",
        [PROVIDER_DEEPSEEK] = "DEEPSEEK_BASE_URL",
        [PROVIDER_XAI] = "XAI_BASE_URL",
        [PROVIDER_GROQ] = "GROQ_BASE_URL",
        [PROVIDER_OPENROUTER] = "OPENROUTER_BASE_URL",
    };
    return names[p] != NULL ? names[p] : provider_wire(p);
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
        return err_set(err, E_INVALID, "config", "%s: not an http or https URL",
                       url_variable(bad));
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

/* ---- what the rooms below call upward ----------------------------------- */

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

static void provider_look(void *arg, const enum provider_id *of,
                          const struct slice *keys, int n, int64_t max_age_ms,
                          struct provider_state *out)
{
    const struct app *a = arg;
    probes_look(a->probes, of, keys, n, max_age_ms, out);
}

static void provider_models(void *arg, struct arena *arena,
                            struct slice **names, int *n, int64_t *loaded_ms)
{
    const struct app *a = arg;
    probes_models(a->probes, arena, names, n, loaded_ms);
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
    m->result =
        rows_tenant_ensure(m->app->db, m->name, ORIGIN_HEADER,
                           m->app->config->header_max_tenants, &id, &err);
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
    *m = (struct making){
        .app = a, .loop = loop, .name = name, .done = done, .arg = done_arg};
    if (control_run(a->control, make, m) == OK)
        return;
    m->result = E_BUSY;
    m->msg = (struct loop_msg){.fn = made, .arg = m};
    loop_post(loop, &m->msg);
}

/* ---- house-keeping ------------------------------------------------------ */

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
    loops_check_tls(a);
    if (tick % SWEEP_EVERY_S == 0 &&
        counters_sweep(a->counters, clock_now_ms() - SWEEP_KEEP_MS, &err) != OK)
        log_line(LOG_WARN, "sweep failed", LF_C("error", err.text));
}

/* SIGHUP: a log that was rotated is opened anew. */
static void on_hangup(struct app *a)
{
    struct err err;
    if (a->config->log_file[0] == '\0')
        log_plain(LOG_INFO, "hangup ignored: no LOG_FILE to open anew");
    else if (log_reopen(a->config->log_file, &err) != OK)
        log_line(LOG_WARN, "log not opened anew", LF_C("error", err.text));
    else
        log_plain(LOG_INFO, "log opened anew");
}

/* SIGTERM and SIGINT stop; so does SIGHUP if the terminal we were started on
 * is gone. */
static void wait_for_signal(struct app *a, const sigset_t *set)
{
    const struct timespec second = {.tv_sec = 1};
    bool terminal = isatty(STDERR_FILENO) == 1;
    for (int64_t tick = 1;; tick++) {
        int sig = sigtimedwait(set, NULL, &second);
        bool gone = sig == SIGHUP && terminal && isatty(STDERR_FILENO) != 1;
        if (sig == SIGTERM || sig == SIGINT || gone) {
            log_line(LOG_INFO, "stopping", LF_N("signal", sig));
            return;
        }
        if (sig == SIGHUP)
            on_hangup(a);
        keep_house(a, tick);
    }
}

/* ---- start -------------------------------------------------------------- */

static enum status make_default_tenant(struct app *a, struct err *err)
{
    const struct config *c = a->config;
    struct key_row k = {.name = SLICE("default")};
    struct slice key = slice_str(c->default_api_key);
    const struct actor who = {SLICE("gateway")};
    if (c->default_tenant[0] == '\0')
        return OK;
    enum status st =
        rows_tenant_ensure(a->db, slice_str(c->default_tenant), ORIGIN_DEFAULT,
                           INT64_MAX, &k.tenant_id, err);
    if (st != OK || key.n == 0)
        return st;
    crypt_keyed(a->secret, key, k.hash);
    memcpy(k.first4, key.p, 4);
    memcpy(k.last4, key.p + key.n - 4, 4);
    st = rows_key_add(a->db, who, &k, err);
    return st == E_EXISTS ? OK : st;
}

/* What the policy may do otherwise than it reads. */
static void log_policy(const struct policy *p)
{
    const struct rego_error *e = rego_policy_warnings(p->rego);
    for (; e != NULL; e = e->next)
        log_line(LOG_WARN, "policy may surprise", LF_S("file", e->file),
                 LF_N("line", e->row), LF_S("text", e->message));
    log_line(LOG_INFO, "policy in force", LF_C("hash", p->hash),
             LF_N("files", p->file_count));
}

/* On the watch's thread. */
static void policy_changed(void *arg)
{
    struct app *a = arg;
    struct policy_fault f;
    if (policies_reload(a->policies)) {
        const struct policy *p = policies_ref(a->policies);
        log_policy(p);
        policy_unref(&p);
        return;
    }
    policies_fault(a->policies, &f);
    log_line(LOG_ERROR, "policy not loaded; the one before stays",
             LF_C("file", f.file), LF_N("line", f.row), LF_C("error", f.text));
}

static enum status open_policy(struct app *a, struct err *err)
{
    const struct config *c = a->config;
    enum policy_dialect dialect;
    if (!policy_dialect_parse(slice_str(c->policy_dialect), &dialect))
        return err_set(err, E_INVALID, "policy",
                       "POLICY_DIALECT must be auto, v0 or v1");
    enum status st =
        policies_open(c->opa_policy_path, dialect, &a->policies, err);
    if (st == OK) {
        const struct policy *p = policies_ref(a->policies);
        if (!p->embedded)
            log_policy(p);
        policy_unref(&p);
    }
    a->guard.policies = a->policies;
    a->guard.policy_timeout_ms = c->policy_timeout_ms;
    return st;
}

static enum status start_policy(struct app *a, struct err *err)
{
    const struct config *c = a->config;
    enum status st = open_policy(a, err);
    if (st == OK && c->opa_policy_path[0] != '\0')
        st = watch_start(c->opa_policy_path, policy_changed, a,
                         &a->policy_watch, err);
    return st;
}

static enum status reload_prices(void *arg, struct err *err)
{
    return app_load_book(arg, err);
}

static struct alert_conf alert_conf_of(const struct app *a)
{
    const struct config *c = a->config;
    return (struct alert_conf){
        .db = a->db,
        .counters = a->counters,
        .catalog = a->catalog,
        .metrics = a->metrics,
        .thresholds = c->alert_thresholds,
        .channels = {.webhook_url = c->alert_webhook_url,
                     .webhook_secret = c->alert_webhook_secret,
                     .slack_url = c->alert_slack_url,
                     .smtp_url = c->alert_smtp_url,
                     .smtp_user = c->alert_smtp_user,
                     .smtp_password = c->alert_smtp_password,
                     .smtp_tls = c->alert_smtp_tls,
                     .mail_from = c->alert_email_from,
                     .mail_to = c->alert_email_to,
                     .timeout_ms = (int)c->alert_timeout_s * 1000},
    };
}

static enum status start_alerts(struct app *a, struct err *err)
{
    const struct alert_conf conf = alert_conf_of(a);
    return alert_start(&conf, &a->alert, err);
}

static enum status start_control(struct app *a, struct err *err)
{
    int configured = 0;
    for (int p = 1; p < PROVIDER_COUNT; p++)
        configured += provider_configured(a->providers, (enum provider_id)p);
    a->probes = probes_new(a->providers, a->config->models_cache_s);
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
        .policies = a->policies,
        .alert = a->alert,
        .reload_prices = reload_prices,
        .reload_arg = a,
        .threads = 3,
        .started_ms = clock_now_ms(),
        .ledger_ok = storage_ok,
        .ledger_arg = a,
        .providers_configured = configured,
        .provider_on = provider_on,
        .provider_look = provider_look,
        .provider_models = provider_models,
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
        .attempts = (int)c->upstream_attempts,
        .retry_max_ms = (int)c->upstream_retry_max_ms,
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

/* The configured chains; an admin's win. */
static enum status start_fallbacks(struct app *a, struct err *err)
{
    struct fallbacks *f;
    struct err why;
    if (fallbacks_read(slice_str(a->config->fallbacks), &f, &why) != OK)
        return err_set(err, E_INVALID, "config", "FALLBACKS: %s", why.text);
    if (fallbacks_count(f) == 0)
        fallbacks_unref(&f);
    catalog_set_fallbacks_take(a->catalog, false, f);
    return OK;
}

static enum status start_all(struct app *a, char key[static CRYPT_TOKEN_TEXT],
                             struct err *err)
{
    const struct config *c = a->config;
    enum status st;
    a->port = (int)c->port;
    if ((st = read_trusted(a, err)) != OK ||
        (st = loops_read_tls(a, err)) != OK)
        return st;
    if ((st = sock_listen(c->host, &a->port, &a->fd, err)) != OK)
        return st;
    if (a->demo &&
        (st = sock_listen("127.0.0.1", &a->demo_port, &a->demo_fd, err)) != OK)
        return st;
    if ((st = start_policy(a, err)) != OK ||
        (st = start_fallbacks(a, err)) != OK ||
        (st = make_providers(a, err)) != OK ||
        (st = make_default_tenant(a, err)) != OK)
        return st;
    if (a->demo) {
        crypt_token(a->demo_admin);
        if ((st = demo_seed(a, key, err)) != OK)
            return st;
    }
    if ((st = writer_start(a->db, (int)c->sync_interval_ms, &a->writer, err)) !=
            OK ||
        (st = start_alerts(a, err)) != OK || (st = start_control(a, err)) != OK)
        return st;
    start_gateway(a);
    return loops_start(a, err);
}

static void stop_all(struct app *a)
{
    watch_stop(&a->policy_watch);
    loops_stop(a);
    if (a->control != NULL)
        control_free(&a->control);
    probes_free(&a->probes);
    loops_free(a);
    gateway_free(&a->gateway);
    alert_stop(&a->alert);
    if (a->writer != NULL)
        writer_stop(&a->writer);
    limit_free(&a->auth_rows);
    policies_free(&a->policies);
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
    (void)sigaddset(&set, SIGHUP);
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

/* ---- without serving ---------------------------------------------------- */

enum status app_offline(struct app *a, app_offline_fn *fn, void *arg,
                        struct err *err)
{
    enum status st = open_policy(a, err);
    if (st == OK)
        st = make_providers(a, err);
    if (st == OK)
        st = writer_start(a->db, (int)a->config->sync_interval_ms, &a->writer,
                          err);
    if (st == OK)
        st = start_control(a, err);
    if (st == OK)
        st = fn(arg, a->control, err);
    if (a->control != NULL)
        control_free(&a->control);
    probes_free(&a->probes);
    if (a->writer != NULL)
        writer_stop(&a->writer);
    policies_free(&a->policies);
    if (a->providers != NULL)
        provider_set_free(&a->providers);
    return st;
}

static enum status try_zone(struct app *a, struct err *err)
{
    return zone_load(a->config->budget_timezone, &a->zone, err) == OK
               ? OK
               : err_set(err, E_INVALID, "config",
                         "BUDGET_TIMEZONE: unknown time zone");
}

static enum status try_fallbacks(struct app *a, struct err *err)
{
    struct fallbacks *f;
    enum status st = fallbacks_read(slice_str(a->config->fallbacks), &f, err);
    if (st == OK)
        fallbacks_unref(&f);
    return st;
}

static enum status try_alerts(struct app *a, struct err *err)
{
    const struct alert_conf conf = alert_conf_of(a);
    return alert_check(&conf, err);
}

void app_check(const struct config *c, app_check_fn *say, void *arg)
{
    static const struct {
        const char *what;
        enum status (*try)(struct app *a, struct err *err);
    } parts[] = {{"time zone", try_zone},         {"proxies", read_trusted},
                 {"certificate", loops_read_tls}, {"policy", open_policy},
                 {"prices", app_try_book},        {"fallbacks", try_fallbacks},
                 {"providers", make_providers},   {"alerts", try_alerts}};
    struct app *a = xcalloc(1, sizeof *a);
    a->config = c;
    (void)snprintf(a->dir, sizeof a->dir, "%s", c->data_dir);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct err err = {0};
        enum status st = parts[i].try(a, &err);
        say(arg, parts[i].what, st, st == OK ? "" : err.text);
    }
    policies_free(&a->policies);
    if (a->providers != NULL)
        provider_set_free(&a->providers);
    zone_free(&a->zone);
    free(a->cert_pem);
    free(a->key_pem);
    free(a);
}

/* remote.c - budgetguard tenant, key and budget; see cli.h.
 *
 * Every subcommand is calls of the admin API and a table made of the answer.
 * With --url they go to a server; without, to the same handlers in this
 * process, over the data folder itself (control/inside.h).
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/cli.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/money.h"
#include "control/inside.h"
#include "net/fetch.h"

#define ANSWER_MAX (256u << 20)
#define ARENA_MAX (512u << 20)
#define PATH_MAX_BYTES 512
#define TIMEOUT_MS 30000
#define COLUMNS_MAX 10
#define CELL_MAX 60

/* A subcommand under way. */
struct remote {
    struct cli *c;
    struct control *control; /* offline; NULL: --url */
    struct arena arena;
    struct buf text; /* of the last answer */
    const struct json *answer;
    int exit;
};

typedef void remote_fn(struct remote *x);

/* ---- asking ------------------------------------------------------------- */

static int ask_server(struct remote *x, const char *method, const char *path,
                      struct slice body, struct err *err)
{
    const struct config *c = x->c->config;
    const char *key = c->admin_api_key[0] != '\0' ? c->admin_api_key
                      : c->admin_token[0] != '\0' ? c->admin_token
                                                  : c->api_key;
    struct slice base = slice_str(cli_get(x->c, "--url"));
    while (base.n > 0 && base.p[base.n - 1] == '/')
        base.n--;
    struct slice url = arena_printf(&x->arena, "%.*s%s", SLICE_FMT(base), path);
    struct slice field = arena_printf(&x->arena, "X-Admin-Key: %s", key);
    const char *const headers[] = {
        field.p, body.n > 0 ? "Content-Type: application/json" : "Accept: */*",
        NULL};
    struct fetch f = {.method = method,
                      .url = url.p,
                      .headers = headers,
                      .body = body,
                      .timeout_ms = TIMEOUT_MS,
                      .out = &x->text};
    return fetch_one(&f, err) == OK ? f.status : 0;
}

static struct slice said(const struct json *v)
{
    static const char *const keys[] = {"message", "error", "detail"};
    for (int i = 0; i < 3; i++) {
        struct slice s = json_text(json_get(v, keys[i]), slice(NULL, 0));
        if (s.p != NULL)
            return s;
    }
    return SLICE("no reason given");
}

/* Asks and reads the answer; false: it was refused, and that is printed. */
static bool ask(struct remote *x, const char *method, struct slice body,
                const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static bool ask(struct remote *x, const char *method, struct slice body,
                const char *fmt, ...)
{
    char path[PATH_MAX_BYTES];
    struct json *v = NULL;
    struct err err = {0};
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(path, sizeof path, fmt, ap);
    va_end(ap);
    buf_clear(&x->text);
    x->answer = NULL;
    x->exit = 1;
    if (n < 0 || n >= PATH_MAX_BYTES) {
        fputs("budgetguard: too long\n", stderr);
        return false;
    }
    struct slice rest = slice_str(path), only = slice_cut(&rest, '?');
    int status =
        x->control != NULL
            ? inside_call(x->control, slice_str(method), only,
                          rest.p != NULL ? rest : SLICE(""), body, &x->text)
            : ask_server(x, method, path, body, &err);
    if (status == 0) {
        fprintf(stderr, "budgetguard: %s\n", err.text);
        return false;
    }
    if (x->text.n > 0 &&
        json_parse(&x->arena, buf_get(&x->text), &v, &err) != OK)
        v = NULL;
    x->answer = v;
    x->exit = status >= 200 && status < 300 ? 0 : 1;
    if (x->exit != 0)
        fprintf(stderr, "budgetguard: %.*s (%d)%s\n", SLICE_FMT(said(v)),
                status,
                status == 401 ? ": is ADMIN_API_KEY the server's?" : "");
    return x->exit == 0;
}

/* ---- tables ------------------------------------------------------------- */

struct column {
    const char *title, *key, *inner; /* inner: a member of that member */
};

/* Number of characters, for columns. */
static int width_of(struct slice s)
{
    int n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

static struct slice cell(const struct json *row, const struct column *k)
{
    const struct json *v = json_get(row, k->key);
    if (k->inner != NULL)
        v = json_get(v, k->inner);
    if (v == NULL || v->type == JSON_NULL)
        return SLICE("-");
    if (v->type == JSON_TRUE)
        return SLICE("yes");
    if (v->type == JSON_FALSE)
        return SLICE("no");
    struct slice s = v->text;
    return s.n > CELL_MAX ? slice(s.p, CELL_MAX) : s;
}

/* A terminal obeys control characters; a name may hold none, an id might. */
static void put(struct slice s, int width)
{
    int n = width_of(s);
    for (size_t i = 0; i < s.n; i++)
        fputc((unsigned char)s.p[i] < 32 || s.p[i] == 127 ? '?' : s.p[i],
              stdout);
    printf("%*s", width > n ? width - n : 0, "");
}

/* `list`: an array of objects, or one object. */
static void print_table(struct remote *x, const struct json *list,
                        const struct column *k, int n)
{
    int width[COLUMNS_MAX];
    const struct json *first =
        list == NULL || list->type != JSON_ARRAY ? list : list->child;
    bool many = list != NULL && list->type == JSON_ARRAY;
    if (cli_flag(x->c, "--json")) {
        printf("%.*s\n", SLICE_FMT(buf_get(&x->text)));
        return;
    }
    for (int i = 0; i < n; i++)
        width[i] = width_of(slice_str(k[i].title));
    for (const struct json *r = first; r != NULL; r = many ? r->next : NULL)
        for (int i = 0; i < n; i++) {
            int w = width_of(cell(r, &k[i]));
            width[i] = w > width[i] ? w : width[i];
        }
    for (int i = 0; i < n; i++)
        put(slice_str(k[i].title), i + 1 < n ? width[i] + 2 : 0);
    putchar('\n');
    for (const struct json *r = first; r != NULL; r = many ? r->next : NULL) {
        for (int i = 0; i < n; i++)
            put(cell(r, &k[i]), i + 1 < n ? width[i] + 2 : 0);
        putchar('\n');
    }
}

/* "done", unless the answer itself is wanted. */
static void print_done(struct remote *x, const char *what)
{
    if (cli_flag(x->c, "--json"))
        printf("%.*s\n", SLICE_FMT(buf_get(&x->text)));
    else
        puts(what);
}

/* ---- bodies ------------------------------------------------------------- */

struct body {
    struct buf b;
    struct json_out o;
};

static void body_open(struct body *t)
{
    buf_init(&t->b, 1u << 20);
    json_out_init(&t->o, &t->b);
    json_obj(&t->o);
}

static struct slice body_close(struct body *t)
{
    json_obj_end(&t->o);
    return buf_get(&t->b);
}

/* A member from an option; numbers and amounts go as their text, "none" as
 * null. */
static void option(struct remote *x, struct body *t, const char *name,
                   const char *key)
{
    const char *v = cli_get(x->c, name);
    if (v == NULL)
        return;
    if (slice_is(slice_str(v), "none"))
        json_knull(&t->o, key);
    else
        json_kstr(&t->o, key, slice_str(v));
}

static void limits(struct remote *x, struct body *t)
{
    option(x, t, "--rate-limit", "rateLimitPerMin");
    option(x, t, "--tokens-per-min", "tokensPerMin");
    option(x, t, "--max-concurrent", "maxConcurrent");
    option(x, t, "--session-budget", "defaultSessionBudgetUsd");
}

/* The id of a tenant given as id or name; 0: none, said. */
static int64_t tenant_id(struct remote *x, const char *what)
{
    int64_t id = 0;
    bool digits = money_scan(slice_str(what), 0, &id) && id > 0;
    if (!ask(x, "GET", SLICE(""), "/admin/tenant"))
        return 0;
    const struct json *v = x->answer != NULL ? x->answer->child : NULL;
    for (int pass = 0; pass < 2; pass++) // a name wins over a number
        for (const struct json *t = v; t != NULL; t = t->next) {
            int64_t have = 0;
            if (!json_i64(json_get(t, "id"), &have))
                continue;
            if (pass == 0
                    ? slice_is(json_text(json_get(t, "name"), SLICE("")), what)
                    : digits && have == id)
                return have;
        }
    fprintf(stderr, "budgetguard: no tenant '%s'\n", what);
    x->exit = 1;
    return 0;
}

static bool word_is(const struct remote *x, int i, const char *text)
{
    return i < x->c->words && slice_is(slice_str(x->c->word[i]), text);
}

static void misuse(struct remote *x)
{
    x->exit = cli_misuse(x->c);
}

/* ---- tenants ------------------------------------------------------------ */

static const struct column tenant_columns[] = {
    {"ID", "id", NULL},
    {"NAME", "name", NULL},
    {"REQUESTS/MIN", "rateLimitPerMin", NULL},
    {"CREATED", "createdAt", NULL}};

static void tenant_one(struct remote *x, int64_t id)
{
    if (ask(x, "GET", SLICE(""), "/admin/tenant/%lld", (long long)id))
        print_table(x, x->answer, tenant_columns, 4);
}

static void tenant_change(struct remote *x)
{
    struct body t;
    int64_t id = tenant_id(x, x->c->word[1]);
    if (id == 0)
        return;
    if (word_is(x, 0, "show")) {
        tenant_one(x, id);
    } else if (word_is(x, 0, "delete")) {
        if (ask(x, "DELETE", SLICE(""), "/admin/tenant/%lld", (long long)id))
            print_done(x, "deleted; its ledger rows stay");
    } else {
        body_open(&t);
        option(x, &t, "--name", "name");
        limits(x, &t);
        if (ask(x, "PUT", body_close(&t), "/admin/tenant/%lld", (long long)id))
            tenant_one(x, id);
        buf_release(&t.b);
    }
}

static void run_tenant(struct remote *x)
{
    struct body t;
    if (word_is(x, 0, "list") && x->c->words == 1) {
        if (ask(x, "GET", SLICE(""), "/admin/tenant"))
            print_table(x, x->answer, tenant_columns, 4);
    } else if (x->c->words != 2)
        misuse(x);
    else if (word_is(x, 0, "add")) {
        int64_t id = 0;
        body_open(&t);
        json_kstr(&t.o, "name", slice_str(x->c->word[1]));
        limits(x, &t);
        if (ask(x, "POST", body_close(&t), "/admin/tenant") &&
            json_i64(json_get(x->answer, "id"), &id))
            tenant_one(x, id);
        buf_release(&t.b);
    } else if (word_is(x, 0, "show") || word_is(x, 0, "set") ||
               word_is(x, 0, "delete"))
        tenant_change(x);
    else
        misuse(x);
}

/* ---- keys --------------------------------------------------------------- */

static void run_key(struct remote *x)
{
    static const struct column list[] = {{"ID", "id", NULL},
                                         {"KEY", "masked", NULL},
                                         {"NAME", "name", NULL},
                                         {"ACTIVE", "isActive", NULL},
                                         {"CREATED", "createdAt", NULL},
                                         {"LAST USED", "lastUsedAt", NULL}};
    static const struct column made[] = {{"ID", "id", NULL},
                                         {"KEY", "key", NULL}};
    struct body t;
    int64_t id;
    if (x->c->words != 2) {
        misuse(x);
    } else if (word_is(x, 0, "revoke")) {
        if (!money_scan(slice_str(x->c->word[1]), 0, &id) || id <= 0)
            misuse(x);
        else if (ask(x, "DELETE", SLICE(""), "/admin/apikey/%lld",
                     (long long)id))
            print_done(x, "revoked");
    } else if (word_is(x, 0, "list")) {
        if ((id = tenant_id(x, x->c->word[1])) != 0 &&
            ask(x, "GET", SLICE(""), "/admin/tenant/%lld/apikeys",
                (long long)id))
            print_table(x, x->answer, list, 6);
    } else if (word_is(x, 0, "add")) {
        if ((id = tenant_id(x, x->c->word[1])) == 0)
            return;
        body_open(&t);
        option(x, &t, "--name", "name");
        if (ask(x, "POST", body_close(&t), "/admin/tenant/%lld/apikeys",
                (long long)id))
            print_table(x, x->answer, made, 2);
        buf_release(&t.b);
    } else
        misuse(x);
}

/* ---- budgets ------------------------------------------------------------ */

static const struct column budget_columns[] = {{"ID", "id", NULL},
                                               {"SCOPE", "scope", "kind"},
                                               {"OF", "scope", "name"},
                                               {"PERIOD", "period", NULL},
                                               {"AMOUNT", "amountUsd", NULL},
                                               {"SPENT", "spentUsd", NULL},
                                               {"HELD", "heldUsd", NULL},
                                               {"LEFT", "remainingUsd", NULL},
                                               {"MODE", "mode", NULL},
                                               {"RESETS", "resetsAt", NULL}};

static void budget_list(struct remote *x)
{
    const char *scope = cli_get(x->c, "--scope"),
               *tenant = cli_get(x->c, "--tenant");
    int64_t id = 0;
    if (tenant != NULL && (id = tenant_id(x, tenant)) == 0)
        return;
    for (const char *p = scope; p != NULL && *p != '\0'; p++)
        if (*p < 'a' || *p > 'z') {
            misuse(x);
            return;
        }
    if (ask(x, "GET", SLICE(""), "/admin/budgets?%s%s%s%.0lld",
            scope != NULL ? "scope=" : "", scope != NULL ? scope : "",
            id != 0 ? "&tenantId=" : "", (long long)id))
        print_table(x, x->answer, budget_columns, 10);
}

static void budget_terms(struct remote *x, struct body *t)
{
    option(x, t, "--window", "window");
    option(x, t, "--start", "startDate");
    option(x, t, "--end", "endDate");
    option(x, t, "--mode", "mode");
}

/* What the scope names, as the API wants it: ids of tenants by their names. */
static bool budget_scope(struct remote *x, struct body *t, const char *kind,
                         const char *scope_id)
{
    const char *tenant = cli_get(x->c, "--tenant");
    char text[24];
    int64_t id = 0;
    if (tenant != NULL && (id = tenant_id(x, tenant)) == 0)
        return false;
    if (scope_id == NULL && slice_is(slice_str(kind), "tenant"))
        (void)snprintf(text, sizeof text, "%lld", (long long)id);
    json_key(&t->o, "scope");
    json_obj(&t->o);
    json_kstr(&t->o, "kind", slice_str(kind));
    if (scope_id != NULL)
        json_kstr(&t->o, "id", slice_str(scope_id));
    else if (slice_is(slice_str(kind), "tenant"))
        json_kstr(&t->o, "id", slice_str(text));
    else
        json_knull(&t->o, "id");
    if (id != 0 && !slice_is(slice_str(kind), "tenant"))
        json_knum(&t->o, "tenantId", id);
    json_obj_end(&t->o);
    return true;
}

static void budget_add(struct remote *x)
{
    const char *kind = cli_get(x->c, "--scope");
    bool brief = x->c->words == 4;
    struct body t;
    char text[24];
    int64_t id;
    if (brief == (kind != NULL) || (!brief && x->c->words != 1)) {
        misuse(x);
        return;
    }
    body_open(&t);
    if (brief) {
        if ((id = tenant_id(x, x->c->word[1])) == 0)
            goto out;
        (void)snprintf(text, sizeof text, "%lld", (long long)id);
        json_key(&t.o, "scope");
        json_obj(&t.o);
        json_kstr(&t.o, "kind", SLICE("tenant"));
        json_kstr(&t.o, "id", slice_str(text));
        json_obj_end(&t.o);
        json_kstr(&t.o, "period", slice_str(x->c->word[2]));
        json_kstr(&t.o, "amountUsd", slice_str(x->c->word[3]));
    } else {
        if (!budget_scope(x, &t, kind, cli_get(x->c, "--scope-id")))
            goto out;
        option(x, &t, "--period", "period");
        option(x, &t, "--amount", "amountUsd");
    }
    budget_terms(x, &t);
    if (ask(x, "POST", body_close(&t), "/admin/budgets"))
        print_table(x, x->answer, budget_columns, 10);
out:
    buf_release(&t.b);
}

static void run_budget(struct remote *x)
{
    struct body t;
    int64_t id = 0;
    bool one = x->c->words == 2 &&
               money_scan(slice_str(x->c->word[1]), 0, &id) && id > 0;
    if (word_is(x, 0, "list") && x->c->words == 1) {
        budget_list(x);
    } else if (word_is(x, 0, "add")) {
        budget_add(x);
    } else if (word_is(x, 0, "delete") && one) {
        if (ask(x, "DELETE", SLICE(""), "/admin/budgets/%lld", (long long)id))
            print_done(x, "deleted");
    } else if (word_is(x, 0, "set") && one) {
        body_open(&t);
        option(x, &t, "--amount", "amountUsd");
        budget_terms(x, &t);
        if (ask(x, "PUT", body_close(&t), "/admin/budgets/%lld", (long long)id))
            print_table(x, x->answer, budget_columns, 10);
        buf_release(&t.b);
    } else
        misuse(x);
}

/* ---- where to ----------------------------------------------------------- */

struct offline {
    struct remote *x;
    remote_fn *fn;
};

static enum status on_control(void *arg, struct control *control,
                              struct err *err)
{
    struct offline *o = arg;
    (void)err;
    o->x->control = control;
    o->fn(o->x);
    o->x->control = NULL;
    return OK;
}

static void run_offline(struct remote *x, remote_fn *fn)
{
    struct offline o = {x, fn};
    struct app *a;
    struct err err;
    // a first tenant or budget may come before the first start; nothing else
    bool makes = word_is(x, 0, "add") && fn != run_key;
    enum status st = makes ? OK : app_expects_ledger(x->c->config, &err);
    if (st == OK)
        st = app_open(x->c->config, false, &a, &err);
    if (st == OK) {
        st = app_offline(a, on_control, &o, &err);
        app_close(&a);
    } else if (st == E_BUSY)
        st = err_set(&err, E_BUSY, "app",
                     "a server uses %s: ask it with --url http://HOST:PORT",
                     x->c->config->data_dir);
    if (st != OK) {
        (void)cli_fail(&err);
        x->exit = 1;
    }
}

static int run(struct cli *c, remote_fn *fn)
{
    struct remote x = {.c = c};
    arena_init(&x.arena, ARENA_MAX);
    buf_init(&x.text, ANSWER_MAX);
    if (cli_get(c, "--url") != NULL)
        fn(&x);
    else
        run_offline(&x, fn);
    buf_release(&x.text);
    arena_release(&x.arena);
    return x.exit;
}

int cli_tenant(struct cli *c)
{
    return run(c, run_tenant);
}

int cli_key(struct cli *c)
{
    return run(c, run_key);
}

int cli_budget(struct cli *c)
{
    return run(c, run_budget);
}

/* config.c - from text to struct config, by one table.
 *
 * All sources are first gathered into one list of (name, value); the first
 * that names a variable wins, and a canonical name wins over its aliases.  An
 * empty value counts as unset.
 *
 * Invariants
 *   C1  a value that is set is used or an error, never passed over in silence
 *       because of a limit, a typing error or an unreadable file
 *   C2  an error is one line, names the variable, and holds no secret
 */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/money.h"

#define FILE_MAX (1u << 20)
#define PAIRS_MAX 16384

enum kind { KIND_STR, KIND_SEC, KIND_INT, KIND_USD };

static const struct variable {
    enum kind kind;
    size_t at; // offset in struct config
    const char *name, *aliases, *dflt;
    int64_t min, max;
    const char *meaning;
} table[] = {
#define X(kind, member, name, aliases, dflt, min, max, text) \
    {KIND_##kind, offsetof(struct config, member),           \
     name,        aliases,                                   \
     dflt,        min,                                       \
     max,         text},
    CONFIG_TABLE(X)
#undef X
};
#define TABLE_N (sizeof table / sizeof *table)

/* Recognised without effect (contract 2). */
static const char *const without_effect[] = {
    "DATABASE_URL", "REDIS_URL",     "DB_PATH",
    "DB_FILENAME",  "DATABASE_PATH", "OPENAI_MODEL",
};

/* Words a variable may have. */
static const struct {
    const char *name, *words;
} words[] = {
    {"CRASH_SETTLE", "hold,input"},
    {"TENANT_AUTH", "key,header"},
    {"LOG_LEVEL", "error,warn,info,debug"},
    {"UNKNOWN_PRICE", "refuse,dearest,free"},
    {"POLICY_DIALECT", "auto,v0,v1"},
    {"CLIENT_GONE", "drain,abort"},
    {"PASSTHROUGH", "safe,all,off"},
    {"PROXY_ERRORS", "native,plain"},
    {"SELF_SERVICE", "0,1,true,false,yes,no,on,off"},
    {"ENV", "production,development,test"},
};

struct pair {
    struct slice name, value;
};

struct pairs {
    struct pair *p;
    int n;
    bool full;
    struct arena *arena;
};

static enum status bad(struct err *err, const char *name, const char *why)
{
    return err_set(err, E_INVALID, "config", "%s: %s", name, why);
}

/* ---- sources ------------------------------------------------------------ */

static void add_pair(struct pairs *ps, struct slice name, struct slice value)
{
    if (name.n == 0 || value.n == 0)
        return;
    if (ps->n == PAIRS_MAX)
        ps->full = true;
    else
        ps->p[ps->n++] = (struct pair){name, value};
}

static void add_env(struct pairs *ps, char *const *env)
{
    for (; *env != NULL; env++) {
        struct slice value = slice_str(*env);
        struct slice name = slice_cut(&value, '=');
        if (value.p != NULL)
            add_pair(ps, name, value);
    }
}

/* True if only a comment, or nothing, is left of a line. */
static bool only_comment(struct slice s)
{
    struct slice rest = slice_trim(s);
    return rest.n == 0 || (rest.p[0] == '#' && rest.p > s.p);
}

/* The value of a line, quotes removed, a comment behind it cut off; `.p` NULL:
 * a quote is not closed, or something is behind it. */
static struct slice unquote(struct slice raw)
{
    struct slice v = slice_trim(raw);
    if (v.n > 0 && (v.p[0] == '"' || v.p[0] == '\'')) {
        struct slice rest = slice_skip(v, 1);
        size_t end = slice_find(rest, v.p[0]);
        if (end == rest.n || !only_comment(slice_skip(rest, end + 1)))
            return (struct slice){NULL, 0};
        return slice(rest.p, end);
    }
    if (only_comment(raw)) // "KEY= # nothing"; "KEY=#x" is a value
        return SLICE("");
    for (size_t i = 1; i < v.n; i++)
        if (v.p[i] == '#' && (v.p[i - 1] == ' ' || v.p[i - 1] == '\t'))
            return slice_trim(slice(v.p, i));
    return v;
}

static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
              (i > 0 && c >= '0' && c <= '9')))
            return false;
    }
    return s.n > 0;
}

static enum status add_text(struct pairs *ps, struct slice text,
                            const char *file, struct err *err)
{
    int line = 0;
    if (slice_starts(text, "\xEF\xBB\xBF")) // byte order mark
        text = slice_skip(text, 3);
    while (text.p != NULL) {
        struct slice l = slice_trim(slice_cut(&text, '\n'));
        line++;
        if (l.n > 0 && l.p[l.n - 1] == '\r')
            l = slice_trim(slice(l.p, l.n - 1));
        if (l.n == 0 || l.p[0] == '#')
            continue;
        if (slice_starts(l, "export "))
            l = slice_trim(slice_skip(l, 7));
        struct slice value = l;
        struct slice name = slice_trim(slice_cut(&value, '='));
        if (value.p == NULL || !is_name(name))
            return err_set(err, E_INVALID, "config",
                           "%s line %d: KEY=VALUE expected", file, line);
        value = unquote(value);
        if (value.p == NULL)
            return err_set(err, E_INVALID, "config",
                           "%s line %d: %.*s: the quotes do not match", file,
                           line, (int)(name.n < 60 ? name.n : 60), name.p);
        add_pair(ps, name, value);
    }
    return OK;
}

static enum status add_file(struct pairs *ps, const char *path, bool must,
                            struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1 && errno == ENOENT && !must)
        return OK;
    if (fd == -1)
        return err_sys(err, errno, "config", "%scannot read %s",
                       must ? "--config: " : "", path);
    char *text = arena_try(ps->arena, FILE_MAX + 1);
    size_t n = 0;
    ssize_t got = 0;
    while (text != NULL && n <= FILE_MAX &&
           (got = read(fd, text + n, FILE_MAX + 1 - n)) != 0) {
        if (got == -1 && errno != EINTR)
            break;
        n += got > 0 ? (size_t)got : 0;
    }
    (void)close(fd);
    if (text == NULL || got == -1)
        return err_set(err, E_INVALID, "config", "cannot read %s", path);
    if (n > FILE_MAX)
        return err_set(err, E_INVALID, "config", "%s is above 1 MiB", path);
    return add_text(ps, slice(text, n), path, err);
}

static struct slice find(const struct pairs *ps, struct slice name)
{
    for (int i = 0; i < ps->n; i++)
        if (slice_eq(ps->p[i].name, name))
            return ps->p[i].value;
    return (struct slice){NULL, 0};
}

/* The value of a variable: its name, then its aliases, then its default. */
static struct slice value_of(const struct pairs *ps, const struct variable *v)
{
    struct slice found = find(ps, slice_str(v->name));
    struct slice rest = slice_str(v->aliases);
    while (found.p == NULL && rest.p != NULL && rest.n > 0)
        found = find(ps, slice_cut(&rest, ','));
    return found.p != NULL ? found : slice_str(v->dflt);
}

/* ---- values ------------------------------------------------------------- */

static bool in_list(const char *list, struct slice s)
{
    struct slice rest = slice_str(list);
    while (rest.p != NULL)
        if (slice_eq(slice_cut(&rest, ','), s))
            return true;
    return false;
}

static enum status check_words(const struct variable *v, struct slice s,
                               struct err *err)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_is(slice_str(v->name), words[i].name) && s.n > 0 &&
            !in_list(words[i].words, s))
            return err_set(err, E_INVALID, "config", "%s: '%.*s' is none of %s",
                           v->name, (int)(s.n < 40 ? s.n : 40), s.p,
                           words[i].words);
    return OK;
}

/* Digits, behind a '-' if `sign`, with a fraction if `point`: the text of an
 * amount or a number has no exponent. */
static bool is_plain(struct slice s, bool sign, bool point)
{
    if (sign && s.n > 1 && s.p[0] == '-')
        s = slice_skip(s, 1);
    for (size_t i = 0; i < s.n; i++)
        if ((s.p[i] < '0' || s.p[i] > '9') && !(point && s.p[i] == '.'))
            return false;
    return s.n > 0;
}

static bool read_usd(struct slice s, int64_t *nano)
{
    return is_plain(s, false, true) && money_usd(s, nano);
}

static enum status set_one(struct config *c, const struct variable *v,
                           struct slice s, struct err *err)
{
    char *at = (char *)c + v->at;
    int64_t n;
    if (v->kind == KIND_STR || v->kind == KIND_SEC) {
        struct slice copy = arena_dup(&c->arena, s);
        if (copy.p == NULL || memchr(copy.p, '\0', copy.n) != NULL)
            return bad(err, v->name, "not usable");
        memcpy(at, &copy.p, sizeof copy.p);
        return check_words(v, s, err);
    }
    if (v->kind == KIND_USD) {
        if (!read_usd(s, &n))
            return bad(err, v->name, "not an amount in USD");
    } else if (!is_plain(s, true, false) || !money_scan(s, 0, &n) ||
               n < v->min || n > v->max)
        return err_set(err, E_INVALID, "config",
                       "%s: a whole number from %lld to %lld expected", v->name,
                       (long long)v->min, (long long)v->max);
    memcpy(at, &n, sizeof n);
    return OK;
}

static enum status set_all(struct config *c, const struct pairs *ps,
                           struct err *err)
{
    for (size_t i = 0; i < TABLE_N; i++) {
        enum status st = set_one(c, &table[i], value_of(ps, &table[i]), err);
        if (st != OK)
            return st;
    }
    return OK;
}

/* ---- budgets ------------------------------------------------------------ */

/* False: full, or two variables say the same (24H and 1D). */
static bool add_budget(struct config *c, struct slice tenant,
                       struct config_period p, int64_t amount, int rank)
{
    for (int i = 0; i < c->budget_count; i++) {
        const struct config_budget *b = &c->budgets[i];
        if (b->rank == rank && b->period == p.period &&
            b->rolling_ms == p.rolling_ms && slice_eq(b->tenant, tenant))
            return false;
    }
    if (c->budget_count == CONFIG_BUDGETS_MAX)
        return false;
    c->budgets[c->budget_count++] = (struct config_budget){
        tenant, p.period, p.rolling_ms, amount, rank, NULL};
    return true;
}

static bool is_date(const char *s, int64_t *ms)
{
    bool date;
    return clock_parse(slice_str(s), ms, &date);
}

/* NULL, or what is wrong with the dates of the custom period. */
static const char *custom_wrong(const struct config *c)
{
    int64_t from, to;
    if (!is_date(c->budget_start_date, &from) ||
        !is_date(c->budget_end_date, &to))
        return "custom needs BUDGET_START_DATE and BUDGET_END_DATE";
    return from > to ? "BUDGET_END_DATE is before BUDGET_START_DATE" : NULL;
}

/* "WEEKLY_ACME" -> period and "ACME"; "ROLLING_24H_USD" -> ... "USD". */
static bool budget_name(struct slice rest, config_period_fn *period,
                        struct config_period *p, struct slice *who)
{
    char name[32];
    for (size_t i = 0; i < rest.n; i++)
        if ((rest.p[i] < 'A' || rest.p[i] > 'Z') &&
            (rest.p[i] < '0' || rest.p[i] > '9') && rest.p[i] != '_')
            return false; // no tenant's name is written so
    struct slice head = slice_cut(&rest, '_');
    if (head.n == 0 || head.n >= 16 || rest.p == NULL)
        return false;
    size_t n = 0;
    for (size_t i = 0; i < head.n; i++)
        name[n++] = (char)(head.p[i] | 0x20);
    if (slice_is(slice(name, n), "rolling")) {
        struct slice width = slice_cut(&rest, '_');
        if (width.n == 0 || width.n > 8 || rest.p == NULL)
            return false;
        name[n++] = ':';
        for (size_t i = 0; i < width.n; i++)
            name[n++] = (char)(width.p[i] | 0x20);
    }
    *who = rest;
    return rest.n > 0 && period(slice(name, n), &p->period, &p->rolling_ms);
}

static bool is_plain_budget(struct slice name)
{
    static const char *const plain[] = {
        "BUDGET_PERIODS",  "BUDGET_PERIOD",   "BUDGET_START_DATE",
        "BUDGET_END_DATE", "BUDGET_TIMEZONE",
    };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (slice_is(name, plain[i]))
            return true;
    return false;
}

static enum status read_budgets(struct config *c, const struct pairs *ps,
                                config_period_fn *period, struct err *err)
{
    for (int i = 0; i < ps->n; i++) {
        struct slice name = ps->p[i].name, who;
        struct config_period p;
        int64_t amount;
        if (!slice_starts(name, "BUDGET_") || is_plain_budget(name) ||
            find(ps, name).p != ps->p[i].value.p)
            continue;
        struct slice shown = arena_dup(&c->arena, name);
        if (!budget_name(slice_skip(name, 7), period, &p, &who))
            return bad(err, shown.p, "not a known budget variable");
        if (!read_usd(ps->p[i].value, &amount))
            return bad(err, shown.p, "not an amount in USD");
        if (p.period == PERIOD_CUSTOM && custom_wrong(c) != NULL)
            return bad(err, shown.p, custom_wrong(c));
        bool all = slice_is(who, "USD");
        if (!add_budget(c, all ? SLICE("") : arena_dup(&c->arena, who), p,
                        amount, all ? 1 : 2))
            return bad(err, shown.p, "another variable means the same");
        c->budgets[c->budget_count - 1].variable = shown.p;
    }
    int64_t amount;
    struct slice monthly = slice_str(c->max_monthly_usd);
    if (monthly.n == 0)
        return OK;
    if (!read_usd(monthly, &amount))
        return bad(err, "MAX_MONTHLY_USD", "not an amount in USD");
    for (int i = 0; i < c->budget_count; i++)
        if (c->budgets[i].rank == 1 && c->budgets[i].period == PERIOD_MONTHLY)
            return OK;
    if (!add_budget(c, SLICE(""), (struct config_period){PERIOD_MONTHLY, 0},
                    amount, 1))
        return bad(err, "MAX_MONTHLY_USD", "too many budgets");
    return OK;
}

static bool period_listed(const struct config *c, const struct config_period *p)
{
    for (int i = 0; i < c->period_count; i++)
        if (c->periods[i].period == p->period &&
            c->periods[i].rolling_ms == p->rolling_ms)
            return true;
    return false;
}

static enum status read_periods(struct config *c, config_period_fn *period,
                                struct err *err)
{
    struct slice rest = slice_str(c->budget_periods);
    while (rest.p != NULL) {
        struct slice name = slice_trim(slice_cut(&rest, ','));
        struct config_period p;
        if (name.n == 0)
            continue;
        if (!period(name, &p.period, &p.rolling_ms) ||
            (p.period == PERIOD_ROLLING && p.rolling_ms == 0))
            return err_set(err, E_INVALID, "config",
                           "BUDGET_PERIODS: unknown period '%.*s'",
                           (int)(name.n < 40 ? name.n : 40), name.p);
        if (p.period == PERIOD_CUSTOM && custom_wrong(c) != NULL)
            return bad(err, "BUDGET_PERIODS", custom_wrong(c));
        if (period_listed(c, &p))
            continue;
        if (c->period_count == 64)
            return bad(err, "BUDGET_PERIODS", "too many periods");
        c->periods[c->period_count++] = p;
    }
    int64_t amount;
    struct slice dflt = slice_str(c->default_budget_usd);
    if (slice_is(dflt, "none"))
        return OK;
    if (!read_usd(dflt, &amount))
        return bad(err, "DEFAULT_BUDGET_USD", "not an amount in USD or none");
    for (int i = 0; i < c->period_count; i++)
        if (!add_budget(c, SLICE(""), c->periods[i], amount, 0))
            return bad(err, "BUDGET_PERIODS", "too many budgets");
    return OK;
}

/* ---- rules across variables --------------------------------------------- */

static enum status check_together(struct config *c, const struct pairs *ps,
                                  struct err *err)
{
    if ((c->tls_cert_file[0] == '\0') != (c->tls_key_file[0] == '\0'))
        return bad(err, "TLS_CERT_FILE", "needs TLS_KEY_FILE, and the reverse");
    if (c->clock_offset_s != 0 && !slice_is(slice_str(c->env), "development"))
        return bad(err, "CLOCK_OFFSET_S", "only with ENV=development");
    if (c->default_api_key[0] != '\0' && slice_str(c->default_api_key).n < 16)
        return bad(err, "DEFAULT_API_KEY", "at least 16 characters");
    struct slice ldap = find(ps, SLICE("USE_LDAP"));
    bool off = slice_eq_nocase(ldap, SLICE("0")) ||
               slice_eq_nocase(ldap, SLICE("false")) ||
               slice_eq_nocase(ldap, SLICE("no")) ||
               slice_eq_nocase(ldap, SLICE("off"));
    if (ldap.p != NULL && !off)
        return bad(err, "USE_LDAP",
                   "not supported: put an authenticating proxy in front and "
                   "set TRUSTED_PROXIES");
    for (size_t i = 0; i < sizeof without_effect / sizeof *without_effect; i++)
        if (find(ps, slice_str(without_effect[i])).p != NULL)
            c->ignored[c->ignored_count++] = without_effect[i];
    for (int i = 0; i < ps->n; i++)
        if (slice_starts(ps->p[i].name, "VITE_")) {
            c->ignored[c->ignored_count++] = "VITE_*";
            break;
        }
    if (c->rate_limit_burst < 0)
        c->rate_limit_burst = c->rate_limit_rpm;
    if (c->ingest_rpm < 0)
        c->ingest_rpm = c->rate_limit_rpm;
    if (c->ingest_burst < 0)
        c->ingest_burst = c->rate_limit_burst;
    return OK;
}

enum status config_load(const char *file, char *const *env,
                        config_period_fn *period, struct config **out,
                        struct err *err)
{
    struct config *c = xcalloc(1, sizeof *c);
    arena_init(&c->arena, 64u << 20);
    c->budgets =
        arena_alloc(&c->arena, CONFIG_BUDGETS_MAX * sizeof *c->budgets);
    c->periods = arena_alloc(&c->arena, 64 * sizeof *c->periods);
    struct pairs ps = {.arena = &c->arena};
    ps.p = arena_alloc(&c->arena, PAIRS_MAX * sizeof *ps.p);
    add_env(&ps, env);
    enum status st = OK;
    if (file != NULL)
        st = add_file(&ps, file, true, err);
    else {
        st = add_file(&ps, ".env.local", false, err);
        if (st == OK)
            st = add_file(&ps, ".env", false, err);
    }
    if (st == OK && ps.full)
        st = err_set(err, E_INVALID, "config", "above %d variables", PAIRS_MAX);
    if (st == OK)
        st = set_all(c, &ps, err);
    if (st == OK)
        st = read_budgets(c, &ps, period, err);
    if (st == OK)
        st = read_periods(c, period, err);
    if (st == OK)
        st = check_together(c, &ps, err);
    if (st != OK) {
        for (char *p = err != NULL ? err->text : NULL; p != NULL && *p; p++)
            if ((unsigned char)*p < 0x20 || *p == 0x7F)
                *p = '?';
        config_free(&c);
    }
    *out = c;
    return st;
}

void config_free(struct config **c)
{
    if (*c == NULL)
        return;
    for (size_t i = 0; i < TABLE_N; i++) {
        char *secret;
        memcpy(&secret, (char *)*c + table[i].at, sizeof secret);
        if (table[i].kind == KIND_SEC && secret != NULL)
            explicit_bzero(secret, strlen(secret));
    }
    arena_release(&(*c)->arena);
    free(*c);
    *c = NULL;
}

/* The default in force: of what follows another variable, that one's value. */
static const char *default_text(const struct config *c,
                                const struct variable *v, char text[24])
{
    int64_t n;
    if (strcmp(v->dflt, "-1") != 0)
        return v->dflt;
    if (strcmp(v->name, "INGEST_BURST") == 0)
        n = c->rate_limit_burst;
    else
        n = c->rate_limit_rpm;
    (void)snprintf(text, 24, "%lld", (long long)n);
    return text;
}

void config_each(const struct config *c,
                 void (*fn)(void *arg, const struct config_value *v), void *arg)
{
    for (size_t i = 0; i < TABLE_N; i++) {
        const struct variable *v = &table[i];
        const char *at = (const char *)c + v->at, *s;
        char number[MONEY_TEXT], dflt[24];
        if (v->kind == KIND_INT || v->kind == KIND_USD) {
            int64_t n;
            memcpy(&n, at, sizeof n);
            if (v->kind == KIND_USD)
                money_format(n, number);
            else
                (void)snprintf(number, sizeof number, "%lld", (long long)n);
            s = number;
        } else
            memcpy(&s, at, sizeof s);
        bool secret = v->kind == KIND_SEC;
        fn(arg, &(struct config_value){.name = v->name,
                                       .meaning = v->meaning,
                                       .dflt = default_text(c, v, dflt),
                                       .text = secret ? "" : s,
                                       .secret = secret,
                                       .set = s[0] != '\0'});
    }
}

static void print_one(void *arg, const struct config_value *v)
{
    struct buf *out = arg;
    buf_printf(out, "%-28s %s%s%s\n", v->name,
               !v->set     ? "(unset)"
               : v->secret ? "(set)"
                           : v->text,
               v->meaning[0] != '\0' ? "  # " : "", v->meaning);
}

void config_print(const struct config *c, struct buf *out)
{
    config_each(c, print_one, out);
    for (int i = 0; i < c->budget_count; i++) {
        char usd[MONEY_TEXT];
        money_format(c->budgets[i].amount, usd);
        if (c->budgets[i].variable != NULL)
            buf_printf(out, "%-28s %s\n", c->budgets[i].variable, usd);
    }
}

void config_help(struct buf *out)
{
    for (size_t i = 0; i < TABLE_N; i++)
        buf_printf(out, "  %-28s %s%s%s%s\n", table[i].name, table[i].meaning,
                   table[i].dflt[0] != '\0' ? " [" : "", table[i].dflt,
                   table[i].dflt[0] != '\0' ? "]" : "");
    buf_str(out, "  BUDGET_<PERIOD>_USD          amount of a period for every "
                 "tenant: BUDGET_DAILY_USD=5,\n"
                 "                               BUDGET_ROLLING_24H_USD=5\n"
                 "  BUDGET_<PERIOD>_<TENANT>     the same for one tenant, "
                 "upper case\n");
}

/* adopt.c - budgetguard import: what the predecessors kept; see cli.h.
 *
 * Usage becomes ledger rows with the cost the file names, to the
 * nano-dollar, at the time the file names, charged to today's budgets like
 * pushed usage.  Each row has an event id made of its number and a hash of
 * its content under a tracking token of its own, so a second run books
 * nothing twice and two files with the same numbers do not hide each other.
 * Keys, tenants, budgets, tags and prices that are there already stay as
 * they are.
 */
#include "app/adopt.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/money.h"
#include "control/inside.h"
#include "ledger/foreign.h"
#include "ledger/issue.h"
#include "ledger/names.h"
#include "ledger/query.h"
#include "ledger/rows.h"

#define ARENA_MAX ((size_t)4 << 30)
#define TOKENS_MAX INT64_C(1000000000000)
#define KEY_MIN 16

static const struct actor who = {{"import", 6}};

/* ---- the report --------------------------------------------------------- */

void adopt_skip(struct adopt *x, const char *what, const char *why)
{
    for (int i = 0; i < x->reason_count; i++)
        if (strcmp(x->reasons[i].what, what) == 0 &&
            strcmp(x->reasons[i].why, why) == 0) {
            x->reasons[i].n++;
            return;
        }
    if (x->reason_count < REASONS)
        x->reasons[x->reason_count++] = (struct reason){what, why, 1};
}

/* Ends a kind of thing: says how many came, and begins anew. */
void adopt_report(struct adopt *x, const char *what)
{
    if (x->done > 1000)
        cli_progress(what, 1, 1);
    printf("%-16s %lld imported, %lld there already\n", what,
           (long long)x->fresh, (long long)x->there);
    for (int i = 0; i < x->reason_count; i++)
        if (strcmp(x->reasons[i].what, what) == 0)
            printf("%-16s %lld NOT imported: %s\n", what,
                   (long long)x->reasons[i].n, x->reasons[i].why);
    x->done = x->fresh = x->there = 0;
}

void adopt_tick(struct adopt *x, const char *what)
{
    if (++x->done % 1000 == 0)
        cli_progress(what, x->done, 0);
}

/* ---- values ------------------------------------------------------------- */

/* Digits with at most one point: their value without it, and how many stand
 * behind it.  Returns what was read; 0: no number, or too long a one. */
static size_t read_digits(struct slice s, unsigned __int128 *m, int *behind)
{
    size_t i = 0;
    int digits = 0;
    bool dot = false;
    *m = 0;
    *behind = 0;
    for (; i < s.n && (s.p[i] == '.' || (s.p[i] >= '0' && s.p[i] <= '9'));
         i++) {
        if (s.p[i] == '.' && dot)
            return 0;
        if (s.p[i] == '.') {
            dot = true;
            continue;
        }
        if (++digits > 36) // 10^36 fits into 128 bits
            return 0;
        *m = *m * 10 + (unsigned)(s.p[i] - '0');
        *behind += dot;
    }
    return digits > 0 ? i : 0;
}

/* `m` times 10 to the `e`, half up; false: more than an amount may be. */
static bool scale(unsigned __int128 m, int64_t e, int64_t *out, bool *rounded)
{
    for (; e > 0 && m > 0; e--) {
        if (m > (unsigned __int128)MONEY_MAX)
            return false;
        m *= 10;
    }
    for (; e < 0 && m > 0; e++) {
        unsigned last = (unsigned)(m % 10);
        *rounded = *rounded || last != 0;
        // of all the digits cut off the first alone decides
        m = m / 10 + (e == -1 && last >= 5);
    }
    if (m > (unsigned __int128)MONEY_MAX)
        return false;
    *out = (int64_t)m;
    return true;
}

/* Decimal text, also with an exponent, as nano-dollars. */
static bool read_usd(struct slice s, int64_t *nano, bool *rounded)
{
    unsigned __int128 m;
    int64_t e = 0;
    int behind;
    size_t n = read_digits(s, &m, &behind);
    if (n == 0)
        return false;
    if (n < s.n) {
        struct slice rest = slice_skip(s, n + 1);
        if (s.p[n] != 'e' && s.p[n] != 'E')
            return false;
        if (rest.n > 0 && rest.p[0] == '+')
            rest = slice_skip(rest, 1);
        if (!money_scan(rest, 0, &e) || e < -400 || e > 400)
            return false;
    }
    return scale(m, e + 9 - behind, nano, rounded);
}

/* "2026-11-20 20:10:53", RFC 3339, or an epoch in seconds or ms. */
static bool read_time(struct slice s, int64_t *ms)
{
    char text[40];
    bool date;
    if (s.n == 0 || s.n >= sizeof text)
        return false;
    memcpy(text, s.p, s.n);
    if (s.n > 10 && text[4] == '-' && text[10] == ' ')
        text[10] = 'T';
    struct slice t = slice(text, s.n);
    if (s.n > 4 && text[4] == '-') {
        bool zone = text[s.n - 1] == 'Z' ||
                    (s.n > 16 && (memchr(text + 16, '+', s.n - 16) != NULL ||
                                  memchr(text + 16, '-', s.n - 16) != NULL));
        if (!zone && s.n > 10 && s.n + 1 < sizeof text) {
            text[s.n] = 'Z'; // they wrote UTC without saying so
            t.n++;
        }
        return clock_parse(t, ms, &date);
    }
    if (!money_scan(t, 3, ms) || *ms < 0)
        return false;
    if (*ms / 1000 > INT64_C(100000000000))
        *ms /= 1000; // milliseconds already
    return true;
}

static bool read_count(struct slice s, int64_t *n)
{
    *n = 0;
    return s.n == 0 || (money_scan(s, 0, n) && *n >= 0 && *n <= TOKENS_MAX);
}

bool adopt_text(struct slice s, size_t max)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    return s.n > 0 && s.n <= max && json_utf8_ok(s);
}

/* ---- usage -------------------------------------------------------------- */

static enum provider_id provider_of(struct adopt *x, const struct use *u,
                                    int64_t ts)
{
    const struct control_conf *conf = control_conf(x->control);
    enum provider_id p =
        (enum provider_id)names_parse(NAMES_PROVIDER, u->provider);
    if (p != PROVIDER_NONE)
        return p;
    const struct snapshot *s = catalog_ref(conf->catalog);
    const struct price *found =
        book_find(snapshot_book(s), PROVIDER_NONE, u->model, ts);
    p = found != NULL ? found->provider
                      : (enum provider_id)names_parse(
                            NAMES_PROVIDER, slice_str(conf->config->provider));
    snapshot_unref(&s);
    return p;
}

/* "b-17-<16 hex>": the row's number and what it says. */
static struct slice event_id(const struct use *u, char out[static 96])
{
    uint8_t hash[CRYPT_HASH];
    char hex[2 * CRYPT_HASH + 1];
    static const uint8_t none[CRYPT_HASH];
    const struct slice parts[] = {u->model,  u->ts,         u->cost,
                                  u->prompt, u->completion, u->tenant};
    memcpy(hash, none, sizeof hash);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        crypt_chain(hash, parts[i], hash);
    crypt_hex(hash, 8, hex);
    int n = snprintf(out, 96, "%c-%.*s-%s", u->kind,
                     u->id.n < 40 ? (int)u->id.n : 40,
                     u->id.p != NULL ? u->id.p : "", hex);
    return slice(out, n > 0 ? (size_t)n : 0);
}

/* Figures of a row; false: `why` it is left out. */
static bool read_use(struct adopt *x, const struct use *u, struct event *e,
                     const char **why)
{
    int64_t total;
    bool rounded = false;
    *why = NULL;
    if (!adopt_text(u->model, 200))
        *why = "no model";
    else if (!read_time(u->ts, &e->ts_ms) ||
             e->ts_ms > clock_now_ms() + INT64_C(86400000))
        *why = "no time, or one to come";
    else if (!read_count(u->prompt, &e->usage.input) ||
             !read_count(u->completion, &e->usage.output) ||
             !read_count(u->total, &total))
        *why = "token counts that are none";
    else if (u->cost.n > 0 && !read_usd(u->cost, &e->usd, &rounded))
        *why = "a cost that is none, or negative";
    if (*why != NULL)
        return false;
    if (total > e->usage.input + e->usage.output)
        e->usage.output = total - e->usage.input;
    x->rounded += rounded;
    x->unpriced += u->cost.n == 0;
    return true;
}

enum status adopt_use(struct adopt *x, const struct use *u, struct err *err)
{
    char id[96], seen[160];
    const char *why;
    bool before = false;
    struct event e = {.kind = EVENT_USAGE,
                      .tenant_id = u->tenant_id,
                      .key_id = u->key_id,
                      .tenant = u->tenant,
                      .route = adopt_text(u->route, 200) ? u->route
                                                         : SLICE("/import"),
                      .method = SLICE("POST"),
                      .model = u->model,
                      .status = EVENT_SUCCESS,
                      .basis = BASIS_CLIENT,
                      .ttft_ms = -1,
                      .ingest_token_id = u->token_id};
    adopt_tick(x, "usage");
    if (!read_use(x, u, &e, &why)) {
        adopt_skip(x, "usage", why);
        return OK;
    }
    e.event_id = event_id(u, id);
    if (!adopt_text(e.event_id, 128)) {
        adopt_skip(x, "usage", "an id that is none");
        return OK;
    }
    if (u->session.n > 0 && adopt_text(u->session, 200))
        e.session = u->session;
    if (u->status.n > 0) {
        e.status = (enum event_status)names_parse(NAMES_STATUS, u->status);
        if (e.status == EVENT_NONE)
            e.status = EVENT_SUCCESS;
    }
    e.usage.by = METERED_INGEST;
    e.provider = provider_of(x, u, e.ts_ms);
    enum status st =
        u->token_id == 0
            ? OK
            : rows_ingest_seen(x->db, u->token_id, e.event_id, &before, err);
    if (st != OK || before || x->dry) {
        x->there += st == OK && before;
        x->fresh += st == OK && !before;
        return st;
    }
    crypt_request_id(clock_now_ms(), e.request_id);
    int n = snprintf(seen, sizeof seen, "ingest:%lld:%.*s",
                     (long long)u->token_id, SLICE_FMT(e.event_id));
    do { // the outbox takes no more for a moment: the writer is behind
        st = query_book(x->db, &e, slice(seen, (size_t)n), err);
        if (st == E_TOO_BIG)
            (void)usleep(10000);
    } while (st == E_TOO_BIG);
    x->there += st == E_EXISTS;
    x->fresh += st == OK;
    return st == E_EXISTS ? OK : st;
}

/* ---- tenants, tokens, keys ---------------------------------------------- */

/* The tenant of that name, made if it is not there (a dry run makes none). */
enum status adopt_tenant(struct adopt *x, struct slice name,
                         enum tenant_origin origin, int64_t *id,
                         struct err *err)
{
    const struct snapshot *s = catalog_ref(control_conf(x->control)->catalog);
    const struct tenant *t = snapshot_tenant_by_name(s, name);
    *id = t != NULL ? t->id : 0;
    snapshot_unref(&s);
    return *id != 0 || x->dry
               ? OK
               : rows_tenant_ensure(x->db, name, origin, INT64_MAX, id, err);
}

static struct slice ingest_tenant(struct adopt *x)
{
    const char *named = cli_get(x->c, "--tenant");
    return named != NULL ? slice_str(named) : SLICE("ingest");
}

/* The tracking token with this text or label; made, and inactive, if there is
 * none.  `*fresh`: it was made. */
enum status adopt_token(struct adopt *x, struct slice label, struct slice token,
                        bool active, int64_t *id, bool *fresh, struct err *err)
{
    struct ingest_row *rows, t = {.label = label, .token = token};
    char made[CRYPT_TOKEN_TEXT];
    int n = 0;
    *fresh = false;
    *id = 0;
    enum status st = rows_ingest_list(x->db, &x->arena, token, &rows, &n, err);
    for (int i = 0; i < n && st == OK; i++)
        if (token.n > 0 ? slice_eq(rows[i].token, token)
                        : slice_eq(rows[i].label, label))
            *id = rows[i].id;
    if (st != OK || *id != 0 || x->dry) {
        *fresh = st == OK && *id == 0;
        return st;
    }
    st = adopt_tenant(x, ingest_tenant(x), ORIGIN_INGEST, &t.tenant_id, err);
    if (token.n == 0) {
        crypt_token(made);
        t.token = slice_str(made);
    }
    if (st == OK)
        st = rows_ingest_add(x->db, who, &t, err);
    if (st == OK && !active)
        st = rows_ingest_active(x->db, who, t.id, false, err);
    *id = t.id;
    *fresh = st == OK;
    return st;
}

void adopt_remember(struct adopt *x, struct slice id, struct slice name,
                    int64_t tenant, int64_t key, int64_t token)
{
    struct known **at = &x->known[crypt_table_hash(id) % BUCKETS];
    struct known *k = arena_alloc(&x->arena, sizeof *k);
    *k = (struct known){
        *at,  arena_dup(&x->arena, id), arena_dup(&x->arena, name), tenant, key,
        token};
    *at = k;
}

const struct known *adopt_recall(const struct adopt *x, struct slice id)
{
    const struct known *k =
        id.n > 0 ? x->known[crypt_table_hash(id) % BUCKETS] : NULL;
    while (k != NULL && !slice_eq(k->id, id))
        k = k->next;
    return k;
}

/* ---- B ------------------------------------------------------------------ */

static bool is_true(struct slice s)
{
    return s.n == 0 || slice_is(s, "1") || slice_is(s, "true");
}

static enum status b_token(void *arg, const struct slice *v, struct err *err)
{
    struct adopt *x = arg;
    int64_t id = 0;
    bool fresh = false;
    adopt_tick(x, "tracking tokens");
    if (!adopt_text(v[1], 200) || !adopt_text(v[2], 64)) {
        adopt_skip(x, "tracking tokens", "no token or label");
        return OK;
    }
    enum status st =
        adopt_token(x, v[2], v[1], is_true(v[3]), &id, &fresh, err);
    if (st == E_EXISTS) {
        adopt_skip(x, "tracking tokens", "another token has that label");
        return OK;
    }
    x->fresh += st == OK && fresh;
    x->there += st == OK && !fresh;
    adopt_remember(x, v[0], v[2], 0, 0, id);
    return st;
}

static enum status b_use(void *arg, const struct slice *v, struct err *err)
{
    struct adopt *x = arg;
    const struct known *k = adopt_recall(x, v[7]);
    struct use u = {.id = v[0],
                    .model = v[1],
                    .ts = v[2],
                    .cost = v[3],
                    .prompt = v[4],
                    .completion = v[5],
                    .total = v[6],
                    .kind = 'b'};
    u.token_id = k != NULL && k->token_id != 0 ? k->token_id : x->token_id;
    u.tenant = ingest_tenant(x);
    enum status st =
        adopt_tenant(x, u.tenant, ORIGIN_INGEST, &u.tenant_id, err);
    return st == OK ? adopt_use(x, &u, err) : st;
}

static enum status need(bool found, const char *what, struct err *err)
{
    return found
               ? OK
               : err_set(err, E_CORRUPT, "import", "the file has no %s", what);
}

static enum status import_b(struct adopt *x, const char *file, struct err *err)
{
    static const char *const tokens[] = {"!id", "!token|tracking_token",
                                         "!label|name", "active|is_active",
                                         "^model"};
    static const char *const uses[] = {
        "!id",
        "!model",
        "!timestamp|created_at|ts",
        "!estimatedCostUSD|estimated_cost_usd|cost_usd|cost",
        "!promptTokens|prompt_tokens",
        "!completionTokens|completion_tokens",
        "totalTokens|total_tokens",
        "ingest_token_id|token_id|tracking_token_id"};
    struct foreign *f = NULL;
    bool found = false, fresh;
    enum status st = foreign_open(file, &f, err);
    if (st == OK)
        st = adopt_token(x, SLICE("import b"), slice(NULL, 0), false,
                         &x->token_id, &fresh, err);
    if (st == OK)
        st = foreign_each(f, tokens, 5, b_token, x, &found, err);
    if (st == OK && found)
        adopt_report(x, "tracking tokens");
    if (st == OK)
        st = foreign_each(f, uses, 8, b_use, x, &found, err);
    if (st == OK)
        st = need(found, "table of usage", err);
    if (st == OK)
        adopt_report(x, "usage");
    foreign_close(&f);
    return st;
}

/* ---- C ------------------------------------------------------------------ */

static enum status c_key(void *arg, const struct slice *v, struct err *err)
{
    struct adopt *x = arg;
    struct key_row k = {.name = v[3]};
    struct slice token = v[1];
    adopt_tick(x, "keys");
    if (!adopt_text(token, 200) || token.n < KEY_MIN ||
        !adopt_text(v[2], 128)) {
        adopt_skip(x, "keys", "shorter than 16 characters, or without a user");
        return OK;
    }
    enum status st = adopt_tenant(x, v[2], ORIGIN_ISSUED, &k.tenant_id, err);
    crypt_keyed(control_conf(x->control)->secret, token, k.hash);
    memcpy(k.first4, token.p, 4);
    memcpy(k.last4, token.p + token.n - 4, 4);
    if (st == OK && !x->dry)
        st = rows_key_add(x->db, who, &k, err);
    if (st == E_EXISTS) {
        st = issue_find(x->db, k.hash, 0, &k.id, &k.tenant_id, err);
        x->there++;
    } else if (st == OK) {
        x->fresh++;
        if (!is_true(v[4]) || (v[5].n > 0 && !slice_is(v[5], "0")))
            st = x->dry ? OK : rows_key_revoke(x->db, who, k.id, NULL, err);
    }
    adopt_remember(x, token, v[2], k.tenant_id, k.id, 0);
    if (v[0].n > 0)
        adopt_remember(x, v[0], v[2], k.tenant_id, k.id, 0);
    return st;
}

static enum status c_use(void *arg, const struct slice *v, struct err *err)
{
    struct adopt *x = arg;
    const struct known *k = adopt_recall(x, v[7]);
    if (k == NULL) {
        adopt_tick(x, "usage");
        adopt_skip(x, "usage", "of a key that the file does not have");
        return OK;
    }
    const struct use u = {.id = v[0],
                          .model = v[1],
                          .ts = v[2],
                          .cost = v[3],
                          .prompt = v[4],
                          .completion = v[5],
                          .total = v[6],
                          .tenant = k->name,
                          .tenant_id = k->tenant_id,
                          .key_id = k->key_id,
                          .token_id = x->token_id,
                          .kind = 'c'};
    return adopt_use(x, &u, err);
}

static enum status import_c(struct adopt *x, const char *file, struct err *err)
{
    static const char *const keys[] = {
        "id",    "!token|key|api_key",       "!label|username|user|name",
        "note",  "active|is_active|enabled", "revoked|revoked_at|is_revoked",
        "^model"};
    static const char *const uses[] = {
        "!id",
        "!model",
        "!created_at|timestamp|ts",
        "!cost|cost_usd|usd",
        "!prompt_tokens|promptTokens|input_tokens",
        "!completion_tokens|completionTokens|output_tokens",
        "total_tokens|totalTokens",
        "!token|key|api_key|token_id|key_id"};
    struct foreign *f = NULL;
    bool found = false, fresh;
    enum status st = foreign_open(file, &f, err);
    if (st == OK)
        st = adopt_token(x, SLICE("import c"), slice(NULL, 0), false,
                         &x->token_id, &fresh, err);
    if (st == OK)
        st = foreign_each(f, keys, 7, c_key, x, &found, err);
    if (st == OK)
        st = need(found, "table of keys", err);
    if (st == OK) {
        adopt_report(x, "keys");
        st = foreign_each(f, uses, 8, c_use, x, &found, err);
    }
    if (st == OK && found)
        adopt_report(x, "usage");
    foreign_close(&f);
    return st;
}

static enum status on_control(void *arg, struct control *control,
                              struct err *err)
{
    struct adopt *x = arg;
    const char *kind = x->c->word[0], *file = x->c->word[1];
    x->control = control;
    x->db = control_conf(control)->db;
    enum status st = kind[0] == 'a'   ? adopt_core(x, file, err)
                     : kind[0] == 'b' ? import_b(x, file, err)
                                      : import_c(x, file, err);
    if (st == OK && x->rounded > 0)
        printf("%lld costs had more than nine decimals and were rounded to "
               "nano-dollars\n",
               (long long)x->rounded);
    if (st == OK && x->unpriced > 0)
        printf("%lld rows had no cost and were booked with 0\n",
               (long long)x->unpriced);
    return st;
}

int cli_import(struct cli *c)
{
    struct adopt *x = xcalloc(1, sizeof *x);
    const char *kind = c->word[0];
    struct app *a;
    struct err err;
    x->c = c;
    x->dry = cli_flag(c, "--dry-run");
    if (strlen(kind) != 1 || kind[0] < 'a' || kind[0] > 'c') {
        free(x);
        return cli_misuse(c);
    }
    enum status st = app_open(c->config, false, &a, &err);
    if (st == E_BUSY)
        st = err_set(&err, E_BUSY, "app", "a server uses %s; stop it first",
                     c->config->data_dir);
    if (st == OK) {
        arena_init(&x->arena, ARENA_MAX);
        st = app_offline(a, on_control, x, &err);
        arena_release(&x->arena);
        app_close(&a);
    }
    if (st != OK)
        (void)cli_fail(&err);
    else if (x->dry)
        puts("nothing was changed: --dry-run");
    free(x);
    return st != OK;
}

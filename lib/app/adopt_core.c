/* adopt_core.c - A's tenants, budgets, tags, prices and rows; see adopt.c.
 *
 * Things are made through the admin API's own handlers, so what it refuses
 * is refused here with its texts.
 */
#include "app/adopt.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "control/inside.h"
#include "ledger/rows.h"

#define FILE_MAX_BYTES ((size_t)1 << 30)

/* ---- A ------------------------------------------------------------------ */

/* Makes something through the admin API.  True: it was made or is there. */
static bool make(struct adopt *x, const char *what, const char *path,
                 struct buf *body, const char *there)
{
    struct buf out;
    struct json *v = NULL;
    struct err err;
    bool good = false;
    adopt_tick(x, what);
    if (x->dry) {
        x->fresh++;
        return true;
    }
    buf_init(&out, 1u << 20);
    int status = inside_call(x->control, SLICE("POST"), slice_str(path),
                             SLICE(""), buf_get(body), &out);
    if (json_parse(&x->arena, buf_get(&out), &v, &err) != OK)
        v = NULL;
    struct slice text = json_text(json_get(v, "error"), SLICE(""));
    if (status >= 200 && status < 300) {
        x->fresh++;
        good = true;
    } else if (slice_starts(text, there)) {
        x->there++;
        good = true;
    } else {
        struct slice why = json_text(json_get(v, "message"), text);
        why = arena_printf(&x->arena, "%.*s", SLICE_FMT(why));
        adopt_skip(x, what, why.p != NULL ? why.p : "refused");
    }
    buf_release(&out);
    return good;
}

/* Copies a member as it is: strings, numbers, null. */
static void carry(struct json_out *o, const struct json *v, const char *from,
                  const char *to)
{
    const struct json *m = json_get(v, from);
    if (m == NULL || m->type == JSON_NULL)
        return;
    if (m->type == JSON_STRING)
        json_kstr(o, to, m->text);
    else if (m->type == JSON_NUMBER) {
        json_key(o, to);
        json_raw(o, m->text);
    }
}

/* The list of that name: an array, or an answer that has it as "data". */
static const struct json *list_of(const struct json *v, const char *name)
{
    const struct json *l = json_get(v, name);
    if (l != NULL && l->type == JSON_OBJECT)
        l = json_get(l, "data");
    return l != NULL && l->type == JSON_ARRAY ? l->child : NULL;
}

static struct slice id_text(const struct json *v, const char *key)
{
    const struct json *m = json_get(v, key);
    return m != NULL && (m->type == JSON_NUMBER || m->type == JSON_STRING)
               ? m->text
               : slice(NULL, 0);
}

static void body_open(struct buf *b, struct json_out *o)
{
    buf_init(b, 1u << 16);
    json_out_init(o, b);
    json_obj(o);
}

static void a_tenants(struct adopt *x, const struct json *file)
{
    for (const struct json *t = list_of(file, "tenants"); t != NULL;
         t = t->next) {
        struct slice name = json_text(json_get(t, "name"), SLICE(""));
        struct buf b;
        struct json_out o;
        int64_t id = 0;
        struct err err;
        body_open(&b, &o);
        json_kstr(&o, "name", name);
        carry(&o, t, "rateLimitPerMin", "rateLimitPerMin");
        carry(&o, t, "defaultSessionBudgetUsd", "defaultSessionBudgetUsd");
        json_obj_end(&o);
        bool dry = x->dry; // only looked up, not made
        if (make(x, "tenants", "/admin/tenant", &b, "Tenant already exists")) {
            x->dry = true;
            enum status st = adopt_tenant(x, name, ORIGIN_ADMIN, &id, &err);
            x->dry = dry;
            if (st == OK)
                adopt_remember(x, id_text(t, "id"), name, id, 0, 0);
        }
        buf_release(&b);
    }
    adopt_report(x, "tenants");
}

static void budget_body(struct json_out *o, const struct json *v)
{
    static const char *const same[] = {"period", "startDate", "endDate",
                                       "window", "mode",      "inheritanceMode",
                                       "weight"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        carry(o, v, same[i], same[i]);
    carry(o, v, "amountUsd", "amountUsd");
}

static void a_budgets(struct adopt *x, const struct json *file)
{
    for (const struct json *v = list_of(file, "budgets"); v != NULL;
         v = v->next) {
        const struct known *t = adopt_recall(x, id_text(v, "tenantId"));
        struct buf b;
        struct json_out o;
        char id[24];
        if (t == NULL) {
            adopt_skip(x, "budgets", "of a tenant that the file does not have");
            continue;
        }
        (void)snprintf(id, sizeof id, "%lld", (long long)t->tenant_id);
        body_open(&b, &o);
        json_key(&o, "scope");
        json_obj(&o);
        json_kstr(&o, "kind", SLICE("tenant"));
        json_kstr(&o, "id", slice_str(id));
        json_obj_end(&o);
        budget_body(&o, v);
        json_obj_end(&o);
        (void)make(x, "budgets", "/admin/budgets", &b, "Budget already exists");
        buf_release(&b);
    }
    adopt_report(x, "budgets");
}

/* The id here of a tag of that name; 0: none. */
static int64_t tag_id(struct adopt *x, int64_t tenant, struct slice name,
                      const struct tag_row **list, int *n)
{
    struct tag_row *rows = NULL;
    struct err err;
    *n = 0;
    if (rows_tags(x->db, &x->arena, tenant, &rows, n, &err) != OK)
        return 0;
    if (list != NULL)
        *list = rows;
    for (int i = 0; i < *n; i++)
        if (slice_eq(rows[i].name, name))
            return rows[i].id;
    return 0;
}

static void a_tag(struct adopt *x, const struct json *v, const struct known *t,
                  const struct json *all)
{
    static const char *const same[] = {"name", "description", "color",
                                       "sessionBudgetUsd"};
    struct slice parent = id_text(v, "parentId");
    struct buf b;
    struct json_out o;
    char path[64];
    int n;
    body_open(&b, &o);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        carry(&o, v, same[i], same[i]);
    for (const struct json *p = all; p != NULL && parent.n > 0; p = p->next)
        if (slice_eq(id_text(p, "id"), parent)) {
            int64_t id =
                tag_id(x, t->tenant_id,
                       json_text(json_get(p, "name"), SLICE("")), NULL, &n);
            if (id != 0)
                json_knum(&o, "parentId", id);
        }
    json_obj_end(&o);
    (void)snprintf(path, sizeof path, "/admin/tenant/%lld/tags",
                   (long long)t->tenant_id);
    (void)make(x, "tags", path, &b, "Tag name already exists");
    buf_release(&b);
}

static void a_tags(struct adopt *x, const struct json *file)
{
    const struct json *all = list_of(file, "tags");
    for (int64_t level = 0; level < 32; level++) // parents first
        for (const struct json *v = all; v != NULL; v = v->next) {
            const struct known *t = adopt_recall(x, id_text(v, "tenantId"));
            int64_t at = 0;
            if (!json_i64(json_get(v, "level"), &at) || at < 0)
                at = 0;
            if (at != level)
                continue;
            if (t == NULL)
                adopt_skip(x, "tags",
                           "of a tenant that the file does not have");
            else
                a_tag(x, v, t, all);
        }
    adopt_report(x, "tags");
}

static void a_tag_budgets(struct adopt *x, const struct json *file)
{
    for (const struct json *v = list_of(file, "tagBudgets"); v != NULL;
         v = v->next) {
        const struct json *g = json_get(v, "tag");
        const struct known *t = adopt_recall(x, id_text(g, "tenantId"));
        struct buf b;
        struct json_out o;
        char path[96];
        int n;
        int64_t tag =
            t == NULL
                ? 0
                : tag_id(x, t->tenant_id,
                         json_text(json_get(g, "name"), SLICE("")), NULL, &n);
        if (tag == 0 && !x->dry) {
            adopt_skip(x, "tag budgets",
                       "of a tag that the file does not have");
            continue;
        }
        body_open(&b, &o);
        budget_body(&o, v);
        json_obj_end(&o);
        (void)snprintf(
            path, sizeof path, "/admin/tenant/%lld/tags/%lld/budgets",
            (long long)(t != NULL ? t->tenant_id : 0), (long long)tag);
        (void)make(x, "tag budgets", path, &b, "Budget already exists");
        buf_release(&b);
    }
    adopt_report(x, "tag budgets");
}

static void a_prices(struct adopt *x, const struct json *file)
{
    static const char *const same[] = {"model",       "versionTag",
                                       "inputPrice",  "cachedInputPrice",
                                       "outputPrice", "provider"};
    for (const struct json *v = list_of(file, "prices"); v != NULL;
         v = v->next) {
        struct buf b;
        struct json_out o;
        body_open(&b, &o);
        for (size_t i = 0; i < sizeof same / sizeof *same; i++)
            carry(&o, v, same[i], same[i]);
        json_obj_end(&o);
        (void)make(x, "prices", "/admin/model-pricing", &b,
                   "Unable to create model pricing");
        buf_release(&b);
    }
    adopt_report(x, "prices");
}

static enum status a_entry(struct adopt *x, const struct json *v,
                           struct err *err)
{
    const struct known *t = adopt_recall(x, id_text(v, "tenantId"));
    struct use u = {.id = id_text(v, "id"),
                    .model = json_text(json_get(v, "model"), SLICE("")),
                    .ts = id_text(v, "ts"),
                    .cost = id_text(v, "usd"),
                    .prompt = id_text(v, "promptTok"),
                    .completion = id_text(v, "compTok"),
                    .route = json_text(json_get(v, "route"), SLICE("")),
                    .session = json_text(json_get(v, "sessionId"), SLICE("")),
                    .status = json_text(json_get(v, "status"), SLICE("")),
                    .provider = json_text(json_get(v, "provider"), SLICE("")),
                    .tenant = json_text(json_get(v, "tenant"), SLICE("")),
                    .token_id = x->token_id,
                    .kind = 'a'};
    if (slice_is(json_text(json_get(v, "kind"), SLICE("usage")),
                 "correction")) {
        adopt_skip(x, "usage", "a correction: correct the rows here instead");
        return OK;
    }
    if (t == NULL && !adopt_text(u.tenant, 128)) {
        adopt_skip(x, "usage", "without a tenant");
        return OK;
    }
    if (t != NULL) {
        u.tenant_id = t->tenant_id;
        u.tenant = t->name;
        return adopt_use(x, &u, err);
    }
    enum status st = adopt_tenant(x, u.tenant, ORIGIN_ADMIN, &u.tenant_id, err);
    return st == OK ? adopt_use(x, &u, err) : st;
}

static enum status read_json(struct adopt *x, const char *path,
                             struct json **out, struct err *err)
{
    struct buf b;
    char piece[65536];
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return err_set(err, E_NOT_FOUND, "import", "cannot read %s", path);
    buf_init(&b, FILE_MAX_BYTES);
    while ((n = read(fd, piece, sizeof piece)) > 0)
        buf_add(&b, piece, (size_t)n);
    (void)close(fd);
    struct slice text = arena_dup(&x->arena, buf_get(&b)); // the tree's own
    enum status st = n < 0 || b.failed || text.p == NULL
                         ? err_set(err, E_IO, "import", "cannot read %s", path)
                         : json_parse(&x->arena, text, out, err);
    if (st == OK && (*out)->type != JSON_OBJECT)
        st = err_set(err, E_CORRUPT, "import", "%s is no JSON object", path);
    buf_release(&b);
    return st;
}

/* A list under a mistyped name would be passed over without a word. */
static enum status names_known(const struct json *file, struct err *err)
{
    static const char *const names[] = {"tenants",    "budgets", "tags",
                                        "tagBudgets", "prices",  "ledger"};
    for (const struct json *m = file->child; m != NULL; m = m->next) {
        bool known = false;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            known = known || slice_is(m->key, names[i]);
        if (!known)
            return err_set(err, E_INVALID, "import",
                           "'%.*s' is none of tenants, budgets, tags, "
                           "tagBudgets, prices, ledger",
                           (int)(m->key.n < 40 ? m->key.n : 40), m->key.p);
    }
    return OK;
}

enum status adopt_core(struct adopt *x, const char *path, struct err *err)
{
    struct json *file = NULL;
    bool fresh;
    enum status st = read_json(x, path, &file, err);
    if (st == OK)
        st = names_known(file, err);
    if (st == OK)
        st = adopt_token(x, SLICE("import a"), slice(NULL, 0), false,
                         &x->token_id, &fresh, err);
    if (st != OK)
        return st;
    a_tenants(x, file);
    a_budgets(x, file);
    a_tags(x, file);
    a_tag_budgets(x, file);
    a_prices(x, file);
    for (const struct json *v = list_of(file, "ledger"); v != NULL && st == OK;
         v = v->next)
        st = a_entry(x, v, err);
    if (st == OK)
        adopt_report(x, "usage");
    puts("keys             NOT imported: the admin API shows none; issue new "
         "ones with budgetguard key add");
    return st;
}

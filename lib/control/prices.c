/* prices.c - what models cost: the book in force, and the admin's own rows. */
#include "control/control.h"
#include "control/handlers.h"
#include "ledger/rows.h"
#include "price/book.h"

#define NAME_MAX_BYTES 200
#define PAGE_MAX 1000
#define TOKENS_MAX INT64_C(1000000000)

/* ---- a Price ------------------------------------------------------------ */

static void kprice(struct json_out *o, const char *key, int64_t pico)
{
    char text[MONEY_TEXT];
    if (pico < 0) {
        json_knull(o, key);
        return;
    }
    size_t n = money_format_price(pico, text);
    json_kstr(o, key, slice(text, n));
}

static void kcount(struct json_out *o, const char *key, int64_t n)
{
    if (n > 0)
        json_knum(o, key, n);
    else
        json_knull(o, key);
}

static struct slice wire_name(enum provider_id p)
{
    static const char *const names[PROVIDER_COUNT] = {[PROVIDER_NONE] = "none",
#define X(id, wire, people) [id] = wire,
                                                      PROVIDERS(X)
#undef X
    };
    return slice_str(names[p]);
}

static enum provider_id by_wire(struct slice s)
{
    for (int i = 1; i < PROVIDER_COUNT; i++)
        if (slice_eq(s, wire_name((enum provider_id)i)))
            return (enum provider_id)i;
    return PROVIDER_NONE;
}

/* `row` NULL: of the built-in table or a file. */
static void write_price(struct json_out *o, const struct price *p,
                        const struct price_row *row)
{
    static const char *const sources[] = {"builtin", "file", "admin"};
    char version[32];
    const struct rates *r = &p->standard;
    int n = snprintf(version, sizeof version, "%lld", (long long)p->version);
    json_obj(o);
    if (row != NULL)
        json_knum(o, "id", row->id);
    else
        json_knull(o, "id");
    json_kstr(o, "model", p->model);
    json_kstr(o, "versionTag", row != NULL ? row->version_tag : p->text_date);
    kprice(o, "inputPrice", r->in);
    kprice(o, "cachedInputPrice", r->cached >= 0 ? r->cached : r->in);
    kprice(o, "outputPrice", r->out);
    json_kstr(o, "provider", wire_name(p->provider));
    if (row != NULL) {
        json_ktime(o, "createdAt", row->created_ms);
        json_ktime(o, "updatedAt", row->updated_ms);
    } else {
        json_knull(o, "createdAt");
        json_knull(o, "updatedAt");
    }
    json_kstr(o, "source", slice_str(sources[p->source]));
    json_kstr(o, "version", slice(version, (size_t)n)); // beyond a double
    kprice(o, "cacheWritePrice", r->cache_write);
    kprice(o, "cacheWrite1hPrice", r->cache_write_1h);
    kcount(o, "maxOutputTokens", p->max_output);
    kcount(o, "contextTokens", p->context);
    json_obj_end(o);
}

/* ---- finding ------------------------------------------------------------ */

struct rows {
    struct price_row *of;
    int n;
};

static const struct price_row *row_of(const struct rows *all, int64_t version)
{
    for (int i = 0; i < all->n; i++)
        if (all->of[i].version == version)
            return &all->of[i];
    return NULL;
}

static bool read_rows(struct request *r, struct rows *all)
{
    struct err err;
    enum status st = rows_prices(control_conf(r->control)->db, &r->arena, false,
                                 &all->of, &all->n, &err);
    if (st != OK)
        request_fault(r, st, &err);
    return st == OK;
}

struct listing {
    const struct rows *all;
    struct json_out *o;
    struct slice q;
    enum provider_id provider;
    int source; /* -1: any */
    int64_t skip, left;
};

static bool contains(struct slice s, struct slice part)
{
    for (size_t i = 0; i + part.n <= s.n; i++)
        if (slice_eq_nocase(slice(s.p + i, part.n), part))
            return true;
    return false;
}

static bool list_one(void *arg, const struct price *p)
{
    struct listing *l = arg;
    if ((l->q.n > 0 && !contains(p->model, l->q)) ||
        (l->provider != PROVIDER_NONE && p->provider != l->provider) ||
        (l->source >= 0 && (int)p->source != l->source) || l->skip-- > 0)
        return true;
    if (l->left-- <= 0)
        return false;
    write_price(l->o, p, row_of(l->all, p->version));
    return true;
}

void prices_list(struct request *r)
{
    static const char *const sources[] = {"builtin", "file", "admin"};
    struct slice source = request_query(r, "source");
    struct slice provider = request_query(r, "provider");
    struct rows all;
    struct json_out o;
    int64_t page, limit;
    struct listing l = {
        .all = &all, .o = &o, .q = request_query(r, "q"), .source = -1};
    if (!request_query_int(r, "page", 0, PAGE_MAX * PAGE_MAX, 0, &page) ||
        !request_query_int(r, "limit", 1, PAGE_MAX, 0, &limit))
        return;
    for (int i = 0; i < 3; i++)
        if (slice_is(source, sources[i]))
            l.source = i;
    l.provider = by_wire(provider);
    if ((source.n > 0 && l.source < 0) ||
        (provider.n > 0 && l.provider == PROVIDER_NONE)) {
        request_invalid(r,
                        l.source < 0 && source.n > 0 ? "querystring/source"
                                                     : "querystring/provider",
                        "must be equal to one of the allowed values");
        return;
    }
    l.skip = page * limit;
    l.left = limit > 0 ? limit : INT64_MAX;
    if (!read_rows(r, &all))
        return;
    const struct snapshot *s = catalog_ref(control_conf(r->control)->catalog);
    request_json(r, &o);
    json_arr(&o);
    book_each(snapshot_book(s), r->now_ms, list_one, &l);
    json_arr_end(&o);
    snapshot_unref(&s);
}

/* ---- changing ----------------------------------------------------------- */

static void refused(struct request *r)
{
    request_fail(r, 400, "Unable to create model pricing", "invalid_pricing");
}

/* A member that is USD per million tokens; absent leaves `*pico`. */
static bool read_rate(const struct json *body, const char *name, int64_t *pico)
{
    bool wrong;
    const struct json *v = json_get(body, name);
    if (v == NULL)
        return true;
    struct slice s = request_number(v, &wrong);
    if (s.p == NULL && !wrong) { // null: not given
        *pico = -1;
        return true;
    }
    return !wrong && money_price(s, pico) && *pico >= 0;
}

static bool read_tokens(const struct json *body, const char *name, int64_t *n)
{
    const struct json *v = json_get(body, name);
    if (v == NULL)
        return true;
    *n = 0;
    return v->type == JSON_NULL ||
           (json_i64(v, n) && *n >= 0 && *n <= TOKENS_MAX);
}

static bool read_text(const struct json *body, const char *name,
                      struct slice *out)
{
    const struct json *v = json_get(body, name);
    if (v == NULL)
        return true;
    *out = json_text(v, slice(NULL, 0));
    for (size_t i = 0; i < out->n; i++)
        if ((unsigned char)out->p[i] <= ' ' || out->p[i] == 0x7F)
            return false;
    return out->n > 0 && out->n <= NAME_MAX_BYTES;
}

static bool read_body(struct request *r, struct price_row *p)
{
    const struct json *b = r->json;
    return b != NULL && read_text(b, "model", &p->model) &&
           read_text(b, "versionTag", &p->version_tag) &&
           read_text(b, "provider", &p->provider) &&
           by_wire(p->provider) != PROVIDER_NONE && p->model.n > 0 &&
           p->version_tag.n > 0 && read_rate(b, "inputPrice", &p->in) &&
           read_rate(b, "cachedInputPrice", &p->cached) &&
           read_rate(b, "outputPrice", &p->out) &&
           read_rate(b, "cacheWritePrice", &p->cache_write) &&
           read_rate(b, "cacheWrite1hPrice", &p->cache_write_1h) &&
           read_tokens(b, "maxOutputTokens", &p->max_output) &&
           read_tokens(b, "contextTokens", &p->context) && p->in >= 0 &&
           p->out >= 0;
}

/* Stores, takes the new book into force, answers with the Price. */
static void put(struct request *r, struct price_row *p, bool create)
{
    const struct control_conf *c = control_conf(r->control);
    struct json_out o;
    struct err err;
    enum status st = rows_price_put(c->db, control_admin, create, p, &err);
    if (st == E_EXISTS) {
        refused(r);
        return;
    }
    if (st == OK)
        st = c->reload_prices(c->reload_arg, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    const struct price shown = {
        .version = p->version,
        .provider = by_wire(p->provider),
        .model = p->model,
        .source = PRICE_ADMIN,
        .standard = {.in = p->in,
                     .cached = p->cached,
                     .out = p->out,
                     .cache_write = p->cache_write,
                     .cache_write_1h = p->cache_write_1h},
        .max_output = p->max_output,
        .context = p->context};
    request_json(r, &o);
    write_price(&o, &shown, p);
}

void prices_create(struct request *r)
{
    struct price_row p = {.provider = SLICE("openai"),
                          .in = -1,
                          .out = -1,
                          .cached = -1,
                          .cache_write = -1,
                          .cache_write_1h = -1};
    if (read_body(r, &p))
        put(r, &p, true);
    else
        refused(r);
}

/* Digits are an id, anything else a model. */
static const struct price_row *row_named(const struct rows *all,
                                         struct slice name)
{
    int64_t id = 0;
    bool digits = name.n > 0 && name.n < 18;
    for (size_t i = 0; i < name.n && digits; i++) {
        digits = name.p[i] >= '0' && name.p[i] <= '9';
        id = id * 10 + (name.p[i] - '0');
    }
    for (int i = 0; i < all->n; i++)
        if (digits ? all->of[i].id == id : slice_eq(all->of[i].model, name))
            return &all->of[i];
    return NULL;
}

/* A price that is built in becomes the base of an admin row. */
static bool base_of(struct request *r, struct slice name, struct price_row *p)
{
    const struct snapshot *s = catalog_ref(control_conf(r->control)->catalog);
    const struct price *b =
        book_find(snapshot_book(s), PROVIDER_NONE, name, r->now_ms);
    bool found = b != NULL && slice_eq(b->model, name);
    if (found)
        *p = (struct price_row){.model = arena_dup(&r->arena, b->model),
                                .provider = wire_name(b->provider),
                                .version_tag = SLICE("admin"),
                                .in = b->standard.in,
                                .cached = b->standard.cached,
                                .out = b->standard.out,
                                .cache_write = b->standard.cache_write,
                                .cache_write_1h = b->standard.cache_write_1h,
                                .max_output = b->max_output,
                                .context = b->context};
    snapshot_unref(&s);
    return found;
}

static void not_found(struct request *r)
{
    request_fail(r, 404, "Model pricing not found", "not_found");
}

void prices_update(struct request *r)
{
    struct rows all;
    struct price_row p;
    if (!read_rows(r, &all))
        return;
    const struct price_row *old = row_named(&all, r->param[0]);
    if (old != NULL)
        p = *old;
    else if (!base_of(r, r->param[0], &p)) {
        not_found(r);
        return;
    }
    struct slice model = p.model, provider = p.provider;
    if (!read_body(r, &p) || !slice_eq(p.model, model) ||
        !slice_eq(p.provider, provider)) // another name is another price
        refused(r);
    else
        put(r, &p, false);
}

void prices_delete(struct request *r)
{
    const struct control_conf *c = control_conf(r->control);
    struct rows all;
    struct json_out o;
    struct err err;
    if (!read_rows(r, &all))
        return;
    const struct price_row *old = row_named(&all, r->param[0]);
    enum status st = old == NULL ? E_NOT_FOUND
                                 : rows_price_delete(c->db, control_admin,
                                                     old->id, old->model, &err);
    if (st == E_NOT_FOUND) {
        not_found(r);
        return;
    }
    if (st == OK)
        st = c->reload_prices(c->reload_arg, &err);
    if (st != OK) {
        request_fault(r, st, &err);
        return;
    }
    request_json(r, &o);
    json_obj(&o);
    json_kbool(&o, "ok", true);
    json_obj_end(&o);
}

/* The price book: text rows, layers, dates, names, the built-in table. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/money.h"
#include "price/book.h"
#include "price/text.h"

#define NOW INT64_C(1795132800000) /* 2026-11-20 */

static struct err err;

static struct book *book_of(const char *file, const char *per_1k, bool builtin)
{
    struct book_builder *b = book_builder_new();
    if (builtin)
        assert_int_equal(book_add_builtin(b, &err), OK);
    if (file != NULL)
        assert_int_equal(book_add_text(b, slice_str(file), PRICE_FILE, &err),
                         OK);
    if (per_1k != NULL)
        assert_int_equal(book_add_per_1k(b, slice_str(per_1k), &err), OK);
    struct book *k = book_finish(&b);
    assert_null(b);
    return k;
}

static const struct price *find(const struct book *k, enum provider_id id,
                                const char *name, int64_t at)
{
    return book_find(k, id, slice_str(name), at);
}

static enum provider_id resolve(const struct book *k, const char *name,
                                const char *left)
{
    struct slice m = slice_str(name);
    enum provider_id id = book_resolve(k, &m, NOW);
    assert_int_equal(m.n, strlen(left));
    assert_memory_equal(m.p, left, m.n);
    return id;
}

struct tally {
    int n, by[PROVIDER_COUNT];
    const struct book *k;
};

static bool count(void *arg, const struct price *p)
{
    struct tally *t = arg;
    t->n++;
    t->by[p->provider]++;
    assert_ptr_equal(book_version(t->k, p->version), p);
    assert_true(p->version > 0 && p->version < (INT64_C(1) << 53));
    assert_true(p->text_source.n > 0 && p->text_date.n == 10);
    return true;
}

static void the_builtin_table_has_current_models(void **state)
{
    (void)state;
    struct book *k = book_of(NULL, NULL, true);
    struct tally t = {.k = k};
    book_each(k, NOW, count, &t);
    assert_true(t.n >= 300);
    static const enum provider_id all[] = {
        PROVIDER_OPENAI, PROVIDER_AZURE,   PROVIDER_ANTHROPIC,
        PROVIDER_GOOGLE, PROVIDER_MISTRAL, PROVIDER_DEEPSEEK,
        PROVIDER_XAI,    PROVIDER_GROQ,    PROVIDER_COHERE,
        PROVIDER_DEMO};
    for (int i = 0; i < 10; i++)
        assert_true(t.by[all[i]] >= (all[i] == PROVIDER_DEMO ? 3 : 5));
    assert_int_equal(find(k, PROVIDER_OPENAI, "gpt-4o", NOW)->standard.in,
                     2500000);
    assert_non_null(find(k, PROVIDER_DEMO, "demo-small", NOW));
    assert_non_null(find(k, PROVIDER_DEMO, "demo-large", NOW));
    assert_non_null(find(k, PROVIDER_DEMO, "demo-embed", NOW));
    book_unref(&k);
}

static void a_dated_row_takes_over_on_its_day(void **state)
{
    (void)state;
    struct book *k = book_of(NULL, NULL, true);
    int64_t year = INT64_C(1798761600000); // 2027-01-01
    assert_int_equal(
        find(k, PROVIDER_GOOGLE, "gemini-3.6-flash", year - 1)->standard.in,
        750000);
    assert_int_equal(
        find(k, PROVIDER_GOOGLE, "gemini-3.6-flash", year)->standard.in,
        1500000);
    book_unref(&k);
    // before its first date a model still costs something
    k = book_of("openai m 2026-01-01 t in=5 out=6\n", NULL, false);
    assert_int_equal(find(k, PROVIDER_OPENAI, "m", 0)->standard.in, 5000000);
    book_unref(&k);
}

/* R20 */
static void dated_and_latest_names_find_a_price(void **state)
{
    (void)state;
    struct book *k = book_of(NULL, NULL, true);
    assert_true(
        find(k, PROVIDER_OPENAI, "gpt-4o-2024-08-06", NOW)->standard.out > 0);
    assert_true(
        find(k, PROVIDER_OPENAI, "gpt-4o-mini-2024-07-18", NOW)->standard.out >
        0);
    assert_int_equal(
        find(k, PROVIDER_OPENAI, "gpt-4o-2099-01-01", NOW)->standard.in,
        2500000);
    assert_null(find(k, PROVIDER_OPENAI, "gpt-4o-2099", NOW));
    assert_non_null(
        find(k, PROVIDER_OPENAI, "ft:gpt-4.1-2025-04-14:org::id", NOW));
    book_unref(&k);
    k = book_of("openai a-20250101 - t in=1 out=1\n"
                "openai a-20260101 - t in=1 out=1\n"
                "openai b-20250101 - t in=1 out=1\n"
                "openai b-20260101 - t in=2 out=1\n",
                NULL, false);
    struct slice name = find(k, PROVIDER_OPENAI, "a-latest", NOW)->model;
    assert_true(slice_is(name, "a-20260101"));
    assert_null(find(k, PROVIDER_OPENAI, "b-latest", NOW)); // ambiguous
    book_unref(&k);
}

static void names_resolve_to_providers(void **state)
{
    (void)state;
    struct book *k = book_of(NULL, NULL, true);
    assert_int_equal(resolve(k, "azure/my-deployment", "my-deployment"),
                     PROVIDER_AZURE);
    assert_int_equal(
        resolve(k, "groq/openai/gpt-oss-120b", "openai/gpt-oss-120b"),
        PROVIDER_GROQ);
    assert_int_equal(resolve(k, "gemini/x", "x"), PROVIDER_GOOGLE);
    assert_int_equal(resolve(k, "gpt-4o", "gpt-4o"), PROVIDER_OPENAI);
    assert_int_equal(resolve(k, "claude-9", "claude-9"), PROVIDER_ANTHROPIC);
    assert_int_equal(resolve(k, "mistral-large-latest", "mistral-large-latest"),
                     PROVIDER_MISTRAL);
    assert_int_equal(resolve(k, "whisper-large-v3", "whisper-large-v3"),
                     PROVIDER_GROQ);
    assert_int_equal(resolve(k, "gemini-2.5-pro-low", "gemini-2.5-pro"),
                     PROVIDER_GOOGLE);
    assert_int_equal(resolve(k, "no-such", "no-such"), PROVIDER_OPENAI);
    assert_int_equal(resolve(k, "openai/", "openai/"), PROVIDER_OPENAI);
    // Azure answers OpenAI's names; OpenRouter's carry the vendor
    assert_non_null(find(k, PROVIDER_AZURE, "gpt-4o-2024-08-06", NOW));
    assert_non_null(find(k, PROVIDER_OPENROUTER, "openai/gpt-4o", NOW));
    book_unref(&k);
}

/* R69 */
static void later_layers_win_and_keep_what_they_do_not_say(void **state)
{
    (void)state;
    struct book *k = book_of("openai gpt-4o - t in=7 out=8\n",
                             "{\"gpt-4o-mini\":{\"input\":0.001,"
                             "\"output\":0.0000025},"
                             "\"own-model\":{\"input\":1e-3,\"output\":1}}",
                             true);
    const struct price *p = find(k, PROVIDER_OPENAI, "gpt-4o", NOW);
    assert_int_equal(p->standard.in, 7000000);
    assert_int_equal(p->source, PRICE_FILE);
    assert_true(p->max_output > 0);
    p = find(k, PROVIDER_OPENAI, "gpt-4o-mini", NOW);
    assert_int_equal(p->standard.in, 1000000);
    assert_int_equal(p->standard.out, 2500);
    p = find(k, PROVIDER_AZURE, "gpt-4o-mini", NOW);
    assert_int_equal(p->standard.in, 1000000);
    p = find(k, PROVIDER_OPENAI, "own-model", NOW);
    assert_int_equal(p->standard.out, 1000000000);
    p = find(k, PROVIDER_OPENAI, "gpt-4.1", NOW);
    assert_int_equal(p->source, PRICE_BUILTIN);
    book_unref(&k);

    struct book_builder *b = book_builder_new();
    assert_int_equal(book_add_builtin(b, &err), OK);
    struct price mine;
    text_blank(&mine);
    mine.provider = PROVIDER_GOOGLE;
    mine.model = SLICE("gemini-3.6-flash");
    mine.source = PRICE_ADMIN;
    mine.version = 12;
    mine.standard.in = mine.standard.out = 1;
    assert_int_equal(book_add(b, &mine, &err), OK);
    k = book_finish(&b);
    // a dated built-in row does not override an older admin row
    p = find(k, PROVIDER_GOOGLE, "gemini-3.6-flash", INT64_C(1798761600000));
    assert_int_equal(p->version, 12);
    assert_ptr_equal(book_version(k, 12), p);
    book_unref(&k);
}

static void bad_rows_name_line_and_field(void **state)
{
    (void)state;
    static const char *const bad[] = {"nobody m - t in=1",
                                      "openai",
                                      "openai m",
                                      "openai m 2026-13-01 t",
                                      "openai m - t in=-1",
                                      "openai m - t in=0.0000001",
                                      "openai m - t in",
                                      "openai m - t huh=1",
                                      "openai m - t in=1x",
                                      "openai m - t us=0",
                                      "openai m - t context=1.5",
                                      "openai m - t long_above=0",
                                      "openai m - t in=99999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct book_builder *b = book_builder_new();
        char text[128];
        int n = snprintf(text, sizeof(text), "# ok\n\n%s\n", bad[i]);
        assert_int_equal(
            book_add_text(b, slice(text, (size_t)n), PRICE_FILE, &err),
            E_INVALID);
        assert_non_null(strstr(err.text, "line 3"));
        struct book *k = book_finish(&b);
        book_unref(&k);
    }
    static const char *const json[] = {
        "",
        "[]",
        "{\"m\":1}",
        "{\"m\":{\"input\":1}}",
        "{\"m\":{\"input\":-1,\"output\":1}}",
        "{\"m n\":{\"input\":1,\"output\":1}}",
        "{\"m\":{\"input\":0.0000000001,\"output\":1}}"};
    for (size_t i = 0; i < sizeof(json) / sizeof(json[0]); i++) {
        struct book_builder *b = book_builder_new();
        assert_int_equal(book_add_per_1k(b, slice_str(json[i]), &err),
                         E_INVALID);
        struct book *k = book_finish(&b);
        book_unref(&k);
    }
}

static bool rewrite(void *arg, const struct price *p)
{
    struct buf *b = arg;
    buf_clear(b);
    text_write(b, p);
    struct price q;
    bool found;
    assert_int_equal(text_row(slice(b->p, b->n - 1), 1, &q, &found, &err), OK);
    assert_true(found);
    assert_true(slice_eq(p->model, q.model));
    assert_true(slice_eq(p->text_date, q.text_date));
    assert_int_equal(p->provider, q.provider);
    assert_int_equal(p->from_ms, q.from_ms);
    assert_memory_equal(&p->standard, &q.standard, sizeof(struct rates) * 4);
    assert_int_equal(p->long_above, q.long_above);
    assert_int_equal(p->long_inclusive, q.long_inclusive);
    assert_memory_equal(&p->long_ctx, &q.long_ctx, sizeof(struct rates) * 3);
    assert_int_equal(p->web_search, q.web_search);
    assert_int_equal(p->per_image, q.per_image);
    assert_int_equal(p->per_audio_s, q.per_audio_s);
    assert_int_equal(p->per_char, q.per_char);
    assert_int_equal(p->fast_permille, q.fast_permille);
    assert_int_equal(p->us_permille, q.us_permille);
    assert_int_equal(p->context, q.context);
    assert_int_equal(p->max_output, q.max_output);
    return true;
}

static void a_written_row_reads_the_same(void **state)
{
    (void)state;
    struct book *k = book_of(NULL, NULL, true);
    struct buf b;
    buf_init(&b, 1 << 16);
    book_each(k, NOW, rewrite, &b);
    book_each(k, NOW * 2, rewrite, &b);
    buf_release(&b);
    book_unref(&k);
}

static void the_dearest_is_at_least_every_text_model(void **state)
{
    (void)state;
    struct book *k = book_of("groq a - t in=1 out=9 priority.out=20\n"
                             "groq b 2026-01-01 t in=2 out=3 long_above=9 "
                             "long.in=4\n"
                             "groq b 2027-01-01 t in=70 out=3\n"
                             "groq pic - t image=5 image_out=99\n",
                             NULL, false);
    const struct price *p = book_dearest(k, PROVIDER_GROQ, NOW);
    assert_int_equal(p->standard.in, 4000000);
    assert_int_equal(p->standard.cached, 4000000);
    assert_int_equal(p->standard.out, 9000000);
    assert_int_equal(p->standard.image_out, 9000000); // text models only
    assert_int_equal(p->priority.out, 20000000);
    assert_int_equal(p->per_image, INT64_C(5000000000));
    assert_int_equal(p->version, 0);
    assert_ptr_equal(p, book_dearest(k, PROVIDER_GROQ, NOW + 1));
    p = book_dearest(k, PROVIDER_GROQ, INT64_C(1798761600000));
    assert_int_equal(p->standard.in, 70000000);
    // a provider without rows: the dearest of all
    p = book_dearest(k, PROVIDER_OPENROUTER, NOW);
    assert_int_equal(p->standard.in, 4000000);
    book_unref(&k);
    k = book_of(NULL, NULL, false);
    assert_null(book_dearest(k, PROVIDER_GROQ, NOW));
    assert_null(book_version(k, 1));
    book_unref(&k);
}

static void *reader(void *arg)
{
    struct book *k = arg;
    uintptr_t ok = 1;
    for (int i = 0; i < 200; i++)
        for (int id = 1; id < PROVIDER_COUNT; id++) {
            const struct price *p =
                book_dearest(k, (enum provider_id)id, NOW + i);
            ok &= p != NULL && p->standard.out > 0;
            ok &= find(k, PROVIDER_OPENAI, "gpt-4o", NOW) != NULL;
        }
    book_unref(&k);
    return (void *)ok;
}

static void many_threads_read_one_book(void **state)
{
    (void)state;
    struct book *k = book_of(NULL, NULL, true);
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, reader, book_ref(k)), 0);
    book_unref(&k);
    for (int i = 0; i < 4; i++) {
        void *ok = NULL;
        assert_int_equal(pthread_join(t[i], &ok), 0);
        assert_non_null(ok);
    }
}

static void versions_survive_a_new_build_of_the_book(void **state)
{
    (void)state;
    struct book *a = book_of(NULL, NULL, true), *b = book_of(NULL, NULL, true);
    assert_int_equal(find(a, PROVIDER_OPENAI, "gpt-4o", NOW)->version,
                     find(b, PROVIDER_OPENAI, "gpt-4o", NOW)->version);
    book_unref(&a);
    book_unref(&b);
    a = book_of("openai m - t in=1 out=1\n", NULL, false);
    b = book_of("openai m - t in=2 out=1\n", NULL, false);
    assert_int_not_equal(find(a, PROVIDER_OPENAI, "m", NOW)->version,
                         find(b, PROVIDER_OPENAI, "m", NOW)->version);
    book_unref(&a);
    book_unref(&b);
}

/* ---- cross-check with figures outside the tree -------------------------- */

/* Rows that differ from prices.json on purpose. */
static const struct {
    const char *model, *field, *why;
} differences[] = {
    {"gpt-5-nano", "priority", "50 x the base rate: a slip of the source"},
    {"gpt-5-nano-2025-08-07", "priority", "the same"},
};

static bool deliberate(struct slice model, const char *field)
{
    for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++)
        if (slice_is(model, differences[i].model) &&
            strcmp(field, differences[i].field) == 0)
            return true;
    return false;
}

static char *slurp(const char *name, size_t *n)
{
    const char *dir = getenv("BG_SHARED");
    char path[512];
    snprintf(path, sizeof(path), "%s/prices/%s",
             dir != NULL ? dir : "../shared", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return NULL;
    char *p = malloc(4 << 20);
    ssize_t got;
    for (*n = 0; (got = read(fd, p + *n, (4 << 20) - *n)) > 0;)
        *n += (size_t)got;
    close(fd);
    return p;
}

static int compare_rates(const struct json *j, const struct rates *r,
                         struct slice model, const char *what)
{
    const struct {
        const char *key;
        int64_t have;
    } f[] = {{"input", r->in},
             {"output", r->out},
             {"cached_input", r->cached},
             {"cache_write", r->cache_write},
             {"cache_write_1h", r->cache_write_1h},
             {"audio_input", r->audio_in},
             {"audio_output", r->audio_out},
             {"image_input", r->image_in},
             {"image_output", r->image_out}};
    for (size_t i = 0; i < sizeof(f) / sizeof(f[0]); i++) {
        const struct json *v = json_get(j, f[i].key);
        int64_t fine;
        if (v == NULL || deliberate(model, what))
            continue;
        assert_true(money_scan(v->text, 9, &fine));
        int64_t want = (fine + 999) / 1000; // rounded up to 6 decimals
        if (want != f[i].have)
            fail_msg("%.*s %s %s: %.*s but %lld", SLICE_FMT(model), what,
                     f[i].key, SLICE_FMT(v->text), (long long)f[i].have);
    }
    return 1;
}

static int compare_model(const struct json *j, const struct price *p)
{
    static const struct {
        const char *key;
        size_t at;
    } tiers[] = {{"flex", offsetof(struct price, flex)},
                 {"priority", offsetof(struct price, priority)},
                 {"batch", offsetof(struct price, batch)}};
    compare_rates(j, &p->standard, p->model, "standard");
    for (int i = 0; i < 3; i++) {
        const struct json *t = json_get(j, tiers[i].key);
        if (t != NULL)
            compare_rates(t, (const void *)((const char *)p + tiers[i].at),
                          p->model, tiers[i].key);
    }
    for (const struct json *m = j->child; m != NULL; m = m->next)
        if (slice_starts(m->key, "above_"))
            compare_rates(m, &p->long_ctx, p->model, "long");
    return 1;
}

static enum provider_id shared_provider(struct slice s)
{
    static const struct {
        const char *name;
        enum provider_id id;
    } names[] = {{"openai", PROVIDER_OPENAI},
                 {"azure", PROVIDER_AZURE},
                 {"anthropic", PROVIDER_ANTHROPIC},
                 {"gemini", PROVIDER_GOOGLE},
                 {"mistral", PROVIDER_MISTRAL},
                 {"deepseek", PROVIDER_DEEPSEEK},
                 {"xai", PROVIDER_XAI},
                 {"groq", PROVIDER_GROQ},
                 {"cohere", PROVIDER_COHERE}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_is(s, names[i].name))
            return names[i].id;
    return PROVIDER_NONE;
}

static int64_t rate_sum(const struct json *j)
{
    static const char *const keys[] = {"input", "output", "cached_input"};
    int64_t sum = 0, v;
    for (int i = 0; i < 3; i++) {
        const struct json *f = json_get(j, keys[i]);
        if (f != NULL) {
            assert_true(money_scan(f->text, 9, &v));
            sum += v;
        }
    }
    return sum;
}

/* The same model under its name with or without provider prefix. */
static bool twin_is_dearer(const struct json *root, const struct json *j,
                           struct slice name, const char *prefixed)
{
    char bare[256];
    snprintf(bare, sizeof(bare), "%.*s", SLICE_FMT(name));
    const struct json *twin =
        json_get(root, j->key.n == name.n ? prefixed : bare);
    return twin != NULL && rate_sum(twin) > rate_sum(j);
}

static int compare_file(const struct book *k, const struct json *root,
                        const struct json *newer, int64_t at)
{
    int n = 0;
    for (const struct json *j = root->child; j != NULL; j = j->next) {
        struct slice own = json_text(json_get(j, "provider"), SLICE(""));
        struct slice name = j->key;
        char key[256];
        snprintf(key, sizeof(key), "%.*s", SLICE_FMT(j->key));
        const struct json *over = json_get(newer, key);
        if (over != NULL && json_get(over, "from") == NULL)
            continue; // the newer list replaces it
        if (name.n > own.n && slice_eq(slice(name.p, own.n), own) &&
            name.p[own.n] == '/')
            name = slice_skip(name, own.n + 1);
        else if (name.n < 200) { // listed twice: the dearer one is carried
            snprintf(key, sizeof(key), "%.*s/%.*s", SLICE_FMT(own),
                     SLICE_FMT(name));
        }
        enum provider_id id = shared_provider(own);
        if (twin_is_dearer(root, j, name, key))
            continue;
        const struct price *p = book_find(k, id, name, at);
        if (id != PROVIDER_NONE && p != NULL && p->provider == id &&
            slice_eq(p->model, name))
            n += compare_model(j, p);
    }
    return n;
}

static void the_table_agrees_with_the_shared_facts(void **state)
{
    (void)state;
    size_t n = 0, m = 0;
    char *old = slurp("prices.json", &n);
    char *new = slurp("prices-supplement.json", &m);
    if (old == NULL || new == NULL) {
        free(old);
        free(new);
        skip();
    }
    struct arena a;
    struct json *root, *newer;
    arena_init(&a, 64 << 20);
    assert_int_equal(json_parse(&a, slice(old, n), &root, &err), OK);
    assert_int_equal(json_parse(&a, slice(new, m), &newer, &err), OK);
    struct book *k = book_of(NULL, NULL, true);
    int found = compare_file(k, root, newer, INT64_C(1787184000000));
    int fresh = compare_file(k, newer, NULL, NOW);
    printf("%d and %d models agree\n", found, fresh);
    assert_true(found >= 300);
    assert_int_equal(fresh, 12);
    book_unref(&k);
    arena_release(&a);
    free(old);
    free(new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_builtin_table_has_current_models),
        cmocka_unit_test(a_dated_row_takes_over_on_its_day),
        cmocka_unit_test(dated_and_latest_names_find_a_price),
        cmocka_unit_test(names_resolve_to_providers),
        cmocka_unit_test(later_layers_win_and_keep_what_they_do_not_say),
        cmocka_unit_test(bad_rows_name_line_and_field),
        cmocka_unit_test(a_written_row_reads_the_same),
        cmocka_unit_test(the_dearest_is_at_least_every_text_model),
        cmocka_unit_test(many_threads_read_one_book),
        cmocka_unit_test(versions_survive_a_new_build_of_the_book),
        cmocka_unit_test(the_table_agrees_with_the_shared_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

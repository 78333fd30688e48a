/* conform.c - runs OPA's own test cases (and ours) through lib/rego.
 *
 * usage: conform [-v] [-d directory] [-n note] [-c cases-folder]
 * Reads $BG_SHARED/rego/conformance/{v0,v1} (or ../shared/…) and tiers.json;
 * prints per tier and directory passed, failed, unsupported; exits non-zero if
 * a case of tier 1 or 2 fails.  A case is unsupported if it names a builtin
 * that is not offered.  With -c, every file of that folder is run as tier 1.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "rego/rego.h"

struct tally {
    unsigned passed, failed, unsupported;
};

static struct {
    bool verbose;
    const char *dir, *note;
    struct tally tier[4];
    unsigned left; /* cases that cannot be run */
    bool in_own;   /* our cases may want an undefined function */
    unsigned own;  /* cases of our own that passed */
} opt;

static bool read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return false;
    char block[65536];
    size_t n;
    while ((n = fread(block, 1, sizeof block, f)) > 0)
        buf_add(out, block, n);
    fclose(f);
    return !out->failed;
}

static const struct value *field(const struct value *o, const char *key)
{
    return value_get_str(o, slice_str(key));
}

static bool flag(const struct value *o, const char *key)
{
    const struct value *v = field(o, key);
    return v != NULL && value_is_true(v);
}

static struct slice text(const struct value *o, const char *key)
{
    const struct value *v = field(o, key);
    return v != NULL && v->kind == V_STRING ? value_slice(v) : slice("", 0);
}

static bool contains(struct slice in, struct slice what)
{
    return what.n == 0 || memmem(in.p, in.n, what.p, what.n) != NULL;
}

/* The value as JSON has it: sets are arrays, keys are text. */
static struct value through_json(struct arena *a, const struct value *v)
{
    struct slice s = value_json_arena(a, v);
    struct value out = value_undef();
    struct err err;
    if (s.p == NULL || value_parse_json(a, s, &out, &err) != OK)
        return value_undef();
    return out;
}

static struct value sorted_array(struct arena *a, const struct value *v)
{
    struct value *items = value_alloc(a, v->n);
    if (v->n > 0)
        memcpy(items, v->u.v, v->n * sizeof *items);
    for (uint32_t i = 1; i < v->n; i++)
        for (uint32_t j = i; j > 0; j--) {
            if (value_compare(&items[j - 1], &items[j]) <= 0)
                break;
            struct value t = items[j];
            items[j] = items[j - 1];
            items[j - 1] = t;
        }
    return value_array(items, v->n);
}

/* Bindings as a set of objects, as the case wants them. */
static struct value shaped(struct arena *a, const struct value *c,
                           const struct value *list)
{
    struct value_list out;
    value_list_init(&out, a);
    for (uint32_t i = 0; list->kind == V_ARRAY && i < list->n; i++) {
        const struct value *o = &list->u.v[i];
        struct value_list pairs;
        value_list_init(&pairs, a);
        for (uint32_t j = 0; o->kind == V_OBJECT && j < o->n; j++) {
            struct value k = o->u.v[2 * j], v = o->u.v[2 * j + 1];
            if (flag(c, "ignore_generated_vars") &&
                slice_starts(value_slice(&k), "__localq"))
                continue;
            if (flag(c, "sort_bindings") && v.kind == V_ARRAY)
                v = sorted_array(a, &v);
            value_list_add(&pairs, k);
            value_list_add(&pairs, v);
        }
        value_list_add(&out, value_list_object(&pairs));
    }
    return value_list_set(&out);
}

enum verdict { PASSED, FAILED, UNSUPPORTED };

static enum verdict complain(const struct value *c, struct slice what)
{
    if (opt.verbose)
        printf("  FAIL %.*s: %.*s\n", SLICE_FMT(text(c, "note")),
               SLICE_FMT(what));
    return FAILED;
}

static enum verdict wrong_error(struct arena *a, const struct value *c,
                                const struct rego_error *e)
{
    struct slice code = text(c, "want_error_code");
    struct slice msg = text(c, "want_error");
    struct slice all = arena_printf(a, "%.*s:%u: %s: %.*s", SLICE_FMT(e->file),
                                    e->row, e->code, SLICE_FMT(e->message));
    if ((code.n > 0 || msg.n > 0) && (code.n == 0 || slice_is(code, e->code)) &&
        contains(all, msg))
        return PASSED;
    return complain(c, all);
}

static enum verdict judge(struct arena *a, const struct value *c,
                          const struct value *got)
{
    const struct value *want = field(c, "want_result");
    if (want == NULL || field(c, "want_error_code") != NULL)
        return complain(c, SLICE("an error was expected"));
    struct value g = through_json(a, got);
    struct value x = shaped(a, c, want), y = shaped(a, c, &g);
    if (value_equal(&x, &y))
        return PASSED;
    return complain(c, arena_printf(a, "want %.*s got %.*s",
                                    SLICE_FMT(value_json_arena(a, &x)),
                                    SLICE_FMT(value_json_arena(a, &y))));
}

static enum verdict evaluate(struct arena *a, const struct value *c,
                             const struct rego_query *q)
{
    struct value parsed, got;
    const struct value *input = field(c, "input");
    struct slice term = text(c, "input_term");
    if (term.n > 0) {
        if (!rego_parse_term(a, term, &parsed))
            return complain(c, SLICE("input_term cannot be read"));
        input = &parsed;
    }
    struct rego_limits limits = {.strict = flag(c, "strict_error")};
    struct rego_error err;
    if (rego_eval(q, input, a, &limits, &got, &err) != OK)
        return wrong_error(a, c, &err);
    return judge(a, c, &got);
}

static bool unsupported(const struct rego_error *e)
{
    for (; e != NULL; e = e->next)
        if (contains(e->message, SLICE("undefined function")) ||
            contains(e->message, SLICE("not offered")))
            return true;
    return false;
}

/* Two cases need a builtin that only OPA's own test program has. */
static bool needs_opa(const struct value *c)
{
    const struct value *list = field(c, "modules");
    for (uint32_t i = 0; list != NULL && i < list->n; i++)
        if (contains(value_slice(&list->u.v[i]), SLICE("test.sleep(")))
            return true;
    return false;
}

static enum verdict run_case(const struct value *c, bool v1)
{
    struct arena a;
    arena_init(&a, (size_t)512 << 20);
    struct rego_module m[64];
    size_t n = 0;
    const struct value *list = field(c, "modules");
    for (; list != NULL && n < list->n && n < 64; n++) {
        m[n].name = arena_printf(&a, "test-%zu.rego", n);
        m[n].text = value_slice(&list->u.v[n]);
    }
    struct rego_error *errs = NULL;
    struct rego_query *q = NULL;
    struct rego_policy *p =
        rego_compile(m, n, v1 ? REGO_V1 : REGO_V0, field(c, "data"), &a, &errs);
    if (p != NULL)
        q = rego_prepare(p, text(c, "query"), &a, &errs);
    enum verdict v;
    if (q != NULL) {
        v = evaluate(&a, c, q);
    } else if (errs != NULL && !opt.in_own && unsupported(errs)) {
        v = UNSUPPORTED;
        if (opt.verbose)
            printf("  unsupported %.*s: %.*s\n", SLICE_FMT(text(c, "note")),
                   SLICE_FMT(errs->message));
    } else {
        v = wrong_error(&a, c, errs);
    }
    rego_query_free(&q);
    rego_policy_free(&p);
    arena_release(&a);
    return v;
}

static void run_group(const struct value *g, bool v1, struct tally *t)
{
    const struct value *cases = field(g, "cases");
    for (uint32_t i = 0; cases != NULL && i < cases->n; i++) {
        const struct value *c = &cases->u.v[i];
        if (opt.note != NULL && !contains(text(c, "note"), slice_str(opt.note)))
            continue;
        if (needs_opa(c)) {
            printf("left out, needs test.sleep: %.*s\n",
                   SLICE_FMT(text(c, "note")));
            opt.left++;
            continue;
        }
        switch (run_case(c, v1)) {
        case PASSED:
            t->passed++;
            break;
        case FAILED:
            t->failed++;
            break;
        case UNSUPPORTED:
            t->unsupported++;
            break;
        }
    }
}

static void run_file(const char *path, bool v1, struct tally *t)
{
    struct buf b;
    struct arena a;
    struct value doc;
    struct err err;
    buf_init(&b, (size_t)64 << 20);
    arena_init(&a, (size_t)512 << 20);
    if (!read_file(path, &b)) {
        printf("%s: cannot be read\n", path);
        t->failed++;
    } else if (value_parse_json(&a, buf_get(&b), &doc, &err) != OK) {
        printf("%s: %s\n", path, err.text);
        t->failed++;
    } else if (doc.kind == V_OBJECT) {
        run_group(&doc, v1, t);
    } else {
        for (uint32_t i = 0; i < doc.n; i++)
            run_group(&doc.u.v[i], v1, t);
    }
    arena_release(&a);
    buf_release(&b);
}

static void run_directory(const char *base, const char *name, int tier,
                          const char *dialect)
{
    char path[1000];
    if (opt.dir != NULL && strcmp(opt.dir, name) != 0)
        return;
    snprintf(path, sizeof path, "%s/conformance/%s/%s.json", base, dialect,
             name);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return;
    fclose(f);
    struct tally t = {0};
    run_file(path, strcmp(dialect, "v1") == 0, &t);
    if (t.failed > 0 || t.unsupported > 0 || opt.verbose)
        printf("tier %d %s %-36s passed %4u failed %4u unsupported %4u\n", tier,
               dialect, name, t.passed, t.failed, t.unsupported);
    opt.tier[tier].passed += t.passed;
    opt.tier[tier].failed += t.failed;
    opt.tier[tier].unsupported += t.unsupported;
}

static bool run_shared(const char *base)
{
    char path[1000];
    struct buf b;
    struct arena a;
    struct value doc;
    struct err err;
    snprintf(path, sizeof path, "%s/tiers.json", base);
    buf_init(&b, (size_t)16 << 20);
    arena_init(&a, (size_t)64 << 20);
    bool ok = read_file(path, &b) &&
              value_parse_json(&a, buf_get(&b), &doc, &err) == OK;
    const struct value *dirs = ok ? field(&doc, "dirs") : NULL;
    for (int tier = 1; dirs != NULL && tier <= 3; tier++)
        for (uint32_t i = 0; i < dirs->n; i++) {
            int64_t n = 0;
            const struct value *v = &dirs->u.v[2 * i + 1];
            const struct value *number = field(v, "tier");
            if (number == NULL || !value_as_int(number, &n) || n != tier)
                continue;
            struct slice name = arena_dup(&a, value_slice(&dirs->u.v[2 * i]));
            run_directory(base, name.p, tier, "v0");
            run_directory(base, name.p, tier, "v1");
        }
    arena_release(&a);
    buf_release(&b);
    return ok;
}

/* Our own cases: *.json, the dialect from the file's name (v0-…). */
static void run_own(const char *folder)
{
    DIR *d = opendir(folder);
    if (d == NULL) {
        printf("%s: cannot be opened\n", folder);
        opt.tier[1].failed++;
        return;
    }
    struct tally t = {0};
    opt.in_own = true;
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        char path[1000];
        if (!slice_ends(slice_str(e->d_name), ".json"))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        run_file(path, strncmp(e->d_name, "v0-", 3) != 0, &t);
    }
    closedir(d);
    opt.in_own = false;
    printf("own cases: passed %u failed %u\n", t.passed,
           t.failed + t.unsupported);
    opt.own = t.passed;
    opt.tier[1].failed += t.failed + t.unsupported;
}

int main(int argc, char **argv)
{
    const char *shared = getenv("BG_SHARED"), *own = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            opt.verbose = true;
        else if (strcmp(argv[i], "-d") == 0 && i + 1 < argc)
            opt.dir = argv[++i];
        else if (strcmp(argv[i], "-n") == 0 && i + 1 < argc)
            opt.note = argv[++i];
        else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
            own = argv[++i];
    }
    char base[900];
    snprintf(base, sizeof base, "%s/rego",
             shared != NULL ? shared : "../shared");
    if (own != NULL)
        run_own(own);
    if (!run_shared(base)) {
        printf("skipped: %s/tiers.json is absent\n", base);
        opt.left++;
    }
    for (int i = 1; i <= 3; i++)
        printf("tier %d: passed %u failed %u unsupported %u\n", i,
               opt.tier[i].passed, opt.tier[i].failed, opt.tier[i].unsupported);
    bool bad = opt.tier[1].failed + opt.tier[1].unsupported +
                   opt.tier[2].failed + opt.tier[2].unsupported >
               0;
    unsigned passed = opt.own, failed = 0;
    for (int i = 1; i <= 2; i++) {
        passed += opt.tier[i].passed;
        failed += opt.tier[i].failed + opt.tier[i].unsupported;
    }
    printf("conform: %u passed, %u failed, %u skipped\n", passed, failed,
           opt.left);
    return bad ? 1 : 0;
}

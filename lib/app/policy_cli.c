/* policy_cli.c - see policy_cli.h.
 *
 * Output is that of the opa tool where it has the same command, so that
 * scripts written for it go on working.
 */
#include "app/policy_cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/policy_query.h"
#include "app/policy_replay.h"
#include "base/buf.h"
#include "base/mem.h"
#include "guard/policy.h"

#define PATHS_MAX 64
#define MEMORY ((size_t)1 << 30)
#define INPUT_MAX ((size_t)64 << 20)
#define DEADLINE_S 60

static const char usage[] =
    "usage: budgetguard policy check [--v0-compatible] PATH...\n"
    "       budgetguard policy eval [-d PATH]... [-i FILE] [--v0-compatible]\n"
    "                               [--strict-builtin-errors] QUERY\n"
    "       budgetguard policy test [-v] [--v0-compatible] PATH...\n"
    "       budgetguard policy replay [--config FILE] PATH --since DATE\n"
    "                               [--tenant NAME]\n";

struct job {
    const char *paths[PATHS_MAX];
    int path_count;
    const char *input, *query;
    bool v0, strict, verbose;
    struct source *source;
    struct policy_fault fault;
    struct rego_policy *policy;
    struct arena errors;
    struct rego_error *first;
};

static int bad_use(void)
{
    fputs(usage, stderr);
    return 2;
}

/* ---- loading ------------------------------------------------------------ */

/* Reads and compiles the job's paths.  False: `fault` is set (unreadable) or
 * `first` lists the errors. */
static bool load(struct job *j)
{
    j->source = xcalloc(1, sizeof *j->source);
    source_init(j->source, &j->fault);
    arena_init(&j->errors, MEMORY);
    for (int i = 0; i < j->path_count; i++)
        if (!source_read(j->source, j->paths[i]))
            return false;
    j->policy = rego_compile(
        j->source->modules, (size_t)j->source->module_count,
        j->v0 ? REGO_V0 : REGO_V1, &j->source->data, &j->errors, &j->first);
    return j->policy != NULL;
}

static void unload(struct job *j)
{
    rego_policy_free(&j->policy);
    if (j->source == NULL)
        return;
    source_release(j->source);
    free(j->source);
    arena_release(&j->errors);
}

/* The list as opa prints it to people. */
static void print_errors(const struct job *j)
{
    int n = 0;
    if (j->fault.is_set) {
        printf("1 error occurred: %s: %s\n", j->fault.file, j->fault.text);
        return;
    }
    for (const struct rego_error *e = j->first; e != NULL; e = e->next)
        n++;
    printf(n == 1 ? "1 error occurred: " : "%d errors occurred:\n", n);
    for (const struct rego_error *e = j->first; e != NULL; e = e->next)
        printf("%.*s:%" PRIu32 ": %s: %.*s\n", SLICE_FMT(e->file), e->row,
               e->code, SLICE_FMT(e->message));
}

/* ---- check -------------------------------------------------------------- */

static int check(struct job *j)
{
    if (j->path_count == 0)
        return bad_use();
    bool ok = load(j);
    if (!ok)
        print_errors(j);
    for (const struct rego_error *e = ok ? rego_policy_warnings(j->policy)
                                         : NULL;
         e != NULL; e = e->next)
        printf("%.*s:%" PRIu32 ": warning: %.*s\n", SLICE_FMT(e->file), e->row,
               SLICE_FMT(e->message));
    unload(j);
    return ok ? 0 : 1;
}

/* ---- eval --------------------------------------------------------------- */

static bool read_input(struct job *j, struct arena *a, struct value *v)
{
    struct err err;
    struct buf b;
    FILE *f = strcmp(j->input, "-") == 0 ? stdin : fopen(j->input, "rb");
    if (f == NULL) {
        fprintf(stderr, "budgetguard: %s: %s\n", j->input, strerror(errno));
        return false;
    }
    buf_init(&b, INPUT_MAX);
    for (size_t n = 1; n > 0;) {
        char *to = buf_reserve(&b, 1 << 16);
        n = to != NULL ? fread(to, 1, 1 << 16, f) : 0;
        b.n += n;
    }
    if (f != stdin)
        (void)fclose(f);
    struct slice kept = arena_dup(a, buf_get(&b));
    buf_release(&b);
    if (value_parse_json(a, kept, v, &err) == OK)
        return true;
    fprintf(stderr, "budgetguard: %s: %s\n", j->input, err.text);
    return false;
}

static int eval(struct job *j)
{
    struct arena a;
    struct value input;
    struct query_job q = {.strict = j->strict};
    if (j->query == NULL)
        return bad_use();
    arena_init(&a, MEMORY);
    if (j->input != NULL) {
        if (!read_input(j, &a, &input)) {
            arena_release(&a);
            return 2;
        }
        q.input = &input;
    }
    bool ok = load(j);
    if (ok)
        ok = query_print(j->policy, slice_str(j->query), &q, &a);
    else if (j->fault.is_set)
        query_print_fault(&j->fault);
    else
        query_print_errors(j->first);
    unload(j);
    arena_release(&a);
    return ok ? 0 : 2;
}

/* ---- test --------------------------------------------------------------- */

struct tally {
    int passed, failed, errors;
};

static int64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void run_test(struct job *j, struct slice package, struct slice name,
                     struct tally *t)
{
    struct arena a;
    struct rego_error *first = NULL, e = {.code = NULL};
    struct value v = value_undef();
    char text[600];
    arena_init(&a, MEMORY);
    (void)snprintf(text, sizeof text, "%.*s.%.*s", SLICE_FMT(package),
                   SLICE_FMT(name));
    int64_t from = now_ns();
    const struct rego_limits limits = {
        .deadline_ns = from + DEADLINE_S * INT64_C(1000000000)};
    enum status st = E_INVALID;
    struct rego_query *q = rego_prepare(j->policy, slice_str(text), &a, &first);
    if (q != NULL)
        st = rego_eval_value(q, NULL, &a, &limits, &v, &e);
    double us = (double)(now_ns() - from) / 1000;
    bool pass = st == OK && value_is_true(&v);
    t->passed += pass;
    t->failed += st == OK && !pass;
    t->errors += st != OK;
    if (!pass || j->verbose)
        printf("%s: %s (%.3fµs)\n", text,
               pass       ? "PASS"
               : st == OK ? "FAIL"
                          : "ERROR",
               us);
    if (st != OK) {
        const struct rego_error *x = first != NULL ? first : &e;
        printf("  %.*s:%" PRIu32 ": %s: %.*s\n", SLICE_FMT(x->file), x->row,
               x->code, SLICE_FMT(x->message));
    }
    rego_query_free(&q);
    arena_release(&a);
}

struct testing {
    struct job *job;
    struct tally tally;
    struct slice file, last; /* of the rule before */
};

static void on_rule(void *arg, const struct rego_rule *rule)
{
    struct testing *t = arg;
    bool again = slice_eq(rule->name, t->last) && slice_eq(rule->file, t->file);
    if (!slice_starts(rule->name, "test_") || again) // several bodies: once
        return;
    if (t->job->verbose && !slice_eq(rule->file, t->file))
        printf("%.*s:\n", SLICE_FMT(rule->file));
    t->file = rule->file;
    t->last = rule->name;
    run_test(t->job, rule->package, rule->name, &t->tally);
}

static int test(struct job *j)
{
    struct testing run = {.job = j};
    if (j->path_count == 0)
        return bad_use();
    if (!load(j)) {
        print_errors(j);
        unload(j);
        return 1;
    }
    rego_policy_rules(j->policy, on_rule, &run);
    unload(j);
    const struct tally t = run.tally;
    int all = t.passed + t.failed + t.errors;
    if (j->verbose || t.failed + t.errors > 0)
        puts("----------------------------------------"
             "----------------------------------------");
    printf("PASS: %d/%d\n", t.passed, all);
    if (t.failed > 0)
        printf("FAIL: %d/%d\n", t.failed, all);
    if (t.errors > 0)
        printf("ERROR: %d/%d\n", t.errors, all);
    return t.failed + t.errors > 0 || all == 0 ? 1 : 0;
}

/* ---- words -------------------------------------------------------------- */

/* The option at argv[i]; how many words it took, 0: none, -1: not known. */
static int option(struct job *j, int argc, char **argv, int i)
{
    struct slice a = slice_str(argv[i]);
    bool data = slice_is(a, "-d") || slice_is(a, "--data");
    if (slice_is(a, "--v0-compatible"))
        return (j->v0 = true, 1);
    if (slice_is(a, "--strict-builtin-errors"))
        return (j->strict = true, 1);
    if (slice_is(a, "-v") || slice_is(a, "--verbose"))
        return (j->verbose = true, 1);
    if (!data && !slice_is(a, "-i") && !slice_is(a, "--input"))
        return a.n > 1 && a.p[0] == '-' ? -1 : 0;
    if (i + 1 == argc || (data && j->path_count == PATHS_MAX))
        return -1;
    if (data)
        j->paths[j->path_count++] = argv[i + 1];
    else
        j->input = argv[i + 1];
    return 2;
}

int policy_main(int argc, char **argv)
{
    struct job j = {.v0 = false};
    if (argc < 1)
        return bad_use();
    struct slice command = slice_str(argv[0]);
    if (slice_is(command, "replay"))
        return policy_replay_main(argc - 1, argv + 1);
    bool is_eval = slice_is(command, "eval");
    for (int i = 1; i < argc; i++) {
        int took = option(&j, argc, argv, i);
        if (took < 0 || (took == 0 && is_eval && j.query != NULL) ||
            (took == 0 && j.path_count == PATHS_MAX))
            return bad_use();
        if (took == 0 && is_eval)
            j.query = argv[i];
        else if (took == 0)
            j.paths[j.path_count++] = argv[i];
        else
            i += took - 1;
    }
    if (is_eval)
        return eval(&j);
    if (slice_is(command, "check"))
        return check(&j);
    return slice_is(command, "test") ? test(&j) : bad_use();
}

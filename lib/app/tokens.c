/* tokens.c - see tokens.h.  Like wc: a count per file, and their sum. */
#include "app/tokens.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "token/count.h"

#define INPUT_MAX ((size_t)1 << 31)

static const char usage[] =
    "usage: budgetguard tokens [--model M | --encoding E] [--ids] [--jsonl] "
    "[FILE|-]...\n"
    "Counts tokens as tiktoken does; without a FILE, of what comes in.\n"
    "  --model M      the model's encoding (default: o200k_base)\n"
    "  --encoding E   o200k_base, cl100k_base, p50k_base or r50k_base\n"
    "  --ids          print the tokens' ids, not their number\n"
    "  --jsonl        each line is a JSON string; one answer a line\n";

struct job {
    enum encoding encoding;
    bool ids, jsonl;
    int64_t total;
};

static void print_ids(void *arg, const uint32_t *ids, size_t n)
{
    bool *first = arg;
    for (size_t i = 0; i < n; i++) {
        printf("%s%" PRIu32, *first ? "" : " ", ids[i]);
        *first = false;
    }
}

/* Prints the answer for one text; `name` NULL: none is printed. */
static bool answer(struct job *j, struct slice text, const char *name)
{
    if (j->ids) {
        bool first = true;
        if (count_ids(j->encoding, text, print_ids, &first) < 0)
            return false;
        putchar('\n');
        return true;
    }
    int64_t n = count_text(j->encoding, text);
    j->total += n;
    if (name != NULL)
        printf("%" PRId64 "\t%s\n", n, name);
    else
        printf("%" PRId64 "\n", n);
    return true;
}

static int fail(const char *name, const char *why)
{
    fprintf(stderr, "budgetguard: %s: %s\n", name, why);
    return 1;
}

static int each_line(struct job *j, struct slice all, const char *name)
{
    struct arena a;
    int rc = 0;
    arena_init(&a, INPUT_MAX);
    while (all.n > 0 && rc == 0) {
        const char *end = memchr(all.p, '\n', all.n);
        size_t n = end != NULL ? (size_t)(end - all.p) : all.n;
        struct json *v;
        struct err err;
        arena_reset(&a);
        if (json_parse(&a, slice(all.p, n), &v, &err) != OK)
            rc = fail(name, err.text);
        else if (v->type != JSON_STRING)
            rc = fail(name, "a line is no JSON string");
        else if (!answer(j, v->text, NULL))
            rc = fail(name, "out of memory");
        n += end != NULL ? 1 : 0;
        all = slice(all.p + n, all.n - n);
    }
    arena_release(&a);
    return rc;
}

static int one_file(struct job *j, const char *name, bool several)
{
    FILE *f = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    struct buf b;
    size_t n = 1;
    int rc = 0;
    if (f == NULL)
        return fail(name, strerror(errno));
    buf_init(&b, INPUT_MAX);
    while (n > 0) {
        char *to = buf_reserve(&b, 1 << 16);
        if (to == NULL)
            break;
        n = fread(to, 1, 1 << 16, f);
        b.n += n;
    }
    if (ferror(f))
        rc = fail(name, strerror(errno));
    else if (b.failed)
        rc = fail(name, "too large");
    else if (j->jsonl)
        rc = each_line(j, buf_get(&b), name);
    else if (!answer(j, buf_get(&b), several ? name : NULL))
        rc = fail(name, "out of memory");
    buf_release(&b);
    if (f != stdin)
        (void)fclose(f);
    return rc;
}

/* The option at argv[i]; answers how many words it took, 0: none, -1: bad. */
static int option(struct job *j, int argc, char **argv, int i)
{
    struct slice a = slice_str(argv[i]);
    if (slice_is(a, "--ids"))
        return (j->ids = true, 1);
    if (slice_is(a, "--jsonl"))
        return (j->jsonl = true, 1);
    bool model = slice_is(a, "--model");
    if (!model && !slice_is(a, "--encoding"))
        return a.n > 1 && a.p[0] == '-' ? -1 : 0;
    if (i + 1 == argc)
        return -1;
    struct slice name = slice_str(argv[i + 1]);
    if (model)
        j->encoding = count_encoding(name);
    else if (!count_encoding_find(name, &j->encoding))
        return -1;
    return 2;
}

int tokens_main(int argc, char **argv)
{
    struct job j = {.encoding = ENCODING_O200K};
    int files = 0, rc = 0;
    for (int i = 0; i < argc; i++) {
        int took = option(&j, argc, argv, i);
        bool help = strcmp(argv[i], "--help") == 0;
        if (took < 0) {
            fputs(usage, help ? stdout : stderr);
            return help ? 0 : 2;
        }
        if (took == 0)
            argv[files++] = argv[i];
        else
            i += took - 1;
    }
    if (files == 0)
        return one_file(&j, "-", false);
    for (int i = 0; i < files && rc == 0; i++)
        rc = one_file(&j, argv[i], files > 1);
    if (rc == 0 && files > 1 && !j.ids && !j.jsonl)
        printf("%" PRId64 "\ttotal\n", j.total);
    return rc;
}

/* bench.c - nanoseconds per evaluation of the policies in notes.md.
 *
 * Each policy is compiled once; an evaluation includes building the input as
 * values and resetting the scratch arena, as the gateway does per request.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "rego/rego.h"

static const char sample[] = "package budgetguard.policy\n"
                             "default allow = false\n"
                             "allow {\n"
                             "  input.usage < input.budget\n"
                             "}\n"
                             "allow {\n"
                             "  input.route == \"/v1/chat/completions\"\n"
                             "  input.time >= 8\n"
                             "  input.time < 20\n"
                             "}\n";

static const char six[] =
    "package budgetguard.policy\n"
    "import rego.v1\n"
    "default allow := false\n"
    "allow if count(deny) == 0\n"
    "deny contains \"model\" if not input.model in {\"gpt-4.1\", \"o3\"}\n"
    "deny contains \"budget\" if {\n"
    "  some b in input.budgets\n"
    "  b.usage >= b.budget\n"
    "}\n"
    "deny contains \"tokens\" if input.max_tokens > 4096\n"
    "deny contains \"tag\" if count(input.tags) == 0\n"
    "deny contains \"agent\" if "
    "regex.match(`^(curl|wget)/[0-9]+\\.[0-9]+ evil`, "
    "input.headers[\"user-agent\"])\n"
    "deny contains \"hour\" if {\n"
    "  input.time < 6\n"
    "  input.day_of_week in {\"saturday\", \"sunday\"}\n"
    "}\n";

#define KEY(k) value_str(SLICE(k))

/* The input of contract §10, pairs in any order. */
static struct value input(struct arena *a)
{
    struct value *budget = value_alloc(a, 6);
    budget[0] = KEY("budget");
    budget[1] = value_int(10);
    budget[2] = KEY("period");
    budget[3] = KEY("monthly");
    budget[4] = KEY("usage");
    budget[5] = value_int(3);
    struct value *list = value_alloc(a, 1);
    list[0] = value_object(budget, 3);
    struct value *tags = value_alloc(a, 1);
    tags[0] = KEY("engineering");
    struct value *headers = value_alloc(a, 2);
    headers[0] = KEY("user-agent");
    headers[1] = KEY("curl/8.1");
    struct value pairs[] = {
        KEY("budget"),      value_int(10),
        KEY("budgets"),     value_array(list, 1),
        KEY("day_of_week"), KEY("friday"),
        KEY("headers"),     value_object(headers, 1),
        KEY("key_id"),      value_int(5),
        KEY("max_tokens"),  value_int(100),
        KEY("method"),      KEY("POST"),
        KEY("model"),       KEY("gpt-4.1"),
        KEY("provider"),    KEY("openai"),
        KEY("route"),       KEY("/v1/chat/completions"),
        KEY("stream"),      value_bool(false),
        KEY("tags"),        value_array(tags, 1),
        KEY("tenant"),      KEY("tenant-777"),
        KEY("tenant_id"),   value_int(2),
        KEY("time"),        value_int(20),
        KEY("usage"),       value_int(3),
        KEY("user"),        KEY("u-17"),
    };
    struct value *v = value_alloc(a, sizeof pairs / sizeof *pairs);
    memcpy(v, pairs, sizeof pairs);
    return value_object(v, sizeof pairs / sizeof *pairs / 2);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void run(const char *name, struct slice text, enum rego_dialect d)
{
    struct arena errs, scratch;
    arena_init(&errs, 1 << 20);
    arena_init_chunk(&scratch, 16 << 20, 256 << 10);
    struct rego_error *e = NULL;
    struct rego_module m = {SLICE("bench.rego"), text};
    double t0 = now();
    struct rego_policy *p = rego_compile(&m, 1, d, NULL, &errs, &e);
    double compiled = now() - t0;
    struct rego_query *q =
        p != NULL
            ? rego_prepare(p, SLICE("data.budgetguard.policy.allow"), &errs, &e)
            : NULL;
    if (q == NULL) {
        printf("%s: %.*s\n", name, e != NULL ? (int)e->message.n : 0,
               e != NULL ? e->message.p : "");
        exit(1);
    }
    struct value out = value_undef();
    struct rego_error err;
    double best = 1e18, empty = 1e18;
    for (int round = 0; round < 20; round++) {
        int n = 5000;
        t0 = now();
        for (int i = 0; i < n; i++) {
            arena_reset(&scratch);
            struct value in = input(&scratch);
            if (rego_eval_value(q, &in, &scratch, NULL, &out, &err) != OK)
                exit(1);
        }
        double each = (now() - t0) / n;
        best = each < best ? each : best;
        t0 = now();
        for (int i = 0; i < n; i++) {
            arena_reset(&scratch);
            (void)input(&scratch);
        }
        each = (now() - t0) / n;
        empty = each < empty ? each : empty;
    }
    arena_reset(&scratch);
    struct value in = input(&scratch);
    if (rego_eval_value(q, &in, &scratch, NULL, &out, &err) != OK)
        exit(1);
    printf("%-28s %7.0f ns, of which input %4.0f ns; %zu bytes; compile "
           "%.0f us; allow is %s\n",
           name, best, empty, scratch.used, compiled / 1000,
           value_is_true(&out) ? "true" : "false");
    rego_query_free(&q);
    rego_policy_free(&p);
    arena_release(&errs);
    arena_release(&scratch);
}

int main(void)
{
    run("allow := true", SLICE("package budgetguard.policy\nallow := true\n"),
        REGO_V1);
    run("sample", slice_str(sample), REGO_V0);
    run("six deny rules, one regex", slice_str(six), REGO_V1);
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_str(&b, "package budgetguard.policy\ndefault allow := false\n");
    for (int i = 0; i < 1000; i++)
        buf_printf(&b,
                   "allow if { input.tenant == \"tenant-%d\"; "
                   "input.max_tokens < 5000 }\n",
                   i);
    run("1,000 indexed rules", buf_get(&b), REGO_V1);
    buf_release(&b);
    return 0;
}

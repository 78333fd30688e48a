/* gate.c - see gate.h.
 *
 * One query asks for allow and deny together, so that what both rest on is
 * evaluated once; the reason is only asked for when the call is refused.
 */
#include "guard/gate.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define SCRATCH_MAX ((size_t)32 << 20)
#define TEXTS_MAX 64        /* deny texts that are passed on */
#define TEXT_BYTES_MAX 2000 /* of one of them */

struct gate {
    struct policy_reader reader;
    const struct zone *zone;
    struct metrics *metrics;
    int64_t timeout_ms;
    uint64_t generation; /* of the policy that `reads` belongs to */
    uint32_t reads;
    struct arena scratch;
};

/* ---- the answer --------------------------------------------------------- */

static int64_t mono_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct slice text_of(const struct value *v, struct arena *a)
{
    struct slice s =
        v->kind == V_STRING ? value_slice(v) : value_json_arena(a, v);
    return s.n > TEXT_BYTES_MAX ? slice(s.p, TEXT_BYTES_MAX) : s;
}

/* Texts of `deny`; anything that is no collection denies by itself. */
static void take_deny(const struct value *deny, struct arena *a,
                      struct gate_answer *out)
{
    bool listed = deny->kind == V_SET || deny->kind == V_ARRAY;
    uint32_t n = listed ? deny->n : deny->kind == V_OBJECT ? deny->n : 1;
    if (n == 0)
        return;
    out->allow = false;
    n = n < TEXTS_MAX ? n : TEXTS_MAX;
    out->deny = arena_try(a, n * sizeof *out->deny);
    for (uint32_t i = 0; out->deny != NULL && i < n; i++) {
        const struct value *v = listed                   ? &deny->u.v[i]
                                : deny->kind == V_OBJECT ? &deny->u.v[2 * i]
                                                         : deny;
        struct slice s = text_of(v, a);
        if (s.p != NULL)
            out->deny[out->deny_count++] = s;
    }
}

static void take_error(enum status st, const struct rego_error *e,
                       struct arena *a, struct gate_answer *out)
{
    out->allow = false;
    out->error =
        e->row > 0
            ? arena_printf(a, "%.*s:%u: %s: %.*s", SLICE_FMT(e->file), e->row,
                           e->code, SLICE_FMT(e->message))
            : arena_printf(a, "%s: %.*s", e->code != NULL ? e->code : "error",
                           SLICE_FMT(e->message));
    if (out->error.n == 0) // the arena is what was exhausted
        out->error = st == E_TIMEOUT
                         ? SLICE("the policy took too long")
                         : SLICE("the policy needs too much memory");
}

/* The first element of the i-th list of the verdict's answer, or NULL. */
static const struct value *part(const struct value *v, uint32_t i)
{
    if (v->kind != V_ARRAY || i >= v->n || v->u.v[i].kind != V_ARRAY ||
        v->u.v[i].n == 0)
        return NULL;
    return &v->u.v[i].u.v[0];
}

void gate_ask(const struct policy *p, const struct value *input,
              int64_t timeout_ms, struct arena *scratch,
              struct gate_answer *out)
{
    struct rego_error e = {.code = NULL};
    struct value v, reason;
    int64_t from = mono_ns();
    const struct rego_limits limits = {.deadline_ns =
                                           from + timeout_ms * 1000000};
    *out = (struct gate_answer){.allow = false};
    enum status st =
        rego_eval_value(p->verdict, input, scratch, &limits, &v, &e);
    if (st != OK) {
        take_error(st, &e, scratch, out);
    } else {
        const struct value *allow = part(&v, 0), *deny = part(&v, 1);
        out->allow = allow != NULL && value_is_true(allow);
        if (deny != NULL)
            take_deny(deny, scratch, out);
    }
    if (!out->allow && st == OK &&
        rego_eval_value(p->reason, input, scratch, &limits, &reason, &e) ==
            OK &&
        reason.kind == V_STRING)
        out->reason = text_of(&reason, scratch);
    out->took_ns = mono_ns() - from;
}

/* ---- a thread's own ----------------------------------------------------- */

struct gate *gate_new(struct policies *p, const struct zone *zone,
                      int64_t timeout_ms, struct metrics *metrics)
{
    struct gate *g = xcalloc(1, sizeof *g);
    *g = (struct gate){
        .zone = zone, .metrics = metrics, .timeout_ms = timeout_ms};
    policy_reader_init(&g->reader, p);
    arena_init(&g->scratch, SCRATCH_MAX);
    return g;
}

void gate_free(struct gate **gp)
{
    struct gate *g = *gp;
    if (g == NULL)
        return;
    policy_reader_release(&g->reader);
    arena_release(&g->scratch);
    free(g);
    *gp = NULL;
}

/* What the client and the row are told, kept in the call's arena. */
static void refuse(const struct gate_answer *said, struct arena *a,
                   struct verdict *v)
{
    v->refusal = R_POLICY;
    v->policy_reason = arena_dup(a, said->reason);
    v->policy_error = said->error.n > 0;
    if (said->deny_count == 0)
        return;
    v->deny = arena_try(a, (size_t)said->deny_count * sizeof *v->deny);
    for (int i = 0; v->deny != NULL && i < said->deny_count; i++) {
        v->deny[i] = arena_dup(a, said->deny[i]);
        v->deny_count += v->deny[i].p != NULL;
    }
}

/* The policy in force, and what of the input it looks at. */
static const struct policy *policy_of(struct gate *g)
{
    const struct policy *p = policy_now(&g->reader);
    if (g->generation != g->reader.generation) {
        g->generation = g->reader.generation;
        g->reads = gate_input_reads(p);
    }
    return p;
}

void gate_decide(struct gate *g, const struct gate_in *in, struct arena *a,
                 struct verdict *v)
{
    struct gate_answer said = {.error = SLICE("out of memory")};
    arena_reset(&g->scratch);
    const struct policy *p = policy_of(g);
    struct value input = gate_input(in, g->zone, g->reads, &g->scratch);
    if (input.kind != V_UNDEF)
        gate_ask(p, &input, g->timeout_ms, &g->scratch, &said);
    metric_time(g->metrics, M_POLICY_SECONDS, said.took_ns / 1000);
    if (said.error.n > 0) {
        metric_add(g->metrics, M_POLICY_ERRORS, (struct slice[4]){{NULL, 0}},
                   1);
        log_line(LOG_ERROR, "policy failed; the call is refused",
                 LF_S("error", said.error));
    }
    if (!said.allow)
        refuse(&said, a, v);
}

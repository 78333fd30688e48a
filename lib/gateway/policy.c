/* policy.c - step 7: what the policy says of an admitted call. */
#include "gateway/exchange.h"

#include "guard/gate.h"

#define EXPLAIN_MAX 2000

/* The request's fields with lower-case names, without credentials; of a name
 * that is repeated the values are joined. */
static int fields_of(struct exchange *x, struct gate_field *out)
{
    int n = 0;
    for (int i = 0; i < x->head->field_count; i++) {
        const struct http_field *f = &x->head->fields[i];
        struct slice name = f->name, value = f->value;
        if (name.n == 0 || provider_field_is_secret(name) ||
            (value.n >= 3 && memcmp(value.p, "bg_", 3) == 0))
            continue;
        char *low = arena_try(&x->arena, name.n);
        if (low == NULL)
            continue;
        for (size_t k = 0; k < name.n; k++)
            low[k] =
                (char)(name.p[k] >= 'A' && name.p[k] <= 'Z' ? name.p[k] + 32
                                                            : name.p[k]);
        int at = 0;
        while (at < n && !slice_eq(out[at].name, slice(low, name.n)))
            at++;
        if (at < n)
            value = arena_printf(&x->arena, "%.*s, %.*s",
                                 SLICE_FMT(out[at].value), SLICE_FMT(value));
        out[at] = (struct gate_field){slice(low, name.n), value};
        n = at < n ? n : n + 1;
    }
    return n;
}

/* "text; text; reason", each once. */
static struct slice explain(struct exchange *x, const struct verdict *v)
{
    struct buf b;
    buf_init(&b, EXPLAIN_MAX);
    bool said = false;
    for (int i = 0; i < v->deny_count; i++) {
        if (b.n > 0)
            buf_str(&b, "; ");
        buf_slice(&b, v->deny[i]);
        said = said || slice_eq(v->deny[i], v->policy_reason);
    }
    if (v->policy_reason.n > 0 && !said && v->deny_count == 0)
        buf_slice(&b, v->policy_reason);
    struct slice out = arena_dup(&x->arena, buf_get(&b));
    buf_release(&b);
    return out;
}

bool policy_passes(struct exchange *x, const struct admit *a, struct verdict *v)
{
    struct gate_field *fields = arena_try(
        &x->arena, (size_t)(x->head->field_count + 1) * sizeof *fields);
    const struct gate_in in = {
        .call = &x->call,
        .budgets = a->budgets,
        .budget_count = a->budget_count,
        .fields = fields,
        .field_count = fields != NULL ? fields_of(x, fields) : 0,
        .now_ms = x->ts_ms,
        .max_output = x->limit_sent > 0 ? x->limit_sent : x->call.max_output,
        .hold_nano = v->hold_nano,
    };
    struct refuse_more more = {.verdict = v};
    gate_decide(x->gl->gate, &in, &x->arena, v);
    if (v->refusal == R_NONE)
        return true;
    more.explain = v->policy_error ? SLICE("the policy could not be evaluated")
                                   : explain(x, v);
    x->event.usage = (struct usage){0};
    x->event.usd = 0;
    refuse_detail(x, R_POLICY, v);
    (void)answer_settle(x, EVENT_BLOCKED, SLICE("policy"), 403);
    refuse_answer(x, R_POLICY, &more);
    exchange_finish(x);
    return false;
}

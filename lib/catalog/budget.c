/* budget.c - see budget.h. */
#include "catalog/budget.h"

size_t budget_env_name(struct slice tenant, char *out, size_t cap)
{
    size_t n = tenant.n < cap ? tenant.n : cap;
    for (size_t i = 0; i < n; i++) {
        char c = tenant.p[i];
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        bool plain = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        out[i] = plain ? c : '_';
    }
    return n;
}

static uint64_t mix(uint64_t v)
{
    v ^= v >> 30;
    v *= UINT64_C(0xbf58476d1ce4e5b9);
    v ^= v >> 27;
    v *= UINT64_C(0x94d049bb133111eb);
    return v ^ (v >> 31);
}

/* No part of the input comes from callers, so a mixer is enough. */
uint64_t budget_env_id(int64_t tenant_id, enum budget_period period,
                       int64_t rolling_ms)
{
    uint64_t h = mix((uint64_t)tenant_id + UINT64_C(0x9e3779b97f4a7c15));
    h = mix(h ^ (uint64_t)period);
    h = mix(h ^ (uint64_t)rolling_ms);
    return (h & ~BUDGET_SESSION_BIT) | BUDGET_ENV_BIT;
}

static bool digits(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

struct slice budget_model_base(struct slice m)
{
    if (slice_ends(m, "-latest") && m.n > 7)
        return slice(m.p, m.n - 7);
    if (m.n > 9 && m.p[m.n - 9] == '-' && digits(slice_skip(m, m.n - 8)))
        return slice(m.p, m.n - 9);
    if (m.n > 11) {
        struct slice d = slice_skip(m, m.n - 11);
        if (d.p[0] == '-' && digits(slice(d.p + 1, 4)) && d.p[5] == '-' &&
            digits(slice(d.p + 6, 2)) && d.p[8] == '-' &&
            digits(slice(d.p + 9, 2)))
            return slice(m.p, m.n - 11);
    }
    return m;
}

bool budget_model_matches(struct slice pattern, struct slice model)
{
    if (model.n == 0)
        return false;
    if (pattern.n > 0 && pattern.p[pattern.n - 1] == '*')
        return model.n >= pattern.n - 1 &&
               (pattern.n == 1 ||
                memcmp(model.p, pattern.p, pattern.n - 1) == 0);
    return slice_eq(pattern, model) ||
           slice_eq(pattern, budget_model_base(model));
}

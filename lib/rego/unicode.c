/* unicode.c - look-ups in runs of code points. */
#include "rego/unicode.h"

#include "rego/unicode_table.h"

uint32_t unicode_decode(struct slice s, size_t at, size_t *len)
{
    const uint8_t *p = (const uint8_t *)s.p + at;
    size_t left = s.n - at;
    *len = 1;
    if (p[0] < 0x80)
        return p[0];
    static const struct {
        uint8_t low, high, bits;
        uint32_t min;
    } form[] = {{0xc2, 0xdf, 0x1f, 0x80},
                {0xe0, 0xef, 0x0f, 0x800},
                {0xf0, 0xf4, 0x07, 0x10000}};
    for (size_t k = 0; k < 3; k++) {
        if (p[0] < form[k].low || p[0] > form[k].high)
            continue;
        if (left < k + 2)
            return UNICODE_BAD;
        uint32_t r = p[0] & form[k].bits;
        for (size_t i = 1; i <= k + 1; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return UNICODE_BAD;
            r = r << 6 | (p[i] & 0x3f);
        }
        if (r < form[k].min || r > UNICODE_MAX || (r >= 0xd800 && r < 0xe000))
            return UNICODE_BAD;
        *len = k + 2;
        return r;
    }
    return UNICODE_BAD;
}

uint32_t unicode_decode_last(struct slice s, size_t at, size_t *len)
{
    for (size_t back = 1; back <= 4 && back <= at; back++) {
        size_t n;
        if (((uint8_t)s.p[at - back] & 0xc0) == 0x80)
            continue;
        uint32_t r = unicode_decode(slice(s.p, at), at - back, &n);
        if (n != back)
            break;
        *len = n;
        return r;
    }
    *len = 1;
    return UNICODE_BAD;
}

size_t unicode_encode(uint32_t r, char out[static 4])
{
    if (r > UNICODE_MAX || (r >= 0xd800 && r < 0xe000))
        r = UNICODE_BAD;
    if (r < 0x80) {
        out[0] = (char)r;
        return 1;
    }
    size_t n = r < 0x800 ? 2 : r < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; r >>= 6)
        out[i] = (char)(0x80 | (r & 0x3f));
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[n] | r);
    return n;
}

void unicode_put(struct buf *b, uint32_t r)
{
    char out[4];
    buf_add(b, out, unicode_encode(r, out));
}

size_t unicode_count(struct slice s)
{
    size_t count = 0, len;
    for (size_t i = 0; i < s.n; i += len, count++)
        (void)unicode_decode(s, i, &len);
    return count;
}

/* The last run that begins at or before `r`; runs begin with 0. */
static size_t run_of(const uint32_t *runs, size_t n, uint32_t r)
{
    size_t low = 0, high = n;
    while (high - low > 1) {
        size_t mid = (low + high) / 2;
        if (runs[mid] >> 8 <= r)
            low = mid;
        else
            high = mid;
    }
    return low;
}

/* The first case range that ends at or behind `r`; may be the count. */
static size_t case_from(uint32_t r)
{
    size_t low = 0, high = unicode_case_count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (unicode_cases[mid].last < r)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static uint32_t map_case(uint32_t r, bool upper)
{
    size_t i = case_from(r);
    if (i == unicode_case_count || unicode_cases[i].first > r)
        return r;
    const struct unicode_case *c = &unicode_cases[i];
    if (c->upper == UNICODE_PAIRS) {
        uint32_t odd = (r - c->first) & 1;
        return upper ? r - odd : r + 1 - odd;
    }
    return (uint32_t)((int32_t)r + (upper ? c->upper : c->lower));
}

uint32_t unicode_upper(uint32_t r)
{
    if (r < 0x80)
        return r >= 'a' && r <= 'z' ? r - 32 : r;
    return map_case(r, true);
}

uint32_t unicode_lower(uint32_t r)
{
    if (r < 0x80)
        return r >= 'A' && r <= 'Z' ? r + 32 : r;
    return map_case(r, false);
}

uint32_t unicode_next_cased(uint32_t r)
{
    size_t i = case_from(r);
    if (i == unicode_case_count)
        return UNICODE_MAX + 1;
    return unicode_cases[i].first > r ? unicode_cases[i].first : r;
}

size_t unicode_orbit(uint32_t r, uint32_t out[static UNICODE_ORBIT])
{
    size_t start = 0;
    bool in = false;
    for (size_t i = 0; i < unicode_orbits_count; i++) {
        in = in || unicode_orbits[i] == r;
        if (unicode_orbits[i] != 0)
            continue;
        if (in) {
            for (size_t k = start; k < i; k++)
                out[k - start] = unicode_orbits[k];
            return i - start;
        }
        start = i + 1;
    }
    // the Turkish dotless and dotted i have case but fold to themselves
    uint32_t u = unicode_upper(r), l = unicode_lower(r);
    uint32_t other = u != r ? u : l;
    if (other == r || r == 0x130 || r == 0x131) {
        out[0] = r;
        return 1;
    }
    out[0] = r < other ? r : other;
    out[1] = r < other ? other : r;
    return 2;
}

bool unicode_space(uint32_t r)
{
    if (r < 0x80)
        return r == ' ' || (r >= 9 && r <= 13);
    return r == 0x85 || r == 0xa0 || r == 0x1680 ||
           (r >= 0x2000 && r <= 0x200a) || r == 0x2028 || r == 0x2029 ||
           r == 0x202f || r == 0x205f || r == 0x3000;
}

/* The initial of the category's name. */
static char major_of(uint32_t r)
{
    size_t i = run_of(unicode_category_runs, unicode_category_count, r);
    uint32_t cat = unicode_category_runs[i] & 0xff;
    return cat == UNICODE_ALTERNATING ? 'L' : unicode_category_names[cat][0];
}

bool unicode_print(uint32_t r)
{
    if (r < 0x80)
        return r >= 0x20 && r < 0x7f;
    char c = major_of(r);
    return c != 'C' && c != 'Z';
}

bool unicode_letter(uint32_t r)
{
    return r <= UNICODE_MAX && major_of(r) == 'L';
}

static uint32_t run_end(const uint32_t *runs, size_t n, size_t i)
{
    return i + 1 < n ? (runs[i + 1] >> 8) - 1 : UNICODE_MAX;
}

/* Lu, Ll or another category by its name, "L" all that begin with it. */
static bool category_has(uint32_t cat, struct slice name)
{
    const char *own = unicode_category_names[cat];
    if (own[0] != name.p[0] || cat == 0) // not the unassigned
        return false;
    return name.n == 1 || own[1] == name.p[1];
}

static bool known_category(struct slice name)
{
    if (name.n != 1 && name.n != 2)
        return false;
    for (uint32_t c = 1; c < UNICODE_CATEGORIES; c++)
        if (category_has(c, name))
            return true;
    return false;
}

/* A run of Lu, Ll, Lu ... */
static void add_turns(struct slice name, uint32_t first, uint32_t last,
                      void (*add)(void *, uint32_t, uint32_t), void *arg)
{
    if (name.n == 1) {
        add(arg, first, last);
        return;
    }
    if (name.p[1] != 'u' && name.p[1] != 'l')
        return;
    for (uint32_t r = first + (name.p[1] == 'l'); r <= last; r += 2)
        add(arg, r, r);
}

bool unicode_property(struct slice name,
                      void (*add)(void *arg, uint32_t first, uint32_t last),
                      void *arg)
{
    if (slice_is(name, "Any")) {
        add(arg, 0, UNICODE_MAX);
        return true;
    }
    if (known_category(name)) {
        size_t n = unicode_category_count;
        for (size_t i = 0; i < n; i++) {
            uint32_t cat = unicode_category_runs[i] & 0xff;
            uint32_t first = unicode_category_runs[i] >> 8;
            uint32_t last = run_end(unicode_category_runs, n, i);
            if (cat == UNICODE_ALTERNATING && name.p[0] == 'L')
                add_turns(name, first, last, add, arg);
            else if (cat != UNICODE_ALTERNATING && category_has(cat, name))
                add(arg, first, last);
        }
        return true;
    }
    for (uint32_t s = 1; s < unicode_script_names_count; s++) {
        if (!slice_is(name, unicode_script_names[s]))
            continue;
        size_t n = unicode_script_count;
        for (size_t i = 0; i < n; i++)
            if ((unicode_script_runs[i] & 0xff) == s)
                add(arg, unicode_script_runs[i] >> 8,
                    run_end(unicode_script_runs, n, i));
        return true;
    }
    return false;
}

/* builtin_cidr.c - net.cidr_*: addresses as 16 bytes, networks as ranges. */
#include <arpa/inet.h>
#include <string.h>

#include "rego/builtin_tables.h"
#include "rego/builtin_util.h"

/* A network: its first and last address.  IPv4 lies in the last 4 bytes. */
struct net {
    bool v6;
    int bits; // of the prefix
    unsigned __int128 first, last;
};

static bool parse_ip(struct slice s, bool *v6, unsigned __int128 *out)
{
    char text[64];
    uint8_t raw[16];
    if (s.n == 0 || s.n >= sizeof text || memchr(s.p, 0, s.n) != NULL)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    *v6 = strchr(text, ':') != NULL;
    if (inet_pton(*v6 ? AF_INET6 : AF_INET, text, raw) != 1)
        return false;
    *out = 0;
    for (size_t i = 0; i < (*v6 ? 16 : 4); i++)
        *out = *out << 8 | raw[i];
    return true;
}

static void set_range(struct net *n, unsigned __int128 ip)
{
    int host = (n->v6 ? 128 : 32) - n->bits;
    unsigned __int128 mask = host == 128 ? ~(unsigned __int128)0
                                         : ((unsigned __int128)1 << host) - 1;
    n->first = ip & ~mask;
    n->last = ip | mask;
}

static bool parse_cidr(struct slice s, struct net *n)
{
    size_t cut = slice_find(s, '/');
    struct slice bits = slice_skip(s, cut + 1);
    unsigned __int128 ip;
    if (cut == s.n || bits.n == 0 || bits.n > 3 ||
        !parse_ip(slice(s.p, cut), &n->v6, &ip))
        return false;
    n->bits = 0;
    for (size_t i = 0; i < bits.n; i++) {
        if (bits.p[i] < '0' || bits.p[i] > '9')
            return false;
        n->bits = n->bits * 10 + (bits.p[i] - '0');
    }
    if (n->bits > (n->v6 ? 128 : 32))
        return false;
    set_range(n, ip);
    return true;
}

/* A network or a single address. */
static bool parse_any(struct slice s, struct net *n)
{
    unsigned __int128 ip;
    if (parse_cidr(s, n))
        return true;
    if (!parse_ip(s, &n->v6, &ip))
        return false;
    n->bits = n->v6 ? 128 : 32;
    n->first = n->last = ip;
    return true;
}

static enum builtin_status invalid(struct builtin_ctx *c, struct slice s)
{
    return builtin_error(c, CODE_BUILTIN, "invalid CIDR address: %.*s",
                         s.n < 200 ? (int)s.n : 200, s.p);
}

static bool contains(const struct net *a, const struct net *b)
{
    return a->v6 == b->v6 && a->first <= b->first && b->last <= a->last;
}

/* The shortest text of RFC 5952. */
static void put_ip(struct buf *b, bool v6, unsigned __int128 ip)
{
    if (!v6) {
        buf_printf(b, "%u.%u.%u.%u", (unsigned)(ip >> 24) & 255,
                   (unsigned)(ip >> 16) & 255, (unsigned)(ip >> 8) & 255,
                   (unsigned)ip & 255);
        return;
    }
    unsigned w[8];
    for (int i = 0; i < 8; i++)
        w[i] = (unsigned)(ip >> (112 - 16 * i)) & 0xffff;
    int best = -1, len = 1; // the longest run of zeros, at least two
    for (int i = 0; i < 8; i++) {
        int n = 0;
        while (i + n < 8 && w[i + n] == 0)
            n++;
        if (n > len) {
            best = i;
            len = n;
        }
    }
    for (int i = 0; i < 8; i++) {
        if (i == best) {
            buf_str(b, "::");
            i += len - 1;
            continue;
        }
        if (i > 0 && i != best + len)
            buf_char(b, ':');
        else if (i > 0 && best < 0)
            buf_char(b, ':');
        buf_printf(b, "%x", w[i]);
    }
}

static struct value ip_value(struct builtin_ctx *c, const struct net *n,
                             unsigned __int128 ip, bool prefix)
{
    struct buf b;
    builtin_buf(c, &b);
    put_ip(&b, n->v6, ip);
    if (prefix)
        buf_printf(&b, "/%d", n->bits);
    return builtin_buf_value(c, &b);
}

/* ---- two networks ------------------------------------------------------- */

static enum builtin_status cidr_contains(struct builtin_ctx *c,
                                         const struct value *args,
                                         struct value *out)
{
    struct net a, b;
    if (!builtin_want_str2(c, args))
        return BUILTIN_ERROR;
    if (!parse_cidr(value_slice(&args[0]), &a))
        return invalid(c, value_slice(&args[0]));
    if (!parse_any(value_slice(&args[1]), &b))
        return invalid(c, value_slice(&args[1]));
    *out = value_bool(contains(&a, &b));
    return BUILTIN_OK;
}

static enum builtin_status cidr_intersects(struct builtin_ctx *c,
                                           const struct value *args,
                                           struct value *out)
{
    struct net a, b;
    if (!builtin_want_str2(c, args))
        return BUILTIN_ERROR;
    if (!parse_cidr(value_slice(&args[0]), &a))
        return invalid(c, value_slice(&args[0]));
    if (!parse_cidr(value_slice(&args[1]), &b))
        return invalid(c, value_slice(&args[1]));
    *out = value_bool(contains(&a, &b) || contains(&b, &a));
    return BUILTIN_OK;
}

static enum builtin_status cidr_is_valid(struct builtin_ctx *c,
                                         const struct value *args,
                                         struct value *out)
{
    struct net n;
    (void)c;
    *out = value_bool(args[0].kind == V_STRING &&
                      parse_cidr(value_slice(&args[0]), &n));
    return BUILTIN_OK;
}

static enum builtin_status
cidr_expand(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    struct net n;
    if (!builtin_want(c, args, 1, V_STRING))
        return BUILTIN_ERROR;
    if (!parse_cidr(value_slice(&args[0]), &n))
        return invalid(c, value_slice(&args[0]));
    struct value_list l = builtin_list(c);
    for (unsigned __int128 ip = n.first;; ip++) {
        if (!builtin_step(c, 4))
            return BUILTIN_FATAL;
        struct value v = ip_value(c, &n, ip, false);
        if (v.kind == V_UNDEF || l.failed)
            return builtin_nomem(c);
        value_list_add(&l, v);
        if (ip == n.last)
            break;
    }
    return builtin_give(c, value_list_set(&l), out);
}

/* ---- many networks ------------------------------------------------------ */

/* An operand's entries: what names them, and their network. */
struct entries {
    uint32_t n;
    struct value *name;
    struct net *net;
};

static enum builtin_status bad_element(struct builtin_ctx *c, int pos)
{
    return builtin_error(c, CODE_BUILTIN,
                         "operand %d: element must be string or non-empty "
                         "array",
                         pos);
}

static enum builtin_status read_entries(struct builtin_ctx *c,
                                        const struct value *args, int pos,
                                        struct entries *e)
{
    const struct value *v = &args[pos - 1];
    bool many = v->kind == V_ARRAY || v->kind == V_SET || v->kind == V_OBJECT;
    if (!many && v->kind != V_STRING)
        return builtin_operand(c, pos, "one of {string, array, set, object}",
                               v);
    e->n = many ? v->n : 1;
    e->name = builtin_values(c, e->n);
    e->net = builtin_alloc(c, e->n * sizeof *e->net);
    if (e->name == NULL || e->net == NULL)
        return BUILTIN_FATAL;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct value *item = many ? &v->u.v[i] : v;
        e->name[i] = v->kind == V_ARRAY ? value_int(i) : *item;
        if (v->kind == V_OBJECT) {
            e->name[i] = v->u.v[2 * (size_t)i];
            item = &v->u.v[2 * (size_t)i + 1];
        }
        if (item->kind == V_ARRAY && item->n > 0)
            item = &item->u.v[0];
        if (item->kind != V_STRING)
            return bad_element(c, pos);
        if (!builtin_step(c, 4))
            return BUILTIN_FATAL;
        struct slice s = value_slice(item);
        if (pos == 1 ? !parse_cidr(s, &e->net[i]) : !parse_any(s, &e->net[i]))
            return invalid(c, s);
    }
    return BUILTIN_OK;
}

static enum builtin_status contains_matches(struct builtin_ctx *c,
                                            const struct value *args,
                                            struct value *out)
{
    struct entries a, b;
    enum builtin_status st = read_entries(c, args, 1, &a);
    if (st == BUILTIN_OK)
        st = read_entries(c, args, 2, &b);
    if (st != BUILTIN_OK)
        return st;
    struct value_list l = builtin_list(c);
    for (uint32_t i = 0; i < a.n; i++) {
        if (!builtin_step(c, b.n + UINT64_C(1)))
            return BUILTIN_FATAL;
        for (uint32_t k = 0; k < b.n; k++) {
            if (!contains(&a.net[i], &b.net[k]))
                continue;
            struct value *pair = builtin_values(c, 2);
            if (pair == NULL)
                return BUILTIN_FATAL;
            pair[0] = a.name[i];
            pair[1] = b.name[k];
            value_list_add(&l, value_array(pair, 2));
        }
    }
    return builtin_give(c, value_list_set(&l), out);
}

/* ---- merging ------------------------------------------------------------ */

static bool before(const struct net *a, const struct net *b)
{
    if (a->v6 != b->v6)
        return !a->v6;
    return a->first < b->first;
}

static void sift(struct net *v, size_t i, size_t n)
{
    for (;;) {
        size_t big = i;
        for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < n; k++)
            if (before(&v[big], &v[k]))
                big = k;
        if (big == i)
            return;
        struct net t = v[i];
        v[i] = v[big];
        v[big] = t;
        i = big;
    }
}

static void sort_nets(struct net *v, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(v, i, n);
    while (n > 1) {
        struct net t = v[0];
        v[0] = v[--n];
        v[n] = t;
        sift(v, 0, n);
    }
}

/* Overlapping and adjacent ranges become one; returns how many are left. */
static size_t join(struct net *v, size_t n)
{
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        struct net *p = out > 0 ? &v[out - 1] : NULL;
        unsigned __int128 max =
            v[i].v6 ? ~(unsigned __int128)0 : (unsigned __int128)UINT32_MAX;
        if (p != NULL && p->v6 == v[i].v6 &&
            (p->last == max || v[i].first <= p->last + 1)) {
            if (v[i].last > p->last)
                p->last = v[i].last;
        } else {
            v[out++] = v[i];
        }
    }
    return out;
}

/* A range as the fewest networks. */
static bool put_nets(struct builtin_ctx *c, struct net range,
                     struct value_list *l)
{
    int width = range.v6 ? 128 : 32;
    for (;;) {
        struct net n = {.v6 = range.v6, .bits = width};
        set_range(&n, range.first);
        while (n.bits > 0) { // grow while aligned and inside
            struct net wider = {.v6 = range.v6, .bits = n.bits - 1};
            set_range(&wider, range.first);
            if (wider.first != range.first || wider.last > range.last)
                break;
            n = wider;
        }
        struct value v = ip_value(c, &n, n.first, true);
        if (v.kind == V_UNDEF || !builtin_step(c, 8))
            return false;
        value_list_add(l, v);
        if (n.last == range.last)
            return true;
        range.first = n.last + 1;
    }
}

/* A network, or an IPv4 address with the mask of its class. */
static enum builtin_status merge_element(struct builtin_ctx *c, struct slice s,
                                         struct net *n)
{
    unsigned __int128 ip;
    if (!parse_ip(s, &n->v6, &ip))
        return parse_cidr(s, n) ? BUILTIN_OK : invalid(c, s);
    if (n->v6)
        return builtin_error(c, CODE_BUILTIN,
                             "IPv6 invalid: needs prefix length");
    unsigned top = (unsigned)(ip >> 24);
    n->bits = top < 128 ? 8 : top < 192 ? 16 : 24;
    set_range(n, ip);
    return BUILTIN_OK;
}

static enum builtin_status
cidr_merge(struct builtin_ctx *c, const struct value *args, struct value *out)
{
    if (!builtin_want_list(c, args, 1))
        return BUILTIN_ERROR;
    const struct value *v = &args[0];
    struct net *nets = builtin_alloc(c, v->n * sizeof *nets + 1);
    if (nets == NULL || !builtin_step(c, 8 * (uint64_t)v->n))
        return BUILTIN_FATAL;
    for (uint32_t i = 0; i < v->n; i++) {
        if (v->u.v[i].kind != V_STRING)
            return builtin_element(c, 1, v, &v->u.v[i], "string");
        enum builtin_status st =
            merge_element(c, value_slice(&v->u.v[i]), &nets[i]);
        if (st != BUILTIN_OK)
            return st;
    }
    sort_nets(nets, v->n);
    size_t n = join(nets, v->n);
    struct value_list l = builtin_list(c);
    c->code = NULL;
    for (size_t i = 0; i < n; i++)
        if (!put_nets(c, nets[i], &l))
            return builtin_run_limit(c);
    return builtin_give(c, value_list_set(&l), out);
}

#define NETS "|s[|s[a]|](a){|s[a]|}|"

const struct builtin builtin_cidr[] = {
    BUILTIN("net.cidr_contains", 2, "ss>b", cidr_contains),
    BUILTIN_FLAGS("net.cidr_overlap", 2, BUILTIN_DEPRECATED, "ss>b",
                  cidr_contains),
    BUILTIN("net.cidr_intersects", 2, "ss>b", cidr_intersects),
    BUILTIN("net.cidr_is_valid", 1, "s>b", cidr_is_valid),
    BUILTIN("net.cidr_expand", 1, "s>{s}", cidr_expand),
    BUILTIN("net.cidr_merge", 1, "|[s]{s}|>{s}", cidr_merge),
    BUILTIN("net.cidr_contains_matches", 2, NETS NETS ">{[a]}",
            contains_matches),
    BUILTIN_END,
};

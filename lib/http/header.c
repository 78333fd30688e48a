/* header.c - see header.h. */
#include "http/header.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/money.h"

struct slice header_find(const struct http_field *f, int n, const char *name)
{
    struct slice want = slice_str(name);
    for (int i = 0; i < n; i++)
        if (slice_eq_nocase(f[i].name, want))
            return f[i].value;
    return (struct slice){NULL, 0};
}

bool header_media_is(struct slice content_type, const char *type)
{
    struct slice rest = content_type;
    if (rest.p == NULL)
        return false;
    return slice_eq_nocase(slice_trim(slice_cut(&rest, ';')), slice_str(type));
}

struct slice header_text(struct slice s, size_t max)
{
    if (s.n > max) {
        s.n = max;
        while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xC0) == 0x80)
            s.n--;
    }
    while (s.n > 0 && (unsigned char)s.p[s.n - 1] < 0x20)
        s.n--;
    return s;
}

/* The 16 bytes of an address in text; `*four` if it is IPv4. */
static bool address(struct slice s, unsigned char out[16], bool *four)
{
    char text[INET6_ADDRSTRLEN];
    if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
        s = slice(s.p + 1, s.n - 2);
    if (s.n == 0 || s.n >= sizeof text)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    memset(out, 0, 10);
    out[10] = out[11] = 0xFF;
    *four = inet_pton(AF_INET, text, out + 12) == 1;
    return *four || inet_pton(AF_INET6, text, out) == 1;
}

bool header_cidr(struct slice s, struct cidr *out)
{
    struct slice rest = s;
    bool four;
    int64_t bits;
    struct slice addr = slice_cut(&rest, '/');
    if (!address(addr, out->addr, &four))
        return false;
    bits = four ? 32 : 128;
    if (rest.p != NULL &&
        (!money_scan(rest, 0, &bits) || bits < 0 || bits > (four ? 32 : 128)))
        return false;
    out->bits = (int)bits + (four ? 96 : 0);
    return true;
}

bool header_in(struct slice s, const struct cidr *nets, int n)
{
    unsigned char a[16];
    bool four;
    if (!address(s, a, &four))
        return false;
    for (int i = 0; i < n; i++) {
        int whole = nets[i].bits / 8, rest = nets[i].bits % 8;
        unsigned mask = rest == 0 ? 0 : 0xFFu << (8 - rest) & 0xFF;
        if (memcmp(a, nets[i].addr, (size_t)whole) != 0)
            continue;
        if (mask == 0 || ((a[whole] ^ nets[i].addr[whole]) & mask) == 0)
            return true;
    }
    return false;
}

struct slice header_source(struct slice peer, struct slice forwarded,
                           const struct cidr *trusted, int n)
{
    if (n == 0 || forwarded.p == NULL || !header_in(peer, trusted, n))
        return peer;
    struct slice last = peer;
    while (forwarded.n > 0) { // from the nearest hop outwards
        size_t at = forwarded.n;
        while (at > 0 && forwarded.p[at - 1] != ',')
            at--;
        struct slice hop = slice_trim(slice_skip(forwarded, at));
        forwarded.n = at > 0 ? at - 1 : 0;
        unsigned char a[16];
        bool four;
        if (!address(hop, a, &four))
            return last;
        last = hop;
        if (!header_in(hop, trusted, n))
            return hop;
    }
    return last;
}

// rooms: token base
/* Counting any bytes: as many tokens as ids, never more than bytes of the
 * well-formed text, and cut anywhere the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "token/count.h"

#define CUTS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_up(void *arg, const uint32_t *ids, size_t n)
{
    int64_t *sum = arg;
    assert(n > 0 && ids[0] < 1u << 18);
    *sum += (int64_t)n;
}

static void in_two(enum encoding e, struct slice s, size_t cut, int64_t whole)
{
    struct count_stream c;
    count_stream_init(&c, e);
    count_stream_add(&c, slice(s.p, cut));
    count_stream_add(&c, slice(s.p + cut, s.n - cut));
    assert(count_stream_get(&c) == whole);
    count_stream_release(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    enum encoding e = (enum encoding)(data[0] % ENCODING_COUNT);
    struct slice s = slice((const char *)data + 1, size - 1);
    int64_t whole = count_text(e, s), ids = 0;
    assert(whole >= 0 && whole <= 3 * (int64_t)s.n);
    assert(count_ids(e, s, add_up, &ids) == whole && ids == whole);
    for (size_t cut = 0; cut <= s.n; cut += s.n / CUTS + 1)
        in_two(e, s, cut, whole);
    struct count_stream c;
    count_stream_init(&c, e);
    for (size_t i = 0; i < s.n; i++)
        count_stream_add(&c, slice(s.p + i, 1));
    assert(count_stream_get(&c) == whole);
    count_stream_release(&c);
    return 0;
}

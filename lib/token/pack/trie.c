/* trie.c - a double array, filled depth first.
 *
 * Every node gets a base no other node has, so that a slot's label alone tells
 * whether it is the child looked for.  Free slots are a linked list; a node
 * with several children looks along it from where the last one found room, and
 * gives up on gaps after a while: a few per cent of waste for a quick build.
 */
#include "token/pack/trie.h"

#include <stdbool.h>
#include <stdlib.h>

#define GROW (1u << 16) /* a multiple of 256: base ^ byte stays inside */
#define TRIES 4096

struct builder {
    struct image_node *nodes;
    uint8_t *base_used;
    uint32_t *next, *prev; // free list; slot 0 is its anchor and the root
    uint32_t slots;
    uint32_t look; // where the next search begins
    bool failed;
};

static int by_bytes(const void *a, const void *b)
{
    const struct trie_key *x = a, *y = b;
    uint32_t n = x->n < y->n ? x->n : y->n;
    int c = memcmp(x->bytes, y->bytes, n);
    return c != 0 ? c : x->n < y->n ? -1 : 1;
}

static bool grown(void **p, size_t old, size_t count, size_t size)
{
    void *q = realloc(*p, count * size);
    if (q == NULL)
        return false;
    memset((char *)q + old * size, 0, (count - old) * size);
    *p = q;
    return true;
}

static bool grow(struct builder *b)
{
    uint32_t old = b->slots, n = old + GROW;
    if (!grown((void **)&b->nodes, old, n, sizeof *b->nodes) ||
        !grown((void **)&b->base_used, old, n, 1) ||
        !grown((void **)&b->next, old, n, sizeof *b->next) ||
        !grown((void **)&b->prev, old, n, sizeof *b->prev))
        return false;
    uint32_t last = old == 0 ? 0 : b->prev[0];
    for (uint32_t i = old == 0 ? 1 : old; i < n; i++) {
        b->next[last] = i;
        b->prev[i] = last;
        last = i;
    }
    b->next[last] = 0;
    b->prev[0] = last;
    b->slots = n;
    return true;
}

static void take(struct builder *b, uint32_t slot)
{
    b->next[b->prev[slot]] = b->next[slot];
    b->prev[b->next[slot]] = b->prev[slot];
    if (b->look == slot)
        b->look = b->next[slot];
}

static bool fits(const struct builder *b, uint32_t base, const uint8_t *labels,
                 uint32_t n)
{
    if (b->base_used[base])
        return false;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t slot = base ^ labels[i];
        if (slot == 0 || b->nodes[slot].id_label != 0)
            return false;
    }
    return true;
}

/* A base at which all children find room. */
static uint32_t find_base(struct builder *b, const uint8_t *labels, uint32_t n)
{
    for (;;) {
        uint32_t at = b->look != 0 ? b->look : b->next[0];
        for (uint32_t i = 0; at != 0; i++, at = b->next[at]) {
            uint32_t base = at ^ labels[0];
            if (fits(b, base, labels, n)) {
                if (i > TRIES)
                    b->look = at;
                return base;
            }
        }
        if (!grow(b)) {
            b->failed = true;
            return 0;
        }
    }
}

/* Children of `node`, which stands for the first `depth` bytes of all keys. */
static void fill(struct builder *b, uint32_t node, const struct trie_key *keys,
                 uint32_t count, uint32_t depth, uint32_t no_child)
{
    uint8_t labels[256];
    uint32_t from[257], n = 0;
    uint32_t i = keys[0].n == depth ? 1 : 0; // the key that ends here
    for (; i < count; i++)
        if (n == 0 || labels[n - 1] != keys[i].bytes[depth]) {
            from[n] = i;
            labels[n++] = keys[i].bytes[depth];
        }
    from[n] = count;
    b->nodes[node].base = no_child;
    if (n == 0 || b->failed)
        return;
    uint32_t base = find_base(b, labels, n);
    if (b->failed)
        return;
    b->base_used[base] = 1;
    b->nodes[node].base = base;
    for (uint32_t k = 0; k < n; k++) {
        const struct trie_key *key = &keys[from[k]];
        uint32_t id = key->n == depth + 1 ? key->id : IMAGE_TRIE_NONE;
        take(b, base ^ labels[k]);
        b->nodes[base ^ labels[k]].id_label =
            id << IMAGE_TRIE_ID_SHIFT | IMAGE_TRIE_USED | labels[k];
    }
    for (uint32_t k = 0; k < n; k++)
        fill(b, base ^ labels[k], keys + from[k], from[k + 1] - from[k],
             depth + 1, no_child);
}

struct image_node *trie_build(struct trie_key *keys, uint32_t count,
                              uint32_t *slots)
{
    struct builder b = {0};
    qsort(keys, count, sizeof *keys, by_bytes);
    if (!grow(&b))
        return NULL;
    // a block that stays empty, for nodes without children
    uint32_t no_child = 256;
    b.base_used[no_child] = 1;
    for (uint32_t c = 0; c < 256; c++) {
        take(&b, no_child ^ c);
        b.nodes[no_child ^ c].id_label = UINT32_MAX; // taken while filling
    }
    fill(&b, 0, keys, count, 0, no_child);
    for (uint32_t c = 0; c < 256; c++)
        b.nodes[no_child ^ c].id_label = 0;
    uint32_t end = b.slots;
    while (end > 512 && b.nodes[end - 1].id_label == 0)
        end--;
    *slots = (end + 255) / 256 * 256;
    free(b.base_used);
    free(b.next);
    free(b.prev);
    if (b.failed) {
        free(b.nodes);
        return NULL;
    }
    return b.nodes;
}

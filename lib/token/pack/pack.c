/* pack.c - host tool: rank tables and Unicode runs to images for .incbin.
 *
 *   pack ranks FILE.tiktoken OUT.img      a rank table
 *   pack unicode OUT.img                  the class table
 *
 * A line of a rank table is "base64 rank".  Everything is checked while it is
 * packed: ids are dense but for known holes, each token's last merge is one
 * pair of smaller ids, every key is found again in the finished image.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "token/image.h"
#include "token/pack/trie.h"
#include "token/unicode_runs.h"

#define IDS_MAX (1u << IMAGE_ID_BITS)
#define LOAD 98 /* percent of slots in use */
#define PER_BUCKET 4
#define FILTER_BITS 8 /* per pair, at least */

struct token {
    uint8_t bytes[IMAGE_WORD_MAX];
    uint32_t n; // 0: a hole
    uint32_t left, right;
};

static struct token *tokens;
static uint32_t token_count;
static uint32_t byte_id[256];

static void die(const char *what, const char *name)
{
    fprintf(stderr, "pack: %s: %s\n", what, name);
    exit(1);
}

static void *need(size_t n)
{
    void *p = calloc(1, n);
    if (p == NULL)
        die("no memory", "");
    return p;
}

/* ---- reading ------------------------------------------------------------ */

static int sixbit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static uint32_t base64(const char *s, uint8_t *out)
{
    uint32_t n = 0, acc = 0;
    int bits = 0;
    for (; *s != '\0' && *s != '='; s++) {
        int v = sixbit(*s);
        if (v < 0 || n == IMAGE_WORD_MAX)
            die("bad base64", s);
        acc = acc << 6 | (uint32_t)v;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (uint8_t)(acc >> bits);
        }
    }
    return n;
}

static void read_ranks(const char *path)
{
    FILE *f = fopen(path, "r");
    char text[512];
    unsigned id;
    if (f == NULL)
        die(strerror(errno), path);
    tokens = need(IDS_MAX * sizeof *tokens);
    while (fscanf(f, "%511s %u", text, &id) == 2) {
        if (id >= IDS_MAX || tokens[id].n != 0)
            die("bad rank", text);
        tokens[id].n = base64(text, tokens[id].bytes);
        if (tokens[id].n == 0)
            die("empty token", text);
        if (tokens[id].n == 1)
            byte_id[tokens[id].bytes[0]] = id;
        if (id >= token_count)
            token_count = id + 1;
    }
    if (!feof(f) || token_count < 256)
        die("not a rank table", path);
    fclose(f);
}

/* ---- last merges -------------------------------------------------------- */

/* A plain chained hash of all tokens, for packing only. */
static uint32_t *heads, *chain;

static uint32_t key_of(const uint8_t *p, uint32_t n)
{
    return (uint32_t)(image_word_hash(image_load(p, n), p, n) >> 44);
}

static void index_tokens(void)
{
    heads = need((1u << 20) * sizeof *heads);
    chain = need(IDS_MAX * sizeof *chain);
    for (uint32_t id = 0; id < token_count; id++) {
        if (tokens[id].n == 0)
            continue;
        uint32_t k = key_of(tokens[id].bytes, tokens[id].n);
        chain[id] = heads[k];
        heads[k] = id + 1;
    }
}

/* id + 1 of these bytes, 0: no token */
static uint32_t find(const uint8_t *p, uint32_t n)
{
    for (uint32_t i = heads[key_of(p, n)]; i != 0; i = chain[i - 1])
        if (tokens[i - 1].n == n && memcmp(tokens[i - 1].bytes, p, n) == 0)
            return i;
    return 0;
}

/* Merges the token's bytes with smaller ranks only; two parts must remain. */
static void last_merge(uint32_t id)
{
    struct token *t = &tokens[id];
    uint32_t start[IMAGE_WORD_MAX + 1], parts = t->n;
    for (uint32_t i = 0; i <= t->n; i++)
        start[i] = i;
    while (parts > 2) {
        uint32_t best = UINT32_MAX, at = 0;
        for (uint32_t i = 0; i + 1 < parts; i++) {
            uint32_t f = find(t->bytes + start[i], start[i + 2] - start[i]);
            if (f != 0 && f - 1 < id && f - 1 < best) {
                best = f - 1;
                at = i;
            }
        }
        if (best == UINT32_MAX)
            die("token without a last merge", "");
        for (uint32_t i = at + 1; i < parts; i++)
            start[i] = start[i + 1];
        parts--;
    }
    uint32_t l = find(t->bytes, start[1]);
    uint32_t r = find(t->bytes + start[1], t->n - start[1]);
    if (l == 0 || r == 0 || l - 1 >= id || r - 1 >= id)
        die("last merge of larger ids", "");
    t->left = l - 1;
    t->right = r - 1;
}

/* ---- hash and displace -------------------------------------------------- */

struct perfect {
    uint32_t keys, buckets, slots;
    uint64_t *hash; // of each key
    uint32_t *slot; // of each key
    uint16_t *disp;
};

static const struct perfect *sorting;
static uint32_t *bucket_size;

static int by_size(const void *a, const void *b)
{
    uint32_t x = bucket_size[*(const uint32_t *)a];
    uint32_t y = bucket_size[*(const uint32_t *)b];
    return x < y ? 1 : x > y ? -1 : 0;
}

static int by_bucket(const void *a, const void *b)
{
    uint32_t n = sorting->buckets;
    uint32_t x = image_bucket(sorting->hash[*(const uint32_t *)a], n);
    uint32_t y = image_bucket(sorting->hash[*(const uint32_t *)b], n);
    return x < y ? -1 : x > y;
}

static bool place(struct perfect *p, const uint32_t *keys, uint32_t n,
                  uint32_t bucket, uint8_t *used)
{
    for (uint32_t d = 0; d <= UINT16_MAX; d++) {
        uint32_t i = 0;
        for (; i < n; i++) {
            uint32_t s = image_slot(p->hash[keys[i]], (uint16_t)d, p->slots);
            if (used[s])
                break;
            used[s] = 1;
            p->slot[keys[i]] = s;
        }
        if (i == n) {
            p->disp[bucket] = (uint16_t)d;
            return true;
        }
        while (i-- > 0)
            used[p->slot[keys[i]]] = 0;
    }
    return false;
}

static void make_perfect(struct perfect *p)
{
    p->buckets = p->keys / PER_BUCKET + 1;
    p->slots = (uint32_t)((uint64_t)p->keys * 100 / LOAD) + 1;
    p->slot = need(p->keys * sizeof *p->slot);
    p->disp = need(p->buckets * sizeof *p->disp);
    uint32_t *keys = need(p->keys * sizeof *keys);
    uint32_t *first = need((p->buckets + 1) * sizeof *first);
    uint32_t *order = need(p->buckets * sizeof *order);
    uint8_t *used = need(p->slots);
    bucket_size = need(p->buckets * sizeof *bucket_size);
    sorting = p;
    for (uint32_t i = 0; i < p->keys; i++) {
        keys[i] = i;
        bucket_size[image_bucket(p->hash[i], p->buckets)]++;
    }
    qsort(keys, p->keys, sizeof *keys, by_bucket);
    for (uint32_t b = 0; b < p->buckets; b++) {
        first[b + 1] = first[b] + bucket_size[b];
        order[b] = b;
    }
    qsort(order, p->buckets, sizeof *order, by_size);
    for (uint32_t i = 0; i < p->buckets; i++) {
        uint32_t b = order[i];
        if (!place(p, keys + first[b], bucket_size[b], b, used))
            die("no displacement found", "");
    }
    free(keys);
    free(first);
    free(order);
    free(used);
    free(bucket_size);
}

/* ---- writing ------------------------------------------------------------ */

static uint8_t *image;
static uint32_t image_size;

static uint32_t section(size_t n)
{
    uint32_t at = image_size;
    image_size += (uint32_t)((n + 15) / 16 * 16);
    return at;
}

static void write_file(const char *path)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(image, 1, image_size, f) != image_size ||
        fclose(f) != 0)
        die(strerror(errno), path);
}

static void fill_words(struct image_head *h, const struct perfect *w,
                       const uint32_t *ids)
{
    struct image_word *words = (struct image_word *)(void *)(image + h->words);
    uint32_t *splits = (uint32_t *)(void *)(image + h->splits);
    uint32_t pool = 0;
    memcpy(image + h->word_disp, w->disp, w->buckets * sizeof *w->disp);
    for (uint32_t i = 0; i < w->keys; i++) {
        const struct token *t = &tokens[ids[i]];
        struct image_word *to = &words[w->slot[i]];
        to->head = image_load(t->bytes, t->n);
        to->id_len = ids[i] << 8 | t->n;
        if (t->n > 8) {
            to->tail = pool;
            memcpy(image + h->pool + pool, t->bytes + 8, t->n - 8);
            pool += t->n - 8;
        }
        splits[2 * ids[i]] = t->n == 1 ? ids[i] : t->left;
        splits[2 * ids[i] + 1] = t->n == 1 ? ids[i] : t->right;
    }
}

static void fill_pairs(struct image_head *h, const struct perfect *p,
                       const uint32_t *ids)
{
    uint64_t *pairs = (uint64_t *)(void *)(image + h->pairs);
    uint64_t *filter = (uint64_t *)(void *)(image + h->filter);
    memcpy(image + h->pair_disp, p->disp, p->buckets * sizeof *p->disp);
    for (uint32_t i = 0; i < p->slots; i++)
        pairs[i] = IMAGE_NO_PAIR;
    for (uint32_t i = 0; i < p->keys; i++) {
        const struct token *t = &tokens[ids[i]];
        pairs[p->slot[i]] =
            image_pair_key(t->left, t->right) << IMAGE_ID_BITS | ids[i];
        uint64_t bit = p->hash[i] >> h->filter_shift;
        filter[bit / 64] |= (uint64_t)1 << bit % 64;
    }
}

/* The longest proper prefix of each token that is one, and lengths. */
static void fill_prefixes(const struct image_head *h)
{
    uint32_t *shorter = (uint32_t *)(void *)(image + h->shorter);
    for (uint32_t id = 0; id < token_count; id++) {
        const struct token *t = &tokens[id];
        image[h->lengths + id] = (uint8_t)t->n;
        shorter[id] = id;
        for (uint32_t n = t->n; n > 1 && shorter[id] == id; n--) {
            uint32_t f = find(t->bytes, n - 1);
            if (f != 0)
                shorter[id] = f - 1;
        }
    }
}

static struct image_node *make_trie(const uint32_t *ids, uint32_t count,
                                    uint32_t *slots)
{
    struct trie_key *keys = need(count * sizeof *keys);
    for (uint32_t i = 0; i < count; i++)
        keys[i] =
            (struct trie_key){tokens[ids[i]].bytes, tokens[ids[i]].n, ids[i]};
    struct image_node *trie = trie_build(keys, count, slots);
    if (trie == NULL)
        die("no memory", "trie");
    free(keys);
    return trie;
}

static void pack_ranks(const char *from, const char *to)
{
    struct image_head h = {.magic = IMAGE_MAGIC};
    struct perfect w = {0}, p = {0};
    size_t pool = 0;
    read_ranks(from);
    index_tokens();
    uint32_t *word_ids = need(IDS_MAX * sizeof *word_ids);
    uint32_t *pair_ids = need(IDS_MAX * sizeof *pair_ids);
    w.hash = need(IDS_MAX * sizeof *w.hash);
    p.hash = need(IDS_MAX * sizeof *p.hash);
    for (uint32_t id = 0; id < token_count; id++) {
        struct token *t = &tokens[id];
        if (t->n == 0)
            continue;
        w.hash[w.keys] =
            image_word_hash(image_load(t->bytes, t->n), t->bytes, t->n);
        word_ids[w.keys++] = id;
        pool += t->n > 8 ? t->n - 8 : 0;
        if (t->n == 1)
            continue;
        last_merge(id);
        p.hash[p.keys] = image_pair_hash(image_pair_key(t->left, t->right));
        pair_ids[p.keys++] = id;
    }
    make_perfect(&w);
    make_perfect(&p);
    struct image_node *trie = make_trie(word_ids, w.keys, &h.trie_slots);
    h.ids = token_count;
    h.word_buckets = w.buckets;
    h.word_slots = w.slots;
    h.pair_buckets = p.buckets;
    h.pair_slots = p.slots;
    (void)section(sizeof h);
    h.bytes = section(sizeof byte_id);
    h.word_disp = section(w.buckets * sizeof *w.disp);
    h.words = section(w.slots * sizeof(struct image_word));
    h.pair_disp = section(p.buckets * sizeof *p.disp);
    h.pairs = section(p.slots * sizeof(uint64_t));
    uint64_t bits = 64;
    for (h.filter_shift = 58; bits < (uint64_t)FILTER_BITS * p.keys; bits *= 2)
        h.filter_shift--;
    h.filter = section(bits / 8);
    h.splits = section(2 * token_count * sizeof(uint32_t));
    h.shorter = section(token_count * sizeof(uint32_t));
    h.lengths = section(token_count);
    h.trie = section(h.trie_slots * sizeof *trie);
    h.pool = section(pool + 8); // loads of 8 bytes stay inside
    h.size = image_size;
    image = need(image_size);
    memcpy(image, &h, sizeof h);
    memcpy(image + h.bytes, byte_id, sizeof byte_id);
    fill_words(&h, &w, word_ids);
    fill_pairs(&h, &p, pair_ids);
    fill_prefixes(&h);
    memcpy(image + h.trie, trie, h.trie_slots * sizeof *trie);
    write_file(to);
    fprintf(stderr, "pack: %s: %u tokens, %u bytes\n", to, w.keys, image_size);
}

/* Classes in two stages: uint16_t block index per 128 code points, then blocks
 * of 128 bytes; equal blocks are stored once. */
static void pack_unicode(const char *to)
{
    enum { CODES = 0x110000, BLOCK = 128 };
    uint8_t *cls = need(CODES);
    uint32_t runs = sizeof unicode_runs / sizeof *unicode_runs;
    for (uint32_t i = 0; i < runs; i++) {
        uint32_t from = unicode_runs[i] >> 4, c = unicode_runs[i] & 15;
        uint32_t end = i + 1 < runs ? unicode_runs[i + 1] >> 4 : CODES;
        for (uint32_t k = from; k < end; k++)
            cls[k] = (uint8_t)(c < 8    ? c
                               : c == 8 ? 1 + (k - from) % 2
                                        : 2 - (k - from) % 2);
    }
    uint16_t *stage = need(CODES / BLOCK * sizeof *stage);
    uint8_t *blocks = need(CODES);
    uint32_t n = 0;
    for (uint32_t b = 0; b < CODES / BLOCK; b++) {
        uint32_t k = 0;
        while (k < n && memcmp(blocks + k * BLOCK, cls + b * BLOCK, BLOCK))
            k++;
        if (k == n)
            memcpy(blocks + n++ * BLOCK, cls + b * BLOCK, BLOCK);
        stage[b] = (uint16_t)k;
    }
    image_size = CODES / BLOCK * 2 + n * BLOCK;
    image = need(image_size);
    memcpy(image, stage, CODES / BLOCK * 2);
    memcpy(image + CODES / BLOCK * 2, blocks, (size_t)n * BLOCK);
    write_file(to);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "ranks") == 0)
        pack_ranks(argv[2], argv[3]);
    else if (argc == 3 && strcmp(argv[1], "unicode") == 0)
        pack_unicode(argv[2]);
    else
        die("usage", "pack ranks FILE.tiktoken OUT | pack unicode OUT");
    return 0;
}

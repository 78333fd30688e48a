/* scan.c - JSON by push: a state machine that keeps nothing but its place.
 *
 * A stack of levels (object or array, how many items, which node of the trie
 * of wanted paths) and one small text buffer are all the state, so a text may
 * be cut anywhere and be of any length.  Strings nobody asked for are skipped
 * eight bytes at a time.
 *
 * Strictness is that of RFC 8259 with UTF-8 checked; a lone surrogate escape
 * decodes to U+FFFD.
 *
 * Invariants
 *   S1  feeding a text whole or in any pieces makes the same calls, except
 *       that text chunks may be cut differently
 *   S2  a value is reported once, when its last byte was seen (a number: when
 *       the byte behind it was, or at scan_end)
 */
#include "http/scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NODES 256
#define KEY_MAX 64 /* longer keys match nothing */

struct node {
    char key[KEY_MAX];
    size_t key_n;
    int child; /* the first; 0: none */
    int path;  /* -1: only on the way */
    bool star;
};

struct scan_paths {
    struct node node[NODES]; /* 0 is the top */
    uint32_t mark[NODES];    /* of a node's key: most misses stay in here */
    uint16_t next[NODES];    /* sibling */
    int n;
};

enum state {
    S_VALUE,      /* a value must come */
    S_FIRST_ITEM, /* value or ']' */
    S_FIRST_KEY,  /* key or '}' */
    S_KEY,        /* key */
    S_COLON,
    S_AFTER, /* ',' or the end of the container */
    S_STRING,
    S_ESCAPE,
    S_HEX,
    S_NUMBER,
    S_WORD,
    S_DONE,
    S_ERROR,
};

struct level {
    bool object;
    int node; /* of this container; -1: not wanted */
    uint32_t count;
    bool repeated;
    size_t from, key_from;
};

struct scan {
    const struct scan_paths *paths;
    scan_fn *fn;
    scan_text_fn *text_fn;
    void *arg;
    enum state state;
    size_t base; /* offset of the bytes being fed */
    size_t error_at;

    struct level level[SCAN_DEPTH];
    int depth;
    int node; /* of the value that comes or is read; -1: not wanted */
    bool repeated;
    size_t from, key_from;

    bool in_key;
    char text[SCAN_TEXT];
    size_t text_n;
    bool cut;
    bool take;                         /* the string read now is wanted */
    int utf8_left;                     /* continuation bytes still due */
    unsigned char utf8_low, utf8_high; /* range of the next one */
    int hex_left;
    unsigned hex, high; /* escape being read; a high surrogate before it */
    bool pending;       /* `high` waits for its other half */

    const char *word; /* rest of true, false, null */
    enum scan_type word_type;
    int number;       /* state of the number */
    bool seen[NODES]; /* top-level keys that came */
};

/* ---- paths -------------------------------------------------------------- */

#define MARK_STAR 0 /* keys have a length */

static uint32_t mark_of(const char *key, size_t n)
{
    const unsigned char *k = (const unsigned char *)key;
    if (n == 0 || n >= KEY_MAX)
        return UINT32_MAX; // nobody's
    return (uint32_t)n << 24 | (uint32_t)k[0] << 16 | (uint32_t)k[n / 2] << 8 |
           k[n - 1];
}

static int child_of(const struct scan_paths *p, int node, const char *key,
                    size_t n)
{
    uint32_t mark = mark_of(key, n);
    int star = -1;
    for (int c = p->node[node].child; c != 0; c = p->next[c]) {
        if (p->mark[c] == MARK_STAR)
            star = c;
        else if (p->mark[c] == mark && memcmp(p->node[c].key, key, n) == 0)
            return c;
    }
    return star;
}

static int child_make(struct scan_paths *p, int node, struct slice key)
{
    bool star = slice_is(key, "*");
    for (int c = p->node[node].child; c != 0; c = p->next[c])
        if (star ? p->node[c].star
                 : !p->node[c].star &&
                       slice_eq(slice(p->node[c].key, p->node[c].key_n), key))
            return c;
    assert(p->n < NODES && key.n > 0 && key.n < KEY_MAX);
    struct node *c = &p->node[p->n];
    memcpy(c->key, key.p, key.n);
    c->key_n = key.n;
    c->star = star;
    c->path = -1;
    p->mark[p->n] = star ? MARK_STAR : mark_of(key.p, key.n);
    p->next[p->n] = (uint16_t)p->node[node].child;
    p->node[node].child = p->n;
    return p->n++;
}

struct scan_paths *scan_paths_new(const char *const *paths, int n)
{
    struct scan_paths *p = xcalloc(1, sizeof *p);
    assert(n <= SCAN_PATHS);
    p->n = 1;
    p->node[0].path = -1;
    for (int i = 0; i < n; i++) {
        struct slice rest = slice_str(paths[i]);
        int node = 0;
        while (rest.p != NULL)
            node = child_make(p, node, slice_cut(&rest, '.'));
        p->node[node].path = i;
    }
    return p;
}

void scan_paths_free(struct scan_paths **p)
{
    free(*p);
    *p = NULL;
}

/* ---- life --------------------------------------------------------------- */

struct scan *scan_new(void)
{
    return xcalloc(1, sizeof(struct scan));
}

void scan_free(struct scan **s)
{
    free(*s);
    *s = NULL;
}

void scan_start(struct scan *s, const struct scan_paths *p, scan_fn *fn,
                void *arg)
{
    s->paths = p;
    s->fn = fn;
    s->text_fn = NULL;
    s->arg = arg;
    s->state = S_VALUE;
    s->base = s->error_at = 0;
    s->depth = 0;
    s->node = 0;
    s->repeated = false;
    s->key_from = 0;
    s->in_key = s->take = s->pending = false;
    s->utf8_left = 0;
    memset(s->seen, 0, (size_t)p->n);
}

void scan_on_text(struct scan *s, scan_text_fn *fn)
{
    s->text_fn = fn;
}

size_t scan_error_at(const struct scan *s)
{
    return s->error_at;
}

/* ---- values ------------------------------------------------------------- */

/* Takes the beginning of a character off the end of a text that was cut. */
static void whole_characters(struct scan *s)
{
    size_t n = s->text_n, more = 0;
    while (n > 0 && ((unsigned char)s->text[n - 1] & 0xC0) == 0x80) {
        n--;
        more++;
    }
    unsigned char lead = n > 0 ? (unsigned char)s->text[n - 1] : 0;
    size_t need = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (more < need)
        s->text_n = n - 1;
}

static void report(struct scan *s, enum scan_type type, int node, size_t from,
                   size_t key_from, size_t to, uint32_t count, bool repeated)
{
    if (node < 0 || s->paths->node[node].path < 0)
        return;
    if (s->cut && type == SCAN_STRING)
        whole_characters(s);
    const struct scan_value v = {.type = type,
                                 .text = slice(s->text, s->text_n),
                                 .cut = s->cut,
                                 .repeated = repeated,
                                 .from = from,
                                 .to = to,
                                 .key_from = key_from,
                                 .count = count};
    s->fn(s->arg, s->paths->node[node].path, &v);
}

/* A value ended just before offset `to`. */
static void value_end(struct scan *s, enum scan_type type, size_t to)
{
    report(s, type, s->node, s->from, s->key_from, to, 0, s->repeated);
    s->state = s->depth == 0 ? S_DONE : S_AFTER;
}

static bool wanted(const struct scan *s)
{
    return s->node >= 0 && s->paths->node[s->node].path >= 0;
}

/* The next item of an array begins: which node is it? */
static void item_begin(struct scan *s)
{
    if (s->depth == 0)
        return;
    struct level *l = &s->level[s->depth - 1];
    l->count++;
    if (!l->object) {
        s->node = l->node < 0 ? -1 : child_of(s->paths, l->node, NULL, 0);
        s->repeated = false;
        s->key_from = 0;
    }
}

static bool open_container(struct scan *s, bool object, size_t at)
{
    if (s->depth == SCAN_DEPTH)
        return false;
    s->level[s->depth++] = (struct level){.object = object,
                                          .node = s->node,
                                          .repeated = s->repeated,
                                          .from = at,
                                          .key_from = s->key_from};
    s->state = object ? S_FIRST_KEY : S_FIRST_ITEM;
    return true;
}

static void close_container(struct scan *s, size_t to)
{
    struct level *l = &s->level[--s->depth];
    s->text_n = 0;
    s->cut = false;
    report(s, l->object ? SCAN_OBJECT : SCAN_ARRAY, l->node, l->from,
           l->key_from, to, l->count, l->repeated);
    s->state = s->depth == 0 ? S_DONE : S_AFTER;
}

/* ---- strings ------------------------------------------------------------ */

static void string_begin(struct scan *s, bool key, size_t at)
{
    s->state = S_STRING;
    s->in_key = key;
    s->text_n = 0;
    s->cut = false;
    s->pending = false;
    s->utf8_left = 0;
    if (key) {
        s->key_from = at;
        s->take = s->level[s->depth - 1].node >= 0;
    } else {
        s->from = at;
        s->take = wanted(s);
    }
}

static void put(struct scan *s, const char *p, size_t n)
{
    if (!s->take || n == 0)
        return;
    size_t room = sizeof s->text - s->text_n;
    size_t fit = n < room ? n : room;
    memcpy(s->text + s->text_n, p, fit);
    s->text_n += fit;
    s->cut |= fit < n;
    if (s->text_fn != NULL && !s->in_key)
        s->text_fn(s->arg, s->paths->node[s->node].path, p, n);
}

static void put_code(struct scan *s, unsigned cp)
{
    char to[4];
    size_t n;
    if (cp < 0x80) {
        to[0] = (char)cp;
        n = 1;
    } else if (cp < 0x800) {
        to[0] = (char)(0xC0 | cp >> 6);
        to[1] = (char)(0x80 | (cp & 0x3F));
        n = 2;
    } else if (cp < 0x10000) {
        to[0] = (char)(0xE0 | cp >> 12);
        to[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        to[2] = (char)(0x80 | (cp & 0x3F));
        n = 3;
    } else {
        to[0] = (char)(0xF0 | cp >> 18);
        to[1] = (char)(0x80 | (cp >> 12 & 0x3F));
        to[2] = (char)(0x80 | (cp >> 6 & 0x3F));
        to[3] = (char)(0x80 | (cp & 0x3F));
        n = 4;
    }
    put(s, to, n);
}

/* A high surrogate without its other half. */
static void flush_pending(struct scan *s)
{
    if (s->pending)
        put_code(s, 0xFFFD);
    s->pending = false;
}

static void key_end(struct scan *s)
{
    const struct level *l = &s->level[s->depth - 1];
    s->node = -1;
    s->repeated = false;
    if (l->node >= 0) // a key that was cut can only match "*"
        s->node =
            child_of(s->paths, l->node, s->cut ? NULL : s->text, s->text_n);
    if (s->node >= 0 && s->depth == 1 && !s->paths->node[s->node].star) {
        s->repeated = s->seen[s->node];
        s->seen[s->node] = true;
    }
    s->state = S_COLON;
}

static void escape_u(struct scan *s)
{
    unsigned cp = s->hex;
    if (s->pending && cp >= 0xDC00 && cp < 0xE000) {
        s->pending = false;
        put_code(s, 0x10000 + ((s->high - 0xD800) << 10) + (cp - 0xDC00));
        return;
    }
    flush_pending(s);
    if (cp >= 0xD800 && cp < 0xDC00) {
        s->high = cp;
        s->pending = true;
    } else
        put_code(s, cp >= 0xDC00 && cp < 0xE000 ? 0xFFFD : cp);
}

static bool escape(struct scan *s, char c)
{
    static const char into[256] = {
        ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
        ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
    };
    if (c == 'u') {
        s->state = S_HEX;
        s->hex_left = 4;
        s->hex = 0;
        return true;
    }
    const char *to = &into[(unsigned char)c];
    if (*to == '\0')
        return false;
    flush_pending(s);
    put(s, to, 1);
    s->state = S_STRING;
    return true;
}

static bool hex_digit(struct scan *s, char c)
{
    unsigned v;
    if (c >= '0' && c <= '9')
        v = (unsigned)(c - '0');
    else if (c >= 'a' && c <= 'f')
        v = (unsigned)(c - 'a') + 10;
    else if (c >= 'A' && c <= 'F')
        v = (unsigned)(c - 'A') + 10;
    else
        return false;
    s->hex = s->hex << 4 | v;
    if (--s->hex_left == 0) {
        s->state = S_STRING;
        escape_u(s);
    }
    return true;
}

/* First byte of a multi-byte character: what must follow. */
static bool utf8_lead(struct scan *s, unsigned char c)
{
    s->utf8_low = 0x80;
    s->utf8_high = 0xBF;
    if (c >= 0xC2 && c <= 0xDF)
        s->utf8_left = 1;
    else if (c >= 0xE0 && c <= 0xEF) {
        s->utf8_left = 2;
        if (c == 0xE0)
            s->utf8_low = 0xA0;
        if (c == 0xED)
            s->utf8_high = 0x9F;
    } else if (c >= 0xF0 && c <= 0xF4) {
        s->utf8_left = 3;
        if (c == 0xF0)
            s->utf8_low = 0x90;
        if (c == 0xF4)
            s->utf8_high = 0x8F;
    } else
        return false;
    return true;
}

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* Bytes from p that are plain: no quote, backslash, control, >= 0x80. */
static size_t plain(const char *p, size_t n)
{
    size_t i = 0;
    while (n - i >= 8) {
        uint64_t v;
        memcpy(&v, p + i, 8);
        uint64_t quote = v ^ (ONES * '"'), back = v ^ (ONES * '\\');
        uint64_t hit = ((quote - ONES) & ~quote) | ((back - ONES) & ~back) |
                       (v - ONES * 0x20) | v;
        hit &= HIGHS;
        if (hit != 0) {
            // the first mark is right; borrows only reach marks behind it
            if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
                return i + (size_t)__builtin_ctzll(hit) / 8;
            break;
        }
        i += 8;
    }
    while (i < n) {
        unsigned char c = (unsigned char)p[i];
        if (c == '"' || c == '\\' || c < 0x20 || c >= 0x80)
            break;
        i++;
    }
    return i;
}

/* Continuation bytes from p; stops where a character ends or is wrong. */
static size_t utf8_rest(struct scan *s, const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && s->utf8_left > 0) {
        unsigned char c = (unsigned char)p[i];
        if (c < s->utf8_low || c > s->utf8_high)
            break;
        s->utf8_left--;
        s->utf8_low = 0x80;
        s->utf8_high = 0xBF;
        i++;
    }
    return i;
}

/* Characters of several bytes from p, and those behind them; stops at the
 * first byte that is neither. */
static size_t utf8_run(struct scan *s, const char *p, size_t n)
{
    size_t i = utf8_rest(s, p, n);
    while (i < n && s->utf8_left == 0 && utf8_lead(s, (unsigned char)p[i])) {
        i++;
        i += utf8_rest(s, p + i, n - i);
    }
    return i;
}

/* Consumes string bytes from p; returns how many, sets the state. */
static size_t string_bytes(struct scan *s, const char *p, size_t n)
{
    size_t i = 0;
    while (i < n) {
        size_t run = s->utf8_left > 0 ? 0 : plain(p + i, n - i);
        if (i + run < n && (p[i + run] & 0x80) != 0)
            run += utf8_run(s, p + i + run, n - i - run);
        if (run > 0) {
            flush_pending(s);
            put(s, p + i, run);
            i += run;
            continue;
        }
        char c = p[i];
        if (s->utf8_left > 0 || (c != '\\' && c != '"'))
            break;
        i++;
        if (c == '\\') {
            s->state = S_ESCAPE;
            if (i < n && p[i] != 'u' && escape(s, p[i])) {
                i++; // most escapes are short and whole
                continue;
            }
            return i;
        }
        flush_pending(s);
        if (s->in_key)
            key_end(s);
        else
            value_end(s, SCAN_STRING, s->base + i);
        return i;
    }
    if (i < n) {
        s->state = S_ERROR;
        s->error_at = s->base + i;
    }
    return i;
}

/* ---- numbers and words -------------------------------------------------- */

enum number { N_MINUS, N_ZERO, N_INT, N_POINT, N_FRACTION, N_E, N_SIGN, N_EXP };

/* The state behind `c`, or -1: the number does not go on with it. */
static int number_next(int state, char c)
{
    enum { ZERO, DIGIT, POINT, E, SIGN, CLASSES };
    static const signed char next[][CLASSES] = {
        // behind a 0, 1 to 9, '.', 'e', '+' or '-'
        [N_MINUS] = {N_ZERO, N_INT, -1, -1, -1},
        [N_ZERO] = {-1, -1, N_POINT, N_E, -1},
        [N_INT] = {N_INT, N_INT, N_POINT, N_E, -1},
        [N_POINT] = {N_FRACTION, N_FRACTION, -1, -1, -1},
        [N_FRACTION] = {N_FRACTION, N_FRACTION, -1, N_E, -1},
        [N_E] = {N_EXP, N_EXP, -1, -1, N_SIGN},
        [N_SIGN] = {N_EXP, N_EXP, -1, -1, -1},
        [N_EXP] = {N_EXP, N_EXP, -1, -1, -1},
    };
    int class = c == '0'               ? ZERO
                : c >= '1' && c <= '9' ? DIGIT
                : c == '.'             ? POINT
                : c == 'e' || c == 'E' ? E
                : c == '+' || c == '-' ? SIGN
                                       : CLASSES;
    return class < CLASSES ? next[state][class] : -1;
}

static bool number_complete(int state)
{
    return state == N_ZERO || state == N_INT || state == N_FRACTION ||
           state == N_EXP;
}

/* `text_n` counts on past a cut, so that a long number stays cut. */
static void number_put(struct scan *s, char c)
{
    if (s->text_n < sizeof s->text)
        s->text[s->text_n++] = c;
    else
        s->cut = true;
}

static void scalar_begin(struct scan *s, size_t at)
{
    s->from = at;
    s->text_n = 0;
    s->cut = false;
}

static bool word_begin(struct scan *s, char c)
{
    s->state = S_WORD;
    s->word_type = c == 't' ? SCAN_TRUE : c == 'f' ? SCAN_FALSE : SCAN_NULL;
    s->word = c == 't' ? "rue" : c == 'f' ? "alse" : "ull";
    return c == 't' || c == 'f' || c == 'n';
}

/* ---- the machine -------------------------------------------------------- */

static bool value_begin(struct scan *s, char c, size_t at)
{
    item_begin(s);
    if (c == '{' || c == '[')
        return open_container(s, c == '{', at);
    if (c == '"') {
        string_begin(s, false, at);
        return true;
    }
    scalar_begin(s, at);
    if (c == '-' || (c >= '0' && c <= '9')) {
        s->state = S_NUMBER;
        s->number = c == '-' ? N_MINUS : c == '0' ? N_ZERO : N_INT;
        number_put(s, c);
        return true;
    }
    return word_begin(s, c);
}

static bool structural(struct scan *s, char c, size_t at)
{
    switch (s->state) {
    case S_FIRST_ITEM:
        if (c == ']') {
            close_container(s, at + 1);
            return true;
        }
        return value_begin(s, c, at);
    case S_VALUE:
        return value_begin(s, c, at);
    case S_FIRST_KEY:
        if (c == '}') {
            close_container(s, at + 1);
            return true;
        }
        if (c != '"')
            return false;
        string_begin(s, true, at);
        return true;
    case S_KEY:
        if (c != '"')
            return false;
        string_begin(s, true, at);
        return true;
    case S_COLON:
        s->state = S_VALUE;
        return c == ':';
    case S_AFTER:
        if (c == ',') {
            s->state = s->level[s->depth - 1].object ? S_KEY : S_VALUE;
            return true;
        }
        if (c != (s->level[s->depth - 1].object ? '}' : ']'))
            return false;
        close_container(s, at + 1);
        return true;
    case S_STRING:
    case S_ESCAPE:
    case S_HEX:
    case S_NUMBER:
    case S_WORD:
    case S_DONE:
    case S_ERROR:
        break;
    }
    return false;
}

/* One byte outside of a string's plain content; false: no JSON.  A number
 * that ends hands its byte back: *again. */
static bool one(struct scan *s, char c, size_t at, bool *again)
{
    switch (s->state) {
    case S_ESCAPE:
        return escape(s, c);
    case S_HEX:
        return hex_digit(s, c);
    case S_WORD:
        if (c != *s->word)
            return false;
        if (*++s->word == '\0')
            value_end(s, s->word_type, at + 1);
        return true;
    case S_NUMBER: {
        int next = number_next(s->number, c);
        if (next >= 0) {
            s->number = next;
            number_put(s, c);
            return true;
        }
        if (!number_complete(s->number))
            return false;
        value_end(s, SCAN_NUMBER, at);
        *again = true;
        return true;
    }
    case S_VALUE:
    case S_FIRST_ITEM:
    case S_FIRST_KEY:
    case S_KEY:
    case S_COLON:
    case S_AFTER:
    case S_STRING:
    case S_DONE:
    case S_ERROR:
        break;
    }
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
        return true;
    return structural(s, c, at);
}

enum status scan_feed(struct scan *s, const char *p, size_t n)
{
    size_t i = 0;
    size_t begin = s->base;
    while (i < n && s->state != S_ERROR) {
        if (s->state == S_STRING) {
            s->base = begin + i;
            i += string_bytes(s, p + i, n - i);
            continue;
        }
        bool again = false;
        if (!one(s, p[i], begin + i, &again)) {
            s->state = S_ERROR;
            s->error_at = begin + i;
            break;
        }
        i += !again;
    }
    s->base = begin + n;
    return s->state == S_ERROR ? E_INVALID : OK;
}

enum status scan_end(struct scan *s)
{
    if (s->state == S_NUMBER && number_complete(s->number))
        value_end(s, SCAN_NUMBER, s->base);
    if (s->state == S_DONE)
        return OK;
    if (s->state != S_ERROR)
        s->error_at = s->base;
    s->state = S_ERROR;
    return E_INVALID;
}

/* split.c - the split patterns as code.
 *
 * Each function below is one alternation of the pattern (given above it),
 * tried in order, leftmost first.  Where the regular expression would
 * back-track, the code remembers the place it would come back to:
 *   - `[UP]*[LO]+`: UP and LO share the classes 3 (other letters) and 4
 *     (marks); if nothing of LO follows the run of UP, the match ends behind
 *     the last shared character of the run;
 *   - `\s*[\r\n]+`: the match ends behind the last newline of the run;
 *   - `\s+(?!\S)`: the last space of a run belongs to what follows.
 */
#include "token/split.h"

#include <stdbool.h>

enum { OTHER, UPPER, LOWER, LETTER, MARK, NUMBER, SPACE, NEWLINE };

#define BIT(c) (1u << (c))
#define LETTERS (BIT(UPPER) | BIT(LOWER) | BIT(LETTER))
#define UP (BIT(UPPER) | BIT(LETTER) | BIT(MARK))
#define LO (BIT(LOWER) | BIT(LETTER) | BIT(MARK))
#define SHARED (BIT(LETTER) | BIT(MARK))
#define SPACES (BIT(SPACE) | BIT(NEWLINE))
#define SYMBOLS (BIT(OTHER) | BIT(MARK))

#define STAGES (0x110000 / 128)

__asm__(".section .rodata\n"
        ".balign 64\n"
        "token_unicode:\n"
        ".incbin \"" BG_TOKEN_DIR "/unicode.img\"\n"
        ".previous\n");
extern const uint8_t token_unicode[] __attribute__((visibility("hidden")));

/* The character at p (p < end): its class bit, and its length. */
static inline unsigned class_at(const uint8_t *p, size_t *len)
{
    const uint16_t *stage = (const uint16_t *)(const void *)token_unicode;
    const uint8_t *blocks = token_unicode + STAGES * 2;
    uint32_t cp = p[0];
    if (cp < 0x80) {
        *len = 1;
        return 1u << blocks[(size_t)stage[0] * 128 + cp];
    }
    if (cp < 0xE0) {
        *len = 2;
        cp = (cp & 0x1F) << 6 | (p[1] & 0x3F);
    } else if (cp < 0xF0) {
        *len = 3;
        cp = (cp & 0x0F) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3F);
    } else {
        *len = 4;
        cp = (cp & 0x07) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 |
             (p[3] & 0x3F);
    }
    return 1u << blocks[(size_t)stage[cp >> 7] * 128 + (cp & 127)];
}

/* Behind the run of characters of the classes in `set`. */
static inline const uint8_t *run(const uint8_t *p, const uint8_t *end,
                                 unsigned set)
{
    size_t n;
    while (p < end && (class_at(p, &n) & set) != 0)
        p += n;
    return p;
}

static inline uint8_t fold(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* Length of (?i:'s|'t|'re|'ve|'m|'ll|'d) at p, or 0.  U+017F folds to s. */
static size_t contraction(const uint8_t *p, const uint8_t *end, bool any_case)
{
    size_t left = (size_t)(end - p);
    if (left < 2 || p[0] != '\'')
        return 0;
    uint8_t a = any_case ? fold(p[1]) : p[1];
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return 2;
    if (left < 3)
        return 0;
    if (any_case && p[1] == 0xC5 && p[2] == 0xBF)
        return 3;
    uint8_t b = any_case ? fold(p[2]) : p[2];
    bool two = (a == 'r' && b == 'e') || (a == 'v' && b == 'e') ||
               (a == 'l' && b == 'l');
    return two ? 3 : 0;
}

/* \s*[\r\n]+ | \s+(?!\S) | \s+   from a white space character; without
 * `newlines` the first of the three does not exist */
static const uint8_t *spaces(const uint8_t *p, const uint8_t *end,
                             bool newlines)
{
    const uint8_t *at = p, *last = p, *behind_newline = NULL;
    size_t n;
    while (at < end) {
        unsigned c = class_at(at, &n);
        if ((c & SPACES) == 0)
            break;
        last = at;
        at += n;
        if (c == BIT(NEWLINE))
            behind_newline = at;
    }
    if (newlines && behind_newline != NULL)
        return behind_newline;
    if (at == end || last == p)
        return at;
    return last;
}

/* [UP]*[LO]+ from p: its end, or NULL. */
static const uint8_t *up_then_lo(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *behind_shared = NULL;
    size_t n;
    while (p < end) {
        unsigned c = class_at(p, &n);
        if ((c & UP) == 0)
            return c == BIT(LOWER) ? run(p, end, LO) : behind_shared;
        p += n;
        if ((c & SHARED) != 0)
            behind_shared = p;
    }
    return behind_shared;
}

/* [^\r\n\p{L}\p{N}]?[UP]*[LO]+(contraction)? | [^\r\n\p{L}\p{N}]?[UP]+[LO]*
 * (contraction)?  NULL: no match. */
static const uint8_t *word_o200k(const uint8_t *p, const uint8_t *end,
                                 unsigned first, size_t n)
{
    bool prefix = (first & (LETTERS | BIT(NUMBER) | BIT(NEWLINE))) == 0;
    const uint8_t *e = NULL;
    if (prefix)
        e = up_then_lo(p + n, end);
    if (e == NULL && (!prefix || first == BIT(MARK)))
        e = up_then_lo(p, end);
    if (e == NULL && prefix) { // upper case only behind the prefix
        e = run(p + n, end, UP);
        if (e == p + n)
            e = NULL;
    }
    if (e == NULL && (first & UP) != 0)
        e = run(p, end, UP);
    return e != NULL ? e + contraction(e, end, true) : NULL;
}

/* \p{N}{1,3} */
static const uint8_t *digits(const uint8_t *p, const uint8_t *end)
{
    size_t n;
    for (int i = 0; i < 3 && p < end; i++) {
        if (class_at(p, &n) != BIT(NUMBER))
            break;
        p += n;
    }
    return p;
}

/*  ?[^\s\p{L}\p{N}]+ : its end, or NULL. */
static const uint8_t *symbols(const uint8_t *p, const uint8_t *end)
{
    if (*p == ' ')
        p++;
    const uint8_t *e = run(p, end, SYMBOLS);
    return e > p ? e : NULL;
}

static size_t split_o200k(const uint8_t *p, const uint8_t *end)
{
    size_t n;
    unsigned first = class_at(p, &n);
    const uint8_t *e = word_o200k(p, end, first, n);
    if (e != NULL)
        return (size_t)(e - p);
    if (first == BIT(NUMBER))
        return (size_t)(digits(p, end) - p);
    if ((e = symbols(p, end)) != NULL) {
        while (e < end && (*e == '\r' || *e == '\n' || *e == '/'))
            e++;
        return (size_t)(e - p);
    }
    return (size_t)(spaces(p, end, true) - p);
}

/* (?i:contraction)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
 *  ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
static size_t split_cl100k(const uint8_t *p, const uint8_t *end)
{
    size_t n = contraction(p, end, true);
    if (n != 0)
        return n;
    unsigned first = class_at(p, &n);
    const uint8_t *word = p;
    if ((first & (LETTERS | BIT(NUMBER) | BIT(NEWLINE))) == 0)
        word += n;
    const uint8_t *e = run(word, end, LETTERS);
    if (e > word)
        return (size_t)(e - p);
    if (first == BIT(NUMBER))
        return (size_t)(digits(p, end) - p);
    if ((e = symbols(p, end)) != NULL) {
        while (e < end && (*e == '\r' || *e == '\n'))
            e++;
        return (size_t)(e - p);
    }
    return (size_t)(spaces(p, end, true) - p);
}

/* contraction| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
static size_t split_p50k(const uint8_t *p, const uint8_t *end)
{
    size_t n = contraction(p, end, false);
    if (n != 0)
        return n;
    const uint8_t *word = *p == ' ' ? p + 1 : p;
    const uint8_t *e = run(word, end, LETTERS);
    if (e == word)
        e = run(word, end, BIT(NUMBER));
    if (e > word)
        return (size_t)(e - p);
    if ((e = symbols(p, end)) != NULL)
        return (size_t)(e - p);
    return (size_t)(spaces(p, end, false) - p);
}

split_fn *split_of(enum encoding e)
{
    static split_fn *const of[ENCODING_COUNT] = {
        [ENCODING_O200K] = split_o200k,
        [ENCODING_CL100K] = split_cl100k,
        [ENCODING_P50K] = split_p50k,
        [ENCODING_R50K] = split_p50k,
    };
    return of[e];
}

/* True if no piece of any encoding holds both characters of these classes, and
 * what stands before does not depend on what comes. */
static bool apart(unsigned before, unsigned after, uint8_t first)
{
    if ((before & SPACES) != 0)
        return false;
    if (first == ' ')
        return true;
    if ((before & LETTERS) != 0)
        return (after & (SPACES | BIT(NUMBER))) != 0 ||
               (after == BIT(OTHER) && first != '\'');
    return before == BIT(NUMBER) &&
           (after & (SPACES | LETTERS | BIT(OTHER))) != 0;
}

size_t split_cut(const uint8_t *p, size_t from, size_t n)
{
    const uint8_t *floor = p + from, *right = p + n;
    size_t len;
    while (right > floor && (*--right & 0xC0) == 0x80)
        ;
    while (right >= floor && right > p) {
        const uint8_t *left = right - 1;
        while (left > p && (*left & 0xC0) == 0x80)
            left--;
        if (apart(class_at(left, &len), class_at(right, &len), *right))
            return (size_t)(right - p);
        right = left;
    }
    return 0;
}

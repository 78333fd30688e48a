/* bound.c - the most that media can be billed with.
 *
 * With a picture's size known the page's formula is followed, rounding up at
 * each step; without it, the most the formula can give for any size.
 *
 * Sources: OpenAI "Images and vision" (tiles: base + tokens per 512 px tile,
 * at most 8 tiles after scaling to 2048 and 768; patches: 32 px, a budget per
 * detail, a multiplier per model); OpenAI "Image generation" (tokens by size
 * and quality; for gpt-image-2 quality^2 * (2e6 + pixels) / 4e6, at most
 * 8,294,400 pixels); xAI "Image understanding" (448 px tiles, 6 + 1 of 256);
 * Anthropic "Vision" (width x height / 750, at most 2576 px on the long edge:
 * 4784 of 28 px); Google "Image understanding" (258 per tile of two thirds of
 * the shorter side, 256 to 768 px; Gemini 3: at most 2240);
 * Mistral "Vision" (16 px patches of at most 1024 x 1024, larger models 28 px
 * of 1540).  A model no row knows is bounded by the dearest rule.
 */
#include "provider/bound.h"

#include <stdbool.h>
#include <string.h>

#define SQUARE 2048 /* px: larger pictures are made to fit */
#define SHORT 768   /* px: the shorter side of what is cut into tiles */
#define TILE 512
#define TILES_MOST 8 /* 2048 x 768 */
#define PATCH 32
#define PATCHES_LOW 256 /* 512 x 512 px */

enum image_rule { BY_TILES, BY_PATCHES };

/* By tiles: `base` + `each` per tile; by patches: `each` thousandths per patch,
 * of which there are `most` at detail high, `original` at original and auto. */
struct image_row {
    const char *prefix; /* longest first within a family */
    enum image_rule rule;
    int64_t base, each, most, original;
};

#define TILES(base, tile) BY_TILES, (base), (tile), 0, 0
#define PATCHES(permille) BY_PATCHES, 0, (permille), 1536, 1536
#define PATCHES_5(permille) BY_PATCHES, 0, (permille), 2500, 10000

static const struct image_row openai_rows[] = {
    {"gpt-4o-mini", TILES(2833, 5667)},
    {"gpt-4.1-mini", PATCHES(1620)},
    {"gpt-4.1-nano", PATCHES(2460)},
    {"gpt-4", TILES(85, 170)},
    {"chatgpt-4o", TILES(85, 170)},
    {"gpt-5-mini", PATCHES(1620)},
    {"gpt-5-nano", PATCHES(2460)},
    {"gpt-5.1", TILES(70, 140)},
    {"gpt-5.", PATCHES_5(2460)},
    {"gpt-5", TILES(70, 140)},
    {"o4-mini", PATCHES(1720)},
    {"o1", TILES(75, 150)},
    {"o3", TILES(75, 150)},
    {"computer-use-preview", TILES(65, 129)},
    {"demo-", TILES(85, 170)},
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* How many pieces of `side` px the rectangle needs. */
static int64_t pieces(int64_t w, int64_t h, int64_t side)
{
    return ceil_div(w, side) * ceil_div(h, side);
}

/* The shorter side after the longer one was made to fit `edge`.  Who rounds
 * how is not said: `up` gives one end, !up the other. */
static int64_t fitted(int64_t w, int64_t h, int64_t edge, bool up)
{
    if (w <= edge)
        return h;
    return most(1, up ? ceil_div(h * edge, w) : h * edge / w);
}

/* Tiles of w x h, w the longer, both fitted.  The page does not say that small
 * pictures are enlarged to SHORT; one reading of it does, so the more of the
 * two counts. */
static int64_t tiles_in(int64_t w, int64_t h)
{
    int64_t asis = h <= SHORT ? pieces(w, h, TILE) : 0;
    int64_t scaled = pieces(ceil_div(w * SHORT, h), SHORT, TILE);
    return least(most(asis, scaled), TILES_MOST);
}

static int64_t tiles_of(const struct image_size *s)
{
    int64_t w = most(s->width, s->height), h = least(s->width, s->height);
    int64_t fit = least(w, SQUARE);
    return most(tiles_in(fit, fitted(w, h, SQUARE, false)),
                tiles_in(fit, fitted(w, h, SQUARE, true)));
}

static int64_t row_tokens(const struct image_row *r, enum image_detail detail,
                          const struct image_size *s)
{
    if (r->rule == BY_TILES) {
        if (detail == DETAIL_LOW)
            return r->base;
        return r->base + r->each * (s != NULL ? tiles_of(s) : TILES_MOST);
    }
    int64_t n = detail == DETAIL_LOW    ? PATCHES_LOW
                : detail == DETAIL_HIGH ? r->most
                                        : r->original;
    if (s != NULL && detail != DETAIL_LOW)
        n = least(n, pieces(s->width, s->height, PATCH));
    return ceil_div(n * r->each, 1000);
}

#define CLAUDE_EDGE 2576
#define CLAUDE_MOST 4784

/* width x height / 750, or as patches of 28 px, which is more for narrow
 * ones; both after fitting the longer edge. */
static int64_t claude_image(const struct image_size *s)
{
    if (s == NULL)
        return CLAUDE_MOST;
    int64_t w = most(s->width, s->height), h = least(s->width, s->height);
    h = fitted(w, h, CLAUDE_EDGE, true);
    w = least(w, CLAUDE_EDGE);
    return least(CLAUDE_MOST, most(ceil_div(w * h, 750), pieces(w, h, 28)));
}

#define GEMINI_TILE 258
#define GEMINI_EDGE 3072 /* larger ones are made to fit */
#define GEMINI_TILES 24  /* 3072 x 384 px: the most that comes out below */
#define GEMINI_3 2240    /* ultra high resolution, whatever the size */

/* Up to 384 px one tile; else tiles of two thirds of the shorter side, but
 * 256 to 768 px. */
static int64_t crops_in(int64_t w, int64_t h)
{
    return w <= 384 ? 1 : pieces(w, h, least(most(h * 2 / 3, 256), 768));
}

/* Gemini 3 has a number per resolution instead. */
static int64_t gemini_image(struct slice model, const struct image_size *s)
{
    int64_t tiles = GEMINI_TILES;
    bool by_tiles =
        slice_starts(model, "gemini-2") || slice_starts(model, "gemini-1");
    if (s != NULL) {
        int64_t w = most(s->width, s->height), h = least(s->width, s->height);
        int64_t fit = least(w, GEMINI_EDGE);
        tiles = most(crops_in(fit, fitted(w, h, GEMINI_EDGE, false)),
                     crops_in(fit, fitted(w, h, GEMINI_EDGE, true)));
    }
    return most(tiles * GEMINI_TILE, by_tiles ? 0 : GEMINI_3);
}

int64_t bound_image(enum provider_id provider, struct slice model,
                    enum image_detail detail, const struct image_size *size)
{
    int64_t dearest = 0;
    if (size != NULL && size->width == 0)
        size = NULL;
    if (provider == PROVIDER_XAI)
        return 7 * 256;
    if (provider == PROVIDER_ANTHROPIC)
        return claude_image(size);
    if (provider == PROVIDER_GOOGLE)
        return gemini_image(model, size);
    if (provider == PROVIDER_MISTRAL)
        return 4160; /* 64 rows of 64 patches and one break each */
    for (size_t i = 0; i < sizeof openai_rows / sizeof *openai_rows; i++) {
        int64_t n = row_tokens(&openai_rows[i], detail, size);
        if (slice_starts(model, openai_rows[i].prefix))
            return n;
        dearest = most(dearest, n);
    }
    if (detail == DETAIL_LOW) // a model that does not know the word
        dearest =
            most(dearest, bound_image(provider, model, DETAIL_ORIGINAL, size));
    return dearest;
}

/* "1536x1024" as pixels; 0: auto or not understood. */
static int64_t size_pixels(struct slice size)
{
    int64_t v[2] = {0, 0};
    int at = 0;
    for (size_t i = 0; i < size.n; i++) {
        char c = size.p[i];
        if (c == 'x' && at == 0 && i > 0)
            at = 1;
        else if (c >= '0' && c <= '9' && v[at] < 100000)
            v[at] = v[at] * 10 + (c - '0');
        else
            return 0;
    }
    return v[0] * v[1];
}

#define IMAGE2_MAX_PIXELS 8294400
#define PARTIAL_IMAGES 300 /* three partial images of 100 tokens */

int64_t bound_image_output(struct slice model, struct slice size,
                           struct slice quality)
{
    bool low = slice_is(quality, "low");
    bool medium = slice_is(quality, "medium");
    if (!slice_starts(model, "gpt-image") &&
        !slice_starts(model, "chatgpt-image"))
        return 0;
    if (slice_starts(model, "gpt-image-1") ||
        slice_starts(model, "chatgpt-image"))
        return (low ? 408 : medium ? 1584 : 6240) + PARTIAL_IMAGES;
    int64_t px = size_pixels(size), q = low ? 16 : medium ? 48 : 96;
    if (px <= 0 || px > IMAGE2_MAX_PIXELS)
        px = IMAGE2_MAX_PIXELS;
    return (q * q * (2000000 + px) + 3999999) / 4000000 + PARTIAL_IMAGES;
}

/* bound.c - the most that media can be billed with.
 *
 * Sources: OpenAI "Images and vision" (tiles: base + tokens per 512 px tile,
 * at most 8 tiles after scaling to 2048 and 768; patches: 32 px, a budget per
 * detail, a multiplier per model); OpenAI "Image generation" (tokens by size
 * and quality; for gpt-image-2 quality^2 * (2e6 + pixels) / 4e6, at most
 * 8,294,400 pixels); xAI "Image understanding" (448 px tiles, 6 + 1 of 256);
 * Anthropic "Vision" (width x height / 750, at most 2576 px on the long edge:
 * 4784); Google "Image understanding" (258 per tile of 768 px; 16 tiles, and
 * for Gemini 3 at most 2240 at the highest resolution, are below that);
 * Mistral "Vision" (16 px patches of at most 1024 x 1024, larger models 28 px
 * of 1540).  A model no row knows is bounded by the dearest rule.
 */
#include "provider/bound.h"

#include <stdbool.h>
#include <string.h>

#define PATCHES_LOW 256 /* 512 x 512 px */
#define PATCHES_HIGH 1536
#define PATCHES_HIGH_5 2500    /* gpt-5.3 and later, detail high */
#define PATCHES_ORIGINAL 10000 /* the same, detail original or auto */
#define UNKNOWN_IMAGE 48169    /* the dearest row */

struct image_row {
    const char *prefix; /* longest first within a family */
    int64_t of[DETAIL_COUNT];
};

#define TILES(base, tile)                                \
    {                                                    \
        (base), (base) + 8 * (tile), (base) + 8 * (tile) \
    }
#define PATCHES(permille)                             \
    {                                                 \
        (PATCHES_LOW * (permille) + 999) / 1000,      \
            (PATCHES_HIGH * (permille) + 999) / 1000, \
            (PATCHES_HIGH * (permille) + 999) / 1000  \
    }
#define PATCHES_5(permille)                              \
    {                                                    \
        (PATCHES_LOW * (permille) + 999) / 1000,         \
            (PATCHES_HIGH_5 * (permille) + 999) / 1000,  \
            (PATCHES_ORIGINAL * (permille) + 999) / 1000 \
    }

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

int64_t bound_image(enum provider_id provider, struct slice model,
                    enum image_detail detail)
{
    if (provider == PROVIDER_XAI)
        return 7 * 256;
    if (provider == PROVIDER_ANTHROPIC)
        return 4784;
    if (provider == PROVIDER_GOOGLE)
        return 16 * 258;
    if (provider == PROVIDER_MISTRAL)
        return 4160; /* 64 rows of 64 patches and one break each */
    for (size_t i = 0; i < sizeof openai_rows / sizeof *openai_rows; i++)
        if (slice_starts(model, openai_rows[i].prefix))
            return openai_rows[i].of[detail];
    return UNKNOWN_IMAGE;
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

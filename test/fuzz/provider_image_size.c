// rooms: provider http base
/* Heads of pictures, as base64 or raw bytes to be encoded: no read beyond the
 * text, sizes within limits, the same for both spellings, and a bound for
 * every provider that a known size never raises. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "provider/bound.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct slice text)
{
    static const enum provider_id of[] = {PROVIDER_OPENAI, PROVIDER_ANTHROPIC,
                                          PROVIDER_GOOGLE, PROVIDER_XAI};
    static const char *const models[] = {"gpt-4o", "gpt-5.4", "o4-mini", "x",
                                         "gemini-2.5-pro"};
    struct image_size s;
    bool known = image_size_read(text, &s);
    assert(known == (s.width > 0) && known == (s.height > 0));
    assert(s.width <= IMAGE_SIDE_MAX && s.height <= IMAGE_SIDE_MAX);
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        for (size_t m = 0; m < sizeof models / sizeof *models; m++)
            for (int d = 0; d < DETAIL_COUNT; d++) {
                enum image_detail e = (enum image_detail)d;
                struct slice model = slice_str(models[m]);
                int64_t n = bound_image(of[i], model, e, &s);
                assert(n > 0 && n <= bound_image(of[i], model, e, NULL));
            }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
                              "wxyz0123456789+/";
    check(slice((const char *)data, size));
    char *text = malloc(size / 3 * 4 + 4);
    if (text == NULL)
        return 0;
    size_t at = 0;
    for (size_t i = 0; i + 2 < size; i += 3) {
        uint32_t v =
            (uint32_t)data[i] << 16 | (uint32_t)data[i + 1] << 8 | data[i + 2];
        for (int k = 18; k >= 0; k -= 6)
            text[at++] = abc[v >> k & 63];
    }
    check(slice(text, at));
    free(text);
    return 0;
}

/* image_size.h - width and height of a picture from the head of its base64.
 *
 * PNG, JPEG, GIF and WebP.  Only the head is decoded, into nothing: at most
 * IMAGE_HEAD bytes of the picture are looked at.  Whoever cannot be read for
 * certain is unknown, never guessed: what depends on the size then takes the
 * most there can be.  Pure; any thread.
 */
#ifndef PROVIDER_IMAGE_SIZE_H
#define PROVIDER_IMAGE_SIZE_H

#include <stdbool.h>

#include "base/slice.h"

#define IMAGE_HEAD (256u << 10)  /* bytes: EXIF and colour profiles */
#define IMAGE_SIDE_MAX (1 << 16) /* pixels; more is unknown */

struct image_size {
    int width, height; /* 0: unknown */
};

/* The size of the picture in `base64`: RFC 4648 text as it stands between the
 * quotes of JSON ("\/" is "/"), or a data: URL of it.  False: unknown, and
 * `*out` is zero. */
bool image_size_read(struct slice base64, struct image_size *out);

#endif

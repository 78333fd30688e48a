/* bound.h - what media can cost at most, by the providers' published rules.
 *
 * A table with sources.  Pure; any thread.
 */
#ifndef PROVIDER_BOUND_H
#define PROVIDER_BOUND_H

#include <stdint.h>

#include "base/slice.h"
#include "call/provider_id.h"
#include "provider/image_size.h"

enum image_detail { DETAIL_LOW, DETAIL_HIGH, DETAIL_ORIGINAL, DETAIL_COUNT };

/* Most input tokens one image part of this size can be billed with; `size`
 * NULL or zero: of any size.  A model that no row knows gets the dearest of
 * its provider. */
int64_t bound_image(enum provider_id provider, struct slice model,
                    enum image_detail detail, const struct image_size *size);
/* Most output tokens of one generated image, 0: not billed by tokens or not
 * known. */
int64_t bound_image_output(struct slice model, struct slice size,
                           struct slice quality);

#endif

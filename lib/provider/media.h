/* media.h - which strings of a request are pictures, sound or files, no text.
 *
 * For facts.c only: called during its walk, at the string.  Owning thread.
 */
#ifndef PROVIDER_MEDIA_H
#define PROVIDER_MEDIA_H

#include "provider/facts.h"

/* True if the string just read is a media part rather than text; notes it in
 * its object's level. */
bool media_string(struct work *w);
/* Reads a "detail" of the object; of two the dearer counts. */
void media_detail(struct level *l, struct slice s);
/* The object of a picture is over: counts it, with its size if that is known.
 */
void media_note(struct described_images *i, const struct level *l);

#endif

/* names.h - what a model's name says by itself (contract 3.3).
 *
 * Pure functions on text; results point into their argument.  Not for: which
 * models have prices (book).  Any thread.
 */
#ifndef PRICE_NAMES_H
#define PRICE_NAMES_H

#include "base/slice.h"
#include "call/provider_id.h"

/* `name` without "-YYYY-MM-DD", "-YYYYMMDD" or "-latest". */
struct slice names_base(struct slice name);
/* Provider of "provider/model", cut off `*model`; PROVIDER_NONE: no prefix. */
enum provider_id names_prefix(struct slice *model);
/* The provider whose names look like this; OpenAI if nobody's do. */
enum provider_id names_pattern(struct slice m);
/* "ft:gpt-4o-2024-08-06:org::id" costs what its base's fine-tunes cost: the
 * name up to the organisation. */
struct slice names_tuned(struct slice name);
/* "gemini-2.5-pro" of its names with an effort (contract 3.3.5); others as
 * they are. */
struct slice names_plain(struct slice name);

#endif

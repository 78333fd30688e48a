/* yaml.h - YAML in and out, as far as configuration uses it.
 *
 * Read: block and flow collections, plain, quoted, literal and folded scalars,
 * anchors, aliases, merge keys, comments, one document; scalars as OPA's
 * library resolves them (YAML 1.1: yes and no are booleans).  Not read:
 * complex keys ("? "), tags other than !!str, !!int, !!float, !!bool,
 * several documents.  Written: block style, keys in order.
 */
#ifndef REGO_YAML_H
#define REGO_YAML_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "rego/value.h"

/* Parses `text` into `a`.  E_INVALID: "yaml: line 1: did not find expected
 * ',' or ']'"; E_TOO_BIG: the arena's limit. */
MUST_CHECK enum status yaml_parse(struct arena *a, struct slice text,
                                  struct value *out, struct err *err);

/* Appends `v`; sets are sequences. */
void yaml_write(struct buf *b, const struct value *v);

#endif

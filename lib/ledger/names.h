/* names.h - enums as the words that stand in the file.
 *
 * Pure.  Unknown words read as 0.  NULL text: the value has no word.
 */
#ifndef LEDGER_NAMES_H
#define LEDGER_NAMES_H

#include "base/slice.h"

enum names_table {
    NAMES_KIND,
    NAMES_STATUS,
    NAMES_METERED,
    NAMES_BASIS,
    NAMES_PROVIDER,
    NAMES_ORIGIN,
    NAMES_SCOPE,
    NAMES_PERIOD,
};

/* The word of `v`; .p NULL if it has none. */
struct slice names_of(enum names_table t, int v);
/* The value of a word, 0 if it is none. */
int names_parse(enum names_table t, struct slice word);

#endif

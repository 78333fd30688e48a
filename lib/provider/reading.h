/* reading.h - what was read of an answer so far, and what it means as usage.
 *
 * For meter.c: counts land here as http/scan finds them, the last value of
 * each field wins; reading_usage() then says what they mean together
 * (contract 9.4, wire.md 0).  A plain value; one per answer.
 */
#ifndef PROVIDER_READING_H
#define PROVIDER_READING_H

#include <stdbool.h>
#include <stdint.h>

#include "call/call.h"
#include "call/usage.h"
#include "provider/paths.h"

/* Counts of one list, by kind: Google's details, Anthropic's turns. */
struct reading_list {
    int64_t audio, image, input, read, written, output;
};

struct reading {
    enum format format;
    int64_t val[V_NUMBERS]; /* -1: not seen */
    int64_t audio_ms, data_items, searches, item_searches, queries;
    enum tier tier;
    bool fast, region_us;
    char model[USAGE_MODEL_MAX];
    /* lists: the element being read, the list so far, and whole ones */
    struct reading_list item, open;
    bool item_audio, item_image, item_compaction;
    int64_t item_tokens;
    struct reading_list parts_in, parts_cached, parts_out, turns;
};

/* Begins an answer. */
void reading_start(struct reading *r, enum format format);
/* Takes one value at a path that means `fact`. */
void reading_take(struct reading *r, int fact, const struct scan_value *v);
/* Fills `u`; true if the answer said any usage. */
bool reading_usage(const struct reading *r, enum op op, struct usage *u);

#endif

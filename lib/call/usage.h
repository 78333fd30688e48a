/* usage.h - what a provider says (or we count) that a call used.
 *
 * Normalised: `input` and `output` are totals; the other classes are parts of
 * them (wire.md 0).  A plain value; -1 nowhere, absent is 0.
 */
#ifndef CALL_USAGE_H
#define CALL_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#define USAGE_MODEL_MAX 128

/* Which price tier served (or was asked). */
enum tier {
    TIER_STANDARD,
    TIER_FLEX,
    TIER_PRIORITY,
    TIER_BATCH,
};

/* Who said it. */
enum metered_by {
    METERED_NONE, /* no usage at all */
    METERED_PROVIDER,
    METERED_TOKENIZER, /* our own count of request and answer */
    METERED_INGEST,
    METERED_HOLD, /* nobody knows: the whole hold */
};

struct usage {
    enum metered_by by;
    int64_t input;          /* all input, cached and written included */
    int64_t cached;         /* of input: read from a cache */
    int64_t cache_write;    /* of input: written, short life (5 m, 30 m) */
    int64_t cache_write_1h; /* of input: written, long life (1 h, 12 h) */
    int64_t audio_in;       /* of input, uncached */
    int64_t image_in;       /* of input, uncached */
    int64_t output;         /* all output, reasoning included */
    int64_t reasoning;      /* of output */
    int64_t audio_out;      /* of output */
    int64_t image_out;      /* of output */
    int64_t web_searches;   /* calls of paid server tools */
    int64_t images;         /* generated images billed each */
    int64_t audio_ms;       /* audio billed by time */
    int64_t characters;     /* speech billed by input characters */
    enum tier tier;         /* as served */
    bool fast;              /* Anthropic speed "fast" */
    bool region_us;         /* served under a regional multiplier */
    bool region_eu;
    char model[USAGE_MODEL_MAX]; /* named by the answer, "" if none */
};

#endif

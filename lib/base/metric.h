/* metric.h - counters, gauges and histograms, and their Prometheus text.
 *
 * The table of families is fixed in metric.c (one X-macro).  Any thread.
 * Counting takes no lock once a label set exists (a shard lock on first use).
 * Beyond 1,000 values of one label new ones become "other"; values are cut at
 * 160 bytes, between characters, and what is no UTF-8 becomes "?".
 */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct metrics;

enum metric_id {
    M_REQUESTS,        /* route, provider, status, reason */
    M_REQUEST_SECONDS, /* histogram, us in */
    M_OVERHEAD_SECONDS,
    M_TTFT_SECONDS,
    M_TOKENS,        /* kind, provider, model */
    M_SPEND,         /* tenant, provider, model; nano-dollars in */
    M_RATE_HITS,     /* kind */
    M_AUTH_FAILURES, /* kind */
    M_POLICY_SECONDS,
    M_POLICY_ERRORS,
    M_INGEST, /* result */
    M_OVERRUNS,
    M_ALERTS,           /* period */
    M_ALERT_DELIVERIES, /* channel, result */
    /* OpenTelemetry's names for generative AI (semantic conventions, GenAI
     * metrics), histograms: operation, provider, model, error type; of
     * M_GENAI_TOKENS the fourth is the token type.  us in, tokens in. */
    M_GENAI_TOKENS,
    M_GENAI_CLIENT_SECONDS, /* from the gateway to the provider and back */
    M_GENAI_SERVER_SECONDS, /* as the gateway's client sees it */
    M_GENAI_FIRST_TOKEN,
    M_GENAI_PER_TOKEN,
    M_COUNT
};

/* A fresh set; owned by the caller. */
struct metrics *metric_new(void);
/* Frees and nulls. */
void metric_free(struct metrics **m);
/* Adds `v` (nano-dollars for M_SPEND) to the counter with these label values,
 * in the order of the comment above; unused ones are empty slices. */
void metric_add(struct metrics *m, enum metric_id id,
                const struct slice labels[static 4], int64_t v);
/* The value of the counter with these label values; 0: never counted. */
int64_t metric_value(const struct metrics *m, enum metric_id id,
                     const struct slice labels[static 4]);
/* Records a duration in a histogram without labels. */
void metric_time(struct metrics *m, enum metric_id id, int64_t us);
/* Records a value in a histogram with labels, in their order. */
void metric_note(struct metrics *m, enum metric_id id,
                 const struct slice labels[static 4], int64_t v);
/* Appends all families in Prometheus text format 0.0.4. */
void metric_text(const struct metrics *m, struct buf *out);
/* Appends one sample line of a family that is gathered at scrape time:
 * `name{labels} value`, label values escaped; `decimals` places are cut off
 * `scaled` (9 for nano-dollars, 0 for plain numbers). */
void metric_sample(struct buf *out, const char *name,
                   const char *const *label_names, const struct slice *labels,
                   int n, int64_t scaled, int decimals);

#endif

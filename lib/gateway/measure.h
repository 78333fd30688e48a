/* measure.h - how long an exchange took, for the histograms of /metrics.
 * Shared by the files of this room only; owning loop.
 */
#ifndef GATEWAY_MEASURE_H
#define GATEWAY_MEASURE_H

struct exchange;

/* Counts the exchange whose row was just written: total time, time to the
 * first token, what the gateway itself took, and OpenTelemetry's view of calls
 * that were forwarded.  Once per exchange. */
void measure_end(const struct exchange *x);

#endif

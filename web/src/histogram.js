// histogram.js - quantiles from Prometheus text.  Pure.

/** Median and 95th percentile (seconds, linear within a bucket) of all series
 *  of a histogram in Prometheus text; null: nothing counted. */
export function histogram(text, name) {
  if (typeof text !== 'string') return null;
  const at = new Map();
  for (const line of text.split('\n')) {
    if (!line.startsWith(`${name}_bucket{`)) continue;
    const le = /le="([^"]+)"/.exec(line)?.[1];
    const to = le === '+Inf' ? Infinity : Number(le);
    at.set(to, (at.get(to) ?? 0) + Number(line.slice(line.lastIndexOf(' ') + 1)));
  }
  const steps = [...at].sort(([a], [b]) => a - b), all = steps.at(-1)?.[1] ?? 0;
  if (!all) return null;
  const quantile = (q) => {
    let low = 0, below = 0;
    for (const [to, n] of steps) {
      if (n >= q * all) return to === Infinity ? low : low + (to - low) * ((q * all - below) / Math.max(1, n - below));
      low = to;
      below = n;
    }
    return low;
  };
  return { p50: quantile(0.5), p95: quantile(0.95), count: all };
}

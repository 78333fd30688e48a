// sums.js - burn rate, forecast and latency from what the API gives.  Pure.
import { nano } from './format.js';

const DAY = 86400000n;

/** From /admin/overview: {perDay, month, days}.  The rate is the mean of the
 *  last seven whole days, or of those since the first spend. */
export function forecast({ days, month }, now = Date.now()) {
  const whole = days.slice(0, -1), first = whole.findIndex((d) => nano(d.usd) !== 0n);
  const used = first < 0 ? [] : whole.slice(Math.max(first, whole.length - 7));
  const sum = used.reduce((s, d) => s + nano(d.usd), 0n);
  // nothing before today: at least what today took
  const perDay = used.length > 0 ? sum / BigInt(used.length) : nano(days.at(-1)?.usd ?? 0) ?? 0n;
  const left = BigInt(Math.max(0, Date.parse(month.end) - now));
  return { perDay, month: (nano(month.usd) ?? 0n) + (perDay * left) / DAY, days: used.length };
}

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

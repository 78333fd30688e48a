// format.js - money, counts and time as people read them.
//
// Money is a BigInt of nano-dollars from the API's decimal text to the screen;
// no sum and no comparison ever goes through a float.
import { html } from 'lit';

/** Nano-dollars of a decimal ("10.5", 0.0075, "-1e-7"); null: not a number. */
export function nano(value) {
  if (typeof value === 'bigint') return value;
  const m = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(String(value ?? '').trim());
  if (!m || m[2] + m[3] === '' || Math.abs(m[4] ?? 0) > 40) return null;
  const shift = 9 - m[3].length + Number(m[4] ?? 0), digits = BigInt(m[2] + m[3]);
  const n = shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift);
  return m[1] === '-' ? -n : n;
}

const group = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ',');

/** Every digit: "$1,234.000000001". */
export function usdExact(value) {
  const n = nano(value);
  if (n === null) return '–';
  const a = n < 0n ? -n : n;
  const rest = String(a % 1000000000n).padStart(9, '0').replace(/0+$/, '').padEnd(2, '0');
  return `${n < 0n ? '−' : ''}$${group(String(a / 1000000000n))}.${rest}`;
}

/** Short: cents from a dollar on, below that two figures ("$0.0075"). */
export function usd(value) {
  const n = nano(value);
  if (n === null) return '–';
  const a = n < 0n ? -n : n;
  let places = 2;
  if (a > 0n && a < 1000000000n) places = Math.min(9, Math.max(2, 11 - String(a).length));
  const unit = 10n ** BigInt(9 - places), rounded = ((a + unit / 2n) / unit) * unit;
  const rest = String(rounded % 1000000000n).padStart(9, '0').slice(0, places).replace(/0+$/, '').padEnd(2, '0');
  return `${n < 0n ? '−' : ''}$${group(String(rounded / 1000000000n))}.${rest}`;
}

/** As an input shows it: "10.5". */
export const plain = (value) => usdExact(value).replace(/[$,]/g, '').replace('−', '-').replace(/\.00$/, '');

/** Short on the page, exact on hover and for readers. */
export const money = (value) => html`<span class="num" title=${usdExact(value)}>${usd(value)}</span>`;

/** Hundredths of a percent without floats; for bars and shares. */
export function percent(part, whole) {
  const p = nano(part) ?? 0n, w = nano(whole) ?? 0n;
  return w <= 0n ? (p > 0n ? 100 : 0) : Number((p * 10000n) / w) / 100;
}
export const share = (part, whole) => `${percent(part, whole).toFixed(1)} %`;

/** For charts only: dollars as a number, and such a number as text. */
export const dollars = (value) => Number(nano(value) ?? 0n) / 1e9;

export const axis = (v) => usd(v.toFixed(9)).replace(/\.00$/, '');

const numbers = new Intl.NumberFormat('en'); // made once: making one costs more than using it
export const count = (n) => (n === null || n === undefined ? '–' : numbers.format(n));
export const ms = (n) => (n === null || n === undefined ? '–' : n < 1 ? `${Math.round(n * 1000)} µs` : n < 1000 ? `${n < 10 ? Number(n).toFixed(1) : Math.round(n)} ms` : `${(n / 1000).toFixed(1)} s`);
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${Number(n) === 1 ? one : many}`;

const dateOf = (t) => (t === null || t === undefined || t === '' ? null : new Date(t));
const formats = new Map();
function format(zone) {
  if (!formats.has(zone)) formats.set(zone, new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: zone }));
  return formats.get(zone);
}
/** In the viewer's zone; hover shows UTC. */
export function time(t) {
  const d = dateOf(t);
  if (!d || Number.isNaN(+d)) return html`<span class="muted">–</span>`;
  return html`<time datetime=${d.toISOString()} title=${d.toISOString()}>${format().format(d)}</time>`;
}
/** Text of an instant in a named zone ("20 Nov 2026, 00:00 Europe/Berlin"). */
export const timeIn = (t, zone) => { const d = dateOf(t); return d ? `${format(zone).format(d)} ${zone}` : '–'; };
const relatives = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
/** "in 3 h", "5 min ago". */
export function relative(t) {
  const d = dateOf(t);
  if (!d) return '–';
  const s = Math.round((d - Date.now()) / 1000), f = relatives;
  for (const [unit, size] of [['year', 31536000], ['month', 2592000], ['day', 86400], ['hour', 3600], ['minute', 60]])
    if (Math.abs(s) >= size) return f.format(Math.round(s / size), unit);
  return f.format(s, 'second');
}
/** YYYY-MM-DD of today plus `days`, UTC as the ledger counts. */
export const day = (days = 0) => new Date(Date.now() + days * 86400000).toISOString().slice(0, 10);

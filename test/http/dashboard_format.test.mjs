// dashboard_format.test.mjs - money and quantiles as the dashboard computes
// them, bundled as it is built (build/web) and run here without a browser.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { ROOT } from './fixture.mjs';

const dir = path.join(ROOT, 'build/web');
const tmp = fs.mkdtempSync(path.join(os.tmpdir(), 'bg-format-'));
const outfile = path.join(tmp, 'all.mjs');
await createRequire(path.join(dir, 'package.json'))('esbuild').build({
  stdin: { contents: "export * from './format.js'; export * from './histogram.js';", resolveDir: path.join(ROOT, 'web/src') },
  bundle: true, format: 'esm', platform: 'node', conditions: ['node'], outfile, nodePaths: [path.join(dir, 'node_modules')], logLevel: 'error',
});
const { nano, usd, usdExact, plain, percent, share, axis, ms, plural, histogram } = await import(pathToFileURL(outfile));
fs.rmSync(tmp, { recursive: true, force: true });

test('amounts are read exactly, from text, numbers and exponents; anything else is no amount', () => {
  for (const [text, n] of [['10.5', 10500000000n], ['0', 0n], ['-0.000000001', -1n], ['0.0075', 7500000n], [0.0000045, 4500n], [1e-7, 100n], ['1e3', 1000000000000n], ['9007199254740993.000000001', 9007199254740993000000001n], ['.5', 500000000n], ['5.', 5000000000n], ['+2', 2000000000n], [7n, 7n]]) assert.equal(nano(text), n, String(text));
  for (const bad of ['', ' ', '.', '-', 'ten', '1,5', '1.2.3', '0x10', 'NaN', NaN, Infinity, null, undefined, '1e99', {}]) assert.equal(nano(bad), null, String(bad));
});

test('amounts are shown short, and in full where every digit counts', () => {
  for (const [n, short, full] of [['0', '$0.00', '$0.00'], ['0.0075', '$0.0075', '$0.0075'], ['0.000000001', '$0.000000001', '$0.000000001'], ['0.012345678', '$0.012', '$0.012345678'], ['0.999', '$1.00', '$0.999'], ['12.345678901', '$12.35', '$12.345678901'], ['1.005', '$1.01', '$1.005'], ['1234567.5', '$1,234,567.50', '$1,234,567.50'], ['-1.25', '−$1.25', '−$1.25'], ['999999999999.999999999', '$1,000,000,000,000.00', '$999,999,999,999.999999999']])
    assert.deepEqual([usd(n), usdExact(n)], [short, full], n);
  assert.deepEqual([usd('x'), usdExact(null)], ['–', '–']);
  for (const t of ['10.5', '0.0000045', '-3', '1234567.000000001']) assert.equal(nano(plain(t)), nano(t), 'what a form shows reads back as itself');
  assert.deepEqual([axis(40), axis(0.5), axis(1200)], ['$40', '$0.50', '$1,200']);
});

test('shares are of integers; a budget of nothing is full as soon as a thing is spent', () => {
  assert.deepEqual([percent('1', '3'), percent('3', '1'), percent('0', '0'), percent('0.1', '0'), share('1', '8')], [33.33, 300, 0, 100, '12.5 %']);
  assert.deepEqual([ms(0.035), ms(9.96), ms(250.4), ms(1500), ms(null)], ['35 µs', '10.0 ms', '250 ms', '1.5 s', '–']);
  assert.deepEqual([plural(1, 'call'), plural(1200, 'call'), plural(0, 'reply', 'replies')], ['1 call', '1,200 calls', '0 replies']);
});

test('quantiles of a Prometheus histogram: linear within a bucket, series added up', () => {
  const text = (...n) => ['0.001', '0.01', '+Inf'].map((le, i) => `x_seconds_bucket{le="${le}"} ${n[i]}`).join('\n');
  assert.equal(histogram(text(0, 0, 0), 'x_seconds'), null);
  assert.equal(histogram({}, 'x_seconds'), null);
  assert.deepEqual(histogram(text(10, 10, 10), 'x_seconds'), { p50: 0.0005, p95: 0.00095, count: 10 });
  const two = histogram(`${text(50, 100, 100)}\nx_seconds_count 100\ny_seconds_bucket{le="1"} 5`, 'x_seconds');
  assert.deepEqual([two.p50, Math.round(two.p95 * 1e5) / 1e5, two.count], [0.001, 0.0091, 100]);
  assert.equal(histogram(text(0, 0, 4), 'x_seconds').p50, 0.01, 'beyond the last bound: at least that');
});

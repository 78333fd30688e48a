// lighthouse.mjs - Lighthouse over every page with data (`make lighthouse`):
// fails below performance 90, accessibility 95, best practices 95.  npx fetches
// Lighthouse; it is too large for the packages every test run needs.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ADMIN, Gateway, call } from '../http/fixture.mjs';
import { MockUpstream } from '../http/mock.mjs';
import { ENV, fill } from './data.mjs';
import { PAGES } from '../../web/src/pages.js';

const LEAST = { performance: 90, accessibility: 95, 'best-practices': 95 };
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bg-lighthouse-')), report = path.join(dir, 'report.json'), headers = path.join(dir, 'headers.json');

function measure(address) {
  const args = ['--yes', 'lighthouse@12', address, '--quiet', '--output=json', `--output-path=${report}`, '--chrome-flags=--headless=new --no-sandbox', `--extra-headers=${headers}`, `--only-categories=${Object.keys(LEAST)}`, '--preset=desktop'];
  return new Promise((ok, fail) => spawn('npx', args, { cwd: dir, env: { CHROME_PATH: '/usr/bin/chromium', ...process.env }, stdio: ['ignore', 'ignore', 'inherit'] })
    .on('exit', (code) => (code === 0 ? ok(JSON.parse(fs.readFileSync(report))) : fail(new Error(`lighthouse ended with ${code}`)))));
}

const mock = await MockUpstream.start(), gw = new Gateway({ OPENAI_API_KEY: 'sk-x', OPENAI_BASE_URL: `${mock.url}/v1`, ...ENV });
let low = 0;
try {
  await gw.start();
  const teams = await fill(gw, mock);
  const r = await call(`${gw.url}/dashboard/session`, { json: { key: ADMIN } });
  fs.writeFileSync(headers, JSON.stringify({ Cookie: /bg_admin=[^;]*/.exec([].concat(r.headers['set-cookie'])[0])[0] }));
  for (const to of [...PAGES.map((p) => (p.name ? `/${p.name}` : '')), `/tenants/${teams[0].id}`]) {
    const { categories, audits } = await measure(`${gw.url}/dashboard${to}`);
    const scores = Object.entries(categories).map(([k, c]) => [k, Math.round(c.score * 100)]);
    low += scores.filter(([k, n]) => n < LEAST[k]).length;
    console.log(`${(to || '/').padEnd(14)} ${scores.map(([k, n]) => `${k} ${n}`).join(', ')}, first paint ${audits['first-contentful-paint'].displayValue}, ${Math.round(audits['total-byte-weight'].numericValue / 1024)} KiB`);
  }
} finally {
  await gw.stop();
  await mock.stop();
  for (const d of [dir, gw.dir]) fs.rmSync(d, { recursive: true, force: true });
}
process.exitCode = low > 0 ? 1 : 0;

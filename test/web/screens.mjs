// screens.mjs - a screenshot of every page, light, dark and on a phone, into
// build/screenshots (`make screenshots`).  Arguments: names of pages, or
// --readme for the two pictures of the README alone.
import fs from 'node:fs';
import path from 'node:path';
import { Gateway, ROOT } from '../http/fixture.mjs';
import { MockUpstream } from '../http/mock.mjs';
import { PHONE, browse, enter, visit } from '../http/browser.mjs';
import { ENV, fill } from './data.mjs';
import { PAGES } from '../../web/src/pages.js';

const out = path.join(ROOT, 'build/screenshots'), readme = process.argv[2] === '--readme', only = readme ? [] : process.argv.slice(2);
const looks = [['light', { colorScheme: 'light', viewport: { width: 1440, height: 900 } }], ['dark', { colorScheme: 'dark', viewport: { width: 1440, height: 900 } }], ['phone', { colorScheme: 'light', ...PHONE }]];

async function shoot(gw, places, suffix = '') {
  for (const [look, opt] of looks)
    await browse(gw, opt, async (page) => {
      await page.goto('/dashboard');
      await page.waitForSelector('#key');
      if (!only.length && !suffix) await page.screenshot({ path: path.join(out, `sign-in-${look}.png`) });
      await enter(page);
      for (const [name, to] of places) {
        await visit(page, to);
        await page.waitForLoadState('networkidle');
        await page.screenshot({ path: path.join(out, `${name}${suffix}-${look}.png`), fullPage: true });
      }
    });
}

/* What the README shows: one screen each, as a visitor sees it. */
async function shootReadme(gw) {
  const dir = path.join(ROOT, 'packaging/screens');
  fs.mkdirSync(dir, { recursive: true });
  for (const [name, to, colorScheme] of [['overview', '', 'light'], ['budgets', '/budgets', 'dark']])
    await browse(gw, { colorScheme, viewport: { width: 1280, height: 860 } }, async (page) => {
      await enter(page, to);
      await page.waitForLoadState('networkidle');
      await page.screenshot({ path: path.join(dir, `${name}.png`) });
    });
}

fs.mkdirSync(out, { recursive: true });
const mock = await MockUpstream.start(), gw = new Gateway({ OPENAI_API_KEY: 'sk-x', OPENAI_BASE_URL: `${mock.url}/v1`, ...ENV });
try {
  await gw.start();
  let places = PAGES.map((p) => [p.name || 'overview', p.name ? `/${p.name}` : '']);
  if (only.length) places = places.filter(([n]) => only.includes(n));
  if (!readme) await shoot(gw, places, '-empty');
  const teams = await fill(gw, mock);
  if (readme) await shootReadme(gw);
  if (!only.length || only.includes('tenants')) places.push(['tenant', `/tenants/${teams[0].id}`]);
  if (!only.length || only.includes('usage')) places.push(['usage-ledger', '/usage/ledger'], ['usage-row', '/usage/ledger?row=1'], ['usage-tags', '/usage/tags']);
  if (!only.length || only.includes('overview')) places.push(['guide', '?guide=1']);
  if (!readme) await shoot(gw, places);
  console.log(`${fs.readdirSync(out).length} screenshots in ${path.relative(process.cwd(), out)}`);
} finally {
  await gw.stop();
  await mock.stop();
  fs.rmSync(gw.dir, { recursive: true, force: true });
}

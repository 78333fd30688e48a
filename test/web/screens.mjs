// screens.mjs - a screenshot of every page, light, dark and on a phone, into
// build/screenshots (`make screenshots`).  Arguments: names of pages.
import fs from 'node:fs';
import path from 'node:path';
import { Gateway, ROOT } from '../http/fixture.mjs';
import { MockUpstream } from '../http/mock.mjs';
import { PHONE, browse, enter, visit } from '../http/browser.mjs';
import { ENV, fill } from './data.mjs';
import { PAGES } from '../../web/src/pages.js';

const out = path.join(ROOT, 'build/screenshots'), only = process.argv.slice(2);
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

fs.mkdirSync(out, { recursive: true });
const mock = await MockUpstream.start(), gw = new Gateway({ OPENAI_API_KEY: 'sk-x', OPENAI_BASE_URL: `${mock.url}/v1`, ...ENV });
try {
  await gw.start();
  let places = PAGES.map((p) => [p.name || 'overview', p.name ? `/${p.name}` : '']);
  if (only.length) places = places.filter(([n]) => only.includes(n));
  await shoot(gw, places, '-empty');
  const teams = await fill(gw, mock);
  if (!only.length || only.includes('tenants')) places.push(['tenant', `/tenants/${teams[0].id}`]);
  if (!only.length || only.includes('overview')) places.push(['guide', '?guide=1']);
  await shoot(gw, places);
  console.log(`${fs.readdirSync(out).length} screenshots in ${path.relative(process.cwd(), out)}`);
} finally {
  await gw.stop();
  await mock.stop();
  fs.rmSync(gw.dir, { recursive: true, force: true });
}

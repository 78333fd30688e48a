// dashboard_leave.test.mjs - from page to page by the navigation, as people do:
// the one that was left is gone, and says nothing any more.
import { gtest, assert } from './fixture.mjs';
import { PAGES } from '../../web/src/pages.js';
import { browse, enter, needsBrowser, ready } from './browser.mjs';
import { world } from './dashboard_seed.mjs';

gtest('each page can be left for another by the navigation', { RATE_LIMIT_RPM: '0' }, async ({ gw }) => {
  await world(gw);
  await browse(gw, {}, async (page) => {
    await enter(page);
    for (const p of [...PAGES.slice(1), PAGES[0]]) {
      await page.click(`.rail a:has-text("${p.title}")`);
      await page.waitForSelector(`${p.tag}[ready]`);
      await ready(page);
      assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll('#main .page')].map((e) => e.localName)), [p.tag], `only ${p.title} is shown`);
    }
  });
}, needsBrowser);

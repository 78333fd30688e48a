// dashboard_nav.test.mjs - going from page to page by the navigation, as
// people do: the old page leaves, the new one comes, nothing is thrown.
import { gtest, assert } from './fixture.mjs';
import { PAGES } from '../../web/src/pages.js';
import { browse, enter, needsBrowser, ready } from './browser.mjs';

gtest('Usage of the last 30 days counts 30 of them', {}, async ({ gw }) => {
  await gw.tenant('acme');
  await browse(gw, {}, async (page) => {
    const asked = page.waitForRequest((r) => /\/insights\?/.test(r.url()));
    await enter(page, '/usage');
    assert.equal(new URL((await asked).url()).searchParams.get('days'), '29', 'today and 29 before it');
    for (const [days, sent] of [['0', '0'], ['7', '6']]) {
      const again = page.waitForRequest((r) => /\/insights\?/.test(r.url()) && new URL(r.url()).searchParams.get('days') === sent);
      await page.selectOption('#main select >> nth=0', days);
      await again;
    }
  });
}, needsBrowser);

gtest('every page is left for every other by its link', {}, async ({ gw }) => {
  await gw.tenant('acme', { budgets: [{ period: 'daily', amountUsd: '5' }] });
  await browse(gw, {}, async (page) => {
    await enter(page);
    for (const from of PAGES)
      for (const to of [PAGES[(PAGES.indexOf(from) + 1) % PAGES.length], PAGES[0]]) {
        for (const p of [from, to]) {
          await page.click(`#rail li a[href="/dashboard${p.name && `/${p.name}`}"]`);
          await page.waitForSelector(`#main ${p.tag}[ready]`);
          assert.equal(await page.locator('#main .page').count(), 1, `${p.title}: the page before it is gone`);
        }
        assert.equal(await page.locator('dialog[open]').count(), 0, `${from.title} to ${to.title}: no dialog opens`);
      }
    await ready(page);
  });
}, needsBrowser);

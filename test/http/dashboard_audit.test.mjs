// dashboard_audit.test.mjs - Audit and integrity: changes with paging, the
// chain's head, a check that is intact and one that is not.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { gtest, assert } from './fixture.mjs';
import { HOSTILE, PHONE, audit, browse, enter, fits, needsBrowser, visit } from './browser.mjs';
import { world } from './dashboard_seed.mjs';

const text = (page, sel) => page.locator(sel).first().innerText();
const listed = (page) => page.waitForSelector('bg-table[ready]');

gtest('audit: changes page on the server, filter by tenant, open in full', {}, async ({ gw }) => {
  const w = await world(gw);
  for (let i = 0; i < 120; i++) await gw.ok('PUT', `/admin/tenant/${w.acme.id}/ratelimit`, { rateLimitPerMin: 1000 + i });
  const all = (await gw.ok('GET', '/admin/audit?limit=1000')).data.length;
  await browse(gw, {}, async (page) => {
    await enter(page, '/audit');
    await listed(page);
    assert.equal(await page.title(), 'Audit and integrity · BudgetGuard');
    assert.match(await text(page, '.table-foot'), /^100 rows/);
    await page.locator('.table-scroll').evaluate((b) => b.scrollTo(0, b.scrollHeight));
    await page.waitForFunction((n) => document.querySelector('.table-foot')?.textContent.trim().startsWith(`${n} rows`), all);
    await page.selectOption('#q-tenantId', String(w.other.id));
    await page.waitForFunction(() => document.querySelectorAll('bg-table tbody tr[data-i]').length < 10 && document.querySelector('bg-table tbody').textContent.includes('onerror'));
    assert.match(page.url(), /tenantId=/);
    assert.equal(await page.evaluate(() => document.querySelectorAll('img[src="x"]').length), 0, 'R49');
    await page.focus('bg-table tbody tr[data-i="0"]');
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.drawer:has-text("tenant.create")');
    assert.ok((await text(page, '.drawer')).includes(HOSTILE));
    await audit(page, 'entry');
    await page.keyboard.press('Escape');
    await page.goBack();
    await page.waitForFunction(() => document.querySelector('#q-tenantId').value === '');
  });
}, needsBrowser);

gtest('audit: the chain’s head, a check, what it says of a tampered row', {}, async ({ gw }) => {
  await world(gw);
  await browse(gw, {}, async (page) => {
    await enter(page, '/audit');
    const { head } = await gw.ok('GET', '/admin/ledger/integrity');
    assert.equal(await text(page, '.hash code'), head.hash);
    assert.match(await text(page, '.card'), /Rows\s+8[^]*not checked since the start/);
    await page.click('button:has-text("Check every row")');
    await page.waitForSelector('.chip.good:has-text("intact")');
    assert.match(await text(page, '.card'), /8 rows/);
    await page.waitForSelector('bg-table:has-text("Ledger checked")');
    await audit(page, 'intact');
  });
  gw.skipVerify = true;
  await gw.stop();
  const triggers = gw.sql("SELECT name FROM sqlite_master WHERE type='trigger'").out.split('\n').map((t) => `DROP TRIGGER "${t}";`).join('');
  assert.equal(spawnSync('sqlite3', [path.join(gw.data, 'ledger.sqlite'), `${triggers}UPDATE ledger SET usd=0 WHERE id=3`]).status, 0);
  await gw.start();
  await browse(gw, {}, async (page) => {
    await enter(page, '/audit');
    await page.click('button:has-text("Check every row")');
    await page.waitForSelector('[role="alert"]:has-text("1 row differs from what was written, the first is row #3")');
    await audit(page, 'broken');
    await page.click('[role="alert"] a');
    await page.waitForSelector('.drawer .bill-total');
  });
}, needsBrowser);

gtest('audit: empty, slow, failing, both themes, phone', {}, async ({ gw }) => {
  await browse(gw, {}, async (page) => {
    await enter(page, '/audit');
    await page.waitForSelector('.empty:has-text("Nothing was changed yet")');
    assert.match(await text(page, '.card'), /Rows\s+0/);
    await audit(page, 'empty');
  });
  await world(gw);
  for (const opt of [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { colorScheme: 'dark', ...PHONE }])
    await browse(gw, opt, async (page, wrong) => {
      await enter(page, '/audit');
      await listed(page);
      await audit(page, `audit ${opt.colorScheme}`);
      await fits(page, 'audit');
      await page.click('bg-table tbody tr[data-i="0"]');
      await page.waitForSelector('.drawer .pairs');
      await audit(page, `entry ${opt.colorScheme}`);
      await fits(page, 'entry');
      let release;
      const held = new Promise((r) => { release = r; });
      await page.route('**/admin/ledger/integrity', async (r) => { await held; await r.fulfill({ status: 503, json: { error: 'Service unavailable' } }); });
      await page.goto('/dashboard/audit');
      await page.waitForSelector('.skeleton');
      release();
      await page.waitForSelector('.problem:has-text("Service unavailable")');
      await page.unroute('**/admin/ledger/integrity');
      await page.click('.problem button');
      await listed(page);
      wrong.splice(0);
      await visit(page, '/audit?tenantId=999');
      await page.waitForSelector('.empty');
    });
}, needsBrowser);

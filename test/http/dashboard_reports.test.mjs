// dashboard_reports.test.mjs - Reports: bucket and scope, charts and figures
// agree, print.
import { gtest, assert, nano } from './fixture.mjs';
import { PHONE, audit, browse, enter, fits, needsBrowser, visit } from './browser.mjs';
import { world } from './dashboard_seed.mjs';

const text = (page, sel) => page.locator(sel).first().innerText();
const KEY = 'ingest-key-0123456789';

/** The world, and a globex with 40 days of ingested usage. */
async function history(gw) {
  await world(gw);
  await gw.tenant('globex');
  const { token } = await gw.ok('POST', '/ingest/tokens', { label: 'history', tenant: 'globex' }, 201);
  for (let d = 1; d <= 40; d++) {
    const r = await gw.call('/ingest', { headers: { 'x-ingest-key': KEY }, json: { tracking_token: token, model: 'gpt-both', prompt_tokens: 1000 * d, completion_tokens: 100, timestamp: new Date(Date.now() - d * 86400000).toISOString() } });
    assert.equal(r.status, 201);
  }
}
const env = { INGEST_KEY: KEY, INGEST_RPM: '0' };

gtest('reports: every scope and bucket shows the API’s figures', env, async ({ gw }) => {
  await history(gw);
  await browse(gw, {}, async (page) => {
    await enter(page, '/reports');
    assert.equal(await page.title(), 'Reports · BudgetGuard');
    assert.equal(await page.locator('bg-chart').count(), 2);
    assert.match(await text(page, '.hbars'), /globex[^]*acme[^]*onerror/);
    assert.equal(await page.evaluate(() => document.querySelectorAll('img[src="x"]').length), 0, 'R49');
    for (const scope of ['user', 'key', 'user_key', 'all_users'])
      for (const bucket of ['day', 'week', 'month', 'year', 'all']) {
        await visit(page, `/reports?scope=${scope}&bucket=${bucket}`);
        const j = await gw.ok('GET', `/reports/data?scope=${scope}&bucket=${bucket}`);
        assert.equal(nano(await page.locator('.tile b .num').first().getAttribute('title').then((s) => s.replace(/[$,]/g, ''))), nano(j.summary.cost), `${scope} ${bucket}`);
        assert.equal(Number(await page.locator('bg-table table').getAttribute('aria-rowcount')), j.rows.length + 1, `${scope} ${bucket} rows`);
      }
    await page.selectOption('#q-bucket', 'month');
    await page.selectOption('#q-scope', 'user');
    await page.waitForFunction(() => /scope=user&bucket=month/.test(location.search));
    await page.selectOption('#q-user', 'globex');
    await page.waitForFunction(() => document.querySelectorAll('.hbars li').length === 1);
    await page.goBack();
    await page.waitForFunction(() => document.querySelectorAll('.hbars li').length > 1);
    // what the charts tell a reader adds up to the total
    await visit(page, '/reports?scope=user&bucket=day');
    const last = await page.locator('bg-chart .sr').first().locator('tbody tr').last().innerText();
    assert.equal(last.split(/\s+/).at(-1), await text(page, '.tile b'));
  });
}, needsBrowser);

gtest('reports: printed light, whole and without controls', env, async ({ gw }) => {
  await history(gw);
  await browse(gw, { colorScheme: 'dark' }, async (page) => {
    await enter(page, '/reports?scope=user');
    await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'light');
    await page.emulateMedia({ media: 'print' });
    for (const gone of ['.rail', '.filter-bar', '.page-head .actions']) assert.equal(await page.isVisible(gone), false, gone);
    assert.equal(await page.isVisible('.report-line'), true);
    assert.equal(await page.evaluate(() => { const b = document.querySelector('.table-scroll'); return b.scrollHeight <= b.clientHeight + 1; }), true, 'no row is cut off');
    const pdf = await page.pdf();
    assert.equal(pdf.subarray(0, 4).toString(), '%PDF');
    await page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), undefined);
  });
}, needsBrowser);

gtest('reports: empty, slow, failing, bad dates, both themes, phone', env, async ({ gw }) => {
  await browse(gw, {}, async (page) => {
    await enter(page, '/reports');
    await page.waitForSelector('.empty:has-text("Nothing was used in this time")');
    await audit(page, 'empty');
  });
  await history(gw);
  for (const opt of [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { colorScheme: 'dark', ...PHONE }])
    await browse(gw, opt, async (page, wrong) => {
      await enter(page, '/reports');
      await audit(page, `reports ${opt.colorScheme}`);
      await fits(page, 'reports');
      await visit(page, '/reports?start=2026-02-02&end=2026-01-01');
      await page.waitForSelector('.problem:has-text("start must not be after end")');
      let release;
      const held = new Promise((r) => { release = r; });
      await page.route('**/reports/data**', async (r) => { await held; await r.fulfill({ status: 503, json: { detail: 'Service unavailable' } }); });
      await page.goto('/dashboard/reports');
      await page.waitForSelector('.skeleton');
      release();
      await page.waitForSelector('.problem:has-text("Service unavailable")');
      await page.unroute('**/reports/data**');
      await page.focus('.problem button');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.hbars');
      wrong.splice(0);
    });
}, needsBrowser);

// dashboard_sessions.test.mjs - Sessions: the list, one session, budgets.
import { gtest, assert, flat } from './fixture.mjs';
import { PHONE, audit, browse, enter, fits, needsBrowser, visit } from './browser.mjs';
import { world } from './dashboard_seed.mjs';

const text = (page, sel) => page.locator(sel).first().innerText();
const listed = (page) => page.waitForSelector('bg-table[ready]');
const opened = (page) => page.waitForSelector('.drawer .pairs');

gtest('sessions: a budget is set, holds for the next call, and is removed with undo', {}, async ({ gw }) => {
  const { acme } = await world(gw);
  await gw.ok('DELETE', `/admin/budget/${(await gw.ok('GET', `/admin/tenant/${acme.id}/budgets`))[0].id}`);
  const send = async () => (await gw.chat(acme.key, flat(), { headers: { 'x-session-id': 'run-1' } })).status;
  await browse(gw, {}, async (page) => {
    await enter(page, '/sessions');
    await listed(page);
    assert.equal(await page.title(), 'Sessions · BudgetGuard');
    assert.match(await text(page, 'bg-table tbody'), /run\/2[^]*onerror/);
    assert.equal(await page.evaluate(() => document.querySelectorAll('img[src="x"]').length), 0, 'R49');
    await page.focus('bg-table tbody tr[data-i="1"]');
    await page.keyboard.press('Enter');
    await opened(page);
    assert.match(page.url(), /session=run-1/);
    assert.match(await text(page, '.drawer'), /\$0\.005[^]*no budget[^]*All its calls in the ledger \(2\)/);
    await page.click('.drawer button:has-text("Set a budget")');
    await page.fill('#f-amount', 'much');
    await page.click('dialog:not(.drawer) .filled');
    await page.waitForSelector('#f-amount[aria-invalid="true"]');
    await page.fill('#f-amount', '0.006');
    await page.click('dialog:not(.drawer) .filled');
    await page.waitForSelector('.drawer:has-text("set for this session")');
    await audit(page, 'session drawer');
    assert.equal(await send(), 402, 'the budget holds');
    await page.click('.drawer button:has-text("Remove its own")');
    await page.waitForSelector('dialog:has-text("the tenant’s default (no budget)")');
    await page.click('dialog:not(.drawer) .danger');
    await page.waitForSelector('.snack:has-text("Budget removed")');
    assert.equal(await send(), 200);
    await page.click('.snack button');
    await page.waitForSelector('.drawer:has-text("set for this session")');
    assert.equal(await send(), 402);
    await page.keyboard.press('Escape');
    await page.waitForSelector('.drawer', { state: 'detached' });
    await page.waitForSelector('bg-table:has-text("budget exceeded")');
    await page.goBack();
  });
}, needsBrowser);

gtest('sessions: deep links, filters, the default budget, other tenants, ids with slashes', {}, async ({ gw }) => {
  const w = await world(gw);
  await browse(gw, {}, async (page) => {
    await enter(page, `/sessions?tenantId=${w.acme.id}&session=${encodeURIComponent('run/2')}`);
    await opened(page);
    assert.match(await text(page, '.drawer'), /run\/2/);
    await page.click('.drawer .rows a');
    await page.waitForSelector('.drawer .bill-total');
    assert.match(page.url(), /usage\/ledger\?.*sessionId=run%2F2/);
    await visit(page, '/sessions?search=run-1');
    await page.waitForFunction(() => document.querySelectorAll('bg-table tbody tr[data-i]').length === 1);
    await visit(page, '/sessions?status=budget_exceeded');
    await page.waitForSelector('.empty:has-text("No session matches")');
    await visit(page, '/sessions?startDate=2020-01-01&endDate=2020-01-02');
    await page.waitForSelector('.empty:has-text("No session matches")');
    await visit(page, '/sessions');
    await page.click('button:text-is("Change")');
    await page.fill('#f-amount', '2.5');
    await page.click('dialog .filled');
    await page.waitForSelector('.card:has-text("$2.50 each")');
    await page.waitForFunction(() => document.querySelector('bg-table tbody')?.textContent.includes('$2.50'));
    await page.selectOption('#q-tenantId', String(w.other.id));
    await page.waitForSelector('.empty:has-text("No sessions yet")');
    await audit(page, 'no sessions');
    await visit(page, '/sessions?tenantId=999');
    await page.waitForSelector('.empty:has-text("No such tenant")');
  });
}, needsBrowser);

gtest('sessions: nobody there, slow, failing, both themes, phone', {}, async ({ gw }) => {
  await browse(gw, {}, async (page) => {
    await enter(page, '/sessions');
    await page.waitForSelector('.empty:has-text("No tenants yet")');
    await audit(page, 'no tenants');
  });
  await world(gw);
  for (const opt of [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { colorScheme: 'light', ...PHONE }])
    await browse(gw, opt, async (page, wrong) => {
      await enter(page, '/sessions');
      await listed(page);
      await audit(page, `list ${opt.colorScheme}`);
      await fits(page, 'list');
      await page.click('bg-table tbody tr[data-i="1"]');
      await opened(page);
      await audit(page, `one ${opt.colorScheme}`);
      await fits(page, 'one');
      await page.keyboard.press('Escape');
      let release;
      const held = new Promise((r) => { release = r; });
      await page.route('**/default-session-budget', async (r) => { await held; await r.fulfill({ status: 503, json: { error: 'Service unavailable' } }); });
      await page.goto('/dashboard/sessions');
      await page.waitForSelector('.skeleton');
      release();
      await page.waitForSelector('.problem:has-text("Service unavailable")');
      await page.unroute('**/default-session-budget');
      await page.click('.problem button');
      await listed(page);
      wrong.splice(0);
    });
}, needsBrowser);

// dashboard_alerts.test.mjs - Alerts: what was raised and who was told, the
// channels and their test, thresholds in force.
import http from 'node:http';
import path from 'node:path';
import { once } from 'node:events';
import { spawnSync } from 'node:child_process';
import { gtest, assert, flat, waitUntil } from './fixture.mjs';
import { HOSTILE, PHONE, audit, browse, enter, fits, needsBrowser, visit } from './browser.mjs';

const COLUMNS = 'ts,budget_id,window_start,scope,period,threshold,spent_nano,amount_nano,tenant_id';
const text = (page, sel) => page.locator(sel).first().innerText();
const listed = (page) => page.waitForSelector('bg-table[ready]');
const rowsAre = (page, n) => page.waitForFunction((k) => document.querySelectorAll('bg-table tbody tr[data-i]').length === k, n);
const all = async (gw, q = '') => (await gw.ok('GET', `/admin/alerts?${q}`)).data;
// the next try of one that failed may be some seconds off, and is drawn by lot
const delivered = (gw, n) => waitUntil(async () => { const a = await all(gw); return a.length === n && a.every((x) => x.deliveries.every((d) => d.state === 'delivered')); }, `${n} alerts are delivered`, 60000);

/** Answers `r.status` to everything; gtest with two of them. */
async function receiver() {
  const r = { status: 200, n: 0, server: http.createServer((q, s) => { q.resume(); q.on('end', () => { r.n++; s.writeHead(r.status).end('ok'); }); }) };
  r.server.listen(0, '127.0.0.1');
  await once(r.server, 'listening');
  r.url = `http://127.0.0.1:${r.server.address().port}/hook/secret-path`;
  return r;
}
function told(name, env, fn) {
  gtest(name, {}, async (x) => {
    const hook = await receiver(), slack = await receiver();
    try {
      await x.gw.start({ ALERT_WEBHOOK_URL: hook.url, ALERT_WEBHOOK_SECRET: 'alert-signing-secret', ALERT_SLACK_URL: slack.url, ...env });
      await fn({ ...x, hook, slack });
    } finally { for (const r of [hook, slack]) { r.server.closeAllConnections(); r.server.close(); } }
  }, { ...needsBrowser, noStart: true });
}

/** Two tenants over their thresholds: 80 and 100 % of acme's, 50 % of the
 *  other's (its budget has thresholds of its own). */
async function raised(gw) {
  const acme = await gw.tenant('acme'), other = await gw.tenant(HOSTILE);
  await gw.budget(acme.id, 'daily', '0.0075');
  await gw.budget(other.id, 'monthly', '0.015', { alertThresholds: [50] });
  for (const t of [acme, other]) assert.equal((await gw.chat(t.key, flat())).status, 200);
  return { acme, other };
}

told('browser: alerts: what was raised, filters, one in full by keyboard, thresholds in force', { ALERT_THRESHOLDS: '80, 100' }, async ({ gw }) => {
  const w = await raised(gw);
  await delivered(gw, 3);
  await browse(gw, {}, async (page) => {
    await enter(page, '/alerts');
    await listed(page);
    assert.equal(await page.title(), 'Alerts · BudgetGuard');
    await rowsAre(page, 3);
    const list = await text(page, 'bg-table tbody');
    for (const part of ['80 %', '100 %', '50 %', 'acme', HOSTILE, 'Daily', 'Monthly', 'of $0.0075', 'Webhook delivered', 'Slack delivered']) assert.ok(list.includes(part), `${part} in ${list}`);
    assert.equal(await page.evaluate(() => document.querySelectorAll('img[src="x"]').length), 0, 'R49');
    const limits = await text(page, '.card:has-text("Thresholds in force")');
    assert.match(limits, /80 %, 100 % of its amount[^]*1 budget[^]*50 %/);
    await page.selectOption('#q-tenantId', String(w.other.id));
    await rowsAre(page, 1);
    assert.match(page.url(), /tenantId=/);
    await page.focus('bg-table tbody tr[data-i="0"]');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.drawer .pairs');
    const one = await text(page, '.drawer');
    for (const part of [`50 % of Tenant ${HOSTILE}`, '$0.0075', '(50.0 %)', '$0.015', 'Webhook', '1 attempt, taken']) assert.ok(one.includes(part), `${part} in ${one}`);
    await audit(page, 'one');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.drawer', { state: 'detached' });
    await page.goBack();
    await rowsAre(page, 3);
    await page.selectOption('#q-period', 'daily');
    await rowsAre(page, 2);
    await page.selectOption('#q-scope', 'model');
    await page.waitForSelector('.empty:has-text("No alert fits these filters")');
    await page.click('.empty a');
    await rowsAre(page, 3);
    assert.equal(await page.title(), 'Alerts · BudgetGuard', 'R49');
  });
});

told('browser: alerts: the channels are tried; what fails says why; deliveries go on under the eye', {}, async ({ gw, hook, slack }) => {
  hook.status = 503;
  await browse(gw, {}, async (page) => {
    await enter(page, '/alerts');
    await page.waitForSelector('.empty:has-text("None of the budgets has reached a threshold")');
    await audit(page, 'none, with channels');
    assert.match(await text(page, '[data-channel=email]'), /off\s+Set ALERT_SMTP_URL, ALERT_EMAIL_FROM and ALERT_EMAIL_TO/);
    assert.equal((await page.content()).includes('secret-path'), false, 'no address');
    await page.focus('[aria-label="Test Slack"]');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[data-channel=slack] .chip:text-is("taken")');
    assert.deepEqual([slack.n, hook.n], [1, 0], 'only that one');
    await page.click('button:text-is("Test all")');
    await page.waitForSelector('[data-channel=webhook] .error:text-is("HTTP 503")');
    await page.waitForSelector('.snack:has-text("1 channel did not take the test message")');
    assert.deepEqual([slack.n, hook.n], [2, 1]);
    await audit(page, 'tried');
    await raised(gw);
    await waitUntil(async () => { const a = await all(gw); return a.length === 3 && a.every((x) => x.deliveries.find((d) => d.channel === 'webhook').attempts > 0 && x.deliveries.find((d) => d.channel === 'slack').state === 'delivered'); }, 'tried once');
    await rowsAre(page, 3); // the poll
    await page.waitForSelector('bg-table .chip:text-is("Webhook retrying")');
    await page.selectOption('#q-delivery', 'failed');
    await page.waitForSelector('.empty:has-text("No alert fits")');
    await page.selectOption('#q-delivery', 'pending');
    await rowsAre(page, 3);
    await page.selectOption('#q-delivery', '');
    await rowsAre(page, 3);
    await page.click('bg-table tbody tr[data-i="0"]');
    await page.waitForSelector('.drawer .error:text-is("HTTP 503")');
    await audit(page, 'under way');
    hook.status = 200;
    await delivered(gw, 3);
    await page.waitForFunction(() => /1 attempt, taken[^]*attempts?, taken/.test(document.querySelector('.drawer').innerText.replace(/\s+/g, ' ')));
    await page.keyboard.press('Escape');
  });
});

gtest('browser: alerts: no channel, paging, failing, slow, both themes, phone', {}, async ({ gw }) => {
  await browse(gw, {}, async (page) => {
    await enter(page, '/alerts');
    await page.waitForSelector('.empty:has-text("No alerts yet, and nobody would be told")');
    for (const v of ['ALERT_WEBHOOK_URL', 'ALERT_SLACK_URL', 'ALERT_SMTP_URL', 'ALERT_EMAIL_FROM', 'ALERT_EMAIL_TO']) assert.ok((await text(page, '.empty')).includes(v), v);
    assert.equal(await page.locator('button:has-text("Test")').count(), 0);
    await audit(page, 'empty');
  });
  const w = await raised(gw);
  await waitUntil(async () => (await all(gw)).length === 3, 'raised');
  await gw.stop();
  const more = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<250) INSERT INTO alert(${COLUMNS}) SELECT ${COLUMNS.replace('window_start', 'window_start-86400000*i')} FROM n, (SELECT * FROM alert WHERE threshold=80)`;
  const r = spawnSync('sqlite3', [path.join(gw.data, 'ledger.sqlite'), more]);
  assert.equal(r.status, 0, String(r.stderr));
  await gw.start();
  for (const opt of [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { colorScheme: 'dark', ...PHONE }])
    await browse(gw, opt, async (page, wrong) => {
      await enter(page, '/alerts');
      await listed(page);
      assert.match(await text(page, '.table-foot'), /^100 rows/);
      await audit(page, `list ${opt.colorScheme}`);
      await fits(page, 'list');
      const cell = await page.locator('bg-table tbody td').first().boundingBox();
      assert.ok(cell.width > 120 && cell.height < 120, `a readable first column: ${JSON.stringify(cell)}`);
      await page.click('.table-foot button');
      await page.waitForFunction(() => document.querySelector('.table-foot').innerText.startsWith('200 rows'));
      await page.click('bg-table tbody tr[data-i="0"]');
      await page.waitForSelector('.drawer:has-text("no channel was set up")');
      await audit(page, `one ${opt.colorScheme}`);
      await fits(page, 'one');
      await page.keyboard.press('Escape');
      await page.selectOption('#q-tenantId', String(w.other.id));
      await rowsAre(page, 1);
      let release;
      const held = new Promise((ok) => { release = ok; });
      await page.route('**/admin/alerts?*', async (q) => { await held; await q.fulfill({ status: 503, json: { error: 'Service unavailable' } }); });
      await page.goto('/dashboard/alerts');
      await page.waitForSelector('.skeleton');
      release();
      await page.waitForSelector('.problem:has-text("Service unavailable")');
      await audit(page, 'failed');
      await page.unroute('**/admin/alerts?*');
      await page.click('.problem button');
      await listed(page);
      wrong.splice(0);
      await visit(page, '/alerts?tenantId=999');
      await page.waitForSelector('.empty:has-text("No alert fits")');
    });
}, needsBrowser);

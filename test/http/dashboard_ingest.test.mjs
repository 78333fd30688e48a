// dashboard_ingest.test.mjs - Ingest tokens: made, shown once, used as the
// snippets say, switched and deleted.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { gtest, assert, call } from './fixture.mjs';
import { HOSTILE, PHONE, audit, browse, enter, fits, needsBrowser, visit } from './browser.mjs';

const KEY = 'ingest-secret-1', env = { INGEST_KEY: KEY, RATE_LIMIT_RPM: '0', INGEST_RPM: '0' };
const rows = 'bg-table tbody tr[data-i]', dialog = 'dialog:not(.drawer)';
const run = promisify(execFile);
const text = (page, sel) => page.locator(sel).first().innerText();
const report = (gw, token, more) => call(`${gw.url}/ingest`, { method: 'POST', json: { tracking_token: token, model: 'gpt-4o', prompt_tokens: 10, ...more }, headers: { 'x-ingest-key': KEY } });
const make = async (gw, label, more) => { const r = await gw.admin('POST', '/ingest/tokens', { label, ...more }); assert.equal(r.status, 201, r.text); return r.json; };

gtest('ingest tokens: made, shown once, its snippets report, switched off and on, deleted', env, async ({ gw }) => {
  await gw.tenant('acme');
  await browse(gw, {}, async (page, wrong) => {
    await enter(page, '/ingest');
    assert.equal(await page.title(), 'Ingest tokens · BudgetGuard');
    await page.waitForSelector('.empty:has-text("No ingest tokens yet")');
    await audit(page, 'none');
    await page.click('.empty button');
    await page.waitForSelector('#f-label');
    await page.click(`${dialog} .filled`);
    await page.waitForSelector('#f-label[aria-invalid="true"]');
    await page.fill('#f-label', 'batch');
    await page.selectOption('#f-tenant', 'acme');
    await audit(page, 'form');
    await page.click(`${dialog} .filled`);
    await page.waitForSelector('.secret');
    const token = await text(page, '.secret code');
    assert.match(token, /^tok_[A-Za-z0-9_-]{30}$/);
    await audit(page, 'the token');
    const examples = {};
    for (const l of ['curl', 'Python', 'Node']) {
      await page.click(`.segmented button:text-is("${l}")`);
      examples[l] = await text(page, '.snippet pre');
      assert.ok(examples[l].includes(`${gw.url}/ingest`) && examples[l].includes(token), l);
      assert.ok(!examples[l].includes(KEY), 'the key stays in the environment');
    }
    const o = { env: { PATH: process.env.PATH, HOME: process.env.HOME, INGEST_KEY: KEY } };
    assert.match((await run('sh', ['-c', examples.curl], o)).stdout, /"ok":true/);
    assert.deepEqual(JSON.parse((await run('sh', ['-c', examples.curl], o)).stdout), { duplicate: true });
    assert.match((await run('python3', ['-c', examples.Python], o)).stdout, /"ok":true/);
    assert.match((await run(process.execPath, ['--input-type=module', '-e', examples.Node], o)).stdout, /^201 /);
    assert.deepEqual((await gw.rows(3)).map((r) => [r.tenant, r.meteredBy, r.promptTok]), Array(3).fill(['acme', 'ingest', 1200]));
    await page.click(`${dialog} footer .filled`);
    await visit(page, '/ingest');
    assert.ok(!(await page.content()).includes(token), 'never again');
    assert.match(await text(page, rows), /batch\s+on\s+3\s+[^]*acme\s+tok_....…/);
    await page.focus(rows);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.drawer:has-text("YOUR_TOKEN")');
    await page.click('.drawer .segmented button:text-is("Node")');
    await page.waitForSelector('.drawer pre:has-text("await fetch")');
    await page.click('.drawer button:text-is("Switch off")');
    await page.waitForSelector(`${dialog}:has-text("refused with 403")`);
    await page.click(`${dialog} .danger`);
    await page.waitForSelector('.drawer button:text-is("Switch on")');
    assert.equal((await report(gw, token)).status, 403);
    await page.click('.snack button');
    await page.waitForSelector('.drawer button:text-is("Switch off")');
    assert.equal((await report(gw, token)).status, 201);
    await visit(page, '/ingest?token=1');
    await page.click('.drawer button:text-is("Delete")');
    await page.waitForSelector(`${dialog}:has-text("The 4 reports it made stay in the ledger")`);
    await page.click(`${dialog} .danger`);
    await page.waitForSelector('.drawer', { state: 'detached' });
    await page.waitForSelector('.empty:has-text("No ingest tokens yet")');
    assert.equal((await report(gw, token)).status, 404);
    assert.equal((await gw.rows(4)).length, 4, 'the ledger has them');
    await make(gw, 'taken');
    await page.click('.empty button');
    await page.fill('#f-label', 'taken');
    await page.click(`${dialog} .filled`);
    await page.waitForSelector('.form-error:has-text("already exists")');
    assert.match(wrong.splice(0).join(), /400/);
  });
}, needsBrowser);

gtest('ingest tokens: without INGEST_KEY the page says so; links to what was reported', { RATE_LIMIT_RPM: '0' }, async ({ gw }) => {
  const k = await make(gw, 'app');
  assert.equal((await report(gw, k.token)).status, 500);
  await browse(gw, {}, async (page) => {
    await enter(page, '/ingest');
    await page.waitForSelector('.banner:has-text("INGEST_KEY")');
    await audit(page, 'closed');
    await gw.restart({ INGEST_KEY: KEY });
    assert.equal((await report(gw, k.token)).status, 201);
    await visit(page, '/ingest?token=1');
    await page.waitForSelector('.drawer .pairs');
    assert.equal(await page.locator('.banner').count(), 0);
    await page.click('.drawer a:has-text("what its tenant reported")');
    await page.waitForSelector('bg-table tbody tr[data-i]');
    assert.match(page.url(), /route=%2Fingest/);
  });
}, needsBrowser);

gtest('ingest tokens: hostile labels and tenants as text, slow, failing, both themes, phone', env, async ({ gw }) => {
  await gw.tenant(HOSTILE);
  const k = await make(gw, HOSTILE, { tenant: HOSTILE });
  await make(gw, 'quiet');
  assert.equal((await report(gw, k.token)).status, 201);
  for (const opt of [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { colorScheme: 'light', ...PHONE }])
    await browse(gw, opt, async (page, wrong) => {
      await enter(page, '/ingest');
      await page.waitForSelector(rows);
      assert.ok((await text(page, 'bg-table tbody')).includes('<img src=x'), 'R49: as text');
      await audit(page, `list ${opt.colorScheme}`);
      await fits(page, 'list');
      await page.click('.page-head .filled');
      await page.waitForSelector('#f-label');
      await fits(page, 'form');
      await page.keyboard.press('Escape');
      await visit(page, `/ingest?token=${k.id}`);
      await page.waitForSelector('.drawer .snippet');
      assert.equal(await page.evaluate(() => document.querySelectorAll('img[src="x"]').length), 0, 'R49');
      await audit(page, `one ${opt.colorScheme}`);
      await fits(page, 'one');
      await page.keyboard.press('Escape');
      let release;
      const held = new Promise((r) => { release = r; });
      await page.route('**/ingest/tokens', async (r) => { await held; await r.fulfill({ status: 503, json: { status: 'error', message: 'Service unavailable' } }); });
      await page.goto('/dashboard/ingest');
      await page.waitForSelector('.skeleton');
      release();
      await page.waitForSelector('.problem:has-text("Service unavailable")');
      await page.unroute('**/ingest/tokens');
      await page.click('.problem button');
      await page.waitForSelector(rows);
      wrong.splice(0);
    });
}, needsBrowser);

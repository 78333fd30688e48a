// dashboard_usage.test.mjs - Usage: insights, ledger, tag map; what stands in
// the address; the drawer that explains a row; export.
import fs from 'node:fs';
import { gtest, assert, call, flat, ADMIN } from './fixture.mjs';
import { HOSTILE, PHONE, audit, browse, enter, fits, needsBrowser, ready, visit } from './browser.mjs';
import { world } from './dashboard_seed.mjs';

const text = (page, sel) => page.locator(sel).first().innerText();
const rows = (page) => page.locator('bg-table tbody tr[data-i]');
const loaded = (page) => page.waitForSelector('bg-table[ready]');
const noImages = async (page) => assert.equal(await page.evaluate(() => document.querySelectorAll('img[src="x"]').length), 0, 'R49: markup stays text');

gtest('usage: insights add up, break down, split, and follow the address', {}, async ({ gw }) => {
  const w = await world(gw);
  await browse(gw, {}, async (page) => {
    await enter(page, '/usage');
    assert.equal(await page.title(), 'Usage · BudgetGuard');
    assert.match(await text(page, '.tile:nth-child(1)'), /\$0\.021/);
    assert.match(await text(page, '.tile:nth-child(2)'), /8\n5 served/);
    assert.match(await text(page, 'bg-chart .sr'), /2026|20\d\d-/);
    assert.match(await text(page, 'bg-table'), /gpt-flat\s+\$0\.015[^]*71\.4 %/);
    await page.selectOption('#q-by', 'tenant');
    await page.waitForFunction(() => document.querySelector('bg-table')?.textContent.includes('onerror'));
    assert.match(page.url(), /by=tenant/);
    await noImages(page);
    await page.click('button:text-is("By tenant")');
    await page.waitForSelector('.legend');
    await page.goBack();
    await page.goBack();
    await page.waitForFunction(() => document.querySelector('#q-by').value === 'model');
    await page.selectOption('#q-tenantId', String(w.acme.id));
    await page.waitForFunction(() => document.querySelector('.chips')?.textContent.includes('acme'));
    await page.waitForFunction(() => document.querySelectorAll('.tile b')[1].textContent === '5');
    await page.click('button[aria-label="Remove the filter Tenant"]');
    await page.waitForSelector('.chips', { state: 'detached' });
    await page.selectOption('#q-period', 'dates');
    await page.waitForSelector('#q-startDate');
    await page.fill('#q-startDate', '2020-01-01');
    await page.fill('#q-endDate', '2020-01-02');
    await page.press('#q-endDate', 'Enter');
    await page.waitForSelector('.empty:has-text("Nothing was used in this time")');
    await audit(page, 'empty insights');
    await visit(page, '/usage?days=0');
    assert.equal(await page.getAttribute('button:text-is("Hours")', 'aria-pressed'), 'true');
    await visit(page, '/usage?days=90');
    assert.equal(await page.isDisabled('button:text-is("Hours")'), true);
  });
}, needsBrowser);

gtest('usage: the ledger shows, filters and pages every row on the server', {}, async ({ gw }) => {
  await world(gw);
  const extra = 130, bulk = await gw.tenant('bulk');
  for (let i = 0; i < extra; i += 10) await Promise.all(Array.from({ length: 10 }, () => gw.chat(bulk.key, flat({ model: 'gpt-tiny' }))));
  await gw.rows(8 + extra);
  await browse(gw, {}, async (page) => {
    await enter(page, '/usage/ledger');
    await loaded(page);
    assert.match(await text(page, '.table-foot'), new RegExp(`100 of ${8 + extra} rows`));
    await page.locator('.table-scroll').evaluate((b) => b.scrollTo(0, b.scrollHeight));
    await page.waitForFunction((n) => document.querySelector('.table-foot')?.textContent.startsWith(`${n} of ${n} rows`), 8 + extra);
    const found = async (query, n, re) => {
      await visit(page, `/usage/ledger?${query}`);
      await loaded(page);
      assert.equal(await rows(page).count(), n, query);
      if (re) assert.match(await text(page, 'bg-table tbody'), re);
    };
    await found('status=blocked', 2, /blocked/);
    await found('reason=budget', 1, /Budget used up/);
    await found('model=BOTH', 2);
    await found('tag=search', 1);
    await found('sessionId=run-1', 2);
    await found(`user=${encodeURIComponent(HOSTILE)}`, 1);
    await found('minUsd=0.003&maxUsd=0.004', 1, /\$0\.0036/);
    await found('minUsd=0.005&days=7', 2);
    await noImages(page);
    const id = (await gw.ledger('reason=rate_limit'))[0].requestId;
    await found(`requestId=${id}`, 1, /Rate limit/);
    await visit(page, '/usage/ledger?model=nothing-like-it');
    await page.waitForSelector('.empty:has-text("No rows match")');
    await audit(page, 'no rows');
    // a filter typed in, then taken back with the browser's button
    await visit(page, '/usage/ledger');
    await page.click('.more');
    await page.fill('#q-model', 'gpt-both');
    await page.press('#q-model', 'Enter');
    await page.waitForFunction(() => document.querySelectorAll('bg-table tbody tr[data-i]').length === 2);
    assert.match(page.url(), /model=gpt-both/);
    await page.goBack();
    await page.waitForFunction(() => document.querySelectorAll('bg-table tbody tr[data-i]').length > 2);
    assert.equal(await page.inputValue('#q-model'), '');
  });
}, needsBrowser);

gtest('usage: the drawer explains each cent and each refusal', {}, async ({ gw }) => {
  await world(gw);
  const all = await gw.ledger();
  const by = (f) => all.find(f).id;
  await browse(gw, {}, async (page) => {
    await enter(page, '/usage/ledger');
    await loaded(page);
    await page.locator('bg-table tbody tr:has-text("gpt-both")').last().click();
    await page.waitForSelector('.drawer .bill');
    assert.match(page.url(), /row=\d+/);
    const bill = await text(page, '.drawer .bill');
    assert.match(bill, /Input\s+600\s+\$2\.00 \/ 1M\s+\$0\.0012/);
    assert.match(bill, /Output\s+200\s+\$8\.00 \/ 1M\s+\$0\.0016/);
    assert.match(await text(page, '.bill-total'), /\$0\.0036/);
    await audit(page, 'drawer');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.drawer', { state: 'detached' });
    assert.doesNotMatch(page.url(), /row=/);
    const opened = async (id) => { await visit(page, `/usage/ledger?row=${id}`); await page.waitForSelector('.drawer .bill-total'); return text(page, '.drawer'); };
    const refused = await opened(by((e) => e.reason === 'budget'));
    assert.match(refused, /tenant acme · monthly/);
    assert.match(refused, /may cost up to \$0\.0075, but only \$0\.0065 was left/);
    assert.match(refused, /Limit\s+\$0\.02\s+Spent\s+\$0\.0135/);
    assert.match(await opened(by((e) => e.reason === 'rate_limit')), /Limit: 1 requests in any 60 s/);
    assert.match(await opened(by((e) => e.reason === 'missing_key')), /came without a key[^]*HTTP 401/);
    await noImages(page);
    await page.goto('/dashboard/usage/ledger?row=999999');
    await page.waitForSelector('.drawer .problem:has-text("Ledger entry not found")');
  }).catch((e) => { if (!/404/.test(e.message)) throw e; });
}, needsBrowser);

gtest('usage: a policy’s words stand in the drawer', ({ mock: _ }) => {
  const dir = fs.mkdtempSync('/tmp/bg-policy-');
  fs.writeFileSync(`${dir}/p.rego`, 'package budgetguard.policy\nimport rego.v1\ndefault allow := true\ndeny contains "not on a <b>Sunday</b>" if input.model == "gpt-cent"\nreason := "house rules"\n');
  return { OPA_POLICY_PATH: `${dir}/p.rego` };
}, async ({ gw }) => {
  const t = await gw.tenant();
  assert.equal((await gw.chat(t.key, flat({ model: 'gpt-cent' }))).status, 403);
  const [e] = await gw.rows(1);
  await browse(gw, {}, async (page) => {
    await enter(page, `/usage/ledger?row=${e.id}`);
    await page.waitForSelector('.drawer .bill-total');
    assert.match(await text(page, '.drawer'), /Reason: house rules[^]*not on a <b>Sunday<\/b>/);
  });
}, needsBrowser);

gtest('usage: a correction is confirmed, appended and shown', {}, async ({ gw }) => {
  const t = await gw.tenant();
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  const [e] = await gw.rows(1);
  await browse(gw, {}, async (page, wrong) => {
    await enter(page, `/usage/ledger?row=${e.id}`);
    await page.click('button:has-text("Add a correction")');
    await page.click('dialog:not(.drawer) .filled');
    await page.waitForSelector('#f-usd[aria-invalid="true"]');
    await page.fill('#f-usd', '-1');
    await page.fill('#f-reason', `too much ${HOSTILE}`);
    await page.click('dialog:not(.drawer) .filled');
    await page.click('button:text-is("Book it")');
    await page.waitForSelector('.form-error:has-text("would be negative")');
    assert.match(wrong.splice(0).join(), /400/);
    await page.fill('#f-usd', '-0.0025');
    await page.click('dialog:not(.drawer) .filled');
    await page.waitForSelector('dialog:has-text("then stands at $0.005")');
    await audit(page, 'confirm');
    await page.click('button:text-is("Book it")');
    await page.waitForSelector('.drawer:has-text("Stands at")');
    assert.match(await text(page, '.drawer .rows'), /onerror[^]*−\$0\.0025[^]*Stands at\s+\$0\.005/);
    await noImages(page);
    assert.equal((await gw.ledger()).filter((x) => x.kind === 'correction').length, 1);
  });
}, needsBrowser);

gtest('usage: what is exported is what is shown', {}, async ({ gw }) => {
  await world(gw);
  await browse(gw, {}, async (page) => {
    await enter(page, '/usage/ledger?status=blocked&days=30');
    for (const [button, lines] of [['CSV', 3], ['JSONL', 2]]) {
      const [download] = await Promise.all([page.waitForEvent('download'), page.click(`a:has-text("${button}")`)]);
      const body = fs.readFileSync(await download.path(), 'utf8').trim().split('\n');
      assert.equal(body.length, lines, button);
    }
  });
}, needsBrowser);

gtest('usage: the tag map drills down to the rows', {}, async ({ gw }) => {
  const w = await world(gw);
  await browse(gw, {}, async (page) => {
    await enter(page, '/usage/tags');
    await page.waitForSelector('.treemap');
    assert.match(await text(page, '.treemap'), /engineering\s+\$0\.01\d?/);
    await page.focus('.treemap a:has-text("engineering")');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.crumbs b:has-text("engineering")');
    assert.match(await text(page, '.treemap'), /engineering itself\s+\$0\.0075[^]*backend/);
    await page.click('.treemap a:has-text("backend")');
    await page.waitForSelector('.crumbs b:has-text("backend")');
    await page.click('.treemap a:has-text("search")');
    await page.waitForURL(/usage\/ledger\?.*tag=search/);
    await loaded(page);
    assert.equal(await rows(page).count(), 1);
    await visit(page, `/usage/tags?tenantId=${w.acme.id}&path=support`);
    assert.match(await text(page, '.treemap'), /onerror/);
    await noImages(page);
  });
}, needsBrowser);

gtest('usage: no axe violation, no sideways scrolling, both themes and a phone', {}, async ({ gw }) => {
  await world(gw);
  const row = (await gw.ledger('reason=budget'))[0].id;
  for (const opt of [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { colorScheme: 'dark', ...PHONE }])
    await browse(gw, opt, async (page) => {
      await enter(page, '/usage?by=tag&split=1');
      for (const to of ['/usage?by=tag&split=1', '/usage/ledger', '/usage/tags', `/usage/ledger?row=${row}`]) {
        await visit(page, to);
        if (to.includes('ledger')) await loaded(page);
        if (to.includes('row=')) await page.waitForSelector('.drawer .bill-total');
        else if (to.endsWith('ledger')) await page.click('.more');
        await audit(page, `${to} ${opt.colorScheme}`);
        await fits(page, to);
      }
    });
}, needsBrowser);

gtest('usage: slow and failing answers, and the keyboard', {}, async ({ gw }) => {
  await world(gw);
  await browse(gw, {}, async (page, wrong) => {
    await enter(page, '');
    let release;
    const held = new Promise((r) => { release = r; });
    await page.route('**/admin/usage/insights**', async (r) => { await held; await r.continue(); });
    await page.goto('/dashboard/usage');
    await page.waitForSelector('.skeleton');
    await audit(page, 'waiting');
    release();
    await ready(page);
    await page.unroute('**/admin/usage/insights**');
    await page.route('**/admin/usage/ledger**', (r) => r.fulfill({ status: 503, json: { error: 'Service unavailable', code: 'storage_unavailable' } }));
    await page.goto('/dashboard/usage/ledger');
    await page.waitForSelector('.problem:has-text("Service unavailable")');
    await audit(page, 'failed');
    await page.unroute('**/admin/usage/ledger**');
    await page.click('.problem button');
    await loaded(page);
    await page.waitForSelector('bg-table tbody tr[data-i]');
    wrong.splice(0);
    await page.focus('bg-table tbody tr[data-i="0"]');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.drawer .bill-total');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.drawer', { state: 'detached' });
  });
}, needsBrowser);

gtest('usage: opening every view changes nothing (R4)', {}, async ({ gw }) => {
  const w = await world(gw);
  const before = await gw.budgets();
  await browse(gw, {}, async (page) => {
    await enter(page, '/usage');
    for (const to of ['/usage?by=key', '/usage/ledger', '/usage/tags']) await visit(page, to);
  });
  assert.deepEqual(await gw.budgets(), before);
  assert.equal((await call(`${gw.url}/admin/usage/ledger`, { headers: { 'x-admin-key': ADMIN } })).json.total, 8);
  assert.ok(w.acme.id);
}, needsBrowser);

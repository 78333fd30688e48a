// dashboard_pages.test.mjs - overview, budgets, tenants and settings in a
// browser: what people do there, with data and without, when it fails or takes
// long, by keyboard, on a phone, in both themes; hostile names; nothing changes
// by looking.
import { gtest, assert, flat, waitUntil } from './fixture.mjs';
import { HOSTILE, PHONE, audit, browse, enter, fits, needsBrowser, visit } from './browser.mjs';

const PAGES = ['', '/budgets', '/tenants', '/tenants?as=table', '/settings'];
const env = { RATE_LIMIT_RPM: '0', DEFAULT_BUDGET_USD: '50' };

/* Some life: two tenants, budgets of many scopes, calls, refusals. */
async function fill(gw, name = 'acme') {
  const t = await gw.tenant(name, { budgets: [{ period: 'daily', amountUsd: '1' }] }), u = await gw.tenant(`${name} two`);
  const tag = await gw.ok('POST', `/admin/tenant/${t.id}/tags`, { name: name.replaceAll('/', '.'), description: name });
  const wide = (scope, more) => gw.ok('POST', '/admin/budgets', { scope, period: 'monthly', amountUsd: '9', ...more }, 201);
  await wide({ kind: 'global' });
  await wide({ kind: 'key', id: t.keyId });
  await wide({ kind: 'tag', id: tag.id });
  await wide({ kind: 'user', id: name, tenantId: t.id });
  await wide({ kind: 'session', id: 's-1', tenantId: t.id });
  await wide({ kind: 'model', id: 'gpt-flat' }, { mode: 'soft', period: 'rolling', window: '24h' });
  for (let i = 0; i < 3; i++) assert.equal((await gw.chat(t.key, flat(), { headers: { 'x-session-id': `s-${i}`, 'x-session-name': name } })).status, 200);
  await gw.budget(u.id, 'hourly', '0');
  assert.equal((await gw.chat(u.key, flat())).status, 402);
  await gw.rows(4);
  return { t, u, tag };
}
const text = (page, sel) => page.locator(sel).first().textContent();
const sees = (page, words, sel = '#main') => page.waitForFunction(([s, w]) => [...document.querySelectorAll(s)].some((x) => x.textContent.includes(w)), [sel, words]);
const row = (page, words) => page.locator('tbody tr', { hasText: words }).first();

gtest('browser: from nothing to the first metered call; then key, budget, spend are there', env, async ({ gw }) => {
  await browse(gw, {}, async (page) => {
    await enter(page);
    await sees(page, 'Welcome: your first metered call');
    await page.click('.guide .filled');
    await sees(page, 'A name is needed', '.error');
    await page.fill('#guide-name', 'first-app');
    await page.fill('#guide-amount', 'much');
    await page.click('.guide .filled');
    await sees(page, 'An amount in dollars', '.error');
    await page.fill('#guide-amount', '0.02');
    await page.fill('#guide-model', 'gpt-flat');
    await page.click('.guide .filled');
    await page.waitForSelector('.guide .secret');
    const key = (await text(page, '.guide .secret code')).trim();
    assert.match(key, /^bg_[\w-]{43}$/);
    const curl = await text(page, '.snippet pre');
    assert.ok(curl.includes(`${gw.url}/v1/chat/completions`) && curl.includes(key) && curl.includes('gpt-flat'));
    for (const language of ['Node', 'Python']) {
      await page.click(`.segmented button:has-text("${language}")`);
      const code = await text(page, '.snippet pre');
      assert.ok(code.includes(`${gw.url}/v1`) && code.includes(key), language);
    }
    assert.equal((await gw.chat(key, flat())).status, 200);
    await sees(page, 'The first call is in the ledger');
    await sees(page, '$0.0075', '.guide');
    await page.click('.guide a');
    await sees(page, 'first-app', 'h1');
    await sees(page, '$0.0075 of $0.02 spent');
    assert.equal(await page.title(), 'first-app · BudgetGuard');
    assert.ok(!(await page.content()).includes(key), 'the key is not shown again');
  });
}, needsBrowser);

gtest('browser: budgets are added, filtered by address, explained, changed and deleted', env, async ({ gw }) => {
  const { t } = await fill(gw);
  await browse(gw, {}, async (page, wrong) => {
    await enter(page, '/budgets');
    await page.waitForSelector('tbody tr');
    await page.click('.page-head .filled');
    await page.selectOption('dialog [name=kind]', 'key');
    await page.selectOption('dialog [name=tenantId]', String(t.id));
    await page.waitForSelector(`dialog [name=id] option[value="${t.keyId}"]`, { state: 'attached' });
    await page.click('dialog .filled');
    await sees(page, 'A key is needed', 'dialog .error');
    await page.selectOption('dialog [name=id]', String(t.keyId));
    await page.selectOption('dialog [name=period]', 'rolling');
    await page.fill('dialog [name=window]', '5 weeks');
    await page.fill('dialog [name=amountUsd]', '-3');
    await page.click('dialog .filled');
    await sees(page, 'Hours or days', 'dialog .error');
    await sees(page, 'Not below zero', 'dialog .error');
    await page.fill('dialog [name=window]', '36h');
    await page.fill('dialog [name=amountUsd]', '12.345678901');
    await page.click('dialog .filled');
    await sees(page, 'Last 36h', 'tbody');
    const made = (await gw.budgets('scope=key')).find((b) => b.window === '36h');
    assert.deepEqual([made.amountUsd, made.mode, made.alertThresholds], ['12.345678901', 'hard', [80, 100]]);
    // the same once more: the API's words, and the form stays
    await page.click('.page-head .filled');
    await page.selectOption('dialog [name=kind]', 'global');
    await page.fill('dialog [name=amountUsd]', '5');
    await page.press('dialog [name=amountUsd]', 'Enter');
    await sees(page, 'Budget already exists for this scope and period', 'dialog .form-error');
    assert.match(wrong.splice(0).join(), /400/);
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });
    // filters stand in the address
    await page.selectOption('#f-scope', 'key');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 2);
    assert.match(page.url(), /\?scope=key$/);
    await page.reload();
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 2);
    // the drawer has every digit and the reset in both zones
    await row(page, 'Last 36h').locator('.link').click();
    await sees(page, '$12.345678901', 'dialog dd');
    await sees(page, 'In the budget’s zone', 'dialog dt');
    await page.click('dialog footer .tonal');
    await page.fill('dialog [name=amountUsd]', '13');
    await page.selectOption('dialog [name=mode]', 'soft');
    await page.click('dialog .filled');
    await sees(page, 'warns', 'tbody');
    assert.deepEqual(await gw.ok('GET', `/admin/budgets/${made.id}`).then((b) => [b.amountUsd, b.mode, b.window]), ['13', 'soft', '36h']);
    await row(page, 'Last 36h').locator('.link').click();
    await page.click('dialog .danger');
    await sees(page, 'no longer limited', 'dialog p');
    await page.click('dialog:last-of-type .text');
    assert.equal((await gw.budgets('scope=key')).length, 2, 'not without a yes');
    await page.click('dialog .danger');
    await page.click('dialog:last-of-type .danger:has-text("Delete")');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    assert.equal((await gw.budgets('scope=key')).length, 1);
    await page.click('.snack button:has-text("Undo")');
    await sees(page, 'Last 36h', 'tbody');
    const { id, createdAt, updatedAt, scope, ...back } = (await gw.budgets('scope=key')).find((b) => b.window === '36h');
    assert.deepEqual([scope.id, back.amountUsd, back.mode, back.spentUsd], [String(t.keyId), '13', 'soft', made.spentUsd]);
  });
}, needsBrowser);

gtest('browser: a tenant is made, gets a key, limits and a budget, is renamed and deleted', env, async ({ gw }) => {
  await browse(gw, {}, async (page) => {
    await enter(page, '/tenants');
    await sees(page, 'No tenants yet');
    await page.click('.empty .filled');
    await page.fill('dialog [name=name]', 'shop');
    await page.fill('dialog [name=daily]', '2.50');
    await page.fill('dialog [name=session]', '0.75');
    await page.click('dialog .filled');
    await page.waitForURL(/\/dashboard\/tenants\/\d+$/);
    await sees(page, 'shop', 'h1');
    const [t] = await gw.ok('GET', '/admin/tenant'), T = `/admin/tenant/${t.id}`;
    assert.deepEqual((await gw.ok('GET', `${T}/budgets`)).map((b) => [b.period, b.amountUsd]), [['daily', '2.5']]);
    assert.equal((await gw.ok('GET', `${T}/default-session-budget`)).defaultSessionBudgetUsd, 0.75);
    await page.click('button:has-text("New key")');
    await page.fill('dialog [name=name]', 'laptop');
    await page.click('dialog .filled');
    await page.waitForSelector('dialog .secret');
    const key = (await text(page, 'dialog .secret code')).trim();
    assert.equal((await gw.chat(key, flat())).status, 200);
    await page.click('dialog .filled');
    await page.waitForSelector('dialog', { state: 'detached' });
    await sees(page, 'laptop', 'tbody');
    assert.ok(!(await page.content()).includes(key));
    await page.click('button:has-text("Change")');
    await page.fill('dialog [name=rate]', '1.5');
    await page.click('dialog .filled');
    await sees(page, 'A whole number', 'dialog .error');
    await page.fill('dialog [name=rate]', '42');
    await page.click('dialog .filled');
    await sees(page, '42 calls');
    assert.equal((await gw.ok('GET', `${T}/ratelimit`)).rateLimitPerMin, 42);
    await page.click('button:has-text("Revoke")');
    await sees(page, 'get 401', 'dialog p');
    await page.click('dialog footer .danger');
    await sees(page, 'revoked', 'tbody .chip');
    assert.equal((await gw.chat(key, flat())).status, 401);
    await page.click('button:has-text("Rename")');
    await page.fill('dialog [name=name]', 'shop 2');
    await page.click('dialog .filled');
    await sees(page, 'shop 2', 'h1');
    await page.click('.page-head .danger');
    await sees(page, 'The rows of the ledger stay', 'dialog p');
    await sees(page, '1 budget', 'dialog p');
    await page.click('dialog footer .danger');
    await page.waitForURL(/\/dashboard\/tenants$/);
    await sees(page, 'No tenants yet');
    assert.deepEqual(await gw.ok('GET', '/admin/tenant'), []);
  });
}, needsBrowser);

gtest('browser: settings show what is in force without a secret; the theme is kept', { ...env, INGEST_KEY: 'ingest-secret-987' }, async ({ gw }) => {
  await browse(gw, { colorScheme: 'light' }, async (page) => {
    await enter(page, '/settings');
    await sees(page, 'RATE_LIMIT_RPM', 'tbody');
    assert.ok(!/ingest-secret-987|admin-secret|sk-gateway/.test(await page.content()));
    await page.fill('#f-search', 'budget_timezone');
    await page.press('#f-search', 'Tab');
    await page.waitForFunction(() => { const rows = [...document.querySelectorAll('tbody tr')]; return rows.length < 5 && rows.some((r) => r.textContent.includes('BUDGET_TIMEZONE')); });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.click('.segmented button:has-text("Dark")');
    assert.notEqual(await ground(), light);
    await page.reload();
    assert.notEqual(await ground(), light);
    await page.waitForSelector('.segmented');
    await page.click('.segmented button:has-text("System")');
    assert.equal(await ground(), light);
    assert.deepEqual(await page.evaluate(() => ({ ...localStorage })), {});
  });
}, needsBrowser);

gtest('browser: each page without data, when the API fails and when it is slow', env, async ({ gw }) => {
  await browse(gw, {}, async (page, wrong) => {
    await enter(page);
    for (const to of PAGES) {
      await visit(page, to);
      await audit(page, `${to} without data`);
      await page.route(/\/admin\//, (r) => r.fulfill({ status: 503, contentType: 'application/json', body: '{"error":"Service unavailable","code":"storage_unavailable"}' }));
      await visit(page, to);
      await sees(page, 'Service unavailable', '[role=alert]');
      await audit(page, `${to} failing`);
      assert.match(wrong.splice(0).join(), /503/);
      await page.unroute(/\/admin\//);
      let release;
      const gate = new Promise((r) => { release = r; });
      await page.route(/\/admin\//, async (r) => { await gate; await r.continue(); });
      await page.goto(`/dashboard${to}`);
      await page.waitForSelector('.skeleton');
      await audit(page, `${to} waiting`);
      release();
      await page.waitForSelector('#main .page[ready]');
      assert.equal(await page.locator('.skeleton').count(), 0);
      await page.unroute(/\/admin\//);
    }
  });
}, needsBrowser);

gtest('browser: old figures stay when a later question fails, and are replaced by the next answer', env, async ({ gw }) => {
  await fill(gw);
  await browse(gw, {}, async (page, wrong) => {
    await enter(page, '/budgets');
    await page.waitForSelector('tbody tr');
    await page.route(/\/admin\/budgets/, (r) => r.abort());
    await page.selectOption('#f-period', 'monthly');
    await sees(page, 'Not up to date', '.banner');
    assert.ok(await page.locator('tbody tr').count() > 0);
    wrong.splice(0);
    await page.unroute(/\/admin\/budgets/);
    await page.click('.banner button');
    await page.waitForSelector('.banner', { state: 'detached' });
  });
}, needsBrowser);

gtest('browser: no axe violation on any page or dialog, light, dark and phone; nothing scrolls sideways', env, async ({ gw }) => {
  const { t } = await fill(gw);
  for (const [name, opt] of [['light', { colorScheme: 'light' }], ['dark', { colorScheme: 'dark' }], ['phone', { colorScheme: 'light', ...PHONE }]])
    await browse(gw, opt, async (page) => {
      await enter(page);
      for (const to of [...PAGES, `/tenants/${t.id}`, '?guide=1', '/budgets?scope=key', '/tenants?q=nobody']) {
        await visit(page, to);
        await audit(page, `${to} ${name}`);
        await fits(page, `${to} ${name}`);
      }
      await visit(page, '/budgets');
      await page.click('.page-head .filled');
      await page.waitForSelector('dialog form');
      await page.click('dialog .filled');
      await page.waitForSelector('dialog .error');
      await audit(page, `a form with errors, ${name}`);
      await fits(page, `a form, ${name}`);
      await page.keyboard.press('Escape');
      await page.locator('tbody .link').first().click();
      await page.waitForSelector('dialog.drawer');
      await audit(page, `a drawer, ${name}`);
      await fits(page, `a drawer, ${name}`);
    });
}, needsBrowser);

gtest('R49: a hostile tenant, tag, user, session, model and label are text on every page', env, async ({ gw }) => {
  const { t } = await fill(gw, HOSTILE);
  await gw.ok('POST', `/admin/tenant/${t.id}/apikeys`, { name: HOSTILE });
  await browse(gw, {}, async (page) => {
    await enter(page);
    for (const to of [...PAGES.slice(0, 4), `/tenants/${t.id}`, '/budgets?scope=user']) {
      await visit(page, to);
      await sees(page, HOSTILE);
      assert.equal(await page.locator('#main img:not(.logo)').count(), 0, to);
      assert.doesNotMatch(await page.title(), /^owned/);
    }
    await visit(page, '/budgets?scope=user');
    await page.locator('tbody .link').first().click();
    await sees(page, HOSTILE, 'dialog h2');
    await page.keyboard.press('Escape');
    await visit(page, `/tenants/${t.id}`);
    await page.click('.page-head .danger');
    await sees(page, HOSTILE, 'dialog h2');
    assert.equal(await page.locator('dialog img').count(), 0);
  });
}, needsBrowser);

gtest('R4: opening every page changes no tenant, budget, key or decision', env, async ({ gw }) => {
  const { t, u } = await fill(gw);
  const state = async () => {
    const out = [await gw.ok('GET', '/admin/tenant'), (await gw.budgets('effective=1')).map((b) => ({ ...b, resetsAt: 0, currentPeriodStartDate: 0, currentPeriodEndDate: 0 }))];
    for (const x of [t, u]) for (const p of ['apikeys', 'ratelimit', 'default-session-budget', 'tags', 'sessions']) out.push(await gw.ok('GET', `/admin/tenant/${x.id}/${p}`));
    return JSON.parse(JSON.stringify(out));
  };
  const before = await state(), rows = (await gw.ledger()).length;
  await browse(gw, {}, async (page) => {
    const changes = [];
    page.on('request', (r) => { if (r.method() !== 'GET') changes.push(`${r.method()} ${new URL(r.url()).pathname}`); });
    await enter(page);
    for (const to of [...PAGES, `/tenants/${t.id}`, `/tenants/${u.id}`, '?guide=1']) await visit(page, to);
    assert.deepEqual(changes, ['POST /dashboard/session']);
  });
  assert.deepEqual(await state(), before);
  assert.equal((await gw.ledger()).length, rows);
  assert.equal((await gw.chat(t.key, flat())).status, 200);
  assert.equal((await gw.chat(u.key, flat())).status, 402);
}, needsBrowser);

gtest('browser: a hidden tab asks nothing; coming back asks at once', env, async ({ gw }) => {
  await browse(gw, {}, async (page) => {
    await page.clock.install();
    await enter(page);
    let asked = 0;
    page.on('request', (r) => { if (r.url().includes('/admin/overview')) asked++; });
    const hide = (hidden) => page.evaluate((h) => { Object.defineProperty(document, 'hidden', { value: h, configurable: true }); document.dispatchEvent(new Event('visibilitychange')); }, hidden);
    const answer = page.waitForResponse(/admin\/overview/);
    await page.clock.fastForward(16000);
    await answer;
    assert.equal(asked, 1);
    await waitUntil(() => page.evaluate(() => true), 'the answer is drawn');
    await hide(true);
    await page.clock.fastForward(600000);
    assert.equal(asked, 1);
    const back = page.waitForResponse(/admin\/overview/);
    await hide(false);
    await back;
    assert.equal(asked, 2);
  });
}, needsBrowser);

gtest('browser: tables by keyboard, and 100,000 rows stay few in the document', env, async ({ gw }) => {
  await fill(gw);
  await browse(gw, {}, async (page) => {
    await enter(page, '/budgets');
    await page.waitForSelector('tbody tr');
    await page.locator('tbody tr').first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowUp');
    const n = await page.locator('tbody tr').count();
    assert.equal(await page.evaluate(() => document.activeElement.dataset.i), String(n - 2));
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog.drawer');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });
    await page.waitForFunction(() => document.activeElement.tagName === 'TR');
    await page.click('th button:has-text("Left")');
    assert.equal(await page.getAttribute('th[aria-sort]', 'aria-sort'), 'descending');
    await page.evaluate(() => {
      const t = document.createElement('bg-table');
      Object.assign(t, { label: 'Many', columns: [{ key: 'a', label: 'A', sort: true }], rows: Array.from({ length: 100000 }, (_, i) => ({ a: `row ${i}` })) });
      t.id = 'many';
      document.querySelector('#main').replaceChildren(t);
    });
    await page.waitForSelector('#many tbody tr');
    assert.ok(await page.locator('#many tr').count() < 150);
    await page.locator('#many tbody tr[data-i]').first().focus();
    await page.keyboard.press('End');
    await page.waitForFunction(() => document.activeElement.textContent.trim() === 'row 99999');
    assert.ok(await page.locator('#many tr').count() < 150);
    await page.keyboard.press('Home');
    await page.waitForFunction(() => document.activeElement.textContent.trim() === 'row 0');
    assert.equal(await page.getAttribute('#many table', 'aria-rowcount'), '100001');
  });
}, needsBrowser);

gtest('browser: all of the dashboard is at most 350 KB on the wire', env, async ({ gw }) => {
  await fill(gw);
  await browse(gw, {}, async (page) => {
    const sizes = new Map();
    page.on('response', async (r) => { if (r.url().includes('/dashboard') && r.status() === 200) sizes.set(new URL(r.url()).pathname, Number(r.headers()['content-length'] ?? 0)); });
    await enter(page);
    for (const to of PAGES) await visit(page, to);
    const total = [...sizes.values()].reduce((a, b) => a + b, 0);
    assert.ok(sizes.size > 6 && total > 20000 && total <= 350 * 1024, `${total} bytes in ${sizes.size} files`);
  });
}, needsBrowser);

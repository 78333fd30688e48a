// dashboard_models.test.mjs - Models and prices: the list, own prices and what
// becomes of them, calls that had none.
import { gtest, assert, hello, nano } from './fixture.mjs';
import { HOSTILE, PHONE, audit, browse, enter, fits, needsBrowser, visit } from './browser.mjs';

const P = '/admin/model-pricing', rows = 'bg-table tbody tr[data-i]', dialog = 'dialog:not(.drawer)';
const text = (page, sel) => page.locator(sel).first().innerText();
const search = async (page, what, n) => {
  await page.fill('#q-q', what);
  await page.press('#q-q', 'Enter');
  await page.waitForFunction(([sel, k]) => document.querySelectorAll(sel).length === k, [rows, n]);
};
const send = async (gw, key, model) => assert.equal((await gw.chat(key, { model, messages: hello, max_tokens: 200 })).status, 200);
const priced = async (gw, model) => (await gw.ok('GET', `${P}?q=${encodeURIComponent(model)}`)).find((p) => p.model === model);

gtest('models: a price is set to the digit, gets a new version, is deleted with its consequence, comes back', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.usage = { input: 1000000, output: 0 };
  await browse(gw, {}, async (page, wrong) => {
    await enter(page, '/models');
    assert.equal(await page.title(), 'Models and prices · BudgetGuard');
    await page.click('.page-head .filled');
    await page.waitForSelector('#f-model');
    await page.click(`${dialog} .filled`);
    await page.waitForSelector('#f-model[aria-invalid="true"]');
    await page.fill('#f-model', 'house/model:1');
    await page.fill('#f-versionTag', 'contract-7');
    await page.fill('#f-inputPrice', '0.0000001');
    await page.fill('#f-outputPrice', '8');
    await page.click(`${dialog} .filled`);
    await page.waitForSelector('#f-inputPrice[aria-invalid="true"]');
    await page.fill('#f-inputPrice', '2.000001');
    await page.fill('#f-maxOutputTokens', '4000');
    await audit(page, 'form');
    await page.click(`${dialog} .filled`);
    await page.waitForSelector('.snack:has-text("Price set")');
    const p = await priced(gw, 'house/model:1');
    assert.deepEqual([p.source, p.versionTag, p.inputPrice, p.cachedInputPrice, p.outputPrice, p.maxOutputTokens, p.contextTokens], ['admin', 'contract-7', '2.000001', '2.000001', '8', 4000, null]);
    await search(page, 'house/', 1);
    assert.match(await text(page, rows), /house\/model:1\s+\$2\.000001\s+\$8\.00/);
    await page.focus(rows);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.drawer:has-text("contract-7")');
    assert.match(page.url(), /price=openai%2Fhouse%2Fmodel%3A1/);
    assert.ok((await text(page, '.drawer')).includes(p.version), 'the version in full');
    await audit(page, 'drawer');
    await page.click('.drawer .filled');
    await page.fill('#f-inputPrice', '3');
    assert.equal(await page.inputValue('#f-cachedInputPrice'), '', 'as input, not a figure of its own');
    await page.click(`${dialog} .filled`);
    await page.waitForSelector('.drawer:has-text("$3.00")');
    const q = await priced(gw, 'house/model:1');
    assert.deepEqual([q.id, q.inputPrice, q.cachedInputPrice], [p.id, '3', '3']);
    assert.notEqual(q.version, p.version);
    await page.click('.drawer .danger');
    await page.waitForSelector(`${dialog}:has-text("charged at the dearest rates of their provider")`);
    await page.click(`${dialog} .text`);
    assert.equal((await priced(gw, 'house/model:1')).source, 'admin', 'cancelled');
    await page.click('.drawer .danger');
    await page.click(`${dialog} .danger`);
    await page.waitForSelector('.drawer', { state: 'detached' });
    await page.waitForSelector('.empty:has-text("No price fits")');
    assert.equal(await priced(gw, 'house/model:1'), undefined);
    await page.click('.snack button');
    await page.waitForSelector(rows);
    assert.equal((await priced(gw, 'house/model:1')).inputPrice, '3');
    await send(gw, t.key, 'house/model:1');
    assert.equal(nano((await gw.rows(1))[0].usd), 3000000000n, 'it is charged');
    await page.click('.page-head .filled');
    for (const [name, v] of [['model', 'house/model:1'], ['versionTag', 'again'], ['inputPrice', '1'], ['outputPrice', '1']]) await page.fill(`#f-${name}`, v);
    await page.click(`${dialog} .filled`);
    await page.waitForSelector('.form-error:has-text("Unable to create model pricing")');
    assert.match(wrong.splice(0).join(), /400/);
  });
}, needsBrowser);

gtest('models: a built-in price gets an own one of the same provider, and shows again', {}, async ({ gw }) => {
  await browse(gw, {}, async (page) => {
    await enter(page, '/models?price=openai%2Fgpt-4.1');
    await page.waitForSelector('.drawer:has-text("built in")');
    assert.equal(await page.locator('.drawer .danger').count(), 0, 'the list itself cannot be deleted');
    const builtin = await priced(gw, 'gpt-4.1');
    await page.click('.drawer .filled');
    await page.waitForSelector(`${dialog}:has-text("no longer apply to it")`);
    await page.fill('#f-versionTag', 'deal');
    await page.fill('#f-inputPrice', '1.5');
    await page.click(`${dialog} .filled`);
    await page.waitForSelector('.drawer:has-text("set here")');
    const own = (await gw.ok('GET', `${P}?source=admin`))[0];
    assert.deepEqual([own.model, own.provider, own.inputPrice, own.outputPrice, own.cachedInputPrice, own.maxOutputTokens], ['gpt-4.1', 'openai', '1.5', builtin.outputPrice, builtin.cachedInputPrice, builtin.maxOutputTokens]);
    await page.click('.drawer .danger');
    await page.click(`${dialog} .danger`);
    await page.waitForSelector('.drawer:has-text("built in")');
    assert.equal((await priced(gw, 'gpt-4.1')).inputPrice, builtin.inputPrice);
  });
}, needsBrowser);

gtest('models: calls without a price are found, counted and given one', {}, async ({ gw, mock }) => {
  const t = await gw.tenant();
  mock.usage = { input: 1000, output: 100 };
  await browse(gw, {}, async (page) => {
    await enter(page, '/models');
    await page.waitForSelector('.card:has-text("No calls in the last 30 days")');
    for (const m of ['mystery-1', 'mystery-1', 'gpt-cent', HOSTILE]) await send(gw, t.key, m);
    const all = await gw.rows(4), spent = all.filter((r) => r.model === 'mystery-1').reduce((a, r) => a + nano(r.usd), 0n);
    assert.ok(spent > 0n);
    await visit(page, '/models');
    await page.waitForSelector('.card .rows li:nth-child(2)');
    const card = await text(page, '.card:has-text("Charged without a price")');
    assert.match(card, /mystery-1 openai\s+2 calls at the provider’s dearest/);
    assert.match(card, /UNKNOWN_PRICE=dearest[^]*Among the newest 4 of 4 successful calls/);
    assert.doesNotMatch(card, /gpt-cent/);
    assert.equal(await page.evaluate(() => document.querySelectorAll('img[src="x"]').length), 0, 'R49');
    await audit(page, 'assumed');
    await page.click('button[aria-label="Set a price for mystery-1"]');
    assert.equal(await page.inputValue('#f-model'), 'mystery-1');
    for (const [name, v] of [['versionTag', 'now'], ['inputPrice', '1'], ['outputPrice', '2']]) await page.fill(`#f-${name}`, v);
    await page.click(`${dialog} .filled`);
    await page.waitForSelector('.snack:has-text("Price set")');
    await send(gw, t.key, 'mystery-1');
    const [last] = (await gw.rows(5)).filter((r) => r.model === 'mystery-1').sort((a, b) => b.id - a.id);
    assert.deepEqual([last.priceBasis, nano(last.usd)], ['table', 1200000n]);
    await page.click('.card .rows a:text-is("mystery-1")');
    await page.waitForSelector('bg-table tbody tr[data-i="2"]');
    assert.match(page.url(), /usage\/ledger\?.*model=mystery-1/);
  });
}, needsBrowser);

gtest('models: search, filters, hostile names as text, slow, failing, both themes, phone', { UNKNOWN_PRICE: 'refuse' }, async ({ gw }) => {
  const name = HOSTILE.replaceAll(' ', '/');
  await gw.ok('POST', P, { model: name, versionTag: name, inputPrice: '1', outputPrice: '1' });
  for (const opt of [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { colorScheme: 'dark', ...PHONE }])
    await browse(gw, opt, async (page, wrong) => {
      await enter(page, '/models');
      await page.waitForSelector(rows);
      await page.waitForSelector('.card:has-text("refused with 400")');
      assert.match(await text(page, 'main [role="status"]'), /^[3-9]\d\d prices in force/);
      await audit(page, `list ${opt.colorScheme}`);
      await fits(page, 'list');
      await page.selectOption('#q-source', 'admin');
      await page.waitForFunction((sel) => document.querySelectorAll(sel).length === 1, rows);
      await page.focus(rows);
      await page.keyboard.press('Enter');
      await page.waitForSelector('.drawer .pairs');
      assert.ok((await text(page, '.drawer')).includes(name), 'R49: as text');
      assert.equal(await page.evaluate(() => document.querySelectorAll('img[src="x"]').length), 0, 'R49');
      await audit(page, `one ${opt.colorScheme}`);
      await fits(page, 'one');
      await page.keyboard.press('Escape');
      await page.waitForSelector('dialog', { state: 'detached' });
      await page.selectOption('#q-provider', 'groq');
      await page.waitForSelector('.empty:has-text("No price fits")');
      await audit(page, 'nothing fits');
      await page.click('.empty a');
      await page.waitForFunction((sel) => document.querySelectorAll(sel).length > 20, rows);
      let release;
      const held = new Promise((r) => { release = r; });
      await page.route(`**${P}*`, async (r) => { await held; await r.fulfill({ status: 503, json: { error: 'Service unavailable' } }); });
      await page.route('**/admin/usage/ledger?**', (r) => r.fulfill({ status: 503, json: { error: 'Ledger is busy' } }));
      await page.goto('/dashboard/models');
      await page.waitForSelector('.skeleton');
      release();
      await page.waitForSelector('.problem:has-text("Service unavailable")');
      await page.unroute(`**${P}*`);
      await page.click('.problem button');
      await page.waitForSelector(rows);
      await page.waitForSelector('.card .problem:has-text("Ledger is busy")');
      await page.unroute('**/admin/usage/ledger?**');
      await page.click('.card .problem button');
      await page.waitForSelector('.card:has-text("No calls in the last 30 days")');
      wrong.splice(0);
    });
}, needsBrowser);

// dashboard_tags.test.mjs - Tags: the tree, what it costs, changes and what
// they mean for calls.
import { gtest, assert, flat } from './fixture.mjs';
import { PHONE, audit, browse, enter, fits, needsBrowser, visit } from './browser.mjs';
import { world } from './dashboard_seed.mjs';

const text = (page, sel) => page.locator(sel).first().innerText();
const send = async (gw, key, tags) => (await gw.chat(key, flat(), { headers: { 'x-tags': tags } })).status;
const dialog = 'dialog:not(.drawer)';

gtest('tags: made, used, changed, deactivated with undo, deleted; calls feel it at once', {}, async ({ gw }) => {
  const t = await gw.tenant('acme');
  await browse(gw, {}, async (page, wrong) => {
    await enter(page, '/tags');
    assert.equal(await page.title(), 'Tags · BudgetGuard');
    await page.click('.empty button:has-text("Make the first tag")');
    await page.click(`${dialog} .filled`);
    await page.waitForSelector('#f-name[aria-invalid="true"]');
    await page.fill('#f-name', 'a/b');
    await page.click(`${dialog} .filled`);
    await page.waitForSelector('#f-name-about:has-text("without / and ,")');
    await page.fill('#f-name', 'top');
    await page.click(`${dialog} .filled`);
    await page.click('bg-table tbody tr:has-text("top")');
    await page.waitForSelector('.drawer h3');
    assert.match(page.url(), /tag=\d+/);
    assert.equal(await send(gw, t.key, 'top'), 200);
    await page.click('.drawer button:has-text("Add below")');
    await page.fill('#f-name', 'leaf');
    await page.fill('#f-sessionBudgetUsd', '3');
    await page.click(`${dialog} .filled`);
    await page.waitForSelector('.drawer:has-text("once the tag below it is gone")');
    assert.equal(await page.locator('.drawer button:has-text("Delete")').count(), 0);
    await page.click('.drawer button:has-text("Add a budget")');
    await page.fill('#f-amountUsd', '0.0076');
    await page.click(`${dialog} .filled`);
    await page.waitForSelector('.drawer [role="meter"]');
    assert.match(await text(page, '.drawer'), /\$0\.0075 of \$0\.0076 spent/);
    assert.equal(await send(gw, t.key, 'leaf'), 402, 'the budget of the tag above holds');
    await page.click('.drawer button[aria-label="Change the monthly budget"]');
    await page.fill('#f-amountUsd', '5');
    await page.selectOption('#f-inheritanceMode', 'NONE');
    await page.click(`${dialog} .filled`);
    await page.waitForSelector('.drawer .chip:has-text("without tags below")');
    assert.equal(await send(gw, t.key, 'leaf'), 200);
    await page.click('.drawer button[aria-label="Delete the monthly budget"]');
    await page.click(`${dialog} .danger`);
    await page.waitForSelector('.drawer:has-text("limited by other budgets only")');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.drawer', { state: 'detached' });
    await page.click('bg-table tbody tr:has-text("leaf")');
    await page.waitForSelector('.drawer:has-text("Each session with this tag may cost $3.00")');
    await page.click('.drawer button:has-text("Deactivate")');
    await page.waitForSelector(`${dialog}:has-text("refused with 400")`);
    await page.click(`${dialog} .danger`);
    await page.waitForSelector('.drawer .chip:has-text("not active")');
    assert.equal(await send(gw, t.key, 'leaf'), 400);
    await page.click('.snack button');
    await page.waitForSelector('.drawer .chip:has-text("not active")', { state: 'detached' });
    assert.equal(await send(gw, t.key, 'leaf'), 200);
    await page.click('.drawer button:has-text("Edit")');
    await page.fill('#f-name', 'top');
    await page.click(`${dialog} .filled`);
    await page.waitForSelector('.form-error:has-text("Tag name already exists")');
    assert.match(wrong.splice(0).join(), /400/);
    await page.fill('#f-name', 'twig');
    await page.click(`${dialog} .filled`);
    await page.waitForSelector('.drawer b:has-text("twig")');
    assert.equal(await send(gw, t.key, 'leaf'), 400, 'the old name is unknown');
    await page.click('.drawer button:has-text("Delete")');
    await page.waitForSelector(`${dialog}:has-text("the cap of $3.00 on its sessions")`);
    await page.click(`${dialog} .danger`);
    await page.waitForSelector('.drawer', { state: 'detached' });
    await page.waitForFunction(() => document.querySelectorAll('bg-table tbody tr[data-i]').length === 1);
  });
}, needsBrowser);

gtest('tags: the tree with its spend, search, deep links, hostile names', {}, async ({ gw }) => {
  const w = await world(gw);
  await browse(gw, {}, async (page) => {
    await enter(page, '/tags');
    const names = await page.locator('bg-table tbody tr .branch').allInnerTexts();
    assert.deepEqual(names.slice(0, 4), ['engineering', 'backend', 'search', 'support']);
    assert.match(await text(page, 'bg-table tbody'), /engineering\s+\$0\.013/, 'with the tags below: 0.0075 + 0.0014 + 0.0036');
    assert.equal(await page.evaluate(() => document.querySelectorAll('img[src="x"]').length), 0, 'R49');
    await page.fill('#q-q', 'SEAR');
    await page.press('#q-q', 'Enter');
    await page.waitForFunction(() => document.querySelectorAll('bg-table tbody tr[data-i]').length === 1);
    await page.fill('#q-q', 'zzz');
    await page.press('#q-q', 'Enter');
    await page.waitForSelector('.empty:has-text("No tag matches")');
    await visit(page, `/tags?tag=${w.tags.search}`);
    await page.waitForSelector('.drawer:has-text("engineering › backend › search")');
    await page.goBack();
    await visit(page, `/tags?tenantId=${w.other.id}`);
    await page.waitForSelector('.empty:has-text("No tags yet")');
    await audit(page, 'no tags');
  });
}, needsBrowser);

gtest('tags: slow, failing, both themes, phone, keyboard', {}, async ({ gw }) => {
  const w = await world(gw);
  for (const opt of [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { colorScheme: 'dark', ...PHONE }])
    await browse(gw, opt, async (page, wrong) => {
      await enter(page, '/tags');
      await audit(page, `tree ${opt.colorScheme}`);
      await fits(page, 'tree');
      await page.focus('bg-table tbody tr[data-i="0"]');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.drawer h3');
      await audit(page, `one ${opt.colorScheme}`);
      await fits(page, 'one');
      await page.click('.drawer button:has-text("Edit")');
      await page.waitForSelector('#f-color');
      await audit(page, `form ${opt.colorScheme}`);
      await page.keyboard.press('Escape');
      await page.keyboard.press('Escape');
      await page.waitForSelector('dialog', { state: 'detached' });
      let release;
      const held = new Promise((r) => { release = r; });
      await page.route(`**/admin/tenant/${w.acme.id}/tags?**`, async (r) => { await held; await r.fulfill({ status: 503, json: { error: 'Service unavailable' } }); });
      await page.goto('/dashboard/tags');
      await page.waitForSelector('.skeleton');
      release();
      await page.waitForSelector('.problem:has-text("Service unavailable")');
      await page.unroute(`**/admin/tenant/${w.acme.id}/tags?**`);
      await page.click('.problem button');
      await page.waitForSelector('bg-table tbody tr[data-i]');
      wrong.splice(0);
    });
}, needsBrowser);

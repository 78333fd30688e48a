// dashboard_policy.test.mjs - the page Policy: what is in force, editing, trying,
// replaying.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gtest, assert, flat, hello, waitUntil } from './fixture.mjs';
import { HOSTILE, PHONE, audit, browse, enter, fits, needsBrowser, visit } from './browser.mjs';

const dirs = [];
const folder = (files) => { const d = fs.mkdtempSync(path.join(os.tmpdir(), 'bg-dash-')); dirs.push(d); for (const [n, t] of Object.entries(files)) fs.writeFileSync(path.join(d, n), t); return d; };
process.on('exit', () => { for (const d of dirs) fs.rmSync(d, { recursive: true, force: true }); });
const V1 = (body) => `package budgetguard.policy\n\n${body}\n`;
const BASE = V1('default allow := false\n\nallow if count(deny) == 0\n\n# nobody yet\ndeny contains "no" if input.model == "never"');
const file = (text) => path.join(folder({ 'p.rego': text }), 'p.rego');
const TEXT = 'textarea[aria-label^="Text of"]';
const type = async (page, text) => { await page.fill(TEXT, text); };

gtest('browser: policy: check, save, in force; what does not compile is shown with its place', () => ({ OPA_POLICY_PATH: file(BASE) }), async ({ gw }) => {
  const t = await gw.tenant();
  await browse(gw, {}, async (page, wrong) => {
    await enter(page, '/policy');
    assert.equal(await page.title(), 'Policy · BudgetGuard');
    assert.equal(await page.inputValue(TEXT), BASE);
    assert.ok(await page.isDisabled('button:text-is("Save")'), 'nothing to save');
    assert.deepEqual(await page.$$eval('.t-comment, .t-root', (l) => l.map((x) => x.textContent)), ['# nobody yet', 'input']);
    await type(page, BASE.replace('== 0', '== '));
    await page.click('button:text-is("Check")');
    const said = await page.textContent('.fault');
    assert.match(said, /^\s*Line \d+, column \d+: rego_parse_error/);
    assert.equal(await page.textContent('.editor .gutter b'), `${/Line (\d+)/.exec(said)[1]}\n`);
    await page.click('.fault button');
    assert.equal(await page.evaluate((q) => document.activeElement === document.querySelector(q), TEXT), true);
    await page.click('button:text-is("Save")');
    await page.click('dialog button:text-is("Save")');
    await waitUntil(() => wrong.length === 2, 'both were refused');
    await page.waitForSelector('.fault');
    assert.match(wrong.splice(0).join(), /400.*400/);
    assert.equal(fs.readFileSync(gw.env.OPA_POLICY_PATH, 'utf8'), BASE);
    await type(page, BASE.replace('"never"', '"gpt-flat"').replace('"no"', `"${HOSTILE.replaceAll('"', "'")}"`));
    await page.click('button:text-is("Save")');
    await page.click('dialog button:text-is("Save")');
    await page.waitForSelector('.snack');
    await page.waitForFunction(() => document.querySelector('button.filled')?.disabled);
    assert.equal((await gw.chat(t.key, flat())).status, 403);
    // the file changes under a draft
    await type(page, V1('allow := true'));
    fs.writeFileSync(gw.env.OPA_POLICY_PATH, V1('allow := 1 == 1'));
    await waitUntil(async () => (await gw.ok('GET', '/admin/policy')).files.length === 1 && (await gw.ok('GET', '/admin/policy/text')).files[0].text === V1('allow := 1 == 1'), 'the file is read');
    await page.evaluate(() => window.dispatchEvent(new CustomEvent('route', { detail: { moved: false } })));
    await page.waitForSelector('.banner');
    assert.ok(await page.isDisabled('button:text-is("Save")'), 'no blind overwriting');
    await page.click('.banner button');
    await page.click('dialog button.danger');
    await page.waitForFunction(([q, v]) => document.querySelector(q).value === v, [TEXT, V1('allow := 1 == 1')]);
    assert.equal(await page.title(), 'Policy · BudgetGuard', 'R49');
    assert.equal(await page.$$eval('#main img', (l) => l.length), 0);
    // and one that does not compile
    fs.writeFileSync(gw.env.OPA_POLICY_PATH, V1('allow := '));
    await waitUntil(async () => (await gw.ok('GET', '/admin/policy')).error, 'the fault is known');
    await page.evaluate(() => window.dispatchEvent(new CustomEvent('route', { detail: { moved: false } })));
    await page.waitForSelector('.fault[role=alert]');
    assert.match(await page.textContent('.fault'), /stays in force/);
    await audit(page, 'a broken file');
  });
}, needsBrowser);

gtest('browser: policy: keyboard in the editor: Tab indents, Escape and Tab leave, undo works', () => ({ OPA_POLICY_PATH: file(BASE) }), async ({ gw }) => {
  await browse(gw, {}, async (page) => {
    await enter(page, '/policy');
    await page.focus(TEXT);
    await page.keyboard.press('Control+End');
    await page.keyboard.type('allow if {');
    await page.keyboard.press('Enter');
    await page.keyboard.type('x');
    assert.ok((await page.inputValue(TEXT)).endsWith('allow if {\n\tx'), 'a block is indented');
    await page.keyboard.press('Tab');
    assert.ok((await page.inputValue(TEXT)).endsWith('x\t'));
    await page.keyboard.press('Control+z');
    assert.ok((await page.inputValue(TEXT)).endsWith('x'));
    await page.keyboard.press('Escape');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), 'Check');
  });
}, needsBrowser);

gtest('browser: policy: an input is tried, past calls are replayed', {}, async ({ gw, mock }) => {
  const a = await gw.tenant(HOSTILE), b = await gw.tenant('beta');
  await browse(gw, {}, async (page, wrong) => {
    await enter(page, '/policy');
    assert.equal(await page.isVisible('button:text-is("Save")'), false, 'the built-in policy cannot be saved');
    assert.match(await page.textContent('#policy-keys'), /part of the program/);
    await page.click('button:text-is("Replay")');
    await page.waitForSelector('policy-replay .empty');
    mock.usage = { input: 1000, output: 100 };
    for (const [t, model, n] of [[a, 'gpt-4o', 3], [b, 'gpt-4o', 1], [b, 'gpt-4o-mini', 4]]) for (let i = 0; i < n; i++) await gw.chat(t.key, { model, messages: hello, max_tokens: 200 });
    await gw.rows(8);
    const [wide, card] = await page.evaluate(() => { const e = document.querySelector('bg-editor[short] .editor'); return [e.clientWidth, e.closest('.card').clientWidth]; });
    assert.ok(wide > card * 0.8, `the input's editor has ${wide} of ${card} px`);
    await page.click('button:text-is("Try")');
    await page.waitForSelector('.verdict .chip.good');
    await page.click('button:text-is("Budget used up")');
    await page.click('button:text-is("Try")');
    await page.waitForSelector('.verdict .chip.bad');
    assert.match(await page.textContent('.verdict'), /tenant budget \(monthly\) is used up: 10\.5 of 10 USD/);
    await page.fill('textarea[aria-label="Input as JSON"]', '{"a":');
    await page.click('button:text-is("Try")');
    await page.waitForFunction(() => /no JSON/.test(document.querySelector('policy-try .form-error').textContent));
    await page.click('button:text-is("The last call")');
    await page.waitForFunction(() => /"beta"/.test(document.querySelector('textarea[aria-label="Input as JSON"]').value));
    await type(page, V1(`default allow := true\ndeny contains sprintf("%s is dear for %s", [input.model, input.tenant]) if input.model == "gpt-4o"`));
    await page.click('button:text-is("Replay")');
    await page.waitForSelector('policy-replay .tile');
    const report = await page.innerText('policy-replay');
    for (const part of ['4 of 8', '50.0 % of the calls', '$0.014', `gpt-4o is dear for ${HOSTILE}`, '3 calls', 'beta']) assert.ok(report.includes(part), `${part} in ${report}`);
    assert.equal(await page.$$eval('policy-replay img', (l) => l.length), 0, 'R49');
    await audit(page, 'with a report');
    await type(page, V1('allow := '));
    await page.click('button:text-is("Replay")');
    await page.waitForSelector('.fault');
    assert.match(wrong.splice(0).join(), /400/);
  });
}, needsBrowser);

gtest('browser: policy: several files, dark, phone, slow, failing', () => ({ OPA_POLICY_PATH: folder({ 'a.rego': BASE, 'b.rego': 'package other\n\nx := "é"\n' }) }), async ({ gw }) => {
  for (const opt of [{ colorScheme: 'dark' }, { colorScheme: 'light', ...PHONE }])
    await browse(gw, opt, async (page, wrong) => {
      await enter(page, '/policy?file=b.rego');
      assert.match(await page.inputValue(TEXT), /é/);
      await page.click('button:text-is("Try")');
      await page.waitForSelector('.verdict');
      await page.click('button:text-is("Replay")');
      await page.waitForSelector('policy-replay .empty');
      await audit(page, 'policy');
      await fits(page, 'policy');
      for (const t of ['Input as JSON', 'Text of b.rego']) assert.ok((await page.locator('bg-editor', { has: page.locator(`textarea[aria-label="${t}"]`) }).locator('.code').boundingBox()).width > 200, `${t} has room`);
      let go;
      await page.route('**/admin/policy', async (r) => { await new Promise((ok) => { go = ok; }); await r.abort(); });
      await page.goto('/dashboard/policy');
      await page.waitForSelector('.skeleton');
      await audit(page, 'waiting');
      await waitUntil(() => go, 'it was asked');
      go();
      await page.waitForSelector('.problem');
      await audit(page, 'failed');
      await page.unroute('**/admin/policy');
      await page.click('.problem button');
      await page.waitForSelector('bg-editor');
      assert.match(wrong.splice(0).join(), /ERR_FAILED/);
      await page.selectOption('#f-file', 'b.rego');
      await page.waitForFunction((q) => /other/.test(document.querySelector(q).value), TEXT);
      await visit(page, '/policy');
    });
}, needsBrowser);

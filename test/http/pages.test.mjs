// pages.test.mjs - the self-service pages in a real browser (Debian's
// chromium): sign in, issue, revoke and read reports by keyboard, on a phone,
// light and dark; no script from elsewhere, markup from clients stays text.
import fs from 'node:fs';
import { gtest, assert, flat, waitUntil } from './fixture.mjs';

const CHROMIUM = process.env.BG_CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((p) => fs.existsSync(p));
const { chromium } = await import('playwright-core');
const opt = { skip: CHROMIUM ? false : 'chromium is not installed' };
const X = '<img src=x onerror=document.title="owned">';

/** Runs `fn(page)` and fails on any error, foreign request or CSP report. */
async function browse(gw, opt, fn) {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  const wrong = [];
  try {
    const page = await browser.newPage({ baseURL: gw.url, ...opt });
    page.setDefaultTimeout(20000);
    page.on('pageerror', (e) => wrong.push(String(e)));
    page.on('console', (m) => { if (m.type() === 'error') wrong.push(m.text()); });
    page.on('request', (r) => { if (!r.url().startsWith(`${gw.url}/`)) wrong.push(`foreign: ${r.url()}`); });
    await fn(page, wrong);
    assert.deepEqual(wrong, []);
  } finally { await browser.close(); }
}
const fits = async (page, where) => assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${where} scrolls sideways`);

gtest('browser: sign in, issue, use and revoke a key with the keyboard alone', {}, async ({ gw }) => {
  await browse(gw, {}, async (page) => {
    await page.goto('/request-key');
    assert.match(page.url(), /\/login\?next=\/request-key$/);
    await page.keyboard.type('alice');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/request-key');
    await page.focus('#note');
    await page.keyboard.type(X);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#fresh:not([hidden])');
    const key = await page.textContent('#token');
    assert.match(key, /^bg_[\w-]{43}$/);
    assert.equal((await gw.chat(key, flat())).status, 200);
    // R49: the note is text
    await page.waitForSelector('#keys tr');
    assert.equal(await page.textContent('#keys tr td:nth-child(2)'), X);
    assert.equal(await page.locator('#keys img').count(), 0);
    await page.focus('#keys button');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#none:not([hidden])');
    await waitUntil(async () => (await gw.chat(key, flat())).status === 401, 'the key is revoked');
    await page.focus('header button');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/login');
  });
}, opt);

gtest('R49 in a browser: reports show hostile labels as text', {}, async ({ gw }) => {
  const k = await gw.ok('POST', '/admin/keys', { label: X, note: X });
  assert.equal((await gw.chat(k.token, flat())).status, 200);
  await browse(gw, {}, async (page) => {
    await page.goto('/login?next=/reports');
    await page.fill('#username', 'alice');
    await page.press('#username', 'Enter');
    await page.waitForSelector('#rows tr');
    assert.equal(await page.textContent('#rows tr td:nth-child(2)'), X);
    assert.equal(await page.textContent('#legend li'), X);
    assert.ok(await page.locator('#chart rect').count() > 0);
    assert.equal(await page.locator('main img').count(), 0);
    assert.equal(await page.title(), 'Reports · BudgetGuard');
    await page.selectOption('#scope', 'key');
    await page.selectOption('#bucket', 'all');
    await page.click('#query button');
    await page.waitForFunction(() => document.querySelector('#rows td')?.textContent === 'All time');
    assert.equal(await page.textContent('#rows tr td:nth-child(2)'), `${X} :: ${X}`);
    assert.equal(await page.textContent('#requests'), '1');
  });
}, opt);

gtest('R67 in a browser: the CSP stops inline script; dark and phone look right', {}, async ({ gw }) => {
  const k = await gw.ok('POST', '/admin/keys', { label: 'a-rather-long-label@'.repeat(3), note: 'n'.repeat(60) });
  assert.equal((await gw.chat(k.token, flat())).status, 200);
  const ground = {};
  for (const colorScheme of ['light', 'dark'])
    await browse(gw, { colorScheme, viewport: { width: 360, height: 740 } }, async (page, wrong) => {
      await page.goto('/login');
      await fits(page, '/login');
      await page.fill('#username', 'alice');
      await page.press('#username', 'Enter');
      await page.waitForURL(`${gw.url}/`);
      await fits(page, '/');
      await page.goto('/reports');
      await page.waitForSelector('#rows tr');
      await fits(page, '/reports');
      ground[colorScheme] = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const ran = await page.evaluate(() => {
        const s = document.createElement('script');
        s.textContent = 'document.title = "owned"';
        document.body.append(s);
        return document.title === 'owned';
      });
      assert.equal(ran, false);
      await waitUntil(() => wrong.length > 0, 'the browser reports the violation');
      assert.match(wrong.splice(0).join(), /Content Security Policy/);
    });
  assert.notEqual(ground.light, ground.dark);
}, opt);

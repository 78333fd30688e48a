// dashboard.test.mjs - the dashboard's frame: signing in and out, what is
// served under which headers, deep links, theme, phone, keyboard.
import zlib from 'node:zlib';
import { test } from 'node:test';
import { gtest, assert, call, ADMIN, Gateway, RawClient, flat, waitUntil } from './fixture.mjs';
import { PAGES } from '../../web/src/pages.js';
import { PHONE, audit, browse, enter, fits, needsBrowser, ready } from './browser.mjs';

const assets = async (gw) => [...(await call(`${gw.url}/dashboard`)).text.matchAll(/"(\/dashboard\/assets\/[^"]+)"/g)].map((m) => m[1]);

gtest('the page and its files: CSP, types, caching, gzip or plain, ETag', {}, async ({ gw }) => {
  const page = await call(`${gw.url}/dashboard`);
  assert.equal(page.status, 200);
  assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(page.headers['cache-control'], 'no-store');
  assert.match(page.headers['content-security-policy'], /^default-src 'none'; script-src 'self'; style-src 'self';/);
  assert.doesNotMatch(page.headers['content-security-policy'], /unsafe|http|\*/);
  assert.match(page.headers['content-security-policy'], /frame-ancestors 'none'/);
  assert.match(page.text, /data-session="out"/);
  assert.doesNotMatch(page.text, /<script(?![^>]*src=)|style=|<style| on\w+=/i, 'nothing inline');
  assert.equal((await call(`${gw.url}/dashboard/`)).text, page.text, 'as people type it');
  const names = await assets(gw);
  assert.ok(names.length >= 3 && names.some((n) => n.endsWith('.css')));
  for (const name of names) {
    const plain = await call(gw.url + name), gz = await call(gw.url + name, { headers: { 'accept-encoding': 'br, gzip;q=0.8' } });
    const none = await call(gw.url + name, { headers: { 'accept-encoding': 'gzip;q=0, br' } });
    assert.deepEqual([plain.status, plain.headers['content-encoding'], none.headers['content-encoding'], gz.headers['content-encoding']], [200, undefined, undefined, 'gzip'], name);
    assert.deepEqual(zlib.gunzipSync(gz.body), plain.body);
    assert.equal(gz.headers.vary, 'Accept-Encoding');
    assert.match(plain.headers['content-type'], { js: /^text\/javascript/, ss: /^text\/css/, vg: /^image\/svg\+xml/ }[name.slice(-2)]);
    assert.match(plain.headers['cache-control'], name.endsWith('.svg') ? /^no-cache$/ : /immutable/);
    const again = await call(gw.url + name, { headers: { 'if-none-match': `"x", W/${plain.headers.etag}` } });
    assert.deepEqual([again.status, again.body.length], [304, 0]);
    assert.equal((await call(gw.url + name, { method: 'HEAD' })).status, 200);
    assert.equal((await call(gw.url + name, { method: 'PUT', json: {} })).status, 405);
  }
  for (const deep of ['/dashboard/budgets', '/dashboard/tenants/12', '/dashboard/nothing-here']) assert.equal((await call(gw.url + deep)).text, page.text, deep);
  assert.equal((await call(`${gw.url}/`)).status, 302);
});

gtest('R25: no path under /dashboard/assets leaves the table of files', {}, async ({ gw }) => {
  for (const p of ['../../../../etc/passwd', '..%2f..%2f..%2fetc%2fpasswd', '%2e%2e%2f%2e%2e%2fetc%2fpasswd', '%252e%252e%252fetc%252fpasswd', '..%5c..%5cetc%5cpasswd', 'index.html', 'logo.svg%00', 'logo.svg.gz', '', '.', '..', 'app.js', '%2fetc%2fpasswd', 'x'.repeat(3000)])
    for (const root of ['/dashboard/assets/', '/dashboard/', '/dashboard/tenants/']) {
      if (p === '' && root !== '/dashboard/assets/') continue;
      const c = await RawClient.connect(gw.port);
      c.send(`GET ${root}${p} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      await c.untilClosed();
      const app = root !== '/dashboard/assets/' && /^[\w-]+$/.test(p); // an unknown page of the app
      assert.ok(app ? c.statuses()[0] === 200 : [400, 404].includes(c.statuses()[0]), `${root}${p}: ${c.statuses()}`);
      assert.doesNotMatch(c.text, /root:|\/bin\/sh/);
      c.destroy();
    }
});

test('each page is in the navigation once', () => {
  for (const of of ['name', 'title', 'tag']) assert.equal(new Set(PAGES.map((p) => p[of])).size, PAGES.length, of);
});

gtest('R26: no admin secret in any byte under /dashboard', {}, async ({ gw }) => {
  for (const p of ['/dashboard', '/dashboard/budgets', ...await assets(gw)]) assert.ok(!(await call(gw.url + p)).text.includes(ADMIN), p);
});

gtest('browser: signing in and out; R26: nothing secret stays in the browser', {}, async ({ gw }) => {
  await browse(gw, {}, async (page, wrong) => {
    await page.goto('/dashboard');
    assert.equal(await page.title(), 'Sign in · BudgetGuard');
    await page.press('#key', 'Enter');
    await page.waitForSelector('#key-about.error');
    await page.fill('#key', 'not-the-key');
    await page.press('#key', 'Enter');
    await page.waitForFunction(() => document.querySelector('#key-about')?.textContent === 'This is not the admin key');
    assert.match(wrong.splice(0).join(), /401/);
    await page.fill('#key', ADMIN);
    await page.press('#key', 'Enter');
    await ready(page);
    assert.equal(await page.title(), 'Overview · BudgetGuard');
    assert.equal(await page.evaluate(() => document.activeElement.tagName), 'H1');
    const kept = await page.evaluate(async () => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, (await indexedDB.databases()).length, (await caches?.keys?.())?.length ?? 0, document.documentElement.outerHTML]));
    assert.ok(!kept.includes(ADMIN));
    await page.reload();
    await ready(page);
    await page.click('.nav-out');
    await page.waitForSelector('#key');
    await page.reload();
    await page.waitForSelector('#key');
    assert.equal(await page.evaluate(() => document.documentElement.dataset.session), 'out');
  });
}, needsBrowser);

gtest('browser: a session that ended elsewhere brings the sign-in screen', {}, async ({ gw }) => {
  await browse(gw, {}, async (page, wrong) => {
    await enter(page);
    await page.context().clearCookies();
    await page.evaluate(() => window.dispatchEvent(new CustomEvent('route', { detail: { moved: false } })));
    await page.waitForSelector('#key');
    assert.match(wrong.splice(0).join(), /401/);
  });
}, needsBrowser);

gtest('browser: the frame has no axe violation, light and dark, wide and on a phone', {}, async ({ gw }) => {
  for (const opt of [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { colorScheme: 'light', ...PHONE }])
    await browse(gw, opt, async (page) => {
      await page.goto('/dashboard');
      await page.waitForSelector('#key');
      await audit(page, 'sign-in');
      await enter(page);
      await audit(page, 'overview');
      await fits(page, 'overview');
      await page.goto('/dashboard/nothing-here');
      await page.waitForSelector('.empty');
      await audit(page, 'no such page');
    });
}, needsBrowser);

gtest('browser: the menu on a phone opens, closes and navigates by keyboard', {}, async ({ gw }) => {
  await browse(gw, PHONE, async (page) => {
    await enter(page);
    await page.click('.top button');
    await page.waitForSelector('.rail.open');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.rail:not(.open)', { state: 'attached' });
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Menu');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.rail.open');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.rail:not(.open)', { state: 'attached' });
  });
}, needsBrowser);

gtest('R67 in a browser: the dashboard’s CSP stops inline script', {}, async ({ gw }) => {
  await browse(gw, {}, async (page, wrong) => {
    await enter(page);
    const ran = await page.evaluate(() => {
      const s = document.createElement('script');
      s.textContent = 'document.title = "owned"';
      document.body.append(s);
      return document.title === 'owned';
    });
    assert.equal(ran, false);
    await page.waitForFunction(() => true);
    assert.match(wrong.splice(0).join(), /Content Security Policy/);
  });
}, needsBrowser);

gtest('browser: the self-service pages share the look and have no axe violation', {}, async ({ gw }) => {
  for (const colorScheme of ['light', 'dark'])
    await browse(gw, { colorScheme }, async (page) => {
      await page.goto('/login?next=/request-key');
      await audit(page, `/login ${colorScheme}`);
      assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), colorScheme === 'light' ? 'rgb(247, 250, 248)' : 'rgb(15, 21, 19)');
      await page.fill('#username', 'alice');
      await page.press('#username', 'Enter');
      await page.waitForURL('**/request-key');
      await page.fill('#note', 'laptop');
      await page.press('#note', 'Enter');
      await page.waitForSelector('#fresh:not([hidden])');
      assert.equal((await gw.chat((await page.textContent('#token')).trim(), flat())).status, 200);
      await page.waitForSelector('#keys tr');
      await audit(page, `/request-key ${colorScheme}`);
      await page.goto('/reports');
      await page.waitForSelector('#rows tr');
      await audit(page, `/reports ${colorScheme}`);
    });
}, needsBrowser);

test('browser: the demo prints the dashboard’s address and a key that opens it', { timeout: 120000, ...needsBrowser }, async () => {
  const gw = new Gateway({ ADMIN_API_KEY: null });
  gw.args = ['--demo'];
  try {
    await gw.start();
    await waitUntil(() => gw.logContains(/admin key/), 'it prints its keys');
    const [, address] = /dashboard +(\S+)/.exec(gw.log), [, key] = /admin key +(\S+)/.exec(gw.log);
    assert.equal(address, `${gw.url}/dashboard`);
    await browse(gw, {}, async (page) => {
      await page.goto(address);
      await page.fill('#key', key);
      await page.press('#key', 'Enter');
      await ready(page);
      await page.waitForFunction(() => /demo-large/.test(document.querySelector('#main').textContent));
      assert.equal(await page.locator('.guide').count(), 0, 'there is history: no guide');
    });
  } finally { await gw.stop(); }
});
